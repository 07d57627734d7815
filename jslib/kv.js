// KV namespaces (docs/internals/stores.md has the operations). What is wrong with a key or an argument's type is said here, what is
// wrong with a value, a life or a list by main: "KV PUT failed: 413 ...".

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { ByteSource, op } from "io";
import { decodeUtf8 } from "body_bytes";
import { bytesView, isBytes } from "streams_util";

const { PromisePrototypeThen: then, PromiseReject: reject, JSONParse: parse } = P;
const { TypedArrayPrototypeSubarray: subarray, TypedArrayPrototypeSlice: sliceBytes } = P;

const GET = 16;
const GET_BULK = 17;
const PUT = 18;
const DELETE = 19;
const LIST = 20;

const FOUND_NOT = 0; // results of GET
const FOUND_STREAM = 2;

const HAS_TTL = 1; // bits of PUT
const HAS_EXPIRATION = 2;

const KEY_MAX = 512;
const BULK_MAX = 100;
const CACHE_TTL_MIN = 30;

const TEXT = "bsqrs"; // fields of GET's result, which differ in what the last is taken as
const BYTES = "bsqry";

const UNKNOWN_TYPE = 'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".';
const BAD_VALUE = "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.";

function failure(operation, status, text) {
    return new P.Error(`KV ${operation} failed: ${status} ${text}`);
}

const nothing = () => undefined;

function utf8Length(string) {
    return string.length * 3 <= KEY_MAX ? 0 : N.utf8Encode(string).byteLength;
}

function checkKey(operation, key) {
    if (key === "") throw new TypeError("Key name cannot be empty.");
    if (key === "." || key === "..") throw new TypeError(`"${key}" is not allowed as a key name.`);
    const length = utf8Length(key);
    if (length > KEY_MAX) {
        throw failure(operation, 414, `UTF-8 encoded length of ${length} exceeds key length limit of ${KEY_MAX}.`);
    }
}

// As the platform reads a number of a dictionary: what is none is 0, fractions are cut.
function toInt(value) {
    const n = P.MathTrunc(+value);
    if (!(n > -Infinity && n < Infinity)) return 0;
    if (n < -2147483648 || n > 2147483647) {
        throw new TypeError("Value out of range. Must be between -2147483648 and 2147483647 (inclusive).");
    }
    return n;
}

// {type, cacheTtl} of what get() was given behind the key; null: nothing was said.
function readGetOptions(options) {
    if (options === undefined || options === null) return { type: null, cacheTtl: null };
    if (!isObject(options)) return { type: `${options}`, cacheTtl: null };
    const { cacheTtl, type } = options;
    return { type: type === undefined ? null : `${type}`, cacheTtl: cacheTtl === undefined ? null : toInt(cacheTtl) };
}

function checkCacheTtl(operation, cacheTtl) {
    if (cacheTtl === null || cacheTtl >= CACHE_TTL_MIN) return;
    throw failure(operation, 400, `Invalid cache_ttl of ${cacheTtl}. Cache TTL must be at least ${CACHE_TTL_MIN}.`);
}

// ---- one key ----

const wholeBuffer = (bytes) =>
    (bytes.byteLength === bytes.buffer.byteLength ? bytes : sliceBytes(bytes)).buffer;

// What a get's fields are for the type that was asked for: a value, or a promise of one.
function valueOf(type, fields) {
    const { 2: size, 3: stream, 4: inline } = fields;
    if (stream === 0) {
        switch (type) {
            case "text":
                return inline;
            case "json":
                return parse(inline);
            case "arrayBuffer":
                return wholeBuffer(inline);
            case "stream":
                return load("streams_native").readableFromBytes(inline);
            default:
                throw new TypeError(UNKNOWN_TYPE);
        }
    }
    const source = new ByteSource(stream, size);
    const { collectSource, readableFromSource } = load("streams_native");
    switch (type) {
        case "text":
            return then(collectSource(source), decodeUtf8);
        case "json":
            return then(collectSource(source), (bytes) => parse(decodeUtf8(bytes)));
        case "arrayBuffer":
            return then(collectSource(source), wholeBuffer);
        case "stream":
            return readableFromSource(source);
        default:
            source.cancel();
            throw new TypeError(UNKNOWN_TYPE);
    }
}

// A promise of what convert() makes of GET's fields.
function fetchOne(index, key, options, convert) {
    key = `${key}`;
    checkKey("GET", key);
    checkCacheTtl("GET", options.cacheTtl);
    options.type ??= "text";
    const binary = options.type === "arrayBuffer" || options.type === "stream";
    return op(GET, "wws", [index, 0, key], binary ? BYTES : TEXT, convert);
}

// ---- many keys ----

const OTHER_TYPE = 'is not a valid type. Use "json" or "text"';
const NOT_JSON = "At least one of the requested keys corresponds to a non-json value";

function parseBulk(text) {
    try {
        return parse(text);
    } catch {
        throw failure("GET_BULK", 400, NOT_JSON);
    }
}

// The block of GET_BULK's result: for each key a byte, and where it is 1 two counted strings, metadata and value.
function readBulk(keys, block, json, withMetadata) {
    const view = new P.DataView(block.buffer, block.byteOffset, block.byteLength);
    const result = new P.Map();
    let at = 0;
    const text = () => {
        const length = P.DataViewPrototypeGetUint32(view, at, true);
        const from = at + 4;
        at = from + length;
        return decodeUtf8(subarray(block, from, at));
    };
    for (let i = 0; i < keys.length; i++) {
        let value = null;
        if (block[at++] === 1) {
            const metadata = text();
            value = text();
            if (json) value = parseBulk(value);
            if (withMetadata) value = { value, metadata: metadata === "" ? null : parse(metadata) };
        }
        P.MapPrototypeSet(result, keys[i], value);
    }
    return result;
}

function fetchMany(index, list, options, withMetadata) {
    const keys = [];
    for (let i = 0; i < list.length; i++) keys[i] = `${list[i]}`;
    const { type } = options;
    if (type !== null && type !== "" && type !== "text" && type !== "json") {
        throw failure("GET_BULK", 400, `"${type}" ${OTHER_TYPE}`);
    }
    if (keys.length > BULK_MAX) throw failure("GET_BULK", 400, `You can request a maximum of ${BULK_MAX} keys`);
    if (keys.length < 1) throw failure("GET_BULK", 400, "You must request a minimum of 1 key");
    checkCacheTtl("GET_BULK", options.cacheTtl);
    let format = "wwh";
    const args = [index, 0, keys.length];
    for (let i = 0; i < keys.length; i++) {
        format += "s";
        args[3 + i] = keys[i];
    }
    return op(GET_BULK, format, args, "y", (fields) => readBulk(keys, fields[0], type === "json", withMetadata));
}

// ---- put ----

// {metadata, bits, ttl, expiration}
function readPutOptions(options) {
    const o = { metadata: "", bits: 0, ttl: 0, expiration: 0 };
    if (options === undefined || options === null) return o;
    if (!isObject(options)) throw badArgument("KvNamespace", "put", 3, "PutOptions");
    const { expiration, expirationTtl, metadata } = options;
    if (expiration !== undefined) {
        o.bits |= HAS_EXPIRATION;
        o.expiration = toInt(expiration);
    }
    if (expirationTtl !== undefined) {
        o.bits |= HAS_TTL;
        o.ttl = toInt(expirationTtl);
    }
    if (metadata !== undefined && metadata !== null) {
        o.metadata = P.JSONStringify(metadata);
        if (o.metadata === undefined) throw failure("PUT", 500, "Internal Server Error");
    }
    return o;
}

function sharedBytes(value) {
    return typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer;
}

function put(index, key, value, options) {
    key = `${key}`;
    if (!isObject(value)) value = `${value}`;
    const { metadata, bits, ttl, expiration } = readPutOptions(options);
    checkKey("PUT", key);
    const start = (stream, inline, length) =>
        op(PUT, "wwsbqqsqy", [index, stream, key, bits, ttl, expiration, metadata, length, inline], "", nothing);
    const { sendBody, sendReadable } = load("store_body");
    if (typeof value === "string") return sendBody(1, value, -1, start);
    if (isBytes(value)) return sendBody(1, bytesView(value), -1, start);
    if (sharedBytes(value)) return sendBody(1, sliceBytes(new P.Uint8Array(value)), -1, start);
    if (load("streams_readable").isReadableStream(value)) return sendReadable(value, start);
    throw new TypeError(BAD_VALUE);
}

// ---- list ----

function list(index, options) {
    let prefix = "";
    let cursor = "";
    let limit = 0;
    if (options !== undefined && options !== null) {
        if (!isObject(options)) throw badArgument("KvNamespace", "list", 1, "ListOptions");
        const { limit: l, prefix: p, cursor: c } = options;
        if (l !== undefined) limit = P.MathMax(0, toInt(l));
        if (p !== undefined && p !== null) prefix = `${p}`;
        if (c !== undefined && c !== null) cursor = `${c}`;
    }
    return op(LIST, "wwssw", [index, 0, prefix, cursor, limit], "s", (fields) => parse(fields[0]));
}

// ---- the binding ----

const MAKE = Symbol("internal");

export class KvNamespace {
    #index;

    constructor(token, index) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
    }

    get(key, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw badArgument("KvNamespace", "get", 1, "string or Array");
            const o = readGetOptions(options);
            if (P.ArrayIsArray(key)) return fetchMany(index, key, o, false);
            return fetchOne(index, key, o, (fields) => (fields[0] === FOUND_NOT ? null : valueOf(o.type, fields)));
        } catch (e) {
            return reject(e);
        }
    }

    getWithMetadata(key, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw badArgument("KvNamespace", "getWithMetadata", 1, "Array or string");
            const o = readGetOptions(options);
            if (P.ArrayIsArray(key)) return fetchMany(index, key, o, true);
            return fetchOne(index, key, o, async (fields) => {
                if (fields[0] === FOUND_NOT) return { value: null, metadata: null, cacheStatus: null };
                const value = await valueOf(o.type, fields);
                return { value, metadata: fields[1] === "" ? null : parse(fields[1]), cacheStatus: null };
            });
        } catch (e) {
            return reject(e);
        }
    }

    list(options) {
        try {
            return list(this.#index, options);
        } catch (e) {
            return reject(e);
        }
    }

    put(key, value, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw badArgument("KvNamespace", "put", 1, "string");
            if (arguments.length === 1) throw badArgument("KvNamespace", "put", 2, "string or JsObject");
            return put(index, key, value, options);
        } catch (e) {
            return reject(e);
        }
    }

    delete(key) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw badArgument("KvNamespace", "delete", 1, "string");
            key = `${key}`;
            checkKey("DELETE", key);
            return op(DELETE, "wws", [index, 0, key], "", nothing);
        } catch (e) {
            return reject(e);
        }
    }
}

publish(KvNamespace);

// The namespace of this index.
export function kvNamespace(index) {
    return new KvNamespace(MAKE, index);
}

// A secret of a store that workers share: an entry of a namespace that holds nothing else.
class SecretsStoreSecret {
    #index;
    #name;

    constructor(index, name) {
        this.#index = index;
        this.#name = name;
    }

    async get() {
        const name = this.#name;
        return fetchOne(this.#index, name, readGetOptions(undefined), (fields) => {
            if (fields[0] === FOUND_NOT) throw new Error(`Secret "${name}" not found`);
            return valueOf("text", fields);
        });
    }
}

export function storedSecret(index, name) {
    return new SecretsStoreSecret(index, name);
}
