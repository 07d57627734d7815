// The synchronous functions of node:fs. The other forms are made of these: there is nothing to wait for.

import { Buffer } from "node/internal/buffer";
import { closeDescriptor, create, descriptor, DEVICE, DIRECTORY, Entry, FILE, find, fsError, locate, openEntry, readInto, remove, SYMLINK, writeFrom } from "node/internal/vfs";
import { bytesOf, checkMode, constants, Dirent, encoded, fdOf, flagsOf, globPattern, nameIn, optionsOf, pathOf, Stats, timeOf } from "node/internal/fs_util";
import { errorWithCode, nodeError } from "node/internal/errors";
import { validateBoolean, validateFunction, validateInteger, validateObject, validateOneOf, validateString, validateUint32 } from "node/internal/validators";

const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE, F_OK, O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY, W_OK, X_OK } = constants;

// An entry, of a path or of a descriptor.
function entryOf(pathOrFd, syscall, follow = true, errno = undefined) {
  return typeof pathOrFd === "number" ? descriptor(fdOf(pathOrFd), syscall).entry : find(pathOf(pathOrFd), syscall, follow, errno);
}

// ---- access ----

export function accessSync(path, mode = F_OK) {
  const at = pathOf(path);
  validateInteger(mode, "mode", 0, 7);
  const { entry } = locate(at, "access");
  if (entry === undefined || mode & X_OK || (mode & W_OK && !entry.writable)) throw fsError("ENOENT", "access", at, -2);
}

export function existsSync(path) {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

// Nobody owns anything here, and modes are what they are: only what is not there is noticed.
export function chmodSync(path, mode) {
  checkMode(mode);
  entryOf(pathOf(path), "chmod");
}

export function lchmodSync(path, mode) {
  checkMode(mode);
  entryOf(pathOf(path), "lchmod", false);
}

export function fchmodSync(fd, mode) {
  fdOf(fd);
  checkMode(mode);
  descriptor(fd, "fchmod");
}

function checkOwner(uid, gid) {
  validateInteger(uid, "uid", -1, 4294967295);
  validateInteger(gid, "gid", -1, 4294967295);
}

export function chownSync(path, uid, gid) {
  checkOwner(uid, gid);
  entryOf(pathOf(path), "chown");
}

export function lchownSync(path, uid, gid) {
  checkOwner(uid, gid);
  entryOf(pathOf(path), "lchown", false);
}

export function fchownSync(fd, uid, gid) {
  fdOf(fd);
  checkOwner(uid, gid);
  descriptor(fd, "fchown");
}

function touch(entry, atime, mtime) {
  timeOf(atime, "atime");
  entry.mtime = timeOf(mtime, "mtime");
}

export function utimesSync(path, atime, mtime) {
  touch(entryOf(pathOf(path), "utimes"), atime, mtime);
}

export function lutimesSync(path, atime, mtime) {
  touch(entryOf(pathOf(path), "lutimes", false), atime, mtime);
}

export function futimesSync(fd, atime, mtime) {
  touch(descriptor(fdOf(fd), "futimes").entry, atime, mtime);
}

// ---- stat ----

function statOf(path, options, follow, syscall) {
  validateObject(options, "options");
  const { bigint = false, throwIfNoEntry = true } = options;
  validateBoolean(bigint, "options.bigint");
  validateBoolean(throwIfNoEntry, "options.throwIfNoEntry");
  const at = pathOf(path);
  const { entry } = locate(at, syscall, follow);
  if (entry !== undefined) return new Stats(entry, bigint);
  if (throwIfNoEntry) throw fsError("ENOENT", syscall, at, -2);
  return undefined;
}

export function statSync(path, options = {}) {
  return statOf(path, options, true, "stat");
}

export function lstatSync(path, options = {}) {
  return statOf(path, options, false, "lstat");
}

export function fstatSync(fd, options = {}) {
  validateObject(options, "options");
  return new Stats(descriptor(fdOf(fd), "stat").entry, !!options.bigint);
}

export function statfsSync(path, options = {}) {
  pathOf(path);
  const n = options.bigint ? BigInt : x => x;
  return { type: n(0), bsize: n(0), blocks: n(0), bfree: n(0), bavail: n(0), files: n(0), ffree: n(0) };
}

// ---- descriptors ----

export function openSync(path, flags = "r", mode = 0o666) {
  const at = pathOf(path);
  const bits = flagsOf(flags);
  checkMode(mode);
  const place = locate(at, "open");
  let { entry } = place;
  const write = (bits & (O_WRONLY | O_RDWR)) !== 0;
  if (entry !== undefined && bits & O_CREAT && bits & O_EXCL) throw fsError("EEXIST", "open");
  if (entry === undefined) {
    if (!(bits & O_CREAT)) throw fsError("ENOENT", "open", at, -2);
    entry = create(place, new Entry(FILE, true), at, "open");
  } else if (write) {
    if (entry.type === DIRECTORY) throw fsError("EISDIR", "open");
    if (!entry.writable) throw fsError("EPERM", "open");
    if (bits & O_TRUNC && entry.type === FILE) entry.truncate(0);
  }
  return openEntry(entry, { read: !(bits & O_WRONLY), write, append: (bits & O_APPEND) !== 0, path: at });
}

export function closeSync(fd) {
  closeDescriptor(fdOf(fd));
}

export function fsyncSync(fd) {
  descriptor(fdOf(fd), "sync");
}

export function fdatasyncSync(fd) {
  descriptor(fdOf(fd), "datasync");
}

export function ftruncateSync(fd, length = 0) {
  validateUint32(length, "len");
  const opened = descriptor(fdOf(fd), "ftruncate");
  if (!opened.write) throw fsError("EPERM", "ftruncate");
  if (opened.entry.type === FILE) opened.entry.truncate(length);
}

export function truncateSync(path, length = 0) {
  if (typeof path === "number") return ftruncateSync(path, length);
  validateUint32(length, "len");
  const entry = find(pathOf(path), "truncate");
  if (entry.type === DIRECTORY) throw fsError("EISDIR", "truncate");
  if (!entry.writable) throw fsError("EPERM", "truncate");
  if (entry.type === FILE) entry.truncate(length);
}

function checkedPosition(position) {
  if (position === undefined || position === null || position === -1 || position === -1n) return null;
  if (typeof position === "bigint") position = P.Number(position);
  if (typeof position !== "number") throw nodeError("ERR_INVALID_ARG_TYPE", "position", ["integer", "bigint"], position);
  validateInteger(position, "position", 0);
  return position;
}

function view(buffer, offset, length) {
  if (!P.ArrayBufferIsView(buffer)) throw nodeError("ERR_INVALID_ARG_TYPE", "buffer", ["Buffer", "TypedArray", "DataView"], buffer);
  const bytes = new P.Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  offset ??= 0;
  validateInteger(offset, "offset", 0, bytes.byteLength);
  length ??= bytes.byteLength - offset;
  validateInteger(length, "length", 0, bytes.byteLength - offset);
  return P.TypedArrayPrototypeSubarray(bytes, offset, offset + length);
}

function readAt(opened, bytes, position) {
  if (!opened.read) throw fsError("EBADF", "read");
  const n = readInto(opened.entry, bytes, position ?? opened.position);
  if (position === null) opened.position += n;
  return n;
}

function writeAt(opened, bytes, position) {
  if (!opened.write) throw fsError("EBADF", "write");
  const at = opened.append ? opened.entry.size : (position ?? opened.position);
  const n = writeFrom(opened.entry, bytes, at, "write");
  if (position === null || opened.append) opened.position = at + n;
  return n;
}

export function readSync(fd, buffer, offset = undefined, length = undefined, position = null) {
  const opened = descriptor(fdOf(fd), "read");
  if (typeof offset === "object" && offset !== null) ({ offset = 0, length, position = null } = offset);
  return readAt(opened, view(buffer, offset, length), checkedPosition(position));
}

export function readvSync(fd, buffers, position = null) {
  const opened = descriptor(fdOf(fd), "read");
  let at = checkedPosition(position);
  let total = 0;
  for (const buffer of buffers) {
    const bytes = view(buffer);
    const n = readAt(opened, bytes, at);
    total += n;
    if (at !== null) at += n;
    if (n < bytes.byteLength) break;
  }
  return total;
}

export function writeSync(fd, buffer, offset = undefined, length = undefined, position = undefined) {
  const opened = descriptor(fdOf(fd), "write");
  if (typeof buffer === "string") return writeAt(opened, bytesOf(buffer, length), checkedPosition(offset)); // (fd, text, position, encoding)
  if (typeof offset === "object" && offset !== null) ({ offset = 0, length, position = null } = offset);
  return writeAt(opened, view(buffer, offset, length), checkedPosition(position));
}

export function writevSync(fd, buffers, position = null) {
  const opened = descriptor(fdOf(fd), "write");
  let at = checkedPosition(position);
  let total = 0;
  for (const buffer of buffers) {
    const n = writeAt(opened, view(buffer), at);
    total += n;
    if (at !== null) at += n;
  }
  return total;
}

// ---- whole files ----

export function readFileSync(path, options = undefined) {
  const { encoding } = optionsOf(options);
  if (typeof path === "number") {
    const opened = descriptor(fdOf(path), "readAll");
    if (opened.entry.type === DIRECTORY) throw fsError("EISDIR", "readAll");
    return encoded(opened.entry.type === FILE ? P.TypedArrayPrototypeSlice(opened.entry.bytes()) : new P.Uint8Array(0), encoding);
  }
  const entry = find(pathOf(path), "readAll");
  if (entry.type === DIRECTORY) throw fsError("EISDIR", "readAll");
  if (entry.type === DEVICE && entry.device !== "null") throw fsError("EPERM", "readAll"); // there is no end of them
  return encoded(P.TypedArrayPrototypeSlice(entry.bytes()), encoding);
}

export function writeFileSync(path, data, options = undefined) {
  const { encoding, flag = "w", mode = 0o666 } = optionsOf(options);
  const bytes = bytesOf(data, encoding);
  const bits = flagsOf(flag);
  checkMode(mode, "options.mode");
  let entry;
  if (typeof path === "number") {
    const opened = descriptor(fdOf(path), "writeAll");
    if (!opened.write) throw fsError("EBADF", "writeAll");
    ({ entry } = opened);
  } else {
    const at = pathOf(path);
    const place = locate(at, "writeAll");
    ({ entry } = place);
    if (entry !== undefined && bits & O_EXCL) throw fsError("EEXIST", "writeAll");
    entry ??= create(place, new Entry(FILE, true), at, "writeAll");
  }
  if (entry.type === DIRECTORY) throw fsError("EISDIR", "writeAll");
  if (!entry.writable || entry.device === "full") throw fsError("EPERM", "writeAll");
  if (entry.type !== FILE) return bytes.byteLength;
  if (bits & O_APPEND) entry.writeAt(bytes, entry.size);
  else entry.replace(P.TypedArrayPrototypeSlice(bytes));
  return bytes.byteLength;
}

export function appendFileSync(path, data, options = undefined) {
  return writeFileSync(path, data, { flag: "a", ...optionsOf(options) });
}

export async function openAsBlob(path, options = {}) {
  validateObject(options, "options");
  const { Blob } = load("blob");
  return new Blob([readFileSync(path)], { type: options.type ?? "" });
}

// ---- directories ----

export function mkdirSync(path, options = {}) {
  const { recursive = false, mode = 0o777 } = typeof options === "number" || typeof options === "string" ? { mode: options } : (options ?? {});
  validateBoolean(recursive, "options.recursive");
  checkMode(mode);
  const at = pathOf(path);
  if (!recursive) {
    const place = locate(at, "mkdir");
    if (place.entry === undefined) create(place, new Entry(DIRECTORY, true), at, "mkdir");
    else if (place.entry.type !== DIRECTORY) throw fsError("EEXIST", "mkdir");
    return undefined;
  }
  let first, walked = "";
  for (const part of P.StringPrototypeSplit(P.StringPrototypeSlice(at, 1), "/")) {
    walked += "/" + part;
    const place = locate(walked, "mkdir");
    if (place.entry === undefined) {
      create(place, new Entry(DIRECTORY, true), walked, "mkdir");
      first ??= walked;
    } else if (place.entry.type !== DIRECTORY) throw fsError("EEXIST", "mkdir");
  }
  return first;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

export function mkdtempSync(prefix, options = undefined) {
  const { encoding } = optionsOf(options);
  const at = pathOf(prefix, "prefix") + (P.StringPrototypeEndsWith(`${prefix}`, "/") ? "/" : "");
  const random = new P.Uint8Array(6);
  N.randomFill(random);
  let name = at;
  for (let i = 0; i < random.length; i++) name += LETTERS[random[i] % LETTERS.length];
  create(locate(name, "mkdir"), new Entry(DIRECTORY, true), name, "mkdir");
  return nameIn(name, encoding);
}

// Rows [path below `at`, name, parent's path, entry].
function walk(at, directory, recursive, below = "") {
  const rows = [];
  P.MapPrototypeForEach(directory.children, (entry, name) => {
    P.ArrayPrototypePush(rows, [below + name, name, at, entry]);
    if (recursive && entry.type === DIRECTORY) for (const row of walk(`${at === "/" ? "" : at}/${name}`, entry, true, `${below}${name}/`)) P.ArrayPrototypePush(rows, row);
  });
  return rows;
}

export function readdirSync(path, options = undefined) {
  const { encoding, withFileTypes = false, recursive = false } = optionsOf(options);
  validateBoolean(withFileTypes, "options.withFileTypes");
  validateBoolean(recursive, "options.recursive");
  const at = pathOf(path);
  const entry = find(at, "readdir");
  if (entry.type !== DIRECTORY) throw fsError("ENOTDIR", "readdir", at);
  return P.ArrayPrototypeMap(walk(at, entry, recursive), ([below, name, parent, found]) =>
    withFileTypes ? new Dirent(nameIn(name, encoding), found.type, parent) : nameIn(below, encoding),
  );
}

export function rmdirSync(path, options = {}) {
  validateObject(options, "options");
  removeTree(pathOf(path), { recursive: !!options.recursive, force: false, onlyDirectories: true });
}

export function rmSync(path, options = {}) {
  validateObject(options, "options");
  const { recursive = false, force = false } = options;
  validateBoolean(recursive, "options.recursive");
  validateBoolean(force, "options.force");
  removeTree(pathOf(path), { recursive, force, onlyDirectories: false });
}

function removeTree(at, { recursive, force, onlyDirectories }) {
  const place = locate(at, "rm", false);
  if (place.entry === undefined) {
    if (force) return;
    throw fsError("ENOENT", "rm", at);
  }
  if (onlyDirectories && place.entry.type !== DIRECTORY) throw fsError("ENOTDIR", "rm", at);
  if (place.entry.type === DIRECTORY && !recursive && P.MapPrototypeGetSize(place.entry.children) > 0) throw fsError("ENOTEMPTY", "rm", at);
  if (place.parent === undefined || place.parent === find("/", "rm")) throw fsError("EPERM", "rm");
  remove(place, "rm");
}

export function unlinkSync(path) {
  const at = pathOf(path);
  const place = locate(at, "unlink", false);
  if (place.entry === undefined) throw fsError("ENOENT", "unlink", at);
  if (place.entry.type === DIRECTORY) throw fsError("EISDIR", "unlink");
  remove(place, "unlink");
}

// ---- links ----

export function symlinkSync(target, path, type = undefined) {
  if (type !== undefined && type !== null) validateOneOf(type, "type", ["dir", "file", "junction"]);
  const to = pathOf(target, "target"), at = pathOf(path);
  const place = locate(at, "symlink", false);
  if (place.entry !== undefined) throw fsError("EEXIST", "symlink");
  const link = new Entry(SYMLINK, true);
  link.target = to;
  create(place, link, at, "symlink");
}

export function linkSync(existing, path) {
  const entry = find(pathOf(existing, "existingPath"), "link");
  const at = pathOf(path, "newPath");
  const place = locate(at, "link", false);
  if (place.entry !== undefined) throw fsError("EEXIST", "link");
  if (entry.type === DIRECTORY) throw fsError("EPERM", "link");
  create(place, entry, at, "link");
}

export function readlinkSync(path, options = undefined) {
  const { encoding } = optionsOf(options);
  const entry = find(pathOf(path), "readlink", false);
  if (entry.type !== SYMLINK) throw fsError("EINVAL", "readlink");
  return nameIn(entry.target, encoding);
}

export function realpathSync(path, options = undefined) {
  const { encoding } = optionsOf(options);
  const at = pathOf(path);
  const place = locate(at, "realpath");
  if (place.entry === undefined) throw fsError("ENOENT", "realpath", at);
  return nameIn(place.path, encoding);
}
realpathSync.native = realpathSync;

// ---- moving and copying ----

export function renameSync(from, to) {
  const source = pathOf(from, "oldPath"), target = pathOf(to, "newPath");
  const place = locate(source, "rename", false);
  if (place.entry === undefined) throw fsError("ENOENT", "rename", source);
  if (!place.parent?.writable) throw fsError("EPERM", "rename");
  const goal = locate(target, "rename", false);
  if (goal.entry === place.entry) return;
  if (goal.entry !== undefined) {
    if (goal.entry.type === DIRECTORY && place.entry.type !== DIRECTORY) throw fsError("EISDIR", "rename");
    if (goal.entry.type === DIRECTORY && P.MapPrototypeGetSize(goal.entry.children) > 0) throw fsError("ENOTEMPTY", "rename", target);
    if (place.entry.type === DIRECTORY && goal.entry.type !== DIRECTORY) throw fsError("ENOTDIR", "rename", target);
  }
  if (P.StringPrototypeStartsWith(target, `${source}/`)) throw fsError("EINVAL", "rename");
  create(goal, place.entry, target, "rename");
  remove(place, "rename");
}

function copyEntry(entry, to, syscall) {
  const place = locate(to, syscall);
  const made = place.entry ?? create(place, new Entry(FILE, true), to, syscall);
  if (made.type === DIRECTORY) throw fsError("EISDIR", syscall);
  if (!made.writable) throw fsError("EPERM", syscall);
  made.replace(P.TypedArrayPrototypeSlice(entry.bytes()));
}

export function copyFileSync(from, to, mode = 0) {
  validateOneOf(mode, "mode", [0, COPYFILE_EXCL, constants.COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE]);
  if (mode & COPYFILE_FICLONE_FORCE) throw nodeError("ERR_UNSUPPORTED_OPERATION");
  const source = pathOf(from, "src"), target = pathOf(to, "dest");
  if (mode & COPYFILE_EXCL && existsSync(target)) throw fsError("EEXIST", "copyFile", target, -17);
  const entry = find(source, "copyFile");
  if (entry.type === DIRECTORY) throw fsError("EISDIR", "copyFile");
  copyEntry(entry, target, "copyFile");
}

function cpError(code, message) {
  return errorWithCode(P.Error, code, message);
}

export function cpSync(from, to, options = {}) {
  validateObject(options, "options");
  const { dereference = false, errorOnExist = false, force = true, mode = 0, recursive = false } = options;
  for (const name of ["dereference", "errorOnExist", "force", "preserveTimestamps", "recursive", "verbatimSymlinks"])
    if (options[name] !== undefined) validateBoolean(options[name], `options.${name}`);
  validateUint32(mode, "options.mode");
  if (mode & COPYFILE_FICLONE_FORCE) throw nodeError("ERR_INVALID_ARG_VALUE", "options.mode", "COPYFILE_FICLONE_FORCE is not supported");
  if (options.filter !== undefined) {
    validateFunction(options.filter, "options.filter");
    throw nodeError("ERR_UNSUPPORTED_OPERATION");
  }
  copyTree(pathOf(from, "src"), pathOf(to, "dest"), { dereference, errorOnExist, force, recursive });
}

function copyTree(from, to, options) {
  const entry = find(from, "cp", options.dereference);
  const { entry: there } = locate(to, "cp", options.dereference);
  if (entry.type === DIRECTORY) {
    if (!options.recursive) throw cpError("ERR_FS_EISDIR", `Recursive option not enabled, cannot copy a directory: ${from}`);
    if (to === from || P.StringPrototypeStartsWith(to, `${from}/`)) throw cpError("ERR_FS_CP_EINVAL", `Cannot copy '${from}' to a subdirectory of itself, '${to}'`);
    if (there !== undefined && there.type !== DIRECTORY) throw cpError("ERR_FS_CP_DIR_TO_NON_DIR", `Cannot overwrite non-directory '${to}' with directory '${from}'`);
    mkdirSync(to, { recursive: true });
    for (const [, name] of walk(from, entry, false)) copyTree(`${from}/${name}`, `${to}/${name}`, options);
    return;
  }
  if (there !== undefined) {
    if (there.type === DIRECTORY) throw cpError("ERR_FS_CP_NON_DIR_TO_DIR", `Cannot overwrite directory '${to}' with non-directory '${from}'`);
    if (!options.force) {
      if (options.errorOnExist) throw cpError("ERR_FS_CP_EEXIST", `Target already exists: ${to}`);
      return;
    }
  }
  const slash = P.StringPrototypeLastIndexOf(to, "/");
  if (slash > 0) mkdirSync(P.StringPrototypeSlice(to, 0, slash), { recursive: true });
  if (entry.type === SYMLINK) {
    if (there !== undefined) unlinkSync(to);
    symlinkSync(entry.target, to);
  } else {
    if (there !== undefined && there.type === SYMLINK) unlinkSync(to); // a link is replaced, not written through
    copyEntry(entry, to, "cp");
  }
}

// ---- patterns ----

export function globSync(pattern, options = {}) {
  validateObject(options, "options");
  const patterns = P.ArrayIsArray(pattern) ? pattern : [pattern];
  for (const one of patterns) validateString(one, "pattern");
  const { withFileTypes = false } = options;
  const cwd = pathOf(options.cwd ?? ".", "options.cwd");
  const base = cwd === "/" ? "/" : `${cwd}/`;
  const absolute = one => (one[0] === "/" ? one : base + (P.StringPrototypeStartsWith(one, "./") ? P.StringPrototypeSlice(one, 2) : one));
  const { exclude = [] } = options;
  const excluded = P.ArrayIsArray(exclude) ? P.ArrayPrototypeMap(exclude, one => globPattern(absolute(one))) : [];
  const found = [], seen = new P.Set();
  for (const one of patterns) {
    const expression = globPattern(absolute(one));
    for (const [below, name, parent, entry] of walk("/", find("/", "glob"), true)) {
      const path = `/${below}`;
      if (P.RegExpPrototypeExec(expression, path) === null || P.SetPrototypeHas(seen, path)) continue;
      if (P.ArrayPrototypeSome(excluded, e => P.RegExpPrototypeExec(e, path) !== null)) continue;
      const dirent = new Dirent(name, entry.type, parent);
      if (typeof exclude === "function" && exclude(withFileTypes ? dirent : name)) continue;
      P.SetPrototypeAdd(seen, path);
      P.ArrayPrototypePush(found, withFileTypes ? dirent : one[0] === "/" ? path : P.StringPrototypeSlice(path, base.length));
    }
  }
  return found;
}

// ---- opened directories ----

export class Dir {
  #path;
  #entries;
  #closed = false;

  constructor(path, entries) {
    this.#path = path;
    this.#entries = entries;
  }

  get path() {
    return this.#path;
  }

  #check() {
    if (this.#closed) throw errorWithCode(P.Error, "ERR_DIR_CLOSED", "Directory handle was closed");
  }

  readSync() {
    this.#check();
    return P.ArrayPrototypeShift(this.#entries) ?? null;
  }

  read(callback = undefined) {
    if (callback === undefined) return (async () => this.readSync())();
    validateFunction(callback, "callback");
    load("timers").queueMicrotask(() => {
      let entry;
      try {
        entry = this.readSync();
      } catch (error) {
        return callback(error);
      }
      callback(null, entry);
    });
  }

  closeSync() {
    this.#check();
    this.#closed = true;
  }

  close(callback = undefined) {
    if (callback === undefined) return (async () => this.closeSync())();
    validateFunction(callback, "callback");
    this.closeSync();
    load("timers").queueMicrotask(() => callback(null));
  }

  async *entries() {
    try {
      for (let entry = this.readSync(); entry !== null; entry = this.readSync()) yield entry;
    } finally {
      this.closeSync();
    }
  }

  [Symbol.asyncIterator]() {
    return this.entries();
  }

  [Symbol.dispose]() {
    if (!this.#closed) this.closeSync();
  }

  async [Symbol.asyncDispose]() {
    if (!this.#closed) this.closeSync();
  }
}

export function opendirSync(path, options = undefined) {
  const { encoding, recursive = false } = optionsOf(options);
  return new Dir(pathOf(path), readdirSync(path, { encoding, recursive, withFileTypes: true }));
}

export function unsupported() {
  throw nodeError("ERR_UNSUPPORTED_OPERATION");
}
