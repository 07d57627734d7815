const from = block => builtin("headers").headersFromBlock(block, true);

test("init forms: nothing, records, pairs, iterables, Headers", () => {
  assertEquals([...new Headers()], []);
  assertEquals([...new Headers({ A: "1", b: "2" })], [["a", "1"], ["b", "2"]]);
  assertEquals([...new Headers([["x", "1"], ["X", "2"]])], [["x", "1, 2"]]);
  assertEquals([...new Headers(new Map([["m", 5]]))], [["m", "5"]]);
  const given = new Headers({ q: "r" });
  const copy = new Headers(given);
  given.set("q", "changed");
  assertEquals(copy.get("q"), "r");
  assertEquals(new Headers({ [Symbol.iterator]: null, a: "1" }).get("a"), "1");
});

test("bad init is refused", () => {
  const text = "Failed to construct 'Headers': constructor parameter 1 is not of type 'Headers or Sequence or object'.";
  for (const bad of [null, 5, "a", true]) assertThrows(() => new Headers(bad), text);
  assertThrows(() => new Headers([["a"]]), "each inner sequence must have exactly two elements");
  assertThrows(() => new Headers([["a", "b", "c"]]), "exactly two elements");
});

test("append combines, set replaces, delete removes, whatever the case", () => {
  const h = new Headers();
  h.append("A", "1");
  h.append("a", "2");
  h.append("a", "");
  assertEquals([h.get("A"), h.has("A")], ["1, 2, ", true]);
  h.set("A", "3");
  assertEquals(h.get("a"), "3");
  assertEquals([h.delete("A"), h.has("a"), h.get("a")], [undefined, false, null]);
});

test("cookies stay apart", () => {
  const h = new Headers();
  h.append("Set-Cookie", "a=1");
  h.append("set-cookie", "b=2, c");
  assertEquals([...h], [["set-cookie", "a=1"], ["set-cookie", "b=2, c"]]);
  assertEquals([h.get("set-cookie"), h.getSetCookie(), h.getAll("Set-Cookie")], ["a=1, b=2, c", ["a=1", "b=2, c"], ["a=1", "b=2, c"]]);
  assertThrows(() => h.getAll("x"), 'getAll() can only be used with the header name "Set-Cookie".');
  assertEquals(new Headers().getSetCookie(), []);
});

test("names and values are checked", () => {
  const h = new Headers();
  for (const bad of ["a b", "a:b", "a\n", "(x)", "a/b", "\0"]) assertThrows(() => h.set(bad, "v"), { name: "TypeError", message: "Invalid header name." });
  for (const bad of ["a\nb", "a\rb", "a\0b"]) assertThrows(() => h.set("n", bad), { name: "TypeError", message: "Invalid header value." });
  for (const good of ["x_y", "x!", "9"]) h.set(good, "v");
  h.set("n", " \ta  b\r\n");
  assertEquals(h.get("n"), "a  b");
  h.set("n", "\u2603");
  assertEquals(h.get("n"), "\u2603");
  assertThrows(() => h.get(), "Failed to execute 'get' on 'Headers': parameter 1 is not of type 'string'.");
  assertThrows(() => h.append("a"), "parameter 2 is not of type 'string'");
  assertThrows(() => h.get("a b"), "Invalid header name.");
  assertThrows(() => Headers.prototype.get.call({}, "a"), TypeError);
});

test("iteration is sorted and of the moment when it began", () => {
  const h = new Headers({ b: "2", a: "1" });
  assertEquals([[...h.keys()], [...h.values()], [...h.entries()]], [["a", "b"], ["1", "2"], [["a", "1"], ["b", "2"]]]);
  const seen = [];
  for (const [k] of h) {
    seen.push(k);
    h.append("c" + seen.length, "x");
  }
  assertEquals(seen, ["a", "b"]);
  const calls = [];
  h.forEach(function (v, k, all) { calls.push([k, v, all === h, this.z]); }, { z: 1 });
  assertEquals(calls[0], ["a", "1", true, 1]);
  assertEquals(Object.prototype.toString.call(h.keys()), "[object KeyIterator]");
});

test("a block is searched as it came", () => {
  const h = from("host:a.b\ncookie:x=1\nx-host:no\ncookie:y=2\naccept:\n");
  assertEquals([h.get("Host"), h.get("cookie"), h.get("accept"), h.get("ost"), h.get("x-hos")], ["a.b", "x=1, y=2", "", null, null]);
  assertEquals([h.has("COOKIE"), h.has("cook")], [true, false]);
  assertEquals([...h.keys()], ["accept", "cookie", "host", "x-host"]);
  assertEquals([h.get("cookie"), h.get("host")], ["x=1, y=2", "a.b"]);
});

test("values inside a block do not pass for names", () => {
  const h = from("a:b:c\nx:y\n");
  assertEquals([h.get("a"), h.get("b"), h.get("x")], ["b:c", null, "y"]);
});

test("incoming headers are immutable, copies are not", () => {
  const h = from("a:1\n");
  for (const change of [() => h.set("a", "2"), () => h.append("b", "2"), () => h.delete("a")])
    assertThrows(change, { name: "TypeError", message: "Can't modify immutable headers." });
  const copy = new Headers(h);
  copy.append("a", "2");
  assertEquals([copy.get("a"), h.get("a")], ["1, 2", "1"]);
});

test("the block for the wire keeps the case and every value", () => {
  const { headersToBlock } = builtin("headers");
  const h = new Headers({ "X-One": "1" });
  h.append("x-one", "2");
  h.append("Set-Cookie", "a");
  h.append("Set-Cookie", "b");
  assertEquals(headersToBlock(h), "X-One:1\nX-One:2\nSet-Cookie:a\nSet-Cookie:b\n");
  assertEquals(headersToBlock(from("a:1\n")), "a:1\n");
});

test("many different names do not grow the cache of names without end", () => {
  const h = new Headers();
  for (let i = 0; i < 5000; i++) h.set("x-" + i, "v");
  assertEquals([h.get("X-4999"), h.get("x-0"), [...h].length], ["v", "v", 5000]);
});
