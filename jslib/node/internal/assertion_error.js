// AssertionError, with the difference between what was and what should have been.

import { inspect } from "inspect";

const LINES_MAX = 2000;

function shown(value) {
  return inspect(value, { compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, showHidden: false, showProxy: false, sorted: true, getters: true });
}

// Lines of both, "+" for those that only the actual value has, "-" for those that only the expected one has.
export function differenceOf(actual, expected) {
  const a = actual.split("\n"), b = expected.split("\n");
  if (a.length * b.length > LINES_MAX * LINES_MAX) return `+ ${a.join("\n+ ")}\n- ${b.join("\n- ")}`;
  // The longest common subsequence, from the back.
  const longest = [];
  for (let i = a.length; i >= 0; i--) {
    longest[i] = new Uint32Array(b.length + 1);
    for (let k = b.length; k >= 0; k--)
      if (i < a.length && k < b.length) longest[i][k] = a[i] === b[k] ? longest[i + 1][k + 1] + 1 : Math.max(longest[i + 1][k], longest[i][k + 1]);
  }
  const out = [];
  let i = 0, k = 0;
  while (i < a.length || k < b.length) {
    if (i < a.length && k < b.length && a[i] === b[k]) {
      out.push(`  ${a[i++]}`);
      k++;
    } else if (i < a.length && (k >= b.length || longest[i + 1][k] >= longest[i][k + 1])) out.push(`+ ${a[i++]}`);
    else out.push(`- ${b[k++]}`);
  }
  return out.join("\n");
}

const heads = {
  __proto__: null,
  deepStrictEqual: "Expected values to be strictly deep-equal:",
  strictEqual: "Expected values to be strictly equal:",
  deepEqual: "Expected values to be loosely deep-equal:",
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
};

function messageFor({ actual, expected, operator }) {
  if (operator === "deepStrictEqual" || operator === "strictEqual") {
    return `${heads[operator]}\n+ actual - expected\n\n${differenceOf(shown(actual), shown(expected))}`;
  }
  if (operator === "notDeepStrictEqual" || operator === "notStrictEqual") return `${heads[operator]}\n\n${shown(actual)}`;
  const a = inspect(actual), b = inspect(expected);
  if (operator === "==" && expected === true) return `The expression evaluated to a falsy value:\n\n  ${a} ${operator} ${b}\n`;
  return `${a} ${operator} ${b}`;
}

export class AssertionError extends Error {
  constructor(options) {
    if (options === null || typeof options !== "object") throw load("node/internal/errors").nodeError("ERR_INVALID_ARG_TYPE", "options", "Object", options);
    const { message, actual, expected, operator, generatedMessage } = options;
    super(message === undefined || message === null ? messageFor(options) : String(message));
    this.generatedMessage = generatedMessage ?? !message;
    P.ObjectDefineProperty(this, "name", { __proto__: null, value: "AssertionError", enumerable: false, writable: true, configurable: true });
    this.code = "ERR_ASSERTION";
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](depth, options) {
    return inspect(this, { ...options, customInspect: false, depth: 0 });
  }
}
