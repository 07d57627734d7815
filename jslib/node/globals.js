// What the second stage of Node compatibility puts on globalThis.

import { hasFlag } from "flags";

function lazily(name, make, enumerable = false) {
  const settle = (value) => {
    P.ObjectDefineProperty(P.globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable });
    return value;
  };
  P.ObjectDefineProperty(P.globalThis, name, { __proto__: null, get: () => settle(make()), set: settle, configurable: true, enumerable });
}

const PERFORMANCE = [
  "EventCounts",
  "Performance",
  "PerformanceEntry",
  "PerformanceMark",
  "PerformanceMeasure",
  "PerformanceObserver",
  "PerformanceObserverEntryList",
  "PerformanceResourceTiming",
];

export function installNodeGlobals() {
  P.ObjectDefineProperty(P.globalThis, "global", { __proto__: null, value: P.globalThis, writable: true, configurable: true, enumerable: false });
  lazily("Buffer", () => load("node/internal/buffer").Buffer);
  lazily("process", () => load("node/process").default);
  lazily("performance", () => load("performance_entries").performance, true);
  for (let i = 0; i < PERFORMANCE.length; i++) lazily(PERFORMANCE[i], () => load("performance_entries")[PERFORMANCE[i]]);
  if (hasFlag("enable_nodejs_global_timers"))
    for (const name of ["setTimeout", "setInterval", "clearTimeout", "clearInterval"]) lazily(name, () => load("node/timers")[name]);
}
