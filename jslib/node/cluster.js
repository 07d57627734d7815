// node:cluster: a primary that has no workers and can make none.

import { EventEmitter } from "node/internal/events";
import { notImplemented } from "node/internal/errors";

const SCHED_NONE = 1, SCHED_RR = 2;
const settings = {}, workers = {};

function fork(env) {
  throw notImplemented("cluster.fork");
}

function disconnect(callback) {
  throw notImplemented("cluster.disconnect");
}

function setupPrimary(options) {
  throw notImplemented("cluster.setupPrimary");
}

function setupMaster(options) {
  throw notImplemented("cluster.setupWorker");
}

class Worker extends EventEmitter {
  _connected = false;
  id = 0;

  constructor(options) {
    super();
  }
  get process() {
    return load("node/process").default;
  }
  get exitedAfterDisconnect() {
    return this._connected;
  }
  isConnected() {
    return this._connected;
  }
  isDead() {
    return true;
  }
  send(message, handle, options, callback) {
    return false;
  }
  kill(signal) {
    this._connected = false;
  }
  destroy(signal) {
    this._connected = false;
  }
  disconnect() {
    this._connected = false;
    return this;
  }
}

class Cluster extends EventEmitter {
  Cluster = Cluster;
  Worker = Worker;
  isMaster = true;
  isPrimary = true;
  isWorker = false;
  SCHED_NONE = SCHED_NONE;
  SCHED_RR = SCHED_RR;
  schedulingPolicy = SCHED_RR;
  settings = settings;
  workers = workers;
  fork = fork;
  disconnect = disconnect;
  setupPrimary = setupPrimary;
  setupMaster = setupMaster;
}

const cluster = new Cluster();
cluster._maxListeners = 0;
export { cluster as default };
