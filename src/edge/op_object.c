/*
 * Durable Object namespaces: an operation names an object, and becomes a call of it. The calls
 * themselves are those of service.c and rpc.c.
 */
#include "edge/object_int.h"
#include "edge/relay_int.h"
#include "edge/release_int.h"
#include "edge/resource_int.h"

enum {
    OP_OBJECT_FETCH = 72,
    OP_OBJECT_RPC = 73,
};

#define NAME_MAX_BYTES ((size_t)32 << 10)

bool slv_object_id_valid(slv_str id)
{
    if (id.len != SLV_OBJECT_ID_LEN)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if (slv_hex_value(id.ptr[i]) < 0 || (id.ptr[i] >= 'A' && id.ptr[i] <= 'F'))
            return false;
    }
    return true;
}

/* A refusal with the members that errors of objects have. */
static void refuse(slv_event *ev, uint32_t op, slv_str message, unsigned flags)
{
    slv_buf *json = &ev->shard->scratch;

    slv_buf_reset(json);
    if (slv_object_error(json, message, flags) != SLV_OK)
        slv_buf_reset(json);
    slv_op_reject_json(ev, op, slv_buf_view(json));
}

slv_object *slv_object_for_call(slv_event *ev, uint32_t op, const slv_object_target *target)
{
    const char *why = "The Durable Object's name is too long.";
    if (ev->shard->objects->closing) {
        refuse(ev, op, SLV_STR(SLV_MOVED_AWAY), SLV_OBJECT_RETRYABLE);
        return NULL;
    }
    slv_object *o =
        target->name.len <= NAME_MAX_BYTES ? slv_object_get(ev->shard, target, &why) : NULL;

    if (!o) {
        refuse(ev, op, slv_str_from(why), 0);
    } else if (o->call_count >= SLV_OBJECT_CALLS_MAX) {
        refuse(ev, op, SLV_STR("Durable Object is overloaded. Too many requests queued."),
               SLV_OBJECT_OVERLOADED | SLV_OBJECT_RETRYABLE);
        o = NULL;
    }
    return o;
}

/* The object of an operation as what is to be called. */
static slv_callee callee_of(const slv_resource_call *c, slv_str id, bool named, slv_str name)
{
    const slv_binding *b = c->binding;
    const slv_object_target target = {
        .tenant = c->ev->version->tenant,
        .worker = b->service.len > 0 ? b->service : c->ev->version->name,
        .class_name = b->id,
        .id = id,
        .name = name,
        .named = named,
    };
    slv_object *o = slv_object_for_call(c->ev, c->op, &target);

    return (slv_callee){.object = o, .version = o ? slv_object_version(o) : NULL};
}

slv_code slv_object_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str id = slv_read_str(&r);
    uint8_t named = slv_read_u8(&r);
    slv_str name = slv_read_str(&r);

    if (r.bad || named > 1 || !slv_object_id_valid(id) || (!named && name.len > 0))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed operation on an object");
    if (c->kind == OP_OBJECT_FETCH) {
        slv_msg_op_fetch m;

        if (slv_msg_op_fetch_get(r.rest, &m) != SLV_OK || m.body_stream != c->stream)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_FETCH");
        const slv_callee callee = callee_of(c, id, named, name);
        return slv_relay_fetch(c->ev, c->op, &m, &callee, err);
    }
    slv_msg_rpc m;
    if (c->kind != OP_OBJECT_RPC || c->stream != 0 || slv_msg_rpc_get(r.rest, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_RPC");
    const slv_callee callee = callee_of(c, id, named, name);
    return slv_relay_rpc(c->ev, c->op, &m, &callee, err);
}
