// Fairness: what one account's flood does to another account's latency.
//
//   node bench/fair.mjs [--seconds 5] [--connections 64] [--kind hello|cpu|d1|memory] [--interval 5]
//
// A server with two accounts. "steady" asks its worker once every few milliseconds, over one connection, in a process of its own; its p50 and p99 are taken
// without and with "flood", which asks its worker over many connections as fast as answers come, in another process (wrk where it is installed, since a
// client that needs more processor than the server measures itself). Whoever measures goes before everybody else where that is allowed (root). The promise: p99 at most doubles.
import { execFileSync, fork, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { setPriority } from 'node:os';
import { parseArgs } from 'node:util';

const { values: o } = parseArgs({ options: {
  seconds: { type: 'string', default: '5' }, connections: { type: 'string', default: '64' }, interval: { type: 'string', default: '5' },
  kind: { type: 'string', multiple: true, default: [] }, role: { type: 'string' }, port: { type: 'string' }, host: { type: 'string' }, path: { type: 'string' },
} });

const once = (agent, port, host, path) => new Promise((done) => {
  const began = performance.now();
  const req = request({ host: '127.0.0.1', port, path, agent, headers: { host } }, (res) => {
    res.resume();
    res.on('end', () => done({ ms: performance.now() - began, status: res.statusCode }));
  });
  req.on('error', () => done({ ms: performance.now() - began, status: 0 }));
  req.end();
});

async function steady() {
  try { setPriority(-15); } catch {}
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const all = [], open = [];
  for (let i = 0; i < 50; i++) await once(agent, o.port, o.host, o.path);
  process.send('ready');
  const end = performance.now() + Number(o.seconds) * 1000;
  for (let next = performance.now(); next < end; next += Number(o.interval)) {
    while (performance.now() < next) await new Promise((r) => setTimeout(r, Math.max(0, next - performance.now())));
    open.push(once(agent, o.port, o.host, o.path).then((r) => all.push(r)));
  }
  await Promise.all(open);
  agent.destroy();
  process.send({ ms: all.map((r) => r.ms).sort((a, b) => a - b), bad: all.filter((r) => r.status !== 200).length });
}

async function flood() {
  const agent = new Agent({ keepAlive: true, maxSockets: Number(o.connections) });
  let count = 0;
  process.on('message', () => { process.send({ count }); process.exit(0); });
  process.send('ready');
  for (let i = 0; i < Number(o.connections); i++) (async () => { for (;;) { await once(agent, o.port, o.host, o.path); count++; } })();
}

const child = (role, port, host, path, seconds) => {
  const p = fork(fileURLToPath(import.meta.url), ['--role', role, '--port', String(port), '--host', host, '--path', path, '--seconds', String(seconds),
    '--connections', o.connections, '--interval', o.interval]);
  const heard = [], waiting = [];
  p.on('message', (m) => (waiting.shift() ?? ((x) => heard.push(x)))(m));
  return { p, next: () => (heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((r) => waiting.push(r))) };
};

const hasWrk = (() => { try { execFileSync('which', ['wrk'], { stdio: 'ignore' }); return true; } catch { return false; } })();

// Floods until stop(), which gives its requests for each second.
async function startFlood(port, host, path) {
  if (!hasWrk) {
    const began = performance.now(), f = child('flood', port, host, path, 0);
    await f.next();
    return { async stop() { f.p.send('stop'); const { count } = await f.next(); return (count * 1000) / (performance.now() - began); } };
  }
  const p = spawn('wrk', ['-t1', `-c${o.connections}`, `-d${Number(o.seconds) + 60}s`, '-H', `Host: ${host}`, `http://127.0.0.1:${port}${path}`]);
  let out = '';
  p.stdout.on('data', (d) => (out += d));
  return { stop: () => new Promise((done) => { p.on('exit', () => done(Number(/Requests\/sec:\s+(\S+)/.exec(out)?.[1] ?? 0))); p.kill('SIGINT'); }) };
}

const source = `
export default { async fetch(request, env) {
  switch (new URL(request.url).pathname) {
  case '/cpu': { let n = 0; for (let i = 0; i < 2e6; i++) n = (Math.imul(n, 31) + i) | 0; return new Response(String(n)); }
  case '/memory': { const kept = []; for (let i = 0; i < 20000; i++) kept.push({ i, text: 'x' + i }); return new Response(String(kept.length)); }
  case '/d1': return Response.json(await env.DB.prepare('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) SELECT sum(n) AS s FROM c').first());
  case '/one': return Response.json(await env.DB.prepare('SELECT 1 AS one').first());
  default: return new Response('hello');
  } } };`;

async function main() {
  const { startServe } = await import('../test/integ/lib/serve.mjs');
  const { addAccount, deploy } = await import('../test/integ/lib/tenants.mjs');
  const server = await startServe({ domain: 'workers.test' });
  const metadata = { bindings: [{ type: 'd1', name: 'DB', id: 'bench' }] };
  const quantile = (ms, q) => ms[Math.min(ms.length - 1, Math.floor(ms.length * q))];
  const measure = async (path) => {
    const s = child('steady', server.port, 'steady.workers.test', path, Number(o.seconds));
    await s.next();
    const r = await s.next();
    s.p.kill();
    return { p50: quantile(r.ms, 0.5), p99: quantile(r.ms, 0.99), bad: r.bad };
  };
  await deploy(server, await addAccount(server, 'steady'), 'steady', source, metadata);
  await deploy(server, { id: server.account, token: server.token }, 'flood', source, metadata);
  console.log('flood     its requests/s   p50 alone   p50 beside   p99 alone   p99 beside   factor');
  for (const kind of o.kind.length > 0 ? o.kind : ['hello', 'cpu', 'd1']) {
    const path = kind === 'd1' ? '/one' : '/';
    await measure(path); // warm
    const alone = await measure(path);
    const f = await startFlood(server.port, 'flood.workers.test', `/${kind}`);
    await new Promise((r) => setTimeout(r, 1500));
    const beside = await measure(path);
    const rate = await f.stop();
    const ms = (v) => `${v.toFixed(2)} ms`.padStart(9);
    console.log(`${kind.padEnd(9)} ${String(Math.round(rate)).padStart(10)}      ${ms(alone.p50)}   ${ms(beside.p50)}    ${ms(alone.p99)}   ${ms(beside.p99)}     ${(beside.p99 / alone.p99).toFixed(2)}${beside.bad ? `   ${beside.bad} failed` : ''}`);
  }
  await server.stop();
}

await (o.role === 'steady' ? steady() : o.role === 'flood' ? flood() : main());
