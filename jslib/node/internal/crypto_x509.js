// X509Certificate, and Certificate (SPKAC).

import { bytesArg, toBuffer } from "node/internal/crypto_util";
import { newKeyObject, handleOfKeyObject, PrivateKeyObject, PublicKeyObject } from "node/internal/crypto_keys";
import { nodeError } from "node/internal/errors";
import { validateBoolean, validateObject, validateString } from "node/internal/validators";

// Fields and checks, as C numbers them.
const SUBJECT = 0, ISSUER = 1, ALT_NAME = 2, INFO_ACCESS = 3, FROM = 4, TO = 5, SERIAL = 6, PEM = 7, DER = 8;
const SHA1 = 9, SHA256 = 10, SHA512 = 11, KEY_USAGE = 12, SUBJECT_PARTS = 13, ISSUER_PARTS = 14;
const HOST = 0, EMAIL = 1, IP = 2;

// Of the library.
const ALWAYS_CHECK_SUBJECT = 1, NO_WILDCARDS = 2, NO_PARTIAL_WILDCARDS = 4, MULTI_LABEL_WILDCARDS = 8;
const SINGLE_LABEL_SUBDOMAINS = 16, NEVER_CHECK_SUBJECT = 32;

const NIST = { __proto__: null, prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521", secp224r1: "P-224" };

function flagsOf(options) {
  if (options === undefined || options === null) return 0;
  validateObject(options, "options");
  const names = ["multiLabelWildcards", "partialWildcards", "singleLabelSubdomains", "wildcards"];
  for (let i = 0; i < names.length; i++)
    if (options[names[i]] !== undefined) validateBoolean(options[names[i]], `options.${names[i]}`);
  const { subject = "default" } = options;
  validateString(subject, "options.subject");
  let flags = 0;
  if (options.wildcards === false) flags |= NO_WILDCARDS;
  if (options.partialWildcards === false) flags |= NO_PARTIAL_WILDCARDS;
  if (options.multiLabelWildcards === true) flags |= MULTI_LABEL_WILDCARDS;
  if (options.singleLabelSubdomains === true) flags |= SINGLE_LABEL_SUBDOMAINS;
  if (subject === "always") flags |= ALWAYS_CHECK_SUBJECT;
  else if (subject === "never") flags |= NEVER_CHECK_SUBJECT;
  else if (subject !== "default") throw new P.Error("Invalid subject option");
  return flags;
}

function lines(text) {
  return text === undefined ? undefined : P.StringPrototypeSplit(P.StringPrototypeSlice(text, 0, -1), "\n");
}

// "name NUL value NUL ..." as an object, several values of a name as an array.
function namesOf(text) {
  const parts = P.StringPrototypeSplit(text, "\0");
  const out = {};
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const before = P.ObjectHasOwn(out, parts[i]) ? out[parts[i]] : undefined;
    if (before === undefined) P.ObjectDefineProperty(out, parts[i], { __proto__: null, value: parts[i + 1], writable: true, enumerable: true, configurable: true });
    else if (P.ArrayIsArray(before)) P.ArrayPrototypePush(before, parts[i + 1]);
    else out[parts[i]] = [before, parts[i + 1]];
  }
  return out;
}

// "method - location" lines as {method: [location, ...]}.
function accessOf(text) {
  const out = {};
  for (const line of P.StringPrototypeSplit(text, "\n")) {
    const at = P.StringPrototypeIndexOf(line, ":");
    if (at < 0) continue;
    const key = P.StringPrototypeSlice(line, 0, at);
    let value = P.StringPrototypeSlice(line, at + 1);
    if (value[0] === '"') value = P.JSONParse(value);
    if (P.ObjectHasOwn(out, key)) P.ArrayPrototypePush(out[key], value);
    else P.ObjectDefineProperty(out, key, { __proto__: null, value: [value], writable: true, enumerable: true, configurable: true });
  }
  return out;
}

export class X509Certificate {
  #handle;
  #key;

  constructor(buffer) {
    if (typeof buffer !== "string" && !P.ArrayBufferIsView(buffer)) {
      throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", ["string", "Buffer", "TypedArray", "DataView"], buffer);
    }
    this.#handle = N.nodeX509Read(bytesArg(buffer, "buffer"));
    if (this.#handle === undefined) throw nodeError("ERR_INVALID_ARG_VALUE", "buffer", toBuffer(new P.Uint8Array(bytesArg(buffer, "buffer"))), "is not a valid certificate");
  }

  get subject() {
    return N.nodeX509Text(this.#handle, SUBJECT);
  }

  get subjectAltName() {
    return N.nodeX509Text(this.#handle, ALT_NAME);
  }

  get issuer() {
    return N.nodeX509Text(this.#handle, ISSUER);
  }

  // Known only of a connection's certificates, which workers do not see.
  get issuerCertificate() {
    return undefined;
  }

  get infoAccess() {
    return N.nodeX509Text(this.#handle, INFO_ACCESS);
  }

  get validFrom() {
    return N.nodeX509Text(this.#handle, FROM);
  }

  get validTo() {
    return N.nodeX509Text(this.#handle, TO);
  }

  get validFromDate() {
    return new P.Date(this.validFrom);
  }

  get validToDate() {
    return new P.Date(this.validTo);
  }

  get fingerprint() {
    return N.nodeX509Text(this.#handle, SHA1);
  }

  get fingerprint256() {
    return N.nodeX509Text(this.#handle, SHA256);
  }

  get fingerprint512() {
    return N.nodeX509Text(this.#handle, SHA512);
  }

  get keyUsage() {
    return lines(N.nodeX509Text(this.#handle, KEY_USAGE));
  }

  get serialNumber() {
    return N.nodeX509Text(this.#handle, SERIAL);
  }

  get raw() {
    return toBuffer(N.nodeX509Bytes(this.#handle, DER));
  }

  get publicKey() {
    if (this.#key === undefined) {
      const handle = N.nodeX509Key(this.#handle);
      if (handle !== undefined) this.#key = newKeyObject({ type: "public", handle, bytes: undefined, extractable: true });
    }
    return this.#key;
  }

  get ca() {
    return N.nodeX509IsCa(this.#handle);
  }

  toString() {
    return N.nodeX509Text(this.#handle, PEM);
  }

  toJSON() {
    return this.toString();
  }

  #match(check, name, options, wrong) {
    const found = N.nodeX509Match(this.#handle, check, name, flagsOf(options));
    if (found === null) throw new P.Error(wrong);
    return found;
  }

  checkHost(name, options) {
    validateString(name, "name");
    return this.#match(HOST, name, options, "Invalid name");
  }

  checkEmail(email, options) {
    validateString(email, "email");
    return this.#match(EMAIL, email, options, "Invalid name");
  }

  checkIP(ip, options) {
    validateString(ip, "ip");
    return this.#match(IP, ip, options, "Invalid IP");
  }

  checkIssued(otherCert) {
    if (typeof otherCert !== "object" || otherCert === null || !(#handle in otherCert)) {
      throw nodeError("ERR_INVALID_ARG_TYPE", "otherCert", "X509Certificate", otherCert);
    }
    return N.nodeX509IssuedBy(this.#handle, otherCert.#handle);
  }

  checkPrivateKey(pkey) {
    if (!(pkey instanceof PrivateKeyObject)) throw nodeError("ERR_INVALID_ARG_TYPE", "pkey", "KeyObject", pkey);
    return N.nodeX509IsOf(this.#handle, handleOfKeyObject(pkey));
  }

  verify(pkey) {
    if (!(pkey instanceof PublicKeyObject)) throw nodeError("ERR_INVALID_ARG_TYPE", "pkey", "KeyObject", pkey);
    return N.nodeX509SignedBy(this.#handle, handleOfKeyObject(pkey));
  }

  toLegacyObject() {
    const out = {
      subject: namesOf(N.nodeX509Text(this.#handle, SUBJECT_PARTS)),
      issuer: namesOf(N.nodeX509Text(this.#handle, ISSUER_PARTS)),
      subjectaltname: this.subjectAltName,
      infoAccess: this.infoAccess === undefined ? undefined : accessOf(this.infoAccess),
      ca: this.ca,
    };
    const key = this.publicKey;
    if (key?.asymmetricKeyType === "rsa") {
      const { n } = key.export({ format: "jwk" });
      const details = key.asymmetricKeyDetails;
      out.modulus = P.StringPrototypeToUpperCase(N.bufferText(N.bufferFrom(n, 5), 0, details.modulusLength / 8, 6));
      out.bits = details.modulusLength;
      out.exponent = `0x${P.BigIntPrototypeToString(details.publicExponent, 16)}`;
      out.pubkey = key.export({ format: "der", type: "spki" });
    } else if (key?.asymmetricKeyType === "ec") {
      const { namedCurve } = key.asymmetricKeyDetails;
      out.bits = namedCurve === undefined ? undefined : N.nodeKeyDetails(handleOfKeyObject(key))[0];
      out.asn1Curve = namedCurve;
      out.nistCurve = NIST[namedCurve];
      const raw = N.nodeKeyKind(handleOfKeyObject(key)) <= 3 ? N.keyRaw(handleOfKeyObject(key)) : undefined;
      out.pubkey = raw === undefined ? undefined : toBuffer(raw);
    }
    out.valid_from = this.validFrom;
    out.valid_to = this.validTo;
    out.fingerprint = this.fingerprint;
    out.fingerprint256 = this.fingerprint256;
    out.fingerprint512 = this.fingerprint512;
    out.ext_key_usage = this.keyUsage;
    out.serialNumber = this.serialNumber;
    out.raw = this.raw;
    return out;
  }
}

// ---- SPKAC ----

export function Certificate() {
  if (!(this instanceof Certificate)) return new Certificate();
}

const spkac = {
  verifySpkac(text, encoding) {
    return N.nodeSpkac(0, bytesArg(text, "spkac", encoding));
  },
  exportPublicKey(text, encoding) {
    return toBuffer(N.nodeSpkac(1, bytesArg(text, "spkac", encoding)) ?? N.bufferFrom("", 0));
  },
  exportChallenge(text, encoding) {
    return toBuffer(N.nodeSpkac(2, bytesArg(text, "spkac", encoding)) ?? N.bufferFrom("", 0));
  },
};
P.ObjectAssign(Certificate, spkac);
P.ObjectAssign(Certificate.prototype, spkac);

