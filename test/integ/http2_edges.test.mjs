// HTTP/2 from clients that keep no rules: each costs its own connection at most, and nobody else's.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { server } from './lib/net.mjs';
import { until } from './lib/selvage.mjs';
import { CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, connect, field, frame, get, request, settings, u32 } from './lib/frames.mjs';

const PROTOCOL_ERROR = 1, FLOW_CONTROL_ERROR = 3, FRAME_SIZE_ERROR = 6, REFUSED_STREAM = 7, CANCEL = 8, COMPRESSION_ERROR = 9, ENHANCE_YOUR_CALM = 11;
let s;
before(async () => { s = await server(); });
after(async () => { assert.equal(await s.stop(), 0); });

const calmed = async (c) => { const code = await c.goaway(); await c.closed(); assert(code === ENHANCE_YOUR_CALM || code === undefined, `GOAWAY ${code}`); };
const serves = async () => assert.equal(await (await fetch(`${s.url}/hello`)).text(), 'hello\n');
const odd = (n, from = 1) => Array.from({ length: n }, (_, i) => from + 2 * i);

test('raw frames are answered like any client\'s', async () => {
  const c = await connect(s.port);
  c.write(get(1, '/hello'));
  assert.equal(await c.answer(1), 'hello\n');
  c.socket.destroy();
});

test('rapid reset: some streams may be reset, not thousands', async () => {
  const before = (await s.stat()).requests;
  const c = await connect(s.port);
  c.write(...odd(200).flatMap((id) => [get(id, '/slow?ms=1'), frame(RST_STREAM, 0, id, u32(CANCEL))]));
  c.write(get(401, '/hello'));
  assert.equal(await c.answer(401), 'hello\n', '200 are few');
  c.write(...odd(2000, 403).flatMap((id) => [get(id, '/slow?ms=1'), frame(RST_STREAM, 0, id, u32(CANCEL))]));
  await calmed(c);
  assert((await s.stat()).requests - before < 1000, 'the others were not begun');
  await serves();
});

test('streams that we must reset count as much as those that the client resets', async () => {
  const c = await connect(s.port);
  // a WINDOW_UPDATE of 0 on a stream is an error of that stream
  for (const part of [odd(400), odd(400, 801)]) c.write(...part.flatMap((id) => [get(id, '/slow?ms=50'), frame(WINDOW_UPDATE, 0, id, u32(0))]));
  const code = await c.goaway();
  await c.closed();
  assert([ENHANCE_YOUR_CALM, PROTOCOL_ERROR, undefined].includes(code));
  await serves();
});

test('more streams at once than are allowed are refused, the others run', async () => {
  const c = await connect(s.port);
  c.write(...odd(150).map((id) => get(id, '/slow?ms=300')));
  assert.equal(await c.answer(1), 'slow\n');
  const refused = c.frames.filter((f) => f.type === RST_STREAM);
  assert.equal(refused.length, 22);
  assert(refused.every((f) => f.payload.readUInt32BE() === REFUSED_STREAM));
  await c.answer(255);
  c.write(get(1001, '/hello'));
  assert.equal(await c.answer(1001), 'hello\n');
  c.socket.destroy();
});

test('header blocks: in pieces, too many pieces, without an end', async () => {
  let c = await connect(s.port);
  const block = request('/hello', { 'x-long': 'a'.repeat(2000) });
  c.write(frame(HEADERS, END_STREAM, 1, block.subarray(0, 10)), frame(CONTINUATION, 0, 1, block.subarray(10, 1000)), frame(CONTINUATION, END_HEADERS, 1, block.subarray(1000)));
  assert.equal(await c.answer(1), 'hello\n');
  c.write(frame(HEADERS, END_STREAM, 3, request('/hello')), ...Array.from({ length: 1000 }, () => frame(CONTINUATION, 0, 3)));
  await c.closed();
  c = await connect(s.port);
  c.write(frame(HEADERS, END_STREAM, 1, request('/hello')), ...Array.from({ length: 1000 }, (_, i) => frame(CONTINUATION, 0, 1, field(`x-${i}`, 'a'.repeat(16000)))));
  await c.closed();
  c = await connect(s.port);
  c.write(frame(HEADERS, END_STREAM, 1, request('/hello')), get(3, '/hello'));
  assert.equal(await c.goaway(), PROTOCOL_ERROR, 'nothing may come between');
  await c.closed();
  await serves();
});

test('a head that is too long is answered 431; one that unpacks without end costs the connection', async () => {
  let c = await connect(s.port);
  // one field of 4,000 bytes goes into the table; each byte behind it means it again
  const again = (times) => Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), Buffer.from([127, 4000 - 127 & 127 | 128, 4000 - 127 >> 7]), Buffer.alloc(4000, 'a'), Buffer.alloc(times, 0xbe)]);
  const bomb = again(10000);
  c.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, Buffer.concat([request('/hello'), again(30)])));
  assert.equal(await c.answer(1), 'hello\n', '31 times 4,000 bytes are allowed');
  c.write(frame(HEADERS, END_STREAM | END_HEADERS, 3, Buffer.concat([request('/hello'), again(35)])));
  assert.match(await c.answer(3), /too large/);
  c.write(get(5, '/hello'));
  assert.equal(await c.answer(5), 'hello\n');
  c.socket.destroy();
  c = await connect(s.port);
  c.write(frame(HEADERS, END_STREAM | END_HEADERS, 1, Buffer.concat([request('/hello'), bomb])));
  await calmed(c);
  // and so in trailers
  c = await connect(s.port);
  c.write(frame(HEADERS, END_HEADERS, 1, request('/echo', { ':method': 'POST' })), frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb));
  await calmed(c);
  await serves();
});

test('floods of frames that carry nothing', async () => {
  const floods = {
    PING: () => frame(PING, 0, 0, Buffer.alloc(8)),
    SETTINGS: () => settings([4, 65535]),
    PRIORITY: (i) => frame(PRIORITY, 0, 3 + 2 * (i % 50), Buffer.from([0, 0, 0, 0, 1])),
    'small windows': () => frame(WINDOW_UPDATE, 0, 0, u32(1)),
    'empty DATA': () => frame(DATA, 0, 1),
  };
  for (const [name, make] of Object.entries(floods)) {
    const c = await connect(s.port);
    if (name === 'empty DATA') c.write(frame(HEADERS, END_HEADERS, 1, request('/echo', { ':method': 'POST' })));
    c.write(...Array.from({ length: 500 }, (_, i) => make(i)), get(101, '/hello'));
    assert.equal(await c.answer(101), 'hello\n', `500 of ${name} are few`);
    c.write(...Array.from({ length: 20000 }, (_, i) => make(i)));
    await calmed(c).catch((e) => { throw new Error(`${name}: ${e.message}`); });
  }
  await serves();
});

test('windows: too wide, too little, never opened', async () => {
  let c = await connect(s.port);
  c.write(frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)));
  assert.equal(await c.goaway(), FLOW_CONTROL_ERROR);
  await c.closed();
  c = await connect(s.port, [settings([4, 0x80000000])]);
  assert.equal(await c.goaway(), FLOW_CONTROL_ERROR);
  c = await connect(s.port);
  c.write(frame(WINDOW_UPDATE, 0, 0, u32(0)));
  assert.equal(await c.goaway(), PROTOCOL_ERROR);
  // a client that sends beyond its window
  c = await connect(s.port);
  c.write(frame(HEADERS, END_HEADERS, 1, request('/echo?pause=5000', { ':method': 'POST' })), ...Array.from({ length: 20 }, () => frame(DATA, 0, 1, Buffer.alloc(16384))));
  await c.until((f) => (f.type === RST_STREAM || f.type === 7) && f.payload.readUInt32BE(f.type === 7 ? 4 : 0) === FLOW_CONTROL_ERROR, 'an error of flow control');
  c.socket.destroy();
  // windows that close and open again: the bytes come in pieces
  c = await connect(s.port, [settings([4, 10])]);
  c.write(get(1, '/big?bytes=100'));
  const sent = () => c.frames.filter((f) => f.stream === 1 && f.type === DATA).reduce((n, f) => n + f.payload.length, 0);
  await until(() => sent() === 10, 'ten bytes');
  c.write(settings([4, 0]), frame(WINDOW_UPDATE, 0, 1, u32(50)));
  await until(() => sent() === 50, 'fifty: the window was below zero');
  c.write(settings([4, 1000]));
  assert.equal((await c.answer(1)).length, 100);
  c.socket.destroy();
  await serves();
});

test('a response that nobody takes is given up; others on the connection are not', async () => {
  const t = await server('--short-timeouts');
  const c = await connect(t.port, [settings([4, 0])]);
  c.write(get(1, '/big?bytes=1000000'));
  let id = 3;
  const pings = setInterval(() => { c.write(frame(PING, 0, 0, Buffer.alloc(8)), get(id, '/hello'), frame(WINDOW_UPDATE, 0, id, u32(1000))); id += 2; }, 50);
  const reset = await c.until((f) => f.stream === 1 && f.type === RST_STREAM, 'a reset');
  clearInterval(pings);
  assert.equal(reset.payload.readUInt32BE(), CANCEL);
  assert.equal(await c.answer(3), 'hello\n');
  c.write(get(9001, '/hello'), frame(WINDOW_UPDATE, 0, 9001, u32(1000)));
  assert.equal(await c.answer(9001), 'hello\n');
  c.socket.destroy();
  // the connection's own window, too
  const d = await connect(t.port, [settings([4, 0x7fffffff])]);
  d.write(get(1, '/big?bytes=1000000'));
  await d.until((f) => f.stream === 1 && f.type === RST_STREAM, 'a reset');
  d.socket.destroy();
  assert.equal(await t.stop(), 0);
});

test('malformed frames end the connection with the error that says so', async () => {
  const cases = [
    [frame(SETTINGS, 0, 0, Buffer.alloc(5)), FRAME_SIZE_ERROR],
    [frame(SETTINGS, 0, 1), PROTOCOL_ERROR],
    [frame(SETTINGS, 1, 0, Buffer.alloc(6)), FRAME_SIZE_ERROR],
    [settings([2, 2]), PROTOCOL_ERROR],
    [settings([5, 1]), PROTOCOL_ERROR],
    [frame(PING, 0, 0, Buffer.alloc(7)), FRAME_SIZE_ERROR],
    [frame(PING, 0, 1, Buffer.alloc(8)), PROTOCOL_ERROR],
    [frame(DATA, 0, 0), PROTOCOL_ERROR],
    [frame(HEADERS, END_HEADERS, 0, request('/')), PROTOCOL_ERROR],
    [frame(HEADERS, END_HEADERS, 2, request('/')), PROTOCOL_ERROR],
    [frame(CONTINUATION, END_HEADERS, 1), PROTOCOL_ERROR],
    [frame(RST_STREAM, 0, 1, u32(8)), PROTOCOL_ERROR],
    [frame(RST_STREAM, 0, 0, u32(8)), PROTOCOL_ERROR],
    [frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(3)), FRAME_SIZE_ERROR],
    [frame(HEADERS, END_STREAM | END_HEADERS, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])), COMPRESSION_ERROR],
    [frame(HEADERS, END_STREAM | END_HEADERS, 1, Buffer.from([0xbe])), COMPRESSION_ERROR],
    [frame(HEADERS, END_STREAM | END_HEADERS | 8, 1, Buffer.from([200])), PROTOCOL_ERROR],
    [frame(DATA, 0, 1, Buffer.alloc(16385)), FRAME_SIZE_ERROR],
  ];
  for (const [bytes, code] of cases) {
    const c = await connect(s.port);
    c.write(bytes);
    assert.equal(await c.goaway(), code, bytes.toString('hex').slice(0, 60));
    await c.closed();
  }
  // half of a preface, and another one
  const c = await connect(s.port, []);
  c.write(PREFACE);
  await c.closed();
  await serves();
});

test('requests that are none get their stream reset, or an answer', async () => {
  const c = await connect(s.port);
  const cases = [
    Buffer.concat([field(':method', 'GET'), field(':path', '/hello')]),
    Buffer.concat([request('/hello'), field(':path', '/twice')]),
    Buffer.concat([field('x', 'before'), request('/hello')]),
    Buffer.concat([request('/hello'), field('Upper', 'case')]),
    Buffer.concat([request('/hello'), field('connection', 'close')]),
    Buffer.concat([request('/hello'), field('te', 'gzip')]),
    Buffer.concat([request('/hello'), field(':unknown', 'x')]),
    Buffer.concat([request('/hello'), field('x', 'a\r\nb: c')]),
    Buffer.concat([request('/hello'), field('x', 'a\0b')]),
    Buffer.concat([request('/hello'), field('a b', 'c')]),
  ];
  for (const [i, block] of cases.entries()) {
    const id = 1 + 2 * i;
    c.write(frame(HEADERS, END_STREAM | END_HEADERS, id, block));
    const f = await c.until((x) => x.stream === id && (x.type === RST_STREAM || x.flags & END_STREAM), `case ${i}`);
    assert(f && f.type === RST_STREAM && f.payload.readUInt32BE() === PROTOCOL_ERROR, `case ${i}`);
  }
  // a body that is not as long as it said
  c.write(frame(HEADERS, END_HEADERS, 101, request('/echo', { ':method': 'POST', 'content-length': '5' })), frame(DATA, END_STREAM, 101, Buffer.from('abc')));
  assert.equal((await c.until((f) => f.stream === 101 && f.type === RST_STREAM, 'a reset')).payload.readUInt32BE(), PROTOCOL_ERROR);
  c.write(get(103, '/hello'));
  assert.equal(await c.answer(103), 'hello\n');
  c.socket.destroy();
});
