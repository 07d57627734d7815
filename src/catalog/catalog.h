/*
 * catalog.h - what a server knows of its accounts: who may do what, which workers and projects
 * there are, their versions and deployments, where requests for a host go. One SQLite file for the
 * server.
 *
 * A plain library like the stores: no threads, no clock (times are passed in, milliseconds since
 * 1970), no HTTP. It is reached through the state (state/kinds.h: slv_catalog_store, tenant
 * SLV_CATALOG_TENANT, id SLV_CATALOG_ID); each function below and in the headers beside this one
 * runs in one call, so that what a request changes is one durable commit.
 *
 *     account.h   accounts, tokens, the audit log
 *     worker.h    workers, versions, deployments, triggers, routes
 *     consumer.h  which worker takes the messages of a queue
 *     pages.h     Pages projects and their deployments; static files of an account
 *
 * Rows come out with strings in the arena that is passed in.
 *
 * Errors: SLV_E_NOTFOUND, SLV_E_EXISTS (the message names what is in the way), SLV_E_IO,
 * SLV_E_LIMIT.
 */
#ifndef SLV_CATALOG_CATALOG_H
#define SLV_CATALOG_CATALOG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/db.h"

#define SLV_CATALOG_TENANT "@server" /* no account's id: those are 32 hexadecimal digits */
#define SLV_CATALOG_ID "catalog"

typedef struct slv_catalog slv_catalog;

typedef struct slv_catalog_options {
    bool create, read_only;
} slv_catalog_options;

/* path without suffix: ".sqlite" is added. */
SLV_NODISCARD slv_code slv_catalog_open(const char *path, const slv_catalog_options *options,
                                        slv_catalog **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_catalog *slv_catalog_free(slv_catalog *c);
SLV_DEFINE_CLEANUP(slv_catalog *, slv_catalog_free);
slv_db *slv_catalog_db(slv_catalog *c);
/* For a call that only reads, with several statements: what they see is of one moment. The work
 * runs once, within. */
SLV_NODISCARD slv_code slv_catalog_snapshot(slv_catalog *c,
                                            slv_code (*work)(void *arg, slv_catalog *c,
                                                             slv_err *err),
                                            void *arg, slv_err *err);

#endif
