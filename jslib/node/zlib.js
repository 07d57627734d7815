// node:zlib. The one-shot forms run in C at once; classes and streams are evaluated when they are first asked for.

import { badArgument } from "errors";
import { callBack, isBytes, toBuffer } from "node/internal/crypto_util";
import { codes, constants } from "node/internal/zlib_constants";
import { hasFlag } from "flags";
import { nodeError } from "node/internal/errors";
import { validateUint32 } from "node/internal/validators";

const { BROTLI_DECODE, BROTLI_ENCODE, ZSTD_ENCODE, ZSTD_DECODE, INFLATE, GUNZIP, UNZIP } = constants;
const CHUNK_MIN = 64, CHUNK_MAX = 128 << 20; // also what goes in and comes out at most

function inputBytes(data, method) {
  const bytes = typeof data === "string" ? N.bufferFrom(data, 0) : data;
  if (!isBytes(bytes)) throw badArgument("ZlibUtil", method, 1, "string or ArrayBuffer or ArrayBufferView");
  if (bytes.byteLength >= CHUNK_MAX) throw new P.RangeError("Memory limit exceeded");
  return bytes;
}

function inRange(options, name, lower, upper, otherwise) {
  const value = options[name] === undefined ? otherwise : +options[name] || 0; // the platform's whole numbers: what is none counts as 0
  if (!(value >= lower && value <= upper)) {
    throw new P.RangeError(`The value of "options.${name}" is out of range. It must be >= ${lower} and <= ${upper}. Received ${value}`);
  }
  return value;
}

function result(made) {
  if (made === undefined) throw new P.RangeError("Memory limit exceeded");
  if (P.ArrayIsArray(made)) throw new P.Error(made[0]);
  return toBuffer(made);
}

// Everything at once by a handle, which is not needed after.
function runAll(handle, flush, bytes, most) {
  if (P.ArrayIsArray(handle)) throw new P.Error(handle[0]);
  const made = N.nodeZipAll(handle, flush, bytes, most);
  N.nodeZipClose(handle);
  return result(made);
}

function zlibAll(bytes, options, mode) {
  inRange(options, "chunkSize", CHUNK_MIN, CHUNK_MAX, CHUNK_MIN);
  const most = inRange(options, "maxOutputLength", 1, CHUNK_MAX, CHUNK_MAX);
  const open = +options.windowBits === 0 && (mode === INFLATE || mode === GUNZIP || mode === UNZIP);
  const windowBits = open ? 0 : inRange(options, "windowBits", 8, 15, 15);
  const level = inRange(options, "level", -1, 9, -1);
  const memLevel = inRange(options, "memLevel", 1, 9, 8);
  const strategy = options.strategy === undefined ? 0 : +options.strategy;
  if (!(strategy >= 0 && strategy <= 4)) throw new P.Error("invalid strategy");
  inRange(options, "flush", 0, 6, 0);
  const flush = inRange(options, "finishFlush", 0, 6, 4);
  const { dictionary } = options;
  if (dictionary !== undefined && !isBytes(dictionary)) {
    throw nodeError("ERR_INVALID_ARG_TYPE", "options.dictionary", ["Buffer", "TypedArray", "DataView", "ArrayBuffer"], dictionary);
  }
  return runAll(N.nodeZlib(mode, windowBits, level, memLevel, strategy, dictionary), flush, bytes, most);
}

// Of brotli and Zstandard: [flush at the end, most that it may be]
function zipAll(bytes, options, mode) {
  const isBrotli = mode === BROTLI_DECODE || mode === BROTLI_ENCODE;
  inRange(options, "chunkSize", CHUNK_MIN, CHUNK_MAX, CHUNK_MIN);
  const most = inRange(options, "maxOutputLength", 1, CHUNK_MAX, CHUNK_MAX);
  const flushMost = isBrotli ? 3 : 2;
  inRange(options, "flush", 0, flushMost, 0);
  const flush = inRange(options, "finishFlush", 0, flushMost, 2);
  const { params, pledgedSrcSize } = options;
  const pairs = [];
  for (const key of params === undefined || params === null ? [] : P.ObjectKeys(params)) P.ArrayPrototypePush(pairs, +key, +params[key]);
  return runAll(N.nodeZip(mode, pledgedSrcSize, new P.Int32Array(pairs)), flush, bytes, most);
}

// What the platform calls a form when its input is of no use.
function methodOf(mode) {
  return mode === BROTLI_ENCODE ? "brotliCompressSync" : mode === BROTLI_DECODE ? "brotliDecompressSync" : mode === ZSTD_ENCODE ? "zstdCompressSync" : mode === ZSTD_DECODE ? "zstdDecompressSync" : "zlibSync";
}

function classes() {
  return load("node/internal/zlib_streams");
}

function all(data, options, mode, Class) {
  const bytes = inputBytes(data, methodOf(mode));
  if (options.info) {
    const engine = new (classes()[Class])(options);
    return { engine, buffer: engine._processChunk(new P.Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength), engine._finishFlushFlag) };
  }
  return mode >= BROTLI_DECODE ? zipAll(bytes, options, mode) : zlibAll(bytes, options, mode);
}

// ---- the exports ----

// Name of a function -> its class; the mode of a class is the constant of the name below.
const FORMS = [
  ["deflate", "Deflate", constants.DEFLATE],
  ["inflate", "Inflate", INFLATE],
  ["gzip", "Gzip", constants.GZIP],
  ["gunzip", "Gunzip", GUNZIP],
  ["deflateRaw", "DeflateRaw", constants.DEFLATERAW],
  ["inflateRaw", "InflateRaw", constants.INFLATERAW],
  ["unzip", "Unzip", UNZIP],
  ["brotliCompress", "BrotliCompress", BROTLI_ENCODE],
  ["brotliDecompress", "BrotliDecompress", BROTLI_DECODE],
  ["zstdCompress", "ZstdCompress", ZSTD_ENCODE],
  ["zstdDecompress", "ZstdDecompress", ZSTD_DECODE],
];

function syncForm(mode, Class) {
  return (buffer, options) => all(buffer, options ?? {}, mode, Class);
}

function callbackForm(mode, Class) {
  return (buffer, options, callback) => {
    if (typeof options === "function") {
      callback = options;
      options = undefined;
    }
    if (typeof callback !== "function") throw nodeError("ERR_INVALID_ARG_TYPE", "callback", "Function", callback);
    const bytes = inputBytes(buffer, methodOf(mode));
    callBack(callback, () => all(bytes, options ?? {}, mode, Class));
  };
}

const zlib = {};

function named(name, f) {
  P.ObjectDefineProperty(f, "name", { __proto__: null, value: name, configurable: true });
  return f;
}

// The platform's: without the flag everything but constants and crc32 is there in name only.
function guarded(name, f) {
  zlib[name] = hasFlag("nodejs_zlib")
    ? named(name, f)
    : named(name, () => {
        throw new P.Error('Compatibility flag "nodejs_zlib" is not enabled');
      });
}

function lazyClass(name) {
  const settle = (value) => P.ObjectDefineProperty(zlib, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  P.ObjectDefineProperty(zlib, name, {
    __proto__: null,
    get() {
      const value = classes()[name];
      settle(value);
      return value;
    },
    set: settle,
    enumerable: true,
    configurable: true,
  });
}

zlib.crc32 = function crc32(data, value = 0) {
  validateUint32(value, "value");
  return N.nodeCrc32(inputBytes(data, "crc32"), value);
};
zlib.codes = codes;
zlib.constants = constants;
for (const name of P.ObjectKeys(constants)) zlib[name] = constants[name];
for (const [name, Class, mode] of FORMS) {
  if (hasFlag("nodejs_zlib")) lazyClass(Class);
  else guarded(Class, undefined);
  guarded(`create${Class}`, (options) => new (classes()[Class])(options));
  guarded(name, callbackForm(mode, Class));
  guarded(`${name}Sync`, syncForm(mode, Class));
}

export { zlib as default };
