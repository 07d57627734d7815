/* Accounts, tokens, the audit log. */
#include "catalog/catalog_int.h"

const char slv_catalog_account_schema_[] =
    "CREATE TABLE account(id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL,"
    " created INTEGER NOT NULL) STRICT, WITHOUT ROWID;";
