// Response, and how it crosses the channel. See "Requests and responses, seen by the runtime" in docs/internals/builtins.md.

import { context, keepFrameOfBody } from "async_context";
import { badArgument, badConstructorArgument, badField, isObject } from "errors";
import { Body, MAKE, NONE, bodyToWire, cloneBodyInto, contentCodingOf, contentTypeOf, copyHeadersOf, extractBody, extracted } from "body";
import { headersBlock, headersOf, isNullBody, kindOfWireBody, publishBody } from "body";

const { JSONStringify: stringify, RegExpPrototypeTest: test } = P;

const STATUS_TEXT = {
    __proto__: null,
    100: "Continue",
    101: "Switching Protocols",
    102: "Processing",
    103: "Early Hints",
    200: "OK",
    201: "Created",
    202: "Accepted",
    203: "Non-Authoritative Information",
    204: "No Content",
    205: "Reset Content",
    206: "Partial Content",
    207: "Multi-Status",
    208: "Already Reported",
    226: "IM Used",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    305: "Use Proxy",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Payload Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    418: "I'm a teapot",
    421: "Misdirected Request",
    422: "Unprocessable Entity",
    423: "Locked",
    424: "Failed Dependency",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates",
    507: "Insufficient Storage",
    508: "Loop Detected",
    510: "Not Extended",
    511: "Network Authentication Required",
};
const CLASS_TEXT = ["", "", "Successful", "Redirection", "Client Error", "Server Error"];

function defaultText(status) {
    const text = STATUS_TEXT[status];
    if (text !== undefined) return text;
    return CLASS_TEXT[P.MathFloor(status / 100)];
}

const NOT_A_REASON = /[\0-\x1f]/;

function hasNullBody(status) {
    return status === 204 || status === 304 || status === 205 || status === 101;
}

let make; // a Response from what Body's constructor takes, and fields
let fill; // sets the fields that are not of the common kind
let fieldsOf;
export let isResponse;
export let responseToWire;

export class Response extends Body {
    #status = 200;
    #statusText = null; // null: what the status is called
    #url = "";
    #redirected = false;
    #webSocket = null;
    #cf = undefined;
    #manual = false; // encodeBody: "manual"
    #error = false; // Response.error()

    static {
        make = (kind, data, headers, block, type, immutable) =>
            new Response(MAKE, { kind, data, headers, block, type, immutable });
        fill = (r, status, statusText, url, redirected, webSocket, manual) => {
            r.#status = status;
            r.#statusText = statusText;
            r.#url = url;
            r.#redirected = redirected;
            r.#webSocket = webSocket;
            r.#manual = manual;
        };
        fieldsOf = (r) => ({
            status: r.#status,
            statusText: r.#statusText === null ? undefined : r.#statusText,
            cf: r.#cf,
            webSocket: r.#webSocket,
            encodeBody: r.#manual ? "manual" : "automatic",
        });
        isResponse = (value) => isObject(value) && #status in value;
        responseToWire = (r) => {
            wire.status = r.#status;
            wire.statusText = r.#statusText === null ? defaultText(r.#status) : r.#statusText;
            wire.headers = headersBlock(r);
            wire.bits = r.#manual ? 1 : 0;
            bodyToWire(r, wire, r.#manual ? -1 : contentCodingOf(r));
            if (r.#webSocket !== null) {
                wire.kind = 4;
                wire.body = r.#webSocket;
            }
            return wire;
        };
    }

    constructor(body, init) {
        if (body === MAKE) {
            super(MAKE, init.kind, init.data, init.headers, init.block, init.type, init.immutable);
            return;
        }
        extractBody(body);
        if (context.active && isObject(body)) keepFrameOfBody(body);
        const { kind, data, type } = extracted;
        if (init === undefined || init === null) {
            super(MAKE, kind, data, null, "", type, false);
            return;
        }
        if (!isObject(init)) throw badConstructorArgument("Response", 2, "InitializerDict or Response");
        if (isResponse(init)) {
            const copy = copyHeadersOf(init);
            const typed = contentTypeOf(init) !== null;
            super(MAKE, kind, data, copy.headers, copy.block, typed ? copy.type : type, false);
            if (copy.headers !== null && !typed && type !== null) setType(this, type);
            this.#fromInit(fieldsOf(init), kind, data);
            return;
        }
        const given = init.headers;
        if (given === undefined) {
            super(MAKE, kind, data, null, "", type, false);
        } else {
            const { headersFromInit, headerHas, headerSet } = load("headers");
            const headers = headersFromInit(given, "InitializerDict");
            if (type !== null && !headerHas(headers, "content-type")) headerSet(headers, "Content-Type", type);
            super(MAKE, kind, data, headers, "", null, false);
        }
        this.#fromInit(init, kind, data);
    }

    #fromInit(init, kind, data) {
        const { status, statusText, webSocket, cf, encodeBody } = init;
        if (encodeBody !== undefined) {
            const mode = `${encodeBody}`;
            if (mode !== "manual" && mode !== "automatic") throw new TypeError(`encodeBody: unexpected value: ${mode}`);
            this.#manual = mode === "manual";
        }
        if (webSocket !== undefined && webSocket !== null) {
            if (!load("websocket").isWebSocket(webSocket)) throw badField("InitializerDict", "webSocket", "WebSocket");
            this.#webSocket = webSocket;
        }
        if (cf !== undefined) {
            if (!isObject(cf)) throw badField("InitializerDict", "cf", "Object");
            this.#cf = cf;
        }
        if (status !== undefined) this.#setStatus(P.MathTrunc(Number(status)));
        if (this.#webSocket !== null && this.#status !== 101) {
            throw new RangeError("Responses with a WebSocket must have status code 101.");
        }
        if (statusText !== undefined) {
            const text = `${statusText}`;
            if (test(NOT_A_REASON, text)) throw new TypeError("Invalid statusText");
            this.#statusText = text;
        }
        if (kind !== NONE && hasNullBody(this.#status) && !(typeof data === "string" ? data === "" : data.byteLength === 0)) {
            throw new TypeError("Response with null body status (101, 204, 205, or 304) cannot have a body.");
        }
    }

    #setStatus(status) {
        if (status > 2147483647 || status < -2147483648) {
            throw new TypeError("Value out of range. Must be between -2147483648 and 2147483647 (inclusive).");
        }
        if (!((status >= 200 && status <= 599) || (status === 101 && this.#webSocket !== null))) {
            throw new RangeError("Responses may only be constructed with status codes in the range 200 to 599, inclusive.");
        }
        this.#status = status;
    }

    static json(value, init) {
        if (arguments.length === 0) throw badArgument("Response", "json", 1, "Value");
        const text = `${stringify(value)}`;
        if (init !== undefined && init !== null && !isObject(init)) {
            throw badArgument("Response", "json", 2, "InitializerDict or Response");
        }
        if (init === undefined || init === null) return plainResponse(200, text, "application/json");
        const r = new Response(text, init);
        if (!typedByInit(init)) load("headers").headerSet(headersOf(r), "Content-Type", "application/json");
        return r;
    }

    static redirect(url, status = 302) {
        if (url === undefined) throw badArgument("Response", "redirect", 1, "string");
        status = P.MathTrunc(Number(status));
        if (!isRedirect(status)) {
            throw new RangeError(
                `${status} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`,
            );
        }
        const href = N.urlParse(`${url}`);
        if (href === undefined) throw new TypeError(`Unable to parse URL: ${url}`);
        const r = make(NONE, null, null, `location:${href}\n`, null, true);
        r.#status = status;
        return r;
    }

    static error() {
        const r = make(NONE, null, null, "", null, false);
        r.#status = 0;
        r.#error = true;
        return r;
    }

    clone() {
        if (this.#webSocket !== null) throw new TypeError("Cannot clone a response to a WebSocket handshake.");
        cloneBodyInto(this);
        const { kind, data } = extracted;
        const { headers, block, type } = copyHeadersOf(this);
        const r = make(kind, data, headers, block, type, false);
        r.#status = this.#status;
        r.#statusText = this.#statusText;
        r.#url = this.#url;
        r.#redirected = this.#redirected;
        r.#cf = this.#cf;
        r.#manual = this.#manual;
        r.#error = this.#error;
        return r;
    }

    get status() {
        return this.#status;
    }

    get statusText() {
        return this.#statusText === null ? (this.#error ? "" : defaultText(this.#status)) : this.#statusText;
    }

    get ok() {
        return this.#status >= 200 && this.#status < 300;
    }

    get redirected() {
        return this.#redirected;
    }

    get url() {
        return this.#url;
    }

    get type() {
        return this.#error ? "error" : "default";
    }

    get webSocket() {
        return this.#webSocket;
    }

    get cf() {
        return this.#cf;
    }
}

publishBody(Response);

export function isRedirect(status) {
    return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function setType(response, type) {
    load("headers").headerSet(headersOf(response), "Content-Type", type);
}

// Whether the headers that were given to Response.json() have a Content-Type of their own.
function typedByInit(init) {
    if (isResponse(init)) return contentTypeOf(init) !== null;
    if (init.headers === undefined) return false;
    const { headersFromInit, headerHas } = load("headers");
    return headerHas(headersFromInit(init.headers, "InitializerDict"), "content-type");
}

// ---- for the runtime ----

const wire = {
    status: 0,
    statusText: "",
    headers: "",
    kind: 0, // 0 none, 1 inline, 2 a ReadableStream, 3 a stream number of main, 4 a WebSocket
    bits: 0,
    body: null,
    length: -1,
};

// What fetch and bindings answer with. `body` is null, a Uint8Array or a ByteSource; the headers are immutable.
// manual: the body is coded as the headers say, and nobody is to unpack it.
export function responseFromWire(status, statusText, url, redirected, headerBlock, body, webSocket, manual = false) {
    const r = make(kindOfWireBody(body), body, null, headerBlock, null, true);
    const text = statusText === "" || statusText === defaultText(status) ? null : statusText;
    fill(r, status, text, url, redirected, webSocket, manual);
    return r;
}

// A response that a built-in makes: `body` a string, bytes or null, `type` its Content-Type or null.
export function plainResponse(status, body, type) {
    extractBody(body);
    const r = make(extracted.kind, extracted.data, null, "", type, false);
    fill(r, status, null, "", false, null, false);
    return r;
}

export function responseHasNoBody(response) {
    return isNullBody(response);
}
