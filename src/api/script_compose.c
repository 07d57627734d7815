/* Metadata of a change that is no upload: what the version before had, and what is new. */
#include "api/script_int.h"
#include "fmt/json.h"

/* Members that say what an upload does; a version does not hand them on. */
static bool passes(slv_str key)
{
    static const char *const not_these[] = {"bindings",      "annotations", "migrations",
                                            "keep_bindings", "keep_assets", "assets"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(not_these); i++)
        if (slv_str_is(key, not_these[i]))
            return false;
    return true;
}

const slv_node *slv_script_binding(const slv_node *metadata, slv_str name)
{
    const slv_node *list = slv_node_get(metadata, "bindings");

    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b; b = b->next)
        if (slv_str_eq(slv_node_str(slv_node_get(b, "name")), name))
            return b;
    return NULL;
}

static bool is_changed(const script_change *changes, size_t count, slv_str name)
{
    for (size_t i = 0; i < count; i++)
        if (slv_str_eq(changes[i].name, name))
            return true;
    return false;
}

static void put_inherit(slv_json_writer *w, slv_str name)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "name", name);
    slv_json_put_text(w, "type", SLV_STR("inherit"));
    slv_json_close(w, '}');
}

static void put_bindings(slv_json_writer *w, const slv_node *before, const script_change *changes,
                         size_t count)
{
    const slv_node *list = slv_node_get(before, "bindings");

    slv_json_key(w, "bindings");
    slv_json_open(w, '[');
    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b;
         b = b->next) {
        slv_str name = slv_node_str(slv_node_get(b, "name"));

        if (!is_changed(changes, count, name))
            put_inherit(w, name);
    }
    for (size_t i = 0; i < count; i++)
        if (changes[i].binding)
            slv_json_node(w, changes[i].binding);
    slv_json_close(w, ']');
}

slv_code slv_script_compose(script_rest *r, const script_change *changes, size_t count,
                            const slv_node *over)
{
    slv_json_writer w = SLV_JSON_WRITER(&r->metadata_text);
    const slv_node *before;

    slv_arena_reset(&r->metadata_arena);
    slv_buf_reset(&r->metadata_text);
    before = slv_script_parse(r->previous.metadata, &r->metadata_arena);
    slv_json_open(&w, '{');
    for (const slv_node *m = slv_node_is(before, SLV_NODE_OBJECT) ? before->first : NULL; m;
         m = m->next) {
        if (!passes(m->key) || slv_node_find(over, m->key))
            continue;
        slv_json_key_str(&w, m->key);
        slv_json_node(&w, m);
    }
    for (const slv_node *m = slv_node_is(over, SLV_NODE_OBJECT) ? over->first : NULL; m;
         m = m->next) {
        if (slv_str_is(m->key, "bindings"))
            continue;
        slv_json_key_str(&w, m->key);
        slv_json_node(&w, m);
    }
    put_bindings(&w, before, changes, count);
    slv_json_put_raw(&w, "keep_bindings", SLV_STR("[]")); /* what stays is listed */
    slv_json_put_bool(&w, "keep_assets", true);
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    r->metadata = NULL;
    return slv_json_parse(slv_buf_view(&r->metadata_text), SLV_JSON_STRICT, &r->metadata_arena,
                          &r->metadata, NULL);
}

slv_code slv_script_env_changes(const slv_node *env, slv_arena *arena, script_change *changes,
                                size_t *ret_count)
{
    for (const slv_node *m = slv_node_is(env, SLV_NODE_OBJECT) ? env->first : NULL; m;
         m = m->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SCRIPT_METADATA_MAX);
        slv_json_writer w = SLV_JSON_WRITER(&text);
        script_change *change = &changes[(*ret_count)++];
        slv_node *binding = NULL;
        slv_str kept;

        change->name = m->key;
        if (m->type == SLV_NODE_NULL)
            continue;
        slv_json_open(&w, '{');
        slv_json_put_text(&w, "name", m->key);
        if (!slv_node_get(m, "type"))
            slv_json_put_text(&w, "type", SLV_STR("secret_text"));
        for (const slv_node *v = m->first; v; v = v->next) {
            if (slv_str_is(v->key, "name"))
                continue;
            slv_json_key_str(&w, v->key);
            slv_json_node(&w, v);
        }
        slv_json_close(&w, '}');
        SLV_TRY(w.code);
        SLV_TRY(slv_arena_dup(arena, slv_buf_view(&text), &kept));
        SLV_TRY(slv_json_parse(kept, SLV_JSON_STRICT, arena, &binding, NULL));
        change->binding = binding;
    }
    return SLV_OK;
}

const slv_node *slv_script_only(const slv_node *object, const char *key, slv_arena *arena)
{
    const slv_node *member = slv_node_get(object, key);
    slv_node *copy, *only = slv_node_new(arena, SLV_NODE_OBJECT, 0, 0);

    if (!member || !only || !(copy = slv_arena_try_alloc(arena, sizeof *copy)))
        return NULL;
    *copy = *member;
    copy->next = NULL;
    slv_node_append(only, copy);
    return only;
}
