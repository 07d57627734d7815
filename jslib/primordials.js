// Intrinsics as they were before user code ran. P.ArrayPrototypePush(array, x) calls the method with the array as
// `this`; P.ObjectDefineProperty is a static function; P.Map is a constructor; accessors are P.MapPrototypeGetSize(map).
// Patching a method afterwards changes nothing here. (Function.prototype.call is looked up by the engine at each call, which
// it inlines; a bound function would cost five times as much. Who replaces that one gets what they asked for.)
//
// Only what the built-ins name is made: tools/embed_js.py lists every P.name (and every name in `const { a } = P;`) here.

load("error_classes");

const used = "@USED@";

const { apply, getOwnPropertyDescriptor } = Reflect;
const { bind } = Function.prototype;
const TypedArray = Reflect.getPrototypeOf(Uint8Array);
const prototypeOf = Reflect.getPrototypeOf;

// Prototypes of what has no global name.
const prototypes = {
  __proto__: null,
  ArrayIterator: prototypeOf([][Symbol.iterator]()),
  AsyncGenerator: prototypeOf((async function* () {}).prototype),
  AsyncIterator: prototypeOf(prototypeOf((async function* () {}).prototype)),
  Iterator: prototypeOf(prototypeOf([][Symbol.iterator]())),
  MapIterator: prototypeOf(new Map()[Symbol.iterator]()),
  SetIterator: prototypeOf(new Set()[Symbol.iterator]()),
  TypedArray: TypedArray.prototype,
};

const whole = {
  __proto__: null,
  AsyncFunction: (async () => {}).constructor,
  AsyncGeneratorPrototype: prototypes.AsyncGenerator,
  AsyncIteratorPrototype: prototypes.AsyncIterator,
  GeneratorFunction: function* () {}.constructor,
  IteratorPrototype: prototypes.Iterator,
  TypedArray,
  globalThis,
  uncurryThis: uncurry,
};

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
      default: {
        const rest = [];
        for (let i = 1; i < arguments.length; i++) rest[i - 1] = arguments[i];
        return apply(f, self, rest);
      }
    }
  };
}

// "Push" -> "push", "SymbolIterator" -> Symbol.iterator; "PI" and "MAX_SAFE_INTEGER" are found as they are.
function keyIn(target, label) {
  if (label.startsWith("Symbol") && label.length > 6) {
    const symbol = Symbol[label[6].toLowerCase() + label.slice(7)];
    if (symbol !== undefined && Object.hasOwn(target, symbol)) return symbol;
  }
  const lower = label[0].toLowerCase() + label.slice(1);
  return Object.hasOwn(target, lower) ? lower : Object.hasOwn(target, label) ? label : undefined;
}

function fromPrototype(proto, label) {
  const key = keyIn(proto, label);
  if (key !== undefined) {
    const d = getOwnPropertyDescriptor(proto, key);
    if (typeof d.value === "function") return uncurry(d.value);
  }
  const accessor = keyIn(proto, label.slice(3));
  if (accessor === undefined) return undefined;
  const { get, set } = getOwnPropertyDescriptor(proto, accessor);
  const f = label.startsWith("Get") ? get : set;
  return f === undefined ? undefined : uncurry(f);
}

// Statics that look at `this` (Promise.resolve, Array.from and so on make instances of it) are bound; others are taken as they are.
function fromHolder(holder, label) {
  const key = keyIn(holder, label);
  if (key === undefined) return undefined;
  const value = holder[key];
  const bound = typeof value === "function" && (holder === Promise || holder === Array || holder === TypedArray || holder.prototype instanceof TypedArray);
  return bound ? bind.call(value, holder) : value;
}

// The longest name of a global that `name` begins with: "ArrayBufferIsView" is ArrayBuffer's.
function split(name) {
  for (let i = name.length - 1; i > 2; i--) {
    const code = name.charCodeAt(i);
    if (code < 65 || code > 90) continue;
    const holder = name.slice(0, i);
    if (whole[holder] !== undefined || Object.hasOwn(globalThis, holder)) return i;
  }
  return 0;
}

function find(name) {
  if (whole[name] !== undefined) return whole[name];
  if (Object.hasOwn(globalThis, name)) return globalThis[name];
  const at = name.indexOf("Prototype");
  if (at > 0) {
    const holder = name.slice(0, at);
    const proto = prototypes[holder] ?? globalThis[holder]?.prototype;
    if (proto !== undefined && proto !== null) return fromPrototype(proto, name.slice(at + 9)); // else a static: ObjectGetPrototypeOf
  }
  const i = split(name);
  return i === 0 ? undefined : fromHolder(whole[name.slice(0, i)] ?? globalThis[name.slice(0, i)], name.slice(i));
}

const primordials = { __proto__: null };
for (const name of used.split(" ")) primordials[name] = find(name);
for (const name of ["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"]) primordials[name] = globalThis[name];

Object.freeze(primordials);
export { primordials as P };
