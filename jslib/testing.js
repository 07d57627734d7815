// What test files of the built-ins see: test(name, fn), and assertions that say what they got. Run by `test-js`.

import { EventContext, setCurrentEvent } from "io";

const tests = [];

class AssertionError extends Error {
  get name() {
    return "AssertionError";
  }
}

function show(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return value + "n";
  if (typeof value === "function") return "[function " + value.name + "]";
  if (ArrayBuffer.isView(value)) return value.constructor.name + "[" + Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) + "]";
  if (value instanceof ArrayBuffer) return "ArrayBuffer[" + Array.from(new Uint8Array(value)) + "]";
  if (value instanceof Error) return value.name + ": " + value.message;
  if (value instanceof Map) return "Map" + show([...value]);
  if (value instanceof Set) return "Set" + show([...value]);
  if (Array.isArray(value)) return "[" + value.map(show).join(", ") + "]";
  if (value !== null && typeof value === "object") return "{" + Object.keys(value).map(k => k + ": " + show(value[k])).join(", ") + "}";
  return Object.is(value, -0) ? "-0" : String(value);
}

function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof ArrayBuffer) return same(new Uint8Array(a), new Uint8Array(b));
  if (a instanceof DataView) return same(new Uint8Array(a.buffer, a.byteOffset, a.byteLength), new Uint8Array(b.buffer, b.byteOffset, b.byteLength));
  if (a instanceof Error && (a.name !== b.name || a.message !== b.message)) return false;
  if (a instanceof Map || a instanceof Set) return a.size === b.size && same([...a], [...b]);
  const keys = Reflect.ownKeys(a), others = Reflect.ownKeys(b);
  const ignored = a instanceof Error ? ["stack", "line", "column", "sourceURL"] : [];
  const left = keys.filter(k => !ignored.includes(k)), right = others.filter(k => !ignored.includes(k));
  return left.length === right.length && left.every(k => Object.hasOwn(b, k) && same(a[k], b[k]));
}

function fail(message, note) {
  throw new AssertionError(note === undefined ? message : note + ": " + message);
}

function checkThrown(error, expected, note) {
  const wanted = expected ?? {};
  if (typeof wanted === "function") {
    if (!(error instanceof wanted)) fail("expected " + wanted.name + ", caught " + show(error), note);
    return error;
  }
  if (typeof wanted === "string" || wanted instanceof RegExp) {
    const hit = typeof wanted === "string" ? String(error?.message).includes(wanted) : wanted.test(error?.message);
    if (!hit) fail("expected message " + String(wanted) + ", caught " + show(error), note);
    return error;
  }
  for (const key of Object.keys(wanted)) {
    const hit = wanted[key] instanceof RegExp ? wanted[key].test(error?.[key]) : same(error?.[key], wanted[key]);
    if (!hit) fail("expected " + key + " " + show(wanted[key]) + ", caught " + show(error) + " with " + show(error?.[key]), note);
  }
  return error;
}

const globals = {
  test(name, fn) {
    tests.push({ name, fn });
  },
  assert(value, note) {
    if (!value) fail("expected a true value, got " + show(value), note);
  },
  // Deep: prototypes, own keys, contents of buffers, maps, sets, dates.
  assertEquals(got, want, note) {
    if (!same(got, want)) fail("got " + show(got) + ", expected " + show(want), note);
  },
  assertNotEquals(got, other, note) {
    if (same(got, other)) fail("did not expect " + show(got), note);
  },
  // expected: a constructor, a part of the message, a pattern, or an object of properties. Returns what was thrown.
  assertThrows(fn, expected, note) {
    let result;
    try {
      result = fn();
    } catch (error) {
      return checkThrown(error, expected, note);
    }
    fail("expected an exception, got " + show(result), note);
  },
  // The same for a promise, or a function that returns one.
  async assertRejects(promise, expected, note) {
    let result;
    try {
      result = await (typeof promise === "function" ? promise() : promise);
    } catch (error) {
      return checkThrown(error, expected, note);
    }
    fail("expected a rejection, got " + show(result), note);
  },
  sleep(ms) {
    return new Promise(resolve => setTimeout(resolve, ms));
  },
  // The natives and the loader of built-ins, for tests of what lies below the visible API.
  natives: N,
  builtin: load,
};

// onUncaught(error) fails the running test.
export function install(onUncaught) {
  load("disposal").installDisposal();
  load("globals").installGlobals();
  load("runtime").setOnUncaught(onUncaught);
  // Tests do I/O: they run as if an event had begun.
  const event = new EventContext(1, "test");
  event.kept = event.host = null; // as of an event that the runtime made
  setCurrentEvent(event);
  for (const name of Object.keys(globals))
    Object.defineProperty(globalThis, name, { value: globals[name], writable: true, configurable: true });
}

export function count() {
  return tests.length;
}

export function name(index) {
  return tests[index].name;
}

// Runs one test; report(error or undefined) exactly once.
export function run(index, report) {
  Promise.resolve()
    .then(tests[index].fn)
    .then(() => report(undefined), error => report(error === undefined ? new Error("rejected with undefined") : error));
}
