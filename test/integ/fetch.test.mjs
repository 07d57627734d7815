// The outgoing client: requests pass through net_server's /fetch to an origin in node, and the answers back.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import zlib from 'node:zlib';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { server } from './lib/net.mjs';

const dir = mkdtempSync(join(tmpdir(), 'slv-'));
let s, origin, base, aborted = 0, connections = 0, key, cert;

const listen = async (srv) => { srv.listen(0, '127.0.0.1'); await once(srv, 'listening'); return srv.address().port; };
const gathered = async (req) => { const all = []; for await (const d of req) all.push(d); return Buffer.concat(all); };

// The origin's paths.
async function serve(req, res) {
  const url = new URL(req.url, 'http://x');
  const path = url.pathname;
  res.on('close', () => { if (!res.writableFinished) aborted++; });
  if (path === '/echo') {
    const body = await gathered(req).catch(() => null);
    if (body) res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, raw: req.rawHeaders, body: body.toString('latin1') }));
  } else if (path === '/mirror') { // full duplex
    res.writeHead(200);
    req.pipe(res);
  } else if (path === '/to') {
    res.writeHead(Number(url.searchParams.get('status')), { location: url.searchParams.get('at'), 'x-hop': '1' });
    res.end('moved'.repeat(Number(url.searchParams.get('long') ?? 1)));
  } else if (path === '/loop') {
    res.writeHead(302, { location: '/loop' }).end();
  } else if (path === '/count') {
    const left = Number(url.searchParams.get('left'));
    if (left) res.writeHead(302, { location: `/count?left=${left - 1}` }).end();
    else res.end('arrived');
  } else if (path === '/coded') {
    const codings = url.searchParams.get('with').split(',');
    let body = Buffer.from('compressed text '.repeat(20000));
    const by = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, raw: zlib.deflateRawSync, br: zlib.brotliCompressSync };
    for (const c of codings) body = by[c] ? by[c](body) : body;
    if (url.searchParams.get('cut')) body = body.subarray(0, body.length / 2);
    res.writeHead(200, { 'content-encoding': codings.join(', ').replace('raw', 'deflate') });
    res.end(body);
  } else if (path === '/headers') {
    res.writeHead(203, 'Not Quite', [['Set-Cookie', 'a=1'], ['set-cookie', 'b=2'], ['X-Empty', ''], ['Connection', 'keep-alive'], ['X-Latin', 'caf\u00e9']].flat());
    res.end('ok');
  } else if (path === '/hints') {
    res.writeEarlyHints({ link: '</a>; rel=preload' });
    res.end('after hints');
  } else if (path === '/endless') {
    const more = () => { while (res.write('y'.repeat(65536))); };
    res.on('drain', more);
    more();
  } else if (path === '/cut') {
    res.write('some');
    setTimeout(() => res.destroy(), 20);
  } else if (path === '/hang') {
    await gathered(req);
  } else if (path === '/slow') {
    setTimeout(() => res.end('slow'), 100);
  } else if (path === '/none') {
    res.writeHead(Number(url.searchParams.get('status'))).end();
  } else if (path === '/manyheaders') {
    res.writeHead(200, { 'x-a': 'a'.repeat(70000), 'x-b': 'b'.repeat(70000) }).end();
  } else if (path === '/early') {
    res.writeHead(413).end('too much');
  } else {
    res.writeHead(404).end();
  }
}

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(dir, 'key'), '-out', join(dir, 'cert')], { stdio: 'ignore' });
  const { readFileSync } = await import('node:fs');
  key = readFileSync(join(dir, 'key'));
  cert = readFileSync(join(dir, 'cert'));
  origin = http.createServer({ maxHeaderSize: 1 << 20 }, serve);
  origin.on('connection', () => connections++);
  base = `http://127.0.0.1:${await listen(origin)}`;
  s = await server('--ca', join(dir, 'cert'));
});
after(async () => {
  assert.equal(await s.stop(), 0);
  origin.closeAllConnections();
  origin.close();
  rmSync(dir, { recursive: true });
});

// What the proxy answers: {status, text, headers}.
function through(url, { method = 'GET', headers = {}, body, via = s, path = '/fetch', signal } = {}) {
  return new Promise((ok, no) => {
    const req = http.request(via.url + path, { method, headers: { 'x-fetch-url': url, ...headers }, agent: false, signal }, async (res) => {
      try { ok({ status: res.statusCode, reason: res.statusMessage, headers: res.headers, raw: res.rawHeaders, text: (await gathered(res)).toString('latin1') }); } catch (e) { no(e); }
    });
    req.on('error', no);
    if (body && typeof body.pipe === 'function') body.pipe(req);
    else req.end(body);
  });
}

test('a request arrives as it was made, with nothing added but Host and Accept-Encoding', async () => {
  const r = await through(`${base}/echo?a=%20b|c`, { headers: { 'x-one': '1', 'x-empty': '' } });
  assert.equal(r.status, 200);
  const seen = JSON.parse(r.text);
  assert.equal(seen.method, 'GET');
  assert.equal(seen.url, '/echo?a=%20b|c');
  assert.deepEqual(seen.headers, { host: base.slice(7), 'accept-encoding': 'br, gzip', 'x-one': '1', 'x-empty': '' });
  assert.equal(r.headers['x-final-url'], `${base}/echo?a=%20b|c`);
  assert.equal(r.headers['x-redirected'], '0');
});

test('methods, and bodies with a length and without', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    const seen = JSON.parse((await through(`${base}/echo`, { method })).text);
    assert.equal(seen.method, method);
    assert.equal(seen.headers['content-length'], method === 'POST' || method === 'PUT' ? '0' : undefined, method);
    assert.equal(seen.headers['content-type'], undefined);
    if (method === 'GET') continue;
    const withBody = JSON.parse((await through(`${base}/echo`, { method, body: 'abc', headers: { 'content-length': 3, 'content-type': 'text/x' } })).text);
    assert.equal(withBody.body, 'abc');
    assert.equal(withBody.headers['content-length'], '3');
    assert.equal(withBody.headers['content-type'], 'text/x');
    assert.equal(withBody.headers.expect, undefined);
  }
  const empty = JSON.parse((await through(`${base}/echo`, { method: 'PATCH', headers: { 'x-fetch-empty': '1' } })).text);
  assert.deepEqual([empty.method, empty.headers['content-length'], empty.headers['transfer-encoding']], ['PATCH', '0', undefined]);
  const chunked = JSON.parse((await through(`${base}/echo`, { method: 'POST', body: 'abc', headers: { 'transfer-encoding': 'chunked' } })).text);
  assert.equal(chunked.body, 'abc');
  assert.equal(chunked.headers['transfer-encoding'], 'chunked');
  const head = await through(`${base}/echo`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  for (const status of [204, 304]) assert.equal((await through(`${base}/none?status=${status}`)).status, status);
});

test('response heads: status text, repeated and empty fields, informational ones skipped', async () => {
  const r = await through(`${base}/headers`);
  assert.equal(r.status, 203);
  assert.equal(r.reason, 'Not Quite');
  assert.deepEqual(r.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(r.headers['x-empty'], '');
  assert.equal(r.headers['x-latin'], 'caf\u00e9');
  assert.equal((await through(`${base}/hints`)).text, 'after hints');
  const many = await through(`${base}/manyheaders`);
  assert.equal(many.status, 502);
  assert.match(many.text, /^E_LIMIT: the response's head is larger than 128 KiB/);
});

test('bodies stream in both directions at once', async () => {
  const body = Buffer.alloc(12_000_000, 'abcdefg');
  for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
    const r = await through(`${base}/mirror`, { method: 'POST', body, headers });
    assert(Buffer.from(r.text, 'latin1').equals(body));
  }
});

test('content codings are undone, unless raw bytes are asked for', async () => {
  const text = 'compressed text '.repeat(20000);
  for (const coding of ['gzip', 'deflate', 'raw', 'br', 'gzip,br', 'identity', 'br,gzip,deflate']) {
    const r = await through(`${base}/coded?with=${coding}`);
    assert.equal(r.text, text, coding);
    assert.equal(r.headers['content-encoding'], coding.replaceAll(',', ', ').replace('raw', 'deflate'));
  }
  const raw = await through(`${base}/coded?with=gzip`, { headers: { 'x-fetch-raw': '1' } });
  assert.equal(zlib.gunzipSync(Buffer.from(raw.text, 'latin1')).toString(), text);
  assert.equal((await through(`${base}/coded?with=unknown`)).text, text);
  assert.equal((await through(`${base}/coded?with=gzip`, { method: 'HEAD' })).text, '');
  await assert.rejects(through(`${base}/coded?with=gzip&cut=1`));
  await assert.rejects(through(`${base}/coded?with=br&cut=1`));
  const own = JSON.parse((await through(`${base}/echo`, { headers: { 'accept-encoding': 'identity' } })).text);
  assert.equal(own.headers['accept-encoding'], 'identity');
});

test('redirects: followed, left alone, refused, counted', async () => {
  const to = (status, at, long = 1) => `${base}/to?status=${status}&at=${encodeURIComponent(at)}&long=${long}`;
  const r = await through(to(302, '/echo?x'));
  assert.equal(JSON.parse(r.text).url, '/echo?x');
  assert.equal(r.headers['x-redirected'], '1');
  assert.equal(r.headers['x-final-url'], `${base}/echo?x`);
  assert.equal(JSON.parse((await through(to(301, 'echo?rel', 100000))).text).url, '/echo?rel', 'a long body is not waited for');
  for (const [status, method, becomes] of [[301, 'POST', 'GET'], [302, 'POST', 'GET'], [303, 'POST', 'GET'], [303, 'PUT', 'GET'], [303, 'DELETE', 'GET'],
    [301, 'PUT', 'PUT'], [302, 'PATCH', 'PATCH'], [307, 'POST', 'POST'], [308, 'PUT', 'PUT']]) {
    const seen = JSON.parse((await through(to(status, '/echo'), { method, body: 'abc', headers: { 'content-length': 3, 'content-type': 'text/x', 'x-keep': '1' } })).text);
    assert.equal(seen.method, becomes, `${status} ${method}`);
    assert.equal(seen.body, becomes === method ? 'abc' : '');
    assert.equal(seen.headers['content-type'], becomes === method ? 'text/x' : undefined);
    assert.equal(seen.headers['x-keep'], '1');
  }
  const manual = await through(to(302, '/echo'), { headers: { 'x-fetch-redirect': 'manual' } });
  assert.equal(manual.status, 302);
  assert.equal(manual.headers.location, '/echo');
  assert.equal(manual.text, 'moved');
  assert.match((await through(to(302, '/echo'), { headers: { 'x-fetch-redirect': 'error' } })).text, /^E_DENIED: /);
  assert.equal((await through(`${base}/count?left=20`)).text, 'arrived');
  assert.equal((await through(`${base}/count?left=21`)).text, 'E_LIMIT: Too many redirects.');
  assert.match((await through(to(302, 'ftp://x/'))).text, /^E_DENIED: /);
  assert.match((await through(to(302, 'http://['))).text, /Invalid Location header/);
  const streamed = await through(to(307, '/echo'), { method: 'POST', body: Buffer.alloc(500_000, 'x'), headers: { 'transfer-encoding': 'chunked' } });
  assert.match(streamed.text, /one-time-use body/);
});

test('Authorization goes along to the same origin, and elsewhere only when not told to drop it', async () => {
  const other = base.replace('127.0.0.1', 'localhost');
  const at = (target) => `${base}/to?status=302&at=${encodeURIComponent(target)}`;
  const headers = { authorization: 'secret', 'x-fetch-drop': '1' };
  assert.equal(JSON.parse((await through(at('/echo'), { headers })).text).headers.authorization, 'secret');
  assert.equal(JSON.parse((await through(at(`${other}/echo`), { headers })).text).headers.authorization, undefined);
  assert.equal(JSON.parse((await through(at(`${other}/echo`), { headers: { authorization: 'secret' } })).text).headers.authorization, 'secret');
});

test('connections are used again', async () => {
  await through(`${base}/echo`);
  const had = connections;
  for (let i = 0; i < 5; i++) await through(`${base}/echo`);
  assert.equal(connections, had);
});

test('a client that leaves ends the request to the origin', async () => {
  for (const path of ['/endless', '/hang']) {
    const had = aborted;
    const controller = new AbortController();
    const r = through(base + path, { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await assert.rejects(r);
    for (let i = 0; i < 100 && aborted === had; i++) await new Promise((ok) => setTimeout(ok, 20));
    assert.equal(aborted, had + 1, path);
  }
});

test('a reader that stops holds the origin back', async () => {
  let sent = 0;
  const fast = http.createServer((req, res) => {
    const more = () => { do sent += 65536; while (res.write(Buffer.alloc(65536))); };
    res.on('drain', more);
    more();
  });
  const port = await listen(fast);
  const req = http.get(`${s.url}/fetch`, { headers: { 'x-fetch-url': `http://127.0.0.1:${port}/` }, agent: false });
  const [res] = await once(req, 'response');
  await new Promise((ok) => setTimeout(ok, 700));
  const held = sent;
  await new Promise((ok) => setTimeout(ok, 300));
  assert.equal(sent, held, 'nothing moves while nobody reads');
  assert(held < 60_000_000, `${held} bytes were taken`);
  res.resume();
  for (let i = 0; i < 1000 && sent <= held; i++) await new Promise((ok) => setTimeout(ok, 20));
  assert(sent > held);
  req.destroy();
  fast.closeAllConnections();
  fast.close();
});

test('failures: refused, unknown, cut, empty, no HTTP, by code and text', async () => {
  const closed = net.createServer();
  const port = await listen(closed);
  closed.close();
  assert.match((await through(`http://127.0.0.1:${port}/`)).text, /^E_IO: .*(refused|connect)/i);
  assert.match((await through('http://does-not-exist.invalid/')).text, /^E_IO: .*resolve/i);
  await assert.rejects(through(`${base}/cut`));
  const rude = net.createServer((c) => c.on('data', () => c.end('SSH-2.0-x\r\n')));
  assert.match((await through(`http://127.0.0.1:${await listen(rude)}/`)).text, /^E_(PROTOCOL|IO): /);
  rude.close();
  const mute = net.createServer((c) => c.on('data', () => c.end()));
  assert.match((await through(`http://127.0.0.1:${await listen(mute)}/`)).text, /^E_IO: the connection was lost/);
  mute.close();
  for (const url of ['ftp://x/', 'nonsense', 'http://']) assert.equal((await through(url)).status, 400, url);
  assert.equal((await through(`${base}/early`, { method: 'POST', body: Buffer.alloc(3_000_000), headers: { 'content-length': 3_000_000 } })).status, 413);
});

test('addresses are judged after the name was looked up, and on redirects', async () => {
  const t = await server('--public-only');
  for (const host of ['127.0.0.1', 'localhost', '127.1', '0x7f.1', '2130706433'])
    assert.match((await through(`http://${host}:${new URL(base).port}/echo`, { via: t })).text, /^E_DENIED: the address (127\.0\.0\.1|::1) may not be reached/, host);
  assert.equal(await t.stop(), 0);
});

test('a hundred requests to slow origins run beside each other', async () => {
  const began = Date.now();
  const all = await Promise.all(Array.from({ length: 100 }, () => through(`${base}/slow`)));
  assert(all.every((r) => r.text === 'slow'));
  assert(Date.now() - began < 4000);
});

test('https: HTTP/2 where the origin has it, certificates are verified', async () => {
  const h2 = http2.createSecureServer({ key, cert, allowHTTP1: true }, serve);
  const port = await listen(h2);
  const sessions = new Set();
  h2.on('session', (x) => sessions.add(x));
  const seen = JSON.parse((await through(`https://localhost:${port}/echo`)).text);
  assert.equal(seen.headers[':method'], 'GET');
  const body = Buffer.alloc(4_000_000, 'xyz');
  const r = await through(`https://localhost:${port}/mirror`, { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } });
  assert(Buffer.from(r.text, 'latin1').equals(body));
  assert.equal((await through(`https://localhost:${port}/coded?with=br`)).text.length, 320000);
  assert.equal(sessions.size, 1);
  const strict = await server();
  assert.match((await through(`https://localhost:${port}/echo`, { via: strict })).text, /^E_PROTOCOL: .*certificate/i);
  assert.equal(await strict.stop(), 0);
  for (const x of sessions) x.destroy();
  h2.close();
});

test('a proxy from the environment is used, by tunnel for https, and not for what no_proxy names', async () => {
  const asked = [];
  const proxy = http.createServer((req, res) => { asked.push(req.url); res.end('by proxy'); });
  proxy.on('connect', (req, socket) => { asked.push(req.url); socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'); });
  const url = `http://127.0.0.1:${await listen(proxy)}`;
  Object.assign(process.env, { http_proxy: url, https_proxy: url, no_proxy: 'direct.test,127.0.0.1' });
  const t = await server();
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) delete process.env[name];
  assert.equal((await through('http://some.test/x', { via: t })).text, 'by proxy');
  assert.equal((await through('https://some.test/x', { via: t })).status, 502);
  assert.equal((await through(`${base}/count?left=0`, { via: t })).text, 'arrived');
  assert.match((await through('http://a.direct.test/', { via: t })).text, /resolve/);
  assert.deepEqual(asked, ['http://some.test/x', 'some.test:443']);
  assert.equal(await t.stop(), 0);
  proxy.close();
});

test('WebSockets to an origin, plain and TLS, compressed and not', async () => {
  for (const secure of [false, true]) for (const compress of [false, true]) {
    const upstream = secure ? https.createServer({ key, cert }) : http.createServer();
    const wss = new WebSocketServer({ server: upstream, perMessageDeflate: compress ? { threshold: 0 } : false, handleProtocols: (set) => [...set].at(-1) });
    wss.on('connection', (w, req) => {
      w.send(req.headers['x-mine'] ?? 'none');
      w.on('message', (d, binary) => w.send(d, { binary }));
      w.on('close', (code, reason) => { wss.last = [code, String(reason)]; });
    });
    const port = await listen(upstream);
    const w = new WebSocket(`ws://127.0.0.1:${s.port}/fetchws`, ['one', 'two'],
      { headers: { 'x-fetch-url': `http${secure ? 's' : ''}://localhost:${port}/`, 'x-mine': 'yes', ...(compress ? { 'x-fetch-compress': '1' } : {}) } });
    const inbox = [];
    let wake = () => {};
    w.on('message', (d) => { inbox.push(d); wake(); });
    const next = async () => { while (!inbox.length) await new Promise((ok) => { wake = ok; }); return inbox.shift(); };
    await once(w, 'open');
    assert.equal(w.protocol, 'two');
    assert.equal(String(await next()), 'yes');
    for (const size of [0, 1, 200, 70_000, 3_000_000]) {
      const data = Buffer.alloc(size, 'selvage ');
      w.send(data);
      assert((await next()).equals(data), `${size} bytes`);
    }
    w.close(4000, 'done');
    assert.deepEqual((await once(w, 'close')).map(String), ['4000', 'done']);
    for (let i = 0; i < 50 && !wss.last; i++) await new Promise((ok) => setTimeout(ok, 10));
    assert.deepEqual(wss.last, [4000, 'done']);
    wss.close();
    upstream.close();
  }
});

test('a WebSocket request that is answered otherwise is a response', async () => {
  const ask = (url, headers = {}) => through(url, { path: '/fetchws', headers });
  const r = await ask(`${base}/headers`);
  assert.equal(r.status, 203);
  assert.equal(r.text, 'ok');
  assert.equal((await ask(`${base}/to?status=302&at=/headers`)).headers['x-final-url'], `${base}/headers`);
  assert.equal((await ask(`${base}/coded?with=gzip`)).text.length, 320000);
  const liar = net.createServer((c) => c.on('data', () => c.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n')));
  assert.match((await ask(`http://127.0.0.1:${await listen(liar)}/`)).text, /^E_PROTOCOL: .*handshake is malformed/);
  liar.close();
});

test('connect(): bytes over TCP and TLS, half-closed, and turned into TLS', async () => {
  const dial = (port, more = {}, body = 'ping') => through('-', { path: '/connect', method: 'POST', body, headers: { 'x-fetch-host': 'localhost', 'x-fetch-port': port, ...more } });
  const plain = net.createServer({ allowHalfOpen: true }, (c) => { const all = []; c.on('data', (d) => all.push(d)); c.on('end', () => c.end(Buffer.concat(all).toString('latin1').toUpperCase())); });
  const port = await listen(plain);
  const r = await dial(port);
  assert.equal(r.text, 'PING');
  assert.match(r.headers['x-remote'], new RegExp(`^(127\\.0\\.0\\.1|\\[::1\\]):${port}$`));
  const big = 'abc'.repeat(2_000_000);
  assert.equal((await dial(port, {}, big)).text, big.toUpperCase());
  plain.close();
  const secure = tls.createServer({ key, cert, allowHalfOpen: true }, (c) => c.on('data', (d) => c.end(`secret ${d}`)));
  assert.equal((await dial(await listen(secure), { 'x-fetch-tls': '1' })).text, 'secret ping');
  secure.close();
  const upgrading = net.createServer((c) => {
    c.write('220 ready\r\nSTARTTLS\r\n');
    const t = new tls.TLSSocket(c, { isServer: true, key, cert });
    t.on('data', (d) => t.end(`now secret ${d}`));
  });
  const req = http.request(`${s.url}/connect`, { method: 'POST', agent: false,
    headers: { 'x-fetch-host': 'localhost', 'x-fetch-port': await listen(upgrading), 'x-fetch-starttls-at': 'STARTTLS' } });
  req.flushHeaders();
  const [res] = await once(req, 'response');
  let text = '';
  for await (const piece of res) {
    text += piece;
    if (text.endsWith('STARTTLS\r\n')) req.write('ping');
  }
  req.end();
  assert.equal(text, '220 ready\r\nSTARTTLS\r\nnow secret ping');
  upgrading.close();
  assert.match((await dial(1)).text, /^E_IO: /);
  assert.equal((await dial(80, { 'x-fetch-host': 'no host' })).status, 400);
});
