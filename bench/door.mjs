#!/usr/bin/env node
// Static files beside nginx, TLS and HTTP/2 beside nghttpd, in one run: CPU time of the server for each request, and requests a second.
// usage: node bench/door.mjs --selvage PATH [--rounds 3] [--seconds 4] [--only 1k,100k,10m,tls,h2,h2-100k,handshake] [--json]
// What is compared with comes from `tools/deps.sh bench-door`; what is not there is left out, and said.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { have, median } from './lib/load.mjs';
import { Server, cpuSeconds, freePort } from './lib/proc.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const { values: opt } = parseArgs({ options: {
  selvage: { type: 'string', default: join(bench, '..', 'build', 'src', 'selvage') }, rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '4' }, only: { type: 'string' }, json: { type: 'boolean', default: false },
} });
const dir = mkdtempSync(join(tmpdir(), 'selvage-bench-door-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const at = (...names) => join(dir, ...names);
const say = (s = '') => opt.json || console.log(s);

// Bytes that no server packs, so that all send the same.
mkdirSync(at('www'));
for (const [name, size] of [['hello', 12], ['1k', 1 << 10], ['100k', 100 << 10], ['10m', 10 << 20]]) writeFileSync(at('www', `${name}.bin`), Buffer.alloc(size, 'x'));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
  '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', at('key.pem'), '-out', at('cert.pem')], { stdio: 'ignore' });

const PEERS = {
  selvage: (port, tls) => [opt.selvage, 'dev', '--assets', at('www'), '--persist-to', at('state'), '--port', String(port), '--show-interactive-dev-session=false', '--log-level', 'none',
    ...(tls ? ['--local-protocol', 'https', '--https-cert-path', at('cert.pem'), '--https-key-path', at('key.pem')] : [])],
  nginx: (port, tls) => {
    writeFileSync(at('nginx.conf'), `${process.getuid() === 0 ? "user root; " : ""}daemon off; worker_processes 1; pid ${at('nginx.pid')}; error_log ${at('nginx.log')} error;
      events { worker_connections 4096; }
      http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type application/octet-stream; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${at(n)};`).join(' ')}
        server { listen 127.0.0.1:${port} ${tls ? 'ssl' : ''}; ${tls ? `ssl_certificate ${at('cert.pem')}; ssl_certificate_key ${at('key.pem')}; ssl_protocols TLSv1.2 TLSv1.3;` : ''} root ${at('www')}; } }`);
    return ['nginx', '-p', dir, '-c', at('nginx.conf')];
  },
  nghttpd: (port) => ['nghttpd', '-n', '1', '-d', at('www'), '--address', '127.0.0.1', String(port), at('key.pem'), at('cert.pem')],
};
const LOADS = {
  '1k': { title: 'file of 1 KB, HTTP/1.1', path: '/1k.bin', peer: 'nginx' },
  '100k': { title: 'file of 100 KB, HTTP/1.1', path: '/100k.bin', peer: 'nginx' },
  '10m': { title: 'file of 10 MB, HTTP/1.1', path: '/10m.bin', peer: 'nginx', connections: 8 },
  tls: { title: 'file of 12 bytes, TLS, HTTP/1.1', path: '/hello.bin', peer: 'nginx', tls: true },
  h2: { title: 'file of 12 bytes, TLS, HTTP/2', path: '/hello.bin', peer: 'nghttpd', tls: true, h2: true },
  'h2-100k': { title: 'file of 100 KB, TLS, HTTP/2', path: '/100k.bin', peer: 'nghttpd', tls: true, h2: true },
  handshake: { title: 'a TLS connection for each request', path: '/hello.bin', peer: 'nghttpd', tls: true, h2: true, once: true },
};

const run = (command) => new Promise((done, fail) => {
  const child = spawn('taskset', ['-c', '1', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const s of [child.stdout, child.stderr]) s.on('data', (d) => { out += d; });
  child.on('error', fail).on('exit', (code) => (code === 0 ? done(out) : fail(new Error(`${command[0]}: ${out.slice(-2000)}`))));
});

// { requests, seconds } of one load.
async function apply(load, port, seconds) {
  const url = `${load.tls ? 'https' : 'http'}://127.0.0.1:${port}${load.path}`;
  const began = performance.now();
  if (load.once) { // connections one after the other, a hundred at a time, one request each
    let requests = 0;
    while (performance.now() - began < seconds * 1000) {
      const out = await run(['h2load', '-n100', '-c100', '-t1', url]);
      requests += Number(/(\d+) succeeded/.exec(out)[1]);
    }
    return { requests, seconds: (performance.now() - began) / 1000 };
  }
  if (load.h2) {
    const out = await run(['h2load', '-c16', '-m16', '-t1', `-D${seconds}`, '--warm-up-time=0', url]);
    return { requests: Number(/(\d+) succeeded/.exec(out)[1]), seconds };
  }
  const out = await run(['wrk', '-t1', `-c${load.connections ?? 64}`, `-d${seconds}s`, '--timeout', '10s', url]);
  if (/Non-2xx/.test(out)) throw new Error(out);
  return { requests: Number(/(\d+) requests in/.exec(out)[1]), seconds };
}

const answers = (port) => new Promise((done) => {
  const c = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  c.on('error', () => done(false));
  c.request({ ':path': '/hello.bin' }).on('response', () => { c.destroy(); done(true); }).on('error', () => done(false)).end();
});
async function ready(server, port, load) {
  if (!load.tls) return server.ready(port, { path: load.path });
  const wants = (h) => execFileSync('curl', ['-sk', '-o', '/dev/null', '--max-time', '2', `https://127.0.0.1:${port}${load.path}`], { stdio: 'ignore', ...h });
  for (let i = 0; i < 500; i++) {
    try {
      if (load.h2) { if (await answers(port)) return; } else { wants(); return; }
    } catch {}
    await new Promise((r) => setTimeout(r, 20));
  }
  throw new Error(`no answer; last output:\n${server.output}`);
}

async function measure(peer, load) {
  const port = await freePort(), seconds = Number(opt.seconds);
  const server = new Server(PEERS[peer](port, load.tls), { core: 0 });
  try {
    await ready(server, port, load);
    await apply(load, port, 1);
    const before = cpuSeconds(server.pid);
    const { requests, seconds: took } = await apply(load, port, seconds);
    return { requests: requests / took, cpuMicros: ((cpuSeconds(server.pid) - before) / requests) * 1e6 };
  } finally {
    await server.stop();
  }
}

const missing = ['wrk', 'h2load', 'nginx', 'nghttpd'].filter((p) => !have(p));
const wanted = (opt.only?.split(',') ?? Object.keys(LOADS)).filter((name) => LOADS[name]);
const results = {};
if (missing.length) say(`not installed: ${missing.join(', ')} (tools/deps.sh bench-door)`);
for (const name of wanted) {
  const load = LOADS[name], client = load.h2 ? 'h2load' : 'wrk';
  if (missing.includes(client)) { say(`${load.title}: left out, ${client} is not installed`); continue; }
  const peers = ['selvage', load.peer].filter((p) => !missing.includes(p));
  const rounds = [];
  for (let i = 0; i < Number(opt.rounds); i++) {
    const row = {};
    for (const peer of peers) row[peer] = await measure(peer, load);
    rounds.push(row);
  }
  results[name] = Object.fromEntries(peers.map((peer) => [peer, {
    cpuMicros: median(rounds.map((r) => r[peer].cpuMicros)), requests: median(rounds.map((r) => r[peer].requests)),
    ratio: median(rounds.map((r) => r[peer].cpuMicros / r.selvage.cpuMicros)),
  }]));
  say(`\n${load.title}`);
  for (const peer of peers) {
    const r = results[name][peer];
    say(`  ${peer.padEnd(8)} ${r.cpuMicros.toFixed(1).padStart(9)} us CPU   ${r.requests.toFixed(0).padStart(8)} requests/s   x ${r.ratio.toFixed(2)}`);
  }
}
if (opt.json) console.log(JSON.stringify(results));
