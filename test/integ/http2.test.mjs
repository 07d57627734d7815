// HTTP/2 in front of the same handlers: by ALPN on TLS, and by prior knowledge.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { once } from 'node:events';
import { server } from './lib/net.mjs';

let s, client;
before(async () => {
  s = await server();
  client = http2.connect(s.url);
  client.on('error', () => {});
});
after(async () => {
  client.destroy();
  assert.equal(await s.stop(), 0);
});

function request(path, { method = 'GET', headers = {}, body, on = client } = {}) {
  return new Promise((ok, no) => {
    const stream = on.request({ ':path': path, ':method': method, ...headers }, { endStream: body === undefined });
    const got = [];
    let head;
    stream.on('response', (h) => { head = h; });
    stream.on('data', (d) => got.push(d));
    stream.on('error', no);
    stream.on('close', () => (head ? ok({ status: head[':status'], headers: head, text: Buffer.concat(got).toString('latin1') }) : no(new Error(`closed with ${stream.rstCode}`))));
    if (body !== undefined) stream.end(body);
  });
}

test('requests look to the handler as they do over HTTP/1', async () => {
  const r = await request('/head?x=1', { headers: { 'x-one': 'two words', cookie: ['a=1', 'b=2'], te: 'trailers' } });
  assert.equal(r.status, 200);
  assert.match(r.text, /^GET \/head\?x=1 20\n/);
  assert(r.text.includes(`scheme=http authority=127.0.0.1:${s.port} path=/head?x=1 length=0`));
  assert(r.text.includes(`\nhost: 127.0.0.1:${s.port}\n`));
  assert(r.text.includes('\ncookie: a=1; b=2\n'));
  assert(!/\nte:|\n:/.test(r.text));
  assert.match(r.headers.date, /GMT$/);
  assert.equal(r.headers['x-test'], 'yes');
  assert.equal(Number(r.headers['content-length']), r.text.length);
});

test('many streams on one connection run beside each other', async () => {
  const began = Date.now();
  const all = await Promise.all(Array.from({ length: 100 }, (_, i) => request(i % 2 ? '/slow?ms=150' : '/hello')));
  assert(all.every((r, i) => r.text === (i % 2 ? 'slow\n' : 'hello\n')));
  assert(Date.now() - began < 3000);
});

test('bodies in both directions, larger than every window', async () => {
  const body = Buffer.alloc(5_000_000, 'abcdefghij');
  const back = await request('/echo', { method: 'POST', body, headers: { 'content-length': body.length } });
  assert(Buffer.from(back.text, 'latin1').equals(body));
  assert((await request('/echo', { method: 'POST', body })).text.length === body.length, 'without a length');
  assert.equal((await request('/echo?pause=100', { method: 'POST', body: 'x'.repeat(300_000) })).text.length, 300_000);
  assert.equal((await request('/big?bytes=3000000')).text.length, 3_000_000);
  assert.equal((await request('/big?bytes=3000000&length=1')).text.length, 3_000_000);
  assert.equal((await request('/echo', { method: 'POST', body: '' })).text, '');
  assert.equal((await request('/taken', { method: 'POST', body: 'abc' })).text, 'streamed\n');
});

test('a stream that nobody reads does not stop the others', async () => {
  const stalled = client.request({ ':path': '/big?bytes=5000000' });
  stalled.pause();
  const waiting = client.request({ ':path': '/echo?pause=400', ':method': 'POST' });
  waiting.end(Buffer.alloc(1_000_000, 'w'));
  assert.equal((await request('/hello')).text, 'hello\n');
  assert.equal((await request('/echo', { method: 'POST', body: Buffer.alloc(1_000_000, 'o') })).text.length, 1_000_000);
  let n = 0;
  stalled.on('data', (d) => { n += d.length; });
  stalled.resume();
  await once(stalled, 'end');
  assert.equal(n, 5_000_000);
  let m = 0;
  waiting.on('data', (d) => { m += d.length; });
  await once(waiting, 'end');
  assert.equal(m, 1_000_000);
});

test('HEAD, unread bodies, cut and short responses', async () => {
  const head = await request('/big?bytes=1000', { method: 'HEAD' });
  assert.equal(head.text, '');
  assert.equal((await request('/ignore', { method: 'POST', body: Buffer.alloc(2_000_000) }).catch((e) => e)).text, 'ignored\n');
  await assert.rejects(request('/cut?bytes=1000'), /INTERNAL_ERROR/);
  await assert.rejects(request('/short'), /INTERNAL_ERROR/);
  assert.equal((await request('/badhead')).status, 500);
});

test('what is refused', async () => {
  assert.equal((await request('/', { method: 'TRACE' })).status, 405);
  assert.equal((await request('/', { method: 'FOO' })).status, 501);
  assert.equal((await request('*', { method: 'OPTIONS' })).status, 400);
  assert.equal((await request(`/${'a'.repeat(17000)}`)).status, 414);
  assert.equal((await request('/hello', { headers: { ':authority': 'u@a' } })).status, 400);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x-${i}`, '1']));
  assert.equal((await request('/hello', { headers: many })).status, 431);
  assert.equal((await request('/hello')).text, 'hello\n', 'the connection is as it was');
});

test('the handler learns that a stream was reset, and that the client has gone', async () => {
  const had = (await s.stat()).goneClient;
  const stream = client.request({ ':path': '/slow?ms=5000' });
  stream.on('error', () => {});
  await new Promise((r) => setTimeout(r, 50));
  stream.close(http2.constants.NGHTTP2_CANCEL);
  for (let i = 0; i < 50 && (await s.stat()).goneClient === had; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal((await s.stat()).goneClient, had + 1);
  const other = http2.connect(s.url);
  other.on('error', () => {});
  other.request({ ':path': '/slow?ms=5000' }).on('error', () => {});
  await new Promise((r) => setTimeout(r, 100));
  other.destroy();
  for (let i = 0; i < 50 && (await s.stat()).goneClient === had + 1; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal((await s.stat()).goneClient, had + 2);
});

test('rapid reset ends the connection', async () => {
  const flood = http2.connect(s.url);
  let code = null;
  flood.on('error', () => {});
  flood.on('goaway', (c) => { code = c; });
  await once(flood, 'connect');
  for (let i = 0; i < 20 && !flood.destroyed; i++) {
    for (let k = 0; k < 60 && !flood.destroyed; k++) {
      try {
        const stream = flood.request({ ':path': '/slow?ms=3000' });
        stream.on('error', () => {});
        stream.close(http2.constants.NGHTTP2_CANCEL);
      } catch { break; }
    }
    await new Promise((r) => setTimeout(r, 5));
  }
  for (let i = 0; i < 50 && code === null; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal(code, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  flood.destroy();
});

test('TLS agrees on h2, or on HTTP/1.1 with those who want that', async () => {
  const t = await server('--tls');
  const c = http2.connect(`https://localhost:${t.port}`, { ca: t.certificate });
  const r = await request('/head', { on: c });
  assert.match(r.text, / 20\nscheme=https .*tls=TLSv1\.3/);
  const body = Buffer.alloc(2_000_000, 'tls');
  assert((await request('/echo', { on: c, method: 'POST', body })).text.length === body.length);
  c.close();
  const text = await new Promise((ok, no) => https.get(`${t.url}/head`, { ca: t.certificate, servername: 'localhost' }, async (res) => {
    let all = '';
    for await (const d of res) all += d;
    ok(all);
  }).on('error', no));
  assert.match(text, /^GET \/head 11\n/);
  assert.equal(await t.stop(), 0);
});

test('draining lets open streams end, and closes', async () => {
  const t = await server();
  const c = http2.connect(t.url);
  c.on('error', () => {});
  const open = request('/slow?ms=300', { on: c });
  await new Promise((r) => setTimeout(r, 100));
  const closed = once(c, 'close');
  t.signal('SIGINT');
  assert.equal((await open).text, 'slow\n');
  await closed;
  assert.deepEqual(await t.exit, [0, null]);
});

test('what only begins like HTTP/2 is refused', async () => {
  const c = net.connect(s.port, '127.0.0.1');
  let text = '';
  c.on('data', (d) => { text += d; });
  c.write('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n');
  await once(c, 'close');
  assert.match(text, /^HTTP\/1\.1 505 /);
});
