#include <stdio.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "support/tap.h"

TEST(buf_refuses_the_byte_past_its_limit)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4);

    CHECK(slv_buf_append(&b, SLV_STR("abcd")) == SLV_OK);
    CHECK(slv_buf_append_byte(&b, 'e') == SLV_E_LIMIT);
    CHECK(slv_buf_printf(&b, "%d", 1) == SLV_E_LIMIT);
    CHECK_STR(slv_buf_view(&b), SLV_STR("abcd"));
    CHECK(slv_buf_cstr(&b) && b.ptr[4] == '\0');
}

TEST(buf_keeps_its_content_when_an_allocation_fails)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1000);

    CHECK(slv_buf_append(&b, SLV_STR("abc")) == SLV_OK);
    CHECK(slv_buf_reserve(&b, b.cap - b.len) == SLV_OK);
    slv_fault_arm(SLV_FAULT_ALLOC, 1);
    CHECK(slv_buf_reserve(&b, b.cap - b.len + 1) == SLV_E_NOMEM);
    CHECK(slv_fault_fired(SLV_FAULT_ALLOC));
    CHECK_STR(slv_buf_view(&b), SLV_STR("abc"));
}

TEST(numbers_are_parsed_exactly_or_refused)
{
    uint64_t u;
    int64_t i;

    CHECK(slv_parse_u64(SLV_STR("18446744073709551615"), &u) == SLV_OK && u == UINT64_MAX);
    CHECK(slv_parse_u64(SLV_STR("18446744073709551616"), &u) == SLV_E_LIMIT);
    CHECK(slv_parse_u64(SLV_STR(""), &u) == SLV_E_PARSE);
    CHECK(slv_parse_u64(SLV_STR("1 "), &u) == SLV_E_PARSE);
    CHECK(slv_parse_i64(SLV_STR("-9223372036854775808"), &i) == SLV_OK && i == INT64_MIN);
    CHECK(slv_parse_i64(SLV_STR("9223372036854775808"), &i) == SLV_E_LIMIT);
    CHECK(slv_parse_hex_u64(SLV_STR("fF"), &u) == SLV_OK && u == 255);
}

TEST(split_yields_every_piece_and_the_empty_last_one)
{
    slv_str rest = SLV_STR("a,,b,"), head;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);

    while (slv_str_split(&rest, ',', &head))
        CHECK(slv_buf_printf(&out, "[%.*s]", SLV_STR_ARGS(head)) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("[a][][b][]"));
}

TEST(map_agrees_with_a_plain_array_over_random_operations)
{
    enum { KEYS = 300 };
    SLV_MAP(int) m = {0};
    SLV_IMAP(int) im = {0};
    int model[KEYS];
    size_t live = 0;
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());
    for (int i = 0; i < KEYS; i++)
        model[i] = -1;
    for (int step = 0; step < 20000; step++) {
        int k = (int)slv_prng_below(&rng, KEYS);
        char name[16];
        slv_str key = slv_str_make(name, (size_t)snprintf(name, sizeof name, "key%d", k));

        if (slv_prng_below(&rng, 3) == 0) {
            bool had = model[k] >= 0;

            CHECK(slv_map_remove(&m, key) == had);
            CHECK(slv_imap_remove(&im, (uint64_t)k) == had);
            live -= had;
            model[k] = -1;
        } else {
            live += model[k] < 0;
            model[k] = step;
            slv_map_set(&m, key, step);
            slv_imap_set(&im, (uint64_t)k, step);
        }
        int probe = (int)slv_prng_below(&rng, KEYS);
        key = slv_str_make(name, (size_t)snprintf(name, sizeof name, "key%d", probe));
        int *p = slv_map_get(&m, key), *q = slv_imap_get(&im, (uint64_t)probe);
        CHECK((p ? *p : -1) == model[probe] && (q ? *q : -1) == model[probe]);
        CHECK_INT(m.len, live);
    }
    slv_map_done(&m);
    slv_imap_done(&im);
}

TEST(siphash_matches_the_reference_vector)
{
    uint8_t key[16];
    char in[8];

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (char)i;
    /* SipHash-1-3 of 00..07 under 00..0f, from the authors' vectors for c=1, d=3 */
    CHECK(slv_siphash13(key, slv_str_make(in, 0)) == 0xabac0158050fc4dcULL);
}

TEST(utf8_replaces_maximal_subparts)
{
    uint16_t out[32];
    size_t n = slv_utf8_to_utf16(SLV_STR("a\xF0\x9F\x98z\xED\xA0\x80\xC0\xAF\xF4\x90"), out);
    const uint16_t want[] = {'a',    0xFFFD, 'z',    0xFFFD, 0xFFFD,
                             0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD};

    CHECK_INT(n, SLV_ARRAY_LEN(want));
    CHECK(memcmp(out, want, sizeof want) == 0);
}

TEST(utf16_round_trips_every_scalar_value)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(64);

    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char bytes[4];
        uint16_t units[2];
        bool bad;
        size_t pos = 0;

        if (cp >= 0xD800 && cp <= 0xDFFF)
            continue;
        slv_str s = slv_str_make(bytes, slv_utf8_put(cp, bytes));
        CHECK(slv_utf8_next(s, &pos, &bad) == cp && !bad && pos == s.len);
        size_t n = slv_utf8_to_utf16(s, units);
        slv_buf_reset(&b);
        CHECK(slv_utf16_to_utf8(units, n, &b) == SLV_OK);
        CHECK_STR(slv_buf_view(&b), s);
    }
}

TEST(utf16_lone_surrogates_become_replacement_characters)
{
    const uint16_t units[] = {'x', 0xD800, 'y', 0xDC00, 0xD83D, 0xDE00};
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(64);

    CHECK(slv_utf16_to_utf8(units, SLV_ARRAY_LEN(units), &b) == SLV_OK);
    CHECK_STR(slv_buf_view(&b), SLV_STR("x\xEF\xBF\xBDy\xEF\xBF\xBD\xF0\x9F\x98\x80"));
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

TEST(arena_honours_its_limit_and_runs_cleanups_once)
{
    int calls = 0;
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(10000);

    CHECK(slv_arena_defer(&a, count_call, &calls) == SLV_OK);
    CHECK(slv_arena_try_alloc0(&a, 5000));
    CHECK(!slv_arena_try_alloc(&a, 5000));
    slv_arena_reset(&a);
    CHECK_INT(calls, 1);
    CHECK(slv_arena_try_alloc(&a, 9000));
}

TEST(reader_yields_zeroes_past_the_end_and_says_so)
{
    slv_reader r = slv_reader_make(SLV_STR("\x02\x00\x00\x00hi\x07"));

    CHECK_STR(slv_read_str(&r), SLV_STR("hi"));
    CHECK_INT(slv_read_u16(&r), 0);
    CHECK(r.bad && !slv_reader_end(&r));
}

TEST(a_cut_error_message_ends_in_a_whole_character)
{
    slv_err err;
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(2000);

    for (int i = 0; i < 300; i++)
        CHECK(slv_buf_append(&b, SLV_STR("\xC3\xA9")) == SLV_OK);
    (void)slv_fail(&err, SLV_E_INVAL, "%s", slv_buf_cstr(&b));
    CHECK(slv_utf8_valid(slv_str_from(err.message)));
}

TEST(an_error_that_nobody_asked_for_has_a_text_too)
{
    slv_err err = {.code = SLV_E_LIMIT};

    CHECK(strcmp(slv_err_text(&err), slv_code_text(SLV_E_LIMIT)) == 0);
    CHECK(slv_err_text(NULL)[0] != '\0');
}

TAP_MAIN()
