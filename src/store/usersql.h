/*
 * usersql.h - SQL written by strangers, on a connection that also runs statements of our own: what
 * it may touch, how large it may be, how it is counted and stopped, and what its errors say.
 *
 * Used by D1 and by the SQL of Durable Objects alike (platform rules: limits, allowed functions and
 * pragmas, reserved names `_cf_...`, no transactions, one text of several statements of which the
 * last one takes the parameters and gives the rows). Knows nothing of either.
 *
 * A connection is in one of two modes. Everything that goes through a slv_usersql_query is judged
 * by the authorizer; everything else (slv_db_stmt ...) is ours and is not. The limits below hold
 * for both.
 *
 *     slv_usersql_query *q = NULL;
 *     SLV_TRY(slv_usersql_start(u, text, 0, &q, err));      runs all but the last statement
 *     if (nparams != slv_usersql_parameters(q)) ...         slv_usersql_wrong_count() has the text
 *     sqlite3_bind_...(slv_usersql_stmt(q), 1, ...)
 *     while ((code = slv_usersql_step(q, err)) == SLV_OK)   SLV_E_NOTFOUND: no more rows
 *         sqlite3_column_...(slv_usersql_stmt(q), 0)
 *     slv_usersql_end(q);
 *
 * Prepared statements are kept by their text, least recently used first to go, up to
 * SLV_USERSQL_CACHE_BYTES of text; texts of several statements and pragmas are not kept.
 *
 * Transactions are the caller's: SQL of a user never begins or ends one. A failed statement may
 * have rolled back the caller's transaction (slv_db_in_transaction tells).
 *
 * Errors: the code says what to do (below), slv_usersql_message() is the text that the user sees,
 * whole, until the next call on u: SQLite's text, " at offset N", ": SQLITE_CODE", " (extended:
 * SQLITE_CODE_X)". SLV_E_INVAL      the user's fault: bad SQL, a constraint, not authorized, a
 * limit of SQLite SLV_E_STATE      SLV_USERSQL_READ was given and a statement would write; nothing
 * of it has run SLV_E_TIMEOUT    the deadline of slv_usersql_guard has passed SLV_E_CANCELED   its
 * stop flag was raised SLV_E_IO, SLV_E_LIMIT   the file: damaged, cannot be written; full
 *
 * Threading: as the connection: one thread at a time; the stop flag may be raised by any.
 */
#ifndef SLV_STORE_USERSQL_H
#define SLV_STORE_USERSQL_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SLV_USERSQL_TEXT_MAX ((size_t)100000)   /* bytes of one text */
#define SLV_USERSQL_VALUE_MAX ((size_t)2200000) /* bytes of a value, and of a row */
#define SLV_USERSQL_COLUMNS_MAX 100             /* of a table, a result, an index */
#define SLV_USERSQL_DEPTH_MAX 100               /* of an expression */
#define SLV_USERSQL_COMPOUND_MAX 5              /* terms of a compound SELECT */
#define SLV_USERSQL_OPS_MAX 25000               /* instructions of a prepared statement */
#define SLV_USERSQL_ARGUMENTS_MAX 127           /* of a function */
#define SLV_USERSQL_PARAMETERS_MAX 100          /* ?1 to ?100 */
#define SLV_USERSQL_PATTERN_MAX 50              /* bytes of a LIKE or GLOB pattern */
#define SLV_USERSQL_TRIGGER_DEPTH_MAX 10
#define SLV_USERSQL_CACHE_BYTES ((size_t)1 << 20)

typedef struct slv_usersql slv_usersql;
typedef struct slv_usersql_query slv_usersql_query;

/* Sets limits, defensive mode and authorizer on db, which outlives u; foreign keys are switched on.
 * reserved: prefix of names that belong to us, NULL: "_cf_". Nobody else sets an authorizer or a
 * progress handler on db. */
slv_usersql *slv_usersql_new(sqlite3 *db, const char *reserved);
/* Finalizes what is kept; every query has ended. Accepts NULL, returns NULL. */
slv_usersql *slv_usersql_free(slv_usersql *u);
SLV_DEFINE_CLEANUP(slv_usersql *, slv_usersql_free);

/* What stops a query that runs: a time (slv_clock_mono_ns, 0: none) and a flag (NULL: none), looked
 * at every few thousand instructions. Holds until it is set again. */
void slv_usersql_guard(slv_usersql *u, uint64_t deadline_ns, const atomic_bool *stop);

#define SLV_USERSQL_READ                                                                           \
    1u /* refuse what would write, and what reads the state of the writing                         \
          connection: changes(), total_changes(), last_insert_rowid(), pragmas */

/* Prepares the text. What stands before its last statement is run, its rows are dropped. */
SLV_NODISCARD slv_code slv_usersql_start(slv_usersql *u, slv_str sql, unsigned flags,
                                         slv_usersql_query **ret, slv_err *err);
/* For sqlite3_bind_, sqlite3_column_...; owned by q. */
sqlite3_stmt *slv_usersql_stmt(slv_usersql_query *q);
size_t slv_usersql_parameters(slv_usersql_query *q);
/* Fails with what the platform says when another number of values was bound. */
slv_code slv_usersql_wrong_count(slv_usersql *u, slv_err *err);
/* Fails by SQLite's last result on the connection: for the caller's own sqlite3_bind_... */
slv_code slv_usersql_fail(slv_usersql *u, int rc, slv_err *err);
/* SLV_OK: a row; SLV_E_NOTFOUND: no more. */
SLV_NODISCARD slv_code slv_usersql_step(slv_usersql_query *q, slv_err *err);
/* Rows that the last statement has looked at and written so far, as the platform counts: each step
 * of a cursor on a table or index, each entry written into one. */
uint64_t slv_usersql_rows_read(slv_usersql_query *q);
uint64_t slv_usersql_rows_written(slv_usersql_query *q);
/* Resets the statement and keeps or finalizes it. Accepts NULL, returns NULL. */
slv_usersql_query *slv_usersql_end(slv_usersql_query *q);
SLV_DEFINE_CLEANUP(slv_usersql_query *, slv_usersql_end);

/* The whole text of the last failure. Borrowed until the next call on u. */
slv_str slv_usersql_message(slv_usersql *u);

/* True when the text may be tried on a read-only connection first: its first word is SELECT,
 * VALUES, WITH or EXPLAIN. A hint, not a judgement: SLV_USERSQL_READ judges. */
bool slv_usersql_looks_read(slv_str sql);

/* "SQLITE_CONSTRAINT" for SQLite's primary codes, NULL for others; likewise the extended ones. */
const char *slv_usersql_code_name(int rc);
const char *slv_usersql_extended_name(int rc);

#endif
