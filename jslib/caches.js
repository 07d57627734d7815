// caches: responses by URL. What may be put is checked here; whether it is kept and for how long, ranges and conditions are main's.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { ByteSource, op, requireEvent } from "io";
import { blockGet } from "headers";

const MAKE = Symbol("internal");
const NAME_MAX = 1024;

const MATCH = 112; // kinds of operations, docs/internals/stores.md
const PUT = 113;
const DELETE = 114;

const { StringPrototypeStartsWith: startsWith, StringPrototypeIndexOf: indexOf, StringPrototypeSlice: substring } = P;

function requestOf(method, input) {
    if (input === undefined) throw badArgument("Cache", method, 1, "Request or string");
    const { Request, isRequest } = load("request");
    return isRequest(input) ? input : new Request(`${input}`);
}

// What an entry is found by: cf.cacheKey where the request has one, else its URL.
function keyOf(request) {
    const { url } = request;
    if (startsWith(url, "data:")) throw new TypeError("Invalid URL. Cache API keys must be fully-qualified, valid URLs.");
    if (!startsWith(url, "http://") && !startsWith(url, "https://")) throw new TypeError(`Fetch API cannot load: ${url}`);
    const custom = request.cf?.cacheKey;
    if (custom !== undefined && custom !== null && custom !== "") return `${custom}`;
    const fragment = indexOf(url, "#");
    return fragment < 0 ? url : substring(url, 0, fragment);
}

function headersOf(request) {
    const { headersToBlock } = load("headers");
    return headersToBlock(load("request").requestHeaders(request));
}

function ignoresMethod(type, method, options) {
    if (options === undefined || options === null) return false;
    if (!isObject(options)) throw badArgument(type, method, 2, "CacheQueryOptions");
    return !!options.ignoreMethod;
}

function notImplemented(type, method) {
    return new P.Error(`Failed to execute '${method}' on '${type}': the method is not implemented.`);
}

function checkPut(request, response) {
    if (response.type === "error") throw new TypeError("Cache is unable to store an error response");
    if (request.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
    if (response.status === 206) throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
    const vary = response.headers.get("vary");
    if (vary !== null && indexOf(vary, "*") >= 0) throw new TypeError("Cannot cache response with 'Vary: *' header.");
    if (response.webSocket) throw new TypeError("Cannot cache WebSocket upgrade response.");
}

// The body of a response that was kept. Parts of a coded body cannot be decoded.
function bodyOf(status, headers, stream, length, inline) {
    if (status === 304 || status === 416 || status === 204 || status === 205) return null;
    const { DecodingSource, codingOf } = load("content_coding");
    const coding = status === 206 ? -1 : codingOf(blockGet(headers, "content-encoding"));
    if (stream === 0) {
        if (coding < 0 || inline.length === 0) return inline;
        const bytes = typeof inline === "string" ? N.utf8Encode(inline) : inline;
        return new DecodingSource(new MemorySource(bytes), coding);
    }
    const source = new ByteSource(stream, length);
    return coding < 0 ? source : new DecodingSource(source, coding);
}

// Bytes at hand as a ByteSource.
class MemorySource {
    constructor(bytes) {
        this.bytes = bytes;
        this.length = bytes.byteLength;
    }
    read() {
        const { bytes } = this;
        this.bytes = undefined;
        return P.PromiseResolve(bytes);
    }
    cancel() {
        this.bytes = undefined;
    }
    take() {
        return 0;
    }
}

// What is kept under that key, for a request with these headers: { status, headers, body }.
export async function matchIn(name, key, request) {
    const fields = await op(MATCH, "wwsss", [0, 0, name, key, headersOf(request)], "bhsrqa");
    if (fields[0] === 0) return undefined;
    const { 1: status, 2: headers, 3: stream, 4: length, 5: inline } = fields;
    return { __proto__: null, status, headers, body: bodyOf(status, headers, stream, length, inline) };
}

export async function keepIn(name, key, request, response) {
    const { status, headers, kind, body, length } = load("response").responseToWire(response);
    const about = headersOf(request);
    await load("store_body").sendBody(kind, body, length, (stream, inline, n) =>
        op(PUT, "wwssshsqy", [0, stream, name, key, about, status, headers, n, inline], ""),
    );
}

export class Cache {
    #name; // "" is the default one

    constructor(token, name) {
        if (token !== MAKE) throw illegalConstructor();
        this.#name = name;
    }

    async match(request, options) {
        const name = this.#name;
        request = requestOf("match", request);
        const key = keyOf(request);
        requireEvent();
        if (!ignoresMethod("Cache", "match", options) && request.method !== "GET") return undefined;
        const found = await matchIn(name, key, request);
        if (found === undefined) return undefined;
        const { status, headers, body } = found;
        return load("response").responseFromWire(status, "", "", false, headers, body, null, status === 206);
    }

    async put(request, response) {
        const name = this.#name;
        request = requestOf("put", request);
        if (!load("response").isResponse(response)) throw badArgument("Cache", "put", 2, "Response");
        const key = keyOf(request);
        requireEvent();
        checkPut(request, response);
        if (response.status === 304) return;
        await keepIn(name, key, request, response);
    }

    async delete(request, options) {
        const name = this.#name;
        request = requestOf("delete", request);
        const key = keyOf(request);
        requireEvent();
        if (!ignoresMethod("Cache", "delete", options) && request.method !== "GET") return false;
        return (await op(DELETE, "wwss", [0, 0, name, key], "b"))[0] === 1;
    }

    async add(request) {
        throw notImplemented("Cache", "add");
    }

    async addAll(requests) {
        throw notImplemented("Cache", "addAll");
    }

    async keys(request, options) {
        throw notImplemented("Cache", "keys");
    }

    async matchAll(request, options) {
        throw notImplemented("Cache", "matchAll");
    }
}
publish(Cache);

export class CacheStorage {
    constructor(token) {
        if (token !== MAKE) throw illegalConstructor();
        const value = new Cache(MAKE, "");
        P.ObjectDefineProperty(this, "default", { __proto__: null, value, writable: false, enumerable: true, configurable: true });
    }

    async open(name) {
        if (arguments.length === 0) throw badArgument("CacheStorage", "open", 1, "string");
        name = `${name}`;
        if (N.utf8Encode(name).byteLength >= NAME_MAX) throw new TypeError("Cache name is too long.");
        return new Cache(MAKE, `named:${name}`);
    }

    async match(request, options) {
        throw notImplemented("CacheStorage", "match");
    }

    async has(name) {
        throw notImplemented("CacheStorage", "has");
    }

    async delete(name) {
        throw notImplemented("CacheStorage", "delete");
    }

    async keys() {
        throw notImplemented("CacheStorage", "keys");
    }
}
publish(CacheStorage);

export const caches = new CacheStorage(MAKE);
