/* The files beside a worker's assets: rules of headers and redirects, patterns to leave out; and
 * the path that is asked for. */
#include <stdint.h>
#include <stdlib.h>

#include "assets/assets_int.h"
#include "assets/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static slv_assets *set_of(slv_str rules)
{
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF((size_t)64 << 20);
    const slv_assets_config config = {.not_found = SLV_NOT_FOUND_404_PAGE};
    slv_assets *a = slv_assets_new(&config);
    const slv_asset asset = {.path = SLV_STR("/a/index.html"), .file = SLV_STR("x")};

    if (slv_assets_add(a, &asset) != SLV_OK ||
        slv_assets_add_rules(a, rules, rules, &warnings) != SLV_OK)
        return slv_assets_unref(a);
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str all = slv_str_make(data, size), path;
    slv_ignore ig = {.rules = {0}};

    if (size > 1 << 14 || !slv_str_split(&all, '\0', &path))
        return 0;
    slv_ignore_add(&ig, all);
    (void)slv_ignore_has(&ig, path, false);
    slv_ignore_done(&ig);
    SLV_CLEANUP(slv_assets_unref) slv_assets *a = set_of(all);
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF(1 << 20), headers = SLV_BUF(1 << 20);
    slv_assets_answer answer;
    if (!a || slv_buf_append(&url, SLV_STR("http://h/")) != SLV_OK ||
        slv_buf_append(&url, path) != SLV_OK)
        return 0;
    const slv_assets_request q = {.method = SLV_STR("GET"), .url = slv_buf_view(&url)};
    if (slv_assets_answer_to(a, &q, &headers, &answer) == SLV_OK &&
        (answer.status < 200 || answer.status > 500))
        abort();
    return 0;
}
