// node:dns/promises.

import { constants, getDefaultResultOrder, getServers, lookupAll, lookupOptions, resolve, resolvers, setDefaultResultOrder } from "node/internal/dns";
import { validateString } from "node/internal/validators";

async function lookup(hostname, options = undefined) {
  if (hostname) validateString(hostname, "hostname");
  const read = lookupOptions(options);
  if (!hostname) return read.all ? [] : { address: null, family: read.family === 6 ? 6 : 4 };
  const rows = await lookupAll(hostname, read);
  return read.all ? rows : rows[0];
}

async function lookupService() {
  throw new P.Error("Not implemented");
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

  resolve(name, type) {
    return resolve(name, type);
  }
}
const own = {};
for (const name of P.ObjectKeys(resolvers)) {
  const ask = resolvers[name];
  const named = { [name]: (...args) => ask(...args) };
  own[name] = named[name];
  P.ObjectDefineProperty(Resolver.prototype, name, { __proto__: null, value: own[name], writable: true, enumerable: false, configurable: true });
}

const module = { lookup, lookupService, resolve, ...own, getDefaultResultOrder, setDefaultResultOrder, getServers, setServers, Resolver, ...constants };
export { module as default };
