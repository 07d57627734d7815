// The error constructors that everybody sees. An error of the engine has a `stack` of the engine's form, without the headline that
// people and tools expect; these make the same errors, with Error.prototype.stack as V8 writes it. What the engine throws by itself
// (null.x) keeps the engine's form. Evaluated before the primordials, so errors of the built-ins are of these classes too.
//
// The engine collects frames when an error is made and its stackTraceLimit is a number. So there are two for each: one that
// only remembers where it was made, and the visible one, made while the limit is off, which therefore has no `stack` of its own.

const { construct, set, ownKeys, getOwnPropertyDescriptor } = Reflect;
const { defineProperty, setPrototypeOf } = Object;
const TheError = Error;
const nativeCapture = TheError.captureStackTrace;
const PLUMBING = 8; // frames of ours that may stand on top

let limit = 10; // Error.stackTraceLimit, as programs see it

function engineLimit(on) {
  // An assignment would be cached by the engine, past the hook that makes it count.
  set(TheError, "stackTraceLimit", on && typeof limit === "number" ? limit + PLUMBING : undefined);
}

class Return {
  constructor(object) {
    return object;
  }
}

let stackOf;

class Traced extends Return {
  #raw; // the error that knows where
  #text;

  constructor(error, raw) {
    super(error);
    this.#raw = raw;
  }

  static {
    stackOf = error => {
      if (!(#raw in error)) return undefined;
      if (error.#raw !== null) {
        error.#text = headline(error) + frames(error.#raw.stack);
        error.#raw = null;
      }
      return error.#text;
    };
  }
}

function headline(error) {
  try {
    const { name, message } = error;
    const head = name === undefined ? "Error" : `${name}`;
    const text = message === undefined ? "" : `${message}`;
    return head === "" ? text : text === "" ? head : `${head}: ${text}`;
  } catch {
    return "Error";
  }
}

function frames(raw) {
  if (typeof raw !== "string") return "";
  const text = N.stackFrames(raw);
  let at = -1;
  for (let n = 0; n <= limit; n++) {
    at = text.indexOf("\n", at + 1);
    if (at < 0) return text;
  }
  return text.slice(0, at);
}

function make(Native, args, target) {
  const raw = new TheError();
  engineLimit(false);
  let error;
  try {
    error = construct(Native, args, target);
  } finally {
    engineLimit(true);
  }
  new Traced(error, raw);
  if (whenMade !== null) whenMade(error);
  return error;
}

let whenMade = null;

// fn(error) is called for each error that is made from now on.
export function onErrorMade(fn) {
  whenMade = fn;
}

const hidden = value => ({ __proto__: null, value, writable: true, enumerable: false, configurable: true });

function wrap(Native, parent) {
  const Wrapped = function () {
    return make(Native, arguments, new.target === undefined || new.target === Wrapped ? Native : new.target);
  };
  for (const key of ["name", "length"]) defineProperty(Wrapped, key, getOwnPropertyDescriptor(Native, key));
  defineProperty(Wrapped, "prototype", { __proto__: null, value: Native.prototype, writable: false, enumerable: false, configurable: false });
  defineProperty(Native.prototype, "constructor", hidden(Wrapped));
  if (parent !== null) setPrototypeOf(Wrapped, parent);
  for (const key of ownKeys(Native)) {
    if (typeof getOwnPropertyDescriptor(Native, key).value === "function" && key !== "prototype") defineProperty(Wrapped, key, hidden(Native[key]));
  }
  defineProperty(globalThis, Native.name, hidden(Wrapped));
  return Wrapped;
}

const accessors = {
  get stack() {
    return (typeof this === "object" || typeof this === "function") && this !== null ? stackOf(this) : undefined;
  },
  set stack(value) {
    if ((typeof this === "object" || typeof this === "function") && this !== null) defineProperty(this, "stack", hidden(value));
  },
  get stackTraceLimit() {
    return limit;
  },
  set stackTraceLimit(value) {
    limit = value;
    engineLimit(true);
  },
};

const methods = {
  captureStackTrace(target, caller = methods.captureStackTrace) {
    const holder = { __proto__: null };
    if (typeof target !== "object" && typeof target !== "function") return nativeCapture(target); // says what is wrong
    nativeCapture(holder, typeof caller === "function" ? caller : methods.captureStackTrace);
    defineProperty(target, "stack", hidden(headline(target) + frames(holder.stack)));
  },
};

function install() {
  const Wrapped = wrap(TheError, null);
  const d = getOwnPropertyDescriptor(accessors, "stack");
  defineProperty(TheError.prototype, "stack", { __proto__: null, get: d.get, set: d.set, enumerable: false, configurable: true });
  const l = getOwnPropertyDescriptor(accessors, "stackTraceLimit");
  defineProperty(Wrapped, "stackTraceLimit", { __proto__: null, get: l.get, set: l.set, enumerable: true, configurable: true });
  defineProperty(Wrapped, "captureStackTrace", hidden(methods.captureStackTrace));
  for (const Native of [AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) wrap(Native, Wrapped);
  if (typeof SuppressedError === "function") wrap(SuppressedError, Wrapped);
  engineLimit(true);
}
install();

// What function_text.js hides.
export const errorClasses = [Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, methods.captureStackTrace];
