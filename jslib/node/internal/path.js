// Paths in both styles. Each style is an object of its own, as Node has them.

import { validateObject, validateString } from "node/internal/validators";

// Takes "." and ".." out of a path that has no root. up: whether ".." at the front stay.
function normalizeParts(path, up, separator, isSeparator) {
  const out = [];
  let start = 0;
  for (let i = 0; i <= path.length; i++) {
    if (i < path.length && !isSeparator(path.charCodeAt(i))) continue;
    const part = P.StringPrototypeSlice(path, start, i);
    start = i + 1;
    if (part === "" || part === ".") continue;
    if (part !== "..") P.ArrayPrototypePush(out, part);
    else if (out.length > 0 && out[out.length - 1] !== "..") P.ArrayPrototypePop(out);
    else if (up) P.ArrayPrototypePush(out, "..");
  }
  return P.ArrayPrototypeJoin(out, separator);
}

const SLASH = 47, BACKSLASH = 92, DOT = 46, COLON = 58;
const isSlash = (c) => c === SLASH;
const isEither = (c) => c === SLASH || c === BACKSLASH;
const isDrive = (c) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122);

// What relative paths begin in here is the root whatever process.cwd() says: the platform keeps the two apart.
const cwd = () => "/";

// ---- what both styles do alike, from where the root ends ----

function extensionAt(path, start, end, dots = true) {
  // A dot in front of everything, or a name of dots alone, begins no extension.
  let dot = -1;
  for (let i = end - 1; i > start; i--) {
    if (path.charCodeAt(i) === DOT) {
      dot = i;
      break;
    }
  }
  if (dot < 0 || (dots && P.StringPrototypeSlice(path, start, end) === "..")) return end;
  return dot;
}

function lastPart(path, from, isSeparator) {
  let end = path.length;
  while (end > from && isSeparator(path.charCodeAt(end - 1))) end--;
  let start = end;
  while (start > from && !isSeparator(path.charCodeAt(start - 1))) start--;
  return [start, end];
}

function basenameOf(path, suffix, from, isSeparator) {
  if (suffix !== undefined) validateString(suffix, "suffix");
  validateString(path, "path");
  const [start, end] = lastPart(path, from(path), isSeparator);
  const name = P.StringPrototypeSlice(path, start, end);
  if (suffix === undefined || suffix === "" || suffix.length > path.length) return name;
  if (suffix === path) return "";
  return name !== suffix && P.StringPrototypeEndsWith(name, suffix) ? P.StringPrototypeSlice(name, 0, name.length - suffix.length) : name;
}

function extnameOf(path, from, isSeparator) {
  validateString(path, "path");
  const [start, end] = lastPart(path, from(path), isSeparator);
  return P.StringPrototypeSlice(path, extensionAt(path, start, end), end);
}

function formatOf(separator, object) {
  validateObject(object, "pathObject");
  const dir = object.dir || object.root;
  const ext = object.ext ? (object.ext[0] === "." ? object.ext : `.${object.ext}`) : "";
  const base = object.base || `${object.name || ""}${ext}`;
  if (!dir) return base;
  return dir === object.root ? `${dir}${base}` : `${dir}${separator}${base}`;
}

function parseOf(path, rootLength, isSeparator, dots) {
  const out = { root: P.StringPrototypeSlice(path, 0, rootLength), dir: "", base: "", ext: "", name: "" };
  const [start, end] = lastPart(path, rootLength, isSeparator);
  if (end > start) {
    out.base = P.StringPrototypeSlice(path, start, end);
    const dot = extensionAt(path, start, end, dots);
    out.name = P.StringPrototypeSlice(path, start, dot);
    out.ext = P.StringPrototypeSlice(path, dot, end);
  }
  out.dir = start > rootLength ? P.StringPrototypeSlice(path, 0, start - 1) : out.root;
  return out;
}

// Shell patterns against a whole path: *, **, ?, [abc], {a,b}.
function globPattern(pattern, separators) {
  let out = "", braces = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "*") {
      if (pattern[i + 1] === "*") {
        i++;
        if (pattern[i + 1] === "/") {
          i++;
          out += `(?:[^]*[${separators}])?`;
        } else out += "[^]*";
      } else out += `[^${separators}]*`;
    } else if (c === "?") out += `[^${separators}]`;
    else if (c === "[") {
      const end = pattern.indexOf("]", i + 1);
      if (end < 0) out += "\\[";
      else {
        out += `[${pattern.slice(i + 1, end).replace(/^!/, "^").replaceAll("\\", "\\\\")}]`;
        i = end;
      }
    } else if (c === "{") {
      braces++;
      out += "(?:";
    } else if (c === "}" && braces > 0) {
      braces--;
      out += ")";
    } else if (c === "," && braces > 0) out += "|";
    else if (c === "/") out += `[${separators}]`;
    else out += c.replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  }
  return new RegExp(`^${out}${")".repeat(braces)}$`);
}

// ---- / ----

const posixRoot = (path) => (path.charCodeAt(0) === SLASH ? 1 : 0);
export const posix = {
  resolve(...args) {
    let path = "";
    for (let i = args.length - 1; i >= -1 && path.charCodeAt(0) !== SLASH; i--) {
      const part = i >= 0 ? args[i] : cwd();
      validateString(part, `paths[${i}]`);
      if (part.length > 0) path = path === "" ? part : `${part}/${path}`;
    }
    const absolute = path.charCodeAt(0) === SLASH, rest = normalizeParts(path, !absolute, "/", isSlash);
    return absolute ? `/${rest}` : rest === "" ? "." : rest;
  },
  normalize(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const absolute = path.charCodeAt(0) === SLASH, trailing = path.charCodeAt(path.length - 1) === SLASH;
    let rest = normalizeParts(path, !absolute, "/", isSlash);
    if (rest === "") return absolute ? "/" : trailing ? "./" : ".";
    if (trailing) rest += "/";
    return absolute ? `/${rest}` : rest;
  },
  isAbsolute(path) {
    validateString(path, "path");
    return path.charCodeAt(0) === SLASH;
  },
  join(...args) {
    let joined = "";
    for (let i = 0; i < args.length; i++) {
      validateString(args[i], "path");
      if (args[i].length > 0) joined = joined === "" ? args[i] : `${joined}/${args[i]}`;
    }
    return joined === "" ? "." : posix.normalize(joined);
  },
  relative(from, to) {
    validateString(from, "from");
    validateString(to, "to");
    if (from === to) return "";
    const a = posix.resolve(from).split("/").filter(Boolean), b = posix.resolve(to).split("/").filter(Boolean);
    let same = 0;
    while (same < a.length && same < b.length && a[same] === b[same]) same++;
    return [...a.slice(same).fill(".."), ...b.slice(same)].join("/");
  },
  toNamespacedPath(path) {
    return path;
  },
  dirname(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const root = posixRoot(path), [start] = lastPart(path, root, isSlash);
    if (start <= root) return root === 1 ? "/" : ".";
    return root === 1 && start === 2 ? "//" : path.slice(0, start - 1);
  },
  basename(path, suffix) {
    return basenameOf(path, suffix, () => 0, isSlash);
  },
  extname(path) {
    return extnameOf(path, () => 0, isSlash);
  },
  format: (object) => formatOf("/", object),
  parse(path) {
    validateString(path, "path");
    // Right behind the root Node does not see that ".." is no name.
    return parseOf(path, posixRoot(path), isSlash, !/^\/\.\.\/*$/.test(path));
  },
  matchesGlob(path, pattern) {
    validateString(path, "path");
    validateString(pattern, "pattern");
    return globPattern(pattern, "/").test(path);
  },
  sep: "/",
  delimiter: ":",
  win32: null,
  posix: null,
};

// ---- \ ----

// { device, root }: device "C:" or "\\\\server\\share", root true when a separator follows (always for a share).
function splitRoot(path) {
  const first = path.charCodeAt(0);
  if (isEither(first)) {
    if (isEither(path.charCodeAt(1))) {
      const m = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)/.exec(path);
      if (m !== null) {
        const device = `\\\\${m[1]}\\${m[2]}`, end = m[0].length;
        // "\\\\.\\x" and "\\\\?\\x" are devices, not shares
        return m[1] === "." || m[1] === "?" ? { device: `\\\\${m[1]}`, root: true, length: 4 } : { device, root: true, length: isEither(path.charCodeAt(end)) ? end + 1 : end };
      }
    }
    return { device: "", root: true, length: 1 };
  }
  if (isDrive(first) && path.charCodeAt(1) === COLON) {
    const root = path.length > 2 && isEither(path.charCodeAt(2));
    return { device: path.slice(0, 2), root, length: root ? 3 : 2 };
  }
  return { device: "", root: false, length: 0 };
}

const afterDrive = (path) => (path.length >= 2 && isDrive(path.charCodeAt(0)) && path.charCodeAt(1) === COLON ? 2 : 0);

export const win32 = {
  resolve(...args) {
    let device = "", tail = "", absolute = false;
    for (let i = args.length - 1; i >= -1; i--) {
      let path;
      if (i >= 0) {
        path = args[i];
        validateString(path, `paths[${i}]`);
        if (path.length === 0) continue;
      } else if (device === "") path = cwd();
      else {
        path = cwd();
        if (path.slice(0, 2).toLowerCase() !== device.toLowerCase() && path[2] === "\\") path = `${device}\\`;
      }
      const found = splitRoot(path);
      if (found.device !== "") {
        if (device !== "" && found.device.toLowerCase() !== device.toLowerCase()) continue;
        if (device === "") device = found.device;
      }
      if (absolute) {
        if (device !== "") break;
      } else {
        tail = `${path.slice(found.length)}\\${tail}`;
        absolute = found.root;
        if (found.root && device !== "") break;
      }
    }
    tail = normalizeParts(tail, !absolute, "\\", isEither);
    return absolute ? `${device}\\${tail}` : `${device}${tail}` || ".";
  },
  normalize(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const { device, root, length } = splitRoot(path);
    if (device.startsWith("\\\\") && length >= path.length) return `${device}\\`;
    let tail = length < path.length ? normalizeParts(path.slice(length), !root, "\\", isEither) : "";
    if (tail === "" && !root) tail = ".";
    if (tail !== "" && isEither(path.charCodeAt(path.length - 1))) tail += "\\";
    // What comes out must not read as a drive that the path does not name.
    if (!root && device === "" && /:(?:[\\/]|$)/.test(path)) tail = `.\\${tail}`;
    return `${device}${root ? "\\" : ""}${tail}`;
  },
  isAbsolute(path) {
    validateString(path, "path");
    return isEither(path.charCodeAt(0)) || (path.length > 2 && isDrive(path.charCodeAt(0)) && path.charCodeAt(1) === COLON && isEither(path.charCodeAt(2)));
  },
  join(...args) {
    let joined = "", first;
    for (let i = 0; i < args.length; i++) {
      validateString(args[i], "path");
      if (args[i].length === 0) continue;
      if (joined === "") joined = first = args[i];
      else joined += `\\${args[i]}`;
    }
    if (joined === "") return ".";
    // Two separators in front mean a share only where the first part says so itself.
    const share = /^[\\/]{2}[^\\/]/.test(first) && (/^[\\/]{2}[^\\/]+[\\/]+[^\\/]/.test(first) || !/^[\\/]{2}[^\\/]+$/.test(first) || joined !== first);
    if (!share) joined = joined.replace(/^[\\/]{2,}/, "\\");
    return win32.normalize(joined);
  },
  relative(from, to) {
    validateString(from, "from");
    validateString(to, "to");
    if (from === to) return "";
    const a = win32.resolve(from), b = win32.resolve(to);
    if (a.toLowerCase() === b.toLowerCase()) return "";
    const partsA = a.split("\\").filter(Boolean), partsB = b.split("\\").filter(Boolean);
    let same = 0;
    while (same < partsA.length && same < partsB.length && partsA[same].toLowerCase() === partsB[same].toLowerCase()) same++;
    if (same === 0 && (partsB.length > 0 || splitRoot(a).device.toLowerCase() !== splitRoot(b).device.toLowerCase())) return b;
    return [...partsA.slice(same).fill(".."), ...partsB.slice(same)].join("\\");
  },
  toNamespacedPath(path) {
    if (typeof path !== "string" || path.length === 0) return path;
    const resolved = win32.resolve(path);
    if (resolved.length <= 2) return path;
    if (resolved.startsWith("\\\\")) return resolved[2] === "?" || resolved[2] === "." ? resolved : `\\\\?\\UNC\\${resolved.slice(2)}`;
    return isDrive(resolved.charCodeAt(0)) && resolved[1] === ":" && resolved[2] === "\\" ? `\\\\?\\${resolved}` : resolved;
  },
  dirname(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const { length } = splitRoot(path), [start] = lastPart(path, length, isEither);
    if (start > length) return path.slice(0, start - 1);
    return length > 0 ? path.slice(0, length) : ".";
  },
  basename(path, suffix) {
    return basenameOf(path, suffix, afterDrive, isEither);
  },
  extname(path) {
    return extnameOf(path, afterDrive, isEither);
  },
  format: (object) => formatOf("\\", object),
  parse(path) {
    validateString(path, "path");
    return parseOf(path, splitRoot(path).length, isEither, true);
  },
  matchesGlob(path, pattern) {
    validateString(path, "path");
    validateString(pattern, "pattern");
    return globPattern(pattern.replaceAll("\\", "/"), "\\\\/").test(path);
  },
  sep: "\\",
  delimiter: ";",
  win32: null,
  posix: null,
};
posix.win32 = win32.win32 = win32;
posix.posix = win32.posix = posix;
P.ObjectDefineProperty(posix.format, "name", { __proto__: null, value: "format" });
P.ObjectDefineProperty(win32.format, "name", { __proto__: null, value: "format" });
