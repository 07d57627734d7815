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

test("a high water mark counts bytes; without one the writer never sees pressure", async () => {
  const t = new IdentityTransformStream({ highWaterMark: 10 });
  const w = t.writable.getWriter(), r = t.readable.getReader();
  w.write(new Uint8Array(1));
  assertEquals(w.desiredSize, 9);
  const p = w.write(new Uint8Array(9));
  assertEquals(w.desiredSize, 0);
  await r.read();
  await w.ready;
  assertEquals(w.desiredSize, 1);
  await r.read();
  await p;
  assertEquals(w.desiredSize, 10);
  assertEquals(new FixedLengthStream(10, { highWaterMark: 100 }).writable.getWriter().desiredSize, 10);
  const plain = new IdentityTransformStream().writable.getWriter();
  plain.write(new Uint8Array(50)).catch(() => {});
  assertEquals(plain.desiredSize, 1);
});

test("one read at a time", async () => {
  const r = new IdentityTransformStream().readable.getReader();
  r.read();
  await assertRejects(r.read(), "This ReadableStream only supports a single pending read request at a time.");
  const body = new Response("x").body.getReader();
  const first = body.read();
  assertEquals((await first).value, new Uint8Array([120]));
});

test("an abort does not wait for a reader", async () => {
  const w = new IdentityTransformStream().writable.getWriter();
  const p = w.write(new Uint8Array(10));
  await w.abort();
  assertEquals(await p.catch(e => ["rejected", e]), ["rejected", undefined]);
});

test("a pipe into it waits for each chunk, and stops at what is no bytes", async () => {
  let pulled = 0;
  const source = new ReadableStream({ pull(c) { pulled++; c.enqueue(new Uint8Array([pulled])); } }, { highWaterMark: 0 });
  const t = new IdentityTransformStream();
  source.pipeTo(t.writable).catch(() => {});
  await sleep(2);
  assertEquals(pulled, 1);
  const r = t.readable.getReader();
  await r.read();
  await r.read();
  assert(pulled <= 3);
  await r.cancel("enough");
  const text = new ReadableStream({ start(c) { c.enqueue("text"); } }).pipeThrough(new IdentityTransformStream());
  await assertRejects(text.getReader().read(), "This WritableStream only supports writing byte types.");
});

test("lengths that are none are refused", () => {
  assertThrows(() => new FixedLengthStream(), "constructor parameter 1 is not of type 'bigint'");
  assertThrows(() => new FixedLengthStream(-1), "negative");
  assertThrows(() => new FixedLengthStream("x"), "not an integer");
  assertThrows(() => new FixedLengthStream(2 ** 53), "less than 2^53");
  assert(new FixedLengthStream(-0) && new FixedLengthStream(0.5) && new FixedLengthStream(5n));
  assert(new FixedLengthStream(2 ** 53 - 1) instanceof IdentityTransformStream);
  assert(new IdentityTransformStream() instanceof TransformStream);
  assertEquals(new IdentityTransformStream({ highWaterMark: 10 }).writable.getWriter().desiredSize, 10);
});
