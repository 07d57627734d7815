// node:timers/promises.

import { AbortError, nodeError } from "node/internal/errors";
import { validateAbortSignal, validateBoolean, validateNumber, validateObject } from "node/internal/validators";
import { clearImmediate, clearTimeout, setImmediate as startImmediate, setInterval as startInterval, setTimeout as startTimeout } from "timers";

function aborted(signal) {
  return new AbortError(undefined, { cause: signal.reason });
}

// The signal of checked options.
function signalOf(options) {
  validateObject(options, "options");
  const { signal, ref } = options;
  if (signal !== undefined) validateAbortSignal(signal, "options.signal");
  if (ref !== undefined) validateBoolean(ref, "options.ref");
  if (signal?.aborted) throw aborted(signal);
  return signal;
}

// start(done) begins what ends by done(), and gives what stop() takes.
function settle(signal, start, stop, value) {
  return new P.Promise((resolve, reject) => {
    let onAbort;
    const started = start(() => {
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
      resolve(value);
    });
    if (signal === undefined) return;
    onAbort = () => {
      stop(started);
      reject(aborted(signal));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

async function setTimeout(delay = undefined, value = undefined, options = {}) {
  if (delay !== undefined) validateNumber(delay, "delay");
  const signal = signalOf(options);
  return settle(signal, done => startTimeout(done, delay ?? 1), clearTimeout, value);
}

async function setImmediate(value = undefined, options = {}) {
  const signal = signalOf(options);
  return settle(signal, done => startImmediate(done), clearImmediate, value);
}

async function* setInterval(delay = undefined, value = undefined, options = {}) {
  if (delay !== undefined) validateNumber(delay, "delay");
  const signal = signalOf(options);
  let due = 0, wake = null;
  const go = () => {
    const f = wake;
    wake = null;
    f?.();
  };
  const id = startInterval(() => {
    due++;
    go();
  }, delay ?? 1);
  const onAbort = () => {
    clearTimeout(id);
    go();
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    while (!signal?.aborted) {
      if (due === 0)
        await new P.Promise(resolve => {
          wake = resolve;
        });
      for (; due > 0; due--) yield value;
    }
    throw aborted(signal);
  } finally {
    clearTimeout(id);
    signal?.removeEventListener("abort", onAbort);
  }
}

const KNOWN = P.SymbolFor("kScheduler");

class Scheduler {
  [KNOWN] = true;

  yield() {
    if (!this[KNOWN]) throw nodeError("ERR_INVALID_THIS", "Scheduler");
    return setImmediate();
  }

  wait(delay, options = undefined) {
    if (!this[KNOWN]) throw nodeError("ERR_INVALID_THIS", "Scheduler");
    return load("navigator").scheduler.wait(delay, options);
  }
}

const scheduler = new Scheduler();
const module = { setTimeout, setImmediate, setInterval, scheduler };
export { module as default };
