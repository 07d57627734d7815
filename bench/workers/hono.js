// Twenty routes, one middleware, a JSON answer: the shape of a small API.
import { Hono } from 'hono';

const app = new Hono();
app.use('*', async (c, next) => {
  await next();
  c.header('x-served-by', 'hono');
});
const things = ['users', 'posts', 'comments', 'tags', 'orders', 'carts', 'items', 'teams', 'roles', 'files'];
for (const thing of things) {
  app.get(`/${thing}`, (c) => c.json({ thing, list: [] }));
  app.get(`/${thing}/:id`, (c) => c.json({ thing, id: c.req.param('id'), q: c.req.query('q') ?? null, ok: true }));
}
export default app;
