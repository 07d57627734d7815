// Databases, namespaces, buckets and queues of a server, by real wrangler.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, after, describe, test } from 'node:test';
import { startServe } from './lib/serve.mjs';
import { folder, releases, wrangler } from './lib/wrangler.mjs';

const config = (more = '') => `name = "shop"
main = "index.js"
compatibility_date = "2026-01-01"
${more}`;

for (const release of releases) {
  describe(`${release.name} wrangler`, { skip: release.missing }, () => {
    let server, dir;
    const run = async (args, options) => {
      const r = await wrangler(release, server, dir, args, options);
      assert.equal(r.code, 0, `wrangler ${args.join(' ')}\n${r.text}`);
      return r.out;
    };
    const fails = async (args, pattern, options) => {
      const r = await wrangler(release, server, dir, args, options);
      assert.notEqual(r.code, 0, r.text);
      assert.match(r.text, pattern);
    };

    before(async () => {
      server = await startServe({ domain: 'workers.test' });
      dir = folder({ 'wrangler.toml': config(), 'index.js': 'export default { fetch() { return new Response("shop") } }' });
    });
    after(() => server?.stop());

    test('d1: create, info, execute, migrations, export, import, time travel, delete', async () => {
      const made = await run(['d1', 'create', 'orders']);
      const id = /database_id["\s:=]+([0-9a-f-]{36})/.exec(made)?.[1];
      assert.ok(id, made);
      assert.match(await run(['d1', 'list']), /orders/);
      assert.match(await run(['d1', 'info', 'orders']), /orders/);
      await run(['d1', 'execute', 'orders', '--remote', '--command', 'CREATE TABLE a(n INTEGER, s TEXT); INSERT INTO a VALUES (1, \'one\'), (2, \'two\')']);
      const rows = JSON.parse(await run(['d1', 'execute', 'orders', '--remote', '--json', '--command', 'SELECT * FROM a ORDER BY n']));
      assert.deepEqual(rows[0].results, [{ n: 1, s: 'one' }, { n: 2, s: 'two' }]);
      await fails(['d1', 'execute', 'orders', '--remote', '--command', 'SELECT * FROM absent'], /no such table: absent/);
      const project = folder({
        'wrangler.toml': config(`[[d1_databases]]\nbinding = "DB"\ndatabase_name = "orders"\ndatabase_id = "${id}"\n`),
        'index.js': 'export default { fetch() { return new Response("shop") } }',
        'migrations/0001_first.sql': 'CREATE TABLE b(x INTEGER); -- a comment; with a semicolon\nINSERT INTO b VALUES (7);',
        'migrations/0002_second.sql': 'ALTER TABLE b ADD COLUMN y TEXT;',
        'more.sql': 'INSERT INTO a VALUES (3, \'three\');\nINSERT INTO a VALUES (4, \'it\'\'s\');',
      });
      const before = dir;
      dir = project;
      assert.match(await run(['d1', 'migrations', 'list', 'orders', '--remote']), /0001_first\.sql[\s\S]*0002_second\.sql/);
      await run(['d1', 'migrations', 'apply', 'orders', '--remote']);
      assert.match(await run(['d1', 'migrations', 'list', 'orders', '--remote']), /No migrations to apply/);
      const bookmark = /([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32})/.exec(await run(['d1', 'time-travel', 'info', 'orders']))?.[1];
      assert.ok(bookmark);
      await run(['d1', 'execute', 'orders', '--remote', '--file', 'more.sql', '--yes']);
      const count = async () => JSON.parse(await run(['d1', 'execute', 'orders', '--remote', '--json', '--command', 'SELECT count(*) AS c FROM a']))[0].results[0].c;
      assert.equal(await count(), 4);
      await run(['d1', 'export', 'orders', '--remote', '--output', join(project, 'out.sql')]);
      assert.match(readFileSync(join(project, 'out.sql'), 'utf8'), /INSERT INTO "?a"?.*it''s/);
      await run(['d1', 'time-travel', 'restore', 'orders', '--bookmark', bookmark]);
      assert.equal(await count(), 2);
      await run(['d1', 'insights', 'orders', '--json']);
      await run(['d1', 'delete', 'orders', '-y']);
      dir = before;
      assert.doesNotMatch(await run(['d1', 'list']), /orders/);
    });

    test('kv: namespaces, keys, bulk', async () => {
      const id = /id["\s:=]+([0-9a-f]{32})/.exec(await run(['kv', 'namespace', 'create', 'CACHE']))?.[1];
      assert.ok(id);
      assert.ok(JSON.parse(await run(['kv', 'namespace', 'list'])).some((n) => n.id === id));
      const ns = ['--namespace-id', id, '--remote'];
      await run(['kv', 'key', 'put', 'a/b c', 'value', ...ns]);
      assert.equal((await run(['kv', 'key', 'get', 'a/b c', '--text', ...ns])).trim(), 'value');
      await run(['kv', 'key', 'put', 'm', 'with', '--metadata', '{"k":1}', '--ttl', '600', ...ns]);
      const keys = JSON.parse(await run(['kv', 'key', 'list', ...ns]));
      assert.deepEqual(keys.map((k) => k.name), ['a/b c', 'm']);
      assert.deepEqual(keys[1].metadata, { k: 1 });
      assert.ok(keys[1].expiration > Date.now() / 1000);
      await fails(['kv', 'key', 'get', 'nothing', '--text', ...ns], /404/);
      const files = folder({
        'put.json': JSON.stringify([{ key: 'x', value: '1' }, { key: 'y', value: Buffer.from('2').toString('base64'), base64: true }]),
        'get.json': '["x","y"]', 'delete.json': '["x","y"]',
      });
      await run(['kv', 'bulk', 'put', join(files, 'put.json'), ...ns]);
      assert.match(await run(['kv', 'bulk', 'get', join(files, 'get.json'), ...ns]), /"x"[\s\S]*"1"/);
      await run(['kv', 'bulk', 'delete', join(files, 'delete.json'), '-f', ...ns]);
      await run(['kv', 'key', 'delete', 'm', ...ns]);
      assert.deepEqual(JSON.parse(await run(['kv', 'key', 'list', ...ns])).map((k) => k.name), ['a/b c']);
      await run(['kv', 'namespace', 'rename', '--new-name', 'NEW', '--namespace-id', id]);
      await run(['kv', 'namespace', 'delete', '--namespace-id', id, '-y']);
      assert.deepEqual(JSON.parse(await run(['kv', 'namespace', 'list'])), []);
    });

    test('r2: buckets and objects', async () => {
      await run(['r2', 'bucket', 'create', 'photos']);
      assert.match(await run(['r2', 'bucket', 'list']), /photos/);
      assert.match(await run(['r2', 'bucket', 'info', 'photos']), /photos/);
      const files = folder({ 'pic.txt': 'a picture' });
      await run(['r2', 'object', 'put', 'photos/dir/my pic.txt', '--file', join(files, 'pic.txt'), '--content-type', 'text/plain', '--cache-control', 'max-age=60', '--remote']);
      assert.equal(await run(['r2', 'object', 'get', 'photos/dir/my pic.txt', '--pipe', '--remote']), 'a picture');
      await run(['r2', 'object', 'put', 'photos/piped', '--pipe', '--remote'], { input: 'through a pipe' });
      await run(['r2', 'object', 'get', 'photos/piped', '--file', join(files, 'back'), '--remote']);
      assert.equal(readFileSync(join(files, 'back'), 'utf8'), 'through a pipe');
      await fails(['r2', 'object', 'get', 'photos/none', '--pipe', '--remote'], /does not exist/);
      await run(['r2', 'object', 'delete', 'photos/piped', '--remote']);
      await run(['r2', 'object', 'delete', 'photos/dir/my pic.txt', '--remote']);
      await run(['r2', 'bucket', 'delete', 'photos']);
      assert.doesNotMatch(await run(['r2', 'bucket', 'list']), /photos/);
    });

    test('queues: create, update, pause, purge, consumers, delete', async () => {
      await run(['queues', 'create', 'jobs', '--delivery-delay-secs', '5']);
      await run(['queues', 'create', 'dead']);
      assert.match(await run(['queues', 'list']), /jobs/);
      assert.match(await run(['queues', 'info', 'jobs']), /jobs/);
      await run(['queues', 'update', 'jobs', '--delivery-delay-secs', '0']);
      await run(['queues', 'pause-delivery', 'jobs']);
      await run(['queues', 'resume-delivery', 'jobs']);
      await run(['queues', 'consumer', 'http', 'add', 'jobs', '--batch-size', '10']);
      await run(['queues', 'consumer', 'http', 'remove', 'jobs']);
      await run(['deploy']);
      await run(['queues', 'consumer', 'add', 'jobs', 'shop', '--batch-size', '5', '--dead-letter-queue', 'dead']);
      assert.match(await run(['queues', 'info', 'jobs']), /shop/);
      await run(['queues', 'consumer', 'remove', 'jobs', 'shop']);
      await run(['queues', 'purge', 'jobs', '--force']);
      await run(['queues', 'delete', 'jobs']);
      await run(['queues', 'delete', 'dead']);
    });
  });
}
