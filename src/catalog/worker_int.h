/*
 * worker_int.h - what the files about workers share: running a statement and taking its rows.
 * Private to catalog.
 */
#ifndef SLV_CATALOG_WORKER_INT_H
#define SLV_CATALOG_WORKER_INT_H

#include <sqlite3.h>

#include "catalog/catalog_int.h"
#include "catalog/worker.h"

/* Column number *at as text in the arena; *at moves on. */
SLV_NODISCARD slv_code slv_catalog_take_(sqlite3_stmt *st, int *at, slv_arena *arena, slv_str *ret,
                                         slv_err *err);
/* Binds account, dispatch and name as ?1, ?2, ?3. */
void slv_catalog_bind_key_(sqlite3_stmt *st, const slv_worker_key *key);
/* SLV_E_NOTFOUND with a text that names the worker. */
SLV_NODISCARD slv_code slv_catalog_no_worker_(const slv_worker_key *key, slv_err *err);
/* The first column of the only row, with the key bound. 0 when there is none. */
SLV_NODISCARD slv_code slv_catalog_count_(slv_catalog *c, const char *sql,
                                          const slv_worker_key *key, uint64_t *ret, slv_err *err);
/* A statement that changes, with the key bound. */
SLV_NODISCARD slv_code slv_catalog_run_(slv_catalog *c, const char *sql, const slv_worker_key *key,
                                        slv_err *err);

/* Rows of a statement whose parameters are bound, in an array of the arena that grows by doubling:
 * read(st, arena, row) for each. Resets the statement. */
typedef slv_code (*slv_catalog_read_)(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_rows_(slv_catalog *c, sqlite3_stmt *st, size_t size,
                                         slv_catalog_read_ read, slv_arena *arena, void **ret,
                                         size_t *ret_count, slv_err *err);
/* One row; SLV_E_NOTFOUND, without text, when there is none. */
SLV_NODISCARD slv_code slv_catalog_row_(slv_catalog *c, sqlite3_stmt *st, slv_catalog_read_ read,
                                        slv_arena *arena, void *row, slv_err *err);

#endif
