// node:http.

import { Agent, globalAgent } from "node/internal/http_agent";
import { ClientRequest } from "node/internal/http_client";
import { METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } from "node/internal/http_common";
import { IncomingMessage } from "node/internal/http_incoming";
import { OutgoingMessage } from "node/internal/http_outgoing";
import { Server, ServerResponse } from "node/internal/http_server";
import { notImplemented } from "node/internal/errors";
import { validateInteger } from "node/internal/validators";
import { hasFlag } from "flags";

function request(url, options, callback) {
  return new ClientRequest(url, options, callback);
}

function get(url, options, callback) {
  const made = request(url, options, callback);
  made.end();
  return made;
}

function createServer(options, handler) {
  if (!hasFlag("enable_nodejs_http_server_modules")) throw notImplemented("createServer");
  return new Server(options, handler);
}

function setMaxIdleHTTPParsers(max) {
  validateInteger(max, "max", 1);
  throw notImplemented("setMaxIdleHTTPParsers");
}

function _connectionListener() {
  throw notImplemented("_connectionListener");
}

const module = {
  validateHeaderName,
  validateHeaderValue,
  METHODS,
  STATUS_CODES,
  ClientRequest,
  request,
  get,
  OutgoingMessage,
  Agent,
  globalAgent,
  IncomingMessage,
  Server,
  ServerResponse,
  createServer,
  maxHeaderSize: 16384,
  setMaxIdleHTTPParsers,
  _connectionListener,
  get WebSocket() {
    return load("websocket").WebSocket;
  },
  get CloseEvent() {
    return load("events").CloseEvent;
  },
  get MessageEvent() {
    return load("events").MessageEvent;
  },
};
export { module as default };
