/*
 * catalog_int.h - what the files of the catalog share. Private to catalog.
 *
 * Each file has the tables of its own part: a text of SQL, run when the file is made.
 */
#ifndef SLV_CATALOG_CATALOG_INT_H
#define SLV_CATALOG_CATALOG_INT_H

#include "catalog/catalog.h"

struct slv_catalog {
    slv_db *db;
};

extern const unsigned slv_catalog_steps_; /* of the format */
extern const char slv_catalog_account_schema_[];
extern const char slv_catalog_worker_schema_[];
extern const char slv_catalog_pages_schema_[];
extern const char slv_catalog_consumer_schema_[];

#endif
