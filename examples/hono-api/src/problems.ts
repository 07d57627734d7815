// RFC 9457: errors are documents of type application/problem+json.
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

type Extra = Record<string, unknown>;

export function problem(c: Context, status: ContentfulStatusCode, title: string, detail?: string, extra: Extra = {}) {
  const body = { type: `https://api.example.com/problems/${status}`, title, status, detail, ...extra };
  return c.body(JSON.stringify(body), status, { 'content-type': 'application/problem+json' });
}

export function onError(err: Error, c: Context) {
  if (err instanceof HTTPException) return problem(c, err.status as ContentfulStatusCode, err.message);
  console.error(err);
  return problem(c, 500, 'Internal server error');
}
