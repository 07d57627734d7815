// A worker that means harm, on a server with two accounts: each thing that it tries gets it nowhere, and while it tries its neighbour's requests
// are answered. What native code inside an isolate could try is test/unit/sandbox_test.c; frames that it could forge, pool_test.c and edge_test.c.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ask, startServe } from './lib/serve.mjs';
import { sleep, until } from './lib/selvage.mjs';
import { addAccount, call, deploy } from './lib/tenants.mjs';

const DOMAIN = 'workers.test';

const neighbourSource = `
export class Counter {
  constructor(state) { this.state = state; }
  async fetch() { const n = (await this.state.storage.get('n') ?? 0) + 1; await this.state.storage.put('n', n); return new Response(String(n)); }
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/setup') {
      await env.DB.exec('CREATE TABLE IF NOT EXISTS secrets(v)');
      await env.DB.prepare('INSERT INTO secrets VALUES (?)').bind('neighbour-secret').run();
      await env.KV.put('key', 'neighbour-secret');
      await env.BUCKET.put('key', 'neighbour-secret');
      return new Response('ready');
    }
    if (pathname === '/d1') return new Response((await env.DB.prepare('SELECT v FROM secrets').first('v')));
    return new Response('fine');
  },
};`;

const hostileSource = `
import { connect } from 'cloudflare:sockets';
import * as fs from 'node:fs';
import * as net from 'node:net';

// Everything that went wrong as text: what went well would be an array of results.
const tries = async (list) => {
  const out = {};
  for (const [name, f] of Object.entries(list))
    try { const v = await f(); out[name] = 'GOT ' + String(v).slice(0, 200); } catch (e) { out[name] = 'refused: ' + String(e?.message ?? e).slice(0, 200); }
  return Response.json(out);
};
const read = (s) => new Response(s).text();

export class Mine {
  constructor(state) { this.state = state; }
  async fetch(request) {
    if (new URL(request.url).pathname === '/fill') {
      const piece = 'x'.repeat(100000);
      for (let i = 0; ; i++) await this.state.storage.put('k' + i, piece.repeat(20));
    }
    return new Response('mine');
  }
}

const routes = {
  files: () => tries({
    passwd: () => fs.readFileSync('/etc/passwd', 'utf8'),
    proc: () => fs.readFileSync('/proc/self/environ', 'utf8'),
    list: () => fs.readdirSync('/etc').join(),
    up: () => fs.readFileSync('../../../../../../etc/hostname', 'utf8'),
    url: async () => (await fetch('file:///etc/passwd')).text(),
    module: async () => JSON.stringify(await import('/etc/passwd')),
  }),
  processes: () => tries({
    exec: async () => (await import('node:child_process')).execSync('id').toString(),
    spawn: async () => new Promise((done, fail) => import('node:child_process').then((m) => { const p = m.spawn('id'); p.on('error', fail); p.on('spawn', done); }).catch(fail)),
    worker: async () => { const { Worker } = await import('node:worker_threads'); return new Worker('1', { eval: true }); },
    code: () => (0, eval)('1 + 1'),
    func: () => new Function('return 1')(),
    binding: () => process.binding('fs').open,
    dlopen: () => process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6') ?? 'loaded',
  }),
  async reach(request) {
    const { targets } = await request.json();
    const list = {};
    for (const t of targets) list[t] = async () => { const r = await fetch(t, { signal: AbortSignal.timeout(3000) }); return r.status + ' ' + (await r.text()); };
    return tries(list);
  },
  async dial(request) {
    const { targets } = await request.json();
    const list = {};
    for (const t of targets) {
      list['connect ' + t] = async () => { const s = connect(t); const w = s.writable.getWriter(); await w.write(new TextEncoder().encode('GET / HTTP/1.0\\r\\n\\r\\n')); return read(s.readable); };
      list['net ' + t] = () => new Promise((done, fail) => {
        const i = t.lastIndexOf(':');
        const s = net.connect(Number(t.slice(i + 1)), t.slice(0, i).replace(/[\\[\\]]/g, ''));
        s.on('connect', () => s.write('GET / HTTP/1.0\\r\\n\\r\\n')); s.on('data', (d) => done(String(d))); s.on('error', fail); s.on('close', () => fail(new Error('closed')));
      });
    }
    return tries(list);
  },
  // ---- what never ends by itself ----
  loop() { for (;;); },
  async microtasks() { for (;;) await 0; },
  chain() { const go = () => Promise.resolve().then(go); go(); return new Promise(() => {}); },
  regex() { return new Response(String(/^(a+)+$/.test('a'.repeat(40) + 'b'))); },
  wasm() {
    const loop = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11]);
    new WebAssembly.Instance(new WebAssembly.Module(loop)).exports.f();
  },
  json() { let s = []; for (;;) s = JSON.parse(JSON.stringify([s, s])).flat(); },
  sort() { for (;;) new Array(1e5).fill(0).map(() => Math.random()).sort(); },
  recursion() { const f = () => f() + f(); try { f(); } catch {} return routes.recursion(); },
  timers() { const again = () => setTimeout(() => { for (const end = Date.now() + 50; Date.now() < end;); let n = 0; while (n < 1e7) n++; again(); }, 0); again(); return new Promise(() => {}); },
  after(request, env, ctx) { ctx.waitUntil((async () => { await new Promise((r) => setTimeout(r, 20)); for (;;) await 0; })()); return new Response('answered'); },
  // ---- too much ----
  memory() { const kept = []; for (;;) kept.push(new Uint8Array(4 << 20).fill(1)); },
  objects() { const kept = []; for (let i = 0; ; i++) kept.push({ i, text: 'x' + i, more: [i, i, i] }); },
  strings() { let s = 'x'; const kept = []; for (let i = 0; ; i++) kept.push(s + i + s.repeat(1000)); },
  async log() { for (;;) { console.log('x'.repeat(20000)); await 0; } },
  body() {
    const piece = new Uint8Array(1 << 20);
    return new Response(new ReadableStream({ pull(c) { c.enqueue(piece); } }));
  },
  async subrequests() {
    const all = [];
    for (let i = 0; i < 200; i++) all.push(fetch('http://127.0.0.1:1/').then((r) => r.status, (e) => e.message));
    const said = await Promise.all(all);
    return Response.json({ many: said.filter((t) => /too many|limit/i.test(t)).length, other: said.find((t) => !/too many|limit/i.test(t)) });
  },
  async headers() { return new Response('x', { headers: { 'x-big': 'x'.repeat(1 << 20) } }); },
  async value(request, env) {
    return tries({
      kv: () => env.KV.put('big', new Uint8Array((25 << 20) + 1)),
      key: () => env.KV.put('k'.repeat(600), 'x'),
      meta: () => env.KV.put('m', 'x', { metadata: 'x'.repeat(2000) }),
      sql: () => env.DB.prepare('SELECT ?').bind('x'.repeat(3 << 20)).run(),
    });
  },
  async fill(request, env) { return env.MINE.get(env.MINE.idFromName('fill')).fetch('http://x/fill'); },
  async runaway(request, env) {
    return tries({
      endless: () => env.DB.prepare('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c').first(),
    });
  },
  async sqlmemory(request, env) {
    return tries({
      text: () => env.DB.prepare("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT length(group_concat(hex(randomblob(200)))) AS n FROM c").first('n'),
      attach: () => env.DB.prepare("ATTACH '/etc/passwd' AS x").run(),
      attachOther: () => env.DB.prepare("ATTACH '" + new URL(request.url).searchParams.get('other') + "' AS x").run(),
      vacuum: () => env.DB.prepare("VACUUM INTO '/tmp/selvage-stolen'").run(),
      extension: () => env.DB.prepare("SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')").run(),
      file: () => env.DB.prepare("SELECT readfile('/etc/passwd')").run(),
    });
  },
  // ---- what belongs to others ----
  async others(request, env) {
    return tries({
      kv: async () => { const v = await env.KV.get('key'); if (v === null) throw new Error('nothing there'); return v; },
      bucket: async () => { const o = await env.BUCKET.get('key'); if (!o) throw new Error('nothing there'); return o.text(); },
      d1: () => env.DB.prepare('SELECT v FROM secrets').first('v'),
      service: async () => { const r = await env.OTHER.fetch('http://x/'); if (!r.ok) throw new Error(String(r.status)); return r.text(); },
      object: async () => { const r = await env.THEIRS.get(env.THEIRS.idFromName('n')).fetch('http://x/'); if (!r.ok) throw new Error(String(r.status)); return r.text(); },
    });
  },
};

export default {
  async fetch(request, env, ctx) {
    const name = new URL(request.url).pathname.slice(1);
    return routes[name] ? routes[name](request, env, ctx) : new Response('hostile');
  },
};`;

describe('a hostile worker', () => {
  let server, bad, good;
  const bindings = (extra = []) => [
    { type: 'kv_namespace', name: 'KV', namespace_id: '0123456789abcdef0123456789abcdef' },
    { type: 'r2_bucket', name: 'BUCKET', bucket_name: 'files' },
    { type: 'd1', name: 'DB', id: '11111111-2222-4333-8444-555555555555' },
    ...extra,
  ];
  const neighbour = async (path = '/') => {
    const r = await ask(server, `neighbour.${DOMAIN}`, path);
    assert.equal(r.status, 200, r.text);
    return r.text;
  };
  const hostile = (path, init) => ask(server, `hostile.${DOMAIN}`, path, init);
  const json = async (path, body) => {
    const r = await hostile(path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
    assert.equal(r.status, 200, r.text);
    return JSON.parse(r.text);
  };
  const refused = (all) => {
    for (const [what, said] of Object.entries(all)) assert.match(said, /^refused: /, `${what}: ${said}`);
  };
  // While work goes on the neighbour is asked again and again, and answers each time.
  const beside = async (work, path = '/', expected = 'fine') => {
    let over = false, asked = 0;
    const done = work.finally(() => { over = true; });
    done.catch(() => {});
    do {
      assert.equal(await neighbour(path), expected);
      asked++;
      await sleep(5);
    } while (!over);
    assert.ok(asked > 0);
    return done;
  };
  const mainPid = () => readdirSync('/proc').filter((p) => /^\d+$/.test(p)).filter((p) => {
    try { return readFileSync(`/proc/${p}/cmdline`, 'utf8').startsWith('selvage: main') && /PPid:\s*(\d+)/.exec(readFileSync(`/proc/${p}/status`, 'utf8'))[1] === String(server.pid); } catch { return false; }
  })[0];
  let main;

  before(async () => {
    server = await startServe({ domain: DOMAIN });
    bad = { id: server.account, token: server.token };
    good = await addAccount(server, 'neighbour');
    await deploy(server, good, 'neighbour', neighbourSource, {
      bindings: bindings([{ type: 'durable_object_namespace', name: 'COUNTER', class_name: 'Counter' }]),
      migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Counter'] }] },
    });
    assert.equal(await neighbour('/setup'), 'ready');
    await deploy(server, bad, 'hostile', hostileSource, {
      compatibility_flags: ['nodejs_compat'], limits: { cpu_ms: 100, subrequests: 50 },
      bindings: bindings([{ type: 'durable_object_namespace', name: 'MINE', class_name: 'Mine' }]),
      migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Mine'] }] },
    });
    main = mainPid();
  });
  after(async () => {
    try {
      if (server) {
        assert.equal(await neighbour(), 'fine');
        assert.equal(mainPid(), main, 'main lives since the beginning');
      }
    } finally {
      await server?.stop();
    }
  });

  test('reads no file', async () => {
    const all = await json('/files');
    for (const [what, said] of Object.entries(all)) assert.doesNotMatch(said, /root:|PATH=|passwd,/, what);
    assert.match(all.passwd, /^refused: /);
    assert.match(all.url, /^refused: /);
  });

  test('starts no process and makes no code', async () => refused(await json('/processes')));

  test('reaches no internal address', async () => {
    const port = server.apiPort;
    const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]',
      '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::1]', '[2002:a00:1::1]', '[2001:0:7f00:1::1]', '169.254.169.254', '10.0.0.1', '172.16.0.1', '192.168.0.1',
      '100.64.0.1', '[fd00::1]', '[fe80::1]', '[fc00::1]', '[ff02::1]', 'localhost', 'LOCALHOST', 'localhost.'];
    const targets = hosts.map((h) => `http://${h}:${port}/client/v4/user`);
    targets.push(`http://user:pass@127.0.0.1:${port}/`, `http://127.0.0.1:${server.port}/`, 'http://169.254.169.254/latest/meta-data/');
    for (let i = 0; i < targets.length; i += 8) refused(await beside(json('/reach', { targets: targets.slice(i, i + 8) })));
  });

  test('opens no socket to one either', async () =>
    refused(await beside(json('/dial', { targets: [`127.0.0.1:${server.apiPort}`, `[::1]:${server.apiPort}`, `[::ffff:127.0.0.1]:${server.apiPort}`, '169.254.169.254:80'] }))));

  for (const path of ['loop', 'microtasks', 'chain', 'regex', 'wasm', 'json', 'sort', 'recursion', 'timers'])
    test(`a ${path} without an end is ended`, async () => {
      const r = await beside(hostile(`/${path}`));
      assert.ok(r.status >= 500, `${r.status} ${r.text.slice(0, 200)}`);
    });

  test('what goes on after the answer is ended too', async () => {
    assert.equal((await beside(hostile('/after'))).text, 'answered');
    assert.equal((await beside(hostile('/'))).text, 'hostile');
  });

  for (const path of ['memory', 'objects', 'strings'])
    test(`${path} without an end are taken from it`, async () => {
      const r = await beside(hostile(`/${path}`));
      assert.ok(r.status >= 500, `${r.status} ${r.text.slice(0, 200)}`);
    });

  test('console lines without an end cost it its own time', async () => {
    const r = await beside(hostile('/log'));
    assert.ok(r.status >= 500);
  });

  test('a body that nobody reads waits', async () => {
    const { request } = await import('node:http');
    const req = request({ host: '127.0.0.1', port: server.port, path: '/body', headers: { host: `hostile.${DOMAIN}` } });
    const res = await new Promise((done, fail) => { req.on('response', done); req.on('error', fail); req.end(); });
    res.pause();
    await beside(sleep(500));
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${main}/status`, 'utf8'))[1]);
    assert.ok(rss < 300000, `main has ${rss} KB`);
    req.destroy();
  });

  test('subrequests have a number', async () => {
    const { many, other } = await beside(json('/subrequests'));
    assert.equal(many, 150, other);
  });

  test('values that are too large are refused', async () => refused(await beside(json('/value'))));

  test('a query without an end ends with its client, and the databases of others answer meanwhile', async () => {
    const { request } = await import('node:http');
    const req = request({ host: '127.0.0.1', port: server.port, path: '/runaway', headers: { host: `hostile.${DOMAIN}` } });
    req.on('error', () => {});
    req.end();
    const keeper = () => readdirSync('/proc').find((p) => {
      try { return readFileSync(`/proc/${p}/cmdline`, 'utf8').startsWith(`selvage: keeper ${bad.id}`); } catch { return false; }
    });
    const ticks = () => readFileSync(`/proc/${keeper()}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0);
    await until(() => keeper() && ticks() > 30, 'the query runs');
    await beside(sleep(1000), '/d1', 'neighbour-secret');
    req.destroy();
    await until(async () => { const t = ticks(); await sleep(300); return ticks() - t < 5; }, 'the query has ended');
  });

  test('SQL opens no file, and its memory has an end', async () => {
    const other = `${server.data}/v1/${good.id}/d1/11111111-2222-4333-8444-555555555555.sqlite`;
    refused(await beside(json(`/sqlmemory?other=${encodeURIComponent(other)}`), '/d1', 'neighbour-secret'));
  });

  test('ids of others name nothing of theirs', async () => {
    const r = await call(server, bad, 'PUT', '/workers/scripts/thief', (() => {
      const form = new FormData();
      form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', compatibility_flags: ['nodejs_compat'],
        bindings: bindings([{ type: 'service', name: 'OTHER', service: 'neighbour' },
          { type: 'durable_object_namespace', name: 'THEIRS', class_name: 'Counter', script_name: 'neighbour' },
          { type: 'durable_object_namespace', name: 'MINE', class_name: 'Mine' }]),
        migrations: { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Mine'] }] } }));
      form.set('index.js', new File([hostileSource], 'index.js', { type: 'application/javascript+module' }));
      return form;
    })());
    if (r.status !== 200) { // it is not even taken
      assert.match(r.text, /neighbour/);
      return;
    }
    await call(server, bad, 'POST', '/workers/scripts/thief/subdomain', { enabled: true }, { 'content-type': 'application/json' });
    const answer = await ask(server, `thief.${DOMAIN}`, '/others');
    if (answer.status === 200) refused(JSON.parse(answer.text));
    assert.doesNotMatch(answer.text, /neighbour-secret|fine/);
  });

  test('a token reaches its own account alone', async () => {
    const thief = { id: good.id, token: bad.token };
    for (const [method, path, body] of [
      ['GET', '/workers/scripts'], ['GET', '/workers/scripts/neighbour'], ['DELETE', '/workers/scripts/neighbour'],
      ['GET', '/workers/scripts/neighbour/secrets'], ['POST', '/workers/scripts/neighbour/tails', {}], ['GET', '/workers/scripts/neighbour/versions'],
      ['GET', '/storage/kv/namespaces/0123456789abcdef0123456789abcdef/values/key'],
      ['PUT', '/storage/kv/namespaces/0123456789abcdef0123456789abcdef/values/key', {}],
      ['GET', '/r2/buckets/files/objects/key'], ['POST', '/d1/database/11111111-2222-4333-8444-555555555555/query', { sql: 'SELECT v FROM secrets' }],
      ['POST', '/d1/database/11111111-2222-4333-8444-555555555555/export', { output_format: 'polling' }], ['GET', '/queues'], ['GET', '/tokens/verify'],
    ]) {
      const r = await call(server, thief, method, path, body, { 'content-type': 'application/json' });
      assert.ok(r.status === 401 || r.status === 403 || r.status === 404, `${method} ${path}: ${r.status} ${r.text.slice(0, 200)}`);
      assert.doesNotMatch(r.text, /neighbour-secret/);
    }
    assert.equal(await neighbour('/d1'), 'neighbour-secret');
  });

  test('tokens are not guessed', async () => {
    for (const token of ['', 'x', bad.token.slice(0, -1), `${bad.token}x`, bad.token.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')), 'null', 'Bearer', '%00'])
      assert.ok([400, 401, 403].includes((await call(server, { id: bad.id, token }, 'GET', '/workers/scripts')).status), token);
    for (const path of [`/client/v4/tail/${'0'.repeat(32)}`, `/client/v4/accounts/${good.id}/workers/assets/upload?base64=true`, `/client/v4/accounts/${good.id}/pages/assets/upload`, '/client/v4/server/accounts', '/client/v4/server/audit'])
      for (const method of ['GET', 'POST']) {
        const r = await fetch(`http://127.0.0.1:${server.apiPort}${path}`, { method, headers: { authorization: `Bearer ${bad.token}x` } });
        assert.ok(r.status >= 400 && r.status < 500, `${method} ${path}: ${r.status}`);
      }
    const owner = await fetch(`http://127.0.0.1:${server.apiPort}/client/v4/server/accounts`, { headers: { authorization: `Bearer ${bad.token}` } });
    assert.ok(owner.status >= 400 && owner.status < 500, String(owner.status));
  });

  test('what it is has no way out: processes of the tree are locked down', () => {
    const tree = new Map();
    for (const p of readdirSync('/proc').filter((n) => /^\d+$/.test(n)))
      try {
        const status = readFileSync(`/proc/${p}/status`, 'utf8');
        tree.set(p, { parent: /PPid:\s*(\d+)/.exec(status)[1], status, title: readFileSync(`/proc/${p}/cmdline`, 'utf8').split('\0')[0] });
      } catch {}
    const below = (p) => p === String(server.pid) || (tree.has(p) && below(tree.get(p).parent));
    const locked = [...tree].filter(([p, t]) => below(p) && /^selvage: (isolate|keeper|app zygote)/.test(t.title));
    assert.ok(locked.some(([, t]) => t.title.startsWith('selvage: keeper')), [...tree.values()].map((t) => t.title).join());
    for (const [, t] of locked) {
      assert.match(t.status, /Seccomp:\t2/, t.title);
      assert.match(t.status, /NoNewPrivs:\t1/, t.title);
      assert.match(t.status, /CapEff:\t0000000000000000/, t.title);
    }
  });
});
