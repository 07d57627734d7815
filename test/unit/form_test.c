/* In which form a client gets a file: ranges, codings, packed files. */
#include "assets/form.h"

#include <brotli/decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "assets/pack.h"
#include "base/mem.h"
#include "support/tap.h"

#define TAG "0123456789abcdef0123456789abcdef"

TEST(a_range_is_a_part_nothing_or_all)
{
    static const struct {
        const char *range, *if_range;
        slv_ranged is;
        uint64_t from, length;
    } cases[] = {
        {"bytes=0-99", "", SLV_RANGE_PART, 0, 100},
        {"bytes=0-999", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=0-1000", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=999-999", "", SLV_RANGE_PART, 999, 1},
        {"bytes=999-", "", SLV_RANGE_PART, 999, 1},
        {"bytes=1000-", "", SLV_RANGE_NONE, 0, 0},
        {"bytes=1000-1001", "", SLV_RANGE_NONE, 0, 0},
        {"bytes=0-", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=-1", "", SLV_RANGE_PART, 999, 1},
        {"bytes=-1000", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=-5000", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=-0", "", SLV_RANGE_NONE, 0, 0},
        {"Bytes= 1-2 ", "", SLV_RANGE_PART, 1, 2},
        {"bytes=0-18446744073709551616", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=18446744073709551616-", "", SLV_RANGE_NONE, 0, 0},
        {"bytes=-18446744073709551616", "", SLV_RANGE_PART, 0, 1000},
        {"bytes=0-1,5-6", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=2-1", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=-", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=a-b", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=1-2-3", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=+1-2", "", SLV_RANGE_ALL, 0, 0},
        {"lines=0-1", "", SLV_RANGE_ALL, 0, 0},
        {"", "", SLV_RANGE_ALL, 0, 0},
        {"bytes=0-1", "\"" TAG "\"", SLV_RANGE_PART, 0, 2},
        {"bytes=0-1", " \"" TAG "\" ", SLV_RANGE_PART, 0, 2},
        {"bytes=0-1", "W/\"" TAG "\"", SLV_RANGE_ALL, 0, 0},
        {"bytes=0-1", "\"other\"", SLV_RANGE_ALL, 0, 0},
        {"bytes=5000-", "\"other\"", SLV_RANGE_ALL, 0, 0},
        {"bytes=0-1", "Sun, 06 Nov 1994 08:49:37 GMT", SLV_RANGE_ALL, 0, 0},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        uint64_t from = 0, length = 0;
        slv_ranged is =
            slv_form_range(slv_str_from(cases[i].range), slv_str_from(cases[i].if_range),
                           SLV_STR(TAG), 1000, &from, &length);

        if (is != cases[i].is)
            tap_note("%s", cases[i].range);
        CHECK_INT(is, cases[i].is);
        CHECK_INT(from, cases[i].from);
        CHECK_INT(length, cases[i].length);
    }
}

TEST(an_empty_file_has_no_part)
{
    uint64_t from, length;

    CHECK_INT(slv_form_range(SLV_STR("bytes=0-"), SLV_STR_NULL, SLV_STR(TAG), 0, &from, &length),
              SLV_RANGE_NONE);
    CHECK_INT(slv_form_range(SLV_STR("bytes=-1"), SLV_STR_NULL, SLV_STR(TAG), 0, &from, &length),
              SLV_RANGE_NONE);
}

TEST(the_coding_is_the_one_that_weighs_most)
{
    static const struct {
        const char *accept;
        unsigned have;
        slv_coding is;
    } cases[] = {
        {"br, gzip", 6, SLV_CODING_BR},
        {"gzip, deflate, br, zstd", 6, SLV_CODING_BR},
        {"gzip", 6, SLV_CODING_GZIP},
        {"gzip, br", 2, SLV_CODING_GZIP},
        {"gzip, br", 0, SLV_CODING_NONE},
        {"br", 2, SLV_CODING_NONE},
        {"BR", 6, SLV_CODING_BR},
        {"br;q=0.5, gzip;q=0.8", 6, SLV_CODING_GZIP},
        {"br;q=0.8, gzip;q=0.5", 6, SLV_CODING_BR},
        {"br;q=0, gzip", 6, SLV_CODING_GZIP},
        {"br;q=0.000, gzip;q=0.001", 6, SLV_CODING_GZIP},
        {"br;q=0, gzip;q=0", 6, SLV_CODING_NONE},
        {"br ; q=0.5 , identity", 6, SLV_CODING_NONE},
        {"br;q=0.5, identity;q=0.5", 6, SLV_CODING_BR},
        {"identity", 6, SLV_CODING_NONE},
        {"*", 6, SLV_CODING_NONE},
        {"", 6, SLV_CODING_NONE},
        {"br;q=2", 6, SLV_CODING_NONE},
        {"br;q=x", 6, SLV_CODING_NONE},
        {"br;q=1.001", 6, SLV_CODING_NONE},
        {"br;q=0.1234", 6, SLV_CODING_NONE},
        {"br;level=1", 6, SLV_CODING_NONE},
        {"brotli", 6, SLV_CODING_NONE},
        {"x, , gzip ,", 6, SLV_CODING_GZIP},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        if (slv_form_coding(slv_str_from(cases[i].accept), cases[i].have) != cases[i].is)
            tap_note("%s", cases[i].accept);
        CHECK_INT(slv_form_coding(slv_str_from(cases[i].accept), cases[i].have), cases[i].is);
    }
}

TEST(types_that_are_packed)
{
    CHECK(slv_form_packs(SLV_STR("text/html; charset=utf-8"), SLV_PACK_MIN));
    CHECK(!slv_form_packs(SLV_STR("text/html; charset=utf-8"), SLV_PACK_MIN - 1));
    CHECK(slv_form_packs(SLV_STR("application/wasm"), 10000));
    CHECK(!slv_form_packs(SLV_STR("image/png"), 10000));
    CHECK(!slv_form_packs(SLV_STR("text/htmlx"), 10000));
    CHECK(!slv_form_packs(SLV_STR_NULL, 10000));
}

/* ---- files ---- */

static bool write_bytes(const char *path, slv_str bytes)
{
    FILE *f = fopen(path, "we");
    bool ok = f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len;

    return f && fclose(f) == 0 && ok;
}

static bool same_unpacked(slv_str packed, slv_coding coding, slv_str plain)
{
    SLV_CLEANUP(slv_free) void *out = slv_try_alloc(plain.len + 1);
    size_t len = plain.len + 1;
    z_stream z = {.next_in = (Bytef *)(size_t)packed.ptr,
                  .avail_in = (uInt)packed.len,
                  .next_out = out,
                  .avail_out = (uInt)len};
    bool ok;

    if (coding == SLV_CODING_BR)
        return BrotliDecoderDecompress(packed.len, (const uint8_t *)packed.ptr, &len, out) ==
                   BROTLI_DECODER_RESULT_SUCCESS &&
               slv_str_eq(slv_str_make(out, len), plain);
    ok = inflateInit2(&z, MAX_WBITS + 16) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END;
    len -= z.avail_out;
    (void)inflateEnd(&z);
    return ok && slv_str_eq(slv_str_make(out, len), plain);
}

TEST(files_are_packed_whole_or_not_at_all)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4 << 20), got = SLV_BUF(4 << 20);
    char from[300], to[300];
    atomic_bool stop = false;
    slv_prng prng;
    uint64_t size;
    slv_err err = {0};

    (void)snprintf(from, sizeof from, "%s/plain", tap_tmpdir());
    (void)snprintf(to, sizeof to, "%s/packed", tap_tmpdir());
    slv_prng_seed(&prng, tap_seed());
    for (size_t i = 0; i < 400000; i++) /* above and below what is packed best */
        CHECK(slv_buf_printf(&text, "%u ", (unsigned)slv_prng_below(&prng, 1000)) == SLV_OK);
    for (size_t part = 2; part > 0; part--) {
        slv_str plain = slv_str_sub(slv_buf_view(&text), 0, text.len / part);

        CHECK(write_bytes(from, plain));
        for (int c = SLV_CODING_GZIP; c < SLV_CODINGS; c++) {
            CHECK_INT(slv_pack_file(from, to, (slv_coding)c, &stop, &size, &err), SLV_OK);
            slv_buf_reset(&got);
            CHECK(tap_read_file(to, &got));
            CHECK_INT(got.len, size);
            CHECK(size < plain.len / 2);
            CHECK(same_unpacked(slv_buf_view(&got), (slv_coding)c, plain));
            CHECK(unlink(to) == 0);
        }
    }
    /* what does not get smaller is not kept */
    for (size_t i = 0; i < text.len; i++)
        text.ptr[i] = (char)slv_prng_next(&prng);
    CHECK(write_bytes(from, slv_buf_view(&text)));
    CHECK_INT(slv_pack_file(from, to, SLV_CODING_BR, &stop, &size, &err), SLV_E_LIMIT);
    CHECK_INT(slv_pack_file(from, to, SLV_CODING_GZIP, &stop, &size, &err), SLV_E_LIMIT);
    stop = true;
    CHECK_INT(slv_pack_file(from, to, SLV_CODING_BR, &stop, &size, &err), SLV_E_CANCELED);
    CHECK_INT(slv_pack_file("/no/such/file", to, SLV_CODING_BR, &stop, &size, &err), SLV_E_IO);
    CHECK(access(to, F_OK) != 0);
    (void)snprintf(to, sizeof to, "%s/packed.new", tap_tmpdir());
    CHECK(access(to, F_OK) != 0);
}

TAP_MAIN()
