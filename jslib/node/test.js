// node:test: mocks; tests themselves are nothing for a worker.

import { nodeError } from "node/internal/errors";
import { validateFunction, validateInteger, validateObject, validateString } from "node/internal/validators";

class MockFunctionContext {
  #calls = [];
  #implementation;
  #once = new Map();
  #restore;

  constructor(implementation, restore, times) {
    this.#implementation = implementation;
    this.#restore = restore;
    this.times = times;
  }
  get calls() {
    return this.#calls.slice();
  }
  callCount() {
    return this.#calls.length;
  }
  mockImplementation(implementation) {
    validateFunction(implementation, "implementation");
    this.#implementation = implementation;
  }
  mockImplementationOnce(implementation, onCall = this.#calls.length) {
    validateFunction(implementation, "implementation");
    validateInteger(onCall, "onCall", this.#calls.length);
    this.#once.set(onCall, implementation);
  }
  resetCalls() {
    this.#calls = [];
  }
  restore() {
    this.#restore?.(this);
  }

  // What is to run for the next call.
  static next(context) {
    const at = context.#calls.length, once = context.#once.get(at);
    context.#once.delete(at);
    if (once === undefined && at + 1 === context.times) queueMicrotask(() => context.restore());
    return once ?? context.#implementation;
  }
  static record(context, call) {
    context.#calls.push(call);
  }
  static use(context, implementation) {
    context.#implementation = implementation;
  }
}
const { next, record, use } = MockFunctionContext;
for (const name of ["next", "record", "use"]) delete MockFunctionContext[name];

function wrap(original, context) {
  const call = (target, self, args, construct) => {
    const implementation = next(context), stack = new Error();
    let result, error;
    try {
      result = construct === undefined ? Reflect.apply(implementation, self, args) : Reflect.construct(implementation, args, construct);
      return result;
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      record(context, { arguments: args, error, result, stack, target: construct, this: construct === undefined ? self : result });
    }
  };
  return new Proxy(original, {
    apply: (target, self, args) => call(target, self, args),
    construct: (target, args, construct) => call(target, undefined, args, construct),
    get: (target, name) => (name === "mock" ? context : Reflect.get(target, name)),
  });
}

class MockTracker {
  #mocks = [];

  fn(original = function () {}, implementation = original, options = {}) {
    if (original !== null && typeof original === "object") {
      options = original;
      implementation = original = function () {};
    } else if (implementation !== null && typeof implementation === "object") {
      options = implementation;
      implementation = original;
    }
    validateFunction(original, "original");
    validateFunction(implementation, "implementation");
    validateObject(options, "options");
    const context = new MockFunctionContext(implementation, () => use(context, original), options.times ?? Infinity);
    this.#mocks.push(context);
    return wrap(original, context);
  }

  method(object, name, implementation, options = {}) {
    validateObject(object, "object", { fn: true });
    if (typeof name !== "string" && typeof name !== "symbol") validateString(name, "methodName");
    if (implementation !== null && typeof implementation === "object") {
      options = implementation;
      implementation = undefined;
    }
    let owner = object;
    while (owner !== null && Object.getOwnPropertyDescriptor(owner, name) === undefined) owner = Object.getPrototypeOf(owner);
    const before = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, name);
    const kind = options.getter ? "get" : options.setter ? "set" : "value", original = before?.[kind];
    if (typeof original !== "function") throw nodeError("ERR_INVALID_ARG_VALUE", "methodName", original, "must be a method");
    const restore = () => (owner === object ? Object.defineProperty(object, name, before) : delete object[name]);
    const context = new MockFunctionContext(implementation ?? original, restore, options.times ?? Infinity);
    const mocked = wrap(original, context);
    this.#mocks.push(context);
    Object.defineProperty(object, name, kind === "value" ? { configurable: true, enumerable: before.enumerable, writable: before.writable, value: mocked } : { configurable: true, enumerable: before.enumerable, get: before.get, set: before.set, [kind]: mocked });
    return mocked;
  }

  getter(object, name, implementation, options = {}) {
    return this.method(object, name, implementation, { ...options, getter: true });
  }

  setter(object, name, implementation, options = {}) {
    return this.method(object, name, implementation, { ...options, setter: true });
  }

  reset() {
    this.restoreAll();
    this.#mocks = [];
  }

  restoreAll() {
    for (const context of this.#mocks) context.restore();
  }
}

const mock = new MockTracker();
const api = { MockFunctionContext, MockTracker, mock };
export { api as default };
