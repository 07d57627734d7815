/*
 * Classes of Durable Objects in the configuration: what [[migrations]], or `exports`, make of them.
 *
 * A class has an *origin*, the name under which it was first created: it stands in the key that ids
 * and files are derived from, so that a renamed class keeps its objects. A class that takes the
 * name of one that was renamed away gets another origin.
 */
#include "plat/config_int.h"

typedef struct walk {
    config_walk *w;
    slv_config *c;
} walk;

static slv_object_class *find(walk *k, slv_str name)
{
    for (size_t i = 0; i < k->c->classes.len; i++) {
        if (slv_str_eq(k->c->classes.items[i].name, name))
            return &k->c->classes.items[i];
    }
    return NULL;
}

static bool origin_taken(walk *k, slv_str origin)
{
    for (size_t i = 0; i < k->c->classes.len; i++) {
        if (slv_str_eq(k->c->classes.items[i].key, origin))
            return true;
    }
    return false;
}

static slv_code create(walk *k, const slv_node *at, slv_str name, bool sql)
{
    slv_object_class class = {.name = name, .key = name, .sql = sql};

    if (find(k, name))
        return slv_config_fail(
            k->w, SLV_E_INVAL, at,
            "the class '%.*s' is created, but an earlier migration has created it",
            SLV_STR_ARGS(name));
    for (unsigned n = 2; origin_taken(k, class.key); n++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);

        SLV_TRY(slv_buf_printf(&text, "%.*s~%u", SLV_STR_ARGS(name), n));
        SLV_TRY(slv_arena_dup(k->w->arena, slv_buf_view(&text), &class.key));
    }
    slv_vec_push(&k->c->classes, class);
    return SLV_OK;
}

static void step(walk *k, slv_str tag, slv_str deleted)
{
    const slv_object_step s = {tag, deleted};

    slv_vec_push(&k->c->object_steps, s);
}

static slv_code delete (walk *k, const slv_node *at, slv_str name, slv_str tag)
{
    slv_object_class *class = find(k, name);

    if (!class)
        return slv_config_fail(k->w, SLV_E_INVAL, at,
                               "the class '%.*s' is deleted, but no migration has created it",
                               SLV_STR_ARGS(name));
    step(k, tag, class->key);
    *class = k->c->classes.items[k->c->classes.len - 1];
    k->c->classes.len--;
    return SLV_OK;
}

static slv_code rename_class(walk *k, const slv_node *at, slv_str from, slv_str to)
{
    slv_object_class *class = find(k, from);

    if (!class || find(k, to))
        return slv_config_fail(
            k->w, SLV_E_INVAL, at,
            class ? "a class is renamed to '%.*s', which is there already"
                  : "the class '%.*s' is renamed, but no migration has created it",
            SLV_STR_ARGS(class ? to : from));
    class->name = to;
    return SLV_OK;
}

static const slv_node *first_of(const slv_node *table, const char *key)
{
    const slv_node *list = slv_node_get(table, key);

    return slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL;
}

static slv_code read_migration(walk *k, const slv_node *m)
{
    slv_str tag = slv_node_str(slv_node_get(m, "tag"));

    for (size_t i = 0; i < k->c->object_steps.len; i++) {
        if (slv_str_eq(k->c->object_steps.items[i].tag, tag))
            return slv_config_fail(k->w, SLV_E_INVAL, m, "two migrations have the tag '%.*s'",
                                   SLV_STR_ARGS(tag));
    }
    step(k, tag, SLV_STR_NULL);
    for (const slv_node *n = first_of(m, "new_classes"); n; n = n->next)
        SLV_TRY(create(k, n, slv_node_str(n), false));
    for (const slv_node *n = first_of(m, "new_sqlite_classes"); n; n = n->next)
        SLV_TRY(create(k, n, slv_node_str(n), true));
    for (const slv_node *n = first_of(m, "renamed_classes"); n; n = n->next)
        SLV_TRY(rename_class(k, n, slv_node_str(slv_node_get(n, "from")),
                             slv_node_str(slv_node_get(n, "to"))));
    for (const slv_node *n = first_of(m, "transferred_classes"); n; n = n->next)
        SLV_TRY(create(k, n, slv_node_str(slv_node_get(n, "to")), true));
    for (const slv_node *n = first_of(m, "deleted_classes"); n; n = n->next)
        SLV_TRY(delete (k, n, slv_node_str(n), tag));
    return SLV_OK;
}

/* One member of `exports`; its key is the class. */
static slv_code read_export(walk *k, const slv_node *n, slv_str tag)
{
    slv_str state = slv_node_str(slv_node_get(n, "state"));
    slv_str storage = slv_node_str(slv_node_get(n, "storage"));

    if (!slv_str_is(slv_node_str(slv_node_get(n, "type")), "durable-object"))
        return SLV_OK;
    if (storage.len > 0 && !slv_str_is(storage, "sqlite") && !slv_str_is(storage, "legacy-kv"))
        return slv_config_fail(k->w, SLV_E_INVAL, n,
                               "'storage' must be \"sqlite\" or \"legacy-kv\"");
    bool sql = !slv_str_is(storage, "legacy-kv");
    if (slv_str_is(state, "renamed")) {
        slv_str to = slv_node_str(slv_node_get(n, "renamed_to"));
        slv_object_class *class = find(k, to);

        if (!class)
            return slv_config_fail(k->w, SLV_E_INVAL, n, "'renamed_to' must name another export");
        class->key = n->key;
        return SLV_OK;
    }
    if (slv_str_is(state, "deleted")) {
        step(k, tag, n->key);
        return SLV_OK;
    }
    return slv_str_is(state, "transferred") ? SLV_OK : create(k, n, n->key, sql);
}

static slv_code read_exports(walk *k, const slv_node *exports)
{
    /* what is created comes first, so that a rename finds it */
    for (int pass = 0; pass < 2; pass++) {
        for (const slv_node *n = exports->first; n; n = n->next) {
            slv_str state = slv_node_str(slv_node_get(n, "state"));
            bool created = state.len == 0 || slv_str_is(state, "created") ||
                           slv_str_is(state, "expecting-transfer");

            if (slv_node_is(n, SLV_NODE_OBJECT) && created == (pass == 0))
                SLV_TRY(read_export(k, n, SLV_STR("exports")));
        }
    }
    return SLV_OK;
}

/* Bindings to classes of this worker that nothing has created: local runs take them as they are. */
static slv_code add_bound(walk *k, bool declared)
{
    for (size_t i = 0; i < k->c->bindings.len; i++) {
        const slv_binding *b = &k->c->bindings.items[i];

        if (b->type != SLV_BINDING_OBJECTS || b->service.len > 0 || find(k, b->id))
            continue;
        slv_config_warn_at(k->w, NULL,
                           declared
                               ? "no migration creates the Durable Object class '%.*s' of the "
                                 "binding '%.*s': it is given key-value storage"
                               : "there are no migrations for the Durable Object class '%.*s' of "
                                 "the binding '%.*s': it is given key-value storage",
                           SLV_STR_ARGS(b->id), SLV_STR_ARGS(b->name));
        SLV_TRY(create(k, NULL, b->id, false));
    }
    return SLV_OK;
}

slv_code slv_config_read_classes(config_walk *w, const slv_node *migrations,
                                 const slv_node *exports, slv_config *c)
{
    walk k = {w, c};
    bool has_exports = slv_node_is(exports, SLV_NODE_OBJECT) && exports->first;
    const slv_node *list = slv_node_is(migrations, SLV_NODE_ARRAY) ? migrations->first : NULL;

    if (has_exports && list)
        return slv_config_fail(w, SLV_E_INVAL, exports,
                               "'exports' and 'migrations' exclude each other: keep one of them");
    for (const slv_node *m = list; m; m = m->next)
        SLV_TRY(read_migration(&k, m));
    if (has_exports)
        SLV_TRY(read_exports(&k, exports));
    return add_bound(&k, list || has_exports);
}
