/*
 * disk_log.h - the log of disk.c: what was done to the files below the watched folder, in order.
 * Private to disk.c and disk_log.c; the caller holds disk.c's lock.
 */
#ifndef SLV_TEST_DISK_LOG_H
#define SLV_TEST_DISK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void disk_log_reset(void);
/* Answers the number of the new file. */
uint32_t disk_log_create(const char *path, bool dir);
void disk_log_write(uint32_t inode, uint64_t offset, const void *bytes, size_t len);
void disk_log_resize(uint32_t inode, uint64_t len);
void disk_log_sync(uint32_t inode, bool ok);
void disk_log_sync_dir(const char *path);
void disk_log_remove(const char *path);
void disk_log_rename(const char *from, const char *to);
void disk_log_mark(uint64_t mark);

#endif
