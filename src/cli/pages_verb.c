#include "cli/pages_verb.h"

#include "base/mem.h"

#define JSON_MAX ((size_t)64 << 20)

slv_code slv_pages_open(slv_pages_verb *v, const slv_args *args, slv_err *err)
{
    const char *given = slv_args_string(args, "project-name");
    const slv_config *config;

    *v = (slv_pages_verb){.args = args,
                          .path = SLV_BUF((size_t)16 << 10),
                          .json = SLV_BUF(JSON_MAX),
                          .arena = SLV_ARENA(JSON_MAX)};
    SLV_TRY(slv_rest_open_remote(args, &v->rest, err));
    config = slv_rest_config(v->rest);
    if (given)
        v->name = slv_str_from(given);
    else if (config && slv_config_value(config, "pages_build_output_dir"))
        v->name = config->name;
    return SLV_OK;
}

void slv_pages_verb_done(slv_pages_verb *v)
{
    slv_buf_done(&v->path);
    slv_buf_done(&v->json);
    slv_arena_done(&v->arena);
    v->rest = slv_rest_free(v->rest);
}

slv_code slv_pages_need_name(const slv_pages_verb *v, slv_err *err)
{
    return v->name.len > 0 ? SLV_OK
                           : slv_fail(err, SLV_E_INVAL,
                                      "name the project: --project-name, or 'name' in a "
                                      "configuration that has 'pages_build_output_dir'");
}

slv_code slv_pages_call(slv_pages_verb *v, const char *method, slv_node **ret, slv_err *err,
                        const char *fmt, ...)
{
    slv_code code;
    va_list ap;

    slv_buf_reset(&v->path);
    code = slv_buf_append(&v->path, SLV_STR("/pages/projects"));
    va_start(ap, fmt);
    if (code == SLV_OK)
        code = slv_buf_vprintf(&v->path, fmt, ap);
    va_end(ap);
    if (code != SLV_OK)
        return slv_fail(err, code, "a name is too long");
    code = slv_rest_json(v->rest, method, slv_buf_view(&v->path), slv_buf_view(&v->json), ret, err);
    slv_buf_reset(&v->json);
    return code;
}

int slv_pages_run(const slv_args *args, slv_code (*run)(slv_pages_verb *v, slv_err *err))
{
    SLV_CLEANUP(slv_pages_verb_done) slv_pages_verb v = {0};
    slv_err err = {0};

    if (slv_pages_open(&v, args, &err) != SLV_OK || run(&v, &err) != SLV_OK)
        return slv_cmd_fail(args->cmd, &err);
    return 0;
}
