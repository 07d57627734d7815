// WebAssembly: the asynchronous forms on top of the synchronous ones, and no compilation of bytes at run time.

const { WebAssembly: native } = P.globalThis;
const { Module: NativeModule, Instance: NativeInstance, CompileError } = native;
const { ObjectDefineProperty: define, ReflectConstruct: construct } = P;

function refuse(what) {
  return new CompileError(`WebAssembly.${what}: Wasm code generation disallowed by embedder`);
}

// For modules of the bundle.
export function compileModule(bytes) {
  return new NativeModule(bytes);
}

function isModule(value) {
  try {
    NativeModule.exports(value);
    return true;
  } catch {
    return false;
  }
}

function Module(bytes) {
  if (new.target === undefined) throw new P.TypeError("WebAssembly.Module must be invoked with 'new'");
  throw refuse("Module()");
}

function compile(bytes) {
  return P.PromiseReject(refuse("compile()"));
}

async function instantiate(moduleOrBytes, imports = undefined) {
  if (!isModule(moduleOrBytes)) throw refuse("instantiate()");
  return construct(NativeInstance, [moduleOrBytes, imports]);
}

const hidden = value => ({ __proto__: null, value, writable: true, configurable: true, enumerable: false });

export function installWasm() {
  for (const name of ["exports", "imports", "customSections"]) define(Module, name, hidden(NativeModule[name]));
  define(Module, "prototype", { __proto__: null, value: NativeModule.prototype, writable: false });
  define(NativeModule.prototype, "constructor", hidden(Module));
  define(native, "Module", hidden(Module));
  define(native, "compile", hidden(compile));
  define(native, "instantiate", hidden(instantiate));
  if (native.JSTag !== undefined) define(native, "JSTag", hidden(native.JSTag)); // not an accessor, as elsewhere
  delete native.compileStreaming;
  delete native.instantiateStreaming;
}
