// Requests to a server of many workers: hosts, routes, custom domains, previews, gradual deployments, deploys under load.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, after, describe, test } from 'node:test';
import { ask, startServe } from './lib/serve.mjs';
import { sleep } from './lib/selvage.mjs';

const domain = 'workers.test';
let server;

const form = (code, metadata = {}, more = {}) => {
  const f = new FormData();
  f.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', ...metadata }));
  if (code !== null)
    f.set('index.js', new File([code], 'index.js', { type: 'application/javascript+module' }));
  for (const [name, [text, type]] of Object.entries(more)) f.set(name, new File([text], name, { type }));
  return f;
};
const says = (text) => `export default { fetch(request) { return new Response(${JSON.stringify(text)}) } }`;
const put = (name, code, metadata, more) => server.call('PUT', `/workers/scripts/${name}`, form(code, metadata, more));
const upload = async (name, code, metadata, more) => {
  const r = await server.call('POST', `/workers/scripts/${name}/versions`, form(code, metadata, more));
  assert.equal(r.status, 200, r.text);
  return r.result;
};
const ok = async (promise) => {
  const r = await promise;
  assert.equal(r.status, 200, r.text);
  return r.result;
};
const hosts = (name, enabled = true, previews_enabled = enabled) =>
  ok(server.call('POST', `/workers/scripts/${name}/subdomain`, { enabled, previews_enabled }));
const deploy = async (name, text, metadata) => { await ok(put(name, says(text), metadata)); await hosts(name); };
const versions = async (name) => (await ok(server.call('GET', `/workers/scripts/${name}/versions`))).items;
const split = (name, list) => ok(server.call('POST', `/workers/scripts/${name}/deployments`,
  { strategy: 'percentage', versions: list.map(([version_id, percentage]) => ({ version_id, percentage })) }));
const text = async (host, path, init) => (await ask(server, host, path, init)).text;
const status = async (host, path, init) => (await ask(server, host, path, init)).status;

before(async () => { server = await startServe({ domain }); });
after(() => server?.stop());

describe('hosts', () => {
  test('a worker answers at its name, whatever the case, the port, and a dot at the end', async () => {
    await deploy('alpha', 'alpha');
    await deploy('beta', 'beta');
    assert.equal(await text('alpha.workers.test'), 'alpha');
    assert.equal(await text('ALPHA.Workers.Test:8080'), 'alpha');
    assert.equal(await text('alpha.workers.test.'), 'alpha');
    assert.equal(await text('beta.workers.test'), 'beta');
  });

  test('nothing answers elsewhere, and a page says so', async () => {
    const r = await ask(server, 'nobody.workers.test', '/', { headers: { accept: 'text/html' } });
    assert.equal(r.status, 404);
    assert.match(r.text, /Nothing is deployed at nobody\.workers\.test/);
    assert.match(r.headers['content-type'], /text\/html/);
    assert.equal(await status('workers.test'), 404);
    assert.equal(await status('127.0.0.1'), 404);
    assert.equal(await status('a.alpha.workers.test'), 404);
  });

  test('a worker without a host of its own has none', async () => {
    await ok(put('quiet', says('quiet')));
    await hosts('quiet', false);
    assert.equal(await status('quiet.workers.test'), 404);
    await hosts('quiet', true);
    assert.equal(await text('quiet.workers.test'), 'quiet');
    await hosts('quiet', false);
    assert.equal(await status('quiet.workers.test'), 404);
  });

  test('a deleted worker answers no more', async () => {
    await deploy('gone', 'gone');
    assert.equal(await text('gone.workers.test'), 'gone');
    await ok(server.call('DELETE', '/workers/services/gone?force=true'));
    assert.equal(await status('gone.workers.test'), 404);
  });
});

describe('routes and custom domains', () => {
  test('routes by their precedence; they leave when they are replaced', async () => {
    await deploy('site', 'site');
    await deploy('api', 'api');
    await ok(server.call('PUT', '/workers/scripts/site/routes', [{ pattern: 'shop.example/*', zone_name: 'shop.example' }]));
    await ok(server.call('PUT', '/workers/scripts/api/routes', [
      { pattern: 'shop.example/api/*', zone_name: 'shop.example' },
      { pattern: '*.shop.example/v1*', zone_name: 'shop.example' },
    ]));
    assert.equal(await text('shop.example', '/'), 'site');
    assert.equal(await text('shop.example', '/api/x'), 'api');
    assert.equal(await text('shop.example', '/api'), 'site');
    assert.equal(await text('www.shop.example', '/v1/x'), 'api');
    assert.equal(await status('www.shop.example', '/v2'), 404);
    assert.equal(await text('shop.example', '/other/../api/x'), 'api', 'what the worker sees is what is matched');
    await ok(server.call('PUT', '/workers/scripts/api/routes', []));
    assert.equal(await text('shop.example', '/api/x'), 'site');
    assert.equal(await status('www.shop.example', '/v1/x'), 404);
  });

  test('a custom domain goes before routes', async () => {
    await deploy('domain', 'domain');
    await ok(server.call('PUT', '/workers/scripts/site/routes', [{ pattern: 'own.example/*', zone_name: 'own.example' }]));
    assert.equal(await text('own.example'), 'site');
    await ok(server.call('PUT', '/workers/scripts/domain/domains/records', {
      override_scope: true, override_existing_origin: true, override_existing_dns_record: true, origins: [{ hostname: 'own.example' }] }));
    assert.equal(await text('own.example', '/any'), 'domain');
    assert.equal(await status('www.own.example'), 404);
  });
});

describe('versions', () => {
  test('a version that is not deployed has a preview, by its id and by its alias', async () => {
    await deploy('pre', 'one');
    const two = await upload('pre', says('two'), { annotations: { 'workers/alias': 'staging' } });
    assert.equal(await text('pre.workers.test'), 'one');
    assert.equal(await text(`${two.id.slice(0, 8)}-pre.workers.test`), 'two');
    assert.equal(await text('staging-pre.workers.test'), 'two');
    const echo = await upload('pre', 'export default { async fetch(r) { return new Response(await r.text()) } }');
    const body = 'x'.repeat(300000);
    assert.equal(await text(`${echo.id.slice(0, 8)}-pre.workers.test`, '/', { method: 'POST', body }), body, 'a body waits with its request');
    assert.equal(await text('pre.workers.test'), 'one');
  });

  test('an alias moves to the version that has it last', async () => {
    await upload('pre', says('three'), { annotations: { 'workers/alias': 'staging' } });
    for (const end = Date.now() + 10000; await text('staging-pre.workers.test') !== 'three' && Date.now() < end;) await sleep(50);
    assert.equal(await text('staging-pre.workers.test'), 'three');
  });

  test('no such version, and previews that are off', async () => {
    const [newest] = await versions('pre');
    assert.equal(await status('00000000-pre.workers.test'), 404);
    assert.match(await text('nothing-pre.workers.test'), /no such version/);
    await hosts('pre', true, false);
    assert.match(await text(`${newest.id.slice(0, 8)}-pre.workers.test`), /switched off/);
    assert.equal(await text('pre.workers.test'), 'one');
    await hosts('pre', true, true);
    assert.equal(await text(`${newest.id.slice(0, 8)}-pre.workers.test`), 'three');
  });

  test('a gradual deployment: shares, affinity, override', async () => {
    await deploy('split', 'old');
    const [old] = await versions('split');
    const fresh = await upload('split', says('new'));
    await split('split', [[fresh.id, 30], [old.id, 70]]);
    const got = { old: 0, new: 0 };
    for (let i = 0; i < 200; i++) got[await text('split.workers.test')]++;
    assert.ok(got.new > 20 && got.new < 110, JSON.stringify(got));
    const key = (k) => text('split.workers.test', '/', { headers: { 'Cloudflare-Workers-Version-Key': k } });
    const first = new Map();
    for (let i = 0; i < 30; i++) first.set(`user-${i}`, await key(`user-${i}`));
    assert.ok(new Set(first.values()).size === 2, 'keys are spread');
    for (const [k, v] of first) assert.equal(await key(k), v, 'and stay');
    await split('split', [[fresh.id, 60], [old.id, 40]]);
    for (const [k, v] of first) if (v === 'new') assert.equal(await key(k), 'new', 'a share that grows keeps its keys');
    const over = (id, name = 'split') => text('split.workers.test', '/', { headers: { 'Cloudflare-Workers-Version-Overrides': `other="x", ${name}="${id}"` } });
    for (let i = 0; i < 5; i++) {
      assert.equal(await over(fresh.id), 'new');
      assert.equal(await over(old.id), 'old');
    }
    await split('split', [[old.id, 100]]);
    for (let i = 0; i < 20; i++) assert.equal(await text('split.workers.test'), 'old');
    assert.equal(await over(fresh.id), 'old', 'only versions of the deployment can be named');
  });

  test('the version of an object is picked by its id, for as long as the shares are', async () => {
    const code = (v) => `import { DurableObject } from 'cloudflare:workers';
      export class Thing extends DurableObject { version() { return '${v}' } }
      export default { async fetch(r, env) { const n = new URL(r.url).searchParams.get('n'); return new Response(await env.THING.getByName(n).version()) } }`;
    const metadata = { bindings: [{ type: 'durable_object_namespace', name: 'THING', class_name: 'Thing' }] };
    await ok(put('things', code('one'), { ...metadata, migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Thing'] }] } }));
    await hosts('things');
    const [one] = await versions('things');
    const two = await upload('things', code('two'), metadata);
    await split('things', [[two.id, 50], [one.id, 50]]);
    const seen = new Map();
    for (let i = 0; i < 24; i++) seen.set(i, await text('things.workers.test', `/?n=${i}`));
    assert.equal(new Set(seen.values()).size, 2);
    for (const [n, v] of seen) assert.equal(await text('things.workers.test', `/?n=${n}`), v);
    await split('things', [[two.id, 100]]);
    for (const [n] of seen) assert.equal(await text('things.workers.test', `/?n=${n}`), 'two');
  });
});

describe('deploys', () => {
  test('under load lose no request', async () => {
    await deploy('busy', '0');
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const seen = new Set();
    let over = false, count = 0;
    const clients = Array.from({ length: 8 }, async () => {
      while (!over) {
        const r = await ask(server, 'busy.workers.test', '/', { agent });
        assert.equal(r.status, 200, r.text);
        seen.add(r.text);
        count++;
        await sleep(1);
      }
    });
    for (let i = 1; i <= 3; i++) {
      await ok(put('busy', says(String(i))));
      assert.equal(await text('busy.workers.test'), String(i), 'a deploy is in force once it is answered');
    }
    over = true;
    await Promise.all(clients);
    agent.destroy();
    assert.ok(count > 20 && seen.has('3'), `${count} requests`);
  });

  test('what does not start is refused, with the place in what was uploaded, and changes nothing', async () => {
    await deploy('steady', 'steady');
    const r = await put('steady', 'const a = 1;\nfunction boom() { throw new TypeError("no start") }\nboom();\nexport default {}');
    assert.equal(r.status, 400);
    assert.equal(r.errors[0].code, 10021);
    assert.match(r.errors[0].message, /Uncaught TypeError: no start\n {4}at boom \(index\.js:2:\d+\)\n {4}at index\.js:3:\d+/);
    const map = JSON.stringify({ version: 3, sources: ['src/app.ts'], names: [], mappings: ';;AAAA' });
    const mapped = await put('steady', '//\n//\nnull.x;\nexport default {}\n//# sourceMappingURL=index.js.map', {}, { 'index.js.map': [map, 'application/source-map'] });
    assert.match(mapped.errors[0].message, /src\/app\.ts:1:\d+/, 'an uploaded source map is used');
    const syntax = await put('steady', 'export default { fetch( }');
    assert.equal(syntax.errors[0].code, 10021);
    assert.match(syntax.errors[0].message, /SyntaxError[^]*index\.js:1:/);
    const missing = await put('steady', 'import "./missing.js"; export default {}');
    assert.match(missing.errors[0].message, /No such module "missing\.js"/);
    assert.equal(await text('steady.workers.test'), 'steady');
  });

  test('modules of every kind, and bindings to them', async () => {
    const wasm = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11]);
    const code = `import text from './a.txt'; import bytes from './b.bin'; import module from './c.wasm'; import { helper } from './lib/helper.js';
      import cjs from './old.cjs';
      export default { fetch(r, env) {
        const { exports } = new WebAssembly.Instance(module);
        return Response.json({ text, bytes: new Uint8Array(bytes).length, f: exports.f(), helper: helper(), cjs: cjs.name, v: env.V, j: env.J, s: env.S, id: env.META.id.length }) } }`;
    await ok(put('kinds', code, { bindings: [
      { type: 'plain_text', name: 'V', text: 'var' }, { type: 'json', name: 'J', json: { a: [1] } },
      { type: 'secret_text', name: 'S', text: 'hidden-value' }, { type: 'version_metadata', name: 'META' }] }, {
      './a.txt': ['some text', 'text/plain'], './b.bin': [Uint8Array.of(1, 2, 3), 'application/octet-stream'], './c.wasm': [wasm, 'application/wasm'],
      'lib/helper.js': ['export const helper = () => "helped"', 'application/javascript+module'],
      'old.cjs': ['exports.name = "common"', 'application/javascript'],
    }));
    await hosts('kinds');
    assert.deepEqual(JSON.parse(await text('kinds.workers.test')),
      { text: 'some text', bytes: 3, f: 42, helper: 'helped', cjs: 'common', v: 'var', j: { a: [1] }, s: 'hidden-value', id: 36 });
    // a plain deploy says nothing of secrets: they stay, variables go
    await ok(put('kinds', 'export default { fetch(r, env) { return Response.json(Object.keys(env).sort()) } }'));
    assert.deepEqual(JSON.parse(await text('kinds.workers.test')), ['S']);
    const every = (dir) => readdirSync(dir).flatMap((f) => statSync(join(dir, f)).isDirectory() ? every(join(dir, f)) : [join(dir, f)]);
    for (const f of every(server.data))
      if (statSync(f).isFile()) assert.ok(!readFileSync(f).includes('hidden-value'), `a secret lies open in ${f}`);
  });

  test('the old form of a worker: a script that listens', async () => {
    const f = new FormData();
    f.set('metadata', JSON.stringify({ body_part: 'script', bindings: [{ type: 'plain_text', name: 'NAME', text: 'classic' }] }));
    f.set('script', new File(['addEventListener("fetch", (e) => e.respondWith(new Response(NAME)))'], 'script', { type: 'application/javascript' }));
    await ok(server.call('PUT', '/workers/scripts/classic', f));
    await hosts('classic');
    assert.equal(await text('classic.workers.test'), 'classic');
  });

  test('dates, flags and bindings that cannot be are refused by name', async () => {
    const refused = async (metadata, pattern, code = 10021) => {
      const r = await put('refused', says('x'), metadata);
      assert.equal(r.errors?.[0].code, code, r.text);
      assert.match(r.errors[0].message, pattern);
    };
    await refused({ compatibility_date: '2999-01-01' }, /in the future: "2999-01-01"/);
    await refused({ compatibility_date: 'yesterday' }, /yesterday/);
    await refused({ compatibility_flags: ['no_such_flag'] }, /no_such_flag/);
    await refused({ bindings: [{ type: 'vectorize', name: 'V', index_name: 'i' }] }, /'V' is of type 'vectorize'/);
    await refused({ bindings: [{ type: 'kv_namespace', name: 'K' }] }, /'K'.*namespace_id/);
    await refused({ bindings: [{ type: 'inherit', name: 'I' }] }, /^inherit binding 'I' is invalid/, 10057);
    await refused({ bindings: [{ type: 'durable_object_namespace', name: 'D', class_name: 'Nope' }] }, /'Nope'/, 10061);
    await refused({ limits: { cpu_ms: 300001 } }, /limits\.cpu_ms/);
    await refused({ main_module: 'other.js' }, /other\.js/);
    await refused({ bindings: Array.from({ length: 129 }, (_, i) => ({ type: 'plain_text', name: `V${i}`, text: '' })) }, /129 variables/);
    await refused({ bindings: [{ type: 'plain_text', name: 'LONG', text: 'x'.repeat(5121) }] }, /'LONG' has 5121 bytes/);
    await ok(put('refused', says('x'), { bindings: [{ type: 'plain_text', name: 'LONG', text: 'x'.repeat(5120) }], limits: { cpu_ms: 300000 } }));
  });
});

test('a server that is started again answers as before', async () => {
  const known = server;
  process.kill(-server.pid, 'SIGKILL'); // supervisor, main, isolates
  await server.exited;
  server = await startServe({ domain, known });
  assert.equal(await text('alpha.workers.test'), 'alpha');
  assert.equal(await text('own.example'), 'domain');
  assert.equal(await text('busy.workers.test'), '3');
  assert.equal(await text('staging-pre.workers.test'), 'three');
  assert.deepEqual(JSON.parse(await text('kinds.workers.test')), ['S']);
});

describe('what a worker keeps and takes', () => {
  const counter = (name = 'Counter') => `import { DurableObject } from 'cloudflare:workers';
    export class ${name} extends DurableObject {
      async add() { const n = ((await this.ctx.storage.get('n')) ?? 0) + 1; await this.ctx.storage.put('n', n); return n } }
    export default { async fetch(r, env) { return new Response(String(await env.C.getByName('x').add())) } }`;
  const bound = (class_name) => ({ bindings: [{ type: 'durable_object_namespace', name: 'C', class_name }] });

  test('objects stay through deploys and renames, and go with their class', async () => {
    await ok(put('keeper', counter(), { ...bound('Counter'), migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Counter'] }] } }));
    await hosts('keeper');
    assert.equal(await text('keeper.workers.test'), '1');
    await ok(put('keeper', counter() + '\n//', bound('Counter')));
    assert.equal(await text('keeper.workers.test'), '2');
    const lost = await put('keeper', says('no class'));
    assert.equal(lost.errors[0].code, 10064);
    await ok(put('keeper', counter('Renamed'), { ...bound('Renamed'), migrations: { old_tag: 'v1', new_tag: 'v2', steps: [{ renamed_classes: [{ from: 'Counter', to: 'Renamed' }] }] } }));
    assert.equal(await text('keeper.workers.test'), '3');
    const again = await put('keeper', counter('Renamed'), { ...bound('Renamed'), migrations: { old_tag: 'v1', new_tag: 'v3', steps: [] } });
    assert.equal(again.errors[0].code, 10079);
    await ok(put('keeper', counter('Other'), { ...bound('Other'), migrations: { old_tag: 'v2', new_tag: 'v3', steps: [{ deleted_classes: ['Renamed'], new_sqlite_classes: ['Other'] }] } }));
    assert.equal(await text('keeper.workers.test'), '1');
  });

  test('a worker that is deleted and comes again finds nothing of what was', async () => {
    const first = () => put('mortal', counter(), { ...bound('Counter'), migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Counter'] }] } });
    await ok(first());
    await hosts('mortal');
    assert.equal(await text('mortal.workers.test'), '1');
    assert.equal(await text('mortal.workers.test'), '2');
    await ok(server.call('DELETE', '/workers/services/mortal?force=true'));
    await ok(first());
    await hosts('mortal');
    assert.equal(await text('mortal.workers.test'), '1');
  });

  test('a queue leads to its consumer, and to another one when that changes', async () => {
    const queue = (await ok(server.call('POST', '/queues', { queue_name: 'jobs' }))).queue_id;
    const kv = (await ok(server.call('POST', '/storage/kv/namespaces', { title: 'done' }))).id;
    const bindings = [{ type: 'queue', name: 'JOBS', queue_name: 'jobs' }, { type: 'kv_namespace', name: 'DONE', namespace_id: kv }];
    const code = (name) => `export default {
      async fetch(r, env) { const u = new URL(r.url); if (u.pathname === '/send') { await env.JOBS.send(u.search); return new Response('sent') } return new Response(await env.DONE.get(u.search)) },
      async queue(batch, env) { for (const m of batch.messages) await env.DONE.put(m.body, '${name}') } }`;
    for (const name of ['first', 'second']) { await ok(put(name, code(name), { bindings })); await hosts(name); }
    const done = async (key) => {
      await text('first.workers.test', `/send?${key}`);
      for (const end = Date.now() + 20000; Date.now() < end; await sleep(50)) {
        const by = await text('first.workers.test', `/?${key}`);
        if (by) return by;
      }
    };
    const settings = { batch_size: 1, max_wait_time_ms: 0 };
    const consumer = await ok(server.call('POST', `/queues/${queue}/consumers`, { script_name: 'first', type: 'worker', settings }));
    assert.equal(await done('a'), 'first');
    await ok(server.call('DELETE', `/queues/${queue}/consumers/${consumer.consumer_id}`));
    await ok(server.call('POST', `/queues/${queue}/consumers`, { script_name: 'second', type: 'worker', settings }));
    assert.equal(await done('b'), 'second');
    // another version of the consumer takes over without being told of its queue
    await ok(put('second', code('newer'), { bindings }));
    assert.equal(await done('c'), 'newer');
  });

  test('a dispatch namespace: workers without hosts, chosen by another one', async () => {
    await ok(server.call('POST', '/workers/dispatch/namespaces', { name: 'tenants' }));
    for (const name of ['one', 'two'])
      await ok(server.call('PUT', `/workers/dispatch/namespaces/tenants/scripts/${name}`, form(says(`tenant ${name}`))));
    await deploy('one', 'the account\'s own');
    await ok(put('dispatcher', `export default { async fetch(r, env) {
      try { return await env.TENANTS.get(new URL(r.url).pathname.slice(1)).fetch(r) } catch (e) { return new Response(e.message, { status: 404 }) } } }`,
      { bindings: [{ type: 'dispatch_namespace', name: 'TENANTS', namespace: 'tenants' }] }));
    await hosts('dispatcher');
    assert.equal(await text('dispatcher.workers.test', '/one'), 'tenant one');
    assert.equal(await text('dispatcher.workers.test', '/two'), 'tenant two');
    assert.equal(await text('dispatcher.workers.test', '/dispatcher'), 'Worker not found.');
    assert.equal(await text('one.workers.test'), 'the account\'s own');
    assert.equal(await status('two.workers.test'), 404);
    await ok(server.call('DELETE', '/workers/dispatch/namespaces/tenants/scripts/two'));
    assert.equal(await text('dispatcher.workers.test', '/two'), 'Worker not found.');
  });

  test('a worker calls another one by its binding, whichever version of it is deployed', async () => {
    await deploy('callee', 'first');
    await ok(put('caller', 'export default { fetch(r, env) { return env.OTHER.fetch(r) } }', { bindings: [{ type: 'service', name: 'OTHER', service: 'callee' }] }));
    await hosts('caller');
    assert.equal(await text('caller.workers.test'), 'first');
    await ok(put('callee', says('second')));
    assert.equal(await text('caller.workers.test'), 'second');
  });
});
