/*
 * secrets-store secret create|update|list|delete: secrets that several workers share, kept beside
 * the local state as entries of a KV namespace of their own.
 */
#include <stdio.h>

#include "cli/cmd_kv_int.h"
#include "cli/secret_int.h"
#include "cli/verbs.h"
#include "plat/version.h"

#define PATH_BYTES ((size_t)4 << 10)
#define VALUE_BYTES ((size_t)64 << 10)

typedef slv_code (*step)(const slv_args *args, slv_rest *rest, const char *store, slv_err *err);

static slv_code path_of(const char *store, const char *tail, const char *name, slv_buf *out)
{
    char id[200];

    (void)snprintf(id, sizeof id, SLV_SECRETS_STORE_PREFIX "%s", store);
    SLV_TRY(slv_kv_path(out, id, tail));
    return name ? slv_rest_put_escaped(out, slv_str_from(name)) : SLV_OK;
}

static slv_code name_of(const slv_args *args, const char **ret, slv_err *err)
{
    *ret = slv_args_string(args, "name");
    return *ret ? SLV_OK : slv_fail(err, SLV_E_INVAL, "Missing required argument: name");
}

static slv_code put(const slv_args *args, slv_rest *rest, const char *store, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES), typed = SLV_BUF(VALUE_BYTES);
    const bool is_new = slv_str_is(slv_str_from(args->cmd->name), "secrets-store secret create");
    const char *value = slv_args_string(args, "value"), *name;
    slv_node *result;

    SLV_TRY(name_of(args, &name, err));
    if (!value)
        SLV_TRY(slv_secret_read_value(name, &typed, err));
    slv_str text = value ? slv_str_from(value) : slv_buf_view(&typed);
    if (text.len == 0)
        return slv_fail(err, SLV_E_INVAL, "Need to pass in a value when creating a secret.");
    SLV_TRY(path_of(store, "/values/", name, &path));
    const slv_rest_request request = {.method = "PUT", .path = slv_buf_view(&path), .body = text};
    SLV_TRY(slv_rest_envelope(rest, &request, &result, err));
    printf("%s secret! (Name: %s, StoreID: %s)\n", is_new ? "Created" : "Updated", name, store);
    return SLV_OK;
}

static slv_code list(const slv_args *args, slv_rest *rest, const char *store, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    slv_node *keys;

    (void)args;
    SLV_TRY(path_of(store, "/keys?limit=1000", NULL, &path));
    SLV_TRY(slv_rest_json(rest, "GET", slv_buf_view(&path), SLV_STR_NULL, &keys, err));
    if (keys->count == 0)
        return slv_fail(err, SLV_E_NOTFOUND, "List request returned no secrets for the store %s.",
                        store);
    for (const slv_node *n = keys->first; n; n = n->next)
        printf("%.*s\n", SLV_STR_ARGS(slv_node_str(slv_node_get(n, "name"))));
    return SLV_OK;
}

static slv_code drop(const slv_args *args, slv_rest *rest, const char *store, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    const char *name;
    slv_node *result;

    SLV_TRY(name_of(args, &name, err));
    SLV_TRY(path_of(store, "/values/", name, &path));
    SLV_TRY(slv_rest_json(rest, "DELETE", slv_buf_view(&path), SLV_STR_NULL, &result, err));
    printf("Deleted secret! (Name: %s, StoreID: %s)\n", name, store);
    return SLV_OK;
}

static slv_code open_and(const slv_args *args, step run, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;

    if (args->positional.len == 0)
        return slv_fail(err, SLV_E_INVAL, "Not enough arguments: the ID of a store is missing.");
    if (slv_args_bool(args, "remote", false))
        return slv_fail(err, SLV_E_UNSUPPORTED,
                        "A server has no secrets store yet: 'secret put' gives one to a worker.");
    SLV_TRY(slv_rest_open(args, &rest, err));
    return run(args, rest, args->positional.items[0], err);
}

static int act(const slv_args *args, step run)
{
    slv_err err = {0};

    return open_and(args, run, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int put_exec(const slv_args *args)
{
    return act(args, put);
}

static int list_exec(const slv_args *args)
{
    return act(args, list);
}

static int delete_exec(const slv_args *args)
{
    return act(args, drop);
}

static const slv_flag put_flags[] = {
    {"name", SLV_FLAG_STRING, 0, "NAME", "name of the secret"},
    {"value", SLV_FLAG_STRING, 0, "TEXT", "its value; else it is asked for, or read from stdin"},
    {"scopes", SLV_FLAG_STRING, 0, "LIST", "accepted as it is: workers"},
    {"comment", SLV_FLAG_STRING, 0, "TEXT", "accepted as it is"},
    SLV_REST_FLAGS,
};
static const slv_flag list_flags[] = {SLV_REST_FLAGS};
static const slv_flag delete_flags[] = {
    {"name", SLV_FLAG_STRING, 0, "NAME", "name of the secret"},
    SLV_REST_FLAGS,
};

const slv_cmd slv_cmd_secrets_store_create_verb = {
    .name = "secrets-store secret create",
    .args = "<store-id>",
    .usage = "keep a secret for local runs",
    .flags = put_flags,
    .flag_count = SLV_ARRAY_LEN(put_flags),
    .max_positional = 1,
    .exec = put_exec,
};
const slv_cmd slv_cmd_secrets_store_update_verb = {
    .name = "secrets-store secret update",
    .args = "<store-id>",
    .usage = "give a secret another value",
    .flags = put_flags,
    .flag_count = SLV_ARRAY_LEN(put_flags),
    .max_positional = 1,
    .exec = put_exec,
};
const slv_cmd slv_cmd_secrets_store_list_verb = {
    .name = "secrets-store secret list",
    .args = "<store-id>",
    .usage = "list the names of a store's secrets",
    .flags = list_flags,
    .flag_count = SLV_ARRAY_LEN(list_flags),
    .max_positional = 1,
    .exec = list_exec,
};
const slv_cmd slv_cmd_secrets_store_delete_verb = {
    .name = "secrets-store secret delete",
    .args = "<store-id>",
    .usage = "remove a secret of a store",
    .flags = delete_flags,
    .flag_count = SLV_ARRAY_LEN(delete_flags),
    .max_positional = 1,
    .exec = delete_exec,
};
