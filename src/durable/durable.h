/*
 * durable.h - the database of one Durable Object, on two descriptors that main has opened.
 *
 * SQLite runs here without any path: a VFS of our own reads and writes the descriptors of the
 * database and of its WAL, and knows nothing else. The connection has the files for itself
 * (EXCLUSIVE), does not sync its commits (synchronous=NORMAL; main does, on descriptors of its
 * own), but syncs around a checkpoint, which main's syncs cannot stand in for.
 *
 * Writes open a transaction by themselves (slv_durable_write does); whoever runs the object's turns
 * ends it with slv_durable_commit when the turn ends. Savepoints nest inside.
 *
 *     key-value   slv_durable_kv_...: table _cf_KV, made by the first put
 *     alarm       slv_durable_alarm_...: table _cf_METADATA, made by the first alarm
 *     SQL         slv_durable_sql: store/usersql.h on the same connection
 *
 * Errors: SLV_E_IO and SLV_E_LIMIT (full) of a write or commit mean that the database can no longer
 * be trusted to hold what the object believes: the caller rolls back and breaks the object. err has
 * SQLite's text.
 *
 * Threading: one thread at a time.
 * Limits: file size by options.max_bytes; keys and values by the caller.
 */
#ifndef SLV_DURABLE_DURABLE_H
#define SLV_DURABLE_DURABLE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/usersql.h"

#define SLV_DURABLE_MAX_BYTES ((uint64_t)10 << 30) /* default of max_bytes */
/* From this many bytes on a WAL is moved into the database even if a listing must be ended for it.
 */
#define SLV_DURABLE_WAL_MAX ((uint64_t)64 << 20)

typedef struct slv_durable slv_durable;

typedef struct slv_durable_options {
    int db_fd, wal_fd;  /* read and write; taken over, also on failure */
    uint64_t max_bytes; /* 0: SLV_DURABLE_MAX_BYTES */
} slv_durable_options;

/* Recovers what the WAL holds. SLV_E_IO: no database, or damaged. */
SLV_NODISCARD slv_code slv_durable_open_take(const slv_durable_options *options, slv_durable **ret,
                                             slv_err *err);
/* Rolls back what is not committed; does not checkpoint. Accepts NULL, returns NULL. */
slv_durable *slv_durable_free(slv_durable *d);
SLV_DEFINE_CLEANUP(slv_durable *, slv_durable_free);

/* ---- transactions ---- */

/* Begins one unless there is one. Before every write, ours or a user's. */
SLV_NODISCARD slv_code slv_durable_write(slv_durable *d, slv_err *err);
bool slv_durable_in_transaction(const slv_durable *d);
/* True when the open transaction has changed something. */
bool slv_durable_dirty(const slv_durable *d);
/* Ends the transaction, if there is one. Failed: it is rolled back. */
SLV_NODISCARD slv_code slv_durable_commit(slv_durable *d, slv_err *err);
void slv_durable_rollback(slv_durable *d);
/* Savepoints, which nest; the first begins a transaction. */
SLV_NODISCARD slv_code slv_durable_savepoint(slv_durable *d, slv_err *err);
SLV_NODISCARD slv_code slv_durable_release(slv_durable *d, slv_err *err);
void slv_durable_rollback_to(slv_durable *d); /* undoes and ends the innermost savepoint */
unsigned slv_durable_depth(const slv_durable *d);

/* Moves the WAL into the database; the next commit begins at its start again. Does nothing while a
 * transaction, a listing or a query is open; a listing is ended when the WAL is over
 * SLV_DURABLE_WAL_MAX. */
SLV_NODISCARD slv_code slv_durable_checkpoint(slv_durable *d, slv_err *err);
/* The same, and then goes on in another file, which is empty: wal_fd, taken over. *ret_changed
 * false: it could not be now, nothing has changed. */
SLV_NODISCARD slv_code slv_durable_change_wal(slv_durable *d, int wal_fd, bool *ret_changed,
                                              slv_err *err);
uint64_t slv_durable_wal_bytes(const slv_durable *d); /* as of the last commit */
uint32_t slv_durable_wal_frames(const slv_durable *d);
/* Bytes in use: pages that are not free. */
SLV_NODISCARD slv_code slv_durable_size(slv_durable *d, uint64_t *ret, slv_err *err);

/* ---- key-value ---- */

/* SLV_E_NOTFOUND when absent. *ret is valid until the next call on d; slv_durable_kv_got says that
 * it is not needed any more: until then a checkpoint cannot run. */
SLV_NODISCARD slv_code slv_durable_kv_get(slv_durable *d, slv_str key, slv_str *ret, slv_err *err);
void slv_durable_kv_got(slv_durable *d);
SLV_NODISCARD slv_code slv_durable_kv_put(slv_durable *d, slv_str key, slv_str value, slv_err *err);
SLV_NODISCARD slv_code slv_durable_kv_delete(slv_durable *d, slv_str key, bool *ret_was_there,
                                             slv_err *err);

typedef struct slv_durable_range {
    slv_str start; /* first key, included; empty: from the first */
    slv_str end;   /* excluded */
    bool has_end;
    bool reverse;
    uint64_t limit; /* 0: none */
} slv_durable_range;

/* One listing at a time: a second begins anew. */
SLV_NODISCARD slv_code slv_durable_kv_list(slv_durable *d, const slv_durable_range *range,
                                           slv_err *err);
/* SLV_E_NOTFOUND: no more. SLV_E_STATE: a checkpoint needed it out of the way. Views until the next
 * call on d. */
SLV_NODISCARD slv_code slv_durable_kv_next(slv_durable *d, slv_str *ret_key, slv_str *ret_value,
                                           slv_err *err);
void slv_durable_kv_list_end(slv_durable *d);

/* Drops every table, index, view and trigger, those of the user too; with_alarm: the alarm as well.
 * Not while a query is open. */
SLV_NODISCARD slv_code slv_durable_delete_all(slv_durable *d, bool with_alarm, slv_err *err);

/* ---- alarm ---- */

#define SLV_DURABLE_NO_ALARM INT64_C(-1)
SLV_NODISCARD slv_code slv_durable_alarm_get(slv_durable *d, int64_t *ret_ms, slv_err *err);
/* SLV_DURABLE_NO_ALARM removes it. */
SLV_NODISCARD slv_code slv_durable_alarm_set(slv_durable *d, int64_t ms, slv_err *err);

/* ---- SQL ---- */

slv_usersql *slv_durable_sql(slv_durable *d);
/* After user SQL that may have made, dropped or rolled back tables. */
void slv_durable_schema_changed(slv_durable *d);

#endif
