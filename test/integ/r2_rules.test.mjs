// Rules of a bucket by REST: locks, lifecycle, events for queues, domains; and that they hold.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, run, until } from './lib/selvage.mjs';

const CONFIG = `name = "rules"
main = "index.js"
compatibility_date = "2026-06-01"
[[r2_buckets]]
binding = "B"
bucket_name = "files"
[[queues.producers]]
binding = "Q"
queue = "changes"
`;
const SOURCE = `export default {
  async fetch(request, env) {
    const url = new URL(request.url), [, how, ...rest] = url.pathname.split('/'), key = rest.join('/');
    try {
      if (how === 'put') return Response.json((await env.B.put(key, await request.text(), { onlyIf: url.searchParams.has('none') ? { etagDoesNotMatch: '*' } : undefined }))?.etag ?? null);
      if (how === 'delete') { await env.B.delete(JSON.parse(decodeURIComponent(key))); return Response.json(true); }
      if (how === 'parts') { const up = await env.B.createMultipartUpload(key); return Response.json((await up.complete([await up.uploadPart(1, 'part')])).etag); }
      if (how === 'get') return Response.json(await (await env.B.get(key))?.text() ?? null);
    } catch (e) { return Response.json(e.message); }
    return new Response('ready');
  },
  queue(batch) { for (const m of batch.messages) console.log('GOT ' + JSON.stringify(m.body)); batch.ackAll(); },
};`;
const consume = '[[queues.consumers]]\nqueue = "changes"\nmax_batch_timeout = 0\n';

const rest = (dir, method, path, body) => new Promise((done, fail) => {
  const text = body === undefined ? '' : JSON.stringify(body); // its length must be said: DELETE has a body seldom
  const r = request({ socketPath: join(dir, '.selvage/state/control.sock'), method, path: `/client/v4/accounts/me${path}`, headers: text ? { 'content-length': Buffer.byteLength(text) } : {} }, (res) => {
    let answer = '';
    res.on('data', (d) => (answer += d));
    res.on('end', () => done({ status: res.statusCode, ...JSON.parse(answer) }));
  });
  r.on('error', fail);
  r.end(text || undefined);
});
const ask = async (server, path, body) => (await server.fetch(`/${path}`, body === undefined ? {} : { method: 'POST', body })).json();
const LOCKED = 'The object is locked by the bucket policy. (10069)';

test('locks keep objects from being overwritten and deleted', async () => {
  const server = await dev(project({ 'wrangler.toml': CONFIG, 'index.js': SOURCE }));
  const lock = (rules) => rest(server.cwd, 'PUT', '/r2/buckets/files/lock', { rules });
  try {
    await ask(server, 'put/kept/a', 'first');
    await ask(server, 'put/free/a', 'first');
    assert.deepEqual((await rest(server.cwd, 'GET', '/r2/buckets/files/lock')).result, { rules: [] });
    const rules = [{ id: 'keep', enabled: true, prefix: 'kept/', condition: { type: 'Age', maxAgeSeconds: 86400 } }];
    assert.equal((await lock(rules)).status, 200);
    assert.deepEqual((await rest(server.cwd, 'GET', '/r2/buckets/files/lock')).result, { rules });
    assert.equal(await ask(server, 'put/kept/a', 'second'), `put: ${LOCKED}`);
    assert.equal(await ask(server, 'put/kept/a?none=1', 'second'), `put: ${LOCKED}`);
    assert.equal(await ask(server, 'parts/kept/a'), `completeMultipartUpload: ${LOCKED}`);
    assert.equal(await ask(server, `delete/${encodeURIComponent('"kept/a"')}`), `delete: ${LOCKED}`);
    assert.equal(await ask(server, 'get/kept/a'), 'first');
    assert.equal(typeof await ask(server, 'put/kept/new', 'made under the rule'), 'string');
    assert.equal(await ask(server, `delete/${encodeURIComponent('["free/a"]')}`), true);
    const refused = await rest(server.cwd, 'DELETE', '/r2/buckets/files/objects/kept%2Fa');
    assert.deepEqual([refused.status, refused.errors[0].code], [409, 10069]);
    // what a lock keeps does not expire
    await rest(server.cwd, 'PUT', '/r2/buckets/files/lifecycle', { rules: [{ id: 'all', enabled: true, conditions: { prefix: '' }, deleteObjectsTransition: { condition: { type: 'Date', date: '2020-01-01' } } }] });
    await ask(server, 'put/free/b', 'goes');
    await until(async () => (await ask(server, 'get/free/b')) === null, 'the end of what may expire');
    assert.equal(await ask(server, 'get/kept/a'), 'first');
    await rest(server.cwd, 'PUT', '/r2/buckets/files/lifecycle', { rules: [] });
    for (const condition of [{ type: 'Indefinite' }, { type: 'Date', date: '2999-01-01' }]) {
      await lock([{ id: 'keep', enabled: true, prefix: 'kept/', condition }]);
      assert.equal(await ask(server, 'put/kept/a', 'second'), `put: ${LOCKED}`);
    }
    for (const rule of [{ enabled: false, condition: { type: 'Indefinite' } }, { enabled: true, condition: { type: 'Date', date: '2020-01-01' } }]) {
      await lock([{ id: 'keep', prefix: 'kept/', ...rule }]);
      assert.match(await ask(server, 'put/kept/a', 'second'), /^[0-9a-f]{32}$/);
    }
    for (const rules of [undefined, [{}], [{ id: 'a', enabled: true, condition: { type: 'Age', maxAgeSeconds: 0 } }], [{ id: 'a', enabled: true, condition: { type: 'Date', date: 'soon' } }]]) assert.equal((await lock(rules)).status, 400);
    assert.equal((await rest(server.cwd, 'GET', '/r2/buckets/no-such/lock')).status, 404);
  } finally {
    await server.stop();
  }
});

test('lifecycle rules by REST are those of S3', async () => {
  const server = await dev(project({ 'wrangler.toml': CONFIG, 'index.js': SOURCE }));
  try {
    const rules = [
      { id: 'old', enabled: true, conditions: { prefix: 'logs/' }, deleteObjectsTransition: { condition: { type: 'Age', maxAge: 30 * 86400 } }, abortMultipartUploadsTransition: { condition: { type: 'Age', maxAge: 86400 } } },
      { id: 'cool', enabled: false, conditions: { prefix: '' }, storageClassTransitions: [{ condition: { type: 'Age', maxAge: 7 * 86400 }, storageClass: 'InfrequentAccess' }] },
    ];
    await ask(server, 'put/x', 'made');
    assert.equal((await rest(server.cwd, 'PUT', '/r2/buckets/files/lifecycle', { rules })).status, 200);
    assert.deepEqual((await rest(server.cwd, 'GET', '/r2/buckets/files/lifecycle')).result.rules, rules);
    assert.equal((await rest(server.cwd, 'PUT', '/r2/buckets/files/lifecycle', { rules: [{ id: 'x', enabled: true, deleteObjectsTransition: { condition: { type: 'Age' } } }] })).status, 400);
  } finally {
    await server.stop();
  }
});

test('changes become messages of a queue, also over kill -9', async () => {
  const dir = project({ 'wrangler.toml': CONFIG + consume, 'index.js': SOURCE });
  let server = await dev(dir);
  const got = () => [...server.output.matchAll(/GOT (\{.*\})/g)].map((m) => JSON.parse(m[1]));
  const events = (method, body) => rest(dir, method, '/event_notifications/r2/files/configuration/queues/changes', body);
  try {
    await ask(server, 'put/x', 'before any rule');
    await until(async () => (await rest(dir, 'GET', '/queues/changes')).success, 'the queue');
    assert.deepEqual((await rest(dir, 'GET', '/event_notifications/r2/files/configuration')).result, { bucketName: 'files', queues: [] });
    const put = await events('PUT', { rules: [{ prefix: 'in/', suffix: '.txt', actions: ['PutObject', 'CompleteMultipartUpload', 'CopyObject'], description: 'new' }] });
    assert.equal(put.status, 200, JSON.stringify(put));
    await events('PUT', { rules: [{ actions: ['DeleteObject', 'LifecycleDeletion'] }] });
    const { queues } = (await rest(dir, 'GET', '/event_notifications/r2/files/configuration')).result;
    assert.deepEqual([queues.length, queues[0].queueName, queues[0].rules.length, queues[0].rules[0].suffix, queues[0].rules[0].description], [1, 'changes', 2, '.txt', 'new']);
    const etag = await ask(server, 'put/in/a.txt', 'hello');
    await ask(server, 'put/in/a.bin', 'not told');
    await ask(server, 'put/out/a.txt', 'not told');
    await ask(server, 'parts/in/p.txt');
    await ask(server, `delete/${encodeURIComponent('["in/a.txt","never was"]')}`);
    await until(() => got().length >= 3, 'three messages');
    const [first, second, third] = got();
    assert.match(first.eventTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(typeof first.account, 'string');
    assert.deepEqual([first.action, first.bucket, first.object], ['PutObject', 'files', { key: 'in/a.txt', size: 5, eTag: etag }]);
    assert.deepEqual([second.action, second.object.key, second.object.size], ['CompleteMultipartUpload', 'in/p.txt', 4]);
    assert.deepEqual([third.action, third.object], ['DeleteObject', { key: 'in/a.txt' }]);
    // what was acknowledged is told of, whenever the process dies; nothing is delivered meanwhile, since what a handler prints may be lost
    const pause = (delivery_paused) => rest(dir, 'PATCH', '/queues/changes', { queue_name: 'changes', settings: { delivery_paused } });
    assert.equal((await pause(true)).status, 200);
    const stored = [];
    let stop = false;
    const clients = [0, 1, 2].map(async (c) => {
      for (let i = 0; !stop; i++) {
        try { await ask(server, `put/in/${c}-${i}.txt`, 'x'); stored.push(`in/${c}-${i}.txt`); } catch { return; }
      }
    });
    await until(() => stored.length > 100, 'objects');
    server.child.kill('SIGKILL');
    stop = true;
    await Promise.all(clients);
    await server.exited;
    server = await dev(dir);
    await pause(false);
    await until(() => { const told = new Set(got().map((m) => m.object.key)); return stored.every((key) => told.has(key)); }, 'messages of all that was stored');
    // rules go
    assert.equal((await events('DELETE', { ruleIds: [queues[0].rules[0].ruleId] })).status, 200);
    assert.equal((await rest(dir, 'GET', '/event_notifications/r2/files/configuration')).result.queues[0].rules.length, 1);
    assert.equal((await events('DELETE')).status, 200);
    assert.deepEqual((await rest(dir, 'GET', '/event_notifications/r2/files/configuration')).result.queues, []);
    assert.equal((await events('DELETE')).status, 404);
    assert.equal((await events('PUT', { rules: [{ actions: ['Nothing'] }] })).status, 400);
    assert.equal((await rest(dir, 'PUT', '/event_notifications/r2/files/configuration/queues/no-such', { rules: [] })).status, 404);
  } finally {
    await server.stop();
  }
});

test('domains are kept, and the verbs do all of this', async () => {
  const dir = project({ 'wrangler.toml': CONFIG, 'index.js': SOURCE });
  const verb = async (...args) => {
    const r = await run(['r2', ...args], { cwd: dir });
    assert.equal(r.code, 0, `${args.join(' ')}: ${r.stdout}${r.stderr}`);
    return r.stdout;
  };
  await verb('bucket', 'create', 'files');
  assert.equal((await run(['queues', 'create', 'changes'], { cwd: dir })).code, 0);
  await verb('bucket', 'lock', 'add', 'files', 'keep', 'kept/', '--retention-days', '2');
  assert.match(await verb('bucket', 'lock', 'list', 'files'), /keep[\s\S]*kept\/[\s\S]*after 2 days/);
  await verb('bucket', 'lock', 'remove', 'files', '--name', 'keep');
  assert.match(await verb('bucket', 'lock', 'list', 'files'), /no lock rules/);
  await verb('bucket', 'lifecycle', 'add', 'files', 'old', 'logs/', '--expire-days', '30');
  assert.match(await verb('bucket', 'lifecycle', 'list', 'files'), /old[\s\S]*logs\/[\s\S]*Expire objects after 30 days/);
  await verb('bucket', 'lifecycle', 'remove', 'files', '--name', 'old');
  assert.match(await verb('bucket', 'lifecycle', 'list', 'files'), /no lifecycle rules/);
  await verb('bucket', 'notification', 'create', 'files', '--event-type', 'object-create', '--queue', 'changes', '--prefix', 'in/');
  assert.match(await verb('bucket', 'notification', 'list', 'files'), /changes[\s\S]*in\/[\s\S]*PutObject,CompleteMultipartUpload,CopyObject/);
  await verb('bucket', 'notification', 'delete', 'files', '--queue', 'changes');
  await verb('bucket', 'domain', 'add', 'files', '--domain', 'files.example.com', '--zone-id', 'z', '--min-tls', '1.2');
  assert.match(await verb('bucket', 'domain', 'list', 'files'), /files\.example\.com[\s\S]*Yes/);
  await verb('bucket', 'domain', 'remove', 'files', '--domain', 'files.example.com', '-y');
  assert.match(await verb('bucket', 'domain', 'list', 'files'), /no custom domains/);
  assert.match(await verb('bucket', 'dev-url', 'get', 'files'), /disabled/);
  await verb('bucket', 'dev-url', 'enable', 'files', '-y');
  assert.match(await verb('bucket', 'dev-url', 'get', 'files'), /enabled/);
});
