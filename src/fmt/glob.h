/*
 * glob.h - the file patterns of module rules. Any thread.
 *
 * Two dialects, as wrangler has them. PATH (files of the project): * stays within a directory, and
 * ** between slashes stands for any number of directories, none included. IMPORT (the text of an
 * import): a run of * stands for anything. Every other character stands for itself. The whole text
 * must match. Time is pattern length times text length at most.
 *
 * Limits: SLV_GLOB_MAX bytes of pattern; longer ones match nothing.
 */
#ifndef SLV_FMT_GLOB_H
#define SLV_FMT_GLOB_H

#include "base/buf.h"

#define SLV_GLOB_MAX 1024

typedef enum slv_glob_dialect {
    SLV_GLOB_PATH,
    SLV_GLOB_IMPORT,
} slv_glob_dialect;

bool slv_glob_match(slv_str pattern, slv_str text, slv_glob_dialect dialect);
/* Appends an anchored regular expression (RE2 and JavaScript syntax) for the IMPORT dialect. */
SLV_NODISCARD slv_code slv_glob_regexp(slv_str pattern, slv_buf *out);

#endif
