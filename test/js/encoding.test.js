const bytes = (...b) => new Uint8Array(b);

test("TextEncoder encodes, and replaces lone surrogates", () => {
  const e = new TextEncoder();
  assertEquals([...e.encode("a\u00e9\u2603\ud83d\ude00\ud800")], [97, 195, 169, 226, 152, 131, 240, 159, 152, 128, 239, 191, 189]);
  assertEquals([e.encode().length, e.encode(undefined).length, e.encode(null).length, e.encoding], [0, 0, 4, "utf-8"]);
});

test("encodeInto writes whole characters only", () => {
  const to = new Uint8Array(6);
  assertEquals(new TextEncoder().encodeInto("a\u00e9\u2603\ud83d\ude00", to), { read: 3, written: 6 });
  assertEquals([...to], [97, 195, 169, 226, 152, 131]);
  assertEquals(new TextEncoder().encodeInto("\ud83d\ude00", new Uint8Array(3)), { read: 0, written: 0 });
  assertThrows(() => new TextEncoder().encodeInto("a", new Uint16Array(1)), "parameter 2 is not of type 'Uint8Array'");
});

test("TextDecoder by label, with options", () => {
  const d = new TextDecoder(" UTF8 ", { fatal: true, ignoreBOM: true });
  assertEquals([d.encoding, d.fatal, d.ignoreBOM], ["utf-8", true, true]);
  assertEquals(new TextDecoder("latin1").encoding, "windows-1252");
  assertThrows(() => new TextDecoder("nope"), { name: "RangeError", message: '"nope" is not a valid encoding.' });
  assertThrows(() => new TextDecoder("replacement"), RangeError);
  assertThrows(() => new TextDecoder("utf-8", 5), "'ConstructorOptions'");
});

test("TextDecoder decodes buffers and any view", () => {
  const d = new TextDecoder();
  const b = bytes(0xef, 0xbb, 0xbf, 97, 0xe2, 0x98, 0x83);
  assertEquals([d.decode(b), d.decode(b.buffer), d.decode(new DataView(b.buffer, 3, 1)), d.decode()], ["a\u2603", "a\u2603", "a", ""]);
  assertThrows(() => d.decode("x"), "Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'.");
  assertEquals(new TextDecoder("utf-16le").decode(bytes(0x3d, 0xd8)), "\ud83d");
  assertEquals(new TextDecoder("shift_jis").decode(bytes(0x82, 0xa0)), "\u3042");
});

test("TextDecoder streams characters over calls", () => {
  const d = new TextDecoder();
  const s = { stream: true };
  assertEquals([d.decode(bytes(0xe2), s), d.decode(bytes(0x98), s), d.decode(bytes(0x83), s), d.decode()], ["", "", "\u2603", ""]);
  assertEquals([d.decode(bytes(0xe2), s), d.decode()], ["", "\ufffd"]);
  const f = new TextDecoder("utf-8", { fatal: true });
  f.decode(bytes(0xe2), s);
  assertThrows(() => f.decode(), { name: "TypeError", message: "Failed to decode input." });
  assertEquals(f.decode(bytes(66)), "B");
});

test("atob and btoa", () => {
  assertEquals([btoa("a\u00ff"), atob("YWI"), atob(" Y W I = "), atob(btoa("\0\x01\xff"))], ["Yf8=", "ab", "ab", "\0\x01\xff"]);
  for (const bad of ["a", "a===", "ab=", "@@@@", "ab=c"]) assertThrows(() => atob(bad), { name: "InvalidCharacterError" });
  assertThrows(() => btoa("\u2603"), { name: "InvalidCharacterError" });
  assertThrows(() => atob(), TypeError);
});

async function through(stream, chunks) {
  const out = [];
  const writer = stream.writable.getWriter();
  const writing = (async () => {
    for (const c of chunks) await writer.write(c);
    await writer.close();
  })();
  writing.catch(() => {});
  for await (const chunk of stream.readable) out.push(chunk);
  await writing;
  return out;
}

test("TextDecoderStream and TextEncoderStream", async () => {
  assertEquals(await through(new TextDecoderStream(), [bytes(0xe2), bytes(0x98), bytes(0x83, 0x61), bytes(0xff)]), ["\u2603a", "\ufffd"]);
  assertEquals(
    (await through(new TextEncoderStream(), ["a\ud83d", "\ude00b", 5, "\ud800"])).map(c => [...c]),
    [[97], [240, 159, 152, 128, 98], [53], [239, 191, 189]],
  );
  await assertRejects(through(new TextDecoderStream("utf-8", { fatal: true }), [bytes(0xff)]), "Failed to decode input.");
  await assertRejects(through(new TextDecoderStream(), ["x"]), TypeError);
  assert(new TextEncoderStream() instanceof TransformStream);
  assertEquals(new TextDecoderStream("latin1").encoding, "windows-1252");
});

test("bytes are the bytes of every kind of view", () => {
  const buffer = new Uint8Array([0x61, 0x62, 0x63, 0x64]).buffer;
  const kinds = [Uint8Array, Int16Array, Uint32Array, DataView];
  if (typeof Float16Array === "function") kinds.push(Float16Array);
  for (const Kind of kinds) assertEquals(new TextDecoder().decode(new Kind(buffer)), "abcd");
});
