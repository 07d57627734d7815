/*
 * files_int.h - what the files of src/objects/files*.c share. Private to objects.
 *
 *     files.c          opening, syncing, removing
 *     files_log.c      checkpoints: logs that change
 *     files_travel.c   bookmarks, and the way back to one
 */
#ifndef SLV_OBJECTS_FILES_INT_H
#define SLV_OBJECTS_FILES_INT_H

#include "objects/files.h"

#define SLV_OBJECT_OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW)

slv_code slv_object_io_fail(slv_err *err, const char *what, const char *path);
/* FOLDER/IDsuffix */
SLV_NODISCARD slv_code slv_object_path(const char *folder, slv_str id, const char *suffix,
                                       char out[static SLV_ARCHIVE_PATH], slv_err *err);
SLV_NODISCARD slv_code slv_object_sync_folder(const char *path, slv_err *err);
SLV_NODISCARD slv_code slv_object_log_dir(const slv_object_files *f,
                                          char out[static SLV_ARCHIVE_PATH], slv_err *err);
/* Makes it where it is absent, and syncs its name. */
SLV_NODISCARD slv_code slv_object_log_make(const slv_object_files *f, const char *dir,
                                           slv_err *err);

/* Of slv_object_files_open, in this order. */
SLV_NODISCARD slv_code slv_object_log_settle(slv_object_files *f, slv_err *err);
SLV_NODISCARD slv_code slv_object_travel_settle(slv_object_files *f, slv_err *err);
/* A base for the current log, of the database as it is. */
SLV_NODISCARD slv_code slv_object_log_base(slv_object_files *f, const char *dir, slv_err *err);
/* `times` gets what it was not told yet. */
void slv_object_log_flush(slv_object_files *f);
/* Frames of the WAL up to its last commit. */
SLV_NODISCARD slv_code slv_object_log_frames(const slv_object_files *f, uint32_t *ret,
                                             slv_err *err);

#endif
