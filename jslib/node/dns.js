// node:dns: the forms with callbacks.

import { thenInContext } from "async_context";
import { checkCallback, constants, getDefaultResultOrder, getServers, lookupAll, lookupOptions, resolve as ask, resolvers, setDefaultResultOrder } from "node/internal/dns";
import { validateString } from "node/internal/validators";

const promises = load("node/dns/promises").default;

function settle(promise, callback, give = value => callback(null, value)) {
  // What a callback throws is nobody's rejection.
  const later = (fn, value) => load("timers").queueMicrotask(() => fn(value));
  thenInContext(promise, value => later(give, value), error => later(callback, error));
}

function lookup(hostname, options, callback) {
  if (hostname) validateString(hostname, "hostname");
  if (typeof options === "function") {
    callback = options;
    options = undefined;
  }
  checkCallback(callback);
  const read = lookupOptions(options);
  const rows = hostname ? lookupAll(hostname, read) : P.PromiseResolve(read.all ? [] : [{ address: null, family: read.family === 6 ? 6 : 4 }]);
  settle(rows, callback, found => (read.all ? callback(null, found) : callback(null, found[0].address, found[0].family)));
}

function lookupService(address, port, callback) {
  checkCallback(callback);
  settle(promises.lookupService(), callback);
}

function resolve(name, type, callback) {
  if (typeof type === "function") {
    callback = type;
    type = "A";
  }
  checkCallback(callback);
  settle(ask(name, type), callback);
}

const own = {};
for (const name of P.ObjectKeys(resolvers)) {
  const named = {
    [name](host, options, callback) {
      if (typeof options === "function") {
        callback = options;
        options = undefined;
      }
      checkCallback(callback);
      settle(resolvers[name](host, options), callback);
    },
  };
  own[name] = named[name];
}

function setServers(servers) {
  throw new P.Error("Not implemented");
}

class Resolver {
  constructor(options = undefined) {}

  cancel() {
    throw new P.Error("Not implemented");
  }

  setLocalAddress() {
    throw new P.Error("Not implemented");
  }

  setServers(servers) {
    throw new P.Error("Not implemented");
  }

  getServers() {
    return getServers();
  }
}
for (const [name, value] of P.ObjectEntries({ resolve, ...own }))
  P.ObjectDefineProperty(Resolver.prototype, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

const module = {
  getServers,
  lookup,
  lookupService,
  resolve,
  ...own,
  setDefaultResultOrder,
  getDefaultResultOrder,
  setServers,
  Resolver,
  promises,
  ...constants,
};
export { module as default };
