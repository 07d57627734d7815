// Diffie-Hellman in its three forms: numbers, points, keys.

import { bufferClass, bytesArg, decode, encode, isBytes, newSlot, toBuffer, viewArg } from "node/internal/crypto_util";
import { handleOfKeyObject, isKeyObject } from "node/internal/crypto_keys";
import { nodeError } from "node/internal/errors";
import { requireEvent } from "io";
import { validateInt32, validateObject, validateOneOf, validateString } from "node/internal/validators";

const PRIME = 0, GENERATOR = 1, PUBLIC = 2, PRIVATE = 3; // of slv_nodejs_dh_part
const Handles = newSlot();
const SIZE_OR_KEY = ["number", "string", "ArrayBuffer", "Buffer", "TypedArray", "DataView"];

// A small number as bytes.
function numberBytes(n) {
  return new P.Uint8Array([n >>> 24, n >>> 16, n >>> 8, n]);
}

export function DiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding) {
  if (!(this instanceof DiffieHellman)) return new DiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding);
  if (typeof sizeOrKey !== "number" && typeof sizeOrKey !== "string" && !isBytes(sizeOrKey)) {
    throw nodeError("ERR_INVALID_ARG_TYPE", "sizeOrKey", SIZE_OR_KEY, sizeOrKey);
  }
  if (typeof sizeOrKey === "number") validateInt32(sizeOrKey, "sizeOrKey");
  // the encoding may be left out
  if (keyEncoding && keyEncoding !== "buffer" && !bufferClass().isEncoding(keyEncoding)) {
    genEncoding = generator;
    generator = keyEncoding;
    keyEncoding = undefined;
  }
  if (!generator) generator = 2;
  else if (typeof generator === "number") validateInt32(generator, "generator");
  else if (typeof generator === "string") generator = decode(generator, genEncoding);
  else if (!isBytes(generator)) throw nodeError("ERR_INVALID_ARG_TYPE", "generator", SIZE_OR_KEY, generator);

  if (typeof sizeOrKey === "number") {
    if (typeof generator !== "number") throw new P.Error("DiffieHellman init failed: invalid parameters");
    requireEvent();
    new Handles(this, N.nodeDhOfSize(sizeOrKey, generator));
    return;
  }
  if (typeof generator === "number") {
    if (generator < 2) throw new P.RangeError("DiffieHellman init failed: generator too small");
    generator = numberBytes(generator);
  }
  new Handles(this, N.nodeDhOfPrime(typeof sizeOrKey === "string" ? decode(sizeOrKey, keyEncoding) : sizeOrKey, generator));
}

export function DiffieHellmanGroup(name) {
  if (!(this instanceof DiffieHellmanGroup)) return new DiffieHellmanGroup(name);
  validateString(name, "name");
  new Handles(this, N.nodeDhGroup(name));
}

const shared = {
  generateKeys(encoding) {
    const handle = Handles.of(this);
    requireEvent();
    N.nodeDhGenerate(handle);
    return encode(N.nodeDhGet(handle, PUBLIC), encoding);
  },
  computeSecret(key, inputEncoding, outputEncoding) {
    return encode(N.nodeDhSecret(Handles.of(this), bytesArg(key, "key", inputEncoding)), outputEncoding);
  },
  getPrime(encoding) {
    return encode(N.nodeDhGet(Handles.of(this), PRIME), encoding);
  },
  getGenerator(encoding) {
    return encode(N.nodeDhGet(Handles.of(this), GENERATOR), encoding);
  },
  getPublicKey(encoding) {
    return encode(N.nodeDhGet(Handles.of(this), PUBLIC), encoding);
  },
  getPrivateKey(encoding) {
    return encode(N.nodeDhGet(Handles.of(this), PRIVATE), encoding);
  },
};
const verifyError = {
  __proto__: null,
  get() {
    return N.nodeDhVerifyError(Handles.of(this));
  },
  enumerable: true,
  configurable: true,
};

P.ObjectAssign(DiffieHellmanGroup.prototype, shared);
P.ObjectDefineProperty(DiffieHellmanGroup.prototype, "verifyError", verifyError);
P.ObjectAssign(DiffieHellman.prototype, shared, {
  setPublicKey(key, encoding) {
    N.nodeDhSet(Handles.of(this), PUBLIC, bytesArg(key, "key", encoding));
    return this;
  },
  setPrivateKey(key, encoding) {
    N.nodeDhSet(Handles.of(this), PRIVATE, bytesArg(key, "key", encoding));
    return this;
  },
});
P.ObjectDefineProperty(DiffieHellman.prototype, "verifyError", verifyError);

export function createDiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding) {
  return new DiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding);
}

export function createDiffieHellmanGroup(name) {
  return new DiffieHellmanGroup(name);
}

export function getDiffieHellman(name) {
  return new DiffieHellmanGroup(name);
}

export function diffieHellman(options) {
  validateObject(options, "options");
  const { publicKey, privateKey } = options;
  if (!isKeyObject(publicKey)) throw nodeError("ERR_INVALID_ARG_TYPE", "options.publicKey", "KeyObject", publicKey);
  if (!isKeyObject(privateKey)) throw nodeError("ERR_INVALID_ARG_TYPE", "options.privateKey", "KeyObject", privateKey);
  if (publicKey.type !== "public") throw nodeError("ERR_INVALID_ARG_TYPE", "options.publicKey", "public key", publicKey);
  if (privateKey.type !== "private") throw nodeError("ERR_INVALID_ARG_TYPE", "options.privateKey", "private key", privateKey);
  const type = publicKey.asymmetricKeyType;
  if (type !== privateKey.asymmetricKeyType) {
    throw nodeError("ERR_INVALID_ARG_VALUE", "options.publicKey.asymmetricKeyType", type, "must equal privateKey.asymmetricKeyType");
  }
  return toBuffer(N.nodeAgree(handleOfKeyObject(privateKey), handleOfKeyObject(publicKey)));
}

// ---- ECDH ----

const POINTS = { __proto__: null, compressed: 2, uncompressed: 4, hybrid: 6 };
const POINT_NAMES = ["compressed", "uncompressed", "hybrid"];

function encodingArg(value, name) {
  if (value !== undefined && value !== null) validateString(value, name);
}

function pointArg(format) {
  if (format === undefined || format === null) return POINTS.uncompressed;
  validateOneOf(format, "format", POINT_NAMES);
  return POINTS[format];
}

export function ECDH(curveName) {
  if (!(this instanceof ECDH)) return new ECDH(curveName);
  validateString(curveName, "curveName");
  new Handles(this, N.nodeEcdhNew(curveName));
}

P.ObjectAssign(ECDH.prototype, {
  computeSecret(otherPublicKey, inputEncoding, outputEncoding) {
    encodingArg(inputEncoding, "inputEncoding");
    encodingArg(outputEncoding, "outputEncoding");
    const secret = N.nodeEcdhSecret(Handles.of(this), viewArg(otherPublicKey, "otherPublicKey", inputEncoding));
    if (secret === undefined) throw new P.Error("Failed to set point");
    return encode(secret, outputEncoding);
  },
  generateKeys(encoding, format) {
    encodingArg(encoding, "encoding");
    const point = pointArg(format), handle = Handles.of(this);
    requireEvent();
    N.nodeEcdhGenerate(handle);
    return encode(N.nodeEcdhPublic(handle, point), encoding);
  },
  getPrivateKey(encoding) {
    encodingArg(encoding, "encoding");
    return encode(N.nodeEcdhPrivate(Handles.of(this)), encoding);
  },
  getPublicKey(encoding, format) {
    encodingArg(encoding, "encoding");
    return encode(N.nodeEcdhPublic(Handles.of(this), pointArg(format)), encoding);
  },
  setPrivateKey(key, encoding) {
    encodingArg(encoding, "encoding");
    N.nodeEcdhSetPrivate(Handles.of(this), viewArg(key, "key", encoding));
    return this;
  },
});

ECDH.convertKey = function convertKey(key, curve, inputEncoding, outputEncoding, format) {
  const bytes = viewArg(key, "key", inputEncoding);
  validateString(curve, "curve");
  encodingArg(inputEncoding, "inputEncoding");
  encodingArg(outputEncoding, "outputEncoding");
  return encode(N.nodeEcdhConvert(curve, bytes, pointArg(format)), outputEncoding);
};

export function createECDH(curveName) {
  return new ECDH(curveName);
}
