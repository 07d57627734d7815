// What R2 answers with: objects, their bodies and checksums.

import { badArgument, illegalConstructor, publish } from "errors";
import { ByteSource } from "io";
import { Body, MAKE as BODY, kindOfWireBody } from "body";
import { eachHttpField } from "r2_options";

const MAKE = Symbol("internal");

const bufferOf = (hex) => (hex === undefined ? undefined : P.Uint8ArrayFromHex(hex).buffer);
const hexOf = (buffer) => {
    if (buffer === undefined) return undefined;
    const bytes = new P.Uint8Array(buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i++) {
        text += P.StringPrototypePadStart(P.NumberPrototypeToString(bytes[i], 16), 2, "0");
    }
    return text;
};

export class Checksums {
    constructor(token, sums) {
        if (token !== MAKE) throw illegalConstructor();
        this.sha512 = bufferOf(sums.sha512);
        this.sha384 = bufferOf(sums.sha384);
        this.sha256 = bufferOf(sums.sha256);
        this.sha1 = bufferOf(sums.sha1);
        this.md5 = bufferOf(sums.md5);
    }
    toJSON() {
        return {
            md5: hexOf(this.md5),
            sha1: hexOf(this.sha1),
            sha256: hexOf(this.sha256),
            sha384: hexOf(this.sha384),
            sha512: hexOf(this.sha512),
        };
    }
}
publish(Checksums);

const NOTHING = { __proto__: null };

function httpMetadata(http) {
    const h = http === 0 ? NOTHING : http;
    return {
        contentType: h.contentType,
        contentLanguage: h.contentLanguage,
        contentDisposition: h.contentDisposition,
        contentEncoding: h.contentEncoding,
        cacheControl: h.cacheControl,
        cacheExpiry: h.cacheExpiry === undefined ? undefined : new Date(h.cacheExpiry),
    };
}

export class HeadResult {
    // meta: the array that edge/op_r2_body.c writes.
    constructor(token, meta, range) {
        if (token !== MAKE) throw illegalConstructor();
        // In the platform's order, which JSON shows.
        this.ssecKeyMd5 = meta[9] === "" ? undefined : meta[9];
        this.storageClass = meta[5];
        this.range = range;
        this.customMetadata = meta[7] === 0 ? {} : meta[7];
        this.httpMetadata = httpMetadata(meta[6]);
        this.uploaded = new Date(meta[4]);
        this.checksums = new Checksums(MAKE, meta[8] === 0 ? NOTHING : meta[8]);
        this.httpEtag = `"${meta[3]}"`;
        this.etag = meta[3];
        this.size = meta[2];
        this.version = meta[1];
        this.key = meta[0];
    }
    writeHttpMetadata(headers) {
        const { headerSet, isHeaders } = load("headers");
        if (!isHeaders(headers)) throw badArgument("HeadResult", "writeHttpMetadata", 1, "Headers");
        eachHttpField(this.httpMetadata, (name, value) => headerSet(headers, name, value));
    }
}
publish(HeadResult);

export class GetResult extends HeadResult {
    #body;

    constructor(token, meta, range, body) {
        super(token, meta, range);
        this.#body = new Body(BODY, kindOfWireBody(body), body, null, "", null, true);
    }
    get body() {
        return this.#body.body;
    }
    get bodyUsed() {
        return this.#body.bodyUsed;
    }
    arrayBuffer() {
        return this.#body.arrayBuffer();
    }
    bytes() {
        return this.#body.bytes();
    }
    text() {
        return this.#body.text();
    }
    json() {
        return this.#body.json();
    }
    blob() {
        const type = this.httpMetadata.contentType ?? "";
        return P.PromisePrototypeThen(this.#body.bytes(), (bytes) => load("blob").blobFromBytes(bytes, type));
    }
}
publish(GetResult);

const rangeOf = (offset, length) => ({ offset, length, suffix: undefined });

// Metadata as it came; whole: with the range of all of it.
export function headResult(meta, whole) {
    return new HeadResult(MAKE, meta, whole ? rangeOf(0, meta[2]) : undefined);
}

// The fields of GET's result.
export function getResult(fields) {
    const { 0: what, 1: json, 2: offset, 3: length, 4: stream, 5: inline } = fields;
    if (what === 0) return null;
    const meta = P.JSONParse(json);
    if (what === 2) return headResult(meta, true);
    const body = stream === 0 ? inline : new ByteSource(stream, length);
    return new GetResult(MAKE, meta, rangeOf(offset, length), body);
}
