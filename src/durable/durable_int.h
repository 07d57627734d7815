/*
 * durable_int.h - the layout of slv_durable.
 *
 * The hidden tables are made when they are first written, so that an object that uses only SQL of
 * its own sees none. Whether they are there is looked up once and again after anything that may
 * have changed it: a rollback, or a user's schema change.
 */
#ifndef SLV_DURABLE_DURABLE_INT_H
#define SLV_DURABLE_DURABLE_INT_H

#include <sqlite3.h>

#include "durable/durable.h"

typedef enum durable_statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_SAVEPOINT,
    ST_RELEASE,
    ST_ROLLBACK_TO,
    ST_TABLES,
    ST_SIZE,
    ST_KV_GET,
    ST_KV_PUT,
    ST_KV_DELETE,
    ST_KV_LIST, /* two more: with an end; two more: in reverse */
    ST_KV_LIST_END,
    ST_KV_LIST_REVERSE,
    ST_KV_LIST_END_REVERSE,
    ST_ALARM_GET,
    ST_ALARM_SET,
    ST_ALARM_DELETE,
    ST_COUNT,
} durable_statement;

struct slv_durable {
    sqlite3 *db;
    slv_usersql *sql;
    unsigned depth; /* savepoints that are open */
    bool tables_known, has_kv, has_metadata;
    sqlite3_stmt *listing; /* one of statements, or NULL */
    bool list_cut;         /* the listing was ended by a checkpoint */
    uint64_t list_left;    /* rows that the limit still allows */
    uint64_t wal_pages;    /* after the last commit */
    uint32_t page_size;
    sqlite3_stmt *statements[ST_COUNT];
};

/* A statement of ours, prepared at its first use; reset it when done. NULL with err filled. */
sqlite3_stmt *slv_durable_stmt(slv_durable *d, durable_statement which, slv_err *err);
/* By SQLite's last result, or by one that it does not remember: its text and the code's name. */
slv_code slv_durable_fail(slv_durable *d, slv_err *err);
slv_code slv_durable_fail_rc(slv_durable *d, int rc, slv_err *err);
/* Runs a statement that gives no rows. */
slv_code slv_durable_run(slv_durable *d, durable_statement which, slv_err *err);
/* Fills has_kv and has_metadata. */
SLV_NODISCARD slv_code slv_durable_tables(slv_durable *d, slv_err *err);

#endif
