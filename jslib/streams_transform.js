// TransformStream: a writable stream whose chunks a transformer turns into those of a readable one.
//
// A transformer is an object with transform(chunk, controller), flush(controller), cancel(reason) and, when `starts` is true,
// start(controller). UserTransformer calls the user's functions; makeTransform() takes transformers of our own, which are handed
// the TransformState itself: it has enqueue(chunk), fail(reason), terminate().

import { badConstructorArgument, illegalConstructor, isObject, publish } from "errors";
import { ERRORED, ERRORING, MAKE, RESOLVED, deferred, optionalFunction, rejected } from "streams_util";
import { resolved, strategyMark, strategySize, then } from "streams_util";
import { hasFlag, whenFlagsAreSet } from "flags";
import { ReadableState, ReadableStream, ValueController, expectedLength } from "streams_readable";
import { WritableState, WritableStream, errorWritable, startedWritable } from "streams_writable";

let fixedBackpressure = true;
whenFlagsAreSet(() => {
    fixedBackpressure = hasFlag("fixup-transform-stream-backpressure");
});

class UserTransformer {
    constructor(object) {
        const name = "Transformer";
        this.object = object;
        this.startFunction = optionalFunction(object, name, "start");
        this.transformFunction = optionalFunction(object, name, "transform");
        this.flushFunction = optionalFunction(object, name, "flush");
        this.cancelFunction = optionalFunction(object, name, "cancel");
    }
    get starts() {
        return this.startFunction !== undefined;
    }
    start(state) {
        return this.startFunction.call(this.object, state.handle);
    }
    transform(chunk, state) {
        if (this.transformFunction !== undefined) return this.transformFunction.call(this.object, chunk, state.handle);
        state.enqueue(chunk);
        return undefined;
    }
    flush(state) {
        return this.flushFunction === undefined ? undefined : this.flushFunction.call(this.object, state.handle);
    }
    cancel(reason) {
        return this.cancelFunction === undefined ? undefined : this.cancelFunction.call(this.object, reason);
    }
}

// Is the source of the readable side and the sink of the writable side.
export class TransformState {
    constructor(transformer, writableMark, writableSize, readableMark, readableSize) {
        this.transformer = transformer; // null once it is of no more use
        this.handle = this; // what the user's functions are given
        this.backpressure = true;
        this.waiting = null; // a write that waits for the readable side
        this.ending = null; // the promise of the one cancel, abort or close
        this.rs = new ReadableState();
        this.readable = new ReadableStream(MAKE, this.rs);
        this.ws = new WritableState(this, writableMark, writableSize);
        this.writable = new WritableStream(MAKE, this.ws);
        this.controller = new ValueController(this.rs, this, readableMark, readableSize);
    }

    // Starts both sides. An error of the transformer's start is theirs.
    begin() {
        const c = this.controller;
        const ws = this.ws;
        if (!this.transformer.starts) {
            ws.started = true;
            c.started = true;
            c.pullIfNeeded();
            return;
        }
        let result;
        try {
            result = this.transformer.start(this);
        } catch (e) {
            result = rejected(e);
        }
        then(
            isObject(result) ? resolved(result) : RESOLVED,
            () => {
                c.started = true;
                c.pullIfNeeded();
                startedWritable(ws);
            },
            (e) => {
                ws.started = true;
                this.fail(e);
            },
        );
    }

    get desiredSize() {
        return this.controller.desiredSize;
    }

    enqueue(chunk) {
        const c = this.controller;
        if (!c.canEnqueue) throw new TypeError("The readable side of this TransformStream is no longer readable.");
        c.enqueue(chunk);
        if (this.rs.state === ERRORED) {
            this.failWritable(this.rs.error);
            throw this.rs.error;
        }
        // Before the flag's date a stream that had once been read from never held its writer back again.
        if (!c.wantsChunk && fixedBackpressure) this.backpressure = true;
    }

    fail(reason) {
        this.controller.fail(reason);
        this.failWritable(reason);
    }

    failWritable(reason) {
        this.transformer = null;
        errorWritable(this.ws, reason);
        this.relieve();
    }

    terminate() {
        if (this.controller.canEnqueue) this.controller.close();
        this.failWritable(new TypeError("The transform stream has been terminated"));
    }

    relieve() {
        this.backpressure = false;
        const w = this.waiting;
        if (w === null) return;
        this.waiting = null;
        w.resolve(undefined);
    }

    // ---- as a sink ----

    write(chunk) {
        if (!this.backpressure) return this.run(chunk);
        this.waiting = deferred();
        return then(this.waiting.promise, () => {
            if (this.ws.state === ERRORING) throw this.ws.error;
            return this.run(chunk);
        });
    }

    run(chunk) {
        let result;
        try {
            result = this.transformer.transform(chunk, this);
        } catch (e) {
            this.fail(e);
            throw e;
        }
        if (!isObject(result)) return undefined;
        return then(resolved(result), undefined, (e) => {
            this.fail(e);
            throw e;
        });
    }

    close() {
        if (this.ending !== null) return this.ending;
        const transformer = this.transformer;
        this.transformer = null;
        const result = attempt(() => (transformer === null ? undefined : transformer.flush(this)));
        this.ending = then(
            result,
            () => {
                if (this.rs.state === ERRORED) throw this.rs.error;
                if (this.controller.canEnqueue) this.controller.close();
            },
            (e) => {
                this.controller.fail(e);
                throw e;
            },
        );
        return this.ending;
    }

    abort(reason) {
        if (this.ending !== null) return this.ending;
        const transformer = this.transformer;
        this.transformer = null;
        const result = attempt(() => (transformer === null ? undefined : transformer.cancel(reason)));
        this.ending = then(
            result,
            () => {
                if (this.rs.state === ERRORED) throw this.rs.error;
                this.controller.fail(reason);
            },
            (e) => {
                this.controller.fail(e);
                throw e;
            },
        );
        return this.ending;
    }

    // ---- as a source ----

    get starts() {
        return false;
    }

    pull() {
        this.relieve();
        return undefined;
    }

    cancel(reason) {
        if (this.ending !== null) return this.ending;
        const transformer = this.transformer;
        this.transformer = null;
        const result = attempt(() => (transformer === null ? undefined : transformer.cancel(reason)));
        this.ending = then(
            result,
            () => {
                if (this.ws.state === ERRORED) throw this.ws.error;
                this.failWritable(reason);
            },
            (e) => {
                this.failWritable(e);
                throw e;
            },
        );
        return this.ending;
    }
}

function attempt(action) {
    try {
        const result = action();
        return isObject(result) ? resolved(result) : RESOLVED;
    } catch (e) {
        return rejected(e);
    }
}

export class TransformStreamDefaultController {
    #t;

    constructor(token, state) {
        if (token !== MAKE) throw illegalConstructor();
        this.#t = state;
        state.handle = this;
    }
    get desiredSize() {
        return this.#t.desiredSize;
    }
    enqueue(chunk) {
        this.#t.enqueue(chunk);
    }
    error(reason) {
        this.#t.fail(reason);
    }
    terminate() {
        this.#t.terminate();
    }
}

export class TransformStream {
    #readable;
    #writable;

    constructor(transformer, writableStrategy, readableStrategy) {
        if (transformer === MAKE) {
            // Streams of ours that are transform streams: (MAKE, readable, writable).
            this.#readable = writableStrategy;
            this.#writable = readableStrategy;
            return;
        }
        if (!load("flags").hasFlag("transformstream_enable_standard_constructor")) {
            const pair = load("streams_identity").identityPair(undefined, transformer);
            this.#readable = pair.readable;
            this.#writable = pair.writable;
            return;
        }
        if (transformer === undefined || transformer === null) transformer = {};
        if (!isObject(transformer)) throw badConstructorArgument("TransformStream", 1, "Transformer");
        if (transformer.readableType !== undefined) throw new TypeError("transformer.readableType must be undefined.");
        if (transformer.writableType !== undefined) throw new TypeError("transformer.writableType must be undefined.");
        const t = new TransformState(
            new UserTransformer(transformer),
            strategyMark(writableStrategy, 1),
            strategySize(writableStrategy),
            strategyMark(readableStrategy, 0),
            strategySize(readableStrategy),
        );
        t.rs.length = expectedLength(transformer);
        new TransformStreamDefaultController(MAKE, t);
        this.#readable = t.readable;
        this.#writable = t.writable;
        t.begin();
    }
    get readable() {
        return this.#readable;
    }
    get writable() {
        return this.#writable;
    }
}

// {readable, writable} around one of our own transformers.
export function makeTransform(transformer, writableMark = 1, readableMark = 0) {
    const t = new TransformState(transformer, writableMark, undefined, readableMark, undefined);
    t.begin();
    return t;
}

publish(TransformStreamDefaultController);
publish(TransformStream);
