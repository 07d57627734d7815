/*
 * watch.h - changes of files, reported in groups. Loop only.
 *
 * The directories of the watched files are observed, so that editors that write a new file and
 * rename it, and files that do not exist yet, are seen. Directory trees may be watched as a whole.
 * Changes within SETTLE of each other make one call.
 *
 * Limits: SLV_WATCH_DIRS_MAX directories; further ones are not observed.
 */
#ifndef SLV_CLI_WATCH_H
#define SLV_CLI_WATCH_H

#include "aio/loop.h"
#include "base/str.h"

#define SLV_WATCH_DIRS_MAX 8192

typedef struct slv_watch slv_watch;

/* path: the last of the group; tree: it lies in a watched tree. */
typedef void (*slv_watch_fn)(void *user, const char *path, bool tree);

SLV_NODISCARD slv_code slv_watch_new(slv_loop *loop, slv_watch_fn fn, void *user, slv_watch **ret,
                                     slv_err *err);
slv_watch *slv_watch_free(slv_watch *w);
SLV_DEFINE_CLEANUP(slv_watch *, slv_watch_free);

/* Marks everything for removal; what is not added again goes with slv_watch_commit. */
void slv_watch_begin(slv_watch *w);
void slv_watch_file(slv_watch *w, slv_str path); /* absolute */
void slv_watch_tree(slv_watch *w, const char *path);
void slv_watch_commit(slv_watch *w);
/* Until the next commit any change in an observed directory counts: after a failed build it is not
 * known what is missing. */
void slv_watch_anything(slv_watch *w, bool on);

#endif
