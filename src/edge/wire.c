#include "edge/wire_int.h"

#include "base/mem.h"
#include "edge/object_int.h"

/* What may wait for an isolate's credit: the window of the other end, and control frames beside it.
 */
#define QUEUE_MAX ((size_t)4 << 20)
#define HEADERS_MAX ((size_t)128 << 10)
#define SERVICE_RESTART 1012 /* of the IANA's registry of close codes */

typedef struct said {
    slv_list node;
    size_t len, at;
    bool text, fin;
    char bytes[];
} said;

/* What one end has said and the other has not taken yet. */
struct slv_wire_rest {
    slv_list queue; /* said */
    bool closes;    /* behind the queue */
    uint16_t code;
    char reason[124];
    size_t reason_len;
};

static void rest_clear(slv_wire_rest *rest)
{
    slv_list *node;

    while ((node = slv_list_pop(&rest->queue)) != NULL)
        free(slv_container_of(node, said, node));
}

static void rest_free(slv_wire_rest *rest)
{
    if (!rest)
        return;
    rest_clear(rest);
    free(rest);
}

/* What from has said before goes to its peer. The close is left to the caller: it may be the end of
 * both. */
static slv_wire_rest *pass_rest(slv_wire *from)
{
    slv_wire_rest *rest = from->rest;
    slv_list *node;

    from->rest = NULL;
    while (rest && (node = slv_list_pop(&rest->queue)) != NULL) {
        said *p = slv_container_of(node, said, node);
        slv_str bytes = slv_str_make(p->bytes + p->at, p->len - p->at);

        from->peer->ops->message(from->peer, bytes, p->text, p->fin);
        free(p);
    }
    return rest;
}

static void pass_close(slv_wire_rest *rest, slv_wire *to)
{
    if (rest && rest->closes)
        to->ops->close(to, rest->code, slv_str_make(rest->reason, rest->reason_len));
    rest_free(rest);
}

void slv_wire_join(slv_wire *a, slv_wire *b)
{
    a->peer = b;
    b->peer = a;
    SLV_ASSERT(!a->rest || !b->rest); /* one of the two is new */
    slv_wire *to = a->rest ? b : a;
    slv_wire_rest *rest = pass_rest(a->rest ? a : b);
    /* an isolate that has not asked for messages may still hand the socket back */
    if (!b->lazy)
        a->ops->credit(a, SLV_FLOW_WINDOW);
    if (!a->lazy)
        b->ops->credit(b, SLV_FLOW_WINDOW);
    pass_close(rest, to);
}

void slv_wire_drop(slv_wire *w, slv_str message)
{
    w->ops->fail(w, message);
}

static slv_wire *part(slv_wire *w)
{
    slv_wire *peer = w->peer;

    w->peer = NULL;
    if (peer)
        peer->peer = NULL;
    rest_free(w->rest);
    w->rest = NULL;
    return peer;
}

static void fail_peer(slv_wire *w, slv_str message)
{
    slv_wire *peer = part(w);

    if (peer)
        peer->ops->fail(peer, message);
}

/* ---- a connection ---- */

typedef struct net_end {
    slv_wire w;
    slv_shard *shard;
    slv_ws *ws;
    size_t owed;
    bool client; /* it is one; else an origin */
    bool sent_close, got_close;
} net_end;

static net_end *of_net(slv_wire *w)
{
    return slv_container_of(w, net_end, w);
}

static void net_free(net_end *end)
{
    (void)part(&end->w);
    end->shard->clients -= end->client;
    free(end);
}

static void net_close(slv_wire *w, uint16_t code, slv_str reason);

static void net_message(slv_wire *w, slv_str piece, bool text, bool fin)
{
    net_end *end = of_net(w);

    if (end->sent_close)
        return;
    if (slv_ws_send(end->ws, piece, text, fin)) {
        if (w->peer && piece.len > 0)
            w->peer->ops->credit(w->peer, piece.len);
    } else {
        end->owed += piece.len;
    }
}

static void net_credit(slv_wire *w, size_t n)
{
    slv_ws_credit(of_net(w)->ws, n);
}

static void net_fail(slv_wire *w, slv_str message)
{
    net_end *end = of_net(w);

    (void)message;
    if (end->shard->leaving && end->client && !end->sent_close) {
        if (!end->got_close)
            slv_ws_credit(end->ws, SLV_FLOW_WINDOW); /* to hear of its answer */
        net_close(w, SERVICE_RESTART, SLV_STR("Service Restart"));
        return;
    }
    slv_ws_abort(end->ws);
    net_free(end);
}

static void net_close(slv_wire *w, uint16_t code, slv_str reason)
{
    net_end *end = of_net(w);

    if (end->sent_close)
        return;
    if (slv_ws_close(end->ws, code, reason, NULL) != SLV_OK &&
        slv_ws_close(end->ws, SLV_WS_NO_CODE, SLV_STR_NULL, NULL) != SLV_OK) {
        fail_peer(w, SLV_STR("WebSocket could not be closed."));
        net_fail(w, SLV_STR_NULL);
        return;
    }
    end->sent_close = true;
    if (end->got_close)
        net_free(end);
}

static const slv_wire_ops net_ops = {net_message, net_credit, net_close, net_fail};

static void on_message(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    net_end *end = slv_ws_user(ws);

    if (end->w.peer)
        end->w.peer->ops->message(end->w.peer, piece, text, fin);
}

static void on_writable(slv_ws *ws)
{
    net_end *end = slv_ws_user(ws);
    size_t owed = end->owed;

    end->owed = 0;
    if (end->w.peer && owed > 0)
        end->w.peer->ops->credit(end->w.peer, owed);
}

static void on_closed(slv_ws *ws, uint16_t code, slv_str reason)
{
    net_end *end = slv_ws_user(ws);
    bool over = end->sent_close;
    slv_wire *peer = over ? part(&end->w) : end->w.peer;

    end->got_close = true;
    if (over)
        net_free(end);
    if (peer)
        peer->ops->close(peer, code, reason);
}

static void on_failed(slv_ws *ws, slv_str message)
{
    net_end *end = slv_ws_user(ws);
    slv_wire *peer = part(&end->w);

    net_free(end);
    if (peer)
        peer->ops->fail(peer, message);
}

static const slv_ws_handlers net_handlers = {
    .message = on_message, .writable = on_writable, .closed = on_closed, .failed = on_failed};

static net_end *net_make(slv_shard *shard, bool client)
{
    net_end *end = slv_new0(net_end);

    end->w.ops = &net_ops;
    end->shard = shard;
    end->client = client;
    shard->clients += client;
    return end;
}

/* ---- an isolate ---- */

typedef struct link_end {
    slv_wire w;
    slv_owned owned;
    slv_stream st;
    slv_wire_rest wait; /* what has no credit yet */
    size_t queued;
    bool touched; /* the isolate has asked for messages, or sent some: too late to hand it back */
    size_t granted, delivered, consumed;
} link_end;

static link_end *of_link(slv_wire *w)
{
    return slv_container_of(w, link_end, w);
}

static void link_free(link_end *end)
{
    (void)part(&end->w);
    rest_clear(&end->wait);
    slv_list_remove(&end->owned.node);
    free(end);
}

/* Sends what there is credit for; tells the other end how much that was. May free end. */
static void link_pump(link_end *end)
{
    size_t sent = 0;

    if (end->w.lazy)
        return; /* it may still be handed back */
    while (!slv_list_empty(&end->wait.queue)) {
        said *p = slv_container_of(end->wait.queue.next, said, node);
        size_t n = slv_stream_send(&end->st, slv_str_make(p->bytes + p->at, p->len - p->at),
                                   p->text, p->fin);

        p->at += n;
        sent += n;
        if (p->at < p->len)
            break;
        slv_list_remove(&p->node);
        free(p);
    }
    end->queued -= sent;
    if (end->wait.closes && slv_list_empty(&end->wait.queue)) {
        end->wait.closes = false;
        slv_stream_send_close(&end->st, end->wait.code,
                              slv_str_make(end->wait.reason, end->wait.reason_len));
        if (!slv_stream_is_open(&end->st)) {
            link_free(end);
            return;
        }
    }
    if (sent > 0 && end->w.peer)
        end->w.peer->ops->credit(end->w.peer, sent);
}

static void link_fail(slv_wire *w, slv_str message)
{
    link_end *end = of_link(w);

    slv_stream_fail(&end->st, message);
    link_free(end);
}

static void link_message(slv_wire *w, slv_str bytes, bool text, bool fin)
{
    link_end *end = of_link(w);

    if (end->st.out.ended || end->wait.closes)
        return;
    if (end->queued + bytes.len > QUEUE_MAX) {
        fail_peer(w, SLV_STR("The WebSocket's reader does not keep up."));
        link_fail(w, SLV_STR("The WebSocket's reader does not keep up."));
        return;
    }
    said *p = slv_alloc(sizeof *p + bytes.len);
    *p = (said){.len = bytes.len, .text = text, .fin = fin};
    if (bytes.len > 0)
        memcpy(p->bytes, bytes.ptr, bytes.len);
    slv_list_push(&end->wait.queue, &p->node);
    end->queued += bytes.len;
    link_pump(end);
}

static void link_credit(slv_wire *w, size_t n)
{
    link_end *end = of_link(w);

    /* the isolate began with a window: only what has come can be consumed */
    end->granted += n;
    size_t upto = SLV_MIN(end->granted, end->delivered);
    if (upto > end->consumed) {
        size_t more = upto - end->consumed;

        end->consumed = upto;
        slv_stream_consume(&end->st, more);
    }
}

static void link_close(slv_wire *w, uint16_t code, slv_str reason)
{
    link_end *end = of_link(w);

    if (end->st.out.ended || end->wait.closes)
        return;
    end->wait.closes = true;
    end->wait.code = code;
    end->wait.reason_len = SLV_MIN(reason.len, sizeof end->wait.reason - 1);
    if (end->wait.reason_len > 0)
        memcpy(end->wait.reason, reason.ptr, end->wait.reason_len);
    link_pump(end);
}

static const slv_wire_ops link_ops = {link_message, link_credit, link_close, link_fail};

static link_end *of_stream(slv_stream *st)
{
    return slv_container_of(st, link_end, st);
}

static void st_message(slv_stream *st, slv_str bytes, bool text, bool fin)
{
    link_end *end = of_stream(st);

    end->touched = true;
    end->delivered += bytes.len;
    if (end->w.peer)
        end->w.peer->ops->message(end->w.peer, bytes, text, fin);
}

static void st_credited(slv_stream *st, uint32_t n)
{
    link_end *end = of_stream(st);

    (void)n;
    end->touched = true;
    if (end->w.lazy) {
        end->w.lazy = false;
        if (end->w.peer)
            end->w.peer->ops->credit(end->w.peer, SLV_FLOW_WINDOW);
    }
    link_pump(end);
}

static void st_closed(slv_stream *st, uint16_t code, slv_str reason)
{
    link_end *end = of_stream(st);
    bool over = !slv_stream_is_open(st);
    slv_wire *peer = over ? part(&end->w) : end->w.peer;

    end->touched = true;
    if (over)
        link_free(end);
    if (peer)
        peer->ops->close(peer, code, reason);
}

static void st_failed(slv_stream *st, slv_str message)
{
    link_end *end = of_stream(st);
    slv_wire *peer = part(&end->w);

    link_free(end);
    if (peer)
        peer->ops->fail(peer, message);
}

static const slv_stream_ops st_ops = {
    .message = st_message, .credited = st_credited, .closed = st_closed, .failed = st_failed};

static void link_ended(slv_owned *owned, slv_str message)
{
    link_end *end = slv_container_of(owned, link_end, owned);
    slv_wire *peer = part(&end->w);

    slv_stream_forget(&end->st);
    link_free(end);
    if (peer)
        peer->ops->fail(peer, message);
}

static slv_code link_open(slv_event *ev, uint32_t number, link_end **ret, slv_err *err)
{
    link_end *end = slv_new0(link_end);

    if (ev->object) /* sockets of an object outlive the call in which they were opened */
        ev = &ev->object->home;
    end->w.ops = &link_ops;
    end->owned.ended = link_ended;
    end->st.ops = &st_ops;
    end->st.event = ev->pe.id;
    slv_list_init(&end->wait.queue);
    slv_code code = slv_stream_open(&end->st, slv_event_link(ev), SLV_STREAM_SOCKET, number, err);
    if (code != SLV_OK) {
        free(end);
        return code;
    }
    end->w.lazy = number == 0;
    slv_list_push(&ev->streams.list, &end->owned.node);
    *ret = end;
    return SLV_OK;
}

slv_code slv_wire_to_event(slv_event *ev, slv_wire **ret, uint32_t *ret_number, slv_err *err)
{
    link_end *end;

    SLV_TRY(link_open(ev, 0, &end, err));
    *ret = &end->w;
    *ret_number = end->st.number;
    return SLV_OK;
}

/* Hands the other end over: what waited for the isolate goes to whoever joins it now. */
static slv_wire *splice(link_end *end)
{
    slv_wire *other = part(&end->w);
    slv_list *node;

    if (other && (end->wait.closes || !slv_list_empty(&end->wait.queue))) {
        slv_wire_rest *rest = slv_new0(slv_wire_rest);

        *rest = end->wait;
        slv_list_init(&rest->queue);
        while ((node = slv_list_pop(&end->wait.queue)) != NULL)
            slv_list_push(&rest->queue, node);
        other->rest = rest;
    }
    slv_stream_forget(&end->st);
    link_free(end);
    return other;
}

slv_code slv_wire_of_event(slv_event *ev, uint32_t number, slv_wire **ret, slv_err *err)
{
    link_end *end;

    if (number & 1) {
        SLV_TRY(link_open(ev, number, &end, err));
        *ret = &end->w;
        return SLV_OK;
    }
    if (ev->object)
        ev = &ev->object->home;
    SLV_LIST_EACH (node, &ev->streams.list) {
        slv_owned *owned = slv_container_of(node, slv_owned, node);

        end = slv_container_of(owned, link_end, owned);
        if (owned->ended != link_ended || end->st.number != number)
            continue;
        if (end->touched)
            return slv_fail(err, SLV_E_PROTOCOL, "socket %u cannot be handed back", number);
        *ret = splice(end);
        return SLV_OK;
    }
    *ret = NULL; /* its connection has broken meanwhile */
    return SLV_OK;
}

/* ---- joining ---- */

slv_code slv_wire_client(slv_event *ev, slv_ws *ws, uint32_t *ret_number)
{
    slv_wire *link;
    slv_code code = slv_wire_to_event(ev, &link, ret_number, NULL);

    if (code != SLV_OK) {
        slv_ws_abort(ws);
        return code;
    }
    net_end *end = net_make(ev->shard, false);
    end->ws = ws;
    slv_ws_set_user(ws, end);
    slv_ws_set_handlers(ws, &net_handlers);
    slv_wire_join(&end->w, link);
    return SLV_OK;
}

/* Without the fields of the handshake, which are made by the connection. */
static slv_code filter_headers(slv_str block, slv_buf *out, slv_str *ret_protocol)
{
    slv_str name, value;
    bool bad = false;

    while (slv_header_next(&block, &name, &value, &bad)) {
        if (slv_str_eq_nocase(name, SLV_STR("sec-websocket-protocol"))) {
            *ret_protocol = slv_str_trim(value);
        } else if (!slv_str_eq_nocase(name, SLV_STR("upgrade")) &&
                   !slv_str_eq_nocase(name, SLV_STR("connection")) &&
                   !slv_str_eq_nocase(name, SLV_STR("sec-websocket-accept")) &&
                   !slv_str_eq_nocase(name, SLV_STR("sec-websocket-extensions"))) {
            SLV_TRY(slv_buf_append(out, name));
            SLV_TRY(slv_buf_append_byte(out, ':'));
            SLV_TRY(slv_buf_append(out, value));
            SLV_TRY(slv_buf_append_byte(out, '\n'));
        }
    }
    return SLV_OK;
}

bool slv_wire_upgrade(slv_shard *shard, slv_exchange *ex, slv_str headers, bool compress,
                      slv_wire *w)
{
    SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF(HEADERS_MAX);
    slv_ws_options options = {.compress = compress};
    net_end *end = net_make(shard, true);
    slv_code code = filter_headers(headers, &block, &options.protocol);

    if (code == SLV_OK)
        code = slv_exchange_upgrade(ex, slv_buf_view(&block), &options, &net_handlers, end,
                                    &end->ws, NULL);
    if (code != SLV_OK) {
        net_free(end);
        slv_wire_drop(w, SLV_STR("The connection could not be upgraded."));
        return false;
    }
    slv_wire_join(&end->w, w);
    return true;
}

/* ---- to and from other processes ---- */

bool slv_wire_hand(slv_wire *w, slv_pumps *pumps, slv_ws_parts *ret)
{
    if (w->ops != &net_ops || !of_net(w)->client || !slv_ws_hand(of_net(w)->ws, pumps, ret))
        return false;
    net_free(of_net(w));
    return true;
}

slv_wire *slv_wire_adopt(slv_shard *shard, slv_ws_parts *parts)
{
    net_end *end = net_make(shard, true);

    end->ws = slv_ws_take(shard->http, parts, &net_handlers, end);
    return &end->w;
}
