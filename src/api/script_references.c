/*
 * Who needs a worker: bindings of other workers to it (services, Durable Objects, outbound workers
 * of dispatch namespaces) and what it binds to itself. Versions that are deployed count.
 */
#include "api/routes.h"
#include "api/script_int.h"

typedef struct reference {
    slv_str kind; /* "service", "durable_object", "outbound" */
    slv_str from, to, binding;
    slv_str detail; /* class, entrypoint or namespace */
} reference;

typedef struct references {
    reference *items;
    size_t count, cap;
    slv_arena *arena;
} references;

static slv_code add(references *all, const reference *one)
{
    if (all->count == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 16;
        reference *moved = slv_arena_try_alloc(all->arena, cap * sizeof *moved);

        if (!moved)
            return SLV_E_LIMIT;
        if (all->count > 0)
            memcpy(moved, all->items, all->count * sizeof *moved);
        all->items = moved;
        all->cap = cap;
    }
    all->items[all->count++] = *one;
    return SLV_OK;
}

static slv_code add_binding(references *all, slv_str from, const slv_node *b)
{
    slv_str type = slv_node_str(slv_node_get(b, "type"));
    reference ref = {.from = from, .binding = slv_node_str(slv_node_get(b, "name"))};

    if (slv_str_is(type, "service")) {
        ref.kind = SLV_STR("service");
        ref.to = slv_node_str(slv_node_get(b, "service"));
        ref.detail = slv_node_str(slv_node_get(b, "entrypoint"));
    } else if (slv_str_is(type, "durable_object_namespace") || slv_str_is(type, "workflow")) {
        ref.kind = SLV_STR("durable_object");
        ref.to = slv_node_str(slv_node_get(b, "script_name"));
        ref.detail = slv_node_str(slv_node_get(b, "class_name"));
    } else if (slv_str_is(type, "dispatch_namespace")) {
        const slv_node *worker = slv_node_get(slv_node_get(b, "outbound"), "worker");

        ref.kind = SLV_STR("outbound");
        ref.to = slv_node_str(slv_node_get(worker, "service"));
        ref.detail = slv_node_str(slv_node_get(b, "namespace"));
    }
    if (ref.to.len == 0 || slv_str_eq(ref.to, from))
        return SLV_OK;
    return add(all, &ref);
}

static slv_code of_worker(slv_catalog *c, const slv_worker_row *row, references *all, slv_err *err)
{
    const slv_worker_key key = slv_worker_row_key(row);
    slv_deployment_row d;
    slv_version_row v;
    slv_code code = slv_catalog_deployment_current(c, &key, all->arena, &d, err);

    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    for (size_t i = 0; i < d.version_count; i++) {
        const slv_node *list;

        SLV_TRY(slv_catalog_version_get(c, &key, d.versions[i].version, all->arena, &v, err));
        list = slv_node_get(slv_script_parse(v.metadata, all->arena), "bindings");
        for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b;
             b = b->next)
            SLV_TRY(add_binding(all, row->name, b));
    }
    return SLV_OK;
}

static slv_code gather(script_rest *r, slv_catalog *c, references *all, slv_err *err)
{
    slv_worker_list list = {0};

    all->arena = &r->arena;
    SLV_TRY(slv_catalog_worker_list(c, r->key.account, SLV_STR_NULL, &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++)
        SLV_TRY(of_worker(c, &list.items[i], all, err));
    return SLV_OK;
}

slv_code slv_script_first_reference(script_rest *r, slv_catalog *c, slv_buf *out, slv_err *err)
{
    references all = {0};

    SLV_TRY(gather(r, c, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        const reference *ref = &all.items[i];

        if (slv_str_eq(ref->to, r->key.name))
            return slv_buf_printf(out, "Worker '%.*s' (binding '%.*s')", SLV_STR_ARGS(ref->from),
                                  SLV_STR_ARGS(ref->binding));
    }
    return SLV_OK;
}

/* ---- GET references ---- */

static void put_services(slv_json_writer *w, const references *all, slv_str name, bool incoming)
{
    slv_json_open(w, '[');
    for (size_t i = 0; i < all->count; i++) {
        const reference *ref = &all->items[i];
        slv_str mine = incoming ? ref->to : ref->from, other = incoming ? ref->from : ref->to;

        if (!slv_str_is(ref->kind, "service") || !slv_str_eq(mine, name))
            continue;
        slv_json_open(w, '{');
        slv_json_put_text(w, "service", other);
        slv_json_put_text(w, "environment", SLV_STR("production"));
        slv_json_put_text(w, "name", ref->binding);
        slv_json_put_some(w, "entrypoint", ref->detail);
        slv_json_close(w, '}');
    }
    slv_json_close(w, ']');
}

static void put_others(slv_json_writer *w, const references *all, slv_str name, const char *kind,
                       const char *detail)
{
    slv_json_open(w, '[');
    for (size_t i = 0; i < all->count; i++) {
        const reference *ref = &all->items[i];

        if (!slv_str_is(ref->kind, kind) || !slv_str_eq(ref->to, name))
            continue;
        slv_json_open(w, '{');
        slv_json_put_text(w, "service", ref->from);
        slv_json_put_text(w, "environment", SLV_STR("production"));
        slv_json_put_text(w, "name", ref->binding);
        slv_json_put_text(w, detail, ref->detail);
        if (slv_str_is(ref->kind, "durable_object")) {
            slv_json_put_text(w, "durable_object_namespace_id", SLV_STR(""));
            slv_json_put_text(w, "durable_object_namespace_name", ref->detail);
        } else {
            slv_json_put_text(w, "worker", ref->to);
            slv_json_key(w, "params");
            slv_json_raw(w, SLV_STR("[]"));
        }
        slv_json_close(w, '}');
    }
    slv_json_close(w, ']');
}

static slv_code work_references(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_json_writer *w = &r->json;
    references all = {0};

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(gather(r, c, &all, err));
    slv_json_open(w, '{');
    slv_json_key(w, "services");
    slv_json_open(w, '{');
    slv_json_key(w, "incoming");
    put_services(w, &all, r->key.name, true);
    slv_json_key(w, "outgoing");
    put_services(w, &all, r->key.name, false);
    slv_json_put_bool(w, "pages_function", false);
    slv_json_close(w, '}');
    slv_json_key(w, "durable_objects");
    put_others(w, &all, r->key.name, "durable_object", "class_name");
    slv_json_key(w, "dispatch_outbounds");
    put_others(w, &all, r->key.name, "outbound", "namespace");
    slv_json_close(w, '}');
    return SLV_OK;
}

static void get_references(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_references, NULL);
}

/* ---- GET tails/by-consumer/:script: whose events it takes ---- */

static bool consumes(const slv_node *settings, slv_str name)
{
    const slv_node *list = slv_node_get(settings, "tail_consumers");

    for (const slv_node *t = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; t; t = t->next)
        if (slv_str_eq(slv_node_str(slv_node_get(t, "service")), name))
            return true;
    return false;
}

static slv_code work_tails(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_worker_list list = {0};

    SLV_TRY(slv_catalog_worker_list(c, r->key.account, SLV_STR_NULL, &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++) {
        const slv_worker_row *row = &list.items[i];

        if (!consumes(slv_script_parse(row->settings, &r->arena), r->key.name))
            continue;
        slv_json_open(&r->json, '{');
        slv_json_put_text(&r->json, "tag", row->tag);
        slv_json_key(&r->json, "producer");
        slv_json_open(&r->json, '{');
        slv_json_put_text(&r->json, "service", row->name);
        slv_json_put_text(&r->json, "environment", SLV_STR("production"));
        slv_json_close(&r->json, '}');
        slv_json_close(&r->json, '}');
    }
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void get_tails(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_tails, NULL);
}

const slv_api_route slv_api_script_reference_routes[] = {
    {.method = "GET",
     .pattern = "/accounts/:account/workers/scripts/:script/references",
     .handle = get_references},
    {.method = "GET",
     .pattern = "/accounts/:account/workers/tails/by-consumer/:script",
     .handle = get_tails},
    {0},
};
