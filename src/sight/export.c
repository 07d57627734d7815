/*
 * OTLP/HTTP: batches of spans and of log records, each to its own path below the endpoint. A batch
 * that a collector cannot take now is tried again, later each time; what gathers meanwhile is
 * bounded, and what does not fit is dropped and counted.
 */
#include <stdlib.h>

#include "aio/timer.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/client.h"
#include "sight/sight_int.h"

#define FLUSH_MS 500
#define BATCH_BYTES ((size_t)1 << 20) /* sent before the timer */
#define GATHER_BYTES ((size_t)16 << 20)
#define TRIES_MAX 6
#define RETRY_MS 500 /* doubled each time */
#define ANSWER_MAX ((size_t)64 << 10)

/* Spans, or log records. */
typedef struct lane {
    slv_export *x;
    const char *head, *tail; /* of the whole request's body */
    const char *path;
    slv_buf gathered; /* objects, separated by commas */
    size_t gathered_count;
    slv_buf sending; /* a body; empty: nothing is under way */
    size_t sending_count;
    slv_fetch *fetch; /* NULL: between tries */
    int status;
    unsigned tries;
    slv_timer retry;
} lane;

struct slv_export {
    slv_sight *sight;
    slv_client *client;
    slv_arena arena;
    slv_str endpoint, service, headers; /* headers: a block */
    lane lanes[2];
    slv_timer timer, deadline;
    uint64_t lost;
    bool stopping, complained;
};

enum {
    LANE_SPANS,
    LANE_RECORDS,
};

/* ---- sending ---- */

static void lane_send(lane *l);

static bool is_idle(const slv_export *x)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(x->lanes); i++) {
        if (x->lanes[i].sending.len > 0 || x->lanes[i].gathered.len > 0)
            return false;
    }
    return true;
}

static void stopped(slv_export *x)
{
    slv_timer_stop(&x->deadline);
    x->stopping = false;
    slv_sight_part_stopped(x->sight);
}

/* The batch is over, one way or the other. */
static void settle(lane *l, bool ok)
{
    slv_export *x = l->x;

    if (!ok)
        x->lost += l->sending_count;
    slv_buf_done(&l->sending);
    l->sending = SLV_BUF(GATHER_BYTES + 4096);
    l->sending_count = 0;
    l->tries = 0;
    if (l->gathered.len > 0)
        lane_send(l);
    else if (x->stopping && is_idle(x))
        stopped(x);
}

static void on_retry(slv_timer *timer)
{
    lane_send(slv_container_of(timer, lane, retry));
}

static void again(lane *l, slv_str why)
{
    if (!l->x->complained)
        slv_log(SLV_LOG_WARN, "%.*s%s does not take traces: %.*s", SLV_STR_ARGS(l->x->endpoint),
                l->path, SLV_STR_ARGS(why));
    l->x->complained = true;
    if (++l->tries >= TRIES_MAX) {
        settle(l, false);
        return;
    }
    l->retry.fn = on_retry;
    slv_timer_start(&l->retry, l->x->sight->loop, (uint64_t)RETRY_MS << l->tries);
}

static void on_response(slv_fetch *fetch, const slv_fetch_response *r)
{
    lane *l = slv_fetch_user(fetch);

    l->status = r->status;
    slv_fetch_credit(fetch, ANSWER_MAX);
}

static void on_data(slv_fetch *fetch, slv_str bytes)
{
    slv_fetch_credit(fetch, bytes.len); /* what it says is for people who look at it */
}

static void on_end(slv_fetch *fetch)
{
    lane *l = slv_fetch_user(fetch);
    int status = l->status;
    char text[32];

    l->fetch = NULL;
    if (status >= 200 && status < 300) {
        l->x->complained = false;
        settle(l, true);
        return;
    }
    (void)snprintf(text, sizeof text, "status %d", status);
    if (status == 429 || status == 502 || status == 503 || status == 504) {
        again(l, slv_str_from(text));
    } else { /* it would say the same again */
        slv_log(SLV_LOG_WARN, "%.*s%s refuses traces: %s", SLV_STR_ARGS(l->x->endpoint), l->path,
                text);
        settle(l, false);
    }
}

static void on_fail(slv_fetch *fetch, slv_code code, slv_str message)
{
    lane *l = slv_fetch_user(fetch);

    (void)code;
    l->fetch = NULL;
    again(l, message);
}

static void on_writable(slv_fetch *fetch)
{
    (void)fetch;
}

static const slv_fetch_handlers handlers = {
    .response = on_response,
    .data = on_data,
    .end = on_end,
    .fail = on_fail,
    .writable = on_writable,
};

static slv_code fill(lane *l)
{
    SLV_TRY(slv_buf_append(&l->sending, slv_str_from(l->head)));
    SLV_TRY(slv_buf_append(&l->sending, slv_buf_view(&l->gathered)));
    SLV_TRY(slv_buf_append(&l->sending, slv_str_from(l->tail)));
    l->sending_count = l->gathered_count;
    l->gathered_count = 0;
    slv_buf_reset(&l->gathered);
    return SLV_OK;
}

static void lane_send(lane *l)
{
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF((size_t)8 << 10);
    slv_err err = {0};
    slv_code code = SLV_OK;

    if (l->fetch || slv_timer_started(&l->retry))
        return;
    if (l->sending.len == 0)
        code = fill(l);
    if (code == SLV_OK)
        code = slv_buf_printf(&url, "%.*s%s", SLV_STR_ARGS(l->x->endpoint), l->path);
    const slv_fetch_request request = {
        .method = SLV_STR("POST"),
        .url = slv_buf_view(&url),
        .headers = l->x->headers,
        .body = slv_buf_view(&l->sending),
        .redirect = SLV_REDIRECT_ERROR,
    };
    l->status = 0;
    if (code == SLV_OK)
        code = slv_fetch_start(l->x->client, &request, &handlers, l, &l->fetch, &err);
    if (code != SLV_OK)
        again(l, slv_str_from(slv_err_text(&err)));
}

static void on_timer(slv_timer *timer)
{
    slv_export *x = slv_container_of(timer, slv_export, timer);

    for (size_t i = 0; i < SLV_ARRAY_LEN(x->lanes); i++) {
        if (x->lanes[i].gathered.len > 0 && x->lanes[i].sending.len == 0)
            lane_send(&x->lanes[i]);
    }
}

/* ---- gathering ---- */

static slv_code put_object(const slv_export *x, const lane *l, slv_buf *out, slv_trace *t)
{
    bool spans = l == &x->lanes[LANE_SPANS];

    if (out->len > 0)
        SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(slv_buf_append_byte(out, '{'));
    SLV_TRY(slv_otlp_put_resource(out, t, x->service));
    SLV_TRY(slv_buf_append(
        out, spans
                 ? SLV_STR(",\"scopeSpans\":[{\"scope\":{\"name\":\"selvage\"},\"spans\":[")
                 : SLV_STR(",\"scopeLogs\":[{\"scope\":{\"name\":\"selvage\"},\"logRecords\":[")));
    SLV_TRY(spans ? slv_otlp_put_spans(out, t) : slv_otlp_put_records(out, t));
    return slv_buf_append(out, SLV_STR("]}]}"));
}

static void gather(slv_export *x, lane *l, slv_trace *t)
{
    size_t at = l->gathered.len;

    if (x->stopping || put_object(x, l, &l->gathered, t) != SLV_OK) {
        l->gathered.len = at;
        x->lost++;
        return;
    }
    l->gathered_count++;
    if (l->gathered.len >= BATCH_BYTES && l->sending.len == 0)
        lane_send(l);
    else if (!slv_timer_started(&x->timer))
        slv_timer_start(&x->timer, x->sight->loop, FLUSH_MS);
}

void slv_export_take(slv_export *x, slv_trace *t)
{
    if (t->want & SLV_TRACE_EXPORT && !t->context.unsampled)
        gather(x, &x->lanes[LANE_SPANS], t);
    if (t->want & SLV_TRACE_LOGS && (t->logs.count > 0 || t->errors.count > 0))
        gather(x, &x->lanes[LANE_RECORDS], t);
}

/* ---- life ---- */

static slv_code put_headers(const slv_sight_options *o, slv_buf *out, slv_err *err)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("content-type:application/json\n")));
    for (size_t i = 0; i < o->otlp_header_count; i++) {
        slv_str line = o->otlp_headers[i];
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon == SIZE_MAX)
            return slv_fail(err, SLV_E_INVAL, "'%.*s' is not a header: NAME: VALUE is one",
                            SLV_STR_ARGS(line));
        SLV_TRY(slv_buf_append(out, slv_str_trim(slv_str_sub(line, 0, colon))));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_buf_append(out, slv_str_trim(slv_str_skip(line, colon + 1))));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    if (!slv_header_block_valid(slv_buf_view(out)))
        return slv_fail(err, SLV_E_INVAL, "a header for the exporter cannot be sent");
    return SLV_OK;
}

static slv_code copy_options(slv_export *x, const slv_sight_options *o, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF((size_t)64 << 10);
    slv_str endpoint = o->otlp_endpoint;

    if (!slv_str_starts(endpoint, SLV_STR("http://")) &&
        !slv_str_starts(endpoint, SLV_STR("https://")))
        return slv_fail(err, SLV_E_INVAL, "the exporter's endpoint must be an http or https URL");
    while (slv_str_ends(endpoint, SLV_STR("/")))
        endpoint.len--;
    SLV_TRY(put_headers(o, &headers, err));
    SLV_TRY(slv_arena_dup(&x->arena, endpoint, &x->endpoint));
    SLV_TRY(slv_arena_dup(&x->arena, slv_buf_view(&headers), &x->headers));
    return slv_arena_dup(&x->arena, o->otlp_service, &x->service);
}

slv_code slv_export_new(slv_sight *s, const slv_sight_options *o, slv_export **ret, slv_err *err)
{
    const slv_client_options client = {.ca_file = o->ca_file};
    slv_export *x = slv_new0(slv_export);
    slv_code code;

    x->sight = s;
    x->arena = SLV_ARENA((size_t)1 << 20);
    x->timer.fn = on_timer;
    x->lanes[LANE_SPANS] =
        (lane){.head = "{\"resourceSpans\":[", .tail = "]}", .path = "/v1/traces"};
    x->lanes[LANE_RECORDS] =
        (lane){.head = "{\"resourceLogs\":[", .tail = "]}", .path = "/v1/logs"};
    for (size_t i = 0; i < SLV_ARRAY_LEN(x->lanes); i++) {
        x->lanes[i].x = x;
        x->lanes[i].gathered = SLV_BUF(GATHER_BYTES);
        x->lanes[i].sending = SLV_BUF(GATHER_BYTES + 4096);
    }
    code = copy_options(x, o, err);
    if (code == SLV_OK)
        code = slv_client_new(s->loop, &client, &x->client, err);
    if (code != SLV_OK) {
        (void)slv_export_free(x);
        return code;
    }
    *ret = x;
    return SLV_OK;
}

slv_export *slv_export_free(slv_export *x)
{
    if (!x)
        return NULL;
    slv_timer_stop(&x->timer);
    slv_timer_stop(&x->deadline);
    for (size_t i = 0; i < SLV_ARRAY_LEN(x->lanes); i++) {
        lane *l = &x->lanes[i];

        slv_timer_stop(&l->retry);
        slv_buf_done(&l->gathered);
        slv_buf_done(&l->sending);
    }
    slv_client_free(x->client);
    slv_arena_done(&x->arena);
    free(x);
    return NULL;
}

uint64_t slv_export_lost(const slv_export *x)
{
    return x->lost;
}

static void on_deadline(slv_timer *timer)
{
    slv_export *x = slv_container_of(timer, slv_export, deadline);

    for (size_t i = 0; i < SLV_ARRAY_LEN(x->lanes); i++) {
        lane *l = &x->lanes[i];

        slv_timer_stop(&l->retry);
        if (l->fetch)
            slv_fetch_abort(SLV_STEAL(l->fetch));
        x->lost += l->sending_count + l->gathered_count;
        slv_buf_reset(&l->sending);
        slv_buf_reset(&l->gathered);
    }
    stopped(x);
}

void slv_export_stop(slv_export *x, uint32_t timeout_ms)
{
    x->stopping = true;
    x->deadline.fn = on_deadline;
    /* also when nothing waits: told from the loop */
    slv_timer_start(&x->deadline, x->sight->loop, is_idle(x) ? 0 : timeout_ms);
    on_timer(&x->timer);
}
