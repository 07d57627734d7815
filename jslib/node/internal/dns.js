// What node:dns and its promises share: questions by DNS over HTTPS, answers in Node's forms.

import { errorWithCode, nodeError } from "node/internal/errors";
import { isIP } from "node/internal/ip";
import { validateBoolean, validateFunction, validateNumber, validateOneOf, validateString } from "node/internal/validators";

const RESOLVER = "https://cloudflare-dns.com/dns-query";
const ORDERS = ["verbatim", "ipv4first", "ipv6first"];

export const constants = {
  NODATA: "ENODATA",
  FORMERR: "EFORMERR",
  SERVFAIL: "ESERVFAIL",
  NOTFOUND: "ENOTFOUND",
  NOTIMP: "ENOTIMP",
  REFUSED: "EREFUSED",
  BADQUERY: "EBADQUERY",
  BADNAME: "EBADNAME",
  BADFAMILY: "EBADFAMILY",
  BADRESP: "EBADRESP",
  CONNREFUSED: "ECONNREFUSED",
  TIMEOUT: "ETIMEOUT",
  EOF: "EOF",
  FILE: "EFILE",
  NOMEM: "ENOMEM",
  DESTRUCTION: "EDESTRUCTION",
  BADSTR: "EBADSTR",
  BADFLAGS: "EBADFLAGS",
  NONAME: "ENONAME",
  BADHINTS: "EBADHINTS",
  NOTINITIALIZED: "ENOTINITIALIZED",
  LOADIPHLPAPI: "ELOADIPHLPAPI",
  ADDRGETNETWORKPARAMS: "EADDRGETNETWORKPARAMS",
  CANCELLED: "ECANCELLED",
  ADDRCONFIG: 1024,
  ALL: 256,
  V4MAPPED: 2048,
};

function dnsError(name, code, syscall) {
  return P.ObjectAssign(errorWithCode(P.Error, code, `${syscall} ${code} ${name}`), { errno: undefined, hostname: name, syscall });
}

// The answers of that type: rows { name, type, TTL, data }.
async function ask(name, type) {
  const syscall = `query${type}`;
  const { URL } = load("url");
  const url = new URL(RESOLVER);
  url.searchParams.set("name", name);
  url.searchParams.set("type", type);
  let body;
  try {
    const response = await load("fetch").fetch(url, { headers: { accept: "application/dns-json" } });
    if (!response.ok) throw dnsError(name, constants.BADRESP, syscall);
    body = await response.json();
  } catch (error) {
    throw error.syscall === syscall ? error : dnsError(name, constants.BADQUERY, syscall);
  }
  if (body.error !== undefined || !P.ArrayIsArray(body.Question) || body.Question.length === 0) throw dnsError(name, constants.BADRESP, syscall);
  if (body.Answer?.[0]?.name === "") throw dnsError(name, constants.NOTFOUND, syscall);
  return body.Answer;
}

async function records(name, type, label, read) {
  const answers = await ask(name, type);
  if (answers === undefined || answers === null) throw dnsError(name, constants.NOTFOUND, `query${label}`);
  return P.ArrayPrototypeMap(answers, answer => read(answer, name));
}

const bare = text => (P.StringPrototypeEndsWith(text, ".") ? P.StringPrototypeSlice(text, 0, -1) : text);
const words = answer => P.StringPrototypeSplit(answer.data, " ");
const target = answer => bare(answer.data);

function mx(answer, name) {
  const [priority, exchange] = words(answer);
  if (exchange === undefined) throw dnsError(name, constants.BADRESP, "queryMx");
  return { exchange: bare(exchange), priority: +priority };
}

function soa(answer) {
  const [nsname, hostmaster, serial, refresh, retry, expire, minttl] = words(answer);
  return { nsname, hostmaster, serial: +serial, refresh: +refresh, retry: +retry, expire: +expire, minttl: +minttl };
}

function srv(answer) {
  const [priority, weight, port, name] = words(answer);
  return { priority: +priority, weight: +weight, port: +port, name };
}

function txt(answer) {
  const { data } = answer;
  if (!P.StringPrototypeStartsWith(data, '"') || !P.StringPrototypeEndsWith(data, '"')) return [data];
  return P.StringPrototypeSplit(P.StringPrototypeSlice(data, 1, -1), /"\s*"/);
}

// "\# 22 00 05 69 73 ...": the bytes of a record that the resolver does not write as text.
function bytesOf(answer) {
  const match = P.RegExpPrototypeExec(/^\\# \d+ ([0-9a-f ]+)$/i, answer.data);
  return match === null ? null : load("node/internal/buffer").Buffer.from(P.StringPrototypeReplaceAll(match[1], " ", ""), "hex");
}

function caa(answer, name) {
  const bytes = bytesOf(answer);
  if (bytes !== null) {
    const length = bytes[1];
    return { critical: bytes[0], [bytes.toString("latin1", 2, 2 + length)]: bytes.toString("latin1", 2 + length) };
  }
  const match = P.RegExpPrototypeExec(/^(\d+) (\w+) "?(.*?)"?$/, answer.data);
  if (match === null) throw dnsError(name, constants.BADRESP, "queryCaa");
  return { critical: +match[1], [match[2]]: match[3] };
}

function naptr(answer, name) {
  const bytes = bytesOf(answer);
  if (bytes === null) {
    const match = P.RegExpPrototypeExec(/^(\d+) (\d+) "?([^" ]*)"? "?([^" ]*)"? "?([^" ]*)"? (\S+)$/, answer.data);
    if (match === null) throw dnsError(name, constants.BADRESP, "queryNaptr");
    return { flags: match[3], service: match[4], regexp: match[5], replacement: match[6] === "." ? "" : bare(match[6]), order: +match[1], preference: +match[2] };
  }
  let at = 4;
  const text = () => {
    const length = bytes[at];
    const value = bytes.toString("latin1", at + 1, at + 1 + length);
    at += 1 + length;
    return value;
  };
  const flags = text(), service = text(), regexp = text();
  const labels = [];
  while (at < bytes.length && bytes[at] !== 0) P.ArrayPrototypePush(labels, text());
  return { flags, service, regexp, replacement: P.ArrayPrototypeJoin(labels, "."), order: bytes.readUInt16BE(0), preference: bytes.readUInt16BE(2) };
}

function named(name) {
  validateString(name, "name");
  return name;
}

const addressed = (type, label) => (name, options = undefined) => {
  const ttl = !!options?.ttl;
  return records(named(name), type, label, answer => (ttl ? { ttl: answer.TTL, address: answer.data } : answer.data));
};

async function unimplemented() {
  throw new P.Error("Not implemented");
}

// Promises of everything; arguments are checked at once.
export const resolvers = {
  __proto__: null,
  resolve4: addressed("A", "A"),
  resolve6: addressed("AAAA", "Aaaa"),
  resolveAny: () => unimplemented(),
  resolveCaa: name => records(named(name), "CAA", "Caa", caa),
  resolveCname: name => records(named(name), "CNAME", "Cname", target),
  resolveMx: name => records(named(name), "MX", "Mx", mx),
  resolveNaptr: name => records(named(name), "NAPTR", "Naptr", naptr),
  resolveNs: name => records(named(name), "NS", "Ns", target),
  resolvePtr: name => records(named(name), "PTR", "Ptr", target),
  resolveSoa: async name => (await records(named(name), "SOA", "Soa", soa))[0],
  resolveSrv: name => records(named(name), "SRV", "Srv", srv),
  resolveTxt: name => records(named(name), "TXT", "Txt", txt),
  reverse: name => {
    validateString(name, "name");
    return records(name, "PTR", "Ptr", target);
  },
};

const BY_TYPE = {
  __proto__: null,
  A: "resolve4",
  AAAA: "resolve6",
  ANY: "resolveAny",
  CAA: "resolveCaa",
  CNAME: "resolveCname",
  MX: "resolveMx",
  NAPTR: "resolveNaptr",
  NS: "resolveNs",
  PTR: "resolvePtr",
  SOA: "resolveSoa",
  SRV: "resolveSrv",
  TXT: "resolveTxt",
};

export function resolve(name, type = "A") {
  validateString(name, "name");
  if (BY_TYPE[type] === undefined) throw nodeError("ERR_INVALID_ARG_VALUE", "rrtype", type);
  return resolvers[BY_TYPE[type]](name);
}

let order = "verbatim";

export function getDefaultResultOrder() {
  return order;
}

export function setDefaultResultOrder(value) {
  validateOneOf(value, "dnsOrder", ORDERS);
  order = value;
}

export function getServers() {
  return ["1.1.1.1", "2606:4700:4700::1111", "1.0.0.1", "2606:4700:4700::1001"];
}

const FAMILIES = { __proto__: null, IPv4: 4, IPv6: 6 };

// { family, all, order } of lookup()'s options.
export function lookupOptions(options) {
  const read = { family: 0, all: false, order };
  if (typeof options === "number") {
    validateOneOf(options, "family", [0, 4, 6]);
    read.family = options;
  } else if (options !== undefined && typeof options !== "object") {
    throw nodeError("ERR_INVALID_ARG_TYPE", "options", ["integer", "object"], options);
  } else if (options !== undefined && options !== null) {
    if (options.hints !== undefined && options.hints !== null) {
      validateNumber(options.hints, "options.hints");
      throw nodeError("ERR_OPTION_NOT_IMPLEMENTED", "options.hints");
    }
    if (options.family !== undefined && options.family !== null) {
      read.family = FAMILIES[options.family] ?? options.family;
      validateOneOf(read.family, "options.family", [0, 4, 6]);
    }
    if (options.all !== undefined && options.all !== null) {
      validateBoolean(options.all, "options.all");
      read.all = options.all;
    }
    if (options.verbatim !== undefined && options.verbatim !== null) {
      validateBoolean(options.verbatim, "options.verbatim");
      read.order = options.verbatim ? "verbatim" : "ipv4first";
    }
    if (options.order !== undefined && options.order !== null) {
      validateOneOf(options.order, "options.order", ORDERS);
      read.order = options.order;
    }
  }
  return read;
}

// Rows { address, family } in the order that was asked for; at least one.
export async function lookupAll(hostname, { family, order: wanted }) {
  const known = isIP(hostname);
  if (known !== 0) return [{ address: hostname, family: known }];
  // As every machine's hosts file has it; no resolver is asked.
  if (hostname === "localhost") return family === 6 ? [{ address: "::1", family: 6 }] : [{ address: "127.0.0.1", family: 4 }];
  const rows = async (type, kind) => P.ArrayPrototypeMap((await ask(hostname, type)) ?? [], answer => ({ address: answer.data, family: kind }));
  if (family !== 0) {
    const type = family === 4 ? "A" : "AAAA";
    const found = await rows(type, family);
    if (found.length === 0) throw dnsError(hostname, constants.NOTFOUND, `query${type}`);
    return found;
  }
  const none = () => [];
  const [four, six] = await P.PromiseAll([rows("A", 4).catch(none), rows("AAAA", 6).catch(none)]);
  const all = wanted === "ipv6first" ? [...six, ...four] : [...four, ...six];
  if (all.length === 0) throw dnsError(hostname, constants.NOTFOUND, "queryA");
  return all;
}

export function checkCallback(callback) {
  validateFunction(callback, "callback");
}
