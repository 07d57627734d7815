/*
 * dynamodb credentials: the access keys that requests to the tables may be signed with.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cli/rest.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define PATH "/dynamodb/credentials"
#define ROW "%-20s%.*s\n"

typedef slv_code (*keys_fn)(const slv_args *args, slv_rest *rest, slv_err *err);

static int with_rest(const slv_args *args, keys_fn fn)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    slv_err err = {0};
    slv_code code = slv_rest_open(args, &rest, &err);

    if (code == SLV_OK)
        code = fn(args, rest, &err);
    return code == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static void print_row(const char *label, const slv_node *key, const char *member)
{
    slv_str text = slv_node_str(slv_node_get(key, member));

    if (text.len > 0)
        printf(ROW, label, SLV_STR_ARGS(text));
}

static slv_code create(const slv_args *args, slv_rest *rest, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)64 << 10);
    const char *name = slv_args_string(args, "name");
    slv_node *key;

    SLV_TRY(slv_buf_append(&body, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(&body, slv_str_from(name ? name : "")));
    SLV_TRY(slv_buf_append_byte(&body, '}'));
    SLV_TRY(slv_rest_json(rest, "POST", SLV_STR(PATH), slv_buf_view(&body), &key, err));
    if (slv_args_bool(args, "json", false)) {
        slv_rest_print_json(stdout, key);
        return SLV_OK;
    }
    print_row("Access Key ID", key, "accessKeyId");
    print_row("Secret Access Key", key, "secretAccessKey");
    return SLV_OK;
}

static slv_code list(const slv_args *args, slv_rest *rest, slv_err *err)
{
    slv_node *keys;

    SLV_TRY(slv_rest_json(rest, "GET", SLV_STR(PATH), SLV_STR_NULL, &keys, err));
    if (slv_args_bool(args, "json", false)) {
        slv_rest_print_json(stdout, keys);
        return SLV_OK;
    }
    for (const slv_node *k = keys->first; k; k = k->next) {
        print_row("Access Key ID", k, "accessKeyId");
        print_row("Name", k, "name");
    }
    if (!keys->first)
        printf("There are no credentials. `selvage dynamodb credentials create` makes some.\n");
    return SLV_OK;
}

static slv_code delete_key(const slv_args *args, slv_rest *rest, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF((size_t)4 << 10);
    slv_node *result;
    const char *id;

    SLV_TRY(slv_args_required(args, 0, "access-key-id", &id, err));
    SLV_TRY(slv_buf_append(&path, SLV_STR(PATH "/")));
    SLV_TRY(slv_rest_put_escaped(&path, slv_str_from(id)));
    SLV_TRY(slv_rest_json(rest, "DELETE", slv_buf_view(&path), SLV_STR_NULL, &result, err));
    printf("Deleted credentials %s.\n", id);
    return SLV_OK;
}

static int exec_create(const slv_args *args)
{
    return with_rest(args, create);
}

static int exec_list(const slv_args *args)
{
    return with_rest(args, list);
}

static int exec_delete(const slv_args *args)
{
    return with_rest(args, delete_key);
}

static const slv_flag key_flags[] = {
    SLV_REST_FLAGS,
    {"name", SLV_FLAG_STRING, 0, "NAME", "what they are for"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "answer in JSON"},
};

#define VERB(id, words, arguments, line, positional, fn)                                           \
    const slv_cmd slv_cmd_dynamodb_##id##_verb = {.name = words,                                   \
                                                  .args = arguments,                               \
                                                  .usage = line,                                   \
                                                  .flags = key_flags,                              \
                                                  .flag_count = SLV_ARRAY_LEN(key_flags),          \
                                                  .max_positional = positional,                    \
                                                  .exec = fn}

VERB(keys_create, "dynamodb credentials create", "", "make an access key for DynamoDB", 0,
     exec_create);
VERB(keys_list, "dynamodb credentials list", "", "access keys for DynamoDB", 0, exec_list);
VERB(keys_delete, "dynamodb credentials delete", "<access-key-id>", "take an access key back", 1,
     exec_delete);
