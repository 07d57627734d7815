// Queues: the producer's binding, and batches as a consumer sees them (docs/internals/stores.md has the operations, channel.md the
// event). What is wrong with an argument's type is said here, what is wrong with sizes and counts by main.

import { badArgument, illegalConstructor, illegalInvocation, isObject, publish } from "errors";
import { currentEvent, op } from "io";
import { hasFlag } from "flags";
import { bytesView } from "streams_util";
import { deserialize, serialize } from "clone";
import { log } from "runtime";

const { PromiseReject: reject, JSONParse: parse, JSONStringify: stringify } = P;

const SEND = 104;
const METRICS = 105;
const SEND_BATCH = 106;

const JSON_TYPE = 1;
const TEXT_TYPE = 2;
const BYTES_TYPE = 3;
const V8_TYPE = 4;
const types = { __proto__: null, json: JSON_TYPE, text: TEXT_TYPE, bytes: BYTES_TYPE, v8: V8_TYPE };

const NO_DELAY = -1;
const DELAY_MAX = 86400;
const BATCH_MAX = 100;
const WARN = 3;

const NO_BODY = "Message body cannot be undefined";
const NO_MESSAGES = "sendBatch() requires at least one message";
const NO_REQUEST = "Incorrect type: the provided value is not of type 'MessageSendRequest'.";

// ---- sending ----

function typeOf(name) {
    const type = types[P.StringPrototypeToLowerCase(name)];
    if (type === undefined) throw new TypeError(`Unsupported queue message content type: ${name}`);
    return type;
}

function wrongType(name, wanted, body) {
    return new TypeError(`Content Type "${name}" requires a value of type ${wanted}, but received: ${typeof body}`);
}

// The body's bytes (or a string, for its UTF-8) by content type.
function encode(body, type, verb) {
    switch (type) {
        case TEXT_TYPE:
            if (typeof body !== "string") throw wrongType("text", "string", body);
            return body;
        case BYTES_TYPE:
            if (!P.ArrayBufferIsView(body)) throw wrongType("bytes", "ArrayBufferView", body);
            return bytesView(body);
        case JSON_TYPE: {
            const text = stringify(body);
            if (text === undefined) throw new P.Error(`Queue ${verb} failed: a ${typeof body} has no form in JSON`);
            return text;
        }
        default:
            return serialize(body, null);
    }
}

// Seconds as the platform reads a number of a dictionary: what is none is 0, fractions are cut.
function delayOf(value, verb) {
    if (value === undefined) return NO_DELAY;
    const n = P.MathTrunc(+value);
    if (!(n > -Infinity && n < Infinity)) return 0;
    if (n < 0 || n > DELAY_MAX) {
        throw new P.Error(`Queue ${verb} failed: message delay ${n} is invalid; it must be from 0 to ${DELAY_MAX} seconds`);
    }
    return n;
}

const defaultType = () => (hasFlag("queues_json_messages") ? JSON_TYPE : V8_TYPE);

// The result of SEND and METRICS: number, bytes, time of the oldest.
function metricsOf(count, bytes, oldest) {
    const metrics = { backlogCount: count, backlogBytes: bytes };
    if (oldest !== 0) metrics.oldestMessageTimestamp = new P.Date(oldest);
    return metrics;
}

const sent = (fields) => ({ metadata: { metrics: metricsOf(fields[0], fields[1], fields[2]) } });

const HEAD = 9; // of a message in a block: u8 type, u32 delay (all ones: none), u32 length

// The block of SEND_BATCH: messages one after the other. list: {type, delay, body}, a body being bytes or a string.
function packMessages(list) {
    let length = 0;
    for (let i = 0; i < list.length; i++) {
        if (typeof list[i].body === "string") list[i].body = N.utf8Encode(list[i].body);
        length += HEAD + list[i].body.byteLength;
    }
    const block = new P.Uint8Array(length);
    const view = new P.DataView(block.buffer);
    for (let i = 0, at = 0; i < list.length; i++) {
        const { type, delay, body } = list[i];
        block[at] = type;
        P.DataViewPrototypeSetUint32(view, at + 1, delay === NO_DELAY ? 0xffffffff : delay, true);
        P.DataViewPrototypeSetUint32(view, at + 5, body.byteLength, true);
        P.TypedArrayPrototypeSet(block, body, at + HEAD);
        at += HEAD + body.byteLength;
    }
    return block;
}

function send(index, body, options) {
    if (body === undefined) throw new TypeError(NO_BODY);
    let type = defaultType();
    let delay = NO_DELAY;
    if (options !== undefined && options !== null) {
        if (!isObject(options)) throw badArgument("WorkerQueue", "send", 2, "SendOptions");
        const { contentType, delaySeconds } = options;
        if (contentType !== undefined) type = typeOf(`${contentType}`);
        delay = delayOf(delaySeconds, "send");
    }
    return op(SEND, "wwbqy", [index, 0, type, delay, encode(body, type, "send")], "qqq", sent);
}

function sendBatch(index, batch, options) {
    if (!isObject(batch) || typeof batch[Symbol.iterator] !== "function") {
        throw badArgument("WorkerQueue", "sendBatch", 1, "Sequence");
    }
    let common = NO_DELAY;
    const requests = [...batch];
    if (options !== undefined && options !== null) {
        if (!isObject(options)) throw badArgument("WorkerQueue", "sendBatch", 2, "SendBatchOptions");
        common = delayOf(options.delaySeconds, "sendBatch");
    }
    const messages = [];
    for (let i = 0; i < requests.length; i++) {
        const request = requests[i];
        if (!isObject(request)) throw new TypeError(NO_REQUEST);
        const { body, contentType, delaySeconds } = request;
        if (body === undefined) throw new TypeError(NO_BODY);
        const type = contentType === undefined ? defaultType() : typeOf(`${contentType}`);
        const delay = delaySeconds === undefined ? common : delayOf(delaySeconds, "sendBatch");
        messages[i] = { type, delay, body: encode(body, type, "sendBatch") };
    }
    if (messages.length === 0) throw new TypeError(NO_MESSAGES);
    if (messages.length > BATCH_MAX) {
        throw new P.Error(`Queue sendBatch failed: batch message count of ${messages.length} exceeds limit of ${BATCH_MAX}`);
    }
    return op(SEND_BATCH, "wwhy", [index, 0, messages.length, packMessages(messages)], "qqq", sent);
}

const MAKE = Symbol("internal");

export class WorkerQueue {
    #index;

    constructor(token, index) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
    }

    metrics() {
        try {
            if (!(#index in this)) throw illegalInvocation();
            return op(METRICS, "ww", [this.#index, 0], "qqq", (fields) => metricsOf(fields[0], fields[1], fields[2]));
        } catch (e) {
            return reject(e);
        }
    }

    send(body, options) {
        try {
            if (!(#index in this)) throw illegalInvocation();
            if (arguments.length === 0) throw badArgument("WorkerQueue", "send", 1, "JsValue");
            return send(this.#index, body, options);
        } catch (e) {
            return reject(e);
        }
    }

    sendBatch(batch, options) {
        try {
            if (!(#index in this)) throw illegalInvocation();
            return sendBatch(this.#index, batch, options);
        } catch (e) {
            return reject(e);
        }
    }
}

publish(WorkerQueue);

// The queue of this index.
export function workerQueue(index) {
    return new WorkerQueue(MAKE, index);
}

// ---- consuming ----

// What has been said of a batch; main decides what follows from it.
class Verdict {
    all = 0; // ACK or RETRY
    delay = NO_DELAY; // of retryAll()
    said = []; // by place in the batch: 0, ACK or RETRY
    delays = [];
}

const ACK = 1;
const RETRY = 2;

const warn = (text) => {
    if (currentEvent() !== null) log(WARN, text);
};

function ignored(call, where, earlier, noun = "") {
    warn(
        `Received a call to ${call}()${where} after ${earlier}() was already called. ` +
            `Calling ${call}()${noun} after calling ${earlier}() has no effect.`,
    );
}

// {delaySeconds} of retry() and retryAll().
function retryDelay(Class, method, options) {
    if (options === undefined || options === null) return NO_DELAY;
    if (!isObject(options)) throw badArgument(Class, method, 1, "QueueRetryOptions");
    const { delaySeconds } = options;
    if (delaySeconds === undefined) return NO_DELAY;
    const n = P.MathTrunc(+delaySeconds);
    return n > 0 ? P.MathMin(n, DELAY_MAX) : 0;
}

function member(target, name, value) {
    P.ObjectDefineProperty(target, name, { __proto__: null, value, writable: false, enumerable: true, configurable: true });
}

export class QueueMessage {
    #place;
    #verdict;

    constructor(token, place, verdict, fields) {
        if (token !== MAKE) throw illegalConstructor();
        this.#place = place;
        this.#verdict = verdict;
        const { 0: id, 1: timestamp, 2: type, 3: attempts, 4: content } = fields;
        member(this, "attempts", attempts);
        member(this, "body", decode(type, content));
        member(this, "timestamp", new P.Date(timestamp));
        member(this, "id", id);
    }

    retry(options) {
        if (!(#place in this)) throw illegalInvocation();
        const delay = retryDelay("QueueMessage", "retry", options);
        const v = this.#verdict;
        const on = ` on message ${this.id}`;
        if (v.all === RETRY) return;
        if (v.all === ACK) return ignored("retry", on, "ackAll", " on a message");
        if (v.said[this.#place] === ACK) return ignored("retry", on, "ack", " on a message");
        v.said[this.#place] = RETRY;
        v.delays[this.#place] = delay;
    }

    ack() {
        if (!(#place in this)) throw illegalInvocation();
        const v = this.#verdict;
        const on = ` on message ${this.id}`;
        if (v.all === ACK) return;
        if (v.all === RETRY) return ignored("ack", on, "retryAll", " on a message");
        if (v.said[this.#place] === RETRY) return ignored("ack", on, "retry", " on a message");
        v.said[this.#place] = ACK;
    }
}

publish(QueueMessage);

function decode(type, content) {
    switch (type) {
        case TEXT_TYPE:
            return content;
        case JSON_TYPE:
            return parse(content);
        case BYTES_TYPE: // no other view has seen these bytes
            return content.byteLength === content.buffer.byteLength ? content.buffer : P.TypedArrayPrototypeSlice(content).buffer;
        default:
            return deserialize(content, null);
    }
}

function ackAll(verdict) {
    if (verdict.all === RETRY) return ignored("ackAll", "", "retryAll");
    verdict.all = ACK;
}

function retryAll(verdict, Class, options) {
    const delay = retryDelay(Class, "retryAll", options);
    if (verdict.all === ACK) return ignored("retryAll", "", "ackAll");
    verdict.all = RETRY;
    verdict.delay = delay;
}

export class QueueController {
    #verdict;

    constructor(token, verdict, queue, messages, metadata) {
        if (token !== MAKE) throw illegalConstructor();
        this.#verdict = verdict;
        member(this, "metadata", metadata);
        member(this, "queue", queue);
        member(this, "messages", messages);
    }

    retryAll(options) {
        if (!(#verdict in this)) throw illegalInvocation();
        retryAll(this.#verdict, "QueueController", options);
    }

    ackAll() {
        if (!(#verdict in this)) throw illegalInvocation();
        ackAll(this.#verdict);
    }
}

publish(QueueController);

// A batch of an event: { verdict, controller }. list: [id, time, type, attempts, body] of each message.
export function makeBatch(queue, count, bytes, oldest, list) {
    const verdict = new Verdict();
    const messages = [];
    for (let i = 0; i < list.length; i++) {
        verdict.said[i] = 0;
        verdict.delays[i] = NO_DELAY;
        messages[i] = new QueueMessage(MAKE, i, verdict, list[i]);
    }
    const metadata = { metrics: metricsOf(count, bytes, oldest) };
    return { verdict, controller: new QueueController(MAKE, verdict, queue, messages, metadata) };
}

const HAS_DELAY = 4;
const FAILED = 8;
const ITEM = 7;

// The verdict as main reads it. failed: the handler threw.
export function encodeVerdict(verdict, failed) {
    const { all, delay, said, delays } = verdict;
    let count = 0;
    for (let i = 0; i < said.length; i++) if (said[i] !== 0) count++;
    const bytes = new P.Uint8Array(7 + count * ITEM);
    const view = new P.DataView(bytes.buffer);
    bytes[0] = all | (delay === NO_DELAY ? 0 : HAS_DELAY) | (failed ? FAILED : 0);
    P.DataViewPrototypeSetUint32(view, 1, delay === NO_DELAY ? 0 : delay, true);
    P.DataViewPrototypeSetUint16(view, 5, count, true);
    for (let i = 0, at = 7; i < said.length; i++) {
        if (said[i] === 0) continue;
        P.DataViewPrototypeSetUint16(view, at, i, true);
        bytes[at + 2] = (said[i] === RETRY ? 1 : 0) | (delays[i] === NO_DELAY ? 0 : 2);
        P.DataViewPrototypeSetUint32(view, at + 3, delays[i] === NO_DELAY ? 0 : delays[i], true);
        at += ITEM;
    }
    return bytes;
}
