// node:util.

import { inspect as inspectValue, defaultOptions } from "inspect";
import { format, formatWithOptions } from "format";
import { TextDecoder, TextEncoder } from "encoding";
import { nodeError, notImplemented } from "node/internal/errors";
import { arity } from "node/internal/functions";
import { Buffer } from "node/internal/buffer";
import { isDeepStrictEqual } from "node/internal/comparisons";
import { MIMEParams, MIMEType } from "node/internal/mime";
import { parseArgs } from "node/internal/parse_args";
import { default as types } from "node/util/types";
import { validateAbortSignal, validateBoolean, validateFunction, validateObject, validateOneOf, validateString } from "node/internal/validators";

// ---- inspect, with what hangs on it ----

const inspect = arity(inspectValue, 2);
{
  const colors = {};
  const pairs = "reset 0 0 bold 1 22 dim 2 22 italic 3 23 underline 4 24 blink 5 25 inverse 7 27 hidden 8 28 strikethrough 9 29 doubleunderline 21 24 black 30 39 red 31 39 green 32 39 yellow 33 39 blue 34 39 magenta 35 39 cyan 36 39 white 37 39 bgBlack 40 49 bgRed 41 49 bgGreen 42 49 bgYellow 43 49 bgBlue 44 49 bgMagenta 45 49 bgCyan 46 49 bgWhite 47 49 framed 51 54 overlined 53 55 gray 90 39 redBright 91 39 greenBright 92 39 yellowBright 93 39 blueBright 94 39 magentaBright 95 39 cyanBright 96 39 whiteBright 97 39 bgGray 100 49 bgRedBright 101 49 bgGreenBright 102 49 bgYellowBright 103 49 bgBlueBright 104 49 bgMagentaBright 105 49 bgCyanBright 106 49 bgWhiteBright 107 49".split(" ");
  for (let i = 0; i < pairs.length; i += 3) colors[pairs[i]] = [+pairs[i + 1], +pairs[i + 2]];
  const alias = (name, other) =>
    Object.defineProperty(colors, other, {
      get() {
        return this[name];
      },
      set(value) {
        this[name] = value;
      },
      configurable: true,
      enumerable: false,
    });
  for (const [name, other] of [["gray", "grey"], ["gray", "blackBright"], ["bgGray", "bgGrey"], ["bgGray", "bgBlackBright"], ["dim", "faint"], ["strikethrough", "crossedout"], ["strikethrough", "strikeThrough"], ["strikethrough", "crossedOut"], ["hidden", "conceal"], ["inverse", "swapColors"], ["inverse", "swapcolors"], ["doubleunderline", "doubleUnderline"]])
    alias(name, other);
  inspect.colors = colors;
  inspect.styles = Object.assign(Object.create(null), {
    special: "cyan",
    number: "yellow",
    bigint: "yellow",
    boolean: "yellow",
    undefined: "grey",
    null: "bold",
    string: "green",
    symbol: "green",
    date: "magenta",
    regexp: "red",
    module: "underline",
  });
  Object.defineProperty(inspect, "defaultOptions", {
    get: () => defaultOptions,
    set(options) {
      validateObject(options, "options");
      Object.assign(defaultOptions, options);
    },
  });
}

// ---- functions with callbacks and with promises ----

const promisified = Symbol.for("nodejs.util.promisify.custom"), argumentNames = Symbol.for("nodejs.util.promisify.custom.args");

function promisify(original) {
  validateFunction(original, "original");
  const own = original[promisified];
  if (own) {
    validateFunction(own, "util.promisify.custom");
    return Object.defineProperty(own, promisified, { value: own, enumerable: false, writable: false, configurable: true });
  }
  const names = original[argumentNames];
  function fn(...args) {
    return new Promise((resolve, reject) => {
      args.push((error, ...values) => {
        if (error) return reject(error);
        if (names === undefined || values.length < 2) return resolve(values[0]);
        const out = {};
        for (let i = 0; i < names.length; i++) out[names[i]] = values[i];
        resolve(out);
      });
      Reflect.apply(original, this, args);
    });
  }
  Object.setPrototypeOf(fn, Object.getPrototypeOf(original));
  Object.defineProperty(fn, promisified, { value: fn, enumerable: false, writable: false, configurable: true });
  return Object.defineProperties(fn, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = promisified;

function callbackify(original) {
  validateFunction(original, "original");
  function callbackified(...args) {
    const callback = args.pop();
    validateFunction(callback, "last argument");
    const { nextTick } = load("node/process").default;
    Reflect.apply(original, this, args).then(
      (value) => nextTick(callback.bind(this), null, value),
      (reason) => {
        let error = reason;
        if (!error) {
          error = nodeError("ERR_FALSY_VALUE_REJECTION");
          error.reason = reason;
        }
        nextTick(callback.bind(this), error);
      },
    );
  }
  const descriptors = Object.getOwnPropertyDescriptors(original);
  if (typeof descriptors.length?.value === "number") descriptors.length.value++;
  if (typeof descriptors.name?.value === "string") descriptors.name.value += "Callbackified";
  return Object.defineProperties(callbackified, descriptors);
}

// ---- classes and objects ----

function inherits(ctor, superCtor) {
  if (ctor === undefined || ctor === null) throw nodeError("ERR_INVALID_ARG_TYPE", "ctor", "Function", ctor);
  if (superCtor === undefined || superCtor === null) throw nodeError("ERR_INVALID_ARG_TYPE", "superCtor", "Function", superCtor);
  if (superCtor.prototype === undefined) throw nodeError("ERR_INVALID_ARG_TYPE", "superCtor.prototype", "Object", superCtor.prototype);
  Object.defineProperty(ctor, "super_", { value: superCtor, writable: true, configurable: true });
  Object.setPrototypeOf(ctor.prototype, superCtor.prototype);
}

function _extend(target, source) {
  if (source === null || typeof source !== "object") return target;
  const keys = Object.keys(source);
  for (let i = keys.length - 1; i >= 0; i--) target[keys[i]] = source[keys[i]];
  return target;
}

// ---- logs ----

function timestamp() {
  const d = new Date(), pad = (n) => `${n}`.padStart(2, "0");
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  return `${d.getDate()} ${months[d.getMonth()]} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

function log(...args) {
  console.log("%s - %s", timestamp(), format(...args));
}

function debuglog(set, onReady = undefined) {
  set = `${set}`.toUpperCase();
  let enabled;
  const isEnabled = () => {
    if (enabled === undefined) {
      const wanted = `${load("node/process").default.env.NODE_DEBUG ?? ""}`;
      const pattern = wanted.replace(/[|\\{}()[\]^$+?.]/g, "\\$&").replaceAll("*", ".*").replaceAll(",", "$|^");
      enabled = wanted !== "" && new RegExp(`^${pattern}$`, "i").test(set);
    }
    return enabled;
  };
  const write = (...args) => {
    if (isEnabled()) console.error(`${set} ${load("node/process").default.pid}: ${format(...args)}`);
  };
  let first = (...args) => {
    onReady?.(write);
    first = write;
    write(...args);
  };
  const logger = (...args) => first(...args);
  return Object.defineProperty(logger, "enabled", { get: isEnabled, configurable: true, enumerable: true });
}

function deprecate(fn, message, code, modify) {
  return fn;
}

// ---- text ----

// A sequence of 7-bit C1 and 8-bit CSI control codes.
const ansi = new RegExp("[\\u001B\\u009B][[\\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\\d\\/\\#&.:=?%@~_]+)*|[a-zA-Z\\d]+(?:;[-a-zA-Z\\d\\/\\#&.:=?%@~_]*)*)?(?:\\u0007|\\u001B\\u005C|\\u009C))|(?:(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PR-TZcf-ntqry=><~]))", "g");

function stripVTControlCharacters(text) {
  validateString(text, "str");
  return text.replace(ansi, "");
}

function styleText(style, text, options = {}) {
  validateString(text, "text");
  const { validateStream = true, stream } = options;
  validateBoolean(validateStream, "options.validateStream");
  const plain = validateStream && !(stream !== undefined && stream !== null && stream.isTTY && typeof stream.getColorDepth === "function" && stream.getColorDepth() > 2);
  let left = "", right = "";
  for (const key of Array.isArray(style) ? style : [style]) {
    if (key === "none") continue;
    const codes = typeof key === "string" ? inspect.colors[key] : undefined;
    if (codes === undefined) validateOneOf(key, "format", Object.keys(inspect.colors));
    left += `\u001b[${codes[0]}m`;
    right = `\u001b[${codes[1]}m${right}`;
  }
  return plain ? text : left + text + right;
}

function toUSVString(text) {
  return `${text}`.toWellFormed();
}

// KEY=value lines, as process.loadEnvFile reads them.
function parseEnv(content) {
  validateString(content, "content");
  const out = {};
  const line = /^[ \t]*(?:export[ \t]+)?([^=\s#][^=\n]*?)[ \t]*=[ \t]*(?:"((?:\\"|[^"])*)"|'([^']*)'|`([^`]*)`|([^\n#]*))/gm;
  for (const m of content.replaceAll("\r\n", "\n").matchAll(line)) {
    const [, name, double, single, back, plain] = m;
    out[name] = double !== undefined ? double.replaceAll("\\n", "\n") : (single ?? back ?? plain.trim());
  }
  return out;
}

// ---- the rest ----

async function aborted(signal, resource) {
  if (signal === undefined) throw nodeError("ERR_INVALID_ARG_TYPE", "signal", "AbortSignal", signal);
  validateAbortSignal(signal, "signal");
  validateObject(resource, "resource", { array: true, fn: true });
  if (signal.aborted) return undefined;
  return new Promise((resolve) => signal.addEventListener("abort", resolve, { __proto__: null, once: true }));
}

function getCallSites(count = undefined) {
  const frames = N.stackFrames(new Error().stack).split("\n").filter((line) => line !== "");
  const most = typeof count === "number" ? count : 10, out = [];
  for (const line of frames) {
    const m = /^\s*at (?:(.*) \()?(.*?):(\d+):(\d+)\)?$/.exec(line);
    if (m === null || out.length >= most) continue;
    out.push({ functionName: m[1] ?? "", scriptId: "", scriptName: m[2], lineNumber: +m[3], columnNumber: +m[4], column: +m[4] });
  }
  return out;
}

function unsupported(name) {
  return {
    [name]() {
      throw new Error(`node:util ${name} is not implemented`);
    },
  }[name];
}

const util = {
  types,
  callbackify,
  promisify,
  inspect,
  format,
  formatWithOptions,
  stripVTControlCharacters,
  inherits,
  _extend,
  MIMEParams,
  MIMEType,
  toUSVString,
  log,
  aborted,
  debuglog: arity(debuglog, 2),
  debug: debuglog,
  deprecate,
  getSystemErrorMap: unsupported("getSystemErrorMap"),
  getSystemErrorMessage: unsupported("getSystemErrorMessage"),
  getSystemErrorName: unsupported("getSystemErrorName"),
  TextEncoder,
  TextDecoder,
  parseArgs,
  parseEnv,
  styleText,
  transferableAbortController: unsupported("transferableAbortController"),
  transferableAbortSignal: unsupported("transferableAbortSignal"),
  getCallSite: getCallSites,
  getCallSites,
  isDeepStrictEqual: (a, b) => isDeepStrictEqual(a, b),
  _errnoException() {
    throw notImplemented("_errnoException");
  },
  _exceptionWithHostPort() {
    throw notImplemented("_exceptionWithHostPort");
  },
  isArray: (value) => Array.isArray(value),
  isBoolean: (value) => typeof value === "boolean",
  isBuffer: (value) => Buffer.isBuffer(value),
  isDate: (value) => value instanceof Date,
  isError: (value) => types.isNativeError(value),
  isFunction: (value) => typeof value === "function",
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === "number",
  isObject: (value) => value !== null && typeof value === "object",
  isPrimitive: (value) => value === null || (typeof value !== "object" && typeof value !== "function"),
  isRegExp: (value) => value instanceof RegExp,
  isString: (value) => typeof value === "string",
  isSymbol: (value) => typeof value === "symbol",
  isUndefined: (value) => value === undefined,
};
// Checks of types that Node took away; the platform does so at a date of its own.
if (load("flags").hasFlag("remove_nodejs_compat_eol_v23"))
  for (const name of Object.keys(util)) if (/^is(?!Array|DeepStrictEqual)/.test(name)) util[name] = undefined;

export { util as default };
