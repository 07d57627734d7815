// IncomingMessage: a request that a server was given, or the response to a client's request.

import { context, thenInContext } from "async_context";

const { Readable } = load("node/stream").default;

// Of these the first counts; the others are joined.
const SINGLE =
  " age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location max-forwards " +
  "proxy-authorization referer retry-after server user-agent ";

let fill;

export class IncomingMessage extends Readable {
  #stream = null;
  #reader = null;
  #reading = false;
  #frame = context.frame; // in which its events are fired
  #headers = null;
  #distinct = null;
  #socket = undefined;

  aborted = false;
  url = "";
  method = null;
  statusCode = null;
  statusMessage = null;
  httpVersionMajor = 1;
  httpVersionMinor = 1;
  httpVersion = "1.1";
  complete = false;
  rawHeaders = [];
  rawTrailers = [];
  joinDuplicateHeaders = false;
  cloudflare = { cf: undefined, env: undefined, ctx: undefined };
  _dumped = false;
  _consuming = false;

  constructor(socket = undefined) {
    super({});
    if (socket !== undefined && socket !== null) this.#socket = socket;
  }

  _read() {
    this._consuming = true;
    if (this.#stream === null) {
      this.complete = true;
      this.push(null);
    } else if (!this.#reading) {
      this.#pump();
    }
  }

  #pump() {
    this.#reading = true;
    this.#reader ??= this.#stream.getReader();
    thenInContext(
      this.#reader.read(),
      ({ done, value }) => {
        this.#reading = false;
        context.frame = this.#frame;
        if (this.destroyed) return;
        if (done) {
          this.complete = true;
          this.push(null);
        } else if (this.push(load("node/internal/buffer").Buffer.from(value.buffer, value.byteOffset, value.byteLength))) {
          this.#pump();
        }
      },
      error => {
        this.#reading = false;
        context.frame = this.#frame;
        this.destroy(error);
      },
    );
  }

  _destroy(error, callback) {
    if (!this.readableEnded || !this.complete) {
      this.aborted = true;
      this.emit("aborted");
      if (this.#reader !== null) this.#reader.cancel(error ?? undefined).catch(() => {});
    }
    // Without a listener an error is dropped.
    load("timers").queueMicrotask(() => callback(this.listenerCount("error") === 0 ? undefined : error));
  }

  #lines() {
    const { rawHeaders } = this;
    this.#headers = {};
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) this._addHeaderLine(rawHeaders[i], rawHeaders[i + 1], this.#headers);
  }

  _addHeaderLine(field, value, target) {
    field = P.StringPrototypeToLowerCase(field);
    const known = target[field];
    if (field === "set-cookie") {
      if (known === undefined) target[field] = [value];
      else P.ArrayPrototypePush(known, value);
    } else if (known === undefined) {
      target[field] = value;
    } else if (field === "cookie") {
      target[field] = `${known}; ${value}`;
    } else if (this.joinDuplicateHeaders || !P.StringPrototypeIncludes(SINGLE, ` ${field} `)) {
      target[field] = `${known}, ${value}`;
    }
  }

  _addHeaderLines(list, count) {
    for (let i = 0; i < count; i++) P.ArrayPrototypePush(this.rawHeaders, list[i]);
    this.#headers = this.#distinct = null;
  }

  get headers() {
    if (this.#headers === null) this.#lines();
    return this.#headers;
  }

  set headers(value) {
    this.#headers = value;
  }

  get headersDistinct() {
    if (this.#distinct !== null) return this.#distinct;
    const made = { __proto__: null };
    const { rawHeaders } = this;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const field = P.StringPrototypeToLowerCase(rawHeaders[i]);
      P.ArrayPrototypePush((made[field] ??= []), rawHeaders[i + 1]);
    }
    return (this.#distinct = made);
  }

  set headersDistinct(value) {
    this.#distinct = value;
  }

  get trailers() {
    return {};
  }

  get trailersDistinct() {
    return {};
  }

  get socket() {
    return this.#socket;
  }

  set socket(value) {
    this.#socket = value;
  }

  get connection() {
    return this.#socket;
  }

  set connection(value) {
    this.#socket = value;
  }

  setTimeout(ms, callback = undefined) {
    if (typeof callback === "function") this.on("timeout", callback);
    return this;
  }

  _dump() {
    if (this._dumped) return;
    this._dumped = true;
    this.resume();
  }

  static {
    fill = (message, headers, stream, socket) => {
      for (const [name, value] of headers) P.ArrayPrototypePush(message.rawHeaders, name, value);
      message.#stream = stream;
      message.#socket = socket;
      return message;
    };
  }
}

// From a Request's or Response's headers and body.
export function fillMessage(message, headers, stream, socket = null) {
  return fill(message, headers, stream, socket);
}
