// process.env: text as it is, what is JSON as JSON, nothing else; what is set becomes text.

import { nodeError } from "node/internal/errors";
import { validateObject } from "node/internal/validators";

// Whether a value survives JSON whole: plain objects and arrays of plain values, each object once.
function isPlain(value, seen) {
  switch (typeof value) {
    case "boolean":
    case "number":
    case "string":
      return true;
    case "object": {
      if (value === null) return true;
      if (P.SetPrototypeHas(seen, value)) return false;
      P.SetPrototypeAdd(seen, value);
      const proto = P.ObjectGetPrototypeOf(value);
      if (proto !== Object.prototype && proto !== Array.prototype) return false;
      const keys = P.ObjectKeys(value);
      for (let i = 0; i < keys.length; i++) if (!isPlain(value[keys[i]], seen)) return false;
      return true;
    }
  }
  return false;
}

export function textsOf(env) {
  const out = {};
  const keys = P.ObjectKeys(env);
  for (let i = 0; i < keys.length; i++) {
    const value = env[keys[i]];
    if (typeof value === "string") out[keys[i]] = value;
    else if (isPlain(value, new P.Set())) out[keys[i]] = P.JSONStringify(value);
  }
  return out;
}

function text(value) {
  if (typeof value === "symbol") throw new P.TypeError("Cannot convert a symbol value to a string");
  return `${value}`;
}

const traps = {
  __proto__: null,
  set(target, name, value) {
    if (typeof name === "symbol") text(name);
    return P.ReflectSet(target, name, text(value));
  },
  defineProperty(target, name, descriptor) {
    validateObject(descriptor, "descriptor");
    if ("get" in descriptor || "set" in descriptor)
      throw nodeError("ERR_INVALID_ARG_VALUE", "descriptor", descriptor, "process.env value must not have getter/setter");
    for (const rule of ["configurable", "enumerable", "writable"])
      if (!descriptor[rule]) throw nodeError("ERR_INVALID_ARG_VALUE", `descriptor.${rule}`, descriptor, `process.env value must be ${rule}`);
    if (!("value" in descriptor)) throw nodeError("ERR_INVALID_ARG_VALUE", "descriptor.value", descriptor, "process.env value must be specified explicitly");
    if (typeof name === "symbol") text(name);
    return P.ReflectDefineProperty(target, name, { __proto__: null, ...descriptor, value: text(descriptor.value) });
  },
};

// `env` is the worker's, which is not looked at without the flag that says so; `more` are variables that stand in process.env
// alone.
export function makeProcessEnv(env, more) {
  return new P.Proxy(env === null ? {} : { ...more, ...textsOf(env) }, traps);
}
