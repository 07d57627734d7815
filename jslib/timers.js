import { bindContext, context } from "async_context";
import { DISPOSE } from "disposal";
import { DOMException, badArgument } from "errors";
import { IdTable } from "id_table";
import { requireEvent, setCurrentEvent } from "io";

// setTimeout and its kin. C keeps deadlines, JavaScript keeps functions: N.timerStart(ms, event, counted) gives an id, and C
// enters fireTimer(id) in a turn of its own when the time has come. A timer belongs to the event that made it and ends with it.

const LIMIT = 10000; // open timers of one event
const DELAY_MAX = 0x7fffffff;

const RESOLVED = P.PromiseResolve();
const timers = new IdTable(); // id -> Timer

class Timer {
  constructor(event, fn, args, delay, repeat) {
    this.event = event;
    this.fn = fn;
    this.args = args;
    this.delay = delay;
    this.repeat = repeat;
    this.counted = true;
    this.frame = context.frame;
    this.section = event.gate === null ? null : event.gate.running;
  }
}

function delayOf(value) {
  const delay = value === undefined ? 0 : +value;
  return delay > 0 ? (delay < DELAY_MAX ? P.MathTrunc(delay) : DELAY_MAX) : 0;
}

function start(name, fn, delay, args, repeat) {
  if (typeof fn !== "function") throw badArgument("ServiceWorkerGlobalScope", name, 1, "function");
  const event = requireEvent();
  if (event.timers >= LIMIT) {
    throw new DOMException(
      `You have exceeded the number of active timeouts you may set. max active timeouts: ${LIMIT}, current active timeouts: ` +
        `${event.timers}, finished timeouts: ${event.timersFinished}`,
      "QuotaExceededError",
    );
  }
  const timer = new Timer(event, fn, args, delayOf(delay), repeat);
  const id = N.timerStart(timer.delay, event.id, true);
  timers.set(id, timer);
  event.timers++;
  event.hasTimers = true;
  return id;
}

// A timer of our own: it does not keep the event from being idle, and is not counted. Returns its id for stopTimer().
export function startOwnTimer(event, delay, fn) {
  const timer = new Timer(event, fn, [], delay, false);
  timer.counted = false;
  timer.frame = null;
  event.hasTimers = true;
  const id = N.timerStart(delay, event.id, false);
  timers.set(id, timer);
  return id;
}

export function stopTimer(id) {
  const timer = timers.get(id);
  if (timer === undefined) return;
  forget(id, timer);
  N.timerStop(id);
}

function forget(id, timer) {
  timers.delete(id);
  if (!timer.counted) return;
  timer.event.timers--;
  timer.event.timersFinished++;
}

export function setTimeout(fn, delay = undefined, ...args) {
  return start("setTimeout", fn, delay, args, false);
}

export function setInterval(fn, delay = undefined, ...args) {
  return start("setInterval", fn, delay, args, true);
}

export function clearTimeout(id = undefined) {
  if (id !== undefined && id !== null) stopTimer(+id);
}

export function clearInterval(id = undefined) {
  if (id !== undefined && id !== null) stopTimer(+id);
}

// An Immediate is an object with Node's methods; it runs in a turn of its own, after the jobs that are queued now.
class Immediate {
  #id;

  static make(fn, args) {
    const immediate = new Immediate();
    immediate.#id = start("setImmediate", fn, 0, args, false);
    return immediate;
  }

  static stop(immediate) {
    if (typeof immediate === "object" && immediate !== null && #id in immediate) stopTimer(immediate.#id);
  }

  hasRef() {
    return true;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  [DISPOSE]() {
    stopTimer(this.#id);
  }
}

export function setImmediate(fn, ...args) {
  return Immediate.make(fn, args);
}

export function clearImmediate(immediate = undefined) {
  Immediate.stop(immediate);
}

export function queueMicrotask(fn) {
  if (typeof fn !== "function") throw badArgument("ServiceWorkerGlobalScope", "queueMicrotask", 1, "function");
  const run = bindContext(() => {
    try {
      fn();
    } catch (error) {
      load("events").reportException(error);
    }
  });
  P.PromisePrototypeThen(RESOLVED, () => run());
}

for (const fn of [queueMicrotask, setTimeout, setInterval, clearTimeout, clearInterval, setImmediate, clearImmediate])
  P.ObjectDefineProperty(fn, "length", { __proto__: null, value: 0, configurable: true });

// From C, in a turn of its own. `this` of the function is the global object, as for a call without receiver.
export function fireTimer(id) {
  const timer = timers.get(id);
  if (timer === undefined) return;
  const gate = timer.event.gate;
  if (gate !== null && timer.counted && !gate.admits(timer.section)) return gate.defer(timer.section, () => fireTimer(id));
  setCurrentEvent(timer.event.context);
  context.frame = timer.frame;
  if (timer.repeat) N.timerRestart(id, timer.delay, timer.event.id);
  else forget(id, timer);
  try {
    P.ReflectApply(timer.fn, P.globalThis, timer.args);
  } catch (error) {
    load("events").reportException(error);
  }
}

// An event has ended: its timers go with it.
export function dropTimersOf(event) {
  if (timers.size === 0) return;
  timers.forEach((timer, id) => {
    if (timer.event !== event) return;
    timers.delete(id);
    N.timerStop(id);
  });
  event.timers = 0;
}
