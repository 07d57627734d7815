// Intrinsics as they were before user code ran. P.ArrayPrototypePush(array, x) calls the method with the array as
// `this`; P.ObjectDefineProperty is a static function; P.Map is a constructor; accessors are P.MapPrototypeGetSize(map).
// Patching any method afterwards changes nothing here, Function.prototype.call excepted: the engine compiles `f.call(x)` to a
// plain call, three to five times as fast as a bound `call`, and hot paths are made of these.

const { apply, ownKeys, getOwnPropertyDescriptor, construct } = Reflect;

function applyAll(f, self, args, from) {
  const list = [];
  for (let i = from; i < args.length; i++) list[i - from] = args[i];
  return apply(f, self, list);
}

function uncurry(f) {
  return function (self, a, b, c) {
    switch (arguments.length) {
      case 1:
        return f.call(self);
      case 2:
        return f.call(self, a);
      case 3:
        return f.call(self, a, b);
      case 4:
        return f.call(self, a, b, c);
      default:
        return applyAll(f, self, arguments, 1);
    }
  };
}

function bindTo(self, f) {
  return function (a, b, c) {
    switch (arguments.length) {
      case 0:
        return f.call(self);
      case 1:
        return f.call(self, a);
      case 2:
        return f.call(self, a, b);
      case 3:
        return f.call(self, a, b, c);
      default:
        return applyAll(f, self, arguments, 0);
    }
  };
}

function capital(name) {
  return name[0].toUpperCase() + name.slice(1);
}

// Symbol.iterator -> "SymbolIterator"
function label(key) {
  return typeof key === "symbol" ? "Symbol" + capital(key.description.slice("Symbol.".length)) : capital(key);
}

// Statics that look at `this` (Promise.resolve, Array.from and so on make instances of it); the others are taken as they are.
function needsThis(source, key) {
  return source === Promise || source === Array || source === TypedArray || source.prototype instanceof TypedArray;
}

function copyStatics(target, prefix, source) {
  for (const key of ownKeys(source)) {
    if (key === "prototype" || key === "name" || key === "length" || key === "arguments" || key === "caller") continue;
    const d = getOwnPropertyDescriptor(source, key);
    if (d.get !== undefined) continue;
    target[prefix + label(key)] = typeof d.value === "function" ? bindTo(source, d.value) : d.value;
  }
}

function copyPrototype(target, prefix, proto) {
  for (const key of ownKeys(proto)) {
    if (key === "constructor") continue;
    const d = getOwnPropertyDescriptor(proto, key);
    if (d.get !== undefined) {
      target[prefix + "PrototypeGet" + label(key)] = uncurry(d.get);
      if (d.set !== undefined) target[prefix + "PrototypeSet" + label(key)] = uncurry(d.set);
    } else if (typeof d.value === "function") {
      target[prefix + "Prototype" + label(key)] = uncurry(d.value);
    }
  }
}

const TypedArray = Reflect.getPrototypeOf(Uint8Array);
const primordials = { __proto__: null };

for (const name of ["Reflect", "JSON", "Math", "Atomics"]) copyStatics(primordials, name, globalThis[name]);
// Reflect's own functions take their target as an argument, so no binding is needed.
primordials.ReflectApply = apply;
primordials.ReflectConstruct = construct;
primordials.ReflectOwnKeys = ownKeys;
primordials.ReflectGetOwnPropertyDescriptor = getOwnPropertyDescriptor;

for (const name of [
  "AggregateError", "Array", "ArrayBuffer", "BigInt", "BigInt64Array", "BigUint64Array", "Boolean", "DataView", "Date", "Error",
  "EvalError", "FinalizationRegistry", "Float32Array", "Float64Array", "Function", "Int16Array", "Int32Array", "Int8Array",
  "Map", "Number", "Object", "Promise", "Proxy", "RangeError", "ReferenceError", "RegExp", "Set", "String", "Symbol",
  "SyntaxError", "TypeError", "URIError", "Uint16Array", "Uint32Array", "Uint8Array", "Uint8ClampedArray", "WeakMap", "WeakRef",
  "WeakSet",
]) {
  const constructor = globalThis[name];
  primordials[name] = constructor;
  if (constructor.prototype !== undefined) copyPrototype(primordials, name, constructor.prototype);
  copyStatics(primordials, name, constructor);
}

// What has no global name.
primordials.TypedArray = TypedArray;
copyPrototype(primordials, "TypedArray", TypedArray.prototype);
copyStatics(primordials, "TypedArray", TypedArray);
const ArrayIteratorPrototype = Reflect.getPrototypeOf([][Symbol.iterator]());
const IteratorPrototype = Reflect.getPrototypeOf(ArrayIteratorPrototype);
const AsyncIteratorPrototype = Reflect.getPrototypeOf(Reflect.getPrototypeOf((async function* () {}).prototype));
primordials.IteratorPrototype = IteratorPrototype;
primordials.AsyncIteratorPrototype = AsyncIteratorPrototype;
copyPrototype(primordials, "ArrayIterator", ArrayIteratorPrototype);
copyPrototype(primordials, "MapIterator", Reflect.getPrototypeOf(new Map()[Symbol.iterator]()));
copyPrototype(primordials, "SetIterator", Reflect.getPrototypeOf(new Set()[Symbol.iterator]()));
primordials.AsyncFunction = (async () => {}).constructor;
primordials.GeneratorFunction = function* () {}.constructor;

for (const name of ["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "isFinite", "isNaN", "parseFloat", "parseInt"])
  primordials[name] = globalThis[name];

primordials.uncurryThis = uncurry;
primordials.globalThis = globalThis;

Object.freeze(primordials);
export { primordials as P };
