// Explicit resource management, as far as it is a library: the engine has none of it. (`using` itself is lowered by the
// bundler, to calls of the methods with these names.)

import { context } from "async_context";

const define = (target, name, value) =>
    P.ObjectDefineProperty(target, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

function wellKnown(name) {
    if (Symbol[name] === undefined) {
        P.ObjectDefineProperty(Symbol, name, { __proto__: null, value: Symbol(`Symbol.${name}`), writable: false, enumerable: false, configurable: false });
    }
    return Symbol[name];
}

export const DISPOSE = wellKnown("dispose");
export const ASYNC_DISPOSE = wellKnown("asyncDispose");

export class SuppressedError extends Error {
    constructor(error, suppressed, message) {
        super(message);
        define(this, "error", error);
        define(this, "suppressed", suppressed);
    }
}
define(SuppressedError.prototype, "name", "SuppressedError");
define(SuppressedError.prototype, "message", "");

function methodOf(value, symbol, fallback) {
    if (value === null || value === undefined) return null;
    let method = value[symbol];
    if (method === undefined && fallback !== undefined) method = value[fallback];
    if (typeof method !== "function") throw new TypeError("The value has no dispose method.");
    return () => P.ReflectApply(method, value, []);
}

function gone() {
    return new ReferenceError("This stack is disposed already.");
}

export class DisposableStack {
    #entries = [];
    #disposed = false;

    #push(run) {
        if (this.#disposed) throw gone();
        if (run !== null) P.ArrayPrototypePush(this.#entries, run);
    }
    get disposed() {
        return this.#disposed;
    }
    use(value) {
        if (this.#disposed) throw gone();
        this.#push(methodOf(value, DISPOSE));
        return value;
    }
    adopt(value, onDispose) {
        if (typeof onDispose !== "function") throw new TypeError("onDispose is not a function");
        this.#push(() => onDispose(value));
        return value;
    }
    defer(onDispose) {
        if (typeof onDispose !== "function") throw new TypeError("onDispose is not a function");
        this.#push(() => onDispose());
    }
    move() {
        if (this.#disposed) throw gone();
        const stack = new DisposableStack();
        stack.#entries = this.#entries;
        this.#entries = [];
        this.#disposed = true;
        return stack;
    }
    dispose() {
        if (this.#disposed) return;
        this.#disposed = true;
        const failure = new Failure();
        for (let run = P.ArrayPrototypePop(this.#entries); run !== undefined; run = P.ArrayPrototypePop(this.#entries)) {
            try {
                run();
            } catch (e) {
                failure.add(e);
            }
        }
        failure.raise();
    }
}
define(DisposableStack.prototype, DISPOSE, DisposableStack.prototype.dispose);
define(DisposableStack.prototype, Symbol.toStringTag, "DisposableStack");

export class AsyncDisposableStack {
    #entries = [];
    #disposed = false;

    #push(run) {
        if (this.#disposed) throw gone();
        P.ArrayPrototypePush(this.#entries, run ?? (() => undefined));
    }
    get disposed() {
        return this.#disposed;
    }
    use(value) {
        if (this.#disposed) throw gone();
        this.#push(methodOf(value, ASYNC_DISPOSE, DISPOSE));
        return value;
    }
    adopt(value, onDispose) {
        if (typeof onDispose !== "function") throw new TypeError("onDispose is not a function");
        this.#push(() => onDispose(value));
        return value;
    }
    defer(onDispose) {
        if (typeof onDispose !== "function") throw new TypeError("onDispose is not a function");
        this.#push(() => onDispose());
    }
    move() {
        if (this.#disposed) throw gone();
        const stack = new AsyncDisposableStack();
        stack.#entries = this.#entries;
        this.#entries = [];
        this.#disposed = true;
        return stack;
    }
    async disposeAsync() {
        if (this.#disposed) return;
        this.#disposed = true;
        const failure = new Failure();
        const { frame } = context;
        for (let run = P.ArrayPrototypePop(this.#entries); run !== undefined; run = P.ArrayPrototypePop(this.#entries)) {
            context.frame = frame;
            try {
                await run();
            } catch (e) {
                failure.add(e);
            }
        }
        failure.raise();
    }
}
define(AsyncDisposableStack.prototype, ASYNC_DISPOSE, AsyncDisposableStack.prototype.disposeAsync);
define(AsyncDisposableStack.prototype, Symbol.toStringTag, "AsyncDisposableStack");

// What disposing threw: of several errors each suppresses the one before.
class Failure {
    failed = false;
    error = undefined;

    add(e) {
        this.error = this.failed ? new SuppressedError(e, this.error) : e;
        this.failed = true;
    }
    raise() {
        if (this.failed) throw this.error;
    }
}

// Before user code.
export function installDisposal() {
    const classes = { SuppressedError, DisposableStack, AsyncDisposableStack };
    for (const name of P.ObjectKeys(classes)) {
        if (globalThis[name] === undefined) define(globalThis, name, classes[name]);
    }
}
