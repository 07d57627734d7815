/* The TypeScript declarations of one model. */
#include "bao/emit_int.h"

typedef struct typer {
    bao_text text;
    const slv_bao_models *models;
    const slv_bao_model *model;
    bao_methods methods;
} typer;

#define put(t, ...) slv_bao_put(&(t)->text, __VA_ARGS__)

static bool flag(const slv_node *field, const char *key)
{
    const slv_node *n = slv_node_get(field, key);

    return n && n->type == SLV_NODE_BOOL && n->boolean;
}

/* True when create() must be given the field. */
static bool is_required(const slv_bao_model *model, const slv_node *field)
{
    static const char *const assigned[] = {"CreateDateField", "ModifiedDateField", "VersionField",
                                           "CounterField"};
    slv_str type = slv_bao_field_type_of(model, field);

    for (size_t i = 0; i < SLV_ARRAY_LEN(assigned); i++)
        if (slv_str_is(type, assigned[i]))
            return false;
    if (flag(field, "autoAssign") || slv_node_get(field, "defaultValue"))
        return false;
    return flag(field, "required") || slv_str_is(type, "UlidField") ||
           slv_str_eq(field->key, model->partition_key) || slv_str_eq(field->key, model->sort_key);
}

/* What may be given: of a field that must be there, not null. */
static slv_str write_type(const slv_bao_field_type *type, bool required)
{
    slv_str text = slv_str_from(type ? type->write : "any");

    if (required && slv_str_ends(text, SLV_STR(" | null")))
        text.len -= strlen(" | null");
    return text;
}

static void put_values(typer *t)
{
    const slv_bao_model *m = t->model;

    put(t, "export interface %.*sValues {\n", SLV_STR_ARGS(m->name));
    for (const slv_node *n = m->fields->first; n; n = n->next) {
        const slv_bao_field_type *type = slv_bao_field_type_find(slv_bao_field_type_of(m, n));

        put(t, "  %.*s%s: %.*s;\n", SLV_STR_ARGS(n->key), is_required(m, n) ? "" : "?",
            SLV_STR_ARGS(write_type(type, is_required(m, n))));
    }
    put(t, "}\n\n");
}

static void put_properties(typer *t)
{
    const slv_bao_model *m = t->model;

    for (const slv_node *n = m->fields->first; n; n = n->next) {
        const slv_bao_field_type *type = slv_bao_field_type_find(slv_bao_field_type_of(m, n));

        put(t, "  get %.*s(): %s;\n  set %.*s(value: %.*s);\n", SLV_STR_ARGS(n->key),
            type ? type->read : "any", SLV_STR_ARGS(n->key),
            SLV_STR_ARGS(write_type(type, is_required(m, n))));
    }
}

/* The model that a method gives, when it is defined here; else any model. */
static slv_str given(const typer *t, const bao_method *method)
{
    slv_str name = method->other->name;

    if (method->kind == BAO_RELATED)
        name = method->target;
    if (method->kind == BAO_MAPPED)
        name = slv_node_str(
            slv_node_get(slv_node_find(method->other->fields, method->target), "model"));
    return slv_bao_models_find(t->models, name) ? name : SLV_STR("BaoModel");
}

static void put_method(typer *t, const bao_method *method)
{
    slv_str name = slv_buf_view(&method->name), type = given(t, method);

    switch (method->kind) {
    case BAO_QUERY_OWN:
    case BAO_QUERY_PRIMARY:
    case BAO_QUERY_INDEX:
        put(t,
            "  %s%.*s(skCondition?: Record<string, unknown> | null, options?: QueryOptions): "
            "Promise<QueryResult<%.*s>>;\n",
            method->kind == BAO_QUERY_OWN ? "static " : "", SLV_STR_ARGS(name), SLV_STR_ARGS(type));
        break;
    case BAO_MAPPED:
        put(t,
            "  %.*s(mapSkCondition?: Record<string, unknown> | null, limit?: number | null, "
            "direction?: \"ASC\" | \"DESC\", startKey?: Record<string, unknown> | null): "
            "Promise<QueryResult<%.*s>>;\n",
            SLV_STR_ARGS(name), SLV_STR_ARGS(type));
        break;
    case BAO_UNIQUE:
        put(t, "  static %.*s(value: string): Promise<%.*s | ObjectNotFound>;\n",
            SLV_STR_ARGS(name), SLV_STR_ARGS(type));
        break;
    case BAO_RELATED:
        put(t, "  %.*s(): Promise<%.*s | ObjectNotFound | null>;\n", SLV_STR_ARGS(name),
            SLV_STR_ARGS(type));
        break;
    }
}

static void put_model_imports(typer *t)
{
    for (size_t i = 0; i < t->models->list.len; i++) {
        const slv_bao_model *other = &t->models->list.items[i];
        bool used = false;

        for (size_t k = 0; k < t->methods.list.len && other != t->model; k++)
            used |= slv_str_eq(given(t, &t->methods.list.items[k]), other->name);
        if (used)
            put(t, "import type { %.*s } from \"./%.*s.js\";\n", SLV_STR_ARGS(other->name),
                SLV_STR_ARGS(other->file_name));
    }
}

slv_code slv_bao_model_types(const slv_bao_models *m, const slv_bao_model *model,
                             const slv_bao_text_options *options, slv_buf *out)
{
    typer t = {.text = {.out = out}, .models = m, .model = model};
    slv_code code = slv_bao_methods_of(m, model, &t.methods);

    put(&t,
        "// Made by `selvage bao codegen` from %.*s. Changes here are lost when it runs again.\n",
        SLV_STR_ARGS(model->source));
    put(&t,
        "import { BaoModel } from \"%.*s/src/model.js\";\n"
        "import type { ObjectNotFound, QueryOptions, QueryResult } from \"selvage:bao\";\n",
        SLV_STR_ARGS(options->package));
    put_model_imports(&t);
    put(&t, "\n");
    put_values(&t);
    put(&t,
        "export declare class %.*s extends BaoModel {\n"
        "  constructor(values?: Partial<%.*sValues>);\n"
        "  static create(values: %.*sValues): Promise<%.*s>;\n",
        SLV_STR_ARGS(model->name), SLV_STR_ARGS(model->name), SLV_STR_ARGS(model->name),
        SLV_STR_ARGS(model->name));
    put_properties(&t);
    for (size_t i = 0; i < t.methods.list.len; i++)
        put_method(&t, &t.methods.list.items[i]);
    put(&t, "}\n");
    slv_bao_methods_done(&t.methods);
    return code != SLV_OK ? code : t.text.code;
}
