// Bodies on their way into a store: inside the operation when they are small, else as a stream of bytes beside it.

import { ByteSink } from "io";
import { encodeUtf8 } from "body_bytes";

const { PromisePrototypeThen: then } = P;

const INLINE_MAX = 64 * 1024; // what the stores take inside an operation

function noop() {}

// Starts an operation with a body. `kind` and `body` are as in requestToWire(): 0 none, 1 a string or bytes, 2 a ReadableStream, 3 a
// stream number of main. start(stream, inline, length) starts the operation; length is -1 when nobody knows it. A promise of
// the operation's result; where the body could not be read, it rejects with that error.
export function sendBody(kind, body, length, start) {
    if (kind === 0) return start(0, "", 0);
    if (kind === 3) return start(body, "", length);
    return kind === 1 ? sendBytes(body, start) : sendStream(body, length, start);
}

function sendBytes(body, start) {
    if (typeof body === "string") {
        if (body.length * 3 <= INLINE_MAX) return start(0, body, -1);
        body = encodeUtf8(body);
    }
    if (body.byteLength <= INLINE_MAX) return start(0, body, body.byteLength);
    const sink = new ByteSink();
    sink.onCancel = noop;
    const result = start(sink.number, "", body.byteLength);
    then(sink.write(body), undefined, noop); // copied at once
    then(sink.close(), undefined, noop);
    return result;
}

function sendStream(stream, length, start) {
    const { pumpToSink } = load("streams_native");
    const sink = new ByteSink();
    let failure = null;
    const result = start(sink.number, "", length);
    then(pumpToSink(stream, sink), undefined, (e) => {
        failure = { e };
    });
    return then(result, undefined, (e) => {
        throw failure === null ? e : failure.e;
    });
}

// The same for a ReadableStream of the user's. One whose bytes main has, and that nobody has touched, is named to main.
export function sendReadable(stream, start) {
    const { isLocked, knownLength, nativeSource, readableFromSource } = load("streams_native");
    if (isLocked(stream)) throw new TypeError("The ReadableStream has been locked to a reader.");
    const source = nativeSource(stream);
    if (source === null) return sendStream(stream, knownLength(stream), start);
    const { length } = source;
    const number = source.take();
    return number === 0 ? sendStream(readableFromSource(source), length, start) : start(number, "", length);
}
