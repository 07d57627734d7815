// MessageChannel and MessagePort, between two ends in this isolate.

import { thenInContext } from "async_context";
import { badArgument, illegalConstructor, publish } from "errors";
import { Event, EventTarget, fire, messageEvent } from "events";
import { structuredClone } from "clone";

const INTERNAL = Symbol();

let entangle;

export class MessagePort extends EventTarget {
    #peer = null;
    #queue = []; // messages that came before start()
    #started = false;
    #closed = false;
    #onmessage = null;

    constructor(internal) {
        if (internal !== INTERNAL) throw illegalConstructor();
        super();
    }
    postMessage(data, options) {
        if (arguments.length === 0) throw badArgument("MessagePort", "postMessage", 1, "JsValue");
        const transfer = P.ArrayIsArray(options) ? options : options?.transfer;
        if (P.ArrayIsArray(transfer) && transfer.length > 0) throw new P.Error("Transfer list is not supported");
        const copy = structuredClone(data);
        const peer = this.#peer;
        if (peer === null || this.#closed) return;
        P.ArrayPrototypePush(peer.#queue, copy);
        peer.#deliverLater();
    }
    start() {
        if (this.#started || this.#closed) return;
        this.#started = true;
        this.#deliverLater();
    }
    // Both ends hear of it; the other one still gets what was sent before.
    close() {
        if (this.#closed) return;
        this.#closed = true;
        const peer = this.#peer;
        this.#peer = null;
        if (peer === null) return;
        peer.#peer = null;
        fire(peer, new Event("close"));
        fire(this, new Event("close"));
    }
    get onmessage() {
        return this.#onmessage;
    }
    // Starts the port, as the standard has it.
    set onmessage(value) {
        this.#onmessage = typeof value === "function" ? value : null;
        if (this.#onmessage !== null) this.start();
    }
    #deliverLater() {
        if (!this.#started || this.#queue.length === 0) return;
        thenInContext(P.PromiseResolve(undefined), () => {
            if (this.#closed) return;
            const queue = this.#queue;
            this.#queue = [];
            for (let i = 0; i < queue.length; i++) fire(this, messageEvent(queue[i]));
        });
    }

    static {
        entangle = (a, b) => {
            a.#peer = b;
            b.#peer = a;
        };
    }
}
publish(MessagePort);

export class MessageChannel {
    constructor() {
        const port1 = new MessagePort(INTERNAL);
        const port2 = new MessagePort(INTERNAL);
        entangle(port1, port2);
        for (const [name, value] of [["port1", port1], ["port2", port2]]) {
            P.ObjectDefineProperty(this, name, { __proto__: null, value, writable: false, enumerable: true, configurable: true });
        }
    }
}
publish(MessageChannel);
