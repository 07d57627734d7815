// HTTP/2 in raw frames, for what no client does.
import net from 'node:net';
import { once } from 'node:events';

export const DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;
export const END_STREAM = 1, ACK = 1, END_HEADERS = 4;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
export const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
export const settings = (...pairs) => frame(SETTINGS, 0, 0, Buffer.concat(pairs.map(([id, value]) => { const b = Buffer.alloc(6); b.writeUInt16BE(id); b.writeUInt32BE(value, 2); return b; })));

// A header field without any table: HPACK's "literal, not indexed, new name".
const text = (s) => { const b = Buffer.from(s); if (b.length < 127) return Buffer.concat([Buffer.from([b.length]), b]);
  const rest = []; let n = b.length - 127; for (; n >= 128; n >>= 7) rest.push(n % 128 | 128); return Buffer.concat([Buffer.from([127, ...rest, n]), b]); };
export const field = (name, value) => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
export const request = (path, more = {}) => Buffer.concat(Object.entries({ ':method': 'GET', ':scheme': 'http', ':path': path, ':authority': 'a.test', ...more }).map(([n, v]) => field(n, v)));
export const get = (stream, path, more) => frame(HEADERS, END_STREAM | END_HEADERS, stream, request(path, more));

// A connection: what came is in `frames` ({ type, flags, stream, payload }); until(fn) waits for one that fn accepts.
export async function connect(port, first = [settings()]) {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const c = { socket, frames: [], ended: false };
  const waiters = new Set();
  let rest = Buffer.alloc(0);
  const wake = () => { for (const w of waiters) w(); };
  socket.on('data', (d) => {
    rest = Buffer.concat([rest, d]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3);
      c.frames.push({ type: rest[3], flags: rest[4], stream: rest.readUInt32BE(5) & 0x7fffffff, payload: rest.subarray(9, 9 + length) });
      rest = rest.subarray(9 + length);
    }
    wake();
  });
  socket.on('error', () => {});
  socket.on('close', () => { c.ended = true; wake(); });
  c.write = (...parts) => socket.write(Buffer.concat(parts));
  c.until = (fn, what, patience = 20000) => new Promise((ok, no) => {
    const timer = setTimeout(() => { waiters.delete(look); no(new Error(`${what} did not come; but ${c.frames.slice(-5).map((f) => JSON.stringify([f.type, f.flags, f.stream, f.payload.toString('hex').slice(0, 40)]))}`)); }, patience);
    const look = () => {
      const found = c.frames.find(fn) ?? (c.ended ? false : undefined);
      if (found === undefined) return;
      clearTimeout(timer);
      waiters.delete(look);
      ok(found);
    };
    waiters.add(look);
    look();
  });
  // The end of a stream: its DATA as text.
  c.answer = async (stream) => {
    await c.until((f) => f.stream === stream && f.flags & END_STREAM && (f.type === DATA || f.type === HEADERS), `the end of ${stream}`);
    return Buffer.concat(c.frames.filter((f) => f.stream === stream && f.type === DATA).map((f) => f.payload)).toString('latin1');
  };
  // The error code of GOAWAY; undefined when the connection ended without.
  c.goaway = async () => (await c.until((f) => f.type === GOAWAY, 'GOAWAY'))?.payload?.readUInt32BE(4);
  c.closed = () => c.until(() => false, 'the end').catch(() => { throw new Error('the connection is still open'); });
  c.write(PREFACE, ...first);
  return c;
}
