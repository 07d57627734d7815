// Hash, Hmac, hash().

import { cryptoError, decode, encode, isBytes, newSlot, toBuffer } from "node/internal/crypto_util";
import { makeLazyStream } from "node/internal/lazy_stream";
import { nodeError } from "node/internal/errors";
import { validateString, validateUint32 } from "node/internal/validators";

const DATA = ["string", "Buffer", "TypedArray", "DataView"];

// handle: C's state; result: what came of it, once there is something; done: digest() was called.
const States = newSlot();

function unknownDigest() {
  return new P.Error("Digest method not supported");
}

export function Hash(algorithm, options) {
  if (!(this instanceof Hash)) return new Hash(algorithm, options);
  const length = typeof options === "object" && options !== null ? options.outputLength : undefined;
  if (length !== undefined) validateUint32(length, "options.outputLength");
  let handle;
  if (typeof algorithm === "object" && States.has(algorithm)) {
    const from = States.of(algorithm);
    if (from.result !== undefined) throw alreadyFinal("Hash");
    handle = N.nodeHashCopy(from.handle, length);
  } else {
    validateString(algorithm, "algorithm");
    handle = N.nodeHashNew(algorithm, length);
    if (handle === undefined) throw unknownDigest();
  }
  new States(this, { handle, result: undefined, done: false, options, streams: false });
}

function alreadyFinal(what) {
  return load("crypto_util").domError("OperationError", `${what} context has already been finalized.`);
}

function add(state, data, encoding) {
  if (state.result !== undefined) throw alreadyFinal("Hash");
  let ok;
  if (typeof data === "string") {
    ok =
      encoding === undefined || encoding === "utf8" || encoding === "utf-8" || encoding === "buffer" || encoding === null
        ? N.nodeHashText(state.handle, data)
        : N.nodeHashUpdate(state.handle, decode(data, encoding));
  } else if (P.ArrayBufferIsView(data)) {
    ok = N.nodeHashUpdate(state.handle, data);
  } else {
    throw nodeError("ERR_INVALID_ARG_TYPE", "data", DATA, data);
  }
  if (!ok) throw cryptoError("ERR_CRYPTO_HASH_UPDATE_FAILED");
}

function update(data, encoding) {
  const state = States.of(this);
  if (state.done) throw cryptoError("ERR_CRYPTO_HASH_FINALIZED");
  add(state, data, encoding);
  return this;
}

// What a stream gave at its end may still be asked for.
function finish(state) {
  return (state.result ??= N.nodeHashFinal(state.handle));
}

function transform(chunk, encoding, callback) {
  add(States.of(this), chunk, encoding);
  callback();
}

function flush(callback) {
  this.push(toBuffer(P.TypedArrayPrototypeSlice(finish(States.of(this)))));
  callback();
}

// Methods as Node's classes of functions have them: enumerable, on the prototype.
P.ObjectAssign(Hash.prototype, {
  copy(options) {
    const state = States.of(this);
    if (state.done) throw cryptoError("ERR_CRYPTO_HASH_FINALIZED");
    return new Hash(this, options);
  },
  _transform: transform,
  _flush: flush,
  update,
  digest(outputEncoding) {
    const state = States.of(this);
    if (state.done) throw cryptoError("ERR_CRYPTO_HASH_FINALIZED");
    const bytes = finish(state);
    state.done = true;
    return encode(bytes, outputEncoding);
  },
});
makeLazyStream(Hash, "Transform", States);

export function createHash(algorithm, options) {
  return new Hash(algorithm, options);
}

// A secret key's bytes: of text, bytes, a KeyObject or a CryptoKey.
function secretBytes(key, encoding) {
  if (typeof key === "string") return decode(key, encoding);
  if (isBytes(key)) return key;
  const { secretOf } = load("node/internal/crypto_keys");
  const secret = secretOf(key);
  if (secret !== undefined) return secret;
  throw nodeError("ERR_INVALID_ARG_TYPE", "key", ["ArrayBuffer", "Buffer", "ArrayBufferView", "string", "KeyObject", "CryptoKey"], key);
}

export function Hmac(hmac, key, options) {
  if (!(this instanceof Hmac)) return new Hmac(hmac, key, options);
  validateString(hmac, "hmac");
  const encoding = options === undefined || options === null ? undefined : options.encoding;
  if (encoding !== undefined && encoding !== null) validateString(encoding, "options.encoding");
  const handle = N.nodeHmacNew(hmac, secretBytes(key, encoding));
  if (handle === undefined) throw unknownDigest();
  new States(this, { handle, result: undefined, done: false, options, streams: false });
}

P.ObjectAssign(Hmac.prototype, {
  update,
  digest(outputEncoding) {
    const state = States.of(this);
    if (state.done) return encode(N.bufferFrom("", 0), outputEncoding);
    const bytes = finish(state);
    state.done = true;
    return encode(bytes, outputEncoding);
  },
  _flush: flush,
  _transform: transform,
});
makeLazyStream(Hmac, "Transform", States);

export function createHmac(hmac, key, options) {
  return new Hmac(hmac, key, options);
}

export function hash(algorithm, data, outputEncoding = "hex") {
  validateString(algorithm, "algorithm");
  validateString(outputEncoding, "outputEncoding");
  if (typeof data !== "string" && !P.ArrayBufferIsView(data)) throw nodeError("ERR_INVALID_ARG_TYPE", "data", DATA, data);
  const handle = N.nodeHashNew(algorithm, undefined);
  if (handle === undefined) throw unknownDigest();
  add({ handle, result: undefined }, data, "utf8");
  return encode(N.nodeHashFinal(handle), outputEncoding);
}

