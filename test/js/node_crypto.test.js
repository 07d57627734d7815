// node:crypto without a program around it: arguments, states, keys. What Node.js answers is compared in test/integ/node_crypto.test.mjs.
const c = builtin("node/crypto").default;
const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
const thrown = (f) => {
  try {
    f();
  } catch (e) {
    return e;
  }
  throw new Error("nothing was thrown");
};

test("an algorithm that is not there has the platform's text", () => {
  assertThrows(() => c.createHash("ripemd160"), "Digest method not supported");
  assertThrows(() => c.createHmac("nope", ""), "Digest method not supported");
  assertThrows(() => c.createSign("nope"), "Unknown digest: nope");
  assertThrows(() => c.createHash("sha256", { outputLength: 5 }), "invalid digest size");
});

test("wrong arguments have Node's codes", () => {
  assertEquals(thrown(() => c.createHash(1)).code, "ERR_INVALID_ARG_TYPE");
  assertEquals(thrown(() => c.createHash("md5").update({})).message, 'The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView. Received an instance of Object');
  assertEquals(thrown(() => c.randomBytes(-1)).code, "ERR_OUT_OF_RANGE");
  assertEquals(thrown(() => c.randomInt(5, 5)).message, 'The value of "min" is out of range. It must be min < max. Received 5');
  assertEquals(thrown(() => c.generateKeySync("aes", { length: 100 })).code, "ERR_INVALID_ARG_VALUE");
  assertEquals(thrown(() => c.createCipheriv("aes-128-cbc", 5, "")).code, "ERR_INVALID_ARG_TYPE");
});

test("state is out of a program's reach", () => {
  assertEquals(Reflect.ownKeys(c.createHash("md5")).length, 0);
  assertThrows(() => c.Hash.prototype.update.call({}, "x"), "Illegal invocation");
  assertThrows(() => c.KeyObject.prototype.export.call({}), "Illegal invocation");
  assertThrows(() => new c.KeyObject("secret"), "Illegal constructor");
});

test("constructors work without new", () => {
  assertEquals(c.Hash("md5").update("").digest("hex"), "d41d8cd98f00b204e9800998ecf8427e");
  assert(c.Hmac("md5", "k") instanceof c.Hmac);
  assert(c.ECDH("prime256v1") instanceof c.ECDH);
});

test("members can be replaced", () => {
  const before = c.randomUUID;
  c.randomUUID = () => "mine";
  assertEquals(c.randomUUID(), "mine");
  c.randomUUID = before;
});

test("a secret key is a copy", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const key = c.createSecretKey(bytes);
  bytes.fill(0);
  assertEquals(hex(key.export()), "010203");
  key.export().fill(0);
  assertEquals(hex(key.export()), "010203");
  assert(key.equals(c.createSecretKey(new Uint8Array([1, 2, 3]))));
});

test("randomness fills any view, from and for as many bytes as asked", () => {
  const view = new Uint16Array(50);
  assert(c.randomFillSync(view, 10, 20) === view);
  const bytes = new Uint8Array(view.buffer);
  assert(bytes.subarray(0, 10).every((x) => x === 0) && bytes.subarray(30).every((x) => x === 0));
  assert(bytes.subarray(10, 30).some((x) => x !== 0));
  assertEquals(c.randomBytes(100000).length, 100000);
  for (let i = 0; i < 1000; i++) {
    const n = c.randomInt(-3, 4);
    assert(n >= -3 && n < 4 && Number.isInteger(n));
  }
});

test("a decipher without its tag gives nothing at the end", () => {
  const d = c.createDecipheriv("aes-128-gcm", new Uint8Array(16), new Uint8Array(12));
  d.update(new Uint8Array(5));
  assertThrows(() => d.final(), "No auth tag provided");
  const e = c.createCipheriv("aes-128-gcm", new Uint8Array(16), new Uint8Array(12));
  assertThrows(() => e.getAuthTag(), "Auth tag is only available once cipher context has been finalized");
  e.final();
  assertThrows(() => e.update("x", "utf8"), "Cipher/decipher context has already been finalized");
});

test("keys and certificates stay alive with what uses them", () => {
  const { privateKey, publicKey } = c.generateKeyPairSync("ed25519");
  let signature;
  for (let i = 0; i < 50; i++) {
    const again = c.createPublicKey(c.createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })));
    signature = c.sign(null, new Uint8Array([i]), privateKey);
    assert(c.verify(null, new Uint8Array([i]), again, signature) && again.equals(publicKey));
  }
  assertThrows(() => new c.X509Certificate("no certificate"), "is not a valid certificate");
});
