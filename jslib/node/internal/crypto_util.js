// What the parts of node:crypto and node:zlib share: bytes and their encodings, state behind an object, callbacks.

import { errorWithCode, nodeError } from "node/internal/errors";
import { queueMicrotask } from "timers";

const { ArrayBufferIsView: isView, TypedArrayPrototypeGetByteLength: lengthOf } = P;

// Encodings that the natives turn to text and back without Buffer.
const encodings = { __proto__: null, utf8: 0, "utf-8": 0, latin1: 2, binary: 2, base64: 4, base64url: 5, hex: 6 };

let BufferClass;

export function bufferClass() {
  return (BufferClass ??= load("node/internal/buffer").Buffer);
}

// Bytes that C made, as a Buffer.
export function toBuffer(bytes) {
  return bufferClass().from(P.TypedArrayPrototypeGetBuffer(bytes), P.TypedArrayPrototypeGetByteOffset(bytes), lengthOf(bytes));
}

// Bytes that C made, as the caller wants them: a Buffer, or text.
export function encode(bytes, encoding) {
  if (encoding === undefined || encoding === null || encoding === "" || encoding === "buffer") return toBuffer(bytes);
  const number = encodings[encoding];
  return number !== undefined ? N.bufferText(bytes, 0, lengthOf(bytes), number) : toBuffer(bytes).toString(encoding);
}

// The bytes of text.
export function decode(text, encoding) {
  if (encoding === undefined || encoding === null || encoding === "buffer") return N.bufferFrom(text, 0);
  const number = encodings[encoding];
  return number !== undefined ? N.bufferFrom(text, number) : bufferClass().from(text, encoding);
}

export function textOf(bytes) {
  return N.bufferText(bytes, 0, lengthOf(bytes), 0);
}

export function isArrayBuffer(value) {
  if (typeof value !== "object" || value === null) return false;
  return value instanceof P.ArrayBuffer || (P.globalThis.SharedArrayBuffer !== undefined && value instanceof P.globalThis.SharedArrayBuffer);
}

export function isBytes(value) {
  return isView(value) || isArrayBuffer(value);
}

// Text or bytes of any kind, as bytes; else the error that names the argument.
export function bytesArg(value, name, encoding = undefined) {
  if (typeof value === "string") return decode(value, encoding);
  if (isBytes(value)) return value;
  throw nodeError("ERR_INVALID_ARG_TYPE", name, ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"], value);
}

// The same where an ArrayBuffer is refused.
export function viewArg(value, name, encoding = undefined) {
  if (typeof value === "string") return decode(value, encoding);
  if (isView(value)) return value;
  throw nodeError("ERR_INVALID_ARG_TYPE", name, ["string", "Buffer", "TypedArray", "DataView"], value);
}

// A big-endian number that is not negative, and back.
export function bigIntOf(bytes) {
  return lengthOf(bytes) === 0 ? 0n : P.BigInt("0x" + N.bufferText(bytes, 0, lengthOf(bytes), 6));
}

export function bytesOfBigInt(value, name) {
  if (value < 0n) throw nodeError("ERR_OUT_OF_RANGE", name, ">= 0", value);
  const digits = P.BigIntPrototypeToString(value, 16);
  return N.bufferFrom(digits.length % 2 === 0 ? digits : "0" + digits, 6);
}

// ---- state that a program cannot reach, on objects that constructors without `class` made ----

class Stamped {
  constructor(object) {
    return object;
  }
}

export function newSlot() {
  return class Slot extends Stamped {
    #value;

    constructor(object, value) {
      super(object);
      this.#value = value;
    }

    static of(object) {
      if (typeof object !== "object" || object === null || !(#value in object)) throw new P.TypeError("Illegal invocation");
      return object.#value;
    }

    static has(object) {
      return typeof object === "object" && object !== null && #value in object;
    }
  };
}

// ---- callbacks ----

// Runs work now, and the callback with what came of it in a job of its own. What the callback throws is nobody's to catch.
export function callBack(callback, work) {
  let error = null, result;
  try {
    result = work();
  } catch (e) {
    error = e;
  }
  queueMicrotask(error === null ? () => callback(null, result) : () => callback(error));
}

// ---- errors ----

const texts = {
  __proto__: null,
  ERR_CRYPTO_HASH_FINALIZED: "Digest already called",
  ERR_CRYPTO_HASH_UPDATE_FAILED: "Hash update failed",
  ERR_CRYPTO_SIGN_KEY_REQUIRED: "No key provided to sign",
};

export function cryptoError(code) {
  return errorWithCode(P.Error, code, texts[code]);
}

export function wrongKeyType(actual, expected) {
  return errorWithCode(P.Error, "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE", `Invalid key object type ${actual}, expected ${expected}.`);
}
