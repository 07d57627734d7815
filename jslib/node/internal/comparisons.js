// Deep equality: util.isDeepStrictEqual, assert.deepEqual and its kin.

import { default as types } from "node/util/types";

const STRICT = 1, LOOSE = 0, PARTIAL = 2;
const { getPrototypeOf, keys: ownKeys, getOwnPropertySymbols, is, hasOwn } = Object;
const enumerable = P.ObjectPrototypePropertyIsEnumerable;

function sameBytes(a, b) {
  return N.bufferCompare(new Uint8Array(a.buffer, a.byteOffset, a.byteLength), new Uint8Array(b.buffer, b.byteOffset, b.byteLength)) === 0;
}

function sameElements(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !(a[i] !== a[i] && b[i] !== b[i])) return false;
  return true;
}

// True when both hold the same, by what their class keeps outside properties; undefined when there is no such thing.
function sameInside(a, b, mode) {
  if (types.isDate(a)) return types.isDate(b) && is(P.DatePrototypeGetTime(a), P.DatePrototypeGetTime(b));
  if (types.isRegExp(a)) return types.isRegExp(b) && a.source === b.source && a.flags === b.flags && a.lastIndex === b.lastIndex;
  if (types.isNativeError(a) || a instanceof Error) {
    if (!(types.isNativeError(b) || b instanceof Error) || a.message !== b.message || a.name !== b.name) return false;
    return undefined;
  }
  if (types.isArrayBufferView(a)) {
    if (!types.isArrayBufferView(b)) return false;
    const float = types.isFloat32Array(a) || types.isFloat64Array(a);
    if (mode !== STRICT && float) return sameElements(a, b);
    return a.byteLength === b.byteLength && sameBytes(a, b);
  }
  if (types.isAnyArrayBuffer(a)) return types.isAnyArrayBuffer(b) && a.byteLength === b.byteLength && N.bufferCompare(new Uint8Array(a), new Uint8Array(b)) === 0;
  if (types.isBoxedPrimitive(a)) return types.isBoxedPrimitive(b) && is(boxed(a), boxed(b));
  return undefined;
}

function boxed(value) {
  if (types.isNumberObject(value)) return P.NumberPrototypeValueOf(value);
  if (types.isStringObject(value)) return P.StringPrototypeValueOf(value);
  if (types.isBooleanObject(value)) return P.BooleanPrototypeValueOf(value);
  return types.isBigIntObject(value) ? P.BigIntPrototypeValueOf(value) : P.SymbolPrototypeValueOf(value);
}

// ---- sets and maps ----

function sameSet(a, b, mode, memo) {
  if (mode === PARTIAL ? a.size < b.size : a.size !== b.size) return false;
  const rest = [];
  for (const value of b) {
    if (a.has(value)) continue;
    if (mode === STRICT && (typeof value !== "object" || value === null)) return false;
    rest.push(value);
  }
  if (rest.length === 0) return true;
  const candidates = [...a].filter((value) => !b.has(value) && (mode !== STRICT || (typeof value === "object" && value !== null)));
  for (const value of rest) {
    const at = candidates.findIndex((other) => same(other, value, mode, memo));
    if (at < 0) return false;
    candidates.splice(at, 1);
  }
  return true;
}

function sameMap(a, b, mode, memo) {
  if (mode === PARTIAL ? a.size < b.size : a.size !== b.size) return false;
  const rest = [];
  for (const [key, value] of b) {
    if (a.has(key)) {
      if (!same(a.get(key), value, mode, memo)) return false;
    } else if (mode === STRICT && (typeof key !== "object" || key === null)) return false;
    else rest.push([key, value]);
  }
  const candidates = rest.length === 0 ? [] : [...a].filter(([key]) => !b.has(key));
  for (const [key, value] of rest) {
    const at = candidates.findIndex(([k, v]) => same(k, key, mode, memo) && same(v, value, mode, memo));
    if (at < 0) return false;
    candidates.splice(at, 1);
  }
  return true;
}

// ---- objects ----

function shownSymbols(value) {
  return getOwnPropertySymbols(value).filter((symbol) => enumerable(value, symbol));
}

function sameMembers(a, b, mode, memo) {
  const keysA = ownKeys(a), keysB = ownKeys(b);
  if (mode !== PARTIAL && keysA.length !== keysB.length) return false;
  for (const key of keysB) if (!hasOwn(a, key)) return false;
  const symbols = mode === LOOSE ? [] : shownSymbols(b);
  if (mode === STRICT && symbols.length !== shownSymbols(a).length) return false;
  for (const symbol of symbols) if (!enumerable(a, symbol)) return false;

  // A pair that is being compared further out counts as equal: what differs shows elsewhere.
  memo ??= [];
  for (let i = 0; i < memo.length; i++) if (memo[i][0] === a && memo[i][1] === b) return true;
  memo.push([a, b]);
  const ok = sameContent(a, b, mode, memo, keysB, symbols);
  memo.pop();
  return ok;
}

function sameContent(a, b, mode, memo, keys, symbols) {
  if (types.isSet(a) && !sameSet(a, b, mode, memo)) return false;
  if (types.isMap(a) && !sameMap(a, b, mode, memo)) return false;
  for (const key of keys) if (!same(a[key], b[key], mode, memo)) return false;
  for (const symbol of symbols) if (!same(a[symbol], b[symbol], mode, memo)) return false;
  return true;
}

function same(a, b, mode, memo) {
  if (a === b) return a !== 0 || mode !== STRICT || is(a, b);
  if (mode !== LOOSE) {
    if (typeof a !== "object") return typeof a === "number" && a !== a && b !== b;
    if (typeof b !== "object" || a === null || b === null) return false;
    if (mode === STRICT && getPrototypeOf(a) !== getPrototypeOf(b)) return false;
  } else {
    if (a === null || typeof a !== "object") return (b === null || typeof b !== "object") && (a == b || (a !== a && b !== b)); // eslint-disable-line eqeqeq
    if (b === null || typeof b !== "object") return false;
  }
  if (P.ObjectPrototypeToString(a) !== P.ObjectPrototypeToString(b)) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a) && (mode === PARTIAL ? a.length < b.length : a.length !== b.length)) return false;
  if (Array.isArray(a) && mode === PARTIAL) return partialArray(a, b, memo);
  if (types.isSet(a) !== types.isSet(b) || types.isMap(a) !== types.isMap(b)) return false;
  const inside = sameInside(a, b, mode);
  if (inside === false) return false;
  if ((types.isWeakMap(a) || types.isWeakSet(a) || types.isPromise(a)) && mode !== LOOSE) return false;
  if (inside === true && types.isArrayBufferView(a)) return sameExtras(a, b, mode, memo);
  return sameMembers(a, b, mode, memo);
}

function partialArray(a, b, memo) {
  let from = 0;
  for (let i = 0; i < b.length; i++) {
    while (from < a.length && !same(a[from], b[i], PARTIAL, memo)) from++;
    if (from++ >= a.length) return false;
  }
  return true;
}

// Members of typed arrays that are no elements.
function sameExtras(a, b, mode, memo) {
  const extra = (value) => ownKeys(value).filter((key) => !/^(?:0|[1-9]\d*)$/.test(key));
  if (a.length > 1e4 && b.length === a.length) return true; // nobody puts members on those
  const keysA = extra(a), keysB = extra(b);
  if (keysA.length !== keysB.length || !keysB.every((key) => hasOwn(a, key) && same(a[key], b[key], mode, memo))) return false;
  if (mode === LOOSE) return true;
  const symbolsA = shownSymbols(a), symbolsB = shownSymbols(b);
  return (mode === PARTIAL || symbolsA.length === symbolsB.length) && symbolsB.every((symbol) => enumerable(a, symbol) && same(a[symbol], b[symbol], mode, memo));
}

export function isDeepStrictEqual(a, b) {
  return same(a, b, STRICT, undefined);
}

export function isDeepEqual(a, b) {
  return same(a, b, LOOSE, undefined);
}

// Whether a has all that b has.
export function isPartiallyEqual(a, b) {
  return same(a, b, PARTIAL, undefined);
}
