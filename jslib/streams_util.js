// What the parts of the streams share: a queue, settled promises, size algorithms.
//
// The public classes are thin. Each holds a state object in a private field, and everything between streams happens on the
// state objects, whose fields are plain and of one shape.

import { thenInContext } from "async_context";
import { badField, isObject } from "errors";
import { hasFlag } from "flags";

export const READABLE = 0; // and writable
export const CLOSED = 1;
export const ERRORED = 2;
export const ERRORING = 3; // writable streams only

export const MAKE = Symbol("internal"); // the first argument of constructors that are called from within

const { Promise: ThePromise, PromisePrototypeThen: promiseThen, PromiseResolve: promiseResolve } = P;
const { PromiseReject: promiseReject } = P;

export const RESOLVED = promiseResolve(undefined);

export function noop() {}

export function resolved(value) {
    return promiseResolve(value);
}

export function rejected(error) {
    return promiseReject(error);
}

// A rejected promise that nobody needs to handle.
export function rejectedQuietly(error) {
    const p = promiseReject(error);
    promiseThen(p, undefined, noop);
    return p;
}

export function quiet(promise) {
    promiseThen(promise, undefined, noop);
    return promise;
}

// One executor for all: a closure for each promise costs as much as the promise.
let resolveNew;
let rejectNew;

function executor(resolve, reject) {
    resolveNew = resolve;
    rejectNew = reject;
}

export class Deferred {
    constructor() {
        this.promise = new ThePromise(executor);
        this.resolve = resolveNew;
        this.reject = rejectNew;
    }
}

export function deferred() {
    return new Deferred();
}

export function then(promise, onOk, onFail) {
    return thenInContext(promise, onOk, onFail);
}

// Runs `onOk` or `onFail` once `result`, which an algorithm of the user's returned, is settled: it may be no promise at all.
export function whenSettled(result, onOk, onFail) {
    thenInContext(isObject(result) ? promiseResolve(result) : RESOLVED, onOk, onFail);
}

// First in, first out. `items` is compacted when half of it has been taken.
export class Fifo {
    constructor() {
        this.items = [];
        this.head = 0;
    }
    get length() {
        return this.items.length - this.head;
    }
    push(x) {
        this.items[this.items.length] = x;
    }
    peek() {
        return this.items[this.head];
    }
    shift() {
        const items = this.items;
        const x = items[this.head];
        items[this.head++] = undefined;
        if (this.head === items.length) {
            items.length = 0;
            this.head = 0;
        } else if (this.head >= 1024 && this.head * 2 > items.length) {
            const rest = items.length - this.head;
            for (let i = 0; i < rest; i++) items[i] = items[this.head + i];
            items.length = rest;
            this.head = 0;
        }
        return x;
    }
    clear() {
        this.items = [];
        this.head = 0;
    }
}

// Old compatibility dates have the classes, but users cannot make streams of their own.
export function requireConstructors(type) {
    if (hasFlag("streams_enable_constructors")) return;
    throw new Error(
        `To use the new ${type}() constructor, enable the streams_enable_constructors compatibility flag. Refer to the docs for ` +
            "more information: https://developers.cloudflare.com/workers/platform/compatibility-dates/#compatibility-flags",
    );
}

// An optional function of a dictionary, checked as the platform does.
export function optionalFunction(dictionary, name, field) {
    const f = dictionary[field];
    if (f === undefined) return undefined;
    if (typeof f !== "function") throw badField(name, field, "function");
    return f;
}

export function strategySize(strategy) {
    if (strategy === undefined || strategy === null) return undefined;
    return optionalFunction(strategy, "StreamQueuingStrategy", "size");
}

export function strategyMark(strategy, fallback) {
    if (strategy === undefined || strategy === null) return fallback;
    const mark = strategy.highWaterMark;
    if (mark === undefined) return fallback;
    return Number(mark) === Infinity ? Infinity : unsigned(mark);
}

// A number that the platform takes as an unsigned integer.
export function unsigned(value) {
    const n = P.MathTrunc(Number(value));
    if (n < 0) {
        throw new TypeError(
            "The value cannot be converted because it is negative and this API expects a positive bigint.",
        );
    }
    if (n !== n || n === Infinity) throw new TypeError("The value cannot be converted because it is not an integer.");
    return n;
}

// The size that the user's algorithm gives a chunk.
export function sizeOf(algorithm, chunk) {
    return unsigned(algorithm(chunk));
}

export function bytesView(value) {
    if (isView(value)) {
        return value instanceof Uint8Array
            ? value
            : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
    return new Uint8Array(value);
}

export function isBytes(value) {
    return isView(value) || isArrayBuffer(value);
}

const { ArrayBufferPrototypeGetByteLength: byteLengthOf, ArrayBufferIsView: isView } = P;

export function isArrayBuffer(value) {
    if (!isObject(value)) return false;
    try {
        byteLengthOf(value);
        return true;
    } catch {
        return false;
    }
}
