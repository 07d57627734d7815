// Agents name what they would connect to; connections are main's.

import { notImplemented } from "node/internal/errors";
import { validateNumber, validateOneOf } from "node/internal/validators";

const { EventEmitter } = load("node/internal/events");

export class Agent extends EventEmitter {
  static defaultMaxSockets = Infinity;

  keepAliveMsecs = 1000;
  keepAlive = false;
  agentKeepAliveTimeoutBuffer = 1000;
  totalSocketCount = 0;
  freeSockets = {};
  sockets = {};
  requests = {};

  constructor(options = undefined) {
    super({});
    const own = (this.options = { __proto__: null, ...options });
    this.defaultPort = own.defaultPort || 80;
    this.protocol = own.protocol || "http:";
    own.path = null;
    if (!("proxyEnv" in own)) own.proxyEnv = undefined;
    if (own.noDelay === undefined) own.noDelay = true;
    this.keepAliveMsecs = own.keepAliveMsecs || 1000;
    this.keepAlive = own.keepAlive || false;
    this.maxSockets = own.maxSockets || Agent.defaultMaxSockets;
    this.maxFreeSockets = own.maxFreeSockets || 256;
    this.scheduling = own.scheduling || "lifo";
    validateOneOf(this.scheduling, "scheduling", ["fifo", "lifo"]);
    this.maxTotalSockets = Infinity;
    if (own.maxTotalSockets !== undefined) {
      validateNumber(own.maxTotalSockets, "maxTotalSockets", 1);
      this.maxTotalSockets = own.maxTotalSockets;
    }
  }

  createConnection(options, callback) {
    throw notImplemented("createConnection");
  }

  getName(options = {}) {
    let name = `${options.host || "localhost"}:`;
    if (options.port) name += options.port;
    name += ":";
    if (options.localAddress) name += options.localAddress;
    if (options.family === 4 || options.family === 6) name += `:${options.family}`;
    if (options.socketPath) name += `:${options.socketPath}`;
    return name;
  }

  addRequest(request, options) {}

  createSocket(request, options, callback) {}

  removeSocket(socket) {}

  keepSocketAlive(socket) {
    return false;
  }

  reuseSocket(socket, request) {}

  destroy(error) {}
}

export const globalAgent = new Agent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });

export class HttpsAgent extends Agent {
  constructor(options = undefined) {
    super({ defaultPort: 443, protocol: "https:", ...options });
    this.maxCachedSessions = this.options.maxCachedSessions ?? 100;
  }
}

export const httpsGlobalAgent = new HttpsAgent({ keepAlive: true, scheduling: "lifo", timeout: 5000 });
