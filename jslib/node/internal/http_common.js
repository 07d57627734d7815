// What the parts of node:http share: names, checks, errors.

import { errorWithCode } from "node/internal/errors";

export const METHODS = P.StringPrototypeSplit(
  "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND " +
    "PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE",
  " ",
);

export const STATUS_CODES = {
  100: "Continue",
  101: "Switching Protocols",
  102: "Processing",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  208: "Already Reported",
  226: "IM Used",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Payload Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  418: "I'm a Teapot",
  421: "Misdirected Request",
  422: "Unprocessable Entity",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  509: "Bandwidth Limit Exceeded",
  510: "Not Extended",
  511: "Network Authentication Required",
};

const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export function isToken(value) {
  return typeof value === "string" && P.RegExpPrototypeExec(TOKEN, value) !== null;
}

export function hasBadCharacter(value) {
  return P.RegExpPrototypeExec(BAD_VALUE, `${value}`) !== null;
}

const errors = {
  __proto__: null,
  ERR_HTTP_HEADERS_SENT: [Error, verb => `Cannot ${verb} headers after they are sent to the client`],
  ERR_HTTP_INVALID_HEADER_VALUE: [TypeError, (value, name) => `Invalid value "${value}" for header "${name}"`],
  ERR_HTTP_INVALID_STATUS_CODE: [RangeError, code => `Invalid status code: ${code}`],
  ERR_INVALID_CHAR: [TypeError, (name, field = undefined) => `Invalid character in ${name}${field === undefined ? "" : ` ["${field}"]`}`],
  ERR_INVALID_HTTP_TOKEN: [TypeError, (name, field) => `${name} must be a valid HTTP token ["${field}"]`],
  ERR_INVALID_PROTOCOL: [TypeError, (actual, expected) => `Protocol "${actual}" not supported. Expected "${expected}"`],
  ERR_SERVER_ALREADY_LISTEN: [Error, () => "Listen method has been called more than once without closing."],
  ERR_STREAM_CANNOT_PIPE: [Error, () => "Cannot pipe, not readable"],
  ERR_UNESCAPED_CHARACTERS: [TypeError, name => `${name} contains unescaped characters`],
};

export function httpError(code, ...args) {
  const [Class, message] = errors[code];
  return errorWithCode(Class, code, message(...args));
}

export function validateHeaderName(name, label = undefined) {
  if (!isToken(name)) throw httpError("ERR_INVALID_HTTP_TOKEN", label || "Header name", name);
}

export function validateHeaderValue(name, value) {
  if (value === undefined) throw httpError("ERR_HTTP_INVALID_HEADER_VALUE", value, name);
  if (hasBadCharacter(value)) throw httpError("ERR_INVALID_CHAR", "header content", name);
}

// Options as Node's urlToHttpOptions() gives them.
export function optionsOfUrl(url) {
  const { hostname, port, username, password } = url;
  const options = {
    __proto__: null,
    protocol: url.protocol,
    hostname: P.StringPrototypeStartsWith(hostname, "[") ? P.StringPrototypeSlice(hostname, 1, -1) : hostname,
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: `${url.pathname || ""}${url.search || ""}`,
    href: url.href,
  };
  if (port !== "") options.port = +port;
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}
