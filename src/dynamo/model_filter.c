/*
 * Conditions and filters of the library as expressions. { age: { $gte: 18 }, $or: [...] } becomes
 * "#n1 >= :v1 AND (...)"; the values of a field are converted as its toDy() does.
 */
#include "dynamo/model_int.h"

#include <stdio.h>

static const struct {
    const char *name, *text;
} comparisons[] = {{"$eq", "="},   {"$ne", "<>"}, {"$gt", ">"},
                   {"$gte", ">="}, {"$lt", "<"},  {"$lte", "<="}};

static const char *comparison(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(comparisons); i++)
        if (slv_str_is(name, comparisons[i].name))
            return comparisons[i].text;
    return NULL;
}

static bool put(slv_dyn_params *p, const char *text)
{
    return slv_buf_append(p->text, slv_str_from(text)) == SLV_OK;
}

static slv_str numbered(slv_dyn_params *p, const char *what, unsigned n)
{
    char text[24];
    slv_str ret;

    snprintf(text, sizeof text, "%s%u", what, n);
    if (slv_arena_dup(p->m->arena, slv_str_from(text), &ret) == SLV_OK)
        return ret;
    p->m->failed = true;
    return SLV_STR("");
}

static bool put_name(slv_dyn_params *p, slv_str field)
{
    slv_str key = numbered(p, "#n", ++p->name_count);

    slv_dyn_make_text(p->m, p->names, key, field);
    return slv_buf_append(p->text, key) == SLV_OK;
}

static bool put_value(slv_dyn_params *p, const slv_node *value)
{
    slv_str key = numbered(p, ":v", ++p->value_count);

    if (value->type > SLV_NODE_STRING || (value->type == SLV_NODE_STRING && !value->text.len))
        return false;
    slv_dyn_make_plain(p->m, p->values, key, value);
    return slv_buf_append(p->text, key) == SLV_OK;
}

/* Whether toDy() leaves it as it is. */
static bool stays(slv_dyn_kind kind, const slv_node *value)
{
    switch (kind) {
    case SLV_DYN_KIND_TEXT:
    case SLV_DYN_KIND_ID:
        return value->type == SLV_NODE_STRING;
    case SLV_DYN_KIND_DATE:
        return value->type == SLV_NODE_NUMBER && !slv_str_is(value->text, "0");
    case SLV_DYN_KIND_INTEGER:
    case SLV_DYN_KIND_FLOAT:
        return value->type == SLV_NODE_NUMBER;
    case SLV_DYN_KIND_COUNTER:
    case SLV_DYN_KIND_SET:
        return value->type == SLV_NODE_NUMBER || value->type == SLV_NODE_STRING;
    case SLV_DYN_KIND_BOOL:
        return value->type == SLV_NODE_BOOL;
    case SLV_DYN_KIND_OTHER:
        break;
    }
    return false;
}

/* { $size: 3 }, { $size: { $gt: 3 } } */
static bool put_size(slv_dyn_params *p, slv_str field, const slv_node *value)
{
    const char *text = "=";

    if (value->type == SLV_NODE_OBJECT && value->count == 1) {
        value = value->first;
        text = comparison(value->key);
    }
    return text && value->type == SLV_NODE_NUMBER && put(p, "size(") && put_name(p, field) &&
           put(p, ") ") && put(p, text) && put(p, " ") && put_value(p, value);
}

static bool put_in(slv_dyn_params *p, slv_str field, const slv_node *list)
{
    if (list->type != SLV_NODE_ARRAY || !put_name(p, field) || !put(p, " IN ("))
        return false;
    for (const slv_node *n = list->first; n; n = n->next)
        if (!put_value(p, n) || (n->next && !put(p, ", ")))
            return false;
    return put(p, ")");
}

static bool put_operator(slv_dyn_params *p, const slv_dyn_model_field *field, slv_str name,
                         const slv_node *value)
{
    const char *text = comparison(name);
    bool contains = slv_str_is(name, "$contains");

    if (slv_str_is(name, "$size"))
        return put_size(p, field->name, value);
    if (slv_str_is(name, "$in"))
        return put_in(p, field->name, value);
    if (slv_str_is(name, "$exists"))
        return value->type == SLV_NODE_BOOL &&
               put(p, value->boolean ? "attribute_exists(" : "attribute_not_exists(") &&
               put_name(p, field->name) && put(p, ")");
    if (!stays(field->kind, value))
        return false;
    if (text)
        return put_name(p, field->name) && put(p, " ") && put(p, text) && put(p, " ") &&
               put_value(p, value);
    return (contains || slv_str_is(name, "$beginsWith")) &&
           put(p, contains ? "contains(" : "begins_with(") && put_name(p, field->name) &&
           put(p, ", ") && put_value(p, value) && put(p, ")");
}

static bool put_field(slv_dyn_params *p, const slv_node *condition)
{
    const slv_dyn_model_field *field = slv_dyn_model_field_of(p->model, condition->key);

    if (!field)
        return false;
    if (condition->type == SLV_NODE_NULL)
        return put(p, "attribute_not_exists(") && put_name(p, field->name) && put(p, ")");
    if (condition->type == SLV_NODE_ARRAY)
        return false;
    if (condition->type != SLV_NODE_OBJECT)
        return put_operator(p, field, SLV_STR("$eq"), condition);
    for (const slv_node *n = condition->first; n; n = n->next)
        if (!put_operator(p, field, n->key, n) || (n->next && !put(p, " AND ")))
            return false;
    return condition->count > 0;
}

static bool is_logical(slv_str name)
{
    return slv_str_is(name, "$and") || slv_str_is(name, "$or") || slv_str_is(name, "$not");
}

/* What is negated is negated whole: NOT binds more tightly than AND. */
static bool put_negation(slv_dyn_params *p, const slv_node *filter)
{
    const slv_node *only = filter->first;
    bool single = filter->count == 1 &&
                  (is_logical(only->key) || only->type != SLV_NODE_OBJECT || only->count == 1);

    return put(p, single ? "NOT " : "NOT (") && slv_dyn_filter_put(p, filter) &&
           (single || put(p, ")"));
}

static bool put_all_of(slv_dyn_params *p, const slv_node *list, const char *between)
{
    if (list->type != SLV_NODE_ARRAY || list->count == 0 || !put(p, "("))
        return false;
    for (const slv_node *n = list->first; n; n = n->next)
        if (!slv_dyn_filter_put(p, n) || (n->next && !put(p, between)))
            return false;
    return put(p, ")");
}

bool slv_dyn_filter_put(slv_dyn_params *p, const slv_node *filter)
{
    bool done;

    if (filter->type != SLV_NODE_OBJECT || filter->count == 0)
        return false;
    for (const slv_node *n = filter->first; n; n = n->next) {
        if (slv_str_is(n->key, "$and"))
            done = put_all_of(p, n, " AND ");
        else if (slv_str_is(n->key, "$or"))
            done = put_all_of(p, n, " OR ");
        else if (slv_str_is(n->key, "$not"))
            done = put_negation(p, n);
        else
            done = put_field(p, n);
        if (!done || (n->next && !put(p, " AND ")))
            return false;
    }
    return true;
}

bool slv_dyn_make_filter(slv_dyn_params *p, const slv_node *filter, slv_node *request, slv_str key)
{
    slv_str kept;

    slv_buf_reset(p->text);
    if (!slv_dyn_filter_put(p, filter))
        return false;
    if (slv_arena_dup(p->m->arena, slv_buf_view(p->text), &kept) != SLV_OK)
        p->m->failed = true;
    else
        slv_dyn_make_text(p->m, request, key, kept);
    return true;
}

void slv_dyn_make_params(slv_dyn_params *p, slv_node *request)
{
    p->names->key = SLV_STR("ExpressionAttributeNames");
    p->values->key = SLV_STR("ExpressionAttributeValues");
    if (!p->m->failed && p->names->count > 0)
        slv_node_append(request, p->names);
    if (!p->m->failed && p->values->count > 0)
        slv_node_append(request, p->values);
}
