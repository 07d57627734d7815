/* pages_rules_test.c - _routes.json, the functions directory, bodies that come in pieces, merges.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "assets/routes.h"
#include "base/mem.h"
#include "bundle/functions.h"
#include "fmt/json.h"
#include "fmt/json_merge.h"
#include "fmt/jsonpush.h"
#include "fmt/multipart.h"
#include "support/tap.h"

/* ---- _routes.json ---- */

TEST(rules_match_as_the_platform_does)
{
    static const struct {
        const char *rule, *path;
        bool match;
    } cases[] = {
        {"/*", "/", true},          {"/*", "/a/b", true},         {"/", "/", true},
        {"/", "/a", false},         {"/foo", "/foo", true},       {"/foo", "/foo/", true},
        {"/foo", "/foo/a", false},  {"/foo/", "/foo", true},      {"/foo/", "/foo/", true},
        {"/foo/*", "/foo", true},   {"/foo/*", "/foo/a/b", true}, {"/foo/*", "/foobar", false},
        {"/foo*", "/foobar", true}, {"/*.js", "/a/b.js", true},   {"/*.js", "/a/bxjs", false},
        {"/a/*/c", "/a/b/c", true}, {"/a/*/c", "/a/b/d", false},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        slv_str rule = slv_str_from(cases[i].rule);
        const slv_routes r = {.include = &rule, .include_count = 1};

        if (slv_routes_match(&r, slv_str_from(cases[i].path)) != cases[i].match)
            tap_note("%s %s", cases[i].rule, cases[i].path);
        CHECK(slv_routes_match(&r, slv_str_from(cases[i].path)) == cases[i].match);
    }
}

static slv_code parse(const char *text, slv_routes *ret, slv_arena *arena)
{
    slv_err err = {0};

    return slv_routes_parse(slv_str_from(text), arena, ret, &err);
}

TEST(exclusions_win)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_routes r;

    CHECK(parse("{\"version\":1,\"include\":[\"/*\"],\"exclude\":[\"/static/*\"]}", &r, &arena) ==
          SLV_OK);
    CHECK(slv_routes_match(&r, SLV_STR("/a")) && !slv_routes_match(&r, SLV_STR("/static/a")));
    CHECK(parse("", &r, &arena) == SLV_OK && slv_routes_match(&r, SLV_STR("/static/a")));
}

TEST(bad_files_of_rules_are_refused)
{
    static const char *const bad[] = {
        "[]",
        "{\"version\":2,\"include\":[\"/*\"],\"exclude\":[]}",
        "{\"version\":1,\"include\":[],\"exclude\":[]}",
        "{\"version\":1,\"include\":[\"a\"],\"exclude\":[]}",
        "{\"version\":1,\"include\":[1],\"exclude\":[]}",
        "{\"version\":1,\"include\":[\"/*\"]}",
        "{\"version\":1,\"include\":[\"/a/*\",\"/a/b\"],\"exclude\":[]}",
    };
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_routes r;

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++)
        CHECK(parse(bad[i], &r, &arena) == SLV_E_PARSE);
}

TEST(a_hundred_rules_of_a_hundred_characters_and_no_more)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);

    for (unsigned extra = 0; extra < 2; extra++) {
        SLV_CLEANUP(slv_buf_done) slv_buf many = SLV_BUF(1 << 16), wide = SLV_BUF(1 << 16);
        slv_routes r;

        CHECK(slv_buf_append(&many, SLV_STR("{\"version\":1,\"exclude\":[],\"include\":[\"/x\"")) ==
              SLV_OK);
        for (unsigned i = 1; i < SLV_ROUTES_RULES_MAX + extra; i++)
            CHECK(slv_buf_printf(&many, ",\"/%u\"", i) == SLV_OK);
        CHECK(slv_buf_append(&many, SLV_STR("]}")) == SLV_OK && slv_buf_cstr(&many));
        CHECK(parse(many.ptr, &r, &arena) == (extra ? SLV_E_PARSE : SLV_OK));
        CHECK(slv_buf_printf(&wide, "{\"version\":1,\"exclude\":[],\"include\":[\"/%0*d\"]}",
                             (int)(SLV_ROUTES_RULE_MAX - 1 + extra), 0) == SLV_OK &&
              slv_buf_cstr(&wide));
        CHECK(parse(wide.ptr, &r, &arena) == (extra ? SLV_E_PARSE : SLV_OK));
    }
}

/* ---- the functions directory ---- */

static bool put(const char *dir, const char *name, const char *text)
{
    char path[512];
    FILE *f;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return false;
    f = fopen(path, "w");
    return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

static bool folder(char *out, const char *dir, const char *name)
{
    return snprintf(out, 400, "%s/%s", dir, name) < 400 && mkdir(out, 0700) == 0;
}

static const slv_function *named(const slv_functions *f, const char *relative)
{
    for (size_t i = 0; i < f->count; i++)
        if (slv_str_is(f->items[i].relative, relative))
            return &f->items[i];
    return NULL;
}

#define HANDLER "export const onRequest = () => new Response();"

TEST(a_files_place_is_its_route)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf routes = SLV_BUF(1 << 16), entry = SLV_BUF(1 << 20);
    char dir[400], api[400], user[400];
    slv_functions f;
    const slv_function *one;
    slv_err err = {0};

    CHECK(folder(dir, tap_tmpdir(), "functions") && folder(api, dir, "api") &&
          folder(user, api, "[user]"));
    CHECK(put(dir, "index.js", HANDLER) && put(api, "_middleware.ts", HANDLER) &&
          put(user, "[[rest]].tsx", HANDLER) && put(api, "util.js", "export const x = 1;") &&
          put(api, "types.d.ts", "export declare const onRequest: 1;") &&
          put(api, "notes.txt", "onRequest"));
    CHECK(slv_functions_scan(dir, &arena, &f, &err) == SLV_OK);
    CHECK(f.count == 3);
    one = named(&f, "index.js");
    CHECK(one && slv_str_is(one->route, "/") && slv_str_is(one->mount, "/") && !one->middleware);
    one = named(&f, "api/_middleware.ts");
    CHECK(one && slv_str_is(one->route, "/api") && slv_str_is(one->mount, "/api") &&
          one->middleware);
    one = named(&f, "api/[user]/[[rest]].tsx");
    CHECK(one && slv_str_is(one->route, "/api/:user/:rest*") &&
          slv_str_is(one->mount, "/api/:user"));
    CHECK(slv_functions_routes(&f, &routes) == SLV_OK);
    CHECK(slv_str_eq(slv_buf_view(&routes),
                     SLV_STR("{\"version\":1,\"description\":\"Generated by selvage\","
                             "\"include\":[\"/\",\"/api/*\"],\"exclude\":[]}")));
    CHECK(slv_functions_entry(&f, SLV_STR("ASSETS"), &entry) == SLV_OK);
    CHECK(slv_str_find(slv_buf_view(&entry), SLV_STR("[\"/api/:user/:rest*\",\"/api/:user\","),
                       0) != SIZE_MAX);
}

TEST(a_parameter_with_a_bad_name_is_refused)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    char dir[400];
    slv_functions f;
    slv_err err = {0};

    CHECK(folder(dir, tap_tmpdir(), "bad") && put(dir, "[a-b].js", HANDLER));
    CHECK(slv_functions_scan(dir, &arena, &f, &err) == SLV_E_INVAL);
    CHECK(strstr(err.message, "[a-b]"));
    CHECK(slv_functions_scan("/nowhere/at/all", &arena, &f, &err) == SLV_E_NOTFOUND);
}

/* ---- bodies in pieces ---- */

typedef struct told {
    slv_buf text;
} told;

static slv_code on_begin(void *arg, const slv_multipart_part *part, slv_err *err)
{
    (void)err;
    return slv_buf_printf(&((told *)arg)->text, "<%.*s|%.*s|%.*s>", SLV_STR_ARGS(part->name),
                          SLV_STR_ARGS(part->filename), SLV_STR_ARGS(part->type));
}

static slv_code on_data(void *arg, slv_str bytes, slv_err *err)
{
    (void)err;
    return slv_buf_append(&((told *)arg)->text, bytes);
}

static slv_code on_end(void *arg, slv_err *err)
{
    (void)err;
    return slv_buf_append(&((told *)arg)->text, SLV_STR("</>"));
}

static const slv_multipart_ops form_ops = {on_begin, on_data, on_end};

static const char form[] =
    "--B\r\nContent-Disposition: form-data; name=\"a%22\"; filename=\"f\"\r\n"
    "Content-Type: text/css\r\n\r\none\r\n--\r\n-B\r\n--B\r\n\r\n\r\n--B\r\n"
    "content-disposition: form-data; name=\"e\"\r\n\r\n\r\n--B--\r\nrest";
static const char form_told[] = "<a\"|f|text/css>one\r\n--\r\n-B</><||></><e||></>";

TEST(a_form_reads_the_same_for_any_split_of_its_bytes)
{
    for (size_t step = 1; step < sizeof form; step++) {
        told t = {SLV_BUF(1 << 16)};
        slv_multipart m;
        slv_err err = {0};
        slv_str rest = slv_str_make(form, sizeof form - 1);
        slv_code code = slv_multipart_init(&m, SLV_STR("B"), &form_ops, &t, &err);

        while (code == SLV_OK && rest.len > 0) {
            code = slv_multipart_add(&m, slv_str_sub(rest, 0, step), &err);
            rest = slv_str_skip(rest, step);
        }
        if (code == SLV_OK)
            code = slv_multipart_end(&m, &err);
        bool same = slv_str_is(slv_buf_view(&t.text), form_told);
        slv_multipart_done(&m);
        slv_buf_done(&t.text);
        CHECK(code == SLV_OK && same);
    }
}

TEST(a_form_reads_the_same_in_place)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_str body = slv_str_make(form, sizeof form - 1);
    slv_multipart_part part;
    size_t at = 0;

    CHECK(slv_str_is(slv_multipart_sniff(body), "B"));
    CHECK(slv_multipart_next(body, SLV_STR("B"), &at, &arena, &part));
    CHECK(slv_str_is(part.name, "a\"") && slv_str_is(part.body, "one\r\n--\r\n-B"));
    CHECK(slv_multipart_next(body, SLV_STR("B"), &at, &arena, &part));
    CHECK(!part.name.ptr && part.body.len == 0);
    CHECK(slv_multipart_next(body, SLV_STR("B"), &at, &arena, &part));
    CHECK(slv_str_is(part.name, "e") && part.body.len == 0);
    CHECK(!slv_multipart_next(body, SLV_STR("B"), &at, &arena, &part) && at != SIZE_MAX);
}

TEST(a_form_that_is_cut_off_is_refused)
{
    for (size_t n = 0; n + 9 < sizeof form; n++) {
        told t = {SLV_BUF(1 << 16)};
        slv_multipart m;
        slv_err err = {0};
        slv_code code = slv_multipart_init(&m, SLV_STR("B"), &form_ops, &t, &err);

        if (code == SLV_OK)
            code = slv_multipart_add(&m, slv_str_make(form, n), &err);
        if (code == SLV_OK)
            code = slv_multipart_end(&m, &err);
        slv_multipart_done(&m);
        slv_buf_done(&t.text);
        CHECK(code == SLV_E_PARSE);
    }
}

static slv_code js_open(void *arg, bool array, slv_err *err)
{
    (void)err;
    return slv_buf_append_byte(&((told *)arg)->text, array ? '[' : '{');
}

static slv_code js_close(void *arg, bool array, slv_err *err)
{
    (void)err;
    return slv_buf_append_byte(&((told *)arg)->text, array ? ']' : '}');
}

static slv_code js_name(void *arg, slv_str name, slv_err *err)
{
    (void)err;
    return slv_buf_printf(&((told *)arg)->text, "%.*s:", SLV_STR_ARGS(name));
}

static slv_code js_text(void *arg, slv_str piece, bool last, slv_err *err)
{
    (void)err;
    return slv_buf_printf(&((told *)arg)->text, "%.*s%s", SLV_STR_ARGS(piece), last ? "'" : "");
}

static slv_code js_literal(void *arg, slv_str text, slv_err *err)
{
    (void)err;
    return slv_buf_printf(&((told *)arg)->text, "%.*s;", SLV_STR_ARGS(text));
}

static const slv_jsonpush_ops js_ops = {js_open, js_close, js_name, js_text, js_literal};

static slv_code push(const char *text, size_t step, slv_buf *out)
{
    told t = {*out};
    slv_jsonpush p;
    slv_err err = {0};
    slv_str rest = slv_str_from(text);
    slv_code code = SLV_OK;

    slv_jsonpush_init(&p, &js_ops, &t);
    while (code == SLV_OK && rest.len > 0) {
        code = slv_jsonpush_add(&p, slv_str_sub(rest, 0, step), &err);
        rest = slv_str_skip(rest, step);
    }
    if (code == SLV_OK)
        code = slv_jsonpush_end(&p, &err);
    *out = t.text;
    return code;
}

TEST(json_reads_the_same_for_any_split_of_its_bytes)
{
    static const char text[] = " [ {\"k\\u0065y\": \"a\\n\\/\\ud83d\\ude00\\ud800x\", "
                               "\"n\":-1.5e+3 ,\"l\":[true,null,0]},{}, [] ] ";

    for (size_t step = 1; step < sizeof text; step++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);

        CHECK(push(text, step, &out) == SLV_OK);
        CHECK(
            slv_str_is(slv_buf_view(&out),
                       "[{key:a\n/\xF0\x9F\x98\x80\xEF\xBF\xBDx'n:-1.5e+3;l:[true;null;0;]}{}[]]"));
    }
}

TEST(what_is_no_json_is_refused)
{
    static const char *const bad[] = {
        "",      "[",     "{",     "[1,]",          "{\"a\"}",    "{\"a\":}",
        "[01]",  "[1.]",  "[tru]", "[\"\n\"]",      "[\"\\x\"]",  "[1]]",
        "{a:1}", "[1 2]", "\"a",   "[\"\\u00g0\"]", "{\"a\":1,}", "-"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);

        if (push(bad[i], 1, &out) == SLV_OK)
            tap_note("%s", bad[i]);
        slv_buf_reset(&out);
        CHECK(push(bad[i], 1, &out) == SLV_E_PARSE);
    }
}

TEST(json_has_so_many_levels_and_no_more)
{
    char text[2 * SLV_JSONPUSH_DEPTH + 8];

    for (int extra = 0; extra < 2; extra++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);
        int n = SLV_JSONPUSH_DEPTH + extra;

        memset(text, '[', (size_t)n);
        memset(text + n, ']', (size_t)n);
        text[2 * n] = '\0';
        CHECK(push(text, 5, &out) == (extra ? SLV_E_LIMIT : SLV_OK));
    }
}

/* ---- merges ---- */

TEST(a_merge_patch_changes_adds_and_deletes)
{
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":\"foo\"}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":1}", "[\"c\"]", "[\"c\"]"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);
        slv_node *target, *patch, *merged;

        CHECK(slv_json_parse(slv_str_from(cases[i][0]), SLV_JSON_STRICT, &arena, &target, NULL) ==
              SLV_OK);
        CHECK(slv_json_parse(slv_str_from(cases[i][1]), SLV_JSON_STRICT, &arena, &patch, NULL) ==
              SLV_OK);
        CHECK(slv_json_merge(target, patch, &arena, &merged) == SLV_OK);
        CHECK(slv_json_put(&out, merged) == SLV_OK);
        CHECK(slv_str_is(slv_buf_view(&out), cases[i][2]));
    }
}

TAP_MAIN()
