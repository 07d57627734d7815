#include "base/clock.h"
#include "r2/r2.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_r2 *r2 = NULL;
    slv_code code = slv_r2_open(path, create, read_only, slv_clock_wall_ms(), &r2, err);

    if (code == SLV_OK)
        *ret = r2;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_r2_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_r2_db(service);
}

static slv_code kind_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    return slv_r2_sweep(service, now_ms, ret_next_ms, err);
}

const slv_store_type slv_r2_store = {
    .kind = "r2",
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .sweep = kind_sweep,
};
