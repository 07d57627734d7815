// S3 on R2, by the clients that people use: AWS's SDK, its presigner, aws4fetch, curl.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand, CreateMultipartUploadCommand,
  DeleteBucketCommand, DeleteBucketCorsCommand, DeleteBucketLifecycleCommand, DeleteObjectCommand, DeleteObjectsCommand, GetBucketAclCommand, GetBucketCorsCommand,
  GetBucketEncryptionCommand, GetBucketLifecycleConfigurationCommand, GetBucketLocationCommand, GetObjectCommand, HeadBucketCommand, HeadObjectCommand, ListBucketsCommand,
  ListMultipartUploadsCommand, ListObjectsCommand, ListObjectsV2Command, ListPartsCommand, PutBucketCorsCommand, PutBucketLifecycleConfigurationCommand, PutObjectCommand,
  S3Client, UploadPartCommand, UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { AwsClient } from 'aws4fetch';
import { dev, freePort, run, worker } from './lib/selvage.mjs';

const source = `export default { async fetch(request, env) {
  const key = new URL(request.url).pathname.slice(1);
  if (request.method === "PUT") { await env.B.put(key, request.body, { httpMetadata: request.headers }); return new Response("ok"); }
  const o = await env.B.get(key);
  return o ? new Response(o.body, { headers: { etag: o.httpEtag, meta: JSON.stringify(o.customMetadata) } }) : new Response("none", { status: 404 });
} }`;
let server, dir, s3, alone, keys, s3Port, config;

// "files.localhost" is this machine, whatever the resolver knows.
const lookup = (host, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4));

before(async () => {
  dir = worker(source, '[[r2_buckets]]\nbinding = "B"\nbucket_name = "files"\n');
  s3Port = await freePort();
  server = await dev(dir, ['--s3-port', String(s3Port)]);
  const made = await run(['r2', 'credentials', 'create', '--name', 'test', '--json'], { cwd: dir });
  assert.equal(made.code, 0, made.stderr);
  keys = JSON.parse(made.stdout);
  const credentials = { accessKeyId: keys.accessKeyId, secretAccessKey: keys.secretAccessKey };
  config = { region: 'auto', endpoint: `${server.url}/cdn-cgi/local/r2/s3`, forcePathStyle: true, credentials, maxAttempts: 1 };
  s3 = new S3Client(config);
  alone = new S3Client({ region: 'auto', endpoint: `http://localhost:${s3Port}`, credentials, maxAttempts: 1, requestHandler: { httpAgent: new Agent({ lookup }) } });
});
after(() => server?.stop());

const text = async (answer) => answer.Body.transformToString();
const fails = (promise, name, status) => assert.rejects(promise, (e) => {
  assert.equal(e.name, name, e.stack);
  if (status) assert.equal(e.$metadata.httpStatusCode, status);
  return true;
});
const put = (Key, Body, more) => s3.send(new PutObjectCommand({ Bucket: 'files', Key, Body, ...more }));
const get = (Key, more) => s3.send(new GetObjectCommand({ Bucket: 'files', Key, ...more }));

test('an object goes in and comes out, with its metadata, and the binding sees it', async () => {
  const r = await put('a/b c+é.txt', 'hello', { ContentType: 'text/x', CacheControl: 'max-age=5', Metadata: { one: '1', two: 'zwei' } });
  assert.equal(r.ETag, '"5d41402abc4b2a76b9719d911017c592"');
  const o = await get('a/b c+é.txt');
  assert.equal(await text(o), 'hello');
  assert.equal(o.ContentType, 'text/x');
  assert.equal(o.CacheControl, 'max-age=5');
  assert.deepEqual(o.Metadata, { one: '1', two: 'zwei' });
  assert.ok(Math.abs(o.LastModified - Date.now()) < 60000);
  const seen = await server.fetch('/a/b%20c+%C3%A9.txt');
  assert.equal(seen.status, 404); // the worker does not decode its path: another key
  await put('plain', 'by s3', { Metadata: { who: 's3' } });
  const plain = await server.fetch('/plain');
  assert.equal(await plain.text(), 'by s3');
  assert.equal(plain.headers.get('meta'), '{"who":"s3"}');
  await server.fetch('/plain', { method: 'PUT', body: 'by worker' });
  assert.equal(await text(await get('plain')), 'by worker');
  const head = await s3.send(new HeadObjectCommand({ Bucket: 'files', Key: 'plain' }));
  assert.equal(head.ContentLength, 9);
  await s3.send(new DeleteObjectCommand({ Bucket: 'files', Key: 'plain' }));
  await fails(get('plain'), 'NoSuchKey', 404);
  await fails(s3.send(new HeadObjectCommand({ Bucket: 'files', Key: 'plain' })), 'NotFound', 404);
});

test('host style, on a port of its own', async () => {
  await put('host', 'style');
  const o = await alone.send(new GetObjectCommand({ Bucket: 'files', Key: 'host' }));
  assert.equal(await text(o), 'style');
  const list = await alone.send(new ListBucketsCommand({}));
  assert.ok(list.Buckets.some((b) => b.Name === 'files'));
  await fails(alone.send(new HeadBucketCommand({ Bucket: 'nobody-made-it' })), 'NotFound', 404);
});

test('large bodies: signed in chunks, with checksums in trailers, from streams', async () => {
  const big = Buffer.alloc(3_000_000, 'abc');
  const md5 = createHash('md5').update(big).digest('hex');
  for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']) {
    const r = await put('big', Readable.from([big.subarray(0, 1_000_001), big.subarray(1_000_001)]), { ContentLength: big.length, ChecksumAlgorithm: algorithm });
    assert.equal(r.ETag, `"${md5}"`, algorithm);
    const o = await get('big', { ChecksumMode: 'ENABLED' });
    assert.ok(o[`Checksum${algorithm}`], algorithm);
    const bytes = await o.Body.transformToByteArray(); // the SDK checks the checksum
    assert.ok(Buffer.compare(bytes, big) === 0, algorithm);
  }
  const sdk = new S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' });
  await sdk.send(new PutObjectCommand({ Bucket: 'files', Key: 'big2', Body: big }));
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket: 'files', Key: 'big2' }))).ContentLength, big.length);
  await fails(put('bad', 'x', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }), 'BadDigest', 400);
  await fails(put('bad', 'x', { ChecksumSHA256: Buffer.alloc(32).toString('base64') }), 'BadDigest', 400);
  await fails(get('bad'), 'NoSuchKey');
});

test('ranges and conditions', async () => {
  const { ETag } = await put('r', '0123456789');
  const part = await get('r', { Range: 'bytes=2-4' });
  assert.equal(await text(part), '234');
  assert.equal(part.ContentRange, 'bytes 2-4/10');
  assert.equal(part.$metadata.httpStatusCode, 206);
  assert.equal(await text(await get('r', { Range: 'bytes=-3' })), '789');
  await fails(get('r', { Range: 'bytes=10-' }), 'InvalidRange', 416);
  assert.equal(await text(await get('r', { IfMatch: ETag })), '0123456789');
  await fails(get('r', { IfMatch: '"other"' }), 'PreconditionFailed', 412);
  await assert.rejects(get('r', { IfNoneMatch: ETag }), (e) => e.$metadata.httpStatusCode === 304);
  await assert.rejects(get('r', { IfModifiedSince: new Date(Date.now() + 5000) }), (e) => e.$metadata.httpStatusCode === 304);
  await fails(put('r', 'new', { IfNoneMatch: '*' }), 'PreconditionFailed', 412);
  await put('fresh', 'new', { IfNoneMatch: '*' });
});

test('lists: pages, folders, encodings, both versions', async () => {
  const Bucket = 'list-me';
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const Key of ['a/1', 'a/2', 'b', 'c/1', 'd<&>', 'é']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const all = await s3.send(new ListObjectsV2Command({ Bucket }));
  assert.deepEqual(all.Contents.map((o) => o.Key), ['a/1', 'a/2', 'b', 'c/1', 'd<&>', 'é']);
  assert.equal(all.Contents[0].Size, 3);
  assert.equal(all.Contents[0].StorageClass, 'STANDARD');
  const seen = [];
  let ContinuationToken;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, Delimiter: '/', ContinuationToken }));
    seen.push([(page.Contents ?? []).map((o) => o.Key), (page.CommonPrefixes ?? []).map((p) => p.Prefix)]);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  assert.deepEqual(seen, [[['b'], ['a/']], [['d<&>'], ['c/']], [['é'], []]]);
  const old = [];
  let Marker;
  do {
    const page = await s3.send(new ListObjectsCommand({ Bucket, MaxKeys: 2, Delimiter: '/', Marker }));
    old.push(...(page.Contents ?? []).map((o) => o.Key), ...(page.CommonPrefixes ?? []).map((p) => p.Prefix));
    Marker = page.IsTruncated ? page.NextMarker : undefined;
  } while (Marker);
  assert.deepEqual(old.sort(), ['a/', 'b', 'c/', 'd<&>', 'é'].sort());
  assert.deepEqual((await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: 'b' }))).Contents.map((o) => o.Key), ['c/1', 'd<&>', 'é']);
  const encoded = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'd', EncodingType: 'url' }));
  assert.deepEqual(encoded.Contents.map((o) => o.Key), ['d%3C%26%3E']);
  await fails(s3.send(new DeleteBucketCommand({ Bucket })), 'BucketNotEmpty', 409);
  const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...all.Contents.map((o) => ({ Key: o.Key })), { Key: 'never' }] } }));
  assert.equal(gone.Deleted.length, 7);
  await s3.send(new DeleteBucketCommand({ Bucket }));
  await fails(s3.send(new ListObjectsV2Command({ Bucket })), 'NoSuchBucket', 404);
});

test('more keys than a delete takes', async () => {
  const Objects = Array.from({ length: 1001 }, (_, i) => ({ Key: `k${i}` }));
  await fails(s3.send(new DeleteObjectsCommand({ Bucket: 'files', Delete: { Objects } })), 'MalformedXML', 400);
  const r = await s3.send(new DeleteObjectsCommand({ Bucket: 'files', Delete: { Objects: Objects.slice(0, 1000), Quiet: true } }));
  assert.equal(r.Deleted, undefined);
});

test('uploads in parts, copied parts, listings of both', async () => {
  const Key = 'parts', Bucket = 'files', five = 5 * 1024 * 1024;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'x/y', ChecksumAlgorithm: 'CRC32' }));
  await put('whole', Buffer.alloc(five, 'w'));
  const one = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: Buffer.alloc(five, 'a') }));
  const two = await s3.send(new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber: 2, CopySource: 'files/whole' }));
  const three = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 3, Body: 'end' }));
  const uploads = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  assert.deepEqual(uploads.Uploads.map((u) => [u.Key, u.UploadId]), [[Key, UploadId]]);
  const parts = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2 }));
  assert.deepEqual([parts.Parts.map((p) => p.PartNumber), parts.IsTruncated, parts.NextPartNumberMarker], [[1, 2], true, '2']);
  const Parts = [[1, one.ETag], [2, two.CopyPartResult.ETag], [3, three.ETag]].map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
  await fails(s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: [Parts[1], Parts[0]] } })), 'InvalidPartOrder', 400);
  await fails(s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: '"x"' }] } })), 'InvalidPart', 400);
  const done = await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  assert.match(done.ETag, /^"[0-9a-f]{32}-3"$/);
  const o = await get(Key, { Range: `bytes=${2 * five - 2}-${2 * five + 1}` });
  assert.equal(await text(o), 'wwen');
  assert.equal(o.ContentType, 'x/y');
  const last = await get(Key, { PartNumber: 3 });
  assert.equal(await text(last), 'end');
  assert.equal(last.PartsCount, 3);
  const again = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: again.UploadId }));
  await fails(s3.send(new UploadPartCommand({ Bucket, Key, UploadId: again.UploadId, PartNumber: 1, Body: 'x' })), 'NoSuchUpload', 404);
});

test('checksums of objects in parts: of the parts, and of all bytes', async () => {
  const part = Buffer.alloc(5 << 20, 65), tail = Buffer.from('the tail');
  const whole = Buffer.concat([part, tail]);
  const sha = (kind, ...of) => createHash(kind).update(Buffer.concat(of)).digest();
  const cases = [
    { algorithm: 'SHA256', field: 'ChecksumSHA256', want: `${sha('sha256', sha('sha256', part), sha('sha256', tail)).toString('base64')}-2`, type: 'COMPOSITE' },
    { algorithm: 'SHA1', field: 'ChecksumSHA1', want: `${sha('sha1', sha('sha1', part), sha('sha1', tail)).toString('base64')}-2`, type: 'COMPOSITE' },
    { algorithm: 'CRC32', field: 'ChecksumCRC32', type: 'COMPOSITE' },
    { algorithm: 'CRC32', asked: 'FULL_OBJECT', field: 'ChecksumCRC32', type: 'FULL_OBJECT' },
    { algorithm: 'CRC32C', asked: 'FULL_OBJECT', field: 'ChecksumCRC32C', type: 'FULL_OBJECT' },
    { algorithm: 'CRC64NVME', field: 'ChecksumCRC64NVME', type: 'FULL_OBJECT' },
  ];
  for (const { algorithm, asked, field, want, type } of cases) {
    const Key = `sums/${algorithm}${asked ?? ''}`, at = { Bucket: 'files', Key };
    const made = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: algorithm, ChecksumType: asked }));
    assert.equal(made.ChecksumType, type, Key);
    const Parts = [];
    for (const [i, Body] of [part, tail].entries()) {
      const r = await s3.send(new UploadPartCommand({ ...at, UploadId: made.UploadId, PartNumber: i + 1, Body, ChecksumAlgorithm: algorithm }));
      Parts.push({ PartNumber: i + 1, ETag: r.ETag, [field]: r[field] });
    }
    const listed = await s3.send(new ListPartsCommand({ ...at, UploadId: made.UploadId }));
    assert.deepEqual(listed.Parts.map((p) => p[field]), Parts.map((p) => p[field]), Key);
    const wrong = Parts.map((p) => ({ ...p, [field]: Parts[1][field] }));
    await fails(s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId: made.UploadId, MultipartUpload: { Parts: wrong } })), 'InvalidPart', 400);
    const other = { ...at, UploadId: made.UploadId, MultipartUpload: { Parts }, [field]: type === 'COMPOSITE' ? `${Parts[0][field]}-2` : Parts[0][field] };
    await fails(s3.send(new CompleteMultipartUploadCommand(other)), 'BadDigest', 400);
    const done = await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId: made.UploadId, MultipartUpload: { Parts } }));
    assert.equal(done.ChecksumType, type);
    const head = await s3.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));
    assert.equal(head[field], done[field], Key);
    assert.equal(head.ChecksumType, type);
    if (want) assert.equal(done[field], want, Key);
    if (type === 'FULL_OBJECT') { // what one put of all bytes has
      await put('sums/whole', whole, { ChecksumAlgorithm: algorithm });
      assert.equal(done[field], (await s3.send(new HeadObjectCommand({ Bucket: 'files', Key: 'sums/whole', ChecksumMode: 'ENABLED' })))[field], Key);
    }
  }
  for (const [ChecksumAlgorithm, ChecksumType] of [['SHA256', 'FULL_OBJECT'], ['CRC64NVME', 'COMPOSITE']]) {
    await fails(s3.send(new CreateMultipartUploadCommand({ Bucket: 'files', Key: 'sums/no', ChecksumAlgorithm, ChecksumType })), 'InvalidRequest', 400);
  }
});

test('copies, with and without new metadata, under conditions', async () => {
  const Bucket = 'files';
  const { ETag } = await put('from', 'copy me', { ContentType: 'a/b', Metadata: { k: 'v' } });
  const r = await s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource: '/files/from' }));
  assert.equal(r.CopyObjectResult.ETag, ETag);
  let to = await s3.send(new HeadObjectCommand({ Bucket, Key: 'to' }));
  assert.deepEqual([to.ContentType, to.Metadata], ['a/b', { k: 'v' }]);
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource: 'files/from', MetadataDirective: 'REPLACE', ContentType: 'c/d', Metadata: { n: 'w' } }));
  to = await s3.send(new HeadObjectCommand({ Bucket, Key: 'to' }));
  assert.deepEqual([to.ContentType, to.Metadata], ['c/d', { n: 'w' }]);
  await fails(s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource: 'files/from', CopySourceIfMatch: '"no"' })), 'PreconditionFailed', 412);
  await fails(s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource: 'files/none' })), 'NoSuchKey', 404);
});

test('a customer key seals the content, which only that key opens', async () => {
  const key = Buffer.alloc(32, 7), ssec = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key };
  const body = Buffer.alloc(300_000, 'seal');
  await put('sealed', body, ssec);
  await fails(get('sealed'), 'InvalidRequest', 400);
  await fails(get('sealed', { ...ssec, SSECustomerKey: Buffer.alloc(32, 8) }), 'AccessDenied', 403);
  const o = await get('sealed', { ...ssec, Range: 'bytes=65530-65545' });
  assert.equal(await text(o), body.subarray(65530, 65546).toString());
  assert.equal(o.SSECustomerKeyMD5, createHash('md5').update(key).digest('base64'));
});

test('presigned URLs: get, put, head, delete; overrides; what was not signed is refused', async () => {
  const Bucket = 'files', Key = 'signed/é (1).txt';
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key, ContentType: 'text/plain' }), { expiresIn: 60 });
  assert.equal((await fetch(url, { method: 'PUT', body: 'signed', headers: { 'content-type': 'text/plain' } })).status, 200);
  const read = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key, ResponseContentDisposition: 'attachment; filename="x"' }), { expiresIn: 60 });
  const got = await fetch(read);
  assert.equal(await got.text(), 'signed');
  assert.equal(got.headers.get('content-disposition'), 'attachment; filename="x"');
  const head = await getSignedUrl(s3, new HeadObjectCommand({ Bucket, Key }), { expiresIn: 60 });
  assert.equal((await fetch(head, { method: 'HEAD' })).headers.get('content-length'), '6');
  const refused = async (u, init, status, code) => {
    const r = await fetch(u, init);
    const body = await r.text();
    assert.equal(r.status, status, body);
    assert.match(body, new RegExp(`<Code>${code}</Code>`));
  };
  await refused(read.replace('signed', 'signeD'), {}, 403, 'SignatureDoesNotMatch');
  await refused(read, { method: 'PUT', body: 'x' }, 403, 'SignatureDoesNotMatch');
  await refused(read + '&partNumber=1', {}, 403, 'SignatureDoesNotMatch');
  await refused(read.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=604801'), {}, 400, 'AuthorizationQueryParametersError');
  const expired = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }), { expiresIn: 60, signingDate: new Date(Date.now() - 120_000) });
  await refused(expired, {}, 403, 'ExpiredRequest');
  await refused(read.replace(keys.accessKeyId, '0'.repeat(32)), {}, 401, 'Unauthorized');
  await refused(`${server.url}/cdn-cgi/local/r2/s3/files/x`, {}, 403, 'AccessDenied');
  const away = await getSignedUrl(s3, new DeleteObjectCommand({ Bucket, Key }), { expiresIn: 60 });
  assert.equal((await fetch(away, { method: 'DELETE' })).status, 204);
  assert.equal((await fetch(read)).status, 404);
});

test('aws4fetch signs a PUT in the query, a browser sends it', async () => {
  const client = new AwsClient({ accessKeyId: keys.accessKeyId, secretAccessKey: keys.secretAccessKey, service: 's3', region: 'auto' });
  const url = `${server.url}/cdn-cgi/local/r2/s3/files/up%20load.bin`;
  const signed = await client.sign(url, { method: 'PUT', aws: { signQuery: true } });
  assert.equal((await fetch(signed.url, { method: 'PUT', body: Buffer.alloc(200_000, 1) })).status, 200);
  const got = await client.fetch(url);
  assert.equal((await got.arrayBuffer()).byteLength, 200_000);
});

test('curl signs in headers', async (t) => {
  if (!/--aws-sigv4/.test(spawnSync('curl', ['--help', 'all']).stdout)) return t.skip('no curl that signs');
  const file = join(dir, 'up.txt');
  writeFileSync(file, 'from curl');
  const url = `http://localhost:${s3Port}/files/curl.txt`;
  const args = ['-s', '-S', '-w', '%{http_code}', '--aws-sigv4', 'aws:amz:auto:s3', '-u', `${keys.accessKeyId}:${keys.secretAccessKey}`];
  const up = spawnSync('curl', [...args, '-T', file, '-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', url], { encoding: 'utf8' });
  assert.match(up.stdout, /200$/, up.stdout + up.stderr);
  const down = spawnSync('curl', [...args, '-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', url], { encoding: 'utf8' });
  assert.equal(down.stdout, 'from curl200');
});

test('rules for browsers: preflight and answers', async () => {
  const Bucket = 'files', origin = 'https://app.example';
  const CORSRules = [{ AllowedOrigins: [origin], AllowedMethods: ['PUT', 'GET'], AllowedHeaders: ['content-*'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 60 }];
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'cors' }), { expiresIn: 60 });
  const preflight = (more) => fetch(url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT', ...more } });
  assert.equal((await preflight()).status, 403);
  await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  assert.deepEqual((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules, CORSRules);
  const ok = await preflight({ 'access-control-request-headers': 'content-type' });
  assert.equal(ok.status, 204);
  assert.equal(ok.headers.get('access-control-allow-origin'), origin);
  assert.equal(ok.headers.get('access-control-allow-methods'), 'PUT, GET');
  assert.equal(ok.headers.get('access-control-max-age'), '60');
  assert.equal((await preflight({ 'access-control-request-headers': 'x-other' })).status, 403);
  assert.equal((await preflight({ origin: 'https://evil.example' })).status, 403);
  const up = await fetch(url, { method: 'PUT', body: 'x', headers: { origin } });
  assert.equal(up.status, 200);
  assert.equal(up.headers.get('access-control-allow-origin'), origin);
  assert.equal(up.headers.get('access-control-expose-headers'), 'ETag');
  await s3.send(new DeleteBucketCorsCommand({ Bucket }));
  await fails(s3.send(new GetBucketCorsCommand({ Bucket })), 'NoSuchCORSConfiguration', 404);
});

test('rules of life cycles are kept and given back', async () => {
  const Bucket = 'files', Rules = [
    { ID: 'logs', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 30 } },
    { ID: 'cool', Status: 'Disabled', Filter: { Prefix: '' }, Transitions: [{ Days: 7, StorageClass: 'STANDARD_IA' }], AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ];
  await fails(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })), 'NoSuchLifecycleConfiguration', 404);
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  const got = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  assert.deepEqual(got.Rules, Rules);
  await fails(s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [{ ...Rules[0], Expiration: { Days: 0 } }] } })), 'MalformedXML', 400);
  await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
});

test('buckets, and what R2 does not have', async () => {
  await fails(s3.send(new CreateBucketCommand({ Bucket: 'files' })), 'BucketAlreadyOwnedByYou', 409); // bound to a Worker: made with it
  await fails(s3.send(new CreateBucketCommand({ Bucket: 'Bad_Name' })), 'InvalidBucketName', 400);
  assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket: 'files' }))).LocationConstraint, 'auto');
  assert.ok((await s3.send(new GetBucketEncryptionCommand({ Bucket: 'files' }))).ServerSideEncryptionConfiguration.Rules);
  await fails(s3.send(new GetBucketAclCommand({ Bucket: 'files' })), 'NotImplemented', 501);
  await fails(put('tagged', 'x', { Tagging: 'a=b' }), 'NotImplemented', 501);
  await put('acl', 'x', { ACL: 'public-read' });
  await fails(s3.send(new PutObjectCommand({ Bucket: 'no-such-bucket', Key: 'a', Body: 'x' })), 'NoSuchBucket', 404);
});

test('keys are limited to what they are for, and can be taken back', async () => {
  const client = async (...flags) => {
    const made = JSON.parse((await run(['r2', 'credentials', 'create', '--json', ...flags], { cwd: dir })).stdout);
    return [made, new S3Client({ ...config, credentials: { accessKeyId: made.accessKeyId, secretAccessKey: made.secretAccessKey } })];
  };
  await s3.send(new CreateBucketCommand({ Bucket: 'other' }));
  await put('scoped', 'x');
  const [reader, ro] = await client('--bucket', 'files', '--read-only');
  assert.equal(await text(await ro.send(new GetObjectCommand({ Bucket: 'files', Key: 'scoped' }))), 'x');
  await fails(ro.send(new PutObjectCommand({ Bucket: 'files', Key: 'scoped', Body: 'y' })), 'AccessDenied', 403);
  await fails(ro.send(new ListObjectsV2Command({ Bucket: 'other' })), 'AccessDenied', 403);
  const [, rw] = await client('--bucket', 'files');
  await rw.send(new PutObjectCommand({ Bucket: 'files', Key: 'scoped', Body: 'y' }));
  await fails(rw.send(new CreateBucketCommand({ Bucket: 'third' })), 'AccessDenied', 403);
  await fails(rw.send(new CopyObjectCommand({ Bucket: 'files', Key: 'c', CopySource: 'other/x' })), 'AccessDenied', 403);
  assert.deepEqual((await rw.send(new ListBucketsCommand({}))).Buckets.map((b) => b.Name), ['files']);
  const listed = await run(['r2', 'credentials', 'list'], { cwd: dir });
  assert.match(listed.stdout, new RegExp(reader.accessKeyId));
  assert.doesNotMatch(listed.stdout, new RegExp(reader.secretAccessKey));
  assert.equal((await run(['r2', 'credentials', 'delete', reader.accessKeyId], { cwd: dir })).code, 0);
  await fails(ro.send(new GetObjectCommand({ Bucket: 'files', Key: 'scoped' })), 'Unauthorized', 401);
});

test('the public path of development reads without a signature, on local names alone', async () => {
  await put('public.txt', 'for all', { ContentType: 'text/plain' });
  const path = '/cdn-cgi/local/r2/public/files/public.txt';
  const r = await server.fetch(path, { headers: { range: 'bytes=4-' } });
  assert.deepEqual([r.status, await r.text(), r.headers.get('content-type')], [206, 'all', 'text/plain']);
  assert.equal((await server.fetch(path, { method: 'PUT', body: 'x' })).status, 403);
  assert.equal((await server.fetch('/cdn-cgi/local/r2/public/files/nothing')).status, 404);
  const rebound = spawnSync('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: evil.example', server.url + path], { encoding: 'utf8' });
  if (!rebound.error) assert.equal(rebound.stdout, '403');
});

test('200 MB by a presigned URL, in constant memory', async () => {
  const size = 200 << 20, piece = Buffer.alloc(1 << 20, 'presigned'), hash = createHash('md5');
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) / 1024;
  const before = rss();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, rss())), 20);
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'files', Key: 'huge' }), { expiresIn: 600 });
  const status = await new Promise((done, failed) => {
    const r = request(url, { method: 'PUT', headers: { 'content-length': size } }, (a) => a.resume().on('end', () => done(a.statusCode)));
    let sent = 0;
    const more = () => {
      while (sent < size) {
        sent += piece.length;
        hash.update(piece);
        if (!r.write(piece)) return r.once('drain', more);
      }
      r.end();
    };
    r.on('error', failed);
    more();
  });
  assert.equal(status, 200);
  const back = createHash('md5');
  for await (const chunk of (await get('huge')).Body) back.update(chunk);
  assert.equal(back.digest('hex'), hash.digest('hex'));
  clearInterval(watch);
  assert.ok(most - before < 24, `main grew from ${before} MB to ${most} MB`);
});
