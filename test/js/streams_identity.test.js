const bytes = (...n) => new Uint8Array(n);

test("a write is done when its bytes have been read", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const w = writable.getWriter();
  let done = false;
  const p = w.write(bytes(1, 2, 3)).then(() => (done = true));
  await sleep(2);
  assert(!done);
  const r = readable.getReader({ mode: "byob" });
  assertEquals((await r.read(new Uint8Array(2))).value, bytes(1, 2));
  assert(!done);
  assertEquals((await r.read(new Uint8Array(2))).value, bytes(3));
  await p;
});

test("bytes only: anything else fails that write alone", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const w = writable.getWriter();
  await assertRejects(w.write("x"), "received a string on its writable side");
  await assertRejects(w.write({}), "received an object of non-ArrayBuffer/ArrayBufferView type");
  await w.write(bytes());
  const p = w.write(bytes(7).buffer);
  assertEquals((await readable.getReader().read()).value, bytes(7));
  await p;
});

test("the writer's buffer stays the writer's", async () => {
  const { readable, writable } = new IdentityTransformStream();
  const given = bytes(1, 2);
  const p = writable.getWriter().write(given);
  given[0] = 9;
  assertEquals((await readable.getReader().read()).value, bytes(1, 2));
  await p;
  assertEquals(given.length, 2);
});

test("close, cancel and abort cross over", async () => {
  const a = new IdentityTransformStream();
  await a.writable.getWriter().close();
  assertEquals((await a.readable.getReader().read()).done, true);
  const b = new IdentityTransformStream();
  const w = b.writable.getWriter();
  const pending = w.write(bytes(1));
  await b.readable.cancel(new RangeError("no"));
  await assertRejects(pending, RangeError);
  await assertRejects(w.write(bytes(1)), RangeError);
  const c = new IdentityTransformStream();
  const r = c.readable.getReader().read();
  await c.writable.abort(new RangeError("gone"));
  await assertRejects(r, RangeError);
});

test("FixedLengthStream at its length, one past it, and short of it", async () => {
  const exact = new FixedLengthStream(2);
  const w = exact.writable.getWriter();
  const text = new Response(exact.readable).text();
  await w.write(bytes(65, 66));
  await w.close();
  assertEquals(await text, "AB");

  const long = new FixedLengthStream(2);
  const read = long.readable.getReader().read();
  const lw = long.writable.getWriter();
  await lw.write(bytes(1, 2, 3));
  await assertRejects(read, { name: "TypeError", message: "Attempt to write too many bytes through a FixedLengthStream." });
  await assertRejects(lw.write(bytes(1)), "too many bytes");

  const short = new FixedLengthStream(5);
  const r = short.readable.getReader();
  const first = r.read();
  const sw = short.writable.getWriter();
  await sw.write(bytes(1));
  await first;
  await sw.close();
  await assertRejects(r.read(), "FixedLengthStream did not see all expected bytes before close().");
});

test("lengths that are none are refused", () => {
  assertThrows(() => new FixedLengthStream(), "constructor parameter 1 is not of type 'bigint'");
  assertThrows(() => new FixedLengthStream(-1), "negative");
  assertThrows(() => new FixedLengthStream("x"), "not an integer");
  assertThrows(() => new FixedLengthStream(2 ** 53), "less than 2^53");
  assert(new FixedLengthStream(2 ** 53 - 1) instanceof IdentityTransformStream);
  assert(new IdentityTransformStream() instanceof TransformStream);
  assertEquals(new IdentityTransformStream({ highWaterMark: 10 }).writable.getWriter().desiredSize, 10);
});
