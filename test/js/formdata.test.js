const parse = async (body, type = "multipart/form-data; boundary=B") => {
  const out = [];
  for (const [k, v] of await new Response(body, { headers: { "content-type": type } }).formData())
    out.push(typeof v === "string" ? [k, v] : [k, v.name, v.type, await v.text()]);
  return out;
};
const part = (disposition, value = "v") => `--B\r\nContent-Disposition: ${disposition}\r\n\r\n${value}\r\n--B--\r\n`;

test("entries: append, set, delete, get, getAll, has", () => {
  const f = new FormData();
  f.append("a", 1);
  f.append("b", null);
  f.append("a", { toString: () => "obj" });
  assertEquals([f.get("a"), f.getAll("a"), f.get("zz"), f.has("b")], ["1", ["1", "obj"], null, true]);
  f.set("a", 9);
  f.set("c", "new");
  assertEquals([...f], [["a", "9"], ["b", "null"], ["c", "new"]]);
  f.delete("a");
  assertEquals([[...f.keys()], [...f.values()]], [["b", "c"], ["null", "new"]]);
  const seen = [];
  f.forEach(function (v, k, all) { seen.push([k, v, all === f, this.z]); }, { z: 1 });
  assertEquals(seen[0], ["b", "null", true, 1]);
});

test("iteration sees what is added behind it", () => {
  const f = new FormData(), seen = [];
  f.append("a", "1");
  for (const [k] of f) {
    seen.push(k);
    if (seen.length < 3) f.append("c" + seen.length, "x");
  }
  assertEquals(seen, ["a", "c1", "c2"]);
});

test("blobs become files", () => {
  const f = new FormData();
  f.append("x", new Blob(["abc"], { type: "a/b" }));
  f.append("y", new Blob(["q"]), "n.bin");
  const file = new File(["f"], "orig.txt");
  f.append("z", file, "renamed.txt");
  f.append("w", file);
  assertEquals(["x", "y", "z", "w"].map(k => [f.get(k).constructor, f.get(k).name, f.get(k).type, f.get(k).size]),
    [[File, "x", "a/b", 3], [File, "n.bin", "", 1], [File, "renamed.txt", "", 1], [File, "orig.txt", "", 1]]);
  assert(f.get("w") === file);
  f.append("s", "str", "file");
  assertEquals(f.get("s"), "str");
});

test("wrong arguments", () => {
  const f = new FormData();
  assertThrows(() => f.append("a"), "Failed to execute 'append' on 'FormData': parameter 2 is not of type 'File or Blob or string'.");
  assertThrows(() => f.append(), "parameter 1 is not of type 'string'");
  assertThrows(() => f.get(), "parameter 1 is not of type 'string'");
  assertThrows(() => f.forEach(), "parameter 1 is not of type 'function'");
});

test("a form is written as multipart/form-data", async () => {
  const f = new FormData();
  f.append('a"b\n\\c', "v\r\nw");
  f.append("f", new File(["x"], 'a"b.txt', { type: "t/u" }));
  f.append("g", new Blob(["z"]));
  const r = new Response(f);
  const boundary = r.headers.get("content-type").split("boundary=")[1];
  assertEquals(await r.text(), [
    `--${boundary}`, 'Content-Disposition: form-data; name="a%22b%0A\\\\c"', "", "v\r\nw",
    `--${boundary}`, 'Content-Disposition: form-data; name="f"; filename="a%22b.txt"', "Content-Type: t/u", "", "x",
    `--${boundary}`, 'Content-Disposition: form-data; name="g"; filename="g"', "Content-Type: application/octet-stream", "", "z",
    `--${boundary}--`].join("\r\n"));
  const bad = new FormData();
  bad.append("a\\", "v");
  assertThrows(() => new Response(bad), "Name or filename can't end with backslash");
});

test("what is written is read again, bytes included", async () => {
  const f = new FormData();
  f.append("t", "gr\u00fc\u00dfe \u2603");
  f.append("b", new File([new Uint8Array([0, 255, 13, 10, 45, 45])], "\u2603.bin"));
  const g = await new Response(f).formData();
  assertEquals([g.get("t"), g.get("b").name, g.get("b").type], ["gr\u00fc\u00dfe \u2603", "\u2603.bin", "application/octet-stream"]);
  assertEquals(await g.get("b").bytes(), new Uint8Array([0, 255, 13, 10, 45, 45]));
  assertEquals([...(await new Response(new FormData()).formData())], []);
});

test("dispositions as they occur", async () => {
  assertEquals(await parse(part('form-data; name="a"')), [["a", "v"]]);
  assertEquals(await parse(part('form-data;name="a";filename="x"')), [["a", "x", "", "v"]]);
  assertEquals(await parse(part('form-data; name="a"; filename=""')), [["a", "v"]]);
  assertEquals(await parse(part('form-data; name="a\\"b"')), [['a"b', "v"]]);
  assertEquals(await parse(part("form-data; name=\"a\"; filename*=UTF-8''x")), [["a", "v"]]);
  assertEquals(await parse(part('form-data; name = "\u00e9"')), [["\u00e9", "v"]]);
  assertEquals(await parse(part('form-data; name="a"; name="b"')), [["b", "v"]]);
  for (const bad of ["form-data; name=a", 'form-data; name=""', 'form-data; filename="x"'])
    await assertRejects(parse(part(bad)), "Content-Disposition header in FormData part is missing a name.");
  await assertRejects(parse(part('attachment; name="a"')), 'must have the value "form-data", possibly followed by parameters. Got: "attachment"');
});

test("bodies as they occur", async () => {
  const head = 'Content-Disposition: form-data; name="a"';
  assertEquals(await parse(`--B\n${head}\n\nv\n--B--`), [["a", "v"]]);
  assertEquals(await parse(`preamble--B\r\n${head}\r\n\r\nv\r\n--B--`), [["a", "v"]]);
  assertEquals(await parse(`--B\r\n${head}\r\nContent-Type: x/y; z=1\r\n\r\n\r\n--B--`), [["a", ""]]);
  assertEquals(await parse(`--B\r\n${head}\r\n\r\nv--B\r\n--B--`), [["a", "v--B"]]);
  assertEquals(await parse("--B--\r\n"), []);
  await assertRejects(parse(""), "No initial boundary string (or you have a truncated message).");
  await assertRejects(parse("--B"), "No initial boundary string");
  await assertRejects(parse("--B x\r\n"), "Boundary string was not succeeded by CRLF, LF, or '--'.");
  await assertRejects(parse(`--B\r\n${head}\r\n\r\nv`), "No subsequent boundary string after multipart message.");
  await assertRejects(parse(`--B\r\n${head}\r\n\r\n--B--`), "No subsequent boundary string");
  await assertRejects(parse("--B\r\n--B--"), "No multipart message header termination found.");
  await assertRejects(parse("--B\r\nfoo\r\n\r\nv\r\n--B--"), "FormData part had invalid headers.");
  await assertRejects(parse("--B\r\nX: y\r\n\r\nv\r\n--B--"), "No valid Content-Disposition header found in FormData part.");
});

test("content types", async () => {
  await assertRejects(parse("x", "text/plain"), "Unrecognized Content-Type header value.");
  await assertRejects(parse("x", "multipart/form-data"), "No boundary string in Content-Type header.");
  assertEquals(await parse("--q--", 'multipart/form-data; boundary="q"'), []);
  assertEquals(await parse("a=b&&c&=d&e=%ff&f=+%20", "APPLICATION/x-www-form-urlencoded"),
    [["a", "b"], ["c", ""], ["", "d"], ["e", "\ufffd"], ["f", "  "]]);
  await assertRejects(parse("a=b", "application/x-www-form-urlencoded; charset=latin1"), "Non-utf-8 application/x-www-form-urlencoded body.");
});

test("whatever the bytes are, a form or a TypeError comes of them", async () => {
  const whole = '--B\r\nContent-Disposition: form-data; name="a"; filename="f\\"x"\r\nContent-Type: t/u\r\n\r\nvalue\r\n--B\r\n' +
    'content-disposition: form-data; name="\u2603"\n\nv\r\n--B--\r\n';
  const original = new TextEncoder().encode(whole);
  let seed = 12345, forms = 0;
  const below = n => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 12) % n;
  for (let i = 0; i < 3000; i++) {
    let bytes = original.slice(0, below(4) === 0 ? below(original.length) : original.length);
    for (let n = below(4); n > 0 && bytes.length > 0; n--) bytes[below(bytes.length)] = [below(256), 13, 10, 45, 34, 59, 92][below(7)];
    if (below(8) === 0) bytes = new Uint8Array([...bytes, ...original.slice(below(original.length))]);
    try {
      for (const [k, v] of await new Response(bytes, { headers: { "content-type": "multipart/form-data; boundary=B" } }).formData()) {
        assert(typeof k === "string" && (typeof v === "string" || v instanceof File));
        forms++;
      }
    } catch (e) {
      assert(e instanceof TypeError, String(e));
    }
  }
  assert(forms > 500, String(forms));
});
