// Whose turn it is. Every entry from C names its event first; the promise jobs that follow run before C is entered again,
// so what runs between two entries belongs to that event. Between entries of other kinds (module scope) there is none.

let current = null;

// One event (a fetch, a cron slot ...) from its arrival until everything that it waits for has ended.
export class EventContext {
  // Set by runtime.js.
  ended = false;
  timers = 0; // open ones, kept by timers.js

  constructor(id, kind) {
    this.id = id;
    this.kind = kind;
  }
}

export function currentEvent() {
  return current;
}

// For entries from C alone: each names its event before anything else runs.
export function setCurrentEvent(event) {
  current = event;
}

export function globalScopeError() {
  return new P.Error(
    "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and generating random " +
      "values are not allowed within global scope. To fix this error, perform this operation within a handler. " +
      "https://developers.cloudflare.com/workers/runtime-apis/handlers/",
  );
}

// The current event; throws at module scope, where I/O, timers and randomness are refused.
export function requireEvent() {
  if (current === null) throw globalScopeError();
  return current;
}

// For objects that do I/O: `owner` is the event that made them.
export function checkSameEvent(owner) {
  if (owner !== current) throw crossEventError();
}

export function crossEventError() {
  return new P.Error(
    "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, request/response bodies, and others) created in the " +
      "context of one request handler cannot be accessed from a different request's handler. This is a limitation of Cloudflare Workers which " +
      "allows us to improve overall performance.",
  );
}
