// IdentityTransformStream and FixedLengthStream: bytes written on one side are read on the other.
//
// A write is done when its bytes have been read: nothing is kept but the chunk in hand.

import { badConstructorArgument, isObject, publish } from "errors";
import { CLOSED, ERRORED, MAKE, READABLE, bytesView, deferred, isBytes, strategyMark } from "streams_util";
import { ReadableState, ReadableStream } from "streams_readable";
import { ByteController } from "streams_byob";
import { WritableState, WritableStream, errorWritable } from "streams_writable";
import { TransformStream } from "streams_transform";

const { TypedArrayPrototypeSlice: sliceBytes } = P;

const IS_STRING =
    "This TransformStream is being used as a byte stream, but received a string on its writable side. If you wish to write a string, " +
    "you'll probably want to explicitly UTF-8-encode it with TextEncoder.";
const NOT_BYTES =
    "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its " +
    "writable side.";

// The source of the readable side and the sink of the writable side.
class Pipe {
    constructor(length, mark) {
        this.left = length; // bytes that may still come; -1: any number
        this.written = null; // resolvers of the write whose bytes are being read
        this.rs = new ReadableState();
        this.readable = new ReadableStream(MAKE, this.rs);
        this.rs.length = length;
        this.ws = new WritableState(this, mark, undefined);
        this.writable = new WritableStream(MAKE, this.ws);
        this.ws.started = true;
        this.ws.checked = true;
        this.controller = new ByteController(this.rs, this, 0, 0);
        this.controller.started = true;
        this.controller.onDrained = () => this.drained();
    }

    drained() {
        const w = this.written;
        if (w === null) return;
        this.written = null;
        if (this.rs.state === ERRORED) w.reject(this.rs.error);
        else w.resolve(undefined);
    }

    // ---- as a sink ----

    check(chunk) {
        if (chunk !== undefined && !isBytes(chunk)) throw new TypeError(typeof chunk === "string" ? IS_STRING : NOT_BYTES);
    }

    write(chunk) {
        if (chunk === undefined) return undefined;
        const bytes = sliceBytes(bytesView(chunk));
        const length = bytes.byteLength;
        if (length === 0) return undefined;
        if (this.rs.state === ERRORED) throw this.rs.error;
        if (this.rs.state === CLOSED) return undefined;
        if (this.left >= 0) {
            if (length > this.left) {
                const e = new TypeError("Attempt to write too many bytes through a FixedLengthStream.");
                this.controller.fail(e);
                errorWritable(this.ws, e);
                return undefined;
            }
            this.left -= length;
        }
        this.written = deferred();
        const promise = this.written.promise;
        this.controller.enqueueOwned(bytes.buffer, bytes.byteOffset, length);
        return promise;
    }

    close() {
        const c = this.controller;
        if (this.rs.state !== READABLE) return undefined;
        if (this.left > 0) c.fail(new TypeError("FixedLengthStream did not see all expected bytes before close()."));
        else c.close();
        return undefined;
    }

    abort(reason) {
        this.controller.fail(reason);
    }

    // ---- as a source ----

    get starts() {
        return false;
    }

    pull() {}

    cancel(reason) {
        const w = this.written;
        this.written = null;
        errorWritable(this.ws, reason);
        if (w !== null) w.reject(reason);
    }
}

// {readable, writable}; `length` undefined: of any length.
export function identityPair(length, strategy) {
    const mark = isObject(strategy) ? strategyMark(strategy, 1) : 1;
    return new Pipe(length === undefined ? -1 : length, mark);
}

function expectedLength(value) {
    if (value === undefined) throw badConstructorArgument("FixedLengthStream", 1, "bigint");
    const n = Number(value);
    if (n < 0) {
        throw new TypeError(
            "The value cannot be converted because it is negative and this API expects a positive bigint.",
        );
    }
    if (n !== n || n % 1 !== 0) throw new TypeError("The value cannot be converted because it is not an integer.");
    if (n > 9007199254740991) {
        throw new TypeError("FixedLengthStream requires an integer expected length less than 2^53.");
    }
    return n;
}

export class IdentityTransformStream extends TransformStream {
    constructor(strategy, length) {
        if (strategy === MAKE) {
            super(MAKE, length.readable, length.writable);
            return;
        }
        const pair = identityPair(undefined, strategy);
        super(MAKE, pair.readable, pair.writable);
    }
}

export class FixedLengthStream extends IdentityTransformStream {
    constructor(length, strategy) {
        super(MAKE, identityPair(expectedLength(length), strategy));
    }
}

publish(IdentityTransformStream);
publish(FixedLengthStream);
