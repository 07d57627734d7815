// SubtleCrypto. The operations are short and run here and now; what they return is a promise because the standard says so.

import { algorithmName, algorithmOf, bufferOf, bytesMember, domError, hashOf } from "crypto_util";
import { intMember, isBytes, isKey, member, optionalBytes, recordOf } from "crypto_util";
import { exportKey, generateKey, importKey } from "crypto_keys";
import { badArgument, illegalInvocation, isObject, publish } from "errors";
import { requireEvent } from "io";

const { ArrayPrototypeIncludes: includes } = P;
const PKCS1 = 0, PSS = 1, ECDSA = 2, EDDSA = 3; // of slv_scheme
const ITERATIONS_MAX = 100000;
const GCM_TAGS = [32, 64, 96, 104, 112, 120, 128];

const MAKE = P.Symbol("internal");

// Checks the arguments of a method, each by a letter or the name of its algorithm's type, in order.
const TYPES = { __proto__: null, s: "string", b: "BufferSource", k: "CryptoKey", e: "boolean", u: "Array", d: "BufferSource or JsonWebKey" };

function check(method, args, kinds) {
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i];
    const value = args[i];
    let right = i < args.length;
    if (kind === "b") right = right && isBytes(value);
    else if (kind === "k") right = right && isKey(value);
    else if (kind === "u") right = right && P.ArrayIsArray(value);
    else if (kind === "d") right = right && isObject(value);
    else if (kind.length > 1) right = right && value !== undefined && value !== null;
    if (!right) throw badArgument("SubtleCrypto", method, i + 1, TYPES[kind] ?? `string or ${kind}`);
  }
}

// The record of a key that may do this under this algorithm.
function authorize(algorithm, key, usage) {
  const r = recordOf(key);
  const name = algorithmName(algorithm);
  if (algorithmOf(name) !== r.row) {
    throw domError(
      "InvalidAccessError",
      `Requested algorithm "${name}" does not match this CryptoKey's algorithm "${r.row.name}".`,
    );
  }
  if (!includes(r.usages, usage)) {
    throw domError(
      "InvalidAccessError",
      `Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`,
    );
  }
  return r;
}

// ---- encryption ----

function decryptionFailed(name, length, expected) {
  return domError(
    "OperationError",
    "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect CryptoKey, or " +
      `another algorithm-specific reason. Input length was ${length}, output length expected to be ${expected} for ${name}`,
  );
}

function aesCbc(encrypt, algorithm, r, data) {
  const iv = bytesMember(algorithm, "iv", "EncryptAlgorithm");
  if (iv.byteLength !== 16) {
    throw domError("OperationError", `AES-CBC IV must be 16 bytes long (provided ${iv.byteLength} bytes).`);
  }
  const out = N.aesCbc(encrypt, r.material, iv, data);
  if (out === undefined) {
    const length = data.byteLength;
    throw decryptionFailed("AES-CBC", length, length < 16 ? 0 : length - (length % 16 === 0 ? 16 : length % 16));
  }
  return out;
}

function aesCtr(encrypt, algorithm, r, data) {
  const counter = bytesMember(algorithm, "counter", "EncryptAlgorithm");
  if (algorithm.length === undefined) throw new P.TypeError('Missing "length" member in "algorithm".');
  const bits = intMember(algorithm, "length");
  if (counter.byteLength !== 16) {
    throw domError("OperationError", `Counter must have length of 16 bytes (provided ${counter.byteLength}).`);
  }
  if (bits < 1 || bits > 128) throw domError("OperationError", `Invalid counter of ${bits} bits length provided.`);
  const out = N.aesCtr(r.material, counter, bits, data);
  if (out === undefined) throw domError("OperationError", "Counter block values will repeat.");
  return out;
}

function aesGcm(encrypt, algorithm, r, data) {
  const iv = bytesMember(algorithm, "iv", "EncryptAlgorithm");
  const aad = optionalBytes(algorithm, "additionalData", "EncryptAlgorithm");
  const tag = algorithm.tagLength === undefined ? 128 : intMember(algorithm, "tagLength");
  if (iv.byteLength === 0) throw domError("OperationError", "AES-GCM IV must not be empty.");
  if (!includes(GCM_TAGS, tag)) throw domError("OperationError", `Invalid AES-GCM tag length ${tag}.`);
  if (!encrypt && data.byteLength < tag / 8) {
    throw domError(
      "OperationError",
      `Ciphertext length of ${data.byteLength * 8} bits must be greater than or equal to the size of the AES-GCM tag ` +
        `length of ${tag} bits.`,
    );
  }
  const out = N.aesGcm(encrypt, r.material, iv, aad, tag / 8, data);
  if (out === undefined) {
    const length = data.byteLength - tag / 8;
    throw decryptionFailed("AES-GCM", length, length);
  }
  return out;
}

function rsaOaep(encrypt, algorithm, r, data) {
  const label = optionalBytes(algorithm, "label", "EncryptAlgorithm");
  const out = N.keyOaep(r.material, encrypt, r.hash.id, label, data);
  if (out === undefined) throw domError("OperationError", "RSA-OAEP failed encrypt/decrypt.");
  return out;
}

function aesKw(wrap, algorithm, r, data) {
  const bits = data.byteLength * 8;
  if (wrap && (bits % 64 !== 0 || bits < 128)) {
    throw domError(
      "OperationError",
      `Unwrapped key bit length must be a multiple of 64 bits but unwrapped key has a length of ${bits} bits.`,
    );
  }
  if (!wrap && bits % 64 !== 0) {
    throw domError(
      "OperationError",
      `Provided a wrapped key to unwrap that is ${bits} bits which isn't a multiple of 64 bits.`,
    );
  }
  const out = N.aesKw(wrap, r.material, data);
  if (out === undefined) throw domError("OperationError", `AES-KW key ${wrap ? "wrapping" : "unwrapping"} failed.`);
  return out;
}

const CIPHERS = { __proto__: null, "AES-CBC": aesCbc, "AES-CTR": aesCtr, "AES-GCM": aesGcm, "RSA-OAEP": rsaOaep, "AES-KW": aesKw };

function crypt(encrypt, algorithm, r, data) {
  return CIPHERS[r.row.name](encrypt, algorithm, r, data);
}

// ---- signatures ----

// [scheme, hash, salt length] of a key and what the call asks for.
function signOptions(algorithm, r) {
  if (r.row.name === "RSASSA-PKCS1-v1_5") return [PKCS1, r.hash.id, 0];
  if (r.row.name === "RSA-PSS") {
    const given = isObject(algorithm) ? algorithm.saltLength : undefined;
    if (given === undefined) {
      throw domError("DataError", "Failed to provide salt for RSA-PSS key operation which requires a salt");
    }
    const salt = intMember(algorithm, "saltLength");
    if (salt < 0) {
      throw domError("DataError", `SaltLength for RSA-PSS must be non-negative (provided ${salt}).`);
    }
    return [PSS, r.hash.id, salt];
  }
  if (r.row.family === "okp") return [EDDSA, 0, 0];
  const hash = isObject(algorithm) ? algorithm.hash : undefined;
  if (hash === undefined) {
    throw new P.TypeError(
      'Missing "hash" in AlgorithmIdentifier. (ECDSA requires that the hash algorithm be specified at call time rather ' +
        "than on the key. This differs from other WebCrypto algorithms for historical reasons.)",
    );
  }
  return [ECDSA, hashOf(hash).id, 0];
}

function sign(algorithm, r, data) {
  if (r.row.family === "hmac") return N.hmac(r.hash.id, r.material, data);
  const [scheme, hash, salt] = signOptions(algorithm, r);
  const out = N.keySign(r.material, scheme, hash, salt, data);
  if (out === undefined) {
    throw domError(
      "OperationError",
      scheme === PSS ? "key too small for signing with given digest and salt length" : `${r.row.name} signing failed.`,
    );
  }
  return out;
}

function verify(algorithm, r, signature, data) {
  if (r.row.family === "hmac") return N.timingSafeEqual(N.hmac(r.hash.id, r.material, data), signature);
  const [scheme, hash, salt] = signOptions(algorithm, r);
  return N.keyVerify(r.material, scheme, hash, salt, signature, data);
}

// ---- derivation ----

function checkKdfLength(name, length) {
  if (length === null) throw domError("OperationError", `${name} cannot derive a key with null length.`);
  if (length % 8 !== 0) {
    throw domError(
      "OperationError",
      `${name} requires a derived key length that is a multiple of eight (requested ${length}).`,
    );
  }
}

function hkdf(algorithm, r, length) {
  const hash = hashOf(member(algorithm, "hash"));
  const salt = bytesMember(algorithm, "salt", "DeriveKeyAlgorithm");
  const info = bytesMember(algorithm, "info", "DeriveKeyAlgorithm");
  checkKdfLength("HKDF", length);
  const out = N.hkdf(hash.id, r.material, salt, info, length / 8);
  if (out === undefined) throw domError("OperationError", "HKDF deriveBits failed.");
  return out;
}

function pbkdf2(algorithm, r, length) {
  const hash = hashOf(member(algorithm, "hash"));
  const salt = bytesMember(algorithm, "salt", "DeriveKeyAlgorithm");
  const iterations = intMember(algorithm, "iterations");
  checkKdfLength("PBKDF2", length);
  if (iterations <= 0) {
    throw domError("OperationError", `PBKDF2 requires a positive iteration count (requested ${iterations}).`);
  }
  if (iterations > ITERATIONS_MAX) {
    throw domError(
      "NotSupportedError",
      `Pbkdf2 failed: iteration counts above ${ITERATIONS_MAX} are not supported (requested ${iterations}).`,
    );
  }
  const out = N.pbkdf2(hash.id, r.material, salt, iterations, length / 8);
  if (out === undefined) throw domError("OperationError", "PBKDF2 deriveBits failed.");
  return out;
}

// The first `length` bits; those of the last byte that are not asked for are zero.
function truncate(bytes, length) {
  if (length === null) return bytes;
  if (length > bytes.byteLength * 8) {
    throw domError(
      "OperationError",
      `Derived key length (${length} bits) is too long (should be at most ${bytes.byteLength * 8} bits).`,
    );
  }
  const out = P.TypedArrayPrototypeSlice(bytes, 0, (length + 7) >>> 3);
  if (length % 8 !== 0) out[out.byteLength - 1] &= 0xff << (8 - (length % 8));
  return out;
}

function agree(algorithm, r, length) {
  const peerKey = member(algorithm, "public", "derivedKeyParams");
  if (!isKey(peerKey)) {
    throw new P.TypeError(
      "Incorrect type for the 'public' field on 'algorithm': the provided value is not of type 'CryptoKey'.",
    );
  }
  const peer = recordOf(peerKey);
  if (peer.type !== "public") {
    throw domError("InvalidAccessError", `The provided key has type "${peer.type}", not "public"`);
  }
  if (peer.row !== r.row) {
    throw domError(
      "InvalidAccessError",
      `Private key for derivation is using "${r.row.name}" while public key is using "${peer.row.name}".`,
    );
  }
  if (peer.curve !== r.curve) {
    throw domError(
      "InvalidAccessError",
      `Private key for derivation is using curve "${r.curve.name}" while public key is using "${peer.curve.name}".`,
    );
  }
  const secret = N.keyDerive(r.material, peer.material);
  if (secret === undefined) throw domError("OperationError", `Failed to derive ${r.row.name} key.`);
  return truncate(secret, length);
}

function bitLength(value) {
  const length = P.Number(value);
  if (!(length >= 0 && length <= 0xffffffff)) {
    throw new P.TypeError("deriveBits length must be an unsigned long integer.");
  }
  return length >>> 0;
}

function derive(algorithm, r, length) {
  if (r.row.name === "HKDF") return hkdf(algorithm, r, length);
  return r.row.name === "PBKDF2" ? pbkdf2(algorithm, r, length) : agree(algorithm, r, length);
}

// How many bits the key that is to be derived wants; null: as many as there are.
function derivedLength(algorithm) {
  const name = algorithmName(algorithm);
  const row = algorithmOf(name);
  if (row !== undefined && row.family === "aes") {
    const length = intMember(algorithm, "length", "derivedKeyParams");
    if (length !== 128 && length !== 192 && length !== 256) {
      throw domError(
        "OperationError",
        `Derived AES key must be 128, 192, or 256 bits in length but provided ${length}.`,
      );
    }
    return length;
  }
  if (row !== undefined && row.family === "hmac") {
    const hash = hashOf(member(algorithm, "hash", "derivedKeyParams"));
    if (algorithm.length === undefined) return hash.block;
    const length = intMember(algorithm, "length");
    if (length <= 0) throw new P.TypeError("HMAC key length must be greater than zero.");
    return length;
  }
  if (row !== undefined && row.family === "kdf") return null;
  throw domError("NotSupportedError", `Unrecognized derived key type "${name}" requested.`);
}

let isSubtle;

export class SubtleCrypto {
  #brand;

  static {
    isSubtle = (value) => isObject(value) && #brand in value;
  }

  constructor(token) {
    if (token !== MAKE) throw new P.TypeError("Illegal constructor");
  }

  async encrypt(algorithm, key, plainText) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("encrypt", arguments, ["EncryptAlgorithm", "k", "b"]);
    return bufferOf(crypt(true, algorithm, authorize(algorithm, key, "encrypt"), plainText));
  }

  async decrypt(algorithm, key, cipherText) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("decrypt", arguments, ["EncryptAlgorithm", "k", "b"]);
    return bufferOf(crypt(false, algorithm, authorize(algorithm, key, "decrypt"), cipherText));
  }

  async sign(algorithm, key, data) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("sign", arguments, ["SignAlgorithm", "k", "b"]);
    return bufferOf(sign(algorithm, authorize(algorithm, key, "sign"), data));
  }

  async verify(algorithm, key, signature, data) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("verify", arguments, ["SignAlgorithm", "k", "b", "b"]);
    return verify(algorithm, authorize(algorithm, key, "verify"), signature, data);
  }

  async digest(algorithm, data) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("digest", arguments, ["HashAlgorithm", "b"]);
    return bufferOf(N.digest(hashOf(algorithm).id, data));
  }

  async generateKey(algorithm, extractable, keyUsages) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("generateKey", arguments, ["GenerateKeyAlgorithm", "e", "u"]);
    requireEvent();
    return generateKey(algorithm, !!extractable, keyUsages);
  }

  async deriveKey(algorithm, baseKey, derivedKeyAlgorithm, extractable, keyUsages) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("deriveKey", arguments, ["DeriveKeyAlgorithm", "k", "ImportKeyAlgorithm", "e", "u"]);
    const r = authorize(algorithm, baseKey, "deriveKey");
    const bits = derive(algorithm, r, derivedLength(derivedKeyAlgorithm));
    return importKey("raw", bits, derivedKeyAlgorithm, !!extractable, keyUsages);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("deriveBits", arguments, ["DeriveKeyAlgorithm", "k"]);
    const r = authorize(algorithm, baseKey, "deriveBits");
    return bufferOf(derive(algorithm, r, length === null ? null : bitLength(length)));
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("importKey", arguments, ["s", "d", "ImportKeyAlgorithm", "e", "u"]);
    return importKey(`${format}`, keyData, algorithm, !!extractable, keyUsages);
  }

  async exportKey(format, key) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("exportKey", arguments, ["s", "k"]);
    return exportKey(`${format}`, recordOf(key));
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("wrapKey", arguments, ["s", "k", "k", "EncryptAlgorithm"]);
    const r = authorize(wrapAlgorithm, wrappingKey, "wrapKey");
    let data = exportKey(`${format}`, recordOf(key));
    if (!isBytes(data)) data = N.utf8Encode(P.JSONStringify(data));
    return bufferOf(crypt(true, wrapAlgorithm, r, data));
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("unwrapKey", arguments, ["s", "b", "k", "EncryptAlgorithm", "ImportKeyAlgorithm", "e", "u"]);
    const r = authorize(unwrapAlgorithm, unwrappingKey, "unwrapKey");
    let data = crypt(false, unwrapAlgorithm, r, wrappedKey);
    if (`${format}` === "jwk") data = P.JSONParse(N.utf8Decode(data));
    return importKey(`${format}`, data, unwrappedKeyAlgorithm, !!extractable, keyUsages);
  }

  timingSafeEqual(a, b) {
    if (!isSubtle(this)) throw illegalInvocation();
    check("timingSafeEqual", arguments, ["b", "b"]);
    if (a.byteLength !== b.byteLength) throw new P.TypeError("Input buffers must have the same byte length.");
    return N.timingSafeEqual(a, b);
  }
}
publish(SubtleCrypto);

export const subtle = new SubtleCrypto(MAKE);
