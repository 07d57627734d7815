/* zip_test.c - streaming compression: round trips in any pieces, bounds, malformed and trailing
 * data. */
#include "support/tap.h"
#include "web/zip.h"

/* Runs all of in through z in pieces of at most `piece` bytes; returns what is left unconsumed. */
static slv_code run_all(slv_zip *z, slv_str in, size_t piece, bool finish, slv_buf *out,
                        bool *ret_ended, size_t *ret_left)
{
    slv_zip_result r = {0};

    do {
        slv_str part = slv_str_sub(in, 0, piece);
        bool last = part.len == in.len;

        SLV_TRY(slv_zip_run(z, part, finish && last, out, &r));
        in = slv_str_skip(in, r.consumed);
        if (r.ended)
            break;
    } while (in.len > 0 || r.more);
    *ret_ended = r.ended;
    *ret_left = in.len;
    return SLV_OK;
}

TEST(any_bytes_in_any_pieces_round_trip)
{
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int i = 0; i < 60; i++) {
        slv_zip_format format = (slv_zip_format)slv_prng_below(&prng, 4);
        SLV_CLEANUP(slv_zip_free) slv_zip *pack = slv_zip_new(format, true);
        SLV_CLEANUP(slv_zip_free) slv_zip *unpack = slv_zip_new(format, false);
        SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf packed = SLV_BUF(4 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(4 << 20);
        size_t n = (size_t)slv_prng_below(&prng, 200000), left;
        bool ended;

        for (size_t j = 0; j < n; j++)
            CHECK(slv_buf_append_byte(
                      &in, (char)slv_prng_below(&prng, 1 + slv_prng_below(&prng, 200))) == SLV_OK);
        CHECK(run_all(pack, slv_buf_view(&in), 1 + slv_prng_below(&prng, 70000), true, &packed,
                      &ended, &left) == SLV_OK);
        CHECK(ended && left == 0);
        CHECK(run_all(unpack, slv_buf_view(&packed), 1 + slv_prng_below(&prng, 5000), false, &back,
                      &ended, &left) == SLV_OK);
        CHECK(ended && left == 0);
        CHECK(slv_str_eq(slv_buf_view(&back), slv_buf_view(&in)));
    }
}

TEST(a_call_gives_no_more_than_its_bound)
{
    SLV_CLEANUP(slv_zip_free) slv_zip *pack = slv_zip_new(SLV_ZIP_GZIP, true);
    SLV_CLEANUP(slv_zip_free) slv_zip *unpack = slv_zip_new(SLV_ZIP_GZIP, false);
    SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(16 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf packed = SLV_BUF(16 << 20);
    size_t total = 0, left;
    slv_zip_result r;
    bool ended;

    CHECK(slv_buf_reserve(&in, 8 << 20) == SLV_OK);
    memset(in.ptr, 0, 8 << 20);
    in.len = 8 << 20;
    CHECK(run_all(pack, slv_buf_view(&in), SIZE_MAX, true, &packed, &ended, &left) == SLV_OK &&
          ended);
    slv_str rest = slv_buf_view(&packed);
    do {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_ZIP_OUT_MAX * 2);

        CHECK(slv_zip_run(unpack, rest, false, &out, &r) == SLV_OK);
        CHECK(out.len <= SLV_ZIP_OUT_MAX + (64 << 10));
        total += out.len;
        rest = slv_str_skip(rest, r.consumed);
    } while (r.more);
    CHECK(r.ended);
    CHECK_INT(total, 8 << 20);
}

TEST(trailing_bytes_are_left_over)
{
    static const char gzip[] =
        "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0xyz";
    SLV_CLEANUP(slv_zip_free) slv_zip *z = slv_zip_new(SLV_ZIP_GZIP, false);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 << 20);
    slv_zip_result r;

    CHECK(slv_zip_run(z, slv_str_make(gzip, sizeof gzip - 1), false, &out, &r) == SLV_OK);
    CHECK(r.ended && !r.more);
    CHECK_INT(r.consumed, sizeof gzip - 1 - 3);
    CHECK_STR(slv_buf_view(&out), SLV_STR("hello"));
    CHECK(slv_zip_run(z, SLV_STR("more"), false, &out, &r) == SLV_OK);
    CHECK(r.ended && r.consumed == 0);
}

TEST(malformed_data_fails_for_good)
{
    SLV_CLEANUP(slv_zip_free) slv_zip *z = slv_zip_new(SLV_ZIP_DEFLATE, false);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 << 20);
    slv_zip_result r;

    CHECK(slv_zip_run(z, SLV_STR("junk"), false, &out, &r) == SLV_E_PARSE);
    CHECK(slv_zip_run(z, SLV_STR(""), false, &out, &r) == SLV_E_PARSE);
}

TEST(cut_data_does_not_end)
{
    SLV_CLEANUP(slv_zip_free) slv_zip *z = slv_zip_new(SLV_ZIP_DEFLATE_RAW, false);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 << 20);
    slv_zip_result r;

    CHECK(slv_zip_run(z, SLV_STR("\xcb\x48\xcd"), false, &out, &r) == SLV_OK);
    CHECK(!r.ended && !r.more && r.consumed == 3);
}

TAP_MAIN()
