// JavaScript values as the attribute values that dynamo-bao stores, and back.
//
// What it does is kept, since it is in the tables: an array of strings is a set (SS), of numbers NS, of bytes BS, any other a list;
// a member that is undefined is left out; an empty string is refused; an empty array is an empty list.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function toBase64(bytes) {
  let text = "", i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const n = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2];
    text += DIGITS[n >> 18] + DIGITS[(n >> 12) & 63] + DIGITS[(n >> 6) & 63] + DIGITS[n & 63];
  }
  if (i < bytes.length) {
    const n = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8);
    text += DIGITS[n >> 18] + DIGITS[(n >> 12) & 63] + (i + 1 < bytes.length ? DIGITS[(n >> 6) & 63] : "=") + "=";
  }
  return text;
}

function fromBase64(text) {
  const { Buffer } = globalThis;
  if (Buffer !== undefined) return Buffer.from(text, "base64");
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function marshallArray(list) {
  if (list.length === 0) return { L: [] };
  const type = typeof list[0];
  let same = true;
  for (let i = 1; i < list.length && same; i++) same = typeof list[i] === type;
  if (same && type === "string") return { SS: list };
  if (same && type === "number") return { NS: list.map(String) };
  if (same && list[0] instanceof Uint8Array) return { BS: list.map(toBase64) };
  return { L: list.map(marshall) };
}

export function marshall(value) {
  if (value === null || value === undefined) return { NULL: true };
  switch (typeof value) {
    case "string":
      if (value === "") throw new Error("Cannot marshall empty string - DynamoDB does not support empty string values");
      return { S: value };
    case "number":
      return { N: String(value) };
    case "boolean":
      return { BOOL: value };
    case "object":
      break;
    default:
      throw new Error(`Cannot marshall type: ${typeof value}`);
  }
  if (value instanceof Uint8Array) return { B: toBase64(value) };
  if (Array.isArray(value)) return marshallArray(value);
  const map = {};
  for (const key in value) if (Object.hasOwn(value, key) && value[key] !== undefined) map[key] = marshall(value[key]);
  return { M: map };
}

export function unmarshall(value) {
  if (!value || typeof value !== "object") return value;
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.SS !== undefined) return value.SS;
  if (value.M !== undefined) return unmarshallItem(value.M);
  if (value.L !== undefined) return value.L.map(unmarshall);
  if (value.NULL !== undefined) return null;
  if (value.B !== undefined) return fromBase64(value.B);
  if (value.NS !== undefined) return value.NS.map(Number);
  if (value.BS !== undefined) return value.BS.map(fromBase64);
  return value;
}

export function marshallItem(item) {
  const made = {};
  for (const key in item) made[key] = marshall(item[key]);
  return made;
}

// The attributes of an item in their places: own properties, whatever they are called.
export function unmarshallInto(item) {
  for (const key in item) item[key] = unmarshall(item[key]);
  return item;
}

export function unmarshallItem(item) {
  const made = {};
  for (const key in item) {
    const value = unmarshall(item[key]);
    if (key === "__proto__") Object.defineProperty(made, key, { value, writable: true, enumerable: true, configurable: true });
    else made[key] = value;
  }
  return made;
}

// ---- plain values: what the table marshals by itself ----

const PLAIN_DEPTH = 16;

// Whether JSON.stringify() keeps all that marshall() would: texts that are not empty, finite numbers, booleans, null, and what
// arrays and plain objects hold of them.
export function isPlain(value, depth = 0) {
  switch (typeof value) {
    case "string":
      return value !== "";
    case "number":
      return value - value === 0;
    case "boolean":
      return true;
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === PLAIN_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
    return value.toJSON === undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || value.toJSON !== undefined) return false;
  for (const key in value) if (!isPlain(value[key], depth + 1)) return false;
  return true;
}

// The values of an object; undefined: there is none.
export function isPlainItem(item) {
  for (const key in item) if (!isPlain(item[key])) return false;
  return true;
}

// A plain answer whose bytes and odd names are marked by NUL. In place.
export function revive(value) {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = revive(value[i]);
    return value;
  }
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value);
  if (keys[0] === "\0B") return fromBase64(value[keys[0]]);
  if (keys[0] === "\0BS") return value[keys[0]].map(fromBase64);
  for (const key of keys) {
    const made = revive(value[key]);
    if (key[0] === "\0") {
      delete value[key];
      value[key.slice(1)] = made;
    } else {
      Object.defineProperty(value, key, { value: made, writable: true, enumerable: true, configurable: true });
    }
  }
  return value;
}
