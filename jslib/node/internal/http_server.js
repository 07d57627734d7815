// The server of node:http. Nothing listens anywhere: a port is the name by which cloudflare:node finds the server, whose requests are
// the worker's fetch events.

import { context } from "async_context";
import { fillMessage, IncomingMessage } from "node/internal/http_incoming";
import { hasBadCharacter, httpError, STATUS_CODES } from "node/internal/http_common";
import { OutgoingMessage, uniqueHeaders } from "node/internal/http_outgoing";
import { nodeError, notImplemented } from "node/internal/errors";
import { validateBoolean, validateFunction, validateInteger, validateNumber, validateObject, validatePort } from "node/internal/validators";
import { hasFlag } from "flags";
import { queueMicrotask } from "timers";

const { EventEmitter } = load("node/internal/events");

const servers = new P.Map(); // port -> Server
const PORT_TRIES = 10;

function requireServer(name) {
  if (!hasFlag("enable_nodejs_http_server_modules")) throw notImplemented(name);
}

// ---- responses ----

let responseOf;

export class ServerResponse extends OutgoingMessage {
  #answer;
  #resolve;
  #reject;
  #responded = false;
  #alone = null; // the whole body, when it was given to end()
  #controller = null;
  #waiting = null; // callback of a write that the reader has not asked for yet

  statusCode = 200;
  statusMessage = "unknown";

  constructor(req, options = undefined) {
    requireServer("ServerResponse");
    super(req, options);
    if (req?.method === "HEAD") this._hasBody = false;
    const { promise, resolve, reject } = withResolvers();
    this.#answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  writeHead(statusCode, reason = undefined, headers = undefined) {
    if (this._header !== null) throw httpError("ERR_HTTP_HEADERS_SENT", "write");
    const status = statusCode | 0;
    if (status < 200 || status > 999) throw httpError("ERR_HTTP_INVALID_STATUS_CODE", statusCode);
    if (typeof reason === "string") this.statusMessage = reason;
    else {
      this.statusMessage ||= STATUS_CODES[status] || "unknown";
      headers ??= reason;
    }
    this.statusCode = status;
    if (P.ArrayIsArray(headers)) {
      const flat = headers.length > 0 && P.ArrayIsArray(headers[0]) ? P.ArrayPrototypeFlat(headers) : headers;
      if (flat.length % 2 !== 0) throw nodeError("ERR_INVALID_ARG_VALUE", "headers", headers);
      for (let i = 0; i < flat.length; i += 2) this.removeHeader(`${flat[i]}`);
      for (let i = 0; i < flat.length; i += 2) this.appendHeader(`${flat[i]}`, flat[i + 1]);
    } else if (headers) {
      for (const name of P.ObjectKeys(headers)) if (headers[name]) this.setHeader(name, headers[name]);
    }
    if (hasBadCharacter(this.statusMessage)) throw httpError("ERR_INVALID_CHAR", "statusMessage");
    if (status === 204 || status === 304) this._hasBody = false;
    this._header = `HTTP/1.1 ${status} ${this.statusMessage}\r\n\r\n`;
    return this;
  }

  writeHeader(...args) {
    return this.writeHead(...args);
  }

  _implicitHeader() {
    this.writeHead(this.statusCode);
  }

  flushHeaders() {
    if (this._header === null) this._implicitHeader();
    this.#stream();
  }

  // A body that is known whole goes out as it is.
  end(chunk, encoding, callback) {
    if (typeof chunk === "function") return super.end(chunk);
    if (typeof encoding === "function") {
      callback = encoding;
      encoding = undefined;
    }
    const whole = (typeof chunk === "string" || P.ArrayBufferIsView(chunk)) && !this.#responded && !this.writableEnded && !this.destroyed && this.writableLength === 0;
    if (!whole) return super.end(chunk, encoding, callback);
    this.#alone = typeof chunk === "string" ? load("node/internal/buffer").Buffer.from(chunk, encoding) : chunk;
    return super.end(undefined, undefined, callback);
  }

  _write(chunk, encoding, callback) {
    this.#stream();
    if (!this._hasBody || this.#controller === null) return callback();
    this.#controller.enqueue(new P.Uint8Array(chunk));
    if (this.#controller.desiredSize > 0) callback();
    else this.#waiting = callback;
  }

  _final(callback) {
    if (!this.#responded) this.#respond(this._hasBody && this.#alone !== null ? this.#alone : null);
    else if (this.#controller !== null) this.#controller.close();
    callback();
  }

  _destroy(error, callback) {
    if (!this.#responded) {
      this.#responded = true;
      this.#reject(error ?? new P.Error("The response was destroyed before it was sent."));
    } else if (this.#controller !== null && !this.writableFinished) {
      this.#controller.error(error ?? new P.Error("aborted"));
    }
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(error);
    callback(this.listenerCount("error") === 0 ? null : error);
  }

  #stream() {
    if (this.#responded) return;
    if (!this._hasBody) return this.#respond(null);
    const { ReadableStream } = load("streams_readable");
    const { frame } = context;
    this.#respond(
      new ReadableStream(
        {
          start: controller => {
            this.#controller = controller;
          },
          pull: () => {
            const waiting = this.#waiting;
            this.#waiting = null;
            context.frame = frame;
            waiting?.();
          },
          cancel: reason => {
            context.frame = frame;
            this.destroy(reason instanceof P.Error ? reason : undefined);
          },
        },
        { highWaterMark: 16384, size: chunk => chunk.byteLength },
      ),
    );
  }

  #respond(body) {
    if (this._header === null) this._implicitHeader();
    this._headerSent = this.#responded = true;
    try {
      const { Headers } = load("headers");
      const { Response } = load("response");
      const headers = new Headers();
      for (const [name, value] of this._headerLines()) headers.append(name, value);
      this.#resolve(new Response(body, { status: this.statusCode, statusText: this.statusMessage, headers }));
    } catch (error) {
      this.#reject(error);
    }
  }

  assignSocket(socket) {
    throw notImplemented("assignSocket");
  }

  detachSocket(socket) {
    throw notImplemented("detachSocket");
  }

  writeContinue(callback) {
    throw notImplemented("writeContinue");
  }

  writeProcessing(callback) {
    throw notImplemented("writeProcessing");
  }

  writeEarlyHints(hints, callback) {
    throw notImplemented("writeEarlyHints");
  }

  static {
    responseOf = response => response.#answer;
  }
}

function withResolvers() {
  let resolve, reject;
  const promise = new P.Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

// ---- servers ----

// As a client's would be.
function randomPort() {
  const bytes = new P.Uint8Array(2);
  N.randomFill(bytes);
  return ((bytes[0] << 8) | bytes[1]) | 0x8000;
}

function socketOf(incoming, headers, port) {
  const { isIP } = load("node/internal/ip");
  const address = headers.get("cf-connecting-ip");
  const remotePort = randomPort();
  const socket = new EventEmitter();
  const gone = () => incoming.destroyed;
  const members = {
    __proto__: null,
    encrypted: { value: headers.get("x-forwarded-proto") === "https" },
    readable: { get: () => incoming.readable },
    writable: { get: () => !gone() },
    remoteFamily: { get: () => (gone() ? undefined : address !== null && isIP(address) === 6 ? "IPv6" : "IPv4") },
    remoteAddress: { get: () => (gone() ? undefined : (address ?? "127.0.0.1")) },
    remotePort: { get: () => (gone() ? undefined : remotePort) },
    localAddress: { value: headers.get("host") ?? "127.0.0.1" },
    localPort: { value: port },
    destroy: { value: error => incoming.destroy(error) },
    setTimeout: { value: () => socket },
    setKeepAlive: { value: () => socket },
    setNoDelay: { value: () => socket },
  };
  for (const name of P.ObjectKeys(members)) P.ObjectDefineProperty(socket, name, { __proto__: null, configurable: true, ...members[name] });
  return socket;
}

export class Server extends EventEmitter {
  #port = null;
  #Incoming = IncomingMessage;
  #Response = ServerResponse;

  httpAllowHalfOpen = false;
  timeout = 0;
  maxHeadersCount = null;
  maxRequestsPerSocket = 0;
  connectionsCheckingInterval = 30000;
  requestTimeout = 300000;
  headersTimeout = 60000;
  requireHostHeader = false;
  joinDuplicateHeaders = false;
  rejectNonStandardBodyWrites = false;
  keepAliveTimeout = 5000;
  keepAliveTimeoutBuffer = 1000;
  highWaterMark = 65536;

  constructor(options = undefined, listener = undefined) {
    requireServer("Server");
    super();
    if (typeof options === "function") {
      listener = options;
      options = {};
    }
    options ??= {};
    validateObject(options, "options");
    this.#take(options);
    if (listener) this.on("request", listener);
  }

  #take(options) {
    if (options.maxHeaderSize !== undefined) {
      validateInteger(options.maxHeaderSize, "maxHeaderSize", 0);
      throw nodeError("ERR_OPTION_NOT_IMPLEMENTED", "maxHeaderSize");
    }
    if (options.insecureHTTPParser !== undefined) validateBoolean(options.insecureHTTPParser, "options.insecureHTTPParser");
    for (const name of ["requestTimeout", "headersTimeout", "keepAliveTimeout", "connectionsCheckingInterval"]) {
      if (options[name] === undefined) continue;
      validateInteger(options[name], name, 0);
      this[name] = options[name];
    }
    if (options.headersTimeout === undefined) this.headersTimeout = P.MathMin(60000, this.requestTimeout);
    if (this.requestTimeout > 0 && this.headersTimeout > this.requestTimeout)
      throw nodeError("ERR_OUT_OF_RANGE", "headersTimeout", "<= requestTimeout", options.headersTimeout);
    for (const name of ["requireHostHeader", "joinDuplicateHeaders", "rejectNonStandardBodyWrites"]) {
      if (options[name] === undefined) continue;
      validateBoolean(options[name], `options.${name}`);
      this[name] = options[name];
    }
    if (options.highWaterMark !== undefined) {
      validateNumber(options.highWaterMark, "options.highWaterMark");
      if (options.highWaterMark > 0) this.highWaterMark = options.highWaterMark;
    }
    uniqueHeaders(options.uniqueHeaders);
    this.#Incoming = options.IncomingMessage || IncomingMessage;
    this.#Response = options.ServerResponse || ServerResponse;
  }

  // A Response for a Request.
  async handle(request, env, ctx) {
    const incoming = new this.#Incoming();
    const url = new (load("url").URL)(request.url);
    fillMessage(incoming, request.headers, request.body, socketOf(incoming, request.headers, this.#port));
    incoming.url = url.pathname + url.search;
    incoming.method = request.method;
    incoming.joinDuplicateHeaders = this.joinDuplicateHeaders;
    incoming.cloudflare = { env, ctx, cf: request.cf };
    const response = new this.#Response(incoming, { highWaterMark: this.highWaterMark });
    response.socket ??= incoming.socket;
    try {
      this.emit("connection", this, incoming);
      this.emit("request", incoming, response);
    } catch (error) {
      response.destroy(error);
      responseOf(response).catch(() => {});
      throw error;
    }
    return responseOf(response);
  }

  listen(...args) {
    let port = 0;
    const callback = typeof args[args.length - 1] === "function" ? args[args.length - 1] : null;
    const first = args[0];
    const wanted = typeof first === "object" && first !== null ? first.port : first;
    if (typeof wanted === "number" || typeof wanted === "string") port = validatePort(wanted, "options.port");
    if (this.#port !== null || P.MapPrototypeHas(servers, port)) throw httpError("ERR_SERVER_ALREADY_LISTEN");
    if (callback !== null) this.once("listening", callback);
    this.#port = port === 0 ? freePort() : port;
    P.MapPrototypeSet(servers, this.#port, this);
    queueMicrotask(() => this.emit("listening"));
    return this;
  }

  close(callback = undefined) {
    if (this.#port !== null) P.MapPrototypeDelete(servers, this.#port);
    this.#port = null;
    if (typeof callback === "function") this.once("close", callback);
    queueMicrotask(() => this.emit("close"));
    return this;
  }

  closeAllConnections() {}

  closeIdleConnections() {}

  setTimeout(ms = undefined, callback = undefined) {
    if (typeof ms === "function") callback = ms;
    else if (typeof ms === "number") this.timeout = ms;
    if (typeof callback === "function") this.once("timeout", callback);
    return this;
  }

  getConnections(callback = undefined) {
    if (callback) {
      validateFunction(callback, "callback");
      queueMicrotask(() => callback(null, 0));
    }
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  get listening() {
    return this.#port !== null;
  }

  address() {
    return this.#port === null ? null : { port: this.#port, family: "IPv4", address: "127.0.0.1" };
  }

  get maxConnections() {
    return P.NumberPOSITIVE_INFINITY;
  }

  get connections() {
    return 0;
  }

  async [Symbol.asyncDispose]() {
    const { promise, resolve } = withResolvers();
    this.close(resolve);
    return promise;
  }
}

function freePort() {
  for (let port = 49152; port < 65536; port++) if (!P.MapPrototypeHas(servers, port)) return port;
  throw new P.Error(`Failed to find a suitable port after ${PORT_TRIES} attempts`);
}

// ---- cloudflare:node ----

function checkedPort(port) {
  if (!P.NumberIsFinite(port) || port < 0 || port > 65535) throw new P.Error("Failed to determine port for server");
  return port;
}

export async function handleAsNodeRequest(server, request, env = undefined, ctx = undefined) {
  const port = checkedPort(typeof server === "number" ? server : server?.port);
  const found = P.MapPrototypeGet(servers, port);
  if (found !== undefined) return found.handle(request, env, ctx);
  const error = new P.Error(
    `Http server with port ${port} not found. This is likely a bug with your code. ` +
      `You should check if server.listen() was called with the same port (${port})`,
  );
  error.code = "ERR_INVALID_ARG_VALUE";
  throw error;
}

export function httpServerHandler(server) {
  if (typeof server === "number") server = { port: server };
  if (server === null || server === undefined) throw new P.Error("Server descriptor cannot be null or undefined");
  let port = null;
  if ((server.port === null || server.port === undefined) && typeof server.listen === "function") {
    if (typeof server.address()?.port !== "number") server.listen();
    port = server.address()?.port;
  } else if (typeof server.port === "number") {
    port = server.port;
  }
  port = checkedPort(port);
  return {
    async fetch(request, env = undefined, ctx = undefined) {
      return handleAsNodeRequest(port, request, env, ctx);
    },
  };
}
