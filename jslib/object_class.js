// Classes of Durable Objects as values: what ctx.facets is given to start. Of this worker by ctx.exports, of a dynamic one by
// getDurableObjectClass().

import { badField, illegalConstructor, isObject, publish } from "errors";
import { callable } from "rpc";
import { wrap } from "ties";

const MAKE = Symbol("internal");
const { setPrototypeOf } = Object;

let partsOf;

export class DurableObjectClass {
    #parts;

    static {
        partsOf = (value) => (isObject(value) && #parts in value ? value.#parts : undefined);
    }

    constructor(token, parts) {
        if (token !== MAKE) throw illegalConstructor();
        this.#parts = parts;
    }
}
publish(DurableObjectClass);

// As main takes them; "" when there are none.
export function propsJSON(props, dictionary) {
    if (props === undefined) return "";
    if (!isObject(props)) throw badField(dictionary, "props", "JsObject");
    const { text, list } = wrap(props);
    return P.JSONStringify({ __proto__: null, props: `!${text}`, ties: list });
}

// slot: of a loader, null for a class of this worker.
export function makeClass(slot, name, json) {
    return new DurableObjectClass(MAKE, { __proto__: null, slot, name, json });
}

// { slot, name, json } of what may stand for a class, else undefined.
export function classOf(value) {
    return partsOf(value) ?? (isObject(value) ? P.WeakMapPrototypeGet(loopbacks, value) : undefined);
}

// ---- ctx.exports ----

const loopbacks = new P.WeakMap(); // values of ctx.exports -> what they are as classes

function loopback(prototype, name) {
    const value = callable(prototype, (options) => makeClass(null, name, propsJSON(options?.props, "Options")));
    P.WeakMapPrototypeSet(loopbacks, value, { __proto__: null, slot: null, name, json: "" });
    return value;
}

class LoopbackDurableObjectClass {
    constructor() {
        throw illegalConstructor();
    }
}
publish(LoopbackDurableObjectClass);

// A class without storage of its own.
export function loopbackClass(name) {
    return loopback(LoopbackDurableObjectClass.prototype, name);
}

const namespaces = new P.WeakMap(); // values of ctx.exports -> DurableObjectNamespace

function namespaceOf(value) {
    const namespace = isObject(value) ? P.WeakMapPrototypeGet(namespaces, value) : undefined;
    if (namespace === undefined) throw new P.TypeError("Illegal invocation: function called on incorrect 'this' reference.");
    return namespace;
}

class LoopbackDurableObjectNamespace {
    constructor() {
        throw illegalConstructor();
    }

    newUniqueId(...args) {
        return namespaceOf(this).newUniqueId(...args);
    }

    idFromName(...args) {
        return namespaceOf(this).idFromName(...args);
    }

    idFromString(...args) {
        return namespaceOf(this).idFromString(...args);
    }

    get(...args) {
        return namespaceOf(this).get(...args);
    }

    getByName(...args) {
        return namespaceOf(this).getByName(...args);
    }

    jurisdiction(...args) {
        return namespaceOf(this).jurisdiction(...args);
    }
}
publish(LoopbackDurableObjectNamespace);

// A class that has storage: its namespace, and a class when it is called or given as one.
export function loopbackNamespace(row) {
    const { DurableObjectNamespace, objectNamespace } = load("namespace");
    setPrototypeOf(LoopbackDurableObjectNamespace.prototype, DurableObjectNamespace.prototype);
    const value = loopback(LoopbackDurableObjectNamespace.prototype, row.export);
    P.WeakMapPrototypeSet(namespaces, value, objectNamespace(row));
    return value;
}
