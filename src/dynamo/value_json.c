/* Attribute values as DynamoDB JSON. */
#include "dynamo/value_int.h"

#include "fmt/base64.h"
#include "fmt/json.h"

#define SERIALIZATION SLV_DYN_ERROR_SERIALIZATION

slv_code slv_dyn_fail_depth(slv_dyn_scope *sc)
{
    return slv_dyn_invalid(sc, "Nesting Levels have exceeded supported limits: Attributes in the "
                               "item have nested levels beyond supported limit");
}

slv_code slv_dyn_fail_name(slv_dyn_scope *sc)
{
    return slv_dyn_invalid(sc, "1 validation error detected: Attribute name is too large, must be "
                               "less than 65536 bytes");
}

/* ---- shape: what the framework refuses before the service looks ---- */

static bool is_null(const slv_node *n)
{
    return !n || n->type == SLV_NODE_NULL;
}

static slv_code fail_container(slv_dyn_scope *sc, const slv_node *n, const char *java)
{
    if (n->type == SLV_NODE_ARRAY)
        return slv_dyn_fail(sc, SERIALIZATION, "Unrecognized collection type class %s", java);
    return slv_dyn_fail(sc, SERIALIZATION, "Start of structure or map found where not expected");
}

/* An integer has neither fraction nor exponent that makes one. */
static const char *number_token(const slv_node *n)
{
    return slv_str_chr(n->text, '.', 0) == SIZE_MAX && slv_str_chr(n->text, 'e', 0) == SIZE_MAX &&
                   slv_str_chr(n->text, 'E', 0) == SIZE_MAX
               ? "NUMBER_VALUE"
               : "DECIMAL_VALUE";
}

slv_code slv_dyn_shape_string(slv_dyn_scope *sc, const slv_node *n)
{
    switch (n->type) {
    case SLV_NODE_NULL:
    case SLV_NODE_STRING:
        return SLV_OK;
    case SLV_NODE_BOOL:
        return slv_dyn_fail(sc, SERIALIZATION, "%s cannot be converted to String",
                            n->boolean ? "TRUE_VALUE" : "FALSE_VALUE");
    case SLV_NODE_NUMBER:
        return slv_dyn_fail(sc, SERIALIZATION, "%s cannot be converted to String", number_token(n));
    case SLV_NODE_ARRAY:
    case SLV_NODE_OBJECT:
        break;
    }
    return fail_container(sc, n, "java.lang.String");
}

/* Texts that the framework takes for a boolean. */
static bool bool_text(slv_str text, bool *ret)
{
    static const char *const yes[] = {"true", "1", "yes"}, *const no[] = {"false", "0", "no"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(yes); i++) {
        *ret = slv_str_eq_nocase(text, slv_str_from(yes[i]));
        if (*ret || slv_str_eq_nocase(text, slv_str_from(no[i])))
            return true;
    }
    return false;
}

slv_code slv_dyn_shape_bool(slv_dyn_scope *sc, const slv_node *n)
{
    bool ignored;

    switch (n->type) {
    case SLV_NODE_NULL:
    case SLV_NODE_BOOL:
        return SLV_OK;
    case SLV_NODE_NUMBER:
        return slv_dyn_fail(sc, SERIALIZATION, "%s cannot be converted to Boolean",
                            number_token(n));
    case SLV_NODE_STRING:
        if (bool_text(n->text, &ignored))
            return SLV_OK;
        return slv_dyn_fail(sc, SERIALIZATION, "Unexpected token received from parser");
    case SLV_NODE_ARRAY:
    case SLV_NODE_OBJECT:
        break;
    }
    return fail_container(sc, n, "java.lang.Boolean");
}

bool slv_dyn_node_bool(const slv_node *n)
{
    bool v = false;

    if (slv_node_is(n, SLV_NODE_STRING))
        return bool_text(n->text, &v) && v;
    return slv_node_is(n, SLV_NODE_BOOL) && n->boolean;
}

/* Room for the decoded text in the arena. */
static slv_code decode_blob(slv_dyn_scope *sc, slv_str text, slv_str *ret)
{
    size_t room = text.len + 4; /* decoding may reserve as much as the text is long */
    slv_buf b = {slv_arena_try_alloc(sc->arena, room), 0, room, room};

    if (!b.ptr)
        return SLV_E_LIMIT;
    SLV_TRY(slv_base64_decode(text, SLV_BASE64_STD, &b));
    *ret = slv_buf_view(&b);
    return SLV_OK;
}

static slv_code shape_blob(slv_dyn_scope *sc, const slv_node *n)
{
    slv_str ignored;
    slv_code code;

    switch (n->type) {
    case SLV_NODE_NULL:
        return SLV_OK;
    case SLV_NODE_BOOL:
    case SLV_NODE_NUMBER:
        return slv_dyn_fail(sc, SERIALIZATION,
                            "only base-64-encoded strings are convertible to bytes");
    case SLV_NODE_ARRAY:
    case SLV_NODE_OBJECT:
        return fail_container(sc, n, "java.nio.ByteBuffer");
    case SLV_NODE_STRING:
        break;
    }
    if (n->text.len % 4)
        return slv_dyn_fail(sc, SERIALIZATION,
                            "Base64 encoded length is expected a multiple of 4 bytes but found: "
                            "%zu",
                            n->text.len);
    code = decode_blob(sc, n->text, &ignored);
    if (code == SLV_E_PARSE)
        return slv_dyn_fail(sc, SERIALIZATION, "Invalid last non-pad Base64 character dectected");
    return code;
}

typedef slv_code shape_fn(slv_dyn_scope *sc, const slv_node *n);

static slv_code shape_list(slv_dyn_scope *sc, const slv_node *n, shape_fn *element)
{
    if (is_null(n))
        return SLV_OK;
    if (n->type == SLV_NODE_OBJECT)
        return slv_dyn_fail(sc, SERIALIZATION,
                            "Start of structure or map found where not expected");
    if (n->type != SLV_NODE_ARRAY)
        return slv_dyn_fail(sc, SERIALIZATION, "Unexpected field type");
    for (const slv_node *e = n->first; e; e = e->next)
        SLV_TRY(element(sc, e));
    return SLV_OK;
}

static slv_code shape_element(slv_dyn_scope *sc, const slv_node *n)
{
    return slv_dyn_value_shape(sc, n, false);
}

slv_code slv_dyn_item_shape(slv_dyn_scope *sc, const slv_node *json)
{
    if (is_null(json))
        return SLV_OK;
    if (json->type == SLV_NODE_ARRAY)
        return slv_dyn_fail(sc, SERIALIZATION,
                            "Unrecognized collection type java.util.Map<java.lang.String, "
                            "com.amazonaws.dynamodb.v20120810.AttributeValue>");
    if (json->type != SLV_NODE_OBJECT)
        return slv_dyn_fail(sc, SERIALIZATION, "Unexpected field type");
    for (const slv_node *n = json->first; n; n = n->next)
        SLV_TRY(slv_dyn_value_shape(sc, n, false));
    return SLV_OK;
}

static slv_code shape_member(slv_dyn_scope *sc, const slv_node *n, slv_dyn_type t)
{
    switch (t) {
    case SLV_DYN_S:
    case SLV_DYN_N:
        return slv_dyn_shape_string(sc, n);
    case SLV_DYN_B:
        return shape_blob(sc, n);
    case SLV_DYN_BOOL:
    case SLV_DYN_NULL:
        return slv_dyn_shape_bool(sc, n);
    case SLV_DYN_SS:
    case SLV_DYN_NS:
        return shape_list(sc, n, slv_dyn_shape_string);
    case SLV_DYN_BS:
        return shape_list(sc, n, shape_blob);
    case SLV_DYN_L:
        return shape_list(sc, n, shape_element);
    case SLV_DYN_M:
        return slv_dyn_item_shape(sc, n);
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_value_shape(slv_dyn_scope *sc, const slv_node *json, bool field)
{
    slv_dyn_type t;

    if (is_null(json))
        return SLV_OK;
    if (json->type == SLV_NODE_ARRAY)
        return fail_container(sc, json, "com.amazonaws.dynamodb.v20120810.AttributeValue");
    if (json->type != SLV_NODE_OBJECT)
        return slv_dyn_fail(sc, SERIALIZATION,
                            field ? "Unexpected field type" : "Unexpected value type in payload");
    for (const slv_node *n = json->first; n; n = n->next)
        if (slv_dyn_type_parse(n->key, &t))
            SLV_TRY(shape_member(sc, n, t));
    return SLV_OK;
}

/* ---- values ---- */

static slv_code parse_at(slv_dyn_scope *sc, const slv_node *json, uint32_t level,
                         slv_dyn_value *ret);

static slv_code parse_number(slv_dyn_scope *sc, slv_str text, slv_str *ret)
{
    slv_dyn_num num;

    SLV_TRY(slv_dyn_num_parse(sc, text, &num));
    return slv_arena_dup(sc->arena, slv_dyn_num_view(&num), ret);
}

/* "[a, b]": the elements as they were given. */
static slv_code list_text(slv_dyn_scope *sc, const slv_node *list, slv_str *ret)
{
    size_t room = 2;
    char *p;

    for (const slv_node *n = list->first; n; n = n->next)
        room += n->text.len + 2;
    p = slv_arena_try_alloc(sc->arena, room);
    if (!p)
        return SLV_E_LIMIT;
    ret->ptr = p;
    *p++ = '[';
    for (const slv_node *n = list->first; n; n = n->next) {
        if (n->text.len)
            memcpy(p, n->text.ptr, n->text.len);
        p += n->text.len;
        if (n->next) {
            *p++ = ',';
            *p++ = ' ';
        }
    }
    *p++ = ']';
    ret->len = (size_t)(p - ret->ptr);
    return SLV_OK;
}

static slv_code fail_duplicates(slv_dyn_scope *sc, const slv_node *json, slv_dyn_type t)
{
    slv_str text;

    if (t == SLV_DYN_NS)
        return slv_dyn_invalid(sc, "Input collection contains duplicates");
    SLV_TRY(list_text(sc, json, &text));
    return slv_dyn_invalid(sc,
                           t == SLV_DYN_SS
                               ? "One or more parameter values were invalid: Input collection "
                                 "%.*s contains duplicates."
                               : "One or more parameter values were invalid: Input collection "
                                 "%.*sof type BS contains duplicates.",
                           SLV_STR_ARGS(text));
}

static slv_code parse_set(slv_dyn_scope *sc, const slv_node *json, slv_dyn_type t,
                          slv_dyn_value *ret)
{
    slv_str *strs = NULL;
    uint32_t count = 0;

    if (!json->count)
        return slv_dyn_invalid(sc, "One or more parameter values were invalid: %s",
                               t == SLV_DYN_SS   ? "An string set  may not be empty"
                               : t == SLV_DYN_NS ? "An number set  may not be empty"
                                                 : "Binary sets should not be empty");
    SLV_DYN_NEW_N(sc, &strs, json->count);
    for (const slv_node *n = json->first; n; n = n->next) {
        slv_str text = slv_node_str(n);

        if (t == SLV_DYN_NS)
            SLV_TRY(parse_number(sc, text, &strs[count]));
        else if (t == SLV_DYN_BS)
            SLV_TRY(decode_blob(sc, text, &strs[count]));
        else
            strs[count] = text;
        count++;
    }
    ret->set = strs;
    ret->count = slv_dyn_strs_sort(strs, count);
    return ret->count == count ? SLV_OK : fail_duplicates(sc, json, t);
}

static slv_code parse_list(slv_dyn_scope *sc, const slv_node *json, uint32_t level,
                           slv_dyn_value *ret)
{
    slv_dyn_value *items = NULL;
    uint32_t i = 0;

    SLV_DYN_NEW_N(sc, &items, json->count);
    for (const slv_node *n = json->first; n; n = n->next)
        SLV_TRY(parse_at(sc, n, level, &items[i++]));
    ret->list = items;
    ret->count = i;
    return SLV_OK;
}

static slv_code parse_map(slv_dyn_scope *sc, const slv_node *json, uint32_t level,
                          slv_dyn_value *ret)
{
    slv_dyn_member *members = NULL;
    uint32_t i = 0;

    SLV_DYN_NEW_N(sc, &members, json->count);
    for (const slv_node *n = json->first; n; n = n->next) {
        if (is_null(n))
            continue;
        members[i].name = n->key;
        if (n->key.len > SLV_DYN_NAME_MAX)
            return slv_dyn_fail_name(sc);
        SLV_TRY(parse_at(sc, n, level, &members[i].value));
        i++;
    }
    ret->members = members;
    ret->count = slv_dyn_members_sort(members, i);
    return SLV_OK;
}

static slv_code parse_typed(slv_dyn_scope *sc, const slv_node *json, slv_dyn_type t, uint32_t level,
                            slv_dyn_value *ret)
{
    ret->type = (uint8_t)t;
    switch (t) {
    case SLV_DYN_S:
        ret->bytes = json->text;
        return SLV_OK;
    case SLV_DYN_N:
        return parse_number(sc, json->text, &ret->bytes);
    case SLV_DYN_B:
        return decode_blob(sc, json->text, &ret->bytes);
    case SLV_DYN_BOOL:
        ret->boolean = slv_dyn_node_bool(json);
        return SLV_OK;
    case SLV_DYN_NULL:
        if (!slv_dyn_node_bool(json))
            return slv_dyn_invalid(sc, "One or more parameter values were invalid: Null attribute "
                                       "value types must have the value of true");
        return SLV_OK;
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
        return parse_set(sc, json, t, ret);
    case SLV_DYN_L:
        return parse_list(sc, json, level + 1, ret);
    case SLV_DYN_M:
        return parse_map(sc, json, level + 1, ret);
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

static slv_code parse_at(slv_dyn_scope *sc, const slv_node *json, uint32_t level,
                         slv_dyn_value *ret)
{
    uint32_t given = 0;
    slv_dyn_type t;

    if (level > SLV_DYN_DEPTH_MAX)
        return slv_dyn_fail_depth(sc);
    *ret = (slv_dyn_value){.type = SLV_DYN_NULL};
    for (const slv_node *n = json->first; n && json->type == SLV_NODE_OBJECT; n = n->next) {
        if (is_null(n) || !slv_dyn_type_parse(n->key, &t))
            continue;
        SLV_TRY(parse_typed(sc, n, t, level, ret));
        given++;
    }
    if (!given)
        return slv_dyn_invalid(sc, "Supplied AttributeValue is empty, must contain exactly one of "
                                   "the supported datatypes");
    if (given > 1)
        return slv_dyn_invalid(sc, "Supplied AttributeValue has more than one datatypes set, must "
                                   "contain exactly one of the supported datatypes");
    return SLV_OK;
}

slv_code slv_dyn_value_parse(slv_dyn_scope *sc, const slv_node *json, slv_dyn_value *ret)
{
    SLV_TRY(slv_dyn_value_shape(sc, json, false));
    return parse_at(sc, json, 1, ret);
}

slv_code slv_dyn_item_parse(slv_dyn_scope *sc, const slv_node *json, slv_dyn_value *ret)
{
    SLV_TRY(slv_dyn_item_shape(sc, json));
    *ret = (slv_dyn_value){.type = SLV_DYN_M};
    return is_null(json) ? SLV_OK : parse_map(sc, json, 1, ret);
}

/* ---- writing ---- */

/* A string as it is, the bytes of anything else as letters. */
static slv_code put_letters(slv_dyn_type t, slv_str bytes, slv_buf *out)
{
    switch (t) {
    case SLV_DYN_S:
    case SLV_DYN_SS:
        return slv_buf_append(out, bytes);
    case SLV_DYN_N:
    case SLV_DYN_NS:
        return slv_dyn_num_put(bytes, out);
    case SLV_DYN_B:
    case SLV_DYN_BS:
        return slv_base64_encode(bytes, SLV_BASE64_STD, out);
    case SLV_DYN_M:
    case SLV_DYN_L:
    case SLV_DYN_BOOL:
    case SLV_DYN_NULL:
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_put_scalar(slv_dyn_type t, slv_str bytes, slv_buf *out)
{
    if (t == SLV_DYN_S || t == SLV_DYN_SS)
        return slv_json_put_string(out, bytes);
    SLV_TRY(slv_buf_append_byte(out, '"'));
    SLV_TRY(put_letters(t, bytes, out));
    return slv_buf_append_byte(out, '"');
}

static slv_code put_elements(const slv_dyn_value *v, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        if (v->type == SLV_DYN_L)
            SLV_TRY(slv_dyn_value_put_json(&v->list[i], out));
        else
            SLV_TRY(slv_dyn_put_scalar((slv_dyn_type)v->type, v->set[i], out));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code put_content(const slv_dyn_value *v,
                            slv_code (*put)(slv_dyn_type t, slv_str bytes, slv_buf *out),
                            slv_buf *out)
{
    switch ((slv_dyn_type)v->type) {
    case SLV_DYN_S:
    case SLV_DYN_N:
    case SLV_DYN_B:
        return put((slv_dyn_type)v->type, v->bytes, out);
    case SLV_DYN_BOOL:
        return slv_buf_append(out, v->boolean ? SLV_STR("true") : SLV_STR("false"));
    case SLV_DYN_NULL:
        return slv_buf_append(out, SLV_STR("true"));
    case SLV_DYN_M:
        return slv_dyn_item_put_json(v, out);
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
    case SLV_DYN_L:
        return put_elements(v, out);
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_value_put_json(const slv_dyn_value *v, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"")));
    SLV_TRY(slv_buf_append(out, slv_str_from(slv_dyn_type_name((slv_dyn_type)v->type))));
    SLV_TRY(slv_buf_append(out, SLV_STR("\":")));
    SLV_TRY(put_content(v, slv_dyn_put_scalar, out));
    return slv_buf_append_byte(out, '}');
}

slv_code slv_dyn_item_put_json(const slv_dyn_value *item, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (uint32_t i = 0; i < item->count; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, item->members[i].name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_dyn_value_put_json(&item->members[i].value, out));
    }
    return slv_buf_append_byte(out, '}');
}

slv_code slv_dyn_value_put_text(const slv_dyn_value *v, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "{%s:", slv_dyn_type_name((slv_dyn_type)v->type)));
    SLV_TRY(put_content(v, put_letters, out));
    return slv_buf_append_byte(out, '}');
}
