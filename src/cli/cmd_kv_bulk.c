/*
 * kv bulk put|get|delete: many entries, from a JSON file.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cmd_kv_int.h"
#include "cli/exit.h"
#include "cli/term.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define PATH_BYTES ((size_t)4 << 10)
#define FILE_BYTES ((size_t)512 << 20)
#define PUT_BATCH 1000 /* entries of one call, as wrangler sends them */
#define GET_BATCH 100
#define ERRORS_MAX 12

/* A verb at work. */
typedef struct bulk {
    const char *file;
    slv_rest *rest;
    kv_target target;
    slv_arena arena;
    slv_buf text, body, path;
    slv_node *items;
} bulk;

static void bulk_done(bulk *b)
{
    (void)slv_rest_free(b->rest);
    slv_arena_done(&b->arena);
    slv_buf_done(&b->text);
    slv_buf_done(&b->body);
    slv_buf_done(&b->path);
}
SLV_DEFINE_CLEANUP_DONE(bulk, bulk_done);

static slv_code bulk_open(const slv_args *args, bulk *b, slv_err *err)
{
    *b = (bulk){.arena = SLV_ARENA(4 * FILE_BYTES),
                .text = SLV_BUF(FILE_BYTES),
                .body = SLV_BUF(FILE_BYTES),
                .path = SLV_BUF(PATH_BYTES)};
    SLV_TRY(slv_args_required(args, 0, "filename", &b->file, err));
    SLV_TRY(slv_kv_demand(args, err));
    SLV_TRY(slv_rest_open(args, &b->rest, err));
    return slv_kv_target_find(b->rest, args, NULL, &b->target, err);
}

static slv_code read_items(bulk *b, const char *expected, slv_err *err)
{
    slv_err inner = {0};

    SLV_TRY(slv_file_read(b->file, &b->text, err));
    if (slv_json_parse(slv_buf_view(&b->text), SLV_JSON_COMMENTS, &b->arena, &b->items, &inner) !=
        SLV_OK)
        return slv_fail(err, SLV_E_PARSE, "%s:%s", b->file, slv_err_text(&inner));
    if (slv_node_is(b->items, SLV_NODE_ARRAY))
        return SLV_OK;
    return slv_fail(err, SLV_E_INVAL, "Unexpected JSON input from \"%s\".\nExpected %s but got %s.",
                    b->file, expected, slv_node_type_text(b->items->type));
}

/* {method} .../ID{tail} with the next `most` items; *at moves behind them. */
static slv_code send_batch(bulk *b, const char *method, const char *tail, const slv_node **at,
                           size_t most, const char *before, const char *after, slv_node **ret,
                           slv_err *err)
{
    slv_buf_reset(&b->path);
    slv_buf_reset(&b->body);
    SLV_TRY(slv_kv_path(&b->path, b->target.id, tail));
    SLV_TRY(slv_buf_append(&b->body, slv_str_from(before)));
    for (size_t i = 0; i < most && *at; i++, *at = (*at)->next) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(&b->body, ','));
        SLV_TRY(slv_json_put(&b->body, *at));
    }
    SLV_TRY(slv_buf_append(&b->body, slv_str_from(after)));
    return slv_rest_json(b->rest, method, slv_buf_view(&b->path), slv_buf_view(&b->body), ret, err);
}

/* ---- put ---- */

static bool is_absent_or(const slv_node *item, const char *name, slv_node_type type)
{
    const slv_node *n = slv_node_get(item, name);

    return !n || n->type == type;
}

static bool is_key_value(const slv_node *n)
{
    return slv_node_is(slv_node_get(n, "key"), SLV_NODE_STRING) &&
           slv_node_is(slv_node_get(n, "value"), SLV_NODE_STRING) &&
           is_absent_or(n, "expiration", SLV_NODE_NUMBER) &&
           is_absent_or(n, "expiration_ttl", SLV_NODE_NUMBER) &&
           is_absent_or(n, "base64", SLV_NODE_BOOL);
}

static bool is_known(slv_str name)
{
    static const char *const known[] = {"key",      "value",  "expiration", "expiration_ttl",
                                        "metadata", "base64", NULL};

    for (size_t i = 0; known[i]; i++) {
        if (slv_str_is(name, known[i]))
            return true;
    }
    return false;
}

static slv_code check_items(bulk *b, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bad = SLV_BUF((size_t)1 << 20);
    size_t index = 0, errors = 0;

    for (const slv_node *n = b->items->first; n; n = n->next, index++) {
        if (!is_key_value(n)) {
            if (errors++ < ERRORS_MAX) {
                SLV_TRY(slv_buf_printf(&bad, "\nThe item at index %zu is ", index));
                SLV_TRY(slv_json_put(&bad, n));
            }
            continue;
        }
        for (const slv_node *m = n->first; m; m = m->next) {
            if (!is_known(m->key))
                slv_term_warn("%s: the item at index %zu contains the unexpected property \"%.*s\"",
                              b->file, index, SLV_STR_ARGS(m->key));
        }
    }
    if (errors == 0)
        return SLV_OK;
    return slv_fail(
        err, SLV_E_INVAL,
        "Unexpected JSON input from \"%s\".\nEach item in the array should be an object "
        "with key and value (strings), and may have expiration, expiration_ttl "
        "(numbers), metadata, base64 (boolean).%.*s%s",
        b->file, SLV_STR_ARGS(slv_buf_view(&bad)), errors > ERRORS_MAX ? "\n..." : "");
}

static slv_code bulk_put(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(bulk_done) bulk b = {0};
    slv_node *result;

    SLV_TRY(bulk_open(args, &b, err));
    SLV_TRY(read_items(&b, "an array of key-value objects", err));
    SLV_TRY(check_items(&b, err));
    for (const slv_node *at = b.items->first; at;)
        SLV_TRY(send_batch(&b, "PUT", "/bulk", &at, PUT_BATCH, "[", "]", &result, err));
    printf("Success!\n");
    return SLV_OK;
}

/* ---- get, delete ---- */

/* Strings, or objects with a name: the names. */
static slv_code names_only(bulk *b, slv_err *err)
{
    size_t index = 0;

    for (slv_node *n = b->items->first; n; n = n->next, index++) {
        slv_node *name = slv_node_is(n, SLV_NODE_OBJECT) ? slv_node_get(n, "name") : n;

        if (!slv_node_is(name, SLV_NODE_STRING))
            return slv_fail(err, SLV_E_INVAL,
                            "Unexpected JSON input from \"%s\".\nExpected an array of strings or "
                            "objects with a \"name\" key.\nThe item at index %zu is %s",
                            b->file, index, slv_node_type_text(n->type));
        n->type = SLV_NODE_STRING;
        n->text = name->text;
        n->first = n->last = NULL;
        n->count = 0;
    }
    return SLV_OK;
}

static slv_code bulk_delete(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(bulk_done) bulk b = {0};
    slv_node *result;
    char question[KV_ID_MAX * 3];

    SLV_TRY(bulk_open(args, &b, err));
    (void)snprintf(
        question, sizeof question,
        "Are you sure you want to delete all the keys read from \"%s\" from kv-namespace %s?",
        b.file, b.target.display);
    if (!slv_args_bool(args, "force", false) && !slv_kv_confirm(question)) {
        printf("Not deleting keys read from \"%s\".\n", b.file);
        return SLV_OK;
    }
    SLV_TRY(read_items(&b, "an array of strings", err));
    SLV_TRY(names_only(&b, err));
    for (const slv_node *at = b.items->first; at;)
        SLV_TRY(send_batch(&b, "DELETE", "/bulk", &at, PUT_BATCH, "[", "]", &result, err));
    printf("Success!\n");
    return SLV_OK;
}

static slv_code bulk_get(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(bulk_done) bulk b = {0};
    slv_node all = {.type = SLV_NODE_OBJECT}, *result;

    SLV_TRY(bulk_open(args, &b, err));
    SLV_TRY(read_items(&b, "an array of strings", err));
    SLV_TRY(names_only(&b, err));
    for (const slv_node *at = b.items->first; at;) {
        SLV_TRY(
            send_batch(&b, "POST", "/bulk/get", &at, GET_BATCH, "{\"keys\":[", "]}", &result, err));
        for (slv_node *n = slv_node_get(result, "values")->first, *next; n; n = next) {
            slv_node *holder = slv_node_new(&b.arena, SLV_NODE_OBJECT, 0, 0);

            if (!holder)
                return SLV_E_LIMIT;
            next = n->next;
            n->next = NULL;
            holder->key = n->key;
            n->key = SLV_STR("value");
            slv_node_append(holder, n);
            slv_node_append(&all, holder);
        }
    }
    slv_rest_print_json(stdout, &all);
    printf("\nSuccess!\n");
    return SLV_OK;
}

/* ---- the verbs ---- */

static int run(const slv_args *args, slv_code (*verb)(const slv_args *args, slv_err *err))
{
    slv_err err = {0};

    return verb(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int put_exec(const slv_args *args)
{
    return run(args, bulk_put);
}

static int get_exec(const slv_args *args)
{
    return run(args, bulk_get);
}

static int delete_exec(const slv_args *args)
{
    return run(args, bulk_delete);
}

static const slv_flag bulk_flags[] = {
    KV_FLAGS,
    {"ttl", SLV_FLAG_NUMBER, 0, NULL, NULL},
    {"expiration", SLV_FLAG_NUMBER, 0, NULL, NULL},
    {"metadata", SLV_FLAG_STRING, 0, NULL, NULL},
    SLV_REST_FLAGS,
};
static const slv_flag delete_flags[] = {
    KV_FLAGS,
    {"force", SLV_FLAG_BOOL, 'f', NULL, "do not ask"},
    SLV_REST_FLAGS,
};

const slv_cmd slv_cmd_kv_bulk_put_verb = {
    .name = "kv bulk put",
    .args = "<filename>",
    .usage = "write the entries of a JSON file to a namespace",
    .flags = bulk_flags,
    .flag_count = SLV_ARRAY_LEN(bulk_flags),
    .max_positional = 1,
    .exec = put_exec,
};
const slv_cmd slv_cmd_kv_bulk_get_verb = {
    .name = "kv bulk get",
    .args = "<filename>",
    .usage = "print the values of the keys in a JSON file",
    .flags = bulk_flags,
    .flag_count = SLV_ARRAY_LEN(bulk_flags),
    .max_positional = 1,
    .exec = get_exec,
};
const slv_cmd slv_cmd_kv_bulk_delete_verb = {
    .name = "kv bulk delete",
    .args = "<filename>",
    .usage = "remove the keys in a JSON file from a namespace",
    .flags = delete_flags,
    .flag_count = SLV_ARRAY_LEN(delete_flags),
    .max_positional = 1,
    .exec = delete_exec,
};
