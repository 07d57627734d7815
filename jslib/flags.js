// The compatibility flags that are on, set once when the worker starts. Until then (tests, warm-up) everything counts as on.

let active = null;

export function setFlags(names) {
    active = new P.Set();
    for (let i = 0; i < names.length; i++) P.SetPrototypeAdd(active, names[i]);
}

export function hasFlag(name) {
    return active === null || P.SetPrototypeHas(active, name);
}
