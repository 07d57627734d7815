// Streams among the arguments and results of RPC.

import { ByteSink } from "io";
import { DISPOSE } from "disposal";

const READ = 2; // kind of a capability, see channel.md
const WRITE = 0, CLOSE = 1, ABORT = 2; // what a writer is told
const then = P.PromisePrototypeThen;
const noop = () => {};

// Names the stream in `caps`; what must wait until the message has gone is added to `later`.
// owner: the event in whose message it is named.
export function exportReader(value, owner, caps, later) {
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
}

async function pumpSource(source, sink) {
    try {
        for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) await sink.write(bytes);
        sink.close();
    } catch (e) {
        sink.abort(e);
    }
}

// A WritableStream is a function to whoever holds it: a write has ended there when it has ended here, and its errors are told.
export function exportWriter(stream) {
    const writer = stream.getWriter();
    let over = false;
    const writing = (what, given) => {
        if (what === WRITE) return writer.write(given);
        over = true;
        return what === CLOSE ? writer.close() : writer.abort(given);
    };
    P.ObjectDefineProperty(writing, DISPOSE, {
        __proto__: null,
        value: () => {
            if (over) return;
            over = true;
            const gone = new Error("The WritableStream received over RPC was disconnected because the remote execution context has ended.");
            then(writer.abort(gone), undefined, noop);
        },
    });
    return writing;
}

// The WritableStream that stands for such a function.
export function importWriter(stub) {
    return load("streams_native").writableFromSink(new RemoteSink(stub));
}

class RemoteSink {
    constructor(stub) {
        this.stub = stub;
    }

    write(bytes) {
        return this.tell(WRITE, bytes);
    }

    close() {
        return this.end(CLOSE);
    }

    abort(reason) {
        return this.end(ABORT, reason);
    }

    // The error of the stream itself, as its owner threw it.
    async tell(what, given) {
        try {
            await this.stub(what, given);
        } catch (e) {
            if (e !== null && typeof e === "object") delete e.remote;
            throw e;
        }
    }

    async end(what, given) {
        try {
            await this.tell(what, given);
        } finally {
            this.stub[DISPOSE]();
        }
    }
}
