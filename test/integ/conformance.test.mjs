// The conformance corpus against the running program: the areas that need nothing we do not have. A probe that is listed in
// test/conformance/known.json is expected to differ, and must.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, selvage } from './lib/selvage.mjs';

const areas = ['assets', 'assets-404', 'assets-first', 'assets-spa', 'kv', 'r2', 'd1', 'do-object', 'do-storage', 'do-sql', 'queues', 'cache', 'url', 'headers', 'body', 'fetch', 'streams', 'encoding', 'events', 'crypto', 'htmlrewriter', 'websocket', 'env', 'services', 'ingress', 'nodejs'];
const folder = join(root, 'test', 'conformance');
const known = JSON.parse(readFileSync(join(folder, 'known.json'), 'utf8'));

const loops = process.env.SELVAGE_LOOPS ? ` --loops ${process.env.SELVAGE_LOOPS}` : '';

function run(args) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(folder, 'run.mjs'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    child.on('close', () => done(out));
  });
}

test('the answers of the reference', { timeout: 400_000 }, async (t) => {
  const report = JSON.parse(await run(['--json', '--full', '--inventory', '--area', areas.join(','),
    '--cmd', `exec ${selvage} dev --port {port} --allow-unsupported --show-interactive-dev-session=false${loops}`]));
  const differing = new Map(report.failures.map((f) => [f.id, f.diff]));

  for (const area of areas) {
    await t.test(area, () => {
      const unexpected = [...differing].filter(([id]) => id.startsWith(area + '/') && !(id in known.probes));
      assert.deepEqual(unexpected, [], 'these answers differ from the reference');
    });
  }
  await t.test('listed differences still differ', () => {
    const agreed = Object.keys(known.probes).filter((id) => areas.includes(id.split('/')[0]) && !differing.has(id));
    assert.deepEqual(agreed, [], 'these now agree: remove them from known.json');
  });
  await t.test('no member of the platform is missing', () => {
    const unexpected = report.inventoryMissing.filter((m) => !known.inventory.some((k) => new RegExp(k.member).test(m)));
    assert.deepEqual(unexpected, []);
  });
});
