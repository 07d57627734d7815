// Headers.
//
// A header list starts either as a block, the string that came over the channel (`name:value\n`, names in lower case), or empty. A block
// is searched as it is; it is taken apart into a map only when somebody iterates over it or changes it. Copies share the block.

import { badArgument, badConstructorArgument, badField, isObject, publish } from "errors";
import { hasFlag } from "flags";
import { listIterator } from "iterators";
import { SafeMap } from "safe";

const { ArrayPrototypeSlice: slice, ArrayPrototypeSort: sort, ArrayPrototypeJoin: join, ObjectKeys: keysOf } = P;
const { StringPrototypeIndexOf: indexOf, StringPrototypeReplace: replace, StringPrototypeSlice: substring } = P;
const { StringPrototypeStartsWith: startsWith, StringPrototypeToLowerCase: toLowerCase, RegExpPrototypeTest: test } = P;

const NOT_A_TOKEN = /[\0- "(),/:;<=>?@[\\\]{}\x7f]/;
const NOT_ASCII = /[^\0-\x7f]/;
const NEEDS_CARE = /^[\t\n\r ]|[\t\n\r ]$|[\0\n\r]/; // of values
const FORBIDDEN = /[\0\n\r]/;
const EDGES = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const COOKIE = "set-cookie";

// ---- names ----

// A checked name: in lower case, and as it is looked for inside a block.
class Name {
    constructor(lower) {
        this.lower = lower;
        this.first = lower + ":";
        this.needle = "\n" + lower + ":";
    }
}

// Names as they were given -> Name. Programs use few different ones; strangers could use many, hence the limit.
const NAMES_MAX = 2000;
const NAME_LENGTH_MAX = 64;
const names = new SafeMap();

function nameOf(given) {
    const known = names.get(given);
    return known !== undefined ? known : learnName(given);
}

function learnName(given) {
    if (test(NOT_A_TOKEN, given)) throw new TypeError("Invalid header name.");
    const lower = test(NOT_ASCII, given)
        ? replace(given, /[A-Z]/g, (c) => toLowerCase(c))
        : toLowerCase(given);
    const name = new Name(lower);
    if (given.length <= NAME_LENGTH_MAX && names.size < NAMES_MAX) names.set(given, name);
    return name;
}

// ---- values ----

function valueOf(given) {
    if (!test(NEEDS_CARE, given)) return given;
    const value = replace(given, EDGES, "");
    if (test(FORBIDDEN, value)) throw new TypeError("Invalid header value.");
    return value;
}

// One name with its values.
class Entry {
    constructor(name, value) {
        this.name = name; // as it was given first
        this.value = value;
        this.more = null; // further values, an array
    }
    add(value) {
        if (this.more === null) this.more = [value];
        else this.more[this.more.length] = value;
    }
    copy() {
        const e = new Entry(this.name, this.value);
        if (this.more !== null) e.more = slice(this.more);
        return e;
    }
    get joined() {
        return this.more === null ? this.value : this.value + ", " + join(this.more, ", ");
    }
    get all() {
        const list = [this.value];
        if (this.more !== null) {
            for (let i = 0; i < this.more.length; i++) list[i + 1] = this.more[i];
        }
        return list;
    }
}

// ---- blocks ----

function addTo(map, lower, given, value) {
    const e = map.get(lower);
    if (e === undefined) map.set(lower, new Entry(given, value));
    else e.add(value);
}

function parseBlock(block) {
    const map = new SafeMap();
    let at = 0;
    while (at < block.length) {
        const colon = indexOf(block, ":", at);
        let end = indexOf(block, "\n", colon);
        if (end < 0) end = block.length;
        const name = substring(block, at, colon);
        addTo(map, nameOf(name).lower, name, substring(block, colon + 1, end));
        at = end + 1;
    }
    return map;
}

// Where the value of the next header of this name begins, or -1.
function findInBlock(block, name, from) {
    if (from === 0 && startsWith(block, name.first)) return name.first.length;
    const at = indexOf(block, name.needle, from);
    return at < 0 ? -1 : at + name.needle.length;
}

function endOfLine(block, at) {
    const end = indexOf(block, "\n", at);
    return end < 0 ? block.length : end;
}

function getFromBlock(block, name) {
    let at = findInBlock(block, name, 0);
    if (at < 0) return null;
    let end = endOfLine(block, at);
    let value = substring(block, at, end);
    while ((at = findInBlock(block, name, end)) >= 0) {
        end = endOfLine(block, at);
        value += ", " + substring(block, at, end);
    }
    return value;
}

// ---- the class ----

const iterateEntries = listIterator("EntryIterator", (pair) => pair);
const iterateKeys = listIterator("KeyIterator", (pair) => pair[0]);
const iterateValues = listIterator("ValueIterator", (pair) => pair[1]);

let stateOf; // the HeaderList of a Headers object
let wrap; // a Headers object around a HeaderList
export let isHeaders;

// What a Headers object holds. Exactly one of block and map is set.
class HeaderList {
    constructor(block, map) {
        this.block = block;
        this.map = map;
        this.immutable = false;
    }
    get entries() {
        if (this.map === null) {
            this.map = parseBlock(this.block);
            this.block = null;
        }
        return this.map;
    }
    copy() {
        if (this.map === null) return new HeaderList(this.block, null);
        const map = new SafeMap();
        this.map.forEach((e, lower) => map.set(lower, e.copy()));
        return new HeaderList(null, map);
    }
    get(name) {
        if (this.map === null) return getFromBlock(this.block, name);
        const e = this.map.get(name.lower);
        return e === undefined ? null : e.joined;
    }
    has(name) {
        if (this.map === null) return findInBlock(this.block, name, 0) >= 0;
        return this.map.has(name.lower);
    }
    set(given, value) {
        const map = this.entries;
        const lower = nameOf(given).lower;
        const e = map.get(lower);
        if (e === undefined) map.set(lower, new Entry(given, value));
        else {
            e.value = value;
            e.more = null;
        }
    }
    append(given, value) {
        addTo(this.entries, nameOf(given).lower, given, value);
    }
    cookies() {
        const e = this.entries.get(COOKIE);
        return e === undefined ? [] : e.all;
    }
    toBlock() {
        if (this.map === null) return this.block;
        let block = "";
        this.map.forEach((e) => {
            block += e.name + ":" + e.value + "\n";
            if (e.more === null) return;
            for (let i = 0; i < e.more.length; i++) block += e.name + ":" + e.more[i] + "\n";
        });
        return block;
    }
    // Sorted by name, cookies one by one.
    displayed() {
        const map = this.entries;
        const keys = [];
        map.forEach((e, lower) => {
            keys[keys.length] = lower;
        });
        sort(keys);
        const apart = hasFlag("http_headers_getsetcookie");
        const list = [];
        for (let i = 0; i < keys.length; i++) {
            const e = map.get(keys[i]);
            if (keys[i] === COOKIE && apart) {
                const all = e.all;
                for (let j = 0; j < all.length; j++) list[list.length] = [COOKIE, all[j]];
            } else {
                list[list.length] = [keys[i], e.joined];
            }
        }
        return list;
    }
}

const MAKE = Symbol("internal");

function checkGuard(list) {
    if (list.immutable) throw new TypeError("Can't modify immutable headers.");
}

export class Headers {
    #list;

    static {
        stateOf = (headers) => headers.#list;
        wrap = (list) => new Headers(MAKE, list);
        isHeaders = (value) => isObject(value) && #list in value;
    }

    constructor(init, list) {
        if (init === MAKE) {
            this.#list = list;
        } else if (init === undefined) {
            this.#list = new HeaderList(null, new SafeMap());
        } else {
            const filled = listFrom(init);
            if (filled === null) {
                throw badConstructorArgument("Headers", 1, "Headers or Sequence or object");
            }
            this.#list = filled;
        }
    }

    get(name) {
        const list = this.#list;
        if (arguments.length === 0) throw badArgument("Headers", "get", 1, "string");
        return list.get(nameOf(`${name}`));
    }

    getAll(name) {
        const list = this.#list;
        if (arguments.length === 0) throw badArgument("Headers", "getAll", 1, "string");
        if (toLowerCase(`${name}`) !== COOKIE) {
            throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
        }
        return list.cookies();
    }

    getSetCookie() {
        return this.#list.cookies();
    }

    has(name) {
        const list = this.#list;
        if (arguments.length === 0) throw badArgument("Headers", "has", 1, "string");
        return list.has(nameOf(`${name}`));
    }

    set(name, value) {
        const list = this.#list;
        if (arguments.length === 0) throw badArgument("Headers", "set", 1, "string");
        if (arguments.length < 2) throw badArgument("Headers", "set", 2, "string");
        name = `${name}`;
        value = `${value}`;
        checkGuard(list);
        value = valueOf(value);
        list.set(name, value);
    }

    append(name, value) {
        const list = this.#list;
        if (arguments.length === 0) throw badArgument("Headers", "append", 1, "string");
        if (arguments.length < 2) throw badArgument("Headers", "append", 2, "string");
        name = `${name}`;
        value = `${value}`;
        checkGuard(list);
        value = valueOf(value);
        list.append(name, value);
    }

    delete(name) {
        const list = this.#list;
        if (arguments.length === 0) throw badArgument("Headers", "delete", 1, "string");
        name = `${name}`;
        checkGuard(list);
        const { lower } = nameOf(name);
        list.entries.delete(lower);
    }

    forEach(callback, thisArg) {
        const list = this.#list;
        if (typeof callback !== "function") throw badArgument("Headers", "forEach", 1, "function");
        const shown = list.displayed();
        for (let i = 0; i < shown.length; i++) P.ReflectApply(callback, thisArg, [shown[i][1], shown[i][0], this]);
    }

    entries() {
        return iterateEntries(this.#list.displayed());
    }

    keys() {
        return iterateKeys(this.#list.displayed());
    }

    values() {
        return iterateValues(this.#list.displayed());
    }

    [Symbol.iterator]() {
        return iterateEntries(this.#list.displayed());
    }
}

publish(Headers);
Object.defineProperty(Headers.prototype, Symbol.iterator, { enumerable: false });

// A list from what users give as headers; null when it is of no such type.
function listFrom(init) {
    if (!isObject(init)) return null;
    if (isHeaders(init)) return stateOf(init).copy();
    const map = new SafeMap();
    const iterator = init[Symbol.iterator];
    if (iterator === undefined || iterator === null) {
        const keys = keysOf(init);
        for (let i = 0; i < keys.length; i++) addPair(map, keys[i], init[keys[i]]);
    } else {
        if (typeof iterator !== "function") return null;
        for (const pair of { [Symbol.iterator]: () => P.ReflectApply(iterator, init, []) }) {
            if (!isObject(pair) || typeof pair[Symbol.iterator] !== "function") {
                throw new TypeError("Incorrect type: the provided value is not of type 'Sequence'.");
            }
            const both = [...pair];
            if (both.length !== 2) {
                throw new TypeError(
                    "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
                );
            }
            addPair(map, both[0], both[1]);
        }
    }
    return new HeaderList(null, map);
}

function addPair(map, name, value) {
    name = `${name}`;
    value = valueOf(`${value}`);
    addTo(map, nameOf(name).lower, name, value);
}

// ---- for the other built-ins ----

// Headers over a block from the channel. Immutable ones are those of incoming requests and of responses that fetch gave.
export function headersFromBlock(block, immutable) {
    const list = new HeaderList(block, null);
    list.immutable = immutable;
    return wrap(list);
}

export function headersToBlock(headers) {
    return stateOf(headers).toBlock();
}

// A mutable copy.
export function copyHeaders(headers) {
    return wrap(stateOf(headers).copy());
}

// A copy that is as mutable as the original is.
export function cloneHeaders(headers) {
    const list = stateOf(headers).copy();
    list.immutable = stateOf(headers).immutable;
    return wrap(list);
}

// The headers field of a RequestInit or ResponseInit.
export function headersFromInit(init, dictionary) {
    const list = listFrom(init);
    if (list === null) throw badField(dictionary, "headers", "Headers or Sequence or object");
    return wrap(list);
}

// These four take names in lower case and look past the guard.
export function headerGet(headers, lower) {
    return stateOf(headers).get(nameOf(lower));
}

export function headerHas(headers, lower) {
    return stateOf(headers).has(nameOf(lower));
}

export function headerSet(headers, name, value) {
    stateOf(headers).set(name, value);
}

export function headerDelete(headers, lower) {
    stateOf(headers).entries.delete(lower);
}

// The same for a block that no Headers object stands for yet.
export function blockGet(block, lower) {
    return getFromBlock(block, nameOf(lower));
}
