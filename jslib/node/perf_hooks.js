// node:perf_hooks: the global performance and its classes.

import { notImplemented } from "node/internal/errors";
import { Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver } from "performance_entries";
import { PerformanceObserverEntryList, PerformanceResourceTiming, performance } from "performance_entries";

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
