// performance: a clock that stands still while JavaScript runs.

import { illegalConstructor, publish } from "errors";

const INTERNAL = Symbol();

// Milliseconds; the platform counts them from the epoch, with timeOrigin 0.
export function now() {
    return N.clock[0];
}

export class Performance {
    constructor(internal) {
        if (internal !== INTERNAL) throw illegalConstructor();
    }
    get timeOrigin() {
        return 0;
    }
    now() {
        return now();
    }
}
publish(Performance);

export const performance = new Performance(INTERNAL);
