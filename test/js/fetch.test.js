const { fetchThrough } = builtin("fetch");

// Answers each operation with the next of `replies` (fields or an Error), and keeps what was sent.
function server(...replies) {
  const sent = [];
  const send = args => {
    const [bits, stream, length, method, url, headers, bytes, cf] = args;
    const inline = bytes === "" ? "" : new TextDecoder().decode(bytes);
    sent.push({ bits, stream, length, method, url, headers, inline, cf });
    const reply = replies.shift();
    const p = reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
    p.operation = 0;
    return p;
  };
  return { send, sent };
}
const reply = (status, { text = "", headers = "", body = "" } = {}) =>
  [status, text, "", 0, headers, 0, -1, 0, new TextEncoder().encode(body)];
const redirect = (status, location) => reply(status, { headers: `location:${location}\n`, body: "moved" });

test("a request becomes one operation, its result a response", async () => {
  const s = server(reply(201, { text: "Made", headers: "x-a:1\n", body: "hello" }));
  const r = await fetchThrough(s.send, "http://h/p?q#frag", { method: "POST", body: "hi", headers: { "X-B": "2" }, cf: { a: 1 } });
  assertEquals([r.status, r.statusText, r.headers.get("X-A"), r.url, r.redirected, await r.text()], [201, "Made", "1", "http://h/p?q", false, "hello"]);
  assertThrows(() => r.headers.set("a", "b"), "Can't modify immutable headers.");
  assertEquals(s.sent, [{
    bits: 2 | 8 | 32, stream: 0, length: 2, method: "POST", url: "http://h/p?q",
    headers: "X-B:2\nContent-Type:text/plain;charset=UTF-8\n", inline: "hi", cf: '{"a":1}',
  }]);
});

test("redirects are followed, from where they point to", async () => {
  const s = server(redirect(302, "/b?x=1"), redirect(301, "http://other/c"), reply(200, { body: "end" }));
  const r = await fetchThrough(s.send, "http://h/a/x");
  assertEquals([r.url, r.redirected, await r.text()], ["http://other/c", true, "end"]);
  assertEquals(s.sent.map(x => x.url), ["http://h/a/x", "http://h/b?x=1", "http://other/c"]);
});

test("what becomes of method and body on a redirect", async () => {
  const hop = async (status, method) => {
    const s = server(redirect(status, "/b"), reply(200));
    await fetchThrough(s.send, "http://h/", { method, body: method === "HEAD" ? undefined : "x" });
    return [s.sent[1].method, s.sent[1].inline];
  };
  assertEquals(await hop(302, "POST"), ["GET", ""]);
  assertEquals(await hop(301, "PUT"), ["PUT", "x"]);
  assertEquals(await hop(303, "PUT"), ["GET", ""]);
  assertEquals(await hop(303, "HEAD"), ["HEAD", ""]);
  assertEquals(await hop(307, "POST"), ["POST", "x"]);
  assertEquals(await hop(308, "POST"), ["POST", "x"]);
});

test("authorization stays with its origin", async () => {
  const s = server(redirect(302, "/same"), redirect(302, "http://other/"), reply(200));
  await fetchThrough(s.send, "http://h/", { headers: { Authorization: "secret", "X-Keep": "1" } });
  assertEquals(s.sent.map(x => x.headers), ["Authorization:secret\nX-Keep:1\n", "Authorization:secret\nX-Keep:1\n", "X-Keep:1\n"]);
});

test("redirect: manual gives the redirect itself", async () => {
  const s = server(redirect(302, "/b"));
  const r = await fetchThrough(s.send, "http://h/", { redirect: "manual" });
  assertEquals([r.status, r.headers.get("location"), r.redirected, r.type, await r.text()], [302, "/b", false, "default", "moved"]);
});

test("twenty redirects are followed, one more is not", async () => {
  const hops = n => Array.from({ length: n }, () => redirect(302, "/next"));
  const r = await fetchThrough(server(...hops(20), reply(200)).send, "http://h/");
  assertEquals(r.status, 200);
  await assertRejects(fetchThrough(server(...hops(21), reply(200)).send, "http://h/"), { name: "TypeError", message: "Too many redirects." });
  await assertRejects(fetchThrough(server(redirect(302, "http://[")).send, "http://h/"), "Invalid Location header; unable to follow redirect.");
});

test("cache modes become headers", async () => {
  const s = server(reply(200), reply(200));
  await fetchThrough(s.send, "http://h/", { cache: "no-store" });
  await fetchThrough(s.send, "http://h/", { cache: "no-cache", headers: { Pragma: "x" } });
  assertEquals(s.sent.map(x => x.headers), ["Cache-Control:no-cache\nPragma:no-cache\n", "Pragma:x\nCache-Control:no-cache\n"]);
});

test("upgrades and encodings are asked for", async () => {
  const s = server(reply(200), reply(200));
  await fetchThrough(s.send, "http://h/", { headers: { Upgrade: "WebSocket" } });
  await fetchThrough(s.send, "http://h/", { encodeResponseBody: "manual" });
  assertEquals(s.sent.map(x => x.bits), [8 | 32 | 4, 8 | 32]);
});

test("null-body statuses and HEAD have no body", async () => {
  assertEquals((await fetchThrough(server(reply(204)).send, "http://h/")).body, null);
  assertEquals((await fetchThrough(server(reply(200)).send, "http://h/", { method: "HEAD" })).body, null);
  assert((await fetchThrough(server(reply(200)).send, "http://h/")).body !== null);
});

test("errors of main reach the caller", async () => {
  await assertRejects(fetchThrough(server(new Error("Network connection lost.")).send, "http://h/"), "Network connection lost.");
});

test("an abort rejects with its reason, before and while it runs", async () => {
  const s = server(reply(200));
  await assertRejects(fetchThrough(s.send, "http://h/", { signal: AbortSignal.abort(new RangeError("mine")) }), { name: "RangeError", message: "mine" });
  assertEquals(s.sent.length, 0);
  const ac = new AbortController();
  const never = () => Object.assign(new Promise(() => {}), { operation: 0 });
  const p = fetchThrough(never, "http://h/", { signal: ac.signal });
  await sleep(0);
  ac.abort(new RangeError("late"));
  await assertRejects(p, { name: "RangeError", message: "late" });
});

test("a request object is used up; its init overrides it", async () => {
  const s = server(reply(200), reply(200));
  const request = new Request("http://h/", { method: "POST", body: "q", headers: { "x-a": "b" } });
  await fetchThrough(s.send, request, { method: "PUT", body: "z", headers: { "x-c": "d" } });
  assertEquals([s.sent[0].method, s.sent[0].headers, s.sent[0].inline, request.bodyUsed],
    ["PUT", "x-c:d\nContent-Type:text/plain;charset=UTF-8\n", "z", false]);
  await fetchThrough(s.send, request);
  assertEquals([s.sent[1].inline, request.bodyUsed], ["q", true]);
});

test("fetch refuses what it cannot load", async () => {
  for (const url of ["ftp://a/", "file:///etc/passwd", "ws://a/"])
    await assertRejects(fetch(url), { name: "TypeError", message: `Fetch API cannot load: ${url}` });
  await assertRejects(fetch("/relative"), "Invalid URL: /relative");
  await assertRejects(fetch(), "Failed to execute 'fetch' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Request or string'.");
  await assertRejects(fetch("data:bad"), "Fetch API cannot load: data:bad");
});

test("data: URLs are read here", async () => {
  const r = await fetch("data:text/plain;base64,aGk=");
  assertEquals([r.status, r.headers.get("content-type"), await r.text(), r.url], [200, "text/plain", "hi", ""]);
});

test("a used request is refused; a service is told of no body where there is none", async () => {
  const used = new Request("http://h/", { method: "POST", body: "x" });
  await used.text();
  await assertRejects(fetchThrough(server().send, used), "Cannot reconstruct a Request with a used body.");
  const s = server(reply(200), reply(200));
  await fetchThrough(s.send, "http://h/", { method: "DELETE" });
  await fetchThrough(s.send, "http://h/");
  assertEquals(s.sent.map(x => [x.bits, x.length]), [[8 | 32, -1], [8 | 32, -1]]);
  await assertRejects(fetch("http://h/", 5), "parameter 2 is not of type 'RequestInitializerDict or Request'");
});
