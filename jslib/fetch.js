// fetch(): a request to the outside, or to whatever a binding names. Redirects are followed here, one operation for each hop,
// because only this side can tell whether a body can be sent again.

import { badArgument, isObject } from "errors";
import { bodyUsed } from "body";
import { ByteSink, ByteSource, ChannelSocket, cancelOp, op } from "io";
import { blockGet, copyHeaders, headerDelete, headerGet, headerHas, headerSet, headersToBlock } from "headers";
import { Request, isRequest, requestFetcher, requestHeaders, requestSignal, requestToWire } from "request";
import { isRedirect, plainResponse, responseFromWire } from "response";
import { encodeUtf8 } from "body_bytes";
import { hasFlag } from "flags";

const { PromisePrototypeThen: then, PromiseReject: reject, StringPrototypeToLowerCase: lowerCase } = P;
const { StringPrototypeStartsWith: startsWith, StringPrototypeIndexOf: indexOf, StringPrototypeSlice: substring } = P;

const FETCH = 1; // kinds of operations, see channel.md
const ARGUMENTS = "bwqsssys";
const RESULT = "hssbsrqka";

const BODY_STREAM = 1; // bits of FETCH
const BODY_INLINE = 2;
const UPGRADE = 4;
const REDIRECT_MANUAL = 8;
const NO_DECOMPRESS = 32;

const REDIRECTS_MAX = 20;
const INLINE_MAX = 48 * 1024; // bytes that surely fit a frame beside the rest

function throughInternet(args) {
    return op(FETCH, ARGUMENTS, args, RESULT);
}

// What is sent, hop by hop.
class Exchange {
    constructor(request, send) {
        const w = requestToWire(request);
        this.send = send;
        this.method = w.method;
        this.url = w.url;
        this.headers = w.headers;
        this.cf = w.cf;
        this.follow = w.redirect === "follow";
        this.manual = w.manual;
        this.kind = w.kind;
        this.body = w.body;
        this.length = w.length;
        this.signal = requestSignal(request);
        this.hops = 0;
        this.operation = null;
        this.uploadError = null; // {error} of a body that could not be read to its end
        this.list = requestHeaders(request);
        const upgrade = headerGet(this.list, "upgrade");
        this.upgrade = upgrade !== null && lowerCase(upgrade) === "websocket";
        if (!hasFlag("fetch_standard_url")) {
            this.url = N.urlParse(w.url);
            if (this.url === undefined) throw new TypeError(`Fetch API cannot load: ${w.url}`);
        }
        if (w.cache !== undefined) {
            this.change((list) => {
                if (!headerHas(list, "cache-control")) headerSet(list, "Cache-Control", "no-cache");
                if (!headerHas(list, "pragma")) headerSet(list, "Pragma", "no-cache");
            });
        }
    }

    // The request's own headers stay as they are.
    change(action) {
        this.list = copyHeaders(this.list);
        action(this.list);
        this.headers = headersToBlock(this.list);
    }

    // Starts the operation of this hop: a promise of its fields.
    start() {
        let bits = REDIRECT_MANUAL | NO_DECOMPRESS;
        let stream = 0;
        let length = -1;
        let inline = "";
        let sink = null;
        if (this.upgrade) bits |= UPGRADE;
        if (this.kind === 1) {
            if (typeof this.body === "string") this.body = encodeUtf8(this.body);
            length = this.body.byteLength;
            if (length <= INLINE_MAX) {
                bits |= BODY_INLINE;
                inline = this.body;
            } else {
                sink = new ByteSink();
            }
        } else if (this.kind === 2) {
            sink = new ByteSink();
            length = this.length;
        } else if (this.kind === 3) {
            stream = this.body;
            length = this.length;
            bits |= BODY_STREAM;
        } else if (this.send === throughInternet && this.method !== "GET" && this.method !== "HEAD") {
            bits |= BODY_INLINE; // an empty one, which is sent with its length
            length = 0;
        }
        if (sink !== null) {
            stream = sink.number;
            bits |= BODY_STREAM;
        }
        const { method, url, headers, cf } = this;
        this.operation = this.send([bits, stream, length, method, withoutFragment(url), headers, inline, cf]);
        if (sink !== null) this.upload(sink);
        return this.operation;
    }

    upload(sink) {
        const { pumpToSink, readableFromBytes } = load("streams_native");
        // A copy: the bytes are needed again when the request is redirected.
        const stream = this.kind === 2 ? this.body : readableFromBytes(P.TypedArrayPrototypeSlice(this.body));
        then(pumpToSink(stream, sink), undefined, (e) => {
            this.uploadError = { error: e };
        });
    }

    // The fields of the first response that is no redirect to follow.
    async run() {
        for (;;) {
            const fields = await this.answer();
            if (!this.follow || !isRedirect(fields[0])) return fields;
            const location = blockGet(fields[4], "location");
            if (location === null) return fields;
            if (fields[5] !== 0) new ByteSource(fields[5], fields[6]).cancel();
            this.redirect(fields[0], location);
        }
    }

    async answer() {
        try {
            return await this.start();
        } catch (e) {
            throw this.uploadError === null ? e : this.uploadError.error;
        }
    }

    redirect(status, location) {
        const next = N.urlParse(location, this.url);
        if (next === undefined) throw new TypeError("Invalid Location header; unable to follow redirect.");
        if (this.hops >= REDIRECTS_MAX) throw new TypeError("Too many redirects.");
        if (this.send === throughInternet) checkScheme(next);
        if (hasFlag("strip_authorization_on_cross_origin_redirect") && originOf(next) !== originOf(this.url)) {
            this.change((list) => headerDelete(list, "authorization"));
        }
        if (status !== 303 && this.kind > 1) {
            throw new TypeError(
                "A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a redirect " +
                    "requiring the body to be retransmitted. To avoid this error in the future, construct this request from a " +
                    "buffer-like body initializer.",
            );
        }
        if (((status === 301 || status === 302) && this.method === "POST") || (status === 303 && this.method !== "HEAD")) {
            this.method = "GET";
            this.kind = 0;
            this.body = null;
        }
        this.hops++;
        this.url = next;
    }

    bodyFrom(source, headers) {
        if (this.signal !== null) source = new SignalledSource(source, this.signal);
        const field = this.manual ? null : blockGet(headers, "content-encoding");
        if (field === null) return source;
        const { DecodingSource, codingOf } = load("content_coding");
        const coding = codingOf(field);
        return coding < 0 ? source : new DecodingSource(source, coding);
    }

    response(fields) {
        const [status, statusText, , , headers, stream, length, socket, inline] = fields;
        const empty = this.method === "HEAD" || status === 101 || status === 204 || status === 205 || status === 304;
        let body = null;
        if (stream !== 0) {
            const source = new ByteSource(stream, length);
            if (empty) source.cancel();
            else body = this.bodyFrom(source, headers);
        } else if (!empty) {
            body = inline;
        }
        const webSocket = socket === 0 ? null : load("websocket").webSocketFromChannel(new ChannelSocket(socket));
        const url = withoutFragment(this.url);
        return responseFromWire(status, statusText, url, this.hops > 0, headers, body, webSocket, this.manual);
    }
}

// The body of a response whose request can be aborted: reads fail with the signal's reason from then on.
class SignalledSource {
    constructor(source, signal) {
        this.source = source;
        this.signal = signal;
        this.length = source.length;
        this.unwatch = null;
        this.onChunk = (bytes) => {
            if (signal.aborted) throw signal.reason;
            if (bytes === undefined) this.release();
            return bytes;
        };
        if (signal.aborted) source.cancel();
        else this.unwatch = load("abort").onAbort(signal, (reason) => source.cancel(reason));
    }
    release() {
        if (this.unwatch !== null) this.unwatch();
        this.unwatch = null;
    }
    read() {
        return then(this.source.read(), this.onChunk);
    }
    cancel(reason) {
        this.release();
        this.source.cancel(reason);
    }
    take() {
        if (this.signal.aborted) return 0;
        this.release();
        return this.source.take();
    }
}

function withoutFragment(url) {
    const at = indexOf(url, "#");
    return at < 0 ? url : substring(url, 0, at);
}

function originOf(url) {
    const end = indexOf(url, "/", indexOf(url, "//") + 2);
    return lowerCase(end < 0 ? url : substring(url, 0, end));
}

function isHttp(url) {
    return startsWith(url, "http://") || startsWith(url, "https://");
}

function checkScheme(url) {
    if (!isHttp(url) && hasFlag("fetch_refuses_unknown_protocols")) {
        throw new TypeError(`Fetch API cannot load: ${withoutFragment(url)}`);
    }
}

function fetchData(url) {
    const parsed = N.dataUrl(url);
    if (parsed === undefined) throw new TypeError(`Fetch API cannot load: ${url}`);
    return plainResponse(200, parsed[1], parsed[0]);
}

async function perform(request, send) {
    const signal = requestSignal(request);
    if (signal !== null && signal.aborted) throw signal.reason;
    const { url } = request;
    if (send === throughInternet && startsWith(url, "data:")) return fetchData(url);
    checkScheme(url);
    const exchange = new Exchange(request, send);
    const plan = exchange.cf === "" || send !== throughInternet || exchange.upgrade ? null : load("fetch_cache").planOf(exchange.cf, exchange.url, exchange.method);
    if (plan !== null) return load("fetch_cache").cached(plan, request, () => answered(exchange, signal), (fields) => exchange.response(fields));
    return exchange.response(await (signal === null ? exchange.run() : answered(exchange, signal)));
}

// The fields of the answer; rejects when the request is aborted before.
async function answered(exchange, signal) {
    if (signal === null) return exchange.run();
    const aborted = P.PromiseWithResolvers();
    const unwatch = load("abort").onAbort(signal, (reason) => {
        cancelOp(exchange.operation);
        aborted.reject(reason);
    });
    try {
        const running = exchange.run();
        then(running, undefined, () => undefined);
        return await P.PromiseRace([running, aborted.promise]);
    } finally {
        unwatch();
    }
}

function requestFor(input, init) {
    if (!isRequest(input) || (init !== undefined && init !== null)) return new Request(input, init);
    if (bodyUsed(input)) throw new TypeError("Cannot reconstruct a Request with a used body.");
    return input;
}

// Fetches through `send(args)`, which starts an operation with the arguments and the result of FETCH.
export function fetchThrough(send, input, init) {
    try {
        return perform(requestFor(input, init), send);
    } catch (e) {
        return reject(e);
    }
}

export function fetch(input, init) {
    const type = "ServiceWorkerGlobalScope";
    if (input === undefined) return reject(badArgument(type, "fetch", 1, "Request or string"));
    if (init !== undefined && init !== null && !isObject(init)) {
        return reject(badArgument(type, "fetch", 2, "RequestInitializerDict or Request"));
    }
    try {
        const request = requestFor(input, init);
        const fetcher = requestFetcher(request);
        if (fetcher !== null) return fetcher.fetch(request);
        return perform(request, throughInternet);
    } catch (e) {
        return reject(e);
    }
}
Object.defineProperty(fetch, "length", { value: 0, configurable: true });
