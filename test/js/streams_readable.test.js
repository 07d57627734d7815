const chunksOf = async stream => {
  const all = [];
  for (const r = stream.getReader(); ; ) {
    const { value, done } = await r.read();
    if (done) return all;
    all.push(value);
  }
};
const listStream = list => new ReadableStream({ start(c) { for (const x of list) c.enqueue(x); c.close(); } });

test("pull is asked when a read has to wait, not when the queue serves it", async () => {
  const log = [];
  let i = 0;
  const s = new ReadableStream({ start() {}, pull(c) { log.push("pull"); c.enqueue(i++); } }, { highWaterMark: 2 });
  await sleep(0);
  assertEquals(log.splice(0), ["pull", "pull"]);
  const r = s.getReader();
  await r.read();
  await r.read();
  assertEquals(log.splice(0), []);
  assertEquals((await r.read()).value, 2);
  assertEquals(log.length, 3);
});

test("without start the source is pulled at once; with start after it", async () => {
  const log = [];
  new ReadableStream({ pull() { log.push("pull"); } });
  assertEquals(log, ["pull"]);
  const later = [];
  new ReadableStream({ start() { later.push("start"); }, pull() { later.push("pull"); } });
  assertEquals(later, ["start"]);
  await sleep(0);
  assertEquals(later, ["start", "pull"]);
});

test("a source that answers with promises is pulled one at a time", async () => {
  let running = 0, most = 0, i = 0;
  const s = new ReadableStream({
    async pull(c) {
      most = Math.max(most, ++running);
      await sleep(1);
      running--;
      if (i === 4) c.close();
      else c.enqueue(i++);
    },
  }, { highWaterMark: 3 });
  const r = s.getReader();
  const reads = await Promise.all([r.read(), r.read(), r.read(), r.read(), r.read()]);
  assertEquals(reads.map(x => x.value), [0, 1, 2, 3, undefined]);
  assertEquals([most, reads[4].done], [1, true]);
});

test("desired size: the mark less the queue, 0 when closing, null after an error", () => {
  const sizes = [];
  let c;
  new ReadableStream({ start(x) { c = x; } }, { highWaterMark: 5, size: x => x.length });
  sizes.push(c.desiredSize);
  c.enqueue("abc");
  sizes.push(c.desiredSize);
  c.enqueue("defg");
  sizes.push(c.desiredSize);
  c.close();
  sizes.push(c.desiredSize);
  c.error(1);
  sizes.push(c.desiredSize);
  assertEquals(sizes, [5, 2, -2, 0, null]);
});

test("close and enqueue of a closed stream are refused", () => {
  let c;
  new ReadableStream({ start(x) { c = x; } });
  c.close();
  assertThrows(() => c.close(), { name: "TypeError", message: "This ReadableStream is closed." });
  assertThrows(() => c.enqueue(1), { name: "TypeError", message: "Unable to enqueue" });
});

test("errors: of start, of pull, of the size algorithm, of the controller", async () => {
  const boom = new RangeError("boom");
  const sync = new ReadableStream({ start() { throw boom; } });
  assertEquals(await assertRejects(sync.getReader().read()), boom);
  const async = new ReadableStream({ async start() { throw boom; } });
  assertEquals(await assertRejects(async.getReader().read()), boom);
  const pull = new ReadableStream({ pull() { throw boom; } });
  assertEquals(await assertRejects(pull.getReader().read()), boom);
  let c;
  const sized = new ReadableStream({ start(x) { c = x; } }, { size() { throw boom; } });
  c.enqueue(1);
  assertEquals(await assertRejects(sized.getReader().read()), boom);
  for (const size of [() => -1, () => NaN, () => "x", () => Infinity]) {
    const bad = new ReadableStream({ start(x) { c = x; } }, { size });
    c.enqueue(1);
    await assertRejects(bad.getReader().closed, TypeError);
  }
  const dropped = new ReadableStream({ start(x) { x.enqueue(1); x.error(boom); x.error(new Error("second")); } });
  const r = dropped.getReader();
  assertEquals(await assertRejects(r.read()), boom);
  assertEquals(await assertRejects(r.closed), boom);
});

test("cancel: the source hears the reason, reads end, errors of cancel reach the caller", async () => {
  let reason;
  const s = new ReadableStream({ start(c) { c.enqueue(1); }, cancel(r) { reason = r; return "ignored"; } });
  assertEquals([await s.cancel("why"), reason], [undefined, "why"]);
  assertEquals(await s.getReader().read(), { value: undefined, done: true });
  await assertRejects(new ReadableStream({ cancel() { throw new RangeError("no"); } }).cancel(), RangeError);
  const locked = new ReadableStream();
  const r = locked.getReader();
  await assertRejects(locked.cancel(), "This ReadableStream is currently locked to a reader.");
  const pending = r.read();
  await r.cancel();
  assertEquals(await pending, { value: undefined, done: true });
  await r.closed;
});

test("a lock is exclusive, and can be released with reads pending", async () => {
  const s = listStream(["a", "b"]);
  const r = s.getReader();
  assert(s.locked);
  assertThrows(() => s.getReader(), "This ReadableStream is currently locked to a reader.");
  assertEquals((await r.read()).value, "a");
  r.releaseLock();
  r.releaseLock();
  assert(!s.locked);
  await assertRejects(r.read(), { name: "TypeError", message: "This ReadableStream reader has been released." });
  await assertRejects(r.closed, "released");
  await assertRejects(r.cancel(), "released");
  assertEquals((await s.getReader().read()).value, "b");
  const waits = new ReadableStream();
  const w = waits.getReader();
  const pending = w.read();
  const closed = w.closed;
  w.releaseLock();
  await assertRejects(pending, "released");
  await assertRejects(closed, "released");
});

test("async iteration cancels when it is left early, unless told not to", async () => {
  const seen = [];
  for await (const x of listStream([1, 2, 3])) seen.push(x);
  assertEquals(seen, [1, 2, 3]);
  let cancelled = 0;
  const make = () => new ReadableStream({ pull(c) { c.enqueue("x"); }, cancel() { cancelled++; } });
  for await (const x of make()) { assertEquals(x, "x"); break; }
  assertEquals(cancelled, 1);
  const kept = make();
  for await (const x of kept.values({ preventCancel: true })) { assertEquals(x, "x"); break; }
  assertEquals([cancelled, kept.locked], [1, false]);
  const failing = new ReadableStream({ pull(c) { c.error(new RangeError("mid")); } });
  await assertRejects(async () => { for await (const x of failing) assert(x); }, RangeError);
  const it = listStream([1]).values();
  const both = [it.next(), it.next(), it.next()];
  assertEquals((await Promise.all(both)).map(x => x.done), [false, true, true]);
  assertEquals(await it.return("end"), { value: "end", done: true });
});

test("ReadableStream.from takes iterables of both kinds", async () => {
  assertEquals(await chunksOf(ReadableStream.from([1, 2])), [1, 2]);
  assertEquals(await chunksOf(ReadableStream.from("ab")), ["a", "b"]);
  assertEquals(await chunksOf(ReadableStream.from((async function* () { yield 1; yield Promise.resolve(2); })())), [1, 2]);
  assertEquals(await chunksOf(ReadableStream.from([Promise.resolve(7)])), [7]);
  assertThrows(() => ReadableStream.from(5), "Failed to execute 'from' on 'ReadableStream'");
  let ended = "";
  const r = ReadableStream.from((function* () { try { yield 1; yield 2; } finally { ended = "finally"; } })()).getReader();
  await r.read();
  await r.cancel("z");
  assertEquals(ended, "finally");
  const iterable = end => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true }), return: end }) });
  await ReadableStream.from(iterable(undefined)).cancel();
  await assertRejects(ReadableStream.from(iterable(42)).cancel(), { name: "TypeError", message: "Property 'return' is not a function" });
  await assertRejects(ReadableStream.from(iterable(async () => 42)).cancel(), TypeError);
});

test("tee gives both branches the same chunks, as fast as the faster one asks", async () => {
  const o = {};
  const [a, b] = listStream([o, 2]).tee();
  assertEquals(await chunksOf(a), [o, 2]);
  const got = await chunksOf(b);
  assert(got[0] === o);
  let pulls = 0;
  const [c] = new ReadableStream({ pull(k) { pulls++; k.enqueue(pulls); } }, { highWaterMark: 0 }).tee();
  assertEquals(pulls, 0);
  const r = c.getReader();
  await r.read();
  await r.read();
  assertEquals(pulls, 2);
});

test("tee: errors reach both branches, cancelling both cancels the source", async () => {
  let ctl;
  const [a, b] = new ReadableStream({ start(c) { ctl = c; } }).tee();
  const one = a.getReader().read();
  ctl.error(new RangeError("x"));
  await assertRejects(one, RangeError);
  await assertRejects(b.getReader().closed, RangeError);
  let reason;
  const s = new ReadableStream({ cancel(r) { reason = r; } });
  const [c, d] = s.tee();
  await c.cancel("one");
  assertEquals(reason, undefined);
  await d.cancel("two");
  assertEquals([reason, s.locked], ["two", true]);
  assertThrows(() => s.tee(), "locked");
});

test("wrong arguments are named", () => {
  assertThrows(() => new ReadableStream(5), "Failed to construct 'ReadableStream': constructor parameter 1 is not of type 'UnderlyingSource'.");
  assertThrows(() => new ReadableStream({ pull: 5 }), "Incorrect type for the 'pull' field on 'UnderlyingSource'");
  assertThrows(() => new ReadableStream({ type: "x" }), '"x" is not a valid type of ReadableStream.');
  assertThrows(() => new ReadableStream({}, { highWaterMark: -1 }), "negative");
  assertThrows(() => new ReadableStream().getReader({ mode: "x" }), "mode must be undefined or 'byob' in call to getReader().");
  assertThrows(() => new ReadableStreamDefaultReader({}), TypeError);
  assertThrows(() => new ReadableStreamDefaultController(), "Illegal constructor");
  assertThrows(() => ReadableStream.prototype.getReader.call({}), TypeError);
});

test("queuing strategies", () => {
  const b = new ByteLengthQueuingStrategy({ highWaterMark: 7 }), c = new CountQueuingStrategy({ highWaterMark: 3 });
  assertEquals([b.highWaterMark, b.size(new Uint8Array(4)), c.highWaterMark, c.size("zzz")], [7, 4, 3, 1]);
  assertThrows(() => new CountQueuingStrategy(), TypeError);
  assertEquals(new ByteLengthQueuingStrategy({}).highWaterMark, undefined);
});
