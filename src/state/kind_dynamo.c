#include "dynamo/dynamo.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_dynamo *dynamo = NULL;
    slv_code code = slv_dynamo_open(path, create, read_only, &dynamo, err);

    if (code == SLV_OK)
        *ret = dynamo;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_dynamo_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_dynamo_db(service);
}

static slv_code kind_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    return slv_dynamo_sweep(service, now_ms, ret_next_ms, err);
}

const slv_store_type slv_dynamo_store = {
    .kind = "dynamo",
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .sweep = kind_sweep,
};
