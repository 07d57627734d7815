// Blob and File: bytes that never change, with a type.

import { badConstructorArgument, isObject, publish } from "errors";
import { hasFlag } from "flags";
import { bytesView, isBytes, rejected, resolved } from "streams_util";
import { concatBytes, decodeUtf8, encodeUtf8 } from "body_bytes";

const { TypedArrayPrototypeSlice: sliceBytes, TypedArrayPrototypeSubarray: subarray } = P;
const { StringPrototypeToLowerCase: toLowerCase, RegExpPrototypeTest: test } = P;

const clock = N.clock; // the platform's: it stands still while JavaScript runs

function now() {
    return clock[0];
}

const SIZE_MAX = 128 * 1024 * 1024;
const MAKE = Symbol("internal");
const NOT_PRINTABLE = /[^ -~]/;

let bytesOf;
export let isBlob;

export class Blob {
    #bytes;
    #type;

    static {
        bytesOf = (blob) => blob.#bytes;
        isBlob = (value) => isObject(value) && #bytes in value;
    }

    constructor(parts, options) {
        if (parts === MAKE) {
            this.#bytes = options.bytes;
            this.#type = options.type;
            return;
        }
        this.#bytes = gather(parts, options, "Blob");
        this.#type = typeOf(options);
    }

    get size() {
        return this.#bytes.byteLength;
    }

    get type() {
        return this.#type;
    }

    arrayBuffer() {
        try {
            return resolved(sliceBytes(this.#bytes).buffer);
        } catch (e) {
            return rejected(e);
        }
    }

    bytes() {
        try {
            return resolved(sliceBytes(this.#bytes));
        } catch (e) {
            return rejected(e);
        }
    }

    text() {
        try {
            return resolved(decodeUtf8(this.#bytes));
        } catch (e) {
            return rejected(e);
        }
    }

    slice(start, end, type) {
        const size = this.#bytes.byteLength;
        const from = position(start, size, 0);
        const to = position(end, size, size);
        const bytes = subarray(this.#bytes, from, to > from ? to : from);
        return new Blob(MAKE, { bytes, type: type === undefined ? "" : normalType(`${type}`) });
    }

    stream() {
        return load("streams_native").readableFromBytes(sliceBytes(this.#bytes));
    }
}

// Where a slice begins or ends: negative counts from the end.
function position(value, size, fallback) {
    if (value === undefined) return fallback;
    let n = Number(value);
    if (n !== n) return 0;
    if (n < -2147483648 || n > 2147483647) {
        throw new TypeError("Value out of range. Must be between -2147483648 and 2147483647 (inclusive).");
    }
    n = P.MathTrunc(n);
    if (n < 0) return n + size > 0 ? n + size : 0;
    return n < size ? n : size;
}

function normalType(type) {
    return test(NOT_PRINTABLE, type) ? "" : toLowerCase(type);
}

function typeOf(options) {
    if (options === undefined || options === null) return "";
    const type = options.type;
    return type === undefined ? "" : normalType(`${type}`);
}

function gather(parts, options, Class) {
    if (parts !== undefined && !P.ArrayIsArray(parts)) throw badConstructorArgument(Class, 1, "Array");
    if (options !== undefined && options !== null) {
        if (!isObject(options)) throw badConstructorArgument(Class, Class === "File" ? 3 : 2, "Options");
        if (options.endings !== undefined) throw new Error("The 'endings' field on 'Options' is not implemented.");
    }
    const chunks = [];
    let total = 0;
    const count = parts === undefined ? 0 : parts.length;
    for (let i = 0; i < count; i++) {
        const part = parts[i];
        let bytes;
        if (typeof part === "string") bytes = encodeUtf8(part);
        else if (isBlob(part)) bytes = bytesOf(part);
        else if (isBytes(part)) bytes = partView(part);
        else bytes = encodeUtf8(`${part}`);
        chunks[i] = bytes;
        total += bytes.byteLength;
        if (total > SIZE_MAX) throw new RangeError(`Blob size ${total} exceeds limit ${SIZE_MAX}`);
    }
    const all = concatBytes(chunks, total);
    // One part alone is not copied by the line above.
    return count === 1 && isBytes(parts[0]) ? sliceBytes(all) : all;
}

function partView(part) {
    const view = bytesView(part);
    if (P.ArrayBufferPrototypeGetResizable(view.buffer) && hasFlag("no_resizable_array_buffer_in_blob")) {
        throw new TypeError("Cannot create a Blob with a resizable ArrayBuffer");
    }
    return view;
}

export class File extends Blob {
    #name;
    #modified;

    constructor(parts, name, options) {
        if (parts === MAKE) {
            super(MAKE, name);
            this.#name = name.name;
            this.#modified = name.modified;
            return;
        }
        if (name === undefined) throw badConstructorArgument("File", 2, "string");
        super(MAKE, { bytes: gather(parts, options, "File"), type: typeOf(options) });
        this.#name = `${name}`.toWellFormed();
        const modified = options === undefined || options === null ? undefined : options.lastModified;
        this.#modified = modified === undefined ? now() : P.MathTrunc(+modified) || 0;
    }

    get name() {
        return this.#name;
    }

    get lastModified() {
        return this.#modified;
    }

    static {
        File.isFile = (value) => isObject(value) && #name in value;
    }
}

export const isFile = File.isFile;
delete File.isFile;
publish(Blob);
publish(File);

// ---- for the other built-ins ----

// The bytes themselves: not to be changed or handed to user code.
export function blobBytes(blob) {
    return bytesOf(blob);
}

// These take the bytes over, and the type as it is.
export function blobFromBytes(bytes, type) {
    return new Blob(MAKE, { bytes, type });
}

export function fileFromBytes(bytes, name, type, modified = now()) {
    return new File(MAKE, { bytes, type, name, modified });
}
