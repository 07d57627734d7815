// CompressionStream and DecompressionStream: byte streams around zlib.

import { badConstructorArgument, publish } from "errors";
import { hasFlag } from "flags";
import { ByteController } from "streams_byob";
import { ReadableState, ReadableStream } from "streams_readable";
import { TransformStream } from "streams_transform";
import { CLOSED, ERRORED, MAKE, READABLE, bytesView, deferred, isBytes } from "streams_util";
import { WritableState, WritableStream, errorWritable } from "streams_writable";

const FORMATS = { __proto__: null, gzip: 0, deflate: 1, "deflate-raw": 2 };

// Writes are done at once while no more than this waits to be read: code that writes all, closes, and only then reads
// works on the platform, too.
const WAITING_MAX = 8 << 20;

// What has gathered is read at once: a header and the data behind it, say.
const JOINED_MAX = 64 << 10;

// The source of the readable side and the sink of the writable side.
class Zip {
  #handle;
  #compress;
  #ended = false;
  #drained = null; // resolvers of a write that waits until what it made has been read
  #controller;
  #rs = new ReadableState();
  #ws;

  constructor(format, compress) {
    this.#handle = N.zipNew(format, compress);
    this.#compress = compress;
    this.readable = new ReadableStream(MAKE, this.#rs);
    this.#ws = new WritableState(this, 1, undefined);
    this.writable = new WritableStream(MAKE, this.#ws);
    this.#ws.started = true;
    this.#controller = new ByteController(this.#rs, this, 0, 0);
    this.#controller.started = true;
    this.#controller.joins = JOINED_MAX;
    this.#controller.onDrained = () => this.#relieve();
  }

  #relieve() {
    const d = this.#drained;
    if (d === null) return;
    this.#drained = null;
    if (this.#rs.state === ERRORED) d.reject(this.#rs.error);
    else d.resolve(undefined);
  }

  #release() {
    N.zipClose(this.#handle);
    this.#ended = true;
  }

  #fail(message) {
    const error = new P.TypeError(message);
    this.#release();
    this.#controller.fail(error);
    errorWritable(this.#ws, error);
    throw error;
  }

  async #run(bytes, finish) {
    for (;;) {
      const result = N.zipRun(this.#handle, bytes, finish);
      if (result === undefined) this.#fail("Decompression failed.");
      const chunk = result[0], consumed = result[1], more = result[2], ended = result[3];
      if (chunk.byteLength > 0) this.#controller.enqueueOwned(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      if (ended) {
        this.#release();
        if (consumed < bytes.byteLength) this.#trailing();
        return;
      }
      if (this.#controller.total > WAITING_MAX) {
        this.#drained = deferred();
        await this.#drained.promise;
        if (this.#ended) return;
      }
      if (!more) return;
      bytes = P.TypedArrayPrototypeSubarray(bytes, consumed);
    }
  }

  #trailing() {
    if (hasFlag("strict_compression_checks")) this.#fail("Trailing bytes after end of compressed data");
  }

  // ---- as a sink ----

  write(chunk) {
    if (typeof chunk === "string") chunk = N.utf8Encode(chunk);
    if (!isBytes(chunk)) {
      throw new P.TypeError(
        "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView " +
          "type on its writable side.",
      );
    }
    const bytes = bytesView(chunk);
    if (this.#rs.state === ERRORED) throw this.#rs.error;
    if (this.#rs.state === CLOSED || bytes.byteLength === 0) return undefined;
    if (this.#ended) {
      this.#trailing();
      return undefined;
    }
    return this.#run(bytes, false);
  }

  async close() {
    if (this.#compress && !this.#ended) await this.#run(new P.Uint8Array(0), true);
    if (this.#rs.state !== READABLE) return;
    if (!this.#ended && !this.#compress && hasFlag("strict_compression_checks")) {
      this.#fail("Called close() on a decompression stream with incomplete data");
    }
    this.#release();
    this.#controller.close();
  }

  abort(reason) {
    this.#release();
    this.#controller.fail(reason);
  }

  // ---- as a source ----

  get starts() {
    return false;
  }

  pull() {}

  cancel(reason) {
    this.#release();
    errorWritable(this.#ws, reason);
    const d = this.#drained;
    this.#drained = null;
    if (d !== null) d.reject(reason);
  }
}

function readFormat(type, given, value) {
  if (!given) throw badConstructorArgument(type, 1, "string");
  const format = FORMATS[`${value}`];
  if (format === undefined) {
    throw new P.TypeError("The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.");
  }
  return format;
}

export class CompressionStream extends TransformStream {
  constructor(format) {
    const zip = new Zip(readFormat("CompressionStream", arguments.length > 0, format), true);
    super(MAKE, zip.readable, zip.writable);
  }
}

export class DecompressionStream extends TransformStream {
  constructor(format) {
    const zip = new Zip(readFormat("DecompressionStream", arguments.length > 0, format), false);
    super(MAKE, zip.readable, zip.writable);
  }
}

publish(CompressionStream);
publish(DecompressionStream);
