// What an upgrade does to connections that are open: those of TLS and HTTP/2 besides the plain ones of serve.test.mjs, WebSockets, streams.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import https from 'node:https';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { below } from './lib/processes.mjs';
import { authority, folder, keep } from './lib/pki.mjs';
import { freePort, until } from './lib/selvage.mjs';
import { ask, startServe } from './lib/serve.mjs';

const processes = (s, name) => below(s.pid).filter((p) => p.args === `selvage: ${name}`);
const ca = authority(), certs = join(folder(), 'certs'), domain = 'up.test';
mkdirSync(certs);
keep(certs, 'wild', ca.issue([domain, `*.${domain}`]));

async function serve(args = []) {
  const secure = await freePort();
  return Object.assign(await startServe({ domain, args: ['--tls-listen', `127.0.0.1:${secure}`, '--certificates', certs, ...args] }), { secure });
}

async function deploy(s, name, source, metadata = {}) {
  const form = new FormData();
  form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-06-01', ...metadata }));
  form.set('index.js', new Blob([source], { type: 'application/javascript+module' }), 'index.js');
  const put = await s.call('PUT', `/workers/scripts/${name}`, form);
  assert.equal(put.status, 200, put.text);
  assert.equal((await s.call('POST', `/workers/scripts/${name}/subdomain`, { enabled: true })).status, 200);
}

// Another main, and the old one has either ended or become a front.
async function upgrade(s) {
  const [old] = processes(s, 'main');
  process.kill(s.pid, 'SIGUSR2');
  await until(() => processes(s, 'main').some((p) => p.pid !== old.pid) && !processes(s, 'main').some((p) => p.pid === old.pid), 'another main');
  return old.pid;
}

// One request on a keep-alive connection of TLS.
function get(s, agent, path = '/') {
  return new Promise((done, fail) => {
    const req = https.request({ host: '127.0.0.1', port: s.secure, servername: `show.${domain}`, ca: ca.pem, agent, path, headers: { host: `show.${domain}` } }, (res) => {
      let text = '';
      res.on('data', (d) => (text += d));
      res.on('end', () => done({ status: res.statusCode, text, port: req.socket.localPort, fresh: !req.reusedSocket }));
      res.on('error', fail);
    });
    req.on('error', fail);
    req.end();
  });
}

const SHOW = `export default { async fetch(request) {
  const sent = request.body ? (await request.arrayBuffer()).byteLength : 0;
  return Response.json({ ip: request.headers.get('cf-connecting-ip'), url: request.url, tls: request.cf.tlsVersion, cipher: request.cf.tlsCipher, http: request.cf.httpProtocol, sent });
} }`;

test('TLS connections that are kept alive, and HTTP/2, under load', async () => {
  const s = await serve();
  await deploy(s, 'show', SHOW);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 8 });
  const first = JSON.parse((await get(s, agent)).text);
  assert.deepEqual([first.url, first.tls, first.http], [`https://show.${domain}/`, 'TLSv1.3', 'HTTP/1.1']);

  const seen = { ok: 0, h2: 0, failed: [], ports: new Set(), sessions: 0 };
  let over = false;
  const h1 = async () => {
    while (!over)
      try {
        const r = await get(s, agent);
        seen.ports.add(r.port);
        assert.deepEqual(JSON.parse(r.text), first);
        seen.ok++;
      } catch (e) { seen.failed.push(`HTTP/1: ${e.message}`); }
  };
  // What a client does that keeps to the protocol: after GOAWAY it begins no more streams there.
  const h2 = async () => {
    let session;
    while (!over) {
      if (!session || session.closed || session.destroyed) {
        session = http2.connect(`https://127.0.0.1:${s.secure}`, { servername: `show.${domain}`, ca: ca.pem });
        session.on('error', (e) => seen.failed.push(`HTTP/2 session: ${e.message}`));
        await new Promise((done) => session.once('connect', done));
        seen.sessions++;
      }
      await Promise.all([1, 2, 3].map(() => new Promise((done) => {
        let text = '';
        const stream = session.request({ ':path': '/', ':method': 'POST', ':authority': `show.${domain}` });
        stream.on('data', (d) => (text += d));
        stream.on('end', () => { if (text.includes('"sent":1000')) seen.h2++; });
        stream.on('error', (e) => seen.failed.push(`HTTP/2: ${e.message}`));
        stream.on('close', done);
        stream.end(Buffer.alloc(1000));
      })));
    }
    session.close();
  };
  const all = [...Array.from({ length: 6 }, h1), h2(), h2()];
  const goOn = async (what) => {
    const { ok, h2: streams } = seen, told = () => `${what}: HTTP/1 ${ok} to ${seen.ok}, HTTP/2 ${streams} to ${seen.h2}`;
    await until(() => (seen.ok > ok + 30 && seen.h2 > streams + 30) || seen.failed.length > 0, what).catch(() => assert.fail(told()));
  };
  for (let i = 0; i < 2; i++) {
    await goOn('requests');
    await upgrade(s);
  }
  await goOn('requests to the last main');
  assert.ok(processes(s, 'front').length >= 1, 'the first main goes on with TLS');
  over = true;
  await Promise.all(all);
  assert.deepEqual(seen.failed, []);
  assert.ok(seen.ports.size <= 8, `${seen.ports.size} connections: those of the first main went on`);
  assert.ok(seen.sessions >= 6, `${seen.sessions} sessions of HTTP/2`);
  agent.destroy();
  await until(() => processes(s, 'front').length === 0, 'the end of the fronts');
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
});

const ROOM = `
import { DurableObject } from 'cloudflare:workers';
export class Room extends DurableObject {
  born = crypto.randomUUID();
  async fetch(request) {
    const url = new URL(request.url), name = url.searchParams.get('name');
    if (url.pathname === '/log') return Response.json(await this.ctx.storage.get('log') ?? []);
    const pair = new WebSocketPair();
    if (url.pathname === '/plain') {
      pair[1].accept();
      pair[1].addEventListener('message', (m) => pair[1].send('plain ' + m.data));
      return new Response(null, { status: 101, webSocket: pair[0] });
    }
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
    this.ctx.acceptWebSocket(pair[1], ['all', 'tag-' + name]);
    pair[1].serializeAttachment({ name, at: 1 });
    return new Response(null, { status: 101, webSocket: pair[0] });
  }
  async webSocketMessage(ws, message) {
    const { name } = ws.deserializeAttachment();
    const log = await this.ctx.storage.get('log') ?? [];
    log.push([name, message]);
    await this.ctx.storage.put('log', log);
    ws.send(JSON.stringify({ name, message, born: this.born, tags: this.ctx.getTags(ws), all: this.ctx.getWebSockets('all').length }));
  }
  async webSocketClose(ws, code) {
    const log = await this.ctx.storage.get('log') ?? [];
    log.push([ws.deserializeAttachment().name, 'closed ' + code]);
    await this.ctx.storage.put('log', log);
    ws.close(code);
  }
}
export default {
  async fetch(request, env) {
    return env.ROOM.getByName('one').fetch(request);
  }
}`;
const ROOM_METADATA = { bindings: [{ type: 'durable_object_namespace', name: 'ROOM', class_name: 'Room' }], migrations: { new_tag: 'v1', new_sqlite_classes: ['Room'] } };

function socket(s, host, path, secure = true) {
  const ws = new WebSocket(secure ? `wss://127.0.0.1:${s.secure}${path}` : `ws://127.0.0.1:${s.port}${path}`,
    { headers: { host: `${host}.${domain}` }, servername: `${host}.${domain}`, ca: ca.pem });
  ws.got = [];
  ws.on('message', (d) => ws.got.push(String(d)));
  ws.on('error', (e) => (ws.failed = e));
  ws.on('close', (code) => (ws.closed = code));
  return new Promise((done, fail) => { ws.once('open', () => done(ws)); ws.once('error', fail); ws.once('close', (c) => fail(new Error(`closed ${c}`))); });
}

test('sockets that hibernate go to the new main, and no message is lost or doubled', async () => {
  const s = await serve();
  await deploy(s, 'room', ROOM, ROOM_METADATA);
  const plain = await socket(s, 'room', '/?name=plain', false), tls = await socket(s, 'room', '/?name=tls'), quiet = await socket(s, 'room', '/?name=quiet', false);
  const accepted = await socket(s, 'room', '/plain');
  const sent = { plain: 0, tls: 0 };
  let over = false;
  // One message after the other, and now and then some at once.
  const talk = async (ws, name) => {
    while (!over) {
      const n = sent[name] % 5 === 0 ? 3 : 1;
      for (let i = 0; i < n; i++) ws.send(`${name} ${sent[name]++}`);
      await until(() => ws.got.length === sent[name] || ws.closed, `answers for ${name}`);
      if (ws.closed) return;
    }
  };
  const all = [talk(plain, 'plain'), talk(tls, 'tls')];
  for (let round = 0; round < 2; round++) {
    const { plain: p, tls: t } = sent;
    await until(() => (sent.plain > p + 10 && sent.tls > t + 10) || plain.closed || tls.closed, 'messages');
    quiet.send(`quiet ${round}`);
    await upgrade(s);
  }
  const { plain: p, tls: t } = sent;
  await until(() => (sent.plain > p + 10 && sent.tls > t + 10) || plain.closed || tls.closed, 'messages to the last main');
  over = true;
  await Promise.all(all);
  assert.deepEqual([plain.closed, tls.closed, quiet.closed], [undefined, undefined, undefined]);
  const answers = { plain: plain.got.map((m) => JSON.parse(m)), tls: tls.got.map((m) => JSON.parse(m)) };
  for (const name of ['plain', 'tls']) {
    assert.deepEqual(answers[name].map((a) => a.message), Array.from({ length: sent[name] }, (_, i) => `${name} ${i}`));
    assert.ok(answers[name].every((a) => a.name === name && a.all === 3 && a.tags.join() === `all,tag-${name}`));
    assert.ok(new Set(answers[name].map((a) => a.born)).size >= 3, 'the object woke in each main');
  }
  await until(() => quiet.got.length === 2, 'answers for the quiet one');
  assert.equal(accepted.closed, 1012, 'objects move, so what they hold in memory ends');
  tls.send('ping');
  await until(() => tls.got.at(-1) === 'pong', 'the automatic answer');
  plain.close(4000);
  await until(() => plain.closed === 4000, 'the close');
  const log = JSON.parse((await ask(s, `room.${domain}`, '/log')).text);
  for (const name of ['plain', 'tls']) assert.deepEqual(log.filter((l) => l[0] === name && l[1].startsWith(name)).map((l) => l[1]), answers[name].map((a) => a.message));
  assert.deepEqual(log.at(-1), ['plain', 'closed 4000']);
  tls.terminate();
  quiet.terminate();
  await s.stop();
});

const LONG = `
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === '/echo') {
      const pair = new WebSocketPair();
      let n = 0;
      pair[1].accept();
      pair[1].addEventListener('message', async (m) => {
        n++;
        if (m.data !== 'kv') return pair[1].send(n + ' ' + m.data);
        try { await env.KV.put('k', 'from the socket'); pair[1].send('put ' + await env.KV.get('k')); } catch (e) { pair[1].send('error ' + e.message); }
      });
      return new Response(null, { status: 101, webSocket: pair[0] });
    }
    if (url.pathname === '/events') {
      let i = 0;
      return new Response(new ReadableStream({ async pull(c) {
        await scheduler.wait(20);
        c.enqueue(new TextEncoder().encode('data: ' + i++ + '\\n\\n'));
        if (i === 2000) c.close();
      } }), { headers: { 'content-type': 'text/event-stream' } });
    }
    return new Response('hello');
  }
}`;

test('sockets and streams of ordinary workers go on in a front', async () => {
  const s = await serve();
  const ns = (await s.call('POST', '/storage/kv/namespaces', { title: 'n' })).result.id;
  await deploy(s, 'long', LONG, { bindings: [{ type: 'kv_namespace', name: 'KV', namespace_id: ns }] });
  const ws = await socket(s, 'long', '/echo');
  let events = '', ended = false;
  const stream = await new Promise((done, fail) => https.get({ host: '127.0.0.1', port: s.secure, path: '/events', agent: false, servername: `long.${domain}`, ca: ca.pem, headers: { host: `long.${domain}` } }, done).on('error', fail));
  stream.on('data', (d) => (events += d)).on('end', () => (ended = true)).on('error', (e) => (ended = e));
  const session = http2.connect(`https://127.0.0.1:${s.secure}`, { servername: `long.${domain}`, ca: ca.pem });
  let h2 = '';
  session.on('error', () => {});
  const over2 = session.request({ ':path': '/events', ':authority': `long.${domain}` }).on('data', (d) => (h2 += d)).on('error', (e) => (h2 += e));
  ws.send('a');
  await until(() => ws.got.length === 1 && events.length > 20 && h2.length > 20, 'the beginning');
  const before = Date.now();
  await upgrade(s);
  assert.equal((await ask(s, `long.${domain}`)).text, 'hello');
  assert.ok(Date.now() - before < 8000, 'nobody waited for what is long');
  assert.equal(processes(s, 'front').length, 1);
  ws.send('b');
  await until(() => ws.got.length === 2 || ws.closed, 'the same isolate');
  assert.deepEqual(ws.got, ['1 a', '2 b']);
  ws.send('kv'); // the store has moved: an error, not the end of the socket
  await until(() => ws.got.length === 3 || ws.closed, 'what became of the operation');
  assert.match(ws.got.pop(), /^error .*upgrade of the server/);
  const [e1, e2] = [events.length, h2.length];
  await until(() => events.length > e1 + 50 && h2.length > e2 + 50, 'more events');
  await upgrade(s); // a second one, while the front is there
  ws.send('c');
  await until(() => ws.got.length === 3 || ws.closed, 'the same isolate');
  assert.equal(ws.got[2], '4 c');
  // the main that the front was made for may die
  const [main] = processes(s, 'main');
  process.kill(main.pid, 'SIGKILL');
  await until(() => processes(s, 'main').some((p) => p.pid !== main.pid), 'another main');
  assert.equal((await ask(s, `long.${domain}`)).text, 'hello');
  ws.send('d');
  await until(() => ws.got.length === 4 || ws.closed, 'the same isolate');
  assert.equal(ws.got[3], '5 d');
  ws.close(1000);
  await until(() => ws.closed === 1000, 'the end of the socket');
  stream.destroy();
  over2.close();
  session.close();
  await until(() => processes(s, 'front').length === 0, 'the end of the fronts');
  await s.stop();
});

test('a front has its time, and ends with the server', async () => {
  const s = await serve(['--upgrade-seconds', '1']);
  await deploy(s, 'long', LONG);
  const first = await socket(s, 'long', '/echo');
  await upgrade(s);
  await until(() => first.closed, 'the end of its time');
  assert.equal(first.closed, 1012);
  await until(() => processes(s, 'front').length === 0, 'the end of the front');
  await s.stop();

  const known = await serve(['--drain-seconds', '1']);
  await deploy(known, 'long', LONG);
  const second = await socket(known, 'long', '/echo');
  await upgrade(known);
  const [front] = processes(known, 'front');
  assert.deepEqual(await known.stop(), { code: 0, signal: null });
  assert.ok(second.closed || (await until(() => second.closed, 'its end')));
  assert.throws(() => process.kill(front.pid, 0), 'no process is left');
});
