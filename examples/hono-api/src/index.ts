// An API with the usual middle layers: CORS, request log, validation, and errors as RFC 9457 problem documents.
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { logger } from 'hono/logger';
import { problem, onError } from '@/problems';
import { users } from '@/routes/users';
import type { AppEnv } from '@/types';

const app = new Hono<AppEnv>();

app.use('*', logger());
app.use('*', (c, next) => cors({ origin: [c.env.ALLOWED_ORIGIN], credentials: true })(c, next));

app.get('/', (c) => c.text('A small API. Try GET /health, GET /v1/users, POST /v1/users.\n'));
app.get('/health', (c) => c.json({ status: 'ok', environment: c.env.ENVIRONMENT }));
app.route('/v1/users', users);

app.notFound((c) => problem(c, 404, 'Not found', `Nothing lives at ${new URL(c.req.url).pathname}.`));
app.onError(onError);

export default app;
