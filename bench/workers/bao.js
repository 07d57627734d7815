// What models cost: one find, twenty of a batch context, an item with a unique constraint. The same source on the package and on
// selvage:bao (an alias), and on the package with requests to AWS sent to a DynamoDB elsewhere (TABLES).
import { BaoModel, PrimaryKeyConfig, UniqueConstraintConfig, constants, fields, initModels, runWithBatchContext } from 'dynamo-bao';
import { DynamoDBClient, CreateTableCommand, DescribeTableCommand } from 'dynamo-bao/src/dynamodb-client.js';

class User extends BaoModel {
  static modelPrefix = 'u';
  static fields = { userId: fields.StringField({ required: true }), name: fields.StringField({ required: true }), note: fields.StringField(), createdAt: fields.CreateDateField() };
  static primaryKey = PrimaryKeyConfig('userId');
}
class Account extends BaoModel {
  static modelPrefix = 'a';
  static fields = { accountId: fields.UlidField({ autoAssign: true }), email: fields.StringField({ required: true }), createdAt: fields.CreateDateField() };
  static primaryKey = PrimaryKeyConfig('accountId');
  static uniqueConstraints = { uniqueEmail: UniqueConstraintConfig('email', constants.UNIQUE_CONSTRAINT_ID1) };
}

const COUNT = 200;
let models, serial = 0;

function init(env) {
  if (models) return;
  if (env.TABLES) {
    const real = globalThis.fetch;
    globalThis.fetch = async (request) => real(env.TABLES, { method: 'POST', headers: request.headers, body: await request.text() });
  }
  models = initModels({ models: { User, Account }, aws: { region: 'us-west-2' }, db: { tableName: 'bench' } });
}

async function seed(env) {
  const client = new DynamoDBClient({ region: 'us-west-2' });
  const key = (name) => [{ AttributeName: `${name}_pk`, KeyType: 'HASH' }, { AttributeName: `${name}_sk`, KeyType: 'RANGE' }];
  const attributes = ['', '_gsi1'].flatMap((name) => key(name).map(({ AttributeName }) => ({ AttributeName, AttributeType: 'S' })));
  await client.send(new CreateTableCommand({
    TableName: 'bench', BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: attributes, KeySchema: key(''),
    GlobalSecondaryIndexes: [{ IndexName: 'gsi1', KeySchema: key('_gsi1'), Projection: { ProjectionType: 'ALL' } }],
  })).catch((error) => { if (error.name !== 'ResourceInUseException') throw error; });
  while ((await client.send(new DescribeTableCommand({ TableName: 'bench' }))).Table.TableStatus !== 'ACTIVE') await scheduler.wait(50);
  for (let i = 0; i < COUNT; i++)
    await User.create({ userId: `user${i}`, name: `User ${i}`, note: 'x'.repeat(200) }).catch((error) => { if (error.name !== 'ConditionalError') throw error; });
}

const routes = {
  '/': () => 'ok',
  '/seed': async (env) => (await seed(env), 'ok'),
  '/find': async () => (await User.find(`user${serial++ % COUNT}`)).name,
  '/batch': () => runWithBatchContext(async () => {
    const from = serial++;
    const found = await Promise.all(Array.from({ length: 20 }, (_, i) => User.find(`user${(from + i * 7) % COUNT}`)));
    return found.map((user) => user.name).join();
  }),
  '/create': async () => (await Account.create({ email: `${crypto.randomUUID()}@example.com` })).accountId,
};

export default {
  async fetch(request, env) {
    init(env);
    const route = routes[new URL(request.url).pathname];
    return route ? new Response(await route(env)) : new Response('Not Found', { status: 404 });
  },
};
