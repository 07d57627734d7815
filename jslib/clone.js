// structuredClone, and the serialisation format of docs/formats/clone.md: what RPC and queues carry and objects store.

import { badArgument, badField, isObject } from "errors";
import { Copier } from "clone_copy";
import { Reader } from "clone_reader";
import { Writer, notCloned } from "clone_writer";
import { VERSION, corrupt } from "clone_format";

// The bytes of a value. `rpc` is null, or takes what is not data: add(object) and addStreamNumber(n) give its index.
// `ties` takes stubs that go to another worker for good: add(object) gives the index, or -1.
export function serialize(value, rpc = null, ties = null) {
    const writer = new Writer(rpc);
    writer.ties = ties;
    try {
        writer.byte(VERSION);
        writer.value(value);
        return writer.finish();
    } catch (e) {
        if (writer.bytes !== null) writer.release();
        throw e;
    }
}

// The value of bytes that anybody may have written. `rpc` is null, or gives what is not data: take(index).
export function deserialize(bytes, rpc = null) {
    const reader = new Reader(bytes, rpc);
    if (reader.byte() !== VERSION) throw corrupt();
    const value = reader.value();
    if (reader.at !== reader.end) throw corrupt();
    return value;
}

// The bytes as a text of which each character is one, for places that carry text alone.
export function serializeToText(value, ties = null) {
    const bytes = serialize(value, null, ties);
    return N.cloneText(bytes, 0, bytes.length, false);
}

export function deserializeFromText(text, rpc = null) {
    const bytes = new Uint8Array(text.length);
    if (!N.cloneLatin1(text, bytes, 0)) throw corrupt();
    return deserialize(bytes, rpc);
}

export function structuredClone(value, options) {
    if (arguments.length === 0) throw badArgument("ServiceWorkerGlobalScope", "structuredClone", 1, "JsValue");
    if (options !== undefined && options !== null && !isObject(options)) {
        throw badArgument("ServiceWorkerGlobalScope", "structuredClone", 2, "StructuredCloneOptions");
    }
    const transfer = transferList(options?.transfer);
    if (!isObject(value)) {
        if (typeof value === "symbol") throw notCloned(value);
        return value;
    }
    if (typeof value === "function") throw notCloned(value);

    return transfer === null ? new Copier(throughBytes).object(value) : throughBytes(value, transfer);
}

function throughBytes(value, transfer = null) {
    const writer = new Writer(null);
    writer.transfer = transfer;
    try {
        writer.value(value);
        // The writer's own buffer is read in place: nothing runs in between that could write to it.
        const reader = new Reader(writer.bytes, null);
        reader.end = writer.at;
        if (transfer !== null) reader.transferred = detach(transfer);
        return reader.value();
    } finally {
        writer.release();
    }
}

function transferList(list) {
    if (list === undefined) return null;
    if (!P.ArrayIsArray(list)) throw badField("StructuredCloneOptions", "transfer", "Array");
    for (let i = 0; i < list.length; i++) {
        try {
            P.ArrayBufferPrototypeGetByteLength(list[i]);
        } catch {
            throw new TypeError("Object is not transferable");
        }
    }
    return list;
}

function detach(list) {
    const moved = [];
    for (let i = 0; i < list.length; i++) {
        // A buffer that is named twice moves once.
        const first = P.ArrayPrototypeIndexOf(list, list[i]);
        moved[i] = first < i ? moved[first] : P.ArrayBufferPrototypeTransfer(list[i]);
    }
    return moved;
}
