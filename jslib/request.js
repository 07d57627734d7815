// Request, and how it crosses the channel. See "Requests and responses, seen by the runtime" in docs/internals/builtins.md.

import { badConstructorArgument, badField, isObject } from "errors";
import { Body, MAKE, NONE, bodyToWire, cloneBodyInto, contentTypeOf, copyHeadersOf, extractBody, extracted } from "body";
import { headersBlock, headersOf, isNullBody, kindOfWireBody, moveBody, publishBody, shareBody } from "body";
import { hasFlag, whenFlagsAreSet } from "flags";

const { StringPrototypeToUpperCase: upperCase, StringPrototypeToLowerCase: lowerCase, JSONParse: parseJSON } = P;

// Those of the platform, as its HTTP library has them.
const METHODS = new P.Set([
    ...["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PURGE", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND"],
    ...["PROPPATCH", "SEARCH", "UNLOCK", "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "MSEARCH", "NOTIFY", "SUBSCRIBE"],
    ...["UNSUBSCRIBE", "QUERY", "BAN"],
]);
const UPPER = new P.Set(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]);

function methodFrom(given) {
    const method = `${given}`;
    if (P.SetPrototypeHas(METHODS, method)) return method;
    const upper = upperCase(method);
    if (!P.SetPrototypeHas(METHODS, upper)) throw new TypeError(`Invalid HTTP method string: ${method}`);
    if (!hasFlag("upper_case_all_http_methods") && !P.SetPrototypeHas(UPPER, upper)) {
        throw new TypeError(`Invalid HTTP method string: ${method}`);
    }
    return upper;
}

// Before fetch_standard_url a request keeps what it was given; fetch() parses it.
function urlFrom(text) {
    if (!hasFlag("fetch_standard_url")) return text;
    const url = N.urlParse(text);
    if (url === undefined) throw new TypeError(`Invalid URL: ${text}`);
    return url;
}

const GET_WITH_BODY = "Request with a GET or HEAD method cannot have a body.";

function bodyless(method) {
    return method === "GET" || method === "HEAD";
}

// What of a cf object can cross to main: anything that JSON can say.
function cloneJson(cf) {
    const text = cf === undefined ? undefined : P.JSONStringify(cf);
    return text === undefined ? undefined : parseJSON(text);
}

let make;
export let isRequest;
export let abortRequest;
export let requestToWire;
export let requestSignal; // the signal that was given, or null
export let requestFetcher;

export class Request extends Body {
    #method = "GET";
    #url;
    #redirect = "follow";
    #cache; // "no-store", "no-cache" or undefined
    #cfText = ""; // JSON that has not been read
    #cf = undefined;
    #signal = null; // the one that was given
    #own = null; // the one that was asked for when none was given
    #abort = null; // {reason} of a client that has gone before anybody asked
    #fetcher = null;
    #manual = false; // encodeResponseBody: "manual"

    static {
        make = (method, url, block, cfText, kind, data) => {
            const r = new Request(MAKE, { kind, data, headers: null, block, type: null, immutable: true });
            r.#method = method;
            r.#url = url;
            r.#cfText = cfText;
            r.#redirect = "manual"; // passed on as it is, its answer goes back as it is
            return r;
        };
        isRequest = (value) => isObject(value) && #url in value;
        requestSignal = (r) => r.#signal;
        requestFetcher = (r) => r.#fetcher;
        abortRequest = (r, reason) => {
            if (r.#own !== null) load("abort").abortSignal(r.#own, reason);
            else r.#abort = { reason };
        };
        requestToWire = (r) => {
            wire.method = r.#method;
            wire.url = r.#url;
            wire.headers = headersBlock(r);
            wire.redirect = r.#redirect;
            wire.cache = r.#cache;
            wire.cf = r.#cfText !== "" ? r.#cfText : r.#cf === undefined ? "" : P.JSONStringify(r.#cf);
            wire.manual = r.#manual;
            bodyToWire(r, wire, -1);
            return wire;
        };
    }

    constructor(input, init) {
        if (input === MAKE) {
            super(MAKE, init.kind, init.data, init.headers, init.block, init.type, init.immutable);
            return;
        }
        if (input === undefined) throw badConstructorArgument("Request", 1, "Request or string");
        const from = isRequest(input) ? input : null;
        let url;
        if (from !== null) {
            url = from.#url;
        } else {
            url = urlFrom(`${input}`);
        }
        if (init === undefined || init === null) {
            if (from === null) {
                super(MAKE, NONE, null, null, "", null, false);
            } else {
                moveBody(from, "Cannot reconstruct a Request with a used body.");
                const { kind, data } = extracted;
                const { headers, block, type } = copyHeadersOf(from);
                super(MAKE, kind, data, headers, block, type, false);
                this.#copy(from);
            }
            this.#url = url;
            return;
        }
        if (!isObject(init)) throw badConstructorArgument("Request", 2, "RequestInitializerDict or Request");
        if (isRequest(init)) {
            shareBody(init); // a dictionary like any other, whose body is a stream
            const { kind, data } = extracted;
            const { headers, block, type } = copyHeadersOf(init);
            super(MAKE, kind, data, headers, block, type, false);
            this.#copy(init);
            this.#url = url;
            return;
        }
        const method = init.method === undefined ? (from === null ? "GET" : from.#method) : methodFrom(init.method);
        const parts = partsFrom(init, from, method);
        super(MAKE, parts.kind, parts.data, parts.headers, parts.block, parts.type, false);
        if (from !== null) this.#copy(from);
        this.#url = url;
        this.#method = method;
        this.#fromInit(init);
    }

    #copy(from) {
        this.#method = from.#method;
        this.#redirect = from.#redirect;
        this.#cache = from.#cache;
        this.#cfText = from.#cfText;
        this.#cf = cloneJson(from.#cf);
        this.#signal = from.#signal;
        this.#fetcher = from.#fetcher;
        this.#manual = from.#manual;
        this.#own = from.#own;
    }

    #fromInit(init) {
        const { redirect, cache, cf, signal, integrity, encodeResponseBody, fetcher } = init;
        if (integrity !== undefined && `${integrity}` !== "") {
            throw new TypeError(
                "Subrequest integrity checking is not implemented. The integrity option must be either undefined or an " +
                    "empty string.",
            );
        }
        if (signal !== undefined) {
            if (signal !== null && !load("abort").isAbortSignal(signal)) {
                throw badField("RequestInitializerDict", "signal", "AbortSignal");
            }
            this.#signal = signal;
            this.#own = null;
        }
        if (cf !== undefined) {
            if (!isObject(cf)) throw badField("RequestInitializerDict", "cf", "Object");
            this.#cfText = "";
            this.#cf = cloneJson(cf);
        }
        if (redirect !== undefined) {
            const mode = lowerCase(`${redirect}`);
            if (mode !== "follow" && mode !== "manual") {
                throw new TypeError(
                    'Invalid redirect value, must be one of "follow" or "manual" ("error" won\'t be implemented since it does ' +
                        'not make sense at the edge; use "manual" and check the response status code).',
                );
            }
            this.#redirect = mode;
        }
        if (cache !== undefined) this.#cache = cacheMode(`${cache}`);
        if (encodeResponseBody !== undefined) {
            const mode = `${encodeResponseBody}`;
            if (mode !== "manual" && mode !== "automatic") {
                throw new TypeError(`encodeResponseBody: unexpected value: ${mode}`);
            }
            this.#manual = mode === "manual";
        }
        if (fetcher !== undefined && fetcher !== null) {
            if (!load("fetcher").isFetcher(fetcher)) throw badField("RequestInitializerDict", "fetcher", "Fetcher");
            this.#fetcher = fetcher;
        }
    }

    clone() {
        cloneBodyInto(this);
        const { kind, data } = extracted;
        const { headers, block, type } = copyHeadersOf(this);
        const r = new Request(MAKE, { kind, data, headers, block, type, immutable: false });
        r.#copy(this);
        r.#url = this.#url;
        return r;
    }

    get method() {
        return this.#method;
    }

    get url() {
        return this.#url;
    }

    get redirect() {
        return this.#redirect;
    }

    get cache() {
        return this.#cache;
    }

    get integrity() {
        void this.#url;
        return "";
    }

    get keepalive() {
        void this.#url;
        return false;
    }

    get fetcher() {
        return this.#fetcher;
    }

    get cf() {
        if (this.#cfText !== "") {
            this.#cf = parseJSON(this.#cfText);
            this.#cfText = "";
        }
        return this.#cf;
    }

    get signal() {
        if (this.#signal !== null) return this.#signal;
        if (this.#own === null) {
            const { newSignal, abortSignal } = load("abort");
            this.#own = newSignal();
            if (this.#abort !== null) abortSignal(this.#own, this.#abort.reason);
        }
        return this.#own;
    }
}

publishBody(Request);
whenFlagsAreSet(() => {
    if (!hasFlag("cache_option_enabled")) delete Request.prototype.cache;
});

// Body and headers of a request made with an init dictionary.
function partsFrom(init, from, method) {
    const given = init.body;
    let kind = NONE;
    let data = null;
    let type = null;
    if (given !== undefined && given !== null) {
        if (bodyless(method)) throw new TypeError(GET_WITH_BODY);
        extractBody(given);
        ({ kind, data, type } = extracted);
    } else if (given === undefined && from !== null && !isNullBody(from)) {
        if (init.method !== undefined && bodyless(method)) throw new TypeError(GET_WITH_BODY);
        moveBody(from, "Cannot reconstruct a Request with a used body.");
        ({ kind, data } = extracted);
    }
    const field = init.headers;
    let parts;
    if (field !== undefined) {
        parts = { headers: load("headers").headersFromInit(field, "RequestInitializerDict"), block: "", type: null };
    } else if (from !== null) {
        parts = copyHeadersOf(from);
        if (type !== null && contentTypeOf(from) !== null) type = null;
    } else {
        parts = { headers: null, block: "", type: null };
    }
    if (type !== null) {
        if (parts.headers === null) {
            parts.type = type;
        } else {
            const { headerHas, headerSet } = load("headers");
            if (!headerHas(parts.headers, "content-type")) headerSet(parts.headers, "Content-Type", type);
        }
    }
    parts.kind = kind;
    parts.data = data;
    return parts;
}

function cacheMode(mode) {
    if (!hasFlag("cache_option_enabled")) {
        throw new Error("The 'cache' field on 'RequestInitializerDict' is not implemented.");
    }
    if (mode === "no-store") return mode;
    if (mode === "no-cache" && hasFlag("cache_no_cache_enabled")) return mode;
    if (mode === "reload" && hasFlag("cache_reload_enabled")) return mode;
    throw new TypeError(`Unsupported cache mode: ${mode}`);
}

// ---- for the runtime ----

const wire = {
    method: "",
    url: "",
    headers: "",
    redirect: "",
    cache: undefined,
    cf: "",
    manual: false,
    kind: 0, // as in RESPONSE, without WebSockets
    body: null,
    length: -1,
};

// An incoming request: fields as they came over the channel; `body` is null, a Uint8Array or a ByteSource.
export function requestFromEvent(method, url, headerBlock, cfJson, body) {
    return make(method, url, headerBlock, cfJson, kindOfWireBody(body), body);
}

export function requestHeaders(request) {
    return headersOf(request);
}
