// Random requests to our table store and to dynalite, whose texts were compared with the service's: the answers agree.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { ask, dynamodb } from './lib/dynamodb.mjs';
import { freePort } from './lib/selvage.mjs';

let dynalite;
try {
  dynalite = createRequire(process.env.DYNALITE_FROM ?? import.meta.url)('dynalite');
} catch {}
const skip = dynalite ? false : 'dynalite is not installed';

const seed = Number(process.env.SLV_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const STEPS = Number(process.env.STEPS ?? 300);

function generator(state) {
  const next = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, chance: (p) => next() < p, pick: (list) => list[below(list.length)] };
}
const r = generator(seed);

const NAMES = ['aa', 'bb', 'cc', 'dd'];
const number = () => ({ N: String(r.pick([0, 1, -1, 2.5, 10, 1e3, -7, 0.125, '1e2', '007', 123456789012345])) });
const string = () => ({ S: r.pick(['a', 'ab', 'abc', 'b', 'x y', 'zz']) });
const binary = () => ({ B: Buffer.from(r.pick(['a', 'ab', 'xyz'])).toString('base64') });
const some = (list) => { const all = list.filter(() => r.chance(0.5)); return all.length ? all : [list[0]]; };
// Left out, as dynalite errs there: comparison of lists and maps, false, sizes of empty texts, two elements of one list removed.
const sets = () => r.pick([{ SS: some(['a', 'ab', 'q']) }, { NS: some(['1', '2.5', '-7']) }, { BS: some(['YQ==', 'YWI=']) }]);
const scalar = () => r.pick([number, string, binary])();
function value(depth = 2) {
  const kinds = [number, string, binary, sets, () => ({ BOOL: true }), () => ({ NULL: true })];
  if (depth) {
    kinds.push(() => ({ L: Array.from({ length: r.below(4) }, () => value(depth - 1)) }));
    kinds.push(() => ({ M: Object.fromEntries(some(['k', 'j', 'i']).map((k) => [k, value(depth - 1)])) }));
  }
  return r.pick(kinds)();
}

// Expressions, with the names and values they use.
class Expression {
  names = {};
  values = {};
  value(v) { const key = `:v${Object.keys(this.values).length}`; this.values[key] = v; return key; }
  name(n) {
    if (r.chance(0.6)) return n;
    this.names[`#${n}`] = n;
    return `#${n}`;
  }
  path() {
    let p = this.name(r.pick(NAMES));
    while (r.chance(0.3)) p += r.chance(0.5) ? `[${r.below(3)}]` : `.${this.name(r.pick(['k', 'j', 'i']))}`;
    return p;
  }
  atom() {
    const p = this.path();
    switch (r.below(8)) {
      case 0: return `${p} ${r.pick(['=', '<>', '<', '<=', '>', '>='])} ${this.value(scalar())}`;
      case 1: { const v = [number(), number()].sort((a, b) => a.N - b.N); return `${p} BETWEEN ${this.value(v[0])} AND ${this.value(v[1])}`; }
      case 2: return `${p} IN (${Array.from({ length: 1 + r.below(3) }, () => this.value(scalar())).join(', ')})`;
      case 3: return `${r.pick(['attribute_exists', 'attribute_not_exists'])}(${p})`;
      case 4: return `attribute_type(${p}, ${this.value({ S: r.pick(['S', 'N', 'B', 'SS', 'NS', 'L', 'M', 'BOOL', 'NULL']) })})`;
      case 5: return `begins_with(${p}, ${this.value(r.pick([string, binary])())})`;
      case 6: return `contains(${p}, ${this.value(scalar())})`;
      default: return `size(${p}) ${r.pick(['=', '<', '>'])} ${this.value({ N: String(r.below(4)) })}`;
    }
  }
  condition(depth = 2) {
    if (!depth || r.chance(0.4)) return this.atom();
    if (r.chance(0.2)) return `NOT ${this.atom()}`;
    const [a, b] = [this.condition(depth - 1), this.condition(depth - 1)];
    return r.chance(0.5) ? `${a} AND ${b}` : `(${a}) OR ${b}`;
  }
  operand() { return r.chance(0.4) ? this.path() : this.value(value(1)); }
  // exists: the item is there, so that a path to remove may go into it (without an item dynalite refuses it, the service does not).
  update(exists) {
    const free = NAMES.filter(() => r.chance(0.7)); // each name once, so that paths do not meet
    const sections = { SET: [], REMOVE: [], ADD: [], DELETE: [] };
    const copies = r.chance(0.5); // of attributes: dynalite would change a copy together with a part of the original
    for (const n of free) {
      let p = this.name(n);
      if (!copies && r.chance(0.6)) p += r.chance(0.5) ? `[${r.below(4)}]` : `.${this.name(r.pick(['k', 'j']))}`;
      switch (r.below(6)) {
        case 0: sections.SET.push(`${p} = ${copies ? this.operand() : this.value(value(1))}`); break;
        case 1: sections.SET.push(`${p} = ${r.chance(0.5) ? `if_not_exists(${this.path()}, ${this.value(number())})` : this.path()} ${r.pick(['+', '-'])} ${this.value(number())}`); break;
        case 2: sections.SET.push(`${p} = list_append(if_not_exists(${this.path()}, ${this.value({ L: [] })}), ${this.value({ L: [value(0)] })})`); break;
        case 3: sections.REMOVE.push(exists ? p : this.name(n)); break;
        case 4: sections.ADD.push(`${p} ${this.value(r.chance(0.6) ? number() : sets())}`); break;
        default: sections.DELETE.push(`${p} ${this.value(sets())}`);
      }
    }
    const text = Object.entries(sections).filter(([, list]) => list.length).map(([k, list]) => `${k} ${list.join(', ')}`).join(' ');
    return text || `SET ${r.pick(NAMES)} = ${this.value(value())}`;
  }
  params() {
    return { ...(Object.keys(this.names).length && { ExpressionAttributeNames: this.names }), ...(Object.keys(this.values).length && { ExpressionAttributeValues: this.values }) };
  }
}
// Now and then something is wrong with it.
function spoil(body) {
  if (!r.chance(0.08)) return body;
  const text = JSON.stringify(body);
  return r.pick([
    () => ({ ...body, ExpressionAttributeNames: { ...body.ExpressionAttributeNames, '#unused': 'x' } }),
    () => ({ ...body, ExpressionAttributeValues: { ...body.ExpressionAttributeValues, ':unused': { S: 'x' } } }),
    () => JSON.parse(text.replace(/:v0/, ':zz')),
    () => JSON.parse(text.replace(/"aa/, '"status')),
    () => JSON.parse(text.replace('contains(', 'holds(')),
    () => ({ ...body, ReturnValues: 'SOME' }),
    () => ({ ...body, Key: { pk: { S: 'a' } } }),
  ])();
}

const KEYS = ['p', 'q'].flatMap((p) => [1, 2, 3].map((s) => ({ pk: { S: p }, sk: { N: String(s) } })));
const capacity = { ReturnConsumedCapacity: 'TOTAL' };
const FORMS = [
  () => ['PutItem', { Item: { ...r.pick(KEYS), ...Object.fromEntries(NAMES.filter(() => r.chance(0.7)).map((n) => [n, value(3)])) }, ...capacity, ...(r.chance(0.5) && { ReturnValues: 'ALL_OLD' }) }],
  () => { const e = new Expression(); return ['PutItem', { Item: { ...r.pick(KEYS), aa: value() }, ConditionExpression: e.condition(), ...e.params() }]; },
  () => { const e = new Expression(); const Key = r.pick(KEYS); return ['UpdateItem', { Key, UpdateExpression: e.update(Key.pk.S === 'p'), ReturnValues: r.pick(['ALL_NEW', 'ALL_OLD', 'UPDATED_NEW', 'UPDATED_OLD', 'NONE']), ...e.params(), ...capacity }]; },
  () => { const e = new Expression(); const Key = r.pick(KEYS); return ['UpdateItem', { Key, UpdateExpression: e.update(Key.pk.S === 'p'), ConditionExpression: e.condition(), ReturnValues: 'ALL_NEW', ...e.params() }]; },
  () => { const e = new Expression(); return ['DeleteItem', { Key: r.pick(KEYS.filter((k) => k.pk.S === 'q')), ConditionExpression: e.condition(), ReturnValues: 'ALL_OLD', ...e.params(), ...capacity }]; },
  () => { const e = new Expression(); return ['GetItem', { Key: r.pick(KEYS), ProjectionExpression: NAMES.filter(() => r.chance(0.5)).map((n) => (r.chance(0.5) ? n : `${n}.k`)).concat('pk').join(', '), ...e.params(), ...capacity }]; },
  () => { const e = new Expression(); const pk = e.value({ S: r.pick(['p', 'q']) }); return ['Query', { KeyConditionExpression: `pk = ${pk}${r.chance(0.5) ? ` AND sk ${r.pick(['<', '>=', '='])} ${e.value({ N: '2' })}` : ''}`, FilterExpression: e.condition(), ScanIndexForward: r.chance(0.5), ...e.params() }]; },
  () => { const e = new Expression(); return ['Scan', { FilterExpression: e.condition(3), ...e.params() }]; },
  () => ['Scan', { ScanFilter: Object.fromEntries(some(NAMES).map((n) => [n, r.pick([{ ComparisonOperator: 'NULL' }, { ComparisonOperator: 'NOT_NULL' }, { ComparisonOperator: r.pick(['EQ', 'NE', 'LT', 'GE', 'CONTAINS', 'NOT_CONTAINS']), AttributeValueList: [scalar()] }])])) }],
  () => ['UpdateItem', { Key: r.pick(KEYS), AttributeUpdates: Object.fromEntries(some(NAMES).map((n) => [n, r.pick([{ Action: 'PUT', Value: value() }, { Action: 'ADD', Value: r.pick([number, sets])() }, { Action: 'DELETE' }, { Action: 'DELETE', Value: sets() }])])), ReturnValues: 'ALL_NEW' }],
];

// What may differ: the order of sets, of members and of a scan; where a syntax error is.
function plain(v) {
  if (Array.isArray(v)) return v.map(plain);
  if (v === null || typeof v !== 'object') return v;
  const out = {};
  for (const k of Object.keys(v).sort()) out[k] = ['SS', 'NS', 'BS'].includes(k) && Array.isArray(v[k]) ? [...v[k]].sort() : plain(v[k]);
  return out;
}
function comparable(operation, { status, body }) {
  const text = body.message ?? body.Message;
  if (text) return { status, type: body.__type, text: text.replace(/(Syntax error;).*/s, '$1').replace(/keys: \{.*/, 'keys') };
  const result = plain(body);
  if (result.Attributes && !Object.keys(result.Attributes).length) delete result.Attributes; // none, or an empty map
  if (operation === 'Scan') result.Items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { status, body: result };
}
const TABLE = { TableName: 'things', AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'N' }], KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }], BillingMode: 'PAY_PER_REQUEST' };

test('random requests are answered as dynalite answers them', { skip }, async (t) => {
  t.diagnostic(`SLV_TEST_SEED=${seed}`);
  const ours = await dynamodb();
  const port = await freePort();
  const theirs = dynalite({ createTableMs: 0 });
  await new Promise((done, fail) => theirs.listen(port, '127.0.0.1', (e) => (e ? fail(e) : done())));
  const urls = [ours.url, `http://127.0.0.1:${port}/`];
  try {
    for (const url of urls) {
      await ask(url, 'CreateTable', TABLE);
      while ((await ask(url, 'DescribeTable', { TableName: 'things' })).body.Table.TableStatus !== 'ACTIVE');
      for (const key of KEYS.filter((k) => k.pk.S === 'p')) await ask(url, 'PutItem', { TableName: 'things', Item: key });
    }
    let refused = 0;
    for (let i = 0; i < STEPS; i++) {
      const [operation, body] = r.pick(FORMS)();
      const request = spoil({ TableName: 'things', ...body });
      const [mine, other] = await Promise.all(urls.map((url) => ask(url, operation, request)));
      refused += mine.status === 400;
      assert.deepEqual(comparable(operation, mine), comparable(operation, other), `step ${i}, seed ${seed}: ${operation} ${JSON.stringify(request)}`);
    }
    t.diagnostic(`${STEPS} requests, ${refused} of them refused`);
  } finally {
    theirs.close();
    assert.deepEqual(await ours.stop(), { code: 0, signal: null });
  }
});
