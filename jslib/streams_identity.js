// IdentityTransformStream and FixedLengthStream: bytes written on one side are read on the other.
//
// A write is done when its bytes have been read: nothing is kept but the chunk in hand.

import { badConstructorArgument, isObject, publish } from "errors";
import { CLOSED, ERRORED, MAKE, READABLE, bytesView, deferred, isBytes, strategyMark, unsigned } from "streams_util";
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
    // length -1: any number of bytes. mark -1: the writer is never told to wait, though its promises do.
    constructor(length, mark) {
        this.left = length; // bytes that may still come
        this.written = null; // resolvers of the write whose bytes are being read
        this.rs = new ReadableState();
        this.readable = new ReadableStream(MAKE, this.rs);
        this.rs.length = length;
        this.ws = mark < 0 ? new WritableState(this, 1, noSize) : new WritableState(this, mark, byteSize);
        this.writable = new WritableStream(MAKE, this.ws);
        this.ws.started = true;
        this.ws.checked = true;
        this.controller = new ByteController(this.rs, this, 0, 0);
        this.controller.started = true;
        this.controller.single = true;
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

    // The writer's bytes are copied when it gives them: they are read later.
    check(chunk) {
        if (chunk === undefined) return EMPTY;
        if (!isBytes(chunk)) throw new TypeError(typeof chunk === "string" ? IS_STRING : NOT_BYTES);
        return sliceBytes(bytesView(chunk));
    }

    write(bytes) {
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

    // The write that waits for a reader does not wait for it any more.
    abortNow(reason) {
        const w = this.written;
        this.written = null;
        if (w !== null) w.reject(reason);
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
        const error = asError(reason);
        errorWritable(this.ws, error);
        this.abortNow(error);
    }
}

const EMPTY = new P.Uint8Array(0);

function noSize() {
    return 0;
}

function byteSize(bytes) {
    return bytes.byteLength;
}

// What the writer is told of a reader that went.
function asError(reason) {
    if (reason === undefined) return new Error("Stream was cancelled.");
    return reason instanceof Error ? reason : new Error(`${reason}`);
}

// {readable, writable}; `length` undefined: of any length.
export function identityPair(length, strategy) {
    const total = length === undefined ? -1 : length;
    let mark = isObject(strategy) ? strategyMark(strategy, -1) : -1;
    if (total >= 0 && mark > total) mark = total;
    return new Pipe(total, mark);
}

function expectedLength(value) {
    if (value === undefined) throw badConstructorArgument("FixedLengthStream", 1, "bigint");
    const n = unsigned(value);
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
        if (strategy !== undefined && strategy !== null && !isObject(strategy)) {
            throw badConstructorArgument("IdentityTransformStream", 1, "QueuingStrategy");
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
