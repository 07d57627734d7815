#include "cli/script_verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

slv_code slv_script_open(slv_script_verb *v, const slv_args *args, slv_err *err)
{
    const slv_config *c;

    *v = (slv_script_verb){.args = args,
                           .path = SLV_BUF((size_t)64 << 10),
                           .json = SLV_BUF((size_t)16 << 20),
                           .as_json = slv_args_bool(args, "json", false)};
    SLV_TRY(slv_rest_open_remote(args, &v->rest, err));
    c = slv_rest_config(v->rest);
    v->name = slv_args_string(args, "name");
    if (!v->name && c && c->name.len > 0)
        v->name = v->owned_name = slv_strndup(c->name.ptr, c->name.len);
    if (!v->name)
        return slv_fail(
            err, SLV_E_INVAL,
            "which worker? name it with --name, or run this where its configuration is");
    return SLV_OK;
}

void slv_script_done(slv_script_verb *v)
{
    slv_rest_free(v->rest);
    slv_buf_done(&v->path);
    slv_buf_done(&v->json);
    free(v->owned_name);
}

slv_code slv_script_call(slv_script_verb *v, const char *method, slv_node **ret, slv_err *err,
                         const char *fmt, ...)
{
    va_list ap;
    slv_code code;

    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/workers/scripts/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->name)));
    va_start(ap, fmt);
    code = slv_buf_vprintf(&v->path, fmt, ap);
    va_end(ap);
    if (code == SLV_OK)
        code = slv_rest_json(v->rest, method, slv_buf_view(&v->path), slv_buf_view(&v->json), ret,
                             err);
    slv_buf_reset(&v->json);
    return code;
}

bool slv_script_confirm(const slv_script_verb *v, const char *fmt, ...)
{
    char answer[16];
    va_list ap;

    if (slv_args_bool(v->args, "yes", false) || slv_args_bool(v->args, "force", false) ||
        !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return true;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(" (y/n) ");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int slv_script_run(const slv_args *args, slv_code (*run)(slv_script_verb *v, slv_err *err))
{
    SLV_CLEANUP(slv_script_done) slv_script_verb v;
    slv_err err = {0};

    if (slv_script_open(&v, args, &err) != SLV_OK || run(&v, &err) != SLV_OK)
        return slv_cmd_fail(args->cmd, &err);
    return 0;
}
