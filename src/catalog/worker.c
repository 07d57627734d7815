/* Workers, versions, deployments. */
#include "catalog/worker.h"

#include "catalog/catalog_int.h"

const char slv_catalog_worker_schema_[] =
    "CREATE TABLE worker(account TEXT NOT NULL, dispatch TEXT NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY(account,dispatch,name)) STRICT, WITHOUT ROWID;";
