const rewrite = (html, set, init) => set(new HTMLRewriter()).transform(new Response(html, init)).text();
const element = (html, selector, handler) => rewrite(html, (r) => r.on(selector, { element: handler }));

test("edits of an element stand where they should", async () => {
    assertEquals(
        await element("<p>x</p>", "p", (e) => {
            for (const n of [1, 2]) e.after(`a${n}`).before(`b${n}`).prepend(`p${n}`).append(`e${n}`);
        }),
        "b1b2<p>p2p1xe1e2</p>a2a1",
    );
    assertEquals(await element("<p>x</p>", "p", (e) => e.after("A").replace("R").before("B").append("I").prepend("P")), "BRPIA");
    assertEquals(await element("<p>x<i>y</i></p>", "p", (e) => e.setInnerContent("<n>")), "<p>&lt;n&gt;</p>");
    assertEquals(await element("a<p>x</p>b", "p", (e) => e.remove().before("B").after("A").append("in")), "aBinAb");
    assertEquals(await element("a<p>x<i>y</i></p>b", "p", (e) => e.removeAndKeepContent()), "ax<i>y</i>b");
    assertEquals(await element("a<br>b", "br", (e) => e.after("1").append("no").setInnerContent("no")), "a<br>1b");
});

test("elements that are never closed, or closed by another's end tag", async () => {
    assertEquals(await element("<div><p>x</div>y", "p", (e) => e.append("A").after("F")), "<div><p>xA</div>Fy");
    assertEquals(await element("<div><p>x<b>q</div>y", "p,b", (e) => e.append(`A${e.tagName}`).after(`F${e.tagName}`)), "<div><p>x<b>qAp</div>Fpy");
    assertEquals(await element("<div><p>x", "p", (e) => e.replace("R")), "<div>R");
    assertEquals(await element("<b>x", "b", (e) => e.onEndTag((t) => t.before("never"))), "<b>x");
    const seen = [];
    assertEquals(
        await element("<a><b><c>x</a>", "a,b,c", (e) => {
            const name = e.tagName;
            e.onEndTag((t) => void (seen.push(name), t.before(name)));
            e.after(name.toUpperCase());
        }),
        "<a><b><c>xa</a>A",
    );
    assertEquals(seen, ["c", "b", "a"]);
});

test("attributes keep their form until they are changed", async () => {
    assertEquals(await element("<a b='1' c=2 d=\"3\" e>", "a", (e) => e.setAttribute("z", "9")), "<a b='1' c=2 d=\"3\" e z=\"9\">");
    assertEquals(await element("<a B=1 c='x'>", "a", (e) => e.setAttribute("B", 'q"<&').setAttribute("NEW", "v").removeAttribute("C")), '<a B="q&quot;<&" new="v">');
    let seen;
    await element("<a B=1 c='&amp;' d b=2>", "a", (e) => {
        seen = [[...e.attributes], e.getAttribute("b"), e.hasAttribute("D"), e.getAttribute("zz")];
    });
    assertEquals(seen, [[["b", "1"], ["c", "&amp;"], ["d", ""], ["b", "2"]], "1", true, null]);
    await assertRejects(element("<a>", "a", (e) => e.setAttribute("a b", "")), { name: "TypeError", message: "Parser error: ` ` character is forbidden in the attribute name" });
    await assertRejects(
        element("<p a=1 b=2>", "p", (e) => {
            for (const [name] of e.attributes) e.removeAttribute(name);
        }),
        /modified during iteration/,
    );
});

test("handlers run in order of registration, one after another, and may take their time", async () => {
    const seen = [];
    const out = await rewrite("<p>x<!--c--></p>", (r) =>
        r
            .on("p", { async element(e) { await sleep(2); seen.push(1); e.append("!"); }, text() { seen.push("t1"); } })
            .onDocument({ text() { seen.push("td"); }, comments() { seen.push("cd"); }, end(e) { e.append("<end>", { html: true }); } })
            .on("p", { element() { seen.push(2); }, comments() { seen.push("c2"); } }),
    );
    assertEquals(out, "<p>x<!--c-->!</p><end>");
    assertEquals(seen, [1, 2, "t1", "td", "t1", "td", "c2", "cd"]);
});

test("text comes in chunks, with an empty last one, never cut inside of a character", async () => {
    const seen = [];
    const bytes = new TextEncoder().encode("<p>a\u2603b</p>");
    const body = new ReadableStream({
        start(c) {
            for (const b of bytes) c.enqueue(new Uint8Array([b]));
            c.close();
        },
    });
    const out = await new HTMLRewriter().on("p", { text(t) { seen.push([t.text, t.lastInTextNode]); } }).transform(new Response(body)).text();
    assertEquals(out, "<p>a\u2603b</p>");
    assertEquals(seen, [["a", false], ["\u2603", false], ["b", false], ["", true]]);
});

test("removed content is read, not written", async () => {
    const seen = [];
    const out = await rewrite("<div>a<p>b</p></div>d", (r) =>
        r.on("div", { element: (e) => void e.remove() }).on("p", { element(e) { seen.push("p"); e.after("AFTER"); }, text(t) { seen.push(t.text); } }),
    );
    assertEquals([out, seen], ["d", ["p", "b", ""]]);
});

test("tokens are of no use after their handler", async () => {
    let kept, iterator;
    await element("<p a=1>x</p>", "p", (e) => { kept = e; iterator = e.attributes; });
    const message = "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler.";
    assertThrows(() => kept.tagName, { name: "TypeError", message });
    assertThrows(() => kept.remove(), { message });
    assertThrows(() => iterator.next(), { message });
});

test("what a handler throws ends the body", async () => {
    await assertRejects(element("<p>", "p", () => { throw new RangeError("sync"); }), { name: "RangeError", message: "sync" });
    await assertRejects(element("<p>", "p", async () => { throw new RangeError("async"); }), { name: "RangeError", message: "async" });
});

test("comments, doctypes, streams as content", async () => {
    assertEquals(await rewrite("<!--a-->b", (r) => r.onDocument({ comments(c) { c.before("1"); c.after("2"); c.text = "new"; } })), "1<!--new-->2b");
    await assertRejects(rewrite("<!--a-->", (r) => r.onDocument({ comments(c) { c.text = "-->"; } })), /closing sequence/);
    let seen;
    await rewrite("<!DOCTYPE HTML PUBLIC 'a' \"b\">", (r) => r.onDocument({ doctype(d) { seen = [d.name, d.publicId, d.systemId]; } }));
    assertEquals(seen, ["html", "a", "b"]);
    assertEquals(await element("<p>x</p>", "p", (e) => e.append(new Response("<s>").body, { html: true }).append("t").prepend(new Response("<r>"))), "<p>&lt;r&gt;x<s>t</p>");
});

test("other encodings are decoded and written back", async () => {
    const body = new Uint8Array([0x3c, 0x70, 0x3e, 0xe9, 0x3c, 0x2f, 0x70, 0x3e]);
    let text = "";
    const response = new Response(body, { headers: { "content-type": "text/html; charset=windows-1252" } });
    const out = await new HTMLRewriter().on("p", { element(e) { e.append("\u00e9\u2603"); }, text(t) { text += t.text; } }).transform(response).arrayBuffer();
    assertEquals(text, "\u00e9");
    assertEquals(String.fromCharCode(...new Uint8Array(out)), "<p>\u00e9\u00e9&#9731;</p>");
    const bad = (charset) => () => new HTMLRewriter().on("p", {}).transform(new Response("", { headers: { "content-type": `text/html; charset=${charset}` } }));
    assertThrows(bad("nope"), { message: "Parser error: Unknown character encoding has been provided." });
    assertThrows(bad("utf-16"), { message: "Parser error: Expected ASCII-compatible encoding." });
});

test("wrong arguments", () => {
    assertThrows(() => new HTMLRewriter().on("p:hover", {}), { message: "Parser error: Unsupported pseudo-class or pseudo-element in selector." });
    assertThrows(() => new HTMLRewriter().on("p", { element: 5 }), {
        message: "Incorrect type for the 'element' field on 'ElementContentHandlers': the provided value is not of type 'function'.",
    });
    assertThrows(() => new HTMLRewriter().transform("x"), { message: "Failed to execute 'transform' on 'HTMLRewriter': parameter 1 is not of type 'Response'." });
});

test("each handler has a token of its own, of one element", async () => {
    const seen = [];
    let first;
    const out = await rewrite("<p a=1><!--c-->", (r) =>
        r
            .on("*", { element(e) { first = e; e.mark = 1; e.setAttribute("a", "2"); }, comments(c) { c.text = "d"; } })
            .on("p", { element(e) { seen.push(e === first, e.mark, e.getAttribute("a")); }, comments(c) { seen.push(c.text); } }),
    );
    assertEquals([seen, out], [[false, undefined, "2", "d"], '<p a="2"><!--d-->']);
    assertThrows(() => first.tagName, { message: "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler." });
});

test("content that is undefined is a text; attributes are an iterator of the language", async () => {
    assertEquals(await element("<p>", "p", (e) => e.before(undefined)), "undefined<p>");
    await element("<p b=2>", "p", (e) => {
        assertThrows(() => e.before(), { message: "Failed to execute 'before' on 'Element': parameter 1 is not of type 'string or ReadableStream or Response'." });
        const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
        assert(Object.getPrototypeOf(Object.getPrototypeOf(e.attributes)) === IteratorPrototype);
    });
});

test("a doctype is valid in its handler alone; a stream of content must be UTF-8", async () => {
    let kept;
    await rewrite("<!DOCTYPE html>", (r) => r.onDocument({ doctype(d) { kept = d; assertEquals(JSON.stringify(d), '{"systemId":null,"publicId":null,"name":"html"}'); } }));
    assertThrows(() => kept.name, { message: "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler." });
    await assertRejects(element("<p>", "p", (e) => e.append(new Response(new Uint8Array([0xe2, 0x28, 0xa1])))), { message: "Parser error: Invalid UTF-8" });
});
