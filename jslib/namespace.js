// Durable Object namespaces as a worker sees them: ids, stubs, calls. What becomes of a call is main's (src/edge/object.c);
// the objects themselves are objects.js's.
//
// An id is 32 bytes. The first half is the HMAC of the name under the namespace's key, or random; the second half is the HMAC
// of the first, so that every namespace knows its own ids.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { op, requireEvent } from "io";
import { Fetcher, makeFetcher } from "fetcher";
import { Remote, setState } from "rpc";
import { linkFetcher } from "rpc_services";

const OBJECT_FETCH = 72, OBJECT_RPC = 73; // see objects.md
const FETCH_RESULT = "hssbsrqka";
const BODY_STREAM = 1;
const SHA256 = 2;
const HALF = 16;
const NAMES_KEPT = 512;
const NAME_KEPT_MAX = 128; // characters

const MAKE = Symbol("internal");
const { defineProperty } = Object;
const then = P.PromisePrototypeThen;
const slice = P.TypedArrayPrototypeSlice;

const NOT_VALID = "Durable Object ID is not valid for this namespace.";
const OTHER_JURISDICTION = "get called on jurisdictional subnamespace with an ID from a different jurisdiction";
const jurisdictions = { __proto__: null, eu: true, fedramp: true, "fedramp-high": true, us: true };

// ---- bytes and digits ----

const DIGITS = "0123456789abcdef";

function toHex(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += DIGITS[bytes[i] >> 4] + DIGITS[bytes[i] & 15];
    return text;
}

// undefined unless text is 64 hex digits.
function fromHex(text) {
    if (text.length !== 4 * HALF) return undefined;
    const bytes = new P.Uint8Array(2 * HALF);
    for (let i = 0; i < bytes.length; i++) {
        const high = digit(P.StringPrototypeCharCodeAt(text, 2 * i));
        const low = digit(P.StringPrototypeCharCodeAt(text, 2 * i + 1));
        if (high < 0 || low < 0) return undefined;
        bytes[i] = high * 16 + low;
    }
    return bytes;
}

function digit(code) {
    if (code >= 48 && code <= 57) return code - 48;
    const letter = code | 32;
    return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function half(key, bytes) {
    return slice(N.hmac(SHA256, key, bytes), 0, HALF);
}

function complete(key, first) {
    return toHex(first) + toHex(half(key, first));
}

function isOf(key, hex) {
    return complete(key, slice(fromHex(hex), 0, HALF)) === hex;
}

// ---- ids ----

let idParts;
let madeWith; // the key of the namespace that made the id or has checked it; null: of an object that lives here

export class DurableObjectId {
    #hex;
    #key;

    static {
        idParts = (value) => (isObject(value) && #hex in value ? value.#hex : undefined);
        madeWith = (id) => id.#key;
    }

    constructor(token, hex, name, jurisdiction, key) {
        if (token !== MAKE) throw illegalConstructor();
        this.#hex = hex;
        this.#key = key;
        own(this, "name", name);
        own(this, "jurisdiction", jurisdiction);
    }

    toString() {
        return this.#hex;
    }

    equals(other) {
        const hex = idParts(other);
        if (hex === undefined) throw badArgument("DurableObjectId", "equals", 1, "DurableObjectId");
        return this.#hex === hex;
    }
}
publish(DurableObjectId);

// The text of an id; undefined for anything else.
export function idText(value) {
    return idParts(value);
}

// The id of an object that lives here, for its ctx.id.
export function objectId(hex, name, jurisdiction) {
    return new DurableObjectId(MAKE, hex, name, jurisdiction, null);
}

// ---- stubs ----

// What calls go to: one object of a namespace.
class ObjectTarget extends Remote {
    constructor(index, hex, name) {
        super(0, index);
        this.hex = hex;
        this.name = name;
        this.broken = undefined; // the error of a call after which the stub is of no use any more
    }

    retain() {}

    release() {}

    live() {
        return this;
    }

    dispose() {}

    tie() {
        return load("ties").describeObject(this.number, this.hex, this.name);
    }

    start(action, path, bytes, caps) {
        if (this.broken !== undefined) return P.PromiseReject(this.broken);
        const named = this.name !== undefined;
        const promise = op(
            OBJECT_RPC,
            "wwsbsbsyc",
            [this.number, 0, this.hex, named ? 1 : 0, named ? this.name : "", action, path, bytes, caps],
            "yc",
        );
        const result = then(promise, undefined, (error) => this.failed(error));
        result.operation = promise.operation;
        return result;
    }

    failed(error) {
        if (!isObject(error)) throw error;
        defineProperty(error, "remote", { __proto__: null, value: true, writable: true, enumerable: true, configurable: true });
        if (error.durableObjectReset === true) this.broken = error;
        throw error;
    }

    // The fields are those of OP FETCH.
    fetch(args) {
        if (this.broken !== undefined) return P.PromiseReject(this.broken);
        const named = this.name !== undefined;
        const stream = (args[0] & BODY_STREAM) !== 0 ? args[1] : 0;
        const promise = op(
            OBJECT_FETCH,
            "wwsbsbwqsssys",
            [this.number, stream, this.hex, named ? 1 : 0, named ? this.name : "", ...args],
            FETCH_RESULT,
        );
        const result = then(promise, undefined, (error) => this.failed(error));
        result.operation = promise.operation; // what an abort cancels
        return result;
    }
}

export class DurableObject extends Fetcher {
    constructor(token, send) {
        super(token, send);
    }
}
publish(DurableObject);

function own(stub, name, value) {
    defineProperty(stub, name, { __proto__: null, value, writable: false, enumerable: true, configurable: true });
}

function makeObjectStub(index, id) {
    linkFetcher();
    const target = new ObjectTarget(index, idParts(id), id.name);
    const stub = makeFetcher((args) => target.fetch(args), DurableObject);
    own(stub, "name", id.name);
    own(stub, "id", id);
    setState(stub, target);
    return stub;
}

// ---- namespaces ----

export class DurableObjectNamespace {
    #index;
    #key;
    #jurisdiction;
    #names = new P.Map(); // the ids of names that were asked for lately

    constructor(token, index, key, jurisdiction) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
        this.#key = key;
        this.#jurisdiction = jurisdiction;
    }

    newUniqueId(options) {
        const jurisdiction = options?.jurisdiction;
        if (jurisdiction !== undefined && jurisdiction !== this.#jurisdiction) return this.jurisdiction(jurisdiction).newUniqueId();
        requireEvent();
        const first = new P.Uint8Array(HALF);
        N.randomFill(first);
        return this.#id(complete(this.#key, first), undefined);
    }

    idFromName(name) {
        if (name === undefined) throw badArgument("DurableObjectNamespace", "idFromName", 1, "string");
        const text = `${name}`;
        let hex = P.MapPrototypeGet(this.#names, text);
        if (hex === undefined) {
            hex = complete(this.#key, half(this.#key, N.utf8Encode(text)));
            this.#keep(text, hex);
        }
        return this.#id(hex, text);
    }

    idFromString(text) {
        if (text === undefined) throw badArgument("DurableObjectNamespace", "idFromString", 1, "string");
        const bytes = fromHex(`${text}`);
        if (bytes === undefined) throw new TypeError("Invalid Durable Object ID: must be 64 hex digits");
        const hex = toHex(bytes);
        if (!isOf(this.#key, hex)) throw new TypeError(NOT_VALID);
        return this.#id(hex, undefined);
    }

    get(id) {
        const hex = idParts(id);
        if (hex === undefined) throw badArgument("DurableObjectNamespace", "get", 1, "DurableObjectId");
        if (madeWith(id) !== this.#key && !isOf(this.#key, hex))
            throw new TypeError(id.jurisdiction === this.#jurisdiction ? NOT_VALID : OTHER_JURISDICTION);
        return makeObjectStub(this.#index, id);
    }

    getByName(name) {
        if (name === undefined) throw badArgument("DurableObjectNamespace", "getByName", 1, "string");
        return makeObjectStub(this.#index, this.idFromName(name));
    }

    // Objects that stay in one region have ids of their own.
    jurisdiction(name) {
        if (name === undefined || name === null) return this;
        const text = `${name}`;
        if (jurisdictions[text] !== true) throw new TypeError(`The jurisdiction "${text}" is not known.`);
        const key = N.hmac(SHA256, this.#key, N.utf8Encode(`jurisdiction:${text}`));
        return new DurableObjectNamespace(MAKE, this.#index, key, text);
    }

    #id(hex, name) {
        return new DurableObjectId(MAKE, hex, name, this.#jurisdiction, this.#key);
    }

    // Two HMACs are most of what a call costs here, and programs name few objects again and again.
    #keep(name, hex) {
        if (name.length > NAME_KEPT_MAX) return;
        if (P.MapPrototypeGetSize(this.#names) === NAMES_KEPT) P.MapPrototypeClear(this.#names);
        P.MapPrototypeSet(this.#names, name, hex);
    }
}
publish(DurableObjectNamespace);

// The value of a binding: row of the start configuration.
export function objectNamespace(row) {
    return new DurableObjectNamespace(MAKE, row.index, fromHex(row.key), undefined);
}
