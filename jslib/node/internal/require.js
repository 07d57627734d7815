// require() of bundled npm packages: modules of Node, whatever the worker's date and flags.

import { internalExports } from "node/registry";

export function require(specifier) {
  const name = P.StringPrototypeStartsWith(specifier, "node:") ? P.StringPrototypeSlice(specifier, 5) : specifier;
  return internalExports(P.StringPrototypeEndsWith(name, "/") ? P.StringPrototypeSlice(name, 0, -1) : name); // "process/" is how some say the package
}
