#include "sight/filter.h"

#include "fmt/json.h"

#define QUERY_MAX ((size_t)64 << 10)

typedef enum filter_kind {
    FILTER_OUTCOME,
    FILTER_METHOD,
    FILTER_HEADER,
    FILTER_CLIENT,
    FILTER_QUERY,
    FILTER_VERSION,
} filter_kind;

struct slv_filter {
    filter_kind kind;
    const slv_str *values; /* HEADER: name and, with two, what is in it; QUERY: as JSON has it */
    size_t count;
};

/* ---- reading ---- */

static slv_code read_list(const slv_node *n, const char *name, slv_str self, slv_arena *arena,
                          slv_filter *ret, slv_err *err)
{
    slv_str *values;

    if (!slv_node_is(n, SLV_NODE_ARRAY) || n->count > SLV_FILTER_VALUES_MAX)
        return slv_fail(err, SLV_E_INVAL, "the filter '%s' must be a list of at most %d strings",
                        name, SLV_FILTER_VALUES_MAX);
    values = slv_arena_try_alloc0(arena, (n->count + 1) * sizeof *values);
    if (!values)
        return SLV_E_LIMIT;
    for (const slv_node *v = n->first; v; v = v->next) {
        if (!slv_node_is(v, SLV_NODE_STRING))
            return slv_fail(err, SLV_E_INVAL, "the filter '%s' must be a list of strings", name);
        bool own = ret->kind == FILTER_CLIENT && slv_str_is(v->text, "self");

        SLV_TRY(slv_arena_dup(arena, own ? self : v->text, &values[ret->count++]));
    }
    ret->values = values;
    return SLV_OK;
}

static slv_code read_header(const slv_node *n, slv_arena *arena, slv_filter *ret, slv_err *err)
{
    slv_str *values = slv_arena_try_alloc0(arena, 2 * sizeof *values);
    const slv_node *query = slv_node_get(n, "query");

    if (!values)
        return SLV_E_LIMIT;
    if (slv_node_str(slv_node_get(n, "key")).len == 0 ||
        (query && query->type != SLV_NODE_NULL && !slv_node_is(query, SLV_NODE_STRING)))
        return slv_fail(err, SLV_E_INVAL,
                        "the filter 'header' must have a 'key', and may have a 'query'");
    SLV_TRY(slv_arena_dup(arena, slv_node_str(slv_node_get(n, "key")), &values[0]));
    SLV_TRY(slv_arena_dup(arena, slv_node_str(query), &values[1]));
    ret->values = values;
    ret->count = values[1].len > 0 ? 2 : 1;
    return SLV_OK;
}

/* The text as it stands inside of a JSON string. */
static slv_code read_query(const slv_node *n, slv_arena *arena, slv_filter *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(QUERY_MAX);
    slv_str *value = slv_arena_try_alloc0(arena, sizeof *value);

    if (!value)
        return SLV_E_LIMIT;
    if (!slv_node_is(n, SLV_NODE_STRING) || n->text.len > QUERY_MAX / 8)
        return slv_fail(err, SLV_E_INVAL, "the filter 'query' must be a text of at most %zu bytes",
                        QUERY_MAX / 8);
    SLV_TRY(slv_json_put_string(&text, n->text));
    ret->values = value;
    ret->count = 1;
    return slv_arena_dup(arena, slv_str_sub(slv_buf_view(&text), 1, text.len - 1), value);
}

static slv_code read_version(const slv_node *n, slv_arena *arena, slv_filter *ret, slv_err *err)
{
    slv_str *value = slv_arena_try_alloc0(arena, sizeof *value);

    if (!value)
        return SLV_E_LIMIT;
    if (!slv_node_is(n, SLV_NODE_STRING))
        return slv_fail(err, SLV_E_INVAL, "the filter 'scriptVersion' must be a text");
    ret->values = value;
    ret->count = 1;
    return slv_arena_dup(arena, n->text, value);
}

static slv_code read_rate(const slv_node *n, slv_filters *ret, slv_err *err)
{
    double rate;

    if (!slv_node_f64(n, &rate) || !(rate >= 0) || rate > 1)
        return slv_fail(err, SLV_E_INVAL, "the filter 'sampling_rate' must be from 0 to 1");
    ret->rate *= rate;
    return SLV_OK;
}

/* One member of an object of the list; *ret_used: it became the filter. */
static slv_code read_member(const slv_node *n, slv_str self, slv_arena *arena, slv_filters *all,
                            slv_filter *ret, bool *ret_used, slv_err *err)
{
    *ret = (slv_filter){0};
    *ret_used = true;
    if (slv_str_is(n->key, "outcome")) {
        ret->kind = FILTER_OUTCOME;
        return read_list(n, "outcome", self, arena, ret, err);
    }
    if (slv_str_is(n->key, "method")) {
        ret->kind = FILTER_METHOD;
        return read_list(n, "method", self, arena, ret, err);
    }
    if (slv_str_is(n->key, "client_ip")) {
        ret->kind = FILTER_CLIENT;
        return read_list(n, "client_ip", self, arena, ret, err);
    }
    if (slv_str_is(n->key, "header")) {
        ret->kind = FILTER_HEADER;
        return read_header(n, arena, ret, err);
    }
    if (slv_str_is(n->key, "query")) {
        ret->kind = FILTER_QUERY;
        return read_query(n, arena, ret, err);
    }
    if (slv_str_is(n->key, "scriptVersion") || slv_str_is(n->key, "script_version")) {
        ret->kind = FILTER_VERSION;
        return read_version(n, arena, ret, err);
    }
    *ret_used = false;
    if (slv_str_is(n->key, "sampling_rate"))
        return read_rate(n, all, err);
    return slv_fail(err, SLV_E_INVAL, "'%.*s' is not a filter", SLV_STR_ARGS(n->key));
}

slv_code slv_filters_read(const slv_node *list, slv_str self_address, slv_arena *arena,
                          slv_filters *ret, slv_err *err)
{
    slv_filter *items = slv_arena_try_alloc0(arena, SLV_FILTERS_MAX * sizeof *items);

    *ret = (slv_filters){.items = items, .rate = 1};
    if (!items)
        return SLV_E_LIMIT;
    if (!list || list->type == SLV_NODE_NULL)
        return SLV_OK;
    if (!slv_node_is(list, SLV_NODE_ARRAY))
        return slv_fail(err, SLV_E_INVAL, "'filters' must be a list, not %s",
                        slv_node_type_text(list->type));
    for (const slv_node *entry = list->first; entry; entry = entry->next) {
        if (!slv_node_is(entry, SLV_NODE_OBJECT))
            return slv_fail(err, SLV_E_INVAL, "a filter must be an object");
        for (const slv_node *n = entry->first; n; n = n->next) {
            bool used;

            if (ret->count >= SLV_FILTERS_MAX)
                return slv_fail(err, SLV_E_INVAL, "at most %d filters are allowed",
                                SLV_FILTERS_MAX);
            SLV_TRY(read_member(n, self_address, arena, ret, &items[ret->count], &used, err));
            ret->count += used;
        }
    }
    return SLV_OK;
}

/* ---- matching ---- */

static bool is_one_of(const slv_filter *f, slv_str value, bool nocase)
{
    for (size_t i = 0; i < f->count; i++) {
        if (nocase ? slv_str_eq_nocase(f->values[i], value) : slv_str_eq(f->values[i], value))
            return true;
    }
    return false;
}

/* Outcomes that clients do not know are "unknown" to them. */
static slv_str known_outcome(const char *outcome)
{
    static const char *const known[] = {"ok", "canceled", "exception", "exceededCpu",
                                        "exceededMemory"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++) {
        if (strcmp(known[i], outcome) == 0)
            return slv_str_from(outcome);
    }
    return SLV_STR("unknown");
}

static bool has_header(slv_str block, slv_str name, const slv_str *part)
{
    slv_str key, value;
    bool bad;

    while (slv_header_next(&block, &key, &value, &bad)) {
        if (slv_str_eq_nocase(key, name) && (!part || slv_str_find(value, *part, 0) != SIZE_MAX))
            return true;
    }
    return false;
}

static bool has_client(const slv_filter *f, slv_str block)
{
    slv_str key, value;
    bool bad;

    while (slv_header_next(&block, &key, &value, &bad)) {
        if (slv_str_is(key, "cf-connecting-ip"))
            return is_one_of(f, value, true);
    }
    return false;
}

static bool has_line(const slv_trace *t, slv_str text)
{
    for (const slv_trace_log *l = t->logs.first; l; l = l->next) {
        if (l->level != SLV_CONSOLE_CHANNEL && slv_str_find(l->values, text, 0) != SIZE_MAX)
            return true;
    }
    return false;
}

static bool passes(const slv_filter *f, const slv_trace *t)
{
    switch (f->kind) {
    case FILTER_OUTCOME:
        return is_one_of(f, known_outcome(t->outcome), false);
    case FILTER_METHOD:
        return t->method.len > 0 && is_one_of(f, t->method, true);
    case FILTER_HEADER:
        return has_header(t->headers, f->values[0], f->count > 1 ? &f->values[1] : NULL);
    case FILTER_CLIENT:
        return has_client(f, t->headers);
    case FILTER_QUERY:
        return has_line(t, f->values[0]);
    case FILTER_VERSION:
        return slv_str_eq(t->version->id, f->values[0]);
    }
    SLV_UNREACHABLE();
}

bool slv_filters_pass(const slv_filters *f, const slv_trace *t)
{
    for (size_t i = 0; i < f->count; i++) {
        if (!passes(&f->items[i], t))
            return false;
    }
    return true;
}
