// process.stdin, stdout and stderr: an empty file and two logs.

import { Buffer } from "node/internal/buffer";

function output(fd, write) {
  const { Writable } = load("node/stream").default;
  let held = "";
  // Whole lines are logged at once; what has no end yet, when the turn is over.
  const flush = () => {
    if (held !== "") write(held);
    held = "";
  };
  const stream = new Writable({
    autoDestroy: true,
    decodeStrings: false,
    write(chunk, encoding, callback) {
      held += typeof chunk === "string" && (encoding === "utf8" || encoding === "utf-8") ? chunk : Buffer.from(chunk, encoding).toString();
      const end = held.lastIndexOf("\n");
      if (end >= 0) {
        write(held.slice(0, end));
        held = held.slice(end + 1);
      }
      if (held !== "") queueMicrotask(flush);
      callback();
    },
  });
  P.ObjectAssign(stream, {
    fd,
    _type: "fs",
    _isStdio: true,
    readable: false,
    allowHalfOpen: false,
    bufferSize: 0,
    bytesRead: 0,
    bytesWritten: 0,
    connecting: false,
    pending: false,
    readyState: "open",
  });
  return stream;
}

export function makeStdout() {
  return output(1, (line) => console.log(line));
}

export function makeStderr() {
  return output(2, (line) => console.error(line));
}

export function makeStdin() {
  const { Readable } = load("node/stream").default;
  const stream = new Readable({
    read() {
      this.push(null);
    },
  });
  return P.ObjectAssign(stream, { fd: 0, allowHalfOpen: false, bufferSize: 0, connecting: false, readyState: "open" });
}
