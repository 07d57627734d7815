// node:util/types: what kind of object a value is, whatever its prototype or its @@toStringTag say.

import { platformName } from "errors";
import { arity } from "node/internal/functions";

const tagOf = P.TypedArrayPrototypeGetSymbolToStringTag;

// True when the accessor or method accepts the value as `this`.
function accepts(check, value) {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
}

const nothing = {};
const mapIteratorNext = P.uncurryThis(Object.getPrototypeOf(new Map()[Symbol.iterator]()).next);
const setIteratorNext = P.uncurryThis(Object.getPrototypeOf(new Set()[Symbol.iterator]()).next);
const plainTag = (value) => {
  // What Object.prototype.toString says when no member of the value's can say otherwise.
  if (value === null || typeof value !== "object") return "";
  return P.ReflectHas(value, Symbol.toStringTag) ? "" : P.ObjectPrototypeToString(value);
};

function generatorPrototype(fn) {
  return Object.getPrototypeOf(fn);
}
const kinds = {
  AsyncFunction: generatorPrototype(async () => {}),
  GeneratorFunction: generatorPrototype(function* () {}),
  AsyncGeneratorFunction: generatorPrototype(async function* () {}),
};

const source = (value) => (typeof value === "function" ? P.FunctionPrototypeToString(value) : "");

function inheritsFrom(value, prototype) {
  try {
    return P.ObjectPrototypeIsPrototypeOf(prototype, value);
  } catch {
    return false;
  }
}

function isPlatform(value, name) {
  for (let o = value; o !== null && typeof o === "object"; o = Object.getPrototypeOf(o)) if (platformName(o) === name) return true;
  return false;
}

const types = {
  isExternal: (value) => false,
  isDate: (value) => accepts(P.DatePrototypeGetTime, value),
  isArgumentsObject: (value) => plainTag(value) === "[object Arguments]",
  isBigIntObject: (value) => typeof value === "object" && accepts(P.BigIntPrototypeValueOf, value),
  isBooleanObject: (value) => typeof value === "object" && accepts(P.BooleanPrototypeValueOf, value),
  isNumberObject: (value) => typeof value === "object" && accepts(P.NumberPrototypeValueOf, value),
  isStringObject: (value) => typeof value === "object" && accepts(P.StringPrototypeValueOf, value),
  isSymbolObject: (value) => typeof value === "object" && accepts(P.SymbolPrototypeValueOf, value),
  isBoxedPrimitive: (value) => types.isNumberObject(value) || types.isStringObject(value) || types.isBooleanObject(value) || types.isBigIntObject(value) || types.isSymbolObject(value),
  isNativeError: (value) => value !== null && typeof value === "object" && (Error.isError?.(value) ?? (inheritsFrom(value, Error.prototype) && P.ObjectPrototypeToString(value) === "[object Error]")),
  isRegExp: (value) => typeof value === "object" && value !== RegExp.prototype && accepts(P.RegExpPrototypeGetSource, value),
  isAsyncFunction: (value) => typeof value === "function" && (inheritsFrom(value, kinds.AsyncFunction) || inheritsFrom(value, kinds.AsyncGeneratorFunction) || /^async\b/.test(source(value))),
  isGeneratorFunction: (value) => typeof value === "function" && (inheritsFrom(value, kinds.GeneratorFunction) || inheritsFrom(value, kinds.AsyncGeneratorFunction)),
  isGeneratorObject: (value) => plainGenerator(value),
  isPromise: (value) => value instanceof Promise && accepts((v) => P.PromisePrototypeThen(v, undefined, () => {}), value),
  isMap: (value) => accepts(P.MapPrototypeGetSize, value),
  isSet: (value) => accepts(P.SetPrototypeGetSize, value),
  isMapIterator: (value) => value !== null && typeof value === "object" && P.ObjectPrototypeToString(value) === "[object Map Iterator]" && typeof mapIteratorNext === "function",
  isSetIterator: (value) => value !== null && typeof value === "object" && P.ObjectPrototypeToString(value) === "[object Set Iterator]" && typeof setIteratorNext === "function",
  isWeakMap: (value) => accepts((v) => P.WeakMapPrototypeHas(v, nothing), value),
  isWeakSet: (value) => accepts((v) => P.WeakSetPrototypeHas(v, nothing), value),
  isArrayBuffer: (value) => accepts(P.ArrayBufferPrototypeGetByteLength, value),
  isDataView: (value) => P.ArrayBufferIsView(value) && tagOf(value) === undefined,
  isSharedArrayBuffer: (value) => P.globalThis.SharedArrayBuffer !== undefined && value instanceof P.globalThis.SharedArrayBuffer,
  isProxy: (value) => N.proxyTarget(value) !== undefined,
  isModuleNamespaceObject: (value) => value !== null && typeof value === "object" && Object.getPrototypeOf(value) === null && P.ReflectGetOwnPropertyDescriptor(value, Symbol.toStringTag)?.value === "Module",
  isAnyArrayBuffer: (value) => types.isArrayBuffer(value) || types.isSharedArrayBuffer(value),
  isCryptoKey: (value) => isPlatform(value, "CryptoKey"),
  isKeyObject: (value) => value !== null && typeof value === "object" && P.ObjectPrototypeToString(value) === "[object KeyObject]",
  isEventTarget: (value) => load("events").isEventTarget(value),
  isArrayBufferView: (value) => P.ArrayBufferIsView(value),
  isTypedArray: (value) => tagOf(value) !== undefined,
};
for (const name of ["Uint8Array", "Uint8ClampedArray", "Uint16Array", "Uint32Array", "Int8Array", "Int16Array", "Int32Array", "Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"])
  types[`is${name}`] = { is: (value) => tagOf(value) === name }.is;

function plainGenerator(value) {
  if (value === null || typeof value !== "object") return false;
  const text = P.ObjectPrototypeToString(value);
  return text === "[object Generator]" || text === "[object AsyncGenerator]";
}

for (const name of P.ObjectKeys(types)) {
  P.ObjectDefineProperty(types[name], "name", { __proto__: null, value: name, configurable: true });
  if (name !== "isCryptoKey" && name !== "isKeyObject") arity(types[name], 0);
}

export { types as default };
