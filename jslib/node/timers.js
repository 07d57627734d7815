// node:timers: the platform's timers behind Node's Timeout objects.

import { clearImmediate, clearTimeout as stop, setImmediate, setInterval as startInterval, setTimeout as startTimeout } from "timers";
import { validateFunction } from "node/internal/validators";

let isTimeout, stopTimeout;

class Timeout {
  #id;
  #fn;
  #after;
  #args;
  #repeats;
  #counts;

  constructor(fn, after = 1, args = [], repeats = false, counts = false) {
    this.#fn = fn;
    this.#after = after * 1;
    this.#args = args;
    this.#repeats = repeats;
    this.#counts = counts;
    this.#start();
  }

  #start() {
    this.#id = (this.#repeats ? startInterval : startTimeout)(this.#fn, this.#after, ...this.#args);
  }

  refresh() {
    stop(this.#id);
    this.#start();
    return this;
  }

  unref() {
    this.#counts = false;
    return this;
  }

  ref() {
    this.#counts = true;
    return this;
  }

  hasRef() {
    return this.#counts;
  }

  close() {
    stop(this.#id);
    return this;
  }

  [Symbol.dispose]() {
    stop(this.#id);
  }

  [P.SymbolToPrimitive]() {
    return this.#id;
  }

  static {
    isTimeout = value => typeof value === "object" && value !== null && #id in value;
    stopTimeout = timeout => stop(timeout.#id);
  }
}

function setTimeout(callback, delay, ...args) {
  validateFunction(callback, "callback");
  return new Timeout(callback, delay, args, false, true);
}

function setInterval(callback, repeat, ...args) {
  validateFunction(callback, "callback");
  return new Timeout(callback, repeat, args, true, true);
}

function clearTimeout(timer) {
  if (isTimeout(timer)) stopTimeout(timer);
  else if (typeof timer === "number") stop(timer);
}

function clearInterval(timer) {
  clearTimeout(timer);
}

function active(timer) {
  if (isTimeout(timer)) timer.refresh();
}

function unenroll(timer) {
  clearTimeout(timer);
}

function enroll(item, ms) {
  throw new P.Error("Not implemented. Please use setTimeout() instead.");
}

const module = {
  get promises() {
    return load("node/timers/promises").default;
  },
  setTimeout,
  clearTimeout,
  setImmediate,
  clearImmediate,
  setInterval,
  clearInterval,
  active,
  unenroll,
  enroll,
};

export { module as default, Timeout, setTimeout, clearTimeout, setImmediate, clearImmediate, setInterval, clearInterval, active, unenroll, enroll };
export const promises = load("node/timers/promises").default;

// What util.promisify() makes of it.
P.ObjectDefineProperty(setTimeout, P.SymbolFor("nodejs.util.promisify.custom"), { __proto__: null, get: () => promises.setTimeout, enumerable: false, configurable: true });
