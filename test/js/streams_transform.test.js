test("the transformer's functions get the controller and run in order", async () => {
  const log = [];
  const t = new TransformStream({
    async start(c) { await sleep(1); c.enqueue("started"); },
    transform(x, c) { log.push(x); c.enqueue(x * 2); },
    flush(c) { c.enqueue("end"); },
  });
  const w = t.writable.getWriter();
  w.write(1);
  w.write(2);
  w.close();
  const got = [];
  for await (const x of t.readable) got.push(x);
  assertEquals([log, got], [[1, 2], ["started", 2, 4, "end"]]);
});

test("writes wait until somebody reads", async () => {
  const t = new TransformStream();
  const w = t.writable.getWriter();
  assertEquals(w.desiredSize, 1);
  let done = false;
  const p = w.write("a").then(() => (done = true));
  await sleep(2);
  assertEquals([done, w.desiredSize], [false, 0]);
  await t.readable.getReader().read();
  await p;
  assert(done);
});

test("an error of the transformer reaches both sides", async () => {
  const t = new TransformStream({ transform() { throw new RangeError("bad"); } });
  const w = t.writable.getWriter(), r = t.readable.getReader();
  const read = r.read();
  await assertRejects(w.write(1), RangeError);
  await assertRejects(read, RangeError);
  await assertRejects(w.closed, RangeError);
  const later = new TransformStream({ async transform() { throw new RangeError("late"); } });
  const lw = later.writable.getWriter();
  const lr = later.readable.getReader().read();
  await assertRejects(lw.write(1), "late");
  await assertRejects(lr, "late");
  const flush = new TransformStream({ flush() { throw new RangeError("flush"); } });
  const fr = flush.readable.getReader().read();
  await assertRejects(flush.writable.getWriter().close(), "flush");
  await assertRejects(fr, "flush");
});

test("an error of start is the streams'", async () => {
  const t = new TransformStream({ start() { throw new RangeError("st"); } });
  await assertRejects(t.readable.getReader().read(), RangeError);
  await assertRejects(t.writable.getWriter().write(1), RangeError);
});

test("terminate closes the readable side and errors the writable one", async () => {
  const t = new TransformStream({ transform(x, c) { c.enqueue(x); c.terminate(); } });
  const w = t.writable.getWriter();
  w.write("a");
  const r = t.readable.getReader();
  assertEquals([(await r.read()).value, (await r.read()).done], ["a", true]);
  await assertRejects(w.write("b"), "The transform stream has been terminated");
});

test("cancel and abort cross to the other side", async () => {
  let heard;
  const t = new TransformStream({ cancel(r) { heard = r; } });
  const w = t.writable.getWriter();
  await t.readable.cancel(new RangeError("no more"));
  assertEquals(heard.message, "no more");
  await assertRejects(w.write(1), RangeError);
  const u = new TransformStream();
  const r = u.readable.getReader();
  await u.writable.abort(new RangeError("gone"));
  await assertRejects(r.read(), RangeError);
});

test("enqueue after the end is refused", async () => {
  let c;
  new TransformStream({ start(x) { c = x; } });
  c.terminate();
  assertThrows(() => c.enqueue(1), "The readable side of this TransformStream is no longer readable.");
  assertEquals(c.desiredSize, 0);
  assertThrows(() => new TransformStream({ readableType: "x" }), "transformer.readableType must be undefined.");
  assertThrows(() => new TransformStream({ writableType: "x" }), "transformer.writableType must be undefined.");
  assertThrows(() => new TransformStreamDefaultController(), "Illegal constructor");
});

test("a transformer may say how many bytes there will be", () => {
  const length = (of) => builtin("streams_native").knownLength(of.readable ?? of);
  assertEquals(length(new TransformStream({ expectedLength: 10 })), 10);
  assertEquals(length(new TransformStream()), -1);
  assertEquals([length(new ReadableStream({ expectedLength: 7n })), length(new ReadableStream())], [7, -1]);
  assertThrows(() => new ReadableStream({ expectedLength: -1 }), TypeError);
});
