// What a tail worker is given: events of other workers, read only, made of the JSON that main sends (docs/internals/traces.md).

import { illegalConstructor, publish } from "errors";

const MAKE = P.Symbol("internal");

// The members are the object's own, as on the platform: code copies and prints items.
function own(target, members) {
    const names = P.ObjectKeys(members);
    for (let i = 0; i < names.length; i++) {
        P.ObjectDefineProperty(target, names[i], { __proto__: null, value: members[names[i]], writable: false, enumerable: true, configurable: true });
    }
}

function made(name, methods = {}) {
    class Made {
        constructor(token, members) {
            if (token !== MAKE) throw illegalConstructor();
            own(this, members);
        }
    }
    for (const key of P.ObjectKeys(methods)) P.ObjectDefineProperty(Made.prototype, key, { __proto__: null, value: methods[key], writable: true, enumerable: true, configurable: true });
    return publish(Made, name);
}

const raw = new P.WeakMap(); // a request whose parts are hidden -> what they were
const TraceItem = made("TraceItem");
const FetchEventInfo = made("FetchEventInfo");
const TailRequest = made("Request", {
    getUnredacted() {
        const { cf, headers, method, url } = this;
        return new TailRequest(MAKE, { cf, headers, method, url, ...P.WeakMapPrototypeGet(raw, this) });
    },
});
const TailResponse = made("Response");
const ScheduledEventInfo = made("ScheduledEventInfo");
const AlarmEventInfo = made("AlarmEventInfo");
const QueueEventInfo = made("QueueEventInfo");
const EmailEventInfo = made("EmailEventInfo");
const TailEventInfo = made("TailEventInfo");
const TailItem = made("TailItem");
const JsRpcEventInfo = made("JsRpcEventInfo");
const HibernatableWebSocketEventInfo = made("HibernatableWebSocketEventInfo");
const socketInfos = {
    __proto__: null,
    message: made("HibernatableWebSocketEventInfoMessage"),
    close: made("HibernatableWebSocketEventInfoClose"),
    error: made("HibernatableWebSocketEventInfoError"),
};
const TraceLog = made("TraceLog");
const TraceException = made("TraceException");
const TraceDiagnosticChannelEvent = made("TraceDiagnosticChannelEvent");
const ScriptVersion = made("ScriptVersion");

function requestOf({ cf, headers, method, url }, hidden) {
    const request = new TailRequest(MAKE, { cf, headers, method, url });
    if (hidden !== undefined) P.WeakMapPrototypeSet(raw, request, hidden);
    return request;
}

function eventOf(event, hidden) {
    if (event === null) return null;
    if (event.request !== undefined) {
        return new FetchEventInfo(MAKE, {
            response: event.response === undefined ? undefined : new TailResponse(MAKE, event.response),
            request: requestOf(event.request, hidden),
        });
    }
    if (event.cron !== undefined) return new ScheduledEventInfo(MAKE, event);
    if (event.scheduledTime !== undefined) return new AlarmEventInfo(MAKE, { scheduledTime: new Date(event.scheduledTime) });
    if (event.queue !== undefined) return new QueueEventInfo(MAKE, event);
    if (event.mailFrom !== undefined) return new EmailEventInfo(MAKE, event);
    if (event.rpcMethod !== undefined) return new JsRpcEventInfo(MAKE, event);
    if (event.consumedEvents !== undefined) return new TailEventInfo(MAKE, { consumedEvents: listOf(TailItem, event.consumedEvents) });
    const socket = event.getWebSocketEvent;
    return new HibernatableWebSocketEventInfo(MAKE, { getWebSocketEvent: new socketInfos[socket.webSocketEventType](MAKE, socket) });
}

function listOf(Class, list) {
    const items = [];
    for (let i = 0; i < list.length; i++) items[i] = new Class(MAKE, list[i]);
    return items;
}

function itemOf(text) {
    const { event, logs, exceptions, diagnosticsChannelEvents, scriptVersion, unredacted, ...plain } = text;
    return new TraceItem(MAKE, {
        wallTime: plain.wallTime,
        cpuTime: plain.cpuTime,
        truncated: plain.truncated,
        executionModel: plain.executionModel,
        outcome: plain.outcome,
        durableObjectId: plain.durableObjectId,
        preview: undefined,
        tailAttributes: undefined,
        scriptTags: plain.scriptTags,
        dispatchNamespace: plain.dispatchNamespace,
        scriptVersion: scriptVersion === undefined ? undefined : new ScriptVersion(MAKE, scriptVersion),
        entrypoint: plain.entrypoint,
        scriptName: plain.scriptName,
        diagnosticsChannelEvents: listOf(TraceDiagnosticChannelEvent, diagnosticsChannelEvents),
        exceptions: listOf(TraceException, exceptions),
        logs: listOf(TraceLog, logs),
        eventTimestamp: plain.eventTimestamp,
        event: eventOf(event, unredacted),
    });
}

// The items of a TAIL event.
export function itemsOf(json) {
    const texts = P.JSONParse(json);
    const items = [];
    for (let i = 0; i < texts.length; i++) items[i] = itemOf(texts[i]);
    return items;
}
