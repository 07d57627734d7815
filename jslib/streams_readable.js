// ReadableStream: the stream, its default reader and its default controller.
//
// A stream's content comes from a controller: ValueController (here) for chunks of any kind, ByteController (streams_byob.js)
// for bytes. A controller has read(), readInto(request), cancel(reason), release().
// A read request is an object with chunk(value), close(view) and error(reason); exactly one of them is called, once.
//
// Order of events as on the platform: pull is called synchronously where it can be, and a read that is served from the queue
// does not ask for more.

import { badArgument, badConstructorArgument, illegalConstructor, isObject, publish } from "errors";
import { CLOSED, Deferred, ERRORED, Fifo, MAKE, READABLE, RESOLVED, deferred, noop, optionalFunction, requireConstructors } from "streams_util";
import { quiet, rejected, rejectedQuietly, resolved, sizeOf, strategyMark, strategySize, then } from "streams_util";

const RELEASED = "This ReadableStream reader has been released.";
const LOCKED = "This ReadableStream is currently locked to a reader.";

export class ReadableState {
    constructor() {
        this.stream = null; // the public object
        this.state = READABLE;
        this.error = undefined;
        this.reader = null; // ReaderState
        this.controller = null;
        this.disturbed = false;
        this.source = null; // the ByteSource behind it, while nobody has read
        this.memory = null; // the body in memory behind it, likewise
        this.length = -1; // bytes that it will have, where that is known
    }
}

export class ReaderState {
    constructor(rs, byob) {
        this.rs = rs; // null once released
        this.byob = byob;
        this.requests = new Fifo();
        this.closed = null; // made when somebody asks for it
        this.closer = null; // its resolvers, while it is pending
        rs.reader = this;
    }
}

// The promise of one read().
class PromisedRead extends Deferred {
    chunk(value) {
        this.resolve({ value, done: false });
    }
    close(view) {
        this.resolve({ value: view, done: true });
    }
    error(reason) {
        this.reject(reason);
    }
}

export function promisedRead() {
    return new PromisedRead();
}

export function closedPromise(reader) {
    if (reader.closed !== null) return reader.closed;
    const rs = reader.rs;
    if (rs === null) reader.closed = rejectedQuietly(new TypeError(RELEASED));
    else if (rs.state === CLOSED) reader.closed = RESOLVED;
    else if (rs.state === ERRORED) reader.closed = rejectedQuietly(rs.error);
    else {
        reader.closer = deferred();
        reader.closed = quiet(reader.closer.promise);
    }
    return reader.closed;
}

export function closeStream(rs) {
    rs.state = CLOSED;
    const reader = rs.reader;
    if (reader === null) return;
    if (reader.closer !== null) {
        reader.closer.resolve(undefined);
        reader.closer = null;
    }
    if (!reader.byob) {
        while (reader.requests.length > 0) reader.requests.shift().close(undefined);
    }
}

export function errorStream(rs, reason) {
    rs.state = ERRORED;
    rs.error = reason;
    const reader = rs.reader;
    if (reader === null) return;
    if (reader.closer !== null) {
        reader.closer.reject(reason);
        reader.closer = null;
    }
    while (reader.requests.length > 0) reader.requests.shift().error(reason);
}

export function cancelStream(rs, reason) {
    rs.disturbed = true;
    if (rs.state === CLOSED) return resolved(undefined);
    if (rs.state === ERRORED) return rejected(rs.error);
    closeStream(rs);
    const reader = rs.reader;
    if (reader !== null && reader.byob) {
        while (reader.requests.length > 0) reader.requests.shift().close(undefined);
    }
    let result;
    try {
        result = rs.controller.cancel(reason);
    } catch (e) {
        return rejected(e);
    }
    return then(isObject(result) ? resolved(result) : RESOLVED, noop);
}

export function releaseReader(reader) {
    const rs = reader.rs;
    if (rs === null) return;
    const error = new TypeError(RELEASED);
    if (reader.closer !== null) {
        reader.closer.reject(error);
        reader.closer = null;
    } else {
        reader.closed = null;
    }
    rs.controller.release();
    rs.reader = null;
    reader.rs = null;
    while (reader.requests.length > 0) reader.requests.shift().error(error);
}

// Locks a stream for code of ours.
export function lockStream(rs) {
    if (rs.reader !== null) throw new TypeError(LOCKED);
    return new ReaderState(rs, false);
}

// Serves `request` with the next chunk of a stream that a reader of ours holds.
export function readInto(rs, request) {
    rs.disturbed = true;
    if (rs.state === CLOSED) request.close(undefined);
    else if (rs.state === ERRORED) request.error(rs.error);
    else rs.controller.readInto(request);
}

// ---- chunks of any kind ----

// What the user gave as underlying source: its algorithms, called on it.
export class UserSource {
    constructor(object, dictionary) {
        this.object = object;
        this.startFunction = optionalFunction(object, dictionary, "start");
        this.pullFunction = optionalFunction(object, dictionary, "pull");
        this.cancelFunction = optionalFunction(object, dictionary, "cancel");
    }
    get starts() {
        return this.startFunction !== undefined;
    }
    start(controller) {
        return this.startFunction.call(this.object, controller);
    }
    pull(controller) {
        return this.pullFunction === undefined ? undefined : this.pullFunction.call(this.object, controller);
    }
    cancel(reason) {
        return this.cancelFunction === undefined ? undefined : this.cancelFunction.call(this.object, reason);
    }
}

// The queue of a stream and the calls to its source. `Public` is the class of the object that the source is given.
export class ValueController {
    constructor(rs, source, mark, size) {
        this.rs = rs;
        this.source = source;
        this.mark = mark;
        this.size = size; // undefined: every chunk counts 1
        this.queue = new Fifo();
        this.sizes = size === undefined ? null : new Fifo();
        this.total = 0;
        this.started = false;
        this.pulling = false;
        this.pullAgain = false;
        this.closeRequested = false;
        this.handle = null; // what start and pull are given
        this.onPulled = null;
        this.onFailed = null;
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

    // An error of the size algorithm is the stream's, not the caller's.
    enqueue(chunk) {
        let size = 1;
        if (this.size !== undefined) {
            try {
                size = sizeOf(this.size, chunk);
            } catch (e) {
                this.fail(e);
                return;
            }
            if (!this.canEnqueue) return; // the algorithm ended the stream
        }
        const reader = this.rs.reader;
        if (reader !== null && reader.requests.length > 0) {
            reader.requests.shift().chunk(chunk);
        } else {
            if (this.sizes !== null) this.sizes.push(size);
            this.queue.push(chunk);
            this.total += size;
        }
        this.pullIfNeeded();
    }

    close() {
        this.closeRequested = true;
        if (this.queue.length === 0) this.finish();
    }

    finish() {
        this.source = null;
        this.size = undefined;
        closeStream(this.rs);
    }

    fail(reason) {
        if (this.rs.state !== READABLE) return;
        this.queue.clear();
        this.total = 0;
        this.source = null;
        this.size = undefined;
        errorStream(this.rs, reason);
    }

    dequeue() {
        const chunk = this.queue.shift();
        this.total -= this.sizes === null ? 1 : this.sizes.shift();
        if (this.queue.length === 0) {
            this.total = 0;
            if (this.closeRequested) this.finish();
        }
        return chunk;
    }

    read() {
        if (this.queue.length > 0) return resolved({ value: this.dequeue(), done: false });
        const request = new PromisedRead();
        this.rs.reader.requests.push(request);
        this.pullIfNeeded();
        return request.promise;
    }

    readInto(request) {
        if (this.queue.length > 0) {
            request.chunk(this.dequeue());
            return;
        }
        this.rs.reader.requests.push(request);
        this.pullIfNeeded();
    }

    cancel(reason) {
        this.queue.clear();
        if (this.sizes !== null) this.sizes.clear();
        this.total = 0;
        const source = this.source;
        this.source = null;
        this.size = undefined;
        return source === null ? undefined : source.cancel(reason);
    }

    release() {}

    get wantsChunk() {
        if (!this.started || !this.canEnqueue) return false;
        const reader = this.rs.reader;
        return (reader !== null && reader.requests.length > 0) || this.mark > this.total;
    }

    start() {
        startSource(this);
    }

    pullIfNeeded() {
        if (this.wantsChunk) callPull(this);
    }
}

// The two below serve the byte controller as well.

export function startSource(c) {
    if (!c.source.starts) {
        c.started = true;
        c.pullIfNeeded();
        return;
    }
    let result;
    try {
        result = c.source.start(c.handle);
    } catch (e) {
        c.fail(e);
        return;
    }
    then(
        isObject(result) ? resolved(result) : RESOLVED,
        () => {
            c.started = true;
            c.pullIfNeeded();
        },
        (e) => c.fail(e),
    );
}

export function callPull(c) {
    if (c.pulling) {
        c.pullAgain = true;
        return;
    }
    for (;;) {
        c.pulling = true;
        let result;
        try {
            result = c.source.pull(c.handle);
        } catch (e) {
            c.pulling = false;
            c.fail(e);
            return;
        }
        if (isObject(result)) {
            if (c.onPulled === null) bindPull(c);
            then(resolved(result), c.onPulled, c.onFailed);
            return;
        }
        c.pulling = false;
        if (!c.pullAgain) return;
        c.pullAgain = false;
        if (!c.wantsChunk) return;
    }
}

function bindPull(c) {
    c.onPulled = () => {
        c.pulling = false;
        if (c.pullAgain) {
            c.pullAgain = false;
            c.pullIfNeeded();
        }
    };
    c.onFailed = (e) => {
        c.pulling = false;
        c.fail(e);
    };
}

export class ReadableStreamDefaultController {
    #c;

    constructor(token, controller) {
        if (token !== MAKE) throw illegalConstructor();
        this.#c = controller;
        controller.handle = this;
    }
    get desiredSize() {
        return this.#c.desiredSize;
    }
    close() {
        if (!this.#c.canEnqueue) throw new TypeError("This ReadableStream is closed.");
        this.#c.close();
    }
    enqueue(chunk) {
        if (!this.#c.canEnqueue) throw new TypeError("Unable to enqueue");
        this.#c.enqueue(chunk);
    }
    error(reason) {
        this.#c.fail(reason);
    }
}

// ---- the stream ----

export let streamState; // the state behind a public stream
export let isReadableStream;

// What a source of ours, or a transformer, says of the bytes to come, as the platform's field has it; -1: nothing.
export function expectedLength(source) {
    const given = source.expectedLength;
    if (given === undefined) return -1;
    const length = typeof given === "bigint" ? P.Number(given) : +given;
    if (!(length >= 0 && length <= P.NumberMAX_SAFE_INTEGER)) throw new TypeError("The value cannot be converted because it is not a valid length.");
    return P.MathFloor(length);
}

export class ReadableStream {
    #s;

    static {
        streamState = (stream) => stream.#s;
        isReadableStream = (value) => isObject(value) && #s in value;
    }

    constructor(source, strategy) {
        if (source === MAKE) {
            this.#s = strategy;
            strategy.stream = this;
            return;
        }
        requireConstructors("ReadableStream");
        const rs = new ReadableState();
        this.#s = rs;
        rs.stream = this;
        if (source === undefined || source === null) source = {};
        if (!isObject(source)) throw badConstructorArgument("ReadableStream", 1, "UnderlyingSource");
        if (strategy !== undefined && strategy !== null && !isObject(strategy)) {
            throw badConstructorArgument("ReadableStream", 2, "StreamQueuingStrategy");
        }
        rs.length = expectedLength(source);
        const type = source.type;
        if (type === undefined || type === "") {
            const size = strategySize(strategy);
            const mark = strategyMark(strategy, 1);
            const c = new ValueController(rs, new UserSource(source, "UnderlyingSource"), mark, size);
            new ReadableStreamDefaultController(MAKE, c);
            c.start();
        } else if (`${type}` === "bytes") {
            load("streams_byob").startByteStream(rs, source, strategyMark(strategy, 0));
        } else {
            throw new TypeError(`"${type}" is not a valid type of ReadableStream.`);
        }
    }

    static from(iterable) {
        return load("streams_iterate").streamFrom(iterable);
    }

    get locked() {
        return this.#s.reader !== null;
    }

    cancel(reason) {
        let rs;
        try {
            rs = this.#s;
        } catch (e) {
            return rejected(e);
        }
        if (rs.reader !== null) return rejected(new TypeError(LOCKED));
        return cancelStream(rs, reason);
    }

    getReader(options) {
        if (options === undefined || options === null) return new ReadableStreamDefaultReader(this);
        const mode = options.mode;
        if (mode === undefined) return new ReadableStreamDefaultReader(this);
        if (`${mode}` !== "byob") throw new TypeError("mode must be undefined or 'byob' in call to getReader().");
        return new (load("streams_byob").ReadableStreamBYOBReader)(this);
    }

    pipeThrough(transform, options) {
        return load("streams_pipe").pipeThrough(this.#s, transform, options);
    }

    pipeTo(destination, options) {
        let rs;
        try {
            rs = this.#s;
            return load("streams_pipe").pipeToFromUser(rs, destination, options);
        } catch (e) {
            return rejected(e);
        }
    }

    tee() {
        const rs = this.#s;
        if (rs.reader !== null) throw new TypeError(LOCKED);
        return load("streams_tee").tee(rs);
    }

    values(options) {
        return load("streams_iterate").valuesOf(this.#s, options);
    }

    [Symbol.asyncIterator](options) {
        return load("streams_iterate").valuesOf(this.#s, options);
    }
}

export class ReadableStreamDefaultReader {
    #r;

    constructor(stream) {
        if (!isReadableStream(stream)) {
            throw badConstructorArgument("ReadableStreamDefaultReader", 1, "ReadableStream");
        }
        this.#r = lockStream(streamState(stream));
    }

    get closed() {
        return closedPromise(this.#r);
    }

    read() {
        let r;
        try {
            r = this.#r;
        } catch (e) {
            return rejected(e);
        }
        const rs = r.rs;
        if (rs === null) return rejected(new TypeError(RELEASED));
        rs.disturbed = true;
        if (rs.state === READABLE) return rs.controller.read();
        if (rs.state === CLOSED) return resolved({ value: undefined, done: true });
        return rejected(rs.error);
    }

    cancel(reason) {
        let r;
        try {
            r = this.#r;
        } catch (e) {
            return rejected(e);
        }
        if (r.rs === null) return rejected(new TypeError(RELEASED));
        return cancelStream(r.rs, reason);
    }

    releaseLock() {
        releaseReader(this.#r);
    }
}

// A stream over one of our own sources: an object with pull(controller) and cancel(reason), and start(controller) when
// `starts` is true. It is handed the controller itself.
export function makeValueStream(source, mark = 1, size = undefined) {
    const rs = new ReadableState();
    const stream = new ReadableStream(MAKE, rs);
    const c = new ValueController(rs, source, mark, size);
    c.handle = c;
    c.start();
    return stream;
}

export function requireStream(value, type, method, index) {
    if (!isReadableStream(value)) throw badArgument(type, method, index, "ReadableStream");
    return streamState(value);
}

publish(ReadableStreamDefaultController);
publish(ReadableStreamDefaultReader);
publish(ReadableStream);
Object.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, { enumerable: false });
Object.defineProperty(ReadableStream.prototype[Symbol.asyncIterator], "length", { value: 0 });
