test("stack has V8's form: headline, frames of the program only", () => {
  function inner() {
    return new RangeError("m");
  }
  const e = inner();
  assert(/^RangeError: m\n {4}at inner \(.*errors_stack\.test\.js:3:\d+\)\n {4}at .*errors_stack\.test\.js:5:\d+/.test(e.stack), e.stack);
  assert(!e.stack.includes("selvage:"), e.stack);
  assertEquals(Object.getOwnPropertyNames(e), ["message"]);
});

test("subclasses, calls without new, causes and aggregates are as ever", () => {
  class Mine extends TypeError {
    constructor(m) {
      super(m, { cause: 1 });
      this.name = "Mine";
    }
  }
  const e = new Mine("x");
  assert(e instanceof Mine && e instanceof TypeError && e instanceof Error);
  assertEquals([e.cause, e.constructor === Mine, Object.prototype.toString.call(e)], [1, true, "[object Error]"]);
  assert(e.stack.startsWith("Mine: x\n    at "), e.stack);
  assert(Error("y") instanceof Error && TypeError("z") instanceof TypeError);
  assertEquals([Error("y").message, Error.name, Error.length, TypeError.name, AggregateError.length], ["y", "Error", 1, "TypeError", 2]);
  assertEquals(new AggregateError([1, 2], "a").errors, [1, 2]);
  assertEquals(Object.getPrototypeOf(TypeError), Error);
  assertEquals(TypeError.prototype.constructor, TypeError);
  assertEquals(new DOMException("d", "DataError").stack.split("\n")[0], "DataError: d");
  assertEquals("message" in Object.getOwnPropertyDescriptors(new Error()), false);
});

test("what the engine throws is of the same classes", () => {
  try {
    null.x;
  } catch (e) {
    assert(e instanceof TypeError && e.constructor === TypeError);
    assert(typeof e.stack === "string" && e.stack.length > 0);
  }
});

test("stack can be written, deleted and read from what is no error", () => {
  const e = new Error("x");
  e.stack = "mine";
  assertEquals(e.stack, "mine");
  assertEquals(Object.keys(e), []);
  assertEquals(Object.create(Error.prototype).stack, undefined);
  assertEquals(Reflect.get(Error.prototype, "stack", 5), undefined);
  const hostile = new Error("x");
  Object.defineProperty(hostile, "name", { get() { throw 1; } });
  assert(hostile.stack.startsWith("Error\n    at "));
});

test("captureStackTrace leaves out what stands above the function given", () => {
  const o = { name: "N", message: "m" };
  function outer() {
    return inner();
  }
  function inner() {
    Error.captureStackTrace(o, inner);
  }
  outer();
  assert(/^N: m\n {4}at outer /.test(o.stack), o.stack);
  const plain = {};
  Error.captureStackTrace(plain);
  assert(/^Error\n {4}at /.test(plain.stack), plain.stack);
  assertThrows(() => Error.captureStackTrace(5), TypeError);
});

test("stackTraceLimit counts frames of the program", () => {
  const deep = n => (n === 0 ? new Error("d") : deep(n - 1));
  const lines = () => deep(30).stack.split("\n").length - 1;
  assertEquals([Error.stackTraceLimit, lines()], [10, 10]);
  Error.stackTraceLimit = 3;
  assertEquals(lines(), 3);
  Error.stackTraceLimit = 20;
  assertEquals(lines(), 20);
  Error.stackTraceLimit = undefined;
  assertEquals(deep(3).stack, "Error: d");
  Error.stackTraceLimit = 10;
  for (let i = 0; i < 20000; i++) new Error("hot"); // also once the engine has compiled it
  assertEquals(Object.getOwnPropertyNames(new Error("x")), ["message"]);
  assertEquals(lines(), 10);
});
