// Streams among the arguments and results of RPC.

import { ByteSink, ByteSource, requireEvent } from "io";

const READ = 2, WRITE = 3; // kinds of capabilities, see channel.md
const then = P.PromisePrototypeThen;
const noop = () => {};

// Names the stream in `caps`; what must wait until the message has gone is added to `later`.
// owner: the event in whose message it is named.
export function exportStream(value, owner, caps, later) {
    const { isReadableStream } = load("streams_readable");
    if (isReadableStream(value)) {
        const { isLocked, nativeSource, pumpToSink } = load("streams_native");
        if (isLocked(value)) throw new TypeError("The ReadableStream has been locked to a reader.");
        const source = nativeSource(value);
        const number = source === null ? 0 : source.take();
        if (number !== 0) {
            P.ArrayPrototypePush(caps, READ, number);
            return;
        }
        const sink = new ByteSink(undefined, owner);
        P.ArrayPrototypePush(caps, READ, sink.number);
        P.ArrayPrototypePush(later, () => then(source === null ? pumpToSink(value, sink) : pumpSource(source, sink), undefined, noop));
        return;
    }
    // A WritableStream: the other side writes, we pass it on.
    const writer = value.getWriter();
    const number = N.streamOpen(requireEvent().id, true);
    const source = new ByteSource(number, -1);
    P.ArrayPrototypePush(caps, WRITE, number);
    P.ArrayPrototypePush(later, () => then(pumpToWriter(source, writer), undefined, noop));
}

async function pumpSource(source, sink) {
    try {
        for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) await sink.write(bytes);
        sink.close();
    } catch (e) {
        sink.abort(e);
    }
}

async function pumpToWriter(source, writer) {
    try {
        for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) await writer.write(bytes);
    } catch (e) {
        await writer.abort(e);
        return;
    }
    await writer.close();
}
