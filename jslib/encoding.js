// TextEncoder, TextDecoder, atob and btoa.

import { badArgument, badConstructorArgument, DOMException, isObject, publish } from "errors";

const FATAL = 1, DROP_BOM = 2;
const UTF8 = 0, REPLACEMENT = 3; // of slv_charset

export function isBytes(value) {
  return P.ArrayBufferIsView(value) || value instanceof P.ArrayBuffer;
}

export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(input = "") {
    return N.utf8Encode(`${input}`);
  }

  encodeInto(source, destination) {
    if (arguments.length < 1) throw badArgument("TextEncoder", "encodeInto", 1, "string");
    if (P.TypedArrayPrototypeGetSymbolToStringTag(destination) !== "Uint8Array") {
      throw badArgument("TextEncoder", "encodeInto", 2, "Uint8Array");
    }
    const [read, written] = N.utf8EncodeInto(`${source}`, destination);
    return { read, written };
  }
}
publish(TextEncoder);

// The number of the charset and the decoder's flags, from what both constructors are given.
export function readOptions(type, label, options) {
  const name = `${label}`;
  const charset = N.charsetFind(name);
  if (charset === undefined || charset === REPLACEMENT) throw new P.RangeError(`"${name}" is not a valid encoding.`);
  if (options !== undefined && !isObject(options) && (options !== null || type === "TextDecoder")) {
    throw badConstructorArgument(type, 2, type === "TextDecoder" ? "ConstructorOptions" : "TextDecoderStreamInit");
  }
  const fatal = !!options?.fatal;
  const ignoreBOM = !!options?.ignoreBOM;
  return { charset, fatal, ignoreBOM, flags: (fatal ? FATAL : 0) | (ignoreBOM ? 0 : DROP_BOM) };
}

export function failedToDecode() {
  return new P.TypeError("Failed to decode input.");
}

export class TextDecoder {
  #charset = UTF8;
  #flags = DROP_BOM;
  #handle = null; // of the native decoder; whole UTF-8 texts need none

  constructor(label = "utf-8", options = undefined) {
    if (label === "utf-8" && options === undefined) return;
    const read = readOptions("TextDecoder", label, options);
    this.#charset = read.charset;
    this.#flags = read.flags;
  }

  get encoding() {
    return N.charsetName(this.#charset);
  }
  get fatal() {
    return (this.#flags & FATAL) !== 0;
  }
  get ignoreBOM() {
    return (this.#flags & DROP_BOM) === 0;
  }

  decode(input = undefined, options = undefined) {
    if (input !== undefined && !isBytes(input)) throw badArgument("TextDecoder", "decode", 1, "Array");
    if (options !== undefined && !isObject(options)) throw badArgument("TextDecoder", "decode", 2, "DecodeOptions");
    const stream = !!options?.stream;
    let text;
    if (this.#charset === UTF8 && this.#handle === null && !stream) {
      if (input === undefined) return "";
      text = N.utf8Decode(input, this.#flags);
    } else {
      this.#handle ??= N.decoderNew(this.#charset, this.#flags);
      text = N.decoderRun(this.#handle, input, !stream);
    }
    if (text === undefined) throw failedToDecode();
    return text;
  }
}
publish(TextDecoder);

// ---- base64 ----

function globalFunction(fn) {
  P.ObjectDefineProperty(fn, "length", { __proto__: null, value: 0, configurable: true });
  return fn;
}

export function atob(data) {
  if (arguments.length < 1) throw badArgument("ServiceWorkerGlobalScope", "atob", 1, "string");
  const text = N.atob(data);
  if (text === undefined) {
    throw new DOMException(
      "atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric ASCII, and up to two " +
        "terminal '=' signs when the input data length is divisible by 4 are allowed.)",
      "InvalidCharacterError",
    );
  }
  return text;
}

export function btoa(data) {
  if (arguments.length < 1) throw badArgument("ServiceWorkerGlobalScope", "btoa", 1, "string");
  const text = N.btoa(data);
  if (text === undefined) {
    throw new DOMException(
      "btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.",
      "InvalidCharacterError",
    );
  }
  return text;
}
globalFunction(atob);
globalFunction(btoa);
