/* From an exchange to a WebSocket: the connection's socket changes hands. */
#include "net/http1_write.h"
#include "net/server_int.h"
#include "net/ws_int.h"

static slv_str field(const slv_exchange *ex, slv_str name)
{
    const slv_http_header *h = slv_exchange_header(ex, name);

    return h ? h->value : SLV_STR_NULL;
}

/* The 101 behind what the connection has queued. */
static slv_code queue_answer(slv_conn *c, slv_str headers, const slv_ws_options *options,
                             slv_str key, const char *extensions, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF(SLV_EXCHANGE_HEAD_MAX);
    slv_http1_write how = {
        .version = 11, .keep_alive = true, .upgrade = true, .date = slv_server_date(c->server)};
    slv_response_head head = {.status = 101, .length = -1};
    char accept[29];

    slv_ws_accept_key(key, accept);
    SLV_TRY(slv_buf_append(&block, headers));
    SLV_TRY(slv_buf_printf(&block, "Sec-WebSocket-Accept:%s\n", accept));
    if (options->protocol.len > 0) {
        SLV_TRY(slv_buf_append(&block, SLV_STR("Sec-WebSocket-Protocol:")));
        SLV_TRY(slv_buf_append(&block, options->protocol));
        SLV_TRY(slv_buf_append(&block, SLV_STR("\n")));
    }
    if (extensions[0])
        SLV_TRY(slv_buf_printf(&block, "Sec-WebSocket-Extensions:%s\n", extensions));
    head.headers = slv_buf_view(&block);
    return slv_http1_write_head(&c->out, &head, &how, err);
}

slv_code slv_conn_upgrade(slv_exchange *base, slv_str headers, const slv_ws_options *options,
                          const slv_ws_handlers *handlers, void *user, slv_ws **ret_ws,
                          slv_err *err)
{
    slv_conn_exchange *ex = slv_container_of(base, slv_conn_exchange, base);
    slv_conn *c = ex->conn;
    slv_ws_deflate_offer deflate = {false, 15};
    slv_ws_start start;
    char extensions[128] = "";

    if (ex->responded)
        return slv_fail(err, SLV_E_STATE, "the response has begun already");
    if (options->compress)
        deflate =
            slv_ws_deflate_choose(field(base, SLV_STR("sec-websocket-extensions")), extensions);
    SLV_TRY(queue_answer(c, headers, options, field(base, SLV_STR("sec-websocket-key")), extensions,
                         err));
    start = (slv_ws_start){
        .loop = c->server->loop,
        .wire = &c->wire,
        .pool = c->server->pool,
        .queued = &c->out,
        .received = ex->ahead.len > 0 ? ex->ahead : slv_buf_view(&c->in),
        .deflate = deflate,
        .unmasked = options->unmasked,
        .handlers = handlers,
        .user = user,
    };
    ex->ended = true;
    slv_wire_unwatch(&c->wire);
    *ret_ws = slv_ws_new(&start);
    slv_conn_gone(c);
    return SLV_OK;
}
