/* Pages projects, their deployments, static files. */
#include "catalog/catalog_int.h"

const char slv_catalog_pages_schema_[] =
    "CREATE TABLE asset(account TEXT NOT NULL, hash TEXT NOT NULL, size INTEGER NOT NULL,"
    " PRIMARY KEY(account,hash)) STRICT, WITHOUT ROWID;";
