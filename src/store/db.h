/*
 * db.h - one SQLite file as every store of the platform uses it.
 *
 * Every file is in WAL mode with synchronous=NORMAL: a commit is in the WAL, and durable only after
 * slv_db_sync(), which syncs the WAL. So one sync serves many commits; whoever acknowledges a write
 * calls it first (state/state.h does, for all stores). SQLite never checkpoints by itself here: an
 * error of the disk that such a checkpoint met would be swallowed and the next sync would not see
 * it again. The WAL is never unlinked while the file is open.
 *
 * Nobody opens and closes a database file by other means while a slv_db has it: closing any
 * descriptor of it drops SQLite's locks in the whole process (fcntl locks work like that). Sizes
 * come from slv_db_bytes; the -wal may be opened for reading.
 *
 * SQLite is the amalgamation that the build compiles in (at least 3.51.3; slv_db_library_check says
 * so), with our own options; no extension can be loaded, there is no shared cache, no mutex.
 *
 * Threading: a slv_db is used by one thread at a time. Calls may block on disk.
 * Errors: SLV_E_IO (disk full, damaged, not a database), SLV_E_LIMIT (SQLITE_FULL by max_bytes, a
 * value too large), SLV_E_STATE (a newer format), SLV_E_INVAL (text that is no SQL), SLV_E_EXISTS
 * (a constraint), SLV_E_AGAIN (busy), SLV_E_CANCELED (interrupted), SLV_E_DENIED (refused by the
 * authorizer, or a write on a read-only handle), SLV_E_NOMEM. err->detail is SQLite's extended
 * code.
 */
#ifndef SLV_STORE_DB_H
#define SLV_STORE_DB_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/str.h"

/* Pages in the WAL from which on a checkpoint is due; slv_db_set_wal_pages changes it for the whole
 * process, before a database is open: tests want checkpoints often. */
#define SLV_DB_WAL_PAGES 1000
void slv_db_set_wal_pages(unsigned pages);

typedef struct slv_db slv_db;

/* The format of a kind of file, and the way to it from every older one: step i leads from
 * user_version i to i + 1. An empty file starts at 0. */
typedef struct slv_db_schema {
    uint32_t application_id; /* in the file's header: what kind it is */
    const char *const *steps;
    size_t count;
} slv_db_schema;

/* Before a checkpoint moves the WAL into the file: its frames may be copied (PATH-wal, durable up
 * to the last commit) before they are overwritten. A failure puts the checkpoint off. */
typedef slv_code (*slv_db_checkpoint_hook)(void *arg, slv_db *db, slv_err *err);

typedef struct slv_db_options {
    const slv_db_schema *schema;
    bool create;    /* make the file when absent (or half made); else SLV_E_NOTFOUND */
    bool read_only; /* a reader beside the writer; never creates or migrates */
    /* No other process may open the file while this one has it (so all its handles here must say
       the same): reading then takes no system calls for locks, which cost more than a small read,
       and the WAL's index is memory. Not for files that people look at with tools of their own. */
    bool alone;
    uint64_t max_bytes;                       /* 0: none */
    unsigned cache_bytes;                     /* page cache; 0: 256 KiB */
    uint32_t page_size;                       /* of a new file; 0: 4096 */
    slv_db_checkpoint_hook before_checkpoint; /* NULL: none */
    void *before_checkpoint_arg;
} slv_db_options;

SLV_NODISCARD slv_code slv_db_open(const char *path, const slv_db_options *options, slv_db **ret,
                                   slv_err *err);
/* Accepts NULL, returns NULL. Checkpoints nothing. */
slv_db *slv_db_free(slv_db *db);
SLV_DEFINE_CLEANUP(slv_db *, slv_db_free);

/* For sqlite3_bind and friends; owned by db. Its WAL hook is ours. */
sqlite3 *slv_db_handle(slv_db *db);
const char *slv_db_path(const slv_db *db);
/* err = "WHAT: <SQLite's text>", the code by SQLite's last result. */
slv_code slv_db_fail(slv_db *db, slv_err *err, const char *what);
/* Whether SQLITE_FULL, just seen, was the disk's and not the limit of max_bytes. */
bool slv_db_disk_full(const slv_db *db);

SLV_NODISCARD slv_code slv_db_exec(slv_db *db, const char *sql, slv_err *err);
/* A statement that stays prepared as long as db; text is a literal of the program. Borrowed; reset
 * it (slv_stmt_done) after its last use in a call. NULL never: failures are in err. */
SLV_NODISCARD slv_code slv_db_stmt(slv_db *db, const char *text, sqlite3_stmt **ret, slv_err *err);

/* Transactions of whoever runs the strand: services never begin or end one themselves, unless their
 * header says so. */
SLV_NODISCARD slv_code slv_db_begin(slv_db *db, slv_err *err); /* IMMEDIATE */
SLV_NODISCARD slv_code slv_db_commit(slv_db *db, slv_err *err);
void slv_db_rollback(slv_db *db);
SLV_NODISCARD slv_code slv_db_savepoint(slv_db *db, slv_err *err);
SLV_NODISCARD slv_code slv_db_release(slv_db *db, slv_err *err);
void slv_db_rollback_to(slv_db *db); /* and releases the savepoint */
bool slv_db_in_transaction(slv_db *db);

/* Every commit so far survives a power cut when this returns SLV_OK. A failure is final: nothing of
 * the file may be acknowledged any more. Also fails when the file was removed or replaced
 * meanwhile. Does nothing when nothing was committed since. */
SLV_NODISCARD slv_code slv_db_sync(slv_db *db, slv_err *err);
/* True when the WAL is so long that a checkpoint is due (SLV_DB_WAL_PAGES). */
bool slv_db_checkpoint_due(const slv_db *db);
/* Pages in the WAL after the last commit of this handle, 0 when they have all moved. */
unsigned slv_db_wal_pages(const slv_db *db);
/* Moves the WAL into the file as far as no reader is in the way; the next commit then begins at its
 * start again. empty: also cuts it to length 0, for a file that is about to be closed. SLV_E_AGAIN:
 * a reader was in the way of the rest, which moves another time. A failure of the disk is final, as
 * of slv_db_sync. */
SLV_NODISCARD slv_code slv_db_checkpoint(slv_db *db, bool empty, slv_err *err);
/* Bytes of the file and of its WAL. */
uint64_t slv_db_bytes(slv_db *db);
/* Gives back the memory of cached pages; they are read again when they are needed. */
void slv_db_cool(slv_db *db);
/* After a sync or an opening that failed, with the database closed by its writer: the kernel holds
 * the pages that it could not write for clean, and a later sync would pass over them. Writes what
 * is in the WAL anew and syncs it. Absent files are fine. */
SLV_NODISCARD slv_code slv_db_rescue(const char *path, slv_err *err);

/* ---- statements ---- */

/* Parameters count from 1. A failed bind is remembered and reported by the next slv_stmt_step. */
void slv_stmt_bind_text(sqlite3_stmt *st, int i, slv_str text); /* borrowed until reset */
void slv_stmt_bind_blob(sqlite3_stmt *st, int i, slv_str bytes);
void slv_stmt_bind_int(sqlite3_stmt *st, int i, int64_t v);
void slv_stmt_bind_null(sqlite3_stmt *st, int i);
/* SLV_OK: a row. SLV_E_NOTFOUND: no more. */
SLV_NODISCARD slv_code slv_stmt_step(slv_db *db, sqlite3_stmt *st, slv_err *err);
/* Steps to the end, whatever rows come, and then slv_stmt_done: for statements that change. */
SLV_NODISCARD slv_code slv_stmt_run(slv_db *db, sqlite3_stmt *st, slv_err *err);
/* Columns count from 0. Borrowed until the next step or reset. */
slv_str slv_stmt_str(sqlite3_stmt *st, int column); /* text or blob; NULL is empty */
int64_t slv_stmt_int(sqlite3_stmt *st, int column);
bool slv_stmt_is_null(sqlite3_stmt *st, int column);
/* Resets and clears the bindings: what was bound may go away. */
void slv_stmt_done(sqlite3_stmt *st);

/* SQLite gets no more memory than this in the whole process; a statement that needs more fails
 * (SLV_E_NOMEM). Before any database is open and any other thread runs; it also makes SQLite read
 * what it needs of the system, so that it may be locked down afterwards. */
SLV_NODISCARD slv_code slv_db_heap_limit(uint64_t bytes, slv_err *err);

/* SLV_E_UNSUPPORTED when the library that was linked is too old. */
SLV_NODISCARD slv_code slv_db_library_check(slv_err *err);

#endif
