#include "catalog/catalog.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    const slv_catalog_options options = {.create = create, .read_only = read_only};
    slv_catalog *c = NULL;
    slv_code code = slv_catalog_open(path, &options, &c, err);

    if (code == SLV_OK)
        *ret = c;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_catalog_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_catalog_db(service);
}

const slv_store_type slv_catalog_store = {
    .kind = "catalog",
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
};
