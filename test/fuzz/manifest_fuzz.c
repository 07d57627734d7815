/* manifest_fuzz.c - what an upload says of its static files: manifest, configuration, _routes.json;
 * and what a request for some path then gets. Lines: a path, the configuration, the manifest. */
#include "assets/assets.h"
#include "assets/routes.h"
#include "base/err.h"
#include "fmt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const slv_assets *a, slv_str path)
{
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF(1 << 16), headers = SLV_BUF(1 << 18);
    slv_assets_request r = {.method = SLV_STR("GET")};
    slv_assets_answer answer;
    bool ours;

    if (slv_buf_printf(&url, "http://h/%.*s", SLV_STR_ARGS(path)) != SLV_OK)
        return;
    r.url = slv_buf_view(&url);
    if (slv_assets_route(a, &r, &ours) == SLV_OK &&
        slv_assets_answer_to(a, &r, &headers, &answer) == SLV_OK)
        SLV_ASSERT(answer.status >= 200 && answer.status < 500);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 22);
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(1 << 20);
    slv_str rest = slv_str_make(data, size), path = SLV_STR(""), text = SLV_STR("");
    slv_assets_upload upload = {0};
    slv_node *config = NULL, *manifest = NULL;
    slv_routes routes;

    if (!slv_str_split(&rest, '\n', &path) || !slv_str_split(&rest, '\n', &text))
        return 0;
    if (slv_routes_parse(text, &arena, &routes, NULL) == SLV_OK)
        (void)slv_routes_match(&routes, path);
    if (slv_json_parse(text, SLV_JSON_STRICT, &arena, &config, NULL) != SLV_OK ||
        slv_assets_upload_read(config, &arena, &upload, NULL) != SLV_OK ||
        slv_json_parse(rest, SLV_JSON_STRICT, &arena, &manifest, NULL) != SLV_OK)
        return 0;
    for (int pages = 0; pages < 2; pages++) {
        slv_assets *a;

        upload.config.pages = pages == 1;
        upload.config.has_worker = true;
        if (slv_assets_from_manifest(&upload, manifest, SLV_STR("/d"), &a, &warnings, NULL) !=
            SLV_OK)
            continue;
        ask(a, path);
        (void)slv_assets_unref(a);
    }
    return 0;
}
