/*
 * selvage versions secret put|list|delete|bulk: secrets in a new version of a worker that no
 * request is sent to yet.
 */
#include <stdio.h>

#include "cli/secret_int.h"
#include "cli/verbs.h"

#define VALUE_MAX ((size_t)1 << 20)

/* The change of one secret; text.ptr NULL: it goes. */
static void put_change(slv_json_writer *w, slv_str name, slv_str text)
{
    slv_json_key_str(w, name);
    if (!text.ptr) {
        slv_json_node(w, NULL);
        return;
    }
    slv_json_open(w, '{');
    slv_json_put_text(w, "type", SLV_STR("secret_text"));
    slv_json_put_text(w, "text", text);
    slv_json_close(w, '}');
}

static void begin(slv_json_writer *w)
{
    slv_json_open(w, '{');
    slv_json_key(w, "env");
    slv_json_open(w, '{');
}

static slv_code send(slv_script_verb *v, slv_json_writer *w, slv_err *err)
{
    const char *message = slv_args_string(v->args, "message"),
               *tag = slv_args_string(v->args, "tag");
    slv_node *result;

    slv_json_close(w, '}');
    slv_json_key(w, "annotations");
    slv_json_open(w, '{');
    slv_json_put_some(w, "workers/message", slv_str_from(message ? message : ""));
    slv_json_put_some(w, "workers/tag", slv_str_from(tag ? tag : ""));
    slv_json_close(w, '}');
    slv_json_close(w, '}');
    SLV_TRY(w->code);
    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/workers/workers/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->name)));
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/versions/latest")));
    SLV_TRY(slv_rest_json(v->rest, "PATCH", slv_buf_view(&v->path), slv_buf_view(&v->json), &result,
                          err));
    slv_str id = slv_node_str(slv_node_get(result, "id"));

    printf("Created version %.*s. To send requests to it:\n  selvage versions deploy %.*s@100%%\n",
           SLV_STR_ARGS(id), SLV_STR_ARGS(id));
    return SLV_OK;
}

static slv_code put(slv_script_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF(VALUE_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    const char *name;

    SLV_TRY(slv_args_required(v->args, 0, "the secret's name", &name, err));
    SLV_TRY(slv_secret_read_value(name, &value, err));
    begin(&w);
    put_change(&w, slv_str_from(name), value.len > 0 ? slv_buf_view(&value) : SLV_STR(""));
    return send(v, &w, err);
}

static slv_code delete_secret(slv_script_verb *v, slv_err *err)
{
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    const char *name;

    SLV_TRY(slv_args_required(v->args, 0, "the secret's name", &name, err));
    begin(&w);
    put_change(&w, slv_str_from(name), SLV_STR_NULL);
    return send(v, &w, err);
}

static slv_code bulk(slv_script_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * SLV_SECRET_BULK_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    slv_node *all = NULL;

    SLV_TRY(slv_secret_read_bulk(v->args, &arena, &all, err));
    begin(&w);
    for (const slv_node *n = all->first; n; n = n->next) {
        if (n->type != SLV_NODE_STRING && n->type != SLV_NODE_NULL)
            return slv_fail(err, SLV_E_INVAL, "the value for %.*s must be a string, or null",
                            SLV_STR_ARGS(n->key));
        put_change(&w, n->key, n->type == SLV_NODE_STRING ? n->text : SLV_STR_NULL);
    }
    return send(v, &w, err);
}

/* Of the newest version, whether requests are sent to it or not. */
static slv_code list(slv_script_verb *v, slv_err *err)
{
    slv_node *result;
    const slv_node *items, *bindings;

    SLV_TRY(slv_script_call(v, "GET", &result, err, "/versions"));
    items = slv_node_get(result, "items");
    bindings = slv_node_get(slv_node_get(items ? items->first : NULL, "resources"), "bindings");
    for (const slv_node *n = bindings ? bindings->first : NULL; n; n = n->next)
        if (slv_str_is(slv_node_str(slv_node_get(n, "type")), "secret_text"))
            printf("Secret Name: %.*s\n", SLV_STR_ARGS(slv_node_str(slv_node_get(n, "name"))));
    return SLV_OK;
}

static int exec_put(const slv_args *args)
{
    return slv_script_run(args, put);
}

static int exec_delete(const slv_args *args)
{
    return slv_script_run(args, delete_secret);
}

static int exec_bulk(const slv_args *args)
{
    return slv_script_run(args, bulk);
}

static int exec_list(const slv_args *args)
{
    return slv_script_run(args, list);
}

static const slv_flag flags[] = {
    SLV_SCRIPT_FLAGS,
    {"message", SLV_FLAG_STRING, 0, "TEXT", "a message for the version"},
    {"tag", SLV_FLAG_STRING, 0, "TEXT", "a tag for the version"},
    {"latest-version", SLV_FLAG_BOOL, 0, NULL, NULL},
};

#define VERB(id, words, arguments, what, count, function)                                          \
    const slv_cmd slv_cmd_versions_secret_##id##_verb = {                                          \
        .name = "versions secret " words,                                                          \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = flags,                                                                            \
        .flag_count = SLV_ARRAY_LEN(flags),                                                        \
        .max_positional = count,                                                                   \
        .exec = function,                                                                          \
    }

VERB(put, "put", "<name>", "set a secret in a new version", 1, exec_put);
VERB(list, "list", "", "names of the secrets of the newest version", 0, exec_list);
VERB(delete, "delete", "<name>", "leave a secret out of a new version", 1, exec_delete);
VERB(bulk, "bulk", "[file]", "set secrets in a new version", 1, exec_bulk);
