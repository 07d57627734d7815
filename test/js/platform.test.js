test("navigator, performance and the Cloudflare object", () => {
    assertEquals([navigator.userAgent, navigator.hardwareConcurrency, navigator.platform, navigator.language, navigator.languages], [
        "Cloudflare-Workers", 1, "", "en", ["en"],
    ]);
    assertEquals([String(performance), performance.timeOrigin, typeof performance.now()], ["[object Performance]", 0, "number"]);
    const flags = Cloudflare.compatibilityFlags;
    assertEquals([flags.nodejs_compat, Object.isFrozen(flags), Object.getPrototypeOf(flags)], [true, true, null]);
    assert(Object.keys(flags).length > 100);
});

test("scheduler.wait waits, and stops with its signal", async () => {
    const controller = new AbortController();
    const waiting = scheduler.wait(10000, { signal: controller.signal });
    controller.abort(new RangeError("why"));
    await assertRejects(waiting, { name: "RangeError", message: "why" });
    await assertRejects(scheduler.wait(1, { signal: AbortSignal.abort() }), { name: "AbortError" });
    assertEquals(await scheduler.wait(1), undefined);
    assertThrows(() => scheduler.wait(), { message: "Failed to execute 'wait' on 'Scheduler': parameter 1 is not of type 'number'." });
});

test("caches check what they are given", async () => {
    const cache = await caches.open("name");
    const key = "http://example.com/a";
    const response = () => new Response("x", { headers: { "cache-control": "max-age=100" } });
    assertEquals([String(caches), String(caches.default), String(cache)], ["[object CacheStorage]", "[object Cache]", "[object Cache]"]);
    await assertRejects(cache.match("not a url"), { name: "TypeError" });
    await assertRejects(cache.put(new Request(key, { method: "POST" }), response()), { message: "Cannot cache response to non-GET request." });
    await assertRejects(cache.put(key, new Response("x", { status: 206 })), { message: "Cannot cache response to a range request (206 Partial Content)." });
    await assertRejects(cache.put(key, new Response("x", { headers: { vary: "*" } })), { message: "Cannot cache response with 'Vary: *' header." });
    await assertRejects(caches.match(key), { message: "Failed to execute 'match' on 'CacheStorage': the method is not implemented." });
});

test("stacks of disposables", async () => {
    const seen = [];
    const stack = new DisposableStack();
    stack.use({ [Symbol.dispose]: () => seen.push("use") });
    stack.adopt(5, (v) => seen.push(v));
    stack.defer(() => { throw new Error("first"); });
    stack.defer(() => { throw new Error("second"); });
    const error = assertThrows(() => stack.dispose(), SuppressedError);
    assertEquals([error.error.message, error.suppressed.message, seen, stack.disposed], ["first", "second", [5, "use"], true]);
    assertThrows(() => stack.defer(() => {}), ReferenceError);
    const later = new AsyncDisposableStack();
    later.use({ async [Symbol.asyncDispose]() { await sleep(1); seen.push("async"); } });
    later.use({ [Symbol.dispose]: () => seen.push("sync") });
    await later.disposeAsync();
    assertEquals(seen, [5, "use", "sync", "async"]);
});
