/*
 * connect(): a raw connection as two streams of the isolate, one to read and one to write, and its
 * change to TLS.
 */
#include "base/mem.h"
#include "edge/edge_int.h"
#include "edge/tie_int.h"
#include "fmt/json.h"
#include "net/socket.h"

#define MAIL_PORT 25

typedef struct connection {
    slv_op op;     /* CONNECT or STARTTLS that waits for `open`; op.event NULL: answered */
    slv_list node; /* event->connections */
    slv_socket *socket;
    slv_source down;
    slv_sink up;
    size_t owed;
    uint32_t readable; /* number of the stream that reads it */
} connection;

static connection *of_op(slv_op *op)
{
    return slv_container_of(op, connection, op);
}

static void release(connection *c)
{
    slv_op_close(&c->op);
    slv_list_remove(&c->node);
    slv_sink_cancel(&c->up, SLV_STR("The connection has ended."));
    free(c);
}

static void reject(connection *c, slv_str message)
{
    if (c->op.event)
        slv_op_reject(c->op.event, c->op.id, SLV_STR("Error"), message);
    slv_op_close(&c->op);
}

static void on_cancel(slv_op *op, bool answer)
{
    connection *c = of_op(op);

    if (answer)
        slv_op_reject(op->event, op->id, SLV_STR("AbortError"),
                      SLV_STR("The operation was aborted"));
    slv_socket_abort(c->socket);
    slv_source_fail(&c->down, SLV_STR("Network connection lost."));
    release(c);
}

static const slv_op_ops op_ops = {on_cancel};

/* ---- bodies ---- */

static void down_credit(slv_source *src, size_t n)
{
    slv_socket_credit(slv_container_of(src, connection, down)->socket, n);
}

/* Nobody reads any more: what we send may still be wanted, so the connection lives until that ends.
 */
static void down_cancel(slv_source *src, slv_str reason)
{
    connection *c = slv_container_of(src, connection, down);

    (void)reason;
    if (c->up.source)
        return;
    slv_socket_abort(c->socket);
    release(c);
}

static const slv_source_ops down_ops = {.credit = down_credit, .cancel = down_cancel};

static void up_data(slv_sink *sink, slv_str bytes, bool fin)
{
    connection *c = slv_container_of(sink, connection, up);

    if (bytes.len > 0) {
        if (slv_socket_write(c->socket, bytes))
            slv_sink_credit(sink, bytes.len);
        else
            c->owed += bytes.len;
    }
    if (fin)
        slv_socket_shutdown(c->socket);
}

static void up_fail(slv_sink *sink, slv_str message)
{
    connection *c = slv_container_of(sink, connection, up);

    slv_socket_abort(c->socket);
    slv_source_fail(&c->down, message);
    release(c);
}

static void up_joined(slv_sink *sink)
{
    slv_sink_credit(sink, SLV_FLOW_WINDOW);
}

static const slv_sink_ops up_ops = {up_data, up_fail, up_joined};

/* ---- the socket ---- */

static slv_code put_info(slv_buf *out, slv_str remote, slv_str local)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"remoteAddress\":")));
    SLV_TRY(slv_json_put_string(out, remote));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"localAddress\":")));
    SLV_TRY(slv_json_put_string(out, local));
    return slv_buf_append_byte(out, '}');
}

/* Also after STARTTLS, where the streams before it are over. */
static void on_open(slv_socket *socket, slv_str remote, slv_str local)
{
    connection *c = slv_socket_user(socket);
    slv_event *ev = c->op.event;
    slv_link *link = slv_event_link(ev);
    slv_buf *info = &ev->shard->scratch;
    slv_msg_result_connect m = {0, 0, SLV_STR_NULL};
    slv_sink *sink;
    slv_source *src;

    slv_buf_reset(info);
    if (put_info(info, remote, local) != SLV_OK ||
        slv_link_sink_open(link, &m.readable, ev->pe.id, &ev->streams, &sink, NULL) != SLV_OK ||
        slv_link_source_open(link, &m.writable, ev->pe.id, &ev->streams, &src, NULL) != SLV_OK) {
        slv_link_violate(link, SLV_E_LIMIT, "too many streams are open");
        return;
    }
    m.info = slv_buf_view(info);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->op.id);
    slv_link_end(link, slv_msg_result_connect_put(out, &m));
    slv_op_close(&c->op);
    c->readable = m.readable;
    slv_body_join(&c->down, sink);
    slv_body_join(src, &c->up);
}

static void on_data(slv_socket *socket, slv_str bytes)
{
    connection *c = slv_socket_user(socket);

    slv_source_push(&c->down, bytes, false);
}

static void on_end(slv_socket *socket)
{
    connection *c = slv_socket_user(socket);

    slv_source_push(&c->down, SLV_STR_NULL, true);
}

static void on_writable(slv_socket *socket)
{
    connection *c = slv_socket_user(socket);
    size_t owed = c->owed;

    c->owed = 0;
    slv_sink_credit(&c->up, owed);
}

static void on_closed(slv_socket *socket, slv_code code, slv_str message)
{
    connection *c = slv_socket_user(socket);

    if (c->op.event)
        reject(c, message.len > 0 ? message : SLV_STR("Network connection lost."));
    if (code == SLV_OK)
        slv_source_push(&c->down, SLV_STR_NULL, true);
    else
        slv_source_fail(&c->down, SLV_STR("Network connection lost."));
    release(c);
}

static const slv_socket_handlers handlers = {
    .open = on_open, .data = on_data, .end = on_end, .writable = on_writable, .closed = on_closed};

/* ---- operations ---- */

slv_code slv_egress_connect(slv_event *ev, uint32_t op, const slv_msg_op_connect *m, slv_err *err)
{
    const slv_socket_options options = {
        .host = m->host, .port = m->port, .tls = m->tls == SLV_CONNECT_TLS};
    slv_err why = {0};

    (void)err;
    if (slv_outbound_connect(ev, op) || !slv_event_subrequest(ev, op))
        return SLV_OK;
    if (m->port == MAIL_PORT) {
        slv_op_reject(ev, op, SLV_STR("Error"),
                      SLV_STR("Connections to port 25 are prohibited. To send mail, use a service "
                              "that takes it on another port."));
        return SLV_OK;
    }
    connection *c = slv_new0(connection);
    c->down.ops = &down_ops;
    c->up.ops = &up_ops;
    if (slv_socket_open(ev->shard->client, &options, &handlers, c, &c->socket, &why) != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("TypeError"), slv_str_from(slv_err_text(&why)));
        free(c);
        return SLV_OK;
    }
    slv_list_push(&ev->connections, &c->node);
    slv_op_open(&c->op, ev, op, &op_ops);
    return SLV_OK;
}

slv_code slv_egress_starttls(slv_event *ev, uint32_t op, uint32_t readable, slv_err *err)
{
    slv_err why = {0};

    SLV_LIST_EACH (node, &ev->connections) {
        connection *c = slv_container_of(node, connection, node);

        if (c->readable != readable)
            continue;
        if (c->op.event)
            return slv_fail(err, SLV_E_PROTOCOL, "STARTTLS twice");
        /* the streams so far end here; those of the result take their place */
        slv_source_push(&c->down, SLV_STR_NULL, true);
        slv_sink_cancel(&c->up, SLV_STR("The connection has been upgraded."));
        slv_op_open(&c->op, ev, op, &op_ops);
        if (slv_socket_start_tls(c->socket, SLV_STR_NULL, &why) != SLV_OK) {
            reject(c, slv_str_from(slv_err_text(&why)));
            slv_socket_abort(c->socket);
            release(c);
        }
        return SLV_OK;
    }
    slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("The connection has ended."));
    return SLV_OK;
}

void slv_connections_end(slv_event *ev)
{
    slv_list *node;

    /* their streams have ended with the event */
    while ((node = slv_list_pop(&ev->connections)) != NULL) {
        connection *c = slv_container_of(node, connection, node);

        slv_socket_abort(c->socket);
        slv_source_fail(&c->down, SLV_STR("The event has ended."));
        release(c);
    }
}
