import { checkSameEvent, requireEvent, setCurrentEvent } from "io";

// setTimeout and its kin. C keeps deadlines, JavaScript keeps functions: N.timerStart(ms) gives an id, and C enters
// fireTimer(id) in a turn of its own when the time has come. A timer belongs to the event that made it and ends with it.

const LIMIT = 10000; // open timers of one event
const DELAY_MAX = 0x7fffffff;

const timers = new P.Map(); // id -> Timer

class Timer {
  constructor(event, fn, args, delay, repeat) {
    this.event = event;
    this.fn = fn;
    this.args = args;
    this.delay = delay;
    this.repeat = repeat;
  }
}

function delayOf(value) {
  const delay = value === undefined ? 0 : +value;
  return delay > 0 ? (delay < DELAY_MAX ? P.MathTrunc(delay) : delay === delay ? DELAY_MAX : 0) : 0;
}

function start(name, fn, delay, args, repeat) {
  const event = requireEvent();
  if (typeof fn !== "function")
    throw new P.TypeError(`Failed to execute '${name}' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Function'.`);
  if (event.timers >= LIMIT) throw new P.Error("You have exceeded the number of active timers you may set.");
  const timer = new Timer(event, fn, args, delayOf(delay), repeat);
  const id = N.timerStart(timer.delay);
  P.MapPrototypeSet(timers, id, timer);
  event.timers++;
  return id;
}

function stop(id) {
  const timer = P.MapPrototypeGet(timers, id);
  if (timer === undefined) return;
  checkSameEvent(timer.event);
  forget(id, timer);
  N.timerStop(id);
}

function forget(id, timer) {
  P.MapPrototypeDelete(timers, id);
  timer.event.timers--;
  timer.event.timerEnded?.();
}

export function setTimeout(fn, delay = undefined, ...args) {
  return start("setTimeout", fn, delay, args, false);
}

export function setInterval(fn, delay = undefined, ...args) {
  return start("setInterval", fn, delay, args, true);
}

export function clearTimeout(id = undefined) {
  if (id !== undefined && id !== null) stop(+id);
}

export function clearInterval(id = undefined) {
  if (id !== undefined && id !== null) stop(+id);
}

// An Immediate is an object with the platform's methods; it runs after the jobs that are queued now.
class Immediate {
  #id;

  static make(fn, args) {
    const immediate = new Immediate();
    immediate.#id = start("setImmediate", fn, 0, args, false);
    return immediate;
  }

  static stop(immediate) {
    if (typeof immediate === "object" && immediate !== null && #id in immediate) stop(immediate.#id);
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
}

export function setImmediate(fn, ...args) {
  return Immediate.make(fn, args);
}

export function clearImmediate(immediate = undefined) {
  Immediate.stop(immediate);
}

// From C, in a turn of its own. `this` of the function is the global object, as for a call without receiver.
export function fireTimer(id) {
  const timer = P.MapPrototypeGet(timers, id);
  if (timer === undefined) return;
  setCurrentEvent(timer.event);
  if (timer.repeat) N.timerRestart(id, timer.delay);
  else forget(id, timer);
  try {
    P.ReflectApply(timer.fn, P.globalThis, timer.args);
  } catch (error) {
    load("runtime").reportUncaught(error);
  }
}

// An event has ended: its timers go with it.
export function dropTimersOf(event) {
  if (event.timers === 0) return;
  P.MapPrototypeForEach(timers, (timer, id) => {
    if (timer.event !== event) return;
    P.MapPrototypeDelete(timers, id);
    N.timerStop(id);
  });
  event.timers = 0;
}

export function queueMicrotask(fn) {
  if (typeof fn !== "function")
    throw new P.TypeError("Failed to execute 'queueMicrotask' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Function'.");
  P.PromisePrototypeThen(P.PromiseResolve(), () => {
    try {
      fn();
    } catch (error) {
      load("events").reportException(error);
    }
  });
}

