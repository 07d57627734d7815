// The classes of cloudflare:workers that users extend.

import { badConstructorArgument, isObject, publish } from "errors";

const { getPrototypeOf, defineProperty } = Object;

export class RpcTarget {}
publish(RpcTarget, "JsRpcTarget");
defineProperty(RpcTarget, "name", { __proto__: null, value: "RpcTarget", configurable: true });

function entrypointClass(Class) {
    publish(Class);
    return Class;
}

function checkEntrypoint(type, ctx, env) {
    if (!isObject(ctx)) throw badConstructorArgument(type, 1, "JsObject");
    if (!isObject(env)) throw badConstructorArgument(type, 2, "JsObject");
}

export class WorkerEntrypoint {
    constructor(ctx, env) {
        checkEntrypoint("WorkerEntrypoint", ctx, env);
        this.ctx = ctx;
        this.env = env;
    }
}
entrypointClass(WorkerEntrypoint);

export class DurableObject {
    constructor(ctx, env) {
        checkEntrypoint("DurableObject", ctx, env);
        this.ctx = ctx;
        this.env = env;
    }
}
entrypointClass(DurableObject);

export class WorkflowEntrypoint {
    constructor(ctx, env) {
        checkEntrypoint("WorkflowEntrypoint", ctx, env);
        this.ctx = ctx;
        this.env = env;
    }
}
entrypointClass(WorkflowEntrypoint);

export function isInstance(value, Class) {
    for (let p = isObject(value) ? getPrototypeOf(value) : null; p !== null; p = getPrototypeOf(p)) {
        if (p === Class.prototype) return true;
    }
    return false;
}
