// Classes that are streams, but are mostly used without: the stream module is evaluated, and an object made a stream, when a
// member is first asked for that the class itself does not have.

import { internalExports } from "node/registry";

// Class.prototype gets the members of stream[kind], "Transform" or "Writable". States is the slot of the class's objects; the
// records in it have `options`, those of the stream, and `streams`: whether the object is one by now.
export function makeLazyStream(Class, kind, States) {
  let Base;

  function membersFor(object) {
    Base ??= internalExports("stream")[kind];
    if (States.has(object)) {
      const state = States.of(object);
      if (!state.streams) {
        state.streams = true;
        P.ReflectApply(Base, object, [state.options]);
      }
    }
    return Base.prototype;
  }

  P.ObjectSetPrototypeOf(
    Class.prototype,
    new P.Proxy(
      { __proto__: null },
      {
        __proto__: null,
        get: (target, key, receiver) => P.ReflectGet(membersFor(receiver), key, receiver),
        set: (target, key, value, receiver) => P.ReflectSet(membersFor(receiver), key, value, receiver),
        has: (target, key) => P.ReflectHas(membersFor(undefined), key),
        getPrototypeOf: () => membersFor(undefined),
      },
    ),
  );
}
