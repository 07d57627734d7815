// What stands before a server's listeners: certificates from a directory, the way to https, the PROXY protocol, trusted proxies.
import test from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import http2 from 'node:http2';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { until } from './lib/selvage.mjs';
import { authority, folder, keep } from './lib/pki.mjs';
import { door, get, handshake } from './lib/door.mjs';

const ca = authority();

// All that comes for one request on a socket of its own.
async function say(port, text, { tls: options } = {}) {
  const socket = options ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }) : net.connect(port, '127.0.0.1');
  let got = '';
  socket.on('data', (d) => { got += d.toString('latin1'); }).on('error', () => {});
  socket.write(text);
  await new Promise((ok) => socket.on('close', ok)); // after a reset, too
  return got;
}
const REQUEST = 'GET /p HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n';
const body = (text) => text.slice(text.indexOf('\r\n\r\n') + 4);

test('a client gets the certificate of the name that it asks for', async () => {
  const dir = folder();
  keep(dir, 'one', ca.issue(['one.test', 'uno.test'], { cn: 'one' }));
  keep(dir, 'wild', ca.issue(['*.wild.test'], { cn: 'wild' }));
  keep(dir, 'exact', ca.issue(['a.wild.test'], { cn: 'exact' }));
  mkdirSync(join(dir, 'lego'));
  const lego = ca.issue(['lego.test'], { cn: 'lego' });
  writeFileSync(join(dir, 'lego', 'fullchain.pem'), lego.chain);
  writeFileSync(join(dir, 'lego', 'privkey.pem'), lego.key, { mode: 0o600 });
  mkdirSync(join(dir, 'accounts'));
  const d = await door('--cert-dir', dir, '--default-host', 'lego.test');
  const subject = async (name) => (await handshake(d.secure, name, { ca: ca.pem })).subject;
  assert.equal(await subject('one.test'), 'one');
  assert.equal(await subject('UNO.test'), 'one');
  assert.equal(await subject('b.wild.test'), 'wild');
  assert.equal(await subject('a.wild.test'), 'exact', 'an exact name comes before a wildcard');
  assert.equal(await subject('a.b.wild.test'), 'lego', 'a wildcard is one label');
  assert.equal(await subject('wild.test'), 'lego');
  assert.equal(await subject('lego.test'), 'lego');
  assert.equal(await subject('other.test'), 'lego', 'the default');
  assert.equal(await subject(''), 'lego', 'no name');
  assert.deepEqual(d.notices, []);
  assert.equal(await d.stop(), 0);
});

test('the default certificate is called so, or is the first', async () => {
  const dir = folder();
  keep(dir, 'b', ca.issue(['b.test'], { cn: 'b' }));
  keep(dir, 'a', ca.issue(['a.test'], { cn: 'a' }));
  const d = await door('--cert-dir', dir);
  assert.equal((await handshake(d.secure, 'x.test')).subject, 'a');
  keep(dir, 'default', ca.issue(['z.test'], { cn: 'z' }));
  await until(async () => (await handshake(d.secure, 'x.test')).subject === 'z', 'the new default');
  assert.equal(await d.stop(), 0);
});

test('certificates change while connections stay, and sessions are resumed', async () => {
  const dir = folder();
  keep(dir, 'a', ca.issue(['a.test'], { cn: 'before' }));
  const d = await door('--cert-dir', dir);
  const agent = http2.connect(`https://127.0.0.1:${d.secure}`, { servername: 'a.test', rejectUnauthorized: false });
  const ask = () => new Promise((ok, no) => { const r = agent.request({ ':path': '/x' }); let t = ''; r.on('data', (x) => { t += x; }).on('end', () => ok(t)).on('error', no); });
  assert.match(await ask(), /https .* \/x\n$/);
  const first = tls.connect({ port: d.secure, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false });
  const [session] = await once(first, 'session');
  first.destroy();
  keep(dir, 'a', ca.issue(['a.test', 'b.test'], { cn: 'after' }));
  await until(async () => (await handshake(d.secure, 'a.test')).subject === 'after', 'the new certificate');
  assert.equal((await handshake(d.secure, 'b.test')).subject, 'after');
  assert.match(await ask(), /https .* \/x\n$/, 'the connection goes on');
  assert.equal((await handshake(d.secure, 'a.test', { session })).reused, true);
  // a name that goes, and one that comes
  rmSync(join(dir, 'a.crt'));
  rmSync(join(dir, 'a.key'));
  await until(async () => (await handshake(d.secure, 'a.test')).subject === 'selvage dev', 'no certificate');
  mkdirSync(join(dir, 'new'));
  const fresh = ca.issue(['a.test'], { cn: 'fresh' });
  writeFileSync(join(dir, 'new', 'privkey.pem'), fresh.key, { mode: 0o600 });
  writeFileSync(join(dir, 'new', 'fullchain.pem'), fresh.chain);
  await until(async () => (await handshake(d.secure, 'a.test')).subject === 'fresh', 'a folder');
  agent.destroy();
  assert.equal(await d.stop(), 0);
});

test('a folder that is swapped by a link is read anew', async () => {
  const root = folder(), dir = join(root, 'live');
  for (const name of ['1', '2']) {
    mkdirSync(join(root, name));
    keep(join(root, name), 'a', ca.issue(['a.test'], { cn: name }));
  }
  mkdirSync(dir);
  symlinkSync('../1', join(dir, '..data'));
  for (const file of ['a.crt', 'a.key']) symlinkSync(`..data/${file}`, join(dir, file));
  const d = await door('--cert-dir', dir);
  assert.equal((await handshake(d.secure, 'a.test')).subject, '1');
  symlinkSync('../2', join(dir, '..new'));
  renameSync(join(dir, '..new'), join(dir, '..data'));
  await until(async () => (await handshake(d.secure, 'a.test')).subject === '2', 'the other folder');
  assert.equal(await d.stop(), 0);
});

test('what cannot be used is named, and what was there before goes on', async () => {
  const dir = folder();
  const good = ca.issue(['a.test'], { cn: 'good' }), other = ca.issue(['a.test']);
  keep(dir, 'a', good);
  keep(dir, 'open', ca.issue(['open.test'], { cn: 'open' }), 0o604);
  keep(dir, 'writable', ca.issue(['writable.test'], { cn: 'writable' }), 0o620);
  writeFileSync(join(dir, 'lonely.crt'), good.chain);
  const d = await door('--cert-dir', dir);
  await d.saw(/notice .*open\.key: the key is open to others \(mode 0604\); give it mode 0600 or 0640\n/);
  await d.saw(/notice .*writable\.key: the key is open to others \(mode 0620\)/);
  await d.saw(/notice .*lonely\.key: No such file/);
  assert.equal((await handshake(d.secure, 'open.test')).subject, 'good', 'the default');
  let from = d.text.length;
  writeFileSync(join(dir, 'a.crt'), 'no certificate');
  await d.saw(/a\.crt with .*a\.key: the certificate cannot be read as PEM.*; the certificate before it stays in use\n/, from);
  assert.equal((await handshake(d.secure, 'a.test')).subject, 'good');
  from = d.text.length;
  keep(dir, 'a', { chain: good.chain, key: other.key });
  await d.saw(/the private key does not belong to the certificate/, from);
  assert.equal((await handshake(d.secure, 'a.test')).subject, 'good');
  from = d.text.length;
  chmodSync(join(dir, 'open.key'), 0o640);
  await until(async () => (await handshake(d.secure, 'open.test')).subject === 'open', 'the key that is closed now');
  assert.equal(await d.stop(), 0);
});

test('http is sent to https where the listener says so', async () => {
  const dir = folder();
  keep(dir, 'a', ca.issue(['a.test']));
  const d = await door('--cert-dir', dir, '--redirect', '--hsts', '3600');
  const r = await get(d.port, '/p/%20q?x=1&y=http://b', { host: 'a.test:81' });
  assert.equal(r.status, 308);
  assert.equal(r.headers.location, `https://a.test:${d.secure}/p/%20q?x=1&y=http://b`);
  assert.equal(r.headers['strict-transport-security'], undefined, 'not said over http');
  assert.equal((await get(d.port, '/', { host: '[::1]:80' })).headers.location, `https://[::1]:${d.secure}/`);
  assert.equal((await get(d.port, '/.well-known/acme-challenge/xyz', { host: 'a.test' })).status, 200, 'challenges are answered here');
  assert.match(await say(d.port, 'POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc'), /^HTTP\/1.1 308 /);
  const secure = await say(d.secure, REQUEST, { tls: { servername: 'a.test' } });
  assert.match(secure, /^HTTP\/1.1 200 /);
  assert.match(secure, /\r\nStrict-Transport-Security: max-age=3600\r\n/);
  const h2 = http2.connect(`https://127.0.0.1:${d.secure}`, { rejectUnauthorized: false });
  const [head] = await once(h2.request({ ':path': '/' }), 'response');
  assert.equal(head['strict-transport-security'], 'max-age=3600');
  h2.destroy();
  assert.equal(await d.stop(), 0);
});

test('the PROXY protocol says whose a connection is, with TLS behind it too', async () => {
  const dir = folder();
  keep(dir, 'a', ca.issue(['a.test']));
  const d = await door('--cert-dir', dir, '--proxy');
  const v1 = 'PROXY TCP4 1.2.3.4 5.6.7.8 12345 443\r\n';
  const v2 = Buffer.from('0d0a0d0a000d0a515549540a2111000c0102030405060708303901bb', 'hex');
  assert.equal(body(await say(d.port, v1 + REQUEST)), '1.2.3.4 12345 http a.test a.test /p\n');
  assert.equal(body(await say(d.port, Buffer.concat([v2, Buffer.from(REQUEST)]))), '1.2.3.4 12345 http a.test a.test /p\n');
  assert.match(body(await say(d.port, `PROXY UNKNOWN\r\n${REQUEST}`)), /^127\.0\.0\.1 \d+ http /);
  // in pieces
  const slow = net.connect(d.port, '127.0.0.1');
  let got = '';
  slow.on('data', (t) => { got += t; });
  for (const c of v1 + REQUEST) {
    slow.write(c);
    await new Promise((r) => setImmediate(r));
  }
  await once(slow, 'close');
  assert.equal(body(got), '1.2.3.4 12345 http a.test a.test /p\n');
  // TLS begins behind the header
  const socket = net.connect(d.secure, '127.0.0.1');
  socket.write(v2);
  const secure = tls.connect({ socket, servername: 'a.test', rejectUnauthorized: false });
  got = '';
  secure.on('data', (t) => { got += t; });
  secure.write(REQUEST);
  await once(secure, 'close');
  assert.equal(body(got), '1.2.3.4 12345 https a.test a.test /p\n');
  // the balancer spoke TLS with the client
  const ssl = Buffer.from('0d0a0d0a000d0a515549540a211100140102030405060708303901bb2000050100000000', 'hex');
  assert.equal(body(await say(d.port, Buffer.concat([ssl, Buffer.from(REQUEST)]))), '1.2.3.4 12345 https a.test a.test /p\n');
  // who has no header, or half of one, or another, is not served
  for (const text of [REQUEST, `PROXY TCP4 1.2.3.4 5.6.7.8 12345\r\n${REQUEST}`, `PROXY TCP4 ${'1'.repeat(200)}`]) assert.equal(await say(d.port, text), '');
  assert.equal(await say(d.port, 'PROXY TCP4 1.2.3.4'), '', 'not in time');
  assert.equal(await d.stop(), 0);
});

test('only trusted balancers may connect where the PROXY protocol is spoken', async () => {
  const d = await door('--proxy', '--trust', '192.0.2.0/24');
  assert.equal(await say(d.port, `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${REQUEST}`), '');
  assert.equal(await d.stop(), 0);
  const e = await door('--proxy', '--trust', '127.0.0.0/8', '--trust', '1.2.3.0/24');
  assert.match(body(await say(e.port, `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${REQUEST.replace('\r\n\r\n', '\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n')}`)), /^9\.9\.9\.9 0 http/, 'a proxy behind a balancer');
  assert.equal(await e.stop(), 0);
});

test('forwarding headers count from trusted proxies alone', async () => {
  const headers = { host: 'a.test', 'x-forwarded-for': '6.6.6.6, 1.1.1.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'b.test' };
  const d = await door('--trust', '127.0.0.1', '--redirect');
  assert.equal((await get(d.port, '/', headers)).text, '1.1.1.1 0 https b.test b.test /\n', 'and who came by https is not sent there');
  assert.equal((await get(d.port, '/', { ...headers, 'x-forwarded-proto': 'http' })).headers.location, 'https://b.test/');
  assert.equal(await d.stop(), 0);
  const e = await door('--trust', '10.0.0.0/8');
  assert.match((await get(e.port, '/', headers)).text, /^127\.0\.0\.1 \d+ http a\.test a\.test \/\n$/);
  assert.equal(await e.stop(), 0);
});

test('networks that are none are refused at the start', async () => {
  await assert.rejects(door('--trust', '10.0.0.1/8'), /"10\.0\.0\.1\/8" has bits set beyond its prefix/);
});
