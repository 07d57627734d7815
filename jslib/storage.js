// ctx.storage: the asynchronous key-value interface, transactions and alarms over one object's database.
//
// The database answers at once, so every promise here is settled when it is given out; what is written in one turn is one
// commit, which object.c makes at the turn's end.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { currentEvent, crossEventError, op } from "io";
import { deserialize, serialize } from "clone";

const INTERNAL = Symbol();
const KEYS_MAX = 128;
const OLD_KEY_MAX = 2048, OLD_VALUE_MAX = 131072, OLD_VALUE_SLACK = 34; // classes without SQL
const DATE_MAX = 6942672000000; // the beginning of 2190
const LIST_PIECE = 1024;
const INT_MAX = 2147483647;

const resolved = value => P.PromiseResolve(value);

export const STORAGE = "DurableObjectStorage";
const TRANSACTION = "DurableObjectTransaction";

// ---- arguments ----

function checkOptions(options, type, method, index, expected) {
  if (options === undefined || options === null) return {};
  if (!isObject(options)) throw badArgument(type, method, index, expected);
  return options;
}

function keyOf(object, key) {
  key = `${key}`;
  if (!object.hasSql && key.length > OLD_KEY_MAX / 3) {
    const size = load("body_bytes").encodeUtf8(key).length;
    if (size > OLD_KEY_MAX) throw new P.RangeError(`Keys cannot be larger than ${OLD_KEY_MAX} bytes. A key of size ${size} was provided.`);
  }
  return key;
}

function keysOf(object, keys) {
  const list = [];
  for (let i = 0; i < keys.length; i++) P.ArrayPrototypePush(list, keyOf(object, keys[i]));
  if (list.length > KEYS_MAX) throw new P.RangeError(`Maximum number of keys is ${KEYS_MAX}.`);
  return list;
}

export function bytesOf(object, value) {
  const bytes = serialize(value);
  if (!object.hasSql && bytes.length > OLD_VALUE_MAX + OLD_VALUE_SLACK)
    throw new P.RangeError(`Values cannot be larger than ${OLD_VALUE_MAX} bytes. A value of size ${bytes.length} was provided.`);
  return bytes;
}

function limitOf(value) {
  const n = +value;
  const limit = n !== n ? 0 : P.MathTrunc(n);
  if (limit > INT_MAX || limit < -INT_MAX - 1) throw new P.TypeError(`Value out of range. Must be between ${-INT_MAX - 1} and ${INT_MAX} (inclusive).`);
  if (limit <= 0) throw new P.TypeError("List limit must be positive.");
  return limit;
}

// The first text behind all that begin with `prefix`, by bytes of UTF-8; undefined: there is none.
function behindPrefix(prefix) {
  const points = [...prefix];
  while (points.length > 0) {
    const point = P.StringPrototypeCodePointAt(points[points.length - 1], 0);
    points.length--;
    if (point < 0x10ffff) return P.ArrayPrototypeJoin(points, "") + P.StringFromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}

// The order of UTF-8: that of code units, but for surrogates, which stand behind all else.
const rank = unit => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

function compareKeys(a, b) {
  const n = P.MathMin(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = P.StringPrototypeCharCodeAt(a, i), y = P.StringPrototypeCharCodeAt(b, i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

const less = (a, b) => compareKeys(a, b) < 0;

// { start, end, reverse, limit }, or null when nothing can be in the range.
export function rangeOf(options) {
  let start = "", end;
  if (options.start !== undefined) {
    if (options.startAfter !== undefined) throw new P.TypeError("list() cannot be called with both start and startAfter values.");
    start = `${options.start}`;
  }
  if (options.startAfter !== undefined) start = `${options.startAfter}\0`;
  if (options.end !== undefined) end = `${options.end}`;
  const reverse = !!options.reverse;
  const limit = options.limit === undefined ? 0 : limitOf(options.limit);
  const prefix = options.prefix === undefined ? "" : `${options.prefix}`;
  if (prefix !== "") {
    if (less(start, prefix)) start = prefix;
    else if (!P.StringPrototypeStartsWith(start, prefix)) return null;
    const behind = behindPrefix(prefix);
    if (end === undefined) end = behind;
    else if (!less(prefix, end)) return null;
    else if (!P.StringPrototypeStartsWith(end, prefix)) end = behind;
  }
  if (end !== undefined && !less(start, end)) return null;
  return { start, end, reverse, limit };
}

function timeOf(type, value) {
  let ms;
  if (typeof value === "number") ms = value;
  else {
    try {
      ms = P.DatePrototypeGetTime(value);
    } catch {
      throw badArgument(type, "setAlarm", 1, "date");
    }
  }
  if (!P.NumberIsFinite(ms)) throw new P.TypeError("The value cannot be converted because it is not a valid Date.");
  if (ms >= DATE_MAX) throw new P.TypeError("This API doesn't support dates after 2189.");
  ms = P.MathTrunc(ms);
  if (ms <= 0) throw new P.TypeError("setAlarm() cannot be called with an alarm time <= 0");
  return ms;
}

// ---- what storage and transactions share ----

// `check(name)` throws when the transaction is over; `type` is for error texts.
function get(object, type, keys, options, count) {
  if (count === 0 || keys === undefined) throw badArgument(type, "get", 1, "string or Array");
  checkOptions(options, type, "get", 2, "GetOptions");
  if (!P.ArrayIsArray(keys)) {
    const bytes = N.kvGet(object.number, keyOf(object, keys));
    return bytes === undefined ? undefined : deserialize(bytes);
  }
  const sorted = P.ArrayPrototypeSort(keysOf(object, keys), compareKeys);
  const map = new Map();
  for (let i = 0; i < sorted.length; i++) {
    const bytes = N.kvGet(object.number, sorted[i]);
    if (bytes !== undefined) P.MapPrototypeSet(map, sorted[i], deserialize(bytes));
  }
  return map;
}

function put(object, type, key, value, options, count) {
  if (count === 0 || key === undefined) throw badArgument(type, "put", 1, "string or object");
  if (isObject(key) && !P.ArrayIsArray(key)) {
    if (value !== undefined && value !== null && !isObject(value))
      throw new P.TypeError(
        "put() may only be called with a single key-value pair and optional options as put(key, value, options) or with multiple key-value pairs and optional options as put(entries, options)",
      );
    putAll(object, key, !!value?.allowUnconfirmed);
    return;
  }
  const { allowUnconfirmed } = checkOptions(options, type, "put", 3, "PutOptions");
  if (value === undefined) throw new P.TypeError("put() called with undefined value.");
  N.kvPut(object.number, keyOf(object, key), bytesOf(object, value), !!allowUnconfirmed);
}

function putAll(object, entries, unconfirmed) {
  const names = P.ObjectKeys(entries);
  const pairs = [];
  for (let i = 0; i < names.length; i++) {
    const value = entries[names[i]];
    if (value !== undefined) P.ArrayPrototypePush(pairs, [keyOf(object, names[i]), bytesOf(object, value)]);
  }
  if (pairs.length > KEYS_MAX) throw new P.RangeError(`Maximum number of pairs is ${KEYS_MAX}.`);
  for (let i = 0; i < pairs.length; i++) N.kvPut(object.number, pairs[i][0], pairs[i][1], unconfirmed);
}

function remove(object, type, keys, options, count) {
  if (count === 0 || keys === undefined) throw badArgument(type, "delete", 1, "string or Array");
  const unconfirmed = !!checkOptions(options, type, "delete", 2, "PutOptions").allowUnconfirmed;
  if (!P.ArrayIsArray(keys)) return N.kvDelete(object.number, keyOf(object, keys), unconfirmed);
  const list = keysOf(object, keys);
  let removed = 0;
  for (let i = 0; i < list.length; i++) if (N.kvDelete(object.number, list[i], unconfirmed)) removed++;
  return removed;
}

function list(object, type, options) {
  const range = rangeOf(checkOptions(options, type, "list", 1, "ListOptions"));
  const map = new Map();
  if (range === null) return map;
  N.kvList(object.number, range.start, range.end, range.reverse, range.limit);
  object.listing++;
  for (;;) {
    const entries = N.kvNext(object.number, LIST_PIECE);
    for (let i = 0; i < entries.length; i += 2) P.MapPrototypeSet(map, entries[i], deserialize(entries[i + 1]));
    if (entries.length < 2 * LIST_PIECE) return map;
  }
}

function getAlarm(object, type, options) {
  checkOptions(options, type, "getAlarm", 1, "GetAlarmOptions");
  const ms = N.alarmGet(object.number);
  return ms < 0 || ms === object.alarmAt ? null : ms;
}

function setAlarm(object, type, time, options) {
  const ms = timeOf(type, time);
  const { allowUnconfirmed } = checkOptions(options, type, "setAlarm", 2, "SetAlarmOptions");
  if (object.instance !== null && typeof object.instance.alarm !== "function")
    throw new P.TypeError("Your Durable Object class must have an alarm() handler in order to call setAlarm()");
  if (object.depth > 0) throw new P.Error("alarms are not yet implemented for SQLite-backed Durable Objects");
  object.alarmAt = -1;
  N.alarmSet(object.number, P.MathMax(ms, P.DateNow()), !!allowUnconfirmed);
}

function deleteAlarm(object, type, options) {
  const { allowUnconfirmed } = checkOptions(options, type, "deleteAlarm", 1, "SetAlarmOptions");
  object.alarmAt = -1;
  N.alarmSet(object.number, -1, !!allowUnconfirmed);
}

// A promise of what fn() gives, or of what it throws.
function attempt(fn) {
  try {
    return resolved(fn());
  } catch (error) {
    return P.PromiseReject(error);
  }
}

function checkTurn(object) {
  if (currentEvent() !== object) throw crossEventError();
}

// ---- transactions ----

export class DurableObjectTransaction {
  #object;
  #state = 0; // 0 open, 1 rolled back, 2 committed

  constructor(internal, object) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
  }

  #check(name) {
    if (this.#state === 1) throw new P.Error(`Cannot ${name} on rolled back transaction`);
    if (this.#state === 2) throw new P.Error(`Cannot call ${name} on transaction that has already committed: did you move \`txn\` outside of the closure?`);
    checkTurn(this.#object);
    return this.#object;
  }

  get(keys, options) {
    return attempt(() => get(this.#check("get()"), TRANSACTION, keys, options, arguments.length));
  }

  put(key, value, options) {
    return attempt(() => put(this.#check("put()"), TRANSACTION, key, value, options, arguments.length));
  }

  delete(keys, options) {
    return attempt(() => remove(this.#check("delete()"), TRANSACTION, keys, options, arguments.length));
  }

  list(options) {
    return attempt(() => list(this.#check("list()"), TRANSACTION, options));
  }

  getAlarm(options) {
    return attempt(() => getAlarm(this.#check("getAlarm()"), TRANSACTION, options));
  }

  setAlarm(time, options) {
    return attempt(() => (timeOf(TRANSACTION, time), setAlarm(this.#check("setAlarm()"), TRANSACTION, time, options)));
  }

  deleteAlarm(options) {
    return attempt(() => deleteAlarm(this.#check("deleteAlarm()"), TRANSACTION, options));
  }

  deleteAll() {
    void this.#object;
    throw new P.Error("Cannot call deleteAll() within a transaction");
  }

  rollback() {
    if (this.#state === 1) return;
    const object = this.#check("rollback()");
    this.#state = 1;
    N.txnEnd(object.number, true, false);
  }

  static finish(txn, commit) {
    if (txn.#state !== 0) return;
    txn.#state = commit ? 2 : 1;
    if (!txn.#object.ended) N.txnEnd(txn.#object.number, true, commit);
  }
}
const finishTransaction = DurableObjectTransaction.finish;
delete DurableObjectTransaction.finish;
publish(DurableObjectTransaction);

// ---- the class ----

export class DurableObjectStorage {
  #object;

  constructor(internal, object) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
  }

  // From here on the storage's own object must be the one whose turn it is.
  #here() {
    checkTurn(this.#object);
    return this.#object;
  }

  get(keys, options) {
    return attempt(() => get(this.#here(), STORAGE, keys, options, arguments.length));
  }

  put(key, value, options) {
    return attempt(() => put(this.#here(), STORAGE, key, value, options, arguments.length));
  }

  delete(keys, options) {
    return attempt(() => remove(this.#here(), STORAGE, keys, options, arguments.length));
  }

  list(options) {
    return attempt(() => list(this.#here(), STORAGE, options));
  }

  deleteAll(options) {
    return attempt(() => {
      const object = this.#here();
      const { allowUnconfirmed } = checkOptions(options, STORAGE, "deleteAll", 1, "PutOptions");
      if (object.transactions > 0) throw new P.Error("Cannot call deleteAll() within a transaction");
      const alarm = load("flags").hasFlag("delete_all_deletes_alarm");
      if (alarm) object.alarmAt = -1;
      N.storageDeleteAll(object.number, alarm, !!allowUnconfirmed);
    });
  }

  getAlarm(options) {
    return attempt(() => getAlarm(this.#here(), STORAGE, options));
  }

  setAlarm(time, options) {
    return attempt(() => setAlarm(this.#here(), STORAGE, time, options));
  }

  deleteAlarm(options) {
    return attempt(() => deleteAlarm(this.#here(), STORAGE, options));
  }

  // A promise of the moment when all that was written so far is on disk.
  sync() {
    return attempt(() => {
      const object = this.#here();
      const sequence = N.objectSync(object.number);
      if (sequence === 0) return undefined;
      return new P.Promise(resolve => P.ArrayPrototypePush(object.syncs, [sequence, object.gate.running, resolve]));
    });
  }

  // Nobody else enters the object until closure(txn) has settled.
  transaction(closure) {
    return attempt(() => {
      const object = this.#here();
      if (typeof closure !== "function") throw badArgument(STORAGE, "transaction", 1, "function");
      return object.block(() => runTransaction(object, closure), false);
    });
  }

  transactionSync(closure) {
    const object = this.#here();
    if (typeof closure !== "function") throw badArgument(STORAGE, "transactionSync", 1, "function");
    if (!object.hasSql) throw new P.Error("Durable Object is not backed by SQL.");
    N.txnBegin(object.number, false);
    object.transactions++;
    let value;
    try {
      value = closure();
    } catch (error) {
      if (!object.ended) N.txnEnd(object.number, false, false);
      throw error;
    } finally {
      object.transactions--;
    }
    if (!object.ended) N.txnEnd(object.number, false, true);
    return value;
  }

  getCurrentBookmark() {
    return attempt(() => (this.#here().hasSql ? this.#past(BOOKMARK_NOW, 0, "") : NO_BOOKMARK));
  }

  getBookmarkForTime(time) {
    const at = +time;
    if (arguments.length === 0 || at !== at) return P.PromiseReject(badArgument(STORAGE, "getBookmarkForTime", 1, "Date or number"));
    return this.#past(BOOKMARK_AT, at, "");
  }

  onNextSessionRestoreBookmark(bookmark) {
    if (arguments.length === 0) return P.PromiseReject(badArgument(STORAGE, "onNextSessionRestoreBookmark", 1, "string"));
    return this.#past(BOOKMARK_RESTORE, 0, `${bookmark}`);
  }

  // Answered with the next sync of what was committed; the classes without SQL have no past.
  #past(kind, at, bookmark) {
    return attempt(() => {
      const object = this.#here();
      if (!object.hasSql) throw new P.Error(NO_RECOVERY);
      return op(kind, "wwqs", [0, 0, at, bookmark], "s", first);
    });
  }
}
publish(DurableObjectStorage);

const NO_BOOKMARK = "00000000-00000000-00000000-00000000000000000000000000000000"; // of classes without a past
const first = values => values[0];
const BOOKMARK_NOW = 100; // see objects.md
const BOOKMARK_AT = 101;
const BOOKMARK_RESTORE = 102;
const NO_RECOVERY = "This Durable Object's storage back-end does not implement point-in-time recovery.";

async function runTransaction(object, closure) {
  N.txnBegin(object.number, true);
  object.transactions++;
  const txn = new DurableObjectTransaction(INTERNAL, object);
  try {
    const value = await closure(txn);
    finishTransaction(txn, true);
    return value;
  } catch (error) {
    finishTransaction(txn, false);
    throw error;
  } finally {
    object.transactions--;
  }
}

// `sql` and `kv` are made when they are first looked at.
function lazily(storage, name, make) {
  let value;
  P.ObjectDefineProperty(storage, name, { __proto__: null, get: () => (value ??= make()), enumerable: true, configurable: true });
}

export function makeStorage(object) {
  const storage = new DurableObjectStorage(INTERNAL, object);
  lazily(storage, "sql", () => load("storage_sql").makeSqlStorage(object));
  lazily(storage, "kv", () => load("storage_kv").makeSyncKv(object));
  return storage;
}
