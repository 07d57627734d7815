// node:path/posix.

import { posix } from "node/internal/path";

export { posix as default };
