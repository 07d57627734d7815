// The files that a worker sees: /bundle with its own modules, /tmp for the request at hand, /dev. Nothing of the machine.
//
// A request's /tmp and its descriptors begin empty and go with it. Paths come in absolute and normal (fs_util.js).

import { currentEvent } from "io";

// As Dirent has them.
export const FILE = 1;
export const DIRECTORY = 2;
export const SYMLINK = 3;
export const DEVICE = 6;
const LINKS_MAX = 40;

const TEXTS = {
  __proto__: null,
  EBADF: "bad file descriptor",
  EEXIST: "file already exists",
  EINVAL: "invalid argument",
  EISDIR: "illegal operation on a directory",
  ELOOP: "too many symbolic links encountered",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted",
};

export function fsError(code, syscall, path = undefined, errno = undefined) {
  const error = new P.Error(path === undefined ? TEXTS[code] : `${TEXTS[code]}, ${syscall} '${path}'`);
  if (errno !== undefined) error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  return error;
}

// ---- nodes ----

export class Entry {
  mtime = 0;
  children = null; // of a directory: name -> Entry
  target = ""; // of a link
  device = ""; // what it is
  content = null; // of a file that is made when it is first read
  #bytes = EMPTY; // room may be larger than the file
  #size = 0;

  constructor(type, writable) {
    this.type = type;
    this.writable = writable;
    if (type === DIRECTORY) this.children = new P.Map();
  }

  get size() {
    if (this.content !== null) this.bytes();
    return this.#size;
  }

  // What it holds, not to be changed.
  bytes() {
    if (this.content !== null) {
      const made = this.content();
      this.content = null;
      this.replace(made);
    }
    return P.TypedArrayPrototypeSubarray(this.#bytes, 0, this.#size);
  }

  replace(bytes) {
    this.#bytes = bytes;
    this.#size = bytes.byteLength;
  }

  writeAt(bytes, at) {
    const end = at + bytes.byteLength;
    if (end > this.#bytes.byteLength) this.#grow(end);
    P.TypedArrayPrototypeSet(this.#bytes, bytes, at);
    if (end > this.#size) this.#size = end;
  }

  truncate(length) {
    if (length > this.#bytes.byteLength) this.#grow(length);
    if (length < this.#size) P.TypedArrayPrototypeFill(this.#bytes, 0, length, this.#size);
    this.#size = length;
  }

  #grow(least) {
    const bytes = new P.Uint8Array(P.MathMax(least, P.MathMin(2 * this.#bytes.byteLength, this.#bytes.byteLength + 16777216), 256));
    P.TypedArrayPrototypeSet(bytes, P.TypedArrayPrototypeSubarray(this.#bytes, 0, this.#size));
    this.#bytes = bytes;
  }
}
const EMPTY = new P.Uint8Array(0);

function add(directory, name, entry) {
  P.MapPrototypeSet(directory.children, name, entry);
  return entry;
}

// ---- the tree ----

let bundle = null;

function bundleOf() {
  if (bundle !== null) return bundle;
  bundle = new Entry(DIRECTORY, false);
  const files = load("start").bundleFiles(); // [name, function that gives the bytes]
  for (let i = 0; i < files.length; i++) {
    const parts = P.StringPrototypeSplit(files[i][0], "/");
    let at = bundle;
    for (let k = 0; k < parts.length - 1; k++) {
      if (parts[k] === "" || parts[k] === ".") continue;
      const known = P.MapPrototypeGet(at.children, parts[k]);
      at = known !== undefined && known.type === DIRECTORY ? known : add(at, parts[k], new Entry(DIRECTORY, false));
    }
    add(at, parts[parts.length - 1], new Entry(FILE, false)).content = files[i][1];
  }
  return bundle;
}

function devices() {
  const directory = new Entry(DIRECTORY, false);
  for (const name of ["null", "zero", "full", "random"]) add(directory, name, new Entry(DEVICE, true)).device = name;
  return directory;
}

const views = new P.WeakMap(); // event -> its view
let scopeView = null; // of module scope

class View {
  descriptors = new P.Map();
  next = 3;

  constructor() {
    this.root = new Entry(DIRECTORY, false);
    add(this.root, "bundle", bundleOf());
    add(this.root, "tmp", new Entry(DIRECTORY, true));
    add(this.root, "dev", devices());
  }
}

function view() {
  const event = currentEvent();
  if (event === null) return (scopeView ??= new View());
  let found = P.WeakMapPrototypeGet(views, event.context);
  if (found === undefined) P.WeakMapPrototypeSet(views, event.context, (found = new View()));
  return found;
}

// Where a path leads: { parent, name, entry }; entry undefined when nothing is there, parent undefined when not even the
// directory is. path: the one that was found at the end of links.
export function locate(path, syscall, follow = true) {
  const { root } = view();
  for (let hops = 0; hops < LINKS_MAX; hops++) {
    const parts = P.StringPrototypeSplit(path, "/");
    let parent = undefined, entry = root, name = "", linked = "";
    let walked = "";
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] === "") continue;
      if (entry === undefined) return { parent: undefined, name: parts[i], entry: undefined, path };
      if (entry.type !== DIRECTORY) throw fsError("ENOTDIR", syscall, path);
      parent = entry;
      name = parts[i];
      entry = P.MapPrototypeGet(parent.children, name);
      const last = P.ArrayPrototypeEvery(P.ArrayPrototypeSlice(parts, i + 1), part => part === "");
      if (entry !== undefined && entry.type === SYMLINK && (follow || !last)) {
        linked = entry.target + (last ? "" : "/" + P.ArrayPrototypeJoin(P.ArrayPrototypeSlice(parts, i + 1), "/"));
        break;
      }
      walked += "/" + name;
    }
    if (linked === "") return { parent, name, entry, path: walked === "" ? "/" : walked };
    path = linked;
  }
  throw fsError("ELOOP", syscall, path);
}

export function find(path, syscall, follow = true, errno = undefined) {
  const { entry } = locate(path, syscall, follow);
  if (entry === undefined) throw fsError("ENOENT", syscall, path, errno);
  return entry;
}

// A new entry at a path where there is none.
export function create(place, entry, path, syscall) {
  if (place.parent === undefined) throw fsError("ENOENT", syscall, path);
  if (!place.parent.writable) throw fsError("EPERM", syscall);
  return add(place.parent, place.name, entry);
}

export function remove(place, syscall) {
  if (!place.parent?.writable) throw fsError("EPERM", syscall);
  P.MapPrototypeDelete(place.parent.children, place.name);
}

// ---- descriptors ----

export function openEntry(entry, options) {
  const own = view();
  const fd = own.next++;
  P.MapPrototypeSet(own.descriptors, fd, { entry, position: 0, ...options });
  return fd;
}

export function descriptor(fd, syscall) {
  const found = P.MapPrototypeGet(view().descriptors, fd);
  if (found === undefined) throw fsError("EBADF", syscall);
  return found;
}

export function closeDescriptor(fd) {
  P.MapPrototypeDelete(view().descriptors, fd);
}

// ---- content ----

export function readInto(entry, buffer, at) {
  if (entry.type === DIRECTORY) throw fsError("EISDIR", "read");
  if (entry.type === DEVICE) {
    if (entry.device === "null") return 0;
    if (entry.device === "random") N.randomFill(buffer);
    else P.TypedArrayPrototypeFill(buffer, 0);
    return buffer.byteLength;
  }
  const bytes = P.TypedArrayPrototypeSubarray(entry.bytes(), P.MathMin(at, entry.size), P.MathMin(at + buffer.byteLength, entry.size));
  P.TypedArrayPrototypeSet(buffer, bytes);
  return bytes.byteLength;
}

export function writeFrom(entry, bytes, at, syscall) {
  if (entry.type === DIRECTORY) throw fsError("EISDIR", syscall);
  if (!entry.writable || entry.device === "full") throw fsError("EPERM", syscall);
  if (entry.type === FILE) entry.writeAt(bytes, at);
  return bytes.byteLength;
}
