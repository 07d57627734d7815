#include "edge/loader_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bundle/bundle.h"
#include "fmt/json.h"
#include "plat/compat.h"
#include "plat/stack.h"

#define ESBUILD_IDLE_MS 60000
#define ENV_MODULE SLV_STR("\0env")

struct slv_loader {
    slv_shard *shard;
    SLV_MAP(slv_slot *) named;
    SLV_IMAP(slv_slot *) slots;
    uint32_t last_number;
    slv_list queue; /* slot.build_node */
    slv_slot *building;
    slv_bundler *bundler;
    slv_bundle_spec spec;
    char *main;
    slv_timer idle; /* the bundler's process is ended */
    bool closed;
};

/* ---- slots ---- */

static void free_dynamic(void *extra)
{
    slv_dynamic *d = extra;

    if (!d)
        return;
    slv_gift_done(&d->env);
    (void)slv_outbound_unref(d->outbound);
    slv_arena_done(&d->arena);
    free(d);
}

static void slot_free(slv_slot *slot)
{
    slv_loader *l = slot->loader;

    SLV_ASSERT(slv_list_empty(&slot->holders));
    if (slot->key.len > 0 && !slot->dead)
        (void)slv_map_remove(&l->named, slot->key);
    (void)slv_imap_remove(&l->slots, slot->number);
    slv_list_remove(&slot->build_node);
    if (l->building == slot)
        l->building = NULL; /* its result is dropped */
    if (slot->version) {
        if (l->shard->pool)
            slv_pool_retire(l->shard->pool, slot->version);
        slot->version = slv_version_unref(slot->version);
    }
    free_dynamic(slot->dynamic);
    slv_vec_done(&slot->modules);
    slv_vec_done(&slot->flags);
    slv_buf_done(&slot->error);
    slv_arena_done(&slot->arena);
    free(slot);
}

/* Named slots that nobody uses are kept, as far as there is room. */
static void make_room(slv_loader *l)
{
    for (;;) {
        slv_slot *oldest = NULL;
        size_t idle = 0, bytes = 0;

        for (size_t i = 0; i < l->slots.len; i++) {
            slv_slot *s = l->slots.values[i];

            if (!slv_list_empty(&s->holders))
                continue;
            idle++;
            bytes += s->bytes;
            if (!oldest || s->used_ms < oldest->used_ms)
                oldest = s;
        }
        if (!oldest || (idle <= SLV_LOADER_SLOTS_MAX && bytes <= SLV_LOADER_KEPT_MAX))
            return;
        slot_free(oldest);
    }
}

static void forget(slv_slot *slot)
{
    if (slot->key.len > 0 && !slot->dead)
        (void)slv_map_remove(&slot->loader->named, slot->key);
    slot->dead = true;
}

void slv_slot_released(slv_slot *slot)
{
    slv_loader *l = slot->loader;

    if (!slv_list_empty(&slot->holders))
        return;
    slot->used_ms = slv_loop_now_ms(l->shard->loop);
    if (slot->key.len == 0 || slot->dead || slot->state != SLOT_READY)
        slot_free(slot);
    else
        make_room(l);
}

slv_slot *slv_loader_slot(slv_loader *l, slv_str key, bool *ret_new)
{
    slv_slot **found = key.len > 0 ? slv_map_get(&l->named, key) : NULL;

    *ret_new = !found;
    if (found)
        return *found;
    slv_slot *slot = slv_new0(slv_slot);
    slot->loader = l;
    slot->arena = SLV_ARENA(2 * SLV_LOADER_CODE_MAX);
    slot->error = SLV_BUF((size_t)1 << 20);
    slv_list_init(&slot->holders);
    do
        slot->number = ++l->last_number;
    while (slot->number == 0 || slv_imap_get(&l->slots, slot->number));
    slv_imap_set(&l->slots, slot->number, slot);
    if (key.len > 0 && slv_arena_dup(&slot->arena, key, &slot->key) == SLV_OK)
        slv_map_set(&l->named, slot->key, slot);
    return slot;
}

slv_slot *slv_loader_find(slv_loader *l, uint32_t number)
{
    slv_slot **found = slv_imap_get(&l->slots, number);

    return found ? *found : NULL;
}

void slv_slot_fail(slv_slot *slot, slv_str name, slv_str message)
{
    slot->state = SLOT_FAILED;
    forget(slot);
    slv_buf_reset(&slot->error);
    if (slv_error_put(&slot->error, name, message) != SLV_OK)
        slv_buf_reset(&slot->error);
    slv_slot_tell(slot);
}

static void fail_start(slv_slot *slot, const char *what, slv_str text, slv_str place)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)256 << 10);

    if (slv_buf_printf(&out, "Failed to start Worker:\nUncaught %s: %.*s%.*s", what,
                       SLV_STR_ARGS(slv_str_sub(text, 0, 60000)), SLV_STR_ARGS(place)) != SLV_OK)
        slv_buf_reset(&out);
    slv_slot_fail(slot, SLV_STR("Error"), slv_buf_view(&out));
}

/* ---- from modules to a version ---- */

static slv_code read_compat(slv_slot *slot, slv_compat *ret, slv_err *err)
{
    char text[64];
    bool known;

    if (!slv_compat_date_valid(slot->date))
        return slv_fail(err, SLV_E_INVAL, "Invalid compatibility date: %.*s",
                        SLV_STR_ARGS(slv_str_sub(slot->date, 0, 100)));
    if (slv_str_cmp(slot->date, SLV_STR(SLV_COMPAT_NEWEST)) > 0)
        return slv_fail(err, SLV_E_INVAL,
                        "This Worker requires compatibility date \"%.*s\", but the newest date "
                        "supported by this server binary is \"%s\".",
                        SLV_STR_ARGS(slot->date), SLV_COMPAT_NEWEST);
    for (size_t i = 0; i < slot->flags.len; i++) {
        slv_str flag = slot->flags.items[i];

        known = false;
        for (size_t k = 0; k < slv_compat_flag_count && !known; k++) {
            const slv_compat_flag *row = &slv_compat_flags[k];

            known =
                slv_str_is(flag, row->enable) || (row->disable && slv_str_is(flag, row->disable));
            if (known && row->experimental && slv_str_is(flag, row->enable))
                return slv_fail(err, SLV_E_INVAL,
                                "The compatibility flag %.*s is experimental and may break or be "
                                "removed in a future version of workerd. To use this flag, you "
                                "must pass --experimental on the command line.",
                                SLV_STR_ARGS(flag));
        }
        if (!known)
            return slv_fail(err, SLV_E_INVAL, "No such compatibility flag: %.*s",
                            SLV_STR_ARGS(slv_str_sub(flag, 0, 100)));
    }
    snprintf(text, sizeof text, "%s", SLV_COMPAT_NEWEST);
    return slv_compat_resolve(slot->date, slot->flags.items, slot->flags.len, text, NULL, NULL, ret,
                              err);
}

static slv_code add_env(slv_slot *slot, const slv_bundle *bundle, slv_module **ret, size_t *ret_n)
{
    size_t n = bundle->modules.len;
    slv_module *all = slv_arena_try_alloc0(&slot->arena, (n + 1) * sizeof *all);

    if (!all)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < n; i++)
        all[i] = bundle->modules.items[i];
    all[n] = (slv_module){ENV_MODULE, SLV_MODULE_TEXT, slot->env_text};
    *ret = all;
    *ret_n = n + (slot->env_text.len > 0);
    return SLV_OK;
}

static void lower(uint32_t *limit, uint32_t wanted)
{
    if (wanted != 0 && wanted < *limit)
        *limit = wanted;
}

static slv_code make_version(slv_slot *slot, const slv_bundle *bundle, slv_err *err)
{
    SLV_CLEANUP(slv_compat_done) slv_compat compat = {0};
    const slv_binding env = {.type = SLV_BINDING_ENV, .text = ENV_MODULE};
    slv_module *modules;
    size_t n;

    SLV_TRY(read_compat(slot, &compat, err));
    SLV_TRY(add_env(slot, bundle, &modules, &n));
    slv_version_spec spec = {
        .tenant = slot->tenant,
        .parent = slot->owner_id,
        .name = slot->name,
        .compatibility_date = slot->date,
        .flags = compat.on.items,
        .flag_count = compat.on.len,
        .main_name = slot->main,
        .script = bundle->script,
        .service_worker = bundle->service_worker,
        .source_map = bundle->source_map,
        .modules = modules,
        .module_count = n,
        .bindings = &env,
        .binding_count = slot->env_text.len > 0,
        .limits = SLV_LIMITS_DEFAULT,
        .dev = slot->loader->shard->server->o.dev,
        .extra = slot->dynamic,
        .extra_free = free_dynamic,
    };
    lower(&spec.limits.cpu_fetch_ms, slot->cpu_ms);
    lower(&spec.limits.subrequests, slot->subrequests);
    spec.limits.worker_bytes = 2 * SLV_LOADER_CODE_MAX;
    SLV_TRY(slv_version_new(&spec, &slot->version, err));
    slot->dynamic = NULL;
    return SLV_OK;
}

static void next_build(slv_loader *l);

/* The first error as the platform words it. */
static void fail_bundle(slv_slot *slot, const slv_bundle *bundle)
{
    const slv_note *n = &bundle->errors.items[0].main;
    char place[4200] = "";

    if (slv_str_starts(n->text, SLV_STR("No such module"))) {
        fail_start(slot, "Error", n->text, SLV_STR_NULL);
        return;
    }
    if (n->line > 0)
        snprintf(place, sizeof place, "\n  at %.*s:%u:%u", SLV_STR_ARGS(n->file), n->line, n->col);
    fail_start(slot, "SyntaxError", n->text, slv_str_from(place));
}

static void on_bundle(void *user, slv_bundle *bundle, const slv_err *err)
{
    slv_loader *l = user;
    slv_slot *slot = SLV_STEAL(l->building);
    slv_err why = {0};

    if (slot && !bundle) {
        slv_slot_fail(slot, SLV_STR("Error"), slv_str_from(slv_err_text(err)));
    } else if (slot && !bundle->ok) {
        if (bundle->errors.len > 0)
            fail_bundle(slot, bundle);
        else
            slv_slot_fail(slot, SLV_STR("Error"), SLV_STR("The worker cannot be bundled."));
    } else if (slot && make_version(slot, bundle, &why) != SLV_OK) {
        slv_slot_fail(slot, SLV_STR("Error"), slv_str_from(slv_err_text(&why)));
    } else if (slot) {
        slot->state = SLOT_READY;
        slv_slot_tell(slot);
    }
    (void)slv_bundle_free(bundle);
    if (!l->closed)
        next_build(l);
}

static void on_idle(slv_timer *timer)
{
    slv_loader *l = slv_container_of(timer, slv_loader, idle);

    if (!l->building)
        l->bundler = slv_bundler_free(l->bundler);
}

static slv_code start_bundler(slv_loader *l, slv_err *err)
{
    const char *dir = l->shard->server->o.project_dir;
    slv_esbuild_place place;

    if (l->bundler)
        return SLV_OK;
    SLV_TRY(slv_esbuild_find(dir ? dir : "/", &place, err));
    place.sealed = true;
    return slv_bundler_new(l->shard->loop, &place, on_bundle, l, &l->bundler, err);
}

static slv_node_mode node_mode(slv_slot *slot)
{
    SLV_CLEANUP(slv_compat_done) slv_compat compat = {0};

    if (read_compat(slot, &compat, NULL) != SLV_OK)
        return SLV_NODE_OFF;
    return slv_compat_has(&compat, "nodejs_compat_v2") ? SLV_NODE_V2
           : slv_compat_has(&compat, "nodejs_compat")  ? SLV_NODE_V1
           : slv_compat_has(&compat, "nodejs_als")     ? SLV_NODE_ALS
                                                       : SLV_NODE_OFF;
}

static void build(slv_loader *l, slv_slot *slot)
{
    slv_err err = {0};

    if (start_bundler(l, &err) != SLV_OK) {
        slv_slot_fail(slot, SLV_STR("Error"), slv_str_from(slv_err_text(&err)));
        return;
    }
    free(l->main);
    l->main = slv_strndup(slot->main.ptr, slot->main.len);
    l->spec = (slv_bundle_spec){.main = l->main,
                                .node = node_mode(slot),
                                .no_bundle = true, /* nothing is defined or replaced */
                                .sources = slot->modules.items,
                                .source_count = slot->modules.len,
                                .time_ms = SLV_LOADER_BUILD_MS,
                                .memory_bytes = SLV_LOADER_BUILD_MEMORY};
    slot->state = SLOT_BUILDING;
    l->building = slot;
    slv_bundler_build(l->bundler, &l->spec);
}

static void next_build(slv_loader *l)
{
    slv_list *node;

    slv_timer_stop(&l->idle);
    while (!l->building && (node = slv_list_pop(&l->queue)) != NULL)
        build(l, slv_container_of(node, slv_slot, build_node));
    if (!l->building && l->bundler)
        slv_timer_start(&l->idle, l->shard->loop, ESBUILD_IDLE_MS);
}

static bool has_main(const slv_slot *slot)
{
    for (size_t i = 0; i < slot->modules.len; i++)
        if (slv_str_eq(slot->modules.items[i].name, slot->main))
            return true;
    return false;
}

void slv_slot_build(slv_slot *slot)
{
    SLV_CLEANUP(slv_compat_done) slv_compat compat = {0};
    slv_err err = {0};

    if (read_compat(slot, &compat, &err) != SLV_OK) {
        slv_slot_fail(slot, SLV_STR("Error"), slv_str_from(slv_err_text(&err)));
        return;
    }
    if (!has_main(slot)) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)8 << 10);

        if (slv_buf_printf(&text, "No such module: %.*s",
                           SLV_STR_ARGS(slv_str_sub(slot->main, 0, 4000))) != SLV_OK)
            slv_buf_reset(&text);
        fail_start(slot, "Error", slv_buf_view(&text), SLV_STR_NULL);
        return;
    }
    slot->state = SLOT_WAITING;
    slv_list_push(&slot->loader->queue, &slot->build_node);
    next_build(slot->loader);
}

/* ---- errors of the module scope ---- */

/* "file:line:col" of the first frame; empty: there is none. */
static slv_str first_place(slv_str stack)
{
    size_t at = slv_str_find(stack, SLV_STR("\n    at "), 0);

    if (at == SIZE_MAX)
        return SLV_STR_NULL;
    slv_str line = slv_str_sub(stack, at + 8, slv_str_chr(stack, '\n', at + 1));
    size_t open = slv_str_chr(line, '(', 0);
    return open < line.len ? slv_str_sub(line, open + 1, line.len - 1) : line;
}

static slv_code start_text(slv_version *version, const slv_error_text *e, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf mapped = SLV_BUF((size_t)8 << 20);

    SLV_TRY(slv_buf_printf(out, "Failed to start Worker:\nUncaught %.*s: %.*s",
                           SLV_STR_ARGS(e->name), SLV_STR_ARGS(e->message)));
    if (slv_str_starts(e->message, SLV_STR("No such module")) ||
        slv_stack_map(version, e->stack, &mapped) != SLV_OK)
        return SLV_OK;
    slv_str place = first_place(slv_buf_view(&mapped));
    return place.len > 0 ? slv_buf_printf(out, "\n  at %.*s", SLV_STR_ARGS(place)) : SLV_OK;
}

bool slv_loader_start_error(slv_shard *shard, slv_version *version, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    slv_str failure = slv_dynamic_of(version) && shard->pool
                          ? slv_pool_failure(shard->pool, version)
                          : SLV_STR_NULL;
    slv_error_text e;

    slv_buf_reset(out);
    return slv_error_parse(failure, &arena, &e) && start_text(version, &e, &text) == SLV_OK &&
           slv_error_put(out, SLV_STR("Error"), slv_buf_view(&text)) == SLV_OK;
}

/* ---- life ---- */

slv_loader *slv_loader_new(slv_shard *shard)
{
    slv_loader *l = slv_new0(slv_loader);

    l->shard = shard;
    l->idle.fn = on_idle;
    slv_list_init(&l->queue);
    return l;
}

void slv_loader_close(slv_loader *l)
{
    l->closed = true;
    slv_timer_stop(&l->idle);
    l->building = NULL;
    l->bundler = slv_bundler_free(l->bundler);
    for (size_t i = l->slots.len; i-- > 0;)
        if (i < l->slots.len && slv_list_empty(&l->slots.values[i]->holders))
            slot_free(l->slots.values[i]);
}

slv_loader *slv_loader_free(slv_loader *l)
{
    if (!l)
        return NULL;
    slv_loader_close(l);
    SLV_ASSERT(l->slots.len == 0); /* the events that held them have ended */
    slv_map_done(&l->named);
    slv_imap_done(&l->slots);
    free(l->main);
    free(l);
    return NULL;
}
