// Buffer: Uint8Array with Node's encodings.

import { inspect } from "inspect";
import { errorWithCode, nodeError } from "node/internal/errors";
import { installNumbers } from "node/internal/buffer_numbers";
import { validateArray, validateInteger, validateNumber, validateString } from "node/internal/validators";

export const kMaxLength = 2147483647;
export const kStringMaxLength = 536870888;
const UTF8 = 0, UTF16LE = 1, LATIN1 = 2, ASCII = 3, BASE64 = 4, BASE64URL = 5, HEX = 6;

const encodings = {
  __proto__: null,
  "utf8": UTF8,
  "utf-8": UTF8,
  "ucs2": UTF16LE,
  "ucs-2": UTF16LE,
  "utf16le": UTF16LE,
  "utf-16le": UTF16LE,
  "latin1": LATIN1,
  "binary": LATIN1,
  "ascii": ASCII,
  "base64": BASE64,
  "base64url": BASE64URL,
  "hex": HEX,
};
const names = ["utf8", "utf16le", "latin1", "ascii", "base64", "base64url", "hex"];

// The number that the natives know, or undefined.
function numberOf(encoding) {
  return encodings[encoding] ?? (typeof encoding === "string" ? encodings[P.StringPrototypeToLowerCase(encoding)] : undefined);
}

export function normalizeEncoding(encoding) {
  if (encoding === undefined || encoding === null || encoding === "") return "utf8";
  const number = numberOf(encoding);
  return number === undefined ? undefined : names[number];
}

function wanted(encoding) {
  if (encoding === undefined || encoding === null || encoding === "") return UTF8;
  const number = numberOf(encoding);
  if (number === undefined) throw nodeError("ERR_UNKNOWN_ENCODING", encoding);
  return number;
}

const isUint8 = (value) => P.TypedArrayPrototypeGetSymbolToStringTag(value) === "Uint8Array";
const byteLengthOf = P.TypedArrayPrototypeGetByteLength;

class FastBuffer extends P.Uint8Array {}

function viewOf(bytes) {
  return new FastBuffer(P.TypedArrayPrototypeGetBuffer(bytes), P.TypedArrayPrototypeGetByteOffset(bytes), byteLengthOf(bytes));
}

function assertSize(size) {
  validateNumber(size, "size");
  if (!(size >= 0 && size <= kMaxLength)) throw nodeError("ERR_OUT_OF_RANGE", "size", `>= 0 && <= ${kMaxLength}`, size);
}

function fromString(text, encoding) {
  return viewOf(N.bufferFrom(text, wanted(encoding)));
}

function isShared(value) {
  return P.globalThis.SharedArrayBuffer !== undefined && value instanceof P.globalThis.SharedArrayBuffer;
}

function isArrayBuffer(value) {
  if (value instanceof P.ArrayBuffer || isShared(value)) return true;
  try {
    P.ArrayBufferPrototypeGetByteLength(value);
    return true;
  } catch {
    return false;
  }
}

function fromArrayBuffer(buffer, offset, length) {
  let at = +offset;
  if (offset === undefined || at !== at) at = 0;
  const most = buffer.byteLength - at;
  if (most < 0) throw nodeError("ERR_BUFFER_OUT_OF_BOUNDS", "offset");
  if (length === undefined) return new FastBuffer(buffer, at);
  length = +length;
  if (!(length > 0)) length = 0;
  if (length > most) throw nodeError("ERR_BUFFER_OUT_OF_BOUNDS", "length");
  return new FastBuffer(buffer, at, length);
}

function fromList(list) {
  if (!(list.length > 0)) return new FastBuffer(0);
  const out = new FastBuffer(list.length);
  for (let i = 0; i < out.length; i++) out[i] = list[i];
  return out;
}

function fromObject(value) {
  if (P.ArrayBufferIsView(value) && P.TypedArrayPrototypeGetSymbolToStringTag(value) !== undefined) {
    const out = new FastBuffer(value.length);
    P.TypedArrayPrototypeSet(out, value);
    return out;
  }
  if (P.ArrayIsArray(value)) return fromList(value);
  if (value.length !== undefined || isArrayBuffer(value.buffer)) return typeof value.length === "number" ? fromList(value) : new FastBuffer(0);
  if (value.type === "Buffer" && P.ArrayIsArray(value.data)) return fromList(value.data);
  return undefined;
}

export function Buffer(value, encodingOrOffset, length) {
  if (typeof value === "number") {
    if (typeof encodingOrOffset === "string") throw nodeError("ERR_INVALID_ARG_TYPE", "string", "string", value);
    return Buffer.alloc(value);
  }
  return Buffer.from(value, encodingOrOffset, length);
}

P.ObjectSetPrototypeOf(Buffer, P.Uint8Array);
FastBuffer.prototype.constructor = Buffer;
Buffer.prototype = FastBuffer.prototype;
P.ObjectDefineProperty(Buffer, Symbol.species, { __proto__: null, get: () => FastBuffer, configurable: true });

function fillWith(buffer, value, encoding) {
  return value === undefined || value === 0 || buffer.length === 0 ? buffer : fill(buffer, value, 0, buffer.length, encoding, "fill");
}

// What stands on Buffer itself.
const statics = {
  poolSize: 8192,

  from(value, encodingOrOffset, length) {
    if (typeof value === "string") return fromString(value, encodingOrOffset);
    if (typeof value === "object" && value !== null) {
      if (isArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
      const inner = typeof value.valueOf === "function" ? value.valueOf() : undefined;
      if (inner !== null && inner !== undefined && inner !== value && (typeof inner === "string" || typeof inner === "object")) return Buffer.from(inner, encodingOrOffset, length);
      const made = fromObject(value);
      if (made !== undefined) return made;
      if (typeof value[Symbol.toPrimitive] === "function") {
        const text = value[Symbol.toPrimitive]("string");
        if (typeof text === "string") return fromString(text, encodingOrOffset);
      }
    }
    throw nodeError("ERR_INVALID_ARG_TYPE", "first argument", ["string", "Buffer", "ArrayBuffer", "Array", "Array-like Object"], value);
  },

  of(...items) {
    const out = new FastBuffer(items.length);
    for (let i = 0; i < items.length; i++) out[i] = items[i];
    return out;
  },

  alloc(size, value, encoding) {
    assertSize(size);
    return fillWith(new FastBuffer(size), value, encoding);
  },

  allocUnsafe(size) {
    assertSize(size);
    return new FastBuffer(size);
  },

  allocUnsafeSlow(size) {
    assertSize(size);
    return new FastBuffer(size);
  },

  isBuffer(value) {
    return value instanceof Buffer;
  },

  isEncoding(encoding) {
    return typeof encoding === "string" && encoding.length !== 0 && numberOf(encoding) !== undefined;
  },

  byteLength(value, encoding) {
    if (typeof value !== "string") {
      if (P.ArrayBufferIsView(value) || isArrayBuffer(value)) return value.byteLength;
      throw nodeError("ERR_INVALID_ARG_TYPE", "string", ["string", "Buffer", "ArrayBuffer"], value);
    }
    const length = value.length;
    switch (encoding === undefined ? UTF8 : (numberOf(encoding) ?? UTF8)) {
      case UTF16LE:
        return length * 2;
      case LATIN1:
      case ASCII:
        return length;
      case HEX:
        return length >>> 1;
      case BASE64:
      case BASE64URL: {
        let end = length;
        if (end > 0 && value[end - 1] === "=") end--;
        if (end > 1 && value[end - 1] === "=") end--;
        return (end * 3) >>> 2;
      }
    }
    return N.bufferUtf8Length(value);
  },

  compare(a, b) {
    if (!isUint8(a)) throw nodeError("ERR_INVALID_ARG_TYPE", "buf1", ["Buffer", "Uint8Array"], a);
    if (!isUint8(b)) throw nodeError("ERR_INVALID_ARG_TYPE", "buf2", ["Buffer", "Uint8Array"], b);
    return a === b ? 0 : N.bufferCompare(a, b);
  },

  concat(list, length) {
    validateArray(list, "list");
    if (list.length === 0) return new FastBuffer(0);
    if (length === undefined) {
      length = 0;
      for (let i = 0; i < list.length; i++) length += list[i]?.length ? list[i].length : 0;
    } else {
      validateInteger(length, "length", 0);
    }
    const out = new FastBuffer(length);
    let at = 0;
    for (let i = 0; i < list.length; i++) {
      const part = list[i];
      if (!isUint8(part)) throw nodeError("ERR_INVALID_ARG_TYPE", `list[${i}]`, ["Buffer", "Uint8Array"], part);
      if (at >= length) continue;
      const fits = part.length > length - at ? P.TypedArrayPrototypeSubarray(part, 0, length - at) : part;
      P.TypedArrayPrototypeSet(out, fits, at);
      at += fits.length;
    }
    return out;
  },

  copyBytesFrom(view, offset, length) {
    if (P.TypedArrayPrototypeGetSymbolToStringTag(view) === undefined) throw nodeError("ERR_INVALID_ARG_TYPE", "view", ["TypedArray"], view);
    if (view.length === 0) return new FastBuffer(0);
    if (offset !== undefined || length !== undefined) {
      if (offset !== undefined) validateInteger(offset, "offset", 0);
      else offset = 0;
      if (offset >= view.length) return new FastBuffer(0);
      if (length !== undefined) validateInteger(length, "length", 0);
      view = P.TypedArrayPrototypeSlice(view, offset, length === undefined ? view.length : offset + length);
    }
    return viewOf(new P.Uint8Array(P.ArrayBufferPrototypeSlice(view.buffer, view.byteOffset, view.byteOffset + view.byteLength)));
  },
};

function define(target, members, enumerable) {
  const keys = P.ReflectOwnKeys(members);
  for (let i = 0; i < keys.length; i++) {
    const d = P.ReflectGetOwnPropertyDescriptor(members, keys[i]);
    d.enumerable = enumerable;
    P.ObjectDefineProperty(target, keys[i], d);
  }
}
define(Buffer, statics, true);

// ---- instances ----

function range(start, end, length) {
  start = P.MathTrunc(start) || 0;
  if (start < 0) start = start + length < 0 ? 0 : start + length;
  else if (start > length) start = length;
  if (end === undefined) end = length;
  else {
    end = P.MathTrunc(end) || 0;
    if (end < 0) end = end + length < 0 ? 0 : end + length;
    else if (end > length) end = length;
  }
  return [start, end > start ? end - start : 0];
}

function search(buffer, value, from, encoding, last) {
  if (typeof from === "string") {
    encoding = from;
    from = undefined;
  } else if (from > 0x7fffffff) from = 0x7fffffff;
  else if (from < -0x80000000) from = -0x80000000;
  from = +from;
  const length = buffer.length;
  if (from !== from) from = last ? length || 0 : 0;
  else from = P.MathTrunc(from);
  if (typeof value === "number") {
    if (from < 0) from = from + length < 0 ? (last ? -1 : 0) : from + length;
    if (from < 0) return -1;
    const byte = value & 255;
    return last ? P.TypedArrayPrototypeLastIndexOf(buffer, byte, from) : P.TypedArrayPrototypeIndexOf(buffer, byte, from);
  }
  let step = 1, needle = value;
  if (typeof value === "string") {
    const number = wanted(encoding);
    if (number === UTF16LE) step = 2;
    needle = N.bufferFrom(value, number);
  } else if (isUint8(value)) {
    if (numberOf(encoding) === UTF16LE) step = 2;
  } else {
    throw nodeError("ERR_INVALID_ARG_TYPE", "value", ["number", "string", "Buffer", "Uint8Array"], value);
  }
  if (from < 0) {
    from += length;
    if (from < 0) {
      if (last) return -1;
      from = 0;
    }
  }
  if (needle.length === 0) return from > length ? length : from;
  if (needle.length < step) return -1;
  if (step === 2) from -= from % 2; // whole units are compared
  if (from > length) {
    if (!last) return -1;
    from = length;
  }
  return N.bufferIndexOf(buffer, needle, from, last, step);
}

function fill(buffer, value, offset, end, encoding, method) {
  if (typeof value === "string") {
    if (offset === undefined || typeof offset === "string") {
      encoding = offset;
      offset = 0;
      end = buffer.length;
    } else if (typeof end === "string") {
      encoding = end;
      end = buffer.length;
    }
    if (encoding !== undefined && typeof encoding !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "encoding", "string", encoding);
    const number = wanted(encoding);
    const bytes = value.length === 0 ? undefined : N.bufferFrom(value, number);
    if (bytes === undefined) value = 0;
    else if (bytes.length === 0) throw nodeError("ERR_INVALID_ARG_VALUE", "value", value);
    else if (bytes.length === 1) value = bytes[0];
    else value = bytes;
  } else if (typeof value === "boolean") value = +value;
  if (offset === undefined) offset = 0;
  else validateInteger(offset, "offset", 0, buffer.length);
  if (end === undefined) end = buffer.length;
  else validateInteger(end, "end", 0, buffer.length);
  if (offset >= end) return buffer;
  if (typeof value === "number") return P.TypedArrayPrototypeFill(buffer, value & 255, offset, end);
  if (!P.ArrayBufferIsView(value)) return P.TypedArrayPrototypeFill(buffer, +value & 255 || 0, offset, end);
  if (value.length === 0) throw nodeError("ERR_INVALID_ARG_VALUE", "value", value);
  let at = offset + P.MathMin(value.length, end - offset);
  P.TypedArrayPrototypeSet(buffer, at - offset < value.length ? P.TypedArrayPrototypeSubarray(value, 0, at - offset) : value, offset);
  for (; at < end; at = offset + P.MathMin((at - offset) * 2, end - offset)) P.TypedArrayPrototypeCopyWithin(buffer, at, offset, P.MathMin(at, offset + end - at));
  return buffer;
}

function copy(source, target, targetStart, sourceStart, sourceEnd) {
  if (!P.ArrayBufferIsView(target)) throw nodeError("ERR_INVALID_ARG_TYPE", "target", ["Buffer", "Uint8Array"], target);
  targetStart = targetStart === undefined ? 0 : P.MathTrunc(targetStart) || 0;
  if (targetStart < 0) throw nodeError("ERR_OUT_OF_RANGE", "targetStart", ">= 0", targetStart);
  sourceStart = sourceStart === undefined ? 0 : P.MathTrunc(sourceStart) || 0;
  if (sourceStart < 0) throw nodeError("ERR_OUT_OF_RANGE", "sourceStart", ">= 0", sourceStart);
  if (sourceStart >= 2 ** 32) throw nodeError("ERR_OUT_OF_RANGE", "sourceStart", `< ${2 ** 32}`, sourceStart);
  sourceEnd = sourceEnd === undefined ? source.length : P.MathTrunc(sourceEnd) || 0;
  if (sourceEnd < 0) throw nodeError("ERR_OUT_OF_RANGE", "sourceEnd", ">= 0", sourceEnd);
  if (sourceEnd >= 2 ** 32) throw nodeError("ERR_OUT_OF_RANGE", "sourceEnd", `< ${2 ** 32}`, sourceEnd);
  const size = P.MathMin(sourceEnd, source.length) - sourceStart, room = byteLengthOf(target) - targetStart;
  if (size <= 0 || room <= 0) return 0;
  const count = P.MathMin(size, room);
  const to = new P.Uint8Array(target.buffer, target.byteOffset, byteLengthOf(target));
  P.TypedArrayPrototypeSet(to, P.TypedArrayPrototypeSubarray(source, sourceStart, sourceStart + count), targetStart);
  return count;
}

function swap(buffer, size) {
  if (buffer.length % size !== 0) throw nodeError("ERR_INVALID_BUFFER_SIZE", size * 8);
  N.bufferSwap(buffer, size);
  return buffer;
}

function inspectBuffer(depth, options) {
  const most = INSPECT_MAX_BYTES.value, shown = P.MathMin(most, this.length), rest = this.length - most;
  let text = N.bufferText(this, 0, shown, HEX).replace(/(.{2})/g, "$1 ").trim();
  if (rest > 0) text += ` ... ${rest} more byte${rest > 1 ? "s" : ""}`;
  const extras = {};
  let any = false;
  for (const key of P.ObjectKeys(this)) {
    if (/^(?:0|[1-9]\d*)$/.test(key)) continue;
    any = true;
    extras[key] = this[key];
  }
  if (any) {
    if (this.length !== 0) text += ", ";
    text += inspect(extras, { ...options, breakLength: Infinity, compact: true }).replace(/^\{ ?/, "").replace(/ ?\}$/, "");
  }
  const name = this.constructor === Buffer ? "Buffer" : (this.constructor?.name ?? "Buffer");
  return `<${name} ${text}>`;
}

export const INSPECT_MAX_BYTES = { __proto__: null, value: 50 };

const methods = {
  toString(encoding, start, end) {
    const length = this.length;
    if (arguments.length === 0) return N.bufferText(this, 0, length, UTF8);
    start = start === undefined || start <= 0 ? 0 : start >= length ? length : P.MathTrunc(start) || 0;
    end = end === undefined || end > length ? length : P.MathTrunc(end) || 0;
    if (end <= start) return "";
    return N.bufferText(this, start, end, encoding === undefined ? UTF8 : wanted(`${encoding}`));
  },
  equals(other) {
    if (!isUint8(other)) throw nodeError("ERR_INVALID_ARG_TYPE", "otherBuffer", ["Buffer", "Uint8Array"], other);
    return this === other || (byteLengthOf(this) === byteLengthOf(other) && N.bufferCompare(this, other) === 0);
  },
  compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
    if (!isUint8(target)) throw nodeError("ERR_INVALID_ARG_TYPE", "target", ["Buffer", "Uint8Array"], target);
    if (arguments.length === 1) return N.bufferCompare(this, target);
    const bound = (value, name, otherwise, most) => {
      if (value === undefined) return otherwise;
      validateInteger(value, name, 0, most);
      return value;
    };
    targetStart = bound(targetStart, "targetStart", 0);
    targetEnd = bound(targetEnd, "targetEnd", target.length, target.length);
    sourceStart = bound(sourceStart, "sourceStart", 0);
    sourceEnd = bound(sourceEnd, "sourceEnd", this.length, this.length);
    if (sourceStart >= sourceEnd) return targetStart >= targetEnd ? 0 : -1;
    if (targetStart >= targetEnd) return 1;
    return N.bufferCompare(P.TypedArrayPrototypeSubarray(this, sourceStart, sourceEnd), P.TypedArrayPrototypeSubarray(target, targetStart, targetEnd));
  },
  indexOf(value, from, encoding) {
    return search(this, value, from, encoding, false);
  },
  lastIndexOf(value, from, encoding) {
    return search(this, value, from, encoding, true);
  },
  includes(value, from, encoding) {
    return search(this, value, from, encoding, false) !== -1;
  },
  fill(value, offset, end, encoding) {
    return fill(this, value, offset, end, encoding);
  },
  write(text, offset, length, encoding) {
    if (typeof text !== "string") throw errorWithCode(P.TypeError, "ERR_INVALID_ARG_TYPE", "argument must be a string");
    if (offset === undefined) return N.bufferWrite(this, text, 0, this.length, UTF8);
    if (length === undefined && typeof offset === "string") {
      encoding = offset;
      length = this.length;
      offset = 0;
    } else {
      validateInteger(offset, "offset", 0, this.length);
      const room = this.length - offset;
      if (length === undefined) length = room;
      else if (typeof length === "string") {
        encoding = length;
        length = room;
      } else {
        validateInteger(length, "length", 0, this.length);
        if (length > room) length = room;
      }
    }
    return N.bufferWrite(this, text, offset, length, wanted(encoding));
  },
  toJSON() {
    const data = [];
    for (let i = 0; i < this.length; i++) data[i] = this[i];
    return { type: "Buffer", data };
  },
  subarray(start, end) {
    const [at, length] = range(start, end, this.length);
    return new FastBuffer(P.TypedArrayPrototypeGetBuffer(this), P.TypedArrayPrototypeGetByteOffset(this) + at, length);
  },
  slice(start, end) {
    return this.subarray(start, end);
  },
  copy(target, targetStart, sourceStart, sourceEnd) {
    return copy(this, target, targetStart, sourceStart, sourceEnd);
  },
  swap16() {
    return swap(this, 2);
  },
  swap32() {
    return swap(this, 4);
  },
  swap64() {
    return swap(this, 8);
  },
  inspect: inspectBuffer,
};
methods.toLocaleString = methods.toString;
define(Buffer.prototype, methods, true);

for (const name of ["utf8", "ucs2", "utf16le", "latin1", "ascii", "base64", "base64url", "hex"]) {
  const number = encodings[name];
  define(
    Buffer.prototype,
    {
      [`${name}Slice`](start, end) {
        return N.bufferText(this, start ?? 0, end ?? this.length, number);
      },
      [`${name}Write`](text, offset, length) {
        validateString(text, "argument");
        offset ??= 0;
        length ??= this.length - offset;
        if (offset < 0 || offset > this.length) throw nodeError("ERR_BUFFER_OUT_OF_BOUNDS", "offset");
        if (length < 0 || length > this.length - offset) throw nodeError("ERR_BUFFER_OUT_OF_BOUNDS", "length");
        return N.bufferWrite(this, text, offset, length, number);
      },
    },
    true,
  );
}
installNumbers(Buffer.prototype);
P.ObjectDefineProperty(Buffer.prototype, Symbol.for("nodejs.util.inspect.custom"), { __proto__: null, value: inspectBuffer, writable: true, configurable: true });
for (const [name, from] of [["parent", "buffer"], ["offset", "byteOffset"]]) {
  P.ObjectDefineProperty(Buffer.prototype, name, {
    __proto__: null,
    get() {
      return this instanceof Buffer ? this[from] : undefined;
    },
    enumerable: true,
    configurable: true,
  });
}

// ---- what else the module offers ----

export function SlowBuffer(length) {
  assertSize(length);
  return Buffer.allocUnsafeSlow(length);
}
P.ObjectSetPrototypeOf(SlowBuffer.prototype, P.Uint8Array.prototype);
P.ObjectSetPrototypeOf(SlowBuffer, P.Uint8Array);

function checkBytes(value, name) {
  if (P.TypedArrayPrototypeGetSymbolToStringTag(value) === undefined && !isArrayBuffer(value) && !P.ArrayBufferIsView(value))
    throw nodeError("ERR_INVALID_ARG_TYPE", name, ["ArrayBuffer", "Buffer", "TypedArray"], value);
}

export function isAscii(value) {
  checkBytes(value, "input");
  return N.bufferIs(value, 0);
}

export function isUtf8(value) {
  checkBytes(value, "input");
  return N.bufferIs(value, 1);
}

const TRANSCODE_MAX = 128 << 20;

export function transcode(source, from, to) {
  if (!isUint8(source)) throw nodeError("ERR_INVALID_ARG_TYPE", "source", ["Buffer", "Uint8Array"], source);
  const in_ = wanted(from), out = wanted(to);
  if (source.length >= TRANSCODE_MAX) throw new P.Error("Source buffer is too large to process");
  if (in_ > ASCII || out > ASCII) throw new P.Error("Unable to transcode buffer due to unsupported encoding");
  if (in_ === UTF16LE && source.length % 2 !== 0) throw new P.Error("UTF-16le input size should be multiple of 2");
  if (in_ === UTF8 && out === UTF16LE && !N.bufferIs(source, 1)) throw new P.Error("Unable to transcode buffer");
  // Bytes that ASCII does not have are read as Latin-1.
  let text = N.bufferText(source, 0, source.length, in_ === ASCII ? LATIN1 : in_);
  // What the narrow encodings lack becomes a question mark.
  if (out === LATIN1) text = text.replace(/[\ud800-\udbff][\udc00-\udfff]|[^\u0000-\u00ff]/g, "?");
  else if (out === ASCII) text = text.replace(/[\ud800-\udbff][\udc00-\udfff]|[^\u0000-\u007f]/g, "?");
  return viewOf(N.bufferFrom(text, out));
}

export function resolveObjectURL(id) {
  throw nodeError("ERR_METHOD_NOT_IMPLEMENTED", "resolveObjectURL");
}
