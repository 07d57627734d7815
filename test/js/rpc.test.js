const { RpcStub, RpcTarget, WorkerEntrypoint, answerRpc, rpcErrorJSON } = builtin("rpc");
const { serialize, deserialize } = builtin("clone");

class Counter extends RpcTarget {
    #value;
    constructor(value) {
        super();
        this.#value = value;
        this.own = 1;
    }
    increment(by = 1) {
        return (this.#value += by);
    }
    get value() {
        return this.#value;
    }
    child() {
        return new Counter(this.#value * 10);
    }
    fail() {
        throw new RangeError("failed");
    }
}

test("a stub calls methods and reads properties of the prototype, nothing else", async () => {
    const stub = new RpcStub(new Counter(1));
    assertEquals([typeof stub, String(stub), stub.constructor.name, stub instanceof RpcStub, Object.keys(stub)], ["function", "[object JsRpcStub]", "RpcStub", true, []]);
    assertEquals(await stub.increment(2), 3);
    assertEquals(await stub.value, 3);
    await assertRejects(async () => await stub.own, { name: "TypeError", message: 'The RPC receiver does not implement the method "own".' });
    await assertRejects(async () => await stub.constructor2(), { message: 'The RPC receiver does not implement the method "constructor2".' });
    await assertRejects(async () => await stub(), { message: '"(this)" is not a function.' });
    await assertRejects(async () => await stub.value(), { message: '"value" is not a function.' });
    await assertRejects(async () => await stub.fail(), { name: "RangeError", message: "failed" });
});

test("calls on results need not wait", async () => {
    const stub = new RpcStub(new Counter(2));
    assertEquals(await stub.child().increment(), 21);
    assertEquals(await stub.child().child().value, 200);
    const plain = new RpcStub({ nested: () => ({ a: { b: { c: () => "deep" } }, n: 1 }) });
    assertEquals([await plain.nested().a.b.c(), await plain.nested().n], ["deep", 1]);
    await assertRejects(async () => await plain.nested().n.x, { message: 'The RPC receiver does not implement the method "x".' });
});

test("functions travel both ways; values are copies", async () => {
    const given = { list: [1] };
    const stub = new RpcStub({
        call: async (fn) => [typeof fn, await fn(4)],
        echo: (v) => v,
        make: () => (x) => x + 1,
    });
    assertEquals([...(await stub.call((x) => x * 2))], ["function", 8]);
    const copy = await stub.echo(given);
    assert(copy !== given && copy.list[0] === 1);
    assertEquals(typeof copy[Symbol.dispose], "function");
    assertEquals(await (await stub.make())(1), 2);
    await assertRejects(async () => await stub.echo(Symbol("x")), { name: "DataCloneError" });
});

test("disposal, and the target's own", async () => {
    let disposed = 0;
    class Held extends RpcTarget {
        hi() { return "hi"; }
        [Symbol.dispose]() { disposed++; }
    }
    const stub = new RpcStub(new Held());
    const other = stub.dup();
    stub[Symbol.dispose]();
    assertEquals([await other.hi(), disposed], ["hi", 0]);
    await assertRejects(async () => await stub.hi(), { message: "RPC stub used after being disposed." });
    other[Symbol.dispose]();
    assertEquals(disposed, 0);
    await null; // a job of its own
    await null;
    assertEquals(disposed, 1);
});

test("promises and properties look like the platform's", async () => {
    const stub = new RpcStub(new Counter(1));
    const promise = stub.increment();
    assertEquals([typeof promise, String(promise), promise.constructor.name, promise instanceof Promise], ["function", "[object JsRpcPromise]", "RpcPromise", false]);
    assertEquals(String(stub.value), "[object JsRpcProperty]");
    assertEquals(await promise.then((n) => n + 1), 3);
    assertThrows(() => new RpcStub(5), { message: "Failed to construct 'JsRpcStub': constructor parameter 1 is not of type 'JsObject'." });
    assertThrows(() => new WorkerEntrypoint(), { message: "Failed to construct 'WorkerEntrypoint': constructor parameter 1 is not of type 'JsObject'." });
});

test("an entrypoint answers by its class, with names kept back", async () => {
    class Svc extends WorkerEntrypoint {
        field = 1;
        add(a, b) { return a + b; }
        get greeting() { return "hello"; }
        alarm() {}
    }
    const svc = new Svc({}, {});
    const CALL = 0, GET = 1;
    const ask = async (action, path, ...args) => {
        const answer = await answerRpc(svc, action, path, serialize(args), []);
        answer.sent();
        return deserialize(answer.value);
    };
    assertEquals([await ask(CALL, "add", 2, 3), await ask(GET, "greeting")], [5, "hello"]);
    await assertRejects(ask(CALL, "field"), { message: 'The RPC receiver does not implement the method "field".' });
    await assertRejects(ask(CALL, "toString"), { message: 'The RPC receiver does not implement the method "toString".' });
    await assertRejects(ask(CALL, "alarm"), { message: "'alarm' is a reserved method and cannot be called over RPC." });
    await assertRejects(ask(GET, new Array(70).fill("a").join("\0")), /too deep/);
    await assertRejects(answerRpc(svc, CALL, "add", new Uint8Array([1, 2, 3]), []), { name: "DataCloneError" });
});

test("errors cross with name and message", () => {
    class MyError extends Error {
        name = "MyError";
    }
    const cases = [
        [new RangeError("r"), { name: "RangeError", message: "r", dom: false }],
        [new MyError("m"), { name: "Error", message: "MyError: m", dom: false }],
        [new DOMException("d", "DataError"), { name: "DataError", message: "d", dom: true }],
        ["text", { name: "Error", message: "text", dom: false }],
        [null, { name: "Error", message: "null", dom: false }],
        [{ a: 1 }, { name: "Error", message: "#<Object>", dom: false }],
    ];
    for (const [error, want] of cases) {
        const json = JSON.parse(rpcErrorJSON(error));
        assertEquals([json.name, json.message, json.stack, json.dom], [want.name, want.message, "", want.dom]);
    }
    // With enhanced_error_serialization the value itself arrives, but not its stack.
    const mine = Object.assign(new MyError("m"), { code: 5 });
    const back = builtin("io").errorFromJSON(rpcErrorJSON(mine));
    assertEquals([back.name, back.message, back.code, back.stack], ["MyError", "m", 5, "MyError: m"]);
    assertEquals(builtin("io").errorFromJSON(rpcErrorJSON({ a: 1 })), { a: 1 });
});
