// node:domain: domains that catch nothing, so that what asks for them runs.

import { EventEmitter } from "node/internal/events";

class Domain extends EventEmitter {
  members = undefined;
  _errorHandler(error) {
    throw error;
  }
  enter() {}
  exit() {}
  add(emitter) {}
  remove(emitter) {}
  run(fn, ...args) {
    return P.ReflectApply(fn, this, args);
  }
  intercept(callback) {
    return callback;
  }
  bind(callback) {
    return callback;
  }
}

function createDomain() {
  return new Domain();
}

// The platform's `create` is a domain, not the function.
const domain = { Domain, active: null, createDomain, create: createDomain() };
export { domain as default };
