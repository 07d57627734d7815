// Dispatch namespaces: workers by name, chosen while the worker runs. Which workers there are is main's affair.

import { badArgument, badField, illegalConstructor, isObject, publish } from "errors";
import { op } from "io";
import { makeFetcher } from "fetcher";
import { Remote, setState } from "rpc";
import { linkFetcher } from "rpc_services";
import { wrap } from "ties";

const FETCH = 140, RPC = 141;
const RESULT = "hssbsrqka";
const STREAM = 1; // of a fetch's arguments: the number of the body's stream

const MAKE = Symbol("internal");

class DispatchTarget extends Remote {
    constructor(index, worker, options) {
        super(0, index);
        this.worker = worker;
        this.options = options;
    }

    live() {
        return this;
    }

    retain() {}

    release() {}

    dispose() {}

    start(action, path, bytes, caps) {
        return op(RPC, "wwssbsyc", [this.number, 0, this.worker, this.options, action, path, bytes, caps], "yc");
    }

    fetch(args) {
        return op(FETCH, "wwssbwqsssys", [this.number, args[STREAM], this.worker, this.options, ...args], RESULT);
    }
}

function limit(value, field) {
    if (value === undefined) return undefined;
    const number = +value;
    if (!(number > 0)) throw badField("DynamicDispatchLimits", field, "number");
    return P.MathMax(1, P.MathTrunc(number));
}

// The variables of the outbound worker: those that the configuration declares, by name.
function parametersOf(outbound, declared) {
    if (!isObject(outbound)) throw badField("DynamicDispatchOptions", "outbound", "object");
    const given = {};
    for (let i = 0; i < declared.length; i++) {
        const name = declared[i];
        if (outbound[name] !== undefined) given[name] = outbound[name];
    }
    return `?${wrap(given).text}`;
}

// JSON for main, or "".
function optionsOf(args, options, declared) {
    const made = { __proto__: null };
    if (isObject(args) && P.ObjectKeys(args).length > 0) {
        const { text, list } = wrap(args);
        made.props = `!${text}`;
        made.ties = list;
    }
    if (options !== undefined && options !== null) {
        if (!isObject(options)) throw badArgument("DispatchNamespace", "get", 3, "DynamicDispatchOptions");
        const { limits, outbound } = options;
        if (limits !== undefined) {
            if (!isObject(limits)) throw badField("DynamicDispatchOptions", "limits", "DynamicDispatchLimits");
            made.cpuMs = limit(limits.cpuMs, "cpuMs");
            made.subRequests = limit(limits.subRequests, "subRequests");
        }
        if (outbound !== undefined) made.params = parametersOf(outbound, declared);
    }
    return P.ObjectKeys(made).length === 0 ? "" : P.JSONStringify(made);
}

export class DispatchNamespace {
    #index;
    #parameters;

    constructor(token, index, parameters) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
        this.#parameters = parameters;
    }

    // Whether there is a worker of that name shows when it is called. args become its ctx.props.
    get(name, args, options) {
        const index = this.#index;
        if (arguments.length === 0) throw badArgument("DispatchNamespace", "get", 1, "string");
        const target = new DispatchTarget(index, `${name}`, optionsOf(args, options, this.#parameters));
        linkFetcher();
        const stub = makeFetcher((args) => target.fetch(args));
        setState(stub, target);
        return stub;
    }
}
P.ObjectDefineProperty(DispatchNamespace.prototype.get, "length", { __proto__: null, value: 0, configurable: true });

publish(DispatchNamespace);

// The namespace of this index; options: its table of the configuration.
export function dispatchNamespace(index, options) {
    const parameters = options?.outbound?.parameters;
    return new DispatchNamespace(MAKE, index, P.ArrayIsArray(parameters) ? parameters : []);
}
