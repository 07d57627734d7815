/* Attribute values as programs have them, without the names of types; and back. */
#include "dynamo/value_int.h"
#include "fmt/json.h"

slv_code slv_dyn_put_type(slv_dyn_plain *plain, slv_dyn_type t, slv_buf *out)
{
    if (plain)
        plain->marked = true;
    SLV_TRY(slv_buf_append(out, plain ? SLV_STR("{\"\\u0000") : SLV_STR("{\"")));
    SLV_TRY(slv_buf_append(out, slv_str_from(slv_dyn_type_name(t))));
    return slv_buf_append(out, SLV_STR("\":"));
}

slv_code slv_dyn_plain_put_name(slv_dyn_plain *plain, slv_str name, slv_buf *out)
{
    if (SLV_UNLIKELY(name.len > 0 && name.ptr[0] == '\0')) {
        SLV_CLEANUP(slv_buf_done) slv_buf longer = SLV_BUF(SLV_DYN_NAME_MAX + 1);

        plain->marked = true;
        SLV_TRY(slv_buf_append_byte(&longer, '\0'));
        SLV_TRY(slv_buf_append(&longer, name));
        return slv_json_put_string(out, slv_buf_view(&longer));
    }
    return slv_json_put_string(out, name);
}

static slv_code put_value(const slv_dyn_value *v, slv_dyn_plain *plain, slv_buf *out);

static slv_code put_elements(const slv_dyn_value *v, slv_dyn_plain *plain, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        if (v->type == SLV_DYN_L)
            SLV_TRY(put_value(&v->list[i], plain, out));
        else if (v->type == SLV_DYN_NS)
            SLV_TRY(slv_dyn_num_put(v->set[i], out));
        else
            SLV_TRY(slv_dyn_put_scalar((slv_dyn_type)v->type, v->set[i], out));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code put_value(const slv_dyn_value *v, slv_dyn_plain *plain, slv_buf *out)
{
    switch ((slv_dyn_type)v->type) {
    case SLV_DYN_S:
        return slv_json_put_string(out, v->bytes);
    case SLV_DYN_N:
        return slv_dyn_num_put(v->bytes, out);
    case SLV_DYN_B:
        SLV_TRY(slv_dyn_put_type(plain, SLV_DYN_B, out));
        SLV_TRY(slv_dyn_put_scalar(SLV_DYN_B, v->bytes, out));
        return slv_buf_append_byte(out, '}');
    case SLV_DYN_BS:
        SLV_TRY(slv_dyn_put_type(plain, SLV_DYN_BS, out));
        SLV_TRY(put_elements(v, plain, out));
        return slv_buf_append_byte(out, '}');
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_L:
        return put_elements(v, plain, out);
    case SLV_DYN_BOOL:
        return slv_buf_append(out, v->boolean ? SLV_STR("true") : SLV_STR("false"));
    case SLV_DYN_NULL:
        return slv_buf_append(out, SLV_STR("null"));
    case SLV_DYN_M:
        return slv_dyn_item_put_plain(v, plain, out);
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_item_put_plain(const slv_dyn_value *item, slv_dyn_plain *plain, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (uint32_t i = 0; i < item->count; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_dyn_plain_put_name(plain, item->members[i].name, out));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(put_value(&item->members[i].value, plain, out));
    }
    return slv_buf_append_byte(out, '}');
}

/* ---- the other way ---- */

static bool all_of(const slv_node *array, slv_node_type type)
{
    for (const slv_node *n = array->first; n; n = n->next)
        if (n->type != type)
            return false;
    return array->count > 0;
}

/* The node becomes an object whose one member is what it was. */
static slv_code wrap_as(slv_arena *arena, slv_node *value, slv_str type)
{
    slv_node *inner = slv_arena_try_alloc(arena, sizeof *inner);

    if (!inner)
        return SLV_E_LIMIT;
    *inner = *value;
    inner->key = type;
    inner->next = NULL;
    value->type = SLV_NODE_OBJECT;
    value->first = value->last = inner;
    value->count = 1;
    return SLV_OK;
}

/* Numbers are texts in the API. */
static slv_code wrap_array(slv_arena *arena, slv_node *value)
{
    if (all_of(value, SLV_NODE_STRING))
        return wrap_as(arena, value, SLV_STR("SS"));
    if (all_of(value, SLV_NODE_NUMBER)) {
        for (slv_node *n = value->first; n; n = n->next)
            n->type = SLV_NODE_STRING;
        return wrap_as(arena, value, SLV_STR("NS"));
    }
    for (slv_node *n = value->first; n; n = n->next)
        SLV_TRY(slv_dyn_plain_wrap(arena, n));
    return wrap_as(arena, value, SLV_STR("L"));
}

slv_code slv_dyn_plain_wrap(slv_arena *arena, slv_node *value)
{
    switch (value->type) {
    case SLV_NODE_STRING:
        return wrap_as(arena, value, SLV_STR("S"));
    case SLV_NODE_NUMBER:
        value->type = SLV_NODE_STRING;
        return wrap_as(arena, value, SLV_STR("N"));
    case SLV_NODE_BOOL:
        return wrap_as(arena, value, SLV_STR("BOOL"));
    case SLV_NODE_NULL:
        value->type = SLV_NODE_BOOL;
        value->boolean = true;
        return wrap_as(arena, value, SLV_STR("NULL"));
    case SLV_NODE_ARRAY:
        return wrap_array(arena, value);
    case SLV_NODE_OBJECT:
        SLV_TRY(slv_dyn_plain_wrap_members(arena, value));
        return wrap_as(arena, value, SLV_STR("M"));
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_plain_wrap_members(slv_arena *arena, slv_node *object)
{
    if (object->type == SLV_NODE_OBJECT)
        for (slv_node *n = object->first; n; n = n->next)
            SLV_TRY(slv_dyn_plain_wrap(arena, n));
    return SLV_OK;
}
