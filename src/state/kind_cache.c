#include "cache/cache.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_cache *cache = NULL;
    slv_code code = slv_cache_open(path, create, read_only, &cache, err);

    if (code == SLV_OK)
        *ret = cache;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_cache_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_cache_db(service);
}

static slv_code kind_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    return slv_cache_sweep(service, now_ms, ret_next_ms, err);
}

const slv_store_type slv_cache_store = {
    .kind = "cache",
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .sweep = kind_sweep,
};
