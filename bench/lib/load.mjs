// One measurement of one server: wrk on the other core, CPU time of the server's whole process tree for each request.
import { spawnSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, memoryMB } from './proc.mjs';

const UNIT = { us: 0.001, ms: 1, s: 1000, m: 60000 };
const ms = (text) => {
  const m = /^([\d.]+)(us|ms|s|m)$/.exec(text);
  return Number(m[1]) * UNIT[m[2]];
};

function wrk(args, core) {
  return new Promise((done, fail) => {
    const child = spawn('taskset', ['-c', String(core), 'wrk', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const s of [child.stdout, child.stderr]) s.on('data', (d) => (out += d));
    child.on('exit', (code) => (code === 0 ? done(out) : fail(new Error(`wrk: ${out}`))));
  });
}

// Engines compile what is hot during the first seconds, on the server's core: `warm` seconds of load go before what is counted.
export async function measure(server, port, { path = '/', connections = 64, seconds = 4, body = 0, warm = 4, core = 1, headers = {} } = {}) {
  const url = `http://127.0.0.1:${port}${path}`;
  const script = [];
  if (body) {
    const file = join(tmpdir(), `selvage-wrk-${process.pid}.lua`);
    writeFileSync(file, `wrk.method = "POST"\nwrk.headers["content-type"] = "application/octet-stream"\nwrk.body = string.rep("x", ${body})\n`);
    script.push('-s', file);
  }
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const run = (s) => wrk(['-t1', `-c${connections}`, `-d${s}s`, '--latency', '--timeout', '10s', ...fields, ...script, url], core);
  if (warm) await run(warm);
  const before = cpuSeconds(server.pid);
  const out = await run(seconds);
  const cpu = cpuSeconds(server.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(out)[1]);
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0;
  return {
    requests: requests / seconds,
    cpuMicros: (cpu / requests) * 1e6,
    p50: ms(/\n\s+50%\s+(\S+)/.exec(out)[1]),
    p99: ms(/\n\s+99%\s+(\S+)/.exec(out)[1]),
    memory: memoryMB(server.pid),
    errors: Number(errors),
  };
}

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
export const have = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
