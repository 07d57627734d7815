// What the kernel says of a tree of processes: CPU time, memory; and starting, pinning and ending one.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { request } from 'node:http';

const TICKS = 100; // USER_HZ of Linux

function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const rest = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { ppid: Number(rest[1]), session: Number(rest[3]), cpu: (Number(rest[11]) + Number(rest[12]) + Number(rest[13]) + Number(rest[14])) / TICKS };
  } catch {
    return null;
  }
}

// Every living process of the session that `pid` leads, and its descendants.
export function tree(pid) {
  const all = readdirSync('/proc').filter((d) => /^\d+$/.test(d)).map(Number);
  const stats = new Map(all.map((p) => [p, stat(p)]).filter(([, s]) => s));
  const found = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [p, s] of stats) {
      if (!found.has(p) && (found.has(s.ppid) || s.session === pid)) {
        found.add(p);
        grew = true;
      }
    }
  }
  return [...found].filter((p) => stats.has(p));
}

// Nanoseconds on a processor, of all threads of the tree; exact where the kernel has schedstat, else ticks.
export function cpuSeconds(pid) {
  let sum = 0;
  for (const p of tree(pid)) {
    try {
      for (const t of readdirSync(`/proc/${p}/task`)) sum += Number(readFileSync(`/proc/${p}/task/${t}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
    } catch {
      sum += stat(p)?.cpu ?? 0;
    }
  }
  return sum;
}

// Proportional set size in MB: memory shared between the processes of a tree counts once.
export function memoryMB(pid) {
  let kb = 0;
  for (const p of tree(pid)) {
    try {
      kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${p}/smaps_rollup`, 'utf8'))[1]);
    } catch {}
  }
  return kb / 1024;
}

export const freePort = () => new Promise((done) => {
  const s = createServer();
  s.listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => done(port));
  });
});

export const ask = (port, path = '/') => new Promise((done, fail) => {
  const r = request({ host: '127.0.0.1', port, path, agent: false, timeout: 5000 }, (res) => {
    let n = 0;
    res.on('data', (c) => (n += c.length));
    res.on('end', () => done({ status: res.statusCode, bytes: n }));
    res.on('error', fail);
  });
  r.on('timeout', () => r.destroy(new Error('timeout')));
  r.on('error', fail);
  r.end();
});

export class Server {
  // command: [program, ...args]; runs on one core when `core` is a number.
  constructor(command, { cwd, env, core } = {}) {
    const full = core === undefined ? command : ['taskset', '-c', String(core), ...command];
    this.started = process.hrtime.bigint();
    this.child = spawn(full[0], full.slice(1), { cwd, env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    for (const s of [this.child.stdout, this.child.stderr]) s.on('data', (d) => (this.output = (this.output + d).slice(-4000)));
  }
  get pid() {
    return this.child.pid;
  }
  // Milliseconds from the start of the process to the first answer below 500.
  async ready(port, { path = '/', patience = 60000 } = {}) {
    for (;;) {
      try {
        if ((await ask(port, path)).status < 500) return Number(process.hrtime.bigint() - this.started) / 1e6;
      } catch {}
      if (this.child.exitCode !== null || Number(process.hrtime.bigint() - this.started) / 1e6 > patience)
        throw new Error(`no answer; last output:\n${this.output}`);
      await new Promise((r) => setTimeout(r, 2));
    }
  }
  async stop() {
    const pids = tree(this.pid);
    try { process.kill(-this.pid, 'SIGTERM'); } catch {}
    for (let i = 0; i < 40 && this.child.exitCode === null && this.child.signalCode === null; i++) await new Promise((r) => setTimeout(r, 50));
    for (const p of pids) try { process.kill(p, 'SIGKILL'); } catch {}
    await new Promise((r) => setTimeout(r, 100));
  }
}
process.setMaxListeners(0);
