/* Rules of the files beside assets, and which file a path means. */
#include <stdio.h>
#include <sys/stat.h>

#include "assets/assets_int.h"
#include "assets/ignore.h"
#include "support/tap.h"

/* ---- patterns ---- */

static bool matches(const char *rule, const char *text, slv_str *splat)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 16);
    slv_pattern p;
    slv_pattern_match m;

    if (slv_pattern_parse(slv_str_from(rule), &arena, &p) != SLV_OK ||
        !slv_pattern_run(&p, slv_str_from(text), &m))
        return false;
    for (size_t i = 0; splat && i < p.count; i++)
        if (p.parts[i].kind == SLV_PATTERN_SPLAT)
            *splat = m.values[i];
    return true;
}

TEST(patterns_match_as_the_platform_does)
{
    slv_str splat = SLV_STR_NULL;

    CHECK(matches("/a", "/a", NULL) && !matches("/a", "/ab", NULL));
    CHECK(matches("/a/*", "/a/", &splat) && splat.len == 0);
    CHECK(matches("/a/*/z", "/a/b/c/z", &splat));
    CHECK_STR(splat, SLV_STR("b/c"));
    CHECK(matches("/:x/b", "/a/b", NULL) && !matches("/:x/b", "//b", NULL));
    CHECK(!matches("/:x", "/a/b", NULL));
    CHECK(matches("/:x-:y", "/a-b-c", NULL));
    CHECK(matches("https://:sub.example.com/*", "https://a.example.com/b", NULL));
    CHECK(!matches("https://:sub.example.com/*", "https://a.b.example.com/c", NULL));
    CHECK(!matches("/*/*", "/a/b", NULL) && !matches("/:x/:x", "/a/a", NULL)); /* no patterns */
}

TEST(a_pattern_that_needs_too_many_steps_matches_nothing)
{
    SLV_CLEANUP(slv_buf_done) slv_buf rule = SLV_BUF(4096);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);

    for (int i = 0; i < 12; i++)
        CHECK(slv_buf_printf(&rule, "%s:n%d", i ? "a" : "/", i) == SLV_OK);
    CHECK(slv_buf_append(&rule, SLV_STR("!")) == SLV_OK);
    CHECK(slv_buf_append_byte(&text, '/') == SLV_OK);
    for (int i = 0; i < 400; i++)
        CHECK(slv_buf_append_byte(&text, 'a') == SLV_OK);
    CHECK(!matches(slv_buf_cstr(&rule), slv_buf_cstr(&text), NULL));
}

/* ---- .assetsignore ---- */

static bool ignored(const char *rules, const char *path, bool folder)
{
    slv_ignore ig = {.rules = {0}};

    slv_ignore_add(&ig, slv_str_from(rules));
    bool has = slv_ignore_has(&ig, slv_str_from(path), folder);
    slv_ignore_done(&ig);
    return has;
}

TEST(ignore_patterns_are_those_of_git)
{
    CHECK(ignored("*.bak", "a/b/x.bak", false) && !ignored("*.bak", "x.baku", false));
    CHECK(ignored("/x", "x", false) && !ignored("/x", "a/x", false));
    CHECK(ignored("a/b", "a/b", false) && !ignored("a/b", "c/a/b", false));
    CHECK(ignored("x/", "a/x", true) && !ignored("x/", "a/x", false));
    CHECK(ignored("**/x", "x", false) && ignored("**/x", "a/b/x", false));
    CHECK(ignored("a/**/b", "a/b", false) && ignored("a/**/b", "a/x/y/b", false));
    CHECK(!ignored("a/**/b", "a/xb", false));
    CHECK(ignored("a/**", "a/b/c", false) && !ignored("a/**", "b/c", false));
    CHECK(ignored("*\n!k*", "a", false) && !ignored("*\n!k*", "keep", false));
    CHECK(ignored("[a-c].t?t", "b.txt", false) && !ignored("[!a-c].txt", "b.txt", false));
    CHECK(ignored("\\#x", "#x", false) && ignored("\\!x", "!x", false));
    CHECK(!ignored("# x\n\n", "# x", false) && ignored("x  \r\n", "x", false));
}

TEST(ignore_lines_have_a_length_at_most)
{
    SLV_CLEANUP(slv_buf_done) slv_buf line = SLV_BUF(4096);

    for (size_t i = 0; i < SLV_IGNORE_LINE_MAX; i++)
        CHECK(slv_buf_append_byte(&line, 'a') == SLV_OK);
    const char *at = slv_buf_cstr(&line);
    CHECK(ignored(at, at, false));
    CHECK(slv_buf_append_byte(&line, 'a') == SLV_OK);
    const char *past = slv_buf_cstr(&line);
    CHECK(!ignored(past, past, false));
}

/* ---- _redirects ---- */

typedef struct parsed {
    slv_arena arena;
    slv_redirects r;
    slv_buf warnings, to;
} parsed;

static void parsed_done(parsed *p)
{
    slv_redirects_done(&p->r);
    slv_arena_done(&p->arena);
    slv_buf_done(&p->warnings);
    slv_buf_done(&p->to);
}
SLV_DEFINE_CLEANUP_DONE(parsed, parsed_done);

static parsed parse(const char *text)
{
    parsed p = {.arena = SLV_ARENA(8 << 20), .warnings = SLV_BUF(8 << 20), .to = SLV_BUF(1 << 20)};

    if (slv_redirects_parse(slv_str_from(text), true, &p.arena, &p.r, &p.warnings) != SLV_OK)
        p.r.dynamic = SIZE_MAX;
    return p;
}

/* "STATUS TO", or "none". */
static const char *leads(parsed *p, const char *path)
{
    static char text[1024];
    const slv_redirect *rule = slv_redirects_find(&p->r, slv_str_from(path), &p->to);

    snprintf(text, sizeof text, "%d %.*s", rule ? rule->status : 0,
             SLV_STR_ARGS(slv_buf_view(&p->to)));
    return rule ? text : "none";
}

#define LEADS(p, path, want) CHECK_STR(slv_str_from(leads(p, path)), slv_str_from(want))

TEST(redirects_follow_the_first_rule)
{
    SLV_CLEANUP(parsed_done)
    parsed p = parse(
        "# c\n/a /b\n/x https://e.com/y 301 # why\n/s/* /t/:splat 307\n"
        "/u/:id/p/:slug /u-:id-:slug\n/late /static\n/s/late /never\n/ü /ö\n/l/* //e.com/:splat\n");

    CHECK(p.warnings.len == 0);
    LEADS(&p, "/a", "302 /b");
    LEADS(&p, "/x", "301 https://e.com/y");
    LEADS(&p, "/s/1/2", "307 /t/1/2");
    LEADS(&p, "/u/7/p/q", "302 /u-7-q");
    LEADS(&p, "/late", "302 /static");
    LEADS(&p, "/s/late", "307 /t/late"); /* it stands above */
    LEADS(&p, "/%C3%BC", "302 /%C3%B6");
    LEADS(&p, "/l/x", "302 /e.com/x"); /* no way out of the site */
    LEADS(&p, "/none", "none");
}

TEST(redirects_that_are_none_are_named)
{
    static const struct {
        const char *line, *why;
    } bad[] = {{"/a", "got 1 word"},
               {"/a /b 301 x", "got 4 words"},
               {"/a /b 200x", "valid status"},
               {"/a /b 404", "valid status"},
               {"https://x.com/a /b", "only relative"},
               {"/a b", "begin with a slash"},
               {"/* /index.html", "infinite loop"},
               {"/ /index", "infinite loop"},
               {"/a https://x.com/ 200", "only point to relative"},
               {"/a/*/* /b", "one \"*\""}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        SLV_CLEANUP(parsed_done) parsed p = parse(bad[i].line);

        if (p.r.rules.len != 0 ||
            slv_str_find(slv_buf_view(&p.warnings), slv_str_from(bad[i].why), 0) == SIZE_MAX ||
            !slv_str_starts(slv_buf_view(&p.warnings), SLV_STR("_redirects:1: "))) {
            tap_failed(__FILE__, __LINE__, "%s: %s", bad[i].line, slv_buf_cstr(&p.warnings));
            return;
        }
    }
    SLV_CLEANUP(parsed_done) parsed twice = parse("/a /b\n/a /c");
    CHECK(twice.r.rules.len == 1 && twice.warnings.len > 0);
}

TEST(redirects_are_so_many_at_most)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);

    for (int i = 0; i <= SLV_REDIRECTS_STATIC_MAX; i++)
        CHECK(slv_buf_printf(&text, "/s%d /t\n", i) == SLV_OK);
    for (int i = 0; i <= SLV_REDIRECTS_DYNAMIC_MAX; i++)
        CHECK(slv_buf_printf(&text, "/d%d/* /t\n", i) == SLV_OK);
    SLV_CLEANUP(parsed_done) parsed p = parse(slv_buf_cstr(&text));
    CHECK_INT(p.r.rules.len, SLV_REDIRECTS_STATIC_MAX + SLV_REDIRECTS_DYNAMIC_MAX);
    CHECK(slv_str_find(slv_buf_view(&p.warnings), SLV_STR("2000 static"), 0) != SIZE_MAX);
    CHECK(slv_str_find(slv_buf_view(&p.warnings), SLV_STR("100 dynamic"), 0) != SIZE_MAX);
    LEADS(&p, "/d99/x", "302 /t");
    LEADS(&p, "/d100/x", "none");
}

TEST(lines_are_so_long_at_most)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 16);

    CHECK(slv_buf_append(&text, SLV_STR("/a /")) == SLV_OK);
    while (text.len < 2000)
        CHECK(slv_buf_append_byte(&text, 'b') == SLV_OK);
    SLV_CLEANUP(parsed_done) parsed at = parse(slv_buf_cstr(&text));
    CHECK(at.r.rules.len == 1 && at.warnings.len == 0);
    CHECK(slv_buf_append_byte(&text, 'b') == SLV_OK);
    SLV_CLEANUP(parsed_done) parsed past = parse(slv_buf_cstr(&text));
    CHECK(past.r.rules.len == 0 && past.warnings.len > 0);
}

/* ---- _headers ---- */

/* "name: value|..." of what a path gets that has "etag: e". */
static const char *fields_of(const char *rules, const char *host, const char *path)
{
    static char text[1024];
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(1 << 20);
    slv_header_rules r = {.rules = {0}};
    slv_header_list list = {0};
    size_t at = 0;

    text[0] = '\0';
    slv_vec_push(&list, ((slv_header_field){SLV_STR("etag"), SLV_STR("e")}));
    if (slv_header_rules_parse(slv_str_from(rules), &arena, &r, &warnings) == SLV_OK &&
        slv_header_rules_apply(&r, slv_str_from(host), slv_str_from(path), &list, &arena) == SLV_OK)
        for (size_t i = 0; i < list.len; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%.*s: %.*s|",
                                   SLV_STR_ARGS(list.items[i].name),
                                   SLV_STR_ARGS(list.items[i].value));
    if (warnings.len > 0)
        snprintf(text + at, sizeof text - at, "%.*s", SLV_STR_ARGS(slv_buf_view(&warnings)));
    slv_header_rules_done(&r);
    slv_vec_done(&list);
    return text;
}

#define FIELDS(rules, path, want)                                                                  \
    CHECK_STR(slv_str_from(fields_of(rules, "h.com", path)), slv_str_from(want))

TEST(headers_of_every_rule_that_matches_apply_in_order)
{
    FIELDS("/a\n  X: 1\n  x: 2\n/*\n  X: 3\n", "/a", "etag: e|x: 1, 2, 3|");
    FIELDS("/a\n  ETag: mine\n", "/a", "etag: mine|");
    FIELDS("/*\n  ! etag\n", "/a", "");
    FIELDS("/*\n  X: 1\n/a\n  ! x\n", "/a", "etag: e|");
    FIELDS("/:p/*\n  X: :p and :splat\n", "/q/r/s", "etag: e|x: q and r/s|");
    FIELDS("https://h.com/a\n  X: 1\nhttps://other.com/a\n  X: 2\n", "/a", "etag: e|x: 1|");
    FIELDS("/*\n  Set-Cookie: a=1\n/a\n  Set-Cookie: b=2\n", "/a",
           "etag: e|set-cookie: a=1|set-cookie: b=2|");
    FIELDS("/a\n  X: 1\n/a\n  Y: 2\n", "/a", "etag: e|y: 2|"); /* the later one for a path counts */
}

TEST(headers_that_are_none_are_named)
{
    FIELDS("  X: 1\n", "/", "etag: e|_headers:1: a path should come before headers | X: 1\n");
    FIELDS("/a\n  X Y: 1\n  Z: 1\n", "/b",
           "etag: e|_headers:2: a header's name cannot include spaces | X Y: 1\n");
    FIELDS("/a\n", "/a", "etag: e|_headers:1: no headers specified | /a\n");
    FIELDS("https://h.com:80/a\n  X: 1\n", "/a",
           "etag: e|_headers:1: specifying ports is not supported | https://h.com:80/a\n"
           "_headers:2: a path should come before headers | X: 1\n");
    FIELDS("/a\n  X:\n  Y: \x01\n  Z: 1\n", "/b",
           "etag: e|_headers:2: no header value specified | X:\n"
           "_headers:3: the header's value has control characters | Y: \x01\n");
}

/* ---- which file ---- */

static slv_assets *set_of(slv_html_handling html, slv_not_found_handling not_found)
{
    static const char *const names[] = {
        "/index.html",      "/about.html", "/blog/index.html", "/both.html",
        "/both/index.html", "/404.html",   "/deep/404.html",   "/bin",
        "/sp ace.html"};
    const slv_assets_config config = {.html = html, .not_found = not_found, .has_worker = false};
    slv_assets *a = slv_assets_new(&config);

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        slv_asset asset = {.path = slv_str_from(names[i]), .file = SLV_STR("x")};

        snprintf(asset.etag, sizeof asset.etag, "%032zu", i);
        if (slv_assets_add(a, &asset) != SLV_OK)
            return slv_assets_unref(a);
    }
    return a;
}

/* "STATUS location-or-file". */
static const char *answer(const slv_assets *a, const char *method, const char *path)
{
    static char text[512];
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(1 << 16);
    char url[300];
    slv_assets_answer r;

    snprintf(url, sizeof url, "http://h.com%s", path);
    const slv_assets_request q = {.method = slv_str_from(method), .url = slv_str_from(url)};
    if (slv_assets_answer_to(a, &q, &headers, &r) != SLV_OK)
        return "failed";
    slv_str to = r.headers;
    if (slv_str_starts(to, SLV_STR("location:")))
        to = slv_str_sub(to, 9, to.len - 1);
    else
        to = r.asset ? r.asset->path : SLV_STR("-");
    snprintf(text, sizeof text, "%d %.*s", r.status, SLV_STR_ARGS(to));
    return text;
}

#define ANSWER(a, path, want) CHECK_STR(slv_str_from(answer(a, "GET", path)), slv_str_from(want))

TEST(html_handling_finds_files_and_redirects_to_their_own_path)
{
    SLV_CLEANUP(slv_assets_unref)
    slv_assets *a = set_of(SLV_HTML_AUTO_TRAILING_SLASH, SLV_NOT_FOUND_NONE);
    SLV_CLEANUP(slv_assets_unref)
    slv_assets *force = set_of(SLV_HTML_FORCE_TRAILING_SLASH, SLV_NOT_FOUND_NONE);
    SLV_CLEANUP(slv_assets_unref)
    slv_assets *drop = set_of(SLV_HTML_DROP_TRAILING_SLASH, SLV_NOT_FOUND_NONE);
    SLV_CLEANUP(slv_assets_unref) slv_assets *none = set_of(SLV_HTML_NONE, SLV_NOT_FOUND_NONE);

    ANSWER(a, "/", "200 /index.html");
    ANSWER(a, "/index.html?q", "307 /?q");
    ANSWER(a, "/about", "200 /about.html");
    ANSWER(a, "/about/", "307 /about");
    ANSWER(a, "/blog", "307 /blog/");
    ANSWER(a, "/both", "200 /both.html");
    ANSWER(a, "/both/", "200 /both/index.html");
    ANSWER(a, "/sp%20ace", "200 /sp ace.html");
    ANSWER(a, "/sp%20ace.html", "307 /sp%20ace");
    ANSWER(a, "//about", "307 /about");
    ANSWER(a, "/%61bout", "307 /about");
    ANSWER(a, "/nothing", "404 -");
    ANSWER(force, "/about", "307 /about/");
    ANSWER(force, "/about/", "200 /about.html");
    ANSWER(force, "/both.html", "200 /both.html");
    ANSWER(drop, "/blog/", "307 /blog");
    ANSWER(drop, "/blog", "200 /blog/index.html");
    ANSWER(drop, "/", "200 /index.html");
    ANSWER(none, "/about", "404 -");
    ANSWER(none, "/", "404 -");
    CHECK_STR(slv_str_from(answer(a, "POST", "/bin")), SLV_STR("405 -"));
    CHECK_STR(slv_str_from(answer(a, "HEAD", "/bin")), SLV_STR("200 /bin"));
}

TEST(not_found_handling_walks_up_or_serves_the_page)
{
    SLV_CLEANUP(slv_assets_unref)
    slv_assets *page = set_of(SLV_HTML_AUTO_TRAILING_SLASH, SLV_NOT_FOUND_404_PAGE);
    SLV_CLEANUP(slv_assets_unref)
    slv_assets *spa = set_of(SLV_HTML_AUTO_TRAILING_SLASH, SLV_NOT_FOUND_SINGLE_PAGE);

    ANSWER(page, "/deep/er/x", "404 /deep/404.html");
    ANSWER(page, "/x/y", "404 /404.html");
    ANSWER(spa, "/any/thing", "200 /index.html");
    CHECK_STR(slv_str_from(answer(spa, "POST", "/any")), SLV_STR("405 -"));
}

/* ---- run_worker_first ---- */

static slv_code check(const slv_str *rules, size_t n)
{
    const slv_assets_config c = {.worker_rules = rules, .worker_rule_count = n};

    return slv_assets_check(&c, NULL);
}

TEST(worker_first_rules_are_checked)
{
    char long_rule[103] = "/";
    slv_str many[101];
    char text[101][8];
    const slv_str good[] = {SLV_STR("/api/*"), SLV_STR("!/api/x")}, bare[] = {SLV_STR("api")};
    const slv_str negative[] = {SLV_STR("!/a")}, same[] = {SLV_STR("/a"), SLV_STR("/a")};
    const slv_str covered[] = {SLV_STR("/a/*"), SLV_STR("/a/b")};

    for (int i = 0; i < 101; i++) {
        snprintf(text[i], sizeof text[i], "/%03d", i);
        many[i] = slv_str_from(text[i]);
    }
    CHECK_INT(check(good, 2), SLV_OK);
    CHECK_INT(check(bare, 1), SLV_E_PARSE);
    CHECK_INT(check(negative, 1), SLV_E_PARSE);
    CHECK_INT(check(same, 2), SLV_E_PARSE);
    CHECK_INT(check(covered, 2), SLV_E_PARSE);
    CHECK_INT(check(many, 100), SLV_OK);
    CHECK_INT(check(many, 101), SLV_E_PARSE);
    memset(long_rule + 1, 'a', 100);
    const slv_str at = slv_str_make(long_rule, 100), past = slv_str_make(long_rule, 101);
    CHECK_INT(check(&at, 1), SLV_OK);
    CHECK_INT(check(&past, 1), SLV_E_PARSE);
}

/* ---- directories ---- */

static bool put_file(const char *dir, const char *name, size_t size)
{
    char path[8192];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (!f)
        return false;
    bool ok = size == 0 || (fseek(f, (long)size - 1, SEEK_SET) == 0 && fputc('x', f) == 'x');
    return fclose(f) == 0 && ok;
}

TEST(a_file_has_25_mib_at_most)
{
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(1 << 16);
    const slv_assets_config config = {.has_worker = false};
    slv_assets *a = NULL;
    char dir[4096];
    slv_err err = {0};

    snprintf(dir, sizeof dir, "%s/assets", tap_tmpdir());
    CHECK(mkdir(dir, 0700) == 0);
    CHECK(put_file(dir, "at.bin", SLV_ASSETS_FILE_MAX) && put_file(dir, "_headers", 0));
    CHECK_INT(slv_assets_scan(&config, dir, &a, &warnings, &err), SLV_OK);
    CHECK_INT(slv_assets_count(a), 1);
    CHECK_STR(slv_assets_get(a, SLV_STR("/at.bin"))->type, SLV_STR("application/octet-stream"));
    a = slv_assets_unref(a);
    CHECK(put_file(dir, "past.bin", SLV_ASSETS_FILE_MAX + 1));
    CHECK_INT(slv_assets_scan(&config, dir, &a, &warnings, &err), SLV_E_LIMIT);
    CHECK(strstr(slv_err_text(&err), "past.bin") != NULL);
    CHECK_INT(slv_assets_scan(&config, "/nonexistent-assets", &a, &warnings, &err), SLV_E_NOTFOUND);
}

TEST(types_come_from_names)
{
    CHECK_STR(slv_assets_type(SLV_STR("/a/b.HTML")), SLV_STR("text/html; charset=utf-8"));
    CHECK_STR(slv_assets_type(SLV_STR("/a.js")), SLV_STR("text/javascript; charset=utf-8"));
    CHECK_STR(slv_assets_type(SLV_STR("/a.wasm")), SLV_STR("application/wasm"));
    CHECK_STR(slv_assets_type(SLV_STR("/x.y/.html")), SLV_STR(""));
    CHECK_STR(slv_assets_type(SLV_STR("/noext")), SLV_STR(""));
}

TAP_MAIN()
