// What stands for a whole worker: service bindings, and ctx.exports, whose calls stay in the same event.

import { illegalConstructor, publish } from "errors";
import { requireEvent } from "io";
import { BINDING, Handlers, Local, PLAIN, Remote, callable, members, setState, stateOf, styleOf } from "rpc";

const { setPrototypeOf } = Object;

// ---- service bindings ----

// fetch() of a Fetcher is its own; other members are methods of the entrypoint.
function attach(fetcher, target) {
    setState(fetcher, new ServiceState(target));
    return fetcher;
}

class ServiceState {
    constructor(target) {
        this.target = target;
    }

    live() {
        return this.target;
    }

    invoke(path, action, pack) {
        return this.target.invoke(path, action, pack);
    }

    tie() {
        return load("ties").describeService(this.target.number);
    }

    dispose() {}
}

let linked = false;

export function linkFetcher() {
    const { Fetcher } = load("fetcher");
    if (!linked) setPrototypeOf(Fetcher.prototype, members);
    linked = true;
    return Fetcher;
}

// The value of a service binding.
export function serviceStub(index) {
    const { makeFetcher, serviceSender } = load("fetcher");
    linkFetcher();
    return attach(makeFetcher(serviceSender(index)), new Remote(BINDING, index));
}

// ---- loopbacks ----

class LoopbackServiceStub {
    constructor() {
        throw illegalConstructor();
    }

    // As a request from outside, in the same event.
    async fetch(input, init) {
        const state = stateOf(this);
        const { Request } = load("request");
        const request = new Request(input, init);
        const { ExecutionContext, theWorker } = load("runtime");
        const worker = theWorker();
        const ctx = new ExecutionContext(requireEvent(), state.props);
        const response = await worker.find(state.entrypoint, ctx).fetch(request, worker.env, ctx);
        if (!load("response").isResponse(response)) throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
        return response;
    }

    connect(address, options) {
        return load("sockets").connect(address, options);
    }
}
publish(LoopbackServiceStub);
setPrototypeOf(LoopbackServiceStub.prototype, members);

class LoopbackState {
    constructor(entrypoint, props, made) {
        this.made = made; // called for, with props or none
        this.entrypoint = entrypoint;
        this.props = props;
    }

    live() {
        return this;
    }

    // As a stub that another worker keeps. In a value only one that was made by a call may go.
    tie(anyway = false) {
        if (!this.made && !anyway) return undefined;
        const { describeSelf } = load("ties");
        return describeSelf(this.entrypoint, this.props);
    }

    // Each call has an instance of its own, as a call from outside has.
    invoke(path, action, pack) {
        const { ExecutionContext, theWorker } = load("runtime");
        const ctx = new ExecutionContext(requireEvent(), this.props);
        const receiver = theWorker().instance(this.entrypoint, ctx);
        const style = styleOf(receiver);
        return new Local(receiver, style === PLAIN ? new Handlers(ctx) : style).invoke(path, action, pack);
    }

    dispose() {}
}

// A member of ctx.exports. Called with { props } it gives one with these props.
export function loopbackStub(entrypoint, props = {}, made = false) {
    const stub = callable(LoopbackServiceStub.prototype, (options) => loopbackStub(entrypoint, options?.props ?? {}, true));
    setState(stub, new LoopbackState(entrypoint, props, made));
    return stub;
}
