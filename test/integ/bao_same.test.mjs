// The package dynamo-bao and selvage:bao do the same things, drawn at random, to a table each: what every call gives, and what lies in the
// tables at the end, are the same. selvage:bao leaves keys, values and expressions to the table where it can, and makes them itself for
// models with code of their own: both are compared.
import test from 'node:test';
import assert from 'node:assert/strict';
import { dev, project, run } from './lib/selvage.mjs';

const ENDPOINT = '/cdn-cgi/dynamodb';
const CONFIG = `name = "test"
main = "index.js"
compatibility_date = "2026-06-01"
compatibility_flags = ["nodejs_compat"]
[vars]
AWS_ACCESS_KEY_ID = "local"
AWS_SECRET_ACCESS_KEY = "local"
`;

const WORKER = `import * as theirs from "dynamo-bao";
import * as ours from "selvage:bao";

function random(seed) { // xorshift: the same for all
  let x = seed * 2654435761 >>> 0 || 1;
  return n => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x % n; };
}

// own: fields of a class of the program's, so that nothing is left to the table.
function setUp(lib, table, own) {
  const { BaoModel, PrimaryKeyConfig, IndexConfig, UniqueConstraintConfig, constants, fields: F } = lib;
  class OwnField extends F.StringFieldClass {}
  const text = options => (own ? new OwnField(options) : F.StringField(options));
  class Thing extends BaoModel {
    static modelPrefix = "t";
    static iterable = true;
    static iterationBuckets = 7;
    static fields = { id: text({ required: true }), kind: F.StringField(), owner: F.RelatedField("Thing"), size: F.IntegerField(), count: F.CounterField(), weight: F.FloatField({ defaultValue: 0 }),
      share: F.FloatField({ precision: 2, defaultValue: 0 }), done: F.BooleanField(), at: F.DateTimeField(), made: F.CreateDateField(), tags: F.StringSetField(), bytes: F.BinaryField(), email: F.StringField(), nick: F.StringField() };
    static primaryKey = PrimaryKeyConfig("id");
    static indexes = { byKind: IndexConfig("kind", "at", constants.GSI_INDEX_ID1), bySize: IndexConfig("done", "size", constants.GSI_INDEX_ID2), byWeight: IndexConfig("modelPrefix", "weight", constants.GSI_INDEX_ID3), byOwner: IndexConfig("owner", "id", constants.GSI_INDEX_ID4) };
    static uniqueConstraints = { uniqueEmail: UniqueConstraintConfig("email", constants.UNIQUE_CONSTRAINT_ID1), uniqueNick: UniqueConstraintConfig("nick", constants.UNIQUE_CONSTRAINT_ID2) };
  }
  class Step extends BaoModel {
    static modelPrefix = "s";
    static fields = { thing: text({ required: true }), n: F.IntegerField({ required: true }), note: F.StringField() };
    static primaryKey = PrimaryKeyConfig("thing", "n");
    static indexes = { byThing: this.primaryKey };
  }
  const Models = { Thing, Step };
  const { models } = lib.initModels({ models: Models, aws: { region: "us-west-2" }, db: { tableName: table } });
  return models;
}

const WORDS = ["a", "Ada", "x#y", "\\u00e9t\\u00e9", "\\ud83d\\ude00\\ud83d\\ude01", "\\u65e5\\u672c", "quote\\"\\\\", "tab\\tline\\n", "z".repeat(40)];
const word = r => WORDS[r(WORDS.length)] + r(5);
const date = r => new Date(1.5e12 + r(1e6) * 1000);
const VALUES = {
  kind: r => ["red", "green", "blue"][r(3)], owner: word, size: r => r(2000) - 1000, count: r => [r(50), "+" + r(9), "-" + r(9)][r(3)], weight: r => [r(1e6) / 7, -r(100), r(9) / 4, 0.1, 1e21, 5e-7][r(6)],
  share: r => r(1e6) / 1e4, done: r => r(2) === 1, at: r => [date(r), date(r).getTime(), date(r).toISOString()][r(3)],
  tags: r => Array.from({ length: r(4) }, () => word(r)), bytes: r => new Uint8Array([r(256), r(256), 0]), email: r => "m" + r(12) + "@example.com", nick: r => "n" + r(12),
};
function some(r, chance) {
  const values = {};
  for (const name in VALUES) if (r(10) < chance) values[name] = r(12) === 0 && !["count", "made"].includes(name) ? null : VALUES[name](r);
  return values;
}
function filter(r, depth = 0) {
  switch (r(depth > 1 ? 6 : 9)) {
    case 0: return { kind: VALUES.kind(r) };
    case 1: return { size: { [["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"][r(6)]]: VALUES.size(r) } };
    case 2: return { email: null };
    case 3: return { nick: { $exists: r(2) === 1 }, weight: { $lt: 5000 } };
    case 4: return { tags: r(2) ? { $contains: word(r) } : { $size: { $gte: r(3) } } };
    case 5: return { owner: { [["$beginsWith", "$contains"][r(2)]]: "A" }, at: { $gt: r(2) ? date(r) : date(r).getTime() } };
    case 6: return { $and: [filter(r, depth + 1), filter(r, depth + 1)] };
    case 7: return { $or: [filter(r, depth + 1), { kind: { $in: ["red", "blue"] } }] };
    default: return { $not: { size: { $gt: VALUES.size(r) } } };
  }
}
const key = r => "id" + r(12) + WORDS[r(3) + 3];
const shown = item => ({ id: item.id, kind: item.kind, owner: item.owner, size: item.size, count: item.count, weight: item.weight, share: item.share, done: item.done, at: item.at, made: item.made,
  tags: item.tags && [...item.tags].sort(), bytes: item.bytes && [...item.bytes], email: item.email, nick: item.nick });
const page = result => [result.items?.map(shown), result.count, result.lastEvaluatedKey];

const STEPS = [
  async (M, r) => shown(await M.Thing.create({ id: key(r), made: date(r), ...some(r, 5) })),
  async (M, r) => shown(await M.Thing.update(key(r), some(r, 4), r(3) ? {} : { condition: filter(r) })),
  async (M, r) => shown(await M.Thing.update(key(r), some(r, 2), { forceReindex: true })),
  async (M, r) => { const item = await M.Thing.find(key(r)); return item.exists() ? shown(item) : null; },
  async (M, r) => {
    const item = await M.Thing.find(key(r));
    if (!item.exists()) return null;
    Object.assign(item, some(r, 3));
    return shown(await item.save());
  },
  async (M, r) => shown(await M.Thing.delete(key(r), r(2) ? {} : { condition: { size: { $gt: VALUES.size(r) } } })),
  async (M, r) => page(await M.Thing.queryByIndex("byKind", VALUES.kind(r), r(2) ? { at: { [["$gt", "$lte"][r(2)]]: r(2) ? date(r) : date(r).getTime() } } : null, { direction: ["ASC", "DESC"][r(2)], limit: r(2) ? 2 : 50, filter: r(2) ? filter(r) : undefined })),
  async (M, r) => page(await M.Thing.queryByIndex("bySize", r(2) === 1, { size: { $between: [-500, r(1000)] } })),
  async (M, r) => page(await M.Thing.queryByIndex("byWeight", "t", null, { countOnly: r(3) === 0 })),
  async (M, r) => page(await M.Thing.queryByIndex("byOwner", word(r), { id: { $beginsWith: "id1" } })),
  async (M, r) => { const item = await M.Thing.findByUniqueConstraint("uniqueEmail", VALUES.email(r)); return item.exists() ? shown(item) : null; },
  async (M, r) => (await M.Step.create({ thing: key(r), n: r(30), note: word(r) })).note,
  async (M, r) => { const found = await M.Step.queryByIndex("byThing", key(r), r(2) ? { n: { $gt: r(30) } } : null, { limit: 3 }); return found.items.map(item => [item.n, item.note]); },
  async (M, r) => { const { items } = await M.Thing.batchFind([key(r), key(r), key(r)]); return Object.keys(items).sort().map(id => shown(items[id])); },
];

let sets;
export default { async fetch(request) {
  if (!request.url.includes("set=")) return new Response("ready");
  sets ??= [setUp(theirs, "theirs", false), setUp(ours, "ours", false), setUp(ours, "own", true)];
  const which = Number(new URL(request.url).searchParams.get("set")), seed = Number(new URL(request.url).searchParams.get("seed"));
  const M = which === 2 ? sets[2] : which === 1 ? (sets[1] = setUp(ours, "ours", false)) : sets[0];
  if (which === 2) setUp(ours, "own", true);
  const r = random(seed), results = [];
  for (let i = 0; i < 120; i++) {
    const step = r(STEPS.length), began = r(1 << 30), draw = random(began + 1);
    try {
      results.push([step, await STEPS[step](M, draw)]);
    } catch (error) {
      results.push([step, error.name + ": " + error.message.replace(/ours|own|theirs/g, "TABLE")]);
    }
  }
  return Response.json(results);
} };`;

async function scan(server, table) {
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.Scan', 'x-amz-date': '20260101T000000Z',
    authorization: 'AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0' };
  const response = await server.fetch(ENDPOINT, { method: 'POST', headers, body: JSON.stringify({ TableName: table }) });
  const { Items } = await response.json();
  const text = (item) => `${item._pk.S} ${item._sk.S}`;
  return Items.sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

test('random work gives the same results and the same items, whoever makes the requests', async () => {
  const dir = project({ 'wrangler.toml': CONFIG, 'index.js': WORKER });
  for (const table of ['theirs', 'ours', 'own']) assert.equal((await run(['bao', 'create-table', table], { cwd: dir })).code, 0);
  const server = await dev(dir);
  try {
    for (const seed of [1, 2, 3, 4]) {
      const answers = [];
      for (const set of [0, 1, 2]) answers.push(await (await server.fetch(`/?set=${set}&seed=${seed}`)).json());
      for (const [step, name] of [[1, 'the table'], [2, 'the library']])
        answers[0].forEach((result, i) => assert.deepEqual(answers[step][i], result, `seed ${seed}, call ${i}, by ${name}`));
      const items = await scan(server, 'theirs');
      assert.ok(items.length > 10);
      assert.deepEqual(await scan(server, 'ours'), items, `seed ${seed}: items`);
      assert.deepEqual(await scan(server, 'own'), items, `seed ${seed}: items of models with fields of their own`);
    }
  } finally {
    await server.stop();
  }
});
