// Map whose methods nobody can patch and whose calls the engine compiles as those of any Map.

export class SafeMap extends P.Map {}

const keys = P.ReflectOwnKeys(P.Map.prototype);
for (let i = 0; i < keys.length; i++) {
    if (keys[i] === "constructor") continue;
    P.ObjectDefineProperty(SafeMap.prototype, keys[i], P.ReflectGetOwnPropertyDescriptor(P.Map.prototype, keys[i]));
}
P.ObjectSetPrototypeOf(SafeMap.prototype, null);
P.ObjectFreeze(SafeMap.prototype);
