/*
 * Operations on a worker_loaders binding: the modules of a dynamic worker come, and it is called.
 *
 *     132 OPEN    str id, u8 named              -> u32 slot, u8 1: bring the code
 *     133 MODULE  u32 slot, str name, u8 type, str bytes
 *     134 START   u32 slot, str JSON            -> empty, once it is bundled
 *     135 FAIL    u32 slot                      the code does not come
 *     136 FETCH   u32 slot, str JSON, as FETCH  -> as FETCH
 *     137 RPC     u32 slot, str JSON, as RPC    -> as RPC
 */
#include "base/mem.h"
#include "edge/loader_int.h"
#include "fmt/json.h"

enum {
    OP_LOADER_OPEN = 132,
    OP_LOADER_MODULE,
    OP_LOADER_START,
    OP_LOADER_FAIL,
    OP_LOADER_FETCH,
    OP_LOADER_RPC,
};

#define ID_MAX ((size_t)64 << 10)
#define CODE_JSON_MAX ((size_t)32 << 20)

/* ---- holding a slot ---- */

typedef enum hold_state {
    HOLD_OPEN,   /* OPEN waits for what another event brings */
    HOLD_LOADER, /* is to bring the code */
    HOLD_START,  /* START waits */
    HOLD_KEPT,   /* answered: the slot stays while the event runs */
} hold_state;

typedef struct hold {
    slv_op op;
    slv_list node;
    slv_slot *slot;
    hold_state state;
} hold;

static void answer_open(hold *h, bool bring)
{
    slv_link *link = slv_event_link(h->op.event);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, h->op.id);
    slv_code code = slv_buf_append_u32(out, h->slot->number);

    if (code == SLV_OK)
        code = slv_buf_append_u8(out, bring);
    slv_link_end(link, code);
    h->state = bring ? HOLD_LOADER : HOLD_KEPT;
}

static hold *loader_of(slv_slot *slot)
{
    SLV_LIST_EACH (node, &slot->holders) {
        hold *h = slv_container_of(node, hold, node);

        if (h->state == HOLD_LOADER)
            return h;
    }
    return NULL;
}

/* Who was to bring the code has ended: the next one who waits is asked. */
static void ask_another(slv_slot *slot)
{
    if (slot->state != SLOT_EMPTY || loader_of(slot))
        return;
    slot->modules.len = 0;
    slot->bytes = 0;
    SLV_LIST_EACH (node, &slot->holders) {
        hold *h = slv_container_of(node, hold, node);

        if (h->state == HOLD_OPEN) {
            answer_open(h, true);
            return;
        }
    }
}

static void hold_free(hold *h)
{
    slv_slot *slot = h->slot;

    slv_op_close(&h->op);
    slv_list_remove(&h->node);
    free(h);
    ask_another(slot);
    slv_slot_released(slot);
}

static void on_cancel(slv_op *op, bool answer)
{
    hold *h = slv_container_of(op, hold, op);

    if (answer && (h->state == HOLD_OPEN || h->state == HOLD_START))
        slv_op_reject(op->event, op->id, SLV_STR("AbortError"),
                      SLV_STR("The operation was aborted"));
    hold_free(h);
}

static const slv_op_ops hold_ops = {on_cancel};

static hold *hold_new(slv_slot *slot, slv_event *ev, uint32_t op, hold_state state)
{
    hold *h = slv_new0(hold);

    h->slot = slot;
    h->state = state;
    slv_op_open(&h->op, ev, op, &hold_ops);
    slv_list_push(&slot->holders, &h->node);
    return h;
}

void slv_slot_tell(slv_slot *slot)
{
    bool ready = slot->state == SLOT_READY;

    SLV_LIST_EACH (node, &slot->holders) {
        hold *h = slv_container_of(node, hold, node);

        if (h->state == HOLD_KEPT)
            continue;
        if (h->state == HOLD_OPEN && ready) {
            answer_open(h, false);
            continue;
        }
        if (h->state == HOLD_START && ready)
            slv_op_answer_empty(h->op.event, h->op.id);
        else if (h->state != HOLD_LOADER)
            slv_op_reject_json(h->op.event, h->op.id, slv_buf_view(&slot->error));
        h->state = HOLD_KEPT;
    }
}

/* ---- opening and loading ---- */

static slv_slot *slot_of(const slv_resource_call *c, slv_reader *r)
{
    slv_slot *slot = slv_loader_find(c->ev->shard->loader, slv_read_u32(r));

    return slot && slot->owner == c->binding && slv_str_eq(slot->owner_id, c->ev->version->id)
               ? slot
               : NULL;
}

slv_version *slv_loader_version(slv_event *ev, uint32_t resource, uint32_t number)
{
    const slv_binding *b =
        resource < ev->version->resource_count ? ev->version->resources[resource] : NULL;
    slv_slot *slot = slv_loader_find(ev->shard->loader, number);

    return b && slot && slot->state == SLOT_READY && slot->owner == b &&
                   slv_str_eq(slot->owner_id, ev->version->id)
               ? slot->version
               : NULL;
}

static slv_code gone(const slv_resource_call *c)
{
    slv_op_reject(c->ev, c->op, SLV_STR("Error"),
                  SLV_STR("The request which initiated this dynamic worker load has already "
                          "completed."));
    return SLV_OK;
}

static slv_code name_slot(const slv_resource_call *c, slv_slot *slot, slv_str id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF((size_t)8 << 10);

    SLV_TRY(slv_buf_printf(&name, "%.*s/", SLV_STR_ARGS(c->ev->version->name)));
    for (size_t i = 0; i < id.len && i < 100; i++)
        SLV_TRY(slv_buf_append_byte(
            &name,
            (unsigned char)id.ptr[i] > ' ' && (unsigned char)id.ptr[i] < 0x7f ? id.ptr[i] : '_'));
    if (id.len == 0)
        SLV_TRY(slv_buf_printf(&name, "%u", slot->number));
    slot->owner = c->binding;
    SLV_TRY(slv_arena_dup(&slot->arena, c->ev->version->id, &slot->owner_id));
    SLV_TRY(slv_arena_dup(&slot->arena, c->ev->version->tenant, &slot->tenant));
    return slv_arena_dup(&slot->arena, slv_buf_view(&name), &slot->name);
}

static slv_code op_open(const slv_resource_call *c, slv_reader *r, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(2 * ID_MAX);
    slv_str id = slv_read_str(r);
    uint8_t named = slv_read_u8(r);
    bool fresh;

    if (!slv_reader_end(r) || named > 1 || id.len > ID_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed LOADER_OPEN");
    if (named && slv_buf_printf(&key, "%.*s\n%u\n%.*s", SLV_STR_ARGS(c->ev->version->id),
                                c->binding->index, SLV_STR_ARGS(id)) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "LOADER_OPEN of a long name");
    slv_slot *slot = slv_loader_slot(c->ev->shard->loader, slv_buf_view(&key), &fresh);
    hold *h = hold_new(slot, c->ev, c->op, HOLD_OPEN);
    if (fresh && name_slot(c, slot, id) != SLV_OK) {
        slv_op_reject(c->ev, c->op, SLV_STR("Error"), SLV_STR("The name is too long."));
        hold_free(h);
        return SLV_OK;
    }
    if (slot->state == SLOT_READY)
        answer_open(h, false);
    else if (fresh || (slot->state == SLOT_EMPTY && !loader_of(slot)))
        answer_open(h, true);
    return SLV_OK;
}

static slv_code op_module(const slv_resource_call *c, slv_reader *r, slv_err *err)
{
    slv_slot *slot = slot_of(c, r);
    slv_str name = slv_read_str(r);
    uint8_t type = slv_read_u8(r);
    slv_str bytes = slv_read_str(r);
    slv_module m = {.type = (slv_module_type)type};

    if (!slv_reader_end(r) || type > SLV_MODULE_JSON)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed LOADER_MODULE");
    slv_op_answer_empty(c->ev, c->op);
    if (!slot || slot->state != SLOT_EMPTY)
        return SLV_OK; /* START will say it */
    slot->bytes += bytes.len + name.len;
    if (slot->bytes > SLV_LOADER_CODE_MAX + ID_MAX || slot->modules.len >= SLV_LOADER_MODULES_MAX ||
        slv_arena_dup(&slot->arena, name, &m.name) != SLV_OK ||
        slv_arena_dup(&slot->arena, bytes, &m.bytes) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "too large a dynamic worker");
    slv_vec_push(&slot->modules, m);
    return SLV_OK;
}

static slv_code read_outbound(slv_event *ev, const slv_node *n, slv_dynamic *d, slv_err *err)
{
    slv_outbound *own = slv_outbound_of(ev);
    slv_tie *tie = NULL;

    if (!n) { /* as the worker itself */
        d->outbound = own ? slv_outbound_ref(own) : NULL;
        return SLV_OK;
    }
    if (!slv_node_is(n, SLV_NODE_NULL))
        SLV_TRY(slv_tie_read(ev, n, &tie, err));
    d->outbound = slv_outbound_new(tie, SLV_STR_NULL);
    return SLV_OK;
}

/* {"main","date","flags":[],"cpuMs","subRequests","env":TEXT,"ties":[],"outbound":null or a tie} */
static slv_code read_code(slv_event *ev, slv_slot *slot, const slv_node *root, slv_err *err)
{
    slv_dynamic *d = slv_new0(slv_dynamic);
    const slv_node *flags = slv_node_get(root, "flags");

    d->arena = SLV_ARENA(4 * SLV_LOADER_ENV_MAX);
    slot->dynamic = d;
    SLV_TRY(slv_arena_dup(&slot->arena, slv_node_str(slv_node_get(root, "main")), &slot->main));
    SLV_TRY(slv_arena_dup(&slot->arena, slv_node_str(slv_node_get(root, "date")), &slot->date));
    for (const slv_node *n = flags ? flags->first : NULL; n; n = n->next) {
        slv_str flag;

        SLV_TRY(slv_arena_dup(&slot->arena, slv_node_str(n), &flag));
        slv_vec_push(&slot->flags, flag);
    }
    slot->cpu_ms = slv_callee_limit(root, "cpuMs");
    slot->subrequests = slv_callee_limit(root, "subRequests");
    slv_str env = slv_node_str(slv_node_get(root, "env"));
    if (env.len > 3 * SLV_LOADER_ENV_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "too large an env of a dynamic worker");
    SLV_TRY(slv_gift_read(ev, SLV_STR_NULL, slv_node_get(root, "ties"), &d->arena, &d->env, err));
    SLV_TRY(slv_arena_dup(&slot->arena, env, &slot->env_text));
    return read_outbound(ev, slv_node_get(root, "outbound"), d, err);
}

static slv_code op_start(const slv_resource_call *c, slv_reader *r, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(2 * CODE_JSON_MAX);
    slv_slot *slot = slot_of(c, r);
    slv_str json = slv_read_str(r);
    slv_node *root;
    hold *loader = slot ? loader_of(slot) : NULL;

    if (!slv_reader_end(r) || json.len > CODE_JSON_MAX ||
        slv_json_parse(json, SLV_JSON_STRICT, &arena, &root, err) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed LOADER_START");
    if (!slot || slot->state != SLOT_EMPTY || !loader || slot->dynamic)
        return gone(c);
    if (read_code(c->ev, slot, root, err) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed LOADER_START");
    loader->state = HOLD_KEPT;
    (void)hold_new(slot, c->ev, c->op, HOLD_START);
    slv_slot_build(slot);
    return SLV_OK;
}

static slv_code op_fail(const slv_resource_call *c, slv_reader *r, slv_err *err)
{
    slv_slot *slot = slot_of(c, r);
    hold *loader = slot ? loader_of(slot) : NULL;

    if (!slv_reader_end(r))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed LOADER_FAIL");
    slv_op_answer_empty(c->ev, c->op);
    if (loader && loader->op.event == c->ev)
        hold_free(loader);
    return SLV_OK;
}

/* ---- calls ---- */

static slv_code op_call(const slv_resource_call *c, slv_reader *r, bool rpc, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(SLV_MESSAGE_MAX);
    slv_slot *slot = slot_of(c, r);
    slv_str json = slv_read_str(r);
    slv_gift props = {0};
    slv_callee callee = {0};
    slv_str params;

    if (r->bad)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed call of a dynamic worker");
    SLV_TRY(slv_callee_read(c->ev, json, &arena, &props, &callee, &params, err));
    if (slot && slot->state == SLOT_READY)
        callee.version = slot->version;
    else
        (void)gone(c);
    slv_code code = slv_resource_call_pass(c, r->rest, rpc, &callee, err);
    slv_gift_done(&props);
    return code;
}

slv_code slv_loader_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);

    switch (c->kind) {
    case OP_LOADER_OPEN:
        return op_open(c, &r, err);
    case OP_LOADER_MODULE:
        return op_module(c, &r, err);
    case OP_LOADER_START:
        return op_start(c, &r, err);
    case OP_LOADER_FAIL:
        return op_fail(c, &r, err);
    case OP_LOADER_FETCH:
        return op_call(c, &r, false, err);
    case OP_LOADER_RPC:
        return op_call(c, &r, true, err);
    default:
        return slv_fail(err, SLV_E_PROTOCOL, "OP %u of a loader", c->kind);
    }
}
