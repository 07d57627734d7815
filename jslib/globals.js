// The names on globalThis. A module is evaluated when the first of its globals is touched: its class bodies are what
// starting an isolate would otherwise cost.

// Global name, module, export, compatibility flag without which it is absent ("" for none).
const rows = [
  ["AbortController", "abort", "AbortController", ""],
  ["AbortSignal", "abort", "AbortSignal", ""],
  ["addEventListener", "events", "addEventListener", ""],
  ["atob", "encoding", "atob", ""],
  ["Blob", "blob", "Blob", ""],
  ["Body", "body", "Body", ""],
  ["btoa", "encoding", "btoa", ""],
  ["ByteLengthQueuingStrategy", "streams_strategies", "ByteLengthQueuingStrategy", ""],
  ["Cache", "caches", "Cache", ""],
  ["caches", "caches", "caches", ""],
  ["CacheStorage", "caches", "CacheStorage", ""],
  ["clearImmediate", "timers", "clearImmediate", "nodejs_compat_v2"],
  ["clearInterval", "timers", "clearInterval", ""],
  ["clearTimeout", "timers", "clearTimeout", ""],
  ["CloseEvent", "events", "CloseEvent", ""],
  ["Cloudflare", "compat_flags", "Cloudflare", ""],
  ["CompressionStream", "compression", "CompressionStream", ""],
  ["console", "console", "console", ""],
  ["CountQueuingStrategy", "streams_strategies", "CountQueuingStrategy", ""],
  ["crypto", "crypto", "crypto", ""],
  ["Crypto", "crypto", "Crypto", ""],
  ["CryptoKey", "crypto_util", "CryptoKey", ""],
  ["CustomEvent", "events", "CustomEvent", ""],
  ["DecompressionStream", "compression", "DecompressionStream", ""],
  ["dispatchEvent", "events", "dispatchEvent", ""],
  ["DOMException", "errors", "DOMException", ""],
  ["ErrorEvent", "events", "ErrorEvent", ""],
  ["Event", "events", "Event", ""],
  ["EventSource", "eventsource", "EventSource", ""],
  ["EventTarget", "events", "EventTarget", ""],
  ["ExtendableEvent", "events", "ExtendableEvent", ""],
  ["fetch", "fetch", "fetch", ""],
  ["FetchEvent", "events", "FetchEvent", ""],
  ["File", "blob", "File", ""],
  ["FixedLengthStream", "streams_identity", "FixedLengthStream", ""],
  ["FormData", "formdata", "FormData", ""],
  ["Headers", "headers", "Headers", ""],
  ["HTMLRewriter", "htmlrewriter", "HTMLRewriter", ""],
  ["IdentityTransformStream", "streams_identity", "IdentityTransformStream", ""],
  ["MessageChannel", "message", "MessageChannel", "expose_global_message_channel"],
  ["MessageEvent", "events", "MessageEvent", ""],
  ["MessagePort", "message", "MessagePort", "expose_global_message_channel"],
  ["navigator", "navigator", "navigator", "global_navigator"],
  ["Navigator", "navigator", "Navigator", "global_navigator"],
  ["performance", "performance", "performance", ""],
  ["PromiseRejectionEvent", "events", "PromiseRejectionEvent", ""],
  ["queueMicrotask", "timers", "queueMicrotask", ""],
  ["ReadableByteStreamController", "streams_byob", "ReadableByteStreamController", "streams_enable_constructors"],
  ["ReadableStream", "streams_readable", "ReadableStream", ""],
  ["ReadableStreamBYOBReader", "streams_byob", "ReadableStreamBYOBReader", ""],
  ["ReadableStreamBYOBRequest", "streams_byob", "ReadableStreamBYOBRequest", ""],
  ["ReadableStreamDefaultController", "streams_readable", "ReadableStreamDefaultController", "streams_enable_constructors"],
  ["ReadableStreamDefaultReader", "streams_readable", "ReadableStreamDefaultReader", ""],
  ["removeEventListener", "events", "removeEventListener", ""],
  ["reportError", "events", "reportError", ""],
  ["Request", "request", "Request", ""],
  ["Response", "response", "Response", ""],
  ["ScheduledEvent", "events", "ScheduledEvent", ""],
  ["scheduler", "navigator", "scheduler", ""],
  ["ServiceWorkerGlobalScope", "scope", "ServiceWorkerGlobalScope", ""],
  ["setImmediate", "timers", "setImmediate", "nodejs_compat_v2"],
  ["setInterval", "timers", "setInterval", ""],
  ["setTimeout", "timers", "setTimeout", ""],
  ["structuredClone", "clone", "structuredClone", ""],
  ["SubtleCrypto", "crypto_subtle", "SubtleCrypto", ""],
  ["TailEvent", "events", "TailEvent", ""],
  ["TextDecoder", "encoding", "TextDecoder", ""],
  ["TextDecoderStream", "encoding_streams", "TextDecoderStream", ""],
  ["TextEncoder", "encoding", "TextEncoder", ""],
  ["TextEncoderStream", "encoding_streams", "TextEncoderStream", ""],
  ["TraceEvent", "events", "TraceEvent", ""],
  ["TransformStream", "streams_transform", "TransformStream", ""],
  ["TransformStreamDefaultController", "streams_transform", "TransformStreamDefaultController", "streams_enable_constructors"],
  ["URL", "url", "URL", ""],
  ["URLPattern", "urlpattern", "URLPattern", ""],
  ["URLSearchParams", "url", "URLSearchParams", ""],
  ["WebSocket", "websocket", "WebSocket", ""],
  ["WebSocketPair", "websocket", "WebSocketPair", ""],
  ["WebSocketRequestResponsePair", "websocket", "WebSocketRequestResponsePair", ""],
  ["WritableStream", "streams_writable", "WritableStream", ""],
  ["WritableStreamDefaultController", "streams_writable", "WritableStreamDefaultController", "streams_enable_constructors"],
  ["WritableStreamDefaultWriter", "streams_writable", "WritableStreamDefaultWriter", ""],
  ["WorkerGlobalScope", "scope", "WorkerGlobalScope", ""],
];

// Members of the global scope that the platform shows as its own, enumerable properties.
const enumerable = { __proto__: null, caches: true, console: true, crypto: true, navigator: true, performance: true, scheduler: true };

// What was taken from the rows so far; function_text.js hides the source text of all that hangs on it.
const taken = [];

export function takenGlobals() {
  return taken;
}

export function globalRows() {
  return rows;
}

// Defines all of them, whatever the flags: that can be done before a worker is known.
export function installGlobals() {
  const { globalThis: target, ReflectDefineProperty: define } = P;
  for (let i = 0; i < rows.length; i++) {
    const name = rows[i][0], module = rows[i][1], exported = rows[i][2];
    const shown = enumerable[name] === true;
    const settle = value => {
      define(target, name, { __proto__: null, value, writable: true, configurable: true, enumerable: shown });
      return value;
    };
    const get = () => {
      const value = load(module)[exported];
      // The platform's functions declare no parameters.
      if (typeof value === "function" && value.length !== 0) define(value, "length", { __proto__: null, value: 0, configurable: true });
      P.ArrayPrototypePush(taken, value);
      return settle(value);
    };
    define(target, name, { __proto__: null, get, set: settle, configurable: true, enumerable: shown });
  }
  define(target, P.SymbolToStringTag, { __proto__: null, value: "ServiceWorkerGlobalScope", configurable: true });
  define(target, "self", { __proto__: null, value: target, writable: true, configurable: true, enumerable: true });
  define(target, "origin", { __proto__: null, value: "null", writable: true, configurable: true, enumerable: true });
}

// Every module behind a global, now, before the flags of a worker are known: not those that look at flags while they are evaluated.
export function evaluateAll() {
  for (let i = 0; i < rows.length; i++) if (rows[i][1] !== "navigator" && rows[i][1] !== "scope") load(rows[i][1]);
}

// Takes those away whose compatibility flag is off.
export function removeGlobals(hasFlag) {
  for (let i = 0; i < rows.length; i++) if (rows[i][3] !== "" && !hasFlag(rows[i][3])) delete P.globalThis[rows[i][0]];
}
