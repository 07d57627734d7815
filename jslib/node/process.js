// node:process: the process that a worker believes to be in. Nothing of the machine shows.

import { currentEvent } from "io";
import { hasFlag } from "flags";
import { queueMicrotask } from "timers";
import { arity } from "node/internal/functions";
import { EventEmitter } from "node/internal/events";
import { nodeError, notImplemented, systemError } from "node/internal/errors";
import { makeProcessEnv } from "node/internal/process_env";
import { validateString } from "node/internal/validators";

const NODE_VERSION = "22.19.0";
let directory = "/bundle";

// ---- what both forms have ----

function nextTick(callback, ...args) {
  queueMicrotask(() => {
    callback(...args);
  });
}

function exit(code) {
  if (currentEvent() !== null) throw new P.Error(`The Node.js process.exit(${code ?? 0}) API was called. Canceling the request.`);
  console.warn("process.exit(...) called without a current request context. Ignoring.");
}

function getBuiltinModule(id) {
  const { isNodeModule } = load("node/registry"), { requireOf } = load("modules");
  const name = `${id}`;
  const specifier = isNodeModule(name) && !P.StringPrototypeStartsWith(name, "node:") ? `node:${name}` : name;
  try {
    return requireOf(specifier, true);
  } catch {
    return undefined;
  }
}

const features = P.ObjectFreeze({
  cached_builtins: true,
  debug: false,
  inspector: false,
  ipv6: true,
  openssl_is_boringssl: true,
  require_module: false,
  tls: true,
  tls_alpn: true,
  tls_ocsp: true,
  tls_sni: true,
  typescript: false,
  uv: true,
});

const env = makeProcessEnv(hasFlag("nodejs_compat_populate_process_env") ? load("workers").currentEnv() : null, load("start").startConfig()?.processEnv);
const common = { nextTick, env, exit, getBuiltinModule, platform: "linux", features };

// ---- the whole ----

function warningFrom(warning, type, code, ctor) {
  if (typeof warning === "string") {
    const error = new (ctor ?? Error)(warning);
    error.name = type;
    if (code) error.code = code;
    return error;
  }
  if (!(warning instanceof Error)) throw nodeError("ERR_INVALID_ARG_TYPE", "warning", "string or Error", warning);
  if (type && type !== "Warning") warning.name = type;
  if (code) warning.code = code;
  return warning;
}

function emitWarning(warning, options, code, ctor) {
  let type = "Warning", detail;
  if (typeof options === "object" && options !== null && !P.ArrayIsArray(options)) {
    ({ type = "Warning", code, detail, ctor } = options);
  } else if (typeof options === "function") {
    ctor = options;
    code = undefined;
  } else if (options !== undefined) {
    if (typeof options !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "options", "object", options);
    type = options;
    if (typeof code === "function") {
      ctor = code;
      code = undefined;
    } else if (code !== undefined && typeof code !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "ctor", "function", code);
  }
  const error = warningFrom(warning, type, code, ctor);
  if (detail && typeof detail === "string") error.detail = detail;
  queueMicrotask(() => {
    process.emit?.("warning", error);
  });
}

function hrtime(time) {
  if (time !== undefined) {
    if (!P.ArrayIsArray(time)) throw nodeError("ERR_INVALID_ARG_TYPE", "time", "tuple of integers", time);
    if (time.length !== 2) throw nodeError("ERR_OUT_OF_RANGE", "time", "2", time);
  }
  const now = Date.now();
  let seconds = P.MathFloor(now / 1000), nanos = P.MathFloor(now % 1000) * 1e6;
  if (time !== undefined) {
    seconds -= time[0];
    nanos -= time[1];
    if (nanos < 0) {
      seconds--;
      nanos += 1e9;
    }
  }
  return [seconds, nanos];
}
hrtime.bigint = () => BigInt(P.MathFloor(Date.now())) * 1000000n;

function umask(mask) {
  const wrong = () => nodeError("ERR_INVALID_ARG_VALUE", "mask", mask, "must be a 32-bit unsigned integer or an octal string");
  if (typeof mask === "string") {
    if (!/^[0-7]+$/.test(mask)) throw wrong();
  } else if (mask !== undefined) {
    if (typeof mask !== "number") throw nodeError("ERR_INVALID_ARG_TYPE", "mask", "number", mask);
    if (mask < 0 || mask > 0xffffffff || !Number.isInteger(mask)) throw wrong();
  }
  return 18;
}

function chdir(path) {
  validateString(path, "directory");
  if (path.length === 0) throw systemError("ENOENT", -2, "no such file or directory, chdir ''", "chdir");
  const target = load("node/internal/path").posix.resolve(directory, path);
  const fs = getBuiltinModule("fs");
  if (fs?.statSync !== undefined && target !== "/" && target !== "/bundle" && !fs.statSync(target).isDirectory())
    throw systemError("ENOTDIR", -20, `not a directory, chdir '${path}'`, "chdir");
  directory = target;
}

function refuse(name, length = 0) {
  const { [name]: fn } = {
    [name]() {
      throw notImplemented(`process.${name}`);
    },
  };
  return arity(fn, length);
}

function onlyRoot(syscall) {
  return {
    [syscall](id) {
      if (id !== 0) throw systemError("EPERM", -1, "operation not permitted", syscall);
    },
  }[syscall];
}

function never(syscall, length) {
  const { [syscall]: fn } = {
    [syscall]() {
      throw systemError("EPERM", -1, "operation not permitted", syscall);
    },
  };
  return arity(fn, length);
}

function zeros(names) {
  const out = {};
  for (const name of names) out[name] = 0;
  return out;
}

const versions = {};
for (const name of "node v8 modules zlib brotli zstd ares napi llhttp nghttp2 acorn ada simdutf nbytes ncrypto uvwasi uv openssl sqlite icu undici simdjson unicode cldr tz cjs_module_lexer amaro merve".split(" "))
  versions[name] = name === "node" ? NODE_VERSION : "";

const nothing = () => {};
const whole = {
  version: `v${NODE_VERSION}`,
  versions,
  title: "workerd",
  argv: ["workerd"],
  argv0: "workerd",
  execArgv: [],
  arch: "x64",
  config: P.ObjectFreeze({ target_defaults: P.ObjectFreeze({ default_configuration: "Release" }), variables: P.ObjectFreeze({ host_arch: "x64", napi_build_version: "9", node_byteorder: "little", node_module_version: 127, node_prefix: "/usr/local", shlib_suffix: "so", target_arch: "x64", v8_enable_i18n_support: 1, v8_enable_webassembly: 1 }) }),
  pid: 1,
  ppid: 0,
  getegid: () => 0,
  getgid: () => 0,
  getgroups: () => [0],
  geteuid: () => 0,
  getuid: () => 0,
  setegid: onlyRoot("setegid"),
  setgid: onlyRoot("setgid"),
  setgroups: never("setgroups", 1),
  seteuid: onlyRoot("seteuid"),
  setuid: onlyRoot("setuid"),
  initgroups: never("initgroups", 2),
  setSourceMapsEnabled: (enabled, options) => {},
  getSourceMapsSupport: () => ({ enabled: false, nodeModules: false, generatedCode: false }),
  emitWarning,
  abort() {
    exit(1);
  },
  allowedNodeEnvironmentFlags: new Set(),
  kill: refuse("kill", 2),
  ref: nothing,
  unref: nothing,
  chdir,
  cwd: () => directory,
  umask,
  hrtime,
  uptime: () => 0,
  loadEnvFile(path = ".env") {
    const { parseEnv } = load("node/util").default;
    P.ObjectAssign(env, parseEnv(getBuiltinModule("fs").readFileSync(path, "utf8")));
  },
  exitCode: undefined,
  channel: null,
  connected: false,
  binding: refuse("binding", 1),
  debugPort: 0,
  dlopen: refuse("dlopen", 3),
  finalization: { register: refuse("finalization.register"), registerBeforeExit: refuse("finalization.registerBeforeExit"), unregister: refuse("finalization.unregister") },
  getActiveResourcesInfo: refuse("getActiveResourcesInfo"),
  setUncaughtExceptionCaptureCallback: refuse("setUncaughtExceptionCaptureCallback", 1),
  hasUncaughtExceptionCaptureCallback: refuse("hasUncaughtExceptionCaptureCallback"),
  memoryUsage: () => zeros(["rss", "heapTotal", "heapUsed", "external", "arrayBuffers"]),
  noDeprecation: false,
  permission: { has: refuse("permission.has") },
  release: { name: "node", lts: true, sourceUrl: "", headersUrl: "" },
  report: {
    compact: false,
    directory: "",
    filename: "",
    getReport: () => ({}),
    reportOnFatalError: false,
    reportOnSignal: false,
    reportOnUncaughtException: false,
    excludeNetwork: false,
    excludeEnv: false,
    signal: "SIGUSR2",
    writeReport: refuse("report.writeReport"),
  },
  resourceUsage: () =>
    zeros("userCPUTime systemCPUTime maxRSS sharedMemorySize unsharedDataSize unsharedStackSize minorPageFault majorPageFault swappedOut fsRead fsWrite ipcSent ipcReceived signalsCount voluntaryContextSwitches involuntaryContextSwitches".split(" ")),
  send: (message, handle) => false,
  traceDeprecation: false,
  throwDeprecation: false,
  sourceMapsEnabled: false,
  threadCpuUsage: refuse("threadCpuUsage"),
  cpuUsage: refuse("cpuUsage", 1),
  execPath: "",
  constrainedMemory: () => 0,
  availableMemory: () => 0,
  execve: refuse("execve", 3),
  openStdin: () => process.stdin,
  _rawDebug: (...args) => console.log(...args),
  moduleLoadList: [],
  _linkedBinding: refuse("_linkedBinding", 1),
  domain: null,
  _exiting: false,
  _getActiveRequests: () => [],
  _getActiveHandles: () => [],
  reallyExit: (code) => exit(code || 0),
  _kill: refuse("_kill", 2),
  _fatalException: (error) => false,
  _tickCallback: nothing,
  _debugProcess: (pid) => {},
  _debugEnd: nothing,
  _startProfilerIdleNotifier: nothing,
  _stopProfilerIdleNotifier: nothing,
  _preload_modules: [],
  _disconnect: undefined,
  _handleQueue: undefined,
  _pendingMessage: undefined,
  _channel: undefined,
  _send: undefined,
};

// Made when it is first looked at, because streams and assertions are much code.
function lazily(target, name, make) {
  P.ObjectDefineProperty(target, name, {
    __proto__: null,
    get() {
      const value = make();
      P.ObjectDefineProperty(target, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
      return value;
    },
    set(value) {
      P.ObjectDefineProperty(target, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: true,
    configurable: true,
  });
}

// The global scope's events of promises, once somebody listens for the process's.
function forwardRejections() {
  let unhandled = false, handled = false;
  process.on("newListener", (name) => {
    if (name === "unhandledRejection" && !unhandled) {
      unhandled = true;
      load("events").addEventListener("unhandledrejection", (event) => process.emit("unhandledRejection", event.reason, event.promise));
    } else if (name === "rejectionHandled" && !handled) {
      handled = true;
      load("events").addEventListener("rejectionhandled", (event) => process.emit("rejectionHandled", event.promise));
    }
  });
}

const process = hasFlag("enable_nodejs_process_v2") || hasFlag("nodejs_compat_v2") ? { ...whole, ...common } : common;
if (process !== common) {
  const stdio = (make) => () => load("node/internal/process_stdio")[make]();
  lazily(process, "stdin", stdio("makeStdin"));
  lazily(process, "stdout", stdio("makeStdout"));
  lazily(process, "stderr", stdio("makeStderr"));
  if (hasFlag("remove_nodejs_compat_eol_v23")) process.assert = undefined;
  else lazily(process, "assert", () => load("node/assert").default.ok);
  P.ObjectSetPrototypeOf(process, EventEmitter.prototype);
  EventEmitter.call(process);
  P.ObjectDefineProperty(process, Symbol.toStringTag, { __proto__: null, value: "process", configurable: true });
  forwardRejections();
}

export { process as default };
