const streamOf = (...texts) =>
    new ReadableStream({
        start(c) {
            for (const t of texts) c.enqueue(new TextEncoder().encode(t));
            c.close();
        },
    });

async function run(...texts) {
    const source = EventSource.from(streamOf(...texts));
    const seen = [];
    source.onopen = () => seen.push("open"); // there is no connection to open
    source.onmessage = (e) => seen.push([e.data, e.lastEventId]);
    source.addEventListener("foo", (e) => seen.push(["foo", e.data]));
    await new Promise((resolve) => (source.onerror = resolve));
    return [seen, source.readyState];
}

test("fields, comments, ids and types", async () => {
    assertEquals(await run("data: a\n\ndata:b\ndata: c\nid: 5\n\nevent: foo\ndata: x\n\n: comment\n\ndata\n\nid\ndata: z\n\nretry: 10\n\ndata: unfinished"), [
        [["a", ""], ["b\nc", "5"], ["foo", "x"], ["z", ""]],
        EventSource.CLOSED,
    ]);
});

test("any line end, any split, a byte order mark", async () => {
    const text = "\ufeffdata: a\r\n\r\ndata: b\r\rid: 1\ndata: \u2603\n\n";
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size < bytes.length; size += 3) {
        const parts = [];
        const source = EventSource.from(
            new ReadableStream({
                start(c) {
                    for (let i = 0; i < bytes.length; i += size) c.enqueue(bytes.slice(i, i + size));
                    c.close();
                },
            }),
        );
        source.onmessage = (e) => parts.push(e.data);
        await new Promise((resolve) => (source.onerror = resolve));
        assertEquals(parts, ["a", "b", "\u2603"]);
    }
});

test("a source of a stream is open at once, until it is disposed of", () => {
    const source = EventSource.from(new ReadableStream());
    assertEquals(source.readyState, EventSource.OPEN);
    source[builtin("disposal").DISPOSE]();
    assertEquals(source.readyState, EventSource.CLOSED);
});

test("wrong arguments", () => {
    assertThrows(() => EventSource.from(5), { message: "Failed to execute 'from' on 'EventSource': parameter 1 is not of type 'ReadableStream'." });
    assertThrows(() => new EventSource("nope"), { name: "SyntaxError", message: "Cannot open an EventSource to 'nope'. The URL is invalid." });
});
