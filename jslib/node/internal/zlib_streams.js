// zlib's classes: transform streams over the natives.

import { Buffer } from "node/internal/buffer";
import { constants } from "node/internal/zlib_constants";
import { errorWithCode, nodeError } from "node/internal/errors";
import { inRange, paramPairs, streamOptions, zlibOptions } from "node/internal/zlib_options";
import { internalExports } from "node/registry";
import { queueMicrotask } from "timers";

const { Transform, finished } = internalExports("stream");
const { DEFLATE, INFLATE, GZIP, GUNZIP, DEFLATERAW, INFLATERAW, UNZIP, BROTLI_DECODE, BROTLI_ENCODE, ZSTD_ENCODE, ZSTD_DECODE, Z_SYNC_FLUSH } = constants;

const FLUSH = Symbol("flush"); // of an empty chunk: which flush it stands for

// [while writing, at the end, of flush()]
const ZLIB_FLUSHES = [constants.Z_NO_FLUSH, constants.Z_FINISH, constants.Z_FULL_FLUSH];
const BROTLI_FLUSHES = [constants.BROTLI_OPERATION_PROCESS, constants.BROTLI_OPERATION_FINISH, constants.BROTLI_OPERATION_FLUSH];
const ZSTD_FLUSHES = [constants.ZSTD_e_continue, constants.ZSTD_e_end, constants.ZSTD_e_flush];

// How strong zlib's flushes are: NO_FLUSH < BLOCK < PARTIAL < SYNC < FULL < FINISH.
const STRENGTH = [0, 2, 3, 4, 5, 1];

function stronger(a, b) {
  return STRENGTH[a] > STRENGTH[b] ? a : b;
}

function flushChunk(kind) {
  const chunk = Buffer.alloc(0);
  chunk[FLUSH] = kind;
  return chunk;
}

function failure([message, code, errno]) {
  const error = errorWithCode(Error, code, message);
  error.errno = errno;
  return error;
}

export class ZlibBase extends Transform {
  bytesWritten = 0;
  _handle;
  _chunkSize;
  _defaultFlushFlag;
  _finishFlushFlag;
  _defaultFullFlushFlag;
  _info;
  _maxOutputLength;
  _outBuffer;
  _outOffset = 0;
  #state = new P.Uint32Array(2);
  #waiting = null; // a step that goes on when the reader wants more

  constructor(options, mode, open, flushes) {
    const checked = streamOptions(options, mode, flushes);
    const handle = open();
    if (options.encoding || options.objectMode || options.writableObjectMode) {
      options = { ...options, encoding: undefined, objectMode: false, writableObjectMode: false };
    }
    super({ autoDestroy: true, ...options });
    this._handle = handle;
    this._chunkSize = checked.chunkSize;
    this._outBuffer = Buffer.allocUnsafe(checked.chunkSize);
    this._defaultFlushFlag = checked.flush;
    this._finishFlushFlag = checked.finishFlush;
    this._defaultFullFlushFlag = flushes[2];
    this._maxOutputLength = checked.maxOutputLength;
    this._info = !!options.info;
  }

  get _closed() {
    return this._handle === null;
  }

  get bytesRead() {
    return this.bytesWritten;
  }

  set bytesRead(value) {
    this.bytesWritten = value;
  }

  #open() {
    if (this._handle === null) throw nodeError("ERR_INVALID_STATE", "zlib binding closed");
    return this._handle;
  }

  reset() {
    const wrong = N.nodeZipReset(this.#open());
    if (wrong !== undefined) this.destroy(failure(wrong));
  }

  _flush(callback) {
    this._transform(Buffer.alloc(0), "", callback);
  }

  _final(callback) {
    callback();
  }

  flush(kind, callback) {
    if (typeof kind === "function" || (kind === undefined && !callback)) {
      callback = kind;
      kind = this._defaultFullFlushFlag;
    }
    if (this.writableFinished) {
      if (callback) queueMicrotask(callback);
    } else if (this.writableEnded) {
      if (callback) this.once("end", callback);
    } else {
      this.write(flushChunk(kind), "", callback);
    }
  }

  close(callback) {
    if (callback) finished(this, callback);
    this.destroy();
  }

  _shut() {
    if (this._handle !== null) N.nodeZipClose(this._handle);
    this._handle = null;
  }

  _destroy(error, callback) {
    this._shut();
    callback(error);
  }

  _transform(chunk, encoding, callback) {
    let flush = typeof chunk[FLUSH] === "number" ? chunk[FLUSH] : this._defaultFlushFlag;
    if (this.writableEnded && this.writableLength === chunk.byteLength) flush = stronger(flush, this._finishFlushFlag);
    this.#run(chunk, 0, chunk.byteLength, flush, callback);
  }

  _read(size) {
    const step = this.#waiting;
    this.#waiting = null;
    if (step !== null) step();
    super._read(size);
  }

  // Writes input and pushes output until the input is used up; rests while the reader has enough.
  #run(chunk, at, left, flush, callback) {
    for (;;) {
      if (this._handle === null) return queueMicrotask(callback);
      const room = this._chunkSize - this._outOffset;
      const wrong = N.nodeZipWrite(this._handle, flush, chunk, at, left, this._outBuffer, this._outOffset, room, this.#state);
      if (wrong !== undefined) {
        this.destroy(failure(wrong));
        return undefined;
      }
      const [roomAfter, leftAfter] = this.#state;
      this.bytesWritten += left - leftAfter;
      const wantsMore = this.#give(room - roomAfter);
      if (this.destroyed) return callback();
      at += left - leftAfter;
      left = leftAfter;
      if (roomAfter !== 0) break;
      if (!wantsMore) {
        this.#waiting = () => this.#run(chunk, at, left, flush, callback);
        return undefined;
      }
    }
    // what the library left although there was room lies behind the end of the data
    if (left > 0) this.push(null);
    return callback();
  }

  // The next `count` bytes of the output buffer: pushes them; whether the reader wants more.
  #give(count) {
    let wantsMore = true;
    if (count > 0) {
      const out = this._outBuffer.subarray(this._outOffset, this._outOffset + count);
      this._outOffset += count;
      wantsMore = this.push(out);
    }
    this.#renew();
    return wantsMore;
  }

  #renew() {
    if (this._outOffset < this._chunkSize) return;
    this._outOffset = 0;
    this._outBuffer = Buffer.allocUnsafe(this._chunkSize);
  }

  // All at once; the stream is used up. (With a callback: as one chunk of the stream.)
  _processChunk(chunk, flush, callback) {
    if (typeof callback === "function") {
      this.#run(chunk, 0, chunk.byteLength, flush, callback);
      return undefined;
    }
    const parts = [];
    let at = 0, left = chunk.byteLength, made = 0;
    for (;;) {
      const room = this._chunkSize - this._outOffset;
      const wrong = N.nodeZipWrite(this.#open(), flush, chunk, at, left, this._outBuffer, this._outOffset, room, this.#state);
      if (wrong !== undefined) {
        this._shut();
        throw failure(wrong);
      }
      const [roomAfter, leftAfter] = this.#state;
      const count = room - roomAfter;
      if (count > 0) parts.push(this._outBuffer.subarray(this._outOffset, this._outOffset + count));
      this._outOffset += count;
      made += count;
      if (made > this._maxOutputLength) {
        this._shut();
        throw nodeError("ERR_BUFFER_TOO_LARGE", this._maxOutputLength);
      }
      this.#renew();
      at += left - leftAfter;
      left = leftAfter;
      if (roomAfter !== 0) break;
    }
    this.bytesWritten = at;
    this._shut();
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, made);
  }
}

export class Zlib extends ZlibBase {
  _level;
  _strategy;

  constructor(options, mode) {
    const given = options ?? {};
    const z = zlibOptions(given, mode);
    super(given, mode, () => N.nodeZlib(mode, z.windowBits, z.level, z.memLevel, z.strategy, z.dictionary), ZLIB_FLUSHES);
    this._level = z.level;
    this._strategy = z.strategy;
  }

  params(level, strategy, callback) {
    inRange(level, "level", -1, 9, undefined);
    inRange(strategy, "strategy", 0, 4, undefined);
    if (this._level === level && this._strategy === strategy) {
      if (callback) queueMicrotask(callback);
      return;
    }
    this.flush(Z_SYNC_FLUSH, () => {
      if (this._handle === null) throw nodeError("ERR_INVALID_STATE", "zlib binding closed");
      const wrong = N.nodeZipParams(this._handle, level, strategy);
      if (wrong !== undefined) {
        this.destroy(failure(wrong));
        return;
      }
      this._level = level;
      this._strategy = strategy;
      callback?.();
    });
  }
}

// Of brotli and Zstandard.
function openZip(mode, pledged, pairs) {
  const handle = N.nodeZip(mode, pledged, pairs);
  if (P.ArrayIsArray(handle)) throw errorWithCode(Error, "ERR_ZLIB_INITIALIZATION_FAILED", "Initialization failed");
  return handle;
}

class Brotli extends ZlibBase {
  constructor(options, mode) {
    const given = options ?? {};
    const pairs = paramPairs(given.params, 8, "ERR_BROTLI_INVALID_PARAM", "Brotli");
    super(given, mode, () => openZip(mode, undefined, pairs), BROTLI_FLUSHES);
  }
}

class Zstd extends ZlibBase {
  constructor(options, mode, most) {
    const given = options ?? {};
    const pairs = paramPairs(given.params, most, "ERR_ZSTD_INVALID_PARAM", "Zstd");
    super(given, mode, () => openZip(mode, given.pledgedSrcSize, pairs), ZSTD_FLUSHES);
  }
}

export class Deflate extends Zlib {
  constructor(options) {
    super(options, DEFLATE);
  }
}

export class Inflate extends Zlib {
  constructor(options) {
    super(options, INFLATE);
  }
}

export class Gzip extends Zlib {
  constructor(options) {
    super(options, GZIP);
  }
}

export class Gunzip extends Zlib {
  constructor(options) {
    super(options, GUNZIP);
  }
}

export class DeflateRaw extends Zlib {
  constructor(options) {
    // a window of 8 bits, which zlib cannot make without its header
    super(options?.windowBits === 8 ? { ...options, windowBits: 9 } : options, DEFLATERAW);
  }
}

export class InflateRaw extends Zlib {
  constructor(options) {
    super(options, INFLATERAW);
  }
}

export class Unzip extends Zlib {
  constructor(options) {
    super(options, UNZIP);
  }
}

export class BrotliCompress extends Brotli {
  constructor(options) {
    super(options, BROTLI_ENCODE);
  }
}

export class BrotliDecompress extends Brotli {
  constructor(options) {
    super(options, BROTLI_DECODE);
  }
}

export class ZstdCompress extends Zstd {
  constructor(options) {
    super(options, ZSTD_ENCODE, constants.ZSTD_c_overlapLog);
  }
}

export class ZstdDecompress extends Zstd {
  constructor(options) {
    super(options, ZSTD_DECODE, constants.ZSTD_d_windowLogMax);
  }
}

