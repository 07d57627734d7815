// crypto: random values, DigestStream, and subtle (crypto_subtle.js, evaluated when it is first asked for).

import { algorithmName, domError, isBytes, unknownHash } from "crypto_util";
import { badArgument, badConstructorArgument, illegalInvocation, isObject, publish } from "errors";
import { requireEvent } from "io";
import { WritableState, WritableStream } from "streams_writable";
import { MAKE as MAKE_STREAM, deferred, quiet } from "streams_util";

const MAKE = P.Symbol("internal");
const RANDOM_MAX = 65536;
const INTEGER_VIEWS = {
  __proto__: null,
  Int8Array: true,
  Uint8Array: true,
  Uint8ClampedArray: true,
  Int16Array: true,
  Uint16Array: true,
  Int32Array: true,
  Uint32Array: true,
  BigInt64Array: true,
  BigUint64Array: true,
};

// Digests that a stream can make: those of subtle, and checksums. Numbers of slv_digest_id.
const STREAM_DIGESTS = {
  __proto__: null,
  MD5: 0,
  "SHA-1": 1,
  "SHA-256": 2,
  "SHA-384": 3,
  "SHA-512": 4,
  CRC32: 5,
  CRC32C: 6,
  CRC64NVME: 7,
};

class DigestSink {
  #handle;
  #deferred = deferred();
  bytes = 0;

  constructor(id) {
    this.#handle = N.digestNew(id);
    quiet(this.#deferred.promise);
  }

  get digest() {
    return this.#deferred.promise;
  }

  write(chunk) {
    if (typeof chunk === "string") chunk = N.utf8Encode(chunk);
    if (!isBytes(chunk)) {
      const error = new P.TypeError(
        "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string type on its " +
          "writable side.",
      );
      this.#deferred.reject(error);
      throw error;
    }
    N.digestUpdate(this.#handle, chunk);
    this.bytes += chunk.byteLength;
  }

  close() {
    this.#deferred.resolve(P.TypedArrayPrototypeGetBuffer(N.digestFinal(this.#handle)));
  }

  abort(reason) {
    this.#deferred.reject(reason);
  }
}

class DigestStream extends WritableStream {
  #sink;

  constructor(algorithm, strategy = undefined) {
    if (arguments.length < 1 || algorithm === undefined || algorithm === null) {
      throw badConstructorArgument("DigestStream", 1, "string or HashAlgorithm");
    }
    const id = STREAM_DIGESTS[P.StringPrototypeToUpperCase(algorithmName(algorithm))];
    if (id === undefined) throw unknownHash();
    const sink = new DigestSink(id);
    const ws = new WritableState(sink, 1, undefined);
    ws.started = true;
    super(MAKE_STREAM, ws);
    this.#sink = sink;
  }

  get digest() {
    return this.#sink.digest;
  }
  get bytesWritten() {
    return P.BigInt(this.#sink.bytes);
  }
}
publish(DigestStream);
if (P.Symbol.dispose !== undefined) {
  P.ObjectDefineProperty(DigestStream.prototype, P.Symbol.dispose, {
    __proto__: null,
    value() {
      this.abort(new P.Error("The DigestStream was disposed."));
    },
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

let isCrypto;

export class Crypto {
  #brand;

  static {
    isCrypto = (value) => isObject(value) && #brand in value;
  }

  constructor(token) {
    if (token !== MAKE) throw new P.TypeError("Illegal constructor");
  }

  get subtle() {
    if (!isCrypto(this)) throw illegalInvocation();
    return load("crypto_subtle").subtle;
  }

  getRandomValues(view) {
    if (!isCrypto(this)) throw illegalInvocation();
    if (!P.ArrayBufferIsView(view)) throw badArgument("Crypto", "getRandomValues", 1, "ArrayBufferView");
    if (INTEGER_VIEWS[P.TypedArrayPrototypeGetSymbolToStringTag(view)] !== true) {
      throw domError(
        "TypeMismatchError",
        "ArrayBufferView argument to getRandomValues() must be an integer-typed view.",
      );
    }
    const length = view.byteLength;
    if (length > RANDOM_MAX) {
      throw domError(
        "QuotaExceededError",
        `getRandomValues() only accepts buffers of size <= 64K but provided ${length} bytes.`,
      );
    }
    requireEvent();
    N.randomFill(view);
    return view;
  }

  randomUUID() {
    if (!isCrypto(this)) throw illegalInvocation();
    requireEvent();
    return N.randomUUID();
  }
}
publish(Crypto);
P.ObjectDefineProperty(Crypto.prototype, "DigestStream", {
  __proto__: null,
  value: DigestStream,
  writable: true,
  enumerable: true,
  configurable: true,
});

export const crypto = new Crypto(MAKE);
