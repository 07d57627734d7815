// EventEmitter and what node:events offers beside it.

import { inspect } from "inspect";
import { onAbort } from "abort";
import { isEventTarget } from "events";
import { arity } from "node/internal/functions";
import { AbortError, errorWithCode, nodeError } from "node/internal/errors";
import { validateAbortSignal, validateBoolean, validateFunction, validateNumber, validateObject } from "node/internal/validators";

const kCapture = Symbol("kCapture"), errorMonitor = Symbol("events.errorMonitor"), rejection = Symbol.for("nodejs.rejection");
const kFirst = Symbol.for("nodejs.first");
let defaultMaxListeners = 10;
const apply = P.ReflectApply;

function checkListener(listener) {
  validateFunction(listener, "listener");
}

export function EventEmitter(options) {
  EventEmitter.init.call(this, options);
}

EventEmitter.prototype._events = undefined;
EventEmitter.prototype._eventsCount = 0;
EventEmitter.prototype._maxListeners = undefined;

EventEmitter.init = function (options) {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = { __proto__: null };
    this._eventsCount = 0;
  }
  this._maxListeners = this._maxListeners || undefined;
  if (options?.captureRejections) {
    validateBoolean(options.captureRejections, "options.captureRejections");
    this[kCapture] = Boolean(options.captureRejections);
  } else {
    this[kCapture] = EventEmitter.prototype[kCapture];
  }
};

// ---- errors that nobody listens to ----

function throwUnhandled(emitter, args) {
  let error;
  if (args.length > 0) error = args[0];
  if (error instanceof Error) throw error;
  let text;
  try {
    text = inspect(error);
  } catch {
    text = error;
  }
  const thrown = nodeError("ERR_UNHANDLED_ERROR", text);
  thrown.context = error;
  throw thrown;
}

// A listener's promise that is rejected becomes an "error" event, where captureRejections asks for it.
function capture(emitter, result, type, args) {
  if (!emitter[kCapture]) return;
  let then;
  try {
    then = result.then;
    if (typeof then === "function") {
      then.call(result, undefined, (error) => process_().nextTick(caught, emitter, error, type, args));
    }
  } catch (error) {
    emitter.emit("error", error);
  }
}

function process_() {
  return load("node/process").default;
}

function caught(emitter, error, type, args) {
  if (typeof emitter[rejection] === "function") {
    emitter[rejection](error, type, ...args);
    return;
  }
  const before = emitter[kCapture];
  try {
    emitter[kCapture] = false;
    emitter.emit("error", error);
  } finally {
    emitter[kCapture] = before;
  }
}

// ---- the class ----

function maxOf(emitter) {
  return emitter._maxListeners === undefined ? defaultMaxListeners : emitter._maxListeners;
}

function warnOfLeak(emitter, list, type) {
  list.warned = true;
  const name = emitter.constructor?.name ?? "EventEmitter";
  const warning = new Error(
    `Possible EventEmitter memory leak detected. ${list.length} ${String(type)} listeners added to ${inspect(emitter, { depth: -1 })}. MaxListeners is ${maxOf(emitter)}. Use emitter.setMaxListeners() to increase limit`,
  );
  warning.name = "MaxListenersExceededWarning";
  warning.emitter = emitter;
  warning.type = type;
  warning.count = list.length;
  warning.constructorName = name;
  process_().emitWarning(warning);
}

function add(emitter, type, listener, first) {
  checkListener(listener);
  let events = emitter._events, existing;
  if (events === undefined) {
    events = emitter._events = { __proto__: null };
    emitter._eventsCount = 0;
  } else {
    if (events.newListener !== undefined) {
      emitter.emit("newListener", type, listener.listener ?? listener);
      events = emitter._events; // a listener may have replaced it
    }
    existing = events[type];
  }
  if (existing === undefined) {
    events[type] = listener;
    ++emitter._eventsCount;
    return emitter;
  }
  if (typeof existing === "function") existing = events[type] = first ? [listener, existing] : [existing, listener];
  else if (first) P.ArrayPrototypeUnshift(existing, listener);
  else P.ArrayPrototypePush(existing, listener);
  const most = maxOf(emitter);
  if (most > 0 && existing.length > most && !existing.warned) warnOfLeak(emitter, existing, type);
  return emitter;
}

function onceWrap(emitter, type, listener) {
  checkListener(listener);
  let fired = false;
  const wrapped = function (...args) {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(type, wrapped);
    return apply(listener, emitter, args);
  };
  wrapped.listener = listener;
  return wrapped;
}

function copyOf(list) {
  const out = [];
  for (let i = 0; i < list.length; i++) out[i] = list[i];
  return out;
}

const methods = {
  setMaxListeners(n) {
    validateNumber(n, "setMaxListeners", 0);
    this._maxListeners = n;
    return this;
  },

  getMaxListeners() {
    return maxOf(this);
  },

  emit(type, ...args) {
    const events = this._events;
    if (type === "error") {
      if (events !== undefined && events[errorMonitor] !== undefined) this.emit(errorMonitor, ...args);
      if (events === undefined || events.error === undefined) throwUnhandled(this, args);
    } else if (events === undefined) {
      return false;
    }
    const handler = events[type];
    if (handler === undefined) return false;
    if (typeof handler === "function") {
      const result = apply(handler, this, args);
      if (result !== undefined && result !== null) capture(this, result, type, args);
    } else {
      const list = copyOf(handler);
      for (let i = 0; i < list.length; i++) {
        const result = apply(list[i], this, args);
        if (result !== undefined && result !== null) capture(this, result, type, args);
      }
    }
    return true;
  },

  addListener(type, listener) {
    return add(this, type, listener, false);
  },

  prependListener(type, listener) {
    return add(this, type, listener, true);
  },

  once(type, listener) {
    this.on(type, onceWrap(this, type, listener));
    return this;
  },

  prependOnceListener(type, listener) {
    this.prependListener(type, onceWrap(this, type, listener));
    return this;
  },

  removeListener(type, listener) {
    checkListener(listener);
    const events = this._events, list = events?.[type];
    if (list === undefined) return this;
    if (list === listener || list.listener === listener) {
      this._eventsCount -= 1;
      if (this._eventsCount === 0) this._events = { __proto__: null };
      else delete events[type];
      if (events.removeListener) this.emit("removeListener", type, list.listener || listener);
    } else if (typeof list !== "function") {
      let at = -1;
      for (let i = list.length - 1; i >= 0 && at < 0; i--) if (list[i] === listener || list[i].listener === listener) at = i;
      if (at < 0) return this;
      if (at === 0) P.ArrayPrototypeShift(list);
      else P.ArrayPrototypeSplice(list, at, 1);
      if (list.length === 1) events[type] = list[0];
      if (events.removeListener !== undefined) this.emit("removeListener", type, listener);
    }
    return this;
  },

  removeAllListeners(type) {
    const events = this._events;
    if (events === undefined) return this;
    if (events.removeListener === undefined) {
      if (arguments.length === 0) {
        this._events = { __proto__: null };
        this._eventsCount = 0;
      } else if (events[type] !== undefined) {
        if (--this._eventsCount === 0) this._events = { __proto__: null };
        else delete events[type];
      }
      return this;
    }
    if (arguments.length === 0) {
      for (const key of P.ReflectOwnKeys(events)) if (key !== "removeListener") this.removeAllListeners(key);
      this.removeAllListeners("removeListener");
      this._events = { __proto__: null };
      this._eventsCount = 0;
      return this;
    }
    const list = events[type];
    if (typeof list === "function") this.removeListener(type, list);
    else if (list !== undefined) for (let i = list.length - 1; i >= 0; i--) this.removeListener(type, list[i]);
    return this;
  },

  listeners(type) {
    return listenersOf(this, type, true);
  },

  rawListeners(type) {
    return listenersOf(this, type, false);
  },

  listenerCount(type, listener) {
    const list = this._events?.[type];
    if (list === undefined) return 0;
    if (typeof list === "function") return listener === undefined || listener === list || listener === list.listener ? 1 : 0;
    if (listener === undefined) return list.length;
    let count = 0;
    for (let i = 0; i < list.length; i++) if (list[i] === listener || list[i].listener === listener) count++;
    return count;
  },

  eventNames() {
    return this._eventsCount > 0 ? P.ReflectOwnKeys(this._events) : [];
  },
};

function listenersOf(emitter, type, unwrap) {
  const list = emitter._events?.[type];
  if (list === undefined) return [];
  if (typeof list === "function") return [unwrap ? (list.listener ?? list) : list];
  const out = copyOf(list);
  if (unwrap) for (let i = 0; i < out.length; i++) out[i] = out[i].listener ?? out[i];
  return out;
}

// Own, enumerable members, as those of Node's function-style classes are.
for (const name of P.ObjectKeys(methods)) EventEmitter.prototype[name] = methods[name];
EventEmitter.prototype.on = EventEmitter.prototype.addListener;
EventEmitter.prototype.off = EventEmitter.prototype.removeListener;
P.ObjectDefineProperty(EventEmitter.prototype, kCapture, { __proto__: null, value: false, writable: true, enumerable: false });

// ---- promises and iterators ----

function onEither(target, type, listener, options) {
  if (typeof target.on === "function") {
    if (options?.once) target.once(type, listener);
    else target.on(type, listener);
  } else if (typeof target.addEventListener === "function") {
    target.addEventListener(type, listener, options);
  } else {
    throw nodeError("ERR_INVALID_ARG_TYPE", "emitter", "EventEmitter", target);
  }
}

function offEither(target, type, listener) {
  if (typeof target.removeListener === "function") target.removeListener(type, listener);
  else if (typeof target.removeEventListener === "function") target.removeEventListener(type, listener);
  else throw nodeError("ERR_INVALID_ARG_TYPE", "emitter", "EventEmitter", target);
}

export async function once(emitter, name, options = undefined) {
  if (options !== undefined) validateObject(options, "options");
  const signal = options?.signal;
  validateAbortSignal(signal, "options.signal");
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  return new Promise((resolve, reject) => {
    const fail = (error) => {
      offEither(emitter, name, done);
      signal?.removeEventListener("abort", aborted);
      reject(error);
    };
    const done = (...args) => {
      if (typeof emitter.removeListener === "function") emitter.removeListener("error", fail);
      signal?.removeEventListener("abort", aborted);
      resolve(args);
    };
    const aborted = () => {
      offEither(emitter, name, done);
      offEither(emitter, "error", fail);
      reject(new AbortError(undefined, { cause: signal.reason }));
    };
    onEither(emitter, name, done, { once: true });
    if (name !== "error" && typeof emitter.once === "function") emitter.once("error", fail);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

export function on(emitter, name, options = {}) {
  validateObject(options, "options");
  const signal = options.signal;
  validateAbortSignal(signal, "options.signal");
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  const high = options.highWaterMark ?? options.highWatermark ?? Number.MAX_SAFE_INTEGER, low = options.lowWaterMark ?? options.lowWatermark ?? 1;
  const events = [], waiting = [], listening = [];
  let failure = null, paused = false, ended = false;

  const listen = (target, type, listener) => {
    onEither(target, type, listener);
    listening.push([target, type, listener]);
  };
  const give = (...args) => {
    if (waiting.length === 0) {
      if (events.push(args) > high && !paused) {
        paused = true;
        emitter.pause?.();
      }
    } else waiting.shift().resolve({ value: args, done: false });
  };
  const fail = (error) => {
    if (waiting.length === 0) failure = error;
    else waiting.shift().reject(error);
    iterator.return();
  };
  const close = () => {
    signal?.removeEventListener("abort", aborted);
    for (const [target, type, listener] of listening) offEither(target, type, listener);
    ended = true;
    while (waiting.length > 0) waiting.shift().resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  };
  const aborted = () => fail(new AbortError(undefined, { cause: signal.reason }));

  const iterator = P.ObjectSetPrototypeOf(
    {
      next() {
        if (events.length > 0) {
          const value = events.shift();
          if (paused && events.length < low) {
            paused = false;
            emitter.resume?.();
          }
          return Promise.resolve({ value, done: false });
        }
        if (failure !== null) {
          const error = failure;
          failure = null;
          return Promise.reject(error);
        }
        if (ended) return close();
        return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
      },
      return() {
        return close();
      },
      throw(error) {
        if (!(error instanceof Error)) throw nodeError("ERR_INVALID_ARG_TYPE", "EventEmitter.AsyncIterator", "Error", error);
        fail(error);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
    P.AsyncIteratorPrototype,
  );
  listen(emitter, name, options[kFirst] ? (value) => give(value) : typeof emitter.on === "function" ? give : (event) => give(event));
  if (name !== "error" && typeof emitter.on === "function") listen(emitter, "error", fail);
  for (const type of options.close ?? []) listen(emitter, type, close);
  signal?.addEventListener("abort", aborted, { once: true });
  return iterator;
}

// ---- helpers of the module ----

export function getEventListeners(emitter, type) {
  if (typeof emitter?.listeners === "function") return emitter.listeners(type);
  if (isEventTarget(emitter)) return [];
  throw nodeError("ERR_INVALID_ARG_TYPE", "emitter", ["EventEmitter", "EventTarget"], emitter);
}

const targetLimits = new WeakMap();

export function getMaxListeners(emitter) {
  if (typeof emitter?.getMaxListeners === "function") return maxOf(emitter);
  if (isEventTarget(emitter)) return targetLimits.get(emitter) ?? defaultMaxListeners;
  throw nodeError("ERR_INVALID_ARG_TYPE", "emitter", ["EventEmitter", "EventTarget"], emitter);
}

export function setMaxListeners(n = defaultMaxListeners, ...targets) {
  validateNumber(n, "setMaxListeners", 0);
  if (targets.length === 0) {
    defaultMaxListeners = n;
    return;
  }
  for (const target of targets) {
    if (isEventTarget(target)) targetLimits.set(target, n);
    else if (typeof target.setMaxListeners === "function") target.setMaxListeners(n);
    else throw nodeError("ERR_INVALID_ARG_TYPE", "eventTargets", ["EventEmitter", "EventTarget"], target);
  }
}

export function listenerCount(emitter, type) {
  if (typeof emitter.listenerCount === "function") return emitter.listenerCount(type);
  return methods.listenerCount.call(emitter, type);
}

export function addAbortListener(signal, listener) {
  if (signal === undefined) throw nodeError("ERR_INVALID_ARG_TYPE", "signal", "AbortSignal", signal);
  validateAbortSignal(signal, "signal");
  validateFunction(listener, "listener");
  let remove = () => {};
  if (signal.aborted) queueMicrotask(() => listener());
  else remove = onAbort(signal, () => listener(new (load("events").Event)("abort")));
  return {
    __proto__: null,
    [load("disposal").DISPOSE]() {
      remove?.();
    },
  };
}

export class EventEmitterAsyncResource extends EventEmitter {
  #resource;
  constructor(options = undefined) {
    const { AsyncResource } = load("node/async_hooks").default;
    const name = typeof options === "string" ? options : (options?.name ?? new.target.name);
    super(typeof options === "string" ? undefined : options);
    this.#resource = new AsyncResource(name, typeof options === "object" ? options : undefined);
    P.ObjectDefineProperty(this.#resource, "eventEmitter", { __proto__: null, value: this, enumerable: true });
  }
  emit(event, ...args) {
    return this.#resource.runInAsyncScope(super.emit, this, event, ...args);
  }
  emitDestroy() {
    this.#resource.emitDestroy?.();
  }
  get asyncId() {
    return this.#resource.asyncId();
  }
  get triggerAsyncId() {
    return this.#resource.triggerAsyncId();
  }
  get asyncResource() {
    return this.#resource;
  }
}

arity(EventEmitter.prototype.listenerCount, 1);
arity(EventEmitterAsyncResource, 1);
P.ObjectAssign(EventEmitter, {
  EventEmitter,
  EventEmitterAsyncResource,
  addAbortListener,
  captureRejectionSymbol: rejection,
  errorMonitor,
  getEventListeners,
  getMaxListeners,
  listenerCount,
  on,
  once,
  setMaxListeners,
  usingDomains: false,
});
P.ObjectDefineProperties(EventEmitter, {
  captureRejections: {
    __proto__: null,
    get: () => EventEmitter.prototype[kCapture],
    set(value) {
      validateBoolean(value, "EventEmitter.captureRejections");
      EventEmitter.prototype[kCapture] = value;
    },
    configurable: true,
    enumerable: true,
  },
  defaultMaxListeners: {
    __proto__: null,
    get: () => defaultMaxListeners,
    set(value) {
      validateNumber(value, "defaultMaxListeners", 0);
      defaultMaxListeners = value;
    },
    configurable: true,
    enumerable: true,
  },
});

export { EventEmitter as default };
