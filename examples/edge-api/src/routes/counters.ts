import { Hono } from 'hono';
import type { App, Env } from '../types';

export const counters = new Hono<App>();

const counter = (env: Env, name: string) => env.COUNTER.get(env.COUNTER.idFromName(name));

counters.post('/:name/increment', async (c) => {
  const res = await counter(c.env, c.req.param('name')).fetch(new Request('https://dummy/increment'));
  return c.json(await res.json());
});

counters.get('/:name', async (c) => c.json(await (await counter(c.env, c.req.param('name')).fetch('https://dummy/')).json()));
