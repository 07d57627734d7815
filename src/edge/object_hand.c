/*
 * Sockets that hibernate, on their way to another process and from there. They go when their object
 * is absent and everything that it did is on disk and written: so what the other process knows is
 * all that there is. Messages that the object has not been told travel with their socket.
 */
#include <unistd.h>

#include "base/mem.h"
#include "edge/handed_socket.h"
#include "edge/object_socket_int.h"

/* ---- away ---- */

bool slv_objects_take_back(slv_objects *all)
{
    bool absent = true;

    SLV_MAP_EACH (&all->map, i) {
        slv_object *o = all->map.values[i];

        if (o->state == SLV_OBJECT_RESIDENT)
            slv_object_close(o, SLV_CLOSE_UPDATE,
                             SLV_STR("Durable Object reset because the server is being upgraded."));
        absent &= o->state == SLV_OBJECT_ABSENT;
    }
    return absent;
}

static slv_code put_events(const slv_hibernating *s, slv_buf *out, uint32_t *ret_count)
{
    *ret_count = 0;
    for (const slv_list *n = s->queue.next; n != &s->queue; n = n->next) {
        const slv_socket_event *e = slv_container_of((slv_list *)(size_t)n, slv_socket_event, node);
        const slv_handed_event put = {
            .what = e->what,
            .code = e->what == SLV_SOCKET_CLOSED ? e->code : 0,
            .clean = e->what == SLV_SOCKET_CLOSED && e->clean,
            .data = slv_buf_view(&e->data),
        };

        SLV_TRY(slv_handed_event_put(&put, out));
        (*ret_count)++;
    }
    return SLV_OK;
}

static slv_code put_state(const slv_hibernating *s, const slv_ws_parts *parts, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf events = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    const slv_object *o = s->o;
    slv_handed_socket h = {
        .tenant = o->tenant,
        .worker = o->worker,
        .class_name = o->class_name,
        .id = slv_str_make(o->id, SLV_OBJECT_ID_LEN),
        .name = o->name,
        .named = o->named,
        .socket = s->id,
        .tag_count = s->tag_count,
        .tags = slv_str_make(s->tags, s->tags_len),
        .auto_ms = s->auto_ms,
        .attached = s->attached,
        .attachment = slv_str_make(s->attachment, s->attachment_len),
        .options = o->options,
        .gone = parts->fd < 0,
        .window_bits = (uint8_t)parts->window_bits,
        .unmasked = parts->unmasked,
        .received = slv_buf_view(&parts->received),
        .to_send = slv_buf_view(&parts->to_send),
    };

    SLV_TRY(put_events(s, &events, &h.event_count));
    h.events = slv_buf_view(&events);
    return slv_handed_socket_put(&h, out);
}

/* False: it is not at rest. */
static bool hand(slv_hibernating *s)
{
    SLV_CLEANUP(slv_buf_done) slv_buf state = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    SLV_CLEANUP(slv_ws_parts_done) slv_ws_parts parts = {.fd = -1};
    const slv_server_options *o = &s->o->all->shard->server->o;

    if (s->o->facet || !s->joined || !s->ready || s->running || s->in.len > 0 || s->sent_close)
        return false;
    if (!s->got_close && (!s->w.peer || !slv_wire_hand(s->w.peer, o->pumps, &parts)))
        return false;
    if (put_state(s, &parts, &state) == SLV_OK &&
        o->hand_socket(o->hand_over_arg, slv_buf_view(&state), parts.fd))
        parts.fd = -1;
    slv_hibernating_free(s); /* a connection that could not be given is cut */
    return true;
}

bool slv_objects_hand(slv_objects *all, bool last)
{
    bool none = true;

    for (size_t i = all->map.len; i-- > 0;) {
        slv_object *o = all->map.values[i];

        SLV_LIST_EACH (node, &o->sockets) {
            slv_hibernating *s = slv_container_of(node, slv_hibernating, node);

            if (hand(s))
                continue;
            if (last)
                slv_hibernating_free(s);
            else
                none = false;
        }
    }
    return none;
}

/* ---- and from there ---- */

static void tell_all(slv_hibernating *s, slv_str events)
{
    slv_reader r = slv_reader_make(events);
    slv_handed_event e;

    while (slv_handed_event_next(&r, &e)) {
        slv_buf data = SLV_BUF(SLV_WS_MESSAGE_MAX);

        if (slv_buf_set(&data, e.data) == SLV_OK)
            slv_hibernating_tell(s, e.what, e.code, e.clean, &data);
        slv_buf_done(&data);
    }
}

static slv_code copy_parts(const slv_handed_socket *h, slv_ws_parts *parts)
{
    parts->window_bits = h->window_bits;
    parts->unmasked = h->unmasked;
    parts->received = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    parts->to_send = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    SLV_TRY(slv_buf_set(&parts->received, h->received));
    return slv_buf_set(&parts->to_send, h->to_send);
}

static slv_object *object_of(slv_objects *all, const slv_handed_socket *h)
{
    const slv_object_target target = {
        .tenant = h->tenant,
        .worker = h->worker,
        .class_name = h->class_name,
        .id = h->id,
        .name = h->name,
        .named = h->named,
    };
    const char *why;
    slv_object *o = slv_object_get(all->shard, &target, &why);

    if (o &&
        (slv_imap_get(&o->socket_ids, h->socket) || o->socket_ids.len >= SLV_OBJECT_SOCKETS_MAX))
        return NULL;
    return o;
}

void slv_objects_adopt(slv_objects *all, slv_str state, int fd)
{
    SLV_CLEANUP(slv_ws_parts_done) slv_ws_parts parts = {.fd = fd};
    slv_handed_socket h;

    if (slv_handed_socket_get(state, &h) != SLV_OK || h.gone != (fd < 0) || !all->shard->http ||
        copy_parts(&h, &parts) != SLV_OK)
        return;
    slv_object *o = object_of(all, &h);
    if (!o || slv_object_socket_options(o, &h.options) != SLV_OK)
        return;
    slv_hibernating *s = slv_hibernating_new(o, h.socket, h.tag_count, h.tags);
    s->auto_ms = h.auto_ms;
    s->joined = true;
    if (h.attached)
        slv_hibernating_attach(s, h.attachment);
    if (h.gone) {
        s->ready = s->got_close = true;
        tell_all(s, h.events);
        return;
    }
    tell_all(s, h.events); /* before what the connection has still to say */
    slv_wire_join(slv_wire_adopt(all->shard, &parts), &s->w);
}

void slv_objects_adopted(slv_objects *all)
{
    all->adopting = false;
    for (size_t i = all->map.len; i-- > 0;) {
        slv_object *o = all->map.values[i];

        if (o->delayed)
            slv_object_visit(o);
    }
}
