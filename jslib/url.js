// URL and URLSearchParams. The parser is C (src/fmt/url.h): one call gives the normalised href, and the places of the
// components in it through a table of numbers that is shared with C, so that the getters are slices.

import { badArgument, badConstructorArgument, isObject, publish } from "errors";
import { hasFlag } from "flags";

const { StringPrototypeSlice: slice, StringPrototypeIndexOf: indexOf, StringPrototypeToWellFormed: toWellFormed } = P;
const { ArrayPrototypePush: push, ArrayPrototypeSplice: splice, RegExpPrototypeExec: exec } = P;

const table = N.urlOffsets();
export const urlNumbers = new P.Uint32Array(
  P.TypedArrayPrototypeGetBuffer(table),
  P.TypedArrayPrototypeGetByteOffset(table),
  P.TypedArrayPrototypeGetLength(table) / 4,
);
const NONE = 0xffffffff;
const FILE = 6, OTHER = 0; // slv_url_scheme
const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5, PORT = 6, PATHNAME = 7, SEARCH = 8, HASH = 9;

const MAKE = P.Symbol("internal"); // the constructor is given an href that has just been parsed

let setQuery, attach, refill; // into the private fields of the two classes

export class URL {
  #href;
  #protocolEnd;
  #usernameEnd;
  #hostStart;
  #hostEnd;
  #port;
  #pathStart;
  #searchStart;
  #hashStart;
  #scheme;
  #hasHost;
  #params = null;

  constructor(url, base = undefined) {
    if (arguments.length < 1) throw badConstructorArgument("URL", 1, "USVString");
    const href = url === MAKE ? base : N.urlParse(url, base);
    if (href === undefined) throw new P.TypeError("Invalid URL string.");
    this.#take(href);
  }

  // href is what C has just made: the table describes it.
  #take(href) {
    this.#href = href;
    this.#protocolEnd = urlNumbers[0];
    this.#usernameEnd = urlNumbers[1];
    this.#hostStart = urlNumbers[2];
    this.#hostEnd = urlNumbers[3];
    this.#port = urlNumbers[4];
    this.#pathStart = urlNumbers[5];
    this.#searchStart = urlNumbers[6];
    this.#hashStart = urlNumbers[7];
    this.#scheme = urlNumbers[8];
    this.#hasHost = (urlNumbers[9] & 1) !== 0;
  }

  #set(part, value) {
    const href = N.urlSet(this.#href, part, value);
    if (href === undefined) return false;
    this.#take(href);
    return true;
  }

  static {
    // From URLSearchParams, when its list has changed.
    setQuery = (url, query) => url.#set(SEARCH, query);
  }

  get origin() {
    if (this.#scheme === OTHER) {
      return slice(this.#href, 0, this.#protocolEnd) === "blob:" ? N.urlOrigin(this.#href) : "null";
    }
    return this.#scheme === FILE ? "null" : slice(this.#href, 0, this.#protocolEnd) + "//" + this.host;
  }

  get href() {
    return this.#href;
  }
  set href(value) {
    if (!this.#set(HREF, value)) {
      throw new P.TypeError(
        "Failed to set the 'href' property on 'URL': the provided value is not of type 'valid URL string'.",
      );
    }
    this.#refresh();
  }

  get protocol() {
    return slice(this.#href, 0, this.#protocolEnd);
  }
  set protocol(value) {
    this.#set(PROTOCOL, value);
  }

  get username() {
    return slice(this.#href, this.#protocolEnd + 2, this.#usernameEnd);
  }
  set username(value) {
    this.#set(USERNAME, value);
  }

  get password() {
    return slice(this.#href, this.#usernameEnd + 1, this.#hostStart);
  }
  set password(value) {
    this.#set(PASSWORD, value);
  }

  // Where the host begins: behind the "@", if there is one.
  #hostBegin() {
    const at = this.#hostStart;
    return at < this.#hostEnd && this.#href[at] === "@" ? at + 1 : at;
  }

  get host() {
    return this.#hasHost ? slice(this.#href, this.#hostBegin(), this.#pathStart) : "";
  }
  set host(value) {
    this.#set(HOST, value);
  }

  get hostname() {
    return slice(this.#href, this.#hostBegin(), this.#hostEnd);
  }
  set hostname(value) {
    this.#set(HOSTNAME, value);
  }

  get port() {
    return this.#port === NONE ? "" : `${this.#port}`;
  }
  set port(value) {
    this.#set(PORT, value);
  }

  get pathname() {
    const end = this.#searchStart < this.#hashStart ? this.#searchStart : this.#hashStart;
    return slice(this.#href, this.#pathStart, end);
  }
  set pathname(value) {
    this.#set(PATHNAME, value);
  }

  get search() {
    if (this.#searchStart === NONE) return "";
    const search = slice(this.#href, this.#searchStart, this.#hashStart);
    return search === "?" ? "" : search;
  }
  set search(value) {
    this.#set(SEARCH, value);
    this.#refresh();
  }

  get hash() {
    if (this.#hashStart === NONE) return "";
    const hash = slice(this.#href, this.#hashStart);
    return hash === "#" ? "" : hash;
  }
  set hash(value) {
    this.#set(HASH, value);
  }

  #refresh() {
    if (this.#params !== null) refill(this.#params, slice(this.search, 1));
  }

  get searchParams() {
    return (this.#params ??= attach(new URLSearchParams(this.search), this));
  }

  toJSON() {
    return this.#href;
  }
  toString() {
    return this.#href;
  }

  static canParse(url, base = undefined) {
    if (arguments.length < 1) throw badArgument("URL", "canParse", 1, "USVString");
    return N.urlParse(url, base) !== undefined;
  }

  static parse(url, base = undefined) {
    if (arguments.length < 1) throw badArgument("URL", "parse", 1, "USVString");
    const href = N.urlParse(url, base);
    return href === undefined ? null : new URL(MAKE, href);
  }

  // The platform has no object URLs; the two functions are there to say so.
  static createObjectURL() {
    throw new P.Error("URL.createObjectURL() is not implemented");
  }
  static revokeObjectURL() {
    throw new P.Error("URL.revokeObjectURL() is not implemented");
  }
}
publish(URL);

function decode(text) {
  return indexOf(text, "%") < 0 && indexOf(text, "+") < 0 ? text : N.formDecode(text);
}

// Into a flat list: name, value, name, value ...
function parseQuery(text) {
  const list = [];
  for (let start = 0; start < text.length; ) {
    let end = indexOf(text, "&", start);
    if (end < 0) end = text.length;
    if (end > start) {
      const equals = indexOf(text, "=", start);
      if (equals < 0 || equals > end) push(list, decode(slice(text, start, end)), "");
      else push(list, decode(slice(text, start, equals)), decode(slice(text, equals + 1, end)));
    }
    start = end + 1;
  }
  return list;
}

const needsEncoding = /[^*\-.0-9A-Z_a-z]/;

function encode(text) {
  return exec(needsEncoding, text) === null ? text : N.formEncode(text);
}

function writeQuery(list) {
  let text = "";
  for (let i = 0; i < list.length; i += 2) {
    text += (i === 0 ? "" : "&") + encode(list[i]) + "=" + encode(list[i + 1]);
  }
  return text;
}

function usv(value) {
  return toWellFormed(`${value}`);
}

function notSequence() {
  return new P.TypeError("Incorrect type: the provided value is not of type 'Sequence'.");
}

// The elements of an iterable, by its own protocol.
function elements(iterable, method) {
  const list = [];
  const iterator = P.ReflectApply(method, iterable, []);
  if (!isObject(iterator)) throw notSequence();
  const next = iterator.next;
  for (;;) {
    const step = P.ReflectApply(next, iterator, []);
    if (!isObject(step)) throw notSequence();
    if (step.done) return list;
    push(list, step.value);
  }
}

function listFromPairs(init, method) {
  const list = [];
  const pairs = elements(init, method);
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i];
    const inner = isObject(pair) ? pair[P.SymbolIterator] : undefined;
    if (typeof inner !== "function") throw notSequence();
    const two = elements(pair, inner);
    if (two.length !== 2) throw new P.TypeError("Invalid URL search params sequence.");
    push(list, usv(two[0]), usv(two[1]));
  }
  return list;
}

function listFromRecord(init) {
  const list = [];
  const keys = P.ObjectKeys(init);
  for (let i = 0; i < keys.length; i++) {
    const name = toWellFormed(keys[i]);
    const value = usv(init[keys[i]]);
    let at = 0; // two keys may become one when lone surrogates are replaced
    while (at < list.length && list[at] !== name) at += 2;
    list[at] = name;
    list[at + 1] = value;
  }
  return list;
}

// Iterators that walk by position over the live list, so that what is added behind them is still seen.
function liveIterator(tag, pick) {
  class LiveIterator {
    #list; // gives the list, which the URL may replace; null when it is over
    #at = 0;

    constructor(list) {
      this.#list = list;
    }
    next() {
      const list = this.#list === null ? [] : this.#list();
      const at = this.#at;
      if (at >= list.length) {
        this.#list = null;
        return { value: undefined, done: true };
      }
      this.#at = at + 2;
      return { value: pick(list, at), done: false };
    }
  }
  const proto = LiveIterator.prototype;
  delete proto.constructor;
  P.ObjectSetPrototypeOf(proto, P.IteratorPrototype);
  P.ObjectDefineProperty(proto, "next", { __proto__: null, enumerable: true });
  P.ObjectDefineProperty(proto, P.SymbolToStringTag, { __proto__: null, value: tag, configurable: true });
  return (list) => new LiveIterator(list);
}

const entryIterator = liveIterator("EntryIterator", (list, i) => [list[i], list[i + 1]]);
const keyIterator = liveIterator("KeyIterator", (list, i) => list[i]);
const valueIterator = liveIterator("ValueIterator", (list, i) => list[i + 1]);

export class URLSearchParams {
  #list;
  #url = null;

  constructor(init = "") {
    if (isObject(init)) {
      const method = init[P.SymbolIterator];
      if (method !== undefined && method !== null) {
        if (typeof method !== "function") throw notSequence();
        this.#list = listFromPairs(init, method);
      } else {
        this.#list = listFromRecord(init);
      }
    } else {
      const text = usv(init);
      this.#list = parseQuery(text[0] === "?" ? slice(text, 1) : text);
    }
  }

  static {
    attach = (params, url) => {
      params.#url = url;
      return params;
    };
    refill = (params, query) => {
      params.#list = parseQuery(query);
    };
  }

  #changed() {
    if (this.#url !== null) setQuery(this.#url, writeQuery(this.#list));
  }

  // Position of the first pair from `from` on that matches; value undefined matches any.
  #find(name, value, from) {
    const list = this.#list;
    for (let i = from; i < list.length; i += 2) {
      if (list[i] === name && (value === undefined || list[i + 1] === value)) return i;
    }
    return -1;
  }

  get size() {
    return this.#list.length / 2;
  }

  append(name, value) {
    if (arguments.length < 2) throw badArgument("URLSearchParams", "append", arguments.length + 1, "USVString");
    push(this.#list, usv(name), usv(value));
    this.#changed();
  }

  delete(name, value = undefined) {
    if (arguments.length < 1) throw badArgument("URLSearchParams", "delete", 1, "USVString");
    name = usv(name);
    if (value !== undefined) value = hasFlag("urlsearchparams_delete_has_value_arg") ? usv(value) : undefined;
    for (let i = 0; (i = this.#find(name, value, i)) >= 0; ) splice(this.#list, i, 2);
    this.#changed();
  }

  get(name) {
    if (arguments.length < 1) throw badArgument("URLSearchParams", "get", 1, "USVString");
    const i = this.#find(usv(name), undefined, 0);
    return i < 0 ? null : this.#list[i + 1];
  }

  getAll(name) {
    if (arguments.length < 1) throw badArgument("URLSearchParams", "getAll", 1, "USVString");
    name = usv(name);
    const values = [];
    for (let i = 0; (i = this.#find(name, undefined, i)) >= 0; i += 2) push(values, this.#list[i + 1]);
    return values;
  }

  has(name, value = undefined) {
    if (arguments.length < 1) throw badArgument("URLSearchParams", "has", 1, "USVString");
    name = usv(name);
    if (value !== undefined) value = hasFlag("urlsearchparams_delete_has_value_arg") ? usv(value) : undefined;
    return this.#find(name, value, 0) >= 0;
  }

  set(name, value) {
    if (arguments.length < 2) throw badArgument("URLSearchParams", "set", arguments.length + 1, "USVString");
    name = usv(name);
    value = usv(value);
    const first = this.#find(name, undefined, 0);
    if (first < 0) {
      push(this.#list, name, value);
    } else {
      this.#list[first + 1] = value;
      for (let i = first + 2; (i = this.#find(name, undefined, i)) >= 0; ) splice(this.#list, i, 2);
    }
    this.#changed();
  }

  // By name in code units; pairs of one name keep their order.
  sort() {
    const list = this.#list;
    const pairs = [];
    for (let i = 0; i < list.length; i += 2) push(pairs, { __proto__: null, name: list[i], value: list[i + 1] });
    P.ArrayPrototypeSort(pairs, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    for (let i = 0; i < pairs.length; i++) {
      list[2 * i] = pairs[i].name;
      list[2 * i + 1] = pairs[i].value;
    }
    this.#changed();
  }

  entries() {
    return entryIterator(() => this.#list);
  }
  keys() {
    return keyIterator(() => this.#list);
  }
  values() {
    return valueIterator(() => this.#list);
  }

  forEach(callback, thisArg = undefined) {
    if (typeof callback !== "function") throw badArgument("URLSearchParams", "forEach", 1, "function");
    for (let i = 0; i < this.#list.length; i += 2) {
      P.ReflectApply(callback, thisArg, [this.#list[i + 1], this.#list[i], this]);
    }
  }

  [P.SymbolIterator]() {
    return entryIterator(() => this.#list);
  }

  toString() {
    return writeQuery(this.#list);
  }
}
publish(URLSearchParams);
P.ObjectDefineProperty(URLSearchParams.prototype[P.SymbolIterator], "length", { __proto__: null, value: 0 });

