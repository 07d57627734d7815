/*
 * selvage deployments list|status, rollback, delete, whoami: what answers on a server, and who
 * asks.
 */
#include <stdio.h>

#include "cli/script_verb.h"
#include "cli/table.h"
#include "cli/verbs.h"

#define NEEDS_FORCE 10220 /* secrets have changed since the version that is wanted */

/* ---- deployments ---- */

static void print_deployment(const slv_node *d)
{
    const slv_node *versions = slv_node_get(d, "versions");
    slv_str message = slv_node_str(slv_node_get(slv_node_get(d, "annotations"), "workers/message"));

    printf("%-12s %.*s\n", "Created:", SLV_STR_ARGS(slv_node_str(slv_node_get(d, "created_on"))));
    printf("%-12s %.*s\n", "Author:", SLV_STR_ARGS(slv_node_str(slv_node_get(d, "author_email"))));
    if (message.len > 0)
        printf("%-12s %.*s\n", "Message:", SLV_STR_ARGS(message));
    for (const slv_node *n = versions ? versions->first : NULL; n; n = n->next)
        printf("%-12s (%.*s%%) %.*s\n", n == versions->first ? "Version(s):" : "",
               SLV_STR_ARGS(slv_node_get(n, "percentage")->text),
               SLV_STR_ARGS(slv_node_str(slv_node_get(n, "version_id"))));
}

static slv_code deployments(slv_script_verb *v, slv_node **ret, slv_err *err)
{
    slv_node *result;

    SLV_TRY(slv_script_call(v, "GET", &result, err, "/deployments"));
    *ret = slv_node_get(result, "deployments");
    return SLV_OK;
}

/* Oldest first, as one reads a log. */
static void print_reversed(const slv_node *n)
{
    if (!n)
        return;
    print_reversed(n->next);
    print_deployment(n);
    printf("\n");
}

static slv_code list(slv_script_verb *v, slv_err *err)
{
    slv_node *all;

    SLV_TRY(deployments(v, &all, err));
    if (v->as_json)
        slv_rest_print_json(stdout, all);
    else
        print_reversed(all ? all->first : NULL);
    return SLV_OK;
}

static slv_code status(slv_script_verb *v, slv_err *err)
{
    slv_node *all;

    SLV_TRY(deployments(v, &all, err));
    if (!all || !all->first)
        return slv_fail(err, SLV_E_NOTFOUND, "%s has no deployment", v->name);
    if (v->as_json)
        slv_rest_print_json(stdout, all->first);
    else
        print_deployment(all->first);
    return SLV_OK;
}

/* ---- rollback ---- */

/* The newest before the current one that had a version for all requests. */
static slv_str target_of(const slv_node *all)
{
    for (const slv_node *d = all && all->first ? all->first->next : NULL; d; d = d->next) {
        const slv_node *versions = slv_node_get(d, "versions");

        if (versions && versions->count == 1)
            return slv_node_str(slv_node_get(versions->first, "version_id"));
    }
    return SLV_STR_NULL;
}

static slv_code put_rollback(slv_script_verb *v, slv_str id)
{
    const char *message = slv_args_string(v->args, "message");
    slv_json_writer w = SLV_JSON_WRITER(&v->json);

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "strategy", SLV_STR("percentage"));
    slv_json_key(&w, "versions");
    slv_json_open(&w, '[');
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "version_id", id);
    slv_json_put_number(&w, "percentage", 100);
    slv_json_close(&w, '}');
    slv_json_close(&w, ']');
    slv_json_key(&w, "annotations");
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "workers/message", message ? slv_str_from(message) : SLV_STR("Rollback"));
    slv_json_put_text(&w, "workers/triggered_by", SLV_STR("rollback"));
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    return w.code;
}

static slv_code rollback(slv_script_verb *v, slv_err *err)
{
    slv_node *all, *result;
    slv_err why = {0};
    slv_str id;
    slv_code code;

    SLV_TRY(deployments(v, &all, err));
    id = v->args->positional.len > 0 ? slv_str_from(v->args->positional.items[0]) : target_of(all);
    if (id.len == 0)
        return slv_fail(err, SLV_E_NOTFOUND, "%s has no earlier version to go back to", v->name);
    if (!slv_script_confirm(v, "Go back to version %.*s?", SLV_STR_ARGS(id)))
        return slv_fail(err, SLV_E_CANCELED, "nothing was changed");
    SLV_TRY(put_rollback(v, id));
    code = slv_script_call(v, "POST", &result, &why, "/deployments");
    if (code != SLV_OK && why.detail == NEEDS_FORCE &&
        slv_script_confirm(v, "%s. Go on?", slv_err_text(&why))) {
        SLV_TRY(put_rollback(v, id));
        code = slv_script_call(v, "POST", &result, &why, "/deployments?force=true");
    }
    if (code != SLV_OK)
        return slv_fail(err, code, "%s", slv_err_text(&why));
    printf("%s is back at version %.*s\n", v->name, SLV_STR_ARGS(id));
    return SLV_OK;
}

/* ---- delete ---- */

static slv_code delete_worker(slv_script_verb *v, slv_err *err)
{
    slv_node *result;

    if (!slv_script_confirm(v, "Delete %s, its versions, routes and secrets?", v->name))
        return slv_fail(err, SLV_E_CANCELED, "nothing was deleted");
    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/workers/services/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->name)));
    SLV_TRY(slv_buf_printf(&v->path, "?force=%s",
                           slv_args_bool(v->args, "force", false) ? "true" : "false"));
    SLV_TRY(slv_rest_json(v->rest, "DELETE", slv_buf_view(&v->path), SLV_STR(""), &result, err));
    printf("Deleted %s\n", v->name);
    return SLV_OK;
}

/* ---- whoami ---- */

static slv_code whoami(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    slv_node *user, *accounts;

    SLV_TRY(slv_rest_open_remote(args, &rest, err));
    SLV_TRY(slv_rest_json(rest, "GET", SLV_STR("/client/v4/user"), SLV_STR(""), &user, err));
    SLV_TRY(slv_rest_json(rest, "GET", SLV_STR("/client/v4/accounts?page=1"), SLV_STR(""),
                          &accounts, err));
    printf("You are %.*s.\n", SLV_STR_ARGS(slv_node_str(slv_node_get(user, "email"))));
    slv_table_print_rows(accounts, stdout);
    return SLV_OK;
}

static int list_exec(const slv_args *args)
{
    return slv_script_run(args, list);
}

static int status_exec(const slv_args *args)
{
    return slv_script_run(args, status);
}

static int rollback_exec(const slv_args *args)
{
    return slv_script_run(args, rollback);
}

static int delete_exec(const slv_args *args)
{
    return slv_script_run(args, delete_worker);
}

static int whoami_exec(const slv_args *args)
{
    slv_err err = {0};

    return whoami(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag flags[] = {SLV_SCRIPT_FLAGS};
static const slv_flag rollback_flags[] = {
    SLV_SCRIPT_FLAGS,
    {"message", SLV_FLAG_STRING, 'm', "TEXT", "why"},
    {"version-id", SLV_FLAG_STRING, 0, NULL, NULL},
};
static const slv_flag delete_flags[] = {
    SLV_SCRIPT_FLAGS,
    {"force", SLV_FLAG_BOOL, 0, NULL, "also when other workers refer to it"},
};
static const slv_flag whoami_flags[] = {SLV_REST_FLAGS};

const slv_cmd slv_cmd_deployments_list_verb = {
    .name = "deployments list",
    .usage = "the deployments of a worker, the newest last",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .exec = list_exec,
};

const slv_cmd slv_cmd_deployments_status_verb = {
    .name = "deployments status",
    .usage = "which versions of a worker answer",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .exec = status_exec,
};

const slv_cmd slv_cmd_rollback_verb = {
    .name = "rollback",
    .args = "[VERSION]",
    .usage = "go back to an earlier version of a worker",
    .flags = rollback_flags,
    .flag_count = SLV_ARRAY_LEN(rollback_flags),
    .max_positional = 1,
    .exec = rollback_exec,
};

const slv_cmd slv_cmd_delete_verb = {
    .name = "delete",
    .usage = "delete a worker from a server",
    .flags = delete_flags,
    .flag_count = SLV_ARRAY_LEN(delete_flags),
    .exec = delete_exec,
};

const slv_cmd slv_cmd_whoami_verb = {
    .name = "whoami",
    .usage = "who the token of CLOUDFLARE_API_TOKEN is",
    .flags = whoami_flags,
    .flag_count = SLV_ARRAY_LEN(whoami_flags),
    .exec = whoami_exec,
};
