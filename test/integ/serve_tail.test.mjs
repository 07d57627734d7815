// Seeing what a server does: sessions of tail by WebSocket, kept logs, metrics, exports, the server's own log.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { selvage, until } from './lib/selvage.mjs';
import { ask, dataDir, startServe } from './lib/serve.mjs';
import { folder } from './lib/wrangler.mjs';

const domain = 'workers.test';
const code = `
import { WorkerEntrypoint } from "cloudflare:workers";
export class Rpc extends WorkerEntrypoint { ping() { console.log("in rpc"); return 1; } }
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname === "/throw") { console.log("before"); throw new TypeError("no good"); }
    if (url.pathname === "/rpc") return new Response(String(await env.SELF.ping()));
    if (url.pathname === "/burst") { await Promise.all(Array.from({ length: 600 }, () => env.SELF.ping())); return new Response("ok"); }
    if (url.pathname === "/out") return fetch("http://127.0.0.1:" + url.searchParams.get("port") + "/made");
    if (url.pathname === "/kv") { await env.KV.put("k", "v"); return new Response(await env.KV.get("k")); }
    console.log("hello", { path: url.pathname, secret: request.headers.get("x-secret-thing") });
    console.debug("small"); console.error("large");
    return new Response("ok");
  },
  scheduled() { console.log("cron ran"); },
};`;

function upload(server, name, source, metadata = {}) {
  const form = new FormData();
  form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', ...metadata }));
  form.set('index.js', new File([source], 'index.js', { type: 'application/javascript+module' }));
  return server.call('PUT', `/workers/scripts/${name}`, form).then(async (r) => {
    assert.equal(r.status, 200, r.text);
    const on = await server.call('POST', `/workers/scripts/${name}/subdomain`, { enabled: true });
    assert.equal(on.status, 200, on.text);
  });
}

const ok = async (promise) => {
  const r = await promise;
  assert.equal(r.status, 200, r.text);
  return r.result;
};

// A session of tail: { ws, events, closed }.
async function tail(server, name, filters = []) {
  const { url, id, expires_at } = await ok(server.call('POST', `/workers/scripts/${name}/tails`, JSON.stringify({ filters })));
  assert(Date.parse(expires_at) > Date.now());
  const ws = new WebSocket(url, 'trace-v1');
  const t = { id, ws, url, events: [], closed: new Promise((done) => ws.on('close', (c, reason) => done([c, String(reason)]))) };
  ws.on('message', (data) => t.events.push(JSON.parse(data)));
  await new Promise((done, no) => { ws.on('open', done); ws.on('error', no); });
  assert.equal(ws.protocol, 'trace-v1');
  ws.send('{"debug":false}', { mask: false }); // as wrangler's first frame is
  return t;
}
const at = (path) => (e) => e.event?.request?.url.endsWith(path);

describe('a server', () => {
  let server;
  const get = (path, init) => ask(server, `shop.${domain}`, path, init);
  const tails = () => server.call('GET', '/workers/scripts/shop/tails').then((r) => r.result);

  before(async () => {
    server = await startServe({ domain, args: ['--allow-private'] });
    const kv = await ok(server.call('POST', '/storage/kv/namespaces', { title: 'k' }));
    await upload(server, 'shop', code, {
      bindings: [{ type: 'service', name: 'SELF', service: 'shop', entrypoint: 'Rpc' }, { type: 'kv_namespace', name: 'KV', namespace_id: kv.id }],
      observability: { enabled: true }, annotations: { 'workers/message': 'first', 'workers/tag': 't1' } });
    await upload(server, 'quiet', code.replace('ok', 'quiet'));
    await get('/');
  });
  after(() => server?.stop());

  describe('tail', () => {
    test('shows events of the worker, and of no other', async () => {
      const t = await tail(server, 'shop');
      await get('/one?t=0123456789abcdef0123456789abcdef', { headers: { cookie: 'a=1' } });
      await ask(server, `quiet.${domain}`, '/other');
      await get('/throw');
      await get('/rpc');
      const one = await until(() => t.events.find((e) => e.event?.request?.url.includes('/one')), 'the request');
      assert.deepEqual(one.logs.map((l) => [l.level, l.message]), [['log', ['hello', { path: '/one', secret: null }]], ['debug', ['small']], ['error', ['large']]]);
      assert.equal(one.outcome, 'ok');
      assert.equal(one.scriptName, 'shop');
      assert.equal(one.event.response.status, 200);
      assert.match(one.event.request.url, /t=REDACTED$/);
      assert.equal(one.event.request.headers.cookie, 'REDACTED');
      assert.equal(one.unredacted, undefined);
      assert.equal(one.scriptVersion.message, 'first');
      assert.equal(one.scriptVersion.tag, 't1');
      const thrown = await until(() => t.events.find(at('/throw')), 'the error');
      assert.equal(thrown.outcome, 'exception');
      assert.match(thrown.exceptions[0].stack, /at fetch/);
      const rpc = await until(() => t.events.find((e) => e.event?.rpcMethod), 'the call');
      assert.equal(rpc.entrypoint, 'Rpc');
      assert(!t.events.some(at('/other')));
      t.ws.close();
      await t.closed;
      await until(async () => (await tails()).length === 0, 'the session to go with its socket');
    });

    test('filters on the server', async () => {
      const sessions = {
        errors: await tail(server, 'shop', [{ outcome: ['exception', 'exceededCpu', 'exceededMemory', 'unknown'] }]),
        posts: await tail(server, 'shop', [{ method: ['POST'] }]),
        headed: await tail(server, 'shop', [{ header: { key: 'X-Mark', query: 'yes' } }]),
        own: await tail(server, 'shop', [{ client_ip: ['self'] }]),
        other: await tail(server, 'shop', [{ client_ip: ['192.0.2.1'] }]),
        search: await tail(server, 'shop', [{ query: '/find-me' }]),
        none: await tail(server, 'shop', [{ sampling_rate: 0 }]),
        version: await tail(server, 'shop', [{ scriptVersion: 'nothing' }]),
      };
      await get('/throw');
      await get('/post', { method: 'POST' });
      await get('/headed', { headers: { 'x-mark': 'oh yes' } });
      await get('/find-me');
      await get('/last');
      await until(() => sessions.own.events.some(at('/last')) && ['errors', 'posts', 'headed', 'search'].every((n) => sessions[n].events.length > 0), 'the events');
      const paths = (name) => sessions[name].events.map((e) => new URL(e.event.request.url).pathname);
      assert.deepEqual(paths('errors'), ['/throw']);
      assert.deepEqual(paths('posts'), ['/post']);
      assert.deepEqual(paths('headed'), ['/headed']);
      assert.deepEqual(paths('search'), ['/find-me']);
      assert.equal(paths('own').length, 5);
      for (const name of ['other', 'none', 'version']) assert.deepEqual(paths(name), [], name);
      for (const t of Object.values(sessions)) t.ws.terminate();
      await until(async () => (await tails()).length === 0, 'the sessions to go');
    });

    test('refuses what is no filter, a worker that is not there, and an eleventh viewer', async () => {
      const bad = await server.call('POST', '/workers/scripts/shop/tails', { filters: [{ colour: 'red' }] });
      assert.equal(bad.status, 400);
      assert.match(bad.errors[0].message, /colour/);
      const nobody = await server.call('POST', '/workers/scripts/nobody/tails', { filters: [] });
      assert.equal(nobody.status, 404);
      assert.equal(nobody.errors[0].code, 10007);
      assert.equal((await server.call('POST', '/workers/scripts/shop/tails', {}, { token: 'wrong' })).status, 401);
      const open = [];
      for (let i = 0; i < 10; i++) open.push(await ok(server.call('POST', '/workers/scripts/shop/tails', {})));
      assert.equal((await tails()).length, 10);
      assert(!(await tails()).some((t) => t.url), 'a capability in a list');
      assert.equal((await server.call('POST', '/workers/scripts/shop/tails', {})).status, 429);
      for (const t of open) await ok(server.call('DELETE', `/workers/scripts/shop/tails/${t.id}`));
      assert.equal((await server.call('DELETE', `/workers/scripts/shop/tails/${open[0].id}`)).status, 404);
    });

    test('needs the whole of its URL, and takes one viewer', async () => {
      const t = await tail(server, 'shop');
      const fails = (url) => new Promise((done) => { const w = new WebSocket(url, 'trace-v1'); w.on('unexpected-response', (_, r) => { done(r.statusCode); w.terminate(); }); w.on('error', () => {}); });
      assert.equal(await fails(t.url), 409);
      assert.equal(await fails(t.url.slice(0, -1) + (t.url.endsWith('0') ? '1' : '0')), 404);
      assert.equal(await fails(t.url.replace(/[^/]+$/, '')), 404);
      t.ws.terminate();
    });

    test('answers pings with their payload, and ends with a close when it is deleted', async () => {
      const t = await tail(server, 'shop');
      const pong = new Promise((done) => t.ws.on('pong', (data) => done(String(data))));
      t.ws.ping('wrangler tail ping');
      assert.equal(await pong, 'wrangler tail ping');
      await ok(server.call('DELETE', `/workers/scripts/shop/tails/${t.id}`));
      assert.equal((await t.closed)[0], 1000);
    });

    test('other sockets still need masked frames', async () => {
      const echo = `export default { fetch() { const [a, b] = Object.values(new WebSocketPair()); b.accept(); b.addEventListener("message", (m) => b.send(m.data)); return new Response(null, { status: 101, webSocket: a }); } }`;
      await upload(server, 'echo', echo);
      const socket = connect(server.port, '127.0.0.1');
      let got = Buffer.alloc(0);
      const over = new Promise((done) => socket.on('close', done));
      socket.on('data', (d) => (got = Buffer.concat([got, d])));
      socket.on('error', () => {});
      socket.write(`GET / HTTP/1.1\r\nhost: echo.${domain}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
      await until(() => got.includes('\r\n\r\n'), 'the 101');
      socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
      await until(() => got.subarray(got.indexOf('\r\n\r\n') + 4).includes(Buffer.from([0x03, 0xea])), 'a close with 1002');
      socket.destroy();
      await over;
    });

    test('says when it does not show everything', async () => {
      const t = await tail(server, 'shop');
      for (let round = 0; round < 20 && !t.events.some((e) => e.event?.type === 'overload'); round++)
        await Promise.all([get('/burst'), get('/burst')]); // each is 601 events
      const notice = await until(() => t.events.find((e) => e.event?.type === 'overload'), 'a notice');
      assert.match(notice.event.message, /sampling mode/);
      t.ws.terminate();
    });
  });

  describe('kept logs', () => {
    const logs = (query) => ok(server.call('GET', `/workers/observability/logs?${query}`));

    test('are found by worker, level, text and request', async () => {
      await get('/kept');
      const hello = (await logs('worker=shop&search=%2Fkept')).find((l) => l.type === 'log');
      assert.equal(hello.level, 'log');
      assert.deepEqual(hello.message, ['hello', { path: '/kept', secret: null }]);
      const whole = await logs(`request=${hello.requestId}`);
      assert.deepEqual(whole.map((l) => l.type).sort(), ['event', 'log', 'log', 'log']);
      assert((await logs('level=error&search=large')).length > 0);
      assert.deepEqual(await logs('worker=quiet'), [], 'a worker that did not ask for it');
      assert.deepEqual(await logs(`since=${Date.now() + 60000}`), []);
      assert.equal((await logs('limit=1')).length, 1);
      assert.equal((await server.call('GET', '/workers/observability/logs?level=loud')).status, 400);
    });

    test('are shown by selvage logs', async () => {
      const run = (args) => new Promise((done) => {
        const child = spawn(selvage, ['logs', ...args], { env: { ...process.env, ...server.env }, cwd: folder() });
        let out = '';
        child.stdout.on('data', (d) => (out += d));
        child.stderr.on('data', (d) => (out += d));
        child.on('close', (exit) => done({ exit, out }));
      });
      await get('/shown');
      const r = await run(['--worker', 'shop', '--since', '1h', '--search', '/shown']);
      assert.equal(r.exit, 0, r.out);
      assert.match(r.out, /shop log hello \{"path":"\/shown","secret":null\}/);
      const json = await run(['--worker', 'shop', '--search', '/shown', '--json']);
      assert.equal(JSON.parse(json.out)[0].worker, 'shop');
      assert.notEqual((await run(['--since', 'yesterday'])).exit, 0);
    });

    test('last over a restart', async () => {
      await get('/lasting');
      await until(async () => (await logs('search=%2Flasting')).length > 0, 'the line');
      // by the clock: a slot that nobody was there for is due at the next start, and runs once
      await upload(server, 'clock', 'export default { scheduled(c) { console.log("SLOT " + c.scheduledTime); }, fetch: () => new Response("") };', { observability: { enabled: true } });
      await ok(server.call('PUT', '/workers/scripts/clock/schedules', [{ cron: '* * * * *' }], { headers: { 'content-type': 'application/json' } }));
      const file = join(server.data, 'v1/cron.json');
      await until(() => { try { return JSON.parse(readFileSync(file, 'utf8')).length === 1; } catch { return false; } }, 'the book');
      await server.stop();
      const began = Date.now();
      writeFileSync(file, JSON.stringify(JSON.parse(readFileSync(file, 'utf8')).map((e) => ({ ...e, last: began - 300000 }))));
      server = await startServe({ domain, known: server, args: ['--allow-private'] });
      assert((await logs('search=%2Flasting')).length > 0);
      const slots = async () => (await logs('worker=clock&search=SLOT')).map((l) => Number(/SLOT (\d+)/.exec(JSON.stringify(l))[1]));
      const [slot] = await until(async () => { const s = await slots(); return s.length > 0 && s; }, 'the slot');
      assert.equal(slot % 60000, 0);
      assert((await slots()).every((s) => s > began - 60000), 'the latest one alone, of five');
      await ok(server.call('PUT', '/workers/scripts/clock/schedules', [], { headers: { 'content-type': 'application/json' } }));
    });
  });

  test('selvage tail shows events as people read them', async () => {
    const child = spawn(selvage, ['tail', 'shop', '--format', 'pretty'], { env: { ...process.env, ...server.env, NO_COLOR: '1' }, cwd: folder() });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (out += d));
    const exit = new Promise((done) => child.on('close', done));
    await until(() => /waiting for logs/.test(out), 'the session');
    await get('/pretty');
    await get('/throw');
    await until(() => /no good/.test(out), 'the error');
    assert.match(out, /GET http:\/\/shop\.workers\.test\/pretty - Ok @ /);
    assert.match(out, / {2}\(log\) hello \{"path":"\/pretty","secret":null\}/);
    assert.match(out, /- Exception Thrown @ /);
    child.kill('SIGINT');
    assert.equal(await exit, 0);
  });

  describe('metrics', () => {
    const scrape = async (headers = {}) => {
      const r = await fetch(`http://127.0.0.1:${server.apiPort}/metrics`, { headers });
      return { status: r.status, type: r.headers.get('content-type'), text: await r.text() };
    };
    // { name: [{ labels, value }] } of the text format; throws where it is malformed.
    const parse = (text) => {
      const families = {}, types = {};
      assert(text.endsWith('\n'));
      for (const line of text.split('\n')) {
        if (line === '') continue;
        const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
        if (comment) { if (comment[1] === 'TYPE') { assert(!types[comment[2]], line); types[comment[2]] = comment[3]; } continue; }
        const m = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line);
        assert(m, `malformed: ${line}`);
        const base = m[1].replace(/_(bucket|sum|count)$/, '');
        assert(types[m[1]] || types[base] === 'histogram', `no type: ${line}`);
        assert(!Number.isNaN(Number(m[3].replace('+Inf', 'Infinity'))), line);
        const labels = Object.fromEntries([...(m[2] ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map((p) => [p[1], p[2]]));
        (families[m[1]] ??= []).push({ labels, value: Number(m[3]) });
      }
      return families;
    };

    test('count events, their ends, operations and processes', async () => {
      await get('/kv');
      await get('/throw');
      const page = await until(async () => {
        const s = await scrape();
        return /outcome="exception"/.test(s.text) && /binding="kv"/.test(s.text) && s;
      }, 'the figures');
      assert.equal(page.status, 200);
      assert.match(page.type, /^text\/plain; version=0\.0\.4/);
      const all = parse(page.text);
      const of = (name, labels) => all[name]?.find((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;
      const shop = { account: server.account, worker: 'shop' };
      assert(of('selvage_events_total', { ...shop, kind: 'fetch' }) >= 2);
      assert(of('selvage_event_outcomes_total', { ...shop, outcome: 'exception' }) >= 1);
      assert(of('selvage_responses_total', { ...shop, class: '2xx' }) >= 1);
      assert(of('selvage_binding_operations_total', { ...shop, binding: 'kv' }) >= 2);
      assert(of('selvage_event_wall_seconds_count', shop) >= 2);
      assert.equal(of('selvage_event_wall_seconds_bucket', { ...shop, le: '+Inf' }), of('selvage_event_wall_seconds_count', shop));
      const buckets = all.selvage_event_cpu_seconds_bucket.filter((s) => s.labels.worker === 'shop').map((s) => s.value);
      assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b), 'buckets that do not add up');
      assert(of('selvage_isolates', { state: 'ready' }) >= 1);
      assert(of('selvage_worker_isolates', shop) >= 1 && of('selvage_worker_memory_bytes', shop) > 0);
      assert(of('selvage_isolate_memory_bytes', {}) > 0 && of('process_resident_memory_bytes', {}) > 0);
      assert(Math.abs(of('process_start_time_seconds', {}) - Date.now() / 1000) < 600);
    });

    test('count rows of D1, and commits by kind of store', async () => {
      const db = await ok(server.call('POST', '/d1/database', { name: 'counted' }));
      await upload(server, 'rows', `export default { async fetch(request, env) {
        await env.DB.exec('CREATE TABLE t(v)');
        await env.DB.prepare('INSERT INTO t VALUES (1), (2), (3)').run();
        return Response.json((await env.DB.prepare('SELECT v FROM t').all()).results.length);
      } };`, { bindings: [{ type: 'd1', name: 'DB', id: db.uuid }] });
      assert.equal((await ask(server, `rows.${domain}`, '/')).text, '3');
      const all = parse((await scrape()).text), by = { account: server.account, worker: 'rows' };
      const of = (name, labels) => all[name]?.find((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;
      assert(of('selvage_d1_rows_read_total', by) >= 3);
      assert(of('selvage_d1_rows_written_total', by) >= 3);
      assert(of('selvage_commit_seconds_count', { store: 'd1' }) >= 2);
      assert(of('selvage_commit_seconds_count', { store: 'catalog' }) >= 1);
    });

    test('are for this machine, not for what a proxy passes on', async () => {
      assert.equal((await scrape({ 'x-forwarded-for': '192.0.2.1' })).status, 403);
    });
  });
});

test('events are exported by OTLP: spans, logs, one trace with the caller', async () => {
  const got = { '/v1/traces': [], '/v1/logs': [] };
  let refusals = 2;
  const collector = createServer((req, res) => {
    let body = '';
    req.on('data', (d) => (body += d));
    req.on('end', () => {
      if (refusals-- > 0) return res.writeHead(503).end();
      assert.equal(req.headers['x-key'], 'abc');
      assert.equal(req.headers['content-type'], 'application/json');
      got[req.url].push(JSON.parse(body));
      res.end('{}');
    });
  });
  await new Promise((done) => collector.listen(0, '127.0.0.1', done));
  const data = dataDir(), port = collector.address().port;
  const file = join(folder(), 'selvage.toml');
  writeFileSync(file, `[logs]\nrequests = true\nformat = "json"\n[otlp]\nendpoint = "http://127.0.0.1:${port}/"\nheaders = ["x-key: abc"]\n`);
  const server = await startServe({ domain, data, args: ['--allow-private', '--config', file] });
  const kv = await ok(server.call('POST', '/storage/kv/namespaces', { title: 'k' }));
  await upload(server, 'shop', code, {
    bindings: [{ type: 'service', name: 'SELF', service: 'shop', entrypoint: 'Rpc' }, { type: 'kv_namespace', name: 'KV', namespace_id: kv.id }],
    observability: { enabled: true, traces: { enabled: true } } });
  const trace = '0af7651916cd43dd8448eb211c80319c', headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
  for (const path of ['/hello', '/kv', '/rpc']) assert.equal((await ask(server, `shop.${domain}`, path, { headers })).status, 200);
  const spans = () => got['/v1/traces'].flatMap((b) => b.resourceSpans).flatMap((r) => r.scopeSpans).flatMap((s) => s.spans);
  const records = () => got['/v1/logs'].flatMap((b) => b.resourceLogs).flatMap((r) => r.scopeLogs).flatMap((s) => s.logRecords);
  await until(() => spans().length >= 7 && records().length >= 4, 'spans and records');
  const attribute = (s, key) => { const a = s.attributes.find((x) => x.key === key); return a && Object.values(a.value)[0]; };
  for (const s of spans()) {
    assert.equal(s.traceId, trace);
    assert.match(s.spanId, /^[0-9a-f]{16}$/);
    assert(BigInt(s.endTimeUnixNano) >= BigInt(s.startTimeUnixNano));
  }
  const put = spans().find((s) => s.name === 'kv_put');
  const parent = spans().find((s) => s.spanId === put.parentSpanId);
  assert.equal(parent.parentSpanId, 'b7ad6b7169203331');
  assert.match(attribute(parent, 'url.full'), /\/kv$/);
  assert.equal(attribute(parent, 'http.response.status_code'), '200');
  assert.equal(attribute(put, 'cloudflare.kv.namespace_id'), kv.id);
  const rpc = spans().find((s) => s.name === 'rpc'), caller = spans().find((s) => s.spanId === rpc.parentSpanId);
  assert.match(attribute(caller, 'url.full'), /\/rpc$/);
  assert(records().some((r) => r.severityText === 'ERROR' && r.traceId === trace && /large/.test(r.body.stringValue)));
  assert.equal(got['/v1/traces'][0].resourceSpans[0].resource.attributes.find((a) => a.key === 'service.name').value.stringValue, 'shop');
  // The server's own log: one object for each event.
  const lines = await until(() => {
    const found = server.output.split('\n').filter((l) => l.startsWith('{"time"')).map((l) => JSON.parse(l));
    return found.length >= 4 && found;
  }, 'lines');
  const line = lines.find((l) => l.what.endsWith('/kv'));
  assert.deepEqual([line.kind, line.outcome, line.status, line.worker, line.account], ['fetch', 'ok', 200, 'shop', server.account]);
  assert(line.cpu_ms >= 0 && line.wall_ms > 0 && /^[0-9a-f]{16}$/.test(line.ray));
  // What waits is sent before the end.
  await ask(server, `shop.${domain}`, '/last', { headers });
  await server.stop();
  assert(spans().some((s) => attribute(s, 'url.full')?.endsWith('/last')));
  assert(readdirSync(join(data, 'v1', server.account, 'logs')).length > 0);
  collector.close();
});
