#include "sight/sight.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sight/sight_int.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

slv_code slv_sight_new(const slv_sight_options *options, slv_sight **ret, slv_err *err)
{
    slv_sight *s = slv_new0(slv_sight);
    slv_code code = SLV_OK;

    s->loop = options->loop;
    s->state = options->state;
    s->lines = options->lines;
    s->out = options->out ? options->out : stdout;
    s->line = SLV_BUF(LINE_MAX_BYTES);
    s->began_ms = slv_loop_wall_ms(options->loop);
    slv_list_init(&s->tails);
    if (options->state)
        code = slv_logs_new(s, options->keep_days, options->keep_bytes, &s->logs, err);
    if (code == SLV_OK && options->otlp_endpoint.len > 0)
        code = slv_export_new(s, options, &s->exporter, err);
    if (code != SLV_OK) {
        (void)slv_sight_free(s);
        return code;
    }
    *ret = s;
    return SLV_OK;
}

slv_sight *slv_sight_free(slv_sight *s)
{
    if (!s)
        return NULL;
    SLV_ASSERT(slv_list_empty(&s->tails));
    s->logs = slv_logs_free(s->logs);
    s->exporter = slv_export_free(s->exporter);
    slv_buf_done(&s->line);
    free((char *)(uintptr_t)s->metrics_token.ptr);
    free(s);
    return NULL;
}

unsigned slv_sight_wants(const slv_sight *s)
{
    unsigned want = 0;

    if (s->lines != SLV_LINES_NONE)
        want |= SLV_TRACE_LINE;
    if (s->logs)
        want |= SLV_TRACE_KEEP;
    if (s->exporter)
        want |= SLV_TRACE_EXPORT | SLV_TRACE_LOGS;
    return want;
}

void slv_sight_set_server(slv_sight *s, slv_server *server)
{
    s->server = server;
}

slv_code slv_sight_set_metrics_token(slv_sight *s, slv_str token)
{
    free((char *)(uintptr_t)s->metrics_token.ptr);
    s->metrics_token = slv_str_make(slv_strndup(token.ptr ? token.ptr : "", token.len), token.len);
    return SLV_OK;
}

/* ---- traces ---- */

static void write_line(slv_sight *s, const slv_trace *t)
{
    slv_buf_reset(&s->line);
    if (slv_sight_put_line(&s->line, t, s->lines) != SLV_OK ||
        fwrite(s->line.ptr, 1, s->line.len, s->out) != s->line.len)
        s->lines_lost++;
    (void)fflush(s->out);
}

void slv_sight_trace(void *sight, slv_trace *t)
{
    slv_sight *s = sight;

    if (t->want & SLV_TRACE_LINE && s->lines != SLV_LINES_NONE)
        write_line(s, t);
    if (t->want & SLV_TRACE_WATCH)
        slv_tails_take(s, t);
    if (t->want & SLV_TRACE_KEEP && s->logs)
        slv_logs_take(s->logs, t);
    if (t->want & (SLV_TRACE_EXPORT | SLV_TRACE_LOGS) && s->exporter)
        slv_export_take(s->exporter, t);
}

/* ---- the end ---- */

void slv_sight_part_stopped(slv_sight *s)
{
    SLV_ASSERT(s->stops > 0);
    if (--s->stops == 0)
        s->stopped(s->stopped_arg);
}

typedef struct stopping {
    slv_task task;
    slv_sight *s;
} stopping;

static void on_nothing(slv_task *task)
{
    stopping *st = slv_container_of(task, stopping, task);
    slv_sight *s = st->s;

    free(st);
    slv_sight_part_stopped(s);
}

void slv_sight_stop(slv_sight *s, uint32_t timeout_ms, void (*done)(void *arg), void *arg)
{
    stopping *st = slv_new0(stopping);

    s->stopping = true;
    s->stopped = done;
    s->stopped_arg = arg;
    s->stops = 1u + (s->logs != NULL) + (s->exporter != NULL);
    slv_tails_stop(s);
    if (s->logs)
        slv_logs_stop(s->logs);
    if (s->exporter)
        slv_export_stop(s->exporter, timeout_ms);
    st->task.fn = on_nothing;
    st->s = s;
    slv_loop_later(s->loop, &st->task);
}

void slv_sight_logs(slv_sight *s, slv_str tenant, const slv_keep_query *query, slv_sight_found done,
                    void *arg)
{
    static const slv_err none = {.code = SLV_E_NOTFOUND, .message = "no logs are kept here"};

    if (s->logs)
        slv_logs_search(s->logs, tenant, query, done, arg);
    else
        done(arg, NULL, &none);
}
