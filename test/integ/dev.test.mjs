// selvage dev: reload, build errors, configuration errors, flags, terminal, end.
import test from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { dev, project, run, sleep, worker } from './lib/selvage.mjs';

const answer = (text) => `export default { fetch() { return new Response(${JSON.stringify(text)}); } };\n`;
const text = async (s, path = '/', init) => (await s.fetch(path, init)).text();

async function using(server, work) {
  const s = await server;
  try {
    await work(s);
  } finally {
    assert.deepEqual(await s.stop(), { code: 0, signal: null });
  }
}
// Changes a file and waits for what is then answered.
async function until(s, want, path = '/') {
  for (const end = Date.now() + 10000; ;) {
    const got = await text(s, path);
    if (got === want) return;
    if (Date.now() > end) assert.equal(got, want, s.output);
    await sleep(20);
  }
}

test('the first line says where it listens and how long it took', () => using(dev(worker(answer('x'))), async (s) => {
  await s.saw(/Ready/);
  assert.match(s.output.split('\n')[0], new RegExp(`^⎔ Ready on http://localhost:${s.port} \\(\\d+ ms\\)$`));
}));

test('each request is a line with status and time', () => using(dev(worker('export default { fetch: (r) => new Response(null, { status: Number(new URL(r.url).searchParams.get("s")) }) };')), async (s) => {
  await s.fetch('/a?s=204');
  await s.fetch('/b?s=404', { method: 'POST', body: 'x' });
  await s.saw(/^GET \/a\?s=204 204 No Content \(\d+ms\)$/m);
  await s.saw(/^POST \/b\?s=404 404 Not Found \(\d+ms\)$/m);
}));

test('console output has its place in the source', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "src/index.ts"\ncompatibility_date = "2026-01-01"\n',
  'src/index.ts': 'import { log } from "./log";\nexport default { fetch(): Response { log("hi"); return new Response("x"); } };\n',
  'src/log.ts': 'interface A { b: string }\n\nexport function log(what: string): void {\n  console.log("said", { what } as unknown as A);\n}\n',
})), async (s) => {
  await text(s);
  await s.saw(/^said \{ what: 'hi' \} {2}\(src\/log\.ts:4:\d+\)$/m);
}));

test('uncaught exceptions show stacks in the sources', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "src/index.ts"\ncompatibility_date = "2026-01-01"\n',
  'src/index.ts': 'type T = { a: number };\n\nfunction boom(x: T): never {\n  throw new TypeError("no " + x.a);\n}\nexport default { fetch(): Response { return boom({ a: 1 }); } };\n',
})), async (s) => {
  const page = await s.fetch('/');
  assert.equal(page.status, 500);
  assert.match(await page.text(), /TypeError: no 1\n\s+at boom \(src\/index\.ts:4:\d+\)/);
  await s.saw(/TypeError: no 1\n\s+at boom \(src\/index\.ts:4:\d+\)/);
}));

test('a changed source replaces the worker in place', () => using(dev(worker(answer('one'))), async (s) => {
  assert.equal(await text(s), 'one');
  writeFileSync(join(s.cwd, 'index.js'), answer('two'));
  await until(s, 'two');
  await s.saw(/Reloaded/);
  writeFileSync(join(s.cwd, 'new.js'), answer('three'));
  renameSync(join(s.cwd, 'new.js'), join(s.cwd, 'index.js')); // as many editors save
  await until(s, 'three');
}));

test('imported files, text modules and JSON are watched too', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\n',
  'index.js': 'import { a } from "./lib/a.js"; import t from "./t.txt"; import j from "./j.json";\nexport default { fetch: () => new Response([a, t, j.v].join()) };\n',
  'lib/a.js': 'export const a = 1;', 't.txt': 'text', 'j.json': '{"v":1}',
})), async (s) => {
  assert.equal(await text(s), '1,text,1');
  writeFileSync(join(s.cwd, 'lib/a.js'), 'export const a = 2;');
  await until(s, '2,text,1');
  writeFileSync(join(s.cwd, 't.txt'), 'other');
  await until(s, '2,other,1');
  writeFileSync(join(s.cwd, 'j.json'), '{"v":3}');
  await until(s, '2,other,3');
}));

test('a request that runs finishes on the old code, and its connection stays', () => using(dev(worker(
  'let open; const gate = new Promise((r) => (open = r));\nexport default { async fetch(r) { const p = new URL(r.url).pathname; if (p === "/open") open(); if (p === "/slow") { await scheduler.wait(1200); } return new Response("old"); } };',
)), async (s) => {
  const slow = text(s, '/slow');
  await sleep(200);
  writeFileSync(join(s.cwd, 'index.js'), answer('new'));
  await until(s, 'new');
  assert.equal(await slow, 'old');
}));

test('a build error keeps the last version, shows the line and a page, and goes away', () => using(dev(worker(answer('good'))), async (s) => {
  assert.equal(await text(s), 'good');
  writeFileSync(join(s.cwd, 'index.js'), 'export default {\n  fetch() { return new Response("<b>" }\n};\n');
  await s.saw(/✘ \[ERROR\] Expected "\)" but found "}"/);
  await s.saw(/index\.js:2:\d+:\n\s+2 │ {3}fetch\(\)/);
  await s.saw(/The last version that worked keeps running/);
  assert.equal(await text(s), 'good');
  const page = await s.fetch('/', { headers: { accept: 'text/html,application/xhtml+xml' } });
  assert.equal(page.status, 500);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  const html = await page.text();
  assert.match(html, /Expected &quot;\)&quot;/);
  assert.match(html, /&lt;b>/); // the source line, escaped
  writeFileSync(join(s.cwd, 'index.js'), answer('again'));
  await until(s, 'again');
  assert.equal(await text(s, '/', { headers: { accept: 'text/html' } }), 'again');
}));

test('a project that cannot be built at first starts when it can', () => using(dev(worker('import "./gone.js"; export default 1;'), [], { wait: false }), async (s) => {
  await s.saw(/Could not resolve "\.\/gone\.js"/);
  await s.saw(/Listening on http/);
  assert.equal((await s.fetch('/')).status, 500);
  writeFileSync(join(s.cwd, 'gone.js'), '');
  writeFileSync(join(s.cwd, 'index.js'), 'import "./gone.js";\n' + answer('here'));
  await until(s, 'here');
}));

test('a worker that throws at start says why', () => using(dev(worker('throw new Error("at start");\nexport default {};'), [], { wait: false }), async (s) => {
  await s.saw(/The worker cannot start: Error: at start\n\s+at .*index\.js:1:\d+/);
  writeFileSync(join(s.cwd, 'index.js'), answer('better'));
  await until(s, 'better');
}));

test('a new version that cannot start leaves the place to the one before', () => using(dev(worker(answer('good'))), async (s) => {
  assert.equal(await text(s), 'good');
  writeFileSync(join(s.cwd, 'index.js'), 'throw new Error("at start");\n' + answer('bad'));
  await s.saw(/The worker cannot start: Error: at start\n\s+at .*index\.js:1:\d+/);
  await s.saw(/The last version that worked keeps running/);
  await until(s, 'good');
  assert.match(await text(s, '/', { headers: { accept: 'text/html' } }), /cannot start: Error: at start/);
  writeFileSync(join(s.cwd, 'index.js'), answer('better'));
  await until(s, 'better');
  assert.equal(await text(s, '/', { headers: { accept: 'text/html' } }), 'better');
}));

test('configuration and .dev.vars are watched', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\n[vars]\nA = "1"\n',
  'index.js': 'export default { fetch: (r, env) => new Response(env.A + env.B) };',
})), async (s) => {
  assert.equal(await text(s), '1undefined');
  writeFileSync(join(s.cwd, '.dev.vars'), 'B="two"\n');
  await until(s, '1two');
  writeFileSync(join(s.cwd, 'wrangler.toml'), 'name = "t"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\n[vars]\nA = "3"\n');
  await until(s, '3two');
  writeFileSync(join(s.cwd, 'wrangler.toml'), 'name = "t"\nmain = \n');
  await s.saw(/wrangler\.toml:2:8: expected a value/);
  assert.equal(await text(s), '3two');
}));

test('flags reach the worker', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "index.ts"\ncompatibility_date = "2026-01-01"\n[vars]\nA = "config"\n[env.prod.vars]\nA = "prod"\n',
  'index.ts': 'declare const DEFINED: string; import x from "aliased";\nexport default { fetch: (r: Request, env: any) => new Response([env.A, env.B, DEFINED, x, process.env.NODE_ENV, Cloudflare.compatibilityFlags.nodejs_als].join()) };',
  'other.ts': 'export default "alias";',
}), ['--env=prod', '--var', 'B:b:c', '--define', 'DEFINED:"defined"', '--alias', 'aliased:./other.ts', '--compatibility-flags', 'nodejs_als', '--minify', '--log-level', 'warn']), async (s) => {
  assert.equal(await text(s), 'prod,b:c,defined,alias,development,true');
  assert.doesNotMatch(s.output, /GET \//);
}));

test('--no-bundle serves a single file', () => using(dev(worker(answer('plain')), ['--no-bundle']), async (s) => {
  assert.equal(await text(s), 'plain');
}));

test('a script without any configuration runs', async () => {
  const dir = project({ 'a.js': answer('alone') });
  await using(dev(dir, ['a.js']), async (s) => {
    assert.equal(await text(s), 'alone');
    await s.saw(/no compatibility_date is given/);
  });
});

test('several configurations make several workers that call each other', async () => {
  const dir = project({
    'a/wrangler.toml': 'name = "a"\nmain = "i.js"\ncompatibility_date = "2026-01-01"\n[[services]]\nbinding = "B"\nservice = "b"\n',
    'a/i.js': 'export default { async fetch(r, env) { return new Response("a>" + await (await env.B.fetch(r)).text()); } };',
    'b/wrangler.jsonc': '{ "name": "b", "main": "i.js", /* c */ "compatibility_date": "2026-01-01", }',
    'b/i.js': answer('b'),
  });
  await using(dev(dir, ['-c', 'a/wrangler.toml', '-c', 'b/wrangler.jsonc']), async (s) => {
    assert.equal(await text(s), 'a>b');
    writeFileSync(join(dir, 'b/i.js'), answer('c'));
    await until(s, 'a>c');
  });
});

test('of several workers each line says whose it is, and a binding to none says so', async () => {
  const dir = project({
    'a/wrangler.toml': 'name = "a"\nmain = "i.js"\ncompatibility_date = "2026-01-01"\n[[services]]\nbinding = "B"\nservice = "b"\n[[services]]\nbinding = "NONE"\nservice = "none"\n',
    'a/i.js': 'export default { async fetch(r, env) { console.log("from a"); return r.url.endsWith("/none") ? env.NONE.fetch(r) : env.B.fetch(r); } };',
    'b/wrangler.toml': 'name = "b"\nmain = "i.js"\ncompatibility_date = "2026-01-01"\n',
    'b/i.js': 'export default { fetch() { console.log("from b"); throw new Error("in b"); } };',
  });
  await using(dev(dir, ['-c', 'a/wrangler.toml', '-c', 'b/wrangler.toml']), async (s) => {
    await (await s.fetch('/')).text();
    await s.saw(/^\[a\] from a/m);
    await s.saw(/^\[b\] from b/m);
    await s.saw(/ERROR\] \[b\] Uncaught Error: in b/);
    const none = await s.fetch('/none');
    assert.equal(none.status, 503);
    assert.equal(await none.text(), 'Worker "none" not found. Make sure it is running locally.');
  });
});

test('a worker whose upload breaks off learns that the connection is lost', () => using(dev(worker(
  'export default { async fetch(r) { try { return new Response(await r.text()); } catch (e) { console.log("upload:", e.name, e.message); throw e; } } };')), async (s) => {
  const c = connect(s.port, '127.0.0.1');
  c.on('error', () => {});
  c.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart');
  await sleep(200);
  c.destroy();
  await s.saw(/^upload: Error Network connection lost\./m);
}));

test('modules: wasm, text, data, lazy and CommonJS', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "index.mjs"\ncompatibility_date = "2026-01-01"\n',
  'index.mjs': `import wasm from "./empty.wasm"; import data from "./d.bin"; import cjs from "./c.cjs"; import t from "./p.html";
export default { async fetch() { const lazy = await import("./lazy.mjs"); return Response.json([wasm instanceof WebAssembly.Module, data instanceof ArrayBuffer, data.byteLength, cjs.x, t, lazy.default, Object.keys(lazy), import.meta.url === undefined]); } };`,
  'empty.wasm': Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), 'd.bin': 'abc', 'c.cjs': 'exports.x = 1;', 'p.html': '<p>', 'lazy.mjs': 'export default await 7; export const z = 1;',
})), async (s) => {
  assert.deepEqual(await (await s.fetch('/')).json(), [true, true, 3, 1, '<p>', 7, ['default', 'z'], true]);
}));

test('imports by a variable reach additional modules and built-in ones', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\nno_bundle = true\nfind_additional_modules = true\nrules = [{ type = "ESModule", globs = ["**/*.js"], fallthrough = true }]\n',
  'index.js': `export default { async fetch(r) { const m = new URL(r.url).searchParams.get("m"); try { const ns = await import(m); return Response.json([Object.keys(ns), await import(m) === ns]); } catch (e) { return new Response(e.name + ": " + e.message); } } };`,
  'sub/o.js': 'export const o = 1;', 'note.txt': 'n',
})), async (s) => {
  assert.equal(await text(s, '/?m=./sub/o.js'), '[["o"],true]');
  assert.equal(await text(s, '/?m=./note.txt'), '[["default"],true]');
  assert.match(await text(s, '/?m=cloudflare:sockets'), /^\[\["connect"/);
  assert.match(await text(s, '/?m=./none.js'), /^Error: No such module "none\.js"\.$/);
}));

test('a node: module that is not there fails only when it is evaluated', () => using(dev(worker(
  'export default { async fetch() { try { await import("node:not_there"); } catch (e) { return new Response(e.message); } } };')), async (s) => {
  assert.match(await text(s), /^No such module "node:not_there"\./);
}));

test('service workers get their bindings as globals', () => using(dev(worker(
  'addEventListener("fetch", (e) => e.respondWith(new Response("sw " + A)));', '[vars]\nA = "global"\n')), async (s) => {
  assert.equal(await text(s), 'sw global');
}));

// npm init writes "type": "commonjs", and with a require() in it the bundler sees a CommonJS module anyway.
test('a service worker in a CommonJS package is one, and is sloppy code', () => using(dev(project({
  'wrangler.toml': 'name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n[vars]\nA = "global"\n',
  'package.json': '{ "type": "commonjs" }',
  'index.js': 'const part = require("./part");\nundeclared = "made";\naddEventListener("fetch", (e) => e.respondWith(new Response([A, part, undeclared, (function () { return this === self; })()].join())));',
  'part.js': 'module.exports = "part";',
})), async (s) => {
  assert.equal(await text(s), 'global,part,made,true');
}));

// Frameworks answer HEAD with new Response(null, ofGet): nothing is known of the body's length then.
test('an empty answer to HEAD says nothing of a length, unless the worker does', () => using(dev(worker(
  'export default { fetch: (r) => new Response(r.method === "HEAD" ? null : "text", { headers: r.url.endsWith("/told") ? { "content-length": "4" } : {} }) };')), async (s) => {
  assert.equal((await s.fetch('/', { method: 'HEAD' })).headers.get('content-length'), null);
  assert.equal((await s.fetch('/told', { method: 'HEAD' })).headers.get('content-length'), '4');
  assert.equal((await s.fetch('/')).headers.get('content-length'), '4');
}));

test('values that were appended leave in one line where the field is a list, and in a line each otherwise', () => using(dev(worker(
  `export default { fetch() { const r = new Response('x');
    for (const name of ['Cache-Control', 'vary', 'Link', 'X-Own', 'Set-Cookie']) { r.headers.append(name, 'a'); r.headers.append(name, 'b'); }
    return r; } };`)), async (s) => {
  const raw = await new Promise((done, failed) => get(s.url, (r) => { r.resume(); done(r.rawHeaders); }).on('error', failed));
  const values = (name) => raw.filter((_, i) => i % 2 && raw[i - 1].toLowerCase() === name);
  assert.deepEqual(['cache-control', 'vary', 'link', 'x-own', 'set-cookie'].map(values), [['a, b'], ['a, b'], ['a, b'], ['a', 'b'], ['a', 'b']]);
}));

test('unsupported bindings are refused, or throw when called', async () => {
  const dir = worker('export default { async fetch(r, env) { try { await env.INDEX.query([1]); } catch (e) { return new Response(`${"idFromName" in env.INDEX} ${e.message}`); } } };', '[[vectorize]]\nbinding = "INDEX"\nindex_name = "x"\n');
  const refused = await run(['dev', '--port', '0'], { cwd: dir });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /^selvage dev: wrangler\.toml:4:3: 'vectorize' is not supported by this version of selvage/);
  await using(dev(dir, ['--allow-unsupported']), async (s) => assert.match(await text(s), /^false .*vectorize/));
});

test('a body that is sent back is asked for by 100 Continue', () => using(dev(worker(
  'export default { fetch(request) { return new Response(request.body); } };')), async (s) => {
  const socket = connect(s.port, '127.0.0.1');
  let got = '';
  socket.on('data', (d) => (got += d));
  const seen = async (what) => { for (let i = 0; i < 2000 && !got.includes(what); i++) await sleep(10); assert.ok(got.includes(what), got); };
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  await seen('HTTP/1.1 200 OK');
  assert.match(got, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  socket.write('hello');
  await seen('\r\n\r\nhello');
  socket.destroy();
}));

test('the build command finds the programs of the project\'s packages, and of those above it', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "dist/index.js"\ncompatibility_date = "2026-01-01"\n[build]\ncommand = "esbuild src/in.js --outfile=dist/index.js && made-here"\ncwd = "."\n',
  'src/in.js': answer('built'),
}), [], { wait: false }), async (s) => {
  await s.saw(/made-here: not found/); // esbuild was found, among the repository's packages
  mkdirSync(join(s.cwd, 'inner/node_modules/.bin'), { recursive: true });
  writeFileSync(join(s.cwd, 'inner/node_modules/.bin/made-here'), '#!/bin/sh\necho "export default { fetch: () => new Response(\\"ours\\") };" > ../dist/index.js\n', { mode: 0o755 });
  writeFileSync(join(s.cwd, 'wrangler.toml'), 'name = "t"\nmain = "dist/index.js"\ncompatibility_date = "2026-01-01"\n[build]\ncommand = "esbuild --version && made-here"\ncwd = "inner"\n');
  await until(s, 'ours');
}));

test('the build command runs first, and again when its directory changes', () => using(dev(project({
  'wrangler.toml': 'name = "t"\nmain = "dist/index.js"\ncompatibility_date = "2026-01-01"\n[build]\ncommand = "mkdir -p dist && cp src/in.js dist/index.js"\nwatch_dir = "src"\n',
  'src/in.js': answer('built'),
})), async (s) => {
  assert.equal(await text(s), 'built');
  writeFileSync(join(s.cwd, 'src/in.js'), answer('rebuilt'));
  await until(s, 'rebuilt');
}));

test('requests seem to be for the host of the first route, and what comes back leads here', () => using(dev(worker(
  `export default { fetch(r) { const h = new Headers({ location: new URL("/next", r.url), "access-control-allow-origin": r.headers.get("origin") ?? "" });
  h.append("set-cookie", "a=1; Domain=www.example.com; Path=/"); h.append("set-cookie", "b=http://www.example.com");
  return new Response(r.url + " " + r.headers.get("host"), { headers: h }); } };`, 'routes = ["https://www.example.com/*"]\n')), async (s) => {
  const r = await s.fetch('/a?b', { headers: { origin: s.url } });
  assert.equal(await r.text(), 'http://www.example.com/a?b www.example.com');
  assert.equal(r.headers.get('location'), `${s.url}/next`);
  assert.equal(r.headers.get('access-control-allow-origin'), s.url);
  assert.deepEqual(r.headers.getSetCookie(), ['a=1; Domain=127.0.0.1; Path=/', 'b=http://www.example.com']);
}));

test('--live-reload adds a script to HTML pages and to nothing else', () => using(dev(worker(
  `export default { fetch(r) { const p = new URL(r.url).pathname; const h = { "content-type": p === "/text" ? "text/plain" : "text/html; charset=utf-8" };
  const s = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("<p>")); c.close(); } });
  return new Response(p === "/stream" ? s : "<p>", { headers: h }); } };`), ['--live-reload']), async (s) => {
  assert.equal(await text(s, '/text'), '<p>');
  for (const path of ['/', '/stream']) assert.match(await text(s, path), /^<p><script>.*location\.reload\(\).*<\/script>\n$/);
  assert.equal((await s.fetch('/', { method: 'HEAD' })).status, 200);
  const version = await text(s, '/cdn-cgi/selvage/version');
  assert.ok((await text(s)).includes(version));
  writeFileSync(join(s.cwd, 'index.js'), answer('new'));
  await until(s, 'new');
  assert.notEqual(await text(s, '/cdn-cgi/selvage/version'), version);
}));

test('scheduled handlers run by URL', () => using(dev(worker(
  'export default { fetch: () => new Response(), scheduled(c) { console.log("slot", c.cron, c.scheduledTime); } };'), ['--test-scheduled']), async (s) => {
  assert.equal(await text(s, '/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=1745856238000'), 'ok');
  await s.saw(/slot \* \* \* \* \* 1745856238000/);
  assert.equal((await s.fetch('/__scheduled?cron=1')).status, 200);
}));

// Wrong use: one line that says what to do, and a code other than 0.
const wrong = [
  ['no configuration', {}, [], /there is no wrangler\.toml, wrangler\.json or wrangler\.jsonc here or above; name a script/],
  ['missing configuration file', {}, ['-c', 'x.toml'], /there is no configuration file x\.toml/],
  ['no main', { 'wrangler.toml': 'name = "x"\n' }, [], /wrangler\.toml has no 'main'; add main =/],
  ['missing entry', { 'wrangler.toml': 'main = "a.js"\n' }, [], /the entry a\.js does not exist/],
  ['syntax error in TOML', { 'wrangler.toml': 'main = "a.js\n' }, [], /wrangler\.toml:1:8: this string does not end on its line/],
  ['syntax error in JSON', { 'wrangler.json': '{\n"main": }' }, [], /wrangler\.json:2:9: expected a value/],
  ['wrong type', { 'wrangler.toml': 'main = ["a.js"]\n' }, [], /wrangler\.toml:1:8: 'main' must be a string, not an array/],
  ['unknown environment', { 'wrangler.toml': 'main = "a.js"\n', 'a.js': '' }, ['--env', 'x'], /there is no environment 'x'/],
  ['unknown flag', {}, ['--prot', '1'], /unknown flag --prot; did you mean --port\?/],
  ['bad port', {}, ['--port', 'x'], /--port takes a whole number from 0 to 65535, not 'x'/],
  ['bad level', {}, ['--log-level', 'loud'], /--log-level takes none, error, warn, info, log or debug, not 'loud'/],
  ['unknown compatibility flag', { 'wrangler.toml': 'main = "a.js"\ncompatibility_flags = ["nodejs_compta"]\n', 'a.js': '' }, [], /no such compatibility flag: 'nodejs_compta'; did you mean 'nodejs_compat'\?/],
  ['assets', {}, ['--assets', 'x'], /there is no directory x; correct --assets/],
];
for (const [name, files, args, message] of wrong) {
  test(`wrong use: ${name}`, async () => {
    const r = await run(['dev', ...args], { cwd: project(files) });
    assert.equal(r.stdout, '');
    const lines = r.stderr.trimEnd().split('\n').filter((l) => !l.includes('[WARNING]'));
    assert.equal(lines.length, 1, r.stderr);
    assert.match(lines[0], message);
    assert.notEqual(r.code, 0);
  });
}

test('wrong use: a port in use', async () => {
  const other = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((r) => other.on('listening', r));
  const r = await run(['dev', '--port', String(other.address().port)], { cwd: worker(answer('x')) });
  other.close();
  assert.equal(r.code, 1);
  assert.match(r.stderr, /^selvage dev: port \d+ is in use; stop what listens there, or choose another with --port\n$/);
});

test('wrong use: no esbuild', async () => {
  const r = await run(['dev'], { cwd: worker(answer('x')), env: { SELVAGE_ESBUILD: '/nowhere/esbuild' } });
  assert.equal(r.code, 2);
  assert.match(r.stderr, /^selvage dev: SELVAGE_ESBUILD=\/nowhere\/esbuild is no native esbuild binary.*\n$/);
});

test('wrong use: an unreadable entry', { skip: process.getuid() === 0 && 'root reads everything' }, async () => {
  const dir = worker(answer('x'));
  chmodSync(join(dir, 'index.js'), 0);
  const r = await run(['dev'], { cwd: dir });
  assert.match(r.stderr, /cannot read the entry index\.js: Permission denied/);
  assert.notEqual(r.code, 0);
});

test('an unknown verb is answered with the one that was meant', async () => {
  const r = await run(['dve']);
  assert.equal(r.stderr, "selvage: unknown verb 'dve'; did you mean 'dev'?\n");
  assert.equal(r.code, 2);
});

test('help and version', async () => {
  assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match((await run(['help'])).stdout, /selvage dev \[script\]/);
  assert.match((await run(['help', 'dev'])).stdout, /--port PORT/);
  assert.match((await run(['dev', '--help'])).stdout, /--port PORT/);
});

test('a recorded session is replayed with the same answers', async () => {
  const dir = worker('export default { async fetch(r) { return new Response((await r.text()).toUpperCase()); } };');
  const file = join(dir, 'channel.rec');
  await using(dev(dir, ['--record', file, '--loops', '1']), async (s) => {
    for (const body of ['a', 'b'.repeat(200000)]) assert.equal(await text(s, '/', { method: 'POST', body }), body.toUpperCase());
  });
  const r = await run(['replay', file]);
  assert.match(r.stdout, /^replayed 3 events in \d+ ms: \d+ frames, 0 different, 0 with other content\n$/); // with the one that waited for the server
  assert.equal(r.code, 0);
  assert.match((await run(['replay', join(dir, 'index.js')])).stderr, /no recording/);
});

test('doctor names esbuild and the kernel', async () => {
  const r = await run(['doctor', '--quick'], { cwd: worker('') });
  assert.match(r.stdout, /esbuild {2,}\d+\.\d+\.\d+ at \//);
  assert.match(r.stdout, /kernel {2,}Linux/);
});

test('SIGINT ends it with 0, also while it waits for a build', async () => {
  const s = await dev(worker('import "./gone.js";'), [], { wait: false });
  await s.saw(/Listening on/);
  assert.deepEqual(await s.stop('SIGINT'), { code: 0, signal: null });
});
