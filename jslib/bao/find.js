// Finding by id: alone, from what this run has found already, or together with the other finds of the same turn.

import { back, batchContext, countCapacity, currentFrame, TenantContext } from "bao/context";
import { NOT_MINE, TASK_BATCH, TASK_FIND, retrying, sleep } from "bao/client";
import { planOf } from "bao/plan";
import { currentEvent } from "io";
import { clearTimeout, setTimeout } from "timers";

const MAX_KEYS = 100; // of one BatchGetItem
const TRIES = 3; // for keys that were left over
const TIMEOUT_MS = 10000;
const COMPATIBLE_DELAY_MS = 5;
// Finds that are made while promises settle join those of before: the batch goes when this many jobs in a row brought none.
const QUIET_JOBS = 16;

// What find gives where nothing is.
class ObjectNotFound {
  constructor(consumedCapacity) {
    this.consumedCapacity = consumedCapacity;
  }

  exists() {
    return false;
  }

  toString() {
    return `ObjectNotFound (consumed ${this.consumedCapacity} capacity units)`;
  }

  getNumericConsumedCapacity(type) {
    return this.consumedCapacity && type === "read" ? this.consumedCapacity.CapacityUnits : 0;
  }
}

// ---- caches ----

const loaderCaches = new WeakMap(); // the program's loaderContext -> Map
const inUse = new WeakMap(); // event -> Set of such caches: a write invalidates what its own request has found

function loaderCache(loaderContext) {
  let cache = loaderCaches.get(loaderContext);
  if (cache === undefined) loaderCaches.set(loaderContext, (cache = new Map()));
  const event = currentEvent();
  if (event === null) return cache;
  const known = inUse.get(event);
  if (known === undefined) inUse.set(event, new Set([cache]));
  else known.add(cache);
  return cache;
}

function isCompatible(Model) {
  return Model._config?.compatible === true;
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

const EVERYTHING = {};

// Under which a model's ids are known to a cache: two models may have the same ones, and so may two tenants.
function scopeOf(Model) {
  return isCompatible(Model) ? EVERYTHING : Model.manager.scopeOf(Model);
}

// A cache is a Map of scopes, each with a Map of ids.
function lookUp(cache, scope, id) {
  return cache?.get(scope)?.get(id);
}

function keepIn(cache, scope, id, instance) {
  if (cache === null) return;
  const known = cache.get(scope);
  if (known === undefined) cache.set(scope, new Map([[id, instance]]));
  else known.set(id, instance);
}

// The cache that the program gives, or null.
function givenCache(Model, { loaderContext }) {
  return isObject(loaderContext) && !isCompatible(Model) ? loaderCache(loaderContext) : null;
}

// After a write: what this run has found is no longer so.
function forget(Model, id) {
  if (isCompatible(Model)) return;
  const batch = batchContext(), event = currentEvent(), scope = scopeOf(Model);
  if (batch !== undefined) batch.cache.get(scope)?.delete(id);
  if (event !== null) for (const cache of inUse.get(event) ?? []) cache.get(scope)?.delete(id);
}

// ---- batches ----

class Batch {
  constructor(Model) {
    this.Model = Model;
    this.scope = scopeOf(Model);
    this.waiting = new Map(); // id -> [{ resolve, reject, given, own }]: caches to fill, or null
    this.quiet = 0; // jobs since the last find joined
    this.late = null; // timer: it must have been answered
  }
}

// The first BatchGetItem of some ids.
async function getByIds(Model, ids, input) {
  const plan = planOf(Model);
  if (plan !== null) {
    const result = await Model.documentClient.task(TASK_BATCH, plan.head, JSON.stringify(ids));
    if (result !== NOT_MINE) return result;
  }
  return retrying(Model.documentClient, "BatchGetItem", input(ids.map(id => Model._getDyKeyForPkSk(Model._parsePrimaryId(id)))));
}

// One BatchGetItem after another; what is left over is asked for again. found(item) for each.
async function getItems(Model, ids, frame, found) {
  const capacity = [], { documentClient, table } = Model;
  for (let from = 0; from < ids.length; from += MAX_KEYS) {
    const input = keys => ({ RequestItems: { [table]: { Keys: keys } }, ReturnConsumedCapacity: "TOTAL" });
    let keys = ids.slice(from, from + MAX_KEYS);
    for (let attempt = 1; keys.length > 0 && attempt <= TRIES; attempt++) {
      const asked = attempt === 1 ? getByIds(Model, keys, input) : retrying(documentClient, "BatchGetItem", input(keys));
      const result = back(frame, await asked);
      for (const item of result.Responses?.[table] ?? []) found(item);
      if (result.ConsumedCapacity) capacity.push(...[].concat(result.ConsumedCapacity));
      keys = result.UnprocessedKeys?.[table]?.Keys ?? [];
      if (keys.length > 0) back(frame, await sleep(2 ** attempt * 100));
    }
    if (keys.length > 0) console.warn(`Failed to process ${keys.length} items after ${TRIES} retries`);
  }
  const batch = batchContext();
  for (const one of capacity) countCapacity(batch, one?.CapacityUnits || 0, "read");
  return capacity;
}

async function flush(batch, pending, key, frame) {
  pending.delete(key);
  const { Model, waiting } = batch;
  try {
    const items = new Map();
    const capacity = await getItems(Model, [...waiting.keys()], frame, item => {
      const instance = Model._createFromDyItem(item);
      items.set(instance.getPrimaryId(), instance);
    });
    let finds = 0;
    for (const list of waiting.values()) finds += list.length;
    const share = { TableName: Model.table, CapacityUnits: capacity[0]?.CapacityUnits / finds };
    for (const [id, list] of waiting) {
      const found = items.get(id);
      if (found === undefined) {
        for (const one of list) one.resolve(new ObjectNotFound(share));
        continue;
      }
      found._addConsumedCapacity(share, "read", false, true);
      for (const one of list) {
        keepIn(one.given, batch.scope, id, found);
        keepIn(one.own, batch.scope, id, found);
        one.resolve(found);
      }
    }
  } catch (error) {
    reject(batch, error);
  } finally {
    clearTimeout(batch.late);
  }
}

function reject(batch, error) {
  for (const list of batch.waiting.values()) for (const one of list) one.reject(error);
}

// At the end of the turn: when what the promises of now led to has been done.
function whenQuiet(batch, run) {
  const job = () => (++batch.quiet < QUIET_JOBS ? P.PromisePrototypeThen(SETTLED, job) : run());
  P.PromisePrototypeThen(SETTLED, job);
}
const SETTLED = P.PromiseResolve(undefined);

function join(Model, id, delay, given, own, context) {
  // Of one model and tenant, and of one delay where that was asked for.
  const key = delay === undefined ? Model.manager.scopeOf(Model) : `${Model.manager.scopeOf(Model).name}-${delay}`;
  let batch = context.pending.get(key);
  if (batch === undefined) {
    const frame = currentFrame(), made = (batch = new Batch(Model));
    context.pending.set(key, made);
    made.late = setTimeout(() => {
      context.pending.delete(key);
      reject(made, new Error("Batch request timed out"));
    }, TIMEOUT_MS);
    const run = () => {
      back(frame, undefined);
      flush(made, context.pending, key, frame);
    };
    if (delay === undefined) whenQuiet(made, run);
    else setTimeout(run, delay);
  }
  batch.quiet = 0;
  return new P.Promise((resolve, reject) => {
    const one = { resolve, reject, given, own };
    const list = batch.waiting.get(id);
    if (list === undefined) batch.waiting.set(id, [one]);
    else list.push(one);
  });
}

// ---- methods of models ----

function requireBatch(Model) {
  if (Model._config?.batchContext?.requireBatchContext)
    throw new Error(
      "Batch operations must be executed within runWithBatchContext(). Wrap your database operations in runWithBatchContext() to enable batching and caching.",
    );
}

// One GetItem.
async function findAlone(Model, id, given, own, batch) {
  const scope = given !== null || own !== null ? scopeOf(Model) : null;
  const frame = currentFrame(), plan = typeof id === "string" ? planOf(Model) : null;
  let result = plan === null ? NOT_MINE : back(frame, await Model.documentClient.task(TASK_FIND, plan.head, id));
  if (result === NOT_MINE) {
    const input = { TableName: Model.table, Key: Model._getDyKeyForPkSk(Model._parsePrimaryId(id)), ReturnConsumedCapacity: "TOTAL" };
    result = back(frame, await Model.documentClient.call("GetItem", input));
  }
  return made(Model, id, result, scope, given, own, batch);
}

// The instance that an answer of GetItem is.
function made(Model, id, result, scope, given, own, batch) {
  if (!result.Item) {
    countCapacity(batch, result.ConsumedCapacity?.CapacityUnits || 0, "read");
    return new ObjectNotFound(result.ConsumedCapacity);
  }
  const instance = Model._createFromDyItem(result.Item);
  instance._addConsumedCapacity(result.ConsumedCapacity, "read", false);
  keepIn(given, scope, id, instance);
  keepIn(own, scope, id, instance);
  return instance;
}

// What a write has read back, as find() would have found it.
function foundAfterWrite(Model, id, result) {
  const context = batchContext(), own = context === undefined ? null : context.cache;
  return made(Model, id, result, own === null ? null : scopeOf(Model), null, own, context);
}

function idOf(Model, id) {
  if (typeof id === "string") return id;
  const { pk, sk } = Model._parsePrimaryId(id);
  return Model.makePrimaryId(pk, sk);
}

function find(Model, wanted, options) {
  const context = batchContext();
  if (context === undefined) requireBatch(Model);
  const given = options.bypassCache ? null : givenCache(Model, options);
  const own = options.bypassCache || context === undefined ? null : context.cache;
  const id = idOf(Model, wanted);
  if (given !== null || own !== null) {
    const scope = scopeOf(Model), found = lookUp(given, scope, id) ?? lookUp(own, scope, id);
    if (found !== undefined) return P.PromiseResolve(found);
  }
  const delay = options.batchDelay ?? Model._config?.batchDelay ?? (isCompatible(Model) ? COMPATIBLE_DELAY_MS : undefined);
  if (context === undefined || delay === 0) return findAlone(Model, id, given, own, context);
  return join(Model, id, delay, given, own, context);
}

const findMethods = {
  _getBatchRequests() {
    const context = batchContext();
    if (context === undefined) requireBatch(this);
    return context === undefined ? null : context.pending;
  },

  isInsideBatchContext() {
    return batchContext() !== undefined;
  },

  find(primaryId, options = {}) {
    try {
      return find(this, primaryId, options ?? {});
    } catch (error) {
      return P.PromiseReject(error);
    }
  },

  // By the values of the key as the program has them: find() wants the id that they make.
  findByPrimaryKey(pk, sk = undefined, options = {}) {
    if (typeof pk === "object" && pk !== null && !(pk instanceof Date)) return this.find(pk, sk ?? options);
    const { primaryKey } = this, values = {};
    values[primaryKey.pk] = pk;
    if (sk !== undefined) values[primaryKey.sk] = sk;
    if (primaryKey.pk === "modelPrefix" && sk === undefined) values[primaryKey.sk] = pk;
    try {
      return this.find(this.getPrimaryId(values), options);
    } catch (error) {
      return P.PromiseReject(error);
    }
  },

  async batchFind(primaryIds) {
    if (!primaryIds?.length) return { items: {}, ConsumedCapacity: [] };
    const frame = currentFrame(), context = batchContext();
    if (context === undefined) requireBatch(this);
    const cache = context === undefined ? null : context.cache, scope = scopeOf(this), items = {}, wanted = new Set();
    for (const given of primaryIds) {
      const id = idOf(this, given), known = lookUp(cache, scope, id);
      if (known === undefined || !known.exists()) wanted.add(id);
      else items[id] = this._createFromDyItem(known._dyData);
    }
    if (wanted.size === 0) return { items, ConsumedCapacity: [] };
    const ConsumedCapacity = await getItems(this, [...wanted], frame, item => {
      const instance = this._createFromDyItem(item), id = instance.getPrimaryId();
      items[id] = instance;
      keepIn(cache, scope, id, instance);
    });
    back(frame, undefined);
    return { items, ConsumedCapacity };
  },
};

export { ObjectNotFound, findMethods, forget, foundAfterWrite };
