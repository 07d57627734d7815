// Asynchronous context: which values of AsyncLocalStorage (and of withEnv()) the code that runs now was started with. They are
// a frame: null, or an array that never changes, [key, value, key, value, ...]. One is current; whoever keeps a function of
// the program's to call it later keeps the frame with it (bindContext).
//
// Across the program's own suspensions a script carries it that rewrite.js has rewritten; such a script calls activate() first,
// and `active` tells the built-ins that somebody can notice. The entries from C set the frame to null, io.js.

export const context = { __proto__: null, frame: null, active: false };

const { Promise: ThePromise, ReflectApply: call, PromisePrototypeThen: promiseThen } = P;

// ---- frames ----

export function valueIn(frame, key) {
  if (frame !== null) for (let i = 0; i < frame.length; i += 2) if (frame[i] === key) return frame[i + 1];
  return undefined;
}

export function hasIn(frame, key) {
  if (frame !== null) for (let i = 0; i < frame.length; i += 2) if (frame[i] === key) return true;
  return false;
}

export function withValue(frame, key, value) {
  const made = [key, value];
  if (frame === null) return made;
  let n = 2;
  for (let i = 0; i < frame.length; i += 2) {
    if (frame[i] === key) continue;
    made[n++] = frame[i];
    made[n++] = frame[i + 1];
  }
  return made;
}

// Calls fn in that frame.
export function runIn(frame, fn, self, args) {
  const before = context.frame;
  context.frame = frame;
  try {
    return call(fn, self, args);
  } finally {
    context.frame = before;
  }
}

// fn, to be called later in the frame of now. Without a script that carries frames there is but one.
export function bindContext(fn) {
  if (!context.active || typeof fn !== "function") return fn;
  const frame = context.frame;
  return function (...args) {
    return runIn(frame, fn, this, args);
  };
}

// As the engine's then, and the callbacks run in the frame of now, as those of the program's own then do.
export function thenInContext(promise, onOk, onFail) {
  if (!context.active) return promiseThen(promise, onOk, onFail);
  const frame = context.frame;
  return promiseThen(promise, inFrame(frame, onOk), inFrame(frame, onFail));
}

function inFrame(frame, fn) {
  if (typeof fn !== "function") return fn;
  return value => {
    context.frame = frame;
    return fn(value);
  };
}

// ---- rejections that nobody handles ----

const rejected = new P.WeakMap(); // promise of Promise.reject() -> frame
const made = new P.WeakMap(); // error -> frame in which it was made

// Where the reason comes from: listeners of unhandledrejection run in there.
export function frameOfRejection(promise, reason) {
  if (!context.active) return null;
  const frame = P.WeakMapPrototypeGet(rejected, promise);
  if (frame !== undefined) return frame;
  return typeof reason === "object" && reason !== null ? (P.WeakMapPrototypeGet(made, reason) ?? null) : null;
}

// ---- bodies ----

const bodies = new P.WeakMap(); // stream -> frame in which a Response was made of it: it is read in there when the response is sent

export function keepFrameOfBody(stream) {
  if (context.frame !== null) P.WeakMapPrototypeSet(bodies, stream, context.frame);
}

export function frameOfBody(stream) {
  return P.WeakMapPrototypeGet(bodies, stream) ?? null;
}

// ---- what rewritten code calls ----

function back(frame, value) {
  context.frame = frame;
  return value;
}

function first(value) {
  return value;
}

// What is awaited, returned or resolved with: a thenable of the program's is asked for its value in the frame of now, not
// in that of the job that asks.
function held(value) {
  if (typeof value !== "object" ? typeof value !== "function" : value === null) return value;
  if (value instanceof ThePromise && value.constructor === ThePromise) return value;
  return foreign(value);
}

function foreign(value) {
  let then;
  try {
    then = value.then;
  } catch (error) {
    return P.PromiseReject(error);
  }
  if (typeof then !== "function") return value;
  const frame = context.frame;
  return {
    __proto__: null,
    then(resolve, reject) {
      return runIn(frame, then, value, [result => resolve(held(result)), reject]);
    },
  };
}

function executor(fn) {
  if (typeof fn !== "function") return fn;
  return function (resolve, ...rest) {
    return call(fn, this, [value => resolve(held(value)), ...rest]);
  };
}

// ---- generators ----

// An async generator runs in the frame of whoever resumes it. When that is a call of next() (throw, return) it is a frame that
// is current now; but requests wait while the generator is suspended in an await, and then it goes on from a job, in the
// frame that it had. `resuming` is true from such a call until the generator has seen it.
let resuming = false;

function record() {
  return { __proto__: null, frame: context.frame };
}

function resumed(own) {
  if (resuming) {
    resuming = false;
    own.frame = context.frame;
  } else {
    context.frame = own.frame;
  }
}

function wrapResumption(native) {
  return function (value) {
    resuming = true;
    try {
      return arguments.length === 0 ? call(native, this, []) : call(native, this, [value]);
    } finally {
      resuming = false;
    }
  };
}

// The iterators of `for await` and of `yield*` are asked in the right frame; what they answer may be thenables.
class Iteration {
  #inner;
  #own; // of a generator that delegates
  #next;

  constructor(inner, own, sync) {
    this.#inner = inner;
    this.#own = own;
    this.sync = sync;
    this.#next = inner.next;
  }

  #ask(fn, args) {
    if (this.#own !== null) resumed(this.#own);
    const result = call(fn, this.#inner, args);
    if (!this.sync || typeof result !== "object" || result === null) return held(result);
    const done = !!result.done;
    return { value: held(result.value), done };
  }

  next(...args) {
    return this.#ask(this.#next, args);
  }

  get return() {
    const fn = this.#inner.return;
    return fn === undefined || fn === null ? undefined : (...args) => this.#ask(fn, args);
  }

  get throw() {
    const fn = this.#inner.throw;
    return fn === undefined || fn === null ? undefined : (...args) => this.#ask(fn, args);
  }
}

function iterable(value, own) {
  const open = value[P.SymbolAsyncIterator];
  if (open !== undefined && open !== null)
    return {
      __proto__: null,
      [P.SymbolAsyncIterator]() {
        return new Iteration(checked(call(open, value, [])), own, false);
      },
    };
  return {
    __proto__: null,
    [P.SymbolIterator]() {
      return new Iteration(checked(value[P.SymbolIterator]()), own, true);
    },
  };
}

function checked(iterator) {
  if ((typeof iterator !== "object" && typeof iterator !== "function") || iterator === null) throw new P.TypeError("Iterator result interface is not an object.");
  return iterator;
}

function each(value) {
  return iterable(value, null);
}

function delegate(value, own) {
  return iterable(value, own);
}

const api = { back, first, held, executor, record, resumed, each, delegate };

// ---- the program's promises ----

function patch(target, name, make) {
  const d = P.ReflectGetOwnPropertyDescriptor(target, name);
  if (d === undefined || typeof d.value !== "function") return;
  const { value } = make(d.value);
  P.ObjectDefineProperty(value, "name", { __proto__: null, value: name, configurable: true });
  P.ObjectDefineProperty(value, "length", { __proto__: null, value: d.value.length, configurable: true });
  load("function_text").hideText(value);
  P.ObjectDefineProperty(target, name, { __proto__: null, ...d, value });
}

function callback(frame, fn) {
  if (typeof fn !== "function") return fn;
  return value => {
    context.frame = frame;
    return held(fn(value));
  };
}

function patchPromises() {
  const { prototype } = ThePromise;
  patch(prototype, "then", native => ({
    value(onOk, onFail) {
      const frame = context.frame;
      return native.call(this, callback(frame, onOk), callback(frame, onFail));
    },
  }));
  patch(prototype, "finally", native => ({
    value(fn) {
      return native.call(this, typeof fn === "function" ? () => held(fn()) : fn);
    },
  }));
  patch(ThePromise, "resolve", native => ({
    value(value) {
      return native.call(this, held(value));
    },
  }));
  patch(ThePromise, "reject", native => ({
    value(reason) {
      const promise = native.call(this, reason);
      if (context.frame !== null) P.WeakMapPrototypeSet(rejected, promise, context.frame);
      return promise;
    },
  }));
  patch(ThePromise, "try", native => ({
    value(fn, ...args) {
      return native.call(this, typeof fn === "function" ? () => held(fn(...args)) : fn);
    },
  }));
  patch(ThePromise, "withResolvers", native => ({
    value() {
      const made = native.call(this);
      const { resolve } = made;
      made.resolve = value => resolve(held(value));
      return made;
    },
  }));
  patch(P.Array, "fromAsync", () => ({
    value(items, mapper = undefined, self = undefined) {
      return fromAsync(this, items, mapper, self);
    },
  }));
}

function patchGenerators() {
  const { AsyncGeneratorPrototype: prototype } = P;
  for (const name of ["next", "throw", "return"]) patch(prototype, name, native => ({ value: wrapResumption(native) }));
}

// Array.fromAsync, whose iterators and mapper are the program's.
async function fromAsync(Class, items, mapper, self) {
  const frame = context.frame;
  if (mapper !== undefined && typeof mapper !== "function") throw new P.TypeError("Array.fromAsync requires that the second argument, when provided, be a function");
  const mapped = async (value, i) => (mapper === undefined ? value : back(frame, await held(runIn(frame, mapper, self, [value, i]))));
  const isClass = typeof Class === "function" && Class !== P.Array;
  let i = 0, list;
  if (isIterable(items, P.SymbolAsyncIterator) || isIterable(items, P.SymbolIterator)) {
    list = isClass ? new Class() : [];
    for await (const value of each(items)) {
      context.frame = frame;
      define(list, i, await mapped(value, i));
      context.frame = frame;
      i++;
    }
  } else {
    const like = P.Object(items);
    const length = P.MathMin(P.MathMax(P.MathTrunc(+like.length) || 0, 0), P.NumberMAX_SAFE_INTEGER);
    list = isClass ? new Class(length) : [];
    for (; i < length; i++) {
      const value = back(frame, await held(like[i]));
      define(list, i, await mapped(value, i));
      context.frame = frame;
    }
  }
  list.length = i;
  return list;
}

function isIterable(value, symbol) {
  const open = value[symbol];
  return open !== undefined && open !== null;
}

function define(list, i, value) {
  P.ObjectDefineProperty(list, i, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

// From the first line of a rewritten script, before the program has run.
export function activate() {
  if (!context.active) {
    context.active = true;
    patchPromises();
    patchGenerators();
    load("error_classes").onErrorMade(error => {
      if (context.frame !== null) P.WeakMapPrototypeSet(made, error, context.frame);
    });
    P.ObjectAssign(context, api);
  }
  return context;
}
