/* Globs: the pattern up to the first NUL, then the text. */
#include "fmt/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    slv_str rest = slv_str_make(data, size), pattern;

    if (size == 0 || !slv_str_split(&rest, '\0', &pattern))
        return 0;
    if (slv_glob_match(pattern, rest, SLV_GLOB_PATH) &&
        !slv_glob_match(pattern, rest, SLV_GLOB_IMPORT))
        SLV_ASSERT(slv_str_find(pattern, SLV_STR("**"), 0) !=
                   SIZE_MAX); /* only ** may stand for nothing, slash and all */
    if (pattern.len < 4096)
        SLV_ASSERT(slv_glob_regexp(pattern, &out) == SLV_OK);
    return 0;
}
