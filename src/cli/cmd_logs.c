/* selvage logs: what a server has kept of its workers' console lines, errors and events. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/rest.h"
#include "cli/term.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define QUERY_MAX ((size_t)64 << 10)

/* "1h", "30m", "2d", "90s": so long ago; a date, "2026-01-31" or "2026-01-31T12:00:00"; or
 * milliseconds since 1970. */
static bool parse_when(const char *text, int64_t now_ms, int64_t *ret)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    slv_str s = slv_str_from(text);
    struct tm tm = {0};
    uint64_t n;
    const char *end;

    for (size_t i = 0; i < SLV_ARRAY_LEN(units) && s.len > 1; i++) {
        if (s.ptr[s.len - 1] == units[i].unit &&
            slv_parse_u64(slv_str_sub(s, 0, s.len - 1), &n) == SLV_OK && n < 100000) {
            *ret = now_ms - (int64_t)n * units[i].ms;
            return true;
        }
    }
    if (slv_parse_u64(s, &n) == SLV_OK && n < (uint64_t)INT64_MAX / 2) {
        *ret = (int64_t)n;
        return true;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end) {
        tm = (struct tm){0};
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (!end || (*end && strcmp(end, "Z") != 0))
        return false;
    *ret = (int64_t)timegm(&tm) * 1000;
    return true;
}

static slv_code put_when(const slv_args *args, const char *flag, slv_buf *path, slv_err *err)
{
    const char *text = slv_args_string(args, flag);
    int64_t ms;

    if (!text)
        return SLV_OK;
    if (!parse_when(text, slv_clock_wall_ms(), &ms) || ms < 0)
        return slv_fail(err, SLV_E_INVAL,
                        "--%s is a span (90s, 30m, 1h, 2d), a date (2026-01-31, "
                        "2026-01-31T12:00:00Z) or milliseconds since 1970, not '%s'",
                        flag, text);
    return slv_buf_printf(path, "&%s=%lld", flag, (long long)ms);
}

static slv_code put_text(const slv_args *args, const char *flag, const char *name, slv_buf *path)
{
    const char *text = slv_args_string(args, flag);

    if (!text)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(path, "&%s=", name));
    return slv_rest_put_escaped(path, slv_str_from(text));
}

static slv_code put_worker(const slv_args *args, const slv_rest *rest, slv_buf *path)
{
    const slv_config *c = slv_rest_config(rest);

    if (slv_args_has(args, "worker"))
        return put_text(args, "worker", "worker", path);
    if (!c || c->name.len == 0 || slv_args_bool(args, "all", false))
        return SLV_OK;
    SLV_TRY(slv_buf_append(path, SLV_STR("&worker=")));
    return slv_rest_put_escaped(path, c->name);
}

static slv_code put_query(const slv_args *args, const slv_rest *rest, slv_buf *path, slv_err *err)
{
    uint64_t limit;

    SLV_TRY(slv_args_number(args, "limit", 1, 2000, 100, &limit, err));
    SLV_TRY(
        slv_buf_printf(path, "/workers/observability/logs?limit=%llu", (unsigned long long)limit));
    SLV_TRY(put_worker(args, rest, path));
    SLV_TRY(put_when(args, "since", path, err));
    SLV_TRY(put_when(args, "until", path, err));
    SLV_TRY(put_text(args, "level", "level", path));
    SLV_TRY(put_text(args, "search", "search", path));
    SLV_TRY(put_text(args, "event", "event", path));
    SLV_TRY(put_text(args, "type", "type", path));
    SLV_TRY(put_text(args, "outcome", "outcome", path));
    return put_text(args, "request", "request", path);
}

/* ---- showing ---- */

static void print_safe(slv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        (void)putchar(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f) ? c : '?');
    }
}

static void print_value(const slv_node *n)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)4 << 20);

    if (n->type == SLV_NODE_STRING)
        print_safe(n->text);
    else if (slv_json_put(&text, n) == SLV_OK)
        print_safe(slv_buf_view(&text));
}

static void print_message(const slv_node *message)
{
    if (!slv_node_is(message, SLV_NODE_ARRAY)) {
        if (message)
            print_value(message);
        return;
    }
    for (const slv_node *n = message->first; n; n = n->next) {
        if (n != message->first)
            printf(" ");
        print_value(n);
    }
}

static slv_color color_of(slv_str level)
{
    return slv_str_is(level, "error")  ? SLV_COLOR_RED
           : slv_str_is(level, "warn") ? SLV_COLOR_YELLOW
                                       : SLV_COLOR_RESET;
}

static void print_line(const slv_node *n)
{
    slv_str level = slv_node_str(slv_node_get(n, "level"));
    slv_str name = slv_node_str(slv_node_get(n, "name"));
    slv_str stack = slv_node_str(slv_node_get(n, "stack"));
    int64_t ms = 0;
    time_t seconds;
    struct tm tm;
    char when[64] = "";
    double took;

    (void)slv_node_i64(slv_node_get(n, "timestamp"), &ms);
    seconds = (time_t)(ms / 1000);
    if (localtime_r(&seconds, &tm))
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s%s.%03d%s ", slv_term_color(stdout, SLV_COLOR_DIM), when, (int)(ms % 1000),
           slv_term_color(stdout, SLV_COLOR_RESET));
    print_safe(slv_node_str(slv_node_get(n, "worker")));
    printf(" %s", slv_term_color(stdout, color_of(level)));
    print_safe(level);
    printf("%s ", slv_term_color(stdout, SLV_COLOR_RESET));
    if (name.len > 0) {
        print_safe(name);
        printf(": ");
    }
    print_message(slv_node_get(n, "message"));
    if (slv_node_f64(slv_node_get(n, "wallTime"), &took)) {
        printf(" - ");
        print_safe(slv_node_str(slv_node_get(n, "outcome")));
        printf(" (%.1f ms)", took);
    }
    printf("\n");
    if (stack.len > 0) {
        print_safe(stack);
        printf("\n");
    }
}

/* Oldest first, as people read. */
static void print_lines(const slv_node *list)
{
    SLV_VEC(const slv_node *) lines = {0};

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next)
        slv_vec_push(&lines, n);
    for (size_t i = lines.len; i > 0; i--)
        print_line(lines.items[i - 1]);
    slv_vec_done(&lines);
}

static slv_code run(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(QUERY_MAX);
    slv_node *lines;

    SLV_TRY(slv_rest_open_remote(args, &rest, err));
    SLV_TRY(put_query(args, rest, &path, err));
    SLV_TRY(slv_rest_json(rest, "GET", slv_buf_view(&path), SLV_STR(""), &lines, err));
    if (slv_args_bool(args, "json", false)) {
        slv_rest_print_json(stdout, lines);
        return SLV_OK;
    }
    print_lines(lines);
    if (lines && lines->count > 0) {
        const slv_node *more = slv_node_get(slv_rest_info(rest), "more");

        if (slv_node_is(more, SLV_NODE_BOOL) && more->boolean)
            fprintf(stderr, "There is more before this: --limit, --until\n");
    }
    return SLV_OK;
}

static int logs_exec(const slv_args *args)
{
    slv_err err = {0};

    return run(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag flags[] = {
    SLV_REST_FLAGS,
    {"worker", SLV_FLAG_STRING, 'w', "NAME", "lines of this worker (the configuration's)"},
    {"all", SLV_FLAG_BOOL, 0, NULL, "lines of every worker"},
    {"since", SLV_FLAG_STRING, 0, "WHEN", "from then on: 1h, 30m, 2d, 2026-01-31, ms since 1970"},
    {"until", SLV_FLAG_STRING, 0, "WHEN", "until then"},
    {"level", SLV_FLAG_STRING, 0, "LEVEL", "debug, info, log, warn or error, and what is worse"},
    {"search", SLV_FLAG_STRING, 0, "TEXT", "lines with this text"},
    {"event", SLV_FLAG_STRING, 0, "KIND", "fetch, scheduled, queue, alarm, rpc ..."},
    {"type", SLV_FLAG_STRING, 0, "TYPE", "log, exception or event"},
    {"outcome", SLV_FLAG_STRING, 0, "OUTCOME", "of events that ended so"},
    {"request", SLV_FLAG_STRING, 0, "ID", "of this request (the ray id)"},
    {"limit", SLV_FLAG_NUMBER, 'n', "N", "the newest N lines (100)"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON, newest first"},
};

const slv_cmd slv_cmd_logs_verb = {
    .name = "logs",
    .usage = "search what a server has kept of its workers' logs",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .exec = logs_exec,
};
