/* The metadata of an upload resolved: what the catalog keeps of it. */
#include "host/metadata.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "host/metadata_int.h"
#include "plat/classes.h"

/* ---- faults ---- */

void slv_fault_init(slv_fault *f)
{
    *f = (slv_fault){.text = SLV_BUF((size_t)1 << 20)};
}

void slv_fault_done(slv_fault *f)
{
    slv_buf_done(&f->text);
}

slv_code slv_fault_set(slv_fault *f, int code, const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->status = code == SLV_FAULT_INTERNAL ? 500 : 400;
    f->code = code;
    if (slv_buf_set(&f->text, slv_str_from(text)) != SLV_OK)
        slv_buf_reset(&f->text);
    return SLV_E_INVAL;
}

static slv_code too_large(slv_fault *f)
{
    return slv_fault_set(f, SLV_FAULT_INVALID, "the metadata is larger than %zu bytes",
                         SLV_METADATA_MAX);
}

void slv_metadata_today(int64_t now_ms, char out[11])
{
    time_t s = (time_t)(now_ms / 1000);
    struct tm tm;

    strftime(out, 11, "%Y-%m-%d", gmtime_r(&s, &tm));
}

/* ---- bindings ---- */

typedef struct resolving {
    const slv_resolve *in;
    slv_arena *arena;
    slv_fault *fault;
    const slv_node *previous;         /* its bindings; NULL: none */
    const slv_node *previous_secrets; /* values by name */
    slv_node *bindings, *secrets;     /* new arrays and objects */
} resolving;

static const slv_node *find_binding(const slv_node *list, slv_str name)
{
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        if (slv_str_eq(slv_node_str(slv_node_get(n, "name")), name))
            return n;
    }
    return NULL;
}

static slv_node *copy_node(resolving *r, const slv_node *n)
{
    slv_node *copy = slv_node_new(r->arena, n->type, n->line, n->col);

    if (copy) {
        *copy = *n;
        copy->next = NULL;
    }
    return copy;
}

static bool is_secret(const slv_node *b)
{
    slv_str type = slv_node_str(slv_node_get(b, "type"));

    return slv_str_is(type, "secret_text") || slv_str_is(type, "secret_key");
}

/* {"name","type"} alone. */
static slv_node *by_name(resolving *r, const slv_node *b)
{
    slv_node *n = slv_node_new(r->arena, SLV_NODE_OBJECT, b->line, b->col);
    slv_node *name = copy_node(r, slv_node_get(b, "name"));
    slv_node *type = copy_node(r, slv_node_get(b, "type"));

    if (!n || !name || !type)
        return NULL;
    slv_node_append(n, name);
    slv_node_append(n, type);
    return n;
}

static slv_code add(resolving *r, const slv_node *b, const slv_node *value)
{
    slv_node *n = is_secret(b) ? by_name(r, b) : copy_node(r, b);
    slv_node *secret = value ? copy_node(r, value) : NULL;

    if (!n || (value && !secret))
        return too_large(r->fault);
    if (secret) {
        secret->key = slv_node_str(slv_node_get(b, "name"));
        slv_node_append(r->secrets, secret);
    }
    slv_node_append(r->bindings, n);
    return SLV_OK;
}

/* The previous version's binding, with its secret. */
static slv_code add_previous(resolving *r, const slv_node *b)
{
    slv_str name = slv_node_str(slv_node_get(b, "name"));
    const slv_node *value = is_secret(b) ? slv_node_find(r->previous_secrets, name) : NULL;

    if (is_secret(b) && !value)
        return slv_fault_set(r->fault, SLV_FAULT_INTERNAL, "the secret '%.*s' has no value",
                             SLV_STR_ARGS(name));
    return add(r, b, value);
}

static slv_code inherit(resolving *r, slv_str name)
{
    const slv_node *b = find_binding(r->previous, name);

    if (b)
        return add_previous(r, b);
    return slv_fault_set(
        r->fault, SLV_FAULT_INHERIT, "inherit binding '%.*s' is invalid: %s", SLV_STR_ARGS(name),
        r->in->previous_metadata.len > 0 ? "the previous version has no binding of that name"
                                         : "there is no previous version to inherit from");
}

static slv_code check_variable(resolving *r, const slv_node *b, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_METADATA_MAX);
    const slv_limits limits = SLV_LIMITS_DEFAULT;
    const slv_node *json = slv_node_get(b, "json");
    size_t len = slv_node_str(slv_node_get(b, "text")).len;

    if (json && slv_json_put(&text, json) != SLV_OK)
        return too_large(r->fault);
    len = SLV_MAX(len, text.len);
    if (len > limits.variable_bytes)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "the variable '%.*s' has %zu bytes; %u are allowed",
                             SLV_STR_ARGS(name), len, limits.variable_bytes);
    return SLV_OK;
}

static slv_code add_binding(resolving *r, const slv_node *b)
{
    slv_str name = slv_node_str(slv_node_get(b, "name"));
    slv_str type = slv_node_str(slv_node_get(b, "type"));
    const slv_binding_row *row = slv_binding_row_of(type);
    const slv_node *previous = find_binding(r->previous, name);

    if (!slv_node_is(b, SLV_NODE_OBJECT) || name.len == 0 || type.len == 0)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "each of 'bindings' must be an object with 'name' and 'type'");
    if (find_binding(r->bindings, name))
        return slv_fault_set(r->fault, SLV_FAULT_INVALID, "the binding name '%.*s' is used twice",
                             SLV_STR_ARGS(name));
    if (slv_str_is(type, "inherit"))
        return inherit(r, name);
    if (!row)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "the binding '%.*s' is of type '%.*s', which this server has nothing "
                             "for",
                             SLV_STR_ARGS(name), SLV_STR_ARGS(type));
    if (row->needs && !slv_node_get(b, row->needs)) {
        if (row->type == SLV_BINDING_ANALYTICS) /* the dataset is called as the binding */
            return add(r, b, NULL);
        if (previous && slv_str_eq(slv_node_str(slv_node_get(previous, "type")), type))
            return add_previous(r, previous);
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "the binding '%.*s' of type '%.*s' needs '%s'", SLV_STR_ARGS(name),
                             SLV_STR_ARGS(type), row->needs);
    }
    if (row->needs && row->type != SLV_BINDING_JSON &&
        slv_node_str(slv_node_get(b, row->needs)).ptr == NULL)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "'%s' of the binding '%.*s' must be a string", row->needs,
                             SLV_STR_ARGS(name));
    if (row->type == SLV_BINDING_TEXT || row->type == SLV_BINDING_SECRET ||
        row->type == SLV_BINDING_JSON)
        SLV_TRY(check_variable(r, b, name));
    return add(r, b, is_secret(b) ? slv_node_get(b, "text") : NULL);
}

/* Secrets outlive a deploy that says nothing of what to keep. */
static bool kept(const resolving *r, const slv_node *b)
{
    const slv_node *keep = slv_node_get(r->in->metadata, "keep_bindings");
    slv_str type = slv_node_str(slv_node_get(b, "type"));

    if (!slv_node_is(keep, SLV_NODE_ARRAY))
        return is_secret(b);
    for (const slv_node *n = keep->first; n; n = n->next) {
        if (slv_str_eq(slv_node_str(n), type))
            return true;
    }
    return false;
}

static slv_code check_count(resolving *r)
{
    const slv_limits limits = SLV_LIMITS_DEFAULT;
    size_t variables = 0;

    for (const slv_node *n = r->bindings->first; n; n = n->next) {
        slv_str type = slv_node_str(slv_node_get(n, "type"));

        variables += is_secret(n) || slv_str_is(type, "plain_text") || slv_str_is(type, "json");
    }
    if (variables > limits.variables)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "the worker has %zu variables and secrets; %u are allowed", variables,
                             limits.variables);
    if (r->bindings->count > limits.bindings)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID,
                             "the worker has %zu bindings; %u are allowed", r->bindings->count,
                             limits.bindings);
    return SLV_OK;
}

static slv_code resolve_bindings(resolving *r)
{
    const slv_node *list = slv_node_get(r->in->metadata, "bindings");

    if (list && list->type != SLV_NODE_NULL && list->type != SLV_NODE_ARRAY)
        return slv_fault_set(r->fault, SLV_FAULT_INVALID, "'bindings' must be an array");
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next)
        SLV_TRY(add_binding(r, n));
    for (const slv_node *n = r->previous ? r->previous->first : NULL; n; n = n->next) {
        if (kept(r, n) && !find_binding(r->bindings, slv_node_str(slv_node_get(n, "name"))))
            SLV_TRY(add_previous(r, n));
    }
    return check_count(r);
}

/* ---- migrations ---- */

static slv_code take_names(slv_classes *c, const slv_node *step, const char *key, bool sql,
                           slv_fault *f)
{
    const slv_node *list = slv_node_get(step, key);
    slv_err err = {0};

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        if (slv_node_str(n).len == 0)
            return slv_fault_set(f, SLV_FAULT_INVALID, "'%s' must name classes", key);
        if (slv_classes_create(c, slv_node_str(n), sql, &err) != SLV_OK)
            return slv_fault_set(f, SLV_FAULT_CLASS_EXISTS,
                                 "Cannot apply %s migration to class '%.*s': %s", key,
                                 SLV_STR_ARGS(slv_node_str(n)), slv_err_text(&err));
    }
    return SLV_OK;
}

static slv_code apply_step(slv_classes *c, const slv_node *step, slv_str tag, slv_fault *f)
{
    const slv_node *renamed = slv_node_get(step, "renamed_classes");
    const slv_node *moved = slv_node_get(step, "transferred_classes");
    const slv_node *deleted = slv_node_get(step, "deleted_classes");
    slv_err err = {0};

    if (moved && moved->first)
        return slv_fault_set(f, SLV_FAULT_INVALID,
                             "'transferred_classes': objects cannot be moved from one worker to "
                             "another on this server");
    SLV_TRY(take_names(c, step, "new_classes", false, f));
    SLV_TRY(take_names(c, step, "new_sqlite_classes", true, f));
    for (const slv_node *n = renamed ? renamed->first : NULL; n; n = n->next) {
        if (slv_classes_rename(c, slv_node_str(slv_node_get(n, "from")),
                               slv_node_str(slv_node_get(n, "to")), &err) != SLV_OK)
            return slv_fault_set(f, SLV_FAULT_CLASS_EXISTS,
                                 "Cannot apply renamed_classes migration: %s", slv_err_text(&err));
    }
    for (const slv_node *n = deleted ? deleted->first : NULL; n; n = n->next) {
        if (slv_classes_delete(c, slv_node_str(n), tag, &err) != SLV_OK)
            return slv_fault_set(f, SLV_FAULT_CLASS_EXISTS,
                                 "Cannot apply deleted_classes migration: %s", slv_err_text(&err));
    }
    return SLV_OK;
}

static slv_code apply(const slv_resolve *in, const slv_node *migrations, slv_classes *c,
                      slv_resolved *ret, slv_fault *f)
{
    const slv_node *steps = slv_node_get(migrations, "steps");
    slv_str old_tag = slv_node_str(slv_node_get(migrations, "old_tag"));
    slv_str new_tag = slv_node_str(slv_node_get(migrations, "new_tag"));

    if (new_tag.len == 0)
        return slv_fault_set(f, SLV_FAULT_INVALID, "'migrations' needs 'new_tag'");
    if (!slv_str_eq(old_tag, in->migration_tag))
        return slv_fault_set(f, SLV_FAULT_TAG,
                             "The migration tag precondition failed: the worker is at tag '%.*s', "
                             "not at '%.*s'",
                             SLV_STR_ARGS(in->migration_tag), SLV_STR_ARGS(old_tag));
    slv_classes_step(c, new_tag, SLV_STR_NULL);
    if (steps && steps->type == SLV_NODE_ARRAY) {
        for (const slv_node *n = steps->first; n; n = n->next)
            SLV_TRY(apply_step(c, n, new_tag, f));
    } else { /* one step, not in a list */
        SLV_TRY(apply_step(c, migrations, new_tag, f));
    }
    ret->migration_tag = new_tag;
    return SLV_OK;
}

/* Own classes that bindings name must be there. */
static slv_code check_bound(const resolving *r, slv_classes *c)
{
    for (const slv_node *n = r->bindings->first; n; n = n->next) {
        slv_str class = slv_node_str(slv_node_get(n, "class_name"));

        if (!slv_str_is(slv_node_str(slv_node_get(n, "type")), "durable_object_namespace") ||
            slv_node_str(slv_node_get(n, "script_name")).len > 0 || slv_classes_find(c, class))
            continue;
        return slv_fault_set(r->fault, SLV_FAULT_NO_CLASS,
                             "Cannot create binding for class '%.*s' because it is not currently "
                             "configured to implement Durable Objects. Did you forget to apply a "
                             "migration?",
                             SLV_STR_ARGS(class));
    }
    return SLV_OK;
}

static slv_code put_objects(const slv_classes *c, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(SLV_METADATA_MAX);

    SLV_TRY(slv_buf_append(&b, SLV_STR("{\"classes\":[")));
    for (size_t i = 0; i < c->classes.len; i++) {
        const slv_object_class *class = &c->classes.items[i];

        SLV_TRY(slv_buf_append(&b, i ? SLV_STR(",{\"name\":") : SLV_STR("{\"name\":")));
        SLV_TRY(slv_json_put_string(&b, class->name));
        SLV_TRY(slv_buf_append(&b, SLV_STR(",\"key\":")));
        SLV_TRY(slv_json_put_string(&b, class->key));
        SLV_TRY(slv_buf_printf(&b, ",\"sql\":%s}", class->sql ? "true" : "false"));
    }
    SLV_TRY(slv_buf_append(&b, SLV_STR("],\"steps\":[")));
    for (size_t i = 0; i < c->steps.len; i++) {
        SLV_TRY(slv_buf_append(&b, i ? SLV_STR(",{\"tag\":") : SLV_STR("{\"tag\":")));
        SLV_TRY(slv_json_put_string(&b, c->steps.items[i].tag));
        if (c->steps.items[i].deleted.len > 0) {
            SLV_TRY(slv_buf_append(&b, SLV_STR(",\"deleted\":")));
            SLV_TRY(slv_json_put_string(&b, c->steps.items[i].deleted));
        }
        SLV_TRY(slv_buf_append_byte(&b, '}'));
    }
    SLV_TRY(slv_buf_append(&b, SLV_STR("]}")));
    return slv_arena_dup(arena, slv_buf_view(&b), ret);
}

slv_code slv_objects_read(slv_str json, slv_arena *arena, slv_classes *ret, slv_err *err)
{
    slv_node *root = NULL;
    const slv_node *classes, *steps;

    if (json.len == 0)
        return SLV_OK;
    SLV_TRY(slv_json_parse(json, SLV_JSON_STRICT, arena, &root, err));
    classes = slv_node_get(root, "classes");
    steps = slv_node_get(root, "steps");
    for (const slv_node *n = classes ? classes->first : NULL; n; n = n->next) {
        const slv_node *sql = slv_node_get(n, "sql");

        slv_vec_push(&ret->classes,
                     ((slv_object_class){.name = slv_node_str(slv_node_get(n, "name")),
                                         .key = slv_node_str(slv_node_get(n, "key")),
                                         .sql = sql && sql->boolean}));
    }
    for (const slv_node *n = steps ? steps->first : NULL; n; n = n->next)
        slv_classes_step(ret, slv_node_str(slv_node_get(n, "tag")),
                         slv_node_str(slv_node_get(n, "deleted")));
    return SLV_OK;
}

static slv_code resolve_classes(resolving *r, slv_resolved *ret)
{
    const slv_node *migrations = slv_node_get(r->in->metadata, "migrations");
    SLV_CLEANUP(slv_classes_done) slv_classes c = {.arena = r->arena};
    slv_err err = {0};

    if (slv_objects_read(r->in->objects, r->arena, &c, &err) != SLV_OK)
        return slv_fault_set(r->fault, SLV_FAULT_INTERNAL, "the worker's classes: %s",
                             slv_err_text(&err));
    ret->migration_tag = r->in->migration_tag;
    if (slv_node_is(migrations, SLV_NODE_OBJECT) && migrations->first)
        SLV_TRY(apply(r->in, migrations, &c, ret, r->fault));
    SLV_TRY(check_bound(r, &c));
    return put_objects(&c, r->arena, &ret->objects) == SLV_OK ? SLV_OK : too_large(r->fault);
}

/* ---- the rest ---- */

slv_code slv_metadata_compat(const slv_node *metadata, const char *today, slv_compat *ret,
                             slv_err *err)
{
    const slv_node *list = slv_node_get(metadata, "compatibility_flags");
    slv_str date = slv_node_str(slv_node_get(metadata, "compatibility_date"));
    slv_str names[SLV_COMPAT_FLAGS_MAX + 1];
    size_t n = 0;

    for (const slv_node *f = list ? list->first : NULL; f; f = f->next) {
        if (!slv_node_is(f, SLV_NODE_STRING))
            return slv_fail(err, SLV_E_INVAL, "'compatibility_flags' must be strings");
        names[n++] = f->text;
        if (n > SLV_COMPAT_FLAGS_MAX)
            break;
    }
    if (date.len > 0 && slv_compat_date_valid(date) && slv_str_cmp(date, slv_str_from(today)) > 0)
        return slv_fail(err, SLV_E_INVAL, "Can't set compatibility date in the future: \"%.*s\"",
                        SLV_STR_ARGS(date));
    return slv_compat_resolve(date, names, n, today, NULL, NULL, ret, err);
}

static slv_code check_limits(const slv_node *metadata, slv_fault *f)
{
    const slv_node *limits = slv_node_get(metadata, "limits");
    const slv_node *cpu = slv_node_get(limits, "cpu_ms");
    const slv_node *subrequests = slv_node_get(limits, "subrequests");
    int64_t n;

    if (cpu && cpu->type != SLV_NODE_NULL &&
        (!slv_node_i64(cpu, &n) || n < 1 || n > SLV_LIMIT_CPU_MS_MAX))
        return slv_fault_set(f, SLV_FAULT_INVALID,
                             "'limits.cpu_ms' must be a whole number from 1 to %u",
                             SLV_LIMIT_CPU_MS_MAX);
    if (subrequests && subrequests->type != SLV_NODE_NULL &&
        (!slv_node_i64(subrequests, &n) || n < 1 || n > SLV_METADATA_SUBREQUESTS_MAX))
        return slv_fault_set(f, SLV_FAULT_INVALID,
                             "'limits.subrequests' must be a whole number from 1 to %d",
                             SLV_METADATA_SUBREQUESTS_MAX);
    return SLV_OK;
}

/* Keys that say what to do at the upload, not what the version is. */
static bool is_instruction(slv_str key)
{
    static const char *const keys[] = {"bindings",    "migrations",  "keep_bindings",
                                       "keep_assets", "annotations", "assets"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(keys); i++) {
        if (slv_str_is(key, keys[i]))
            return true;
    }
    return false;
}

static slv_code put_metadata(resolving *r, slv_resolved *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(SLV_METADATA_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf secrets = SLV_BUF(SLV_METADATA_MAX);
    slv_node *root = slv_node_new(r->arena, SLV_NODE_OBJECT, 1, 1);

    if (!root)
        return too_large(r->fault);
    for (const slv_node *n = r->in->metadata->first; n; n = n->next) {
        slv_node *copy = is_instruction(n->key) ? NULL : copy_node(r, n);

        if (copy)
            slv_node_append(root, copy);
    }
    slv_node_append(root, r->bindings);
    if (slv_json_put(&b, root) != SLV_OK ||
        slv_arena_dup(r->arena, slv_buf_view(&b), &ret->metadata) != SLV_OK)
        return too_large(r->fault);
    if (r->secrets->count > 0 &&
        (slv_json_put(&secrets, r->secrets) != SLV_OK ||
         slv_arena_dup(r->arena, slv_buf_view(&secrets), &ret->secrets) != SLV_OK))
        return too_large(r->fault);
    return SLV_OK;
}

static slv_code read_main(const slv_node *metadata, slv_resolved *ret, slv_fault *f)
{
    slv_str module = slv_node_str(slv_node_get(metadata, "main_module"));
    slv_str body = slv_node_str(slv_node_get(metadata, "body_part"));

    if (module.len > 0 && body.len > 0)
        return slv_fault_set(f, SLV_FAULT_INVALID,
                             "'main_module' and 'body_part' exclude each other");
    ret->service_worker = body.len > 0;
    ret->main = body.len > 0 ? body : module;
    return SLV_OK;
}

slv_code slv_metadata_resolve(const slv_resolve *in, slv_arena *arena, slv_resolved *ret,
                              slv_fault *fault)
{
    SLV_CLEANUP(slv_compat_done) slv_compat compat = {0};
    resolving r = {.in = in, .arena = arena, .fault = fault};
    slv_node *previous = NULL, *secrets = NULL;
    slv_err err = {0};

    *ret = (slv_resolved){0};
    if (!slv_node_is(in->metadata, SLV_NODE_OBJECT))
        return slv_fault_set(fault, SLV_FAULT_INVALID, "the metadata must be a JSON object");
    if ((in->previous_metadata.len > 0 && slv_json_parse(in->previous_metadata, SLV_JSON_STRICT,
                                                         arena, &previous, &err) != SLV_OK) ||
        (in->previous_secrets.len > 0 &&
         slv_json_parse(in->previous_secrets, SLV_JSON_STRICT, arena, &secrets, &err) != SLV_OK))
        return slv_fault_set(fault, SLV_FAULT_INTERNAL, "the previous version: %s",
                             slv_err_text(&err));
    r.previous = slv_node_get(previous, "bindings");
    r.previous_secrets = secrets;
    r.bindings = slv_node_new(arena, SLV_NODE_ARRAY, 1, 1);
    r.secrets = slv_node_new(arena, SLV_NODE_OBJECT, 1, 1);
    if (!r.bindings || !r.secrets)
        return too_large(fault);
    r.bindings->key = SLV_STR("bindings");
    if (slv_metadata_compat(in->metadata, in->today, &compat, &err) != SLV_OK)
        return slv_fault_set(fault, SLV_FAULT_INVALID, "%s", slv_err_text(&err));
    SLV_TRY(check_limits(in->metadata, fault));
    SLV_TRY(read_main(in->metadata, ret, fault));
    SLV_TRY(resolve_bindings(&r));
    SLV_TRY(resolve_classes(&r, ret));
    return put_metadata(&r, ret);
}
