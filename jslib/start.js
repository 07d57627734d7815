// Makes a worker of its start configuration: globals, env, modules, the script's exports, and what READY says of them.

import { setWorker, errorJSON } from "runtime";
import { installGlobals, removeGlobals } from "globals";
import { installClock } from "clock";
import { installFunctionText } from "function_text";
import { installWasm, compileModule } from "wasm";
import { hasFlag, setFlags } from "flags";

const EVAL_TEXT = "Code generation from strings disallowed for this context";
const HANDLERS = ["fetch", "scheduled", "queue", "email", "tail", "trace", "tailStream", "connect", "test", "alarm"];

let config;
let worker = null;
let script = null; // the function that the worker's code is
const SCRIPT_HEAD = 63; // characters of it that are not the worker's: src/js/js.h, SLV_JS_WRAP_COLUMNS
let modules; // name -> { type, blob, value }
let table = null; // project modules that the script brings: name -> function that returns a promise of the namespace

// Independent of the worker, so a zygote has done it already.
export function prepare() {
  installGlobals();
  load("disposal").installDisposal();
  installClock();
  installWasm();
  installFunctionText();
}

// ---- modules ----

function noSuchModule(name) {
  return new P.Error(`No such module "${name}".`);
}

// The value of a module that is no code.
function data(name) {
  const module = modules[name];
  if (module === undefined) throw noSuchModule(name);
  if (module.value === undefined) module.value = valueOf(module);
  return module.value;
}

function valueOf(module) {
  switch (module.type) {
    case "wasm":
      return compileModule(bytesOf(module));
    case "text":
      return N.blobText(module.blob);
    case "json":
      return P.JSONParse(N.blobText(module.blob));
    default:
      return N.blobBytes(module.blob).buffer;
  }
}

// Of a module of code for WebAssembly, which node:fs may want to read as well.
function bytesOf(module) {
  if (!hasFlag("enable_nodejs_fs_module")) return N.blobBytes(module.blob);
  return (module.bytes ??= N.blobBytes(module.blob));
}

// What node:fs shows below /bundle: [name, function that gives the bytes].
export function bundleFiles() {
  const files = [[config.main, () => N.utf8Encode(P.StringPrototypeSlice(P.FunctionPrototypeToString(script), SCRIPT_HEAD, -2))]];
  for (const name of P.ObjectKeys(modules)) P.ArrayPrototypePush(files, [name, () => fileBytes(name)]);
  return files;
}

function fileBytes(name) {
  const module = modules[name];
  if (module.type === "wasm") return bytesOf(module);
  if (module.type === "text" || module.type === "json") return N.utf8Encode(N.blobText(module.blob));
  return new P.Uint8Array(P.ArrayBufferPrototypeSlice(data(name), 0));
}

// A module of the project that is no code, by its name: { value }, or undefined.
export function projectModule(name) {
  return modules[name] === undefined ? undefined : { __proto__: null, value: data(name) };
}

const AT = "\0";

// "\0d/main.js\0../x.js": what a path means in a module.
function beside(name) {
  const end = P.StringPrototypeIndexOf(name, AT, 1);
  const parts = P.StringPrototypeSplit(P.StringPrototypeSlice(name, 1, end), "/");
  P.ArrayPrototypePop(parts);
  const steps = P.StringPrototypeSplit(P.StringPrototypeSlice(name, end + 1), "/");
  for (let i = 0; i < steps.length; i++) {
    if (steps[i] === "..") P.ArrayPrototypePop(parts);
    else if (steps[i] !== "." && steps[i] !== "") P.ArrayPrototypePush(parts, steps[i]);
  }
  return P.ArrayPrototypeJoin(parts, "/");
}

// Paths of an upload's import() count from its main module where they cannot be told apart otherwise.
function orBesideMain(name) {
  const other = beside(AT + config.main + AT + name);
  return P.ObjectHasOwn(table, other) || modules[other] !== undefined ? other : name;
}

// What the script sees as __selvage; docs/internals/channel.md, "The script".
const selvage = {
  module(name, bundled) {
    return load("modules").namespaceOf(name, bundled);
  },
  builtin(name, bundled) {
    return load("modules").requireOf(name, bundled);
  },
  data,
  require(name) {
    if (name[0] === AT) name = beside(name);
    else if (config.dynamic === true && table !== null && !P.ObjectHasOwn(table, name)) name = orBesideMain(name);
    if (table !== null && P.ObjectHasOwn(table, name)) return table[name]();
    if (modules[name] !== undefined) return data(name);
    return load("modules").namespaceOf(name);
  },
  // What goes before a path that import() makes while it runs, in a module of an upload: who asks.
  at(importer) {
    return AT + importer + AT;
  },
  table(object) {
    table = object;
  },
  // What rewritten scripts begin with: rewrite.js.
  context() {
    return load("async_context").activate();
  },
};

// ---- exports ----

function isClass(value) {
  if (typeof value !== "function") return false;
  const d = P.ReflectGetOwnPropertyDescriptor(value, "prototype");
  return d !== undefined && d.writable === false;
}

// A class of no base of ours: no entrypoint, but it may be an object's class of the older style.
const PLAIN_CLASS = "class";

function kindOfClass(value) {
  const rpc = load("rpc");
  const proto = value.prototype;
  if (proto instanceof rpc.WorkerEntrypoint) return "worker";
  if (proto instanceof rpc.DurableObject) return "durableObject";
  if (proto instanceof rpc.WorkflowEntrypoint) return "workflow";
  return PLAIN_CLASS;
}

function handlersOf(value) {
  const names = [];
  const target = isClass(value) ? value.prototype : value;
  for (let i = 0; i < HANDLERS.length; i++) if (typeof target[HANDLERS[i]] === "function") P.ArrayPrototypePush(names, HANDLERS[i]);
  return names;
}

// Entrypoints by export name; an object or a class with the handlers.
function readExports(namespace) {
  const found = { __proto__: null };
  const keys = P.ObjectKeys(namespace);
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i];
    const value = namespace[name];
    if (isClass(value)) {
      found[name] = { kind: kindOfClass(value), value };
    } else if (typeof value === "object" && value !== null) {
      found[name] = { kind: "object", value };
    }
  }
  return found;
}

function missing(handler) {
  return () => {
    throw new P.Error(`Handler does not export a ${handler}() function.`);
  };
}

// Stands in for an entrypoint that lacks handlers, so that each missing one says its name.
const lacking = { __proto__: null };
for (let i = 0; i < HANDLERS.length; i++) lacking[HANDLERS[i]] = missing(HANDLERS[i]);
lacking.scheduled = () => {
  throw new P.Error("Handler does not export a scheduled() function");
};

function checked(target, handler) {
  return typeof target[handler] === "function" ? target : lacking;
}

class Worker {
  constructor(service, env, found) {
    this.service = service;
    this.env = env;
    this.found = found;
    this.loopback = null;
  }

  // The object whose handler is to be called, with the object as `this`.
  find(entrypoint, ctx, handler = "fetch", env = this.env) {
    const entry = this.found[entrypoint === "" ? "default" : entrypoint];
    if (entry === undefined || entry.kind === PLAIN_CLASS) throw noEntrypoint(entrypoint);
    if (entry.kind === "object") return checked(entry.value, handler);
    return checked(new entry.value(ctx, env), handler);
  }

  // A receiver of RPC.
  instance(entrypoint, ctx) {
    const entry = this.found[entrypoint === "" ? "default" : entrypoint];
    if (entry === undefined || entry.kind === PLAIN_CLASS) throw noEntrypoint(entrypoint);
    return entry.kind === "object" ? entry.value : new entry.value(ctx, this.env);
  }

  // ctx.exports: a stub for each entrypoint of this worker, made when it is asked for.
  get exports() {
    if (!hasFlag("enable_ctx_exports")) return undefined;
    if (this.loopback === null) {
      const stubs = {};
      for (const name of P.ObjectKeys(this.found)) {
        const kind = this.found[name].kind;
        if (kind === "workflow") continue;
        const isClass = kind === "durableObject" || kind === PLAIN_CLASS;
        let stub;
        P.ObjectDefineProperty(stubs, name, {
          __proto__: null,
          get: () => (stub ??= isClass ? objectExport(name) : load("rpc").loopbackStub(name === "default" ? "" : name)),
          enumerable: true,
          configurable: true,
        });
      }
      this.loopback = stubs;
    }
    return this.loopback;
  }
}

// A class of objects that has storage is a namespace; any other class only a class.
function objectExport(name) {
  for (let i = 0; i < config.env.length; i++) if (config.env[i].name === "" && config.env[i].export === name) return load("object_class").loopbackNamespace(config.env[i]);
  return load("object_class").loopbackClass(name);
}

function noEntrypoint(entrypoint) {
  if (config.dynamic === true) return new P.Error(entrypoint === "" ? "Worker has no default entrypoint." : `Worker has no such entrypoint: ${entrypoint}`);
  return entrypoint === ""
    ? new P.Error("The worker has no default export.")
    : new P.Error(`The worker has no entrypoint named "${entrypoint}".`);
}

// ---- start ----

function readyJSON(worker) {
  const handlers = [];
  const entrypoints = [];
  const classes = [];
  if (worker.service) {
    const { hasGlobalListener } = load("events");
    for (let i = 0; i < HANDLERS.length; i++) if (hasGlobalListener(HANDLERS[i])) P.ArrayPrototypePush(handlers, HANDLERS[i]);
  }
  for (const name of P.ObjectKeys(worker.found)) {
    const entry = worker.found[name];
    if (entry.kind === PLAIN_CLASS) {
      P.ArrayPrototypePush(classes, name); // objects may be made of it
      continue;
    }
    const own = handlersOf(entry.value);
    if (name === "default") for (let i = 0; i < own.length; i++) P.ArrayPrototypePush(handlers, own[i]);
    P.ArrayPrototypePush(entrypoints, { __proto__: null, name, kind: entry.kind, handlers: own });
  }
  return P.JSONStringify({ __proto__: null, handlers, entrypoints, classes });
}

// eval of what is no string is refused as well, which the engine's switch lets through.
function evalOff() {
  N.evalOff(EVAL_TEXT);
  const refuse = {
    eval(x) {
      throw new P.EvalError(EVAL_TEXT);
    },
  };
  P.ObjectDefineProperty(P.globalThis, "eval", { __proto__: null, value: refuse.eval, writable: true, configurable: true, enumerable: false });
}

function fail(error) {
  N.startFailed(errorJSON(error));
}

// The script's own errors, and what it forgot.
function evaluated(namespace, env) {
  try {
    worker = new Worker(config.serviceWorker === true, env, namespace === undefined || config.serviceWorker === true ? { __proto__: null } : readExports(namespace));
    const json = readyJSON(worker);
    if (worker.service && !load("events").hasGlobalListener("fetch") && !load("events").hasGlobalListener("scheduled"))
      throw new P.Error("No event handlers were registered. This script does nothing.");
    setWorker(worker);
    if (hasFlag("allow_eval_during_startup")) evalOff();
    N.ready(json);
  } catch (error) {
    fail(error);
  }
}

export function start(json) {
  try {
    config = P.JSONParse(json);
    modules = { __proto__: null };
    for (let i = 0; i < config.modules.length; i++) {
      const { name, type, blob } = config.modules[i];
      modules[name] = { type, blob, value: undefined };
    }
    setFlags(config.flags);
    removeGlobals(hasFlag);
    if (hasFlag("nodejs_compat_v2")) load("node/globals").installNodeGlobals();
    const env = load("env").makeEnv(config.env, data);
    load("workers").setEnv(env, () => (worker === null ? {} : worker.exports));
    if (config.serviceWorker === true) load("env").envToGlobals(env);
    if (!hasFlag("allow_eval_during_startup")) evalOff();
    script = N.blobScript(config.script, config.main, config.serviceWorker !== true);
    P.PromisePrototypeThen(script(selvage), namespace => evaluated(namespace, env), fail);
  } catch (error) {
    fail(error);
  }
}

export function startConfig() {
  return config;
}
