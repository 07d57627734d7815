/* A request as S3 gets it, signed somehow: method, path, query in the first line, then headers. */
#include "fmt/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf canonical = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf to_sign = SLV_BUF((size_t)4 << 10);
    slv_str rest = slv_str_make(data, size), line = SLV_STR_NULL;
    slv_sigv4_auth auth;
    slv_err err;

    (void)slv_str_split(&rest, '\n', &line);
    size_t q = slv_str_chr(line, '?', 0);
    const slv_sigv4_request request = {
        .method = SLV_STR("PUT"),
        .path = slv_str_sub(line, 0, q),
        .query = q == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(line, q + 1),
        .headers = rest.ptr ? rest : SLV_STR_NULL,
    };
    if (slv_sigv4_parse(&request, &arena, &auth, &err) != SLV_OK)
        return 0;
    for (slv_sigv4_path path = SLV_SIGV4_PATH_SENT; path <= SLV_SIGV4_PATH_NORMAL; path++) {
        /* nobody guesses the signature of a secret that is drawn nowhere */
        slv_code code =
            slv_sigv4_verify(&request, &auth, path, SLV_STR("UNSIGNED-PAYLOAD"),
                             SLV_STR("a secret of the fuzzer"), &canonical, &to_sign, &err);

        SLV_ASSERT(code != SLV_OK);
    }
    return 0;
}
