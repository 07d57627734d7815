// What functions show of themselves.

// Gives a function the number of parameters that the platform's has.
export function arity(fn, length) {
  P.ObjectDefineProperty(fn, "length", { __proto__: null, value: length, configurable: true });
  return fn;
}
