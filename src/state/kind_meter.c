#include "meter/analytics.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_analytics *a = NULL;
    slv_code code = slv_analytics_open(path, create, read_only, &a, err);

    if (code == SLV_OK)
        *ret = a;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_analytics_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_analytics_db(service);
}

static slv_code kind_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    return slv_analytics_sweep(service, now_ms, ret_next_ms, err);
}

const slv_store_type slv_analytics_store = {
    .kind = "analytics",
    .user_sql = true,
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .sweep = kind_sweep,
};

/* Mail is files without a database: only their names are the state's. */
static slv_code email_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    (void)create;
    (void)read_only;
    (void)ret;
    return slv_fail(err, SLV_E_NOTFOUND, "%s is no database", path);
}

const slv_store_type slv_email_store = {
    .kind = "email", .open = email_open, .close = kind_close, .db = kind_db};
