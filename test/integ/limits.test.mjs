// What a client sees when a Worker passes its limits or its process dies: the one who did it gets an error, the others an answer.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { dev, sleep, until, worker } from './lib/selvage.mjs';

const source = `
const kept = [];
const acts = {
  loop() { for (;;); },
  async awaits() { for (;;) await 0; },
  microtasks() { return new Promise(() => { const f = () => Promise.resolve().then(f); f(); }); },
  regex() { /a*a*a*a*b/.test('a'.repeat(20000)); },
  objects() { for (;;) kept.push({ n: kept.length }); },
  buffers() { for (;;) kept.push(new Uint8Array(1 << 20).fill(1)); },
  async slow() { await new Promise((r) => setTimeout(r, 1200)); return 'slow'; },
};
export default {
  async fetch(request) {
    const act = acts[new URL(request.url).pathname.slice(1)];
    return new Response(await act?.() ?? 'ok');
  },
};`;

const withWorker = async (text, config, work) => {
  const server = await dev(worker(text, config));
  try {
    await work(server);
  } finally {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  }
};
const quick = '[limits]\ncpu_ms = 100\n';

// The processes below that one: [{ pid, args }].
function below(pid) {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).map(([, p, parent, args]) => ({ pid: +p, parent: +parent, args }));
  const found = [];
  for (let front = [pid]; front.length > 0;) {
    const next = rows.filter((r) => front.includes(r.parent));
    found.push(...next);
    front = next.map((r) => r.pid);
  }
  return found;
}
// Whether it runs: one that has ended and was not asked for yet does not.
const alive = ({ pid }) => { try { return !/\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); } catch { return false; } };
const isolates = (server) => below(server.child.pid).filter((p) => p.args.startsWith('selvage: isolate test'));

for (const act of ['loop', 'awaits', 'microtasks', 'regex']) {
  test(`CPU: ${act} is cut off, and who waits beside it is answered`, () => withWorker(source, quick, async (s) => {
    const beside = s.fetch('/slow');
    await sleep(100);
    const r = await s.fetch('/' + act);
    assert.equal(r.status, 503);
    await r.arrayBuffer();
    const other = await beside;
    assert.equal(other.status, 200);
    assert.equal(await other.text(), 'slow');
    assert.equal(await (await s.fetch('/')).text(), 'ok');
  }));
}

for (const act of ['objects', 'buffers']) {
  test(`memory: ${act} are cut off, and who waits beside them is answered`, () => withWorker(source, '', async (s) => {
    const beside = s.fetch('/slow');
    await sleep(100);
    const r = await s.fetch('/' + act);
    assert.equal(r.status, 503);
    await r.arrayBuffer();
    assert.equal(await (await beside).text(), 'slow');
    assert.equal(await (await s.fetch('/')).text(), 'ok');
  }));
}

test('a killed isolate is replaced; the connection of the client stays', () => withWorker(source, '', async (s) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path) => new Promise((done, fail) => get({ port: s.port, path, agent }, (res) => {
    const { localPort } = res.socket;
    let text = '';
    res.on('data', (d) => (text += d)).on('end', () => done({ status: res.statusCode, text, localPort }));
  }).on('error', fail));
  try {
    const first = await ask('/');
    const all = isolates(s);
    assert.ok(all.length > 0, 'isolates are named by ps');
    for (const one of all) process.kill(one.pid, 'SIGKILL');
    await until(() => !all.some(alive), 'the end of what was killed');
    const second = await ask('/');
    assert.equal(second.status, 200);
    assert.equal(second.text, 'ok');
    assert.equal(second.localPort, first.localPort);
    assert.ok(!isolates(s).some((p) => all.some((one) => one.pid === p.pid)));
  } finally {
    agent.destroy();
  }
}));

test('an isolate that dies while it answers cuts the answers, and nothing else', () => withWorker(`
const chunk = new Uint8Array(16384);
export default {
  fetch(request) {
    if (new URL(request.url).pathname !== '/endless') return new Response('ok');
    return new Response(new ReadableStream({ pull(c) { c.enqueue(chunk.slice()); } }));
  },
};`, '', async (s) => {
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => s.fetch('/endless')));
    const readers = answers.map((r) => r.body.getReader());
    await Promise.all(readers.map((r) => r.read()));
    for (const one of isolates(s)) process.kill(one.pid, 'SIGKILL');
    const cut = async (r) => { for (;;) if ((await r.read()).done) return; };
    for (const r of readers) await assert.rejects(cut(r));
    assert.equal(await (await s.fetch('/')).text(), 'ok');
  }
}));

test('module scope that does not end is cut off and said', async () => {
  const s = await dev(worker('for (;;); export default { fetch() { return new Response("x"); } };'), [], { wait: false });
  try {
    await s.saw(/start-up|startup|CPU/i);
  } finally {
    await s.stop();
  }
});

test('ps shows each role, and nothing outlives a killed main', async () => {
  const s = await dev(worker(source));
  try {
    assert.equal(await (await s.fetch('/')).text(), 'ok');
    s.fetch('/loop').catch(() => {});
    const named = (start) => () => below(s.child.pid).some((p) => p.args.startsWith(start));
    await until(named('selvage: isolate test#1'), 'an isolate');
    await until(named('selvage: zygote'), 'a zygote'); // not before the first isolates are up
    const children = below(s.child.pid);
    await s.stop('SIGKILL');
    await until(() => children.every((p) => !alive(p)), `the end of ${children.map((p) => p.args).join(', ')}`);
  } finally {
    await s.stop('SIGKILL');
  }
});
