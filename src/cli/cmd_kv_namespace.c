/*
 * kv namespace create|list|rename|delete.
 */
#include <stdio.h>

#include "cli/cmd_kv_int.h"
#include "cli/exit.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define PATH_BYTES ((size_t)4 << 10)

static slv_code title_body(slv_buf *out, slv_str title)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"title\":")));
    SLV_TRY(slv_json_put_string(out, title));
    return slv_buf_append_byte(out, '}');
}

/* ---- create ---- */

/* A name of JavaScript: what is none becomes "_". */
static void binding_name(const char *from, char *out, size_t size)
{
    size_t n = 0;

    for (; from[n] && n + 1 < size; n++) {
        char c = from[n];
        bool ok = slv_is_alpha(c) || c == '_' || c == '$' || (n > 0 && slv_is_digit(c));

        out[n] = ok ? c : '_';
    }
    out[n] = '\0';
    if (n == 0)
        (void)snprintf(out, size, "KV");
}

static void print_snippet(slv_rest *rest, const slv_args *args, const char *binding, slv_str id)
{
    const char *file = slv_args_string(args, "config");
    const char *key = slv_args_bool(args, "preview", false) ? "preview_id" : "id";
    bool toml = file ? slv_str_ends(slv_str_from(file), SLV_STR(".toml")) : false;
    char name[600];

    if (!file && slv_rest_config(rest)) {
        (void)snprintf(name, sizeof name, "%s/wrangler.toml", slv_rest_dir(rest));
        FILE *f = fopen(name, "re");
        toml = f != NULL;
        if (f)
            (void)fclose(f);
    }
    printf("To access your new KV Namespace in your Worker, add the following snippet to your "
           "configuration file:\n");
    if (toml)
        printf("[[kv_namespaces]]\nbinding = \"%s\"\n%s = \"%.*s\"\n", binding, key,
               SLV_STR_ARGS(id));
    else
        printf("{\n  \"kv_namespaces\": [\n    {\n      \"binding\": \"%s\",\n      \"%s\": "
               "\"%.*s\"\n    }\n  ]\n}\n",
               binding, key, SLV_STR_ARGS(id));
}

static slv_code create(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf title = SLV_BUF(PATH_BYTES), body = SLV_BUF(PATH_BYTES);
    const char *name, *env = slv_args_string(args, "env"), *as = slv_args_string(args, "binding");
    char binding[300];
    slv_node *result;

    SLV_TRY(slv_args_required(args, 0, "namespace", &name, err));
    SLV_TRY(slv_rest_open(args, &rest, err));
    SLV_TRY(slv_buf_printf(&title, "%s%s%s%s", env ? env : "", env ? "-" : "", name,
                           slv_args_bool(args, "preview", false) ? "_preview" : ""));
    SLV_TRY(title_body(&body, slv_buf_view(&title)));
    printf("\xf0\x9f\x8c\x80 Creating namespace with title \"%.*s\"\n",
           SLV_STR_ARGS(slv_buf_view(&title)));
    slv_code code = slv_rest_json(rest, "POST", SLV_STR("/storage/kv/namespaces"),
                                  slv_buf_view(&body), &result, err);
    if (code != SLV_OK && err->detail == 10014)
        return slv_fail(err, code,
                        "A KV namespace with the title \"%.*s\" already exists.\n\nYou can list "
                        "existing namespaces with their IDs by running:\n  selvage kv namespace "
                        "list\n\nOr choose a different namespace name.",
                        SLV_STR_ARGS(slv_buf_view(&title)));
    SLV_TRY(code);
    printf("\xe2\x9c\xa8 Success!\n");
    binding_name(as ? as : name, binding, sizeof binding);
    print_snippet(rest, args, binding, slv_node_str(slv_node_get(result, "id")));
    return SLV_OK;
}

/* ---- list, rename, delete ---- */

static slv_code list(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    slv_node all = {.type = SLV_NODE_ARRAY};

    SLV_TRY(slv_rest_open(args, &rest, err));
    for (unsigned page = 1;; page++) {
        char path[120];
        slv_node *items;

        (void)snprintf(path, sizeof path, "/storage/kv/namespaces?per_page=1000&page=%u", page);
        SLV_TRY(slv_rest_json(rest, "GET", slv_str_from(path), SLV_STR_NULL, &items, err));
        if (!items || items->count == 0)
            break;
        for (slv_node *n = items->first, *next; n; n = next) {
            next = n->next;
            n->next = NULL;
            slv_node_append(&all, n);
        }
    }
    slv_rest_print_json(stdout, &all);
    return SLV_OK;
}

static slv_code rename_it(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES), body = SLV_BUF(PATH_BYTES);
    const char *old = args->positional.len > 0 ? args->positional.items[0] : NULL;
    const char *id = slv_args_string(args, "namespace-id");
    const char *name = slv_args_string(args, "new-name");
    kv_target target;
    slv_node *result;

    if (old && id)
        return slv_fail(err, SLV_E_INVAL,
                        "Cannot specify both old-name and --namespace-id. Use either old-name (as "
                        "first argument) or --namespace-id flag, not both.");
    if (!old && !id)
        return slv_fail(err, SLV_E_INVAL,
                        "Either old-name (as first argument) or --namespace-id must be specified");
    if (!name)
        return slv_fail(err, SLV_E_INVAL, "Missing required argument: new-name");
    if (strlen(name) > 512)
        return slv_fail(err, SLV_E_INVAL, "new-name must be 512 characters or less (current: %zu)",
                        strlen(name));
    SLV_TRY(slv_rest_open(args, &rest, err));
    if (old)
        SLV_TRY(slv_kv_find_title(rest, old, " instead", &target, err));
    else
        SLV_TRY(slv_kv_target_find(rest, args, NULL, &target, err));
    printf("Renaming KV namespace %s to \"%s\".\n", target.id, name);
    SLV_TRY(slv_kv_path(&path, target.id, ""));
    SLV_TRY(title_body(&body, slv_str_from(name)));
    SLV_TRY(slv_rest_json(rest, "PUT", slv_buf_view(&path), slv_buf_view(&body), &result, err));
    printf("\xe2\x9c\xa8 Successfully renamed namespace to \"%.*s\"\n",
           SLV_STR_ARGS(slv_node_str(slv_node_get(result, "title"))));
    return SLV_OK;
}

static slv_code delete_it(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    const char *title = args->positional.len > 0 ? args->positional.items[0] : NULL;
    int given =
        (title != NULL) + slv_args_has(args, "binding") + slv_args_has(args, "namespace-id");
    kv_target target;
    slv_node *result;

    if (given == 0)
        return slv_fail(err, SLV_E_INVAL,
                        "Must specify one of: namespace name (as positional argument), --binding, "
                        "or --namespace-id");
    if (given > 1)
        return slv_fail(err, SLV_E_INVAL,
                        "Cannot specify multiple of: namespace name (as positional argument), "
                        "--binding, or --namespace-id. Use only one.");
    SLV_TRY(slv_rest_open(args, &rest, err));
    SLV_TRY(slv_kv_target_find(rest, args, title, &target, err));
    printf("About to delete local KV namespace %s.\nThis action is irreversible and will "
           "permanently delete all data in the KV namespace.\n\n",
           target.display);
    if (!slv_args_bool(args, "skip-confirmation", false) && !slv_kv_confirm("Ok to proceed?")) {
        printf("Not deleting.\n");
        return SLV_OK;
    }
    printf("Deleting KV namespace %s.\n", target.display);
    SLV_TRY(slv_kv_path(&path, target.id, ""));
    SLV_TRY(slv_rest_json(rest, "DELETE", slv_buf_view(&path), SLV_STR_NULL, &result, err));
    printf("Deleted KV namespace %s.\n", target.display);
    return SLV_OK;
}

/* ---- the verbs ---- */

static int run(const slv_args *args, slv_code (*verb)(const slv_args *args, slv_err *err))
{
    slv_err err = {0};

    return verb(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int create_exec(const slv_args *args)
{
    return run(args, create);
}

static int list_exec(const slv_args *args)
{
    return run(args, list);
}

static int rename_exec(const slv_args *args)
{
    return run(args, rename_it);
}

static int delete_exec(const slv_args *args)
{
    return run(args, delete_it);
}

static const slv_flag create_flags[] = {
    {"preview", SLV_FLAG_BOOL, 0, NULL, "a namespace for previews"},
    {"binding", SLV_FLAG_STRING, 0, "NAME", "name of the binding that is shown"},
    {"use-remote", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"update-config", SLV_FLAG_BOOL, 0, NULL, NULL},
    SLV_REST_FLAGS,
};
static const slv_flag list_flags[] = {SLV_REST_FLAGS};
static const slv_flag rename_flags[] = {
    {"namespace-id", SLV_FLAG_STRING, 0, "ID", "id of the namespace"},
    {"new-name", SLV_FLAG_STRING, 0, "NAME", "its new name"},
    SLV_REST_FLAGS,
};
static const slv_flag delete_flags[] = {
    KV_FLAGS,
    {"skip-confirmation", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    SLV_REST_FLAGS,
};

const slv_cmd slv_cmd_kv_namespace_create_verb = {
    .name = "kv namespace create",
    .args = "<namespace>",
    .usage = "create a KV namespace",
    .flags = create_flags,
    .flag_count = SLV_ARRAY_LEN(create_flags),
    .max_positional = 1,
    .exec = create_exec,
};
const slv_cmd slv_cmd_kv_namespace_list_verb = {
    .name = "kv namespace list",
    .args = "",
    .usage = "list the KV namespaces as JSON",
    .flags = list_flags,
    .flag_count = SLV_ARRAY_LEN(list_flags),
    .exec = list_exec,
};
const slv_cmd slv_cmd_kv_namespace_rename_verb = {
    .name = "kv namespace rename",
    .args = "[old-name]",
    .usage = "rename a KV namespace",
    .flags = rename_flags,
    .flag_count = SLV_ARRAY_LEN(rename_flags),
    .max_positional = 1,
    .exec = rename_exec,
};
const slv_cmd slv_cmd_kv_namespace_delete_verb = {
    .name = "kv namespace delete",
    .args = "[namespace]",
    .usage = "delete a KV namespace with all that is in it",
    .flags = delete_flags,
    .flag_count = SLV_ARRAY_LEN(delete_flags),
    .max_positional = 1,
    .exec = delete_exec,
};
