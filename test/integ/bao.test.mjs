// Models on the table store: the package dynamo-bao as it is, and selvage:bao in its place, from one source.
import { spawn } from 'node:child_process';
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev, example, freePort, project, root, run, selvage, until } from './lib/selvage.mjs';

const OURS = ['--alias', 'dynamo-bao:selvage:bao'];
const BOTH = [['dynamo-bao', []], ['selvage:bao', OURS]];
const LOG = '/cdn-cgi/dynamodb/log';

const post = (body) => ({ method: 'POST', body: JSON.stringify(body) });
const ok = async (response) => {
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text}`);
  return JSON.parse(text);
};
// What the store was asked for while `work` ran: { GetItem: 3 }.
async function asked(server, work) {
  await server.fetch(LOG, { method: 'DELETE' });
  const result = await work();
  return { result, counts: (await ok(await server.fetch(LOG))).counts };
}
async function withTable(dir, args, work) {
  const made = await run(['bao', 'create-table'], { cwd: dir });
  assert.equal(made.code, 0, made.stderr);
  const server = await dev(dir, args);
  try {
    await work(server);
  } finally {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
}

const CONFIG = `name = "test"
main = "index.js"
compatibility_date = "2026-06-01"
compatibility_flags = ["nodejs_compat"]
[vars]
AWS_REGION = "us-west-2"
AWS_ACCESS_KEY_ID = "local"
AWS_SECRET_ACCESS_KEY = "local"
TABLE_NAME = "things"
`;
const MODELS = `import { BaoModel, IndexConfig, PrimaryKeyConfig, TenantContext, UniqueConstraintConfig, constants, exceptions, fields, getBatchContextCapacity, initModels, runWithBatchContext } from "dynamo-bao";
const F = fields;
class User extends BaoModel {
  static modelPrefix = "u";
  static iterable = true;
  static iterationBuckets = 3;
  static fields = { userId: F.StringField({ required: true }), email: F.StringField(), age: F.IntegerField({ defaultValue: 0 }), n: F.CounterField(), score: F.FloatField({ precision: 2, defaultValue: 0 }),
    on: F.BooleanField({ defaultValue: false }), tags: F.StringSetField(), bytes: F.BinaryField(), at: F.DateTimeField(), made: F.CreateDateField(), seen: F.ModifiedDateField(), version: F.VersionField(), ttl: F.TtlField() };
  static primaryKey = PrimaryKeyConfig("userId");
  static indexes = { byAge: IndexConfig("on", "age", constants.GSI_INDEX_ID1), byScore: IndexConfig("modelPrefix", "score", constants.GSI_INDEX_ID2) };
  static uniqueConstraints = { uniqueEmail: UniqueConstraintConfig("email", constants.UNIQUE_CONSTRAINT_ID1) };
}
class Note extends BaoModel {
  static modelPrefix = "n";
  static fields = { userId: F.RelatedField("User", { required: true }), at: F.DateTimeField({ required: true }), text: F.StringField() };
  static primaryKey = PrimaryKeyConfig("userId", "at");
  static indexes = { notesForUser: this.primaryKey };
}
let manager;
const config = env => ({ models: { User, Note }, aws: { region: env.AWS_REGION }, db: { tableName: env.TABLE_NAME } });
const models = env => manager ??= initModels(config(env));
`;
// A Worker whose routes are functions: routes.NAME(url, env, request) gives what is answered as JSON.
const routes = (text) => `${MODELS}
const routes = { ${text} };
export default { async fetch(request, env) {
  const url = new URL(request.url);
  try {
    return Response.json((await routes[url.pathname.slice(1)](url, env, request)) ?? null);
  } catch (error) {
    return Response.json({ error: error.message, name: error.name }, { status: 400 });
  }
} };`;
const worker = (text, config = CONFIG) => project({ 'wrangler.toml': config, 'index.js': routes(text) });
const get = async (server, path) => ok(await server.fetch(path));

for (const [name, args] of BOTH) {
  test(`${name}: the blog: generated models, unique constraints, related data, iteration`, async () => {
    const dir = example('bao-blog');
    await withTable(dir, args, async (s) => {
      assert.ok(existsSync(join(dir, '.bao/models.js')), 'selvage dev made the models');
      const ada = await ok(await s.fetch('/users', post({ name: 'Ada', email: 'ada@example.com' })));
      assert.match(ada.userId, /^[0-9A-Z]{26}$/);
      const bob = await ok(await s.fetch('/users', post({ name: 'Bob', email: 'bob@example.com' })));
      const twice = await s.fetch('/users', post({ name: 'Eve', email: 'ada@example.com' }));
      assert.equal(twice.status, 409);
      assert.deepEqual(await twice.json(), { error: 'email must be unique' });
      assert.equal((await s.fetch('/users', post({ email: 'x@example.com' }))).status, 422);
      assert.deepEqual(await get(s, `/users/${ada.userId}`), ada);
      assert.deepEqual(await get(s, '/users?email=ada@example.com'), ada);
      assert.equal((await s.fetch('/users?email=nobody@example.com')).status, 404);

      const first = await ok(await s.fetch('/posts', post({ userId: ada.userId, title: 'One', tags: ['b', 'a'] })));
      const second = await ok(await s.fetch('/posts', post({ userId: ada.userId, title: 'Two' })));
      assert.deepEqual(first.tags.sort(), ['a', 'b']);
      assert.equal((await get(s, `/posts/${first.postId}`)).views, 1);
      assert.equal((await get(s, `/posts/${first.postId}`)).views, 2);
      assert.deepEqual(await get(s, '/posts'), { titles: ['One', 'Two'] });
      for (const [one, author] of [[first, bob], [first, ada], [second, bob]])
        await ok(await s.fetch('/comments', post({ postId: one.postId, authorId: author.userId, text: `${author.name} on ${one.title}` })));

      const { result: dashboard, counts } = await asked(s, () => get(s, `/dashboard?userId=${ada.userId}`));
      assert.equal(dashboard.user.name, 'Ada');
      assert.deepEqual(dashboard.posts.map((p) => [p.title, p.author, p.comments.map((c) => c.author).sort()]),
        [['Two', 'Ada', ['Bob']], ['One', 'Ada', ['Ada', 'Bob']]]);
      assert.equal(counts.Query, 3);
      assert.ok(dashboard.capacity.read > 0);

      const people = await asked(s, () => get(s, `/people?ids=${ada.userId},${bob.userId},nobody,${ada.userId}`));
      assert.deepEqual(people.result, ['Ada', 'Bob', null, 'Ada']);
      assert.deepEqual(people.counts, { BatchGetItem: 1 });

      await ok(await s.fetch(`/users/${ada.userId}`, { method: 'DELETE' }));
      assert.equal((await s.fetch(`/users/${ada.userId}`)).status, 404);
      await ok(await s.fetch('/users', post({ name: 'Ada II', email: 'ada@example.com' }))); // free again
    });
  });

  test(`${name}: models by hand, as CommonJS modules`, () => withTable(example('bao-manual'), args, async (s) => {
    const user = await ok(await s.fetch('/users', post({ name: 'John Doe', email: 'john@example.com' })));
    for (const title of ['First', 'Second']) await ok(await s.fetch('/posts', post({ userId: user.userId, title, content: 'Hello' })));
    assert.deepEqual(await get(s, `/users/${user.userId}`), { name: 'John Doe', email: 'john@example.com', posts: ['First', 'Second'] });
    assert.equal((await s.fetch('/users/01ARZ3NDEKTSV4RRFFQ69G5FAV')).status, 404);
  }));

  test(`${name}: finds in a batch context are one request, outside of it one each`, () => withTable(worker(`
    async make(url, env) { models(env); for (const userId of ["user1", "user2", "user3"]) await User.create({ userId }); },
    async inside(url, env) { models(env); return runWithBatchContext(async () => (await Promise.all(["user1", "user2", "user3"].map(id => User.find(id)))).map(u => u.userId)); },
    async outside(url, env) { models(env); return (await Promise.all(["user1", "user2", "user3"].map(id => User.find(id)))).map(u => u.userId); },
    async detect(url, env) { models(env); return [User.isInsideBatchContext(), runWithBatchContext(() => User.isInsideBatchContext()),
      await runWithBatchContext(async () => { await scheduler.wait(1); return User.isInsideBatchContext(); })]; },
    async twice(url, env) { models(env); return runWithBatchContext(async () => { const a = await User.find("user1"), b = await User.find("user1"); return a === b; }); },
    async nested(url, env) { models(env); return runWithBatchContext(async () => {
      await User.find("user1");
      const inner = await runWithBatchContext(async () => { await User.find("user1"); return getBatchContextCapacity(); });
      return [inner, getBatchContextCapacity()]; }); },
    async later(url, env) { models(env); return runWithBatchContext(async () => { await null; const one = User.find("user1"); await Promise.resolve().then(() => {}); const two = User.find("user2");
      return (await Promise.all([one, two])).map(u => u.userId); }); },
  `), args, async (s) => {
    await get(s, '/make');
    const names = ['user1', 'user2', 'user3'];
    const inside = await asked(s, () => get(s, '/inside'));
    assert.deepEqual(inside, { result: names, counts: { BatchGetItem: 1 } });
    const outside = await asked(s, () => get(s, '/outside'));
    assert.deepEqual(outside, { result: names, counts: { GetItem: 3 } });
    assert.deepEqual(await get(s, '/detect'), [false, true, true]);
    assert.deepEqual(await asked(s, () => get(s, '/twice')), { result: true, counts: { BatchGetItem: 1 } });
    assert.deepEqual(await asked(s, () => get(s, '/nested')), { result: [{ read: 0.5, write: 0 }, { read: 0.5, write: 0 }], counts: { BatchGetItem: 2 } });
    assert.deepEqual(await asked(s, () => get(s, '/later')), { result: ['user1', 'user2'], counts: { BatchGetItem: 1 } });
  }));

  test(`${name}: concurrent requests have batches of their own`, () => withTable(worker(`
    async make(url, env) { models(env); for (let i = 0; i < 8; i++) await User.create({ userId: "c" + i }); },
    async one(url, env) { models(env); return runWithBatchContext(async () => { const id = url.searchParams.get("id"); await scheduler.wait(Number(url.searchParams.get("wait")));
      const [user] = await Promise.all([User.find(id), scheduler.wait(2)]); return [user.userId, getBatchContextCapacity().read]; }); },
  `), args, async (s) => {
    await get(s, '/make');
    const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => get(s, `/one?id=c${i % 8}&wait=${i % 5}`)));
    answers.forEach((a, i) => assert.deepEqual(a, [`c${i % 8}`, 0.5]));
  }));

  test(`${name}: strict mode, by option and by environment`, async () => {
    const text = `
      async option(url, env) { initModels({ ...config(env), batchContext: { requireBatchContext: true } }); return User.find("x"); },
      async environment(url, env) { initModels(config(env)); return User.find("x"); },
      async inside(url, env) { initModels(config(env)); return runWithBatchContext(async () => (await User.find("x")).exists()); },`;
    const error = 'Batch operations must be executed within runWithBatchContext(). Wrap your database operations in runWithBatchContext() to enable batching and caching.';
    const strict = CONFIG + 'DYNAMO_BAO_REQUIRE_BATCH_CONTEXT = "true"\n';
    await withTable(worker(text, strict), args, async (s) => {
      for (const route of ['/option', '/environment']) assert.equal((await (await s.fetch(route)).json()).error, error);
      assert.equal(await get(s, '/inside'), false);
    });
  });

  test(`${name}: tenants see their own items only`, () => withTable(worker(`
    async run(url, env) {
      const settings = { ...config(env), tenancy: { enabled: true } };
      const as = (tenant, fn) => TenantContext.runWithTenant(tenant, async () => { initModels(settings); return fn(); });
      await as("a", () => User.create({ userId: "1", email: "x@example.com" }));
      const other = await as("b", async () => (await User.find("1")).exists());
      await as("b", () => User.create({ userId: "1", email: "x@example.com", age: 7 }));
      return [other, await as("a", async () => (await User.find("1")).age), await as("b", async () => (await User.find("1")).age), TenantContext.getCurrentTenant()];
    },
    async missing(url, env) { initModels({ ...config(env), tenancy: { enabled: true } }); },
  `), args, async (s) => {
    assert.deepEqual(await get(s, '/run'), [false, 0, 7, null]);
    assert.match((await (await s.fetch('/missing')).json()).error, /^Tenant context is required when tenancy is enabled\./);
  }));

  test(`${name}: conditions, filters, queries, counters, versions, time to live`, () => withTable(worker(`
    async run(url, env) {
      models(env);
      const out = {};
      for (let i = 0; i < 5; i++) await User.create({ userId: "q" + i, on: i % 2 === 0, age: i, score: i / 3, tags: ["t" + i, "all"] });
      out.byAge = (await User.queryByIndex("byAge", true, { age: { $gte: 2 } })).items.map(u => u.userId);
      out.desc = (await User.queryByIndex("byAge", true, null, { direction: "DESC", limit: 2 })).items.map(u => u.userId);
      out.filter = (await User.queryByIndex("byAge", true, null, { filter: { tags: { $contains: "t4" } } })).items.map(u => u.userId);
      out.count = (await User.queryByIndex("byAge", true, null, { countOnly: true })).count;
      const page = await User.queryByIndex("byAge", true, null, { limit: 2 });
      out.rest = (await User.queryByIndex("byAge", true, null, { startKey: page.lastEvaluatedKey })).items.map(u => u.userId);
      out.byScore = (await User.queryByIndex("byScore", "u", { score: 1 })).items.map(u => u.userId);
      const one = await User.find("q1");
      const before = one.version;
      one.n = "+3"; one.tags.delete("all"); one.tags.add("new"); one.ttl = new Date(4102444800000);
      await one.save();
      const again = await User.find("q1");
      out.saved = [again.n, [...again.tags].sort(), again.ttl.getTime(), again.version !== before, again.score];
      try { await User.update("q1", { age: 9 }, { condition: { age: { $gt: 5 } } }); } catch (error) { out.condition = [error.name, error.message]; }
      await User.update("q1", { age: 9 }, { condition: { $or: [{ age: 1 }, { on: true }] } });
      out.age = (await User.find("q1")).age;
      try { await User.delete("q1", { condition: { age: 1 } }); } catch (error) { out.del = [error.name, error.message]; }
      try { await User.update("nobody", { age: 1 }); } catch (error) { out.nobody = [error.name, error.message]; }
      const note = await Note.create({ userId: "q2", at: new Date(1e12), text: "x" });
      out.id = note.getPrimaryId();
      out.related = (await note.getOrLoadRelatedField("userId")).userId;
      out.notes = (await Note.queryByIndex("notesForUser", "q2", null, { loadRelated: true })).items.map(n => [n.text, n.getRelated("userId").age]);
      const everybody = [];
      for await (const batch of User.iterateAll({ batchSize: 2 })) everybody.push(...batch.map(u => u.userId));
      out.everybody = everybody.sort();
      return out;
    },
  `), args, async (s) => {
    const { result } = await asked(s, () => get(s, '/run'));
    assert.deepEqual(result, {
      byAge: ['q2', 'q4'], desc: ['q4', 'q2'], filter: ['q4'], count: 3, rest: ['q4'],
      byScore: ['q3'],
      saved: [3, ['new', 't1'], 4102444800000, true, 0.33],
      condition: ['ConditionalError', 'Condition check failed'], age: 9, del: ['ConditionalError', 'Delete condition not met'],
      nobody: ['ItemNotFoundError', 'Item not found'], id: 'q2##__SK__##00000001000000000000', related: 'q2', notes: [['x', 2]],
      everybody: ['q0', 'q1', 'q2', 'q3', 'q4'],
    });
  }));
}

test('an item written by either is read by the other, and its index attributes are the same bytes', async () => {
  const text = `
    async write(url, env) {
      models(env);
      const id = url.searchParams.get("id");
      const user = await User.create({ userId: id, email: id + "@example.com", age: -12, n: 4, score: 1234.567, on: true, tags: ["b", "a"], bytes: new Uint8Array([0, 255, 7]), at: new Date(1.5e12), ttl: new Date(4102444800000) });
      await Note.create({ userId: user, at: 1e12, text: "hi" });
    },
    async raw(url, env) {
      models(env);
      const { GetCommand } = await import("dynamo-bao/src/dynamodb-client.js");
      const id = url.searchParams.get("id");
      const keys = [{ _pk: "u#" + id, _sk: "u" }, { _pk: "_raft_uc#_uc1#u#email:" + id + "@example.com", _sk: "_raft_uc" }, { _pk: "n#" + id, _sk: "00000001000000000000" }];
      const items = [];
      for (const key of keys) items.push((await User.documentClient.client.send(new GetCommand({ TableName: env.TABLE_NAME, Key: { _pk: { S: key._pk }, _sk: { S: key._sk } } }))).Item);
      return items;
    },
    async read(url, env) {
      models(env);
      const user = await User.find(url.searchParams.get("id"));
      return [user.email, user.age, user.n, user.score, user.on, [...user.tags].sort(), [...user.bytes], user.at, user.ttl];
    },`;
  const dir = worker(text);
  assert.equal((await run(['bao', 'create-table'], { cwd: dir })).code, 0);
  const items = {}, read = {};
  for (const [name, args] of BOTH) {
    const s = await dev(dir, args);
    await get(s, `/write?id=${name === 'dynamo-bao' ? 'theirs' : 'ours'}`);
    items[name] = await get(s, `/raw?id=${name === 'dynamo-bao' ? 'theirs' : 'ours'}`);
    await s.stop();
  }
  for (const [name, args] of BOTH) {
    const s = await dev(dir, args);
    read[name] = [await get(s, '/read?id=theirs'), await get(s, '/read?id=ours')];
    await s.stop();
  }
  // What differs by its nature: the id, times of writing, versions.
  const comparable = (list) => JSON.parse(JSON.stringify(list).replaceAll('theirs', 'ID').replaceAll('ours', 'ID'),
    (key, value) => (['made', 'seen', 'version', '_iter_pk'].includes(key) ? Object.keys(value)[0] : value));
  assert.deepEqual(comparable(items['selvage:bao']), comparable(items['dynamo-bao']));
  assert.equal(items['dynamo-bao'].length, 3);
  assert.ok(items['dynamo-bao'].every((item) => item !== undefined && item !== null));
  const expected = ['@', -12, 4, 1234.57, true, ['a', 'b'], [0, 255, 7], new Date(1.5e12).toJSON(), new Date(4102444800000).toJSON()];
  for (const name of ['dynamo-bao', 'selvage:bao'])
    read[name].forEach((row) => assert.deepEqual([row[0].slice(-12, -11), ...row.slice(1)], expected));
});

test('selvage:bao: what the package errs in is right, and a switch brings its behaviour back', () => withTable(worker(`
  async stale(url, env) { initModels({ ...config(env), compatible: url.searchParams.has("compatible") });
    const id = url.searchParams.get("id");
    return runWithBatchContext(async () => { await User.create({ userId: id, age: 1 }); await User.find(id); await User.update(id, { age: 2 }); return (await User.find(id)).age; }); },
  async loader(url, env) { models(env); const loaderContext = {}; const a = await User.find("l", { loaderContext }), b = await User.find("l", { loaderContext }); return a === b; },
  async key(url, env) { models(env); return [(await User.findByPrimaryKey("l")).userId, (await Note.findByPrimaryKey("l", new Date(5))).exists()]; },
  async make(url, env) { models(env); await User.create({ userId: "l" }); },
  async none(url, env) { initModels({ aws: { region: "us-west-2" }, db: { tableName: "t" } }); },
  async requires() { return [typeof require("dynamo-bao").initModels, typeof require("dynamo-bao/src/fields.js").StringField]; },
`), OURS, async (s) => {
  assert.equal(await get(s, '/stale?id=s1'), 2);
  assert.equal(await get(s, '/stale?id=s2&compatible'), 1);
  await get(s, '/make');
  assert.deepEqual(await asked(s, () => get(s, '/loader')), { result: true, counts: { GetItem: 1 } });
  assert.deepEqual(await get(s, '/key'), ['l', false]);
  assert.equal((await (await s.fetch('/none')).json()).error, "Filesystem not available. Please provide models directly using the 'models' config option.");
  assert.deepEqual(await get(s, '/requires'), ['function', 'function']);
}));

for (const [name, args] of BOTH)
  test(`${name}: models may be set up where the Worker begins`, () => withTable(project({
    'wrangler.toml': CONFIG,
    'index.js': `${MODELS}
      const registered = initModels({ models: { User, Note }, aws: { region: "us-west-2" }, db: { tableName: "things" } }).models;
      export default { async fetch() {
        const user = await registered.User.create({ userId: "x" + Date.now(), email: Math.random() + "@example.com" });
        return Response.json([Object.keys(user), (await registered.User.find(user.userId)).exists(), user.hasOwnProperty("email"), "email" in user]);
      } };`,
  }), args, async (s) => {
    assert.deepEqual(await get(s, '/'), [['_dyData', '_loadedDyData', '_changes', '_relatedObjects', '_consumedCapacity'], true, true, true]);
  }));

test('selvage:bao needs no compatibility flag', () => withTable(project({
  'wrangler.toml': CONFIG.replace(/compatibility_.*\n/g, '').replace('[vars]', 'compatibility_date = "2024-01-01"\n[vars]'),
  'index.js': routes(`
    async run(url, env) { models(env); await User.create({ userId: "1" }); return runWithBatchContext(async () => { await scheduler.wait(1);
      return [User.isInsideBatchContext(), (await User.findByPrimaryKey("1")).exists()]; }); },`),
}), OURS, async (s) => {
  assert.deepEqual(await asked(s, () => get(s, '/run')), { result: [true, true], counts: { UpdateItem: 1, BatchGetItem: 1 } });
}));

test('a class keeps its name where another module imports it by that name', async () => {
  const s = await dev(project({
    'wrangler.toml': CONFIG,
    'user.js': 'class User {}\nmodule.exports = { User };',
    'post.mjs': 'export class Post {}',
    'index.js': `import { User } from "./user.js"; import { Post as P } from "./post.mjs";
      const Post = { a: 1 };
      export default { fetch() { return Response.json([User.name, P.name, new User().constructor.name, Post.a]); } };`,
  }));
  assert.deepEqual(await get(s, '/'), ['User', 'Post', 'User', 1]);
  await s.stop();
});

test('selvage:bao signs its requests to an endpoint, with the credentials of the configuration', async () => {
  const dir = worker(`
    async run(url, env) {
      const aws = { region: "eu-west-1", endpoint: env.ENDPOINT, credentials: { accessKeyId: env.ID, secretAccessKey: url.searchParams.get("secret") ?? env.SECRET } };
      initModels({ models: { User, Note }, aws, db: { tableName: "far" } });
      if (url.searchParams.has("secret")) return User.find("x");
      const made = await User.create({ userId: "x", email: "\u00fc@example.com", age: 3 });
      return runWithBatchContext(async () => [made.email, ...(await Promise.all([User.find("x"), User.find("y")])).map(u => u.exists() && u.age)]);
    },`);
  const keys = await run(['dynamodb', 'credentials', 'create', '--json'], { cwd: dir });
  const { accessKeyId, secretAccessKey } = JSON.parse(keys.stdout);
  const port = await freePort();
  const tables = spawn(selvage, ['dynamodb', '--port', String(port), '--verify-signatures'], { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => tables.once('exit', done));
  try {
    await new Promise((done, fail) => tables.once('exit', fail).stdout.once('data', done));
    const endpoint = `http://127.0.0.1:${port}`;
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const refused = await run(['bao', 'create-table', 'far', '--endpoint', endpoint], { cwd: dir, env: { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' } });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /InvalidSignatureException|SignatureDoesNotMatch|signature/i);
    const made = await run(['bao', 'create-table', 'far', '--endpoint', endpoint, '--region', 'eu-west-1'], { cwd: dir, env });
    assert.equal(made.code, 0, made.stderr);
    const s = await dev(dir, [...OURS, '--persist-to', join(dir, 'other'), '--var', `ENDPOINT:${endpoint}`, '--var', `ID:${accessKeyId}`, '--var', `SECRET:${secretAccessKey}`]);
    assert.deepEqual(await get(s, '/run'), ['\u00fc@example.com', 3, false]);
    assert.match((await (await s.fetch('/run?secret=wrong')).json()).error, /signature/i);
    await s.stop();
  } finally {
    tables.kill();
    await ended;
  }
});

test('selvage dev makes models, watches their definitions, and says what is wrong in them', async () => {
  const dir = example('bao-blog');
  assert.equal((await run(['bao', 'create-table'], { cwd: dir })).code, 0);
  const yaml = join(dir, 'models.yaml'), before = readFileSync(yaml, 'utf8');
  const s = await dev(dir, OURS);
  writeFileSync(yaml, before.replace('type: CounterField', 'type: CountField'));
  await s.saw(/models\.yaml:\d+:\d+: there is no field type 'CountField'; did you mean CounterField\?/);
  const from = s.output.length;
  writeFileSync(yaml, before.replace('uniqueEmail', 'uniqueAddress').replace('modelPrefix: "u"', 'modelPrefix: "person"'));
  await s.saw(/Reloaded/, { from });
  assert.match(readFileSync(join(dir, 'models/user.js'), 'utf8'), /findByAddress[\s\S]*|modelPrefix = "person"/);
  const made = await ok(await s.fetch('/users', post({ name: 'A', email: 'a@example.com' })));
  await until(async () => (await s.fetch(`/users/${made.userId}`)).ok, 'the new model');
  await s.stop();
});

test('bao init, create-table, update-table, delete-table', async () => {
  const dir = project({ 'wrangler.toml': CONFIG, 'index.js': 'export default {}' });
  const verb = async (...args) => run(['bao', ...args], { cwd: dir });
  assert.match((await verb('init')).stdout, /^Created table things\./);
  assert.ok(existsSync(join(dir, 'dynamo-bao.config.js')) && existsSync(join(dir, 'models.yaml')) && existsSync(join(dir, 'models')));
  assert.match((await verb('create-table')).stderr, /ResourceInUseException/);
  assert.match((await verb('update-table')).stdout, /Table things has what models need\./);
  assert.equal((await verb('delete-table')).code, 1);
  assert.match((await verb('delete-table', '--yes')).stdout, /^Deleted table things\./);
  assert.match((await verb('update-table')).stderr, /ResourceNotFoundException/);
});

// The package's tools know no endpoint but AWS: requests to it are sent to a table store on this machine.
async function withTools(work) {
  const dir = project({
    'redirect.cjs': `const real = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  if (!/^dynamodb\\..*amazonaws\\.com$/.test(new URL(request.url).hostname)) return real(request);
  return real(process.env.TABLES, { method: "POST", headers: request.headers, body: await request.text() });
};`,
    'models.yaml': readFileSync(join(root, 'examples/bao-blog/models.yaml'), 'utf8'),
  });
  const port = await freePort();
  const tables = spawn(selvage, ['dynamodb', '--port', String(port), '--in-memory'], { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((done, fail) => tables.once('exit', fail).stdout.once('data', done));
    const tool = (name, args, input = '') => new Promise((done) => {
      const env = { ...process.env, NODE_OPTIONS: `--require ${join(dir, 'redirect.cjs')}`, TABLES: `http://127.0.0.1:${port}`, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'us-west-2' };
      const child = spawn(process.execPath, [join(root, 'node_modules/dynamo-bao/bin', name), ...args], { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'] });
      let output = '';
      child.stdout.on('data', (d) => (output += d));
      child.stderr.on('data', (d) => (output += d));
      child.stdin.end(input);
      child.on('close', (code) => done({ code, output }));
    });
    await work({ dir, tool, port });
  } finally {
    tables.kill();
  }
}

test('the tools of the package make their tables here', () => withTools(async ({ dir, tool, port }) => {
  const created = await tool('bao-create-table.js', ['one']);
  assert.equal(created.code, 0, created.output);
  assert.match(created.output, /Table created successfully: one[\s\S]*TTL enabled on attribute 'ttl'/);
  const init = await tool('dynamo-bao-create-table.js', [], 'two\n');
  assert.equal(init.code, 0, init.output);
  assert.match(init.output, /Table created successfully: two/);
  assert.ok(existsSync(join(dir, 'dynamo-bao.config.js')));
  // and what our verbs make is the same table
  const env = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  const ours = await run(['bao', 'create-table', 'three', '--endpoint', `http://127.0.0.1:${port}`], { cwd: dir, env });
  assert.equal(ours.code, 0, ours.stderr);
  const describe = async (name) => {
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.DescribeTable', 'x-amz-date': new Date().toISOString().replace(/[-:]|\.\d{3}/g, ''),
      authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/us-west-2/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0' };
    const { Table } = await ok(await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: JSON.stringify({ TableName: name }) }));
    const sorted = (list) => [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return [Table.KeySchema, sorted(Table.AttributeDefinitions), sorted(Table.GlobalSecondaryIndexes.map(({ IndexName, KeySchema, Projection }) => ({ IndexName, KeySchema, Projection }))), Table.BillingModeSummary?.BillingMode];
  };
  assert.deepEqual(await describe('three'), await describe('one'));
}));

test('generated models are those of bao-codegen, but for what does not work there', () => withTools(async ({ dir, tool }) => {
  const theirs = await tool('codegen.js', ['models.yaml', './theirs']);
  assert.equal(theirs.code, 0, theirs.output);
  for (const system of ['commonjs', 'esm']) assert.equal((await run(['bao', 'codegen', 'models.yaml', `./${system}`, '--module-system', system, '--manifest', `${system}.manifest.js`], { cwd: dir })).code, 0);
  writeFileSync(join(dir, 'esm/package.json'), '{"type":"module"}');
  writeFileSync(join(dir, 'shape.mjs'), `
    const shape = (Model) => ({
      fields: Object.fromEntries(Object.entries(Model.fields).map(([name, field]) => [name, [field.constructor.name, field.options, field.modelName, field.required, field.defaultValue === undefined ? null : typeof field.defaultValue]])),
      primaryKey: { ...Model.primaryKey }, indexes: Object.fromEntries(Object.entries(Model.indexes).map(([n, i]) => [n, { ...i }])), unique: Model.uniqueConstraints,
      rest: [Model.modelPrefix, Model.iterable, Model.iterationBuckets], methods: Object.getOwnPropertyNames(Model.prototype).sort(), statics: Object.getOwnPropertyNames(Model).filter(n => typeof Model[n] === "function").sort(),
    });
    const all = {};
    for (const from of ["theirs", "commonjs", "esm"]) {
      all[from] = {};
      for (const file of ["user", "post", "comment"]) for (const [name, Model] of Object.entries(await import("./" + from + "/" + file + ".js"))) if (name !== "default" && name !== "module.exports") all[from][name] = shape(Model);
    }
    console.log(JSON.stringify(all));`);
  const shown = await new Promise((done) => {
    const child = spawn(process.execPath, ['shape.mjs'], { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (d) => (text += d)).on('end', () => done(JSON.parse(text)));
  });
  assert.deepEqual(Object.keys(shown.theirs).sort(), ['Comment', 'Post', 'User']);
  assert.deepEqual(shown.commonjs, shown.theirs);
  assert.deepEqual(shown.esm, shown.theirs);
}));
