// Workers on a server by real wrangler: as a project's CI would deploy them.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, after, describe, test } from 'node:test';
import { ask, startServe } from './lib/serve.mjs';
import { sleep } from './lib/selvage.mjs';
import { folder, releases, start, wrangler } from './lib/wrangler.mjs';

const plain = (text) => `export default { fetch() { return new Response(${JSON.stringify(text)}) } }`;
const toml = (name, more = '') => `name = "${name}"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\n${more}`;

for (const release of releases) {
  describe(`${release.name} wrangler`, { skip: release.missing }, () => {
    let server;
    const run = async (dir, args, options) => {
      const r = await wrangler(release, server, dir, args, options);
      assert.equal(r.code, 0, `wrangler ${args.join(' ')}\n${r.text}`);
      return r.out;
    };
    const fails = async (dir, args, pattern, options) => {
      const r = await wrangler(release, server, dir, args, options);
      assert.notEqual(r.code, 0, r.text);
      assert.match(r.text, pattern);
    };
    const says = async (host, text, path = '/', init) => {
      const r = await ask(server, host, path, init);
      assert.equal(r.text, text, `${host}${path} answered ${r.status}`);
      return r;
    };

    before(async () => { server = await startServe({ domain: 'workers.test' }); });
    after(() => server?.stop());

    test('whoami, and a token that is none', async () => {
      const dir = folder();
      assert.match(await run(dir, ['whoami']), new RegExp(server.account));
      await fails(folder({ 'wrangler.toml': toml('x'), 'index.js': plain('x') }), ['deploy'], /10000|Authentication/i,
        { env: { CLOUDFLARE_API_TOKEN: 'wrong' } });
    });

    test('deploy, deploy again, versions, deployments, rollback, delete', async () => {
      const dir = folder({ 'wrangler.toml': toml('first'), 'index.js': plain('one') });
      assert.match(await run(dir, ['deploy', '--dry-run']), /dry-run/);
      const first = /Current Version ID: ([0-9a-f-]{36})/.exec(await run(dir, ['deploy', '--message', 'the first']))?.[1];
      assert.ok(first);
      await says('first.workers.test', 'one');
      writeFileSync(join(dir, 'index.js'), plain('two'));
      const second = /Current Version ID: ([0-9a-f-]{36})/.exec(await run(dir, ['deploy']))?.[1];
      assert.notEqual(second, first);
      await says('first.workers.test', 'two');
      const list = await run(dir, ['versions', 'list']);
      assert.ok(list.includes(first) && list.includes(second) && list.includes('the first'), list);
      assert.match(await run(dir, ['versions', 'view', first]), /the first/);
      assert.ok((await run(dir, ['deployments', 'list'])).includes(second));
      assert.ok((await run(dir, ['deployments', 'status'])).includes(second));
      await run(dir, ['rollback', '-y', '-m', 'back']);
      await says('first.workers.test', 'one');
      await run(dir, ['versions', 'deploy', `${second}@100`, '-y']);
      await says('first.workers.test', 'two');
      await run(dir, ['delete', '--name', 'first', '--force']);
      assert.equal((await ask(server, 'first.workers.test')).status, 404);
      await fails(dir, ['versions', 'view', first], /10007|not.*found|does not exist/i);
    });

    test('versions upload, its preview and alias, gradual deployment', async () => {
      const dir = folder({ 'wrangler.toml': toml('gradual'), 'index.js': plain('old') });
      const old = /Current Version ID: (\S+)/.exec(await run(dir, ['deploy']))[1];
      writeFileSync(join(dir, 'index.js'), plain('new'));
      const fresh = /Worker Version ID: (\S+)/.exec(await run(dir, ['versions', 'upload', '--preview-alias', 'beta', '--tag', 'v2']))[1];
      await says('gradual.workers.test', 'old');
      await says(`${fresh.slice(0, 8)}-gradual.workers.test`, 'new');
      await says('beta-gradual.workers.test', 'new');
      await run(dir, ['versions', 'deploy', `${old}@50`, `${fresh}@50`, '-y']);
      const seen = new Set();
      for (let i = 0; i < 200 && seen.size < 2; i++) seen.add((await ask(server, 'gradual.workers.test')).text);
      assert.deepEqual([...seen].sort(), ['new', 'old']);
      const sticky = new Set();
      for (let i = 0; i < 10; i++) sticky.add((await ask(server, 'gradual.workers.test', '/', { headers: { 'cloudflare-workers-version-key': 'me' } })).text);
      assert.equal(sticky.size, 1);
    });

    test('secrets: put before the worker, list, bulk, delete, of versions', async () => {
      const dir = folder({
        'wrangler.toml': toml('keeper', '[vars]\nOPEN = "yes"\n'),
        'index.js': 'export default { fetch(r, env) { return Response.json({ a: env.A, b: env.B, open: env.OPEN }) } }',
        'bulk.json': '{"A":"bulk-a","B":"bulk-b"}',
      });
      const seen = async () => JSON.parse((await ask(server, 'keeper.workers.test')).text);

      await run(dir, ['secret', 'put', 'A'], { input: 'sesame\n' });
      await run(dir, ['deploy']);
      assert.deepEqual(await seen(), { a: 'sesame', open: 'yes' });
      assert.deepEqual(JSON.parse(await run(dir, ['secret', 'list'])), [{ name: 'A', type: 'secret_text' }]);
      await run(dir, ['secret', 'bulk', 'bulk.json']);
      assert.deepEqual(await seen(), { a: 'bulk-a', b: 'bulk-b', open: 'yes' });
      await run(dir, ['deploy']);
      assert.deepEqual(await seen(), { a: 'bulk-a', b: 'bulk-b', open: 'yes' });
      await run(dir, ['secret', 'delete', 'B'], { input: 'y\n' });
      assert.deepEqual(await seen(), { a: 'bulk-a', open: 'yes' });
      const version = await run(dir, ['versions', 'secret', 'put', 'A'], { input: 'later' });
      assert.deepEqual(await seen(), { a: 'bulk-a', open: 'yes' });
      const id = /version ([0-9a-f-]{36})/i.exec(version)?.[1];
      assert.ok(id, version);
      await run(dir, ['versions', 'deploy', `${id}@100`, '-y']);
      assert.deepEqual(await seen(), { a: 'later', open: 'yes' });
      assert.match(await run(dir, ['versions', 'secret', 'list']), /A/);
      await run(dir, ['versions', 'secret', 'bulk', 'bulk.json']);
      await run(dir, ['versions', 'secret', 'delete', 'B'], { input: 'y\n' });
    });

    test('every binding, env, routes, custom domain, crons', async () => {
      const dir = folder({
        'wrangler.toml': toml('all', `
routes = [{ pattern = "shop.example/api/*", zone_name = "shop.example" }, { pattern = "www.shop.example", custom_domain = true }]
[triggers]
crons = ["*/5 * * * *"]
[vars]
TEXT = "text"
JSON = { a = [1, 2] }
[[kv_namespaces]]
binding = "KV"
[[d1_databases]]
binding = "DB"
database_name = "all-db"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "all-bucket"
[[queues.producers]]
binding = "JOBS"
queue = "all-jobs"
[[queues.consumers]]
queue = "all-jobs"
max_batch_timeout = 1
[durable_objects]
bindings = [{ name = "COUNTER", class_name = "Counter" }]
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]
[[services]]
binding = "SELF"
service = "all"
entrypoint = "Named"
[[analytics_engine_datasets]]
binding = "EVENTS"
[version_metadata]
binding = "VERSION"
[env.staging]
name = "all-staging"
routes = []
workers_dev = true
[env.staging.vars]
TEXT = "staging"
`),
        'hello.txt': 'a text module',
        'index.js': `
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import hello from "./hello.txt";
export class Counter extends DurableObject { async up() { const n = ((await this.ctx.storage.get("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n; } }
export class Named extends WorkerEntrypoint { add(a, b) { return a + b; } }
export default {
  async fetch(request, env) {
    if (!env.KV) return new Response(env.TEXT);
    await env.KV.put("k", "kv");
    await env.DB.exec("CREATE TABLE IF NOT EXISTS t(v)");
    await env.DB.prepare("INSERT INTO t VALUES (?)").bind("d1").run();
    await env.BUCKET.put("o", "r2");
    await env.JOBS.send({ job: 1 });
    env.EVENTS.writeDataPoint({ blobs: ["x"] });
    return Response.json({ text: env.TEXT, json: env.JSON, hello, kv: await env.KV.get("k"), d1: await env.DB.prepare("SELECT v FROM t LIMIT 1").first("v"),
      r2: await (await env.BUCKET.get("o")).text(), n: await env.COUNTER.getByName("c").up(), sum: await env.SELF.add(1, 2), version: env.VERSION.id.length,
      done: await env.KV.get("done") });
  },
  async queue(batch, env) { await env.KV.put("done", String(batch.messages[0].body.job)); },
};`,
      });
      await run(dir, ['queues', 'create', 'all-jobs']);
      await run(dir, ['deploy']);
      const r = JSON.parse((await ask(server, 'shop.example', '/api/x')).text);
      assert.deepEqual(r, { text: 'text', json: { a: [1, 2] }, hello: 'a text module', kv: 'kv', d1: 'd1', r2: 'r2', n: 1, sum: 3, version: 36, done: null });
      assert.equal(JSON.parse((await ask(server, 'www.shop.example')).text).n, 2);
      for (let i = 0; i < 300 && JSON.parse((await ask(server, 'shop.example', '/api/x')).text).done !== '1'; i++) await sleep(50);
      assert.equal(JSON.parse((await ask(server, 'shop.example', '/api/x')).text).done, '1');
      assert.equal((await ask(server, 'shop.example', '/other')).status, 404);
      // again: nothing is made anew, objects keep what they have
      const before = JSON.parse((await ask(server, 'www.shop.example')).text).n;
      await run(dir, ['deploy']);
      assert.equal(JSON.parse((await ask(server, 'www.shop.example')).text).n, before + 1);
      await run(dir, ['triggers', 'deploy']);
      await run(dir, ['deploy', '--env', 'staging']);
      await says('all-staging.workers.test', 'staging');
      await run(dir, ['types']);
    });

    test('static assets, service-worker syntax, several modules, source maps, secrets file', async () => {
      const site = folder({
        'wrangler.toml': 'name = "site"\ncompatibility_date = "2026-01-01"\n[assets]\ndirectory = "public"\nnot_found_handling = "404-page"\n',
        'public/index.html': '<h1>home</h1>', 'public/404.html': '<h1>none</h1>', 'public/a/deep.css': 'b{}',
        'public/_headers': '/a/*\n  X-Deep: yes\n', 'public/_redirects': '/old /new 301\n',
      });
      await run(site, ['deploy']);
      await says('site.workers.test', '<h1>home</h1>');
      assert.equal((await says('site.workers.test', 'b{}', '/a/deep.css')).headers['x-deep'], 'yes');
      assert.equal((await ask(server, 'site.workers.test', '/old')).headers.location, '/new');
      assert.equal((await says('site.workers.test', '<h1>none</h1>', '/nothing')).status, 404);
      writeFileSync(join(site, 'public/index.html'), '<h1>again</h1>');
      await run(site, ['deploy']);
      await says('site.workers.test', '<h1>again</h1>');

      const old = folder({ 'wrangler.toml': toml('classic'), 'index.js': 'addEventListener("fetch", (e) => e.respondWith(new Response("classic")))' });
      await run(old, ['deploy']);
      await run(old, ['deploy']);
      await says('classic.workers.test', 'classic');

      const many = folder({
        'wrangler.toml': toml('many', 'no_bundle = true\nfind_additional_modules = true\n[[rules]]\ntype = "ESModule"\nglobs = ["**/*.js"]\n'),
        'index.js': 'import { word } from "./lib/word.js"; export default { fetch(r, env) { return new Response(word + env.KEY) } }',
        'lib/word.js': 'export const word = "modules";', 'secrets.json': '{"KEY":"!"}',
      });
      await run(many, ['deploy', '--secrets-file', 'secrets.json', '--upload-source-maps']);
      await says('many.workers.test', 'modules!');
    });

    test('what is wrong is said, and leaves what runs alone', async () => {
      const dir = folder({ 'wrangler.toml': toml('broken'), 'index.js': plain('good') });
      await run(dir, ['deploy']);
      writeFileSync(join(dir, 'index.js'), 'const boom = () => { throw new Error("at start"); };\nboom();\nexport default { fetch() {} }');
      await fails(dir, ['deploy'], /at start[\s\S]*10021/);
      await says('broken.workers.test', 'good');
      writeFileSync(join(dir, 'index.js'), plain('good'));
      writeFileSync(join(dir, 'wrangler.toml'), toml('broken', 'compatibility_flags = ["no_such_flag"]\n'));
      await fails(dir, ['deploy'], /no_such_flag/);
      writeFileSync(join(dir, 'wrangler.toml'), toml('broken', '[[services]]\nbinding = "OTHER"\nservice = "not-there"\n'));
      await fails(dir, ['deploy'], /not-there/);
      await says('broken.workers.test', 'good');
    });

    test('tail shows requests, logs and exceptions', async () => {
      const dir = folder({
        'wrangler.toml': toml('talker'),
        'index.js': 'export default { fetch(r) { console.log("heard", { a: 1 }); if (r.url.endsWith("/bad")) throw new Error("bad request of mine"); return new Response("ok") } }',
      });
      await run(dir, ['deploy']);
      const tail = start(release, server, dir, ['tail', 'talker', '--format', 'json']);
      for (let i = 0; i < 400 && !tail.out.includes('bad request of mine'); i++) {
        await ask(server, 'talker.workers.test');
        await ask(server, 'talker.workers.test', '/bad');
        await sleep(50);
      }
      tail.child.kill('SIGINT');
      await tail.exited;
      assert.match(tail.out, /"heard"/);
      assert.match(tail.out, /bad request of mine/);
      assert.match(tail.out, /"outcome":\s*"exception"/);
    });

    test('dispatch namespaces', async () => {
      const dir = folder({ 'wrangler.toml': toml('customer'), 'index.js': plain('a customer') });
      const outer = folder({
        'wrangler.toml': toml('outer', '[[dispatch_namespaces]]\nbinding = "ALL"\nnamespace = "customers"\n'),
        'index.js': 'export default { fetch(r, env) { return env.ALL.get("customer").fetch(r) } }',
      });
      await run(dir, ['dispatch-namespace', 'create', 'customers']);
      assert.match(await run(dir, ['dispatch-namespace', 'list']), /customers/);
      await run(dir, ['deploy', '--dispatch-namespace', 'customers']);
      await run(outer, ['deploy']);
      await says('outer.workers.test', 'a customer');
      assert.equal((await ask(server, 'customer.workers.test')).status, 404);
      rmSync(outer, { recursive: true });
    });
  });
}
