/*
 * ignore.h - the patterns of `.assetsignore`: those of gitignore(5). Private to assets.
 *
 * A pattern is read in time pattern length times path length. Any thread; never changes.
 * Limits: SLV_IGNORE_LINE_MAX bytes a line (longer ones match nothing).
 */
#ifndef SLV_ASSETS_IGNORE_H
#define SLV_ASSETS_IGNORE_H

#include "base/str.h"
#include "base/vec.h"

#define SLV_IGNORE_LINE_MAX ((size_t)1024)

typedef struct slv_ignore_rule {
    slv_str pattern; /* borrowed from the text; without "!", leading and trailing slash */
    bool negated, anchored, folders;
} slv_ignore_rule;

typedef struct slv_ignore {
    SLV_VEC(slv_ignore_rule) rules;
} slv_ignore;

/* Adds the lines of a text, which must outlive it. */
void slv_ignore_add(slv_ignore *ig, slv_str text);
void slv_ignore_done(slv_ignore *ig);
/* path: "a/b.txt", without a slash in front. One whose folder is left out is left out by whoever
 * walks the tree: it is not asked about. */
bool slv_ignore_has(const slv_ignore *ig, slv_str path, bool folder);

#endif
