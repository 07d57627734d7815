/* Traces as others see them: what is hidden, filters of tail, kept logs, metrics, OTLP. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "edge/trace_int.h"
#include "fmt/json.h"
#include "fmt/redact.h"
#include "sight/sight_int.h"
#include "support/tap.h"

/* ---- what is hidden ---- */

static bool url_becomes(const char *url, const char *wanted)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);
    bool changed;

    return slv_redact_url(slv_str_from(url), &out, &changed) == SLV_OK &&
           slv_str_is(slv_buf_view(&out), wanted) && changed == (strcmp(url, wanted) != 0);
}

TEST(urls_lose_what_looks_like_a_key)
{
    CHECK(url_becomes("", ""));
    CHECK(url_becomes("https://domain/path?a=1&b=2", "https://domain/path?a=1&b=2"));
    CHECK(url_becomes("https://d/0123456789abcdef0123456789abcdef/x", "https://d/REDACTED/x"));
    CHECK(url_becomes("https://d/0123456789ABCDEF-0123456789abcdef_", "https://d/REDACTED"));
    CHECK(url_becomes("https://d/?k=abcDEF123ghiJKL456mno&x=1", "https://d/?k=REDACTED&x=1"));
}

TEST(keys_are_hidden_from_their_shortest_on)
{
    CHECK(url_becomes("/0123456789abcdef0123456789abcde", "/0123456789abcdef0123456789abcde"));
    CHECK(url_becomes("/0123456789abcdef0123456789abcdef", "/REDACTED"));
    CHECK(url_becomes("/aaAA11aaaaaaaaaaaaaa", "/aaAA11aaaaaaaaaaaaaa")); /* 20 */
    CHECK(url_becomes("/aaAA11aaaaaaaaaaaaaaa", "/REDACTED"));            /* 21 */
    CHECK(url_becomes("/aaAA1aaaaaaaaaaaaaaaaaaa", "/aaAA1aaaaaaaaaaaaaaaaaaa"));
    CHECK(url_becomes("/AA11AAAAAAAAAAAAAAAAAAa", "/AA11AAAAAAAAAAAAAAAAAAa"));
}

TEST(headers_that_carry_credentials_are_known_by_their_names)
{
    static const char *const hidden[] = {
        "cookie", "Set-Cookie",      "authorization", "x-api-key",
        "X-JWT",  "my-secret-thing", "access-token2", "proxy-authenticate"};
    static const char *const shown[] = {"accept", "cookies", "user-agent", "host", "x-jw", ""};

    for (size_t i = 0; i < SLV_ARRAY_LEN(hidden); i++)
        CHECK(slv_redact_header(slv_str_from(hidden[i])));
    for (size_t i = 0; i < SLV_ARRAY_LEN(shown); i++)
        CHECK(!slv_redact_header(slv_str_from(shown[i])));
}

/* ---- a trace ---- */

static slv_version *version_new(void)
{
    const slv_version_spec spec = {.tenant = SLV_STR("acme"),
                                   .name = SLV_STR("shop"),
                                   .id = SLV_STR("v-1"),
                                   .compatibility_date = SLV_STR("2026-01-01"),
                                   .main_name = SLV_STR("index.js"),
                                   .script = SLV_STR("return {};"),
                                   .observe = {.logs = true, .invocations = true},
                                   .limits = SLV_LIMITS_DEFAULT};
    slv_version *v = NULL;

    return slv_version_new(&spec, &v, NULL) == SLV_OK ? v : NULL;
}

static slv_trace *trace_new(void)
{
    SLV_CLEANUP(slv_version_unref) slv_version *v = version_new();
    const slv_msg_event m = {
        .kind = SLV_EVENT_FETCH,
        .fetch = {.method = SLV_STR("GET"),
                  .url = SLV_STR("https://shop.example/a?t=0123456789abcdef0123456789abcdef"),
                  .headers = SLV_STR("accept:text/html\ncookie:a=1\ncf-connecting-ip:192.0.2.1\n"
                                     "cf-ray:0123456789abcdef-DEV\n"),
                  .cf = SLV_STR("{\"colo\":\"X\"}")},
    };
    slv_trace *t = slv_trace_new(v, SLV_TRACE_WATCH | SLV_TRACE_KEEP | SLV_TRACE_EXPORT);

    t->wall_ms = 1700000000123;
    t->wall_us = 4500;
    t->cpu_us = 1500;
    t->outcome = "exception";
    slv_trace_describe(t, &m);
    t->status = 500;
    return t;
}

static void add_line(slv_trace *t, slv_console_level level, const char *values)
{
    const slv_msg_log m = {.level = level, .values = slv_str_from(values)};

    slv_trace_log_line(t, 1700000000200, &m);
}

static void add_error(slv_trace *t)
{
    slv_trace_exception(t, 1700000000300,
                        SLV_STR("{\"name\":\"TypeError\",\"message\":\"no \\\"thing\\\"\","
                                "\"stack\":\"TypeError: no\\n    at f (index.js:1:2)\"}"));
}

static slv_node *parse(slv_str text, slv_arena *arena)
{
    slv_node *root;

    return slv_json_parse(text, SLV_JSON_STRICT, arena, &root, NULL) == SLV_OK ? root : NULL;
}

TEST(a_trace_is_told_with_its_secrets_hidden)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);

    add_line(t, SLV_CONSOLE_WARN, "[\"a\",1,{\"b\":[2]}]");
    add_error(t);
    CHECK(slv_trace_put(&out, t, SLV_TRACE_FOR_TAIL) == SLV_OK);
    const slv_node *root = parse(slv_buf_view(&out), &arena);
    CHECK(root);
    const slv_node *request = slv_node_get(slv_node_get(root, "event"), "request");
    CHECK_STR(slv_node_str(slv_node_get(request, "url")),
              SLV_STR("https://shop.example/a?t=REDACTED"));
    CHECK_STR(slv_node_str(slv_node_get(slv_node_get(request, "headers"), "cookie")),
              SLV_STR("REDACTED"));
    CHECK_STR(slv_node_str(slv_node_get(slv_node_get(request, "headers"), "accept")),
              SLV_STR("text/html"));
    CHECK_STR(slv_node_str(slv_node_get(root, "outcome")), SLV_STR("exception"));
    CHECK_STR(slv_node_str(slv_node_get(root, "scriptName")), SLV_STR("shop"));
    CHECK(!slv_node_get(root, "unredacted"));
    const slv_node *error = slv_node_get(root, "exceptions")->first;
    CHECK_STR(slv_node_str(slv_node_get(error, "message")), SLV_STR("no \"thing\""));
    CHECK_STR(slv_node_str(slv_node_get(error, "stack")), SLV_STR("    at f (index.js:1:2)"));
    const slv_node *line = slv_node_get(root, "logs")->first;
    CHECK_INT(slv_node_get(line, "message")->count, 3);
    CHECK_STR(slv_node_str(slv_node_get(line, "level")), SLV_STR("warn"));
    CHECK_STR(t->ray, SLV_STR("0123456789abcdef"));
}

TEST(a_tail_worker_is_given_what_was_hidden_beside_it)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);

    CHECK(slv_trace_put(&out, t, SLV_TRACE_FOR_ITEM) == SLV_OK);
    const slv_node *root = parse(slv_buf_view(&out), &arena);
    CHECK(root);
    const slv_node *raw = slv_node_get(root, "unredacted");
    CHECK_STR(slv_node_str(slv_node_get(slv_node_get(raw, "headers"), "cookie")), SLV_STR("a=1"));
    CHECK_STR(slv_node_str(slv_node_get(raw, "url")),
              SLV_STR("https://shop.example/a?t=0123456789abcdef0123456789abcdef"));
}

TEST(a_trace_keeps_1023_lines_and_says_that_there_were_more)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();

    for (int i = 0; i < 1023; i++)
        add_line(t, SLV_CONSOLE_LOG, "[1]");
    CHECK_INT(t->logs.count, 1023);
    CHECK(!t->truncated);
    add_line(t, SLV_CONSOLE_LOG, "[1]");
    CHECK_INT(t->logs.count, 1023);
    CHECK(t->truncated);
}

TEST(a_trace_holds_256_kib)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    size_t left = SLV_TRACE_MAX - t->used;

    CHECK(slv_buf_append(&text, SLV_STR("[\"")) == SLV_OK);
    while (text.len < left - 2)
        CHECK(slv_buf_append_byte(&text, 'x') == SLV_OK);
    CHECK(slv_buf_append(&text, SLV_STR("\"]")) == SLV_OK);
    CHECK_INT(text.len, left);
    add_line(t, SLV_CONSOLE_LOG, slv_buf_cstr(&text));
    CHECK_INT(t->logs.count, 1);
    CHECK(!t->truncated);
    add_line(t, SLV_CONSOLE_LOG, "[]");
    CHECK_INT(t->logs.count, 1);
    CHECK(t->truncated);
}

/* ---- trace context ---- */

TEST(traceparent_is_read_strictly_and_written_back)
{
    static const char *const bad[] = {
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    };
    slv_trace_context c = {0};
    char text[SLV_TRACEPARENT_LEN + 1];

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++)
        CHECK(!slv_traceparent_parse(slv_str_from(bad[i]), &c));
    CHECK(slv_traceparent_parse(SLV_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
                                &c));
    CHECK(c.parent == 0xb7ad6b7169203331 && c.high == 0x0af7651916cd43dd && c.unsampled);
    CHECK(slv_traceparent_parse(
        SLV_STR("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"), &c));
    c.span = 0x1234;
    slv_traceparent_write(&c, text);
    CHECK_STR(slv_str_from(text),
              SLV_STR("00-0af7651916cd43dd8448eb211c80319c-0000000000001234-01"));
}

/* ---- filters ---- */

static slv_code read_filters(const char *json, slv_arena *arena, slv_filters *ret, slv_err *err)
{
    slv_node *root;

    if (slv_json_parse(slv_str_from(json), SLV_JSON_STRICT, arena, &root, err) != SLV_OK)
        return SLV_E_PARSE;
    return slv_filters_read(root, SLV_STR("192.0.2.1"), arena, ret, err);
}

static bool passes(const char *json, const slv_trace *t)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_filters f;

    return read_filters(json, &arena, &f, NULL) == SLV_OK && slv_filters_pass(&f, t);
}

TEST(filters_pass_what_fits_all_of_them)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();

    add_line(t, SLV_CONSOLE_LOG, "[\"hello \\\"you\\\"\",{\"n\":5}]");
    CHECK(passes("[]", t));
    CHECK(passes("null", t));
    CHECK(passes("[{\"outcome\":[\"ok\",\"exception\"]}]", t));
    CHECK(!passes("[{\"outcome\":[\"ok\"]}]", t));
    CHECK(!passes("[{\"outcome\":[]}]", t));
    CHECK(passes("[{\"method\":[\"get\",\"POST\"]}]", t));
    CHECK(!passes("[{\"method\":[\"POST\"]}]", t));
    CHECK(passes("[{\"header\":{\"key\":\"Accept\"}}]", t));
    CHECK(passes("[{\"header\":{\"key\":\"accept\",\"query\":\"html\"}}]", t));
    CHECK(!passes("[{\"header\":{\"key\":\"accept\",\"query\":\"json\"}}]", t));
    CHECK(!passes("[{\"header\":{\"key\":\"x-none\"}}]", t));
    CHECK(passes("[{\"client_ip\":[\"self\"]}]", t));
    CHECK(passes("[{\"client_ip\":[\"198.51.100.1\",\"192.0.2.1\"]}]", t));
    CHECK(!passes("[{\"client_ip\":[\"198.51.100.1\"]}]", t));
    CHECK(passes("[{\"query\":\"hello\"}]", t));
    CHECK(passes("[{\"query\":\"\\\"you\\\"\"}]", t));
    CHECK(!passes("[{\"query\":\"hello\"},{\"method\":[\"POST\"]}]", t));
    CHECK(!passes("[{\"query\":\"bye\"}]", t));
    CHECK(passes("[{\"scriptVersion\":\"v-1\"}]", t));
    CHECK(!passes("[{\"script_version\":\"v-2\"}]", t));
    t->outcome = "loadShed";
    CHECK(passes("[{\"outcome\":[\"unknown\"]}]", t));
}

TEST(filters_that_are_none_are_named)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    static const struct {
        const char *json, *word;
    } rows[] = {
        {"{}", "filters"},
        {"[1]", "object"},
        {"[{\"nope\":1}]", "nope"},
        {"[{\"sampling_rate\":2}]", "sampling_rate"},
        {"[{\"sampling_rate\":\"x\"}]", "sampling_rate"},
        {"[{\"outcome\":\"ok\"}]", "outcome"},
        {"[{\"method\":[1]}]", "method"},
        {"[{\"header\":{\"query\":\"x\"}}]", "header"},
        {"[{\"query\":[]}]", "query"},
        {"[{\"scriptVersion\":1}]", "scriptVersion"},
    };
    slv_filters f;
    slv_err err;

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        CHECK(read_filters(rows[i].json, &arena, &f, &err) == SLV_E_INVAL);
        CHECK(slv_str_find(slv_str_from(slv_err_text(&err)), slv_str_from(rows[i].word), 0) !=
              SIZE_MAX);
    }
    CHECK(read_filters("[{\"sampling_rate\":0.5},{\"sampling_rate\":0.5}]", &arena, &f, &err) ==
          SLV_OK);
    CHECK(f.rate > 0.249 && f.rate < 0.251);
}

TEST(fifty_filters_are_allowed_and_no_more)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 16);
    slv_filters f;

    for (int n = SLV_FILTERS_MAX; n <= SLV_FILTERS_MAX + 1; n++) {
        slv_buf_reset(&json);
        for (int i = 0; i < n; i++)
            CHECK(slv_buf_printf(&json, "%c{\"query\":\"a\"}", i ? ',' : '[') == SLV_OK);
        CHECK(slv_buf_append_byte(&json, ']') == SLV_OK);
        CHECK((read_filters(slv_buf_cstr(&json), &arena, &f, NULL) == SLV_OK) ==
              (n == SLV_FILTERS_MAX));
    }
}

/* ---- kept logs ---- */

static size_t count_files(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static size_t found(const char *dir, const slv_keep_query *q)
{
    slv_kept kept = {0};
    size_t n = slv_keep_search(dir, q, &kept, NULL) == SLV_OK ? kept.count : SIZE_MAX;

    slv_kept_done(&kept);
    return n;
}

static const char *fresh_dir(void)
{
    static char path[512];

    (void)snprintf(path, sizeof path, "%s/logs-XXXXXX", tap_tmpdir());
    return mkdtemp(path);
}

TEST(kept_lines_are_found_by_what_they_say)
{
    SLV_CLEANUP(slv_keep_close) slv_keep *keep = NULL;
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();
    SLV_CLEANUP(slv_buf_done) slv_buf lines = SLV_BUF((size_t)1 << 20);
    const char *dir = fresh_dir();

    add_line(t, SLV_CONSOLE_DEBUG, "[\"small\"]");
    add_line(t, SLV_CONSOLE_ERROR, "[\"large\",{\"a\":\"b\"}]");
    add_error(t);
    CHECK(slv_sight_put_entries(&lines, t) == SLV_OK);
    CHECK(slv_keep_open(dir, 7, 0, &keep, NULL) == SLV_OK);
    CHECK(slv_keep_append(keep, slv_buf_view(&lines), 1700000000400, NULL) == SLV_OK);

    CHECK_INT(found(dir, &(slv_keep_query){0}), 4);
    CHECK_INT(found(dir, &(slv_keep_query){.level = 4}), 3);
    CHECK_INT(found(dir, &(slv_keep_query){.type = SLV_STR("exception")}), 1);
    CHECK_INT(found(dir, &(slv_keep_query){.search = SLV_STR("\"a\":\"b\"")}), 0);
    CHECK_INT(found(dir, &(slv_keep_query){.search = SLV_STR("large")}), 1);
    CHECK_INT(found(dir, &(slv_keep_query){.worker = SLV_STR("other")}), 0);
    CHECK_INT(found(dir, &(slv_keep_query){.worker = SLV_STR("shop"), .event = SLV_STR("fetch")}),
              4);
    CHECK_INT(found(dir, &(slv_keep_query){.request = SLV_STR("0123456789abcdef")}), 4);
    CHECK_INT(found(dir, &(slv_keep_query){.since_ms = 1700000000201}), 1);
    CHECK_INT(found(dir, &(slv_keep_query){.until_ms = 1700000000200}), 1);
    CHECK_INT(found(dir, &(slv_keep_query){.limit = 2}), 2);
}

TEST(half_a_line_is_not_read)
{
    SLV_CLEANUP(slv_keep_close) slv_keep *keep = NULL;
    const char *dir = fresh_dir();
    const slv_keep_query all = {0};

    CHECK(slv_keep_open(dir, 7, 0, &keep, NULL) == SLV_OK);
    CHECK(slv_keep_append(keep,
                          SLV_STR("{\"timestamp\":5,\"level\":\"log\"}\n{\"timestamp\":6,\"lev"),
                          10, NULL) == SLV_OK);
    CHECK_INT(found(dir, &all), 1);
    keep = slv_keep_close(keep); /* and another run does not go on behind it */
    CHECK(slv_keep_open(dir, 7, 0, &keep, NULL) == SLV_OK);
    CHECK(slv_keep_append(keep, SLV_STR("{\"timestamp\":7,\"level\":\"log\"}\n"), 20, NULL) ==
          SLV_OK);
    CHECK_INT(found(dir, &all), 2);
    CHECK_INT(count_files(dir), 2);
}

TEST(logs_are_a_ring_by_bytes_and_by_days)
{
    SLV_CLEANUP(slv_keep_close) slv_keep *keep = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF((size_t)8 << 20);
    const char *dir = fresh_dir();
    int64_t now = 1700000000000, day = 86400000;

    CHECK(slv_buf_append(&big, SLV_STR("{\"timestamp\":1,\"level\":\"log\",\"x\":\"")) == SLV_OK);
    while (big.len < SLV_KEEP_SEGMENT_BYTES)
        CHECK(slv_buf_append(&big, SLV_STR("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")) == SLV_OK);
    CHECK(slv_buf_append(&big, SLV_STR("\"}\n")) == SLV_OK);
    CHECK(slv_keep_open(dir, 7, 3 * SLV_KEEP_SEGMENT_BYTES, &keep, NULL) == SLV_OK);
    for (int i = 0; i < 6; i++)
        CHECK(slv_keep_append(keep, slv_buf_view(&big), now + i, NULL) == SLV_OK);
    CHECK(count_files(dir) <= 4);
    CHECK(slv_keep_append(keep, SLV_STR("{\"timestamp\":2,\"level\":\"log\"}\n"), now + 9 * day,
                          NULL) == SLV_OK);
    CHECK(slv_keep_append(keep, SLV_STR("{\"timestamp\":2,\"level\":\"log\"}\n"), now + 11 * day,
                          NULL) == SLV_OK);
    CHECK_INT(count_files(dir), 2);
    CHECK_INT(found(dir, &(slv_keep_query){.since_ms = 2}), 2);
}

/* ---- metrics ---- */

/* name{label="value",...} number: the grammar of the text format, version 0.0.4. */
static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static bool read_name(slv_str *s, slv_str *ret)
{
    size_t n = 0;

    while (n < s->len && name_char(s->ptr[n], n == 0))
        n++;
    *ret = slv_str_sub(*s, 0, n);
    *s = slv_str_skip(*s, n);
    return n > 0;
}

static bool read_labels(slv_str *s)
{
    slv_str name;

    *s = slv_str_skip(*s, 1);
    while (s->len > 0 && s->ptr[0] != '}') {
        if (!read_name(s, &name) || !slv_str_starts(*s, SLV_STR("=\"")))
            return false;
        *s = slv_str_skip(*s, 2);
        while (s->len > 0 && s->ptr[0] != '"') {
            if (s->ptr[0] == '\\' && (s->len < 2 || !strchr("\\\"n", s->ptr[1])))
                return false;
            *s = slv_str_skip(*s, s->ptr[0] == '\\' ? 2 : 1);
        }
        *s = slv_str_skip(*s, 1);
        if (s->len > 0 && s->ptr[0] == ',')
            *s = slv_str_skip(*s, 1);
    }
    if (s->len == 0)
        return false;
    *s = slv_str_skip(*s, 1);
    return true;
}

static bool valid_sample(slv_str line, slv_str family)
{
    slv_str name;
    char number[64], *end;

    if (!read_name(&line, &name) || !slv_str_starts(name, family))
        return false;
    if (line.len > 0 && line.ptr[0] == '{' && !read_labels(&line))
        return false;
    if (line.len < 2 || line.ptr[0] != ' ' || line.len > sizeof number)
        return false;
    memcpy(number, line.ptr + 1, line.len - 1);
    number[line.len - 1] = '\0';
    (void)strtod(number, &end);
    return *end == '\0';
}

static bool first_of(slv_buf *known, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf one = SLV_BUF(1000);

    return slv_buf_printf(&one, "\n%.*s\n", SLV_STR_ARGS(name)) == SLV_OK &&
           slv_str_find(slv_buf_view(known), slv_buf_view(&one), 0) == SIZE_MAX &&
           slv_buf_append(known, slv_buf_view(&one)) == SLV_OK;
}

static bool valid_exposition(slv_str text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf known = SLV_BUF((size_t)1 << 16);
    slv_str line, family = SLV_STR("?"), helped = SLV_STR("?");

    if (!slv_str_ends(text, SLV_STR("\n")))
        return false;
    while (slv_str_split(&text, '\n', &line)) {
        if (line.len == 0)
            continue;
        if (slv_str_starts(line, SLV_STR("# HELP "))) {
            slv_str rest = slv_str_skip(line, 7);

            if (!read_name(&rest, &helped) || !slv_str_starts(rest, SLV_STR(" ")))
                return false;
            continue;
        }
        if (slv_str_starts(line, SLV_STR("# TYPE "))) {
            slv_str rest = slv_str_skip(line, 7);

            if (!read_name(&rest, &family) ||
                !(slv_str_is(rest, " counter") || slv_str_is(rest, " gauge") ||
                  slv_str_is(rest, " histogram")))
                return false;
            /* each family once, and its help just before */
            if (!slv_str_eq(helped, family) || !first_of(&known, family))
                return false;
        } else if (line.ptr[0] != '#' && !valid_sample(line, family)) {
            tap_note("%.*s", SLV_STR_ARGS(line));
            return false;
        }
    }
    return true;
}

static bool has(slv_str text, const char *part)
{
    return slv_str_find(text, slv_str_from(part), 0) != SIZE_MAX;
}

TEST(metrics_are_written_in_prometheus_format)
{
    slv_worker_figures w = {.tenant = SLV_STR("ac\"me"), .name = SLV_STR("sh\\op\n")};
    slv_figures f = {.workers = &w, .worker_count = 1};
    slv_queue_figures q = {.tenant = SLV_STR("t"),
                           .name = SLV_STR("or\"ders"),
                           .messages = 12,
                           .bytes = 3000,
                           .oldest_ms = 1700000000500};
    const slv_metrics_more more = {
        .tails = 2,
        .began_ms = 1700000000000,
        .state = {.count = 2,
                  .kinds = {{.kind = "kv", .buckets = {1, 2}, .sync_us = 1500}, {.kind = "r2"}}}};
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);

    w.kinds[SLV_TRACED_FETCH] = 3;
    w.outcomes[SLV_FIGURE_OK] = 3;
    w.ops[SLV_FIGURE_OP_KV] = 7;
    w.wall.buckets[0] = 1;
    w.wall.buckets[SLV_FIGURE_BUCKETS - 1] = 2;
    w.wall.count = 3;
    w.wall.sum_us = 1500000;
    f.ops[SLV_FIGURE_OP_KV] = w.wall;
    f.queues = &q;
    f.queue_count = 1;
    w.rows_read = 40;
    w.isolates = 2;
    w.isolate_bytes = 5000000;
    CHECK(slv_metrics_put(&out, &f, &more) == SLV_OK);
    slv_str text = slv_buf_view(&out);
    CHECK(valid_exposition(text));
    CHECK(has(text, "selvage_events_total{account=\"ac\\\"me\",worker=\"sh\\\\op\\n\","
                    "kind=\"fetch\"} 3\n"));
    CHECK(has(text, "selvage_event_wall_seconds_bucket{account=\"ac\\\"me\",worker=\"sh\\\\op\\n\","
                    "le=\"0.0001\"} 1\n"));
    CHECK(has(text, "le=\"+Inf\"} 3\n"));
    CHECK(has(text, "selvage_event_wall_seconds_sum{account=\"ac\\\"me\",worker=\"sh\\\\op\\n\"} "
                    "1.5\n"));
    CHECK(has(text, "selvage_tail_sessions 2\n"));
    CHECK(has(text, "selvage_commit_seconds_bucket{store=\"kv\",le=\"0.0005\"} 3\n"));
    CHECK(has(text, "selvage_commit_seconds_bucket{store=\"kv\",le=\"+Inf\"} 3\n"));
    CHECK(has(text, "selvage_commit_seconds_sum{store=\"kv\"} 0.0015\n"));
    CHECK(has(text, "selvage_commit_seconds_count{store=\"r2\"} 0\n"));
    CHECK(has(text, "selvage_queue_backlog_messages{account=\"t\",queue=\"or\\\"ders\"} 12\n"));
    CHECK(has(text, "selvage_queue_oldest_message_timestamp_seconds{account=\"t\",queue=\"or\\"
                    "\"ders\"} 1700000000.5\n"));
    CHECK(has(text, "selvage_d1_rows_read_total{account=\"ac\\\"me\",worker=\"sh\\\\op\\n\"} "
                    "40\n"));
    CHECK(has(text, "selvage_worker_memory_bytes{account=\"ac\\\"me\",worker=\"sh\\\\op\\n\"} "
                    "5000000\n"));
}

TEST(workers_beyond_the_bound_are_one)
{
    slv_worker_figures w[4] = {{.name = SLV_STR("a")},
                               {.name = SLV_STR("b")},
                               {.name = SLV_STR("c")},
                               {.name = SLV_STR("d")}};
    slv_figures f = {.workers = w, .worker_count = 4};

    for (size_t i = 0; i < 4; i++)
        w[i].subrequests = i + 1;
    slv_figures_limit(&f, 2);
    CHECK_INT(f.worker_count, 3);
    CHECK_STR(w[1].name, SLV_STR("b"));
    CHECK_INT(w[2].name.len, 0);
    CHECK_INT(w[2].subrequests, 7);
}

/* ---- OTLP ---- */

TEST(spans_are_otlp_json)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_trace_span *s = slv_trace_begin_span(t, "kv", SLV_STR("CACHE"), SLV_STR("ns\"1"));

    CHECK(s);
    s->op = 16;
    s->id = 0xabc;
    s->start_us = 1000;
    s->time_us = 250;
    t->context = (slv_trace_context){.high = 1, .low = 2, .span = 3, .parent = 4};
    add_error(t);
    CHECK(slv_buf_append_byte(&out, '[') == SLV_OK);
    CHECK(slv_otlp_put_spans(&out, t) == SLV_OK);
    CHECK(slv_buf_append_byte(&out, ']') == SLV_OK);
    const slv_node *list = parse(slv_buf_view(&out), &arena);
    CHECK(list && list->count == 2);
    const slv_node *root = list->first, *op = root->next;
    CHECK_STR(slv_node_str(slv_node_get(root, "traceId")),
              SLV_STR("00000000000000010000000000000002"));
    CHECK_STR(slv_node_str(slv_node_get(root, "parentSpanId")), SLV_STR("0000000000000004"));
    CHECK_STR(slv_node_str(slv_node_get(root, "startTimeUnixNano")),
              SLV_STR("1700000000123000000"));
    CHECK_STR(slv_node_str(slv_node_get(root, "endTimeUnixNano")), SLV_STR("1700000000127500000"));
    CHECK_STR(slv_node_str(slv_node_get(op, "name")), SLV_STR("kv_get"));
    CHECK_STR(slv_node_str(slv_node_get(op, "parentSpanId")), SLV_STR("0000000000000003"));
    CHECK_STR(slv_node_str(slv_node_get(op, "spanId")), SLV_STR("0000000000000abc"));
    CHECK(has(slv_buf_view(&out), "\"db.system.name\",\"value\":{\"stringValue\":"
                                  "\"cloudflare-kv\"}"));
    CHECK(!has(slv_buf_view(&out), "0123456789abcdef0123456789abcdef"));
}

TEST(log_records_are_otlp_json)
{
    SLV_CLEANUP(slv_trace_unref) slv_trace *t = trace_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);

    add_line(t, SLV_CONSOLE_WARN, "[\"careful\"]");
    add_error(t);
    CHECK(slv_buf_append_byte(&out, '[') == SLV_OK);
    CHECK(slv_otlp_put_records(&out, t) == SLV_OK);
    CHECK(slv_buf_append_byte(&out, ']') == SLV_OK);
    const slv_node *list = parse(slv_buf_view(&out), &arena);
    CHECK(list && list->count == 2);
    CHECK_STR(slv_node_str(slv_node_get(list->first, "severityText")), SLV_STR("WARN"));
    CHECK_STR(slv_node_str(slv_node_get(slv_node_get(list->first, "body"), "stringValue")),
              SLV_STR("[\"careful\"]"));
    CHECK_STR(slv_node_str(slv_node_get(list->last, "severityText")), SLV_STR("ERROR"));
    CHECK(has(slv_buf_view(&out), "exception.stacktrace"));
}

/* ---- observability in a configuration ---- */

TEST(settings_say_who_is_told)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_node *root =
        parse(SLV_STR("{\"t\":[{\"service\":\"a\"},{\"service\":\"b\","
                      "\"environment\":\"prod\"},{}],\"o\":{\"enabled\":true,"
                      "\"head_sampling_rate\":0.5,\"logs\":{\"invocation_logs\":false},"
                      "\"traces\":{\"enabled\":true,\"head_sampling_rate\":0.1}}}"),
              &arena);
    slv_observe o;

    CHECK(slv_observe_read(slv_node_get(root, "t"), slv_node_get(root, "o"), &arena, &o) == SLV_OK);
    CHECK_INT(o.tail_count, 2);
    CHECK_STR(o.tails[0], SLV_STR("a"));
    CHECK_STR(o.tails[1], SLV_STR("b-prod"));
    CHECK(o.logs && o.traces && !o.invocations);
    CHECK(o.log_rate == 0.5 && o.trace_rate == 0.1);
    CHECK(slv_observe_read(NULL, NULL, &arena, &o) == SLV_OK);
    CHECK(o.tail_count == 0 && !o.logs && !o.traces && o.log_rate == 1);
}

TAP_MAIN()
