/* selvage types: what a project's env holds, as TypeScript declarations. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/project.h"
#include "cli/term.h"
#include "cli/verbs.h"
#include "fmt/json.h"
#include "fmt/toml.h"

#define TEXT_MAX ((size_t)16 << 20)
#define DEFAULT_PATH "worker-configuration.d.ts"
#define RUNTIME_PACKAGE "@cloudflare/workers-types"

/* A member of Env, for one or more environments. */
typedef struct member {
    slv_str name;
    bool variable; /* a string of process.env, too */
    int rank;
    SLV_VEC(char *) types; /* that it has somewhere; made a union */
    size_t seen;           /* environments that have it */
} member;

typedef struct types {
    const slv_args *args;
    slv_project *projects; /* one for each environment */
    slv_project_options *options;
    size_t count;
    SLV_VEC(char *) envs;
    SLV_VEC(member) members;
    char *path, *import; /* of the file; of the entry as seen from there */
    bool modules, node;
    slv_buf out;
} types;

static void types_done(types *t)
{
    for (size_t i = 0; i < t->count; i++)
        slv_project_done(&t->projects[i]);
    for (size_t i = 0; i < t->members.len; i++) {
        for (size_t k = 0; k < t->members.items[i].types.len; k++)
            free(t->members.items[i].types.items[k]);
        slv_vec_done(&t->members.items[i].types);
    }
    for (size_t i = 0; i < t->envs.len; i++)
        free(t->envs.items[i]);
    slv_vec_done(&t->envs);
    slv_vec_done(&t->members);
    slv_buf_done(&t->out);
    free(t->projects);
    free(t->options);
    free(t->path);
    free(t->import);
}
SLV_DEFINE_CLEANUP_DONE(types, types_done);

/* ---- the type of a binding ---- */

static const char *plain_type(slv_binding_type type)
{
    switch (type) {
    case SLV_BINDING_KV:
        return "KVNamespace";
    case SLV_BINDING_R2:
        return "R2Bucket";
    case SLV_BINDING_D1:
        return "D1Database";
    case SLV_BINDING_QUEUE:
        return "Queue";
    case SLV_BINDING_RATELIMIT:
        return "RateLimit";
    case SLV_BINDING_ANALYTICS:
        return "AnalyticsEngineDataset";
    case SLV_BINDING_EMAIL:
        return "SendEmail";
    case SLV_BINDING_LOADER:
        return "WorkerLoader";
    case SLV_BINDING_DISPATCH:
        return "DispatchNamespace";
    case SLV_BINDING_ASSETS:
        return "Fetcher";
    case SLV_BINDING_SECRET:
        return "string";
    case SLV_BINDING_TEXT:
    case SLV_BINDING_JSON:
    case SLV_BINDING_SERVICE:
    case SLV_BINDING_MODULE:
    case SLV_BINDING_ENV:
    case SLV_BINDING_UNSUPPORTED:
    case SLV_BINDING_OBJECTS:
        break;
    }
    return NULL;
}

/* Bindings that only the platform has are declared all the same. */
static const char *platform_type(slv_str key)
{
    static const struct {
        const char *key, *type;
    } rows[] = {
        {"ai", "Ai"},
        {"browser", "Fetcher"},
        {"hyperdrive", "Hyperdrive"},
        {"images", "ImagesBinding"},
        {"mtls_certificates", "Fetcher"},
        {"secrets_store_secrets", "SecretsStoreSecret"},
        {"vectorize", "VectorizeIndex"},
        {"workflows", "Workflow"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++)
        if (slv_str_is(key, rows[i].key))
            return rows[i].type;
    return "unknown";
}

/* Without --strict-vars: what typeof says. */
static const char *loose_type(slv_str json)
{
    char c = json.len > 0 ? json.ptr[0] : '{';

    if (c == '"')
        return "string";
    if (c == 't' || c == 'f')
        return "boolean";
    return slv_is_digit(c) || c == '-' ? "number" : "object";
}

static slv_code put_service(const types *t, const slv_project *p, const slv_binding *b,
                            slv_buf *out)
{
    slv_str entry = b->entrypoint.len > 0 ? b->entrypoint : SLV_STR("default");

    if (slv_str_is(b->service, p->name))
        return slv_buf_printf(out, "Service<typeof import(\"%s\").%.*s>", t->import,
                              SLV_STR_ARGS(entry));
    if (b->entrypoint.len > 0)
        return slv_buf_printf(out, "Service /* entrypoint %.*s from %.*s */", SLV_STR_ARGS(entry),
                              SLV_STR_ARGS(b->service));
    return slv_buf_printf(out, "Fetcher /* %.*s */", SLV_STR_ARGS(b->service));
}

static slv_code put_type(const types *t, const slv_project *p, const slv_binding *b, slv_buf *out)
{
    bool strict = slv_args_bool(t->args, "strict-vars", true);
    const bool stored =
        b->type == SLV_BINDING_KV && slv_str_starts(b->id, SLV_STR(SLV_SECRETS_STORE_PREFIX));
    const char *plain = stored ? "SecretsStoreSecret" : plain_type(b->type);

    if (plain)
        return slv_buf_append(out, slv_str_from(plain));
    switch ((int)b->type) {
    case SLV_BINDING_TEXT:
        return strict ? slv_json_put_string(out, b->text) : slv_buf_append(out, SLV_STR("string"));
    case SLV_BINDING_JSON:
        return slv_buf_append(out, strict ? b->text : slv_str_from(loose_type(b->text)));
    case SLV_BINDING_SERVICE:
        return put_service(t, p, b, out);
    case SLV_BINDING_OBJECTS:
        if (b->service.len > 0 && !slv_str_is(b->service, p->name))
            return slv_buf_printf(out, "DurableObjectNamespace /* %.*s from %.*s */",
                                  SLV_STR_ARGS(b->id), SLV_STR_ARGS(b->service));
        return slv_buf_printf(out, "DurableObjectNamespace<import(\"%s\").%.*s>", t->import,
                              SLV_STR_ARGS(b->id));
    default:
        return slv_buf_append(out, slv_str_from(platform_type(b->text)));
    }
}

/* ---- members ---- */

/* The order in which wrangler writes kinds of bindings. */
enum {
    RANK_MODULE = 10,
    RANK_VARIABLE = 11,
    RANKS = 14,
};

static int rank_of(slv_binding_type type)
{
    switch (type) {
    case SLV_BINDING_KV:
        return 0;
    case SLV_BINDING_R2:
        return 1;
    case SLV_BINDING_D1:
        return 2;
    case SLV_BINDING_ENV:
    case SLV_BINDING_UNSUPPORTED:
        return 3;
    case SLV_BINDING_EMAIL:
        return 4;
    case SLV_BINDING_ANALYTICS:
        return 5;
    case SLV_BINDING_DISPATCH:
        return 6;
    case SLV_BINDING_QUEUE:
        return 7;
    case SLV_BINDING_RATELIMIT:
        return 8;
    case SLV_BINDING_LOADER:
        return 9;
    case SLV_BINDING_MODULE:
        return RANK_MODULE;
    case SLV_BINDING_TEXT:
    case SLV_BINDING_JSON:
    case SLV_BINDING_SECRET:
        return RANK_VARIABLE;
    case SLV_BINDING_OBJECTS:
        return 12;
    case SLV_BINDING_SERVICE:
    case SLV_BINDING_ASSETS:
        return 13;
    }
    return RANKS - 1;
}

static void add_type(types *t, slv_str name, int rank, slv_str type)
{
    member *m = NULL, fresh = {.name = name, .rank = rank};

    for (size_t i = 0; i < t->members.len && !m; i++)
        if (slv_str_eq(t->members.items[i].name, name))
            m = &t->members.items[i];
    if (!m) {
        slv_vec_push(&t->members, fresh);
        m = &t->members.items[t->members.len - 1];
    }
    m->seen++;
    m->variable = m->variable || rank == RANK_VARIABLE;
    for (size_t i = 0; i < m->types.len; i++)
        if (slv_str_is(type, m->types.items[i]))
            return;
    slv_vec_push(&m->types, slv_strndup(type.ptr, type.len));
}

static slv_code add_bindings(types *t, const slv_project *p)
{
    SLV_CLEANUP(slv_buf_done) slv_buf type = SLV_BUF(TEXT_MAX);

    for (size_t i = 0; i < p->config.bindings.len; i++) {
        const slv_binding *b = &p->config.bindings.items[i];

        slv_buf_reset(&type);
        SLV_TRY(put_type(t, p, b, &type));
        add_type(t, b->name, rank_of(b->type), slv_buf_view(&type));
    }
    return SLV_OK;
}

static void add_modules(types *t, const slv_project *p)
{
    const slv_config *c = &p->config;

    for (size_t i = 0; i < c->wasm_modules.len; i++)
        add_type(t, c->wasm_modules.items[i].key, RANK_MODULE, SLV_STR("WebAssembly.Module"));
    for (size_t i = 0; i < c->text_blobs.len; i++)
        add_type(t, c->text_blobs.items[i].key, RANK_MODULE, SLV_STR("string"));
    for (size_t i = 0; i < c->data_blobs.len; i++)
        add_type(t, c->data_blobs.items[i].key, RANK_MODULE, SLV_STR("ArrayBuffer"));
    if (c->version_metadata.len > 0)
        add_type(t, c->version_metadata, RANK_MODULE, SLV_STR("WorkerVersionMetadata"));
}

/* By rank, else in the order of the configuration. */
static void sort_members(types *t)
{
    for (size_t i = 1; i < t->members.len; i++) {
        member m = t->members.items[i];
        size_t k = i;

        for (; k > 0 && t->members.items[k - 1].rank > m.rank; k--)
            t->members.items[k] = t->members.items[k - 1];
        t->members.items[k] = m;
    }
}

/* ---- reading the project ---- */

static slv_code env_names(types *t, const slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(16 * SLV_CONFIG_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CONFIG_MAX + 1);
    slv_node *root = NULL;
    const slv_node *envs;

    if (!p->config_path)
        return SLV_OK;
    SLV_TRY(slv_file_read(p->config_path, &text, err));
    if (slv_str_ends(slv_str_from(p->config_path), SLV_STR(".toml")))
        SLV_TRY(slv_toml_parse(slv_buf_view(&text), &arena, &root, err));
    else
        SLV_TRY(slv_json_parse(slv_buf_view(&text), SLV_JSON_COMMENTS, &arena, &root, err));
    envs = slv_node_get(root, "env");
    for (const slv_node *n = slv_node_is(envs, SLV_NODE_OBJECT) ? envs->first : NULL; n;
         n = n->next)
        slv_vec_push(&t->envs, slv_strndup(n->key.ptr, n->key.len));
    return SLV_OK;
}

static slv_code load(types *t, size_t i, const char *env, slv_err *err)
{
    t->options[i] = (slv_project_options){
        .config = slv_args_string(t->args, "config"),
        .env = env,
        .minify = -1,
        .no_bundle = -1,
        .allow_unsupported = true,
    };
    t->count = i + 1;
    return slv_project_load(&t->options[i], &t->projects[i], err);
}

static slv_code load_all(types *t, slv_err *err)
{
    const char *env = slv_args_string(t->args, "env");
    slv_project first = {0};
    slv_project_options options = {
        .config = slv_args_string(t->args, "config"), .env = env, .allow_unsupported = true};
    slv_code code = slv_project_load_config(&options, &first, err);

    if (code == SLV_OK && !env)
        code = env_names(t, &first, err);
    slv_project_done(&first);
    if (code != SLV_OK)
        return code;
    t->projects = slv_alloc0((t->envs.len + 1) * sizeof *t->projects);
    t->options = slv_alloc0((t->envs.len + 1) * sizeof *t->options);
    SLV_TRY(load(t, 0, env, err));
    for (size_t i = 0; i < t->envs.len; i++)
        SLV_TRY(load(t, i + 1, t->envs.items[i], err));
    return SLV_OK;
}

/* Module syntax: there is an export at the beginning of a line. */
static slv_code look_at_entry(types *t, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(t->path);
    SLV_CLEANUP(slv_charp_free) char *relative = slv_path_relative(dir, t->projects[0].main);
    char *dot = strrchr(relative, '.');

    SLV_TRY(slv_file_read(t->projects[0].main, &text, err));
    t->modules = slv_str_starts(slv_buf_view(&text), SLV_STR("export")) ||
                 slv_str_find(slv_buf_view(&text), SLV_STR("\nexport"), 0) != SIZE_MAX;
    if (dot && dot > strrchr(relative, '/') + 1)
        *dot = '\0';
    if (asprintf(&t->import, "%s%s", relative[0] == '.' ? "" : "./", relative) < 0)
        abort();
    t->node = slv_compat_has(&t->projects[0].compat, "nodejs_compat");
    return SLV_OK;
}

/* ---- writing ---- */

static bool is_identifier(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && s.ptr[i] != '_' && s.ptr[i] != '$' &&
            (i == 0 || !slv_is_digit(s.ptr[i])))
            return false;
    return s.len > 0;
}

static slv_code put_member(types *t, const member *m, bool optional, const char *before)
{
    SLV_TRY(slv_buf_append(&t->out, slv_str_from(before)));
    if (is_identifier(m->name))
        SLV_TRY(slv_buf_append(&t->out, m->name));
    else
        SLV_TRY(slv_json_put_string(&t->out, m->name));
    SLV_TRY(slv_buf_append(&t->out, optional ? SLV_STR("?: ") : SLV_STR(": ")));
    for (size_t i = 0; i < m->types.len; i++)
        SLV_TRY(slv_buf_printf(&t->out, "%s%s", i > 0 ? " | " : "", m->types.items[i]));
    return slv_buf_append(&t->out, SLV_STR(";\n"));
}

static slv_code put_process_env(types *t)
{
    bool first = true;

    SLV_TRY(slv_buf_append(
        &t->out,
        SLV_STR("type StringifyValues<EnvType extends Record<string, unknown>> = {\n"
                "\t[Binding in keyof EnvType]: EnvType[Binding] extends string ? EnvType[Binding] "
                ": string;\n};\n"
                "declare namespace NodeJS {\n"
                "\tinterface ProcessEnv extends StringifyValues<Pick<Cloudflare.Env, ")));
    for (size_t i = 0; i < t->members.len; i++) {
        if (!t->members.items[i].variable)
            continue;
        SLV_TRY(slv_buf_append(&t->out, first ? SLV_STR("") : SLV_STR(" | ")));
        SLV_TRY(slv_json_put_string(&t->out, t->members.items[i].name));
        first = false;
    }
    return slv_buf_append(&t->out, SLV_STR(">> {}\n}\n"));
}

static slv_code put_env(types *t)
{
    const char *name = slv_args_string(t->args, "env-interface");
    bool any = false;

    if (!t->modules) {
        SLV_TRY(slv_buf_append(&t->out, SLV_STR("export {};\ndeclare global {\n")));
        for (size_t i = 0; i < t->members.len; i++)
            SLV_TRY(put_member(t, &t->members.items[i], false, "\tconst "));
        return slv_buf_append(&t->out, SLV_STR("}\n"));
    }
    SLV_TRY(slv_buf_printf(&t->out,
                           "declare namespace Cloudflare {\n\tinterface GlobalProps {\n"
                           "\t\tmainModule: typeof import(\"%s\");\n\t}\n\tinterface Env {\n",
                           t->import));
    for (size_t i = 0; i < t->members.len; i++) {
        any = any || t->members.items[i].variable;
        SLV_TRY(put_member(t, &t->members.items[i], t->members.items[i].seen < t->count, "\t\t"));
    }
    SLV_TRY(slv_buf_printf(&t->out, "\t}\n}\ninterface %s extends Cloudflare.Env {}\n",
                           name ? name : "Env"));
    return t->node && any ? put_process_env(t) : SLV_OK;
}

/* The runtime's own types come from npm. */
static bool has_runtime_types(const types *t)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strdup(t->projects[0].dir);

    for (;;) {
        SLV_CLEANUP(slv_charp_free)
        char *package = slv_path_join(dir, SLV_STR("node_modules/" RUNTIME_PACKAGE));
        char *up;

        if (slv_dir_exists(package))
            return true;
        if (strcmp(dir, "/") == 0)
            return false;
        up = slv_path_dir(dir);
        free(dir);
        dir = up;
    }
}

static slv_code put_all(types *t)
{
    SLV_TRY(slv_buf_append(&t->out, SLV_STR("/* eslint-disable */\n"
                                            "// Generated by 'selvage types'\n")));
    if (slv_args_bool(t->args, "include-runtime", true) && has_runtime_types(t))
        SLV_TRY(
            slv_buf_append(&t->out, SLV_STR("/// <reference types=\"" RUNTIME_PACKAGE "\" />\n")));
    return slv_args_bool(t->args, "include-env", true) ? put_env(t) : SLV_OK;
}

static slv_code write_file(const types *t, slv_err *err)
{
    FILE *f = fopen(t->path, "we");

    if (!f || fwrite(t->out.ptr, 1, t->out.len, f) != t->out.len || fclose(f) != 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", t->path);
    return SLV_OK;
}

static slv_code check_file(const types *t, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf there = SLV_BUF(TEXT_MAX);

    if (slv_file_read(t->path, &there, NULL) == SLV_OK &&
        slv_str_eq(slv_buf_view(&there), slv_buf_view(&t->out))) {
        printf("Types at %s are up to date.\n", t->path);
        return SLV_OK;
    }
    return slv_fail(err, SLV_E_STATE, "Types at %s are out of date; run 'selvage types' again",
                    t->path);
}

static slv_code run(types *t, slv_err *err)
{
    const char *cwd = slv_args_string(t->args, "cwd");
    SLV_CLEANUP(slv_charp_free) char *here = NULL;
    const char *path = t->args->positional.len > 0 ? t->args->positional.items[0] : DEFAULT_PATH;

    if (!slv_str_ends(slv_str_from(path), SLV_STR(".d.ts")))
        return slv_fail(err, SLV_E_INVAL,
                        "The provided output path '%s' does not point to a declaration file: its "
                        "name must end in .d.ts",
                        path);
    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "cannot go to %s", cwd);
    here = getcwd(NULL, 0);
    t->path = slv_path_join(here ? here : "/", slv_str_from(path));
    SLV_TRY(load_all(t, err));
    SLV_TRY(look_at_entry(t, err));
    for (size_t i = 0; i < t->count; i++) {
        SLV_TRY(add_bindings(t, &t->projects[i]));
        add_modules(t, &t->projects[i]);
    }
    sort_members(t);
    if (put_all(t) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the types are too large");
    if (slv_args_bool(t->args, "check", false))
        return check_file(t, err);
    SLV_TRY(write_file(t, err));
    printf("Types written to %s\n", path);
    if (slv_args_bool(t->args, "include-runtime", true) && !has_runtime_types(t))
        printf("The runtime's own types are in the package " RUNTIME_PACKAGE
               ": npm install --save-dev " RUNTIME_PACKAGE "\n");
    return SLV_OK;
}

static int exec(const slv_args *args)
{
    SLV_CLEANUP(types_done) types t = {.args = args, .out = SLV_BUF(TEXT_MAX)};
    slv_err err = {0};
    slv_code code = run(&t, &err);

    if (code == SLV_OK)
        return 0;
    err.code = code;
    return slv_cmd_fail(args->cmd, &err);
}

static const slv_flag flags[] = {
    {"config", SLV_FLAG_STRING, 'c', "FILE", "configuration file"},
    {"env", SLV_FLAG_STRING, 'e', "NAME", "environment of the configuration (all of them)"},
    {"env-interface", SLV_FLAG_STRING, 0, "NAME", "name of the interface (Env)"},
    {"include-runtime", SLV_FLAG_BOOL, 0, NULL, "--no-include-runtime: only what env holds"},
    {"include-env", SLV_FLAG_BOOL, 0, NULL, "--no-include-env: only the runtime's types"},
    {"strict-vars", SLV_FLAG_BOOL, 0, NULL, "--no-strict-vars: variables are string, not \"text\""},
    {"check", SLV_FLAG_BOOL, 0, NULL, "fail when the file is out of date"},
    {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},
    {"env-file", SLV_FLAG_LIST, 0, "FILE", NULL},
};

const slv_cmd slv_cmd_types_verb = {
    .name = "types",
    .args = "[path]",
    .usage = "write worker-configuration.d.ts: the types of env",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 1,
    .exec = exec,
};
