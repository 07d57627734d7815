#include "edge/peer_int.h"

#include "base/mem.h"
#include "edge/tie_int.h"

#define IMPORTS_MAX 65536

void slv_peer_init(slv_peer *peer, slv_shard *shard, slv_isolate *iso)
{
    *peer = (slv_peer){.shard = shard, .iso = iso, .next_import = 2};
}

slv_peer *slv_peer_of(const slv_event *ev)
{
    return slv_isolate_user(ev->pe.isolate);
}

static slv_link *link_of(const slv_peer *peer)
{
    return slv_isolate_link(peer->iso);
}

/* ---- references ---- */

static void send_drop(slv_peer *home, uint32_t number, uint32_t refs)
{
    slv_link *link = link_of(home);
    const slv_msg_cap_drop m = {number, refs};

    if (!link || slv_link_is_closed(link))
        return;
    slv_buf *out = slv_link_begin(link, SLV_FRAME_CAP_DROP, 0, 0);
    slv_link_end(link, slv_msg_cap_drop_put(out, &m));
}

/* Nobody holds it any more: its home may forget it. */
static void drop_export(slv_export *x)
{
    (void)slv_imap_remove(&x->home->exports, x->number);
    send_drop(x->home, x->number, x->named);
    free(x);
}

static void free_import(slv_import *imp)
{
    slv_export *x = imp->target;

    if (imp->holder)
        (void)slv_imap_remove(&imp->holder->imports, imp->number);
    slv_list_remove(&imp->node);
    free(imp);
    if (x && slv_list_empty(&x->holders))
        drop_export(x);
}

static slv_import *make_import(slv_export *target)
{
    slv_import *imp = slv_new0(slv_import);

    imp->target = target;
    imp->refs = 1;
    if (target)
        slv_list_push(&target->holders, &imp->node);
    return imp;
}

static void send_broken(const slv_import *imp)
{
    slv_link *link = link_of(imp->holder);
    const slv_msg_cap_broken m = {
        imp->number, SLV_STR("{\"name\":\"Error\",\"message\":\"The destination execution context "
                             "for this RPC was canceled while the call was still running.\","
                             "\"stack\":\"\"}")};

    if (!link || slv_link_is_closed(link))
        return;
    slv_buf *out = slv_link_begin(link, SLV_FRAME_CAP_BROKEN, 0, 0);
    slv_link_end(link, slv_msg_cap_broken_put(out, &m));
}

static void break_export(slv_export *x)
{
    slv_list *node;

    while ((node = slv_list_pop(&x->holders)) != NULL) {
        slv_import *imp = slv_container_of(node, slv_import, node);

        imp->target = NULL; /* its number stays the holder's until it drops it */
        if (imp->holder)
            send_broken(imp);
    }
    (void)slv_imap_remove(&x->home->exports, x->number);
    free(x);
}

void slv_peer_event_ended(slv_peer *peer, uint32_t event)
{
    if (peer->ties.len > 0)
        slv_ties_ended(peer, event);
    for (size_t i = peer->imports.len; i-- > 0;) {
        if (i < peer->imports.len && peer->imports.values[i]->event == event)
            free_import(peer->imports.values[i]);
    }
    for (size_t i = peer->exports.len; i-- > 0;) {
        if (i < peer->exports.len && peer->exports.values[i]->event == event)
            break_export(peer->exports.values[i]);
    }
}

void slv_peer_done(slv_peer *peer)
{
    /* each takes itself out of the map, which the analyzer does not see */
    while (peer->imports.len > 0)
        free_import(peer->imports.values[0]);
    while (peer->exports.len > 0)
        break_export(peer->exports.values[0]);
    slv_imap_done(&peer->imports);
    slv_ties_ended(peer, 0);
    slv_imap_done(&peer->ties);
    slv_imap_done(&peer->exports);
    slv_imap_done(&peer->objects);
    slv_imap_done(&peer->held_numbers);
}

slv_code slv_peer_target(slv_peer *peer, uint32_t number, slv_export **ret, slv_err *err)
{
    if (number & 1) {
        slv_export **x = slv_imap_get(&peer->exports, number);

        *ret = x ? *x : NULL; /* its own, dropped meanwhile: broken */
        return SLV_OK;
    }
    slv_import **imp = slv_imap_get(&peer->imports, number);
    if (!imp)
        return slv_fail(err, SLV_E_PROTOCOL, "capability %u was never given", number);
    *ret = (*imp)->target;
    return SLV_OK;
}

slv_code slv_rpc_drop(slv_isolate *iso, slv_str payload, slv_err *err)
{
    slv_peer *peer = slv_isolate_user(iso);
    slv_msg_cap_drop m;

    if (!peer || slv_msg_cap_drop_get(payload, &m) != SLV_OK || m.cap & 1)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed CAP_DROP");
    slv_import **imp = slv_imap_get(&peer->imports, m.cap);
    if (!imp)
        return SLV_OK; /* its event has ended, which dropped it already */
    if (m.refs > (*imp)->refs)
        return slv_fail(err, SLV_E_PROTOCOL, "CAP_DROP of %u references, %u were given", m.refs,
                        (*imp)->refs);
    (*imp)->refs -= m.refs;
    if ((*imp)->refs == 0)
        free_import(*imp);
    return SLV_OK;
}

/* ---- cargo ---- */

static slv_code load_callable(slv_event *ev, uint32_t number, slv_cargo_item *item, slv_err *err)
{
    slv_peer *peer = slv_peer_of(ev);
    slv_export *x = NULL;

    SLV_TRY(slv_peer_target(peer, number, &x, err));
    if (!x && number & 1) { /* named for the first time */
        if (peer->exports.len >= IMPORTS_MAX)
            return slv_fail(err, SLV_E_PROTOCOL, "too many capabilities");
        x = slv_new0(slv_export);
        *x = (slv_export){.home = peer, .number = number, .event = ev->pe.id};
        slv_list_init(&x->holders);
        slv_imap_set(&peer->exports, number, x);
    }
    if (number & 1)
        x->named++;
    item->import = make_import(x);
    return SLV_OK;
}

static slv_code load_item(slv_event *ev, slv_msg_cap cap, slv_cargo_item *item, slv_err *err)
{
    item->kind = cap.kind;
    switch (cap.kind) {
    case SLV_CAP_CALLABLE:
    case SLV_CAP_WRITE:
        return load_callable(ev, cap.number, item, err);
    case SLV_CAP_READ:
        return slv_event_body(ev, cap.number, &item->source, err);
    case SLV_CAP_SOCKET:
        return slv_wire_of_event(ev, cap.number, &item->wire, err);
    }
    SLV_UNREACHABLE();
}

slv_code slv_cargo_load(slv_cargo *cargo, slv_event *ev, const slv_msg_caps *caps, slv_err *err)
{
    *cargo = (slv_cargo){NULL, 0};
    if (caps->count == 0)
        return SLV_OK;
    if (caps->count > SLV_CARGO_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "%u capabilities in one message", caps->count);
    cargo->items = slv_alloc0(caps->count * sizeof *cargo->items);
    for (size_t i = 0; i < caps->count; i++) {
        slv_code code = load_item(ev, slv_msg_cap_at(caps, i), &cargo->items[i], err);

        if (code != SLV_OK) {
            slv_cargo_drop(cargo);
            return code;
        }
        cargo->count++;
    }
    return SLV_OK;
}

static void drop_item(slv_cargo_item *item)
{
    if (item->import)
        free_import(item->import);
    if (item->source)
        item->source->ops->cancel(item->source, SLV_STR("The receiver has ended."));
    if (item->wire)
        slv_wire_drop(item->wire, SLV_STR("The receiver has ended."));
    *item = (slv_cargo_item){.kind = item->kind};
}

void slv_cargo_drop(slv_cargo *cargo)
{
    for (size_t i = 0; i < cargo->count; i++)
        drop_item(&cargo->items[i]);
    free(cargo->items);
    *cargo = (slv_cargo){NULL, 0};
}

/* Also what comes home is given a number like any other: a call on it goes by way of main, into the
   event that exported it, past its gates. */
static slv_code unload_callable(slv_event *ev, slv_cargo_item *item, uint32_t *ret_number)
{
    slv_peer *peer = slv_peer_of(ev);
    slv_import *imp = item->import;

    if (peer->imports.len >= IMPORTS_MAX)
        return SLV_E_LIMIT;
    do {
        imp->number = peer->next_import;
        peer->next_import += 2;
        if (peer->next_import == 0)
            peer->next_import = 2;
    } while (slv_imap_get(&peer->imports, imp->number));
    imp->holder = peer;
    imp->event = ev->pe.id;
    slv_imap_set(&peer->imports, imp->number, imp);
    item->import = NULL;
    *ret_number = imp->number;
    return SLV_OK;
}

static slv_code unload_item(slv_event *ev, slv_cargo_item *item, uint32_t *ret_number)
{
    slv_link *link = slv_event_link(ev);
    slv_source *src;
    slv_sink *sink;
    slv_wire *to;

    *ret_number = 0;
    switch (item->kind) {
    case SLV_CAP_CALLABLE:
    case SLV_CAP_WRITE:
        return unload_callable(ev, item, ret_number);
    case SLV_CAP_READ:
        SLV_TRY(slv_link_sink_open(link, ret_number, ev->pe.id, &ev->streams, &sink, NULL));
        src = item->source;
        item->source = NULL;
        slv_body_join(src, sink);
        return SLV_OK;
    case SLV_CAP_SOCKET:
        SLV_TRY(slv_wire_to_event(ev, &to, ret_number, NULL));
        if (item->wire)
            slv_wire_join(item->wire, to);
        else
            slv_wire_drop(to, SLV_STR("Network connection lost."));
        item->wire = NULL;
        return SLV_OK;
    }
    SLV_UNREACHABLE();
}

/* What broke on the way is told after the message that brings its number. */
static void tell_broken(slv_peer *peer, const slv_msg_caps *caps)
{
    for (size_t i = 0; i < caps->count; i++) {
        slv_msg_cap cap = slv_msg_cap_at(caps, i);
        slv_import **imp =
            cap.kind == SLV_CAP_CALLABLE ? slv_imap_get(&peer->imports, cap.number) : NULL;

        if (imp && !(*imp)->target)
            send_broken(*imp);
    }
}

slv_code slv_cargo_unload(slv_cargo *cargo, slv_event *ev, slv_buf *raw, slv_msg_caps *ret)
{
    slv_code code = SLV_OK;

    *ret = (slv_msg_caps){0, SLV_STR_NULL};
    for (size_t i = 0; i < cargo->count && code == SLV_OK; i++) {
        uint32_t number;

        code = unload_item(ev, &cargo->items[i], &number);
        if (code == SLV_OK)
            code = slv_msg_cap_add(raw, cargo->items[i].kind, number);
        if (code == SLV_OK)
            ret->count++;
    }
    ret->raw = slv_buf_view(raw);
    return code;
}

void slv_cargo_sent(slv_cargo *cargo, slv_event *ev, const slv_msg_caps *caps)
{
    tell_broken(slv_peer_of(ev), caps);
    slv_cargo_drop(cargo);
}
