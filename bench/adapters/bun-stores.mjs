// The routes of workers/stores.js that SQLite alone can answer, under Bun with bun:sqlite: bun bun-stores.mjs DATABASE PORT
// Every write is synced before its answer, as selvage's are.
import { Database } from 'bun:sqlite';

const db = new Database(process.argv[2], { create: true });
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
db.exec('CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, name TEXT, note TEXT); CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, note TEXT)');
for (let i = 0; i < 90; i++) db.query('INSERT OR REPLACE INTO rows VALUES (?, ?, ?)').run(i, `name ${i}`, 'note');
const select = db.query('SELECT * FROM rows WHERE id = ?');
const insert = db.query('INSERT INTO log (note) VALUES (?)');
const ten = db.transaction(() => {
  for (let i = 0; i < 10; i++) insert.run('note');
});
const kilobyte = 'x'.repeat(1024);
let serial = 0;
const routes = {
  '/plain': () => new Response(kilobyte),
  '/seed': () => new Response('ok'),
  '/d1/select': () => Response.json(select.get(serial++ % 90)),
  '/d1/insert': () => Response.json({ id: insert.run('note').lastInsertRowid }),
  '/d1/batch': () => {
    ten();
    return new Response('ok');
  },
};
Bun.serve({ hostname: '127.0.0.1', port: Number(process.argv[3]), fetch: (request) => routes[new URL(request.url).pathname]?.() ?? new Response('not here', { status: 404 }) });
