// Node's built-in modules: which there are for this worker, and what importing one gives.
//
// A module node:NAME is the built-in node/NAME (jslib/node/NAME.js); a part that nobody may import lies in node/internal. It
// exports `default` and, besides, what `import { x }` finds; when it exports nothing but `default`, that is the own enumerable
// members of `default`. What has no built-in of ours is unenv's (npm/unenv.NAME, made when the program is built).

import { hasFlag } from "flags";

// Name -> the compatibility flag, besides nodejs_compat, without which the module is absent; "" where there is none.
const gates = {
  __proto__: null,
  "_http_agent": "enable_nodejs_http_modules",
  "_http_client": "enable_nodejs_http_modules",
  "_http_common": "enable_nodejs_http_modules",
  "_http_incoming": "enable_nodejs_http_modules",
  "_http_outgoing": "enable_nodejs_http_modules",
  "_http_server": "enable_nodejs_http_server_modules",
  "_stream_duplex": "",
  "_stream_passthrough": "",
  "_stream_readable": "",
  "_stream_transform": "",
  "_stream_wrap": "enable_nodejs_stream_wrap_module",
  "_stream_writable": "",
  "_tls_common": "",
  "_tls_wrap": "",
  "assert": "",
  "assert/strict": "",
  "async_hooks": "",
  "buffer": "",
  "child_process": "enable_nodejs_child_process_module",
  "cluster": "enable_nodejs_cluster_module",
  "console": "enable_nodejs_console_module",
  "constants": "",
  "crypto": "",
  "dgram": "enable_nodejs_dgram_module",
  "diagnostics_channel": "",
  "dns": "",
  "dns/promises": "",
  "domain": "enable_nodejs_domain_module",
  "events": "",
  "fs": "enable_nodejs_fs_module",
  "fs/promises": "",
  "http": "enable_nodejs_http_modules",
  "http2": "enable_nodejs_http2_module",
  "https": "enable_nodejs_http_modules",
  "inspector": "enable_nodejs_inspector_module",
  "inspector/promises": "enable_nodejs_inspector_module",
  "module": "",
  "net": "",
  "os": "enable_nodejs_os_module",
  "path": "",
  "path/posix": "",
  "path/win32": "",
  "perf_hooks": "enable_nodejs_perf_hooks_module",
  "process": "",
  "punycode": "enable_nodejs_punycode_module",
  "querystring": "",
  "readline": "enable_nodejs_readline_module",
  "readline/promises": "enable_nodejs_readline_module",
  "repl": "enable_nodejs_repl_module",
  "sqlite": "enable_nodejs_sqlite_module",
  "stream": "",
  "stream/consumers": "",
  "stream/promises": "",
  "stream/web": "",
  "string_decoder": "",
  "sys": "",
  "test": "",
  "timers": "",
  "timers/promises": "",
  "tls": "",
  "trace_events": "enable_nodejs_trace_events_module",
  "tty": "enable_nodejs_tty_module",
  "url": "",
  "util": "",
  "util/types": "",
  "v8": "enable_nodejs_v8_module",
  "vm": "enable_nodejs_vm_module",
  "wasi": "enable_nodejs_wasi_module",
  "worker_threads": "enable_nodejs_worker_threads_module",
  "zlib": "",
};

// Those that stand only under "node:".
const prefixOnly = { __proto__: null, sqlite: true, test: true };

// What the bundler of the reference replaces in part: ours is whole at every date.
const hybrid = { __proto__: null, console: true, process: true };

const builtins = { __proto__: null };
{
  const names = P.StringPrototypeSplit("@BUILTINS@", " ");
  for (let i = 0; i < names.length; i++) builtins[names[i]] = true;
}

export function nodeEnabled() {
  return hasFlag("nodejs_compat") || hasFlag("nodejs_compat_v2");
}

// The built-in's name, or "" when the worker has no such module. bundled: polyfills of the bundler count.
function builtinOf(name, bundled) {
  const gate = gates[name];
  if (gate === undefined) return "";
  if (!nodeEnabled()) return name === "async_hooks" && hasFlag("nodejs_als") ? "node/async_hooks" : "";
  const own = "node/" + name, polyfill = "npm/unenv." + P.StringPrototypeReplaceAll(name, "/", ".");
  if (gate === "" || hasFlag(gate) || (bundled && hybrid[name] === true && hasFlag("nodejs_compat_v2")))
    return builtins[own] === true ? own : builtins[polyfill] === true ? polyfill : "";
  return bundled && hasFlag("nodejs_compat_v2") && builtins[polyfill] === true ? polyfill : "";
}

function copyMembers(target, source) {
  const names = P.ObjectKeys(source);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name === "default" || name === "__esModule") continue;
    const { get, value } = P.ReflectGetOwnPropertyDescriptor(source, name);
    P.ObjectDefineProperty(
      target,
      name,
      get === undefined
        ? { __proto__: null, value, writable: true, enumerable: true, configurable: true }
        : { __proto__: null, get: () => source[name], enumerable: true, configurable: true },
    );
  }
}

// The exports of node:name as a new object, or undefined when there is no such module.
export function nodeExports(name, bundled) {
  const builtin = builtinOf(name, bundled);
  if (builtin === "") return undefined;
  let exported = load(builtin);
  if (P.StringPrototypeStartsWith(builtin, "npm/")) exported = exported.exports;
  const names = P.ObjectKeys(exported);
  const namespace = { __proto__: null };
  copyMembers(namespace, names.length === 1 && names[0] === "default" ? exported.default : exported);
  namespace.default = exported.default;
  return namespace;
}

// "fs" and "node:fs" are "fs"; "" for what is no module of Node here. Without prefix only from the second stage on.
export function nodeName(specifier) {
  if (P.StringPrototypeStartsWith(specifier, "node:")) return P.StringPrototypeSlice(specifier, 5);
  return gates[specifier] !== undefined && prefixOnly[specifier] !== true && hasFlag("nodejs_compat_v2") ? specifier : "";
}

export function isNodeModule(specifier) {
  const prefixed = P.StringPrototypeStartsWith(specifier, "node:");
  const name = prefixed ? P.StringPrototypeSlice(specifier, 5) : specifier;
  return gates[name] !== undefined && (prefixed || prefixOnly[name] !== true);
}

export function nodeNames() {
  return P.ObjectKeys(gates);
}

// For built-ins: the default export of a module, or the module itself where it has none, without a look at gates.
export function internalExports(name) {
  const own = "node/" + name, polyfill = "npm/unenv." + P.StringPrototypeReplaceAll(name, "/", ".");
  const exported = builtins[own] === true ? load(own) : load(polyfill).exports;
  return exported.default ?? exported;
}
