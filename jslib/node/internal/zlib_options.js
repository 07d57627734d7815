// Options of zlib's streams, checked.

import { errorWithCode, nodeError } from "node/internal/errors";
import { isArrayBuffer } from "node/internal/crypto_util";
import { validateNumber } from "node/internal/validators";

const INFLATE = 2, GZIP = 3, GUNZIP = 4, UNZIP = 7, BROTLI_DECODE = 8, BROTLI_ENCODE = 9, ZSTD_ENCODE = 10;
const LENGTH_MAX = 2147483647;
const CHUNK_MIN = 64, CHUNK = 16384;

// Whether a number was given; undefined and NaN are none.
function given(value, name) {
  if (value === undefined || value !== value) return false;
  if (P.NumberIsFinite(value)) return true;
  validateNumber(value, name);
  throw nodeError("ERR_OUT_OF_RANGE", name, "a finite number", value);
}

export function inRange(value, name, lower, upper, otherwise) {
  if (!given(value, name)) return otherwise;
  if (value < lower || value > upper) throw nodeError("ERR_OUT_OF_RANGE", name, `>= ${lower} and <= ${upper}`, value);
  return value;
}

// The most that flush may be.
function flushMax(mode) {
  return mode === BROTLI_DECODE || mode === BROTLI_ENCODE ? 3 : mode >= ZSTD_ENCODE ? 2 : 5;
}

// flushes: [while writing, at the end]
export function streamOptions(options, mode, flushes) {
  const max = flushMax(mode);
  let chunkSize = CHUNK;
  if (options.chunkSize !== undefined && options.chunkSize !== null && given(options.chunkSize, "options.chunkSize")) {
    chunkSize = options.chunkSize;
    if (chunkSize < CHUNK_MIN) throw nodeError("ERR_OUT_OF_RANGE", "options.chunkSize", `>= ${CHUNK_MIN}`, chunkSize);
  }
  return {
    chunkSize,
    flush: inRange(options.flush, "options.flush", 0, max, flushes[0]),
    finishFlush: inRange(options.finishFlush, "options.finishFlush", 0, max, flushes[1]),
    maxOutputLength: inRange(options.maxOutputLength, "options.maxOutputLength", 1, LENGTH_MAX, LENGTH_MAX),
  };
}

export function zlibOptions(options, mode) {
  let windowBits = 15;
  const inflates = mode === INFLATE || mode === GUNZIP || mode === UNZIP;
  // 0: as the compressed data says
  if (inflates && (options.windowBits === undefined || options.windowBits === null || options.windowBits === 0)) windowBits = 0;
  else windowBits = inRange(options.windowBits, "options.windowBits", mode === GZIP ? 9 : 8, 15, 15);
  const { dictionary } = options;
  if (dictionary !== undefined && !P.ArrayBufferIsView(dictionary) && !isArrayBuffer(dictionary)) {
    throw nodeError("ERR_INVALID_ARG_TYPE", "options.dictionary", ["Buffer", "TypedArray", "DataView", "ArrayBuffer"], dictionary);
  }
  return {
    windowBits,
    level: inRange(options.level, "options.level", -1, 9, -1),
    memLevel: inRange(options.memLevel, "options.memLevel", 1, 9, 8),
    strategy: inRange(options.strategy, "options.strategy", 0, 4, 0),
    dictionary,
  };
}

// options.params as pairs for the native.
export function paramPairs(params, most, code, name) {
  const seen = { __proto__: null }, pairs = [];
  const keys = params === undefined || params === null ? [] : P.ObjectKeys(params);
  for (let i = 0; i < keys.length; i++) {
    const key = +keys[i], value = params[keys[i]];
    if (!(key >= 0 && key <= most) || seen[key] === true) {
      throw errorWithCode(P.RangeError, code, `${keys[i]} is not a valid ${name} parameter`);
    }
    if (typeof value !== "number" && typeof value !== "boolean") {
      throw nodeError("ERR_INVALID_ARG_TYPE", "options.params[key]", "number", value);
    }
    seen[key] = true;
    P.ArrayPrototypePush(pairs, key, +value);
  }
  return new P.Int32Array(pairs);
}
