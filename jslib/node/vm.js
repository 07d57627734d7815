// node:vm: code from text is refused in a worker; what does not run any works.

import { Buffer } from "node/internal/buffer";
import { nodeError, notImplemented } from "node/internal/errors";
import { validateArray, validateObject, validateString } from "node/internal/validators";

const contexts = new P.WeakSet();

function isContext(object) {
  validateObject(object, "object", { array: true, fn: true });
  return P.WeakSetPrototypeHas(contexts, object);
}

function checkContext(object) {
  if (object === null || typeof object !== "object" || !P.WeakSetPrototypeHas(contexts, object)) throw nodeError("ERR_INVALID_ARG_TYPE", "contextifiedObject", "vm.Context", object);
}

class Script {
  cachedDataRejected = undefined;
  sourceMapURL = undefined;

  constructor(code, options) {
    validateString(`${code}`, "code");
    if (typeof options === "string") options = { filename: options };
    else if (options !== undefined) validateObject(options, "options");
    if (options?.filename !== undefined) validateString(options.filename, "options.filename");
  }
  createCachedData() {
    return Buffer.alloc(0);
  }
  runInThisContext(options) {
    throw notImplemented("runInThisContext");
  }
  runInContext(context, options) {
    checkContext(context);
    throw notImplemented("runInThisContext");
  }
  runInNewContext(contextObject, options) {
    return this.runInContext(createContext(contextObject ?? {}, options), options);
  }
}

const DONT_CONTEXTIFY = Symbol("vm_context_no_contextify");

function createContext(...args) {
  const object = args[0] === undefined || args[0] === DONT_CONTEXTIFY ? {} : args[0];
  validateObject(object, "contextObject", { array: true, fn: true });
  P.WeakSetPrototypeAdd(contexts, object);
  return object;
}

function createScript(code, options = undefined) {
  return new Script(code, options);
}

function runInContext(code, context, options = undefined) {
  return createScript(code, options).runInContext(context, options);
}

function runInNewContext(code, contextObject, options) {
  return createScript(code, options).runInNewContext(contextObject, options);
}

function runInThisContext(code, options = undefined) {
  return createScript(code, options).runInThisContext(options);
}

function compileFunction(code, params = undefined, options = undefined) {
  validateString(code, "code");
  if (params !== undefined) validateArray(params, "params");
  throw notImplemented("compileFunction");
}

const vm = {
  Script,
  compileFunction,
  constants: { __proto__: null, USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol("vm_dynamic_import_main_context_default"), DONT_CONTEXTIFY },
  createContext,
  createScript,
  isContext,
  measureMemory() {
    throw notImplemented("measureMemory");
  },
  runInContext,
  runInNewContext,
  runInThisContext,
};
for (const [fn, length] of [[Script, 1], [createScript, 1]]) P.ObjectDefineProperty(fn, "length", { __proto__: null, value: length, configurable: true });
export { vm as default };
