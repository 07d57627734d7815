// The control API of workers at a real server: what deployments send, what is in effect when the answer is there, and what is left after a restart and a kill.
import assert from 'node:assert/strict';
import { before, after, describe, test } from 'node:test';
import { ask, startServe } from './lib/serve.mjs';
import { below } from './lib/processes.mjs';

const domain = 'workers.test';
let server;

const part = (f, name, text, type) => f.set(name, new File([text], name, { type }));
const form = (metadata, modules) => {
  const f = new FormData();
  f.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', compatibility_flags: [], bindings: [], ...metadata }));
  for (const [name, [text, type = 'application/javascript+module']] of Object.entries(modules)) part(f, name, text, type);
  return f;
};
const shows = (expression) => ({ 'index.js': [`export default { fetch(request, env, ctx) { return new Response(String(${expression})) } }`] });
const variable = (name, text) => ({ type: 'plain_text', name, text });

const ok = async (promise) => {
  const r = await promise;
  assert.equal(r.status, 200, r.text);
  assert.equal(r.json?.success ?? true, true, r.text);
  return r.result;
};
const fails = async (promise, status, code, pattern) => {
  const r = await promise;
  assert.equal(r.status, status, r.text);
  assert.equal(r.json.success, false);
  assert.equal(r.errors[0].code, code, r.text);
  if (pattern) assert.match(r.errors[0].message, pattern);
};
const call = (method, path, body) => ok(server.call(method, path, body));
const script = (name) => `/workers/scripts/${name}`;
const put = (name, modules, metadata) => call('PUT', `${script(name)}?excludeScript=true&bindings_inherit=strict`, form(metadata, modules));
const post = (name, modules, metadata) => call('POST', `${script(name)}/versions?bindings_inherit=strict`, form(metadata, modules));
const deploy = (name, ...versions) => call('POST', `${script(name)}/deployments`,
  { strategy: 'percentage', versions: versions.map(([version_id, percentage]) => ({ version_id, percentage })), annotations: {} });
const host = (name) => call('POST', `${script(name)}/subdomain`, { enabled: true });
const body = async (name, path) => (await ask(server, `${name}.${domain}`, path)).text;
const secret = (name, key, text) => server.call('PUT', `${script(name)}/secrets`, { name: key, text, type: 'secret_text' });
const fresh = async (name, modules, metadata) => { const r = await put(name, modules, metadata); await host(name); return r; };

before(async () => { server = await startServe({ domain }); });
after(() => server?.stop());

describe('a deployment', () => {
  test('of a new worker is what wrangler sends first, and of one that is there what it sends then', async () => {
    await fails(server.call('GET', '/workers/services/first'), 404, 10007);
    const one = await put('first', shows('"one " + env.A'), { bindings: [variable('A', '1')] });
    assert.equal(one.id, 'first');
    assert.match(one.deployment_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    assert.equal(typeof one.startup_time_ms, 'number');
    await host('first');
    assert.equal(await body('first'), 'one 1');

    const service = await call('GET', '/workers/services/first');
    assert.equal(service.default_environment.script.last_deployed_from, 'wrangler');
    const two = await post('first', shows('"two " + env.A'), { bindings: [variable('A', '2')], annotations: { 'workers/message': 'why' } });
    assert.equal(two.number, 2);
    assert.ok(two.resources.script.etag);
    assert.deepEqual(two.resources.bindings, [variable('A', '2')]);
    assert.equal(await body('first'), 'one 1', 'a version that is only uploaded answers nobody');
    await deploy('first', [two.id, 100]);
    assert.equal(await body('first'), 'two 2', 'what the answer says is in effect');
    const settings = await call('PATCH', `${script('first')}/script-settings`, { observability: { enabled: true }, tags: ['t'] });
    assert.deepEqual(settings.tags, ['t']);

    const { deployments } = await call('GET', `${script('first')}/deployments`);
    assert.deepEqual(deployments.map((d) => d.versions[0].version_id), [two.id, one.deployment_id]);
    for (const d of deployments) assert.ok(!Number.isNaN(new Date(d.created_on).getTime()));
    const { items } = await call('GET', `${script('first')}/versions?deployable=true`);
    assert.deepEqual(items.map((v) => v.number), [2, 1]);
    assert.equal(items[0].annotations['workers/message'], 'why');
  });

  test('is in effect whenever it is answered, one after the other', async () => {
    await fresh('row', shows(0));
    for (let i = 1; i <= 10; i++) {
      await put('row', shows(i));
      assert.equal(await body('row'), String(i));
    }
  });

  test('of a service worker, of several modules, of a script alone', async () => {
    const f = new FormData();
    f.set('metadata', JSON.stringify({ body_part: 'script', compatibility_date: '2026-01-01', bindings: [variable('WHO', 'you')] }));
    part(f, 'script', 'addEventListener("fetch", (e) => e.respondWith(new Response("for " + WHO)))', 'application/javascript');
    await call('PUT', script('classic'), f);
    await host('classic');
    assert.equal(await body('classic'), 'for you');

    await fresh('many', {
      'index.js': ['import { hi } from "./lib/hi.mjs"; import text from "./note.txt"; export default { fetch: () => new Response(hi + text) }'],
      'lib/hi.mjs': ['export const hi = "hi ";'],
      './note.txt': ['from a text', 'text/plain'],
      'index.js.map': ['{"version":3,"sources":[],"mappings":""}', 'application/source-map'],
    });
    assert.equal(await body('many'), 'hi from a text');

    await ok(server.call('PUT', script('plain'), 'addEventListener("fetch", (e) => e.respondWith(new Response("plain")))',
      { headers: { 'content-type': 'application/javascript' } }));
    await host('plain');
    assert.equal(await body('plain'), 'plain');
  });

  test('that does not start says why, and what was there answers on', async () => {
    await fresh('broken', shows('"fine"'));
    await fails(server.call('PUT', script('broken'), form({}, { 'index.js': ['throw new Error("at the start")'] })), 400, 10021, /at the start/);
    await fails(server.call('PUT', script('broken'), form({}, { 'index.js': ['export default {'] })), 400, 10021);
    await fails(server.call('PUT', script('broken'), form({ bindings: [{ type: 'kv_namespace', name: 'K', namespace_id: 7 }] }, shows(1))), 400, 10021, /namespace_id/);
    await fails(server.call('PUT', script('broken'), form({ bindings: [{ type: 'd1', name: 'DB' }] }, shows(1))), 400, 10021, /DB/);
    await fails(server.call('PUT', `${script('broken')}?bindings_inherit=strict`, form({ bindings: [{ type: 'inherit', name: 'GONE' }] }, shows(1))), 400, 10057,
      /^inherit binding 'GONE' is invalid/);
    assert.equal(await body('broken'), 'fine');
    assert.equal((await call('GET', `${script('broken')}/versions`)).items.length, 1);
  });

  test('that sends to a queue is among its producers, as long as it is deployed', async () => {
    const sends = (...queues) => ({ bindings: queues.map((queue_name, i) => ({ type: 'queue', name: `Q${i}`, queue_name })) });
    const made = await call('POST', '/queues', { queue_name: 'fed' });
    const producers = async () => { const q = await call('GET', `/queues/${made.queue_id}`); assert.equal(q.producers.length, q.producers_total_count); return q.producers; };
    assert.deepEqual(await producers(), []);
    await put('feeder', shows(1), sends('fed', 'fed'));
    await put('other', shows(1), sends('elsewhere'));
    assert.deepEqual(await producers(), [{ type: 'worker', script: 'feeder' }]);
    const listed = (await call('GET', '/queues')).find((q) => q.queue_name === 'fed');
    assert.deepEqual(listed.producers, [{ type: 'worker', script: 'feeder' }]);
    await put('feeder', shows(2), {});
    assert.deepEqual(await producers(), []);
    await fails(server.call('PUT', script('stored'), form({ bindings: [{ type: 'secrets_store_secret', name: 'S', store_id: 'a', secret_name: 'b' }] }, shows(1))), 400, 10021, /secrets_store/);
  });

  test('gives its modules back', async () => {
    const modules = { 'index.js': ['import t from "./a.txt"; export default { fetch: () => new Response(t) }'], './a.txt': ['ä', 'text/plain'] };
    await put('content', modules);
    const r = await fetch(`${server.api}/accounts/${server.account}${script('content')}/content/v2`, { headers: { authorization: `Bearer ${server.token}` } });
    assert.equal(r.headers.get('cf-entrypoint'), 'index.js');
    const back = await r.formData();
    assert.deepEqual([...back.keys()].sort(), ['./a.txt', 'index.js']);
    assert.equal(await back.get('index.js').text(), modules['index.js'][0]);
    assert.equal(back.get('index.js').type, 'application/javascript+module');
    assert.equal(await back.get('./a.txt').text(), 'ä');
  });
});

describe('secrets', () => {
  test('are there with the answer, survive deploys, and no answer has their values', async () => {
    await fresh('vault', shows('env.KEY + "," + env.MODE'), { bindings: [variable('MODE', 'a')] });
    assert.equal(await body('vault'), 'undefined,a');
    const answers = [await secret('vault', 'KEY', 'hush-hush')];
    assert.equal(await body('vault'), 'hush-hush,a');
    await put('vault', shows('env.KEY + "," + env.MODE'), { bindings: [variable('MODE', 'b')] });
    assert.equal(await body('vault'), 'hush-hush,b');
    for (const path of ['/settings', '/secrets', '/versions', '/deployments', '/bindings', '/script-settings', '/content/v2'])
      answers.push(await server.call('GET', script('vault') + path));
    for (const v of (await call('GET', `${script('vault')}/versions`)).items) answers.push(await server.call('GET', `${script('vault')}/versions/${v.id}`));
    for (const r of answers) {
      assert.equal(r.status, 200, r.text);
      assert.doesNotMatch(r.text, /hush-hush/);
    }
    await call('DELETE', `${script('vault')}/secrets/KEY?url_encoded=true`);
    assert.equal(await body('vault'), 'undefined,b');
  });

  test('that come together are all there', async () => {
    await fresh('crowd', shows('["A", "B", "C", "D", "E"].map((k) => env[k])'));
    for (const r of await Promise.all(['A', 'B', 'C', 'D', 'E'].map((k) => secret('crowd', k, k.toLowerCase())))) assert.equal(r.status, 200, r.text);
    assert.equal(await body('crowd'), 'a,b,c,d,e');
  });

  test('of a version that is not deployed yet', async () => {
    await fresh('later', shows('env.KEY'));
    await post('later', shows('env.KEY'), { keep_bindings: ['secret_text', 'secret_key'] });
    await fails(secret('later', 'KEY', 'x'), 400, 10215);
    const v = await call('PATCH', '/workers/workers/later/versions/latest', { env: { KEY: { type: 'secret_text', text: 'late' } }, annotations: { 'workers/tag': 't' } });
    assert.equal(await body('later'), 'undefined');
    await deploy('later', [v.id, 100]);
    assert.equal(await body('later'), 'late');
    const first = (await call('GET', `${script('later')}/versions`)).items.at(-1).id;
    await fails(server.call('POST', `${script('later')}/deployments`, { strategy: 'percentage', versions: [{ version_id: first, percentage: 100 }] }), 400, 10220,
      /The following secrets have changed: KEY/);
    await call('POST', `${script('later')}/deployments?force=true`, { strategy: 'percentage', versions: [{ version_id: first, percentage: 100 }] });
    assert.equal(await body('later'), 'undefined');
  });
});

describe('what leads to a worker', () => {
  test('routes and custom domains belong to one worker', async () => {
    await fresh('owner', shows('"owner"'));
    await fresh('rival', shows('"rival"'));
    await call('PUT', `${script('owner')}/routes`, [{ pattern: 'shop.example.com/*' }]);
    assert.equal((await ask(server, 'shop.example.com', '/x')).text, 'owner');
    await fails(server.call('PUT', `${script('rival')}/routes`, [{ pattern: 'shop.example.com/*' }]), 409, 10020, /'shop\.example\.com\/\*' is already assigned to worker 'owner'/);
    await call('PUT', `${script('rival')}/domains/records`, { override_existing_origin: true, origins: [{ hostname: 'rival.example.com' }] });
    assert.equal((await ask(server, 'rival.example.com')).text, 'rival');
    await call('PUT', `${script('owner')}/domains/records`, { override_existing_origin: true, origins: [{ hostname: 'rival.example.com' }] });
    assert.equal((await ask(server, 'rival.example.com')).text, 'owner');
    await call('PUT', `${script('owner')}/routes`, []);
    assert.equal((await ask(server, 'shop.example.com', '/x')).status, 404);
    await fails(server.call('PUT', `${script('rival')}/routes`, [{ pattern: `owner.${domain}/*` }]), 400, 10022, /server's own domain/);
    await fails(server.call('PUT', `${script('rival')}/routes`, [{ pattern: 'a.example.com/*/b' }]), 400, 10022, /'a\.example\.com\/\*\/b'/);
  });

  test('crons are checked before anything changes', async () => {
    await put('timed', shows(1));
    await call('PUT', `${script('timed')}/schedules`, [{ cron: '0 0 1 1 *' }]);
    await fails(server.call('PUT', `${script('timed')}/schedules`, [{ cron: '0 0 1 1 *' }, { cron: '61 * * * *' }]), 400, 100331, /61/);
    assert.deepEqual((await call('GET', `${script('timed')}/schedules`)).schedules.map((s) => s.cron), ['0 0 1 1 *']);
  });

  test('a deleted worker answers no more, and its name begins anew', async () => {
    await fresh('shortlived', shows('"first life"'));
    await put('needs', shows(1), { bindings: [{ type: 'service', name: 'S', service: 'shortlived' }] });
    await fails(server.call('DELETE', '/workers/services/shortlived?force=false'), 400, 10064, /'needs'/);
    await call('DELETE', '/workers/services/shortlived?force=true');
    assert.equal((await ask(server, `shortlived.${domain}`)).status, 404);
    await fails(server.call('GET', `${script('shortlived')}/versions`), 404, 10007);
    await fresh('shortlived', shows('"second life"'));
    assert.equal(await body('shortlived'), 'second life');
    assert.equal((await call('GET', `${script('shortlived')}/versions`)).items.length, 1);
  });
});

test('what was answered is there after a kill in the middle of deployments', async () => {
  const names = ['k1', 'k2', 'k3'];
  for (const n of names) await fresh(n, shows('env.N + "," + env.SECRET'), { bindings: [variable('N', '0')] });
  const acknowledged = Object.fromEntries(names.map((n) => [n, { n: 0, secret: undefined, asked: 0, askedSecret: undefined }]));
  let dead = false;
  const writers = names.map(async (name) => {
    const a = acknowledged[name];
    for (let i = 1; !dead; i++) {
      a.asked = i;
      const deployed = await server.call('PUT', script(name), form({ bindings: [variable('N', String(i))] }, shows('env.N + "," + env.SECRET'))).catch(() => undefined);
      if (deployed?.status !== 200) break;
      a.n = i;
      a.askedSecret = `s${i}`;
      if ((await secret(name, 'SECRET', `s${i}`).catch(() => undefined))?.status !== 200) break;
      a.secret = `s${i}`;
    }
  });
  while (names.some((n) => acknowledged[n].n < 3)) await new Promise((done) => setTimeout(done, 20));
  for (const p of [...below(server.pid), { pid: server.pid }]) try { process.kill(p.pid, 'SIGKILL'); } catch {}
  dead = true;
  await server.exited;
  await Promise.all(writers);
  server = await startServe({ domain, known: server });
  for (const name of names) {
    const a = acknowledged[name];
    const [n, s] = (await body(name)).split(',');
    assert.ok([a.n, a.asked].includes(Number(n)), `${name}: ${n} answers; ${a.n} was acknowledged, ${a.asked} asked for`);
    assert.ok([a.secret, a.askedSecret].map(String).includes(s), `${name}: ${s} answers; ${a.secret} was acknowledged, ${a.askedSecret} asked for`);
    const { items } = await call('GET', `${script(name)}/versions`);
    const { deployments } = await call('GET', `${script(name)}/deployments`);
    assert.equal(deployments[0].versions[0].version_id, items[0].id, 'a version that a PUT made is deployed with it');
  }
  await put('k1', shows('"after"'));
  assert.equal(await body('k1'), 'after');
});
