// Checks of arguments that Node's modules share; each throws the error that Node throws.

import { nodeError } from "node/internal/errors";
import { isAbortSignal } from "abort";

export function isUint8Array(value) {
  return P.ArrayBufferIsView(value) && P.TypedArrayPrototypeGetSymbolToStringTag(value) === "Uint8Array";
}

export function validateBuffer(value, name = "buffer") {
  if (!P.ArrayBufferIsView(value)) throw nodeError("ERR_INVALID_ARG_TYPE", name, ["Buffer", "TypedArray", "DataView"], value);
}

export function validateInteger(value, name, min = -9007199254740991, max = 9007199254740991) {
  if (typeof value !== "number") throw nodeError("ERR_INVALID_ARG_TYPE", name, "number", value);
  if (!Number.isInteger(value)) throw nodeError("ERR_OUT_OF_RANGE", name, "an integer", value);
  if (value < min || value > max) throw nodeError("ERR_OUT_OF_RANGE", name, `>= ${min} && <= ${max}`, value);
}

export function validateInt32(value, name, min = -2147483648, max = 2147483647) {
  validateInteger(value, name, min, max);
}

export function validateUint32(value, name, positive = false) {
  validateInteger(value, name);
  const min = positive ? 1 : 0;
  if (value < min || value > 4294967295) throw nodeError("ERR_OUT_OF_RANGE", name, `>= ${min} && < 4294967296`, value);
}

export function validateNumber(value, name, min = undefined, max = undefined) {
  if (typeof value !== "number") throw nodeError("ERR_INVALID_ARG_TYPE", name, "number", value);
  if ((min !== undefined && value < min) || (max !== undefined && value > max) || ((min !== undefined || max !== undefined) && value !== value)) {
    const range = `${min !== undefined ? `>= ${min}` : ""}${min !== undefined && max !== undefined ? " && " : ""}${max !== undefined ? `<= ${max}` : ""}`;
    throw nodeError("ERR_OUT_OF_RANGE", name, range, value);
  }
}

export function validateString(value, name) {
  if (typeof value !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", name, "string", value);
}

export function validateBoolean(value, name) {
  if (typeof value !== "boolean") throw nodeError("ERR_INVALID_ARG_TYPE", name, "boolean", value);
}

export function validateFunction(value, name) {
  if (typeof value !== "function") throw nodeError("ERR_INVALID_ARG_TYPE", name, "Function", value);
}

export function validateArray(value, name, least = 0) {
  if (!P.ArrayIsArray(value)) throw nodeError("ERR_INVALID_ARG_TYPE", name, "Array", value);
  if (value.length < least) throw nodeError("ERR_INVALID_ARG_VALUE", name, value, `must be longer than ${least}`);
}

export function validateObject(value, name, { nullable = false, array = false, fn = false } = {}) {
  if ((value === null && !nullable) || (!array && P.ArrayIsArray(value)) || (typeof value !== "object" && (!fn || typeof value !== "function")))
    throw nodeError("ERR_INVALID_ARG_TYPE", name, "Object", value);
}

export function validateOneOf(value, name, allowed) {
  if (allowed.includes(value)) return;
  const list = allowed.map((v) => (typeof v === "string" ? `'${v}'` : String(v))).join(", ");
  throw nodeError("ERR_INVALID_ARG_VALUE", name, value, `must be one of: ${list}`);
}

export function validateAbortSignal(signal, name) {
  if (signal !== undefined && !isAbortSignal(signal) && (signal === null || typeof signal !== "object" || !("aborted" in signal)))
    throw nodeError("ERR_INVALID_ARG_TYPE", name, "AbortSignal", signal);
}

export function validatePort(port, name = "Port", zero = true) {
  if (
    (typeof port !== "number" && typeof port !== "string") || (typeof port === "string" && port.trim() === "") ||
    +port !== +port >>> 0 || +port > 0xffff || (+port === 0 && !zero)
  )
    throw nodeError("ERR_SOCKET_BAD_PORT", name, port, zero);
  return +port | 0;
}
