/* WebSocket frames, handshake words and compression: RFC examples, refusals, and that splits change
 * nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "net/ws.h"
#include "net/ws_codec.h"
#include "net/ws_deflate.h"
#include "support/tap.h"

/* Decodes everything in pieces; writes what was seen as text. prng NULL: at once. */
static slv_code decode(slv_str bytes, bool client, bool deflate, slv_prng *prng, slv_buf *seen,
                       const char **ret_error)
{
    SLV_CLEANUP(slv_buf_done) slv_buf copy = SLV_BUF(64 << 20), message = SLV_BUF(64 << 20);
    slv_ws_decoder d;
    slv_ws_check check = {0};
    size_t at = 0, have = prng ? 0 : bytes.len;
    slv_code code = slv_buf_set(&copy, bytes);

    slv_ws_decoder_init(&d, client, deflate);
    *ret_error = NULL;
    while (code == SLV_OK) {
        slv_ws_event ev;
        size_t used;

        code = slv_ws_decode(&d, copy.ptr + at, have - at,
                             prng ? 1 + slv_prng_below(prng, 50) : SIZE_MAX, &used, &ev);
        *ret_error = d.error;
        if (code != SLV_OK)
            break;
        at += used;
        if (ev.kind == SLV_WS_DATA) {
            uint16_t bad =
                slv_ws_check_piece(&check, ev.bytes, ev.text && !ev.compressed, ev.fin, 1 << 20);

            if (bad)
                return slv_buf_printf(seen, "bad %u\n", (unsigned)bad);
            code = slv_buf_append(&message, ev.bytes);
            if (ev.fin && code == SLV_OK) {
                code = slv_buf_printf(seen, "%s%s %zu %.*s\n", ev.text ? "text" : "binary",
                                      ev.compressed ? "*" : "", message.len,
                                      (int)SLV_MIN(message.len, (size_t)40),
                                      message.ptr ? message.ptr : "");
                slv_buf_reset(&message);
                check = (slv_ws_check){0};
            }
        } else if (ev.kind != SLV_WS_NOTHING) {
            code = slv_buf_printf(seen, "%s %u %.*s\n",
                                  ev.kind == SLV_WS_PING   ? "ping"
                                  : ev.kind == SLV_WS_PONG ? "pong"
                                                           : "close",
                                  (unsigned)ev.code, SLV_STR_ARGS(ev.bytes));
        } else if (at == have || used == 0) {
            if (have == bytes.len)
                break;
            have = SLV_MIN(bytes.len, have + 1 + slv_prng_below(prng, 20));
        }
    }
    return code;
}

static slv_code append_frame(slv_buf *b, unsigned opcode, bool fin, slv_str payload,
                             const uint8_t *mask)
{
    char header[SLV_WS_HEADER_MAX];
    size_t n = slv_ws_encode_header(header, opcode, fin, false, payload.len, mask);

    SLV_TRY(slv_buf_append(b, slv_str_make(header, n)));
    SLV_TRY(slv_buf_append(b, payload));
    if (mask)
        slv_ws_mask(b->ptr + b->len - payload.len, payload.len, mask, 0);
    return SLV_OK;
}

#define CHECK_DECODES(client, bytes, want)                                                         \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf seen_ = SLV_BUF(1 << 20);                                \
        const char *error_;                                                                        \
        CHECK_INT(decode((bytes), (client), false, NULL, &seen_, &error_), SLV_OK);                \
        CHECK_STR(slv_buf_view(&seen_), slv_str_from(want));                                       \
    } while (0)

TEST(examples_of_the_rfc_decode)
{
    CHECK_DECODES(true, SLV_STR("\x81\x05Hello"), "text 5 Hello\n");
    CHECK_DECODES(false, SLV_STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text 5 Hello\n");
    CHECK_DECODES(true, SLV_STR("\x01\x03Hel\x80\x02lo"), "text 5 Hello\n");
    CHECK_DECODES(true, SLV_STR("\x89\x05Hello"), "ping 0 Hello\n");
    CHECK_DECODES(true, SLV_STR("\x01\x03Hel\x89\x00\x80\x02lo"), "ping 0 \ntext 5 Hello\n");
    CHECK_DECODES(true, SLV_STR("\x88\x00"), "close 1005 \n");
    CHECK_DECODES(true,
                  SLV_STR("\x88\x05\x03\xe8"
                          "bye"),
                  "close 1000 bye\n");
    CHECK_DECODES(true, SLV_STR("\x82\x00"), "binary 0 \n");
}

TEST(the_accept_key_of_the_rfc)
{
    char accept[29];

    slv_ws_accept_key(SLV_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    CHECK_STR(slv_str_from(accept), SLV_STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

TEST(malformed_frames_are_refused)
{
    static const struct {
        bool client;
        slv_str bytes;
    } cases[] = {
        {true, {"\x91\x00", 2}},                      /* RSV3 */
        {true, {"\xc1\x00", 2}},                      /* RSV1 without agreement */
        {true, {"\x83\x00", 2}},                      /* opcode 3 */
        {true, {"\x8b\x00", 2}},                      /* opcode 11 */
        {true, {"\x81\x80\0\0\0\0", 6}},              /* masked by a server */
        {false, {"\x81\x00", 2}},                     /* not masked by a client */
        {true, {"\x09\x00", 2}},                      /* fragmented ping */
        {true, {"\x89\x7e\x00\x7e", 4}},              /* ping of 126 */
        {true, {"\x80\x00", 2}},                      /* continuation of nothing */
        {true, {"\x01\x00\x81\x00", 4}},              /* message in a message */
        {true, {"\x82\x7e\x00\x7d", 4}},              /* 125 in two bytes */
        {true, {"\x82\x7f\0\0\0\0\0\0\xff\xff", 10}}, /* 65,535 in eight bytes */
        {true, {"\x82\x7f\x80\0\0\0\0\0\0\0", 10}},   /* highest bit */
        {true, {"\x88\x01\x03", 3}},                  /* half a code */
        {true, {"\x88\x02\x03\xe7", 4}},              /* 999 */
        {true, {"\x88\x02\x03\xec", 4}},              /* 1004 */
        {true, {"\x88\x02\x03\xed", 4}},              /* 1005 */
        {true, {"\x88\x02\x03\xee", 4}},              /* 1006 */
        {true, {"\x88\x02\x03\xf7", 4}},              /* 1015 */
        {true, {"\x88\x02\x0b\xb7", 4}},              /* 2999 */
        {true, {"\x88\x02\x13\x88", 4}},              /* 5000 */
        {true, {"\x88\x03\x03\xe8\xff", 5}},          /* reason not UTF-8 */
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf seen = SLV_BUF(1 << 20);
        const char *error;

        tap_note("case %zu", i);
        CHECK_INT(decode(cases[i].bytes, cases[i].client, false, NULL, &seen, &error), SLV_E_PARSE);
        CHECK(error != NULL);
    }
}

TEST(close_codes_that_may_be_sent)
{
    static const unsigned good[] = {1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999};
    static const unsigned wrong[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};

    for (size_t i = 0; i < SLV_ARRAY_LEN(good); i++)
        CHECK(slv_ws_valid_code(good[i]));
    for (size_t i = 0; i < SLV_ARRAY_LEN(wrong); i++)
        CHECK(!slv_ws_valid_code(wrong[i]));
}

TEST(frame_lengths_are_written_in_their_shortest_form)
{
    char h[SLV_WS_HEADER_MAX];

    CHECK_INT(slv_ws_encode_header(h, 2, true, false, 125, NULL), 2);
    CHECK_INT(slv_ws_encode_header(h, 2, true, false, 126, NULL), 4);
    CHECK_INT(slv_ws_encode_header(h, 2, true, false, 65535, NULL), 4);
    CHECK_INT(slv_ws_encode_header(h, 2, true, false, 65536, NULL), 10);
    CHECK_INT(slv_ws_encode_header(h, 2, true, false, 65536, (const uint8_t *)"abcd"), 14);
}

TEST(message_size_limit)
{
    slv_ws_check c = {0};

    CHECK_INT(slv_ws_check_piece(&c, slv_str_make("xxxxxxxx", 8), false, false, 10), 0);
    CHECK_INT(slv_ws_check_piece(&c, slv_str_make("xx", 2), false, true, 10), 0);
    CHECK_INT(slv_ws_check_piece(&c, slv_str_make("x", 1), false, true, 10), 1009);
}

/* UTF-8 in pieces against the whole-string check of base/utf8.h. */
TEST(utf8_in_any_pieces_is_judged_as_the_whole)
{
    static const char *const parts[] = {"a",
                                        "\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "\xed\xa0\x80",
                                        "\xc0\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xe2\x82",
                                        "\x80",
                                        "\xff",
                                        "plain ascii text",
                                        "\xee\x80\x80"};
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 20000; round++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1024);
        slv_ws_check c = {0};
        uint16_t code = 0;
        size_t at = 0, count = slv_prng_below(&prng, 6);

        for (size_t i = 0; i < count; i++)
            CHECK(slv_buf_append(
                      &text, slv_str_from(parts[slv_prng_below(&prng, SLV_ARRAY_LEN(parts))])) ==
                  SLV_OK);
        do {
            size_t n = slv_prng_below(&prng, text.len - at + 1);

            code = slv_ws_check_piece(&c, slv_str_make(text.ptr + at, n), true, at + n == text.len,
                                      1 << 20);
            at += n;
        } while (at < text.len && !code);
        if (text.len > 0 || code)
            CHECK_INT(code, slv_utf8_valid(slv_buf_view(&text)) ? 0 : 1007);
    }
}

TEST(any_split_of_the_bytes_gives_the_same_messages)
{
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 1500; round++) {
        SLV_CLEANUP(slv_buf_done)
        slv_buf bytes = SLV_BUF(1 << 22), whole = SLV_BUF(1 << 22), split = SLV_BUF(1 << 22);
        bool client = slv_prng_below(&prng, 2), open = false;
        size_t frames = 1 + slv_prng_below(&prng, 5);
        const char *one, *two;
        slv_code a, b;

        for (size_t i = 0; i < frames; i++) {
            static const size_t sizes[] = {0, 1, 5, 125, 126, 300, 65535, 65536};
            static char payload[65536];
            uint64_t mask = slv_prng_next(&prng);
            bool control = slv_prng_below(&prng, 4) == 0, fin = control || slv_prng_below(&prng, 2);
            unsigned opcode = control ? 9 + (unsigned)slv_prng_below(&prng, 2)
                              : open  ? 0
                                      : 1 + (unsigned)slv_prng_below(&prng, 2);
            size_t n = sizes[slv_prng_below(&prng, control ? 4 : round % 50 ? 6 : 8)];

            memset(payload, 'p', sizeof payload);
            CHECK(append_frame(&bytes, opcode, fin, slv_str_make(payload, n),
                               client ? NULL : (uint8_t *)&mask) == SLV_OK);
            if (!control)
                open = !fin;
        }
        if (slv_prng_below(&prng, 4) == 0)
            bytes.ptr[slv_prng_below(&prng, bytes.len)] ^= (char)(1 << slv_prng_below(&prng, 8));
        a = decode(slv_buf_view(&bytes), client, false, NULL, &whole, &one);
        b = decode(slv_buf_view(&bytes), client, false, &prng, &split, &two);
        CHECK_INT(a, b);
        CHECK(one == two);
        CHECK_STR(slv_buf_view(&whole), slv_buf_view(&split));
    }
}

TEST(compressed_messages_come_back_whatever_the_pieces)
{
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 300; round++) {
        SLV_CLEANUP(slv_buf_done)
        slv_buf text = SLV_BUF(1 << 20), squeezed = SLV_BUF(1 << 21), back = SLV_BUF(1 << 20);
        slv_deflater *d = slv_deflater_get(9 + (int)slv_prng_below(&prng, 7));
        slv_inflater *f = slv_inflater_get();
        size_t n = slv_prng_below(&prng, 50000), at = 0, used, len;
        char out[777];
        bool fin = false;

        for (size_t i = 0; i < n; i++)
            CHECK(slv_buf_append_byte(&text, (char)('a' + slv_prng_below(&prng, round % 26 + 1))) ==
                  SLV_OK);
        do {
            size_t step = SLV_MIN(n - at, 1 + slv_prng_below(&prng, 20000));

            fin = at + step == n;
            CHECK(slv_deflater_add(d, slv_str_make(text.ptr + at, step), fin, &squeezed) == SLV_OK);
            at += step;
        } while (!fin);
        slv_deflater_put(d);
        for (at = 0;;) {
            size_t step = SLV_MIN(squeezed.len - at, 1 + slv_prng_below(&prng, 3000));

            fin = at + step == squeezed.len;
            CHECK(slv_inflater_run(f, slv_str_make(squeezed.ptr + at, step), fin, out, sizeof out,
                                   &used, &len) == SLV_OK);
            at += used;
            CHECK(slv_buf_append(&back, slv_str_make(out, len)) == SLV_OK);
            if (fin && at == squeezed.len && len < sizeof out)
                break;
        }
        slv_inflater_put(f);
        CHECK_STR(slv_buf_view(&back), slv_buf_view(&text));
    }
    slv_ws_deflate_trim();
}

TEST(compression_offers)
{
    static const struct {
        const char *offers, *answer;
    } cases[] = {
        {"", ""},
        {"x-other", ""},
        {"permessage-deflate", SLV_WS_DEFLATE_OFFER},
        {"permessage-deflate; client_max_window_bits", SLV_WS_DEFLATE_OFFER},
        {"permessage-deflate; client_max_window_bits=10; server_no_context_takeover",
         SLV_WS_DEFLATE_OFFER},
        {"permessage-deflate; server_max_window_bits=10",
         SLV_WS_DEFLATE_OFFER "; server_max_window_bits=10"},
        {"permessage-deflate; server_max_window_bits=\"12\"",
         SLV_WS_DEFLATE_OFFER "; server_max_window_bits=12"},
        {"permessage-deflate; server_max_window_bits=8, permessage-deflate", SLV_WS_DEFLATE_OFFER},
        {"permessage-deflate; server_max_window_bits=16", ""},
        {"permessage-deflate; server_max_window_bits", ""},
        {"permessage-deflate; server_max_window_bits=09", ""},
        {"permessage-deflate; unknown", ""},
        {"permessage-deflate; client_no_context_takeover=1", ""},
        {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        char answer[128];
        slv_ws_deflate_offer o = slv_ws_deflate_choose(slv_str_from(cases[i].offers), answer);

        CHECK_STR(slv_str_from(answer), slv_str_from(cases[i].answer));
        CHECK_INT(o.agreed, cases[i].answer[0] != 0);
    }
}

TEST(answers_to_our_compression_offer)
{
    slv_ws_deflate_offer o;
    slv_err err;

    CHECK_INT(slv_ws_deflate_confirm(SLV_STR_NULL, true, &o, &err), SLV_OK);
    CHECK(!o.agreed);
    CHECK_INT(slv_ws_deflate_confirm(SLV_STR("permessage-deflate; server_no_context_takeover"),
                                     true, &o, &err),
              SLV_OK);
    CHECK(o.agreed);
    CHECK_INT(slv_ws_deflate_confirm(SLV_STR("permessage-deflate; server_no_context_takeover"),
                                     false, &o, &err),
              SLV_E_PROTOCOL);
    CHECK_INT(slv_ws_deflate_confirm(SLV_STR("permessage-deflate"), true, &o, &err),
              SLV_E_PROTOCOL);
    CHECK_INT(
        slv_ws_deflate_confirm(
            SLV_STR("permessage-deflate; server_no_context_takeover; client_max_window_bits=9"),
            true, &o, &err),
        SLV_E_PROTOCOL);
    CHECK_INT(slv_ws_deflate_confirm(SLV_STR("x-other"), true, &o, &err), SLV_E_PROTOCOL);
}

TAP_MAIN()
