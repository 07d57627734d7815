// Every example, used as its reader would use it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { dev, example, root, until } from './lib/selvage.mjs';
import { isolates } from './lib/processes.mjs';

const folder = (name) => join(root, 'examples', name);
async function withExample(name, args, work) {
  const server = await dev(folder(name), args);
  try {
    await work(server);
  } finally {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
}

test('hello greets the world, and by name', () => withExample('hello', [], async (s) => {
  const r = await s.fetch('/');
  assert.equal(r.status, 200);
  assert.equal(r.headers.get('content-type'), 'text/plain;charset=UTF-8');
  assert.equal(await r.text(), 'Hello, World!\n');
  assert.equal(await (await s.fetch('/Ada%20Lovelace')).text(), 'Hello, Ada Lovelace!\n');
}));

test('hello takes its greeting from --var', () => withExample('hello', ['--var', 'GREETING:Goodbye'], async (s) => {
  assert.equal(await (await s.fetch('/')).text(), 'Goodbye, World!\n');
}));

// Its users live in the memory of one isolate, and each loop has its own.
test('hono-api: users, validation and problem documents', () => withExample('hono-api', ['--loops', '1'], async (s) => {
  const json = (body, method = 'POST') => ({ method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  assert.deepEqual(await (await s.fetch('/health')).json(), { status: 'ok', environment: 'development' });

  const created = await s.fetch('/v1/users', json({ email: 'ada@example.com', name: 'Ada' }));
  assert.equal(created.status, 201);
  const user = await created.json();
  assert.match(user.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(await (await s.fetch('/v1/users/' + user.id)).json(), user);
  assert.deepEqual(await (await s.fetch('/v1/users')).json(), { users: [user] });

  const invalid = await s.fetch('/v1/users', json({ email: 'not an address', name: '' }));
  assert.equal(invalid.status, 422);
  assert.equal(invalid.headers.get('content-type'), 'application/problem+json');
  const problem = await invalid.json();
  assert.equal(problem.title, 'Validation failed');
  assert.deepEqual(problem.errors.map((e) => e.pointer), ['/email', '/name']);

  assert.equal((await s.fetch('/v1/users', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } })).status, 400);
  assert.equal((await s.fetch('/v1/users/' + user.id, { method: 'DELETE' })).status, 204);
  const gone = await s.fetch('/v1/users/' + user.id);
  assert.equal(gone.status, 404);
  assert.deepEqual(await gone.json(), { type: 'https://api.example.com/problems/404', title: 'No such user', status: 404 });
  assert.match((await (await s.fetch('/nowhere')).json()).detail, /nowhere/);

  const preflight = await s.fetch('/v1/users', { method: 'OPTIONS', headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example.com');
  assert.equal(preflight.headers.get('access-control-allow-credentials'), 'true');
  await s.saw(/--> POST \/v1\/users .*201/); // hono's logger
}));

test('hono-api: an environment overrides the variables', () => withExample('hono-api', ['--env', 'staging'], async (s) => {
  assert.deepEqual(await (await s.fetch('/health')).json(), { status: 'ok', environment: 'staging' });
}));

test('websocket-echo sends back text and bytes, counts, and says goodbye', () => withExample('websocket-echo', [], async (s) => {
  assert.match(await (await s.fetch('/')).text(), /new WebSocket/);
  assert.equal((await s.fetch('/ws')).status, 426);
  const ws = new WebSocket(`ws://127.0.0.1:${s.port}/ws`);
  const next = () => new Promise((done) => ws.once('message', (data, binary) => done(binary ? data : String(data))));
  await new Promise((done, fail) => ws.once('open', done).once('error', fail));
  let got = next();
  ws.send('grüße');
  assert.equal(await got, 'grüße');
  got = next();
  ws.send(Buffer.from([0, 1, 255]));
  assert.deepEqual(await got, Buffer.from([0, 1, 255]));
  got = next();
  ws.send('x'.repeat(300_000));
  assert.equal((await got).length, 300_000);
  got = next();
  ws.send('count');
  assert.equal(await got, '4');
  const closed = new Promise((done) => ws.once('close', (code, reason) => done([code, String(reason)])));
  ws.send('bye');
  assert.deepEqual(await closed, [1000, 'bye']);
}));

test('html-rewriter edits the page as it streams', () => withExample('html-rewriter', [], async (s) => {
  const html = await (await s.fetch('/')).text();
  assert.match(html, /<a href="https:\/\/example\.com\/first" rel="noopener external">the first part<\/a>/);
  assert.match(html, /<a href="\/second">the second<\/a>/);
  assert.match(html, /<img src="\/logo\.png" alt="Logo" loading="lazy">/);
  assert.match(html, /<footer>\d+ words<\/footer>\n<\/body>/);
  assert.match(html, /document\.write\('<a href="http:\/\/not-a-link">'\)/); // a script is text
  assert.doesNotMatch(html, /editor's note/);
}));

test('wasm counts primes', () => withExample('wasm', [], async (s) => {
  assert.deepEqual(await (await s.fetch('/?below=100')).json(), { below: 100, primes: 25 });
  assert.deepEqual(await (await s.fetch('/?below=200000')).json(), { below: 200000, primes: 17984 });
  assert.equal((await s.fetch('/?below=x')).status, 400);
}));

test('multi-worker: calls, requests and messages between three workers', async () => {
  const dir = example('multi-worker');
  const server = await dev(dir, ['gateway', 'accounts', 'mailer'].flatMap((name) => ['-c', `${name}/wrangler.toml`]));
  try {
    const opened = await server.fetch('/accounts/ada', { method: 'PUT' });
    assert.equal(opened.status, 201);
    assert.deepEqual(await opened.json(), { greeting: 'Welcome, ada!', calls: 1 });
    assert.deepEqual(await (await server.fetch('/accounts')).json(), ['ada']);
    assert.deepEqual(await (await server.fetch('/ada')).json(), { openedBy: 'gateway' });
    assert.equal((await server.fetch('/bob')).status, 404);
    for (const body of ['now', 'later']) assert.equal((await server.fetch('/accounts/ada/mails', { method: 'POST', body })).status, 202);
    const outbox = await until(async () => {
      const list = await (await server.fetch('/outbox')).json();
      return list.length === 2 && list;
    }, 'both messages');
    assert.deepEqual(outbox.sort((a, b) => a.attempts - b.attempts), [{ to: 'ada', text: 'now', attempts: 1 }, { to: 'ada', text: 'later', attempts: 2 }]);
  } finally {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
});

test('chat: a room with history, people, and sockets that outlive its isolate', async () => {
  const server = await dev(example('chat'));
  const people = [];
  const join_ = async (name, room = 'lobby') => {
    const w = new WebSocket(`${server.url.replace('http', 'ws')}/rooms/${room}/socket?name=${name}`);
    const inbox = [];
    w.on('message', (data) => inbox.push(String(data) === 'pong' ? 'pong' : JSON.parse(String(data))));
    people.push(w);
    await new Promise((ok, no) => { w.on('open', ok); w.on('error', no); });
    const next = async (type) => {
      const found = await until(() => inbox.find((m) => m === type || m.type === type), `${type} for ${name}`);
      inbox.splice(inbox.indexOf(found), 1);
      return found;
    };
    return { w, next, say: (text) => w.send(text) };
  };
  const page = await server.fetch('/rooms/lobby');
  assert.equal(page.headers.get('content-type'), 'text/html;charset=UTF-8');
  assert.match(await page.text(), /new WebSocket\(/);
  assert.equal((await server.fetch('/nothing/here')).status, 404);
  assert.equal((await server.fetch('/rooms/lobby/socket')).status, 426);

  const ann = await join_('ann');
  assert.deepEqual((await ann.next('history')).messages, []);
  const bob = await join_('bob');
  assert.deepEqual((await bob.next('history')).people, ['ann', 'bob']);
  assert.deepEqual((await ann.next('joined')).people, ['ann', 'bob']);
  ann.say('good morning');
  assert.equal((await bob.next('said')).text, 'good morning');
  await ann.next('said');
  ann.say('   ');
  assert.match((await ann.next('refused')).reason, /characters/);
  bob.say('ping');
  assert.equal(await bob.next('pong'), 'pong');

  for (const p of isolates(server, 'chat')) process.kill(p.pid, 'SIGKILL');
  bob.say('still here?');
  assert.equal((await ann.next('said')).text, 'still here?');
  const eve = await join_('eve');
  assert.deepEqual((await eve.next('history')).messages.map((m) => [m.name, m.text]), [['ann', 'good morning'], ['bob', 'still here?']]);
  const other = await join_('zoe', 'elsewhere');
  assert.deepEqual((await other.next('history')).people, ['zoe']);
  bob.w.close(1000);
  assert.deepEqual((await ann.next('left')).people, ['ann', 'eve']);
  for (const w of people) w.terminate();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

test('worker-loader: modules that are saved run as workers of their own', async () => {
  const dir = example('worker-loader');
  const s = await dev(dir);
  const save = (name, source) => s.fetch(`/${name}`, { method: 'POST', body: source });
  const get = async (path) => {
    const r = await s.fetch(path);
    return [r.status, await r.text()];
  };
  try {
    assert.equal((await save('ada', `export default { async fetch(request, env) {
      const n = ((await env.NOTES.get("n")) ?? 0) + 1;
      await env.NOTES.put("n", n);
      return new Response(env.NAME + " " + n + " " + new URL(request.url).pathname);
    } };`)).status, 201);
    assert.deepEqual(await get('/ada/x/y'), [200, 'ada 1 /x/y']);
    assert.deepEqual(await get('/ada/'), [200, 'ada 2 /']);
    await save('bob', 'export default { fetch: () => fetch("http://example.com/") };');
    assert.match((await get('/bob/'))[1], /^This worker is not permitted to access the internet/);
    await save('bob', 'export default { fetch(r, env) { return new Response(Object.keys(env).join()); } };');
    assert.deepEqual(await get('/bob/'), [200, 'NAME,NOTES']);
    await save('bob', 'export default {');
    assert.match((await get('/bob/'))[1], /^Failed to start Worker:\nUncaught SyntaxError: .*\n  at index\.js:1:\d+\n$/);
    assert.deepEqual(await get('/nobody/'), [404, 'nobody has saved anything here\n']);
  } finally {
    assert.deepEqual(await s.stop(), { code: 0, signal: null });
  }
});
