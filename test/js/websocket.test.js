const pair = () => {
    const p = new WebSocketPair();
    p[0].accept();
    p[1].accept();
    return [p[0], p[1]];
};
const next = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));

test("messages arrive later, in order, as what they were", async () => {
    const [a, b] = pair();
    const seen = [];
    b.binaryType = "arraybuffer";
    b.addEventListener("message", (e) => seen.push(typeof e.data === "string" ? e.data : new Uint8Array(e.data)));
    a.send("1");
    const bytes = new Uint8Array([1, 2, 3]);
    a.send(bytes.subarray(1));
    bytes[1] = 9;
    a.send(5);
    seen.push("sync");
    await sleep(1);
    assertEquals(seen, ["sync", "1", new Uint8Array([2, 3]), "5"]);
});

test("what is sent before accept waits", async () => {
    const p = new WebSocketPair();
    p[0].accept();
    p[0].send("early");
    p[0].close(1000, "bye");
    const seen = [];
    p[1].addEventListener("message", (e) => seen.push(e.data));
    p[1].addEventListener("close", (e) => seen.push([e.code, e.reason]));
    await sleep(1);
    p[1].accept();
    await sleep(1);
    assertEquals(seen, ["early", [1000, "bye"]]);
});

test("both sides close with codes of their own", async () => {
    const [a, b] = pair();
    const first = next(b, "close");
    a.close(4001, "reason");
    const e = await first;
    assertEquals([e.code, e.reason, e.wasClean], [4001, "reason", true]);
    // All flags are on here: web_socket_auto_reply_to_close has answered with the same code.
    assertEquals(b.readyState, WebSocket.CLOSED);
    const c = new WebSocketPair();
    c[0].accept();
    c[1].accept({ allowHalfOpen: true });
    const closing = next(c[1], "close");
    c[0].close(4001, "reason");
    await closing;
    assertEquals([c[0].readyState, c[1].readyState], [WebSocket.CLOSING, WebSocket.CLOSING]);
    const second = next(c[0], "close");
    c[1].close(4002, "reply");
    const reply = await second;
    assertEquals([reply.code, reply.reason, c[0].readyState, c[1].readyState], [4002, "reply", WebSocket.CLOSED, WebSocket.CLOSED]);
});

test("rules of send and close", () => {
    const raw = new WebSocketPair();
    const text = "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";
    assertThrows(() => raw[0].send("x"), { name: "TypeError", message: text });
    const [a] = pair();
    assertThrows(() => a.close(undefined, "r"), { name: "InvalidAccessError", message: "If you specify a WebSocket close reason, you must also specify a code." });
    for (const code of [999, 1004, 1005, 1006, 1015, 5000, 0, 65536, "x"]) assertThrows(() => a.close(code), { name: "InvalidAccessError" });
    assertThrows(() => a.close(1000, "\u00e9".repeat(62)), { name: "SyntaxError", message: "WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded." });
    a.close(1000, "r".repeat(123));
    a.close(1000);
    assertThrows(() => a.send("late"), { name: "TypeError", message: "Can't call WebSocket send() after close()." });
    assertThrows(() => a.send(), TypeError);
});

test("a listener that throws breaks the connection", async () => {
    const [a, b] = pair();
    const seen = [];
    b.addEventListener("message", () => { throw new Error("in listener"); });
    b.addEventListener("error", (e) => seen.push(e.message));
    a.addEventListener("error", (e) => seen.push(e.message));
    a.addEventListener("close", (e) => seen.push([e.code, e.wasClean]));
    const runtime = builtin("runtime");
    let uncaught;
    runtime.setOnUncaught((e) => (uncaught = e));
    a.send("1");
    await sleep(1);
    runtime.setOnUncaught((e) => { throw e; });
    assertEquals(seen, ["Uncaught Error: in listener", [1006, false]]);
    assertEquals(uncaught.message, "in listener");
});

test("constructor arguments", () => {
    const cases = [
        [["nope"], "The url is invalid."],
        [["ftp://a/"], "The url scheme must be ws or wss."],
        [["ws://a/#f"], "The url fragment must be empty."],
        [["ws://a/", "bad token"], "The protocol header token is invalid."],
        [["ws://a/", ["x", "x"]], "The protocols header cannot have repeating values."],
    ];
    for (const [args, text] of cases) assertThrows(() => new WebSocket(...args), { name: "SyntaxError", message: `WebSocket Constructor: ${text}` });
});

test("attachments", () => {
    const [a] = pair();
    assertEquals(a.deserializeAttachment(), null);
    a.serializeAttachment({ x: [1] });
    assertEquals(a.deserializeAttachment(), { x: [1] });
    assertThrows(() => a.serializeAttachment("x".repeat(20000)), /larger than 16384 bytes/);
});

test("message channels copy, in order, once started", async () => {
    const { port1, port2 } = new MessageChannel();
    const seen = [];
    port2.addEventListener("message", (e) => seen.push(e.data));
    const value = { a: 1 };
    port1.postMessage(value);
    value.a = 2;
    port1.postMessage(2);
    await sleep(1);
    assertEquals(seen, []);
    port2.start();
    await sleep(1);
    assertEquals(seen, [{ a: 1 }, 2]);
    port1.close();
    port2.postMessage(3);
});

test("both ends of a channel hear that it is closed, and nothing is transferred", async () => {
    const { port1, port2 } = new MessageChannel();
    const seen = [];
    port1.onclose = () => seen.push("first");
    port2.addEventListener("close", () => seen.push("second"));
    port2.onmessage = (e) => seen.push(e.data);
    port1.postMessage("before");
    port1.close();
    port1.postMessage("after");
    assertEquals(seen, ["second", "first"]);
    for (let i = 0; i < 5; i++) await null;
    port2.close();
    assertEquals(seen, ["second", "first", "before"]);
    const other = new MessageChannel().port1;
    for (const list of [[new ArrayBuffer(1)], { transfer: [1] }]) assertThrows(() => other.postMessage(1, list), { message: "Transfer list is not supported" });
    other.postMessage(1, []);
});
