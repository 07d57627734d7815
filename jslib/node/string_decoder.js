// node:string_decoder: bytes to text where a character may be cut in two.

import { Buffer, normalizeEncoding } from "node/internal/buffer";
import { arity } from "node/internal/functions";
import { nodeError } from "node/internal/errors";

const encodingNumber = { __proto__: null, utf8: 0, utf16le: 1, latin1: 2, ascii: 3, base64: 4, base64url: 5, hex: 6 };

// How many bytes at the end of `bytes` begin a UTF-8 character that is not whole yet.
function openUtf8(bytes) {
  const length = bytes.length;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc0 && byte < 0xe0 ? 2 : 1;
    if (size <= back) return 0;
    return back;
  }
  return 0;
}

// `fresh`: nothing was held before these bytes.
function openOf(kind, bytes, fresh) {
  switch (kind) {
    case "utf8":
      return openUtf8(bytes);
    case "utf16le": {
      const odd = bytes.length % 2;
      if (odd === 1 && fresh) return 1; // Node looks for half a pair only where the bytes end with a whole unit
      const high = bytes.length - odd >= 2 ? bytes[bytes.length - odd - 1] : 0;
      return high >= 0xd8 && high <= 0xdb ? odd + 2 : odd;
    }
    case "base64":
    case "base64url":
      return bytes.length % 3;
  }
  return 0;
}

const sizes = { __proto__: null, utf8: 4, utf16le: 2, base64: 3, base64url: 3 };

function StringDecoder(encoding) {
  const kind = normalizeEncoding(encoding);
  if (kind === undefined) throw nodeError("ERR_UNKNOWN_ENCODING", encoding);
  this.encoding = kind;
  P.ObjectDefineProperty(this, "held", { __proto__: null, value: new Uint8Array(0), writable: true });
}

function bytesOf(value) {
  if (!P.ArrayBufferIsView(value)) throw nodeError("ERR_INVALID_ARG_TYPE", "buf", ["Buffer", "TypedArray", "DataView"], value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

StringDecoder.prototype.write = function write(value) {
  if (typeof value === "string") return value;
  let bytes = bytesOf(value);
  if (this?.held === undefined) throw nodeError("ERR_INVALID_THIS", "StringDecoder");
  const fresh = this.held.length === 0;
  const number = encodingNumber[this.encoding];
  if (!fresh) {
    const joined = new Uint8Array(this.held.length + bytes.length);
    joined.set(this.held);
    joined.set(bytes, this.held.length);
    bytes = joined;
  }
  const open = openOf(this.encoding, bytes, fresh);
  this.held = open === 0 ? new Uint8Array(0) : bytes.slice(bytes.length - open);
  return N.bufferText(bytes, 0, bytes.length - open, number);
};

StringDecoder.prototype.end = function end(value) {
  let out = value === undefined ? "" : this.write(value);
  if (this.held.length > 0) {
    const number = encodingNumber[this.encoding];
    out += N.bufferText(this.held, 0, this.held.length, number);
    this.held = new Uint8Array(0);
  }
  return out;
};

StringDecoder.prototype.text = function text(bytes, offset) {
  this.held = new Uint8Array(0);
  return this.write(bytesOf(bytes).subarray(offset));
};

P.ObjectDefineProperties(StringDecoder.prototype, {
  lastChar: {
    __proto__: null,
    get() {
      const out = Buffer.alloc(sizes[this.encoding] ?? 0);
      out.set(this.held);
      return out;
    },
    enumerable: true,
    configurable: true,
  },
  lastNeed: {
    __proto__: null,
    get() {
      return this.held.length === 0 ? 0 : needed(this.encoding, this.held) - this.held.length;
    },
    enumerable: true,
    configurable: true,
  },
  lastTotal: {
    __proto__: null,
    get() {
      return this.held.length === 0 ? 0 : needed(this.encoding, this.held);
    },
    enumerable: true,
    configurable: true,
  },
});

// The size of the character that the held bytes begin.
function needed(kind, held) {
  if (kind === "utf16le") return held.length > 2 ? 4 : 2;
  if (kind !== "utf8") return 3;
  return held[0] >= 0xf0 ? 4 : held[0] >= 0xe0 ? 3 : 2;
}

const string_decoder = { StringDecoder: arity(StringDecoder, 0) };
export { string_decoder as default };
