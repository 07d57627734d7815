#include "d1/d1.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_d1 *d1 = NULL;
    slv_code code = slv_d1_open(path, create, read_only, &d1, err);

    if (code == SLV_OK)
        *ret = d1;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_d1_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_d1_db(service);
}

const slv_store_type slv_d1_store = {
    .kind = "d1",
    .user_sql = true,
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
};
