/* Secrets of a worker on a server: each change is a new version of it, in force at once. */
#include <stdio.h>

#include "cli/secret_int.h"

#define VALUE_MAX ((size_t)1 << 20)

static void put_secret(slv_json_writer *w, slv_str name, slv_str text)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "name", name);
    slv_json_put_text(w, "text", text);
    slv_json_put_text(w, "type", SLV_STR("secret_text"));
    slv_json_close(w, '}');
}

slv_code slv_secret_remote_put(slv_script_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF(VALUE_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    slv_node *result;
    const char *name;

    SLV_TRY(slv_args_required(v->args, 0, "the secret's name", &name, err));
    SLV_TRY(slv_secret_read_value(name, &value, err));
    put_secret(&w, slv_str_from(name), slv_buf_view(&value));
    SLV_TRY(w.code);
    SLV_TRY(slv_script_call(v, "PUT", &result, err, "/secrets"));
    printf("Success! Uploaded secret %s to %s\n", name, v->name);
    return SLV_OK;
}

slv_code slv_secret_remote_list(slv_script_verb *v, slv_err *err)
{
    const char *format = slv_args_string(v->args, "format");
    slv_node *all;

    SLV_TRY(slv_script_call(v, "GET", &all, err, "/secrets"));
    if (!format || strcmp(format, "pretty") != 0) {
        slv_rest_print_json(stdout, all);
        return SLV_OK;
    }
    for (const slv_node *n = all ? all->first : NULL; n; n = n->next)
        printf("Secret Name: %.*s\n\n", SLV_STR_ARGS(slv_node_str(slv_node_get(n, "name"))));
    return SLV_OK;
}

slv_code slv_secret_remote_delete(slv_script_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf escaped = SLV_BUF(4096);
    slv_node *result;
    const char *name;

    SLV_TRY(slv_args_required(v->args, 0, "the secret's name", &name, err));
    SLV_TRY(slv_rest_put_escaped(&escaped, slv_str_from(name)));
    SLV_TRY(slv_script_call(v, "DELETE", &result, err, "/secrets/%.*s?url_encoded=true",
                            SLV_STR_ARGS(slv_buf_view(&escaped))));
    printf("Success! Deleted secret %s of %s\n", name, v->name);
    return SLV_OK;
}

slv_code slv_secret_remote_bulk(slv_script_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * SLV_SECRET_BULK_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    slv_node *all = NULL, *result;

    SLV_TRY(slv_secret_read_bulk(v->args, &arena, &all, err));
    slv_json_open(&w, '{');
    slv_json_key(&w, "secrets");
    slv_json_open(&w, '{');
    for (const slv_node *n = all->first; n; n = n->next) {
        slv_json_key_str(&w, n->key);
        if (n->type == SLV_NODE_STRING)
            put_secret(&w, n->key, n->text);
        else if (n->type == SLV_NODE_NULL)
            slv_json_node(&w, n);
        else
            return slv_fail(err, SLV_E_INVAL, "the value for %.*s must be a string, or null",
                            SLV_STR_ARGS(n->key));
    }
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_script_call(v, "PATCH", &result, err, "/secrets-bulk"));
    printf("%zu secret%s uploaded to %s\n", all->count, all->count == 1 ? "" : "s", v->name);
    return SLV_OK;
}
