// node:tls: encrypted clients. Certificates are main's affair, which checks them against its own roots and the name.

import { normalizeArgs, Socket } from "node/internal/net_socket";
import { errorWithCode, nodeError, notImplemented } from "node/internal/errors";
import { isIP } from "node/internal/ip";
import { validateFunction } from "node/internal/validators";
import { hasFlag } from "flags";
import { queueMicrotask } from "timers";

const REFUSED = ["enableTrace", "isServer", "server", "requestCert", "SNICallback", "requestOCSP", "pskCallback", "minDHSize"];

function refuse(options) {
  if (options.checkServerIdentity !== undefined) validateFunction(options.checkServerIdentity, "options.checkServerIdentity");
  for (const name of REFUSED) if (options[name] !== undefined && options[name] !== false && options[name] !== null) throw nodeError("ERR_OPTION_NOT_IMPLEMENTED", `options.${name}`);
  if (options.secureContext !== undefined && !(options.secureContext instanceof SecureContext))
    throw errorWithCode(P.TypeError, "ERR_TLS_INVALID_CONTEXT", "context must be a SecureContext");
  if (hasFlag("throw_on_not_implemented_tls_options"))
    for (const name of ["rejectUnauthorized", "ALPNProtocols", "checkServerIdentity"])
      if (options[name] !== undefined && options[name] !== true) throw nodeError("ERR_OPTION_NOT_IMPLEMENTED", `options.${name}`);
}

class SecureContext {
  context = undefined;
}

function createSecureContext(options = {}) {
  return new SecureContext();
}

class TLSSocket extends Socket {
  #under = null;

  encrypted = true;
  authorized = false;
  authorizationError = null;
  alpnProtocol = false;
  servername = null;
  secureConnecting = true;

  constructor(socket = undefined, options = {}) {
    refuse(options);
    super(options);
    this.#under = socket ?? null;
  }

  // Over a socket that is there: once it is connected it is encrypted, and is this one from then on.
  _upgrade() {
    const under = this.#under;
    this.connecting = true;
    const go = () => {
      const host = under._host ?? "localhost", port = under.remotePort;
      this._host = host;
      try {
        this._attach(under._detach().startTls(), host, port);
      } catch (error) {
        this.destroy(error);
      }
    };
    under.once("error", error => this.destroy(error));
    if (under.connecting) under.once("connect", go);
    else queueMicrotask(go);
  }

  connect(...args) {
    const [options, callback] = normalizeArgs(args);
    if (callback !== null) this.once("secureConnect", callback);
    this.servername = options.servername ?? (isIP(options.host ?? "") === 0 ? (options.host ?? "localhost") : "");
    return super.connect(options);
  }

  _open(host, port) {
    super._open(host, port, "on");
  }

  _connected() {
    super._connected();
    this.authorized = true;
    this.secureConnecting = false;
    this.emit("secure");
    this.emit("secureConnect");
  }

  setServername(name) {
    if (typeof name !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "name", "string", name);
    this.servername = name;
  }

  getPeerCertificate(detailed = undefined) {
    return {};
  }

  getCertificate() {
    return {};
  }

  getCipher() {
    return {};
  }

  getProtocol() {
    return this.secureConnecting ? null : "TLSv1.3";
  }

  getSession() {
    return undefined;
  }

  isSessionReused() {
    return false;
  }

  getFinished() {
    return undefined;
  }

  getPeerFinished() {
    return undefined;
  }

  getSharedSigalgs() {
    return [];
  }

  getEphemeralKeyInfo() {
    return {};
  }

  getTLSTicket() {
    return undefined;
  }

  setMaxSendFragment(size) {
    return false;
  }

  disableRenegotiation() {}

  enableTrace() {
    throw notImplemented("enableTrace");
  }

  renegotiate(options, callback) {
    throw notImplemented("renegotiate");
  }

  exportKeyingMaterial() {
    throw notImplemented("exportKeyingMaterial");
  }
}

// connect(options), connect(port, host, options, callback).
function connect(...args) {
  const [first, callback] = normalizeArgs(args);
  let options = first;
  for (const arg of args) if (typeof arg === "object" && arg !== null && arg !== first) options = { ...options, ...arg };
  const socket = new TLSSocket(options.socket, options);
  if (options.timeout) socket.setTimeout(options.timeout);
  if (options.socket) {
    if (callback !== null) socket.once("secureConnect", callback);
    socket.servername = options.servername ?? options.host ?? "";
    socket._upgrade();
    return socket;
  }
  return callback === null ? socket.connect(options) : socket.connect(options, callback);
}

function Server() {
  throw new P.Error("Not implemented");
}

function createServer() {
  throw new P.Error("Not implemented");
}

// A name without the dot of the root at its end, in small letters.
function plainName(name) {
  name = P.StringPrototypeToLowerCase(`${name}`);
  return P.StringPrototypeEndsWith(name, ".") ? P.StringPrototypeSlice(name, 0, -1) : name;
}

// "*.example.com" covers one label.
function covers(pattern, host) {
  pattern = plainName(pattern);
  if (!P.StringPrototypeStartsWith(pattern, "*.")) return pattern === host;
  const dot = P.StringPrototypeIndexOf(host, ".");
  return dot > 0 && P.StringPrototypeSlice(host, dot) === P.StringPrototypeSlice(pattern, 1);
}

function checkServerIdentity(hostname, cert) {
  const host = plainName(hostname);
  const names = [], addresses = [];
  for (const entry of cert.subjectaltname ? P.StringPrototypeSplit(cert.subjectaltname, ", ") : []) {
    if (P.StringPrototypeStartsWith(entry, "DNS:")) P.ArrayPrototypePush(names, P.StringPrototypeSlice(entry, 4));
    else if (P.StringPrototypeStartsWith(entry, "IP Address:")) P.ArrayPrototypePush(addresses, P.StringPrototypeSlice(entry, 11));
  }
  let reason;
  if (isIP(host) !== 0) {
    if (P.ArrayPrototypeIncludes(addresses, host)) return undefined;
    reason = `IP: ${host} is not in the cert's list: ${P.ArrayPrototypeJoin(addresses, ", ")}`;
  } else if (names.length > 0 || cert.subject?.CN !== undefined) {
    const list = names.length > 0 ? names : P.ArrayIsArray(cert.subject.CN) ? cert.subject.CN : [cert.subject.CN];
    for (const name of list) if (covers(name, host)) return undefined;
    reason = names.length > 0 ? `Host: ${host}. is not in the cert's altnames: ${cert.subjectaltname}` : `Host: ${host}. is not cert's CN: ${cert.subject.CN}`;
  } else {
    reason = "Cert does not contain a DNS name";
  }
  const error = errorWithCode(P.Error, "ERR_TLS_CERT_ALTNAME_INVALID", `Hostname/IP does not match certificate's altnames: ${reason}`);
  return P.ObjectAssign(error, { reason, host, cert });
}

function convertALPNProtocols(protocols, out) {
  const { Buffer } = load("node/internal/buffer");
  if (P.ArrayIsArray(protocols)) {
    const parts = [];
    for (const protocol of protocols) {
      const bytes = Buffer.from(protocol);
      if (bytes.length > 255) throw nodeError("ERR_OUT_OF_RANGE", "The byte length of the protocol at index 0 exceeds the maximum length.", "<= 255", bytes.length, true);
      P.ArrayPrototypePush(parts, Buffer.from([bytes.length]), bytes);
    }
    out.ALPNProtocols = Buffer.concat(parts);
  } else if (P.ArrayBufferIsView(protocols)) {
    out.ALPNProtocols = Buffer.from(protocols);
  }
}

function createSecurePair() {
  throw notImplemented("createSecurePair");
}

const module = {
  SecureContext,
  Server,
  TLSSocket,
  connect,
  createSecureContext,
  createServer,
  checkServerIdentity,
  convertALPNProtocols,
  getCiphers: () => [],
  createSecurePair,
  CLIENT_RENEG_LIMIT: 3,
  CLIENT_RENEG_WINDOW: 600,
  DEFAULT_CIPHERS: "",
  DEFAULT_ECDH_CURVE: "auto",
  DEFAULT_MAX_VERSION: "TLSv1.3",
  DEFAULT_MIN_VERSION: "TLSv1.2",
  rootCertificates: [],
};
export { module as default };
