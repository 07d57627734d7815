// Workers of one session among themselves: named by bindings, or chosen by name while they run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { dev, project, until } from './lib/selvage.mjs';

const one = (name, source, config = '') =>
  project({ 'wrangler.toml': `name = "${name}"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\n${config}`, 'index.js': source });

async function session(first, others, work) {
  const server = await dev(first, ['wrangler.toml', ...others.map((dir) => join(dir, 'wrangler.toml'))].flatMap((file) => ['-c', file]));
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

test('a dispatch namespace finds workers by name, with bodies in both directions', async () => {
  const dispatcher = one('dispatcher', `export default {
    async fetch(request, env) {
      const name = new URL(request.url).pathname.slice(1);
      try {
        return await env.TENANTS.get(name).fetch(request);
      } catch (e) {
        return new Response(e.name + ': ' + e.message, { status: 404 });
      }
    },
  };`, '[[dispatch_namespaces]]\nbinding = "TENANTS"\nnamespace = "tenants"\n');
  const tenant = (name) => one(name, `export default { async fetch(r) { return new Response('${name} got ' + r.method + ' ' + (await r.text()).length, { status: 201 }); } };`);
  await session(dispatcher, [tenant('red'), tenant('blue')], async (server) => {
    for (const [name, size] of [['red', 0], ['blue', 10], ['red', 300000]]) {
      const r = await server.fetch(`/${name}`, size ? { method: 'POST', body: 'x'.repeat(size) } : {});
      assert.equal(r.status, 201);
      assert.equal(await r.text(), `${name} got ${size ? 'POST' : 'GET'} ${size}`);
    }
    const missing = await server.fetch('/green', { method: 'POST', body: 'x'.repeat(300000) });
    assert.equal(await missing.text(), 'Error: Worker not found.');
  });
});

test('entrypoints, props, methods and errors across workers', async () => {
  const caller = one('caller', `export default {
    async fetch(request, env) {
      const out = { sum: await env.MATH.add(2, 3), who: await env.MATH.who(), own: await env.MATH.value, twice: await env.MATH.apply((n) => n * 2, 21) };
      const counter = await env.MATH.counter(5);
      out.counted = [await counter.up(), await counter.up()];
      try { await env.MATH.fail(); } catch (e) { out.error = [e.constructor.name, e.message]; }
      out.text = await (await env.MATH.fetch('https://any/path')).text();
      out.plain = (await env.PLAIN.fetch('https://any/')).status;
      return Response.json(out);
    },
  };`, '[[services]]\nbinding = "MATH"\nservice = "callee"\nentrypoint = "Math"\nprops = { for = "tests" }\n[[services]]\nbinding = "PLAIN"\nservice = "callee"\n');
  const callee = one('callee', `import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
    class Counter extends RpcTarget { #n; constructor(n) { super(); this.#n = n; } up() { return ++this.#n; } }
    export class Math extends WorkerEntrypoint {
      add(a, b) { return a + b; }
      who() { return this.ctx.props; }
      get value() { return 7; }
      apply(f, n) { return f(n); }
      counter(n) { return new Counter(n); }
      fail() { throw new RangeError('on purpose'); }
      fetch(request) { return new Response(new URL(request.url).pathname); }
    }
    export default { fetch() { return new Response(null, { status: 204 }); } };`);
  await session(caller, [callee], async (server) => {
    assert.deepEqual(await (await server.fetch('/')).json(), {
      sum: 5, who: { for: 'tests' }, own: 7, twice: 42, counted: [6, 7], error: ['RangeError', 'on purpose'], text: '/path', plain: 204,
    });
  });
});

test('a stream to write that crosses has written when it says so, and tells what its owner threw', async () => {
  const source = `import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
    const text = (b) => new TextDecoder().decode(b), bytes = (s) => new TextEncoder().encode(s);
    const tried = async (f) => { try { return await f(); } catch (e) { return e.name + ': ' + e.message; } };
    export class Api extends WorkerEntrypoint {
      async use(stream) { const w = stream.getWriter(); for (const s of ['a', 'b', 'c']) await w.write(bytes(s)); await w.close(); return 'wrote'; }
      sink(tell) { const t = tell.dup(); return new WritableStream({ async write(c) { await scheduler.wait(2); if (text(c) === 'bad') throw new RangeError('sink'); await t(text(c)); }, close: () => t('end'), abort: (e) => t('abort ' + e.message) }); }
      async fetch(request) { return Response.json([Object.fromEntries(request.headers), request.body === null, await request.text()]); }
    }
    export default { async fetch(request, { API }) {
      const got = [], mine = [];
      const used = await API.use(new WritableStream({ async write(c) { await scheduler.wait(2); got.push(text(c)); }, close() { got.push('closed'); } }));
      const failing = await tried(() => API.use(new WritableStream({ write() { throw new RangeError('no room'); } })));
      const w = (await API.sink((s) => { mine.push(s); })).getWriter();
      await w.write(bytes('x')); await w.write(bytes('y')); await w.close();
      const bad = (await API.sink(() => {})).getWriter();
      const failed = await tried(() => bad.write(bytes('bad')));
      const gone = (await API.sink((s) => { mine.push(s); })).getWriter();
      await gone.abort(new Error('enough'));
      const call = async (init) => (await API.fetch('http://x/', init)).json();
      const stream = () => new ReadableStream({ start(c) { c.enqueue(bytes('s')); c.close(); } });
      const framed = [await call({ method: 'POST', body: 'hi' }), await call({ method: 'POST', body: stream() }), await call({ method: 'POST' })];
      return Response.json({ used, got, failing, mine, failed, framed, ftp: await tried(() => API.fetch('ftp://x/')) });
    } };`;
  await session(one('self', source, '[[services]]\nbinding = "API"\nservice = "self"\nentrypoint = "Api"\n'), [], async (server) => {
    assert.deepEqual(await (await server.fetch('/')).json(), {
      used: 'wrote', got: ['a', 'b', 'c', 'closed'], failing: 'RangeError: no room', mine: ['x', 'y', 'end', 'abort enough'], failed: 'RangeError: sink',
      framed: [[{ 'content-length': '2', 'content-type': 'text/plain;charset=UTF-8' }, false, 'hi'], [{ 'transfer-encoding': 'chunked' }, false, 's'], [{}, true, '']],
      ftp: 'TypeError: Fetch API cannot load: ftp://x/',
    });
  });
});

test('a dispatched worker has methods, props and limits, and its requests go to the outbound worker with its parameters', async () => {
  const dispatcher = one('dispatcher', `const told = async (run) => { try { return await run(); } catch (e) { return e.name + ': ' + e.message; } };
  export default {
    async fetch(request, env) {
      const outbound = { customer: { id: 7 }, secret: 'not declared' };
      const tenant = env.TENANTS.get('tenant', { plan: 'free' }, { outbound });
      const tight = env.TENANTS.get('tenant', {}, { limits: { cpuMs: 50, subRequests: 1 }, outbound });
      return Response.json([
        await tenant.add(2, 3), await tenant.plan(), await tenant.nested.deep(), await (await tenant.fetch('http://in/')).text(),
        await told(() => tight.twice()), await told(() => tight.spin()), await tenant.twice(),
        await told(() => env.TENANTS.get('nobody').add(1, 2)), await told(() => tenant.missing()), await told(() => env.TENANTS.get('tenant', {}, { limits: 5 })),
      ]);
    },
  };`, '[[dispatch_namespaces]]\nbinding = "TENANTS"\nnamespace = "tenants"\noutbound = { service = "guard", parameters = ["customer"] }\n');
  const tenant = one('tenant', `import { WorkerEntrypoint } from 'cloudflare:workers';
  export default class extends WorkerEntrypoint {
    add(a, b) { return a + b; }
    plan() { return this.ctx.props.plan; }
    get nested() { return { deep: () => 'deep' }; }
    async fetch() { return fetch('http://outside.invalid/x', { method: 'POST', body: 'b' }); }
    async twice() { await fetch('http://a.invalid/'); return (await fetch('http://b.invalid/')).text(); }
    spin() { for (;;); }
  }`);
  const guard = one('guard', `export default { async fetch(request, env) {
    return new Response([request.method, request.url, await request.text(), env.customer?.id, env.secret, Object.keys(env)].join(' '));
  } };`);
  await session(dispatcher, [tenant, guard], async (server) => {
    const r = await server.fetch('/');
    assert.deepEqual(await r.json(), [
      5, 'free', 'deep', 'POST http://outside.invalid/x b 7  customer',
      'Error: Too many subrequests.', 'Error: Worker exceeded CPU time limit.', 'GET http://b.invalid/  7  customer',
      'Error: Worker not found.', 'TypeError: The RPC receiver does not implement the method "missing".',
      "TypeError: Incorrect type for the 'limits' field on 'DynamicDispatchOptions': the provided value is not of type 'DynamicDispatchLimits'.",
    ]);
  });
});

test('calls on results that are pending go at once', async () => {
  const dir = one('piped', `import { DurableObject, RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
  const told = async (run) => { try { return await run(); } catch (e) { return e.name + ': ' + e.message; } };
  let order = [];
  class Cart extends RpcTarget {
    #n = 0;
    add(n) { order.push('add'); this.#n += n; return this; }
    total() { return this.#n; }
    get size() { return this.#n; }
    fails() { throw new RangeError('no'); }
    [Symbol.dispose]() { order.push('disposed'); }
  }
  export class Shop extends WorkerEntrypoint {
    async open() { order.push('open'); await scheduler.wait(5); return new Cart(); }
    closed() { throw new TypeError('closed'); }
    plain() { return { deep: { name: () => 'n', value: 4 } }; }
    text() { return 'abc'; }
    order() { return order.splice(0); }
  }
  export class Store extends DurableObject {
    cart() { return new Cart(); }
    async slow() { return this.ctx.blockConcurrencyWhile(async () => { await scheduler.wait(5); return { v: () => this.ctx.id.name }; }); }
  }
  export default { async fetch(request, env) {
    const shop = env.SHOP, object = env.STORES.getByName('one');
    switch (new URL(request.url).pathname) {
      case '/chain': return Response.json(await shop.open().add(2).add(3).total());
      case '/object': return Response.json([await object.cart().add(4).total(), await object.slow().v()]);
      case '/kinds': return Response.json([await shop.plain().deep.value, await shop.plain().deep.name(), await shop.open().size,
        await told(() => shop.open().fails()), await told(() => shop.closed().anything()), await told(() => shop.open().missing()), await told(() => shop.text().length),
        await told(async () => { const p = shop.open(); p[Symbol.dispose](); return p.total(); })]);
      case '/late': { const cart = shop.open(); const first = await cart.add(1).total(); const stub = await cart; return Response.json([first, await stub.add(1).total(), await cart.total()]); }
      case '/callback': return Response.json(await shop.open().add(1).total());
      case '/order': return Response.json(await shop.order());
    }
  } };`, '[[services]]\nbinding = "SHOP"\nservice = "piped"\nentrypoint = "Shop"\n[[durable_objects.bindings]]\nname = "STORES"\nclass_name = "Store"\n[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Store"]\n');
  await session(dir, [], async (server) => {
    const ask = async (path) => {
      const r = await server.fetch(path);
      const text = await r.text();
      assert.equal(r.status, 200, text);
      return JSON.parse(text);
    };
    assert.equal(await ask('/chain'), 5);
    assert.deepEqual(await ask('/object'), [4, 'one']);
    assert.deepEqual(await ask('/kinds'), [4, 'n', 0, 'RangeError: no', 'TypeError: closed', 'TypeError: The RPC receiver does not implement the method "missing".',
      'TypeError: The RPC receiver does not implement the method "length".', 'Error: RPC promise used after being disposed.']);
    assert.deepEqual(await ask('/late'), [1, 2, 2]);
  });
});

const OP = 10, RESULT = 12, RPC = 5, PENDING = 3; // docs/internals/channel.md

// Frames of a recorded channel: { toIsolate, type, id, payload }.
function framesOf(file) {
  const bytes = readFileSync(file);
  const rest = [Buffer.alloc(0), Buffer.alloc(0)];
  const frames = [];
  for (let at = 8; at + 13 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    const dir = bytes[at + 12];
    rest[dir] = Buffer.concat([rest[dir], bytes.subarray(at + 13, at + 13 + length)]);
    for (at += 13 + length; rest[dir].length >= 12 && rest[dir].length >= 12 + rest[dir].readUInt32LE(0); ) {
      const size = 12 + rest[dir].readUInt32LE(0);
      frames.push({ toIsolate: dir === 0, type: rest[dir][4], id: rest[dir].readUInt32LE(8), payload: rest[dir].subarray(12, size) });
      rest[dir] = rest[dir].subarray(size);
    }
  }
  return frames;
}

test('a chain of calls is one round trip', async () => {
  const caller = one('caller', `import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
  class Cart extends RpcTarget { #n = 0; async add(n) { await scheduler.wait(1); this.#n += n; return this; } total() { return this.#n; } }
  export class Shop extends WorkerEntrypoint { async open() { await scheduler.wait(5); return new Cart(); } }
  export default { async fetch(request, env) {
    if (!request.url.endsWith('/chain')) return new Response('ready');
    const cart = env.SHOP.open();
    return Response.json(await cart.add(2).add(3).total());
  } };`, '[[services]]\nbinding = "SHOP"\nservice = "caller"\nentrypoint = "Shop"\n');
  const file = join(caller, 'channel.rec');
  const server = await dev(caller, ['--record', file, '--loops', '1']);
  assert.equal(await (await server.fetch('/chain')).json(), 5);
  await server.stop();
  const frames = framesOf(file);
  const calls = frames.filter((f) => f.type === OP && f.payload.readUInt16LE(4) === RPC);
  assert.deepEqual(calls.map((f) => f.payload[6]), [0, PENDING, PENDING, PENDING]);
  const answers = frames.filter((f) => f.type === RESULT && calls.some((c) => c.id === f.id));
  assert.equal(answers.length, 4);
  assert.ok(answers.every((f) => f.payload.readUInt32LE(0) > 0), 'an answer is empty: the result was not found');
  assert.ok(frames.indexOf(calls.at(-1)) < frames.indexOf(answers[0]), 'a call waited for an answer');
});

test('what a socket says before its answer has arrived passes workers that hand it on unread', async () => {
  const source = (name) => `import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
  const MANY = 40, BIG = 'x'.repeat(5000);
  async function greet(request) {
    const { 0: client, 1: server } = new WebSocketPair();
    const how = new URL(request.url).searchParams.get('how');
    server.accept();
    server.send('${name}');
    server.send(new Uint8Array([1, 2, 3]));
    if (how === 'late') await scheduler.wait(20);
    if (how === 'many') for (let i = 0; i < MANY; i++) server.send(i + BIG);
    if (how === 'close') server.close(4001, 'enough');
    server.addEventListener('message', (e) => server.send('echo ' + e.data));
    server.addEventListener('close', (e) => server.close(e.code, e.reason));
    return new Response(null, { status: 101, webSocket: client });
  }
  export class Room extends DurableObject { fetch(request) { return greet(request); } }
  export class Hall extends DurableObject { fetch(request) { return this.env.ROOM.get(this.env.ROOM.idFromName('r')).fetch(request); } }
  export default { fetch(request, env) {
    const by = new URL(request.url).pathname.slice(1);
    if (by === 'object') return env.ROOM.get(env.ROOM.idFromName('r')).fetch(request);
    if (by === 'objects') return env.HALL.get(env.HALL.idFromName('h')).fetch(request);
    if (by === 'service') return env.NEXT.fetch(new Request('http://next/greet?' + new URL(request.url).searchParams, request));
    if (by === 'both') return env.NEXT.fetch(new Request('http://next/objects?' + new URL(request.url).searchParams, request));
    return greet(request);
  } };`;
  const objects = (next) => `[[services]]\nbinding = "NEXT"\nservice = "${next}"\n[[durable_objects.bindings]]\nname = "ROOM"\nclass_name = "Room"\n[[durable_objects.bindings]]\nname = "HALL"\nclass_name = "Hall"\n[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Room", "Hall"]\n`;
  await session(one('front', source('front'), objects('next')), [one('next', source('next'), objects('front'))], async (server) => {
    for (const by of ['greet', 'object', 'objects', 'service', 'both']) for (const how of ['at once', 'late', 'many', 'close']) {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/${by}?how=${encodeURIComponent(how)}`);
      const got = [], name = by === 'service' || by === 'both' ? 'next' : 'front';
      const opened = new Promise((done, no) => socket.once('open', done).once('error', no));
      const closed = new Promise((done) => socket.once('close', (code, reason) => done([code, String(reason)])));
      socket.on('message', (data, binary) => got.push(binary ? [...data] : String(data)));
      await opened;
      const first = [name, [1, 2, 3]];
      if (how === 'many') for (let i = 0; i < 40; i++) first.push(i + 'x'.repeat(5000));
      if (how === 'close') {
        assert.deepEqual(await closed, [4001, 'enough'], `${by} ${how}`);
      } else {
        socket.send('hello');
        await until(() => got.length > first.length, `messages of ${by} ${how}`);
        first.push('echo hello');
        socket.close(3000, 'bye');
        assert.deepEqual(await closed, [3000, 'bye'], `${by} ${how}`);
      }
      assert.deepEqual(got, first, `${by} ${how}`);
    }
  });
});

test('a promise that another request settles, and calls back into a critical section', async () => {
  const source = `import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
    let ready, go = false, asked = 0;
    const bytes = (s) => new TextEncoder().encode(s);
    export class Api extends WorkerEntrypoint {
      call(f) { return f(); }
      later() { ready = new Promise((r) => this.ctx.waitUntil(scheduler.wait(5).then(r))); }
      never() { return new Promise(() => {}); }
    }
    export class Room extends DurableObject {
      inside() { return this.ctx.blockConcurrencyWhile(() => this.env.API.call(async () => { await scheduler.wait(1); return 'inside'; })); }
    }
    export const plain = { one: (a) => a, four: (a, env, ctx, more) => a };
    const routes = {
      async make() { go = false; asked = 0; ready = (async () => { while (!go) await scheduler.wait(2); return 'made'; })(); return new Response(await ready); },
      async use(request, env, ctx) {
        asked++;
        const made = await ready;
        const text = await request.text();
        await scheduler.wait(2);
        ctx.waitUntil(scheduler.wait(1));
        return Response.json([made, text, await env.API.call(() => 'called')]);
      },
      async stream() {
        asked++;
        const made = await ready;
        const { readable, writable } = new TransformStream();
        (async () => { const w = writable.getWriter(); for (let i = 0; i < 3; i++) { await scheduler.wait(2); await w.write(bytes(made + i)); } await w.close(); })();
        return new Response(readable);
      },
      asked: () => new Response(asked),
      go() { go = true; return new Response(); },
      never: () => new Promise(() => {}),
      async later(_, env) { await env.API.later(); await ready; return new Response('later'); },
      async calls(_, env) { return new Response((await Promise.allSettled([env.API.never(), env.PLAIN.one(1), env.PLAIN.four(1)])).map((r) => r.value ?? r.reason.message.slice(0, 40)).join('; ')); },
      source() {
        const answers = ['retry: 1\\ndata: a\\n\\n', null, null], seen = [];
        const fetcher = { fetch: () => new Response(answers.shift(), { headers: { 'content-type': 'text/event-stream' } }) };
        const source = new EventSource('http://any.test/', { fetcher });
        return new Promise((resolve) => {
          source.onmessage = (e) => seen.push(e.data);
          source.onerror = (e) => { seen.push([source.readyState, e.error.message]); if (source.readyState === 2) resolve(Response.json(seen)); };
        });
      },
      async inside(_, env) { return new Response(await env.ROOM.getByName('a').inside()); },
    };
    export default { fetch: (request, env, ctx) => routes[new URL(request.url).pathname.slice(1)](request, env, ctx) };`;
  const config = `[[services]]\nbinding = "API"\nservice = "shared"\nentrypoint = "Api"\n[[services]]\nbinding = "PLAIN"\nservice = "shared"\nentrypoint = "plain"\n
    [[durable_objects.bindings]]\nname = "ROOM"\nclass_name = "Room"\n[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Room"]\n`;
  await session(one('shared', source, config), [], async (server) => {
    const get = async (path, init) => (await server.fetch(path, init)).text();
    const first = get('/make');
    const others = [get('/use', { method: 'POST', body: 'own' }), get('/stream'), get('/use', { method: 'POST', body: 'other' })];
    await until(async () => (await get('/asked')) === '3');
    await get('/go');
    assert.equal(await first, 'made');
    assert.deepEqual(await Promise.all(others), ['["made","own","called"]', 'made0made1made2', '["made","other","called"]']);
    assert.equal((await server.fetch('/never')).status, 500);
    assert.equal(await get('/later'), 'later');
    assert.equal(await get('/calls'), 'The Workers runtime canceled this reques; 1; Cannot call handler function "four" over');
    assert.equal(await get('/inside'), 'inside');
    assert.deepEqual(JSON.parse(await get('/source')), [
      'a', [0, 'The server disconnected.'], [0, 'The server provided no content. Will try reconnecting.'], [2, 'The server provided no content.'],
    ]);
  });
});
