#!/usr/bin/env node
// The table store over HTTP, 64 clients, beside dynalite, in one run. usage: node bench/dynamo.mjs [--rounds N] [--seconds N] [--only get,query] [--selvage PATH] [--json]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './lib/load.mjs';
import { cpuSeconds, memoryMB } from './lib/proc.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const { values: opt } = parseArgs({ options: {
  rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '4' }, only: { type: 'string' },
  selvage: { type: 'string', default: join(bench, '..', 'build', 'src', 'selvage') }, json: { type: 'boolean', default: false },
} });
const scratch = mkdtempSync(join(tmpdir(), 'selvage-bench-dynamo-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

// A body for request n; %d is a number below 1,000, %p one below 50.
const key = (pk, sk) => `{"pk":{"S":"${pk}"},"sk":{"N":"${sk}"}}`;
const item = (pk, sk) => `{"pk":{"S":"${pk}"},"sk":{"N":"${sk}"},"name":{"S":"Ada Lovelace"},"score":{"N":"12.5"},"tags":{"SS":["a","b"]},"text":{"S":"${'x'.repeat(200)}"}}`;
const CASES = {
  get: { title: 'GetItem', operation: 'GetItem', body: `{"TableName":"bench","Key":${key('p%p', '%s')}}` },
  put: { title: 'PutItem', operation: 'PutItem', body: `{"TableName":"bench","Item":${item('w%p', '%d')}}` },
  query: { title: 'Query of 20', operation: 'Query', body: '{"TableName":"bench","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p%p"}}}' },
  batch: { title: 'BatchGetItem of 100', operation: 'BatchGetItem',
    body: `{"RequestItems":{"bench":{"Keys":[${Array.from({ length: 100 }, (_, i) => key(`p${i % 50}`, i % 20)).join()}]}}}` },
  transact: { title: 'TransactWriteItems of 4', operation: 'TransactWriteItems', not: ['dynalite'], // it has no transactions
    body: `{"TransactItems":[${[0, 1, 2, 3].map((i) => `{"Put":{"TableName":"bench","Item":${item(`t%p-${i}`, '%d')}}}`).join()}]}` },
};

const PEERS = {
  selvage: (port) => [opt.selvage, 'dynamodb', '--ip', '127.0.0.1', '--port', String(port), '--persist-to', join(scratch, `tables-${port}`)], // every write synced
  'selvage, in memory': (port) => [opt.selvage, 'dynamodb', '--ip', '127.0.0.1', '--port', String(port), '--in-memory'],
  dynalite: (port) => [process.execPath, join(bench, 'node_modules', 'dynalite', 'cli.js'), '--host', '127.0.0.1', '--port', String(port), '--createTableMs', '0'], // in memory
};

const HEADERS = (operation) => ({
  'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `DynamoDB_20120810.${operation}`, 'x-amz-date': '20260101T000000Z',
  authorization: 'AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
});
async function ask(port, operation, body) {
  const r = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: HEADERS(operation), body });
  if (r.status !== 200) throw new Error(`${operation}: ${await r.text()}`);
  return r.json();
}

async function start(name, port) {
  const [command, ...args] = PEERS[name](port);
  const began = performance.now();
  const child = spawn('taskset', ['-c', '0', command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (;;) {
    try { await ask(port, 'ListTables', '{}'); break; } catch { await new Promise((r) => setTimeout(r, 1)); }
    if (child.exitCode !== null) throw new Error(`${name} ended`);
  }
  return { child, port, began: performance.now() - began, idle: memoryMB(child.pid), stop: () => new Promise((done) => { child.on('exit', done); child.kill(); }) };
}

async function fill(port) {
  await ask(port, 'CreateTable', JSON.stringify({ TableName: 'bench', BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'N' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }] }));
  while ((await ask(port, 'DescribeTable', '{"TableName":"bench"}')).Table.TableStatus !== 'ACTIVE') await new Promise((r) => setTimeout(r, 20));
  for (let p = 0; p < 50; p++)
    await ask(port, 'BatchWriteItem', `{"RequestItems":{"bench":[${Array.from({ length: 20 }, (_, s) => `{"PutRequest":{"Item":${item(`p${p}`, s)}}}`).join()}]}}`);
}

function wrk(port, test, seconds) {
  const file = join(scratch, `${test.operation}.lua`);
  writeFileSync(file, `wrk.method = "POST"
${Object.entries(HEADERS(test.operation)).map(([k, v]) => `wrk.headers["${k}"] = "${v}"`).join('\n')}
local body = [==[${test.body}]==]
local n = 0
request = function()
  n = n + 7
  local b = body:gsub("%%d", n % 1000):gsub("%%p", n % 50):gsub("%%s", n % 20)
  return wrk.format(nil, "/", nil, b)
end
`);
  return new Promise((done, fail) => {
    const child = spawn('taskset', ['-c', '1', 'wrk', '-t1', '-c64', `-d${seconds}s`, '--timeout', '10s', '-s', file, `http://127.0.0.1:${port}/`], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const s of [child.stdout, child.stderr]) s.on('data', (d) => (out += d));
    child.on('exit', (code) => (code === 0 ? done(out) : fail(new Error(out))));
  });
}

async function measure(server, test) {
  await wrk(server.port, test, 1);
  const before = cpuSeconds(server.child.pid);
  const out = await wrk(server.port, test, Number(opt.seconds));
  const cpu = cpuSeconds(server.child.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(out)[1]);
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0);
  if (bad) throw new Error(`${test.title}: ${bad} of ${requests} answers are errors`);
  if (requests === 0) throw new Error(`${test.title}: nothing was answered in ${opt.seconds} s`);
  return { rate: requests / Number(opt.seconds), micros: (cpu / requests) * 1e6 };
}

const wanted = opt.only ? opt.only.split(',') : Object.keys(CASES);
const results = {};
let port = 18400;
for (let round = 0; round < Number(opt.rounds); round++) {
  for (const name of Object.keys(PEERS)) {
    const server = await start(name, ++port);
    await fill(server.port);
    const r = (results[name] ??= { start: [], idle: [], cases: {} });
    r.start.push(server.began);
    r.idle.push(server.idle);
    for (const id of wanted) {
      if (CASES[id].not?.includes(name)) continue;
      const m = await measure(server, CASES[id]);
      (r.cases[id] ??= { rate: [], micros: [] }).rate.push(m.rate);
      r.cases[id].micros.push(m.micros);
    }
    await server.stop();
  }
}
if (opt.json) {
  console.log(JSON.stringify(results, null, 1));
} else {
  for (const id of wanted) {
    console.log(`\n${CASES[id].title}`);
    for (const [name, r] of Object.entries(results)) {
      const c = r.cases[id];
      if (!c) continue;
      const ratio = c.micros.map((m, i) => m / results.selvage.cases[id].micros[i]);
      console.log(`  ${name.padEnd(20)} ${median(c.micros).toFixed(1).padStart(9)} µs CPU ${median(c.rate).toFixed(0).padStart(8)}/s   x selvage ${median(ratio).toFixed(2)}`);
    }
  }
  console.log('\nStart to first answer, memory before any table');
  for (const [name, r] of Object.entries(results)) console.log(`  ${name.padEnd(20)} ${median(r.start).toFixed(0).padStart(6)} ms ${median(r.idle).toFixed(1).padStart(7)} MB`);
}
