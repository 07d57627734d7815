// node:test: mocks; tests themselves are nothing for a worker.

import { nodeError } from "node/internal/errors";
import { validateBoolean, validateFunction, validateInteger, validateObject } from "node/internal/validators";

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
    const implementation = once ?? context.#implementation;
    if (at + 1 === context.times) context.restore();
    return implementation;
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
      record(context, { arguments: args, error, result, stack, target, this: construct === undefined ? self : result });
    }
  };
  return new Proxy(original, {
    apply: (target, self, args) => call(undefined, self, args),
    construct: (target, args, construct) => call(target, undefined, args, construct),
    get: (target, name, receiver) => (name === "mock" ? context : Reflect.get(target, name, receiver)),
  });
}

function timesOf({ times = Infinity }) {
  if (times !== Infinity) validateInteger(times, "options.times", 1);
  return times;
}

// A mock of an accessor says so in its options, where `false` contradicts the call.
function accessor(tracker, object, name, implementation, options, kind) {
  if (implementation !== null && typeof implementation === "object") {
    options = implementation;
    implementation = undefined;
  } else validateObject(options, "options");
  if (options[kind] === false) throw nodeError("ERR_INVALID_ARG_VALUE", `options.${kind}`, false, "cannot be false");
  return tracker.method(object, name, implementation, { ...options, [kind]: options[kind] ?? true });
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
    const context = new MockFunctionContext(implementation, () => use(context, original), timesOf(options));
    this.#mocks.push(context);
    return wrap(original, context);
  }

  method(object, name, implementation, options = {}) {
    if (typeof name !== "string" && typeof name !== "symbol") throw nodeError("ERR_INVALID_ARG_TYPE", "methodName", ["string", "symbol"], name);
    validateObject(object, "object", { fn: true });
    if (implementation !== null && typeof implementation === "object") {
      options = implementation;
      implementation = undefined;
    }
    if (implementation !== undefined) validateFunction(implementation, "implementation");
    validateObject(options, "options");
    const { getter = false, setter = false } = options, times = timesOf(options);
    validateBoolean(getter, "options.getter");
    validateBoolean(setter, "options.setter");
    if (getter && setter) throw nodeError("ERR_INVALID_ARG_VALUE", "options.setter", setter, "cannot be used with 'options.getter'");
    let owner = object;
    while (owner !== null && Object.getOwnPropertyDescriptor(owner, name) === undefined) owner = Object.getPrototypeOf(owner);
    const before = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, name);
    const kind = getter ? "get" : setter ? "set" : "value", original = before?.[kind];
    if (typeof original !== "function") throw nodeError("ERR_INVALID_ARG_VALUE", "methodName", original, "must be a method");
    // Restoring leaves the member on the object itself, as Node does, also where the prototype had it.
    const context = new MockFunctionContext(implementation ?? original, () => Object.defineProperty(object, name, before), times);
    const mocked = wrap(original, context);
    Object.defineProperty(object, name, { ...before, [kind]: mocked });
    this.#mocks.push(context);
    return mocked;
  }

  getter(object, name, implementation, options = {}) {
    return accessor(this, object, name, implementation, options, "getter");
  }

  setter(object, name, implementation, options = {}) {
    return accessor(this, object, name, implementation, options, "setter");
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
