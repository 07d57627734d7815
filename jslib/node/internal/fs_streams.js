// Streams over files of node:fs.

import { closeSync, openSync, readSync, writeSync } from "node/internal/fs_sync";
import { optionsOf, pathOf } from "node/internal/fs_util";
import { validateInteger } from "node/internal/validators";

const { Readable, Writable } = load("node/stream").default;

// The descriptor of a path, of a number, or of a FileHandle.
function opened(stream, path, options, flags) {
  const { fd } = options;
  if (fd === undefined || fd === null) return openSync(path, options.flags ?? flags, options.mode ?? 0o666);
  return typeof fd === "object" ? fd.fd : fd;
}

function close(stream, error, callback) {
  const { fd } = stream;
  stream.fd = null;
  if (fd !== null && stream.autoClose) {
    try {
      closeSync(fd);
    } catch (failed) {
      error ??= failed;
    }
  }
  callback(error);
}

export class ReadStream extends Readable {
  #at;
  #path;
  #options;

  fd = null;
  bytesRead = 0;

  constructor(path, given = undefined) {
    const options = optionsOf(given);
    super({ highWaterMark: options.highWaterMark ?? 65536, encoding: options.encoding, emitClose: options.emitClose ?? true, autoDestroy: options.autoClose ?? true, signal: options.signal });
    const { start, end = Infinity } = options;
    if (start !== undefined) validateInteger(start, "start", 0);
    if (end !== Infinity) validateInteger(end, "end", 0);
    this.#path = options.fd === undefined || options.fd === null ? pathOf(path) : undefined;
    this.#options = options;
    this.path = path;
    this.start = start;
    this.end = end;
    this.autoClose = options.autoClose ?? true;
    this.flags = options.flags ?? "r";
    this.#at = start;
  }

  _construct(callback) {
    try {
      this.fd = opened(this, this.#path, this.#options, "r");
    } catch (error) {
      return callback(error);
    }
    callback();
    this.emit("open", this.fd);
    this.emit("ready");
  }

  _read(size) {
    const left = this.end === Infinity ? size : this.end + 1 - (this.start ?? 0) - this.bytesRead;
    if (left <= 0) return void this.push(null);
    const buffer = load("node/internal/buffer").Buffer.alloc(P.MathMin(size, left));
    let n;
    try {
      n = readSync(this.fd, buffer, 0, buffer.length, this.#at ?? null);
    } catch (error) {
      return void this.destroy(error);
    }
    if (this.#at !== undefined) this.#at += n;
    this.bytesRead += n;
    this.push(n === 0 ? null : buffer.subarray(0, n));
  }

  _destroy(error, callback) {
    close(this, error, callback);
  }

  close(callback = undefined) {
    if (callback !== undefined) this.once("close", () => callback());
    this.destroy();
  }

  get pending() {
    return this.fd === null;
  }
}

export class WriteStream extends Writable {
  #at;
  #path;
  #options;

  fd = null;
  bytesWritten = 0;

  constructor(path, given = undefined) {
    const options = optionsOf(given);
    super({ highWaterMark: options.highWaterMark ?? 16384, defaultEncoding: options.encoding ?? "utf8", decodeStrings: true, emitClose: options.emitClose ?? true, autoDestroy: options.autoClose ?? true, signal: options.signal });
    const { start } = options;
    if (start !== undefined) validateInteger(start, "start", 0);
    this.#path = options.fd === undefined || options.fd === null ? pathOf(path) : undefined;
    this.#options = options;
    this.path = path;
    this.start = start;
    this.autoClose = options.autoClose ?? true;
    this.flags = options.flags ?? (start === undefined ? "w" : "r+");
    this.#at = start;
  }

  _construct(callback) {
    try {
      this.fd = opened(this, this.#path, this.#options, this.flags);
    } catch (error) {
      return callback(error);
    }
    callback();
    this.emit("open", this.fd);
    this.emit("ready");
  }

  _write(chunk, encoding, callback) {
    try {
      const n = writeSync(this.fd, chunk, 0, chunk.length, this.#at ?? null);
      if (this.#at !== undefined) this.#at += n;
      this.bytesWritten += n;
    } catch (error) {
      return callback(error);
    }
    callback();
  }

  _destroy(error, callback) {
    close(this, error, callback);
  }

  close(callback = undefined) {
    if (callback !== undefined) this.once("close", () => callback());
    if (this.writableEnded) this.destroy();
    else this.end();
  }

  get pending() {
    return this.fd === null;
  }
}

export function createReadStream(path, options = undefined) {
  return new ReadStream(path, options);
}

export function createWriteStream(path, options = undefined) {
  return new WriteStream(path, options);
}
