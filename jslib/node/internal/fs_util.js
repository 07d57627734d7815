// Arguments and results of node:fs: paths, flags, encodings, Stats, Dirent.

import { Buffer, normalizeEncoding } from "node/internal/buffer";
import { DEVICE, DIRECTORY, FILE, SYMLINK } from "node/internal/vfs";
import { nodeError } from "node/internal/errors";
import { validateInt32, validateObject, validateUint32 } from "node/internal/validators";

const NUMBERS =
  "COPYFILE_EXCL 1 COPYFILE_FICLONE 2 COPYFILE_FICLONE_FORCE 4 EXTENSIONLESS_FORMAT_JAVASCRIPT 0 EXTENSIONLESS_FORMAT_WASM 1 F_OK 0 O_APPEND 1024 " +
  "O_CREAT 64 O_DIRECT 16384 O_DIRECTORY 65536 O_DSYNC 4096 O_EXCL 128 O_NOATIME 262144 O_NOCTTY 256 O_NOFOLLOW 131072 O_NONBLOCK 2048 O_RDONLY 0 " +
  "O_RDWR 2 O_SYNC 1052672 O_TRUNC 512 O_WRONLY 1 R_OK 4 S_IFBLK 24576 S_IFCHR 8192 S_IFDIR 16384 S_IFIFO 4096 S_IFLNK 40960 S_IFMT 61440 S_IFREG 32768 " +
  "S_IFSOCK 49152 S_IRGRP 32 S_IROTH 4 S_IRUSR 256 S_IRWXG 56 S_IRWXO 7 S_IRWXU 448 S_IWGRP 16 S_IWOTH 2 S_IWUSR 128 S_IXGRP 8 S_IXOTH 1 S_IXUSR 64 " +
  "UV_DIRENT_BLOCK 7 UV_DIRENT_CHAR 6 UV_DIRENT_DIR 2 UV_DIRENT_FIFO 4 UV_DIRENT_FILE 1 UV_DIRENT_LINK 3 UV_DIRENT_SOCKET 5 UV_DIRENT_UNKNOWN 0 " +
  "UV_FS_COPYFILE_EXCL 1 UV_FS_COPYFILE_FICLONE 2 UV_FS_COPYFILE_FICLONE_FORCE 4 UV_FS_O_FILEMAP 0 UV_FS_SYMLINK_DIR 1 UV_FS_SYMLINK_JUNCTION 2 W_OK 2 X_OK 1";
export const constants = { __proto__: null };
const words = P.StringPrototypeSplit(NUMBERS, " ");
for (let i = 0; i < words.length; i += 2) constants[words[i]] = +words[i + 1];

// ---- paths ----

function posix(text) {
  const parts = [];
  for (const part of P.StringPrototypeSplit(text, "/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") P.ArrayPrototypePop(parts);
    else P.ArrayPrototypePush(parts, part);
  }
  return "/" + P.ArrayPrototypeJoin(parts, "/");
}

// Absolute and normal. What is relative begins in /bundle.
export function pathOf(path, name = "path") {
  let text = path;
  if (P.ArrayBufferIsView(path)) text = Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString();
  else if (typeof path === "object" && path !== null && typeof path.href === "string" && typeof path.protocol === "string") text = load("node/url").default.fileURLToPath(path);
  else if (typeof path !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", name, ["string", "Buffer", "URL"], path);
  if (P.StringPrototypeIncludes(text, "\0")) throw nodeError("ERR_INVALID_ARG_VALUE", name, path, "must be a string, Uint8Array, or URL without null bytes");
  return posix(text[0] === "/" ? text : `/bundle/${text}`);
}

export function fdOf(fd, name = "fd") {
  validateInt32(fd, name, 0);
  return fd;
}

// ---- flags and options ----

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const FLAGS = {
  __proto__: null,
  r: 0,
  rs: 0,
  sr: 0,
  "r+": O_RDWR,
  "rs+": O_RDWR,
  "sr+": O_RDWR,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  xw: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  "w+": O_TRUNC | O_CREAT | O_RDWR,
  "wx+": O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  "xw+": O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  xa: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY,
  sa: O_APPEND | O_CREAT | O_WRONLY,
  "a+": O_APPEND | O_CREAT | O_RDWR,
  "ax+": O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  "xa+": O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  "as+": O_APPEND | O_CREAT | O_RDWR,
  "sa+": O_APPEND | O_CREAT | O_RDWR,
};

export function flagsOf(flags, fallback = "r") {
  if (flags === undefined || flags === null) flags = fallback;
  if (typeof flags === "number") {
    validateInt32(flags, "flags");
    return flags;
  }
  const known = FLAGS[flags];
  if (known === undefined) throw nodeError("ERR_INVALID_ARG_VALUE", "flags", flags);
  return known;
}

// "utf8" and { encoding: "utf8", ... } are both options.
export function optionsOf(options, fallback = {}) {
  if (options === undefined || options === null || typeof options === "function") return fallback;
  const made = typeof options === "string" ? { ...fallback, encoding: options } : options;
  validateObject(made, "options");
  const { encoding } = made;
  if (encoding !== undefined && encoding !== null && encoding !== "buffer" && (typeof encoding !== "string" || normalizeEncoding(encoding) === undefined))
    throw nodeError("ERR_INVALID_ARG_VALUE", "options.encoding", encoding);
  return { ...fallback, ...made };
}

export function checkMode(mode, name = "mode") {
  if (typeof mode === "string") {
    if (P.RegExpPrototypeExec(/^[0-7]+$/, mode) === null) throw nodeError("ERR_INVALID_ARG_VALUE", name, mode, "must be a 32-bit unsigned integer or an octal string");
    mode = parseInt(mode, 8);
  }
  validateUint32(mode, name);
}

export function bytesOf(data, encoding, name = "data") {
  if (typeof data === "string") return Buffer.from(data, encoding === "buffer" ? "utf8" : (encoding ?? "utf8"));
  if (!P.ArrayBufferIsView(data)) throw nodeError("ERR_INVALID_ARG_TYPE", name, ["string", "Buffer", "TypedArray", "DataView"], data);
  return new P.Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export function encoded(bytes, encoding) {
  const buffer = Buffer.from(bytes);
  return encoding === undefined || encoding === null || encoding === "buffer" ? buffer : buffer.toString(encoding);
}

export function nameIn(name, encoding) {
  return encoding === undefined || encoding === null || encoding === "utf8" || encoding === "utf-8" ? name : encoded(Buffer.from(name), encoding);
}

// Milliseconds of a Date, a number or a numeric string.
export function timeOf(value, name) {
  if (typeof value === "number" && P.NumberIsFinite(value)) return value;
  if (typeof value === "string" && value !== "" && +value === +value) return +value;
  const ms = typeof value === "object" && value !== null ? +value : NaN;
  if (ms !== ms) throw nodeError("ERR_INVALID_ARG_TYPE", name, ["number", "string", "Date"], value);
  return ms;
}

// ---- results ----

const KINDS = { __proto__: null, [FILE]: 0o100000, [DIRECTORY]: 0o40000, [SYMLINK]: 0o120000, [DEVICE]: 0o20000 };

export class Stats {
  constructor(entry, bigint = false) {
    const n = bigint ? BigInt : x => x;
    const ms = P.MathTrunc(entry.mtime);
    this.dev = n(0);
    this.ino = n(0);
    this.mode = n(KINDS[entry.type] | (entry.writable ? 0o666 : 0o444));
    this.nlink = n(1);
    this.uid = n(0);
    this.gid = n(0);
    this.rdev = n(0);
    this.size = n(entry.type === FILE ? entry.size : 0);
    this.blksize = n(0);
    this.blocks = n(0);
    this.atimeMs = n(0);
    this.mtimeMs = n(ms);
    this.ctimeMs = n(ms);
    this.birthtimeMs = n(0);
    this.atimeNs = bigint ? 0n : undefined;
    this.mtimeNs = bigint ? BigInt(ms) * 1000000n : undefined;
    this.ctimeNs = bigint ? BigInt(ms) * 1000000n : undefined;
    this.birthtimeNs = bigint ? 0n : undefined;
    this.atime = new P.Date(0);
    this.mtime = new P.Date(ms);
    this.ctime = new P.Date(ms);
    this.birthtime = new P.Date(0);
  }

  isBlockDevice() {
    return false;
  }

  isCharacterDevice() {
    return kind(this) === 0o20000;
  }

  isDirectory() {
    return kind(this) === 0o40000;
  }

  isFIFO() {
    return false;
  }

  isFile() {
    return kind(this) === 0o100000;
  }

  isSocket() {
    return false;
  }

  isSymbolicLink() {
    return kind(this) === 0o120000;
  }
}

function kind(stats) {
  return P.Number(stats.mode) & 0o170000;
}

export class Dirent {
  #type;

  constructor(name, type, parentPath) {
    this.name = name;
    this.parentPath = parentPath;
    this.#type = type;
  }

  get path() {
    return this.parentPath;
  }

  isBlockDevice() {
    return false;
  }

  isCharacterDevice() {
    return this.#type === DEVICE;
  }

  isDirectory() {
    return this.#type === DIRECTORY;
  }

  isFIFO() {
    return false;
  }

  isFile() {
    return this.#type === FILE;
  }

  isSocket() {
    return false;
  }

  isSymbolicLink() {
    return this.#type === SYMLINK;
  }
}

// ---- patterns ----

// The regular expression of a glob over whole absolute paths.
export function globPattern(glob) {
  let out = "^";
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i];
    if (c === "*" && glob[i + 1] === "*") {
      const slash = glob[i + 2] === "/";
      out += slash ? "(?:[^/]+/)*" : ".*";
      i += slash ? 2 : 1;
    } else if (c === "*") out += "[^/]*";
    else if (c === "?") out += "[^/]";
    else if (c === "{") out += "(?:";
    else if (c === "}") out += ")";
    else if (c === "," && P.StringPrototypeIncludes(P.StringPrototypeSlice(glob, 0, i), "{")) out += "|";
    else if (c === "[" && P.StringPrototypeIndexOf(glob, "]", i) > 0) {
      const end = P.StringPrototypeIndexOf(glob, "]", i);
      out += "[" + P.StringPrototypeReplace(P.StringPrototypeSlice(glob, i + 1, end), /^!/, "^") + "]";
      i = end;
    } else out += P.RegExpPrototypeExec(/[.+^$()|\\\]]/, c) === null ? c : "\\" + c;
  }
  return new P.RegExp(out + "$");
}
