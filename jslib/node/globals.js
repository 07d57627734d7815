// What the second stage of Node compatibility puts on globalThis.

import { hasFlag } from "flags";

function lazily(name, make) {
  const settle = (value) => {
    P.ObjectDefineProperty(P.globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable: false });
    return value;
  };
  P.ObjectDefineProperty(P.globalThis, name, { __proto__: null, get: () => settle(make()), set: settle, configurable: true, enumerable: false });
}

export function installNodeGlobals() {
  P.ObjectDefineProperty(P.globalThis, "global", { __proto__: null, value: P.globalThis, writable: true, configurable: true, enumerable: false });
  lazily("Buffer", () => load("node/internal/buffer").Buffer);
  lazily("process", () => load("node/process").default);
  if (hasFlag("enable_nodejs_global_timers"))
    for (const name of ["setTimeout", "setInterval", "clearTimeout", "clearInterval"]) lazily(name, () => load("node/timers")[name]);
}
