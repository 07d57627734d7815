// `selvage serve`: first start, tokens, what a token may do, and every process of the tree that may die.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { below } from './lib/processes.mjs';
import { freePort, run, selvage, sleep, until } from './lib/selvage.mjs';
import { ask, dataDir, startServe } from './lib/serve.mjs';
import { releases, wrangler, folder } from './lib/wrangler.mjs';

const verb = (s, ...args) => run([...args, '--data', s.data]);
const main = (s) => below(s.pid).find((p) => p.args === 'selvage: main');
const kill = (p, signal = 'SIGKILL') => process.kill(p.pid ?? p, signal);

async function deploy(s, name, source) {
  const form = new FormData();
  form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-06-01' }));
  form.set('index.js', new Blob([source], { type: 'application/javascript+module' }), 'index.js');
  const put = await s.call('PUT', `/workers/scripts/${name}`, form);
  assert.equal(put.status, 200, put.text);
  const on = await s.call('POST', `/workers/scripts/${name}/subdomain`, { enabled: true });
  assert.equal(on.status, 200, on.text);
}

// Asks in turn on connections that stay open, until told to stop: { ok, failed, sockets }.
function load(s, host, connections) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const seen = { ok: 0, failed: {}, sockets: 0 };
  const fail = (why) => (seen.failed[why] = (seen.failed[why] ?? 0) + 1);
  let over = false;
  const one = () => new Promise((done) => {
    const req = http.request({ port: s.port, host: '127.0.0.1', agent, headers: { host } }, (res) => {
      res.resume();
      res.on('end', () => { if (res.statusCode === 200) seen.ok++; else fail(res.statusCode); done(); });
      res.on('error', (e) => { fail(e.message); done(); });
    });
    req.on('socket', (socket) => { if (!socket.counted) { socket.counted = true; seen.sockets++; } });
    req.on('error', (e) => { fail(e.code); done(); });
    req.end();
  });
  const all = Array.from({ length: connections }, async () => { while (!over) await one(); });
  return { seen, async stop() { over = true; await Promise.all(all); agent.destroy(); return seen; } };
}

test('the first start makes an account and shows its token once', async () => {
  const s = await startServe();
  assert.match(s.account, /^[0-9a-f]{32}$/);
  assert.match(s.token, /^slv_[A-Za-z0-9_-]{43}$/);
  assert.match(s.output, new RegExp(`CLOUDFLARE_API_BASE_URL=http://127.0.0.1:${s.apiPort}/client/v4\n`));
  assert.equal(statSync(join(s.data, 'secret.key')).mode & 0o777, 0o600);
  assert.equal(statSync(join(s.data, 'control.sock')).mode & 0o777, 0o600);
  assert.deepEqual(below(s.pid).filter((p) => /^selvage: (main|supervisor)$/.test(p.args)).map((p) => p.args), ['selvage: main']);

  const second = await run(['serve', '--data', s.data, '--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0']);
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, new RegExp(`is served already, by process ${s.pid};`));
  assert.deepEqual(await s.stop(), { code: 0, signal: null });

  const again = await startServe({ known: s });
  assert.doesNotMatch(again.output, /slv_|CLOUDFLARE/);
  assert.equal((await again.call('GET', '/client/v4/user')).result.email, 'owner@localhost');
  await again.stop();
});

test('who a token is', async (t) => {
  const s = await startServe({ domain: 'example.com' });
  const get = (path, options) => s.call('GET', `/client/v4${path}`, undefined, options);
  assert.equal((await get('/user/tokens/verify')).result.status, 'active');
  assert.deepEqual((await get('/accounts?page=1')).result.map((a) => [a.id, a.name]), [[s.account, 'main']]);
  assert.equal((await get('/accounts?page=1')).json.result_info.total_count, 1);
  assert.deepEqual((await get('/accounts?page=2')).result, []);
  assert.equal((await get('/memberships?page=1')).result[0].account.id, s.account);
  assert.equal((await get('/zones?name=shop.example.com')).result[0].name, 'shop.example.com');
  assert.match((await get('/zones?name=shop.example.com')).result[0].id, /^[0-9a-f]{32}$/);
  assert.equal((await s.call('GET', '/workers/subdomain')).result.subdomain, `example.com:${s.port}/#`);
  const unknown = await s.call('GET', '/nothing/here');
  assert.deepEqual([unknown.status, unknown.errors[0].code], [404, 7003]);
  assert.equal((await s.call('DELETE', '/client/v4/user')).status, 405);
  assert.equal((await fetch(`http://127.0.0.1:${s.apiPort}/healthz`)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${s.apiPort}/readyz`)).status, 200);

  for (const release of releases.slice(0, 1)) {
    await t.test(`wrangler whoami, ${release.name}`, { skip: release.missing }, async () => {
      const r = await wrangler(release, s, folder(), ['whoami']);
      assert.equal(r.code, 0, r.text);
      assert.match(r.text, /owner@localhost/);
      assert.match(r.text, new RegExp(s.account));
    });
  }
  await s.stop();
});

test('a call needs a token of the account, with the scope', async () => {
  const s = await startServe();
  const status = async (method, path, token, headers) => {
    const r = await s.call(method, path, method === 'GET' || method === 'DELETE' ? undefined : {}, { token, headers });
    return [r.status, r.errors?.[0]?.code];
  };
  const made = async (...args) => {
    const r = await verb(s, 'token', 'create', ...args);
    assert.equal(r.code, 0, r.stderr);
    return r.stdout.trim();
  };
  assert.deepEqual(await status('GET', '/workers/scripts', null), [401, 10000]);
  assert.deepEqual(await status('GET', '/workers/scripts', 'slv_' + 'x'.repeat(43)), [401, 10000]);
  assert.deepEqual(await status('GET', '/client/v4/user/tokens/verify', 'wrong'), [401, 10000]);
  assert.equal((await status('GET', '/workers/scripts', null, { 'x-auth-key': s.token, 'x-auth-email': 'a@b.c' }))[0], 200);
  assert.deepEqual(await status('GET', `/client/v4/accounts/${'0'.repeat(32)}/workers/scripts`, s.token), [403, 10000]);

  const reader = await made('r', '--scopes', 'read'), deployer = await made('d', '--scopes', 'deploy'), data = await made('s', '--scopes', 'data');
  assert.equal((await status('GET', '/workers/scripts', reader))[0], 200);
  assert.deepEqual(await status('POST', '/storage/kv/namespaces', reader), [403, 10000]);
  assert.deepEqual(await status('DELETE', '/workers/scripts/x', reader), [403, 10000]);
  assert.deepEqual(await status('GET', '/workers/scripts', data), [403, 10000]);
  const ns = (await s.call('POST', '/storage/kv/namespaces', { title: 'n' }, { token: deployer })).result.id;
  assert.deepEqual(await status('GET', `/storage/kv/namespaces/${ns}/values/a`, deployer), [403, 10000]);
  assert.deepEqual(await status('DELETE', `/storage/kv/namespaces/${ns}`, deployer), [403, 10000]);
  assert.equal((await s.call('PUT', `/storage/kv/namespaces/${ns}/values/a`, 'v', { token: data })).status, 200);
  assert.equal((await s.call('GET', `/storage/kv/namespaces/${ns}/values/a`, undefined, { token: data })).text, 'v');

  const short = await made('e', '--expires', '1s');
  await until(async () => (await status('GET', '/client/v4/user', short))[0] === 401, 'the end of a token');
  assert.equal((await verb(s, 'token', 'revoke', 'r')).code, 0);
  assert.deepEqual(await status('GET', '/workers/scripts', reader), [401, 10000]);
  const list = JSON.parse((await verb(s, 'token', 'list', '--json')).stdout);
  assert.deepEqual(list.map((t) => [t.name, t.live]), [['first', true], ['r', false], ['d', true], ['s', true], ['e', false]]);
  assert.ok(list[0].used_ms > 0);
  assert.ok(!readFileSync(join(s.data, 'v1/%40server/catalog/catalog.sqlite')).includes(s.token.slice(4)));

  // One that goes on failing is told so; what is right is taken all the same.
  await until(async () => (await status('GET', '/client/v4/user', 'wrong'))[0] === 429, 'a limit');
  assert.equal((await status('GET', '/client/v4/user', s.token))[0], 200);

  const log = JSON.parse((await verb(s, 'audit', '--json')).stdout);
  assert.ok(log.some((r) => r.action === 'POST /accounts/:account/storage/kv/namespaces' && r.actor === 'owner@localhost' && r.token === list[2].id));
  assert.ok(log.some((r) => r.action === 'DELETE /server/accounts/:account/tokens/:token' && r.actor === 'owner'));
  assert.ok(!log.some((r) => r.action.includes('/values/')));
  const far = await fetch(`${s.api}/server/accounts`, { headers: { authorization: `Bearer ${s.token}` } });
  assert.equal(far.status, 403); // the owner's alone
  await s.stop();
});

test('an account is made and removed with all that it has, while the server runs and while it does not', async () => {
  const s = await startServe();
  const made = await verb(s, 'account', 'create', 'second', '--email', 'two@example.com', '--json');
  if (made.code !== 0 && /sandbox/.test(made.stderr)) return s.stop(); // no floor for a second one on this kernel
  const account = JSON.parse(made.stdout).id;
  const token = (await verb(s, 'token', 'create', '--account', 'second')).stdout.trim();
  const two = Object.assign(Object.create(s), { account, token });
  two.call = (method, path, body) => s.call(method, `/client/v4/accounts/${account}${path}`, body, { token });
  await deploy(two, 'theirs', 'export default { fetch: () => new Response("theirs") }');
  assert.equal((await ask(s, 'theirs.localhost')).text, 'theirs');
  const ns = (await two.call('POST', '/storage/kv/namespaces', { title: 'n' })).result.id;
  assert.equal((await two.call('PUT', `/storage/kv/namespaces/${ns}/values/a`, 'v')).status, 200);
  assert.ok(statSync(join(s.data, 'v1', account)).isDirectory());
  assert.equal((await s.call('GET', `/client/v4/accounts/${account}/workers/scripts`)).status, 403);

  const unsure = await verb(s, 'account', 'delete', 'second');
  assert.match(unsure.stderr, /--yes/);
  const removed = await verb(s, 'account', 'delete', 'second', '--yes');
  assert.equal(removed.code, 0, removed.stderr);
  assert.throws(() => statSync(join(s.data, 'v1', account)));
  assert.equal((await two.call('GET', '/workers/scripts')).status, 401);
  assert.equal((await ask(s, 'theirs.localhost')).status, 404);
  await s.stop();

  assert.equal((await verb(s, 'account', 'list')).stdout.includes('second'), false);
  assert.equal((await verb(s, 'account', 'create', 'third')).code, 0);
  assert.equal((await verb(s, 'account', 'delete', 'third', '--yes')).code, 0);
  assert.match((await run(['account', 'list', '--data', dataDir()])).stderr, /is not the data directory of a server/);
});

test('a key tells whose buckets and tables are meant', async () => {
  const { S3Client, PutObjectCommand, GetObjectCommand, ListBucketsCommand } = await import('@aws-sdk/client-s3');
  const { DynamoDBClient, CreateTableCommand, ListTablesCommand } = await import('@aws-sdk/client-dynamodb');
  const s = await startServe();
  const made = await verb(s, 'account', 'create', 'second', '--json');
  if (made.code !== 0 && /sandbox/.test(made.stderr)) return s.stop();
  const second = { account: JSON.parse(made.stdout).id, token: (await verb(s, 'token', 'create', '--account', 'second')).stdout.trim() };
  const clients = [];
  for (const { account, token } of [s, second]) {
    const call = (method, path, body) => s.call(method, `/client/v4/accounts/${account}${path}`, body, { token });
    const key = async (path) => {
      const r = await call('POST', path, { name: 'k', permission: 'admin-read-write' });
      assert.equal(r.status, 200, r.text);
      return { accessKeyId: r.result.accessKeyId ?? r.result.access_key_id, secretAccessKey: r.result.secretAccessKey ?? r.result.secret_access_key };
    };
    assert.equal((await call('POST', '/r2/buckets', { name: 'bucket' })).status, 200);
    const config = { region: 'auto', requestHandler: { requestTimeout: 20000 } };
    clients.push({
      s3: new S3Client({ ...config, endpoint: `${s.url}/cdn-cgi/local/r2/s3`, forcePathStyle: true, credentials: await key('/r2/credentials') }),
      tables: new DynamoDBClient({ ...config, region: 'us-east-1', endpoint: `${s.url}/cdn-cgi/dynamodb`, credentials: await key('/dynamodb/credentials') }),
    });
  }
  for (const [i, { s3 }] of clients.entries()) await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: `of ${i}` }));
  for (const [i, { s3 }] of clients.entries()) {
    assert.equal(await (await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'k' }))).Body.transformToString(), `of ${i}`);
    assert.deepEqual((await s3.send(new ListBucketsCommand({}))).Buckets.map((b) => b.Name), ['bucket']);
  }
  await clients[0].tables.send(new CreateTableCommand({ TableName: 'mine', BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'a', KeyType: 'HASH' }], AttributeDefinitions: [{ AttributeName: 'a', AttributeType: 'S' }] }));
  assert.deepEqual((await clients[0].tables.send(new ListTablesCommand({}))).TableNames, ['mine']);
  assert.deepEqual((await clients[1].tables.send(new ListTablesCommand({}))).TableNames, []);
  const unsigned = await ask(s, 's3.localhost', '/bucket/k');
  assert.ok(unsigned.status >= 400 && unsigned.text.includes('<Error>'), unsigned.text);
  assert.match((await ask(s, 'dynamodb.localhost')).text, /^healthy: dynamodb/);
  assert.notEqual((await ask(s, 'dynamodb.localhost', '/log')).status === 200 && (await ask(s, 'dynamodb.localhost', '/log')).text.startsWith('{'), true);
  await s.stop();
});

test('main dies under load: nothing that was acknowledged is lost, and requests only wait', async () => {
  const s = await startServe();
  await deploy(s, 'hello', 'export default { fetch: () => new Response("hello") }');
  const ns = (await s.call('POST', '/storage/kv/namespaces', { title: 'n' })).result.id;
  const acknowledged = [];
  let over = false;
  const writer = (async () => {
    for (let i = 0; !over; i++)
      try {
        if ((await s.call('PUT', `/storage/kv/namespaces/${ns}/values/k${i}`, `v${i}`)).status === 200) acknowledged.push(i);
      } catch { await sleep(5); }
  })();
  for (let round = 0; round < 3; round++) {
    const before = acknowledged.length, old = main(s).pid;
    await until(() => acknowledged.length > before + 20, 'writes');
    kill(old);
    // connected at once, answered by the next main
    const r = await ask(s, 'hello.localhost', '/', { agent: new http.Agent() });
    assert.equal(r.text, 'hello');
    assert.notEqual(main(s).pid, old);
  }
  over = true;
  await writer;
  for (const i of acknowledged) assert.equal((await s.call('GET', `/storage/kv/namespaces/${ns}/values/k${i}`)).text, `v${i}`);
  await s.stop();
});

test('an isolate that is killed is replaced', async () => {
  const s = await startServe();
  await deploy(s, 'hello', 'export default { fetch: () => new Response("hello") }');
  assert.equal((await ask(s, 'hello.localhost')).text, 'hello');
  const isolate = await until(() => below(s.pid).find((p) => /^selvage: isolate .*hello/.test(p.args)), 'an isolate');
  kill(isolate);
  await until(async () => (await ask(s, 'hello.localhost')).text === 'hello', 'another isolate');
  await s.stop();
});

test('a supervisor that is killed is replaced by its main; a new serve takes the place of that one', async () => {
  const s = await startServe();
  await deploy(s, 'hello', 'export default { fetch: () => new Response("hello") }');
  const kept = main(s).pid, owner = () => readFileSync(join(s.data, 'serve.pid'), 'utf8').trim().split(' ');
  const anew = () => ask(s, 'hello.localhost', '/', { agent: new http.Agent() });
  kill(s.pid);
  assert.equal((await anew()).text, 'hello');
  const adopter = Number((await until(() => { const o = owner(); return o[1] === 'adopted' && o; }, 'an adopter'))[0]);
  assert.equal(below(adopter).length, 0); // main is its elder
  kill(kept);
  assert.equal((await anew()).text, 'hello');
  assert.equal(below(adopter).filter((p) => p.args === 'selvage: main').length, 1);
  const again = await startServe({ known: s });
  assert.deepEqual(owner(), [String(again.pid)]);
  assert.equal((await anew()).text, 'hello');
  await again.stop();
});

test('an upgrade is noticed by nobody', async () => {
  const s = await startServe();
  await deploy(s, 'hello', 'export default { fetch: () => new Response("hello") }');
  await ask(s, 'hello.localhost');
  const clients = load(s, 'hello.localhost', 12);
  for (let i = 0; i < 3; i++) {
    const before = clients.seen.ok, old = main(s).pid;
    await until(() => clients.seen.ok > before + 50, 'requests');
    if (i < 2) kill(s.pid, 'SIGUSR2');
    else assert.equal((await verb(s, 'reload', '--upgrade')).code, 0);
    await until(() => main(s) && main(s).pid !== old && !below(s.pid).some((p) => p.pid === old), 'another main');
  }
  const after = clients.seen.ok;
  await until(() => clients.seen.ok > after + 50, 'requests to the last main');
  const seen = await clients.stop();
  assert.deepEqual(seen.failed, {});
  assert.equal(seen.sockets, 12); // the same connections from the first main to the last
  await s.stop();
});

test('SIGTERM lets open requests end', async () => {
  const s = await startServe();
  await deploy(s, 'slow', `export default { fetch: () => new Response(new ReadableStream({
    async start(c) { c.enqueue(new TextEncoder().encode('a')); await scheduler.wait(700); c.enqueue(new TextEncoder().encode('b')); c.close(); } })) }`);
  const pieces = [];
  const answer = new Promise((done, fail) => {
    http.get({ port: s.port, host: '127.0.0.1', headers: { host: 'slow.localhost' }, agent: false }, (res) => {
      res.on('data', (d) => { if (pieces.push(String(d)) === 1) s.child.kill('SIGTERM'); });
      res.on('end', done);
      res.on('error', fail);
    }).on('error', fail);
  });
  await answer;
  assert.equal(pieces.join(''), 'ab');
  assert.deepEqual(await s.exited, { code: 0, signal: null });
});

test('selvage.toml: what is wrong is named with its place; a reload with a fault changes nothing', async () => {
  const dir = dataDir(), file = join(dir, 'selvage.toml');
  writeFileSync(file, 'domian = "example.com"\n');
  const wrong = await run(['serve', '--config', file, '--data', join(dir, 'data')]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /selvage\.toml:1:1: there is no key 'domian'; did you mean 'domain'\?/);
  writeFileSync(file, 'domain = "example.com"\ndata = "data"\n');
  const s = await startServe({ args: ['--config', file], data: join(dir, 'data') });
  await deploy(s, 'hello', 'export default { fetch: () => new Response("hello") }');
  assert.equal((await ask(s, 'hello.example.com')).text, 'hello');
  writeFileSync(file, 'loops = "many"\n');
  s.child.kill('SIGHUP');
  await s.saw(/reload: .*selvage\.toml:1:9: loops is a string; a number is expected/);
  assert.equal((await ask(s, 'hello.example.com')).text, 'hello');
  await s.stop();
  assert.match((await run(['serve'])).stderr, /--data DIR/);
});

test('a main that cannot start says why', async () => {
  const dir = dataDir();
  const port = await freePort();
  const s = await startServe({ port });
  const other = await run(['serve', '--data', dir, '--listen', `127.0.0.1:${port}`, '--control-listen', '127.0.0.1:0']);
  assert.match(other.stderr, new RegExp(`cannot listen on 127.0.0.1:${port}: Address already in use`));
  await s.stop();
  writeFileSync(join(dir, 'secret.key'), 'short');
  const third = await run(['serve', '--data', dir, '--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0']);
  assert.match(third.stderr, /secret\.key is not a key of 32 bytes/);
  assert.notEqual(third.code, 0);
});

// What systemd does: sockets from 3 on, LISTEN_* of this very process, and a socket that is told of the state.
const SYSTEMD = `
import os, socket, subprocess, sys
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); told.bind(sys.argv[1] + '/notify')
a = socket.socket(); a.bind(('127.0.0.1', 0)); a.listen()
b = socket.socket(); b.bind(('127.0.0.1', 0)); b.listen()
print(a.getsockname()[1], b.getsockname()[1], flush=True)
pid = os.fork()
if pid == 0:
    x, y = os.dup(a.fileno()), os.dup(b.fileno())
    x, y = os.dup2(x, 20), os.dup2(y, 21)
    os.dup2(20, 3); os.dup2(21, 4); os.closerange(5, 64)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='http:control', NOTIFY_SOCKET=sys.argv[1] + '/notify')
    os.execv(sys.argv[2], ['selvage', 'serve', '--data', sys.argv[1] + '/data'])
def wait(word):
    while True:
        text = told.recv(4096).decode()
        print(text.replace('\\n', ' '), flush=True)
        if word in text: return
wait('READY=1')
for line in sys.stdin:
    if line.strip() == 'reload': os.kill(pid, 1); wait('RELOADING=1'); wait('READY=1')
    if line.strip() == 'stop': os.kill(pid, 15); wait('STOPPING=1'); print('ended', os.waitpid(pid, 0)[1], flush=True); break
`;
test('sockets from systemd, and what it is told', async () => {
  const dir = dataDir();
  const child = spawn('python3', ['-c', SYSTEMD, dir, selvage], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  let out = '';
  child.stdout.on('data', (d) => (out += d));
  try {
    const [, http_, control] = await until(() => /^(\d+) (\d+)\n/.exec(out), 'ports');
    await until(() => /READY=1/.test(out), 'READY');
    assert.equal((await fetch(`http://127.0.0.1:${control}/readyz`)).status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${http_}/`)).status, 404);
    child.stdin.write('reload\n');
    await until(() => /RELOADING=1 MONOTONIC_USEC=\d+[^]*READY=1/.test(out), 'RELOADING');
    child.stdin.write('stop\n');
    await until(() => /STOPPING=1[^]*ended 0/.test(out), 'the end');
  } finally {
    try { process.kill(-child.pid, 'SIGKILL'); } catch {}
  }
});
