// Random bytes, integers and primes. Refused at module scope, where the platform has no randomness.

import { bigIntOf, bufferClass, bytesOfBigInt, callBack, isArrayBuffer, isBytes } from "node/internal/crypto_util";
import { nodeError } from "node/internal/errors";
import { requireEvent } from "io";
import { validateBoolean, validateFunction, validateInt32, validateInteger, validateObject } from "node/internal/validators";

const LENGTH_MAX = 2147483647;
const VIEWS = ["TypedArray", "DataView", "ArrayBuffer", "SharedArrayBuffer"];

function windowOf(buffer, offset, size) {
  if (isArrayBuffer(buffer)) return new P.Uint8Array(buffer, offset, size);
  return new P.Uint8Array(buffer.buffer, buffer.byteOffset + offset, size);
}

function fill(buffer, offset, size) {
  requireEvent();
  if (size > 0) N.randomFill(windowOf(buffer, offset, size));
}

export function randomBytes(size, callback) {
  validateInteger(size, "size", 0, LENGTH_MAX);
  const buffer = bufferClass().alloc(size);
  if (callback !== undefined) {
    randomFill(buffer, callback);
    return undefined;
  }
  fill(buffer, 0, size);
  return buffer;
}

export function randomFillSync(buffer, offset = 0, size = undefined) {
  if (!isBytes(buffer)) throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", VIEWS, buffer);
  validateInteger(offset, "offset", 0, buffer.byteLength);
  if (size === undefined) size = buffer.byteLength - offset;
  else validateInteger(size, "size", 0, buffer.byteLength - offset);
  fill(buffer, offset, size);
  return buffer;
}

export function randomFill(buffer, offset, size, callback) {
  if (!isBytes(buffer)) throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", VIEWS, buffer);
  const most = buffer.byteLength;
  let from = 0, length = most;
  if (typeof callback === "function") {
    validateInteger(offset, "offset", 0, most);
    from = offset;
    validateInteger(size, "size", 0, most - from);
    length = size;
  } else if (typeof size === "function") {
    validateInteger(offset, "offset", 0, most);
    from = offset;
    length = most - from;
    callback = size;
  } else if (typeof offset === "function") {
    callback = offset;
  }
  validateFunction(callback, "callback");
  callBack(callback, () => {
    fill(buffer, from, length);
    return buffer;
  });
}

// ---- integers ----

const RANGE_MAX = 0xffff_ffff_ffff; // 6 bytes
const pool = new P.Uint8Array(6 * 256);
let poolAt = pool.length;

function draw() {
  if (poolAt === pool.length) {
    N.randomFill(pool);
    poolAt = 0;
  }
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + pool[poolAt++];
  return value;
}

// Values above the last whole multiple of the range would favour some results.
function integer(min, max) {
  requireEvent();
  const range = max - min;
  if (!(range <= RANGE_MAX)) {
    throw nodeError("ERR_OUT_OF_RANGE", `max${max ? "" : " - min"}`, `<= ${RANGE_MAX}`, range);
  }
  const limit = RANGE_MAX - (RANGE_MAX % range);
  let value;
  do value = draw();
  while (value >= limit);
  return (value % range) + min;
}

export function randomInt(min, max, callback) {
  if (typeof max === "function" || (typeof callback !== "function" && arguments.length < 2)) {
    callback = max;
    max = min;
    min = 0;
  } else {
    validateInteger(min, "min");
  }
  validateInteger(max, "max");
  if (min >= max) throw nodeError("ERR_OUT_OF_RANGE", "min", "min < max", min);
  if (callback === undefined || callback === null) return integer(min, max);
  callBack(callback, () => integer(min, max));
  return undefined;
}

export function randomUUID(options) {
  if (options !== undefined) {
    validateObject(options, "options");
    if (options.disableEntropyCache !== undefined) {
      validateBoolean(options.disableEntropyCache, "options.disableEntropyCache");
    }
  }
  requireEvent();
  return N.randomUUID();
}

// ---- primes ----

const NUMBERS = ["ArrayBuffer", "TypedArray", "Buffer", "DataView", "bigint"];

function numberArg(value, name) {
  if (typeof value === "bigint") return bytesOfBigInt(value, name);
  if (isBytes(value)) return value;
  throw nodeError("ERR_INVALID_ARG_TYPE", name, NUMBERS, value);
}

function primeArgs(size, options) {
  validateObject(options, "options");
  const { safe = false, bigint = false, add, rem } = options;
  validateBoolean(safe, "options.safe");
  validateBoolean(bigint, "options.bigint");
  return {
    size,
    safe,
    bigint,
    add: add === undefined ? undefined : numberArg(add, "options.add"),
    rem: rem === undefined ? undefined : numberArg(rem, "options.rem"),
  };
}

function makePrime(args) {
  requireEvent();
  const bytes = N.nodePrime(args.size, args.safe, args.add, args.rem);
  return args.bigint ? bigIntOf(bytes) : P.TypedArrayPrototypeGetBuffer(bytes);
}

export function generatePrimeSync(size, options = {}) {
  validateInt32(size, "size", 1);
  return makePrime(primeArgs(size, options));
}

export function generatePrime(size, options, callback) {
  validateInt32(size, "size", 1);
  if (typeof options === "function") {
    callback = options;
    options = {};
  }
  validateFunction(callback, "callback");
  const args = primeArgs(size, options);
  callBack(callback, () => makePrime(args));
}

function checksOf(options) {
  validateObject(options, "options");
  const { checks = 0 } = options;
  validateInt32(checks, "options.checks", 0);
  return checks;
}

export function checkPrimeSync(candidate, options = {}) {
  const bytes = numberArg(candidate, "candidate");
  return N.nodePrimeCheck(bytes, checksOf(options));
}

export function checkPrime(candidate, options, callback) {
  const bytes = numberArg(candidate, "candidate");
  if (typeof options === "function") {
    callback = options;
    options = {};
  }
  const checks = checksOf(options);
  validateFunction(callback, "callback");
  callBack(callback, () => N.nodePrimeCheck(bytes, checks));
}
