// Durable Objects go back in time: bookmarks, through checkpoints, restarts and killed processes.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dev, project, until } from './lib/selvage.mjs';

const files = {
  'wrangler.toml': `name = "past"
main = "index.js"
compatibility_date = "2026-06-01"
[[durable_objects.bindings]]
name = "P"
class_name = "Past"
[[durable_objects.bindings]]
name = "OLD"
class_name = "Old"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Past"]
new_classes = ["Old"]
`,
  'index.js': `
import { DurableObject } from 'cloudflare:workers';
const tried = async (f) => { try { return await f(); } catch (e) { return e.name + ': ' + e.message; } };
export class Past extends DurableObject {
  put(key, value) { this.ctx.storage.kv.put(key, value); }
  get(key) { return this.ctx.storage.kv.get(key) ?? null; }
  // Much of it is written anew, so that logs grow.
  churn(n, bytes) {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v BLOB)');
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO t VALUES (?, ?)', n % 8, new Uint8Array(bytes).fill(n));
    this.ctx.storage.kv.put('n', n);
    return n;
  }
  sum() {
    const there = this.ctx.storage.sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 't'").one().n;
    return { n: this.ctx.storage.kv.get('n') ?? 0, bytes: there ? this.ctx.storage.sql.exec('SELECT coalesce(sum(length(v)), 0) AS n FROM t').one().n : 0,
      check: this.ctx.storage.sql.exec('SELECT count(*) AS n FROM sqlite_master').one().n };
  }
  now() { return this.ctx.storage.getCurrentBookmark(); }
  at(ms) { return tried(() => this.ctx.storage.getBookmarkForTime(ms)); }
  async back(bookmark) {
    const undo = await this.ctx.storage.onNextSessionRestoreBookmark(bookmark);
    this.ctx.abort('restoring');
    return undo;
  }
  plan(bookmark) { return tried(() => this.ctx.storage.onNextSessionRestoreBookmark(bookmark)); }
  stop() { this.ctx.abort('stopped'); }
}
export class Old extends DurableObject {
  now() { return this.ctx.storage.getCurrentBookmark(); }
  at() { return tried(() => this.ctx.storage.getBookmarkForTime(0)); }
}
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [, name, method] = pathname.split('/');
    if (name === '__selvage_test_ready') return new Response('yes');
    const ns = name === 'old' ? env.OLD : env.P;
    try {
      return Response.json((await ns.get(ns.idFromName(name))[method](...JSON.parse(searchParams.get('a') ?? '[]'))) ?? null);
    } catch (e) {
      return new Response(e.message, { status: 500 });
    }
  },
};`,
};

const caller = (s) => async (name, method, ...a) => {
  const r = await s.fetch(`/${name}/${method}?a=${encodeURIComponent(JSON.stringify(a))}`);
  return r.status === 200 ? r.json() : { failed: await r.text() };
};
const restore = async (call, name, bookmark) => {
  const undo = await call(name, 'plan', bookmark);
  await call(name, 'stop');
  return undo;
};

test('an object goes back to a bookmark, and forth again', async () => {
  const s = await dev(project(files));
  const call = caller(s);
  try {
    await call('a', 'put', 'x', 1);
    const one = await call('a', 'now');
    assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/);
    await call('a', 'put', 'x', 2);
    assert.ok(one < (await call('a', 'now')), 'later bookmarks are greater');
    const undo = await restore(call, 'a', one);
    assert.match(undo, /^[0-9a-f]{8}-/);
    assert.equal(await call('a', 'get', 'x'), 1);
    await call('a', 'put', 'y', 3);
    await restore(call, 'a', undo);
    assert.deepEqual([await call('a', 'get', 'x'), await call('a', 'get', 'y')], [2, null]);
    assert.match((await call('a', 'back', one)).failed, /restoring/);
    assert.equal(await call('a', 'get', 'x'), 1);
  } finally {
    await s.stop();
  }
});

test('bookmarks of times, and wrong ones', async () => {
  const s = await dev(project(files));
  const call = caller(s);
  try {
    assert.match(await call('b', 'at', Date.now()), /No bookmark is known/);
    await call('b', 'put', 'x', 1);
    const at = Date.now() + 1000;
    await until(async () => Date.now() > at + 500, 'another second');
    await call('b', 'put', 'x', 2);
    await restore(call, 'b', await call('b', 'at', at));
    assert.equal(await call('b', 'get', 'x'), 1);
    assert.match(await call('b', 'plan', 'nonsense'), /malformed/);
    assert.match(await call('b', 'plan', await call('other', 'now')), /another Durable Object/);
    assert.match(await call('b', 'plan', (await call('b', 'now')).replace(/^.{8}/, '00000fff')), /not kept/);
    assert.match(await call('old', 'now'), /^[0-]*$/);
    assert.match(await call('old', 'at'), /does not implement point-in-time recovery/);
  } finally {
    await s.stop();
  }
});

test('through checkpoints, and the end of the server by kill -9', async () => {
  const dir = project(files);
  let s = await dev(dir);
  let call = caller(s);
  const logs = () => {
    const found = [];
    const walk = (d) => { for (const e of readdirSync(d, { withFileTypes: true })) e.isDirectory() ? walk(join(d, e.name)) : found.push(e.name); };
    walk(join(dir, '.selvage', 'state'));
    return found.filter((n) => /^[0-9a-f]{8}\.wal$/.test(n)).length;
  };
  const marks = [];
  let n = 0;
  try {
    for (let round = 0; round < 3; round++) {
      const before = logs();
      for (let i = 0; i < 200 && logs() < before + 2; i++) {
        assert.equal(await call('c', 'churn', ++n, 300_000), n);
        if (i % 5 === 0) marks.push({ bookmark: await call('c', 'now'), want: await call('c', 'sum') });
      }
      assert.ok(logs() > before, 'a log was archived');
      await s.stop('SIGKILL');
      s = await dev(dir);
      call = caller(s);
      assert.equal((await call('c', 'sum')).n, n);
    }
    for (const m of [marks[0], marks[marks.length >> 1], marks.at(-1), marks[1]]) {
      await restore(call, 'c', m.bookmark);
      assert.deepEqual(await call('c', 'sum'), m.want);
    }
    await call('c', 'churn', 1000, 10);
    await s.stop('SIGKILL');
    s = await dev(dir);
    assert.equal((await caller(s)('c', 'sum')).n, 1000);
  } finally {
    await s.stop('SIGKILL');
  }
});
