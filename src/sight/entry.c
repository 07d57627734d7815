/* A trace as lines of kept logs: one for each console line and error, one for the event. */
#include "fmt/json.h"
#include "sight/sight_int.h"

#define STACK_MAX ((size_t)256 << 10)

static slv_code put_text(slv_buf *out, const char *name, slv_str text)
{
    if (text.len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, ",\"%s\":", name));
    return slv_json_put_string(out, text);
}

/* What every line begins with. */
static slv_code begin_line(slv_buf *out, const slv_trace *t, int64_t ms, const char *type,
                           const char *level)
{
    const slv_version *v = t->version;

    SLV_TRY(slv_buf_printf(out, "{\"timestamp\":%lld,\"worker\":", (long long)ms));
    SLV_TRY(slv_json_put_string(out, v->name));
    SLV_TRY(slv_buf_printf(out, ",\"type\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", type, level,
                           slv_trace_kind_name(t->kind)));
    SLV_TRY(put_text(out, "dispatchNamespace", v->dispatch));
    SLV_TRY(put_text(out, "entrypoint", t->entrypoint));
    SLV_TRY(put_text(out, "durableObjectId", t->object_id));
    SLV_TRY(put_text(out, "version", v->id));
    SLV_TRY(put_text(out, "requestId", t->ray));
    return slv_buf_printf(out, ",\"outcome\":\"%s\"", t->outcome);
}

static const char *level_of(slv_console_level level)
{
    static const char *const names[] = {"debug", "info", "log", "warn", "error"};

    return level <= SLV_CONSOLE_ERROR ? names[level] : "log";
}

static slv_code put_log(slv_buf *out, const slv_trace *t, const slv_trace_log *l)
{
    SLV_TRY(begin_line(out, t, l->wall_ms, "log", level_of(l->level)));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"message\":")));
    SLV_TRY(slv_buf_append(out, l->values));
    return slv_buf_append(out, SLV_STR("}\n"));
}

static slv_code put_error(slv_buf *out, slv_trace *t, const slv_trace_error *e)
{
    SLV_CLEANUP(slv_buf_done) slv_buf stack = SLV_BUF(STACK_MAX);

    SLV_TRY(begin_line(out, t, e->wall_ms, "exception", "error"));
    SLV_TRY(put_text(out, "name", e->name));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"message\":")));
    SLV_TRY(slv_json_put_string(out, e->message));
    if (slv_trace_put_stack(&stack, t, e) == SLV_OK)
        SLV_TRY(put_text(out, "stack", slv_buf_view(&stack)));
    return slv_buf_append(out, SLV_STR("}\n"));
}

static slv_code put_event(slv_buf *out, const slv_trace *t)
{
    bool ok = strcmp(t->outcome, "ok") == 0;

    SLV_TRY(begin_line(out, t, t->wall_ms, "event", ok ? "info" : "error"));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"message\":")));
    SLV_TRY(slv_sight_put_summary(out, t));
    SLV_TRY(slv_buf_printf(out, ",\"cpuTime\":%.3f,\"wallTime\":%.3f", (double)t->cpu_us / 1000,
                           (double)t->wall_us / 1000));
    if (t->status)
        SLV_TRY(slv_buf_printf(out, ",\"status\":%d", t->status));
    if (t->kind == SLV_TRACED_SCHEDULED)
        SLV_TRY(slv_buf_printf(out, ",\"scheduledTime\":%lld", (long long)t->time_ms));
    if (t->kind == SLV_TRACED_SCHEDULED)
        SLV_TRY(put_text(out, "cron", t->text));
    if (t->truncated)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"truncated\":true")));
    return slv_buf_append(out, SLV_STR("}\n"));
}

slv_code slv_sight_put_entries(slv_buf *out, slv_trace *t)
{
    bool cron = t->kind == SLV_TRACED_SCHEDULED;

    /* runs of crons are shown beside their schedules, whatever is kept of others */
    if (!t->version->observe.logs)
        return put_event(out, t);
    for (const slv_trace_log *l = t->logs.first; l; l = l->next) {
        if (l->level != SLV_CONSOLE_CHANNEL)
            SLV_TRY(put_log(out, t, l));
    }
    for (const slv_trace_error *e = t->errors.first; e; e = e->next)
        SLV_TRY(put_error(out, t, e));
    return t->version->observe.invocations || cron ? put_event(out, t) : SLV_OK;
}
