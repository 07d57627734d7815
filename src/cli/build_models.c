/* Models of a project that defines them in YAML: written before each build. */
#include <stdio.h>

#include "base/file.h"
#include "cli/bao.h"
#include "cli/build.h"
#include "cli/term.h"

static void warn_lines(slv_str text)
{
    slv_str line;

    while (slv_str_split(&text, '\n', &line))
        if (line.len > 0)
            slv_term_warn("%.*s", SLV_STR_ARGS(line));
}

slv_code slv_build_models(const slv_project *p, slv_buf *text)
{
    SLV_CLEANUP(slv_bao_place_done) slv_bao_place place;
    SLV_CLEANUP(slv_bao_result_done) slv_bao_result result;
    slv_bao_options options;
    slv_err err = {0};
    slv_code code;

    slv_bao_result_init(&result);
    slv_bao_place_find(p->dir, &place);
    if (!slv_file_exists(place.definitions) && !slv_dir_exists(place.definitions))
        return SLV_OK;
    slv_bao_place_options(&place, p->dir, &options);
    options.careful = true;
    code = slv_bao_codegen(&options, &result, &err);
    if (code == SLV_OK) {
        if (result.written > 0) {
            warn_lines(slv_buf_view(&result.warnings));
            slv_term_news("Models made of %s: %zu", slv_path_base(place.definitions),
                          result.models);
        }
        return SLV_OK;
    }
    if (code == SLV_E_PARSE)
        SLV_TRY(slv_buf_append(text, slv_str_trim(slv_buf_view(&result.problems))));
    else
        SLV_TRY(slv_buf_append(text, slv_str_from(slv_err_text(&err))));
    return code;
}
