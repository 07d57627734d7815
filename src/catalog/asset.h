/*
 * asset.h - the static files of accounts, as the catalog knows them, and uploads of them that are
 * under way.
 *
 * A row says that a file of that content is there and durable (host/asset_store.h), how long it is,
 * and the Content-Type that it came with. Rows are touched when an upload is told that it need not
 * bring the file; what nothing names and nobody has touched for long may go.
 *
 * A session is an upload of a worker's files: which of its manifest are still wanted.
 *
 * Threading and errors: catalog.h.
 */
#ifndef SLV_CATALOG_ASSET_H
#define SLV_CATALOG_ASSET_H

#include "catalog/catalog.h"

typedef struct slv_asset_row {
    slv_str hash, type; /* type: empty: none */
    uint64_t size;
    bool checked; /* that the hash is right was seen */
} slv_asset_row;

/* Adds the row, or gives the one that is there the type (and checked, when that is true). */
SLV_NODISCARD slv_code slv_catalog_asset_put(slv_catalog *c, slv_str account,
                                             const slv_asset_row *row, int64_t now_ms,
                                             slv_err *err);
/* hash of *ret is the one that was asked for. */
SLV_NODISCARD slv_code slv_catalog_asset_get(slv_catalog *c, slv_str account, slv_str hash,
                                             slv_arena *arena, slv_asset_row *ret, slv_err *err);
/* *ret_has: whether it is there; its row then counts as used now. */
SLV_NODISCARD slv_code slv_catalog_asset_touch(slv_catalog *c, slv_str account, slv_str hash,
                                               int64_t now_ms, bool *ret_has, slv_err *err);
/* Rows that were not touched since before_ms, at most limit, in the order of (account, hash) behind
 * the one that is given (empty: from the start). */
typedef struct slv_asset_old {
    slv_str account, hash;
} slv_asset_old;
typedef struct slv_asset_old_list {
    slv_asset_old *items;
    size_t count;
} slv_asset_old_list;
SLV_NODISCARD slv_code slv_catalog_asset_old(slv_catalog *c, int64_t before_ms,
                                             const slv_asset_old *behind, uint64_t limit,
                                             slv_arena *arena, slv_asset_old_list *ret,
                                             slv_err *err);
/* Absent is fine; so is one that was touched after before_ms: it stays (*ret_gone false). */
SLV_NODISCARD slv_code slv_catalog_asset_remove(slv_catalog *c, slv_str account, slv_str hash,
                                                int64_t before_ms, bool *ret_gone, slv_err *err);

/* ---- sessions ---- */

typedef struct slv_asset_session {
    slv_str id;
    slv_str account, dispatch, worker;
    slv_str manifest; /* hash of the file that has it */
    int64_t expires_ms;
} slv_asset_session;

/* One file of it that is wanted. */
typedef struct slv_asset_wanted {
    slv_str hash, extension;
} slv_asset_wanted;

/* Those that have expired go. */
SLV_NODISCARD slv_code slv_catalog_session_add(slv_catalog *c, const slv_asset_session *session,
                                               const slv_asset_wanted *wanted, size_t count,
                                               int64_t now_ms, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_session_get(slv_catalog *c, slv_str id, slv_arena *arena,
                                               slv_asset_session *ret, slv_err *err);
/* The extension that the hash was announced with. SLV_E_NOTFOUND: it is not (or no longer) wanted.
 */
SLV_NODISCARD slv_code slv_catalog_session_wants(slv_catalog *c, slv_str id, slv_str hash,
                                                 slv_arena *arena, slv_str *ret_extension,
                                                 slv_err *err);
/* It has come. */
SLV_NODISCARD slv_code slv_catalog_session_has(slv_catalog *c, slv_str id, slv_str hash,
                                               slv_err *err);
SLV_NODISCARD slv_code slv_catalog_session_left(slv_catalog *c, slv_str id, uint64_t *ret,
                                                slv_err *err);

/* ---- what is named ---- */

/* The `assets` columns of every version and Pages deployment, each once for each row. */
SLV_NODISCARD slv_code slv_catalog_asset_each(slv_catalog *c,
                                              slv_code (*each)(void *arg, slv_str account,
                                                               slv_str assets_json, slv_err *err),
                                              void *arg, slv_err *err);
/* The manifests of sessions that are open. */
SLV_NODISCARD slv_code slv_catalog_session_each(slv_catalog *c, int64_t now_ms,
                                                slv_code (*each)(void *arg, slv_str account,
                                                                 slv_str manifest, slv_err *err),
                                                void *arg, slv_err *err);

#endif
