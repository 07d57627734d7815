// What the parts of WebCrypto share: errors, names of algorithms, hashes, dictionary members, CryptoKey.

import { DOMException, badField, isObject, publish } from "errors";

const { StringPrototypeToUpperCase: upper, ArrayPrototypePush: push, ArrayPrototypeIncludes: includes } = P;

export function domError(name, message) {
  return new DOMException(message, name);
}

export function isBytes(value) {
  return P.ArrayBufferIsView(value) || value instanceof P.ArrayBuffer;
}

// The ArrayBuffer of bytes that C made: it holds them and nothing else.
export function bufferOf(bytes) {
  return P.TypedArrayPrototypeGetBuffer(bytes);
}

// ---- names ----

// upper-cased name -> the name as keys show it, the family that implements it, and the usages it knows.
const SIGN = ["sign"], VERIFY = ["verify"], BOTH = ["sign", "verify"], DERIVE = ["deriveKey", "deriveBits"];
const CIPHER = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
export const ALGORITHMS = {
  __proto__: null,
  "AES-CBC": { name: "AES-CBC", family: "aes", secret: CIPHER, jwk: "CBC" },
  "AES-CTR": { name: "AES-CTR", family: "aes", secret: CIPHER, jwk: "CTR" },
  "AES-GCM": { name: "AES-GCM", family: "aes", secret: CIPHER, jwk: "GCM" },
  "AES-KW": { name: "AES-KW", family: "aes", secret: ["wrapKey", "unwrapKey"], jwk: "KW" },
  HMAC: { name: "HMAC", family: "hmac", secret: BOTH },
  "RSASSA-PKCS1-V1_5": { name: "RSASSA-PKCS1-v1_5", family: "rsa", public: VERIFY, private: SIGN, use: "sig", jwk: "RS" },
  "RSA-PSS": { name: "RSA-PSS", family: "rsa", public: VERIFY, private: SIGN, use: "sig", jwk: "PS" },
  "RSA-OAEP": {
    name: "RSA-OAEP",
    family: "rsa",
    public: ["encrypt", "wrapKey"],
    private: ["decrypt", "unwrapKey"],
    use: "enc",
    jwk: "RSA-OAEP",
  },
  ECDSA: { name: "ECDSA", family: "ec", public: VERIFY, private: SIGN, use: "sig" },
  ECDH: { name: "ECDH", family: "ec", public: [], private: DERIVE, use: "enc" },
  ED25519: { name: "Ed25519", family: "okp", kind: 4, curve: "Ed25519", public: VERIFY, private: SIGN, use: "sig" },
  "NODE-ED25519": {
    name: "NODE-ED25519",
    family: "okp",
    kind: 4,
    curve: "Ed25519",
    public: VERIFY,
    private: SIGN,
    use: "sig",
  },
  X25519: { name: "X25519", family: "okp", kind: 5, curve: "X25519", public: [], private: DERIVE, use: "enc" },
  HKDF: { name: "HKDF", family: "kdf", secret: DERIVE },
  PBKDF2: { name: "PBKDF2", family: "kdf", secret: DERIVE },
};

// The name that an argument asks for, whatever it is spelled like.
export function algorithmName(algorithm) {
  return typeof algorithm === "object" && algorithm !== null ? `${algorithm.name}` : `${algorithm}`;
}

// The row of ALGORITHMS for a name, or undefined.
export function algorithmOf(name) {
  return ALGORITHMS[upper(name)];
}

// Hashes: number of C, block size in bits (HMAC's default key), suffix of names in JWKs.
const HASHES = {
  __proto__: null,
  MD5: { name: "MD5", id: 0, block: 512, jwk: undefined },
  "SHA-1": { name: "SHA-1", id: 1, block: 512, jwk: "1" },
  "SHA-256": { name: "SHA-256", id: 2, block: 512, jwk: "256" },
  "SHA-384": { name: "SHA-384", id: 3, block: 1024, jwk: "384" },
  "SHA-512": { name: "SHA-512", id: 4, block: 1024, jwk: "512" },
};

export function hashOf(value) {
  const hash = HASHES[upper(algorithmName(value))];
  if (hash === undefined) throw unknownHash();
  return hash;
}

export function unknownHash() {
  return domError("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.");
}

// Curves: number of C, bits.
const CURVES = {
  __proto__: null,
  "P-256": { name: "P-256", kind: 1, jwk: "ES256" },
  "P-384": { name: "P-384", kind: 2, jwk: "ES384" },
  "P-521": { name: "P-521", kind: 3, jwk: "ES512" },
};

export function curveOf(name) {
  const curve = CURVES[upper(name)];
  if (curve === undefined) {
    throw domError("NotSupportedError", `Unrecognized or unimplemented EC curve "${name}" requested.`);
  }
  return curve;
}

// ---- members of dictionaries ----

export function member(algorithm, field, dictionary = "algorithm") {
  const value = isObject(algorithm) ? algorithm[field] : undefined;
  if (value === undefined) throw new P.TypeError(`Missing field "${field}" in "${dictionary}".`);
  return value;
}

export function bytesMember(algorithm, field, type) {
  const value = member(algorithm, field);
  if (!isBytes(value)) throw badField(type, field, "BufferSource");
  return value;
}

export function optionalBytes(algorithm, field, type) {
  return isObject(algorithm) && algorithm[field] !== undefined ? bytesMember(algorithm, field, type) : undefined;
}

// A member that is a 32-bit integer.
export function intMember(algorithm, field, dictionary = "algorithm") {
  return P.Number(member(algorithm, field, dictionary)) | 0;
}

// ---- usages ----

const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

// In the order in which keys show them, each once. refuse(usage) makes the error for one that is not allowed.
export function checkUsages(usages, allowed, refuse) {
  for (let i = 0; i < usages.length; i++) {
    if (!includes(allowed, `${usages[i]}`)) throw refuse(usages[i]);
  }
  const list = [];
  for (let i = 0; i < USAGES.length; i++) {
    if (includes(usages, USAGES[i])) push(list, USAGES[i]);
  }
  return list;
}

// ---- CryptoKey ----

const MAKE = P.Symbol("internal");

// What is behind a CryptoKey, whatever its visible members are changed to: {type, extractable, row, usages, material,
// hash, length, curve, modulusLength, publicExponent}. material: bytes of a secret, or C's handle of a key.
export let recordOf;
export let isKey;

const readOnly = (value) => ({ __proto__: null, value, writable: false, enumerable: true, configurable: true });

function visibleAlgorithm(r) {
  const algorithm = { name: r.row.name };
  if (r.modulusLength !== undefined) {
    algorithm.modulusLength = r.modulusLength;
    algorithm.publicExponent = r.publicExponent;
  }
  if (r.hash !== undefined) algorithm.hash = { name: r.hash.name };
  if (r.length !== undefined) algorithm.length = r.length;
  if (r.curve !== undefined) algorithm.namedCurve = r.curve.name;
  return algorithm;
}

export class CryptoKey {
  #record;

  static {
    recordOf = (key) => key.#record;
    isKey = (value) => isObject(value) && #record in value;
  }

  constructor(token, record) {
    if (token !== MAKE) throw new P.TypeError("Illegal constructor");
    this.#record = record;
    P.ObjectDefineProperty(this, "usages", readOnly(P.ArrayPrototypeSlice(record.usages)));
    P.ObjectDefineProperty(this, "algorithm", readOnly(visibleAlgorithm(record)));
    P.ObjectDefineProperty(this, "extractable", readOnly(record.extractable));
    P.ObjectDefineProperty(this, "type", readOnly(record.type));
  }
}
publish(CryptoKey);

export function makeKey(record) {
  if (record.type !== "public" && record.usages.length === 0) {
    throw domError("SyntaxError", "Secret/private CryptoKeys must have at least one usage.");
  }
  return new CryptoKey(MAKE, record);
}
