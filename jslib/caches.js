// caches: the API of the cache in front of nothing. Arguments are checked as the platform checks them, a response that is
// put is read to its end, and nothing is kept: every match is a miss, which a cache may answer at any time.

import { badArgument, illegalConstructor, publish } from "errors";
import { requireEvent } from "io";

const INTERNAL = Symbol();
const NAME_MAX = 1024;

function keyOf(type, method, input) {
    const { Request } = load("request");
    if (input === undefined) throw badArgument(type, method, 1, "Request or string");
    if (load("request").isRequest(input)) return input;
    try {
        return new Request(`${input}`);
    } catch {
        throw new TypeError("Invalid URL. Cache API keys must be fully-qualified, valid URLs.");
    }
}

function notImplemented(type, method) {
    return new Error(`Failed to execute '${method}' on '${type}': the method is not implemented.`);
}

function checkPut(request, response) {
    if (request.method !== "GET") throw new TypeError("Cannot cache response to non-GET request.");
    if (response.status === 206) throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
    if (response.webSocket) throw new TypeError("Cannot cache WebSocket upgrade response.");
    const vary = response.headers.get("vary");
    if (vary !== null && /(?:^|,)\s*\*\s*(?:,|$)/.test(vary)) throw new TypeError("Cannot cache response with 'Vary: *' header.");
    if (response.bodyUsed) throw new TypeError("Body has already been used. It can only be used once. Use tee() first if you need to read it twice.");
}

export class Cache {
    constructor(internal) {
        if (internal !== INTERNAL) throw illegalConstructor();
    }
    async match(request, options) {
        keyOf("Cache", "match", request);
        requireEvent();
        return undefined;
    }
    async put(request, response) {
        request = keyOf("Cache", "put", request);
        if (!load("response").isResponse(response)) throw badArgument("Cache", "put", 2, "Response");
        requireEvent();
        checkPut(request, response);
        if (response.body === null) return;
        const reader = response.body.getReader();
        while (!(await reader.read()).done);
    }
    async delete(request, options) {
        keyOf("Cache", "delete", request);
        requireEvent();
        return false;
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
    constructor(internal) {
        if (internal !== INTERNAL) throw illegalConstructor();
        P.ObjectDefineProperty(this, "default", { __proto__: null, value: new Cache(INTERNAL), writable: false, enumerable: true, configurable: true });
    }
    async open(name) {
        if (name === undefined) throw badArgument("CacheStorage", "open", 1, "string");
        if (`${name}`.length >= NAME_MAX) throw new TypeError("Cache name is too long.");
        return new Cache(INTERNAL);
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

export const caches = new CacheStorage(INTERNAL);
