// Headers.
//
// A header list starts either as a block, the string that came over the channel (`name:value\n`, names in lower case), or empty. A block
// is searched as it is; it is taken apart into a table only when somebody iterates over it or changes it. Copies share the block.

import { badArgument, badConstructorArgument, badField, isObject, publish } from "errors";
import { hasFlag, whenFlagsAreSet } from "flags";
import { listIterator } from "iterators";
import { SafeMap } from "safe";

const { ArrayPrototypeSlice: slice, ArrayPrototypeSort: sort, ArrayPrototypeJoin: join, ObjectKeys: keysOf } = P;
const { ArrayPrototypeSplice: splice } = P;
const { StringPrototypeIndexOf: indexOf, StringPrototypeReplace: replace, StringPrototypeSlice: substring } = P;
const { StringPrototypeStartsWith: startsWith, StringPrototypeToLowerCase: toLowerCase, RegExpPrototypeTest: test } = P;

const NOT_A_TOKEN = /[\0- "(),/:;<=>?@[\\\]{}\x7f]/;
const NOT_ASCII = /[^\0-\x7f]/;
const NEEDS_CARE = /^[\t\n\r ]|[\t\n\r ]$|[\0\n\r]/; // of values
const FORBIDDEN = /[\0\n\r]/;
const EDGES = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const COOKIE = "set-cookie";
// Lists whose values leave in one line, as the reference sends them; those of other names leave in a line each.
const LISTS = new SafeMap();
for (const name of [
    "accept", "accept-charset", "accept-encoding", "accept-language", "accept-ranges", "allow", "cache-control", "content-encoding",
    "content-language", "expect", "if-match", "if-none-match", "link", "proxy-authenticate", "vary", "via", "www-authenticate",
])
    LISTS.set(name, true);

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
    constructor(lower, name, value) {
        this.lower = lower;
        this.name = name; // as it was given first
        this.value = value;
        this.more = null; // further values, an array
    }
    add(value) {
        if (this.more === null) this.more = [value];
        else this.more[this.more.length] = value;
    }
    copy() {
        const e = new Entry(this.lower, this.name, this.value);
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

// Entries in the order of their insertion. A few are searched one by one, which is faster than any map; many have an index.
const FEW = 16;

class Table {
    constructor() {
        this.entries = [];
        this.index = null; // SafeMap: lower -> Entry
    }
    get(lower) {
        if (this.index !== null) return this.index.get(lower);
        const { entries } = this;
        for (let i = 0; i < entries.length; i++) {
            if (entries[i].lower === lower) return entries[i];
        }
        return undefined;
    }
    insert(entry) {
        const { entries } = this;
        entries[entries.length] = entry;
        if (this.index !== null) this.index.set(entry.lower, entry);
        else if (entries.length > FEW) this.makeIndex();
    }
    makeIndex() {
        this.index = new SafeMap();
        for (let i = 0; i < this.entries.length; i++) this.index.set(this.entries[i].lower, this.entries[i]);
    }
    append(lower, given, value) {
        const e = this.get(lower);
        if (e === undefined) this.insert(new Entry(lower, given, value));
        else e.add(value);
    }
    set(lower, given, value) {
        const e = this.get(lower);
        if (e === undefined) {
            this.insert(new Entry(lower, given, value));
        } else {
            e.value = value;
            e.more = null;
        }
    }
    delete(lower) {
        const { entries } = this;
        for (let i = 0; i < entries.length; i++) {
            if (entries[i].lower !== lower) continue;
            splice(entries, i, 1);
            if (this.index !== null) this.index.delete(lower);
            return;
        }
    }
    copy() {
        const t = new Table();
        for (let i = 0; i < this.entries.length; i++) t.entries[i] = this.entries[i].copy();
        if (this.index !== null) t.makeIndex();
        return t;
    }
    // A new array, by name.
    sorted() {
        const list = slice(this.entries);
        if (list.length > FEW) return sort(list, (a, b) => (a.lower < b.lower ? -1 : 1));
        for (let i = 1; i < list.length; i++) {
            const e = list[i];
            let j = i - 1;
            for (; j >= 0 && e.lower < list[j].lower; j--) list[j + 1] = list[j];
            list[j + 1] = e;
        }
        return list;
    }
}

// ---- blocks ----

function parseBlock(block) {
    const table = new Table();
    let at = 0;
    while (at < block.length) {
        const colon = indexOf(block, ":", at);
        let end = indexOf(block, "\n", colon);
        if (end < 0) end = block.length;
        const name = substring(block, at, colon);
        table.append(nameOf(name).lower, name, substring(block, colon + 1, end));
        at = end + 1;
    }
    return table;
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

// What a Headers object holds. Exactly one of block and table is set.
class HeaderList {
    constructor(block, table) {
        this.block = block;
        this.table = table;
        this.immutable = false;
    }
    get parsed() {
        if (this.table === null) {
            this.table = parseBlock(this.block);
            this.block = null;
        }
        return this.table;
    }
    copy() {
        return this.table === null ? new HeaderList(this.block, null) : new HeaderList(null, this.table.copy());
    }
    get(name) {
        if (this.table === null) return getFromBlock(this.block, name);
        const e = this.table.get(name.lower);
        return e === undefined ? null : e.joined;
    }
    has(name) {
        if (this.table === null) return findInBlock(this.block, name, 0) >= 0;
        return this.table.get(name.lower) !== undefined;
    }
    set(given, value) {
        this.parsed.set(nameOf(given).lower, given, value);
    }
    append(given, value) {
        this.parsed.append(nameOf(given).lower, given, value);
    }
    delete(given) {
        const { lower } = nameOf(given);
        this.parsed.delete(lower);
    }
    cookies() {
        const e = this.parsed.get(COOKIE);
        return e === undefined ? [] : e.all;
    }
    toBlock() {
        if (this.table === null) return this.block;
        const { entries } = this.table;
        let block = "";
        for (let i = 0; i < entries.length; i++) {
            const e = entries[i];
            if (e.more !== null && LISTS.has(e.lower)) {
                block += e.name + ":" + e.joined + "\n";
                continue;
            }
            block += e.name + ":" + e.value + "\n";
            if (e.more === null) continue;
            for (let j = 0; j < e.more.length; j++) block += e.name + ":" + e.more[j] + "\n";
        }
        return block;
    }
    // Sorted by name, cookies one by one.
    displayed() {
        const sorted = this.parsed.sorted();
        const list = [];
        for (let i = 0; i < sorted.length; i++) {
            const e = sorted[i];
            if (e.lower === COOKIE && e.more !== null && hasFlag("http_headers_getsetcookie")) {
                const all = e.all;
                for (let j = 0; j < all.length; j++) list[list.length] = [COOKIE, all[j]];
            } else {
                list[list.length] = [e.lower, e.joined];
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
            this.#list = new HeaderList(null, new Table());
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
        list.delete(name);
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
whenFlagsAreSet(() => {
    if (!hasFlag("http_headers_getsetcookie")) delete Headers.prototype.getSetCookie;
});

// A list from what users give as headers; null when it is of no such type.
function listFrom(init) {
    if (!isObject(init)) return null;
    if (isHeaders(init)) return stateOf(init).copy();
    const table = new Table();
    const iterator = init[Symbol.iterator];
    if (iterator === undefined || iterator === null) {
        const keys = keysOf(init);
        for (let i = 0; i < keys.length; i++) addPair(table, keys[i], init[keys[i]]);
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
            addPair(table, both[0], both[1]);
        }
    }
    return new HeaderList(null, table);
}

function addPair(table, name, value) {
    name = `${name}`;
    value = valueOf(`${value}`);
    table.append(nameOf(name).lower, name, value);
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
    stateOf(headers).delete(lower);
}

// The same for a block that no Headers object stands for yet.
export function blockGet(block, lower) {
    return getFromBlock(block, nameOf(lower));
}
