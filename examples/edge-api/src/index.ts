import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { logger } from 'hono/logger';
import { nightly } from './cron';
import { consume } from './jobs';
import { counters } from './routes/counters';
import { files } from './routes/files';
import { sessions } from './routes/sessions';
import { users } from './routes/users';
import type { App, Env, Job } from './types';

export { Counter } from './counter';

const app = new Hono<App>();

app.use('*', logger());
app.use('*', (c, next) => cors({ origin: [c.env.ALLOWED_ORIGIN], credentials: true })(c, next));

app.get('/health', (c) => c.json({ status: 'ok' }));
app.route('/v1/users', users);
app.route('/v1', files);
app.route('/v1/sessions', sessions);
app.route('/v1/counters', counters);

// Problem Details, RFC 9457.
const problem = (status: number, title: string) => ({ type: `https://api.example.com/problems/${status}`, title, status });

app.notFound((c) => c.json(problem(404, 'Not found'), 404));
app.onError((err, c) => {
  if (err instanceof HTTPException) return c.json(problem(err.status, err.message), err.status);
  console.error(err);
  return c.json(problem(500, 'Internal server error'), 500);
});

export default {
  fetch: app.fetch,
  queue: consume,
  scheduled: nightly,
} satisfies ExportedHandler<Env, Job>;
