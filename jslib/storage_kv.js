// ctx.storage.kv: the key-value interface that answers at once.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { crossEventError, currentEvent } from "io";
import { bytesOf, rangeOf } from "storage";
import { deserialize } from "clone";

const INTERNAL = Symbol();
const TYPE = "SyncKvStorage";
const NO_SQL =
  "The storage.kv (synchronous KV) API is only available for SQLite-backed Durable Objects, but this object's namespace is not declared to use " +
  "SQLite. You can use the older, asyncronous interface via methods of `storage` itself (e.g. `storage.get()`). Alternatively, to enable SQLite, " +
  "change `new_classes` to `new_sqlite_classes` within the 'migrations' field in your wrangler.jsonc or wrangler.toml file. If using workerd " +
  "directly, set `enableSql = true` in your workerd config for the class. Note that this change cannot be made after the class is already " +
  "deployed to production.";
const INVALIDATED = "kv.list() iterator was invalidated because a new call to kv.list() was started. Only one kv.list() iterator can exist at a time.";

class ListIterator {
  #object;
  #listing;
  #over;

  constructor(internal, object, range) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
    this.#over = range === null;
    if (range === null) return;
    N.kvList(object.number, range.start, range.end, range.reverse, range.limit);
    this.#listing = ++object.listing;
  }

  next() {
    const object = this.#object;
    if (this.#over) return { done: true, value: undefined };
    if (currentEvent() !== object) throw crossEventError();
    if (this.#listing !== object.listing) throw new P.Error(INVALIDATED);
    const entry = N.kvNext(object.number, 1);
    if (entry.length === 0) {
      this.#over = true;
      return { done: true, value: undefined };
    }
    return { done: false, value: [entry[0], deserialize(entry[1])] };
  }
}
publish(ListIterator);
P.ObjectSetPrototypeOf(ListIterator.prototype, P.IteratorPrototype);

export class SyncKvStorage {
  #object;

  constructor(internal, object) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
  }

  #here() {
    const object = this.#object;
    if (!object.hasSql) throw new P.Error(NO_SQL);
    if (currentEvent() !== object) throw crossEventError();
    return object;
  }

  get(key) {
    if (arguments.length === 0) throw badArgument(TYPE, "get", 1, "string");
    key = `${key}`;
    const bytes = N.kvGet(this.#here().number, key);
    return bytes === undefined ? undefined : deserialize(bytes);
  }

  put(key, value) {
    if (arguments.length === 0) throw badArgument(TYPE, "put", 1, "string");
    if (arguments.length === 1) throw badArgument(TYPE, "put", 2, "JsValue");
    key = `${key}`;
    const object = this.#here();
    N.kvPut(object.number, key, bytesOf(object, value), false);
  }

  delete(key) {
    if (arguments.length === 0) throw badArgument(TYPE, "delete", 1, "string");
    key = `${key}`;
    return N.kvDelete(this.#here().number, key, false);
  }

  list(options) {
    if (options !== undefined && options !== null && !isObject(options)) throw badArgument(TYPE, "list", 1, "ListOptions");
    return new ListIterator(INTERNAL, this.#here(), rangeOf(options ?? {}));
  }
}
publish(SyncKvStorage);

export function makeSyncKv(object) {
  return new SyncKvStorage(INTERNAL, object);
}
