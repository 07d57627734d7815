// WebSockets of Durable Objects that hibernate: they belong to the server, and outlive the object's instance, its isolate and its code.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { dev, until, worker } from './lib/selvage.mjs';
import { isolates } from './lib/processes.mjs';

const config = `
[[durable_objects.bindings]]
name = "ROOM"
class_name = "Room"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room"]
`;
const source = `
import { DurableObject } from 'cloudflare:workers';
const CODE = 'first';
export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.born = crypto.randomUUID();
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
  }
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/events') return Response.json(await this.ctx.storage.get('events') ?? []);
    if (url.pathname === '/count') return Response.json({ all: this.ctx.getWebSockets().length, a: this.ctx.getWebSockets('a').length, born: this.born });
    if (url.pathname === '/abort') this.ctx.abort('wanted');
    if (url.pathname !== '/ws') return new Response('ready');
    const pair = new WebSocketPair();
    this.ctx.acceptWebSocket(pair[1], url.searchParams.getAll('tag'));
    pair[1].serializeAttachment({ name: url.searchParams.get('name') });
    if (url.searchParams.has('greet')) pair[1].send('hello ' + url.searchParams.get('name'));
    return new Response(null, { status: 101, webSocket: pair[0] });
  }
  async note(what) {
    const events = await this.ctx.storage.get('events') ?? [];
    await this.ctx.storage.put('events', [...events, what]);
  }
  async webSocketMessage(ws, message) {
    const from = ws.deserializeAttachment().name;
    if (message === 'who') return ws.send(JSON.stringify({ from, born: this.born, code: CODE, tags: this.ctx.getTags(ws), auto: this.ctx.getWebSocketAutoResponseTimestamp(ws) !== null }));
    if (message === 'throw') throw new Error('thrown by the handler');
    if (message === 'spin') for (;;);
    if (message === 'store') { await this.ctx.storage.put('k', (await this.ctx.storage.get('k') ?? 0) + 1); return ws.send(String(await this.ctx.storage.get('k'))); }
    if (message === 'close') return ws.close(4001, 'as asked');
    if (typeof message !== 'string') return ws.send(message);
    for (const other of this.ctx.getWebSockets()) other.send(from + ': ' + message);
  }
  async webSocketClose(ws, code, reason, wasClean) {
    await this.note(['close', ws.deserializeAttachment().name, code, reason, wasClean]);
    ws.close(code === 1005 || code === 1006 ? 1000 : code, reason);
  }
  async webSocketError(ws, error) { await this.note(['error', ws.deserializeAttachment().name, String(error)]); }
}
export default { fetch: (request, env) => env.ROOM.getByName('one').fetch(request) };
`;

async function withRoom(work) {
  const dir = worker(source, config);
  const server = await dev(dir);
  try {
    await work(server, dir);
  } finally {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
}

async function join_(server, name, query = '') {
  const w = new WebSocket(`${server.url.replace('http', 'ws')}/ws?name=${name}${query}`);
  const inbox = [], waiting = [];
  w.on('message', (data, binary) => {
    const item = binary ? data : String(data);
    if (waiting.length > 0) waiting.shift()(item);
    else inbox.push(item);
  });
  const closed = new Promise((ok) => w.on('close', (code, reason) => ok([code, String(reason)])));
  await new Promise((ok, no) => { w.on('open', ok); w.on('error', no); });
  return {
    w, closed, send: (m) => w.send(m),
    next: () => (inbox.length > 0 ? Promise.resolve(inbox.shift()) : Promise.race([new Promise((ok) => waiting.push(ok)), closed.then((c) => { throw new Error(`closed with ${c}`); })])),
    async ask(m) { w.send(m); return this.next(); },
  };
}
const who = async (c) => JSON.parse(await c.ask('who'));
const json = async (server, path) => (await server.fetch(path)).json();
// The instance is gone for good: its process is.
async function killIsolates(server) {
  const were = isolates(server);
  assert(were.length > 0);
  for (const p of were) process.kill(p.pid, 'SIGKILL');
  await until(() => were.every((p) => !isolates(server).some((q) => q.pid === p.pid)), 'the end of the isolate');
}

test('messages, tags, attachments and broadcasts', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann', '&tag=a&tag=b&greet=1'), bob = await join_(s, 'bob');
  assert.equal(await ann.next(), 'hello ann');
  assert.deepEqual((await who(ann)).tags, ['a', 'b']);
  assert.deepEqual((await who(bob)).tags, []);
  bob.send('hi');
  assert.equal(await ann.next(), 'bob: hi');
  assert.equal(await bob.next(), 'bob: hi');
  const bytes = Buffer.alloc(300_000, 7);
  assert(bytes.equals(await ann.ask(bytes)));
  const { all, a } = await json(s, '/count');
  assert.deepEqual([all, a], [2, 1]);
  for (let i = 0; i < 200; i++) bob.send(`m${i}`);
  for (let i = 0; i < 200; i++) assert.equal(await ann.next(), `bob: m${i}`);
  ann.w.terminate();
  bob.w.terminate();
}));

test('sockets outlive the isolate: the next message wakes another one', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann', '&tag=a'), bob = await join_(s, 'bob');
  const before = await who(ann);
  assert.equal(await ann.ask('store'), '1');
  await killIsolates(s);
  const after = await who(ann);
  assert.notEqual(after.born, before.born);
  assert.deepEqual([after.from, after.tags], ['ann', ['a']]);
  assert.equal((await who(bob)).born, after.born);
  assert.equal(await bob.ask('store'), '2');
  bob.send('still here');
  assert.equal(await ann.next(), 'bob: still here');
  ann.w.terminate();
  bob.w.terminate();
}));

test('sockets outlive new code, and meet it with the next message', () => withRoom(async (s, dir) => {
  const ann = await join_(s, 'ann');
  assert.equal((await who(ann)).code, 'first');
  const from = s.output.length;
  writeFileSync(join(dir, 'index.js'), readFileSync(join(dir, 'index.js'), 'utf8').replace("'first'", "'second'"));
  await until(async () => (await who(ann)).code === 'second', 'the new code');
  assert.equal((await who(ann)).from, 'ann');
  assert(!s.output.slice(from).includes('rror'), s.output.slice(from));
  ann.w.terminate();
}));

test('sockets outlive ctx.abort()', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann');
  const { born } = await who(ann);
  assert.equal((await s.fetch('/abort')).status, 500);
  const again = await who(ann);
  assert.notEqual(again.born, born);
  assert.equal(again.from, 'ann');
  ann.w.terminate();
}));

test('an idle object is put away after ten seconds; an automatic response does not wake it', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann');
  const { born, auto } = await who(ann);
  assert.equal(auto, false);
  // asked all the time, answered without the object: it is idle nevertheless
  const end = Date.now() + 12500;
  while (Date.now() < end) {
    assert.equal(await ann.ask('ping'), 'pong');
    await new Promise((ok) => setTimeout(ok, 250));
  }
  const woken = await who(ann);
  assert.notEqual(woken.born, born);
  assert.equal(woken.auto, true);
  ann.w.terminate();
}));

test('closes: by the client, by the object, and without a word', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann'), bob = await join_(s, 'bob'), eve = await join_(s, 'eve');
  ann.w.close(4003, 'bye');
  assert.deepEqual(await ann.closed, [4003, 'bye']);
  bob.send('close');
  assert.deepEqual(await bob.closed, [4001, 'as asked']);
  eve.w.terminate();
  const events = await until(async () => { const e = await json(s, '/events'); return e.length >= 3 && e; }, 'three closes');
  assert.deepEqual(events.find((e) => e[1] === 'ann'), ['close', 'ann', 4003, 'bye', true]);
  assert.deepEqual(events.find((e) => e[1] === 'bob')?.slice(0, 3), ['close', 'bob', 4001]);
  assert.deepEqual(events.find((e) => e[1] === 'eve')?.slice(0, 3), ['close', 'eve', 1006]);
  await until(async () => (await json(s, '/count')).all === 0, 'no sockets');
}));

test('a close while the object sleeps wakes it', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann');
  await who(ann);
  await killIsolates(s);
  ann.w.close(4005, 'good night');
  await ann.closed;
  assert.deepEqual(await json(s, '/events'), [['close', 'ann', 4005, 'good night', true]]);
}));

test('a handler that throws, and one that never ends, leave the socket open', () => withRoom(async (s) => {
  const ann = await join_(s, 'ann');
  ann.send('throw');
  assert.equal((await who(ann)).from, 'ann');
  await s.saw(/thrown by the handler/);
  ann.w.terminate();
}));
