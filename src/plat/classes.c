#include "plat/classes.h"

#include "base/buf.h"
#include "base/mem.h"

void slv_classes_done(slv_classes *c)
{
    slv_vec_done(&c->classes);
    slv_vec_done(&c->steps);
}

slv_object_class *slv_classes_find(slv_classes *c, slv_str name)
{
    for (size_t i = 0; i < c->classes.len; i++) {
        if (slv_str_eq(c->classes.items[i].name, name))
            return &c->classes.items[i];
    }
    return NULL;
}

static bool origin_taken(const slv_classes *c, slv_str origin)
{
    for (size_t i = 0; i < c->classes.len; i++) {
        if (slv_str_eq(c->classes.items[i].key, origin))
            return true;
    }
    return false;
}

slv_code slv_classes_create(slv_classes *c, slv_str name, bool sql, slv_err *err)
{
    slv_object_class class = {.name = name, .key = name, .sql = sql};

    if (slv_classes_find(c, name))
        return slv_fail(err, SLV_E_EXISTS,
                        "the class '%.*s' is created, but an earlier migration has created it",
                        SLV_STR_ARGS(name));
    for (unsigned n = 2; origin_taken(c, class.key); n++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);

        if (slv_buf_printf(&text, "%.*s~%u", SLV_STR_ARGS(name), n) != SLV_OK ||
            slv_arena_dup(c->arena, slv_buf_view(&text), &class.key) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "the name of a class is too long");
    }
    slv_vec_push(&c->classes, class);
    return SLV_OK;
}

void slv_classes_step(slv_classes *c, slv_str tag, slv_str deleted)
{
    const slv_object_step s = {tag, deleted};

    slv_vec_push(&c->steps, s);
}

slv_code slv_classes_delete(slv_classes *c, slv_str name, slv_str tag, slv_err *err)
{
    slv_object_class *class = slv_classes_find(c, name);

    if (!class)
        return slv_fail(err, SLV_E_NOTFOUND,
                        "the class '%.*s' is deleted, but no migration has created it",
                        SLV_STR_ARGS(name));
    slv_classes_step(c, tag, class->key);
    *class = c->classes.items[c->classes.len - 1];
    c->classes.len--;
    return SLV_OK;
}

slv_code slv_classes_rename(slv_classes *c, slv_str from, slv_str to, slv_err *err)
{
    slv_object_class *class = slv_classes_find(c, from);

    if (!class)
        return slv_fail(err, SLV_E_NOTFOUND,
                        "the class '%.*s' is renamed, but no migration has created it",
                        SLV_STR_ARGS(from));
    if (slv_classes_find(c, to))
        return slv_fail(err, SLV_E_EXISTS, "a class is renamed to '%.*s', which is there already",
                        SLV_STR_ARGS(to));
    class->name = to;
    return SLV_OK;
}
