// WritableStream: the stream, its writer and its controller.
//
// Writing goes to a sink: an object with write(chunk, controller), close(controller), abort(reason, controller), each of which
// may return a promise. UserSink calls the user's functions; identity, transform and native streams have sinks of their own.

import { badConstructorArgument, illegalConstructor, isObject, publish } from "errors";
import { CLOSED, Deferred, ERRORED, ERRORING, Fifo, MAKE, READABLE, RESOLVED, deferred, optionalFunction, requireConstructors } from "streams_util";
import { quiet, rejected, rejectedQuietly, resolved, sizeOf, strategyMark, strategySize, then, whenSettled } from "streams_util";

const WRITABLE = READABLE;
const LOCKED = "This WritableStream is currently locked to a writer.";
const RELEASED = "This WritableStream writer has been released.";
const IS_CLOSED = "This WritableStream has been closed.";

export class WritableState {
    constructor(sink, mark, size) {
        this.stream = null; // the public object
        this.sink = sink;
        this.mark = mark;
        this.size = size; // undefined: every chunk counts 1
        this.state = WRITABLE;
        this.error = undefined;
        this.writer = null; // WriterState
        this.queue = new Fifo(); // PendingWrites
        this.total = 0;
        this.started = false;
        this.checked = false; // bytes only: the sink has check(chunk), which throws, or gives the chunk to be written
        this.aborted = null; // what the first abort() returned
        this.backpressure = false; // until something has been written, whatever the mark
        this.inFlight = null; // the PendingWrite that the sink has
        this.closeRequest = null; // resolvers of close(), until the sink is closing
        this.closing = null; // and while it does
        this.pendingAbort = null;
        this.abortController = null;
        this.abortRequested = false; // before anybody asked for the signal
        this.abortReason = undefined;
        this.handle = null; // what the sink's functions are given
        this.onWritten = null;
        this.onFailed = null;
    }
    get desiredSize() {
        if (this.state === ERRORED || this.state === ERRORING) return null;
        if (this.state === CLOSED) return 0;
        return this.mark - this.total;
    }
    get closeQueued() {
        return this.closeRequest !== null || this.closing !== null;
    }
}

class PendingWrite extends Deferred {
    constructor(chunk, size) {
        super();
        this.chunk = chunk;
        this.size = size;
    }
}

export class WriterState {
    constructor(ws) {
        this.ws = ws; // null once released
        this.closed = null; // promises, made when somebody asks for them
        this.closer = null;
        this.ready = null;
        this.readier = null;
        ws.writer = this;
    }
}

// ---- what a writer shows ----

export function writerClosed(writer) {
    if (writer.closed !== null) return writer.closed;
    const ws = writer.ws;
    if (ws === null) writer.closed = rejectedQuietly(new TypeError(RELEASED));
    else if (ws.state === CLOSED) writer.closed = RESOLVED;
    else if (ws.state === ERRORED) writer.closed = rejectedQuietly(ws.error);
    else {
        writer.closer = deferred();
        writer.closed = quiet(writer.closer.promise);
    }
    return writer.closed;
}

export function readyPromise(writer) {
    if (writer.ready !== null) return writer.ready;
    const ws = writer.ws;
    if (ws === null) writer.ready = rejectedQuietly(new TypeError(RELEASED));
    else if (ws.state === ERRORED || ws.state === ERRORING) writer.ready = rejectedQuietly(ws.error);
    else if (ws.state === WRITABLE && ws.backpressure && !ws.closeQueued) {
        writer.readier = deferred();
        writer.ready = quiet(writer.readier.promise);
    } else writer.ready = RESOLVED;
    return writer.ready;
}

function failReady(writer, error) {
    if (writer.readier !== null) {
        writer.readier.reject(error);
        writer.readier = null;
    } else {
        writer.ready = null; // made anew, rejected, when asked for
    }
}

function failClosed(writer, error) {
    if (writer.closer !== null) {
        writer.closer.reject(error);
        writer.closer = null;
    } else {
        writer.closed = null;
    }
}

export function releaseWriter(writer) {
    const ws = writer.ws;
    if (ws === null) return;
    writer.ws = null;
    ws.writer = null;
    const error = new TypeError(RELEASED);
    failReady(writer, error);
    failClosed(writer, error);
    // What has not reached the sink goes with the lock, as on the platform.
    while (ws.queue.length > 0) {
        const w = ws.queue.shift();
        ws.total -= w.size;
        w.reject(error);
    }
    updateBackpressure(ws);
}

export function lockWritable(ws) {
    if (ws.writer !== null) throw new TypeError(LOCKED);
    return new WriterState(ws);
}

function updateBackpressure(ws) {
    const pressed = ws.mark - ws.total <= 0;
    if (pressed === ws.backpressure || ws.state !== WRITABLE || ws.closeQueued) return;
    ws.backpressure = pressed;
    const writer = ws.writer;
    if (writer === null) return;
    if (pressed) {
        writer.ready = null;
    } else if (writer.readier !== null) {
        writer.readier.resolve(undefined);
        writer.readier = null;
    }
}

// ---- states ----

export function startErroring(ws, reason) {
    if (ws.state !== WRITABLE) return;
    ws.state = ERRORING;
    ws.error = reason;
    if (ws.writer !== null) failReady(ws.writer, reason);
    if (ws.inFlight === null && ws.closing === null && ws.started) finishErroring(ws);
}

function finishErroring(ws) {
    ws.state = ERRORED;
    const error = ws.error;
    while (ws.queue.length > 0) ws.queue.shift().reject(error);
    ws.total = 0;
    const abort = ws.pendingAbort;
    if (abort === null) {
        rejectClose(ws);
        dropSink(ws);
        return;
    }
    ws.pendingAbort = null;
    if (abort.wasErroring) {
        abort.reject(error);
        rejectClose(ws);
        dropSink(ws);
        return;
    }
    let result;
    try {
        result = ws.sink.abort(abort.reason, ws);
    } catch (e) {
        result = rejected(e);
    }
    dropSink(ws);
    whenSettled(
        result,
        () => {
            abort.resolve(undefined);
            rejectClose(ws);
        },
        (e) => {
            abort.reject(e);
            rejectClose(ws);
        },
    );
}

function dropSink(ws) {
    ws.sink = null;
    ws.size = undefined;
}

function rejectClose(ws) {
    if (ws.closeRequest !== null) {
        ws.closeRequest.reject(ws.error);
        ws.closeRequest = null;
    }
    if (ws.writer !== null) failClosed(ws.writer, ws.error);
}

function dealWithFailure(ws, error) {
    if (ws.state === WRITABLE) startErroring(ws, error);
    else finishErroring(ws);
}

// The controller's error(): only a writable stream takes notice.
export function errorWritable(ws, reason) {
    if (ws.state === WRITABLE) startErroring(ws, reason);
}

export function abortWritable(ws, reason) {
    if (ws.aborted !== null) return ws.aborted;
    if (ws.state === CLOSED || ws.state === ERRORED) return resolved(undefined);
    signalAbort(ws, reason);
    if (ws.state === CLOSED || ws.state === ERRORED) return resolved(undefined);
    const abort = deferred();
    abort.wasErroring = ws.state === ERRORING;
    abort.reason = abort.wasErroring ? undefined : reason;
    ws.pendingAbort = abort;
    ws.aborted = abort.promise;
    if (!abort.wasErroring) startErroring(ws, reason);
    if (ws.checked && ws.inFlight !== null) ws.sink.abortNow(reason);
    return ws.aborted;
}

function signalAbort(ws, reason) {
    if (ws.abortController === null) {
        ws.abortRequested = true;
        ws.abortReason = reason;
        return;
    }
    ws.abortController.abort(reason);
}

export function closeWritable(ws) {
    if (ws.state === CLOSED || ws.state === ERRORED) return rejected(stateError(ws));
    if (ws.closeQueued) return rejected(new TypeError("Cannot close a writer that is already being closed"));
    const d = deferred();
    ws.closeRequest = d;
    const writer = ws.writer;
    if (writer !== null && ws.backpressure && ws.state === WRITABLE && writer.readier !== null) {
        writer.readier.resolve(undefined);
        writer.readier = null;
    }
    advance(ws);
    return d.promise;
}

function stateError(ws) {
    return ws.state === CLOSED ? new TypeError(IS_CLOSED) : ws.error;
}

// ---- the queue ----

export function writeChunk(ws, chunk) {
    if (ws.checked && ws.state === WRITABLE && !ws.closeQueued) {
        try {
            chunk = ws.sink.check(chunk);
        } catch (e) {
            return rejected(e);
        }
    }
    let size = 1;
    if (ws.size !== undefined && ws.state === WRITABLE) {
        try {
            size = sizeOf(ws.size, chunk);
        } catch (e) {
            errorWritable(ws, e);
            return rejected(e);
        }
    }
    if (ws.state === ERRORED || ws.state === ERRORING) return rejected(ws.error);
    if (ws.state === CLOSED || ws.closeQueued) return rejected(new TypeError(IS_CLOSED));
    const w = new PendingWrite(chunk, size);
    ws.queue.push(w);
    ws.total += size;
    updateBackpressure(ws);
    advance(ws);
    return w.promise;
}

function advance(ws) {
    if (!ws.started || ws.inFlight !== null) return;
    if (ws.state === ERRORING) {
        if (ws.closing === null) finishErroring(ws);
        return;
    }
    if (ws.state !== WRITABLE) return;
    if (ws.queue.length === 0) {
        if (ws.closeRequest !== null) runClose(ws);
        return;
    }
    const w = ws.queue.shift();
    ws.inFlight = w;
    if (ws.onWritten === null) bindWrite(ws);
    let result;
    try {
        result = ws.sink.write(w.chunk, ws);
    } catch (e) {
        result = rejected(e);
    }
    whenSettled(result, ws.onWritten, ws.onFailed);
}

function bindWrite(ws) {
    ws.onWritten = () => {
        const w = ws.inFlight;
        ws.inFlight = null;
        ws.total -= w.size;
        w.resolve(undefined);
        if (ws.state === WRITABLE) updateBackpressure(ws);
        advance(ws);
    };
    ws.onFailed = (e) => {
        const w = ws.inFlight;
        ws.inFlight = null;
        w.reject(e);
        dealWithFailure(ws, e);
    };
}

function runClose(ws) {
    const request = ws.closeRequest;
    ws.closeRequest = null;
    ws.closing = request;
    let result;
    try {
        result = ws.sink.close(ws);
    } catch (e) {
        result = rejected(e);
    }
    whenSettled(
        result,
        () => {
            ws.closing = null;
            request.resolve(undefined);
            if (ws.pendingAbort !== null) {
                ws.pendingAbort.resolve(undefined);
                ws.pendingAbort = null;
            }
            ws.state = CLOSED;
            dropSink(ws);
            if (ws.writer !== null && ws.writer.closer !== null) {
                ws.writer.closer.resolve(undefined);
                ws.writer.closer = null;
            }
        },
        (e) => {
            ws.closing = null;
            request.reject(e);
            if (ws.pendingAbort !== null) {
                ws.pendingAbort.reject(e);
                ws.pendingAbort = null;
            }
            dealWithFailure(ws, e);
        },
    );
}

// ---- the user's sink ----

class UserSink {
    constructor(object) {
        const name = "UnderlyingSink";
        this.object = object;
        this.startFunction = optionalFunction(object, name, "start");
        this.writeFunction = optionalFunction(object, name, "write");
        this.closeFunction = optionalFunction(object, name, "close");
        this.abortFunction = optionalFunction(object, name, "abort");
    }
    get starts() {
        return this.startFunction !== undefined;
    }
    start(ws) {
        return this.startFunction.call(this.object, ws.handle);
    }
    write(chunk, ws) {
        return this.writeFunction === undefined ? undefined : this.writeFunction.call(this.object, chunk, ws.handle);
    }
    close() {
        return this.closeFunction === undefined ? undefined : this.closeFunction.call(this.object);
    }
    abort(reason) {
        return this.abortFunction === undefined ? undefined : this.abortFunction.call(this.object, reason);
    }
}

function startSink(ws) {
    if (!ws.sink.starts) {
        ws.started = true;
        return;
    }
    let result;
    try {
        result = ws.sink.start(ws);
    } catch (e) {
        result = rejected(e);
    }
    whenSettled(
        result,
        () => startedWritable(ws),
        (e) => {
            ws.started = true;
            dealWithFailure(ws, e);
        },
    );
}

export function startedWritable(ws) {
    ws.started = true;
    advance(ws);
}

export class WritableStreamDefaultController {
    #s;

    constructor(token, ws) {
        if (token !== MAKE) throw illegalConstructor();
        this.#s = ws;
        ws.handle = this;
    }
    get signal() {
        const ws = this.#s;
        if (ws.abortController === null) {
            ws.abortController = new (load("abort").AbortController)();
            if (ws.abortRequested) ws.abortController.abort(ws.abortReason);
        }
        return ws.abortController.signal;
    }
    error(reason) {
        errorWritable(this.#s, reason);
    }
}

// ---- the stream ----

export let writableState; // the state behind a public stream
export let isWritableStream;

export class WritableStream {
    #s;

    static {
        writableState = (stream) => stream.#s;
        isWritableStream = (value) => isObject(value) && #s in value;
    }

    constructor(sink, strategy) {
        if (sink === MAKE) {
            this.#s = strategy;
            strategy.stream = this;
            return;
        }
        requireConstructors("WritableStream");
        if (sink === undefined || sink === null) sink = {};
        if (!isObject(sink)) throw badConstructorArgument("WritableStream", 1, "UnderlyingSink");
        if (strategy !== undefined && strategy !== null && !isObject(strategy)) {
            throw badConstructorArgument("WritableStream", 2, "StreamQueuingStrategy");
        }
        const size = strategySize(strategy);
        const ws = new WritableState(new UserSink(sink), strategyMark(strategy, 1), size);
        this.#s = ws;
        ws.stream = this;
        new WritableStreamDefaultController(MAKE, ws);
        startSink(ws);
    }

    get locked() {
        return this.#s.writer !== null;
    }

    abort(reason) {
        let ws;
        try {
            ws = this.#s;
        } catch (e) {
            return rejected(e);
        }
        if (ws.writer !== null) return rejected(new TypeError(LOCKED));
        return abortWritable(ws, reason);
    }

    close() {
        let ws;
        try {
            ws = this.#s;
        } catch (e) {
            return rejected(e);
        }
        if (ws.writer !== null) return rejected(new TypeError(LOCKED));
        return closeWritable(ws);
    }

    getWriter() {
        return new WritableStreamDefaultWriter(this);
    }
}

export class WritableStreamDefaultWriter {
    #w;

    constructor(stream) {
        if (!isWritableStream(stream)) {
            throw badConstructorArgument("WritableStreamDefaultWriter", 1, "WritableStream");
        }
        this.#w = lockWritable(writableState(stream));
    }

    get closed() {
        return writerClosed(this.#w);
    }

    get ready() {
        return readyPromise(this.#w);
    }

    get desiredSize() {
        const ws = this.#w.ws;
        if (ws === null) throw new TypeError(RELEASED);
        return ws.desiredSize;
    }

    write(chunk) {
        let w;
        try {
            w = this.#w;
        } catch (e) {
            return rejected(e);
        }
        return w.ws === null ? rejected(new TypeError(RELEASED)) : writeChunk(w.ws, chunk);
    }

    close() {
        let w;
        try {
            w = this.#w;
        } catch (e) {
            return rejected(e);
        }
        return w.ws === null ? rejected(new TypeError(RELEASED)) : closeWritable(w.ws);
    }

    abort(reason) {
        let w;
        try {
            w = this.#w;
        } catch (e) {
            return rejected(e);
        }
        return w.ws === null ? rejected(new TypeError(RELEASED)) : abortWritable(w.ws, reason);
    }

    releaseLock() {
        releaseWriter(this.#w);
    }
}

// A stream over one of our own sinks.
export function makeWritableStream(sink, mark = 1, size = undefined) {
    const ws = new WritableState(sink, mark, size);
    const stream = new WritableStream(MAKE, ws);
    ws.started = true;
    return stream;
}

publish(WritableStreamDefaultController);
publish(WritableStream);
publish(WritableStreamDefaultWriter);
