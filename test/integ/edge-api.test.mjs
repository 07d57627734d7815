// examples/edge-api as its reader would use it: migrations from the command line, every route, and all of it again after kill -9.
import test from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev, example, run, until } from './lib/selvage.mjs';

const json = (body, method = 'POST') => ({ method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

test('edge-api: users, files, sessions, counters, jobs and cron, before and after kill -9', async () => {
  const dir = example('edge-api');
  const applied = await run(['d1', 'migrations', 'apply', 'my-db', '--local'], { cwd: dir });
  assert.equal(applied.code, 0, applied.stderr + applied.stdout);
  const created = await run(['r2', 'credentials', 'create', '--json'], { cwd: dir });
  assert.equal(created.code, 0, created.stderr);
  const { accessKeyId, secretAccessKey } = JSON.parse(created.stdout);
  appendFileSync(join(dir, '.dev.vars'), `S3_ACCESS_KEY_ID=${accessKeyId}\nS3_SECRET_ACCESS_KEY=${secretAccessKey}\n`);

  let s = await dev(dir, ['--test-scheduled']);
  const get = async (path) => (await s.fetch(path)).json();
  try {
    assert.deepEqual(await get('/health'), { status: 'ok' });

    const ada = await (await s.fetch('/v1/users', json({ email: 'ada@example.com', name: 'Ada' }))).json();
    const bob = await (await s.fetch('/v1/users', json({ email: 'bob@example.com', name: 'Bob' }))).json();
    assert.equal(ada.role, 'member');
    assert.equal((await s.fetch('/v1/users', json({ email: 'ada@example.com', name: 'Again' }))).status, 409);
    assert.equal((await s.fetch('/v1/users', json({ email: 'nobody', name: '' }))).status, 400);
    assert.equal((await s.fetch('/v1/users/transfers', json({ from: ada.id, to: bob.id, amount: 30 }))).status, 204);
    assert.equal((await s.fetch('/v1/users/transfers', json({ from: ada.id, to: bob.id, amount: 1000 }))).status, 409);
    assert.equal((await get('/v1/users/' + ada.id)).balance, 70);
    assert.equal((await get('/v1/users/' + bob.id)).balance, 130);
    const first = await get('/v1/users?limit=1');
    assert.equal(first.users.length, 1);
    assert.equal((await get(`/v1/users?limit=1&cursor=${first.cursor}`)).users.length, 1);

    const body = Buffer.alloc(300_000, 'selvage ');
    const put = await s.fetch('/v1/files/docs/long.txt', { method: 'PUT', body, headers: { 'content-type': 'text/plain', 'x-user': 'ada' } });
    assert.equal(put.status, 201);
    const { etag, size } = await put.json();
    assert.equal(size, body.length);
    const back = await s.fetch('/v1/files/docs/long.txt');
    assert.equal(back.headers.get('etag'), `"${etag}"`);
    assert.equal(back.headers.get('content-type'), 'text/plain');
    assert.ok(body.equals(Buffer.from(await back.arrayBuffer())));
    assert.equal((await s.fetch('/v1/files/docs/long.txt', { headers: { 'if-none-match': `"${etag}"` } })).status, 304);
    const part = await s.fetch('/v1/files/docs/long.txt', { headers: { range: 'bytes=8-14' } });
    assert.equal(part.status, 206);
    assert.equal(await part.text(), 'selvage');
    assert.deepEqual(await get('/v1/files?prefix=docs/'), { objects: [{ key: 'docs/long.txt', size: 300_000 }] });

    const { key, uploadUrl } = await (await s.fetch('/v1/upload-url', { method: 'POST' })).json();
    const unsigned = new URL(uploadUrl);
    unsigned.search = '';
    assert.ok([401, 403].includes((await fetch(unsigned, { method: 'PUT', body: 'no' })).status));
    assert.equal((await fetch(uploadUrl, { method: 'PUT', body: 'straight in' })).status, 200);
    assert.equal(await (await s.fetch('/v1/files/' + key)).text(), 'straight in');

    const { id } = await (await s.fetch('/v1/sessions', json({ user: 'ada' }))).json();
    assert.equal((await get('/v1/sessions/' + id)).user, 'ada');
    assert.equal((await get('/v1/sessions')).sessions[0].user, 'ada');

    for (let n = 1; n <= 3; n++) assert.deepEqual(await (await s.fetch('/v1/counters/visits/increment', { method: 'POST' })).json(), { count: n });
    assert.deepEqual(await get('/v1/counters/other'), { count: 0 });

    await until(async () => (await get('/v1/users/jobs/done')).length === 2, 'both welcome jobs');
    assert.equal(await (await s.fetch('/__scheduled?cron=0+3+*+*+*')).text(), 'ok');

    await s.stop('SIGKILL');
    s = await dev(dir);
    assert.equal((await get('/v1/users')).users.length, 2);
    assert.equal((await get('/v1/users/' + ada.id)).balance, 70);
    assert.equal(await (await s.fetch('/v1/files/' + key)).text(), 'straight in');
    assert.equal((await get('/v1/sessions/' + id)).user, 'ada');
    assert.deepEqual(await get('/v1/counters/visits'), { count: 3 });
    assert.equal((await get('/v1/users/jobs/done')).length, 2);
  } finally {
    await s.stop();
  }
});

test('edge-api: a message that always fails ends in the dead letter queue', async () => {
  const dir = example('edge-api');
  const s = await dev(dir);
  try {
    assert.equal((await s.fetch('/v1/users/jobs/fail', { method: 'POST' })).status, 202);
    await until(async () => {
      const r = await run(['queues', 'info', 'jobs-dead'], { cwd: dir });
      return r.code === 0 && /^Messages: 1$/m.test(r.stdout);
    }, 'the dead letter', 30000);
  } finally {
    await s.stop();
  }
});

test('edge-api --env staging has its own database, and the single table is warned about', async () => {
  const s = await dev(example('edge-api'), ['--env', 'staging']);
  try {
    assert.deepEqual(await (await s.fetch('/health')).json(), { status: 'ok' });
    assert.match(s.output, /d1_databases/);
    assert.equal((await s.fetch('/v1/users')).status, 500); // no migrations there yet
  } finally {
    await s.stop();
  }
});
