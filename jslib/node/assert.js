// node:assert.

import { assert } from "node/internal/assert";

export { assert as default };
