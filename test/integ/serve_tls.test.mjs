// A server with certificates: https beside http, the redirect, trusted proxies, and ACME for what is deployed and for nothing else.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from './lib/selvage.mjs';
import { dataDir, startServe } from './lib/serve.mjs';
import { authority, folder, keep } from './lib/pki.mjs';
import { get, handshake } from './lib/door.mjs';
import { acme } from './lib/acme.mjs';

const servers = [];
after(() => servers.forEach((s) => s.close()));

test('certificates of a folder and of ACME, from one configuration', async () => {
  const ca = authority(), dir = folder(), certs = join(dir, 'certs'), secure = await freePort(), port = await freePort();
  const a = await acme(ca, { challengePort: port });
  servers.push(a);
  mkdirSync(certs);
  keep(certs, 'main', ca.issue(['main.test'], { cn: 'main' }));
  writeFileSync(join(dir, 'selvage.toml'), `[tls]\nlisten = ["127.0.0.1:${secure}"]\ncertificates = "certs"\nredirect = true\nhsts_seconds = 60\n` +
    `[acme]\ndirectory = "${a.directory}"\nhosts = ["listed.test"]\nca_file = "${ca.file}"\naccept_terms = true\n[proxy]\ntrusted = ["127.0.0.1"]\n`);
  const s = await startServe({ domain: 'main.test', data: dataDir(), port, args: ['--config', join(dir, 'selvage.toml')] });
  assert.equal((await handshake(secure, 'main.test', { ca: ca.pem })).subject, 'main');
  const r = await get(port, '/x?y=1', { host: 'main.test' });
  assert.equal(r.status, 308);
  assert.equal(r.headers.location, `https://main.test:${secure}/x?y=1`);
  assert.notEqual((await get(port, '/', { host: 'main.test', 'x-forwarded-proto': 'https' })).status, 308, 'who came by https is not sent there');
  await until(async () => (await handshake(secure, 'listed.test', { ca: ca.pem })).authorized, 'the certificate of a listed host');
  await handshake(secure, 'stranger.test');
  assert.deepEqual(a.orders.map((o) => o.identifiers[0].value), ['listed.test']);
  assert.deepEqual(a.failures, []);
  const end = await s.stop();
  assert.equal(end.code, 0);
});
