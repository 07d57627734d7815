// Tail workers in `selvage dev`: what a consumer is told of every kind of event of another worker.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { dev, project, until } from './lib/selvage.mjs';

const producer = `
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import channels from "node:diagnostics_channel";
export class Rpc extends WorkerEntrypoint { ping(value) { console.log("rpc", value); return 1; } }
export class Box extends DurableObject {
  async set() { await this.ctx.storage.setAlarm(Date.now()); }
  alarm() { console.info("alarm ran"); }
  fetch() { const [client, server] = Object.values(new WebSocketPair()); this.ctx.acceptWebSocket(server); return new Response(null, { status: 101, webSocket: client }); }
  webSocketMessage(ws, message) { console.log("message", message); ws.close(1000, "bye"); }
  webSocketClose() { console.log("closed"); }
}
class Thing { toString() { return "a thing"; } }
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/throw") throw new TypeError("no good");
    if (pathname === "/rpc") { await env.SELF.ping({ deep: [1] }); return new Response("ok"); }
    if (pathname === "/alarm") { await env.BOX.getByName("a").set(); return new Response("ok"); }
    if (pathname === "/ws") return env.BOX.getByName("a").fetch(request);
    if (pathname === "/late") { ctx.waitUntil(Promise.reject(new Error("late"))); return new Response("ok"); }
    if (pathname === "/many") { for (let i = 0; i < 1030; i++) console.log(i); return new Response("ok"); }
    if (pathname === "/send") { await env.JOBS.send({ a: 1 }); return new Response("ok"); }
    const cycle = {}; cycle.self = cycle;
    console.log("a", 1, { b: [1, { c: 2 }] }, null, undefined, true, 10n, new Date(0), new Error("boom"), new Map(), new Thing(), NaN, Symbol("s"));
    console.warn("careful"); console.error(cycle); console.debug("%s is %d", "x", 5); console.table([1]);
    channels.channel("my:channel").publish({ m: 1 });
    return new Response("ok", { status: 201 });
  },
  scheduled(controller) { console.log("cron", controller.cron); },
  async queue(batch) { console.log("queue", batch.messages.length); },
};`;
const consumer = `
const seen = [];
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/clear") { seen.length = 0; return new Response("ok"); }
    return Response.json(seen);
  },
  async tail(events, env, ctx) {
    for (const e of events) {
      const request = e.event?.request;
      seen.push({ item: e, shape: {
        item: Object.getPrototypeOf(e).constructor.name, event: e.event && Object.getPrototypeOf(e.event).constructor.name,
        keys: Object.keys(e), array: Array.isArray(events), raw: request?.getUnredacted?.(), date: e.event?.scheduledTime instanceof Date } });
    }
    console.log("tail ran");
  },
};`;

describe('a tail worker', () => {
  let server;
  const asked = (path, init) => server.fetch(path, init);
  // The consumer is reached through a service binding of the producer's own project: here by a route of its own.
  const seen = async () => (await (await server.fetch('/__seen')).json());

  before(async () => {
    const dir = project({
      'wrangler.jsonc': JSON.stringify({
        name: 'producer', main: 'index.js', compatibility_date: '2026-01-01', compatibility_flags: ['nodejs_compat'],
        tail_consumers: [{ service: 'consumer' }, { service: 'nobody' }],
        durable_objects: { bindings: [{ name: 'BOX', class_name: 'Box' }] }, migrations: [{ tag: 'v1', new_sqlite_classes: ['Box'] }],
        services: [{ binding: 'SELF', service: 'producer', entrypoint: 'Rpc' }, { binding: 'SEEN', service: 'consumer' }],
        queues: { producers: [{ binding: 'JOBS', queue: 'jobs' }], consumers: [{ queue: 'jobs', max_batch_timeout: 0 }] },
      }),
      'index.js': producer.replace('const { pathname } = new URL(request.url);\n    if (pathname === "/throw")',
        'const { pathname } = new URL(request.url);\n    if (pathname === "/__seen") return env.SEEN.fetch("http://x/");\n    if (pathname === "/throw")'),
      'tail.jsonc': JSON.stringify({ name: 'consumer', main: 'tail.js', compatibility_date: '2026-01-01', tail_consumers: [{ service: 'consumer' }] }),
      'tail.js': consumer,
    });
    server = await dev(dir, ['-c', 'wrangler.jsonc', '-c', 'tail.jsonc', '--test-scheduled']);
  });
  after(() => server?.stop());

  const told = (fits, what) => until(async () => (await seen()).find(({ item }) => fits(item)), what);
  const at = (path) => (item) => item.event?.request?.url.endsWith(path);

  test('is told of a request: what it was, what was logged, how it ended', async () => {
    assert.equal((await asked('/hello?key=abcDEF123ghiJKL456mno', { headers: { cookie: 'a=1', 'x-api-key': 'k', 'x-plain': 'p' } })).status, 201);
    const { item, shape } = await told((i) => i.event?.request?.url.includes('/hello'), 'the request');
    assert.equal(shape.item, 'TraceItem');
    assert.equal(shape.event, 'FetchEventInfo');
    assert(shape.array);
    for (const key of ['event', 'eventTimestamp', 'logs', 'exceptions', 'diagnosticsChannelEvents', 'scriptName', 'outcome', 'cpuTime', 'wallTime', 'truncated', 'executionModel', 'scriptVersion', 'scriptTags', 'entrypoint', 'dispatchNamespace', 'durableObjectId'])
      assert(shape.keys.includes(key), key);
    assert.equal(item.scriptName, 'producer');
    assert.equal(item.outcome, 'ok');
    assert.equal(item.executionModel, 'stateless');
    assert.equal(item.truncated, false);
    assert.equal(item.event.response.status, 201);
    assert.equal(item.event.request.method, 'GET');
    assert.match(item.event.request.url, /key=REDACTED$/);
    assert.equal(item.event.request.headers.cookie, 'REDACTED');
    assert.equal(item.event.request.headers['x-api-key'], 'REDACTED');
    assert.equal(item.event.request.headers['x-plain'], 'p');
    assert.equal(typeof item.event.request.cf, 'object');
    assert.match(shape.raw.url, /key=abcDEF123ghiJKL456mno$/);
    assert.equal(shape.raw.headers.cookie, 'a=1');
    assert(item.cpuTime >= 0 && item.wallTime >= 0 && Math.abs(Date.now() - item.eventTimestamp) < 600000);
    assert.match(item.scriptVersion.id, /^[0-9a-f-]{36}$/);
  });

  test('is given the values of console lines, of the five methods that traces keep', async () => {
    const { item } = await told((i) => i.event?.request?.url.includes('/hello'), 'the request');
    assert.deepEqual(item.logs.map((l) => [l.level, l.message]), [
      ['log', ['a', 1, { b: [1, { c: 2 }] }, null, null, true, '10', '1970-01-01T00:00:00.000Z', 'Error: boom', '[object Map]', 'a thing', null, {}]],
      ['warn', ['careful']],
      ['error', [{}]],
      ['debug', ['%s is %d', 'x', 5]],
    ]);
    assert.deepEqual(item.diagnosticsChannelEvents.map(({ channel, message }) => ({ channel, message })), [{ channel: 'my:channel', message: { m: 1 } }]);
  });

  test('is told of errors, with places in the sources', async () => {
    assert.equal((await asked('/throw')).status, 500);
    const { item } = await told(at('/throw'), 'the error');
    assert.equal(item.outcome, 'exception');
    assert.equal(item.event.response, undefined);
    assert.equal(item.exceptions.length, 1);
    assert.equal(item.exceptions[0].name, 'TypeError');
    assert.equal(item.exceptions[0].message, 'no good');
    assert.match(item.exceptions[0].stack, /^ {4}at fetch \(index\.js:\d+:\d+\)/);
    await asked('/late');
    const late = await told(at('/late'), 'the late error');
    assert.equal(late.item.outcome, 'ok');
    assert.equal(late.item.exceptions[0].message, 'late');
  });

  test('is told of calls, alarms, crons, queues and WebSockets', async () => {
    await asked('/rpc');
    const rpc = (await told((i) => i.event?.rpcMethod === 'ping', 'the call'));
    assert.equal(rpc.item.entrypoint, 'Rpc');
    assert.equal(rpc.shape.event, 'JsRpcEventInfo');
    assert.deepEqual(rpc.item.logs[0].message, ['rpc', { deep: [1] }]);
    await asked('/alarm');
    const alarm = await told((i) => i.logs.some((l) => l.message[0] === 'alarm ran'), 'the alarm');
    assert.equal(alarm.item.executionModel, 'durableObject');
    assert.equal(alarm.item.entrypoint, 'Box');
    assert.match(alarm.item.durableObjectId, /^[0-9a-f]{64}$/);
    assert(alarm.shape.date && alarm.shape.event === 'AlarmEventInfo');
    await asked('/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=1700000000000');
    const cron = await told((i) => i.event?.cron, 'the cron');
    assert.deepEqual(cron.item.event, { cron: '* * * * *', scheduledTime: 1700000000000 });
    await asked('/send');
    const queue = await told((i) => i.event?.queue, 'the batch');
    assert.deepEqual(queue.item.event, { queue: 'jobs', batchSize: 1 });
    const ws = new WebSocket(`ws://127.0.0.1:${server.port}/ws`);
    ws.on('open', () => ws.send('hi'));
    await new Promise((done) => ws.on('close', done));
    const message = await told((i) => i.event?.getWebSocketEvent?.webSocketEventType === 'message', 'the message');
    assert.deepEqual(message.item.logs[0].message, ['message', 'hi']);
    const close = await told((i) => i.event?.getWebSocketEvent?.webSocketEventType === 'close', 'the close');
    assert.deepEqual(close.item.event.getWebSocketEvent, { webSocketEventType: 'close', code: 1000, wasClean: true });
  });

  test('is given 1,023 lines of an event at the most', async () => {
    await asked('/many');
    const { item } = await told(at('/many'), 'the event');
    assert.equal(item.logs.length, 1023);
    assert.equal(item.truncated, true);
    assert.deepEqual(item.logs.at(-1).message, [1022]);
  });

  test('is not told of itself, and harms nobody when it is not there', async () => {
    assert(!(await seen()).some(({ item }) => item.scriptName === 'consumer' && item.event?.consumedEvents), 'a tail of a tail');
    assert.equal((await asked('/rpc')).status, 200);
  });
});

test('a tail worker that throws costs its producer nothing', async () => {
  const dir = project({
    'wrangler.jsonc': JSON.stringify({ name: 'producer', main: 'index.js', compatibility_date: '2026-01-01', tail_consumers: [{ service: 'broken' }, { service: 'bare' }] }),
    'index.js': 'export default { fetch() { console.log("x"); return new Response("fine"); } }',
    'tail.jsonc': JSON.stringify({ name: 'broken', main: 'tail.js', compatibility_date: '2026-01-01' }),
    'tail.js': 'export default { tail() { throw new Error("tail fails"); } }',
    'bare.jsonc': JSON.stringify({ name: 'bare', main: 'bare.js', compatibility_date: '2026-01-01' }),
    'bare.js': 'export default { fetch() {} }',
  });
  const server = await dev(dir, ['-c', 'wrangler.jsonc', '-c', 'tail.jsonc', '-c', 'bare.jsonc']);
  for (let i = 0; i < 3; i++) assert.equal(await (await server.fetch('/')).text(), 'fine');
  await server.saw(/tail fails/);
  await server.saw(/Handler does not export a tail\(\) function/);
  assert.equal(await (await server.fetch('/')).text(), 'fine');
  await server.stop();
});

test('requests of a worker carry on a traceparent, keep their own, and have none where nobody looks', async () => {
  const dir = project({
    'wrangler.jsonc': JSON.stringify({ name: 'caller', main: 'index.js', compatibility_date: '2026-01-01' }),
    'index.js': `export default { async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === "/echo") return new Response(request.headers.get("traceparent"));
      const headers = url.searchParams.has("own") ? { traceparent: "00-11111111111111111111111111111111-2222222222222222-01" } : {};
      return fetch(new URL("/echo", url), { headers });
    } }`,
  });
  const server = await dev(dir);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const given = await (await server.fetch('/', { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } })).text();
  assert.match(given, new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
  assert.equal(await (await server.fetch('/')).text(), '');
  assert.equal(await (await server.fetch('/?own')).text(), '00-11111111111111111111111111111111-2222222222222222-01');
  await server.stop();
});
