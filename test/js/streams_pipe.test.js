const listStream = list => new ReadableStream({ start(c) { for (const x of list) c.enqueue(x); c.close(); } });
const collector = (log, extra = {}) => new WritableStream({ write(x) { log.push(x); }, close() { log.push("close"); }, abort(r) { log.push("abort " + r.message); }, ...extra });

test("pipeTo moves every chunk, closes, and unlocks both", async () => {
  const log = [];
  const s = listStream([1, 2, 3]), w = collector(log);
  const p = s.pipeTo(w);
  assertEquals([s.locked, w.locked], [true, true]);
  assertEquals(await p, undefined);
  assertEquals(log, [1, 2, 3, "close"]);
  assertEquals([s.locked, w.locked], [false, false]);
});

test("pipeTo keeps to the destination's pace", async () => {
  let pulled = 0, most = 0, written = 0;
  const s = new ReadableStream({ pull(c) { if (pulled === 20) c.close(); else c.enqueue(pulled++); } }, { highWaterMark: 0 });
  await s.pipeTo(new WritableStream({ async write() { await sleep(0); written++; most = Math.max(most, pulled - written); } }));
  assertEquals(written, 20);
  assert(most <= 2, "chunks in flight: " + most);
});

test("many chunks in the queues do not exhaust the stack", async () => {
  const list = Array.from({ length: 50000 }, (_, i) => i);
  let sum = 0;
  await listStream(list).pipeTo(new WritableStream({ write(x) { sum += x; } }, { highWaterMark: 1e6 }));
  assertEquals(sum, 50000 * 49999 / 2);
});

test("errors of the source abort the destination, unless told not to", async () => {
  const log = [];
  const failing = () => new ReadableStream({ pull(c) { c.error(new RangeError("src")); } });
  await assertRejects(failing().pipeTo(collector(log)), RangeError);
  assertEquals(log, ["abort src"]);
  const w = new WritableStream();
  await assertRejects(failing().pipeTo(w, { preventAbort: true }), RangeError);
  await w.getWriter().write("usable");
});

test("errors of the destination cancel the source, unless told not to", async () => {
  let reason;
  const s = () => new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(r) { reason = r; } });
  const w = () => new WritableStream({ write() { throw new RangeError("dst"); } });
  await assertRejects(s().pipeTo(w()), RangeError);
  assertEquals(reason.message, "dst");
  reason = undefined;
  await assertRejects(s().pipeTo(w(), { preventCancel: true }), RangeError);
  assertEquals(reason, undefined);
  const closed = new WritableStream();
  await closed.close();
  await assertRejects(s().pipeTo(closed), { name: "TypeError", message: "This destination writable stream is closed." });
});

test("preventClose leaves the destination open", async () => {
  const log = [], w = collector(log);
  await listStream([1]).pipeTo(w, { preventClose: true });
  await listStream([2]).pipeTo(w);
  assertEquals(log, [1, 2, "close"]);
});

test("a signal stops the pipe, both ends hear the reason", async () => {
  const heard = [];
  const ac = new AbortController();
  const s = new ReadableStream({ cancel(r) { heard.push("cancel " + r); } });
  const w = new WritableStream({ abort(r) { heard.push("abort " + r); } });
  const p = s.pipeTo(w, { signal: ac.signal });
  await sleep(1);
  ac.abort("stop");
  assertEquals(await p.catch(e => e), "stop");
  assertEquals([heard.sort(), s.locked, w.locked], [["abort stop", "cancel stop"], false, false]);
  const early = await new ReadableStream().pipeTo(new WritableStream(), { signal: AbortSignal.abort("before") }).catch(e => e);
  assertEquals(early, "before");
});

test("locked ends and wrong arguments reject", async () => {
  const s = new ReadableStream();
  s.getReader();
  const w = new WritableStream();
  w.getWriter();
  await assertRejects(s.pipeTo(new WritableStream()), "This ReadableStream is currently locked to a reader.");
  await assertRejects(new ReadableStream().pipeTo(w), "This WritableStream is currently locked to a writer.");
  await assertRejects(new ReadableStream().pipeTo({}), "parameter 1 is not of type 'WritableStream'");
  await assertRejects(new ReadableStream().pipeTo(new WritableStream(), { signal: 5 }), "'signal' field");
  assertThrows(() => s.pipeThrough(new TransformStream()), "locked");
  assertThrows(() => new ReadableStream().pipeThrough({}), TypeError);
});

test("pipeThrough chains transforms", async () => {
  const up = new TransformStream({ transform(x, c) { c.enqueue(x.toUpperCase()); } });
  const twice = new TransformStream({ transform(x, c) { c.enqueue(x); c.enqueue(x + x); }, flush(c) { c.enqueue("end"); } });
  const got = [];
  for await (const x of listStream(["a", "b"]).pipeThrough(up).pipeThrough(twice)) got.push(x);
  assertEquals(got, ["A", "AA", "B", "BB", "end"]);
});
