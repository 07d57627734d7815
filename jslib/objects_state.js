// ctx of a Durable Object.

import { badArgument, illegalConstructor, isObject, publish } from "errors";
import { crossEventError, currentEvent } from "io";
import { theWorker } from "runtime";
import { makeStorage } from "storage";

const INTERNAL = Symbol();
const TYPE = "DurableObjectState";
const TAGS_MAX = 10, TAG_MAX = 256;
const AUTO_MAX = 2048;
const TIMEOUT_MAX = 604800000;
const ABORTED = "Application called abort() to reset Durable Object.";

function checkTags(tags) {
  if (tags === undefined) return [];
  if (!P.ArrayIsArray(tags)) throw badArgument(TYPE, "acceptWebSocket", 2, "Array");
  const distinct = [];
  for (let i = 0; i < tags.length; i++) {
    const tag = `${tags[i]}`;
    if (distinct.length >= TAGS_MAX) throw new P.Error(`a Hibernatable WebSocket cannot have more than ${TAGS_MAX} tags`);
    if (tag.length > TAG_MAX) throw new P.Error(`"${tag}" is longer than the max tag length (${TAG_MAX} characters).`);
    if (!P.ArrayPrototypeIncludes(distinct, tag)) P.ArrayPrototypePush(distinct, tag);
  }
  return distinct;
}

function checkTimeout(value) {
  if (value === undefined || value === null) return 0;
  const n = +value;
  if (n !== n || n !== P.MathTrunc(n)) throw new P.TypeError("The value cannot be converted because it is not an integer.");
  if (n < 0) throw new P.TypeError("The value cannot be converted because it is negative and this API expects a positive number.");
  if (n > TIMEOUT_MAX) throw new P.Error(`Event timeout should not exceed ${TIMEOUT_MAX} ms.`);
  return n;
}

export class DurableObjectState {
  #object;

  constructor(internal, object) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
  }

  #here() {
    const object = this.#object;
    if (currentEvent() !== object) throw crossEventError();
    return object;
  }

  waitUntil(promise) {
    if (arguments.length === 0) throw badArgument(TYPE, "waitUntil", 1, "Promise");
    this.#object.waitUntil(promise);
  }

  blockConcurrencyWhile(callback) {
    const object = this.#here();
    if (typeof callback !== "function") throw badArgument(TYPE, "blockConcurrencyWhile", 1, "function");
    return object.block(callback, true);
  }

  // Cannot be survived: whatever catches this finds the object gone.
  abort(reason) {
    const error = new P.Error(reason === undefined ? ABORTED : `${reason}`);
    this.#here().reset(error);
    throw error;
  }

  acceptWebSocket(webSocket, tags) {
    const object = this.#object;
    if (!load("websocket").isWebSocket(webSocket)) throw badArgument(TYPE, "acceptWebSocket", 1, "WebSocket");
    load("objects_sockets").acceptSocket(object, webSocket, checkTags(tags));
  }

  getWebSockets(tag) {
    return load("objects_sockets").socketsOf(this.#here(), tag === undefined ? undefined : `${tag}`);
  }

  getTags(webSocket) {
    const object = this.#object;
    if (!load("websocket").isWebSocket(webSocket)) throw badArgument(TYPE, "getTags", 1, "WebSocket");
    return load("objects_sockets").tagsOf(object, webSocket);
  }

  setWebSocketAutoResponse(pair) {
    const object = this.#here();
    const { WebSocketRequestResponsePair } = load("websocket");
    if (pair === undefined) return load("objects_sockets").setAutoResponse(object, undefined);
    if (!isObject(pair) || !(pair instanceof WebSocketRequestResponsePair)) throw badArgument(TYPE, "setWebSocketAutoResponse", 1, "WebSocketRequestResponsePair");
    const { request, response } = pair;
    if (request.length > AUTO_MAX) throw new P.RangeError(`Request cannot be larger than ${AUTO_MAX} bytes. A request of size ${request.length} was provided.`);
    if (response.length > AUTO_MAX) throw new P.RangeError(`Response cannot be larger than ${AUTO_MAX} bytes. A response of size ${response.length} was provided.`);
    load("objects_sockets").setAutoResponse(object, { request, response });
  }

  getWebSocketAutoResponse() {
    const auto = load("objects_sockets").optionsOf(this.#here()).auto;
    const { WebSocketRequestResponsePair } = load("websocket");
    return auto === undefined ? null : new WebSocketRequestResponsePair(auto.request, auto.response);
  }

  getWebSocketAutoResponseTimestamp(webSocket) {
    const object = this.#here();
    if (!load("websocket").isWebSocket(webSocket)) throw badArgument(TYPE, "getWebSocketAutoResponseTimestamp", 1, "WebSocket");
    return load("objects_sockets").autoTimeOf(object, webSocket);
  }

  setHibernatableWebSocketEventTimeout(timeout) {
    load("objects_sockets").setTimeoutOf(this.#here(), checkTimeout(timeout));
  }

  getHibernatableWebSocketEventTimeout() {
    const { timeout } = load("objects_sockets").optionsOf(this.#here());
    return timeout === 0 ? null : timeout;
  }
}
publish(DurableObjectState);

export function makeState(object) {
  const state = new DurableObjectState(INTERNAL, object);
  const own = {
    __proto__: null,
    container: undefined,
    storage: makeStorage(object),
    id: load("namespace").objectId(object.hexId, object.name, object.jurisdiction),
    props: object.propsText === "" ? {} : load("ties").propsOf(object.propsText),
    exports: theWorker().exports,
    facets: load("facets").makeFacets(object),
  };
  for (const name of P.ObjectKeys(own)) P.ObjectDefineProperty(state, name, { __proto__: null, value: own[name], enumerable: true, writable: true, configurable: true });
  return state;
}
