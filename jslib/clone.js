// structuredClone, and the serialisation format of docs/formats/clone.md: what RPC and queues carry and objects store.

import { DOMException, badArgument, badField, isObject, platformName } from "errors";

const VERSION = 1;

// Tags; 0x80 and above are the integers 0 to 127.
const UNDEFINED = 0x00, NULL = 0x01, FALSE = 0x02, TRUE = 0x03, HOLE = 0x04, INT = 0x05, DOUBLE = 0x06, BIGINT = 0x07;
const NEGATIVE_BIGINT = 0x08, STRING8 = 0x09, STRING16 = 0x0a, KEY = 0x0b, END = 0x0c;
const OBJECT = 0x10, DENSE = 0x11, SPARSE = 0x12, BACK = 0x13, DATE = 0x14, REGEXP = 0x15, MAP = 0x16, SET = 0x17;
const ERROR = 0x18, BUFFER = 0x19, RESIZABLE = 0x1a, TRANSFERRED = 0x1b, VIEW = 0x1c;
const FALSE_OBJECT = 0x20, TRUE_OBJECT = 0x21, NUMBER_OBJECT = 0x22, BIGINT_OBJECT = 0x23, STRING_OBJECT = 0x24;
const HOST = 0x30, CAPABILITY = 0x31;
const SMALL = 0x80;

const HOST_DOM_EXCEPTION = 1, HOST_HEADERS = 2, HOST_REQUEST = 3, HOST_RESPONSE = 4;

// Keys that are remembered, so that rows of the same shape name their columns once.
const KEYS_MAX = 4096;
const KEY_LENGTH_MAX = 64;

const views = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
    BigInt64Array, BigUint64Array, DataView, globalThis.Float16Array,
];
const viewName = P.uncurryThis(P.ReflectGetOwnPropertyDescriptor(P.TypedArray.prototype, Symbol.toStringTag).get);
const viewKind = { __proto__: null };
for (let i = 0; i < views.length; i++) if (views[i] !== undefined) viewKind[views[i].name] = i;

const errors = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
const errorKind = { __proto__: null };
for (let i = 0; i < errors.length; i++) errorKind[errors[i].name] = i;

const { getPrototypeOf, keys: ownKeys, hasOwn } = Object;
const ObjectPrototype = Object.prototype;
const isArray = P.ArrayIsArray;
const isView = P.ArrayBufferIsView;
const { min } = Math;

// Prototypes of the language that have a form of their own, or none at all.
const languageForms = new P.Map();
for (const name of ["Map", "Set", "Date", "RegExp", "ArrayBuffer", "Error", "Boolean", "Number", "String", "BigInt"]) {
    P.MapPrototypeSet(languageForms, globalThis[name].prototype, name);
}
for (const name of ["Promise", "WeakMap", "WeakSet", "WeakRef", "FinalizationRegistry", "Symbol"]) {
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

export function dataCloneError(message) {
    return new DOMException(message, "DataCloneError");
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

// ---- writing ----

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
                const unit = P.StringPrototypeCharCodeAt(value, i);
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
                if (typeof value === "function" && this.rpc !== null) return this.object(value);
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
        if (typeof value === "function") return this.capability(value);
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
        let indices = min(names.length, length);
        // Index keys come first; what is left of them when there are holes ends where names begin.
        while (indices > 0 && !isIndex(names[indices - 1])) indices--;
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
        let name = value.name;
        name = errorKind[typeof name === "string" ? name : "Error"];
        this.byte(ERROR);
        this.byte(name === undefined ? 0 : name);
        for (const key of ["stack", "message"]) {
            const d = P.ReflectGetOwnPropertyDescriptor(value, key);
            const text = d === undefined || d.get !== undefined ? value[key] : d.value;
            if (d === undefined || text === undefined) this.byte(UNDEFINED);
            else this.string(`${text}`);
        }
        const cause = P.ReflectGetOwnPropertyDescriptor(value, "cause");
        if (cause === undefined) this.byte(HOLE);
        else this.value(value.cause);
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

    capability(value) {
        if (this.rpc === null) throw dataCloneError("Remote RPC references can only be serialized for RPC.");
        const index = this.rpc.add(value);
        this.byte(CAPABILITY);
        this.varint(index);
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
        const wire = load("response").responseToWire(value);
        const { kind, body } = wire;
        this.byte(HOST);
        this.byte(HOST_RESPONSE);
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

// ---- reading ----

export function corrupt() {
    return dataCloneError("Unable to deserialize cloned data.");
}

class Reader {
    constructor(bytes, rpc) {
        this.bytes = bytes;
        this.at = 0;
        this.end = bytes.length;
        this.rpc = rpc;
        this.objects = [];
        this.keys = [];
        this.transferred = null;
        this.scratch = null;
    }

    byte() {
        if (this.at >= this.end) throw corrupt();
        return this.bytes[this.at++];
    }

    varint() {
        let value = 0;
        let scale = 1;
        for (;;) {
            const b = this.byte();
            value += (b & 0x7f) * scale;
            if (b < 0x80) break;
            scale *= 0x80;
            if (scale > 0x1000000000000) throw corrupt();
        }
        if (value > P.NumberMAX_SAFE_INTEGER) throw corrupt();
        return value;
    }

    // A length of something of which each unit takes at least `unit` bytes: what is not there cannot be asked for.
    length(unit) {
        const n = this.varint();
        if (n * unit > this.end - this.at) throw corrupt();
        return n;
    }

    double() {
        if (this.end - this.at < 8) throw corrupt();
        if (this.scratch === null) this.scratch = new DataView(new ArrayBuffer(8));
        for (let i = 0; i < 8; i++) P.DataViewPrototypeSetUint8(this.scratch, i, this.bytes[this.at++]);
        return P.DataViewPrototypeGetFloat64(this.scratch, 0, true);
    }

    string8() {
        const length = this.length(1);
        const at = this.at;
        this.at = at + length;
        return N.cloneText(this.bytes, at, length, false);
    }

    string16() {
        const length = this.length(2);
        const at = this.at;
        this.at = at + 2 * length;
        return N.cloneText(this.bytes, at, length, true);
    }

    string() {
        const tag = this.byte();
        if (tag === STRING8) return this.string8();
        if (tag === STRING16) return this.string16();
        throw corrupt();
    }

    // A property name, a number for an index of a sparse array, or undefined at the end.
    key() {
        const tag = this.byte();
        if (tag === END) return undefined;
        if (tag === KEY) {
            const index = this.varint();
            if (index >= this.keys.length) throw corrupt();
            return this.keys[index];
        }
        const name = tag === STRING8 ? this.string8() : tag === STRING16 ? this.string16() : null;
        if (name === null) throw corrupt();
        if (name.length <= KEY_LENGTH_MAX && this.keys.length < KEYS_MAX) P.ArrayPrototypePush(this.keys, name);
        return name;
    }

    bigint(negative) {
        const length = this.length(1);
        let hex = "0x";
        for (let i = length - 1; i >= 0; i--) {
            const b = this.bytes[this.at + i];
            hex += (b < 16 ? "0" : "") + P.NumberPrototypeToString(b, 16);
        }
        this.at += length;
        const value = length === 0 ? 0n : P.BigInt(hex);
        return negative ? -value : value;
    }

    add(object) {
        P.ArrayPrototypePush(this.objects, object);
        return object;
    }

    value() {
        const tag = this.byte();
        if (tag >= SMALL) return tag - SMALL;
        switch (tag) {
            case UNDEFINED:
                return undefined;
            case NULL:
                return null;
            case FALSE:
                return false;
            case TRUE:
                return true;
            case INT: {
                const n = this.varint();
                if (n > 0xffffffff) throw corrupt();
                return (n >>> 1) ^ -(n & 1);
            }
            case DOUBLE:
                return this.double();
            case BIGINT:
                return this.bigint(false);
            case NEGATIVE_BIGINT:
                return this.bigint(true);
            case STRING8:
                return this.string8();
            case STRING16:
                return this.string16();
            case OBJECT: {
                const object = this.add({});
                this.properties(object);
                return object;
            }
            case DENSE:
                return this.dense();
            case SPARSE:
                return this.sparse();
        }
        return this.special(tag);
    }

    properties(object) {
        for (let name = this.key(); name !== undefined; name = this.key()) {
            const value = this.value();
            if (name === "__proto__") {
                P.ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
            } else {
                object[name] = value;
            }
        }
    }

    dense() {
        const length = this.length(1);
        const array = this.add([]);
        for (let i = 0; i < length; i++) {
            if (this.bytes[this.at] === HOLE) {
                this.byte();
                array.length = i + 1;
            } else {
                array[i] = this.value();
            }
        }
        this.properties(array);
        return array;
    }

    sparse() {
        const length = this.varint();
        if (length > 0xffffffff) throw corrupt();
        const array = this.add([]);
        array.length = length;
        while (this.bytes[this.at] !== END) {
            const index = this.value();
            if (typeof index !== "number" || index >>> 0 !== index || index >= length) throw corrupt();
            array[index] = this.value();
        }
        this.byte();
        this.properties(array);
        return array;
    }

    special(tag) {
        switch (tag) {
            case BACK: {
                const index = this.varint();
                if (index >= this.objects.length || this.objects[index] === undefined) throw corrupt();
                return this.objects[index];
            }
            case DATE:
                return this.add(new P.Date(this.double()));
            case REGEXP: {
                const source = this.string();
                const flags = this.string();
                try {
                    return this.add(new P.RegExp(source, flags));
                } catch {
                    throw corrupt();
                }
            }
            case MAP: {
                const map = this.add(new P.Map());
                while (this.bytes[this.at] !== END) {
                    const key = this.value();
                    P.MapPrototypeSet(map, key, this.value());
                }
                this.byte();
                return map;
            }
            case SET: {
                const set = this.add(new P.Set());
                while (this.bytes[this.at] !== END) P.SetPrototypeAdd(set, this.value());
                this.byte();
                return set;
            }
            case ERROR:
                return this.error();
            case BUFFER:
            case RESIZABLE:
                return this.buffer(tag === RESIZABLE);
            case TRANSFERRED: {
                const index = this.varint();
                if (this.transferred === null || index >= this.transferred.length) throw corrupt();
                return this.add(this.transferred[index]);
            }
            case VIEW:
                return this.view();
            case FALSE_OBJECT:
                return this.add(P.Object(false));
            case TRUE_OBJECT:
                return this.add(P.Object(true));
            case NUMBER_OBJECT:
                return this.add(P.Object(this.double()));
            case BIGINT_OBJECT: {
                const sign = this.byte();
                if (sign !== BIGINT && sign !== NEGATIVE_BIGINT) throw corrupt();
                return this.add(P.Object(this.bigint(sign === NEGATIVE_BIGINT)));
            }
            case STRING_OBJECT:
                return this.add(P.Object(this.string()));
            case HOST:
                return this.host();
            case CAPABILITY: {
                if (this.rpc === null) throw corrupt();
                return this.add(this.rpc.take(this.varint()));
            }
        }
        throw corrupt();
    }

    buffer(resizable) {
        const length = this.varint();
        const most = resizable ? this.varint() : length;
        if (length > this.end - this.at || most < length) throw corrupt();
        const buffer = resizable ? new P.ArrayBuffer(length, { maxByteLength: most }) : new P.ArrayBuffer(length);
        P.TypedArrayPrototypeSet(new Uint8Array(buffer), P.TypedArrayPrototypeSubarray(this.bytes, this.at, this.at + length));
        this.at += length;
        return this.add(buffer);
    }

    view() {
        const Class = views[this.byte()];
        // The view is numbered before its buffer, as the writer met them.
        const place = this.objects.length;
        this.add(undefined);
        const buffer = this.value();
        const offset = this.varint();
        const length = this.varint();
        if (Class === undefined) throw corrupt();
        try {
            P.ArrayBufferPrototypeGetByteLength(buffer);
            const view = length === 0 ? new Class(buffer, offset) : new Class(buffer, offset, length - 1);
            this.objects[place] = view;
            return view;
        } catch {
            throw corrupt();
        }
    }

    error() {
        const Class = errors[this.byte()];
        if (Class === undefined) throw corrupt();
        const place = this.objects.length;
        const error = this.add(new Class());
        const stack = this.value();
        const message = this.value();
        if ((stack !== undefined && typeof stack !== "string") || (message !== undefined && typeof message !== "string")) {
            throw corrupt();
        }
        // Where the copy was made is of no interest.
        delete error.line;
        delete error.column;
        delete error.sourceURL;
        hidden(error, "stack", stack);
        if (message !== undefined) hidden(error, "message", message);
        if (this.bytes[this.at] === HOLE) this.byte();
        else hidden(error, "cause", this.value());
        return this.objects[place];
    }

    host() {
        const kind = this.byte();
        const place = this.objects.length;
        this.add(undefined);
        let object;
        try {
            object = this.hostOf(kind);
        } catch (e) {
            // Their constructors check their arguments; what they refuse no writer of ours wrote.
            throw e instanceof P.RangeError ? e : corrupt();
        }
        this.objects[place] = object;
        return object;
    }

    hostOf(kind) {
        switch (kind) {
            case HOST_DOM_EXCEPTION: {
                const name = this.string();
                const error = new DOMException(this.string(), name);
                hidden(error, "stack", this.string());
                return error;
            }
            case HOST_HEADERS:
                return headersFrom(this.string());
            case HOST_REQUEST: {
                const method = this.string();
                const url = this.string();
                const headers = headersFrom(this.string());
                const cf = this.string();
                const redirect = this.string();
                const init = { method, headers, redirect, body: this.value() };
                if (cf !== "") init.cf = P.JSONParse(cf);
                if (init.body === null) delete init.body;
                const { Request } = load("request");
                return new Request(url, init);
            }
            case HOST_RESPONSE: {
                const status = this.varint();
                const statusText = this.string();
                const headers = headersFrom(this.string());
                const { Response } = load("response");
                return new Response(this.value(), { status, statusText, headers });
            }
        }
        throw corrupt();
    }
}

function hidden(object, name, value) {
    P.ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

function headersFrom(block) {
    const { Headers } = load("headers");
    const headers = new Headers();
    for (let at = 0; at < block.length; ) {
        const colon = P.StringPrototypeIndexOf(block, ":", at);
        const end = P.StringPrototypeIndexOf(block, "\n", at);
        if (colon < 0 || end < colon) throw corrupt();
        headers.append(P.StringPrototypeSlice(block, at, colon), P.StringPrototypeSlice(block, colon + 1, end));
        at = end + 1;
    }
    return headers;
}

// ---- entry points ----

// The bytes of a value. `rpc` is null, or takes what is not data: add(object) and addStreamNumber(n) give its index.
export function serialize(value, rpc = null) {
    const writer = new Writer(rpc);
    try {
        writer.byte(VERSION);
        writer.value(value);
        return writer.finish();
    } catch (e) {
        if (writer.bytes !== null) writer.release();
        throw e;
    }
}

// The value of bytes that anybody may have written. `rpc` is null, or gives what is not data: take(index).
export function deserialize(bytes, rpc = null) {
    const reader = new Reader(bytes, rpc);
    if (reader.byte() !== VERSION) throw corrupt();
    const value = reader.value();
    if (reader.at !== reader.end) throw corrupt();
    return value;
}

export function structuredClone(value, options) {
    if (arguments.length === 0) throw badArgument("ServiceWorkerGlobalScope", "structuredClone", 1, "JsValue");
    if (options !== undefined && options !== null && !isObject(options)) {
        throw badArgument("ServiceWorkerGlobalScope", "structuredClone", 2, "StructuredCloneOptions");
    }
    const transfer = transferList(options?.transfer);
    if (!isObject(value)) {
        if (typeof value === "symbol") throw notCloned(value);
        return value;
    }
    if (typeof value === "function") throw notCloned(value);

    const writer = new Writer(null);
    writer.transfer = transfer;
    try {
        writer.value(value);
        // The writer's own buffer is read in place: nothing runs in between that could write to it.
        const reader = new Reader(writer.bytes, null);
        reader.end = writer.at;
        if (transfer !== null) reader.transferred = detach(transfer);
        return reader.value();
    } finally {
        writer.release();
    }
}

function transferList(list) {
    if (list === undefined) return null;
    if (!isArray(list)) throw badField("StructuredCloneOptions", "transfer", "Array");
    for (let i = 0; i < list.length; i++) {
        try {
            P.ArrayBufferPrototypeGetByteLength(list[i]);
        } catch {
            throw new TypeError("Object is not transferable");
        }
    }
    return list;
}

function detach(list) {
    const moved = [];
    for (let i = 0; i < list.length; i++) {
        // A buffer that is named twice moves once.
        const first = P.ArrayPrototypeIndexOf(list, list[i]);
        moved[i] = first < i ? moved[first] : P.ArrayBufferPrototypeTransfer(list[i]);
    }
    return moved;
}
