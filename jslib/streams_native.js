// Streams whose bytes are not made by JavaScript: bytes in memory, and bytes that main has (ByteSource, ByteSink of io.js).
// Reading a whole stream and pumping one into a sink are here too: both use no reader object, and no closure for each chunk.

import { MAKE, bytesView, deferred, isBytes, quiet, then } from "streams_util";
import { ReadableState, ReadableStream, cancelStream, closeStream, lockStream, readInto, streamState } from "streams_readable";
import { ByteController } from "streams_byob";
import { concatBytes } from "body_bytes";

const { TypedArrayPrototypeSlice: sliceBytes, TypedArrayPrototypeSubarray: subarray } = P;
const { TypedArrayPrototypeSet: setBytes, Uint8Array } = P;

const NOT_BYTES = "This ReadableStream did not return bytes.";

// The source of a stream's controller over a ByteSource. Reads one chunk at a time, when there is somebody who wants it.
class NativeSource {
    constructor(source, rs) {
        this.source = source;
        this.rs = rs;
        this.reading = false;
        this.onChunk = (bytes) => {
            this.reading = false;
            const c = this.rs.controller;
            if (!c.canEnqueue) return;
            if (bytes === undefined) c.close();
            else c.enqueueOwned(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        };
        this.onFailed = (e) => {
            this.reading = false;
            this.rs.controller.fail(e);
        };
    }
    get starts() {
        return false;
    }
    pull() {
        if (this.reading) return;
        this.reading = true;
        this.rs.source = null;
        then(this.source.read(), this.onChunk, this.onFailed);
    }
    cancel(reason) {
        this.rs.source = null;
        this.source.cancel(reason);
    }
}

// A byte stream over a ByteSource.
export function readableFromSource(source) {
    const rs = new ReadableState();
    const stream = new ReadableStream(MAKE, rs);
    rs.source = source;
    rs.length = source.length;
    const c = new ByteController(rs, new NativeSource(source, rs), 0, 0);
    c.single = true;
    c.started = true;
    return stream;
}

// The ByteSource behind a stream that nobody has locked or read, or null. The stream is disturbed and closed from then on.
export function nativeSource(stream) {
    const rs = streamState(stream);
    const source = rs.source;
    if (source === null || rs.reader !== null || rs.disturbed) return null;
    rs.source = null;
    rs.disturbed = true;
    closeStream(rs);
    return source;
}

// A byte stream of one chunk. The bytes are the stream's from now on.
export function readableFromBytes(bytes) {
    const rs = new ReadableState();
    const stream = new ReadableStream(MAKE, rs);
    rs.length = bytes.byteLength;
    const c = new ByteController(rs, null, 0, 0);
    c.started = true;
    if (bytes.byteLength > 0) c.push(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    c.close();
    return stream;
}

// A body in memory that was asked for as a stream: made into bytes when somebody reads.
class MemorySource {
    constructor(rs, toBytes) {
        this.rs = rs;
        this.toBytes = toBytes;
    }
    get starts() {
        return false;
    }
    pull() {
        const c = this.rs.controller;
        const bytes = this.toBytes(this.rs.memory);
        this.rs.memory = null;
        if (bytes.byteLength > 0) c.enqueueOwned(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        c.close();
    }
    cancel() {
        this.rs.memory = null;
    }
}

// A byte stream over `memory`, whatever it is; toBytes(memory) gives its bytes, once. `empty`: there are none.
export function readableFromMemory(memory, toBytes, empty) {
    const rs = new ReadableState();
    const stream = new ReadableStream(MAKE, rs);
    const c = new ByteController(rs, new MemorySource(rs, toBytes), 0, 0);
    c.single = true;
    c.started = true;
    rs.memory = memory;
    if (empty) c.close();
    return stream;
}

// What a stream was made of by readableFromMemory, while nobody has locked or read it; else null.
export function memoryOf(stream) {
    const rs = streamState(stream);
    return rs.memory === null || rs.reader !== null || rs.disturbed ? null : rs.memory;
}

// A stream that was read to its end, for bodies that were consumed without one. It stays locked, as the platform's do.
export function consumedStream() {
    const rs = new ReadableState();
    const stream = new ReadableStream(MAKE, rs);
    const c = new ByteController(rs, null, 0, 0);
    c.started = true;
    c.close();
    rs.disturbed = true;
    lockStream(rs);
    return stream;
}

// What the stream stood for is used by other means: it looks as if it had been read to its end.
export function retire(stream) {
    const rs = streamState(stream);
    const c = rs.controller;
    rs.source = null;
    rs.memory = null;
    rs.disturbed = true;
    c.source = null;
    c.queue.clear();
    c.total = 0;
    closeStream(rs);
    lockStream(rs);
}

// Feeds every chunk of a stream to `take(bytes)`, which returns undefined or a promise to wait for. Is its own read request.
class Drain {
    constructor(rs) {
        this.rs = rs;
        this.reader = lockStream(rs);
        this.d = deferred();
        this.stepping = false;
        this.got = false;
        this.onReady = () => this.step();
        this.onRefused = (e) => this.refuse(e);
    }

    step() {
        if (this.stepping) return;
        this.stepping = true;
        do {
            this.got = false;
            readInto(this.rs, this);
        } while (this.got);
        this.stepping = false;
    }

    chunk(value) {
        if (!isBytes(value)) {
            this.refuse(new TypeError(NOT_BYTES));
            return;
        }
        let wait;
        try {
            wait = this.take(bytesView(value));
        } catch (e) {
            this.refuse(e);
            return;
        }
        if (wait !== undefined) {
            then(wait, this.onReady, this.onRefused);
            return;
        }
        this.got = true;
        if (!this.stepping) this.step();
    }

    // Our side cannot go on.
    refuse(e) {
        quiet(cancelStream(this.rs, e));
        this.error(e);
    }

    close() {
        this.d.resolve(this.finish());
    }

    error(e) {
        this.d.reject(e);
    }
}

// Takes the chunks of one body and gives all of it. Where the length is known the bytes go where they will stay: a large body is
// not held twice.
const EXPECTED_MAX = 128 * 1024 * 1024;

class Gather {
    constructor(length) {
        this.whole = null;
        this.expected = length > 0 && length <= EXPECTED_MAX ? length : 0;
        this.chunks = [];
        this.total = 0;
    }
    add(bytes) {
        const length = bytes.byteLength;
        if (this.expected > 0 && this.total + length <= this.expected) {
            if (this.whole === null) {
                if (length === this.expected) {
                    this.expected = 0; // it came at once
                    this.chunks[0] = bytes;
                    this.total = length;
                    return;
                }
                this.whole = new Uint8Array(this.expected);
            }
            setBytes(this.whole, bytes, this.total);
        } else {
            this.spill();
            this.chunks[this.chunks.length] = bytes;
        }
        this.total += length;
    }
    // More has come than was announced: what there is becomes the first of many chunks.
    spill() {
        this.expected = 0;
        if (this.whole === null) return;
        this.chunks[0] = subarray(this.whole, 0, this.total);
        this.whole = null;
    }
    finish() {
        if (this.whole === null) return concatBytes(this.chunks, this.total);
        return this.total === this.whole.byteLength ? this.whole : sliceBytes(this.whole, 0, this.total);
    }
}

class Collect extends Drain {
    constructor(rs) {
        super(rs);
        this.all = new Gather(rs.length);
    }
    take(bytes) {
        this.all.add(bytes);
        return undefined;
    }
    // Chunks of a stream of values are still the user's.
    finish() {
        const bytes = this.all.finish();
        const borrowed = this.all.chunks.length === 1 && !(this.rs.controller instanceof ByteController);
        return borrowed ? sliceBytes(bytes) : bytes;
    }
}

// The same from a ByteSource directly.
class CollectSource {
    constructor(source) {
        this.source = source;
        this.all = new Gather(source.length);
        this.d = deferred();
        this.onChunk = (bytes) => {
            if (bytes === undefined) {
                this.d.resolve(this.all.finish());
                return;
            }
            this.all.add(bytes);
            this.next();
        };
        this.onFailed = (e) => this.d.reject(e);
    }
    next() {
        then(this.source.read(), this.onChunk, this.onFailed);
    }
}

export function collectSource(source) {
    const c = new CollectSource(source);
    c.next();
    return c.d.promise;
}

// All bytes of a stream, which stays locked.
export function collectStream(stream) {
    const rs = streamState(stream);
    const source = nativeSource(stream);
    if (source !== null) {
        lockStream(rs);
        return collectSource(source);
    }
    const c = new Collect(rs);
    c.step();
    return c.d.promise;
}

// A ByteSource that reads a stream.
class StreamSource {
    constructor(rs) {
        this.rs = rs;
        this.length = rs.length;
        this.next = null; // resolvers of the read that waits
        lockStream(rs);
    }
    read() {
        this.next = deferred();
        const { promise } = this.next;
        readInto(this.rs, this);
        return promise;
    }
    chunk(value) {
        if (isBytes(value)) {
            this.next.resolve(bytesView(value));
            return;
        }
        const e = new TypeError(NOT_BYTES);
        quiet(cancelStream(this.rs, e));
        this.next.reject(e);
    }
    close() {
        this.next.resolve(undefined);
    }
    error(e) {
        this.next.reject(e);
    }
    cancel(reason) {
        quiet(cancelStream(this.rs, reason));
    }
    take() {
        return 0;
    }
}

export function sourceFromStream(stream) {
    return new StreamSource(streamState(stream));
}

class PumpToSink extends Drain {
    constructor(rs, sink) {
        super(rs);
        this.sink = sink;
        this.over = false;
        sink.onCancel = (e) => this.refuse(e);
    }
    take(bytes) {
        return this.sink.put(bytes);
    }
    // The reader has gone: the source hears of it, and nobody is at fault.
    refuse(e) {
        if (this.over) return;
        this.over = true;
        quiet(cancelStream(this.rs, e));
        this.sink.abort(e);
        this.d.resolve(undefined);
    }
    chunk(value) {
        if (this.over) return;
        if (isBytes(value)) {
            super.chunk(value);
            return;
        }
        const e = new TypeError(NOT_BYTES);
        quiet(cancelStream(this.rs, e));
        this.error(e);
    }
    close() {
        if (this.over) return;
        this.over = true;
        this.sink.close();
        this.d.resolve(undefined);
    }
    error(e) {
        if (this.over) return;
        this.over = true;
        this.sink.abort(e);
        this.d.reject(e);
    }
}

// Writes a body into a ByteSink, no faster than it takes it. Settles when the last byte has been handed over or nobody wants
// more; rejects when the stream fails.
export function pumpToSink(stream, sink) {
    const pump = new PumpToSink(streamState(stream), sink);
    pump.step();
    return pump.d.promise;
}

// ---- writing to main ----

class NativeSink {
    constructor(sink) {
        this.sink = sink;
    }
    check(chunk) {
        if (!isBytes(chunk)) throw new TypeError("This WritableStream only supports writing byte types.");
        return sliceBytes(bytesView(chunk));
    }
    abortNow() {}
    write(bytes) {
        return bytes.byteLength === 0 ? undefined : this.sink.write(bytes);
    }
    close() {
        return this.sink.close();
    }
    abort(reason) {
        return this.sink.abort(reason);
    }
}

// A WritableStream over a ByteSink: sockets and the like.
export function writableFromSink(sink) {
    const { makeWritableStream, writableState } = load("streams_writable");
    const stream = makeWritableStream(new NativeSink(sink), 1);
    writableState(stream).checked = true;
    return stream;
}

export function isDisturbed(stream) {
    return streamState(stream).disturbed;
}

export function isLocked(stream) {
    return streamState(stream).reader !== null;
}

// How many bytes a stream will have, or -1.
export function knownLength(stream) {
    return streamState(stream).length;
}
