/* What events tell of themselves while they run: counters always, a trace when somebody wants it.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/sight_int.h"
#include "fmt/json.h"

/* Traces that the control loop has not let go of; more are dropped. */
#define TELLING_MAX ((size_t)64 << 20)
#define KEY_MAX ((size_t)4096)
#define DETAIL_MAX ((size_t)1024)

/* ---- life ---- */

void slv_sights_open(slv_shard *shard)
{
    slv_sights *s = slv_new0(slv_sights);

    s->shard = shard;
    s->key = SLV_BUF(KEY_MAX);
    s->all = shard->server->o.trace_all;
    slv_list_init(&s->tails);
    shard->sights = s;
}

void slv_sights_free(slv_shard *shard)
{
    slv_sights *s = shard->sights;

    if (!s)
        return;
    slv_tails_free(shard);
    slv_sights_figures_done(s);
    slv_map_done(&s->watched);
    slv_buf_done(&s->key);
    free(s);
    shard->sights = NULL;
}

/* ---- who wants it ---- */

static unsigned watched(slv_sights *s, const slv_version *v)
{
    slv_buf_reset(&s->key);
    if (slv_watch_key(&s->key, v->tenant, v->dispatch, v->name) != SLV_OK)
        return 0;
    const unsigned *count = slv_map_get(&s->watched, slv_buf_view(&s->key));
    return count && *count > 0 ? SLV_TRACE_WATCH : 0;
}

/* Drawn, so that of many events some are kept. */
static bool drawn(slv_shard *shard, double rate)
{
    return rate >= 1 || (double)(slv_prng_next(&shard->prng) >> 11) * 0x1p-53 < rate;
}

static unsigned wanted(slv_shard *shard, const slv_event *ev)
{
    const slv_version *v = ev->version;
    slv_sights *s = shard->sights;
    const slv_observe *o = &v->observe;
    unsigned want = s->all & SLV_TRACE_LINE;

    if (o->tail_count > 0)
        want |= SLV_TRACE_TAIL;
    if (s->watched.len > 0)
        want |= watched(s, v);
    if (s->all & (SLV_TRACE_KEEP | SLV_TRACE_LOGS) && o->logs && drawn(shard, o->log_rate))
        want |= s->all & (SLV_TRACE_KEEP | SLV_TRACE_LOGS);
    if (ev->always_kept)
        want |= s->all & SLV_TRACE_KEEP;
    if (s->all & SLV_TRACE_EXPORT && o->traces && drawn(shard, o->trace_rate))
        want |= SLV_TRACE_EXPORT;
    return want;
}

void slv_event_trace(slv_event *ev)
{
    slv_shard *shard = ev->shard;
    unsigned want;

    if (ev->resident)
        return;
    ev->began_ns = slv_clock_mono_ns();
    want = wanted(shard, ev);
    if (SLV_LIKELY(want == 0))
        return;
    if (ev->told_tail) /* of a tail worker only people are told, never another tail worker */
        want &= ~(unsigned)SLV_TRACE_TAIL;
    if (want == 0)
        return;
    slv_trace *t = ev->trace = slv_trace_new(ev->version, want);
    t->wall_ms = slv_loop_wall_ms(shard->loop);
    t->began_ns = ev->began_ns;
    if (ev->object) {
        t->on_object = true;
        if (slv_arena_dup(&t->arena, slv_str_from(ev->object->id), &t->object_id) != SLV_OK ||
            slv_arena_dup(&t->arena, ev->object->class_name, &t->entrypoint) != SLV_OK)
            t->truncated = true;
    }
}

void slv_event_trace_moved(slv_event *ev)
{
    if (!ev->trace)
        return;
    (void)slv_version_unref(ev->trace->version);
    ev->trace->version = slv_version_ref(ev->version);
}

/* ---- trace context ---- */

slv_trace_context *slv_event_context(slv_event *ev)
{
    slv_trace_context *c = &ev->context;

    if (c->high == 0 && c->low == 0) {
        c->high = slv_prng_next(&ev->shard->prng);
        c->low = slv_prng_next(&ev->shard->prng) | 1;
    }
    if (c->span == 0)
        c->span = slv_prng_next(&ev->shard->prng) | 1;
    return c;
}

slv_code slv_event_put_traceparent(slv_event *ev, slv_str headers, slv_buf *out)
{
    char text[SLV_TRACEPARENT_LEN + 1];
    slv_str name, value;
    bool bad;

    if (!ev->trace && ev->context.high == 0 && ev->context.low == 0)
        return SLV_OK; /* nobody looks at this event, nor did whoever caused it */
    while (slv_header_next(&headers, &name, &value, &bad)) {
        if (slv_str_eq_nocase(name, SLV_STR("traceparent")))
            return SLV_OK;
    }
    slv_traceparent_write(slv_event_context(ev), text);
    return slv_buf_printf(out, "traceparent:%s\n", text);
}

void slv_event_context_child(slv_event *ev, slv_event *caller)
{
    if (!caller->trace && caller->context.high == 0 && caller->context.low == 0)
        return; /* nobody asks which belong together */
    const slv_trace_context *c = slv_event_context(caller);
    ev->context = (slv_trace_context){
        .high = c->high, .low = c->low, .parent = c->span, .unsampled = c->unsampled};
}

/* ---- while it runs ---- */

static bool is_json(slv_str text)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)32 << 20);
    slv_node *root;

    return slv_str_chr(text, '\n', 0) == SIZE_MAX &&
           slv_json_parse(text, SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK;
}

slv_code slv_event_say(slv_event *ev, const slv_msg_event *m, slv_buf *out)
{
    static const uint8_t kinds[] = {
        [SLV_EVENT_FETCH] = SLV_TRACED_FETCH,   [SLV_EVENT_SCHEDULED] = SLV_TRACED_SCHEDULED,
        [SLV_EVENT_RPC] = SLV_TRACED_RPC,       [SLV_EVENT_ALARM] = SLV_TRACED_ALARM,
        [SLV_EVENT_SOCKET] = SLV_TRACED_SOCKET, [SLV_EVENT_QUEUE] = SLV_TRACED_QUEUE,
        [SLV_EVENT_TAIL] = SLV_TRACED_TAIL,
    };

    ev->traced_as = kinds[m->kind];
    if (SLV_UNLIKELY(ev->trace != NULL)) {
        slv_msg_event shown = *m;

        /* what a worker says of its request is not ours */
        if (m->kind == SLV_EVENT_FETCH && !(m->fetch.bits & SLV_FETCH_OUTSIDE) &&
            m->fetch.cf.len > 0 && !is_json(m->fetch.cf))
            shown.fetch.cf = SLV_STR_NULL;
        slv_str entrypoint = ev->trace->entrypoint;
        slv_trace_describe(ev->trace, &shown);
        if (ev->object)
            ev->trace->entrypoint = entrypoint;
        if (ev->trace->want & SLV_TRACE_VALUES)
            slv_isolate_trace(ev->pe.isolate);
    }
    return slv_msg_event_put(out, m);
}

static slv_event *event_of(slv_isolate *iso, uint32_t id)
{
    slv_pool_event *pe = id ? slv_isolate_event(iso, id) : NULL;

    return pe ? slv_container_of(pe, slv_event, pe) : NULL;
}

void slv_event_trace_log(slv_shard *shard, slv_isolate *iso, uint32_t event, const slv_msg_log *m)
{
    slv_event *ev = event_of(iso, event);

    slv_sights_worker(shard->sights, slv_isolate_version(iso))->log_lines++;
    if (ev && ev->trace && ev->trace->want & SLV_TRACE_VALUES &&
        (m->values.len == 0 || is_json(m->values)))
        slv_trace_log_line(ev->trace, slv_loop_wall_ms(shard->loop), m);
}

void slv_event_trace_error(slv_shard *shard, slv_isolate *iso, uint32_t event, slv_str error)
{
    slv_event *ev = event_of(iso, event);

    slv_sights_worker(shard->sights, slv_isolate_version(iso))->exceptions++;
    if (ev && ev->trace)
        slv_trace_exception(ev->trace, slv_loop_wall_ms(shard->loop), error);
}

/* ---- operations ---- */

/* What an operation is on, for people. */
static void name_op(const slv_event *ev, const slv_msg_op *m, slv_str *ret_name,
                    slv_str *ret_detail)
{
    const slv_version *v = ev->version;
    uint32_t index = 0;

    *ret_name = *ret_detail = SLV_STR_NULL;
    switch (m->kind) {
    case SLV_OP_FETCH:
        *ret_name = m->fetch.method;
        *ret_detail = slv_str_sub(m->fetch.url, 0, DETAIL_MAX);
        return;
    case SLV_OP_CONNECT:
        *ret_detail = m->connect.host;
        return;
    case SLV_OP_STARTTLS:
        return;
    case SLV_OP_SERVICE_FETCH:
        index = m->fetch.binding;
        break;
    case SLV_OP_RPC:
        *ret_detail = slv_str_sub(m->rpc.path, 0, slv_str_chr(m->rpc.path, '\0', 0));
        if (m->rpc.target_kind != SLV_RPC_BINDING)
            return;
        index = m->rpc.target;
        break;
    case SLV_OP_STORE_FIRST:
    case SLV_OP_STORE_LAST:
    default:
        if (m->store.resource < v->resource_count) {
            *ret_name = v->resources[m->store.resource]->name;
            *ret_detail = v->resources[m->store.resource]->id;
        }
        return;
    }
    if (index < v->service_count)
        *ret_name = v->services[index]->name;
}

void slv_event_op_begins(slv_event *ev, const slv_msg_op *m)
{
    slv_sights *s = ev->shard->sights;

    s->op_began_ns = slv_clock_mono_ns();
    s->op_kind = (unsigned)m->kind;
    s->op_opened = false;
    s->op_span = NULL;
    s->rejected_event = NULL;
    if (SLV_UNLIKELY(ev->trace && ev->trace->want & SLV_TRACE_EXPORT)) {
        slv_str name, detail;

        name_op(ev, m, &name, &detail);
        s->op_span = slv_trace_begin_span(ev->trace, slv_figure_op_name(slv_figure_op_of(m->kind)),
                                          name, detail);
        if (s->op_span) {
            s->op_span->op = (uint16_t)m->kind;
            s->op_span->id = slv_prng_next(&ev->shard->prng) | 1;
            s->op_span->start_us = (s->op_began_ns - ev->began_ns) / 1000;
        }
    }
}

static void count_op(slv_sights *s, slv_event *ev, unsigned kind, uint64_t began_ns, bool failed,
                     slv_trace_span *span)
{
    slv_figure_op op = slv_figure_op_of(kind);
    uint64_t us = (slv_clock_mono_ns() - began_ns) / 1000;
    slv_worker_figures *w = slv_sights_worker(s, ev->version);

    w->ops[op]++;
    w->op_us[op] += us;
    w->op_failures[op] += failed;
    slv_histogram_add(&s->ops[op], us);
    if (span) {
        span->time_us = us;
        span->failed = failed;
    }
}

void slv_event_op_taken(slv_event *ev, uint32_t id)
{
    slv_sights *s = ev->shard->sights;

    if (s->op_kind != 0 && !s->op_opened) /* answered at once */
        count_op(s, ev, s->op_kind, s->op_began_ns, s->rejected_event == ev && s->rejected == id,
                 s->op_span);
    s->op_kind = 0;
    s->op_span = NULL;
}

void slv_op_timed(slv_op *op)
{
    slv_sights *s = op->event->shard->sights;

    if (s->op_kind == 0 || s->op_opened)
        return;
    s->op_opened = true;
    op->kind = s->op_kind;
    op->began_ns = s->op_began_ns;
    op->span = s->op_span;
}

void slv_op_rejected(slv_event *ev, uint32_t id)
{
    ev->shard->sights->rejected_event = ev;
    ev->shard->sights->rejected = id;
}

void slv_op_timed_end(slv_op *op)
{
    slv_event *ev = op->event;
    slv_sights *s = ev->shard->sights;

    if (op->began_ns == 0)
        return;
    count_op(s, ev, op->kind, op->began_ns, s->rejected_event == ev && s->rejected == op->id,
             ev->trace ? op->span : NULL);
    op->began_ns = 0;
}

/* ---- the end ---- */

static const char *outcome_of(const slv_event *ev, const slv_event_end *end)
{
    if (end->lost)
        return slv_lost_outcome(end->why);
    if (end->start_err)
        return end->start_err->code == SLV_E_AGAIN || end->start_err->code == SLV_E_TIMEOUT
                   ? "loadShed"
               : end->start_err->code == SLV_E_LIMIT ? "exceededCpu"
                                                     : "exception";
    if (ev->cut_short && end->outcome != SLV_OUTCOME_EXCEPTION)
        return ev->status ? "responseStreamDisconnected" : "canceled";
    /* the client has its answer: what waitUntil() was given failed, which is told as an error */
    if (end->outcome == SLV_OUTCOME_EXCEPTION && end->error.len == 0 && ev->status)
        return "ok";
    return slv_outcome_name(end->outcome);
}

static slv_figure_outcome figure_of(const char *outcome)
{
    for (int i = 0; i < SLV_FIGURE_OUTCOME_COUNT; i++) {
        const char *name = slv_figure_outcome_name((slv_figure_outcome)i);

        if (name == outcome || strcmp(name, outcome) == 0)
            return (slv_figure_outcome)i;
    }
    return SLV_FIGURE_INTERNAL;
}

/* Errors that no EXCEPTION frame has told. */
static void add_errors(slv_event *ev, const slv_event_end *end)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)64 << 10);
    int64_t now = slv_loop_wall_ms(ev->shard->loop);

    if (end->error.len > 0)
        slv_trace_exception(ev->trace, now, end->error);
    else if (end->start_err && slv_error_put(&json, SLV_STR("Error"),
                                             slv_str_from(slv_err_text(end->start_err))) == SLV_OK)
        slv_trace_exception(ev->trace, now, slv_buf_view(&json));
    else if (end->lost && end->text.len > 0 &&
             slv_error_put(&json, SLV_STR("Error"), end->text) == SLV_OK)
        slv_trace_exception(ev->trace, now, slv_buf_view(&json));
}

static void tell(slv_event *ev)
{
    slv_shard *shard = ev->shard;
    slv_trace *t = SLV_STEAL(ev->trace);

    if (t->want & SLV_TRACE_TAIL)
        slv_tails_add(shard, t);
    if (t->want & SLV_TRACE_CONTROL)
        slv_hook_trace(shard, t);
    (void)slv_trace_unref(t);
}

void slv_event_trace_end(slv_event *ev, const slv_event_end *end)
{
    uint64_t wall_us = (slv_clock_mono_ns() - ev->began_ns) / 1000;
    slv_worker_figures *w;
    const char *outcome;

    if (ev->resident)
        return;
    w = slv_sights_worker(ev->shard->sights, ev->version);
    outcome = outcome_of(ev, end);
    w->kinds[ev->traced_as]++;
    w->outcomes[figure_of(outcome)]++;
    if (ev->status >= 100 && ev->status < 600)
        w->statuses[ev->status / 100]++;
    w->subrequests += ev->subrequests;
    if (ev->traced_as == SLV_TRACED_SCHEDULED)
        w->cron_ms = slv_loop_wall_ms(ev->shard->loop);
    if (end->error.len > 0 || end->start_err)
        w->exceptions++;
    slv_histogram_add(&w->cpu, end->cpu_us);
    slv_histogram_add(&w->wall, wall_us);
    if (SLV_LIKELY(!ev->trace))
        return;
    slv_trace *t = ev->trace;
    add_errors(ev, end);
    t->outcome = outcome;
    t->status = ev->status;
    t->cpu_us = end->cpu_us;
    t->wall_us = wall_us;
    t->subrequests = ev->subrequests;
    if (t->want & SLV_TRACE_EXPORT)
        t->context = *slv_event_context(ev);
    tell(ev);
}

size_t slv_trace_size(const slv_trace *t)
{
    return sizeof *t + t->arena.used;
}

/* True when the control loop may be told: what it has not let go of is bounded. */
bool slv_sights_may_tell(slv_sights *s, const slv_trace *t)
{
    size_t size = slv_trace_size(t);

    if (atomic_load_explicit(&s->telling, memory_order_relaxed) + size > TELLING_MAX) {
        s->dropped++;
        return false;
    }
    atomic_fetch_add_explicit(&s->telling, size, memory_order_relaxed);
    return true;
}

void slv_sights_told(slv_sights *s, const slv_trace *t)
{
    atomic_fetch_sub_explicit(&s->telling, slv_trace_size(t), memory_order_relaxed);
}

/* ---- sessions ---- */

slv_code slv_watch_key(slv_buf *out, slv_str tenant, slv_str dispatch, slv_str worker)
{
    SLV_TRY(slv_buf_append(out, tenant));
    SLV_TRY(slv_buf_append_byte(out, '\0'));
    SLV_TRY(slv_buf_append(out, dispatch));
    SLV_TRY(slv_buf_append_byte(out, '\0'));
    return slv_buf_append(out, worker);
}

typedef struct watch_order {
    slv_mail mail;
    slv_shard *shard;
    bool on;
    slv_buf key;
} watch_order;

static void on_watch(slv_mail *mail)
{
    watch_order *o = slv_container_of(mail, watch_order, mail);
    slv_sights *s = o->shard->sights;
    slv_str key = slv_buf_view(&o->key);

    if (s) {
        const unsigned *known = slv_map_get(&s->watched, key);
        unsigned count = known ? *known : 0;

        if (o->on)
            slv_map_set(&s->watched, key, count + 1);
        else if (count > 1)
            slv_map_set(&s->watched, key, count - 1);
        else
            (void)slv_map_remove(&s->watched, key);
    }
    slv_buf_done(&o->key);
    free(o);
}

void slv_server_watch(slv_server *server, slv_str tenant, slv_str dispatch, slv_str worker, bool on)
{
    for (unsigned i = 0; i < server->count; i++) {
        watch_order *o = slv_new0(watch_order);

        *o = (watch_order){
            .mail.fn = on_watch, .shard = server->shards[i], .on = on, .key = SLV_BUF(KEY_MAX)};
        if (slv_watch_key(&o->key, tenant, dispatch, worker) != SLV_OK) {
            slv_buf_done(&o->key);
            free(o);
            return; /* no worker has such a name */
        }
        slv_loop_post(o->shard->loop, &o->mail);
    }
}
