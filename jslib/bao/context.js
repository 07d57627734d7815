// What belongs to one run: the batch (finds that wait for each other, what was found, capacity) and the tenant. Both are values of
// the asynchronous context. The library's own functions are not rewritten as programs are: each keeps the frame that it was
// called in and puts it back after a suspension, before it looks at the context or calls code of the program's.

import { context, runIn, valueIn, withValue } from "async_context";
import { ModelManager, managers } from "bao/manager";

const BATCH = { __proto__: null };
const TENANT = { __proto__: null };

export function currentFrame() {
  return context.frame;
}

// back(frame, await x): x, in the frame of before.
export function back(frame, value) {
  context.frame = frame;
  return value;
}

// ---- batches ----

export class BatchContext {
  constructor() {
    this.pending = new Map(); // key -> Batch, see find.js
    this.cache = new Map(); // key of a model and an id -> instance
    this.read = 0;
    this.write = 0;
  }
}

export function batchContext() {
  return valueIn(context.frame, BATCH);
}

export function runWithBatchContext(fn) {
  return runIn(withValue(context.frame, BATCH, new BatchContext()), fn, undefined, []);
}

export function getBatchContextCapacity() {
  const batch = batchContext();
  return batch === undefined ? { read: 0, write: 0 } : { read: batch.read, write: batch.write };
}

export function countCapacity(batch, units, type) {
  if (batch !== undefined && typeof units === "number") batch[type] += units;
}

// ---- tenants ----

let resolvers = [];
let fallback = null; // outside of runWithTenant()

export class TenantContext {
  static setCurrentTenant(tenantId) {
    const store = valueIn(context.frame, TENANT);
    if (store !== undefined) store.tenantId = tenantId;
    else fallback = tenantId;
    return TenantContext.getInstance(tenantId);
  }

  static getCurrentTenant() {
    const store = valueIn(context.frame, TENANT);
    if (store !== undefined && store.tenantId) return store.tenantId;
    if (fallback) return fallback;
    for (let i = 0; i < resolvers.length; i++) {
      const tenantId = resolvers[i]();
      if (tenantId) return tenantId;
    }
    return null;
  }

  static addResolver(resolver) {
    if (typeof resolver !== "function") throw new Error("Resolver must be a function");
    resolvers.push(resolver);
  }

  static runWithTenant(tenantId, callback) {
    return runIn(withValue(context.frame, TENANT, { tenantId }), callback, undefined, []);
  }

  static withTenant(tenantId, operation) {
    return TenantContext.runWithTenant(tenantId, operation);
  }

  static getInstance(tenantId = null) {
    return ModelManager.getInstance(tenantId || TenantContext.getCurrentTenant());
  }

  static clearTenant() {
    const store = valueIn(context.frame, TENANT);
    if (store !== undefined) delete store.tenantId;
    fallback = null;
  }

  static clearResolvers() {
    resolvers = [];
  }

  static validateTenantRequired(config) {
    if (config.tenancy?.enabled && !TenantContext.getCurrentTenant())
      throw new Error(
        "Tenant context is required when tenancy is enabled. Use TenantContext.runWithTenant(tenantId, callback) or add tenant resolvers.",
      );
  }

  static reset() {
    resolvers = [];
    TenantContext.clearTenant();
    managers.clear();
  }
}
