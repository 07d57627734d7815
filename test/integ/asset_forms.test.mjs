// In which form static files go out: parts of them, and what they were packed to in the background.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { dev, project, until } from './lib/selvage.mjs';

const page = `<!doctype html>${'<p>selvage is the edge of a cloth</p>\n'.repeat(200)}`;
const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));
const unpacked = { br: brotliDecompressSync, gzip: gunzipSync };

// The bytes as they come, nothing decoded.
const get = (s, path, headers = {}, method = 'GET') => new Promise((ok, no) => {
  http.request({ port: s.port, host: '127.0.0.1', path, method, headers, agent: false }, (res) => {
    const got = [];
    res.on('data', (d) => got.push(d)).on('end', () => ok({ status: res.statusCode, headers: res.headers, body: Buffer.concat(got) }));
  }).on('error', no).end();
});

test('parts and packed forms of files', async (t) => {
  const dir = project({
    'wrangler.toml': 'name="forms"\nmain="w.js"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="public"\nbinding="ASSETS"\n',
    'w.js': 'export default { fetch: (r, env) => env.ASSETS.fetch(new Request("http://x" + new URL(r.url).searchParams.get("at"), { headers: r.headers })) }',
    'public/page.html': page, 'public/small.txt': 'small', 'public/data.bin': bytes, 'public/empty.bin': '', 'public/own.js': `//${'own '.repeat(500)}`, 'public/as-it-is.css': 'a{b:c}'.repeat(500),
    'public/404.html': page, 'public/photo.png': Buffer.alloc(5000, 'a'),
    'public/_headers': '/own.js\n  Content-Encoding: identity\n/as-it-is.css\n  Cache-Control: no-transform\n/page\n  X-Page: yes\n',
  });
  const s = await dev(dir, ['--live-reload=false', '--asset-ranges']);
  const packed = async (path, accept) => until(async () => { const r = await get(s, path, { 'accept-encoding': accept }); return r.headers['content-encoding'] && r; }, `${path} as ${accept}`);

  await t.test('a part, the rest, the end', async () => {
    const etag = (await get(s, '/data.bin')).headers.etag;
    for (const [range, from, to] of [['bytes=0-9', 0, 10], ['bytes=99990-', 99990, 100000], ['bytes=-5', 99995, 100000], ['bytes=50000-200000', 50000, 100000], ['bytes=0-0', 0, 1]]) {
      const r = await get(s, '/data.bin', { range });
      assert.equal(r.status, 206, range);
      assert.equal(r.headers['content-range'], `bytes ${from}-${to - 1}/100000`);
      assert.equal(r.headers['content-length'], String(to - from));
      assert.equal(r.headers.etag, etag);
      assert.equal(r.headers['cache-control'], undefined, 'as the reference: none where a range is asked for');
      assert(r.body.equals(bytes.subarray(from, to)));
    }
    assert.equal((await get(s, '/data.bin', { range: 'bytes=0-9', 'if-range': etag })).status, 206);
    for (const other of ['"x"', `W/${etag}`, 'Sun, 06 Nov 1994 08:49:37 GMT']) {
      const r = await get(s, '/data.bin', { range: 'bytes=0-9', 'if-range': other });
      assert.equal(r.status, 200, other);
      assert.equal(r.body.length, 100000);
    }
  });

  await t.test('what is no part', async () => {
    for (const range of ['bytes=100000-', 'bytes=-0']) {
      const r = await get(s, '/data.bin', { range });
      assert.equal(r.status, 416);
      assert.equal(r.headers['content-range'], 'bytes */100000');
      assert.equal(r.body.length, 0);
    }
    assert.equal((await get(s, '/empty.bin', { range: 'bytes=0-' })).headers['content-range'], 'bytes */0');
    for (const range of ['bytes=0-1,4-5', 'bytes=9-1', 'lines=1-2', 'x']) assert.equal((await get(s, '/data.bin', { range })).body.length, 100000, range);
    const head = await get(s, '/data.bin', { range: 'bytes=0-9' }, 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], '100000');
    const etag = (await get(s, '/data.bin')).headers.etag;
    assert.equal((await get(s, '/data.bin', { range: 'bytes=0-9', 'if-none-match': etag })).status, 304, 'the condition comes first');
    assert.equal((await get(s, '/data.bin', { range: 'bytes=0-9' }, 'POST')).status, 405);
    // what comes out of env.ASSETS.fetch() is whole, as from the reference
    const r = await get(s, '/api?at=/data.bin', { range: 'bytes=0-9' });
    assert.equal(r.status, 200);
    assert.equal(r.body.length, 100000);
  });

  await t.test('packed forms come once they are made', async () => {
    const plain = await get(s, '/page');
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(plain.headers.vary, 'accept-encoding');
    assert.equal(String(plain.body), page);
    for (const coding of ['br', 'gzip']) {
      const r = await packed('/page', coding);
      assert.equal(r.headers['content-encoding'], coding);
      assert.equal(r.headers.vary, 'accept-encoding');
      assert.equal(r.headers.etag, `W/${plain.headers.etag}`);
      assert.equal(r.headers['x-page'], 'yes');
      assert.equal(r.headers['content-type'], plain.headers['content-type']);
      assert.equal(Number(r.headers['content-length']), r.body.length);
      assert(r.body.length < page.length / 4);
      assert.equal(String(unpacked[coding](r.body)), page);
      const head = await get(s, '/page', { 'accept-encoding': coding }, 'HEAD');
      assert.equal(head.headers['content-length'], r.headers['content-length']);
      assert.equal(head.headers['content-encoding'], coding);
      for (const tag of [plain.headers.etag, r.headers.etag]) {
        const same = await get(s, '/page', { 'accept-encoding': coding, 'if-none-match': tag });
        assert.equal(same.status, 304);
        assert.equal(same.headers.etag, r.headers.etag);
        assert.equal(same.headers.vary, 'accept-encoding');
        assert.equal(same.headers['content-encoding'], undefined);
      }
    }
    for (const [accept, coding] of [['gzip, deflate, br', 'br'], ['br;q=0.1, gzip', 'gzip'], ['identity, br;q=0.5', undefined], ['br;q=0', undefined], ['*', undefined], ['', undefined]])
      assert.equal((await get(s, '/page', { 'accept-encoding': accept })).headers['content-encoding'], coding, accept);
    const part = await get(s, '/page', { 'accept-encoding': 'br', range: 'bytes=0-14' });
    assert.equal(part.status, 206);
    assert.equal(part.headers['content-encoding'], undefined, 'parts are of the file as it is');
    assert.equal(String(part.body), '<!doctype html>');
    assert.equal(part.headers.vary, 'accept-encoding');
  });

  await t.test('what is not packed', async () => {
    for (const path of ['/small.txt', '/photo.png', '/data.bin']) {
      const r = await get(s, path, { 'accept-encoding': 'br, gzip' });
      assert.equal(r.headers['content-encoding'], undefined, path);
      assert.equal(r.headers.vary, undefined, path);
    }
    assert.equal((await get(s, '/data.bin')).headers['accept-ranges'], 'bytes');
    await packed('/page', 'br'); // by now the others would be, too
    assert.equal((await get(s, '/own.js', { 'accept-encoding': 'br' })).headers['content-encoding'], 'identity');
    assert.equal((await get(s, '/as-it-is.css', { 'accept-encoding': 'br' })).headers['content-encoding'], undefined);
  });

  await t.test('a file that changes is packed anew', async () => {
    const other = page.replace('cloth', 'bread');
    writeFileSync(join(dir, 'public/page.html'), other);
    await until(async () => { const r = await get(s, '/page', { 'accept-encoding': 'br' }); return String(r.headers['content-encoding'] ? unpacked.br(r.body) : r.body) === other; }, 'the new page');
    assert.equal(String(unpacked.br((await packed('/page', 'br')).body)), other);
  });
  const kept = join(dir, '.selvage/state/v1/packed');
  assert(existsSync(kept) && readdirSync(kept).some((f) => f.endsWith('.br')));
  assert(readdirSync(kept).every((f) => /^[0-9a-f]{32}\.(br|gz)$/.test(f)), 'nothing half made');
  await s.stop();

  // what was packed before is there at once after a restart: the first answer only asks
  const again = await dev(dir, ['--live-reload=false', '--asset-ranges']);
  await until(async () => (await get(again, '/page', { 'accept-encoding': 'br' })).headers['content-encoding'] === 'br', 'the form of before');
  await again.stop();
});

test('large files to clients that are slow, or leave', async () => {
  const big = Buffer.alloc(20 << 20);
  for (let i = 0; i < big.length; i += 4) big.writeUInt32LE(i * 2654435761 >>> 0, i);
  const s = await dev(project({ 'wrangler.toml': 'name="big"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="public"', 'public/big.bin': big }), ['--asset-ranges']);
  const open = () => readdirSync(`/proc/${s.child.pid}/fd`).map((f) => { try { return readlinkSync(`/proc/${s.child.pid}/fd/${f}`); } catch { return ''; } }).filter((f) => f.endsWith('big.bin')).length;
  const begin = (headers = {}) => new Promise((ok, no) => http.get({ port: s.port, host: '127.0.0.1', path: '/big.bin', headers, agent: false }, ok).on('error', no));
  const slow = await begin(), leaving = await begin(), part = await begin({ range: 'bytes=1000001-9000000' });
  await until(() => open() >= 1, 'files that are being sent');
  leaving.destroy();
  const read = async (res) => { const got = []; for await (const d of res) got.push(d); return Buffer.concat(got); };
  assert((await read(part)).equals(big.subarray(1000001, 9000001)));
  assert((await read(slow)).equals(big));
  await until(() => open() === 0, 'the end of all files');
  // pipelined requests, the second behind a file
  const both = await new Promise((ok, no) => {
    const c = net.connect(s.port, '127.0.0.1');
    const got = [];
    c.on('data', (d) => got.push(d)).on('close', () => ok(Buffer.concat(got))).on('error', no);
    c.write('GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\nHEAD /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  });
  const start = both.indexOf('\r\n\r\n') + 4;
  assert(both.subarray(start, start + big.length).equals(big));
  assert.match(both.subarray(start + big.length).toString('latin1'), /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 20971520\r\n[^]*\r\n\r\n$/i);
  await s.stop();
});
