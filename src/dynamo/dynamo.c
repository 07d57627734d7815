/*
 * The file, version 1 (docs/formats/dynamo.md):
 *
 *     space(id, items, bytes, gone)
 *         one row for each table and each index: how many rows it has and how large they are; gone:
 *         its rows are to be removed
 *     catalog(name, space, generation, def)
 *         the tables; def: table.c
 *     item(space, h, r, size, data)
 *         h: 8 bytes of a hash, then the hash key; r: the range key, empty when the table has none
 *     entry(space, h, r, tie, ih, ir, size, data)
 *         index entries; ih, ir: where the item stands; tie: orders equal keys
 *     expiry(space, at, h, r)
 *         items with a time to live, in tables that have one; at: seconds
 *     build(space, of, h, r)
 *         indexes (space) that are being filled from a table (of), and how far; space = of: its
 *         expiry rows are
 *     tag(space, key, value)      of tables
 *     token(token, at, hash)      of TransactWriteItems
 *
 * Both row tables are clustered by key: what a Query or a Scan reads stands side by side.
 */
#include "dynamo/dynamo.h"

#include <stdio.h>

#include "dynamo/store_int.h"

static const char *const steps[] = {
    "CREATE TABLE space("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " items INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " gone INTEGER NOT NULL) STRICT;"
    "CREATE INDEX space_gone ON space(id) WHERE gone <> 0;"
    "CREATE TABLE catalog("
    " name TEXT PRIMARY KEY,"
    " space INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " def TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE item("
    " space INTEGER NOT NULL,"
    " h BLOB NOT NULL,"
    " r BLOB NOT NULL,"
    " size INTEGER NOT NULL,"
    " data BLOB NOT NULL,"
    " PRIMARY KEY(space, h, r)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE entry("
    " space INTEGER NOT NULL,"
    " h BLOB NOT NULL,"
    " r BLOB NOT NULL,"
    " tie BLOB NOT NULL,"
    " ih BLOB NOT NULL,"
    " ir BLOB NOT NULL,"
    " size INTEGER NOT NULL,"
    " data BLOB NOT NULL,"
    " PRIMARY KEY(space, h, r, tie, ih, ir)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE expiry("
    " space INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " h BLOB NOT NULL,"
    " r BLOB NOT NULL,"
    " PRIMARY KEY(space, at, h, r)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX expiry_at ON expiry(at);"
    "CREATE TABLE build("
    " space INTEGER PRIMARY KEY,"
    " of INTEGER NOT NULL,"
    " h BLOB NOT NULL,"
    " r BLOB NOT NULL) STRICT;"
    "CREATE TABLE tag("
    " space INTEGER NOT NULL,"
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY(space, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE token("
    " token TEXT PRIMARY KEY,"
    " at INTEGER NOT NULL,"
    " hash BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_at ON token(at);",
};

static const slv_db_schema schema = {
    .application_id = 0x736c6479, /* "sldy" */
    .steps = steps,
    .count = SLV_ARRAY_LEN(steps),
};

/* A row of up to a quarter of a page stands in it whole; items are mostly smaller than that. */
#define PAGE_SIZE 8192
#define CACHE_BYTES (2u << 20)

slv_code slv_dynamo_open(const char *path, bool create, bool read_only, slv_dynamo **ret,
                         slv_err *err)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = slv_new0(slv_dynamo);
    SLV_CLEANUP(slv_charp_free) char *file = NULL;
    const slv_db_options options = {.schema = &schema,
                                    .create = create,
                                    .read_only = read_only,
                                    .page_size = PAGE_SIZE,
                                    .cache_bytes = CACHE_BYTES};

    if (asprintf(&file, "%s.sqlite", path) < 0)
        return SLV_E_NOMEM;
    d->read_only = read_only;
    SLV_TRY(slv_db_open(file, &options, &d->db, err));
    /* Plans do not hang on what is bound: otherwise ranges are planned anew at each run. */
    if (sqlite3_db_config(slv_db_handle(d->db), SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL) != SQLITE_OK)
        return slv_db_fail(d->db, err, "open");
    *ret = SLV_STEAL(d);
    return SLV_OK;
}

slv_dynamo *slv_dynamo_free(slv_dynamo *d)
{
    if (d) {
        for (size_t i = 0; i < SLV_DYN_CACHE_TABLES; i++)
            (void)slv_dyn_table_free(d->tables[i]);
        (void)slv_db_free(d->db);
        free(d);
    }
    return NULL;
}

slv_db *slv_dynamo_db(slv_dynamo *d)
{
    return d->db;
}
