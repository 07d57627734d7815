test("a path with names", () => {
  const p = new URLPattern({ pathname: "/books/:id" });
  assert(p.test("https://a.com/books/42"));
  assert(!p.test("https://a.com/books"));
  const r = p.exec("https://a.com/books/42?x#y");
  assertEquals([r.pathname.groups, r.hostname.groups, r.search.input, r.hash.input, r.inputs],
    [{ id: "42" }, { 0: "a.com" }, "x", "y", ["https://a.com/books/42?x#y"]]);
});

test("modifiers leave groups undefined", () => {
  const p = new URLPattern({ pathname: "/a/:b?/:c*" });
  assertEquals(["/a", "/a/1", "/a/1/2/3", "/a/"].map((x) => p.exec({ pathname: x })?.pathname.groups ?? null),
    [{ b: undefined, c: undefined }, { b: "1", c: undefined }, { b: "1", c: "2/3" }, null]);
});

test("what is no pattern is a TypeError", () => {
  for (const args of [["/x"], [{ pathname: "(" }], [{ pathname: "/:a/:a" }], ["https://a", 5], [{ protocol: "http", baseURL: "nope" }], [{ pathname: "/x" }, "http://a"]]) {
    assertThrows(() => new URLPattern(...args), { name: "TypeError", message: "Failed to construct URLPattern" });
  }
  assertThrows(() => new URLPattern({}).exec({}, "http://a"), TypeError);
});

test("what is no URL matches nothing", () => {
  assertEquals([new URLPattern().test("nope"), new URLPattern().exec("x"), new URLPattern().test("x", "http://a")], [false, null, true]);
});

test("patterns are written in their normal form", () => {
  const p = new URLPattern("https://EXAMPLE.com:443/\u00e9/:x\\?q=*", { ignoreCase: true });
  assertEquals([p.protocol, p.hostname, p.port, p.pathname, p.search, p.hash, p.hasRegExpGroups],
    ["https", "example.com", "", "/%C3%A9/:x", "q=*", "*", false]);
  assertEquals([new URLPattern({ pathname: "/(a|b)" }).hasRegExpGroups, new URLPattern().protocol], [true, "*"]);
});

test("ignoreCase is for the path and what follows it", () => {
  const p = new URLPattern({ pathname: "/Foo" }, { ignoreCase: true });
  assertEquals([p.test({ pathname: "/fOO" }), new URLPattern({ pathname: "/Foo" }).test({ pathname: "/foo" })], [true, false]);
});
