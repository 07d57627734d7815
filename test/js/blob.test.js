test("parts of every kind become bytes", async () => {
  const b = new Blob(["a", new Uint8Array([98, 99]), new Blob(["d"]), new Uint8Array([101]).buffer, 5, {}], { type: "Text/Plain" });
  assertEquals([b.size, b.type, await b.text()], [21, "text/plain", "abcde5[object Object]"]);
  assertEquals((await new Blob(["\u00e9"]).bytes()), new Uint8Array([0xc3, 0xa9]));
  assertEquals([new Blob().size, new Blob([]).type], [0, ""]);
});

test("a blob's bytes never change", async () => {
  const part = new Uint8Array([1, 2]);
  const b = new Blob([part]);
  part[0] = 9;
  (await b.bytes())[1] = 9;
  new Uint8Array(await b.arrayBuffer())[1] = 9;
  (await b.stream().getReader().read()).value[1] = 9;
  assertEquals(await b.bytes(), new Uint8Array([1, 2]));
});

test("slice", async () => {
  const b = new Blob(["0123456789"], { type: "a/b" });
  const of = async (...a) => { const s = b.slice(...a); return [s.type, await s.text()]; };
  assertEquals([await of(), await of(2), await of(2, 5), await of(-3), await of(-3, -1), await of(5, 2), await of(0, 1, "X/Y"), await of(NaN, "2"), await of(-99, 99)],
    [["", "0123456789"], ["", "23456789"], ["", "234"], ["", "789"], ["", "78"], ["", ""], ["x/y", "0"], ["", "01"], ["", "0123456789"]]);
  assertThrows(() => b.slice(1e10), "Value out of range.");
  assertEquals(await b.slice(2, 6).slice(1, 3).text(), "34");
});

test("types: printable or none", () => {
  assertEquals(["a\u00e9", "A/B", "x", "text/html; a=B"].map(type => new Blob([], { type }).type), ["", "a/b", "x", "text/html; a=b"]);
});

test("stream gives the bytes, also to BYOB readers", async () => {
  const chunks = [];
  for await (const c of new Blob(["hello"]).stream()) chunks.push(...c);
  assertEquals(String.fromCharCode(...chunks), "hello");
  const r = new Blob(["hello"]).stream().getReader({ mode: "byob" });
  assertEquals((await r.read(new Uint8Array(2))).value, new Uint8Array([104, 101]));
  assertEquals((await new Blob().stream().getReader().read()).done, true);
});

test("files", () => {
  const f = new File(["abc"], "n", { type: "t/u", lastModified: 5 });
  assertEquals([f.name, f.lastModified, f.type, f.size, f instanceof Blob, String(f)], ["n", 5, "t/u", 3, true, "[object File]"]);
  assertEquals([f.slice(1).constructor, f.slice(1).name], [Blob, undefined]);
  assert(Math.abs(new File([], "n").lastModified - Date.now()) < 10000);
  assertThrows(() => new File(["a"]), "Failed to construct 'File': constructor parameter 2 is not of type 'string'.");
});

test("wrong arguments", () => {
  for (const bad of ["str", 5, null, {}, new Set()]) assertThrows(() => new Blob(bad), "Failed to construct 'Blob': constructor parameter 1 is not of type 'Array'.");
  assertThrows(() => new Blob([], 5), "constructor parameter 2 is not of type 'Options'");
  assertThrows(() => new Blob(["a"], { endings: "native" }), { name: "Error", message: "The 'endings' field on 'Options' is not implemented." });
});
