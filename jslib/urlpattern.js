// URLPattern: eight patterns, one for each component of a URL.

import { badConstructorArgument, isObject, publish } from "errors";
import { URL, urlNumbers } from "url";
import { REGEXP, escapePattern, parsePattern, partsToRegexp, partsToString, syntaxError, tokenize } from "urlpattern_parse";

const { StringPrototypeSlice: slice, StringPrototypeToLowerCase: lower, StringPrototypeReplace: replace } = P;
const { StringPrototypeLastIndexOf: lastIndexOf, StringPrototypeToWellFormed: toWellFormed, RegExpPrototypeExec: exec } = P;

const NAMES = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const SPECIAL = { __proto__: null, http: "80", https: "443", ws: "80", wss: "443", ftp: "21", file: "" };
const SPECIAL_NAMES = ["http", "https", "ws", "wss", "ftp", "file"];
// of slv_url_set_id and slv_url_part
const SET_C0 = 0, SET_FRAGMENT = 1, SET_SPECIAL_QUERY = 3, SET_USERINFO = 5;
const PART_PATHNAME = 7;
const DUMMY = "https://dummy.invalid/";

// ---- one component of a URL in its normal form ----

// The parser drops these wherever they stand.
function dropTabs(text) {
  return replace(text, /[\t\n\r]/g, "");
}

function protocolForm(value) {
  if (value === "") return value;
  const href = N.urlParse(value + "://dummy.invalid/", undefined);
  if (href === undefined) throw syntaxError(`bad protocol "${value}"`);
  return slice(href, 0, urlNumbers[0] - 1);
}

function userForm(value) {
  return N.urlEncode(value, SET_USERINFO);
}

function hostForm(special) {
  return (value) => {
    if (value === "") return value;
    // like the parser, which goes on to the path or what follows it
    const text = exec(special ? /^[^/?#\\]*/ : /^[^/?#]*/, dropTabs(value))[0];
    const host = N.urlHost(text, special);
    if (host === undefined) throw syntaxError(`bad hostname "${value}"`);
    return host;
  };
}
const domainForm = hostForm(true);
const opaqueHostForm = hostForm(false);

function ipv6Form(value) {
  if (exec(/[^0-9a-f[\]:]/i, value) !== null) throw syntaxError(`bad hostname "${value}"`);
  return lower(value);
}

function portForm(value, protocol = "") {
  if (value === "") return value;
  const digits = exec(/^[0-9]+/, dropTabs(value));
  const port = digits === null ? -1 : P.Number(digits[0]);
  if (port < 0 || port > 65535) throw syntaxError(`bad port "${value}"`);
  return SPECIAL[protocol] === `${port}` ? "" : `${port}`;
}

function pathForm(value) {
  if (value === "") return value;
  const absolute = value[0] === "/";
  // the parser makes every path absolute: "/-" keeps what a relative one begins with
  const href = N.urlSet(DUMMY, PART_PATHNAME, absolute ? value : "/-" + value);
  return slice(href, DUMMY.length - 1 + (absolute ? 0 : 2));
}

function opaquePathForm(value) {
  return N.urlEncode(exec(/^[^?#]*/, dropTabs(value))[0], SET_C0);
}

function searchForm(value) {
  return N.urlEncode(dropTabs(value), SET_SPECIAL_QUERY);
}

function hashForm(value) {
  return N.urlEncode(dropTabs(value), SET_FRAGMENT);
}

// ---- compiled components ----

const PLAIN = { delimiter: "", prefix: "" };
const HOST = { delimiter: ".", prefix: "" };
const PATH = { delimiter: "/", prefix: "/" };

function compile(input, encode, options, ignoreCase = false) {
  const parts = parsePattern(input, options, encode);
  const names = [];
  const source = partsToRegexp(parts, options, names);
  let groups = false;
  for (let i = 0; i < parts.length; i++) groups = groups || parts[i].type === REGEXP;
  let regexp;
  try {
    regexp = new P.RegExp(source, ignoreCase ? "vi" : "v");
  } catch {
    throw syntaxError(`"${input}" is no regular expression`);
  }
  return { __proto__: null, pattern: partsToString(parts, options), regexp, names, groups };
}

function matchesSpecial(protocol) {
  for (let i = 0; i < SPECIAL_NAMES.length; i++) {
    if (exec(protocol.regexp, SPECIAL_NAMES[i]) !== null) return true;
  }
  return false;
}

// ---- constructor strings ----

const AFTER_HOST = { __proto__: null, port: true, pathname: true, search: true, hash: true };
const BEFORE_HOST = { __proto__: null, protocol: true, authority: true, username: true, password: true };
const BEFORE_PATH = { __proto__: BEFORE_HOST, hostname: true, port: true };

class ConstructorString {
  constructor(input) {
    this.input = input;
    this.tokens = tokenize(input, true);
    this.result = { __proto__: null };
    this.start = 0; // token at which the component begins
    this.index = 0;
    this.increment = 1;
    this.groups = 0;
    this.brackets = 0;
    this.special = false;
    this.state = "init";
  }

  token(index) {
    return this.tokens[index < this.tokens.length ? index : this.tokens.length - 1];
  }

  isChar(index, value) {
    const { type, value: text } = this.token(index);
    return text === value && (type === "char" || type === "escaped-char" || type === "invalid-char");
  }

  is(value) {
    return this.isChar(this.index, value);
  }

  isSearch() {
    if (this.is("?")) return true;
    if (this.token(this.index).value !== "?") return false;
    if (this.index === 0) return true;
    const type = this.token(this.index - 1).type;
    return type !== "name" && type !== "regexp" && type !== "close" && type !== "asterisk";
  }

  text() {
    return slice(this.input, this.token(this.start).index, this.tokens[this.index].index);
  }

  rewind(state) {
    this.index = this.start;
    this.increment = 0;
    this.state = state;
  }

  change(state, skip) {
    const from = this.state, result = this.result;
    if (from !== "init" && from !== "authority" && from !== "done") result[from] = this.text();
    if (from !== "init" && state !== "done") {
      if (BEFORE_HOST[from] && AFTER_HOST[state] && result.hostname === undefined) result.hostname = "";
      if (BEFORE_PATH[from] && (state === "search" || state === "hash") && result.pathname === undefined) {
        result.pathname = this.special ? "/" : "";
      }
      if ((BEFORE_PATH[from] || from === "pathname") && state === "hash" && result.search === undefined) {
        result.search = "";
      }
    }
    this.state = state;
    this.index += skip;
    this.start = this.index;
    this.increment = 0;
  }

  // At the end; true when all is done.
  end() {
    if (this.state === "init") {
      this.rewind("init");
      if (this.is("#")) this.change("hash", 1);
      else if (this.isSearch()) this.change("search", 1);
      else this.change("pathname", 0);
      return false;
    }
    if (this.state === "authority") {
      this.rewind("hostname");
      return false;
    }
    this.change("done", 0);
    return true;
  }

  protocol() {
    if (!this.is(":")) return;
    this.special = matchesSpecial(compile(this.text(), protocolForm, PLAIN));
    if (this.isChar(this.index + 1, "/") && this.isChar(this.index + 2, "/")) this.change("authority", 3);
    else this.change(this.special ? "authority" : "pathname", 1);
  }

  authority() {
    if (this.is("@")) this.rewind("username");
    else if (this.is("/") || this.isSearch() || this.is("#")) this.rewind("hostname");
  }

  hostname() {
    if (this.is("[")) this.brackets++;
    else if (this.is("]")) this.brackets--;
    else if (this.is(":") && this.brackets === 0) this.change("port", 1);
    else this.port();
  }

  port() {
    if (this.is("/")) this.change("pathname", 0);
    else this.pathname();
  }

  pathname() {
    if (this.isSearch()) this.change("search", 1);
    else if (this.is("#")) this.change("hash", 1);
  }

  step() {
    switch (this.state) {
      case "init":
        if (this.is(":")) this.rewind("protocol");
        break;
      case "protocol":
        this.protocol();
        break;
      case "authority":
        this.authority();
        break;
      case "username":
        if (this.is(":")) this.change("password", 1);
        else if (this.is("@")) this.change("hostname", 1);
        break;
      case "password":
        if (this.is("@")) this.change("hostname", 1);
        break;
      case "hostname":
        this.hostname();
        break;
      case "port":
        this.port();
        break;
      case "pathname":
        this.pathname();
        break;
      case "search":
        if (this.is("#")) this.change("hash", 1);
        break;
    }
  }

  parse() {
    for (; this.index < this.tokens.length; this.index += this.increment) {
      this.increment = 1;
      const type = this.tokens[this.index].type;
      if (type === "end") {
        if (this.end()) break;
        continue;
      }
      if (type === "open") {
        this.groups++;
        continue;
      }
      if (this.groups > 0) {
        if (type !== "close") continue;
        this.groups--;
      }
      this.step();
    }
    if (this.result.hostname !== undefined && this.result.port === undefined) this.result.port = "";
    return this.result;
  }
}

// ---- URLPatternInit ----

// The members of a dictionary that the user gave, each converted once.
function readInit(input) {
  const init = { __proto__: null };
  const read = (name) => {
    const value = input[name];
    if (value !== undefined) init[name] = toWellFormed(`${value}`);
  };
  read("baseURL");
  for (let i = 0; i < NAMES.length; i++) read(NAMES[i]);
  return init;
}

function absolutePath(path, isPattern) {
  if (path === "") return false;
  if (path[0] === "/") return true;
  return isPattern && path.length > 1 && (path[0] === "\\" || path[0] === "{") && path[1] === "/";
}

function isSpecialOrEmpty(protocol) {
  return protocol === "" || SPECIAL[protocol] !== undefined;
}

// Takes from the base URL what stands before everything that init itself says.
function inherit(init, base, isPattern, result) {
  const take = (text) => (isPattern ? escapePattern(text) : text);
  if (init.protocol !== undefined) return;
  result.protocol = take(slice(base.protocol, 0, -1));
  if (!isPattern && init.hostname === undefined && init.port === undefined && init.username === undefined) {
    result.username = base.username;
    if (init.password === undefined) result.password = base.password;
  }
  if (init.hostname !== undefined) return;
  result.hostname = take(base.hostname);
  if (init.port !== undefined) return;
  result.port = base.port;
  if (init.pathname !== undefined) return;
  result.pathname = take(base.pathname);
  if (init.search !== undefined) return;
  result.search = take(slice(base.search, 1));
  if (init.hash !== undefined) return;
  result.hash = take(slice(base.hash, 1));
}

function pathOfInit(init, base, isPattern) {
  const path = init.pathname;
  if (base === null || absolutePath(path, isPattern)) return path;
  const opaque = base.host === "" && base.pathname[0] !== "/";
  if (opaque) return path;
  const basePath = isPattern ? escapePattern(base.pathname) : base.pathname;
  const slash = lastIndexOf(basePath, "/");
  return slash < 0 ? path : slice(basePath, 0, slash + 1) + path;
}

function processInit(init, isPattern, result) {
  const form = (name, value, encode) => {
    result[name] = isPattern ? value : encode(value);
  };
  let base = null;
  if (init.baseURL !== undefined) {
    base = URL.parse(init.baseURL);
    if (base === null) throw syntaxError(`bad base URL "${init.baseURL}"`);
    inherit(init, base, isPattern, result);
  }
  if (init.protocol !== undefined) form("protocol", replace(init.protocol, /:$/, ""), protocolForm);
  if (init.username !== undefined) form("username", init.username, userForm);
  if (init.password !== undefined) form("password", init.password, userForm);
  const protocol = result.protocol ?? "";
  const special = isSpecialOrEmpty(protocol);
  if (init.hostname !== undefined) form("hostname", init.hostname, special ? domainForm : opaqueHostForm);
  if (init.port !== undefined) form("port", init.port, (value) => portForm(value, protocol));
  if (init.pathname !== undefined) {
    form("pathname", pathOfInit(init, base, isPattern), special ? pathForm : opaquePathForm);
  }
  if (init.search !== undefined) form("search", replace(init.search, /^\?/, ""), searchForm);
  if (init.hash !== undefined) form("hash", replace(init.hash, /^#/, ""), hashForm);
  return result;
}

// ---- the class ----

function compileAll(init, ignoreCase) {
  const text = processInit(init, true, { __proto__: null });
  for (let i = 0; i < NAMES.length; i++) text[NAMES[i]] ??= "*";
  if (SPECIAL[text.protocol] === text.port && text.port !== "") text.port = "";
  const protocol = compile(text.protocol, protocolForm, PLAIN);
  const special = matchesSpecial(protocol);
  let hostname = special || protocol.pattern === "*" ? domainForm : opaqueHostForm;
  if (exec(/^[{\\]?\[/, text.hostname) !== null && text.hostname.length > 1) hostname = ipv6Form;
  return {
    __proto__: null,
    protocol,
    username: compile(text.username, userForm, PLAIN),
    password: compile(text.password, userForm, PLAIN),
    hostname: compile(text.hostname, hostname, HOST),
    port: compile(text.port, (value) => portForm(value), PLAIN),
    pathname: special
      ? compile(text.pathname, pathForm, PATH, ignoreCase)
      : compile(text.pathname, opaquePathForm, PLAIN, ignoreCase),
    search: compile(text.search, searchForm, PLAIN, ignoreCase),
    hash: compile(text.hash, hashForm, PLAIN, ignoreCase),
  };
}

function build(input, baseURL, ignoreCase) {
  let init;
  if (isObject(input)) {
    if (baseURL !== undefined) throw syntaxError("a base URL belongs into the object");
    init = readInit(input);
  } else {
    init = new ConstructorString(toWellFormed(`${input}`)).parse();
    if (baseURL === undefined && init.protocol === undefined) throw syntaxError("no protocol, and no base URL");
    if (baseURL !== undefined) init.baseURL = toWellFormed(`${baseURL}`);
  }
  return compileAll(init, ignoreCase);
}

const EMPTY = { protocol: "", username: "", password: "", hostname: "", port: "", pathname: "", search: "", hash: "" };

// The eight components of what is to be matched, or null when it is no URL.
function componentsOf(input, baseURL) {
  if (isObject(input)) {
    try {
      return processInit(readInit(input), false, { __proto__: null, ...EMPTY });
    } catch {
      return null;
    }
  }
  const url = URL.parse(input, baseURL);
  if (url === null) return null;
  return {
    __proto__: null,
    protocol: slice(url.protocol, 0, -1),
    username: url.username,
    password: url.password,
    hostname: url.hostname,
    port: url.port,
    pathname: url.pathname,
    search: slice(url.search, 1),
    hash: slice(url.hash, 1),
  };
}

export class URLPattern {
  #components;

  constructor(input = {}, baseURL = undefined, options = undefined) {
    if (isObject(baseURL)) {
      options = baseURL;
      baseURL = undefined;
    }
    if (options !== undefined && options !== null && !isObject(options)) {
      throw badConstructorArgument("URLPattern", 3, "URLPatternOptions");
    }
    const ignoreCase = !!options?.ignoreCase;
    try {
      this.#components = build(input === null ? {} : input, baseURL, ignoreCase);
    } catch (error) {
      throw new P.TypeError("Failed to construct URLPattern", { cause: error });
    }
  }

  // The match of each component, or null.
  #match(input, baseURL) {
    if (isObject(input) && baseURL !== undefined) throw new P.TypeError("Failed to exec URLPattern");
    const texts = componentsOf(input, baseURL);
    if (texts === null) return null;
    const matches = { __proto__: null };
    for (let i = 0; i < NAMES.length; i++) {
      const name = NAMES[i];
      const match = exec(this.#components[name].regexp, texts[name]);
      if (match === null) return null;
      matches[name] = { match, text: texts[name] };
    }
    return matches;
  }

  test(input = {}, baseURL = undefined) {
    return this.#match(input, baseURL) !== null;
  }

  exec(input = {}, baseURL = undefined) {
    const matches = this.#match(input, baseURL);
    if (matches === null) return null;
    const given = isObject(input) ? input : `${input}`;
    const result = { inputs: baseURL === undefined ? [given] : [given, `${baseURL}`] };
    for (let i = 0; i < NAMES.length; i++) {
      const { match, text } = matches[NAMES[i]];
      const names = this.#components[NAMES[i]].names;
      const groups = {};
      for (let j = 0; j < names.length; j++) {
        P.ObjectDefineProperty(groups, names[j], {
          __proto__: null,
          value: match[j + 1],
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
      result[NAMES[i]] = { input: text, groups };
    }
    return result;
  }

  get protocol() {
    return this.#components.protocol.pattern;
  }
  get username() {
    return this.#components.username.pattern;
  }
  get password() {
    return this.#components.password.pattern;
  }
  get hostname() {
    return this.#components.hostname.pattern;
  }
  get port() {
    return this.#components.port.pattern;
  }
  get pathname() {
    return this.#components.pathname.pattern;
  }
  get search() {
    return this.#components.search.pattern;
  }
  get hash() {
    return this.#components.hash.pattern;
  }

  get hasRegExpGroups() {
    for (let i = 0; i < NAMES.length; i++) {
      if (this.#components[NAMES[i]].groups) return true;
    }
    return false;
  }
}
publish(URLPattern);
