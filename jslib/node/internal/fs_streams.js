// Streams over files of node:fs. What they do with a file they do through the callbacks of node:fs, of the object that the
// option `fs` gives, or of a FileHandle.

import { optionsOf, pathOf } from "node/internal/fs_util";
import { nodeError } from "node/internal/errors";
import { validateAbortSignal, validateBoolean, validateFunction, validateInteger } from "node/internal/validators";

const { Readable, Writable, finished } = load("node/stream").default;

// ---- the file behind a stream ----

// The operations of a stream: those that `given` has, node:fs's for the others.
function operationsOf(given, names) {
  const fs = load("node/fs").default;
  const made = { __proto__: null };
  for (const name of names) {
    const own = given?.[name];
    if (own === undefined || own === null) made[name] = fs[name];
    else {
      validateFunction(own, `options.fs.${name}`);
      made[name] = (...args) => own.apply(given, args);
    }
  }
  // Who gives one way to write is not asked for the other.
  if (given?.write !== undefined && given.writev === undefined) made.writev = undefined;
  return made;
}

function settle(promise, callback) {
  promise.then((value) => callback(null, value), callback);
}

function operationsOfHandle(handle) {
  return {
    __proto__: null,
    read: (fd, buffer, offset, length, position, callback) => handle.read(buffer, offset, length, position).then((r) => callback(null, r.bytesRead), callback),
    write: (fd, buffer, offset, length, position, callback) => handle.write(buffer, offset, length, position).then((r) => callback(null, r.bytesWritten), callback),
    fsync: (fd, callback) => settle(handle.sync(), callback),
    close: (fd, callback) => settle(handle.close(), callback),
  };
}

// Options may be inherited.
function flatOptions(given) {
  const options = optionsOf(given);
  if (given === null || typeof given !== "object") return options;
  const flat = {};
  for (const name in given) flat[name] = given[name];
  return flat;
}

function openOptions(stream, path, options, names, flags) {
  stream.fd = null;
  if (options.fd === undefined || options.fd === null) {
    stream.operations = operationsOf(options.fs, ["open", ...names]);
    stream.file = pathOf(path);
    stream.path = path;
    stream.flags = options.flags ?? flags;
    stream.mode = options.mode ?? 0o666;
    return;
  }
  const { fd } = options;
  if (typeof fd === "object") {
    if (options.fs !== undefined && options.fs !== null) throw nodeError("ERR_METHOD_NOT_IMPLEMENTED", "FileHandle with fs");
    stream.operations = operationsOfHandle(fd);
    stream.fd = fd.fd;
    fd.on("close", () => stream.close());
    return;
  }
  validateInteger(fd, "fd", 0, 2147483647);
  stream.operations = operationsOf(options.fs, names);
  stream.fd = fd;
}

function construct(stream, callback) {
  if (typeof stream.fd === "number") return callback();
  // An open() that a program has added tells by an event when it is done.
  if (typeof stream.open === "function") {
    const { emit } = stream;
    stream.emit = function (name, ...args) {
      if (name === "open" || name === "error") {
        stream.emit = emit;
        callback(name === "error" ? args[0] : undefined);
        if (name === "error") return true;
      }
      return emit.call(stream, name, ...args);
    };
    stream.open();
    return undefined;
  }
  stream.operations.open(stream.file, stream.flags, stream.mode, (error, fd) => {
    if (error) return callback(error);
    stream.fd = fd;
    callback();
    stream.emit("open", fd);
    stream.emit("ready");
  });
  return undefined;
}

function closeFile(stream, error, callback) {
  const { fd } = stream;
  stream.fd = null;
  if (typeof fd !== "number") return callback(error);
  stream.operations.close(fd, (failed) => callback(error ?? failed));
}

// What is under way ends before the file is closed.
function destroy(stream, error, callback) {
  if (stream.busy) stream.whenIdle = (failed) => closeFile(stream, error ?? failed, callback);
  else closeFile(stream, error, callback);
}

// Begins an operation; what it returns ends it, and is false when the stream was destroyed meanwhile.
function begin(stream) {
  stream.busy = true;
  return (error) => {
    stream.busy = false;
    const then = stream.whenIdle;
    if (then === null) return true;
    stream.whenIdle = null;
    then(error);
    return false;
  };
}

// The members of a stream that are no business of its users.
function hide(stream) {
  for (const [name, value] of [["operations", null], ["file", undefined], ["busy", false], ["whenIdle", null]]) {
    P.ObjectDefineProperty(stream, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  }
}

function stateAccessor(Class, name, state, member) {
  P.ObjectDefineProperty(Class.prototype, name, {
    __proto__: null,
    get() {
      if (this[state] === undefined) throw nodeError("ERR_INVALID_THIS", Class.name);
      return this[state][member];
    },
    set(value) {
      if (this[state] === undefined) throw nodeError("ERR_INVALID_THIS", Class.name);
      this[state][member] = value;
    },
    enumerable: false,
    configurable: true,
  });
}

// A class that may be called without new, as the functions of Node may.
function callable(Class) {
  function Stream(...args) {
    return P.ReflectConstruct(Class, args, new.target ?? Stream);
  }
  P.ObjectDefineProperty(Stream, "name", { __proto__: null, value: Class.name, configurable: true });
  P.ObjectDefineProperty(Stream, "length", { __proto__: null, value: Class.length, configurable: true });
  P.ObjectDefineProperty(Stream, "prototype", { __proto__: null, value: Class.prototype, writable: true });
  P.ObjectDefineProperty(Class.prototype, "constructor", { __proto__: null, value: Stream, writable: true, configurable: true });
  return P.ObjectSetPrototypeOf(Stream, P.ObjectGetPrototypeOf(Class));
}

function checkRange(stream, options) {
  stream.start = options.start;
  stream.end = options.end ?? Infinity;
  stream.pos = undefined;
  if (stream.start !== undefined) {
    validateInteger(stream.start, "start", 0);
    stream.pos = stream.start;
  }
  if (stream.end === Infinity) return;
  validateInteger(stream.end, "end", 0);
  if (stream.start !== undefined && stream.start > stream.end) throw nodeError("ERR_OUT_OF_RANGE", "start", `<= "end" (here: ${stream.end})`, stream.start);
}

function commonOptions(options, highWaterMark) {
  if (options.signal !== undefined) validateAbortSignal(options.signal, "options.signal");
  return { highWaterMark: options.highWaterMark ?? highWaterMark, emitClose: options.emitClose ?? true, autoDestroy: options.autoClose ?? true, signal: options.signal };
}

// ---- reading ----

class ReadStreamClass extends Readable {
  static name = "ReadStream";

  constructor(path, given = undefined) {
    const options = flatOptions(given);
    super(commonOptions(options, 65536));
    hide(this);
    openOptions(this, path, options, ["read", "close"], "r");
    checkRange(this, options);
    this.bytesRead = 0;
    if (options.encoding) this.setEncoding(options.encoding);
  }

  _construct(callback) {
    construct(this, callback);
  }

  _read(size) {
    if (this.pos !== undefined) size = P.MathMin(this.end - this.pos + 1, size);
    else if (this.end !== Infinity) size = P.MathMin(this.end - this.bytesRead + 1, size);
    if (size <= 0) return void this.push(null);
    const buffer = load("node/internal/buffer").Buffer.allocUnsafeSlow(size);
    const done = begin(this);
    this.operations.read(this.fd, buffer, 0, size, this.pos ?? null, (error, n) => {
      if (!done(error)) return;
      if (error) {
        this.destroy(error);
        return;
      }
      if (this.pos !== undefined) this.pos += n;
      this.bytesRead += n;
      this.push(n > 0 ? buffer.subarray(0, n) : null);
    });
  }

  _destroy(error, callback) {
    destroy(this, error, callback);
  }

  close(callback = undefined) {
    if (typeof callback === "function") finished(this, callback);
    this.destroy();
  }

  get pending() {
    return this.fd === null;
  }
}
stateAccessor(ReadStreamClass, "autoClose", "_readableState", "autoDestroy");
export const ReadStream = callable(ReadStreamClass);

// ---- writing ----

class WriteStreamClass extends Writable {
  static name = "WriteStream";

  constructor(path, given = undefined) {
    const options = flatOptions(given);
    if (options.flush !== undefined && options.flush !== null) validateBoolean(options.flush, "options.flush");
    super({ ...commonOptions(options, 16384), decodeStrings: true });
    hide(this);
    openOptions(this, path, options, ["write", "writev", "fsync", "close"], options.start === undefined ? "w" : "r+");
    this.start = options.start;
    this.pos = undefined;
    if (this.start !== undefined) {
      validateInteger(this.start, "start", 0);
      this.pos = this.start;
    }
    this.flush = options.flush ?? false;
    this.bytesWritten = 0;
    if (options.encoding) this.setDefaultEncoding(options.encoding);
    if (this.operations.writev === undefined) P.ObjectDefineProperty(this, "_writev", { __proto__: null, value: null, writable: true, configurable: true });
  }

  _construct(callback) {
    construct(this, callback);
  }

  #wrote(n) {
    this.bytesWritten += n;
    if (this.pos !== undefined) this.pos += n;
  }

  _write(chunk, encoding, callback) {
    const done = begin(this);
    this.operations.write(this.fd, chunk, 0, chunk.length, this.pos ?? null, (error, n) => {
      if (!done(error)) return callback(error);
      if (error) return callback(error);
      this.#wrote(n);
      if (n < chunk.length) return this._write(chunk.subarray(n), encoding, callback);
      callback();
    });
  }

  _writev(data, callback) {
    const chunks = data.map((entry) => entry.chunk);
    const done = begin(this);
    this.operations.writev(this.fd, chunks, this.pos ?? null, (error, n) => {
      if (!done(error)) return callback(error);
      if (error) return callback(error);
      this.#wrote(n);
      callback();
    });
  }

  _destroy(error, callback) {
    if (!this.flush || typeof this.fd !== "number" || error) return destroy(this, error, callback);
    this.operations.fsync(this.fd, (failed) => destroy(this, failed ?? error, callback));
  }

  close(callback = undefined) {
    if (typeof callback === "function") {
      if (this.closed) return void load("node/process").default.nextTick(callback);
      this.on("close", callback);
    }
    if (!this.autoClose) this.on("finish", this.destroy);
    this.end();
    return undefined;
  }

  get pending() {
    return this.fd === null;
  }
}
WriteStreamClass.prototype.destroySoon = WriteStreamClass.prototype.end;
stateAccessor(WriteStreamClass, "autoClose", "_writableState", "autoDestroy");
export const WriteStream = callable(WriteStreamClass);

export function createReadStream(path, options = undefined) {
  return new ReadStream(path, options);
}

export function createWriteStream(path, options = undefined) {
  return new WriteStream(path, options);
}
