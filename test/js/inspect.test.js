const { inspect } = builtin("inspect");
const { format } = builtin("format");

test("values in Node's form", () => {
    const circular = { n: 1 };
    circular.self = circular;
    const cases = [
        [{ a: { b: { c: { d: 1 } } } }, "{ a: { b: { c: [Object] } } }"],
        [[undefined, , 3], "[ undefined, <1 empty item>, 3 ]"],
        [new Map([["a", { b: 1 }]]), "Map(1) { 'a' => { b: 1 } }"],
        [new Set([1, "a"]), "Set(2) { 1, 'a' }"],
        [new (class Foo { a = 1; #b = 2; })(), "Foo { a: 1 }"],
        [Object.create(null), "[Object: null prototype] {}"],
        [class A {}, "[class A]"],
        [class extends Map {}, "[class (anonymous) extends Map]"],
        [async () => {}, "[AsyncFunction (anonymous)]"],
        [circular, "<ref *1> { n: 1, self: [Circular *1] }"],
        [[new Date(NaN), new Date(0)], "[ Invalid Date, 1970-01-01T00:00:00.000Z ]"],
        [{ a: "it's", b: 'q"q' }, `{ a: "it's", b: 'q"q' }`],
        [{ get g() { return 1; }, set s(v) {}, "a-b": -0 }, "{ g: [Getter], s: [Setter], 'a-b': -0 }"],
        [Object("s"), "[String: 's']"],
        [new Uint8Array([1, 2]), "Uint8Array(2) [ 1, 2 ]"],
        [new ArrayBuffer(2), "ArrayBuffer { [Uint8Contents]: <00 00>, byteLength: 2 }"],
        [new WeakMap(), "WeakMap { <items unknown> }"],
        [{ [Symbol("k")]: 5n }, "{ Symbol(k): 5n }"],
        [AbortSignal.abort(5), "AbortSignal { aborted: true, reason: 5, onabort: null }"],
    ];
    for (const [value, text] of cases) assertEquals(inspect(value), text);
});

test("objects break over lines past the width, and numbers stand in columns", () => {
    assertEquals(
        inspect({ aaaaaaaaaaaaaaaaaaaa: "bbbbbbbbbbbbbbbbbbbbbbbbbbbb", ccccccccccccccccccccc: "ddddddddddddddddddddddd", e: 1 }),
        "{\n  aaaaaaaaaaaaaaaaaaaa: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbb',\n  ccccccccccccccccccccc: 'ddddddddddddddddddddddd',\n  e: 1\n}",
    );
    assertEquals(inspect(Array.from({ length: 14 }, (_, i) => i)), "[\n   0,  1, 2, 3,  4,  5,\n   6,  7, 8, 9, 10, 11,\n  12, 13\n]");
    assertEquals(inspect(Array(101).fill(0)).split("\n").at(-2), "  ... 1 more item");
});

test("colours only where asked for", () => {
    assertEquals(inspect({ a: 1, b: "x" }, { colors: true }), "{ a: \u001b[33m1\u001b[39m, b: \u001b[32m'x'\u001b[39m }");
});

test("errors show headline, frames, cause and own members", () => {
    const e = new TypeError("outer", { cause: new Error("inner") });
    e.code = "E1";
    const text = inspect(e);
    assert(/^TypeError: outer\n    at .*inspect\.test\.js:\d+:\d+/.test(text), text);
    assert(text.includes("[cause]: Error: inner") && text.includes("code: 'E1'"), text);
    assert(!text.includes("sourceURL"), text);
});

test("what an object's own inspector says is taken", () => {
    const o = { [inspect.custom](depth, options, fn) { return `<${depth} ${fn === inspect}>`; } };
    assertEquals(inspect([o]), "[ <1 true> ]");
    assertEquals(inspect({ get a() { throw new Error("never"); } }), "{ a: [Getter] }");
});

test("a proxy is shown by its target, and no trap runs", () => {
    const never = () => { throw new Error("never"); };
    const traps = { get: never, has: never, ownKeys: never, getPrototypeOf: never, getOwnPropertyDescriptor: never };
    assertEquals([inspect(new Proxy({ a: 1 }, traps)), inspect(new Proxy([1, 2], traps)), inspect({ x: new Proxy({}, traps) })], ["Proxy({ a: 1 })", "Proxy([ 1, 2 ])", "{ x: Proxy({}) }"]);
    assertEquals(inspect(new Proxy(new Proxy(new Map([[1, 2]]), traps), traps)), "Proxy(Proxy(Map(1) { 1 => 2 }))");
    assertEquals(format("%s %o %O", new Proxy({ a: 1 }, traps), new Proxy({}, traps), new Proxy({}, traps)), "Proxy({ a: 1 }) Proxy({}) Proxy({})");
    const revocable = Proxy.revocable({}, {});
    revocable.revoke();
    assertEquals(inspect([revocable.proxy, new Proxy(revocable.proxy, {})]), "[ <Revoked Proxy>, <Revoked Proxy> ]");
    assertEquals(inspect(new Proxy({ [inspect.custom]() { return "own"; } }, traps)), "own");
    assertEquals(inspect(globalThis, { depth: 0 }).startsWith("Proxy"), false);
});

test("format specifiers", () => {
    assertEquals(format("%s %d %i %f %j %O %c %%", "s", 1.5, 1.5, "2.5", { a: 1 }, { g: 1 }, "css", "extra", { x: 1 }), 's 1.5 1 2.5 {"a":1} { g: 1 }  % extra { x: 1 }');
    assertEquals([format("100%", 5), format("a%sb"), format("%s", -0), format("%d", "0x10"), format("%x", 1), format(1, "a")], ["100% 5", "a%sb", "-0", "16", "%x 1", "1 a"]);
    assertEquals(format("%s", new (class X { toString() { return "custom"; } })()), "custom");
});

test("console tables, groups, counts and assertions", () => {
    const methods = builtin("console").console;
    assertEquals(methods.log.name, "log");
    for (const name of ["log", "info", "warn", "error", "debug", "table", "time", "timeEnd", "group", "groupEnd", "count", "assert", "dir"]) {
        assertEquals(methods[name](), undefined);
    }
});
