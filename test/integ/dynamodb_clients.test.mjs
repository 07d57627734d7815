// Programs as people write them for DynamoDB, on `selvage dynamodb`: AWS's clients, aws4fetch, electrodb, dynamodb-onetable.
import test from 'node:test';
import assert from 'node:assert/strict';
import { AwsClient } from 'aws4fetch';
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient, ListTablesCommand, UpdateTimeToLiveCommand, paginateScan, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand, BatchWriteCommand, DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, TransactGetCommand, TransactWriteCommand, UpdateCommand, paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import { Entity, Service } from 'electrodb';
import { Table } from 'dynamodb-onetable';
import { dynamodb } from './lib/dynamodb.mjs';

const server = await dynamodb();
test.after(() => server.stop());
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const client = new DynamoDBClient({ endpoint: server.url, region: 'us-east-1', credentials });
const doc = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });

// A table with a string hash and range key and one global index, as single-table designs have it.
async function makeTable(name) {
  await client.send(new CreateTableCommand({
    TableName: name, BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk', 'gsi1pk', 'gsi1sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
    GlobalSecondaryIndexes: [{ IndexName: 'gsi1', KeySchema: [{ AttributeName: 'gsi1pk', KeyType: 'HASH' }, { AttributeName: 'gsi1sk', KeyType: 'RANGE' }], Projection: { ProjectionType: 'ALL' } }],
  }));
  await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName: name });
}

test('the document client of AWS reads what it wrote, with numbers, sets and bytes', async () => {
  await makeTable('documents');
  const item = { pk: 'a', sk: '1', n: 12.5, big: 2n ** 90n, yes: true, nothing: null, list: [1, 'two', { three: [] }], map: { deep: { deeper: 'x' } }, tags: new Set(['b', 'a']), numbers: new Set([3, 1]), bytes: Uint8Array.of(0, 255), empty: '' };

  assert.equal((await client.send(new ListTablesCommand({}))).TableNames.includes('documents'), true);
  await doc.send(new PutCommand({ TableName: 'documents', Item: item }));
  const got = (await doc.send(new GetCommand({ TableName: 'documents', Key: { pk: 'a', sk: '1' }, ConsistentRead: true }))).Item;
  assert.deepEqual({ ...got, bytes: [...got.bytes] }, { ...item, bytes: [0, 255] });
  await client.send(new UpdateTimeToLiveCommand({ TableName: 'documents', TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true } }));
  assert.equal((await client.send(new DescribeTableCommand({ TableName: 'documents' }))).Table.GlobalSecondaryIndexes[0].IndexStatus, 'ACTIVE');
});

test('updates, conditions and their failures arrive as the client names them', async () => {
  const key = { TableName: 'documents', Key: { pk: 'u', sk: '1' } };
  const first = await doc.send(new UpdateCommand({
    ...key, UpdateExpression: 'SET #c = if_not_exists(#c, :zero) + :one, seen = list_append(if_not_exists(seen, :none), :now) ADD tags :tags', ReturnValues: 'ALL_NEW',
    ExpressionAttributeNames: { '#c': 'count' }, ExpressionAttributeValues: { ':zero': 0, ':one': 1, ':none': [], ':now': ['t0'], ':tags': new Set(['x']) },
  }));

  assert.deepEqual(first.Attributes, { pk: 'u', sk: '1', count: 1, seen: ['t0'], tags: new Set(['x']) });
  await assert.rejects(
    doc.send(new UpdateCommand({ ...key, UpdateExpression: 'SET a = :a', ConditionExpression: '#c > :five', ReturnValuesOnConditionCheckFailure: 'ALL_OLD', ExpressionAttributeNames: { '#c': 'count' }, ExpressionAttributeValues: { ':a': 1, ':five': 5 } })),
    (e) => e.name === 'ConditionalCheckFailedException' && e.message === 'The conditional request failed' && e.Item.count.N === '1',
  );
  await assert.rejects(doc.send(new UpdateCommand({ ...key, UpdateExpression: 'SET status = :a', ExpressionAttributeValues: { ':a': 1 } })),
    { name: 'ValidationException', message: 'Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status' });
  const gone = await doc.send(new DeleteCommand({ ...key, ReturnValues: 'ALL_OLD' }));
  assert.equal(gone.Attributes.count, 1);
});

test('queries page, on the table and on its index', async () => {
  const items = Array.from({ length: 30 }, (_, i) => ({ pk: 'page', sk: String(i).padStart(2, '0'), gsi1pk: `g${i % 2}`, gsi1sk: String(99 - i) }));
  for (let i = 0; i < items.length; i += 25)
    await doc.send(new BatchWriteCommand({ RequestItems: { documents: items.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } })) } }));
  const found = [];

  for await (const page of paginateQuery({ client: doc, pageSize: 7 }, { TableName: 'documents', KeyConditionExpression: 'pk = :p AND sk BETWEEN :a AND :b', ExpressionAttributeValues: { ':p': 'page', ':a': '05', ':b': '20' } })) {
    assert.ok(page.Items.length <= 7);
    found.push(...page.Items.map((i) => i.sk));
  }
  assert.deepEqual(found, Array.from({ length: 16 }, (_, i) => String(i + 5).padStart(2, '0')));
  const index = await doc.send(new QueryCommand({ TableName: 'documents', IndexName: 'gsi1', KeyConditionExpression: 'gsi1pk = :g AND begins_with(gsi1sk, :s)', ScanIndexForward: false, ExpressionAttributeValues: { ':g': 'g1', ':s': '8' }, ReturnConsumedCapacity: 'TOTAL' }));
  assert.deepEqual(index.Items.map((i) => i.gsi1sk), ['88', '86', '84', '82', '80']);
  assert.equal(index.ConsumedCapacity.TableName, 'documents');
  let scanned = 0;
  for (const Segment of [0, 1, 2])
    for await (const page of paginateScan({ client }, { TableName: 'documents', Segment, TotalSegments: 3, FilterExpression: 'pk = :p', ExpressionAttributeValues: { ':p': { S: 'page' } } })) scanned += page.Count;
  assert.equal(scanned, 30);
});

test('transactions are whole or nothing, and say why', async () => {
  const put = (sk, more) => ({ Put: { TableName: 'documents', Item: { pk: 't', sk, v: 1 }, ...more } });

  await doc.send(new TransactWriteCommand({ ClientRequestToken: 'once', TransactItems: [put('1'), put('2')] }));
  await doc.send(new TransactWriteCommand({ ClientRequestToken: 'once', TransactItems: [put('1'), put('2')] }));
  await assert.rejects(
    doc.send(new TransactWriteCommand({ TransactItems: [put('3'), put('1', { ConditionExpression: 'attribute_not_exists(pk)' }), { Update: { TableName: 'documents', Key: { pk: 't', sk: '2' }, UpdateExpression: 'SET v = v + :one', ExpressionAttributeValues: { ':one': 1 } } }] })),
    (e) => e.name === 'TransactionCanceledException' && e.CancellationReasons.map((r) => r.Code).join() === 'None,ConditionalCheckFailed,None',
  );
  const { Responses } = await doc.send(new TransactGetCommand({ TransactItems: ['1', '2', '3'].map((sk) => ({ Get: { TableName: 'documents', Key: { pk: 't', sk } } })) }));
  assert.deepEqual(Responses.map((r) => r.Item?.v), [1, 1, undefined]);
  const batch = await doc.send(new BatchGetCommand({ RequestItems: { documents: { Keys: ['1', '2', '9'].map((sk) => ({ pk: 't', sk })), ProjectionExpression: 'sk' } } }));
  assert.deepEqual(batch.Responses.documents.map((i) => i.sk).sort(), ['1', '2']);
});

test('requests signed by aws4fetch are answered with a checksum', async () => {
  const aws = new AwsClient({ ...credentials, service: 'dynamodb', region: 'us-east-1' });
  const call = (operation, body) => aws.fetch(server.url, { method: 'POST', headers: { 'x-amz-target': `DynamoDB_20120810.${operation}`, 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(body) });
  const response = await call('PutItem', { TableName: 'documents', Item: { pk: { S: '4' }, sk: { S: 'f' } } });

  assert.equal(response.status, 200);
  assert.match(response.headers.get('x-amz-crc32'), /^\d+$/);
  const wrong = await call('GetItem', { TableName: 'nowhere', Key: { pk: { S: '4' } } });
  assert.equal(wrong.status, 400);
  assert.deepEqual(await wrong.json(), { __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException', message: 'Requested resource not found' });
});

test('electrodb: entities of a service, collections, and its conditions', async () => {
  await makeTable('electro');
  const index = (field, sk) => ({ pk: { field: 'pk', composite: ['account'] }, sk: { field: 'sk', composite: sk } });
  const Employee = new Entity({
    model: { entity: 'employee', version: '1', service: 'company' },
    attributes: { account: { type: 'string', required: true }, employee: { type: 'string', required: true }, salary: { type: 'number' }, office: { type: 'string' }, skills: { type: 'set', items: 'string' }, joined: { type: 'string', default: () => '2026-01-01' } },
    indexes: {
      records: { collection: 'records', ...index('pk', ['employee']) },
      byOffice: { index: 'gsi1', pk: { field: 'gsi1pk', composite: ['office'] }, sk: { field: 'gsi1sk', composite: ['salary'] } },
    },
  }, { client: doc, table: 'electro' });
  const Task = new Entity({
    model: { entity: 'task', version: '1', service: 'company' },
    attributes: { account: { type: 'string', required: true }, task: { type: 'string', required: true }, points: { type: 'number' }, done: { type: 'boolean', default: false } },
    indexes: { records: { collection: 'records', ...index('pk', ['task']) } },
  }, { client: doc, table: 'electro' });
  const company = new Service({ employee: Employee, task: Task });

  await Employee.put([1, 2, 3].map((n) => ({ account: 'acme', employee: `e${n}`, salary: n * 100, office: n < 3 ? 'rome' : 'oslo', skills: ['c', `s${n}`] }))).go();
  await Task.create({ account: 'acme', task: 't1', points: 3 }).go();
  await assert.rejects(Task.create({ account: 'acme', task: 't1', points: 4 }).go(), /conditional request failed/i);
  const all = (await company.collections.records({ account: 'acme' }).go()).data;
  assert.deepEqual([all.employee.length, all.task.length], [3, 1]);
  const rich = (await Employee.query.byOffice({ office: 'rome' }).gte({ salary: 150 }).go()).data;
  assert.deepEqual(rich.map((e) => e.employee), ['e2']);
  await Employee.patch({ account: 'acme', employee: 'e1' }).set({ salary: 500 }).add({ skills: ['new'] }).where(({ salary }, { eq }) => eq(salary, 100)).go();
  const e1 = (await Employee.get({ account: 'acme', employee: 'e1' }).go()).data;
  assert.deepEqual([e1.salary, [...e1.skills].sort()], [500, ['c', 'new', 's1']]);
  const busy = (await Task.scan.where(({ points, done }, { gt, eq }) => `${gt(points, 2)} AND ${eq(done, false)}`).go()).data;
  assert.deepEqual(busy.map((t) => t.task), ['t1']);
  const done = await company.transaction.write(({ employee, task }) => [task.patch({ account: 'acme', task: 't1' }).set({ done: true }).commit(), employee.delete({ account: 'acme', employee: 'e3' }).commit()]).go();
  assert.equal(done.canceled, false);
  assert.equal((await Employee.query.records({ account: 'acme' }).go()).data.length, 2);
});

test('dynamodb-onetable: models, unique attributes, batches and transactions', async () => {
  await makeTable('one');
  const schema = {
    format: 'onetable:1.1.0', version: '0.0.1',
    indexes: { primary: { hash: 'pk', sort: 'sk' }, gsi1: { hash: 'gsi1pk', sort: 'gsi1sk', follow: true } },
    models: {
      User: {
        pk: { type: String, value: 'user:${name}' }, sk: { type: String, value: 'user#' }, gsi1pk: { type: String, value: 'users' }, gsi1sk: { type: String, value: '${status}' },
        name: { type: String, required: true }, email: { type: String, unique: true }, status: { type: String, default: 'idle' }, age: { type: Number }, born: { type: Date }, tags: { type: Set }, address: { type: Object, schema: { city: { type: String } } },
      },
      Note: { pk: { type: String, value: 'note:${id}' }, sk: { type: String, value: 'note#' }, id: { type: String, required: true }, size: { type: Number } },
    },
    params: { isoDates: true, timestamps: true },
  };
  const table = new Table({ name: 'one', client, schema, partial: true });
  const User = table.getModel('User');

  await User.create({ name: 'ada', email: 'ada@example.com', age: 36, born: new Date('1815-12-10'), tags: new Set(['math']), address: { city: 'London' } });
  await assert.rejects(User.create({ name: 'bob', email: 'ada@example.com' }), /unique/i);
  const ada = await User.get({ name: 'ada' });
  assert.deepEqual([ada.age, ada.born.toISOString(), [...ada.tags], ada.address], [36, '1815-12-10T00:00:00.000Z', ['math'], { city: 'London' }]);
  await User.update({ name: 'ada', status: 'busy', address: { city: 'Paris' } }, { add: { age: 1 } });
  const busy = await User.find({ status: 'busy' }, { index: 'gsi1' });
  assert.deepEqual(busy.map((u) => [u.name, u.age, u.address.city]), [['ada', 37, 'Paris']]);
  const Note = table.getModel('Note');
  const batch = {};
  for (const [id, size] of [['x', 1], ['y', 2], ['z', 3]]) await Note.create({ id, size }, { batch });
  await table.batchWrite(batch);
  assert.deepEqual((await Note.scan({}, { where: '${size} > {1}' })).map((n) => n.id).sort(), ['y', 'z']);
  const transaction = {};
  await Note.update({ id: 'x', size: 9 }, { transaction });
  await Note.remove({ id: 'y' }, { transaction });
  await table.transact('write', transaction);
  assert.equal((await Note.get({ id: 'x' })).size, 9);
  assert.equal(await Note.get({ id: 'y' }), undefined);
});
