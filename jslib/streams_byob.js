// Byte streams: the controller of `type: "bytes"`, the "bring your own buffer" reader and its requests.
//
// The queue holds {buffer, offset, length} of buffers that the stream owns. A pending BYOB read is a PullInto: a buffer being
// filled, at least `min` bytes of it before it is given back. With a default reader and autoAllocateChunkSize a PullInto without
// a request of its own stands for the source's byobRequest.

import { badArgument, badConstructorArgument, illegalConstructor, isObject, publish } from "errors";
import { hasFlag } from "flags";
import { CLOSED, ERRORED, Fifo, MAKE, READABLE, isBytes, rejected, resolved } from "streams_util";
import { ReadableState, ReadableStream, ReaderState, UserSource, callPull, cancelStream } from "streams_readable";
import { closeStream, closedPromise, errorStream, isReadableStream, promisedRead } from "streams_readable";
import { releaseReader, startSource, streamState } from "streams_readable";

const { ArrayBuffer, DataView, Uint8Array, ArrayBufferIsView: isView, ArrayBufferPrototypeTransfer: transfer } = P;
const { TypedArrayPrototypeSet: setBytes, ArrayBufferPrototypeGetByteLength: bufferLength } = P;
const { ArrayBufferPrototypeGetDetached: isDetached } = P;

const AUTO_ALLOCATE = 4096;
const ONE_AT_A_TIME = "This ReadableStream only supports a single pending read request at a time.";

const DEFAULT = 0; // whose read a PullInto is for
const BYOB = 1;
const NONE = 2; // the reader has been released

class PullInto {
    constructor(buffer, offset, length, min, View, kind) {
        this.buffer = buffer;
        this.size = bufferLength(buffer); // kept: the source may have passed the buffer on
        this.offset = offset;
        this.length = length;
        this.filled = 0;
        this.min = min; // bytes
        this.View = View;
        this.unit = View === DataView ? 1 : View.BYTES_PER_ELEMENT;
        this.kind = kind;
    }
    get view() {
        return new this.View(this.buffer, this.offset, this.filled / this.unit);
    }
}

export class ByteController {
    constructor(rs, source, mark, autoAllocate) {
        this.rs = rs;
        this.source = source;
        this.mark = mark;
        this.autoAllocate = autoAllocate; // bytes that a default read may take at once; 0: a chunk, whatever its size
        this.joins = autoAllocate; // up to so many bytes of small chunks are given as one
        this.single = false; // one pending read at a time
        this.queue = new Fifo();
        this.total = 0;
        this.pulls = new Fifo(); // PullIntos
        this.request = null; // the ReadableStreamBYOBRequest that the source holds
        this.started = false;
        this.pulling = false;
        this.pullAgain = false;
        this.closeRequested = false;
        this.handle = null;
        this.onPulled = null;
        this.onFailed = null;
        this.onDrained = null; // called when the last byte of the queue has been taken
        rs.controller = this;
    }

    get canEnqueue() {
        return !this.closeRequested && this.rs.state === READABLE;
    }

    get desiredSize() {
        if (this.rs.state === ERRORED) return null;
        if (this.rs.state === CLOSED || this.closeRequested) return 0;
        return this.mark - this.total;
    }

    get wantsChunk() {
        if (!this.started || !this.canEnqueue) return false;
        const reader = this.rs.reader;
        if (reader !== null && reader.requests.length > 0) return true;
        return this.mark > this.total;
    }

    start() {
        startSource(this);
    }

    pullIfNeeded() {
        if (this.wantsChunk) callPull(this);
    }

    fail(reason) {
        if (this.rs.state !== READABLE) return;
        this.dropRequest();
        this.pulls.clear();
        this.queue.clear();
        this.total = 0;
        this.source = null;
        errorStream(this.rs, reason);
        this.drained();
    }

    drained() {
        if (this.onDrained !== null) this.onDrained();
    }

    dropRequest() {
        if (this.request === null) return;
        this.request.invalidate();
        this.request = null;
    }

    release() {
        if (this.pulls.length === 0) return;
        const first = this.pulls.peek();
        first.kind = NONE;
        this.pulls.clear();
        this.pulls.push(first);
    }

    cancel(reason) {
        this.dropRequest();
        this.pulls.clear();
        this.queue.clear();
        this.total = 0;
        const source = this.source;
        this.source = null;
        const result = source === null ? undefined : source.cancel(reason);
        this.drained();
        return result;
    }

    close() {
        if (this.total > 0) {
            this.closeRequested = true;
            return;
        }
        if (this.pulls.length > 0) {
            const first = this.pulls.peek();
            if (first.filled % first.unit !== 0) {
                const e = new TypeError("This ReadableStream was closed with a partial read pending.");
                this.fail(e);
                throw e;
            }
        }
        this.finish();
    }

    // Ends the stream once the queue is empty. Reads that wait for a buffer to be filled get what there is.
    finish() {
        this.closeRequested = true;
        this.source = null;
        if (this.request !== null) this.request.end();
        const rs = this.rs;
        closeStream(rs);
        const reader = rs.reader;
        while (this.pulls.length > 0) {
            const pull = this.pulls.shift();
            if (pull.kind !== BYOB || reader === null || !reader.byob || reader.requests.length === 0) continue;
            const request = reader.requests.shift();
            if (pull.filled > 0) request.chunk(pull.view);
            else request.close(this.endView(pull));
        }
    }

    // What a BYOB read at the end gives back: streams of our own gave nothing before a flag.
    endView(pull) {
        return this.single && !hasFlag("internal_stream_byob_return_view") ? undefined : pull.view;
    }

    // Takes `view`, whose buffer the caller gives up (it is detached).
    enqueue(view) {
        const offset = view.byteOffset;
        const length = view.byteLength;
        this.enqueueOwned(transfer(view.buffer), offset, length);
    }

    enqueueOwned(buffer, offset, length) {
        if (this.pulls.length > 0) {
            const first = this.pulls.peek();
            this.dropRequest();
            if (first.kind === NONE) this.requeueReleased(first);
        }
        const reader = this.rs.reader;
        if (reader === null || reader.byob) {
            this.push(buffer, offset, length);
            if (reader !== null) this.fillPulls();
        } else {
            // Chunks that a released BYOB read left behind go first.
            while (reader.requests.length > 0 && this.queue.length > 0) {
                reader.requests.shift().chunk(this.shiftChunk());
            }
            if (reader.requests.length === 0) {
                this.push(buffer, offset, length);
            } else {
                if (this.pulls.length > 0) this.pulls.shift();
                reader.requests.shift().chunk(new Uint8Array(buffer, offset, length));
                this.drained();
            }
        }
        this.pullIfNeeded();
    }

    requeueReleased(pull) {
        this.pulls.shift();
        if (pull.filled > 0) {
            const copy = new Uint8Array(pull.filled);
            setBytes(copy, new Uint8Array(pull.buffer, pull.offset, pull.filled));
            this.push(copy.buffer, 0, pull.filled);
        }
    }

    push(buffer, offset, length) {
        this.queue.push({ buffer, offset, length });
        this.total += length;
    }

    shiftChunk() {
        const e = this.queue.shift();
        this.total -= e.length;
        return new Uint8Array(e.buffer, e.offset, e.length);
    }

    // After bytes were taken from the queue.
    taken() {
        if (this.total > 0) return;
        this.drained();
        if (this.closeRequested) this.finish();
    }

    // Moves what fits from the queue into `pull`; true when it has its minimum.
    fill(pull) {
        let ready = false;
        let room = pull.length - pull.filled;
        if (room > this.total) room = this.total;
        const end = pull.filled + room;
        if (end >= pull.min) {
            room = end - (end % pull.unit) - pull.filled;
            ready = true;
        }
        while (room > 0) {
            const head = this.queue.peek();
            const n = room < head.length ? room : head.length;
            const target = new Uint8Array(pull.buffer, pull.offset + pull.filled, n);
            setBytes(target, new Uint8Array(head.buffer, head.offset, n));
            if (n === head.length) {
                this.queue.shift();
            } else {
                head.offset += n;
                head.length -= n;
            }
            this.total -= n;
            pull.filled += n;
            room -= n;
        }
        return ready;
    }

    fillPulls() {
        while (this.pulls.length > 0 && this.total > 0) {
            const pull = this.pulls.peek();
            if (!this.fill(pull)) {
                this.taken();
                return;
            }
            this.pulls.shift();
            this.commit(pull);
            this.taken();
        }
    }

    commit(pull) {
        const reader = this.rs.reader;
        const request = reader.requests.shift();
        if (pull.kind === BYOB) request.chunk(pull.view);
        else request.chunk(new Uint8Array(pull.buffer, pull.offset, pull.filled));
    }

    read() {
        if (this.total > 0) {
            const value = this.takeChunk();
            this.taken();
            return resolved({ value, done: false });
        }
        if (this.single && this.rs.reader.requests.length > 0) return rejected(new TypeError(ONE_AT_A_TIME));
        const request = promisedRead();
        this.wait(request);
        return request.promise;
    }

    // Small chunks of the user's are joined.
    takeChunk() {
        const most = this.joins;
        if (this.queue.length === 1 || this.queue.peek().length >= most) return this.shiftChunk();
        const size = this.total < most ? this.total : most;
        const joined = new PullInto(new ArrayBuffer(size), 0, size, 1, Uint8Array, DEFAULT);
        this.fill(joined);
        return joined.view;
    }

    readInto(request) {
        if (this.total > 0) {
            const value = this.shiftChunk();
            this.taken();
            request.chunk(value);
            return;
        }
        this.wait(request);
    }

    wait(request) {
        this.rs.reader.requests.push(request);
        this.pullIfNeeded();
    }

    // A BYOB read: `view` is the caller's, its buffer is taken.
    readView(view, min, request) {
        const View = isDataView(view) ? DataView : view.constructor;
        const unit = View === DataView ? 1 : View.BYTES_PER_ELEMENT;
        const offset = view.byteOffset;
        const length = view.byteLength;
        const pull = new PullInto(transfer(view.buffer), offset, length, min * unit, View, BYOB);
        if (this.pulls.length > 0) {
            this.pulls.push(pull);
            this.rs.reader.requests.push(request);
            return;
        }
        if (this.rs.state === CLOSED) {
            request.close(this.endView(pull));
            return;
        }
        const ready = this.total > 0 && this.fill(pull);
        if (ready) {
            request.chunk(pull.view);
        } else {
            this.pulls.push(pull);
            this.rs.reader.requests.push(request);
        }
        if (pull.filled > 0) this.taken();
        if (!ready) this.pullIfNeeded();
    }

    // The object through which the source fills the first pending buffer, or null.
    get byobRequest() {
        if (this.request === null && this.rs.state === READABLE) {
            if (this.pulls.length === 0 && !this.allocate()) return null;
            const p = this.pulls.peek();
            const view = new Uint8Array(p.buffer, p.offset + p.filled, p.length - p.filled);
            this.request = new RequestState(this, view, Math.max(1, p.min - p.filled));
        }
        return this.request === null ? null : this.request.handle;
    }

    // For a default read that waits, a buffer for the source to fill. Made when the source asks for it.
    allocate() {
        const reader = this.rs.reader;
        if (this.autoAllocate === 0 || reader === null || reader.byob || reader.requests.length === 0) return false;
        const buffer = new ArrayBuffer(this.autoAllocate);
        this.pulls.push(new PullInto(buffer, 0, this.autoAllocate, 1, Uint8Array, DEFAULT));
        return true;
    }

    // The source has written n bytes into the first pending buffer (`buffer`: the one it now lives in).
    respond(n, buffer) {
        const first = this.pulls.peek();
        first.buffer = buffer;
        this.dropRequest();
        first.filled += n;
        if (first.kind === NONE) {
            this.requeueReleased(first);
            if (this.rs.reader !== null) this.serveReader();
        } else if (first.filled >= first.min) {
            this.pulls.shift();
            const rest = first.filled % first.unit;
            if (rest > 0) {
                const from = first.offset + first.filled - rest;
                const copy = new Uint8Array(rest);
                setBytes(copy, new Uint8Array(first.buffer, from, rest));
                this.push(copy.buffer, 0, rest);
                first.filled -= rest;
            }
            this.commit(first);
            this.fillPulls();
        }
        this.pullIfNeeded();
    }

    serveReader() {
        if (this.rs.reader.byob) {
            this.fillPulls();
            return;
        }
        const requests = this.rs.reader.requests;
        while (requests.length > 0 && this.total > 0) {
            requests.shift().chunk(this.shiftChunk());
            if (this.pulls.length > 0) this.pulls.shift();
        }
    }
}

function isDataView(view) {
    return P.TypedArrayPrototypeGetSymbolToStringTag(view) === undefined;
}

// What a ReadableStreamBYOBRequest stands for, until it is answered.
class RequestState {
    constructor(controller, view, atLeast) {
        this.controller = controller; // null once answered or overtaken
        this.view = view;
        this.atLeast = atLeast;
        this.ended = false;
        this.handle = new ReadableStreamBYOBRequest(MAKE, this);
    }
    invalidate() {
        this.controller = null;
        this.view = null;
    }
    // The stream has closed: what the source may still say is respond(0).
    end() {
        this.ended = true;
        this.invalidate();
    }
}

export class ReadableStreamBYOBRequest {
    #q;

    constructor(token, state) {
        if (token !== MAKE) throw illegalConstructor();
        this.#q = state;
    }
    get view() {
        return this.#q.view;
    }
    get atLeast() {
        return this.#q.controller === null ? null : this.#q.atLeast;
    }
    respond(bytesWritten) {
        const q = this.#q;
        const n = Number(bytesWritten);
        if (n !== n || n % 1 !== 0) throw badArgument("ReadableStreamBYOBRequest", "respond", 1, "integer");
        if (q.ended) {
            if (n !== 0) throw new TypeError("The bytesWritten must be zero after the stream is closed.");
            return;
        }
        const c = live(q);
        if (isDetached(q.view.buffer)) throw new TypeError("Cannot respond with a zero-length or detached view");
        if (n <= 0) {
            throw new TypeError("The bytesWritten must be more than zero while the stream is open.");
        } else if (n > q.view.byteLength) {
            throw new RangeError(`Too many bytes [${n}] in response to a BYOB read request.`);
        }
        c.respond(n, transfer(q.view.buffer));
    }
    respondWithNewView(view) {
        const q = this.#q;
        if (!isBytes(view)) throw badArgument("ReadableStreamBYOBRequest", "respondWithNewView", 1, "BufferSource");
        if (!isView(view)) view = new Uint8Array(view);
        const length = view.byteLength;
        if (q.ended) {
            if (length !== 0) throw new TypeError("The view byte length must be zero after the stream is closed.");
            return;
        }
        const c = live(q);
        if (isDetached(view.buffer)) throw new TypeError("The underlying ArrayBuffer has been detached.");
        if (length === 0) {
            throw new TypeError("The view byte length must be more than zero while the stream is open.");
        }
        const buffer = view.buffer;
        if (bufferLength(buffer) === 0) throw new RangeError("The underlying ArrayBuffer is zero-length.");
        const first = c.pulls.peek();
        if (bufferLength(buffer) !== first.size) {
            throw new RangeError("The underlying ArrayBuffer is not the correct length.");
        }
        if (view.byteOffset !== first.offset + first.filled) throw new RangeError("The view has an invalid byte offset.");
        if (first.filled + length > first.length) {
            throw new RangeError(`Too many bytes [${length}] in response to a BYOB read request.`);
        }
        c.respond(length, transfer(buffer));
    }
}

function live(q) {
    if (q.controller === null) throw new TypeError("This ReadableStreamBYOBRequest has been invalidated.");
    return q.controller;
}

export class ReadableByteStreamController {
    #c;

    constructor(token, controller) {
        if (token !== MAKE) throw illegalConstructor();
        this.#c = controller;
        controller.handle = this;
    }
    get byobRequest() {
        return this.#c.byobRequest;
    }
    get desiredSize() {
        return this.#c.desiredSize;
    }
    close() {
        if (!this.#c.canEnqueue) throw new TypeError("This ReadableStream is closed.");
        this.#c.close();
    }
    enqueue(chunk) {
        const c = this.#c;
        if (!isBytes(chunk)) throw badArgument("ReadableByteStreamController", "enqueue", 1, "BufferSource");
        const view = isView(chunk) ? chunk : new Uint8Array(chunk);
        if (view.byteLength === 0) throw new TypeError("Cannot enqueue a zero-length ArrayBuffer.");
        if (!c.canEnqueue) throw new TypeError("This ReadableByteStreamController is closed.");
        c.enqueue(view);
    }
    error(reason) {
        this.#c.fail(reason);
    }
}

export class ReadableStreamBYOBReader {
    #r;

    constructor(stream) {
        if (!isReadableStream(stream)) throw badConstructorArgument("ReadableStreamBYOBReader", 1, "ReadableStream");
        const rs = streamState(stream);
        if (rs.reader !== null) throw new TypeError("This ReadableStream is currently locked to a reader.");
        if (!(rs.controller instanceof ByteController)) {
            throw new TypeError("This ReadableStream does not support BYOB reads.");
        }
        this.#r = new ReaderState(rs, true);
    }

    get closed() {
        return closedPromise(this.#r);
    }

    read(view, options) {
        try {
            const r = this.#r;
            let min = 1;
            if (options !== undefined && options !== null && options.min !== undefined) min = Number(options.min);
            return byobRead(r, "read", 1, view, min);
        } catch (e) {
            return rejected(e);
        }
    }

    readAtLeast(minElements, view) {
        try {
            return byobRead(this.#r, "readAtLeast", 2, view, Number(minElements));
        } catch (e) {
            return rejected(e);
        }
    }

    cancel(reason) {
        let r;
        try {
            r = this.#r;
        } catch (e) {
            return rejected(e);
        }
        if (r.rs === null) return rejected(new TypeError("This ReadableStream reader has been released."));
        return cancelStream(r.rs, reason);
    }

    releaseLock() {
        releaseReader(this.#r);
    }
}

function byobRead(reader, method, index, view, min) {
    if (!isView(view)) throw badArgument("ReadableStreamBYOBReader", method, index, "ArrayBufferView");
    if (!(min >= 1)) throw new TypeError(`Requested invalid minimum number of bytes to read (${min}).`);
    if (view.byteLength === 0) {
        throw new TypeError('You must call read() on a "byob" reader with a positive-sized TypedArray object.');
    }
    const elements = isDataView(view) ? view.byteLength : view.length;
    if (min > elements) {
        throw new TypeError(`Minimum bytes to read (${min}) exceeds size of buffer (${elements}).`);
    }
    if (isDetached(view.buffer)) throw new TypeError("Unable to use non-detachable ArrayBuffer.");
    const rs = reader.rs;
    if (rs === null) throw new TypeError("This ReadableStream reader has been released.");
    rs.disturbed = true;
    if (rs.state === ERRORED) throw rs.error;
    if (rs.controller.single && reader.requests.length > 0) throw new TypeError(ONE_AT_A_TIME);
    const request = promisedRead();
    rs.controller.readView(view, min, request);
    return request.promise;
}

// ---- making byte streams ----

export function startByteStream(rs, source, mark) {
    const wanted = source.autoAllocateChunkSize;
    let auto = hasFlag("streams_no_default_auto_allocate_chunk_size") ? 0 : AUTO_ALLOCATE;
    if (wanted !== undefined) {
        auto = Number(wanted);
        if (!(auto > 0)) throw new TypeError("The autoAllocateChunkSize option cannot be zero.");
        auto = Math.trunc(auto);
    }
    const c = new ByteController(rs, new UserSource(source, "UnderlyingSource"), mark, auto);
    new ReadableByteStreamController(MAKE, c);
    c.start();
}

// A byte stream over one of our own sources (see makeValueStream); it is handed the controller itself.
export function makeByteStream(source, mark = 0, auto = 0) {
    const rs = new ReadableState();
    const stream = new ReadableStream(MAKE, rs);
    const c = new ByteController(rs, source, mark, auto);
    c.handle = c;
    c.start();
    return stream;
}

publish(ReadableStreamBYOBRequest);
publish(ReadableByteStreamController);
publish(ReadableStreamBYOBReader);
