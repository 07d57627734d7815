// Copies of a server's data under load: what was acknowledged before is in them, and nothing that
// follows from what came after.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ask, dataDir, startServe } from './lib/serve.mjs';
import { selvage } from './lib/selvage.mjs';

// Each request writes its number n into every store in turn, each after the one before was acknowledged.
const worker = `
import { DurableObject } from "cloudflare:workers";
export class Last extends DurableObject {
  async set(n) { await this.ctx.storage.put("n", n); return n; }
  async get() { return (await this.ctx.storage.get("n")) ?? -1; }
}
export default {
  async fetch(request, env) {
    const url = new URL(request.url), n = Number(url.searchParams.get("n"));
    if (url.pathname === "/write") {
      await env.KV.put("n", String(n));
      await env.DB.prepare("INSERT INTO t(n, pad) VALUES (?, ?)").bind(n, "x".repeat(3000)).run();
      await env.LAST.getByName("a").set(n);
      await env.R2.put("n", String(n));
      await env.LAST.getByName("b").set(n);
      return new Response("ok");
    }
    if (url.pathname === "/make") { await env.DB.exec("CREATE TABLE t(n INTEGER, pad TEXT)"); return new Response("ok"); }
    return Response.json([Number(await env.KV.get("n") ?? -1), (await env.DB.prepare("SELECT max(n) AS n FROM t").first("n")) ?? -1,
      await env.LAST.getByName("a").get(), Number(await (await env.R2.get("n"))?.text() ?? -1), await env.LAST.getByName("b").get()]);
  }
};`;

function form(kv, d1) {
  const f = new FormData();
  f.set('metadata', JSON.stringify({
    main_module: 'index.js', compatibility_date: '2026-01-01',
    bindings: [
      { name: 'KV', type: 'kv_namespace', namespace_id: kv }, { name: 'DB', type: 'd1', id: d1 },
      { name: 'R2', type: 'r2_bucket', bucket_name: 'bucket' },
      { name: 'LAST', type: 'durable_object_namespace', class_name: 'Last' },
    ],
    migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Last'] }] },
  }));
  f.set('index.js', new Blob([worker], { type: 'application/javascript+module' }), 'index.js');
  return f;
}

async function deployWriter(server) {
  const kv = (await server.call('POST', '/storage/kv/namespaces', { title: 'kv' })).result.id;
  const d1 = (await server.call('POST', '/d1/database', { name: 'db' })).result.uuid;
  await server.call('POST', '/r2/buckets', { name: 'bucket' });
  const put = await server.call('PUT', '/workers/scripts/writer', form(kv, d1));
  assert.equal(put.status, 200, put.text);
  await server.call('POST', '/workers/scripts/writer/subdomain', { enabled: true });
}

const run = (...args) => spawnSync(selvage, args, { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });

async function copiesUnderLoad(accounts) {
  const server = await startServe({ domain: 'workers.test' });
  for (let i = 1; i < accounts; i++) {
    const made = run('account', 'create', `more-${i}`, '--data', server.data);
    assert.equal(made.status, 0, made.stderr);
  }
  await deployWriter(server);
  assert.equal((await ask(server, 'writer.workers.test', '/make')).text, 'ok');
  let acknowledged = 0, going = true;
  const load = (async () => {
    for (let n = 1; going; n++) {
      const r = await ask(server, 'writer.workers.test', `/write?n=${n}`);
      assert.equal(r.text, 'ok');
      acknowledged = n;
    }
  })();
  const copies = [];
  for (let i = 0; i < 4; i++) {
    while (acknowledged < (i + 1) * 30) await new Promise((r) => setTimeout(r, 5));
    const to = join(dataDir(), 'copy'), before = acknowledged;
    const made = await new Promise((done) => import('node:child_process').then(({ execFile }) =>
      execFile(selvage, ['backup', to, '--data', server.data, '--json'], (error, stdout, stderr) => done({ error, stdout, stderr }))));
    assert.ifError(made.error, made.stderr);
    copies.push({ to, before, after: acknowledged, report: JSON.parse(made.stdout) });
  }
  going = false;
  await load;
  await server.stop();
  for (const copy of copies) {
    const data = join(dataDir(), 'data');
    const back = run('restore', copy.to, '--data', data);
    assert.equal(back.status, 0, back.stderr);
    const again = await startServe({ domain: 'workers.test', data, known: { token: server.token, account: server.account, data } });
    const seen = JSON.parse((await ask(again, 'writer.workers.test', '/')).text);
    // in the order in which they were written, so that none is ahead of the one before
    for (let i = 0; i < seen.length; i++) {
      assert.ok(seen[i] >= copy.before, `store ${i} has ${seen[i]}, ${copy.before} was acknowledged: ${seen}`);
      if (i > 0) assert.ok(seen[i] <= seen[i - 1], `${seen}: one store is ahead of the one that was written before it`);
    }
    assert.equal((await ask(again, 'writer.workers.test', '/write?n=100000')).text, 'ok');
    await again.stop();
    rmSync(copy.to, { recursive: true });
  }
}

describe('copies', () => {
  test('of a server with one account, under load', () => copiesUnderLoad(1));
  test('of a server whose databases are in keepers, under load', () => copiesUnderLoad(2));

  test('what is in the way is said, and nothing is overwritten', async () => {
    const server = await startServe({});
    const to = join(dataDir(), 'copy');
    mkdirSync(to);
    writeFileSync(join(to, 'mine'), 'x');
    const there = run('backup', to, '--data', server.data);
    assert.notEqual(there.status, 0);
    assert.match(there.stderr, /exists/);
    assert.ok(existsSync(join(to, 'mine')));
    assert.ok(!existsSync(`${to}.partial`));
    const none = run('restore', to, '--data', join(dataDir(), 'data'));
    assert.notEqual(none.status, 0);
    assert.match(none.stderr, /is no backup/);
    const good = join(dataDir(), 'copy');
    assert.equal(run('backup', good, '--data', server.data).status, 0);
    const other = dataDir();
    writeFileSync(join(other, 'mine'), 'x');
    const over = run('restore', good, '--data', other);
    assert.notEqual(over.status, 0);
    assert.match(over.stderr, /exists/);
    await server.stop();
    // without a server the verb takes the copy itself
    const cold = join(dataDir(), 'cold');
    const made = run('backup', cold, '--data', server.data);
    assert.equal(made.status, 0, made.stderr);
  });

  const runBeside = (...args) => new Promise((done) => import('node:child_process').then(({ execFile }) =>
    execFile(selvage, args, { env: { ...process.env, NO_COLOR: '1' } }, (error, stdout, stderr) => done({ status: error ? 1 : 0, stdout, stderr }))));
  const seen = async (server) => JSON.parse((await ask(server, 'writer.workers.test', '/')).text);
  const kept = (server, prefix) => readdirSync(server.data).filter((n) => n.startsWith(prefix));

  test('take the place of what a server has while clients wait', async () => {
    const server = await startServe({ domain: 'workers.test' });
    await deployWriter(server);
    await ask(server, 'writer.workers.test', '/make');
    await ask(server, 'writer.workers.test', '/write?n=1');
    const copy = join(dataDir(), 'copy');
    assert.equal((await runBeside('backup', copy, '--data', server.data)).status, 0);
    await ask(server, 'writer.workers.test', '/write?n=2');
    let going = true, refused = [], answers = 0;
    const load = (async () => {
      while (going) {
        try { await Promise.race([ask(server, 'writer.workers.test', '/').then(() => answers++), new Promise((r) => setTimeout(r, 3000))]); } catch (e) { refused.push(String(e.code ?? e)); }
      }
    })();
    const back = await runBeside('restore', copy, '--data', server.data);
    going = false;
    await load;
    assert.equal(back.status, 0, back.stderr + server.output);
    assert.match(back.stdout, /What was there is kept in .*replaced-/);
    assert.deepEqual(await seen(server), [1, 1, 1, 1, 1]);
    assert.ok(!refused.includes('ECONNREFUSED'), String(refused));
    assert.ok(answers > 0);
    assert.equal(kept(server, 'replaced-').length, 1);
    // twice more, whatever the second
    for (let i = 2; i <= 3; i++) {
      assert.equal((await runBeside('restore', copy, '--data', server.data)).status, 0);
      assert.equal(kept(server, 'replaced-').length, i);
    }
    assert.equal((await ask(server, 'writer.workers.test', '/write?n=3')).text, 'ok');
    // what is no copy changes nothing
    const none = await runBeside('restore', dataDir(), '--data', server.data);
    assert.notEqual(none.status, 0);
    assert.match(none.stderr, /is no backup/);
    // one that no server can be started on: the old state comes back
    const broken = join(dataDir(), 'broken');
    assert.equal((await runBeside('backup', broken, '--data', server.data)).status, 0);
    const folder = join(broken, 'v1/%40server/catalog');
    for (const name of readdirSync(folder)) writeFileSync(join(folder, name), Buffer.alloc(statSync(join(folder, name)).size, 'x'));
    const failed = await runBeside('restore', broken, '--data', server.data);
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /no server could be started on it/);
    assert.equal(kept(server, 'failed-restore-').length, 1);
    assert.deepEqual(await seen(server), [3, 3, 3, 3, 3]);
    await server.stop();
  });

  test('that are restored while main is killed are there, or what was before', async () => {
    const server = await startServe({ domain: 'workers.test' });
    await deployWriter(server);
    await ask(server, 'writer.workers.test', '/make');
    await ask(server, 'writer.workers.test', '/write?n=1');
    const copy = join(dataDir(), 'copy');
    assert.equal((await runBeside('backup', copy, '--data', server.data)).status, 0);
    for (let i = 0; i < 5; i++) {
      const now = i + 2;
      assert.equal((await ask(server, 'writer.workers.test', `/write?n=${now}`)).text, 'ok');
      const from = server.output.length, verb = runBeside('restore', copy, '--data', server.data);
      let over = false;
      verb.then(() => { over = true; });
      await new Promise((r) => setTimeout(r, 40 + i * 60));
      const [pid] = spawnSync('pgrep', ['-P', String(server.pid)], { encoding: 'utf8' }).stdout.trim().split('\n').map(Number);
      if (pid) process.kill(pid, 'SIGKILL');
      await server.saw(/ready on/, { from });
      // the verb may have lost its server before that took the copy
      const end = Date.now() + 60000;
      while (!over && kept(server, 'restore').length > 0 && Date.now() < end) await new Promise((r) => setTimeout(r, 20));
      const values = await seen(server);
      assert.ok(values.every((v) => v === 1) || values.every((v) => v === now), `neither the copy nor what was there: ${values}`);
      assert.deepEqual(kept(server, 'restore'), [], 'nothing is half done');
      const done = await verb;
      if (done.status === 0) assert.deepEqual(values, [1, 1, 1, 1, 1]);
      for (const name of kept(server, 'replaced-')) rmSync(join(server.data, name), { recursive: true });
      if (values[0] === now) await ask(server, 'writer.workers.test', '/write?n=1');
    }
    await server.stop();
  });
});
