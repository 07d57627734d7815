// Static assets: with a worker, without one, behind a service binding, changed while they are served.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev, example, project, run, until } from './lib/selvage.mjs';

const get = async (s, path, init) => {
  const r = await s.fetch(path, { redirect: 'manual', ...init });
  return { status: r.status, location: r.headers.get('location'), headers: r.headers, text: await r.text() };
};

test('examples/site', async (t) => {
  const s = await dev(example('site'));
  try {
    await t.test('files, their headers and conditional requests', async () => {
      const css = await get(s, '/style.css');
      assert.equal(css.status, 200);
      assert.equal(css.headers.get('cache-control'), 'public, max-age=3600');
      assert.equal(css.headers.get('x-frame-options'), 'DENY');
      const again = await get(s, '/style.css', { headers: { 'if-none-match': css.headers.get('etag') } });
      assert.deepEqual([again.status, again.text], [304, '']);
      const head = await get(s, '/style.css', { method: 'HEAD' });
      assert.deepEqual([head.headers.get('content-length'), head.text], [String(css.text.length), '']);
      assert.equal((await get(s, '/style.css', { method: 'POST', body: 'x' })).status, 405);
    });
    await t.test('redirects and pages', async () => {
      assert.deepEqual([(await get(s, '/manual')).status, (await get(s, '/manual')).location], [301, '/docs/']);
      assert.equal((await get(s, '/help/')).location, '/docs/');
      assert.equal((await get(s, '/docs')).location, '/docs/');
      assert.equal((await get(s, '/index.html?a=1')).location, '/?a=1');
      assert.match((await get(s, '/')).text, /A site/);
    });
    await t.test('the worker: what is routed to it, what it asks of the assets', async () => {
      assert.match((await get(s, '/api/time')).text, /"now"/);
      assert.match((await get(s, '/greet?name=Ada')).text, /<b id="name">Ada<\/b>/);
      const missing = await get(s, '/none');
      assert.deepEqual([missing.status, /no such page/.test(missing.text)], [404, true]);
      assert.equal((await get(s, '/_headers')).status, 404);
    });
  } finally {
    await s.stop();
  }
});

test('a large file passes whole to a slow reader', async () => {
  const bytes = Buffer.alloc(5_000_000, 'selvage ');
  const s = await dev(project({ 'wrangler.toml': 'name="big"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="public"', 'public/big.bin': bytes }));
  try {
    const r = await s.fetch('/big.bin');
    const parts = [];
    for await (const part of r.body) {
      parts.push(part);
      await new Promise((next) => setImmediate(next));
    }
    assert.ok(Buffer.concat(parts).equals(bytes));
  } finally {
    await s.stop();
  }
});

test('without a worker; files that come, change and go', async () => {
  const dir = project({ 'wrangler.toml': 'name="only"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="./public"\nnot_found_handling="single-page-application"', 'public/index.html': 'one' });
  const s = await dev(dir);
  try {
    assert.equal((await get(s, '/any/where')).text, 'one');
    const tag = (await get(s, '/')).headers.get('etag');
    writeFileSync(join(dir, 'public', 'index.html'), 'two!');
    await until(async () => (await get(s, '/')).text === 'two!', 'the changed file');
    await until(async () => (await get(s, '/')).headers.get('etag') !== tag, 'another tag');
    mkdirSync(join(dir, 'public', 'new'));
    writeFileSync(join(dir, 'public', 'new', 'a.txt'), 'new');
    await until(async () => (await get(s, '/new/a.txt')).text === 'new', 'the new file');
    rmSync(join(dir, 'public', 'new'), { recursive: true });
    await until(async () => (await get(s, '/new/a.txt')).text !== 'new', 'the end of the file');
  } finally {
    await s.stop();
  }
});

test('--assets without a configuration', async () => {
  const dir = project({ 'site/index.html': 'here' });
  const s = await dev(dir, ['--assets', 'site', '--compatibility-date', '2026-06-01']);
  try {
    assert.equal((await get(s, '/')).text, 'here');
  } finally {
    await s.stop();
  }
});

test('a service binding calls past the assets of the other worker', async () => {
  const dir = project({
    'front/wrangler.toml': 'name="front"\nmain="i.js"\ncompatibility_date="2026-06-01"\n[[services]]\nbinding="SITE"\nservice="site"',
    'front/i.js': 'export default { fetch: (r, env) => env.SITE.fetch(r) };',
    'site/wrangler.toml': 'name="site"\nmain="i.js"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="pub"',
    'site/i.js': 'export default { fetch: (r) => new Response("worker " + new URL(r.url).pathname) };',
    'site/pub/a.txt': 'asset',
  });
  const s = await dev(dir, ['-c', 'front/wrangler.toml', '-c', 'site/wrangler.toml']);
  try {
    assert.equal((await get(s, '/a.txt')).text, 'asset');
    assert.equal((await get(s, '/b.txt')).text, 'worker /b.txt');
  } finally {
    await s.stop();
  }
});

test('navigation prefers the page of an application to its worker', async () => {
  const s = await dev(project({
    'wrangler.toml': 'name="spa"\nmain="i.js"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="public"\nnot_found_handling="single-page-application"',
    'i.js': 'export default { fetch: () => new Response("worker") };',
    'public/index.html': 'page',
  }));
  try {
    const http = await import('node:http'); // fetch() does not send this field
    const navigate = (path) => new Promise((done) => http.get(s.url + path, { headers: { 'sec-fetch-mode': 'navigate' } }, async (r) => done(Buffer.concat(await r.toArray()).toString())));
    assert.equal(await navigate('/deep/link'), 'page');
    assert.equal((await get(s, '/deep/link')).text, 'worker');
  } finally {
    await s.stop();
  }
});

test('wrong use is told in a line', async (t) => {
  const base = 'name="x"\ncompatibility_date="2026-06-01"\n';
  const cases = {
    'no directory': [{ 'wrangler.toml': base + '[assets]\ndirectory="dist"' }, /there is no directory dist; correct 'assets.directory'/],
    'a binding without a worker': [{ 'wrangler.toml': base + '[assets]\ndirectory="p"\nbinding="A"', 'p/a': '' }, /'assets.binding' is for a worker/],
    'worker first without a worker': [{ 'wrangler.toml': base + '[assets]\ndirectory="p"\nrun_worker_first=true', 'p/a': '' }, /'assets.run_worker_first' is for a worker/],
    'a rule of run_worker_first': [{ 'wrangler.toml': base + 'main="i.js"\n[assets]\ndirectory="p"\nrun_worker_first=["api"]', 'p/a': '', 'i.js': '' }, /wrangler\.toml:\d+:\d+: .*rules must start with '\/'/],
  };
  for (const [name, [files, pattern]] of Object.entries(cases))
    await t.test(name, async () => {
      const r = await run(['dev', '--port', '0'], { cwd: project(files) });
      assert.notEqual(r.code, 0);
      assert.match(r.stderr, pattern);
    });
});

test('rules that are none are named and left out', async () => {
  const s = await dev(project({
    'wrangler.toml': 'name="w"\ncompatibility_date="2026-06-01"\n[assets]\ndirectory="p"',
    'p/_redirects': '/a /b\n/bad\n',
    'p/b.txt': 'b',
  }));
  try {
    await s.saw(/_redirects:2: expected FROM TO \[STATUS\], got 1 word \| \/bad/);
    assert.equal((await get(s, '/a')).location, '/b');
  } finally {
    await s.stop();
  }
});
