#!/usr/bin/env node
// Measures selvage against its peers in one run and prints ratios. See docs/internals/bench.md.
// usage: node bench/run.mjs --selvage PATH [--only hello,hono] [--peers selvage,workerd] [--seconds 4] [--rounds 3] [--json]
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { peers, bundle } from './lib/peers.mjs';
import { Server, ask, freePort, memoryMB } from './lib/proc.mjs';
import { measure, median } from './lib/load.mjs';
import { openConnections, openSockets } from './lib/sockets.mjs';

const { values: opt } = parseArgs({
  options: {
    selvage: { type: 'string' }, only: { type: 'string' }, peers: { type: 'string' }, seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false },
  },
});
if (!opt.selvage) {
  console.error('usage: node bench/run.mjs --selvage PATH [--only NAMES] [--peers NAMES] [--seconds N] [--rounds N] [--json]');
  process.exit(2);
}
const loads = {
  hello: { title: 'hello world' },
  hono: { title: 'Hono, 20 routes, one middleware, JSON', path: '/orders/42?q=x' },
  json: { title: 'JSON, 2.5 KB parsed and serialised' },
  echo: { title: 'echo of 1 MB', body: 1 << 20, connections: 8 },
  stream: { title: 'response of 1 MB streamed from JavaScript', connections: 8 },
  // Routes of one worker, each beside the first, which uses no store. `sql`: Bun with bun:sqlite answers it too.
  plain: { title: 'Hono route without a store, 1 KB', worker: 'stores', path: '/plain', sql: true },
  kvget: { title: 'KV get, 1 KB', worker: 'stores', path: '/kv/get' },
  kvput: { title: 'KV put, 1 KB', worker: 'stores', path: '/kv/put' },
  d1select: { title: 'D1 select of one row', worker: 'stores', path: '/d1/select', sql: true },
  d1insert: { title: 'D1 insert of one row', worker: 'stores', path: '/d1/insert', sql: true },
  d1batch: { title: 'D1 batch of ten inserts', worker: 'stores', path: '/d1/batch', sql: true },
  r2get: { title: 'R2 get, 1 KB', worker: 'stores', path: '/r2/get' },
  r2put: { title: 'R2 put, 1 KB', worker: 'stores', path: '/r2/put' },
  r2large: { title: 'R2 get, 10 MB', worker: 'stores', path: '/r2/large', connections: 8 },
  r2upload: { title: 'R2 put of a request body, 10 MB', worker: 'stores', path: '/r2/put', body: 10 << 20, connections: 8 },
  doone: { title: 'Durable Object increment, one object', worker: 'stores', path: '/do/one' },
  domany: { title: 'Durable Object increment, a hundred objects', worker: 'stores', path: '/do/many' },
  // Models; beside `bao`, which the others are compared with here, the package on our store and on dynalite.
  baofind: { title: 'model: find', worker: 'bao', path: '/find', base: 'bao' },
  baobatch: { title: 'model: 20 finds in a batch context', worker: 'bao', path: '/batch', base: 'bao' },
  baocreate: { title: 'model: create with a unique constraint', worker: 'bao', path: '/create', base: 'bao', not: ['dynalite'] },
  queue: { title: 'queue send, consumed meanwhile', worker: 'stores', path: '/queue/send' },
};
const wantedPeers = opt.peers?.split(',') ?? Object.keys(peers);
const wanted = opt.only?.split(',') ?? [...Object.keys(loads), 'sockets', 'connections', 'start', 'isolates'];
const results = {};
const say = (s = '') => opt.json || console.log(s);
const f = (n, d = 1) => (n === undefined ? '-' : n.toFixed(d));

async function withServer(peer, name, core, work) {
  const port = await freePort();
  const how = peers[peer].start(name, port, { selvage: opt.selvage });
  const server = new Server(how.command, { cwd: how.cwd, env: how.env, core });
  try {
    const first = await server.ready(port);
    return await work(server, port, first);
  } finally {
    await server.stop();
  }
}
const eligible = (peer, name, load = {}) => {
  const worker = load.worker ?? name;
  return (!peers[peer].only || peers[peer].only.includes(worker)) && !peers[peer].without?.includes(worker) && !load.not?.includes(peer) && (peer !== 'bun' || !load.worker || load.sql);
};

for (const name of Object.keys(loads).filter((n) => wanted.includes(n))) {
  const load = loads[name];
  const samples = {};
  for (let round = 0; round < Number(opt.rounds); round++) {
    for (const peer of wantedPeers.filter((p) => eligible(p, name, load))) {
      try {
        const m = await withServer(peer, load.worker ?? name, 0, async (server, port) => {
          if (load.worker) await ask(port, '/seed');
          return measure(server, port, { ...load, seconds: Number(opt.seconds) });
        });
        (samples[peer] ??= []).push(m);
      } catch (e) {
        say(`${name}, ${peer}: ${e.message}`);
      }
    }
  }
  const rows = (results[name] = {});
  for (const [peer, list] of Object.entries(samples)) {
    rows[peer] = Object.fromEntries(Object.keys(list[0]).map((k) => [k, median(list.map((m) => m[k]))]));
    const base = samples[load.base ?? 'selvage'];
    rows[peer].ratio = base && median(list.map((m, i) => m.cpuMicros / base[Math.min(i, base.length - 1)].cpuMicros));
  }
  say(`\n${load.title} (${load.connections ?? 64} connections, one core, medians of ${opt.rounds})`);
  say(`  server     CPU us/req  x ${load.base ?? 'selvage'}     req/s   p50 ms   p99 ms   MB`);
  for (const [peer, r] of Object.entries(rows))
    say(`  ${peer.padEnd(9)} ${f(r.cpuMicros).padStart(11)} ${f(r.ratio, 2).padStart(10)} ${f(r.requests, 0).padStart(9)} ${f(r.p50, 2).padStart(8)} ${f(r.p99, 2).padStart(8)} ${f(r.memory, 0).padStart(4)}${r.errors ? `  ${r.errors} errors` : ''}`);
}

// Memory of the whole tree before and after `count` idle connections of one kind.
async function idle(what, worker, count, open, others = []) {
  results[what] = {};
  say(`\n${count.toLocaleString('en')} idle ${what === 'sockets' ? 'WebSockets' : 'keep-alive connections'}: memory of the whole tree`);
  for (const peer of wantedPeers.filter((p) => eligible(p, worker) && !peers[p].only && !others.includes(p))) {
    try {
      const r = await withServer(peer, worker, undefined, async (server, port) => {
        const before = memoryMB(server.pid);
        const close = await open(port, count);
        await new Promise((done) => setTimeout(done, 1500));
        const after = memoryMB(server.pid);
        close();
        return { before, after, each: ((after - before) * 1024) / count };
      });
      results[what][peer] = r;
      say(`  ${peer.padEnd(9)} ${f(r.before, 0)} MB before, ${f(r.after, 0)} MB after, ${f(r.each)} KB each`);
    } catch (e) {
      say(`  ${peer}: ${e.message}`);
    }
  }
}
if (wanted.includes('sockets')) await idle('sockets', 'ws', 1000, openSockets);
if (wanted.includes('connections')) await idle('connections', 'hello', 10000, openConnections, ['wrangler']);

if (wanted.includes('start')) {
  results.start = {};
  say(`\nstart: command to first answered request, ms (median of ${opt.rounds}; bundled beforehand)`);
  bundle('hello');
  for (const peer of wantedPeers.filter((p) => p !== 'epoll')) {
    try {
      const list = [];
      for (let i = 0; i < Number(opt.rounds); i++) list.push(await withServer(peer, 'hello', undefined, (server, port, first) => first));
      results.start[peer] = median(list);
      say(`  ${peer.padEnd(9)} ${f(results.start[peer], 0).padStart(6)}  ${results.start.selvage ? f(results.start[peer] / results.start.selvage, 1) + ' x selvage' : ''}`);
    } catch (e) {
      say(`  ${peer}: ${e.message}`);
    }
  }
}

if (wanted.includes('isolates')) {
  const program = join(dirname(opt.selvage), '..', 'bench', 'isolate_start');
  const run = spawnSync(program, { encoding: 'utf8', timeout: 200000 });
  say('\nisolate start: decision to ready, ms');
  if (run.status !== 0) say(`  ${program}: ${run.error?.message ?? run.stderr}`);
  results.isolates = {};
  for (const line of (run.stdout ?? '').trim().split('\n').filter((l) => l && !l.startsWith('#'))) {
    const [way, count, low, middle, high] = line.split(' ');
    results.isolates[way] = { low: low / 1000, median: middle / 1000, high: high / 1000 };
    say(`  ${way.padEnd(10)} ${f(middle / 1000).padStart(7)}  (${f(low / 1000)} to ${f(high / 1000)}, ${count} starts)`);
  }
}
if (opt.json) console.log(JSON.stringify(results, null, 1));
process.exit(0);
