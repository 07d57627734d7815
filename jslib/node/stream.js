// node:stream: the package readable-stream, which is Node's own code, with what it leaves to its host.

import { exports as Stream } from "npm/readable_stream";
import { duplexFromWeb, duplexToWeb, readableFromWeb, readableToWeb, writableFromWeb, writableToWeb } from "node/internal/stream_web";
import { nodeError } from "node/internal/errors";

const { Duplex, Readable, Writable } = Stream;

function method(target, name, value) {
  P.ObjectDefineProperty(target, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}
method(Readable, "fromWeb", readableFromWeb);
method(Readable, "toWeb", readableToWeb);
method(Writable, "fromWeb", writableFromWeb);
method(Writable, "toWeb", writableToWeb);
method(Duplex, "fromWeb", duplexFromWeb);
method(Duplex, "toWeb", duplexToWeb);

// A duplex that is destroyed owes its callers the callbacks of writes that wait in it, as a writable does.
Duplex.prototype.destroy = Writable.prototype.destroy;

// Two ends: what is written to one is read from the other.
const kOther = Symbol("other"), kCallback = Symbol("callback");

class PairEnd extends Duplex {
  [kOther] = null;
  [kCallback] = null;

  _read() {
    const callback = this[kCallback];
    if (callback) {
      this[kCallback] = null;
      callback();
    }
  }
  _write(chunk, encoding, callback) {
    if (chunk.length === 0) {
      load("node/process").default.nextTick(callback);
    } else {
      this[kOther].push(chunk);
      this[kOther][kCallback] = callback;
    }
  }
  _final(callback) {
    this[kOther].on("end", callback);
    this[kOther].push(null);
  }
}

if (Stream.duplexPair === undefined) {
  method(Stream, "duplexPair", function duplexPair(options) {
    const a = new PairEnd(options), b = new PairEnd(options);
    a[kOther] = b;
    b[kOther] = a;
    return [a, b];
  });
}
if (Stream._isArrayBufferView === undefined) method(Stream, "_isArrayBufferView", (value) => P.ArrayBufferIsView(value));

// Node's later default; the package keeps an earlier one.
const setDefault = Stream.setDefaultHighWaterMark;
setDefault(false, 64 * 1024);
method(Stream, "setDefaultHighWaterMark", function setDefaultHighWaterMark(objectMode, value) {
  if (typeof value !== "number") throw nodeError("ERR_INVALID_ARG_TYPE", "value", "number", value);
  setDefault(objectMode, value);
});

export { Stream as default };
