// D1 through real Workers: the binding, verbs beside a running session, kills, readers beside a writer, real packages.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, root, run, sleep, until } from './lib/selvage.mjs';

const ID = '0a1b2c3d-0000-4000-8000-000000000001';
const config = `name = "test"
main = "index.js"
compatibility_date = "2026-06-01"
[[d1_databases]]
binding = "DB"
database_name = "shop"
database_id = "${ID}"
[[d1_databases]]
binding = "OTHER"
database_name = "other"
database_id = "0a1b2c3d-0000-4000-8000-000000000002"
`;

// POST a list of [method, sql, ...params]: an answer for each.
const source = `
const show = (key, v) => (v instanceof Error ? { error: v.message, cause: v.cause?.message } : v);
async function one(env, [method, sql, ...params]) {
  if (method === 'exec') return env.DB.exec(sql);
  if (method === 'dump') return env.DB.dump();
  if (method === 'batch') return env.DB.batch(sql.map(([s, ...p]) => env.DB.prepare(s).bind(...p)));
  const [name, binding = 'DB'] = method.split('@');
  return env[binding].prepare(sql).bind(...params)[name]();
}
export default {
  async fetch(request, env) {
    if (request.method !== 'POST') return new Response('ready');
    const out = [];
    for (const call of await request.json()) out.push(await one(env, call).catch((e) => e));
    return new Response(JSON.stringify(out, show));
  },
};`;
const start = (files = {}) => dev(project({ 'wrangler.toml': config, 'index.js': source, ...files }));
const ask = (server, ...calls) => server.fetch('/', { method: 'POST', body: JSON.stringify(calls) }).then((r) => r.json());

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c';

test('statements, batches and errors', async () => {
  const server = await start();
  const [made, put, row, none, raw, failed, after, refused, exec, dump, big] = await ask(
    server,
    ['run', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v)'],
    ['run', 'INSERT INTO t(v) VALUES(?), (?)', 'é☃😀', [1, 255]],
    ['first', 'SELECT * FROM t WHERE id = ?', 1],
    ['first', 'SELECT * FROM t WHERE id = 9'],
    ['raw', 'SELECT id, v, v FROM t'],
    ['batch', [['INSERT INTO t(v) VALUES(1)'], ['INSERT INTO t(id) VALUES(1)']]],
    ['first', 'SELECT count(*) n FROM t'],
    ['run', 'BEGIN'],
    ['exec', 'SELECT 1\nSELECT 2'],
    ['dump'],
    ['all', "SELECT ? AS a, length(?) AS b", 'x'.repeat(300000), 'ü'.repeat(100000)],
  );
  assert.equal(made.success, true);
  assert.deepEqual([put.meta.changes, put.meta.last_row_id, put.meta.rows_written], [2, 2, 2]);
  assert.deepEqual(row, { id: 1, v: 'é☃😀' });
  assert.equal(none, null);
  assert.deepEqual(raw, [[1, 'é☃😀', 'é☃😀'], [2, [1, 255], [1, 255]]]);
  assert.equal(failed.error, `D1_ERROR: ${failed.cause}`);
  assert.equal(failed.cause, 'UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)');
  assert.equal(after.n, 2);
  assert.match(refused.error, /^D1_ERROR: To execute a transaction, /);
  assert.equal(exec.count, 2);
  assert.equal(dump.error, 'D1_DUMP_ERROR: Status + 404');
  assert.deepEqual([big.results[0].a.length, big.results[0].b], [300000, 100000]);
  await server.stop();
});

test('what was acknowledged is there after kill -9, whole batches only', async () => {
  const dir = project({ 'wrangler.toml': config, 'index.js': source });
  let server = await dev(dir);
  const acknowledged = [];
  const marks = []; // where the database stood after each kill, and what it had
  const travel = async (...args) => JSON.parse((await run(['d1', 'time-travel', ...args, '--json'], { cwd: dir })).stdout);
  await ask(server, ['exec', 'CREATE TABLE t(batch INTEGER, part INTEGER)']);
  let next = 0;
  for (let round = 0; round < 3; round++) {
    let going = true;
    const from = acknowledged.length;
    const client = async () => {
      while (going) {
        const n = next++;
        try {
          const [r] = await ask(server, ['batch', [0, 1, 2].map((p) => ['INSERT INTO t VALUES(?, ?)', n, p])]);
          if (Array.isArray(r) && r.every((x) => x.success)) acknowledged.push(n);
        } catch {
          return; // the server is gone
        }
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await until(() => acknowledged.length > from + 15 * (round + 1), 'acknowledged batches');
    process.kill(-server.child.pid, 'SIGKILL');
    await server.exited;
    going = false;
    await Promise.all(clients);
    server = await dev(dir);
    const [rows, check] = await ask(server, ['raw', 'SELECT batch, count(*) FROM t GROUP BY batch'], ['first', 'PRAGMA quick_check']);
    const counts = new Map(rows);
    assert.equal(check.quick_check, 'ok');
    for (const n of acknowledged) assert.equal(counts.get(n), 3, `batch ${n} was acknowledged`);
    for (const [n, parts] of counts) assert.equal(parts, 3, `batch ${n} is half there`);
    marks.push({ rows: counts.size * 3, ...(await travel('info', 'shop')) });
  }
  // The archive of the WAL has survived the kills, too.
  for (const { bookmark, rows } of marks.reverse()) {
    await travel('restore', 'shop', '--bookmark', bookmark);
    const [count, check] = await ask(server, ['first', 'SELECT count(*) n FROM t'], ['first', 'PRAGMA quick_check']);
    assert.deepEqual([count.n, check.quick_check], [rows, 'ok']);
  }
  await server.stop();
});

test('readers go on beside a writer, other databases beside a runaway query, which ends with its client', async () => {
  const server = await start();
  await ask(server, ['exec', 'CREATE TABLE t(a)\nINSERT INTO t VALUES(7)']);
  const abort = new AbortController();
  const write = (sql) => server.fetch('/', { method: 'POST', body: JSON.stringify([['run', sql]]), signal: abort.signal }).catch(() => 'aborted');
  const stuck = write(`INSERT INTO t ${ENDLESS}`);
  await sleep(50);
  for (let i = 0; i < 20; i++) {
    const [a, b] = await ask(server, ['first', 'SELECT a FROM t'], ['first@OTHER', 'SELECT 8 AS a']);
    assert.deepEqual([a.a, b.a], [7, 8]);
  }
  abort.abort();
  assert.equal(await stuck, 'aborted');
  // The writer is free again, long before the limit of 30 seconds.
  const [wrote, count] = await ask(server, ['run', 'INSERT INTO t VALUES(9)'], ['first', 'SELECT count(*) n FROM t']);
  assert.equal(wrote.success, true);
  assert.equal(count.n, 2);
  await server.stop();
});

test('a read sees every write that was acknowledged before it', async () => {
  const server = await start();
  await ask(server, ['exec', 'CREATE TABLE t(n)\nINSERT INTO t VALUES(0)']);
  for (let i = 1; i <= 50; i++) {
    const [w] = await ask(server, ['run', 'UPDATE t SET n = ?', i]);
    assert.equal(w.meta.changes, 1);
    const [r] = await ask(server, ['first', 'SELECT n FROM t']);
    assert.equal(r.n, i);
  }
  await server.stop();
});

test('verbs act on the databases of a running session and of none', async () => {
  const dir = project({
    'wrangler.toml': config, 'index.js': source,
    'migrations/0001_init.sql': "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);\nCREATE TRIGGER up AFTER INSERT ON users BEGIN UPDATE users SET name = upper(name) WHERE id = new.id; END;\n",
    'migrations/0002_seed.sql': "INSERT INTO users(name) VALUES('ann; b')",
  });
  const verb = async (...args) => {
    const r = await run(['d1', ...args], { cwd: dir });
    assert.equal(r.code, 0, `${args.join(' ')}: ${r.stdout}${r.stderr}`);
    return r.stdout;
  };
  const rows = async (sql) => JSON.parse(await verb('execute', 'shop', '--json', '--command', sql)).at(-1).results;
  assert.match(await verb('migrations', 'list', 'shop'), /0001_init\.sql/);
  assert.match(await verb('migrations', 'apply', 'DB', '--local'), /0002_seed\.sql *│ ✅/);
  assert.match(await verb('migrations', 'apply', 'DB'), /No migrations to apply/);

  const server = await dev(dir);
  assert.deepEqual((await ask(server, ['all', 'SELECT * FROM users']))[0].results, [{ id: 1, name: 'ANN; B' }]);
  assert.deepEqual(await rows('SELECT 1; SELECT name FROM users'), [{ name: 'ANN; B' }]);

  writeFileSync(join(dir, 'migrations/0003_bad.sql'), 'CREATE TABLE extra(a);\nCREATE TABLE users(b);');
  const failed = await run(['d1', 'migrations', 'apply', 'DB'], { cwd: dir });
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /table users already exists/);
  assert.deepEqual(await rows("SELECT name FROM sqlite_master WHERE name = 'extra'"), []);

  const { bookmark } = JSON.parse(await verb('time-travel', 'info', 'shop', '--json'));
  await ask(server, ['run', 'DELETE FROM users']);
  assert.deepEqual(await rows('SELECT count(*) n FROM users'), [{ n: 0 }]);
  const { previous_bookmark } = JSON.parse(await verb('time-travel', 'restore', 'shop', '--bookmark', bookmark, '--json'));
  assert.equal((await ask(server, ['first', 'SELECT count(*) n FROM users']))[0].n, 1);
  await verb('time-travel', 'restore', 'shop', '--bookmark', previous_bookmark, '--json');
  assert.equal((await ask(server, ['first', 'SELECT count(*) n FROM users']))[0].n, 0);

  // A file too large to be one request is streamed.
  const lines = Array.from({ length: 60000 }, (_, i) => `INSERT INTO users(name) VALUES('${'x'.repeat(60)} ${i}');`);
  writeFileSync(join(dir, 'big.sql'), lines.join('\n'));
  const [imported] = JSON.parse(await verb('execute', 'shop', '--file', join(dir, 'big.sql'), '--json'));
  assert.equal(imported.results[0]['Total queries executed'], 60000);
  assert.equal((await ask(server, ['first', 'SELECT count(*) n FROM users']))[0].n, 60000);

  await verb('export', 'shop', '--output', join(dir, 'out.sql'), '--table', 'users');
  await verb('execute', 'other', '--file', join(dir, 'out.sql'), '--json');
  assert.equal((await ask(server, ['first@OTHER', 'SELECT count(*) n FROM users']))[0].n, 60000);
  assert.match(readFileSync(join(dir, 'out.sql'), 'utf8'), /^PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE users/);

  await verb('create', 'third');
  assert.deepEqual(JSON.parse(await verb('list', '--json')).map((d) => d.name).sort(), ['other', 'shop', 'third']);
  await verb('delete', 'third', '-y');
  assert.equal((await run(['d1', 'info', 'third'], { cwd: dir })).code, 2);
  await server.stop();
});

test('sessions give bookmarks that grow', async () => {
  const server = await dev(project({
    'wrangler.toml': config,
    'index.js': `export default { async fetch(q, env) {
      const s = env.DB.withSession('first-primary'), seen = [s.getBookmark()];
      await s.prepare('CREATE TABLE IF NOT EXISTS t(a)').run();
      seen.push(s.getBookmark());
      await s.batch([s.prepare('INSERT INTO t VALUES(1)')]);
      seen.push(s.getBookmark());
      const later = env.DB.withSession(seen[2]);
      await later.prepare('SELECT * FROM t').all();
      return Response.json([...seen, later.getBookmark(), env.DB.withSession().getBookmark()]);
    } };`,
  }));
  const [none, first, second, later, fresh] = await (await server.fetch('/')).json();
  assert.equal(none, null);
  assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/);
  assert.ok(first < second);
  assert.equal(later, second);
  assert.equal(fresh, null);
  await server.stop();
});

test('drizzle-orm and kysely-d1 run unmodified', async () => {
  const server = await dev(project({
    'wrangler.toml': config,
    'index.js': `
import { drizzle } from 'drizzle-orm/d1';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { desc, eq, sql } from 'drizzle-orm';
import { Kysely } from 'kysely';
import { D1Dialect } from 'kysely-d1';
const users = sqliteTable('users', { id: integer('id').primaryKey({ autoIncrement: true }), name: text('name').notNull(), admin: integer('admin', { mode: 'boolean' }), made: integer('made', { mode: 'timestamp' }) });
const posts = sqliteTable('posts', { id: integer('id').primaryKey(), user: integer('user').references(() => users.id), title: text('title') });
export default { async fetch(request, env) {
  if (new URL(request.url).pathname !== '/run') return new Response('ready');
  await env.DB.exec('CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, admin INTEGER, made INTEGER)\\nCREATE TABLE posts(id INTEGER PRIMARY KEY, user INTEGER REFERENCES users(id), title TEXT)');
  const db = drizzle(env.DB, { schema: { users, posts } });
  const [ann] = await db.insert(users).values({ name: 'ann', admin: true, made: new Date(7000) }).returning();
  await db.batch([db.insert(users).values({ name: 'bob', admin: false }), db.insert(posts).values({ user: ann.id, title: 'hello' })]);
  const joined = await db.select().from(users).leftJoin(posts, eq(posts.user, users.id)).orderBy(desc(users.id));
  const one = await db.query.users.findFirst({ where: eq(users.name, 'ann') });
  await db.update(users).set({ name: sql\`upper(\${users.name})\` }).where(eq(users.id, ann.id));
  const k = new Kysely({ dialect: new D1Dialect({ database: env.DB }) });
  const made = await k.insertInto('posts').values({ user: 1, title: 'again' }).executeTakeFirst();
  const list = await k.selectFrom('users').innerJoin('posts', 'posts.user', 'users.id').select(['users.name', 'posts.title']).orderBy('posts.id').execute();
  const gone = await k.deleteFrom('posts').where('user', '=', 1).executeTakeFirst();
  const bad = await db.insert(posts).values({ user: 99 }).catch((e) => e.cause?.message ?? e.message);
  return Response.json({ ann, joined, made: [Number(made.insertId), Number(made.numInsertedOrUpdatedRows)], one: one.made.getTime(), list, gone: Number(gone.numDeletedRows), bad });
} };`,
  }));
  const answer = await server.fetch('/run');
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const r = JSON.parse(text);
  assert.deepEqual([r.ann.id, r.ann.admin, r.one], [1, true, 7000]);
  assert.deepEqual(r.joined.map((x) => [x.users.name, x.users.admin, x.posts?.title ?? null]), [['bob', false, null], ['ann', true, 'hello']]);
  assert.deepEqual(r.made, [2, 1]);
  assert.deepEqual(r.list, [{ name: 'ANN', title: 'hello' }, { name: 'ANN', title: 'again' }]);
  assert.equal(r.gone, 2);
  assert.match(r.bad, /FOREIGN KEY constraint failed/);
  await server.stop();
});

test('insights: what statements cost, by the verb and as wrangler asks, also after the end', async () => {
  const server = await start();
  const { cwd } = server;
  const graphql = (query, filter) => new Promise((done, fail) => {
    const r = request({ socketPath: join(cwd, '.selvage/state/control.sock'), method: 'POST', path: '/client/v4/graphql' }, (res) => {
      let text = '';
      res.on('data', (d) => (text += d));
      res.on('end', () => done(JSON.parse(text)));
    });
    r.on('error', fail);
    r.end(JSON.stringify({ query, variables: { accountTag: 'me', filter: { AND: [filter] } } }));
  });
  const insights = async (...args) => {
    const r = await run(['d1', 'insights', 'shop', '--json', ...args], { cwd });
    assert.equal(r.code, 0, r.stdout + r.stderr);
    return JSON.parse(r.stdout);
  };
  const execute = (sql) => run(['d1', 'execute', 'shop', '--json', '--command', sql], { cwd });
  try {
    await execute("CREATE TABLE seen(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO seen(text) VALUES('a'), ('b'), ('c')");
    for (let i = 0; i < 3; i++) await execute(`SELECT text FROM seen WHERE id = ${i + 1}`);
    const [most] = await insights('--sort-by', 'count');
    assert.deepEqual([most.query, most.numberOfTimesRun, most.totalRowsRead, most.avgRowsRead, most.queryEfficiency], ['SELECT text FROM seen WHERE id = ?', 3, 3, 1, 1]);
    assert.equal((await insights('--sort-by', 'writes', '--limit', '1'))[0].query, 'INSERT INTO seen(text) VALUES(?), (?), (?)');
    assert.equal((await insights('--sort-by', 'writes', '--sort-direction', 'ASC', '--limit', '1'))[0].totalRowsWritten, 0);
    const time = { datetimeHour_geq: new Date(Date.now() - 3600000).toISOString(), datetimeHour_leq: new Date(Date.now() + 60000).toISOString(), databaseId: ID };
    const rows = (await graphql('query q { viewer { accounts(filter: {}) { d1QueriesAdaptiveGroups(limit: 1, filter: $filter, orderBy: [count_DESC]) { count } } } }', time)).data.viewer.accounts[0].d1QueriesAdaptiveGroups;
    assert.deepEqual([rows.length, rows[0].count, rows[0].dimensions.query], [1, 3, most.query]);
    const [sums] = (await graphql('{ viewer { accounts { d1AnalyticsAdaptiveGroups(limit: 10000, filter: $filter) { sum } } } }', time)).data.viewer.accounts[0].d1AnalyticsAdaptiveGroups;
    assert.equal(sums.sum.readQueries >= 3, true);
    assert.deepEqual((await graphql('{ viewer { accounts { r2StorageAdaptiveGroups { max } } } }', time)).data.viewer.accounts, [{}]);
    assert.equal((await graphql('d1QueriesAdaptiveGroups(limit: 1, orderBy: [sum_nothing_DESC])', time)).success, false);
  } finally {
    await server.stop();
  }
  assert.equal((await insights('--sort-by', 'count'))[0].numberOfTimesRun, 3);
  assert.equal((await run(['d1', 'insights', 'shop', '--time-period', '32d'], { cwd })).code, 2);
});
