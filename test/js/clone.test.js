const { serialize, deserialize } = builtin("clone");
const trip = (v) => deserialize(serialize(v));

test("values of every type survive", () => {
    const values = [
        undefined, null, true, false, 0, -0, 1, -1, 127, 128, -129, 2147483647, -2147483648, 4294967296, 1.5, NaN, Infinity, -Infinity,
        "", "ascii", "gr\u00fc\u00dfe", "\u2603 snow", "\ud83d lone", "x".repeat(200), "\u2603".repeat(300), "nul\0inside",
        0n, 1n, -1n, 2n ** 64n, -(2n ** 200n) + 7n,
        [], [1, "two", [3]], {}, { a: 1, b: { c: [] } },
        new Date(0), new Date(NaN), /a+b/gi, new Map([[1, { x: 1 }], ["k", new Set([1, 2])]]), new Set(["a", {}]),
        new Uint8Array([1, 2, 3]), new Float64Array([1.5, NaN]), new BigInt64Array([-5n]), new ArrayBuffer(5), new DataView(new ArrayBuffer(4), 1, 2),
    ];
    for (const v of values) assertEquals(trip(v), v);
});

test("minus zero stays", () => assert(Object.is(trip([-0])[0], -0)));

test("boxed primitives stay boxed", () => {
    for (const v of [Object(5), Object("s"), Object(true), Object(false), Object(-7n)]) {
        const c = trip(v);
        assertEquals(typeof c, "object");
        assertEquals(c.valueOf(), v.valueOf());
    }
});

test("cycles and shared references keep their identity", () => {
    const a = { name: "a" };
    a.self = a;
    a.list = [a, { a }];
    const m = new Map();
    m.set("m", m);
    a.map = m;
    const c = trip(a);
    assert(c.self === c && c.list[0] === c && c.list[1].a === c && c.map.get("m") === c.map);
});

test("views of one buffer share the copy", () => {
    const b = new Uint8Array([1, 2, 3, 4]).buffer;
    const c = structuredClone({ a: new Uint8Array(b, 1, 2), d: new DataView(b), again: b });
    assert(c.a.buffer === c.d.buffer && c.again === c.a.buffer);
    assertEquals([c.a.byteOffset, c.a.length, c.a[0]], [1, 2, 2]);
});

test("resizable buffers stay resizable, and views follow them as before", () => {
    const b = new ArrayBuffer(4, { maxByteLength: 16 });
    const c = structuredClone({ tracking: new Uint8Array(b), fixed: new Uint8Array(b, 0, 4), b });
    c.b.resize(8);
    assertEquals([c.b.maxByteLength, c.tracking.length, c.fixed.length], [16, 8, 4]);
});

test("holes, sparse arrays and named properties of arrays", () => {
    const a = [1, , 3];
    a.foo = "x";
    const c = trip(a);
    assertEquals([c.length, 1 in c, c.foo], [3, false, "x"]);
    const s = [];
    s[100000] = 1;
    s[5] = 2;
    s.name = "n";
    const d = trip(s);
    assertEquals([d.length, 6 in d, d[5], d[100000], d.name], [100001, false, 2, 1, "n"]);
    assert(serialize(s).length < 40);
    assertEquals(trip([, ,]).length, 2);
});

test("rows of one shape name their keys once", () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ identifier: i, description: "d" }));
    assert(serialize(rows).length < 100 * 11 + 50);
    assertEquals(trip(rows), rows);
});

test("errors keep name, message, cause and stack", () => {
    const e = new RangeError("m", { cause: { why: 1 } });
    const c = trip(e);
    assert(c instanceof RangeError);
    assertEquals([c.name, c.message, c.cause, c.stack === e.stack], ["RangeError", "m", { why: 1 }, true]);
    class Mine extends TypeError {}
    assertEquals(Object.getPrototypeOf(trip(new Mine("z"))), TypeError.prototype);
    const named = new Error("m");
    named.name = "Other";
    named.code = 5;
    // enhanced_error_serialization: own properties go along.
    const other = trip(named);
    assertEquals([other.name, other.code, Object.getPrototypeOf(other)], ["Other", 5, Error.prototype]);
    const many = trip(new AggregateError([new TypeError("a")], "m"));
    assertEquals([many instanceof AggregateError, many.errors.length, many.errors[0].message], [true, 1, "a"]);
    assertEquals(structuredClone(named).code, 5);
    const dom = trip(new DOMException("m", "DataError"));
    assert(dom instanceof DOMException);
    assertEquals([dom.name, dom.message], ["DataError", "m"]);
});

test("a key named __proto__ is a property", () => {
    const c = trip(JSON.parse('{"__proto__": {"x": 1}}'));
    assert(Object.hasOwn(c, "__proto__") && c.x === undefined);
});

test("getters run once, and what they throw is thrown", () => {
    let n = 0;
    assertEquals(structuredClone({ get a() { return ++n; } }), { a: 1 });
    assertThrows(() => structuredClone({ get a() { throw new RangeError("gt"); } }), { name: "RangeError", message: "gt" });
    // A getter that clones in the middle of a clone.
    assertEquals(structuredClone({ a: 1, get b() { return structuredClone({ c: [2] }); }, d: 3 }), { a: 1, b: { c: [2] }, d: 3 });
});

test("what cannot be cloned says so", () => {
    const f = function foo(a) { return a; };
    assertThrows(() => structuredClone({ f }), { name: "DataCloneError", message: "function foo(a) { return a; } could not be cloned." });
    assertThrows(() => structuredClone(Symbol("x")), { name: "DataCloneError", message: "Symbol(x) could not be cloned." });
    assertThrows(() => structuredClone(Promise.resolve()), { message: "#<Promise> could not be cloned." });
    assertThrows(() => structuredClone([new WeakMap()]), { message: "#<WeakMap> could not be cloned." });
    assertThrows(() => structuredClone((function* () {})()), { message: "[object Generator] could not be cloned." });
    assertThrows(() => structuredClone(new EventTarget()), {
        message: 'Could not serialize object of type "EventTarget". This type does not support serialization.',
    });
});

test("instances become plain objects, but not over RPC", () => {
    class P {
        x = 1;
        get y() { return 2; }
    }
    const c = structuredClone(new P());
    assertEquals(c, { x: 1 });
    const rpc = { add() { return 0; }, take() {} };
    assertThrows(() => serialize(new P(), rpc), { name: "DataCloneError", message: 'Could not serialize object of type "P". This type does not support serialization.' });
});

test("transfer detaches, and only buffers move", () => {
    const b = new ArrayBuffer(4);
    const c = structuredClone({ b, v: new Uint8Array(b, 2) }, { transfer: [b] });
    assertEquals([b.byteLength, c.b.byteLength, c.v.byteOffset, c.v.buffer === c.b], [0, 4, 2, true]);
    assertThrows(() => structuredClone(1, { transfer: [{}] }), { name: "TypeError", message: "Object is not transferable" });
    assertThrows(() => structuredClone(b), { name: "DataCloneError", message: "An ArrayBuffer is detached and could not be cloned." });
});

test("what is not data goes into the table of capabilities", () => {
    const table = [];
    const f = () => 1;
    const bytes = serialize({ f, again: f, list: [f] }, { add: (v) => table.push(v) - 1 });
    assertEquals(table.length, 1);
    const c = deserialize(bytes, { take: (i) => ({ cap: i }) });
    assertEquals(c.f, { cap: 0 });
    assert(c.again === c.f && c.list[0] === c.f);
    assertThrows(() => deserialize(bytes), { name: "DataCloneError" });
});

test("hostile bytes end in an error or a value, never in anything else", () => {
    const seeds = [
        serialize({ a: [1, 2, { b: "text" }], m: new Map([[1, new Set(["x"])]]), d: new Date(5), e: new Error("x", { cause: 1 }), n: 12345678901234567890n }),
        serialize([new Uint8Array(20), new DataView(new ArrayBuffer(9), 2), /x/g, new DOMException("a", "b"), [, 1], "\u2603", Object("s")]),
    ];
    let state = 12345;
    const random = (n) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % n;
    };
    let refused = 0;
    for (let i = 0; i < 6000; i++) {
        const bytes = Uint8Array.from(seeds[i & 1]);
        for (let n = 1 + random(4); n > 0; n--) bytes[1 + random(bytes.length - 1)] = random(256);
        const cut = random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
        try {
            deserialize(cut);
        } catch (e) {
            assert(e.name === "DataCloneError" || e instanceof RangeError, String(e));
            refused++;
        }
    }
    assert(refused > 1000);
    assertThrows(() => deserialize(new Uint8Array([])), { name: "DataCloneError" });
    assertThrows(() => deserialize(new Uint8Array([9, 1])), { name: "DataCloneError" });
    // Lengths that promise more than there is.
    for (const tag of [0x09, 0x0a, 0x11, 0x19]) assertThrows(() => deserialize(new Uint8Array([1, tag, 0xff, 0xff, 0xff, 0x7f])), { name: "DataCloneError" });
    // A million nested arrays.
    const deep = new Uint8Array(2000000).fill(0x11);
    for (let i = 0; i < deep.length; i += 2) deep[i + 1] = 1;
    deep[0] = 1;
    assertThrows(() => deserialize(deep));
});

test("the direct copy and the bytes agree", () => {
    const shared = { s: 1 };
    const values = () => [
        { a: [1, , { b: shared }], c: shared, [Symbol("no")]: 1 },
        Object.assign([1, 2], { named: shared }),
        new Map([[shared, new Set([shared])]]),
        [new Date(5), /x/gi, Object(1), Object("s"), Object(true), Object(3n)],
        [new Uint8Array([1, 2]).subarray(1), new DataView(new ArrayBuffer(4), 1, 2), new ArrayBuffer(2, { maxByteLength: 8 })],
        [new RangeError("m", { cause: shared }), shared, new DOMException("d", "DataError")],
        Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }),
        [, "a", , ],
        JSON.parse('{"__proto__": 1, "x": {"__proto__": null}}'),
    ];
    const direct = values().map((v) => structuredClone(v));
    const through = values().map((v) => trip(v));
    for (let i = 0; i < direct.length; i++) assertEquals(direct[i], through[i], `value ${i}`);
    assert(direct[0].a[2].b === direct[0].c && direct[2].keys().next().value === [...direct[2].values()][0].values().next().value);
});

test("shared memory stays shared, and does not leave the isolate", () => {
    const view = new Uint8Array(new SharedArrayBuffer(2));
    const copy = structuredClone({ view, wide: new Uint16Array(view.buffer) });
    copy.wide[0] = 0x0101;
    assertEquals([...view], [1, 1]);
    assertThrows(() => trip(view), { name: "DataCloneError", message: "#<SharedArrayBuffer> could not be cloned." });
});

test("blobs and files keep type, name and bytes", async () => {
    const blob = trip(new Blob(["hello ", "world"], { type: "text/plain" }));
    assert(blob instanceof Blob && !(blob instanceof File));
    assertEquals([blob.type, await blob.text()], ["text/plain", "hello world"]);
    const { doc } = structuredClone({ doc: new File([new Uint8Array([0, 255])], "\u2603.bin", { type: "a/b", lastModified: -5.5 }) });
    assert(doc instanceof File);
    assertEquals([doc.name, doc.type, doc.lastModified, [...(await doc.bytes())]], ["\u2603.bin", "a/b", -5, [0, 255]]);
    const one = new Blob(["x"]);
    const twice = trip([one, one]);
    assert(twice[0] === twice[1]);
    const bytes = serialize(new Blob(["12345"]));
    let refused = 0;
    for (let n = 0; n < bytes.length; n++) {
        try {
            deserialize(bytes.slice(0, n));
        } catch (e) {
            if (e.name === "DataCloneError") refused++;
        }
    }
    assertEquals(refused, bytes.length);
});

test("a response keeps its cf", () => assertEquals(trip(new Response(null, { status: 204, cf: { a: 1 } })).cf, { a: 1 }));
