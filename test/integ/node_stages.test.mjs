// Which modules and globals of Node a worker has, by its date and flags.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev, project } from './lib/selvage.mjs';

const settings = (date, flags = [], more = '') =>
  `name = "test"\nmain = "index.js"\ncompatibility_date = "${date}"\ncompatibility_flags = ${JSON.stringify(flags)}\n${more}[vars]\nTEXT = "text"\nJSON = { a = [1] }\n`;

// Looks at what there is from inside: import() of names that the bundler does not know.
const look = `const t = async (name) => { try { const m = await import(name); return typeof m.default; } catch (error) { return error.message; } };
export default { async fetch(request) {
  const { names } = await request.json().catch(() => ({ names: [] }));
  const modules = {};
  for (const name of names) modules[name] = await t(name);
  return Response.json({ modules, Buffer: typeof Buffer, process: typeof process, global: typeof global, setImmediate: typeof setImmediate, env: typeof process === 'object' ? { ...process.env } : null });
} };`;

async function inside(config, names = [], files = { 'index.js': look }) {
  const server = await dev(project({ 'wrangler.toml': config, ...files }));
  try {
    const response = await server.fetch('/', { method: 'POST', body: JSON.stringify({ names }) });
    const text = await response.text();
    return { status: response.status, text, output: server.output, ...(response.ok ? JSON.parse(text) : {}) };
  } finally {
    await server.stop();
  }
}
const none = (name) => `No such module "${name}".`;
const noGlobals = { Buffer: 'undefined', process: 'undefined', global: 'undefined' };
const has = (seen, wanted) => { for (const [name, value] of Object.entries(wanted)) assert.deepEqual(seen[name], value, name); };

test('without a flag there is nothing, and the build says so', async () => {
  const seen = await inside(settings('2026-06-01'), ['node:path', 'path', 'node:async_hooks']);
  has(seen, { ...noGlobals, modules: { 'node:path': none('node:path'), path: none('path'), 'node:async_hooks': none('node:async_hooks') } });
  const failed = await inside(settings('2026-06-01'), [], { 'index.js': `import 'node:path';\n${look}` });
  assert.equal(failed.status, 500);
  assert.match(failed.output, /The package "node:path" wasn't found on the file system but is built into node\.\n {2}Your Worker may throw errors at runtime/);
  assert.match(failed.output, /No such module "node:path"\./);
  const bare = await inside(settings('2026-06-01'), [], { 'index.js': `import 'path';\n${look}` });
  assert.match(bare.output, /Could not resolve "path"[^]*- Add the "nodejs_compat" compatibility flag to your project\./);
});

test('nodejs_als gives AsyncLocalStorage alone', async () => {
  const source = `import { AsyncLocalStorage } from 'node:async_hooks';
const als = new AsyncLocalStorage();
export default { async fetch() { return Response.json({ store: await als.run(7, async () => { await null; return als.getStore(); }), path: await import(['node:path'][0]).catch((e) => e.message), Buffer: typeof Buffer }); } };`;
  const seen = await inside(settings('2026-06-01', ['nodejs_als']), [], { 'index.js': source });
  has(seen, { store: 7, path: none('node:path'), Buffer: 'undefined' });
  assert.doesNotMatch(seen.output, /wasn't found/);
});

test('the first stage has modules by their full names, and no globals', async () => {
  const seen = await inside(settings('2024-09-22', ['nodejs_compat']), ['node:path', 'path', 'node:fs']);
  has(seen, { ...noGlobals, env: null, modules: { 'node:path': 'object', path: none('path'), 'node:fs': none('node:fs') } });
  const bare = await inside(settings('2024-09-22', ['nodejs_compat']), [], { 'index.js': `import 'path';\n${look}` });
  assert.match(bare.output, /prefix the module name with "node:" or update your compatibility_date to 2024-09-23 or later\./);
});

test('the second stage has globals and short names; modules before their dates are polyfills where there is a bundler', async () => {
  const files = {
    'index.js': `import fs, { readFileSync } from 'fs';\nimport cjs from './cjs.cjs';\nexport default { async fetch() { const t = (f) => { try { return f(); } catch (e) { return e.message; } };
      return Response.json({ fs: t(() => fs.readFileSync('/x')), same: fs.readFileSync === readFileSync, cjs, Buffer: typeof Buffer, process: typeof process, global: global === globalThis, setImmediate: typeof setImmediate, env: { ...process.env } }); } };`,
    'cjs.cjs': `const path = require('path'), { EventEmitter } = require('node:events'), events = require('events');\nmodule.exports = [path.join('a', 'b'), EventEmitter === events, typeof require('fs').existsSync];`,
  };
  const seen = await inside(settings('2025-01-01', ['nodejs_compat']), [], files);
  has(seen, { fs: '[unenv] fs.readFileSync is not implemented yet!', same: true, cjs: ['a/b', true, 'function'], Buffer: 'function', process: 'object', global: true, setImmediate: 'function', env: {} });
  const plain = await inside(settings('2025-01-01', ['nodejs_compat'], 'no_bundle = true\n'), ['node:fs', 'node:path', 'path', 'node:vm']);
  has(plain.modules, { 'node:fs': none('node:fs'), 'node:path': 'object', path: 'object', 'node:vm': none('node:vm') });
});

test('dates and flags bring modules', async () => {
  const names = ['node:http', 'node:fs', 'node:console', 'node:vm', 'node:cluster', 'node:dgram', 'node:tty', 'node:nope'];
  const given = async (date, flags) => Object.entries((await inside(settings(date, flags, 'no_bundle = true\n'), names)).modules).filter(([, v]) => !v.startsWith('No such')).map(([n]) => n.slice(5));
  assert.deepEqual(await given('2025-08-14', ['nodejs_compat']), []);
  assert.deepEqual(await given('2025-09-20', ['nodejs_compat']), ['http', 'fs']);
  assert.deepEqual(await given('2025-12-04', ['nodejs_compat', 'disable_nodejs_fs_module']), ['http', 'console', 'vm', 'cluster']);
  assert.deepEqual(await given('2025-01-01', ['nodejs_compat', 'enable_nodejs_tty_module']), ['tty']);
  assert.deepEqual(await given('2026-03-17', ['nodejs_compat']), ['http', 'fs', 'console', 'vm', 'cluster', 'dgram', 'tty']);
});

test('from 2026-08-04 it is on by itself', async () => {
  has(await inside(settings('2026-08-04'), ['node:path']), { Buffer: 'function', process: 'object', modules: { 'node:path': 'object' } });
  has(await inside(settings('2026-08-04', ['no_nodejs_compat', 'no_nodejs_compat_v2']), ['node:path']), { ...noGlobals, modules: { 'node:path': none('node:path') } });
});

test('process.env has texts, and other variables as JSON; what is set is text', async () => {
  has(await inside(settings('2025-04-01', ['nodejs_compat'])), { env: { TEXT: 'text', JSON: '{"a":[1]}' } });
  has(await inside(settings('2026-06-01', ['nodejs_compat', 'nodejs_compat_do_not_populate_process_env'])), { env: {} });
  const source = `export default { async fetch() { const e = process.env; e.N = 5; e.U = undefined; const t = (f) => { try { return f(); } catch (x) { return x.message; } };
    return Response.json([e.N, e.U, 'N' in e, delete e.N, e.N ?? null, t(() => { e.S = Symbol(); }), t(() => Object.defineProperty(e, 'G', { get() {} }))]); } };`;
  const seen = await inside(settings('2026-06-01', ['nodejs_compat']), [], { 'index.js': source });
  assert.deepEqual(JSON.parse(seen.text), ['5', 'undefined', true, true, null, 'Cannot convert a symbol value to a string', "The property 'descriptor' process.env value must not have getter/setter. Received { get: [Function: get] }".replace('property', 'argument')]);
});

test('flags that exclude each other', async () => {
  for (const [flags, message] of [
    [['nodejs_compat', 'nodejs_compat_v2'], /The `nodejs_compat` and `nodejs_compat_v2` compatibility flags cannot be used in together\. Please select just one\./],
    [['experimental:nodejs_compat_v2'], /The `experimental:` prefix on `nodejs_compat_v2` is no longer valid\./],
  ]) {
    const server = await dev(project({ 'wrangler.toml': settings('2026-06-01', flags), 'index.js': look }), [], { wait: false });
    try {
      await server.saw(message);
    } finally {
      await server.stop();
    }
  }
});
