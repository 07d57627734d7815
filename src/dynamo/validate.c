/* Requests against their shape: types first, then constraints. */
#include "dynamo/request_int.h"

#define SERIALIZATION SLV_DYN_ERROR_SERIALIZATION
#define ERRORS_MAX 10 /* that one message tells */
#define TEXT_MAX ((size_t)32 << 20)
#define PATH_MAX_LEN ((size_t)32 << 20) /* keys of maps are of any length */
#define PACKAGE "com.amazonaws.dynamodb.v20120810."

const slv_node *slv_dyn_member_of(const slv_node *json, const char *name)
{
    const slv_node *n = slv_node_get(json, name);

    return n && n->type != SLV_NODE_NULL ? n : NULL;
}

slv_str slv_dyn_string_of(const slv_node *json, const char *name)
{
    return slv_node_str(slv_node_get(json, name));
}

slv_str slv_dyn_table_name(slv_str given)
{
    size_t at = slv_str_find(given, SLV_STR(":table/"), 0);

    if (!slv_str_starts(given, SLV_STR("arn:")) || at == SIZE_MAX)
        return given;
    given = slv_str_skip(given, at + strlen(":table/"));
    return slv_str_sub(given, 0, slv_str_chr(given, '/', 0));
}

/* ---- types ---- */

static slv_code shape_node(slv_dyn_scope *sc, const slv_dyn_rule *rule, const slv_node *n);

static slv_code fail_structure(slv_dyn_scope *sc)
{
    return slv_dyn_fail(sc, SERIALIZATION, "Start of structure or map found where not expected");
}

static slv_code shape_number(slv_dyn_scope *sc, const slv_dyn_rule *rule, const slv_node *n)
{
    const char *type = rule->kind == SLV_DYN_KIND_INTEGER ? "Integer" : "Long";

    switch (n->type) {
    case SLV_NODE_NULL:
    case SLV_NODE_NUMBER:
        return SLV_OK;
    case SLV_NODE_BOOL:
        return slv_dyn_fail(sc, SERIALIZATION, "%s cannot be converted to %s",
                            n->boolean ? "TRUE_VALUE" : "FALSE_VALUE", type);
    case SLV_NODE_STRING:
        return slv_dyn_fail(sc, SERIALIZATION, "STRING_VALUE cannot be converted to %s", type);
    case SLV_NODE_ARRAY:
        return slv_dyn_fail(sc, SERIALIZATION, "Unrecognized collection type class java.lang.%s",
                            type);
    case SLV_NODE_OBJECT:
        break;
    }
    return fail_structure(sc);
}

static slv_code fail_cast(slv_dyn_scope *sc)
{
    return slv_dyn_fail(
        sc, SERIALIZATION,
        "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to "
        "class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and "
        "java.lang.Class are in module java.base of loader 'bootstrap')");
}

static bool is_scalar(const slv_node *n)
{
    return n->type == SLV_NODE_BOOL || n->type == SLV_NODE_NUMBER || n->type == SLV_NODE_STRING;
}

static slv_code shape_elements(slv_dyn_scope *sc, const slv_dyn_rule *rule, const slv_node *n)
{
    for (const slv_node *e = n->first; e; e = e->next)
        if (e->type != SLV_NODE_NULL)
            SLV_TRY(shape_node(sc, rule->members, e));
    return SLV_OK;
}

static slv_code shape_struct(slv_dyn_scope *sc, const slv_dyn_rule *rule, const slv_node *n)
{
    if (n->type == SLV_NODE_ARRAY)
        return slv_dyn_fail(sc, SERIALIZATION, "Unrecognized collection type class " PACKAGE "%s",
                            rule->type_name);
    if (n->type != SLV_NODE_OBJECT)
        return slv_dyn_fail(sc, SERIALIZATION,
                            rule->flags & SLV_DYN_FIELD ? "Unexpected field type"
                                                        : "Unexpected value type in payload");
    return slv_dyn_shape_check(sc, rule->members, n);
}

static slv_code shape_container(slv_dyn_scope *sc, const slv_dyn_rule *rule, const slv_node *n)
{
    if (is_scalar(n))
        return rule->flags & SLV_DYN_ELEMENT
                   ? fail_cast(sc)
                   : slv_dyn_fail(sc, SERIALIZATION, "Unexpected field type");
    if (rule->kind == SLV_DYN_KIND_LIST)
        return n->type == SLV_NODE_ARRAY ? shape_elements(sc, rule, n) : fail_structure(sc);
    if (n->type == SLV_NODE_OBJECT)
        return rule->kind == SLV_DYN_KIND_ITEM ? slv_dyn_item_shape(sc, n)
                                               : shape_elements(sc, rule, n);
    const char *type = rule->type_name ? rule->type_name : "AttributeValue";

    return slv_dyn_fail(sc, SERIALIZATION,
                        "Unrecognized collection type java.util.Map<java.lang.String, %s%s>",
                        strchr(type, '.') ? "" : PACKAGE, type);
}

static slv_code shape_node(slv_dyn_scope *sc, const slv_dyn_rule *rule, const slv_node *n)
{
    switch (rule->kind) {
    case SLV_DYN_KIND_STRING:
        return slv_dyn_shape_string(sc, n);
    case SLV_DYN_KIND_BOOL:
        return slv_dyn_shape_bool(sc, n);
    case SLV_DYN_KIND_INTEGER:
    case SLV_DYN_KIND_LONG:
        return shape_number(sc, rule, n);
    case SLV_DYN_KIND_VALUE:
        return slv_dyn_value_shape(sc, n, rule->flags & SLV_DYN_FIELD);
    case SLV_DYN_KIND_ITEM:
    case SLV_DYN_KIND_LIST:
    case SLV_DYN_KIND_MAP:
        return shape_container(sc, rule, n);
    case SLV_DYN_KIND_STRUCT:
        return shape_struct(sc, rule, n);
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_shape_check(slv_dyn_scope *sc, const slv_dyn_rule *rules, const slv_node *json)
{
    for (const slv_node *n = json->first; n; n = n->next) {
        if (n->type == SLV_NODE_NULL)
            continue;
        for (const slv_dyn_rule *r = rules; r->name; r++)
            if (slv_str_is(n->key, r->name)) {
                SLV_TRY(shape_node(sc, r, n));
                break;
            }
    }
    return SLV_OK;
}

/* ---- constraints ---- */

typedef struct checker {
    slv_buf path; /* "keySchema.1.member": of what is looked at */
    slv_buf text; /* the errors */
    int errors;
} checker;

static slv_code put_lower(slv_buf *out, const char *name)
{
    SLV_TRY(slv_buf_append_byte(out, slv_ascii_lower(name[0])));
    return slv_buf_append(out, slv_str_from(name + 1));
}

static slv_code put_node(slv_buf *out, const slv_dyn_rule *rule, const slv_node *n);

static slv_code put_struct(slv_buf *out, const slv_dyn_rule *rule, const slv_node *n)
{
    bool first = true;

    SLV_TRY(slv_buf_printf(out, "%s(", rule->type_name));
    for (const slv_dyn_rule *r = rule->members; r->name; r++) {
        const slv_node *m = slv_dyn_member_of(n, r->name);

        if (!m)
            continue;
        if (!first)
            SLV_TRY(slv_buf_append(out, SLV_STR(", ")));
        first = false;
        SLV_TRY(put_lower(out, r->name));
        SLV_TRY(slv_buf_append_byte(out, '='));
        SLV_TRY(put_node(out, r, m));
    }
    return slv_buf_append_byte(out, ')');
}

static slv_code put_attribute(slv_buf *out, const slv_node *n)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("AttributeValue(")));
    for (const slv_node *m = n->first; m; m = m->next)
        SLV_TRY(slv_buf_printf(out, "%.*s=%.*s%s", SLV_STR_ARGS(m->key), SLV_STR_ARGS(m->text),
                               m->next ? ", " : ""));
    return slv_buf_append_byte(out, ')');
}

static slv_code put_map(slv_buf *out, const slv_dyn_rule *rule, const slv_node *n)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (const slv_node *m = n->first; m; m = m->next) {
        SLV_TRY(slv_buf_append(out, m->key));
        SLV_TRY(slv_buf_append_byte(out, '='));
        if (rule->kind == SLV_DYN_KIND_ITEM)
            SLV_TRY(put_attribute(out, m));
        else
            SLV_TRY(put_node(out, rule->members, m));
        if (m->next)
            SLV_TRY(slv_buf_append(out, SLV_STR(", ")));
    }
    return slv_buf_append_byte(out, '}');
}

/* A value as the message has it: what Java makes of it. */
static slv_code put_node(slv_buf *out, const slv_dyn_rule *rule, const slv_node *n)
{
    if (n->type == SLV_NODE_NULL)
        return slv_buf_append(out, SLV_STR("null"));
    switch (rule->kind) {
    case SLV_DYN_KIND_BOOL:
        return slv_buf_append(out, slv_dyn_node_bool(n) ? SLV_STR("true") : SLV_STR("false"));
    case SLV_DYN_KIND_STRING:
    case SLV_DYN_KIND_INTEGER:
    case SLV_DYN_KIND_LONG:
        return slv_buf_append(out, n->text);
    case SLV_DYN_KIND_VALUE:
        return put_attribute(out, n);
    case SLV_DYN_KIND_ITEM:
    case SLV_DYN_KIND_MAP:
        return put_map(out, rule, n);
    case SLV_DYN_KIND_STRUCT:
        return put_struct(out, rule, n);
    case SLV_DYN_KIND_LIST:
        break;
    }
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (const slv_node *e = n->first; e; e = e->next) {
        SLV_TRY(put_node(out, rule->members, e));
        if (e->next)
            SLV_TRY(slv_buf_append(out, SLV_STR(", ")));
    }
    return slv_buf_append_byte(out, ']');
}

/* Path of n below the current one. */
static slv_code put_place(checker *c, const slv_dyn_rule *rule, bool terse)
{
    size_t start = c->text.len;

    SLV_TRY(slv_buf_append(&c->text, slv_buf_view(&c->path)));
    if (terse && c->path.len && c->text.ptr[start] >= 'a')
        c->text.ptr[start] -= 'a' - 'A';
    if (c->path.len)
        SLV_TRY(slv_buf_append_byte(&c->text, '.'));
    if (!rule->name)
        return slv_buf_append(&c->text, SLV_STR("member"));
    if (terse)
        return slv_buf_append(&c->text, slv_str_from(rule->name));
    return put_lower(&c->text, rule->name);
}

/* Begins an error; what failed follows. n NULL: the member is missing. */
static slv_code begin(checker *c, const slv_dyn_rule *rule, const slv_node *n, bool terse)
{
    if (c->errors++)
        SLV_TRY(slv_buf_append(&c->text, SLV_STR("; ")));
    if (terse) {
        SLV_TRY(slv_buf_append(&c->text, SLV_STR("Value at '")));
    } else {
        SLV_TRY(slv_buf_append(&c->text, n ? SLV_STR("Value '") : SLV_STR("Value null")));
        if (n) {
            SLV_TRY(put_node(&c->text, rule, n));
            SLV_TRY(slv_buf_append_byte(&c->text, '\''));
        }
        SLV_TRY(slv_buf_append(&c->text, SLV_STR(" at '")));
    }
    SLV_TRY(put_place(c, rule, terse));
    return slv_buf_append(&c->text, SLV_STR("' failed to satisfy constraint: "));
}

static slv_code begin_error(checker *c, const slv_dyn_rule *rule, const slv_node *n)
{
    return begin(c, rule, n, false);
}

static bool name_chars(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && !slv_is_digit(s.ptr[i]) && s.ptr[i] != '_' &&
            s.ptr[i] != '.' && s.ptr[i] != '-')
            return false;
    return s.len > 0;
}

static bool in_values(const char *values, slv_str s)
{
    slv_str rest = slv_str_from(values), one;

    rest = slv_str_sub(rest, 1, rest.len - 1);
    while (slv_str_split(&rest, ',', &one))
        if (slv_str_eq(slv_str_trim(one), s))
            return true;
    return false;
}

#define NAME_PATTERN "[a-zA-Z0-9_.-]+"

static slv_code check_string(checker *c, const slv_dyn_rule *rule, const slv_node *n)
{
    slv_str s = n->text;
    bool arn = rule->flags & SLV_DYN_TABLE_ARN;

    if (arn && slv_str_starts(s, SLV_STR("arn:")))
        return SLV_OK;
    if (rule->values && !in_values(rule->values, s)) {
        SLV_TRY(begin_error(c, rule, n));
        SLV_TRY(slv_buf_printf(&c->text, "Member must satisfy enum value set: %s", rule->values));
    }
    if (rule->flags & SLV_DYN_NAME_CHARS && !name_chars(s) && !(arn && !s.len)) {
        SLV_TRY(begin_error(c, rule, n));
        SLV_TRY(slv_buf_append(
            &c->text, SLV_STR("Member must satisfy regular expression pattern: " NAME_PATTERN)));
    }
    return SLV_OK;
}

static slv_code check_length(checker *c, const slv_dyn_rule *rule, const slv_node *n)
{
    bool number = rule->kind == SLV_DYN_KIND_INTEGER || rule->kind == SLV_DYN_KIND_LONG;
    const char *what = number ? "value" : "length";
    int64_t v = (int64_t)(rule->kind == SLV_DYN_KIND_STRING ? n->text.len : n->count);
    double d;

    if (rule->flags & SLV_DYN_TABLE_ARN && slv_str_starts(n->text, SLV_STR("arn:")))
        return SLV_OK;
    if (number && !slv_node_i64(n, &v)) /* a fraction is cut, what is too large is the limit */
        v = !slv_node_f64(n, &d) ? 0 : d > 9e18 ? INT64_MAX : d < -9e18 ? INT64_MIN : (int64_t)d;
    if (rule->min != SLV_DYN_ANY && v < rule->min) {
        SLV_TRY(begin(c, rule, n, rule->flags & SLV_DYN_TERSE_MIN));
        SLV_TRY(slv_buf_printf(&c->text, "Member must have %s greater than or equal to %lld", what,
                               (long long)rule->min));
    }
    if (rule->max != SLV_DYN_ANY && v > rule->max) {
        SLV_TRY(begin(c, rule, n, rule->flags & SLV_DYN_TERSE_MAX));
        SLV_TRY(slv_buf_printf(&c->text, "Member must have %s less than or equal to %lld", what,
                               (long long)rule->max));
    }
    return SLV_OK;
}

static slv_code check_map(checker *c, const slv_dyn_rule *rule, const slv_node *n)
{
    for (const slv_node *m = n->first; m && rule->flags & SLV_DYN_TABLE_KEYS; m = m->next) {
        slv_str name = slv_dyn_table_name(m->key);

        if (name_chars(name) && name.len >= 3 && name.len <= 255)
            continue;
        SLV_TRY(begin_error(c, rule, n));
        SLV_TRY(slv_buf_append(
            &c->text,
            SLV_STR("Map keys must satisfy constraint: [Member must have length less than or equal "
                    "to 255, Member must have length greater than or equal to 3, Member must "
                    "satisfy regular expression pattern: " NAME_PATTERN "]")));
        break;
    }
    for (const slv_node *m = n->first; m && rule->each_max != SLV_DYN_ANY; m = m->next) {
        if ((int64_t)m->count >= rule->each_min && (int64_t)m->count <= rule->each_max)
            continue;
        SLV_TRY(begin_error(c, rule, n));
        SLV_TRY(slv_buf_printf(&c->text,
                               "Map value must satisfy constraint: [Member must have length less "
                               "than or equal to %lld, Member must have length greater than or "
                               "equal to %lld]",
                               (long long)rule->each_max, (long long)rule->each_min));
        break;
    }
    return SLV_OK;
}

static slv_code check_members(checker *c, const slv_dyn_rule *rules, const slv_node *json);

static slv_code check_node(checker *c, const slv_dyn_rule *rule, const slv_node *n);

/* Nothing is asked of such an element. */
static bool unconstrained(const slv_dyn_rule *rule)
{
    return rule->kind != SLV_DYN_KIND_STRUCT && rule->kind != SLV_DYN_KIND_LIST &&
           rule->kind != SLV_DYN_KIND_MAP && rule->min == SLV_DYN_ANY && rule->max == SLV_DYN_ANY;
}

/* Elements of a list, or values of a map: PATH.name.N.member, PATH.name.KEY.member */
static slv_code check_elements(checker *c, const slv_dyn_rule *rule, const slv_node *n)
{
    size_t before = c->path.len, i = 0;

    if (unconstrained(rule->members))
        return SLV_OK;
    for (const slv_node *e = n->first; e && c->errors < ERRORS_MAX; e = e->next) {
        i++;
        if (c->path.len)
            SLV_TRY(slv_buf_append_byte(&c->path, '.'));
        SLV_TRY(put_lower(&c->path, rule->name ? rule->name : "member"));
        if (rule->kind == SLV_DYN_KIND_MAP)
            SLV_TRY(slv_buf_printf(&c->path, ".%.*s", SLV_STR_ARGS(e->key)));
        else
            SLV_TRY(slv_buf_printf(&c->path, ".%zu", i));
        SLV_TRY(check_node(c, rule->members, e));
        c->path.len = before;
    }
    return SLV_OK;
}

static slv_code check_node(checker *c, const slv_dyn_rule *rule, const slv_node *n)
{
    size_t before = c->path.len;

    if (!n || n->type == SLV_NODE_NULL) {
        if (!(rule->flags & SLV_DYN_REQUIRED))
            return SLV_OK;
        SLV_TRY(begin_error(c, rule, NULL));
        return slv_buf_append(&c->text, SLV_STR("Member must not be null"));
    }
    if (rule->kind == SLV_DYN_KIND_STRING)
        SLV_TRY(check_string(c, rule, n));
    SLV_TRY(check_length(c, rule, n));
    if (rule->kind == SLV_DYN_KIND_MAP)
        SLV_TRY(check_map(c, rule, n));
    if (rule->kind == SLV_DYN_KIND_MAP || rule->kind == SLV_DYN_KIND_LIST)
        return check_elements(c, rule, n);
    if (rule->kind != SLV_DYN_KIND_STRUCT)
        return SLV_OK;
    if (c->path.len)
        SLV_TRY(slv_buf_append_byte(&c->path, '.'));
    SLV_TRY(put_lower(&c->path, rule->name ? rule->name : "member"));
    SLV_TRY(check_members(c, rule->members, n));
    c->path.len = before;
    return SLV_OK;
}

static slv_code check_members(checker *c, const slv_dyn_rule *rules, const slv_node *json)
{
    for (const slv_dyn_rule *r = rules; r->name && c->errors < ERRORS_MAX; r++)
        SLV_TRY(check_node(c, r, slv_dyn_member_of(json, r->name)));
    return SLV_OK;
}

static slv_code check_all(slv_dyn_scope *sc, checker *c, const slv_dyn_rule *rules,
                          const slv_node *json)
{
    SLV_TRY(check_members(c, rules, json));
    if (!c->errors)
        return SLV_OK;
    return slv_dyn_invalid(sc, "%d validation error%s detected: %.*s", c->errors,
                           c->errors > 1 ? "s" : "", SLV_STR_ARGS(slv_buf_view(&c->text)));
}

slv_code slv_dyn_constraints_check(slv_dyn_scope *sc, const slv_dyn_rule *rules,
                                   const slv_node *json)
{
    checker c = {.path = SLV_BUF(PATH_MAX_LEN), .text = SLV_BUF(TEXT_MAX)};
    slv_code code = check_all(sc, &c, rules, json);

    slv_buf_done(&c.path);
    slv_buf_done(&c.text);
    return code;
}
