/*
 * tree.h - walking a folder and what lies in it. Blocks; any thread. Private to state.
 *
 * Links are not followed, and neither they nor sockets are shown. What goes away meanwhile is
 * passed over.
 */
#ifndef SLV_STATE_TREE_H
#define SLV_STATE_TREE_H

#include <sys/stat.h>

#include "base/buf.h"

#define SLV_TREE_DEPTH_MAX 64
#define SLV_TREE_PATH_BYTES ((size_t)64 << 10)

typedef struct slv_tree slv_tree;
struct slv_tree {
    slv_buf path; /* of what is looked at, relative to the start; SLV_BUF(SLV_TREE_PATH_BYTES) */
    slv_err *err;
    bool (*leave_out)(const slv_tree *t, slv_str name); /* path: of the folder that it is in */
    slv_code (*file)(slv_tree *t, int dir, const char *name, const struct stat *st);
    slv_code (*folder)(slv_tree *t); /* before what is in it; NULL: nobody asks */
};

/* Everything below `name` in the folder `at`. */
SLV_NODISCARD slv_code slv_tree_walk(slv_tree *t, int at, const char *name);
/* An error about the file that is looked at, with errno's text. */
slv_code slv_tree_fail(const slv_tree *t, const char *what);
/* All of it; what is absent is fine. SLV_E_IO. */
slv_code slv_tree_remove(const char *path, slv_err *err);
/* The folder that a name is in, so that the name is durable. */
SLV_NODISCARD slv_code slv_tree_sync_name(const char *path, slv_err *err);

#endif
