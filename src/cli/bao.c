#include "cli/bao.h"

#include "cli/term.h"

void slv_bao_place_options(const slv_bao_place *place, const char *dir, slv_bao_options *ret)
{
    *ret = (slv_bao_options){.definitions = place->definitions,
                             .out_dir = place->out_dir,
                             .fields_dir = place->fields_dir,
                             .manifest = place->manifest,
                             .esm = place->esm,
                             .types = true,
                             .shown_dir = dir};
}

static void each_line(slv_str text, void (*say)(const char *fmt, ...))
{
    slv_str line;

    while (slv_str_split(&text, '\n', &line))
        if (line.len > 0)
            say("%.*s", SLV_STR_ARGS(line));
}

slv_code slv_bao_generate(const slv_bao_options *options, slv_bao_generated *ret, slv_err *err)
{
    SLV_CLEANUP(slv_bao_result_done) slv_bao_result result;
    slv_code code;

    slv_bao_result_init(&result);
    code = slv_bao_codegen(options, &result, err);
    each_line(slv_buf_view(&result.warnings), slv_term_warn);
    each_line(slv_buf_view(&result.problems), slv_term_error);
    *ret = (slv_bao_generated){result.models, result.written};
    return code;
}
