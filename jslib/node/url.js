// node:url: the older interface is unenv's, the newer one the platform's.

import { exports as legacy } from "npm/unenv.url";
import { URL, URLSearchParams } from "url";
import { arity } from "node/internal/functions";
import { nodeError } from "node/internal/errors";
import { posix, win32 } from "node/internal/path";
import { validateObject, validateString } from "node/internal/validators";

const { Url, resolve, resolveObject } = legacy;

// The order in which Node's parser fills its result in.
const MEMBERS = ["protocol", "slashes", "auth", "host", "port", "hostname", "hash", "search", "query", "pathname", "path", "href"];

function parse(url, parseQueryString, slashesDenoteHost) {
  if (url instanceof Url) return url;
  validateString(url, "url");
  const made = legacy.parse(url, parseQueryString, slashesDenoteHost);
  // The punycode of the older parser takes every character; a name that has no form in ASCII is no host.
  if (made.hostname && /[^\0-\x7f]/.test(url) && hostOf(load("npm/punycode").exports.toUnicode(made.hostname)) === "") throw invalidURL(url);
  for (let i = 0; i < MEMBERS.length; i++) {
    const value = made[MEMBERS[i]];
    delete made[MEMBERS[i]];
    made[MEMBERS[i]] = value;
  }
  return made;
}

function isURL(value) {
  return value !== null && typeof value === "object" && typeof value.href === "string" && typeof value.protocol === "string" && value.auth === undefined && value.path === undefined;
}

// ---- domains ----

function hostOf(domain) {
  try {
    return new URL(`ws://${domain}`).hostname;
  } catch {
    return "";
  }
}

function domainToASCII(domain) {
  if (arguments.length === 0) throw nodeError("ERR_MISSING_ARGS", "domain");
  return hostOf(`${domain}`);
}

function domainToUnicode(domain) {
  if (arguments.length === 0) throw nodeError("ERR_MISSING_ARGS", "domain");
  return load("npm/punycode").exports.toUnicode(hostOf(`${domain}`));
}

// ---- files ----

function windowsPath(url) {
  const path = url.pathname;
  if (/%(?:2f|5c)/i.test(path)) throw nodeError("ERR_INVALID_FILE_URL_PATH", "must not include encoded \\ or / characters");
  const decoded = decodeURIComponent(path.replaceAll("/", "\\"));
  if (url.hostname !== "") return `\\\\${domainToUnicode(url.hostname)}${decoded}`;
  if (!/^\\[A-Za-z]:/.test(decoded)) throw nodeError("ERR_INVALID_FILE_URL_PATH", "must be absolute");
  return decoded.slice(1);
}

function fileURLToPath(path, options = undefined) {
  if (typeof path === "string") path = parsed(path);
  else if (!isURL(path)) throw nodeError("ERR_INVALID_ARG_TYPE", "path", ["string", "URL"], path);
  if (path.protocol !== "file:") throw nodeError("ERR_INVALID_URL_SCHEME", "file");
  if (options?.windows) return windowsPath(path);
  if (path.hostname !== "") throw nodeError("ERR_INVALID_FILE_URL_HOST", "linux");
  if (/%2f/i.test(path.pathname)) throw nodeError("ERR_INVALID_FILE_URL_PATH", "must not include encoded / characters");
  return decodeURIComponent(path.pathname);
}

function parsed(text) {
  if (!URL.canParse(text)) throw invalidURL(text);
  return new URL(text);
}

function invalidURL(text) {
  const error = nodeError("ERR_INVALID_URL");
  error.input = text;
  return error;
}

const unsafe = { "%": "%25", "\\": "%5C", "\n": "%0A", "\r": "%0D", "\t": "%09", "?": "%3F", "#": "%23", "[": "%5B", "]": "%5D", "^": "%5E", "|": "%7C", "~": "%7E" };

function pathToFileURL(filepath, options = undefined) {
  validateString(filepath, "path");
  const url = new URL("file://");
  if (options?.windows && filepath.startsWith("\\\\")) {
    const unc = filepath.startsWith("\\\\?\\UNC\\"), start = unc ? 8 : 2, end = filepath.indexOf("\\", start);
    if (end < 0) throw nodeError("ERR_INVALID_ARG_VALUE", "path", filepath, "Missing UNC resource path");
    if (end === 2) throw nodeError("ERR_INVALID_ARG_VALUE", "path", filepath, "Empty UNC servername");
    url.hostname = domainToASCII(filepath.slice(start, end));
    url.pathname = filepath.slice(end).replaceAll("\\", "/").replace(/[%\n\r\t?#[\]^|~]/g, (c) => unsafe[c]);
    return url;
  }
  let resolved = options?.windows ? win32.resolve(filepath) : posix.resolve(filepath);
  if (/[/\\]$/.test(filepath) && !/[/\\]$/.test(resolved) && (options?.windows || filepath.endsWith("/"))) resolved += "/";
  if (options?.windows) resolved = resolved.replaceAll("\\", "/");
  url.pathname = resolved.replace(/[%\\\n\r\t?#[\]^|~]/g, (c) => unsafe[c]);
  return url;
}

function toPathIfFileURL(value) {
  return isURL(value) ? fileURLToPath(value) : value;
}

// ---- the rest ----

function urlToHttpOptions(url) {
  const { hostname, pathname, port, username, password, search } = url;
  const options = {
    __proto__: null,
    ...url,
    protocol: url.protocol,
    hostname: hostname && hostname[0] === "[" ? hostname.slice(1, -1) : hostname,
    hash: url.hash,
    search,
    pathname,
    path: `${pathname || ""}${search || ""}`,
    href: url.href,
  };
  if (port !== "") options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

// A URL of the newer kind, with parts left out.
function format(value, options) {
  if (typeof value === "string" || !isURL(value)) return legacy.format(value, options);
  let fragment = true, unicode = false, search = true, auth = true;
  if (options !== undefined) {
    validateObject(options, "options");
    if (options.fragment !== undefined && options.fragment !== null) fragment = Boolean(options.fragment);
    if (options.unicode !== undefined && options.unicode !== null) unicode = Boolean(options.unicode);
    if (options.search !== undefined && options.search !== null) search = Boolean(options.search);
    if (options.auth !== undefined && options.auth !== null) auth = Boolean(options.auth);
  }
  const url = new URL(value.href);
  if (!fragment) url.hash = "";
  if (!search) url.search = "";
  if (!auth) url.username = url.password = "";
  return unicode && url.host !== "" ? url.href.replace(url.hostname, domainToUnicode(url.hostname)) : url.href;
}

arity(fileURLToPath, 2);
arity(pathToFileURL, 2);
const url = { Url, parse, resolve, resolveObject, format, URL, URLSearchParams, domainToASCII, domainToUnicode, pathToFileURL, fileURLToPath, toPathIfFileURL, urlToHttpOptions };
export { url as default };
