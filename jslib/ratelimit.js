// Rate limits: counted by main, for all isolates. limit() takes what the platform's local runtime takes.

import { illegalConstructor, publish } from "errors";
import { op } from "io";

const LIMIT = 120; // docs/internals/stores.md
const MAKE = Symbol("internal");
const SAFE = 9007199254740991;

function insist(holds, message) {
    if (!holds) throw new P.Error(message);
}

export class Ratelimit {
    #index;
    #limit;
    #period;

    constructor(token, index, simple) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
        this.#limit = simple.limit;
        this.#period = simple.period;
    }

    async limit(options) {
        const index = this.#index;
        insist(typeof options === "object" && options !== null, "invalid rate limit options");
        let unknown = "";
        const names = P.ObjectKeys(options);
        for (let i = 0; i < names.length; i++) {
            const name = names[i];
            if (name !== "key" && name !== "limit" && name !== "period") unknown += unknown === "" ? name : `,${name}`;
        }
        insist(unknown === "", `bad rate limit options: [${unknown}]`);
        const { key = "", limit = this.#limit, period = this.#period } = options;
        insist(typeof key === "string", `invalid key: ${P.String(key)}`);
        insist(typeof limit === "number", `limit must be a number: ${P.String(limit)}`);
        insist(typeof period === "number", `period must be a number: ${P.String(period)}`);
        insist(period === 10 || period === 60, `unsupported period: ${period}`);
        const most = limit !== limit || limit > SAFE ? SAFE : P.MathMax(P.MathCeil(limit), 0);
        const fields = await op(LIMIT, "wwsqw", [index, 0, key, most, period], "b");
        return { success: fields[0] === 1 };
    }
}

publish(Ratelimit);

// options: the binding's table of the configuration, {simple: {limit, period}}.
export function rateLimit(index, options) {
    return new Ratelimit(MAKE, index, options.simple ?? {});
}
