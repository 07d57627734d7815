/*
 * Cron: events by the clock on the first loop, and by hand through /cdn-cgi/handler/scheduled and
 * its aliases.
 */
#include <stdio.h>

#include "base/mem.h"
#include "edge/cron_book.h"
#include "edge/edge_int.h"
#include "edge/trace_int.h"
#include "fmt/cron.h"
#include "fmt/url.h"

#define CRON_TEXT_MAX 256
#define HOUR_MS ((int64_t)3600000)

/* ---- a scheduled event ---- */

typedef struct occurrence {
    slv_answerer answerer;
    slv_event ev;
    slv_exchange *ex; /* NULL: by the clock, or the client left */
    bool json;
    bool clock; /* by the clock: the book is told */
    int64_t slot_ms;
    char cron[CRON_TEXT_MAX];
} occurrence;

static occurrence *of_event(slv_event *ev)
{
    return slv_container_of(ev, occurrence, ev);
}

static void on_send(slv_event *ev)
{
    occurrence *o = of_event(ev);
    const slv_msg_event m = {.kind = SLV_EVENT_SCHEDULED,
                             .scheduled = {o->slot_ms, slv_str_from(o->cron)}};
    slv_link *link = slv_event_link(ev);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);

    slv_link_end(link, slv_event_say(ev, &m, out));
}

static void reply(occurrence *o, slv_str outcome)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(256);
    bool ok = slv_str_eq(outcome, SLV_STR("ok"));
    const slv_response_head head = {.status = ok ? 200 : 500,
                                    .headers = o->json ? SLV_STR("content-type:application/json\n")
                                                       : SLV_STR("content-type:text/plain\n")};
    slv_exchange *ex = o->ex;
    slv_code code = o->json ? slv_buf_printf(&body, "{\"outcome\":\"%.*s\",\"noRetry\":false}",
                                             SLV_STR_ARGS(outcome))
                            : slv_buf_append(&body, outcome);

    o->ex = NULL;
    if (code != SLV_OK || slv_exchange_reply(ex, &head, slv_buf_view(&body), NULL) != SLV_OK)
        slv_exchange_abort(ex);
}

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    occurrence *o = of_event(ev);

    if (o->clock && ev->shard->cron_book)
        slv_cron_book_ran(ev->shard->cron_book, ev->version, slv_str_from(o->cron), o->slot_ms);
    if (o->ex)
        reply(o, slv_str_from(end->lost ? slv_lost_outcome(end->why)
                                        : slv_outcome_name(end->outcome)));
    free(o);
}

static const slv_event_ops event_ops = {.send = on_send, .ended = on_ended};

static void run(slv_shard *shard, slv_version *version, occurrence *o)
{
    const slv_limits *limits = &version->limits;
    uint32_t cpu_ms = limits->cpu_cron_short_ms;
    slv_cron cron;

    if (slv_cron_parse(slv_str_from(o->cron), &cron, NULL) == SLV_OK &&
        slv_cron_interval(&cron, slv_loop_wall_ms(shard->loop)) >= HOUR_MS)
        cpu_ms = limits->cpu_cron_ms;
    o->ev.ops = &event_ops;
    o->ev.always_kept = true;
    slv_event_begin(&o->ev, shard, version, (uint64_t)cpu_ms * 1000, limits->wall_background_ms);
}

/* ---- by hand ---- */

/* The client of a trigger left: the event goes on. */
static void trigger_gone(slv_answerer *a)
{
    slv_container_of(a, occurrence, answerer)->ex = NULL;
}

/* Decodes a query parameter (application/x-www-form-urlencoded). False when it is absent or too
 * long. */
static bool parameter(slv_str query, const char *name, char *out, size_t size)
{
    slv_str rest = query, pair;
    size_t n = 0;

    while (slv_str_split(&rest, '&', &pair)) {
        size_t eq = SLV_MIN(slv_str_chr(pair, '=', 0), pair.len);

        if (!slv_str_is(slv_str_sub(pair, 0, eq), name))
            continue;
        slv_str value = slv_str_skip(pair, eq + 1);
        for (size_t i = 0; i < value.len && n + 1 < size; i++) {
            int high = i + 2 < value.len ? slv_hex_value(value.ptr[i + 1]) : -1;
            int low = i + 2 < value.len ? slv_hex_value(value.ptr[i + 2]) : -1;

            if (value.ptr[i] == '%' && high >= 0 && low >= 0) {
                out[n++] = (char)(high * 16 + low);
                i += 2;
            } else {
                out[n++] = value.ptr[i] == '+' ? ' ' : value.ptr[i];
            }
        }
        out[n] = '\0';
        return n + 1 < size;
    }
    return false;
}

/* Against DNS rebinding: only names of this machine may trigger. */
static bool local_host(slv_str authority)
{
    size_t colon = slv_str_rchr(authority, ':');
    slv_str host = authority;

    if (colon != SIZE_MAX && slv_str_chr(authority, ']', colon) == SIZE_MAX)
        host = slv_str_sub(authority, 0, colon);
    return slv_str_eq_nocase(host, SLV_STR("localhost")) || slv_str_starts(host, SLV_STR("127.")) ||
           slv_str_is(host, "[::1]") || slv_str_ends(host, SLV_STR(".localhost"));
}

static bool is_trigger(slv_shard *shard, slv_str path)
{
    static const char *const paths[] = {"/cdn-cgi/handler/scheduled", "/cdn-cgi/mf/scheduled",
                                        "/cdn-cgi/local/scheduled"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(paths); i++) {
        if (slv_str_is(path, paths[i]))
            return true;
    }
    return shard->server->o.test_scheduled && slv_str_is(path, "/__scheduled");
}

static void refuse(slv_exchange *ex, int status, slv_str text)
{
    const slv_page_spec page = {.status = status, .title = text};

    slv_page_reply(ex, &page);
}

bool slv_scheduled_request(slv_shard *shard, slv_exchange *ex)
{
    slv_str path = ex->head.path;
    size_t question = slv_str_chr(path, '?', 0);
    slv_str query = question == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(path, question + 1);
    char text[32];

    if (path.len < 2 || (path.ptr[1] != 'c' && path.ptr[1] != '_')) /* nearly every request */
        return false;
    path = slv_str_sub(path, 0, question);
    if (!shard->server->o.dev || !is_trigger(shard, path))
        return false;
    if (!local_host(ex->head.authority)) {
        refuse(ex, 403, SLV_STR("Triggers answer on local host names only"));
        return true;
    }
    slv_version *version = slv_shard_main(shard);
    if (!version) {
        refuse(ex, 404, SLV_STR("No worker is deployed here"));
        return true;
    }
    occurrence *o = slv_new0(occurrence);
    o->ex = ex;
    o->answerer.gone = trigger_gone;
    ex->user = &o->answerer;
    o->slot_ms = slv_loop_wall_ms(shard->loop);
    if (parameter(query, "time", text, sizeof text))
        (void)!slv_parse_i64(slv_str_from(text), &o->slot_ms);
    o->json = parameter(query, "format", text, sizeof text) && strcmp(text, "json") == 0;
    (void)parameter(query, "cron", o->cron, sizeof o->cron);
    run(shard, version, o);
    return true;
}

/* ---- by the clock ---- */

typedef struct trigger {
    slv_list node; /* shard->crons */
    char *tenant, *worker;
    bool kept; /* by the set that is being put in force */
    slv_cron cron;
    int64_t next_ms;
    char text[CRON_TEXT_MAX];
} trigger;

static void arm(slv_shard *shard)
{
    int64_t now = slv_loop_wall_ms(shard->loop), first = INT64_MAX;

    SLV_LIST_EACH (node, &shard->crons) {
        const trigger *t = slv_container_of(node, trigger, node);

        if (t->next_ms >= 0)
            first = SLV_MIN(first, t->next_ms);
    }
    slv_timer_stop(&shard->cron_timer);
    if (first != INT64_MAX) /* in steps: the wall clock may be set meanwhile */
        slv_timer_start(&shard->cron_timer, shard->loop,
                        (uint64_t)SLV_MIN(SLV_MAX(first - now, (int64_t)0), (int64_t)60000));
}

static slv_version *version_of(slv_shard *shard, const trigger *t)
{
    return slv_shard_worker(shard, slv_str_from(t->tenant), slv_str_from(t->worker));
}

static void run_slot(slv_shard *shard, const trigger *t, int64_t slot_ms)
{
    slv_version *version = version_of(shard, t);
    occurrence *o;

    if (!version)
        return;
    o = slv_new0(occurrence);
    o->clock = true;
    o->slot_ms = slot_ms;
    memcpy(o->cron, t->text, sizeof o->cron);
    run(shard, version, o);
}

/* What a worker missed while nothing ran here: the latest slot, once. */
static void make_up(slv_shard *shard, const trigger *t, int64_t now)
{
    slv_version *version = version_of(shard, t);
    int64_t slot;

    if (!version)
        return;
    if (!shard->cron_book)
        shard->cron_book = slv_cron_book_open(shard->server->o.state, shard->loop);
    slot = slv_cron_book_missed(shard->cron_book, version, slv_str_from(t->text), &t->cron, now);
    if (slot >= 0)
        run_slot(shard, t, slot);
}

static void on_cron(slv_timer *timer)
{
    slv_shard *shard = slv_container_of(timer, slv_shard, cron_timer);
    int64_t now = slv_loop_wall_ms(shard->loop);

    SLV_LIST_EACH (node, &shard->crons) {
        trigger *t = slv_container_of(node, trigger, node);

        if (t->next_ms < 0 || t->next_ms > now)
            continue;
        run_slot(shard, t, t->next_ms);
        t->next_ms = slv_cron_next(&t->cron, now);
    }
    arm(shard);
}

static void drop(trigger *t)
{
    slv_list_remove(&t->node);
    free(t->tenant);
    free(t->worker);
    free(t);
}

void slv_cron_stop(slv_shard *shard)
{
    slv_timer_stop(&shard->cron_timer);
    if (shard->cron_book)
        slv_cron_book_close(shard->cron_book);
    SLV_LIST_EACH (node, &shard->crons)
        drop(slv_container_of(node, trigger, node));
}

static bool is_of(const trigger *t, slv_str tenant, slv_str worker)
{
    return slv_str_is(tenant, t->tenant) && slv_str_is(worker, t->worker);
}

static trigger *find(slv_shard *shard, slv_str tenant, slv_str worker, slv_str text)
{
    SLV_LIST_EACH (node, &shard->crons) {
        trigger *t = slv_container_of(node, trigger, node);

        if (!t->kept && is_of(t, tenant, worker) && slv_str_is(text, t->text))
            return t;
    }
    return NULL;
}

static void add(slv_shard *shard, slv_str tenant, slv_str worker, slv_str text)
{
    int64_t now = slv_loop_wall_ms(shard->loop);
    trigger *t = find(shard, tenant, worker, text);
    slv_err err = {0};
    slv_cron cron;

    if (t) { /* a slot that is due now stays due */
        t->kept = true;
        return;
    }
    if (text.len >= CRON_TEXT_MAX || slv_cron_parse(text, &cron, &err) != SLV_OK) {
        slv_hook_notice(shard, slv_str_from(slv_err_text(&err)));
        return;
    }
    t = slv_new0(trigger);
    t->tenant = slv_strndup(tenant.ptr, tenant.len);
    t->worker = slv_strndup(worker.ptr, worker.len);
    t->kept = true;
    t->cron = cron;
    t->next_ms = slv_cron_next(&cron, now);
    memcpy(t->text, text.ptr, text.len);
    slv_list_push(&shard->crons, &t->node);
    make_up(shard, t, now);
}

void slv_cron_set(slv_shard *shard, slv_str tenant, slv_str worker, const slv_str *crons, size_t n)
{
    if (shard->index != 0 || shard->server->o.no_cron)
        return; /* one loop for all: a slot runs once */
    for (size_t i = 0; i < n; i++)
        add(shard, tenant, worker, crons[i]);
    SLV_LIST_EACH (node, &shard->crons) {
        trigger *t = slv_container_of(node, trigger, node);

        if (is_of(t, tenant, worker) && !t->kept)
            drop(t);
        else
            t->kept = false;
    }
    shard->cron_timer.fn = on_cron;
    arm(shard);
}
