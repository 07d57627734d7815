// generateKey and generateKeyPair. They run at once; the forms with a callback call it in a job of its own.

import { checkExportOptions, createSecretKey, exportRecord, newKeyObject } from "node/internal/crypto_keys";
import { isBytes } from "node/internal/crypto_util";
import { nodeError } from "node/internal/errors";
import { queueMicrotask } from "timers";
import { randomBytes } from "node/internal/crypto_random";
import { requireEvent } from "io";
import { validateFunction, validateInt32, validateInteger, validateObject, validateOneOf, validateString, validateUint32 } from "node/internal/validators";

// The platform's, which it names when it refuses others, and ours.
const PAIRS = ["rsa", "ec", "ed25519", "x25519", "dh"];
const MORE_PAIRS = ["rsa-pss", "dsa", "ed448", "x448"];

export function generateKeySync(type, options) {
  validateOneOf(type, "type", ["hmac", "aes"]);
  validateObject(options, "options");
  const { length } = options;
  if (type === "aes") validateOneOf(length, "options.length", [128, 192, 256]);
  else validateInteger(length, "options.length", 8, 65536);
  return createSecretKey(randomBytes(P.MathFloor(length / 8)));
}

// The callback gets the error, or what the results are spread to.
function callBackWith(callback, work) {
  let args;
  try {
    args = [null, ...work()];
  } catch (error) {
    args = [error];
  }
  queueMicrotask(() => P.ReflectApply(callback, undefined, args));
}

export function generateKey(type, options, callback) {
  validateFunction(callback, "callback");
  callBackWith(callback, () => [generateKeySync(type, options)]);
}

// What a pair is made of; see N.nodeKeyMake.
function plan(type) {
  return {
    type,
    bits: 0,
    exponent: 0x10001,
    curve: undefined,
    explicit: false,
    hash: undefined,
    mgf1: undefined,
    saltLength: undefined,
    divisor: undefined,
    group: undefined,
    prime: undefined,
    generator: undefined,
  };
}

function planRsa(p, options) {
  const { modulusLength, publicExponent = 0x10001 } = options;
  validateUint32(modulusLength, "options.modulusLength");
  validateUint32(publicExponent, "options.publicExponent");
  p.bits = modulusLength;
  p.exponent = publicExponent;
}

// A name, and the one that it had before.
function hashOption(options, name, old) {
  const value = options[name], before = options[old];
  if (value !== undefined) validateString(value, `options.${name}`);
  if (before !== undefined) {
    validateString(before, `options.${old}`);
    if (value && before !== value) throw nodeError("ERR_INVALID_ARG_VALUE", `options.${old}`, before);
  }
  return value ?? before;
}

function planPss(p, options) {
  planRsa(p, options);
  const { saltLength } = options;
  if (saltLength !== undefined) validateInt32(saltLength, "options.saltLength", 0);
  p.saltLength = saltLength;
  p.hash = hashOption(options, "hashAlgorithm", "hash");
  p.mgf1 = hashOption(options, "mgf1HashAlgorithm", "mgf1Hash");
}

function planDsa(p, options) {
  const { modulusLength, divisorLength } = options;
  validateUint32(modulusLength, "options.modulusLength");
  if (divisorLength !== undefined && divisorLength !== null) {
    validateInt32(divisorLength, "options.divisorLength", 0);
    p.divisor = divisorLength;
  }
  p.bits = modulusLength;
}

function planEc(p, options) {
  const { namedCurve, paramEncoding = "named" } = options;
  validateString(namedCurve, "options.namedCurve");
  validateOneOf(paramEncoding, "options.paramEncoding", ["named", "explicit"]);
  p.curve = namedCurve;
  p.explicit = paramEncoding === "explicit";
}

function planDh(p, options) {
  const { prime, primeLength, generator } = options;
  const group = options.group ?? options.groupName;
  const given = (value) => value !== undefined && value !== null;
  if (given(generator)) validateInt32(generator, "options.generator", 0);
  if (given(group)) {
    for (const name of ["prime", "primeLength", "generator"])
      if (given(options[name])) throw nodeError("ERR_INCOMPATIBLE_OPTION_PAIR", "group", name);
    validateString(group, "options.group");
    p.group = group;
    return;
  }
  if (given(prime)) {
    if (given(primeLength)) throw nodeError("ERR_INCOMPATIBLE_OPTION_PAIR", "prime", "primeLength");
    if (!isBytes(prime)) throw nodeError("ERR_INVALID_ARG_TYPE", "options.prime", ["Buffer", "TypedArray", "ArrayBuffer"], prime);
    p.prime = prime;
  } else if (given(primeLength)) {
    validateInt32(primeLength, "options.primeLength", 0);
    p.bits = primeLength;
  } else {
    throw nodeError("ERR_MISSING_OPTION", "At least one of the group, prime, or primeLength options");
  }
  if (given(generator)) p.generator = generator;
}

const planners = { __proto__: null, rsa: planRsa, "rsa-pss": planPss, dsa: planDsa, ec: planEc, dh: planDh };

export function generateKeyPairSync(type, options = {}) {
  if (!P.ArrayPrototypeIncludes(MORE_PAIRS, type)) validateOneOf(type, "type", PAIRS);
  validateObject(options, "options");
  const { publicKeyEncoding, privateKeyEncoding } = options;
  const publicOptions = publicKeyEncoding === undefined ? undefined : checkExportOptions(publicKeyEncoding, "public", "options.publicKeyEncoding");
  const privateOptions = privateKeyEncoding === undefined ? undefined : checkExportOptions(privateKeyEncoding, "private", "options.privateKeyEncoding");
  const p = plan(type);
  planners[type]?.(p, options);
  requireEvent();
  const handle = N.nodeKeyMake(p.type, p.bits, p.exponent, p.curve, p.explicit, p.hash, p.mgf1, p.saltLength, p.divisor, p.group, p.prime, p.generator);
  const given = (keyType, how) => {
    const record = { type: keyType, handle, bytes: undefined, extractable: true };
    return how === undefined ? newKeyObject(record) : exportRecord(record, how);
  };
  return { publicKey: given("public", publicOptions), privateKey: given("private", privateOptions) };
}

export function generateKeyPair(type, options, callback) {
  if (typeof options === "function" && callback === undefined) {
    callback = options;
    options = undefined;
  }
  validateFunction(callback, "callback");
  callBackWith(callback, () => {
    const { publicKey, privateKey } = generateKeyPairSync(type, options);
    return [publicKey, privateKey];
  });
}

// util.promisify() gives both keys as members.
P.ObjectDefineProperty(generateKeyPair, P.SymbolFor("nodejs.util.promisify.custom.args"), { __proto__: null, value: ["publicKey", "privateKey"] });
P.ObjectDefineProperty(generateKeyPair, P.SymbolFor("nodejs.util.promisify.custom"), {
  __proto__: null,
  value: (type, options) =>
    new P.Promise((resolve, reject) => {
      generateKeyPair(type, options, (error, publicKey, privateKey) => (error ? reject(error) : resolve({ publicKey, privateKey })));
    }),
});
