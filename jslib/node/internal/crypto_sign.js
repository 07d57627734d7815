// Sign, Verify, sign(), verify().

import { callBack, cryptoError, decode, encode, newSlot, toBuffer } from "node/internal/crypto_util";
import { handleForUse } from "node/internal/crypto_keys";
import { makeLazyStream } from "node/internal/lazy_stream";
import { nodeError } from "node/internal/errors";
import { validateFunction, validateString } from "node/internal/validators";

// {algorithm, handle: of the digest, done}
const States = newSlot();

function begin(object, algorithm, options) {
  validateString(algorithm, "algorithm");
  const handle = N.nodeHashNew(algorithm, undefined);
  if (handle === undefined) throw new P.Error(`Unknown digest: ${algorithm}`);
  new States(object, { algorithm, handle, done: false, options, streams: false });
}

export function Sign(algorithm, options) {
  if (!(this instanceof Sign)) return new Sign(algorithm, options);
  begin(this, algorithm, options);
}

export function Verify(algorithm, options) {
  if (!(this instanceof Verify)) return new Verify(algorithm, options);
  begin(this, algorithm, options);
}

function add(state, what, data, encoding) {
  const bytes = typeof data === "string" ? decode(data, encoding) : data;
  if (!P.ArrayBufferIsView(bytes)) throw nodeError("ERR_INVALID_ARG_TYPE", "data", ["string", "Buffer", "TypedArray", "DataView"], data);
  if (state.done) throw new P.Error(`${what} context has already been finalized`);
  N.nodeHashUpdate(state.handle, bytes);
}

function finish(state, what) {
  if (state.done) throw new P.Error(`${what} context has already been finalized`);
  state.done = true;
  return N.nodeHashFinal(state.handle);
}

function intOption(options, name) {
  const value = options[name];
  if (value === undefined || value === value >> 0) return value;
  throw nodeError("ERR_INVALID_ARG_VALUE", `options.${name}`, value);
}

function isP1363(options) {
  if (typeof options !== "object") return false;
  const { dsaEncoding = "der" } = options;
  if (dsaEncoding !== "der" && dsaEncoding !== "ieee-p1363") throw nodeError("ERR_INVALID_ARG_VALUE", "options.dsaEncoding", dsaEncoding);
  return dsaEncoding !== "der";
}

// What is asked for besides the key: [handle, padding, salt length, p1363].
function useOf(options, isPrivate) {
  if (!options) throw cryptoError("ERR_CRYPTO_SIGN_KEY_REQUIRED");
  const handle = handleForUse(options, isPrivate, "options");
  return [handle, intOption(options, "padding"), intOption(options, "saltLength"), isP1363(options)];
}

P.ObjectAssign(Sign.prototype, {
  _write(chunk, encoding, callback) {
    add(States.of(this), "Signing", chunk, encoding);
    callback();
  },
  update(data, encoding) {
    add(States.of(this), "Signing", data, encoding);
    return this;
  },
  sign(options, encoding) {
    const state = States.of(this);
    const [handle, padding, salt, p1363] = useOf(options, true);
    return encode(N.nodeSign(handle, state.algorithm, padding, salt, p1363, true, finish(state, "Signing")), encoding);
  },
});
makeLazyStream(Sign, "Writable", States);

P.ObjectAssign(Verify.prototype, {
  _write(chunk, encoding, callback) {
    add(States.of(this), "Verification", chunk, encoding);
    callback();
  },
  update(data, encoding) {
    add(States.of(this), "Verification", data, encoding);
    return this;
  },
  verify(options, signature, encoding) {
    const state = States.of(this);
    const [handle, padding, salt, p1363] = useOf(options, false);
    const bytes = typeof signature === "string" ? decode(signature, encoding) : signature;
    if (!P.ArrayBufferIsView(bytes)) throw nodeError("ERR_INVALID_ARG_TYPE", "signature", ["string", "Buffer", "TypedArray", "DataView"], signature);
    return N.nodeVerify(handle, state.algorithm, padding, salt, p1363, true, finish(state, "Verification"), bytes);
  },
});
makeLazyStream(Verify, "Writable", States);

export function createSign(algorithm, options) {
  return new Sign(algorithm, options);
}

export function createVerify(algorithm, options) {
  return new Verify(algorithm, options);
}

function dataArg(value, name) {
  if (!P.ArrayBufferIsView(value)) throw nodeError("ERR_INVALID_ARG_TYPE", name, ["Buffer", "TypedArray", "DataView"], value);
  return value;
}

function algorithmArg(algorithm) {
  if (algorithm === undefined || algorithm === null) return undefined;
  validateString(algorithm, "algorithm");
  return algorithm;
}

export function sign(algorithm, data, options, callback) {
  const name = algorithmArg(algorithm);
  dataArg(data, "data");
  const [handle, padding, salt, p1363] = useOf(options, true);
  const run = () => toBuffer(N.nodeSign(handle, name, padding, salt, p1363, false, data));
  if (callback === undefined) return run();
  validateFunction(callback, "callback");
  callBack(callback, run);
  return undefined;
}

export function verify(algorithm, data, options, signature, callback) {
  const name = algorithmArg(algorithm);
  dataArg(data, "data");
  dataArg(signature, "signature");
  const [handle, padding, salt, p1363] = useOf(options, false);
  const run = () => N.nodeVerify(handle, name, padding, salt, p1363, false, data, signature);
  if (callback === undefined) return run();
  validateFunction(callback, "callback");
  callBack(callback, run);
  return undefined;
}
