#include "cli/tail_follow.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "aio/signal.h"
#include "base/mem.h"
#include "cli/rest.h"
#include "cli/term.h"
#include "fmt/json.h"
#include "net/client.h"

#define MESSAGE_MAX ((size_t)32 << 20)
#define WINDOW ((size_t)1 << 20)

/* ---- filters ---- */

static slv_code next_filter(slv_buf *out, bool *first)
{
    slv_code code = *first ? SLV_OK : slv_buf_append_byte(out, ',');

    *first = false;
    return code;
}

static slv_code put_list(const slv_args *args, const char *flag, const char *key, slv_buf *out,
                         bool *first)
{
    const char *item;

    if (!slv_args_has(args, flag))
        return SLV_OK;
    SLV_TRY(next_filter(out, first));
    SLV_TRY(slv_buf_printf(out, "{\"%s\":[", key));
    for (size_t i = 0; (item = slv_args_item(args, flag, i)) != NULL; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, slv_str_from(item)));
    }
    return slv_buf_append(out, SLV_STR("]}"));
}

static slv_code put_text(const slv_args *args, const char *flag, const char *key, slv_buf *out,
                         bool *first)
{
    const char *value = slv_args_string(args, flag);

    if (!value)
        return SLV_OK;
    SLV_TRY(next_filter(out, first));
    SLV_TRY(slv_buf_printf(out, "{\"%s\":", key));
    SLV_TRY(slv_json_put_string(out, slv_str_from(value)));
    return slv_buf_append_byte(out, '}');
}

static slv_code put_statuses(const slv_args *args, slv_buf *out, bool *first, slv_err *err)
{
    static const struct {
        const char *status, *outcomes;
    } rows[] = {
        {"ok", "\"ok\""},
        {"canceled", "\"canceled\""},
        {"error", "\"exception\",\"exceededCpu\",\"exceededMemory\",\"unknown\""},
    };
    const char *item;

    if (!slv_args_has(args, "status"))
        return SLV_OK;
    SLV_TRY(next_filter(out, first));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"outcome\":[")));
    for (size_t i = 0; (item = slv_args_item(args, "status", i)) != NULL; i++) {
        size_t k = 0;

        while (k < SLV_ARRAY_LEN(rows) && strcmp(item, rows[k].status) != 0)
            k++;
        if (k == SLV_ARRAY_LEN(rows))
            return slv_fail(err, SLV_E_INVAL, "--status is ok, error or canceled, not '%s'", item);
        SLV_TRY(slv_buf_printf(out, "%s%s", i > 0 ? "," : "", rows[k].outcomes));
    }
    return slv_buf_append(out, SLV_STR("]}"));
}

static slv_code put_header(const slv_args *args, slv_buf *out, bool *first)
{
    const char *value = slv_args_string(args, "header");
    slv_str s = slv_str_from(value ? value : "");
    size_t colon = slv_str_chr(s, ':', 0);

    if (!value)
        return SLV_OK;
    SLV_TRY(next_filter(out, first));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"header\":{\"key\":")));
    SLV_TRY(slv_json_put_string(out, slv_str_trim(slv_str_sub(s, 0, colon))));
    if (colon != SIZE_MAX) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"query\":")));
        SLV_TRY(slv_json_put_string(out, slv_str_trim(slv_str_skip(s, colon + 1))));
    }
    return slv_buf_append(out, SLV_STR("}}"));
}

static slv_code put_rate(const slv_args *args, slv_buf *out, bool *first, slv_err *err)
{
    const char *value = slv_args_string(args, "sampling-rate");
    char *end;
    double rate;

    if (!value)
        return SLV_OK;
    rate = strtod(value, &end);
    if (end == value || *end || !(rate > 0) || rate >= 1)
        return slv_fail(err, SLV_E_INVAL,
                        "a sampling rate must be between 0 and 1 in order to have any effect; 0.25 "
                        "means 25%% of the events");
    SLV_TRY(next_filter(out, first));
    return slv_buf_printf(out, "{\"sampling_rate\":%.6g}", rate);
}

slv_code slv_tail_put_filters(const slv_args *args, slv_buf *out, slv_err *err)
{
    bool first = true;

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"filters\":[")));
    SLV_TRY(put_rate(args, out, &first, err));
    SLV_TRY(put_statuses(args, out, &first, err));
    SLV_TRY(put_list(args, "method", "method", out, &first));
    SLV_TRY(put_header(args, out, &first));
    SLV_TRY(put_list(args, "ip", "client_ip", out, &first));
    SLV_TRY(put_text(args, "search", "query", out, &first));
    SLV_TRY(put_text(args, "version-id", "scriptVersion", out, &first));
    return slv_buf_append(out, SLV_STR("]}"));
}

slv_code slv_tail_format(const slv_args *args, bool *ret_pretty, slv_err *err)
{
    const char *format = slv_args_string(args, "format");

    *ret_pretty = format ? strcmp(format, "pretty") == 0 : isatty(STDOUT_FILENO);
    if (format && !*ret_pretty && strcmp(format, "json") != 0)
        return slv_fail(err, SLV_E_INVAL, "--format is json or pretty, not '%s'", format);
    return SLV_OK;
}

/* ---- events ---- */

static const char *pretty_outcome(slv_str outcome)
{
    static const struct {
        const char *outcome, *text;
    } rows[] = {
        {"ok", "Ok"},
        {"canceled", "Canceled"},
        {"exception", "Exception Thrown"},
        {"exceededCpu", "Exceeded CPU Limit"},
        {"exceededMemory", "Exceeded Memory Limit"},
        {"exceededWallTime", "Exceeded Wall Time"},
        {"loadShed", "Overloaded"},
        {"responseStreamDisconnected", "Client Disconnected"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        if (slv_str_is(outcome, rows[i].outcome))
            return rows[i].text;
    }
    return "Unknown";
}

/* Nothing that moves the cursor reaches the terminal. */
static void print_safe(slv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
            (void)putchar(c);
        else
            (void)putchar('?');
    }
}

static void print_time(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64] = "";

    if (localtime_r(&seconds, &tm))
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s", text);
}

static slv_str text_of(const slv_node *n, const char *key)
{
    return slv_node_str(slv_node_get(n, key));
}

static void print_head(const slv_node *root)
{
    const slv_node *event = slv_node_get(root, "event"), *request = slv_node_get(event, "request");
    const slv_node *socket = slv_node_get(event, "getWebSocketEvent");
    int64_t size = 0;

    if (request) {
        print_safe(text_of(request, "method"));
        printf(" ");
        print_safe(text_of(request, "url"));
    } else if (slv_node_get(event, "cron")) {
        printf("\"");
        print_safe(text_of(event, "cron"));
        printf("\"");
    } else if (slv_node_get(event, "queue")) {
        (void)slv_node_i64(slv_node_get(event, "batchSize"), &size);
        printf("Queue ");
        print_safe(text_of(event, "queue"));
        printf(" (%lld message%s)", (long long)size, size == 1 ? "" : "s");
    } else if (slv_node_get(event, "rpcMethod")) {
        slv_str entrypoint = text_of(root, "entrypoint");

        print_safe(entrypoint.len > 0 ? entrypoint : SLV_STR("default"));
        printf(".");
        print_safe(text_of(event, "rpcMethod"));
    } else if (slv_node_get(event, "scheduledTime")) {
        printf("Alarm");
    } else if (socket) {
        printf("WebSocket ");
        print_safe(text_of(socket, "webSocketEventType"));
    } else if (slv_node_get(event, "mailFrom")) {
        printf("Email from:");
        print_safe(text_of(event, "mailFrom"));
        printf(" to:");
        print_safe(text_of(event, "rcptTo"));
    } else if (slv_node_get(event, "consumedEvents")) {
        printf("Tailing ");
        print_safe(text_of(slv_node_get(event, "consumedEvents")->first, "scriptName"));
    } else {
        printf("An event that never began");
    }
}

static void print_message(const slv_node *message)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(MESSAGE_MAX);

    for (const slv_node *n = message ? message->first : NULL; n; n = n->next) {
        printf(" ");
        slv_buf_reset(&text);
        if (n->type == SLV_NODE_STRING)
            print_safe(n->text);
        else if (slv_json_put(&text, n) == SLV_OK)
            print_safe(slv_buf_view(&text));
    }
    printf("\n");
}

static void print_pretty(const slv_node *root)
{
    const slv_node *event = slv_node_get(root, "event");
    const slv_node *logs = slv_node_get(root, "logs"), *errors = slv_node_get(root, "exceptions");
    int64_t ms = 0;

    if (slv_node_get(event, "type") && slv_node_get(event, "message")) {
        printf("%s", slv_term_color(stdout, SLV_COLOR_YELLOW));
        print_safe(text_of(event, "message"));
        printf("%s\n", slv_term_color(stdout, SLV_COLOR_RESET));
        return;
    }
    (void)slv_node_i64(slv_node_get(root, "eventTimestamp"), &ms);
    print_head(root);
    printf(" - %s @ ", pretty_outcome(text_of(root, "outcome")));
    print_time(ms);
    printf("\n");
    for (const slv_node *n = logs ? logs->first : NULL; n; n = n->next) {
        printf("  (");
        print_safe(text_of(n, "level"));
        printf(")");
        print_message(slv_node_get(n, "message"));
    }
    for (const slv_node *n = errors ? errors->first : NULL; n; n = n->next) {
        slv_str stack = text_of(n, "stack");

        printf("%s  ", slv_term_color(stdout, SLV_COLOR_RED));
        print_safe(text_of(n, "name"));
        printf(": ");
        print_safe(text_of(n, "message"));
        printf("%s\n", slv_term_color(stdout, SLV_COLOR_RESET));
        print_safe(stack);
        if (stack.len > 0)
            printf("\n");
    }
}

void slv_tail_print(slv_str json, bool pretty)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)256 << 20);
    slv_node *root;

    if (slv_json_parse(json, SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK)
        return;
    if (pretty)
        print_pretty(root);
    else
        slv_rest_print_json(stdout, root);
    (void)fflush(stdout);
}

/* ---- the socket ---- */

typedef struct follow {
    slv_loop *loop;
    slv_client *client;
    slv_fetch *fetch;
    slv_ws *ws;
    slv_buf message;
    bool pretty;
    slv_signal on_int, on_term;
    void (*connected)(void *arg);
    void *arg;
    slv_err *err;
    slv_code code;
} follow;

static void end(follow *f, slv_code code)
{
    f->code = code;
    slv_loop_stop(f->loop);
}

static void on_message(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    follow *f = slv_ws_user(ws);

    (void)text;
    slv_ws_credit(ws, piece.len);
    if (slv_buf_append(&f->message, piece) != SLV_OK) {
        slv_buf_reset(&f->message);
        return;
    }
    if (!fin)
        return;
    slv_tail_print(slv_buf_view(&f->message), f->pretty);
    slv_buf_reset(&f->message);
}

static void on_closed(slv_ws *ws, uint16_t code, slv_str reason)
{
    follow *f = slv_ws_user(ws);

    (void)code;
    slv_ws_abort(ws); /* there is nothing to add, and nobody waits here for the goodbyes */
    f->ws = NULL;
    fprintf(stderr, "The session has ended%s%.*s\n", reason.len > 0 ? ": " : ".",
            SLV_STR_ARGS(reason));
    end(f, SLV_OK);
}

static void on_failed(slv_ws *ws, slv_str message)
{
    follow *f = slv_ws_user(ws);

    f->ws = NULL;
    end(f, slv_fail(f->err, SLV_E_IO, "Tail disconnected, exiting: %.*s", SLV_STR_ARGS(message)));
}

static void on_ws_writable(slv_ws *ws)
{
    (void)ws;
}

static const slv_ws_handlers ws_handlers = {on_message, on_ws_writable, on_closed, on_failed};

static void on_response(slv_fetch *fetch, const slv_fetch_response *r)
{
    follow *f = slv_fetch_user(fetch);

    slv_fetch_abort(fetch);
    f->fetch = NULL;
    end(f, slv_fail(f->err, SLV_E_PROTOCOL, "the server does not open the session: status %d",
                    r->status));
}

static void on_fail(slv_fetch *fetch, slv_code code, slv_str message)
{
    follow *f = slv_fetch_user(fetch);

    f->fetch = NULL;
    end(f, slv_fail(f->err, code, "the session cannot be reached: %.*s", SLV_STR_ARGS(message)));
}

static void on_data(slv_fetch *fetch, slv_str bytes)
{
    (void)fetch;
    (void)bytes;
}

static void on_upgraded(slv_fetch *fetch, const slv_fetch_response *r, slv_ws *ws)
{
    follow *f = slv_fetch_user(fetch);

    (void)r;
    f->fetch = NULL;
    f->ws = ws;
    slv_ws_set_user(ws, f);
    slv_ws_set_handlers(ws, &ws_handlers);
    slv_ws_credit(ws, WINDOW);
    (void)slv_ws_send(ws, SLV_STR("{\"debug\":false}"), true, true);
    if (f->connected)
        f->connected(f->arg);
}

static void on_end(slv_fetch *fetch)
{
    (void)fetch;
}

static const slv_fetch_handlers handlers = {
    .response = on_response,
    .data = on_data,
    .end = on_end,
    .fail = on_fail,
    .writable = on_end,
    .upgraded = on_upgraded,
};

/* As wrangler does: the server sees the socket go, and the session with it. */
static void stop(follow *f)
{
    end(f, SLV_OK);
}

static void on_int(slv_signal *sig, int number)
{
    (void)number;
    stop(slv_container_of(sig, follow, on_int));
}

static void on_term(slv_signal *sig, int number)
{
    (void)number;
    stop(slv_container_of(sig, follow, on_term));
}

static slv_code run(follow *f, slv_str url, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf http = SLV_BUF((size_t)16 << 10);
    const slv_client_options options = {0};

    /* ws:// and wss:// are http:// and https:// to the client */
    if (!slv_str_starts(url, SLV_STR("ws")))
        return slv_fail(err, SLV_E_PROTOCOL, "the server gave no URL of a session");
    SLV_TRY(slv_buf_append(&http, SLV_STR("http")));
    SLV_TRY(slv_buf_append(&http, slv_str_skip(url, 2)));
    SLV_TRY(slv_loop_new(&f->loop, err));
    f->on_int.fn = on_int;
    f->on_term.fn = on_term;
    SLV_TRY(slv_signal_start(&f->on_int, f->loop, SIGINT, err));
    SLV_TRY(slv_signal_start(&f->on_term, f->loop, SIGTERM, err));
    SLV_TRY(slv_client_new(f->loop, &options, &f->client, err));
    const slv_fetch_request request = {
        .method = SLV_STR("GET"),
        .url = slv_buf_view(&http),
        .headers = SLV_STR("sec-websocket-protocol:trace-v1\nuser-agent:selvage\n"),
        .websocket = true,
    };
    SLV_TRY(slv_fetch_start(f->client, &request, &handlers, f, &f->fetch, err));
    slv_loop_run(f->loop);
    return f->code;
}

slv_code slv_tail_follow(slv_str url, bool pretty, void (*connected)(void *arg), void *arg,
                         slv_err *err)
{
    follow f = {.pretty = pretty,
                .message = SLV_BUF(MESSAGE_MAX),
                .connected = connected,
                .arg = arg,
                .err = err};
    slv_code code = run(&f, url, err);

    if (f.ws)
        slv_ws_abort(f.ws);
    if (f.client)
        slv_client_free(f.client);
    slv_signal_stop(&f.on_int);
    slv_signal_stop(&f.on_term);
    if (f.loop)
        slv_loop_free(f.loop);
    slv_buf_done(&f.message);
    return code;
}
