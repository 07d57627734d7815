// Facets: objects inside of an object, of classes of its own worker and of dynamic ones.
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, until } from './lib/selvage.mjs';

const CONFIG = `name = "facets"
main = "index.js"
compatibility_date = "2026-06-01"
[[worker_loaders]]
binding = "LOADER"
[[durable_objects.bindings]]
name = "ROOT"
class_name = "Root"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Root", "Stored"]
`;

const SOURCE = `
import { DurableObject } from 'cloudflare:workers';
const APP = \`
import { DurableObject } from 'cloudflare:workers';
export class App extends DurableObject {
  n = 0;
  constructor(ctx, env) { super(ctx, env); ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS t(x)'); }
  add(x = 1) { this.ctx.storage.sql.exec('INSERT INTO t VALUES(?)', x); return [++this.n, this.ctx.storage.sql.exec('SELECT count(*) c FROM t').one().c]; }
  count() { return this.ctx.storage.sql.exec('SELECT count(*) c FROM t').one().c; }
  info() { return { id: String(this.ctx.id), name: this.ctx.id.name, props: this.ctx.props, env: Object.keys(this.env) }; }
  quit(why) { this.ctx.abort(why); }
  never() { return new Promise((r) => setTimeout(r, 100000)); }
  spin() { for (;;); }
  async alarmed() { await this.ctx.storage.setAlarm(Date.now() + 10); }
  alarm() {}
  async back() { const at = await this.ctx.storage.getCurrentBookmark(); this.add(); return [this.count(), await this.ctx.storage.onNextSessionRestoreBookmark(at)]; }
  fetch(request) {
    if (request.headers.get('upgrade') === 'websocket') { const [a, b] = Object.values(new WebSocketPair()); this.ctx.acceptWebSocket(b); return new Response(null, { status: 101, webSocket: a }); }
    return request.text().then((t) => new Response(request.method + ' ' + request.headers.get('x-said') + ' ' + t));
  }
  webSocketMessage(ws, m) { ws.send('echo ' + m); }
}
export class Bad extends DurableObject { constructor(c, e) { super(c, e); throw new RangeError('made badly'); } hi() {} }
export default {};
\`;
export class Child extends DurableObject {
  put(v) { this.ctx.storage.kv.put('v', v); }
  get() { return this.ctx.storage.kv.get('v') ?? null; }
  who() { return [String(this.ctx.id) === this.ctx.id.toString(), this.ctx.props]; }
  deep(n) { return n === 0 ? 'end' : this.ctx.facets.get('x', () => ({ class: this.ctx.exports.Child })).deep(n - 1).then((t) => 'down ' + t); }
  async putDeep(v) { await this.ctx.facets.get('x', () => ({ class: this.ctx.exports.Child })).put(v); }
  getDeep() { return this.ctx.facets.get('x', () => ({ class: this.ctx.exports.Child })).get(); }
}
export class Stored extends DurableObject { hi() { return this.ctx.id.toString().length; } }
const said = async (run) => { try { return await run(); } catch (e) { return e.name + ': ' + e.message + (e.durableObjectReset ? ' (reset)' : '') + (e.remote ? ' (remote)' : ''); } };
export class Root extends DurableObject {
  starts = 0;
  class(name, options) {
    return this.env.LOADER.get('app', () => ({ compatibilityDate: '2026-01-01', mainModule: 'a.js', modules: { 'a.js': APP }, env: { E: 1 } })).getDurableObjectClass(name, options);
  }
  facet(name, more = {}, options) { return this.ctx.facets.get(name, () => { this.starts++; return { class: this.class('App', options), ...more }; }); }
  own(name) { return this.ctx.facets.get(name, () => ({ class: this.ctx.exports.Child })); }
  async run(what, name) { return cases[what].call(this, this.ctx.facets, name); }
}
const cases = {
  async calls() {
    const response = await this.facet('a').fetch('http://x/', { method: 'PUT', headers: { 'X-Said': 'yes' }, body: 'text' });
    return [await this.facet('a').add(), await Promise.all([this.facet('a').add(), this.facet('a').add()]), this.starts, await response.text()];
  },
  async identity() {
    return [(await this.facet('a').info()).id === String(this.ctx.id), await this.facet('b', { id: 'mine' }, { props: { p: [1] } }).info(),
      (await this.facet('c', { id: this.env.ROOT.idFromName('zz') }).info()).name, await this.ctx.facets.get('d', () => ({ class: this.ctx.exports.Child({ props: { q: 2 } }) })).who(),
      await this.ctx.facets.get('e', () => ({ class: this.ctx.exports.Stored })).hi(), typeof this.ctx.exports.Stored.idFromName('x')];
  },
  async socket() {
    const { webSocket } = await this.facet('a').fetch('http://x/', { headers: { Upgrade: 'websocket' } });
    webSocket.accept();
    const heard = new Promise((r) => webSocket.addEventListener('message', (e) => r(e.data)));
    webSocket.send('hi');
    return heard;
  },
  async ends(facets) {
    const old = this.facet('a');
    const before = await old.add();
    facets.abort('a', new TypeError('no more'));
    const told = [await said(() => old.add()), await this.facet('a').add(), await said(() => old.add())];
    const open = this.facet('a').never();
    open.catch(() => {});
    await this.facet('a').count();
    facets.abort('a', new Error('while it ran'));
    const self = this.facet('a');
    const broke = [await said(() => open), await said(() => self.quit('by itself')), await said(() => self.add()), await this.facet('a').add()];
    facets.delete('a');
    const gone = await this.facet('a').add();
    facets.delete('never was');
    return [before, told, broke, gone, this.starts];
  },
  async errors(facets) {
    const get = (options, name = 'e' + Math.random()) => said(() => facets.get(name, () => options).count());
    const once = () => facets.get('later', () => { throw new RangeError('mine'); });
    return [await get(), await get({}), await get({ class: class {} }), await get({ class: this.env.ROOT }), await said(() => once().count()), await said(() => this.facet('later').add()),
      await get({ class: this.class('Nope') }), await get({ class: this.class('Bad') }), await said(() => facets.get('x')), await said(() => facets.get('n'.repeat(257), () => {})),
      await said(() => this.facet('n'.repeat(256)).add()), await said(() => facets.abort('a')), await said(() => this.facet('al').alarmed())];
  },
  async depth() {
    const child = this.own('deep');
    return [await child.deep(2), await said(() => child.deep(3))];
  },
  async trees(facets) {
    await this.own('t').put(1); await this.own('t').putDeep(2); await this.own('other').put(3);
    const before = [await this.own('t').get(), await this.own('t').getDeep()];
    facets.delete('t');
    return [before, await this.own('t').get(), await this.own('t').getDeep(), await this.own('other').get()];
  },
  async past(facets) {
    await this.facet('past').add();
    const [n] = await this.facet('past').back();
    facets.abort('past', new Error('to go back'));
    return [n, await this.facet('past').count()];
  },
  async killed() {
    await this.facet('k').add();
    const lost = await said(() => this.facet('k').spin());
    return [/^Error: .*\\(reset\\)/.test(lost) || lost, await this.facet('k').add()];
  },
  async add(facets, name) { return this.facet(name).add(); },
  async delete(facets, name) { facets.delete(name); },
  async never() { this.facet('busy').never().catch(() => {}); await this.facet('busy').add(); },
};
export default {
  async fetch(request, env) {
    const [, what, root, name] = new URL(request.url).pathname.split('/');
    if (!root) return new Response('ready');
    return Response.json(await said(() => env.ROOT.getByName(root).run(what, name)) ?? null);
  },
};
`;

const call = async (server, path) => {
  const r = await server.fetch(path);
  const text = await r.text();
  assert.equal(r.status, 200, text);
  return JSON.parse(text);
};

test('facets', async (t) => {
  const server = await dev(project({ 'wrangler.toml': CONFIG, 'index.js': SOURCE }));
  let n = 0;
  const ask = (what) => call(server, `/${what}/${what}${n++}`);
  try {
    await t.test('are called as objects are', async () => {
      assert.deepEqual(await ask('calls'), [[1, 1], [[2, 2], [3, 3]], 1, 'PUT yes text']);
    });
    await t.test('know who they are', async () => {
      assert.deepEqual(await ask('identity'), [true, { id: 'mine', props: { p: [1] }, env: ['E'] }, 'zz', [true, { q: 2 }], 64, 'object']);
    });
    await t.test('hold sockets that hibernate', async () => {
      assert.equal(await ask('socket'), 'echo hi');
    });
    await t.test('end when they are told to, and start anew', async () => {
      assert.deepEqual(await ask('ends'), [[1, 1], ['TypeError: no more', [1, 2], 'TypeError: no more'],
        ['Error: while it ran', 'Error: by itself (reset)', 'Error: by itself (reset)', [1, 3]], [1, 1], 5]);
    });
    await t.test('say what is wrong', async () => {
      const wrong = "TypeError: Incorrect type for the 'class' field on 'StartupOptions': the provided value is not of type 'DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace'.";
      assert.deepEqual(await ask('errors'), ['TypeError: Cannot initialize StartupOptions with required members from an undefined or null value.', wrong, wrong, wrong, 'RangeError: mine', [1, 1],
        'TypeError: The worker does not export a class named "Nope". (reset)', 'RangeError: made badly (reset)', "TypeError: Failed to execute 'get' on 'DurableObjectFacets': parameter 2 is not of type 'function'.",
        'TypeError: Facet name is too long (max 256 characters).', [1, 1], "TypeError: Failed to execute 'abort' on 'DurableObjectFacets': parameter 2 is not of type 'JsValue'.",
        'Error: alarms are not yet implemented for SQLite-backed Durable Objects (remote)']);
    });
    await t.test('have facets to a depth', async () => {
      assert.deepEqual(await ask('depth'), ['down down end', 'Error: Facet nesting depth limit exceeded. The maximum depth including the root Durable Object is 4. (remote)']);
    });
    await t.test('are deleted with their own', async () => {
      assert.deepEqual(await ask('trees'), [[1, 2], null, null, 3]);
    });
    await t.test('go back in time by themselves', async () => {
      assert.deepEqual(await ask('past'), [2, 1]);
    });
    await t.test('lose nothing when their isolate is killed', async () => {
      assert.deepEqual(await ask('killed'), [true, [1, 2]]);
    });
    await t.test('keep their object until they are idle, and are then gone with it', async () => {
      await call(server, '/add/idle/x');
      await call(server, '/never/busy/x'); // a call that does not end keeps both
      const open = () => {
        const files = readdirSync(`/proc/${server.child.pid}/fd`).map((fd) => { try { return readlinkSync(`/proc/${server.child.pid}/fd/${fd}`); } catch { return ''; } });
        return files.filter((f) => f.endsWith('.sqlite') && f.includes('.facets/')).length;
      };
      await until(() => open() === 1, 'the end of idle facets', 60000);
      assert.deepEqual(await call(server, '/add/idle/x'), [1, 2]);
    });
  } finally {
    await server.stop();
  }
});

test('what facets have acknowledged survives kill -9', async () => {
  const dir = project({ 'wrangler.toml': CONFIG, 'index.js': SOURCE });
  const names = Array.from({ length: 6 }, (_, i) => `f${i}`);
  const acknowledged = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < 3; round++) {
    const server = await dev(dir);
    let enough = 0, stop = false;
    const clients = names.map(async (name) => {
      while (!stop) {
        try {
          const [, count] = await call(server, `/add/root/${name}`);
          assert.ok(count > acknowledged.get(name), `${name} went from ${acknowledged.get(name)} to ${count}`);
          acknowledged.set(name, count);
          enough++;
        } catch (e) { if (!stop) throw e; }
      }
    });
    await until(() => enough >= 60, 'acknowledged writes');
    if (round === 1) {
      assert.equal(await call(server, '/delete/root/gone'), null);
    } else {
      await call(server, '/add/root/gone');
    }
    stop = true;
    server.child.kill('SIGKILL');
    await Promise.all(clients);
    await server.exited?.catch(() => {});
  }
  const server = await dev(dir);
  try {
    for (const [name, count] of acknowledged) assert.ok((await call(server, `/add/root/${name}`))[1] > count, name);
    // added, deleted, added again
    assert.deepEqual(await call(server, '/add/root/gone'), [1, 2]);
    const found = readdirSync(join(dir, '.selvage', 'state', 'v1'), { recursive: true }).filter((f) => f.includes('.facets/') && f.endsWith('.sqlite'));
    assert.equal(found.length, 7, found.join('\n'));
  } finally {
    await server.stop();
  }
});
