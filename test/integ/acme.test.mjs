// Certificates by themselves: the ACME client against a server that checks everything it says.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from './lib/selvage.mjs';
import { authority, folder, keep } from './lib/pki.mjs';
import { acme } from './lib/acme.mjs';
import { door, get, handshake } from './lib/door.mjs';

const ca = authority();
const servers = [];
after(() => servers.forEach((s) => s.close()));

// An ACME server, and a door that uses it.
async function pair(options = {}, ...args) {
  const port = await freePort(), dir = options.dir ?? join(folder(), 'acme');
  const a = options.server ?? await acme(ca, options);
  servers.push(a);
  a.challengePort = port;
  const d = await door('--acme', a.directory, '--acme-dir', dir, '--acme-ca', ca.file, '--http-port', String(port), ...args);
  return { a, d, dir };
}
const has = (d, name, subject = name) => until(async () => { const h = await handshake(d.secure, name, { ca: ca.pem }); return h.authorized && h; }, `a certificate for ${subject}`);

test('a host that a client asks for gets a certificate, which is kept', async () => {
  const { a, d, dir } = await pair({ terms: 'https://ca.test/terms' }, '--terms', '--email', 'ops@one.test', '--known', 'one.test', '--redirect');
  assert.equal((await handshake(d.secure, 'one.test')).subject, 'selvage dev', 'none yet: nobody trusts this one');
  await has(d, 'one.test');
  await d.saw(/notice ACME: one\.test: a certificate was issued\n/);
  assert.deepEqual(a.failures, []);
  assert.equal(a.orders.length, 1);
  assert.deepEqual([...a.accounts.values()][0].contact, ['mailto:ops@one.test']);
  for (const file of ['account.key', 'certs/one.test/privkey.pem', 'certs/one.test/fullchain.pem']) assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  assert.equal(readFileSync(join(dir, 'certs/one.test/fullchain.pem'), 'utf8').match(/BEGIN CERTIFICATE/g).length, 2, 'the chain');
  assert.deepEqual(readdirSync(join(dir, 'certs')), ['one.test']);
  // the token is nobody's any more
  const token = a.requests.length && a.orders[0].authorizations[0].token;
  assert.doesNotMatch((await get(d.port, `/.well-known/acme-challenge/${token}`, { host: 'one.test' })).text, new RegExp(token + '\\.'));
  // again: it is there, and nothing is asked for
  assert.equal(await d.stop(), 0);
  const again = await pair({ server: a, dir }, '--terms', '--known', 'one.test', '--want', 'one.test');
  assert.equal((await handshake(again.d.secure, 'one.test', { ca: ca.pem })).authorized, true);
  assert.equal(a.orders.length, 1);
  assert.equal(await again.d.stop(), 0);
});

test('only hosts that are served here are ordered, and several of them', async () => {
  const { a, d } = await pair({}, '--known', 'one.test', '--known', 'two.test', '--known', 'three.test', '--want', 'two.test', '--want', 'three.test', '--want', 'nobody.test');
  await handshake(d.secure, 'stranger.test');
  await handshake(d.secure, '127.0.0.1').catch(() => {});
  await handshake(d.secure, 'localhost');
  await handshake(d.secure, 'ONE.test');
  for (const name of ['one.test', 'two.test', 'three.test']) await has(d, name);
  assert.deepEqual(a.orders.map((o) => o.identifiers[0].value).sort(), ['one.test', 'three.test', 'two.test']);
  assert.equal(a.requests.filter((r) => r === 'POST /account').length, 1, 'one account');
  assert.deepEqual(a.failures, []);
  assert.equal(await d.stop(), 0);
});

test('nonces that are refused are replaced', async () => {
  const { a, d } = await pair({ badNonces: 2 }, '--known', 'one.test', '--want', 'one.test');
  await has(d, 'one.test');
  assert.equal(a.failures.filter((f) => /badNonce/.test(f)).length, 2);
  assert.equal(a.failures.length, 2);
  assert.equal(await d.stop(), 0);
});

test('a rate limit is kept to', async () => {
  const { a, d } = await pair({ limited: { seconds: 3 } }, '--known', 'one.test', '--want', 'one.test');
  await d.saw(/notice ACME: one\.test: new order: the server says rateLimited \(status 429\): too many orders; the next try is in (\d+) s/);
  const from = Date.now();
  await has(d, 'one.test');
  assert(Date.now() - from >= 2000, 'it waited');
  assert.equal(a.orders.length, 1);
  assert.equal(await d.stop(), 0);
});

test('a proof that fails is told and tried again', async () => {
  const { a, d } = await pair({}, '--known', 'one.test');
  a.challengePort = await freePort(); // nobody listens there
  await handshake(d.secure, 'one.test');
  await d.saw(/notice ACME: one\.test: the server does not believe that the host is ours: unauthorized: one\.test: .*ECONNREFUSED.*; the next try is in \d+ s/);
  assert.equal((await handshake(d.secure, 'one.test')).subject, 'selvage dev');
  a.challengePort = d.port;
  await has(d, 'one.test');
  assert.equal(a.orders.length, 2);
  assert.equal(await d.stop(), 0);
});

test('a server that is not there, or is none, is told', async () => {
  const port = await freePort();
  const d = await door('--acme', `https://localhost:${port}/directory`, '--acme-dir', join(folder(), 'acme'), '--acme-ca', ca.file, '--known', 'one.test', '--want', 'one.test');
  await d.saw(/notice ACME: one\.test: directory: .*; the next try is in/);
  await d.saw(/notice ACME: one\.test: directory: .*; the next try is in/, d.text.indexOf('the next try'));
  assert.equal(await d.stop(), 0);
  const { a, d: e } = await pair({ terms: 'https://ca.test/terms' }, '--known', 'one.test', '--want', 'one.test');
  await e.saw(/the server has terms of service, https:\/\/ca\.test\/terms: agree with them in the configuration/);
  assert.equal(a.accounts.size, 0);
  assert.equal(await e.stop(), 0);
  await assert.rejects(door('--acme', 'http://localhost/', '--acme-dir', folder()), /no URL of an ACME directory/);
});

test('a server that nobody trusts is not spoken with', async () => {
  const stranger = authority('stranger');
  const a = await acme(stranger);
  servers.push(a);
  const d = await door('--acme', a.directory, '--acme-dir', join(folder(), 'acme'), '--acme-ca', ca.file, '--known', 'one.test', '--want', 'one.test');
  await d.saw(/notice ACME: one\.test: directory: .*(certificate|SSL|issuer)/i);
  assert.deepEqual(a.requests, []);
  assert.equal(await d.stop(), 0);
});

test('what is about to end is renewed; a certificate from the folder is left alone', async () => {
  const dir = join(folder(), 'acme'), certs = folder();
  const old = ca.issue(['one.test'], { days: 0, cn: 'old' }); // it ends where it begins
  mkdirSync(join(dir, 'certs', 'one.test'), { recursive: true });
  keep(join(dir, 'certs', 'one.test'), 'x', old);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(dir, 'certs', 'one.test', 'fullchain.pem'), old.chain);
  writeFileSync(join(dir, 'certs', 'one.test', 'privkey.pem'), old.key, { mode: 0o600 });
  keep(certs, 'two', ca.issue(['two.test'], { cn: 'by hand' }));
  const { a, d } = await pair({ dir }, '--cert-dir', certs, '--known', 'one.test', '--known', 'two.test', '--want', 'two.test');
  await has(d, 'one.test');
  assert.equal((await handshake(d.secure, 'two.test')).subject, 'by hand');
  assert.deepEqual(a.orders.map((o) => o.identifiers[0].value), ['one.test']);
  assert(existsSync(join(dir, 'certs', 'one.test', 'fullchain.pem')));
  assert.equal(await d.stop(), 0);
});

test('an account key that is open to others is refused', async () => {
  const { d, dir } = await pair({}, '--known', 'one.test');
  await d.stop();
  chmodSync(join(dir, 'account.key'), 0o640);
  await assert.rejects(door('--acme', 'https://localhost:1/', '--acme-dir', dir), /account\.key: the account's key is open to others \(mode 0640\); give it mode 0600/);
});
