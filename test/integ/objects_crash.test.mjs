// Durable Objects against kills: what was acknowledged is there afterwards, alarms come, nobody waits for ever.
import test from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev, sleep, until, worker } from './lib/selvage.mjs';
import { isolates } from './lib/processes.mjs';

const config = `
[[durable_objects.bindings]]
name = "LOG"
class_name = "Log"
[[durable_objects.bindings]]
name = "OLD"
class_name = "Old"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Log"]
new_classes = ["Old"]
`;
const source = `
import { DurableObject } from 'cloudflare:workers';
class Base extends DurableObject {
  async count() { return { n: await this.ctx.storage.get('n') ?? 0, copy: await this.ctx.storage.get('copy') ?? 0 }; }
  async add() {
    const n = (await this.ctx.storage.get('n') ?? 0) + 1;
    this.ctx.storage.put('n', n);
    this.ctx.storage.put('copy', n); // one commit with the other
    return n;
  }
  async alarmIn(ms, mode) {
    await this.ctx.storage.put('mode', mode);
    await this.ctx.storage.setAlarm(Date.now() + ms);
  }
  async alarms() { return { ran: await this.ctx.storage.get('ran') ?? [], at: await this.ctx.storage.getAlarm() }; }
  async alarm(info) {
    const ran = await this.ctx.storage.get('ran') ?? [];
    const mode = await this.ctx.storage.get('mode');
    if (mode === 'kill' && ran.length === 0) { await this.ctx.storage.put('ran', [...ran, 'killed']); await this.ctx.storage.sync(); for (;;); }
    await this.ctx.storage.put('ran', [...ran, [info.retryCount, info.isRetry]]);
    if (mode === 'throw' && ran.length < 1) throw new Error('not yet');
    if (mode === 'again' && ran.length < 2) await this.ctx.storage.setAlarm(Date.now() + 20);
  }
}
export class Log extends Base {
  async insert() {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, text TEXT)');
    return this.ctx.storage.sql.exec("INSERT INTO t(text) VALUES('x') RETURNING id").one().id;
  }
  async rows() { return this.ctx.storage.sql.exec('SELECT count(*) AS n, max(id) AS last FROM t').one(); }
}
export class Old extends Base {}
export default {
  async fetch(request, env) {
    const url = new URL(request.url), q = url.searchParams;
    if (!q.has('do')) return new Response('ready');
    const stub = env[q.get('ns') ?? 'LOG'].getByName(q.get('name') ?? 'one');
    try {
      return Response.json(await stub[q.get('do')](...JSON.parse(q.get('args') ?? '[]')) ?? null);
    } catch (e) {
      return Response.json({ message: e.message, remote: e.remote, retryable: e.retryable, reset: e.durableObjectReset }, { status: 500 });
    }
  },
};
`;

const call = async (server, what, name = 'one', args = [], ns = 'LOG') => {
  const r = await server.fetch(`/?do=${what}&name=${name}&ns=${ns}&args=${encodeURIComponent(JSON.stringify(args))}`);
  const body = await r.json();
  if (!r.ok) throw Object.assign(new Error(body.message), body);
  return body;
};

// Clients that add to many objects until told to stop. acknowledged: name -> the highest value that came back.
function load(server, clients, objects) {
  const state = { stop: false, acknowledged: new Map(), answers: 0, failures: [] };
  const run = async (i) => {
    while (!state.stop) {
      const k = i++ % (2 * objects);
      const [name, ns, what] = k < objects ? [`o${k}`, 'LOG', k % 2 ? 'insert' : 'add'] : [`p${k}`, 'OLD', 'add'];
      try {
        const n = await call(server, what, name, [], ns);
        const key = `${ns} ${name} ${what}`;
        state.acknowledged.set(key, Math.max(n, state.acknowledged.get(key) ?? 0));
        state.answers++;
      } catch (e) {
        state.failures.push(e);
        await sleep(5);
      }
    }
  };
  state.done = Promise.all(Array.from({ length: clients }, (_, i) => run(i * 7)));
  return state;
}

async function check(server, acknowledged) {
  assert(acknowledged.size > 0);
  for (const [key, n] of acknowledged) {
    const [ns, name, what] = key.split(' ');
    if (what === 'insert') {
      const rows = await call(server, 'rows', name, [], ns);
      assert(rows.last >= n, `${key}: ${n} was acknowledged, ${rows.last} is there`);
      assert.equal(rows.n, rows.last);
    } else {
      const { n: there, copy } = await call(server, 'count', name, [], ns);
      assert(there >= n, `${key}: ${n} was acknowledged, ${there} is there`);
      assert.equal(copy, there, 'a commit is whole');
    }
  }
}

test('kill -9 of isolates under load loses nothing that was acknowledged', async () => {
  const server = await dev(worker(source, config));
  const work = load(server, 12, 8);
  for (let i = 0; i < 6; i++) {
    const from = work.answers;
    await until(() => work.answers > from + 30 || work.failures.length > 5000, 'answers');
    await sleep(Math.random() * 30);
    for (const p of isolates(server)) process.kill(p.pid, 'SIGKILL');
  }
  const from = work.answers;
  await until(() => work.answers > from + 20, 'answers after the last kill');
  work.stop = true;
  await work.done;
  // a caller in the same isolate dies with the object; one in another is told
  for (const e of work.failures.filter((f) => f.reset)) assert.deepEqual([e.remote, e.retryable], [true, true], e.message);
  await check(server, work.acknowledged);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('kill -9 of the server under load loses nothing that was acknowledged', async () => {
  const dir = worker(source, config);
  const acknowledged = new Map();
  for (let round = 0; round < 3; round++) {
    const server = await dev(dir);
    await check(server, acknowledged.size > 0 ? acknowledged : new Map([['LOG none add', 0]]));
    const work = load(server, 12, 8);
    await until(() => work.answers > 60, 'answers');
    await sleep(Math.random() * 100);
    await server.stop('SIGKILL');
    work.stop = true;
    await work.done;
    for (const [key, n] of work.acknowledged) acknowledged.set(key, Math.max(n, acknowledged.get(key) ?? 0));
  }
  const server = await dev(dir);
  await check(server, acknowledged);
  await server.stop();
});

test('an alarm survives kill -9 of the server, also one whose time passed meanwhile', async () => {
  const dir = worker(source, config);
  let server = await dev(dir);
  await Promise.all([call(server, 'alarmIn', 'soon', [1, 'none'], 'OLD'), call(server, 'alarmIn', 'early', [600, 'none']), call(server, 'alarmIn', 'late', [3_600_000, 'none'])]);
  await server.stop('SIGKILL');
  await sleep(700);
  server = await dev(dir);
  for (const [name, ns] of [['early', 'LOG'], ['soon', 'OLD']]) {
    const { ran, at } = await until(async () => { const a = await call(server, 'alarms', name, [], ns); return a.ran.length > 0 && a.at === null && a; }, `the alarm of ${name}`);
    assert.equal(ran[0][0], 0);
    assert.equal(at, null);
  }
  const late = await call(server, 'alarms', 'late');
  assert.deepEqual(late.ran, []);
  assert(late.at > Date.now() + 3_000_000);
  await server.stop();
});

test('an alarm whose isolate dies comes again; one that throws is a retry; one that sets itself is none', async () => {
  const server = await dev(worker(source, config + '[limits]\ncpu_ms = 200\n'));
  await call(server, 'alarmIn', 'k', [1, 'kill'], 'OLD');
  const killed = await until(async () => { const a = await call(server, 'alarms', 'k', [], 'OLD').catch(() => null); return a?.ran.length === 2 && a.at === null && a; }, 'the alarm of the killed one', 40000);
  assert.deepEqual(killed.ran[0], 'killed');
  // one after the other: they may share an isolate, and one that was lost with it is no retry when it comes again.
  // The first was rolled back with its failure or kept, but it was told that this is a retry
  await call(server, 'alarmIn', 't', [1, 'throw']);
  const thrown = await until(async () => { const a = await call(server, 'alarms', 't').catch(() => null); return a?.at === null && a.ran.some((r) => r[1]) && a; }, 'the second try', 40000);
  assert.deepEqual(thrown.ran.at(-1), [1, true]);
  await call(server, 'alarmIn', 'a', [1, 'again']);
  const again = await until(async () => { const a = await call(server, 'alarms', 'a').catch(() => null); return a?.ran.length === 3 && a.at === null && a; }, 'three alarms', 40000);
  assert.deepEqual(again.ran, [[0, false], [0, false], [0, false]]);
  await server.stop();
});

test('a class that a migration deletes loses its objects, a renamed one keeps them', async () => {
  const toml = (migrations, cls) => `name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n[[durable_objects.bindings]]\nname = "LOG"\nclass_name = "${cls}"\n${migrations}`;
  const v1 = '[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Log"]\n';
  const dir = worker(source);
  const start = (text, cls) => { writeFileSync(join(dir, 'wrangler.toml'), toml(text, cls)); return dev(dir); };
  let server = await start(v1, 'Log');
  assert.equal(await call(server, 'add'), 1);
  await server.stop();

  writeFileSync(join(dir, 'index.js'), source.replace('class Log', 'class Renamed'));
  const v2 = v1 + '[[migrations]]\ntag = "v2"\nrenamed_classes = [{ from = "Log", to = "Renamed" }]\n';
  server = await start(v2, 'Renamed');
  assert.equal(await call(server, 'add'), 2);
  await server.stop();

  writeFileSync(join(dir, 'index.js'), source);
  const v3 = v2 + '[[migrations]]\ntag = "v3"\ndeleted_classes = ["Renamed"]\n';
  const v4 = v3 + '[[migrations]]\ntag = "v4"\nnew_sqlite_classes = ["Log"]\n';
  server = await start(v4, 'Log');
  assert.equal(await call(server, 'add'), 1);
  await server.stop();
  server = await start(v4, 'Log');
  assert.equal(await call(server, 'add'), 2);
  await server.stop();
});
