const bytes = (...n) => new Uint8Array(n);
const listStream = (...list) => new ReadableStream({ start(c) { for (const x of list) c.enqueue(x); c.close(); } });
const typeOf = body => new Response(body).headers.get("content-type");

// A ByteSource as io.js has them, over a list of chunks.
function fakeSource(chunks, length = -1) {
  return {
    length, number: 42, started: false, cancelled: undefined,
    read() { this.started = true; return Promise.resolve(chunks.shift()); },
    cancel(r) { this.cancelled = r ?? "no reason"; },
    take() { if (this.started) return 0; this.started = true; return this.number; },
  };
}
const fromWire = (body, block = "") => builtin("response").responseFromWire(200, "", "", false, block, body, null);
const toWire = r => ({ ...builtin("response").responseToWire(r) });

test("each kind of body has its Content-Type", () => {
  assertEquals(typeOf("a"), "text/plain;charset=UTF-8");
  assertEquals(typeOf(bytes(1)), null);
  assertEquals(typeOf(bytes(1).buffer), null);
  assertEquals(typeOf(new Blob(["a"], { type: "x/y" })), "x/y");
  assertEquals(typeOf(new Blob(["a"])), null);
  assertEquals(typeOf(new URLSearchParams("a=b")), "application/x-www-form-urlencoded;charset=UTF-8");
  assert(/^multipart\/form-data; boundary=[0-9a-f]{32}$/.test(typeOf(new FormData())));
  assertEquals(typeOf(listStream()), null);
  assertEquals(typeOf(5), "text/plain;charset=UTF-8");
  assertEquals(new Response("a", { headers: { "content-type": "q" } }).headers.get("content-type"), "q");
});

test("each kind of body can be read in each way", async () => {
  const kinds = [() => "h\u00e9", () => bytes(0x68, 0xc3, 0xa9), () => new Blob(["h\u00e9"]), () => listStream(bytes(0x68, 0xc3), bytes(0xa9)),
    () => new DataView(bytes(0x68, 0xc3, 0xa9).buffer)];
  for (const kind of kinds) {
    assertEquals(await new Response(kind()).text(), "h\u00e9");
    assertEquals(await new Response(kind()).bytes(), bytes(0x68, 0xc3, 0xa9));
    assertEquals((await new Response(kind()).arrayBuffer()).byteLength, 3);
    assertEquals((await new Response(kind()).blob()).size, 3);
    const viaStream = [];
    for await (const chunk of new Response(kind()).body) viaStream.push(...chunk);
    assertEquals(viaStream, [0x68, 0xc3, 0xa9]);
  }
  assertEquals(await new Response('{"a":[1]}').json(), { a: [1] });
  assertEquals(await new Response(bytes(0x5b, 0x5d)).json(), []);
  assertEquals(await new Response("\ud800x").text(), "\ufffdx");
  assertEquals(await new Response(bytes(0xff)).text(), "\ufffd");
  assertEquals(await new Response({ toString: () => "obj" }).text(), "obj");
  await assertRejects(new Response("{").json(), SyntaxError);
});

test("the caller's bytes may change afterwards", async () => {
  const given = bytes(1, 2);
  const r = new Response(given);
  given[0] = 9;
  assertEquals(await r.bytes(), bytes(1, 2));
  const chunk = bytes(1, 2);
  const streamed = await new Response(listStream(chunk)).bytes();
  streamed[0] = 9;
  assertEquals(chunk, bytes(1, 2));
  const blob = new Blob([bytes(1, 2)]);
  const got = await new Response(blob).bytes();
  got[0] = 9;
  assertEquals(await blob.bytes(), bytes(1, 2));
});

test("a body can be used once", async () => {
  const used = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice.";
  for (const make of [() => new Response("x"), () => new Response(listStream(bytes(1))), () => fromWire(fakeSource([bytes(1)]))]) {
    const r = make();
    assertEquals(r.bodyUsed, false);
    await r.arrayBuffer();
    assertEquals(r.bodyUsed, true);
    for (const way of ["text", "json", "arrayBuffer", "bytes", "blob", "formData"])
      await assertRejects(r[way](), { name: "TypeError", message: used });
    assertThrows(() => r.clone(), "locked");
    assert(r.body.locked);
    assertThrows(() => new Response(r.body), "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.");
  }
});

test("looking at the stream does not use the body; locking it does", async () => {
  const r = new Response("x");
  assert(r.body instanceof ReadableStream && r.body === r.body);
  assertEquals([r.bodyUsed, await r.text(), r.bodyUsed, r.body.locked], [false, "x", true, true]);
  const l = new Response("y");
  const reader = l.body.getReader();
  assertEquals(l.bodyUsed, false);
  await assertRejects(l.text(), "This ReadableStream is currently locked to a reader.");
  assertThrows(() => new Response(l.body), "This ReadableStream is locked to a reader, and cannot be used as a body.");
  reader.releaseLock();
  assertEquals(await l.text(), "y");
});

test("no body, and an empty one", async () => {
  const none = new Response(null);
  assertEquals([none.body, await none.text(), none.bodyUsed, (await none.bytes()).length], [null, "", false, 0]);
  await assertRejects(none.json(), SyntaxError);
  await assertRejects(none.formData(), "Parsing a Body as FormData requires a Content-Type header.");
  const empty = new Response("");
  assert(empty.body instanceof ReadableStream);
  assertEquals((await empty.body.getReader().read()).done, true);
});

test("clone: both can be read, whatever the body is", async () => {
  for (const make of [() => "abc", () => bytes(97, 98, 99), () => new Blob(["abc"]), () => listStream(bytes(97, 98), bytes(99))]) {
    const a = new Response(make(), { status: 201, headers: { x: "y" } });
    const b = a.clone();
    assertEquals([await a.text(), await b.text(), b.status, b.headers.get("x")], ["abc", "abc", 201, "y"]);
  }
  const a = fromWire(fakeSource([bytes(1), bytes(2)]), "x:y\n");
  const b = a.clone();
  assertEquals([await a.bytes(), await b.bytes(), b.headers.get("x")], [bytes(1, 2), bytes(1, 2), "y"]);
  assertEquals(new Response(null).clone().body, null);
  const bufferA = new Response(bytes(1));
  const bufferB = bufferA.clone();
  (await bufferA.bytes())[0] = 9;
  assertEquals(await bufferB.bytes(), bytes(1));
});

test("streams of bodies must be bytes", async () => {
  await assertRejects(new Response(listStream("text")).text(), { name: "TypeError", message: "This ReadableStream did not return bytes." });
  await assertRejects(new Response(listStream(5)).bytes(), "did not return bytes");
  const failing = new ReadableStream({ pull(c) { c.error(new RangeError("mid")); } });
  await assertRejects(new Response(failing).text(), RangeError);
});

test("a body from main passes through untouched", () => {
  const source = fakeSource([bytes(1)], 7);
  const wire = toWire(fromWire(source));
  assertEquals([wire.kind, wire.body, wire.length], [3, 42, 7]);
  const again = toWire(new Response(fromWire(fakeSource([bytes(1)], 5)).body, { status: 202 }));
  assertEquals([again.kind, again.body, again.length, again.status], [3, 42, 5, 202]);
  const looked = fromWire(fakeSource([], 3));
  assert(looked.body);
  assertEquals([toWire(looked).kind, looked.bodyUsed], [3, true]);
});

test("a body from main that was read, or teed, becomes a stream of ours", async () => {
  const read = fromWire(fakeSource([bytes(1), bytes(2)]));
  const reader = read.body.getReader();
  assertEquals((await reader.read()).value, bytes(1));
  reader.releaseLock();
  assertThrows(() => toWire(read), "Body has already been used");
  const teed = fromWire(fakeSource([bytes(1)]));
  teed.clone();
  const wire = toWire(teed);
  assertEquals([wire.kind, wire.body instanceof ReadableStream], [2, true]);
});

test("a body from main streams, cancels and fails", async () => {
  const s = fakeSource([bytes(1, 2, 3), bytes(4)]);
  const r = fromWire(s).body.getReader({ mode: "byob" });
  assertEquals((await r.read(new Uint8Array(2))).value, bytes(1, 2));
  assertEquals((await r.readAtLeast(2, new Uint8Array(4))).value, bytes(3, 4));
  assertEquals((await r.read(new Uint8Array(2))).done, true);
  const c = fakeSource([bytes(1)]);
  await fromWire(c).body.cancel("stop");
  assertEquals(c.cancelled, "stop");
  const f = fakeSource([]);
  f.read = () => Promise.reject(new TypeError("lost"));
  await assertRejects(fromWire(f).text(), "lost");
  const g = fakeSource([]);
  g.read = () => Promise.reject(new TypeError("lost"));
  await assertRejects(fromWire(g).body.getReader().read(), "lost");
});

test("what crosses to main: strings and bytes inline, streams as streams", () => {
  const text = toWire(new Response("hi", { status: 201, headers: { "X-A": "b" } }));
  assertEquals([text.status, text.statusText, text.headers, text.kind, text.body], [201, "Created", "X-A:b\nContent-Type:text/plain;charset=UTF-8\n", 1, "hi"]);
  assertEquals(toWire(new Response("hi")).headers, "Content-Type:text/plain;charset=UTF-8\n");
  assertEquals(toWire(new Response(bytes(1))).body, bytes(1));
  assertEquals([toWire(new Response(null)).kind, toWire(new Response(null)).body], [0, null]);
  const fixed = toWire(new Response(new FixedLengthStream(5).readable));
  assertEquals([fixed.kind, fixed.length], [2, 5]);
  assertEquals(toWire(new Response(listStream())).length, -1);
  const r = new Response("x");
  toWire(r);
  assert(r.bodyUsed);
  assertThrows(() => toWire(r), "Body has already been used");
  assertEquals(toWire(new Response("x", { encodeBody: "manual" })).bits, 1);
});

test("pumpToSink keeps to the sink's pace and ends it", async () => {
  const { pumpToSink } = builtin("streams_native");
  const log = [];
  const sink = { put(b) { log.push(b.length); return sleep(0); }, close() { log.push("close"); }, abort(e) { log.push("abort " + e.message); } };
  await pumpToSink(listStream(bytes(1), bytes(1, 2)), sink);
  assertEquals(log.splice(0), [1, 2, "close"]);
  await pumpToSink(listStream(bytes(1), bytes(1, 2), bytes(3)), { ...sink, put(b) { log.push(b.length); } }); // takes at once
  assertEquals(log.splice(0), [1, 2, 1, "close"]);
  await assertRejects(pumpToSink(listStream(bytes(1), "x"), sink), "did not return bytes");
  assertEquals(log.splice(0), [1, "abort This ReadableStream did not return bytes."]);
  let reason;
  const s = new ReadableStream({ pull(c) { c.enqueue(bytes(1)); }, cancel(r) { reason = r; } });
  await pumpToSink(s, { ...sink, put: () => Promise.reject(new RangeError("full")) });
  assertEquals(reason.message, "full");
  const idle = { ...sink };
  const waiting = pumpToSink(new ReadableStream({ cancel(r) { reason = r; } }), idle);
  idle.onCancel(new TypeError("The reader has gone."));
  await waiting;
  assertEquals(reason.message, "The reader has gone.");
  assertEquals(log.splice(0), ["abort full", "abort The reader has gone."]);
});

test("a body in memory passes through another response as it is", async () => {
  const a = new Response("text", { headers: { a: "b" } });
  const b = new Response(a.body, a);
  assertEquals([a.bodyUsed, b.bodyUsed], [false, false]);
  const wire = toWire(b);
  assertEquals([wire.kind, wire.body, a.bodyUsed, b.bodyUsed], [1, "text", true, true]);
  await assertRejects(a.text(), "Body has already been used");
  const c = new Response(new Response(bytes(1, 2)).body);
  assertEquals(await c.bytes(), bytes(1, 2));
  const d = new Response(new Response("shared").body);
  const e = d.clone();
  assertEquals([await d.text(), await e.text()], ["shared", "shared"]);
  const f = new Response("read");
  const g = new Response(f.body);
  await f.body.getReader().read();
  assertThrows(() => toWire(g), "Body has already been used");
});

test("a body is gathered whether its length was announced, rightly or not", async () => {
  const read = (length, ...chunks) => fromWire(fakeSource(chunks, length)).bytes();
  assertEquals(await read(4, bytes(1, 2), bytes(3, 4)), bytes(1, 2, 3, 4));
  assertEquals(await read(2, bytes(1, 2)), bytes(1, 2));
  assertEquals(await read(-1, bytes(1), bytes(2)), bytes(1, 2));
  assertEquals(await read(9, bytes(1, 2), bytes(3)), bytes(1, 2, 3));
  assertEquals(await read(3, bytes(1, 2), bytes(3, 4), bytes(5)), bytes(1, 2, 3, 4, 5));
  assertEquals(await read(1, bytes(1, 2)), bytes(1, 2));
  assertEquals(await read(5), bytes());
  assertEquals((await fromWire(fakeSource([bytes(1)], 3)).arrayBuffer()).byteLength, 1);
});

test("iterables are bodies, unless they say what they are as a string", async () => {
  const enc = new TextEncoder();
  const text = (init) => new Response(init).text();
  const parts = [enc.encode("one "), enc.encode("two")];
  assertEquals(await text(parts), "one two");
  assertEquals(await text({ *[Symbol.iterator]() { yield* parts; } }), "one two");
  assertEquals(await text({ async *[Symbol.asyncIterator]() { yield* parts; }, toString: () => "no" }), "one two");
  assertEquals(await text({ *[Symbol.iterator]() { yield* parts; }, toString: () => "yes" }), "yes");
  assertEquals(await text({ *[Symbol.iterator]() { yield* parts; }, [Symbol.toPrimitive]: () => "yes" }), "yes");
  assertEquals(await text(new String("boxed")), "boxed");
});
