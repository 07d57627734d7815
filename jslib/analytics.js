// Analytics Engine: data points, written without anybody waiting for them.

import { badArgument, badField, illegalConstructor, isObject, publish } from "errors";
import { op } from "io";
import { encodeUtf8 } from "body_bytes";
import { bytesView, isBytes } from "streams_util";

const WRITE = 124; // docs/internals/stores.md
const MAKE = Symbol("internal");

const ITEMS_MAX = 20;
const INDEX_MAX = 96;
const BLOBS_MAX = 16384;

const PREFIX = "writeDataPoint(): ";
const DICTIONARY = "AnalyticsEngineEvent";

// A field of the event that is a list; an empty one when it is absent.
function listOf(event, name, expected) {
    const list = event[name];
    if (list === undefined) return [];
    if (!P.ArrayIsArray(list)) throw badField(DICTIONARY, name, expected);
    return list;
}

// Text or bytes as bytes; null for nothing.
function bytesOf(item) {
    if (item === undefined || item === null) return null;
    return isBytes(item) ? bytesView(item) : encodeUtf8(`${item}`);
}

function indexOf(event) {
    const list = listOf(event, "indexes", "Array<(ArrayBuffer or string)>");
    if (list.length > 1) throw new TypeError(`${PREFIX}Maximum of 1 indexes supported.`);
    const bytes = list.length === 0 ? null : bytesOf(list[0]);
    if (bytes !== null && bytes.byteLength > INDEX_MAX) {
        throw new TypeError(`${PREFIX}Size of indexes[0] exceeds ${INDEX_MAX} bytes).`);
    }
    return bytes ?? "";
}

function blobsOf(event) {
    const list = listOf(event, "blobs", "Array<(ArrayBuffer or string)>");
    if (list.length > ITEMS_MAX) throw new TypeError(`${PREFIX}Maximum of ${ITEMS_MAX} blobs supported.`);
    const blobs = [];
    let sum = 0;
    for (let i = 0; i < list.length; i++) {
        blobs[i] = bytesOf(list[i]);
        if (blobs[i] !== null) sum += blobs[i].byteLength;
        if (sum > BLOBS_MAX) throw new TypeError(`${PREFIX}Cumulative size of blobs exceeds ${BLOBS_MAX} bytes).`);
    }
    return blobs;
}

function doublesOf(event) {
    const list = listOf(event, "doubles", "Array<number>");
    if (list.length > ITEMS_MAX) throw new TypeError(`${PREFIX}Maximum of ${ITEMS_MAX} doubles supported.`);
    const bytes = new P.Uint8Array(8 * list.length);
    const view = new P.DataView(bytes.buffer);
    for (let i = 0; i < list.length; i++) P.DataViewPrototypeSetFloat64(view, 8 * i, +list[i], true);
    return bytes;
}

export class AnalyticsEngine {
    #index;

    constructor(token, index) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
    }

    writeDataPoint(event) {
        const at = this.#index;
        if (event === undefined || event === null) event = {};
        if (!isObject(event)) throw badArgument("AnalyticsEngine", "writeDataPoint", 1, DICTIONARY);
        const index = indexOf(event);
        const blobs = blobsOf(event);
        const doubles = doublesOf(event);
        const args = [at, 0, index, blobs.length];
        let format = "wwyh";
        for (let i = 0; i < blobs.length; i++) {
            format += "by";
            args[args.length] = blobs[i] === null ? 0 : 1;
            args[args.length] = blobs[i] ?? "";
        }
        args[args.length] = doubles;
        P.PromisePrototypeThen(op(WRITE, `${format}y`, args, ""), undefined, () => undefined);
    }
}

publish(AnalyticsEngine);

export function analyticsEngine(index) {
    return new AnalyticsEngine(MAKE, index);
}
