// Durable Objects through `selvage dev`: storage, gates, alarms, errors, and what is left when processes are killed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { dev, project, sleep, until } from './lib/selvage.mjs';

const toml = `name = "objects"
main = "index.js"
compatibility_date = "2026-06-01"
[[durable_objects.bindings]]
name = "THING"
class_name = "Thing"
[[durable_objects.bindings]]
name = "OLD"
class_name = "Old"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Thing"]
new_classes = ["Old"]
`;
const source = `
import { DurableObject, RpcTarget } from 'cloudflare:workers';
const tried = async (f) => { try { return await f(); } catch (e) { return e.name + ': ' + e.message; } };
export class Thing extends DurableObject {
  born = crypto.randomUUID();
  async add(key, n = 1) { const v = ((await this.ctx.storage.get(key)) ?? 0) + n; await this.ctx.storage.put(key, v); return v; }
  async log(n) { this.ctx.storage.kv.put('last', n); this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS log(n INTEGER PRIMARY KEY)'); this.ctx.storage.sql.exec('INSERT INTO log VALUES (?)', n); return n; }
  state() {
    const { sql, kv } = this.ctx.storage;
    const there = sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 'log'").one().n;
    return { last: kv.get('last') ?? 0, count: there ? sql.exec('SELECT count(*) AS n FROM log').one().n : 0, max: there ? sql.exec('SELECT max(n) AS n FROM log').one().n ?? 0 : 0 };
  }
  get(key) { return this.ctx.storage.get(key); }
  born_() { return this.born; }
  async limits() {
    const s = this.ctx.storage, keys = (n) => Array.from({ length: n }, (_, i) => 'k' + i);
    const all = (n) => Object.fromEntries(keys(n).map((k) => [k, 1]));
    const big = (n) => tried(async () => { await s.put('big', new Uint8Array(n)); return (await s.get('big')).byteLength; });
    return [await tried(() => s.put(all(128))), await tried(() => s.put(all(129))), await tried(async () => (await s.get(keys(128))).size),
      await tried(() => s.get(keys(129))), await tried(() => s.delete(keys(129))), await tried(() => s.delete(keys(128))), await big(2097152), await big(2200001)];
  }
  async socketLimits() {
    const { ctx } = this, pair = () => new WebSocketPair()[1], x = (n) => 'x'.repeat(n);
    const tags = (list) => tried(() => ctx.acceptWebSocket(pair(), list)), auto = (a, b) => tried(() => ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(x(a), x(b))));
    const ws = pair();
    return [await tags(Array.from({ length: 10 }, (_, i) => 't' + i)), await tags(Array.from({ length: 11 }, (_, i) => 't' + i)), await tags([x(256)]), await tags([x(257)]),
      await tried(() => ws.serializeAttachment(x(16379))), await tried(() => ws.serializeAttachment(x(16380))), await auto(2048, 2048), await auto(2049, 0), await auto(0, 2049),
      await tried(() => ctx.setHibernatableWebSocketEventTimeout(604800000)), await tried(() => ctx.setHibernatableWebSocketEventTimeout(604800001)), ctx.getHibernatableWebSocketEventTimeout()];
  }
  async nested(depth) { const go = (n) => n === 0 ? 'deep' : this.ctx.blockConcurrencyWhile(() => go(n - 1)); return tried(() => this.ctx.blockConcurrencyWhile(async () => tried(() => go(depth - 1)))); }
  async ring(ms, mode) { await this.ctx.storage.put({ mode, rings: [] }); await this.ctx.storage.setAlarm(Date.now() + ms); return this.ctx.storage.getAlarm(); }
  async rings() { return { rings: await this.ctx.storage.get('rings'), pending: await this.ctx.storage.getAlarm() }; }
  async alarm(info) {
    const rings = (await this.ctx.storage.get('rings')) ?? [];
    rings.push([info.retryCount, info.isRetry, await this.ctx.storage.getAlarm()]);
    await this.ctx.storage.put('rings', rings);
    const mode = await this.ctx.storage.get('mode');
    if (mode === 'again' && rings.length < 3) await this.ctx.storage.setAlarm(Date.now() + 5);
    if (mode === 'fail once' && rings.length === 1) throw new Error('the alarm failed');
  }
  async fetch(request) {
    const path = new URL(request.url).pathname;
    if (path === '/abort') { this.ctx.storage.put('lost', 1); this.ctx.abort('that is it'); }
    if (path === '/throw') throw new RangeError('thrown inside');
    if (path === '/block') await this.ctx.blockConcurrencyWhile(async () => { throw new TypeError('in the section'); });
    if (path === '/stream') { const { readable, writable } = new TransformStream(); const w = writable.getWriter(); (async () => { for (let i = 0; i < 5; i++) { await w.write(new TextEncoder().encode('part' + i + ';')); await scheduler.wait(2); } await w.close(); })(); return new Response(readable); }
    return new Response(request.method + ' ' + await request.text());
  }
  async section(ms) { return this.ctx.blockConcurrencyWhile(async () => { const n = (await this.ctx.storage.get('s')) ?? 0; await scheduler.wait(ms); await this.ctx.storage.put('s', n + 1); return n + 1; }); }
  counted() { return this.handed ??= new Handed(this); }
  given() { return this.disposed ?? 0; }
  forget() { this.ctx.abort('forgotten'); }
  later() { setTimeout(() => this.ctx.storage.put('later', 1), 10); return 'soon'; }
  target() { return { add: (n) => this.add('t', n) }; }
}
class Handed extends RpcTarget {
  #of;
  constructor(of) { super(); this.#of = of; }
  up() { return this.#of.add('handed'); }
  [Symbol.dispose]() { this.#of.disposed = (this.#of.disposed ?? 0) + 1; this.#of.handed = undefined; }
}
export class Old {
  constructor(state) { this.s = state.storage; }
  async fetch() {
    const s = this.s, key = (n) => tried(() => s.put('k'.repeat(n), 1)), value = (n) => tried(() => s.put('v', new Uint8Array(n)));
    return Response.json([await key(2048), await key(2049), await value(131072), await value(131200), await tried(() => s.sql.exec('SELECT 1')), await tried(() => s.kv.get('a'))]);
  }
}
export default { async fetch(request, env) {
  const url = new URL(request.url), [, name, method, ...rest] = url.pathname.split('/');
  if (name === 'old') return env.OLD.get(env.OLD.idFromName('old')).fetch(request);
  if (method === 'sections') return Response.json(await Promise.all([1, 1, 0].map((section) => section ? env.THING.getByName(name).section(5) : env.THING.getByName(name).add('s'))));
  if (method === 'handed') {
    const stub = env.THING.getByName(name), out = [];
    { using c = await stub.counted(); out.push(await c.up(), await c.up()); }
    while (await stub.given() < 1) await scheduler.wait(2);
    const c = await stub.counted();
    out.push(await c.up());
    await tried(() => stub.forget());
    return Response.json([...out, (await tried(() => c.up())).slice(0, 5), await env.THING.getByName(name).add('handed')]);
  }
  const stub = env.THING.getByName ? env.THING.getByName(name) : env.THING.get(env.THING.idFromName(name));
  try {
    if (method === 'fetch') return await stub.fetch('http://thing/' + rest.join('/'), request.method === 'GET' ? {} : { method: request.method, body: request.body });
    const value = await stub[method](...rest.map((x) => JSON.parse(decodeURIComponent(x))));
    return Response.json(value ?? null);
  } catch (e) { return Response.json({ error: e.name + ': ' + e.message, reset: e.durableObjectReset, remote: e.remote, retryable: e.retryable }, { status: 500 }); }
} };
`;
const start = (dir) => dev(dir ?? project({ 'wrangler.toml': toml, 'index.js': source }));
const json = async (s, path, init) => (await s.fetch(path, init)).json();

// Processes of this server that run an isolate.
function isolates(s) {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).map(([, pid, parent, args]) => ({ pid: +pid, parent: +parent, args }));
  const found = [];
  for (let front = [s.child.pid]; front.length > 0; ) {
    const next = rows.filter((r) => front.includes(r.parent));
    found.push(...next);
    front = next.map((r) => r.pid);
  }
  return found.filter((p) => p.args.startsWith('selvage: isolate objects')).map((p) => p.pid);
}

test('calls by RPC and fetch reach one instance, whose writes are there after a restart', async () => {
  const s = await start();
  for (let i = 1; i <= 3; i++) assert.equal(await json(s, '/a/add/%22n%22'), i);
  assert.equal(await json(s, '/b/add/%22n%22'), 1);
  assert.equal(await (await s.fetch('/a/fetch/x', { method: 'POST', body: 'hello' })).text(), 'POST hello');
  assert.equal(await (await s.fetch('/a/fetch/stream')).text(), 'part0;part1;part2;part3;part4;');
  const born = await json(s, '/a/born_');
  assert.equal(await json(s, '/a/born_'), born);
  assert.equal(await json(s, '/a/later'), 'soon');
  await until(async () => (await json(s, '/a/get/%22later%22')) === 1, 'the timer of a call that is over');
  await s.stop();
  const again = await dev(s.cwd);
  assert.equal(await json(again, '/a/add/%22n%22'), 4);
  assert.notEqual(await json(again, '/a/born_'), born);
  await again.stop();
});

test('concurrent calls count one by one', async () => {
  const s = await start();
  const got = await Promise.all(Array.from({ length: 40 }, () => json(s, '/c/add/%22n%22')));
  assert.deepEqual(got.sort((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i + 1));
  await s.stop();
});

test('a section that a call begins keeps out those that came after it', async () => {
  const s = await start();
  assert.deepEqual(await json(s, '/order/sections'), [1, 2, 3]);
  await s.stop();
});

test('what an object hands out runs in the object, is disposed of there, and ends with it', async () => {
  const s = await start();
  assert.deepEqual(await json(s, '/hands/handed'), [1, 2, 3, 'Error', 4]);
  await s.stop();
});

test('limits of keys and values hold at the limit and one past it', async () => {
  const s = await start();
  assert.deepEqual(await json(s, '/l/limits'), [null, 'RangeError: Maximum number of pairs is 128.', 128, 'RangeError: Maximum number of keys is 128.',
    'RangeError: Maximum number of keys is 128.', 128, 2097152, 'Error: string or blob too big: SQLITE_TOOBIG']);
  const old = await json(s, '/old');
  assert.deepEqual(old.slice(0, 3), [null, 'RangeError: Keys cannot be larger than 2048 bytes. A key of size 2049 was provided.', null]);
  assert.match(old[3], /^RangeError: Values cannot be larger than 131072 bytes\. A value of size \d+ was provided\.$/);
  assert.match(old[4], /^Error: SQL is not enabled for this Durable Object class\..*new_sqlite_classes/);
  assert.match(old[5], /^Error: The storage\.kv \(synchronous KV\) API is only available/);
  await s.stop();
});

test('limits of hibernating sockets and of nested sections hold at the limit and one past it', async () => {
  const s = await start();
  const x257 = 'x'.repeat(257);
  assert.deepEqual(await json(s, '/l/socketLimits'), [null, 'Error: a Hibernatable WebSocket cannot have more than 10 tags', null, `Error: "${x257}" is longer than the max tag length (256 characters).`,
    null, "Error: A WebSocket 'attachment' cannot be larger than 16384 bytes.'attachment' was 16385 bytes.", null, 'RangeError: Request cannot be larger than 2048 bytes. A request of size 2049 was provided.',
    'RangeError: Response cannot be larger than 2048 bytes. A response of size 2049 was provided.', null, 'Error: Event timeout should not exceed 604800000 ms.', 604800000]);
  assert.equal(await json(s, '/n/nested/64'), 'deep');
  assert.equal((await json(s, '/m/nested/65')).error ?? (await json(s, '/n2/nested/65')), 'Error: blockConcurrencyWhile() calls are nested too deeply.');
  await s.stop();
});

test('errors say whether the object was reset, and the next call finds a new instance', async () => {
  const s = await start();
  assert.equal(await json(s, '/e/add/%22n%22'), 1);
  const born = await json(s, '/e/born_');
  assert.deepEqual(await json(s, '/e/fetch/throw'), { error: 'RangeError: thrown inside', remote: true });
  assert.equal(await json(s, '/e/born_'), born);
  assert.deepEqual(await json(s, '/e/fetch/abort'), { error: 'Error: that is it', reset: true, remote: true });
  assert.notEqual(await json(s, '/e/born_'), born);
  assert.equal(await json(s, '/e/get/%22lost%22'), null);
  assert.equal(await json(s, '/e/get/%22n%22'), 1);
  assert.deepEqual(await json(s, '/e/fetch/block'), { error: 'TypeError: in the section', reset: true, remote: true });
  assert.equal(await json(s, '/e/add/%22n%22'), 2);
  await s.stop();
});

test('alarms ring, ring again, are retried, and ring after a restart', async () => {
  const s = await start();
  await json(s, '/again/ring/5/%22again%22');
  await json(s, '/fails/ring/5/%22fail once%22');
  await json(s, '/far/ring/3000/%22%22');
  const rings = await until(async () => { const r = await json(s, '/again/rings'); return r.rings.length === 3 && r.pending === null && r.rings; }, 'three rings');
  assert.deepEqual(rings, [[0, false, null], [0, false, null], [0, false, null]]);
  const failed = await until(async () => { const r = await json(s, '/fails/rings'); return r.rings.length === 2 && r.pending === null && r.rings; }, 'a second try');
  assert.deepEqual(failed.map((r) => r.slice(0, 2)), [[0, false], [1, true]]);
  await s.stop('SIGKILL');
  const again = await dev(s.cwd);
  const far = await until(async () => { const r = await json(again, '/far/rings'); return r.rings.length === 1 && r.rings; }, 'the alarm that was set before the restart');
  assert.deepEqual(far, [[0, false, null]]);
  await again.stop();
});

// Clients count up in objects of their own and keep what was acknowledged.
async function underLoad(s, names, acknowledged, kill) {
  let over = false;
  const clients = names.map(async (name) => {
    for (let n = acknowledged[name] + 1; !over; ) {
      try {
        const r = await s.fetch(`/${name}/log/${n}`);
        if (r.status === 200 && (await r.json()) === n) acknowledged[name] = n++;
        else {
          // Not told: it may be there or not.
          const { last } = await json(s, `/${name}/state`);
          assert(last === n || last === n - 1, `${name} has ${last} after an error of ${n}`);
          if (last === n) acknowledged[name] = n++;
        }
      } catch (e) {
        if (e instanceof assert.AssertionError) throw e;
        if (s.child.exitCode !== null || s.child.signalCode !== null) return;
        await sleep(5);
      }
    }
  });
  await kill();
  over = true;
  await Promise.all(clients);
}

async function check(s, names, acknowledged) {
  for (const name of names) {
    const { last, count, max } = await json(s, `/${name}/state`);
    assert.equal(count, last, `${name}: both writes of a call are there or none`);
    assert.equal(max, last);
    assert(last === acknowledged[name] || last === acknowledged[name] + 1, `${name}: ${last} is there, ${acknowledged[name]} was acknowledged`);
    acknowledged[name] = last;
  }
}

test('killed isolates lose nothing that was acknowledged', async () => {
  const s = await start();
  const names = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'];
  const acknowledged = Object.fromEntries(names.map((n) => [n, 0]));
  await underLoad(s, names, acknowledged, async () => {
    for (let round = 0; round < 5; round++) {
      const before = names.map((n) => acknowledged[n]);
      await until(() => names.every((n, i) => acknowledged[n] > before[i] + 3), 'writes');
      const pids = isolates(s);
      assert(pids.length > 0, 'isolates are named by ps');
      for (const pid of pids) try { process.kill(pid, 'SIGKILL'); } catch {}
    }
    const before = names.map((n) => acknowledged[n]);
    await until(() => names.every((n, i) => acknowledged[n] > before[i]), 'writes after the last kill');
  });
  await check(s, names, acknowledged);
  await s.stop();
});

test('a killed server loses nothing that was acknowledged', async () => {
  const names = ['s0', 's1', 's2', 's3'];
  const acknowledged = Object.fromEntries(names.map((n) => [n, 0]));
  let dir;
  for (let round = 0; round < 3; round++) {
    const s = await start(dir);
    dir = s.cwd;
    if (round > 0) await check(s, names, acknowledged);
    await underLoad(s, names, acknowledged, async () => {
      const before = names.map((n) => acknowledged[n]);
      await until(() => names.every((n, i) => acknowledged[n] > before[i] + 5), 'writes');
      await s.stop('SIGKILL');
    });
  }
  const s = await start(dir);
  await check(s, names, acknowledged);
  await s.stop();
});
