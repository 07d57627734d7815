test("Date stands still and counts as Date everywhere", () => {
  builtin("clock").installClock();
  const d = new Date();
  assertEquals(d.getTime(), Date.now());
  assert(d instanceof Date && d.constructor === Date);
  assertEquals(typeof Date(), "string");
  assertEquals(Date.length, 7);
  assertEquals(Date.name, "Date");
  assertEquals(new Date(2020, 1, 1).getDate(), 1);
  assertEquals(Date.UTC(1970, 0, 1), 0);
  class D extends Date {}
  assert(new D() instanceof D);
  assertEquals(new D(5).getTime(), 5);
  for (let i = 0; i < 1e6; i++);
  assertEquals(Date.now(), d.getTime());
});

test("Math.random is even over its range and starts anew after a reseed", () => {
  let sum = 0;
  for (let i = 0; i < 20000; i++) {
    const r = Math.random();
    assert(r >= 0 && r < 1);
    sum += r;
  }
  assert(Math.abs(sum / 20000 - 0.5) < 0.02, `mean ${sum / 20000}`);
  const a = Math.random();
  builtin("clock").reseed();
  assertNotEquals(Math.random(), a);
});

test("WebAssembly takes modules, and no bytes", async () => {
  const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  const { compileModule, installWasm } = builtin("wasm");
  installWasm();
  const module = compileModule(bytes);
  assert(module instanceof WebAssembly.Module);
  assert((await WebAssembly.instantiate(module)) instanceof WebAssembly.Instance);
  assert(new WebAssembly.Instance(module, {}) instanceof WebAssembly.Instance);
  assertEquals(WebAssembly.Module.exports(module), []);
  assertThrows(() => new WebAssembly.Module(bytes), "WebAssembly.Module(): Wasm code generation disallowed by embedder");
  await assertRejects(WebAssembly.compile(bytes), "WebAssembly.compile(): Wasm code generation disallowed by embedder");
  await assertRejects(WebAssembly.instantiate(bytes), WebAssembly.CompileError);
  assert(WebAssembly.validate(bytes));
});

test("errors cross the channel as name, message and stack, whatever was thrown", () => {
  const { errorJSON } = builtin("runtime");
  const of = value => JSON.parse(errorJSON(value));
  assertEquals(of("text"), { name: "Error", message: "text", stack: "Error: text" });
  assertEquals(of(undefined).message, "undefined");
  assertEquals(of(Symbol("s")).message, "Symbol(s)");
  const e = of(new RangeError("r"));
  assertEquals([e.name, e.message, e.stack.split("\n")[0]], ["RangeError", "r", "RangeError: r"]);
  assert(/\n {4}at .*runtime\.test\.js:\d+:\d+/.test(e.stack), e.stack);
  assertEquals(of(Object.defineProperty(new Error("x"), "stack", { get() { throw 1; } })).message, "an error that cannot be shown");
  assertEquals(of({ toString() { throw 1; } }).message, "an error that cannot be shown");
});

test("primordials survive patching", () => {
  const P = builtin("primordials");
  const { push } = Array.prototype, { get } = Map.prototype;
  Array.prototype.push = Map.prototype.get = () => {
    throw new Error("patched");
  };
  try {
    const a = [];
    P.ArrayPrototypePush(a, 1);
    P.ArrayPrototypePush(a, 2, 3, 4, 5, 6);
    assertEquals(a, [1, 2, 3, 4, 5, 6]);
    assertEquals(P.MapPrototypeGet(new Map([[1, 2]]), 1), 2);
    assertEquals(P.MapPrototypeGetSize(new Map([[1, 2]])), 1);
    assertEquals(P.StringPrototypeIndexOf("abcabc", "b", 2), 4);
    assertEquals(P.SymbolToStringTag, Symbol.toStringTag);
    assertEquals(P.DateNeverNamed, undefined);
    assertEquals(P.ObjectKeys({ a: 1 }), ["a"]);
  } finally {
    Array.prototype.push = push;
    Map.prototype.get = get;
  }
});

test("built-ins are evaluated once, and unknown ones are errors", () => {
  assert(builtin("io") === builtin("io"));
  assertThrows(() => builtin("nope"), 'no built-in module "nope"');
  assertThrows(() => builtin("__proto__"), "no built-in module");
  assertThrows(() => builtin("constructor"), "no built-in module");
});

test("globals settle into plain properties and can be replaced", () => {
  const first = Object.getOwnPropertyDescriptor(globalThis, "CountQueuingStrategy");
  assert(first.configurable && !first.enumerable);
  const Class = CountQueuingStrategy;
  assertEquals(Object.getOwnPropertyDescriptor(globalThis, "CountQueuingStrategy").value, Class);
  globalThis.ByteLengthQueuingStrategy = 5;
  assertEquals(ByteLengthQueuingStrategy, 5);
  assertEquals(self, globalThis);
});

test("operations outside an event are refused", () => {
  const { op, setCurrentEvent, currentEvent } = builtin("io");
  const event = currentEvent();
  setCurrentEvent(null);
  try {
    assertThrows(() => op(1, "", [], ""), "Disallowed operation called within global scope.");
    assertThrows(() => setTimeout(() => {}, 1), "Disallowed operation called within global scope.");
  } finally {
    setCurrentEvent(event);
  }
});

test("the text of platform functions is not shown", () => {
  builtin("function_text").installFunctionText();
  assertEquals(String(Headers), "function Headers() { [native code] }");
  assertEquals(Headers.prototype.get.toString(), "function get() { [native code] }");
  assertEquals(Object.getOwnPropertyDescriptor(Request.prototype, "url").get.toString().includes("native code"), true);
  assertEquals(String(setTimeout), "function setTimeout() { [native code] }");
  assertEquals(Function.prototype.toString.toString(), "function toString() { [native code] }");
  assertEquals((function f(a) { return a; }).toString(), "function f(a) { return a; }");
  assert(String(class X {}).startsWith("class X"));
  assertThrows(() => Function.prototype.toString.call({}), TypeError);
});
