/*
 * WebSockets that hibernate: main is their end, whether the object is there or not. What the other
 * end sends becomes events of the object, one at a time for each socket, in order.
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "edge/object_socket_int.h"
#include "edge/trace_int.h"

#define UNREAD_MAX ((size_t)64 << 20) /* what the other end has not taken yet */
#define MESSAGE_MAX ((size_t)32 << 20)

typedef slv_hibernating sleeper;
typedef slv_socket_event socket_event;

/* A message that was sent before the other end was there. */
typedef struct early {
    slv_list node;
    size_t len;
    bool text;
    char bytes[];
} early;

static sleeper *of_wire(slv_wire *w)
{
    return slv_container_of(w, sleeper, w);
}

static slv_wire *part(sleeper *s)
{
    slv_wire *peer = s->w.peer;

    s->w.peer = NULL;
    if (peer)
        peer->peer = NULL;
    return peer;
}

static void event_free(socket_event *e)
{
    slv_buf_done(&e->data);
    free(e);
}

/* The id is over; the other end, if it is still there, breaks. */
void slv_hibernating_free(slv_hibernating *s)
{
    slv_wire *peer = part(s);
    slv_list *node;

    slv_list_remove(&s->node);
    (void)slv_imap_remove(&s->o->socket_ids, s->id);
    while ((node = slv_list_pop(&s->queue)) != NULL)
        event_free(slv_container_of(node, socket_event, node));
    while ((node = slv_list_pop(&s->early)) != NULL)
        free(slv_container_of(node, early, node));
    if (s->running)
        s->running->s = NULL;
    slv_buf_done(&s->in);
    slv_buf_done(&s->early_reason);
    free(s->tags);
    free(s->attachment);
    free(s);
    if (peer)
        peer->ops->fail(peer, SLV_STR("The WebSocket has been dropped."));
}

/* ---- to the object ---- */

static void pump(sleeper *s);

static void on_send(slv_event *ev)
{
    socket_event *e = slv_container_of(ev, socket_event, ev);
    const slv_msg_event m = {
        .kind = SLV_EVENT_SOCKET,
        .socket = {.object = ev->object->home.pe.id,
                   .socket = e->s ? e->s->id : UINT32_MAX,
                   .what = e->what,
                   .code = e->code,
                   .clean = e->clean,
                   .data = slv_buf_view(&e->data)},
    };
    slv_buf *out = slv_link_begin(slv_event_link(ev), SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(slv_event_link(ev), slv_event_say(ev, &m, out));
    e->acts = ev->object->acts;
}

static void credit(sleeper *s, size_t n)
{
    if (s->w.peer && n > 0)
        s->w.peer->ops->credit(s->w.peer, n);
}

/* The isolate went, and the object had done nothing since this was sent: it may as well never have
 * been. An event that ends its isolate by itself does so a second time at the most. */
static bool try_again(const socket_event *e, const slv_event_end *end)
{
    const slv_object *o = e->ev.object;
    bool gone = end->lost ? end->why == SLV_LOST_NEIGHBOUR
                          : end->outcome == SLV_OUTCOME_ABORTED && o->isolate_gone;

    return gone && e->s && !e->retried && !e->ev.effects && e->acts == o->acts;
}

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    socket_event *e = slv_container_of(ev, socket_event, ev);
    slv_object *o = ev->object;
    sleeper *s = e->s;
    bool last = e->what == SLV_SOCKET_CLOSED || e->what == SLV_SOCKET_ERROR;

    if (try_again(e, end)) {
        socket_event *again = slv_new0(socket_event);

        again->s = s;
        again->what = e->what;
        again->code = e->code;
        again->clean = e->clean;
        again->retried = true;
        again->data = e->data;
        e->data = SLV_BUF(MESSAGE_MAX);
        slv_list_push_front(&s->queue, &again->node);
        last = false;
    }
    event_free(e);
    if (s) {
        s->running = NULL;
        if (last) {
            slv_hibernating_free(s);
        } else {
            size_t owed = s->owed;

            s->owed = 0;
            pump(s);
            credit(s, owed);
        }
    }
    slv_object_release(o);
}

static const slv_event_ops event_ops = {.send = on_send, .ended = on_ended};

static void pump(sleeper *s)
{
    slv_shard *shard = s->o->all->shard;
    slv_version *version = slv_object_version(s->o);

    if (s->running || slv_list_empty(&s->queue) || !version || s->o->all->leaving)
        return;
    socket_event *e = slv_container_of(slv_list_pop(&s->queue), socket_event, node);
    s->running = e;
    e->ev.ops = &event_ops;
    e->ev.inside = true;
    e->ev.object = s->o;
    slv_event_begin(&e->ev, shard, version, (uint64_t)version->limits.cpu_fetch_ms * 1000,
                    s->o->options.timeout_ms);
}

void slv_hibernating_tell(slv_hibernating *s, slv_socket_what what, uint16_t code, bool clean,
                          slv_buf *data_take)
{
    socket_event *e = slv_new0(socket_event);

    e->s = s;
    e->what = what;
    e->code = code;
    e->clean = clean;
    e->data = *data_take;
    *data_take = SLV_BUF(MESSAGE_MAX);
    slv_list_push(&s->queue, &e->node);
    pump(s);
}

/* ---- from the other end ---- */

static void end_by(sleeper *s, uint16_t code, bool clean, slv_str reason)
{
    slv_buf data = SLV_BUF(MESSAGE_MAX);

    if (s->got_close)
        return;
    s->got_close = true;
    if (slv_buf_set(&data, reason) != SLV_OK)
        slv_buf_reset(&data);
    slv_hibernating_tell(s, SLV_SOCKET_CLOSED, code, clean, &data);
}

/* A message that is the automatic request is answered here. */
static bool answer_automatic(sleeper *s)
{
    const slv_msg_socket_options *o = &s->o->options;

    if (!o->automatic || !s->in_text || !slv_str_eq(slv_buf_view(&s->in), o->request) ||
        s->sent_close || !s->ready || !s->w.peer)
        return false;
    s->auto_ms = slv_loop_wall_ms(s->o->all->shard->loop);
    slv_buf_reset(&s->in);
    s->unread += o->response.len;
    s->w.peer->ops->message(s->w.peer, o->response, true, true);
    return true;
}

static void wire_message(slv_wire *w, slv_str piece, bool text, bool fin)
{
    sleeper *s = of_wire(w);

    if (s->got_close)
        return;
    s->in_text = text;
    if (slv_buf_append(&s->in, piece) != SLV_OK) {
        slv_wire *peer = part(s);

        if (peer)
            peer->ops->fail(peer, SLV_STR("A WebSocket message is too large."));
        end_by(s, 1009, false, SLV_STR("Message is too large."));
        return;
    }
    if (fin && answer_automatic(s)) {
        credit(s, piece.len);
        return;
    }
    bool busy = !s->o->all->leaving && (s->running || !slv_list_empty(&s->queue));
    if (fin)
        slv_hibernating_tell(s, text ? SLV_SOCKET_TEXT : SLV_SOCKET_BINARY, 0, false, &s->in);
    if (fin || busy)
        s->owed += piece.len;
    else
        credit(s, piece.len);
}

/* The first credit says that there is somebody to send to. */
static void get_ready(sleeper *s)
{
    slv_list *node;

    s->ready = true;
    s->unread = 0;
    while ((node = slv_list_pop(&s->early)) != NULL) {
        early *e = slv_container_of(node, early, node);

        if (s->w.peer) {
            s->unread += e->len;
            s->w.peer->ops->message(s->w.peer, slv_str_make(e->bytes, e->len), e->text, true);
        }
        free(e);
    }
    if (s->sent_close && s->w.peer)
        s->w.peer->ops->close(s->w.peer, s->early_close, slv_buf_view(&s->early_reason));
}

static void wire_credit(slv_wire *w, size_t n)
{
    sleeper *s = of_wire(w);

    if (!s->ready)
        get_ready(s);
    else
        s->unread -= SLV_MIN(s->unread, n);
}

static void wire_close(slv_wire *w, uint16_t code, slv_str reason)
{
    end_by(of_wire(w), code, true, reason);
}

static void wire_fail(slv_wire *w, slv_str message)
{
    sleeper *s = of_wire(w);

    (void)message;
    (void)part(s);
    end_by(s, 1006, false, SLV_STR("WebSocket disconnected without sending Close frame."));
}

static const slv_wire_ops wire_ops = {wire_message, wire_credit, wire_close, wire_fail};

/* ---- from the object ---- */

static sleeper *find(slv_object *o, uint32_t id)
{
    sleeper **p = slv_imap_get(&o->socket_ids, id);

    return p ? *p : NULL;
}

slv_hibernating *slv_hibernating_new(slv_object *o, uint32_t id, uint16_t tag_count, slv_str tags)
{
    sleeper *s = slv_new0(sleeper);

    s->w.ops = &wire_ops;
    s->o = o;
    s->id = id;
    s->tag_count = tag_count;
    s->auto_ms = -1;
    s->in = SLV_BUF(MESSAGE_MAX);
    s->early_reason = SLV_BUF((size_t)256);
    slv_list_init(&s->queue);
    slv_list_init(&s->early);
    s->tags = slv_alloc(tags.len + 1);
    s->tags_len = tags.len;
    if (tags.len > 0)
        memcpy(s->tags, tags.ptr, tags.len);
    if (o->next_socket <= id)
        o->next_socket = id + 1;
    slv_imap_set(&o->socket_ids, s->id, s);
    slv_list_push(&o->sockets, &s->node);
    return s;
}

static slv_code take_accept(slv_object *o, slv_str payload, slv_err *err)
{
    slv_msg_socket_accept m;

    if (slv_msg_socket_accept_get(payload, &m) != SLV_OK || m.socket < o->next_socket ||
        m.socket == UINT32_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed SOCKET_ACCEPT");
    if (o->socket_ids.len >= SLV_OBJECT_SOCKETS_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "too many sockets in one object");
    (void)slv_hibernating_new(o, m.socket, m.count, m.tags);
    return SLV_OK;
}

static void send_now(sleeper *s, slv_str bytes, bool text)
{
    if (!s->w.peer)
        return;
    s->unread += bytes.len;
    if (s->unread > UNREAD_MAX + MESSAGE_MAX) {
        slv_wire *peer = part(s);

        peer->ops->fail(peer, SLV_STR("The WebSocket's reader does not keep up."));
        end_by(s, 1006, false, SLV_STR("WebSocket disconnected without sending Close frame."));
        return;
    }
    s->w.peer->ops->message(s->w.peer, bytes, text, true);
}

static slv_code take_send(slv_object *o, const slv_frame *f, slv_err *err)
{
    slv_msg_socket_bytes m;
    bool text = f->flags & SLV_FRAME_TEXT;

    if (slv_msg_socket_send_get(f->payload, &m) != SLV_OK || (text && !slv_utf8_valid(m.bytes)))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed SOCKET_SEND");
    sleeper *s = find(o, m.socket);
    if (!s || s->sent_close)
        return SLV_OK;
    if (s->ready) {
        send_now(s, m.bytes, text);
        return SLV_OK;
    }
    s->unread += m.bytes.len;
    if (s->unread > UNREAD_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "too much was sent on a socket without another end");
    early *e = slv_alloc(sizeof *e + m.bytes.len);
    *e = (early){.len = m.bytes.len, .text = text};
    if (m.bytes.len > 0)
        memcpy(e->bytes, m.bytes.ptr, m.bytes.len);
    slv_list_push(&s->early, &e->node);
    return SLV_OK;
}

static slv_code take_close(slv_object *o, slv_str payload, slv_err *err)
{
    slv_msg_socket_close m;

    if (slv_msg_socket_close_get(payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed SOCKET_CLOSE");
    sleeper *s = find(o, m.socket);
    if (!s || s->sent_close)
        return SLV_OK;
    s->sent_close = true;
    if (!s->ready) {
        s->early_close = m.code;
        return slv_buf_set(&s->early_reason, m.reason);
    }
    if (s->w.peer) {
        slv_wire *peer = s->got_close ? part(s) : s->w.peer;

        peer->ops->close(peer, m.code, m.reason);
    }
    return SLV_OK;
}

void slv_hibernating_attach(slv_hibernating *s, slv_str bytes)
{
    s->attached = true;
    s->attachment = slv_realloc(s->attachment, bytes.len + 1);
    s->attachment_len = bytes.len;
    if (bytes.len > 0)
        memcpy(s->attachment, bytes.ptr, bytes.len);
}

static slv_code take_attach(slv_object *o, slv_str payload, slv_err *err)
{
    slv_msg_socket_bytes m;

    if (slv_msg_socket_attach_get(payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed SOCKET_ATTACH");
    sleeper *s = find(o, m.socket);
    if (!s)
        return SLV_OK;
    slv_hibernating_attach(s, m.bytes);
    return SLV_OK;
}

slv_code slv_object_socket_options(slv_object *o, const slv_msg_socket_options *m)
{
    SLV_TRY(slv_buf_set(&o->option_text, m->request));
    SLV_TRY(slv_buf_append(&o->option_text, m->response));
    o->options = *m;
    o->options.request = slv_str_sub(slv_buf_view(&o->option_text), 0, m->request.len);
    o->options.response = slv_str_skip(slv_buf_view(&o->option_text), m->request.len);
    return SLV_OK;
}

static slv_code take_options(slv_object *o, slv_str payload, slv_err *err)
{
    slv_msg_socket_options m;

    if (slv_msg_socket_options_get(payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed SOCKET_OPTIONS");
    return slv_object_socket_options(o, &m);
}

slv_code slv_object_socket_frame(slv_object *o, const slv_frame *f, slv_err *err)
{
    o->acts++;
    switch ((int)f->type) {
    case SLV_FRAME_SOCKET_ACCEPT:
        return take_accept(o, f->payload, err);
    case SLV_FRAME_SOCKET_SEND:
        return take_send(o, f, err);
    case SLV_FRAME_SOCKET_CLOSE:
        return take_close(o, f->payload, err);
    case SLV_FRAME_SOCKET_ATTACH:
        return take_attach(o, f->payload, err);
    default:
        return take_options(o, f->payload, err);
    }
}

/* ---- joining ---- */

slv_code slv_object_socket_wire(slv_object *o, uint32_t id, slv_wire **ret, slv_err *err)
{
    sleeper *s = find(o, id);

    if (s && s->joined)
        return slv_fail(err, SLV_E_PROTOCOL, "a socket whose other end was returned already");
    *ret = s ? &s->w : NULL;
    if (!s)
        return id >= o->next_socket ? slv_fail(err, SLV_E_PROTOCOL, "a socket that is not there")
                                    : SLV_OK;
    s->joined = true;
    return SLV_OK;
}

void slv_object_sockets_residence_over(slv_object *o)
{
    SLV_LIST_EACH (node, &o->sockets) {
        sleeper *s = slv_container_of(node, sleeper, node);

        if (!s->joined)
            slv_hibernating_free(s);
    }
}

void slv_object_sockets_drop(slv_object *o, slv_str message)
{
    slv_list *node;

    (void)message;
    while ((node = slv_list_pop(&o->sockets)) != NULL)
        slv_hibernating_free(slv_container_of(node, sleeper, node));
}

/* ---- questions ---- */

static bool has_tag(const sleeper *s, slv_str tag)
{
    slv_reader r = slv_reader_make(slv_str_make(s->tags, s->tags_len));

    for (uint16_t i = 0; i < s->tag_count; i++) {
        if (slv_str_eq(slv_read_str(&r), tag))
            return true;
    }
    return false;
}

static slv_code put_sockets(slv_buf *out, const slv_object *o, const slv_msg_ask_object *m)
{
    size_t at = out->len;
    uint32_t count = 0;

    SLV_TRY(slv_buf_append_u32(out, 0));
    SLV_LIST_EACH (node, &o->sockets) {
        const sleeper *s = slv_container_of(node, sleeper, node);

        if (m->tagged && !has_tag(s, m->tag))
            continue;
        SLV_TRY(slv_buf_append_u32(out, s->id));
        count++;
    }
    memcpy(out->ptr + at, &count, sizeof count);
    return SLV_OK;
}

static slv_code put_info(slv_buf *out, slv_object *o, uint32_t id)
{
    const sleeper *s = find(o, id);
    slv_msg_socket_info info = {.auto_ms = -1};

    if (s)
        info = (slv_msg_socket_info){
            .auto_ms = s->auto_ms,
            .attached = s->attached,
            .attachment = slv_str_make(s->attachment, s->attachment_len),
            .count = s->tag_count,
            .tags = slv_str_make(s->tags, s->tags_len),
        };
    return slv_msg_socket_info_put(out, &info);
}

slv_code slv_object_ask(slv_isolate *iso, const slv_frame *f, slv_err *err)
{
    slv_link *link = slv_isolate_link(iso);
    slv_msg_ask_object m;
    slv_msg_ask ask;

    if (slv_msg_ask_get(f->payload, &ask) != SLV_OK ||
        slv_msg_ask_object_get((slv_ask_kind)ask.kind, ask.rest, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed ASK");
    slv_object *o = slv_object_of(iso, m.object);
    if (!o) {
        slv_buf *out = slv_link_begin(link, SLV_FRAME_ANSWER, SLV_FRAME_ERROR, f->id);

        slv_link_end(link, slv_msg_str_put(out, SLV_STR("{\"name\":\"Error\",\"message\":\"The "
                                                        "Durable Object has ended.\"}")));
        return SLV_OK;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_ANSWER, 0, f->id);
    slv_code code = ask.kind == SLV_ASK_SOCKETS  ? put_sockets(out, o, &m)
                    : ask.kind == SLV_ASK_SOCKET ? put_info(out, o, m.socket)
                                                 : slv_msg_socket_options_put(out, &o->options);
    slv_link_end(link, code);
    return SLV_OK;
}
