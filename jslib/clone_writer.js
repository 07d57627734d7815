// Values into bytes, see docs/formats/clone.md.

import { isObject, platformName } from "errors";
import { UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, NEGATIVE_BIGINT, STRING8, STRING16, KEY } from "clone_format";
import { END, OBJECT, DENSE, SPARSE, BACK, DATE, REGEXP, MAP, SET, ERROR, BUFFER, RESIZABLE, TRANSFERRED } from "clone_format";
import { VIEW, FALSE_OBJECT, TRUE_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT, HOST, CAPABILITY } from "clone_format";
import { SMALL, HOST_DOM_EXCEPTION, HOST_HEADERS, HOST_REQUEST, HOST_RESPONSE, KEYS_MAX, KEY_LENGTH_MAX } from "clone_format";
import { HOST_BLOB, HOST_FILE, HOST_RESPONSE_CF } from "clone_format";
import { ERROR_FULL, viewKind, viewName, dataCloneError, errorClass, errorMembers } from "clone_format";

const { getPrototypeOf, keys: ownKeys, hasOwn } = Object;
const ObjectPrototype = Object.prototype;
const SharedPrototype = globalThis.SharedArrayBuffer?.prototype;
const isArray = P.ArrayIsArray;
const isView = P.ArrayBufferIsView;
const { min } = Math;

// Prototypes of the language that have a form of their own, or none at all.
const languageForms = new P.Map();
for (const name of ["Map", "Set", "Date", "RegExp", "ArrayBuffer", "Error", "Boolean", "Number", "String", "BigInt"]) {
    P.MapPrototypeSet(languageForms, globalThis[name].prototype, name);
}
for (const name of ["Promise", "WeakMap", "WeakSet", "WeakRef", "FinalizationRegistry", "Symbol", "SharedArrayBuffer"]) {
    if (globalThis[name] !== undefined) P.MapPrototypeSet(languageForms, globalThis[name].prototype, "");
}
P.MapPrototypeSet(languageForms, P.IteratorPrototype, "");
P.MapPrototypeSet(languageForms, P.AsyncIteratorPrototype, "");
for (const space of [globalThis.Intl, globalThis.WebAssembly]) {
    if (space === undefined) continue;
    for (const name of P.ReflectOwnKeys(space)) {
        const proto = space[name]?.prototype;
        if (isObject(proto) && !(proto instanceof Error)) P.MapPrototypeSet(languageForms, proto, "");
    }
}

function constructorName(value) {
    try {
        const name = value.constructor.name;
        return typeof name === "string" && name !== "" ? name : "Object";
    } catch {
        return "Object";
    }
}

// The engine of the platform words it so.
function notCloned(value) {
    if (typeof value === "function") return dataCloneError(`${P.FunctionPrototypeToString(value)} could not be cloned.`);
    if (typeof value === "symbol") return dataCloneError(`${P.SymbolPrototypeToString(value)} could not be cloned.`);
    const tag = P.ObjectPrototypeToString(value);
    if (/^\[object (?:Async)?(?:Generator|Symbol)\]$/.test(tag)) return dataCloneError(`${tag} could not be cloned.`);
    return dataCloneError(`#<${constructorName(value)}> could not be cloned.`);
}

function unsupported(value, name) {
    return dataCloneError(`Could not serialize object of type "${name ?? constructorName(value)}". This type does not support serialization.`);
}

// One buffer is enough for nearly every message; a value that is written while another is (a getter that clones) takes
// its own.
let spare = new Uint8Array(4096);
const SPARE_MAX = 1 << 20;

class Writer {
    constructor(rpc) {
        this.bytes = spare ?? new Uint8Array(4096);
        spare = null;
        this.at = 0;
        this.rpc = rpc; // null, or the table that takes what is not data
        this.ties = null; // takes stubs, see ties.js
        this.seen = null;
        this.count = 0; // objects so far
        this.keys = null;
        this.keyCount = 0;
        this.transfer = null;
        this.scratch = null;
    }

    room(n) {
        if (this.at + n <= this.bytes.length) return;
        let size = this.bytes.length * 2;
        while (size < this.at + n) size *= 2;
        const grown = new Uint8Array(size);
        P.TypedArrayPrototypeSet(grown, this.bytes);
        this.bytes = grown;
    }

    byte(b) {
        if (this.at === this.bytes.length) this.room(1);
        this.bytes[this.at++] = b;
    }

    varint(n) {
        this.room(10);
        const bytes = this.bytes;
        while (n >= 0x80) {
            bytes[this.at++] = (n % 0x80) | 0x80;
            n = n <= 0x7fffffff ? n >>> 7 : P.MathFloor(n / 0x80);
        }
        bytes[this.at++] = n;
    }

    double(value) {
        this.room(8);
        if (this.scratch === null) this.scratch = new DataView(new ArrayBuffer(8));
        const scratch = this.scratch;
        P.DataViewPrototypeSetFloat64(scratch, 0, value, true);
        for (let i = 0; i < 8; i++) this.bytes[this.at++] = P.DataViewPrototypeGetUint8(scratch, i);
    }

    number(value) {
        if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
            if (value >= 0 && value < 128) {
                this.byte(SMALL + value);
            } else {
                this.byte(INT);
                this.varint(((value << 1) ^ (value >> 31)) >>> 0);
            }
        } else {
            this.byte(DOUBLE);
            this.double(value);
        }
    }

    // Short strings are copied here: a native call costs more than a few dozen characters.
    string(value) {
        const length = value.length;
        this.room(length + 6);
        const start = this.at;
        const bytes = this.bytes;
        if (length < 128) {
            bytes[start] = STRING8;
            bytes[start + 1] = length;
            let at = start + 2;
            for (let i = 0; i < length; i++) {
                const unit = value.charCodeAt(i); // whoever patches it only spoils what it writes itself
                if (unit > 0xff) return this.wideString(value);
                bytes[at++] = unit;
            }
            this.at = at;
            return;
        }
        bytes[start] = STRING8;
        this.at = start + 1;
        this.varint(length);
        if (!N.cloneLatin1(value, bytes, this.at)) {
            this.at = start;
            return this.wideString(value);
        }
        this.at += length;
    }

    wideString(value) {
        this.room(2 * value.length + 6);
        this.byte(STRING16);
        this.varint(value.length);
        N.cloneUnits(value, this.bytes, this.at);
        this.at += 2 * value.length;
    }

    key(name) {
        if (name.length > KEY_LENGTH_MAX) return this.string(name);
        if (this.keys === null) this.keys = { __proto__: null };
        const known = this.keys[name];
        if (known !== undefined) {
            this.byte(KEY);
            this.varint(known);
            return;
        }
        if (this.keyCount < KEYS_MAX) this.keys[name] = this.keyCount++;
        this.string(name);
    }

    bigint(value) {
        let magnitude = value < 0n ? -value : value;
        let hex = P.BigIntPrototypeToString(magnitude, 16);
        if (hex.length % 2 === 1) hex = `0${hex}`;
        const length = hex.length / 2;
        this.byte(value < 0n ? NEGATIVE_BIGINT : BIGINT);
        this.varint(length);
        this.room(length);
        for (let i = length - 1; i >= 0; i--) {
            this.bytes[this.at++] = P.parseInt(P.StringPrototypeSlice(hex, 2 * i, 2 * i + 2), 16);
        }
    }

    rawBytes(view) {
        this.room(view.length);
        P.TypedArrayPrototypeSet(this.bytes, view, this.at);
        this.at += view.length;
    }

    value(value) {
        switch (typeof value) {
            case "string":
                return this.string(value);
            case "number":
                return this.number(value);
            case "boolean":
                return this.byte(value ? TRUE : FALSE);
            case "undefined":
                return this.byte(UNDEFINED);
            case "bigint":
                return this.bigint(value);
            case "object":
                return value === null ? this.byte(NULL) : this.object(value);
            default:
                if (typeof value === "function" && (this.rpc !== null || this.ties !== null)) return this.object(value);
                throw notCloned(value);
        }
    }

    // True when the object was written before; else it is numbered now.
    known(object) {
        if (this.seen === null) this.seen = new P.Map();
        const number = P.MapPrototypeGet(this.seen, object);
        if (number !== undefined) {
            this.byte(BACK);
            this.varint(number);
            return true;
        }
        P.MapPrototypeSet(this.seen, object, this.count++);
        return false;
    }

    object(value) {
        if (this.known(value)) return;
        if (this.ties !== null && this.tie(value)) return;
        if (typeof value === "function") {
            if (this.rpc === null) throw platformName(getPrototypeOf(value)) === undefined ? notCloned(value) : unsupported(value, platformName(getPrototypeOf(value)));
            if (platformName(getPrototypeOf(value)) === "LoopbackServiceStub") throw unsupported(value, "LoopbackServiceStub");
            return this.capability(value);
        }
        const proto = getPrototypeOf(value);
        if (proto === ObjectPrototype) return this.plain(value);
        if (isArray(value)) return this.array(value);
        if (isView(value)) return this.view(value);
        if (proto === null) {
            if (this.rpc !== null) throw unsupported(value, "Object");
            return this.plain(value);
        }
        for (let p = proto; p !== null && p !== ObjectPrototype; p = getPrototypeOf(p)) {
            const form = P.MapPrototypeGet(languageForms, p);
            if (form !== undefined) {
                if (form === "" || !this.language(form, value)) throw notCloned(value);
                return;
            }
            const name = platformName(p);
            if (name !== undefined) return this.platform(name, value);
        }
        if (this.rpc !== null) throw unsupported(value);
        this.plain(value);
    }

    plain(value) {
        this.byte(OBJECT);
        this.properties(value, ownKeys(value), 0);
        this.byte(END);
    }

    properties(value, names, from) {
        for (let i = from; i < names.length; i++) {
            const name = names[i];
            const member = value[name];
            // A getter may have deleted what follows it.
            if (member === undefined && !hasOwn(value, name)) continue;
            this.key(name);
            this.value(member);
        }
    }

    array(value) {
        const length = value.length;
        const names = ownKeys(value);
        const indices = arrayIndices(names, length);
        if (indices < length / 4 && length > 16) {
            this.byte(SPARSE);
            this.varint(length);
            for (let i = 0; i < indices; i++) {
                const member = value[names[i]];
                if (member === undefined && !hasOwn(value, names[i])) continue;
                this.number(+names[i]);
                this.value(member);
            }
            this.byte(END);
        } else {
            this.byte(DENSE);
            this.varint(length);
            for (let i = 0; i < length; i++) {
                const member = value[i];
                if (member === undefined && !hasOwn(value, i)) this.byte(HOLE);
                else this.value(member);
            }
        }
        this.properties(value, names, indices);
        this.byte(END);
    }

    language(form, value) {
        switch (form) {
            case "Map": {
                const list = [];
                P.MapPrototypeForEach(value, (v, k) => P.ArrayPrototypePush(list, k, v));
                this.byte(MAP);
                for (let i = 0; i < list.length; i++) this.value(list[i]);
                this.byte(END);
                return true;
            }
            case "Set": {
                const list = [];
                P.SetPrototypeForEach(value, (v) => P.ArrayPrototypePush(list, v));
                this.byte(SET);
                for (let i = 0; i < list.length; i++) this.value(list[i]);
                this.byte(END);
                return true;
            }
            case "Date": {
                const time = P.DatePrototypeGetTime(value);
                this.byte(DATE);
                this.double(time);
                return true;
            }
            case "RegExp": {
                const source = P.RegExpPrototypeGetSource(value);
                this.byte(REGEXP);
                this.string(source);
                this.string(P.RegExpPrototypeGetFlags(value));
                return true;
            }
            case "ArrayBuffer":
                this.buffer(value);
                return true;
            case "Error":
                this.error(value);
                return true;
            case "Boolean":
                this.byte(P.BooleanPrototypeValueOf(value) ? TRUE_OBJECT : FALSE_OBJECT);
                return true;
            case "Number": {
                const number = P.NumberPrototypeValueOf(value);
                this.byte(NUMBER_OBJECT);
                this.double(number);
                return true;
            }
            case "String": {
                const text = P.StringPrototypeValueOf(value);
                this.byte(STRING_OBJECT);
                this.string(text);
                return true;
            }
            case "BigInt": {
                const number = P.BigIntPrototypeValueOf(value);
                this.byte(BIGINT_OBJECT);
                this.bigint(number);
                return true;
            }
        }
        return false;
    }

    buffer(value) {
        if (this.transfer !== null) {
            const index = P.ArrayPrototypeIndexOf(this.transfer, value);
            if (index >= 0) {
                this.byte(TRANSFERRED);
                this.varint(index);
                return;
            }
        }
        if (P.ArrayBufferPrototypeGetDetached?.(value)) {
            throw dataCloneError("An ArrayBuffer is detached and could not be cloned.");
        }
        const length = P.ArrayBufferPrototypeGetByteLength(value);
        if (P.ArrayBufferPrototypeGetResizable?.(value)) {
            this.byte(RESIZABLE);
            this.varint(length);
            this.varint(P.ArrayBufferPrototypeGetMaxByteLength(value));
        } else {
            this.byte(BUFFER);
            this.varint(length);
        }
        this.rawBytes(new Uint8Array(value));
    }

    view(value) {
        const name = viewName(value);
        const isDataView = name === undefined;
        const buffer = isDataView ? P.DataViewPrototypeGetBuffer(value) : P.TypedArrayPrototypeGetBuffer(value);
        if (getPrototypeOf(buffer) === SharedPrototype) throw notCloned(buffer);
        if (P.ArrayBufferPrototypeGetDetached?.(buffer)) {
            throw dataCloneError("An ArrayBuffer is detached and could not be cloned.");
        }
        const offset = isDataView ? P.DataViewPrototypeGetByteOffset(value) : P.TypedArrayPrototypeGetByteOffset(value);
        const length = isDataView ? P.DataViewPrototypeGetByteLength(value) : P.TypedArrayPrototypeGetLength(value);
        this.byte(VIEW);
        this.byte(viewKind[isDataView ? "DataView" : name]);
        this.object(buffer);
        this.varint(offset);
        this.varint(tracksLength(value, buffer, isDataView) ? 0 : length + 1);
    }

    error(value) {
        void value.stack; // the engine makes it when it is asked for
        const names = errorMembers(value);
        this.byte(names.length === 0 ? ERROR : ERROR_FULL);
        this.byte(errorClass(value));
        for (const key of ["stack", "message"]) {
            const d = P.ReflectGetOwnPropertyDescriptor(value, key);
            const text = d === undefined || d.get !== undefined ? value[key] : d.value;
            // The stack may be an accessor of the prototype, the message must be the error's own.
            if ((d === undefined && key === "message") || text === undefined) this.byte(UNDEFINED);
            else this.string(`${text}`);
        }
        const cause = P.ReflectGetOwnPropertyDescriptor(value, "cause");
        if (cause === undefined) this.byte(HOLE);
        else this.value(value.cause);
        if (names.length === 0) return;
        this.properties(value, names, 0);
        this.byte(END);
    }

    platform(name, value) {
        switch (name) {
            case "DOMException":
                this.byte(HOST);
                this.byte(HOST_DOM_EXCEPTION);
                this.string(value.name);
                this.string(value.message);
                this.string(`${value.stack}`);
                return;
            case "Headers":
                this.byte(HOST);
                this.byte(HOST_HEADERS);
                this.string(load("headers").headersToBlock(value));
                return;
            case "Request":
                return this.request(value);
            case "Response":
                return this.response(value);
            case "Blob":
            case "File":
                return this.blob(value);
            case "ReadableStream":
            case "WritableStream":
                if (this.rpc === null) throw dataCloneError(`${name} can only be serialized for RPC.`);
                return this.capability(value);
            case "RpcTarget":
            case "JsRpcTarget":
            case "JsRpcStub":
            case "JsRpcPromise":
            case "JsRpcProperty":
                return this.capability(value);
            case "Fetcher":
                throw dataCloneError(
                    this.rpc === null
                        ? "ServiceStub cannot be serialized in this context."
                        : "ServiceStub serialization requires the 'experimental' compat flag.",
                );
            case "AbortSignal":
                throw dataCloneError("AbortSignal serialization is not enabled.");
        }
        throw unsupported(value, name);
    }

    // A stub that may go to another worker for good.
    tie(value) {
        const index = this.ties.add(value);
        if (index < 0) return false;
        this.byte(CAPABILITY);
        this.varint(index);
        return true;
    }

    capability(value) {
        if (this.rpc === null) throw dataCloneError("Remote RPC references can only be serialized for RPC.");
        const index = this.rpc.add(value);
        this.byte(CAPABILITY);
        this.varint(index);
    }

    blob(value) {
        const { blobBytes, isFile } = load("blob");
        const file = isFile(value);
        const bytes = blobBytes(value);
        this.byte(HOST);
        this.byte(file ? HOST_FILE : HOST_BLOB);
        this.string(value.type);
        if (file) {
            this.string(value.name);
            this.double(value.lastModified);
        }
        this.varint(bytes.byteLength);
        this.room(bytes.byteLength);
        P.TypedArrayPrototypeSet(this.bytes, bytes, this.at);
        this.at += bytes.byteLength;
    }

    // What a body is by now: nothing, bytes, or a stream that goes into the table of capabilities.
    body(kind, body) {
        if (kind === 0) return this.byte(NULL);
        if (kind === 1) return this.value(body);
        if (this.rpc === null) throw dataCloneError("ReadableStream can only be serialized for RPC.");
        this.count++;
        this.byte(CAPABILITY);
        this.varint(kind === 3 ? this.rpc.addStreamNumber(body) : this.rpc.add(body));
    }

    request(value) {
        if (this.rpc === null && value.body !== null) throw dataCloneError("ReadableStream can only be serialized for RPC.");
        const wire = load("request").requestToWire(value);
        const { kind, body } = wire;
        this.byte(HOST);
        this.byte(HOST_REQUEST);
        this.string(wire.method);
        this.string(wire.url);
        this.string(wire.headers);
        this.string(wire.cf);
        this.string(wire.redirect);
        this.body(kind, body);
    }

    response(value) {
        if (this.rpc === null && value.body !== null) throw dataCloneError("ReadableStream can only be serialized for RPC.");
        if (value.webSocket) throw unsupported(value, "WebSocket");
        const { cf } = value;
        const wire = load("response").responseToWire(value);
        const { kind, body } = wire;
        this.byte(HOST);
        this.byte(cf === undefined ? HOST_RESPONSE : HOST_RESPONSE_CF);
        if (cf !== undefined) this.string(P.JSONStringify(cf) ?? "null");
        this.varint(wire.status);
        this.string(wire.statusText);
        this.string(wire.headers);
        this.body(kind, body);
    }

    // The bytes, in an array of their own.
    finish() {
        const out = P.TypedArrayPrototypeSlice(this.bytes, 0, this.at);
        this.release();
        return out;
    }

    release() {
        if (this.bytes.length <= SPARE_MAX) spare = this.bytes;
        this.bytes = null;
    }
}

// How many of an array's own keys are indices: they come first.
function arrayIndices(names, length) {
    let indices = min(names.length, length);
    while (indices > 0 && !isIndex(names[indices - 1])) indices--;
    return indices;
}

function isIndex(name) {
    const n = name >>> 0;
    return `${n}` === name && n !== 0xffffffff;
}

// A view without a length of its own follows its resizable buffer.
function tracksLength(view, buffer, isDataView) {
    if (!P.ArrayBufferPrototypeGetResizable?.(buffer)) return false;
    const size = isDataView ? P.DataViewPrototypeGetByteLength(view) : P.TypedArrayPrototypeGetByteLength(view);
    const offset = isDataView ? P.DataViewPrototypeGetByteOffset(view) : P.TypedArrayPrototypeGetByteOffset(view);
    const unit = isDataView ? 1 : view.BYTES_PER_ELEMENT;
    const rest = P.ArrayBufferPrototypeGetByteLength(buffer) - offset;
    // Only a view that reaches the end can be following it; one of fixed length that happens to end there is told
    // apart by what it does when the buffer grows, which is tried on a buffer with room.
    if (rest - size >= unit) return false;
    const old = P.ArrayBufferPrototypeGetByteLength(buffer);
    if (P.ArrayBufferPrototypeGetMaxByteLength(buffer) - old < unit) return true;
    P.ArrayBufferPrototypeResize(buffer, old + unit);
    const now = isDataView ? P.DataViewPrototypeGetByteLength(view) : P.TypedArrayPrototypeGetByteLength(view);
    P.ArrayBufferPrototypeResize(buffer, old);
    return now !== size;
}

export { Writer, arrayIndices, languageForms, notCloned, tracksLength };
