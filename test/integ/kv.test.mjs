// KV through a Worker, by verbs, and over kill -9.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev, run, until, worker } from './lib/selvage.mjs';

const config = `[[kv_namespaces]]\nbinding = "KV"\nid = "main"\n[[kv_namespaces]]\nbinding = "TWO"\nid = "two"\npreview_id = "two-preview"\n[[secrets_store_secrets]]\nbinding = "SHARED"\nstore_id = "0a1b"\nsecret_name = "api"\n`;

// POST /run: the body is the inside of an async function of (env, request).
const source = `
const steps = {
  async secret(env) { return env.SHARED.get().catch((e) => e.message); },
  async roundTrip(env) {
    const out = {};
    for (const size of [0, 1, 65535, 65536, 65537, 300000, 1 << 20]) {
      const bytes = new Uint8Array(size).map((_, i) => (i * 31) & 255);
      await env.KV.put("size-" + size, bytes, { metadata: { size } });
      const { value, metadata } = await env.KV.getWithMetadata("size-" + size, "arrayBuffer");
      const got = new Uint8Array(value);
      out[size] = got.length === size && metadata.size === size && got.every((b, i) => b === bytes[i]);
    }
    return out;
  },
  async limit(env) {
    const at = new Uint8Array(25 * 1024 * 1024);
    await env.KV.put("limit", at);
    const length = (await env.KV.get("limit", "arrayBuffer")).byteLength;
    const fail = (p) => p.then(() => "stored", (e) => e.message);
    const over = await fail(env.KV.put("limit", new Uint8Array(25 * 1024 * 1024 + 1)));
    let n = 0;
    const streamed = await fail(env.KV.put("limit", new ReadableStream({
      pull(c) { if (n++ < 26) c.enqueue(new Uint8Array(1 << 20)); else c.close(); },
    })));
    const still = (await env.KV.get("limit", "arrayBuffer")).byteLength;
    await env.KV.delete("limit");
    return [length, over, streamed, still];
  },
  async brokenStream(env) {
    await env.KV.put("broken", "old");
    const s = new ReadableStream({ start(c) { c.enqueue(new Uint8Array(100000)); c.error(new RangeError("source broke")); } });
    const error = await env.KV.put("broken", s).then(() => null, (e) => e.name + ": " + e.message);
    return [error, await env.KV.get("broken")];
  },
  async concurrent(env) {
    await Promise.all(Array.from({ length: 200 }, (_, i) => env.KV.put("c/" + String(i).padStart(3, "0"), String(i))));
    const names = [];
    let cursor;
    do {
      const page = await env.KV.list({ prefix: "c/", limit: 33, cursor });
      names.push(...page.keys.map((k) => k.name));
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor);
    const values = [...(await env.KV.get(names.slice(0, 100))).values(), ...(await env.KV.get(names.slice(100))).values()];
    return [names.length, names[7], values.every((v, i) => v === String(i))];
  },
  async ownWrites(env) {
    for (let i = 0; i < 100; i++) {
      await env.KV.put("own", String(i));
      if ((await env.KV.get("own")) !== String(i)) return "stale at " + i;
    }
    await env.KV.delete("own");
    return await env.KV.get("own");
  },
};
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const name = pathname.slice(1);
    if (steps[name]) return Response.json(await steps[name](env));
    if (request.method === "PUT") {
      await env.KV.put(name, request.body);
      return new Response("stored");
    }
    if (searchParams.has("n")) {
      await env.KV.put(name, searchParams.get("n"), { metadata: { n: searchParams.get("n") } });
      return new Response("ok");
    }
    const body = await env.KV.get(name, "stream");
    return body === null ? new Response("none", { status: 404 }) : new Response(body);
  },
};
`;

let dir, server;
before(async () => {
  dir = worker(source, config);
  server = await dev(dir);
});
after(() => server.stop());

const step = async (name) => {
  const r = await server.fetch('/' + name);
  assert.equal(r.status, 200, await r.clone().text());
  return r.json();
};

test('values of every size come back whole', async () => {
  assert.deepEqual(await step('roundTrip'), { 0: true, 1: true, 65535: true, 65536: true, 65537: true, 300000: true, 1048576: true });
});

test('a value of 25 MiB is stored, one byte more is not', async () => {
  assert.deepEqual(await step('limit'), [
    26214400,
    'KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.',
    'KV PUT failed: 413 Value length of 27262976 exceeds limit of 26214400.',
    26214400,
  ]);
});

test('a stream that breaks leaves the value as it was', async () => {
  assert.deepEqual(await step('brokenStream'), ['RangeError: source broke', 'old']);
});

test('many writes at once, listed page by page, read in bulk', async () => {
  assert.deepEqual(await step('concurrent'), [200, 'c/007', true]);
});

test('whoever wrote reads what was written', async () => {
  assert.equal(await step('ownWrites'), null);
});

test('a body goes from client to store and back without entering JavaScript', async () => {
  const body = Buffer.alloc(3_000_000, 'selvage ');
  assert.equal(await (await server.fetch('/upload', { method: 'PUT', body })).text(), 'stored');
  const back = Buffer.from(await (await server.fetch('/upload')).arrayBuffer());
  assert.ok(back.equals(body));
});

test('verbs see what the running worker sees, and the other way round', async () => {
  const kv = (...args) => run(['kv', ...args], { cwd: dir });
  assert.equal((await kv('key', 'put', '--binding', 'KV', 'by verb/ü', 'välue', '--metadata', '{"a":[1]}')).code, 0);
  assert.equal(await (await server.fetch('/by%20verb/ü')).status, 404); // another key: names are not decoded by the worker
  assert.equal((await kv('key', 'get', '--binding', 'KV', 'by verb/ü', '--text')).stdout, 'välue\n');
  const list = JSON.parse((await kv('key', 'list', '--binding', 'KV', '--prefix', 'by ')).stdout);
  assert.deepEqual(list, [{ name: 'by verb/ü', metadata: { a: [1] } }]);
  assert.equal((await kv('key', 'get', '--binding', 'KV', 'nothing')).stdout, 'Value not found\n');
  assert.equal((await kv('key', 'delete', '--binding', 'KV', 'by verb/ü')).code, 0);
  assert.equal((await kv('key', 'get', '--binding', 'KV', 'by verb/ü')).stdout, 'Value not found\n');
  const short = await kv('key', 'put', '--binding', 'KV', 'x', 'y', '--ttl', '59');
  assert.equal(short.code, 2);
  assert.match(short.stderr, /Invalid expiration_ttl of 59\. Expiration TTL must be at least 60\./);
  const two = await kv('key', 'put', '--binding', 'TWO', 'x', 'y');
  assert.match(two.stderr, /TWO has both a namespace ID and a preview ID/);
  assert.equal((await kv('key', 'put', '--binding', 'TWO', 'x', 'y', '--preview')).code, 0);
  assert.deepEqual(JSON.parse((await kv('key', 'list', '--namespace-id', 'two-preview')).stdout), [{ name: 'x' }]);
  const path = await kv('key', 'put', '--namespace-id', 'main', 'file', '--path', 'index.js');
  assert.equal(path.code, 0);
  assert.equal(await (await server.fetch('/file')).text(), source);
});

test('secrets of a store are given by verbs, and read by the running worker', async () => {
  const verb = async (...args) => run(['secrets-store', 'secret', ...args], { cwd: dir });
  assert.equal(await step('secret'), 'Secret "api" not found');
  const made = await verb('create', '0a1b', '--name', 'api', '--value', 'one', '--scopes', 'workers');
  assert.deepEqual([made.code, made.stdout], [0, 'Created secret! (Name: api, StoreID: 0a1b)\n'], made.stderr);
  assert.equal(await step('secret'), 'one');
  assert.equal((await verb('update', '0a1b', '--name', 'api', '--value', 'two')).code, 0);
  assert.equal(await step('secret'), 'two');
  assert.equal((await verb('list', '0a1b')).stdout, 'api\n');
  assert.equal((await verb('delete', '0a1b', '--name', 'api')).code, 0);
  assert.equal(await step('secret'), 'Secret "api" not found');
  assert.notEqual((await verb('list', '0a1b')).code, 0);
  assert.notEqual((await verb('create', '0a1b')).code, 0);
  assert.notEqual((await verb('create', '0a1b', '--name', 'api', '--value', 'x', '--remote')).code, 0);
});

test('bulk verbs, from files', async () => {
  const kv = (...args) => run(['kv', 'bulk', ...args, '--namespace-id', 'bulk'], { cwd: dir });
  const many = Array.from({ length: 2500 }, (_, i) => ({ key: `k${i}`, value: `v${i}` }));
  many.push({ key: 'coded', value: Buffer.from([0, 255, 1]).toString('base64'), base64: true, metadata: { m: 1 }, expiration_ttl: 600 });
  writeFileSync(join(dir, 'many.json'), JSON.stringify(many));
  writeFileSync(join(dir, 'names.json'), JSON.stringify(['k1', { name: 'k2499' }, 'absent']));
  assert.equal((await kv('put', 'many.json')).stdout, 'Success!\n');
  const got = await kv('get', 'names.json');
  assert.ok(got.stdout.endsWith('\nSuccess!\n'));
  assert.deepEqual(JSON.parse(got.stdout.slice(0, -10)), { k1: { value: 'v1' }, k2499: { value: 'v2499' }, absent: { value: null } });
  const keys = JSON.parse((await run(['kv', 'key', 'list', '--namespace-id', 'bulk'], { cwd: dir })).stdout);
  assert.equal(keys.length, 2501);
  assert.deepEqual(Object.keys(keys[0]), ['name', 'expiration', 'metadata']);
  assert.equal((await kv('delete', 'names.json', '--force')).stdout, 'Success!\n');
  assert.equal(JSON.parse((await run(['kv', 'key', 'list', '--namespace-id', 'bulk'], { cwd: dir })).stdout).length, 2499);
  writeFileSync(join(dir, 'bad.json'), '[{"key": "a"}]');
  const bad = await kv('put', 'bad.json');
  assert.notEqual(bad.code, 0);
  assert.match(bad.stderr, /The item at index 0 is \{"key":"a"\}/);
});

test('namespaces by name', async () => {
  const ns = (...args) => run(['kv', 'namespace', ...args], { cwd: dir });
  const made = await ns('create', 'named one');
  assert.match(made.stdout, /Creating namespace with title "named one"\n✨ Success!\n/);
  const id = /id = "(\w{32})"/.exec(made.stdout)[1];
  assert.match(made.stdout, /binding = "named_one"/);
  const again = await ns('create', 'named one');
  assert.notEqual(again.code, 0);
  assert.match(again.stderr, /A KV namespace with the title "named one" already exists\./);
  assert.ok(JSON.parse((await ns('list')).stdout).some((n) => n.id === id && n.title === 'named one' && n.supports_url_encoding));
  assert.match((await ns('rename', 'named one', '--new-name', 'other')).stdout, /Successfully renamed namespace to "other"/);
  assert.match((await ns('delete', 'other', '-y')).stdout, /Deleted KV namespace name: "other" \(id: "/);
  assert.ok(!JSON.parse((await ns('list')).stdout).some((n) => n.id === id));
  assert.notEqual((await ns('delete', 'other', '-y')).code, 0);
});

test('what was acknowledged is there after kill -9', async () => {
  const own = worker(source, config);
  const log = new Map(); // key -> the last number that was acknowledged
  const tried = new Map(); // key -> the last number that was sent
  for (let round = 0; round < 3; round++) {
    const s = await dev(own);
    let stop = false;
    const client = async (key) => {
      while (!stop) {
        const n = (tried.get(key) ?? 0) + 1;
        tried.set(key, n);
        try {
          if ((await s.fetch(`/${key}?n=${n}`)).status !== 200) return;
          log.set(key, n);
        } catch {
          return;
        }
      }
    };
    const clients = Array.from({ length: 16 }, (_, i) => client(`crash-${i}`));
    const before = [...log.values()].reduce((a, b) => a + b, 0);
    await until(() => [...log.values()].reduce((a, b) => a + b, 0) >= before + 200, 'writes');
    process.kill(-s.child.pid, 'SIGKILL');
    stop = true;
    await Promise.all(clients);
    await s.exited;
    const reader = await dev(own);
    for (const [key, n] of log) {
      const value = Number(await (await reader.fetch(`/${key}`)).text());
      assert.ok(value >= n && value <= tried.get(key), `${key} is ${value}; ${n} was acknowledged, ${tried.get(key)} sent`);
      tried.set(key, value);
      log.set(key, value);
    }
    await reader.stop();
  }
});
