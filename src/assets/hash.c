#include "assets/assets.h"
#include "fmt/base64.h"
#include "fmt/blake3.h"
#include "fmt/sum.h"

#define PIECE ((size_t)48 << 10) /* whole groups of three */

slv_str slv_assets_extension(slv_str path)
{
    size_t slash = slv_str_rchr(path, '/');
    slv_str name = slash < path.len ? slv_str_skip(path, slash + 1) : path;
    size_t dot = slv_str_rchr(name, '.');

    return dot > 0 && dot < name.len ? slv_str_skip(name, dot + 1) : SLV_STR("");
}

slv_code slv_assets_hash(slv_str bytes, slv_str extension, char ret[static 33])
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PIECE * 2);
    uint8_t sum[SLV_BLAKE3_LEN];
    slv_blake3 b;

    slv_blake3_init(&b);
    for (; bytes.len > 0; bytes = slv_str_skip(bytes, PIECE)) {
        slv_buf_reset(&text);
        SLV_TRY(slv_base64_encode(slv_str_sub(bytes, 0, PIECE), SLV_BASE64_STD, &text));
        slv_blake3_add(&b, slv_buf_view(&text));
    }
    slv_blake3_add(&b, extension);
    slv_blake3_end(&b, sum);
    slv_hex_put(slv_str_make(sum, 16), ret);
    ret[32] = '\0';
    return SLV_OK;
}

bool slv_assets_hash_valid(slv_str hash)
{
    for (size_t i = 0; i < hash.len; i++)
        if (!slv_is_digit(hash.ptr[i]) && !(hash.ptr[i] >= 'a' && hash.ptr[i] <= 'f'))
            return false;
    return hash.len == 32;
}
