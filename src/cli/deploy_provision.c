/* Resources that bindings need and do not name: those of the last version, or new ones. */
#include "base/mem.h"
#include "cli/deploy_int.h"
#include "cli/term.h"
#include "fmt/json_write.h"

typedef struct provision {
    slv_deploy *d;
    const slv_provided_kind *kind;
    const slv_node *item; /* of the configuration */
    slv_str binding, name;
    const slv_node *settings; /* bindings of the last version */
} provision;

/* "my-api-user-cache" for USER_CACHE. */
static slv_code default_name(provision *p, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);

    if (slv_buf_printf(&text, "%s-%.*s", p->d->project.name, SLV_STR_ARGS(p->binding)) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the name of a binding is too long");
    for (size_t i = 0; i < text.len; i++)
        text.ptr[i] = text.ptr[i] == '_' ? '-' : slv_ascii_lower(text.ptr[i]);
    return slv_arena_dup(&p->d->arena, slv_buf_view(&text), &p->name);
}

static bool had_before(const provision *p)
{
    for (const slv_node *n = p->settings ? p->settings->first : NULL; n; n = n->next)
        if (slv_str_eq(slv_node_str(slv_node_get(n, "name")), p->binding) &&
            slv_str_is(slv_node_str(slv_node_get(n, "type")), p->kind->type))
            return true;
    return false;
}

static slv_code set_path(provision *p, const char *before, slv_str name)
{
    slv_buf_reset(&p->d->path);
    SLV_TRY(slv_buf_append(&p->d->path, slv_str_from(before)));
    return slv_rest_put_escaped(&p->d->path, name);
}

/* {"KEY": NAME} to a collection; the new one's id. */
static slv_code make(provision *p, const char *path, const char *key, const char *id, slv_str *ret,
                     slv_err *err)
{
    slv_json_writer w = SLV_JSON_WRITER(&p->d->json);
    slv_node *result;

    slv_json_open(&w, '{');
    slv_json_put_text(&w, key, p->name);
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(set_path(p, path, SLV_STR("")));
    SLV_TRY(slv_deploy_call(p->d, "POST", &result, err));
    slv_term_news("Created %s %.*s for the binding %.*s", p->kind->type, SLV_STR_ARGS(p->name),
                  SLV_STR_ARGS(p->binding));
    *ret = slv_node_str(slv_node_get(result, id));
    return SLV_OK;
}

static slv_code provide_namespace(provision *p, slv_str *ret, slv_err *err)
{
    SLV_TRY(default_name(p, err));
    return make(p, "/storage/kv/namespaces", "title", "id", ret, err);
}

static slv_code provide_database(provision *p, slv_str *ret, slv_err *err)
{
    slv_err why = {0};
    slv_node *result;
    slv_code code;

    p->name = slv_node_str(slv_node_get(p->item, "database_name"));
    if (p->name.len == 0)
        SLV_TRY(default_name(p, err));
    SLV_TRY(set_path(p, "/d1/database/", p->name));
    code = slv_deploy_call(p->d, "GET", &result, &why);
    if (code == SLV_OK) {
        *ret = slv_node_str(slv_node_get(result, "uuid"));
        return SLV_OK;
    }
    if (code != SLV_E_NOTFOUND)
        return slv_fail(err, code, "%s", slv_err_text(&why));
    return make(p, "/d1/database", "name", "uuid", ret, err);
}

static slv_code provide_bucket(provision *p, slv_str *ret, slv_err *err)
{
    slv_err why = {0};
    slv_node *result;
    slv_code code;

    p->name = slv_node_str(slv_node_get(p->item, "bucket_name"));
    if (p->name.len == 0)
        SLV_TRY(default_name(p, err));
    SLV_TRY(set_path(p, "/r2/buckets/", p->name));
    code = slv_deploy_call(p->d, "GET", &result, &why);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return slv_fail(err, code, "%s", slv_err_text(&why));
    if (code == SLV_E_NOTFOUND)
        SLV_TRY(make(p, "/r2/buckets", "name", "name", ret, err));
    *ret = p->name;
    return SLV_OK;
}

static slv_code provide(provision *p, slv_err *err)
{
    static slv_code (*const ways[SLV_PROVIDED_KINDS])(provision *, slv_str *, slv_err *) = {
        provide_namespace, provide_database, provide_bucket};
    size_t which = (size_t)(p->kind - slv_provided_kinds);
    slv_str id = slv_node_str(slv_node_get(p->item, p->kind->id));
    slv_provision made = {.name = p->binding};

    if (id.len > 0 && which != 2)
        return SLV_OK;
    if (id.len > 0 || !had_before(p))
        SLV_TRY(ways[which](p, &made.id, err));
    slv_vec_push(&p->d->provisions, made);
    return SLV_OK;
}

slv_code slv_deploy_provision(slv_deploy *d, slv_err *err)
{
    provision p = {.d = d};
    slv_node *result;

    if (!d->project.main)
        return SLV_OK;
    if (d->exists) {
        SLV_TRY(slv_deploy_path(d, "/settings"));
        SLV_TRY(slv_deploy_call(d, "GET", &result, err));
        p.settings = slv_node_get(result, "bindings");
    }
    for (size_t i = 0; i < SLV_PROVIDED_KINDS; i++) {
        const slv_node *list = slv_config_value(&d->project.config, slv_provided_kinds[i].key);

        p.kind = &slv_provided_kinds[i];
        for (p.item = list ? list->first : NULL; p.item; p.item = p.item->next) {
            p.binding = slv_node_str(slv_node_get(p.item, "binding"));
            SLV_TRY(provide(&p, err));
        }
    }
    return SLV_OK;
}
