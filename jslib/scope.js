// ServiceWorkerGlobalScope: what the global object says it is. The engine does not let that have another prototype, so its
// members are own properties; these classes show them all the same, to whoever looks at them.

import { globalRows } from "globals";
import { illegalConstructor } from "errors";

const { ObjectDefineProperty: define } = P;
const ofEverything = ["EventTarget", "addEventListener", "dispatchEvent", "removeEventListener"];

export class WorkerGlobalScope {
  constructor() {
    throw illegalConstructor();
  }
}

export class ServiceWorkerGlobalScope extends WorkerGlobalScope {}

const hidden = value => ({ __proto__: null, value, writable: true, configurable: true, enumerable: false });

for (const Class of [WorkerGlobalScope, ServiceWorkerGlobalScope]) {
  define(Class.prototype, P.SymbolToStringTag, { __proto__: null, value: Class.name, configurable: true });
  define(Class, "length", { __proto__: null, value: 0, configurable: true });
}
for (const [name] of globalRows()) {
  if (name === "ServiceWorkerGlobalScope" || !(name in P.globalThis)) continue;
  const value = name === "WorkerGlobalScope" ? WorkerGlobalScope : P.globalThis[name];
  if (typeof value !== "function") continue; // console and the like are the global object's own
  define(ServiceWorkerGlobalScope.prototype, name, hidden(value));
  if (P.ArrayPrototypeIncludes(ofEverything, name)) define(WorkerGlobalScope.prototype, name, hidden(value));
}
