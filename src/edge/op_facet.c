/*
 * What an object asks about its facets. The operations have no binding: the parent is the object
 * of the operation's event.
 *
 *     74 START   str name, u8 1: a dynamic worker's class, u32 loader, u32 slot, str class,
 *                str id, u8 id has a name, str its name, str JSON {"props","ties"} -> u32 run
 *     75 FETCH   u32 run, as FETCH -> as FETCH
 *     76 RPC     u32 run, as RPC   -> as RPC
 *     77 ABORT   str name, str error JSON -> empty
 *     78 DELETE  str name, str error JSON -> empty
 */
#include "edge/facet_int.h"
#include "edge/loader_int.h"

enum {
    OP_FACET_START = 74,
    OP_FACET_FETCH,
    OP_FACET_RPC,
    OP_FACET_ABORT,
    OP_FACET_DELETE,
};

static void reject(const slv_resource_call *c, const char *text)
{
    slv_op_reject(c->ev, c->op, SLV_STR("Error"), slv_str_from(text));
}

/* ---- starting ---- */

typedef struct start_fields {
    slv_str name;
    bool dynamic;
    uint32_t loader, slot;
    slv_str class_name, id, id_name, json;
    bool id_named;
} start_fields;

static bool read_start(slv_reader *r, start_fields *ret)
{
    ret->name = slv_read_str(r);
    uint8_t dynamic = slv_read_u8(r);
    ret->loader = slv_read_u32(r);
    ret->slot = slv_read_u32(r);
    ret->class_name = slv_read_str(r);
    ret->id = slv_read_str(r);
    uint8_t named = slv_read_u8(r);
    ret->id_name = slv_read_str(r);
    ret->json = slv_read_str(r);
    ret->dynamic = dynamic == 1;
    ret->id_named = named == 1;
    return slv_reader_end(r) && dynamic <= 1 && named <= 1 && ret->name.len <= SLV_FACET_NAME_MAX &&
           ret->class_name.len > 0 && ret->class_name.len <= SLV_FACET_ID_MAX &&
           ret->id.len <= SLV_FACET_ID_MAX && ret->id_name.len <= SLV_FACET_ID_MAX &&
           (ret->id_named || ret->id_name.len == 0);
}

static slv_version *version_of(const slv_resource_call *c, const start_fields *f)
{
    return f->dynamic ? slv_loader_version(c->ev, f->loader, f->slot) : c->ev->version;
}

static void answer_start(const slv_resource_call *c, uint32_t run)
{
    slv_link *link = slv_event_link(c->ev);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->op);

    slv_link_end(link, slv_buf_append_u32(out, run));
}

static slv_code op_start(const slv_resource_call *c, slv_reader *r, slv_object *parent,
                         slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(SLV_MESSAGE_MAX);
    slv_callee unused = {0};
    slv_gift props = {0};
    slv_str params;
    start_fields f;
    uint32_t run = 0;

    if (!read_start(r, &f) || (parent->facet && parent->facet->depth >= SLV_FACET_DEPTH_MAX))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed FACET_START");
    SLV_TRY(slv_callee_read(c->ev, f.json, &arena, &props, &unused, &params, err));
    const slv_facet_start start = {.version = version_of(c, &f),
                                   .class_name = f.class_name,
                                   .id = f.id,
                                   .id_name = f.id_name,
                                   .id_named = f.id_named,
                                   .props = &props};
    slv_object *o = start.version ? slv_facet_get(parent, f.name) : NULL;
    slv_code code = o ? slv_facet_begin(o, &start, &run) : SLV_E_LIMIT;
    slv_gift_done(&props);
    if (code == SLV_OK)
        answer_start(c, run);
    else if (!start.version)
        reject(c, "The request which initiated this dynamic worker load has already completed.");
    else if (!o)
        reject(c, "The Durable Object has too many facets.");
    else
        reject(c,
               code == SLV_E_AGAIN ? "The facet is running." : "The facet's props are too large.");
    return SLV_OK;
}

/* ---- calls ---- */

/* NULL: the operation was refused. */
static slv_object *callee_of(const slv_resource_call *c, slv_object *parent, uint32_t run)
{
    slv_buf *json = &c->ev->shard->scratch;
    slv_object *o = slv_facet_of_run(parent, run);
    unsigned flags = o ? SLV_OBJECT_OVERLOADED | SLV_OBJECT_RETRYABLE : SLV_OBJECT_WAS_RESET;

    if (o && o->call_count < SLV_OBJECT_CALLS_MAX)
        return o;
    slv_buf_reset(json);
    if (slv_object_error(json,
                         o ? SLV_STR("Durable Object is overloaded. Too many requests queued.")
                           : SLV_STR("The facet was stopped."),
                         flags) != SLV_OK)
        slv_buf_reset(json);
    slv_op_reject_json(c->ev, c->op, slv_buf_view(json));
    return NULL;
}

static slv_code op_call(const slv_resource_call *c, slv_reader *r, slv_object *parent, bool rpc,
                        slv_err *err)
{
    uint32_t run = slv_read_u32(r);

    if (r->bad)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed call of a facet");
    slv_object *o = callee_of(c, parent, run);
    const slv_callee callee = {.object = o, .version = o ? slv_facet_version(o) : NULL};
    return slv_resource_call_pass(c, r->rest, rpc, &callee, err);
}

/* ---- ends ---- */

static slv_code op_end(const slv_resource_call *c, slv_reader *r, slv_object *parent, bool remove,
                       slv_err *err)
{
    slv_str name = slv_read_str(r);
    slv_str error = slv_read_str(r);

    if (!slv_reader_end(r) || name.len > SLV_FACET_NAME_MAX || error.len == 0 ||
        error.len > SLV_FACET_ID_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed end of a facet");
    slv_object *o = slv_facet_get(parent, name);
    if (o) {
        slv_facet_abort(o, error);
        if (remove)
            slv_facet_delete(o);
        slv_object_release(o); /* it was made for the question alone */
        slv_op_answer_empty(c->ev, c->op);
    } else {
        reject(c, "The Durable Object has too many facets.");
    }
    return SLV_OK;
}

slv_code slv_facet_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_object *parent = c->ev->object;

    if (!parent || !c->ev->resident)
        return slv_fail(err, SLV_E_PROTOCOL, "a facet of no object");
    switch (c->kind) {
    case OP_FACET_START:
        return op_start(c, &r, parent, err);
    case OP_FACET_FETCH:
        return op_call(c, &r, parent, false, err);
    case OP_FACET_RPC:
        return op_call(c, &r, parent, true, err);
    case OP_FACET_ABORT:
        return op_end(c, &r, parent, false, err);
    case OP_FACET_DELETE:
        return op_end(c, &r, parent, true, err);
    default:
        return slv_fail(err, SLV_E_PROTOCOL, "OP %u of a facet", c->kind);
    }
}
