// `selvage serve` under test, on free ports and in a directory of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { freePort, selvage, sleep } from './selvage.mjs';

const living = new Set();
const folders = [];
const started = []; // [process group, data directory]
// A tree whose supervisor was killed lives on under another one, of the same group: serve.pid names it.
const adopted = ([group, data]) => {
  try {
    const pid = parseInt(readFileSync(join(data, 'serve.pid'), 'utf8'));
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[2]) === group;
  } catch { return false; }
};
const killAll = () => {
  for (const p of living) try { process.kill(-p.pid, 'SIGKILL'); } catch {}
  for (const s of started.filter(adopted)) try { process.kill(-s[0], 'SIGKILL'); } catch {}
};
if (process.env.NODE_TEST_CONTEXT) after(killAll); // benches use this too
process.on('exit', () => {
  killAll();
  for (const f of folders) rmSync(f, { recursive: true, force: true, maxRetries: 3 });
});

export function dataDir() {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-data-'));
  folders.push(dir);
  return dir;
}

// Starts it and waits until it is ready. What comes back:
//   url      of the public listener            port      its port
//   api      CLOUDFLARE_API_BASE_URL            apiPort   its port
//   token, account   of the first start; pass `known` (an earlier server) to start again in its directory
//   env      what wrangler needs               call(method, path, body) on the control API; path begins behind the account, or with "/client"
//   (ask(server, host, path, init) below asks the public listener as that host)
//   output, pid, data, stop(signal), exited
export async function startServe({ domain, loops = process.env.SELVAGE_LOOPS, args = [], env = {}, data, known, port, apiPort, wait = true } = {}) {
  data ??= known?.data ?? dataDir();
  port ??= known?.port ?? await freePort();
  apiPort ??= known?.apiPort ?? await freePort();
  const child = spawn(selvage, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--control-listen', `127.0.0.1:${apiPort}`,
    ...(domain ? ['--domain', domain] : []), ...(loops ? ['--loops', String(loops)] : []), ...args], {
    env: { ...process.env, NO_COLOR: '1', ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  started.push([child.pid, data]);
  const s = {
    child, data, port, apiPort, domain, pid: child.pid, output: '',
    url: `http://127.0.0.1:${port}`, api: `http://127.0.0.1:${apiPort}/client/v4`,
    token: known?.token, account: known?.account,
    exited: new Promise((done) => child.on('exit', (code, signal) => { living.delete(child); done({ code, signal }); })),
    async saw(pattern, { from = 0, patience = 20000 } = {}) {
      for (const end = Date.now() + patience; ;) {
        const m = pattern.exec(s.output.slice(from));
        if (m) return m;
        if (Date.now() > end) throw new Error(`${pattern} did not appear in:\n${s.output.slice(from)}`);
        await sleep(10);
      }
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const slow = setTimeout(() => { try { process.kill(-child.pid, 'SIGKILL'); } catch {} }, 15000);
      const end = await s.exited;
      clearTimeout(slow);
      return end;
    },
    // The answer's status and its JSON.
    async call(method, path, body, { token = s.token, headers = {} } = {}) {
      const response = await fetch(path.startsWith('/client') ? `http://127.0.0.1:${apiPort}${path}` : `${s.api}/accounts/${s.account}${path}`, {
        method, headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
        body: body === undefined || body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      let json;
      try { json = JSON.parse(text); } catch {}
      return { status: response.status, headers: response.headers, text, json, result: json?.result, errors: json?.errors };
    },
  };
  child.stdout.on('data', (d) => (s.output += d));
  child.stderr.on('data', (d) => (s.output += d));
  if (!wait) return s;
  const end = Date.now() + 30000;
  while (!/ready on http/.test(s.output)) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
      await s.stop('SIGKILL');
      throw new Error(`selvage serve did not start:\n${s.output}`);
    }
    await sleep(10);
  }
  s.token ??= /CLOUDFLARE_API_TOKEN=(\S+)/.exec(s.output)?.[1];
  s.account ??= /CLOUDFLARE_ACCOUNT_ID=(\S+)/.exec(s.output)?.[1];
  s.env = { CLOUDFLARE_API_BASE_URL: s.api, CLOUDFLARE_API_TOKEN: s.token, CLOUDFLARE_ACCOUNT_ID: s.account,
    WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', CI: 'true', NO_COLOR: '1' };
  return s;
}

// A request with a Host header of one's own, which fetch does not allow: { status, headers, text }.
export function ask(server, host, path = '/', { method = 'GET', headers = {}, body, agent } = {}) {
  return import('node:http').then(({ request }) => new Promise((done, fail) => {
    const req = request({ host: '127.0.0.1', port: server.port, path, method, agent, headers: { host, ...headers } }, (res) => {
      const pieces = [];
      res.on('data', (d) => pieces.push(d));
      res.on('end', () => done({ status: res.statusCode, headers: res.headers, text: Buffer.concat(pieces).toString() }));
      res.on('error', fail);
    });
    req.on('error', fail);
    req.end(body);
  }));
}
