// Sending mail: EmailMessage of cloudflare:email, and the binding. What main gets is a complete message (RFC 5322), which it keeps.

import { illegalConstructor, isObject, publish } from "errors";
import { op, requireEvent } from "io";
import { decodeUtf8, encodeUtf8 } from "body_bytes";
import { bytesView, isBytes } from "streams_util";

const SEND = 128; // docs/internals/stores.md
const MAKE = Symbol("internal");
const LINE = 76;

const { ArrayIsArray, ArrayPrototypeIncludes: includes, ArrayPrototypeJoin: join, StringPrototypeSplit: split } = P;
const { StringPrototypeIndexOf: indexOf, StringPrototypeLastIndexOf: lastIndexOf, StringPrototypeSlice: slice } = P;
const { StringPrototypeToLowerCase: lower, StringPrototypeTrim: trim, StringPrototypeReplaceAll: replaceAll } = P;

let rawOf;

export class EmailMessage {
    #raw;

    constructor(from, to, raw) {
        this.from = from;
        this.to = to;
        this.#raw = raw;
    }

    static {
        rawOf = (value) => (isObject(value) && #raw in value ? { raw: value.#raw } : null);
    }
}

// ---- reading a message ----

// The header section, unfolded: [lower-case name, value] pairs.
function headersOf(bytes) {
    let text = decodeUtf8(bytes);
    text = replaceAll(text, "\r\n", "\n");
    const end = indexOf(text, "\n\n");
    const lines = split(end < 0 ? text : slice(text, 0, end), "\n");
    const headers = [];
    for (let i = 0; i < lines.length; i++) {
        const line = lines[i];
        if ((line[0] === " " || line[0] === "\t") && headers.length > 0) {
            headers[headers.length - 1][1] += ` ${trim(line)}`;
            continue;
        }
        const colon = indexOf(line, ":");
        if (colon > 0) headers[headers.length] = [lower(trim(slice(line, 0, colon))), trim(slice(line, colon + 1))];
    }
    return headers;
}

function headerOf(headers, name) {
    for (let i = 0; i < headers.length; i++) {
        if (headers[i][0] === name) return headers[i][1];
    }
    return undefined;
}

// "Me <me@example.com>" -> me@example.com
function addressIn(field) {
    const open = lastIndexOf(field, "<");
    const close = indexOf(field, ">", open);
    return trim(open >= 0 && close > open ? slice(field, open + 1, close) : field);
}

function checkMessage(from, bytes) {
    const headers = headersOf(bytes);
    if (headerOf(headers, "message-id") === undefined) throw new P.Error("invalid message-id");
    const field = headerOf(headers, "from");
    if (field === undefined || addressIn(field) !== `${from}`) throw new P.Error("From: header does not match mail from");
    if (headerOf(headers, "received") !== undefined) throw new P.Error("invalid headers set");
}

async function bytesOf(raw) {
    if (isBytes(raw)) return bytesView(raw);
    if (isObject(raw) && load("streams_readable").isReadableStream(raw)) {
        const { collectStream, isLocked } = load("streams_native");
        if (isLocked(raw)) throw new TypeError("The ReadableStream has been locked to a reader.");
        return collectStream(raw);
    }
    return encodeUtf8(raw === undefined || raw === null ? "" : `${raw}`);
}

// ---- writing one ----

function isAscii(text) {
    for (let i = 0; i < text.length; i++) if (P.StringPrototypeCharCodeAt(text, i) > 126) return false;
    return true;
}

// A header's text: no line breaks, and what is not ASCII as encoded words.
function headerText(text) {
    text = replaceAll(replaceAll(`${text}`, "\r", " "), "\n", " ");
    if (isAscii(text)) return text;
    const bytes = encodeUtf8(text);
    const words = [];
    for (let at = 0; at < bytes.byteLength; ) {
        let end = P.MathMin(at + 42, bytes.byteLength);
        while (end < bytes.byteLength && (bytes[end] & 0xc0) === 0x80) end--; // not within a character
        words[words.length] = `=?utf-8?B?${base64(P.TypedArrayPrototypeSubarray(bytes, at, end))}?=`;
        at = end;
    }
    return join(words, "\r\n ");
}

function base64(bytes) {
    return N.btoa(N.latin1Decode(bytes));
}

function folded(text) {
    const lines = [];
    for (let at = 0; at < text.length; at += LINE) lines[lines.length] = slice(text, at, at + LINE);
    return join(lines, "\r\n");
}

function emailOf(address) {
    return typeof address === "string" ? address : address.email;
}

function mailbox(address) {
    if (typeof address === "string") return headerText(address);
    const { name, email } = address;
    if (name === undefined || name === "") return headerText(email);
    const quoted = isAscii(name) ? `"${replaceAll(replaceAll(name, "\\", "\\\\"), '"', '\\"')}"` : name;
    return `${headerText(quoted)} <${headerText(email)}>`;
}

const listOf = (value) => (value === undefined || value === null ? [] : ArrayIsArray(value) ? value : [value]);

function mailboxes(value) {
    const all = [];
    const list = listOf(value);
    for (let i = 0; i < list.length; i++) all[i] = mailbox(list[i]);
    return join(all, ", ");
}

function boundary() {
    const words = N.randomSeed();
    let text = "selvage-";
    for (let i = 0; i < 4; i++) text += P.StringPrototypePadStart(P.NumberPrototypeToString(words[i], 16), 8, "0");
    return text;
}

function textPart(type, text) {
    const body = folded(base64(encodeUtf8(`${text}`)));
    return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n`;
}

function attachmentPart(attachment) {
    const { content, filename, type, disposition = "attachment", contentId } = attachment;
    const name = replaceAll(headerText(filename), '"', "'");
    const data = isBytes(content) ? base64(bytesView(content)) : `${content}`; // text is base64 already
    const id = contentId === undefined ? "" : `Content-ID: <${headerText(contentId)}>\r\n`;
    return (
        `Content-Type: ${headerText(type ?? "application/octet-stream")}; name="${name}"\r\n` +
        `Content-Disposition: ${headerText(disposition)}; filename="${name}"\r\n${id}` +
        `Content-Transfer-Encoding: base64\r\n\r\n${folded(data)}\r\n`
    );
}

function multipart(kind, parts) {
    if (parts.length === 1) return parts[0];
    const mark = boundary();
    let text = `Content-Type: multipart/${kind}; boundary="${mark}"\r\n\r\n`;
    for (let i = 0; i < parts.length; i++) text += `--${mark}\r\n${parts[i]}`;
    return `${text}--${mark}--\r\n`;
}

function buildMessage(builder, id) {
    const bodies = [];
    if (builder.text) bodies[bodies.length] = textPart("text/plain", builder.text);
    if (builder.html) bodies[bodies.length] = textPart("text/html", builder.html);
    if (bodies.length === 0) bodies[0] = textPart("text/plain", "");
    const parts = [multipart("alternative", bodies)];
    const attachments = listOf(builder.attachments);
    for (let i = 0; i < attachments.length; i++) parts[i + 1] = attachmentPart(attachments[i]);
    const date = P.DatePrototypeToUTCString(new P.Date());
    let head = `From: ${mailbox(builder.from)}\r\nTo: ${mailboxes(builder.to)}\r\n`;
    if (builder.cc) head += `Cc: ${mailboxes(builder.cc)}\r\n`;
    if (builder.bcc) head += `Bcc: ${mailboxes(builder.bcc)}\r\n`;
    if (builder.replyTo) head += `Reply-To: ${mailbox(builder.replyTo)}\r\n`;
    head += `Subject: ${headerText(builder.subject ?? "")}\r\nDate: ${date}\r\nMessage-ID: ${id}\r\n`;
    const extra = builder.headers ?? {};
    const names = P.ObjectKeys(extra);
    for (let i = 0; i < names.length; i++) head += `${headerText(names[i])}: ${headerText(extra[names[i]])}\r\n`;
    return `${head}MIME-Version: 1.0\r\n${multipart("mixed", parts)}`;
}

// ---- the binding ----

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function newMessageId(sender) {
    let id = "";
    while (id.length < 36) {
        const words = N.randomSeed();
        for (let i = 0; i < 4 && id.length < 36; i++) id += ALPHABET[(words[i] >>> 0) % ALPHABET.length];
    }
    return `<${id}@${slice(sender, lastIndexOf(sender, "@") + 1)}>`;
}

export class SendEmail {
    #index;
    #rules;

    constructor(token, index, rules) {
        if (token !== MAKE) throw illegalConstructor();
        this.#index = index;
        this.#rules = rules;
    }

    async send(message) {
        const index = this.#index;
        const rules = this.#rules;
        requireEvent();
        if (!isObject(message)) {
            throw new TypeError(`Cannot use 'in' operator to search for 'EmailMessage::raw' in ${P.String(message)}`);
        }
        const given = rawOf(message);
        let from, to, bytes, id;
        if (given !== null) {
            ({ from, to } = message);
            checkSender(rules, from);
            checkRecipients(rules, [to]);
            bytes = await bytesOf(given.raw);
            checkMessage(from, bytes);
            id = newMessageId(`${from}`);
        } else {
            from = emailOf(message.from);
            checkSender(rules, from);
            const recipients = listOf(message.to);
            if (recipients.length === 0) recipients[0] = message.to; // fails as the platform does
            const all = [];
            for (let i = 0; i < recipients.length; i++) all[i] = emailOf(recipients[i]);
            checkRecipients(rules, all);
            to = join(all, ", ");
            id = newMessageId(`${from}`);
            bytes = encodeUtf8(buildMessage(message, id));
        }
        const { sendBody } = load("store_body");
        await sendBody(1, bytes, -1, (stream, inline, length) =>
            op(SEND, "wwssqy", [index, stream, `${from}`, `${to}`, length, inline], ""),
        );
        return { messageId: id };
    }
}

function checkSender(rules, from) {
    const allowed = rules.allowed_sender_addresses;
    if (allowed !== undefined && !includes(allowed, from)) throw new P.Error(`email from ${from} not allowed`);
}

function checkRecipients(rules, recipients) {
    const { destination_address: only, allowed_destination_addresses: allowed } = rules;
    for (let i = 0; i < recipients.length; i++) {
        const to = recipients[i];
        if ((only !== undefined && to !== only) || (allowed !== undefined && !includes(allowed, to))) {
            throw new P.Error(`email to ${to} not allowed`);
        }
    }
}

publish(SendEmail);

// options: the binding's table of the configuration.
export function sendEmail(index, options) {
    return new SendEmail(MAKE, index, options ?? {});
}
