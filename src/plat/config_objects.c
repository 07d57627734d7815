/*
 * Classes of Durable Objects in the configuration: what [[migrations]], or `exports`, make of them.
 * What they do stands in plat/classes.h.
 */
#include "plat/classes.h"
#include "plat/config_int.h"

typedef struct walk {
    config_walk *w;
    slv_config *c;
    slv_classes book;
} walk;

/* The same with its place in the file. */
static slv_code at(walk *k, const slv_node *n, slv_code code, const slv_err *err)
{
    return code == SLV_OK ? SLV_OK : slv_config_fail(k->w, SLV_E_INVAL, n, "%s", slv_err_text(err));
}

static slv_code create(walk *k, const slv_node *n, slv_str name, bool sql)
{
    slv_err err = {0};

    return at(k, n, slv_classes_create(&k->book, name, sql, &err), &err);
}

static slv_code delete_class(walk *k, const slv_node *n, slv_str name, slv_str tag)
{
    slv_err err = {0};

    return at(k, n, slv_classes_delete(&k->book, name, tag, &err), &err);
}

static slv_code rename_class(walk *k, const slv_node *n, slv_str from, slv_str to)
{
    slv_err err = {0};

    return at(k, n, slv_classes_rename(&k->book, from, to, &err), &err);
}

static const slv_node *first_of(const slv_node *table, const char *key)
{
    const slv_node *list = slv_node_get(table, key);

    return slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL;
}

static slv_code read_migration(walk *k, const slv_node *m)
{
    slv_str tag = slv_node_str(slv_node_get(m, "tag"));

    for (size_t i = 0; i < k->book.steps.len; i++) {
        if (slv_str_eq(k->book.steps.items[i].tag, tag))
            return slv_config_fail(k->w, SLV_E_INVAL, m, "two migrations have the tag '%.*s'",
                                   SLV_STR_ARGS(tag));
    }
    slv_classes_step(&k->book, tag, SLV_STR_NULL);
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
        SLV_TRY(delete_class(k, n, slv_node_str(n), tag));
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
        slv_object_class *class = slv_classes_find(&k->book, to);

        if (!class)
            return slv_config_fail(k->w, SLV_E_INVAL, n, "'renamed_to' must name another export");
        class->key = n->key;
        return SLV_OK;
    }
    if (slv_str_is(state, "deleted")) {
        slv_classes_step(&k->book, tag, n->key);
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

        if (b->type != SLV_BINDING_OBJECTS || b->service.len > 0 ||
            slv_classes_find(&k->book, b->id))
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

static slv_code read_all(walk *k, const slv_node *list, const slv_node *exports)
{
    for (const slv_node *m = list; m; m = m->next)
        SLV_TRY(read_migration(k, m));
    if (exports)
        SLV_TRY(read_exports(k, exports));
    SLV_TRY(add_bound(k, list || exports));
    for (size_t i = 0; i < k->book.classes.len; i++)
        slv_vec_push(&k->c->classes, k->book.classes.items[i]);
    for (size_t i = 0; i < k->book.steps.len; i++)
        slv_vec_push(&k->c->object_steps, k->book.steps.items[i]);
    return SLV_OK;
}

slv_code slv_config_read_classes(config_walk *w, const slv_node *migrations,
                                 const slv_node *exports, slv_config *c)
{
    walk k = {.w = w, .c = c, .book.arena = w->arena};
    bool has_exports = slv_node_is(exports, SLV_NODE_OBJECT) && exports->first;
    const slv_node *list = slv_node_is(migrations, SLV_NODE_ARRAY) ? migrations->first : NULL;

    if (has_exports && list)
        return slv_config_fail(w, SLV_E_INVAL, exports,
                               "'exports' and 'migrations' exclude each other: keep one of them");
    slv_code code = read_all(&k, list, has_exports ? exports : NULL);
    slv_classes_done(&k.book);
    return code;
}
