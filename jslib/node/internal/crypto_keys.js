// KeyObject: keys that are made of text, bytes, JWKs and CryptoKeys, and written again.

import { bigIntOf, bytesArg, decode, isArrayBuffer, isBytes, newSlot, textOf, toBuffer, wrongKeyType } from "node/internal/crypto_util";
import { inspect } from "inspect";
import { nodeError } from "node/internal/errors";
import { isUint8Array, validateObject, validateOneOf, validateString } from "node/internal/validators";

const INSPECT = P.SymbolFor("nodejs.util.inspect.custom");

// Encodings and kinds, as C numbers them.
const ENCODINGS = { __proto__: null, pkcs1: 0, pkcs8: 1, spki: 2, sec1: 3 };
const ANY = 4;
const RSA = 0, P256 = 1, P521 = 3, ED25519 = 4, X25519 = 5;
const CURVES = { __proto__: null, "P-256": 1, "P-384": 2, "P-521": 3 };
const EDWARDS = { __proto__: null, Ed25519: ED25519, X25519 };
const RSA_PARTS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

// What is behind a KeyObject: {type, handle or bytes, extractable, key: the CryptoKey that it was made of}.
const Records = newSlot();
const MAKE = P.Symbol("internal");

function web() {
  return load("crypto_util");
}

function isCryptoKey(value) {
  return typeof value === "object" && value !== null && web().isKey(value);
}

export function isKeyObject(value) {
  return Records.has(value);
}

export function newKeyObject(record) {
  const Class = record.type === "secret" ? SecretKeyObject : record.type === "public" ? PublicKeyObject : PrivateKeyObject;
  return new Class(MAKE, record);
}

function recordOfCryptoKey(key) {
  const r = web().recordOf(key);
  const record = { type: r.type, handle: undefined, bytes: undefined, extractable: r.extractable };
  if (r.type === "secret") record.bytes = r.material;
  else record.handle = r.material;
  return record;
}

// ---- export ----

function checkExportOptions(options, type, name) {
  validateObject(options, name);
  const { format, type: encoding, cipher, passphrase } = options;
  if (format !== undefined) validateString(format, `${name}.format`);
  if (encoding !== undefined) validateString(encoding, `${name}.type`);
  const out = { format: format === undefined ? "buffer" : format, type: encoding, cipher: undefined, passphrase: undefined };
  if (type === "private" && cipher !== undefined) {
    validateString(cipher, `${name}.cipher`);
    out.cipher = cipher;
    out.passphrase = typeof passphrase === "string" ? decode(passphrase, options.encoding) : passphrase;
    if (!isUint8Array(out.passphrase)) {
      throw nodeError("ERR_INVALID_ARG_TYPE", `${name}.passphrase`, ["string", "Uint8Array"], passphrase);
    }
  }
  return out;
}

function part(handle, index) {
  const bytes = N.keyPart(handle, index);
  return bytes === undefined ? undefined : N.bufferText(bytes, 0, bytes.length, 5);
}

function put(jwk, names, handle, count) {
  for (let i = 0; i < count; i++) jwk[names[i]] = part(handle, i);
  return jwk;
}

// Every member is there, in the order of the platform; what a key does not have is undefined.
function blankJwk(members) {
  return { kty: undefined, use: undefined, key_ops: undefined, alg: undefined, ext: undefined, crv: undefined, x: undefined, y: undefined, d: undefined, n: undefined, e: undefined, p: undefined, q: undefined, dp: undefined, dq: undefined, qi: undefined, oth: undefined, k: undefined, ...members };
}

function jwkOf(record) {
  const { type, handle, bytes } = record;
  if (type === "secret") return blankJwk({ kty: "oct", ext: true, k: N.bufferText(bytes, 0, bytes.byteLength, 5) });
  const kind = N.nodeKeyKind(handle);
  const isPrivate = type === "private";
  if (kind === RSA) return put(blankJwk({ kty: "RSA" }), RSA_PARTS, handle, isPrivate ? 8 : 2);
  if (kind >= P256 && kind <= P521) {
    return put(blankJwk({ kty: "EC", crv: ["P-256", "P-384", "P-521"][kind - P256] }), ["x", "y", "d"], handle, isPrivate ? 3 : 2);
  }
  if (kind === ED25519 || kind === X25519) {
    const jwk = kind === ED25519 ? { kty: "OKP", crv: "Ed25519", alg: "EdDSA" } : { kty: "OKP", crv: "X25519" };
    return put(blankJwk(jwk), ["x", "d"], handle, isPrivate ? 2 : 1);
  }
  throw new P.Error("Key type is invalid for JWK export");
}

function exportRecord(record, options) {
  if (!record.extractable) throw new P.TypeError("Unable to export non-extractable key");
  const { format, type, cipher, passphrase } = options;
  if (format === "jwk") return jwkOf(record);
  if (record.type === "secret") {
    if (format !== "buffer") throw new P.TypeError(`Invalid format for secret key export: ${format}`);
    return toBuffer(copyOf(record.bytes));
  }
  if (type === undefined) throw new P.TypeError("Missing type option");
  if (format !== "pem" && format !== "der") throw new P.Error("Invalid key format");
  const encoding = ENCODINGS[type];
  if (encoding === undefined) throw new P.Error("Invalid key encoding");
  const pem = format === "pem";
  const out = N.nodeKeyWrite(record.handle, record.type === "private", pem, encoding, cipher, passphrase);
  return pem ? textOf(out) : toBuffer(out);
}

function copyOf(bytes) {
  const view = isArrayBuffer(bytes) ? new P.Uint8Array(bytes) : new P.Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return P.TypedArrayPrototypeSlice(view);
}

// ---- the classes ----

export class KeyObject {
  constructor(token, record) {
    if (token !== MAKE) throw new P.Error("Illegal constructor");
    new Records(this, record);
  }

  static from(key) {
    if (!isCryptoKey(key)) throw nodeError("ERR_INVALID_ARG_TYPE", "key", "CryptoKey", key);
    return newKeyObject(recordOfCryptoKey(key));
  }

  export(options = {}) {
    const record = Records.of(this);
    return exportRecord(record, checkExportOptions(options, record.type, "options"));
  }

  equals(otherKeyObject) {
    const own = Records.of(this);
    if (!Records.has(otherKeyObject)) throw nodeError("ERR_INVALID_ARG_TYPE", "otherKeyObject", "KeyObject", otherKeyObject);
    const other = Records.of(otherKeyObject);
    if (own === other) return true;
    if (own.type !== other.type || !own.extractable || !other.extractable) return false; // not to be found out
    if (own.type === "secret") return own.bytes.byteLength === other.bytes.byteLength && N.timingSafeEqual(own.bytes, other.bytes);
    return N.nodeKeyEqual(own.handle, other.handle);
  }

  // As Node's: a CryptoKey of the same material.
  toCryptoKey(algorithm, extractable, keyUsages) {
    const record = Records.of(this);
    const format = record.type === "secret" ? "raw" : record.type === "public" ? "spki" : "pkcs8";
    const data = record.type === "secret" ? copyOf(record.bytes) : N.nodeKeyWrite(record.handle, record.type === "private", false, ENCODINGS[format], undefined, undefined);
    return load("crypto_keys").importKey(format, data, algorithm, !!extractable, keyUsages);
  }

  get type() {
    return Records.of(this).type;
  }

  get [P.SymbolToStringTag]() {
    return "KeyObject";
  }
}

function shown(name, members, depth, options) {
  return `${name} ${inspect(members, { ...options, depth: options.depth === null || options.depth === undefined ? null : options.depth - 1 })}`;
}

function detailsOf(handle) {
  const type = N.nodeKeyType(handle);
  const [bits, divisor, curve, hash, mgf1, salt, exponent] = N.nodeKeyDetails(handle);
  if (type === "rsa" || type === "rsa-pss") {
    const details = { modulusLength: bits, publicExponent: bigIntOf(exponent) };
    if (hash !== undefined) {
      details.hashAlgorithm = hash;
      details.mgf1HashAlgorithm = mgf1;
      details.saltLength = salt;
    }
    return details;
  }
  if (type === "dsa") return { modulusLength: bits, divisorLength: divisor };
  return type === "ec" && curve !== undefined ? { namedCurve: curve } : {};
}

class AsymmetricKeyObject extends KeyObject {
  get asymmetricKeyDetails() {
    return detailsOf(Records.of(this).handle);
  }

  get asymmetricKeyType() {
    return N.nodeKeyType(Records.of(this).handle);
  }

  [INSPECT](depth, options) {
    if (depth < 0) return this;
    return shown(this.constructor.name, { type: this.asymmetricKeyType, details: this.asymmetricKeyDetails }, depth, options);
  }
}

export class PublicKeyObject extends AsymmetricKeyObject {}

export class PrivateKeyObject extends AsymmetricKeyObject {}

export class SecretKeyObject extends KeyObject {
  get symmetricKeySize() {
    return Records.of(this).bytes.byteLength;
  }

  [INSPECT](depth, options) {
    return depth < 0 ? this : shown(this.constructor.name, { size: this.symmetricKeySize }, depth, options);
  }
}

// ---- creation ----

const KEY_DATA = ["ArrayBuffer", "Buffer", "TypedArray", "DataView", "string", "object"];

export function createSecretKey(key, encoding) {
  if (typeof key !== "string" && !isBytes(key)) {
    throw nodeError("ERR_INVALID_ARG_TYPE", "key", ["string", "ArrayBuffer", "TypedArray", "DataView"], key);
  }
  const bytes = typeof key === "string" ? decode(key, encoding) : copyOf(key);
  return newKeyObject({ type: "secret", handle: undefined, bytes, extractable: true });
}

function jwkPart(jwk, name) {
  if (jwk[name] === undefined || jwk[name] === null) throw new P.Error(`${jwk.kty} JWK missing ${name} parameter`);
  return N.bufferFrom(`${jwk[name]}`, 5);
}

function jwkCurve(jwk, curves) {
  if (jwk.crv === undefined || jwk.crv === null) throw new P.Error(`${jwk.kty} JWK missing crv parameter`);
  const curve = curves[jwk.crv];
  if (curve === undefined) throw new P.Error(`${jwk.kty} JWK unsupported crv parameter`);
  return curve;
}

// A private key of the 25519 kind, whatever the JWK says its public half is: by way of PKCS #8.
function okpHandle(kind, d) {
  if (d.length !== 32) return undefined;
  const der = new P.Uint8Array([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, kind === ED25519 ? 0x70 : 0x6e, 4, 0x22, 4, 0x20, ...d]);
  return N.nodeKeyRead(true, der, false, ENCODINGS.pkcs8, undefined);
}

function handleOfJwk(jwk, isPrivate) {
  const parts = (names, count) => {
    const out = [];
    for (let i = 0; i < count; i++) out[i] = jwkPart(jwk, names[i]);
    return out;
  };
  const { kty } = jwk;
  const what = isPrivate ? "private" : "public";
  let handle;
  if (kty === "RSA") {
    handle = N.keyFromParts(RSA, ...parts(RSA_PARTS, isPrivate ? 8 : 2));
  } else if (kty === "EC") {
    const curve = jwkCurve(jwk, CURVES);
    handle = N.keyFromParts(curve, ...parts(["x", "y", "d"], isPrivate ? 3 : 2));
  } else if (kty === "OKP") {
    const curve = jwkCurve(jwk, EDWARDS);
    handle = isPrivate ? okpHandle(curve, jwkPart(jwk, "d")) : N.keyFromParts(curve, jwkPart(jwk, "x"));
  } else {
    throw new P.Error(`JWK ${what} key import is not implemented for this key type`);
  }
  if (handle === undefined) throw new P.Error(`${kty} JWK invalid ${what} key`);
  return handle;
}

// Reading a key takes a hundred times as long as what is then done with it, and many programs read the same text for each
// request: the last few handles of PEM without a passphrase are kept. What a handle stands for never changes.
const KEPT_MAX = 32, KEPT_TEXT_MAX = 16384;
const kept = [new P.Map(), new P.Map()]; // of public keys, of private keys

function readPem(text, isPrivate) {
  const known = kept[isPrivate ? 1 : 0];
  let handle = P.MapPrototypeGet(known, text);
  if (handle === undefined) {
    handle = N.nodeKeyRead(isPrivate, N.bufferFrom(text, 0), true, ANY, undefined);
    if (text.length > KEPT_TEXT_MAX) return handle;
    if (P.MapPrototypeGetSize(known) === KEPT_MAX) P.MapPrototypeClear(known);
    P.MapPrototypeSet(known, text, handle);
  }
  return handle;
}

// C's handle of what a program gave as a key: text, bytes, or {key, format, type, passphrase, encoding}.
function handleOfInput(input, isPrivate) {
  if (typeof input === "string") return readPem(input, isPrivate);
  if (input === undefined || input === null) throw nodeError("ERR_INVALID_ARG_TYPE", "key", KEY_DATA, input);
  const plain = typeof input === "string" || isBytes(input);
  const { key, encoding = "utf8", format = "pem", type, passphrase } = plain ? { key: input } : input;
  if (key === undefined || key === null || isKeyObject(key) || isCryptoKey(key)) {
    throw nodeError("ERR_INVALID_ARG_TYPE", "options.key", KEY_DATA, key);
  }
  if (typeof key !== "string" && !isBytes(key)) {
    if (typeof key !== "object") throw nodeError("ERR_INVALID_ARG_TYPE", "key", KEY_DATA, key);
    return handleOfJwk(key, isPrivate);
  }
  validateOneOf(format, "format", ["pem", "der"]);
  if (type !== undefined) validateOneOf(type, "type", isPrivate ? ["pkcs1", "pkcs8", "sec1"] : ["pkcs1", "spki"]);
  if (typeof key === "string" && format === "pem" && (passphrase === undefined || passphrase === null) && encoding === "utf8") return readPem(key, isPrivate);
  const phrase = passphrase === undefined || passphrase === null ? undefined : bytesArg(passphrase, "passphrase", encoding);
  return N.nodeKeyRead(isPrivate, bytesArg(key, "key", encoding), format === "pem", type === undefined ? ANY : ENCODINGS[type], phrase);
}

function keyObjectOf(type, handle) {
  return newKeyObject({ type, handle, bytes: undefined, extractable: true });
}

export function createPrivateKey(key) {
  return keyObjectOf("private", handleOfInput(key, true));
}

export function createPublicKey(key) {
  if (isKeyObject(key) || isCryptoKey(key)) {
    const record = isKeyObject(key) ? Records.of(key) : recordOfCryptoKey(key);
    if (record.type !== "private") throw nodeError("ERR_INVALID_ARG_TYPE", "key", "PrivateKeyObject", key);
    return newKeyObject({ type: "public", handle: record.handle, bytes: undefined, extractable: true });
  }
  return keyObjectOf("public", handleOfInput(key, false));
}

// ---- for the other parts of node:crypto ----

function recordOf(key) {
  return isKeyObject(key) ? Records.of(key) : isCryptoKey(key) ? recordOfCryptoKey(key) : undefined;
}

// The bytes of a KeyObject or CryptoKey that is secret; undefined for anything else.
export function secretOf(key) {
  const record = recordOf(key);
  if (record === undefined) return undefined;
  if (record.type !== "secret") throw wrongKeyType(record.type, "secret");
  return record.bytes;
}

// C's handle for what may stand where a key is used: a key, something to make one of, or {key: either, ...options}.
export function handleForUse(input, isPrivate, argument) {
  let record = recordOf(input);
  if (record === undefined && typeof input === "object" && input !== null && !isBytes(input)) record = recordOf(input.key);
  if (record === undefined) return handleOfInput(input, isPrivate);
  if (record.type === "secret") {
    if (argument === undefined) throw wrongKeyType("secret", isPrivate ? "private" : "public");
    throw nodeError("ERR_INVALID_ARG_TYPE", argument, ["PublicKeyObject", "PrivateKeyObject", "CryptoKey", "object"], "secret");
  }
  if (isPrivate && record.type !== "private") throw wrongKeyType(record.type, "private");
  return record.handle;
}

export function handleOfKeyObject(key) {
  return Records.of(key).handle;
}

export { checkExportOptions, exportRecord, isCryptoKey };
