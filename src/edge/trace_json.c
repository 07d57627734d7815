/* Traces as JSON: what a session of `tail` is sent, and what a tail worker is given. */
#include "edge/trace_int.h"

#include <time.h>

#include "fmt/json.h"
#include "fmt/redact.h"
#include "plat/stack.h"

#define STACK_MAX ((size_t)1 << 20)
#define URL_MAX ((size_t)512 << 10)

void slv_trace_iso(int64_t ms, char out[static SLV_ISO_LEN + 1])
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    int rest = (int)(ms - (int64_t)seconds * 1000);
    struct tm tm;
    char day[32];

    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900 ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) != 19) {
        memcpy(out, "1970-01-01T00:00:00.000Z", SLV_ISO_LEN + 1);
        return;
    }
    memcpy(out, day, 19);
    out[19] = '.';
    out[20] = (char)('0' + rest / 100 % 10);
    out[21] = (char)('0' + rest / 10 % 10);
    out[22] = (char)('0' + rest % 10);
    out[23] = 'Z';
    out[24] = '\0';
}

static slv_code put_member(slv_buf *out, const char *name, slv_str text)
{
    SLV_TRY(slv_buf_printf(out, ",\"%s\":", name));
    return slv_json_put_string(out, text);
}

/* ---- the event ---- */

static slv_code put_headers(slv_buf *out, slv_str block, bool redact, bool *hidden)
{
    slv_str name, value;
    bool bad, first = true;

    SLV_TRY(slv_buf_append_byte(out, '{'));
    while (slv_header_next(&block, &name, &value, &bad)) {
        bool hide = redact && slv_redact_header(name);

        *hidden = *hidden || hide;
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        first = false;
        SLV_TRY(slv_json_put_string(out, name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_json_put_string(out, hide ? SLV_STR(SLV_REDACTED) : value));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code put_url(slv_buf *out, slv_str url, bool redact, bool *hidden)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(URL_MAX);
    bool changed = false;

    if (!redact)
        return slv_json_put_string(out, url);
    SLV_TRY(slv_redact_url(url, &text, &changed));
    *hidden = *hidden || changed;
    return slv_json_put_string(out, slv_buf_view(&text));
}

static slv_code put_fetch(slv_buf *out, const slv_trace *t, bool redact, bool *hidden)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"request\":{\"url\":")));
    SLV_TRY(put_url(out, t->url, redact, hidden));
    SLV_TRY(put_member(out, "method", t->method));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"headers\":")));
    SLV_TRY(put_headers(out, t->headers, redact, hidden));
    if (t->cf.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"cf\":")));
        SLV_TRY(slv_buf_append(out, t->cf));
    }
    SLV_TRY(slv_buf_append_byte(out, '}'));
    if (t->status)
        SLV_TRY(slv_buf_printf(out, ",\"response\":{\"status\":%d}", t->status));
    return slv_buf_append_byte(out, '}');
}

static slv_code put_socket(slv_buf *out, const slv_trace *t)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"getWebSocketEvent\":{\"webSocketEventType\":")));
    SLV_TRY(slv_json_put_string(out, t->text));
    if (slv_str_is(t->text, "close"))
        SLV_TRY(slv_buf_printf(out, ",\"code\":%llu,\"wasClean\":%s", (unsigned long long)t->size,
                               t->clean ? "true" : "false"));
    return slv_buf_append(out, SLV_STR("}}"));
}

static slv_code put_consumed(slv_buf *out, slv_str names)
{
    slv_str name;
    bool first = true;

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"consumedEvents\":[")));
    while (slv_str_split(&names, '\n', &name)) {
        if (name.len == 0)
            continue;
        SLV_TRY(slv_buf_append(out,
                               first ? SLV_STR("{\"scriptName\":") : SLV_STR(",{\"scriptName\":")));
        first = false;
        SLV_TRY(slv_json_put_string(out, name));
        SLV_TRY(slv_buf_append_byte(out, '}'));
    }
    return slv_buf_append(out, SLV_STR("]}"));
}

static slv_code put_email(slv_buf *out, const slv_trace *t)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"mailFrom\":")));
    SLV_TRY(slv_json_put_string(out, t->text));
    SLV_TRY(put_member(out, "rcptTo", t->to));
    return slv_buf_printf(out, ",\"rawSize\":%llu}", (unsigned long long)t->size);
}

static slv_code put_event(slv_buf *out, const slv_trace *t, bool redact, bool *hidden)
{
    char iso[SLV_ISO_LEN + 1];

    switch (t->kind) {
    case SLV_TRACED_NOTHING:
        break;
    case SLV_TRACED_FETCH:
        return put_fetch(out, t, redact, hidden);
    case SLV_TRACED_SCHEDULED:
        SLV_TRY(slv_buf_append(out, SLV_STR("{\"cron\":")));
        SLV_TRY(slv_json_put_string(out, t->text));
        return slv_buf_printf(out, ",\"scheduledTime\":%lld}", (long long)t->time_ms);
    case SLV_TRACED_QUEUE:
        SLV_TRY(slv_buf_append(out, SLV_STR("{\"queue\":")));
        SLV_TRY(slv_json_put_string(out, t->text));
        return slv_buf_printf(out, ",\"batchSize\":%llu}", (unsigned long long)t->size);
    case SLV_TRACED_ALARM:
        slv_trace_iso(t->time_ms, iso);
        return slv_buf_printf(out, "{\"scheduledTime\":\"%s\"}", iso);
    case SLV_TRACED_RPC:
        SLV_TRY(slv_buf_append(out, SLV_STR("{\"rpcMethod\":")));
        SLV_TRY(slv_json_put_string(out, t->text));
        return slv_buf_append_byte(out, '}');
    case SLV_TRACED_SOCKET:
        return put_socket(out, t);
    case SLV_TRACED_EMAIL:
        return put_email(out, t);
    case SLV_TRACED_TAIL:
        return put_consumed(out, t->text);
    }
    return slv_buf_append(out, SLV_STR("null"));
}

slv_code slv_trace_put_event(slv_buf *out, const slv_trace *t, bool redact)
{
    bool hidden = false;

    return put_event(out, t, redact, &hidden);
}

/* ---- what it left behind ---- */

slv_code slv_trace_put_stack(slv_buf *out, slv_trace *t, const slv_trace_error *e)
{
    /* the headline says name and message, which stand beside it */
    size_t frames = slv_str_find(e->stack, SLV_STR("\n    at "), 0);

    if (frames == SIZE_MAX)
        return SLV_OK;
    return slv_stack_map(t->version, slv_str_skip(e->stack, frames + 1), out);
}

static slv_code put_errors(slv_buf *out, slv_trace *t)
{
    SLV_CLEANUP(slv_buf_done) slv_buf stack = SLV_BUF(STACK_MAX);

    for (const slv_trace_error *e = t->errors.first; e; e = e->next) {
        slv_buf_reset(&stack);
        SLV_TRY(slv_trace_put_stack(&stack, t, e));
        if (e != t->errors.first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_buf_append(out, SLV_STR("{\"name\":")));
        SLV_TRY(slv_json_put_string(out, e->name));
        SLV_TRY(put_member(out, "message", e->message));
        if (stack.len > 0)
            SLV_TRY(put_member(out, "stack", slv_buf_view(&stack)));
        SLV_TRY(slv_buf_printf(out, ",\"timestamp\":%lld}", (long long)e->wall_ms));
    }
    return SLV_OK;
}

static slv_code put_lines(slv_buf *out, const slv_trace *t, bool channels)
{
    static const char *const levels[] = {"debug", "info", "log", "warn", "error"};
    bool first = true;

    for (const slv_trace_log *l = t->logs.first; l; l = l->next) {
        if ((l->level == SLV_CONSOLE_CHANNEL) != channels)
            continue;
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        first = false;
        SLV_TRY(slv_buf_append(out, SLV_STR("{\"message\":")));
        SLV_TRY(slv_buf_append(out, l->values));
        if (channels)
            SLV_TRY(put_member(out, "channel", l->name));
        else
            SLV_TRY(slv_buf_printf(out, ",\"level\":\"%s\"", levels[l->level]));
        SLV_TRY(slv_buf_printf(out, ",\"timestamp\":%lld}", (long long)l->wall_ms));
    }
    return SLV_OK;
}

/* Where the event ran. */
static slv_code put_script(slv_buf *out, const slv_trace *t)
{
    const slv_version *v = t->version;

    SLV_TRY(put_member(out, "scriptName", v->name));
    if (t->entrypoint.len > 0)
        SLV_TRY(put_member(out, "entrypoint", t->entrypoint));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"scriptVersion\":{\"id\":")));
    SLV_TRY(slv_json_put_string(out, v->id));
    if (v->tag.len > 0)
        SLV_TRY(put_member(out, "tag", v->tag));
    if (v->message.len > 0)
        SLV_TRY(put_member(out, "message", v->message));
    SLV_TRY(slv_buf_append_byte(out, '}'));
    if (v->dispatch.len > 0)
        SLV_TRY(put_member(out, "dispatchNamespace", v->dispatch));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"scriptTags\":[")));
    for (size_t i = 0; i < v->tag_count; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, v->tags[i]));
    }
    SLV_TRY(slv_buf_append_byte(out, ']'));
    if (t->object_id.len > 0)
        SLV_TRY(put_member(out, "durableObjectId", t->object_id));
    return slv_buf_printf(out, ",\"executionModel\":\"%s\"",
                          t->on_object ? "durableObject" : "stateless");
}

static slv_code put_unredacted(slv_buf *out, const slv_trace *t)
{
    bool hidden = false;

    SLV_TRY(slv_buf_append(out, SLV_STR(",\"unredacted\":{\"url\":")));
    SLV_TRY(slv_json_put_string(out, t->url));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"headers\":")));
    SLV_TRY(put_headers(out, t->headers, false, &hidden));
    return slv_buf_append_byte(out, '}');
}

slv_code slv_trace_put(slv_buf *out, slv_trace *t, slv_trace_form form)
{
    bool hidden = false;

    SLV_TRY(slv_buf_printf(
        out, "{\"wallTime\":%llu,\"cpuTime\":%llu,\"truncated\":%s,\"outcome\":\"%s\"",
        (unsigned long long)((t->wall_us + 500) / 1000),
        (unsigned long long)((t->cpu_us + 500) / 1000), t->truncated ? "true" : "false",
        t->outcome));
    SLV_TRY(put_script(out, t));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"diagnosticsChannelEvents\":[")));
    SLV_TRY(put_lines(out, t, true));
    SLV_TRY(slv_buf_append(out, SLV_STR("],\"exceptions\":[")));
    SLV_TRY(put_errors(out, t));
    SLV_TRY(slv_buf_append(out, SLV_STR("],\"logs\":[")));
    SLV_TRY(put_lines(out, t, false));
    SLV_TRY(slv_buf_printf(out, "],\"eventTimestamp\":%lld,\"event\":", (long long)t->wall_ms));
    SLV_TRY(put_event(out, t, true, &hidden));
    if (hidden && form == SLV_TRACE_FOR_ITEM)
        SLV_TRY(put_unredacted(out, t));
    return slv_buf_append_byte(out, '}');
}
