test("DOMException: name, message, legacy code", () => {
  const e = new DOMException("m", "AbortError");
  assertEquals([e.name, e.message, e.code, String(e), Object.prototype.toString.call(e)], ["AbortError", "m", 20, "AbortError: m", "[object DOMException]"]);
  assert(e instanceof Error && e instanceof DOMException && typeof e.stack === "string");
  assertEquals(Object.keys(e), ["code", "name", "message"]);
  const plain = new DOMException();
  assertEquals([plain.name, plain.message, plain.code], ["Error", "", 0]);
  assertEquals(["DataError", "NotFoundError", "DataCloneError", "QuotaExceededError", ""].map(n => new DOMException("", n).code), [0, 8, 25, 22, 0]);
});

test("its members cannot be changed, its constants are on both objects", () => {
  const e = new DOMException("m", "DataError");
  assertThrows(() => { "use strict"; e.name = "x"; }, TypeError);
  assertEquals([DOMException.ABORT_ERR, DOMException.prototype.ABORT_ERR, e.DATA_CLONE_ERR], [20, 20, 25]);
});

test("it can be subclassed and thrown", () => {
  class Mine extends DOMException {
    constructor() { super("a", "b"); }
  }
  const e = assertThrows(() => { throw new Mine(); }, Mine);
  assertEquals([e.name, e.message, e instanceof DOMException], ["b", "a", true]);
  assertThrows(() => DOMException("x"), TypeError);
});

test("published classes show what platform interfaces show", () => {
  const { publish } = builtin("errors");
  class Thing {
    static make(a) { return a; }
    method(a, b) { return a + b; }
    get field() { return 1; }
  }
  publish(Thing, "Other");
  assertEquals([Thing.name, Thing.length, Thing.prototype.method.length, Object.keys(Thing.prototype), Object.keys(Thing), String(new Thing())],
    ["Other", 0, 0, ["method", "field"], ["make"], "[object Other]"]);
});
