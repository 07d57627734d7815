/* url_test.c - the URL parser against the web-platform-tests and its own promises. */
#include <unicode/uchar.h>

#include "base/utf8.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "support/vectors.h"

#define PARSE(name, text)                                                                          \
    SLV_CLEANUP(slv_url_done) slv_url name = SLV_URL_INIT;                                         \
    CHECK(slv_url_parse(slv_str_from(text), NULL, &name) == SLV_OK)

static slv_str get_part(const slv_url *url, const char *name, slv_buf *origin)
{
    if (strcmp(name, "href") == 0)
        return slv_buf_view(&url->href);
    if (strcmp(name, "protocol") == 0)
        return slv_url_protocol(url);
    if (strcmp(name, "username") == 0)
        return slv_url_username(url);
    if (strcmp(name, "password") == 0)
        return slv_url_password(url);
    if (strcmp(name, "host") == 0)
        return slv_url_host(url);
    if (strcmp(name, "hostname") == 0)
        return slv_url_hostname(url);
    if (strcmp(name, "port") == 0)
        return slv_url_port(url);
    if (strcmp(name, "pathname") == 0)
        return slv_url_pathname(url);
    if (strcmp(name, "search") == 0)
        return slv_url_search(url);
    if (strcmp(name, "hash") == 0)
        return slv_url_hash(url);
    if (strcmp(name, "origin") == 0) {
        SLV_ASSERT(slv_url_origin(url, origin) == SLV_OK);
        return slv_buf_view(origin);
    }
    return SLV_STR_NULL;
}

static const char *const parts[] = {"href", "protocol", "username", "password", "host",  "hostname",
                                    "port", "pathname", "search",   "hash",     "origin"};

/* True when every part that the vector names is as it says. */
static bool parts_match(const slv_url *url, const slv_node *want, slv_str input)
{
    SLV_CLEANUP(slv_buf_done) slv_buf origin = SLV_BUF(SLV_URL_MAX);
    bool same = true;

    for (size_t i = 0; i < SLV_ARRAY_LEN(parts); i++) {
        slv_node *value = slv_node_get(want, parts[i]);
        slv_str got = get_part(url, parts[i], &origin);

        if (!slv_node_is(value, SLV_NODE_STRING) || slv_str_eq(got, slv_node_str(value)))
            continue;
        tap_note("\"%.*s\": %s is \"%.*s\", expected \"%.*s\"", SLV_STR_ARGS(input), parts[i],
                 SLV_STR_ARGS(got), SLV_STR_ARGS(slv_node_str(value)));
        same = false;
    }
    return same;
}

static bool vector_passes(const slv_node *v)
{
    SLV_CLEANUP(slv_url_done) slv_url base = SLV_URL_INIT;
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    slv_node *base_text = slv_node_get(v, "base");
    slv_node *failure = slv_node_get(v, "failure");
    slv_str input = slv_node_str(slv_node_get(v, "input"));
    bool has_base = slv_node_is(base_text, SLV_NODE_STRING);
    slv_code code = SLV_OK;

    if (has_base)
        code = slv_url_parse(slv_node_str(base_text), NULL, &base);
    if (code == SLV_OK)
        code = slv_url_parse(input, has_base ? &base : NULL, &url);
    if (failure && failure->boolean) {
        if (code == SLV_OK)
            tap_note("\"%.*s\" parsed to %.*s", SLV_STR_ARGS(input),
                     SLV_STR_ARGS(slv_buf_view(&url.href)));
        return code == SLV_E_PARSE;
    }
    if (code != SLV_OK) {
        tap_note("\"%.*s\": %s", SLV_STR_ARGS(input), slv_code_name(code));
        return false;
    }
    return parts_match(&url, v, input);
}

static void run_vectors(const char *file)
{
    int failed = 0, ran = 0;

    LOAD(root, file);
    for (slv_node *v = root->first; v; v = v->next) {
        if (v->type != SLV_NODE_OBJECT)
            continue;
        ran++;
        failed += !vector_passes(v);
    }
    tap_note("%s: %d vectors", file, ran);
    CHECK(ran > 0);
    CHECK_INT(failed, 0);
}

TEST(urltestdata_parses_as_the_standard_says)
{
    run_vectors("wpt-url/urltestdata.json");
}

TEST(urltestdata_with_lone_surrogates)
{
    run_vectors("wpt-url/urltestdata-javascript-only.json");
}

TEST(urltestdata_of_ada)
{
    run_vectors("wpt-url/ada_extra_urltestdata.json");
    run_vectors("wpt-url/ada_long_urltestdata.json");
}

static bool part_of_name(slv_str name, slv_url_part *ret)
{
    static const char *const names[] = {"href",     "protocol", "username", "password", "host",
                                        "hostname", "port",     "pathname", "search",   "hash"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        if (slv_str_is(name, names[i])) {
            *ret = (slv_url_part)i;
            return true;
        }
    }
    return false;
}

static bool setter_passes(const slv_node *v, slv_url_part part)
{
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    slv_str href = slv_node_str(slv_node_get(v, "href"));

    if (slv_url_parse(href, NULL, &url) != SLV_OK)
        return false;
    slv_code code = slv_url_set(&url, part, slv_node_str(slv_node_get(v, "new_value")));
    if (code != SLV_OK && part != SLV_URL_HREF)
        return false;
    return parts_match(&url, slv_node_get(v, "expected"), href);
}

static void run_setters(const char *file)
{
    int failed = 0, ran = 0;

    LOAD(root, file);
    for (slv_node *group = root->first; group; group = group->next) {
        slv_url_part part;

        if (!part_of_name(group->key, &part))
            continue;
        for (slv_node *v = group->first; v; v = v->next) {
            ran++;
            failed += !setter_passes(v, part);
        }
    }
    tap_note("%s: %d vectors", file, ran);
    CHECK(ran > 0);
    CHECK_INT(failed, 0);
}

TEST(setters_change_what_the_standard_says)
{
    run_setters("wpt-url/setters_tests.json");
    run_setters("wpt-url/ada_extra_setters_tests.json");
}

static bool to_ascii_passes(const slv_node *v)
{
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);
    slv_str input = slv_node_str(slv_node_get(v, "input"));
    slv_node *want = slv_node_get(v, "output");

    SLV_ASSERT(slv_buf_printf(&text, "https://%.*s/x", SLV_STR_ARGS(input)) == SLV_OK);
    slv_code code = slv_url_parse(slv_buf_view(&text), NULL, &url);
    slv_str got = code == SLV_OK ? slv_url_hostname(&url) : SLV_STR("(failure)");
    if (slv_node_is(want, SLV_NODE_STRING)) {
        if (slv_str_eq(got, want->text))
            return true;
    } else if (code == SLV_E_PARSE) {
        return true;
    }
    tap_note("\"%.*s\": %.*s, expected %.*s", SLV_STR_ARGS(input), SLV_STR_ARGS(got),
             SLV_STR_ARGS(slv_node_str(want)));
    return false;
}

/* ICU knows the Unicode of its day; the vectors are newer. */
static bool newer_than_icu(slv_str s)
{
    for (size_t i = 0; i < s.len;) {
        bool malformed;

        if (u_charType((UChar32)slv_utf8_next(s, &i, &malformed)) == U_UNASSIGNED)
            return true;
    }
    return false;
}

static void run_to_ascii(const char *file)
{
    int failed = 0, ran = 0, newer = 0;

    LOAD(root, file);
    for (slv_node *v = root->first; v; v = v->next) {
        if (v->type != SLV_NODE_OBJECT || slv_node_str(slv_node_get(v, "input")).len == 0)
            continue; /* an empty host cannot be written into a URL: "https:///x" is another one */
        if (slv_node_is(slv_node_get(v, "output"), SLV_NODE_STRING) &&
            newer_than_icu(slv_node_str(slv_node_get(v, "input")))) {
            newer++;
            continue;
        }
        ran++;
        failed += !to_ascii_passes(v);
    }
    tap_note("%s: %d vectors, %d left out with characters that ICU does not know", file, ran,
             newer);
    CHECK(newer <= 3); /* with Unicode 15.0; fewer with a later ICU */
    CHECK(ran > 0);
    CHECK_INT(failed, 0);
}

TEST(domain_to_ascii_of_the_url_tests)
{
    run_to_ascii("wpt-url/toascii.json");
}

TEST(domain_to_ascii_of_the_unicode_tests)
{
    run_to_ascii("wpt-url/IdnaTestV2.json");
    run_to_ascii("wpt-url/IdnaTestV2-removed.json");
}

TEST(dns_length_is_checked_on_request)
{
    int failed = 0;

    LOAD(root, "wpt-url/verifydnslength_tests.json");
    for (slv_node *v = root->first; v; v = v->next) {
        SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
        slv_str input = slv_node_str(slv_node_get(v, "input"));
        slv_node *failure = slv_node_get(v, "failure");

        if (v->type != SLV_NODE_OBJECT)
            continue;
        CHECK(slv_url_parse(input, NULL, &url) == SLV_OK);
        if (slv_url_dns_length_ok(&url) == (failure && failure->boolean)) {
            tap_note("%.*s", SLV_STR_ARGS(input));
            failed++;
        }
    }
    CHECK_INT(failed, 0);
}

TEST(percent_encoding_in_utf8)
{
    LOAD(root, "wpt-url/percent-encoding.json");
    for (slv_node *v = root->first; v; v = v->next) {
        SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);

        if (v->type != SLV_NODE_OBJECT)
            continue;
        slv_str input = slv_node_str(slv_node_get(v, "input"));
        CHECK(slv_buf_printf(&text, "https://doesnotmatter.invalid/?%.*s#", SLV_STR_ARGS(input)) ==
              SLV_OK);
        CHECK(slv_url_parse(slv_buf_view(&text), NULL, &url) == SLV_OK);
        CHECK_STR(slv_str_skip(slv_url_search(&url), 1),
                  slv_node_str(slv_node_get(slv_node_get(v, "output"), "utf-8")));
    }
}

/* Each in normal form, so that the short way takes it; the parser must agree on every part. */
TEST(the_short_way_and_the_parser_agree)
{
    static const char *const urls[] = {"http://localhost/",
                                       "http://localhost:8787/a/b?c=d&e#f",
                                       "https://example.com",
                                       "https://example.com:8443",
                                       "http://127.0.0.1:80/",
                                       "http://127.0.0.1:8080/x%20y",
                                       "http://a_b.example-x.com./?",
                                       "http://a/#",
                                       "http://a/?#",
                                       "http://a/b..c/d.e/f",
                                       "http://a/x?y/../z'",
                                       "http://1.2.3/",
                                       "http://0x7f.1/",
                                       "http://a.0x1/",
                                       "http://256.1.1.1/",
                                       "http://a:0/",
                                       "http://a:65536/",
                                       "http://a:/",
                                       "http://a/./b",
                                       "http://a/%2E%2e/b",
                                       "http:///a",
                                       "http://a@b/",
                                       "http://xn--a/",
                                       "http://ab.xn--zzzzzz/"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(urls); i++) {
        SLV_CLEANUP(slv_url_done) slv_url fast = SLV_URL_INIT;
        SLV_CLEANUP(slv_url_done) slv_url slow = SLV_URL_INIT;
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1000);

        /* a leading space keeps it from the short way */
        CHECK(slv_buf_printf(&text, " %s", urls[i]) == SLV_OK);
        slv_code a = slv_url_parse(slv_str_from(urls[i]), NULL, &fast);
        slv_code b = slv_url_parse(slv_buf_view(&text), NULL, &slow);
        CHECK_INT(a, b);
        if (a != SLV_OK)
            continue;
        CHECK_STR(slv_buf_view(&fast.href), slv_buf_view(&slow.href));
        CHECK(memcmp(&fast.at, &slow.at, sizeof fast.at) == 0);
        CHECK_INT(fast.scheme, slow.scheme);
        CHECK_INT(fast.has_host, slow.has_host);
    }
}

TEST(a_failed_parse_keeps_the_old_value)
{
    PARSE(url, "https://a/b");
    CHECK(slv_url_parse(SLV_STR("https://"), NULL, &url) == SLV_E_PARSE);
    CHECK_STR(slv_buf_view(&url.href), SLV_STR("https://a/b"));
    CHECK(slv_url_set(&url, SLV_URL_HREF, SLV_STR("x")) == SLV_E_PARSE);
    CHECK_STR(slv_buf_view(&url.href), SLV_STR("https://a/b"));
}

TEST(malformed_utf8_is_read_as_a_replacement_character)
{
    PARSE(url, "http://a/\xff\xc3?\xe2\x98#\xed\xa0\x80");
    CHECK_STR(slv_buf_view(&url.href),
              SLV_STR("http://a/%EF%BF%BD%EF%BF%BD?%EF%BF%BD#%EF%BF%BD%EF%BF%BD%EF%BF%BD"));
}

TEST(input_at_the_limit_parses_and_one_past_it_does_not)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_URL_MAX + 1);
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;

    CHECK(slv_buf_reserve(&text, SLV_URL_MAX + 1) == SLV_OK);
    memset(text.ptr, 'a', SLV_URL_MAX + 1);
    memcpy(text.ptr, "x:", 2);
    text.len = SLV_URL_MAX;
    CHECK(slv_url_parse(slv_buf_view(&text), NULL, &url) == SLV_OK);
    CHECK_INT(url.href.len, SLV_URL_MAX);
    text.len = SLV_URL_MAX + 1;
    CHECK(slv_url_parse(slv_buf_view(&text), NULL, &url) == SLV_E_LIMIT);
    CHECK_INT(url.href.len, SLV_URL_MAX);
    CHECK(slv_url_set(&url, SLV_URL_HASH, SLV_STR("x")) == SLV_E_LIMIT);
}

TEST(connection_port_is_the_given_or_that_of_the_scheme)
{
    PARSE(a, "https://a/");
    PARSE(b, "ws://a:81/");
    PARSE(c, "foo://a/");
    CHECK_INT(slv_url_port_number(&a), 443);
    CHECK_INT(slv_url_port_number(&b), 81);
    CHECK_INT(slv_url_port_number(&c), 0);
}

TEST(form_encoding_round_trips)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);
    SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(1000);

    CHECK(slv_form_encode(SLV_STR("a b+c&%20=~*-._\xc3\xbc"), &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("a+b%2Bc%26%2520%3D%7E*-._%C3%BC"));
    CHECK(slv_form_decode(slv_buf_view(&out), &back) == SLV_OK);
    CHECK_STR(slv_buf_view(&back), SLV_STR("a b+c&%20=~*-._\xc3\xbc"));
    slv_buf_reset(&back);
    CHECK(slv_form_decode(SLV_STR("%zz%4%41%"), &back) == SLV_OK);
    CHECK_STR(slv_buf_view(&back), SLV_STR("%zz%4A%"));
}

/* Whatever parses must parse again to itself, part by part. */
TEST(serialisation_is_stable_for_random_input)
{
    static const char alphabet[] = "ahttps:/\\?#@.%2eC|[]: \t\xc3\xbc";
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int i = 0; i < 20000; i++) {
        SLV_CLEANUP(slv_url_done) slv_url one = SLV_URL_INIT;
        SLV_CLEANUP(slv_url_done) slv_url two = SLV_URL_INIT;
        char text[24] = "file://http://foo:a://";
        size_t n = (size_t)slv_prng_below(&prng, 18);
        size_t start = slv_prng_below(&prng, 2) ? (size_t)slv_prng_below(&prng, 17) : 0;

        for (size_t j = 0; j < n; j++)
            text[SLV_MIN(start + j, sizeof text - 1)] =
                alphabet[slv_prng_below(&prng, sizeof alphabet - 1)];
        if (slv_url_parse(slv_str_make(text, sizeof text), NULL, &one) != SLV_OK)
            continue;
        CHECK(slv_url_parse(slv_buf_view(&one.href), NULL, &two) == SLV_OK);
        CHECK_STR(slv_buf_view(&two.href), slv_buf_view(&one.href));
        CHECK(memcmp(&one.at, &two.at, sizeof one.at) == 0);
    }
}

TAP_MAIN()
