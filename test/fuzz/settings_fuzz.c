/* The files that tell what to do: selvage.toml of a server, wrangler.toml and wrangler.jsonc of a
 * project. The first byte says which. */
#include "daemon/config.h"
#include "plat/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str text = slv_str_make(data, size);
    unsigned kind = size > 0 ? data[0] % 4 : 0;
    slv_code code;
    slv_err err;

    text = slv_str_skip(text, 1);
    if (kind == 0) {
        SLV_CLEANUP(slv_serve_config_done) slv_serve_config c = {0};

        code = slv_serve_config_parse(text, "selvage.toml", &c, &err);
    } else {
        const slv_config_options options = {.file = kind == 1 ? "wrangler.toml" : "wrangler.jsonc",
                                            .env = kind == 3 ? SLV_STR("staging") : SLV_STR(""),
                                            .allow_unsupported = true};
        SLV_CLEANUP(slv_config_done) slv_config c = {0};

        code = slv_config_parse(text, &options, &c, &err);
    }
    SLV_ASSERT(code == SLV_OK || slv_err_text(&err)[0] != '\0'); /* what is refused says why */
    return 0;
}
