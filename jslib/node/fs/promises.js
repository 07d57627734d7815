// node:fs/promises, and FileHandle.

import { EventEmitter } from "node/internal/events";
import { constants, optionsOf } from "node/internal/fs_util";
import { nodeError } from "node/internal/errors";
import { fsError } from "node/internal/vfs";

const sync = load("node/internal/fs_sync");

const NAMES =
  "access appendFile chmod chown copyFile cp lchmod lchown link lstat lutimes mkdir mkdtemp opendir readdir readlink realpath rename rm rmdir stat statfs symlink " +
  "truncate unlink utimes";
const own = {};
for (const name of P.StringPrototypeSplit(NAMES, " ")) {
  const call = sync[name + "Sync"];
  const named = { [name]: async (...args) => call(...args) };
  own[name] = named[name];
}

function plain(path) {
  return path instanceof FileHandle ? path.fd : path;
}

function checkSignal(options) {
  const signal = typeof options === "object" && options !== null ? options.signal : undefined;
  if (signal?.aborted) throw new (load("node/internal/errors").AbortError)(undefined, { cause: signal.reason });
}

async function readFile(path, options = undefined) {
  checkSignal(options);
  return sync.readFileSync(plain(path), options);
}

// Data may come in pieces.
async function whole(data, options) {
  if (typeof data === "string" || P.ArrayBufferIsView(data) || data === null || typeof data !== "object") return data;
  if (typeof data[Symbol.asyncIterator] !== "function" && typeof data[Symbol.iterator] !== "function") return data;
  const { Buffer } = load("node/internal/buffer");
  const parts = [];
  for await (const part of data) P.ArrayPrototypePush(parts, typeof part === "string" ? Buffer.from(part, optionsOf(options).encoding ?? "utf8") : part);
  return Buffer.concat(parts);
}

async function writeFile(path, data, options = undefined) {
  checkSignal(options);
  sync.writeFileSync(plain(path), await whole(data, options), options);
}

async function appendFile(path, data, options = undefined) {
  checkSignal(options);
  sync.appendFileSync(plain(path), await whole(data, options), options);
}

async function* glob(pattern, options = {}) {
  for (const found of sync.globSync(pattern, options)) yield found;
}

function watch() {
  throw nodeError("ERR_UNSUPPORTED_OPERATION");
}

async function open(path, flags = "r", mode = 0o666) {
  return new FileHandle(INTERNAL, sync.openSync(path, flags, mode));
}

const INTERNAL = P.Symbol();

class FileHandle extends EventEmitter {
  #fd;

  constructor(internal, fd) {
    if (internal !== INTERNAL) throw nodeError("ERR_ILLEGAL_CONSTRUCTOR");
    super();
    this.#fd = fd;
  }

  get fd() {
    return this.#fd;
  }

  get #open() {
    if (this.#fd === undefined) throw fsError("EBADF", "FileHandle");
    return this.#fd;
  }

  async appendFile(data, options = undefined) {
    return appendFile(this.#open, data, options);
  }

  async chmod(mode) {
    return sync.fchmodSync(this.#open, mode);
  }

  async chown(uid, gid) {
    return sync.fchownSync(this.#open, uid, gid);
  }

  async close() {
    if (this.#fd === undefined) return;
    sync.closeSync(this.#fd);
    this.#fd = undefined;
    this.emit("close");
  }

  createReadStream(options = {}) {
    return load("node/internal/fs_streams").createReadStream(undefined, { ...options, fd: this });
  }

  createWriteStream(options = {}) {
    return load("node/internal/fs_streams").createWriteStream(undefined, { ...options, fd: this });
  }

  async datasync() {
    return sync.fdatasyncSync(this.#open);
  }

  async read(buffer = undefined, offset = undefined, length = undefined, position = null) {
    if (!P.ArrayBufferIsView(buffer)) {
      const options = buffer ?? {};
      ({ buffer, offset, length, position = null } = options);
      buffer ??= load("node/internal/buffer").Buffer.alloc(16384);
    } else if (typeof offset === "object" && offset !== null) {
      ({ offset, length, position = null } = offset);
    }
    return { bytesRead: sync.readSync(this.#open, buffer, offset, length, position), buffer };
  }

  readableWebStream(options = {}) {
    void this.#open;
    const { Readable } = load("node/stream").default;
    return Readable.toWeb(this.createReadStream(options));
  }

  async readFile(options = undefined) {
    return sync.readFileSync(this.#open, options);
  }

  async *readLines(options = {}) {
    const text = sync.readFileSync(this.#open, { encoding: "utf8", ...options });
    const lines = P.StringPrototypeSplit(text, /\r\n|\n|\r/);
    if (lines[lines.length - 1] === "") P.ArrayPrototypePop(lines);
    yield* lines;
  }

  async readv(buffers, position = null) {
    return { bytesRead: sync.readvSync(this.#open, buffers, position), buffers };
  }

  async stat(options = {}) {
    return sync.fstatSync(this.#open, options);
  }

  async sync() {
    return sync.fsyncSync(this.#open);
  }

  async truncate(length = 0) {
    return sync.ftruncateSync(this.#open, length);
  }

  async utimes(atime, mtime) {
    return sync.futimesSync(this.#open, atime, mtime);
  }

  async write(buffer, offset = undefined, length = undefined, position = undefined) {
    return { bytesWritten: sync.writeSync(this.#open, buffer, offset, length, position), buffer };
  }

  async writeFile(data, options = undefined) {
    return writeFile(this.#open, data, options);
  }

  async writev(buffers, position = null) {
    return { bytesWritten: sync.writevSync(this.#open, buffers, position), buffers };
  }

  async [Symbol.asyncDispose]() {
    return this.close();
  }
}

const module = { FileHandle, constants, ...own, appendFile, glob, open, readFile, watch, writeFile };
export { module as default };
