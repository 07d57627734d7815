// One route for each thing that a store does, beside one that does nothing: what a binding costs on top of its route.
import { Hono } from 'hono';

export class Counter {
  constructor(state) {
    this.storage = state.storage;
  }
  async fetch() {
    const n = ((await this.storage.get('n')) ?? 0) + 1;
    await this.storage.put('n', n);
    return new Response(String(n));
  }
}

const app = new Hono();
const kilobyte = 'x'.repeat(1024);
let serial = 0;

app.get('/plain', (c) => c.text(kilobyte));
app.get('/seed', async (c) => {
  const { DB, KV, R2 } = c.env;
  await DB.batch([
    DB.prepare('CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, name TEXT, note TEXT)'),
    DB.prepare('CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, note TEXT)'),
    DB.prepare('DELETE FROM rows'),
    ...Array.from({ length: 90 }, (_, i) => DB.prepare('INSERT INTO rows VALUES (?, ?, ?)').bind(i, `name ${i}`, 'note')),
  ]);
  for (let i = 0; i < 100; i++) await KV.put(`key${i}`, kilobyte);
  await R2.put('small', kilobyte);
  await R2.put('large', new Uint8Array(10 << 20));
  return c.text('ok');
});
app.get('/kv/get', async (c) => c.text(await c.env.KV.get(`key${serial++ % 100}`)));
app.get('/kv/put', async (c) => {
  await c.env.KV.put(`put${serial++ % 1000}`, kilobyte);
  return c.text('ok');
});
app.get('/d1/select', async (c) => c.json(await c.env.DB.prepare('SELECT * FROM rows WHERE id = ?').bind(serial++ % 90).first()));
app.get('/d1/insert', async (c) => {
  const { meta } = await c.env.DB.prepare('INSERT INTO log (note) VALUES (?)').bind('note').run();
  return c.json({ id: meta.last_row_id });
});
app.get('/d1/batch', async (c) => {
  const insert = c.env.DB.prepare('INSERT INTO log (note) VALUES (?)');
  await c.env.DB.batch(Array.from({ length: 10 }, () => insert.bind('note')));
  return c.text('ok');
});
app.get('/r2/get', async (c) => new Response((await c.env.R2.get('small')).body));
app.get('/r2/large', async (c) => new Response((await c.env.R2.get('large')).body));
app.get('/r2/put', async (c) => {
  await c.env.R2.put(`put${serial++ % 1000}`, kilobyte);
  return c.text('ok');
});
app.post('/r2/put', async (c) => {
  await c.env.R2.put(`large${serial++ % 8}`, c.req.raw.body);
  return c.text('ok');
});
const count = (c, name) => c.env.COUNTER.get(c.env.COUNTER.idFromName(name)).fetch('http://object/');
app.get('/do/one', async (c) => c.text(await (await count(c, 'one')).text()));
app.get('/do/many', async (c) => c.text(await (await count(c, `many${serial++ % 100}`)).text()));
app.get('/queue/send', async (c) => {
  await c.env.QUEUE.send({ n: serial++ });
  return c.text('ok');
});

let consumed = 0;
app.get('/queue/consumed', (c) => c.text(String(consumed)));
export default {
  fetch: app.fetch,
  queue(batch) {
    consumed += batch.messages.length;
  },
};
