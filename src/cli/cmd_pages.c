/* selvage pages project|deployment|secret|download: projects of a server. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/pages_verb.h"
#include "cli/secret_int.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verbs.h"

static slv_code need(const slv_pages_verb *v, size_t i, const char *what, slv_str *ret,
                     slv_err *err)
{
    const char *text;

    SLV_TRY(slv_args_required(v->args, i, what, &text, err));
    *ret = slv_str_from(text);
    return SLV_OK;
}

static bool sure(const slv_pages_verb *v, const char *what, slv_str name)
{
    char line[16];

    if (slv_args_bool(v->args, "yes", false) || slv_args_bool(v->args, "force", false) ||
        !isatty(STDIN_FILENO))
        return true;
    fprintf(stderr, "Delete the %s '%.*s'? [y/N] ", what, SLV_STR_ARGS(name));
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* ---- projects ---- */

static slv_code project_create(slv_pages_verb *v, slv_err *err)
{
    const char *branch = slv_args_string(v->args, "production-branch");
    const char *date = slv_args_string(v->args, "compatibility-date"), *flag;
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    slv_node *project;
    slv_str name;

    SLV_TRY(need(v, 0, "name", &name, err));
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "name", name);
    slv_json_put_text(&w, "production_branch", slv_str_from(branch ? branch : "main"));
    slv_json_key(&w, "deployment_configs");
    slv_json_open(&w, '{');
    for (int i = 0; i < 2; i++) {
        slv_json_key(&w, i == 0 ? "production" : "preview");
        slv_json_open(&w, '{');
        if (date)
            slv_json_put_text(&w, "compatibility_date", slv_str_from(date));
        slv_json_key(&w, "compatibility_flags");
        slv_json_open(&w, '[');
        for (size_t n = 0; (flag = slv_args_item(v->args, "compatibility-flags", n)); n++)
            slv_json_text(&w, slv_str_from(flag));
        slv_json_close(&w, ']');
        slv_json_close(&w, '}');
    }
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_pages_call(v, "POST", &project, err, "%s", ""));
    printf("The project %.*s is there: %.*s\n", SLV_STR_ARGS(name),
           SLV_STR_ARGS(slv_node_str(slv_node_get(project, "subdomain"))));
    return SLV_OK;
}

static void project_row(slv_table *t, const slv_node *p)
{
    SLV_CLEANUP(slv_buf_done) slv_buf domains = SLV_BUF((size_t)64 << 10);
    const slv_node *list = slv_node_get(p, "domains"),
                   *latest = slv_node_get(p, "latest_deployment");

    for (const slv_node *d = list ? list->first : NULL; d; d = d->next)
        if (slv_buf_printf(&domains, "%s%.*s", domains.len > 0 ? "\n" : "",
                           SLV_STR_ARGS(d->text)) != SLV_OK)
            break;
    const slv_str cells[] = {slv_node_str(slv_node_get(p, "name")), slv_buf_view(&domains),
                             slv_node_str(slv_node_get(p, "production_branch")),
                             slv_node_str(slv_node_get(latest, "created_on"))};
    slv_table_row(t, cells);
}

static slv_code project_list(slv_pages_verb *v, slv_err *err)
{
    static const char *const columns[] = {"Project", "Domains", "Branch", "Deployed"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));
    bool json = slv_args_bool(v->args, "json", false);
    slv_node *page;
    unsigned n = 1;

    do {
        SLV_TRY(slv_pages_call(v, "GET", &page, err, "?per_page=100&page=%u", n++));
        if (json)
            slv_rest_print_json(stdout, page);
        for (const slv_node *p = page->first; p && !json; p = p->next)
            project_row(t, p);
    } while (page->count == 100 && !json);
    if (!json)
        slv_table_print(t, stdout);
    return SLV_OK;
}

static slv_code project_delete(slv_pages_verb *v, slv_err *err)
{
    slv_node *none;
    slv_str name;

    SLV_TRY(need(v, 0, "name", &name, err));
    if (!sure(v, "project", name))
        return slv_fail(err, SLV_E_CANCELED, "nothing was deleted");
    SLV_TRY(slv_pages_call(v, "DELETE", &none, err, "/%.*s", SLV_STR_ARGS(name)));
    printf("The project %.*s and its deployments are gone\n", SLV_STR_ARGS(name));
    return SLV_OK;
}

/* ---- deployments ---- */

static slv_code deployment_list(slv_pages_verb *v, slv_err *err)
{
    static const char *const columns[] = {"Id", "Environment", "Branch", "Created", "URL"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));
    const char *environment = slv_args_string(v->args, "environment");
    slv_node *list;

    SLV_TRY(slv_pages_need_name(v, err));
    SLV_TRY(slv_pages_call(v, "GET", &list, err, "/%.*s/deployments%s%s", SLV_STR_ARGS(v->name),
                           environment ? "?env=" : "", environment ? environment : ""));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, list);
        return SLV_OK;
    }
    for (const slv_node *d = list->first; d; d = d->next) {
        const slv_node *about = slv_node_get(slv_node_get(d, "deployment_trigger"), "metadata");
        const slv_str cells[] = {
            slv_node_str(slv_node_get(d, "id")), slv_node_str(slv_node_get(d, "environment")),
            slv_node_str(slv_node_get(about, "branch")),
            slv_node_str(slv_node_get(d, "created_on")), slv_node_str(slv_node_get(d, "url"))};
        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
    return SLV_OK;
}

static slv_code deployment_delete(slv_pages_verb *v, slv_err *err)
{
    slv_node *none;
    slv_str id;

    SLV_TRY(slv_pages_need_name(v, err));
    SLV_TRY(need(v, 0, "deployment", &id, err));
    if (!sure(v, "deployment", id))
        return slv_fail(err, SLV_E_CANCELED, "nothing was deleted");
    SLV_TRY(slv_pages_call(v, "DELETE", &none, err, "/%.*s/deployments/%.*s%s",
                           SLV_STR_ARGS(v->name), SLV_STR_ARGS(id),
                           slv_args_bool(v->args, "force", false) ? "?force=true" : ""));
    printf("The deployment %.*s is gone\n", SLV_STR_ARGS(id));
    return SLV_OK;
}

static slv_code deployment_rollback(slv_pages_verb *v, slv_err *err)
{
    slv_node *none;
    slv_str id;

    SLV_TRY(slv_pages_need_name(v, err));
    SLV_TRY(need(v, 0, "deployment", &id, err));
    SLV_TRY(slv_pages_call(v, "POST", &none, err, "/%.*s/deployments/%.*s/rollback",
                           SLV_STR_ARGS(v->name), SLV_STR_ARGS(id)));
    printf("The deployment %.*s answers in production\n", SLV_STR_ARGS(id));
    return SLV_OK;
}

/* ---- secrets ---- */

static slv_code environment_of(const slv_pages_verb *v, const char **ret, slv_err *err)
{
    const char *env = slv_args_string(v->args, "env");

    *ret = env ? env : "production";
    if (strcmp(*ret, "production") != 0 && strcmp(*ret, "preview") != 0)
        return slv_fail(err, SLV_E_INVAL,
                        "Pages has the environments production and preview, not '%s'", *ret);
    return slv_pages_need_name(v, err);
}

/* values: an object of strings; null deletes. */
static slv_code secrets_patch(slv_pages_verb *v, const slv_node *values, slv_err *err)
{
    slv_json_writer w = SLV_JSON_WRITER(&v->json);
    const char *environment;
    slv_node *project;

    SLV_TRY(environment_of(v, &environment, err));
    slv_json_open(&w, '{');
    slv_json_key(&w, "deployment_configs");
    slv_json_open(&w, '{');
    slv_json_key(&w, environment);
    slv_json_open(&w, '{');
    slv_json_key(&w, "env_vars");
    slv_json_open(&w, '{');
    for (const slv_node *n = values->first; n; n = n->next) {
        slv_json_key_str(&w, n->key);
        if (n->type == SLV_NODE_NULL) {
            slv_json_raw(&w, SLV_STR("null"));
            continue;
        }
        slv_json_open(&w, '{');
        slv_json_put_text(&w, "type", SLV_STR("secret_text"));
        slv_json_put_text(&w, "value", slv_node_str(n));
        slv_json_close(&w, '}');
    }
    for (int i = 0; i < 4; i++)
        slv_json_close(&w, '}');
    SLV_TRY(w.code);
    return slv_pages_call(v, "PATCH", &project, err, "/%.*s", SLV_STR_ARGS(v->name));
}

static slv_code one_secret(slv_pages_verb *v, slv_str name, slv_str value, slv_err *err)
{
    slv_node *values = slv_node_new(&v->arena, SLV_NODE_OBJECT, 0, 0);
    slv_node *n = slv_node_new(&v->arena, value.ptr ? SLV_NODE_STRING : SLV_NODE_NULL, 0, 0);

    if (!values || !n)
        return SLV_E_LIMIT;
    n->key = name;
    n->text = value;
    slv_node_append(values, n);
    return secrets_patch(v, values, err);
}

static slv_code secret_put(slv_pages_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF((size_t)1 << 20);
    const char *environment;
    slv_str name;

    SLV_TRY(need(v, 0, "key", &name, err));
    SLV_TRY(environment_of(v, &environment, err));
    SLV_TRY(slv_secret_read_value(name.ptr, &value, err));
    SLV_TRY(one_secret(v, name, slv_buf_view(&value), err));
    printf("The secret %.*s is kept; deployments from now on have it\n", SLV_STR_ARGS(name));
    return SLV_OK;
}

static slv_code secret_delete(slv_pages_verb *v, slv_err *err)
{
    slv_str name;

    SLV_TRY(need(v, 0, "key", &name, err));
    SLV_TRY(one_secret(v, name, SLV_STR_NULL, err));
    printf("The secret %.*s is gone\n", SLV_STR_ARGS(name));
    return SLV_OK;
}

static slv_code secret_bulk(slv_pages_verb *v, slv_err *err)
{
    slv_node *values;

    SLV_TRY(slv_secret_read_bulk(v->args, &v->arena, &values, err));
    SLV_TRY(secrets_patch(v, values, err));
    printf("%zu secrets are kept; deployments from now on have them\n", values->count);
    return SLV_OK;
}

static slv_code secret_list(slv_pages_verb *v, slv_err *err)
{
    const char *environment;
    const slv_node *vars;
    slv_node *project;

    SLV_TRY(environment_of(v, &environment, err));
    SLV_TRY(slv_pages_call(v, "GET", &project, err, "/%.*s", SLV_STR_ARGS(v->name)));
    vars = slv_node_get(slv_node_get(slv_node_get(project, "deployment_configs"), environment),
                        "env_vars");
    for (const slv_node *n = vars ? vars->first : NULL; n; n = n->next)
        if (slv_str_is(slv_node_str(slv_node_get(n, "type")), "secret_text"))
            printf("%.*s\n", SLV_STR_ARGS(n->key));
    return SLV_OK;
}

/* ---- the configuration ---- */

/* A table of settings as the array of the configuration's file. */
static const struct {
    const char *from, *to, *name;
    const char *members[3][2]; /* of the setting, of the file */
} tables[] = {
    {"kv_namespaces", "kv_namespaces", "binding", {{"namespace_id", "id"}}},
    {"d1_databases", "d1_databases", "binding", {{"id", "database_id"}}},
    {"r2_buckets", "r2_buckets", "binding", {{"name", "bucket_name"}}},
    {"services", "services", "binding", {{"service", "service"}, {"entrypoint", "entrypoint"}}},
    {"analytics_engine_datasets", "analytics_engine_datasets", "binding", {{"dataset", "dataset"}}},
};

static void put_tables(slv_json_writer *w, const slv_node *config)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(tables); i++) {
        const slv_node *table = slv_node_get(config, tables[i].from);

        if (!slv_node_is(table, SLV_NODE_OBJECT) || table->count == 0)
            continue;
        slv_json_key(w, tables[i].to);
        slv_json_open(w, '[');
        for (const slv_node *n = table->first; n; n = n->next) {
            slv_json_open(w, '{');
            slv_json_put_text(w, tables[i].name, n->key);
            for (size_t m = 0; m < 3 && tables[i].members[m][0]; m++)
                slv_json_put_some(w, tables[i].members[m][1],
                                  slv_node_str(slv_node_get(n, tables[i].members[m][0])));
            slv_json_close(w, '}');
        }
        slv_json_close(w, ']');
    }
}

static void put_environment(slv_json_writer *w, const slv_node *config)
{
    const slv_node *vars = slv_node_get(config, "env_vars");

    slv_json_put_node(w, "compatibility_date", slv_node_get(config, "compatibility_date"));
    slv_json_put_node(w, "compatibility_flags", slv_node_get(config, "compatibility_flags"));
    slv_json_key(w, "vars");
    slv_json_open(w, '{');
    for (const slv_node *n = vars ? vars->first : NULL; n; n = n->next)
        if (!slv_str_is(slv_node_str(slv_node_get(n, "type")), "secret_text")) {
            slv_json_key_str(w, n->key);
            slv_json_text(w, slv_node_str(slv_node_get(n, "value")));
        }
    slv_json_close(w, '}');
    put_tables(w, config);
}

static slv_code download_config(slv_pages_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)4 << 20);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    const slv_node *configs;
    slv_node *project;
    FILE *f;

    if (v->args->positional.len > 0)
        v->name = slv_str_from(v->args->positional.items[0]);
    SLV_TRY(slv_pages_need_name(v, err));
    SLV_TRY(slv_pages_call(v, "GET", &project, err, "/%.*s", SLV_STR_ARGS(v->name)));
    if (slv_file_exists("wrangler.json") && !slv_args_bool(v->args, "force", false))
        return slv_fail(err, SLV_E_EXISTS, "wrangler.json is there; --force writes over it");
    configs = slv_node_get(project, "deployment_configs");
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "name", v->name);
    slv_json_put_node(&w, "pages_build_output_dir",
                      slv_node_get(slv_node_get(project, "build_config"), "destination_dir"));
    put_environment(&w, slv_node_get(configs, "preview"));
    slv_json_key(&w, "env");
    slv_json_open(&w, '{');
    slv_json_key(&w, "production");
    slv_json_open(&w, '{');
    put_environment(&w, slv_node_get(configs, "production"));
    for (int i = 0; i < 3; i++)
        slv_json_close(&w, '}');
    SLV_TRY(w.code);
    f = fopen("wrangler.json", "we");
    if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fputc('\n', f) < 0 || fclose(f) != 0)
        return slv_fail_errno(err, SLV_E_IO, "wrangler.json");
    printf("The settings of %.*s are in wrangler.json\n", SLV_STR_ARGS(v->name));
    return SLV_OK;
}

/* ---- verbs ---- */

static const slv_flag plain_flags[] = {SLV_PAGES_FLAGS};
static const slv_flag create_flags[] = {
    SLV_PAGES_FLAGS,
    {"production-branch", SLV_FLAG_STRING, 0, "BRANCH", "whose deployments are production (main)"},
    {"compatibility-date", SLV_FLAG_STRING, 0, "DATE", "behave as the platform did at YYYY-MM-DD"},
    {"compatibility-flags", SLV_FLAG_LIST, 0, "FLAG", "compatibility flags"},
};
static const slv_flag force_flags[] = {
    SLV_PAGES_FLAGS, {"force", SLV_FLAG_BOOL, 'f', NULL, "also where something depends on it"}};
static const slv_flag list_flags[] = {
    SLV_PAGES_FLAGS, {"environment", SLV_FLAG_STRING, 0, "NAME", "production or preview alone"}};

#define VERB(id, words, arguments, what, list, most, run)                                          \
    static int exec_##id(const slv_args *a)                                                        \
    {                                                                                              \
        return slv_pages_run(a, run);                                                              \
    }                                                                                              \
    const slv_cmd slv_cmd_pages_##id##_verb = {                                                    \
        .name = words,                                                                             \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = list,                                                                             \
        .flag_count = SLV_ARRAY_LEN(list),                                                         \
        .max_positional = most,                                                                    \
        .exec = exec_##id,                                                                         \
    }

VERB(project_create, "pages project create", "NAME", "make a project on a server", create_flags, 1,
     project_create);
VERB(project_list, "pages project list", "", "projects of a server", plain_flags, 0, project_list);
VERB(project_delete, "pages project delete", "NAME", "delete a project of a server", plain_flags, 1,
     project_delete);
VERB(deployment_list, "pages deployment list", "", "deployments of a project", list_flags, 0,
     deployment_list);
VERB(deployment_delete, "pages deployment delete", "ID", "delete a deployment", force_flags, 1,
     deployment_delete);
VERB(deployment_rollback, "pages deployment rollback", "ID",
     "let an earlier deployment answer in production", plain_flags, 1, deployment_rollback);
VERB(secret_put, "pages secret put", "KEY", "keep a secret for a project", plain_flags, 1,
     secret_put);
VERB(secret_list, "pages secret list", "", "names of a project's secrets", plain_flags, 0,
     secret_list);
VERB(secret_delete, "pages secret delete", "KEY", "forget a secret", plain_flags, 1, secret_delete);
VERB(secret_bulk, "pages secret bulk", "[FILE]", "keep secrets from a file of JSON or .env",
     plain_flags, 1, secret_bulk);
VERB(download_config, "pages download config", "[PROJECT]", "write a project's settings to a file",
     force_flags, 1, download_config);
