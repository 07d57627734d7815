// A server with certificates: https beside http, the redirect, trusted proxies, and ACME for what is deployed and for nothing else.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from './lib/selvage.mjs';
import { dataDir, startServe } from './lib/serve.mjs';
import { authority, folder, keep } from './lib/pki.mjs';
import { get, handshake } from './lib/door.mjs';
import { acme } from './lib/acme.mjs';
import { deploy } from './lib/tenants.mjs';

// What a worker is told of the connection, asked over HTTP/1.1 or HTTP/2 with that version of TLS.
const over1 = (port, host, options) => new Promise((done, fail) => {
  https.get({ port, host: '127.0.0.1', servername: host, headers: { host }, rejectUnauthorized: false, agent: false, ...options }, (res) => {
    let text = '';
    res.on('data', (d) => (text += d)).on('end', () => done(JSON.parse(text)));
  }).on('error', fail);
});
const over2 = (port, host) => new Promise((done, fail) => {
  const session = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false, lookup: (name, o, cb) => (o.all ? cb(null, [{ address: '127.0.0.1', family: 4 }]) : cb(null, '127.0.0.1', 4)) });
  session.on('error', fail);
  let text = '';
  session.request({ ':path': '/' }).on('data', (d) => (text += d)).on('end', () => { session.close(); done(JSON.parse(text)); }).on('error', fail).end();
});

const servers = [];
after(() => servers.forEach((s) => s.close()));

test('certificates of a folder and of ACME, from one configuration', async () => {
  const ca = authority(), dir = folder(), certs = join(dir, 'certs'), secure = await freePort(), port = await freePort();
  const a = await acme(ca, { challengePort: port });
  servers.push(a);
  mkdirSync(certs);
  keep(certs, 'main', ca.issue(['main.test'], { cn: 'main' }));
  writeFileSync(join(dir, 'selvage.toml'), `colo = "FRA"\n[tls]\nlisten = ["127.0.0.1:${secure}"]\ncertificates = "certs"\nredirect = true\nhsts_seconds = 60\n` +
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

  await deploy(s, { id: s.account, token: s.token }, 'seen', `export default { fetch: (r) => Response.json({ url: r.url, cf: r.cf, headers: Object.fromEntries(r.headers) }) };`);
  const own = 'seen.main.test';
  const new1 = await over1(secure, own, { ciphers: 'TLS_AES_256_GCM_SHA384' });
  assert.deepEqual([new1.cf.httpProtocol, new1.cf.tlsVersion, new1.cf.tlsCipher, new1.cf.colo], ['HTTP/1.1', 'TLSv1.3', 'AEAD-AES256-GCM-SHA384', 'FRA']);
  assert.match(new1.headers['cf-ray'], /^[0-9a-f]{16}-FRA$/);
  assert.equal(new1.headers['x-forwarded-proto'], 'https');
  assert.equal(new1.headers['cf-connecting-ip'], '127.0.0.1');
  assert.ok(Number.isInteger(new1.cf.clientTcpRtt), 'a round trip is known');
  assert.equal(new1.cf.tlsClientAuth.certPresented, '0');
  assert.equal(new1.cf.city, undefined, 'where a client is, is not known');
  const old1 = await over1(secure, own, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256' });
  assert.equal(old1.cf.tlsVersion, 'TLSv1.2');
  assert.match(old1.cf.tlsCipher, /^ECDHE-(RSA|ECDSA)-AES128-GCM-SHA256$/);
  const new2 = await over2(secure, own);
  assert.deepEqual([new2.cf.httpProtocol, new2.cf.tlsVersion], ['HTTP/2', 'TLSv1.3']);
  // behind a proxy that is trusted: the client and its scheme are what that one says, the connection is its own
  const passed = JSON.parse((await get(port, '/', { host: own, 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' })).text);
  assert.deepEqual([passed.url, passed.headers['cf-connecting-ip'], passed.headers['x-real-ip'], passed.headers['x-forwarded-proto'], passed.cf.tlsVersion, passed.cf.tlsCipher, passed.cf.httpProtocol],
    [`https://${own}/`, '203.0.113.9', '203.0.113.9', 'https', '', '', 'HTTP/1.1']);
  assert.equal(passed.cf.tlsClientAuth, undefined);
  assert.equal(passed.headers['cf-visitor'], '{"scheme":"https"}');

  const end = await s.stop();
  assert.equal(end.code, 0);
});
