// Several accounts on one server, and workers put there by the control API.
import { request } from 'node:http';
import { join } from 'node:path';

// A call as the owner of the data directory.
export function owner(server, method, path, body) {
  return new Promise((done, fail) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const req = request({ socketPath: join(server.data, 'control.sock'), method, path: `/client/v4${path}`,
      headers: { host: 'localhost', 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } }, (res) => {
      let out = '';
      res.on('data', (d) => (out += d));
      res.on('end', () => {
        const json = JSON.parse(out || '{}');
        if (res.statusCode >= 300) fail(new Error(`${method} ${path}: ${res.statusCode} ${out}`));
        else done(json.result);
      });
    });
    req.on('error', fail);
    req.end(text);
  });
}

// { id, token }
export async function addAccount(server, name) {
  const { id } = await owner(server, 'POST', '/server/accounts', { name });
  const { token } = await owner(server, 'POST', `/server/accounts/${id}/tokens`, { name: 'ci' });
  return { id, token };
}

export async function call(server, account, method, path, body, headers = {}) {
  const response = await fetch(`${server.api}/accounts/${account.id}${path}`, {
    method, headers: { authorization: `Bearer ${account.token}`, ...headers },
    body: body === undefined || body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json;
  try { json = JSON.parse(text); } catch {}
  return { status: response.status, text, json, result: json?.result };
}

// Uploads and deploys a module worker; it answers at NAME.DOMAIN when this returns.
export async function deploy(server, account, name, source, metadata = {}) {
  const form = new FormData();
  form.set('metadata', JSON.stringify({ main_module: 'index.js', compatibility_date: '2026-01-01', ...metadata }));
  form.set('index.js', new File([source], 'index.js', { type: 'application/javascript+module' }));
  const up = await call(server, account, 'PUT', `/workers/scripts/${name}`, form);
  if (up.status !== 200) throw new Error(`upload of ${name}: ${up.status} ${up.text}`);
  const open = await call(server, account, 'POST', `/workers/scripts/${name}/subdomain`, { enabled: true, previews_enabled: false },
    { 'content-type': 'application/json' });
  if (open.status !== 200) throw new Error(`subdomain of ${name}: ${open.status} ${open.text}`);
  return up.result;
}
