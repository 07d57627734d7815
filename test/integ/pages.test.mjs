// Pages: run from a directory, and as projects of a server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask, startServe } from './lib/serve.mjs';
import { example, freePort, project, selvage, sleep, until } from './lib/selvage.mjs';
import { releases, wrangler } from './lib/wrangler.mjs';

const handler = (text) => `export const onRequest = () => new Response(${JSON.stringify(text)});`;
const site = {
  'public/index.html': '<h1>home</h1>',
  'public/about.html': '<h1>about</h1>',
  'public/blog/index.html': '<h1>blog</h1>',
  'public/_headers': '/*\n  X-Site: one\n',
  'public/_redirects': '/old /about 301\n',
  'functions/_middleware.js': `export const onRequest = async (c) => {
    c.data.trail = ['root'];
    const r = await c.next();
    r.headers.set('x-trail', c.data.trail.join());
    return r;
  };`,
  'functions/api/_middleware.js': `export const onRequestGet = (c) => { c.data.trail.push('api'); return c.next(); };`,
  'functions/api/users/[id].ts': `import { hello } from '../../lib/hello';
    export const onRequestGet = (c: any) => new Response(hello(c.params.id) + ' ' + c.functionPath);
    export const onRequestPost = async (c: any) => new Response('posted ' + await c.request.text());`,
  'functions/api/users/me.js': handler('me'),
  'functions/lib/hello.ts': 'export const hello = (x: string) => `hello ${x}`;',
  'functions/files/[[path]].js': 'export const onRequest = (c) => Response.json(c.params);',
  'functions/fail.js': `export const onRequest = (c) => { c.passThroughOnException(); throw new Error('no'); };`,
  'functions/next.js': `export const onRequest = async (c) => new Response('[' + await (await c.next('/about')).text() + ']');`,
  'functions/vars.js': 'export const onRequest = (c) => Response.json({ greeting: c.env.GREETING, branch: c.env.CF_PAGES_BRANCH, secret: c.env.TOKEN });',
};

// What a browser sees of the site above, by whatever `get(path, init)` asks.
async function looks_right(get) {
  let r = await get('/');
  assert.equal(r.text, '<h1>home</h1>');
  assert.equal(r.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(r.headers['x-site'], 'one');
  assert.equal(r.headers['access-control-allow-origin'], '*');
  assert.equal(r.headers['x-trail'], 'root');
  for (const [path, status, location] of [['/about.html', 308, '/about'], ['/index.html?a=1', 308, '/?a=1'], ['/blog', 308, '/blog/'],
    ['/blog/index', 308, '/blog/'], ['/about/', 308, '/about'], ['/old', 301, '/about']]) {
    r = await get(path);
    assert.deepEqual([r.status, r.headers.location], [status, location], path);
  }
  assert.equal((await get('/about')).text, '<h1>about</h1>');
  r = await get('/nowhere/at/all');
  assert.deepEqual([r.status, r.text], [200, '<h1>home</h1>']); // no 404.html: one page
  r = await get('/api/users/7');
  assert.deepEqual([r.text, r.headers['x-trail'], r.headers['x-site']], ['hello 7 /api/users/7', 'root,api', undefined]);
  assert.equal((await get('/api/users/me')).text, 'me');
  r = await get('/api/users/7', { method: 'POST', body: 'x' });
  assert.deepEqual([r.text, r.headers['x-trail']], ['posted x', 'root']);
  assert.equal((await get('/files/a/b')).text, '{"path":["a","b"]}');
  assert.equal((await get('/files')).text, '{}');
  assert.equal((await get('/fail')).text, '<h1>home</h1>');
  assert.equal((await get('/next')).text, '[<h1>about</h1>]');
}

async function pagesDev(dir, args = []) {
  const port = await freePort();
  const child = spawn(selvage, ['pages', 'dev', ...args, '--port', String(port)], { cwd: dir, detached: true, env: { ...process.env, NO_COLOR: '1', CI: '1' } });
  const s = { port, output: '', stop: () => new Promise((done) => { child.on('exit', done); try { process.kill(-child.pid, 'SIGKILL'); } catch { done(); } }) };
  child.stdout.on('data', (d) => (s.output += d));
  child.stderr.on('data', (d) => (s.output += d));
  for (const end = Date.now() + 30000; !/Ready on/.test(s.output); await sleep(20))
    if (child.exitCode !== null || Date.now() > end) throw new Error(`it did not start:\n${s.output}`);
  return s;
}
const eventually = async (look, what) => {
  for (const end = Date.now() + 20000; ; await sleep(50)) {
    if (await look()) return;
    if (Date.now() > end) throw new Error(`${what} did not come`);
  }
};

describe('pages dev', () => {
  test('static files and functions; changes are seen', async () => {
    const dir = project(site);
    const s = await pagesDev(dir, ['public', '-b', 'GREETING=hi', '--compatibility-date', '2026-01-01']);
    const get = (path, init) => ask(s, 'localhost', path, init);
    try {
      await looks_right(get);
      assert.equal(JSON.parse((await get('/vars')).text).greeting, 'hi');
      writeFileSync(join(dir, 'functions/later.js'), handler('later'));
      await eventually(async () => (await get('/later')).text === 'later', 'a new function');
      writeFileSync(join(dir, 'public/about.html'), 'changed');
      await eventually(async () => (await get('/about')).text === 'changed', 'a changed file');
    } finally {
      await s.stop();
    }
  });

  test('_worker.js with _routes.json, 404.html, and the configuration', async () => {
    const s = await pagesDev(project({
      'wrangler.toml': 'name = "w"\npages_build_output_dir = "out"\ncompatibility_date = "2026-01-01"\n[vars]\nGREETING = "conf"\n[[kv_namespaces]]\nbinding = "STORE"\nid = "s"\n',
      'out/index.html': 'home', 'out/404.html': 'lost', 'out/static/a.txt': 'A',
      'out/_routes.json': '{"version":1,"include":["/*"],"exclude":["/static/*"]}',
      'out/_worker.js': `export default { async fetch(r, env) {
        const u = new URL(r.url);
        if (u.pathname === '/kv') { await env.STORE.put('k', env.GREETING); return new Response(await env.STORE.get('k')); }
        return u.pathname === '/w' ? new Response('worker') : env.ASSETS.fetch(r);
      } }`,
    }));
    const get = (path) => ask(s, 'localhost', path);
    try {
      assert.equal((await get('/w')).text, 'worker');
      assert.equal((await get('/kv')).text, 'conf');
      assert.equal((await get('/static/a.txt')).text, 'A');
      const r = await get('/nope');
      assert.deepEqual([r.status, r.text, r.headers['cache-control']], [404, 'lost', 'no-store']);
      assert.equal((await get('/_worker.js')).status, 404);
    } finally {
      await s.stop();
    }
  });

  test('modules of a folder _worker.js are imported by names that are known when it runs', async () => {
    const s = await pagesDev(project({
      'wrangler.toml': 'name = "w"\npages_build_output_dir = ".out/static"\ncompatibility_date = "2026-01-01"\n',
      '.out/static/_worker.js/index.js': `const routes = { '/a': '__dist__/functions/a.func.js', '/b': './__dist__/b.mjs', '/none': '__dist__/none.js' };
        export default { async fetch(r) {
          try { return await (await import(routes[new URL(r.url).pathname])).default(); } catch (e) { return new Response(e.message, { status: 500 }); } } };`,
      '.out/static/_worker.js/__dist__/functions/a.func.js': 'import shared from "../shared.js"; export default () => new Response("a " + shared());',
      '.out/static/_worker.js/__dist__/b.mjs': 'import shared from "./shared.js"; export default () => new Response("b " + shared());',
      '.out/static/_worker.js/__dist__/shared.js': 'let n = 0; export default () => ++n;',
    }), ['--loops', '1']);
    const get = async (path) => (await ask(s, 'localhost', path)).text;
    try {
      assert.deepEqual([await get('/a'), await get('/b'), await get('/a')], ['a 1', 'b 2', 'a 3']);
      assert.equal(await get('/none'), 'No such module "__dist__/none.js".');
    } finally {
      await s.stop();
    }
  });
});

test('the example', async () => {
  const s = await pagesDev(example('pages-functions'));
  const get = (path, init) => ask(s, 'localhost', path, init);
  try {
    assert.match((await get('/')).text, /<h1>Notes/);
    assert.equal((await get('/api/notes', { method: 'POST', body: '{"name":"a","text":"one"}' })).status, 201);
    assert.deepEqual(JSON.parse((await get('/api/notes')).text), { title: 'Notes', notes: ['a'] });
    const r = await get('/api/notes/a');
    assert.equal(r.text, 'one');
    assert.match(r.headers['server-timing'], /functions/);
    assert.equal((await get('/api/notes/a', { method: 'DELETE' })).status, 204);
    assert.deepEqual([(await get('/api/notes', { method: 'POST', body: '{}' })).status, (await get('/nothing')).status], [500, 404]);
    assert.equal((await get('/files/a/b')).text, '{"path":["a","b"]}');
    assert.equal((await get('/style.css')).headers['cache-control'], 'public, max-age=3600');
  } finally {
    await s.stop();
  }
});

describe('projects of a server', () => {
  let server;
  before(async () => { server = await startServe({ domain: 'pages.test' }); });
  after(() => server?.stop());

  const api = (method, path, body) => server.call(method, `/pages/projects${path}`, body);
  const run = (dir, args, input = '') => new Promise((done) => {
    const child = spawn(selvage, ['pages', ...args], { cwd: dir, env: { ...process.env, ...server.env } });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (out += d));
    child.stdin.end(input);
    child.on('close', (code) => done({ code, out }));
  });
  const verb = async (dir, args, input) => {
    const r = await run(dir, args, input);
    assert.equal(r.code, 0, `selvage pages ${args.join(' ')}\n${r.out}`);
    return r.out;
  };

  test('deploy, previews, rollback, secrets and domains by our own verbs', async () => {
    const dir = project(site);
    await verb(dir, ['project', 'create', 'shop', '--compatibility-date', '2026-01-01']);
    const first = /at http:\/\/([0-9a-f]{8})\.shop\.pages\.test/.exec(await verb(dir, ['deploy', 'public', '--project-name', 'shop', '--branch', 'main']))?.[1];
    assert.ok(first);
    await looks_right((path, init) => ask(server, 'shop.pages.test', path, init));
    await looks_right((path, init) => ask(server, `${first}.shop.pages.test`, path, init));

    await verb(dir, ['secret', 'put', 'TOKEN', '--project-name', 'shop'], 'hidden\n');
    assert.match(await verb(dir, ['secret', 'list', '--project-name', 'shop']), /TOKEN/);
    assert.doesNotMatch((await api('GET', '/shop')).text, /hidden/);

    writeFileSync(join(dir, 'public/about.html'), 'preview');
    await verb(dir, ['deploy', 'public', '--project-name', 'shop', '--branch', 'Feature/One']);
    assert.equal((await ask(server, 'feature-one.shop.pages.test', '/about')).text, 'preview');
    assert.equal((await ask(server, 'shop.pages.test', '/about')).text, '<h1>about</h1>');
    assert.deepEqual(JSON.parse((await ask(server, 'feature-one.shop.pages.test', '/vars')).text), { branch: 'Feature/One' });

    await verb(dir, ['deploy', 'public', '--project-name', 'shop', '--branch', 'main']);
    assert.equal((await ask(server, 'shop.pages.test', '/about')).text, 'preview');
    assert.equal(JSON.parse((await ask(server, 'shop.pages.test', '/vars')).text).secret, 'hidden');
    const list = await api('GET', '/shop/deployments?env=production');
    assert.equal(list.result.length, 2);

    // the latest of production where none is named; one that is, by its id or the first digits of it
    assert.match((await run(dir, ['deployment', 'tail', 'ffffffff', '--project-name', 'shop'])).out, /shop has no deployment 'ffffffff'/);
    for (const [which, host] of [[[], 'shop.pages.test'], [[list.result[1].id.slice(0, 8)], `${list.result[1].id.slice(0, 8)}.shop.pages.test`]]) {
      const tail = spawn(selvage, ['pages', 'deployment', 'tail', ...which, '--project-name', 'shop', '--format', 'pretty'], { cwd: dir, env: { ...process.env, ...server.env } });
      let seen = '';
      tail.stdout.on('data', (d) => (seen += d));
      tail.stderr.on('data', (d) => (seen += d));
      await until(() => /Connected to the deployment/.test(seen), 'the tail');
      await until(async () => { await ask(server, host, '/vars'); return /GET http:\/\/[^ ]*\/vars/.test(seen); }, 'an event of the deployment');
      tail.kill('SIGINT');
      await new Promise((done) => tail.on('close', done));
    }
    await verb(dir, ['deployment', 'rollback', list.result[1].id, '--project-name', 'shop']);
    assert.equal((await ask(server, 'shop.pages.test', '/about')).text, '<h1>about</h1>');

    const refused = await run(dir, ['deployment', 'delete', list.result[1].id, '--project-name', 'shop', '--yes']);
    assert.notEqual(refused.code, 0);
    await verb(dir, ['deployment', 'delete', list.result[0].id, '--project-name', 'shop', '--yes']);
    assert.equal((await api('GET', `/shop/deployments/${list.result[0].id}`)).errors[0].code, 8000009);

    assert.equal((await api('POST', '/shop/domains', { name: 'Shop.Example.com' })).result.name, 'shop.example.com');
    assert.equal((await ask(server, 'shop.example.com', '/about')).text, '<h1>about</h1>');
    assert.equal((await api('POST', '/shop/domains', { name: 'shop.example.com' })).status, 409);

    await server.stop('SIGKILL');
    server = await startServe({ domain: 'pages.test', known: server });
    assert.equal((await ask(server, 'shop.pages.test', '/about')).text, '<h1>about</h1>');
    assert.equal((await ask(server, 'feature-one.shop.pages.test', '/about')).text, 'preview');
    await verb(dir, ['project', 'delete', 'shop', '--yes']);
    assert.equal((await ask(server, 'shop.pages.test', '/about')).status, 404);
    assert.equal((await api('GET', '/shop')).errors[0].code, 8000007);
  });

  test('settings are merged, null deletes, secrets do not come back', async () => {
    assert.equal((await api('POST', '', { name: 'Bad Name' })).status, 400);
    assert.equal((await api('POST', '', { name: 'conf', production_branch: 'main' })).status, 200);
    assert.equal((await api('POST', '', { name: 'conf' })).errors[0].code, 8000002);
    const vars = (v) => api('PATCH', '/conf', { deployment_configs: { production: { env_vars: v } } });
    await vars({ A: { type: 'plain_text', value: 'a' }, S: { type: 'secret_text', value: 'topsecret' } });
    let r = await vars({ B: { value: 'b' } });
    assert.doesNotMatch(r.text, /topsecret/);
    assert.deepEqual(r.result.deployment_configs.production.env_vars,
      { A: { type: 'plain_text', value: 'a' }, S: { type: 'secret_text', value: '' }, B: { value: 'b' } });
    r = await vars({ A: null, S: null });
    assert.deepEqual(Object.keys(r.result.deployment_configs.production.env_vars), ['B']);
    assert.equal((await vars({ X: { type: 'odd', value: '' } })).status, 400);
    assert.deepEqual(Object.keys(r.result.deployment_configs.preview.env_vars), []);
  });

  for (const release of releases)
    test(`the ${release.name} wrangler deploys`, { skip: release.missing }, async () => {
      const dir = project(site), name = `by-${release.name}`;
      const w = async (args, input) => {
        const r = await wrangler(release, server, dir, ['pages', ...args], { input });
        assert.equal(r.code, 0, `wrangler pages ${args.join(' ')}\n${r.text}`);
        return r.text;
      };
      const force = release.name === 'newest' ? ['--force'] : [];
      await w(['project', 'create', name, '--production-branch', 'main', '--compatibility-date', '2026-01-01', ...force]);
      assert.match(await w(['deploy', 'public', `--project-name=${name}`, '--branch=main', '--commit-dirty=true', ...force]), /Deployment complete/);
      await looks_right((path, init) => ask(server, `${name}.pages.test`, path, init));
      await w(['secret', 'put', 'TOKEN', `--project-name=${name}`], 'hidden');
      await w(['deploy', 'public', `--project-name=${name}`, '--branch=dev', '--commit-dirty=true', ...force]);
      assert.equal((await ask(server, `dev.${name}.pages.test`, '/about')).text, '<h1>about</h1>');
      assert.match(await w(['deployment', 'list', `--project-name=${name}`]), /Preview[^]*Production/);
      assert.match(await w(['project', 'list']), new RegExp(name));
      await w(['project', 'delete', name, '--yes']);
    });
});
