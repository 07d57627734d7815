#include "d1/d1.h"
#include "state/d1_call.h"
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

static slv_code kind_serve(void *service, const slv_served *ask, slv_buf *answer, slv_err *err)
{
    return slv_d1_serve(service, ask->read, ask->bytes, ask->fd, ask->stop, answer, err);
}

const slv_store_type slv_d1_store = {
    .kind = "d1",
    .user_sql = true,
    .open = kind_open,
    .close = kind_close,
    .db = kind_db,
    .serve = kind_serve,
};

/* ---- asks ---- */

static slv_code run_ask(slv_call *call, void *service, slv_err *err)
{
    slv_d1_call *d = slv_container_of(call, slv_d1_call, call);

    d->ask.read = call->kind == SLV_CALL_READ;
    return slv_d1_ask_run(service, &d->ask, err);
}

static slv_code put_ask(slv_call *call, slv_buf *out, int *ret_fd)
{
    slv_d1_call *d = slv_container_of(call, slv_d1_call, call);

    if (d->ask.kind == SLV_D1_ASK_IMPORT || d->ask.kind == SLV_D1_ASK_EXPORT)
        *ret_fd = d->ask.fd;
    return slv_d1_ask_put(&d->ask, out);
}

static slv_code get_answer(slv_call *call, slv_str bytes, slv_err *err)
{
    return slv_d1_ask_get(&slv_container_of(call, slv_d1_call, call)->ask, bytes, err);
}

static const slv_call_wire ask_wire = {put_ask, get_answer};

void slv_d1_call_make(slv_d1_call *d, slv_store *store, slv_loop *loop, slv_call_kind kind,
                      bool create, void (*done)(slv_call *call))
{
    d->call =
        (slv_call){.kind = kind, .create = create, .run = run_ask, .done = done, .wire = &ask_wire};
    slv_store_call(store, loop, &d->call);
}
