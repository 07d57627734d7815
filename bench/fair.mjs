// Fairness: what one account's flood does to another account's latency.
//
//   node bench/fair.mjs [--selvage PATH] [--kind KIND ...] [--rounds 3] [--seconds 2] [--interval 8] [--connections 256] [--limit 2]
//
// A server with two accounts. "steady" is asked once every few milliseconds, whether or not the last answer is there (so that waiting counts), by a process of
// its own; "flood" is asked over many connections as fast as answers come, by another (wrk where it is installed: a client that needs more processor than the
// server measures itself). For each kind of flood, steady's p50 and p99 are taken alone and beside it in turn, several times; what counts is the median of the
// rounds, and the ratio of the two. The promise: p99 at most doubles. Exit status 1: it does not.
//
// Root gives the whole rig, server and clients alike, scheduling groups that go before all else on the machine, and the process that measures never waits for
// a processor (SCHED_FIFO): both spare the figures what others do, and change nothing between the accounts.
import { execFileSync, fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: o } = parseArgs({ options: {
  selvage: { type: 'string' }, kind: { type: 'string', multiple: true, default: [] }, rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '2' }, interval: { type: 'string', default: '8' }, connections: { type: 'string', default: '256' },
  limit: { type: 'string', default: '2' }, role: { type: 'string' }, port: { type: 'string' }, host: { type: 'string' }, path: { type: 'string' },
  flood: { type: 'string' },
} });
if (o.selvage) process.env.SELVAGE = o.selvage;

const COLD = 40; // workers that take turns in starting

// What floods ask, and what steady asks meanwhile: the same kind of work where they could meet in more than the loop.
const kinds = {
  hello: { path: '/' },
  cpu: { path: '/cpu' },              // 5 to 50 ms each
  slow: { path: '/slow' },            // holds its event for a second
  memory: { path: '/memory' },
  body: { path: '/body', bytes: 1 << 20, connections: 32 },
  cold: { path: '/', hosts: COLD },
  kv: { path: '/kv', steady: '/kv' }, // one write, synced
  d1: { path: '/d1', steady: '/d1' },
  sql: { path: '/sql', steady: '/one' }, // a statement that computes
};

const source = `
let n = 0;
export default { async fetch(request, env) {
  switch (new URL(request.url).pathname) {
  case '/cpu': { const end = 1e6 * (1 + (n++ % 10)); let x = 0; for (let i = 0; i < end; i++) x = (Math.imul(x, 31) + i) | 0; return new Response(String(x)); }
  case '/slow': await scheduler.wait(1000); return new Response('slow');
  case '/memory': { const kept = []; for (let i = 0; i < 20000; i++) kept.push({ i, text: 'x' + i }); return new Response(String(kept.length)); }
  case '/body': return new Response(String((await request.arrayBuffer()).byteLength));
  case '/kv': await env.KV.put('key' + (n++ % 1000), 'value'); return new Response('ok');
  case '/d1': await env.DB.prepare('INSERT OR REPLACE INTO t VALUES (?, ?)').bind(n++ % 1000, 'value').run(); return new Response('ok');
  case '/sql': return Response.json(await env.DB.prepare('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT sum(n) AS s FROM c').first());
  case '/one': return Response.json(await env.DB.prepare('SELECT 1 AS one').first());
  case '/setup': await env.DB.exec('CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v TEXT)'); return new Response('ok');
  default: return new Response('hello');
  } } };`;

const floodHost = (i) => `flood${i || ''}.workers.test`;

// ---- clients, each a process ----

const once = (agent, port, host, path, body) => new Promise((done) => {
  const began = performance.now();
  const req = request({ host: '127.0.0.1', port, path, agent, method: body ? 'POST' : 'GET', headers: { host, ...(body ? { 'content-length': body.length } : {}) } }, (res) => {
    res.resume();
    res.on('end', () => done({ ms: performance.now() - began, status: res.statusCode }));
    res.on('error', () => done({ ms: performance.now() - began, status: 0 }));
  });
  req.on('error', () => done({ ms: performance.now() - began, status: 0 }));
  req.end(body);
});

// Asks for one window each time it is told to; connections stay.
async function steady() {
  const agent = new Agent({ keepAlive: true });
  await once(agent, o.port, o.host, '/setup');
  for (let i = 0; i < 50; i++) await once(agent, o.port, o.host, o.path);
  process.on('message', async () => {
    const all = [];
    const begin = performance.now(), end = begin + Number(o.seconds) * 1000;
    for (let next = begin; next < end; next += Number(o.interval)) {
      while (performance.now() < next) await new Promise((r) => setTimeout(r, Math.max(0, next - performance.now())));
      all.push(once(agent, o.port, o.host, o.path));
    }
    const got = await Promise.all(all);
    process.send({ ms: got.map((r) => r.ms).sort((a, b) => a - b), bad: got.filter((r) => r.status !== 200).length });
  });
  process.send('ready');
}

async function flood() {
  const kind = kinds[o.flood];
  const agent = new Agent({ keepAlive: true });
  const body = kind.bytes ? Buffer.alloc(kind.bytes, 'x') : undefined;
  let count = 0, next = 0;
  process.on('message', () => { process.send({ count }); process.exit(0); });
  process.send('ready');
  for (let i = 0; i < Number(o.connections); i++)
    (async () => { for (;;) { await once(agent, o.port, kind.hosts ? floodHost(next++ % kind.hosts) : o.host, o.path, body); count++; } })();
}

const isRoot = process.getuid?.() === 0;
const has = (name) => { try { execFileSync('which', [name], { stdio: 'ignore' }); return true; } catch { return false; } };

const child = (args, exec = {}) => {
  const p = fork(fileURLToPath(import.meta.url), Object.entries({ seconds: o.seconds, interval: o.interval, connections: o.connections, ...args }).flatMap(([k, v]) => [`--${k}`, String(v)]), exec);
  const heard = [], waiting = [];
  p.on('message', (m) => (waiting.shift() ?? ((x) => heard.push(x)))(m));
  return { p, next: () => (heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((r) => waiting.push(r))) };
};

// One thread, which never waits for a processor: what it measures is the server.
const measuring = isRoot && has('chrt') ? { execPath: 'chrt', execArgv: ['-f', '1', process.execPath, '--single-threaded'] } : { execArgv: ['--single-threaded'] };
const hasWrk = has('wrk');

// Floods until stop(), which gives its requests for each second.
async function startFlood(port, name) {
  const kind = kinds[name], connections = kind.connections ?? o.connections;
  if (!hasWrk) {
    const began = performance.now(), f = child({ role: 'flood', port, host: floodHost(0), path: kind.path, flood: name, connections });
    await f.next();
    return { async stop() { f.p.send('stop'); const { count } = await f.next(); return (count * 1000) / (performance.now() - began); } };
  }
  const lua = join(tmpdir(), `selvage-fair-${process.pid}.lua`);
  writeFileSync(lua, `${kind.bytes ? `wrk.method = "POST"\nwrk.body = string.rep("x", ${kind.bytes})\n` : ''}${kind.hosts ? `
local n = 0
function request()
  n = n + 1
  local i = n % ${kind.hosts}
  return wrk.format(nil, nil, { Host = "flood" .. (i == 0 and "" or i) .. ".workers.test" })
end\n` : ''}`);
  const p = spawn('wrk', ['-t1', `-c${connections}`, '-d600s', '--timeout', '30s', '-s', lua, '-H', `Host: ${floodHost(0)}`, `http://127.0.0.1:${port}${kind.path}`]);
  let out = '';
  p.stdout.on('data', (d) => (out += d));
  p.stderr.on('data', (d) => (out += d));
  return { stop: () => new Promise((done) => {
    p.on('exit', () => { rmSync(lua, { force: true }); done(Number(/Requests\/sec:\s+(\S+)/.exec(out)?.[1] ?? 0)); });
    p.kill('SIGINT');
  }) };
}

// ---- the rig ----

const quantile = (ms, q) => ms[Math.min(ms.length - 1, Math.floor(ms.length * q))];
const median = (values) => quantile([...values].sort((a, b) => a - b), 0.5);

// Every session of the tree below pid: its scheduling group goes first.
function goFirst(pid) {
  try {
    const of = new Map(readdirSync('/proc').filter((n) => /^\d+$/.test(n)).flatMap((n) => {
      try { return [[Number(n), Number(readFileSync(`/proc/${n}/stat`, 'utf8').split(') ')[1].split(' ')[1])]]; } catch { return []; }
    }));
    const below = (n) => n === pid || (of.has(n) && of.get(n) > 1 && below(of.get(n)));
    for (const n of of.keys()) if (below(n)) writeFileSync(`/proc/${n}/autogroup`, '-20');
  } catch {}
}

async function main() {
  const { startServe } = await import('../test/integ/lib/serve.mjs');
  const { addAccount, deploy } = await import('../test/integ/lib/tenants.mjs');
  const server = await startServe({ domain: 'workers.test' });
  const metadata = { bindings: [{ type: 'd1', name: 'DB', id: 'bench' }, { type: 'kv_namespace', name: 'KV', namespace_id: 'bench' }] };
  const flooder = { id: server.account, token: server.token };
  const wanted = o.kind.length > 0 ? o.kind : Object.keys(kinds);
  await deploy(server, await addAccount(server, 'steady'), 'steady', source, metadata);
  await deploy(server, flooder, 'flood', source, metadata);
  if (wanted.includes('cold')) for (let i = 1; i < COLD; i++) await deploy(server, flooder, `flood${i}`, source);
  await once(undefined, server.port, floodHost(0), '/setup');
  goFirst(process.pid);
  goFirst(server.pid);

  console.log('flood     its requests/s   p50 alone   p50 beside   p99 alone   p99 beside   factor   rounds');
  let worst = 0, failed = 0;
  for (const name of wanted) {
    const s = child({ role: 'steady', port: server.port, host: 'steady.workers.test', path: kinds[name].steady ?? '/' }, measuring);
    await s.next();
    const measure = async () => {
      s.p.send('go');
      const { ms, bad } = await s.next();
      failed += bad;
      return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) };
    };
    const alone = [], beside = [], rates = [];
    await measure(); // warm
    for (let i = 0; i < Number(o.rounds); i++) {
      alone.push(await measure());
      const f = await startFlood(server.port, name);
      await new Promise((r) => setTimeout(r, 1000));
      goFirst(server.pid); // isolates may have sessions of their own
      beside.push(await measure());
      rates.push(await f.stop());
      await new Promise((r) => setTimeout(r, 500)); // what was begun ends
    }
    s.p.kill();
    const mid = (list, key) => median(list.map((r) => r[key]));
    const factor = mid(beside, 'p99') / mid(alone, 'p99');
    const ms = (v) => `${v.toFixed(2)} ms`.padStart(10);
    worst = Math.max(worst, factor);
    console.log(`${name.padEnd(9)} ${String(Math.round(median(rates))).padStart(14)}  ${ms(mid(alone, 'p50'))}  ${ms(mid(beside, 'p50'))}   ${ms(mid(alone, 'p99'))}  ${ms(mid(beside, 'p99'))}   ${factor.toFixed(2).padStart(6)}   ${
      beside.map((b, i) => (b.p99 / alone[i].p99).toFixed(2)).join(' ')}`);
  }
  await server.stop();
  const kept = worst <= Number(o.limit) && failed === 0;
  console.log(`\n${kept ? 'kept' : 'NOT KEPT'}: the worst flood raises another account's p99 ${worst.toFixed(2)} times (${o.limit} at most)${failed ? `; ${failed} of its requests failed` : ''}`);
  process.exitCode = kept ? 0 : 1;
}

await (o.role === 'steady' ? steady() : o.role === 'flood' ? flood() : main());
