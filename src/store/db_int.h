/*
 * db_int.h - the layout of a database handle, private to store.
 */
#ifndef SLV_STORE_DB_INT_H
#define SLV_STORE_DB_INT_H

#include "base/map.h"
#include "store/db.h"

/* Under this name a connection knows its slv_db (sqlite3_get_clientdata). */
#define SLV_DB_CLIENT "slv_db"

struct slv_db {
    sqlite3 *handle;
    char *path;
    SLV_IMAP(sqlite3_stmt *) stmts; /* by the address of their text */
    slv_db_checkpoint_hook hook;
    void *hook_arg;
    uint64_t max_bytes;
    int wal_frames;  /* in the WAL after the last commit */
    int due_frames;  /* from so many on a checkpoint is due */
    int bind_failed; /* SQLite's code, until the next step */
    bool dirty;      /* something was committed since the last sync */
    bool broken;     /* a sync failed, or it can only be read by mistake */
    bool read_only;  /* as it was asked for */
};

#endif
