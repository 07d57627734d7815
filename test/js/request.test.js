const post = () => new Request("http://a/p", { method: "POST", body: "hi", headers: { x: "1" }, cf: { c: 1 } });
const event = (method, url, block = "", cf = "", body = null) => builtin("request").requestFromEvent(method, url, block, cf, body);

test("defaults", () => {
  const r = new Request("http://a/b?c#d");
  assertEquals([r.url, r.method, r.redirect, r.cf, r.cache, r.integrity, r.keepalive, r.fetcher, r.body, r.bodyUsed],
    ["http://a/b?c#d", "GET", "follow", undefined, undefined, "", false, null, null, false]);
  assert(r.signal instanceof AbortSignal && r.signal === r.signal);
});

test("URLs: objects are read, what is none is refused", () => {
  assertEquals(new Request(new URL("http://a/x")).url, "http://a/x");
  assertEquals(new Request("ftp://a/").url, "ftp://a/");
  assertEquals(new Request("http://u:p@a/").url, "http://u:p@a/");
  assertThrows(() => new Request("//a"), { name: "TypeError", message: "Invalid URL: //a" });
  assertThrows(() => new Request(""), "Invalid URL: ");
  assertThrows(() => new Request(), "Failed to construct 'Request': constructor parameter 1 is not of type 'Request or string'.");
});

test("methods", () => {
  const of = method => new Request("http://a/", { method }).method;
  assertEquals(["get", "Patch", "patch", "DELETE", "purge", "TRACE"].map(of), ["GET", "PATCH", "PATCH", "DELETE", "PURGE", "TRACE"]);
  for (const bad of ["custom", "", "a b", "CONNECT", null]) assertThrows(() => of(bad), { name: "TypeError", message: `Invalid HTTP method string: ${bad}` });
});

test("GET and HEAD have no body", () => {
  const text = "Request with a GET or HEAD method cannot have a body.";
  for (const method of ["GET", "HEAD"]) {
    assertThrows(() => new Request("http://a/", { method, body: "x" }), text);
    assertEquals(new Request("http://a/", { method, body: null }).body, null);
  }
  assertThrows(() => new Request("http://a/", { body: "x" }), text);
  assertThrows(() => new Request(post(), { method: "GET" }), text);
});

test("a request made of another takes its body", async () => {
  const a = post();
  const b = new Request(a);
  assertEquals([b.method, b.headers.get("x"), b.cf, await b.text(), a.bodyUsed], ["POST", "1", { c: 1 }, "hi", true]);
  await assertRejects(a.text(), "Body has already been used");
  assert(a.body instanceof ReadableStream && a.body.locked);
  assertThrows(() => new Request(a), { name: "TypeError", message: "Cannot reconstruct a Request with a used body." });
  assertEquals(await new Request(a, { body: "new" }).text(), "new");
  const c = new Request("http://z/", post());
  assertEquals([c.url, c.method, c.headers.get("x"), await c.text()], ["http://z/", "POST", "1", "hi"]);
  const d = new Request(post(), { headers: { z: "1" } });
  assertEquals([[...d.headers], await d.text()], [[["z", "1"]], "hi"]);
  const e = new Request(post(), { method: "PUT", body: "own" });
  assertEquals([e.method, e.headers.get("content-type"), await e.text()], ["PUT", "text/plain;charset=UTF-8", "own"]);
});

test("clone", async () => {
  const a = post();
  const b = a.clone();
  assertEquals([await a.text(), await b.text(), b.cf, b.cf === a.cf, b.url, b.method], ["hi", "hi", { c: 1 }, false, "http://a/p", "POST"]);
  assertThrows(() => a.clone(), TypeError);
});

test("options that the platform does not have, or has otherwise", () => {
  const make = init => () => new Request("http://a/", init);
  assertEquals(make({ redirect: "MANUAL" })().redirect, "manual");
  assertThrows(make({ redirect: "error" }), 'Invalid redirect value, must be one of "follow" or "manual"');
  assertThrows(make({ integrity: "sha" }), "Subrequest integrity checking is not implemented.");
  assertThrows(make({ cache: "force-cache" }), { name: "TypeError", message: "Unsupported cache mode: force-cache" });
  assertEquals([make({ cache: "no-store" })().cache, make({ cache: "no-cache" })().cache], ["no-store", "no-cache"]);
  assertThrows(make({ signal: "x" }), "Incorrect type for the 'signal' field on 'RequestInitializerDict': the provided value is not of type 'AbortSignal'.");
  assertThrows(make({ cf: 5 }), "Incorrect type for the 'cf' field");
  assertThrows(make({ encodeResponseBody: "x" }), "encodeResponseBody: unexpected value: x");
  assertThrows(() => new Request("http://a", 5), "constructor parameter 2 is not of type 'RequestInitializerDict or Request'");
  make({ mode: "cors", credentials: "omit", referrer: "", duplex: "half", keepalive: true, window: null, priority: "high" })();
});

test("signals", () => {
  const ac = new AbortController();
  const r = new Request("http://a/", { signal: ac.signal });
  const copy = new Request(r);
  ac.abort("why");
  assertEquals([r.signal.aborted, r.signal.reason, copy.signal.aborted], [true, "why", true]);
  assertEquals(new Request("http://a/", { signal: null }).signal.aborted, false);
});

test("an incoming request reads its fields when asked", async () => {
  const r = event("POST", "http://h/p?q", "host:h\ncontent-type:text/plain\n", '{"colo":"XXX"}', new Uint8Array([104, 105]));
  assertEquals([r.method, r.url, r.headers.get("Host"), r.cf.colo, r.cf === r.cf], ["POST", "http://h/p?q", "h", "XXX", true]);
  assertThrows(() => r.headers.set("a", "b"), "Can't modify immutable headers.");
  const changed = new Request(r, { headers: { ...Object.fromEntries(r.headers), a: "b" } });
  assertEquals([changed.headers.get("a"), changed.headers.get("host"), changed.cf, await changed.text()], ["b", "h", { colo: "XXX" }, "hi"]);
  const mutable = new Request(event("GET", "http://h/", "a:1\n"));
  mutable.headers.set("a", "2");
  assertEquals(mutable.headers.get("a"), "2");
  assertEquals([event("GET", "http://h/").body, event("GET", "http://h/").cf], [null, undefined]);
});

test("the client's going aborts the signal, asked for before or after", () => {
  const { abortRequest } = builtin("request");
  const before = event("GET", "http://h/");
  const signal = before.signal;
  abortRequest(before, new Error("gone"));
  assertEquals([signal.aborted, signal.reason.message], [true, "gone"]);
  const after = event("GET", "http://h/");
  abortRequest(after, new Error("gone"));
  assert(after.signal.aborted);
});

test("what crosses to main", () => {
  const wire = { ...builtin("request").requestToWire(post()) };
  assertEquals([wire.method, wire.url, wire.headers, wire.redirect, wire.cf, wire.kind, wire.body],
    ["POST", "http://a/p", "x:1\nContent-Type:text/plain;charset=UTF-8\n", "follow", '{"c":1}', 1, "hi"]);
  const passed = { ...builtin("request").requestToWire(event("GET", "http://h/", "a:1\n", '{"colo":"X"}')) };
  assertEquals([passed.headers, passed.cf, passed.kind], ["a:1\n", '{"colo":"X"}', 0]);
});

test("a request as the second argument is a dictionary: both show one body", async () => {
  for (const r of [post(), event("POST", "http://a/p", "x:1\n", '{"c":1}', "hi")]) {
    const a = new Request("http://b/", r), b = new Request("http://c/", r);
    assertEquals([a.url, a.method, a.headers.get("x"), a.cf.c, a.body === r.body, b.body === r.body, r.bodyUsed], ["http://b/", "POST", "1", 1, true, true, false]);
    assertEquals(await b.text(), "hi");
    assertEquals([r.bodyUsed, a.bodyUsed, b.bodyUsed], [true, true, true]);
    assertThrows(() => new Request("http://d/", r), { name: "TypeError", message: "This ReadableStream is disturbed (has already been read from), and cannot be used as a body." });
  }
  const locked = post();
  locked.body.getReader();
  const c = new Request("http://b/", locked);
  assertEquals([c.bodyUsed, c.body.locked], [false, true]);
  assertEquals(new Request("http://b/", new Request("http://a/")).body, null);
  const first = new Request("http://a/", { method: "POST", body: "first" }), second = new Request("http://b/", { method: "PUT", body: "second" });
  assertEquals(await new Request(first, second).text(), "second");
  assertEquals([first.bodyUsed, second.bodyUsed], [false, true]);
});
