// Static files of a server by its control API, as any client would send them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, startServe } from './lib/serve.mjs';

// Hashes as wrangler computes them: BLAKE3 of base64 of the content and the extension.
const files = {
  '/index.html': { text: '<h1>one</h1>', type: 'text/html; charset=utf-8', hash: '6061cd73d880b689c3a9d2438291152d' },
  '/style.css': { text: 'h1{}', type: 'text/css; charset=utf-8', hash: 'cd96e4d73789b3fed039190987bffb26' },
  '/404.html': { text: '<h1>lost</h1>', type: 'text/html; charset=utf-8', hash: '29eb8ef973e6b208e4194f190956e12b' },
  '/data.bin7': { text: 'data', type: 'application/null', hash: '45d7461d239f517b037fd074905da723' },
};
let server;
before(async () => { server = await startServe({ domain: 'workers.test' }); });
after(() => server?.stop());

const manifest = (names = Object.keys(files)) =>
  ({ manifest: Object.fromEntries(names.map((n) => [n, { hash: files[n].hash, size: Buffer.byteLength(files[n].text) }])) });
const session = (name, body) => server.call('POST', `/workers/scripts/${name}/assets-upload-session`, body);

function form(names, change = (b) => b) {
  const f = new FormData();
  for (const n of names) f.append(files[n].hash, new Blob([change(Buffer.from(files[n].text).toString('base64'))], { type: files[n].type }), files[n].hash);
  return f;
}
const send = (token, body, query = '?base64=true') => server.call('POST', `/workers/assets/upload${query}`, body, { token });
async function deploy(name, jwt, config = {}) {
  const f = new FormData();
  f.append('metadata', JSON.stringify({ assets: { jwt, config }, compatibility_date: '2026-01-01', compatibility_flags: [] }));
  const put = await server.call('PUT', `/workers/scripts/${name}`, f);
  if (put.status === 200) await server.call('POST', `/workers/scripts/${name}/subdomain`, { enabled: true });
  return put;
}

test('a session wants what is not there, goes on after a restart, and its completion is claimed', async () => {
  let s = await session('site', manifest());
  assert.equal(s.status, 200, s.text);
  assert.deepEqual(s.result.buckets.flat().sort(), Object.values(files).map((f) => f.hash).sort());
  let up = await send(s.result.jwt, form(['/index.html', '/style.css']));
  assert.equal(up.status, 200, up.text);
  assert.equal(up.result.jwt, null);
  await server.stop('SIGKILL');
  server = await startServe({ domain: 'workers.test', known: server });
  up = await send(s.result.jwt, form(['/404.html', '/data.bin7']));
  assert.equal(up.result?.jwt?.split('.').length, 3, up.text);
  const put = await deploy('site', up.result.jwt, { not_found_handling: '404-page', _headers: '/*\n  X-A: b\n' });
  assert.equal(put.status, 200, put.text);

  let r = await ask(server, 'site.workers.test', '/');
  assert.equal(r.text, '<h1>one</h1>');
  assert.equal(r.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(r.headers.etag, `"${files['/index.html'].hash}"`);
  assert.equal(r.headers['x-a'], 'b');
  assert.equal((await ask(server, 'site.workers.test', '/', { headers: { 'if-none-match': r.headers.etag } })).status, 304);
  r = await ask(server, 'site.workers.test', '/data.bin7');
  assert.equal(r.text, 'data');
  assert.equal(r.headers['content-type'], undefined);
  r = await ask(server, 'site.workers.test', '/nowhere');
  assert.deepEqual([r.status, r.text], [404, '<h1>lost</h1>']);
});

test('what is there already is not wanted again, for any worker of the account', async () => {
  const s = await session('other', manifest(['/index.html', '/style.css']));
  assert.deepEqual(s.result.buckets, []);
  assert.equal((await deploy('other', s.result.jwt)).status, 200);
  assert.equal((await ask(server, 'other.workers.test', '/style.css')).text, 'h1{}');
});

test('a completion is for its own worker, and a session token is none', async () => {
  const s = await session('mine', manifest(['/index.html']));
  const stolen = await deploy('yours', s.result.jwt);
  assert.equal(stolen.json.success, false);
  assert.match(stolen.errors[0].message, /another worker/);
  assert.equal((await deploy('mine', 'a.b.c')).json.success, false);
  assert.equal((await send(s.result.jwt, form(['/index.html']))).status, 403);
  assert.equal((await send(server.token, form(['/index.html']))).status, 403);
});

test('files that are not what they are called are refused', async () => {
  const two = { hash: '2edf2c37e63fa4306c05cc1503b5c55c', size: 12 };
  const s = await session('liar', { manifest: { '/two.html': two } });
  const f = new FormData();
  f.append(two.hash, new Blob([Buffer.from('<h1>not</h1>').toString('base64')]), two.hash);
  const lie = await send(s.result.jwt, f);
  assert.equal(lie.status, 400, lie.text);
  assert.match(lie.errors[0].message, /another hash/);
  const again = await session('liar', { manifest: { '/two.html': two } });
  assert.deepEqual(again.result.buckets, [[two.hash]]);
  assert.equal((await send(s.result.jwt, form(['/index.html'], () => 'no base64!'))).status, 400);
  assert.equal((await send(s.result.jwt, form(['/index.html']), '')).status, 400);
  const unknown = new FormData();
  unknown.append('f'.repeat(32), new Blob(['AAAA']), 'f'.repeat(32));
  assert.match((await send(s.result.jwt, unknown)).errors[0].message, /not wanted/);
});

test('bad manifests name what is wrong', async () => {
  const hash = files['/index.html'].hash;
  for (const [body, pattern] of [
    [{}, /manifest must be an object/],
    [{ manifest: { 'a.html': { hash, size: 1 } } }, /'a.html'.*slash/],
    [{ manifest: { '/a': { hash: 'short', size: 1 } } }, /'\/a'.*hash/],
    [{ manifest: { '/a': { hash, size: -1 } } }, /'\/a'.*size/],
    [{ manifest: { '/a': { hash, size: 25 * 1024 * 1024 + 1 } } }, /'\/a'.*25 MiB/],
  ]) {
    const r = await session('bad', body);
    assert.equal(r.status, 400, r.text);
    assert.match(r.errors[0].message, pattern);
  }
  assert.equal((await session('bad', { manifest: { '/a': { hash: '0'.repeat(32), size: 25 * 1024 * 1024 } } })).status, 200);
});

test('a folder of many files arrives in buckets', async () => {
  const many = {};
  for (let i = 0; i < 2500; i++) many[`/f${i}.txt`] = { hash: i.toString(16).padStart(32, '0'), size: 1 };
  const s = await session('many', { manifest: many });
  assert.equal(s.status, 200, s.text);
  assert.equal(s.result.buckets.flat().length, 2500);
  assert.ok(s.result.buckets.length >= 3);
});
