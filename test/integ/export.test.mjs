// One account as a file, and back: into another server, and beside the original, while both run.
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ask, dataDir, startServe } from './lib/serve.mjs';
import { selvage, until } from './lib/selvage.mjs';

const worker = `
import { DurableObject } from "cloudflare:workers";
export class Bell extends DurableObject {
  async ring(at) { await this.ctx.storage.put("n", 7); await this.ctx.storage.setAlarm(at); }
  async alarm() { await this.ctx.storage.put("rang", true); }
  async tell() { return [await this.ctx.storage.get("n"), await this.ctx.storage.getAlarm()]; }
  async rang() { return (await this.ctx.storage.get("rang")) ?? false; }
}
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/fill") {
      await env.KV.put("k", "value of k");
      await env.KV.put("big", "b".repeat(100000));
      await env.DB.exec("CREATE TABLE t(n INTEGER)");
      await env.DB.prepare("INSERT INTO t VALUES (1)").run();
      await env.R2.put("o", "r".repeat(200000), { customMetadata: { a: "b" } });
      await env.BELL.getByName("a").ring(Date.now() + 3600_000);
      await env.Q.send({ hello: 1 }, { delaySeconds: 3000 });
      return new Response("ok");
    }
    if (url.pathname === "/more") { await env.DB.prepare("INSERT INTO t VALUES (2)").run(); await env.KV.put("k", "later"); return new Response("ok"); }
    if (url.pathname === "/soon") { await env.BELL.getByName("soon").ring(Date.now() + Number(url.searchParams.get("ms"))); return new Response("ok"); }
    if (url.pathname === "/rang") return Response.json(await env.BELL.getByName("soon").rang());
    const big = await env.KV.get("big"), o = await env.R2.get("o");
    return Response.json({ k: await env.KV.get("k"), big: big?.length, rows: (await env.DB.prepare("SELECT n FROM t ORDER BY n").all()).results.map((r) => r.n),
      o: (await o?.text())?.length, meta: o?.customMetadata, bell: await env.BELL.getByName("a").tell(), secret: env.SECRET });
  }
};`;

async function deploy(server) {
  const kv = (await server.call('POST', '/storage/kv/namespaces', { title: 'kv' })).result.id;
  const d1 = (await server.call('POST', '/d1/database', { name: 'db' })).result.uuid;
  await server.call('POST', '/r2/buckets', { name: 'bucket' });
  await server.call('POST', '/queues', { queue_name: 'jobs' });
  const f = new FormData();
  f.set('metadata', JSON.stringify({
    main_module: 'index.js', compatibility_date: '2026-01-01',
    bindings: [
      { name: 'KV', type: 'kv_namespace', namespace_id: kv }, { name: 'DB', type: 'd1', id: d1 },
      { name: 'R2', type: 'r2_bucket', bucket_name: 'bucket' }, { name: 'Q', type: 'queue', queue_name: 'jobs' },
      { name: 'BELL', type: 'durable_object_namespace', class_name: 'Bell' },
      { name: 'SECRET', type: 'secret_text', text: 'a very secret value' },
    ],
    migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Bell'] }] },
  }));
  f.set('index.js', new Blob([worker], { type: 'application/javascript+module' }), 'index.js');
  const put = await server.call('PUT', '/workers/scripts/shop', f);
  assert.equal(put.status, 200, put.text);
  await server.call('POST', '/workers/scripts/shop/subdomain', { enabled: true });
  const route = await server.call('PUT', '/workers/domains', { hostname: 'shop.example', service: 'shop', environment: 'production', zone_name: 'shop.example' });
  assert.equal(route.status, 200, route.text);
  return { kv, d1 };
}

const env = { ...process.env, NO_COLOR: '1', SELVAGE_EXPORT_PASSPHRASE: 'open sesame' };
const run = (...args) => spawnSync(selvage, args, { encoding: 'utf8', env });
const runBeside = (...args) => new Promise((done) => execFile(selvage, args, { env, encoding: 'utf8' }, (error, stdout, stderr) => done({ status: error ? error.code ?? 1 : 0, stdout, stderr })));
const good = (r) => { assert.equal(r.status, 0, r.stderr); return r; };
const bad = (r, pattern) => { assert.notEqual(r.status, 0, 'it should have failed'); assert.match(r.stderr, pattern); };
const accounts = (data) => JSON.parse(good(run('account', 'list', '--data', data, '--json')).stdout);
const state = async (server, host) => JSON.parse((await ask(server, host, '/')).text);

describe('an account as a file', () => {
  test('goes to another server with everything that it has, and beside the original', async () => {
    const one = await startServe({ domain: 'one.test' });
    const { d1 } = await deploy(one);
    assert.equal((await ask(one, 'shop.one.test', '/fill')).text, 'ok');
    const pages = await one.call('POST', '/pages/projects', { name: 'site', production_branch: 'main' });
    assert.equal(pages.status, 200, pages.text);
    const bookmark = (await one.call('GET', `/d1/database/${d1}/time_travel/bookmark`)).result.bookmark;
    assert.equal((await ask(one, 'shop.one.test', '/more')).text, 'ok');
    const before = await state(one, 'shop.example');
    assert.deepEqual(before.rows, [1, 2]);
    const file = join(dataDir(), 'account.tar');
    const made = good(await runBeside('export', file, '--data', one.data));
    assert.match(made.stdout, /Exported account main/);
    bad(run('export', file, '--data', one.data), /exists/);
    // what usual programs make of it; nothing secret stands in it
    const bytes = readFileSync(file);
    assert.ok(!bytes.includes('a very secret value'));
    const folder = dataDir();
    assert.equal(spawnSync('tar', ['-xf', file, '-C', folder]).status, 0);
    assert.equal(spawnSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: folder }).status, 0);

    const two = await startServe({ domain: 'two.test' });
    bad(spawnSync(selvage, ['import', file, '--data', two.data], { encoding: 'utf8', env: { ...env, SELVAGE_EXPORT_PASSPHRASE: 'open barley' } }), /passphrase/);
    bad(run('import', file, '--data', two.data), /the name 'main' already; --name/);
    const taken = good(await runBeside('import', file, '--data', two.data, '--name', 'moved'));
    const moved = { ...two, account: one.account, token: taken.stdout.trim() };
    assert.deepEqual(await state(two, 'shop.two.test'), before);
    assert.deepEqual(await state(two, 'shop.example'), before);
    const call = (method, path, body) => fetch(`${two.api}/accounts/${one.account}${path}`, { method, headers: { authorization: `Bearer ${moved.token}` }, body: body && JSON.stringify(body) }).then((r) => r.json());
    assert.equal((await call('GET', '/queues')).result.find((q) => q.queue_name === 'jobs')?.queue_name, 'jobs');
    const backlog = (await call('GET', '/queues')).result.find((q) => q.queue_name === 'jobs');
    assert.ok(backlog);
    assert.equal((await call('GET', '/pages/projects/site')).result.name, 'site');
    assert.equal((await call('GET', '/workers/scripts/shop/secrets')).result[0].name, 'SECRET');
    // Time Travel goes back to before the export
    const back = await call('POST', `/d1/database/${d1}/time_travel/restore?bookmark=${bookmark}`);
    assert.equal(back.success, true, JSON.stringify(back));
    assert.deepEqual((await state(two, 'shop.two.test')).rows, [1]);
    assert.equal(accounts(two.data).length, 2);

    // a second time: it is there; a copy beside it must leave its hosts out
    bad(run('import', file, '--data', two.data, '--name', 'again'), /is here already; --account new/);
    bad(run('import', file, '--data', two.data, '--name', 'again', '--account', 'new'), /custom domain 'shop.example' belongs to another account/);
    assert.deepEqual(readdirSync(join(two.data, 'v1')).filter((n) => n.length === 32).length, 1, 'nothing stays of what failed');
    const copy = JSON.parse(good(await runBeside('import', file, '--data', two.data, '--name', 'again', '--account', 'new', '--without-hosts', '--json')).stdout);
    assert.notEqual(copy.account, one.account);
    assert.deepEqual([copy.workers, copy.projects, copy.faults, copy.without_keys], [1, 1, 0, true]);
    const seen = await fetch(`${two.api}/accounts/${copy.account}/workers/scripts`, { headers: { authorization: `Bearer ${copy.token}` } }).then((r) => r.json());
    assert.equal(seen.result[0].id, 'shop');
    // it is all there again after a start
    await two.stop();
    const again = await startServe({ domain: 'two.test', known: two });
    assert.deepEqual(await state(again, 'shop.example'), { ...before, rows: [1] });
    const log = JSON.parse(good(run('audit', '--data', again.data, '--json')).stdout);
    assert.equal(log.filter((r) => r.action === 'POST /server/import').length, 2);
    await again.stop();
    await one.stop();
  });

  test('comes back after it was deleted, with its alarms; without a server too', async () => {
    const server = await startServe({ domain: 'w.test' });
    await deploy(server);
    good(run('account', 'create', 'other', '--data', server.data));
    assert.equal((await ask(server, 'shop.w.test', '/soon?ms=2500')).text, 'ok');
    const file = join(dataDir(), 'a.tar');
    good(await runBeside('export', file, '--account', 'main', '--data', server.data));
    good(await runBeside('account', 'delete', 'main', '--yes', '--data', server.data));
    assert.equal((await ask(server, 'shop.w.test', '/')).status, 404);
    good(await runBeside('import', file, '--data', server.data));
    // nobody calls the object: only its alarm, which came along, can have rung it
    await new Promise((r) => setTimeout(r, 2600));
    const end = Date.now() + 20000;
    for (;;) {
      if (JSON.parse((await ask(server, 'shop.w.test', '/rang')).text) === true) break;
      assert.ok(Date.now() < end, 'the alarm did not ring');
      await new Promise((r) => setTimeout(r, 100));
    }
    await server.stop();
    const cold = join(dataDir(), 'cold.tar');
    good(run('export', cold, '--account', 'main', '--data', server.data));
    const copy = JSON.parse(good(run('import', cold, '--data', server.data, '--account', 'new', '--name', 'cold', '--without-hosts', '--json')).stdout);
    assert.equal(copy.workers, 1);
    const again = await startServe({ domain: 'w.test', known: server });
    assert.equal(accounts(again.data).length, 3);
    await again.stop();
  });

  test('that is damaged, cut, or hostile is refused by the name of what is wrong, and leaves nothing', async () => {
    const server = await startServe({ domain: 'w.test' });
    await deploy(server);
    assert.equal((await ask(server, 'shop.w.test', '/fill')).text, 'ok');
    const folder = dataDir(), file = join(folder, 'a.tar'), evil = join(folder, 'evil.tar');
    good(await runBeside('export', file, '--data', server.data));
    const bytes = readFileSync(file);
    const import_ = (from) => runBeside('import', from, '--data', server.data, '--account', 'new', '--name', 'evil', '--without-hosts');
    const before = readdirSync(join(server.data, 'v1')).sort();
    // cut
    writeFileSync(evil, bytes);
    truncateSync(evil, bytes.length - 20000);
    bad(await import_(evil), /it is cut|ends without a signature/);
    // one bit
    const at = bytes.indexOf('r'.repeat(1000));
    assert.ok(at > 0);
    const flipped = Buffer.from(bytes);
    flipped[at + 500] ^= 1;
    writeFileSync(evil, flipped);
    bad(await import_(evil), /the entry 'data\/r2\/[^']*' is damaged/);
    writeFileSync(evil, 'no tar at all'.repeat(100));
    bad(await import_(evil), /no tar archive/);
    bad(await import_(join(folder, 'absent')), /cannot open/);
    // entries that others add, with usual programs
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    assert.equal(spawnSync('tar', ['-xf', file, '-C', tree]).status, 0);
    const names = spawnSync('tar', ['-tf', file], { encoding: 'utf8' }).stdout.trim().split('\n');
    const pack = (list, ...options) => assert.equal(spawnSync('tar', ['--format=pax', ...options, '-cf', evil, '-C', tree, ...list]).status, 0);
    pack(names);
    good(await import_(evil)); // an honest one, packed anew
    good(await runBeside('account', 'delete', 'evil', '--yes', '--data', server.data));
    symlinkSync('/etc/passwd', join(tree, 'data/link'));
    pack([...names.slice(0, 2), 'data/link', ...names.slice(2)]);
    bad(await import_(evil), /'data\/link' is a symbolic link/);
    writeFileSync(join(tree, 'data/extra'), 'x');
    pack([...names.slice(0, 2), 'data/extra', ...names.slice(2)]);
    bad(await import_(evil), /'data\/extra' does not belong there/);
    pack([...names.slice(0, 2), 'data/extra', ...names.slice(2)], '-P', '--transform=s,data/extra,data/kv/../../../../out,');
    bad(await import_(evil), /has a name that no file here may have/);
    pack(names.filter((n) => !n.startsWith('data/kv')));
    bad(await import_(evil), /some are missing/);
    writeFileSync(join(tree, 'catalog.jsonl'), readFileSync(join(tree, 'catalog.jsonl'), 'utf8').replace('"shop"', '"shoq"'));
    pack(names);
    bad(await import_(evil), /'catalog.jsonl' is damaged/);
    const sums = spawnSync('sha256sum', names.filter((n) => !/SUMS|SIGNATURE/.test(n)), { cwd: tree, encoding: 'utf8' }).stdout;
    writeFileSync(join(tree, 'SHA256SUMS'), sums);
    pack(names);
    bad(await import_(evil), /signature does not hold/);
    await until(() => readdirSync(join(server.data, 'v1')).length === before.length, 'a deleted account is gone from the disk');
    assert.deepEqual(readdirSync(join(server.data, 'v1')).sort(), before);
    assert.deepEqual(existsSync(join(server.data, 'aside')) ? readdirSync(join(server.data, 'aside')) : [], []);
    assert.equal(accounts(server.data).length, 1);
    await server.stop();
  });

  test('is there whole or not at all when main is killed on the way', async () => {
    const server = await startServe({ domain: 'w.test' });
    await deploy(server);
    assert.equal((await ask(server, 'shop.w.test', '/fill')).text, 'ok');
    const file = join(dataDir(), 'a.tar');
    good(await runBeside('export', file, '--data', server.data));
    const main = () => Number(spawnSync('pgrep', ['-P', String(server.pid), '-f', 'selvage: main'], { encoding: 'utf8' }).stdout.trim().split('\n')[0]);
    for (let i = 0; i < 6; i++) {
      const name = `try-${i}`;
      const verb = spawn(selvage, ['import', file, '--data', server.data, '--account', 'new', '--name', name, '--without-hosts'], { env, stdio: 'ignore' });
      const ended = new Promise((done) => verb.on('exit', done));
      await new Promise((r) => setTimeout(r, 60 + i * 90));
      const from = server.output.length, pid = main();
      if (pid) process.kill(pid, 'SIGKILL');
      await ended;
      await server.saw(/ready on/, { from });
      const list = accounts(server.data), folders = readdirSync(join(server.data, 'v1')).filter((n) => n.length === 32);
      assert.deepEqual(folders.sort(), list.map((a) => a.id).filter((id) => folders.includes(id)).sort(), 'a folder without an account');
      for (const a of list) assert.ok(folders.includes(a.id), `${a.name} has an account and no folder`);
      assert.ok(!folders.some((f) => existsSync(join(server.data, 'v1', f, '.import'))));
    }
    assert.equal((await ask(server, 'shop.w.test', '/')).status, 200);
    await server.stop();
  });
});
