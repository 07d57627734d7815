/* Which methods a model has besides those of every model. */
#include "bao/emit_int.h"
#include "fmt/json.h"

#define NAME_MAX_BYTES ((size_t)4096)

void slv_bao_put(bao_text *t, const char *fmt, ...)
{
    va_list ap;

    if (t->code != SLV_OK)
        return;
    va_start(ap, fmt);
    t->code = slv_buf_vprintf(t->out, fmt, ap);
    va_end(ap);
}

void slv_bao_put_string(bao_text *t, slv_str text)
{
    if (t->code == SLV_OK)
        t->code = slv_json_put_string(t->out, text);
}

void slv_bao_methods_done(bao_methods *methods)
{
    for (size_t i = 0; i < methods->list.len; i++)
        slv_buf_done(&methods->list.items[i].name);
    slv_vec_done(&methods->list);
}

/* prefix + the base with a capital first letter. The method owns its name. */
static slv_code add(bao_methods *methods, bao_method method, const char *prefix, slv_str base)
{
    char first = base.len > 0 ? base.ptr[0] : '\0';

    method.name = SLV_BUF(NAME_MAX_BYTES);
    slv_vec_push(&methods->list, method);
    slv_buf *name = &methods->list.items[methods->list.len - 1].name;

    SLV_TRY(slv_buf_append(name, slv_str_from(prefix)));
    if (first >= 'a' && first <= 'z') {
        SLV_TRY(slv_buf_append_byte(name, (char)(first - 32)));
        base = slv_str_skip(base, 1);
    }
    return slv_buf_append(name, base);
}

/* What stands before "For" in the name of an index: "posts" of "postsForUser". */
static slv_str before_for(slv_str index)
{
    return slv_str_sub(index, 0, slv_str_find(index, SLV_STR("For"), 0));
}

static bool is_primary(const slv_node *index)
{
    return slv_str_is(slv_node_str(index), "primaryKey");
}

/* True when the field of that name refers to the model. */
static bool refers_to(const slv_bao_model *other, slv_str field_name, const slv_bao_model *model)
{
    const slv_node *field = slv_node_find(other->fields, field_name);

    return field && slv_str_is(slv_bao_field_type_of(other, field), "RelatedField") &&
           slv_str_eq(slv_node_str(slv_node_get(field, "model")), model->name);
}

static slv_str partition_key(const slv_bao_model *other, const slv_node *index)
{
    return is_primary(index) ? other->partition_key
                             : slv_node_str(slv_node_get(index, "partitionKey"));
}

static slv_code own_queries(const slv_bao_model *model, bao_methods *methods)
{
    for (const slv_node *n = model->indexes ? model->indexes->first : NULL; n; n = n->next)
        if (!is_primary(n) && slv_str_is(partition_key(model, n), "modelPrefix"))
            SLV_TRY(add(methods,
                        (bao_method){.kind = BAO_QUERY_OWN, .other = model, .index = n->key},
                        "query", before_for(n->key)));
    return SLV_OK;
}

static slv_code primary_query(const slv_bao_model *other, bao_methods *methods)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plural = SLV_BUF(NAME_MAX_BYTES);

    for (const slv_node *n = other->indexes->first; n; n = n->next)
        if (is_primary(n))
            return add(methods,
                       (bao_method){.kind = BAO_QUERY_INDEX, .other = other, .index = n->key},
                       "query", before_for(n->key));
    SLV_TRY(slv_buf_printf(&plural, "%.*ss", SLV_STR_ARGS(other->name)));
    return add(methods, (bao_method){.kind = BAO_QUERY_PRIMARY, .other = other}, "query",
               slv_buf_view(&plural));
}

static slv_code queries_of(const slv_bao_model *other, const slv_bao_model *model,
                           bao_methods *methods)
{
    if (!other->indexes)
        return SLV_OK;
    if (refers_to(other, other->partition_key, model))
        SLV_TRY(primary_query(other, methods));
    for (const slv_node *n = other->indexes->first; n; n = n->next)
        if (!is_primary(n) && refers_to(other, partition_key(other, n), model))
            SLV_TRY(add(methods,
                        (bao_method){.kind = BAO_QUERY_INDEX, .other = other, .index = n->key},
                        "query", before_for(n->key)));
    return SLV_OK;
}

/* The relation of a mapping model that leads away from what is asked by. */
static slv_str other_side(const slv_bao_model *map, slv_str by, const slv_bao_model *model)
{
    slv_str found = SLV_STR_NULL;

    for (const slv_node *n = map->fields->first; n; n = n->next) {
        if (!slv_str_is(slv_bao_field_type_of(map, n), "RelatedField") || slv_str_eq(n->key, by))
            continue;
        if (!slv_str_eq(slv_node_str(slv_node_get(n, "model")), model->name))
            return n->key;
        if (!found.ptr)
            found = n->key;
    }
    return found;
}

static slv_code mapped_by(const slv_bao_model *map, const slv_bao_model *model,
                          bao_methods *methods)
{
    if (!map->mapping || !map->indexes)
        return SLV_OK;
    for (const slv_node *n = map->indexes->first; n; n = n->next) {
        slv_str by = partition_key(map, n), target = other_side(map, by, model);

        if (target.ptr && refers_to(map, by, model))
            SLV_TRY(add(
                methods,
                (bao_method){.kind = BAO_MAPPED, .other = map, .index = n->key, .target = target},
                "get", before_for(n->key)));
    }
    return SLV_OK;
}

static slv_code constraints_of(const slv_bao_model *model, bao_methods *methods)
{
    for (const slv_node *n = model->constraints ? model->constraints->first : NULL; n;
         n = n->next) {
        slv_str base = slv_str_starts(n->key, SLV_STR("unique")) ? slv_str_skip(n->key, 6) : n->key;
        bao_method method = {.kind = BAO_UNIQUE, .other = model, .index = n->key, .target = base};

        /* The name as it is: "findByemail" of a constraint "email" is what callers have. */
        method.name = SLV_BUF(NAME_MAX_BYTES);
        slv_vec_push(&methods->list, method);
        SLV_TRY(slv_buf_printf(&methods->list.items[methods->list.len - 1].name, "findBy%.*s",
                               SLV_STR_ARGS(base)));
    }
    return SLV_OK;
}

static slv_code relations_of(const slv_bao_model *model, bao_methods *methods)
{
    for (const slv_node *n = model->fields->first; n; n = n->next) {
        slv_str base = n->key;

        if (!slv_str_is(slv_bao_field_type_of(model, n), "RelatedField"))
            continue;
        if (slv_str_ends(base, SLV_STR("Id")))
            base.len -= 2;
        SLV_TRY(add(methods,
                    (bao_method){.kind = BAO_RELATED,
                                 .other = model,
                                 .index = n->key,
                                 .target = slv_node_str(slv_node_get(n, "model"))},
                    "get", base));
    }
    return SLV_OK;
}

slv_code slv_bao_methods_of(const slv_bao_models *m, const slv_bao_model *model, bao_methods *ret)
{
    SLV_TRY(own_queries(model, ret));
    for (size_t i = 0; i < m->list.len; i++)
        SLV_TRY(queries_of(&m->list.items[i], model, ret));
    for (size_t i = 0; i < m->list.len; i++)
        SLV_TRY(mapped_by(&m->list.items[i], model, ret));
    SLV_TRY(constraints_of(model, ret));
    return relations_of(model, ret);
}
