// node:perf_hooks: the global clock, and classes that nothing is observed with.

import { illegalConstructor, publish } from "errors";
import { notImplemented } from "node/internal/errors";
import { performance, Performance } from "performance";

const INTERNAL = P.Symbol();

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
    return { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration };
  }
}

class PerformanceMark extends PerformanceEntry {
  #detail;

  constructor(name, options = undefined) {
    super(INTERNAL, `${name}`, "mark", options?.startTime ?? performance.now(), 0);
    this.#detail = options?.detail ?? null;
  }

  get detail() {
    return this.#detail;
  }
}

class PerformanceMeasure extends PerformanceEntry {
  #detail = null;

  get detail() {
    return this.#detail;
  }
}

class PerformanceResourceTiming extends PerformanceEntry {}

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

  getEntriesByName(name) {
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
    return [];
  }
}
for (const Class of [PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceResourceTiming, PerformanceObserver, PerformanceObserverEntryList])
  publish(Class);

const NUMBERS =
  "GC_MAJOR 4 GC_MINOR 1 GC_INCREMENTAL 8 GC_WEAKCB 16 GC_FLAGS_NO 0 GC_FLAGS_CONSTRUCT_RETAINED 2 GC_FLAGS_FORCED 4 " +
  "GC_FLAGS_SYNCHRONOUS_PHANTOM_PROCESSING 8 GC_FLAGS_ALL_AVAILABLE_GARBAGE 16 GC_FLAGS_ALL_EXTERNAL_MEMORY 32 GC_FLAGS_SCHEDULE_IDLE 64 " +
  "ENTRY_TYPE_GC 0 ENTRY_TYPE_HTTP 1 ENTRY_TYPE_HTTP2 2 ENTRY_TYPE_NET 3 ENTRY_TYPE_DNS 4 MILESTONE_TIME_ORIGIN_TIMESTAMP 0 MILESTONE_TIME_ORIGIN 1 " +
  "MILESTONE_ENVIRONMENT 2 MILESTONE_NODE_START 3 MILESTONE_V8_START 4 MILESTONE_LOOP_START 5 MILESTONE_LOOP_EXIT 6 MILESTONE_BOOTSTRAP_COMPLETE 7";
const constants = {};
const words = P.StringPrototypeSplit(NUMBERS, " ");
for (let i = 0; i < words.length; i += 2) constants[`NODE_PERFORMANCE_${words[i]}`] = +words[i + 1];
P.ObjectFreeze(constants);

const module = {
  Performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver,
  PerformanceObserverEntryList,
  PerformanceResourceTiming,
  monitorEventLoopDelay() {
    throw notImplemented("monitorEventLoopDelay");
  },
  createHistogram() {
    throw notImplemented("createHistogram");
  },
  eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
  timerify: fn => fn,
  performance,
  constants,
};
export { module as default };
