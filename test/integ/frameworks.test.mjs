// What full-stack frameworks make of a program, deployed as it is and asked from outside: test/fixtures/frameworks has the programs, and
// how they were built.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { root, run } from './lib/selvage.mjs';
import { ask, startServe } from './lib/serve.mjs';

let s;
const folders = [];
before(async () => { s = await startServe({ domain: 'example.com' }); });
after(async () => {
  await s.stop();
  folders.forEach((f) => rmSync(f, { recursive: true, force: true }));
});

// The built program in a folder of its own; `change` may alter its wrangler.jsonc.
function unpack(name, change) {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-framework-'));
  folders.push(dir);
  const all = brotliDecompressSync(readFileSync(join(root, 'test/fixtures/frameworks', name, 'output.br')));
  let at = all.indexOf(10) + 1;
  for (const [path, length] of JSON.parse(all.subarray(0, at))) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), all.subarray(at, at += length));
  }
  assert.equal(at, all.length);
  if (change) {
    const file = join(dir, 'wrangler.jsonc');
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  }
  return dir;
}

async function make(kind, name) {
  const paths = { d1: '/d1/database', kv: '/storage/kv/namespaces', r2: '/r2/buckets' };
  const { json } = await s.call('POST', paths[kind], kind === 'kv' ? { title: name } : { name });
  assert.equal(json.success, true, JSON.stringify(json.errors));
  return json.result.uuid ?? json.result.id;
}

// Puts it on the server, with stores of its own in place of the names in the configuration.
async function deploy(dir, args = ['deploy'], redirected = null) {
  const file = join(dir, redirected ?? 'wrangler.jsonc');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  for (const kv of config.kv_namespaces ?? []) kv.id = await make('kv', `${config.name}-${kv.binding}`);
  for (const d1 of config.d1_databases ?? []) d1.database_id = await make('d1', d1.database_name = `${config.name}-db`);
  for (const r2 of config.r2_buckets ?? []) await make('r2', r2.bucket_name);
  writeFileSync(file, JSON.stringify(config));
  const r = await run(args, { cwd: dir, env: s.env, patience: 240000 });
  assert.equal(r.code, 0, r.stdout + r.stderr);
  return (path, init) => ask(s, `${config.name}.example.com`, path, init);
}

const json = (body) => ({ method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
const form = (body) => ({ method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
const same = (r, expected) => assert.deepEqual(Object.fromEntries(Object.keys(expected).map((k) => [k, k in r ? r[k] : r.headers[k]])), expected);

test('a React application of Vite with a worker behind it (@cloudflare/vite-plugin)', async () => {
  const get = await deploy(unpack('vite-react'), ['deploy'], 'dist/notes/wrangler.json');
  const page = await get('/');
  same(page, { status: 200, 'content-type': 'text/html; charset=utf-8' });
  assert.equal((await get('/some/route')).text, page.text); // a single page
  const script = await get(/src="([^"]+)"/.exec(page.text)[1]);
  same(script, { status: 200, 'content-type': 'text/javascript; charset=utf-8' });
  assert.ok(script.text.length > 100000);
  same(await get('/favicon.svg'), { status: 200, 'x-from': 'headers' });
  same(await get('/old'), { status: 301, location: '/new' });
  assert.deepEqual(JSON.parse((await get('/api/hello')).text), { greeting: 'hello', same: 'hello', process: 'hello', mode: 'production', dev: false, note: 'Some text\n' });
  const { id } = JSON.parse((await get('/api/notes', form('text=a+note'))).text);
  assert.deepEqual(JSON.parse((await get('/api/notes')).text), [{ id, text: 'a note' }]);
  assert.deepEqual([(await get('/api/count')).text, (await get('/api/count')).text], ['{"n":1}', '{"n":2}']);
  assert.equal((await get('/api/db')).text, '[{"a":"x"}]');
  assert.equal((await get('/api/wasm/21')).text, '42');
  same(await get('/api/cookie', { headers: { cookie: 'n=4' } }), { text: '5', 'set-cookie': ['n=5; Path=/; HttpOnly; SameSite=Lax', 'z=a%20b; Path=/'] });
  assert.equal((await get('/api/stream')).text, '0\n1\n2\n');
  assert.match((await get('/api/ssr')).text, /<h1>SSR<\/h1>[^]*<i>wait<\/i>[^]*<b>late /);
  assert.match((await get('/api/asset')).text, /^<svg/);
  same(await get('/api/redirect'), { status: 303, location: '/about' });
  same(await get('/api/throw'), { status: 500 });
});

test('SvelteKit', async () => {
  const get = await deploy(unpack('sveltekit', (c) => ({ ...c, main: 'bundle/_worker.js', no_bundle: true })));
  const page = await get('/', { headers: { cookie: 'visits=3' } });
  same(page, { status: 200, 'x-hook': 'yes', 'set-cookie': ['visits=4; Path=/; HttpOnly; Secure; SameSite=Lax'] });
  const data = JSON.parse(/<pre>(.*?)<\/pre>/.exec(page.text)[1].replaceAll('&quot;', '"'));
  assert.deepEqual(data, { kv: 'from kv', visits: 4, greeting: 'hello', pub: 'site', cf: 'object', ctx: 'function', ctx2: 'function', caches: 'object', ip: true });
  const style = await get(/href="\.?([^"]+\.css)"/.exec(page.text)[1]);
  same(style, { status: 200, 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, immutable, max-age=31536000' });
  assert.match((await get('/about')).text, /<h1>About<\/h1>/); // a page that was made when it was built
  same(await get('/about/'), { status: 307, location: '/about' });
  assert.match((await get('/hello')).text, /slug":"hello","api":\{"q":"1","cf":(true|false)\}/); // fetch() of an own route
  assert.match((await get('/hello/__data.json')).text, /"type":"data"/);
  assert.match((await get('/missing')).text, /<h1>404<\/h1>[^]*no such/);
  same(await get('/go'), { status: 307, location: '/about' });
  assert.match((await get('/boom')).text, /oops: boom/);
  same(await get('/api', json({ a: 1 })), { status: 201, text: '{"a":1}' });
  same(await get('/api', { method: 'DELETE' }), { status: 200, text: '[{"n":1}]' });
  assert.match((await get('/stream')).text, /wait[^]*slow value/);
  same(await get('/form', form('name=ann')), { status: 403 });
  same(await get('/blocked'), { status: 403, text: 'blocked' });
});

test('Astro', async () => {
  const get = await deploy(unpack('astro'), ['deploy'], 'dist/server/wrangler.json');
  const page = await get('/', { headers: { cookie: 'who=bob' } });
  same(page, { status: 200, 'x-page': 'index', 'x-mw': '1' });
  assert.match(page.text, /<p>from kv hello bob 1 function<\/p>[^]*<astro-island[^]*<p>slow part<\/p>/);
  const session = page.headers['set-cookie'].map((c) => c.split(';')[0]).find((c) => c.startsWith('astro-session='));
  assert.match((await get('/', { headers: { cookie: `who=bob; ${session}` } })).text, /hello bob 2 function/); // what the session keeps is in KV
  const island = /"(\/_server-islands\/[^"]+)"/.exec(page.text)[1].replaceAll('&amp;', '&');
  assert.match((await get(island, { headers: { cookie: 'who=bob' } })).text, /<p>island x bob<\/p>/);
  same(await get(/"(\/_astro\/[^"]+)"/.exec(page.text)[1]), { status: 200 });
  assert.equal((await get('/rewrite')).text, (await get('/about')).text);
  same(await get('/old'), { status: 301, location: '/about' });
  assert.match((await get('/blog/one?q=a%20b')).text, /<h1>one<\/h1><p>a b ip<\/p>/);
  assert.match((await get('/blog/boom')).text, /Oops boom/);
  same(await get('/nothing'), { status: 404 });
  assert.equal((await get('/api/a/b')).text, '{"path":"a/b","who":"nobody","greeting":"hello","meta":"production"}');
  assert.equal((await get('/_actions/add', json({ a: 1, b: 2 }))).text, '[3]');
  same(await get('/_actions/add', json({ a: 1 })), { status: 400 });
  assert.equal((await get('/stream')).text, 'part 0\npart 1\npart 2\n');
});

// What both builds of the Next.js program do.
async function next(get) {
  const page = await get('/?q=7', { headers: { cookie: 'who=ann' } });
  same(page, { status: 200, 'x-mw': '1', 'set-cookie': ['mw=1; Path=/'] });
  assert.match(page.text, /<h1>Home<\/h1><p>ann(<!-- -->)? (<!-- -->)?mw(<!-- -->)? (<!-- -->)?7<\/p>/);
  assert.match((await get(/src="(\/_next\/static\/[^"]+\.js)"/.exec(page.text)[1])).headers['content-type'], /javascript/);
  assert.match((await get('/about')).text, /<h1>About<\/h1>/);
  assert.match((await get('/blog/one')).text, /<title>one \| Next<\/title>[^]*<h1>one<\/h1>/);
  same(await get('/blog/none'), { status: 404 });
  same(await get('/blog/go'), { status: 307 });
  same(await get('/old/x'), { status: 308, location: '/blog/x' });
  assert.match((await get('/alias/two')).text, /<h1>two<\/h1>/);
  assert.match((await get('/mw/redirect')).headers.location, /\/about$/);
  assert.match((await get('/mw/rewrite')).text, /<h1>rewritten<\/h1>/);
  same(await get('/mw/block'), { status: 403, text: 'blocked', 'x-blocked': '1' });
  const api = await get('/api/hello?q=2', { headers: { cookie: 'who=bob' } });
  assert.deepEqual(JSON.parse(api.text), { kv: 'from kv', q: '2', who: 'bob', greeting: 'hello', secret: 'hello', cf: 'object', h: 'mw', db: 2 });
  same(api, { 'x-route': 'yes', 'x-mw': '1' });
  same(await get('/api/hello', json({ a: [1, 2] })), { status: 201, text: '{"a":[1,2]}' });
  same(await get('/api/hello', { ...form('a=1&b=2'), method: 'PUT' }), { status: 200, text: '["a","b"]' });
  same(await get('/api/hello', { method: 'DELETE' }), { status: 405 });
  assert.equal((await get('/api/stream')).text, 'part 0\npart 1\npart 2\n');
  assert.match((await get('/stream')).text, /<i>wait<\/i>[^]*<p>slow part<\/p>/);
  assert.match((await get('/actions')).text, /<p>none<\/p>/);
  same(await get('/hello.txt'), { status: 200, text: 'hello\n' });
  same(await get('/nothing'), { status: 404 });
}

test('Next.js by @opennextjs/cloudflare', async () => {
  const get = await deploy(unpack('opennext', (c) => ({ ...c, main: 'bundle/worker.js', no_bundle: true })));
  await next(get);
  same(await get('/about'), { status: 200, 'x-conf': 'about' });
  for (let i = 0; i < 2; i++) assert.match((await get('/ssg/3')).text, /<h1>SSG (<!-- -->)?3<\/h1>/); // made by the first request, kept in R2
});

test('Next.js by @cloudflare/next-on-pages', async () => {
  const dir = unpack('next-on-pages');
  assert.equal((await run(['pages', 'project', 'create', 'nx-pages', '--production-branch', 'main'], { cwd: dir, env: s.env })).code, 0);
  await next(await deploy(dir, ['pages', 'deploy', '--project-name', 'nx-pages', '--branch', 'main']));
});
