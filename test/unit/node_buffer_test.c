/* Node's encodings, and search in bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "support/tap.h"
#include "web/node_buffer.h"

/* Writes ASCII text in the encoding; gives hex of what came out. */
static const char *written(slv_node_encoding encoding, const char *text, size_t room)
{
    static char hex[256];
    uint16_t units[64];
    uint8_t out[64];
    size_t n = strlen(text), len;

    for (size_t i = 0; i < n; i++)
        units[i] = (unsigned char)text[i];
    len = slv_node_write(encoding, units, n, out, room);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", out[i]);
    hex[2 * len] = '\0';
    return hex;
}

#define WRITTEN(encoding, text, room, want)                                                        \
    CHECK_STR(slv_str_from(written(encoding, text, room)), SLV_STR(want))

TEST(node_buffer_base64_passes_over_what_is_not_its_own)
{
    WRITTEN(SLV_NODE_BASE64, "YWJj", 9, "616263");
    WRITTEN(SLV_NODE_BASE64, "Y W\nJ*j", 9, "616263");
    WRITTEN(SLV_NODE_BASE64, "YWI=YWI=", 9, "6162");
    WRITTEN(SLV_NODE_BASE64URL, "-_+/", 9, "fbffbf");
    WRITTEN(SLV_NODE_BASE64, "Y", 9, "");
    WRITTEN(SLV_NODE_BASE64, "YWJj", 2, "6162");
    WRITTEN(SLV_NODE_BASE64, "", 0, "");
}

TEST(node_buffer_hex_ends_at_what_is_no_digit)
{
    WRITTEN(SLV_NODE_HEX, "00ffA", 9, "00ff");
    WRITTEN(SLV_NODE_HEX, "12zz34", 9, "12");
    WRITTEN(SLV_NODE_HEX, "1234", 1, "12");
    WRITTEN(SLV_NODE_HEX, "\xe9\xe9", 9, "");
}

TEST(node_buffer_writes_whole_characters)
{
    const uint16_t text[] = {'a', 0xE9, 0x2603, 0xD83D, 0xDE00, 0xD800};
    uint8_t out[32];

    CHECK_INT(slv_node_write(SLV_NODE_UTF8, text, 6, out, sizeof out), 13);
    CHECK(memcmp(out, "a\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80\xef\xbf\xbd", 13) == 0);
    for (size_t room = 0; room <= 13; room++) {
        size_t n = slv_node_write(SLV_NODE_UTF8, text, 6, out, room);

        CHECK(n <= room && (n == 0 || n == 1 || n == 3 || n == 6 || n == 10 || n == 13));
    }
    CHECK_INT(slv_node_write(SLV_NODE_UTF16LE, text, 6, out, 5), 4);
    CHECK_INT(slv_node_write(SLV_NODE_LATIN1, text, 6, out, 3), 3);
    CHECK(out[1] == 0xE9 && out[2] == 0x03);
    CHECK(slv_node_bytes_max(SLV_NODE_BASE64, 5) >= 3 && slv_node_bytes_max(SLV_NODE_HEX, 5) == 2);
}

TEST(node_buffer_no_encoding_gives_more_than_its_bound)
{
    uint16_t units[40];
    slv_prng rand;
    uint8_t *out = malloc(200);

    if (!out)
        return;
    slv_prng_seed(&rand, tap_seed());
    for (int round = 0; round < 2000; round++) {
        size_t n = slv_prng_below(&rand, 40);

        for (size_t i = 0; i < n; i++)
            units[i] = slv_prng_below(&rand, 3)
                           ? (uint16_t) "aZ09+/-_= \n"[slv_prng_below(&rand, 11)]
                           : (uint16_t)slv_prng_below(&rand, 65536);
        for (int e = SLV_NODE_UTF8; e <= SLV_NODE_HEX; e++)
            CHECK(slv_node_write((slv_node_encoding)e, units, n, out, 200) <=
                  slv_node_bytes_max((slv_node_encoding)e, n));
    }
    free(out);
}

TEST(node_buffer_finds_the_first_and_the_last)
{
    slv_str hay = SLV_STR("abcabcab");

    CHECK_INT(slv_node_index_of(hay, SLV_STR("ab"), 0, false, 1), 0);
    CHECK_INT(slv_node_index_of(hay, SLV_STR("ab"), 1, false, 1), 3);
    CHECK_INT(slv_node_index_of(hay, SLV_STR("ab"), 99, true, 1), 6);
    CHECK_INT(slv_node_index_of(hay, SLV_STR("ab"), 5, true, 1), 3);
    CHECK(slv_node_index_of(hay, SLV_STR("abd"), 0, false, 1) == SIZE_MAX);
    CHECK(slv_node_index_of(hay, SLV_STR("abcabcabc"), 0, false, 1) == SIZE_MAX);
    /* elements of two bytes begin at even places */
    CHECK_INT(slv_node_index_of(SLV_STR("xabab!ab"), SLV_STR("ab"), 0, false, 2), 6);
    CHECK(slv_node_index_of(SLV_STR("xab!"), SLV_STR("ab"), 3, true, 2) == SIZE_MAX);
}

TAP_MAIN()
