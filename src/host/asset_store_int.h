/*
 * asset_store_int.h - what the files of the asset store share. Private to host.
 *
 *     asset_store.c   places, manifests, verification
 *     asset_batch.c   files on their way to the disk
 *     asset_token.c   tokens of uploads
 *     asset_set.c     what a version has of them
 *     asset_sweep.c   files that nothing names
 */
#ifndef SLV_HOST_ASSET_STORE_INT_H
#define SLV_HOST_ASSET_STORE_INT_H

#include <pthread.h>

#include "base/map.h"
#include "host/asset_store.h"

#define SLV_ASSET_TMP "tmp" /* beside the folders of two digits */
#define SLV_ASSET_TMP_NAME (sizeof SLV_ASSET_TMP "/" + 32)

struct slv_asset_store {
    char *dir; /* DIR/v1 */
    uint8_t key[32];
    /* While rows are swept away: files that came meanwhile, "account/hash", which stay. */
    pthread_mutex_t lock;
    bool sweeping;
    SLV_MAP(bool) fresh;
};

/* Under the lock: the account's file was put into its place. */
void slv_asset_came(slv_asset_store *s, slv_str account, slv_str hash);

/* Appends the path of the directory of an account's files. */
SLV_NODISCARD slv_code slv_asset_dir(const slv_asset_store *s, slv_str account, slv_buf *out);
/* The directory of an account's files, made when create is true; *ret_path (may be NULL) is
 * malloc()ed. */
SLV_NODISCARD slv_code slv_asset_dir_open(const slv_asset_store *s, slv_str account, bool create,
                                          int *ret_fd, char **ret_path, slv_err *err);

#endif
