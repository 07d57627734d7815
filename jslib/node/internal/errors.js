// Errors as Node's modules throw them: a code, and a message that the code's row makes of the arguments.

import { inspect } from "inspect";

const KINDS = ["string", "function", "number", "object", "Function", "Object", "boolean", "bigint", "symbol"];

function listed(words, before) {
  if (words.length === 1) return before + words[0];
  if (words.length === 2) return `${before}${words[0]} or ${words[1]}`;
  return `${before}${words.slice(0, -1).join(", ")}, or ${words[words.length - 1]}`;
}

// "The "size" argument must be of type number or an instance of Buffer".
function expectation(name, expected) {
  const types = [], instances = [], other = [];
  for (const word of Array.isArray(expected) ? expected : [expected]) {
    if (KINDS.includes(word)) types.push(word.toLowerCase());
    else if (/^([A-Z][a-z0-9]*)+$/.test(word)) instances.push(word);
    else other.push(word);
  }
  const object = types.indexOf("object");
  if (instances.length > 0 && object >= 0) {
    types.splice(object, 1);
    instances.push("Object");
  }
  const parts = [];
  if (types.length > 0) parts.push(listed(types, types.length > 1 ? "one of type " : "of type "));
  if (instances.length > 0) parts.push(listed(instances, "an instance of "));
  if (other.length > 0) parts.push(listed(other, other.length > 1 ? "one of " : other[0].toLowerCase() === other[0] ? "" : "an "));
  const what = name.endsWith(" argument") ? name : `"${name}" ${name.includes(".") ? "property" : "argument"}`;
  return `The ${what} must be ${parts.join(" or ")}`;
}

// "type number (5)", "an instance of Map", "function f".
export function kindOf(value, longest = 25) {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === "function" && value.name) return `function ${value.name}`;
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  let text = inspect(value, { colors: false });
  if (text.length > longest) text = `${text.slice(0, 25)}...`;
  return `type ${typeof value} (${text})`;
}

function separated(digits) {
  const sign = digits[0] === "-" ? 1 : 0;
  let end = digits.length, out = "";
  for (; end >= sign + 4; end -= 3) out = `_${digits.slice(end - 3, end)}${out}`;
  return digits.slice(0, end) + out;
}

function numberSeen(value) {
  if (Number.isInteger(value) && Math.abs(value) > 2 ** 32) return separated(String(value));
  if (typeof value !== "bigint") return inspect(value);
  return (value > 2n ** 32n || value < -(2n ** 32n) ? separated(String(value)) : String(value)) + "n";
}

function missing(...names) {
  const words = names.map((name) => (Array.isArray(name) ? name.map((n) => `"${n}"`).join(" or ") : `"${name}"`));
  if (words.length === 1) return `The ${words[0]} argument must be specified`;
  if (words.length === 2) return `The ${words[0]} and ${words[1]} arguments must be specified`;
  return `The ${words.slice(0, -1).join(", ")}, and ${words[words.length - 1]} arguments must be specified`;
}

const argumentValue = (name, value, reason = "is invalid") =>
  `The ${name.includes(".") ? "property" : "argument"} '${name}' ${reason}. Received ${inspect(value)}`;

// Code -> class of the error, its message (text or function of the arguments).
const rows = {
  __proto__: null,
  ERR_AMBIGUOUS_ARGUMENT: [TypeError, (x, why) => `The "${x}" argument is ambiguous. ${why}`],
  ERR_BUFFER_OUT_OF_BOUNDS: [RangeError, (name) => (name ? `"${name}" is outside of buffer bounds` : "Attempt to access memory outside buffer bounds")],
  ERR_BUFFER_TOO_LARGE: [RangeError, (n) => `Cannot create a Buffer larger than ${n} bytes`],
  ERR_CONSTRUCT_CALL_REQUIRED: [TypeError, "Class constructor cannot be invoked without `new`"],
  ERR_EVENT_RECURSION: [Error, (type) => `The event "${type}" is already being dispatched`],
  ERR_FALSY_VALUE_REJECTION: [Error, "Promise was rejected with falsy value"],
  ERR_ILLEGAL_CONSTRUCTOR: [TypeError, "Illegal constructor"],
  ERR_INCOMPATIBLE_OPTION_PAIR: [Error, (a, b) => `The options "${a}" and "${b}" are mutually exclusive.`],
  ERR_INVALID_ARG_TYPE: [TypeError, (name, expected, actual) => `${expectation(name, expected)}. Received ${kindOf(actual)}`],
  ERR_INVALID_ARG_VALUE: [TypeError, argumentValue],
  ERR_INVALID_BUFFER_SIZE: [RangeError, (bits) => `Buffer size must be a multiple of ${bits}-bits`],
  ERR_INVALID_FILE_URL_HOST: [Error, (platform) => `File URL host must be "localhost" or empty on ${platform}`],
  ERR_INVALID_FILE_URL_PATH: [Error, (why) => `File URL path ${why}`],
  ERR_INVALID_RETURN_VALUE: [TypeError, (expected, name, value) => `Expected ${expected} to be returned from the "${name}" function but got ${kindOf(value, 28)}.`],
  ERR_INVALID_STATE: [Error, (why) => `Invalid state: ${why}`],
  ERR_INVALID_THIS: [TypeError, (type) => `Value of "this" must be of type ${type}`],
  ERR_INVALID_URI: [Error, "URI malformed"],
  ERR_INVALID_URL: [Error, "Invalid URL"],
  ERR_INVALID_URL_SCHEME: [Error, (scheme) => `The URL must be of scheme ${scheme}`],
  ERR_METHOD_NOT_IMPLEMENTED: [Error, (name) => `The ${String(name)} method is not implemented`],
  ERR_MISSING_ARGS: [TypeError, missing],
  ERR_MISSING_OPTION: [Error, (name) => name],
  ERR_MULTIPLE_CALLBACK: [Error, "Callback called multiple times"],
  ERR_OPTION_NOT_IMPLEMENTED: [Error, (name) => `The ${String(name)} option is not implemented`],
  ERR_OUT_OF_RANGE: [RangeError, (name, range, value, whole = false) => `${whole ? name : `The value of "${name}" is out of range.`} It must be ${range}. Received ${numberSeen(value)}`],
  ERR_PARSE_ARGS_INVALID_OPTION_VALUE: [TypeError, (why) => why],
  ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL: [TypeError, (text) => `Unexpected argument '${text}'. This command does not take positional arguments`],
  ERR_PARSE_ARGS_UNKNOWN_OPTION: [TypeError, (option, positionals) => `Unknown option '${option}'${positionals ? `. To specify a positional argument starting with a '-', place it at the end of the command after '--', as in '-- "${option}"` : ""}`],
  ERR_SOCKET_BAD_PORT: [Error, (name, port, zero = true) => `${name} should be ${zero ? ">=" : ">"} 0 and < 65536. Received ${typeof port}.`],
  ERR_STREAM_DESTROYED: [Error, (name) => `Cannot call ${String(name)} after a stream was destroyed`],
  ERR_STREAM_PREMATURE_CLOSE: [Error, "Premature close"],
  ERR_STREAM_PUSH_AFTER_EOF: [Error, "stream.push() after EOF"],
  ERR_STREAM_WRITE_AFTER_END: [Error, "write after end"],
  ERR_UNHANDLED_ERROR: [Error, (text) => `Unhandled error. (${text})`],
  ERR_UNKNOWN_ENCODING: [TypeError, (name) => `Unknown encoding: ${name}`],
  ERR_UNKNOWN_SIGNAL: [TypeError, (name) => `Unknown signal: ${name}`],
  ERR_UNSUPPORTED_OPERATION: [Error, "The requested operation is unsupported"],
};

function codeText() {
  return `${this.name} [${this.code}]: ${this.message}`;
}

// An error with a code of the caller's and a text.
export function errorWithCode(Class, code, message) {
  const error = new Class(message);
  error.code = code;
  P.ObjectDefineProperty(error, "toString", { __proto__: null, value: codeText, writable: true, configurable: true });
  return error;
}

export function nodeError(code, ...args) {
  const [Class, message] = rows[code];
  return errorWithCode(Class, code, typeof message === "string" ? message : message(...args));
}

// The range form of a type error, for what Node throws as one.
export function rangeErrorOfType(name, expected, actual) {
  return errorWithCode(RangeError, "ERR_INVALID_ARG_TYPE", rows.ERR_INVALID_ARG_TYPE[1](name, expected, actual));
}

export class AbortError extends Error {
  constructor(message = "The operation was aborted", options = undefined) {
    if (options !== undefined && typeof options !== "object") throw nodeError("ERR_INVALID_ARG_TYPE", "options", "Object", options);
    super(message, options);
    this.code = "ABORT_ERR";
    this.name = "AbortError";
  }
}

// An error of the operating system's kind: message, errno, code, syscall.
export function systemError(code, errno, message, syscall, more = undefined) {
  const error = new Error(message);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (more !== undefined) P.ObjectAssign(error, more);
  return error;
}

export function notImplemented(name) {
  return nodeError("ERR_METHOD_NOT_IMPLEMENTED", name);
}
