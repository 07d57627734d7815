#include "bao/models.h"

#include <stdio.h>

#include "bao/yaml_doc.h"
#include "base/file.h"
#include "fmt/suggest.h"

#define ARENA_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)64 << 10)

static const slv_bao_field_type field_types[] = {
    {"StringField", "string", "string | null"},
    {"DateTimeField", "Date | null", "Date | number | string | null"},
    {"CreateDateField", "Date", "Date | number | string"},
    {"ModifiedDateField", "Date", "Date | number | string"},
    {"UlidField", "string", "string"},
    {"RelatedField", "string", "string | BaoModel | null"},
    {"IntegerField", "number | null", "number | null"},
    {"FloatField", "number | null", "number | null"},
    {"CounterField", "number", "number | `+${number}` | `-${number}` | null"},
    {"BinaryField", "Uint8Array | null", "Uint8Array | null"},
    {"VersionField", "string", "string"},
    {"BooleanField", "boolean | null", "boolean | null"},
    {"TtlField", "Date | null", "Date | number | string | null"},
    {"StringSetField", "Set<string>", "Set<string> | string[] | null"},
};

void slv_bao_models_init(slv_bao_models *m)
{
    *m = (slv_bao_models){.arena = SLV_ARENA(ARENA_MAX),
                          .problems = SLV_BUF(TEXT_MAX),
                          .warnings = SLV_BUF(TEXT_MAX)};
}

void slv_bao_models_done(slv_bao_models *m)
{
    slv_vec_done(&m->list);
    slv_buf_done(&m->problems);
    slv_buf_done(&m->warnings);
    slv_arena_done(&m->arena);
}

/* ---- messages ---- */

SLV_PRINTF(5, 0)
static void say(slv_buf *out, slv_str source, uint32_t line, uint32_t col, const char *fmt,
                va_list ap)
{
    char text[400];

    vsnprintf(text, sizeof text, fmt, ap);
    /* Past the limit there is nothing more to be said. */
    (void)!slv_buf_printf(out, "%.*s:%u:%u: %s\n", SLV_STR_ARGS(source), line, col, text);
}

/* n: the value at fault; by_key: its name is. */
SLV_PRINTF(5, 6)
static void problem(slv_bao_models *m, const slv_bao_model *model, const slv_node *n, bool by_key,
                    const char *fmt, ...)
{
    va_list ap;

    if (m->problem_count++ >= SLV_BAO_PROBLEMS_MAX)
        return;
    va_start(ap, fmt);
    say(&m->problems, model->source, by_key && n->key_line ? n->key_line : n->line,
        by_key && n->key_line ? n->key_col : n->col, fmt, ap);
    va_end(ap);
}

SLV_PRINTF(4, 5)
static void warning(slv_bao_models *m, const slv_bao_model *model, const slv_node *n,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(&m->warnings, model->source, n->line, n->col, fmt, ap);
    va_end(ap);
}

/* ---- names ---- */

const slv_bao_field_type *slv_bao_field_type_find(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(field_types); i++)
        if (slv_str_is(name, field_types[i].name))
            return &field_types[i];
    return NULL;
}

const slv_bao_model *slv_bao_models_find(const slv_bao_models *m, slv_str name)
{
    for (size_t i = 0; i < m->list.len; i++)
        if (slv_str_eq(m->list.items[i].name, name))
            return &m->list.items[i];
    return NULL;
}

slv_str slv_bao_field_type_of(const slv_bao_model *model, const slv_node *field)
{
    slv_str type = slv_node_str(slv_node_get(field, "type"));

    return type.len == 0 && slv_node_get(model->node, "mapping") ? SLV_STR("RelatedField") : type;
}

unsigned slv_bao_id_number(const slv_node *id, const char *prefix, unsigned max)
{
    slv_str text = id && (id->type == SLV_NODE_STRING || id->type == SLV_NODE_NUMBER)
                       ? id->text
                       : SLV_STR_NULL;
    uint64_t n;

    if (slv_str_starts(text, slv_str_from(prefix)))
        text = slv_str_skip(text, strlen(prefix));
    return slv_parse_u64(text, &n) == SLV_OK && n >= 1 && n <= max ? (unsigned)n : 0;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

slv_code slv_bao_kebab(slv_str name, slv_buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        char before = i > 0 ? name.ptr[i - 1] : 'A';

        if (is_upper(name.ptr[i]) && !is_upper(before) && before != '_' && before != '$')
            SLV_TRY(slv_buf_append_byte(out, '-'));
        SLV_TRY(slv_buf_append_byte(out, slv_ascii_lower(name.ptr[i])));
    }
    return SLV_OK;
}

slv_code slv_bao_field_file(slv_str type, slv_buf *out)
{
    if (slv_str_ends(type, SLV_STR("Field")))
        type.len -= 5;
    SLV_TRY(slv_bao_kebab(type, out));
    return slv_buf_append(out, SLV_STR("-field.js"));
}

static bool is_identifier(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && s.ptr[i] != '_' && s.ptr[i] != '$' &&
            !(i > 0 && slv_is_digit(s.ptr[i])))
            return false;
    return s.len > 0;
}

static bool is_reserved(slv_str s)
{
    static const char *const words[] = {
        "await",      "break",      "case",    "catch",  "class",    "const",    "continue",
        "debugger",   "default",    "delete",  "do",     "else",     "enum",     "export",
        "extends",    "false",      "finally", "for",    "function", "if",       "import",
        "in",         "instanceof", "new",     "null",   "return",   "super",    "switch",
        "this",       "throw",      "true",    "try",    "typeof",   "var",      "void",
        "while",      "with",       "yield",   "let",    "static",   "BaoModel", "fields",
        "implements", "interface",  "module",  "require"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++)
        if (slv_str_is(s, words[i]))
            return true;
    return false;
}

/* ---- reading ---- */

static slv_code too_large(slv_err *err)
{
    return slv_fail(err, SLV_E_LIMIT, "the models are too large");
}

static slv_code add_model(slv_bao_models *m, slv_str source, const slv_node *node, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf kebab = SLV_BUF(TEXT_MAX);
    slv_bao_model model = {.name = node->key, .source = source, .node = node};
    const slv_bao_model *before = slv_bao_models_find(m, node->key);

    if (slv_bao_kebab(node->key, &kebab) != SLV_OK ||
        slv_arena_dup(&m->arena, slv_buf_view(&kebab), &model.file_name) != SLV_OK)
        return too_large(err);
    if (before) {
        m->list.items[before - m->list.items] = model;
        return SLV_OK;
    }
    if (m->list.len >= SLV_BAO_MODELS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "more than %d models", SLV_BAO_MODELS_MAX);
    slv_vec_push(&m->list, model);
    return SLV_OK;
}

slv_code slv_bao_models_add(slv_bao_models *m, slv_str source, slv_str text, slv_err *err)
{
    const slv_node *models;
    slv_bao_model place = {0};
    slv_node *root;
    slv_code code;
    slv_err inner;

    if (slv_arena_dup(&m->arena, source, &source) != SLV_OK)
        return too_large(err);
    place.source = source;
    code = slv_yaml_parse(text, &m->arena, &root, &inner);
    if (code == SLV_E_PARSE) {
        m->problem_count++;
        (void)!slv_buf_printf(&m->problems, "%.*s:%s\n", SLV_STR_ARGS(source),
                              slv_err_text(&inner));
        return SLV_OK;
    }
    if (code != SLV_OK)
        return slv_fail(err, code, "%.*s:%s", SLV_STR_ARGS(source), slv_err_text(&inner));
    models = slv_node_get(root, "models");
    if (!models || models->type == SLV_NODE_NULL) {
        if (root->type != SLV_NODE_OBJECT && root->type != SLV_NODE_NULL)
            problem(m, &place, root, false, "expected a mapping with the key 'models', found %s",
                    slv_node_type_text(root->type));
        else
            warning(m, &place, root, "there are no models here: expected the key 'models'");
        return SLV_OK;
    }
    if (models->type != SLV_NODE_OBJECT) {
        problem(
            m, &place, models, false,
            "'models' must be a mapping of names to models, found %s. Is what follows indented?",
            slv_node_type_text(models->type));
        return SLV_OK;
    }
    for (const slv_node *n = models->first; n; n = n->next)
        SLV_TRY(add_model(m, source, n, err));
    return SLV_OK;
}

/* ---- checks ---- */

static bool expect(slv_bao_models *m, const slv_bao_model *model, const slv_node *n,
                   slv_node_type type, const char *what)
{
    if (n->type == type)
        return true;
    problem(m, model, n, false, "%s must be %s, found %s", what, slv_node_type_text(type),
            slv_node_type_text(n->type));
    return false;
}

/* A member that must be there and be text that is not empty. */
static slv_str text_member(slv_bao_models *m, const slv_bao_model *model, const slv_node *object,
                           const char *key, const char *example)
{
    const slv_node *n = slv_node_get(object, key);

    if (!n) {
        problem(m, model, object, object->key.len > 0, "'%.*s' has no %s; expected %s: %s",
                SLV_STR_ARGS(object->key), key, key, example);
        return SLV_STR_NULL;
    }
    if (n->type == SLV_NODE_NUMBER)
        return n->text;
    if (!expect(m, model, n, SLV_NODE_STRING, key))
        return SLV_STR_NULL;
    if (n->text.len == 0)
        problem(m, model, n, false, "%s is empty; expected %s: %s", key, key, example);
    return n->text;
}

/* Mappings that may be absent. False: of another type. */
static bool map_member(slv_bao_models *m, const slv_bao_model *model, const char *key,
                       const slv_node **ret)
{
    const slv_node *n = slv_node_get(model->node, key);

    *ret = n && n->type != SLV_NODE_NULL ? n : NULL;
    return !*ret || expect(m, model, n, SLV_NODE_OBJECT, key);
}

static void suggest_type(slv_bao_models *m, const slv_bao_model *model, const slv_node *at,
                         slv_str type, const char *fields_dir)
{
    const char *names[SLV_ARRAY_LEN(field_types)], *near;

    for (size_t i = 0; i < SLV_ARRAY_LEN(field_types); i++)
        names[i] = field_types[i].name;
    near = slv_suggest(type, names, SLV_ARRAY_LEN(names));
    if (near)
        problem(m, model, at, false, "there is no field type '%.*s'; did you mean %s?",
                SLV_STR_ARGS(type), near);
    else
        problem(m, model, at, false,
                "there is no field type '%.*s': expected one of the library's (StringField, "
                "DateTimeField, ...) or one of your own in %s",
                SLV_STR_ARGS(type), fields_dir ? fields_dir : "--fields-dir DIR");
}

static bool has_own_field(const char *fields_dir, slv_str type)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(TEXT_MAX);
    char *path;
    bool found;

    if (!fields_dir || !is_identifier(type) || slv_bao_field_file(type, &name) != SLV_OK)
        return false;
    path = slv_path_join(fields_dir, slv_buf_view(&name));
    found = slv_file_exists(path);
    free(path);
    return found;
}

static void check_field(slv_bao_models *m, const slv_bao_model *model, const slv_node *field,
                        const char *fields_dir)
{
    const slv_node *type_node, *related;
    slv_str type;

    if (!is_identifier(field->key) || field->key.ptr[0] == '_')
        problem(m, model, field, true,
                "'%.*s' is no name for a field: expected letters, digits and '_', beginning with a "
                "letter",
                SLV_STR_ARGS(field->key));
    if (!expect(m, model, field, SLV_NODE_OBJECT, "a field"))
        return;
    type_node = slv_node_get(field, "type");
    if (type_node && !expect(m, model, type_node, SLV_NODE_STRING, "type"))
        return;
    type = slv_bao_field_type_of(model, field);
    if (type.len == 0) {
        problem(m, model, field, true, "field '%.*s' has no type; expected type: StringField",
                SLV_STR_ARGS(field->key));
        return;
    }
    if (!slv_bao_field_type_find(type) && !has_own_field(fields_dir, type))
        suggest_type(m, model, type_node ? type_node : field, type, fields_dir);
    if (slv_str_is(type, "TtlField") && !slv_str_is(field->key, "ttl"))
        problem(m, model, field, true, "a TtlField must be named 'ttl', found '%.*s'",
                SLV_STR_ARGS(field->key));
    if (!slv_str_is(type, "RelatedField"))
        return;
    related = slv_node_get(field, "model");
    if (!related)
        problem(m, model, field, true,
                "the RelatedField '%.*s' has no model; expected model: NameOfAModel",
                SLV_STR_ARGS(field->key));
    else if (expect(m, model, related, SLV_NODE_STRING, "model") &&
             !slv_bao_models_find(m, related->text))
        warning(m, model, related, "there is no model '%.*s' here", SLV_STR_ARGS(related->text));
}

/* A key of a table or an index: a field, or modelPrefix. */
static slv_str check_key(slv_bao_models *m, const slv_bao_model *model, const slv_node *object,
                         const char *part, bool optional)
{
    const slv_node *n = slv_node_get(object, part), *field;
    slv_str name, type;

    if (optional && (!n || n->type == SLV_NODE_NULL))
        return SLV_STR("modelPrefix");
    name = text_member(m, model, object, part, "aField");
    if (name.len == 0 || slv_str_is(name, "modelPrefix") || !model->fields)
        return name;
    field = slv_node_find(model->fields, name);
    if (!field) {
        problem(m, model, n, false, "%s '%.*s' is no field of %.*s", part, SLV_STR_ARGS(name),
                SLV_STR_ARGS(model->name));
        return name;
    }
    type = slv_bao_field_type_of(model, field);
    if (slv_str_is(type, "StringSetField") || slv_str_is(type, "BinaryField"))
        problem(m, model, n, false, "the %.*s '%.*s' cannot be a %s", SLV_STR_ARGS(type),
                SLV_STR_ARGS(name), part);
    return name;
}

static void check_indexes(slv_bao_models *m, const slv_bao_model *model)
{
    const slv_node *used[6] = {NULL};

    for (const slv_node *n = model->indexes ? model->indexes->first : NULL; n; n = n->next) {
        const slv_node *id = slv_node_get(n, "indexId");
        unsigned number;

        if (!is_identifier(n->key) || n->key.ptr[0] == '_')
            problem(m, model, n, true,
                    "'%.*s' is no name for an index: expected letters, digits and '_', beginning "
                    "with a letter",
                    SLV_STR_ARGS(n->key));
        if (slv_str_is(slv_node_str(n), "primaryKey"))
            continue;
        if (n->type != SLV_NODE_OBJECT) {
            problem(m, model, n, false,
                    "an index must be 'primaryKey' or a mapping with partitionKey, sortKey and "
                    "indexId, found %s",
                    slv_node_type_text(n->type));
            continue;
        }
        (void)check_key(m, model, n, "partitionKey", false);
        (void)check_key(m, model, n, "sortKey", true);
        if (!id) {
            problem(m, model, n, true, "index '%.*s' has no indexId; expected gsi1 to gsi5",
                    SLV_STR_ARGS(n->key));
            continue;
        }
        number = slv_bao_id_number(id, "gsi", 5);
        if (number == 0)
            problem(m, model, id, false, "indexId must be gsi1, gsi2, gsi3, gsi4 or gsi5");
        else if (used[number])
            problem(m, model, id, false, "gsi%u is taken by index '%.*s' already", number,
                    SLV_STR_ARGS(used[number]->key));
        else
            used[number] = n;
    }
}

static void check_constraints(slv_bao_models *m, const slv_bao_model *model)
{
    const slv_node *used[4] = {NULL};

    for (const slv_node *n = model->constraints ? model->constraints->first : NULL; n;
         n = n->next) {
        const slv_node *id = slv_node_get(n, "uniqueConstraintId");
        slv_str field;
        unsigned number;

        if (!is_identifier(n->key))
            problem(m, model, n, true, "'%.*s' is no name for a unique constraint",
                    SLV_STR_ARGS(n->key));
        if (!expect(m, model, n, SLV_NODE_OBJECT, "a unique constraint"))
            continue;
        field = text_member(m, model, n, "field", "email");
        if (field.len > 0 && model->fields && !slv_node_find(model->fields, field))
            problem(m, model, slv_node_get(n, "field"), false, "'%.*s' is no field of %.*s",
                    SLV_STR_ARGS(field), SLV_STR_ARGS(model->name));
        number = slv_bao_id_number(id, "uc", 3);
        if (number == 0)
            problem(m, model, id ? id : n, !id, "uniqueConstraintId must be uc1, uc2 or uc3");
        else if (used[number])
            problem(m, model, id, false, "uc%u is taken by '%.*s' already", number,
                    SLV_STR_ARGS(used[number]->key));
        else
            used[number] = n;
    }
}

static void check_iteration(slv_bao_models *m, slv_bao_model *model)
{
    const slv_node *iterable = slv_node_get(model->node, "iterable");
    const slv_node *buckets = slv_node_get(model->node, "iterationBuckets");

    model->mapping = slv_str_is(slv_node_str(slv_node_get(model->node, "tableType")), "mapping");
    model->iterable = !model->mapping;
    if (iterable && expect(m, model, iterable, SLV_NODE_BOOL, "iterable"))
        model->iterable = iterable->boolean;
    model->buckets = model->iterable ? 10 : 100;
    if (!buckets)
        return;
    if (!slv_node_i64(buckets, &model->buckets) || model->buckets < (model->iterable ? 1 : 0) ||
        model->buckets > 1000)
        problem(m, model, buckets, false, "iterationBuckets must be a whole number from 1 to 1000");
    if (model->buckets == 0)
        model->buckets = 100;
}

static void check_model(slv_bao_models *m, slv_bao_model *model, const char *fields_dir)
{
    const slv_node *key;
    bool indexes, constraints;

    if (!is_identifier(model->name) || is_reserved(model->name)) {
        problem(m, model, model->node, true,
                "'%.*s' is no name for a model: expected one for a class",
                SLV_STR_ARGS(model->name));
        return;
    }
    if (!expect(m, model, model->node, SLV_NODE_OBJECT, "a model"))
        return;
    model->prefix = text_member(m, model, model->node, "modelPrefix", "u");
    if (!map_member(m, model, "fields", &model->fields) || !model->fields) {
        if (!model->fields)
            problem(m, model, model->node, true, "model '%.*s' has no fields",
                    SLV_STR_ARGS(model->name));
        return;
    }
    for (const slv_node *n = model->fields->first; n; n = n->next)
        check_field(m, model, n, fields_dir);
    key = slv_node_get(model->node, "primaryKey");
    if (!key) {
        problem(m, model, model->node, true,
                "model '%.*s' has no primaryKey; expected primaryKey: { partitionKey: aField }",
                SLV_STR_ARGS(model->name));
    } else if (expect(m, model, key, SLV_NODE_OBJECT, "primaryKey")) {
        model->partition_key = check_key(m, model, key, "partitionKey", false);
        model->sort_key = check_key(m, model, key, "sortKey", true);
    }
    indexes = map_member(m, model, "indexes", &model->indexes);
    constraints = map_member(m, model, "uniqueConstraints", &model->constraints);
    if (indexes)
        check_indexes(m, model);
    if (constraints)
        check_constraints(m, model);
    check_iteration(m, model);
}

static void check_names(slv_bao_models *m)
{
    for (size_t i = 0; i < m->list.len; i++) {
        for (size_t k = 0; k < i; k++) {
            const slv_bao_model *a = &m->list.items[i], *b = &m->list.items[k];

            if (slv_str_eq(a->file_name, b->file_name))
                problem(m, a, a->node, true, "models %.*s and %.*s would both be %.*s.js",
                        SLV_STR_ARGS(b->name), SLV_STR_ARGS(a->name), SLV_STR_ARGS(a->file_name));
            if (a->prefix.len > 0 && slv_str_eq(a->prefix, b->prefix))
                warning(m, a, a->node, "models %.*s and %.*s have the same modelPrefix '%.*s'",
                        SLV_STR_ARGS(b->name), SLV_STR_ARGS(a->name), SLV_STR_ARGS(a->prefix));
        }
    }
}

slv_code slv_bao_models_check(slv_bao_models *m, const char *fields_dir, slv_err *err)
{
    for (size_t i = 0; i < m->list.len; i++)
        check_model(m, &m->list.items[i], fields_dir);
    check_names(m);
    if (m->problem_count == 0)
        return SLV_OK;
    return slv_fail(err, SLV_E_PARSE, "%zu problem%s in the models", m->problem_count,
                    m->problem_count == 1 ? "" : "s");
}
