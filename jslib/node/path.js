// node:path, which is the style of POSIX.

import { posix } from "node/internal/path";

export { posix as default };
