// node:console: the global console with what Node's has besides.

import { console } from "console";
import { notImplemented } from "node/internal/errors";

const NAMES =
  "log info debug warn error dir time timeEnd timeLog trace assert clear count countReset group groupEnd table dirxml groupCollapsed profile profileEnd timeStamp";

function Console(options) {
  throw notImplemented("Console");
}

function context() {
  throw notImplemented("Console.context");
}

function createTask() {
  throw notImplemented("Console.createTask");
}

const names = P.StringPrototypeSplit(NAMES, " ");
for (let i = 0; i < names.length; i++) {
  const method = console[names[i]];
  if (typeof method === "function") Console.prototype[names[i]] = P.FunctionPrototypeBind(method, console);
}
P.ObjectAssign(Console.prototype, { context, createTask });
P.ObjectAssign(console, { _times: new P.Map(), _ignoreErrors: true, _stderrErrorHandler() {}, _stdoutErrorHandler() {}, Console, context, createTask });
for (const [name, stream] of [["_stderr", "stderr"], ["_stdout", "stdout"]])
  P.ObjectDefineProperty(console, name, { __proto__: null, get: () => load("node/process").default[stream], enumerable: true, configurable: true });

export { console as default };
