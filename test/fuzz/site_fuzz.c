/* Routing tables: a pattern that matches says so by its own words, and a custom domain comes first.
 */
#include <string.h>

#include "edge/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines: "r PATTERN", "d HOST", "n HOST", "a HOST"; others are requests, "HOST/PATH". */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
    slv_str rest = slv_str_make(data, size), line;
    const slv_site_target t = {SLV_STR("acc"), SLV_STR("w")};

    while (slv_str_split(&rest, '\n', &line)) {
        slv_str what = slv_str_skip(line, 2);
        char out[SLV_SITE_HOST_MAX + 1];
        slv_site_target found;
        slv_str host;

        if (slv_str_starts(line, SLV_STR("r "))) {
            (void)!slv_site_add_route(site, what, &t, NULL);
        } else if (slv_str_starts(line, SLV_STR("d "))) {
            if (slv_site_add_host(site, what, SLV_SITE_DOMAIN, &t, NULL) == SLV_OK)
                SLV_ASSERT(slv_site_find(site, what, false, SLV_STR("/"), out, &host, &found) ==
                           SLV_SITE_WORKER);
        } else if (slv_str_starts(line, SLV_STR("n "))) {
            (void)!slv_site_add_host(site, what, SLV_SITE_NAME, &t, NULL);
        } else if (slv_str_starts(line, SLV_STR("a "))) {
            (void)!slv_site_add_asked(site, what, NULL);
        } else {
            size_t slash = slv_str_chr(line, '/', 0);
            slv_site_answer a = slv_site_find(
                site, slv_str_sub(line, 0, slash), true,
                slash == SIZE_MAX ? SLV_STR("/") : slv_str_skip(line, slash), out, &host, &found);

            SLV_ASSERT(host.len <= SLV_SITE_HOST_MAX);
            SLV_ASSERT(a != SLV_SITE_WORKER || slv_str_eq(found.worker, t.worker));
        }
    }
    return 0;
}
