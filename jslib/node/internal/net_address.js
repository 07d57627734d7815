// SocketAddress and BlockList of node:net.

import { errorWithCode, nodeError } from "node/internal/errors";
import { isIPv4, isIPv6 } from "node/internal/ip";
import { validateObject, validateOneOf, validatePort, validateString, validateUint32 } from "node/internal/validators";

export function invalidAddress(text) {
  return errorWithCode(P.TypeError, "ERR_INVALID_IP_ADDRESS", `Invalid IP address: ${text}`);
}

// An address as a BigInt, by which addresses are compared.
function numberOf(address, family) {
  if (family === "ipv4") {
    let value = 0n;
    for (const part of P.StringPrototypeSplit(address, ".")) value = (value << 8n) | BigInt(part);
    return value;
  }
  const halves = P.StringPrototypeSplit(P.StringPrototypeSplit(address, "%")[0], "::");
  const groups = half => {
    const list = [];
    for (const group of half === "" ? [] : P.StringPrototypeSplit(half, ":")) {
      if (isIPv4(group)) {
        const four = numberOf(group, "ipv4");
        P.ArrayPrototypePush(list, four >> 16n, four & 0xffffn);
      } else {
        P.ArrayPrototypePush(list, BigInt(`0x${group}`));
      }
    }
    return list;
  };
  const head = groups(halves[0]);
  const tail = halves.length === 2 ? groups(halves[1]) : [];
  let value = 0n;
  for (const group of head) value = (value << 16n) | group;
  value <<= BigInt(16 * (8 - head.length - tail.length));
  for (const group of tail) value = (value << 16n) | group;
  return value;
}

export class SocketAddress {
  #address;
  #port;
  #family;
  #flowlabel;

  static isSocketAddress(value) {
    return value instanceof SocketAddress;
  }

  // "1.2.3.4:80" or "[::1]:80", the port left out or not; undefined for what is neither.
  static parse(input) {
    validateString(input, "input");
    try {
      const { hostname, port } = new (load("url").URL)(`http://${input}`);
      const six = P.StringPrototypeStartsWith(hostname, "[");
      return new SocketAddress({ address: six ? P.StringPrototypeSlice(hostname, 1, -1) : hostname, port: +port, family: six ? "ipv6" : "ipv4" });
    } catch {
      return undefined;
    }
  }

  constructor(options = {}) {
    validateObject(options, "options");
    let { family = "ipv4" } = options;
    if (typeof family === "string") family = P.StringPrototypeToLowerCase(family);
    validateOneOf(family, "options.family", ["ipv4", "ipv6"]);
    const { address = family === "ipv4" ? "127.0.0.1" : "::", port = 0, flowlabel = 0 } = options;
    validateString(address, "options.address");
    this.#port = validatePort(port, "options.port");
    validateUint32(flowlabel, "options.flowlabel", false);
    if (family === "ipv4" ? !isIPv4(address) : !isIPv6(address)) throw errorWithCode(P.Error, "ERR_INVALID_ADDRESS", "Invalid address");
    this.#address = address;
    this.#family = family;
    this.#flowlabel = flowlabel;
  }

  get address() {
    return this.#address;
  }

  get port() {
    return this.#port;
  }

  get family() {
    return this.#family;
  }

  get flowlabel() {
    return this.#flowlabel;
  }

  toJSON() {
    return { address: this.#address, port: this.#port, family: this.#family, flowlabel: this.#flowlabel };
  }
}

// Address and family, from a SocketAddress or from two arguments.
function given(address, family, name = "address") {
  if (SocketAddress.isSocketAddress(address)) return [address.address, address.family];
  validateString(address, name);
  validateOneOf(family, "family", ["ipv4", "ipv6"]);
  if (family === "ipv4" && !isIPv4(address)) throw invalidAddress("Invalid IPv4 address");
  if (family === "ipv6" && !isIPv6(address)) throw invalidAddress("Invalid IPv6 address");
  return [address, family];
}

const SHOWN = { __proto__: null, ipv4: "IPv4", ipv6: "IPv6" };

export class BlockList {
  #rules = []; // { family, low, high, text }

  static isBlockList(value) {
    return value instanceof BlockList;
  }

  addAddress(address, family = "ipv4") {
    const [text, kind] = given(address, family);
    const value = numberOf(text, kind);
    P.ArrayPrototypePush(this.#rules, { family: kind, low: value, high: value, text: `Address: ${SHOWN[kind]} ${text}` });
  }

  addRange(start, end, family = "ipv4") {
    const [first, kind] = given(start, family, "start");
    const [last, other] = given(end, SocketAddress.isSocketAddress(start) ? kind : family, "end");
    if (kind !== other) throw nodeError("ERR_INVALID_ARG_VALUE", "end", end, "must be same family as start");
    const low = numberOf(first, kind), high = numberOf(last, kind);
    if (low > high) throw nodeError("ERR_INVALID_ARG_VALUE", "start", first, "must come before end");
    P.ArrayPrototypePush(this.#rules, { family: kind, low, high, text: `Range: ${SHOWN[kind]} ${first}-${last}` });
  }

  addSubnet(network, prefix, family = "ipv4") {
    const [text, kind] = given(network, family, "net");
    const bits = kind === "ipv4" ? 32 : 128;
    if (typeof prefix !== "number") throw nodeError("ERR_INVALID_ARG_TYPE", "prefix", "number", prefix);
    if (prefix < 0 || prefix > bits) throw nodeError("ERR_OUT_OF_RANGE", "prefix", `between 0 and ${bits}`, prefix);
    const host = (1n << BigInt(bits - prefix)) - 1n;
    const low = (numberOf(text, kind) | host) ^ host;
    P.ArrayPrototypePush(this.#rules, { family: kind, low, high: low | host, text: `Subnet: ${SHOWN[kind]} ${text}/${prefix}` });
  }

  check(address, family = "ipv4") {
    let text, kind;
    try {
      [text, kind] = given(address, family);
    } catch (error) {
      if (error.code === "ERR_INVALID_IP_ADDRESS") return false;
      throw error;
    }
    const value = numberOf(text, kind);
    for (const rule of this.#rules) if (rule.family === kind && value >= rule.low && value <= rule.high) return true;
    // An IPv4 address written as an IPv6 one.
    return kind === "ipv6" && value >> 32n === 0xffffn && P.ArrayPrototypeSome(this.#rules, r => r.family === "ipv4" && (value & 0xffffffffn) >= r.low && (value & 0xffffffffn) <= r.high);
  }

  get rules() {
    return P.ArrayPrototypeMap(this.#rules, rule => rule.text);
  }

  toJSON() {
    return this.rules;
  }

  // Adds rules as toJSON() writes them; a line of another form says nothing.
  fromJSON(data) {
    const list = typeof data === "string" ? P.JSONParse(data) : data;
    if (!P.ArrayIsArray(list)) throw nodeError("ERR_INVALID_ARG_TYPE", "data", ["string", "Array"], data);
    for (let i = 0; i < list.length; i++) validateString(list[i], `data[${i}]`);
    for (let i = 0; i < list.length; i++) {
      const m = P.RegExpPrototypeExec(/^(Address|Range|Subnet): IPv([46]) ([^-/]+)(?:[-/](.+))?$/, list[i]);
      if (m === null) continue;
      const family = m[2] === "4" ? "ipv4" : "ipv6";
      if (m[1] === "Address") this.addAddress(m[3], family);
      else if (m[1] === "Range") this.addRange(m[3], m[4] ?? "", family);
      else this.addSubnet(m[3], +m[4], family);
    }
  }
}
