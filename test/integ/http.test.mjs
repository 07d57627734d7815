// The HTTP/1.1 server in raw bytes and with real clients.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { execFileSync, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { server, raw } from './lib/net.mjs';

let s;
before(async () => { s = await server(); });
after(async () => { assert.equal(await s.stop(), 0); });

const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const count = (text, what) => text.split(what).length - 1;

test('a connection serves one request after the other', async () => {
  const c = await raw(s.port);
  for (let i = 1; i <= 3; i++) {
    c.write(get('/hello'));
    await c.until((x) => count(x.text, 'hello\n') === i);
  }
  assert.match(c.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(c.text, /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
  assert(!c.text.includes('Connection:'));
  c.socket.destroy();
});

test('pipelined requests are answered in order, slow ones too', async () => {
  const c = await raw(s.port);
  c.write(get('/slow?ms=80') + get('/hello') + 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc' + get('/head') + get('/slow?ms=10', 'Connection: close\r\n') + get('/hello'));
  await c.end();
  const order = [...c.text.matchAll(/slow\n|hello\n|abc|GET \/head 11/g)].map((m) => m[0]);
  assert.deepEqual(order, ['slow\n', 'hello\n', 'abc', 'GET /head 11', 'slow\n']);
});

test('a hundred pipelined requests in one packet', async () => {
  const c = await raw(s.port);
  c.write(get('/hello').repeat(100));
  await c.until((x) => count(x.text, 'hello\n') === 100);
  c.socket.destroy();
});

test('a request that comes byte by byte is the same request', async () => {
  const c = await raw(s.port);
  for (const byte of 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: t\r\n\r\n') {
    c.write(byte);
    await new Promise(setImmediate);
  }
  await c.until('\r\n0\r\n\r\n');
  const body = c.text.slice(c.text.indexOf('\r\n\r\n') + 4);
  assert.equal(body.replace(/[0-9a-f]+\r\n(.*?)\r\n/g, '$1'), 'abcde'); // in as many chunks as it came
  c.write(get('/hello'));
  await c.until('hello\n');
  c.socket.destroy();
});

test('Expect: 100-continue is answered when the body is wanted, and only then', async () => {
  const c = await raw(s.port);
  c.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  await c.until('HTTP/1.1 200 OK');
  // the response may begin before the body: the echo does; an unwanted body closes the connection
  const d = await raw(s.port);
  d.write('POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  await d.until('ignored\n');
  assert(!d.text.includes('100 Continue'));
  assert(d.text.includes('Connection: close'));
  await d.end();
  const e = await raw(s.port);
  e.write('POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: something\r\n\r\n');
  await e.until('HTTP/1.1 417 ');
  c.socket.destroy();
});

test('HEAD answers without a body, and the connection stays in step', async () => {
  const c = await raw(s.port);
  c.write('HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n' + 'HEAD /big?bytes=100000 HTTP/1.1\r\nHost: a\r\n\r\n' + get('/hello'));
  await c.until('hello\n');
  assert.equal(count(c.text, 'HTTP/1.1 200 OK'), 3);
  assert(!c.text.includes('xxx'));
  c.socket.destroy();
});

test('HTTP/1.0: closes by default, keeps when asked, is never sent chunks', async () => {
  const c = await raw(s.port);
  c.write('GET /big?bytes=1000 HTTP/1.0\r\n\r\n');
  await c.end();
  assert(!c.text.includes('chunked'));
  assert(c.text.endsWith('x'.repeat(1000)));
  const d = await raw(s.port);
  d.write('GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  await d.until('hello\n');
  assert(d.text.includes('Connection: keep-alive'));
  d.write('GET /hello HTTP/1.0\r\n\r\n');
  await d.end();
  assert.equal(count(d.text, 'hello\n'), 2);
});

test('hop-by-hop fields and what Connection names stay out of the request', async () => {
  const c = await raw(s.port);
  c.write(get('/head', 'Connection: X-Secret, keep-alive\r\nX-Secret: 1\r\nX-Open:  two words \r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: x\r\n'));
  await c.until('x-open: two words\n');
  assert(!/x-secret|keep-alive|te:|upgrade|proxy-/i.test(c.text.split('\r\n\r\n')[1]));
  c.socket.destroy();
});

test('targets: origin, absolute, and what is refused', async () => {
  const c = await raw(s.port);
  c.write(get('http://other:81/head?x') + get('http://bare/head'));
  await c.until('GET http://bare/head');
  assert(c.text.includes('authority=other:81 path=/head?x'));
  c.socket.destroy();
  for (const [request, status] of [
    ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405], ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 405], ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['FOO / HTTP/1.1\r\nHost: a\r\n\r\n', 501], ['GET / HTTP/1.1\r\n\r\n', 400], ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400], ['GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 400], ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n', 400], [`GET /${'a'.repeat(17000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(140000)}\r\n\r\n`, 431], [get('/', 'A: b\r\n'.repeat(300)), 431],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00', 400],
  ]) {
    const d = await raw(s.port);
    d.write(request + (status === 400 ? get('/hello') : ''));
    await d.end();
    assert.match(d.text, new RegExp(`^HTTP/1.1 ${status} `), JSON.stringify(request.slice(0, 60)));
    assert.equal(d.text.match(/HTTP\/1\.1 \d{3} /g).length, 1, 'nothing behind a bad request is served');
    assert(d.text.includes('Connection: close'));
  }
});

test('large bodies in both directions, with a reader that pauses', async () => {
  const body = Buffer.alloc(20_000_000, 'abcdefghij');
  for (const chunked of [false, true]) {
    const back = await new Promise((ok, no) => {
      const req = http.request(`${s.url}/echo`, { method: 'POST', agent: false, headers: chunked ? {} : { 'content-length': body.length } }, (res) => {
        const got = [];
        let paused = 0;
        res.on('data', (d) => {
          got.push(d);
          if (paused++ < 5) { res.pause(); setTimeout(() => res.resume(), 30); }
        });
        res.on('end', () => ok(Buffer.concat(got)));
        res.on('error', no);
      });
      req.on('error', no);
      req.end(body);
    });
    assert(back.equals(body));
  }
  assert((await s.stat()).writable > 0, 'back-pressure was felt');
});

test('a body without credit waits in the client', async () => {
  const began = Date.now();
  const r = await fetch(`${s.url}/echo?pause=200`, { method: 'POST', body: 'x'.repeat(100_000) });
  assert.equal((await r.text()).length, 100_000);
  assert(Date.now() - began >= 200);
});

test('a body in chunks of a byte', async () => {
  const c = await raw(s.port);
  c.write('POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' + [...'0123456789'.repeat(3000)].map((d) => `1\r\n${d}\r\n`).join('') + '0\r\n\r\n' + get('/hello'));
  await c.until('hello\n');
  const body = c.text.split('\r\n\r\n')[1];
  assert(body.replace(/\r\n0$/, '').replace(/[0-9a-f]+\r\n(.*?)(\r\n|$)/gs, '$1') === '0123456789'.repeat(3000));
  assert(c.text.length < 40000, 'they were joined');
  c.socket.destroy();
});

test('a small body can be taken with the head', async () => {
  assert.equal(await (await fetch(`${s.url}/taken`, { method: 'POST', body: 'abc' })).text(), 'taken\n');
  const c = await raw(s.port);
  c.write('POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab');
  await c.until('streamed\n');
  c.write('c' + get('/hello'));
  await c.until('hello\n');
  c.socket.destroy();
});

test('an unread body: small ones are skipped, large ones end the connection after the response', async () => {
  const c = await raw(s.port);
  c.write(`POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1000)}${get('/hello')}`);
  await c.until('hello\n');
  c.socket.destroy();
  const d = await raw(s.port);
  d.write(`POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`);
  await d.until('ignored\n');
  d.write('x'.repeat(999000));
  await d.end();
  assert.equal(d.failed, null, 'the client was not reset before it had read the response');
  const e = await raw(s.port);
  e.write('POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await e.until('ignored\n');
  for (let i = 0; i < 20; i++) e.write('2000\r\n' + 'x'.repeat(8192) + '\r\n');
  await e.end();
});

test('a cut response is seen to be cut', async () => {
  await assert.rejects(fetch(`${s.url}/cut?bytes=1000`).then((r) => r.text()));
  await assert.rejects(fetch(`${s.url}/short`).then((r) => r.text()));
});

test('a cut response to HTTP/1.0 ends in a reset', (t) => {
  // node's sockets take a reset right behind data for an end
  const curl = spawnSync('curl', ['-s', '--http1.0', `${s.url}/cut?bytes=1000`]);
  if (curl.error) return t.skip('curl is not here');
  assert.equal(curl.status, 56);
});

test('a head that cannot be sent is refused, and another may follow', async () => {
  assert.equal((await fetch(`${s.url}/badhead`)).status, 500);
});

test('the handler learns that the client has gone', async () => {
  const before_ = (await s.stat()).goneClient;
  const c = await raw(s.port);
  c.write(get('/slow?ms=3000'));
  await new Promise((r) => setTimeout(r, 50));
  c.socket.destroy();
  for (let i = 0; i < 50 && (await s.stat()).goneClient === before_; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal((await s.stat()).goneClient, before_ + 1);
});

test('a client that resets while its body waits for credit is noticed', async () => {
  const had = (await s.stat()).goneClient;
  const c = await raw(s.port);
  c.write(`POST /echo?pause=3000 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`);
  await new Promise((r) => setTimeout(r, 100));
  c.socket.resetAndDestroy();
  for (let i = 0; i < 50 && (await s.stat()).goneClient === had; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal((await s.stat()).goneClient, had + 1);
});

test('a client that only ended its side still gets its response', async () => {
  const c = await raw(s.port);
  c.socket.end(get('/slow?ms=50'));
  await c.end();
  assert(c.text.includes('slow\n'));
  const d = await raw(s.port);
  d.socket.end(get('/slow?ms=600', 'Connection: close\r\n'));
  await d.end();
  assert(d.text.includes('slow\n'));
});

test('slow clients are let go: head, body, reading, idle', async () => {
  const t = await server('--short-timeouts');
  const head = await raw(t.port);
  head.write('GET / HTTP/1.1\r\nHo');
  await head.end();
  assert.match(head.text, /^HTTP\/1\.1 408 /);
  const body = await raw(t.port);
  body.write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
  await body.end();
  assert(!body.text.includes('408'));
  const reading = await raw(t.port);
  reading.socket.pause();
  reading.write(get('/big?bytes=50000000'));
  const idle = await raw(t.port);
  await idle.end();
  assert.equal(idle.text, '');
  for (let i = 0; i < 100 && (await t.stat()).goneTimeout < 2; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal((await t.stat()).goneTimeout, 2, 'the body and the reader');
  reading.socket.destroy();
  assert.equal(await t.stop(), 0);
});

test('draining: idle connections close, open requests are answered, new ones are refused', async () => {
  const t = await server();
  const idle = await raw(t.port);
  idle.write(get('/hello'));
  await idle.until('hello\n');
  const open = await raw(t.port);
  open.write(get('/slow?ms=300'));
  await new Promise((r) => setTimeout(r, 50));
  t.signal('SIGINT');
  await idle.end();
  await assert.rejects(raw(t.port));
  await open.end();
  assert(open.text.includes('slow\n') && open.text.includes('Connection: close'));
  assert.deepEqual(await t.exit, [0, null]);
});

test('a Unix socket', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slv-'));
  const path = join(dir, 's');
  const t = await server('--unix', path);
  const c = await raw(path);
  c.write(get('/head'));
  await c.until('peer= ');
  c.socket.destroy();
  assert.equal(await t.stop(), 0);
  assert(!existsSync(path));
  rmSync(dir, { recursive: true });
});

test('TLS: the same server behind a certificate of its own', async () => {
  const t = await server('--tls');
  const agent = new https.Agent({ keepAlive: true, ca: t.certificate });
  const request = (path, body) => new Promise((ok, no) => {
    const req = https.request(t.url + path, { agent, servername: 'localhost', method: body ? 'POST' : 'GET' }, (res) => {
      const got = [];
      res.on('data', (d) => got.push(d));
      res.on('end', () => ok(Buffer.concat(got)));
      res.on('error', no);
    });
    req.on('error', no);
    req.end(body);
  });
  assert.match(String(await request('/head')), /scheme=https .*tls=TLSv1\.3/);
  const body = Buffer.alloc(5_000_000, 'selvage');
  assert((await request('/echo', body)).equals(body));
  assert.equal((await request('/big?bytes=3000000')).length, 3000000);
  agent.destroy();
  assert.equal(await t.stop(), 0);
});

test('TLS: the certificate is chosen by the name that the client asks for', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slv-'));
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=other',
    '-addext', 'subjectAltName=DNS:*.other.test', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const t = await server('--tls', '--sni', cert, key);
  const subject = (servername, ca) => new Promise((ok, no) => {
    const c = tls.connect({ port: t.port, host: '127.0.0.1', servername, ca }, () => { ok(c.getPeerCertificate().subject.CN); c.destroy(); });
    c.on('error', no);
  });
  assert.equal(await subject('a.other.test', readFileSync(cert)), 'other');
  assert.equal(await subject('localhost', t.certificate), 'selvage dev');
  await assert.rejects(subject('a.b.other.test', readFileSync(cert)), /certificate/);
  assert.equal(await t.stop(), 0);
  rmSync(dir, { recursive: true });
});

test('a thousand idle connections, and one that is served', async () => {
  const many = await Promise.all(Array.from({ length: 1000 }, () => raw(s.port)));
  assert.equal(await (await fetch(`${s.url}/hello`)).text(), 'hello\n');
  assert((await s.stat()).connections >= 1000);
  many[999].write(get('/hello'));
  await many[999].until('hello\n');
  for (const c of many) c.socket.destroy();
});

test('HEAD tells the length that GET would have', async () => {
  const c = await raw(s.port);
  c.write('HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /big?bytes=10 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /big?bytes=10 HTTP/1.0\r\n\r\n');
  await c.end();
  const heads = c.text.split('\r\n\r\n');
  assert(heads[0].includes('Content-Length: 6') && heads[1].includes('Transfer-Encoding: chunked'));
  assert(!heads[2].includes('Transfer-Encoding'));
  assert.equal(heads.length, 4);
});
