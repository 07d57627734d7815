// Tail by real wrangler.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './lib/selvage.mjs';
import { ask, startServe } from './lib/serve.mjs';
import { folder, releases, start } from './lib/wrangler.mjs';

const domain = 'workers.test';
const code = `
import { WorkerEntrypoint } from "cloudflare:workers";
export class Rpc extends WorkerEntrypoint { ping() { console.log("in rpc"); return 1; } }
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/throw") { console.log("before"); throw new TypeError("no good"); }
    if (url.pathname === "/rpc") return new Response(String(await env.SELF.ping()));
    console.log("hello", { path: url.pathname, secret: request.headers.get("x-secret-thing") });
    return new Response("ok");
  },
};`;

async function upload(server, name, source, metadata) {
  const form = new FormData();
  form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', ...metadata }));
  form.set('index.js', new File([source], 'index.js', { type: 'application/javascript+module' }));
  for (const [method, path, body] of [['PUT', '', form], ['POST', '/subdomain', { enabled: true }]]) {
    const r = await server.call(method, `/workers/scripts/${name}${path}`, body);
    assert.equal(r.status, 200, r.text);
  }
}

for (const release of releases) {
  test(`${release.name} wrangler tails`, { skip: release.missing }, async () => {
    const server = await startServe({ domain });
    await upload(server, 'shop', code, { bindings: [{ type: 'service', name: 'SELF', service: 'shop', entrypoint: 'Rpc' }] });
    const dir = folder();
    const pretty = start(release, server, dir, ['tail', 'shop', '--format', 'pretty']);
    const json = start(release, server, dir, ['tail', 'shop', '--format', 'json', '--status', 'error']);
    await until(async () => (await server.call('GET', '/workers/scripts/shop/tails')).result.length === 2 && /waiting for logs/.test(pretty.out), 'both sessions', 50000);
    // The socket may open a moment later than its session.
    await until(async () => {
      for (const path of ['/hello', '/throw', '/rpc']) await ask(server, `shop.${domain}`, path);
      return /\/hello - Ok @/.test(pretty.out) && /"no good"/.test(json.out) && /Rpc\.ping - Ok @/.test(pretty.out);
    }, 'the events', 20000);
    assert.match(pretty.out, /\(log\) hello \{ path: '\/hello', secret: null \}/);
    assert.match(pretty.out, /\/throw - Exception Thrown @/);
    assert(!/"\/hello"/.test(json.out));
    json.child.kill('SIGINT');
    await json.exited;
    await until(async () => (await server.call('GET', '/workers/scripts/shop/tails')).result.length === 1, 'the session to go');
    const [{ id }] = (await server.call('GET', '/workers/scripts/shop/tails')).result;
    await server.call('DELETE', `/workers/scripts/shop/tails/${id}`);
    await pretty.exited;
    await server.stop();
  });
}
