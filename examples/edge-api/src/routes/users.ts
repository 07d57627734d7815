import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import type { App } from '../types';

const createUser = z.object({
  email: z.string().email().max(254),
  name: z.string().min(1).max(100),
});
const transfer = z.object({ from: z.string(), to: z.string(), amount: z.number().int().positive() });

export const users = new Hono<App>();

users.post('/', zValidator('json', createUser), async (c) => {
  const { email, name } = c.req.valid('json');
  const id = crypto.randomUUID();
  const [created] = await c.env.DB.batch([
    c.env.DB.prepare('INSERT INTO users (id, email, name) VALUES (?, ?, ?) RETURNING *').bind(id, email, name),
    c.env.DB.prepare('INSERT INTO accounts (id, balance) VALUES (?, 100)').bind(id),
  ]).catch((err: Error) => {
    if (err.message.includes('UNIQUE constraint failed')) throw new HTTPException(409, { message: 'This address is taken' });
    throw err;
  });
  c.executionCtx.waitUntil(c.env.JOBS.send({ id: crypto.randomUUID(), kind: 'welcome', user: id }));
  return c.json(created.results[0], 201);
});

users.get('/', async (c) => {
  const limit = Math.min(Number(c.req.query('limit') ?? 20), 100);
  const cursor = c.req.query('cursor');
  const statement = cursor
    ? c.env.DB.prepare('SELECT * FROM users WHERE id > ? ORDER BY id LIMIT ?').bind(cursor, limit)
    : c.env.DB.prepare('SELECT * FROM users ORDER BY id LIMIT ?').bind(limit);
  const { results } = await statement.all();
  return c.json({ users: results, cursor: results.length === limit ? results.at(-1)!.id : null });
});

users.get('/:id', async (c) => {
  const user = await c.env.DB.prepare('SELECT users.*, balance FROM users JOIN accounts USING (id) WHERE id = ?').bind(c.req.param('id')).first();
  if (!user) throw new HTTPException(404, { message: 'No such user' });
  return c.json(user);
});

// Both statements or neither: an overdraft fails the CHECK and takes the first update with it.
users.post('/transfers', zValidator('json', transfer), async (c) => {
  const { from, to, amount } = c.req.valid('json');
  try {
    await c.env.DB.batch([
      c.env.DB.prepare('UPDATE accounts SET balance = balance + ? WHERE id = ?').bind(amount, to),
      c.env.DB.prepare('UPDATE accounts SET balance = balance - ? WHERE id = ?').bind(amount, from),
    ]);
  } catch (err) {
    if ((err as Error).message.includes('CHECK constraint failed')) throw new HTTPException(409, { message: 'Not enough credit' });
    throw err;
  }
  return c.body(null, 204);
});

users.get('/jobs/done', async (c) => c.json((await c.env.DB.prepare('SELECT id, kind, attempts FROM jobs ORDER BY id').all()).results));
users.post('/jobs/fail', async (c) => {
  await c.env.JOBS.send({ id: crypto.randomUUID(), kind: 'fail' });
  return c.body(null, 202);
});
