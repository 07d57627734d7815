// OutgoingMessage: the headers of a message that is being made, and its body as a Writable.

import { httpError, validateHeaderName, validateHeaderValue } from "node/internal/http_common";
import { nodeError, notImplemented } from "node/internal/errors";
import { validateString } from "node/internal/validators";

const { Writable } = load("node/stream").default;

export function uniqueHeaders(list) {
  if (!P.ArrayIsArray(list)) return null;
  const names = new P.Set();
  for (const entry of list) for (const name of P.ArrayIsArray(entry) ? entry : [entry]) P.SetPrototypeAdd(names, P.StringPrototypeToLowerCase(name));
  return names;
}

export class OutgoingMessage extends Writable {
  #headers = null; // lower-case name -> [name, value]

  outputData = [];
  outputSize = 0;
  strictContentLength = false;
  chunkedEncoding = false;
  sendDate = false;
  shouldKeepAlive = true;
  finished = false;
  useChunkedEncodingByDefault = true;
  maxRequestsOnConnectionReached = false;
  _header = null; // set once the headers are fixed
  _headerSent = false;
  _hasBody = true;
  _contentLength = null;
  _removedContLen = false;
  _removedConnection = false;
  _removedTE = false;
  _last = false;

  constructor(req = undefined, options = undefined) {
    super({ autoDestroy: options?.autoDestroy, highWaterMark: options?.highWaterMark });
    this.req = req;
  }

  get headersSent() {
    return this._header !== null;
  }

  setHeader(name, value) {
    if (this._header !== null) throw httpError("ERR_HTTP_HEADERS_SENT", "set");
    validateHeaderName(name);
    validateHeaderValue(name, value);
    this.#headers ??= { __proto__: null };
    this.#headers[P.StringPrototypeToLowerCase(name)] = [name, value];
    return this;
  }

  setHeaders(headers) {
    if (this._header !== null) throw httpError("ERR_HTTP_HEADERS_SENT", "set");
    if (P.ArrayIsArray(headers) || typeof headers !== "object" || headers === null || typeof headers.keys !== "function" || typeof headers.get !== "function")
      throw nodeError("ERR_INVALID_ARG_TYPE", "headers", ["Headers", "Map"], headers);
    const cookies = [];
    for (const [name, value] of headers) {
      if (name !== "set-cookie") this.setHeader(name, value);
      else if (P.ArrayIsArray(value)) P.ArrayPrototypePush(cookies, ...value);
      else P.ArrayPrototypePush(cookies, value);
    }
    if (cookies.length > 0) this.setHeader("set-cookie", cookies);
    return this;
  }

  appendHeader(name, value) {
    if (this._header !== null) throw httpError("ERR_HTTP_HEADERS_SENT", "append");
    validateHeaderName(name);
    validateHeaderValue(name, value);
    const entry = this.#headers?.[P.StringPrototypeToLowerCase(name)];
    if (entry === undefined) return this.setHeader(name, value);
    const before = P.ArrayIsArray(entry[1]) ? entry[1] : [entry[1]];
    entry[1] = P.ArrayIsArray(value) ? [...before, ...value] : [...before, value];
    return this;
  }

  getHeader(name) {
    validateString(name, "name");
    return this.#headers?.[P.StringPrototypeToLowerCase(name)]?.[1];
  }

  hasHeader(name) {
    validateString(name, "name");
    return this.#headers?.[P.StringPrototypeToLowerCase(name)] !== undefined;
  }

  removeHeader(name) {
    validateString(name, "name");
    if (this._header !== null) throw httpError("ERR_HTTP_HEADERS_SENT", "remove");
    const key = P.StringPrototypeToLowerCase(name);
    if (key === "connection") this._removedConnection = true;
    else if (key === "content-length") this._removedContLen = true;
    else if (key === "transfer-encoding") this._removedTE = true;
    else if (key === "date") this.sendDate = false;
    if (this.#headers !== null) delete this.#headers[key];
  }

  getHeaderNames() {
    return this.#headers === null ? [] : P.ObjectKeys(this.#headers);
  }

  getRawHeaderNames() {
    return this.#headers === null ? [] : P.ArrayPrototypeMap(P.ObjectValues(this.#headers), entry => entry[0]);
  }

  getHeaders() {
    const made = { __proto__: null };
    for (const name of this.getHeaderNames()) made[name] = this.#headers[name][1];
    return made;
  }

  // [name, value], a row for each value.
  _headerLines() {
    const lines = [];
    for (const name of this.getHeaderNames()) {
      const [shown, value] = this.#headers[name];
      for (const one of P.ArrayIsArray(value) ? value : [value]) P.ArrayPrototypePush(lines, [shown, `${one}`]);
    }
    return lines;
  }

  _renderHeaders() {
    if (this._header !== null) throw httpError("ERR_HTTP_HEADERS_SENT", "render");
    const made = {};
    for (const name of this.getHeaderNames()) made[this.#headers[name][0]] = this.#headers[name][1];
    return made;
  }

  _implicitHeader() {
    throw notImplemented("_implicitHeader()");
  }

  flushHeaders() {
    if (this._header === null) this._implicitHeader();
  }

  addTrailers(headers) {
    throw notImplemented("addTrailers");
  }

  pipe(target) {
    this.emit("error", httpError("ERR_STREAM_CANNOT_PIPE"));
    return target;
  }

  end(chunk, encoding, callback) {
    this.finished = true;
    return super.end(chunk, encoding, callback);
  }

  setTimeout(ms, callback = undefined) {
    if (typeof callback === "function") this.on("timeout", callback);
    return this;
  }

  get connection() {
    return this.socket ?? null;
  }
}
