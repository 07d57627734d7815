// Modules of Node in a worker: the same calls give the same results as in Node itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { dev, project, root } from './lib/selvage.mjs';
import { join } from 'node:path';
import calls from './node/calls.mjs';

// The worker and this process describe results alike, before JSON loses what they are.
const describe = `export const describe = async (call) => {
  const show = (v) => typeof v === 'bigint' ? { bigint: String(v) } : v === undefined ? { undefined: true } : typeof v === 'number' && (v !== v || Object.is(v, -0)) ? { number: Object.is(v, -0) ? '-0' : 'NaN' }
    : typeof v === 'symbol' || typeof v === 'function' ? String(v) : Array.isArray(v) ? Array.from(v, show) : v !== null && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, show(x)])) : v;
  try { return show(await call()); } catch (error) { return { thrown: [error.name, error.code, error.message] }; }
};`;
const index = `import calls from './calls.mjs';
import { describe } from './describe.mjs';
export default { async fetch(request) {
  const call = calls[decodeURIComponent(new URL(request.url).pathname.slice(1))];
  return call ? Response.json(await describe(call)) : new Response('ready');
} };`;
const config = 'name = "test"\nmain = "index.mjs"\ncompatibility_date = "2026-06-01"\ncompatibility_flags = ["nodejs_compat"]\n';
const { describe: here } = await import(`data:text/javascript,${encodeURIComponent(describe)}`);

let server;
before(async () => {
  server = await dev(project({ 'wrangler.toml': config, 'index.mjs': index, 'describe.mjs': describe, 'calls.mjs': readFileSync(join(root, 'test/integ/node/calls.mjs'), 'utf8') }));
});
after(() => server?.stop());

for (const [name, call] of Object.entries(calls)) {
  test(name, async () => {
    const there = await (await server.fetch(`/${encodeURIComponent(name)}`)).json();
    assert.deepEqual(there, JSON.parse(JSON.stringify(await here(call))), inspect(there, { depth: 9 }));
  });
}
