// EventSource: server-sent events from fetch(), or from any stream of bytes.

import { context } from "async_context";
import { DOMException, badArgument, badConstructorArgument, isObject, publish } from "errors";
import { ErrorEvent, Event, EventTarget, fire, handlerAttribute, serverSentEvent } from "events";
import { requireEvent } from "io";
import { DISPOSE } from "disposal";

const INTERNAL = Symbol();
const CONNECTING = 0, OPEN = 1, CLOSED = 2;
const RECONNECT_MS = 2000;
const LINE_MAX = 16 * 1024 * 1024; // characters of one line or event

// The text of a stream into events: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
class Parser {
    constructor(onEvent, onRetry) {
        this.onEvent = onEvent;
        this.onRetry = onRetry;
        this.rest = ""; // of a line that is not whole
        this.afterCR = false;
        this.started = false;
        this.data = "";
        this.type = "";
        this.id = "";
    }

    feed(text) {
        if (!this.started && text !== "") {
            this.started = true;
            if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
        }
        if (this.afterCR && text !== "") {
            this.afterCR = false;
            if (text[0] === "\n") text = text.slice(1);
        }
        let from = 0;
        for (let i = 0; i < text.length; i++) {
            const c = text[i];
            if (c !== "\n" && c !== "\r") continue;
            const line = this.rest + text.slice(from, i);
            this.rest = "";
            if (c === "\r") {
                if (i + 1 === text.length) this.afterCR = true;
                else if (text[i + 1] === "\n") i++;
            }
            from = i + 1;
            this.line(line);
        }
        this.rest += text.slice(from);
        if (this.rest.length > LINE_MAX || this.data.length > LINE_MAX) throw new RangeError("An event of this EventSource is too large.");
    }

    line(line) {
        if (line === "") return this.dispatch();
        const colon = line.indexOf(":");
        if (colon === 0) return;
        const field = colon < 0 ? line : line.slice(0, colon);
        let value = colon < 0 ? "" : line.slice(colon + 1);
        if (value[0] === " ") value = value.slice(1);
        if (field === "data") this.data += `${value}\n`;
        else if (field === "event") this.type = value;
        else if (field === "id") this.id = value;
        else if (field === "retry" && /^[0-9]+$/.test(value)) this.onRetry(+value);
    }

    dispatch() {
        const data = this.data.slice(0, -1);
        const type = this.type;
        this.data = this.type = "";
        if (data !== "") this.onEvent(type === "" ? "message" : type, data, this.id);
    }
}

function refused(message) {
    return new DOMException(message, "AbortError");
}

export class EventSource extends EventTarget {
    #url = "";
    #state = CONNECTING;
    #retry = RECONNECT_MS;
    #lastId = "";
    #origin = null;
    #fetcher;
    #reader = null;
    #aborter = null;
    #empty = false; // there was an answer without a body

    constructor(url, init) {
        if (arguments.length === 0) throw badConstructorArgument("EventSource", 1, "string");
        super();
        if (url === INTERNAL) return;
        const { URL } = load("url");
        let parsed;
        try {
            parsed = new URL(`${url}`);
        } catch {
            throw new DOMException(`Cannot open an EventSource to '${url}'. The URL is invalid.`, "SyntaxError");
        }
        if (isObject(init) && init.withCredentials) {
            throw new DOMException("The init.withCredentials option is not supported. It must be false or undefined.", "NotSupportedError");
        }
        requireEvent();
        this.#url = parsed.href;
        this.#origin = parsed.origin;
        this.#fetcher = isObject(init) ? init.fetcher : undefined;
        this.#connect();
    }

    // Events of a stream: there is no connection to make again.
    static from(stream) {
        const { isReadableStream } = load("streams_readable");
        if (!isReadableStream(stream)) throw badArgument("EventSource", "from", 1, "ReadableStream");
        const source = new EventSource(INTERNAL);
        const reader = stream.getReader();
        source.#reader = reader;
        source.#state = OPEN;
        // Listeners are added after this returns.
        P.PromisePrototypeThen(P.PromiseResolve(undefined), () => {
            if (source.#state === CLOSED) return;
            source.#pump(reader);
        });
        return source;
    }

    close() {
        this.#state = CLOSED;
        this.#aborter?.abort();
        this.#reader?.cancel().catch(() => {});
        this.#reader = this.#aborter = null;
    }

    [DISPOSE]() {
        this.close();
    }

    get readyState() {
        return this.#state;
    }
    get url() {
        return this.#url;
    }
    get withCredentials() {
        return false;
    }

    #frame = context.frame; // in which its listeners run

    #fire(event) {
        context.frame = this.#frame;
        fire(this, event);
    }

    #open() {
        this.#state = OPEN;
        this.#fire(new Event("open"));
    }

    #error(error) {
        this.#fire(new ErrorEvent("error", { error }));
    }

    // No more attempts are made.
    #fail(error) {
        if (this.#state === CLOSED) return;
        this.close();
        this.#error(error);
    }

    async #connect() {
        const { AbortController } = load("abort");
        const { Request } = load("request");
        this.#aborter = new AbortController();
        const headers = { accept: "text/event-stream", "cache-control": "no-cache" };
        if (this.#lastId !== "") headers["last-event-id"] = encodeURI(this.#lastId);
        try {
            const request = new Request(this.#url, { headers, signal: this.#aborter.signal });
            const response = await (this.#fetcher === undefined ? load("fetch").fetch(request) : this.#fetcher.fetch(request));
            if (this.#state === CLOSED) return;
            const type = response.headers.get("content-type");
            if (!response.ok) return this.#fail(refused(`The response status code was ${response.status}.`));
            if (type === null) return this.#fail(refused("No content type header was present in the response."));
            if (!/^text\/event-stream\s*(?:;|$)/i.test(type)) return this.#fail(refused(`The content type '${type}' is invalid.`));
            if (response.body === null) return this.#withoutBody();
            this.#open();
            this.#reader = response.body.getReader();
            await this.#pump(this.#reader);
        } catch (e) {
            this.#fail(e);
        }
    }

    async #pump(reader) {
        const { TextDecoder } = load("encoding");
        const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
        const parser = new Parser(
            (type, data, id) => {
                this.#lastId = id;
                if (this.#state === OPEN) this.#fire(serverSentEvent(type, data, id, this.#origin));
            },
            (ms) => {
                this.#retry = ms;
            },
        );
        parser.id = this.#lastId;
        try {
            for (;;) {
                const { done, value } = await reader.read();
                if (this.#state === CLOSED) return;
                if (done) break;
                parser.feed(typeof value === "string" ? value : decoder.decode(value, { stream: true }));
            }
        } catch (e) {
            if (e instanceof RangeError || this.#url === "") return this.#fail(e);
        }
        this.#reader = null;
        const error = new Error("The server disconnected.");
        if (this.#url === "") return this.#fail(error);
        this.#reconnect(error);
    }

    // Once may be an accident, twice is how the server is.
    #withoutBody() {
        if (this.#empty) return this.#fail(new Error("The server provided no content."));
        this.#empty = true;
        this.#reconnect(new Error("The server provided no content. Will try reconnecting."));
    }

    #reconnect(error) {
        this.#state = CONNECTING;
        this.#error(error);
        load("timers").setTimeout(() => {
            if (this.#state === CONNECTING) this.#connect();
        }, this.#retry);
    }
}
for (const type of ["open", "message", "error"]) handlerAttribute(EventSource, type);
publish(EventSource);
const constants = { CONNECTING, OPEN, CLOSED };
for (const name of P.ObjectKeys(constants)) {
    const d = { __proto__: null, value: constants[name], writable: false, enumerable: true, configurable: false };
    P.ObjectDefineProperty(EventSource, name, d);
    P.ObjectDefineProperty(EventSource.prototype, name, d);
}
