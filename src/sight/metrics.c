/* Figures in Prometheus' text exposition format, version 0.0.4. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "sight/sight_int.h"

#define TEXT_MAX ((size_t)64 << 20)
/* Workers with labels of their own, by how much comes to them; the others are one. */
#define WORKERS_MAX 500

/* ---- the format ---- */

static slv_code put_head(slv_buf *out, const char *name, const char *type, const char *help)
{
    return slv_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static slv_code put_value(slv_buf *out, slv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\\' || c == '"')
            SLV_TRY(slv_buf_append_byte(out, '\\'));
        if (c == '\n')
            SLV_TRY(slv_buf_append(out, SLV_STR("\\n")));
        else
            SLV_TRY(slv_buf_append_byte(out, c));
    }
    return SLV_OK;
}

/* {account="..",worker=".."  - not closed. */
static slv_code put_labels(slv_buf *out, const char *name, const slv_worker_figures *w)
{
    SLV_TRY(slv_buf_printf(out, "%s{account=\"", name));
    SLV_TRY(put_value(out, w->tenant));
    SLV_TRY(slv_buf_append(out, SLV_STR("\",worker=\"")));
    SLV_TRY(put_value(out, w->name));
    return slv_buf_append_byte(out, '"');
}

static slv_code put_plain(slv_buf *out, const char *name, const char *type, const char *help,
                          double value)
{
    SLV_TRY(put_head(out, name, type, help));
    return slv_buf_printf(out, "%s %.15g\n", name, value);
}

/* labels: what stands before `le`, with its brace and comma. */
static slv_code put_histogram(slv_buf *out, const char *name, slv_str labels,
                              const slv_histogram *h)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < SLV_FIGURE_BUCKETS; i++) {
        sum += h->buckets[i];
        SLV_TRY(slv_buf_printf(out, "%s_bucket{%.*s,le=\"", name, SLV_STR_ARGS(labels)));
        if (i < SLV_FIGURE_BUCKETS - 1)
            SLV_TRY(slv_buf_printf(out, "%g", (double)slv_figure_bounds_us[i] / 1e6));
        else
            SLV_TRY(slv_buf_append(out, SLV_STR("+Inf")));
        SLV_TRY(slv_buf_printf(out, "\"} %llu\n", (unsigned long long)sum));
    }
    SLV_TRY(slv_buf_printf(out, "%s_sum{%.*s} %.9g\n", name, SLV_STR_ARGS(labels),
                           (double)h->sum_us / 1e6));
    return slv_buf_printf(out, "%s_count{%.*s} %llu\n", name, SLV_STR_ARGS(labels),
                          (unsigned long long)h->count);
}

/* ---- by worker ---- */

static slv_code put_counts(slv_buf *out, const slv_figures *f, const char *name, const char *help,
                           const char *label, const char *(*label_of)(unsigned i),
                           const uint64_t *(*numbers)(const slv_worker_figures *w), size_t n)
{
    SLV_TRY(put_head(out, name, "counter", help));
    for (size_t i = 0; i < f->worker_count; i++) {
        const uint64_t *v = numbers(&f->workers[i]);

        for (unsigned k = 0; k < n; k++) {
            if (v[k] == 0)
                continue;
            SLV_TRY(put_labels(out, name, &f->workers[i]));
            SLV_TRY(slv_buf_printf(out, ",%s=\"%s\"} %llu\n", label, label_of(k),
                                   (unsigned long long)v[k]));
        }
    }
    return SLV_OK;
}

static const char *kind_label(unsigned i)
{
    return slv_trace_kind_name((slv_trace_kind)i);
}

static const uint64_t *kinds_of(const slv_worker_figures *w)
{
    return w->kinds;
}

static const char *outcome_label(unsigned i)
{
    return slv_figure_outcome_name((slv_figure_outcome)i);
}

static const uint64_t *outcomes_of(const slv_worker_figures *w)
{
    return w->outcomes;
}

static const char *status_label(unsigned i)
{
    static const char *const names[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};

    return names[i];
}

static const uint64_t *statuses_of(const slv_worker_figures *w)
{
    return w->statuses;
}

static const char *op_label(unsigned i)
{
    return slv_figure_op_name((slv_figure_op)i);
}

static const uint64_t *ops_of(const slv_worker_figures *w)
{
    return w->ops;
}

static const uint64_t *failures_of(const slv_worker_figures *w)
{
    return w->op_failures;
}

static slv_code put_one(slv_buf *out, const slv_figures *f, const char *name, const char *type,
                        const char *help, double (*value)(const slv_worker_figures *w))
{
    SLV_TRY(put_head(out, name, type, help));
    for (size_t i = 0; i < f->worker_count; i++) {
        double v = value(&f->workers[i]);

        if (v == 0)
            continue;
        SLV_TRY(put_labels(out, name, &f->workers[i]));
        SLV_TRY(slv_buf_printf(out, "} %.15g\n", v));
    }
    return SLV_OK;
}

static double subrequests_of(const slv_worker_figures *w)
{
    return (double)w->subrequests;
}

static double lines_of(const slv_worker_figures *w)
{
    return (double)w->log_lines;
}

static double exceptions_of(const slv_worker_figures *w)
{
    return (double)w->exceptions;
}

static double read_of(const slv_worker_figures *w)
{
    return (double)w->rows_read;
}

static double written_of(const slv_worker_figures *w)
{
    return (double)w->rows_written;
}

static double isolates_of(const slv_worker_figures *w)
{
    return (double)w->isolates;
}

static double memory_of(const slv_worker_figures *w)
{
    return (double)w->isolate_bytes;
}

static double cron_of(const slv_worker_figures *w)
{
    return (double)w->cron_ms / 1000;
}

static slv_code put_op_seconds(slv_buf *out, const slv_figures *f)
{
    static const char name[] = "selvage_binding_seconds_total";

    SLV_TRY(put_head(out, name, "counter", "Time that operations on bindings took, by worker."));
    for (size_t i = 0; i < f->worker_count; i++) {
        for (unsigned k = 0; k < SLV_FIGURE_OP_COUNT; k++) {
            if (f->workers[i].ops[k] == 0)
                continue;
            SLV_TRY(put_labels(out, name, &f->workers[i]));
            SLV_TRY(slv_buf_printf(out, ",binding=\"%s\"} %.9g\n", op_label(k),
                                   (double)f->workers[i].op_us[k] / 1e6));
        }
    }
    return SLV_OK;
}

static slv_code put_histograms(slv_buf *out, const slv_figures *f, const char *name,
                               const char *help, bool cpu)
{
    SLV_CLEANUP(slv_buf_done) slv_buf labels = SLV_BUF((size_t)8 << 10);

    SLV_TRY(put_head(out, name, "histogram", help));
    for (size_t i = 0; i < f->worker_count; i++) {
        const slv_worker_figures *w = &f->workers[i];

        slv_buf_reset(&labels);
        SLV_TRY(put_labels(&labels, "", w));
        SLV_TRY(put_histogram(out, name, slv_str_skip(slv_buf_view(&labels), 1),
                              cpu ? &w->cpu : &w->wall));
    }
    return SLV_OK;
}

static slv_code put_workers(slv_buf *out, const slv_figures *f)
{
    SLV_TRY(put_counts(out, f, "selvage_events_total", "Events of workers that have ended.", "kind",
                       kind_label, kinds_of, 9));
    SLV_TRY(put_counts(out, f, "selvage_event_outcomes_total", "How events of workers ended.",
                       "outcome", outcome_label, outcomes_of, SLV_FIGURE_OUTCOME_COUNT));
    SLV_TRY(put_counts(out, f, "selvage_responses_total",
                       "Responses of workers, by class of status.", "class", status_label,
                       statuses_of, 6));
    SLV_TRY(put_counts(out, f, "selvage_binding_operations_total",
                       "Operations on bindings, and requests of workers.", "binding", op_label,
                       ops_of, SLV_FIGURE_OP_COUNT));
    SLV_TRY(put_counts(out, f, "selvage_binding_failures_total",
                       "Operations on bindings that were answered with an error.", "binding",
                       op_label, failures_of, SLV_FIGURE_OP_COUNT));
    SLV_TRY(put_op_seconds(out, f));
    SLV_TRY(put_one(out, f, "selvage_subrequests_total", "counter", "Subrequests of workers.",
                    subrequests_of));
    SLV_TRY(put_one(out, f, "selvage_log_lines_total", "counter", "Console lines of workers.",
                    lines_of));
    SLV_TRY(put_one(out, f, "selvage_exceptions_total", "counter",
                    "Errors that nobody caught in workers.", exceptions_of));
    SLV_TRY(put_one(out, f, "selvage_cron_last_run_timestamp_seconds", "gauge",
                    "When a cron of the worker last ended.", cron_of));
    SLV_TRY(put_one(out, f, "selvage_d1_rows_read_total", "counter",
                    "Rows that D1 statements of workers read.", read_of));
    SLV_TRY(put_one(out, f, "selvage_d1_rows_written_total", "counter",
                    "Rows that D1 statements of workers wrote.", written_of));
    SLV_TRY(put_one(out, f, "selvage_worker_isolates", "gauge", "Isolates of the worker.",
                    isolates_of));
    SLV_TRY(put_one(out, f, "selvage_worker_memory_bytes", "gauge",
                    "Memory of the worker's isolates.", memory_of));
    SLV_TRY(put_histograms(out, f, "selvage_event_cpu_seconds", "CPU time of an event.", true));
    return put_histograms(out, f, "selvage_event_wall_seconds",
                          "Time from an event's arrival to its end, waitUntil() included.", false);
}

/* ---- of the server ---- */

static slv_code put_ops(slv_buf *out, const slv_figures *f)
{
    static const char name[] = "selvage_operation_seconds";

    SLV_TRY(put_head(out, name, "histogram",
                     "Time of an operation of any worker, from its frame to its answer."));
    for (unsigned i = 0; i < SLV_FIGURE_OP_COUNT; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf labels = SLV_BUF(128);

        if (f->ops[i].count == 0)
            continue;
        SLV_TRY(slv_buf_printf(&labels, "binding=\"%s\"", op_label(i)));
        SLV_TRY(put_histogram(out, name, slv_buf_view(&labels), &f->ops[i]));
    }
    return SLV_OK;
}

static slv_code put_labelled(slv_buf *out, const char *name, const char *label,
                             const char *const names[], const uint64_t values[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        SLV_TRY(slv_buf_printf(out, "%s{%s=\"%s\"} %llu\n", name, label, names[i],
                               (unsigned long long)values[i]));
    return SLV_OK;
}

static slv_code put_pool(slv_buf *out, const slv_pool_stats *p)
{
    static const char *const states[] = {"ready", "starting"};
    static const char *const froms[] = {"exec", "zygote", "app_zygote"};
    static const char *const whys[] = {"cpu", "memory", "crash"};
    const uint64_t counts[] = {p->isolates - SLV_MIN(p->isolates, p->starting), p->starting};
    const uint64_t starts[] = {p->started_exec, p->started_zygote, p->started_app_zygote};
    const uint64_t deaths[] = {p->killed_cpu, p->killed_memory, p->crashed};

    SLV_TRY(put_head(out, "selvage_isolates", "gauge", "Isolates that run."));
    SLV_TRY(put_labelled(out, "selvage_isolates", "state", states, counts, 2));
    SLV_TRY(put_head(out, "selvage_isolate_starts_total", "counter",
                     "Isolates that were started, by what they were made of."));
    SLV_TRY(put_labelled(out, "selvage_isolate_starts_total", "from", froms, starts, 3));
    SLV_TRY(put_head(out, "selvage_isolate_deaths_total", "counter",
                     "Isolates that were killed by a limit, or crashed."));
    SLV_TRY(put_labelled(out, "selvage_isolate_deaths_total", "why", whys, deaths, 3));
    SLV_TRY(put_plain(out, "selvage_isolate_memory_bytes", "gauge",
                      "Resident memory of all isolates.", (double)p->rss_bytes));
    SLV_TRY(put_plain(out, "selvage_isolate_last_start_seconds", "gauge",
                      "From the decision to start an isolate to its readiness, the last time.",
                      (double)p->last_start_us / 1e6));
    SLV_TRY(
        put_plain(out, "selvage_events_open", "gauge", "Events that run.", (double)p->open_events));
    return put_plain(out, "selvage_events_waiting", "gauge", "Events that wait for an isolate.",
                     (double)p->waiting_events);
}

static slv_code put_commits(slv_buf *out, const slv_state_figures *s)
{
    static const char name[] = "selvage_commit_seconds";

    SLV_TRY(put_head(out, name, "histogram",
                     "Commits of stores that made writes durable, with their sync."));
    for (size_t k = 0; k < s->count; k++) {
        const char *kind = s->kinds[k].kind;
        uint64_t sum = 0;

        for (size_t i = 0; i < SLV_STATE_SYNC_BUCKETS - 1; i++) {
            sum += s->kinds[k].buckets[i];
            SLV_TRY(slv_buf_printf(out, "%s_bucket{store=\"%s\",le=\"%g\"} %llu\n", name, kind,
                                   (double)slv_state_sync_bounds_us[i] / 1e6,
                                   (unsigned long long)sum));
        }
        sum += s->kinds[k].buckets[SLV_STATE_SYNC_BUCKETS - 1];
        SLV_TRY(slv_buf_printf(out, "%s_bucket{store=\"%s\",le=\"+Inf\"} %llu\n", name, kind,
                               (unsigned long long)sum));
        SLV_TRY(slv_buf_printf(out, "%s_sum{store=\"%s\"} %.9g\n%s_count{store=\"%s\"} %llu\n",
                               name, kind, (double)s->kinds[k].sync_us / 1e6, name, kind,
                               (unsigned long long)sum));
    }
    return SLV_OK;
}

static slv_code put_queue(slv_buf *out, const char *name, const slv_queue_figures *q, double value)
{
    SLV_TRY(slv_buf_printf(out, "%s{account=\"", name));
    SLV_TRY(put_value(out, q->tenant));
    SLV_TRY(slv_buf_append(out, SLV_STR("\",queue=\"")));
    SLV_TRY(put_value(out, q->name));
    return slv_buf_printf(out, "\"} %.15g\n", value);
}

static slv_code put_queues(slv_buf *out, const slv_figures *f)
{
    static const char messages[] = "selvage_queue_backlog_messages";
    static const char bytes[] = "selvage_queue_backlog_bytes";
    static const char oldest[] = "selvage_queue_oldest_message_timestamp_seconds";

    SLV_TRY(put_head(out, messages, "gauge",
                     "Messages in a queue with a consumer, as it last saw it."));
    for (size_t i = 0; i < f->queue_count; i++)
        SLV_TRY(put_queue(out, messages, &f->queues[i], (double)f->queues[i].messages));
    SLV_TRY(put_head(out, bytes, "gauge", "Their bytes."));
    for (size_t i = 0; i < f->queue_count; i++)
        SLV_TRY(put_queue(out, bytes, &f->queues[i], (double)f->queues[i].bytes));
    SLV_TRY(put_head(out, oldest, "gauge", "When the oldest of them was sent, since 1970."));
    for (size_t i = 0; i < f->queue_count; i++) {
        if (f->queues[i].oldest_ms > 0)
            SLV_TRY(put_queue(out, oldest, &f->queues[i], (double)f->queues[i].oldest_ms / 1000));
    }
    return SLV_OK;
}

static slv_code put_server(slv_buf *out, const slv_figures *f, const slv_metrics_more *m)
{
    static const char *const whys[] = {"behind", "logs", "export"};
    const uint64_t lost[] = {f->traces_dropped, m->logs_lost, m->export_lost};

    SLV_TRY(put_plain(out, "selvage_requests_total", "counter", "Requests to the server.",
                      (double)f->stats.requests));
    SLV_TRY(put_plain(out, "selvage_connections", "gauge", "Connections of clients.",
                      (double)f->stats.connections));
    SLV_TRY(put_pool(out, &f->stats.pool));
    SLV_TRY(put_plain(out, "selvage_objects", "gauge", "Durable Objects in memory.",
                      (double)f->objects));
    SLV_TRY(put_plain(out, "selvage_object_sockets", "gauge", "WebSockets that hibernate, or may.",
                      (double)f->object_sockets));
    SLV_TRY(put_plain(out, "selvage_object_alarms", "gauge", "Alarms of objects that are set.",
                      (double)f->object_alarms));
    SLV_TRY(
        put_plain(out, "selvage_tail_sessions", "gauge", "Sessions of tail.", (double)m->tails));
    SLV_TRY(put_queues(out, f));
    SLV_TRY(put_commits(out, &m->state));
    SLV_TRY(put_head(out, "selvage_traces_dropped_total", "counter",
                     "Traces of events that were not kept or sent, by why."));
    return put_labelled(out, "selvage_traces_dropped_total", "why", whys, lost, 3);
}

/* ---- of the process ---- */

static uint64_t count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

static uint64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char text[128];
    slv_str rest, field = SLV_STR_NULL;
    uint64_t pages = 0;

    if (!f)
        return 0;
    if (fgets(text, sizeof text, f)) {
        rest = slv_str_from(text);
        (void)slv_str_split(&rest, ' ', &field);
        if (slv_str_split(&rest, ' ', &field) && slv_parse_u64(field, &pages) != SLV_OK)
            pages = 0;
    }
    (void)fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static slv_code put_process(slv_buf *out, const slv_metrics_more *m)
{
    struct rusage usage;
    double cpu = 0;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
              (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    SLV_TRY(put_plain(out, "process_cpu_seconds_total", "counter",
                      "CPU time of the main process; isolates have their own.", cpu));
    SLV_TRY(put_plain(out, "process_resident_memory_bytes", "gauge",
                      "Resident memory of the main process.", (double)resident_bytes()));
    SLV_TRY(put_plain(out, "process_open_fds", "gauge", "Open descriptors of the main process.",
                      (double)count_fds()));
    return put_plain(out, "process_start_time_seconds", "gauge",
                     "When the main process began, since 1970.", (double)m->began_ms / 1000);
}

slv_code slv_metrics_put(slv_buf *out, const slv_figures *figures, const slv_metrics_more *more)
{
    SLV_TRY(put_workers(out, figures));
    SLV_TRY(put_ops(out, figures));
    SLV_TRY(put_server(out, figures, more));
    return put_process(out, more);
}

/* ---- asking ---- */

typedef struct scrape {
    slv_sight *sight;
    void (*done)(void *arg, slv_str text);
    void *arg;
} scrape;

static int by_events(const void *a, const void *b)
{
    const slv_worker_figures *x = a, *y = b;

    return x->wall.count > y->wall.count ? -1 : x->wall.count < y->wall.count;
}

static void on_figures(void *user, slv_figures *figures_take)
{
    scrape *sc = user;
    slv_sight *s = sc->sight;
    slv_figures f = *figures_take;
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);
    slv_metrics_more more = {
        .logs_lost = s->lines_lost + (s->logs ? slv_logs_lost(s->logs) : 0),
        .began_ms = s->began_ms,
        .export_lost = s->exporter ? slv_export_lost(s->exporter) : 0,
    };

    if (s->state)
        slv_state_get_figures(s->state, &more.state);
    SLV_LIST_EACH (node, &s->tails)
        more.tails += node != NULL;
    if (f.worker_count > 1)
        qsort(f.workers, f.worker_count, sizeof *f.workers, by_events);
    slv_figures_limit(&f, WORKERS_MAX);
    if (slv_metrics_put(&text, &f, &more) != SLV_OK)
        slv_buf_reset(&text);
    sc->done(sc->arg, slv_buf_view(&text));
    slv_figures_done(&f);
    free(sc);
}

void slv_sight_metrics(slv_sight *s, void (*done)(void *arg, slv_str text), void *arg)
{
    scrape *sc = slv_new0(scrape);

    *sc = (scrape){s, done, arg};
    SLV_ASSERT(s->server);
    slv_server_get_figures(s->server, on_figures, sc);
}
