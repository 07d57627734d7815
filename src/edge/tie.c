#include "edge/tie_int.h"

#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/peer_int.h"
#include "edge/relay_int.h"
#include "fmt/json.h"

/* ---- ties ---- */

slv_tie *slv_tie_ref(slv_tie *tie)
{
    atomic_fetch_add_explicit(&tie->refs, 1, memory_order_relaxed);
    return tie;
}

slv_tie *slv_tie_unref(slv_tie *tie)
{
    if (tie && atomic_fetch_sub_explicit(&tie->refs, 1, memory_order_acq_rel) == 1) {
        slv_gift_done(&tie->props);
        slv_arena_done(&tie->arena);
        free(tie);
    }
    return NULL;
}

static slv_tie *tie_new(void)
{
    slv_tie *tie = slv_new0(slv_tie);

    atomic_init(&tie->refs, 1);
    tie->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    return tie;
}

static slv_code malformed(slv_err *err)
{
    return slv_fail(err, SLV_E_PROTOCOL, "a malformed description of a stub");
}

static bool index_of(const slv_node *n, uint32_t *ret)
{
    int64_t v;

    if (!slv_node_i64(slv_node_get(n, "i"), &v) || v < 0 || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

/* A binding, as the worker that has it may call it. */
static slv_code of_binding(const slv_binding *b, slv_tie *tie)
{
    SLV_TRY(slv_arena_dup(&tie->arena, b->service, &tie->worker));
    SLV_TRY(slv_arena_dup(&tie->arena, b->entrypoint, &tie->entrypoint));
    return slv_arena_dup(&tie->arena, b->props, &tie->props.text);
}

static slv_code of_self(slv_event *ev, const slv_node *n, slv_tie *tie, slv_err *err)
{
    if (slv_dynamic_of(ev->version))
        return malformed(err); /* nobody could find it again */
    SLV_TRY(slv_arena_dup(&tie->arena, ev->version->name, &tie->worker));
    SLV_TRY(slv_arena_dup(&tie->arena, slv_node_str(slv_node_get(n, "e")), &tie->entrypoint));
    return slv_gift_read(ev, slv_node_str(slv_node_get(n, "p")), slv_node_get(n, "t"), &tie->arena,
                         &tie->props, err);
}

static slv_code of_object(slv_event *ev, const slv_node *n, uint32_t index, slv_tie *tie,
                          slv_err *err)
{
    const slv_version *v = ev->version;
    const slv_binding *b = index < v->resource_count ? v->resources[index] : NULL;
    const slv_node *name = slv_node_get(n, "n");

    if (!b || b->type != SLV_BINDING_OBJECTS)
        return malformed(err);
    tie->object = true;
    tie->named = slv_node_is(name, SLV_NODE_STRING);
    SLV_TRY(slv_arena_dup(&tie->arena, v->tenant, &tie->tenant));
    SLV_TRY(slv_arena_dup(&tie->arena, b->service.len > 0 ? b->service : v->name, &tie->worker));
    SLV_TRY(slv_arena_dup(&tie->arena, b->id, &tie->class_name));
    SLV_TRY(slv_arena_dup(&tie->arena, slv_node_str(slv_node_get(n, "id")), &tie->id));
    SLV_TRY(slv_arena_dup(&tie->arena, slv_node_str(name), &tie->name));
    return slv_object_id_valid(tie->id) ? SLV_OK : malformed(err);
}

slv_code slv_tie_read(slv_event *ev, const slv_node *n, slv_tie **ret, slv_err *err)
{
    slv_str kind = slv_node_str(slv_node_get(n, "k"));
    uint32_t index = 0;
    bool has_index = index_of(n, &index);

    if (slv_str_is(kind, "tie") || slv_str_is(kind, "service")) {
        slv_tie *given = has_index ? slv_event_tie(ev, index) : NULL;

        if (given) {
            *ret = slv_tie_ref(given);
            return SLV_OK;
        }
    }
    slv_tie *tie = tie_new();
    slv_code code = SLV_E_PROTOCOL;
    if (slv_str_is(kind, "service") && has_index && index < ev->version->service_count)
        code = of_binding(ev->version->services[index], tie);
    else if (slv_str_is(kind, "self"))
        code = of_self(ev, n, tie, err);
    else if (slv_str_is(kind, "object") && has_index)
        code = of_object(ev, n, index, tie, err);
    else
        code = malformed(err);
    if (code != SLV_OK) {
        (void)slv_tie_unref(tie);
        return code == SLV_E_PROTOCOL ? code : malformed(err);
    }
    *ret = tie;
    return SLV_OK;
}

slv_tie *slv_tie_of_worker(slv_str name)
{
    slv_tie *tie = tie_new();

    if (slv_arena_dup(&tie->arena, name, &tie->worker) != SLV_OK)
        tie->worker = SLV_STR_NULL;
    return tie;
}

/* ---- gifts ---- */

slv_code slv_gift_read(slv_event *ev, slv_str text, const slv_node *ties, slv_arena *arena,
                       slv_gift *ret, slv_err *err)
{
    size_t n = slv_node_is(ties, SLV_NODE_ARRAY) ? ties->count : 0;

    *ret = (slv_gift){0};
    if (n > SLV_TIES_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "too many stubs");
    SLV_TRY(slv_arena_dup(arena, text, &ret->text));
    if (n == 0)
        return SLV_OK;
    ret->items = slv_arena_try_alloc0(arena, n * sizeof(slv_tie *));
    if (!ret->items)
        return slv_fail(err, SLV_E_PROTOCOL, "too many stubs");
    for (const slv_node *t = ties->first; t; t = t->next) {
        slv_code code = slv_tie_read(ev, t, &ret->items[ret->count], err);

        if (code != SLV_OK) {
            slv_gift_done(ret);
            return code;
        }
        ret->count++;
    }
    return SLV_OK;
}

slv_code slv_gift_copy(const slv_gift *from, slv_arena *arena, slv_gift *ret)
{
    *ret = (slv_gift){0};
    SLV_TRY(slv_arena_dup(arena, from->text, &ret->text));
    if (from->count == 0)
        return SLV_OK;
    ret->items = slv_arena_try_alloc0(arena, from->count * sizeof(slv_tie *));
    if (!ret->items)
        return SLV_E_LIMIT;
    for (; ret->count < from->count; ret->count++)
        ret->items[ret->count] = slv_tie_ref(from->items[ret->count]);
    return SLV_OK;
}

void slv_gift_done(slv_gift *gift)
{
    for (size_t i = 0; i < gift->count; i++)
        gift->items[i] = slv_tie_unref(gift->items[i]);
    *gift = (slv_gift){0};
}

/* ---- what an isolate was given ---- */

static uint32_t give(slv_peer *peer, uint32_t event, slv_tie *tie)
{
    slv_given_tie *given = slv_new0(slv_given_tie);
    uint32_t number;

    do
        number = SLV_TIE_GIVEN | ++peer->last_tie;
    while (slv_imap_get(&peer->ties, number));
    *given = (slv_given_tie){slv_tie_ref(tie), number, event};
    slv_imap_set(&peer->ties, number, given);
    return number;
}

slv_code slv_gift_give(const slv_gift *gift, slv_event *ev, slv_buf *out)
{
    slv_str text = gift->text;

    if (slv_str_starts(text, SLV_STR("!"))) {
        SLV_TRY(slv_buf_append_byte(out, '!'));
        for (size_t i = 0; i < gift->count; i++)
            SLV_TRY(slv_buf_printf(out, "%s%u", i > 0 ? "," : "",
                                   give(slv_peer_of(ev), ev->pe.id, gift->items[i])));
    }
    return slv_buf_append(out, text);
}

void slv_ties_ended(slv_peer *peer, uint32_t event)
{
    for (size_t i = peer->ties.len; i-- > 0;) {
        slv_given_tie *given = peer->ties.values[i];

        if (event != 0 && given->event != event)
            continue;
        (void)slv_imap_remove(&peer->ties, given->number);
        (void)slv_tie_unref(given->tie);
        free(given);
    }
}

slv_tie *slv_event_tie(const slv_event *ev, uint32_t index)
{
    const slv_dynamic *d = slv_dynamic_of(ev->version);

    if (index & SLV_TIE_GIVEN) {
        slv_given_tie **given = slv_imap_get(&slv_peer_of(ev)->ties, index);

        return given ? (*given)->tie : NULL;
    }
    return d && index < d->env.count ? d->env.items[index] : NULL;
}

/* ---- outgoing requests ---- */

slv_outbound *slv_outbound_new(slv_tie *tie, slv_str params)
{
    slv_outbound *out = slv_new0(slv_outbound);

    atomic_init(&out->refs, 1);
    out->tie = tie;
    out->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    if (slv_arena_dup(&out->arena, params, &out->params) != SLV_OK)
        out->params = SLV_STR_NULL;
    return out;
}

slv_outbound *slv_outbound_ref(slv_outbound *out)
{
    atomic_fetch_add_explicit(&out->refs, 1, memory_order_relaxed);
    return out;
}

slv_outbound *slv_outbound_unref(slv_outbound *out)
{
    if (out && atomic_fetch_sub_explicit(&out->refs, 1, memory_order_acq_rel) == 1) {
        (void)slv_tie_unref(out->tie);
        slv_arena_done(&out->arena);
        free(out);
    }
    return NULL;
}

slv_outbound *slv_outbound_of(const slv_event *ev)
{
    const slv_dynamic *d = slv_dynamic_of(ev->version);

    return ev->outbound ? ev->outbound : d ? d->outbound : NULL;
}

#define BLOCKED SLV_STR(SLV_OUTBOUND_BLOCKED)

/* As slv_relay_fetch() does when there is nobody. */
static slv_code refuse(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_str text,
                       slv_err *err)
{
    const slv_callee nobody = {0};

    slv_op_reject(ev, op, SLV_STR("Error"), text);
    return slv_relay_fetch(ev, op, m, &nobody, err);
}

bool slv_outbound_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_code *ret,
                        slv_err *err)
{
    slv_outbound *out = slv_outbound_of(ev);
    slv_callee callee = {0};

    if (!out)
        return false;
    if (!out->tie) {
        *ret = refuse(ev, op, m, BLOCKED, err);
        return true;
    }
    slv_call_find_tie(ev, op, out->tie, &callee);
    if (out->params.len > 0) {
        callee.props = NULL;
        callee.json_props = out->params;
    }
    if (callee.version || out->tie->object)
        *ret = slv_relay_fetch(ev, op, m, &callee, err);
    else
        *ret = refuse(ev, op, m, SLV_STR("Worker not found."), err);
    return true;
}

bool slv_outbound_connect(slv_event *ev, uint32_t op)
{
    slv_outbound *out = slv_outbound_of(ev);

    if (!out)
        return false;
    if (out->tie)
        slv_op_reject(ev, op, SLV_STR("TypeError"),
                      SLV_STR("Incoming CONNECT on a worker not supported"));
    else
        slv_op_reject(ev, op, SLV_STR("Error"), BLOCKED);
    return true;
}
