/* The JavaScript of one model. */
#include "bao/emit_int.h"
#include "fmt/json.h"

typedef struct emitter {
    bao_text text;
    const slv_bao_models *models;
    const slv_bao_model *model;
    const slv_bao_text_options *options;
    bao_methods methods;
} emitter;

#define put(e, ...) slv_bao_put(&(e)->text, __VA_ARGS__)

/* ---- imports ---- */

typedef struct names {
    SLV_VEC(slv_str) list;
} names;

static void names_done(names *n)
{
    slv_vec_done(&n->list);
}
SLV_DEFINE_CLEANUP_DONE(names, names_done);

static void add_name(names *n, slv_str name)
{
    for (size_t i = 0; i < n->list.len; i++)
        if (slv_str_eq(n->list.items[i], name))
            return;
    slv_vec_push(&n->list, name);
}

static void put_import(emitter *e, const names *n, slv_str from)
{
    if (n->list.len == 0)
        return;
    put(e, e->options->esm ? "import { " : "const { ");
    for (size_t i = 0; i < n->list.len; i++)
        put(e, "%s%.*s", i ? ", " : "", SLV_STR_ARGS(n->list.items[i]));
    put(e, e->options->esm ? " } from " : " } = require(");
    slv_bao_put_string(&e->text, from);
    put(e, e->options->esm ? ";\n" : ");\n");
}

static void put_package_import(emitter *e, const names *n, const char *file)
{
    SLV_CLEANUP(slv_buf_done) slv_buf from = SLV_BUF((size_t)4096);

    if (slv_buf_printf(&from, "%.*s/src/%s", SLV_STR_ARGS(e->options->package), file) != SLV_OK)
        e->text.code = SLV_E_LIMIT;
    put_import(e, n, slv_buf_view(&from));
}

static void put_constants(emitter *e)
{
    static const char *const gsi[] = {"GSI_INDEX_ID1", "GSI_INDEX_ID2", "GSI_INDEX_ID3",
                                      "GSI_INDEX_ID4", "GSI_INDEX_ID5"};
    static const char *const uc[] = {"UNIQUE_CONSTRAINT_ID1", "UNIQUE_CONSTRAINT_ID2",
                                     "UNIQUE_CONSTRAINT_ID3"};
    const slv_bao_model *m = e->model;
    SLV_CLEANUP(names_done) names used = {0};

    for (const slv_node *n = m->indexes ? m->indexes->first : NULL; n; n = n->next) {
        unsigned i = slv_bao_id_number(slv_node_get(n, "indexId"), "gsi", 5);

        if (i > 0)
            add_name(&used, slv_str_from(gsi[i - 1]));
    }
    for (const slv_node *n = m->constraints ? m->constraints->first : NULL; n; n = n->next) {
        unsigned i = slv_bao_id_number(slv_node_get(n, "uniqueConstraintId"), "uc", 3);

        if (i > 0)
            add_name(&used, slv_str_from(uc[i - 1]));
    }
    put_package_import(e, &used, "constants.js");
}

static void put_own_field(emitter *e, slv_str type)
{
    SLV_CLEANUP(slv_buf_done) slv_buf from = SLV_BUF((size_t)8192);
    SLV_CLEANUP(names_done) names one = {0};

    add_name(&one, type);
    if (slv_buf_printf(&from, "%s/", e->options->fields_path ? e->options->fields_path : ".") !=
            SLV_OK ||
        slv_bao_field_file(type, &from) != SLV_OK)
        e->text.code = SLV_E_LIMIT;
    put_import(e, &one, slv_buf_view(&from));
}

static void put_field_imports(emitter *e)
{
    SLV_CLEANUP(names_done) names library = {0}, own = {0};

    for (const slv_node *n = e->model->fields->first; n; n = n->next) {
        slv_str type = slv_bao_field_type_of(e->model, n);

        add_name(slv_bao_field_type_find(type) ? &library : &own, type);
    }
    put_package_import(e, &library, "fields.js");
    for (size_t i = 0; i < own.list.len; i++)
        put_own_field(e, own.list.items[i]);
}

static bool needs_other(const emitter *e, const bao_method *method)
{
    return method->other != e->model && method->kind != BAO_RELATED;
}

/* CommonJS models load each other where they need each other: two that do so at their top would see
 * half of one. */
static void put_model_imports(emitter *e)
{
    SLV_CLEANUP(names_done) names seen = {0};

    for (size_t i = 0; e->options->esm && i < e->methods.list.len; i++) {
        const bao_method *method = &e->methods.list.items[i];
        size_t before = seen.list.len;

        if (!needs_other(e, method))
            continue;
        add_name(&seen, method->other->name);
        if (seen.list.len > before)
            put(e, "import { %.*s } from \"./%.*s.js\";\n", SLV_STR_ARGS(method->other->name),
                SLV_STR_ARGS(method->other->file_name));
    }
}

static void put_imports(emitter *e)
{
    SLV_CLEANUP(names_done) names base = {0};

    add_name(&base, SLV_STR("BaoModel"));
    add_name(&base, SLV_STR("PrimaryKeyConfig"));
    if (e->model->indexes)
        add_name(&base, SLV_STR("IndexConfig"));
    if (e->model->constraints)
        add_name(&base, SLV_STR("UniqueConstraintConfig"));
    put_package_import(e, &base, "model.js");
    put_constants(e);
    put_field_imports(e);
    put_model_imports(e);
}

/* ---- the class ---- */

static bool plain_key(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && s.ptr[i] != '_')
            return false;
    return s.len > 0 && !slv_str_is(s, "__proto__");
}

static void put_value(emitter *e, const slv_node *value)
{
    if (e->text.code == SLV_OK)
        e->text.code = slv_json_put(e->text.out, value);
}

static void put_field_options(emitter *e, const slv_node *field, bool related)
{
    bool any = false;

    for (const slv_node *n = field->first; n; n = n->next) {
        if (slv_str_is(n->key, "type") || (related && slv_str_is(n->key, "model")))
            continue;
        put(e, any ? ", " : related ? ", { " : "{ ");
        any = true;
        if (plain_key(n->key))
            put(e, "%.*s: ", SLV_STR_ARGS(n->key));
        else
            put(e, "["), slv_bao_put_string(&e->text, n->key), put(e, "]: ");
        put_value(e, n);
    }
    if (any)
        put(e, " }");
}

static void put_fields(emitter *e)
{
    put(e, "  static fields = {\n");
    for (const slv_node *n = e->model->fields->first; n; n = n->next) {
        slv_str type = slv_bao_field_type_of(e->model, n);
        bool related = slv_str_is(type, "RelatedField");

        put(e, "    %.*s: %.*s(", SLV_STR_ARGS(n->key), SLV_STR_ARGS(type));
        if (related)
            slv_bao_put_string(&e->text, slv_node_str(slv_node_get(n, "model")));
        put_field_options(e, n, related);
        put(e, "),\n");
    }
    put(e, "  };\n");
}

static slv_str key_or_prefix(const slv_node *index, const char *part)
{
    slv_str name = slv_node_str(slv_node_get(index, part));

    return name.len > 0 ? name : SLV_STR("modelPrefix");
}

static void put_keys(emitter *e)
{
    const slv_bao_model *m = e->model;

    put(e, "\n  static primaryKey = PrimaryKeyConfig(\"%.*s\", \"%.*s\");\n",
        SLV_STR_ARGS(m->partition_key), SLV_STR_ARGS(m->sort_key));
    if (m->indexes) {
        put(e, "\n  static indexes = {\n");
        for (const slv_node *n = m->indexes->first; n; n = n->next) {
            slv_str pk = key_or_prefix(n, "partitionKey"), sk = key_or_prefix(n, "sortKey");

            if (slv_str_is(slv_node_str(n), "primaryKey"))
                put(e, "    %.*s: this.primaryKey,\n", SLV_STR_ARGS(n->key));
            else
                put(e, "    %.*s: IndexConfig(\"%.*s\", \"%.*s\", GSI_INDEX_ID%u),\n",
                    SLV_STR_ARGS(n->key), SLV_STR_ARGS(pk), SLV_STR_ARGS(sk),
                    slv_bao_id_number(slv_node_get(n, "indexId"), "gsi", 5));
        }
        put(e, "  };\n");
    }
    if (m->constraints) {
        put(e, "\n  static uniqueConstraints = {\n");
        for (const slv_node *n = m->constraints->first; n; n = n->next)
            put(e, "    %.*s: UniqueConstraintConfig(\"%.*s\", UNIQUE_CONSTRAINT_ID%u),\n",
                SLV_STR_ARGS(n->key), SLV_STR_ARGS(slv_node_str(slv_node_get(n, "field"))),
                slv_bao_id_number(slv_node_get(n, "uniqueConstraintId"), "uc", 3));
        put(e, "  };\n");
    }
}

static void put_require(emitter *e, const bao_method *method)
{
    if (!e->options->esm && needs_other(e, method))
        put(e, "    const { %.*s } = require(\"./%.*s.js\");\n", SLV_STR_ARGS(method->other->name),
            SLV_STR_ARGS(method->other->file_name));
}

static void put_method(emitter *e, const bao_method *method)
{
    slv_str name = slv_buf_view(&method->name), other = method->other->name;

    if (method->other == e->model)
        other = SLV_STR("this.constructor");
    put(e, "\n  %sasync %.*s(",
        method->kind == BAO_QUERY_OWN || method->kind == BAO_UNIQUE ? "static " : "",
        SLV_STR_ARGS(name));
    switch (method->kind) {
    case BAO_QUERY_OWN:
        put(e,
            "skCondition = null, options = {}) {\n"
            "    return await this.queryByIndex(\"%.*s\", this.modelPrefix, skCondition, "
            "options);\n",
            SLV_STR_ARGS(method->index));
        break;
    case BAO_QUERY_PRIMARY:
        put(e, "skCondition = null, options = {}) {\n");
        put_require(e, method);
        put(e,
            "    return await %.*s.queryByPrimaryKey(this._getPkValue(), skCondition, options);\n",
            SLV_STR_ARGS(other));
        break;
    case BAO_QUERY_INDEX:
        put(e, "skCondition = null, options = {}) {\n");
        put_require(e, method);
        put(e,
            "    return await %.*s.queryByIndex(\"%.*s\", this._getPkValue(), skCondition, "
            "options);\n",
            SLV_STR_ARGS(other), SLV_STR_ARGS(method->index));
        break;
    case BAO_MAPPED:
        put(e, "mapSkCondition = null, limit = null, direction = \"ASC\", startKey = null) {\n");
        put_require(e, method);
        put(e,
            "    return await %.*s.getRelatedObjectsViaMap(\"%.*s\", this._getPkValue(), \"%.*s\", "
            "mapSkCondition, limit, direction, startKey);\n",
            SLV_STR_ARGS(other), SLV_STR_ARGS(method->index), SLV_STR_ARGS(method->target));
        break;
    case BAO_UNIQUE:
        put(e, "value) {\n    return await this.findByUniqueConstraint(\"%.*s\", value);\n",
            SLV_STR_ARGS(method->index));
        break;
    case BAO_RELATED:
        put(e, ") {\n    return await this.getOrLoadRelatedField(\"%.*s\");\n",
            SLV_STR_ARGS(method->index));
        break;
    }
    put(e, "  }\n");
}

slv_code slv_bao_model_text(const slv_bao_models *m, const slv_bao_model *model,
                            const slv_bao_text_options *options, slv_buf *out)
{
    emitter e = {.text = {.out = out}, .models = m, .model = model, .options = options};
    slv_code code = slv_bao_methods_of(m, model, &e.methods);

    put(&e,
        "// Made by `selvage bao codegen` from %.*s. Changes here are lost when it runs again.\n",
        SLV_STR_ARGS(model->source));
    put_imports(&e);
    put(&e, "\nclass %.*s extends BaoModel {\n  static modelPrefix = ", SLV_STR_ARGS(model->name));
    slv_bao_put_string(&e.text, model->prefix);
    put(&e, ";\n  static iterable = %s;\n  static iterationBuckets = %lld;\n\n",
        model->iterable ? "true" : "false", (long long)model->buckets);
    put_fields(&e);
    put_keys(&e);
    for (size_t i = 0; i < e.methods.list.len; i++)
        put_method(&e, &e.methods.list.items[i]);
    put(&e, options->esm ? "}\n\nexport { %.*s };\n" : "}\n\nmodule.exports = { %.*s };\n",
        SLV_STR_ARGS(model->name));
    slv_bao_methods_done(&e.methods);
    return code != SLV_OK ? code : e.text.code;
}
