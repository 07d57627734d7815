// Events that have nothing left but promises. Alone such an event hangs; but a program may keep a promise for all of its requests (a
// connection that is being made, say), and then another event of this isolate settles it. So the event waits while there is one that may.
//
// What it does then it does in the other one's turn, and what it asks for there is the other one's: that stays open as long
// as somebody waits (its lender), though it has answered. Once it touches what is its own the turn goes over to it, see
// checkSameEvent() in io.js.

import { IdTable } from "id_table";
import { turnEvent } from "io";
import { startOwnTimer } from "timers";

const LOOK_MS = 50;
const LOOKS_MAX = 600; // half a minute

export const waiting = new IdTable(); // id -> event
const lenders = new IdTable(); // id -> event that has answered

function isOpen({ context }) {
  return context.timers > 0 || context.reads > 0 || context.operations > 0;
}

// Whether a worker asked, as opposed to a client.
function isCall({ kind, request }) {
  return kind === "rpc" || (kind === "fetch" && request !== null && !load("headers").headerHas(request.headers, "cf-connecting-ip"));
}

// Whether an event is left that may settle what `event` waits for. One that only waits for calls may wait for this very event:
// each call to an event that waits explains one of them.
function mayBeSettled(event, events) {
  let busy = false, calls = 0, called = 0;
  events.forEach(other => {
    if (other === event || (waiting.get(other.id) === other && !isOpen(other))) {
      if (isCall(other)) called++;
      return;
    }
    const { context } = other;
    if (context.timers > 0 || context.reads > 0 || context.operations > context.asking) busy = true;
    calls += context.asking;
  });
  return busy || calls > called;
}

// False: nobody will settle it. hung() follows when nobody has, done() for lenders that nobody needs any more.
export function waitForOthers(event, events, hung, done) {
  if (waiting.get(event.id) === event) return true;
  if (!mayBeSettled(event, events)) return false;
  waiting.set(event.id, event);
  event.waited = true;
  let looks = 0;
  const look = () => {
    if (event.ended || waiting.get(event.id) !== event) return;
    if (isOpen(event)) free(event, done); // it goes on by itself
    else if (++looks === LOOKS_MAX || !mayBeSettled(event, events)) hung(event);
    else startOwnTimer(event, LOOK_MS, look);
  };
  startOwnTimer(event, LOOK_MS, look);
  return true;
}

// Whether an event that is done stays for those that wait: until nothing can enter for it, or leave() gives it back.
export function lends(event) {
  if (event.context !== event || event.waited || event.canceled || event !== turnEvent()) return false;
  lenders.set(event.id, event);
  return true;
}

// The event has ended.
export function leave(event, done) {
  lenders.delete(event.id);
  if (event.waited) free(event, done);
}

function free(event, done) {
  waiting.delete(event.id);
  if (waiting.size > 0) return;
  lenders.forEach((lender, id) => {
    lenders.delete(id);
    done(lender);
  });
}
