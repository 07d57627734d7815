// Results of calls, kept while others may call on them: a call on a result that its caller has not got yet comes here by the
// number of the event that makes it. Few are kept and only small ones: for the others the caller goes by what it gets.

import { isObject } from "errors";
import { setCurrentEvent } from "io";
import { ExportedReceiver } from "rpc";

const then = P.PromisePrototypeThen;
const RESULTS_MAX = 64;
const RESULT_BYTES_MAX = 64 * 1024;
const results = new P.Map(); // event -> { event, answer }: of the last calls, in the order in which they came

class Kept {
    constructor(event) {
        this.event = event;
        this.result = undefined;
        this.settled = false;
        this.waiting = []; // calls on it: told true when it is here
    }

    settle(here) {
        if (this.settled) return;
        this.settled = true;
        if (!here) P.MapPrototypeDelete(results, this.event.id);
        for (let i = 0; i < this.waiting.length; i++) this.waiting[i](here);
        this.waiting = null;
    }
}

// What the event will give, from its beginning on; settled with the event at the latest.
function keptOf(event) {
    if (event.kept !== null) return event.kept;
    const kept = new Kept(event);
    P.MapPrototypeSet(results, event.id, kept);
    if (P.MapPrototypeGetSize(results) > RESULTS_MAX) P.MapPrototypeDelete(results, oldestResult());
    return (event.kept = kept);
}

// `answer` is a promise of what the call gives, packed.
export function keepResult(event, answer) {
    const kept = keptOf(event);
    then(
        answer,
        ({ result, pack }) => {
            kept.result = result;
            kept.settle(isObject(result) && pack.bytes.length <= RESULT_BYTES_MAX);
        },
        () => kept.settle(false), // its caller hears of that
    );
}

function oldestResult() {
    let first;
    P.MapPrototypeForEach(results, (_, id) => {
        first ??= id;
    });
    return first;
}

// A call on the result of the event `id`. call(receiver) follows, from a turn in which it may run; gone() when the result is not
// here any more.
export function withResult(id, event, call, gone) {
    const kept = P.MapPrototypeGet(results, id);
    if (kept === undefined) return gone();
    keptOf(event); // there may be calls on what this one gives
    const go = (here) => {
        setCurrentEvent(event);
        if (!here) return gone();
        const { context } = kept.event;
        if (context !== event && !context.ended) {
            event.host = event.context = context;
            event.gate = context.gate;
            setCurrentEvent(context);
        }
        call(new ExportedReceiver(kept.result, event));
    };
    if (kept.settled) return go(true);
    event.host = kept.event; // it hangs when that one does
    P.ArrayPrototypePush(kept.waiting, go);
}
