test("URL shows its components and its origin", () => {
  const u = new URL("https://user:pa%20ss@example.com:8443/a/b?c=d#e");
  assertEquals(
    [u.href, u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash],
    ["https://user:pa%20ss@example.com:8443/a/b?c=d#e", "https://example.com:8443", "https:", "user", "pa%20ss",
      "example.com:8443", "example.com", "8443", "/a/b", "?c=d", "#e"],
  );
  assertEquals([String(u), u.toJSON(), JSON.stringify([u])], [u.href, u.href, `["${u.href}"]`]);
});

test("URL of an opaque path has neither host nor origin", () => {
  const u = new URL("mailto:x@y?z#");
  assertEquals([u.host, u.hostname, u.username, u.password, u.port, u.pathname, u.search, u.hash, u.origin],
    ["", "", "", "", "", "x@y", "?z", "", "null"]);
  assertEquals(new URL("blob:https://a.b:1/c").origin, "https://a.b:1");
  assertEquals(new URL("file:///x").origin, "null");
});

test("what is no URL is a TypeError of the platform's text", () => {
  assertThrows(() => new URL("x"), { name: "TypeError", message: "Invalid URL string." });
  assertThrows(() => new URL("x", "y"), { name: "TypeError", message: "Invalid URL string." });
  assertThrows(() => new URL(), "Failed to construct 'URL': constructor parameter 1 is not of type 'USVString'.");
  assertThrows(() => URL("http://a"), TypeError);
  assertThrows(() => URL.createObjectURL(new Uint8Array()), "not implemented");
  assertEquals(new URL(undefined, "http://a/").href, "http://a/undefined");
  const u = new URL("http://a/");
  assertThrows(() => (u.href = "x"), "'valid URL string'");
  assertEquals(u.href, "http://a/");
});

test("URL.canParse and URL.parse", () => {
  assertEquals([URL.canParse("http://a"), URL.canParse("x"), URL.canParse("x", "http://a")], [true, false, true]);
  assertEquals([URL.parse("x"), URL.parse("x", "http://a").href], [null, "http://a/x"]);
  assert(URL.parse("http://a") instanceof URL);
  assertThrows(() => URL.canParse(), "Failed to execute 'canParse' on 'URL'");
});

test("lone surrogates become replacement characters", () => {
  assertEquals(new URL("http://a/\ud800x").href, "http://a/%EF%BF%BDx");
  assertEquals(new URLSearchParams("a=\udc00").toString(), "a=%EF%BF%BD");
  assertEquals([...new URLSearchParams([["\ud800", "b"]])], [["\ufffd", "b"]]);
});

test("setters", () => {
  const u = new URL("http://a/");
  u.protocol = "https";
  u.host = "b:81";
  u.username = "me@";
  u.pathname = "x y";
  u.search = "q";
  u.hash = "h";
  assertEquals(u.href, "https://me%40@b:81/x%20y?q#h");
  u.port = 443;
  u.search = "";
  u.hash = "";
  assertEquals(u.href, "https://me%40@b/x%20y");
});

test("searchParams and search follow each other", () => {
  const u = new URL("http://a/?x=1&x=2");
  const p = u.searchParams;
  assert(p === u.searchParams);
  p.append("y z", "\u00e9&");
  assertEquals(u.href, "http://a/?x=1&x=2&y+z=%C3%A9%26");
  u.search = "?n=1";
  assertEquals([...p], [["n", "1"]]);
  u.href = "http://b/?m=2";
  assertEquals(p.get("m"), "2");
  p.delete("m");
  assertEquals(u.href, "http://b/");
});

test("URLSearchParams from every kind of init", () => {
  assertEquals(new URLSearchParams("?a=b%20c+d&&e&=f&g=%zz").toString(), "a=b+c+d&e=&=f&g=%25zz");
  assertEquals(String(new URLSearchParams({ a: 1, b: null, [Symbol()]: 2 })), "a=1&b=null");
  assertEquals(String(new URLSearchParams([["a", "b"], new Set(["c", "d"])])), "a=b&c=d");
  assertEquals(String(new URLSearchParams(new Map([["k", "v"]]))), "k=v");
  assertEquals(String(new URLSearchParams(new URLSearchParams("q=1"))), "q=1");
  assertEquals(String(new URLSearchParams(null)), "null=");
  assertEquals(new URLSearchParams().size, 0);
  assertThrows(() => new URLSearchParams([["a"]]), "Invalid URL search params sequence.");
  assertThrows(() => new URLSearchParams(["ab"]), TypeError);
  assertThrows(() => new URLSearchParams(Symbol()), TypeError);
});

test("URLSearchParams methods", () => {
  const p = new URLSearchParams("a=1&b=2&a=3&c=4");
  assertEquals([p.get("a"), p.get("z"), p.getAll("a"), p.has("b"), p.has("b", "3"), p.has("a", "3"), p.size],
    ["1", null, ["1", "3"], true, false, true, 4]);
  p.set("a", "9");
  assertEquals(p.toString(), "a=9&b=2&c=4");
  p.set("d", "5");
  p.append("b", "x");
  p.delete("b", "2");
  assertEquals(p.toString(), "a=9&c=4&d=5&b=x");
  p.delete("b", undefined);
  assert(!p.has("b"));
  assertThrows(() => p.append("a"), "Failed to execute 'append' on 'URLSearchParams': parameter 2");
  const seen = [];
  p.forEach(function (value, key, self) {
    seen.push(key + value, this === seen, self === p);
  }, seen);
  assertEquals(seen.slice(0, 3), ["a9", true, true]);
});

test("URLSearchParams sorts by code units and keeps the order of equals", () => {
  const p = new URLSearchParams("z=1&\ud83c\udf08=2&\ufb03=3&a=4&z=0");
  p.sort();
  assertEquals([...p.keys()], ["a", "z", "z", "\ud83c\udf08", "\ufb03"]);
  assertEquals(p.getAll("z"), ["1", "0"]);
});

test("iteration sees what is added behind it", () => {
  const p = new URLSearchParams("a=1&b=2&c=3");
  const seen = [];
  for (const [k] of p) {
    seen.push(k);
    if (k === "a") p.delete("b");
    if (k === "c" && p.size < 4) p.append("d", "4");
  }
  assertEquals(seen, ["a", "c", "d"]);
  const it = p.values();
  assertEquals(Object.prototype.toString.call(it), "[object ValueIterator]");
  assert(it[Symbol.iterator]() === it);
  assertEquals([...it], ["1", "3", "4"]);
  p.append("e", "5");
  assertEquals(it.next(), { value: undefined, done: true });
});

test("patched intrinsics do not reach the parser", () => {
  const { slice, indexOf } = String.prototype, { push } = Array.prototype, { exec } = RegExp.prototype;
  try {
    String.prototype.slice = String.prototype.indexOf = Array.prototype.push = RegExp.prototype.exec = () => {
      throw new Error("patched");
    };
    const u = new URL("http://a/?b=c%20d&e=f");
    u.searchParams.append("g", "h i");
    assertEquals(u.href, "http://a/?b=c+d&e=f&g=h+i");
  } finally {
    Object.assign(String.prototype, { slice, indexOf });
    Array.prototype.push = push;
    RegExp.prototype.exec = exec;
  }
});

test("URL has the shape of a platform interface", () => {
  for (const C of [URL, URLSearchParams]) {
    assertEquals([C.length, Object.prototype.toString.call(C.prototype)], [0, `[object ${C.name}]`]);
    for (const [key, d] of Object.entries(Object.getOwnPropertyDescriptors(C.prototype))) {
      if (key === "constructor") continue;
      assert(d.enumerable, key);
      if (typeof d.value === "function") assertEquals(d.value.length, 0, key);
    }
  }
  assertThrows(() => URL.prototype.href, TypeError);
  class Sub extends URL {}
  assert(new Sub("http://a") instanceof Sub);
});

test("very long URLs leave nothing wrong behind them", () => {
  const long = "http://a/" + "b".repeat(200000);
  assertEquals(new URL(long).pathname.length, 200001);
  assertEquals(new URL("http://c/\u00e9").href, "http://c/%C3%A9");
  assertEquals(new URL(long + "\u00e9").href.length, long.length + 6);
  assertEquals(new URL("x", "http://c/d").href, "http://c/x");
});
