// Fetcher: what a service binding is to a worker, as far as HTTP goes. Calls by RPC are rpc.js's.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { op } from "io";
import { fetchThrough } from "fetch";

const SERVICE_FETCH = 2; // see channel.md
const ARGUMENTS = "wbwqsssys";
const RESULT = "hssbsrqka";

const MAKE = Symbol("internal");

export let isFetcher;

export class Fetcher {
    #send;

    static {
        isFetcher = (value) => isObject(value) && #send in value;
    }

    constructor(token, send) {
        if (token !== MAKE) throw illegalConstructor();
        this.#send = send;
    }

    fetch(input, init) {
        let send;
        try {
            send = this.#send;
            if (input === undefined) throw badArgument("Fetcher", "fetch", 1, "Request or string");
        } catch (e) {
            return P.PromiseReject(e);
        }
        // A dynamic worker may still be on its way.
        if (send.slot !== undefined && send.slot.ready !== null) return P.PromisePrototypeThen(send.slot.ready, () => fetchThrough(send, input, init));
        return fetchThrough(send, input, init);
    }

    connect(address, options) {
        void this.#send;
        return load("sockets").connect(address, options);
    }
}

publish(Fetcher);

// What sends a request to the service of this index.
export function serviceSender(index) {
    return (args) => op(SERVICE_FETCH, ARGUMENTS, [index, ...args], RESULT);
}

// A Fetcher over a function that starts the operation, see fetchThrough().
export function makeFetcher(send, Class = Fetcher) {
    return new Class(MAKE, send);
}
