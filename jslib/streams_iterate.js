// ReadableStream.from and the async iterator of a stream.

import { badArgument, isObject } from "errors";
import { RESOLVED, deferred, rejected, resolved, then } from "streams_util";
import { cancelStream, lockStream, makeValueStream, readInto, releaseReader } from "streams_readable";

// One next() of an iterator.
class Step {
    constructor(iterator) {
        this.iterator = iterator;
        this.d = deferred();
    }
    chunk(value) {
        this.d.resolve({ value, done: false });
    }
    close() {
        this.iterator.finish();
        this.d.resolve({ value: undefined, done: true });
    }
    error(reason) {
        this.iterator.finish();
        this.d.reject(reason);
    }
}

class IteratorState {
    constructor(rs, preventCancel) {
        this.reader = lockStream(rs);
        this.preventCancel = preventCancel;
        this.last = null; // the promise of the step before
        this.done = false;
    }
    finish() {
        this.done = true;
        releaseReader(this.reader);
    }
    step() {
        if (this.done || this.reader.rs === null) return resolved({ value: undefined, done: true });
        const s = new Step(this);
        readInto(this.reader.rs, s);
        return s.d.promise;
    }
    end(value) {
        if (this.done || this.reader.rs === null) return resolved({ value, done: true });
        this.done = true;
        const rs = this.reader.rs;
        const cancelled = this.preventCancel ? RESOLVED : cancelStream(rs, value);
        releaseReader(this.reader);
        return then(cancelled, () => ({ value, done: true }));
    }
    after(action) {
        this.last = this.last === null ? action() : then(this.last, action, action);
        return this.last;
    }
}

const AsyncIteratorPrototype = Object.getPrototypeOf(
    Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})())),
);

class StreamIterator {
    #i;

    constructor(state) {
        this.#i = state;
    }
    next() {
        let i;
        try {
            i = this.#i;
        } catch (e) {
            return rejected(e);
        }
        return i.after(() => i.step());
    }
    return(value) {
        let i;
        try {
            i = this.#i;
        } catch (e) {
            return rejected(e);
        }
        return i.after(() => i.end(value));
    }
}

delete StreamIterator.prototype.constructor;
Object.setPrototypeOf(StreamIterator.prototype, AsyncIteratorPrototype);
Object.defineProperty(StreamIterator.prototype, Symbol.toStringTag, {
    value: "ReadableStreamAsyncIterator",
    configurable: true,
});

export function valuesOf(rs, options) {
    const preventCancel = isObject(options) ? Boolean(options.preventCancel) : false;
    return new StreamIterator(new IteratorState(rs, preventCancel));
}

// A source over an iterator, sync or async.
class IteratorSource {
    constructor(iterator) {
        this.iterator = iterator;
        this.next = iterator.next;
    }
    get starts() {
        return false;
    }
    pull(controller) {
        return then(resolved(this.next.call(this.iterator)), (result) => {
            if (!isObject(result)) throw new TypeError("The iterator's result is not an object.");
            if (result.done) {
                if (controller.canEnqueue) controller.close();
                return undefined;
            }
            const value = result.value;
            if (!isObject(value) || typeof value.then !== "function") {
                if (controller.canEnqueue) controller.enqueue(value);
                return undefined;
            }
            return then(resolved(value), (v) => {
                if (controller.canEnqueue) controller.enqueue(v);
            });
        });
    }
    cancel(reason) {
        const end = this.iterator.return;
        if (end === undefined || end === null) return undefined;
        if (typeof end !== "function") throw new TypeError("Property 'return' is not a function");
        return then(resolved(end.call(this.iterator, reason)), (result) => {
            if (!isObject(result)) throw new TypeError("The result of the iterator's return is not an object.");
        });
    }
}

export function streamFrom(iterable) {
    if (iterable === undefined || iterable === null) throw notIterable();
    let method = iterable[Symbol.asyncIterator];
    if (method === undefined || method === null) method = iterable[Symbol.iterator];
    if (typeof method !== "function") throw notIterable();
    const iterator = method.call(iterable);
    if (!isObject(iterator)) throw notIterable();
    return makeValueStream(new IteratorSource(iterator), 0);
}

function notIterable() {
    return badArgument("ReadableStream", "from", 1, "AsyncGenerator");
}
