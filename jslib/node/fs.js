// node:fs: the synchronous functions, and forms with callbacks made of them.

import { constants, Dirent, Stats } from "node/internal/fs_util";
import { createReadStream, createWriteStream, ReadStream, WriteStream } from "node/internal/fs_streams";
import { validateFunction } from "node/internal/validators";
import { queueMicrotask } from "timers";

const { openAsBlob, Dir, unsupported, ...rest } = load("node/internal/fs_sync");
const promises = load("node/fs/promises").default;

// What a callback is given besides the error.
const results = {
  __proto__: null,
  read: (n, args) => [n, args[1]],
  readv: (n, args) => [n, args[1]],
  write: (n, args) => [n, args[1]],
  writev: (n, args) => [n, args[1]],
};
const NOTHING = " access appendFile chmod chown close copyFile cp fchmod fchown fdatasync fsync ftruncate futimes lchmod lchown link lutimes rename rm rmdir symlink truncate unlink utimes writeFile ";

function withCallback(name, call) {
  const give = results[name] ?? (P.StringPrototypeIncludes(NOTHING, ` ${name} `) ? () => [] : value => [value]);
  const named = {
    [name](...args) {
      const callback = args.length > 1 ? P.ArrayPrototypePop(args) : undefined;
      validateFunction(callback, "callback");
      let answer;
      try {
        answer = [null, ...give(call(...args), args)];
      } catch (error) {
        // Wrong arguments are the caller's, at once.
        if (typeof error.code !== "string" || P.RegExpPrototypeExec(/^ERR_(?:INVALID|OUT_OF_RANGE|UNSUPPORTED)/, error.code) !== null) throw error;
        answer = [error];
      }
      queueMicrotask(() => callback(...answer));
    },
  };
  return named[name];
}

const callbacks = {};
const sync = {};
for (const name of P.ObjectKeys(rest)) {
  if (!P.StringPrototypeEndsWith(name, "Sync")) continue;
  sync[name] = rest[name];
  const short = P.StringPrototypeSlice(name, 0, -4);
  if (short !== "exists") callbacks[short] = withCallback(short, rest[name]);
}
callbacks.realpath.native = callbacks.realpath;

// read(fd, options, callback) and read(fd, callback) make their own buffer.
const { read } = callbacks;
callbacks.read = function (fd, buffer, ...more) {
  if (P.ArrayBufferIsView(buffer)) return read(fd, buffer, ...more);
  const options = typeof buffer === "object" && buffer !== null ? buffer : {};
  const callback = typeof buffer === "function" ? buffer : more[0];
  const { buffer: own = load("node/internal/buffer").Buffer.alloc(16384), ...where } = options;
  return read(fd, own, where, callback);
};

function exists(path, callback) {
  validateFunction(callback, "callback");
  const found = rest.existsSync(path);
  queueMicrotask(() => callback(found));
}

const module = {
  constants,
  F_OK: constants.F_OK,
  R_OK: constants.R_OK,
  W_OK: constants.W_OK,
  X_OK: constants.X_OK,
  promises,
  Dirent,
  Dir,
  Stats,
  ...callbacks,
  exists,
  watch: unsupported,
  watchFile: unsupported,
  unwatchFile: unsupported,
  ...sync,
  ReadStream,
  WriteStream,
  FileReadStream: ReadStream,
  FileWriteStream: WriteStream,
  createReadStream,
  createWriteStream,
  openAsBlob,
};
export { module as default };
