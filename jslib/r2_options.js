// What users give to R2's methods, checked and as fields of its operations.

import { badField, isObject } from "errors";
import { bytesView, isBytes } from "streams_util";

const COND_MATCH = 1; // bits of a condition
const COND_NONE = 2;
const COND_BEFORE = 4;
const COND_AFTER = 8;
const COND_SECONDS = 16;

const RANGE_OFFSET = 1; // kinds of a range
const RANGE_SUFFIX = 2;
const RANGE_HEADER = 3;

const SSEC_KEY = 32; // bytes

const isHeaders = (value) => isObject(value) && load("headers").isHeaders(value);

function dateField(dictionary, field, value) {
    let ms;
    if (value instanceof Date) ms = P.DatePrototypeGetTime(value);
    else if (typeof value === "number") ms = value;
    else throw badField(dictionary, field, "date");
    return ms === ms ? P.MathTrunc(ms) : 0; // what is no date is the epoch, as on the platform
}

function realDate(dictionary, field, value) {
    const ms = value instanceof Date ? P.DatePrototypeGetTime(value) : 0;
    if (ms !== ms) throw new TypeError("The value cannot be converted because it is not a valid Date.");
    return dateField(dictionary, field, value);
}

function plainString(dictionary, field, value) {
    if (typeof value !== "string") throw badField(dictionary, field, "string");
    return value;
}

// ---- conditions ----

// The text form of r2/r2.h: a tag on each line. One with a line break matches nothing.
const strong = (tag) => (tag === "*" ? "*" : P.StringPrototypeIncludes(tag, "\n") ? "S" : "S" + tag);

function singleTag(field, value) {
    plainString("Conditional", field, value);
    if (value.length > 1 && value[0] === '"' && value[value.length - 1] === '"') {
        throw new TypeError(`Conditional ETag should not be wrapped in quotes (${value}).`);
    }
    return strong(value);
}

const positionOf = (text, what, from) => {
    const at = P.StringPrototypeIndexOf(text, what, from);
    return at < 0 ? Infinity : at;
};

function missingComma(star, quote, weak) {
    let found = "Encountered a weak quotation character 'W' instead. This would otherwise indicate the start of a new weak etag.";
    if (star < quote && star < weak) found = "Encountered a wildcard character '*' instead.";
    else if (quote < weak) {
        found =
            "Encountered a double quote character '\"' instead. This would otherwise indicate the start of a new strong etag.";
    }
    return new P.Error(`Comma was expected to separate etags. ${found}`);
}

// The tags of an If-Match or If-None-Match field.
function headerTags(header, field) {
    let tags = "";
    let at = 0;
    let separated = true;
    for (;;) {
        const star = positionOf(field, "*", at);
        const quote = positionOf(field, '"', at);
        const weak = positionOf(field, "W", at);
        const comma = positionOf(field, ",", at);
        if (star === Infinity && quote === Infinity) {
            if (tags === "" && P.StringPrototypeTrim(field) !== "") throw new P.Error(`Invalid ETag in ${header} header`);
            return tags;
        }
        if (comma < star && comma < quote && comma < weak) {
            at = comma + 1;
            separated = true;
            continue;
        }
        if (!separated) throw missingComma(star, quote, weak);
        if (star < quote) return "*";
        const end = positionOf(field, '"', quote + 1);
        if (end === Infinity) throw new P.Error("Unclosed double quote for Etag");
        if (weak < quote && (field[weak + 1] !== "/" || weak + 2 !== quote)) {
            throw new P.Error("Weak etags must start with W/ and their value must be quoted");
        }
        const line = (weak < quote ? "W" : "S") + P.StringPrototypeSlice(field, quote + 1, end);
        tags = tags === "" ? line : `${tags}\n${line}`;
        at = end + 1;
        separated = false;
    }
}

const headerDate = (text) => dateField("Headers", "date", P.DateParse(text));

// [bits, match, none, before, after]
export function conditionFields(dictionary, onlyIf) {
    const c = [0, "", "", 0, 0];
    if (onlyIf === undefined || onlyIf === null) return c;
    if (isHeaders(onlyIf)) {
        const get = (name) => load("headers").headerGet(onlyIf, name);
        const match = get("if-match");
        const none = get("if-none-match");
        const before = get("if-unmodified-since");
        const after = get("if-modified-since");
        c[0] = COND_SECONDS;
        if (match !== null) setTags(c, COND_MATCH, 1, headerTags("if-match", match));
        if (none !== null) setTags(c, COND_NONE, 2, headerTags("if-none-match", none));
        if (before !== null) setTags(c, COND_BEFORE, 3, headerDate(before));
        if (after !== null) setTags(c, COND_AFTER, 4, headerDate(after));
        return c;
    }
    if (!isObject(onlyIf)) throw badField(dictionary, "onlyIf", "Conditional or Headers");
    const { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter, secondsGranularity } = onlyIf;
    if (secondsGranularity) c[0] = COND_SECONDS;
    if (etagMatches !== undefined) setTags(c, COND_MATCH, 1, singleTag("etagMatches", etagMatches));
    if (etagDoesNotMatch !== undefined) setTags(c, COND_NONE, 2, singleTag("etagDoesNotMatch", etagDoesNotMatch));
    if (uploadedBefore !== undefined) {
        setTags(c, COND_BEFORE, 3, dateField("Conditional", "uploadedBefore", uploadedBefore));
    }
    if (uploadedAfter !== undefined) {
        setTags(c, COND_AFTER, 4, dateField("Conditional", "uploadedAfter", uploadedAfter));
    }
    return c;
}

function setTags(c, bit, at, value) {
    c[0] |= bit;
    c[at] = value;
}

// ---- ranges ----

function rangeNumber(value, negative, fraction) {
    const n = +value;
    if (!(n >= 0)) throw new P.RangeError(`${negative} (${n}) must be greater than or equal to 0.`);
    if (P.MathTrunc(n) !== n) throw new P.RangeError(`${fraction} (${n}) must be an integer, not floating point.`);
    return P.MathMin(n, P.NumberMAX_SAFE_INTEGER);
}

// [kind, has length, offset, length, header]
export function rangeFields(range) {
    if (range === undefined || range === null) return [0, 0, 0, 0, ""];
    if (isHeaders(range)) {
        const field = load("headers").headerGet(range, "range");
        return field === null ? [0, 0, 0, 0, ""] : [RANGE_HEADER, 0, 0, 0, field];
    }
    if (!isObject(range)) throw badField("GetOptions", "range", "Range or Headers");
    const { offset, length, suffix } = range;
    const r = [0, 0, 0, 0, ""];
    if (offset !== undefined) {
        r[0] = RANGE_OFFSET;
        r[2] = rangeNumber(offset, "Invalid range. Starting offset", "Invalid range. Starting offset");
    }
    if (length !== undefined) {
        r[0] = RANGE_OFFSET;
        r[1] = 1;
        r[3] = rangeNumber(length, "Invalid range. Length", "Invalid range. Length");
    }
    if (suffix !== undefined) {
        if (offset !== undefined) throw new TypeError("Suffix is incompatible with offset.");
        if (length !== undefined) throw new TypeError("Suffix is incompatible with length.");
        r[0] = RANGE_SUFFIX;
        r[3] = rangeNumber(suffix, "Invalid suffix. Suffix", "Invalid range. Suffix");
    }
    return r;
}

// ---- metadata ----

const HTTP_FIELDS = [
    ["contentType", "content-type"],
    ["contentLanguage", "content-language"],
    ["contentDisposition", "content-disposition"],
    ["contentEncoding", "content-encoding"],
    ["cacheControl", "cache-control"],
];

// As JSON, or "".
export function httpField(dictionary, metadata) {
    if (metadata === undefined || metadata === null) return "";
    const fields = {};
    let some = false;
    const set = (name, value) => {
        fields[name] = value;
        some = true;
    };
    if (isHeaders(metadata)) {
        const get = (name) => load("headers").headerGet(metadata, name);
        for (let i = 0; i < HTTP_FIELDS.length; i++) {
            const value = get(HTTP_FIELDS[i][1]);
            if (value !== null) set(HTTP_FIELDS[i][0], value);
        }
        const expires = get("expires");
        if (expires !== null) set("cacheExpiry", headerDate(expires));
    } else if (isObject(metadata)) {
        for (let i = 0; i < HTTP_FIELDS.length; i++) {
            const value = metadata[HTTP_FIELDS[i][0]];
            if (value !== undefined) set(HTTP_FIELDS[i][0], `${value}`);
        }
        const { cacheExpiry } = metadata;
        if (cacheExpiry !== undefined) set("cacheExpiry", realDate("HttpMetadata", "cacheExpiry", cacheExpiry));
    } else {
        throw badField(dictionary, "httpMetadata", "HttpMetadata or Headers");
    }
    return some ? P.JSONStringify(fields) : "";
}

export function customField(dictionary, metadata) {
    if (metadata === undefined) return "";
    if (!isObject(metadata) || P.ArrayIsArray(metadata)) throw badField(dictionary, "customMetadata", "object");
    const names = P.ObjectKeys(metadata);
    if (names.length === 0) return "";
    const fields = { __proto__: null };
    for (let i = 0; i < names.length; i++) {
        fields[P.StringPrototypeToWellFormed(names[i])] = P.StringPrototypeToWellFormed(`${metadata[names[i]]}`);
    }
    return P.JSONStringify(fields);
}

// Calls fn(header name, value) for what an httpMetadata object has.
export function eachHttpField(metadata, fn) {
    for (let i = 0; i < HTTP_FIELDS.length; i++) {
        const value = metadata[HTTP_FIELDS[i][0]];
        if (value !== undefined) fn(HTTP_FIELDS[i][1], value);
    }
    if (metadata.cacheExpiry !== undefined) fn("expires", P.DatePrototypeToUTCString(metadata.cacheExpiry));
}

// ---- digests and keys ----

// Returns bytes, or null when there is something else than pairs of digits.
export function fromHex(text) {
    const bytes = new P.Uint8Array(text.length >> 1);
    for (let i = 0; i < bytes.length; i++) {
        const high = digit(P.StringPrototypeCharCodeAt(text, 2 * i));
        const low = digit(P.StringPrototypeCharCodeAt(text, 2 * i + 1));
        if (high < 0 || low < 0) return null;
        bytes[i] = high * 16 + low;
    }
    return bytes;
}

function digit(c) {
    if (c >= 48 && c <= 57) return c - 48;
    c |= 32;
    return c >= 97 && c <= 102 ? c - 87 : -1;
}

const SUMS = [
    ["md5", "MD5", 16],
    ["sha1", "SHA-1", 20],
    ["sha256", "SHA-256", 32],
    ["sha384", "SHA-384", 48],
    ["sha512", "SHA-512", 64],
];

function sumBytes(row, value) {
    const [field, name, length] = row;
    if (typeof value === "string") {
        if (value.length !== 2 * length) {
            throw new TypeError(`${name} is ${2 * length} hex characters, not ${value.length}`);
        }
        const bytes = fromHex(value);
        if (bytes === null) throw new TypeError(`Provided ${name} wasn't a valid hex string`);
        return bytes;
    }
    if (!isBytes(value)) throw badField("PutOptions", field, "JsBufferSource or string");
    const bytes = bytesView(value);
    if (bytes.byteLength !== length) throw new TypeError(`${name} is ${length} bytes, not ${bytes.byteLength}`);
    return bytes;
}

// [kind, bytes or ""]
export function sumFields(options) {
    let found = [0, ""];
    for (let i = 0; i < SUMS.length; i++) {
        const value = options[SUMS[i][0]];
        if (value === undefined) continue;
        if (found[1] !== "") throw new TypeError("You cannot specify multiple hashing algorithms.");
        found = [i, sumBytes(SUMS[i], value)];
    }
    return found;
}

// Bytes, or "".
export function ssecField(key) {
    if (key === undefined) return "";
    if (isBytes(key)) {
        const bytes = bytesView(key);
        if (bytes.byteLength !== SSEC_KEY) throw new P.Error("SSE-C Key must be 32 bytes in length");
        return bytes;
    }
    key = `${key}`;
    if (!/^[0-9a-f]+$/.test(key)) throw new P.Error("SSE-C Key has invalid format");
    if (key.length !== 2 * SSEC_KEY) throw new P.Error("SSE-C Key must be 32 bytes in length");
    return fromHex(key);
}

// ---- values ----

const BLOB = 3; // kind of a body in memory, as in body.js

export const VALUE_TYPES = "ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
const UNKNOWN_LENGTH =
    "Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)";

// Sends what put() and uploadPart() take by start(stream, inline, length); refuse(types) makes the error for anything else.
export function sendValue(value, start, refuse) {
    const { sendBody, sendReadable } = load("store_body");
    if (value === null || value === undefined) return start(0, "", 0);
    if (typeof value === "string") return sendBody(1, value, -1, start);
    if (!isObject(value)) throw refuse(VALUE_TYPES);
    if (isBytes(value)) return sendBody(1, bytesView(value), -1, start);
    if (load("blob").isBlob(value)) return sendBody(1, load("blob").blobBytes(value), -1, start);
    if (!load("streams_readable").isReadableStream(value)) throw refuse(VALUE_TYPES);
    const { knownLength, memoryOf, retire } = load("streams_native");
    const memory = memoryOf(value);
    if (memory !== null) {
        retire(value); // it is used by other means
        return sendBody(1, memory.kind === BLOB ? load("blob").blobBytes(memory.data) : memory.data, -1, start);
    }
    if (knownLength(value) < 0) throw new TypeError(UNKNOWN_LENGTH);
    return sendReadable(value, start);
}
