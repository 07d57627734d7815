// node:net: clients. Nothing listens in a worker.

import { isIP, isIPv4, isIPv6 } from "node/internal/ip";
import { BlockList, SocketAddress } from "node/internal/net_address";
import { normalizeArgs, Socket as SocketClass } from "node/internal/net_socket";
import { validateBoolean, validateInt32 } from "node/internal/validators";

let autoSelect = false, attemptTimeout = 10;

// Programs make sockets without `new`, too.
function Socket(options) {
  return P.ReflectConstruct(SocketClass, [options], new.target ?? Socket);
}
Socket.prototype = SocketClass.prototype;
P.ObjectSetPrototypeOf(Socket, P.ObjectGetPrototypeOf(SocketClass));
P.ObjectDefineProperty(Socket.prototype, "constructor", { __proto__: null, value: Socket, writable: true, configurable: true });

function Server() {
  throw new P.Error("Server is not implemented");
}

function createServer() {
  throw new P.Error("createServer() is not implemented");
}

function connect(...args) {
  const [options] = normalizeArgs(args);
  const socket = new Socket(options);
  return socket.connect(...args);
}

const module = {
  BlockList,
  SocketAddress,
  Stream: Socket,
  Server,
  Socket,
  connect,
  createConnection: connect,
  createServer,
  getDefaultAutoSelectFamily: () => autoSelect,
  setDefaultAutoSelectFamily(value) {
    validateBoolean(value, "value");
    autoSelect = value;
  },
  getDefaultAutoSelectFamilyAttemptTimeout: () => attemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout(value) {
    validateInt32(value, "value", 1);
    attemptTimeout = P.MathMax(value, 10);
  },
  isIP,
  isIPv4,
  isIPv6,
  _normalizeArgs: normalizeArgs,
};
export { module as default };
