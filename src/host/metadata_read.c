/* From what the catalog keeps of a version to what slv_version_new takes. */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "host/metadata_int.h"

/* It was judged when it came; a clock that was set back changes nothing. */
#define LAST_DAY "9999-12-31"

static const slv_binding_row rows[] = {
    {"plain_text", SLV_BINDING_TEXT, "text"},
    {"secret_text", SLV_BINDING_SECRET, "text"},
    {"json", SLV_BINDING_JSON, "json"},
    {"kv_namespace", SLV_BINDING_KV, "namespace_id"},
    {"d1", SLV_BINDING_D1, "id"},
    {"r2_bucket", SLV_BINDING_R2, "bucket_name"},
    {"queue", SLV_BINDING_QUEUE, "queue_name"},
    {"durable_object_namespace", SLV_BINDING_OBJECTS, "class_name"},
    {"service", SLV_BINDING_SERVICE, "service"},
    {"assets", SLV_BINDING_ASSETS, NULL},
    {"dispatch_namespace", SLV_BINDING_DISPATCH, "namespace"},
    {"analytics_engine", SLV_BINDING_ANALYTICS, "dataset"},
    {"ratelimit", SLV_BINDING_RATELIMIT, "namespace_id"},
    {"send_email", SLV_BINDING_EMAIL, NULL},
    {"worker_loader", SLV_BINDING_LOADER, NULL},
    {"version_metadata", SLV_BINDING_JSON, NULL},
    {"wasm_module", SLV_BINDING_MODULE, "part"},
    {"text_blob", SLV_BINDING_MODULE, "part"},
    {"data_blob", SLV_BINDING_MODULE, "part"},
};

const slv_binding_row *slv_binding_row_of(slv_str type)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        if (slv_str_is(type, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

typedef struct reading {
    const slv_metadata_in *in;
    slv_arena *arena;
    slv_node *root, *secrets, *annotations;
    slv_err *err;
} reading;

static slv_code too_large(const reading *r)
{
    return slv_fail(r->err, SLV_E_LIMIT, "the version's metadata is too large");
}

static slv_str text_of(const slv_node *n, const char *key)
{
    return slv_node_str(slv_node_get(n, key));
}

static slv_code json_of(reading *r, const slv_node *n, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4 * SLV_METADATA_MAX);

    if (slv_json_put(&b, n) != SLV_OK || slv_arena_dup(r->arena, slv_buf_view(&b), ret) != SLV_OK)
        return too_large(r);
    return SLV_OK;
}

/* "name-environment", as deploys of an environment are called. */
static slv_code service_of(reading *r, const slv_node *b, const char *key, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);
    slv_str env = text_of(b, "environment");

    *ret = text_of(b, key);
    if (env.len == 0 || slv_str_is(env, "production") || ret->len == 0)
        return SLV_OK;
    if (slv_buf_printf(&name, "%.*s-%.*s", SLV_STR_ARGS(*ret), SLV_STR_ARGS(env)) != SLV_OK ||
        slv_arena_dup(r->arena, slv_buf_view(&name), ret) != SLV_OK)
        return too_large(r);
    return SLV_OK;
}

static slv_code version_metadata(reading *r, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(SLV_METADATA_MAX);
    time_t s = (time_t)(r->in->version->created_ms / 1000);
    char when[40], text[64];
    struct tm tm;

    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
    snprintf(text, sizeof text, "%s.%03dZ", when, (int)(r->in->version->created_ms % 1000));
    if (slv_buf_append(&b, SLV_STR("{\"id\":")) != SLV_OK ||
        slv_json_put_string(&b, r->in->version->id) != SLV_OK ||
        slv_buf_append(&b, SLV_STR(",\"tag\":")) != SLV_OK ||
        slv_json_put_string(&b, text_of(r->annotations, "workers/tag")) != SLV_OK ||
        slv_buf_printf(&b, ",\"timestamp\":\"%s\"}", text) != SLV_OK ||
        slv_arena_dup(r->arena, slv_buf_view(&b), ret) != SLV_OK)
        return too_large(r);
    return SLV_OK;
}

/* As a configuration has it: {"outbound":{"service"}}. */
static slv_code dispatch_options(reading *r, const slv_node *b, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_METADATA_MAX);
    const slv_node *worker = slv_node_get(slv_node_get(b, "outbound"), "worker");
    slv_str service;

    if (!worker)
        return SLV_OK;
    SLV_TRY(service_of(r, worker, "service", &service));
    if (slv_buf_append(&text, SLV_STR("{\"outbound\":{\"service\":")) != SLV_OK ||
        slv_json_put_string(&text, service) != SLV_OK ||
        slv_buf_append(&text, SLV_STR("}}")) != SLV_OK ||
        slv_arena_dup(r->arena, slv_buf_view(&text), ret) != SLV_OK)
        return too_large(r);
    return SLV_OK;
}

static slv_code read_secret(reading *r, slv_str name, slv_str *ret)
{
    const slv_node *value = slv_node_find(r->secrets, name);

    if (!slv_node_is(value, SLV_NODE_STRING))
        return slv_fail(r->err, SLV_E_INVAL, "the secret '%.*s' has no value", SLV_STR_ARGS(name));
    *ret = value->text;
    return SLV_OK;
}

static slv_code read_binding(reading *r, const slv_node *n, slv_binding *b)
{
    slv_str type = text_of(n, "type");
    const slv_binding_row *row = slv_binding_row_of(type);
    const slv_node *props = slv_node_get(n, "props");

    *b = (slv_binding){.name = text_of(n, "name")};
    if (!row)
        return slv_fail(r->err, SLV_E_UNSUPPORTED,
                        "the binding '%.*s' is of type '%.*s', which this server has nothing for",
                        SLV_STR_ARGS(b->name), SLV_STR_ARGS(type));
    b->type = row->type;
    switch (row->type) {
    case SLV_BINDING_TEXT:
        b->text = text_of(n, "text");
        return SLV_OK;
    case SLV_BINDING_SECRET:
        return read_secret(r, b->name, &b->text);
    case SLV_BINDING_JSON:
        return row->needs ? json_of(r, slv_node_get(n, "json"), &b->text)
                          : version_metadata(r, &b->text);
    case SLV_BINDING_MODULE:
        b->text = slv_metadata_module_name(text_of(n, "part"));
        return SLV_OK;
    case SLV_BINDING_SERVICE:
        SLV_TRY(service_of(r, n, "service", &b->service));
        b->entrypoint = text_of(n, "entrypoint");
        return slv_node_is(props, SLV_NODE_OBJECT) ? json_of(r, props, &b->props) : SLV_OK;
    case SLV_BINDING_DISPATCH:
        b->id = text_of(n, row->needs);
        return dispatch_options(r, n, &b->options);
    case SLV_BINDING_OBJECTS:
        SLV_TRY(service_of(r, n, "script_name", &b->service));
        break;
    case SLV_BINDING_KV:
    case SLV_BINDING_R2:
    case SLV_BINDING_D1:
    case SLV_BINDING_QUEUE:
    case SLV_BINDING_RATELIMIT:
    case SLV_BINDING_ANALYTICS:
    case SLV_BINDING_EMAIL:
    case SLV_BINDING_LOADER:
    case SLV_BINDING_ASSETS:
        break;
    case SLV_BINDING_ENV:
    case SLV_BINDING_UNSUPPORTED: /* no row has them */
        SLV_UNREACHABLE();
    }
    b->id = row->needs ? text_of(n, row->needs) : SLV_STR("");
    if (b->id.len == 0 && (!row->needs || row->type == SLV_BINDING_ANALYTICS))
        b->id = b->name;
    return json_of(r, n, &b->options);
}

static slv_code read_bindings(reading *r, slv_version_spec *ret)
{
    const slv_node *list = slv_node_get(r->root, "bindings");
    size_t count = list ? list->count : 0, i = 0;
    slv_binding *all = slv_arena_try_alloc0(r->arena, (count + 1) * sizeof *all);

    if (!all)
        return too_large(r);
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next, i++) {
        SLV_TRY(read_binding(r, n, &all[i]));
        /* the worker's own classes are found under its own name */
        if (all[i].type == SLV_BINDING_OBJECTS &&
            slv_str_eq(all[i].service, r->in->version->worker))
            all[i].service = SLV_STR_NULL;
    }
    ret->bindings = all;
    ret->binding_count = count;
    return SLV_OK;
}

static slv_code read_flags(reading *r, slv_version_spec *ret)
{
    SLV_CLEANUP(slv_compat_done) slv_compat compat = {0};
    slv_str *flags;

    SLV_TRY(slv_metadata_compat(r->root, LAST_DAY, &compat, r->err));
    flags = slv_arena_try_alloc0(r->arena, (compat.on.len + 1) * sizeof *flags);
    if (!flags ||
        slv_arena_dup(r->arena, slv_str_from(compat.date), &ret->compatibility_date) != SLV_OK)
        return too_large(r);
    for (size_t i = 0; i < compat.on.len; i++)
        flags[i] = compat.on.items[i];
    ret->flags = flags;
    ret->flag_count = compat.on.len;
    return SLV_OK;
}

static slv_code read_classes(reading *r, slv_version_spec *ret)
{
    SLV_CLEANUP(slv_classes_done) slv_classes c = {.arena = r->arena};
    slv_object_class *classes;
    slv_object_step *steps;

    SLV_TRY(slv_objects_read(r->in->worker->objects, r->arena, &c, r->err));
    classes = slv_arena_try_alloc0(r->arena, (c.classes.len + 1) * sizeof *classes);
    steps = slv_arena_try_alloc0(r->arena, (c.steps.len + 1) * sizeof *steps);
    if (!classes || !steps)
        return too_large(r);
    for (size_t i = 0; i < c.classes.len; i++)
        classes[i] = c.classes.items[i];
    for (size_t i = 0; i < c.steps.len; i++)
        steps[i] = c.steps.items[i];
    ret->classes = classes;
    ret->class_count = c.classes.len;
    ret->object_steps = steps;
    ret->object_step_count = c.steps.len;
    return SLV_OK;
}

static void read_limits(const reading *r, slv_version_spec *ret)
{
    const slv_node *limits = slv_node_get(r->root, "limits");
    int64_t n;

    ret->limits = SLV_LIMITS_DEFAULT;
    if (slv_node_i64(slv_node_get(limits, "cpu_ms"), &n) && n >= 1 && n <= SLV_LIMIT_CPU_MS_MAX)
        ret->limits.cpu_fetch_ms = (uint32_t)n;
    if (slv_node_i64(slv_node_get(limits, "subrequests"), &n) && n >= 1 &&
        n <= SLV_METADATA_SUBREQUESTS_MAX)
        ret->limits.subrequests = (uint32_t)n;
}

/* What is observed is the worker's, where its settings say so, else as uploaded. */
static slv_code read_settings(reading *r, slv_version_spec *ret)
{
    slv_node *settings = NULL;
    slv_str *names;
    size_t n = 0;

    if (r->in->worker->settings.len > 0)
        SLV_TRY(
            slv_json_parse(r->in->worker->settings, SLV_JSON_STRICT, r->arena, &settings, r->err));
    const slv_node *tails = slv_node_get(settings, "tail_consumers");
    const slv_node *observability = slv_node_get(settings, "observability");
    const slv_node *tags = slv_node_get(settings, "tags");
    if (!tails)
        tails = slv_node_get(r->root, "tail_consumers");
    if (!observability)
        observability = slv_node_get(r->root, "observability");
    SLV_TRY(slv_observe_read(tails, observability, r->arena, &ret->observe));
    names = slv_arena_try_alloc0(r->arena, ((tags ? tags->count : 0) + 1) * sizeof *names);
    if (!names)
        return too_large(r);
    for (const slv_node *t = tags ? tags->first : NULL; t; t = t->next) {
        if (slv_node_str(t).len > 0)
            names[n++] = slv_node_str(t);
    }
    ret->tags = names;
    ret->tag_count = n;
    return SLV_OK;
}

/* In its account a worker of a dispatch namespace is called "NAMESPACE:NAME". */
static slv_code read_name(reading *r, slv_version_spec *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);
    const slv_version_row *v = r->in->version;

    ret->name = v->worker;
    if (v->dispatch.len == 0)
        return SLV_OK;
    if (slv_buf_printf(&name, "%.*s:%.*s", SLV_STR_ARGS(v->dispatch), SLV_STR_ARGS(v->worker)) !=
            SLV_OK ||
        slv_arena_dup(r->arena, slv_buf_view(&name), &ret->name) != SLV_OK)
        return too_large(r);
    return SLV_OK;
}

static slv_code parse(reading *r, slv_str text, slv_node **ret)
{
    return text.len == 0 ? SLV_OK : slv_json_parse(text, SLV_JSON_STRICT, r->arena, ret, r->err);
}

slv_str slv_metadata_module_name(slv_str name)
{
    while (slv_str_starts(name, SLV_STR("./")))
        name = slv_str_skip(name, 2);
    return name;
}

slv_code slv_metadata_read(const slv_metadata_in *in, slv_arena *arena, slv_version_spec *ret,
                           slv_err *err)
{
    reading r = {.in = in, .arena = arena, .err = err};

    *ret = (slv_version_spec){
        .tenant = in->version->account, .id = in->version->id, .dispatch = in->version->dispatch};
    SLV_TRY(parse(&r, in->version->metadata, &r.root));
    SLV_TRY(parse(&r, in->secrets, &r.secrets));
    SLV_TRY(parse(&r, in->version->annotations, &r.annotations));
    ret->tag = text_of(r.annotations, "workers/tag");
    ret->message = text_of(r.annotations, "workers/message");
    SLV_TRY(read_name(&r, ret));
    SLV_TRY(read_flags(&r, ret));
    read_limits(&r, ret);
    SLV_TRY(read_classes(&r, ret));
    SLV_TRY(read_settings(&r, ret));
    return read_bindings(&r, ret);
}
