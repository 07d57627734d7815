// The names on globalThis. A module is evaluated when the first of its globals is touched: its class bodies are what
// starting an isolate would otherwise cost.

// Global name, module, export, compatibility flag without which it is absent ("" for none).
const rows = [
  ["URLSearchParams", "url", "URLSearchParams", ""],
  ["URL", "url", "URL", ""],
  ["AbortController", "abort", "AbortController", ""],
  ["AbortSignal", "abort", "AbortSignal", ""],
  ["addEventListener", "events", "addEventListener", ""],
  ["clearImmediate", "timers", "clearImmediate", ""],
  ["clearInterval", "timers", "clearInterval", ""],
  ["clearTimeout", "timers", "clearTimeout", ""],
  ["CloseEvent", "events", "CloseEvent", ""],
  ["CustomEvent", "events", "CustomEvent", ""],
  ["dispatchEvent", "events", "dispatchEvent", ""],
  ["DOMException", "errors", "DOMException", ""],
  ["ErrorEvent", "events", "ErrorEvent", ""],
  ["Event", "events", "Event", ""],
  ["EventTarget", "events", "EventTarget", ""],
  ["ExtendableEvent", "events", "ExtendableEvent", ""],
  ["FetchEvent", "events", "FetchEvent", ""],
  ["MessageEvent", "events", "MessageEvent", ""],
  ["PromiseRejectionEvent", "events", "PromiseRejectionEvent", ""],
  ["queueMicrotask", "timers", "queueMicrotask", ""],
  ["removeEventListener", "events", "removeEventListener", ""],
  ["reportError", "events", "reportError", ""],
  ["ScheduledEvent", "events", "ScheduledEvent", ""],
  ["setImmediate", "timers", "setImmediate", ""],
  ["setInterval", "timers", "setInterval", ""],
  ["setTimeout", "timers", "setTimeout", ""],
  ["structuredClone", "clone", "structuredClone", ""],
  ["TailEvent", "events", "TailEvent", ""],
  ["TraceEvent", "events", "TraceEvent", ""],
];

// Functions and objects that the platform shows as enumerable own properties of the global scope.
const enumerable = { __proto__: null };

// Defines the globals; hasFlag(name) says whether a compatibility flag is on.
export function installGlobals(hasFlag) {
  const { globalThis: target, ReflectDefineProperty: define } = P;
  for (let i = 0; i < rows.length; i++) {
    const name = rows[i][0], module = rows[i][1], exported = rows[i][2], flag = rows[i][3];
    if (flag !== "" && !hasFlag(flag)) continue;
    const settle = value => {
      define(target, name, { __proto__: null, value, writable: true, configurable: true, enumerable: enumerable[name] === true });
      return value;
    };
    define(target, name, {
      __proto__: null,
      get: () => settle(load(module)[exported]),
      set: settle,
      configurable: true,
      enumerable: enumerable[name] === true,
    });
  }
}
