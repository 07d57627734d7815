// Event, EventTarget and the event classes of the platform, and the global scope as a target.

import { DOMException, publish, badArgument, badConstructorArgument, badField, illegalConstructor, isObject } from "errors";

const { defineProperty, defineProperties } = Object;

// Passed as first argument by our own code to constructors that users may not call.
const INTERNAL = Symbol();

// Friends: set by static blocks, they reach private fields of the classes below.
let trusted, begin, end, stopped, prevented, addListener, removeListener, runListeners, takeResponse;

const phases = {
    NONE: { value: 0, enumerable: true },
    CAPTURING_PHASE: { value: 1, enumerable: true },
    AT_TARGET: { value: 2, enumerable: true },
    BUBBLING_PHASE: { value: 3, enumerable: true },
};

function dictionary(init, type, index) {
    if (init === undefined || init === null) return {};
    if (!isObject(init)) throw badConstructorArgument(type, index, "Init");
    return init;
}

export class Event {
    #type;
    #bubbles = false;
    #cancelable = false;
    #composed = false;
    #trusted = false;
    #prevented = false;
    #stopped = false;
    #stoppedNow = false;
    #dispatching = false;
    #target = null;

    constructor(type, init) {
        if (arguments.length === 0) throw badConstructorArgument("Event", 1, "string");
        this.#type = `${type}`;
        if (init !== undefined && init !== null) {
            if (!isObject(init)) throw badConstructorArgument("Event", 2, "Init");
            this.#bubbles = !!init.bubbles;
            this.#cancelable = !!init.cancelable;
            this.#composed = !!init.composed;
        }
    }
    get type() {
        return this.#type;
    }
    get eventPhase() {
        return this.#dispatching ? 2 : 0;
    }
    get composed() {
        return this.#composed;
    }
    get bubbles() {
        return this.#bubbles;
    }
    get cancelable() {
        return this.#cancelable;
    }
    get defaultPrevented() {
        return this.#prevented && this.#cancelable;
    }
    get returnValue() {
        return !(this.#prevented && this.#cancelable);
    }
    get currentTarget() {
        return this.#target;
    }
    get target() {
        return this.#target;
    }
    get srcElement() {
        return this.#target;
    }
    get timeStamp() {
        return 0;
    }
    get isTrusted() {
        return this.#trusted;
    }
    get cancelBubble() {
        return this.#stopped;
    }
    set cancelBubble(value) {
        if (value) this.#stopped = true;
    }
    composedPath() {
        return this.#dispatching ? [this.#target] : [];
    }
    preventDefault() {
        this.#prevented = true;
    }
    stopPropagation() {
        this.#stopped = true;
    }
    stopImmediatePropagation() {
        this.#stoppedNow = true;
    }

    static {
        trusted = (event) => {
            event.#trusted = true;
            return event;
        };
        begin = (event, target) => {
            if (event.#dispatching) throw new DOMException("The event is already being dispatched.", "InvalidStateError");
            event.#dispatching = true;
            event.#target = target;
        };
        end = (event) => {
            event.#dispatching = false;
        };
        stopped = (event) => event.#stoppedNow;
        prevented = (event) => event.#prevented;
    }
    static isEvent(value) {
        return isObject(value) && #type in value;
    }
}
export const isEvent = Event.isEvent;
delete Event.isEvent;
publish(Event);
defineProperties(Event, phases);
defineProperties(Event.prototype, phases);

// A listener is a record; the array of a type is never changed in place, so that a dispatch under way keeps its own.
export class EventTarget {
    #listeners = null;

    addEventListener(type, handler, options) {
        if (arguments.length === 0) throw badArgument("EventTarget", "addEventListener", 1, "string");
        addListener(this, `${type}`, handler, options, arguments.length);
    }
    removeEventListener(type, handler, options) {
        if (arguments.length === 0) throw badArgument("EventTarget", "removeEventListener", 1, "string");
        type = `${type}`;
        if (handler === undefined || (handler !== null && !isObject(handler))) {
            throw badArgument("EventTarget", "removeEventListener", 2, "Object");
        }
        if (captures(options)) throw new TypeError(`removeEventListener(): ${captures(options)} must be false.`);
        removeListener(this, type, handler);
    }
    dispatchEvent(event) {
        if (!isEvent(event)) throw badArgument("EventTarget", "dispatchEvent", 1, "Event");
        return runListeners(this, event, this);
    }

    static {
        addListener = (target, type, handler, options, count) => {
            let map = target.#listeners;
            if (handler === null && count > 1) return;
            if (typeof handler === "object") {
                if (typeof handler.handleEvent !== "function") throw badField("HandlerObject", "handleEvent", "function");
            } else if (typeof handler !== "function") {
                throw badArgument("EventTarget", "addEventListener", 2, "function or HandlerObject");
            }
            let once = false;
            let signal;
            if (options !== undefined && options !== null) {
                const capture = captures(options);
                if (capture) throw new TypeError(`addEventListener(): ${capture} must be false.`);
                if (isObject(options)) {
                    if (options.passive) throw new TypeError("addEventListener(): options.passive must be false.");
                    once = !!options.once;
                    signal = options.signal;
                }
            }
            if (signal !== undefined) {
                const abort = load("abort");
                if (!abort.isAbortSignal(signal)) throw badField("AddEventListenerOptions", "signal", "AbortSignal");
                if (signal.aborted) return;
                abort.onAbort(signal, () => removeListener(target, type, handler));
            }
            if (map === null) {
                map = target.#listeners = { __proto__: null };
            }
            const old = map[type];
            if (old === undefined) {
                map[type] = [{ handler, once, gone: false }];
                return;
            }
            const copy = [];
            for (let i = 0; i < old.length; i++) {
                if (old[i].handler === handler) return;
                copy[i] = old[i];
            }
            copy[old.length] = { handler, once, gone: false };
            map[type] = copy;
        };
        removeListener = (target, type, handler) => {
            const map = target.#listeners;
            const old = map === null ? undefined : map[type];
            if (old === undefined) return;
            const copy = [];
            for (let i = 0, n = 0; i < old.length; i++) {
                if (old[i].handler === handler) old[i].gone = true;
                else copy[n++] = old[i];
            }
            map[type] = copy.length > 0 ? copy : undefined;
        };
        // `self` is what handlers see as the target: the global scope has no listeners of its own. Returns false when
        // the default was prevented. What a listener throws ends the dispatch and is thrown here.
        runListeners = (target, event, self) => {
            const map = target.#listeners;
            const type = event.type;
            const list = map === null ? undefined : map[type];
            begin(event, self);
            try {
                const on = self[`on${type}`];
                if (typeof on === "function") on(event);
                if (list !== undefined) {
                    for (let i = 0; i < list.length && !stopped(event); i++) {
                        const record = list[i];
                        if (record.gone) continue;
                        if (record.once) removeListener(target, type, record.handler);
                        const handler = record.handler;
                        if (typeof handler === "function") P.ReflectApply(handler, self, [event]);
                        else handler.handleEvent(event);
                    }
                }
            } finally {
                end(event);
            }
            // On the platform it counts whether or not the event says that it can be canceled.
            return !prevented(event);
        };
    }
    static hasListeners(target, type) {
        const map = target.#listeners;
        return map !== null && map[type] !== undefined;
    }
    static isTarget(value) {
        return isObject(value) && #listeners in value;
    }
}
// Whether anybody listens (addEventListener only).
export const hasListeners = EventTarget.hasListeners;
export const isEventTarget = EventTarget.isTarget;
delete EventTarget.hasListeners;
delete EventTarget.isTarget;
publish(EventTarget);

function captures(options) {
    if (isObject(options)) return options.capture ? "options.capture" : "";
    return options ? "useCapture" : "";
}

export function trust(event) {
    return trusted(event);
}

// For events that the platform itself fires: what a listener throws is reported, and the next listeners still do not run.
export function fire(target, event) {
    trusted(event);
    try {
        return runListeners(target, event, target);
    } catch (e) {
        reportException(e);
        return true;
    }
}

// As fire(), but what a listener throws is thrown here.
export function fireOrThrow(target, event) {
    return runListeners(target, trusted(event), target);
}

// A getter and setter `on<type>`: anything but an object or function reads as null.
export function handlerAttribute(Class, type) {
    const values = new P.WeakMap();
    defineProperty(Class.prototype, `on${type}`, {
        get() {
            const v = P.WeakMapPrototypeGet(values, this);
            return v === undefined ? null : v;
        },
        set(value) {
            P.WeakMapPrototypeSet(values, this, isObject(value) ? value : null);
        },
        enumerable: true,
        configurable: true,
    });
}

export class CustomEvent extends Event {
    #detail;

    constructor(type, init) {
        if (arguments.length === 0) throw badConstructorArgument("CustomEvent", 1, "string");
        super(type, dictionary(init, "CustomEvent", 2));
        this.#detail = init === undefined || init === null ? undefined : init.detail;
    }
    get detail() {
        return this.#detail;
    }
}
publish(CustomEvent);

function own(event, members) {
    for (const key in members) {
        defineProperty(event, key, { value: members[key], writable: false, enumerable: true, configurable: true });
    }
}

export class MessageEvent extends Event {
    constructor(type, init) {
        if (arguments.length === 0) throw badConstructorArgument("MessageEvent", 1, "string");
        if (!isObject(init)) throw badConstructorArgument("MessageEvent", 2, "Initializer");
        super(type);
        this.ports = [];
        this.source = null;
        this.lastEventId = init[INTERNAL] === undefined ? "" : init[INTERNAL].lastEventId;
        this.origin = init[INTERNAL] === undefined ? null : init[INTERNAL].origin;
        this.data = init.data;
    }
}
publish(MessageEvent);

export function messageEvent(data, ports) {
    const event = new MessageEvent("message", { data });
    if (ports !== undefined) event.ports = ports;
    return event;
}

export function serverSentEvent(type, data, lastEventId, origin) {
    return new MessageEvent(type, { data, [INTERNAL]: { lastEventId, origin } });
}

export class CloseEvent extends Event {
    constructor(type, init) {
        if (arguments.length === 0) throw badConstructorArgument("CloseEvent", 1, "string");
        init = dictionary(init, "CloseEvent", 2);
        super(type);
        own(this, {
            wasClean: !!init.wasClean,
            reason: init.reason === undefined ? "" : P.StringPrototypeToWellFormed(`${init.reason}`),
            code: init.code === undefined ? 0 : init.code | 0,
        });
    }
}
publish(CloseEvent);

export class ErrorEvent extends Event {
    #message;
    #filename;
    #lineno;
    #colno;
    #error;

    constructor(type, init) {
        if (arguments.length === 0) throw badConstructorArgument("ErrorEvent", 1, "string");
        init = dictionary(init, "ErrorEvent", 2);
        super(type);
        this.#message = init.message === undefined ? "" : `${init.message}`;
        this.#filename = init.filename === undefined ? "" : `${init.filename}`;
        this.#lineno = init.lineno | 0;
        this.#colno = init.colno | 0;
        this.#error = init.error;
    }
    get filename() {
        return this.#filename;
    }
    get message() {
        return this.#message;
    }
    get lineno() {
        return this.#lineno;
    }
    get colno() {
        return this.#colno;
    }
    get error() {
        return this.#error;
    }
}
publish(ErrorEvent);

export class PromiseRejectionEvent extends Event {
    constructor(internal, type, promise, reason) {
        if (internal !== INTERNAL) throw illegalConstructor();
        super(type);
        own(this, { promise, reason });
    }
}
publish(PromiseRejectionEvent);

// ---- events of service-worker syntax ----

export class ExtendableEvent extends Event {
    #ctx;

    constructor(internal, type, ctx) {
        if (internal !== INTERNAL) throw illegalConstructor();
        super(type);
        this.#ctx = ctx;
        trusted(this);
    }
    waitUntil(promise) {
        this.#ctx.waitUntil(promise);
    }
}
publish(ExtendableEvent);

export class FetchEvent extends ExtendableEvent {
    #ctx;
    #open = true;
    #response;

    constructor(internal, ctx, request) {
        super(internal, "fetch", ctx);
        this.#ctx = ctx;
        own(this, { request });
    }
    respondWith(response) {
        if (!this.#open) {
            throw new DOMException(
                "Too late to call FetchEvent.respondWith(). It must be called synchronously in the event handler.",
                "InvalidStateError",
            );
        }
        if (this.#response !== undefined) {
            throw new DOMException(
                "FetchEvent.respondWith() has already been called; it can only be called once.",
                "InvalidStateError",
            );
        }
        this.#response = P.PromiseResolve(response);
        this.stopImmediatePropagation();
    }
    passThroughOnException() {
        this.#ctx.passThroughOnException();
    }

    static {
        takeResponse = (event) => {
            event.#open = false;
            return event.#response;
        };
    }
}
publish(FetchEvent);

export class ScheduledEvent extends ExtendableEvent {
    #noRetry;

    constructor(internal, ctx, scheduledTime, cron, noRetry) {
        super(internal, "scheduled", ctx);
        this.#noRetry = noRetry;
        own(this, { scheduledTime, cron });
    }
    noRetry() {
        this.#noRetry();
    }
}
publish(ScheduledEvent);

export class TailEvent extends ExtendableEvent {
    constructor(internal, type, ctx, traces) {
        super(internal, type, ctx);
        own(this, { events: traces, traces });
    }
}
publish(TailEvent);

// The older name of TailEvent, a class of its own on the platform.
export class TraceEvent extends ExtendableEvent {
    constructor(internal, ctx, traces) {
        super(internal, "trace", ctx);
        own(this, { traces });
    }
}
publish(TraceEvent);

// ---- the global scope ----

const globalTarget = new EventTarget();

// Functions of globalThis; `this` is not looked at, as for every global function.
export function addEventListener(type, handler, options) {
    if (arguments.length === 0) throw badArgument("EventTarget", "addEventListener", 1, "string");
    addListener(globalTarget, `${type}`, handler, options, arguments.length);
}

export function removeEventListener(type, handler, options) {
    globalTarget.removeEventListener(type, handler, options);
}

export function dispatchEvent(event) {
    if (!isEvent(event)) throw badArgument("EventTarget", "dispatchEvent", 1, "Event");
    return runListeners(globalTarget, event, globalThis);
}

export function hasGlobalListener(type) {
    return hasListeners(globalTarget, type);
}

// Fires a fetch event for service-worker syntax. Returns the promise given to respondWith(). Throws what a listener throws,
// unless a response had been promised; and when nobody responds: the platform would ask the origin then, and there is none.
export function dispatchFetchEvent(ctx, request) {
    const event = new FetchEvent(INTERNAL, ctx, request);
    try {
        runListeners(globalTarget, event, globalThis);
    } catch (e) {
        const response = takeResponse(event);
        if (response === undefined) throw e;
        reportException(e);
        return response;
    }
    const response = takeResponse(event);
    if (response !== undefined) return response;
    if (prevented(event)) throw new TypeError("preventDefault() called but respondWith() not called");
    throw new Error("No fetch listener called respondWith(), and there is no origin that could answer instead.");
}

export function dispatchScheduledEvent(ctx, scheduledTime, cron, noRetry) {
    runListeners(globalTarget, new ScheduledEvent(INTERNAL, ctx, scheduledTime, cron, noRetry), globalThis);
}

// The event has what the batch of a module's handler has.
export function dispatchQueueEvent(ctx, batch) {
    const { queue, messages, metadata } = batch;
    dispatchExtendableEvent(ctx, "queue", {
        queue,
        messages,
        metadata,
        ackAll() {
            batch.ackAll();
        },
        retryAll(options) {
            batch.retryAll(options);
        },
    });
}

export function dispatchTailEvent(ctx, traces) {
    runListeners(globalTarget, new TailEvent(INTERNAL, "tail", ctx, traces), globalThis);
    runListeners(globalTarget, new TraceEvent(INTERNAL, ctx, traces), globalThis);
}

// Any other event of service-worker syntax ("queue", "email" and so on): an ExtendableEvent with the given members.
export function dispatchExtendableEvent(ctx, type, members) {
    const event = new ExtendableEvent(INTERNAL, type, ctx);
    own(event, members);
    runListeners(globalTarget, event, globalThis);
}

// ---- errors that nobody caught ----

function describe(error) {
    try {
        return `Uncaught ${error}`;
    } catch {
        return "Uncaught";
    }
}

// Where an error was made; for what is no error, where it was reported.
function placeOf(error) {
    if (isObject(error) && typeof error.sourceURL === "string") {
        return { filename: error.sourceURL, lineno: error.line, colno: error.column };
    }
    const match = /^\n    at (?:.*\()?(.*):(\d+):(\d+)\)?/.exec(N.stackFrames(isObject(error) && typeof error.stack === "string" ? error.stack : new Error().stack));
    return match === null ? { filename: "", lineno: 0, colno: 0 } : { filename: match[1], lineno: +match[2], colno: +match[3] };
}

// Fires "error" on the global scope. True when a listener prevented the default, which is to log the exception.
function fireError(error) {
    if (!hasGlobalListener("error") && typeof globalThis.onerror !== "function") return false;
    const { filename, lineno, colno } = placeOf(error);
    const event = new ErrorEvent("error", { message: describe(error), filename, lineno, colno, error });
    trusted(event);
    return !runListeners(globalTarget, event, globalThis);
}

// What microtasks, platform events and reportError() do with an exception. (Timers fire no event on the platform.)
export function reportException(error) {
    try {
        if (fireError(error)) return;
    } catch (second) {
        load("runtime").reportUncaught(second);
    }
    load("runtime").reportUncaught(error);
}

export function reportError(error) {
    if (arguments.length === 0) throw badArgument("ServiceWorkerGlobalScope", "reportError", 1, "JsValue");
    reportException(error);
}

// True when a listener took care of the rejection (preventDefault).
export function fireRejection(type, promise, reason) {
    if (!hasGlobalListener(type) && typeof globalThis[`on${type}`] !== "function") return false;
    const event = new PromiseRejectionEvent(INTERNAL, type, promise, reason);
    try {
        return !runListeners(globalTarget, trusted(event), globalThis);
    } catch (e) {
        reportException(e);
        return false;
    }
}
