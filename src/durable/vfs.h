/*
 * vfs.h - SQLite's files as descriptors: no path, no lock, no shared memory, no journal.
 *
 * A database opened through this VFS must be in WAL mode already and in exclusive locking mode from
 * its first access on. What else SQLite would open (a rollback journal, a temporary file) does not
 * exist.
 *
 * The calls go through a table, which tests replace to let the n-th write fail and to record what a
 * power cut would leave.
 */
#ifndef SLV_DURABLE_VFS_H
#define SLV_DURABLE_VFS_H

#include <sqlite3.h>
#include <sys/types.h>

#define SLV_DURABLE_VFS "selvage-object"

typedef struct slv_durable_calls {
    ssize_t (*pread)(int fd, void *to, size_t n, off_t at);
    ssize_t (*pwrite)(int fd, const void *from, size_t n, off_t at);
    int (*ftruncate)(int fd, off_t length);
    int (*fdatasync)(int fd);
} slv_durable_calls;

/* Once, or as often as one likes; not from several threads at once. */
void slv_durable_vfs_register(void);
/* The next database that this thread opens with the VFS has these descriptors, which it closes. */
void slv_durable_vfs_give(int db_fd, int wal_fd);
/* Closes what was given and not taken. */
void slv_durable_vfs_take_back(void);
/* The WAL of a database goes on in another, empty file from its first byte on; a write elsewhere
 * fails. Takes fd. */
void slv_durable_vfs_change_wal(sqlite3 *db, int fd);
/* NULL: the system's. */
void slv_durable_vfs_calls(const slv_durable_calls *calls);

#endif
