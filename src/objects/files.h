/*
 * files.h - the two files of one Durable Object, as main holds them: it opens, syncs and removes
 * them, and never reads them as SQLite.
 *
 *     FOLDER/ID.sqlite      made whole: written under a temporary name, renamed
 *     FOLDER/ID.sqlite-wal  exists for as long as the database does
 *
 * The isolate gets duplicates of the descriptors; what it commits is in the WAL, and durable when
 * slv_object_files_sync returns. Ours are opened before anything is written, so that an error of
 * the disk is seen by the sync. A sync that failed is final: every later one fails as well.
 *
 * Threading: one thread at a time. Calls block on disk.
 */
#ifndef SLV_OBJECTS_FILES_H
#define SLV_OBJECTS_FILES_H

#include "base/err.h"
#include "base/str.h"

typedef struct slv_object_files {
    int db, wal;  /* -1: not open */
    bool fresh;   /* made by this open: names and first page are synced with the first commit */
    bool failed;  /* a sync failed */
    char *folder; /* owned */
} slv_object_files;

/* Makes folder (one level) and files where they are absent. *ret is overwritten, on failure too. */
SLV_NODISCARD slv_code slv_object_files_open(const char *folder, slv_str id, slv_object_files *ret,
                                             slv_err *err);
void slv_object_files_close(slv_object_files *f);

/* What is in the WAL now survives a power cut. *ret_wal_bytes: its length. */
SLV_NODISCARD slv_code slv_object_files_sync(slv_object_files *f, uint64_t *ret_wal_bytes,
                                             slv_err *err);

/* Removes both files of one object; absent is fine. */
SLV_NODISCARD slv_code slv_object_files_remove(const char *folder, slv_str id, slv_err *err);
/* Removes the folder of a class with everything in it; absent is fine. */
SLV_NODISCARD slv_code slv_object_folder_remove(const char *folder, slv_err *err);

#endif
