#include "cli/project.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/project_pages.h"
#include "fmt/dotenv.h"
#include "fmt/json.h"

static const char *const config_names[] = {"wrangler.json", "wrangler.jsonc", "wrangler.toml"};

/* ---- finding things ---- */

/* The nearest file of that name in dir and its parents; NULL when there is none. */
static char *find_up(const char *dir, const char *name)
{
    SLV_CLEANUP(slv_charp_free) char *at = slv_strdup(dir);

    for (;;) {
        char *path = slv_path_join(at, slv_str_from(name)), *up;

        if (slv_file_exists(path))
            return path;
        free(path);
        if (strcmp(at, "/") == 0)
            return NULL;
        up = slv_path_dir(at);
        free(at);
        at = up;
    }
}

static char *working_dir(void)
{
    char path[PATH_MAX];

    return slv_strdup(getcwd(path, sizeof path) ? path : "/");
}

/* As messages show a path: relative to where the command runs, when that is shorter. */
static char *shown(const char *path)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = working_dir();
    char *relative = slv_path_relative(cwd, path);

    if (strncmp(relative, "../../", 6) != 0)
        return relative;
    free(relative);
    return slv_strdup(path);
}

#define REDIRECT ".wrangler/deploy/config.json"

/* {"configPath": "../../dist/wrangler.json"}: where a framework's build has put the configuration
 * of what it made. */
static slv_code read_redirect(const char *file, char **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CONFIG_MAX);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(4 * SLV_CONFIG_MAX);
    SLV_CLEANUP(slv_charp_free) char *name = shown(file);
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(file);
    SLV_CLEANUP(slv_charp_free) char *target = NULL;
    slv_err why = {0};
    slv_node *root;
    slv_str path;

    SLV_TRY(slv_file_read(file, &text, err));
    if (slv_json_parse(slv_buf_view(&text), SLV_JSON_COMMENTS, &arena, &root, &why) != SLV_OK)
        return slv_fail(err, SLV_E_PARSE, "%s:%s", name, slv_err_text(&why));
    path = slv_node_str(slv_node_get(root, "configPath"));
    if (path.len == 0)
        return slv_fail(err, SLV_E_INVAL,
                        "%s has no \"configPath\"; it must name the configuration that a build has "
                        "made, or be removed",
                        name);
    target = slv_path_join(dir, path);
    if (!slv_file_exists(target)) {
        SLV_CLEANUP(slv_charp_free) char *missing = shown(target);

        return slv_fail(err, SLV_E_NOTFOUND,
                        "%s names %s, which does not exist; run the project's build", name,
                        missing);
    }
    *ret = SLV_STEAL(target);
    return SLV_OK;
}

static slv_code follow_redirect(slv_project *p, const char *from, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *file = find_up(from, REDIRECT);
    char *target;

    if (!file)
        return SLV_OK;
    if (p->config_path) {
        SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(p->config_path);
        SLV_CLEANUP(slv_charp_free) char *beside = slv_path_join(dir, SLV_STR(REDIRECT));

        if (strcmp(beside, file) != 0) {
            SLV_CLEANUP(slv_charp_free) char *name = shown(file);
            SLV_CLEANUP(slv_charp_free) char *config = shown(p->config_path);

            return slv_fail(err, SLV_E_INVAL,
                            "there are %s and %s, and it is not clear which one is meant: they "
                            "must lie in one directory; or say --config",
                            config, name);
        }
    }
    SLV_TRY(read_redirect(file, &target, err));
    p->home = slv_strndup(file, strlen(file) - strlen("/" REDIRECT));
    if (p->config_path)
        slv_vec_push(&p->watched, p->config_path);
    slv_vec_push(&p->watched, SLV_STEAL(file));
    p->config_path = target;
    p->redirected = true;
    return SLV_OK;
}

static slv_code find_config(slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = working_dir();
    SLV_CLEANUP(slv_charp_free) char *from = slv_strdup(cwd);

    if (p->options->config) {
        p->config_path = slv_path_join(cwd, slv_str_from(p->options->config));
        if (!slv_file_exists(p->config_path))
            return slv_fail(err, SLV_E_NOTFOUND, "there is no configuration file %s",
                            p->options->config);
    } else if (p->options->script) {
        SLV_CLEANUP(slv_charp_free)
        char *script = slv_path_join(cwd, slv_str_from(p->options->script));

        free(from);
        from = slv_path_dir(script);
    }
    for (size_t i = 0; !p->config_path && i < SLV_ARRAY_LEN(config_names); i++)
        p->config_path = find_up(from, config_names[i]);
    if (!p->options->config)
        SLV_TRY(follow_redirect(p, from, err));
    if (p->config_path) {
        p->dir = slv_path_dir(p->config_path);
        if (!p->home)
            p->home = slv_strdup(p->dir);
        return SLV_OK;
    }
    p->dir = slv_strdup(cwd);
    p->home = slv_strdup(cwd);
    if (!p->options->script && !p->options->assets && !p->options->pages)
        return slv_fail(
            err, SLV_E_NOTFOUND,
            "there is no wrangler.toml, wrangler.json or wrangler.jsonc here or above; name a "
            "script "
            "('selvage dev src/index.ts') or write a wrangler.toml with main = \"src/index.ts\"");
    return SLV_OK;
}

/* ---- configuration ---- */

static slv_code read_config(slv_project *p, slv_err *err)
{
    const slv_project_options *o = p->options;
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CONFIG_MAX + 1);
    SLV_CLEANUP(slv_charp_free) char *name = NULL;
    /* A build's configuration is that of the environment which it was made for. */
    slv_config_options options = {.env = slv_str_from(o->env && !p->redirected ? o->env : ""),
                                  .allow_unsupported = o->allow_unsupported,
                                  .warn = o->warn,
                                  .warn_arg = o->warn_arg};

    if (!p->config_path) {
        slv_config_default(&p->config);
        return SLV_OK;
    }
    name = shown(p->config_path);
    options.file = name;
    SLV_TRY(slv_file_read(p->config_path, &text, err));
    slv_vec_push(&p->watched, slv_strdup(p->config_path));
    return slv_config_parse(slv_buf_view(&text), &options, &p->config, err);
}

static slv_code find_assets(slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = working_dir();
    const slv_assets_config *a = &p->config.assets;

    if (p->options->pages)
        return slv_pages_find_assets(p, err);
    if (p->options->assets)
        p->assets = slv_path_join(cwd, slv_str_from(p->options->assets));
    else if (a->directory.len > 0)
        p->assets = slv_path_join(p->dir, a->directory);
    if (p->assets && !slv_dir_exists(p->assets) && p->config.build.command.len == 0) {
        SLV_CLEANUP(slv_charp_free) char *name = shown(p->assets);

        return slv_fail(err, SLV_E_NOTFOUND,
                        "there is no directory %s; correct %s, or build what belongs there", name,
                        p->options->assets ? "--assets" : "'assets.directory'");
    }
    return SLV_OK;
}

/* Static files alone need no worker, and have no use for what is a worker's. */
static slv_code check_no_main(const slv_project *p, slv_err *err)
{
    const slv_assets_config *a = &p->config.assets;

    if (a->binding.len > 0)
        return slv_fail(err, SLV_E_INVAL,
                        "'assets.binding' is for a worker, and there is none; remove it, or name "
                        "the worker's script in 'main'");
    if (a->worker_first || a->worker_rule_count > 0)
        return slv_fail(err, SLV_E_INVAL,
                        "'assets.run_worker_first' is for a worker, and there is none; name its "
                        "script in 'main'");
    return SLV_OK;
}

static slv_code find_main(slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = working_dir();
    SLV_CLEANUP(slv_charp_free) char *name = NULL;

    if (p->options->pages)
        return slv_pages_find_worker(p, err);
    if (p->options->script) {
        p->main = slv_path_join(cwd, slv_str_from(p->options->script));
    } else if (p->config.main.len > 0) {
        p->main = slv_path_join(p->dir, p->config.main);
    } else if (p->assets) {
        return check_no_main(p, err);
    } else {
        name = shown(p->config_path);
        return slv_fail(err, SLV_E_INVAL,
                        "%s has no 'main'; add main = \"src/index.ts\", or name a script", name);
    }
    name = shown(p->main);
    if (slv_dir_exists(p->main))
        return slv_fail(err, SLV_E_INVAL, "the entry %s is a directory; name a file", name);
    if (!slv_file_exists(p->main) && p->config.build.command.len == 0)
        return slv_fail(err, SLV_E_NOTFOUND,
                        "the entry %s does not exist; correct 'main' in the configuration", name);
    if (slv_file_exists(p->main) && access(p->main, R_OK) != 0)
        return slv_fail_errno(err, SLV_E_DENIED, "cannot read the entry %s", name);
    return SLV_OK;
}

static void choose_name(slv_project *p)
{
    const char *base = slv_path_base(p->dir);

    if (p->options->name) {
        p->name = slv_strdup(p->options->name);
    } else if (p->config.name.len > 0) {
        p->name = slv_strndup(p->config.name.ptr, p->config.name.len);
    } else {
        p->name = slv_strdup(base[0] ? base : "worker");
        for (char *c = p->name; *c; c++)
            if (!slv_is_alpha(*c) && !slv_is_digit(*c) && *c != '-' && *c != '_')
                *c = '-';
    }
}

static const char *const node_flags[] = {"nodejs_compat",
                                         "nodejs_compat_v2",
                                         "nodejs_compat_populate_process_env",
                                         "enable_nodejs_process_v2",
                                         "enable_nodejs_fs_module",
                                         "enable_nodejs_os_module"};

static bool has_name(const slv_str *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (slv_str_is(names[i], name))
            return true;
    return false;
}

static slv_code check_node_flags(const slv_str *names, size_t n, slv_err *err)
{
    if (has_name(names, n, "experimental:nodejs_compat_v2"))
        return slv_fail(err, SLV_E_INVAL,
                        "The `experimental:` prefix on `nodejs_compat_v2` is no longer valid. "
                        "Please remove it and try again.");
    if (has_name(names, n, "nodejs_compat") && has_name(names, n, "nodejs_compat_v2"))
        return slv_fail(err, SLV_E_INVAL,
                        "The `nodejs_compat` and `nodejs_compat_v2` compatibility flags cannot be "
                        "used in together. Please select just one.");
    return SLV_OK;
}

static slv_code resolve_compat(slv_project *p, slv_err *err)
{
    const slv_project_options *o = p->options;
    slv_str date =
        o->compatibility_date ? slv_str_from(o->compatibility_date) : p->config.compatibility_date;
    SLV_VEC(slv_str) names = {0};
    char today[16];
    time_t now = time(NULL);
    struct tm tm;
    slv_code code;

    strftime(today, sizeof today, "%Y-%m-%d", gmtime_r(&now, &tm));
    if ((o->latest || (o->pages && date.len == 0)) && !o->compatibility_date)
        date =
            strcmp(today, SLV_COMPAT_NEWEST) < 0 ? slv_str_from(today) : SLV_STR(SLV_COMPAT_NEWEST);
    if (o->compatibility_flag_count > 0) {
        for (size_t i = 0; i < o->compatibility_flag_count; i++)
            slv_vec_push(&names, slv_str_from(o->compatibility_flags[i]));
    } else {
        for (size_t i = 0; i < p->config.compatibility_flags.len; i++)
            slv_vec_push(&names, p->config.compatibility_flags.items[i]);
    }
    code = check_node_flags(names.items, names.len, err);
    for (size_t i = 0; p->node_added && i < SLV_ARRAY_LEN(node_flags); i++)
        if (!has_name(names.items, names.len, node_flags[i]))
            slv_vec_push(&names, slv_str_from(node_flags[i]));
    if (code == SLV_OK)
        code = slv_compat_resolve(date, names.items, names.len, today, o->warn, o->warn_arg,
                                  &p->compat, err);
    slv_vec_done(&names);
    return code;
}

/* ---- variables and secrets ---- */

static bool env_is(const char *name, const char *value)
{
    const char *s = getenv(name);

    return s && strcasecmp(s, value) == 0;
}

static slv_str from_environment(slv_str name, SLV_UNUSED void *arg)
{
    SLV_CLEANUP(slv_charp_free) char *copy = slv_strndup(name.ptr, name.len);
    const char *value = getenv(copy);

    return value ? slv_str_from(value) : SLV_STR_NULL;
}

/* False when the file does not exist. */
static slv_code read_env_file(slv_project *p, const char *name, slv_node *object, bool *ret_found,
                              slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_DOTENV_MAX + 1);
    char *path = slv_path_join(p->dir, slv_str_from(name));
    slv_err inner = {0};
    slv_code code;

    slv_vec_push(&p->watched, path);
    *ret_found = false;
    code = slv_file_read(path, &text, &inner);
    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    if (code == SLV_OK)
        code = slv_dotenv_parse(slv_buf_view(&text), &p->config.arena, object, &inner);
    if (code != SLV_OK)
        return slv_fail(err, code, "%s: %s", name, slv_err_text(&inner));
    slv_vec_push(&p->env_files, slv_strdup(name));
    *ret_found = true;
    return SLV_OK;
}

static slv_code read_dev_vars(slv_project *p, slv_node *object, bool *ret_found, slv_err *err)
{
    char name[256];

    *ret_found = false;
    if (p->options->env) {
        snprintf(name, sizeof name, ".dev.vars.%s", p->options->env);
        SLV_TRY(read_env_file(p, name, object, ret_found, err));
    }
    if (!*ret_found)
        SLV_TRY(read_env_file(p, ".dev.vars", object, ret_found, err));
    return SLV_OK;
}

static slv_code read_dotenv(slv_project *p, slv_node *object, slv_err *err)
{
    const slv_project_options *o = p->options;
    bool outside = p->config.has_secrets || env_is("CLOUDFLARE_INCLUDE_PROCESS_ENV", "true");
    char name[256];
    bool found;

    for (size_t i = 0; i < o->env_file_count; i++)
        SLV_TRY(read_env_file(p, o->env_files[i], object, &found, err));
    if (o->env_file_count == 0) {
        SLV_TRY(read_env_file(p, ".env", object, &found, err));
        SLV_TRY(read_env_file(p, ".env.local", object, &found, err));
        if (o->env) {
            snprintf(name, sizeof name, ".env.%s", o->env);
            SLV_TRY(read_env_file(p, name, object, &found, err));
            snprintf(name, sizeof name, ".env.%s.local", o->env);
            SLV_TRY(read_env_file(p, name, object, &found, err));
        }
    }
    return slv_dotenv_expand(object, &p->config.arena, outside ? from_environment : NULL, NULL,
                             err);
}

static void warn_missing_secrets(const slv_project *p, slv_node *object)
{
    for (size_t i = 0; i < p->config.required_secrets.len && p->options->warn; i++) {
        slv_str name = p->config.required_secrets.items[i];
        char text[320];

        if (slv_node_find(object, name))
            continue;
        snprintf(text, sizeof text,
                 "the required secret %.*s is missing; put it into .dev.vars or .env",
                 SLV_STR_ARGS(name));
        p->options->warn(p->options->warn_arg, text);
    }
}

/* A required secret may stand in the environment alone. */
static slv_code add_from_environment(slv_project *p, slv_node *object)
{
    for (size_t i = 0; i < p->config.required_secrets.len; i++) {
        slv_str name = p->config.required_secrets.items[i], value = from_environment(name, NULL);
        slv_node *n;

        if (!value.ptr || slv_node_find(object, name))
            continue;
        n = slv_node_new(&p->config.arena, SLV_NODE_STRING, 0, 0);
        if (!n)
            return SLV_E_LIMIT;
        n->key = name;
        n->text = value;
        slv_node_append(object, n);
    }
    return SLV_OK;
}

static slv_code read_secrets(slv_project *p, slv_err *err)
{
    slv_node *object = slv_node_new(&p->config.arena, SLV_NODE_OBJECT, 0, 0);
    bool found = false;

    if (!object)
        return SLV_E_LIMIT;
    if (p->options->env_file_count == 0)
        SLV_TRY(read_dev_vars(p, object, &found, err));
    if (!found && !env_is("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "false")) {
        SLV_TRY(read_dotenv(p, object, err));
        SLV_TRY(add_from_environment(p, object));
    }
    warn_missing_secrets(p, object);
    return slv_config_set_secrets(&p->config, object);
}

static slv_code set_vars(slv_project *p, slv_err *err)
{
    for (size_t i = 0; i < p->options->var_count; i++)
        if (slv_config_set_text(&p->config, p->options->vars[i].key, SLV_BINDING_TEXT,
                                p->options->vars[i].value) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "the variables are too large");
    return SLV_OK;
}

/* ---- */

static void set_bundle_spec(slv_project *p)
{
    const slv_project_options *o = p->options;
    SLV_CLEANUP(slv_charp_free)
    char *main_dir = p->main ? slv_path_dir(p->main) : slv_strdup(p->dir);

    p->base_dir = p->pages.worker_dir          ? slv_strdup(p->pages.worker_dir)
                  : p->config.base_dir.len > 0 ? slv_path_join(p->dir, p->config.base_dir)
                                               : slv_strdup(main_dir);
    if (o->tsconfig) {
        SLV_CLEANUP(slv_charp_free) char *cwd = working_dir();

        p->tsconfig = slv_path_join(cwd, slv_str_from(o->tsconfig));
    } else if (p->config.tsconfig.len > 0) {
        p->tsconfig = slv_path_join(p->dir, p->config.tsconfig);
    }
    p->bundle = (slv_bundle_spec){
        .project_dir = p->dir,
        .main = p->main,
        .base_dir = p->base_dir,
        .config = &p->config,
        .define = o->define,
        .define_count = o->define_count,
        .alias = o->alias,
        .alias_count = o->alias_count,
        .tsconfig = p->tsconfig,
        .jsx_factory = o->jsx_factory,
        .jsx_fragment = o->jsx_fragment,
        .minify = o->minify >= 0 ? o->minify : p->config.minify,
        .no_bundle = o->no_bundle >= 0 ? o->no_bundle : p->config.no_bundle,
        .node = slv_compat_has(&p->compat, "nodejs_compat_v2") ? SLV_NODE_V2
                : slv_compat_has(&p->compat, "nodejs_compat")  ? SLV_NODE_V1
                : slv_compat_has(&p->compat, "nodejs_als")     ? SLV_NODE_ALS
                                                               : SLV_NODE_OFF,
    };
}

bool slv_project_add_node(slv_project *p)
{
    slv_compat before = p->compat;
    slv_err err;

    if (p->node_added)
        return false;
    p->node_added = true;
    p->compat = (slv_compat){0};
    if (resolve_compat(p, &err) != SLV_OK) {
        slv_compat_done(&p->compat);
        p->compat = before;
        return false;
    }
    slv_compat_done(&before);
    p->bundle.node = SLV_NODE_V2;
    return true;
}

slv_code slv_project_load(const slv_project_options *options, slv_project *ret, slv_err *err)
{
    *ret = (slv_project){.options = options};
    SLV_TRY(find_config(ret, err));
    SLV_TRY(read_config(ret, err));
    SLV_TRY(find_assets(ret, err));
    SLV_TRY(find_main(ret, err));
    choose_name(ret);
    SLV_TRY(resolve_compat(ret, err));
    if (!options->no_secrets)
        SLV_TRY(read_secrets(ret, err));
    SLV_TRY(set_vars(ret, err));
    if (options->pages)
        SLV_TRY(slv_pages_bind(ret, err));
    set_bundle_spec(ret);
    return options->pages ? slv_pages_refresh(ret, err) : SLV_OK;
}

slv_code slv_project_load_config(const slv_project_options *options, slv_project *ret, slv_err *err)
{
    slv_code code;

    *ret = (slv_project){.options = options};
    code = find_config(ret, err);
    if (code == SLV_E_NOTFOUND && !options->config)
        code = SLV_OK;
    if (code != SLV_OK)
        return code;
    SLV_TRY(read_config(ret, err));
    choose_name(ret);
    return SLV_OK;
}

void slv_project_done(slv_project *p)
{
    for (size_t i = 0; i < p->watched.len; i++)
        free(p->watched.items[i]);
    for (size_t i = 0; i < p->env_files.len; i++)
        free(p->env_files.items[i]);
    slv_vec_done(&p->watched);
    slv_vec_done(&p->env_files);
    slv_compat_done(&p->compat);
    slv_config_done(&p->config);
    free(p->config_path);
    free(p->dir);
    free(p->home);
    free(p->main);
    free(p->assets);
    free(p->base_dir);
    free(p->tsconfig);
    free(p->name);
    slv_pages_done(p);
}
