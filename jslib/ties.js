// Stubs that go to another worker for good: in the `env` of a dynamic worker and in `props`. They travel as descriptions
// that main understands, because the other worker may outlive the event that gave them; see tie_int.h of main.

import { isObject } from "errors";
import { stateOf } from "rpc";

const GIVEN = 0x80000000; // numbers of ties that came with an event, as services

// What a stub's state gives as tie(): a description, or an error to throw. Undefined: it cannot go.
class Ties {
    constructor() {
        this.list = [];
    }

    // For clone_writer.js: the index of a stub, or -1.
    add(value) {
        const description = describe(value);
        return description === undefined ? -1 : P.ArrayPrototypePush(this.list, description) - 1;
    }
}

// Of a stub; undefined: it is none that can go elsewhere. Throws for those that could but may not.
export function describe(value, anyway = false) {
    const state = isObject(value) ? stateOf(value) : undefined;
    return state === undefined || state.tie === undefined ? undefined : state.tie(anyway);
}

export function describeService(index) {
    return { __proto__: null, k: index >= GIVEN ? "tie" : "service", i: index };
}

// An entrypoint of this worker. A dynamic worker's own cannot be found again by another.
export function describeSelf(entrypoint, props) {
    if (load("start").startConfig().dynamic === true) throw load("clone_format").dataCloneError(load("loader").TRANSFER);
    const { text, list } = wrap(props);
    return { __proto__: null, k: "self", e: entrypoint, p: `!${text}`, t: list };
}

export function describeObject(index, hex, name) {
    return { __proto__: null, k: "object", i: index, id: hex, n: name };
}

// { text, list }: a clone as text, and the descriptions of what it names.
export function wrap(value) {
    const ties = new Ties();
    return { __proto__: null, text: load("clone").serializeToText(value, ties), list: ties.list };
}

function unwrap(text, numberOf) {
    return load("clone").deserializeFromText(text, { __proto__: null, take: (i) => load("rpc").serviceStub(numberOf(i)) });
}

// All of a dynamic worker's env: its stubs are the services of these numbers.
export function envOf(text) {
    return unwrap(text, (i) => i);
}

// ctx.props of what an event carries: "!NUMBERS!CLONE"; "?CLONE" holds variables of env instead.
export function propsOf(text) {
    if (text[0] !== "!") return {};
    const end = P.StringPrototypeIndexOf(text, "!", 1);
    const list = P.StringPrototypeSlice(text, 1, end);
    const numbers = list === "" ? [] : P.StringPrototypeSplit(list, ",");
    return unwrap(P.StringPrototypeSlice(text, end + 1), (i) => +numbers[i]);
}

// The env of an event that brought variables.
export function envWith(env, text) {
    return P.ObjectAssign({}, env, unwrap(P.StringPrototypeSlice(text, 1), () => -1));
}

export function isGift(text) {
    return text[0] === "!" || text[0] === "?";
}
