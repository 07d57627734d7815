// node:querystring.

import { exports } from "npm/unenv.querystring";

const { default: querystring } = exports;
export { querystring as default };
