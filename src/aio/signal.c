#include "aio/signal.h"

#include "aio/loop_int.h"
#include "base/mem.h"

struct slv_signal_handle {
    uv_signal_t uv;
    slv_signal *owner; /* NULL: stopped */
};

static void on_signal(uv_signal_t *uv, int number)
{
    slv_signal_handle *handle = slv_container_of(uv, slv_signal_handle, uv);

    if (handle->owner)
        handle->owner->fn(handle->owner, number);
}

static void on_closed(uv_handle_t *uv)
{
    free(slv_container_of((uv_signal_t *)uv, slv_signal_handle, uv));
}

slv_code slv_signal_start(slv_signal *sig, slv_loop *loop, int number, slv_err *err)
{
    slv_loop_own_(loop);
    SLV_ASSERT(sig->fn && !sig->handle);
    slv_signal_handle *handle = slv_new0(slv_signal_handle);
    int rc = uv_signal_init(&loop->uv, &handle->uv);
    if (rc < 0) {
        free(handle);
        return slv_fail(err, SLV_E_IO, "signal: %s", uv_strerror(rc));
    }
    handle->owner = sig;
    rc = uv_signal_start(&handle->uv, on_signal, number);
    if (rc < 0) {
        uv_close((uv_handle_t *)&handle->uv, on_closed);
        return slv_fail(err, SLV_E_IO, "signal %d: %s", number, uv_strerror(rc));
    }
    sig->handle = handle;
    return SLV_OK;
}

void slv_signal_stop(slv_signal *sig)
{
    slv_signal_handle *handle = sig->handle;

    if (!handle)
        return;
    handle->owner = NULL;
    sig->handle = NULL;
    uv_close((uv_handle_t *)&handle->uv, on_closed);
}
