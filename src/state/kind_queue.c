#include "queue/queue.h"
#include "state/kinds.h"

static slv_code kind_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    const slv_queue_options options = {.create = create, .read_only = read_only};
    slv_queue *q = NULL;
    slv_code code = slv_queue_open(path, &options, &q, err);

    if (code == SLV_OK)
        *ret = q;
    return code;
}

static void kind_close(void *service)
{
    (void)slv_queue_free(service);
}

static slv_db *kind_db(void *service)
{
    return slv_queue_db(service);
}

static slv_code kind_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    return slv_queue_sweep(service, now_ms, ret_next_ms, err);
}

const slv_store_type slv_queue_store = {
    .kind = "queue",
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .sweep = kind_sweep,
};
