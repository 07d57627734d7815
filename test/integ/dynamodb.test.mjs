// The table store as a server of its own and inside a session: over kill -9, signed, timed, logged, and for workers that ask AWS.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, dynamodb } from './lib/dynamodb.mjs';
import { dev, run, until, worker } from './lib/selvage.mjs';

const table = (TableName, more = {}) => ({
  TableName, BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }], KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }], ...more,
});
const folder = () => {
  const dir = mkdtempSync(join(tmpdir(), 'selvage-dynamodb-test-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
};
const must = async (url, operation, body) => {
  const answer = await ask(url, operation, body);
  assert.equal(answer.status, 200, `${operation}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};

test('every write that was acknowledged is there after kill -9', async () => {
  const dir = folder();
  let server = await dynamodb(['--persist-to', dir]);
  await must(server.url, 'CreateTable', table('log'));
  const acknowledged = new Map(); // pk to the last number that was acknowledged, and the last that was asked for
  let written = 0;
  let stop = false;
  const writer = async (id, url) => {
    const seen = acknowledged.get(id) ?? { ack: 0, asked: 0 };
    acknowledged.set(id, seen);
    while (!stop) {
      seen.asked = Math.max(seen.asked, seen.ack) + 1;
      try {
        // both items or neither
        const r = await ask(url, 'TransactWriteItems', { TransactItems: [
          { Put: { TableName: 'log', Item: { pk: { S: `a${id}` }, n: { N: String(seen.asked) } } } },
          { Put: { TableName: 'log', Item: { pk: { S: `b${id}` }, n: { N: String(seen.asked) } } } },
        ] });
        if (r.status !== 200) return;
      } catch {
        return; // the server was killed
      }
      seen.ack = seen.asked;
      written++;
    }
  };
  for (let round = 0; round < 3; round++) {
    const before = written;
    const writers = Array.from({ length: 8 }, (_, i) => writer(i, server.url));
    await until(() => written > before + 40, 'some writes');
    server.child.kill('SIGKILL');
    await Promise.all(writers);
    server = await dynamodb(['--persist-to', dir]);
    for (const [id, { ack, asked }] of acknowledged) {
      const [a, b] = await Promise.all(['a', 'b'].map((p) => must(server.url, 'GetItem', { TableName: 'log', Key: { pk: { S: `${p}${id}` } }, ConsistentRead: true })));
      const n = Number(a.Item?.n.N ?? 0);
      assert.ok(n >= ack && n <= asked, `writer ${id}: ${n}, acknowledged ${ack}, asked ${asked}`);
      assert.equal(b.Item?.n.N, a.Item?.n.N, 'a transaction was made by half');
      acknowledged.set(id, { ack: n, asked: n });
    }
  }
  stop = true;
  await server.stop();
});

test('counters that many transactions raise at once lose nothing', async () => {
  const server = await dynamodb();
  await must(server.url, 'CreateTable', table('counts'));
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    for (let k = 0; k < 10; k++) {
      const r = await ask(server.url, 'TransactWriteItems', { TransactItems: ['x', 'y'].map((pk) => ({
        Update: { TableName: 'counts', Key: { pk: { S: pk } }, UpdateExpression: 'ADD n :one', ExpressionAttributeValues: { ':one': { N: '1' } } } })) });
      assert.equal(r.status, 200, `writer ${i}`);
    }
  }));
  for (const pk of ['x', 'y']) assert.equal((await must(server.url, 'GetItem', { TableName: 'counts', Key: { pk: { S: pk } } })).Item.n.N, '200');
  await server.stop();
});

test('a transaction with a token is made once, however often it is sent', async () => {
  const server = await dynamodb();
  await must(server.url, 'CreateTable', table('once'));
  const request = { ClientRequestToken: 'the-token', TransactItems: [
    { Update: { TableName: 'once', Key: { pk: { S: 'x' } }, UpdateExpression: 'ADD n :one', ExpressionAttributeValues: { ':one': { N: '1' } } } }] };
  await Promise.all(Array.from({ length: 10 }, () => must(server.url, 'TransactWriteItems', request)));
  assert.equal((await must(server.url, 'GetItem', { TableName: 'once', Key: { pk: { S: 'x' } } })).Item.n.N, '1');
  await server.stop();
});

test('items end by themselves', async () => {
  const server = await dynamodb();
  await must(server.url, 'CreateTable', table('short'));
  await must(server.url, 'UpdateTimeToLive', { TableName: 'short', TimeToLiveSpecification: { Enabled: true, AttributeName: 'end' } });
  const now = Math.floor(Date.now() / 1000);
  await must(server.url, 'PutItem', { TableName: 'short', Item: { pk: { S: 'soon' }, end: { N: String(now + 1) } } });
  await must(server.url, 'PutItem', { TableName: 'short', Item: { pk: { S: 'later' }, end: { N: String(now + 3600) } } });
  await until(async () => !(await must(server.url, 'GetItem', { TableName: 'short', Key: { pk: { S: 'soon' } } })).Item, 'the end of an item', 60000);
  assert.ok((await must(server.url, 'GetItem', { TableName: 'short', Key: { pk: { S: 'later' } } })).Item);
  await server.stop();
});

test('tables in memory leave nothing behind', async () => {
  const ours = () => ['/dev/shm', '/tmp'].flatMap((d) => (existsSync(d) ? readdirSync(d).filter((n) => n.startsWith('selvage-dynamodb-') && !n.includes('test')).map((n) => join(d, n)) : []));
  const before = new Set(ours());
  const server = await dynamodb();
  const [mine] = ours().filter((d) => !before.has(d));
  assert.ok(mine);
  await must(server.url, 'CreateTable', table('gone'));
  await server.stop();
  assert.equal(existsSync(mine), false);
  // one that was killed leaves them to the next
  const killed = await dynamodb();
  const left = ours().filter((d) => !before.has(d));
  killed.child.kill('SIGKILL');
  await new Promise((done) => killed.child.on('close', done));
  await (await dynamodb()).stop();
  assert.deepEqual(ours().filter((d) => left.includes(d)), []);
});

test('answers carry checksum and id; what is no request is told', async () => {
  const server = await dynamodb();
  const health = await fetch(server.url);
  assert.match(await health.text(), /^healthy: dynamodb/);
  const r = await fetch(server.url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.ListTables' } });
  const text = await r.text();
  assert.equal(r.status, 400);
  assert.match(text, /MissingAuthenticationTokenException/);
  assert.equal(r.headers.get('content-type'), 'application/x-amz-json-1.0');
  assert.equal(Number(r.headers.get('x-amz-crc32')), crc32(text));
  assert.match(r.headers.get('x-amzn-requestid'), /^[A-Z0-9]{52}$/);
  assert.deepEqual(await ask(server.url, 'ListTables', '{"'), { status: 400, body: { __type: 'com.amazon.coral.service#SerializationException' } });
  assert.deepEqual(await ask(server.url, 'Nonsense', {}), { status: 400, body: { __type: 'com.amazon.coral.service#UnknownOperationException' } });
  await server.stop();
});

function crc32(text) {
  let crc = ~0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const aws = spawnSync('aws', ['--version']).status === 0 ? false : 'the AWS command line is not installed';
test('the AWS command line', { skip: aws }, async () => {
  const server = await dynamodb();
  const cli = (...args) => {
    const r = spawnSync('aws', ['dynamodb', ...args, '--endpoint-url', server.url, '--region', 'us-east-1', '--output', 'json'],
      { encoding: 'utf8', env: { ...process.env, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_PAGER: '' } });
    return r.status === 0 ? JSON.parse(r.stdout || '{}') : r.stderr;
  };
  cli('create-table', '--table-name', 'cli', '--attribute-definitions', 'AttributeName=id,AttributeType=S', '--key-schema', 'AttributeName=id,KeyType=HASH', '--billing-mode', 'PAY_PER_REQUEST');
  assert.deepEqual(cli('wait', 'table-exists', '--table-name', 'cli'), {});
  assert.deepEqual(cli('put-item', '--table-name', 'cli', '--item', '{"id":{"S":"a"},"n":{"N":"1"}}'), {});
  assert.deepEqual(cli('update-item', '--table-name', 'cli', '--key', '{"id":{"S":"a"}}', '--update-expression', 'ADD n :n', '--expression-attribute-values', '{":n":{"N":"4"}}', '--return-values', 'ALL_NEW'),
    { Attributes: { id: { S: 'a' }, n: { N: '5' } } });
  assert.match(cli('get-item', '--table-name', 'nope', '--key', '{"id":{"S":"b"}}'), /ResourceNotFoundException/);
  await server.stop();
});

// A request signed as Signature Version 4 wants it.
async function signed(url, key, secret, operation, body, { at = new Date(), tamper = '' } = {}) {
  const date = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const day = date.slice(0, 8);
  const text = JSON.stringify(body);
  const target = `DynamoDB_20120810.${operation}`;
  const { host, pathname } = new URL(url);
  const hash = (t) => createHash('sha256').update(t).digest('hex');
  const hmac = (k, t) => createHmac('sha256', k).update(t).digest();
  const names = 'host;x-amz-date;x-amz-target';
  const canonical = `POST\n${pathname}\n\nhost:${host}\nx-amz-date:${date}\nx-amz-target:${target}\n\n${names}\n${hash(text)}`;
  const scope = `${day}/eu-west-3/dynamodb/aws4_request`;
  const k = ['eu-west-3', 'dynamodb', 'aws4_request'].reduce(hmac, hmac(`AWS4${secret}`, day));
  const signature = createHmac('sha256', k).update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(canonical)}`).digest('hex');
  const r = await fetch(url, { method: 'POST', body: text + tamper, headers: {
    'content-type': 'application/x-amz-json-1.0', 'x-amz-date': date, 'x-amz-target': target,
    authorization: `AWS4-HMAC-SHA256 Credential=${key}/${scope}, SignedHeaders=${names}, Signature=${signature}` } });
  return { status: r.status, body: await r.json() };
}

test('signatures are checked where that is asked for', async () => {
  const dir = folder();
  const made = await run(['dynamodb', 'credentials', 'create', '--name', 'ci', '--json', '--persist-to', dir], { cwd: dir });
  assert.equal(made.code, 0, made.stderr);
  const { accessKeyId, secretAccessKey } = JSON.parse(made.stdout);
  const server = await dynamodb(['--persist-to', dir, '--verify-signatures']);
  const good = await signed(server.url, accessKeyId, secretAccessKey, 'CreateTable', table('safe'));
  assert.equal(good.status, 200);
  assert.match(good.body.TableDescription.TableArn, /^arn:aws:dynamodb:eu-west-3:/);
  const type = async (...args) => (await signed(server.url, ...args)).body.__type.split('#')[1];
  assert.equal(await type(accessKeyId, 'wrong', 'ListTables', {}), 'InvalidSignatureException');
  assert.equal(await type('nobody', secretAccessKey, 'ListTables', {}), 'UnrecognizedClientException');
  assert.equal(await type(accessKeyId, secretAccessKey, 'ListTables', {}, { at: new Date(Date.now() - 3600e3) }), 'InvalidSignatureException');
  assert.equal(await type(accessKeyId, secretAccessKey, 'ListTables', {}, { tamper: ' ' }), 'InvalidSignatureException');
  await server.stop();
  const listed = await run(['dynamodb', 'credentials', 'list', '--persist-to', dir], { cwd: dir });
  assert.match(listed.stdout, new RegExp(accessKeyId));
  assert.doesNotMatch(listed.stdout, new RegExp(secretAccessKey));
  assert.equal((await run(['dynamodb', 'credentials', 'delete', accessKeyId, '--persist-to', dir], { cwd: dir })).code, 0);
});

// The protocol by hand, as any client's fetch.
const source = `
const call = (operation, body, host = "dynamodb.eu-north-1.amazonaws.com") => fetch("https://" + host + "/", {
  method: "POST", body: body instanceof ReadableStream ? body : JSON.stringify(body),
  headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810." + operation, "x-amz-date": "20260101T000000Z",
    authorization: "AWS4-HMAC-SHA256 Credential=k/20260101/eu-north-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0" } });
export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("ready");
    const { operation, body, stream } = await request.json();
    const r = await call(operation, stream ? new Blob([JSON.stringify(body)]).stream() : body);
    return Response.json({ status: r.status, crc: r.headers.get("x-amz-crc32"), type: r.headers.get("content-type"), body: await r.text() });
  },
};`;

test('a worker that asks AWS is answered here, and its tables are below /cdn-cgi/dynamodb', async () => {
  const session = await dev(worker(source));
  const through = async (operation, body, stream = false) => {
    const r = await (await fetch(session.url, { method: 'POST', body: JSON.stringify({ operation, body, stream }) })).json();
    assert.equal(Number(r.crc), crc32(r.body));
    return { ...r, body: JSON.parse(r.body) };
  };
  const made = await through('CreateTable', table('inside'));
  assert.equal(made.status, 200, JSON.stringify(made.body));
  assert.equal(made.type, 'application/x-amz-json-1.0');
  assert.match(made.body.TableDescription.TableArn, /^arn:aws:dynamodb:eu-north-1:/);
  const put = await through('PutItem', { TableName: 'inside', Item: { pk: { S: 'x' }, big: { S: 'y'.repeat(300000) } } }, true);
  assert.equal(put.status, 200, JSON.stringify(put.body));
  assert.equal((await through('GetItem', { TableName: 'inside', Key: { pk: { S: 'x' } } })).body.Item.big.S.length, 300000);
  assert.match((await through('GetItem', { TableName: 'outside', Key: { pk: { S: 'x' } } })).body.__type, /ResourceNotFoundException/);

  const face = `${session.url}/cdn-cgi/dynamodb`;
  assert.deepEqual((await must(face, 'ListTables', {})).TableNames, ['inside']);
  const log = await (await fetch(`${face}/log`)).json();
  assert.deepEqual(log.counts, { CreateTable: 1, PutItem: 1, GetItem: 2, ListTables: 1 });
  assert.deepEqual(log.requests.at(-2), { operation: 'GetItem', tables: ['outside'], status: 400 });
  await fetch(`${face}/log`, { method: 'DELETE' });
  assert.equal((await (await fetch(`${face}/log`)).json()).total, 0);
  await session.stop();
});

test('with dynamodb = "verify" the endpoint takes the keys of the variables', async () => {
  const vars = '[vars]\nAWS_ACCESS_KEY_ID = "AKIDEXAMPLE"\nAWS_SECRET_ACCESS_KEY = "not-a-secret"\n[dev]\ndynamodb = "verify"\n';
  const session = await dev(worker(source, vars));
  const face = `${session.url}/cdn-cgi/dynamodb`;
  assert.match((await ask(face, 'ListTables', {})).body.__type, /InvalidSignatureException|UnrecognizedClientException/);
  assert.deepEqual(await signed(`${face}/`, 'AKIDEXAMPLE', 'not-a-secret', 'ListTables', {}), { status: 200, body: { TableNames: [] } });
  await session.stop();
});
