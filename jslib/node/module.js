// node:module: the loader, of which only looking up built-in modules and project modules works here.

import { isNodeModule, nodeEnabled, nodeNames } from "node/registry";
import { errorWithCode, nodeError, notImplemented } from "node/internal/errors";

function isBuiltin(id) {
  return isNodeModule(`${id}`);
}

const builtinModules = nodeNames();
for (let i = 0; i < builtinModules.length; i++) if (!isNodeModule(builtinModules[i])) builtinModules[i] = `node:${builtinModules[i]}`;

function createRequire(path) {
  const text = typeof path === "string" ? path : path instanceof load("url").URL ? path.href : undefined;
  if (text === undefined) throw nodeError("ERR_INVALID_ARG_TYPE", "path", ["string", "URL"], path);
  if (!text.startsWith("/") && !text.startsWith("file:")) throw nodeError("ERR_INVALID_ARG_VALUE", "path", path, "The argument must be a file URL object, a file URL string, or an absolute path string.");
  const base = text.startsWith("file:") ? text : `file://${text}`;

  const require = (id) => {
    if (typeof id !== "string") throw nodeError("ERR_INVALID_ARG_TYPE", "id", "string", id);
    const { requireOf } = load("modules");
    if (nodeEnabled() && isNodeModule(id)) return requireOf(id.startsWith("node:") ? id : `node:${id}`, true);
    if (id.includes(":")) return requireOf(id, false);
    const found = load("start").projectModule(new (load("url").URL)(id, base).pathname.replace(/^\/(?:bundle\/)?/, ""));
    if (found === undefined) throw errorWithCode(Error, "MODULE_NOT_FOUND", `Module not found: ${id}`);
    return found.value;
  };
  require.resolve = (id) => {
    if (isNodeModule(`${id}`)) return `${id}`;
    throw notImplemented("module.require.resolve");
  };
  require.cache = { __proto__: null };
  require.extensions = { __proto__: null, ".js": undefined, ".json": undefined, ".node": undefined };
  require.main = undefined;
  return require;
}

function refuse(name) {
  return {
    [name]() {
      throw notImplemented(`module.${name}`);
    },
  }[name];
}

function Module() {
  throw notImplemented("module.Module");
}

class SourceMap {
  constructor() {
    throw notImplemented("module.SourceMap");
  }
}

const members = {
  Module,
  SourceMap,
  _cache: { __proto__: null },
  _debug: refuse("_debug"),
  _extensions: { __proto__: null, ".js": refuse("_extensions['.js']"), ".json": refuse("_extensions['.json']"), ".node": refuse("_extensions['.node']") },
  _findPath: refuse("_findPath"),
  _initPaths: refuse("_initPaths"),
  _load: refuse("_load"),
  _nodeModulePaths: refuse("_nodeModulePaths"),
  _pathCache: { __proto__: null },
  _preloadModules: refuse("_preloadModules"),
  _resolveFilename: refuse("_resolveFilename"),
  _resolveLookupPaths: refuse("_resolveLookupPaths"),
  builtinModules,
  constants: { compileCacheStatus: { __proto__: null, FAILED: 0, ENABLED: 1, ALREADY_ENABLED: 2, DISABLED: 3 } },
  createRequire,
  enableCompileCache() {},
  findPackageJSON: refuse("findPackageJSON"),
  findSourceMap: refuse("findSourceMap"),
  flushCompileCache() {},
  getCompileCacheDir() {},
  getSourceMapsSupport: () => P.ObjectFreeze({ __proto__: null, enabled: false, nodeModules: false, generatedCode: false }),
  globalPaths: [],
  isBuiltin,
  register: refuse("register"),
  registerHooks: refuse("registerHooks"),
  runMain: refuse("runMain"),
  setSourceMapsSupport: refuse("setSourceMapsSupport"),
  stripTypeScriptTypes: refuse("stripTypeScriptTypes"),
  syncBuiltinESMExports: refuse("syncBuiltinESMExports"),
  wrap: refuse("wrap"),
};
P.ObjectAssign(Module, members);

export { Module as default };
