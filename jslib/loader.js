// Dynamic workers: a worker_loaders binding loads code while the worker runs. Main bundles and starts it; docs: op_loader.c.

import { badArgument, badField, illegalConstructor, isObject, publish } from "errors";
import { op, requireEvent } from "io";
import { Remote, setState } from "rpc";
import { linkFetcher } from "rpc_services";
import { describe, wrap } from "ties";
import { makeFetcher } from "fetcher";
import { dataCloneError } from "clone_format";
import { hasFlag } from "flags";

const OPEN = 132, MODULE = 133, START = 134, FAIL = 135, FETCH = 136, RPC = 137;
const RESULT = "hssbsrqka";
const STREAM = 1; // of a fetch's arguments: the number of the body's stream
const MAKE = Symbol("internal");
const CODE_MAX = 64 * 1024 * 1024;
const ENV_MAX = 1024 * 1024;
const ESM = 0, CJS = 1, WASM = 2, TEXT = 3, DATA = 4, JSON_MODULE = 5;
const kinds = ["js", "cjs", "text", "data", "json", "py", "wasm"];
const then = P.PromisePrototypeThen;
const noop = () => {};

export const TRANSFER =
    "Entrypoints to dynamically-loaded workers cannot be transferred to other Workers, because the system does not know how to " +
    "reload this Worker from scratch. Instead, have the parent Worker expose an entrypoint which constructs the dynamic worker and " +
    "forwards to it.";

// ---- code ----

function ends(name, suffix) {
    return P.StringPrototypeEndsWith(name, suffix);
}

function ofString(name, text) {
    if (ends(name, ".py")) return { __proto__: null, name, python: true, type: TEXT, bytes: text };
    if (ends(name, ".js")) return { __proto__: null, name, python: false, type: ESM, bytes: text };
    const hint =
        ends(name, ".ts") || ends(name, ".tsx") || ends(name, ".jsx")
            ? ". If you're trying to load TypeScript, bundle it first with '@cloudflare/worker-bundler' and pass the generated JavaScript modules."
            : "";
    throw new TypeError(
        `Module name must end with '.js' or '.py' (or the content must be an object indicating the type explicitly). Got: ${name}${hint}`,
    );
}

// A view of the bytes, which are copied once all of it is known to be small enough.
function viewOf(value, field) {
    if (P.ArrayBufferIsView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    try {
        P.ArrayBufferPrototypeGetByteLength(value);
    } catch {
        throw badField("Module", field, "ArrayBuffer or ArrayBufferView");
    }
    return new Uint8Array(value);
}

function ofObject(name, module) {
    const present = [];
    for (let i = 0; i < kinds.length; i++) if (module[kinds[i]] !== undefined) P.ArrayPrototypePush(present, kinds[i]);
    if (present.length !== 1) {
        throw new TypeError(
            `Each module must contain exactly one of 'js', 'cjs', 'text', 'data', 'json', 'py', or 'wasm'. Module '${name}' contained ${present.length} properties.`,
        );
    }
    const kind = present[0];
    const value = module[kind];
    const made = { __proto__: null, name, python: kind === "py", type: TEXT, bytes: "" };
    if (kind === "data" || kind === "wasm") {
        made.type = kind === "data" ? DATA : WASM;
        made.bytes = viewOf(value, kind);
    } else if (kind === "json") {
        made.type = JSON_MODULE;
        made.bytes = P.JSONStringify(value) ?? "null";
    } else {
        made.type = kind === "js" ? ESM : kind === "cjs" ? CJS : TEXT;
        made.bytes = `${value}`;
    }
    return made;
}

function readModules(modules, main) {
    const names = P.ObjectKeys(modules);
    if (names.length === 0) throw new TypeError("Dynamic Worker code must contain at least one module.");
    const list = [];
    for (let i = 0; i < names.length; i++) {
        const value = modules[names[i]];
        P.ArrayPrototypePush(list, isObject(value) ? ofObject(names[i], value) : ofString(names[i], `${value}`));
    }
    const python = ends(main, ".py");
    for (let i = 0; i < list.length; i++) {
        const { name, type } = list[i];
        if (python && (type === ESM || type === CJS)) throw new TypeError(`Module "${name}" is a JS module, but the main module is a Python module.`);
        if (!python && list[i].python) throw new TypeError(`Module "${name}" is a Python module, but the main module isn't a Python module.`);
    }
    if (python) throw new Error("Python modules are not run by this version of selvage.");
    checkSize(list);
    for (let i = 0; i < list.length; i++) if (typeof list[i].bytes !== "string") list[i].bytes = P.TypedArrayPrototypeSlice(list[i].bytes);
    return list;
}

function checkSize(list) {
    let most = 0;
    for (let i = 0; i < list.length; i++) most += 3 * list[i].bytes.length;
    if (most <= CODE_MAX) return;
    let size = 0;
    for (let i = 0; i < list.length; i++) size += typeof list[i].bytes === "string" ? N.utf8Encode(list[i].bytes).length : list[i].bytes.length;
    if (size > CODE_MAX) throw new Error(`Dynamic Worker code size (${size} bytes) exceeds the maximum allowed size of ${CODE_MAX} bytes.`);
}

function limitsOf(dictionary, limits) {
    if (limits === undefined) return {};
    if (!isObject(limits)) throw badField(dictionary, "limits", "ResourceLimits");
    const { cpuMs, subRequests } = limits;
    return { __proto__: null, cpuMs: whole(cpuMs), subRequests: whole(subRequests) };
}

function whole(value) {
    return value === undefined ? undefined : P.MathMax(1, P.MathTrunc(+value) || 0);
}

// A Fetcher as a tie; refuses what is none.
function outbound(value, field) {
    const tie = describe(value, true);
    if (tie === undefined) throw badField("WorkerCode", field, "Fetcher");
    return tie;
}

function strings(list, field) {
    if (!P.ArrayIsArray(list)) throw badField("WorkerCode", field, "Array");
    const result = [];
    for (let i = 0; i < list.length; i++) result[i] = `${list[i]}`;
    return result;
}

function readEnv(code) {
    const env = code.env;
    if (env === undefined) return null;
    if (!isObject(env)) throw badField("WorkerCode", "env", "JsObject");
    const made = wrap(env);
    if (made.text.length > ENV_MAX) {
        throw new Error(`Dynamic Worker env size (${made.text.length} bytes) exceeds the maximum allowed size of ${ENV_MAX} bytes.`);
    }
    return made;
}

// What main needs to make the worker: { modules, json }.
function readCode(code) {
    const date = `${code.compatibilityDate}`;
    const flags = code.compatibilityFlags === undefined ? [] : strings(code.compatibilityFlags, "compatibilityFlags");
    const experimental = !!code.allowExperimental;
    const limits = limitsOf("WorkerCode", code.limits);
    const main = `${code.mainModule}`;
    if (!isObject(code.modules)) throw badField("WorkerCode", "modules", "object");
    if (code.globalOutbound !== undefined && code.globalOutbound !== null && !isObject(code.globalOutbound)) {
        throw badField("WorkerCode", "globalOutbound", "Fetcher");
    }
    const modules = readModules(code.modules, main);
    if (experimental && !hasFlag("experimental")) {
        throw new Error("'allowExperimental' is only allowed when the calling worker has the 'experimental' compat flag set.");
    }
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new Error(`Invalid compatibility date: ${date}`);
    const env = readEnv(code);
    const to = code.globalOutbound;
    if (code.tails !== undefined) {
        if (!P.ArrayIsArray(code.tails)) throw badField("WorkerCode", "tails", "Array");
        for (let i = 0; i < code.tails.length; i++) outbound(code.tails[i], "tails");
    }
    const json = {
        __proto__: null,
        main,
        date,
        flags,
        cpuMs: limits.cpuMs,
        subRequests: limits.subRequests,
        env: env === null ? undefined : env.text,
        ties: env === null ? undefined : env.list,
        outbound: to === undefined || to === null ? to : outbound(to, "globalOutbound"),
    };
    return { modules, json: P.JSONStringify(json) };
}

// ---- loading ----

class Slot {
    constructor(index) {
        this.index = index; // of the binding
        this.number = 0;
        this.ready = null; // a promise until the worker is there
    }

    load(promise) {
        this.ready = then(promise, () => {
            this.ready = null;
        });
        then(this.ready, undefined, noop); // it shows when the worker is called
    }
}

async function open(slot, name, getCode) {
    const [number, bring] = await op(OPEN, "wwsb", [slot.index, 0, name ?? "", name === undefined ? 0 : 1], "wb");
    slot.number = number;
    if (bring === 0) return;
    let code;
    try {
        code = await getCode();
        if (code === undefined || code === null) {
            throw new TypeError("Cannot initialize WorkerCode with required members from an undefined or null value.");
        }
        code = isReadCode(code) ? code : readCode(code);
    } catch (error) {
        then(op(FAIL, "www", [slot.index, 0, number], ""), undefined, noop);
        throw error;
    }
    const { modules, json } = code;
    for (let i = 0; i < modules.length; i++) {
        const { name: file, type, bytes } = modules[i];
        const text = typeof bytes === "string";
        then(op(MODULE, text ? "wwwsbs" : "wwwsby", [slot.index, 0, number, file, type, bytes], ""), undefined, noop);
    }
    await op(START, "wwws", [slot.index, 0, number, json], "");
}

const readCodes = new P.WeakSet();

function isReadCode(code) {
    return P.WeakSetPrototypeHas(readCodes, code);
}

export class WorkerLoader {
    #index;

    constructor(token, index) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
    }

    // The worker of that name, loaded by what getCode gives when it is not there. Without a name it is always a new one.
    get(name, getCode) {
        const index = this.#index;
        if (arguments.length === 0) throw badArgument("WorkerLoader", "get", 1, "string");
        if (typeof getCode !== "function") throw badArgument("WorkerLoader", "get", 2, "function");
        requireEvent();
        const slot = new Slot(index);
        slot.load(open(slot, name === undefined || name === null ? undefined : `${name}`, getCode));
        return new WorkerStub(MAKE, slot);
    }

    load(code) {
        const index = this.#index;
        if (!isObject(code)) throw badArgument("WorkerLoader", "load", 1, "WorkerCode");
        requireEvent();
        const read = readCode(code);
        P.WeakSetPrototypeAdd(readCodes, read);
        const slot = new Slot(index);
        slot.load(open(slot, undefined, () => read));
        return new WorkerStub(MAKE, slot);
    }
}
P.ObjectDefineProperty(WorkerLoader.prototype.get, "length", { __proto__: null, value: 0, configurable: true });
P.ObjectDefineProperty(WorkerLoader.prototype.load, "length", { __proto__: null, value: 0, configurable: true });
publish(WorkerLoader);

// ---- calling ----

class SlotTarget extends Remote {
    constructor(slot, entry) {
        super(0, 0);
        this.slot = slot;
        this.entry = entry;
    }

    live() {
        return this;
    }

    retain() {}

    release() {}

    dispose() {}

    tie() {
        throw dataCloneError(TRANSFER);
    }

    invoke(path, action, pack) {
        const { ready } = this.slot;
        return ready === null ? super.invoke(path, action, pack) : then(ready, () => super.invoke(path, action, pack));
    }

    start(action, path, bytes, caps) {
        const { index, number } = this.slot;
        return op(RPC, "wwwsbsyc", [index, 0, number, this.entry, action, path, bytes, caps], "yc");
    }
}

function entryOf(name, options) {
    let props;
    let limits = {};
    if (options !== undefined && options !== null) {
        if (!isObject(options)) throw badArgument("WorkerStub", "getEntrypoint", 2, "EntrypointOptions");
        if (options.props !== undefined) {
            if (!isObject(options.props)) throw badField("EntrypointOptions", "props", "JsObject");
            props = wrap(options.props);
        }
        limits = limitsOf("EntrypointOptions", options.limits);
    }
    name = name === undefined || name === null ? "" : `${name}`;
    if (name === "default") name = "";
    if (name === "" && props === undefined && limits.cpuMs === undefined && limits.subRequests === undefined) return "";
    const json = {
        __proto__: null,
        name,
        props: props === undefined ? undefined : `!${props.text}`,
        ties: props === undefined ? undefined : props.list,
        cpuMs: limits.cpuMs,
        subRequests: limits.subRequests,
    };
    return P.JSONStringify(json);
}

export class WorkerStub {
    #slot;

    constructor(token, slot) {
        if (token !== MAKE) throw illegalConstructor();
        this.#slot = slot;
    }

    getEntrypoint(name, options) {
        const slot = this.#slot;
        const entry = entryOf(name, options);
        const send = (args) => op(FETCH, "wwwsbwqsssys", [slot.index, args[STREAM], slot.number, entry, ...args], RESULT);
        send.slot = slot;
        linkFetcher();
        const stub = makeFetcher(send);
        setState(stub, new SlotTarget(slot, entry));
        return stub;
    }

    getDurableObjectClass(name, options) {
        const slot = this.#slot;
        const { makeClass, propsJSON } = load("object_class");
        if (options !== undefined && options !== null && !isObject(options)) throw badArgument("WorkerStub", "getDurableObjectClass", 2, "DurableObjectClassOptions");
        return makeClass(slot, name === undefined || name === null ? "default" : `${name}`, propsJSON(options?.props, "DurableObjectClassOptions"));
    }
}
for (const name of ["getEntrypoint", "getDurableObjectClass"]) {
    P.ObjectDefineProperty(WorkerStub.prototype[name], "length", { __proto__: null, value: 0, configurable: true });
}
publish(WorkerStub);

// The value of a worker_loaders binding.
export function workerLoader(index) {
    return new WorkerLoader(MAKE, index);
}
