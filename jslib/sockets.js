// cloudflare:sockets: TCP, opened by main. The socket is there at once; reads and writes wait until main has connected.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { ByteSink, ByteSource, op, requireEvent } from "io";
import { readableFromSource } from "streams_native";
import { makeWritableStream } from "streams_writable";
import { bytesView, isBytes } from "streams_util";

const CONNECT = 3, STARTTLS = 4; // operations, see channel.md
const TLS_MODES = { __proto__: null, off: 0, on: 1, starttls: 2 };
const FAILED = "proxy request failed, cannot connect to the specified address";
const CLOSING = "This ReadableStream belongs to an object that is closing.";

const then = P.PromisePrototypeThen;
const MAKE = P.Symbol();

function deferred() {
  let resolve, reject;
  const promise = new P.Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  then(promise, undefined, () => {});
  return { promise, resolve, reject };
}

// What the two streams of a socket read from and write to, from the moment that main has connected.
class Connection {
  source = null;
  sink = null;
  closing = false;

  constructor(started) {
    this.opened = deferred();
    then(
      started,
      ([readable, writable, info]) => {
        this.source = new ByteSource(readable, -1);
        this.sink = new ByteSink(writable);
        this.opened.resolve(P.JSONParse(info));
        if (this.closing) this.end();
      },
      error => this.opened.reject(new P.Error(error.message === "" ? FAILED : error.message)),
    );
  }

  end() {
    this.closing = true;
    this.source?.cancel("closed");
    this.sink?.abort("closed");
  }
}

// The ByteSource of the readable side.
class Reading {
  length = -1;

  constructor(connection) {
    this.connection = connection;
  }

  async read() {
    const { connection } = this;
    if (connection.source === null) {
      try {
        await connection.opened.promise;
      } catch {
        return undefined; // `opened` and `closed` tell why
      }
    }
    if (connection.closing) throw new P.TypeError(CLOSING);
    return connection.source.read();
  }

  cancel(reason) {
    this.connection.source?.cancel(reason);
  }

  take() {
    return 0;
  }
}

// The sink of the writable side.
class Writing {
  constructor(connection) {
    this.connection = connection;
  }

  async write(chunk) {
    if (!isBytes(chunk)) {
      throw new P.TypeError(
        typeof chunk === "string"
          ? "This TransformStream is being used as a byte stream, but received a string on its writable side. If you wish to write a string, you'll probably want to explicitly UTF-8-encode it with TextEncoder."
          : "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.",
      );
    }
    const { connection } = this;
    if (connection.sink === null) await connection.opened.promise;
    if (connection.closing) throw new P.TypeError("This WritableStream has been closed.");
    await connection.sink.write(bytesView(chunk));
  }

  async close() {
    const { connection } = this;
    if (connection.sink === null) await connection.opened.promise;
    await connection.sink.close();
  }

  abort(reason) {
    this.connection.sink?.abort(reason);
  }
}

export class Socket {
  #connection;
  #readable;
  #writable;
  #closed = deferred();
  #secure;
  #upgraded = false;
  #done = false;

  constructor(internal, started, secure) {
    if (internal !== MAKE) throw illegalConstructor();
    this.#connection = new Connection(started);
    this.#secure = secure;
    this.#readable = readableFromSource(new Reading(this.#connection));
    this.#writable = makeWritableStream(new Writing(this.#connection));
    then(this.#connection.opened.promise, undefined, error => this.#closed.reject(error));
  }

  get readable() {
    return this.#readable;
  }

  get writable() {
    return this.#writable;
  }

  get closed() {
    return this.#closed.promise;
  }

  get opened() {
    return this.#connection.opened.promise;
  }

  get upgraded() {
    return this.#upgraded;
  }

  get secureTransport() {
    return this.#secure;
  }

  close() {
    if (!this.#done) {
      this.#done = true;
      this.#connection.end();
      this.#closed.resolve(undefined);
    }
    return this.#closed.promise;
  }

  // The same connection, encrypted from here on, as a new socket; this one is over.
  startTls(options = undefined) {
    if (this.#upgraded) throw new P.TypeError("startTls can only be called once.");
    if (this.#done) throw new P.TypeError("The connection was closed before startTls could be started.");
    if (this.#secure === "on") throw new P.TypeError("Cannot startTls on a TLS socket.");
    if (this.#secure !== "starttls") throw new P.TypeError("The `secureTransport` socket option must be set to 'starttls' for startTls to be used.");
    this.#upgraded = this.#done = true;
    const connection = this.#connection;
    const started = then(connection.opened.promise, () => {
      connection.closing = true;
      return op(STARTTLS, "w", [connection.source.number], "rvs");
    });
    this.#closed.resolve(undefined);
    return new Socket(MAKE, started, "on");
  }
}
publish(Socket);

function notAnInteger() {
  return new P.TypeError("The value cannot be converted because it is not an integer.");
}

function parseAddress(address) {
  if (address === undefined || address === null) throw badArgument("SocketsModule", "connect", 1, "SocketAddress or string");
  if (isObject(address)) {
    const port = +address.port;
    if (port !== P.MathTrunc(port)) throw notAnInteger();
    if (port < 0 || port > 65535) throw new P.TypeError("Value out of range. Must be less than or equal to 65535.");
    return { host: `${address.hostname}`, port };
  }
  const text = `${address}`;
  const parts = P.RegExpPrototypeExec(/^(\[[0-9A-Fa-f:.]+\]|[^:/?#@\s]*)(?::(\d+))?$/, text);
  if (parts !== null && parts[2] === undefined) throw new P.TypeError("Specified address is missing port.");
  if (parts === null || parts[1] === "" || +parts[2] > 65535) throw new P.TypeError("Specified address could not be parsed.");
  return { host: parts[1], port: +parts[2] };
}

export function connect(address, options) {
  const { host, port } = parseAddress(address);
  const secure = options?.secureTransport === undefined ? "off" : `${options.secureTransport}`;
  if (TLS_MODES[secure] === undefined) throw new P.TypeError(`Unsupported value in secureTransport socket option: ${secure}`);
  requireEvent();
  const name = host[0] === "[" ? P.StringPrototypeSlice(host, 1, -1) : host;
  return new Socket(MAKE, op(CONNECT, "shb", [name, port, TLS_MODES[secure]], "rvs"), secure);
}
