// node:punycode.

import { exports as punycode } from "npm/punycode";

export { punycode as default };
