// What one account's token reaches of another account: nothing, by any route of the control API. The routes are those of test/support/api_routes.txt, which a unit test holds to the tables.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from './lib/selvage.mjs';
import { ask as visit, startServe } from './lib/serve.mjs';
import { addAccount, call, deploy, owner } from './lib/tenants.mjs';

const domain = 'workers.test', secret = 'known-to-one-account-alone';
const routes = readFileSync(join(root, 'test/support/api_routes.txt'), 'utf8').trim().split('\n').map((line) => {
  const [access, method, pattern] = line.split(' ');
  return { access, method, pattern };
});
const scopes = { r: 'read', d: 'deploy', s: 'data' };
let server, a, b, params;

// A request for a pattern, its parameters filled in; without an answer's body when it is refused at the head.
async function ask(route, token, account = a.id, names = params) {
  const path = route.pattern.replace(/[:*](\w+)/g, (all, name) => encodeURIComponent(name === 'account' ? account : names[name](route.pattern)));
  const body = ['GET', 'DELETE'].includes(route.method) ? undefined : '{}';
  const response = await fetch(server.api + path, { method: route.method, body, headers: { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' } });
  return { status: response.status, text: await response.text(), path };
}
const ok = (r) => { assert.equal(r.status, 200, r.text); return r.result; };
const own = async (method, path, body, headers) => ok(await call(server, a, method, path, body, headers));
const token = async (account, names) => (await owner(server, 'POST', `/server/accounts/${account}/tokens`, { name: names, scopes: names })).token;

before(async () => {
  server = await startServe({ domain });
  a = { id: server.account, token: server.token };
  b = await addAccount(server, 'second').catch((e) => { if (!/sandbox/.test(e.message)) throw e; });
});
after(() => server?.stop());

// One of everything that a route can name.
async function fill() {
  const namespace = await own('POST', '/storage/kv/namespaces', { title: 'theirs' });
  await own('PUT', `/storage/kv/namespaces/${namespace.id}/values/key`, secret);
  const database = await own('POST', '/d1/database', { name: 'theirs' });
  await own('POST', `/d1/database/${database.uuid}/query`, { sql: `CREATE TABLE t AS SELECT '${secret}' AS v` });
  await own('POST', '/r2/buckets', { name: 'theirs' });
  await own('PUT', '/r2/buckets/theirs/objects/key', secret);
  await own('PUT', '/r2/buckets/theirs/cors', { rules: [{ allowed: { origins: ['*'], methods: ['GET'] } }] });
  const key = await own('POST', '/r2/credentials', { name: 'theirs', permission: 'admin-read-write' });
  const tableKey = await own('POST', '/dynamodb/credentials', { name: 'theirs' });
  const queue = await own('POST', '/queues', { queue_name: 'theirs' });
  await own('POST', `/queues/${queue.queue_id}/messages`, { body: secret, content_type: 'text' });
  const consumer = await own('POST', `/queues/${queue.queue_id}/consumers`, { type: 'http_pull' });
  await own('PUT', `/event_notifications/r2/theirs/configuration/queues/${queue.queue_id}`, { rules: [{ actions: ['PutObject'] }] });
  await deploy(server, a, 'theirs', `import { DurableObject } from 'cloudflare:workers'; export class C extends DurableObject {} export default { fetch: () => new Response('${secret}') }`,
    { bindings: [{ type: 'durable_object_namespace', name: 'C', class_name: 'C' }], migrations: { new_tag: 'v1', new_sqlite_classes: ['C'] } });
  await own('PUT', '/workers/scripts/theirs/secrets', { name: 'key', text: secret, type: 'secret_text' });
  const { items: [version] } = await own('GET', '/workers/scripts/theirs/versions');
  const { deployments: [deployment] } = await own('GET', '/workers/scripts/theirs/deployments');
  const [{ id: zone }] = ok(await server.call('GET', '/client/v4/zones?name=example.com'));
  const route = ok(await server.call('POST', `/client/v4/zones/${zone}/workers/routes`, { pattern: 'theirs.example.com/*', script: 'theirs' }));
  const host = await own('PUT', '/workers/domains', { hostname: 'domain.example.com', service: 'theirs', environment: 'production', zone_id: zone });
  await own('POST', '/workers/dispatch/namespaces', { name: 'theirs' });
  const inside = new FormData();
  inside.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01' }));
  inside.set('index.js', new File([`export default { fetch: () => new Response('${secret}') }`], 'index.js', { type: 'application/javascript+module' }));
  await own('PUT', '/workers/dispatch/namespaces/theirs/scripts/theirs', inside);
  await own('PUT', '/workers/dispatch/namespaces/theirs/scripts/theirs/secrets', { name: 'key', text: secret, type: 'secret_text' });
  await own('POST', '/pages/projects', { name: 'theirs', production_branch: 'main' });
  const form = new FormData();
  form.set('manifest', '{}');
  form.set('branch', 'main');
  await own('POST', '/pages/projects/theirs/domains', { name: 'pages.example.com' });
  const page = await own('POST', '/pages/projects/theirs/deployments', form);
  const tail = await own('POST', '/workers/scripts/theirs/tails', {});
  const [object] = await own('GET', '/workers/durable_objects/namespaces');
  const ids = { kv: namespace.id, d1: database.uuid, r2: key.id ?? key.accessKeyId, dynamodb: tableKey.id ?? tableKey.accessKeyId };
  const fixed = { ns: namespace.id, key: 'key', bucket: 'theirs', queue: queue.queue_id, consumer: consumer.consumer_id, script: 'theirs', secret: 'key', version: version.id,
    zone, route: route.id, namespace: 'theirs', project: 'theirs', tail: tail.id, class: object.id, environment: 'production', etag: '0'.repeat(32), operation: 'ListTables', token: 'first' };
  params = Object.fromEntries(Object.entries(fixed).map(([name, value]) => [name, () => value]));
  params.id = (pattern) => ids[/\/(d1|r2|dynamodb)\//.exec(pattern)[1]];
  params.deployment = (pattern) => pattern.includes('/pages/') ? page.id : deployment.id;
  params.domain = (pattern) => pattern.includes('/pages/') ? 'pages.example.com' : pattern.includes('/workers/') ? host.id : 'bucket.example.com';
}

test('a token of one scope, of another account, or none', async () => {
  const anyName = new Proxy({}, { get: () => () => 'x' });
  const narrow = {};
  for (const name of Object.values(scopes)) narrow[name] = await token(a.id, name);
  const check = async (route) => {
    const none = await ask(route, null, a.id, anyName);
    assert.ok((/^[rds-]{3}$/.test(route.access) ? [401, 429] : [403]).includes(none.status), `${route.method} ${route.pattern} without a token: ${none.status} ${none.text}`);
    if (/^[rds-]{3}$/.test(route.access))
      for (const [letter, name] of Object.entries(scopes))
        if (!route.access.includes(letter)) {
          const r = await ask(route, narrow[name], a.id, anyName);
          assert.equal(r.status, 403, `${route.method} ${route.pattern} with ${name}: ${r.status} ${r.text}`);
          assert.match(r.text, /this call needs/);
        }
    if (b && route.pattern.startsWith('/accounts/:account/')) {
      const r = await ask(route, b.token, a.id, anyName);
      assert.equal(r.status, 403, `${route.method} ${route.pattern} with another account's: ${r.status} ${r.text}`);
    }
  };
  for (let i = 0; i < routes.length; i += 16) await Promise.all(routes.slice(i, i + 16).map(check));
  assert.equal((await ask({ method: 'GET', pattern: '/accounts/:account' }, b?.token ?? 'none')).status, b ? 403 : 401);
});

test('the owner of the directory says which account is meant', async (t) => {
  if (!b) return t.skip('this kernel has no floor for a second account');
  for (const [method, path, body] of [['GET', '/zones/x/workers/routes'], ['POST', '/zones/x/purge_cache', { purge_everything: true }], ['POST', '/graphql', { query: 'd1AnalyticsAdaptiveGroups', variables: {} }], ['POST', '/zones/x/workers/routes', { pattern: 'a.example.com/*' }],
    ['GET', '/accounts/local/workers/scripts']])
    await assert.rejects(owner(server, method, path, body), /: 400 .*(There are 2 accounts here|It is not said)/, `${method} ${path}`);
  assert.deepEqual((await owner(server, 'GET', '/accounts')).map((x) => x.id), [a.id, b.id]);
});

describe("another account's ids in paths of one's own", () => {
  // All that A can see, as text: must be the same before and after.
  const look = async () => {
    const seen = {};
    for (const route of routes.filter((r) => r.method === 'GET' && /^[rds-]{3}$/.test(r.access) && !/verify|analytics|insights|metrics|bookmark|observability|upload-token/.test(r.pattern))) {
      const r = await ask(route, a.token);
      seen[`${r.status < 300 ? 'ok' : r.status} ${route.pattern}`] = r.text.replace(/-form-[0-9a-f]{32}/g, '');
    }
    return seen;
  };
  test('find nothing and change nothing', { timeout: 120000 }, async (t) => {
    if (!b) return t.skip('this kernel has no floor for a second account');
    await fill();
    const before = await look();
    // The ids are right: their owner finds what they name.
    const lost = Object.keys(before).filter((k) => !k.startsWith('ok ')).map((k) => k.slice(4));
    assert.deepEqual(lost, []);
    for (const route of routes.filter((r) => r.access !== 'owner')) {
      const r = await ask(route, b.token, b.id);
      assert.ok(r.status < 500 || r.status === 501, `${route.method} ${r.path}: ${r.status} ${r.text}`);
      assert.ok(!r.text.includes(secret), `${route.method} ${r.path} shows what is not its own: ${r.text}`);
    }
    assert.deepEqual(await look(), before);
  });

  test('cannot be bound, called, or taken over', async (t) => {
    if (!b) return t.skip('this kernel has no floor for a second account');
    const reads = `export default { async fetch(request, env) {
      const all = [() => env.KV.get('key'), async () => (await env.R2.get('key'))?.text(), () => env.DB.prepare('SELECT v FROM t').raw(), async () => (await env.OTHER.fetch(request)).text(),
        async () => (await env.SPACE.get('theirs').fetch(request)).text(), async () => (await env.C.get(env.C.idFromName('a')).fetch(request)).text()];
      return Response.json(await Promise.all(all.map(async (f) => { try { return await f() ?? null } catch (e) { return 'refused: ' + e.message } })));
    } }`;
    const bindings = [{ type: 'kv_namespace', name: 'KV', namespace_id: params.ns() }, { type: 'r2_bucket', name: 'R2', bucket_name: 'theirs' }, { type: 'd1', name: 'DB', id: params.id('/d1/') },
      { type: 'service', name: 'OTHER', service: 'theirs' }, { type: 'dispatch_namespace', name: 'SPACE', namespace: 'theirs' },
      { type: 'durable_object_namespace', name: 'C', class_name: 'C', script_name: 'theirs' }];
    const works = [];
    for (const binding of bindings) try { await deploy(server, b, 'probe', reads, { bindings: [binding] }); works.push(binding); } catch (e) { assert.match(e.message, /40[034]/); }
    await deploy(server, b, 'probe', reads, { bindings: works });
    const { text } = await visit(server, `probe.${domain}`);
    assert.doesNotMatch(text, new RegExp(secret));
    assert.equal(JSON.parse(text).length, 6);

    const zone = params.zone();
    const taken = [
      await call(server, b, 'PUT', '/workers/domains', { hostname: 'domain.example.com', service: 'probe', environment: 'production', zone_id: zone }),
      await call(server, b, 'PUT', '/workers/scripts/probe/routes', [{ pattern: 'theirs.example.com/*' }]),
      await call(server, b, 'PUT', '/workers/scripts/probe/domains/records', { override_scope: true, override_existing_origin: true, override_existing_dns_record: true, origins: [{ hostname: 'domain.example.com' }] }),
    ];
    for (const r of taken) {
      assert.ok(r.status >= 400, r.text);
      assert.doesNotMatch(r.text, /theirs'|"theirs"/, 'who has it is not told');
    }
    for (const host of ['domain.example.com', 'theirs.example.com']) assert.equal((await visit(server, host)).text, secret);
  });
});
