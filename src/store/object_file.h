/*
 * object_file.h - the bytes of a new Durable Object's database: docs/formats/object.md.
 *
 * Main makes the file by writing these bytes under a temporary name, syncing and renaming it, and
 * makes an empty "-wal" beside it. It must be made whole: the isolate's VFS has no rollback
 * journal, so a file that is not in WAL mode can never be opened by it.
 *
 * Any thread.
 */
#ifndef SLV_STORE_OBJECT_FILE_H
#define SLV_STORE_OBJECT_FILE_H

#include <stdint.h>

#define SLV_OBJECT_FILE_SIZE 4096               /* one page */
#define SLV_OBJECT_FILE_ID UINT32_C(0x534c564f) /* "SLVO": application id in the header */
#define SLV_OBJECT_FILE_VERSION 1               /* user version in the header */

/* A database in WAL mode without any table. */
void slv_object_file_template(uint8_t ret[SLV_OBJECT_FILE_SIZE]);

#endif
