test("listeners run in order, once each, until one stops the event at once", () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("a", () => seen.push(1), { once: true });
    target.addEventListener("a", (e) => (seen.push(2), e.stopImmediatePropagation()));
    target.addEventListener("a", () => seen.push(3));
    target.dispatchEvent(new Event("a"));
    target.dispatchEvent(new Event("a"));
    assertEquals(seen, [1, 2, 2]);
});

test("a handler object is asked for handleEvent with itself as this", () => {
    const target = new EventTarget();
    const handler = { handleEvent() { this.hit = this === handler; } };
    target.addEventListener("a", handler);
    target.dispatchEvent(new Event("a"));
    assert(handler.hit);
    assertThrows(() => target.addEventListener("a", {}), {
        message: "Incorrect type for the 'handleEvent' field on 'HandlerObject': the provided value is not of type 'function'.",
    });
});

test("what a listener throws ends the dispatch and reaches the caller", () => {
    const target = new EventTarget();
    const seen = [];
    target.addEventListener("a", () => { seen.push(1); throw new RangeError("listener"); });
    target.addEventListener("a", () => seen.push(2));
    const event = new Event("a");
    assertThrows(() => target.dispatchEvent(event), { name: "RangeError", message: "listener" });
    assertEquals([seen, event.eventPhase, event.composedPath()], [[1], 0, []]);
});

test("an event cannot be dispatched while it is", () => {
    const target = new EventTarget();
    const event = new Event("a");
    target.addEventListener("a", () => target.dispatchEvent(event), { once: true });
    assertThrows(() => target.dispatchEvent(event), { name: "InvalidStateError", message: "The event is already being dispatched." });
    assertEquals(target.dispatchEvent(event), true);
});

test("capture and passive are refused", () => {
    const target = new EventTarget();
    assertThrows(() => target.addEventListener("a", () => {}, true), { message: "addEventListener(): useCapture must be false." });
    assertThrows(() => target.addEventListener("a", () => {}, { capture: true }), { message: "addEventListener(): options.capture must be false." });
    assertThrows(() => target.addEventListener("a", () => {}, { passive: true }), { message: "addEventListener(): options.passive must be false." });
    assertThrows(() => target.removeEventListener("a", () => {}, true), { message: "removeEventListener(): useCapture must be false." });
});

test("a listener added or removed during a dispatch takes part in the next, or no more", () => {
    const target = new EventTarget();
    const seen = [];
    const late = () => seen.push("late");
    const gone = () => seen.push("gone");
    target.addEventListener("a", () => {
        target.addEventListener("a", late);
        target.removeEventListener("a", gone);
    });
    target.addEventListener("a", gone);
    target.dispatchEvent(new Event("a"));
    assertEquals(seen, []);
    target.dispatchEvent(new Event("a"));
    assertEquals(seen, ["late"]);
});

test("preventDefault counts whether or not the event says it can be canceled", () => {
    const target = new EventTarget();
    target.addEventListener("a", (e) => e.preventDefault());
    const fixed = new Event("a");
    const cancelable = new Event("a", { cancelable: true });
    assertEquals([target.dispatchEvent(fixed), target.dispatchEvent(cancelable)], [false, false]);
    assertEquals([fixed.defaultPrevented, fixed.returnValue, cancelable.defaultPrevented], [false, true, true]);
});

test("an aborted signal removes its listener", () => {
    const target = new EventTarget();
    const controller = new AbortController();
    let n = 0;
    target.addEventListener("a", () => n++, { signal: controller.signal });
    target.dispatchEvent(new Event("a"));
    controller.abort();
    target.dispatchEvent(new Event("a"));
    target.addEventListener("a", () => n++, { signal: AbortSignal.abort() });
    target.dispatchEvent(new Event("a"));
    assertEquals(n, 1);
});

test("signals made by any() follow the first that aborts", () => {
    const a = new AbortController();
    const b = new AbortController();
    const any = AbortSignal.any([a.signal, b.signal]);
    const both = AbortSignal.any([any]);
    const seen = [];
    any.onabort = (e) => seen.push(["any", e.isTrusted]);
    both.addEventListener("abort", () => seen.push("both"));
    b.abort("why");
    a.abort("late");
    assertEquals([seen, any.reason, both.reason], [[["any", true], "both"], "why", "why"]);
    assertEquals(AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason, 1);
    assertThrows(() => AbortSignal.any([5]), { message: "Incorrect type for array element 0: the provided value is not of type 'AbortSignal'." });
});

test("abort reasons", async () => {
    const controller = new AbortController();
    controller.abort();
    assertEquals([controller.signal.reason.name, controller.signal.reason.message], ["AbortError", "The operation was aborted"]);
    assertThrows(() => AbortSignal.abort(new RangeError("r")).throwIfAborted(), RangeError);
    const signal = AbortSignal.timeout(1);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    assertEquals([signal.reason.name, signal.reason.message], ["TimeoutError", "The operation was aborted due to timeout"]);
    assertThrows(() => new AbortSignal(), { message: "Illegal constructor" });
});

test("reportError fires an error event on the global scope, which may keep it from the log", () => {
    let got;
    const listener = (e) => {
        got = [e.type, e.message, e.error.name, e.isTrusted, e.target === globalThis];
        e.preventDefault();
    };
    addEventListener("error", listener);
    reportError(new RangeError("reported"));
    removeEventListener("error", listener);
    assertEquals(got, ["error", "Uncaught RangeError: reported", "RangeError", true, true]);
});

test("members of message and close events are their own", () => {
    assertEquals(Object.keys(new CloseEvent("close", { code: 5 })), ["wasClean", "reason", "code"]);
    const e = new MessageEvent("message", { data: 5, origin: "o" });
    assertEquals([e.data, e.origin, e.lastEventId, e.source, e.ports], [5, null, "", null, []]);
    assertThrows(() => new MessageEvent("m"), TypeError);
    assertThrows(() => new FetchEvent("fetch"), { message: "Illegal constructor" });
    assertThrows(() => new Event(), { message: "Failed to construct 'Event': constructor parameter 1 is not of type 'string'." });
});
