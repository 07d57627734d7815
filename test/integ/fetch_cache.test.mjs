// fetch() that says how it is to be cached: cf: { cacheTtl, cacheEverything, cacheKey, cacheTtlByStatus }, and `cache`.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import { dev, until, worker } from './lib/selvage.mjs';

const source = `
import { DurableObject } from 'cloudflare:workers';
const ask = async (url, init) => {
  const r = await fetch(url, init);
  return [r.status, r.headers.get('cf-cache-status'), await r.text(), r.headers.get('cache-control'), r.headers.get('set-cookie'), r.url === url];
};
export class Asker extends DurableObject { ask(url, init) { return ask(url, init); } }
export default { async fetch(request, env) {
  if (request.method !== 'POST') return new Response('ready');
  const { url, init, object } = await request.json();
  return Response.json(await (object ? env.ASKER.getByName('x').ask(url, init) : ask(url, init)));
} };`;
const config = '[[durable_objects.bindings]]\nname = "ASKER"\nclass_name = "Asker"\n[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Asker"]\n';

test('responses of origins are cached as requests say', async (t) => {
  let count = 0;
  const large = Buffer.alloc(300000, 'large ');
  const origin = createServer((req, res) => {
    const url = new URL(req.url, 'http://o/'), headers = {};
    for (const [name, value] of url.searchParams) if (name !== 'status') headers[name] = value;
    count++;
    const text = `${req.method} ${count}`;
    if (url.pathname === '/large') return res.writeHead(200, { 'content-type': 'text/plain' }).end(large);
    if (url.pathname === '/zipped') return res.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }).end(gzipSync(text));
    res.writeHead(Number(url.searchParams.get('status') ?? 200), headers).end(text);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => origin.once('listening', done));
  const base = `http://127.0.0.1:${origin.address().port}`;
  const server = await dev(worker(source, config));
  const ask = async (path, init, object) => (await server.fetch('/', { method: 'POST', body: JSON.stringify({ url: base + path, init, object }) })).json();
  // A response is kept while its body flows: the next request may come too soon, and what two requests bring is kept one after the other.
  let last;
  const hit = (path, init, object) => until(async () => {
    const r = await ask(path, init, object), before = last;
    last = r[1] === 'HIT' ? JSON.stringify([path, r[2]]) : undefined;
    return last !== undefined && last === before && r;
  }, `hits of ${path}`);
  try {
    await t.test('cacheTtl keeps what the origin would not have kept', async () => {
      const path = '/ttl?cache-control=no-store&set-cookie=a=b', init = { cf: { cacheTtl: 100 } };
      const first = await ask(path, init);
      assert.deepEqual([first[1], first[3], first[4]], ['MISS', 'no-store', 'a=b']);
      const [status, , body, control, cookie, url] = await hit(path, init);
      assert.match(body, /^GET \d+$/);
      assert.deepEqual([status, control, cookie, url], [200, 'no-store', null, true]);
      assert.equal((await ask(path, init))[2], body);
      assert.equal((await ask(path))[1], null);
    });
    await t.test('cacheTtl runs out, and 0 and less keep nothing', async () => {
      const init = { cf: { cacheTtl: 1 } };
      const { 2: body } = await ask('/short', init);
      await until(async () => (await ask('/short', init))[2] !== body, 'the end of a second');
      for (const cacheTtl of [0, -1]) {
        const one = await ask('/none', { cf: { cacheTtl } });
        assert.equal(one[1], 'BYPASS');
        assert.notEqual((await ask('/none', { cf: { cacheTtl } }))[2], one[2]);
      }
    });
    await t.test('cacheEverything goes by what the origin says', async () => {
      const init = { cf: { cacheEverything: true } };
      await ask('/page?cache-control=max-age=100', init);
      assert.equal((await hit('/page?cache-control=max-age=100', init))[3], 'max-age=100');
      const { 2: body } = await ask('/page?cache-control=no-store', init);
      assert.notEqual((await ask('/page?cache-control=no-store', init))[2], body);
    });
    await t.test('cacheKey stands for the URL', async () => {
      const init = { cf: { cacheEverything: true, cacheKey: 'my key', cacheTtl: 100 } };
      await ask('/one', init);
      const [, , body, , , url] = await hit('/two', init);
      assert.equal((await ask('/three', init))[2], body);
      assert.equal(url, true);
    });
    await t.test('cacheTtlByStatus: each status for itself, of what may be cached at all', async () => {
      const cacheTtlByStatus = { '200-299': 100, 404: 50, '500-599': 0 };
      assert.equal((await ask('/by', { cf: { cacheTtlByStatus } }))[1], 'DYNAMIC');
      await ask('/by.png', { cf: { cacheTtlByStatus } });
      await hit('/by.png', { cf: { cacheTtlByStatus } });
      const init = { cf: { cacheTtlByStatus, cacheEverything: true } };
      await ask('/by?status=404', init);
      assert.equal((await hit('/by?status=404', init))[0], 404);
      assert.equal((await ask('/by?status=503', init))[1], 'BYPASS');
      assert.equal((await ask('/by?status=503', { cf: { cacheTtl: 100 } }))[1], 'BYPASS');
    });
    await t.test('the cache mode goes around it', async () => {
      const cf = { cacheTtl: 100 };
      await ask('/mode', { cf });
      const { 2: kept } = await hit('/mode', { cf });
      const past = await ask('/mode', { cf, cache: 'no-store' });
      assert.equal(past[1], 'DYNAMIC');
      assert.notEqual(past[2], kept);
      assert.equal((await ask('/mode', { cf }))[2], kept);
      const anew = await ask('/mode', { cf, cache: 'no-cache' });
      assert.equal(anew[1], 'EXPIRED');
      await until(async () => (await ask('/mode', { cf }))[2] === anew[2], 'the new one');
    });
    await t.test('other methods, coded bodies, large ones, Durable Objects', async () => {
      const init = { cf: { cacheTtl: 100 } };
      assert.equal((await ask('/post', { ...init, method: 'POST', body: 'x' }))[1], null);
      assert.match((await ask('/zipped', init))[2], /^GET \d+$/);
      const { 2: zipped } = await hit('/zipped', init);
      assert.match(zipped, /^GET \d+$/);
      assert.equal((await hit('/zipped', init))[2], zipped);
      await ask('/large', init);
      assert.equal((await hit('/large', init))[2], large.toString());
      await ask('/object', init, true);
      await hit('/object', init, true);
      const before = count;
      assert.deepEqual((await ask('/object', { ...init, method: 'HEAD' })).slice(0, 3), [200, 'HIT', '']);
      assert.equal(count, before);
    });
  } finally {
    await server.stop();
    origin.close();
  }
});
