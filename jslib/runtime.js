// What the isolate does around user code: uncaught errors and events.

let onUncaught = undefined;

// Errors that nobody can catch: of timers, of queueMicrotask, of listeners.
export function reportUncaught(error) {
  onUncaught(error);
}

export function setOnUncaught(fn) {
  onUncaught = fn;
}
