// cloudflare:workers. `modules.js` decides which of these exports user code sees.

import { addWaitUntil } from "runtime";
import { badArgument, illegalConstructor, publish } from "errors";
import { hasFlag } from "flags";
import { requireEvent } from "io";

const INTERNAL = P.Symbol();

// ---- env and exports, importable ----

let env = {}; // the worker's own, or what withEnv() put in its place
let loopback = () => ({});
let replacedExports; // by withExports()

export function setEnv(own, exportsOf) {
  env = hasFlag("disallow_importable_env") ? {} : P.ObjectAssign({}, own);
  loopback = exportsOf;
}

export function currentEnv() {
  return env;
}

export function currentExports() {
  return replacedExports ?? loopback() ?? {};
}

export function withEnvAndExports(newEnv, newExports, fn) {
  const envBefore = env, exportsBefore = replacedExports;
  env = newEnv;
  replacedExports = newExports;
  try {
    return fn();
  } finally {
    env = envBefore;
    replacedExports = exportsBefore;
  }
}

export function withEnv(newEnv, fn) {
  return withEnvAndExports(newEnv, replacedExports, fn);
}

export function withExports(newExports, fn) {
  return withEnvAndExports(env, newExports, fn);
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
