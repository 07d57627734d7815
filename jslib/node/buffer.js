// node:buffer.

import { Blob, File } from "blob";
import { atob, btoa } from "encoding";
import { Buffer, INSPECT_MAX_BYTES, isAscii, isUtf8, kMaxLength, kStringMaxLength, resolveObjectURL, SlowBuffer, transcode } from "node/internal/buffer";

const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: kStringMaxLength };

const buffer = {
  Blob,
  Buffer,
  File,
  get INSPECT_MAX_BYTES() {
    return INSPECT_MAX_BYTES.value;
  },
  set INSPECT_MAX_BYTES(value) {
    INSPECT_MAX_BYTES.value = value;
  },
  SlowBuffer,
  atob,
  btoa,
  constants,
  isAscii,
  isUtf8,
  kMaxLength,
  kStringMaxLength,
  resolveObjectURL,
  transcode,
};

export { buffer as default };
