// Rewriting changes nothing that a program can see: random programs, and one of each form, log the same in the same order as
// they do as written. Lines stay; columns of the source map follow the text.

const { rewrite } = builtin("rewrite");
const { activate, context } = builtin("async_context");
const AsyncFunction = (async () => {}).constructor;

async function logOf(code) {
  const log = [];
  let steps = 0;
  const say = (...args) => {
    if (++steps > 2000) throw new Error("too long");
    log.push(args.map(String).join(" "));
    return args[args.length - 1];
  };
  try {
    const run = new AsyncFunction("__selvage", "say", code)({ context: activate }, say);
    // Beside it something counts turns, so that a turn more or less shows in the log.
    let running = true;
    const done = run.then(() => (running = false), e => { running = false; throw e; });
    for (let i = 0; i < 300 && running; i++) {
      log.push("turn");
      await null;
    }
    await done;
  } catch (error) {
    log.push(`threw ${error}`);
  }
  return log.join("\n");
}

async function compare(program) {
  const { code } = rewrite(program, "");
  assertEquals(code.split("\n").length, program.split("\n").length, "lines");
  const want = await logOf(program);
  const got = await logOf(code);
  if (got !== want) throw new Error(`differs:\n${program}\n---\n${code}\n--- wanted\n${want}\n--- got\n${got}`);
}

// ---- a program of each form ----

const forms = {
  "returns and thenables": `const th = v => ({ then(r) { say("asked"); r(v); } }); const f = async x => x, g = async x => { return x; };
    say(await f(th(1)), await g(th(2)), await th(3), await Promise.resolve(th(4)), await new Promise(r => r(th(5))), await f(Promise.resolve(6)));`,
  "sequences, templates, optional chains": `const o = { async m() { return [1, 2]; } }; say((await 1, await 2), \`\${await 3}\`, (await o?.m())?.[1], await (1, 2), [...await o.m()].length, -await 4, typeof await 5, !(await 0));`,
  "finally overrides": `async function f() { try { return await 1; } finally { await 2; return 3; } } say(await f());`,
  "nested try": `async function f() { try { try { await Promise.reject(1); } finally { say("f1"); await 0; say("f2"); } } catch (e) { say("c", e); throw e + 1; } } await f().catch(e => say(e));`,
  "loops and labels": `a: for (const x of [1, 2, 3]) { for (const y of [1, 2]) { await 0; if (y === 2) continue a; if (x === 3) break a; say(x, y); } } let i = 0; do await 0; while (i++ < 2); for (;;) { if (await true) break; }`,
  "iterators are closed": `function* it() { try { yield 1; yield 2; } finally { say("closed"); } } for (const x of it()) { await 0; break; } try { for (const x of it()) await Promise.reject(x); } catch (e) { say(e); } const [y] = it(); say(y);`,
  "for await": `async function* g() { try { yield 1; yield Promise.resolve(2); } finally { say("end"); } } for await (const x of g()) say(x); for await (const x of g()) { say(x); break; } for await (const x of [Promise.resolve(3), 4]) say(x); let z; for await (z of [5]); say(z); for await (const { a, b = 2 } of [{ a: 1 }]) say(a, b);
    out: for await (const x of [1, 2]) for await (const y of [1, 2]) { if (y === 2) continue out; say(x, y); }`,
  "async generators": `async function* g() { const a = yield 1; say("got", a); try { yield 2; } catch (e) { say("caught", e); yield 3; } finally { say("f"); } return 4; } const it = g();
    say(JSON.stringify([await it.next("x"), await it.next("y"), await it.throw("t"), await it.next(), await it.next()])); const q = g(); say(JSON.stringify(await Promise.all([q.next(), q.next(), q.return(9), q.next()])));`,
  "yield*": `async function* inner() { try { say(yield 1, yield Promise.resolve(2)); return "r"; } finally { say("inner end"); } } async function* outer() { say(yield* inner()); yield* [7, 8]; yield* (function* () { yield 9; })(); } const all = []; for await (const x of outer()) all.push(x); say(all); const it = outer(); await it.next(); await it.return();`,
  "an iterator without return": `const src = { [Symbol.asyncIterator]: () => ({ n: 0, next() { return { value: this.n++, done: this.n > 3 }; } }) }; for await (const x of src) { say(x); if (x === 1) break; } async function* d() { yield* src; } for await (const x of d()) say(x);`,
  "what is no iterable": `for (const bad of [null, 5, {}, { [Symbol.asyncIterator]() { return 1; } }]) try { for await (const x of bad); } catch (e) { say(e instanceof TypeError); }`,
  "sync generators, classes, getters": `class A { #p = 1; static async s() { return await 2; } async *[Symbol.asyncIterator]() { yield this.#p; } get g() { return (async () => await 3)(); } static { say("block"); } x = (() => 4)(); async "quoted name"() { return arguments.length; } } say(await A.s(), await new A().g, new A().x, await new A()["quoted name"](1, 2)); for await (const x of new A()) say(x); function* s() { yield 1; return 2; } say([...s()]);`,
  "directives": `"use strict"; async function f() { "use strict"; try { await 0; undefinedName = 1; } catch (e) { say(e.name); } } await f();`,
  "names": `const held = 1, __selvage_x = 2; var C = 3; async function back(first) { return await first; } say(held, C, __selvage_x, await back(4));`,
  "one line, no spaces": `for await(const x of[1,2])say(x);const f=async()=>[await 1];say(...await f());async function*g(){yield[1];yield*[2]}for await(const x of g())say(x);const h=async x=>{switch(x){case await 1:return[x];default:return await 2}};say(await h(1),await h(3));if(await 1)say(1);else await 2`,
  "promises": `say(JSON.stringify(await Promise.allSettled([1, Promise.reject(2), new Promise((a, b) => b(3))]))); await Promise.resolve(1).finally(() => say("fin")).then(say); const { promise, resolve } = Promise.withResolvers(); resolve(5); say(await promise); say(await Promise.try(() => 6)); class P2 extends Promise {} say((await P2.resolve(7)), P2.resolve(1) instanceof P2, new P2(r => r(1)).then(() => {}) instanceof P2); const p = Promise.resolve(1); say(Promise.resolve(p) === p, p.then.name, p.then.length, Promise.resolve.length); try { await new Promise(5); } catch (e) { say(e.name); } try { new Promise(); } catch (e) { say(e.name); }`,
  "rejections by throw": `async function f(x) { if (x) throw "sync"; await 0; throw "later"; } for (const x of [true, false]) await f(x).catch(e => say(e)); await Promise.reject("r").then(null, e => say(e)); await Promise.resolve(1).then(() => { throw "t"; }).catch(say);`,
  "comments and line ends": `say(await /* one
    two */ 3); const r = await // x
    Promise.resolve(4); say(r);
    async function f() { return ( // y
      await 5 ); } say(await f());`,
};
for (const name of Object.keys(forms)) test(name, () => compare(forms[name]));

// ---- random programs ----

function random(seed) {
  return n => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 4294967296) * n);
  };
}

class Maker {
  constructor(seed) {
    this.pick = random(seed);
    this.names = 0;
    this.kind = "async"; // of the function at hand
    this.loops = [];
  }
  one(list) {
    return list[this.pick(list.length)];
  }
  value(depth) {
    const p = () => this.value(depth - 1);
    if (depth <= 0) return this.one([() => String(this.pick(9)), () => `say("v${this.pick(99)}")`, () => "await 0"])();
    return this.one([
      () => `await ${this.promise(depth - 1)}`,
      () => `(${p()} + ${p()})`,
      () => `[${p()}, ${p()}].length`,
      () => `(${p()}, ${p()})`,
      () => `(${p()} ? ${p()} : ${p()})`,
      () => `await (async () => { ${this.inside("async", depth - 1)} })()`,
      () => `await (async () => ${p()})()`,
      () => (this.kind === "asyncgen" ? `(yield ${p()})` : p()),
      () => `(await ${this.promise(depth - 1)} ?? ${p()})`,
    ])();
  }
  promise(depth) {
    const p = () => this.value(depth - 1);
    return this.one([
      () => `Promise.resolve(${this.pick(9)})`,
      () => `Promise.reject("e${this.pick(9)}")`,
      () => `({ then(r) { say("asked"); r(${this.pick(9)}); } })`,
      () => `new Promise(r => r(${this.pick(9)}))`,
      () => `Promise.resolve(1).then(() => say("t${this.pick(9)}"))`,
      () => `Promise.all([1, Promise.resolve(${p()})])`,
      () => `say("w${this.pick(9)}")`,
    ])();
  }
  inside(kind, depth) {
    const outer = this.kind, loops = this.loops;
    this.kind = kind;
    this.loops = [];
    const text = this.block(depth);
    this.kind = outer;
    this.loops = loops;
    return text;
  }
  block(depth) {
    let text = "";
    for (let i = 1 + this.pick(3); i > 0; i--) text += this.statement(depth) + " ";
    return text;
  }
  loop(head, depth) {
    const label = `l${this.names++}`;
    this.loops.push(label);
    const text = `${label}: ${head} { ${this.block(depth - 1)} }`;
    this.loops.pop();
    return text;
  }
  statement(depth) {
    const v = () => this.value(depth - 1);
    if (depth <= 0) return `say(${this.value(0)});`;
    return this.one([
      () => `say(${v()});`,
      () => `try { ${this.block(depth - 1)} } catch (e) { say("c", e); ${this.block(depth - 1)} }`,
      () => `try { ${this.block(depth - 1)} } finally { say("f"); ${this.block(depth - 1)} }`,
      () => `if (${v()}) { ${this.block(depth - 1)} }`,
      () => this.loop(`for (const x${this.names++} of [1, 2])`, depth),
      () => this.loop(`for (const x${this.names++} of (function* () { try { yield 1; yield 2; } finally { say("closed"); } })())`, depth),
      () => this.loop(`for await (const x${this.names++} of [1, Promise.resolve(${this.pick(9)}), say("i")])`, depth),
      () => this.loop(`for await (const x${this.names++} of (async function* () { ${this.inside("asyncgen", depth - 1)} yield 1; })())`, depth),
      () => (this.loops.length > 0 ? `if (say(${this.pick(2)})) ${this.one(["break", "continue"])} ${this.one(this.loops)};` : `say(0);`),
      () => (this.pick(3) === 0 ? `return ${v()};` : `say(1);`),
      () => (this.pick(3) === 0 ? `throw "x${this.pick(9)}";` : `say(2);`),
      () => (this.kind === "asyncgen" ? this.one([() => `yield ${v()};`, () => `yield* [1, ${this.pick(9)}];`, () => `yield* (async function* () { ${this.inside("asyncgen", depth - 1)} })();`])() : `say(3);`),
      () => `await (async () => { ${this.inside("async", depth - 1)} })().catch(e => say("r", e));`,
    ])();
  }
}

test("random programs do what they did", async () => {
  const first = Number(builtin("async_context").testSeed ?? 1);
  for (let seed = first; seed < first + 300; seed++) await compare(new Maker(seed * 7919).block(3));
});

// ---- the source map ----

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const vlq = n => {
  let rest = n < 0 ? (-n << 1) | 1 : n << 1, out = "";
  do {
    const d = rest & 31;
    rest >>>= 5;
    out += DIGITS[rest ? d | 32 : d];
  } while (rest);
  return out;
};

// A map in which every word of the code is its own source position.
function identity(code) {
  let line = 0, lastColumn = 0, mappings = [], lastLine = 0, lastSource = 0;
  for (const text of code.split("\n")) {
    const row = [];
    let last = 0;
    for (const m of text.matchAll(/[\w$]+/g)) {
      row.push(vlq(m.index - last) + vlq(0) + vlq(line - lastLine) + vlq(m.index - lastSource));
      last = m.index;
      lastLine = line;
      lastSource = m.index;
    }
    mappings.push(row.join(","));
    line++;
  }
  return JSON.stringify({ version: 3, sources: ["a"], names: [], mappings: mappings.join(";") });
}

function decode(map) {
  const rows = [];
  let source = 0, line = 0, column = 0;
  for (const text of JSON.parse(map).mappings.split(";")) {
    const row = [];
    let at = 0;
    for (const segment of text === "" ? [] : text.split(",")) {
      const fields = [];
      for (let i = 0; i < segment.length; ) {
        let value = 0, bits = 0, d;
        do {
          d = DIGITS.indexOf(segment[i++]);
          value |= (d & 31) << bits;
          bits += 5;
        } while (d & 32);
        fields.push(value & 1 ? -(value >>> 1) : value >>> 1);
      }
      row.push([(at += fields[0]), (source += fields[1]), (line += fields[2]), (column += fields[3])]);
    }
    rows.push(row);
  }
  return rows;
}

test("every position of the source is found in the rewritten text", () => {
  for (const program of [...Object.values(forms), ...Array.from({ length: 50 }, (_, i) => new Maker(i + 1).block(3))]) {
    const { code, map } = rewrite(program, identity(program));
    const before = program.split("\n"), after = code.split("\n");
    decode(map).forEach((row, line) => {
      for (const [at, , sourceLine, column] of row) {
        assertEquals(sourceLine, line);
        const word = /^[\w$]+/.exec(before[line].slice(column))[0];
        const there = after[line].slice(at);
        // What was put in front of a word belongs to it.
        assert(there.startsWith(word) || /^ ?(?:__selvage\d*_|const __selvage|try\{|\{)/.test(there), `${word} at ${at} is ${there.slice(0, 40)}`);
      }
    });
  }
});

test("a program that cannot be read says where", () => {
  const error = assertThrows(() => rewrite("const a = 1;\nawait (;", ""), SyntaxError);
  assertEquals([error.loc.line, error.loc.column], [2, 7]);
});

test("text that looks like ours gets other names", () => {
  const { code } = rewrite(`const __selvage_a = 1; await 0;`, "");
  assert(code.includes("__selvage1_a"), code);
  assertEquals(context.frame, null);
});
