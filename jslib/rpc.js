// Calls between workers: stubs, what they stand for, and the classes of cloudflare:workers that take part.
//
// A *target* is what a call goes to: a service binding, a capability that main gave us (an import), or something of our
// own. A stub is a callable object over a target: members that its class does not have are properties of the target.
// Functions, RpcTargets and stubs inside of arguments and results travel as capabilities: those of ours become exports,
// which main names back when it lets go of them.

import { context, runIn, thenInContext } from "async_context";
import { badConstructorArgument, illegalConstructor, isObject, publish, DOMException } from "errors";
import { IdTable } from "id_table";
import { ByteSource, checkSameEvent, currentEvent, op, requireEvent, setCurrentEvent } from "io";
import { DurableObject, RpcTarget, WorkerEntrypoint, WorkflowEntrypoint, isInstance } from "rpc_classes";
import { Handlers, PLAIN, callHandler, disposeTarget, isPlain, member, notImplemented, styleOf } from "rpc_reach";
import { exportReader, exportWriter, importWriter } from "rpc_streams";
import { brokenError, disposedError, rpcErrorJSON } from "rpc_errors";
import { deserialize, serialize } from "clone";
import { DISPOSE } from "disposal";
import { hasFlag } from "flags";

const RPC = 5; // see channel.md
const BINDING = 0, CAPABILITY = 1, PENDING = 3;
const CALL = 0, GET = 1;
const CALLABLE = 1, READ = 2, WRITE = 3;
const SIZE_MAX = 32 * 1024 * 1024;
const DEPTH_MAX = 64; // names in a path

const { getPrototypeOf, setPrototypeOf, defineProperty, hasOwn } = Object;
const ObjectPrototype = Object.prototype;
const then = P.PromisePrototypeThen;
const noop = () => {};

// ---- targets ----

const states = new P.WeakMap(); // stub, promise, property or fetcher -> its state

function stateOf(value) {
    return isObject(value) ? P.WeakMapPrototypeGet(states, value) : undefined;
}

// Arguments or a result on their way out: bytes now, capabilities when they are sent.
class Pack {
    constructor(value) {
        this.values = [];
        this.bytes = serialize(value, this);
        if (this.bytes.length > SIZE_MAX) {
            throw new Error(
                `Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: ${this.bytes.length} bytes.`,
            );
        }
    }

    // For clone.js.
    add(value) {
        return P.ArrayPrototypePush(this.values, value) - 1;
    }

    addStreamNumber(number) {
        return P.ArrayPrototypePush(this.values, new StreamNumber(number)) - 1;
    }
}

class StreamNumber {
    constructor(number) {
        this.number = number;
    }
}

class Remote {
    constructor(kind, number) {
        this.kind = kind;
        this.number = number;
    }

    invoke(path, action, pack) {
        const event = requireEvent();
        const outgoing = pack === null ? null : exportAll(pack.values, event);
        const caps = outgoing === null ? [] : outgoing.caps;
        const bytes = pack === null ? "" : pack.bytes;
        let promise;
        try {
            promise = this.start(action, P.ArrayPrototypeJoin(path, "\0"), bytes, caps);
        } catch (e) {
            if (outgoing !== null) outgoing.undo();
            throw e;
        }
        if (outgoing !== null) outgoing.sent();
        const result = then(
            promise,
            ([value, given]) => {
                result.operation = 0;
                return this.take(value, given);
            },
            (error) => {
                result.operation = 0;
                throw markRemote(error);
            },
        );
        result.operation = promise.operation; // while it is pending: what calls on the result name
        return result;
    }

    start(action, path, bytes, caps) {
        return op(RPC, "bwbsyc", [this.kind, this.number, action, path, bytes, caps], "yc");
    }

    take(value, given) {
        return unpack(value, given);
    }
}

// The result of a call that has not come back. Main and the callee's isolate find it; when it is there already they say so by
// an empty value, and the call goes by the result itself.
class Pending extends Remote {
    constructor(operation, otherwise) {
        super(PENDING, operation);
        this.otherwise = otherwise;
    }

    take(value, given) {
        return value.length === 0 ? this.otherwise() : unpack(value, given);
    }
}

function markRemote(error) {
    if (isObject(error)) defineProperty(error, "remote", { __proto__: null, value: true, writable: true, enumerable: true, configurable: true });
    return error;
}

// A capability that main gave us. Gone when the last stub is disposed of, or with the event.
class Import extends Remote {
    constructor(number) {
        super(CAPABILITY, number);
        this.refs = 0; // messages that named it
        this.stubs = 0;
        this.event = currentEvent(); // in whose context it may be used
        this.broken = undefined;
        this.onBroken = null;
        this.onDrop = null;
    }

    invoke(path, action, pack) {
        checkSameEvent(this.event);
        if (this.broken !== undefined) return P.PromiseReject(this.broken);
        return super.invoke(path, action, pack);
    }

    retain() {
        this.stubs++;
    }

    release() {
        if (--this.stubs > 0 || imports.get(this.number) !== this) return;
        imports.delete(this.number);
        N.capDrop(this.number, this.refs);
        if (this.onDrop !== null) this.onDrop();
    }
}

// Something of this isolate: what `new RpcStub(target)` makes, and loopbacks.
class Local {
    constructor(receiver, style) {
        this.receiver = receiver;
        this.style = style;
        this.stubs = 0;
        this.event = currentEvent();
    }

    invoke(path, action, pack) {
        checkSameEvent(this.event);
        return invokeHere(this.receiver, this.style, path, action, pack);
    }

    retain() {
        this.stubs++;
    }

    release() {
        if (--this.stubs === 0) then(P.PromiseResolve(), () => disposeTarget(this.receiver));
    }
}

// A call within this isolate is a call from outside all the same: it begins with no asynchronous context.
function invokeHere(...call) {
    return runIn(null, invokeLocally, undefined, call);
}

async function invokeLocally(receiver, style, path, action, pack) {
    const args = pack === null ? undefined : deserialize(pack.bytes, { take: (i) => localCopy(pack.values[i]) });
    const result = await perform(receiver, style, path, action, args);
    const back = new Pack(result);
    return own(deserialize(back.bytes, { take: (i) => localCopy(back.values[i]) }));
}

function localCopy(value) {
    const state = stateOf(value);
    if (state !== undefined) return makeStub(state.live());
    if (typeof value === "function" || isInstance(value, RpcTarget)) return makeStub(new Local(value, styleOf(value)));
    return value;
}

// ---- what a call reaches in a receiver ----

// Follows a path and calls, or takes what is there. `pack` is for stubs met on the way, `args` for everything else.
async function perform(receiver, style, path, action, args, pack = null) {
    if (path.length > DEPTH_MAX) throw new TypeError("The RPC path is too deep.");
    let object;
    let value = receiver;
    for (let i = 0; i < path.length; i++) {
        const name = path[i];
        const state = stateOf(value);
        if (state !== undefined) return state.live().invoke(P.ArrayPrototypeSlice(path, i), action, pack ?? (action === CALL ? new Pack(args) : null));
        if (!isObject(value)) throw notImplemented(name);
        const how = i === 0 ? style : styleOf(value);
        if (i > 0 && how === PLAIN && typeof value !== "function" && !isPlain(value)) throw notImplemented(name);
        object = value;
        value = member(value, how, name);
        // Only the last step may be a promise; what it becomes is what is meant.
        if (i + 1 < path.length) {
            value = await value;
            context.frame = null;
        }
    }
    if (action === GET) return value;
    const state = stateOf(value);
    if (state !== undefined) return state.live().invoke([], CALL, pack ?? new Pack(args));
    if (typeof value !== "function") throw new TypeError(`"${path.length === 0 ? "(this)" : path[path.length - 1]}" is not a function.`);
    if (args === undefined) args = deserialize(pack.bytes, { take: (i) => localCopy(pack.values[i]) });
    if (style instanceof Handlers && path.length === 1) return callHandler(value, object, path[0], args, style.ctx);
    return P.ReflectApply(value, object, args);
}

// ---- stubs ----

const unreached = { __proto__: null, then: true, toJSON: true };

// The end of the prototype chain of everything with remote members: what no class has is a property of the target.
function remoteMembers(memberOf) {
    return new P.Proxy({}, {
        __proto__: null,
        get(target, key, receiver) {
            if (typeof key === "symbol" || key in ObjectPrototype || unreached[key] === true) return P.ReflectGet(ObjectPrototype, key, receiver);
            const state = stateOf(receiver);
            // An index is no name: lists of results are had by awaiting them.
            if (state === undefined || `${key >>> 0}` === key) return undefined;
            return memberOf(state, key);
        },
        has(target, key) {
            return typeof key === "string" || key in ObjectPrototype;
        },
        // An assignment makes an own property of the receiver.
        set(target, key, value, receiver) {
            defineProperty(receiver, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
            return true;
        },
    });
}

const members = remoteMembers((state, key) => makeProperty(state, [key]));

// A function without the members of functions.
function callable(proto, fn) {
    delete fn.name;
    delete fn.length;
    return setPrototypeOf(fn, proto);
}

// Shows a class as the platform does, under the name by which users know it.
function publishRemote(Class, tag) {
    const name = Class.name;
    publish(Class, tag);
    defineProperty(Class, "name", { __proto__: null, value: name, configurable: true });
    if (hasOwn(Class.prototype, DISPOSE)) {
        defineProperty(Class.prototype[DISPOSE], "length", { __proto__: null, value: 0, configurable: true });
    }
    setPrototypeOf(Class.prototype, members);
}

class StubState {
    constructor(target) {
        this.target = target;
        target.retain();
    }

    live() {
        if (this.target === null) throw disposedError();
        return this.target;
    }

    invoke(path, action, pack) {
        return this.live().invoke(path, action, pack);
    }

    dispose() {
        const target = this.target;
        this.target = null;
        if (target !== null) target.release();
    }
}

export class RpcStub {
    constructor(target) {
        if (!isObject(target)) throw badConstructorArgument("JsRpcStub", 1, "JsObject");
        if (typeof target !== "function" && !isInstance(target, RpcTarget) && !isPlain(target)) {
            throw new TypeError("RpcStubs can only wrap plain objects, functions, and RpcTarget derivatives.");
        }
        return makeStub(new Local(target, styleOf(target)));
    }

    dup() {
        return makeStub(stateOf(this).live());
    }

    // Calls back with the error when the other side has gone.
    onRpcBroken(callback) {
        const target = stateOf(this).live();
        if (!(target instanceof Import)) return;
        if (target.broken !== undefined) callback(target.broken);
        else P.ArrayPrototypePush((target.onBroken ??= []), callback);
    }

    [DISPOSE]() {
        stateOf(this).dispose();
    }
}
publishRemote(RpcStub, "JsRpcStub");

function makeStub(target) {
    const state = new StubState(target);
    const stub = callable(RpcStub.prototype, (...args) => startCall(state, [], args));
    P.WeakMapPrototypeSet(states, stub, state);
    return stub;
}

// What a call gives at once. Its members are members of the result, for calls that need not wait.
class PromiseState {
    constructor(promise) {
        this.promise = promise;
        this.event = currentEvent();
        this.disposed = false;
    }

    live() {
        return this;
    }

    retain() {}

    release() {}

    invoke(path, action, pack) {
        if (this.disposed) return P.PromiseReject(new Error("RPC promise used after being disposed."));
        then(this.promise, undefined, noop);
        const here = () => then(this.promise, (value) => follow(value, path, action, pack));
        const { operation } = this.promise;
        // What is not data can be sent once only, so such a call waits.
        if (!(operation > 0) || (pack !== null && pack.values.length > 0) || this.event !== currentEvent()) return here();
        return new Pending(operation, here).invoke(path, action, pack);
    }

    dispose() {
        this.disposed = true;
        then(this.promise, disposeResult, noop);
    }
}

// A call or property of a result that is here by now.
async function follow(value, path, action, pack) {
    const result = await perform(value, PLAIN, path, action, undefined, pack);
    const state = stateOf(result);
    return state !== undefined && action === GET ? makeStub(state.live()) : result;
}

function disposeResult(value) {
    const dispose = isObject(value) ? value[DISPOSE] : undefined;
    if (typeof dispose === "function") P.ReflectApply(dispose, value, []);
}

function thenable(Class) {
    const methods = {
        then(onFulfilled, onRejected) {
            return thenInContext(promiseOf(this), onFulfilled, onRejected);
        },
        catch(onRejected) {
            return thenInContext(promiseOf(this), undefined, onRejected);
        },
        finally(onFinally) {
            return P.PromisePrototypeFinally(promiseOf(this), onFinally);
        },
    };
    for (const name of Object.keys(methods)) {
        defineProperty(methods[name], "length", { __proto__: null, value: 0, configurable: true });
        defineProperty(Class.prototype, name, { __proto__: null, value: methods[name], writable: true, enumerable: true, configurable: true });
    }
}

function promiseOf(value) {
    const state = stateOf(value);
    return state instanceof PropertyState ? state.fetch() : state.promise;
}

export class RpcPromise {
    constructor() {
        throw illegalConstructor();
    }

    [DISPOSE]() {
        stateOf(this).dispose();
    }
}
thenable(RpcPromise);
publishRemote(RpcPromise, "JsRpcPromise");

function makePromise(promise) {
    const state = new PromiseState(promise);
    const result = callable(RpcPromise.prototype, (...args) => startCall(state, [], args));
    P.WeakMapPrototypeSet(states, result, state);
    return result;
}

class PropertyState {
    constructor(parent, path) {
        this.parent = parent; // state or target
        this.path = path;
        this.promise = null;
    }

    fetch() {
        return (this.promise ??= start(() => this.parent.invoke(this.path, GET, null)));
    }

    live() {
        return this;
    }

    retain() {}

    release() {}

    invoke(path, action, pack) {
        return this.parent.invoke(P.ArrayPrototypeConcat(this.path, path), action, pack);
    }

    dispose() {}
}

export class RpcProperty {
    constructor() {
        throw illegalConstructor();
    }
}
thenable(RpcProperty);
publishRemote(RpcProperty, "JsRpcProperty");

function makeProperty(parent, path) {
    if (parent instanceof PropertyState) {
        path = P.ArrayPrototypeConcat(parent.path, path);
        parent = parent.parent;
    }
    const state = new PropertyState(parent, path);
    const property = callable(RpcProperty.prototype, (...args) => startCall(parent, path, args));
    P.WeakMapPrototypeSet(states, property, state);
    return property;
}

// A promise, whatever happens.
function start(run) {
    try {
        return P.PromiseResolve(run());
    } catch (e) {
        return P.PromiseReject(e);
    }
}

function startCall(state, path, args) {
    return makePromise(start(() => state.invoke(path, CALL, new Pack(args))));
}

// ---- capabilities on their way out ----

const exports = new IdTable(); // number -> Export
let lastExport = -1;

class Export {
    constructor(number, value, context, owner) {
        this.number = number;
        this.value = value;
        this.context = context; // whose turn it is when it is called
        this.owner = owner; // in whose message it was named: stays open until it is dropped
        this.section = context.gate === null ? null : context.gate.running; // of an object: calls enter it as what was begun there
        this.refs = 1;
    }

    end() {
        exports.delete(this.number);
        if (this.owner.kind === "rpc") {
            this.owner.held--;
            this.owner.onRelease?.();
        }
        const context = this.context;
        if (!context.ended) setCurrentEvent(context);
        disposeTarget(this.value);
    }
}

function remember(event, item) {
    if (event.exported === undefined) return;
    if (event.exported === null) event.exported = [];
    P.ArrayPrototypePush(event.exported, item);
}

function exportValue(value, owner) {
    const number = (lastExport += 2);
    const item = new Export(number, value, currentEvent() ?? owner, owner);
    exports.set(number, item);
    remember(owner, item);
    if (owner.kind === "rpc") owner.held++;
    return number;
}

// Numbers for what a message names. sent() must follow once the message is on its way: streams may flow then, and stubs
// that were given away are ours no more.
function exportAll(values, owner) {
    const caps = [];
    const later = [];
    // Nobody will drop what was never named.
    const undo = () => {
        for (let i = 0; i < caps.length; i += 2) if (caps[i] !== READ && caps[i + 1] % 2 === 1) dropTarget(caps[i + 1], 1);
    };
    try {
        for (let i = 0; i < values.length; i++) exportOne(values[i], owner, caps, later);
    } catch (e) {
        undo();
        throw e;
    }
    return {
        caps,
        undo,
        sent() {
            for (let i = 0; i < later.length; i++) later[i]();
        },
    };
}

function exportOne(value, owner, caps, later) {
    const state = stateOf(value);
    if (state !== undefined) {
        const target = state instanceof StubState ? state.live() : null;
        if (target instanceof Import) {
            P.ArrayPrototypePush(caps, CALLABLE, target.number);
        } else if (target instanceof Local) {
            // The receiver lives on for the new holder.
            P.ArrayPrototypePush(caps, CALLABLE, exportValue(target.receiver, owner));
        } else {
            // A promise, a property: calls are passed on.
            P.ArrayPrototypePush(caps, CALLABLE, exportValue((...args) => state.invoke([], CALL, new Pack(args)), owner));
        }
        if (!hasFlag("rpc_params_dup_stubs")) P.ArrayPrototypePush(later, () => state.dispose());
        return;
    }
    if (value instanceof StreamNumber) {
        P.ArrayPrototypePush(caps, READ, value.number);
        return;
    }
    if (typeof value === "function" || isInstance(value, RpcTarget)) {
        P.ArrayPrototypePush(caps, CALLABLE, exportValue(value, owner));
        return;
    }
    if (load("streams_readable").isReadableStream(value)) exportReader(value, owner, caps, later);
    else P.ArrayPrototypePush(caps, WRITE, exportValue(exportWriter(value), owner));
}

// The holder has let go.
export function dropTarget(number, references) {
    const item = exports.get(number);
    if (item === undefined) return;
    item.refs -= references;
    if (item.refs <= 0) item.end();
}

// The event is over, and with it all that was given out and taken in it.
export function dropExportsOf(event) {
    const items = event.exported;
    event.exported = null;
    for (let i = 0; i < items.length; i++) {
        const item = items[i];
        if (item instanceof Import) {
            if (imports.get(item.number) === item) imports.delete(item.number);
            item.broken ??= brokenError();
        } else if (exports.get(item.number) === item) {
            exports.delete(item.number);
            disposeTarget(item.value);
        }
    }
}

// ---- capabilities on their way in ----

const imports = new IdTable(); // number -> Import

function importStub(number) {
    let target = imports.get(number);
    if (target === undefined) {
        target = new Import(number);
        imports.set(number, target);
        const event = currentEvent();
        if (event !== null) remember(event, target);
    }
    target.refs++;
    return makeStub(target);
}

// Makes the values of a message's table; each may be named once or not at all by the bytes.
class Incoming {
    constructor(caps) {
        this.values = [];
        this.stubs = []; // states of the stubs among them
        this.targets = []; // and what these stand for
        for (let i = 0; i + 1 < caps.length; i += 2) {
            const kind = caps[i];
            const number = caps[i + 1];
            let value;
            if (kind === CALLABLE) value = this.stub(number);
            else if (kind === READ) value = load("streams_native").readableFromSource(new ByteSource(number, -1));
            else if (kind === WRITE) value = importWriter(importStub(number));
            P.ArrayPrototypePush(this.values, value);
        }
    }

    stub(number) {
        const stub = importStub(number);
        const state = stateOf(stub);
        P.ArrayPrototypePush(this.stubs, state);
        P.ArrayPrototypePush(this.targets, state.target);
        return stub;
    }

    // For clone.js.
    take(index) {
        if (index >= this.values.length) throw new DOMException("Unable to deserialize cloned data.", "DataCloneError");
        return this.values[index];
    }

    release() {
        for (let i = 0; i < this.stubs.length; i++) this.stubs[i].dispose();
    }
}

// A result. What is an object has a method that lets go of all stubs inside.
function unpack(bytes, caps) {
    const incoming = new Incoming(caps);
    const value = deserialize(bytes, incoming);
    return own(value, () => incoming.release());
}

function own(value, release = noop) {
    if (!isObject(value) || stateOf(value) !== undefined) return value;
    let over = false;
    const dispose = () => {
        if (over) return;
        over = true;
        release();
    };
    defineProperty(value, DISPOSE, { __proto__: null, value: dispose, writable: true, enumerable: false, configurable: true });
    return value;
}

// The other side has gone.
export function breakStub(number, json) {
    const target = imports.get(number);
    if (target === undefined || target.broken !== undefined) return;
    setCurrentEvent(target.event);
    target.broken = markRemote(load("io").errorFromJSON(json));
    const callbacks = target.onBroken;
    target.onBroken = null;
    for (let i = 0; callbacks !== null && i < callbacks.length; i++) {
        try {
            callbacks[i](target.broken);
        } catch (e) {
            load("events").reportException(e);
        }
    }
}

// ---- calls from outside ----

export class ExportedReceiver {
    constructor(value, event, section = null) {
        this.value = value;
        this.event = event; // the one that the call came as
        this.section = section;
    }
}

// What stands behind a capability that we exported. The call runs in the context of the event that exported it.
export function exportedTarget(number) {
    const item = exports.get(number);
    if (item === undefined) throw brokenError();
    const event = currentEvent();
    if (item.context !== event && !item.context.ended) {
        event.host = event.context = item.context;
        event.gate = item.context.gate;
        setCurrentEvent(item.context);
    }
    return new ExportedReceiver(item.value, event, item.section);
}

// One call. The promise gives { value, caps, sent }; sent() must be called when the answer is on its way.
// ctx: for the functions of an exported object.
export async function answerRpc(receiver, action, path, args, caps, ctx = undefined) {
    const exported = receiver instanceof ExportedReceiver;
    const event = exported ? receiver.event : currentEvent();
    const value = exported ? receiver.value : receiver;
    let style = styleOf(value);
    if (!exported && style === PLAIN) style = new Handlers(ctx);
    const incoming = new Incoming(caps);
    try {
        const names = path === "" ? [] : P.StringPrototypeSplit(path, "\0");
        const list = args.length === 0 ? undefined : deserialize(args, incoming);
        const answer = then(perform(value, style, names, action, list), (result) => {
            const pack = new Pack(result);
            return { result, pack };
        });
        load("rpc_results").keepResult(event, answer);
        const { pack } = await answer;
        const outgoing = exportAll(pack.values, event);
        // What the caller gave is let go of when the call is over, but for what was dup()ed.
        const sent = () => {
            outgoing.sent();
            incoming.release();
            if (event.host !== null) holdFor(event, incoming);
        };
        return { value: pack.bytes, caps: outgoing.caps, sent };
    } catch (e) {
        incoming.release();
        throw e;
    }
}

// The callback of another event kept stubs that came with this call: they live as long as this event does.
function holdFor(event, incoming) {
    for (let i = 0; i < incoming.targets.length; i++) {
        const target = incoming.targets[i];
        if (target.stubs === 0 || !(target instanceof Import)) continue;
        event.held++;
        target.onDrop = () => {
            event.held--;
            event.onRelease?.();
        };
    }
}

// ---- service bindings and ctx.exports: rpc_services.js ----

// The value of a service binding.
export function serviceStub(index) {
    return load("rpc_services").serviceStub(index);
}

export function loopbackStub(entrypoint) {
    return load("rpc_services").loopbackStub(entrypoint);
}

export class ServiceStub {
    constructor() {
        throw illegalConstructor();
    }
}
publish(ServiceStub);

export function setState(stub, state) {
    P.WeakMapPrototypeSet(states, stub, state);
}

export { RpcTarget, WorkerEntrypoint, DurableObject, WorkflowEntrypoint, rpcErrorJSON };
export { BINDING, Handlers, Local, PLAIN, Remote, callable, members, stateOf, styleOf };
