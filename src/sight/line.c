/* One line for each event in the server's own log. */
#include "fmt/json.h"
#include "fmt/redact.h"
#include "sight/sight_int.h"

#define URL_MAX ((size_t)256 << 10)

/* "GET https://example.com/a", "cron * * * * *" ...: what the event was, in a few words. */
static slv_code put_words(slv_buf *out, const slv_trace *t)
{
    switch (t->kind) {
    case SLV_TRACED_FETCH:
        SLV_TRY(slv_buf_append(out, t->method));
        SLV_TRY(slv_buf_append_byte(out, ' '));
        return slv_redact_url(t->url, out, NULL);
    case SLV_TRACED_SCHEDULED:
        return slv_buf_printf(out, "cron %.*s", SLV_STR_ARGS(t->text));
    case SLV_TRACED_QUEUE:
        return slv_buf_printf(out, "queue %.*s (%llu)", SLV_STR_ARGS(t->text),
                              (unsigned long long)t->size);
    case SLV_TRACED_ALARM:
        return slv_buf_append(out, SLV_STR("alarm"));
    case SLV_TRACED_RPC:
        return slv_buf_printf(out, "rpc %.*s", SLV_STR_ARGS(t->text));
    case SLV_TRACED_SOCKET:
        return slv_buf_printf(out, "websocket %.*s", SLV_STR_ARGS(t->text));
    case SLV_TRACED_EMAIL:
        return slv_buf_printf(out, "email from %.*s", SLV_STR_ARGS(t->text));
    case SLV_TRACED_TAIL:
        return slv_buf_append(out, SLV_STR("tail"));
    case SLV_TRACED_NOTHING:
        break;
    }
    return slv_buf_append(out, SLV_STR("an event that never began"));
}

slv_code slv_sight_put_summary(slv_buf *out, const slv_trace *t)
{
    SLV_CLEANUP(slv_buf_done) slv_buf words = SLV_BUF(URL_MAX);

    SLV_TRY(put_words(&words, t));
    return slv_json_put_string(out, slv_buf_view(&words));
}

static slv_code put_member(slv_buf *out, const char *name, slv_str text)
{
    if (text.len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, ",\"%s\":", name));
    return slv_json_put_string(out, text);
}

static slv_code put_json(slv_buf *out, const slv_trace *t)
{
    const slv_version *v = t->version;
    char iso[SLV_ISO_LEN + 1];

    slv_trace_iso(t->wall_ms, iso);
    SLV_TRY(slv_buf_printf(out, "{\"time\":\"%s\",\"kind\":\"%s\",\"what\":", iso,
                           slv_trace_kind_name(t->kind)));
    SLV_TRY(slv_sight_put_summary(out, t));
    SLV_TRY(put_member(out, "account", v->tenant));
    SLV_TRY(put_member(out, "worker", v->name));
    SLV_TRY(put_member(out, "dispatch", v->dispatch));
    SLV_TRY(put_member(out, "entrypoint", t->entrypoint));
    SLV_TRY(put_member(out, "version", v->id));
    SLV_TRY(put_member(out, "ray", t->ray));
    if (t->status)
        SLV_TRY(slv_buf_printf(out, ",\"status\":%d", t->status));
    return slv_buf_printf(out,
                          ",\"outcome\":\"%s\",\"cpu_ms\":%.3f,\"wall_ms\":%.3f,"
                          "\"subrequests\":%u}\n",
                          t->outcome, (double)t->cpu_us / 1000, (double)t->wall_us / 1000,
                          t->subrequests);
}

static slv_code put_text(slv_buf *out, const slv_trace *t)
{
    const slv_version *v = t->version;
    char iso[SLV_ISO_LEN + 1];
    size_t at;

    slv_trace_iso(t->wall_ms, iso);
    SLV_TRY(slv_buf_printf(out, "%s %s %.*s ", iso, t->outcome, SLV_STR_ARGS(v->name)));
    at = out->len;
    SLV_TRY(put_words(out, t));
    for (size_t i = at; i < out->len; i++) /* one line each, and none that moves the cursor */
        if ((unsigned char)out->ptr[i] < 0x20 || out->ptr[i] == 0x7f)
            out->ptr[i] = '?';
    if (t->status)
        SLV_TRY(slv_buf_printf(out, " %d", t->status));
    return slv_buf_printf(out, " %.1f ms, cpu %.1f ms%s%.*s\n", (double)t->wall_us / 1000,
                          (double)t->cpu_us / 1000, t->ray.len > 0 ? ", ray " : "",
                          SLV_STR_ARGS(t->ray));
}

slv_code slv_sight_put_line(slv_buf *out, const slv_trace *t, slv_line_format format)
{
    return format == SLV_LINES_JSON ? put_json(out, t) : put_text(out, t);
}
