const text = (s) => new TextEncoder().encode(s);

async function through(stream, ...chunks) {
  const writer = stream.writable.getWriter();
  const writing = (async () => {
    for (const c of chunks) await writer.write(c);
    await writer.close();
  })();
  writing.catch(() => {});
  const out = [];
  for await (const chunk of stream.readable) out.push(...chunk);
  await writing;
  return new Uint8Array(out);
}
const pack = (format, ...chunks) => through(new CompressionStream(format), ...chunks);
const unpack = async (format, ...chunks) => new TextDecoder().decode(await through(new DecompressionStream(format), ...chunks));

test("every format round trips", async () => {
  const long = text("hello world ".repeat(20000));
  for (const format of ["gzip", "deflate", "deflate-raw"]) {
    const packed = await pack(format, long.subarray(0, 1000), long.subarray(1000));
    assert(packed.length < 2000);
    assertEquals(await unpack(format, packed.subarray(0, 3), packed.subarray(3)), "hello world ".repeat(20000));
  }
});

test("gzip is what others write", async () => {
  assertEquals([...(await pack("gzip", text("hello")))].map(b => b.toString(16).padStart(2, "0")).join(""),
    "1f8b0800000000000003cb48cdc9c9070086a6103605000000");
});

test("malformed, cut and trailing data are TypeErrors", async () => {
  const gz = await pack("gzip", text("hello"));
  await assertRejects(unpack("gzip", text("junk")), { name: "TypeError", message: "Decompression failed." });
  await assertRejects(unpack("gzip", gz.subarray(0, -2)), "Called close() on a decompression stream with incomplete data");
  await assertRejects(unpack("gzip"), "incomplete data");
  await assertRejects(unpack("gzip", gz, text("x")), "Trailing bytes after end of compressed data");
  await assertRejects(unpack("gzip", new Uint8Array([...gz, 0])), "Trailing bytes after end of compressed data");
});

test("what is no format is a TypeError", () => {
  assertThrows(() => new CompressionStream("br"), "must be either 'deflate', 'deflate-raw' or 'gzip'");
  assertThrows(() => new DecompressionStream(), "constructor parameter 1 is not of type 'string'");
});

test("writes do not wait for a reader until much waits", async () => {
  const c = new CompressionStream("gzip");
  const w = c.writable.getWriter();
  await w.write(text("all "));
  await w.write("of it");
  await w.close();
  const reader = c.readable.getReader({ mode: "byob" });
  const parts = [];
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(7));
    if (done) break;
    parts.push(...value);
  }
  assertEquals(await unpack("gzip", new Uint8Array(parts)), "all of it");
});

test("an expansion far larger than its input is given piece by piece", async () => {
  const packed = await pack("gzip", new Uint8Array(30 << 20));
  const d = new DecompressionStream("gzip");
  const w = d.writable.getWriter();
  let written = false;
  const writing = w.write(packed).then(() => (written = true));
  await sleep(1);
  assert(!written);
  let total = 0;
  const reader = d.readable.getReader();
  const closing = writing.then(() => w.close());
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    total += value.length;
  }
  await closing;
  assertEquals(total, 30 << 20);
});

test("cancel and abort end the other side", async () => {
  const a = new CompressionStream("gzip");
  await a.readable.cancel(new Error("enough"));
  await assertRejects(a.writable.getWriter().write(text("x")), "enough");
  const b = new CompressionStream("gzip");
  const read = b.readable.getReader().read();
  await b.writable.abort(new Error("gone"));
  await assertRejects(read, "gone");
});

test("what has gathered is read at once", async () => {
    for (const format of ["gzip", "deflate", "deflate-raw"]) {
        const { readable, writable } = new CompressionStream(format);
        const writer = writable.getWriter();
        const reader = readable.getReader();
        await writer.write(new TextEncoder().encode("again ".repeat(200)));
        await writer.close();
        const { value } = await reader.read();
        assertEquals((await reader.read()).done, true);
        const plain = new Response(new Blob([value]).stream().pipeThrough(new DecompressionStream(format)));
        assertEquals(await plain.text(), "again ".repeat(200));
    }
});
