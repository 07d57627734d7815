// node:async_hooks: AsyncLocalStorage and AsyncResource over the frames of async_context.js. The rest of Node's module is there by
// name and observes nothing, as on the platform.

import { context, hasIn, runIn, valueIn, withValue } from "async_context";
import { badArgument, badConstructorArgument, illegalInvocation, isObject, publish } from "errors";
import { hasFlag } from "flags";
import { currentEvent } from "io";

const { globalThis: scope } = P;

// What a bound function was made in may belong to the request of then: it cannot be called in another one.
function originOf() {
  const event = hasFlag("bind_asynclocalstorage_snapshot_to_request") ? currentEvent() : null;
  return event === null ? null : event.context;
}

function checkOrigin(origin) {
  if (origin === null) return;
  const event = currentEvent();
  if (event === null || event.context !== origin)
    throw new P.Error("Cannot call this AsyncLocalStorage bound function outside of the request in which it was created.");
}

// A plain function, as the platform's are; calling it as a constructor is of no use.
function bound(frame, fn, self) {
  const origin = frame === null ? null : originOf();
  const made = function (...args) {
    checkOrigin(origin);
    return runIn(frame, fn, self, args);
  };
  P.ObjectDefineProperty(made, "name", { __proto__: null, value: "", configurable: true });
  return made;
}

let isStorage, isResource;

class AsyncLocalStorage {
  #default;
  #name = "";

  constructor(options) {
    if (options === undefined || options === null) return;
    if (!isObject(options)) throw badConstructorArgument("AsyncLocalStorage", 1, "AsyncLocalStorageOptions");
    this.#default = options.defaultValue;
    const { name } = options;
    if (name !== undefined) this.#name = `${name}`;
  }

  run(store, callback, ...args) {
    if (!isStorage(this)) throw illegalInvocation();
    if (arguments.length === 0) throw badArgument("AsyncLocalStorage", "run", 1, "Value");
    if (typeof callback !== "function") throw badArgument("AsyncLocalStorage", "run", 2, "function");
    return runIn(withValue(context.frame, this, store), callback, scope, args);
  }

  exit(callback, ...args) {
    if (!isStorage(this)) throw illegalInvocation();
    if (typeof callback !== "function") throw badArgument("AsyncLocalStorage", "exit", 1, "function");
    return runIn(withValue(context.frame, this, undefined), callback, scope, args);
  }

  getStore() {
    if (!isStorage(this)) throw illegalInvocation();
    return hasIn(context.frame, this) ? valueIn(context.frame, this) : this.#default;
  }

  enterWith(store) {
    throw new P.Error("asyncLocalStorage.enterWith() is not implemented");
  }

  disable() {
    throw new P.Error("asyncLocalStorage.disable() is not implemented");
  }

  get name() {
    if (!isStorage(this)) throw illegalInvocation();
    return this.#name;
  }

  static bind(fn) {
    if (typeof fn !== "function") throw badArgument("AsyncLocalStorage", "bind", 1, "Function");
    return bound(context.frame, fn, scope);
  }

  static snapshot() {
    const { frame } = context;
    const origin = originOf();
    return function (fn, ...args) {
      checkOrigin(origin);
      if (typeof fn !== "function") throw new P.TypeError("The first argument must be a function");
      return runIn(frame, fn, scope, args);
    };
  }

  static {
    isStorage = value => isObject(value) && #default in value;
  }
}
publish(AsyncLocalStorage);

class AsyncResource {
  #frame = context.frame;

  constructor(type, options) {
    if (options === undefined || options === null) return;
    if (!isObject(options)) throw badConstructorArgument("AsyncResource", 2, "Options");
    if (options.triggerAsyncId !== undefined) throw new P.Error("The 'triggerAsyncId' field on 'Options' is not implemented.");
  }

  asyncId() {
    return 0;
  }

  triggerAsyncId() {
    return 0;
  }

  bind(fn, self = scope) {
    if (!isResource(this)) throw illegalInvocation();
    if (typeof fn !== "function") throw badArgument("AsyncResource", "bind", 1, "Function");
    const made = bound(this.#frame, fn, self);
    made.asyncResource = this;
    return made;
  }

  runInAsyncScope(fn, self = scope, ...args) {
    if (!isResource(this)) throw illegalInvocation();
    if (typeof fn !== "function") throw badArgument("AsyncResource", "runInAsyncScope", 1, "function");
    return runIn(this.#frame, fn, self, args);
  }

  emitDestroy() {}

  static bind(fn, type, self) {
    if (typeof fn !== "function") throw badArgument("AsyncResource", "bind", 1, "Function");
    return new AsyncResource(type).bind(fn, self);
  }

  static {
    isResource = value => isObject(value) && #frame in value;
  }
}
publish(AsyncResource);

// ---- what is there by name ----

class AsyncHook {
  enable() {
    return this;
  }

  disable() {
    return this;
  }
}

function createHook() {
  return new AsyncHook();
}

function executionAsyncId() {
  return 0;
}

function executionAsyncResource() {
  return { __proto__: null };
}

function triggerAsyncId() {
  return 0;
}

const PROVIDERS =
  "NONE DIRHANDLE DNSCHANNEL ELDHISTOGRAM FILEHANDLE FILEHANDLECLOSEREQ BLOBREADER FSEVENTWRAP FSREQCALLBACK FSREQPROMISE GETADDRINFOREQWRAP " +
  "GETNAMEINFOREQWRAP HEAPSNAPSHOT HTTP2SESSION HTTP2STREAM HTTP2PING HTTP2SETTINGS HTTPINCOMINGMESSAGE HTTPCLIENTREQUEST LOCKS JSSTREAM " +
  "JSUDPWRAP MESSAGEPORT PIPECONNECTWRAP PIPESERVERWRAP PIPEWRAP PROCESSWRAP PROMISE QUERYWRAP QUIC_ENDPOINT QUIC_LOGSTREAM QUIC_SESSION " +
  "QUIC_STREAM QUIC_UDP SHUTDOWNWRAP SIGNALWRAP STATWATCHER STREAMPIPE TCPCONNECTWRAP TCPSERVERWRAP TCPWRAP TTYWRAP UDPSENDWRAP UDPWRAP " +
  "SIGINTWATCHDOG WORKER WORKERCPUPROFILE WORKERCPUUSAGE WORKERHEAPPROFILE WORKERHEAPSNAPSHOT WORKERHEAPSTATISTICS WRITEWRAP ZLIB " +
  "CHECKPRIMEREQUEST PBKDF2REQUEST KEYPAIRGENREQUEST KEYGENREQUEST KEYEXPORTREQUEST ARGON2REQUEST CIPHERREQUEST DERIVEBITSREQUEST HASHREQUEST " +
  "RANDOMBYTESREQUEST RANDOMPRIMEREQUEST SCRYPTREQUEST SIGNREQUEST TLSWRAP VERIFYREQUEST QUIC_PACKET";
const asyncWrapProviders = {};
for (const name of P.StringPrototypeSplit(PROVIDERS, " ")) asyncWrapProviders[name] = 0;

const everything = {
  AsyncLocalStorage,
  AsyncResource,
  asyncWrapProviders,
  createHook,
  executionAsyncId,
  executionAsyncResource,
  triggerAsyncId,
};
export { everything as default };
