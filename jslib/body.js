// What Request and Response share: a body and headers, both as lazy as they can be.
//
// A body stays what it was given as (a string, bytes, a Blob, bytes that main has) until somebody asks for `body`; even then it is
// used as it was while nobody has read the stream. Headers stay a block from the channel, or a pending Content-Type, until
// somebody asks for `headers`.

import { illegalConstructor, isObject, publish } from "errors";
import { isArrayBuffer, rejected, resolved, then } from "streams_util";
import { decodeUtf8, encodeUtf8 } from "body_bytes";

const { TypedArrayPrototypeSlice: sliceBytes, ArrayBufferIsView: isView, Uint8Array } = P;
const { TypedArrayPrototypeGetByteLength: lengthOf, TypedArrayPrototypeGetByteOffset: offsetOf } = P;
const { TypedArrayPrototypeGetBuffer: bufferOf, ArrayBufferPrototypeGetByteLength: bufferLength } = P;
const { StringPrototypeToWellFormed: wellFormed, JSONParse: parseJSON } = P;

export const MAKE = Symbol("internal");

export const NONE = 0;
const TEXT = 1;
const BYTES = 2; // a Uint8Array that nobody else has
const BLOB = 3;
const SOURCE = 4; // a ByteSource
const STREAM = 5; // a ReadableStream

export const USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";
const DISTURBED = "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.";
const LOCKED = "This ReadableStream is currently locked to a reader.";

const native = () => load("streams_native");

// ---- what users give as a body ----

// Filled by extractBody(); read it before the next call.
export const extracted = { kind: NONE, data: null, type: null };

function found(kind, data, type) {
    extracted.kind = kind;
    extracted.data = data;
    extracted.type = type;
}

export function extractBody(init) {
    if (typeof init === "string") found(TEXT, init, "text/plain;charset=UTF-8");
    else if (init === null || init === undefined) found(NONE, null, null);
    else if (!isObject(init) || !extractObject(init)) found(TEXT, `${init}`, "text/plain;charset=UTF-8");
}

// The tag tells which class to ask, so that classes that nobody uses are not evaluated.
function extractObject(init) {
    if (isView(init)) {
        const bytes = new Uint8Array(init.buffer, init.byteOffset, init.byteLength);
        found(BYTES, sliceBytes(bytes), null);
        return true;
    }
    switch (init[Symbol.toStringTag]) {
        case "ArrayBuffer":
            if (!isArrayBuffer(init)) return false;
            found(BYTES, sliceBytes(new Uint8Array(init)), null);
            return true;
        case "ReadableStream":
            if (!load("streams_readable").isReadableStream(init)) return false;
            extractStream(init);
            return true;
        case "Blob":
        case "File":
            if (!load("blob").isBlob(init)) return false;
            found(BLOB, init, init.type === "" ? null : init.type);
            return true;
        case "FormData":
            return extractForm(init);
        case "URLSearchParams":
            if (!(init instanceof load("url").URLSearchParams)) return false;
            found(TEXT, `${init}`, "application/x-www-form-urlencoded;charset=UTF-8");
            return true;
        default:
            return extractOther(init);
    }
}

function extractStream(stream) {
    if (native().isDisturbed(stream)) {
        throw new TypeError(DISTURBED);
    }
    if (native().isLocked(stream)) {
        throw new TypeError("This ReadableStream is locked to a reader, and cannot be used as a body.");
    }
    found(STREAM, stream, null);
}

function extractForm(form) {
    const { isFormData, serializeForm } = load("formdata");
    if (!isFormData(form)) return false;
    const boundary = newBoundary();
    found(BYTES, serializeForm(form, boundary), `multipart/form-data; boundary=${boundary}`);
    return true;
}

function newBoundary() {
    const words = N.randomSeed();
    let text = "";
    for (let i = 0; i < 4; i++) text += P.StringPrototypePadStart(P.NumberPrototypeToString(words[i], 16), 8, "0");
    return text;
}

// Subclasses with tags of their own, and iterables where the platform takes them.
function extractOther(init) {
    if (load("streams_readable").isReadableStream(init)) {
        extractStream(init);
        return true;
    }
    if (isIterableBody(init)) {
        found(STREAM, load("streams_iterate").streamFrom(init), null);
        return true;
    }
    return false;
}

// Asynchronous iterables are; the others unless they say what they are as a string.
function isIterableBody(init) {
    const { hasFlag } = load("flags");
    if (!hasFlag("fetch_iterable_type_support")) return false;
    const asynchronous = init[Symbol.asyncIterator];
    if (asynchronous !== undefined && asynchronous !== null) return typeof asynchronous === "function";
    if (hasFlag("fetch_iterable_type_support_override_adjustment") && !P.ArrayIsArray(init)) {
        if (init.toString !== Object.prototype.toString || init[Symbol.toPrimitive] !== undefined) return false;
    }
    return typeof init[Symbol.iterator] === "function" && !isBoxedString(init);
}

function isBoxedString(value) {
    try {
        P.StringPrototypeValueOf(value);
        return true;
    } catch {
        return false;
    }
}

// ---- the class ----

export let headersOf; // the Headers object, made now if there is none
export let headersBlock; // the block for the wire
export let contentTypeOf; // or null
export let copyHeadersOf; // {headers, block, type} for another object, mutable
export let cloneBodyInto; // (from, fields) -> kind, data for a clone
export let moveBody; // (from, text when it was used) takes a body over: fills `extracted`
export let shareBody; // (from) gives the stream of a body, which both show from then on: fills `extracted`
export let bodyToWire; // (body, wire, coding)
export let contentCodingOf; // of the headers, -1 for none
export let isNullBody;
export let bodyUsed;

let showStream; // what `body` is, made now

// The bytes, as a string, a Uint8Array that the caller owns, or a promise of one. The body is used from then on.
let consume;

export class Body {
    #kind;
    #data; // null once used
    #used = false;
    #stream = null; // what `body` has shown
    #headers;
    #block; // headers from the channel; names in lower case
    #type; // a Content-Type that the headers do not have yet
    #immutable;

    // Either headers, or a block ("": none), or neither.
    constructor(token, kind, data, headers, block, type, immutable) {
        if (token !== MAKE) throw illegalConstructor();
        this.#kind = kind;
        this.#data = data;
        this.#headers = headers;
        this.#block = block;
        this.#type = type;
        this.#immutable = immutable;
        if (kind === STREAM) this.#stream = data;
    }

    static {
        headersOf = (b) => {
            if (b.#headers !== null) return b.#headers;
            const { headersFromBlock, headerSet } = load("headers");
            const headers = headersFromBlock(b.#block, b.#immutable);
            if (b.#type !== null) headerSet(headers, "Content-Type", b.#type);
            b.#headers = headers;
            b.#type = null;
            return headers;
        };
        headersBlock = (b) => {
            if (b.#headers !== null) return load("headers").headersToBlock(b.#headers);
            return b.#type === null ? b.#block : typeLine(b.#type) + b.#block;
        };
        contentTypeOf = (b) => {
            if (b.#headers !== null) return load("headers").headerGet(b.#headers, "content-type");
            if (b.#type !== null) return b.#type;
            return b.#block === "" ? null : load("headers").blockGet(b.#block, "content-type");
        };
        contentCodingOf = (b) => {
            let field = null;
            if (b.#headers !== null) field = load("headers").headerGet(b.#headers, "content-encoding");
            else if (b.#block !== "") field = load("headers").blockGet(b.#block, "content-encoding");
            return field === null ? -1 : load("content_coding").codingOf(field);
        };
        copyHeadersOf = (b) => {
            if (b.#headers === null) return { headers: null, block: b.#block, type: b.#type };
            return { headers: load("headers").copyHeaders(b.#headers), block: "", type: null };
        };
        consume = (b) => {
            if (b.#kind === NONE) return "";
            claim(b);
            const data = b.#data;
            b.#data = null;
            switch (b.#kind) {
                case TEXT:
                    return data;
                case BYTES:
                    return data;
                case BLOB:
                    return sliceBytes(load("blob").blobBytes(data));
                case SOURCE:
                    return native().collectSource(data);
                default:
                    return native().collectStream(data);
            }
        };
        // Throws unless the body can be used, and marks it as used. A stream that was only looked at goes with it.
        const claim = (b) => {
            if (b.#used) throw new TypeError(USED);
            const stream = b.#stream;
            if (stream !== null) {
                if (native().isDisturbed(stream)) throw new TypeError(USED);
                if (native().isLocked(stream)) throw new TypeError(LOCKED);
                adopt(b);
                if (b.#kind !== STREAM) native().retire(stream);
            }
            b.#used = true;
        };
        // A stream that another body in memory has shown is that memory, while nobody has read it.
        const adopt = (b) => {
            if (b.#kind !== STREAM) return;
            const memory = native().memoryOf(b.#stream);
            if (memory === null) return;
            b.#kind = memory.kind;
            b.#data = memory.data;
        };
        moveBody = (b, used) => {
            if (b.#kind === NONE) {
                found(NONE, null, null);
                return;
            }
            if (bodyUsed(b)) throw new TypeError(used);
            if (b.#stream !== null && native().isLocked(b.#stream)) {
                throw new TypeError("The ReadableStream has been locked to a reader.");
            }
            claim(b);
            found(b.#kind, b.#data, null);
            b.#data = null;
            // What is left shows itself as a stream that was read.
            if (b.#kind === STREAM) b.#stream = native().consumedStream();
        };
        shareBody = (b) => {
            if (b.#kind === NONE) {
                found(NONE, null, null);
                return;
            }
            if (bodyUsed(b)) throw new TypeError(DISTURBED);
            found(STREAM, b.#stream ?? showStream(b), null);
        };
        cloneBodyInto = (b) => {
            if (b.#kind === NONE) {
                found(NONE, null, null);
                return;
            }
            const stream = b.#stream;
            if (b.#used || (stream !== null && (native().isDisturbed(stream) || native().isLocked(stream)))) {
                throw new TypeError(LOCKED);
            }
            if (stream !== null) adopt(b);
            if (b.#kind === SOURCE || b.#kind === STREAM) {
                const both = b.body.tee();
                b.#kind = STREAM;
                b.#data = b.#stream = both[0];
                found(STREAM, both[1], null);
                return;
            }
            found(b.#kind, b.#kind === BYTES ? sliceBytes(b.#data) : b.#data, null);
        };
        bodyToWire = (b, wire, coding) => {
            wire.kind = 0;
            wire.body = null;
            wire.length = -1;
            if (b.#kind === NONE) return;
            claim(b);
            const data = b.#data;
            b.#data = null;
            switch (b.#kind) {
                case TEXT:
                case BYTES:
                    wire.kind = 1;
                    wire.body = coding < 0 ? data : load("content_coding").encodeBytes(data, coding);
                    return;
                case BLOB:
                    wire.kind = 1;
                    wire.body = load("blob").blobBytes(data);
                    if (coding >= 0) wire.body = load("content_coding").encodeBytes(wire.body, coding);
                    return;
                case SOURCE:
                    sourceToWire(data, wire, coding);
                    return;
                default:
                    streamToWire(data, wire, coding);
            }
        };
        bodyUsed = (b) => b.#used || (b.#stream !== null && native().isDisturbed(b.#stream));
        isNullBody = (b) => b.#kind === NONE;
        showStream = (b) => {
            if (b.#used) b.#stream = native().consumedStream();
            else if (b.#kind === SOURCE) b.#stream = native().readableFromSource(b.#data);
            else b.#stream = memoryStream(b.#kind, b.#data);
            return b.#stream;
        };
    }

    get body() {
        return this.#stream !== null || this.#kind === NONE ? this.#stream : showStream(this);
    }

    get bodyUsed() {
        return bodyUsed(this);
    }

    get headers() {
        return this.#headers !== null ? this.#headers : headersOf(this);
    }

    text() {
        try {
            const got = consume(this);
            if (typeof got === "string") return resolved(wellFormed(got));
            return isView(got) ? resolved(decodeUtf8(got)) : then(got, decodeUtf8);
        } catch (e) {
            return rejected(e);
        }
    }

    json() {
        try {
            const got = consume(this);
            if (typeof got === "string") return resolved(parseJSON(wellFormed(got)));
            return isView(got) ? resolved(parseBytes(got)) : then(got, parseBytes);
        } catch (e) {
            return rejected(e);
        }
    }

    arrayBuffer() {
        try {
            const got = consume(this);
            if (typeof got === "string") return resolved(wholeBuffer(encodeUtf8(got)));
            return isView(got) ? resolved(wholeBuffer(got)) : then(got, wholeBuffer);
        } catch (e) {
            return rejected(e);
        }
    }

    bytes() {
        try {
            const got = consume(this);
            return typeof got === "string" ? resolved(encodeUtf8(got)) : resolved(got);
        } catch (e) {
            return rejected(e);
        }
    }

    blob() {
        try {
            const { blobFromBytes } = load("blob");
            const type = mimeOf(this);
            const got = consume(this);
            if (typeof got === "string") return resolved(blobFromBytes(encodeUtf8(got), type));
            return isView(got) ? resolved(blobFromBytes(got, type)) : then(got, (all) => blobFromBytes(all, type));
        } catch (e) {
            return rejected(e);
        }
    }

    formData() {
        try {
            const { parseForm } = load("formdata");
            if (this.bodyUsed) throw new TypeError(USED);
            const type = contentTypeOf(this);
            if (type === null) throw new TypeError("Parsing a Body as FormData requires a Content-Type header.");
            const got = consume(this);
            if (typeof got === "string") return resolved(parseForm(encodeUtf8(got), type));
            return isView(got) ? resolved(parseForm(got, type)) : then(got, (all) => parseForm(all, type));
        } catch (e) {
            return rejected(e);
        }
    }
}

const headers = Object.getOwnPropertyDescriptor(Body.prototype, "headers");
delete Body.prototype.headers;
publish(Body);

// Request and Response show `headers` as their own.
export function publishBody(Class) {
    Object.defineProperty(Class.prototype, "headers", headers);
    publish(Class);
}

function memoryBytes(memory) {
    if (memory.kind === TEXT) return encodeUtf8(memory.data);
    return memory.kind === BYTES ? memory.data : sliceBytes(load("blob").blobBytes(memory.data));
}

function memoryStream(kind, data) {
    const empty = kind === TEXT ? data === "" : kind === BYTES ? data.byteLength === 0 : data.size === 0;
    return native().readableFromMemory({ kind, data }, memoryBytes, empty);
}

function typeLine(type) {
    return type === "text/plain;charset=UTF-8" ? "Content-Type:text/plain;charset=UTF-8\n" : `Content-Type:${type}\n`;
}

function parseBytes(bytes) {
    return parseJSON(decodeUtf8(bytes));
}

function wholeBuffer(bytes) {
    const buffer = bufferOf(bytes);
    const whole = offsetOf(bytes) === 0 && lengthOf(bytes) === bufferLength(buffer);
    return whole ? buffer : bufferOf(sliceBytes(bytes));
}

function mimeOf(body) {
    const type = contentTypeOf(body);
    if (type === null) return "";
    if (!load("flags").hasFlag("blob_standard_mime_type")) return type;
    const parsed = N.mimeExtract(type);
    return parsed === undefined ? "" : parsed[0];
}

// coding: what the body is labelled with and has to be packed as; -1 for none. A body that has it already passes as it is.
function sourceToWire(source, wire, coding) {
    let number = 0;
    if (coding < 0) {
        number = source.take();
        wire.length = source.length;
    } else if (source.coding === coding) {
        number = source.takeCoded(coding);
        wire.length = source.source.length;
    }
    if (number !== 0) {
        wire.kind = 3;
        wire.body = number;
        return;
    }
    if (coding >= 0) source = load("content_coding").encodeSource(source, coding);
    wire.kind = 2;
    wire.length = source.length;
    wire.body = native().readableFromSource(source);
}

function streamToWire(stream, wire, coding) {
    const source = native().nativeSource(stream);
    if (source !== null) {
        sourceToWire(source, wire, coding);
    } else if (coding >= 0) {
        sourceToWire(native().sourceFromStream(stream), wire, coding);
    } else {
        wire.kind = 2;
        wire.body = stream;
        wire.length = native().knownLength(stream);
    }
}

// What came over the channel as a body: null, a string (of short ASCII bytes), a Uint8Array or a ByteSource.
export function kindOfWireBody(body) {
    if (body === null) return NONE;
    if (typeof body === "string") return TEXT;
    return isView(body) ? BYTES : SOURCE;
}
