// ctx.storage.sql: SQL that answers at once. object_sql.c has the cursors.

import { badArgument, illegalConstructor, publish } from "errors";
import { crossEventError, currentEvent } from "io";

const INTERNAL = Symbol();
const NO_SQL =
  "SQL is not enabled for this Durable Object class. To enable it, change `new_classes` to `new_sqlite_classes` within the 'migrations' field in " +
  "your wrangler.jsonc or wrangler.toml file. If using workerd directly,set `enableSql = true` in your workerd config for the class. Note that " +
  "this change cannot be made after the class is already deployed to production.";
const PIECE = 256; // rows that toArray() takes at once
const DONE = 0, READ = 1, WRITTEN = 2, CURSOR = 3; // of N.sqlState

const state = N.sqlState;
const { defineProperty } = Object;

// What SQLite may be given; everything else is a text.
function bindable(value) {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return value === value ? value : null;
    case "undefined":
      return null;
    case "bigint":
      throw new P.TypeError("Cannot convert a BigInt value to a number");
    case "object":
      if (value === null || P.ArrayBufferIsView(value)) return value;
      try {
        P.ArrayBufferPrototypeGetByteLength(value);
        return value;
      } catch {
        return `${value}`;
      }
    default:
      return `${value}`;
  }
}

function toObject(names, row) {
  const object = {};
  for (let i = 0; i < row.length; i++) {
    if (names[i] === "__proto__") defineProperty(object, "__proto__", { __proto__: null, value: row[i], writable: true, enumerable: true, configurable: true });
    else object[names[i]] = row[i];
  }
  return object;
}

class RawIterator {
  #cursor;

  constructor(internal, cursor) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#cursor = cursor;
  }

  next() {
    const row = nextRow(this.#cursor);
    return row === undefined ? { done: true, value: undefined } : { done: false, value: row };
  }

  // As Iterator.prototype.toArray, without a call for each row.
  toArray() {
    return allRows(this.#cursor, false);
  }
}

class RowIterator {
  #cursor;

  constructor(internal, cursor) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#cursor = cursor;
  }

  next() {
    return this.#cursor.next();
  }
}

let nextRow, allRows;

// A cursor that was left half-read keeps its statement open, and with it the log from being cut.
const abandoned = new P.FinalizationRegistry(({ object, number }) => {
  if (!object.ended) N.sqlEnd(object.number, number);
});

export class Cursor {
  #object;
  #number = 0; // of the cursor in C; 0: it has ended
  #names;
  #read;
  #written;
  #watched = false;

  constructor(internal, object, text, values) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
    this.#names = N.sqlExec(object.number, text, values);
    this.#tell(state[CURSOR]);
  }

  #tell(number) {
    this.#number = state[DONE] === 1 ? 0 : number;
    this.#read = state[READ];
    this.#written = state[WRITTEN];
  }

  // Up to count rows; undefined when there are none.
  #take(count) {
    if (this.#number === 0) return undefined;
    if (currentEvent() !== this.#object) throw crossEventError();
    const number = this.#number;
    this.#number = 0; // what throws ends it
    const rows = N.sqlNext(this.#object.number, number, count);
    this.#tell(number);
    return rows;
  }

  static {
    nextRow = cursor => {
      const rows = cursor.#take(1);
      if (rows === undefined) return undefined;
      if (cursor.#number !== 0 && !cursor.#watched) {
        cursor.#watched = true;
        abandoned.register(cursor, { object: cursor.#object, number: cursor.#number });
      }
      return rows[0];
    };
    allRows = (cursor, asObjects) => {
      const all = [];
      for (let rows = cursor.#take(PIECE); rows !== undefined; rows = cursor.#take(PIECE))
        for (let i = 0; i < rows.length; i++) P.ArrayPrototypePush(all, asObjects ? toObject(cursor.#names, rows[i]) : rows[i]);
      return all;
    };
  }

  next() {
    const row = nextRow(this);
    return row === undefined ? { done: true, value: undefined } : { done: false, value: toObject(this.#names, row) };
  }

  toArray() {
    return allRows(this, true);
  }

  one() {
    const row = nextRow(this);
    if (row === undefined) throw new P.Error("Expected exactly one result from SQL query, but got no results.");
    if (this.#number !== 0) {
      N.sqlEnd(this.#object.number, this.#number);
      this.#number = 0;
      throw new P.Error("Expected exactly one result from SQL query, but got multiple results.");
    }
    return toObject(this.#names, row);
  }

  raw() {
    return new RawIterator(INTERNAL, this);
  }

  get columnNames() {
    return this.#names;
  }

  get rowsRead() {
    return this.#read;
  }

  get rowsWritten() {
    return this.#written;
  }

  [Symbol.iterator]() {
    return new RowIterator(INTERNAL, this);
  }
}
publish(Cursor);
defineProperty(Cursor.prototype, Symbol.iterator, { __proto__: null, enumerable: false });
for (const Class of [RawIterator, RowIterator]) {
  publish(Class);
  P.ObjectSetPrototypeOf(Class.prototype, P.IteratorPrototype);
}
defineProperty(RawIterator.prototype, "toArray", { __proto__: null, enumerable: false });

export class Statement {
  constructor() {
    throw illegalConstructor();
  }
}
publish(Statement);

export class SqlStorage {
  #object;

  constructor(internal, object) {
    if (internal !== INTERNAL) throw illegalConstructor();
    this.#object = object;
  }

  #here() {
    const object = this.#object;
    if (!object.hasSql) throw new P.Error(NO_SQL);
    if (currentEvent() !== object) throw crossEventError();
    return object;
  }

  exec(text, ...values) {
    if (arguments.length === 0) throw badArgument("SqlStorage", "exec", 1, "JsString");
    text = `${text}`;
    for (let i = 0; i < values.length; i++) values[i] = bindable(values[i]);
    return new Cursor(INTERNAL, this.#here(), text, values);
  }

  get databaseSize() {
    return N.storageSize(this.#here().number);
  }

  get Cursor() {
    void this.#object;
    return Cursor;
  }

  get Statement() {
    void this.#object;
    return Statement;
  }
}
publish(SqlStorage);

export function makeSqlStorage(object) {
  return new SqlStorage(INTERNAL, object);
}
