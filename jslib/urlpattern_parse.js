// Pattern strings of URLPattern: tokens, parts, and what a list of parts is as a regular expression and as a string again.

const { StringPrototypeSlice: slice, StringPrototypeCodePointAt: codePointAt, StringPrototypeReplace: replace } = P;
const { ArrayPrototypePush: push, RegExpPrototypeExec: exec } = P;

const nameStart = /[$_\p{ID_Start}]/u;
const nameContinue = /[$\u200c\u200d\p{ID_Continue}]/u;

function isNameChar(text, first) {
  return text !== "" && exec(first ? nameStart : nameContinue, text) !== null;
}

// The code point at a position, as a string.
function charAt(text, index) {
  const cp = codePointAt(text, index);
  return cp === undefined ? "" : slice(text, index, index + (cp > 0xffff ? 2 : 1));
}

function isAscii(char) {
  return char < "\u0080";
}

export function syntaxError(why) {
  return new P.TypeError(`Invalid URL pattern: ${why}`);
}

// ---- tokens: {type, index, value} ----

// The end of ":name", whose ":" is at index.
function nameEnd(input, index) {
  let at = index + 1;
  while (at < input.length) {
    const char = charAt(input, at);
    if (!isNameChar(char, at === index + 1)) break;
    at += char.length;
  }
  return at;
}

// The position behind the ")" of a group that begins at index, or -1 when it is none.
function regexpEnd(input, index) {
  const start = index + 1;
  let depth = 1;
  for (let at = start; at < input.length; ) {
    const char = charAt(input, at);
    if (!isAscii(char) || (at === start && char === "?")) return -1;
    if (char === "\\") {
      if (at === input.length - 1 || !isAscii(charAt(input, at + 1))) return -1;
      at += 2;
      continue;
    }
    if (char === ")") {
      depth--;
      if (depth === 0) return at + 1 - start > 1 ? at + 1 : -1;
    } else if (char === "(") {
      depth++;
      if (at === input.length - 1 || input[at + 1] !== "?") return -1;
    }
    at++;
  }
  return -1;
}

const SINGLE = { __proto__: null, "*": "asterisk", "+": "other-modifier", "?": "other-modifier", "{": "open", "}": "close" };

// lenient: what is malformed becomes a token of type "invalid-char" instead of an error.
export function tokenize(input, lenient) {
  const tokens = [];
  const add = (type, index, value) => push(tokens, { __proto__: null, type, index, value });
  for (let index = 0; index < input.length; ) {
    const char = charAt(input, index);
    let next = index + char.length;
    if (SINGLE[char] !== undefined) {
      add(SINGLE[char], index, char);
    } else if (char === "\\" && next < input.length) {
      const escaped = charAt(input, next);
      add("escaped-char", index, escaped);
      next += escaped.length;
    } else if (char === ":" && nameEnd(input, index) > next) {
      const end = nameEnd(input, index);
      add("name", index, slice(input, next, end));
      next = end;
    } else if (char === "(" && regexpEnd(input, index) > 0) {
      const end = regexpEnd(input, index);
      add("regexp", index, slice(input, next, end - 1));
      next = end;
    } else if (char === "\\" || char === ":" || char === "(") {
      if (!lenient) throw syntaxError(`"${char}" at ${index} begins nothing`);
      add("invalid-char", index, char);
    } else {
      add("char", index, char);
    }
    index = next;
  }
  add("end", input.length, "");
  return tokens;
}

// ---- parts: {type, value, modifier, name, prefix, suffix} ----

export const REGEXP = 1;
const FIXED = 0, SEGMENT = 2, FULL = 3;

function escapeRegexp(text) {
  return replace(text, /[.+*?^${}()[\]|/\\]/g, "\\$&");
}

export function escapePattern(text) {
  return replace(text, /[+*?:{}()\\]/g, "\\$&");
}

function segmentRegexp(options) {
  return `[^${escapeRegexp(options.delimiter)}]+?`;
}

class Parser {
  constructor(input, options, encode) {
    this.tokens = tokenize(input, false);
    this.options = options;
    this.encode = encode;
    this.segment = segmentRegexp(options);
    this.parts = [];
    this.pending = "";
    this.index = 0;
    this.nextName = 0;
  }

  take(type) {
    const token = this.tokens[this.index];
    if (token.type !== type) return null;
    this.index++;
    return token;
  }

  require(type) {
    const token = this.take(type);
    if (token === null) throw syntaxError(`unexpected "${this.tokens[this.index].value}"`);
    return token;
  }

  takeModifier() {
    return this.take("other-modifier") ?? this.take("asterisk");
  }

  takeMatcher(name) {
    return this.take("regexp") ?? (name === null ? this.take("asterisk") : null);
  }

  takeText() {
    let text = "";
    for (;;) {
      const token = this.take("char") ?? this.take("escaped-char");
      if (token === null) return text;
      text += token.value;
    }
  }

  add(type, value, modifier, name = "", prefix = "", suffix = "") {
    push(this.parts, { __proto__: null, type, value, modifier, name, prefix, suffix });
  }

  addPending() {
    if (this.pending === "") return;
    const text = this.pending;
    this.pending = "";
    this.add(FIXED, this.encode(text), "");
  }

  addPart(prefix, name, matcher, suffix, modifierToken) {
    const modifier = modifierToken === null ? "" : modifierToken.value;
    if (name === null && matcher === null && modifier === "") {
      this.pending += prefix;
      return;
    }
    this.addPending();
    if (name === null && matcher === null) {
      if (prefix !== "") this.add(FIXED, this.encode(prefix), modifier);
      return;
    }
    let value = matcher === null ? this.segment : matcher.type === "asterisk" ? ".*" : matcher.value;
    let type = REGEXP;
    if (value === this.segment) type = SEGMENT;
    else if (value === ".*") type = FULL;
    if (type !== REGEXP) value = "";
    const label = name !== null ? name.value : `${this.nextName++}`;
    for (let i = 0; i < this.parts.length; i++) {
      if (this.parts[i].name === label) throw syntaxError(`two groups are named "${label}"`);
    }
    this.add(type, value, modifier, label, this.encode(prefix), this.encode(suffix));
  }

  parse() {
    while (this.index < this.tokens.length) this.step();
    return this.parts;
  }

  step() {
    const char = this.take("char");
    let name = this.take("name");
    let matcher = this.takeMatcher(name);
    if (name !== null || matcher !== null) {
      let prefix = char === null ? "" : char.value;
      if (prefix !== "" && prefix !== this.options.prefix) {
        this.pending += prefix;
        prefix = "";
      }
      this.addPending();
      this.addPart(prefix, name, matcher, "", this.takeModifier());
      return;
    }
    const fixed = char ?? this.take("escaped-char");
    if (fixed !== null) {
      this.pending += fixed.value;
      return;
    }
    if (this.take("open") !== null) {
      const prefix = this.takeText();
      name = this.take("name");
      matcher = this.takeMatcher(name);
      const suffix = this.takeText();
      this.require("close");
      this.addPart(prefix, name, matcher, suffix, this.takeModifier());
      return;
    }
    this.addPending();
    this.require("end");
  }
}

export function parsePattern(input, options, encode) {
  return new Parser(input, options, encode).parse();
}

// The source of the regular expression; names of its groups are appended to names.
export function partsToRegexp(parts, options, names) {
  const segment = segmentRegexp(options);
  let result = "^";
  for (let i = 0; i < parts.length; i++) {
    const { type, value, modifier, name, prefix, suffix } = parts[i];
    if (type === FIXED) {
      result += modifier === "" ? escapeRegexp(value) : `(?:${escapeRegexp(value)})${modifier}`;
      continue;
    }
    push(names, name);
    const inner = type === SEGMENT ? segment : type === FULL ? ".*" : value;
    const before = escapeRegexp(prefix), after = escapeRegexp(suffix);
    const repeats = modifier === "*" || modifier === "+";
    if (prefix === "" && suffix === "") {
      result += repeats ? `((?:${inner})${modifier})` : `(${inner})${modifier}`;
    } else if (!repeats) {
      result += `(?:${before}(${inner})${after})${modifier}`;
    } else {
      result += `(?:${before}((?:${inner})(?:${after}${before}(?:${inner}))*)${after})${modifier === "*" ? "?" : ""}`;
    }
  }
  return result + "$";
}

function startsWithDigit(text) {
  return text[0] >= "0" && text[0] <= "9";
}

// Whether part i must stand in braces to read as what it is.
function needsBraces(parts, i, options, named) {
  const part = parts[i], previous = parts[i - 1], next = parts[i + 1];
  if (part.suffix !== "" || (part.prefix !== "" && part.prefix !== options.prefix)) return true;
  if (
    named && part.type === SEGMENT && part.modifier === "" && next !== undefined && next.prefix === "" && next.suffix === ""
  ) {
    if (next.type === FIXED ? isNameChar(charAt(next.value, 0), false) : startsWithDigit(next.name)) return true;
  }
  return (
    part.prefix === "" && previous !== undefined && previous.type === FIXED && options.prefix !== "" &&
    previous.value[previous.value.length - 1] === options.prefix
  );
}

export function partsToString(parts, options) {
  let result = "";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i], previous = parts[i - 1];
    if (part.type === FIXED) {
      const text = escapePattern(part.value);
      result += part.modifier === "" ? text : `{${text}}${part.modifier}`;
      continue;
    }
    const named = !startsWithDigit(part.name);
    const braces = needsBraces(parts, i, options, named);
    if (braces) result += "{";
    result += escapePattern(part.prefix);
    if (named) result += ":" + part.name;
    if (part.type === REGEXP) {
      result += `(${part.value})`;
    } else if (part.type === SEGMENT) {
      if (!named) result += `(${segmentRegexp(options)})`;
      else if (part.suffix !== "" && isNameChar(charAt(part.suffix, 0), false)) result += "\\";
    } else {
      const alone = previous === undefined || previous.type === FIXED || previous.modifier !== "" || braces || part.prefix !== "";
      result += !named && alone ? "*" : "(.*)";
    }
    result += escapePattern(part.suffix);
    if (braces) result += "}";
    result += part.modifier;
  }
  return result;
}
