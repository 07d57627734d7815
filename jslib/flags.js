// The compatibility flags that are on, set once when the worker starts. Until then (tests, warm-up) everything counts as on.

let active = null;
let waiting = [];

export function setFlags(names) {
    active = new P.Set();
    for (let i = 0; i < names.length; i++) P.SetPrototypeAdd(active, names[i]);
    for (let i = 0; i < waiting.length; i++) waiting[i]();
    waiting = [];
}

// Calls fn once the flags are known: for members that classes have only under a flag, of modules that may be evaluated before.
export function whenFlagsAreSet(fn) {
    if (active === null) waiting[waiting.length] = fn;
    else fn();
}

export function hasFlag(name) {
    return active === null || P.SetPrototypeHas(active, name);
}
