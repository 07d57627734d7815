// AsyncLocalStorage through the whole program: bundled, unbundled, between requests.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dev, project } from './lib/selvage.mjs';

const config = (more = '') => `name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\ncompatibility_flags = ["nodejs_compat"]\n${more}`;

async function serve(files, { more = '', args = [] } = {}) {
  return dev(project({ 'wrangler.toml': config(more), ...files }), args);
}

const source = `
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { env as importable, withEnv, DurableObject, RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
const als = new AsyncLocalStorage();
const g = () => als.getStore() ?? null;
let kept;

export class Counter extends DurableObject {
  async fetch() {
    const before = g();
    return als.run("object", async () => {
      const inside = await this.ctx.blockConcurrencyWhile(async () => { await scheduler.wait(1); return g(); });
      return Response.json([before, inside, g()]);
    });
  }
  callback(fn) { return als.run("callee", () => fn(g())); }
}
export class Other extends WorkerEntrypoint {
  seen() { return g(); }
  async twice(target) { return [await target.get(), g()]; }
}
class Target extends RpcTarget { get() { return g(); } }

const steps = {
  async interleaved(request, env) {
    const id = new URL(request.url).searchParams.get("id");
    return als.run(id, async () => {
      const seen = [];
      for (let i = 0; i < 8; i++) {
        if (i % 4 === 0) await scheduler.wait((id * 7 + i) % 5);
        else if (i % 4 === 1) await env.KV.put("k" + id, "v");
        else if (i % 4 === 2) try { await Promise.reject(new Error("x")); } catch { seen.push(g()); }
        else await new Promise(r => setTimeout(() => { seen.push(g()); r(); }, (id * 3 + i) % 4));
        seen.push(g());
      }
      return seen.every(s => s === id) ? "ok" : seen.join();
    });
  },
  async bindings(request, env) {
    return als.run("b", async () => {
      const out = [];
      await env.KV.put("a", "1"); out.push(g());
      await env.KV.get("a").then(() => out.push(g()));
      await env.DB.prepare("select 1 as x").all(); out.push(g());
      await env.SELF.fetch("http://x/plain").then(r => r.text()); out.push(g());
      out.push(await env.OTHER.seen());
      out.push(...await env.OTHER.twice(new Target()));
      const stub = env.COUNTER.get(env.COUNTER.idFromName("one"));
      out.push(await (await stub.fetch("http://x/")).json());
      out.push(await stub.callback(v => [v, g()])); out.push(g());
      await crypto.subtle.digest("SHA-256", new Uint8Array(4)); out.push(g());
      out.push(await new Response(new ReadableStream({ pull(c) { c.enqueue(new TextEncoder().encode(String(g()))); c.close(); } })).text());
      return out;
    });
  },
  async later(request, env, ctx) {
    als.run("w", () => ctx.waitUntil((async () => { await scheduler.wait(1); await env.KV.put("later", String(g())); })()));
    return "ok";
  },
  async seen(request, env) { return env.KV.get("later"); },
  async begins() { return g(); },
  async leaks() { als.run("leak", () => { setTimeout(() => {}, 1); Promise.reject(new Error("expected")).catch(() => {}); }); await als.run("leak", async () => { await 0; }); return g(); },
  async withEnv() { const out = []; await withEnv({ NAME: "inner" }, async () => { out.push(importable.NAME); await scheduler.wait(1); out.push(importable.NAME); setTimeout(() => out.push(importable.NAME), 1); await scheduler.wait(5); }); out.push(importable.NAME ?? null); return out; },
  keep() { kept = als.run("k", () => AsyncLocalStorage.bind(() => g())); return kept(); },
  kept() { try { return kept(); } catch (e) { return e.message; } },
  async dynamic() { return als.run("d", async () => (await import("./lazy.js")).default(g)); },
};
export default { async fetch(request, env, ctx) {
  const url = new URL(request.url);
  if (url.pathname === "/body") return als.run("RESPONSE", () => new Response(als.run("STREAM", () => new ReadableStream({ async pull(c) { c.enqueue(new TextEncoder().encode(g() + " ")); await scheduler.wait(1); c.enqueue(new TextEncoder().encode(g())); c.close(); } }, { highWaterMark: 0 }))));
  if (url.pathname === "/throws") return als.run("t", async () => {
    await null; const nothing = await null; return nothing.property;
  });
  const step = steps[url.pathname.slice(1)];
  return Response.json(step === undefined ? "plain" : (await step(request, env, ctx)) ?? null);
} };
`;
const more = `
[[kv_namespaces]]
binding = "KV"
id = "main"
[[d1_databases]]
binding = "DB"
database_name = "db"
database_id = "db"
[[services]]
binding = "SELF"
service = "test"
[[services]]
binding = "OTHER"
service = "test"
entrypoint = "Other"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]
`;
const lazy = `await null; export default async (g) => { await null; return g(); };`;
let server;
before(async () => {
  server = await serve({ 'index.js': source, 'lazy.js': lazy }, { more });
});
after(() => server?.stop());
const get = async (path) => (await server.fetch(path)).json();

test('interleaved requests never see each other’s store', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, (_, id) => get(`/interleaved?id=${id}`)));
  assert.deepEqual([...new Set(answers)], ['ok']);
});

test('the context goes through bindings, RPC, objects and streams; what is called begins with none', async () => {
  assert.deepEqual(await get('/bindings'), ['b', 'b', 'b', 'b', null, null, null, [null, 'object', 'object'], ['callee', null], 'b', 'b', 'b']);
});

test('waitUntil keeps it, and the next event begins with none', async () => {
  assert.equal(await get('/later'), 'ok');
  for (let i = 0; i < 200; i++) {
    const seen = await get('/seen');
    if (seen !== null) return assert.equal(seen, 'w');
  }
  assert.fail('waitUntil did not come to its end');
});

test('no store is left behind', async () => {
  for (let i = 0; i < 5; i++) {
    assert.equal(await get('/leaks'), null);
    assert.equal(await get('/begins'), null);
  }
});

test('a body is read in the context of its Response', async () => assert.equal(await (await server.fetch('/body')).text(), 'RESPONSE RESPONSE'));
test('withEnv reaches what runs later', async () => assert.deepEqual(await get('/withEnv'), ['inner', 'inner', 'inner', null]));
test('a bound function is of the request that made it', async () => {
  assert.equal(await get('/keep'), 'k');
  assert.equal(await get('/kept'), 'Cannot call this AsyncLocalStorage bound function outside of the request in which it was created.');
});
test('modules that are imported later', async () => assert.equal(await get('/dynamic'), 'd'));

test('positions are those of the source', async () => {
  const from = server.output.length;
  await server.fetch('/throws');
  const line = source.split('\n').findIndex((l) => l.includes('nothing.property')) + 1;
  const column = source.split('\n')[line - 1].indexOf('nothing.property') + 'nothing.'.length + 1;
  const [, l, c] = await server.saw(/index\.js:(\d+):(\d+)/, { from });
  assert.equal(Number(l), line);
  assert.ok(Math.abs(Number(c) - column) <= 'nothing.property'.length + 1, `column ${c}, wanted about ${column}`);
});

for (const [name, files, args] of [
  ['--no-bundle', { 'index.js': `import { AsyncLocalStorage } from "node:async_hooks"; import step from "./step.mjs";
    const als = new AsyncLocalStorage(); export default { fetch: () => als.run("s", async () => { await step(); return new Response(als.getStore()); }) };`, 'step.mjs': 'export default async () => { await null; await scheduler.wait(1); };' }, ['--no-bundle']],
  ['--minify and CommonJS', { 'index.js': `import run from "./c.cjs"; export default { fetch: async () => new Response(await run()) };`, 'c.cjs': `const { AsyncLocalStorage } = require("async_hooks"); const als = new AsyncLocalStorage();
    module.exports = () => als.run("s", async () => { try { await Promise.reject(1); } catch { await null; } finally { await null; } for await (const x of [1]) await null; return als.getStore(); });` }, ['--minify']],
  ['top-level await', { 'index.js': `import { AsyncLocalStorage } from "node:async_hooks"; const als = new AsyncLocalStorage(); const before = als.getStore();
    const seen = await als.run("top", async () => { await null; return als.getStore(); }); const after = als.getStore();
    export default { fetch: () => new Response(before === undefined && after === undefined ? seen.replace("top", "s") : "wrong") };` }, []],
  ['for await over promises of which one rejects, without any context', { 'index.js': `export default { async fetch() {
    const seen = []; try { for await (const x of [1, Promise.reject(new Error("no")), 3]) seen.push(x); } catch (e) { seen.push(e.message); }
    for await (const x of new ReadableStream({ start(c) { c.enqueue(4); c.close(); } })) seen.push(x); return new Response(seen.join() === "1,no,4" ? "s" : seen.join()); } };` }, []],
  ['a package of npm: hono’s context', { 'index.js': `import { Hono } from "hono"; import { contextStorage, getContext } from "hono/context-storage";
    const app = new Hono(); app.use(contextStorage()); app.use(async (c, next) => { c.set("v", c.req.query("v")); await next(); });
    const deep = async () => { await scheduler.wait(Math.random() * 5); return getContext().var.v; };
    app.get("/", async c => c.text(await deep())); export default app;` }, []],
]) {
  test(name, async () => {
    const one = await serve(files, { args });
    try {
      const answers = await Promise.all(Array.from({ length: 10 }, async () => (await one.fetch('/?v=s')).text()));
      assert.deepEqual([...new Set(answers)], ['s'], one.output);
    } finally {
      await one.stop();
    }
  });
}

test('callbacks of Node’s modules, streams, await using', async () => {
  const one = await serve({ 'index.js': `import { AsyncLocalStorage } from "node:async_hooks";
import { pipeline } from "node:stream/promises";
import { Readable, Transform, PassThrough } from "node:stream";
import zlib from "node:zlib"; import crypto from "node:crypto"; import util from "node:util"; import { EventEmitter, once, on } from "node:events";
const als = new AsyncLocalStorage(); const g = () => als.getStore() ?? null;
export default { async fetch(req, env, ctx) {
  const out = {};
  await als.run("U", async () => { { await using r = { async [Symbol.asyncDispose]() { await 0; out.dispose = g(); } }; await 0; out.inside = g(); } out.after = g(); });
  await als.run("P", async () => { const seen = []; await pipeline(Readable.from(["a", "b"]), new Transform({ transform(c, e, cb) { seen.push(g()); setTimeout(() => cb(null, c), 1); } }), async function* (src) { for await (const c of src) { seen.push(g()); yield c; } }, new PassThrough().on("data", () => seen.push(g()))); out.pipeline = seen.join(); });
  out.zlib = await als.run("Z", () => new Promise(r => zlib.gzip("x", () => r(g()))));
  out.pbkdf2 = await als.run("K", () => new Promise(r => crypto.pbkdf2("a", "b", 1, 8, "sha256", () => r(g()))));
  out.random = await als.run("R", () => new Promise(r => crypto.randomBytes(4, () => r(g()))));
  out.promisify = await als.run("Y", async () => { await util.promisify(setTimeout)(1); return g(); });
  out.once = await als.run("O", async () => { const e = new EventEmitter(); setTimeout(() => e.emit("x"), 1); await once(e, "x"); return g(); });
  out.on = await als.run("N", async () => { const e = new EventEmitter(); setTimeout(() => { e.emit("x", 1); }, 1); for await (const x of on(e, "x")) return g(); });
  out.callbackify = await als.run("C", () => new Promise(r => util.callbackify(async () => 1)(() => r(g()))));
  out.cache = await als.run("H", async () => { await caches.default.match("http://x/"); return g(); });
  out.web = await als.run("W", async () => { const s = new Response("abc").body.pipeThrough(new TextDecoderStream()); const seen = []; for await (const c of s) seen.push(g()); return seen.join(); });
  out.formData = await als.run("F", async () => { await new Response(new URLSearchParams("a=1")).formData(); return g(); });
  return Response.json(out);
} };
` });
  try {
    assert.deepEqual(await (await one.fetch('/')).json(), { inside: 'U', dispose: 'U', after: 'U', pipeline: 'P,P,P,P,P,P', zlib: 'Z', pbkdf2: 'K', random: 'R', promisify: 'Y', once: 'O', on: 'N', callbackify: 'C', cache: 'H', web: 'W', formData: 'F' }, one.output);
  } finally {
    await one.stop();
  }
});

test('nodejs_als alone', async () => {
  const one = await dev(project({
    'wrangler.toml': `name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\ncompatibility_flags = ["nodejs_als", "no_nodejs_compat"]\n`,
    'index.js': `import { AsyncLocalStorage } from "node:async_hooks"; const als = new AsyncLocalStorage(); export default { fetch: () => als.run("s", async () => { await 0; return new Response(als.getStore()); }) };`,
  }));
  try {
    assert.equal(await (await one.fetch('/')).text(), 's', one.output);
  } finally {
    await one.stop();
  }
});
