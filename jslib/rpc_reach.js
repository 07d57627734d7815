// What a caller reaches in a receiver, by the kind of receiver.

import { DISPOSE } from "disposal";
import { isObject } from "errors";
import { DurableObject, RpcTarget, WorkerEntrypoint, WorkflowEntrypoint, isInstance } from "rpc_classes";

const { getPrototypeOf, hasOwn } = Object;
const ObjectPrototype = Object.prototype;

export function notImplemented(name) {
    return new TypeError(`The RPC receiver does not implement the method "${name}".`);
}

export const CLASS = 0; // what its prototypes have, and nothing of its own
export const PLAIN = 1; // what it has itself
export const ENTRYPOINT = 2; // as CLASS, with names that are kept back

// An exported object: functions are called with (argument, env, ctx). What it has itself, as PLAIN.
export class Handlers {
    constructor(ctx) {
        this.ctx = ctx;
    }
}

const bases = [RpcTarget.prototype, WorkerEntrypoint.prototype, DurableObject.prototype, WorkflowEntrypoint.prototype, ObjectPrototype];
const reserved = { __proto__: null };
for (const name of ["fetch", "connect", "alarm", "webSocketMessage", "webSocketClose", "webSocketError", "dup", "constructor"]) {
    reserved[name] = true;
}

export function styleOf(value) {
    if (typeof value === "function") return PLAIN;
    if (isInstance(value, RpcTarget)) return CLASS;
    if (isInstance(value, WorkerEntrypoint) || isInstance(value, DurableObject)) return ENTRYPOINT;
    return PLAIN;
}

function hasInherited(object, name) {
    for (let p = getPrototypeOf(object); p !== null && !P.ArrayPrototypeIncludes(bases, p); p = getPrototypeOf(p)) {
        if (hasOwn(p, name)) return name !== "constructor";
    }
    return false;
}

// One step of a path.
export function member(object, style, name) {
    if (style === ENTRYPOINT || style === CLASS) {
        if (style === ENTRYPOINT && reserved[name] === true) {
            throw new TypeError(`'${name}' is a reserved method and cannot be called over RPC.`);
        }
        if (hasOwn(object, name) || !hasInherited(object, name)) throw notImplemented(name);
        return object[name];
    }
    if (!hasOwn(object, name)) throw notImplemented(name);
    return object[name];
}

export function isPlain(value) {
    const proto = getPrototypeOf(value);
    return proto === ObjectPrototype || proto === null;
}

export function callHandler(fn, object, name, args, ctx) {
    if (fn.length > 3) {
        throw new TypeError(
            `Cannot call handler function "${name}" over RPC because it has the wrong number of arguments. A simple function handler can ` +
                "only be called over RPC if it has exactly the arguments (arg, env, ctx), where only the first argument comes from the " +
                "client. To support multi-argument RPC functions, use class-based syntax (extending WorkerEntrypoint) instead.",
        );
    }
    if (args.length !== 1) {
        throw new TypeError(
            `Attempted to call RPC function "${name}" with the wrong number of arguments. When calling a top-level handler ` +
                "function that is not declared as part of a class, you must always send exactly one argument. In order to support " +
                "variable numbers of arguments, the server must use class-based syntax (extending WorkerEntrypoint) instead.",
        );
    }
    return P.ReflectApply(fn, object, [args[0], load("workers").currentEnv(), ctx]);
}

export function disposeTarget(receiver) {
    const dispose = isObject(receiver) ? receiver[DISPOSE] : undefined;
    if (typeof dispose !== "function") return;
    try {
        P.ReflectApply(dispose, receiver, []);
    } catch (e) {
        load("runtime").reportUncaught(e);
    }
}
