// MIMEType and MIMEParams of node:util.

import { arity } from "node/internal/functions";
import { errorWithCode } from "node/internal/errors";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, VALUE = /^[\t\u0020-~\u0080-\u00ff]*$/;
const trim = (text) => text.replace(/^[\r\n\t ]+|[\r\n\t ]+$/g, "");

function invalid(what, text, at) {
  return errorWithCode(TypeError, "ERR_INVALID_MIME_SYNTAX", `The MIME syntax for a ${what} in "${text}" is invalid${at >= 0 ? ` at ${at}` : ""}`);
}

function quoted(value) {
  return value !== "" && TOKEN.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

export class MIMEParams {
  #data = new Map();

  delete(name) {
    this.#data.delete(`${name}`);
  }
  get(name) {
    return this.#data.get(`${name}`) ?? null;
  }
  has(name) {
    return this.#data.has(`${name}`);
  }
  set(name, value) {
    name = `${name}`;
    value = `${value}`;
    if (!TOKEN.test(name)) throw invalid("parameter name", name, name.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    if (!VALUE.test(value)) throw invalid("parameter value", value, value.search(/[^\t\u0020-~\u0080-\u00ff]/));
    this.#data.set(name, value);
  }
  *entries() {
    yield* this.#data.entries();
  }
  *keys() {
    yield* this.#data.keys();
  }
  *values() {
    yield* this.#data.values();
  }
  toString() {
    let out = "";
    for (const [name, value] of this.#data) out += `${out === "" ? "" : "; "}${name}=${quoted(value)}`;
    return out;
  }
  toJSON() {
    return this.toString();
  }

  static parse(text) {
    const params = new MIMEParams();
    let at = 0;
    while (at < text.length) {
      at += /^[\r\n\t ]*/.exec(text.slice(at))[0].length;
      const end = /[;=]|$/.exec(text.slice(at)).index + at;
      const name = text.slice(at, end).toLowerCase();
      at = end + 1;
      if (text[end] !== "=") continue;
      let value;
      if (text[at] === '"') {
        value = "";
        for (at++; at < text.length && text[at] !== '"'; at++) {
          if (text[at] === "\\" && at + 1 < text.length) at++;
          value += text[at];
        }
        at += /;|$/.exec(text.slice(at)).index + 1;
      } else {
        const stop = /;|$/.exec(text.slice(at)).index + at;
        value = text.slice(at, stop).replace(/[\r\n\t ]+$/, "");
        at = stop + 1;
        if (value === "") continue;
      }
      if (name !== "" && TOKEN.test(name) && VALUE.test(value) && !params.has(name)) params.#data.set(name, value);
    }
    return params;
  }
}
P.ObjectDefineProperty(MIMEParams.prototype, Symbol.iterator, { __proto__: null, value: MIMEParams.prototype.entries, writable: true, configurable: true });
const parseParams = MIMEParams.parse;
delete MIMEParams.parse;

export class MIMEType {
  #type;
  #subtype;
  #params;

  constructor(input) {
    const text = trim(`${input}`);
    const slash = text.indexOf("/");
    const type = slash < 0 ? text : text.slice(0, slash);
    if (slash < 0 || !TOKEN.test(type)) throw invalid("type", `${input}`, slash < 0 ? -1 : type.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    const rest = text.slice(slash + 1), semicolon = rest.indexOf(";");
    const subtype = (semicolon < 0 ? rest : rest.slice(0, semicolon)).replace(/[\r\n\t ]+$/, "");
    if (!TOKEN.test(subtype)) throw invalid("subtype", `${input}`, subtype.search(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/));
    this.#type = type.toLowerCase();
    this.#subtype = subtype.toLowerCase();
    this.#params = parseParams(semicolon < 0 ? "" : rest.slice(semicolon + 1));
  }
  get type() {
    return this.#type;
  }
  set type(value) {
    if (!TOKEN.test(`${value}`)) throw invalid("type", `${value}`, 0);
    this.#type = `${value}`.toLowerCase();
  }
  get subtype() {
    return this.#subtype;
  }
  set subtype(value) {
    if (!TOKEN.test(`${value}`)) throw invalid("subtype", `${value}`, 0);
    this.#subtype = `${value}`.toLowerCase();
  }
  get essence() {
    return `${this.#type}/${this.#subtype}`;
  }
  get params() {
    return this.#params;
  }
  toString() {
    const params = this.#params.toString();
    return params === "" ? this.essence : `${this.essence};${params}`;
  }
  toJSON() {
    return this.toString();
  }
}
arity(MIMEType, 0);
