// Content codings of bodies: gzip and br. Bodies that fetch brings stay coded until JavaScript reads them, so that one that is only
// passed on is never unpacked; bodies that a worker labels as coded are packed on their way out.

import { hasFlag } from "flags";
import { concatBytes, encodeUtf8 } from "body_bytes";

const { StringPrototypeToLowerCase: lowerCase, TypedArrayPrototypeSubarray: subarray } = P;

export const IDENTITY = -1;
const GZIP = 0; // formats of N.zipNew
const BROTLI = 3;

const NOTHING = new P.Uint8Array(0);

// What a Content-Encoding field means; null: there is none.
export function codingOf(field) {
    if (field === null) return IDENTITY;
    const name = lowerCase(field);
    if (name === "gzip") return GZIP;
    return name === "br" && hasFlag("brotli_content_encoding") ? BROTLI : IDENTITY;
}

function title(coding) {
    return coding === GZIP ? "Gzip" : "Brotli";
}

// A ByteSource over another whose bytes are coded.
export class DecodingSource {
    constructor(source, coding) {
        this.source = source;
        this.coding = coding;
        this.length = -1;
        this.handle = null;
        this.rest = NOTHING; // input that has not been consumed
        this.more = false; // output that did not fit the last call
        this.started = false;
        this.ended = false;
    }

    async read() {
        this.started = true;
        while (!this.ended) {
            if (this.rest.byteLength === 0 && !this.more) {
                const bytes = await this.source.read();
                if (bytes === undefined) return this.finish();
                this.rest = bytes;
            }
            const chunk = this.run();
            if (chunk.byteLength > 0) return chunk;
        }
        return undefined;
    }

    run() {
        if (this.handle === null) this.handle = N.zipNew(this.coding, false);
        const result = N.zipRun(this.handle, this.rest, false);
        if (result === undefined) {
            this.cancel();
            throw new TypeError(`${title(this.coding)} decompression failed.`);
        }
        this.rest = subarray(this.rest, result[1]);
        this.more = result[2];
        if (result[3]) this.end();
        return result[0];
    }

    // An empty body is no coded one, and needs no end.
    finish() {
        if (this.handle !== null) {
            this.end();
            throw new TypeError(`${title(this.coding)} compressed stream ended prematurely.`);
        }
        this.ended = true;
        return undefined;
    }

    // What follows the coded data is of no interest.
    end() {
        this.release();
        this.source.cancel();
    }

    release() {
        this.ended = true;
        this.rest = NOTHING;
        if (this.handle !== null) N.zipClose(this.handle);
        this.handle = null;
    }

    cancel(reason) {
        this.release();
        this.source.cancel(reason);
    }

    take() {
        return 0;
    }

    // The stream number of the bytes as they are, for whoever wants them in this very coding; else 0.
    takeCoded(coding) {
        return this.started || coding !== this.coding ? 0 : this.source.take();
    }
}

// A ByteSource that packs what another gives.
class EncodingSource {
    constructor(source, coding) {
        this.source = source;
        this.length = -1;
        this.handle = N.zipNew(coding, true);
        this.rest = NOTHING;
        this.more = false;
        this.last = false; // no input follows
        this.ended = false;
    }

    async read() {
        while (!this.ended) {
            if (this.rest.byteLength === 0 && !this.more && !this.last) {
                const bytes = await this.source.read();
                if (bytes === undefined) this.last = true;
                else this.rest = bytes;
            }
            const result = N.zipRun(this.handle, this.rest, this.last);
            this.rest = subarray(this.rest, result[1]);
            this.more = result[2];
            if (result[3]) this.release();
            if (result[0].byteLength > 0) return result[0];
        }
        return undefined;
    }

    release() {
        this.ended = true;
        if (this.handle !== null) N.zipClose(this.handle);
        this.handle = null;
    }

    cancel(reason) {
        this.release();
        this.source.cancel(reason);
    }

    take() {
        return 0;
    }
}

export function encodeSource(source, coding) {
    return new EncodingSource(source, coding);
}

// A string or bytes, packed.
export function encodeBytes(data, coding) {
    const handle = N.zipNew(coding, true);
    const chunks = [];
    let total = 0;
    let rest = typeof data === "string" ? encodeUtf8(data) : data;
    for (;;) {
        const result = N.zipRun(handle, rest, true);
        chunks[chunks.length] = result[0];
        total += result[0].byteLength;
        if (result[3]) break;
        rest = subarray(rest, result[1]);
    }
    N.zipClose(handle);
    return concatBytes(chunks, total);
}
