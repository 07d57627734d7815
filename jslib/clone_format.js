// The structured-clone format, see docs/formats/clone.md: its numbers, and its errors.

import { DOMException } from "errors";
import { hasFlag } from "flags";

const VERSION = 1;

// Tags; 0x80 and above are the integers 0 to 127.
const UNDEFINED = 0x00, NULL = 0x01, FALSE = 0x02, TRUE = 0x03, HOLE = 0x04, INT = 0x05, DOUBLE = 0x06, BIGINT = 0x07;
const NEGATIVE_BIGINT = 0x08, STRING8 = 0x09, STRING16 = 0x0a, KEY = 0x0b, END = 0x0c;
const OBJECT = 0x10, DENSE = 0x11, SPARSE = 0x12, BACK = 0x13, DATE = 0x14, REGEXP = 0x15, MAP = 0x16, SET = 0x17;
const ERROR = 0x18, BUFFER = 0x19, RESIZABLE = 0x1a, TRANSFERRED = 0x1b, VIEW = 0x1c, ERROR_FULL = 0x1d;
const FALSE_OBJECT = 0x20, TRUE_OBJECT = 0x21, NUMBER_OBJECT = 0x22, BIGINT_OBJECT = 0x23, STRING_OBJECT = 0x24;
const HOST = 0x30, CAPABILITY = 0x31;
const SMALL = 0x80;

const HOST_DOM_EXCEPTION = 1, HOST_HEADERS = 2, HOST_REQUEST = 3, HOST_RESPONSE = 4, HOST_BLOB = 5, HOST_FILE = 6, HOST_RESPONSE_CF = 7;

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

const errors = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError];
const errorKind = { __proto__: null };
for (let i = 0; i < errors.length; i++) errorKind[errors[i].name] = i;

export function dataCloneError(message) {
    return new DOMException(message, "DataCloneError");
}

export function corrupt() {
    return dataCloneError("Unable to deserialize cloned data.");
}

export { VERSION, UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, NEGATIVE_BIGINT, STRING8, STRING16 };
export { KEY, END, OBJECT, DENSE, SPARSE, BACK, DATE, REGEXP, MAP, SET, ERROR, BUFFER, RESIZABLE, TRANSFERRED };
export { VIEW, FALSE_OBJECT, TRUE_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT, HOST, CAPABILITY };
export { ERROR_FULL, SMALL, HOST_DOM_EXCEPTION, HOST_HEADERS, HOST_REQUEST, HOST_RESPONSE, KEYS_MAX, KEY_LENGTH_MAX };
export { HOST_BLOB, HOST_FILE, HOST_RESPONSE_CF };
export { views, viewKind, viewName, errors, errorKind };

// The members of an error that are not its own affair: written apart, or made by the engine.
const notOwn = ["stack", "message", "cause", "line", "column", "sourceURL"];

// Names of the properties that an error takes along: with enhanced_error_serialization whatever the user gave it.
export function errorMembers(error) {
    if (!hasFlag("enhanced_error_serialization")) return [];
    const names = P.ObjectKeys(error);
    const out = [];
    for (let i = 0; i < names.length; i++) if (!P.ArrayPrototypeIncludes(notOwn, names[i])) P.ArrayPrototypePush(out, names[i]);
    for (const name of ["name", "errors"]) {
        if (P.ObjectHasOwn(error, name) && !P.ArrayPrototypeIncludes(out, name)) P.ArrayPrototypePush(out, name);
    }
    return out;
}

// The class that a clone of the error has.
export function errorClass(error) {
    const { name } = error;
    const kind = errorKind[typeof name === "string" ? name : "Error"];
    if (!hasFlag("enhanced_error_serialization")) return kind === undefined || kind > 6 ? 0 : kind;
    if (kind !== undefined) return kind;
    // A class of the user's is cloned as the one of the language that it extends.
    for (let i = errors.length - 1; i > 0; i--) if (error instanceof errors[i]) return i;
    return 0;
}
