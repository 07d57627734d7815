#include "catalog/catalog.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "catalog/catalog_int.h"

#define APPLICATION_ID 0x73714354u /* "sqCT" */

static const char *const steps[] = {
    slv_catalog_account_schema_,
    slv_catalog_worker_schema_,
    slv_catalog_pages_schema_,
    slv_catalog_consumer_schema_,
};
const unsigned slv_catalog_steps_ = SLV_ARRAY_LEN(steps);
static const slv_db_schema schema = {APPLICATION_ID, steps, SLV_ARRAY_LEN(steps)};

slv_code slv_catalog_open(const char *path, const slv_catalog_options *options, slv_catalog **ret,
                          slv_err *err)
{
    SLV_CLEANUP(slv_catalog_free) slv_catalog *c = slv_new0(slv_catalog);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(64 << 10);
    const slv_db_options o = {
        .schema = &schema, .create = options->create, .read_only = options->read_only};

    SLV_TRY(slv_buf_printf(&file, "%s.sqlite", path));
    if (!slv_buf_cstr(&file))
        return SLV_E_NOMEM;
    SLV_TRY(slv_db_open(file.ptr, &o, &c->db, err));
    *ret = SLV_STEAL(c);
    return SLV_OK;
}

slv_catalog *slv_catalog_free(slv_catalog *c)
{
    if (!c)
        return NULL;
    slv_db_free(c->db);
    free(c);
    return NULL;
}

slv_code slv_catalog_snapshot(slv_catalog *c,
                              slv_code (*work)(void *arg, slv_catalog *c, slv_err *err), void *arg,
                              slv_err *err)
{
    slv_code code;

    SLV_TRY(slv_db_savepoint(c->db, err));
    code = work(arg, c, err);
    slv_db_rollback_to(c->db);
    return code;
}

slv_db *slv_catalog_db(slv_catalog *c)
{
    return c->db;
}
