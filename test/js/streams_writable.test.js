test("chunks reach the sink one after another, and close comes last", async () => {
  const log = [];
  const w = new WritableStream({
    async write(x) { log.push("begin" + x); await sleep(1); log.push("end" + x); },
    close() { log.push("close"); },
  }).getWriter();
  w.write(1);
  w.write(2);
  await w.close();
  assertEquals(log, ["begin1", "end1", "begin2", "end2", "close"]);
  await w.closed;
  await assertRejects(w.write(3), { name: "TypeError", message: "This WritableStream has been closed." });
  await assertRejects(w.close(), "This WritableStream has been closed.");
  assertEquals(w.desiredSize, 0);
});

test("ready and desiredSize show the back-pressure", async () => {
  let free;
  const w = new WritableStream({ write: () => new Promise(r => (free = r)) }, { highWaterMark: 2 }).getWriter();
  assertEquals(w.desiredSize, 2);
  await w.ready;
  const first = w.write("a");
  w.write("b");
  assertEquals(w.desiredSize, 0);
  let ready = false;
  const waiting = w.ready.then(() => (ready = true));
  await sleep(1);
  assert(!ready);
  free();
  await first;
  await waiting;
  assertEquals(w.desiredSize, 1);
});

test("sizes come from the strategy", async () => {
  const w = new WritableStream({}, { highWaterMark: 10, size: x => x.length }).getWriter();
  const p = w.write("abcd");
  assertEquals(w.desiredSize, 6);
  await p;
  assertEquals(w.desiredSize, 10);
  const bad = new WritableStream({}, { size() { throw new RangeError("size"); } }).getWriter();
  await assertRejects(bad.write(1), RangeError);
  await assertRejects(bad.closed, RangeError);
});

test("an error of the sink fails the write, what waits, and everything after", async () => {
  const w = new WritableStream({ write() { throw new RangeError("disk full"); } }).getWriter();
  const results = await Promise.allSettled([w.write(1), w.write(2), w.close(), w.closed]);
  assertEquals(results.map(r => r.reason?.message), ["disk full", "disk full", "disk full", "disk full"]);
  await assertRejects(w.ready, RangeError);
  assertEquals(w.desiredSize, null);
});

test("errors of start and of the controller", async () => {
  await assertRejects(new WritableStream({ async start() { throw new RangeError("s"); } }).getWriter().write(1), RangeError);
  await assertRejects(new WritableStream({ start() { throw new RangeError("s"); } }).getWriter().closed, RangeError);
  let c;
  const w = new WritableStream({ start(x) { c = x; } }).getWriter();
  c.error(new RangeError("q"));
  await assertRejects(w.write(1), RangeError);
  await assertRejects(w.ready, RangeError);
});

test("abort: the sink hears it after the write that it has, the signal at once", async () => {
  let c, end;
  const log = [];
  const s = new WritableStream({
    start(x) { c = x; },
    write: () => new Promise(r => (end = r)),
    abort(r) { log.push("abort " + r.message); },
  });
  const w = s.getWriter();
  const writing = w.write(1), waiting = w.write(2);
  await sleep(0);
  const why = new RangeError("enough");
  const aborted = w.abort(why);
  assertEquals([c.signal.aborted, c.signal.reason === why, log.length], [true, true, 0]);
  end();
  await writing;
  await aborted;
  assertEquals(log, ["abort enough"]);
  assertEquals(await assertRejects(waiting), why);
  assertEquals(await assertRejects(w.closed), why);
  assertEquals(await w.abort("again"), undefined);
});

test("an abort that the sink refuses rejects", async () => {
  const w = new WritableStream({ abort() { throw new TypeError("no"); } }).getWriter();
  await assertRejects(w.abort(new RangeError("x")), "no");
  await assertRejects(w.abort("again"), "no");
  await assertRejects(w.closed, RangeError);
});

test("locks", async () => {
  const s = new WritableStream();
  const w = s.getWriter();
  assert(s.locked);
  assertThrows(() => s.getWriter(), "This WritableStream is currently locked to a writer.");
  await assertRejects(s.close(), "locked");
  await assertRejects(s.abort(), "locked");
  w.releaseLock();
  assert(!s.locked);
  await assertRejects(w.write(1), "This WritableStream writer has been released.");
  await assertRejects(w.closed, "released");
  assertThrows(() => w.desiredSize, "released");
  await s.close();
  assertThrows(() => new WritableStreamDefaultWriter({}), TypeError);
  assertThrows(() => new WritableStreamDefaultController(), "Illegal constructor");
});

test("closing twice is refused, and writes behind a close", async () => {
  const w = new WritableStream({ close: () => sleep(1) }).getWriter();
  const closing = w.close();
  await assertRejects(w.close(), TypeError);
  await assertRejects(w.write(1), "closed");
  await closing;
});

test("what has not reached the sink goes with the writer's lock", async () => {
  const log = [];
  const s = new WritableStream({ async write(x) { log.push(x); await sleep(1); } });
  const w = s.getWriter();
  const first = w.write(1), second = w.write(2);
  const dropped = assertRejects(second, "This WritableStream writer has been released.");
  w.releaseLock();
  await first;
  await dropped;
  await s.getWriter().write(3);
  assertEquals(log, [1, 3]);
});
