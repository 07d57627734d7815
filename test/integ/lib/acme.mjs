// A small ACME server (RFC 8555) that believes nothing: it checks signatures, nonces, URLs and keys of every request, fetches the
// challenge over HTTP, and issues what a certificate request asks for only when that is what was ordered.
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';

const b64 = (bytes) => Buffer.from(bytes).toString('base64url');
const from64 = (text) => { if (!/^[A-Za-z0-9_-]*$/.test(text)) throw problem('malformed', 'not base64url'); return Buffer.from(text, 'base64url'); };
const thumbprint = ({ crv, kty, x, y }) => b64(createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest());

function problem(type, detail, status = 400, headers = {}) {
  return Object.assign(new Error(detail), { problem: { type: `urn:ietf:params:acme:error:${type}`, detail }, status, headers });
}

// ca: lib/pki.mjs. challengePort: where HTTP-01 is fetched. Options are behaviours that the test may change while it runs:
// terms (a URL), badNonces (how many good nonces are refused), limited ({ seconds } once), days (of certificates), pending (looks before it decides).
export async function acme(ca, { challengePort, ...options } = {}) {
  const server = { requests: [], orders: [], accounts: new Map(), options: { badNonces: 0, days: 2, pending: 1, ...options }, challengePort, failures: [] };
  const nonces = new Set(), authorizations = [];
  const tls = ca.issue(['localhost']);
  const web = https.createServer({ cert: tls.chain, key: tls.key }, serve).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const base = `https://localhost:${web.address().port}`;
  const directory = { newNonce: `${base}/nonce`, newAccount: `${base}/account`, newOrder: `${base}/order`, revokeCert: `${base}/revoke`, keyChange: `${base}/key` };

  function nonce() {
    const n = b64(randomBytes(16));
    nonces.add(n);
    return n;
  }

  // The payload of a signed request, and the account that signed it.
  function open(req, body) {
    if (req.headers['content-type'] !== 'application/jose+json') throw problem('malformed', 'content type', 415);
    const jws = JSON.parse(body);
    if (Object.keys(jws).sort().join() !== 'payload,protected,signature') throw problem('malformed', 'not a flattened JWS');
    const head = JSON.parse(from64(jws.protected));
    if (head.alg !== 'ES256') throw problem('badSignatureAlgorithm', head.alg);
    if (head.url !== base + req.url) throw problem('unauthorized', `signed for ${head.url}`, 401);
    if (!nonces.delete(head.nonce)) throw problem('badNonce', 'unknown nonce');
    if (server.options.badNonces > 0) {
      server.options.badNonces--;
      throw problem('badNonce', 'as the test wants it');
    }
    if (!head.jwk === !head.kid) throw problem('malformed', 'exactly one of jwk and kid');
    if (!!head.jwk !== (req.url === '/account')) throw problem('malformed', 'jwk is for new accounts alone');
    const account = head.kid ? server.accounts.get(head.kid) : null;
    if (head.kid && !account) throw problem('accountDoesNotExist', head.kid);
    const jwk = head.jwk ?? account.jwk, signature = from64(jws.signature);
    if (signature.length !== 64) throw problem('malformed', 'an ES256 signature has 64 bytes');
    if (!verify('sha256', Buffer.from(`${jws.protected}.${jws.payload}`), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, signature)) throw problem('unauthorized', 'bad signature', 401);
    return { account, jwk, payload: jws.payload === '' ? null : JSON.parse(from64(jws.payload)) };
  }

  const owned = (thing, account) => { if (!thing || thing.account !== account) throw problem('unauthorized', 'not yours', 403); return thing; };
  const lookOnly = (payload) => { if (payload !== null) throw problem('malformed', 'POST-as-GET has an empty payload'); };
  const orderView = (o) => ({ status: o.status, identifiers: o.identifiers, authorizations: o.authorizations.map((a) => a.url), finalize: `${o.url}/finalize`, ...(o.certificate && { certificate: `${o.url}/certificate` }), ...(o.error && { error: o.error }) });
  const authorizationView = (a) => ({ status: a.status, identifier: a.identifier, challenges: [
    { type: 'dns-01', url: `${a.url}/dns`, status: 'pending', token: a.token },
    { type: 'http-01', url: `${a.url}/http`, status: a.challenge, token: a.token, ...(a.error && { error: a.error }) }] });

  // As a certificate authority does it: the name, port 80 (here another), and the exact bytes.
  async function validate(a, jwk) {
    const host = a.identifier.value;
    try {
      const text = await new Promise((ok, no) => {
        http.get({ host: '127.0.0.1', port: server.challengePort, path: `/.well-known/acme-challenge/${a.token}`, headers: { host }, agent: false }, (res) => {
          let t = '';
          res.on('data', (d) => { t += d; }).on('end', () => (res.statusCode === 200 ? ok(t) : no(new Error(`status ${res.statusCode}`))));
        }).on('error', no);
      });
      if (text !== `${a.token}.${thumbprint(jwk)}`) throw new Error(`the answer is ${JSON.stringify(text)}`);
      a.status = a.challenge = 'valid';
      a.order.status = 'ready';
    } catch (e) {
      a.status = a.challenge = a.order.status = 'invalid';
      a.error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: `${host}: ${e.message}` };
    }
  }

  function route(req, { account, jwk, payload }) {
    const [, kind, id, rest] = req.url.split('/');
    if (req.url === '/account') {
      if (server.options.terms && payload.termsOfServiceAgreed !== true) throw problem('userActionRequired', 'terms');
      const url = `${base}/account/${thumbprint(jwk)}`, known = server.accounts.has(url);
      if (!known) server.accounts.set(url, { url, jwk, contact: payload.contact });
      return { status: known ? 200 : 201, location: url, json: { status: 'valid' } };
    }
    if (req.url === '/order') {
      if (server.options.limited) {
        const { seconds } = server.options.limited;
        server.options.limited = null;
        throw problem('rateLimited', 'too many orders', 429, { 'retry-after': String(seconds) });
      }
      const order = { account, url: `${base}/order/${server.orders.length}`, identifiers: payload.identifiers, status: 'pending', made: Date.now() };
      order.authorizations = payload.identifiers.map((identifier) => {
        const a = { account, order, identifier, url: `${base}/authorization/${authorizations.length}`, token: b64(randomBytes(32)), status: 'pending', challenge: 'pending' };
        authorizations.push(a);
        return a;
      });
      server.orders.push(order);
      return { status: 201, location: order.url, json: orderView(order) };
    }
    if (kind === 'order') {
      const order = owned(server.orders[id], account);
      if (rest === 'finalize') {
        if (order.status !== 'ready') throw problem('orderNotReady', order.status, 403);
        const csr = from64(payload.csr), names = ca.names(csr);
        if (names.join() !== order.identifiers.map((i) => i.value).join()) throw problem('badCSR', `the request is for ${names}`);
        order.status = 'processing';
        order.csr = csr;
        order.looks = server.options.pending;
        return { json: orderView(order), location: order.url };
      }
      lookOnly(payload);
      if (rest === 'certificate') return { text: order.certificate };
      if (order.status === 'processing' && order.looks-- <= 0) {
        order.certificate = ca.sign(order.csr, { days: server.options.days }) + ca.pem;
        order.status = 'valid';
      }
      return { json: orderView(order) };
    }
    if (kind === 'authorization') {
      const a = owned(authorizations[id], account);
      if (rest === 'http') {
        if (JSON.stringify(payload) !== '{}') throw problem('malformed', 'a challenge is answered with {}');
        if (a.challenge === 'pending') {
          a.challenge = 'processing';
          validate(a, account.jwk);
        }
        return { json: authorizationView(a).challenges[1] };
      }
      lookOnly(payload);
      return { json: authorizationView(a) };
    }
    throw problem('malformed', 'no such thing', 404);
  }

  async function serve(req, res) {
    let body = '';
    for await (const d of req) body += d;
    server.requests.push(`${req.method} ${req.url}`);
    const headers = { 'replay-nonce': nonce(), link: `<${base}/directory>;rel="index"` };
    try {
      if (req.url === '/directory') return void res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...directory, ...(server.options.terms && { meta: { termsOfService: server.options.terms } }) }));
      if (req.url === '/nonce') return void res.writeHead(200, { ...headers, 'cache-control': 'no-store' }).end();
      if (req.method !== 'POST') throw problem('malformed', 'everything else is POST', 405);
      const answer = route(req, open(req, body));
      if (answer.location) headers.location = answer.location;
      if (answer.text) res.writeHead(200, { ...headers, 'content-type': 'application/pem-certificate-chain' }).end(answer.text);
      else res.writeHead(answer.status ?? 200, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
    } catch (e) {
      server.failures.push(e.problem ? `${e.problem.type}: ${e.problem.detail}` : e.stack);
      res.writeHead(e.status ?? 500, { ...headers, ...e.headers, 'content-type': 'application/problem+json' }).end(JSON.stringify(e.problem ?? { detail: String(e) }));
    }
  }

  server.directory = `${base}/directory`;
  server.close = () => { web.closeAllConnections(); web.close(); };
  return server;
}
