// Users, kept in the isolate's memory: gone when it ends. A real project would bind a database here.
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { zValidator } from '@hono/zod-validator';
import { z } from 'zod';
import { problem } from '@/problems';
import type { AppEnv } from '@/types';

type User = { id: string; email: string; name: string };

const newUser = z.object({
  email: z.email().max(254),
  name: z.string().min(1).max(100),
});
const store = new Map<string, User>();

export const users = new Hono<AppEnv>();

users.get('/', (c) => c.json({ users: [...store.values()] }));

users.get('/:id', (c) => {
  const user = store.get(c.req.param('id'));
  if (!user) throw new HTTPException(404, { message: 'No such user' });
  return c.json(user);
});

users.post(
  '/',
  zValidator('json', newUser, (result, c) => {
    if (!result.success) {
      const errors = result.error.issues.map((i) => ({ pointer: '/' + i.path.join('/'), detail: i.message }));
      return problem(c, 422, 'Validation failed', undefined, { errors });
    }
  }),
  (c) => {
    const { email, name } = c.req.valid('json');
    const user = { id: crypto.randomUUID(), email, name };
    store.set(user.id, user);
    return c.json(user, 201);
  },
);

users.delete('/:id', (c) => {
  if (!store.delete(c.req.param('id'))) throw new HTTPException(404, { message: 'No such user' });
  return c.body(null, 204);
});
