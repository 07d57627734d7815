// node:assert/strict.

import { strict } from "node/internal/assert";

export { strict as default };
