// `selvage dynamodb` and how to talk to it.
import { spawn } from 'node:child_process';
import { after } from 'node:test';
import { selvage } from './selvage.mjs';

const living = new Set();
after(() => { for (const p of living) p.kill('SIGKILL'); });

// Starts it on a free port: { url, child, stop }.
export async function dynamodb(args = ['--in-memory'], options = {}) {
  const child = spawn(selvage, ['dynamodb', '--ip', '127.0.0.1', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  living.add(child);
  const ended = new Promise((done) => child.on('exit', (code, signal) => { living.delete(child); done({ code, signal }); }));
  let out = '';
  const url = await new Promise((done, fail) => {
    child.stdout.on('data', (d) => {
      out += d;
      const found = /ready on (http:\/\/[^ \n]+)/.exec(out);
      if (found) done(found[1]);
    });
    ended.then((r) => fail(new Error(`selvage dynamodb ended: ${JSON.stringify(r)}`)));
  });
  return { url, child, stop: () => { child.kill('SIGTERM'); return ended; } };
}

const SIGNATURE = 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0';

// One request, as it goes over the wire: { status, body }.
export async function ask(url, operation, body) {
  const response = await fetch(url, {
    method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `DynamoDB_20120810.${operation}`, 'x-amz-date': '20260101T000000Z', authorization: SIGNATURE },
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : {} };
}
