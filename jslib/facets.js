// ctx.facets: objects inside of an object. Main has their files and knows which run (src/edge/facet.c); here is what their
// parent sees. The first call of a run asks the program for its class and starts it.

import { badArgument, badField, illegalConstructor, isObject, publish } from "errors";
import { crossEventError, currentEvent, errorFromJSON, op } from "io";
import { Remote, setState } from "rpc";
import { classOf } from "object_class";
import { dataCloneError } from "clone_format";
import { errorJSON } from "runtime";
import { linkFetcher } from "rpc_services";
import { makeFetcher } from "fetcher";

const START = 74, FETCH = 75, RPC = 76, ABORT = 77, DELETE = 78; // see objects.md
const RESULT = "hssbsrqka";
const BODY_STREAM = 1;
const NAME_MAX = 256, DEPTH_MAX = 4;
const TYPE = "DurableObjectFacets", OPTIONS = "StartupOptions";
const CLASSES = "DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace";
const DELETED = "The facet was deleted.";
const MAKE = Symbol("internal");
const then = P.PromisePrototypeThen;
const noop = () => {};

// ---- runs ----

// One start of a facet, from the first get() of its name to its end.
class Run {
    #object;
    #name;
    #getOptions;
    #starting = null;

    constructor(object, name, getOptions) {
        this.#object = object;
        this.#name = name;
        this.#getOptions = getOptions;
        this.number = 0; // main's
        this.broken = undefined; // { error }: it is over
    }

    get begun() {
        return this.#starting !== null;
    }

    get live() {
        return this.broken === undefined;
    }

    // A promise until main knows it; null from then on. Starts it.
    get ready() {
        if (currentEvent() !== this.#object) throw crossEventError();
        if (this.number !== 0) return null;
        if (this.broken !== undefined) return P.PromiseReject(this.broken.error);
        this.#starting ??= this.#start();
        return this.#starting;
    }

    end(error) {
        this.broken ??= { __proto__: null, error };
    }

    async #start() {
        try {
            const options = await this.#getOptions();
            const { slot, name, json, id, idName } = await readOptions(this.#object, options);
            if (!this.live) throw this.broken.error;
            const [number] = await op(
                START,
                "wwsbwwssbss",
                [0, 0, this.#name, slot === null ? 0 : 1, slot === null ? 0 : slot.index, slot === null ? 0 : slot.number, name, id, idName === undefined ? 0 : 1, idName ?? "", json],
                "w",
            );
            if (!this.live) throw this.broken.error;
            this.number = number;
        } catch (error) {
            this.end(error);
            throw error;
        }
    }
}

async function readOptions(object, options) {
    if (options === undefined || options === null) {
        throw new P.TypeError("Cannot initialize StartupOptions with required members from an undefined or null value.");
    }
    const parts = classOf(options.class);
    if (parts === undefined) throw badField(OPTIONS, "class", CLASSES);
    const { slot, name, json } = parts;
    let id = object.hexId;
    let idName = object.name;
    if (options.id !== undefined) {
        const hex = load("namespace").idText(options.id);
        id = hex ?? `${options.id}`;
        idName = hex === undefined ? undefined : options.id.name;
    }
    if (slot !== null && slot.ready !== null) await slot.ready;
    return { slot, name, json, id, idName };
}

// ---- calls ----

class FacetTarget extends Remote {
    constructor(run) {
        super(0, 0);
        this.run = run;
    }

    live() {
        return this;
    }

    retain() {}

    release() {}

    dispose() {}

    tie() {
        throw dataCloneError("Facets cannot be transferred to other Workers.");
    }

    invoke(path, action, pack) {
        const { run } = this;
        if (!run.live) return P.PromiseReject(run.broken.error);
        const { ready } = run;
        if (ready !== null) return then(ready, () => this.invoke(path, action, pack));
        const promise = super.invoke(path, action, pack);
        const result = then(
            promise,
            (value) => {
                result.operation = 0;
                return value;
            },
            (error) => {
                result.operation = 0;
                throw failed(run, error);
            },
        );
        result.operation = promise.operation;
        return result;
    }

    start(action, path, bytes, caps) {
        return op(RPC, "wwwbsyc", [0, 0, this.run.number, action, path, bytes, caps], "yc");
    }
}

// An error after which the facet is over is the run's own, and none of a call.
function failed(run, error) {
    if (!run.live) return run.broken.error;
    if (!isObject(error) || error.durableObjectReset !== true) return error;
    delete error.remote;
    run.end(error);
    return run.broken.error;
}

function sender(run) {
    const send = (args) => {
        if (!run.live) return P.PromiseReject(run.broken.error);
        const stream = (args[0] & BODY_STREAM) !== 0 ? args[1] : 0;
        const promise = op(FETCH, "wwwbwqsssys", [0, stream, run.number, ...args], RESULT);
        const result = then(promise, undefined, (error) => {
            throw failed(run, error);
        });
        result.operation = promise.operation; // what an abort cancels
        return result;
    };
    send.slot = run; // its `ready` is waited for
    return send;
}

// ---- ctx.facets ----

function nameOf(method, count, name) {
    if (count === 0) throw badArgument(TYPE, method, 1, "string");
    const text = `${name}`;
    if (text.length > NAME_MAX) throw new P.TypeError(`Facet name is too long (max ${NAME_MAX} characters).`);
    return text;
}

export class DurableObjectFacets {
    #object;
    #runs = new P.Map();

    constructor(token, object) {
        if (token !== MAKE) throw illegalConstructor();
        this.#object = object;
        object.facetOver = (number, error) => this.#over(number, error);
    }

    get(name, getStartupOptions) {
        const text = nameOf("get", arguments.length, name);
        if (typeof getStartupOptions !== "function") throw badArgument(TYPE, "get", 2, "function");
        const object = this.#here();
        if (object.depth + 1 >= DEPTH_MAX) {
            throw new P.Error(`Facet nesting depth limit exceeded. The maximum depth including the root Durable Object is ${DEPTH_MAX}.`);
        }
        let run = P.MapPrototypeGet(this.#runs, text);
        if (run === undefined || !run.live) {
            run = new Run(object, text, getStartupOptions);
            P.MapPrototypeSet(this.#runs, text, run);
        }
        linkFetcher();
        const stub = makeFetcher(sender(run));
        setState(stub, new FacetTarget(run));
        return stub;
    }

    abort(name, reason) {
        const text = nameOf("abort", arguments.length, name);
        if (arguments.length < 2) throw badArgument(TYPE, "abort", 2, "JsValue");
        this.#end(ABORT, text, reason);
    }

    delete(name) {
        const text = nameOf("delete", arguments.length, name);
        this.#end(DELETE, text, new P.Error(DELETED));
    }

    #here() {
        const object = this.#object;
        if (currentEvent() !== object) throw crossEventError();
        return object;
    }

    #end(kind, name, error) {
        this.#here();
        const run = P.MapPrototypeGet(this.#runs, name);
        run?.end(error);
        P.MapPrototypeDelete(this.#runs, name);
        // What was never started has no files to remove, unless an earlier life of this object left some.
        if (kind === ABORT && (run === undefined || !run.begun)) return;
        then(op(kind, "wwss", [0, 0, name, errorJSON(error)], ""), undefined, noop);
    }

    // It ended by itself.
    #over(number, error) {
        P.MapPrototypeForEach(this.#runs, (run) => {
            if (run.number === number) run.end(error);
        });
    }
}
publish(DurableObjectFacets);

export function makeFacets(object) {
    return new DurableObjectFacets(MAKE, object);
}

// FACET_OVER.
export function facetOver(object, number, json) {
    object.facetOver?.(number, json === "" ? new P.Error("The facet's isolate has ended.") : errorFromJSON(json));
}
