// Whose turn it is, and what reaches the outside: operations, streams and sockets of the channel, each belonging to the
// event that made it.
//
// Every entry from C names its event first; the promise jobs that follow run before C is entered again, so what runs
// between two entries belongs to that event. At module scope there is none. The entries are at the end of this file.

import { context } from "async_context";
import { IdTable } from "id_table";

let current = null;
let turn = null; // as C named it: `current` may go over to another in its turn

// One event (a fetch, a cron slot ...) from its arrival until everything that it waits for has ended.
export class EventContext {
  ended = false; // END has been said: nothing more can be asked of main
  timers = 0; // open ones, kept by timers.js
  timersFinished = 0;
  hasTimers = false; // there were some
  hasIo = false; // there was something of this file
  logBytes = 0; // console output so far, kept by console.js through log()
  operations = 0; // whose results have not come
  asking = 0; // those among them that another worker, or this one, answers
  waited = false; // for others to settle its promises, see idle.js
  reads = 0; // that wait for bytes
  sinks = 0; // bodies that are being written
  sockets = 0; // sockets that are open on the channel
  onRelease = null; // runtime.js: called when a sink or a socket ends

  constructor(id, kind) {
    this.id = id;
    this.kind = kind;
    this.context = this; // whose turn it is while it runs: of an object's calls, the object's own event
    this.callId = id; // what lines of its log name
    this.gate = null; // of an object: decides what may enter it now, see objects_gate.js
  }
}

// The critical section in which something begins: what comes of it enters the object while that section is open.
function sectionOf(event) {
  return event.gate === null ? null : event.gate.running;
}

// True when the event's object is closed to it for now: run() follows later.
function held(event, section, run) {
  const gate = event.gate;
  if (gate === null || gate.admits(section)) return false;
  gate.defer(section, run);
  return true;
}

// The event whose turn it is, or null at module scope.
export function currentEvent() {
  return current;
}

export function turnEvent() {
  return turn;
}

// For entries from C alone: each names its event before anything else runs.
export function setCurrentEvent(event) {
  current = turn = event;
  context.frame = null; // what the last turn left
}

export function globalScopeError() {
  return new P.Error(
    "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and generating random " +
      "values are not allowed within global scope. To fix this error, perform this operation within a handler. " +
      "https://developers.cloudflare.com/workers/runtime-apis/handlers/",
  );
}

export function crossEventError() {
  return new P.Error(
    "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, request/response bodies, and others) created in the " +
      "context of one request handler cannot be accessed from a different request's handler. This is a limitation of Cloudflare Workers which " +
      "allows us to improve overall performance.",
  );
}

// The current event; throws at module scope, where I/O, timers and randomness are refused.
export function requireEvent() {
  if (current === null) throw globalScopeError();
  return current;
}

// For objects that do I/O: `owner` is the event that made them (null: made at module scope, bound to none).
export function checkSameEvent(owner) {
  if (owner !== null && owner !== current && owner.context !== current && !goesOn(owner)) throw crossEventError();
}

// Code of an event that waited goes on in the turn of the event that settled its promise: the turn is its own from here on, and the
// other one's again when that is touched.
function goesOn(owner) {
  if (current === null || owner.ended || !(owner.waited || (current.waited && owner === turn))) return false;
  current = owner.context;
  return true;
}

function deferred() {
  let resolve, reject;
  const promise = new P.Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

// The callee's stack is not the caller's affair.
function withoutFrames(error) {
  if (error instanceof P.Error && typeof error.message === "string") {
    const value = error.message === "" ? `${error.name}` : `${error.name}: ${error.message}`;
    P.ObjectDefineProperty(error, "stack", { __proto__: null, value, writable: true, configurable: true, enumerable: false });
  }
  return error;
}

const errorClasses = ["EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"];

// Makes an Error from {"name","message","stack"}: of the class of that name where there is one.
const OBJECT_MEMBERS = ["remote", "retryable", "overloaded", "durableObjectReset"];

export function errorFromJSON(json) {
  const parsed = P.JSONParse(json);
  const { name, message, stack, dom: isDom, clone } = parsed;
  if (typeof clone === "string") {
    try {
      return withoutFrames(load("clone").deserializeFromText(clone));
    } catch {
      // Its name and message are there as well.
    }
  }
  const Class = P.ArrayPrototypeIncludes(errorClasses, name) ? P[name] : P.Error;
  const dom = isDom === true || name === "AbortError" || name === "TimeoutError" || name === "DataCloneError" || name === "InvalidStateError" || name === "NotSupportedError";
  const error = dom ? new (load("errors").DOMException)(message, name) : new Class(message);
  if (!dom && typeof name === "string" && name !== "" && error.name !== name)
    P.ObjectDefineProperty(error, "name", { __proto__: null, value: name, writable: true, configurable: true, enumerable: false });
  // Where it was made is here; what matters is where it comes from, which main does not always know.
  const text = typeof stack === "string" && stack !== "" ? stack : message === "" ? error.name : `${error.name}: ${message}`;
  P.ObjectDefineProperty(error, "stack", { __proto__: null, value: text, writable: true, configurable: true, enumerable: false });
  for (let i = 0; i < OBJECT_MEMBERS.length; i++)
    if (parsed[OBJECT_MEMBERS[i]] === true)
      P.ObjectDefineProperty(error, OBJECT_MEMBERS[i], { __proto__: null, value: true, writable: true, configurable: true, enumerable: true });
  return error;
}

// ---- operations ----

const operations = new IdTable(); // id -> Operation

const SERVICE_FETCH = 2, RPC = 5; // what may come back to this isolate as another event

class Operation {
  constructor(event, convert, kind) {
    this.event = event;
    this.asks = kind === SERVICE_FETCH || kind === RPC;
    this.convert = convert;
    this.section = sectionOf(event);
    this.promise = new P.Promise((yes, no) => {
      this.resolve = yes;
      this.reject = no;
    });
  }
}

const formats = new P.Map(); // text -> what C calls it

function formatNumber(text) {
  let number = P.MapPrototypeGet(formats, text);
  if (number === undefined) P.MapPrototypeSet(formats, text, (number = N.opFormat(text)));
  return number;
}

function send(event, kind, format, args, resultFormat) {
  const { id } = event;
  const f = formatNumber(format), r = formatNumber(resultFormat);
  switch (args.length) {
    case 2:
      return N.op(id, kind, f, r, args[0], args[1]);
    case 3:
      return N.op(id, kind, f, r, args[0], args[1], args[2]);
    case 4:
      return N.op(id, kind, f, r, args[0], args[1], args[2], args[3]);
    case 5:
      return N.op(id, kind, f, r, args[0], args[1], args[2], args[3], args[4]);
    default: {
      const all = [id, kind, f, r];
      for (let i = 0; i < args.length; i++) all[4 + i] = args[i];
      return P.ReflectApply(N.op, undefined, all);
    }
  }
}

// Starts operation `kind` (the numbers of channel.md) for the current event: a promise of what convert() makes of the
// result's fields, of the fields without it. `format` tells how the arguments are encoded, `resultFormat` how the result is
// decoded, a letter for each:
//
//   b u8   h u16   w u32   q i64 (a number)   s str (a string)   y str (bytes out: a view, or "" for none; in: Uint8Array)
//   a str, a body (in only): a string where it is short and ASCII, else a Uint8Array
//   r u32, a stream to read, opened by the message that names it (in: a number, 0 none)
//   v u32, a stream to write, likewise      k u32, a socket, likewise
//   c u16 count and capabilities: a flat array [kind, number, ...]
//
// It rejects with main's error, or with what convert() throws. A promise of fields has an `operation` number for cancelOp();
// one of a converted value is the user's.
export function op(kind, format, args, resultFormat, convert = null) {
  const event = requireEvent();
  const operation = new Operation(event, convert, kind);
  const { promise } = operation;
  event.hasIo = true;
  const id = send(event, kind, format, args, resultFormat);
  event.operations++;
  if (operation.asks) event.asking++;
  operations.set(id, operation);
  if (convert === null) promise.operation = id;
  return promise;
}

// Main is told that nobody wants the result; it still comes (as an error, most likely).
export function cancelOp(promise) {
  if (operations.has(promise.operation)) N.opCancel(promise.operation);
}

// Asks main and waits for the answer, blocking the isolate: for what must answer at once from main's memory.
export function ask(kind, format, args, resultFormat) {
  const answer = N.ask(requireEvent().id, kind, format, args, resultFormat);
  if (typeof answer === "string") throw errorFromJSON(answer);
  return answer;
}

// ---- streams ----

const readers = new IdTable(); // number -> ByteSource that waits for bytes
const writers = new IdTable(); // number -> ByteSink
const DONE = P.PromiseResolve(undefined);
const STAGING = N.staging.length;

// Bytes that main has, or will receive. `length` is -1 when unknown.
export class ByteSource {
  #number;
  #event = current;
  #started = false;
  #ended = false;
  #waiting = null;
  #section = null;

  constructor(number, length) {
    this.#number = number;
    this.length = length;
  }

  // A promise of a Uint8Array, of undefined at the end; rejects when the sender failed. One read at a time.
  read() {
    checkSameEvent(this.#event);
    if (this.#ended) return DONE;
    this.#started = true;
    const bytes = N.streamRead(this.#number); // Uint8Array, null: end, undefined: nothing there yet; throws after FAIL
    if (bytes === undefined) {
      this.#waiting = deferred();
      this.#section = sectionOf(this.#event);
      this.#event.hasIo = true;
      this.#event.reads++;
      readers.set(this.#number, this);
      return this.#waiting.promise;
    }
    if (bytes === null) {
      this.#ended = true;
      return DONE;
    }
    return P.PromiseResolve(bytes);
  }

  // Nobody wants the rest.
  cancel(reason = undefined) {
    if (this.#ended) return;
    this.#ended = this.#started = true;
    if (readers.delete(this.#number)) this.#event.reads--;
    N.streamCancel(this.#number, reasonText(reason));
    this.#waiting?.resolve(undefined);
    this.#waiting = null;
  }

  // The stream's number, when nothing has been read yet: whoever takes it names it to main, which then splices. Else 0.
  take() {
    if (this.#started || this.#event !== current) return 0;
    this.#started = this.#ended = true;
    N.streamTake(this.#number);
    return this.#number;
  }

  get number() {
    return this.#number;
  }

  get event() {
    return this.#event;
  }

  static readable(number) {
    const source = readers.get(number);
    if (source === undefined || held(source.#event, source.#section, () => ByteSource.readable(number))) return;
    setCurrentEvent(source.#event.context);
    readers.delete(number);
    source.#event.reads--;
    const waiting = source.#waiting;
    source.#waiting = null;
    try {
      const bytes = N.streamRead(number);
      if (bytes === null) source.#ended = true;
      waiting.resolve(bytes === null ? undefined : bytes);
    } catch (error) {
      source.#ended = true;
      waiting.reject(error);
    }
  }
}

function reasonText(reason) {
  if (reason === undefined) return "";
  try {
    return typeof reason === "object" && reason !== null && typeof reason.message === "string" ? reason.message : `${reason}`;
  } catch {
    return "";
  }
}

// Bytes to main. The message that names `number` must be sent before the first write.
export class ByteSink {
  #number;
  #event;
  #ended = false;
  #waiting = null;
  #section = null;

  // number: one that main chose; none: a new one of ours.
  constructor(number = undefined, event = requireEvent()) {
    this.#event = event;
    this.#number = number === undefined ? N.streamOpen(this.#event.id) : number;
    this.#event.sinks++;
    this.#event.hasIo = true;
    writers.set(this.#number, this);
  }

  get number() {
    return this.#number;
  }

  get event() {
    return this.#event;
  }

  // A promise that resolves when main takes more; rejects when main wants no more.
  write(bytes) {
    return this.put(bytes) ?? DONE;
  }

  // The same for a Uint8Array, and undefined when main takes more at once.
  put(bytes) {
    checkSameEvent(this.#event);
    if (this.#ended) return P.PromiseReject(new P.TypeError("This WritableStream has been closed."));
    const length = P.TypedArrayPrototypeGetLength(bytes);
    let sent = bytes;
    if (length <= STAGING) {
      P.TypedArrayPrototypeSet(N.staging, bytes);
      sent = length;
    }
    if (N.streamWrite(this.#number, sent)) return undefined;
    this.#section = sectionOf(this.#event);
    this.#waiting = deferred();
    return this.#waiting.promise;
  }

  close() {
    if (this.#ended) return DONE;
    this.#ended = true;
    if (N.streamEnd(this.#number)) {
      this.#finish();
      return DONE;
    }
    this.#waiting ??= deferred(); // what is queued goes out first
    return this.#waiting.promise;
  }

  abort(reason = undefined) {
    if (this.#over) return;
    this.#finish();
    N.streamFail(this.#number, reasonText(reason));
  }

  #over = false; // main has been told the end

  #finish() {
    this.#ended = this.#over = true;
    writers.delete(this.#number);
    this.#event.sinks--;
    this.#event.onRelease?.();
  }

  // From C: there is credit again (reason undefined), or main wants no more.
  static writable(number, reason) {
    const sink = writers.get(number);
    if (sink === undefined || held(sink.#event, sink.#section, () => ByteSink.writable(number, reason))) return;
    setCurrentEvent(sink.#event.context);
    const waiting = sink.#waiting;
    sink.#waiting = null;
    if (reason === undefined) {
      if (sink.#ended) sink.#finish();
      waiting?.resolve(undefined);
      return;
    }
    const error = new P.TypeError(reason === "" ? "The reader of this stream has gone." : reason);
    sink.onGone?.();
    sink.#finish();
    sink.onCancel?.(error);
    if (waiting !== null) waiting.reject(error);
  }

  // Set by whoever pumps into the sink: called with an error when main wants no more.
  onCancel = null;
  onGone = null; // set by runtime.js: as onCancel, while the event is still open
}

// ---- sockets ----

const sockets = new IdTable(); // number -> ChannelSocket

// A WebSocket of the channel. Messages wait in C, within the window, until start() names who takes them:
// handler.message(string or ArrayBuffer), handler.close(code, reason), handler.fail(text): close and fail at most once.
export class ChannelSocket {
  #number;
  #event = requireEvent();
  #handler = null;
  #sent = false; // our close
  #over = false;

  // number: one that main chose; none: a new one of ours.
  constructor(number = undefined) {
    this.#number = number === undefined ? N.socketOpen(this.#event.id) : number;
    this.#event.sockets++;
    this.#event.hasIo = true;
    sockets.set(this.#number, this);
  }

  get number() {
    return this.#number;
  }

  get event() {
    return this.#event;
  }

  // The number, when main chose it and nothing was done with the socket: whoever takes it names it to main, which then joins
  // the two connections. Else 0.
  take() {
    if (this.#handler !== null || this.#sent || this.#over || this.#number % 2 === 1 || this.#event !== current) return 0;
    N.streamTake(this.#number);
    this.#finish();
    return this.#number;
  }

  start(handler) {
    this.#handler = handler;
    N.socketStart(this.#number);
  }

  // data: a string, or bytes. Sent as credits allow, kept until then; nothing once the socket is over.
  send(data) {
    checkSameEvent(this.#event);
    if (!this.#sent && !this.#over) N.socketSend(this.#number, data);
  }

  // Bytes that wait for credit.
  get buffered() {
    return this.#over ? 0 : N.socketBuffered(this.#number);
  }

  // code 1005: none.
  close(code, reason) {
    checkSameEvent(this.#event);
    if (this.#sent || this.#over) return;
    this.#sent = true;
    N.socketClose(this.#number, code, reason);
    if (this.#theirs) this.#finish();
  }

  // Ends the connection without a close.
  fail(text) {
    if (this.#over) return;
    N.socketFail(this.#number, text);
    this.#finish();
  }

  #theirs = false; // their close has come

  #finish() {
    this.#over = true;
    sockets.delete(this.#number);
    this.#event.sockets--;
    this.#event.onRelease?.();
  }

  static arrived(number, what, data, reason) {
    const socket = sockets.get(number);
    if (socket === undefined || held(socket.#event, null, () => ChannelSocket.arrived(number, what, data, reason))) return;
    setCurrentEvent(socket.#event.context);
    if (what === 0) {
      socket.#handler.message(data);
      return;
    }
    socket.#theirs = true;
    if (what === 2 || socket.#sent) socket.#finish();
    if (what === 1) socket.#handler.close(data, reason);
    else socket.#handler.fail(data);
  }
}

// ---- entries from C ----

// A result came. error: JSON or undefined; values: an array by the operation's resultFormat.
export function onResult(id, error, values) {
  const operation = operations.get(id);
  if (operation === undefined) return;
  const { event, convert } = operation;
  if (held(event, operation.section, () => onResult(id, error, values))) return;
  operations.delete(id);
  event.operations--;
  if (operation.asks) event.asking--;
  setCurrentEvent(event.context);
  if (error !== undefined) {
    operation.reject(errorFromJSON(error));
    return;
  }
  if (convert === null) {
    operation.resolve(values);
    return;
  }
  try {
    operation.resolve(convert(values));
  } catch (e) {
    operation.reject(e);
  }
}

export function onReadable(number) {
  ByteSource.readable(number);
}

export function onWritable(number, reason) {
  ByteSink.writable(number, reason);
}

// what: 0 a message, 1 their close (data: code), 2 the connection broke (data: text)
export function onSocket(number, what, data, reason) {
  ChannelSocket.arrived(number, what, data, reason);
}

// The event has ended: what it still has open is of no use to anybody. Promises stay pending for ever, as on the platform.
export function dropIoOf(event) {
  const forget = table => table.forEach((entry, id) => entry.event === event && table.delete(id));
  if (event.operations > 0) forget(operations);
  if (event.reads > 0) forget(readers);
  if (event.sinks > 0) forget(writers);
  if (event.sockets > 0) forget(sockets);
}
