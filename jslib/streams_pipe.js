// pipeTo and pipeThrough.

import { badArgument, badField, isObject } from "errors";
import { CLOSED, ERRORED, ERRORING, READABLE, RESOLVED, deferred, isBytes, noop, quiet, rejected, then } from "streams_util";
import { cancelStream, closedPromise, isReadableStream, lockStream, readInto, releaseReader } from "streams_readable";
import { abortWritable, closeWritable, isWritableStream, lockWritable, readyPromise } from "streams_writable";
import { releaseWriter, writableState, writeChunk, writerClosed } from "streams_writable";
import { isAbortSignal, onAbort } from "abort";

const READ_LOCKED = "This ReadableStream is currently locked to a reader.";
const WRITE_LOCKED = "This WritableStream is currently locked to a writer.";

// One pipe; is its own read request.
class Pipe {
    constructor(rs, ws, options) {
        this.rs = rs;
        this.ws = ws;
        this.preventClose = options.preventClose;
        this.preventAbort = options.preventAbort;
        this.preventCancel = options.preventCancel;
        this.reader = lockStream(rs);
        this.writer = lockWritable(ws);
        this.lastWrite = RESOLVED;
        this.ending = false;
        this.stepping = false;
        this.got = false;
        this.unwatch = noop;
        this.d = deferred();
        this.onReady = () => this.step();
    }

    run(signal) {
        this.rs.disturbed = true;
        if (signal !== null) {
            if (signal.aborted) {
                this.aborted(signal.reason);
                return this.d.promise;
            }
            this.unwatch = onAbort(signal, (reason) => this.aborted(reason));
        }
        const { rs, ws } = this;
        if (rs.state === ERRORED) this.error(rs.error);
        else if (ws.state === ERRORED || ws.state === ERRORING) this.destinationFailed(ws.error);
        else if (rs.state === CLOSED) this.close();
        else if (ws.state === CLOSED || ws.closeQueued) this.destinationClosed();
        else {
            then(closedPromise(this.reader), () => this.close(), (e) => this.error(e));
            then(writerClosed(this.writer), () => this.destinationClosed(), (e) => this.destinationFailed(e));
            this.step();
        }
        return this.d.promise;
    }

    // Reads as long as the destination has room.
    step() {
        if (this.stepping) return;
        this.stepping = true;
        const { rs, ws } = this;
        while (!this.ending && rs.state === READABLE && ws.state === READABLE) {
            if (ws.backpressure) {
                then(readyPromise(this.writer), this.onReady, noop);
                break;
            }
            if (ws.checked && ws.inFlight !== null) {
                // Such a stream does not say when it is full: a chunk at a time.
                then(this.lastWrite, this.onReady, noop);
                break;
            }
            this.got = false;
            readInto(rs, this);
            if (!this.got) break;
        }
        this.stepping = false;
    }

    // ---- what a read brings ----

    chunk(value) {
        this.got = true;
        if (this.ending) return;
        if (this.ws.checked && !isBytes(value)) {
            const e = new TypeError("This WritableStream only supports writing byte types.");
            quiet(cancelStream(this.rs, e));
            this.error(e);
            return;
        }
        this.lastWrite = quiet(writeChunk(this.ws, value));
        if (!this.stepping) this.step();
    }

    close() {
        if (this.ending) return;
        this.end(this.preventClose ? null : () => this.closeDestination(), null);
    }

    error(reason) {
        if (this.ending) return;
        this.end(this.preventAbort ? null : () => abortWritable(this.ws, reason), { error: reason });
    }

    closeDestination() {
        const { ws } = this;
        if (ws.state === CLOSED || ws.closeQueued) return RESOLVED;
        if (ws.state === ERRORED) return rejected(ws.error);
        return closeWritable(ws);
    }

    destinationFailed(reason) {
        if (this.ending) return;
        this.end(this.preventCancel ? null : () => cancelStream(this.rs, reason), { error: reason });
    }

    destinationClosed() {
        this.destinationFailed(new TypeError("This destination writable stream is closed."));
    }

    aborted(reason) {
        if (this.ending) return;
        this.end(
            () => {
                const abort = this.preventAbort ? RESOLVED : abortWritable(this.ws, reason);
                const cancel = this.preventCancel ? RESOLVED : cancelStream(this.rs, reason);
                quiet(cancel);
                return then(abort, () => cancel);
            },
            { error: reason },
        );
    }

    // ---- the end: after the last write, `action`, then the locks go and the promise is settled ----

    end(action, failure) {
        this.ending = true;
        const finish = () => {
            if (action === null) {
                this.finish(failure);
                return;
            }
            then(
                action(),
                () => this.finish(failure),
                (e) => this.finish({ error: e }),
            );
        };
        if (this.ws.state === READABLE && !this.ws.closeQueued) then(this.lastWrite, finish, finish);
        else finish();
    }

    finish(failure) {
        releaseWriter(this.writer);
        releaseReader(this.reader);
        this.unwatch();
        if (failure === null) this.d.resolve(undefined);
        else this.d.reject(failure.error);
    }
}

function readOptions(options) {
    const o = isObject(options) ? options : {};
    const signal = o.signal;
    if (signal !== undefined && signal !== null && !isAbortSignal(signal)) {
        throw badField("PipeToOptions", "signal", "AbortSignal");
    }
    return {
        preventAbort: Boolean(o.preventAbort),
        preventCancel: Boolean(o.preventCancel),
        preventClose: Boolean(o.preventClose),
        signal: signal === undefined ? null : signal,
    };
}

export function pipe(rs, ws, options) {
    return new Pipe(rs, ws, options).run(options.signal);
}

export function pipeToFromUser(rs, destination, options) {
    if (!isWritableStream(destination)) throw badArgument("ReadableStream", "pipeTo", 1, "WritableStream");
    if (options !== undefined && options !== null && !isObject(options)) {
        throw badArgument("ReadableStream", "pipeTo", 2, "PipeToOptions");
    }
    const ws = writableState(destination);
    const o = readOptions(options);
    if (rs.reader !== null) throw new TypeError(READ_LOCKED);
    if (ws.writer !== null) throw new TypeError(WRITE_LOCKED);
    return pipe(rs, ws, o);
}

export function pipeThrough(rs, transform, options) {
    if (!isObject(transform)) throw badArgument("ReadableStream", "pipeThrough", 1, "Transform");
    const { readable, writable } = transform;
    if (!isReadableStream(readable)) throw badField("Transform", "readable", "ReadableStream");
    if (!isWritableStream(writable)) throw badField("Transform", "writable", "WritableStream");
    const ws = writableState(writable);
    const o = readOptions(options);
    if (rs.reader !== null) throw new TypeError(READ_LOCKED);
    if (ws.writer !== null) throw new TypeError(WRITE_LOCKED);
    quiet(pipe(rs, ws, o));
    return readable;
}
