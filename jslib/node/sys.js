// node:sys, the old name of node:util.

import { default as util } from "node/util";

export { util as default };
