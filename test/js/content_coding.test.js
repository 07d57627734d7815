const { DecodingSource, codingOf, encodeBytes } = builtin("content_coding");
const GZIP = 0, BROTLI = 3;
const utf8 = s => new TextEncoder().encode(s);

// A ByteSource as io.js has them.
function fakeSource(chunks, length = -1) {
  return {
    length, started: false, cancelled: false,
    read() { this.started = true; return Promise.resolve(chunks.shift()); },
    cancel() { this.cancelled = true; },
    take() { if (this.started) return 0; this.started = true; return 42; },
  };
}
const pieces = (bytes, n) => Array.from({ length: Math.ceil(bytes.length / n) }, (_, i) => bytes.slice(i * n, i * n + n));
const fromWire = (body, block) => builtin("response").responseFromWire(200, "", "", false, block, body, null);
const toWire = r => ({ ...builtin("response").responseToWire(r) });
const unpack = async (bytes, coding) => new TextDecoder().decode(await fromWire(new DecodingSource(fakeSource(pieces(bytes, 7)), coding), "").bytes());

test("names of codings", () => {
  assertEquals(["gzip", "GZIP", "br", "identity", "deflate", "gzip, br", null].map(codingOf), [0, 0, 3, -1, -1, -1, -1]);
});

test("what was packed is unpacked, in any pieces", async () => {
  const text = "some text, some text; ".repeat(500);
  for (const coding of [GZIP, BROTLI]) {
    const packed = encodeBytes(text, coding);
    assert(packed.length < 400);
    for (const n of [1, 13, 100000]) {
      const r = fromWire(new DecodingSource(fakeSource(pieces(packed, n)), coding), "");
      assertEquals(await r.text(), text);
    }
    assertEquals(await unpack(encodeBytes("", coding), coding), "");
  }
  const big = encodeBytes(new Uint8Array(5 << 20), GZIP);
  assertEquals((await fromWire(new DecodingSource(fakeSource([big]), GZIP), "").bytes()).length, 5 << 20);
});

test("malformed and cut bodies are errors, an empty one is not", async () => {
  const read = chunks => fromWire(new DecodingSource(fakeSource(chunks), GZIP), "").text();
  await assertRejects(read([utf8("not gzip")]), { name: "TypeError", message: "Gzip decompression failed." });
  await assertRejects(read([encodeBytes("hello", GZIP).slice(0, 20)]), "Gzip compressed stream ended prematurely.");
  assertEquals(await read([]), "");
});

test("a coded body that is passed on with its label is not touched", () => {
  const passed = toWire(fromWire(new DecodingSource(fakeSource([], 9), GZIP), "content-encoding:gzip\n"));
  assertEquals([passed.kind, passed.body, passed.length], [3, 42, 9]);
  const upstream = fromWire(new DecodingSource(fakeSource([], 9), GZIP), "content-encoding:gzip\n");
  const rewrapped = toWire(new Response(upstream.body, upstream));
  assertEquals([rewrapped.kind, rewrapped.body], [3, 42]);
});

test("without its label it is unpacked, with another it is packed anew", async () => {
  const { collectStream } = builtin("streams_native");
  const coded = () => new DecodingSource(fakeSource([encodeBytes("hello", GZIP)]), GZIP);
  const plain = toWire(new Response(fromWire(coded(), "").body));
  assertEquals([plain.kind, plain.length], [2, -1]);
  assertEquals(new TextDecoder().decode(await collectStream(plain.body)), "hello");
  const anew = toWire(new Response(fromWire(coded(), "").body, { headers: { "content-encoding": "br" } }));
  assertEquals(anew.kind, 2);
  assertEquals(await unpack(await collectStream(anew.body), BROTLI), "hello");
});

test("bodies with a label are packed, unless the worker did it", async () => {
  const { collectStream } = builtin("streams_native");
  const init = { headers: { "Content-Encoding": "gzip" } };
  for (const body of ["hello", utf8("hello"), new Blob(["hello"])]) {
    const wire = toWire(new Response(body, init));
    assertEquals([wire.kind, await unpack(wire.body, GZIP)], [1, "hello"]);
  }
  const stream = new ReadableStream({ start(c) { c.enqueue(utf8("hel")); c.enqueue(utf8("lo")); c.close(); } });
  const streamed = toWire(new Response(stream, init));
  assertEquals([streamed.kind, await unpack(await collectStream(streamed.body), GZIP)], [2, "hello"]);
  const manual = toWire(new Response("hello", { ...init, encodeBody: "manual" }));
  assertEquals([manual.kind, manual.body], [1, "hello"]);
  assertEquals(toWire(new Response("hello", { headers: { "content-encoding": "zstd" } })).body, "hello");
  assertEquals(toWire(new Response(null, init)).kind, 0);
});

test("cancelling either end reaches the source", async () => {
  const source = fakeSource([encodeBytes("hello", GZIP)]);
  await fromWire(new DecodingSource(source, GZIP), "").body.cancel();
  assert(source.cancelled);
  let reason;
  const stream = new ReadableStream({ pull(c) { c.enqueue(utf8("x")); }, cancel(r) { reason = r; } });
  const wire = toWire(new Response(stream, { headers: { "content-encoding": "br" } }));
  await wire.body.cancel("gone");
  assertEquals(reason, "gone");
});

test("fetch leaves bodies coded until they are read", async () => {
  const { fetchThrough } = builtin("fetch");
  const sent = [];
  const send = args => {
    sent.push(args[0]);
    return Object.assign(Promise.resolve([200, "", "", 0, "content-encoding:gzip\n", 0, -1, 0, new Uint8Array(0)]), { operation: 0 });
  };
  const r = await fetchThrough(send, "http://h/");
  assertEquals([sent[0] & 32, r.headers.get("content-encoding")], [32, "gzip"]);
});
