// Packages from npm, unmodified, under nodejs_compat. What each computes is what it computes in Node.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { dev, project, run, until } from './lib/selvage.mjs';

const config = `name = "test"
main = "index.mjs"
compatibility_date = "2026-06-01"
compatibility_flags = ["nodejs_compat"]
`;
const index = `import run from './run.mjs';
export default { async fetch(request, env) {
  if (new URL(request.url).pathname !== '/run') return new Response('ready');
  try { return Response.json({ value: await run(env) }); } catch (error) { return Response.json({ error: String(error?.stack ?? error) }); }
} };`;

async function inWorker(source, { more = '', files = {}, args = [] } = {}) {
  const dir = project({ 'wrangler.toml': config + more, 'index.mjs': index, 'run.mjs': source, ...files });
  const server = await dev(dir, args);
  try {
    const answer = await (await server.fetch('/run')).json();
    assert.equal(answer.error, undefined, answer.error);
    return { dir, value: answer.value };
  } finally {
    await server.stop();
  }
}

// run.mjs in a worker and here: the same.
async function same(source, options) {
  const { dir, value } = await inWorker(source, options);
  const { default: here } = await import(pathToFileURL(join(dir, 'run.mjs')));
  assert.deepEqual(value, JSON.parse(JSON.stringify(await here({}))));
  return value;
}

test('zod', () => same(`import { z } from 'zod';
export default () => {
  const user = z.object({ name: z.string().min(2), age: z.coerce.number().int().positive(), tags: z.array(z.enum(['a', 'b'])).default([]), when: z.iso.datetime().optional() });
  const bad = user.safeParse({ name: 'x', age: -1, tags: ['c'], when: 'soon' });
  return [user.parse({ name: 'ann', age: '7' }), bad.success, bad.error.issues.map((i) => [i.code, i.path, i.message]), z.toJSONSchema(user), z.union([z.string(), z.number()]).transform(String).parse(5)];
};`));

test('jose', () => same(`import * as jose from 'jose';
export default async () => {
  const secret = new TextEncoder().encode('a secret that is long enough, 32b'), out = [];
  const jwt = await new jose.SignJWT({ who: 'ann' }).setProtectedHeader({ alg: 'HS256' }).setIssuer('i').setExpirationTime(4e9).sign(secret);
  out.push(jwt, (await jose.jwtVerify(jwt, secret, { issuer: 'i' })).payload);
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    const t = await new jose.SignJWT({ alg }).setProtectedHeader({ alg }).sign(privateKey);
    const again = await jose.importJWK(await jose.exportJWK(publicKey), alg);
    out.push((await jose.jwtVerify(t, again)).payload, (await jose.exportSPKI(publicKey)).split('\\n')[0]);
  }
  const jwe = await new jose.EncryptJWT({ hidden: true }).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(secret.slice(0, 32));
  out.push((await jose.jwtDecrypt(jwe, secret.slice(0, 32))).payload);
  out.push(await jose.jwtVerify(jwt.slice(0, -2) + 'xx', secret).catch((e) => [e.code, e.name]));
  return out;
};`));

test('nanoid, uuid and ulid', () => same(`import { customAlphabet, nanoid } from 'nanoid';
import { NIL, parse, stringify, v1, v3, v4, v5, v7, validate, version } from 'uuid';
import { decodeTime, monotonicFactory, ulid } from 'ulid';
export default () => {
  const next = monotonicFactory(), a = next(1e12), b = next(1e12);
  return [
    nanoid().length, nanoid() !== nanoid(), /^[ab]{10}$/.test(customAlphabet('ab', 10)()),
    [v1(), v4(), v7()].map((id) => [validate(id), version(id)]), v5('hello', v5.DNS), v3('hello', v3.URL), stringify(parse(NIL)), v4({ random: new Uint8Array(16) }),
    ulid().length, decodeTime(ulid(1234567890123)), a < b, a.slice(0, 10) === b.slice(0, 10),
  ];
};`));

test('js-yaml', () => same(`import * as yaml from 'js-yaml';
export default () => {
  const text = 'a: [1, 2.5, x]\\nb: &anchor\\n  c: 2020-01-02\\n  d: |\\n    two\\n    lines\\ne: *anchor\\\n';
  const value = yaml.load(text);
  let wrong;
  try { yaml.load('a: b: c'); } catch (e) { wrong = [e.name, e.reason, e.mark.line]; }
  return [value, yaml.dump({ x: [1, { y: 'z' }], long: 'w '.repeat(60), none: null }), wrong];
};`));

test('CommonJS: lodash, dayjs, semver, debug', () => same(`import _ from 'lodash';
import dayjs from 'dayjs';
import utc from 'dayjs/plugin/utc.js';
import semver from 'semver';
import debug from 'debug';
dayjs.extend(utc);
export default () => {
  const lines = [], log = debug('app:x');
  debug.enable('app:*');
  debug.useColors = () => false;
  log.useColors = false;
  log.log = (...args) => lines.push(args.length);
  log('hello %s %o', 'you', { a: 1 });
  return [
    _.chunk([1, 2, 3], 2), _.groupBy(['one', 'two', 'three'], 'length'), _.merge({ a: { b: 1 } }, { a: { c: 2 } }), _.isEqual(new Map([[1, { a: 2 }]]), new Map([[1, { a: 2 }]])),
    dayjs.utc(86400000).add(1, 'month').format('YYYY-MM-DD HH:mm'), semver.satisfies('1.2.3', '^1.0.0'), semver.sort(['2.0.0', '1.10.0', '1.9.0']), semver.coerce('v3.4').version,
    log.enabled, lines.length,
  ];
};`));

test('itty-router', () => same(`import { AutoRouter, error, json } from 'itty-router';
export default async () => {
  const router = AutoRouter({ base: '/api' });
  router.get('/hello/:name?', ({ params, query }) => ({ hello: params.name ?? 'nobody', query })).post('/echo', async (request) => json(await request.json(), { status: 201 })).get('/bad', () => error(418, 'teapot')).all('*', () => error(404));
  const out = [];
  for (const [path, init] of [['/api/hello/ann?a=1&a=2'], ['/api/hello'], ['/api/echo', { method: 'POST', body: '{"x":1}' }], ['/api/bad'], ['/api/none']]) {
    const r = await router.fetch(new Request('http://h' + path, init));
    out.push([r.status, await r.json()]);
  }
  return out;
};`));

test('hono', () => same(`import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { sign, verify } from 'hono/jwt';
import { HTTPException } from 'hono/http-exception';
import { streamText } from 'hono/streaming';
import { getCookie, setCookie } from 'hono/cookie';
export default async () => {
  const app = new Hono();
  app.use('*', cors({ origin: 'http://o' }));
  app.get('/u/:id{[0-9]+}', (c) => c.json({ id: c.req.param('id'), q: c.req.queries('q') ?? null }));
  app.get('/jwt', async (c) => c.json(await verify(await sign({ who: 'ann' }, 's', 'HS256'), 's', 'HS256')));
  app.get('/cookie', (c) => { setCookie(c, 'k', 'v', { httpOnly: true }); return c.text(getCookie(c, 'in') ?? 'none'); });
  app.get('/stream', (c) => streamText(c, async (s) => { for (const x of ['a', 'b']) await s.write(x); }));
  app.get('/fail', () => { throw new HTTPException(401, { message: 'no' }); });
  const out = [];
  for (const path of ['/u/7?q=1&q=2', '/u/x', '/jwt', '/cookie', '/stream', '/fail']) {
    const r = await app.request(path, { headers: { cookie: 'in=side', origin: 'http://o' } });
    out.push([r.status, await r.text(), r.headers.get('access-control-allow-origin'), r.headers.get('set-cookie')]);
  }
  return out;
};`));

test('express: its parts that need no socket', () => same(`import express from 'express';
import { Readable, Writable } from 'node:stream';
export default async () => {
  const router = express.Router();
  const seen = [];
  router.use((req, res, next) => { seen.push(req.method + ' ' + req.url); next(); });
  router.get('/items/:id', (req, res) => res.done({ id: req.params.id }));
  router.use((err, req, res, next) => res.done({ failed: err.message }));
  const call = (method, url) => new Promise((done) => router({ method, url }, { done }, (e) => done({ none: e?.message ?? null })));
  return [await call('GET', '/items/7'), await call('GET', '/items/%zz'), await call('POST', '/nothing'), seen];
};`));

test('aws4fetch signs as it does in Node', () => same(`import { AwsClient } from 'aws4fetch';
export default async () => {
  const aws = new AwsClient({ accessKeyId: 'AKID', secretAccessKey: 'SECRET', service: 's3', region: 'auto' });
  const signed = await aws.sign('http://h/b/k?x=1', { method: 'PUT', body: 'hello', headers: { 'x-amz-date': '20260101T000000Z' }, aws: { datetime: '20260101T000000Z' } });
  const url = await aws.sign('http://h/b/k', { aws: { signQuery: true, datetime: '20260101T000000Z' } });
  return [signed.headers.get('authorization'), url.url];
};`));

test('@prisma/adapter-d1', async () => {
  const source = `import { PrismaD1 } from '@prisma/adapter-d1';
export default async (env) => {
  const db = await new PrismaD1(env.DB).connect();
  const query = (sql, args = [], types = []) => ({ sql, args, argTypes: types.map((scalarType) => ({ scalarType, arity: 'scalar' })) });
  await db.executeScript('CREATE TABLE u(id INTEGER PRIMARY KEY, name TEXT, bytes BLOB, made DATETIME); CREATE INDEX u_name ON u(name);');
  const changed = await db.executeRaw(query('INSERT INTO u(name, bytes, made) VALUES(?, ?, ?)', ['ann', new Uint8Array([1, 2]), new Date(0)], ['string', 'bytes', 'datetime']));
  const { columnNames, rows } = await db.queryRaw(query('SELECT id, name, bytes, made FROM u'));
  const failed = await db.queryRaw(query('SELECT * FROM none')).catch((e) => [e.name, e.cause.kind]);
  const tx = await db.startTransaction();
  await tx.executeRaw(query("INSERT INTO u(name) VALUES('bob')"));
  await tx.commit();
  return [db.provider, changed, columnNames, rows, failed, (await db.queryRaw(query('SELECT count(*) FROM u'))).rows];
};`;
  const more = '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "db"\ndatabase_id = "0a1b2c3d-0000-4000-8000-000000000001"\n';
  const { value } = await inWorker(source, { more });
  assert.deepEqual(value, ['sqlite', 1, ['id', 'name', 'bytes', 'made'], [[1, 'ann', [1, 2], '1970-01-01T00:00:00.000+00:00']], ['DriverAdapterError', 'TableDoesNotExist'], [[2]]]);
});

const s3Source = `import { DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
export default async (env) => {
  const s3 = new S3Client({ region: 'auto', endpoint: env.ENDPOINT, forcePathStyle: true, maxAttempts: 1, credentials: { accessKeyId: process.env.ID, secretAccessKey: process.env.SECRET } });
  const out = [], Bucket = 'files';
  await s3.send(new PutObjectCommand({ Bucket, Key: 'a/x & y.txt', Body: 'hello', Metadata: { who: 'ann' } }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'b', Body: new Uint8Array(3) }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'a/x & y.txt' }));
  out.push(await got.Body.transformToString(), got.Metadata, await (await env.B.get('b')).arrayBuffer().then((b) => b.byteLength));
  out.push((await s3.send(new HeadObjectCommand({ Bucket, Key: 'b' }))).ContentLength);
  out.push((await fetch(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'b' })))).status);
  try {
    const list = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' }));
    out.push(list.Contents.map((o) => [o.Key, o.Size]), list.CommonPrefixes.map((p) => p.Prefix));
    const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'b' }, { Key: 'none' }] } }));
    out.push(gone.Deleted.map((d) => d.Key).sort());
    out.push(await s3.send(new GetObjectCommand({ Bucket, Key: 'b' })).catch((e) => [e.name, e.$metadata.httpStatusCode]));
  } catch (error) {
    out.push(error.name);
  }
  return out;
};`;

async function s3InWorker(env) {
  const more = '[[r2_buckets]]\nbinding = "B"\nbucket_name = "files"\n';
  const dir = project({ 'wrangler.toml': config + more, 'index.mjs': index, 'run.mjs': s3Source, '.dev.vars': 'ENDPOINT=""\n' });
  const server = await dev(dir, [], { env });
  try {
    const made = await run(['r2', 'credentials', 'create', '--name', 'test', '--json'], { cwd: dir });
    const keys = JSON.parse(made.stdout);
    const vars = { ENDPOINT: `${server.url}/cdn-cgi/local/r2/s3`, ID: keys.accessKeyId, SECRET: keys.secretAccessKey };
    writeFileSync(join(dir, '.dev.vars'), Object.entries(vars).map(([name, value]) => `${name}="${value}"\n`).join(''));
    return await until(async () => {
      const answer = await (await server.fetch('/run')).json();
      return answer.error === undefined ? answer.value : undefined;
    }, 'the worker with its credentials');
  } finally {
    await server.stop();
  }
}

// The package's build for browsers reads XML with DOMParser, which no worker has: that is so everywhere.
test('@aws-sdk/client-s3 in a worker, against the S3 endpoint', async () => {
  assert.deepEqual(await s3InWorker(), ['hello', { who: 'ann' }, 3, 3, 200, 'ReferenceError']);
});

test('@aws-sdk/client-s3, built as for Node', async () => {
  const value = await s3InWorker({ WRANGLER_BUILD_PLATFORM: 'node', WRANGLER_BUILD_CONDITIONS: 'node' });
  assert.deepEqual(value, ['hello', { who: 'ann' }, 3, 3, 200, [['b', 3]], ['a/'], ['b', 'none'], ['NoSuchKey', 404]]);
});
