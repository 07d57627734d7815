// FormData, and its two forms on the wire: multipart/form-data and application/x-www-form-urlencoded.

import { badArgument, isObject, publish } from "errors";
import { listIterator } from "iterators";
import { blobBytes, fileFromBytes, isBlob, isFile } from "blob";
import { concatBytes, decodeLatin1, decodeUtf8, encodeUtf8 } from "body_bytes";
import { hasFlag } from "flags";

const { StringPrototypeIndexOf: indexOf, StringPrototypeSlice: substring, StringPrototypeStartsWith: startsWith } = P;
const { StringPrototypeCharCodeAt: charCodeAt, StringPrototypeToLowerCase: toLowerCase } = P;
const { StringPrototypeReplaceAll: replaceAll, StringPrototypeEndsWith: endsWith, StringPrototypeTrim: trim } = P;
const { RegExpPrototypeExec: exec, TypedArrayPrototypeSlice: sliceBytes, ArrayPrototypeSplice: splice } = P;
const { TypedArrayPrototypeSubarray: subarray, StringPrototypeToWellFormed: wellFormed } = P;

const iterateEntries = listIterator("EntryIterator", (e) => [e.name, e.value]);
const iterateKeys = listIterator("KeyIterator", (e) => e.name);
const iterateValues = listIterator("ValueIterator", (e) => e.value);


let entriesOf;
export let isFormData;

// What a value becomes inside a form: a string or a File.
function valueFor(name, value, filename) {
    if (!isBlob(value)) return wellFormed(`${value}`);
    if (isFile(value) && filename === undefined) return value;
    return fileFromBytes(blobBytes(value), filename === undefined ? name : `${filename}`, value.type);
}

export class FormData {
    #entries = []; // of {name, value}

    static {
        entriesOf = (form) => form.#entries;
        isFormData = (value) => isObject(value) && #entries in value;
    }

    append(name, value, filename) {
        const entries = this.#entries;
        check(arguments, "append");
        name = wellFormed(`${name}`);
        entries[entries.length] = { name, value: valueFor(name, value, filename) };
    }

    set(name, value, filename) {
        const entries = this.#entries;
        check(arguments, "set");
        name = wellFormed(`${name}`);
        value = valueFor(name, value, filename);
        let found = false;
        for (let i = 0; i < entries.length; i++) {
            if (entries[i].name !== name) continue;
            if (found) splice(entries, i--, 1);
            else entries[i] = { name, value };
            found = true;
        }
        if (!found) entries[entries.length] = { name, value };
    }

    delete(name) {
        const entries = this.#entries;
        if (arguments.length === 0) throw badArgument("FormData", "delete", 1, "string");
        name = `${name}`;
        for (let i = entries.length - 1; i >= 0; i--) {
            if (entries[i].name === name) splice(entries, i, 1);
        }
    }

    get(name) {
        const entries = this.#entries;
        if (arguments.length === 0) throw badArgument("FormData", "get", 1, "string");
        name = `${name}`;
        for (let i = 0; i < entries.length; i++) {
            if (entries[i].name === name) return entries[i].value;
        }
        return null;
    }

    getAll(name) {
        const entries = this.#entries;
        if (arguments.length === 0) throw badArgument("FormData", "getAll", 1, "string");
        name = `${name}`;
        const all = [];
        for (let i = 0; i < entries.length; i++) {
            if (entries[i].name === name) all[all.length] = entries[i].value;
        }
        return all;
    }

    has(name) {
        const entries = this.#entries;
        if (arguments.length === 0) throw badArgument("FormData", "has", 1, "string");
        name = `${name}`;
        for (let i = 0; i < entries.length; i++) {
            if (entries[i].name === name) return true;
        }
        return false;
    }

    forEach(callback, thisArg) {
        const entries = this.#entries;
        if (typeof callback !== "function") throw badArgument("FormData", "forEach", 1, "function");
        for (let i = 0; i < entries.length; i++) {
            P.ReflectApply(callback, thisArg, [entries[i].value, entries[i].name, this]);
        }
    }

    entries() {
        return iterateEntries(this.#entries);
    }

    keys() {
        return iterateKeys(this.#entries);
    }

    values() {
        return iterateValues(this.#entries);
    }

    [Symbol.iterator]() {
        return iterateEntries(this.#entries);
    }
}

publish(FormData);
Object.defineProperty(FormData.prototype, Symbol.iterator, { enumerable: false });

function check(given, method) {
    if (given.length < 1) throw badArgument("FormData", method, 1, "string");
    if (given.length < 2) throw badArgument("FormData", method, 2, "File or Blob or string");
}

// ---- writing ----

function quoted(text) {
    if (endsWith(text, "\\")) throw new TypeError("Name or filename can't end with backslash");
    return replaceAll(replaceAll(replaceAll(text, "\\", "\\\\"), '"', "%22"), "\n", "%0A");
}

// The body of a form as multipart/form-data.
export function serializeForm(form, boundary) {
    const entries = entriesOf(form);
    const chunks = [];
    let total = 0;
    let text = "";
    const add = (bytes) => {
        chunks[chunks.length] = bytes;
        total += bytes.byteLength;
    };
    for (let i = 0; i < entries.length; i++) {
        const { name, value } = entries[i];
        text += `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
        if (typeof value === "string") {
            text += `\r\n\r\n${value}\r\n`;
            continue;
        }
        const type = value.type === "" ? "application/octet-stream" : value.type;
        text += `; filename="${quoted(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`;
        add(encodeUtf8(text));
        add(blobBytes(value));
        text = "\r\n";
    }
    add(encodeUtf8(`${text}--${boundary}--`));
    return chunks.length === 1 ? chunks[0] : concatBytes(chunks, total);
}

// ---- reading ----

const UNKNOWN =
    "Unrecognized Content-Type header value. FormData can only parse the following MIME types: multipart/form-data, " +
    "application/x-www-form-urlencoded";
const NO_BOUNDARY =
    "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary parameter, e.g. " +
    "'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4.";

// A form from the bytes of a body and its Content-Type.
export function parseForm(bytes, contentType) {
    const form = new FormData();
    const entries = entriesOf(form);
    const parsed = N.mimeExtract(contentType);
    if (parsed === undefined) throw new TypeError(UNKNOWN);
    const essence = parsed[1];
    if (essence === "multipart/form-data") {
        if (parsed[3] === undefined || parsed[3] === "") throw new TypeError(NO_BOUNDARY);
        parseMultipart(bytes, parsed[3], entries);
    } else if (essence === "application/x-www-form-urlencoded") {
        const charset = parsed[2] === undefined ? "utf-8" : toLowerCase(parsed[2]);
        if (charset !== "utf-8" && charset !== "utf8" && charset !== "unicode-1-1-utf-8") {
            throw new TypeError("Non-utf-8 application/x-www-form-urlencoded body.");
        }
        parseUrlEncoded(decodeUtf8(bytes), entries);
    } else {
        throw new TypeError(UNKNOWN);
    }
    return form;
}

function formDecode(text) {
    return indexOf(text, "%") < 0 && indexOf(text, "+") < 0 ? text : N.formDecode(text);
}

function parseUrlEncoded(text, entries) {
    for (let start = 0; start < text.length; ) {
        let end = indexOf(text, "&", start);
        if (end < 0) end = text.length;
        if (end > start) {
            let equals = indexOf(text, "=", start);
            if (equals < 0 || equals > end) equals = end;
            entries[entries.length] = {
                name: formDecode(substring(text, start, equals)),
                value: formDecode(substring(text, equals + 1, end)),
            };
        }
        start = end + 1;
    }
}

// The text is the body with each byte as one character: what is found in it is at the same place in the bytes.
function parseMultipart(bytes, boundary, entries) {
    const text = decodeLatin1(bytes);
    const first = `--${boundary}`;
    const next = `\n--${boundary}`;
    const filesAsText = !hasFlag("formdata_parser_supports_files");
    let at = indexOf(text, first);
    if (at < 0 || at + first.length >= text.length) {
        throw new TypeError("No initial boundary string (or you have a truncated message).");
    }
    at += first.length;
    while (!startsWith(text, "--", at)) {
        if (startsWith(text, "\n", at)) at += 1;
        else if (startsWith(text, "\r\n", at)) at += 2;
        else throw new TypeError("Boundary string was not succeeded by CRLF, LF, or '--'.");
        const head = headersEnd(text, at);
        if (head === null) throw new TypeError("No multipart message header termination found.");
        const part = partHeaders(bytes, text, at, head.end);
        const start = head.next;
        const stop = indexOf(text, next, start);
        if (stop < 0 || stop + next.length >= text.length) {
            throw new TypeError("No subsequent boundary string after multipart message.");
        }
        const end = stop > start && charCodeAt(text, stop - 1) === 13 ? stop - 1 : stop;
        let value;
        if (part.filename !== undefined && !filesAsText) {
            value = fileFromBytes(sliceBytes(bytes, start, end), part.filename, part.type);
        } else {
            value = decodeUtf8(subarray(bytes, start, end));
        }
        entries[entries.length] = { name: part.name, value };
        at = stop + next.length;
    }
}

// Where the blank line behind a part's headers is: {end, next} or null.
function headersEnd(text, from) {
    for (let at = from; ; ) {
        const lf = indexOf(text, "\n", at);
        if (lf < 0) return null;
        const after = startsWith(text, "\r\n", lf + 1) ? lf + 3 : startsWith(text, "\n", lf + 1) ? lf + 2 : 0;
        if (after > 0) return { end: lf, next: after };
        at = lf + 1;
    }
}

function textAt(bytes, from, to) {
    return decodeUtf8(subarray(bytes, from, to));
}

function partHeaders(bytes, text, from, end) {
    let disposition;
    let type = "";
    for (let at = from; at < end; ) {
        let lineEnd = indexOf(text, "\n", at);
        if (lineEnd < 0 || lineEnd > end) lineEnd = end;
        const colon = indexOf(text, ":", at);
        if (colon < 0 || colon >= lineEnd || colon === at) throw new TypeError("FormData part had invalid headers.");
        const name = toLowerCase(trim(substring(text, at, colon)));
        if (name === "content-disposition") disposition = trim(textAt(bytes, colon + 1, lineEnd));
        else if (name === "content-type") type = trim(textAt(bytes, colon + 1, lineEnd));
        at = lineEnd + 1;
    }
    if (disposition === undefined) {
        throw new TypeError("No valid Content-Disposition header found in FormData part.");
    }
    const part = parseDisposition(disposition);
    part.type = type;
    return part;
}

const KIND = /^[ \t]*([A-Za-z0-9_-]+)[ \t]*/;
const PARAMETER = /;[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*"((?:[^"\n\\]|\\[^\n])+)"[ \t]*/y;

function parseDisposition(text) {
    const kind = exec(KIND, text);
    if (kind === null) throw new TypeError("Invalid Content-Disposition header found in FormData part.");
    if (kind[1] !== "form-data") {
        throw new TypeError(
            'Content-Disposition header for FormData part must have the value "form-data", possibly followed by parameters. ' +
                `Got: "${kind[1]}"`,
        );
    }
    let name;
    let filename;
    PARAMETER.lastIndex = kind[0].length;
    for (let m; (m = exec(PARAMETER, text)) !== null; ) {
        const value = indexOf(m[2], "\\") < 0 ? m[2] : unescape(m[2]);
        if (m[1] === "name") name = value;
        else if (m[1] === "filename") filename = value;
    }
    if (name === undefined) {
        throw new TypeError("Content-Disposition header in FormData part is missing a name.");
    }
    return { name, filename, type: "" };
}

function unescape(text) {
    let out = "";
    for (let i = 0; i < text.length; i++) out += text[i] === "\\" ? text[++i] : text[i];
    return out;
}
