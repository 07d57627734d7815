// node:crypto and node:zlib: the same program in Node.js and in a Worker says the same; what only a Worker shows; packages over them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
import crypto from 'node:crypto';
import zlib from 'node:zlib';
import { dev, project } from './lib/selvage.mjs';

const config = `name = "test"\nmain = "index.js"\ncompatibility_date = "2026-06-01"\ncompatibility_flags = ["nodejs_compat"]\n`;

// Keys of this run, known to both sides.
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-384', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'sec1', format: 'pem' } });
const ed = crypto.generateKeyPairSync('ed25519', { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open' } });
const keys = { rsa, ec, ed };

// Nothing in it is random, so that every answer can be compared.
const same = `
import crypto from "node:crypto";
import zlib from "node:zlib";
import { Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
const data = Buffer.from("The quick brown fox. ".repeat(50));
const caught = f => { try { return f(); } catch (e) { return [e.name, e.code]; } };
const K = n => Buffer.alloc(n, 7);
const collect = async s => { const out = []; for await (const c of s) out.push(Buffer.from(c)); return Buffer.concat(out); };
export const same = {
  digests: () => ["md5", "sha1", "sha224", "SHA256", "sha384", "sha512", "sha512-256", "RSA-SHA256", "sha3-256", "blake2b512"].map(n => crypto.createHash(n).update(data).update("\\u00e9\\ud800", "utf8").update("c3a9", "hex").digest("base64")),
  xof: () => [0, 1, 16, 200].map(n => crypto.createHash("shake256", { outputLength: n }).update("x").digest("hex")),
  copies: () => { const h = crypto.createHash("sha1").update("a"), c = h.copy(); return [h.update("b").digest("hex"), c.digest("latin1"), caught(() => h.update("x")), caught(() => h.digest()), caught(() => h.copy())]; },
  misuse: () => [caught(() => crypto.createHash("sha1").update(5)), caught(() => crypto.createHash(5)), caught(() => crypto.createHmac("sha1")), caught(() => crypto.createHmac("sha1", crypto.createPublicKey(keys.rsa.publicKey)))].map(e => e[1]),
  hmac: () => ["sha256", "md5", "sha512"].map(n => [0, 1, 64, 200].map(l => crypto.createHmac(n, K(l)).update(data).digest("hex"))),
  isStream: () => [crypto.createHash("md5") instanceof Transform, crypto.createHmac("md5", "") instanceof Transform, crypto.createSign("sha1") instanceof Writable, crypto.createCipheriv("aes-128-ecb", K(16), null) instanceof Transform, zlib.createGzip() instanceof Transform],
  hashStream: async () => { const h = crypto.createHash("sha256"); await pipeline(Readable.from([data, data]), h); return [h.read().toString("hex"), (await collect(Readable.from([data]).pipe(crypto.createHmac("sha1", "k")))).toString("hex")]; },
  ciphers: () => ["aes-128-cbc", "aes-192-ctr", "aes-256-ecb", "aes-256-cfb8", "aes-128-ofb", "des-ede3-cbc"].map(n => {
    const { keyLength, ivLength = 0 } = crypto.getCipherInfo(n), iv = ivLength ? K(ivLength) : null;
    const c = crypto.createCipheriv(n, K(keyLength), iv), text = c.update("secret \\u00e9", "utf8", "hex") + c.final("hex");
    const d = crypto.createDecipheriv(n, K(keyLength), iv);
    return [text, d.update(text, "hex", "utf8") + d.final("utf8")];
  }),
  aead: () => [["aes-256-gcm", 32, 12, 16], ["aes-128-gcm", 16, 16, 12], ["chacha20-poly1305", 32, 12, 16], ["aes-128-ccm", 16, 12, 8], ["aes-192-ocb", 24, 12, 16]].map(([n, k, i, authTagLength]) => {
    const c = crypto.createCipheriv(n, K(k), K(i), { authTagLength });
    c.setAAD(Buffer.from("aad"), { plaintextLength: 5 });
    const text = Buffer.concat([c.update("hello", "utf8"), c.final()]), tag = c.getAuthTag();
    const open = t => { const d = crypto.createDecipheriv(n, K(k), K(i), { authTagLength }); d.setAuthTag(t); d.setAAD(Buffer.from("aad"), { plaintextLength: 5 }); return d.update(text, null, "utf8") + d.final("utf8"); };
    const bad = Buffer.from(tag); bad[0] ^= 1;
    return [text.toString("hex"), tag.toString("hex"), open(tag), caught(() => open(bad))[0]];
  }),
  cipherStream: async () => { const c = await collect(Readable.from([data, data]).pipe(crypto.createCipheriv("aes-256-cbc", K(32), K(16)))); return [crypto.createHash("md5").update(c).digest("hex"), (await collect(Readable.from([c]).pipe(crypto.createDecipheriv("aes-256-cbc", K(32), K(16))))).length]; },
  padding: () => { const c = crypto.createCipheriv("aes-128-cbc", K(16), K(16)); c.setAutoPadding(false); return [c.update(K(16)).toString("hex"), c.final().length, caught(() => { const d = crypto.createDecipheriv("aes-128-cbc", K(16), K(16)); d.update(K(16)); return d.final(); })[0]]; },
  derive: async () => [crypto.pbkdf2Sync("pass", "salt", 1000, 40, "sha512"), crypto.scryptSync("pass", "salt", 32, { N: 1024, r: 8, p: 2 }), Buffer.from(crypto.hkdfSync("sha256", "key", "salt", "info", 50)), await promisify(crypto.pbkdf2)("p", Buffer.from("s"), 1, 20, "sha1"), await promisify(crypto.scrypt)("p", "s", 64), Buffer.from(await promisify(crypto.hkdf)("sha512", "k", "", "", 10))].map(b => b.toString("hex")),
  keyShapes: () => Object.values(keys).map(({ publicKey, privateKey }) => {
    const pub = crypto.createPublicKey(publicKey), prv = crypto.createPrivateKey({ key: privateKey, passphrase: "open" });
    const d = prv.asymmetricKeyDetails;
    return [pub.type, prv.type, prv.asymmetricKeyType, d.modulusLength, String(d.publicExponent), d.namedCurve, pub.equals(crypto.createPublicKey(prv)), crypto.createPublicKey({ key: pub.export({ format: "jwk" }), format: "jwk" }).equals(pub), crypto.createPrivateKey({ key: prv.export({ format: "jwk" }), format: "jwk" }).equals(prv), pub.export({ format: "der", type: "spki" }).toString("hex"), prv.export({ format: "pem", type: "pkcs8" }), prv.asymmetricKeyType === "rsa" && prv.export({ format: "pem", type: "pkcs1" }), prv.asymmetricKeyType === "ec" && prv.export({ format: "der", type: "sec1" }).toString("hex")];
  }),
  signatures: () => [crypto.createSign("RSA-SHA256").update(data).sign(keys.rsa.privateKey, "base64"), crypto.sign("sha512", data, keys.rsa.privateKey).toString("hex"), crypto.sign(null, data, { key: keys.ed.privateKey, passphrase: "open" }).toString("hex"), crypto.privateEncrypt(keys.rsa.privateKey, Buffer.from("hi")).toString("hex")],
  info: () => ["aes-128-cbc", "AES-256-GCM", "aes-128-ccm", "chacha20-poly1305", "aes128"].map(n => { const { name, nid, blockSize = 1, ivLength, keyLength, mode } = crypto.getCipherInfo(n); return [name.toLowerCase(), nid, blockSize === 1 ? 0 : blockSize, ivLength, keyLength, mode]; }),
  dh: () => { const a = crypto.createDiffieHellmanGroup("modp14"); return [a.getPrime("hex").length, a.getGenerator("hex"), a.verifyError]; },
  ecdh: () => { const a = crypto.createECDH("prime256v1"), b = crypto.createECDH("prime256v1"); a.setPrivateKey(K(32)); b.setPrivateKey("01".repeat(32), "hex"); return [a.getPublicKey("hex", "compressed"), a.computeSecret(b.getPublicKey()).toString("hex"), crypto.ECDH.convertKey(b.getPublicKey(), "prime256v1", null, "hex", "hybrid"), caught(() => a.computeSecret(K(33)))[0]]; },
  primes: () => [2n, 3n, 4n, 97n, 2n ** 127n - 1n].map(n => crypto.checkPrimeSync(n)),
  unpacked: () => [[zlib.gunzipSync, packed.gzip], [zlib.inflateSync, packed.deflate], [zlib.inflateRawSync, packed.raw], [zlib.brotliDecompressSync, packed.brotli], [zlib.unzipSync, packed.gzip], [zlib.unzipSync, packed.deflate], [zlib.gunzipSync, packed.two]].map(([f, b]) => crypto.createHash("md5").update(f(Buffer.from(b, "base64"))).digest("hex")),
  packedHere: async () => [await promisify(zlib.gunzip)(await promisify(zlib.gzip)(data)), await promisify(zlib.inflate)(await promisify(zlib.deflate)(data, { level: 9 })), await promisify(zlib.brotliDecompress)(await promisify(zlib.brotliCompress)(data, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }))].map(b => b.equals(data)),
  zlibStreams: async () => { const parts = []; const g = zlib.createGunzip(); g.on("data", c => parts.push(c.length)); await pipeline(Readable.from([Buffer.from(packed.gzip, "base64").subarray(0, 9), Buffer.from(packed.gzip, "base64").subarray(9)]), g); return [parts.reduce((a, b) => a + b, 0), g.bytesWritten]; },
  zlibFails: async () => await Promise.all(["junk", ""].map(t => new Promise(f => { const s = zlib.createInflate(); s.on("error", e => f([e.code, e.errno, e.message])); s.end(t); s.resume(); s.on("end", () => f("ended")); }))),
  flush: async () => { const d = zlib.createDeflateRaw(); const seen = []; d.on("data", c => seen.push(c)); await new Promise(f => { d.write("hello"); d.flush(f); }); const i = zlib.inflateRawSync(Buffer.concat(seen), { finishFlush: zlib.constants.Z_SYNC_FLUSH }); d.close(); return [i.toString(), d.destroyed]; },
  options: () => [caught(() => zlib.createGzip({ level: 10 })), caught(() => zlib.createGzip({ level: "1" })), caught(() => zlib.createDeflate({ windowBits: 16 })), caught(() => zlib.createGzip({ chunkSize: 1 })), caught(() => zlib.createInflate({ dictionary: 5 })), caught(() => zlib.createBrotliCompress({ params: { 99: 1 } })), caught(() => zlib.gzip("x"))],
  dictionary: () => { const dictionary = Buffer.from("The quick brown fox"); const b = zlib.deflateSync(data, { dictionary }); return [zlib.inflateSync(b, { dictionary }).equals(data), caught(() => zlib.inflateSync(b))[0], zlib.inflateRawSync(zlib.deflateRawSync(data, { dictionary }), { dictionary }).equals(data)]; },
};
`;

const packed = {
  gzip: zlib.gzipSync('a gzip member '.repeat(1000)), deflate: zlib.deflateSync('zlib '.repeat(1000)), raw: zlib.deflateRawSync('raw '.repeat(1000)),
  brotli: zlib.brotliCompressSync('brotli '.repeat(1000)), two: Buffer.concat([zlib.gzipSync('one'), zlib.gzipSync('two')]),
};
const packedText = JSON.stringify(Object.fromEntries(Object.entries(packed).map(([k, v]) => [k, v.toString('base64')])));
const shared = `const keys = ${JSON.stringify(keys)};\nconst packed = ${packedText};\n${same}`;

const here = `
import crypto from "node:crypto";
import zlib from "node:zlib";
import * as all from "node:crypto";
import jwt from "jsonwebtoken";
import bcrypt from "bcryptjs";
import { sha3_256 } from "@noble/hashes/sha3.js";
const caught = f => { try { return f(); } catch (e) { return [e.name, e.message, e.code]; } };
let early; try { crypto.randomBytes(1); } catch (e) { early = e.message; }
export const only = {
  early: () => early,
  webcrypto: async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const key = crypto.KeyObject.from(pair.privateKey), signature = crypto.sign("sha256", Buffer.from("m"), { key, dsaEncoding: "ieee-p1363" });
    const secret = await crypto.subtle.importKey("raw", Buffer.alloc(16), "AES-GCM", false, ["encrypt"]);
    return [crypto.webcrypto === globalThis.crypto, await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pair.publicKey, signature, Buffer.from("m")), key.asymmetricKeyDetails, caught(() => crypto.KeyObject.from(secret).export())[1], crypto.createPublicKey(key).toCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]) instanceof CryptoKey];
  },
  texts: () => [caught(() => crypto.createHash("nope")), caught(() => crypto.createCipheriv("nope", "", "")), caught(() => crypto.createPrivateKey("nope")), caught(() => crypto.pbkdf2Sync("p", "s", 100001, 16, "sha1")), caught(() => crypto.scryptSync("p", "s", 16, { N: 2 ** 21 })), caught(() => zlib.inflateSync(Buffer.from("junk"))), caught(() => zlib.inflateSync(zlib.deflateSync("x".repeat(100)), { maxOutputLength: 99 })), zlib.inflateSync(zlib.deflateSync("x".repeat(100)), { maxOutputLength: 100 }).length],
  zstd: () => zlib.zstdDecompressSync(zlib.zstdCompressSync("zstd".repeat(1000), { params: { [zlib.constants.ZSTD_c_compressionLevel]: 19 } })).length,
  exports: () => [typeof all.createHash, all.default === crypto, typeof all.constants.RSA_PKCS1_PSS_PADDING, crypto.getHashes().includes("sha256"), all.fips, all.randomUUID().length],
  jwt: () => ["HS256", "RS256", "PS384", "ES384"].map(algorithm => {
    const kind = algorithm[0] === "H" ? "s" : algorithm[0] === "E" ? "ec" : "rsa";
    const token = jwt.sign({ sub: "me" }, kind === "s" ? "secret" : keys[kind].privateKey, { algorithm, noTimestamp: true });
    return [jwt.verify(token, kind === "s" ? "secret" : keys[kind].publicKey, { algorithms: [algorithm] }).sub, caught(() => jwt.verify(token.slice(0, -4) + "AAAA", kind === "s" ? "secret" : keys[kind].publicKey))[1], kind === "s" || algorithm === "RS256" ? token : ""];
  }),
  bcrypt: async () => [bcrypt.compareSync("secret", bcrypt.hashSync("secret", 4)), await bcrypt.compare("other", await bcrypt.hash("secret", 4))],
  noble: () => Buffer.from(sha3_256(new TextEncoder().encode("abc"))).toString("hex") === crypto.createHash("sha3-256").update("abc").digest("hex"),
  manyTurns: async () => { const order = []; crypto.randomBytes(4, () => order.push("bytes")); zlib.gzip("x", () => order.push("gzip")); order.push("now"); await new Promise(f => setTimeout(f, 5)); return order; },
};
import { same } from "./same.js";
const show = v => v === undefined ? null : v;
export default { async fetch(request) {
  const name = new URL(request.url).pathname.slice(1);
  return Response.json(show(await (same[name] ?? only[name])()));
} };
`;

let worker, expected;
before(async () => {
  const files = project({ 'wrangler.toml': config, 'index.js': `const keys = ${JSON.stringify(keys)};\n${here}`, 'same.js': shared });
  const local = join(files, 'same.mjs');
  writeFileSync(local, shared);
  expected = (await import(pathToFileURL(local))).same;
  worker = await dev(files);
});
after(() => worker?.stop());

const ask = async (name) => (await fetch(`${worker.url}/${name}`)).json();
const plain = (value) => JSON.parse(JSON.stringify(value));
const names = [...same.matchAll(/^  (\w+): /gm)].map((m) => m[1]);

for (const name of names) test(`as in Node.js: ${name}`, async () => assert.deepEqual(await ask(name), plain(await expected[name]())));

test('no randomness at module scope', async () => assert.match(await ask('early'), /Disallowed operation called within global scope/));
test('keys are shared with WebCrypto', async () =>
  assert.deepEqual(await ask('webcrypto'), [true, true, { namedCurve: 'prime256v1' }, 'Unable to export non-extractable key', true]));
test("the platform's texts and bounds", async () =>
  assert.deepEqual(await ask('texts'), [
    ['Error', 'Digest method not supported', null], ['Error', 'Unknown or unsupported cipher: nope', null], ['Error', 'Failed to parse private key', null],
    ['NotSupportedError', 'Pbkdf2 failed: iteration counts above 100000 are not supported (requested 100001).', 9],
    ['RangeError', 'Scrypt failed: cost exceeds maximum (1048576).', null], ['Error', 'incorrect header check', null], ['RangeError', 'Memory limit exceeded', null], 100,
  ]));
test('Zstandard', async () => assert.equal(await ask('zstd'), 4000));
test('exports', async () => assert.deepEqual(await ask('exports'), ['function', true, 'number', true, true, 36]));
test('callbacks come after the call', async () => assert.deepEqual(await ask('manyTurns'), ['now', 'bytes', 'gzip']));
test('jsonwebtoken', async () => {
  const jwt = createRequire(import.meta.url)('jsonwebtoken');
  const seen = await ask('jwt');
  assert.deepEqual(seen.map((s) => s.slice(0, 2)), Array(4).fill(['me', 'invalid signature']));
  assert.equal(seen[0][2], jwt.sign({ sub: 'me' }, 'secret', { noTimestamp: true }));
  assert.equal(seen[1][2], jwt.sign({ sub: 'me' }, rsa.privateKey, { algorithm: 'RS256', noTimestamp: true }));
});
test('bcryptjs', async () => assert.deepEqual(await ask('bcrypt'), [true, false]));
test('@noble/hashes', async () => assert.equal(await ask('noble'), true));
