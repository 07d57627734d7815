// node:crypto. Its parts are evaluated when a member of theirs is first asked for.

import { hasFlag } from "flags";
import { notImplemented } from "node/internal/errors";

// The platform's lists: what is beyond them works, too.
const CURVES = ["secp224r1", "prime256v1", "secp384r1", "secp521r1"];
const HASHES = ["md4", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "md5-sha1", "RSA-MD5", "RSA-SHA1", "RSA-SHA224", "RSA-SHA256", "RSA-SHA384", "RSA-SHA512", "DSA-SHA", "DSA-SHA1", "ecdsa-with-SHA1"];

function web() {
  return P.globalThis.crypto;
}

// What needs no part.
const own = {
  __proto__: null,
  getCurves: () => P.ArrayPrototypeSlice(CURVES),
  getHashes: () => P.ArrayPrototypeSlice(HASHES),
  getFips: () => true,
  setFips() {
    throw notImplemented("setFips");
  },
  setEngine() {
    throw notImplemented("setEngine");
  },
  secureHeapUsed: () => ({ total: 0, used: 0, utilization: 0, min: 0 }),
  timingSafeEqual: (a, b) => load("crypto_subtle").subtle.timingSafeEqual(a, b),
};
for (const name of P.ObjectKeys(own)) P.ObjectDefineProperty(own[name], "name", { __proto__: null, value: name, configurable: true });

// Part -> its members.
const parts = {
  __proto__: null,
  dh: ["DiffieHellman", "DiffieHellmanGroup", "createDiffieHellman", "createDiffieHellmanGroup", "getDiffieHellman", "diffieHellman", "ECDH", "createECDH"],
  random: ["randomBytes", "randomFillSync", "randomFill", "randomInt", "randomUUID", "generatePrime", "generatePrimeSync", "checkPrime", "checkPrimeSync"],
  hash: ["createHash", "createHmac", "Hash", "Hmac", "hash"],
  kdf: ["hkdf", "hkdfSync", "pbkdf2", "pbkdf2Sync", "scrypt", "scryptSync"],
  keys: ["KeyObject", "PublicKeyObject", "PrivateKeyObject", "SecretKeyObject", "createPrivateKey", "createPublicKey", "createSecretKey"],
  keygen: ["generateKey", "generateKeySync", "generateKeyPair", "generateKeyPairSync"],
  x509: ["Certificate", "X509Certificate"],
  sign: ["createSign", "createVerify", "sign", "verify", "Sign", "Verify"],
  cipher: ["Cipheriv", "Decipheriv", "createCipheriv", "createDecipheriv", "publicDecrypt", "publicEncrypt", "privateDecrypt", "privateEncrypt", "getCipherInfo", "getCiphers"],
  constants: ["constants"],
};

const crypto = {};

// A member that is made when first asked for, and that a program may replace.
function lazy(name, make) {
  const settle = (value) => P.ObjectDefineProperty(crypto, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  P.ObjectDefineProperty(crypto, name, {
    __proto__: null,
    get() {
      const value = make();
      settle(value);
      return value;
    },
    set: settle,
    enumerable: true,
    configurable: true,
  });
}

for (const name of P.ObjectKeys(own)) crypto[name] = own[name];
for (const part of P.ObjectKeys(parts))
  for (const name of parts[part]) lazy(name, () => load(`node/internal/crypto_${part}`)[name]);
lazy("pseudoRandomBytes", () => crypto.randomBytes);
lazy("getRandomValues", () => {
  const target = web();
  return (view) => target.getRandomValues(view);
});
lazy("subtle", () => web().subtle);
lazy("webcrypto", web);
lazy("CryptoKey", () => P.globalThis.CryptoKey);
P.ObjectDefineProperty(crypto, "fips", {
  __proto__: null,
  get: () => true,
  set() {
    throw notImplemented("setFips");
  },
  enumerable: true,
  configurable: true,
});

// Gone from Node.js 22 on; before, there in name.
for (const name of ["createCipher", "createDecipher", "Cipher", "Decipher"]) {
  crypto[name] = hasFlag("remove_nodejs_compat_eol_v22")
    ? undefined
    : () => {
        throw notImplemented(name);
      };
}

export { crypto as default };
