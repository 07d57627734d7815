/*
 * kv key put|get|list|delete, with wrangler's names, flags and output.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cmd_kv_int.h"
#include "cli/exit.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define PATH_BYTES ((size_t)16 << 10)
#define VALUE_BYTES ((size_t)28 << 20)

/* ---- which namespace ---- */

slv_code slv_kv_path(slv_buf *out, const char *id, const char *tail)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("/storage/kv/namespaces/")));
    SLV_TRY(slv_rest_put_escaped(out, slv_str_from(id)));
    return slv_buf_append(out, slv_str_from(tail));
}

static void set_target(kv_target *ret, slv_str id, const char *binding)
{
    (void)snprintf(ret->id, sizeof ret->id, "%.*s", SLV_STR_ARGS(id));
    if (binding)
        (void)snprintf(ret->display, sizeof ret->display, "binding: \"%s\" (id: \"%s\")", binding,
                       ret->id);
    else
        (void)snprintf(ret->display, sizeof ret->display, "id: \"%s\"", ret->id);
}

slv_code slv_kv_find_title(slv_rest *rest, const char *title, const char *hint, kv_target *ret,
                           slv_err *err)
{
    for (unsigned page = 1;; page++) {
        char path[100];
        slv_node *list;

        (void)snprintf(path, sizeof path, "/storage/kv/namespaces?per_page=100&page=%u", page);
        SLV_TRY(slv_rest_json(rest, "GET", slv_str_from(path), SLV_STR_NULL, &list, err));
        if (!slv_node_is(list, SLV_NODE_ARRAY) || list->count == 0)
            break;
        for (const slv_node *n = list->first; n; n = n->next) {
            if (!slv_str_is(slv_node_str(slv_node_get(n, "title")), title))
                continue;
            set_target(ret, slv_node_str(slv_node_get(n, "id")), NULL);
            (void)snprintf(ret->display, sizeof ret->display, "name: \"%s\" (id: \"%s\")", title,
                           ret->id);
            return SLV_OK;
        }
    }
    return slv_fail(err, SLV_E_NOTFOUND,
                    "No namespace found with the name \"%s\". Use --namespace-id%s or check "
                    "available namespaces with \"selvage kv namespace list\".",
                    title, hint);
}

static slv_code by_binding(slv_rest *rest, const slv_args *args, const char *name, kv_target *ret,
                           slv_err *err)
{
    const slv_binding *b = slv_rest_binding(rest, SLV_BINDING_KV, slv_str_from(name));
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_node *table = NULL;

    if (!slv_rest_config(rest))
        return slv_fail(err, SLV_E_INVAL,
                        "--binding specified, but no configuration file was found.");
    if (!b)
        return slv_fail(err, SLV_E_INVAL,
                        "A namespace with binding name \"%s\" was not found in the configured "
                        "\"kv_namespaces\".",
                        name);
    SLV_TRY(slv_json_parse(b->options, SLV_JSON_STRICT, &arena, &table, err));
    slv_str id = slv_node_str(slv_node_get(table, "id"));
    slv_str preview = slv_node_str(slv_node_get(table, "preview_id"));
    if (slv_args_bool(args, "preview", false)) {
        if (preview.len == 0)
            return slv_fail(err, SLV_E_INVAL,
                            "No preview ID found for %s. Add one to your configuration file to "
                            "use a separate namespace for previewing your worker.",
                            name);
        id = preview;
    } else if (!slv_args_has(args, "preview") && id.len > 0 && preview.len > 0 &&
               !slv_str_is(slv_str_from(args->cmd->name), "kv key list")) {
        return slv_fail(err, SLV_E_INVAL,
                        "%s has both a namespace ID and a preview ID. Specify \"--preview\" or "
                        "\"--preview false\" to avoid writing data to the wrong namespace.",
                        name);
    } else if (id.len == 0) {
        id = preview.len > 0 ? preview : b->id; /* without any, dev goes by the binding's name */
    }
    set_target(ret, id, name);
    return SLV_OK;
}

slv_code slv_kv_target_find(slv_rest *rest, const slv_args *args, const char *title, kv_target *ret,
                            slv_err *err)
{
    const char *id = slv_args_string(args, "namespace-id");
    const char *binding = slv_args_string(args, "binding");

    if (id) {
        set_target(ret, slv_str_from(id), NULL);
        return SLV_OK;
    }
    if (title)
        return slv_kv_find_title(rest, title, " or --binding instead,", ret, err);
    return by_binding(rest, args, binding, ret, err);
}

slv_code slv_kv_demand(const slv_args *args, slv_err *err)
{
    bool binding = slv_args_has(args, "binding"), id = slv_args_has(args, "namespace-id");

    if (binding && id)
        return slv_fail(err, SLV_E_INVAL,
                        "Arguments binding and namespace-id are mutually exclusive");
    if (!binding && !id)
        return slv_fail(err, SLV_E_INVAL,
                        "Exactly one of the arguments binding and namespace-id is required");
    return SLV_OK;
}

bool slv_kv_confirm(const char *question)
{
    char line[20] = "";

    if (!isatty(STDIN_FILENO))
        return true;
    printf("? %s (Y/n) ", question);
    (void)fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return false;
    return line[0] != 'n' && line[0] != 'N';
}

/* ---- put ---- */

static slv_code put_query(slv_buf *path, const slv_args *args, slv_err *err)
{
    char sign = '?';
    uint64_t n;

    if (slv_args_has(args, "expiration")) {
        SLV_TRY(slv_args_number(args, "expiration", 0, INT64_MAX, 0, &n, err));
        SLV_TRY(slv_buf_printf(path, "?expiration=%" PRIu64, n));
        sign = '&';
    }
    if (slv_args_has(args, "ttl")) {
        SLV_TRY(slv_args_number(args, "ttl", 0, INT64_MAX, 0, &n, err));
        SLV_TRY(slv_buf_printf(path, "%cexpiration_ttl=%" PRIu64, sign, n));
    }
    return SLV_OK;
}

/* multipart/form-data with a value and its metadata. */
static slv_code put_form(slv_buf *body, slv_str value, slv_str metadata)
{
    static const char mark[] = "selvage-kv-b7c1f0a94d2e48f6";

    SLV_TRY(slv_buf_printf(body, "--%s\r\nContent-Disposition: form-data; name=\"value\"\r\n\r\n",
                           mark));
    SLV_TRY(slv_buf_append(body, value));
    SLV_TRY(slv_buf_printf(
        body, "\r\n--%s\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n", mark));
    SLV_TRY(slv_buf_append(body, metadata));
    return slv_buf_printf(body, "\r\n--%s--\r\n", mark);
}

static slv_code metadata_text(const slv_args *args, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    const char *text = slv_args_string(args, "metadata");
    slv_node *tree;

    if (!text)
        return SLV_OK;
    if (slv_json_parse(slv_str_from(text), SLV_JSON_STRICT, &arena, &tree, err) != SLV_OK)
        return slv_fail(err, SLV_E_INVAL, "--metadata is no valid JSON: %s", text);
    return slv_json_put(out, tree);
}

/* An answer that is no 2xx, as an error. */
static slv_code check_answer(const slv_rest_answer *answer, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    slv_node *tree = NULL;

    if (answer->status < 300)
        return SLV_OK;
    if (slv_json_parse(answer->body, SLV_JSON_STRICT, &arena, &tree, NULL) == SLV_OK) {
        const slv_node *errors = slv_node_get(tree, "errors");
        slv_str message = slv_node_str(slv_node_get(errors ? errors->first : NULL, "message"));

        if (message.len > 0)
            return slv_fail(err, SLV_E_INVAL, "%.*s", SLV_STR_ARGS(message));
    }
    return slv_fail(err, SLV_E_INVAL, "the answer has status %d", answer->status);
}

static slv_code key_put(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF(VALUE_BYTES), body = SLV_BUF(VALUE_BYTES);
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES), metadata = SLV_BUF(PATH_BYTES);
    const char *key, *file = slv_args_string(args, "path");
    const char *text = args->positional.len > 1 ? args->positional.items[1] : NULL;
    slv_rest_request request = {.method = "PUT"};
    slv_rest_answer answer;
    kv_target target;

    SLV_TRY(slv_args_required(args, 0, "key", &key, err));
    SLV_TRY(slv_kv_demand(args, err));
    if (!text == !file)
        return slv_fail(err, SLV_E_INVAL,
                        "Exactly one of the arguments value and path is required");
    SLV_TRY(slv_rest_open(args, &rest, err));
    SLV_TRY(slv_kv_target_find(rest, args, NULL, &target, err));
    SLV_TRY(metadata_text(args, &metadata, err));
    if (file)
        SLV_TRY(slv_file_read(file, &value, err));
    else
        SLV_TRY(slv_buf_append(&value, slv_str_from(text)));
    printf(file ? "Writing the contents of %s to the key \"%s\" on namespace %s"
                : "Writing the value \"%s\" to key \"%s\" on namespace %s",
           file ? file : text, key, target.display);
    if (metadata.len > 0)
        printf(" with metadata \"%.*s\"", SLV_STR_ARGS(slv_buf_view(&metadata)));
    printf(".\n");
    (void)fflush(stdout);
    SLV_TRY(slv_kv_path(&path, target.id, "/values/"));
    SLV_TRY(slv_rest_put_escaped(&path, slv_str_from(key)));
    SLV_TRY(put_query(&path, args, err));
    request.path = slv_buf_view(&path);
    request.body = slv_buf_view(&value);
    if (metadata.len > 0) {
        SLV_TRY(put_form(&body, slv_buf_view(&value), slv_buf_view(&metadata)));
        request.body = slv_buf_view(&body);
        request.headers =
            SLV_STR("content-type:multipart/form-data; boundary=selvage-kv-b7c1f0a94d2e48f6\n");
    }
    SLV_TRY(slv_rest_call(rest, &request, &answer, err));
    return check_answer(&answer, err);
}

/* ---- get, list, delete ---- */

static slv_code key_get(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    slv_rest_request request = {.method = "GET"};
    slv_rest_answer answer;
    kv_target target;
    const char *key;

    SLV_TRY(slv_args_required(args, 0, "key", &key, err));
    SLV_TRY(slv_kv_demand(args, err));
    SLV_TRY(slv_rest_open(args, &rest, err));
    SLV_TRY(slv_kv_target_find(rest, args, NULL, &target, err));
    SLV_TRY(slv_kv_path(&path, target.id, "/values/"));
    SLV_TRY(slv_rest_put_escaped(&path, slv_str_from(key)));
    request.path = slv_buf_view(&path);
    SLV_TRY(slv_rest_call(rest, &request, &answer, err));
    if (answer.status == 404) {
        printf("Value not found\n");
        return SLV_OK;
    }
    SLV_TRY(check_answer(&answer, err));
    if (fwrite(answer.body.ptr, 1, answer.body.len, stdout) != answer.body.len ||
        (slv_args_bool(args, "text", false) && putchar('\n') == EOF) || fflush(stdout) != 0)
        return slv_fail_errno(err, SLV_E_IO, "standard output");
    return SLV_OK;
}

/* All pages, as one array. */
static slv_code list_pages(slv_rest *rest, const slv_args *args, const char *id, slv_node *all,
                           slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    const char *prefix = slv_args_string(args, "prefix");
    slv_str cursor = SLV_STR_NULL;

    do {
        slv_node *page;

        slv_buf_reset(&path);
        SLV_TRY(slv_kv_path(&path, id, "/keys?prefix="));
        SLV_TRY(slv_rest_put_escaped(&path, slv_str_from(prefix ? prefix : "")));
        if (cursor.len > 0) {
            SLV_TRY(slv_buf_append(&path, SLV_STR("&cursor=")));
            SLV_TRY(slv_rest_put_escaped(&path, cursor));
        }
        SLV_TRY(slv_rest_json(rest, "GET", slv_buf_view(&path), SLV_STR_NULL, &page, err));
        for (slv_node *n = page->first, *next; n; n = next) {
            next = n->next;
            n->next = NULL;
            slv_node_append(all, n);
        }
        cursor = slv_node_str(slv_node_get(slv_rest_info(rest), "cursor"));
    } while (cursor.len > 0);
    return SLV_OK;
}

static slv_code key_list(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    slv_node all = {.type = SLV_NODE_ARRAY};
    kv_target target;

    SLV_TRY(slv_kv_demand(args, err));
    SLV_TRY(slv_rest_open(args, &rest, err));
    SLV_TRY(slv_kv_target_find(rest, args, NULL, &target, err));
    SLV_TRY(list_pages(rest, args, target.id, &all, err));
    slv_rest_print_json(stdout, &all);
    return SLV_OK;
}

static slv_code key_delete(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    slv_node *result;
    kv_target target;
    const char *key;

    SLV_TRY(slv_args_required(args, 0, "key", &key, err));
    SLV_TRY(slv_kv_demand(args, err));
    SLV_TRY(slv_rest_open(args, &rest, err));
    SLV_TRY(slv_kv_target_find(rest, args, NULL, &target, err));
    printf("Deleting the key \"%s\" on namespace %s.\n", key, target.display);
    SLV_TRY(slv_kv_path(&path, target.id, "/values/"));
    SLV_TRY(slv_rest_put_escaped(&path, slv_str_from(key)));
    return slv_rest_json(rest, "DELETE", slv_buf_view(&path), SLV_STR_NULL, &result, err);
}

/* ---- the verbs ---- */

static int run(const slv_args *args, slv_code (*verb)(const slv_args *args, slv_err *err))
{
    slv_err err = {0};

    return verb(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int put_exec(const slv_args *args)
{
    return run(args, key_put);
}

static int get_exec(const slv_args *args)
{
    return run(args, key_get);
}

static int list_exec(const slv_args *args)
{
    return run(args, key_list);
}

static int delete_exec(const slv_args *args)
{
    return run(args, key_delete);
}

static const slv_flag put_flags[] = {
    KV_FLAGS,
    {"ttl", SLV_FLAG_NUMBER, 0, "SECONDS", "how long the entry is kept, 60 at least"},
    {"expiration", SLV_FLAG_NUMBER, 0, "TIME", "when the entry ends, in seconds since 1970"},
    {"metadata", SLV_FLAG_STRING, 0, "JSON", "kept with the key, and shown by lists"},
    {"path", SLV_FLAG_STRING, 0, "FILE", "read the value from a file"},
    SLV_REST_FLAGS,
};
static const slv_flag get_flags[] = {
    KV_FLAGS,
    {"text", SLV_FLAG_BOOL, 0, NULL, "decode the value as text, and end the line"},
    SLV_REST_FLAGS,
};
static const slv_flag list_flags[] = {
    KV_FLAGS,
    {"prefix", SLV_FLAG_STRING, 0, "TEXT", "only keys that begin so"},
    SLV_REST_FLAGS,
};
static const slv_flag delete_flags[] = {KV_FLAGS, SLV_REST_FLAGS};

const slv_cmd slv_cmd_kv_key_put_verb = {
    .name = "kv key put",
    .args = "<key> [value]",
    .usage = "write one key of a namespace",
    .flags = put_flags,
    .flag_count = SLV_ARRAY_LEN(put_flags),
    .max_positional = 2,
    .exec = put_exec,
};
const slv_cmd slv_cmd_kv_key_get_verb = {
    .name = "kv key get",
    .args = "<key>",
    .usage = "print the value of a key",
    .flags = get_flags,
    .flag_count = SLV_ARRAY_LEN(get_flags),
    .max_positional = 1,
    .exec = get_exec,
};
const slv_cmd slv_cmd_kv_key_list_verb = {
    .name = "kv key list",
    .args = "",
    .usage = "list the keys of a namespace as JSON",
    .flags = list_flags,
    .flag_count = SLV_ARRAY_LEN(list_flags),
    .exec = list_exec,
};
const slv_cmd slv_cmd_kv_key_delete_verb = {
    .name = "kv key delete",
    .args = "<key>",
    .usage = "remove a key from a namespace",
    .flags = delete_flags,
    .flag_count = SLV_ARRAY_LEN(delete_flags),
    .max_positional = 1,
    .exec = delete_exec,
};
