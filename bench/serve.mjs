#!/usr/bin/env node
// A server with many workers: routing with 1, 10 and 1,000 of them deployed, memory with 1,000 deployed and 50 in use, the first
// request to a worker that has no isolate, and the way from a command to the first answer of the new version.
// usage: node bench/serve.mjs --selvage PATH [--seconds 4] [--workers 1,10,1000] [--active 50] [--json]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure, median } from './lib/load.mjs';
import { memoryMB, tree } from './lib/proc.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values: opt } = parseArgs({ options: {
  selvage: { type: 'string', default: join(here, '../build/src/selvage') }, seconds: { type: 'string', default: '4' },
  workers: { type: 'string', default: '1,10,1000' }, active: { type: 'string', default: '50' }, json: { type: 'boolean', default: false },
} });
process.env.SELVAGE = opt.selvage;
const { startServe } = await import('../test/integ/lib/serve.mjs');
const { addAccount, deploy } = await import('../test/integ/lib/tenants.mjs');
const say = (s = '') => opt.json || console.log(s);
const figures = {};

const source = 'export default { fetch() { return new Response("hello world") } }';
const get = (server, host, agent) => new Promise((done, fail) => {
  const began = performance.now();
  const r = request({ host: '127.0.0.1', port: server.port, path: '/', agent, headers: { host } }, (res) => {
    let text = '';
    res.on('data', (d) => (text += d));
    res.on('end', () => done({ ms: performance.now() - began, status: res.statusCode, text }));
  });
  r.on('error', fail);
  r.end();
});

// An account has at most 500 workers.
async function upload(server, number) {
  server.owners ??= [{ id: server.account, token: server.token }];
  while (server.owners.length <= number / 500) server.owners.push(await addAccount(server, `more${server.owners.length}`));
  await deploy(server, server.owners[Math.floor(number / 500)], `w${number}`, source, {});
}

async function routing() {
  const counts = opt.workers.split(',').map(Number).sort((a, b) => a - b);
  const server = await startServe({ domain: 'bench.test' });
  let deployed = 0;
  say('workers deployed   CPU us/request   requests/s   p99 ms');
  for (const count of counts) {
    for (; deployed < count; deployed++) await upload(server, deployed);
    // wrk sends the Host header of its -H
    const r = await measure(server, server.port, { seconds: Number(opt.seconds), headers: { Host: 'w0.bench.test' } });
    figures[`routing${count}`] = r;
    say(`${String(count).padStart(16)}   ${r.cpuMicros.toFixed(1).padStart(14)}   ${r.requests.toFixed(0).padStart(10)}   ${r.p99.toFixed(2).padStart(6)}${r.errors ? `   ${r.errors} errors` : ''}`);
  }
  const idle = memoryMB(server.pid);
  const agent = new Agent({ keepAlive: true });
  const cold = [];
  for (let i = 1; i <= Math.min(Number(opt.active), deployed - 1); i++) cold.push((await get(server, `w${i}.bench.test`, agent)).ms);
  agent.destroy();
  figures.cold = { p50: median(cold), worst: Math.max(...cold) };
  figures.memory = { deployed, one: idle, active: cold.length, many: memoryMB(server.pid), processes: tree(server.pid).length };
  say();
  say(`first request to a worker without an isolate: p50 ${figures.cold.p50.toFixed(1)} ms, worst ${figures.cold.worst.toFixed(1)} ms (${cold.length} workers)`);
  say(`memory of all processes (PSS): ${deployed} deployed and 1 in use ${idle.toFixed(0)} MB, ${cold.length + 1} in use ${figures.memory.many.toFixed(0)} MB`);
  const again = performance.now();
  await server.stop();
  const back = await startServe({ domain: 'bench.test', known: server });
  await get(back, 'w0.bench.test');
  figures.restart = performance.now() - again;
  say(`stop, start and the first answer with ${deployed} deployed: ${figures.restart.toFixed(0)} ms`);
  await back.stop();
}

// A worker of about 1 MB, by our own verb and by wrangler: from the command until the new version answers.
async function deploying() {
  const server = await startServe({ domain: 'bench.test' });
  const dir = mkdtempSync(join(tmpdir(), 'selvage-bench-deploy-'));
  const filler = Array.from({ length: 9000 }, (_, i) => `export const word${i} = ${JSON.stringify(`value ${i} ${'abcdefghij'.repeat(9)}`)};`).join('\n');
  mkdirSync(join(dir, 'src'));
  writeFileSync(join(dir, 'src/words.js'), filler);
  writeFileSync(join(dir, 'wrangler.toml'), 'name = "large"\nmain = "src/index.js"\ncompatibility_date = "2026-01-01"\n');
  const env = { ...process.env, ...server.env };
  const wrangler = join(here, '../test/wrangler/pinned/node_modules/wrangler/bin/wrangler.js');
  const ways = [['selvage deploy', [opt.selvage, 'deploy']], ...(existsSync(wrangler) ? [['wrangler deploy', [process.execPath, wrangler, 'deploy']]] : [])];
  let n = 0;
  say();
  for (const [name, command] of ways) {
    const times = [];
    for (let i = 0; i < 3; i++) {
      const mark = `version ${++n}`;
      writeFileSync(join(dir, 'src/index.js'), `import * as words from "./words.js";\nexport default { fetch() { return new Response(words.word1 ? ${JSON.stringify(mark)} : Object.values(words).join()) } };`);
      const began = performance.now();
      const r = spawnSync(command[0], command.slice(1), { cwd: dir, env, encoding: 'utf8' });
      if (r.status !== 0) throw new Error(`${name}: ${r.stdout}${r.stderr}`);
      while ((await get(server, 'large.bench.test')).text !== mark) continue;
      times.push(performance.now() - began);
    }
    figures[name] = median(times);
    say(`${name} of 1 MB, command to first answer: ${median(times).toFixed(0)} ms`);
  }
  rmSync(dir, { recursive: true });
  await server.stop();
}

await routing();
await deploying();
if (opt.json) console.log(JSON.stringify(figures, null, 2));
