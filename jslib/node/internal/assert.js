// The assertions. Loose ones are strict, as on the platform.

import { inspect } from "inspect";
import { AssertionError, differenceOf } from "node/internal/assertion_error";
import { isDeepStrictEqual, isPartiallyEqual } from "node/internal/comparisons";
import { nodeError } from "node/internal/errors";

function needTwo(count, a = "actual", b = "expected") {
  if (count < 2) throw nodeError("ERR_MISSING_ARGS", a, b);
}

function failed(message, generated, actual, expected, operator) {
  if (message instanceof Error) return message;
  return new AssertionError({ message: message ? `${message}` : generated, actual, expected, operator });
}

// ---- values ----

export function assert(actual, message) {
  if (arguments.length === 0) throw new AssertionError({ message: "No value argument passed to `assert.ok()`" });
  if (!actual) throw message instanceof Error ? message : new AssertionError({ message, actual, expected: true, operator: "==" });
}

function unequalText(actual, expected) {
  const a = inspect(actual), b = inspect(expected);
  if (a === b) return `Values have the same structure but are not reference-equal:\n\n${a.replace(/^/gm, "    ")}\n`;
  return `Values are not strictly equal:\n\n\n    [Diff] Actual / Expected\n\n\n${differenceOf(a, b)}\n`;
}

function strictEqual(actual, expected, message) {
  needTwo(arguments.length);
  if (!Object.is(actual, expected)) throw failed(message, unequalText(actual, expected), actual, expected, "strictEqual");
}

function notStrictEqual(actual, expected, message) {
  needTwo(arguments.length);
  if (Object.is(actual, expected)) throw failed(message, "Expected actual to be strictly unequal to expected", actual, expected, "notStrictEqual");
}

function deepStrictEqual(actual, expected, message) {
  needTwo(arguments.length);
  if (!isDeepStrictEqual(actual, expected)) throw failed(message, undefined, actual, expected, "deepStrictEqual");
}

function notDeepStrictEqual(actual, expected, message) {
  needTwo(arguments.length);
  if (isDeepStrictEqual(actual, expected)) throw failed(message, "Expected actual to not be deeply strictly equal to expected", actual, expected, "notDeepStrictEqual");
}

function partialDeepStrictEqual(actual, expected, message) {
  needTwo(arguments.length);
  if (!isPartiallyEqual(actual, expected)) throw failed(message, "Expected actual to be partially deeply strictly equal to expected", actual, expected, "partialDeepStrictEqual");
}

function equal(actual, expected, message) {
  return strictEqual(actual, expected, message);
}

function notEqual(actual, expected, message) {
  return notStrictEqual(actual, expected, message);
}

function deepEqual(actual, expected, message) {
  return deepStrictEqual(actual, expected, message);
}

function notDeepEqual(actual, expected, message) {
  return notDeepStrictEqual(actual, expected, message);
}

function checkPattern(regexp) {
  if (!(regexp instanceof RegExp)) throw nodeError("ERR_INVALID_ARG_TYPE", "regexp", "RegExp", regexp);
}

function match(actual, regexp, message) {
  needTwo(arguments.length, "actual", "regexp");
  checkPattern(regexp);
  if (!regexp.test(actual)) throw failed(message, `actual: "${actual}" expected to match: "${regexp}"`, actual, regexp, "match");
}

function doesNotMatch(string, regexp, message) {
  needTwo(arguments.length, "string", "regexp");
  checkPattern(regexp);
  if (typeof string !== "string")
    throw failed(message, `The "string" argument must be of type string. Received type ${typeof string} (${inspect(string)})`, string, regexp, "doesNotMatch");
  if (regexp.test(string)) throw failed(message, `actual: "${string}" expected to not match: "${regexp}"`, string, regexp, "doesNotMatch");
}

function fail(message) {
  if (message !== undefined && message !== null && typeof message !== "string") throw message;
  throw new AssertionError({ message: message ?? "Failed", operator: "fail", generatedMessage: message === undefined || message === null });
}

function ifError(error) {
  if (error === undefined || error === null) return;
  let message = "ifError got unwanted exception: ";
  if (typeof error === "object" && typeof error.message === "string") message += error.message.length === 0 && error.constructor ? error.constructor.name : error.message;
  else message += inspect(error);
  throw new AssertionError({ actual: error, expected: null, operator: "ifError", message, generatedMessage: true });
}

// ---- what functions throw ----

function checkExpected(error, message) {
  if (typeof error === "object" && error !== null && P.ObjectGetPrototypeOf(error) === Object.prototype && Object.keys(error).length === 0)
    throw nodeError("ERR_INVALID_ARG_VALUE", "error", error, "may not be an empty object");
  const kind = typeof error;
  if (kind === "function" || kind === "object" || (typeof message !== "string" && (kind === "undefined" || kind === "string"))) return;
  throw nodeError("ERR_INVALID_ARG_TYPE", "error", ["Function", "Error", "RegExp", "Object"], error);
}

function checkMembers(thrown, expected, message, operator) {
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push("name", "message");
  for (const key of keys) {
    const pattern = expected[key] instanceof RegExp && typeof thrown[key] === "string";
    if (pattern ? expected[key].test(thrown[key]) : isDeepStrictEqual(thrown[key], expected[key])) continue;
    throw new AssertionError({ message: message || undefined, actual: thrown, expected, operator, generatedMessage: !message });
  }
}

// Throws unless what was thrown is what was expected.
function checkThrown(thrown, error, message, operator) {
  if (typeof error === "string") {
    if (message !== undefined) throw nodeError("ERR_INVALID_ARG_TYPE", "error", ["Object", "Error", "Function", "RegExp"], error);
    if (typeof thrown === "object" && thrown !== null ? thrown.message === error : thrown === error)
      throw nodeError("ERR_AMBIGUOUS_ARGUMENT", "error/message", typeof thrown === "object" ? `The error message "${thrown.message}" is identical to the message.` : `The error "${thrown}" is identical to the message.`);
    return;
  }
  if (error instanceof RegExp) {
    if (error.test(String(thrown))) return;
    throw new AssertionError({ message: message ?? `The input did not match the regular expression ${error}. Input:\n\n${inspect(String(thrown))}\n`, actual: thrown, expected: error, operator, generatedMessage: !message });
  }
  if (typeof error === "object" && error !== null) {
    checkMembers(thrown, error, message, operator);
    return;
  }
  if (typeof error !== "function") return;
  if (error.prototype !== undefined && thrown instanceof error) return;
  if (P.ObjectPrototypeIsPrototypeOf(Error, error)) {
    if (typeof message === "string") throw new AssertionError({ message, actual: thrown, expected: error, operator, generatedMessage: false });
    throw new AssertionError({
      message: `The error is expected to be an instance of "${error.name}". Received ${thrown instanceof Error ? `"${thrown.constructor?.name ?? thrown.name}"\n\nError message:\n\n${thrown.message}` : inspect(thrown)}`,
      actual: thrown,
      expected: error,
      operator,
      generatedMessage: true,
    });
  }
  const verdict = error.call({}, thrown);
  if (verdict === true) return;
  throw new AssertionError({
    message: message || `The ${error.name ? `"${error.name}" validation` : "validation"} function is expected to return "true". Received ${inspect(verdict)}\n\nCaught error:\n\n${thrown}`,
    actual: thrown,
    expected: error,
    operator,
    generatedMessage: !message,
  });
}

function throws(fn, error, message) {
  if (typeof fn !== "function") throw nodeError("ERR_INVALID_ARG_TYPE", "fn", "function", fn);
  checkExpected(error, message);
  try {
    fn();
  } catch (thrown) {
    checkThrown(thrown, error, message, "throws");
    return;
  }
  const named = typeof error === "function" && error.name ? ` (${error.name})` : "";
  const text = message ? `Missing expected exception${named}: ${message}` : typeof error === "string" ? `Missing expected exception: ${error}` : `Missing expected exception${named}.`;
  throw new AssertionError({ message: text, operator: "throws", actual: undefined, expected: typeof error === "string" ? undefined : error });
}

function unwanted(thrown, expected, message, operator) {
  if (typeof expected === "string") {
    message = expected;
    expected = undefined;
  }
  const other = (expected instanceof RegExp && !expected.test(String(thrown))) || (typeof expected === "function" && expected.prototype !== undefined && !(thrown instanceof expected));
  if (other) return thrown;
  const what = operator === "doesNotThrow" ? "exception" : "rejection";
  return new AssertionError({
    message: `Got unwanted ${what}${message ? `: ${message}` : "."}\nActual message: "${thrown?.message ?? thrown}"`,
    operator,
    actual: thrown,
    expected,
    generatedMessage: !message,
  });
}

function doesNotThrow(fn, expected, message) {
  if (typeof fn !== "function") throw nodeError("ERR_INVALID_ARG_TYPE", "fn", "function", fn);
  if (!(expected instanceof RegExp) && typeof expected !== "function" && typeof expected !== "string" && expected !== undefined)
    throw nodeError("ERR_INVALID_ARG_TYPE", "expected", ["Function", "RegExp"], fn);
  try {
    fn();
  } catch (thrown) {
    throw unwanted(thrown, expected, message, "doesNotThrow");
  }
}

// ---- promises ----

// A stub of a call is a function.
const isThenable = (value) => value !== null && (typeof value === "object" || typeof value === "function") && typeof value.then === "function" && typeof value.catch === "function";

function promiseOf(given) {
  if (typeof given !== "function") {
    if (isThenable(given)) return given;
    throw nodeError("ERR_INVALID_ARG_TYPE", "promiseFn", ["function", "Promise"], given);
  }
  const promise = given();
  if (!isThenable(promise)) throw nodeError("ERR_INVALID_RETURN_VALUE", "instance of Promise", "promiseFn", promise);
  return promise;
}

async function rejects(asyncFn, error, message) {
  const promise = promiseOf(asyncFn);
  try {
    await promise;
  } catch (thrown) {
    checkThrown(thrown, error, message, "rejects");
    return;
  }
  const tail = typeof error === "string" ? `: ${error}` : typeof error === "function" && error.prototype !== undefined ? ` (${error.name}).` : ".";
  throw new AssertionError({ message: `Missing expected rejection${tail}`, operator: "rejects", generatedMessage: true });
}

async function doesNotReject(asyncFn, error, message) {
  const promise = promiseOf(asyncFn);
  try {
    await promise;
  } catch (thrown) {
    throw unwanted(thrown, error, message, "doesNotReject");
  }
}

function strict(actual, message) {
  if (arguments.length === 0) throw new AssertionError({ message: "No value argument passed to `assert.ok()`" });
  assert(actual, message);
}

const members = {
  AssertionError, deepEqual, deepStrictEqual, doesNotMatch, doesNotReject, doesNotThrow, equal, fail, ifError, match, notDeepEqual, notDeepStrictEqual, notEqual, notStrictEqual, ok: assert, partialDeepStrictEqual, rejects, strict, strictEqual, throws,
};
P.ObjectAssign(assert, members);
P.ObjectAssign(strict, members, { ok: strict });

export { strict };
