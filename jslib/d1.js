// D1 databases (docs/internals/stores.md has the operation). A batch goes to main as JSON with the bytes of blobs beside it; rows come back
// as one block of tags and numbers and one string of all texts.
//
// Statements keep their text and values in plain properties, as on the platform: query builders look at them.

import { op } from "io";
import { hasFlag } from "flags";

const { Error: PError, JSONStringify: quote, PromiseReject: reject, PromisePrototypeThen: then } = P;
const { StringPrototypeSubstring: substring, ArrayPrototypePush: push } = P;

const RUN = 56;
const NO_ROWS = 1; // bits of RUN
const WANT_BOOKMARK = 2;

const TAG_NULL = 0;
const TAG_INT = 1;
const TAG_NUMBER = 2;
const TAG_TEXT = 3;

const FIRST_PRIMARY = "first-primary";
const FIRST_UNCONSTRAINED = "first-unconstrained";

const SERVED_BY = "selvage.db";

function failure(prefix, message) {
    return new PError(`${prefix}: ${message}`, { cause: new PError(message) });
}

// ---- what goes out ----

function encodeValue(value, blobs) {
    if (typeof value === "string") return quote(value);
    if (typeof value === "number") return value - value === 0 ? `${value}` : "null"; // as JSON has it
    if (value === null || value === undefined) return "null";
    if (!P.ArrayIsArray(value)) throw failure("D1_ERROR", `a value of type ${typeof value} cannot be sent`);
    const bytes = new P.Uint8Array(value.length);
    for (let i = 0; i < value.length; i++) bytes[i] = value[i];
    push(blobs, bytes);
    return `[${value.length}]`;
}

function encodeStatement(sql, params, blobs) {
    if (typeof sql !== "string") throw failure("D1_ERROR", `The SQL text of a statement must be a string, not ${sql === null ? "null" : typeof sql}.`);
    let text = `[${quote(sql)}`;
    if (params !== undefined && params !== null) for (let i = 0; i < params.length; i++) text += `,${encodeValue(params[i], blobs)}`;
    return `${text}]`;
}

function joinBytes(list) {
    if (list.length === 0) return "";
    if (list.length === 1) return list[0];
    let total = 0;
    for (let i = 0; i < list.length; i++) total += list[i].length;
    const all = new P.Uint8Array(total);
    let from = 0;
    for (let i = 0; i < list.length; i++) {
        P.TypedArrayPrototypeSet(all, list[i], from);
        from += list[i].length;
    }
    return all;
}

// ---- what comes back ----

// The result that is being read, from its start to its end without a pause.
let block;
let at;
let text;
let textAt;

const doubleBytes = new P.Uint8Array(8);
const double = new P.Float64Array(doubleBytes.buffer);

function readInt() {
    const i = at;
    at = i + 4;
    return block[i] | (block[i + 1] << 8) | (block[i + 2] << 16) | (block[i + 3] << 24);
}

function readSize() {
    const n = block[at++];
    return n < 255 ? n : readInt();
}

function readText() {
    const from = textAt;
    textAt = from + readSize();
    return substring(text, from, textAt);
}

function readBytes() {
    const end = readSize() + at;
    const list = [];
    while (at < end) push(list, block[at++]);
    return list;
}

function readCell() {
    const tag = block[at++];
    if (tag === TAG_INT) return readInt();
    if (tag === TAG_TEXT) return readText();
    if (tag === TAG_NULL) return null;
    if (tag !== TAG_NUMBER) return readBytes();
    for (let i = 0; i < 8; i++) doubleBytes[i] = block[at++];
    const n = double[0];
    return n - n === 0 ? (n === 0 ? 0 : n) : null; // what JSON cannot say is null, and there is one zero
}

function readColumns() {
    const columns = [];
    for (let n = readSize(); n > 0; n--) push(columns, readText());
    return columns;
}

function readArray(columns) {
    const row = [];
    for (let i = 0; i < columns.length; i++) push(row, readCell());
    return row;
}

// Of columns with the same name the last one counts.
function readObject(columns) {
    const object = {};
    for (let i = 0; i < columns.length; i++) {
        if (columns[i] === "__proto__") {
            P.ObjectDefineProperty(object, "__proto__", { __proto__: null, value: readCell(), writable: true, enumerable: true, configurable: true });
        } else {
            object[columns[i]] = readCell();
        }
    }
    return object;
}

function readRows(columns, readRow) {
    const rows = [];
    for (let n = readInt(); n > 0; n--) push(rows, readRow(columns));
    return rows;
}

function readMeta() {
    const duration = readCell() / 10000;
    const changes = readCell();
    const lastRowId = readCell();
    const sizeAfter = readCell();
    const rowsRead = readCell();
    const rowsWritten = readCell();
    return {
        served_by: SERVED_BY,
        duration,
        changes,
        last_row_id: lastRowId,
        changed_db: block[at++] === 1,
        size_after: sizeAfter,
        rows_read: rowsRead,
        rows_written: rowsWritten,
    };
}

// How a caller wants what came.

function readAnswer() {
    const results = readRows(readColumns(), readObject);
    return { success: true, meta: readMeta(), results };
}

function readAnswers() {
    const answers = [];
    while (at < block.length) push(answers, readAnswer());
    return answers;
}

function readRaw() {
    const columns = readColumns();
    const rows = readRows(columns, readArray);
    return { columns, rows, meta: readMeta() };
}

function readRaws() {
    const raws = [];
    while (at < block.length) push(raws, readRaw());
    return raws;
}

// The first row alone; null: there is none.
function readFirst() {
    const columns = readColumns();
    return readInt() === 0 ? null : readObject(columns);
}

// ---- values ----

function isByteList(list) {
    for (let i = 0; i < list.length; i++) if (typeof list[i] !== "number" || !(list[i] >= 0 && list[i] < 256)) return false;
    return true;
}

function listOf(view) {
    const list = [];
    for (let i = 0; i < view.length; i++) push(list, view[i]);
    return list;
}

// What a value is stored as: null, number, string or a list of bytes.
function bindable(value) {
    const type = typeof value;
    if (type === "number" || type === "string") return value;
    if (type === "boolean") return value ? 1 : 0;
    if (value === null) return null;
    if (type === "object") {
        if (P.ArrayIsArray(value)) {
            if (isByteList(value)) return value;
        } else if (P.ArrayBufferIsView(value)) {
            return listOf(value); // a DataView has no elements
        } else if (value instanceof P.ArrayBuffer) {
            return listOf(new P.Uint8Array(value));
        }
    }
    throw failure("D1_TYPE_ERROR", `Type '${type}' not supported for value '${value}'`);
}

// ---- sessions ----

let sendBatch; // of a session, for statements

class D1DatabaseSession {
    #index;
    #position; // a constraint, the greatest bookmark seen, or null: the primary, always

    constructor(index, position) {
        this.#index = index;
        this.#position = position;
    }

    static {
        sendBatch = (session, statements, bits, read) => session.#send(statements, bits, read);
    }

    prepare(sql) {
        return new D1PreparedStatement(this, sql);
    }

    async batch(statements) {
        const list = statements.map((s) => ({ statement: s.statement, params: s.params }));
        return this.#send(list, 0, readAnswers);
    }

    // The latest bookmark of all answers; not a constraint that the session began with.
    getBookmark() {
        const position = this.#position;
        return position === FIRST_PRIMARY || position === FIRST_UNCONSTRAINED ? null : position;
    }

    #see(bookmark) {
        const seen = this.getBookmark();
        if (bookmark !== "" && (seen === null || seen < bookmark)) this.#position = bookmark;
    }

    // A promise of what `read` makes of the results, one for each statement that has something to execute.
    #send(statements, bits, read) {
        const session = this.#position !== null;
        const blobs = [];
        let json = "[";
        try {
            for (let i = 0; i < statements.length; i++) {
                json += `${i === 0 ? "" : ","}${encodeStatement(statements[i].statement, statements[i].params, blobs)}`;
            }
            const args = [this.#index, 0, session ? bits | WANT_BOOKMARK : bits, `${json}]`, joinBytes(blobs)];
            return op(RUN, "wwbsy", args, "byss", (fields) => {
                if (fields[0] !== 0) throw failure("D1_ERROR", fields[2]);
                if (session) this.#see(fields[3]);
                block = fields[1];
                text = fields[2];
                at = textAt = 0;
                return read();
            });
        } catch (e) {
            return reject(e);
        }
    }
}

class D1PreparedStatement {
    #session;

    constructor(session, statement, values) {
        this.#session = session;
        this.statement = statement;
        this.params = values || [];
    }

    bind(...values) {
        const list = [];
        for (let i = 0; i < values.length; i++) push(list, bindable(values[i]));
        return new D1PreparedStatement(this.#session, this.statement, list);
    }

    first(column) {
        const row = sendBatch(this.#session, [this], 0, readFirst);
        if (column === undefined) return row;
        return then(row, (values) => {
            if (values === null) return null;
            if (values[column] === undefined) {
                throw new PError(`D1_COLUMN_NOTFOUND: Column not found (${column})`, { cause: new PError("Column not found") });
            }
            return values[column];
        });
    }

    run() {
        return sendBatch(this.#session, [this], 0, readAnswer);
    }

    all() {
        return sendBatch(this.#session, [this], 0, readAnswer);
    }

    async raw(options) {
        const { columns, rows } = await sendBatch(this.#session, [this], 0, readRaw);
        if (!options?.columnNames) return rows;
        const all = [columns];
        for (let i = 0; i < rows.length; i++) push(all, rows[i]);
        return all;
    }
}

class D1Database {
    #index;
    #primary;

    constructor(index) {
        this.#index = index;
        this.#primary = new D1DatabaseSession(index, null);
    }

    prepare(sql) {
        return new D1PreparedStatement(this.#primary, sql);
    }

    async batch(statements) {
        return this.#primary.batch(statements);
    }

    // Each line is a text of its own; whichever fails, the first line is named, as the reference does.
    async exec(query) {
        const lines = query.trim().split("\n");
        const list = [];
        for (let i = 0; i < lines.length; i++) push(list, { statement: lines[i], params: null });
        let results;
        try {
            results = await sendBatch(this.#primary, list, NO_ROWS, readAnswers);
        } catch (e) {
            if (e.cause === undefined) throw e;
            throw failure("D1_EXEC_ERROR", `Error in line 1: ${lines[0]}: ${e.cause.message}`);
        }
        let duration = 0;
        for (let i = 0; i < results.length; i++) duration += results[i].meta.duration;
        return { count: results.length, duration };
    }

    withSession(constraintOrBookmark) {
        let position = constraintOrBookmark?.trim();
        if (position === undefined || position === null || position === "") position = FIRST_UNCONSTRAINED;
        return new D1DatabaseSession(this.#index, position);
    }

    // Rows and columns as they are, for callers that handle bookmarks themselves.
    async query(request) {
        if (!hasFlag("d1_binding_jsrpc")) {
            throw new PError("D1_ERROR: D1Database.query() requires the d1_binding_jsrpc compatibility flag. Enable d1_binding_jsrpc before calling query().");
        }
        const session = new D1DatabaseSession(this.#index, request.bookmark ?? FIRST_PRIMARY);
        const list = [];
        for (let i = 0; i < request.queries.length; i++) {
            const { sql, params } = request.queries[i];
            push(list, new D1PreparedStatement(session, sql).bind(...(params ?? [])));
        }
        const results = await sendBatch(session, list, 0, readRaws);
        const out = [];
        for (let i = 0; i < results.length; i++) {
            const { columns, rows, meta } = results[i];
            push(out, { data: { kind: "raw", columns, rows }, meta });
        }
        return { results: out, bookmark: session.getBookmark() };
    }

    // Databases of today cannot be dumped by a worker.
    dump() {
        return reject(new PError("D1_DUMP_ERROR: Status + 404", { cause: new PError("Status 404") }));
    }
}

// The database of this index.
export function d1Database(index) {
    return new D1Database(index);
}
