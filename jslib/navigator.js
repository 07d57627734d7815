// navigator and scheduler.

import { badArgument, badField, illegalConstructor, isObject, publish } from "errors";
import { isAbortSignal, onAbort } from "abort";

const INTERNAL = Symbol();

const BEACON_MAX = 64 * 1024;

export class Navigator {
    constructor(internal) {
        if (internal !== INTERNAL) throw illegalConstructor();
    }
    // Sends the data with a POST and forgets about it. True when it was accepted for sending.
    sendBeacon(url, data) {
        if (arguments.length === 0) throw badArgument("Navigator", "sendBeacon", 1, "string");
        const { waitUntil } = load("workers");
        const { Request } = load("request");
        const request = new Request(`${url}`, { method: "POST", body: data ?? null, keepalive: true });
        if (typeof data === "string" && data.length > BEACON_MAX) return false;
        waitUntil(P.PromisePrototypeThen(load("fetch").fetch(request), (response) => response.body?.cancel(), () => undefined));
        return true;
    }
}
publish(Navigator);

export const navigator = new Navigator(INTERNAL);
const { hasFlag } = load("flags");
const members = { userAgent: "Cloudflare-Workers", hardwareConcurrency: 1, platform: "" };
if (hasFlag("enable_navigator_language")) {
    members.language = "en";
    members.languages = P.ObjectFreeze(["en"]);
}
for (const name of Object.keys(members).reverse()) {
    P.ObjectDefineProperty(navigator, name, { __proto__: null, value: members[name], writable: false, enumerable: true, configurable: true });
}

class Scheduler {
    wait(delay, options) {
        if (arguments.length === 0) throw badArgument("Scheduler", "wait", 1, "number");
        let signal;
        if (options !== undefined && options !== null) {
            if (!isObject(options)) throw badArgument("Scheduler", "wait", 2, "WaitOptions");
            signal = options.signal;
            if (signal !== undefined && !isAbortSignal(signal)) throw badField("WaitOptions", "signal", "AbortSignal");
        }
        if (signal !== undefined && signal.aborted) return P.PromiseReject(signal.reason);
        return new P.Promise((resolve, reject) => {
            const { setTimeout, clearTimeout } = load("timers");
            let undo;
            const id = setTimeout(() => {
                if (undo !== undefined) undo();
                resolve(undefined);
            }, +delay);
            if (signal === undefined) return;
            undo = onAbort(signal, (reason) => {
                clearTimeout(id);
                reject(reason);
            });
        });
    }
}
publish(Scheduler);
export const scheduler = new Scheduler();
