/* Numbers and attribute values of the table store. */
#include <stdio.h>

#include "dynamo/value.h"
#include "fmt/json.h"
#include "support/tap.h"

#define ARENA ((size_t)16 << 20)

static bool parse_number(const char *text, slv_dyn_num *ret)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);

    return slv_dyn_num_parse(&sc, slv_str_from(text), ret) == SLV_OK;
}

static void number_is(const char *text, const char *want)
{
    char out[SLV_DYN_NUM_TEXT_MAX];
    slv_dyn_num n;

    CHECK(parse_number(text, &n));
    CHECK(slv_dyn_num_valid(slv_dyn_num_view(&n)));
    CHECK_STR(slv_str_make(out, slv_dyn_num_text(slv_dyn_num_view(&n), out)), slv_str_from(want));
}

TEST(number_is_normalised)
{
    number_is("0", "0");
    number_is("-0.000", "0");
    number_is("0e9999", "0");
    number_is("+7", "7");
    number_is("007.500", "7.5");
    number_is(".5", "0.5");
    number_is("5.", "5");
    number_is("-12.34e1", "-123.4");
    number_is("1E10", "10000000000");
    number_is("1e-3", "0.001");
    number_is("100", "100");
    number_is("99999999999999999999999999999999999999", "99999999999999999999999999999999999999");
    number_is("0.00000000000000000000000000000000000001",
              "0.00000000000000000000000000000000000001");
    number_is("123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678");
}

static void number_fails(const char *text, const char *want)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_num n;

    CHECK(slv_dyn_num_parse(&sc, slv_str_from(text), &n) == SLV_E_INVAL);
    CHECK(sc.error == SLV_DYN_ERROR_VALIDATION);
    CHECK_STR(sc.message, slv_str_from(want));
}

TEST(number_that_is_none_is_refused)
{
    static const char *const bad[] = {"b",  "1e",   "e5",  ".",    "-",   "1..2", "1e1.5",   " 1",
                                      "1 ", "0x10", "NaN", "1e+-", "1_0", "--1",  "Infinity"};
    char want[128];

    number_fails("", "The parameter cannot be converted to a numeric value");
    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        (void)snprintf(want, sizeof want,
                       "The parameter cannot be converted to a numeric value: %s", bad[i]);
        number_fails(bad[i], want);
    }
}

TEST(number_has_bounds)
{
    const char *over = "Number overflow. Attempting to store a number with magnitude larger than "
                       "supported range";
    const char *under = "Number underflow. Attempting to store a number with magnitude smaller "
                        "than supported range";
    const char *digits = "Attempting to store more than 38 significant digits in a Number";
    slv_dyn_num n;

    CHECK(parse_number("9.9999999999999999999999999999999999999E+125", &n));
    CHECK(parse_number("-9.9999999999999999999999999999999999999E+125", &n));
    CHECK(parse_number("1E-130", &n));
    CHECK(parse_number("-1E-130", &n));
    CHECK(parse_number("1.2345678901234567890123456789012345678e-130", &n));
    number_fails("1e126", over);
    number_fails("-1e126", over);
    number_fails("1e999999999999999999999", over);
    number_fails("1e-131", under);
    number_fails("0.9e-130", under);
    number_fails("1e-99999999999999999999", under);
    number_fails("123456789012345678901234567890123456789", digits);
    number_fails("0.123456789012345678901234567890123456789", digits);
    CHECK(parse_number("123456789012345678901234567890123456780", &n)); /* 38 digits and a zero */
}

/* Random numbers as text, and as what they are compared by: sign, exponent, digits. */
typedef struct sample {
    char text[80];
    bool neg;
    int exp;
    char digits[40];
} sample;

static void make_sample(slv_prng *rng, sample *s)
{
    size_t n = 1 + slv_prng_below(rng, 38);

    s->neg = slv_prng_below(rng, 2);
    s->exp = (int)slv_prng_below(rng, 8) - 4;
    if (slv_prng_below(rng, 4) == 0)
        s->exp = (int)slv_prng_below(rng, 256) - 130;
    for (size_t i = 0; i < n; i++)
        s->digits[i] = (char)('0' + slv_prng_below(rng, 10));
    if (s->digits[0] == '0')
        s->digits[0] = '1';
    while (n > 1 && s->digits[n - 1] == '0')
        n--;
    s->digits[n] = 0;
    (void)snprintf(s->text, sizeof s->text, "%s%c.%se%d", s->neg ? "-" : "", s->digits[0],
                   s->digits + 1, s->exp);
}

static int cmp_samples(const sample *a, const sample *b)
{
    int c;

    if (a->neg != b->neg)
        return a->neg ? -1 : 1;
    c = a->exp != b->exp ? (a->exp < b->exp ? -1 : 1) : strcmp(a->digits, b->digits);
    c = c < 0 ? -1 : c > 0;
    return a->neg ? -c : c;
}

TEST(number_bytes_are_ordered_as_the_numbers)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());

    for (int i = 0; i < 20000; i++) {
        sample a, b;
        slv_dyn_num x, y;
        int c;

        make_sample(&rng, &a);
        make_sample(&rng, &b);
        if (slv_prng_below(&rng, 3) == 0) { /* neighbours */
            b = a;
            b.digits[strlen(b.digits) - 1] = (char)('1' + slv_prng_below(&rng, 9));
            (void)snprintf(b.text, sizeof b.text, "%s%c.%se%d", b.neg ? "-" : "", b.digits[0],
                           b.digits + 1, b.exp);
        }
        CHECK(parse_number(a.text, &x));
        CHECK(parse_number(b.text, &y));
        c = slv_str_cmp(slv_dyn_num_view(&x), slv_dyn_num_view(&y));
        CHECK_INT(c < 0 ? -1 : c > 0, cmp_samples(&a, &b));
    }
}

TEST(number_text_parses_to_the_same_bytes)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());

    for (int i = 0; i < 5000; i++) {
        char out[SLV_DYN_NUM_TEXT_MAX + 1];
        slv_dyn_num x, y;
        sample a;

        make_sample(&rng, &a);
        CHECK(parse_number(a.text, &x));
        CHECK(slv_dyn_num_valid(slv_dyn_num_view(&x)));
        out[slv_dyn_num_text(slv_dyn_num_view(&x), out)] = 0;
        CHECK(parse_number(out, &y));
        CHECK_STR(slv_dyn_num_view(&x), slv_dyn_num_view(&y));
    }
}

static void sum_is(const char *a, const char *b, bool minus, const char *want)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&arena);
    char out[SLV_DYN_NUM_TEXT_MAX];
    slv_dyn_num x, y, sum;

    CHECK(parse_number(a, &x));
    CHECK(parse_number(b, &y));
    CHECK(slv_dyn_num_add(&sc, slv_dyn_num_view(&x), slv_dyn_num_view(&y), minus, &sum) == SLV_OK);
    CHECK(slv_dyn_num_valid(slv_dyn_num_view(&sum)));
    CHECK_STR(slv_str_make(out, slv_dyn_num_text(slv_dyn_num_view(&sum), out)), slv_str_from(want));
}

TEST(number_sums_are_exact)
{
    sum_is("0.1", "0.2", false, "0.3");
    sum_is("1", "1", true, "0");
    sum_is("-5", "3", false, "-2");
    sum_is("3", "-5", true, "8");
    sum_is("999", "1", false, "1000");
    sum_is("1000", "1", true, "999");
    sum_is("-0.5", "0.5", false, "0");
    sum_is("99999999999999999999999999999999999998", "1", false,
           "99999999999999999999999999999999999999");
    sum_is("1e30", "1e-5", false, "1000000000000000000000000000000.00001");
    sum_is("1e125", "0", false,
           "100000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
           "000000000000000000000000000000000000000");
}

TEST(number_sum_that_does_not_fit_is_refused)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_num x, y, sum;

    CHECK(parse_number("1e125", &x));
    CHECK(parse_number("1e-130", &y));
    CHECK(slv_dyn_num_add(&sc, slv_dyn_num_view(&x), slv_dyn_num_view(&y), false, &sum) ==
          SLV_E_INVAL);
    CHECK_STR(sc.message,
              SLV_STR("Attempting to store more than 38 significant digits in a Number"));
    CHECK(parse_number("9e125", &x));
    CHECK(slv_dyn_num_add(&sc, slv_dyn_num_view(&x), slv_dyn_num_view(&x), false, &sum) ==
          SLV_E_INVAL);
    CHECK(slv_str_starts(sc.message, SLV_STR("Number overflow.")));
}

TEST(number_sums_of_integers_agree_with_the_machine)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());

    for (int i = 0; i < 5000; i++) {
        int64_t x = (int64_t)(slv_prng_next(&rng) >> slv_prng_below(&rng, 60)) / 4;
        int64_t y = (int64_t)(slv_prng_next(&rng) >> slv_prng_below(&rng, 60)) / 4, got;
        bool minus = slv_prng_below(&rng, 2);
        char text[32];
        slv_dyn_num p, q, sum;

        (void)snprintf(text, sizeof text, "%lld", (long long)x);
        CHECK(parse_number(text, &p));
        (void)snprintf(text, sizeof text, "%lld", (long long)y);
        CHECK(parse_number(text, &q));
        CHECK(slv_dyn_num_add(&sc, slv_dyn_num_view(&p), slv_dyn_num_view(&q), minus, &sum) ==
              SLV_OK);
        CHECK(slv_dyn_num_to_i64(slv_dyn_num_view(&sum), &got));
        CHECK_INT(got, minus ? x - y : x + y);
    }
}

TEST(number_to_integer_says_what_is_none)
{
    int64_t v;
    slv_dyn_num n;

    CHECK(parse_number("9223372036854775807", &n) && slv_dyn_num_to_i64(slv_dyn_num_view(&n), &v));
    CHECK(v == INT64_MAX);
    CHECK(parse_number("-9223372036854775808", &n) && slv_dyn_num_to_i64(slv_dyn_num_view(&n), &v));
    CHECK(v == INT64_MIN);
    CHECK(parse_number("9223372036854775808", &n) && !slv_dyn_num_to_i64(slv_dyn_num_view(&n), &v));
    CHECK(parse_number("1.5", &n) && !slv_dyn_num_to_i64(slv_dyn_num_view(&n), &v));
    CHECK(parse_number("1e19", &n) && !slv_dyn_num_to_i64(slv_dyn_num_view(&n), &v));
    slv_dyn_num_from_u64(UINT64_MAX, &n);
    CHECK(slv_dyn_num_valid(slv_dyn_num_view(&n)));
}

TEST(number_bytes_of_a_damaged_file_are_seen)
{
    CHECK(!slv_dyn_num_valid(SLV_STR("")));
    CHECK(!slv_dyn_num_valid(SLV_STR("\x81")));
    CHECK(!slv_dyn_num_valid(SLV_STR("\xC1\x01")));     /* zero pair in front */
    CHECK(!slv_dyn_num_valid(SLV_STR("\xC1\x02\x01"))); /* and at the end */
    CHECK(!slv_dyn_num_valid(SLV_STR("\xC1\xFF")));
    CHECK(!slv_dyn_num_valid(SLV_STR("\x3E\x64"))); /* negative without its end */
    CHECK(slv_dyn_num_valid(SLV_STR("\x3E\x64\x66")));
    CHECK(slv_dyn_num_valid(SLV_STR("\x80")));
}

/* ---- values ---- */

static slv_code parse_item(slv_dyn_scope *sc, const char *text, slv_dyn_value *ret)
{
    slv_node *n;

    SLV_TRY(slv_json_parse(slv_str_from(text), SLV_JSON_STRICT, sc->arena, &n, NULL));
    return slv_dyn_item_parse(sc, n, ret);
}

static void item_is(const char *text, const char *want)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf direct = SLV_BUF(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_value v, back;

    CHECK(parse_item(&sc, text, &v) == SLV_OK);
    CHECK(slv_dyn_item_put_json(&v, &json) == SLV_OK);
    CHECK_STR(slv_buf_view(&json), slv_str_from(want));
    CHECK(slv_dyn_item_encode(&v, &bytes) == SLV_OK);
    CHECK(slv_dyn_item_decode(&sc, slv_buf_view(&bytes), &back) == SLV_OK);
    CHECK(slv_dyn_value_eq(&v, &back));
    CHECK(slv_dyn_item_bytes_put_json(slv_buf_view(&bytes), &direct) == SLV_OK);
    CHECK_STR(slv_buf_view(&direct), slv_str_from(want));
    CHECK_INT(slv_dyn_item_size(&v), slv_dyn_item_size(&back));
}

TEST(item_keeps_every_type)
{
    item_is("{}", "{}");
    item_is("{\"s\":{\"S\":\"\"},\"a\":{\"N\":\"1.50\"},\"b\":{\"B\":\"AAEC\"}}",
            "{\"a\":{\"N\":\"1.5\"},\"b\":{\"B\":\"AAEC\"},\"s\":{\"S\":\"\"}}");
    item_is("{\"t\":{\"BOOL\":true},\"f\":{\"BOOL\":false},\"n\":{\"NULL\":true}}",
            "{\"f\":{\"BOOL\":false},\"n\":{\"NULL\":true},\"t\":{\"BOOL\":true}}");
    item_is("{\"x\":{\"SS\":[\"b\",\"a\",\"\"]},\"y\":{\"NS\":[\"10\",\"9\",\"-1\"]},"
            "\"z\":{\"BS\":[\"AQ==\",\"\"]}}",
            "{\"x\":{\"SS\":[\"\",\"a\",\"b\"]},\"y\":{\"NS\":[\"-1\",\"9\",\"10\"]},"
            "\"z\":{\"BS\":[\"\",\"AQ==\"]}}");
    item_is("{\"l\":{\"L\":[{\"S\":\"x\"},{\"L\":[]},{\"M\":{}}]},"
            "\"m\":{\"M\":{\"k\":{\"M\":{\"j\":{\"N\":\"0\"}}}}}}",
            "{\"l\":{\"L\":[{\"S\":\"x\"},{\"L\":[]},{\"M\":{}}]},"
            "\"m\":{\"M\":{\"k\":{\"M\":{\"j\":{\"N\":\"0\"}}}}}}");
    item_is("{\"\xC3\xBC\":{\"S\":\"\\u0000\\ud83d\\ude00\\\"\"}}",
            "{\"\xC3\xBC\":{\"S\":\"\\u0000\xF0\x9F\x98\x80\\\"\"}}");
}

static void item_fails(const char *text, slv_dyn_error e, const char *want)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_value v;

    CHECK(parse_item(&sc, text, &v) == SLV_E_INVAL);
    CHECK_INT(sc.error, e);
    CHECK_STR(sc.message, slv_str_from(want));
}

TEST(value_that_breaks_a_rule_is_refused_in_the_words_of_the_service)
{
    slv_dyn_error v = SLV_DYN_ERROR_VALIDATION, s = SLV_DYN_ERROR_SERIALIZATION;

    item_fails("{\"a\":{}}", v,
               "Supplied AttributeValue is empty, must contain exactly one of the supported "
               "datatypes");
    item_fails("{\"a\":{\"S\":null}}", v,
               "Supplied AttributeValue is empty, must contain exactly one of the supported "
               "datatypes");
    item_fails("{\"a\":{\"S\":\"x\",\"N\":\"1\"}}", v,
               "Supplied AttributeValue has more than one datatypes set, must contain exactly one "
               "of the supported datatypes");
    item_fails("{\"a\":{\"NULL\":false}}", v,
               "One or more parameter values were invalid: Null attribute value types must have "
               "the value of true");
    item_fails("{\"a\":{\"SS\":[]}}", v,
               "One or more parameter values were invalid: An string set  may not be empty");
    item_fails("{\"a\":{\"NS\":[]}}", v,
               "One or more parameter values were invalid: An number set  may not be empty");
    item_fails("{\"a\":{\"BS\":[]}}", v,
               "One or more parameter values were invalid: Binary sets should not be empty");
    item_fails("{\"a\":{\"SS\":[\"a\",\"b\",\"a\"]}}", v,
               "One or more parameter values were invalid: Input collection [a, b, a] contains "
               "duplicates.");
    item_fails("{\"a\":{\"NS\":[\"1\",\"1.0\"]}}", v, "Input collection contains duplicates");
    item_fails("{\"a\":{\"BS\":[\"AQ==\",\"AQ==\"]}}", v,
               "One or more parameter values were invalid: Input collection [AQ==, AQ==]of type "
               "BS contains duplicates.");
    item_fails("{\"a\":{\"L\":[{\"N\":\"x\"}]}}", v,
               "The parameter cannot be converted to a numeric value: x");
    item_fails("{\"a\":{\"N\":1}}", s, "NUMBER_VALUE cannot be converted to String");
    item_fails("{\"a\":{\"B\":\"AQ=\"}}", s,
               "Base64 encoded length is expected a multiple of 4 bytes but found: 3");
    item_fails("{\"a\":{\"B\":\"AR==\"}}", s, "Invalid last non-pad Base64 character dectected");
    item_fails("{\"a\":\"x\"}", s, "Unexpected value type in payload");
    item_fails("{\"a\":{\"M\":[]}}", s,
               "Unrecognized collection type java.util.Map<java.lang.String, "
               "com.amazonaws.dynamodb.v20120810.AttributeValue>");
}

static void nested(int depth, slv_buf *out)
{
    CHECK(slv_buf_append(out, SLV_STR("{\"a\":")) == SLV_OK);
    for (int i = 0; i < depth; i++)
        CHECK(slv_buf_append(out, SLV_STR("{\"M\":{\"n\":")) == SLV_OK);
    CHECK(slv_buf_append(out, SLV_STR("{\"S\":\"leaf\"}")) == SLV_OK);
    for (int i = 0; i < depth; i++)
        CHECK(slv_buf_append(out, SLV_STR("}}")) == SLV_OK);
    CHECK(slv_buf_append(out, SLV_STR("}")) == SLV_OK);
}

TEST(value_has_thirty_two_levels_at_most)
{
    SLV_CLEANUP(slv_buf_done) slv_buf fits = SLV_BUF(4096);
    SLV_CLEANUP(slv_buf_done) slv_buf deep = SLV_BUF(4096);
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_value v;

    nested(31, &fits);
    CHECK(parse_item(&sc, slv_buf_cstr(&fits), &v) == SLV_OK);
    nested(32, &deep);
    item_fails(slv_buf_cstr(&deep), SLV_DYN_ERROR_VALIDATION,
               "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
               "levels beyond supported limit");
}

static void size_is(const char *text, size_t want)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_value v;

    CHECK(parse_item(&sc, text, &v) == SLV_OK);
    CHECK_INT(slv_dyn_item_size(&v), want);
}

TEST(sizes_are_counted_as_the_service_does)
{
    size_is("{\"ab\":{\"S\":\"\xC3\xBC\"}}", 4);
    size_is("{\"a\":{\"N\":\"0\"}}", 2);
    size_is("{\"a\":{\"N\":\"1\"}}", 3);
    size_is("{\"a\":{\"N\":\"12\"}}", 3);
    size_is("{\"a\":{\"N\":\"-12\"}}", 4);
    size_is("{\"a\":{\"N\":\"1.2\"}}", 4); /* on both sides of a pair's border */
    size_is("{\"a\":{\"B\":\"AAEC\"}}", 4);
    size_is("{\"a\":{\"BOOL\":true},\"b\":{\"NULL\":true}}", 4);
    size_is("{\"a\":{\"L\":[]}}", 4);
    size_is("{\"a\":{\"L\":[{\"S\":\"x\"}]}}", 6);
    size_is("{\"a\":{\"M\":{}}}", 4);
    size_is("{\"a\":{\"M\":{\"k\":{\"S\":\"x\"}}}}", 7);
    size_is("{\"a\":{\"SS\":[\"x\",\"yz\"]}}", 4);
}

TEST(stored_bytes_of_a_damaged_file_are_refused)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_value v, back;

    CHECK(parse_item(&sc,
                     "{\"a\":{\"S\":\"xyz\"},\"b\":{\"NS\":[\"1\",\"-2\"]},\"c\":{\"L\":[{\"M\":{"
                     "\"k\":{\"BOOL\":true}}}]}}",
                     &v) == SLV_OK);
    CHECK(slv_dyn_item_encode(&v, &bytes) == SLV_OK);
    for (size_t n = 0; n < bytes.len; n++) { /* cut anywhere */
        CHECK(slv_dyn_item_decode(&sc, slv_str_make(bytes.ptr, n), &back) == SLV_E_PARSE);
        CHECK(slv_dyn_item_bytes_put_json(slv_str_make(bytes.ptr, n), &json) == SLV_E_PARSE);
    }
    CHECK(slv_buf_append_byte(&bytes, 0) == SLV_OK); /* something left over */
    CHECK(slv_dyn_item_decode(&sc, slv_buf_view(&bytes), &back) == SLV_E_PARSE);
    bytes.len--;
    bytes.ptr[0] = 2; /* another version */
    CHECK(slv_dyn_item_decode(&sc, slv_buf_view(&bytes), &back) == SLV_E_PARSE);
}

/* ---- keys ---- */

static slv_str random_bytes(slv_prng *rng, char *out, size_t max)
{
    size_t n = slv_prng_below(rng, max);

    for (size_t i = 0; i < n; i++) /* few values, so that ties and prefixes are met */
        out[i] = "\0\1\xFF"
                 "a"[slv_prng_below(rng, 4)];
    return slv_str_make(out, n);
}

static int sign(int c)
{
    return c < 0 ? -1 : c > 0;
}

TEST(key_bytes_are_ordered_as_the_values_also_in_front_of_others)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());

    for (int i = 0; i < 20000; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf x = SLV_BUF(256);
        SLV_CLEANUP(slv_buf_done) slv_buf y = SLV_BUF(256);
        char room[4][8];
        slv_dyn_value a1 = {.type = SLV_DYN_S}, b1 = a1, a2 = a1, b2 = a1;
        int want;

        a1.bytes = random_bytes(&rng, room[0], 5);
        b1.bytes = random_bytes(&rng, room[1], 5);
        a2.bytes = random_bytes(&rng, room[2], 5);
        b2.bytes = random_bytes(&rng, room[3], 5);
        CHECK(slv_dyn_key_append(&a1, true, &x) == SLV_OK);
        CHECK(slv_dyn_key_append(&a2, false, &x) == SLV_OK);
        CHECK(slv_dyn_key_append(&b1, true, &y) == SLV_OK);
        CHECK(slv_dyn_key_append(&b2, false, &y) == SLV_OK);
        want = sign(slv_str_cmp(a1.bytes, b1.bytes));
        if (!want)
            want = sign(slv_str_cmp(a2.bytes, b2.bytes));
        CHECK_INT(sign(slv_str_cmp(slv_buf_view(&x), slv_buf_view(&y))), want);
    }
}

TEST(key_numbers_are_ordered_also_in_front_of_others)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());

    for (int i = 0; i < 5000; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf x = SLV_BUF(256);
        SLV_CLEANUP(slv_buf_done) slv_buf y = SLV_BUF(256);
        slv_dyn_value a = {.type = SLV_DYN_N}, b = a;
        slv_dyn_num p, q;
        sample s, t;

        make_sample(&rng, &s);
        make_sample(&rng, &t);
        CHECK(parse_number(s.text, &p) && parse_number(t.text, &q));
        a.bytes = slv_dyn_num_view(&p);
        b.bytes = slv_dyn_num_view(&q);
        CHECK(slv_dyn_key_append(&a, true, &x) == SLV_OK);
        CHECK(slv_buf_append(&x, SLV_STR("\xFF")) == SLV_OK);
        CHECK(slv_dyn_key_append(&b, true, &y) == SLV_OK);
        CHECK(slv_buf_append(&y, SLV_STR("\xFF")) == SLV_OK);
        CHECK_INT(sign(slv_str_cmp(slv_buf_view(&x), slv_buf_view(&y))), cmp_samples(&s, &t));
    }
}

TEST(key_prefix_end_bounds_what_begins_with_it)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(64);
    bool bounded;

    CHECK(slv_dyn_key_prefix_end(SLV_STR("ab"), &b, &bounded) == SLV_OK);
    CHECK(bounded);
    CHECK_STR(slv_buf_view(&b), SLV_STR("ac"));
    slv_buf_reset(&b);
    CHECK(slv_dyn_key_prefix_end(SLV_STR("a\xFF\xFF"), &b, &bounded) == SLV_OK);
    CHECK(bounded);
    CHECK_STR(slv_buf_view(&b), SLV_STR("b"));
    CHECK(slv_dyn_key_prefix_end(SLV_STR("\xFF"), &b, &bounded) == SLV_OK);
    CHECK(!bounded);
    CHECK(slv_dyn_key_prefix_end(SLV_STR(""), &b, &bounded) == SLV_OK);
    CHECK(!bounded);
}

TEST(members_are_found_among_many)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_value v;
    char name[16];

    CHECK(slv_buf_append(&json, SLV_STR("{")) == SLV_OK);
    for (int i = 0; i < 500; i++)
        CHECK(slv_buf_printf(&json, "%s\"k%d\":{\"N\":\"%d\"}", i ? "," : "", i * 7 % 500, i) ==
              SLV_OK);
    CHECK(slv_buf_append(&json, SLV_STR("}")) == SLV_OK);
    CHECK(parse_item(&sc, slv_buf_cstr(&json), &v) == SLV_OK);
    CHECK_INT(v.count, 500);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        CHECK(slv_dyn_value_get(&v, slv_str_from(name)));
    }
    CHECK(!slv_dyn_value_get(&v, SLV_STR("k500")));
    CHECK(!slv_dyn_value_get(NULL, SLV_STR("k1")));
}

TAP_MAIN()
