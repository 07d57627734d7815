test("defaults", () => {
  const r = new Response();
  assertEquals([r.status, r.statusText, r.ok, r.redirected, r.url, r.body, r.bodyUsed, r.type, r.webSocket, r.cf],
    [200, "OK", true, false, "", null, false, "default", null, undefined]);
  assertEquals(String(r), "[object Response]");
  assertEquals([204, 299, 399, 499, 599].map(status => new Response(null, { status }).statusText),
    ["No Content", "Successful", "Redirection", "Client Error", "Server Error"]);
});

test("status and statusText are checked", () => {
  const text = "Responses may only be constructed with status codes in the range 200 to 599, inclusive.";
  for (const status of [99, 101, 199, 600, "abc"]) assertThrows(() => new Response("", { status }), { name: "RangeError", message: text });
  for (const status of [200, 599, 200.7, "404"]) assertEquals(new Response("", { status }).status, Math.trunc(status));
  assertThrows(() => new Response("", { statusText: "a\nb" }), { name: "TypeError", message: "Invalid statusText" });
  assertEquals(new Response("", { statusText: "\u00e9" }).statusText, "\u00e9");
});

test("null-body statuses take an empty body at most", () => {
  for (const status of [204, 205, 304]) {
    assertEquals(new Response("", { status }).status, status);
    assertThrows(() => new Response("x", { status }), "Response with null body status (101, 204, 205, or 304) cannot have a body.");
  }
});

test("wrong arguments", () => {
  assertThrows(() => new Response("", 5), "Failed to construct 'Response': constructor parameter 2 is not of type 'InitializerDict or Response'.");
  assertThrows(() => new Response("", { headers: 5 }), "Incorrect type for the 'headers' field on 'InitializerDict'");
  assertThrows(() => new Response("", { headers: null }), "Incorrect type for the 'headers' field");
  assertThrows(() => new Response("", { encodeBody: "x" }), "encodeBody: unexpected value: x");
  assertThrows(() => new Response(Symbol()), TypeError);
  assertThrows(() => new Body(), "Illegal constructor");
});

test("a response as init gives status, text and headers", () => {
  const from = new Response("a", { status: 201, statusText: "hm", headers: { b: "c" }, cf: { z: 1 } });
  const r = new Response("z", from);
  assertEquals([r.status, r.statusText, [...r.headers], r.cf], [201, "hm", [["b", "c"], ["content-type", "text/plain;charset=UTF-8"]], { z: 1 }]);
  r.headers.set("b", "d");
  assertEquals(from.headers.get("b"), "c");
  const wired = builtin("response").responseFromWire(404, "Not Found", "http://a/", true, "content-type:x/y\n", null, null);
  const copy = new Response("z", wired);
  assertEquals([copy.status, copy.url, copy.redirected, copy.headers.get("content-type")], [404, "", false, "x/y"]);
  copy.headers.set("a", "b");
  assertThrows(() => wired.headers.set("a", "b"), "immutable");
  assertEquals([wired.url, wired.redirected, wired.statusText], ["http://a/", true, "Not Found"]);
});

test("Response.json", async () => {
  const r = Response.json({ a: [1, undefined] });
  assertEquals([r.status, [...r.headers], await r.text()], [200, [["content-type", "application/json"]], '{"a":[1,null]}']);
  const own = Response.json("s", { status: 201, headers: { "content-type": "x/y" } });
  assertEquals([own.status, own.headers.get("content-type")], [201, "x/y"]);
  assertEquals(Response.json(1, { headers: [["a", "b"]] }).headers.get("content-type"), "application/json");
  assertEquals(await Response.json(undefined).text(), "undefined");
  assertThrows(() => Response.json(1n), TypeError);
  assertThrows(() => Response.json(), "Failed to execute 'json' on 'Response'");
});

test("Response.redirect", () => {
  const r = Response.redirect("http://a/b c");
  assertEquals([r.status, r.headers.get("location"), r.body], [302, "http://a/b%20c", null]);
  for (const status of [301, 303, 307, 308]) assertEquals(Response.redirect("http://a/", status).status, status);
  assertThrows(() => Response.redirect("http://a/", 304), { name: "RangeError", message: "304 is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308." });
  assertThrows(() => Response.redirect("/rel"), { name: "TypeError", message: "Unable to parse URL: /rel" });
  assertThrows(() => r.headers.set("a", "b"), "Can't modify immutable headers.");
});

test("Response.error", () => {
  const r = Response.error();
  assertEquals([r.type, r.status, r.ok, r.body, r.statusText], ["error", 0, false, null, ""]);
});

test("subclasses work", async () => {
  class Mine extends Response { get extra() { return 1; } }
  const r = new Mine("x", { status: 201 });
  assertEquals([r.extra, r.status, await r.text(), r instanceof Response], [1, 201, "x", true]);
  assert(builtin("response").isResponse(r));
  assert(!builtin("response").isResponse(Object.create(Response.prototype)));
});
