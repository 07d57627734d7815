// Keys of WebCrypto: generated, imported, exported.

import { ALGORITHMS, algorithmName, algorithmOf, bufferOf, bytesMember, checkUsages, curveOf, domError } from "crypto_util";
import { hashOf, intMember, isBytes, makeKey, member } from "crypto_util";
import { isObject } from "errors";

const { StringPrototypeToUpperCase: upper, ArrayPrototypeIncludes: includes, ArrayPrototypeSlice: sliceArray } = P;
const BASE64URL = 1, BASE64_ANY = 3; // modes of N.base64Encode and N.base64Decode

function encode64(bytes) {
  return bytes === undefined ? undefined : N.base64Encode(bytes, BASE64URL);
}

// Bytes of a member of a JWK; undefined when it is absent or no base64. As the platform does, either alphabet is taken.
function decode64(jwk, field) {
  const value = jwk[field];
  return value === undefined ? undefined : N.base64Decode(`${value}`, BASE64_ANY);
}

function byteCopy(data) {
  if (data instanceof P.ArrayBuffer) return new P.Uint8Array(P.ArrayBufferPrototypeSlice(data, 0));
  const bytes = new P.Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return P.TypedArrayPrototypeSlice(bytes);
}

function unknownFormat(format) {
  return domError("NotSupportedError", `Unrecognized key import format "${format}".`);
}

function needBytes(data) {
  if (!isBytes(data)) throw new P.TypeError("Import data provided for buffer-based import formats must be a buffer source.");
  return data;
}

function needJwk(data) {
  if (isBytes(data) || !isObject(data)) {
    throw new P.TypeError('Import data provided for "jwk" import format must be a JsonWebKey.');
  }
  return data;
}

function importUsages(row, type, usages) {
  return checkUsages(usages, row[type], (usage) =>
    domError("SyntaxError", `Attempt to import ${type} ${row.name} key with invalid usage "${usage}".`),
  );
}

function checkExt(jwk, row, extractable) {
  if (extractable && jwk.ext === false) {
    throw domError("DataError", `JWK ext field for "${row.name}" is set to false but extractable is true`);
  }
}

// key_ops of the JWK as an array of strings, or undefined.
function keyOps(jwk) {
  if (jwk.key_ops === undefined) return undefined;
  const ops = [];
  for (let i = 0; i < jwk.key_ops.length; i++) {
    const op = `${jwk.key_ops[i]}`;
    if (includes(ops, op)) {
      throw domError("DataError", 'A JSON Web Key\'s Key Operations parameter ("key_ops") must not contain duplicates.');
    }
    P.ArrayPrototypePush(ops, op);
  }
  return ops;
}

// ---- secrets ----

function secretFromJwk(jwk, row, use, alg, extractable, usages) {
  if (jwk.kty !== "oct") {
    throw domError(
      "DataError",
      'Symmetric "jwk" key import requires a JSON Web Key with Key Type parameter "kty" equal to "oct" ' +
        `(encountered "${jwk.kty}").`,
    );
  }
  const bytes = decode64(jwk, "k");
  if (bytes === undefined) {
    throw domError("DataError", 'Symmetric "jwk" key import requires a base64Url encoding of the key.');
  }
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) {
    throw domError("DataError", `Symmetric "jwk" key must have a "use" of "${use}", not "${jwk.use}".`);
  }
  const ops = keyOps(jwk);
  if (ops !== undefined) {
    for (let i = 0; i < usages.length; i++) {
      if (!includes(ops, usages[i])) {
        throw domError("DataError", `"jwk" key missing usage "${usages[i]}", in "key_ops".`);
      }
    }
  }
  checkExt(jwk, row, extractable);
  const expected = alg(bytes);
  if (jwk.alg !== undefined && expected !== undefined && jwk.alg !== expected) {
    throw domError(
      "DataError",
      `Symmetric "jwk" key contains invalid "alg" value "${jwk.alg}", expected "${expected}".`,
    );
  }
  return bytes;
}

function importSecret(format, data, row, use, alg, extractable, usages) {
  if (format === "raw") return byteCopy(needBytes(data));
  if (format === "jwk") return secretFromJwk(needJwk(data), row, use, alg, extractable, usages);
  throw unknownFormat(format);
}

function importAes(format, data, algorithm, row, extractable, usages) {
  const list = importUsages(row, "secret", usages);
  const alg = (bytes) => `A${bytes.byteLength * 8}${row.jwk}`;
  const material = importSecret(format, data, row, "enc", alg, extractable, list);
  const length = material.byteLength * 8;
  if (length !== 128 && length !== 192 && length !== 256) {
    throw domError("DataError", `Imported AES key length must be 128, 192, or 256 bits but provided ${length}.`);
  }
  return { type: "secret", extractable, row, usages: list, material, length };
}

function importHmac(format, data, algorithm, row, extractable, usages) {
  const list = importUsages(row, "secret", usages);
  const hash = hashOf(member(algorithm, "hash"));
  const alg = () => (hash.jwk === undefined ? undefined : "HS" + hash.jwk);
  const material = importSecret(format, data, row, "sig", alg, extractable, list);
  const bits = material.byteLength * 8;
  const length = algorithm.length === undefined ? bits : intMember(algorithm, "length");
  if (length <= 0 || length > bits || length <= bits - 8) {
    throw domError(
      "DataError",
      `Imported HMAC key length (${length}) must be a non-zero value up to 7 bits less than, and no greater than, the ` +
        `bit length of the raw key data (${bits}).`,
    );
  }
  return { type: "secret", extractable, row, usages: list, material, hash, length };
}

function importKdf(format, data, algorithm, row, extractable, usages) {
  const list = importUsages(row, "secret", usages);
  if (extractable) throw domError("SyntaxError", `${row.name} key cannot be extractable.`);
  if (format !== "raw") {
    throw domError("NotSupportedError", `${row.name} key must be imported in "raw" format (requested "${format}").`);
  }
  return { type: "secret", extractable, row, usages: list, material: byteCopy(needBytes(data)) };
}

// ---- public and private keys ----

// From SPKI or PKCS #8. wrongKind() is the text for a key of another kind.
function decodeKey(format, data, kind, wrongKind) {
  const isPrivate = format === "pkcs8";
  const name = isPrivate ? "PKCS8" : "SPKI";
  const handle = N.keyDecode(kind, isPrivate, needBytes(data));
  if (handle === 0) throw domError("DataError", `Invalid ${name} input.`);
  if (handle === -1) throw domError("DataError", wrongKind());
  if (typeof handle === "number") throw domError("DataError", `Invalid ${handle} trailing bytes after ${name} input.`);
  return handle;
}

// What every JWK of an asymmetric key must be.
function checkJwk(jwk, row, kty, extractable, usages) {
  if (jwk.kty !== kty) {
    const name = row.family === "ec" ? "Elliptic curve" : row.name;
    throw domError(
      "DataError",
      `${name} "jwk" key import requires a JSON Web Key with Key Type parameter "kty" ("${jwk.kty}") equal to "${kty}".`,
    );
  }
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== row.use) {
    throw domError(
      "DataError",
      'Asymmetric "jwk" key import with usages requires a JSON Web Key with Public Key Use parameter "use" ' +
        `("${jwk.use}") equal to "${row.use}".`,
    );
  }
  const ops = keyOps(jwk);
  if (ops !== undefined) {
    for (let i = 0; i < usages.length; i++) {
      if (!includes(ops, usages[i])) {
        throw domError(
          "DataError",
          'All specified key usages must be present in the JSON Web Key\'s Key Operations parameter ("key_ops").',
        );
      }
    }
  }
  checkExt(jwk, row, extractable);
}

// "public" or "private", which the format or the JWK decides.
function keyType(format, data, formats) {
  if (!includes(formats, format)) throw unknownFormat(format);
  if (format === "jwk") return needJwk(data).d === undefined ? "public" : "private";
  return format === "pkcs8" ? "private" : "public";
}

function rsaAlg(row, hash) {
  if (hash.jwk === undefined) return undefined;
  if (row.name !== "RSA-OAEP") return row.jwk + hash.jwk;
  return hash.name === "SHA-1" ? "RSA-OAEP" : "RSA-OAEP-" + hash.jwk;
}

const RSA_PARTS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

function rsaFromJwk(jwk, row, hash) {
  const expected = rsaAlg(row, hash);
  if (jwk.alg !== undefined && jwk.alg !== expected) {
    throw domError(
      "DataError",
      `JSON Web Key Algorithm parameter "alg" ("${jwk.alg}") does not match requested hash algorithm "${expected}".`,
    );
  }
  const missing = (name, field) =>
    domError("DataError", `Invalid RSA key in JSON Web Key; missing or invalid ${name} parameter ("${field}").`);
  const parts = [];
  for (let i = 0; i < RSA_PARTS.length; i++) parts[i] = decode64(jwk, RSA_PARTS[i]);
  if (parts[0] === undefined) throw missing("Modulus", "n");
  if (parts[1] === undefined) throw missing("Exponent", "e");
  if (jwk.oth !== undefined) throw domError("NotSupportedError", "Multi-prime private keys not supported.");
  if (jwk.d === undefined) return N.keyFromParts(0, parts[0], parts[1]);
  if (parts[2] === undefined) throw missing("Private Exponent", "d");
  let given = 0;
  for (let i = 3; i < parts.length; i++) given += parts[i] !== undefined;
  if (given !== 0 && given !== 5) {
    throw domError(
      "DataError",
      "Invalid RSA private key in JSON Web Key; if one Prime Factor or CRT Exponent/Coefficient parameter is present, " +
        'then they must all be present ("p", "q", "dp", "dq", "qi").',
    );
  }
  return N.keyFromParts(0, parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7]);
}

function importRsa(format, data, algorithm, row, extractable, usages) {
  const hash = hashOf(member(algorithm, "hash"));
  const type = keyType(format, data, ["jwk", "spki", "pkcs8"]);
  const list = importUsages(row, type, usages);
  let material;
  if (format === "jwk") {
    checkJwk(data, row, "RSA", extractable, list);
    material = rsaFromJwk(data, row, hash);
    if (material === undefined) throw domError("DataError", "Invalid RSA key in JSON Web Key.");
  } else {
    material = decodeKey(format, data, 0, () => "Input was not an RSA key.");
  }
  return rsaRecord(row, type, extractable, list, material, hash);
}

function rsaRecord(row, type, extractable, usages, material, hash) {
  const modulusLength = N.keyBits(material);
  return { type, extractable, row, usages, material, hash, modulusLength, publicExponent: N.keyPart(material, 1) };
}

function ecFromJwk(jwk, row, curve) {
  if (row.name === "ECDSA" && jwk.alg !== undefined && jwk.alg !== curve.jwk) {
    throw domError(
      "DataError",
      `JSON Web Key Algorithm parameter "alg" ("${jwk.alg}") does not match requested curve.`,
    );
  }
  const x = decode64(jwk, "x");
  const y = decode64(jwk, "y");
  if (x === undefined) throw domError("DataError", 'Invalid EC key in JSON Web Key; missing "x".');
  if (y === undefined) throw domError("DataError", 'Invalid EC key in JSON Web Key; missing "y".');
  const pub = jwk.crv === curve.name ? N.keyFromParts(curve.kind, x, y) : undefined;
  if (pub === undefined) {
    throw domError(
      "OperationError",
      'Invalid EC key; public key coordinates "x" and "y" are invalid: Point is not on curve..',
    );
  }
  if (jwk.d === undefined) return pub;
  const d = decode64(jwk, "d");
  const pair = d === undefined ? undefined : N.keyFromParts(curve.kind, x, y, d);
  if (pair === undefined) {
    throw domError("OperationError", 'Invalid EC key; private key component "d" is invalid.');
  }
  return pair;
}

// What is wrong with a key that is not of the curve: it may be of another one.
function otherCurve(format, data, curve) {
  return () => {
    for (let kind = 1; kind <= 3; kind++) {
      if (typeof N.keyDecode(kind, format === "pkcs8", data) !== "number") {
        return `"algorithm.namedCurve" "${curve.name}" does not match the curve specified by the input key data.`;
      }
    }
    return "Input was not an EC key.";
  };
}

function importEc(format, data, algorithm, row, extractable, usages) {
  const curve = curveOf(`${member(algorithm, "namedCurve")}`);
  const type = keyType(format, data, ["jwk", "spki", "pkcs8", "raw"]);
  const list = importUsages(row, type, usages);
  let material;
  if (format === "jwk") {
    checkJwk(data, row, "EC", extractable, list);
    material = ecFromJwk(data, row, curve);
  } else if (format === "raw") {
    material = N.keyFromRaw(curve.kind, needBytes(data));
    if (material === undefined) {
      throw domError("DataError", "Failed to import raw EC key data: Invalid point encoding..");
    }
  } else {
    material = decodeKey(format, data, curve.kind, otherCurve(format, data, curve));
  }
  return { type, extractable, row, usages: list, material, curve };
}

// NODE-ED25519 names its curve, which is its own name.
function okpCurve(algorithm, row) {
  if (row.name !== "NODE-ED25519") return undefined;
  const name = upper(`${member(algorithm, "namedCurve")}`);
  if (name !== "NODE-ED25519") {
    throw domError("NotSupportedError", `EDDSA curve "${name}" isn't supported.`);
  }
  return { name };
}

function okpFromJwk(jwk, row) {
  if (jwk.crv !== row.curve) {
    throw domError("NotSupportedError", `Only ${row.curve} is supported but "${jwk.crv}" was requested.`);
  }
  const x = decode64(jwk, "x");
  if (x === undefined) throw domError("DataError", `Invalid ${row.name} key in JSON Web Key; missing or invalid "x".`);
  if (x.byteLength !== 32) throw domError("DataError", `Invalid length ${x.byteLength} for public key`);
  if (jwk.d === undefined) return N.keyFromParts(row.kind, x);
  const d = decode64(jwk, "d");
  if (d === undefined) throw domError("DataError", `Invalid ${row.name} key in JSON Web Key; missing or invalid "d".`);
  if (d.byteLength !== 32) throw domError("DataError", `Invalid length ${d.byteLength} for private key`);
  return N.keyFromParts(row.kind, x, d);
}

function importOkp(format, data, algorithm, row, extractable, usages) {
  const curve = okpCurve(algorithm, row);
  const type = keyType(format, data, ["jwk", "spki", "pkcs8", "raw"]);
  const list = importUsages(row, type, usages);
  let material;
  if (format === "jwk") {
    checkJwk(data, row, "OKP", extractable, list);
    material = okpFromJwk(data, row);
    if (material === undefined) throw domError("DataError", `Invalid ${row.name} key in JSON Web Key.`);
  } else if (format === "raw") {
    const length = needBytes(data).byteLength;
    if (length !== 32) {
      throw domError("DataError", `${row.name} raw keys must be exactly 32-bytes (provided ${length}).`);
    }
    material = N.keyFromRaw(row.kind, data);
    if (material === undefined) throw domError("DataError", `Invalid ${row.name} key.`);
  } else {
    material = decodeKey(format, data, row.kind, () => `Input was not a ${row.curve} key.`);
  }
  return { type, extractable, row, usages: list, material, curve };
}

const IMPORTERS = { __proto__: null, aes: importAes, hmac: importHmac, kdf: importKdf, rsa: importRsa, ec: importEc, okp: importOkp };

export function importKey(format, data, algorithm, extractable, usages) {
  const name = algorithmName(algorithm);
  const row = algorithmOf(name);
  if (row === undefined) {
    throw domError("NotSupportedError", `Unrecognized key import algorithm "${name}" requested.`);
  }
  return makeKey(IMPORTERS[row.family](format, data, algorithm, row, extractable, usages));
}

// ---- export ----

function symmetricAlg(r) {
  if (r.row.family === "aes") return `A${r.length}${r.row.jwk}`;
  return r.hash.jwk === undefined ? undefined : "HS" + r.hash.jwk;
}

function part(r, index) {
  return encode64(N.keyPart(r.material, index));
}

// Every member is there, in the order of the platform; what a key does not have is undefined.
function toJwk(r) {
  const family = r.row.family;
  const isPrivate = r.type === "private";
  const jwk = {
    kty: family === "rsa" ? "RSA" : family === "ec" ? "EC" : family === "okp" ? "OKP" : "oct",
    use: undefined,
    key_ops: sliceArray(r.usages),
    alg: undefined,
    ext: r.extractable,
    crv: undefined,
    x: undefined,
    y: undefined,
    d: undefined,
    n: undefined,
    e: undefined,
    p: undefined,
    q: undefined,
    dp: undefined,
    dq: undefined,
    qi: undefined,
    oth: undefined,
    k: undefined,
  };
  if (family === "rsa") {
    jwk.alg = rsaAlg(r.row, r.hash);
    for (let i = 0; i < (isPrivate ? RSA_PARTS.length : 2); i++) jwk[RSA_PARTS[i]] = part(r, i);
  } else if (family === "ec") {
    jwk.crv = r.curve.name;
    jwk.x = part(r, 0);
    jwk.y = part(r, 1);
    if (isPrivate) jwk.d = part(r, 2);
  } else if (family === "okp") {
    if (r.row.name === "Ed25519") jwk.alg = "EdDSA";
    jwk.crv = r.row.curve;
    jwk.x = part(r, 0);
    if (isPrivate) jwk.d = part(r, 1);
  } else {
    jwk.alg = symmetricAlg(r);
    jwk.k = encode64(r.material);
  }
  return jwk;
}

function exportAsymmetric(format, r) {
  const wrongType = (wanted) =>
    domError("InvalidAccessError", `Asymmetric ${format} export requires ${wanted} key (not "${r.type}").`);
  if (format === "spki") {
    if (r.type !== "public") throw wrongType("public");
    return bufferOf(N.keyEncode(r.material, false));
  }
  if (format === "pkcs8") {
    if (r.type !== "private") throw wrongType("private");
    return bufferOf(N.keyEncode(r.material, true));
  }
  if (format === "raw" && r.row.family !== "rsa") {
    if (r.type !== "public") {
      const what = r.row.family === "ec" ? "elliptic curve" : r.row.name;
      throw domError("InvalidAccessError", `Raw export of ${what} keys is only allowed for public keys.`);
    }
    return bufferOf(N.keyRaw(r.material));
  }
  throw domError("InvalidAccessError", `Cannot export "${r.row.name}" in "${format}" format.`);
}

// An ArrayBuffer, or an object for "jwk".
export function exportKey(format, r) {
  if (!r.extractable) {
    throw domError("InvalidAccessError", `Attempt to export non-extractable ${r.row.name} key.`);
  }
  if (format === "jwk") return toJwk(r);
  if (r.type !== "secret") return exportAsymmetric(format, r);
  if (format === "raw") return bufferOf(byteCopy(r.material));
  throw domError(
    "NotSupportedError",
    r.row.family === "aes"
      ? `${r.row.name} key only supports exporting "raw" & "jwk", not "${format}".`
      : `Unimplemented key export format "${format}".`,
  );
}

// ---- generation ----

function generateUsages(row, allowed, usages) {
  return checkUsages(usages, allowed, (usage) =>
    domError("SyntaxError", `Attempt to generate ${row.name} key with invalid usage "${usage}".`),
  );
}

function randomBytes(length) {
  const bytes = new P.Uint8Array(length);
  N.randomFill(bytes);
  return bytes;
}

function generateSecret(algorithm, row, extractable, usages) {
  const list = generateUsages(row, row.secret, usages);
  if (row.family === "aes") {
    const length = intMember(algorithm, "length");
    if (length !== 128 && length !== 192 && length !== 256) {
      throw domError(
        "OperationError",
        `Generated AES key length must be 128, 192, or 256 bits but requested ${length}.`,
      );
    }
    return makeKey({ type: "secret", extractable, row, usages: list, material: randomBytes(length / 8), length });
  }
  const hash = hashOf(member(algorithm, "hash"));
  const length = algorithm.length === undefined ? hash.block : intMember(algorithm, "length");
  if (length <= 0) {
    throw domError(
      "OperationError",
      `HMAC key length must be a non-zero unsigned long integer (requested ${length}).`,
    );
  }
  const material = randomBytes((length + 7) >>> 3);
  return makeKey({ type: "secret", extractable, row, usages: list, material, hash, length });
}

// The number that big-endian bytes stand for; only small ones matter.
function exponentOf(bytes) {
  let value = 0;
  for (let i = 0; i < bytes.byteLength; i++) value = value * 256 + bytes[i];
  return value;
}

function generateRsa(algorithm) {
  const hash = hashOf(member(algorithm, "hash"));
  const bits = intMember(algorithm, "modulusLength");
  const exponent = exponentOf(byteCopy(bytesMember(algorithm, "publicExponent", "GenerateKeyAlgorithm")));
  if (bits % 8 !== 0 || bits < 256 || bits > 16384) {
    throw domError(
      "OperationError",
      `The modulus length must be a multiple of 8 and between 256 and 16k, but ${bits} was requested.`,
    );
  }
  if (exponent !== 3 && exponent !== 65537) {
    throw domError("OperationError", `The "publicExponent" must be either 3 or 65537, but got ${exponent}.`);
  }
  const material = N.keyGenerate(0, bits, exponent);
  if (material === undefined) throw domError("OperationError", "RSA key generation failed.");
  return { material, hash };
}

function generatePair(algorithm, row, extractable, usages) {
  const privateUsages = [], publicUsages = [];
  const all = generateUsages(row, P.ArrayPrototypeConcat(row.public, row.private), usages);
  for (let i = 0; i < all.length; i++) {
    P.ArrayPrototypePush(includes(row.private, all[i]) ? privateUsages : publicUsages, all[i]);
  }
  let material, hash, curve;
  if (row.family === "rsa") {
    if (privateUsages.length === 0) throw noPrivateUsages();
    ({ material, hash } = generateRsa(algorithm));
  } else {
    if (row.family === "ec") curve = curveOf(`${member(algorithm, "namedCurve")}`);
    else curve = okpCurve(algorithm, row);
    if (privateUsages.length === 0) throw noPrivateUsages();
    material = N.keyGenerate(row.family === "ec" ? curve.kind : row.kind, 0, 0);
  }
  const make = (type, ext, list) =>
    makeKey(
      row.family === "rsa"
        ? rsaRecord(row, type, ext, list, material, hash)
        : { type, extractable: ext, row, usages: list, material, curve },
    );
  return { publicKey: make("public", true, publicUsages), privateKey: make("private", extractable, privateUsages) };
}

function noPrivateUsages() {
  return domError("SyntaxError", "Attempt to generate asymmetric keys with no valid private key usages.");
}

export function generateKey(algorithm, extractable, usages) {
  const name = algorithmName(algorithm);
  const row = ALGORITHMS[upper(name)];
  if (row === undefined || row.family === "kdf") {
    throw domError("NotSupportedError", `Unrecognized key generation algorithm "${name}" requested.`);
  }
  return row.secret !== undefined
    ? generateSecret(algorithm, row, extractable, usages)
    : generatePair(algorithm, row, extractable, usages);
}
