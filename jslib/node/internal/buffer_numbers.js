// Buffer's reads and writes of numbers.

import { arity } from "node/internal/functions";
import { nodeError } from "node/internal/errors";
import { validateInteger, validateNumber } from "node/internal/validators";

const f64 = new P.Float64Array(1), f32 = new P.Float32Array(f64.buffer, 0, 1), raw = new P.Uint8Array(f64.buffer);

function outside(value, length, type = "offset") {
  if (P.MathFloor(value) !== value) {
    validateNumber(value, type);
    return nodeError("ERR_OUT_OF_RANGE", type, "an integer", value);
  }
  if (length < 0) return nodeError("ERR_BUFFER_OUT_OF_BOUNDS");
  return nodeError("ERR_OUT_OF_RANGE", type, `>= ${type === "offset" ? 0 : 1} and <= ${length}`, value);
}

function check(buffer, offset, size) {
  if (typeof offset !== "number") validateNumber(offset, "offset");
  if (!(offset >= 0 && offset + size <= buffer.length) || P.MathFloor(offset) !== offset) throw outside(offset, buffer.length - size);
}

function rangeText(min, size) {
  const n = typeof min === "bigint" ? "n" : "";
  const bits = size * 8;
  if (size <= 4) return undefined;
  return min === 0 || min === 0n ? `>= 0${n} and < 2${n} ** ${bits}${n}` : `>= -(2${n} ** ${bits - 1}${n}) and < 2${n} ** ${bits - 1}${n}`;
}

function checkValue(value, min, max, size) {
  if (value > max || value < min) {
    const n = typeof min === "bigint" ? "n" : "";
    throw nodeError("ERR_OUT_OF_RANGE", "value", rangeText(min, size) ?? `>= ${min}${n} and <= ${max}${n}`, value);
  }
}

// ---- whole numbers ----

function readLE(buffer, offset, size) {
  let value = 0, scale = 1;
  for (let i = 0; i < size; i++, scale *= 256) value += buffer[offset + i] * scale;
  return value;
}

function readBE(buffer, offset, size) {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + buffer[offset + i];
  return value;
}

function signed(value, size) {
  const half = 2 ** (8 * size - 1);
  return value >= half ? value - 2 * half : value;
}

function writeLE(buffer, value, offset, size) {
  for (let i = 0; i < size; i++) {
    buffer[offset + i] = value; // the engine takes the lowest eight bits
    value = P.MathFloor(value / 256);
  }
  return offset + size;
}

function writeBE(buffer, value, offset, size) {
  for (let i = size - 1; i >= 0; i--) {
    buffer[offset + i] = value;
    value = P.MathFloor(value / 256);
  }
  return offset + size;
}

function checkSize(size) {
  if (typeof size !== "number") validateNumber(size, "byteLength");
  if (P.MathFloor(size) !== size || size < 1 || size > 6) {
    validateInteger(size, "byteLength");
    throw outside(size, 6, "byteLength");
  }
}

function checkOffset(offset) {
  if (offset === undefined) validateNumber(offset, "offset");
}

const methods = {
  readUIntLE(offset, byteLength) {
    checkOffset(offset);
    checkSize(byteLength);
    check(this, offset, byteLength);
    return readLE(this, offset, byteLength);
  },
  readUIntBE(offset, byteLength) {
    checkOffset(offset);
    checkSize(byteLength);
    check(this, offset, byteLength);
    return readBE(this, offset, byteLength);
  },
  readIntLE(offset, byteLength) {
    checkOffset(offset);
    checkSize(byteLength);
    check(this, offset, byteLength);
    return signed(readLE(this, offset, byteLength), byteLength);
  },
  readIntBE(offset, byteLength) {
    checkOffset(offset);
    checkSize(byteLength);
    check(this, offset, byteLength);
    return signed(readBE(this, offset, byteLength), byteLength);
  },
  readUInt8(offset = 0) {
    check(this, offset, 1);
    return this[offset];
  },
  readUInt16LE(offset = 0) {
    check(this, offset, 2);
    return this[offset] | (this[offset + 1] << 8);
  },
  readUInt16BE(offset = 0) {
    check(this, offset, 2);
    return (this[offset] << 8) | this[offset + 1];
  },
  readUInt32LE(offset = 0) {
    check(this, offset, 4);
    return (this[offset] | (this[offset + 1] << 8) | (this[offset + 2] << 16) | (this[offset + 3] << 24)) >>> 0;
  },
  readUInt32BE(offset = 0) {
    check(this, offset, 4);
    return ((this[offset] << 24) | (this[offset + 1] << 16) | (this[offset + 2] << 8) | this[offset + 3]) >>> 0;
  },
  readInt8(offset = 0) {
    check(this, offset, 1);
    return (this[offset] << 24) >> 24;
  },
  readInt16LE(offset = 0) {
    check(this, offset, 2);
    return ((this[offset] | (this[offset + 1] << 8)) << 16) >> 16;
  },
  readInt16BE(offset = 0) {
    check(this, offset, 2);
    return (((this[offset] << 8) | this[offset + 1]) << 16) >> 16;
  },
  readInt32LE(offset = 0) {
    check(this, offset, 4);
    return this[offset] | (this[offset + 1] << 8) | (this[offset + 2] << 16) | (this[offset + 3] << 24);
  },
  readInt32BE(offset = 0) {
    check(this, offset, 4);
    return (this[offset] << 24) | (this[offset + 1] << 16) | (this[offset + 2] << 8) | this[offset + 3];
  },
  readBigUInt64LE(offset = 0) {
    check(this, offset, 8);
    return P.BigInt(readLE(this, offset, 4)) + (P.BigInt(readLE(this, offset + 4, 4)) << 32n);
  },
  readBigUInt64BE(offset = 0) {
    check(this, offset, 8);
    return (P.BigInt(readBE(this, offset, 4)) << 32n) + P.BigInt(readBE(this, offset + 4, 4));
  },
  readBigInt64LE(offset = 0) {
    check(this, offset, 8);
    return P.BigInt(readLE(this, offset, 4)) + (P.BigInt(signed(readLE(this, offset + 4, 4), 4)) << 32n);
  },
  readBigInt64BE(offset = 0) {
    check(this, offset, 8);
    return (P.BigInt(signed(readBE(this, offset, 4), 4)) << 32n) + P.BigInt(readBE(this, offset + 4, 4));
  },
  readFloatLE(offset = 0) {
    check(this, offset, 4);
    for (let i = 0; i < 4; i++) raw[i] = this[offset + i];
    return f32[0];
  },
  readFloatBE(offset = 0) {
    check(this, offset, 4);
    for (let i = 0; i < 4; i++) raw[3 - i] = this[offset + i];
    return f32[0];
  },
  readDoubleLE(offset = 0) {
    check(this, offset, 8);
    for (let i = 0; i < 8; i++) raw[i] = this[offset + i];
    return f64[0];
  },
  readDoubleBE(offset = 0) {
    check(this, offset, 8);
    for (let i = 0; i < 8; i++) raw[7 - i] = this[offset + i];
    return f64[0];
  },
  writeFloatLE(value, offset = 0) {
    check(this, offset, 4);
    f32[0] = value;
    for (let i = 0; i < 4; i++) this[offset + i] = raw[i];
    return offset + 4;
  },
  writeFloatBE(value, offset = 0) {
    check(this, offset, 4);
    f32[0] = value;
    for (let i = 0; i < 4; i++) this[offset + i] = raw[3 - i];
    return offset + 4;
  },
  writeDoubleLE(value, offset = 0) {
    check(this, offset, 8);
    f64[0] = value;
    for (let i = 0; i < 8; i++) this[offset + i] = raw[i];
    return offset + 8;
  },
  writeDoubleBE(value, offset = 0) {
    check(this, offset, 8);
    f64[0] = value;
    for (let i = 0; i < 8; i++) this[offset + i] = raw[7 - i];
    return offset + 8;
  },
};

// ---- writers, alike but for size, sign and order ----

function writer(size, isSigned, write) {
  const min = isSigned ? -(2 ** (8 * size - 1)) : 0, max = isSigned ? 2 ** (8 * size - 1) - 1 : 2 ** (8 * size) - 1;
  return {
    write(value, offset = 0) {
      value = +value;
      if (value > max || value < min) checkValue(value, min, max, size);
      check(this, offset, size);
      return write(this, value, offset, size);
    },
  }.write;
}

function writerOfSize(isSigned, write) {
  return {
    write(value, offset, byteLength) {
      checkOffset(offset);
      checkSize(byteLength);
      value = +value;
      checkValue(value, isSigned ? -(2 ** (8 * byteLength - 1)) : 0, isSigned ? 2 ** (8 * byteLength - 1) - 1 : 2 ** (8 * byteLength) - 1, byteLength);
      check(this, offset, byteLength);
      return write(this, value, offset, byteLength);
    },
  }.write;
}

function bigWriter(isSigned, big) {
  const min = isSigned ? -(1n << 63n) : 0n, max = isSigned ? (1n << 63n) - 1n : (1n << 64n) - 1n;
  return {
    write(value, offset = 0) {
      if (typeof value !== "bigint") throw nodeError("ERR_INVALID_ARG_TYPE", "value", "bigint", value);
      checkValue(value, min, max, 8);
      check(this, offset, 8);
      const low = P.Number(value & 0xffffffffn), high = P.Number((value >> 32n) & 0xffffffffn);
      if (big) {
        writeBE(this, high, offset, 4);
        writeBE(this, low, offset + 4, 4);
      } else {
        writeLE(this, low, offset, 4);
        writeLE(this, high, offset + 4, 4);
      }
      return offset + 8;
    },
  }.write;
}

methods.writeUInt8 = writer(1, false, writeLE);
methods.writeInt8 = writer(1, true, writeLE);
for (const sign of [false, true]) {
  const type = sign ? "Int" : "UInt";
  methods[`write${type}16LE`] = writer(2, sign, writeLE);
  methods[`write${type}16BE`] = writer(2, sign, writeBE);
  methods[`write${type}32LE`] = writer(4, sign, writeLE);
  methods[`write${type}32BE`] = writer(4, sign, writeBE);
  methods[`write${type}LE`] = writerOfSize(sign, writeLE);
  methods[`write${type}BE`] = writerOfSize(sign, writeBE);
  methods[`writeBig${type}64LE`] = bigWriter(sign, false);
  methods[`writeBig${type}64BE`] = bigWriter(sign, true);
}

// Puts them on Buffer.prototype, "Uint" beside "UInt".
export function installNumbers(prototype) {
  for (const name of ["writeFloatLE", "writeFloatBE", "writeDoubleLE", "writeDoubleBE"]) arity(methods[name], 2);
  const names = P.ObjectKeys(methods);
  for (let i = 0; i < names.length; i++) {
    const name = names[i], value = methods[name];
    if (value.name === "write") P.ObjectDefineProperty(value, "name", { __proto__: null, value: name, configurable: true });
    const row = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
    P.ObjectDefineProperty(prototype, name, row);
    const other = P.StringPrototypeReplace(name, "UInt", "Uint");
    if (other !== name) P.ObjectDefineProperty(prototype, other, row);
  }
}
