// Modules of Node that touch the system: http and https with servers, net, tls, fs, timers, diagnostics_channel, dns, os.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { after, before, test } from 'node:test';
import { dev, project } from './lib/selvage.mjs';

const config = `name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\ncompatibility_flags = ["nodejs_compat"]\n`;
const serve = (files) => dev(project({ 'wrangler.toml': config, ...files }));

const source = `
import http from "node:http";
import net from "node:net";
import os from "node:os";
import fs from "node:fs";
import fsp from "node:fs/promises";
import dns from "node:dns";
import timers from "node:timers";
import timersPromises from "node:timers/promises";
import dc from "node:diagnostics_channel";
import perf from "node:perf_hooks";
import path from "node:path";
import nodeUrl from "node:url";
import util from "node:util";
import tls from "node:tls";
import constants from "node:constants";
import { transcode } from "node:buffer";
import { EventEmitterAsyncResource } from "node:events";
import { AsyncLocalStorage } from "node:async_hooks";
import data from "./data.txt";
const caught = f => { try { return f(); } catch (e) { return e.code ?? e.message; } };
const steps = {
  async client(url) {
    const body = await new Promise((ok, no) => {
      const r = http.request(url.origin + "/echo?x=1", { method: "POST", headers: { "content-type": "text/plain", "x-a": ["1", "2"] } }, m => {
        const parts = []; m.on("data", c => parts.push(c)); m.on("end", () => ok([m.statusCode, m.headers["x-seen"], Buffer.concat(parts).toString(), m.complete]));
      });
      r.on("error", no); r.write("he"); r.end("llo");
    });
    const failed = await new Promise(ok => http.get("http://127.0.0.1:1/").on("error", e => ok(e instanceof Error)));
    const late = await new Promise(ok => { const r = http.get(url.origin + "/slow", { timeout: 20 }); r.on("timeout", () => { r.destroy(); ok("timeout"); }); r.on("error", () => {}); });
    return [body, failed, late, caught(() => http.request({ path: "/a b" })), caught(() => http.request({ path: "//other.example/" }))];
  },
  performance() {
    performance.mark("a", { startTime: 5, detail: { x: 1 } });
    performance.mark("b", { startTime: 9 });
    performance.measure("m", "a", "b");
    performance.measure("n", { start: 1, duration: 4 });
    const entries = performance.getEntries().map(e => [e.name, e.entryType, e.startTime, e.duration, e.detail?.x]);
    performance.clearMarks("a");
    const left = performance.getEntriesByType("mark").map(e => e.name), json = JSON.stringify(performance.getEntriesByName("b")[0]);
    performance.clearMarks(); performance.clearMeasures();
    for (let i = 0; i < 10005; i++) performance.mark("many" + i);
    const most = [performance.getEntries().length, performance.getEntries()[0].name];
    performance.clearMarks();
    return [entries, left, json, most, performance === perf.performance, performance instanceof EventTarget, perf.PerformanceMark === PerformanceMark, caught(() => performance.mark()), caught(() => new PerformanceEntry()),
      caught(() => performance.mark("d", { detail: "text" })), performance.timerify(steps.performance) === steps.performance];
  },
  small() {
    return [path === path.posix, Object.keys(nodeUrl.parse("http://a:b@h.com:80/p?q=1#h")).slice(0, 3), caught(() => nodeUrl.parse(5)), new EventEmitterAsyncResource({ name: "x" }).asyncId >= 0,
      path.resolve("a"), nodeUrl.pathToFileURL("/a[b]|c^~").href, caught(() => nodeUrl.domainToASCII()), caught(() => nodeUrl.parse("http://fail\u2047fail.com/")), typeof setImmediate(() => {})[Symbol.dispose],
      String(new util.MIMEType("text/plain;a=1;b=2")), Buffer.alloc(2).copy(Buffer.alloc(2), 0, 9), (() => { try { return new File([], "", { lastModified: 3n }); } catch (error) { return error.name; } })(),
      ...[[[65, 0, 66], "ucs2", "utf8"], [[72, 128], "utf8", "ucs2"], [[1], "hex", "utf8"]].map(([bytes, from, to]) => { try { return transcode(Buffer.from(bytes), from, to); } catch (error) { return error.message; } })];
  },
  async copies() {
    fs.mkdirSync("/tmp/copies/dir", { recursive: true }); fs.writeFileSync("/tmp/copies/a", "a"); fs.symlinkSync("/tmp/copies/dir", "/tmp/copies/link");
    const out = [caught(() => fs.cpSync("/tmp/copies/a", "/tmp/copies/dir")), caught(() => fs.cpSync("/tmp/copies/a", "/tmp/copies/link", { dereference: true }))];
    out.push(await new Promise(ok => fs.cp("/tmp/copies/a", "/tmp/copies/link", { dereference: true }, e => ok(e.code))));
    fs.cpSync("/tmp/copies/a", "/tmp/copies/link");
    return [...out, fs.lstatSync("/tmp/copies/link").isFile(), fs.readdirSync("/tmp/copies/dir"), caught(() => fs.chmod("/tmp/copies/a", -1, () => {})), caught(() => fs.cp("/tmp/copies/a", "/tmp/copies/b", { filter() {} }, () => {}))];
  },
  refused() {
    const tried = (o) => caught(() => { const s = net.connect({ port: 1, host: "127.0.0.1", ...o }); s.on("error", () => {}); s.destroy(); return "ok"; });
    class Mine extends net.Socket { constructor() { super(); this.mine = true; } }
    const mine = new Mine();
    return [net.Socket()._handle, tried({ objectMode: true }), tried({ localPort: "x" }), tried({ lookup: 5 }), tried({ autoSelectFamily: 5 }), tried({ autoSelectFamilyAttemptTimeout: 0 }),
      caught(() => tls.connect({ port: 1, host: "127.0.0.1", checkServerIdentity: 5 })), net.Socket() instanceof net.Socket, net.Socket().constructor === net.Socket, mine.mine && mine instanceof net.Socket && mine instanceof Mine,
      [["a.com", "a.com."], ["a.com.", "a.com"], ["a.com", ["x", "a.com"]], ["a.com", "b.com"]].map(([host, CN]) => tls.checkServerIdentity(host, { subject: { CN } })?.reason ?? null),
      caught(() => { constants.EACCES = 5; }) !== 5 && constants.EACCES, caught(() => Buffer.alloc(1).copy(Buffer.alloc(1), 0, 2 ** 32))];
  },
  async als(url) {
    const als = new AsyncLocalStorage();
    return Promise.all(["a", "b"].map(v => als.run(v, () => new Promise(ok => http.get(url.origin + "/echo", m => { const seen = [als.getStore()]; m.on("data", () => seen.push(als.getStore())).on("end", () => ok([...seen, als.getStore()].join(""))); })))));
  },
  async net(url) {
    return new Promise((ok, no) => {
      const log = [];
      const s = net.connect(+url.searchParams.get("port"), "127.0.0.1", () => log.push("connect", s.remotePort === +url.searchParams.get("port"), s.readyState));
      s.setEncoding("utf8"); s.on("data", d => { log.push(d); if (d.includes("bye")) s.end(); }); s.on("end", () => log.push("end")); s.on("close", e => ok([...log, e])); s.on("error", no);
      s.write("hello\\n");
    });
  },
  async netFails() { return new Promise(ok => net.connect(1, "127.0.0.1").on("error", e => ok(e.code)).on("connect", () => ok("connected"))); },
  async addresses() {
    const list = new net.BlockList(); list.addSubnet("10.0.0.0", 8); list.addRange("192.168.1.1", "192.168.1.9"); list.addAddress("::1", "ipv6");
    return [net.isIP("::1"), net.isIP("1.2.3.4"), net.isIP("1.2.3.256"), net.isIP("fe80::1%eth0"), net.isIPv6("1::2::3"), list.check("10.1.2.3"), list.check("11.1.2.3"), list.check("192.168.1.5"), list.check("::ffff:10.0.0.1", "ipv6"), list.rules.length,
      ["1.2.3.4:8080", "[::1]:3000", "9.9.9.9", "no", ""].map(text => net.SocketAddress.parse(text)?.toJSON() ?? null),
      ((copy) => { copy.fromJSON(list.toJSON()); copy.fromJSON('["Address: IPv6 ::2","nothing"]'); return [copy.rules.length, copy.check("192.168.1.5"), copy.check("::2", "ipv6"), caught(() => copy.fromJSON(5)), caught(() => copy.fromJSON([5]))]; })(new net.BlockList())];
  },
  async fs() {
    const before = fs.readdirSync("/tmp");
    fs.writeFileSync("/tmp/a.txt", "hello"); await fsp.appendFile("/tmp/a.txt", " you"); fs.mkdirSync("/tmp/d/e", { recursive: true }); fs.symlinkSync("/tmp/a.txt", "/tmp/d/ln");
    const stream = await new Promise((ok, no) => { let s = ""; fs.createReadStream("/tmp/a.txt", { encoding: "utf8", start: 1, end: 6 }).on("data", c => (s += c)).on("end", () => ok(s)).on("error", no); });
    const called = await new Promise(ok => fs.readFile("/tmp/none", e => ok(e.code)));
    const fd = fs.openSync("/tmp/f", "w+"); fs.writeSync(fd, "abcdef"); const b = Buffer.alloc(3); fs.readSync(fd, b, 0, 3, 2); fs.closeSync(fd);
    const listed = []; for await (const entry of await fsp.opendir("/tmp")) listed.push(entry.name);
    return [before, fs.readFileSync("/tmp/d/ln", "utf8"), stream, called, b.toString(), listed.sort(), fs.statSync("/tmp/a.txt").size, fs.readFileSync("/bundle/" + fs.readdirSync("/bundle").find(n => n.endsWith("data.txt")), "utf8") === data, fs.readFileSync("/bundle/index.js", "utf8").includes("a text of the source"),
      caught(() => fs.writeFileSync("/bundle/x", "")), caught(() => fs.readFileSync("/etc/passwd")), fs.existsSync("/proc"), caught(() => fs.rmSync("/tmp/d")), fs.globSync("/tmp/*.txt")];
  },
  async fileStreams() {
    const calls = [], own = {};
    for (const name of ["open", "write", "close"]) own[name] = (...args) => { calls.push(name); return fs[name](...args); };
    const written = (stream, ...chunks) => new Promise((ok, no) => { stream.on("close", ok).on("error", no); for (const c of chunks) stream.write(c); stream.end(); });
    await written(fs.WriteStream("/tmp/s", { fs: own, flush: true }), "abc");
    const handle = await fsp.open("/tmp/s", "r+");
    const closed = new Promise(ok => handle.on("close", ok));
    await written(fs.createWriteStream(null, { fd: handle, start: 3 }), "d", Buffer.from("ef"), "g"); await closed;
    const read = (stream) => new Promise((ok, no) => { let text = ""; stream.on("data", c => (text += c)).on("end", () => ok(text)).on("error", e => ok(e.code)); });
    const inherited = fs.createReadStream("/tmp/s", { __proto__: { start: 1, end: 3, encoding: "latin1" } });
    const late = await fsp.open("/tmp/s"); await late.close();
    return [calls, handle.fd, await read(fs.ReadStream("/tmp/s")), inherited.end, await read(inherited), await read(fs.createReadStream("/tmp/none")), fs.createReadStream("/tmp/s", { autoClose: false }).autoClose,
      caught(() => fs.createReadStream("/tmp/s", { start: 5, end: 1 })), caught(() => fs.createReadStream(null, { fd: handle, fs: {} })), await late.stat().catch(e => e.code)];
  },
  async timers() {
    const t = timers.setTimeout(() => {}, 1000), global = setTimeout(() => {}, 1000); clearTimeout(global);
    const seen = []; for await (const v of timersPromises.setInterval(1, "i")) { seen.push(v); if (seen.length === 3) break; }
    const aborter = new AbortController(); const p = timersPromises.setTimeout(1000, 0, { signal: aborter.signal }).catch(e => e.code); aborter.abort();
    const r = [typeof t.refresh, t.hasRef(), +t > 0, typeof global.unref, await timersPromises.setTimeout(1, "v"), seen, await p]; t.close(); return r;
  },
  async channels() {
    const log = [], als = new AsyncLocalStorage(), c = dc.channel("x");
    c.subscribe((m, n) => log.push([m, n])); c.publish(1); c.bindStore(als, v => v * 2); log.push(c.runStores(4, () => als.getStore()));
    const t = dc.tracingChannel("op"); for (const k of ["start", "end", "asyncStart", "asyncEnd", "error"]) t[k].subscribe(m => log.push(k));
    log.push(t.traceSync((a) => a + 1, {}, null, 1)); await t.tracePromise(async () => { await null; throw new Error("x"); }).catch(() => {});
    t.traceCallback((v, done) => done(null, v), -1, {}, null, 5, () => log.push("called"));
    return log;
  },
  async rest() { return [os.EOL, os.platform(), os.homedir(), os.constants.signals.SIGINT, await dns.promises.lookup("127.0.0.1"), await new Promise(ok => dns.lookup("::1", (e, a, f) => ok([a, f]))), caught(() => dns.resolve("x", "QQ", () => {})), typeof perf.performance.now(), caught(() => perf.createHistogram())]; },
};
export default { async fetch(request) {
  const url = new URL(request.url); // a text of the source
  if (url.pathname === "/echo") return new Response(await request.text() || "none", { headers: { "x-seen": request.headers.get("x-a") ?? "" } });
  if (url.pathname === "/slow") { await scheduler.wait(300); return new Response("slow"); }
  const step = steps[url.pathname.slice(1)];
  return Response.json(step === undefined ? null : await step(url));
} };
`;
let server, echo;
before(async () => {
  echo = net.createServer({ allowHalfOpen: true }, (s) => {
    s.on('data', (d) => s.write(String(d).toUpperCase() + 'bye')).on('end', () => s.end()).on('error', () => {});
  });
  await new Promise((ok) => echo.listen(0, '127.0.0.1', ok));
  server = await serve({ 'index.js': source, 'data.txt': 'some data' });
});
after(() => {
  echo?.close();
  return server?.stop();
});
const step = async (name) => {
  const response = await server.fetch(`/${name}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
};

test('http: requests, errors, timeouts', async () => assert.deepEqual(await step('client'), [[200, '1, 2', 'hello', true], true, 'timeout', 'ERR_UNESCAPED_CHARACTERS', 'ERR_INVALID_ARG_VALUE']));
test('http: callbacks keep the context of who asked', async () => assert.deepEqual(await step('als'), ['aaa', 'bbb']));
test('net: a connection', async () => assert.deepEqual(await step(`net?port=${echo.address().port}`), ['connect', true, 'open', 'HELLO\nbye', 'end', false]));
test('net: a connection that fails', async () => assert.equal(await step('netFails'), 'ECONNREFUSED'));
test('net: addresses', async () => assert.deepEqual(await step('addresses'), [6, 4, 0, 6, false, true, false, true, true, 3,
  [{ address: '1.2.3.4', port: 8080, family: 'ipv4', flowlabel: 0 }, { address: '::1', port: 3000, family: 'ipv6', flowlabel: 0 }, { address: '9.9.9.9', port: 0, family: 'ipv4', flowlabel: 0 }, null, null],
  [4, true, true, 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE']]));
test('streams over files go through callbacks, of the program where it gives some', async () => {
  assert.deepEqual(await step('fileStreams'), [['open', 'write', 'close'], undefined, 'abcdefg', 3, 'bcd', 'ENOENT', false, 'ERR_OUT_OF_RANGE', 'ERR_METHOD_NOT_IMPLEMENTED', 'EBADF'].map((v) => v ?? null));
});

test('fs', async () => {
  const want = [[], 'hello you', 'ello y', 'ENOENT', 'cde', ['a.txt', 'd', 'f'], 9, true, true, 'EPERM', 'ENOENT', false, 'ENOTEMPTY', ['/tmp/a.txt']];
  assert.deepEqual(await step('fs'), want);
  assert.deepEqual(await step('fs'), want, 'each request has its own /tmp');
});
test('fs: copies onto links, arguments that are refused at once', async () => assert.deepEqual(await step('copies'), ['ERR_FS_CP_NON_DIR_TO_DIR', 'ERR_FS_CP_NON_DIR_TO_DIR', 'ERR_FS_CP_NON_DIR_TO_DIR', true, [], 'ERR_OUT_OF_RANGE', 'ERR_UNSUPPORTED_OPERATION']));
test('timers', async () => assert.deepEqual(await step('timers'), ['function', true, true, 'function', 'v', ['i', 'i', 'i'], 'ABORT_ERR']));
test('diagnostics_channel', async () => assert.deepEqual(await step('channels'), [[1, 'x'], [4, 'x'], 8, 'start', 'end', 2, 'start', 'end', 'error', 'asyncStart', 'asyncEnd', 'start', 'asyncStart', 'called', 'asyncEnd', 'end']));
test('os, dns, perf_hooks', async () => assert.deepEqual(await step('rest'), ['\n', 'linux', '/tmp/', 2, { address: '127.0.0.1', family: 4 }, ['::1', 6], 'ERR_INVALID_ARG_VALUE', 'number', 'ERR_METHOD_NOT_IMPLEMENTED']));

test('performance: marks and measures', async () => assert.deepEqual(await step('performance'), [
  [['a', 'mark', 5, 0, 1], ['b', 'mark', 9, 0, null], ['m', 'measure', 5, 4, null], ['n', 'measure', 1, 4, null]], ['b'], '{"name":"b","entryType":"mark","startTime":9,"duration":0}', [10000, 'many5'], true, true, true,
  "Failed to execute 'mark' on 'Performance': parameter 1 is not of type 'string'.", 'Illegal constructor', "Incorrect type for the 'detail' field on 'Options': the provided value is not of type 'JsObject'.", true]));
test('path, url, events: small things', async () => assert.deepEqual(await step('small'), [true, ['protocol', 'slashes', 'auth'], 'ERR_INVALID_ARG_TYPE', true,
  '/a', 'file:///a%5Bb%5D%7Cc%5E%7E', 'ERR_MISSING_ARGS', 'ERR_INVALID_URL', 'function', 'text/plain;a=1; b=2', 0, 'TypeError',
  'UTF-16le input size should be multiple of 2', 'Unable to transcode buffer', 'Unable to transcode buffer due to unsupported encoding']));

test('net, tls, constants: what is refused', async () => assert.deepEqual(await step('refused'), [null, 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE',
  'ERR_INVALID_ARG_TYPE', true, true, true, [null, null, null, "Host: a.com. is not cert's CN: b.com"], 13, 'ERR_OUT_OF_RANGE']));

test('tls: from the start, and of a connection that is there', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const key = join(dir, 'key.pem'), cert = join(dir, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  const secure = tls.createServer({ ...pair, allowHalfOpen: true }, (c) => c.on('data', (d) => c.end(`secret ${d}`)).on('error', () => {}));
  const upgrading = net.createServer((c) => {
    c.on('error', () => {});
    c.once('data', () => {
      c.write('ready');
      const s = new tls.TLSSocket(c, { isServer: true, ...pair });
      s.on('data', (d) => s.end(`now secret ${d}`)).on('error', () => {});
    });
  });
  for (const one of [secure, upgrading]) await new Promise((ok) => one.listen(0, 'localhost', ok));
  const worker = await dev(project({ 'wrangler.toml': config, 'index.js': `import net from "node:net"; import tls from "node:tls";
    const all = s => new Promise((ok, no) => { let t = ""; s.setEncoding("utf8"); s.on("data", d => (t += d)).on("end", () => ok(t)).on("error", no); });
    export default { async fetch(request) {
      const port = +new URL(request.url).searchParams.get("port");
      if (new URL(request.url).pathname === "/up") {
        const plain = net.connect(port, "localhost"); plain.write("start"); await new Promise((ok, no) => plain.once("data", ok).once("error", no));
        const s = tls.connect({ socket: plain, servername: "localhost" }); s.once("secureConnect", () => s.write("ping")); return new Response(await all(s));
      }
      const s = tls.connect({ host: "localhost", port }, () => s.write("ping")); const t = await all(s); return new Response([t, s.encrypted, s.authorized].join());
    } };` }), [], { env: { SSL_CERT_FILE: cert } });
  try {
    assert.equal(await (await worker.fetch(`/?port=${secure.address().port}`)).text(), 'secret ping,true,true', worker.output);
    assert.equal(await (await worker.fetch(`/up?port=${upgrading.address().port}`)).text(), 'now secret ping', worker.output);
  } finally {
    await worker.stop();
    secure.close();
    upgrading.close();
  }
});

test('a server of node:http', async () => {
  const one = await serve({ 'index.js': `import http from "node:http"; import { httpServerHandler } from "cloudflare:node";
    const server = http.createServer(async (req, res) => {
      if (req.url === "/plain") return res.end("hello");
      if (req.url === "/chunks") { for (let i = 0; i < 20; i++) if (!res.write("x".repeat(20000))) await new Promise(r => res.once("drain", r)); return res.end(); }
      if (req.url === "/none") { res.statusCode = 204; return res.end(); }
      const parts = []; for await (const c of req) parts.push(c);
      res.writeHead(201, "Made", { "X-A": "1", "Set-Cookie": ["a=1", "b=2"] });
      res.write(req.method + " " + req.url + " "); setTimeout(() => res.end(Buffer.concat(parts)), 2);
    });
    export default httpServerHandler(server);` });
  try {
    assert.equal(await (await one.fetch('/plain')).text(), 'hello', one.output);
    assert.equal((await (await one.fetch('/chunks')).text()).length, 400000);
    assert.equal((await one.fetch('/none')).status, 204);
    const made = await one.fetch('/p?q=1', { method: 'POST', body: 'body' });
    assert.deepEqual([made.status, made.statusText, made.headers.get('x-a'), made.headers.getSetCookie(), await made.text()], [201, 'Made', '1', ['a=1', 'b=2'], 'POST /p?q=1 body']);
    assert.equal(await (await one.fetch('/plain', { method: 'HEAD' })).text(), '');
  } finally {
    await one.stop();
  }
});

test('express', async () => {
  const one = await serve({ 'index.js': `import express from "express"; import { httpServerHandler } from "cloudflare:node"; import { AsyncLocalStorage } from "node:async_hooks";
    const als = new AsyncLocalStorage(), app = express();
    app.use((req, res, next) => als.run(req.query.id, next)); app.use(express.json()); app.use(express.urlencoded({ extended: true }));
    app.get("/users/:id", (req, res) => res.json({ id: req.params.id, q: req.query }));
    app.post("/json", (req, res) => res.status(201).json({ got: req.body }));
    app.get("/als", async (req, res) => { await new Promise(r => setTimeout(r, 5)); res.send(als.getStore()); });
    app.get("/boom", async () => { throw new Error("boom"); });
    app.use((error, req, res, next) => res.status(500).send("handled " + error.message));
    app.listen(3000); export default httpServerHandler({ port: 3000 });` });
  const text = async (path, init) => (await one.fetch(path, init)).text();
  try {
    assert.equal(await text('/users/5?a=b'), '{"id":"5","q":{"a":"b"}}', one.output);
    assert.equal(await text('/json', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"x":[1,2]}' }), '{"got":{"x":[1,2]}}');
    assert.equal(await text('/json', { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1' }), '{"got":{"a":"1"}}');
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map((id) => text(`/als?id=${id}`))), ['1', '2', '3', '4', '5']);
    assert.equal(await text('/boom'), 'handled boom');
    assert.equal((await one.fetch('/nothing')).status, 404);
  } finally {
    await one.stop();
  }
});
