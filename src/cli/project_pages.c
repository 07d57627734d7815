#include "cli/project_pages.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "assets/routes.h"
#include "base/file.h"
#include "base/mem.h"
#include "bundle/functions.h"

#define ENTRY_MAX ((size_t)4 << 20)
#define ROUTES_MAX ((size_t)1 << 20)

/* ---- the static files ---- */

slv_code slv_pages_find_assets(slv_project *p, slv_err *err)
{
    const char *given = p->options->pages->directory;
    slv_str configured = slv_node_str(slv_config_value(&p->config, "pages_build_output_dir"));

    if (given) {
        char here[4096];

        p->assets = slv_path_join(getcwd(here, sizeof here) ? here : "/", slv_str_from(given));
    } else if (configured.len > 0) {
        p->assets = slv_path_join(p->dir, configured);
    } else {
        return slv_fail(err, SLV_E_INVAL,
                        "name the directory of static files ('selvage pages dev ./public'), or "
                        "write pages_build_output_dir into the configuration");
    }
    if (!slv_dir_exists(p->assets))
        return slv_fail(err, SLV_E_NOTFOUND, "there is no directory %s; build the project, or %s",
                        p->assets, given ? "name another" : "correct 'pages_build_output_dir'");
    return SLV_OK;
}

/* ---- _routes.json ---- */

static slv_code read_routes(slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(p->assets, SLV_STR("_routes.json"));
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * ROUTES_MAX);
    slv_routes routes;

    slv_vec_push(&p->watched, slv_strdup(path));
    slv_buf_reset(&p->pages.routes);
    p->pages.own_routes = slv_file_exists(path);
    if (!p->pages.own_routes)
        return SLV_OK;
    SLV_TRY(slv_file_read(path, &p->pages.routes, err));
    return slv_routes_parse(slv_buf_view(&p->pages.routes), &arena, &routes, err);
}

slv_str slv_pages_routes(const slv_project *p)
{
    return slv_buf_view(&p->pages.routes);
}

/* ---- what answers beside them ---- */

slv_code slv_pages_refresh(slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    slv_functions found;

    if (!p->pages.functions)
        return SLV_OK;
    SLV_TRY(slv_functions_scan(p->pages.functions, &arena, &found, err));
    if (found.count == 0)
        return slv_fail(err, SLV_E_INVAL,
                        "no file in %s exports a handler (onRequest, onRequestGet ...)",
                        p->pages.functions);
    slv_buf_reset(&p->pages.entry);
    if (slv_functions_entry(&found, SLV_STR("ASSETS"), &p->pages.entry) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "%s has too many functions", p->pages.functions);
    p->bundle.main_text = slv_buf_view(&p->pages.entry);
    if (p->pages.own_routes)
        return SLV_OK;
    slv_buf_reset(&p->pages.routes);
    return slv_functions_routes(&found, &p->pages.routes);
}

/* Every script in a folder _worker.js is a module that the others may import by a variable. */
static const slv_str worker_dir_globs[] = {{"**/*.js", 7}, {"**/*.mjs", 8}};

slv_code slv_pages_find_worker(slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *script = slv_path_join(p->assets, SLV_STR("_worker.js"));
    const char *named = p->options->pages->functions;
    SLV_CLEANUP(slv_charp_free)
    char *functions = slv_path_join(p->dir, named ? slv_str_from(named) : SLV_STR("functions"));

    p->pages.entry = SLV_BUF(ENTRY_MAX);
    p->pages.routes = SLV_BUF(ROUTES_MAX);
    slv_vec_push(&p->watched, slv_strdup(script));
    if (named && slv_dir_exists(functions)) {
        p->pages.functions = SLV_STEAL(functions);
        p->main = slv_path_join(p->dir, SLV_STR("functionsWorker.js"));
    } else if (named) {
        return SLV_OK;
    } else if (slv_dir_exists(script)) {
        p->pages.worker_dir = SLV_STEAL(script);
        p->main = slv_path_join(p->pages.worker_dir, SLV_STR("index.js"));
        p->config.find_additional_modules = true;
        slv_vec_push(&p->config.rules, ((slv_rule){.type = SLV_RULE_ESM,
                                                   .globs = worker_dir_globs,
                                                   .glob_count = SLV_ARRAY_LEN(worker_dir_globs)}));
        if (!slv_file_exists(p->main))
            return slv_fail(err, SLV_E_NOTFOUND, "there is no %s", p->main);
    } else if (slv_file_exists(script)) {
        p->main = SLV_STEAL(script);
    } else if (slv_dir_exists(functions)) {
        p->pages.functions = SLV_STEAL(functions);
        p->main = slv_path_join(p->dir, SLV_STR("functionsWorker.js"));
    }
    return p->main ? read_routes(p, err) : SLV_OK;
}

/* ---- bindings ---- */

static slv_code bind(slv_project *p, slv_str name, slv_binding b)
{
    slv_binding *old = slv_config_binding(&p->config, name);

    SLV_TRY(slv_arena_dup(&p->config.arena, name, &b.name));
    if (old)
        *old = b;
    else
        slv_vec_push(&p->config.bindings, b);
    return SLV_OK;
}

void slv_git_line(const char *dir, const char *command, char *out, size_t size)
{
    char text[4600];
    FILE *f;

    out[0] = '\0';
    if (strchr(dir, '\'') || strlen(dir) > PATH_MAX)
        return;
    (void)snprintf(text, sizeof text, "git -C '%s' %s 2>/dev/null", dir, command);
    /* NOLINTNEXTLINE(cert-env33-c): fixed words and a quoted path; PATH says which git it is */
    f = popen(text, "re");
    if (!f)
        return;
    if (!fgets(out, (int)size, f))
        out[0] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    (void)pclose(f);
}

static void line_of(const slv_project *p, const char *command, const char *otherwise, char out[128])
{
    slv_git_line(p->dir, command, out, 128);
    if (out[0] == '\0')
        (void)snprintf(out, 128, "%s", otherwise);
}

/* As a deployment would have them; the configuration's own go before them. */
static slv_code bind_build(slv_project *p)
{
    char branch[128], commit[128], url[512];
    const struct {
        const char *name, *value;
    } vars[] = {{"CF_PAGES", "1"},
                {"CF_PAGES_BRANCH", branch},
                {"CF_PAGES_COMMIT_SHA", commit},
                {"CF_PAGES_URL", url}};

    line_of(p, "rev-parse --abbrev-ref HEAD", "local", branch);
    line_of(p, "rev-parse HEAD", "0000000000000000000000000000000000000000", commit);
    (void)snprintf(url, sizeof url, "https://%.8s.%.200s.pages.dev", commit, p->name);
    for (size_t i = 0; i < SLV_ARRAY_LEN(vars); i++)
        if (!slv_config_binding(&p->config, slv_str_from(vars[i].name)))
            SLV_TRY(slv_config_set_text(&p->config, slv_str_from(vars[i].name), SLV_BINDING_TEXT,
                                        slv_str_from(vars[i].value)));
    return SLV_OK;
}

slv_code slv_pages_bind(slv_project *p, slv_err *err)
{
    const slv_pages_options *o = p->options->pages;
    slv_code code = bind(p, SLV_STR("ASSETS"), (slv_binding){.type = SLV_BINDING_ASSETS});

    for (size_t i = 0; code == SLV_OK && i < o->binding_count; i++)
        code = bind(p, o->bindings[i].name, o->bindings[i]);
    if (code == SLV_OK && o->build_variables)
        code = bind_build(p);
    return code == SLV_OK ? SLV_OK : slv_fail(err, code, "the bindings are too large");
}

void slv_pages_done(slv_project *p)
{
    free(p->pages.functions);
    free(p->pages.worker_dir);
    slv_buf_done(&p->pages.entry);
    slv_buf_done(&p->pages.routes);
}
