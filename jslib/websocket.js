// WebSocket and WebSocketPair.
//
// A socket speaks through a *link*: to its twin in this isolate, or to a connection that main has. What arrives waits in
// the socket's inbox until it is accepted, and is dispatched in jobs of its own, never inside the call that sent it.

import { context } from "async_context";
import { DOMException, badArgument, badConstructorArgument, isObject, publish } from "errors";
import { CloseEvent, ErrorEvent, Event, EventTarget, fire, fireOrThrow, messageEvent, trust } from "events";
import { ChannelSocket, checkSameEvent, currentEvent, requireEvent } from "io";
import { hasFlag } from "flags";

const INTERNAL = Symbol();
const ATTACHMENT_MAX = 16384;
const REASON_MAX = 123;
const NO_CODE = 1005;

const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
const MESSAGE = 0, CLOSE = 1, FAIL = 2; // what arrives

const LOST = "Network connection lost.";
const NOT_ACCEPTED = "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";

// ---- links ----

// The other end of a pair. Exactly one of a socket's links is live at a time.
class Twin {
    constructor(peer) {
        this.peer = peer; // state of the other socket
    }

    start() {}

    send(data) {
        arrive(this.peer, MESSAGE, data);
    }

    close(code, reason) {
        arrive(this.peer, CLOSE, code, reason);
    }

    fail() {
        arrive(this.peer, FAIL, LOST);
    }
}

class ChannelLink {
    constructor(socket) {
        this.socket = socket;
    }

    start(state) {
        this.socket.start(new ChannelHandler(state));
    }

    send(data) {
        this.socket.send(data);
    }

    close(code, reason) {
        this.socket.close(code, reason);
    }

    fail(text) {
        this.socket.fail(text);
    }

}

// Takes what the connection says, for the socket that has the link now. Each call is a turn of its own.
class ChannelHandler {
    constructor(state) {
        this.state = state;
    }

    message(data) {
        dispatchMessage(this.state, data);
    }

    close(code, reason) {
        dispatchClose(this.state, code, reason);
    }

    fail() {
        dispatchFail(this.state);
    }
}

// A connection that main has while nobody is awake. Between the two ends of a pair that both stay here it is the pair's.
class SleepingLink {
    constructor(sleeper, peer) {
        this.sleeper = sleeper;
        this.peer = peer; // state of the other end, or null
    }

    get #local() {
        return this.peer !== null && this.peer.accepted;
    }

    start() {}

    send(data) {
        if (this.#local) arrive(this.peer, MESSAGE, data);
        else this.sleeper.send(data);
    }

    close(code, reason) {
        if (this.#local) arrive(this.peer, CLOSE, code, reason);
        else this.sleeper.close(code, reason);
    }

    fail() {
        this.close(NO_CODE, "");
    }
}

// ---- the state of a socket ----

class State {
    constructor(target) {
        this.target = target;
        this.link = null;
        this.owner = null; // the event that accepted it
        this.accepted = false;
        this.used = false; // in a Response that was returned
        this.client = false; // made by `new WebSocket()`
        this.connecting = false;
        this.halfOpen = false;
        this.sentClose = false;
        this.gotClose = false;
        this.broken = false;
        this.inbox = [];
        this.pumping = false;
        this.url = null;
        this.protocol = "";
        this.extensions = "";
        this.binaryType = hasFlag("websocket_standard_binary_type") ? "blob" : "arraybuffer";
        this.attachment = null;
        this.sleeper = null; // objects_sockets.js, when it hibernates
    }

    get readyState() {
        if (this.connecting) return CONNECTING;
        if (this.broken || (this.sentClose && this.gotClose)) return CLOSED;
        return this.sentClose || this.gotClose ? CLOSING : OPEN;
    }
}

let stateOf; // of a WebSocket; throws for anything else

// Something came from the twin.
function arrive(state, what, a, b) {
    P.ArrayPrototypePush(state.inbox, [what, a, b]);
    if (state.accepted) pump(state);
}

function pump(state) {
    if (state.pumping) return;
    state.pumping = true;
    P.PromisePrototypeThen(P.PromiseResolve(undefined), () => {
        state.pumping = false;
        context.frame = null;
        const item = P.ArrayPrototypeShift(state.inbox);
        if (item === undefined) return;
        if (state.inbox.length > 0) pump(state);
        if (item[0] === MESSAGE) dispatchMessage(state, item[1]);
        else if (item[0] === CLOSE) dispatchClose(state, item[1], item[2]);
        else dispatchFail(state);
    });
}

function dispatchMessage(state, data) {
    if (state.broken || state.gotClose) return;
    if (typeof data !== "string" && state.binaryType === "blob") data = load("blob").blobFromBytes(new Uint8Array(data), "");
    try {
        fireOrThrow(state.target, messageEvent(data));
    } catch (e) {
        load("runtime").reportUncaught(e);
        state.broken = true;
        state.link.fail(LOST);
        fireError(state, e);
    }
}

function dispatchClose(state, code, reason) {
    if (state.broken || state.gotClose) return;
    state.gotClose = true;
    if (!state.sentClose && !state.halfOpen && hasFlag("web_socket_auto_reply_to_close")) {
        state.sentClose = true;
        state.link.close(code === NO_CODE || code === 1006 ? NO_CODE : code, reason);
    }
    fire(state.target, new CloseEvent("close", { code, reason, wasClean: true }));
}

// The connection is lost: a close event says so, and no error event.
function dispatchFail(state) {
    if (state.broken || (state.gotClose && state.sentClose)) return;
    state.broken = true;
    const reason = "WebSocket disconnected without sending Close frame.";
    fire(state.target, new CloseEvent("close", { code: 1006, reason, wasClean: false }));
}

function fireError(state, error) {
    fire(state.target, new ErrorEvent("error", { message: `Uncaught ${error}`, error }));
}

function begin(state) {
    state.accepted = true;
    state.owner = currentEvent();
    state.link.start(state);
    if (state.inbox.length > 0) pump(state);
}

// ---- arguments ----

function checkCode(code, client) {
    const n = code | 0;
    const known = client ? n === 1000 || (n >= 3000 && n <= 4999) : n >= 1000 && n <= 4999 && n !== 1004 && n !== 1005 && n !== 1006 && n !== 1015;
    if (!known) throw new DOMException(`Invalid WebSocket close code: ${n}.`, "InvalidAccessError");
    return n;
}

function checkReason(reason) {
    const text = `${reason}`;
    if (text.length > REASON_MAX / 3 && hasFlag("websocket_close_reason_byte_limit") && load("body_bytes").encodeUtf8(text).length > REASON_MAX) {
        throw new DOMException("WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.", "SyntaxError");
    }
    return text;
}

// A string, or a copy of the bytes.
function messageOf(data) {
    if (typeof data === "string") return data;
    if (P.ArrayBufferIsView(data)) return P.ArrayBufferPrototypeSlice(data.buffer, data.byteOffset, data.byteOffset + data.byteLength);
    try {
        return P.ArrayBufferPrototypeSlice(data, 0);
    } catch {
        return `${data}`;
    }
}

function syntaxError(text) {
    return new DOMException(`WebSocket Constructor: ${text}`, "SyntaxError");
}

function checkURL(text) {
    const { URL } = load("url");
    let url;
    try {
        url = new URL(text);
    } catch {
        throw syntaxError("The url is invalid.");
    }
    if (url.protocol !== "ws:" && url.protocol !== "wss:") throw syntaxError("The url scheme must be ws or wss.");
    if (url.hash !== "" || P.StringPrototypeEndsWith(url.href, "#")) throw syntaxError("The url fragment must be empty.");
    return url;
}

function checkProtocols(protocols) {
    if (protocols === undefined || protocols === null) return [];
    const single = !P.ArrayIsArray(protocols);
    const list = single ? [protocols] : protocols;
    const out = [];
    for (let i = 0; i < list.length; i++) {
        const token = `${list[i]}`;
        if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(token)) {
            throw syntaxError(single ? "The protocol header token is invalid." : "One of the protocol header tokens is invalid.");
        }
        if (P.ArrayPrototypeIncludes(out, token)) throw syntaxError("The protocols header cannot have repeating values.");
        P.ArrayPrototypePush(out, token);
    }
    return out;
}

// ---- the class ----

export class WebSocket extends EventTarget {
    #state;

    constructor(url, protocols) {
        if (arguments.length === 0) throw badConstructorArgument("WebSocket", 1, "string");
        super();
        this.#state = new State(this);
        if (url === INTERNAL) return;
        const parsed = checkURL(`${url}`);
        const list = checkProtocols(protocols);
        requireEvent();
        const state = this.#state;
        state.client = state.connecting = true;
        state.url = parsed.href;
        P.PromisePrototypeThen(
            connect(parsed, list),
            (response) => {
                context.frame = null;
                opened(state, response);
            },
            () => {
                context.frame = null;
                refused(state);
            },
        );
    }

    accept(options) {
        const state = this.#state;
        if (options !== undefined && options !== null && !isObject(options)) throw badArgument("WebSocket", "accept", 1, "AcceptOptions");
        if (state.client) throw new TypeError("Websockets obtained from the 'new WebSocket()' constructor cannot call accept");
        if (state.used) throw new TypeError("Can't accept() WebSocket that was already used in a response.");
        if (state.sleeper !== null) throw new TypeError("Can't accept() WebSocket after enabling hibernation.");
        if (state.accepted) return;
        state.halfOpen = isObject(options) && !!options.allowHalfOpen;
        begin(state);
    }

    send(data) {
        const state = this.#state;
        if (arguments.length === 0 || data === undefined) throw badArgument("WebSocket", "send", 1, "ArrayBuffer or ArrayBufferView or string");
        const message = messageOf(data);
        if (!state.accepted) throw new TypeError(NOT_ACCEPTED);
        checkSameEvent(state.owner);
        if (state.sentClose) throw new TypeError("Can't call WebSocket send() after close().");
        if (!state.broken) state.link.send(message);
    }

    close(code, reason) {
        const state = this.#state;
        if (code === undefined && reason !== undefined) {
            throw new DOMException("If you specify a WebSocket close reason, you must also specify a code.", "InvalidAccessError");
        }
        code = code === undefined ? NO_CODE : checkCode(code, state.client);
        reason = reason === undefined ? "" : checkReason(reason);
        if (!state.accepted) {
            if (!state.client) throw new TypeError(NOT_ACCEPTED);
            state.sentClose = true; // told when the connection is there
            return;
        }
        checkSameEvent(state.owner);
        if (state.sentClose || state.broken) return;
        state.sentClose = true;
        state.link.close(code, reason);
    }

    serializeAttachment(value) {
        if (arguments.length === 0) throw badArgument("WebSocket", "serializeAttachment", 1, "JsValue");
        const bytes = load("clone").serialize(value);
        const size = bytes.length + 1; // the platform's format has one byte more at its beginning
        if (size > ATTACHMENT_MAX) {
            throw new Error(`A WebSocket 'attachment' cannot be larger than ${ATTACHMENT_MAX} bytes.'attachment' was ${size} bytes.`);
        }
        if (this.#state.sleeper !== null) this.#state.sleeper.attach(bytes);
        else this.#state.attachment = bytes;
    }

    deserializeAttachment() {
        const bytes = this.#state.sleeper !== null ? this.#state.sleeper.attached() : this.#state.attachment;
        return bytes === null ? null : load("clone").deserialize(bytes);
    }

    get readyState() {
        return this.#state.readyState;
    }
    get url() {
        return this.#state.url;
    }
    get protocol() {
        return this.#state.protocol;
    }
    get extensions() {
        return this.#state.extensions;
    }
    get binaryType() {
        return this.#state.binaryType;
    }
    set binaryType(value) {
        value = `${value}`;
        if (value === "blob" || value === "arraybuffer") this.#state.binaryType = value;
    }

    static {
        stateOf = (socket) => socket.#state;
    }
    static isWebSocket(value) {
        return isObject(value) && #state in value;
    }
}
export const isWebSocket = WebSocket.isWebSocket;
delete WebSocket.isWebSocket;
publish(WebSocket);
const constants = { CONNECTING, OPEN, CLOSING, CLOSED };
for (const name of P.ObjectKeys(constants)) {
    const d = { __proto__: null, value: constants[name], writable: false, enumerable: true, configurable: false };
    for (const target of [WebSocket, WebSocket.prototype]) {
        P.ObjectDefineProperty(target, `READY_STATE_${name}`, d);
        P.ObjectDefineProperty(target, name, d);
    }
}

export class WebSocketPair {
    constructor() {
        const client = new WebSocket(INTERNAL);
        const server = new WebSocket(INTERNAL);
        stateOf(client).link = new Twin(stateOf(server));
        stateOf(server).link = new Twin(stateOf(client));
        this[0] = client;
        this[1] = server;
    }

    [Symbol.iterator]() {
        return P.ArrayPrototypeValues([this[0], this[1]]);
    }
}
publish(WebSocketPair);
P.ObjectDefineProperty(WebSocketPair.prototype, Symbol.iterator, { __proto__: null, enumerable: false });

// What an object answers for its hibernating sockets: see DurableObjectState.setWebSocketAutoResponse.
export class WebSocketRequestResponsePair {
    #request;
    #response;

    constructor(request, response) {
        if (arguments.length < 1) throw badConstructorArgument("WebSocketRequestResponsePair", 1, "string");
        if (arguments.length < 2) throw badConstructorArgument("WebSocketRequestResponsePair", 2, "string");
        this.#request = `${request}`;
        this.#response = `${response}`;
    }
    get request() {
        return this.#request;
    }
    get response() {
        return this.#response;
    }
}
publish(WebSocketRequestResponsePair);

// ---- connections that main has ----

// What fetch() and bindings answer an upgrade with.
export function webSocketFromChannel(socket) {
    const target = new WebSocket(INTERNAL);
    stateOf(target).link = new ChannelLink(socket);
    return target;
}

// The socket leaves in a Response: whoever gets that speaks with its twin from now on. Returns the number that main joins
// to the connection.
export function socketToChannel(target) {
    const state = stateOf(target);
    if (state.accepted) throw new TypeError("Can't return WebSocket in a Response after calling accept().");
    if (state.used) throw new TypeError("Can't return WebSocket that was already used in a response.");
    state.used = true;
    if (state.link instanceof ChannelLink) {
        const number = state.link.socket.take();
        if (number === 0) throw new TypeError("Can't return WebSocket that was already used in a response.");
        return number;
    }
    const socket = new ChannelSocket();
    // Main knows the number once the response has gone, which it has when this call's caller returns.
    P.PromisePrototypeThen(P.PromiseResolve(undefined), () => join(state, socket));
    return socket.number;
}

// From now on the twin speaks to the connection, after what it has said so far.
function join(state, socket) {
    const twin = state.link.peer;
    twin.link = new ChannelLink(socket);
    for (let i = 0; i < state.inbox.length; i++) {
        const [what, a, b] = state.inbox[i];
        if (what === MESSAGE) socket.send(a);
        else if (what === CLOSE) socket.close(a, b);
        else socket.fail(a);
    }
    state.inbox = [];
    if (twin.accepted) twin.link.start(twin);
}

// ---- sockets that hibernate: objects_sockets.js ----

// The object takes the socket over. Returns the attachment that it has so far, or null.
export function hibernate(target, sleeper) {
    const state = stateOf(target);
    if (state.accepted) throw new Error("Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`");
    const peer = state.link instanceof Twin ? state.link.peer : null;
    if (peer === null || peer.accepted || peer.used || peer.sleeper !== null) {
        throw new Error("Cannot call `acceptWebSocket()` on this WebSocket because its pair has already been accepted or used in a Response.");
    }
    fallAsleep(state, sleeper, peer);
    return state.attachment;
}

function fallAsleep(state, sleeper, peer) {
    state.accepted = true;
    state.owner = sleeper.object;
    state.sleeper = sleeper;
    state.link = new SleepingLink(sleeper, peer);
}

// A WebSocket for a connection that main has kept.
export function sleepingSocket(sleeper) {
    const target = new WebSocket(INTERNAL);
    fallAsleep(stateOf(target), sleeper, null);
    return target;
}

export function isHibernating(target) {
    return stateOf(target).sleeper !== null;
}

export function hibernating(target) {
    return stateOf(target).sleeper;
}

// The id of the object's socket whose other end this is; 0: none. It leaves in a Response.
export function hibernatingTwin(target, object) {
    const { link, accepted, used } = stateOf(target);
    const sleeper = link instanceof Twin && !accepted ? link.peer.sleeper : null;
    if (sleeper === null || sleeper.object !== object) return 0;
    if (used) throw new TypeError("Can't return WebSocket that was already used in a response.");
    stateOf(target).used = true;
    return sleeper.id;
}

export function endedByPeer(target) {
    stateOf(target).gotClose = true;
}

// The handler of the close has not closed its side: the handshake ends all the same.
export function answerClose(target, code, reason) {
    const state = stateOf(target);
    if (state.sentClose || state.broken) return;
    state.sentClose = true;
    state.link.close(code === 1006 ? NO_CODE : code, reason);
}

export function lost(target) {
    stateOf(target).broken = true;
}

export function binaryMessage(target, bytes) {
    if (stateOf(target).binaryType === "blob") return load("blob").blobFromBytes(bytes, "");
    return bytes.buffer;
}

// ---- clients ----

async function connect(url, protocols) {
    const { fetch } = load("fetch");
    const { Request } = load("request");
    const headers = { Upgrade: "websocket" };
    if (protocols.length > 0) headers["Sec-WebSocket-Protocol"] = P.ArrayPrototypeJoin(protocols, ", ");
    const http = P.StringPrototypeReplace(url.href, /^ws/, "http");
    const response = await fetch(new Request(http, { headers }));
    if (response.webSocket === null) throw new TypeError("no upgrade");
    return response;
}

function opened(state, response) {
    const from = stateOf(response.webSocket);
    state.connecting = false;
    state.link = from.link;
    from.used = true;
    state.protocol = response.headers.get("sec-websocket-protocol") ?? "";
    state.extensions = response.headers.get("sec-websocket-extensions") ?? "";
    if (state.sentClose) {
        // Closed before it was open.
        state.link.fail(LOST);
        return refused(state);
    }
    state.accepted = true;
    state.owner = currentEvent();
    fire(state.target, trust(new Event("open")));
    state.link.start(state);
}

function refused(state) {
    state.connecting = false;
    state.broken = true;
    fireError(state, new Error(LOST));
    const reason = "Failed to establish websocket connection";
    fire(state.target, new CloseEvent("close", { code: 1006, reason, wasClean: false }));
}
