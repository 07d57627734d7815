// cloudflare:workers. `modules.js` decides which of these exports user code sees.

import { context, hasIn, runIn, valueIn, withValue } from "async_context";
import { addWaitUntil } from "runtime";
import { badArgument, illegalConstructor, publish } from "errors";
import { hasFlag } from "flags";
import { requireEvent } from "io";

const INTERNAL = P.Symbol();

// ---- env and exports, importable ----

let env = {}; // the worker's own
let loopback = () => ({});

export function setEnv(own, exportsOf) {
  env = hasFlag("disallow_importable_env") ? {} : P.ObjectAssign({}, own);
  loopback = exportsOf;
}

// Keys of what withEnv() and withExports() set, in frames of async_context.js.
const ENV = {}, EXPORTS = {};

export function currentEnv() {
  return hasIn(context.frame, ENV) ? valueIn(context.frame, ENV) : env;
}

export function currentExports() {
  return valueIn(context.frame, EXPORTS) ?? loopback() ?? {};
}

// What a program imports is one object for ever: each use asks whose turn it is.
function reading(current) {
  return {
    __proto__: null,
    get: (_, key) => current()[key],
    has: (_, key) => P.ReflectHas(current(), key),
    ownKeys: () => P.ReflectOwnKeys(current()),
    getOwnPropertyDescriptor: (_, key) => P.ReflectGetOwnPropertyDescriptor(current(), key),
  };
}

export const liveEnv = new P.Proxy(
  {},
  {
    ...reading(currentEnv),
    set: (_, key, value) => P.ReflectSet(currentEnv(), key, value),
    deleteProperty: (_, key) => P.ReflectDeleteProperty(currentEnv(), key),
    defineProperty: (_, key, descriptor) => P.ReflectDefineProperty(currentEnv(), key, descriptor),
  },
);
export const liveExports = new P.Proxy({}, reading(currentExports));

export function withEnvAndExports(newEnv, newExports, fn) {
  return runIn(withValue(withValue(context.frame, ENV, newEnv), EXPORTS, newExports), fn, undefined, []);
}

export function withEnv(newEnv, fn) {
  return runIn(withValue(context.frame, ENV, newEnv), fn, undefined, []);
}

export function withExports(newExports, fn) {
  return runIn(withValue(context.frame, EXPORTS, newExports), fn, undefined, []);
}

// Of the event whose turn it is.
export function waitUntil(promise) {
  const event = requireEvent();
  if (arguments.length === 0) throw badArgument("EntrypointsModule", "waitUntil", 1, "Promise");
  addWaitUntil(event, promise);
}
P.ObjectDefineProperty(waitUntil, "length", { __proto__: null, value: 0, configurable: true });

export const cache = {};

// ---- tracing: spans are taken and go nowhere ----

class Span {
  constructor(internal) {
    if (internal !== INTERNAL) throw illegalConstructor();
  }

  get isTraced() {
    return false;
  }

  setAttribute(key, value) {}
}
publish(Span);

class Tracing {
  constructor(internal) {
    if (internal !== INTERNAL) throw illegalConstructor();
  }

  get Span() {
    return Span;
  }

  enterSpan(name, callback, ...args) {
    if (typeof callback !== "function") throw badArgument("Tracing", "enterSpan", 2, "function");
    return callback(new Span(INTERNAL), ...args);
  }
}
publish(Tracing);

export const tracing = new Tracing(INTERNAL);
