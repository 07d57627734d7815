#include "net/exchange.h"

#include "net/server_int.h"

const slv_http_header *slv_exchange_header(const slv_exchange *ex, slv_str name)
{
    for (size_t i = 0; i < ex->head.header_count; i++)
        if (slv_str_eq(ex->head.headers[i].name, name))
            return &ex->head.headers[i];
    return NULL;
}

bool slv_exchange_take_body(slv_exchange *ex, slv_str *ret_body)
{
    return ex->ops->take_body(ex, ret_body);
}

void slv_exchange_credit(slv_exchange *ex, size_t n)
{
    ex->ops->credit(ex, n);
}

slv_code slv_exchange_respond(slv_exchange *ex, const slv_response_head *head, slv_err *err)
{
    return ex->ops->respond(ex, head, err);
}

bool slv_exchange_write(slv_exchange *ex, slv_str bytes)
{
    return ex->ops->write(ex, bytes);
}

ssize_t slv_exchange_send_file(slv_exchange *ex, int fd, uint64_t offset, size_t n)
{
    return ex->ops->send_file ? ex->ops->send_file(ex, fd, offset, n) : -1;
}

size_t slv_exchange_queued(const slv_exchange *ex)
{
    return ex->ops->queued(ex);
}

void slv_exchange_end(slv_exchange *ex)
{
    ex->ops->end(ex);
}

slv_code slv_exchange_reply(slv_exchange *ex, const slv_response_head *head, slv_str body,
                            slv_err *err)
{
    slv_response_head sized = *head;

    sized.length = (int64_t)body.len;
    SLV_TRY(ex->ops->respond(ex, &sized, err));
    ex->ops->write(ex, body);
    ex->ops->end(ex);
    return SLV_OK;
}

void slv_exchange_abort(slv_exchange *ex)
{
    ex->ops->abort(ex);
}

slv_code slv_exchange_upgrade(slv_exchange *ex, slv_str headers, const slv_ws_options *options,
                              const slv_ws_handlers *handlers, void *user, slv_ws **ret_ws,
                              slv_err *err)
{
    if (!ex->ops->upgrade || !ex->head.wants_websocket)
        return slv_fail(err, SLV_E_INVAL, "the client did not ask for a WebSocket");
    return ex->ops->upgrade(ex, headers, options, handlers, user, ret_ws, err);
}
