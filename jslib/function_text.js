// Function.prototype.toString of what the platform brings says "[native code]", as everywhere: libraries look at that to tell a
// platform's function from a polyfill. (Ours are JavaScript, whose text would show otherwise.)

import { errorClasses } from "error_classes";
import { takenGlobals } from "globals";

const natural = P.uncurryThis(P.Function.prototype.toString);
const ours = new P.WeakSet();
const NATIVE = " {\n    [native code]\n}";
let seen = 0; // of takenGlobals()

function add(value) {
  if (typeof value === "function") P.WeakSetPrototypeAdd(ours, value);
}

function addMembers(object) {
  const keys = P.ReflectOwnKeys(object);
  for (let i = 0; i < keys.length; i++) {
    const d = P.ReflectGetOwnPropertyDescriptor(object, keys[i]);
    add(d.value);
    add(d.get);
    add(d.set);
  }
}

function addAll(value) {
  add(value);
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
  addMembers(value);
  if (typeof value !== "function") addMembers(P.ReflectGetPrototypeOf(value));
  else if (typeof value.prototype === "object" && value.prototype !== null) addMembers(value.prototype);
}

function isOurs(f) {
  const taken = takenGlobals();
  for (; seen < taken.length; seen++) addAll(taken[seen]);
  return P.WeakSetPrototypeHas(ours, f);
}

const text = {
  toString() {
    const source = natural(this);
    // The engine's own functions say so on three lines; libraries compare texts, so there is one form for all.
    if (!P.StringPrototypeEndsWith(source, NATIVE) && !isOurs(this)) return source;
    const name = P.ReflectGetOwnPropertyDescriptor(this, "name")?.value;
    return `function ${typeof name === "string" ? name : ""}() { [native code] }`;
  },
};

// Also for what is no row of globals.js.
export function hideText(value) {
  addAll(value);
}

export function installFunctionText() {
  const { globalThis: scope } = P;
  P.ObjectDefineProperty(P.Function.prototype, "toString", { __proto__: null, value: text.toString, writable: true, configurable: true });
  for (const value of [text.toString, scope.Date, scope.Math.random, scope.eval, scope.WebAssembly.Module, scope.WebAssembly.compile, scope.WebAssembly.instantiate]) add(value);
  for (let i = 0; i < errorClasses.length; i++) add(errorClasses[i]);
}
