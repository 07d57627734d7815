#include "cli/project_args.h"

#include <stdlib.h>

#include "cli/term.h"

void slv_project_lists_done(slv_project_lists *l)
{
    slv_vec_done(&l->vars);
    slv_vec_done(&l->define);
    slv_vec_done(&l->alias);
    slv_vec_done(&l->flags);
    slv_vec_done(&l->env_files);
}

static slv_code split_pair(const char *flag, const char *text, slv_pair *ret, slv_err *err)
{
    slv_str s = slv_str_from(text);
    size_t colon = slv_str_chr(s, ':', 0);

    if (colon == SIZE_MAX || colon == 0)
        return slv_fail(err, SLV_E_INVAL, "--%s takes KEY:VALUE, not '%s'", flag, text);
    ret->key = slv_str_sub(s, 0, colon);
    ret->value = slv_str_skip(s, colon + 1);
    return SLV_OK;
}

slv_code slv_project_lists_read(const slv_args *a, slv_project_lists *ret, slv_err *err)
{
    const char *s;
    slv_pair p;

    for (size_t i = 0; (s = slv_args_item(a, "var", i)); i++) {
        SLV_TRY(split_pair("var", s, &p, err));
        slv_vec_push(&ret->vars, p);
    }
    for (size_t i = 0; (s = slv_args_item(a, "define", i)); i++) {
        SLV_TRY(split_pair("define", s, &p, err));
        slv_vec_push(&ret->define, p);
    }
    for (size_t i = 0; (s = slv_args_item(a, "alias", i)); i++) {
        SLV_TRY(split_pair("alias", s, &p, err));
        slv_vec_push(&ret->alias, p);
    }
    for (size_t i = 0; (s = slv_args_item(a, "compatibility-flags", i)); i++)
        slv_vec_push(&ret->flags, s);
    for (size_t i = 0; (s = slv_args_item(a, "compatibility-flag", i)); i++)
        slv_vec_push(&ret->flags, s);
    for (size_t i = 0; (s = slv_args_item(a, "env-file", i)); i++)
        slv_vec_push(&ret->env_files, s);
    return SLV_OK;
}

static int tristate(const slv_args *a, const char *name)
{
    return slv_args_has(a, name) ? slv_args_bool(a, name, false) : -1;
}

static void warn_line(SLV_UNUSED void *arg, const char *text)
{
    slv_term_warn("%s", text);
}

void slv_project_args(const slv_args *a, const slv_project_lists *lists, slv_project_options *ret)
{
    const char *env = slv_args_string(a, "env");

    if (!env)
        env = getenv("CLOUDFLARE_ENV");
    *ret = (slv_project_options){
        .env = env && env[0] ? env : NULL,
        .compatibility_date = slv_args_string(a, "compatibility-date"),
        .latest = slv_args_bool(a, "latest", false),
        .compatibility_flags = lists->flags.items,
        .compatibility_flag_count = lists->flags.len,
        .env_files = lists->env_files.items,
        .env_file_count = lists->env_files.len,
        .vars = lists->vars.items,
        .var_count = lists->vars.len,
        .define = lists->define.items,
        .define_count = lists->define.len,
        .alias = lists->alias.items,
        .alias_count = lists->alias.len,
        .tsconfig = slv_args_string(a, "tsconfig"),
        .assets = slv_args_string(a, "assets"),
        .jsx_factory = slv_args_string(a, "jsx-factory"),
        .jsx_fragment = slv_args_string(a, "jsx-fragment"),
        .minify = tristate(a, "minify"),
        .no_bundle = slv_args_has(a, "bundle") ? !slv_args_bool(a, "bundle", true) : -1,
        .allow_unsupported = slv_args_bool(a, "allow-unsupported", false),
        .warn = warn_line,
    };
}
