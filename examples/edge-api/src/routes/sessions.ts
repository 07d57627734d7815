import { Hono } from 'hono';
import type { App } from '../types';

interface SessionData {
  user: string;
  since: number;
}

export const sessions = new Hono<App>();

sessions.post('/', async (c) => {
  const { user } = await c.req.json<{ user: string }>();
  const id = crypto.randomUUID();
  const data: SessionData = { user, since: Date.now() };
  await c.env.CACHE.put(`session:${id}`, JSON.stringify(data), { expirationTtl: 3600, metadata: { user } });
  return c.json({ id }, 201);
});

sessions.get('/', async (c) => {
  const { keys } = await c.env.CACHE.list<{ user: string }>({ prefix: 'session:' });
  return c.json({ sessions: keys.map((k) => ({ id: k.name.slice('session:'.length), user: k.metadata?.user, expires: k.expiration })) });
});

sessions.get('/:id', async (c) => {
  const session = await c.env.CACHE.get<SessionData>(`session:${c.req.param('id')}`, 'json');
  return session ? c.json(session) : c.json({ error: 'Not found' }, 404);
});

sessions.delete('/:id', async (c) => {
  await c.env.CACHE.delete(`session:${c.req.param('id')}`);
  return c.body(null, 204);
});
