// Hibernating WebSockets of an object: main has the connections, here are the WebSockets that stand for them. What this
// isolate does not know, because the sockets are older than the object's stay here, it asks for.

import { ask } from "io";
import { answerClose, hibernate, hibernating, isHibernating, sleepingSocket, endedByPeer, lost } from "websocket";

const ACCEPT = 50, CLOSE = 52, ATTACH = 53, OPTIONS = 54; // frames, see objects.md
const ASK_SOCKETS = 1, ASK_SOCKET = 2, ASK_OPTIONS = 3;

const NOT_ACCEPTED = "you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.";

// What is known of one: `tags` and `attachment` are undefined until they are asked for or set.
class Sleeper {
  tags = undefined;
  attachment = undefined;

  constructor(object, id) {
    this.object = object;
    this.id = id;
  }

  send(data) {
    N.socketTell(this.object.number, this.id, data);
  }

  close(code, reason) {
    N.socketSay(this.object.number, CLOSE, "whs", [this.id, code, reason]);
  }

  attach(bytes) {
    this.attachment = bytes;
    N.socketSay(this.object.number, ATTACH, "wy", [this.id, bytes]);
  }

  // Bytes, or null.
  attached() {
    if (this.attachment === undefined) this.#ask();
    return this.attachment;
  }

  tagList() {
    if (this.tags === undefined) this.#ask();
    return this.tags;
  }

  #ask() {
    const [, has, attachment, tags] = ask(ASK_SOCKET, "ww", [this.object.number, this.id], "qbyt");
    if (this.attachment === undefined) this.attachment = has === 1 ? attachment : null;
    if (this.tags === undefined) this.tags = tags;
  }

  autoTime() {
    return ask(ASK_SOCKET, "ww", [this.object.number, this.id], "qbyt")[0];
  }
}

export function acceptSocket(object, webSocket, tags) {
  const id = object.nextSocket;
  const sleeper = new Sleeper(object, id);
  sleeper.tags = tags;
  sleeper.attachment = null;
  const attachment = hibernate(webSocket, sleeper);
  object.nextSocket++;
  let format = "wh";
  for (let i = 0; i < tags.length; i++) format += "s";
  N.socketSay(object.number, ACCEPT, format, [id, tags.length, ...tags]);
  P.MapPrototypeSet(object.socketList, id, webSocket);
  if (attachment !== null) sleeper.attach(attachment);
}

// The WebSocket of an id.
export function socketOf(object, id) {
  let webSocket = P.MapPrototypeGet(object.socketList, id);
  if (webSocket === undefined) {
    webSocket = sleepingSocket(new Sleeper(object, id));
    P.MapPrototypeSet(object.socketList, id, webSocket);
  }
  return webSocket;
}

// Fills the list with the sockets that slept when the object came here.
function wakeAll(object) {
  if (object.sleeping === 0) return;
  object.sleeping = 0;
  const [ids] = ask(ASK_SOCKETS, "wb", [object.number, 0], "n");
  const known = object.socketList;
  const all = new P.Map();
  for (let i = 0; i < ids.length; i++) P.MapPrototypeSet(all, ids[i], P.MapPrototypeGet(known, ids[i]) ?? sleepingSocket(new Sleeper(object, ids[i])));
  P.MapPrototypeForEach(known, (webSocket, id) => P.MapPrototypeSet(all, id, webSocket));
  object.socketList = all;
}

// The last that was accepted comes first.
export function socketsOf(object, tag) {
  wakeAll(object);
  const list = [];
  P.MapPrototypeForEach(object.socketList, webSocket => {
    if (tag === undefined || P.ArrayPrototypeIncludes(hibernating(webSocket).tagList(), tag)) P.ArrayPrototypePush(list, webSocket);
  });
  return P.ArrayPrototypeReverse(list);
}

export function tagsOf(object, webSocket) {
  if (!isHibernating(webSocket)) throw new P.Error(NOT_ACCEPTED);
  return P.ArrayPrototypeSlice(hibernating(webSocket).tagList());
}

// The peer has closed: what is to be done once the handler has run.
export function socketClosed(object, id, webSocket, code, reason) {
  endedByPeer(webSocket);
  return () => {
    P.MapPrototypeDelete(object.socketList, id);
    answerClose(webSocket, code, reason);
  };
}

export function socketFailed(object, id, webSocket) {
  lost(webSocket);
  return () => P.MapPrototypeDelete(object.socketList, id);
}

// ---- options of all sockets ----

export function optionsOf(object) {
  if (object.socketOptions === undefined) {
    const [bits, request, response, timeout] = ask(ASK_OPTIONS, "w", [object.number], "bssw");
    object.socketOptions = { auto: (bits & 1) !== 0 ? { request, response } : undefined, timeout };
  }
  return object.socketOptions;
}

function sendOptions(object, { auto, timeout }) {
  N.socketSay(object.number, OPTIONS, "bssw", [auto === undefined ? 0 : 1, auto?.request ?? "", auto?.response ?? "", timeout]);
}

export function setAutoResponse(object, auto) {
  const options = optionsOf(object);
  options.auto = auto;
  sendOptions(object, options);
}

export function setTimeoutOf(object, timeout) {
  const options = optionsOf(object);
  options.timeout = timeout;
  sendOptions(object, options);
}

export function autoTimeOf(object, webSocket) {
  if (!isHibernating(webSocket)) return null;
  const ms = hibernating(webSocket).autoTime();
  return ms < 0 ? null : new P.Date(ms);
}
