/*
 * file.h - whole files and paths. Any thread; blocks on the disk.
 */
#ifndef SLV_BASE_FILE_H
#define SLV_BASE_FILE_H

#include "base/buf.h"

/* Replaces what is in out. SLV_E_NOTFOUND, SLV_E_DENIED, SLV_E_LIMIT (out's limit), SLV_E_IO: each
 * message names the path. */
SLV_NODISCARD slv_code slv_file_read(const char *path, slv_buf *out, slv_err *err);
bool slv_file_exists(const char *path); /* a regular file */
bool slv_dir_exists(const char *path);

/* base/path, or path when it is absolute, with "." and ".." parts and doubled slashes removed.
 * malloc()ed. */
char *slv_path_join(const char *base, slv_str path);
/* The directory of a path: "/a/b" of "/a/b/c", "/" of "/c". malloc()ed. */
char *slv_path_dir(const char *path);
/* What follows the last slash. Borrowed. */
const char *slv_path_base(const char *path);
/* path as seen from dir ("../x/y"), both absolute and normal. malloc()ed. */
char *slv_path_relative(const char *dir, const char *path);

#endif
