const S = crypto.subtle;
const unhex = (h) => new Uint8Array((h.match(/../g) ?? []).map((x) => parseInt(x, 16)));
const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, "0")).join("");
const utf8 = (s) => new TextEncoder().encode(s);
const K16 = unhex("000102030405060708090a0b0c0d0e0f");
const imp = (alg, key, usages, ext = true, format = "raw") => S.importKey(format, key, alg, ext, usages);
const dom = (name, message) => ({ name, message });
const EC = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
};
const { d: _, ...ECPUB } = EC;

test("getRandomValues fills integer views of at most 64 KiB", () => {
  const view = new Uint8Array(65536);
  assert(crypto.getRandomValues(view) === view);
  assert(view.some((x) => x !== 0));
  assertThrows(() => crypto.getRandomValues(new Uint8Array(65537)),
    dom("QuotaExceededError", "getRandomValues() only accepts buffers of size <= 64K but provided 65537 bytes."));
  assertThrows(() => crypto.getRandomValues(new Float32Array(1)), { name: "TypeMismatchError" });
  assertThrows(() => crypto.getRandomValues(new DataView(new ArrayBuffer(1))), { name: "TypeMismatchError" });
  assertThrows(() => crypto.getRandomValues([1]), TypeError);
  const { getRandomValues } = crypto;
  assertThrows(() => getRandomValues(view), "Illegal invocation");
});

test("randomness is refused at module scope", () => {
  const io = builtin("io");
  const event = io.currentEvent();
  io.setCurrentEvent(null);
  try {
    assertThrows(() => crypto.getRandomValues(new Uint8Array(1)), "Disallowed operation called within global scope");
    assertThrows(() => crypto.randomUUID(), "Disallowed operation");
  } finally {
    io.setCurrentEvent(event);
  }
});

test("randomUUID is of version 4", () => {
  assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()));
  assertNotEquals(crypto.randomUUID(), crypto.randomUUID());
});

test("digest", async () => {
  assertEquals(hex(await S.digest("sha-256", utf8("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assertEquals(hex(await S.digest({ name: "MD5" }, utf8("abc").buffer)), "900150983cd24fb0d6963f7d28e17f72");
  await assertRejects(S.digest("SHA-224", K16), dom("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested."));
  await assertRejects(S.digest("SHA-1", "x"), "Failed to execute 'digest' on 'SubtleCrypto': parameter 2 is not of type 'BufferSource'.");
  await assertRejects(S.digest(), "parameter 1 is not of type 'string or HashAlgorithm'");
});

test("DigestStream", async () => {
  const s = new crypto.DigestStream("SHA-1");
  const w = s.getWriter();
  await w.write(utf8("ab"));
  await w.write("c");
  await w.close();
  assertEquals([hex(await s.digest), s.bytesWritten], ["a9993e364706816aba3e25717850c26c9cd0d89d", 3n]);
  const c = new crypto.DigestStream("crc32c");
  const cw = c.getWriter();
  await cw.write("123456789");
  await cw.close();
  assertEquals(hex(await c.digest), "e3069283");
  const a = new crypto.DigestStream("MD5");
  await a.abort(new Error("gone"));
  await assertRejects(a.digest, "gone");
  assertThrows(() => new crypto.DigestStream("X"), { name: "NotSupportedError" });
  await assertRejects(new crypto.DigestStream("MD5").getWriter().write(5), "DigestStream is a byte stream");
});

test("timingSafeEqual", () => {
  assertEquals([S.timingSafeEqual(utf8("ab"), utf8("ab")), S.timingSafeEqual(utf8("ab"), utf8("ac").buffer)], [true, false]);
  assertThrows(() => S.timingSafeEqual(utf8("a"), utf8("ab")), "Input buffers must have the same byte length.");
});

test("a CryptoKey shows what it is, and cannot be assigned to", async () => {
  const k = await imp("aes-gcm", K16, ["decrypt", "encrypt", "encrypt"]);
  assertEquals([k.type, k.extractable, k.algorithm, k.usages], ["secret", true, { name: "AES-GCM", length: 128 }, ["encrypt", "decrypt"]]);
  assertEquals(Object.prototype.toString.call(k), "[object CryptoKey]");
  assertThrows(() => {
    "use strict";
    k.type = "public";
  }, TypeError);
});

test("usages and algorithms are enforced whatever a key's members say", async () => {
  const k = await imp("AES-GCM", K16, ["encrypt"], false);
  k.usages.push("decrypt");
  k.algorithm.name = "AES-CBC";
  await assertRejects(S.decrypt({ name: "AES-GCM", iv: K16 }, k, new Uint8Array(32)),
    dom("InvalidAccessError", 'Requested key usage "decrypt" does not match any usage listed in this CryptoKey.'));
  await assertRejects(S.encrypt({ name: "AES-CBC", iv: K16 }, k, K16),
    dom("InvalidAccessError", `Requested algorithm "AES-CBC" does not match this CryptoKey's algorithm "AES-GCM".`));
  await assertRejects(S.exportKey("raw", k), dom("InvalidAccessError", "Attempt to export non-extractable AES-GCM key."));
  assertThrows(() => new CryptoKey(), "Illegal constructor");
});

test("AES in every mode", async () => {
  const data = utf8("some text that is longer than two blocks of AES");
  for (const alg of [{ name: "AES-CBC", iv: K16 }, { name: "AES-CTR", counter: K16, length: 64 }, { name: "AES-GCM", iv: K16, additionalData: K16, tagLength: 96 }]) {
    const k = await S.generateKey({ name: alg.name, length: 256 }, false, ["encrypt", "decrypt"]);
    assertEquals(new Uint8Array(await S.decrypt(alg, k, await S.encrypt(alg, k, data))), data);
  }
  const gcm = await imp("AES-GCM", K16, ["encrypt", "decrypt"]);
  await assertRejects(S.encrypt({ name: "AES-GCM", iv: K16, tagLength: 5 }, gcm, K16), dom("OperationError", "Invalid AES-GCM tag length 5."));
  await assertRejects(S.decrypt({ name: "AES-GCM", iv: K16 }, gcm, new Uint8Array(50)), { name: "OperationError", message: /^Decryption failed/ });
  await assertRejects(S.encrypt({ name: "AES-GCM" }, gcm, K16), 'Missing field "iv" in "algorithm".');
  const ctr = await imp("AES-CTR", K16, ["encrypt"]);
  await assertRejects(S.encrypt({ name: "AES-CTR", counter: K16, length: 1 }, ctr, new Uint8Array(33)), dom("OperationError", "Counter block values will repeat."));
});

test("HMAC keys have lengths in bits", async () => {
  const k = await S.generateKey({ name: "HMAC", hash: "SHA-512", length: 100 }, true, ["sign"]);
  assertEquals([k.algorithm, (await S.exportKey("raw", k)).byteLength], [{ name: "HMAC", hash: { name: "SHA-512" }, length: 100 }, 13]);
  const h = await imp({ name: "HMAC", hash: "SHA-256" }, utf8("key"), ["sign", "verify"]);
  const sig = await S.sign("HMAC", h, utf8("The quick brown fox jumps over the lazy dog"));
  assertEquals(hex(sig), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  assert(await S.verify("hmac", h, sig, utf8("The quick brown fox jumps over the lazy dog")));
  assert(!(await S.verify("HMAC", h, new Uint8Array(3), utf8("x"))));
  await assertRejects(imp({ name: "HMAC", hash: "SHA-1" }, new Uint8Array(0), ["sign"]), { name: "DataError" });
  await assertRejects(imp({ name: "HMAC" }, K16, ["sign"]), 'Missing field "hash" in "algorithm".');
  await assertRejects(imp({ name: "HMAC", hash: "SHA-1" }, K16, []), { name: "SyntaxError" });
  const jwk = await S.exportKey("jwk", h);
  assertEquals([jwk.kty, jwk.alg, jwk.k, jwk.ext, jwk.key_ops], ["oct", "HS256", "a2V5", true, ["sign", "verify"]]);
  await assertRejects(imp({ name: "HMAC", hash: "SHA-512" }, jwk, ["sign"], true, "jwk"), { name: "DataError" });
});

test("key derivation", async () => {
  const k = await imp("PBKDF2", utf8("password"), ["deriveBits", "deriveKey"], false);
  const p = (more) => ({ name: "PBKDF2", hash: "SHA-1", salt: utf8("salt"), iterations: 1, ...more });
  assertEquals(hex(await S.deriveBits(p(), k, 160)), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  assertEquals((await S.deriveBits(p({ iterations: 100000 }), k, 8)).byteLength, 1);
  await assertRejects(S.deriveBits(p({ iterations: 100001 }), k, 8), { name: "NotSupportedError", message: /100000 are not supported \(requested 100001\)/ });
  await assertRejects(S.deriveBits(p({ iterations: 0 }), k, 8), { name: "OperationError" });
  await assertRejects(S.deriveBits(p(), k, 7), { name: "OperationError" });
  await assertRejects(imp("PBKDF2", K16, ["deriveBits"], true), dom("SyntaxError", "PBKDF2 key cannot be extractable."));
  const aes = await S.deriveKey(p(), k, { name: "AES-GCM", length: 128 }, true, ["encrypt"]);
  assertEquals(hex(await S.exportKey("raw", aes)), "0c60c80f961f0e71f3a9b524af601206");
  const h = await imp("HKDF", K16, ["deriveKey", "deriveBits"], false);
  const hk = { name: "HKDF", hash: "SHA-256", salt: K16, info: K16 };
  assertEquals((await S.deriveKey(hk, h, { name: "HMAC", hash: "SHA-512" }, true, ["sign"])).algorithm.length, 1024);
  assertEquals((await S.deriveBits(hk, h, 255 * 256)).byteLength, 8160);
  await assertRejects(S.deriveBits(hk, h, 255 * 256 + 8), { name: "OperationError" });
});

test("elliptic curves through every format", async () => {
  const alg = { name: "ECDSA", namedCurve: "P-256" };
  const pub = await imp(alg, ECPUB, ["verify"], true, "jwk");
  const prv = await imp(alg, EC, ["sign"], true, "jwk");
  const again = await imp(alg, await S.exportKey("pkcs8", prv), ["sign"], true, "pkcs8");
  const spki = await imp(alg, await S.exportKey("spki", pub), ["verify"], true, "spki");
  const sig = await S.sign({ name: "ECDSA", hash: "SHA-384" }, again, K16);
  assertEquals(sig.byteLength, 64);
  assert(await S.verify({ name: "ECDSA", hash: "SHA-384" }, spki, sig, K16));
  assert(!(await S.verify({ name: "ECDSA", hash: "SHA-256" }, spki, sig, K16)));
  assertEquals(JSON.stringify(await S.exportKey("jwk", prv)), JSON.stringify({ kty: "EC", key_ops: ["sign"], ext: true, crv: "P-256", x: EC.x, y: EC.y, d: EC.d }));
  await assertRejects(imp(alg, { ...ECPUB, x: EC.y }, ["verify"], true, "jwk"), { name: "OperationError" });
  await assertRejects(imp(alg, { ...EC, d: EC.x }, ["sign"], true, "jwk"), { name: "OperationError" });
  await assertRejects(imp(alg, ECPUB, ["sign"], true, "jwk"), dom("SyntaxError", 'Attempt to import public ECDSA key with invalid usage "sign".'));
  await assertRejects(imp({ name: "ECDSA", namedCurve: "P-999" }, ECPUB, ["verify"], true, "jwk"), { name: "NotSupportedError" });
  await assertRejects(imp({ name: "ECDSA", namedCurve: "P-384" }, await S.exportKey("spki", pub), ["verify"], true, "spki"), /does not match the curve/);
  await assertRejects(S.exportKey("spki", prv), { name: "InvalidAccessError" });
});

test("ECDH and X25519 agree on a secret", async () => {
  for (const alg of [{ name: "ECDH", namedCurve: "P-384" }, "X25519"]) {
    const a = await S.generateKey(alg, true, ["deriveBits"]);
    const b = await S.generateKey(alg, true, ["deriveBits"]);
    const name = alg.name ?? alg;
    const x = await S.deriveBits({ name, public: b.publicKey }, a.privateKey);
    assertEquals(hex(x), hex(await S.deriveBits({ name, public: a.publicKey }, b.privateKey, null)));
    assertEquals(new Uint8Array(await S.deriveBits({ name, public: b.publicKey }, a.privateKey, 12))[1] & 15, 0);
    await assertRejects(S.deriveBits({ name, public: b.publicKey }, a.privateKey, 1000), /is too long/);
    await assertRejects(S.deriveBits({ name, public: b.privateKey }, a.privateKey, 8), { name: "InvalidAccessError" });
    await assertRejects(S.deriveBits({ name }, a.privateKey, 8), 'Missing field "public" in "derivedKeyParams".');
  }
});

test("Ed25519, under both names", async () => {
  for (const alg of ["Ed25519", { name: "NODE-ED25519", namedCurve: "NODE-ED25519" }]) {
    const { publicKey, privateKey } = await S.generateKey(alg, true, ["sign", "verify"]);
    const sig = await S.sign(alg, privateKey, K16);
    assertEquals([sig.byteLength, await S.verify(alg, publicKey, sig, K16), await S.verify(alg, publicKey, sig, utf8("x"))], [64, true, false]);
    const raw = await S.exportKey("raw", publicKey);
    assert(await S.verify(alg, await imp(alg, raw, ["verify"]), sig, K16));
    const back = await imp(alg, await S.exportKey("jwk", privateKey), ["sign"], true, "jwk");
    assertEquals(hex(await S.sign(alg, back, K16)), hex(sig));
  }
  await assertRejects(imp("Ed25519", new Uint8Array(31), ["verify"]), dom("DataError", "Ed25519 raw keys must be exactly 32-bytes (provided 31)."));
});

test("RSA signs and encrypts, through every format", async () => {
  const alg = { name: "RSASSA-PKCS1-v1_5", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
  const { publicKey, privateKey } = await S.generateKey(alg, true, ["sign", "verify"]);
  assertEquals(publicKey.algorithm, { name: alg.name, modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: { name: "SHA-256" } });
  const pkcs8 = await S.exportKey("pkcs8", privateKey);
  const spki = await S.exportKey("spki", publicKey);
  const sig = await S.sign(alg.name, privateKey, K16);
  assert(await S.verify(alg.name, await imp(alg, spki, ["verify"], true, "spki"), sig, K16));
  const jwk = await S.exportKey("jwk", privateKey);
  assertEquals([jwk.alg, jwk.e, jwk.qi !== undefined], ["RS256", "AQAB", true]);
  const back = await imp(alg, jwk, ["sign"], true, "jwk");
  assertEquals(hex(await S.sign(alg.name, back, K16)), hex(sig));
  await assertRejects(imp(alg, { ...jwk, p: undefined }, ["sign"], true, "jwk"), { name: "DataError" });
  await assertRejects(imp({ ...alg, hash: "SHA-1" }, jwk, ["sign"], true, "jwk"), { name: "DataError" });
  const pss = { name: "RSA-PSS", saltLength: 20 };
  const psig = await S.sign(pss, await imp({ name: "RSA-PSS", hash: "SHA-256" }, pkcs8, ["sign"], true, "pkcs8"), K16);
  const pkey = await imp({ name: "RSA-PSS", hash: "SHA-256" }, spki, ["verify"], true, "spki");
  assertEquals([await S.verify(pss, pkey, psig, K16), await S.verify({ ...pss, saltLength: 32 }, pkey, psig, K16)], [true, false]);
  const oaep = { name: "RSA-OAEP", hash: "SHA-1" };
  const c = await S.encrypt({ ...oaep, label: K16 }, await imp(oaep, spki, ["encrypt"], true, "spki"), utf8("secret"));
  const dk = await imp(oaep, pkcs8, ["decrypt"], true, "pkcs8");
  assertEquals(new Uint8Array(await S.decrypt({ ...oaep, label: K16 }, dk, c)), utf8("secret"));
  await assertRejects(S.decrypt(oaep, dk, c), dom("OperationError", "RSA-OAEP failed encrypt/decrypt."));
  const junk = new Uint8Array(spki.byteLength + 2);
  junk.set(new Uint8Array(spki));
  await assertRejects(imp(alg, junk, ["verify"], true, "spki"), dom("DataError", "Invalid 2 trailing bytes after SPKI input."));
  await assertRejects(S.generateKey({ ...alg, modulusLength: 128 }, true, ["sign"]), { name: "OperationError" });
  await assertRejects(S.generateKey({ ...alg, publicExponent: new Uint8Array([5]) }, true, ["sign"]), { name: "OperationError" });
  await assertRejects(S.generateKey(alg, true, ["verify"]), dom("SyntaxError", "Attempt to generate asymmetric keys with no valid private key usages."));
});

test("keys wrapped by keys", async () => {
  const gcm = await imp("AES-GCM", K16, ["wrapKey", "unwrapKey", "encrypt"]);
  const kw = await imp("AES-KW", K16, ["wrapKey", "unwrapKey"]);
  const h = await imp({ name: "HMAC", hash: "SHA-256" }, utf8("kk"), ["sign"]);
  const wrapped = await S.wrapKey("jwk", h, gcm, { name: "AES-GCM", iv: K16 });
  const back = await S.unwrapKey("jwk", wrapped, gcm, { name: "AES-GCM", iv: K16 }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  assertEquals(new Uint8Array(await S.exportKey("raw", back)), utf8("kk"));
  assertEquals(hex(await S.wrapKey("raw", gcm, kw, "AES-KW")), "935a3eb101c34add025e170b46ff0db23e5c2fae8c8f8370");
  await assertRejects(S.wrapKey("raw", h, kw, "AES-KW"), { name: "OperationError" });
  await assertRejects(S.unwrapKey("raw", new Uint8Array(24), kw, "AES-KW", "AES-GCM", true, ["encrypt"]), dom("OperationError", "AES-KW key unwrapping failed."));
  await assertRejects(S.encrypt("AES-KW", kw, K16), { name: "InvalidAccessError" });
});

test("deriveBits refuses lengths that are none", async () => {
  const k = await imp("PBKDF2", K16, ["deriveBits"], false);
  const p = { name: "PBKDF2", hash: "SHA-256", salt: K16, iterations: 1 };
  await assertRejects(S.deriveBits(p, k, -8), dom("TypeError", "deriveBits length must be an unsigned long integer."));
  await assertRejects(S.deriveBits(p, k, 2 ** 32), TypeError);
  assertEquals((await S.deriveBits(p, k, "64")).byteLength, 8);
});

test("JWK members may be padded, and of either alphabet", async () => {
  const hmac = { name: "HMAC", hash: "SHA-1" };
  for (const k of ["-_8", "+/8=", "-_8="]) {
    assertEquals(hex(await S.exportKey("raw", await imp(hmac, { kty: "oct", k }, ["sign"], true, "jwk"))), "fbff");
  }
  await assertRejects(imp(hmac, { kty: "oct", k: "@@" }, ["sign"], true, "jwk"), { name: "DataError" });
});
