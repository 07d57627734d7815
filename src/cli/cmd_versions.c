/*
 * selvage versions list|view|deploy: versions of a worker on a server.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/script_verb.h"
#include "cli/verbs.h"

static const slv_flag flags[] = {SLV_SCRIPT_FLAGS};

/* ---- what a version is ---- */

static void print_field(const char *label, slv_str value)
{
    if (value.len > 0)
        printf("%-14s %.*s\n", label, SLV_STR_ARGS(value));
}

static void print_version(const slv_node *v)
{
    const slv_node *meta = slv_node_get(v, "metadata"), *notes = slv_node_get(v, "annotations");

    print_field("Version ID:", slv_node_str(slv_node_get(v, "id")));
    print_field("Created:", slv_node_str(slv_node_get(meta, "created_on")));
    print_field("Author:", slv_node_str(slv_node_get(meta, "author_email")));
    print_field("Source:", slv_node_str(slv_node_get(meta, "source")));
    print_field("Tag:", slv_node_str(slv_node_get(notes, "workers/tag")));
    print_field("Message:", slv_node_str(slv_node_get(notes, "workers/message")));
}

static void print_details(const slv_node *v)
{
    const slv_node *resources = slv_node_get(v, "resources");
    const slv_node *runtime = slv_node_get(resources, "script_runtime");
    const slv_node *script = slv_node_get(resources, "script");
    const slv_node *handlers = slv_node_get(script, "handlers");
    const slv_node *list = slv_node_get(resources, "bindings");

    print_version(v);
    printf("%-14s", "Handlers:");
    for (const slv_node *n = handlers ? handlers->first : NULL; n; n = n->next)
        printf(" %.*s", SLV_STR_ARGS(n->text));
    printf("\n");
    print_field("Compatibility:", slv_node_str(slv_node_get(runtime, "compatibility_date")));
    if (list && list->first)
        printf("Bindings:\n");
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next)
        printf("  %-24.*s %.*s\n", SLV_STR_ARGS(slv_node_str(slv_node_get(n, "name"))),
               SLV_STR_ARGS(slv_node_str(slv_node_get(n, "type"))));
}

/* ---- list, view ---- */

static slv_code list(slv_script_verb *v, slv_err *err)
{
    slv_node *result;
    const slv_node *items;

    SLV_TRY(slv_script_call(v, "GET", &result, err, "/versions?deployable=true"));
    items = slv_node_get(result, "items");
    if (v->as_json) {
        slv_rest_print_json(stdout, items);
        return SLV_OK;
    }
    for (const slv_node *n = items ? items->first : NULL; n; n = n->next) {
        print_version(n);
        if (n->next)
            printf("\n");
    }
    return SLV_OK;
}

static slv_code view(slv_script_verb *v, slv_err *err)
{
    const char *id;
    slv_node *result;

    SLV_TRY(slv_args_required(v->args, 0, "the version's id", &id, err));
    SLV_TRY(slv_script_call(v, "GET", &result, err, "/versions/%s", id));
    if (v->as_json)
        slv_rest_print_json(stdout, result);
    else
        print_details(result);
    return SLV_OK;
}

/* ---- deploy ---- */

typedef struct split {
    slv_str id;
    double percentage; /* negative: what is left */
} split;

static slv_code read_split(const char *text, split *ret, slv_err *err)
{
    slv_str s = slv_str_from(text);
    size_t at = slv_str_chr(s, '@', 0);
    char *end;

    ret->id = slv_str_sub(s, 0, at);
    ret->percentage = -1;
    if (at == SIZE_MAX)
        return SLV_OK;
    ret->percentage = strtod(text + at + 1, &end);
    if (*end == '%')
        end++;
    if (*end || end == text + at + 1 || ret->percentage < 0 || ret->percentage > 100)
        return slv_fail(err, SLV_E_INVAL, "'%s' must be ID@PERCENT, with 0 to 100 percent", text);
    return SLV_OK;
}

/* Those without a percentage share what the others leave. */
static slv_code read_splits(const slv_args *args, split splits[static 2], size_t *ret, slv_err *err)
{
    size_t n = args->positional.len, open = 0;
    double left = 100;

    if (n == 0 || n > 2)
        return slv_fail(err, SLV_E_INVAL,
                        "name one version, or two with their shares: ID@90%% ID@10%%");
    for (size_t i = 0; i < n; i++) {
        SLV_TRY(read_split(args->positional.items[i], &splits[i], err));
        if (splits[i].percentage < 0)
            open++;
        else
            left -= splits[i].percentage;
    }
    for (size_t i = 0; i < n; i++)
        if (splits[i].percentage < 0)
            splits[i].percentage = left / (double)open;
    *ret = n;
    return SLV_OK;
}

static void put_double(slv_json_writer *w, const char *key, double v)
{
    char text[32];

    snprintf(text, sizeof text, "%.10g", v);
    slv_json_put_raw(w, key, slv_str_from(text));
}

static slv_code deploy(slv_script_verb *v, slv_err *err)
{
    const char *message = slv_args_string(v->args, "message");
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    split splits[2];
    slv_node *result;
    size_t n = 0;

    SLV_TRY(read_splits(v->args, splits, &n, err));
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "strategy", SLV_STR("percentage"));
    slv_json_key(&w, "versions");
    slv_json_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        slv_json_open(&w, '{');
        slv_json_put_text(&w, "version_id", splits[i].id);
        put_double(&w, "percentage", splits[i].percentage);
        slv_json_close(&w, '}');
    }
    slv_json_close(&w, ']');
    slv_json_key(&w, "annotations");
    slv_json_open(&w, '{');
    slv_json_put_some(&w, "workers/message", slv_str_from(message ? message : ""));
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_script_call(v, "POST", &result, err, "/deployments"));
    printf("Deployed %s:\n", v->name);
    for (size_t i = 0; i < n; i++)
        printf("  %.10g%%  %.*s\n", splits[i].percentage, SLV_STR_ARGS(splits[i].id));
    return SLV_OK;
}

static int list_exec(const slv_args *args)
{
    return slv_script_run(args, list);
}

static int view_exec(const slv_args *args)
{
    return slv_script_run(args, view);
}

static int deploy_exec(const slv_args *args)
{
    return slv_script_run(args, deploy);
}

static const slv_flag deploy_flags[] = {
    SLV_SCRIPT_FLAGS,
    {"message", SLV_FLAG_STRING, 0, "TEXT", "a message for the deployment"},
};

const slv_cmd slv_cmd_versions_list_verb = {
    .name = "versions list",
    .usage = "the newest versions of a worker",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .exec = list_exec,
};

const slv_cmd slv_cmd_versions_view_verb = {
    .name = "versions view",
    .args = "ID",
    .usage = "one version of a worker",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 1,
    .exec = view_exec,
};

const slv_cmd slv_cmd_versions_deploy_verb = {
    .name = "versions deploy",
    .args = "ID[@PERCENT] [ID[@PERCENT]]",
    .usage = "send requests to a version, or share them between two",
    .flags = deploy_flags,
    .flag_count = SLV_ARRAY_LEN(deploy_flags),
    .max_positional = 2,
    .exec = deploy_exec,
};
