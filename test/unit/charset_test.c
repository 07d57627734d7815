/* charset_test.c - the decoders against the indexes of the Encoding standard, and their behaviour
 * at the edges. */
#include <stdio.h>

#include "base/utf8.h"
#include "fmt/charset.h"
#include "fmt/json.h"
#include "support/vectors.h"

/* Decodes all of s at once; the text as UTF-8 in out. */
static slv_code decode(slv_charset_decoder *d, slv_str s, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf units = SLV_BUF(1 << 20);
    slv_code code = slv_charset_decoder_run(d, s, true, &units);

    slv_buf_reset(out);
    if (code == SLV_OK)
        code = slv_utf16_to_utf8((const uint16_t *)(const void *)units.ptr, units.len / 2, out);
    return code;
}

static bool decodes(slv_charset charset, slv_str bytes, const char *want)
{
    SLV_CLEANUP(slv_charset_decoder_free)
    slv_charset_decoder *d = slv_charset_decoder_new(charset, (slv_charset_decoder_options){0});
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    if (decode(d, bytes, &out) == SLV_OK && slv_str_is(slv_buf_view(&out), want))
        return true;
    tap_note("%s: got \"%.*s\", expected \"%s\"", slv_charset_name(charset),
             SLV_STR_ARGS(slv_buf_view(&out)), want);
    return false;
}

TEST(every_label_names_its_encoding)
{
    LOAD(root, "encoding/encodings.json");
    int labels = 0;

    for (slv_node *group = root->first; group; group = group->next) {
        slv_node *list = slv_node_get(group, "encodings");

        for (slv_node *e = list ? list->first : group; e; e = list ? e->next : NULL) {
            slv_str name = slv_node_str(slv_node_get(e, "name"));

            for (slv_node *l = slv_node_get(e, "labels")->first; l; l = l->next) {
                char padded[64];
                slv_charset charset;

                (void)snprintf(padded, sizeof padded, "\t%.*s \n", SLV_STR_ARGS(l->text));
                padded[1] =
                    (char)(padded[1] >= 'a' && padded[1] <= 'z' ? padded[1] - 32 : padded[1]);
                CHECK(slv_charset_find(slv_str_from(padded), &charset));
                CHECK(slv_str_eq_nocase(slv_str_from(slv_charset_name(charset)), name));
                labels++;
            }
        }
    }
    CHECK_INT(labels, 228);
}

TEST(what_is_no_label_is_not_found)
{
    slv_charset charset;

    CHECK(!slv_charset_find(SLV_STR("utf-7"), &charset));
    CHECK(!slv_charset_find(SLV_STR(""), &charset));
    CHECK(!slv_charset_find(SLV_STR("utf-8\0"), &charset));
    CHECK(!slv_charset_find(SLV_STR("a-label-that-is-far-longer-than-any-real-one"), &charset));
}

/* The bytes of a pointer of an index, as the standard's encoders make them. */
static size_t pointer_bytes(slv_charset charset, bool jis0212, unsigned p, unsigned char b[3])
{
    if (charset == SLV_CHARSET_GB18030) {
        b[0] = (unsigned char)(p / 190 + 0x81);
        b[1] = (unsigned char)(p % 190 + (p % 190 < 0x3F ? 0x40 : 0x41));
        return 2;
    }
    if (charset == SLV_CHARSET_BIG5) {
        b[0] = (unsigned char)(p / 157 + 0x81);
        b[1] = (unsigned char)(p % 157 + (p % 157 < 0x3F ? 0x40 : 0x62));
        return 2;
    }
    if (charset == SLV_CHARSET_EUC_KR) {
        b[0] = (unsigned char)(p / 190 + 0x81);
        b[1] = (unsigned char)(p % 190 + 0x41);
        return 2;
    }
    if (charset == SLV_CHARSET_SHIFT_JIS) {
        b[0] = (unsigned char)(p / 188 + (p / 188 < 0x1F ? 0x81 : 0xC1));
        b[1] = (unsigned char)(p % 188 + (p % 188 < 0x3F ? 0x40 : 0x41));
        return 2;
    }
    if (charset == SLV_CHARSET_EUC_JP) {
        if (p >= 94 * 94)
            return 0;
        b[0] = 0x8F;
        b[jis0212] = (unsigned char)(p / 94 + 0xA1);
        b[1 + jis0212] = (unsigned char)(p % 94 + 0xA1);
        return jis0212 ? 3 : 2;
    }
    b[0] = (unsigned char)(0x80 + p);
    return 1;
}

static int check_index(const slv_node *index, slv_charset charset, bool jis0212)
{
    SLV_CLEANUP(slv_charset_decoder_free)
    slv_charset_decoder *d =
        slv_charset_decoder_new(charset, (slv_charset_decoder_options){.fatal = true});
    unsigned p = 0;
    int wrong = 0;

    for (slv_node *n = index->first; n; n = n->next, p++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);
        unsigned char bytes[3];
        char want[4];
        int64_t cp = 0;
        size_t len = pointer_bytes(charset, jis0212, p, bytes);

        /* user-defined characters are mapped by the decoder, not by the index; and four pairs are
         * two characters */
        if (len == 0 || (charset == SLV_CHARSET_SHIFT_JIS && p >= 8836 && p <= 10715) ||
            (charset == SLV_CHARSET_BIG5 && (p == 1133 || p == 1135 || p == 1164 || p == 1166)))
            continue;
        slv_code code = decode(d, slv_str_make(bytes, len), &out);
        bool same = n->type == SLV_NODE_NULL
                        ? code == SLV_E_PARSE
                        : slv_node_i64(n, &cp) && code == SLV_OK &&
                              slv_str_eq(slv_buf_view(&out),
                                         slv_str_make(want, slv_utf8_put((uint32_t)cp, want)));
        if (!same && wrong++ < 5)
            tap_note("%s: pointer %u: expected U+%04X", slv_charset_name(charset), p, (unsigned)cp);
    }
    return wrong;
}

TEST(every_index_decodes_to_what_the_standard_lists)
{
    int wrong = 0, indexes = 0;

    LOAD(root, "encoding/indexes.json");
    for (slv_node *index = root->first; index; index = index->next) {
        slv_charset charset;

        if (slv_str_is(index->key, "jis0208")) {
            wrong += check_index(index, SLV_CHARSET_EUC_JP, false);
            wrong += check_index(index, SLV_CHARSET_SHIFT_JIS, false);
        } else if (slv_str_is(index->key, "jis0212")) {
            wrong += check_index(index, SLV_CHARSET_EUC_JP, true);
        } else if (slv_charset_find(index->key, &charset)) {
            wrong += check_index(index, charset, false);
        } else {
            continue; /* ranges and katakana are not indexes of bytes */
        }
        indexes++;
    }
    CHECK_INT(indexes, 32);
    CHECK_INT(wrong, 0);
}

TEST(four_bytes_of_gb18030_follow_the_ranges)
{
    SLV_CLEANUP(slv_charset_decoder_free)
    slv_charset_decoder *d =
        slv_charset_decoder_new(SLV_CHARSET_GB18030, (slv_charset_decoder_options){.fatal = true});

    LOAD(root, "encoding/indexes.json");
    slv_node *range = slv_node_get(root, "gb18030-ranges")->first;
    for (unsigned p = 0; p <= 39419; p++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);
        int64_t start, first, next;
        char want[4];

        while (range->next && slv_node_i64(range->next->first, &next) && (unsigned)next <= p)
            range = range->next;
        CHECK(slv_node_i64(range->first, &start) && slv_node_i64(range->first->next, &first));
        uint32_t cp = p == 7457 ? 0xE7C7 : (uint32_t)(first + p - start);
        const unsigned char b[4] = {
            (unsigned char)(p / 12600 + 0x81), (unsigned char)(p / 1260 % 10 + 0x30),
            (unsigned char)(p / 10 % 126 + 0x81), (unsigned char)(p % 10 + 0x30)};
        CHECK(decode(d, slv_str_make(b, 4), &out) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), slv_str_make(want, slv_utf8_put(cp, want)));
    }
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);
    CHECK(decode(d, SLV_STR("\x84\x31\xa4\x40"), &out) == SLV_E_PARSE);
    CHECK(decode(d, SLV_STR("\x90\x30\x81\x30"), &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("\xf0\x90\x80\x80"));
    CHECK(decode(d, SLV_STR("\xe3\x32\x9a\x35"), &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("\xf4\x8f\xbf\xbf"));
    CHECK(decode(d, SLV_STR("\xe3\x32\x9a\x36"), &out) == SLV_E_PARSE);
}

TEST(malformed_pairs_give_back_what_may_stand_alone)
{
    CHECK(decodes(SLV_CHARSET_GBK, SLV_STR("\x81\x30\x81!\x80"),
                  "\xef\xbf\xbd"
                  "0\xef\xbf\xbd!\xe2\x82\xac"));
    CHECK(decodes(SLV_CHARSET_BIG5, SLV_STR("\x88\x62\x81!"), "\xc3\x8a\xcc\x84\xef\xbf\xbd!"));
    CHECK(decodes(SLV_CHARSET_EUC_JP, SLV_STR("\xa4!\x8e\xb1\x8f"),
                  "\xef\xbf\xbd!\xef\xbd\xb1\xef\xbf\xbd"));
    CHECK(decodes(SLV_CHARSET_SHIFT_JIS, SLV_STR("\x81!\xf0\x40\xa1"),
                  "\xef\xbf\xbd!\xee\x80\x80\xef\xbd\xa1"));
    CHECK(decodes(SLV_CHARSET_EUC_KR, SLV_STR("\xc7\xd1\xc9\xa1"), "\xed\x95\x9c\xef\xbf\xbd"));
    CHECK(decodes(SLV_CHARSET_X_USER_DEFINED, SLV_STR("a\x80"), "a\xef\x9e\x80"));
    CHECK(decodes(SLV_CHARSET_REPLACEMENT, SLV_STR("abc"), "\xef\xbf\xbd"));
}

TEST(iso_2022_jp_switches_by_escapes)
{
    CHECK(decodes(SLV_CHARSET_ISO_2022_JP, SLV_STR("\x1b$B$\"\x1b(BA\x1b(J\\~\x1b(I1"),
                  "\xe3\x81\x82"
                  "A\xc2\xa5\xe2\x80\xbe\xef\xbd\xb1"));
    CHECK(decodes(SLV_CHARSET_ISO_2022_JP, SLV_STR("\x1b(B\x1b(Bx"), "\xef\xbf\xbdx"));
    CHECK(decodes(SLV_CHARSET_ISO_2022_JP, SLV_STR("a\x1b$x"), "a\xef\xbf\xbd$x"));
    CHECK(decodes(SLV_CHARSET_ISO_2022_JP, SLV_STR("a\x1b"), "a\xef\xbf\xbd"));
    CHECK(decodes(SLV_CHARSET_ISO_2022_JP, SLV_STR("a\x1b("), "a\xef\xbf\xbd("));
    CHECK(decodes(SLV_CHARSET_ISO_2022_JP, SLV_STR("\x1b$B$"), "\xef\xbf\xbd"));
}

TEST(utf16_of_both_orders)
{
    CHECK(decodes(SLV_CHARSET_UTF_16LE,
                  SLV_STR("\xff\xfe"
                          "a\0\x3d\xd8\0\xde"
                          "b"),
                  "a\xf0\x9f\x98\x80\xef\xbf\xbd"));
    CHECK(decodes(SLV_CHARSET_UTF_16BE, SLV_STR("\xfe\xff\0a\xd8\x3d\xde\0\xd8\x3d\0b\xde\0"),
                  "a\xf0\x9f\x98\x80\xef\xbf\xbd"
                  "b\xef\xbf\xbd"));
}

TEST(the_mark_goes_once_and_only_when_it_may)
{
    SLV_CLEANUP(slv_charset_decoder_free)
    slv_charset_decoder *d = slv_charset_decoder_new(
        SLV_CHARSET_UTF_8, (slv_charset_decoder_options){.ignore_bom = true});
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);

    CHECK(decodes(SLV_CHARSET_UTF_8,
                  SLV_STR("\xef\xbb\xbf\xef\xbb\xbf"
                          "a"),
                  "\xef\xbb\xbf"
                  "a"));
    CHECK(decode(d,
                 SLV_STR("\xef\xbb\xbf"
                         "a"),
                 &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("\xef\xbb\xbf"
                                          "a"));
    CHECK(decodes(SLV_CHARSET_WINDOWS_1252, SLV_STR("\xef\xbb\xbf"), "\xc3\xaf\xc2\xbb\xc2\xbf"));
}

TEST(fatal_decoders_fail_and_start_anew)
{
    SLV_CLEANUP(slv_charset_decoder_free)
    slv_charset_decoder *d =
        slv_charset_decoder_new(SLV_CHARSET_UTF_8, (slv_charset_decoder_options){.fatal = true});
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);

    CHECK(slv_charset_decoder_run(d, SLV_STR("\xe2"), false, &out) == SLV_OK);
    CHECK(slv_charset_decoder_run(d, SLV_STR("A"), false, &out) == SLV_E_PARSE);
    CHECK(decode(d, SLV_STR("B"), &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("B"));
    CHECK(decode(d, SLV_STR("\xe2\x98"), &out) == SLV_E_PARSE);
}

/* Any bytes in any pieces give what they give at once. */
TEST(pieces_decode_like_the_whole)
{
    static const slv_charset charsets[] = {
        SLV_CHARSET_UTF_8,  SLV_CHARSET_UTF_16LE, SLV_CHARSET_UTF_16BE,    SLV_CHARSET_GB18030,
        SLV_CHARSET_BIG5,   SLV_CHARSET_EUC_JP,   SLV_CHARSET_ISO_2022_JP, SLV_CHARSET_SHIFT_JIS,
        SLV_CHARSET_EUC_KR, SLV_CHARSET_KOI8_R};
    static const char utf8ish[] = "a\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80\xed\xa0\xef\xbb\xbf\xff";
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int i = 0; i < 3000; i++) {
        slv_charset charset = charsets[slv_prng_below(&prng, SLV_ARRAY_LEN(charsets))];
        SLV_CLEANUP(slv_charset_decoder_free)
        slv_charset_decoder *d = slv_charset_decoder_new(charset, (slv_charset_decoder_options){0});
        SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(1000);
        SLV_CLEANUP(slv_buf_done) slv_buf parts = SLV_BUF(1000);
        char bytes[40];
        size_t n = (size_t)slv_prng_below(&prng, sizeof bytes);

        for (size_t j = 0; j < n; j++)
            bytes[j] = charset == SLV_CHARSET_UTF_8
                           ? utf8ish[slv_prng_below(&prng, sizeof utf8ish - 1)]
                           : (char)slv_prng_next(&prng);
        CHECK(slv_charset_decoder_run(d, slv_str_make(bytes, n), true, &whole) == SLV_OK);
        for (size_t at = 0; at < n;) {
            size_t len = SLV_MIN((size_t)slv_prng_below(&prng, 4), n - at);

            CHECK(slv_charset_decoder_run(d, slv_str_make(bytes + at, len), false, &parts) ==
                  SLV_OK);
            at += len;
        }
        CHECK(slv_charset_decoder_run(d, SLV_STR(""), true, &parts) == SLV_OK);
        CHECK(slv_str_eq(slv_buf_view(&whole), slv_buf_view(&parts)));
    }
}

TAP_MAIN()
