// hkdf, pbkdf2, scrypt. They run at once; the forms with a callback call it in a job of its own.

import { bytesArg, callBack, decode, isBytes, toBuffer } from "node/internal/crypto_util";
import { domError } from "crypto_util";
import { nodeError } from "node/internal/errors";
import { validateFunction, validateInt32, validateInteger, validateString, validateUint32 } from "node/internal/validators";

const LENGTH_MAX = 2147483647;
const PBKDF2_ITERATIONS_MAX = 100000;
const SCRYPT_COST_MAX = 1048576;

function failed(what) {
  return new P.Error(`${what} failed`);
}

// ---- HKDF ----

function sourceArg(value, name, kinds) {
  if (typeof value === "string") return decode(value);
  if (isBytes(value)) return value;
  throw nodeError("ERR_INVALID_ARG_TYPE", name, kinds, value);
}

const BYTES = ["string", "ArrayBuffer", "TypedArray", "DataView", "Buffer"];
const KEY = ["string", "SecretKeyObject", "ArrayBuffer", "TypedArray", "DataView", "Buffer"];

function hkdfArgs(hash, key, salt, info, length) {
  validateString(hash, "digest");
  if (typeof key === "object" && key !== null && !isBytes(key)) {
    const { KeyObject } = load("node/internal/crypto_keys");
    if (key instanceof KeyObject) key = key.export();
  }
  key = sourceArg(key, "ikm", KEY);
  salt = sourceArg(salt, "salt", BYTES);
  info = sourceArg(info, "info", BYTES);
  validateInteger(length, "length", 0, LENGTH_MAX);
  if (info.byteLength > 1024) {
    throw nodeError("ERR_OUT_OF_RANGE", "info", "must not contain more than 1024 bytes", info.byteLength);
  }
  return [hash, key, salt, info, length];
}

function runHkdf(args) {
  const out = N.nodeHkdf(args[0], args[1], args[2], args[3], args[4]);
  if (out === undefined) throw new P.TypeError(`Invalid Hkdf digest: ${args[0]}`);
  if (out === null) throw new P.RangeError("Invalid Hkdf key length");
  if (out === false) throw failed("Hkdf");
  return P.TypedArrayPrototypeGetBuffer(out);
}

export function hkdfSync(hash, key, salt, info, length) {
  return runHkdf(hkdfArgs(hash, key, salt, info, length));
}

export function hkdf(hash, key, salt, info, length, callback) {
  const args = hkdfArgs(hash, key, salt, info, length);
  validateFunction(callback, "callback");
  callBack(callback, () => runHkdf(args));
}

// ---- PBKDF2 ----

function pbkdf2Args(password, salt, iterations, keylen, digest) {
  validateString(digest, "digest");
  password = bytesArg(password, "password");
  salt = bytesArg(salt, "salt");
  validateInt32(iterations, "iterations", 1);
  validateInt32(keylen, "keylen", 0);
  return [digest, password, salt, iterations, keylen];
}

function runPbkdf2(args) {
  if (args[3] > PBKDF2_ITERATIONS_MAX) {
    throw domError(
      "NotSupportedError",
      `Pbkdf2 failed: iteration counts above ${PBKDF2_ITERATIONS_MAX} are not supported (requested ${args[3]}).`,
    );
  }
  const out = N.nodePbkdf2(args[0], args[1], args[2], args[3], args[4]);
  if (out === undefined) throw new P.TypeError(`Invalid Pbkdf2 digest: ${args[0]}.`);
  if (out === null) throw new P.RangeError("Pbkdf2 failed: derived key length exceeds maximum for this hash");
  if (out === false) throw failed("Pbkdf2");
  return toBuffer(out);
}

export function pbkdf2Sync(password, salt, iterations, keylen, digest) {
  return runPbkdf2(pbkdf2Args(password, salt, iterations, keylen, digest));
}

export function pbkdf2(password, salt, iterations, keylen, digest, callback) {
  if (typeof digest === "function") validateString(undefined, "digest"); // the form without a digest
  validateFunction(callback, "callback");
  const args = pbkdf2Args(password, salt, iterations, keylen, digest);
  callBack(callback, () => runPbkdf2(args));
}

// ---- scrypt ----

// [name, other name, default]
const SCRYPT = [
  ["N", "cost", 16384],
  ["r", "blockSize", 8],
  ["p", "parallelization", 1],
];
const MAXMEM = 32 << 20;

function scryptOption(options, [name, other, fallback]) {
  let value = fallback;
  if (options[name] !== undefined) {
    value = options[name];
    validateUint32(value, name);
  }
  if (options[other] !== undefined) {
    if (options[name] !== undefined) throw nodeError("ERR_INVALID_ARG_VALUE", other, options[other]);
    value = options[other];
    validateUint32(value, other);
  }
  return value === 0 ? fallback : value;
}

function scryptArgs(password, salt, keylen, options) {
  password = bytesArg(password, "password");
  salt = bytesArg(salt, "salt");
  validateInteger(keylen, "keylen", 0, LENGTH_MAX);
  const given = options === undefined || options === null ? {} : options;
  const args = [password, salt, scryptOption(given, SCRYPT[0]), scryptOption(given, SCRYPT[1]), scryptOption(given, SCRYPT[2])];
  let maxmem = MAXMEM;
  if (given.maxmem !== undefined) {
    maxmem = given.maxmem;
    validateInteger(maxmem, "maxmem", 0);
    if (maxmem === 0) maxmem = MAXMEM;
  }
  args[5] = maxmem;
  args[6] = keylen;
  return args;
}

function runScrypt(args) {
  if (args[2] * args[3] * args[4] > SCRYPT_COST_MAX) throw new P.RangeError(`Scrypt failed: cost exceeds maximum (${SCRYPT_COST_MAX}).`);
  const out = N.nodeScrypt(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);
  if (out === null) throw new P.RangeError("Memory limit exceeded");
  if (out === false) throw failed("Scrypt");
  return toBuffer(out);
}

export function scryptSync(password, salt, keylen, options) {
  return runScrypt(scryptArgs(password, salt, keylen, options));
}

export function scrypt(password, salt, keylen, options, callback) {
  if (callback === undefined) {
    callback = options;
    options = undefined;
  }
  const args = scryptArgs(password, salt, keylen, options);
  validateFunction(callback, "callback");
  callBack(callback, () => runScrypt(args));
}
