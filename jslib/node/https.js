// node:https.

import { HttpsAgent as Agent, httpsGlobalAgent as globalAgent } from "node/internal/http_agent";
import { ClientRequest, requestArguments } from "node/internal/http_client";
import { Server as HttpServer } from "node/internal/http_server";
import { notImplemented } from "node/internal/errors";
import { hasFlag } from "flags";

class Server extends HttpServer {}

function request(url, given, done) {
  const [options, callback] = requestArguments(url, given, done);
  options._defaultAgent = globalAgent;
  return new ClientRequest(options, callback);
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

const module = { get, request, Agent, globalAgent, createServer, Server };
export { module as default };
