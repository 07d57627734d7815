// R2 buckets (docs/internals/stores.md has the operations). Wrong types are told here, everything else by main: "put: ... (10037)".

import { badArgument, badField, illegalConstructor, isObject, publish } from "errors";
import { op } from "io";
import { getResult, headResult } from "r2_objects";
import { VALUE_TYPES, conditionFields, customField, httpField, rangeFields, sendValue, ssecField, sumFields } from "r2_options";

const { PromiseReject: reject, JSONParse: parse, JSONStringify: stringify } = P;

const HEAD = 32;
const GET = 33;
const PUT = 34;
const DELETE = 35;
const LIST = 36;
const CREATE = 37;
const PART = 38;
const COMPLETE = 39;
const ABORT = 40;
const GET_WHOLE = 41;

const LIST_CURSOR = 1; // bits of LIST
const LIST_START_AFTER = 2;
const LIST_HTTP = 4;
const LIST_CUSTOM = 8;

const PARTS_MAX = 10000;
const LIST_MAX = 1000;

const MAKE = Symbol("internal");
const bucket = (method, index, expected) => badArgument("R2Bucket", method, index, expected);
const upload = (method, index, expected) => badArgument("R2MultipartUpload", method, index, expected);

// A dictionary: what is left out is empty.
function optionsOf(options, refuse) {
    if (options === undefined || options === null) return {};
    if (!isObject(options)) throw refuse();
    return options;
}

const headOrNull = (fields) => (fields[0] === 0 ? null : headResult(parse(fields[1]), true));
const objectOrNull = (fields) => (fields[0] === 0 ? null : headResult(parse(fields[1]), false));

function storageClass(value) {
    return value === undefined ? "" : `${value}`;
}

// ---- methods ----

function get(index, key, options) {
    if (options === undefined || options === null) return op(GET_WHOLE, "wws", [index, 0, key], "bsqqra", getResult);
    const o = optionsOf(options, () => bucket("get", 2, "GetOptions"));
    const fields = [index, 0, key, ...conditionFields("GetOptions", o.onlyIf), ...rangeFields(o.range), ssecField(o.ssecKey)];
    return op(GET, "wwsbssqqbbqqsy", fields, "bsqqra", getResult);
}

function put(index, key, value, options) {
    const o = optionsOf(options, () => bucket("put", 3, "PutOptions"));
    const fields = [
        ...conditionFields("PutOptions", o.onlyIf),
        httpField("PutOptions", o.httpMetadata),
        customField("PutOptions", o.customMetadata),
        storageClass(o.storageClass),
        ...sumFields(o),
        ssecField(o.ssecKey),
    ];
    const start = (stream, inline, length) =>
        op(PUT, "wwsbssqqsssbyyqy", [index, stream, key, ...fields, length, inline], "bs", objectOrNull);
    return sendValue(value, start, (types) => bucket("put", 2, types));
}

function remove(index, keys) {
    let list;
    if (P.ArrayIsArray(keys)) {
        list = [];
        for (let i = 0; i < keys.length; i++) list[i] = P.StringPrototypeToWellFormed(`${keys[i]}`);
    } else {
        list = [P.StringPrototypeToWellFormed(`${keys}`)];
    }
    return op(DELETE, "wws", [index, 0, stringify(list)], "", () => undefined);
}

function textOption(o, field) {
    const value = o[field];
    if (value === undefined) return undefined;
    if (typeof value !== "string") throw badField("ListOptions", field, "string");
    return value;
}

function includeBits(include) {
    if (!load("flags").hasFlag("r2_list_honor_include")) return LIST_HTTP | LIST_CUSTOM;
    if (include === undefined || include === null) return 0;
    if (!P.ArrayIsArray(include)) throw badField("ListOptions", "include", "Array");
    let bits = 0;
    for (let i = 0; i < include.length; i++) {
        if (include[i] === "httpMetadata") bits |= LIST_HTTP;
        else if (include[i] === "customMetadata") bits |= LIST_CUSTOM;
        else throw new P.RangeError(`Unsupported include value ${include[i]}`);
    }
    return bits;
}

function listed(fields) {
    const { objects, prefixes, cursor } = parse(fields[0]);
    for (let i = 0; i < objects.length; i++) objects[i] = headResult(objects[i], false);
    return { objects, truncated: cursor !== undefined, cursor, delimitedPrefixes: prefixes };
}

function list(index, options) {
    const o = optionsOf(options, () => bucket("list", 1, "ListOptions"));
    const prefix = textOption(o, "prefix");
    const cursor = textOption(o, "cursor");
    const delimiter = textOption(o, "delimiter");
    const startAfter = textOption(o, "startAfter");
    let limit = LIST_MAX;
    if (o.limit !== undefined && o.limit !== null) {
        const n = P.MathTrunc(+o.limit);
        limit = n > 0 && n < 0x7fffffff ? n : 0; // main says what is wrong with it
    }
    let bits = includeBits(o.include);
    if (cursor !== undefined) bits |= LIST_CURSOR;
    if (startAfter !== undefined) bits |= LIST_START_AFTER;
    const fields = [index, 0, prefix ?? "", delimiter ?? "", cursor ?? "", startAfter ?? "", bits, limit];
    return op(LIST, "wwssssbw", fields, "s", listed);
}

function createUpload(index, key, options) {
    const o = optionsOf(options, () => bucket("createMultipartUpload", 2, "MultipartOptions"));
    const fields = [
        index,
        0,
        key,
        httpField("MultipartOptions", o.httpMetadata),
        customField("MultipartOptions", o.customMetadata),
        storageClass(o.storageClass),
        ssecField(o.ssecKey),
    ];
    return op(CREATE, "wwssssy", fields, "s", (answer) => new R2MultipartUpload(MAKE, index, key, answer[0]));
}

// ---- uploads in parts ----

function partNumberOf(value) {
    const n = P.MathTrunc(+value);
    if (!(n >= 1 && n <= PARTS_MAX)) {
        throw new TypeError(
            `Part number must be between 1 and ${PARTS_MAX} (inclusive). Actual value was: ${n === n ? n : 0}`,
        );
    }
    return n;
}

// What is left out becomes what its type makes of undefined, as on the platform: no part, or one that is not found.
function completedPart(part, i) {
    if (!isObject(part)) {
        throw new TypeError(`Incorrect type for array element ${i}: the provided value is not of type 'UploadedPart'.`);
    }
    const { etag, partNumber } = part;
    return [partNumberOf(partNumber), `${etag}`];
}

export class R2MultipartUpload {
    #index;

    constructor(token, index, key, uploadId) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
        this.key = key;
        this.uploadId = uploadId;
    }

    uploadPart(partNumber, value, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw upload("uploadPart", 1, "integer");
            if (arguments.length === 1) throw upload("uploadPart", 2, VALUE_TYPES);
            const n = partNumberOf(partNumber);
            const o = optionsOf(options, () => upload("uploadPart", 3, "UploadPartOptions"));
            const ssec = ssecField(o.ssecKey);
            const uploaded = (fields) => ({ partNumber: n, etag: fields[0] });
            const start = (stream, inline, length) =>
                op(PART, "wwsswyqy", [index, stream, this.key, this.uploadId, n, ssec, length, inline], "s", uploaded);
            const refuse = (types) => upload("uploadPart", 2, types);
            if (value === null || value === undefined) throw refuse(VALUE_TYPES);
            return sendValue(value, start, refuse);
        } catch (e) {
            return reject(e);
        }
    }

    complete(parts) {
        try {
            const index = this.#index;
            if (!P.ArrayIsArray(parts)) throw upload("complete", 1, "Array");
            const list = [];
            for (let i = 0; i < parts.length; i++) list[i] = completedPart(parts[i], i);
            return op(COMPLETE, "wwsss", [index, 0, this.key, this.uploadId, stringify(list)], "bs", objectOrNull);
        } catch (e) {
            return reject(e);
        }
    }

    abort() {
        try {
            return op(ABORT, "wwss", [this.#index, 0, this.key, this.uploadId], "", () => undefined);
        } catch (e) {
            return reject(e);
        }
    }
}
publish(R2MultipartUpload);

// ---- the binding ----

export class R2Bucket {
    #index;

    constructor(token, index) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
    }

    head(key) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw bucket("head", 1, "string");
            return op(HEAD, "wws", [index, 0, `${key}`], "bs", headOrNull);
        } catch (e) {
            return reject(e);
        }
    }

    get(key, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw bucket("get", 1, "string");
            return get(index, `${key}`, options);
        } catch (e) {
            return reject(e);
        }
    }

    put(key, value, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw bucket("put", 1, "string");
            if (arguments.length === 1) {
                throw bucket("put", 2, VALUE_TYPES);
            }
            return put(index, `${key}`, value, options);
        } catch (e) {
            return reject(e);
        }
    }

    delete(keys) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw bucket("delete", 1, "string or Array");
            return remove(index, keys);
        } catch (e) {
            return reject(e);
        }
    }

    list(options) {
        try {
            return list(this.#index, options);
        } catch (e) {
            return reject(e);
        }
    }

    createMultipartUpload(key, options) {
        try {
            const index = this.#index;
            if (arguments.length === 0) throw bucket("createMultipartUpload", 1, "string");
            return createUpload(index, `${key}`, options);
        } catch (e) {
            return reject(e);
        }
    }

    resumeMultipartUpload(key, uploadId) {
        const index = this.#index;
        if (arguments.length === 0) throw bucket("resumeMultipartUpload", 1, "string");
        if (arguments.length === 1) throw bucket("resumeMultipartUpload", 2, "string");
        return new R2MultipartUpload(MAKE, index, `${key}`, `${uploadId}`);
    }
}
publish(R2Bucket);

// The bucket of this index.
export function r2Bucket(index) {
    return new R2Bucket(MAKE, index);
}
