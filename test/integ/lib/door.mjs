// Starts build/test/door_server: listeners with certificates, redirects, proxies, as a program of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import tls from 'node:tls';
import { join } from 'node:path';
import { after } from 'node:test';
import { root } from './selvage.mjs';

const living = new Set();
after(() => { for (const p of living) p.kill('SIGKILL'); });

export async function door(...args) {
  const child = spawn(process.env.DOOR_SERVER ?? join(root, 'build', 'test', 'door_server'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  living.add(child);
  const d = { child, notices: [], text: '', stderr: '' };
  const waiters = new Set();
  child.stdout.setEncoding('utf8').on('data', (text) => {
    d.text += text;
    d.notices = [...d.text.matchAll(/^notice (.*)$/gm)].map((m) => m[1]);
    for (const w of waiters) w();
  });
  child.stderr.setEncoding('utf8').on('data', (text) => { d.stderr += text; });
  let over = false;
  d.exit = once(child, 'close').then(([code]) => { living.delete(child); over = true; for (const w of waiters) w(); return code; });
  d.saw = (pattern, from = 0, patience = 20000) => new Promise((ok, no) => {
    const timer = setTimeout(() => { waiters.delete(look); no(new Error(`${pattern} was not said; but:\n${d.text}${d.stderr}`)); }, patience);
    function look() {
      const found = pattern.exec(d.text.slice(from));
      if (!found && !over) return;
      clearTimeout(timer);
      waiters.delete(look);
      if (found) ok(found);
      else no(new Error(`ended before it said ${pattern}:\n${d.text}${d.stderr}`));
    }
    waiters.add(look);
    look();
  });
  const [, port, secure] = await d.saw(/^http (\d+)\nhttps (\d+)\n/m);
  d.port = Number(port);
  d.secure = Number(secure);
  d.stop = () => { child.kill('SIGTERM'); return d.exit; };
  return d;
}

export const get = (port, path = '/', headers = {}) => new Promise((ok, no) => {
  http.get({ port, host: '127.0.0.1', path, headers, agent: false }, (res) => {
    let text = '';
    res.setEncoding('utf8').on('data', (t) => { text += t; }).on('end', () => ok({ status: res.statusCode, headers: res.headers, text }));
  }).on('error', no);
});

// What a client sees that asks for a name: { subject, authorized, cert, session, reused }.
export const handshake = (port, servername, options = {}) => new Promise((ok, no) => {
  const c = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false, ...options }, () => {
    const cert = c.getPeerCertificate();
    ok({ subject: cert.subject?.CN, serial: cert.serialNumber, authorized: c.authorized, reused: c.isSessionReused() });
    c.destroy();
  });
  c.on('error', no);
});
