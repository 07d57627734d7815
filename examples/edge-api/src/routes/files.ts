import { AwsClient } from 'aws4fetch';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { App } from '../types';

export const files = new Hono<App>();

// The body goes from the client to the bucket without passing through this code.
files.put('/files/:key{.+}', async (c) => {
  const contentType = c.req.header('Content-Type') ?? 'application/octet-stream';
  const object = await c.env.BUCKET.put(c.req.param('key'), c.req.raw.body, {
    httpMetadata: { contentType },
    customMetadata: { uploadedBy: c.req.header('X-User') ?? 'anonymous' },
  });
  return c.json({ key: object.key, size: object.size, etag: object.etag }, 201);
});

files.get('/files/:key{.+}', async (c) => {
  const object = await c.env.BUCKET.get(c.req.param('key'), { onlyIf: c.req.raw.headers, range: c.req.raw.headers });
  if (!object) return c.json({ error: 'Not found' }, 404);
  const headers = new Headers({ ETag: object.httpEtag });
  object.writeHttpMetadata(headers);
  if (!('body' in object)) return new Response(null, { status: 304, headers });
  const range = c.req.header('Range') && (object.range as { offset: number; length: number } | undefined);
  if (range) headers.set('Content-Range', `bytes ${range.offset}-${range.offset + range.length - 1}/${object.size}`);
  return new Response(object.body, { status: range ? 206 : 200, headers });
});

files.get('/files', async (c) => {
  const listed = await c.env.BUCKET.list({ prefix: c.req.query('prefix') ?? '', limit: 100 });
  return c.json({ objects: listed.objects.map((o) => ({ key: o.key, size: o.size })) });
});

files.delete('/files/:key{.+}', async (c) => {
  await c.env.BUCKET.delete(c.req.param('key'));
  return c.body(null, 204);
});

// A URL that lets its holder put one object, for ten minutes, straight into the bucket. It must be signed: without a
// signature the endpoint refuses it.
files.post('/upload-url', async (c) => {
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = c.env;
  if (!accessKeyId || !secretAccessKey) throw new HTTPException(503, { message: 'S3 credentials are missing' });
  const endpoint = c.env.S3_ENDPOINT || new URL('/cdn-cgi/local/r2/s3', c.req.url).href;
  const key = `uploads/${crypto.randomUUID()}`;
  const url = new URL(`${endpoint}/my-bucket/${key}`);
  url.searchParams.set('X-Amz-Expires', '600');
  const s3 = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'auto' });
  const signed = await s3.sign(url.href, { method: 'PUT', aws: { signQuery: true } });
  return c.json({ key, uploadUrl: signed.url });
});
