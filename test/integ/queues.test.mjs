// Queues: what producers send reaches consumers, whatever happens in between.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, run, sleep, until } from './lib/selvage.mjs';

const config = (consumers) => `name = "test"
main = "index.js"
compatibility_date = "2026-06-01"
[[queues.producers]]
binding = "Q"
queue = "main"
[[queues.producers]]
binding = "OTHER"
queue = "other"
[[kv_namespaces]]
binding = "KV"
id = "seen"
${consumers}`;

// POST / sends; every message that arrives is a line "GOT {...}" of the output.
const source = `
const values = { v8: () => ({ map: new Map([[1, new Date(7)]]), big: 10n }), bytes: () => new Uint8Array([0, 1, 255]) };
const shown = (b) => b instanceof ArrayBuffer ? [...new Uint8Array(b)] : b?.map instanceof Map ? [b.map.get(1).getTime(), String(b.big)] : b;
export default {
  async fetch(request, env) {
    if (request.method !== 'POST') return Response.json(await env.Q.metrics());
    const { queue = 'Q', messages, options } = await request.json();
    for (const m of messages) if (m.make) m.body = values[m.make]();
    try {
      if (messages.length === 1 && !options) await env[queue].send(messages[0].body, messages[0]);
      else await env[queue].sendBatch(messages, options);
      return new Response('sent');
    } catch (e) {
      return new Response(e.name + ': ' + e.message, { status: 400 });
    }
  },
  async queue(batch) {
    for (const m of batch.messages) {
      console.log('GOT ' + JSON.stringify({ queue: batch.queue, size: batch.messages.length, id: m.id, time: m.timestamp.getTime(), attempts: m.attempts, body: shown(m.body) }));
      const act = m.body?.act;
      if (act === 'ack') m.ack();
      if (act === 'retry' && m.attempts <= (m.body.times ?? 1)) m.retry({ delaySeconds: m.body.delay ?? 0 });
      if (act === 'fail') m.retry();
      if (act === 'ack all') { batch.ackAll(); m.retry(); }
    }
    if (batch.messages.some((m) => m.body?.act === 'throw')) throw new Error('thrown by the consumer');
  },
};`;

const start = (consumers, args) => {
  const dir = project({ 'wrangler.toml': config(consumers), 'index.js': source });
  return dev(dir, args);
};
const got = (server) => [...server.output.matchAll(/GOT (\{.*\})/g)].map((m) => JSON.parse(m[1]));
const send = (server, messages, more = {}) =>
  server.fetch('/', { method: 'POST', body: JSON.stringify({ messages, ...more }) }).then((r) => r.text());
const arrived = (server, n, what = `${n} messages`) => until(() => got(server).length >= n && got(server), what);

const MAIN = '[[queues.consumers]]\nqueue = "main"\nmax_batch_timeout = 0\n';

// The control API of a running session, as the verbs use it.
const rest = (dir, method, path, body) => new Promise((done, fail) => {
  const r = request({ socketPath: join(dir, '.selvage/state/control.sock'), method, path: `/client/v4/accounts/me${path}` }, (res) => {
    let text = '';
    res.on('data', (d) => (text += d));
    res.on('end', () => done({ status: res.statusCode, ...JSON.parse(text) }));
  });
  r.on('error', fail);
  r.end(body === undefined ? undefined : JSON.stringify(body));
});

test('every content type arrives as what was sent', async () => {
  const server = await start(MAIN);
  const before = Date.now();
  assert.equal(await send(server, [{ body: { a: [1, 'é'] } }, { body: 'text', contentType: 'text' }, { make: 'bytes', contentType: 'bytes' }, { make: 'v8', contentType: 'v8' }]), 'sent');
  const list = await arrived(server, 4);
  const bodies = list.map((m) => JSON.stringify(m.body)).sort();
  assert.deepEqual(bodies, ['"text"', '[0,1,255]', '[7,"10"]', '{"a":[1,"é"]}']);
  for (const m of list) {
    assert.match(m.id, /^[0-9a-f]{32}$/);
    assert.equal(m.attempts, 1);
    assert.ok(m.time >= before - 1000 && m.time <= Date.now() + 1000);
  }
  assert.equal(new Set(list.map((m) => m.id)).size, 4);
  await until(async () => (await (await server.fetch('/')).json()).backlogCount === 0, 'an empty queue');
  await server.stop();
});

test('limits at the limit and one past it', async () => {
  const server = await start('');
  const x = (n) => 'x'.repeat(n), text = (n) => ({ body: x(n), contentType: 'text' });
  assert.equal(await send(server, [text(128000)]), 'sent');
  assert.match(await send(server, [text(128001)]), /Error: Queue send failed: message length of 128001 bytes exceeds limit of 128000/);
  assert.equal(await send(server, [text(96000), text(96000), text(96000)]), 'sent');
  assert.match(await send(server, [text(96000), text(96000), text(96001)]), /Queue sendBatch failed: batch size of 288001 bytes/);
  assert.equal(await send(server, Array.from({ length: 100 }, () => ({ body: 1 }))), 'sent');
  assert.match(await send(server, Array.from({ length: 101 }, () => ({ body: 1 }))), /batch message count of 101 exceeds limit of 100/);
  assert.equal(await send(server, [{ body: 1, delaySeconds: 86400 }]), 'sent');
  assert.match(await send(server, [{ body: 1, delaySeconds: 86401 }]), /message delay 86401 is invalid/);
  assert.equal((await (await server.fetch('/')).json()).backlogCount, 1 + 3 + 100 + 1);
  await server.stop();
});

test('a batch is full, or its time is over', async () => {
  const server = await start('[[queues.consumers]]\nqueue = "main"\nmax_batch_size = 4\nmax_batch_timeout = 2\n');
  await send(server, Array.from({ length: 6 }, (_, i) => ({ body: i })));
  const list = await arrived(server, 6);
  assert.deepEqual(list.map((m) => m.size), [4, 4, 4, 4, 2, 2]);
  assert.deepEqual(list.map((m) => m.body), [0, 1, 2, 3, 4, 5]);
  await server.stop();
});

test('retries are counted and delayed; after the last the dead letter queue has the same message', async () => {
  const server = await start(`${MAIN}max_retries = 1\ndead_letter_queue = "dead"\n[[queues.consumers]]\nqueue = "dead"\nmax_batch_timeout = 0\n`);
  await send(server, [{ body: { act: 'retry', delay: 1 } }]);
  let list = await arrived(server, 2);
  assert.deepEqual(list.map((m) => m.attempts), [1, 2]);
  await send(server, [{ body: { act: 'fail', n: 2 } }]);
  list = (await until(() => got(server).some((m) => m.queue === 'dead') && got(server), 'the dead letter')).filter((m) => m.body.n === 2);
  const [first] = list, dead = list.find((m) => m.queue === 'dead');
  assert.equal(list.filter((m) => m.queue === 'main').length, 2);
  assert.equal(dead.id, first.id);
  assert.equal(dead.time, first.time);
  assert.equal(dead.attempts, 1);
  await server.saw(/Moving message "[0-9a-f]{32}" on queue "main" to dead letter queue "dead" after 2 failed attempts\.\.\./);
  await server.stop();
});

test('a handler that throws has its batch tried again, but for what it acknowledged', async () => {
  const server = await start(`${MAIN}max_retries = 1\n`);
  await send(server, [{ body: { act: 'ack', n: 1 } }, { body: { act: 'throw', n: 2 } }, { body: { n: 3 } }], { options: {} });
  await server.saw(/Dropped message .* after 2 failed attempts!/);
  const list = got(server);
  assert.deepEqual(list.filter((m) => m.attempts === 1).map((m) => m.body.n).sort(), [1, 2, 3]);
  assert.ok(list.every((m) => m.attempts === 1 || m.body.n !== 1));
  await server.saw(/thrown by the consumer/);
  await send(server, [{ body: { act: 'ack all', n: 4 } }]);
  await server.saw(/Received a call to retry\(\) on message [0-9a-f]+ after ackAll\(\) was already called\. Calling retry\(\) on a message after calling ackAll\(\) has no effect\./);
  await server.stop();
});

test('delays of a message, of a batch and of a producer', async () => {
  const dir = project({ 'wrangler.toml': config(MAIN).replace('queue = "main"\n', 'queue = "main"\ndelivery_delay = 2\n'), 'index.js': source });
  const server = await dev(dir);
  const began = Date.now();
  await send(server, [{ body: 'own' }, { body: 'none', delaySeconds: 0 }], { options: {} });
  await arrived(server, 1);
  assert.deepEqual(got(server).map((m) => m.body), ['none']);
  await arrived(server, 2);
  assert.ok(Date.now() - began >= 1900);
  await server.stop();
});

test('messages are pulled by HTTP under leases, also after a restart', async () => {
  let server = await start('');
  const { cwd: dir } = server;
  await send(server, [{ queue: 'OTHER', body: { a: 1 } }], { queue: 'OTHER' });
  const pull = (options = {}) => rest(dir, 'POST', '/queues/other/messages/pull', options).then((r) => r.result.messages);
  const [first] = await pull({ visibility_timeout_ms: 600000 });
  assert.deepEqual(JSON.parse(Buffer.from(first.body, 'base64')), { a: 1 });
  assert.equal(first.attempts, 1);
  assert.equal(first.metadata['CF-Content-Type'], 'json');
  assert.deepEqual(await pull(), []);
  let r = await rest(dir, 'POST', '/queues/other/messages/ack', { acks: [], retries: [{ lease_id: first.lease_id }] });
  assert.deepEqual([r.result.ackCount, r.result.retryCount], [0, 1]);
  const [second] = await pull({ visibility_timeout_ms: 600000 });
  assert.equal(second.attempts, 2);
  await server.stop('SIGKILL');
  server = await dev(dir);
  assert.deepEqual(await pull(), []); // the lease has outlived the process that gave it
  r = await rest(dir, 'POST', '/queues/other/messages/ack', { acks: [{ lease_id: first.lease_id }, { lease_id: second.lease_id }] });
  assert.equal(r.result.ackCount, 1);
  assert.equal(r.result.warnings.length, 1);
  assert.equal((await rest(dir, 'GET', '/queues/other/metrics')).result.backlog_count, 0);
  r = await rest(dir, 'POST', '/queues/other/messages/batch', { messages: [{ body: 'hello', content_type: 'text' }, { body: [1] }] });
  assert.equal(r.success, true);
  assert.deepEqual((await pull()).map((m) => m.body), ['hello', Buffer.from('[1]').toString('base64')]);
  assert.equal((await rest(dir, 'POST', '/queues/none/messages/pull', {})).errors[0].code, 11000);
  assert.equal((await rest(dir, 'POST', '/queues/other/messages/pull', { batch_size: 101 })).status, 400);
  await server.stop();
});

test('workers that consume are shown, and are what the configuration says', async () => {
  const server = await start(`${MAIN}max_concurrency = 3\n`);
  const { cwd: dir } = server;
  try {
    const list = await until(async () => {
      const r = await rest(dir, 'GET', '/queues/main/consumers');
      return r.result?.[0] && r.result;
    }, 'the consumer');
    assert.deepEqual([list[0].type, list[0].script, list[0].settings.max_concurrency, list[0].settings.max_wait_time_ms], ['worker', 'test', 3, 0]);
    const refused = await rest(dir, 'POST', '/queues/other/consumers', { type: 'worker', script_name: 'test' });
    assert.equal(refused.errors[0].code, 100127);
    assert.equal((await rest(dir, 'POST', '/queues/main/consumers', { type: 'http_pull' })).errors[0].code, 11004);
    assert.equal((await rest(dir, 'POST', '/event_subscriptions/subscriptions', {})).success, false);
  } finally {
    await server.stop();
  }
});

test('a consumer that pulls may stand in the configuration', async () => {
  const server = await start('[[queues.consumers]]\nqueue = "other"\ntype = "http_pull"\nmax_batch_size = 2\nmax_retries = 0\nvisibility_timeout_ms = 1\ndead_letter_queue = "dead"\n');
  const { cwd: dir } = server;
  const consumers = await until(async () => {
    const r = await rest(dir, 'GET', '/queues/other/consumers');
    return r.success && r.result.length > 0 && r.result;
  }, 'the consumer');
  assert.deepEqual([consumers[0].type, consumers[0].dead_letter_queue, consumers[0].settings.batch_size], ['http_pull', 'dead', 2]);
  await send(server, [1, 2, 3].map((body) => ({ body })), { queue: 'OTHER', options: {} });
  const pull = () => rest(dir, 'POST', '/queues/other/messages/pull').then((r) => r.result.messages.length);
  assert.equal(await pull(), 2);
  await sleep(5);
  assert.equal(await pull(), 1); // the first two had their only try, and are dead letters now
  await sleep(5);
  assert.equal(await pull(), 0);
  assert.equal((await rest(dir, 'GET', '/queues/dead/metrics')).result.backlog_count, 3);
  assert.match((await run(['queues', 'info', 'other'], { cwd: dir })).stdout, /Queue ID: [0-9a-f]{32}\n/);
  await server.stop();
});

test('verbs act on the stores of a running session, and without one', async () => {
  let server = await start(MAIN);
  const { cwd: dir } = server;
  const verb = async (...args) => {
    const r = await run(['queues', ...args], { cwd: dir });
    assert.equal(r.code, 0, r.stderr);
    return r.stdout;
  };
  assert.match(await verb('create', 'mine', '--delivery-delay-secs', '5'), /Created queue 'mine'/);
  await send(server, [{ body: 1 }]);
  await arrived(server, 1);
  assert.match(await verb('pause-delivery', 'main'), /Paused message delivery for queue main\./);
  await send(server, [{ body: 2 }]);
  await sleep(300);
  assert.equal(got(server).length, 1);
  await verb('resume-delivery', 'main');
  await arrived(server, 2);
  await verb('pause-delivery', 'main');
  await send(server, [{ body: 3 }]);
  await server.stop();
  assert.match(await verb('info', 'main'), /Messages: 1\n/);
  const refused = await run(['queues', 'purge', 'main'], { cwd: dir });
  assert.equal(refused.code, 2);
  assert.match(await verb('purge', 'main', '--force'), /Purged Queue 'main'/);
  assert.match(await verb('info', 'main'), /Messages: 0\n/);
  const list = JSON.parse(await verb('list', '--json'));
  assert.deepEqual(list.map((q) => [q.queue_name, q.settings.delivery_delay, q.settings.delivery_paused]), [['main', 0, true], ['mine', 5, false]]);
  await verb('consumer', 'http', 'add', 'mine', '--batch-size', '7');
  assert.match(await verb('consumer', 'http', 'list', 'mine'), /│ 7 /);
  await verb('consumer', 'http', 'remove', 'mine');
  assert.match(await verb('delete', 'mine'), /Deleted queue mine\./);
  const gone = await run(['queues', 'info', 'mine'], { cwd: dir });
  assert.match(gone.stderr, /Queue "mine" does not exist\. To create it, run: selvage queues create mine/);
  assert.notEqual(gone.code, 0);
});

test('a session that stops in the middle of a batch counts no try', async () => {
  const dir = project({
    'wrangler.toml': config('[[queues.consumers]]\nqueue = "main"\nmax_batch_timeout = 0\nmax_retries = 0\n'),
    'index.js': `export default {
      async fetch(request, env) { if (request.method === 'POST') await env.Q.send('m'); return new Response('sent'); },
      async queue(batch, env) {
        const before = await env.KV.get('tries');
        await env.KV.put('tries', String(Number(before) + 1));
        console.log('TRY ' + batch.messages[0].attempts);
        if (!before) await new Promise(() => setTimeout(() => {}, 600000));
        console.log('DONE');
      },
    };`,
  });
  let server = await dev(dir);
  await server.fetch('/', { method: 'POST' });
  await server.saw(/TRY 1/);
  await server.stop();
  server = await dev(dir);
  await server.saw(/TRY 1\b[^]*DONE/);
  await server.stop();
});

test('a consumer in another worker of the session', async () => {
  const a = project({
    'wrangler.toml': 'name = "a"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n[[queues.producers]]\nbinding = "Q"\nqueue = "between"\n',
    'index.js': 'export default { async fetch(r, env) { await env.Q.send("over there"); return new Response("sent"); } };',
  });
  const b = project({
    'wrangler.toml': 'name = "b"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n[[queues.consumers]]\nqueue = "between"\nmax_batch_timeout = 0\n',
    'index.js': 'export default { async queue(batch) { for (const m of batch.messages) console.log("B GOT " + m.body); } };',
  });
  const server = await dev(a, ['-c', 'wrangler.toml', '-c', join(b, 'wrangler.toml')]);
  await server.fetch('/');
  await server.saw(/B GOT over there/);
  await server.stop();
});

test('nothing that was acknowledged is lost over kill -9', async () => {
  const dir = project({
    'wrangler.toml': config('[[queues.consumers]]\nqueue = "main"\nmax_batch_size = 20\nmax_batch_timeout = 0\n'),
    // A message is written down, durably, before it is acknowledged by the end of the handler.
    'index.js': `export default {
      async fetch(request, env) {
        const { pathname } = new URL(request.url);
        if (pathname === '/seen') {
          const names = [];
          for (let cursor; ;) {
            const page = await env.KV.list({ cursor });
            names.push(...page.keys.map((k) => k.name));
            if (page.list_complete) return Response.json(names);
            cursor = page.cursor;
          }
        }
        if (pathname !== '/send') return new Response('');
        await env.Q.send(await request.text());
        return new Response('sent');
      },
      async queue(batch, env) {
        await Promise.all(batch.messages.map((m) => env.KV.put(m.body, '')));
      },
    };`,
  });
  const acknowledged = new Set();
  let number = 0;
  for (let round = 0; round < 4; round++) {
    const server = await dev(dir);
    let killed = false;
    const producer = async () => {
      while (!killed) {
        const name = `m${number++}`;
        try {
          const r = await server.fetch('/send', { method: 'POST', body: name });
          if (r.status === 200 && (await r.text()) === 'sent') acknowledged.add(name);
        } catch {}
      }
    };
    const producers = Array.from({ length: 8 }, producer);
    const enough = acknowledged.size + 60;
    await until(() => acknowledged.size >= enough, 'acknowledged messages');
    await server.stop('SIGKILL');
    killed = true;
    await Promise.all(producers);
  }
  const server = await dev(dir);
  const seen = async () => new Set(await (await server.fetch('/seen')).json());
  await until(async () => {
    const there = await seen();
    return [...acknowledged].every((name) => there.has(name));
  }, 'every acknowledged message');
  assert.ok(acknowledged.size >= 240);
  await server.stop();
});
