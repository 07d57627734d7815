// Between streams of Node and of the web: toWeb, fromWeb.

import { Buffer } from "node/internal/buffer";
import { AbortError, nodeError } from "node/internal/errors";

const streams = () => load("npm/readable_stream").exports;
const tick = (fn, ...args) => load("node/process").default.nextTick(fn, ...args);

function isReadableNode(stream) {
  return stream !== null && typeof stream === "object" && typeof stream.pipe === "function" && typeof stream.on === "function";
}

function isWritableNode(stream) {
  return stream !== null && typeof stream === "object" && typeof stream.write === "function" && typeof stream.on === "function";
}

// ---- readable ----

export function readableToWeb(readable, options = {}) {
  if (!isReadableNode(readable)) throw nodeError("ERR_INVALID_ARG_TYPE", "streamReadable", "stream.Readable", readable);
  const { ReadableStream } = load("streams_readable"), { finished, isDestroyed, isReadable } = streams();
  if (isDestroyed(readable) || !isReadable(readable)) {
    const empty = new ReadableStream();
    empty.cancel();
    return empty;
  }
  const objects = readable.readableObjectMode, high = readable.readableHighWaterMark;
  const strategy = options.strategy ?? (objects ? { highWaterMark: high } : { highWaterMark: high, size: (chunk) => chunk.byteLength ?? chunk.length });
  let controller, canceled = false;
  const onData = (chunk) => {
    if (P.ArrayBufferIsView(chunk) && !objects) chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice();
    controller.enqueue(chunk);
    if (controller.desiredSize <= 0) readable.pause();
  };
  readable.pause();
  const cleanup = finished(readable, (error) => {
    if (error?.code === "ERR_STREAM_PREMATURE_CLOSE") error = new AbortError(undefined, { cause: error });
    cleanup();
    readable.on("error", () => {});
    if (canceled) return;
    if (error) controller.error(error);
    else controller.close();
  });
  readable.on("data", onData);
  return new ReadableStream(
    {
      start(c) {
        controller = c;
      },
      pull() {
        readable.resume();
      },
      cancel(reason) {
        canceled = true;
        streams().destroy(readable, reason instanceof Error ? reason : undefined);
      },
    },
    strategy,
  );
}

export function readableFromWeb(stream, options = {}) {
  const { ReadableStream } = load("streams_readable");
  if (!(stream instanceof ReadableStream)) throw nodeError("ERR_INVALID_ARG_TYPE", "readableStream", "ReadableStream", stream);
  const { Readable } = streams(), { highWaterMark, encoding, objectMode = false, signal } = options;
  const reader = stream.getReader();
  let closed = false;
  const readable = new Readable({
    objectMode,
    highWaterMark,
    encoding,
    signal,
    read() {
      reader.read().then(
        ({ done, value }) => {
          if (done) {
            closed = true;
            readable.push(null);
          } else readable.push(value instanceof Uint8Array && !Buffer.isBuffer(value) && !objectMode ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value);
        },
        (error) => {
          closed = true;
          streams().destroy(readable, error);
        },
      );
    },
    destroy(error, callback) {
      const done = () => tick(callback, error);
      if (closed) done();
      else reader.cancel(error ?? undefined).then(done, done);
    },
  });
  reader.closed.then(
    () => {
      closed = true;
    },
    (error) => {
      closed = true;
      streams().destroy(readable, error);
    },
  );
  return readable;
}

// ---- writable ----

export function writableToWeb(writable) {
  if (!isWritableNode(writable)) throw nodeError("ERR_INVALID_ARG_TYPE", "streamWritable", "stream.Writable", writable);
  const { WritableStream } = load("streams_writable"), { finished, isDestroyed, isWritable } = streams();
  if (isDestroyed(writable) || !isWritable(writable)) {
    const closed = new WritableStream();
    closed.close();
    return closed;
  }
  let controller, drained = null, ended = null;
  const objects = writable.writableObjectMode, high = writable.writableHighWaterMark;
  const cleanup = finished(writable, (error) => {
    if (error?.code === "ERR_STREAM_PREMATURE_CLOSE") error = new AbortError(undefined, { cause: error });
    cleanup();
    writable.on("error", () => {});
    if (error) {
      drained?.reject(error);
      ended?.reject(error);
      drained = ended = null;
      controller.error(error);
      return;
    }
    if (ended !== null) ended.resolve();
    else controller.error(new AbortError());
    drained = ended = null;
  });
  writable.on("drain", () => {
    drained?.resolve();
    drained = null;
  });
  return new WritableStream(
    {
      start(c) {
        controller = c;
      },
      write(chunk) {
        if (writable.writableNeedDrain || !writable.write(chunk)) {
          drained = Promise.withResolvers();
          return drained.promise;
        }
        return undefined;
      },
      abort(reason) {
        streams().destroy(writable, reason);
      },
      close() {
        if (ended === null && !writable.writableEnded) {
          ended = Promise.withResolvers();
          writable.end();
          return ended.promise;
        }
        return undefined;
      },
    },
    objects ? { highWaterMark: high } : { highWaterMark: high, size: (chunk) => chunk.byteLength ?? chunk.length },
  );
}

export function writableFromWeb(stream, options = {}) {
  const { WritableStream } = load("streams_writable");
  if (!(stream instanceof WritableStream)) throw nodeError("ERR_INVALID_ARG_TYPE", "writableStream", "WritableStream", stream);
  const { Writable } = streams(), { highWaterMark, decodeStrings = true, objectMode = false, signal } = options;
  const writer = stream.getWriter();
  let closed = false;
  const after = (promise, callback) => promise.then(() => tick(callback), (error) => tick(callback, error));
  const writable = new Writable({
    highWaterMark,
    objectMode,
    decodeStrings,
    signal,
    writev(chunks, callback) {
      after(writer.ready.then(() => Promise.all(chunks.map(({ chunk }) => writer.write(chunk)))), callback);
    },
    write(chunk, encoding, callback) {
      if (typeof chunk === "string" && decodeStrings && !objectMode) chunk = Buffer.from(chunk, encoding);
      after(writer.ready.then(() => writer.write(chunk)), callback);
    },
    destroy(error, callback) {
      const done = () => tick(callback, error);
      if (closed) done();
      else if (error !== null) writer.abort(error).then(done, done);
      else writer.close().then(done, done);
    },
    final(callback) {
      if (closed) tick(callback);
      else after(writer.close(), callback);
    },
  });
  writer.closed.then(
    () => {
      closed = true;
    },
    (error) => {
      closed = true;
      streams().destroy(writable, error);
    },
  );
  return writable;
}

// ---- both ----

export function duplexToWeb(duplex) {
  if (!isReadableNode(duplex) || !isWritableNode(duplex)) throw nodeError("ERR_INVALID_ARG_TYPE", "duplex", "stream.Duplex", duplex);
  return { readable: readableToWeb(duplex), writable: writableToWeb(duplex) };
}

export function duplexFromWeb(pair, options = {}) {
  const readable = readableFromWeb(pair.readable, options), writable = writableFromWeb(pair.writable, options), { Duplex, destroy } = streams();
  const duplex = new Duplex({
    allowHalfOpen: options.allowHalfOpen,
    objectMode: options.objectMode,
    highWaterMark: options.highWaterMark,
    decodeStrings: options.decodeStrings,
    encoding: options.encoding,
    read() {
      readable.resume();
    },
    write(chunk, encoding, callback) {
      writable.write(chunk, encoding, callback);
    },
    final(callback) {
      writable.end(callback);
    },
    destroy(error, callback) {
      destroy(readable, error);
      destroy(writable, error);
      callback(error);
    },
  });
  readable.on("data", (chunk) => {
    if (!duplex.push(chunk)) readable.pause();
  });
  readable.on("end", () => duplex.push(null));
  readable.on("error", (error) => destroy(duplex, error));
  writable.on("error", (error) => destroy(duplex, error));
  return duplex;
}
