/*
 * disk.h - a disk that fails when it is told to, and that loses what was not synced.
 *
 * disk.c takes the place of the C library's file calls in the program that it is linked into
 * (SQLite's calls too). Below a folder that is watched every change goes into a log. From the log,
 * disk_crash lays out what a power cut at any moment could have left:
 *
 *   - what was written before a file's last sync that succeeded is there;
 *   - of later writes and cuts a random part is there, in any order, writes torn between sectors;
 *   - a new name, a removal or a renaming is there after its folder was synced, else perhaps;
 *   - what was written before a sync that failed may be lost even when a later sync succeeds: the
 *     kernel believes those pages to be clean.
 *
 * "-shm" files are passed over. One folder is watched at a time. Any thread, but watch, stop and
 * everything on crash states, which belong to the thread of the test.
 */
#ifndef SLV_TEST_DISK_H
#define SLV_TEST_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"

/* dir: absolute, exists, empty. Begins a new log. */
void disk_watch(const char *dir);
/* Ends watching and failing; the log stays until the next watch. */
void disk_stop(void);
/* Puts a mark of the test's into the log, such as "this change was acknowledged". */
void disk_note(uint64_t mark);

typedef enum disk_op {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_RESIZE,
    DISK_SYNC,
    DISK_NAME, /* make, rename, remove */
    DISK_OPS,
} disk_op;
const char *disk_op_name(disk_op op);

/* The nth call of this kind from now on (1: the next) fails with this errno; stay: so do all later
 * ones until disk_heal. A failing write has written nothing. */
void disk_fail(disk_op op, unsigned long nth, int error, bool stay);
bool disk_has_failed(void); /* since disk_fail */
/* Until the next watch: syncs succeed and do nothing. Shows that a test would see the loss. */
void disk_lie(void);
void disk_heal(void);
/* Calls since disk_watch. */
unsigned long disk_calls(disk_op op);

/* ---- crash states ---- */

size_t disk_log_len(void);
void disk_dump(void); /* the log in words, on stderr */
/* Entry i is a change after which a power cut is of interest (not a mark, not a sync). */
bool disk_log_is_change(size_t i);
/* Lays out what may be left after the first n entries in the new folder `to`. n may not become
 * smaller from call to call (disk_rewind begins again). False: the real disk failed. */
bool disk_crash(size_t n, slv_prng *prng, const char *to);
void disk_rewind(void);
/* The marks among the first n entries. */
void disk_marks(size_t n, void (*fn)(void *arg, uint64_t mark), void *arg);

#endif
