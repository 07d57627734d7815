/* mime_test.c - MIME types, base64 and data: URLs against the web-platform-tests. */
#include "base/utf8.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/mime.h"
#include "fmt/url.h"
#include "support/vectors.h"

static bool type_passes(const slv_node *v)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_str input = slv_node_str(slv_node_get(v, "input"));
    slv_node *want = slv_node_get(v, "output");
    slv_mime mime;
    slv_code code = slv_mime_parse(input, &arena, &mime);

    if (code == SLV_OK)
        SLV_ASSERT(slv_mime_write(&mime, &out) == SLV_OK);
    bool same = slv_node_is(want, SLV_NODE_STRING)
                    ? code == SLV_OK && slv_str_eq(slv_buf_view(&out), want->text)
                    : code == SLV_E_PARSE;
    if (!same)
        tap_note("\"%.*s\": \"%.*s\", expected \"%.*s\"", SLV_STR_ARGS(input),
                 SLV_STR_ARGS(slv_buf_view(&out)), SLV_STR_ARGS(slv_node_str(want)));
    return same;
}

static void run_types(const char *file)
{
    int ran = 0, failed = 0;

    LOAD(root, file);
    for (slv_node *v = root->first; v; v = v->next) {
        if (v->type != SLV_NODE_OBJECT)
            continue;
        ran++;
        failed += !type_passes(v);
    }
    tap_note("%s: %d vectors", file, ran);
    CHECK(ran > 0);
    CHECK_INT(failed, 0);
}

TEST(mime_types_parse_and_serialise)
{
    run_types("wpt-fetch/mime-types.json");
    run_types("wpt-fetch/generated-mime-types.json");
}

TEST(repeated_content_types_combine)
{
    int failed = 0;

    LOAD(root, "wpt-fetch/content-types.json");
    for (slv_node *v = root->first; v; v = v->next) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf joined = SLV_BUF(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
        slv_node *lines = slv_node_get(v, "contentType");
        slv_str want = slv_node_str(slv_node_get(v, "mimeType"));
        slv_mime mime;

        if (v->type != SLV_NODE_OBJECT)
            continue;
        CHECK(lines);
        for (slv_node *line = lines->first; line; line = line->next)
            CHECK(slv_buf_printf(&joined, "%s%.*s", line == lines->first ? "" : ", ",
                                 SLV_STR_ARGS(slv_node_str(line))) == SLV_OK);
        if (slv_mime_extract(slv_buf_view(&joined), &arena, &mime) == SLV_OK)
            CHECK(slv_mime_write(&mime, &out) == SLV_OK);
        if (!slv_str_eq(slv_buf_view(&out), want)) {
            tap_note("%.*s: \"%.*s\", expected \"%.*s\"", SLV_STR_ARGS(slv_buf_view(&joined)),
                     SLV_STR_ARGS(slv_buf_view(&out)), SLV_STR_ARGS(want));
            failed++;
        }
    }
    CHECK_INT(failed, 0);
}

/* True when the array of numbers is what bytes holds. */
static bool bytes_are(slv_str bytes, const slv_node *array)
{
    size_t i = 0;

    for (slv_node *n = array->first; n; n = n->next, i++) {
        int64_t value;

        if (i >= bytes.len || !slv_node_i64(n, &value) || (unsigned char)bytes.ptr[i] != value)
            return false;
    }
    return i == bytes.len;
}

TEST(forgiving_base64_forgives_what_the_standard_says)
{
    int failed = 0;

    LOAD(root, "wpt-fetch/base64.json");
    for (slv_node *v = root->first; v; v = v->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
        slv_node *want = v->first->next;
        slv_code code = slv_base64_decode_forgiving(slv_node_str(v->first), &out);

        if (want->type == SLV_NODE_ARRAY ? code != SLV_OK || !bytes_are(slv_buf_view(&out), want)
                                         : code != SLV_E_PARSE) {
            tap_note("\"%.*s\"", SLV_STR_ARGS(slv_node_str(v->first)));
            failed++;
        }
    }
    CHECK_INT(failed, 0);
}

static bool data_url_passes(const slv_node *v)
{
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    SLV_CLEANUP(slv_buf_done) slv_buf type = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(1 << 20);
    slv_node *want_type = v->first->next;

    if (slv_url_parse(slv_node_str(v->first), NULL, &url) != SLV_OK)
        return want_type->type == SLV_NODE_NULL;
    slv_code code = slv_data_url_parse(slv_buf_view(&url.href), &type, &body);
    if (want_type->type == SLV_NODE_NULL)
        return code == SLV_E_PARSE;
    return code == SLV_OK && slv_str_eq(slv_buf_view(&type), want_type->text) &&
           bytes_are(slv_buf_view(&body), want_type->next);
}

TEST(data_urls_give_their_type_and_bytes)
{
    int failed = 0;

    LOAD(root, "wpt-fetch/data-urls.json");
    for (slv_node *v = root->first; v; v = v->next) {
        if (data_url_passes(v))
            continue;
        tap_note("%.*s", SLV_STR_ARGS(slv_node_str(v->first)));
        failed++;
    }
    CHECK_INT(failed, 0);
}

TEST(base64_round_trips_in_every_mode)
{
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int i = 0; i < 3000; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1000);
        SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(1000);
        slv_base64_mode mode = (slv_base64_mode)slv_prng_below(&prng, 3);
        char bytes[40];
        size_t n = (size_t)slv_prng_below(&prng, sizeof bytes);

        for (size_t j = 0; j < n; j++)
            bytes[j] = (char)slv_prng_next(&prng);
        CHECK(slv_base64_encode(slv_str_make(bytes, n), mode, &text) == SLV_OK);
        CHECK(slv_base64_decode(slv_buf_view(&text), mode, &back) == SLV_OK);
        CHECK_STR(slv_buf_view(&back), slv_str_make(bytes, n));
    }
}

TEST(strict_base64_refuses_what_forgiving_takes)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);

    CHECK(slv_base64_decode(SLV_STR("YQ"), SLV_BASE64_STD, &out) == SLV_E_PARSE);
    CHECK(slv_base64_decode(SLV_STR("YR=="), SLV_BASE64_STD, &out) == SLV_E_PARSE);
    CHECK(slv_base64_decode(SLV_STR("Y Q=="), SLV_BASE64_STD, &out) == SLV_E_PARSE);
    CHECK(slv_base64_decode(SLV_STR("-_8"), SLV_BASE64_STD, &out) == SLV_E_PARSE);
    CHECK(slv_base64_decode(SLV_STR("+/8"), SLV_BASE64_URL, &out) == SLV_E_PARSE);
    CHECK(slv_base64_decode(SLV_STR("YQ=="), SLV_BASE64_URL, &out) == SLV_E_PARSE);
    CHECK(slv_base64_decode(SLV_STR("Y==="), SLV_BASE64_STD, &out) == SLV_E_PARSE);
    CHECK_INT(out.len, 0);
    CHECK(slv_base64_decode(SLV_STR("-_8"), SLV_BASE64_URL, &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("\xfb\xff"));
}

TEST(parameters_past_the_limit_are_ignored)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 16);
    slv_mime mime;

    CHECK(slv_buf_append(&text, SLV_STR("a/b")) == SLV_OK);
    for (int i = 0; i <= SLV_MIME_PARAMS_MAX; i++)
        CHECK(slv_buf_printf(&text, ";p%d=1", i) == SLV_OK);
    CHECK(slv_mime_parse(slv_buf_view(&text), &arena, &mime) == SLV_OK);
    CHECK_INT(mime.n_params, SLV_MIME_PARAMS_MAX);
    CHECK(slv_mime_get(&mime, SLV_STR("p63")).ptr);
    CHECK(!slv_mime_get(&mime, SLV_STR("p64")).ptr);
    CHECK(slv_mime_set(&mime, SLV_STR("x"), SLV_STR("y")) == SLV_E_LIMIT);
    CHECK(slv_mime_set(&mime, SLV_STR("p0"), SLV_STR("y")) == SLV_OK);
}

TEST(a_type_longer_than_the_limit_is_refused)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_MIME_MAX + 1);
    slv_mime mime;

    CHECK(slv_buf_reserve(&text, SLV_MIME_MAX + 1) == SLV_OK);
    memset(text.ptr, 'a', SLV_MIME_MAX + 1);
    text.ptr[1] = '/';
    text.len = SLV_MIME_MAX;
    CHECK(slv_mime_parse(slv_buf_view(&text), &arena, &mime) == SLV_OK);
    text.len++;
    CHECK(slv_mime_parse(slv_buf_view(&text), &arena, &mime) == SLV_E_LIMIT);
}

TAP_MAIN()
