#include "kv/kv.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_kv *kv = NULL;
    slv_code code = slv_kv_open(path, create, read_only, &kv, err);

    if (code == SLV_OK)
        *ret = kv;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_kv_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_kv_db(service);
}

static slv_code kind_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    return slv_kv_sweep(service, now_ms, ret_next_ms, err);
}

const slv_store_type slv_kv_store = {
    .kind = "kv",
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .sweep = kind_sweep,
};
