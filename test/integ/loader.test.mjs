// Dynamic workers: code that a worker loads while it runs, what it is given, and what it may not do.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { dev, project, until } from './lib/selvage.mjs';
import { isolates } from './lib/processes.mjs';

const CONFIG = `name = "parent"
main = "index.js"
compatibility_date = "2026-06-01"
[[worker_loaders]]
binding = "LOADER"
[[services]]
binding = "GREETER"
service = "parent"
entrypoint = "Greeter"
[[durable_objects.bindings]]
name = "COUNTERS"
class_name = "Counter"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]
`;

const SOURCE = `
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
let loads = 0;
export class Greeter extends WorkerEntrypoint {
  greet(name) { return (this.ctx.props.greeting ?? 'Hello') + ', ' + name; }
  async via(name) { return this.ctx.props.other.greet(name); }
  fetch(request) { return new Response('outbound saw ' + request.method + ' ' + request.url); }
}
export class Counter extends DurableObject {
  add(n) { const next = (this.ctx.storage.kv.get('n') ?? 0) + n; this.ctx.storage.kv.put('n', next); return next; }
}
const code = (main, more = {}) => ({ compatibilityDate: '2026-01-01', mainModule: 'main.js', modules: { 'main.js': main }, ...more });
const fail = async (run) => { try { return [await run()]; } catch (e) { return e.name + ': ' + e.message; } };
const entry = (env, main, more) => env.LOADER.load(code(main, more)).getEntrypoint();
const get = (stub, url = 'http://any/') => stub.fetch(url).then((r) => r.text());

// At the limit and one past it.
async function sizes(env) {
  const main = 'export default { fetch: (r, env) => new Response(String(env.big.length)) }';
  const told = (n) => { try { env.LOADER.load(code(main, { env: { big: 'x'.repeat(n) } })); return ''; } catch (e) { return e.message; } };
  const most = 2 * 1048576 - /[(](\\d+) bytes[)]/.exec(told(1048576))[1]; // what else there is takes the rest
  const mib = 1 << 20;
  const bytes = new Uint8Array(22 * mib);
  const big = (rest) => code('export default {}', { modules: { 'main.js': 'export default {}', 'a.bin': { data: bytes }, 'b.bin': { data: bytes }, 'c.bin': { data: bytes.subarray(0, 20 * mib - 17 + rest) } } });
  return [most > 1048500, await get(entry(env, main, { env: { big: 'x'.repeat(most) } })) === String(most), told(most + 1),
    await fail(() => env.LOADER.load(big(1)))];
}

const cases = {
  async env(env, ctx) {
    return get(entry(env, \`export default { async fetch(r, env) {
      return new Response([env.text, env.date.getTime(), await env.service.greet('a'), await env.self.greet('b'), await env.nested.via('c'),
        await env.counter.add(2), await env.counter.add(3), Object.keys(env).length].join(' '));
    } }\`, { env: { text: 't', date: new Date(7), service: env.GREETER, self: ctx.exports.Greeter({ props: { greeting: 'Bye' } }),
      nested: ctx.exports.Greeter({ props: { other: ctx.exports.Greeter({ props: { greeting: 'Hej' } }) } }), counter: env.COUNTERS.getByName('x') } }));
  },
  async blocked(env) {
    const main = \`import { connect } from 'cloudflare:sockets';
      const told = async (run) => { try { await run(); return 'reached'; } catch (e) { return e.message; } };
      export default { async fetch(r) { return Response.json([await told(() => fetch(r.url)), await told(() => connect('127.0.0.1:9').opened),
        await told(() => caches.default.match(r.url))]); } }\`;
    return get(entry(env, main, { globalOutbound: null }), env.target);
  },
  redirected: (env) => get(entry(env, 'export default { fetch(r) { return fetch("http://nowhere.invalid/p", { method: "PUT", body: "x" }); } }', { globalOutbound: env.GREETER })),
  inherited: (env) => get(entry(env, 'export default { fetch(r) { return fetch(r.url); } }'), env.target),
  async ids(env) {
    const load = () => { loads++; return code('let i = 0; export default { next(by) { return i += by; } }'); };
    const at = (id) => env.LOADER.get(id, async () => load()).getEntrypoint();
    const seen = [await at('one').next(1), await at('one').next(1), await at('two').next(10), await at('one').next(1)];
    const both = await Promise.all([at('three').next(1), at('three').next(1)]);
    return JSON.stringify([seen, both.sort(), loads]);
  },
  async again(env) { // the code is brought once, also when another request asks
    const n = loads;
    const seen = await env.LOADER.get('one', () => { loads++; throw new Error('not again'); }).getEntrypoint().next(1);
    return JSON.stringify([seen, loads - n]);
  },
  async modules(env) {
    const worker = env.LOADER.load({ compatibilityDate: '2026-01-01', mainModule: 'src/main.js', modules: {
      'src/main.js': \`import text from './t.txt'; import json from '../j.json'; import cjs from './c.cjs'; import bytes from './b.bin';
        import wasm from './add.wasm'; import { twice } from './util.js';
        export default { async fetch() {
          const late = './lib/' + 'late.js';
          return Response.json([text, json.a, cjs.up, bytes.byteLength, (await WebAssembly.instantiate(wasm)).exports.add(2, 3), twice(4),
            (await import('./lib/' + ['late'][0] + '.js')).default, (await import('./lib/late.js')).default]);
        } }\`,
      'src/util.js': 'export const twice = (n) => 2 * n;',
      'src/lib/late.js': 'import { twice } from "../util.js"; export default twice("5");',
      'src/t.txt': { text: 'T' }, 'j.json': { json: { a: [1] } }, 'src/b.bin': { data: new Uint8Array([1, 2]) },
      'src/c.cjs': { cjs: 'const { low } = require("./d.cjs"); module.exports = { up: low.toUpperCase() };' },
      'src/d.cjs': { cjs: 'exports.low = "cjs";' },
      'src/add.wasm': { wasm: new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 7, 1, 3, 0x61, 0x64, 0x64, 0, 0, 0x0a, 9, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b]) },
    } });
    return get(worker.getEntrypoint());
  },
  async entrypoints(env, ctx) {
    const worker = env.LOADER.load(code(\`import { WorkerEntrypoint } from 'cloudflare:workers';
      export default { fetch: (r, e, ctx) => Response.json(ctx.props), echo: (a) => a, told: (a, e, ctx) => [a, ctx.props] };
      export class Named extends WorkerEntrypoint { async run(n) { return [this.ctx.props.tag, n, await this.ctx.props.to.greet('x')]; } }\`));
    return JSON.stringify([await get(worker.getEntrypoint(null, { props: { a: [1] } })), await worker.getEntrypoint('default').echo({ deep: 1 }), await worker.getEntrypoint(null, { props: { b: 2 } }).told(1),
      await worker.getEntrypoint('Named', { props: { tag: 't', to: env.GREETER } }).run(3), await fail(() => worker.getEntrypoint('No').fetch('http://a/'))]);
  },
  async errors(env) {
    const bad = (main, more) => fail(() => get(entry(env, main, more)));
    return JSON.stringify([
      await bad('export default { fetch( }'), await bad("throw new TypeError('boo')"), await bad("import './no.js'; export default {}"),
      await bad('export default {}', { compatibilityFlags: ['nope'] }), await bad('export default {}', { mainModule: 'zz.js' }),
      await fail(() => env.LOADER.get('thrown', () => { throw new RangeError('mine'); }).getEntrypoint().fetch('http://a/')),
      await fail(() => env.LOADER.get('thrown', () => code('export default { fetch() { return new Response("fine now"); } }')).getEntrypoint().fetch('http://a/').then((r) => r.text())),
      await fail(() => env.LOADER.load(code('x', { env: { LOADER: env.LOADER } }))),
      await fail(() => env.LOADER.load(code('x', { env: { other: entry(env, 'export default {}') } }))),
      await fail(() => env.LOADER.load(code('x', { env: { big: 'x'.repeat(1100000) } }))),
      await sizes(env),
      await fail(() => env.LOADER.load({ compatibilityDate: '2026-01-01', mainModule: 'a.ts', modules: { 'a.ts': '' } })),
    ]);
  },
  async limits(env) {
    const worker = env.LOADER.load(code(\`export default { async fetch(r) { const seen = []; for (let i = 0; i < 3; i++) {
      try { await fetch(r.url); seen.push('ok'); } catch (e) { seen.push(e.message); } } return Response.json(seen); },
      spin() { for (;;); } }\`, { limits: { cpuMs: 50, subRequests: 2 } }));
    return JSON.stringify([await get(worker.getEntrypoint(), env.target), await get(worker.getEntrypoint(null, { limits: { subRequests: 1 } }), env.target),
      await fail(() => worker.getEntrypoint().spin(1))]);
  },
};
export default { async fetch(request, env, ctx) {
  const url = new URL(request.url);
  return new Response(await cases[url.pathname.slice(1)]({ ...env, target: url.searchParams.get('target') }, ctx));
} };
`;

test('dynamic workers', async (t) => {
  const origin = createServer((req, res) => res.end('origin')).listen(0, '127.0.0.1');
  await new Promise((resolve) => origin.once('listening', resolve));
  const server = await dev(project({ 'wrangler.toml': CONFIG, 'index.js': SOURCE }));
  const target = encodeURIComponent(`http://127.0.0.1:${origin.address().port}/`);
  const ask = async (name) => {
    const r = await server.fetch(`/${name}?target=${target}`);
    const text = await r.text();
    assert.equal(r.status, 200, text);
    return text;
  };
  try {
    await t.test('are given values and stubs in env', async () => {
      assert.equal(await ask('env'), 't 7 Hello, a Bye, b Hej, c 2 5 6');
    });
    await t.test('reach nothing when they may not', async () => {
      const blocked = "This worker is not permitted to access the internet via global functions like fetch(). It must use capabilities (such as bindings in 'env') to talk to the outside world.";
      assert.deepEqual(JSON.parse(await ask('blocked')), [blocked, blocked, 'No Cache was configured']);
    });
    await t.test('send their requests where the parent says', async () => {
      assert.equal(await ask('redirected'), 'outbound saw PUT http://nowhere.invalid/p');
      assert.equal(await ask('inherited'), 'origin');
    });
    await t.test('are loaded once for an id', async () => {
      assert.deepEqual(JSON.parse(await ask('ids')), [[1, 2, 10, 3], [1, 2], 3]);
      assert.deepEqual(JSON.parse(await ask('again')), [4, 0]);
    });
    await t.test('have modules of every kind', async () => {
      assert.deepEqual(JSON.parse(await ask('modules')), ['T', [1], 'CJS', 2, 5, 8, 10, 10]);
    });
    await t.test('have entrypoints and props', async () => {
      assert.deepEqual(JSON.parse(await ask('entrypoints')), ['{"a":[1]}', { deep: 1 }, [1, { b: 2 }], ['t', 3, 'Hello, x'], 'Error: Worker has no such entrypoint: No']);
    });
    await t.test('fail with what is wrong', async () => {
      const seen = JSON.parse(await ask('errors'));
      assert.match(seen[0], /^Error: Failed to start Worker:\nUncaught SyntaxError: .*\n  at main\.js:1:\d+$/);
      assert.match(seen[1], /^Error: Failed to start Worker:\nUncaught TypeError: boo\n  at main\.js:1:\d+$/);
      assert.equal(seen[2], 'Error: Failed to start Worker:\nUncaught Error: No such module "no.js".\n  imported from "main.js"');
      assert.equal(seen[3], 'Error: No such compatibility flag: nope');
      assert.equal(seen[4], 'Error: Failed to start Worker:\nUncaught Error: No such module: zz.js');
      assert.equal(seen[5], 'RangeError: mine');
      assert.deepEqual(seen[6], ['fine now']);
      assert.equal(seen[7], 'DataCloneError: Could not serialize object of type "WorkerLoader". This type does not support serialization.');
      assert.match(seen[8], /^DataCloneError: Entrypoints to dynamically-loaded workers cannot be transferred/);
      assert.match(seen[9], /^Error: Dynamic Worker env size \(\d+ bytes\) exceeds the maximum allowed size of 1048576 bytes\.$/);
      assert.deepEqual(seen[10], [true, true, 'Dynamic Worker env size (1048577 bytes) exceeds the maximum allowed size of 1048576 bytes.', 'Error: Dynamic Worker code size (67108865 bytes) exceeds the maximum allowed size of 67108864 bytes.']);
      assert.match(seen[11], /^TypeError: Module name must end with '\.js' or '\.py'/);
    });
    await t.test('have limits', async () => {
      const [own, tighter, spin] = JSON.parse(await ask('limits'));
      assert.deepEqual(JSON.parse(own), ['ok', 'ok', 'Too many subrequests.']);
      assert.deepEqual(JSON.parse(tighter), ['ok', 'Too many subrequests.', 'Too many subrequests.']);
      assert.equal(spin, 'Error: Worker exceeded CPU time limit.');
    });
    await t.test('leave no process behind when they have no id', async () => {
      await until(() => isolates(server, 'parent/').every((p) => /isolate parent\/(one|two|three|thrown)#/.test(p.args)), 'the end of the others');
    });
  } finally {
    await server.stop();
    origin.close();
  }
});
