// The client of node:http and node:https: a request becomes a fetch when it ends.

import { thenInContext } from "async_context";
import { globalAgent } from "node/internal/http_agent";
import { fillMessage, IncomingMessage } from "node/internal/http_incoming";
import { httpError, isToken, optionsOfUrl } from "node/internal/http_common";
import { OutgoingMessage, uniqueHeaders } from "node/internal/http_outgoing";
import { nodeError } from "node/internal/errors";
import { validateBoolean, validateFunction, validateInteger, validateNumber, validateString } from "node/internal/validators";
import { clearTimeout, setTimeout } from "timers";

const BAD_PATH = /[^\u0021-\u00ff]/;
const OTHER_AUTHORITY = /^(?:[/\\]{2}|[a-z][a-z0-9+.-]*:)/i; // what would lead to another host

function isURL(value) {
  return typeof value === "object" && value !== null && typeof value.href === "string" && typeof value.protocol === "string" && value.auth === undefined && value.path === undefined;
}

// Options and callback of request(url, options, callback) in all its forms.
export function requestArguments(input, options, callback) {
  let base = null;
  if (typeof input === "string") base = optionsOfUrl(new (load("url").URL)(input));
  else if (isURL(input)) base = optionsOfUrl(input);
  else {
    callback = options;
    options = input;
  }
  if (typeof options === "function") {
    callback = options;
    options = {};
  }
  return [P.ObjectAssign(base ?? {}, options), callback];
}

function checkedHost(host, name) {
  if (host !== null && host !== undefined && typeof host !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", `options.${name}`, ["string", "undefined", "null"], host);
  return host;
}

function checkedDelay(ms, name) {
  validateNumber(ms, name);
  if (ms < 0 || !P.NumberIsFinite(ms)) throw nodeError("ERR_OUT_OF_RANGE", name, "a non-negative finite number", ms);
  return P.MathMin(ms, 0x7fffffff);
}

// Options that need a socket of one's own.
function refuse(options) {
  const refused = name => {
    throw nodeError("ERR_OPTION_NOT_IMPLEMENTED", `options.${name}`);
  };
  if (options.maxHeaderSize !== undefined) {
    validateInteger(options.maxHeaderSize, "maxHeaderSize", 0);
    refused("maxHeaderSize");
  }
  if (options.insecureHTTPParser !== undefined) validateBoolean(options.insecureHTTPParser, "options.insecureHTTPParser");
  if (options.createConnection !== undefined) {
    validateFunction(options.createConnection, "options.createConnection");
    refused("createConnection");
  }
  if (options.lookup !== undefined) {
    validateFunction(options.lookup, "options.lookup");
    refused("lookup");
  }
  if (options.socketPath !== undefined) {
    validateString(options.socketPath, "options.socketPath");
    refused("socketPath");
  }
}

export class ClientRequest extends OutgoingMessage {
  #aborter = new (load("abort").AbortController)();
  #chunks = [];
  #timer = null;
  #response = null;

  method = "GET";
  path = "/";
  protocol = "http:";
  port = "80";
  aborted = false;
  reusedSocket = false;
  maxHeadersCount = Infinity;
  socket = null;
  timeout = undefined;
  res = null;

  constructor(input, given = undefined, done = undefined) {
    super(undefined, { autoDestroy: false }); // when it is written the answer is still to come
    const [options, callback] = requestArguments(input, given, done);
    this.#route(options);
    refuse(options);
    if (options.joinDuplicateHeaders !== undefined) validateBoolean(options.joinDuplicateHeaders, "options.joinDuplicateHeaders");
    this.joinDuplicateHeaders = options.joinDuplicateHeaders;
    if (options.timeout !== undefined) this.timeout = checkedDelay(options.timeout, "timeout");
    if (callback) this.once("response", callback);
    this.#fillHeaders(options);
    uniqueHeaders(options.uniqueHeaders);
    const { signal } = options;
    if (signal) {
      const stop = () => this.destroy(new (load("node/internal/errors").AbortError)(undefined, { cause: signal.reason }));
      if (signal.aborted) load("timers").queueMicrotask(stop);
      else signal.addEventListener("abort", stop, { once: true });
    }
  }

  // Where it goes.
  #route(options) {
    if (options.path) {
      if (P.RegExpPrototypeExec(BAD_PATH, `${options.path}`) !== null) throw httpError("ERR_UNESCAPED_CHARACTERS", "Request path");
      if (P.RegExpPrototypeExec(OTHER_AUTHORITY, `${options.path}`) !== null)
        throw nodeError("ERR_INVALID_ARG_VALUE", "options.path", options.path, "must be a path-only request target");
    }
    const fallback = options._defaultAgent || globalAgent;
    let { agent } = options;
    if (agent === false) agent = new fallback.constructor();
    else if (agent === null || agent === undefined) agent = typeof options.createConnection === "function" ? undefined : fallback;
    else if (typeof agent === "object" && typeof agent.addRequest !== "function")
      throw nodeError("ERR_INVALID_ARG_TYPE", "options.agent", ["Agent-like Object", "undefined", "false"], agent);
    this.agent = agent;
    const protocol = options.protocol || fallback.protocol;
    const expected = agent?.protocol || fallback.protocol;
    const defaultPort = options.defaultPort || agent?.defaultPort || 80;
    if (protocol !== expected) throw httpError("ERR_INVALID_PROTOCOL", protocol, expected);
    this.protocol = protocol;
    this.port = `${options.port || defaultPort}`;
    this.host = checkedHost(options.hostname, "hostname") || checkedHost(options.host, "host") || "localhost";
    const { method } = options;
    if (method !== null && method !== undefined && typeof method !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "options.method", "string", method);
    if (method) {
      if (!isToken(method)) throw httpError("ERR_INVALID_HTTP_TOKEN", "Method", method);
      this.method = P.StringPrototypeToUpperCase(method);
    }
    this.path = options.path || "/";
    this.defaultPort = defaultPort;
  }

  #fillHeaders(options) {
    const { headers } = options;
    if (P.ArrayIsArray(headers)) {
      if (headers.length % 2 !== 0) throw nodeError("ERR_INVALID_ARG_VALUE", "headers", headers);
      for (let i = 0; i < headers.length; i += 2) this.appendHeader(headers[i], headers[i + 1]);
      return;
    }
    if (headers) {
      if ("host" in headers) validateString(headers.host, "host");
      for (const name of P.ObjectKeys(headers)) this.setHeader(name, headers[name]);
    }
    const setHost = options.setHost !== undefined ? !!options.setHost : options.setDefaultHeaders !== false;
    if (this.host && !this.getHeader("host") && setHost) {
      const bare = this.host.includes(":") && this.host[0] !== "[" ? `[${this.host}]` : this.host;
      this.setHeader("Host", +this.port === +this.defaultPort ? bare : `${bare}:${this.port}`);
    }
    if (options.auth && !this.getHeader("Authorization")) this.setHeader("Authorization", "Basic " + load("node/internal/buffer").Buffer.from(options.auth).toString("base64"));
  }

  _implicitHeader() {
    this._header = `${this.method} ${this.path} HTTP/1.1\r\n\r\n`;
  }

  _write(chunk, encoding, callback) {
    if (this._header === null) this._implicitHeader();
    P.ArrayPrototypePush(this.#chunks, chunk);
    callback();
  }

  _final(callback) {
    if (this._header === null) this._implicitHeader();
    this._headerSent = true;
    callback();
    if (!this.destroyed) this.#send();
  }

  #url() {
    const { URL } = load("url");
    const host = this.host.includes(":") && this.host[0] !== "[" ? `[${this.host}]` : this.host;
    const url = new URL(`${this.protocol}//${host}`);
    url.port = this.port;
    return this.path === "/" ? url : new URL(this.path, url);
  }

  #send() {
    const { Buffer } = load("node/internal/buffer");
    const { fetch } = load("fetch");
    const headers = [];
    const joined = this.joinDuplicateHeaders;
    for (const name of this.getHeaderNames()) {
      const value = this.getHeader(name);
      if (P.ArrayIsArray(value) && joined) P.ArrayPrototypePush(headers, [name, P.ArrayPrototypeJoin(value, ", ")]);
      else for (const one of P.ArrayIsArray(value) ? value : [value]) P.ArrayPrototypePush(headers, [name, `${one}`]);
    }
    const bodied = this.method !== "GET" && this.method !== "HEAD" && this.#chunks.length > 0;
    if (this.timeout) this.#arm(this.timeout);
    let answer;
    try {
      answer = fetch(this.#url(), {
        method: this.method,
        headers,
        body: bodied ? new P.Uint8Array(Buffer.concat(this.#chunks)) : null,
        signal: this.#aborter.signal,
        redirect: "manual",
        encodeResponseBody: "manual",
      });
    } catch (error) {
      answer = P.PromiseReject(error);
    }
    thenInContext(answer, response => this.#answered(response), error => this.#failed(error));
  }

  #answered(response) {
    this.#disarm();
    if (this.destroyed && this.aborted) return;
    const message = new IncomingMessage();
    fillMessage(message, response.headers, response.body);
    message.url = response.url;
    message.statusCode = response.status;
    message.statusMessage = response.statusText;
    message.req = this;
    this.res = this.#response = message;
    if (!this.emit("response", message)) message._dump();
  }

  #failed(error) {
    this.#disarm();
    if (!this.aborted) this.emit("error", error);
  }

  #arm(ms) {
    this.#disarm();
    if (ms > 0)
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.emit("timeout");
        this.#response?.emit("timeout");
      }, ms);
  }

  #disarm() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  setTimeout(ms, callback = undefined) {
    this.timeout = checkedDelay(ms, "msecs");
    if (this.writableEnded) this.#arm(this.timeout);
    if (callback) this.once("timeout", callback);
    return this;
  }

  clearTimeout(callback = undefined) {
    return this.setTimeout(0, callback);
  }

  abort(error = undefined) {
    this.destroy(error);
  }

  _destroy(error, callback) {
    this.#disarm();
    this.aborted = true;
    this.#aborter.abort();
    this.#response?.destroy(error ?? undefined);
    callback(error);
  }

  onSocket(socket) {}

  setNoDelay(noDelay = undefined) {
    if (noDelay !== undefined) validateBoolean(noDelay, "noDelay");
  }

  setSocketKeepAlive(enable = undefined, delay = undefined) {
    if (enable !== undefined) validateBoolean(enable, "enable");
    if (delay !== undefined) validateNumber(delay, "initialDelay");
  }
}
