// node:path/win32.

import { win32 } from "node/internal/path";

export { win32 as default };
