// Dispatch namespaces: workers by name, chosen while the worker runs. Which workers there are is main's affair.

import { illegalConstructor, badArgument, publish } from "errors";
import { op } from "io";
import { makeFetcher } from "fetcher";

const DISPATCH_FETCH = 140;
const ARGUMENTS = "wwsbwqsssys"; // resource, stream, name, and the fields of a fetch
const RESULT = "hssbsrqky";
const STREAM = 1; // of a fetch's arguments: the number of the body's stream

const MAKE = Symbol("internal");

export class DispatchNamespace {
    #index;

    constructor(token, index) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
    }

    // Whether there is a worker of that name shows when it is called.
    get(name) {
        const index = this.#index;
        if (arguments.length === 0) throw badArgument("DispatchNamespace", "get", 1, "string");
        const worker = `${name}`;
        return makeFetcher((args) => op(DISPATCH_FETCH, ARGUMENTS, [index, args[STREAM], worker, ...args], RESULT));
    }
}

publish(DispatchNamespace);

// The namespace of this index.
export function dispatchNamespace(index) {
    return new DispatchNamespace(MAKE, index);
}
