/*
 * files.h - the two files of one Durable Object, as main holds them: it opens, syncs, archives and
 * removes them, and never reads them as SQLite.
 *
 *     FOLDER/ID.sqlite           made whole: written under a temporary name, renamed
 *     FOLDER/ID.sqlite-wal       exists for as long as the database does
 *     FOLDER/ID.sqlite-wal.next  during a checkpoint: where the isolate writes from then on
 *     FOLDER/ID.log/             logs that were left behind (store/archive.h), and `restore`
 *     FOLDER/ID.facets/          files of the object's facets, by digests of their names
 *
 * The isolate gets duplicates of the descriptors; what it commits is in the WAL, and durable when
 * slv_object_files_sync returns. Ours are opened before anything is written, so that an error of
 * the disk is seen by the sync. A sync that failed is final: every later one fails as well.
 *
 * A checkpoint changes logs instead of emptying one: slv_object_files_prepare makes the next, the
 * isolate moves the old one into the database and goes on in the new one, and
 * slv_object_files_rotate gives both their names. Whoever dies in between leaves both, and the next
 * open tells by the new log's first bytes which one counts.
 *
 * Threading: one thread at a time. Calls block on disk.
 */
#ifndef SLV_OBJECTS_FILES_H
#define SLV_OBJECTS_FILES_H

#include "base/err.h"
#include "base/str.h"
#include "store/archive.h"

#define SLV_OBJECT_FILES_ID 64
#define SLV_OBJECT_BOOKMARK_LEN 59

typedef struct slv_object_files {
    int db, wal;      /* -1: not open */
    int next;         /* a log that was prepared; -1: none */
    bool fresh;       /* made by this open: names and first page are synced with the first commit */
    bool failed;      /* a sync failed */
    char *folder;     /* owned */
    uint32_t segment; /* number of the log */
    bool whole;       /* the database is as it was when this log began */
    bool restoring;   /* the next open goes back: this log is the last of its kind */
    int times;        /* the archive's; -1: not open */
    slv_place noted;  /* a commit, not in `times` yet */
    int64_t noted_ms; /* 0: none */
    char id[SLV_OBJECT_FILES_ID + 1];
} slv_object_files;

/* Makes folder (one level) and files where they are absent; finishes what an end in the wrong
 * moment has left, and goes back to a bookmark that slv_object_files_restore left. *ret is
 * overwritten, on failure too. */
SLV_NODISCARD slv_code slv_object_files_open(const char *folder, slv_str id, slv_object_files *ret,
                                             slv_err *err);
void slv_object_files_close(slv_object_files *f);

/* What is in the WAL now survives a power cut. *ret_wal_bytes: its length. */
SLV_NODISCARD slv_code slv_object_files_sync(slv_object_files *f, uint64_t *ret_wal_bytes,
                                             slv_err *err);
/* A commit ended with this frame of the WAL. */
void slv_object_files_note(slv_object_files *f, uint32_t frame, int64_t ms);

/* f->next is there, and the way back from what the checkpoint changes. */
SLV_NODISCARD slv_code slv_object_files_prepare(slv_object_files *f, slv_err *err);
/* The isolate writes there now, and all of the old log is in the database. */
SLV_NODISCARD slv_code slv_object_files_rotate(slv_object_files *f, slv_err *err);
/* It does not. */
void slv_object_files_drop_next(slv_object_files *f);

/* ---- the way back ---- */

/* Where the object is: after its last commit. */
SLV_NODISCARD slv_code slv_object_files_bookmark(slv_object_files *f,
                                                 char out[static SLV_OBJECT_BOOKMARK_LEN + 1],
                                                 slv_err *err);
/* SLV_E_NOTFOUND: nothing is known of that time. */
SLV_NODISCARD slv_code slv_object_files_bookmark_at(slv_object_files *f, int64_t ms,
                                                    char out[static SLV_OBJECT_BOOKMARK_LEN + 1],
                                                    slv_err *err);
/* The next open goes back to it; *ret_undo: the bookmark of the moment before. SLV_E_INVAL: no
 * bookmark of this object; SLV_E_NOTFOUND: not kept any more. */
SLV_NODISCARD slv_code slv_object_files_restore(slv_object_files *f, slv_str bookmark,
                                                char ret_undo[static SLV_OBJECT_BOOKMARK_LEN + 1],
                                                slv_err *err);

/* Removes all files of one object, with those of its facets, for good; absent is fine. */
SLV_NODISCARD slv_code slv_object_files_remove(const char *folder, slv_str id, slv_err *err);
/* Removes the folder of a class with everything in it; absent is fine. */
SLV_NODISCARD slv_code slv_object_folder_remove(const char *folder, slv_err *err);

#endif
