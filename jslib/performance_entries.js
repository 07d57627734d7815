// performance with marks and measures, and the classes of its entries: what workers have with nodejs_compat. Nothing is observed:
// observers are there and hear of nothing, as on the platform.

import { badArgument, badConstructorArgument, badField, illegalConstructor, illegalInvocation, isObject, publish } from "errors";
import { EventTarget } from "events";
import { now } from "performance";

const INTERNAL = Symbol();
// Entries that are kept; the oldest go. An isolate lives for many requests, each of which may leave some.
const MOST = 10000;

function wanted(type, method, args, expected = "string") {
  if (args.length === 0 || (expected === "function" && typeof args[0] !== "function")) throw badArgument(type, method, 1, expected);
}

// { startTime, detail } and { start, end, duration, detail }
function detailOf(options) {
  const { detail } = options;
  if (detail !== undefined && !isObject(detail)) throw badField("Options", "detail", "JsObject");
  return detail;
}

class PerformanceEntry {
  #name;
  #type;
  #start;
  #duration;

  constructor(internal, name, type, start, duration) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#name = name;
    this.#type = type;
    this.#start = start;
    this.#duration = duration;
  }

  get name() {
    return this.#name;
  }

  get entryType() {
    return this.#type;
  }

  get startTime() {
    return this.#start;
  }

  get duration() {
    return this.#duration;
  }

  toJSON() {
    return { name: this.#name, entryType: this.#type, startTime: this.#start, duration: this.#duration };
  }
}

function withDetail(entry, json) {
  const { detail } = entry;
  return detail === undefined ? json : { ...json, detail };
}

class PerformanceMark extends PerformanceEntry {
  #detail;

  constructor(name, options = undefined) {
    if (arguments.length === 0) throw badConstructorArgument("PerformanceMark", 1, "string");
    const given = options ?? {}, detail = detailOf(given);
    super(INTERNAL, `${name}`, "mark", given.startTime === undefined ? now() : +given.startTime, 0);
    this.#detail = detail;
  }

  get detail() {
    return this.#detail;
  }

  toJSON() {
    return withDetail(this, super.toJSON());
  }
}

class PerformanceMeasure extends PerformanceEntry {
  #detail;

  constructor(internal, name, start, duration, detail) {
    super(internal, name, "measure", start, duration);
    this.#detail = detail;
  }

  get detail() {
    return this.#detail;
  }

  toJSON() {
    return withDetail(this, super.toJSON());
  }
}

const TIMINGS =
  "connectEnd connectStart decodedBodySize domainLookupEnd domainLookupStart encodedBodySize fetchStart initiatorType nextHopProtocol redirectEnd " +
  "redirectStart requestStart responseEnd responseStart responseStatus secureConnectionStart transferSize workerStart";

// There is none: requests leave no entries.
class PerformanceResourceTiming extends PerformanceEntry {}
for (const name of P.StringPrototypeSplit(TIMINGS, " ")) {
  const get = function () {
    throw illegalInvocation();
  };
  P.ObjectDefineProperty(PerformanceResourceTiming.prototype, name, { __proto__: null, get, set: undefined, enumerable: true, configurable: true });
}

class PerformanceObserverEntryList {
  constructor(internal) {
    if (internal !== INTERNAL) throw illegalConstructor();
  }

  getEntries() {
    return [];
  }

  getEntriesByType(type) {
    return [];
  }

  getEntriesByName(name, type) {
    return [];
  }
}

class PerformanceObserver {
  constructor(callback) {}

  observe(options) {}

  disconnect() {}

  takeRecords() {
    return [];
  }

  static get supportedEntryTypes() {
    return ["measure", "mark"];
  }
}

class EventCounts {
  constructor(internal) {
    if (internal !== INTERNAL) throw illegalConstructor();
  }

  get size() {
    return 0;
  }

  get() {
    return undefined;
  }

  has() {
    return false;
  }

  forEach() {}
}

const NODE_TIMES = "nodeStart v8Start bootstrapComplete environment loopStart loopExit idleTime";
const nodeTiming = { name: "node", entryType: "node", startTime: 0, duration: 0 };
for (const name of P.StringPrototypeSplit(NODE_TIMES, " ")) nodeTiming[name] = 0;
nodeTiming.uvMetricsInfo = { loopCount: 0, events: 0, eventsWaiting: 0 };

class Performance extends EventTarget {
  #entries = [];
  #counts = new EventCounts(INTERNAL);

  constructor(internal) {
    if (internal !== INTERNAL) throw illegalConstructor();
    super();
  }

  get timeOrigin() {
    return 0;
  }

  get eventCounts() {
    return this.#counts;
  }

  get nodeTiming() {
    return { ...nodeTiming };
  }

  now() {
    if (!(#entries in this)) throw illegalInvocation();
    return now();
  }

  #keep(entry) {
    if (this.#entries.length === MOST) P.ArrayPrototypeShift(this.#entries);
    P.ArrayPrototypePush(this.#entries, entry);
    return entry;
  }

  mark(name, options = undefined) {
    if (!(#entries in this)) throw illegalInvocation();
    wanted("Performance", "mark", arguments);
    return this.#keep(new PerformanceMark(name, options));
  }

  // Of the last mark of that name; of one that is not there: undefined.
  #timeOf(name) {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i];
      if (entry.entryType === "mark" && entry.name === name) return entry.startTime;
    }
    return undefined;
  }

  #point(value) {
    if (value === undefined) return undefined;
    return typeof value === "string" ? (this.#timeOf(value) ?? +value) : +value;
  }

  measure(name, startOrOptions = undefined, endMark = undefined) {
    if (!(#entries in this)) throw illegalInvocation();
    wanted("Performance", "measure", arguments);
    let start, end, detail;
    if (isObject(startOrOptions)) {
      detail = detailOf(startOrOptions);
      const { duration } = startOrOptions;
      start = this.#point(startOrOptions.start);
      end = this.#point(startOrOptions.end);
      if (duration !== undefined && start === undefined && end !== undefined) start = end - duration;
      if (duration !== undefined && end === undefined) end = (start ?? 0) + +duration;
    } else if (startOrOptions !== undefined) {
      start = this.#timeOf(`${startOrOptions}`);
    }
    if (endMark !== undefined && end === undefined) end = this.#timeOf(`${endMark}`);
    start ??= 0;
    end ??= now();
    return this.#keep(new PerformanceMeasure(INTERNAL, `${name}`, start, end > start ? end - start : 0, detail));
  }

  getEntries() {
    if (!(#entries in this)) throw illegalInvocation();
    return P.ArrayPrototypeSlice(this.#entries);
  }

  getEntriesByType(type) {
    if (!(#entries in this)) throw illegalInvocation();
    wanted("Performance", "getEntriesByType", arguments);
    return P.ArrayPrototypeFilter(this.#entries, entry => entry.entryType === `${type}`);
  }

  getEntriesByName(name, type = undefined) {
    if (!(#entries in this)) throw illegalInvocation();
    wanted("Performance", "getEntriesByName", arguments);
    return P.ArrayPrototypeFilter(this.#entries, entry => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`));
  }

  #clear(type, name) {
    this.#entries = P.ArrayPrototypeFilter(this.#entries, entry => entry.entryType !== type || (name !== undefined && entry.name !== `${name}`));
  }

  clearMarks(name = undefined) {
    if (!(#entries in this)) throw illegalInvocation();
    this.#clear("mark", name);
  }

  clearMeasures(name = undefined) {
    if (!(#entries in this)) throw illegalInvocation();
    this.#clear("measure", name);
  }

  clearResourceTimings() {}

  setResourceTimingBufferSize(size) {}

  markResourceTiming() {}

  eventLoopUtilization() {
    return { idle: 0, active: 0, utilization: 0 };
  }

  timerify(fn) {
    wanted("Performance", "timerify", arguments, "function");
    return fn;
  }

  toJSON() {
    return { timeOrigin: 0 };
  }
}

for (const Class of [
  Performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver,
  PerformanceObserverEntryList,
  PerformanceResourceTiming,
  EventCounts,
])
  publish(Class);

export const performance = new Performance(INTERNAL);
export { EventCounts, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList, PerformanceResourceTiming };
