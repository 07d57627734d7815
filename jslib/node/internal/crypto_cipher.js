// Cipheriv and Decipheriv, and RSA as a cipher.

import { decode, isBytes, newSlot, toBuffer } from "node/internal/crypto_util";
import { handleForUse, secretOf } from "node/internal/crypto_keys";
import { internalExports } from "node/registry";
import { makeLazyStream } from "node/internal/lazy_stream";
import { nodeError } from "node/internal/errors";
import { validateNumber, validateObject, validateString, validateUint32 } from "node/internal/validators";

// {handle, decoder}: a character, or a group of base64, may begin in one piece of output and end in the next.
const States = newSlot();

function handleOf(object) {
  return States.of(object).handle;
}

// A piece of output as the caller wants it; last: nothing follows.
function give(state, bytes, encoding, last) {
  if (encoding === undefined || encoding === null || encoding === "buffer") return toBuffer(bytes);
  state.decoder ??= new (internalExports("string_decoder").StringDecoder)(encoding);
  const text = state.decoder.write(toBuffer(bytes));
  return last ? text + state.decoder.end() : text;
}

function keyBytes(key) {
  if (isBytes(key)) return key;
  if (typeof key === "string") return decode(key);
  const secret = secretOf(key);
  if (secret !== undefined) return secret;
  throw nodeError("ERR_INVALID_ARG_TYPE", "key", ["string", "Buffer", "TypedArray", "DataView", "KeyObject", "CryptoKey"], key);
}

function ivBytes(iv) {
  if (isBytes(iv)) return iv;
  if (typeof iv === "string") return decode(iv);
  if (iv === null) return undefined;
  throw nodeError("ERR_INVALID_ARG_TYPE", "iv", ["string", "Buffer", "TypedArray", "DataView", "null"], iv);
}

function open(object, encrypt, algorithm, key, iv, options) {
  validateString(algorithm, "algorithm");
  const secret = keyBytes(key), vector = ivBytes(iv);
  const tag = options?.authTagLength ?? options?.authLengthTag;
  if (tag !== undefined) validateUint32(tag, "options.authTagLength");
  new States(object, { handle: N.nodeCipherNew(encrypt, algorithm, secret, vector, tag), decoder: undefined, options, streams: false });
}

export function Cipheriv(algorithm, key, iv, options) {
  if (!(this instanceof Cipheriv)) return new Cipheriv(algorithm, key, iv, options);
  open(this, true, algorithm, key, iv, options);
}

export function Decipheriv(algorithm, key, iv, options) {
  if (!(this instanceof Decipheriv)) return new Decipheriv(algorithm, key, iv, options);
  open(this, false, algorithm, key, iv, options);
}

function inputBytes(data, encoding) {
  if (typeof data === "string") return decode(data, encoding);
  if (isBytes(data)) return data;
  throw nodeError("ERR_INVALID_ARG_TYPE", "data", ["string", "Buffer", "TypedArray", "DataView"], data);
}

const methods = {
  update(data, inputEncoding, outputEncoding) {
    const state = States.of(this);
    return give(state, N.nodeCipherUpdate(state.handle, inputBytes(data, inputEncoding)), outputEncoding, false);
  },
  final(outputEncoding) {
    const state = States.of(this);
    return give(state, N.nodeCipherFinal(state.handle), outputEncoding, true);
  },
  setAAD(buffer, options = {}) {
    validateObject(options, "options");
    const { plaintextLength, encoding } = options;
    if (plaintextLength !== undefined) validateUint32(plaintextLength, "options.plaintextLength");
    if (encoding !== undefined) validateString(encoding, "options.encoding");
    const bytes = typeof buffer === "string" ? decode(buffer, encoding) : buffer;
    if (!isBytes(bytes)) throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"], buffer);
    N.nodeCipherAad(handleOf(this), bytes, plaintextLength);
    return this;
  },
  setAutoPadding(autoPadding = true) {
    N.nodeCipherPadding(handleOf(this), !!autoPadding);
    return this;
  },
  _transform(chunk, encoding, callback) {
    this.push(toBuffer(N.nodeCipherUpdate(handleOf(this), inputBytes(chunk, encoding))));
    callback();
  },
  _flush(callback) {
    let last;
    try {
      last = N.nodeCipherFinal(handleOf(this));
    } catch (error) {
      callback(error);
      return;
    }
    this.push(toBuffer(last));
    callback();
  },
};

P.ObjectAssign(Cipheriv.prototype, methods, {
  getAuthTag() {
    return toBuffer(N.nodeCipherTag(handleOf(this)));
  },
});
P.ObjectAssign(Decipheriv.prototype, methods, {
  setAuthTag(buffer, encoding) {
    const bytes = typeof buffer === "string" ? decode(buffer, encoding) : buffer;
    if (!isBytes(bytes)) throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"], buffer);
    N.nodeCipherSetTag(handleOf(this), bytes);
    return this;
  },
});
makeLazyStream(Cipheriv, "Transform", States);
makeLazyStream(Decipheriv, "Transform", States);

export function createCipheriv(algorithm, key, iv, options) {
  return new Cipheriv(algorithm, key, iv, options);
}

export function createDecipheriv(algorithm, key, iv, options) {
  return new Decipheriv(algorithm, key, iv, options);
}

export function getCiphers() {
  return N.nodeCipherNames();
}

export function getCipherInfo(nameOrNid, options = {}) {
  if (typeof nameOrNid !== "string" && typeof nameOrNid !== "number") {
    throw nodeError("ERR_INVALID_ARG_TYPE", "nameOrId", ["string", "number"], nameOrNid);
  }
  validateObject(options, "options");
  const { keyLength, ivLength } = options;
  if (keyLength < 0 || ivLength < 0) return undefined;
  const info = N.nodeCipherInfo(nameOrNid, keyLength, ivLength);
  if (info === undefined) return undefined;
  const [name, mode, nid, blockSize, iv, key] = info;
  return { name, nid, blockSize, ivLength: iv, keyLength: key, mode };
}

// ---- RSA ----

const PUBLIC_ENCRYPT = 0, PRIVATE_DECRYPT = 1, PRIVATE_ENCRYPT = 2, PUBLIC_DECRYPT = 3;
const PKCS1 = 1;

function rsa(what, argument, key, buffer) {
  if (key === undefined) throw nodeError("ERR_MISSING_ARGS", argument);
  if (buffer === undefined) throw nodeError("ERR_MISSING_ARGS", "buffer");
  const handle = handleForUse(key, what === PRIVATE_DECRYPT || what === PRIVATE_ENCRYPT, undefined);
  const options = typeof key === "object" && key !== null ? key : {};
  const { padding = PKCS1, oaepHash = "sha256", oaepLabel, encoding = "utf8" } = options; // the platform's defaults, not Node's
  validateNumber(padding, "options.padding");
  validateString(oaepHash, "options.oaepHash");
  let label;
  if (oaepLabel !== undefined) {
    label = typeof oaepLabel === "string" ? decode(oaepLabel, encoding) : oaepLabel;
    if (!isBytes(label)) {
      throw nodeError("ERR_INVALID_ARG_TYPE", "options.oaepLabel", ["string", "Buffer", "TypedArray", "DataView", "ArrayBuffer"], oaepLabel);
    }
  }
  const input = typeof buffer === "string" ? decode(buffer, encoding) : buffer;
  if (!isBytes(input)) throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", ["string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"], buffer);
  return toBuffer(N.nodeRsa(handle, what, padding, oaepHash, label, input));
}

export function publicEncrypt(key, buffer) {
  return rsa(PUBLIC_ENCRYPT, "key", key, buffer);
}

export function privateDecrypt(privateKey, buffer) {
  return rsa(PRIVATE_DECRYPT, "privateKey", privateKey, buffer);
}

export function privateEncrypt(privateKey, buffer) {
  return rsa(PRIVATE_ENCRYPT, "privateKey", privateKey, buffer);
}

export function publicDecrypt(key, buffer) {
  return rsa(PUBLIC_DECRYPT, "key", key, buffer);
}
