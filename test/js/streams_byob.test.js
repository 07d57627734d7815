// As most workers have it: without the flag that takes the default buffer away.
builtin("flags").setFlags(["streams_enable_constructors"]);

const bytes = (...n) => new Uint8Array(n);
const source = (list, extra = {}) => new ReadableStream({
  type: "bytes",
  start(c) { for (const x of list) c.enqueue(x); c.close(); },
  ...extra,
});

test("default readers get waiting chunks joined, big ones and late ones as they come", async () => {
  const r = source([bytes(1, 2), bytes(3)]).getReader();
  assertEquals([(await r.read()).value, (await r.read()).done], [bytes(1, 2, 3), true]);
  const big = source([new Uint8Array(5000), bytes(1)]).getReader();
  assertEquals([(await big.read()).value.length, (await big.read()).value.length], [5000, 1]);
  let c;
  const late = new ReadableStream({ type: "bytes", start(x) { c = x; } }).getReader();
  const reads = [late.read(), late.read()];
  c.enqueue(bytes(1));
  c.enqueue(bytes(2));
  assertEquals([(await reads[0]).value, (await reads[1]).value], [bytes(1), bytes(2)]);
});

test("a default read offers the source a buffer too", async () => {
  const s = new ReadableStream({ type: "bytes", pull(c) { c.byobRequest.view[0] = 65; c.byobRequest.respond(1); c.close(); } });
  assertEquals(await new Response(s).text(), "A");
});

test("enqueue takes the buffer away", () => {
  const given = bytes(1, 2, 3);
  new ReadableStream({ type: "bytes", start(c) { c.enqueue(given); } });
  assertEquals(given.length, 0);
});

test("a BYOB read fills the view from as many chunks as there are, and takes its buffer", async () => {
  const r = source([bytes(1, 2), bytes(3, 4, 5)]).getReader({ mode: "byob" });
  const view = new Uint8Array(new ArrayBuffer(8), 2, 4);
  const got = await r.read(view);
  assertEquals([got.done, got.value, got.value.byteOffset, got.value.buffer.byteLength, view.length], [false, bytes(1, 2, 3, 4), 2, 8, 0]);
  assertEquals((await r.read(bytes(0, 0))).value, bytes(5));
  const end = await r.read(bytes(0, 0));
  assertEquals([end.done, end.value.length], [true, 0]);
});

test("multi-byte views get whole elements, what is left waits", async () => {
  const r = source([bytes(1, 2, 3, 4, 5)]).getReader({ mode: "byob" });
  const first = (await r.read(new Uint16Array(4))).value;
  assertEquals([first.constructor, first.length], [Uint16Array, 2]);
  assertEquals((await r.read(bytes(0))).value, bytes(5));
  const view = (await source([bytes(7, 8)]).getReader({ mode: "byob" }).read(new DataView(new ArrayBuffer(4)))).value;
  assertEquals([view.constructor, view.byteLength, view.getUint8(1)], [DataView, 2, 8]);
});

test("min and readAtLeast wait for enough, and take what there is at the end", async () => {
  const slow = () => new ReadableStream({
    type: "bytes",
    start(c) { c.enqueue(bytes(1)); setTimeout(() => c.enqueue(bytes(2, 3, 4)), 1); setTimeout(() => c.close(), 3); },
  });
  assertEquals((await slow().getReader({ mode: "byob" }).read(new Uint8Array(8), { min: 3 })).value, bytes(1, 2, 3, 4));
  const r = slow().getReader({ mode: "byob" });
  const all = await r.readAtLeast(6, new Uint8Array(8));
  assertEquals([all.done, all.value], [false, bytes(1, 2, 3, 4)]);
  assertEquals((await r.readAtLeast(1, new Uint8Array(8))).done, true);
});

test("the source can fill the reader's buffer itself", async () => {
  const seen = [];
  const s = new ReadableStream({
    type: "bytes",
    pull(c) {
      const q = c.byobRequest;
      seen.push(q.view.byteLength, q.atLeast);
      q.view[0] = 65;
      q.respond(1);
      assertThrows(() => q.respond(1), "This ReadableStreamBYOBRequest has been invalidated.");
      assertEquals([q.view, q.atLeast], [null, null]);
    },
  });
  const r = s.getReader({ mode: "byob" });
  assertEquals((await r.read(new Uint8Array(3))).value, bytes(65));
  assertEquals((await r.read(new Uint8Array(3), { min: 2 })).value, bytes(65, 65));
  assertEquals(seen, [3, 1, 3, 2, 2, 1]);
});

test("respondWithNewView and its checks", async () => {
  let q;
  const s = new ReadableStream({ type: "bytes", pull(c) { q = c.byobRequest; } });
  const read = s.getReader({ mode: "byob" }).read(new Uint8Array(4));
  assertThrows(() => q.respond(5), { name: "RangeError", message: "Too many bytes [5] in response to a BYOB read request." });
  assertThrows(() => q.respond(0), "The bytesWritten must be more than zero while the stream is open.");
  assertThrows(() => q.respond(), "Failed to execute 'respond' on 'ReadableStreamBYOBRequest'");
  assertThrows(() => q.respondWithNewView(new Uint8Array(5)), "The underlying ArrayBuffer is not the correct length.");
  assertThrows(() => q.respondWithNewView(q.view.subarray(1)), "The view has an invalid byte offset.");
  q.view[0] = 9;
  q.respondWithNewView(new Uint8Array(q.view.buffer, 0, 1));
  assertEquals((await read).value, bytes(9));
});

test("autoAllocateChunkSize gives default readers a byobRequest", async () => {
  const s = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 8,
    pull(c) { c.byobRequest.view[0] = 70; c.byobRequest.respond(1); },
  });
  const { value } = await s.getReader().read();
  assertEquals([value, value.buffer.byteLength], [bytes(70), 8]);
  assertThrows(() => new ReadableStream({ type: "bytes", autoAllocateChunkSize: 0 }), "cannot be zero");
});

test("close ends pending BYOB reads, and respond(0) may still follow", async () => {
  let c, q;
  const s = new ReadableStream({ type: "bytes", pull(x) { c = x; q = x.byobRequest; } });
  const read = s.getReader({ mode: "byob" }).read(new Uint8Array(4));
  c.close();
  const end = await read;
  assertEquals([end.done, end.value.constructor, end.value.length], [true, Uint8Array, 0]);
  q.respond(0);
  assertThrows(() => q.respond(1), "must be zero after the stream is closed");
});

test("a released BYOB read leaves what was filled to the next reader", async () => {
  let c;
  const s = new ReadableStream({ type: "bytes", start(x) { c = x; } });
  const r = s.getReader({ mode: "byob" });
  const read = r.read(new Uint8Array(4), { min: 4 });
  c.enqueue(bytes(1, 2));
  r.releaseLock();
  await assertRejects(read, "released");
  const next = s.getReader();
  const got = [next.read(), next.read()];
  c.enqueue(bytes(3));
  assertEquals([(await got[0]).value, (await got[1]).value], [bytes(1, 2), bytes(3)]);
});

test("errors and wrong arguments", async () => {
  let c;
  const s = new ReadableStream({ type: "bytes", start(x) { c = x; } });
  assertThrows(() => c.enqueue("x"), "Failed to execute 'enqueue' on 'ReadableByteStreamController': parameter 1 is not of type 'BufferSource'.");
  assertThrows(() => c.enqueue(bytes()), "Cannot enqueue a zero-length ArrayBuffer.");
  const r = s.getReader({ mode: "byob" });
  await assertRejects(r.read(), "parameter 1 is not of type 'ArrayBufferView'");
  await assertRejects(r.read(bytes()), "positive-sized TypedArray");
  await assertRejects(r.read(bytes(1, 2), { min: 3 }), "Minimum bytes to read (3) exceeds size of buffer (2).");
  await assertRejects(r.readAtLeast(0, bytes(1)), "Requested invalid minimum number of bytes to read (0).");
  const pending = r.read(bytes(1));
  c.error(new RangeError("gone"));
  await assertRejects(pending, RangeError);
  await assertRejects(r.read(bytes(1)), RangeError);
  assertThrows(() => new ReadableStream().getReader({ mode: "byob" }), "This ReadableStream does not support BYOB reads.");
  assertThrows(() => new ReadableByteStreamController(), "Illegal constructor");
  assertThrows(() => new ReadableStreamBYOBRequest(), "Illegal constructor");
});

test("tee of a byte stream copies for the second branch", async () => {
  const [a, b] = source([bytes(1, 2)]).tee();
  const x = (await a.getReader().read()).value;
  x[0] = 9;
  const y = (await b.getReader({ mode: "byob" }).read(new Uint8Array(4))).value;
  assertEquals([x, y], [bytes(9, 2), bytes(1, 2)]);
});
