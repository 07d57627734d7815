// The Cache API, rate limits, data points and mail, through a Worker.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'node:http';
import { dev, run, until, worker } from './lib/selvage.mjs';

const config = `
[[ratelimits]]
name = "RL"
namespace_id = "1"
simple = { limit = 3, period = 60 }
[[analytics_engine_datasets]]
binding = "AE"
dataset = "visits"
[[send_email]]
name = "MAIL"
allowed_destination_addresses = ["a@example.com"]
`;
const source = `
import { EmailMessage } from "cloudflare:email";
const cached = { "cache-control": "max-age=1000" };
const steps = {
  async large() {
    const bytes = new Uint8Array(1500000).map((_, i) => (i * 7) & 255);
    await caches.default.put("http://x/large", new Response(bytes, { headers: cached }));
    const whole = new Uint8Array(await (await caches.default.match("http://x/large")).arrayBuffer());
    const part = await caches.default.match(new Request("http://x/large", { headers: { range: "bytes=1000000-1000009" } }));
    const two = await caches.default.match(new Request("http://x/large", { headers: { range: "bytes=0-1,1499998-1499999" } }));
    const kind = two.headers.get("content-type").split(";")[0];
    const parts = (await two.text()).split("Content-Range: ").length - 1;
    return [whole.length, whole.every((b, i) => b === bytes[i]), part.status, part.headers.get("content-range"),
      [...new Uint8Array(await part.arrayBuffer())].join() === [...bytes.slice(1000000, 1000010)].join(), two.status, kind, parts];
  },
  async coded() {
    await caches.default.put("http://x/gz", new Response("packed text", { headers: { ...cached, "content-encoding": "gzip" } }));
    const m = await caches.default.match("http://x/gz");
    return [m.headers.get("content-encoding"), await m.text()];
  },
  async named() {
    const one = await caches.open("one");
    await one.put("http://x/n", new Response("1", { headers: cached }));
    return [await (await one.match("http://x/n")).text(), (await caches.default.match("http://x/n")) === undefined,
      (await (await caches.open("two")).match("http://x/n")) === undefined];
  },
  async refused() {
    const stored = async (headers, status = 200) => {
      await caches.default.put("http://x/r", new Response("x", { headers, status }));
      const found = (await caches.default.match("http://x/r")) !== undefined;
      await caches.default.delete("http://x/r");
      return found;
    };
    return [await stored({ "cache-control": "no-store" }), await stored({ "cache-control": "max-age=0" }), await stored({ ...cached, "set-cookie": "a=1" }),
      await stored(cached, 500), await stored({}), await stored(cached)];
  },
  async notCachedStream() {
    const { readable, writable } = new TransformStream();
    const w = writable.getWriter();
    const put = caches.default.put("http://x/s", new Response(readable, { headers: { "cache-control": "no-store" } }));
    for (let i = 0; i < 20; i++) await w.write(new Uint8Array(100000));
    await w.close();
    await put;
    return (await caches.default.match("http://x/s")) === undefined;
  },
  async replaced() {
    await caches.default.put("http://x/z", new Response("old", { headers: cached }));
    await caches.default.put("http://x/z", new Response("new", { headers: { "cache-control": "max-age=0" } }));
    return (await caches.default.match("http://x/z")) === undefined;
  },
  async purged(env, wanted) {
    const open = await caches.open("purged");
    const put = (cache, url, headers = {}) => cache.put(url, new Response("x", { headers: { ...cached, ...headers } }));
    if (wanted === "put") {
      await put(caches.default, "http://a.test/one?q=1");
      await put(caches.default, "http://a.test/dir/two");
      await put(caches.default, "http://b.test/three", { "cache-tag": "first, Second" });
      await put(caches.default, "https://c.test/four");
      await put(open, "http://a.test/dir/five");
    }
    const left = [];
    for (const [cache, url] of [[caches.default, "http://a.test/one?q=1"], [caches.default, "http://a.test/dir/two"], [caches.default, "http://b.test/three"],
      [caches.default, "https://c.test/four"], [open, "http://a.test/dir/five"]])
      if (await cache.match(url)) left.push(url.split("/").pop());
    return left;
  },
  async limit(env) {
    const o = [];
    for (let i = 0; i < 5; i++) o.push((await env.RL.limit({ key: "k" })).success);
    return [o, (await env.RL.limit({ key: "other" })).success];
  },
  async points(env) {
    for (let i = 0; i < 5; i++) env.AE.writeDataPoint({ indexes: ["page" + (i % 2)], blobs: ["b", null, new Uint8Array([104, 105])], doubles: [i, 0.5] });
    const fail = (f) => { try { f(); return null; } catch (e) { return e.message; } };
    return [fail(() => env.AE.writeDataPoint({ indexes: ["a", "b"] })), fail(() => env.AE.writeDataPoint({ doubles: Array(21).fill(0) })), fail(() => env.AE.writeDataPoint())];
  },
  async mail(env) {
    const raw = "From: Me <me@example.com>\\r\\nTo: a@example.com\\r\\nMessage-ID: <1@x>\\r\\nSubject: Hi\\r\\n\\r\\nHello";
    const { messageId } = await env.MAIL.send(new EmailMessage("me@example.com", "a@example.com", raw));
    const other = await env.MAIL.send(new EmailMessage("me@example.com", "b@example.com", raw)).catch((e) => e.message);
    const built = await env.MAIL.send({ from: { name: "Grüße", email: "me@example.com" }, to: ["a@example.com"], subject: "Zwölf ☃", text: "T", html: "<b>H</b>" });
    return [/^<\\w{36}@example\\.com>$/.test(messageId), other, built.messageId.endsWith("@example.com>")];
  },
};
export default {
  async fetch(request, env) {
    const step = steps[new URL(request.url).pathname.slice(1)];
    if (step) return Response.json(await step(env, new URL(request.url).searchParams.get('do')));
    request = new Request("http://page.test" + new URL(request.url).pathname, request); // the port changes from run to run
    let r = await caches.default.match(request);
    if (!r) {
      r = new Response("page " + Date.now(), { headers: { ...cached, etag: '"v1"', "cache-tag": "t" } });
      await caches.default.put(request, r.clone());
    }
    return r;
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

test('large bodies, and pieces of them', async () => {
  assert.deepEqual(await step('large'), [1500000, true, 206, 'bytes 1000000-1000009/1500000', true, 206, 'multipart/byteranges', 2]);
});

test('coded bodies are kept as they are and decoded when read', async () => {
  assert.deepEqual(await step('coded'), ['gzip', 'packed text']);
});

test('caches of different names share nothing', async () => {
  assert.deepEqual(await step('named'), ['1', true, true]);
});

test('what says that it must not be kept is not', async () => {
  assert.deepEqual(await step('refused'), [false, false, false, false, true, true]);
  assert.equal(await step('notCachedStream'), true);
  assert.equal(await step('replaced'), true);
});

test('a page is cached in front of its worker, also over a restart', async () => {
  const first = await server.fetch('/page');
  const text = await first.text();
  const second = await server.fetch('/page');
  assert.equal(second.headers.get('cf-cache-status'), 'HIT');
  assert.equal(await second.text(), text);
  assert.equal((await server.fetch('/page', { headers: { 'if-none-match': '"v1"' } })).status, 304);
  await server.stop();
  server = await dev(dir);
  assert.equal(await (await server.fetch('/page')).text(), text);
});

test('a purge takes away what it names, in all caches', async () => {
  const purge = (body) => new Promise((done, fail) => {
    const r = request({ socketPath: join(dir, '.selvage/state/control.sock'), method: 'POST', path: '/client/v4/zones/zone1/purge_cache' }, (res) => {
      let text = '';
      res.on('data', (d) => (text += d));
      res.on('end', () => done({ status: res.statusCode, ...JSON.parse(text) }));
    });
    r.on('error', fail);
    r.end(JSON.stringify(body));
  });
  const after = async (body) => {
    assert.deepEqual(await step('purged?do=put'), ['one?q=1', 'two', 'three', 'four', 'five']);
    const { success, result } = await purge(body);
    assert.deepEqual([success, result], [true, { id: 'zone1' }]);
    return step('purged');
  };
  assert.deepEqual(await after({ files: ['http://A.test:80/one?q=1#here', { url: 'https://c.test/four', headers: {} }] }), ['two', 'three', 'five']);
  assert.deepEqual(await after({ files: ['http://a.test/one'] }), ['one?q=1', 'two', 'three', 'four', 'five']);
  assert.deepEqual(await after({ prefixes: ['a.test/dir/'] }), ['one?q=1', 'three', 'four']);
  assert.deepEqual(await after({ hosts: ['A.test', 'c.test'] }), ['three']);
  assert.deepEqual(await after({ tags: ['second'] }), ['one?q=1', 'two', 'four', 'five']);
  assert.deepEqual(await after({ purge_everything: true }), []);
  const refused = async (body) => {
    const { status, errors } = await purge(body);
    return [status, errors[0].code, errors[0].message];
  };
  const one = 'Request must contain one of "purge_everything", "files", "tags", "hosts" or "prefixes"';
  assert.deepEqual(await refused({}), [400, 1012, one]);
  assert.deepEqual(await refused({ purge_everything: true, tags: ['a'] }), [400, 1012, one]);
  assert.deepEqual(await refused({ files: ['/one'] }), [400, 1012, '"/one" is not a URL with http:// or https://']);
  assert.deepEqual(await refused({ tags: [1] }), [400, 1012, 'tags must be a list of strings']);
  assert.deepEqual(await refused({ tags: Array(101).fill('t') }), [400, 1012, 'tags has more than 100 items']);
  assert.equal((await purge({ tags: Array(100).fill('t') })).success, true);
});

test('rate limits count keys over all isolates', async () => {
  const [o, other] = await step('limit');
  // a window may end between two calls; then three more are allowed
  assert.ok(o.filter((x) => x).length === 3 || o.filter((x) => x).length === 5, JSON.stringify(o));
  assert.equal(other, true);
});

test('data points can be asked for in SQL', async () => {
  assert.deepEqual(await step('points'), ['writeDataPoint(): Maximum of 1 indexes supported.', 'writeDataPoint(): Maximum of 20 doubles supported.', null]);
  const ask = async (sql) => {
    const r = await run(['analytics', 'query', sql], { cwd: dir });
    return r.code === 0 ? JSON.parse(r.stdout) : r.stderr;
  };
  const n = await until(async () => {
    const r = await ask('SELECT count() AS n FROM visits');
    return typeof r === 'object' && r.data[0].n === 6 && r;
  }, 'six points');
  assert.equal(n.rows, 1);
  const sums = await ask(`SELECT index1, sum(double1) AS s, max(blob3) AS b FROM visits WHERE timestamp > NOW() - INTERVAL '1' DAY GROUP BY index1 ORDER BY index1`);
  assert.deepEqual(sums.data, [{ index1: '', s: 0, b: '' }, { index1: 'page0', s: 6, b: 'hi' }, { index1: 'page1', s: 4, b: 'hi' }]);
  assert.deepEqual((await ask('SHOW TABLES')).data, [{ dataset: 'visits' }]);
  assert.match(await ask('DELETE FROM visits'), /only SELECT statements can be run/);
  assert.match(await ask('SELECT 1 FROM nothing'), /unknown table: nothing/);
});

test('mail is kept as files, and told of', async () => {
  const from = server.output.length;
  assert.deepEqual(await step('mail'), [true, 'email to b@example.com not allowed', true]);
  const [, file] = await server.saw(/send_email from me@example\.com to a@example\.com: (\S+\.eml)/, { from });
  assert.match(readFileSync(file, 'utf8'), /^From: Me <me@example\.com>\r\n/);
  const folder = join(dir, '.selvage/state/v1/local/email');
  const built = readdirSync(folder).map((f) => readFileSync(join(folder, f), 'utf8')).find((t) => t.includes('multipart/alternative'));
  assert.match(built, /^From: =\?utf-8\?B\?R3LDvMOfZQ==\?= <me@example\.com>\r\nTo: a@example\.com\r\nSubject: =\?utf-8\?B\?/);
  assert.match(built, /Content-Type: text\/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI\+SDwvYj4=\r\n/);
});
