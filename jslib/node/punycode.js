// node:punycode.

import { exports } from "npm/punycode";

// Node's is an older one of the same.
const punycode = { ...exports, version: "2.1.0" };

export { punycode as default };
