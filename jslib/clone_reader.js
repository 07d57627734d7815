// Bytes that anybody may have written into values, see docs/formats/clone.md.

import { DOMException } from "errors";
import { UNDEFINED, NULL, FALSE, TRUE, HOLE, INT, DOUBLE, BIGINT, NEGATIVE_BIGINT, STRING8, STRING16, KEY } from "clone_format";
import { END, OBJECT, DENSE, SPARSE, BACK, DATE, REGEXP, MAP, SET, ERROR, BUFFER, RESIZABLE, TRANSFERRED } from "clone_format";
import { VIEW, FALSE_OBJECT, TRUE_OBJECT, NUMBER_OBJECT, BIGINT_OBJECT, STRING_OBJECT, HOST, CAPABILITY } from "clone_format";
import { SMALL, HOST_DOM_EXCEPTION, HOST_HEADERS, HOST_REQUEST, HOST_RESPONSE, KEYS_MAX, KEY_LENGTH_MAX } from "clone_format";
import { HOST_BLOB, HOST_FILE, HOST_RESPONSE_CF } from "clone_format";
import { ERROR_FULL, views, errors, corrupt } from "clone_format";

const WHOLE_MAX = 32 * 1024;

class Reader {
    constructor(bytes, rpc) {
        this.bytes = bytes;
        this.at = 0;
        this.end = bytes.length;
        this.text = null;
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

    // All of a small message is one text, of which strings are parts: that is one native call instead of one a string.
    // Of a large one a part must not keep the whole alive.
    string8() {
        const length = this.length(1);
        const at = this.at;
        this.at = at + length;
        if (this.end > WHOLE_MAX) return N.cloneText(this.bytes, at, length, false);
        if (this.text === null) this.text = N.cloneText(this.bytes, 0, this.end, false);
        return P.StringPrototypeSlice(this.text, at, at + length);
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
            case ERROR_FULL:
                return this.fullError();
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
        const error = this.add(Class === AggregateError ? new Class([]) : new Class());
        const stack = this.value();
        const message = this.value();
        if ((stack !== undefined && typeof stack !== "string") || (message !== undefined && typeof message !== "string")) {
            throw corrupt();
        }
        // Where the copy was made is of no interest.
        delete error.line;
        delete error.column;
        delete error.sourceURL;
        if (stack !== undefined) hidden(error, "stack", stack);
        if (message !== undefined) hidden(error, "message", message);
        if (this.bytes[this.at] === HOLE) this.byte();
        else hidden(error, "cause", this.value());
        return this.objects[place];
    }

    fullError() {
        const error = this.error();
        for (let name = this.key(); name !== undefined; name = this.key()) {
            const value = this.value();
            if (name === "errors") hidden(error, name, value);
            else P.ObjectDefineProperty(error, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
        }
        return error;
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

    blobBytes() {
        const length = this.length(1);
        const at = this.at;
        this.at = at + length;
        return P.TypedArrayPrototypeSubarray(this.bytes, at, this.at);
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
            case HOST_BLOB:
            case HOST_FILE: {
                const { Blob, File } = load("blob");
                const type = this.string();
                if (kind === HOST_BLOB) return new Blob([this.blobBytes()], { type });
                const name = this.string();
                const lastModified = this.double();
                return new File([this.blobBytes()], name, { type, lastModified });
            }
            case HOST_RESPONSE:
            case HOST_RESPONSE_CF: {
                const cf = kind === HOST_RESPONSE_CF ? P.JSONParse(this.string()) : undefined;
                const status = this.varint();
                const statusText = this.string();
                const headers = headersFrom(this.string());
                const { Response } = load("response");
                return new Response(this.value(), { status, statusText, headers, cf });
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

export { Reader };
