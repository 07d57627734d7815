/*
 * pages_int.h - what pages.c (projects, domains) and pages_deployment.c share. Private to catalog.
 */
#ifndef SLV_CATALOG_PAGES_INT_H
#define SLV_CATALOG_PAGES_INT_H

#include "base/buf.h"
#include "catalog/pages.h"
#include "catalog/worker_int.h"

/* A statement with account and project bound as ?1 and ?2. */
SLV_NODISCARD slv_code slv_catalog_pages_stmt_(slv_catalog *c, const char *sql, slv_str account,
                                               slv_str project, sqlite3_stmt **ret, slv_err *err);

#endif
