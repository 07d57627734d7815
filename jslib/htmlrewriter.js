// HTMLRewriter: the shape of the API over the engine in C, which stops at each token that a handler wants.

import { context } from "async_context";
import { badArgument, badField, isObject, publish } from "errors";

// As in html_rewriter.h.
const MORE = 0, ELEMENT = 1, END_TAG = 2, TEXT = 3, COMMENT = 4, DOCTYPE = 5, DOCUMENT_END = 6, DONE = 7;
const WANT_ELEMENT = 1, WANT_COMMENTS = 2, WANT_TEXT = 4, WANT_DOCTYPE = 8, WANT_END = 16;
const BEFORE = 0, AFTER = 1, PREPEND = 2, APPEND = 3, REPLACE = 4, SET_INNER = 5;

const NAMESPACES = ["http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"];
const NO_LONGER = "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler.";

const isThenable = (value) => isObject(value) && typeof value.then === "function";

// ---- text of the document's encoding ----

// For documents that are not UTF-8 text crosses as bytes.
class Charset {
    constructor(label) {
        const { TextDecoder } = load("encoding");
        this.label = label;
        this.utf8 = label === "utf-8";
        this.stream = this.utf8 ? null : new TextDecoder(label);
        this.table = null;
    }

    decode(bytes) {
        const { TextDecoder } = load("encoding");
        return new TextDecoder(this.label).decode(bytes);
    }

    // Text in pieces: a character may be cut by the end of one.
    decodeChunk(bytes, last) {
        return this.stream.decode(bytes, { stream: !last });
    }

    encode(text) {
        if (this.utf8) return text;
        this.table ??= encoderTable(this.label);
        const out = [];
        for (const c of text) {
            const code = c.codePointAt(0);
            if (code < 0x80) {
                out.push(code);
                continue;
            }
            const bytes = this.table.get(c);
            if (bytes !== undefined) out.push(...bytes);
            // What the encoding does not have is written as markup.
            else for (const digit of `&#${code};`) out.push(digit.charCodeAt(0));
        }
        return new Uint8Array(out);
    }
}

// Character -> its bytes, found by decoding all sequences of one and two bytes.
function encoderTable(label) {
    const { TextDecoder } = load("encoding");
    const table = new Map();
    const decoder = new TextDecoder(label, { fatal: true });
    const tryOut = (...bytes) => {
        let text;
        try {
            text = decoder.decode(new Uint8Array(bytes));
        } catch {
            return false;
        }
        if (text !== "" && [...text].length === 1 && !table.has(text)) table.set(text, bytes);
        return true;
    };
    const leads = [];
    for (let i = 0x80; i < 0x100; i++) if (!tryOut(i)) leads.push(i);
    for (const lead of leads) for (let i = 0x30; i < 0x100; i++) tryOut(lead, i);
    return table;
}

const ASCII_INCOMPATIBLE = ["utf-16le", "utf-16be", "replacement", "iso-2022-jp"];

function charsetOf(headers) {
    const type = headers.get("content-type");
    const match = type === null ? null : /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]*))/i.exec(type);
    const label = match === null ? "utf-8" : (match[1] ?? match[2]);
    let name;
    try {
        const { TextDecoder } = load("encoding");
        name = new TextDecoder(label).encoding;
    } catch {
        throw new TypeError("Parser error: Unknown character encoding has been provided.");
    }
    if (ASCII_INCOMPATIBLE.includes(name)) throw new TypeError("Parser error: Expected ASCII-compatible encoding.");
    return new Charset(name);
}

// ---- tokens as handlers see them ----

// Content given by handlers: text at once, streams when the handler has returned.
function contentOf(type, method, given) {
    if (given.length === 0) throw badArgument(type, method, 1, "string or ReadableStream or Response");
    const content = given[0], options = given[1];
    if (options !== undefined && options !== null && !isObject(options)) throw badArgument(type, method, 2, "ContentOptions");
    const html = isObject(options) && !!options.html;
    if (isObject(content)) {
        if (load("response").isResponse(content)) return { stream: content.body, html };
        if (load("streams_readable").isReadableStream(content)) return { stream: content, html };
    }
    return { text: `${content}`, html };
}

let handleOf, retire;

class Token {
    #run;

    constructor(run) {
        this.#run = run;
    }

    static {
        handleOf = (token) => {
            if (token.#run === null) throw new TypeError(NO_LONGER);
            return token.#run;
        };
        retire = (token) => {
            token.#run = null;
        };
    }
}

// given: what the method was called with. An undefined that was given is a text, as anything else is.
function edit(token, type, method, how, given) {
    const run = handleOf(token);
    run.edit(how, contentOf(type, method, given));
    return token;
}

class Element extends Token {
    get tagName() {
        const run = handleOf(this);
        return run.text(N.htmlName(run.handle));
    }
    set tagName(name) {
        const run = handleOf(this);
        N.htmlName(run.handle, run.charset.encode(`${name}`));
    }
    get attributes() {
        return new AttributesIterator(this);
    }
    get removed() {
        return N.htmlRemoved(handleOf(this).handle);
    }
    get namespaceURI() {
        return NAMESPACES[handleOf(this).namespace];
    }
    getAttribute(name) {
        const run = handleOf(this);
        if (arguments.length === 0) throw badArgument("Element", "getAttribute", 1, "string");
        const value = N.htmlGetAttr(run.handle, run.charset.encode(`${name}`));
        return value === null ? null : run.text(value);
    }
    hasAttribute(name) {
        const run = handleOf(this);
        if (arguments.length === 0) throw badArgument("Element", "hasAttribute", 1, "string");
        return N.htmlGetAttr(run.handle, run.charset.encode(`${name}`)) !== null;
    }
    setAttribute(name, value) {
        const run = handleOf(this);
        if (arguments.length === 0) throw badArgument("Element", "setAttribute", 1, "string");
        if (arguments.length === 1) throw badArgument("Element", "setAttribute", 2, "string");
        N.htmlSetAttr(run.handle, run.charset.encode(`${name}`), run.charset.encode(`${value}`));
        run.changes++;
        return this;
    }
    removeAttribute(name) {
        const run = handleOf(this);
        if (arguments.length === 0) throw badArgument("Element", "removeAttribute", 1, "string");
        N.htmlSetAttr(run.handle, run.charset.encode(`${name}`));
        run.changes++;
        return this;
    }
    before(content, options) {
        return edit(this, "Element", "before", BEFORE, arguments);
    }
    after(content, options) {
        return edit(this, "Element", "after", AFTER, arguments);
    }
    prepend(content, options) {
        return edit(this, "Element", "prepend", PREPEND, arguments);
    }
    append(content, options) {
        return edit(this, "Element", "append", APPEND, arguments);
    }
    replace(content, options) {
        return edit(this, "Element", "replace", REPLACE, arguments);
    }
    remove() {
        N.htmlRemove(handleOf(this).handle, false);
        return this;
    }
    removeAndKeepContent() {
        N.htmlRemove(handleOf(this).handle, true);
        return this;
    }
    setInnerContent(content, options) {
        return edit(this, "Element", "setInnerContent", SET_INNER, arguments);
    }
    onEndTag(handler) {
        const run = handleOf(this);
        if (typeof handler !== "function") throw badArgument("Element", "onEndTag", 1, "function");
        const number = run.endHandlers.push(handler) - 1;
        N.htmlOnEndTag(run.handle, number);
    }
}
publish(Element);

class AttributesIterator {
    #element;
    #changes;
    #at = 0;

    constructor(element) {
        this.#element = element;
        this.#changes = handleOf(element).changes;
    }
    next() {
        const run = handleOf(this.#element);
        if (run.changes !== this.#changes) {
            throw new Error(
                "The attributes of this element have been modified during iteration. You must create a new iterator after modifying attributes.",
            );
        }
        const pair = N.htmlAttr(run.handle, this.#at);
        if (pair === undefined) return { done: true };
        this.#at++;
        return { done: false, value: [run.text(pair[0]), run.text(pair[1])] };
    }
    [Symbol.iterator]() {
        return this;
    }
}
Object.setPrototypeOf(AttributesIterator.prototype, P.IteratorPrototype);
publish(AttributesIterator);

class EndTag extends Token {
    get name() {
        const run = handleOf(this);
        return run.text(N.htmlName(run.handle));
    }
    set name(name) {
        const run = handleOf(this);
        N.htmlName(run.handle, run.charset.encode(`${name}`));
    }
    before(content, options) {
        return edit(this, "EndTag", "before", BEFORE, arguments);
    }
    after(content, options) {
        return edit(this, "EndTag", "after", AFTER, arguments);
    }
    remove() {
        N.htmlRemove(handleOf(this).handle, false);
        return this;
    }
}
publish(EndTag);

class Text extends Token {
    #text;
    #last;

    constructor(run, text, last) {
        super(run);
        this.#text = text;
        this.#last = last;
    }
    get text() {
        handleOf(this);
        return this.#text;
    }
    get lastInTextNode() {
        handleOf(this);
        return this.#last;
    }
    get removed() {
        return N.htmlRemoved(handleOf(this).handle);
    }
    before(content, options) {
        return edit(this, "Text", "before", BEFORE, arguments);
    }
    after(content, options) {
        return edit(this, "Text", "after", AFTER, arguments);
    }
    replace(content, options) {
        return edit(this, "Text", "replace", REPLACE, arguments);
    }
    remove() {
        N.htmlRemove(handleOf(this).handle, false);
        return this;
    }
}
publish(Text);

class Comment extends Token {
    #said; // {text}, which the tokens of all handlers share

    constructor(run, said) {
        super(run);
        this.#said = said;
    }
    get text() {
        handleOf(this);
        return this.#said.text;
    }
    set text(text) {
        const run = handleOf(this);
        text = `${text}`;
        N.htmlComment(run.handle, run.charset.encode(text));
        this.#said.text = text;
    }
    get removed() {
        return N.htmlRemoved(handleOf(this).handle);
    }
    before(content, options) {
        return edit(this, "Comment", "before", BEFORE, arguments);
    }
    after(content, options) {
        return edit(this, "Comment", "after", AFTER, arguments);
    }
    replace(content, options) {
        return edit(this, "Comment", "replace", REPLACE, arguments);
    }
    remove() {
        N.htmlRemove(handleOf(this).handle, false);
        return this;
    }
}
publish(Comment);

class Doctype extends Token {
    constructor(run, name, publicId, systemId) {
        super(run);
        this.#own("systemId", systemId);
        this.#own("publicId", publicId);
        this.#own("name", name);
    }

    // Properties of the object itself, as on the platform.
    #own(key, value) {
        const get = () => {
            handleOf(this);
            return value;
        };
        P.ObjectDefineProperty(this, key, { __proto__: null, get, enumerable: true, configurable: true });
    }
}
publish(Doctype);

class DocumentEnd extends Token {
    append(content, options) {
        return edit(this, "DocumentEnd", "append", APPEND, arguments);
    }
}
publish(DocumentEnd);

// ---- one document on its way ----

// A ByteSource for the body of the new response. It starts at once, and runs ahead of its reader by one piece.
class Run {
    length = -1;
    handle;
    charset;
    namespace = 0;
    changes = 0; // of attributes
    endHandlers = [];

    #registrations;
    #source;
    #delayed = null; // edits that wait for a stream
    #next; // promise of the next piece of output
    #canceled = false;

    constructor(registrations, source, charset) {
        this.#registrations = registrations;
        this.#source = source;
        this.charset = charset;
        this.handle = N.htmlNew(charset.utf8);
        for (let i = 0; i < registrations.length; i++) {
            const { selector, want } = registrations[i];
            N.htmlOn(this.handle, selector, want);
        }
        this.#next = this.#piece();
        this.#next.catch(() => {});
    }

    text(value) {
        return this.charset.utf8 ? value : this.charset.decode(value);
    }

    // ByteSource.
    read() {
        const piece = this.#next;
        return piece.then((bytes) => {
            if (bytes !== undefined) {
                this.#next = this.#piece();
                this.#next.catch(() => {});
            }
            return bytes;
        });
    }

    cancel(reason) {
        this.#canceled = true;
        this.#source.cancel(reason).catch(() => {});
    }

    take() {
        return 0;
    }

    #ended = false;
    #frame = context.frame; // in which the handlers run

    // Output of some input, or undefined at the end.
    async #piece() {
        try {
            for (;;) {
                if (this.#canceled) return undefined;
                const stop = N.htmlNext(this.handle);
                if (typeof stop !== "number") {
                    const waiting = this.#dispatch(stop);
                    if (waiting !== undefined) await waiting;
                    continue;
                }
                const bytes = N.htmlOutput(this.handle);
                if (bytes !== undefined) return bytes;
                if (stop === DONE) {
                    N.htmlClose(this.handle);
                    return undefined;
                }
                await this.#feed();
            }
        } catch (e) {
            this.#canceled = true;
            N.htmlClose(this.handle);
            this.#source.cancel(e).catch(() => {});
            throw e;
        }
    }

    async #feed() {
        const { done, value } = await this.#source.read();
        if (done) {
            if (!this.#ended) N.htmlFeed(this.handle);
            this.#ended = true;
            return;
        }
        if (!ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) {
            throw new TypeError("This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.");
        }
        N.htmlFeed(this.handle, value);
    }

    // Calls the handlers of a token one after another, each with an object of its own: a promise when one of them gave one.
    #dispatch(stop) {
        const kind = stop[0];
        if (kind === END_TAG) return this.#call(new EndTag(this), undefined, this.endHandlers[stop[4]]);
        return this.#calls(this.#maker(kind, stop), kind, stop, 4);
    }

    // What makes a handler's token.
    #maker(kind, stop) {
        switch (kind) {
            case ELEMENT:
                this.namespace = stop[2];
                return () => new Element(this);
            case TEXT: {
                const text = this.charset.utf8 ? stop[1] : this.charset.decodeChunk(stop[1], stop[2]);
                return () => new Text(this, text, stop[2]);
            }
            case COMMENT: {
                const said = { text: this.text(stop[1]) };
                return () => new Comment(this, said);
            }
            case DOCTYPE: {
                const parts = [stop[1], stop[2], stop[3]].map((part) => (part === null ? null : this.text(part)));
                return () => new Doctype(this, ...parts);
            }
        }
        return () => new DocumentEnd(this);
    }

    #calls(make, kind, stop, at) {
        for (; at < stop.length; at++) {
            const { handlers } = this.#registrations[stop[at]];
            const name = kind === ELEMENT ? "element" : kind === TEXT ? "text" : kind === COMMENT ? "comments" : kind === DOCTYPE ? "doctype" : "end";
            const waiting = this.#call(make(), handlers, handlers[name]);
            if (waiting !== undefined) {
                const rest = at + 1;
                return waiting.then(() => this.#calls(make, kind, stop, rest));
            }
        }
        return undefined;
    }

    #call(token, self, handler) {
        context.frame = this.#frame;
        let waiting;
        try {
            const result = P.ReflectApply(handler, self, [token]);
            if (isThenable(result) || this.#delayed !== null) waiting = this.#settle(result);
        } finally {
            if (waiting === undefined) retire(token);
        }
        return waiting?.finally(() => retire(token));
    }

    async #settle(result) {
        await result;
        const delayed = this.#delayed;
        this.#delayed = null;
        for (let i = 0; delayed !== null && i < delayed.length; i++) {
            const { how, content } = delayed[i];
            context.frame = this.#frame;
            const text = content.stream === undefined ? content.text : await streamText(content.stream);
            this.#write(how, text, content.html);
        }
    }

    // References that encoding makes must not be escaped again.
    #write(how, text, html) {
        if (this.charset.utf8) N.htmlEdit(this.handle, how, text, html);
        else N.htmlEdit(this.handle, how, this.charset.encode(html ? text : escapeText(text)), true);
    }

    edit(how, content) {
        if (content.stream !== undefined || this.#delayed !== null) {
            (this.#delayed ??= []).push({ how, content });
            return;
        }
        this.#write(how, content.text, content.html);
    }
}

function escapeText(text) {
    return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

async function streamText(stream) {
    if (stream === null) return "";
    const { Response } = load("response");
    const bytes = await new Response(stream).bytes();
    const { TextDecoder } = load("encoding");
    try {
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
        throw new TypeError("Parser error: Invalid UTF-8");
    }
}

// ---- the class ----

function wanted(type, handlers, fields) {
    let want = 0;
    for (const [field, bit] of fields) {
        const handler = handlers[field];
        if (handler === undefined) continue;
        if (typeof handler !== "function") throw badField(type, field, "function");
        want |= bit;
    }
    return want;
}

const ELEMENT_FIELDS = [["element", WANT_ELEMENT], ["comments", WANT_COMMENTS], ["text", WANT_TEXT]];
const DOCUMENT_FIELDS = [["doctype", WANT_DOCTYPE], ["comments", WANT_COMMENTS], ["text", WANT_TEXT], ["end", WANT_END]];

export class HTMLRewriter {
    #registrations = [];

    on(selector, handlers) {
        if (arguments.length === 0) throw badArgument("HTMLRewriter", "on", 1, "string");
        if (handlers === null) handlers = {};
        if (!isObject(handlers)) throw badArgument("HTMLRewriter", "on", 2, "ElementContentHandlers");
        selector = `${selector}`;
        const want = wanted("ElementContentHandlers", handlers, ELEMENT_FIELDS);
        N.htmlCheck(selector);
        this.#registrations.push({ selector, handlers, want });
        return this;
    }

    onDocument(handlers) {
        if (handlers === null) handlers = {};
        if (!isObject(handlers)) throw badArgument("HTMLRewriter", "onDocument", 1, "DocumentContentHandlers");
        const want = wanted("DocumentContentHandlers", handlers, DOCUMENT_FIELDS);
        this.#registrations.push({ selector: null, handlers, want });
        return this;
    }

    transform(response) {
        if (!load("response").isResponse(response)) throw badArgument("HTMLRewriter", "transform", 1, "Response");
        const charset = charsetOf(response.headers);
        if (response.body === null) return response;
        const { body, status, statusText, headers } = response;
        if (response.bodyUsed || body.locked) throw new TypeError("The ReadableStream has been locked to a reader.");
        const { Response } = load("response");
        const run = new Run(this.#registrations.slice(), body.getReader(), charset);
        const init = { status, statusText, headers };
        if (response.cf !== undefined) init.cf = response.cf;
        return new Response(load("streams_native").readableFromSource(run), init);
    }
}
publish(HTMLRewriter);
