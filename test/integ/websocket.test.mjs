// WebSockets of the HTTP layer, against the `ws` client: with and without compression, plain and TLS.
import test from 'node:test';
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { server, raw } from './lib/net.mjs';

const open = (s, path, options = {}) => new Promise((ok, no) => {
  const w = new WebSocket(s.url.replace('http', 'ws') + path, options.protocols ?? [], { rejectUnauthorized: false, ...options });
  w.on('open', () => ok(w));
  w.on('error', no);
});
const next = (w) => new Promise((ok, no) => {
  w.once('message', (data, binary) => ok([data, binary]));
  w.once('close', (code) => no(new Error(`closed with ${code}`)));
});
const closed = (w) => new Promise((ok) => w.once('close', (code, reason) => ok([code, String(reason)])));

for (const tls of [false, true]) for (const query of ['', '?compress=1']) {
  test(`messages of every size and kind come back (${tls ? 'wss' : 'ws'}${query})`, async () => {
    const s = await server(...(tls ? ['--tls'] : []));
    const w = await open(s, '/ws' + query, { protocols: ['a', 'b'] });
    assert.equal(w.protocol, 'a');
    assert.equal(w.extensions, query ? 'permessage-deflate' : '');
    for (const text of ['hello', '', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65535), 'x'.repeat(65536), 'äöü€😀'.repeat(30000)]) {
      w.send(text);
      const [data, binary] = await next(w);
      assert.equal(String(data), text);
      assert(!binary);
    }
    const big = Buffer.alloc(9_000_000, (i) => i);
    for (let i = 0; i < big.length; i++) big[i] = (i * 7919) >> 5;
    w.send(big);
    const [data, binary] = await next(w);
    assert(binary && data.equals(big));
    const got = [];
    const all = new Promise((ok) => w.on('message', (d) => got.push(String(d)) === 300 && ok()));
    for (let i = 0; i < 300; i++) w.send(String(i).repeat(i));
    await all;
    assert(got.every((g, i) => g === String(i).repeat(i)));
    w.send('frag', { fin: false });
    w.send('ment', { fin: true });
    assert.equal(String((await next(w))[0]), 'fragment');
    const pong = new Promise((ok) => w.once('pong', ok));
    w.ping('x');
    assert.equal(String(await pong), 'x');
    w.close(3001, 'bye');
    assert.deepEqual(await closed(w), [3001, 'bye']);
    const t = tls ? null : await s.stat();
    if (t) assert.equal(t.wsCode, 3001);
    assert.equal(await s.stop(), 0);
  });
}

test('the server is held back by a client that does not read', async () => {
  const s = await server();
  const w = await open(s, '/ws?push=30000000');
  w.pause();
  await new Promise((r) => setTimeout(r, 200));
  let n = 0;
  const all = new Promise((ok) => w.on('message', (d) => (n += d.length) === 30_000_000 && ok()));
  w.resume();
  await all;
  assert((await s.stat()).writable > 3);
  w.terminate();
  assert.equal(await s.stop(), 0);
});

test('what breaks the protocol is told why', async () => {
  const s = await server();
  const frame = (...bytes) => Buffer.from(bytes);
  for (const [bytes, code] of [
    [frame(0xc1, 0x80, 0, 0, 0, 0), 1002], // compressed without agreement
    [frame(0x81, 0x01, 0x61), 1002], // not masked
    [frame(0x83, 0x80, 0, 0, 0, 0), 1002], // unknown opcode
    [frame(0x09, 0x80, 0, 0, 0, 0), 1002], // fragmented ping
    [frame(0x80, 0x80, 0, 0, 0, 0), 1002], // continuation of nothing
    [frame(0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 1, 1, 1, 1), 1002], // long form of a short length
    [frame(0x81, 0x81, 0, 0, 0, 0, 0xff), 1007], // not UTF-8
    [frame(0x01, 0x82, 0, 0, 0, 0, 0xe2, 0x82, 0x80, 0x80, 0, 0, 0, 0), 1007], // ends inside a character
    [frame(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed), 1002], // close with 1005
    [frame(0x88, 0x81, 0, 0, 0, 0, 0x03), 1002], // half a code
  ]) {
    const w = await open(s, '/ws');
    w._socket.write(bytes);
    assert.equal((await closed(w))[0], code, bytes.toString('hex'));
  }
  assert.equal(await s.stop(), 0);
});

test('a message of 32 MiB passes, one byte more does not', async () => {
  const s = await server();
  const w = await open(s, '/ws', { maxPayload: 64 << 20 });
  w.send(Buffer.alloc(32 << 20, 1));
  assert.equal((await next(w))[0].length, 32 << 20);
  w.send(Buffer.alloc((32 << 20) + 1, 1));
  assert.equal((await closed(w))[0], 1009);
  const c = await open(s, '/ws?compress=1', { perMessageDeflate: { threshold: 0 } });
  c.send(Buffer.alloc((32 << 20) + 1));
  assert.equal((await closed(c))[0], 1009, 'counted after decompression');
  assert.equal(await s.stop(), 0);
});

test('handshakes that are none are requests like others', async () => {
  const s = await server();
  for (const fields of ['Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n']) {
    const c = await raw(s.port);
    c.write(`GET /ws HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    await c.until('HTTP/1.1 400 ');
    c.socket.destroy();
  }
  const c = await raw(s.port);
  c.write(Buffer.from('GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    + Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]).toString('latin1'), 'latin1'));
  await c.until('\x81\x02hi');
  assert(c.text.includes('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='));
  assert(c.text.includes('x-upgraded: yes'));
  c.socket.destroy();
  for (let i = 0; i < 50 && !(await s.stat()).wsFailed; i++) await new Promise((r) => setTimeout(r, 10));
  assert.match((await s.stat()).wsFailed, /closed without a close frame|reset/);
  assert.equal(await s.stop(), 0);
});
