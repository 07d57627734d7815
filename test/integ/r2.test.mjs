// R2 as a Worker has it, through `selvage dev`: bodies of any size, what happens to them when processes die, and the verbs.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, run, sleep, until, worker } from './lib/selvage.mjs';

const config = '[[r2_buckets]]\nbinding = "B"\nbucket_name = "files"\n';
const source = `export default { async fetch(request, env) {
  const url = new URL(request.url), key = decodeURIComponent(url.pathname.slice(1)), how = url.searchParams.get("how");
  if (key === "__selvage_test_ready") return new Response("ready");
  if (request.method === "PUT") {
    if (how === "buffer") return Response.json(await env.B.put(key, await request.arrayBuffer()));
    return Response.json(await env.B.put(key, request.body, { httpMetadata: request.headers }));
  }
  if (how === "digest") {
    const digest = new crypto.DigestStream("MD5");
    await (await env.B.get(key)).body.pipeTo(digest);
    return new Response([...new Uint8Array(await digest.digest)].map((b) => b.toString(16).padStart(2, "0")).join(""));
  }
  if (how === "js") {
    const o = await env.B.get(key);
    const { readable, writable } = new FixedLengthStream(o.size);
    o.body.pipeTo(writable);
    return Response.json(await env.B.put(key + ".copy", readable));
  }
  if (how === "copy") return Response.json(await env.B.put(key + ".copy", (await env.B.get(key)).body));
  if (how === "half") {
    const reader = (await env.B.get(key)).body.getReader();
    const { value } = await reader.read();
    await reader.cancel("enough");
    return new Response(String(value.byteLength > 0));
  }
  if (how === "short") {
    const { readable, writable } = new FixedLengthStream(10);
    const w = writable.getWriter();
    w.write(new Uint8Array(5)).then(() => w.close()).catch(() => {});
    try { await env.B.put(key, readable); return new Response("stored"); } catch (e) { return new Response(e.name + ": " + e.message); }
  }
  if (how === "list") return Response.json((await env.B.list()).objects.map((o) => [o.key, o.size, o.etag]));
  const o = await env.B.get(key, { range: request.headers, onlyIf: request.headers });
  if (o === null) return new Response("none", { status: 404 });
  return "body" in o ? new Response(o.body, { headers: { etag: o.httpEtag } }) : new Response(null, { status: 412 });
} }`;
const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');
const blobs = (dir) => {
  const at = join(dir, '.selvage', 'state', 'v1', 'local', 'r2', 'files.blobs');
  try {
    return readdirSync(at, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).length;
  } catch {
    return 0;
  }
};
// Memory of the process and of those it started, in MB: isolates and main.
const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

test('bodies of every size go through a Worker unharmed, by each way', async () => {
  const server = await dev(worker(source, config));
  for (const size of [0, 1, 65536, 65537, 1_000_003]) {
    const body = randomBytes(size), name = `/k${size}`;
    for (const how of ['', '?how=buffer']) {
      const put = await (await server.fetch(name + how, { method: 'PUT', body })).json();
      assert.equal(put.size, size);
      assert.equal(put.etag, md5(body));
      const got = Buffer.from(await (await server.fetch(name)).arrayBuffer());
      assert.ok(got.equals(body), `${size} ${how}`);
    }
    if (size === 0) continue;
    assert.equal(await (await server.fetch(`${name}?how=digest`)).text(), md5(body));
    assert.equal((await (await server.fetch(`${name}?how=copy`)).json()).etag, md5(body));
    assert.equal((await (await server.fetch(`${name}?how=js`)).json()).etag, md5(body));
    assert.equal(await (await server.fetch(`${name}?how=half`)).text(), 'true');
    const part = await server.fetch(name, { headers: { range: `bytes=${size >> 1}-` } });
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(body.subarray(size >> 1)));
  }
  const short = await (await server.fetch('/short?how=short')).text();
  assert.match(short, /^TypeError: FixedLengthStream did not see all expected bytes before close\(\)\.$/);
  assert.equal((await server.fetch('/short')).status, 404);
  await server.stop();
});

test('95 MB pass in and out of a Worker in constant memory', async () => {
  const dir = worker(source, config);
  const server = await dev(dir);
  const size = 95 << 20, piece = randomBytes(1 << 20);
  const hash = createHash('md5');
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, rss(server.child.pid))), 20);
  const before = rss(server.child.pid);
  const put = await new Promise((done, failed) => {
    const r = request(`${server.url}/big`, { method: 'PUT', headers: { 'content-length': size } }, (answer) => {
      let text = '';
      answer.on('data', (d) => (text += d)).on('end', () => done(JSON.parse(text)));
    });
    r.on('error', failed);
    let sent = 0;
    const more = () => {
      while (sent < size) {
        sent += piece.length;
        hash.update(piece);
        if (!r.write(piece)) return r.once('drain', more);
      }
      r.end();
    };
    more();
  });
  assert.equal(put.size, size);
  assert.equal(put.etag, hash.digest('hex'));
  const back = createHash('md5');
  for await (const chunk of (await server.fetch('/big')).body) back.update(chunk);
  assert.equal(back.digest('hex'), put.etag);
  clearInterval(watch);
  assert.ok(most - before < 24, `main grew from ${before} MB to ${most} MB`);
  await server.stop();
});

test('a client that leaves in the middle of its upload leaves nothing behind', async () => {
  const dir = worker(source, config);
  const server = await dev(dir);
  await server.fetch('/kept', { method: 'PUT', body: randomBytes(100_000) });
  const r = request(`${server.url}/cut`, { method: 'PUT', headers: { 'content-length': 10_000_000 } });
  r.on('error', () => {});
  r.write(randomBytes(3_000_000));
  await until(() => blobs(dir) === 2, 'the upload to be under way');
  r.destroy();
  await until(() => blobs(dir) === 1, 'the half upload to go');
  assert.equal((await server.fetch('/cut')).status, 404);
  await server.stop();
});

test('kill -9 under load: what was acknowledged is there, whole; what was not is old or new; nothing is left over', async () => {
  const dir = worker(source, config);
  const acknowledged = new Map(); // key -> etags that may be there: the last acknowledged, and those under way
  const state = (key) => acknowledged.get(key) ?? acknowledged.set(key, { done: null, open: new Set() }).get(key);
  for (let round = 0; round < 3; round++) {
    const server = await dev(dir);
    let stop = false;
    const client = async (n) => {
      for (let i = 0; !stop; i++) {
        const key = `c${n}-${i % 3}`, body = randomBytes([300, 70_000, 400_000][i % 3]), tag = md5(body), s = state(key);
        s.open.add(tag);
        try {
          const answer = await (await server.fetch('/' + key, { method: 'PUT', body })).json();
          if (answer.etag !== tag) throw new Error(`stored ${answer.etag}, not ${tag}`);
          s.done = tag;
          s.open.clear();
        } catch (e) {
          if (!stop) throw e;
        }
      }
    };
    const clients = Promise.all([0, 1, 2, 3].map(client));
    await sleep(300 + 250 * round);
    stop = true;
    server.child.kill('SIGKILL');
    await Promise.all([clients, server.exited]);
    const again = await dev(dir);
    let files = 0, written = 0;
    for (const [key, s] of acknowledged) {
      const r = await again.fetch('/' + key);
      const got = r.status === 404 ? null : md5(Buffer.from(await r.arrayBuffer()));
      if (got === null) await r.body?.cancel();
      assert.ok(got === s.done || s.open.has(got), `${key}: ${got} is neither ${s.done} nor one of ${[...s.open]}`);
      if (s.done) written++;
      s.done = got;
      s.open.clear();
    }
    assert.ok(written > 0);
    for (const [, size] of await (await again.fetch('/?how=list')).json()) files += size > 65536 ? 1 : 0;
    if (round === 2) await until(() => blobs(dir) === files, 'content that nothing names to be swept', 40000);
    await again.stop('SIGKILL');
  }
});

test('an isolate that dies takes no object with it, and a cut upload is not stored', async () => {
  const dir = worker(`let n = 0; export default { async fetch(request, env) {
    const path = new URL(request.url).pathname;
    if (path === "/put") { await env.B.put("a", "safe"); await env.B.put("b", new Uint8Array(200000)); return new Response("ok"); }
    if (path === "/die") { const { readable, writable } = new FixedLengthStream(1e6); const w = writable.getWriter(); w.write(new Uint8Array(500000)); env.B.put("c", readable); await scheduler.wait(50); for (;;); }
    const o = await env.B.get(path.slice(1)); return new Response(o ? String(o.size) : "none");
  } }`, config + '[limits]\ncpu_ms = 200\n');
  const server = await dev(dir);
  await server.fetch('/put');
  assert.equal((await server.fetch('/die')).status, 503);
  assert.equal(await (await server.fetch('/a')).text(), '4');
  assert.equal(await (await server.fetch('/b')).text(), '200000');
  assert.equal(await (await server.fetch('/c')).text(), 'none');
  await until(() => blobs(dir) === 1, 'the cut upload to go');
  await server.stop();
});

test('the verbs act on the bucket, with a server and without', async () => {
  const dir = worker(source, config);
  const verb = async (...args) => {
    const r = await run(['r2', ...args], { cwd: dir });
    return [r.code, r.stdout + r.stderr];
  };
  const good = async (...args) => {
    const [code, out] = await verb(...args);
    assert.equal(code, 0, out);
    return out;
  };
  const file = join(dir, 'up.bin'), body = randomBytes(3_000_000);
  writeFileSync(file, body);
  for (const running of [false, true]) {
    const server = running ? await dev(dir) : null;
    const name = running ? 'with-server' : 'without';
    assert.match(await good('bucket', 'create', name), /Created bucket/);
    assert.notEqual((await verb('bucket', 'create', name))[0], 0);
    assert.match(await good('bucket', 'list'), new RegExp(`name: +${name}`));
    assert.match(await good('object', 'put', `${name}/a/b c.bin`, '--file', file, '--content-type', 'x/y'), /Upload complete/);
    assert.match(await good('bucket', 'info', name), /object_count: +1/);
    await good('object', 'get', `${name}/a/b c.bin`, '--file', join(dir, 'down.bin'));
    assert.ok(readFileSync(join(dir, 'down.bin')).equals(body));
    const [code, out] = await verb('object', 'get', `${name}/nothing`, '--file', join(dir, 'no.bin'));
    assert.ok(code !== 0 && /The specified key does not exist/.test(out), out);
    assert.match((await verb('bucket', 'delete', name))[1], /not empty/);
    assert.match(await good('object', 'delete', `${name}/a/b c.bin`), /Delete complete/);
    assert.match(await good('bucket', 'delete', name), /Deleted bucket/);
    assert.match((await verb('bucket', 'info', name))[1], /does not exist/);
    await good('object', 'put', 'files/cli', '--file', file);
    if (server) assert.equal((await (await server.fetch('/cli?how=digest')).text()), md5(body));
    await server?.stop();
  }
  assert.match((await verb('object', 'put', 'nokey', '--file', file))[1], /\{bucket\}\/\{key\}/);
});
