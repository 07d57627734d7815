/*
 * What a binding or a REST call asks for, as statements with values.
 */
#include <math.h>

#include "d1/d1_int.h"
#include "fmt/json.h"

static slv_code read_value(const slv_node *node, slv_str *blobs, slv_d1_value *ret, slv_err *err)
{
    int64_t len = 0;

    *ret = (slv_d1_value){0};
    switch (node->type) {
    case SLV_NODE_NULL:
        return SLV_OK;
    case SLV_NODE_BOOL:
        *ret = (slv_d1_value){.kind = SLV_D1_NUMBER, .number = node->boolean};
        return SLV_OK;
    case SLV_NODE_NUMBER:
        ret->kind = SLV_D1_NUMBER;
        if (!slv_node_f64(node, &ret->number))
            return slv_fail(err, SLV_E_PARSE, "a number out of range");
        if (isnan(ret->number))
            ret->kind = SLV_D1_NULL;
        return SLV_OK;
    case SLV_NODE_STRING:
        *ret = (slv_d1_value){.kind = SLV_D1_TEXT, .bytes = node->text};
        return SLV_OK;
    case SLV_NODE_ARRAY:
        if (node->count != 1 || !slv_node_i64(node->first, &len) || len < 0 ||
            (uint64_t)len > blobs->len)
            return slv_fail(err, SLV_E_PARSE, "a blob that is not there");
        *ret = (slv_d1_value){.kind = SLV_D1_BLOB, .bytes = slv_str_sub(*blobs, 0, (size_t)len)};
        *blobs = slv_str_skip(*blobs, (size_t)len);
        return SLV_OK;
    case SLV_NODE_OBJECT:
        break;
    }
    return slv_fail(err, SLV_E_PARSE, "a value that is none");
}

static slv_code read_statement(const slv_node *node, slv_str *blobs, slv_arena *arena,
                               slv_d1_statement *ret, slv_err *err)
{
    if (!slv_node_is(node, SLV_NODE_ARRAY) || !slv_node_is(node->first, SLV_NODE_STRING))
        return slv_fail(err, SLV_E_PARSE, "a statement without a text");
    size_t n = node->count - 1, i = 0;
    slv_d1_value *values = slv_arena_try_alloc(arena, SLV_MAX(n, (size_t)1) * sizeof *values);

    if (!values)
        return slv_fail(err, SLV_E_LIMIT, "the request is too large");
    for (const slv_node *v = node->first->next; v; v = v->next)
        SLV_TRY(read_value(v, blobs, &values[i++], err));
    *ret = (slv_d1_statement){.sql = node->first->text, .params = values, .param_count = n};
    return SLV_OK;
}

slv_code slv_d1_request_parse(slv_str json, slv_str blobs, slv_arena *arena, slv_d1_statement **ret,
                              size_t *ret_count, slv_err *err)
{
    slv_node *root = NULL;
    size_t i = 0;

    SLV_TRY(slv_json_parse(json, SLV_JSON_STRICT, arena, &root, err));
    if (!slv_node_is(root, SLV_NODE_ARRAY))
        return slv_fail(err, SLV_E_PARSE, "statements are an array");
    slv_d1_statement *list =
        slv_arena_try_alloc(arena, SLV_MAX(root->count, (size_t)1) * sizeof *list);
    if (!list)
        return slv_fail(err, SLV_E_LIMIT, "the request is too large");
    for (const slv_node *s = root->first; s; s = s->next)
        SLV_TRY(read_statement(s, &blobs, arena, &list[i++], err));
    if (blobs.len > 0)
        return slv_fail(err, SLV_E_PARSE, "bytes that no value names");
    *ret = list;
    *ret_count = i;
    return SLV_OK;
}
