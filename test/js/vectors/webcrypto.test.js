// Wycheproof through crypto.subtle: what the C tests hold the operations to, with the import of keys and the refusals of the
// interface in front. One test for each group; "acceptable" may go either way.

const S = crypto.subtle;
const unhex = (h) => new Uint8Array((h.match(/../g) ?? []).map((x) => parseInt(x, 16)));
const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, "0")).join("");

async function agree(name, namedCurve, t) {
  const alg = namedCurve === undefined ? { name } : { name, namedCurve };
  const own = await S.importKey("jwk", t.private, alg, false, ["deriveBits"]);
  const peer = await S.importKey("jwk", t.public, alg, false, []);
  return hex(await S.deriveBits({ name, public: peer }, own, null)) === t.shared;
}

function publicKey(group, alg) {
  if (group.publicKeyJwk === undefined) return S.importKey("spki", unhex(group.publicKeyDer), alg, true, ["verify"]);
  return S.importKey("jwk", group.publicKeyJwk, alg, true, ["verify"]);
}

const CURVES = { secp256r1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

// By type of group: (group) => what is the same for all its tests; (test, that, group) => accepted.
const KINDS = {
  EcdhWebcryptoTest: { run: (t, _, group) => agree("ECDH", group.curve, t) },
  XdhJwkComp: { run: (t) => agree("X25519", undefined, t) },
  EddsaVerify: {
    open: (group) => publicKey(group, "Ed25519"),
    run: (t, key) => S.verify("Ed25519", key, unhex(t.sig), unhex(t.msg)),
  },
  EcdsaP1363Verify: {
    open: (group) => publicKey(group, { name: "ECDSA", namedCurve: CURVES[group.publicKey.curve] }),
    run: (t, key, group) => S.verify({ name: "ECDSA", hash: group.sha }, key, unhex(t.sig), unhex(t.msg)),
  },
  AeadTest: {
    async run(t, _, group) {
      const key = await S.importKey("raw", unhex(t.key), "AES-GCM", false, ["encrypt", "decrypt"]);
      const alg = { name: "AES-GCM", iv: unhex(t.iv), additionalData: unhex(t.aad), tagLength: group.tagSize };
      if (hex(await S.decrypt(alg, key, unhex(t.ct + t.tag))) !== t.msg) return false;
      return hex(await S.encrypt(alg, key, unhex(t.msg))) === t.ct + t.tag;
    },
  },
  KeywrapTest: {
    async run(t) {
      const kek = await S.importKey("raw", unhex(t.key), "AES-KW", false, ["wrapKey", "unwrapKey"]);
      const hmac = { name: "HMAC", hash: "SHA-1" };
      const key = await S.unwrapKey("raw", unhex(t.ct), kek, "AES-KW", hmac, true, ["sign"]);
      if (hex(await S.exportKey("raw", key)) !== t.msg) return false;
      return hex(await S.wrapKey("raw", key, kek, "AES-KW")) === t.ct;
    },
  },
};

VECTORS.testGroups.forEach((group, i) => {
  const kind = KINDS[group.type];
  test(`group ${i}: ${group.type}, ${group.tests.length} tests`, async () => {
    const opened = kind.open === undefined ? undefined : await kind.open(group);
    const wrong = [];
    for (const t of group.tests) {
      const accepted = await kind.run(t, opened, group).catch((e) => {
        if (!(e instanceof DOMException)) throw e; // a refusal has a name
        return false;
      });
      if (t.result !== "acceptable" && accepted !== (t.result === "valid")) wrong.push(`${t.tcId} (${t.comment})`);
    }
    assertEquals(wrong, []);
  });
});
