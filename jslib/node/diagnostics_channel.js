// node:diagnostics_channel: named channels of messages, and groups of five of them around a call that is traced. Stores bound to a
// channel are set for what runs inside of runStores().

import { context, runIn, withValue } from "async_context";
import { badArgument, illegalConstructor, publish as shapeOf } from "errors";
import { nodeError } from "node/internal/errors";
import { validateObject } from "node/internal/validators";
import { hasFlag } from "flags";
import { logChannel } from "runtime";

const INTERNAL = P.Symbol();
const channels = new P.Map(); // name -> Channel

let isChannel;

class Channel {
  #name;
  #subscribers = []; // never changed in place
  #stores = [];

  constructor(internal, name) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#name = name;
  }

  hasSubscribers() {
    return this.#subscribers.length > 0;
  }

  publish(message) {
    logChannel(this.#name, message);
    const list = this.#subscribers;
    for (let i = 0; i < list.length; i++) list[i](message, this.#name);
  }

  subscribe(callback) {
    if (typeof callback !== "function") throw badArgument("Channel", "subscribe", 1, "function");
    if (!P.ArrayPrototypeIncludes(this.#subscribers, callback)) this.#subscribers = [...this.#subscribers, callback];
  }

  unsubscribe(callback) {
    if (typeof callback !== "function") throw badArgument("Channel", "unsubscribe", 1, "function");
    this.#subscribers = P.ArrayPrototypeFilter(this.#subscribers, known => known !== callback);
  }

  bindStore(store, transform = undefined) {
    if (!(store instanceof load("node/async_hooks").default.AsyncLocalStorage)) throw badArgument("Channel", "bindStore", 1, "AsyncLocalStorage");
    if (transform !== undefined && typeof transform !== "function") throw badArgument("Channel", "bindStore", 2, "function");
    this.unbindStore(store);
    this.#stores = [...this.#stores, { store, transform }];
  }

  unbindStore(store) {
    this.#stores = P.ArrayPrototypeFilter(this.#stores, bound => bound.store !== store);
  }

  runStores(message, callback, self = P.globalThis, ...args) {
    if (typeof callback !== "function") throw badArgument("Channel", "runStores", 2, "function");
    let { frame } = context;
    const stores = this.#stores;
    for (let i = 0; i < stores.length; i++) {
      const { store, transform } = stores[i];
      frame = withValue(frame, store, transform === undefined ? message : runIn(frame, transform, undefined, [message]));
    }
    return runIn(
      frame,
      () => {
        this.publish(message);
        return P.ReflectApply(callback, self, args);
      },
      undefined,
      [],
    );
  }

  static {
    isChannel = value => typeof value === "object" && value !== null && #name in value;
  }
}
shapeOf(Channel);

// hasSubscribers is a method, or by a flag the getter that it is in Node.
let shaped = false;
function shape() {
  if (shaped) return;
  shaped = true;
  if (!hasFlag("diagnostics_channel_has_subscribers_getter")) return;
  for (const { prototype } of [Channel, TracingChannel]) {
    const method = prototype.hasSubscribers;
    P.ObjectDefineProperty(prototype, "hasSubscribers", {
      __proto__: null,
      get() {
        return P.ReflectApply(method, this, []);
      },
      enumerable: false,
      configurable: true,
    });
  }
}

function heard(one) {
  if (one === undefined || one === null) return false;
  return typeof one.hasSubscribers === "function" ? one.hasSubscribers() : one.hasSubscribers;
}

function hasSubscribers(name) {
  return heard(P.MapPrototypeGet(channels, name));
}

function channel(name) {
  shape();
  if (typeof name !== "symbol") name = `${name}`;
  let found = P.MapPrototypeGet(channels, name);
  if (found === undefined) P.MapPrototypeSet(channels, name, (found = new Channel(INTERNAL, name)));
  return found;
}

function subscribe(name, callback) {
  channel(name).subscribe(callback);
}

function unsubscribe(name, callback) {
  channel(name).unsubscribe(callback);
}

// ---- tracing ----

const PARTS = ["start", "end", "asyncStart", "asyncEnd", "error"];
const parts = new P.WeakMap(); // TracingChannel -> its channels by name

function partOf(tracing, name) {
  return P.WeakMapPrototypeGet(parts, tracing)?.[name];
}

class TracingChannel {
  constructor() {
    throw new P.Error("Use diagnostic_channel.tracingChannels() to create TracingChannel");
  }

  get start() {
    return partOf(this, "start");
  }

  get end() {
    return partOf(this, "end");
  }

  get asyncStart() {
    return partOf(this, "asyncStart");
  }

  get asyncEnd() {
    return partOf(this, "asyncEnd");
  }

  get error() {
    return partOf(this, "error");
  }

  hasSubscribers() {
    for (let i = 0; i < PARTS.length; i++) if (heard(this[PARTS[i]])) return true;
    return false;
  }

  subscribe(subscriptions) {
    for (let i = 0; i < PARTS.length; i++) if (subscriptions[PARTS[i]] !== undefined) this[PARTS[i]]?.subscribe(subscriptions[PARTS[i]]);
  }

  unsubscribe(subscriptions) {
    for (let i = 0; i < PARTS.length; i++) if (subscriptions[PARTS[i]] !== undefined) this[PARTS[i]]?.unsubscribe(subscriptions[PARTS[i]]);
  }

  traceSync(fn, message = {}, self = P.globalThis, ...args) {
    return traced(this, message, self, () => {
      const result = P.ReflectApply(fn, self, args);
      message.result = result;
      return result;
    });
  }

  tracePromise(fn, message = {}, self = P.globalThis, ...args) {
    const { asyncStart, asyncEnd, error } = this;
    const settled = () => {
      asyncStart?.publish(message);
      asyncEnd?.publish(message);
    };
    return traced(this, message, self, () => {
      let promise = P.ReflectApply(fn, self, args);
      if (!(promise instanceof P.Promise)) promise = P.PromiseResolve(promise);
      return promise.then(
        result => {
          message.result = result;
          settled();
          return result;
        },
        reason => {
          message.error = reason;
          error?.publish(message);
          settled();
          throw reason;
        },
      );
    });
  }

  traceCallback(fn, position = -1, message = {}, self = P.globalThis, ...args) {
    const { asyncStart, asyncEnd, error } = this;
    const at = position < 0 ? args.length + position : position;
    const callback = position < 0 ? P.ArrayPrototypeAt(args, position) : args[position];
    if (typeof callback !== "function") throw nodeError("ERR_INVALID_ARG_TYPE", "callback", ["function"], callback);
    args[at] = function (reason, result) {
      if (reason) {
        message.error = reason;
        error?.publish(message);
      } else {
        message.result = result;
      }
      const given = arguments;
      asyncStart?.runStores(
        message,
        () => {
          try {
            P.ReflectApply(callback, this, given);
          } finally {
            asyncEnd?.publish(message);
          }
        },
        self,
      );
    };
    return traced(this, message, self, () => P.ReflectApply(fn, self, args));
  }
}

function traced(tracing, message, self, run) {
  const { start, end, error } = tracing;
  return start?.runStores(
    message,
    () => {
      try {
        return run();
      } catch (reason) {
        message.error = reason;
        error?.publish(message);
        throw reason;
      } finally {
        end?.publish(message);
      }
    },
    self,
  );
}

function tracingChannel(nameOrChannels) {
  const found = { __proto__: null };
  if (typeof nameOrChannels !== "string") validateObject(nameOrChannels, "channels");
  for (let i = 0; i < PARTS.length; i++) {
    const part = PARTS[i];
    if (typeof nameOrChannels === "string") {
      found[part] = channel(`tracing:${nameOrChannels}:${part}`);
      continue;
    }
    if (!isChannel(nameOrChannels[part])) throw nodeError("ERR_INVALID_ARG_TYPE", `channels.${part}`, "Channel", nameOrChannels[part]);
    found[part] = nameOrChannels[part];
  }
  shape();
  const tracing = P.ObjectCreate(TracingChannel.prototype);
  P.WeakMapPrototypeSet(parts, tracing, found);
  return tracing;
}

const module = { hasSubscribers, channel, subscribe, unsubscribe, tracingChannel, Channel };
export { module as default, hasSubscribers, channel, subscribe, unsubscribe, tracingChannel, Channel, TracingChannel };
