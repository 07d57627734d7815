// Programs are rewritten as a worker's are, run, and asked which store they see where.

const { rewrite } = builtin("rewrite");
const { activate, context } = builtin("async_context");
const { AsyncLocalStorage, AsyncResource } = builtin("node/async_hooks").default;
const AsyncFunction = (async () => {}).constructor;
const host = { context: activate };

// The program's result. It sees als, g() (the store, or "-") and log().
async function run(program) {
  const als = new AsyncLocalStorage();
  const log = [];
  const g = () => als.getStore() ?? "-";
  const { code } = rewrite(program, "");
  let made;
  try {
    made = new AsyncFunction("__selvage", "als", "g", "log", code);
  } catch (error) {
    throw new Error(`${error.message} in\n${code}`);
  }
  context.frame = null;
  const result = await made(host, als, g, (...args) => log.push(...args));
  return result === undefined ? log.join() : result;
}

// Another context runs between any two turns of the program, so that what is not restored shows.
const NOISE = `
  let noisy = true;
  (async () => { for (let i = 0; i < 60 && noisy; i++) await als.run("NOISE", async () => { await null; }); })();
  const tick = () => new Promise(r => setTimeout(r, 1));
`;

function context_test(name, program, want) {
  test(name, async () => {
    assertEquals(await run(program), want);
    assertEquals(await run(NOISE + program), want, "with others between");
  });
}

context_test("await keeps the store", `await als.run(1, async () => { log(g()); await null; log(g()); await Promise.resolve().then(() => {}); log(g()); }); log(g());`, "1,1,1,-");
context_test("a nested run ends where it began", `await als.run(1, async () => { await als.run(2, async () => { await 0; log(g()); }); log(g()); als.exit(() => log(g())); await 0; log(g()); });`, "2,1,-,1");
context_test("await inside expressions", `await als.run(1, async () => { log((await 1) + (await 2) * -(await 3), g(), [...await [1, 2]].length, \`\${await 4}\`, (await null)?.x ?? g()); });`, "-5,1,2,4,1");
context_test("a rejection that is caught", `await als.run(1, async () => { try { await Promise.reject(5); } catch (e) { log(e, g()); } finally { log(g()); } log(g()); });`, "5,1,1,1");
context_test("a rejection without binding, from elsewhere", `
  const fails = () => als.run("inner", async () => { await 0; throw 1; });
  await als.run(1, async () => { try { await fails(); } catch { log(g()); } try { await fails(); } finally { log(g()); } }).catch(() => log(g()));`, "1,1,-");
context_test("return in try with finally", `await als.run(1, async () => { try { return await 1; } finally { log(g()); await 0; log(g()); } });`, "1,1");
context_test("then, catch and finally run in the context that called them", `
  const p = Promise.resolve(), q = Promise.reject();
  await Promise.all([als.run(1, () => p.then(() => log(g()))), als.run(2, () => q.catch(() => log(g()))), als.run(3, () => p.finally(() => log(g()))), p.then(() => log(g()))]);`, "1,2,3,-");
context_test("what a microtask throws is told in its context", `
  const told = new Promise((done) => addEventListener("error", (e) => { e.preventDefault(); log(e.error, g()); done(); }, { once: true }));
  als.run(1, () => queueMicrotask(() => { throw "boom"; }));
  await told;`, "boom,1");
context_test("a promise resolved elsewhere", `const { promise, resolve } = Promise.withResolvers(); const p = als.run(1, () => promise.then(() => g())); als.run(2, () => resolve()); log(await p);`, "1");
context_test("thenables are asked in the context that met them", `
  const th = { then(r) { log(g()); r(1); } };
  await als.run(1, async () => { await th; });
  await als.run(2, () => Promise.resolve(th));
  await als.run(3, () => new Promise(r => r(th)));
  await als.run(4, async () => th);
  await als.run(5, () => Promise.resolve().then(() => th));
  await als.run(6, () => Promise.all([th]));
  await als.run(7, () => { const { promise, resolve } = Promise.withResolvers(); resolve(th); return promise; });
  await als.run(8, () => Promise.try(() => th));
  await als.run(9, async () => { for await (const x of [th]) log(x); });`, "1,2,3,4,5,6,7,8,9,1");
context_test("a thenable that gives a thenable, and one whose then throws", `
  const inner = { then(r) { log(g()); r("v"); } };
  await als.run(1, async () => log(await { then(r) { log(g()); r(inner); } }));
  await als.run(2, async () => { try { await { get then() { throw "no"; } }; } catch (e) { log(e, g()); } });`, "1,1,v,no,2");
context_test("a subclass of Promise", `class Mine extends Promise { then(a, b) { log(g()); return super.then(a, b); } } await als.run(1, async () => { await Mine.resolve(1); log(g()); });`, "1,1");
context_test("sync generators run in the context of who asks", `function* f() { log(g()); yield; log(g()); } const it = f(); als.run(1, () => it.next()); als.run(2, () => it.next());`, "1,2");
context_test("async generators, resumed by a call and from the queue", `
  async function* gen() { try { log("s", g()); yield 1; log("a", g()); await null; log("b", g()); yield 2; log("c", g()); yield 3; } finally { log("f", g()); } }
  const it = als.run("G", () => gen());
  await als.run("1", () => it.next());
  const p2 = als.run("2", () => it.next()), p3 = als.run("3", () => it.next());
  await p2; await p3;
  await als.run("4", () => it.next());`, "s,1,a,2,b,2,c,2,f,4");
context_test("throw() into an async generator", `
  async function* gen() { for (;;) { try { yield g(); } catch (e) { log(e, g()); await 0; log(g()); } } }
  const it = gen();
  await als.run(1, () => it.next());
  await als.run(2, () => it.throw("t"));`, "t,2,2");
context_test("yield* to async and sync iterables", `
  async function* inner() { log(g()); const x = yield 1; log(x, g()); await 0; log(g()); return "r"; }
  async function* outer() { log(yield* inner(), g()); log(yield* [7], g()); }
  const it = outer();
  await als.run(1, () => it.next());
  await als.run(2, () => it.next("x"));
  await als.run(3, () => it.next());`, "1,x,2,2,r,2,,3");
context_test("for await keeps the consumer's context", `
  async function* source() { for (let i = 0; i < 3; i++) { await 0; yield i; } }
  const s = als.run("S", () => source());
  await als.run(1, async () => { for await (const x of s) { log(x, g()); if (x === 1) continue; await 0; } log(g()); });`, "0,1,1,1,2,1,1");
context_test("for await left by break, return, throw and label", `
  const make = () => ({ [Symbol.asyncIterator]() { return { i: 0, async next() { return { value: this.i++, done: false }; }, async return() { await 0; log("r", g()); return {}; } }; } });
  await als.run(1, async () => { for await (const x of make()) break; log(g()); });
  await als.run(2, async () => { for await (const x of make()) return; }).then(() => log(g()));
  await als.run(3, async () => { try { for await (const x of make()) throw x; } catch (e) { log(g()); } });
  await als.run(4, async () => { out: for (let i = 0; i < 2; log(g()), i++) for await (const x of make()) continue out; log(g()); });
  await als.run(5, async () => { inner: for await (const x of make()) { for (;;) { if (x) break inner; continue inner; } } log(g()); });`, "r,1,1,r,2,-,r,3,3,r,4,4,r,4,4,4,r,5,5");
context_test("for await whose source fails", `
  await als.run(1, async () => { try { for await (const x of { [Symbol.asyncIterator]() { return { async next() { await 0; throw 9; } }; } }); } catch (e) { log(e, g()); } });`, "9,1");
context_test("a rejection closes a sync iterator in the right context", `
  function* it() { try { yield 1; yield 2; } finally { log(g()); } }
  await als.run(1, async () => { for (const x of it()) await Promise.reject(0); }).catch(() => log(g()));`, "1,-");
context_test("destructuring heads", `await als.run(1, async () => { for await (const { a, b: [c] } of [{ a: 1, b: [2] }]) log(a, c, g()); let y; for await (y of [3]) log(y); });`, "1,2,1,3");
context_test("arrows, methods, classes, arguments and this", `
  class A { x = "x"; static s = als.run(9, () => g()); async m() { await 0; return [this.x, arguments.length, g(), A.s].join("/"); } async *[Symbol.asyncIterator]() { yield await this.m(1, 2); } get p() { return (async () => { await 0; return this.x + g(); })(); } }
  await als.run(1, async () => { const a = new A(); log(await a.m(1), await a.p); for await (const x of a) log(x); });
  log(await als.run(2, async (x = (() => g())()) => (await 0, x, g())));
  log((await als.run(3, async () => ({ g: g() }))).g);`, "x/1/1/9,x1,x/2/1/9,2,3");
context_test("combinators", `
  const later = async v => { await 0; await 0; return v + g(); };
  await als.run(1, async () => { log(...await Promise.all([later("a"), later("b")]), await Promise.race([later("c")]), await Promise.any([Promise.reject(), later("d")]), (await Promise.allSettled([later("e")]))[0].value, g()); });`, "a1,b1,c1,d1,e1,1");
context_test("timers and microtasks", `
  await als.run(1, () => new Promise(r => setTimeout(a => { log(a, g()); r(); }, 1, "t")));
  await als.run(2, () => new Promise(r => queueMicrotask(() => { log(g()); r(); })));
  await als.run(3, () => new Promise(r => setImmediate(() => { log(g()); r(); })));
  await als.run(4, () => new Promise(r => { let n = 0; const id = setInterval(() => { log(g()); if (++n === 2) { clearInterval(id); r(); } }, 1); }));
  await als.run(5, async () => { await scheduler.wait(1); log(g()); });
  log(await new Promise(r => als.run(6, () => AbortSignal.timeout(1)).addEventListener("abort", () => r(g()))));`, "t,1,2,3,4,4,5,-");
context_test("events run where they are fired", `const t = new EventTarget(); als.run(1, () => t.addEventListener("x", () => log(g()))); als.run(2, () => t.dispatchEvent(new Event("x")));`, "2");
context_test("bind and snapshot", `
  const b = als.run(1, () => AsyncLocalStorage_.bind((...a) => a.concat(g()))), s = als.run(2, () => AsyncLocalStorage_.snapshot());
  log(...b(5), s((...a) => a.concat(g()), 6), als.run(3, () => AsyncLocalStorage_.bind(async () => { await 0; return g(); }))() instanceof Promise);`.replaceAll("AsyncLocalStorage_", "als.constructor"), "5,1,6,2,true");
context_test("AsyncResource", `
  const { AsyncResource } = als.constructor.resources; const r = als.run(1, () => new AsyncResource("x"));
  log(r.runInAsyncScope((a, b) => a + b + g(), null, 1, 2), r.bind(function () { return this === globalThis && g(); })(), r.bind(() => g()).asyncResource === r, AsyncResource.bind(() => g())());`, "4,1,true,-");
AsyncLocalStorage.resources = { AsyncResource };
context_test("two storages", `const b = new als.constructor(); await als.run(1, () => b.run(2, async () => { await 0; log(g(), b.getStore()); als.run(3, () => log(g(), b.getStore())); b.exit(() => log(g(), b.getStore())); }));`, "1,2,3,2,1,");
context_test("Array.fromAsync", `await als.run(1, async () => { log(await Array.fromAsync([1, Promise.resolve(2)], async x => { await 0; return x + ":" + g(); }), await Array.fromAsync({ length: 1, 0: 5 }), await Array.fromAsync((async function* () { yield g(); await 0; yield g(); })())); log(g()); });`, "1:1,2:1,5,1,1,1");
context_test("top-level await", `log(g()); await als.run(1, () => tick_()); log(g()); async function tick_() { await 0; log(g()); }`, "-,1,-");
context_test("streams call back in the context of who asks, or of what came before", `
  const rs = als.run("NEW", () => new ReadableStream({ start() { log("start", g()); }, pull(c) { log("pull", g()); c.enqueue(1); }, cancel() { log("cancel", g()); } }, { highWaterMark: 0 }));
  await new Promise(r => setTimeout(r, 1));
  const rd = rs.getReader();
  await als.run("R1", () => rd.read()); await als.run("R2", () => rd.read()); await als.run("CC", () => rd.cancel());
  const w = als.run("NEW", () => new WritableStream({ start() { log("start", g()); }, write() { log("write", g()); }, close() { log("close", g()); } })).getWriter();
  als.run("W1", () => w.write(1)); await als.run("W2", () => w.write(1)); await als.run("CC", () => w.close());`, "start,NEW,pull,R1,pull,R2,cancel,CC,start,NEW,write,NEW,write,NEW,close,CC");
context_test("transform streams and pipes", `
  const ts = als.run("NEW", () => new TransformStream({ async transform(x, c) { log("t", g()); await 0; log(g()); c.enqueue(x); } }));
  const w = ts.writable.getWriter(), r = ts.readable.getReader();
  als.run("W", () => w.write(1)); await als.run("R", () => r.read());
  let n = 0;
  const src = als.run("SRC", () => new ReadableStream({ pull(c) { log("pull", g()); c.enqueue(1); if (++n > 1) c.close(); } }, { highWaterMark: 0 }));
  const dst = als.run("DST", () => new WritableStream({ write() { log("write", g()); } }));
  await als.run("PIPE", () => src.pipeTo(dst));`, "t,W,W,pull,PIPE,write,PIPE,pull,PIPE,write,PIPE");

test("fifty interleaved chains keep their stores", async () => {
  const seen = await run(`
    const step = async (n) => { for (let i = 0; i < 9; i++) { if (i % 3 === 0) await null; else if (i % 3 === 1) await new Promise(r => setTimeout(r, (n * 7 + i) % 3)); else try { await Promise.reject(i); } catch { if (g() !== n) return "wrong"; } if (g() !== n) return "wrong " + g(); } return "ok"; };
    return [...new Set(await Promise.all(Array.from({ length: 50 }, (_, n) => als.run(n, step, n))))].join();`);
  assertEquals(seen, "ok");
});

test("arguments of run and the like are checked with the platform's texts", () => {
  const als = new AsyncLocalStorage({ name: "n", defaultValue: 3 });
  assertEquals([als.name, als.getStore(), als.run(undefined, () => als.getStore()), als.exit(() => als.getStore())], ["n", 3, undefined, undefined]);
  assertThrows(() => als.run(), "Failed to execute 'run' on 'AsyncLocalStorage': parameter 1 is not of type 'Value'.");
  assertThrows(() => als.run(1), "Failed to execute 'run' on 'AsyncLocalStorage': parameter 2 is not of type 'function'.");
  assertThrows(() => als.enterWith(1), "asyncLocalStorage.enterWith() is not implemented");
  assertThrows(() => als.disable(), "asyncLocalStorage.disable() is not implemented");
  assertThrows(() => AsyncLocalStorage.bind(1), "Failed to execute 'bind' on 'AsyncLocalStorage': parameter 1 is not of type 'Function'.");
  assertThrows(() => AsyncLocalStorage.snapshot()(5), "The first argument must be a function");
  assertThrows(() => AsyncLocalStorage.prototype.getStore.call({}), "Illegal invocation");
  assertThrows(() => new AsyncResource("x", { triggerAsyncId: 1 }), "The 'triggerAsyncId' field on 'Options' is not implemented.");
});
