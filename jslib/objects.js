// Durable Objects that live in this isolate: opened and closed by main, entered by calls, alarms and messages of sleeping
// sockets. docs/internals/objects.md has the seam, object.c the database behind a number.
//
// An object has an event of its own, its context: everything that its code starts belongs to that, and all its calls are
// its turns. A call is an event beside it, of which only the answer, the request's and the response's body are.

import { context } from "async_context";
import { ByteSource, EventContext, dropIoOf, setCurrentEvent } from "io";
import { answerCall, begin, callReceiver, ended, errorJSON, fail, finish, respond, settled, theWorker } from "runtime";
import { dropTimersOf, startOwnTimer, stopTimer } from "timers";
import { isObject } from "errors";
import { IdTable } from "id_table";
import { Gate, Section } from "objects_gate";

const EXCEPTION = 1; // outcome of END
const BODY_STREAM = 1, BODY_INLINE = 2; // bits of a fetch event
const SECTION_MS = 30000;
const SECTION_DEPTH_MAX = 64;
const SECTION_TEXT =
  "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the Durable Object was reset.";
const NO_RPC =
  "The receiving Durable Object does not support RPC, because its class was not declared with `extends DurableObject`. In order to enable RPC, " +
  'make sure your class extends the special class `DurableObject`, which can be imported from the module "cloudflare:workers".';
const TEXT = 1, BINARY = 2, CLOSED = 3; // what of a socket event

const objects = new P.Map(); // number -> ObjectContext
const then = P.PromisePrototypeThen;

export class ObjectContext extends EventContext {
  held = 0; // as of other events, for rpc.js
  exported = null;
  waits = 0; // promises given to waitUntil()
  calls = new IdTable(); // events that name it and are open
  state = null; // DurableObjectState
  instance = null;
  alarmAt = -1; // the alarm whose handler runs
  transactions = 0; // that are open
  listing = 0; // number of the last kv listing
  socketList = new P.Map(); // sleeping sockets that are known here: id -> WebSocket
  socketOptions = undefined; // automatic response and event timeout, when they are known
  syncs = []; // [sequence, resolve] of storage.sync()
  #call = null;

  facetOver = null; // facets.js: what is done when one ends

  constructor(number, className, id, bits, name, jurisdiction, nextSocket, sockets, depth, props) {
    super(number, "object");
    this.number = number;
    this.className = className;
    this.hexId = id;
    this.name = (bits & 1) !== 0 ? name : undefined;
    this.hasSql = (bits & 2) !== 0;
    this.jurisdiction = jurisdiction === "" ? undefined : jurisdiction;
    this.nextSocket = nextSocket;
    this.sleeping = sockets;
    this.depth = depth; // of a facet; 0: it is none
    this.propsText = props;
    this.gate = new Gate(number);
  }

  // A call begins to run.
  enter(event) {
    setCurrentEvent(this);
    this.#call = event;
    this.callId = event.id;
    this.logBytes = 0;
  }

  leave(event) {
    this.calls.delete(event.id);
    if (this.#call !== event) return;
    this.#call = null;
    this.callId = this.number;
  }

  // The instance, made by the first call that needs it.
  target() {
    if (this.instance !== null) return this.instance;
    const worker = theWorker();
    const entry = worker.found[this.className];
    if (entry === undefined || typeof entry.value !== "function") throw new P.TypeError(`The worker does not export a class named "${this.className}".`);
    const { makeState } = load("objects_state");
    this.state = makeState(this);
    this.instance = new entry.value(this.state, worker.env);
    return this.instance;
  }

  // Runs run(instance) for a call, as soon as the gate lets it in.
  deliver(event, run) {
    const go = () => {
      if (event.ended) return;
      this.enter(event);
      let target;
      try {
        target = this.target();
      } catch (error) {
        this.reset(error);
        return;
      }
      // What the constructor wants done first comes first.
      if (!this.gate.crowded && !this.gate.inSection) return runCall(event, run, target);
      this.gate.defer(null, () => {
        if (event.ended) return;
        this.enter(event);
        runCall(event, run, target);
      });
    };
    if (!this.gate.crowded && this.gate.admits(null)) go();
    else this.gate.defer(null, go);
  }

  // The object is over, with what it has not committed; main ends its calls with this error.
  reset(error) {
    if (this.ended) return;
    this.drop();
    N.objectReset(this.number, errorJSON(error));
  }

  // What JavaScript keeps for it.
  drop() {
    if (this.ended) return;
    this.ended = true;
    this.gate.close();
    P.MapPrototypeDelete(objects, this.number);
    this.calls.forEach(event => {
      event.responded = true;
      if (!event.ended) ended(event);
    });
    if (this.hasTimers) dropTimersOf(this);
    if (this.hasIo) dropIoOf(this);
    if (this.exported !== null) load("rpc").dropExportsOf(this);
  }

  // callback() in a critical section of its own: a promise of what it gives. resets: what it throws ends the object.
  block(callback, resets) {
    const section = new Section(this.gate.running);
    const { frame } = context;
    if (section.depth > SECTION_DEPTH_MAX) throw new P.Error("blockConcurrencyWhile() calls are nested too deeply.");
    return new P.Promise((resolve, reject) => {
      this.gate.enterSection(section, () => {
        setCurrentEvent(this);
        context.frame = frame;
        const deadline = startOwnTimer(this, SECTION_MS, () => this.reset(new P.Error(SECTION_TEXT)));
        const leave = () => {
          stopTimer(deadline);
          this.gate.leaveSection(section);
        };
        const done = value => {
          leave();
          resolve(value);
        };
        const failed = error => {
          leave();
          if (resets) this.reset(error);
          reject(error);
        };
        try {
          then(P.PromiseResolve(callback()), done, failed);
        } catch (error) {
          failed(error);
        }
      });
    });
  }

  waitUntil(promise) {
    this.waits++;
    const done = () => this.waits--;
    then(P.PromiseResolve(promise), done, error => {
      if (!this.ended) load("runtime").reportUncaught(error);
      done();
    });
  }
}

// ---- calls ----

function runCall(event, run, target) {
  try {
    run(target);
  } catch (error) {
    fail(event, error);
  }
}

function beginCall(id, kind, object) {
  const event = begin(id, kind);
  event.context = event.host = object;
  event.gate = object.gate;
  setCurrentEvent(object);
  object.calls.set(event.id, event);
  event.onEnded = () => object.leave(event);
  return event;
}

// An event whose answer is only that its handler has settled.
function runHandler(event, call, succeeded = undefined, failed = undefined) {
  const no = error => {
    failed?.();
    fail(event, error);
  };
  const yes = () => {
    try {
      succeeded?.();
      settled(event);
    } catch (error) {
      fail(event, error);
    }
  };
  try {
    then(P.PromiseResolve(call()), yes, no);
  } catch (error) {
    no(error);
  }
}

export function onObjectFetch(id, bits, method, url, headers, cf, extra, number) {
  const object = P.MapPrototypeGet(objects, number);
  const event = beginCall(id, "fetch", object);
  let body = null;
  if ((bits & BODY_STREAM) !== 0) body = new ByteSource(extra[0], extra[1]);
  else if ((bits & BODY_INLINE) !== 0) body = extra[2];
  const request = load("request").requestFromEvent(method, url, headers, cf, body);
  event.request = request;
  object.deliver(event, target => {
    try {
      if (typeof target.fetch !== "function") throw new P.Error("Handler does not export a fetch() function.");
      const result = target.fetch(request);
      if (load("response").isResponse(result)) respond(event, result);
      else if (!isObject(result) || typeof result.then !== "function") throw new P.TypeError("Callback returned incorrect type; expected 'Promise'");
      else then(P.PromiseResolve(result), response => respond(event, response), error => fail(event, error));
    } catch (error) {
      fail(event, error);
    }
  });
}

export function onObjectRpc(id, number, action, path, args, caps) {
  const object = P.MapPrototypeGet(objects, number);
  const event = beginCall(id, "rpc", object);
  object.deliver(event, target => {
    const { DurableObject, ExportedReceiver, rpcErrorJSON } = load("rpc");
    if (!(target instanceof DurableObject) && !load("flags").hasFlag("js_rpc")) answerCall(event, rpcErrorJSON(new P.TypeError(NO_RPC)));
    else callReceiver(event, new ExportedReceiver(target, event), action, path, args, caps);
  });
}

// The handler is called only for the alarm that the database has: main may be behind.
export function onAlarm(id, number, scheduled, retries, last) {
  const object = P.MapPrototypeGet(objects, number);
  const event = beginCall(id, "alarm", object);
  object.deliver(event, target => {
    if (N.alarmGet(number) !== scheduled) return settled(event);
    object.alarmAt = scheduled;
    const over = remove => {
      const untouched = object.alarmAt === scheduled;
      object.alarmAt = -1;
      if (remove && untouched && !object.ended) N.alarmSet(number, -1, false);
    };
    runHandler(
      event,
      () => {
        if (typeof target.alarm !== "function") throw new P.TypeError("Handler does not export an alarm() function.");
        return target.alarm({ scheduledTime: scheduled, retryCount: retries, isRetry: retries > 0 });
      },
      () => over(true),
      () => over(last),
    );
  });
}

// A message of a sleeping socket, or its end.
export function onSocketEvent(id, number, socket, what, data, code, clean) {
  const object = P.MapPrototypeGet(objects, number);
  const event = beginCall(id, "websocket", object);
  object.deliver(event, target => {
    const { socketClosed, socketFailed, socketOf } = load("objects_sockets");
    const ws = socketOf(object, socket);
    if (what === TEXT || what === BINARY) {
      runHandler(event, () => target.webSocketMessage?.(ws, what === TEXT ? data : data.buffer));
    } else if (what === CLOSED) {
      const gone = socketClosed(object, socket, ws, code, data);
      runHandler(event, () => target.webSocketClose?.(ws, code, data, clean), gone, gone);
    } else {
      const gone = socketFailed(object, socket, ws);
      runHandler(event, () => target.webSocketError?.(ws, new P.Error(data)), gone, gone);
    }
  });
}

// ---- frames of main ----

export function onObjectOpen(...args) {
  P.MapPrototypeSet(objects, args[0], new ObjectContext(...args));
}

// A facet of it has ended by itself.
export function onFacetOver(number, run, error) {
  const object = P.MapPrototypeGet(objects, number);
  if (object === undefined) return;
  setCurrentEvent(object);
  load("facets").facetOver(object, run, error);
}

// busy: something that it started goes on.
export function onObjectClose(number, mayRefuse, busy, json) {
  const object = P.MapPrototypeGet(objects, number);
  if (object === undefined) return;
  setCurrentEvent(object);
  if (mayRefuse && (busy || object.waits > 0 || object.gate.crowded || object.gate.inSection || object.calls.size > 0)) {
    N.objectClosed(number, true);
    return;
  }
  object.calls.forEach(event => {
    if (event.ended) return;
    if (event.kind === "rpc" && !event.responded) N.rpcResult(event.id, json, "", []);
    finish(event, event.responded ? event.outcome : EXCEPTION, event.responded ? event.error : json);
  });
  object.drop();
  N.objectClosed(number, false);
}

export function onObjectDurable(number, sequence) {
  const object = P.MapPrototypeGet(objects, number);
  if (object === undefined) return;
  setCurrentEvent(object);
  const waiting = object.syncs;
  object.syncs = [];
  for (let i = 0; i < waiting.length; i++) {
    const [wanted, section, resolve] = waiting[i];
    if (wanted > sequence) P.ArrayPrototypePush(object.syncs, waiting[i]);
    else if (object.gate.admits(section)) resolve(undefined);
    else object.gate.defer(section, () => (setCurrentEvent(object), resolve(undefined)));
  }
}

export function onObjectWake(number) {
  const object = P.MapPrototypeGet(objects, number);
  if (object === undefined) return;
  setCurrentEvent(object);
  object.gate.wake();
}

// Its database is closed: it broke by itself, or all is said.
export function onObjectGone(number) {
  setCurrentEvent(null);
  P.MapPrototypeGet(objects, number)?.drop();
}
