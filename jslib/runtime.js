// The isolate around the worker's code: start, events from arrival to END, what nobody caught. C enters by the functions
// onXxx, each in a turn of its own; io.js has the entries for operations, streams and sockets.

import { context, frameOfBody, frameOfRejection } from "async_context";
import { EventContext, currentEvent, dropIoOf, setCurrentEvent, ByteSource, ByteSink } from "io";
import { badArgument, illegalInvocation, publish } from "errors";
import { IdTable } from "id_table";
import { leave, lends, waitForOthers, waiting } from "idle";
import { dropTimersOf, startOwnTimer, stopTimer } from "timers";

const OK = 0, EXCEPTION = 1, CANCELED = 2, HUNG = 3; // outcomes of END
const FAILED = 4; // a bit of RESPONSE: the body is the error of the handler
const LAST = 1 << 28; // in respond(): nothing else belongs to the event
const BODY_STREAM = 1, BODY_INLINE = 2; // bits of a fetch event
const WAIT_UNTIL_MS = 30000;
const LOG_MAX = 256 * 1024; // console output of one event, in characters
const WARN = 3;

const HUNG_TEXT =
  "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never generate a response. " +
  "Refer to: https://developers.cloudflare.com/workers/observability/errors/";
const NO_RESPONSE = "Incorrect type for Promise: the Promise did not resolve to 'Response'.";
const ERROR_RESPONSE = "Return value from serve handler must not be an error response (like Response.error())";
const WAIT_UNTIL_TEXT =
  "waitUntil() tasks did not complete within the allowed time after invocation end and have been cancelled. " +
  "See: https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil";

const events = new IdTable(); // id -> RunningEvent
const then = P.PromisePrototypeThen;

let lastHeaders = null; // the header block of the last response, which C has kept: named by undefined
let requestModule, responseModule; // evaluated by warmUp() or by the first event
let worker = null; // start.js: handlers and entrypoints

class RunningEvent extends EventContext {
  responded = false; // what the outside waits for has been said
  waits = 0; // promises given to waitUntil()
  canceled = false;
  outcome = OK;
  error = "";
  request = null;
  deadline = 0; // own timer
  held = 0; // references of others to what it exported (rpc.js)
  exported = null;
  kept = null; // the result of a call, while others may call on it (rpc.js)
  onEnded = null; // objects.js: the object's books
  beforeEnd = null; // what is still to be said before END
  host = null; // the event in whose context it runs, when it calls a capability of that
}

// ---- what nobody caught, and the console ----

// The form in which errors cross the channel. Never throws, whatever was thrown.
export function errorJSON(error) {
  let name = "Error", message = "", stack = "";
  try {
    if (typeof error === "object" && error !== null && typeof error.message === "string") {
      if (typeof error.name === "string") name = error.name;
      message = error.message;
      stack = stackText(error, name, message);
    } else {
      message = typeof error === "symbol" ? P.SymbolPrototypeToString(error) : `${error}`;
      stack = `Error: ${message}`;
    }
  } catch {
    message = "an error that cannot be shown";
  }
  return P.JSONStringify({ __proto__: null, name, message, stack });
}

// What logs show of it, or "".
function stackOf(error) {
  try {
    return typeof error === "object" && error !== null ? stackText(error, `${error.name}`, `${error.message}`) : "";
  } catch {
    return "";
  }
}

// V8's form: the headline, then the frames of the worker's own code.
export function stackText(error, name, message) {
  const stack = error.stack;
  if (typeof stack !== "string") return "";
  if (P.StringPrototypeIncludes(stack, "\n    at ")) return stack;
  const head = message === "" ? name : name === "" ? message : `${name}: ${message}`;
  return head + N.stackFrames(stack);
}

let onUncaught = null; // the test runner's

// Errors that nobody can catch: of timers, of queueMicrotask, of listeners. One EXCEPTION frame.
export function reportUncaught(error) {
  if (onUncaught !== null) return onUncaught(error);
  const event = currentEvent();
  N.exception(event === null ? 0 : event.callId, errorJSON(error));
}

export function setOnUncaught(fn) {
  onUncaught = fn;
}

// From C, at the end of a drain: a rejected promise that nobody handles.
export function onUnhandled(promise, reason) {
  context.frame = frameOfRejection(promise, reason);
  if (!load("events").fireRejection("unhandledrejection", promise, reason)) reportUncaught(reason);
}

let scopeLogBytes = 0; // of module scope

// One console line; `values`: what was given, as JSON, or "".
export function log(level, text, values = "") {
  const event = currentEvent();
  const used = event === null ? scopeLogBytes : event.logBytes;
  if (used >= LOG_MAX) return;
  const cut = used + text.length > LOG_MAX;
  if (cut) text = P.StringPrototypeSlice(text, 0, LOG_MAX - used) + "\n[console output of this invocation is over 256 KB: the rest is dropped]";
  if (event === null) scopeLogBytes += text.length;
  else event.logBytes += text.length;
  N.log(event === null ? 0 : event.callId, level, text, placeOfCaller(), cut ? "" : values);
}

const CHANNEL = 5; // a level of LOG that is none: a message of a diagnostics channel

// A message of a diagnostics channel, for whoever traces the event.
export function logChannel(name, message) {
  if (typeof name !== "string" || !N.isTraced()) return;
  const event = currentEvent();
  let values;
  try {
    values = P.JSONStringify(message);
  } catch {
    return; // it has no form
  }
  if (values === undefined || event === null || event.logBytes + values.length > LOG_MAX) return;
  event.logBytes += values.length;
  N.log(event.callId, CHANNEL, name, "", values);
}

function placeOfCaller() {
  const frames = N.stackFrames(new P.Error().stack); // "\n    at f (url:1:2)\n    at url:3:4"
  if (frames === "") return "";
  const end = P.StringPrototypeIndexOf(frames, "\n", 1);
  const line = P.StringPrototypeSlice(frames, 8, end < 0 ? undefined : end);
  const open = P.StringPrototypeLastIndexOf(line, "(");
  return open < 0 ? line : P.StringPrototypeSlice(line, open + 1, -1);
}

// ---- an event's life ----

// A new event, whose turn it is.
export function begin(id, kind) {
  const event = new RunningEvent(id, kind);
  events.set(id, event);
  setCurrentEvent(event);
  return event;
}

export function finish(event, outcome, error = "") {
  if (event.ended) return;
  if (event.beforeEnd !== null) event.beforeEnd(outcome);
  N.finish(event.id, outcome, error);
  ended(event);
}

// END is on its way, or main knows.
export function ended(event) {
  event.ended = true;
  events.delete(event.id);
  if (event.deadline !== 0) stopTimer(event.deadline);
  if (event.hasTimers) dropTimersOf(event);
  if (event.hasIo) dropIoOf(event);
  event.request = null;
  if (event.kept !== null) event.kept.settle(false);
  if (event.exported !== null) load("rpc").dropExportsOf(event);
  if (event.onEnded !== null) event.onEnded();
  if (waiting.size > 0) leave(event, finishIfDone);
}

// Ends the event once nothing is left that belongs to it.
function finishIfDone(event) {
  if (event.responded && event.waits === 0 && event.sinks === 0 && event.sockets === 0 && (event.held === 0 || event.canceled) && !(waiting.size > 0 && lends(event)))
    finish(event, event.canceled ? CANCELED : event.outcome, event.error);
}

// The outside has its answer; what was given to waitUntil() may go on for a while.
export function settled(event) {
  event.responded = true;
  if (event.waits > 0 && event.deadline === 0)
    event.deadline = startOwnTimer(event, WAIT_UNTIL_MS, () => {
      event.deadline = 0;
      log(WARN, WAIT_UNTIL_TEXT);
      event.waits = 0;
      finishIfDone(event);
    });
  else finishIfDone(event);
}

function release() {
  finishIfDone(this);
}
RunningEvent.prototype.onRelease = release;

// The handler failed: END carries the error, once what waitUntil() was given has ended.
export function fail(event, error) {
  if (event.ended || event.responded) return;
  event.outcome = EXCEPTION;
  event.error = event.context === event ? errorJSON(error) : load("rpc").rpcErrorJSON(error, stackOf(error));
  if (event.kind === "fetch" && event.waits > 0) {
    // The client need not wait for what waitUntil() was given.
    lastHeaders = null;
    N.respond(event.id, 500 | (1 << 16) | (FAILED << 20), 0, -1, "", "", event.error);
  }
  settled(event);
}

// `promise` keeps the event of `ctx` open.
export function addWaitUntil(event, promise) {
  if (event.ended) return;
  event.waits++;
  const done = () => {
    event.waits--;
    finishIfDone(event);
  };
  then(P.PromiseResolve(promise), done, error => {
    if (!event.ended) {
      reportUncaught(error);
      if (event.outcome === OK) event.outcome = EXCEPTION;
    }
    done();
  });
}

// JSON of the configuration, or what another worker gave (ties.js).
function readProps(text) {
  return text[0] === "!" || text[0] === "?" ? load("ties").propsOf(text) : P.JSONParse(text);
}

let isContext;

// The handler's third argument.
export class ExecutionContext {
  #event;

  constructor(event, props) {
    this.#event = event;
    this.tracing = undefined;
    this.cache = undefined;
    this.props = typeof props !== "string" ? props : props === "" ? {} : readProps(props);
    this.exports = worker.exports;
  }

  waitUntil(promise) {
    if (!isContext(this)) throw illegalInvocation();
    if (arguments.length === 0) throw badArgument("ExecutionContext", "waitUntil", 1, "Promise");
    addWaitUntil(this.#event, promise);
  }

  // There is no origin behind a worker here, so the exception is answered as ever.
  passThroughOnException() {
    if (!isContext(this)) throw illegalInvocation();
  }

  static {
    isContext = value => typeof value === "object" && value !== null && #event in value;
  }
}
publish(ExecutionContext);

// The worker that start.js made of the script: { service, find(entrypoint), exports }.
export function setWorker(made) {
  worker = made;
}

export function theWorker() {
  return worker;
}

// ---- fetch ----

export function onFetch(id, bits, method, url, headers, cf, extra, object) {
  if (object !== 0) return load("objects").onObjectFetch(id, bits, method, url, headers, cf, extra, object);
  const event = begin(id, "fetch");
  try {
    let body = null, entrypoint = "", props = "";
    if (extra !== undefined) {
      if ((bits & BODY_STREAM) !== 0) body = new ByteSource(extra[0], extra[1]);
      else if ((bits & BODY_INLINE) !== 0) body = extra[2];
      entrypoint = extra[3];
      props = extra[4];
    }
    const request = requestModule.requestFromEvent(method, url, headers, cf, body);
    event.request = request;
    const ctx = new ExecutionContext(event, props);
    const env = props[0] === "?" ? load("ties").envWith(worker.env, props) : worker.env;
    const result = worker.service
      ? load("events").dispatchFetchEvent(ctx, request)
      : worker.find(entrypoint, ctx, "fetch", env).fetch(request, env, ctx);
    if (responseModule.isResponse(result)) respond(event, result);
    else then(P.PromiseResolve(result), response => respond(event, response), error => fail(event, error));
  } catch (error) {
    fail(event, error);
  }
}

const HIBERNATING = 5; // body kind: a socket of the event's object

// The id of the hibernating socket whose other end this is, else 0.
function hibernatingId(event, webSocket) {
  return event.context === event ? 0 : load("websocket").hibernatingTwin(webSocket, event.context);
}

const INLINE_MAX = 65536; // characters or bytes; what is longer travels as a stream, at main's pace
const PIECE = 262144;

async function writeAll(sink, bytes) {
  try {
    for (let at = 0; at < bytes.byteLength; at += PIECE) await sink.write(new P.Uint8Array(bytes.buffer, bytes.byteOffset + at, P.MathMin(PIECE, bytes.byteLength - at)));
    await sink.close();
  } catch {
    // main wants no more
  }
}

export function respond(event, response) {
  if (event.ended || event.responded) return;
  try {
    if (!responseModule.isResponse(response)) throw new P.TypeError(NO_RESPONSE);
    let { status, statusText, headers, kind, bits, body, length } = responseModule.responseToWire(response);
    if (status === 0) throw new P.TypeError(ERROR_RESPONSE);
    let whole = null;
    if (kind === 1 && (typeof body === "string" ? body.length : body.byteLength) > INLINE_MAX) {
      whole = typeof body === "string" ? N.utf8Encode(body) : body;
      kind = 2;
      length = whole.byteLength;
    }
    let head = status | (kind << 16) | (bits << 20);
    let number = 0, sink = null;
    const alone = kind < 2 && event.waits === 0 && event.sinks === 0 && event.sockets === 0 && event.held === 0 && !(waiting.size > 0 && lends(event));
    if (alone) head |= LAST;
    if (kind === 2) number = (sink = new ByteSink(undefined, event)).number;
    else if (kind === 3) number = body;
    else if (kind === 4) {
      number = hibernatingId(event, body);
      if (number !== 0) head = status | (HIBERNATING << 16) | (bits << 20);
      else number = load("websocket").socketToChannel(body);
    }
    const known = headers === lastHeaders;
    lastHeaders = null;
    const text = status === 200 && statusText === "OK" ? undefined : statusText;
    if (N.respond(event.id, head, number, length, text, known ? undefined : headers, kind === 1 ? body : undefined)) lastHeaders = headers;
    if (alone) return ended(event);
    event.responded = true;
    if (sink !== null && event.request !== null) sink.onGone = () => readerGone(event);
    if (whole !== null) writeAll(sink, whole);
    else if (sink !== null) {
      if (context.active) context.frame = frameOfBody(body);
      then(load("streams_native").pumpToSink(body, sink), undefined, reportUncaught);
    }
    settled(event);
  } catch (error) {
    fail(event, error);
  }
}

// ---- other events ----

export class ScheduledController {
  #time;
  #cron;

  constructor(time, cron) {
    this.#time = time;
    this.#cron = cron;
  }

  get scheduledTime() {
    return this.#time;
  }

  get cron() {
    return this.#cron;
  }

  noRetry() {}
}

// An event whose answer is only that its handler has settled.
function runHandler(event, call) {
  try {
    then(
      P.PromiseResolve(call()),
      () => settled(event),
      error => fail(event, error),
    );
  } catch (error) {
    fail(event, error);
  }
}

export function onScheduled(id, time, cron) {
  const event = begin(id, "scheduled");
  const ctx = new ExecutionContext(event, "");
  runHandler(event, () => {
    if (worker.service) return load("events").dispatchScheduledEvent(ctx, time, cron, () => {});
    return worker.find("", ctx, "scheduled").scheduled(new ScheduledController(time, cron), worker.env, ctx);
  });
}

// Main hears what became of the messages when nothing of the event is left, or, by a flag, as soon as the handler has settled.
export function onQueue(id, queue, count, bytes, oldest, list) {
  const event = begin(id, "queue");
  const ctx = new ExecutionContext(event, "");
  const queues = load("queues");
  const atOnce = load("flags").hasFlag("queue_consumer_no_wait_for_wait_until");
  let verdict = null;
  event.beforeEnd = outcome => {
    event.beforeEnd = null;
    if (verdict !== null) N.rpcResult(id, undefined, queues.encodeVerdict(verdict, outcome !== OK), []);
  };
  const handle = () => {
    const batch = queues.makeBatch(queue, count, bytes, oldest, list);
    verdict = batch.verdict;
    if (worker.service) return load("events").dispatchQueueEvent(ctx, batch.controller);
    return worker.find("", ctx, "queue").queue(batch.controller, worker.env, ctx);
  };
  try {
    then(
      P.PromiseResolve(handle()),
      () => {
        if (atOnce && event.beforeEnd !== null) event.beforeEnd(OK);
        settled(event);
      },
      error => {
        if (atOnce && event.beforeEnd !== null) event.beforeEnd(EXCEPTION);
        fail(event, error);
      },
    );
  } catch (error) {
    fail(event, error);
  }
}

// What events of other workers left behind.
export function onTail(id, json) {
  const event = begin(id, "tail");
  const ctx = new ExecutionContext(event, "");
  runHandler(event, () => {
    const items = load("tail").itemsOf(json);
    if (worker.service) return load("events").dispatchTailEvent(ctx, items);
    return worker.find("", ctx, "tail").tail(items, worker.env, ctx);
  });
}

const TARGET_ENTRYPOINT = 0, TARGET_OBJECT = 2, TARGET_RESULT = 3;

export function onRpc(id, targetKind, target, entrypoint, props, action, path, args, caps) {
  if (targetKind === TARGET_OBJECT) return load("objects").onObjectRpc(id, target, action, path, args, caps);
  const event = begin(id, "rpc");
  const rpc = load("rpc");
  if (targetKind === TARGET_RESULT) return callResult(event, target, action, path, args);
  try {
    if (targetKind === TARGET_ENTRYPOINT) {
      const ctx = new ExecutionContext(event, props);
      callReceiver(event, worker.instance(entrypoint, ctx), action, path, args, caps, ctx);
    } else {
      enterReceiver(event, rpc.exportedTarget(target), action, path, args, caps);
    }
  } catch (error) {
    answerCall(event, rpc.rpcErrorJSON(error));
  }
}

const NOTHING = new P.Uint8Array(0);

// A call, when the object in whose context it runs admits it.
function enterReceiver(event, receiver, action, path, args, caps) {
  if (event.gate === null || event.gate.admits(receiver.section)) return callReceiver(event, receiver, action, path, args, caps);
  event.gate.defer(receiver.section, () => {
    setCurrentEvent(event.context);
    callReceiver(event, receiver, action, path, args, caps);
  });
}

// The result of another call is meant; nothing is said where it is not here any more.
function callResult(event, id, action, path, args) {
  const gone = () => answerCall(event, undefined, { __proto__: null, value: NOTHING, caps: [] });
  load("rpc_results").withResult(id, event, receiver => enterReceiver(event, receiver, action, path, args, []), gone);
}

export function callReceiver(event, receiver, action, path, args, caps, ctx = undefined) {
  const rpc = load("rpc");
  then(
    rpc.answerRpc(receiver, action, path, args, caps, ctx),
    result => answerCall(event, undefined, result),
    error => answerCall(event, rpc.rpcErrorJSON(error)),
  );
}

// The answer of a call: JSON of an error, or what answerRpc() gives.
export function answerCall(event, error, result = undefined) {
  if (event.ended || event.responded) return;
  if (error !== undefined) N.rpcResult(event.id, error, "", []);
  else N.rpcResult(event.id, undefined, result.value, result.caps);
  if (result?.sent !== undefined) result.sent();
  settled(event);
}

export function onCapDrop(capability, references) {
  setCurrentEvent(null);
  load("rpc").dropTarget(capability, references);
}

export function onCapBroken(capability, error) {
  setCurrentEvent(null);
  load("rpc").breakStub(capability, error);
}

const CLIENT_GONE = 1;

// Nobody is there for the answer, or for the rest of it.
function readerGone(event) {
  if (event.request === null || !load("flags").hasFlag("enable_request_signal")) return;
  try {
    requestModule.abortRequest(event.request, new (load("errors").DOMException)("The client has disconnected", "AbortError"));
  } catch (error) {
    load("events").reportException(error);
  }
}

// Main gives the event up: the client has gone, a limit was hit, or the process stops.
export function onCancel(id, reason) {
  const event = events.get(id);
  if (event === undefined) return;
  setCurrentEvent(event.context);
  if (reason === CLIENT_GONE) readerGone(event);
  event.canceled = true;
  if (reason === CLIENT_GONE && event.waits > 0) settled(event);
  else finish(event, CANCELED);
}

// Nothing can enter JavaScript for this event any more.
export function onIdle(id) {
  const event = events.get(id);
  if (event === undefined) return;
  if (event.held > 0 || (event.host !== null && !event.host.ended)) return;
  // Of one that waited the rest of its answer may come from others, too.
  const mayGoOn = !event.responded || (event.waited && (event.sinks > 0 || event.waits > 0));
  if (!mayGoOn || !waitForOthers(event, events, nothingLeft, finishIfDone)) nothingLeft(event);
}

function nothingLeft(event) {
  setCurrentEvent(event);
  if (event.responded) finish(event, event.canceled ? CANCELED : event.outcome, event.error);
  else finish(event, HUNG, errorJSON(new P.Error(HUNG_TEXT)));
}

// ---- start ----

export function start(json) {
  setCurrentEvent(null);
  load("start").start(json);
}

// Module scope awaits what cannot come.
export function stuck() {
  setCurrentEvent(null);
  N.startFailed(errorJSON(new P.Error("Top-level await in module is unsettled.")));
}

// The engine's own jobs (finalisation registries) follow: they are nobody's.
export function beforePump() {
  setCurrentEvent(null);
}

export function afterFork() {
  setCurrentEvent(null);
  load("clock").reseed();
}

// Before any worker is known: what nearly every worker needs is evaluated, and run once.
export function warmUp() {
  setCurrentEvent(null);
  requestModule = load("request");
  responseModule = load("response");
  load("start").prepare();
  const request = requestModule.requestFromEvent("GET", "http://localhost/warm?up=1", "host:localhost\naccept:*/*\n", "", null);
  const response = new responseModule.Response(`${request.method} ${request.url}`, { headers: { "content-type": "text/plain" } });
  request.headers.get("host");
  responseModule.responseToWire(response);
}

// What bindings and objects need at their first call.
const OF_OBJECTS = ["objects", "objects_state", "storage_sql", "storage_kv", "namespace", "rpc", "rpc_services", "clone_writer", "clone_reader"];
const OF_STORES = ["fetch", "ties", "kv", "d1", "r2", "r2_options", "r2_objects", "queues", "store_body", "streams_native"];

function loadAll(names) {
  for (let i = 0; i < names.length; i++) load(names[i]);
}

// The first time that nothing is to be done: what the first call of an object would have to evaluate.
export function onQuiet() {
  setCurrentEvent(null);
  if (worker === null) return;
  const names = P.ObjectKeys(worker.found);
  for (let i = 0; i < names.length; i++) {
    if (worker.found[names[i]].kind === "durableObject") return loadAll(OF_OBJECTS);
  }
}

// In a zygote, whose children share it: every built-in is evaluated, and what each request runs is run until the engine has
// compiled it.
export function warmAll() {
  setCurrentEvent(null);
  load("globals").evaluateAll();
  load("modules").namespaceOf("cloudflare:workers");
  loadAll(OF_OBJECTS);
  loadAll(OF_STORES);
  const { Response } = responseModule;
  const { URL } = load("url");
  const { Headers } = load("headers");
  for (let i = 0; i < 500; i++) {
    const request = requestModule.requestFromEvent("GET", `http://localhost/warm/${i}?q=${i}`, "host:localhost\naccept:*/*\nuser-agent:warm\n", "", null);
    const url = new URL(request.url);
    const headers = new Headers({ "content-type": "application/json", "x-path": url.pathname });
    headers.set("x-query", url.searchParams.get("q"));
    if (request.headers.get("accept") !== null) headers.append("vary", "accept");
    responseModule.responseToWire(new Response(P.JSONStringify({ path: url.pathname, method: request.method }), { status: 200, headers }));
    responseModule.responseToWire(Response.json({ i }));
    responseModule.responseToWire(new Response("warm"));
  }
}
