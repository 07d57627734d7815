// node:constants: unenv's, with what the platform has beside them.

import { exports } from "npm/unenv.constants";

const constants = P.ObjectFreeze({ ...exports.default, O_SYMLINK: 2097152, SIGINFO: 29, defaultCipherList: "" });
export { constants as default };
