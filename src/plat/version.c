#include "plat/version.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "fmt/sum.h"
#include "plat/compat.h"
#include "plat/version_int.h"

#define VERSION_ID_BYTES 16
#define OVERHEAD_MAX                                                                               \
    ((size_t)64 << 20) /* names, flags, bindings, the start configuration, the source map */

/* The public part comes first, so that a pointer to it is a pointer to the whole. */
typedef struct version {
    slv_version pub;
    atomic_uint refs;
    slv_arena arena;
    pthread_mutex_t map_lock; /* for the two below */
    bool map_tried;
    slv_sourcemap *map;
    void (*extra_free)(void *extra);
    void *keep;
    void (*keep_free)(void *keep);
    void (*keep_cool)(void *keep);
} version;

const char *slv_module_type_name(slv_module_type type)
{
    static const char *const names[] = {
        [SLV_MODULE_ESM] = "esm",   [SLV_MODULE_CJS] = "cjs",   [SLV_MODULE_WASM] = "wasm",
        [SLV_MODULE_TEXT] = "text", [SLV_MODULE_DATA] = "data", [SLV_MODULE_JSON] = "json",
    };
    return names[type];
}

static slv_code too_large(slv_err *err)
{
    return slv_fail(err, SLV_E_LIMIT, "the worker is too large");
}

/* ---- copying ---- */

static int compare_flags(const void *a, const void *b)
{
    return slv_str_cmp(*(const slv_str *)a, *(const slv_str *)b);
}

static slv_code copy_strings(version *v, const slv_str *from, size_t n, const slv_str **ret,
                             bool sorted)
{
    slv_str *to = slv_arena_try_alloc0(&v->arena, (n + 1) * sizeof *to);

    if (!to)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < n; i++)
        SLV_TRY(slv_arena_dup(&v->arena, from[i], &to[i]));
    if (sorted && n > 0)
        qsort(to, n, sizeof *to, compare_flags);
    *ret = to;
    return SLV_OK;
}

/* What stays where it is while the version lives. */
static slv_code take(version *v, const slv_version_spec *spec, slv_str from, slv_str *ret)
{
    if (!spec->keep)
        return slv_arena_dup(&v->arena, from, ret);
    *ret = from;
    return SLV_OK;
}

static slv_code copy_modules(version *v, const slv_version_spec *spec)
{
    slv_module *to = slv_arena_try_alloc0(&v->arena, (spec->module_count + 1) * sizeof *to);

    if (!to)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < spec->module_count; i++) {
        to[i].type = spec->modules[i].type;
        SLV_TRY(take(v, spec, spec->modules[i].name, &to[i].name));
        SLV_TRY(take(v, spec, spec->modules[i].bytes, &to[i].bytes));
    }
    v->pub.modules = to;
    v->pub.module_count = spec->module_count;
    return SLV_OK;
}

static bool has_class(const slv_version *v, size_t count, slv_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (slv_str_eq(v->classes[i].name, name))
            return true;
    }
    return false;
}

static slv_code class_key(version *v, slv_str origin, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(8192);

    SLV_TRY(slv_buf_printf(&key, "%.*s-%.*s", SLV_STR_ARGS(v->pub.name), SLV_STR_ARGS(origin)));
    return slv_arena_dup(&v->arena, slv_buf_view(&key), ret);
}

static slv_code copy_steps(version *v, const slv_version_spec *spec)
{
    size_t n = spec->object_step_count;
    slv_object_step *to = slv_arena_try_alloc0(&v->arena, (n + 1) * sizeof *to);

    if (!to)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < n; i++) {
        SLV_TRY(slv_arena_dup(&v->arena, spec->object_steps[i].tag, &to[i].tag));
        if (spec->object_steps[i].deleted.len > 0)
            SLV_TRY(class_key(v, spec->object_steps[i].deleted, &to[i].deleted));
    }
    v->pub.object_steps = to;
    v->pub.object_step_count = n;
    return SLV_OK;
}

/* Those of the spec, and those of the worker's own that a binding names. */
static slv_code copy_classes(version *v, const slv_version_spec *spec)
{
    size_t n = spec->class_count + spec->binding_count, count = 0;
    slv_object_class *to = slv_arena_try_alloc0(&v->arena, (n + 1) * sizeof *to);

    if (!to)
        return SLV_E_LIMIT;
    v->pub.classes = to;
    for (size_t i = 0; i < spec->class_count; i++, count++) {
        to[count].sql = spec->classes[i].sql;
        SLV_TRY(slv_arena_dup(&v->arena, spec->classes[i].name, &to[count].name));
        SLV_TRY(class_key(v, spec->classes[i].key, &to[count].key));
    }
    for (size_t i = 0; i < spec->binding_count; i++) {
        const slv_binding *b = &spec->bindings[i];

        if (b->type != SLV_BINDING_OBJECTS || has_class(&v->pub, count, b->id) ||
            (b->service.len > 0 && !slv_str_eq(b->service, v->pub.name)))
            continue;
        SLV_TRY(slv_arena_dup(&v->arena, b->id, &to[count].name));
        SLV_TRY(class_key(v, b->id, &to[count].key));
        count++;
    }
    v->pub.class_count = count;
    return copy_steps(v, spec);
}

/* The namespaces of ctx.exports: resources that no binding names. */
static slv_code add_exports(version *v, const slv_binding **held, size_t *count)
{
    slv_binding *to = slv_arena_try_alloc0(&v->arena, (v->pub.class_count + 1) * sizeof *to);

    if (!to)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < v->pub.class_count; i++) {
        to[i].type = SLV_BINDING_OBJECTS;
        to[i].id = v->pub.classes[i].name;
        to[i].index = (uint32_t)*count;
        held[(*count)++] = &to[i];
    }
    return SLV_OK;
}

static slv_code copy_bindings(version *v, const slv_version_spec *spec)
{
    size_t n = spec->binding_count, services = 0, resources = 0, classes = v->pub.class_count;
    slv_binding *to = slv_arena_try_alloc0(&v->arena, (n + 1) * sizeof *to);
    const slv_binding **by_index = slv_arena_try_alloc0(&v->arena, (n + 1) * sizeof *by_index);
    const slv_binding **held = slv_arena_try_alloc0(&v->arena, (n + classes + 1) * sizeof *held);

    if (!to || !by_index || !held)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < n; i++) {
        const slv_binding *from = &spec->bindings[i];

        to[i].type = from->type;
        SLV_TRY(slv_arena_dup(&v->arena, from->name, &to[i].name));
        SLV_TRY(slv_arena_dup(&v->arena, from->text, &to[i].text));
        SLV_TRY(slv_arena_dup(&v->arena, from->service, &to[i].service));
        SLV_TRY(slv_arena_dup(&v->arena, from->entrypoint, &to[i].entrypoint));
        SLV_TRY(slv_arena_dup(&v->arena, from->props, &to[i].props));
        SLV_TRY(slv_arena_dup(&v->arena, from->id, &to[i].id));
        SLV_TRY(slv_arena_dup(&v->arena, from->options, &to[i].options));
        if (from->type == SLV_BINDING_SERVICE) {
            to[i].index = (uint32_t)services;
            by_index[services++] = &to[i];
        } else if (slv_binding_is_resource(from->type)) {
            to[i].index = (uint32_t)resources;
            held[resources++] = &to[i];
        }
    }
    SLV_TRY(add_exports(v, held, &resources));
    v->pub.bindings = to;
    v->pub.binding_count = n;
    v->pub.services = by_index;
    v->pub.service_count = services;
    v->pub.resources = held;
    v->pub.resource_count = resources;
    return SLV_OK;
}

static slv_code copy_consumers(version *v, const slv_version_spec *spec)
{
    slv_consumer *to = slv_arena_try_alloc0(&v->arena, (spec->consumer_count + 1) * sizeof *to);

    if (!to)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < spec->consumer_count; i++) {
        const slv_consumer *from = &spec->consumers[i];

        to[i] = *from;
        SLV_TRY(slv_arena_dup(&v->arena, from->queue, &to[i].queue));
        SLV_TRY(slv_arena_dup(&v->arena, from->dead_letter_queue, &to[i].dead_letter_queue));
    }
    v->pub.consumers = to;
    v->pub.consumer_count = spec->consumer_count;
    return SLV_OK;
}

static slv_code copy_id(version *v, slv_str given)
{
    unsigned char bytes[VERSION_ID_BYTES];
    char text[37];

    if (given.len > 0)
        return slv_arena_dup(&v->arena, given, &v->pub.id);
    slv_rand_bytes(bytes, sizeof bytes);
    bytes[6] =
        (unsigned char)((bytes[6] & 0x0F) | 0x40); /* a version 4 UUID, as the platform's ids are */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    for (size_t i = 0, at = 0; i < sizeof bytes; i++) {
        static const char hex[] = "0123456789abcdef";

        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = hex[bytes[i] >> 4];
        text[at++] = hex[bytes[i] & 15];
    }
    return slv_arena_dup(&v->arena, slv_str_make(text, 36), &v->pub.id);
}

static slv_code copy_observe(version *v, const slv_version_spec *spec)
{
    slv_version *p = &v->pub;

    p->observe = spec->observe;
    p->tag_count = spec->tag_count;
    SLV_TRY(slv_arena_dup(&v->arena, spec->tag, &p->tag));
    SLV_TRY(slv_arena_dup(&v->arena, spec->message, &p->message));
    SLV_TRY(slv_arena_dup(&v->arena, spec->dispatch, &p->dispatch));
    SLV_TRY(slv_arena_dup(&v->arena, spec->parent, &p->parent));
    SLV_TRY(copy_strings(v, spec->tags, spec->tag_count, &p->tags, false));
    return copy_strings(v, spec->observe.tails, spec->observe.tail_count, &p->observe.tails, false);
}

static slv_code copy_all(version *v, const slv_version_spec *spec)
{
    slv_version *p = &v->pub;

    p->service_worker = spec->service_worker;
    p->extra = spec->extra;
    p->dev = spec->dev;
    p->limits = spec->limits;
    p->assets = spec->assets ? slv_assets_ref(spec->assets) : NULL;
    p->flag_count = spec->flag_count;
    p->cron_count = spec->cron_count;
    SLV_TRY(copy_id(v, spec->id));
    SLV_TRY(slv_arena_dup(&v->arena, spec->tenant.len > 0 ? spec->tenant : SLV_STR("local"),
                          &p->tenant));
    SLV_TRY(slv_arena_dup(&v->arena, spec->name, &p->name));
    SLV_TRY(slv_arena_dup(&v->arena, spec->compatibility_date, &p->compatibility_date));
    SLV_TRY(slv_arena_dup(&v->arena, spec->main_name, &p->main_name));
    SLV_TRY(take(v, spec, spec->script, &p->script));
    SLV_TRY(take(v, spec, spec->source_map, &p->source_map));
    SLV_TRY(slv_arena_dup(&v->arena, spec->source_root, &p->source_root));
    SLV_TRY(slv_arena_dup(&v->arena, spec->host, &p->host));
    SLV_TRY(copy_strings(v, spec->flags, spec->flag_count, &p->flags, true));
    SLV_TRY(copy_strings(v, spec->crons, spec->cron_count, &p->crons, false));
    SLV_TRY(copy_observe(v, spec));
    SLV_TRY(copy_modules(v, spec));
    SLV_TRY(copy_consumers(v, spec));
    SLV_TRY(copy_classes(v, spec));
    return copy_bindings(v, spec);
}

/* ---- start configuration ---- */

static slv_code put(slv_buf *b, const char *text)
{
    return slv_buf_append(b, slv_str_from(text));
}

/* ,"name":"text" */
static slv_code put_field(slv_buf *b, const char *name, slv_str text)
{
    SLV_TRY(slv_buf_printf(b, ",\"%s\":", name));
    return slv_json_put_string(b, text);
}

const char *slv_binding_type_name(slv_binding_type type)
{
    static const char *const names[] = {
        [SLV_BINDING_TEXT] = "plain_text",
        [SLV_BINDING_SECRET] = "secret_text",
        [SLV_BINDING_JSON] = "json",
        [SLV_BINDING_SERVICE] = "service",
        [SLV_BINDING_MODULE] = "module",
        [SLV_BINDING_ENV] = "env",
        [SLV_BINDING_UNSUPPORTED] = "unsupported",
        [SLV_BINDING_KV] = "kv_namespace",
        [SLV_BINDING_R2] = "r2_bucket",
        [SLV_BINDING_D1] = "d1",
        [SLV_BINDING_OBJECTS] = "durable_object_namespace",
        [SLV_BINDING_QUEUE] = "queue",
        [SLV_BINDING_RATELIMIT] = "ratelimit",
        [SLV_BINDING_ANALYTICS] = "analytics_engine",
        [SLV_BINDING_EMAIL] = "send_email",
        [SLV_BINDING_LOADER] = "worker_loader",
        [SLV_BINDING_DISPATCH] = "dispatch_namespace",
        [SLV_BINDING_ASSETS] = "assets",
    };

    return names[type];
}

static slv_code put_resource(slv_buf *b, const slv_binding *bind)
{
    SLV_TRY(slv_buf_printf(b, ",\"index\":%u", bind->index));
    SLV_TRY(put_field(b, "id", bind->id));
    if (bind->options.len == 0)
        return SLV_OK;
    SLV_TRY(put(b, ",\"options\":"));
    return slv_buf_append(b, bind->options);
}

/* The key of a class: what ids are made with. A class of another worker has the name under which
 * that worker has it, as far as this one can know. */
static slv_code put_class(slv_buf *b, const slv_version *v, const slv_binding *bind)
{
    SLV_CLEANUP(slv_buf_done) slv_buf other = SLV_BUF(8192);
    uint8_t sum[SLV_SUM_MAX];
    slv_str key = SLV_STR_NULL;

    if (bind->service.len == 0 || slv_str_eq(bind->service, v->name)) {
        for (size_t i = 0; i < v->class_count; i++) {
            if (slv_str_eq(v->classes[i].name, bind->id))
                key = v->classes[i].key;
        }
    } else {
        SLV_TRY(slv_buf_printf(&other, "%.*s-%.*s", SLV_STR_ARGS(bind->service),
                               SLV_STR_ARGS(bind->id)));
        key = slv_buf_view(&other);
    }
    slv_sum_of(SLV_SUM_SHA256, key, sum);
    SLV_TRY(put_field(b, "class", bind->id));
    SLV_TRY(put(b, ",\"key\":\""));
    SLV_TRY(slv_hex_append(b, slv_str_make(sum, slv_sum_len(SLV_SUM_SHA256))));
    return put(b, "\"");
}

/* Members of ctx.exports. */
static slv_code put_exports(slv_buf *b, const slv_version *v)
{
    size_t first = v->resource_count - v->class_count;

    for (size_t i = first; i < v->resource_count; i++) {
        const slv_binding *bind = v->resources[i];

        SLV_TRY(put(b, v->binding_count > 0 || i > first ? ",{\"name\":\"\"" : "{\"name\":\"\""));
        SLV_TRY(put_field(b, "type", slv_str_from(slv_binding_type_name(bind->type))));
        SLV_TRY(slv_buf_printf(b, ",\"index\":%u", bind->index));
        SLV_TRY(put_field(b, "export", bind->id));
        SLV_TRY(put_class(b, v, bind));
        SLV_TRY(put(b, "}"));
    }
    return SLV_OK;
}

static slv_code put_binding(slv_buf *b, const slv_version *v, const slv_binding *bind)
{
    SLV_TRY(put(b, "{\"name\":"));
    SLV_TRY(slv_json_put_string(b, bind->name));
    SLV_TRY(put_field(b, "type", slv_str_from(slv_binding_type_name(bind->type))));
    switch (bind->type) {
    case SLV_BINDING_TEXT:
    case SLV_BINDING_SECRET:
    case SLV_BINDING_UNSUPPORTED:
        SLV_TRY(put_field(b, "text", bind->text));
        break;
    case SLV_BINDING_MODULE:
    case SLV_BINDING_ENV:
        SLV_TRY(put_field(b, "module", bind->text));
        break;
    case SLV_BINDING_JSON:
        SLV_TRY(slv_buf_printf(b, ",\"json\":"));
        SLV_TRY(slv_buf_append(b, bind->text));
        break;
    case SLV_BINDING_SERVICE:
        SLV_TRY(slv_buf_printf(b, ",\"index\":%u", bind->index));
        SLV_TRY(put_field(b, "entrypoint", bind->entrypoint));
        if (bind->props.len > 0) {
            SLV_TRY(put(b, ",\"props\":"));
            SLV_TRY(slv_buf_append(b, bind->props));
        }
        break;
    case SLV_BINDING_KV:
    case SLV_BINDING_R2:
    case SLV_BINDING_D1:
    case SLV_BINDING_QUEUE:
    case SLV_BINDING_RATELIMIT:
    case SLV_BINDING_ANALYTICS:
    case SLV_BINDING_EMAIL:
    case SLV_BINDING_LOADER:
    case SLV_BINDING_DISPATCH:
    case SLV_BINDING_ASSETS:
        SLV_TRY(put_resource(b, bind));
        break;
    case SLV_BINDING_OBJECTS:
        SLV_TRY(put_resource(b, bind));
        SLV_TRY(put_class(b, v, bind));
        break;
    }
    return slv_buf_append_byte(b, '}');
}

static slv_code put_limits(slv_buf *b, const slv_limits *l)
{
    return slv_buf_printf(
        b,
        ",\"limits\":{\"timers\":%u,\"logBytes\":%u,\"logLines\":%u,\"subrequests\":%u,"
        "\"openConnections\":%u,\"redirects\":%u,\"urlBytes\":%u,\"requestHeaderBytes\":%u,"
        "\"responseHeaderBytes\":%u,\"webSocketMessageBytes\":%u,\"rpcMessageBytes\":%u,"
        "\"randomBytes\":%u,\"pbkdf2Iterations\":%u,\"waitUntilMs\":%u}",
        l->timers, l->log_bytes, l->log_lines, l->subrequests, l->open_connections, l->redirects,
        l->url_bytes, l->request_header_bytes, l->response_header_bytes, l->websocket_message_bytes,
        l->rpc_message_bytes, l->random_bytes, l->pbkdf2_iterations, l->wait_until_ms);
}

static slv_code put_flags_off(slv_buf *b, const slv_version *v)
{
    bool first = true;

    SLV_TRY(put(b, ",\"flagsOff\":["));
    for (size_t i = 0; i < slv_compat_flag_count; i++) {
        if (slv_version_flag(v, slv_compat_flags[i].enable))
            continue;
        SLV_TRY(put(b, first ? "" : ","));
        SLV_TRY(slv_json_put_string(b, slv_str_from(slv_compat_flags[i].enable)));
        first = false;
    }
    return put(b, "]");
}

static slv_code put_start(slv_buf *b, const slv_version *v, slv_str process_env)
{
    SLV_TRY(put(b, "{\"name\":"));
    SLV_TRY(slv_json_put_string(b, v->name));
    SLV_TRY(put_field(b, "version", v->id));
    SLV_TRY(put_field(b, "compatibilityDate", v->compatibility_date));
    SLV_TRY(put(b, ",\"flags\":["));
    for (size_t i = 0; i < v->flag_count; i++) {
        SLV_TRY(put(b, i ? "," : ""));
        SLV_TRY(slv_json_put_string(b, v->flags[i]));
    }
    SLV_TRY(put(b, "]"));
    SLV_TRY(put_flags_off(b, v));
    SLV_TRY(put_field(b, "main", v->main_name));
    SLV_TRY(put(b, ",\"script\":1,\"modules\":["));
    for (size_t i = 0; i < v->module_count; i++) {
        SLV_TRY(put(b, i ? ",{\"name\":" : "{\"name\":"));
        SLV_TRY(slv_json_put_string(b, v->modules[i].name));
        SLV_TRY(slv_buf_printf(b, ",\"type\":\"%s\",\"blob\":%zu}",
                               slv_module_type_name(v->modules[i].type), i + 2));
    }
    SLV_TRY(slv_buf_printf(b, "],\"serviceWorker\":%s,%s\"env\":[",
                           v->service_worker ? "true" : "false",
                           v->extra ? "\"dynamic\":true," : ""));
    for (size_t i = 0; i < v->binding_count; i++) {
        SLV_TRY(put(b, i ? "," : ""));
        SLV_TRY(put_binding(b, v, &v->bindings[i]));
    }
    SLV_TRY(put_exports(b, v));
    SLV_TRY(put(b, "]"));
    SLV_TRY(put_limits(b, &v->limits));
    SLV_TRY(slv_buf_printf(b, ",\"dev\":%s,\"processEnv\":", v->dev ? "true" : "false"));
    SLV_TRY(slv_buf_append(b, process_env.len > 0 ? process_env : SLV_STR("{}")));
    return slv_buf_append_byte(b, '}');
}

/* ---- */

static slv_code check_limits(const slv_version_spec *spec, slv_err *err)
{
    uint64_t bytes = spec->script.len;

    for (size_t i = 0; i < spec->module_count; i++)
        bytes += spec->modules[i].bytes.len;
    if (bytes > spec->limits.worker_bytes)
        return slv_fail(err, SLV_E_LIMIT, "the worker has %llu bytes; %llu are allowed",
                        (unsigned long long)bytes, (unsigned long long)spec->limits.worker_bytes);
    if (spec->binding_count > spec->limits.bindings)
        return slv_fail(err, SLV_E_LIMIT, "the worker has %zu bindings; %u are allowed",
                        spec->binding_count, spec->limits.bindings);
    return SLV_OK;
}

slv_code slv_version_new(const slv_version_spec *spec, slv_version **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(OVERHEAD_MAX);
    version *v;
    slv_version *pub;

    SLV_TRY(check_limits(spec, err));
    v = slv_new0(version);
    atomic_init(&v->refs, 1);
    pthread_mutex_init(&v->map_lock, NULL);
    v->arena = SLV_ARENA(spec->limits.worker_bytes + OVERHEAD_MAX);
    pub = &v->pub;
    if (copy_all(v, spec) != SLV_OK || put_start(&json, pub, spec->process_env) != SLV_OK ||
        slv_arena_dup(&v->arena, slv_buf_view(&json), &pub->start_json) != SLV_OK) {
        slv_version_unref(pub);
        return too_large(err);
    }
    v->extra_free = spec->extra_free;
    v->keep = spec->keep;
    v->keep_free = spec->keep_free;
    v->keep_cool = spec->keep_cool;
    *ret = pub;
    return SLV_OK;
}

static version *whole(slv_version *pub)
{
    return (version *)(void *)pub;
}

slv_version *slv_version_ref(slv_version *v)
{
    atomic_fetch_add_explicit(&whole(v)->refs, 1, memory_order_relaxed);
    return v;
}

slv_version *slv_version_unref(slv_version *pub)
{
    if (pub && atomic_fetch_sub_explicit(&whole(pub)->refs, 1, memory_order_acq_rel) == 1) {
        if (whole(pub)->extra_free)
            whole(pub)->extra_free(pub->extra);
        if (whole(pub)->keep_free)
            whole(pub)->keep_free(whole(pub)->keep);
        slv_sourcemap_free(whole(pub)->map);
        (void)slv_assets_unref(pub->assets);
        pthread_mutex_destroy(&whole(pub)->map_lock);
        slv_arena_done(&whole(pub)->arena);
        free(whole(pub));
    }
    return NULL;
}

const slv_sourcemap *slv_version_sourcemap(slv_version *pub)
{
    version *v = whole(pub);

    pthread_mutex_lock(&v->map_lock);
    if (!v->map_tried && pub->source_map.len > 0 &&
        slv_sourcemap_new(pub->source_map, &v->map, NULL) != SLV_OK)
        v->map = NULL;
    v->map_tried = true;
    pthread_mutex_unlock(&v->map_lock);
    return v->map;
}

void slv_version_cool(const slv_version *v)
{
    const version *w = (const version *)(const void *)v;

    if (w->keep_cool)
        w->keep_cool(w->keep);
}

bool slv_version_flag(const slv_version *v, const char *flag)
{
    slv_str key = slv_str_from(flag);

    return v->flag_count > 0 &&
           bsearch(&key, v->flags, v->flag_count, sizeof *v->flags, compare_flags) != NULL;
}

size_t slv_version_blob_count(const slv_version *v)
{
    return v->module_count + 1;
}

slv_str slv_version_blob(const slv_version *v, size_t blob)
{
    SLV_ASSERT(blob >= 1 && blob <= v->module_count + 1);
    return blob == 1 ? v->script : v->modules[blob - 2].bytes;
}
