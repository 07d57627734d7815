// node:path, which is the style of POSIX.

import { posix, win32 } from "node/internal/path";

// An object of its own: the platform's node:path is not its own member posix.
const path = { ...posix, posix, win32 };

export { path as default };
