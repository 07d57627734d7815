/*
 * d1.h - one D1 database: a user's SQLite file, run statement by statement as the platform runs it.
 *
 * A batch is one transaction: all of its statements, or none. Each statement is a text as
 * store/usersql.h takes it (several statements in it are allowed, the last one has the parameters
 * and gives the rows) and has its own figures.
 *
 * A slv_d1 begins and ends its transactions itself: it is called in none (state's SLV_CALL_SOLO for
 * the writer, SLV_CALL_READ for readers). The file format is docs/formats/d1.md.
 *
 * Errors: SLV_E_INVAL is the user's fault and the text for the user is slv_d1_message();
 * SLV_E_STATE: a reader was asked for what the writer must do, and nothing was changed;
 * SLV_E_TIMEOUT, SLV_E_CANCELED: stopped; SLV_E_LIMIT: the database or the result is too large;
 * SLV_E_IO: the disk. All but the last leave the database as it was and slv_d1_message() says why.
 *
 * Threading: a slv_d1 is used by one thread at a time; handles on the same file share, behind a
 * lock, what one connection tells another (last_row_id, the bookmark).
 */
#ifndef SLV_D1_D1_H
#define SLV_D1_D1_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/db.h"

#define SLV_D1_BYTES_MAX ((uint64_t)10 << 30) /* of a database */
#define SLV_D1_QUERY_MS 30000                 /* a batch runs no longer */
#define SLV_D1_RESULT_MAX ((size_t)32 << 20)  /* bytes of the rows of one batch */
#define SLV_D1_BOOKMARK_LEN ((size_t)59)      /* 8-8-8-32 hex digits */

typedef struct slv_d1 slv_d1;

/* path without suffix: PATH.sqlite, PATH.log. SLV_E_NOTFOUND: absent, and create is false. */
SLV_NODISCARD slv_code slv_d1_open(const char *path, bool create, bool read_only, slv_d1 **ret,
                                   slv_err *err);
/* Accepts NULL, returns NULL. */
slv_d1 *slv_d1_free(slv_d1 *d1);
SLV_DEFINE_CLEANUP(slv_d1 *, slv_d1_free);
slv_db *slv_d1_db(slv_d1 *d1);

/* ---- batches ---- */

typedef enum slv_d1_kind {
    SLV_D1_NULL,
    SLV_D1_NUMBER, /* bound as REAL, as the platform does */
    SLV_D1_TEXT,
    SLV_D1_BLOB,
} slv_d1_kind;

typedef struct slv_d1_value {
    slv_d1_kind kind;
    double number;
    slv_str bytes;
} slv_d1_value;

typedef struct slv_d1_statement {
    slv_str sql;
    const slv_d1_value *params;
    size_t param_count;
} slv_d1_statement;

typedef struct slv_d1_meta {
    double duration_ms;
    int64_t changes, last_row_id;
    uint64_t size_after, rows_read, rows_written;
    bool changed_db;
} slv_d1_meta;

/* Takes the results of a batch, in order: for each statement columns, its rows, end. The statement
 * is borrowed for the call. An error ends the batch. */
typedef struct slv_d1_sink {
    slv_code (*columns)(void *arg, sqlite3_stmt *st, slv_err *err);
    slv_code (*row)(void *arg, sqlite3_stmt *st, slv_err *err);
    slv_code (*end)(void *arg, const slv_d1_meta *meta, slv_err *err);
} slv_d1_sink;

typedef struct slv_d1_batch {
    const slv_d1_statement *statements;
    size_t count;
    bool read;               /* on a reader: SLV_E_STATE when a statement would write */
    const atomic_bool *stop; /* NULL: nobody stops it */
    const slv_d1_sink *sink;
    void *sink_arg;
    slv_d1_meta total; /* out: sums, and the last size and row id */
} slv_d1_batch;

/* Texts that hold nothing but blanks and indented comments are passed over; when nothing else is
 * there: "No SQL statements detected." */
SLV_NODISCARD slv_code slv_d1_run(slv_d1 *d1, slv_d1_batch *batch, slv_err *err);
/* The whole text of the last failure, until the next call. */
slv_str slv_d1_message(slv_d1 *d1);
/* True when every statement looks as if it only reads: try a reader first. */
bool slv_d1_looks_read(const slv_d1_statement *statements, size_t count);

/* ---- on the wire (docs/internals/stores.md) ---- */

/* [["sql", value...]...]: null, number, string, boolean, or [n] for the next n bytes of blobs.
 * Strings borrow from the input and the arena. */
SLV_NODISCARD slv_code slv_d1_request_parse(slv_str json, slv_str blobs, slv_arena *arena,
                                            slv_d1_statement **ret, size_t *ret_count,
                                            slv_err *err);

/* Rows for an isolate: numbers, tags and blobs in block, all text in text, as UTF-16 lengths tell.
 */
typedef struct slv_d1_rows {
    slv_buf block, text;
    bool no_rows;   /* figures alone */
    uint32_t count; /* results */
    uint32_t columns, rows;
    size_t at_rows;                   /* where the number of rows stands */
    uint64_t rows_read, rows_written; /* by all statements */
} slv_d1_rows;

void slv_d1_rows_init(slv_d1_rows *r, bool no_rows);
void slv_d1_rows_done(slv_d1_rows *r);
SLV_DEFINE_CLEANUP_DONE(slv_d1_rows, slv_d1_rows_done);
void slv_d1_rows_reset(slv_d1_rows *r);
extern const slv_d1_sink slv_d1_rows_sink; /* arg: a slv_d1_rows */

/* Rows for people and programs: [{"results":..,"success":true,"meta":{..}}...], as the REST calls
 * answer.
 */
typedef struct slv_d1_json {
    slv_buf out;
    bool arrays; /* {"columns":[],"rows":[[]]} instead of objects */
    bool first_result, first_row;
    slv_buf *names; /* of the columns, as JSON */
    size_t columns;
    double duration_ms;
    char bookmark[64]; /* in the figures, when not empty */
} slv_d1_json;

void slv_d1_json_init(slv_d1_json *j, bool arrays);
void slv_d1_json_done(slv_d1_json *j);
SLV_DEFINE_CLEANUP_DONE(slv_d1_json, slv_d1_json_done);
/* Begins anew: a batch that a reader refused is run by the writer. */
void slv_d1_json_reset(slv_d1_json *j);
SLV_NODISCARD slv_code slv_d1_json_finish(slv_d1_json *j);
extern const slv_d1_sink slv_d1_json_sink; /* arg: a slv_d1_json */

/* ---- what a database is called ---- */

typedef struct slv_d1_info {
    slv_str name; /* empty: none was given; in the arena */
    int64_t created_ms;
    uint64_t file_bytes;
    uint32_t tables;
} slv_d1_info;
SLV_NODISCARD slv_code slv_d1_info_get(slv_d1 *d1, slv_arena *arena, slv_d1_info *ret,
                                       slv_err *err);
/* In the caller's transaction (a WRITE call). */
SLV_NODISCARD slv_code slv_d1_info_set(slv_d1 *d1, slv_str name, int64_t created_ms, slv_err *err);

/* ---- whole databases as SQL text ---- */

typedef struct slv_d1_export_options {
    bool no_schema, no_data;
    const slv_str *tables; /* none: all */
    size_t table_count;
} slv_d1_export_options;
/* Writes what wrangler's export writes, in one read transaction. SLV_E_INVAL: there are virtual
 * tables, which cannot be written so. */
SLV_NODISCARD slv_code slv_d1_export(slv_d1 *d1, const slv_d1_export_options *options,
                                     slv_code (*write)(void *arg, slv_str bytes, slv_err *err),
                                     void *arg, slv_err *err);

typedef struct slv_d1_import {
    /* The next bytes of the text, up to `size`; *ret_len 0: the end. */
    slv_code (*read)(void *arg, char *out, size_t size, size_t *ret_len, slv_err *err);
    void *arg;
    const atomic_bool *stop;
    uint64_t statements, rows_read, rows_written; /* out */
    uint64_t size_after;
    double duration_ms;
} slv_d1_import;
/* Runs a text of any size statement by statement, all of it or nothing. No time limit. */
SLV_NODISCARD slv_code slv_d1_import_run(slv_d1 *d1, slv_d1_import *import, slv_err *err);

/* What its statements cost (d1/insights.h), a JSON array. */
struct slv_d1_insights_ask;
SLV_NODISCARD slv_code slv_d1_tell_insights(slv_d1 *d1, const struct slv_d1_insights_ask *ask,
                                            slv_buf *out);

/* ---- bookmarks ---- */

/* Where the database stands: NUL-terminated, longer ones are later in byte order too. */
void slv_d1_bookmark(slv_d1 *d1, char out[static SLV_D1_BOOKMARK_LEN + 1]);
/* The bookmark of a time. On the writer. SLV_E_NOTFOUND: nothing is known of then. */
SLV_NODISCARD slv_code slv_d1_bookmark_at(slv_d1 *d1, int64_t ms,
                                          char out[static SLV_D1_BOOKMARK_LEN + 1], slv_err *err);
/* Makes the database what it was at a bookmark, as one more commit. On the writer (SLV_CALL_SOLO).
 */
SLV_NODISCARD slv_code slv_d1_restore(slv_d1 *d1, slv_str bookmark, slv_err *err);

#endif
