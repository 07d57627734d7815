// AbortController and AbortSignal.

import { context } from "async_context";
import { DOMException, publish, badArgument, illegalConstructor, isObject } from "errors";
import { Event, EventTarget, fireOrThrow, handlerAttribute } from "events";

const INTERNAL = Symbol();

let abortNow, watch, unwatch, dependOn;

export class AbortSignal extends EventTarget {
    #aborted = false;
    #reason;
    #watchers = null;
    #dependents = null;

    constructor(internal) {
        if (internal !== INTERNAL) throw illegalConstructor();
        super();
    }
    static abort(reason) {
        const signal = new AbortSignal(INTERNAL);
        signal.#aborted = true;
        signal.#reason = reason === undefined ? abortError() : reason;
        return signal;
    }
    static timeout(delay) {
        if (arguments.length === 0) throw badArgument("AbortSignal", "timeout", 1, "number");
        const signal = new AbortSignal(INTERNAL);
        load("timers").setTimeout(() => {
            context.frame = null;
            abortNow(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
        }, +delay);
        return signal;
    }
    static any(signals) {
        if (!P.ArrayIsArray(signals)) throw badArgument("AbortSignal", "any", 1, "Array");
        const signal = new AbortSignal(INTERNAL);
        for (let i = 0; i < signals.length; i++) {
            if (!isAbortSignal(signals[i])) {
                throw new TypeError(
                    `Incorrect type for array element ${i}: the provided value is not of type 'AbortSignal'.`,
                );
            }
        }
        for (let i = 0; i < signals.length; i++) {
            if (signals[i].#aborted) {
                signal.#aborted = true;
                signal.#reason = signals[i].#reason;
                return signal;
            }
        }
        for (let i = 0; i < signals.length; i++) dependOn(signal, signals[i]);
        return signal;
    }
    get aborted() {
        return this.#aborted;
    }
    get reason() {
        return this.#reason;
    }
    throwIfAborted() {
        if (this.#aborted) throw this.#reason;
    }

    static {
        abortNow = (signal, reason) => {
            if (signal.#aborted) return;
            signal.#aborted = true;
            signal.#reason = reason === undefined ? abortError() : reason;
            const watchers = signal.#watchers;
            const dependents = signal.#dependents;
            signal.#watchers = signal.#dependents = null;
            if (watchers !== null) {
                for (let i = 0; i < watchers.length; i++) watchers[i](signal.#reason);
            }
            let failed = false;
            let failure;
            try {
                fireOrThrow(signal, new Event("abort"));
            } catch (e) {
                failed = true;
                failure = e;
            }
            // Signals made by any() follow even when a listener of this one throws.
            if (dependents !== null) {
                for (let i = 0; i < dependents.length; i++) abortNow(dependents[i], signal.#reason);
            }
            if (failed) throw failure;
        };
        watch = (signal, fn) => {
            if (signal.#watchers === null) signal.#watchers = [fn];
            else P.ArrayPrototypePush(signal.#watchers, fn);
        };
        unwatch = (signal, fn) => {
            const list = signal.#watchers;
            if (list === null) return;
            const at = P.ArrayPrototypeIndexOf(list, fn);
            if (at >= 0) P.ArrayPrototypeSplice(list, at, 1);
        };
        dependOn = (signal, source) => {
            if (source.#dependents === null) source.#dependents = [signal];
            else P.ArrayPrototypePush(source.#dependents, signal);
        };
    }
    static isAbortSignal(value) {
        return isObject(value) && #aborted in value;
    }
}
export const isAbortSignal = AbortSignal.isAbortSignal;
delete AbortSignal.isAbortSignal;
handlerAttribute(AbortSignal, "abort");
publish(AbortSignal);

export class AbortController {
    #signal = null;

    get signal() {
        if (this.#signal === null) this.#signal = new AbortSignal(INTERNAL);
        return this.#signal;
    }
    abort(reason) {
        if (this.#signal === null) this.#signal = AbortSignal.abort(reason);
        else abortNow(this.#signal, reason);
    }
}
publish(AbortController);

function abortError() {
    return new DOMException("The operation was aborted", "AbortError");
}

// A signal of the platform's own (request.signal): abortSignal() fires it.
export function newSignal() {
    return new AbortSignal(INTERNAL);
}

export function abortSignal(signal, reason) {
    abortNow(signal, reason);
}

// Calls fn(reason) when the signal aborts, before its listeners and without an Event. Returns a function that undoes it.
// The caller has looked at signal.aborted.
export function onAbort(signal, fn) {
    watch(signal, fn);
    return () => unwatch(signal, fn);
}
