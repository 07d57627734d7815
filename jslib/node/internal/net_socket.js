// net.Socket: a Duplex over a connection of cloudflare:sockets. A plain one is opened so that tls.connect({ socket }) can encrypt it
// later, as clients of databases do.

import { context, thenInContext } from "async_context";
import { connect as open } from "sockets";
import { errorWithCode, nodeError } from "node/internal/errors";
import { isIP } from "node/internal/ip";
import { invalidAddress } from "node/internal/net_address";
import { validateBoolean, validateFunction, validateInt32, validateNumber, validatePort } from "node/internal/validators";
import { clearTimeout, queueMicrotask, setTimeout } from "timers";

const { Duplex } = load("node/stream").default;

// connect(port, host, callback), connect(options, callback), connect(path): [options, callback].
export function normalizeArgs(args) {
  let options = {};
  const first = args[0];
  if (typeof first === "object" && first !== null) options = first;
  else if (typeof first === "string" && !(first !== "" && +first >= 0)) options.path = first;
  else if (args.length > 0 && typeof first !== "function") {
    options.port = first;
    if (args.length > 1 && typeof args[1] === "string") options.host = args[1];
  }
  const last = args[args.length - 1];
  return [options, typeof last === "function" ? last : null];
}

// What is of no effect here is still refused where Node would.
function checkOptions({ autoSelectFamily, autoSelectFamilyAttemptTimeout, localPort, lookup }) {
  if (localPort) validateNumber(localPort, "options.localPort");
  if (autoSelectFamily !== undefined && autoSelectFamily !== null) validateBoolean(autoSelectFamily, "options.autoSelectFamily");
  if (autoSelectFamilyAttemptTimeout !== undefined && autoSelectFamilyAttemptTimeout !== null) validateInt32(autoSelectFamilyAttemptTimeout, "options.autoSelectFamilyAttemptTimeout", 1);
  if (lookup !== undefined && lookup !== null) validateFunction(lookup, "options.lookup");
}

function closedError() {
  return errorWithCode(P.Error, "ERR_SOCKET_CLOSED", "Socket is closed");
}

function connectionError(error, host, port) {
  const made = new P.Error(`connect ECONNREFUSED ${host}:${port}`, { cause: error });
  return P.ObjectAssign(made, { code: "ECONNREFUSED", errno: -111, syscall: "connect", address: host, port });
}

export class Socket extends Duplex {
  #socket = null; // of cloudflare:sockets
  #reader = null;
  #writer = null;
  #reading = false;
  #wanted = false; // somebody reads already, before the connection stands
  #waiting = []; // what waits for the connection
  #frame = context.frame;
  #timer = null;

  connecting = false;
  timeout = 0;
  bytesRead = 0;
  bytesWritten = 0;
  autoSelectFamilyAttemptedAddresses = [];
  remoteAddress = undefined;
  remotePort = undefined;
  remoteFamily = undefined;
  server = null;
  _host = null;

  constructor(options = undefined) {
    if (typeof options === "number") options = { fd: options };
    if (options?.fd !== undefined && options.fd !== null) throw nodeError("ERR_OPTION_NOT_IMPLEMENTED", "options.fd");
    for (const name of ["objectMode", "readableObjectMode", "writableObjectMode"])
      if (options?.[name]) throw nodeError("ERR_INVALID_ARG_VALUE", `options.${name}`, options[name], "is not supported");
    super({ allowHalfOpen: !!options?.allowHalfOpen, emitClose: true, autoDestroy: true, decodeStrings: true });
    const { signal } = options ?? {};
    if (signal) {
      const stop = () => this.destroy(new (load("node/internal/errors").AbortError)(undefined, { cause: signal.reason }));
      if (signal.aborted) queueMicrotask(stop);
      else signal.addEventListener("abort", stop, { once: true });
    }
  }

  connect(...args) {
    const [options, callback] = normalizeArgs(args[0]?.normalized === true ? args[0].args : args);
    if (this.connecting) throw errorWithCode(P.Error, "ERR_SOCKET_CONNECTING", "Socket is already connecting");
    if (options.path !== undefined && options.path !== null) throw nodeError("ERR_INVALID_ARG_VALUE", "path", options.path, "is not supported");
    if (options.port === undefined) throw nodeError("ERR_MISSING_ARGS", ["options", "port", "path"]);
    if (typeof options.port !== "number" && typeof options.port !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "options.port", ["number", "string"], options.port);
    const port = validatePort(options.port);
    const host = options.host || "localhost";
    if (options.localAddress && isIP(options.localAddress) === 0) throw invalidAddress(options.localAddress);
    checkOptions(options);
    if (callback !== null) this.once("connect", callback);
    this.connecting = true;
    this._host = host;
    if (options.timeout) this.setTimeout(options.timeout);
    this._open(host, port, "starttls");
    return this;
  }

  // Begins a connection; `secure` as cloudflare:sockets has it.
  _open(host, port, secure) {
    this.remotePort = port;
    let socket;
    try {
      socket = open({ hostname: host, port }, { secureTransport: secure, allowHalfOpen: true });
    } catch (error) {
      queueMicrotask(() => this.destroy(error));
      return;
    }
    this._attach(socket, host, port);
  }

  _attach(socket, host, port) {
    this.#socket = socket;
    this.#frame = context.frame;
    const failed = error => {
      context.frame = this.#frame;
      this.connecting = false;
      this.destroy(connectionError(error, host, port));
    };
    thenInContext(
      socket.opened,
      info => {
        if (this.destroyed) return;
        const address = `${info?.remoteAddress ?? host}`;
        const colon = P.StringPrototypeLastIndexOf(address, ":");
        const bare = isIP(address) !== 0 || colon < 0 ? address : P.StringPrototypeSlice(address, 0, colon);
        this.remoteAddress = bare[0] === "[" ? P.StringPrototypeSlice(bare, 1, -1) : bare;
        this.remoteFamily = isIP(this.remoteAddress) === 6 ? "IPv6" : "IPv4";
        this.connecting = false;
        this.#reader = socket.readable.getReader();
        this.#writer = socket.writable.getWriter();
        thenInContext(this.#writer.closed, undefined, () => {});
        this._connected();
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const run of waiting) run();
        if (this.#wanted) this._read();
      },
      failed,
    );
    thenInContext(socket.closed, undefined, () => {});
  }

  _connected() {
    this.emit("connect");
    this.emit("ready");
  }

  // Gives the connection away, for encryption; nothing is read or written by this socket any more.
  _detach() {
    this.#reader?.releaseLock();
    this.#writer?.releaseLock();
    const socket = this.#socket;
    this.#reader = this.#writer = this.#socket = null;
    return socket;
  }

  _read() {
    this.#wanted = true;
    if (this.#reader === null || this.#reading) return;
    this.#reading = true;
    const reader = this.#reader;
    thenInContext(
      reader.read(),
      ({ done, value }) => {
        this.#reading = false;
        context.frame = this.#frame;
        if (this.destroyed || reader !== this.#reader) return;
        this.#touch();
        if (done) {
          this.push(null);
          return;
        }
        this.bytesRead += value.byteLength;
        if (this.push(load("node/internal/buffer").Buffer.from(value.buffer, value.byteOffset, value.byteLength))) this._read();
      },
      error => {
        this.#reading = false;
        context.frame = this.#frame;
        if (reader === this.#reader) this.destroy(error);
      },
    );
  }

  #connected(run, callback) {
    if (this.#writer !== null) run();
    else if (this.connecting) P.ArrayPrototypePush(this.#waiting, run);
    else callback(closedError());
  }

  _write(chunk, encoding, callback) {
    this.#connected(() => {
      this.#touch();
      this.bytesWritten += chunk.byteLength;
      thenInContext(this.#writer.write(new P.Uint8Array(chunk)), () => callback(), callback);
    }, callback);
  }

  _final(callback) {
    if (this.#writer === null && !this.connecting) return callback();
    this.#connected(() => thenInContext(this.#writer.close(), () => callback(), () => callback()), callback);
  }

  _destroy(error, callback) {
    this.connecting = false;
    this.#stopTimer();
    const waiting = this.#waiting.length > 0;
    this.#waiting = [];
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) thenInContext(socket.close(), undefined, () => {});
    if (waiting && error === null) error = errorWithCode(P.Error, "ERR_SOCKET_CLOSED_BEFORE_CONNECTION", "Socket closed before the connection was established");
    callback(error);
    queueMicrotask(() => this.emit("close", error !== null && error !== undefined));
  }

  emit(name, ...args) {
    // The stream's own close has no argument; this one says whether there was an error.
    if (name === "close" && args.length === 0) return false;
    return super.emit(name, ...args);
  }

  // ---- timeouts ----

  #stopTimer() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #touch() {
    if (this.timeout === 0) return;
    this.#stopTimer();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.emit("timeout");
    }, this.timeout);
  }

  setTimeout(ms, callback = undefined) {
    validateNumber(ms, "msecs");
    if (ms < 0 || !P.NumberIsFinite(ms)) throw nodeError("ERR_OUT_OF_RANGE", "msecs", "a non-negative finite number", ms);
    if (callback !== undefined) validateFunction(callback, "callback");
    if (this.destroyed) return this;
    this.timeout = ms;
    this.#stopTimer();
    if (ms === 0) {
      if (callback !== undefined) this.removeListener("timeout", callback);
      return this;
    }
    if (callback !== undefined) this.once("timeout", callback);
    this.#touch();
    return this;
  }

  // ---- what a connection of main does not let one choose ----

  setNoDelay(noDelay = undefined) {
    return this;
  }

  setKeepAlive(enable = undefined, delay = undefined) {
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  destroySoon() {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy() {
    return this.destroy(this.#socket === null && !this.connecting ? closedError() : undefined);
  }

  address() {
    return this.pending || this.destroyed ? {} : { address: "0.0.0.0", family: "IPv4", port: 0 };
  }

  // What is under a socket is nobody's business; whether something is, programs look at.
  get _handle() {
    return this.#socket;
  }

  get localAddress() {
    return this.pending ? undefined : "0.0.0.0";
  }

  get localPort() {
    return this.pending ? undefined : 0;
  }

  get localFamily() {
    return this.pending ? undefined : "IPv4";
  }

  get pending() {
    return this.#socket === null || this.connecting;
  }

  get bufferSize() {
    return this.pending ? undefined : this.writableLength;
  }

  get _bytesDispatched() {
    return this.bytesWritten;
  }

  get readyState() {
    if (this.connecting) return "opening";
    if (this.readable && this.writable) return this.#socket === null ? "closed" : "open";
    if (this.readable) return "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }
}
