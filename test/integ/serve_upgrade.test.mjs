// What an upgrade does to connections that are open: those of TLS and HTTP/2 besides the plain ones of serve.test.mjs, WebSockets, streams.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import https from 'node:https';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { below } from './lib/processes.mjs';
import { authority, folder, keep } from './lib/pki.mjs';
import { freePort, until } from './lib/selvage.mjs';
import { startServe } from './lib/serve.mjs';

const processes = (s, name) => below(s.pid).filter((p) => p.args === `selvage: ${name}`);
const ca = authority(), certs = join(folder(), 'certs'), domain = 'up.test';
mkdirSync(certs);
keep(certs, 'wild', ca.issue([domain, `*.${domain}`]));

async function serve() {
  const secure = await freePort();
  return Object.assign(await startServe({ domain, args: ['--tls-listen', `127.0.0.1:${secure}`, '--certificates', certs] }), { secure });
}

async function deploy(s, name, source, metadata = {}) {
  const form = new FormData();
  form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-06-01', ...metadata }));
  form.set('index.js', new Blob([source], { type: 'application/javascript+module' }), 'index.js');
  const put = await s.call('PUT', `/workers/scripts/${name}`, form);
  assert.equal(put.status, 200, put.text);
  assert.equal((await s.call('POST', `/workers/scripts/${name}/subdomain`, { enabled: true })).status, 200);
}

// Another main, and the old one has either ended or become a front.
async function upgrade(s) {
  const [old] = processes(s, 'main');
  process.kill(s.pid, 'SIGUSR2');
  await until(() => processes(s, 'main').some((p) => p.pid !== old.pid) && !processes(s, 'main').some((p) => p.pid === old.pid), 'another main');
  return old.pid;
}

// One request on a keep-alive connection of TLS.
function get(s, agent, path = '/') {
  return new Promise((done, fail) => {
    const req = https.request({ host: '127.0.0.1', port: s.secure, servername: `show.${domain}`, ca: ca.pem, agent, path, headers: { host: `show.${domain}` } }, (res) => {
      let text = '';
      res.on('data', (d) => (text += d));
      res.on('end', () => done({ status: res.statusCode, text, port: req.socket.localPort, fresh: !req.reusedSocket }));
      res.on('error', fail);
    });
    req.on('error', fail);
    req.end();
  });
}

const SHOW = `export default { async fetch(request) {
  const sent = request.body ? (await request.arrayBuffer()).byteLength : 0;
  return Response.json({ ip: request.headers.get('cf-connecting-ip'), url: request.url, tls: request.cf.tlsVersion, cipher: request.cf.tlsCipher, http: request.cf.httpProtocol, sent });
} }`;

test('TLS connections that are kept alive, and HTTP/2, under load', async () => {
  const s = await serve();
  await deploy(s, 'show', SHOW);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 8 });
  const first = JSON.parse((await get(s, agent)).text);
  assert.deepEqual([first.url, first.tls, first.http], [`https://show.${domain}/`, 'TLSv1.3', 'HTTP/1.1']);

  const seen = { ok: 0, h2: 0, failed: [], ports: new Set(), sessions: 0 };
  let over = false;
  const h1 = async () => {
    while (!over)
      try {
        const r = await get(s, agent);
        seen.ports.add(r.port);
        assert.deepEqual(JSON.parse(r.text), first);
        seen.ok++;
      } catch (e) { seen.failed.push(`HTTP/1: ${e.message}`); }
  };
  // What a client does that keeps to the protocol: after GOAWAY it begins no more streams there.
  const h2 = async () => {
    let session;
    while (!over) {
      if (!session || session.closed || session.destroyed) {
        session = http2.connect(`https://127.0.0.1:${s.secure}`, { servername: `show.${domain}`, ca: ca.pem });
        session.on('error', (e) => seen.failed.push(`HTTP/2 session: ${e.message}`));
        await new Promise((done) => session.once('connect', done));
        seen.sessions++;
      }
      await Promise.all([1, 2, 3].map(() => new Promise((done) => {
        let text = '';
        const stream = session.request({ ':path': '/', ':method': 'POST', ':authority': `show.${domain}` });
        stream.on('data', (d) => (text += d));
        stream.on('end', () => { if (text.includes('"sent":1000')) seen.h2++; });
        stream.on('error', (e) => seen.failed.push(`HTTP/2: ${e.message}`));
        stream.on('close', done);
        stream.end(Buffer.alloc(1000));
      })));
    }
    session.close();
  };
  const all = [...Array.from({ length: 6 }, h1), h2(), h2()];
  const goOn = async (what) => {
    const { ok, h2: streams } = seen;
    await until(() => (seen.ok > ok + 60 && seen.h2 > streams + 60) || seen.failed.length > 0, what);
  };
  for (let i = 0; i < 2; i++) {
    await goOn('requests');
    await upgrade(s);
  }
  await goOn('requests to the last main');
  assert.ok(processes(s, 'front').length >= 1, 'the first main goes on with TLS');
  over = true;
  await Promise.all(all);
  assert.deepEqual(seen.failed, []);
  assert.ok(seen.ports.size <= 8, `${seen.ports.size} connections: those of the first main went on`);
  assert.ok(seen.sessions >= 6, `${seen.sessions} sessions of HTTP/2`);
  agent.destroy();
  await until(() => processes(s, 'front').length === 0, 'the end of the fronts');
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
});
