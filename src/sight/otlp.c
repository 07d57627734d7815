/*
 * Traces as OTLP in JSON (opentelemetry-proto 1.x, the JSON mapping of its specification): a span
 * for the handler and one for each operation beneath it, and a log record for each console line and
 * error. Names of attributes are those of the semantic conventions where there are any, and those
 * of the platform's own traces ("cloudflare.*") elsewhere.
 */
#include <stdio.h>

#include "fmt/json.h"
#include "fmt/redact.h"
#include "sight/sight_int.h"

#define URL_MAX ((size_t)256 << 10)
#define STACK_MAX ((size_t)256 << 10)

enum {
    SPAN_INTERNAL = 1,
    SPAN_SERVER = 2,
    SPAN_CLIENT = 3,
    SPAN_CONSUMER = 5,
};

/* ---- parts ---- */

static slv_code put_text_attr(slv_buf *out, const char *key, slv_str value)
{
    if (value.len == 0)
        return SLV_OK;
    if (out->len > 0 && out->ptr[out->len - 1] == '}')
        SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(slv_buf_printf(out, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key));
    SLV_TRY(slv_json_put_string(out, value));
    return slv_buf_append(out, SLV_STR("}}"));
}

/* 64-bit numbers are strings in this mapping. */
static slv_code put_int_attr(slv_buf *out, const char *key, int64_t value)
{
    if (out->len > 0 && out->ptr[out->len - 1] == '}')
        SLV_TRY(slv_buf_append_byte(out, ','));
    return slv_buf_printf(out, "{\"key\":\"%s\",\"value\":{\"intValue\":\"%lld\"}}", key,
                          (long long)value);
}

static slv_code put_double_attr(slv_buf *out, const char *key, double value)
{
    if (out->len > 0 && out->ptr[out->len - 1] == '}')
        SLV_TRY(slv_buf_append_byte(out, ','));
    return slv_buf_printf(out, "{\"key\":\"%s\",\"value\":{\"doubleValue\":%.6g}}", key, value);
}

static slv_code put_url_attr(slv_buf *out, const char *key, slv_str url)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(URL_MAX);

    SLV_TRY(slv_redact_url(url, &text, NULL));
    return put_text_attr(out, key, slv_buf_view(&text));
}

static slv_code put_ids(slv_buf *out, const slv_trace *t, uint64_t span)
{
    return slv_buf_printf(out, "\"traceId\":\"%016llx%016llx\",\"spanId\":\"%016llx\"",
                          (unsigned long long)t->context.high, (unsigned long long)t->context.low,
                          (unsigned long long)span);
}

static slv_code put_time(slv_buf *out, const char *name, const slv_trace *t, uint64_t after_us)
{
    uint64_t ns = (uint64_t)t->wall_ms * 1000000 + after_us * 1000;

    return slv_buf_printf(out, ",\"%s\":\"%llu\"", name, (unsigned long long)ns);
}

slv_code slv_otlp_put_resource(slv_buf *out, const slv_trace *t, slv_str service)
{
    const slv_version *v = t->version;

    SLV_TRY(slv_buf_append(out, SLV_STR("\"resource\":{\"attributes\":[")));
    SLV_TRY(put_text_attr(out, "service.name", service.len > 0 ? service : v->name));
    SLV_TRY(put_text_attr(out, "service.version", v->id));
    SLV_TRY(put_text_attr(out, "service.namespace", v->tenant));
    SLV_TRY(put_text_attr(out, "faas.name", v->name));
    SLV_TRY(put_text_attr(out, "faas.version", v->id));
    SLV_TRY(put_text_attr(out, "cloudflare.script_name", v->name));
    SLV_TRY(put_text_attr(out, "cloudflare.dispatch_namespace", v->dispatch));
    return slv_buf_append(out, SLV_STR("]}"));
}

/* ---- the handler's span ---- */

static slv_code put_event_attrs(slv_buf *out, const slv_trace *t)
{
    switch (t->kind) {
    case SLV_TRACED_FETCH:
        SLV_TRY(put_text_attr(out, "faas.trigger", SLV_STR("http")));
        SLV_TRY(put_text_attr(out, "http.request.method", t->method));
        SLV_TRY(put_url_attr(out, "url.full", t->url));
        SLV_TRY(put_text_attr(out, "cloudflare.ray_id", t->ray));
        return t->status ? put_int_attr(out, "http.response.status_code", t->status) : SLV_OK;
    case SLV_TRACED_SCHEDULED:
        SLV_TRY(put_text_attr(out, "faas.trigger", SLV_STR("timer")));
        SLV_TRY(put_int_attr(out, "cloudflare.scheduled_time", t->time_ms));
        return put_text_attr(out, "faas.cron", t->text);
    case SLV_TRACED_QUEUE:
        SLV_TRY(put_text_attr(out, "faas.trigger", SLV_STR("pubsub")));
        SLV_TRY(put_text_attr(out, "cloudflare.queue.name", t->text));
        return put_int_attr(out, "cloudflare.queue.batch_size", (int64_t)t->size);
    case SLV_TRACED_ALARM:
        SLV_TRY(put_text_attr(out, "faas.trigger", SLV_STR("timer")));
        return put_int_attr(out, "cloudflare.scheduled_time", t->time_ms);
    case SLV_TRACED_RPC:
        SLV_TRY(put_text_attr(out, "faas.trigger", SLV_STR("other")));
        return put_text_attr(out, "cloudflare.jsrpc.method", t->text);
    case SLV_TRACED_SOCKET:
        return put_text_attr(out, "cloudflare.websocket.event", t->text);
    case SLV_TRACED_EMAIL:
    case SLV_TRACED_TAIL:
    case SLV_TRACED_NOTHING:
        break;
    }
    return SLV_OK;
}

static int span_kind(slv_trace_kind kind)
{
    return kind == SLV_TRACED_QUEUE                             ? SPAN_CONSUMER
           : kind == SLV_TRACED_FETCH || kind == SLV_TRACED_RPC ? SPAN_SERVER
                                                                : SPAN_INTERNAL;
}

static slv_code put_status(slv_buf *out, bool ok, slv_str message)
{
    if (ok)
        return slv_buf_append(out, SLV_STR(",\"status\":{\"code\":1}"));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"status\":{\"code\":2,\"message\":")));
    SLV_TRY(slv_json_put_string(out, message));
    return slv_buf_append_byte(out, '}');
}

static slv_code put_error_events(slv_buf *out, const slv_trace *t)
{
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"events\":[")));
    for (const slv_trace_error *e = t->errors.first; e; e = e->next) {
        SLV_TRY(slv_buf_printf(out,
                               "%s{\"timeUnixNano\":\"%lld000000\",\"name\":\"exception\","
                               "\"attributes\":[",
                               e == t->errors.first ? "" : ",", (long long)e->wall_ms));
        SLV_TRY(put_text_attr(out, "exception.type", e->name));
        SLV_TRY(put_text_attr(out, "exception.message", e->message));
        SLV_TRY(slv_buf_append(out, SLV_STR("]}")));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code put_handler(slv_buf *out, const slv_trace *t)
{
    bool ok = strcmp(t->outcome, "ok") == 0;

    SLV_TRY(slv_buf_append_byte(out, '{'));
    SLV_TRY(put_ids(out, t, t->context.span));
    if (t->context.parent)
        SLV_TRY(slv_buf_printf(out, ",\"parentSpanId\":\"%016llx\"",
                               (unsigned long long)t->context.parent));
    SLV_TRY(slv_buf_printf(out, ",\"name\":\"%s\",\"kind\":%d", slv_trace_kind_name(t->kind),
                           span_kind(t->kind)));
    SLV_TRY(put_time(out, "startTimeUnixNano", t, 0));
    SLV_TRY(put_time(out, "endTimeUnixNano", t, t->wall_us));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"attributes\":[")));
    SLV_TRY(put_text_attr(out, "cloudflare.outcome", slv_str_from(t->outcome)));
    SLV_TRY(
        put_text_attr(out, "cloudflare.handler_type", slv_str_from(slv_trace_kind_name(t->kind))));
    SLV_TRY(put_text_attr(out, "cloudflare.entrypoint", t->entrypoint));
    SLV_TRY(put_text_attr(out, "cloudflare.durable_object.id", t->object_id));
    SLV_TRY(put_double_attr(out, "cloudflare.cpu_time_ms", (double)t->cpu_us / 1000));
    SLV_TRY(put_double_attr(out, "cloudflare.wall_time_ms", (double)t->wall_us / 1000));
    SLV_TRY(put_event_attrs(out, t));
    SLV_TRY(slv_buf_append_byte(out, ']'));
    if (t->errors.count > 0)
        SLV_TRY(put_error_events(out, t));
    SLV_TRY(put_status(out, ok, slv_str_from(t->outcome)));
    return slv_buf_append_byte(out, '}');
}

/* ---- operations ---- */

/* Names of operations by their kinds on the channel (docs/internals/stores.md). */
static const char *operation_name(unsigned op)
{
    static const struct {
        uint16_t op;
        const char *name;
    } names[] = {
        {16, "get"},
        {17, "get_bulk"},
        {18, "put"},
        {19, "delete"},
        {20, "list"},
        {32, "head"},
        {33, "get"},
        {34, "put"},
        {35, "delete"},
        {36, "list"},
        {37, "create_multipart_upload"},
        {38, "upload_part"},
        {39, "complete_multipart_upload"},
        {40, "abort_multipart_upload"},
        {56, "query"},
        {104, "send"},
        {105, "metrics"},
        {106, "send_batch"},
        {112, "match"},
        {113, "put"},
        {114, "delete"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        if (names[i].op == op)
            return names[i].name;
    }
    return "";
}

/* "cloudflare.kv", a system of stores, and the key of what it is called. */
static const char *resource_key(const char *kind)
{
    static const struct {
        const char *kind, *key;
    } keys[] = {
        {"kv", "cloudflare.kv.namespace_id"},
        {"r2", "cloudflare.r2.bucket"},
        {"d1", "cloudflare.d1.database_id"},
        {"queue", "cloudflare.queue.name"},
        {"durable_object", "cloudflare.durable_object.class_name"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i].kind, kind) == 0)
            return keys[i].key;
    }
    return NULL;
}

static bool is_store(const char *kind)
{
    return strcmp(kind, "kv") == 0 || strcmp(kind, "r2") == 0 || strcmp(kind, "d1") == 0 ||
           strcmp(kind, "cache") == 0 || strcmp(kind, "dynamodb") == 0;
}

static slv_code put_span_attrs(slv_buf *out, const slv_trace_span *s)
{
    const char *operation = operation_name(s->op), *key = resource_key(s->kind);
    char system[64];

    if (strcmp(s->kind, "fetch") == 0) {
        SLV_TRY(put_text_attr(out, "http.request.method", s->name));
        return put_url_attr(out, "url.full", s->detail);
    }
    SLV_TRY(put_text_attr(out, "cloudflare.binding.type", slv_str_from(s->kind)));
    SLV_TRY(put_text_attr(out, "cloudflare.binding.name", s->name));
    if (is_store(s->kind)) {
        (void)snprintf(system, sizeof system, "cloudflare-%s", s->kind);
        SLV_TRY(put_text_attr(out, "db.system.name", slv_str_from(system)));
        SLV_TRY(put_text_attr(out, "db.operation.name", slv_str_from(operation)));
    }
    if (key)
        return put_text_attr(out, key, s->detail);
    if (strcmp(s->kind, "connect") == 0)
        return put_text_attr(out, "server.address", s->detail);
    return put_text_attr(out, "cloudflare.jsrpc.method", s->detail);
}

static slv_code put_operation(slv_buf *out, const slv_trace *t, const slv_trace_span *s)
{
    const char *operation = operation_name(s->op);

    SLV_TRY(slv_buf_append(out, SLV_STR(",{")));
    SLV_TRY(put_ids(out, t, s->id));
    SLV_TRY(slv_buf_printf(out, ",\"parentSpanId\":\"%016llx\",\"name\":\"%s%s%s\",\"kind\":%d",
                           (unsigned long long)t->context.span, s->kind, operation[0] ? "_" : "",
                           operation, SPAN_CLIENT));
    SLV_TRY(put_time(out, "startTimeUnixNano", t, s->start_us));
    SLV_TRY(put_time(out, "endTimeUnixNano", t, s->start_us + s->time_us));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"attributes\":[")));
    SLV_TRY(put_span_attrs(out, s));
    SLV_TRY(slv_buf_append_byte(out, ']'));
    SLV_TRY(put_status(out, !s->failed, SLV_STR("the operation failed")));
    return slv_buf_append_byte(out, '}');
}

slv_code slv_otlp_put_spans(slv_buf *out, const slv_trace *t)
{
    SLV_TRY(put_handler(out, t));
    for (const slv_trace_span *s = t->spans.first; s; s = s->next)
        SLV_TRY(put_operation(out, t, s));
    return SLV_OK;
}

/* ---- log records ---- */

static slv_code begin_record(slv_buf *out, const slv_trace *t, bool first, int64_t ms, int severity,
                             const char *name)
{
    SLV_TRY(slv_buf_printf(out,
                           "%s{\"timeUnixNano\":\"%lld000000\",\"observedTimeUnixNano\":"
                           "\"%lld000000\",\"severityNumber\":%d,\"severityText\":\"%s\"",
                           first ? "" : ",", (long long)ms, (long long)ms, severity, name));
    if (t->context.span) {
        SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_ids(out, t, t->context.span));
    }
    return slv_buf_append(out, SLV_STR(",\"body\":{\"stringValue\":"));
}

static slv_code end_record(slv_buf *out, const slv_trace *t)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("},\"attributes\":[")));
    SLV_TRY(
        put_text_attr(out, "cloudflare.handler_type", slv_str_from(slv_trace_kind_name(t->kind))));
    SLV_TRY(put_text_attr(out, "cloudflare.outcome", slv_str_from(t->outcome)));
    return put_text_attr(out, "cloudflare.ray_id", t->ray);
}

slv_code slv_otlp_put_records(slv_buf *out, slv_trace *t)
{
    static const struct {
        int number;
        const char *name;
    } severities[] = {{5, "DEBUG"}, {9, "INFO"}, {9, "INFO"}, {13, "WARN"}, {17, "ERROR"}};
    bool first = true;

    for (const slv_trace_log *l = t->logs.first; l; l = l->next) {
        if (l->level == SLV_CONSOLE_CHANNEL)
            continue;
        SLV_TRY(begin_record(out, t, first, l->wall_ms, severities[l->level].number,
                             severities[l->level].name));
        SLV_TRY(slv_json_put_string(out, l->values));
        SLV_TRY(end_record(out, t));
        SLV_TRY(slv_buf_append(out, SLV_STR("]}")));
        first = false;
    }
    for (const slv_trace_error *e = t->errors.first; e; e = e->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf stack = SLV_BUF(STACK_MAX);

        SLV_TRY(begin_record(out, t, first, e->wall_ms, 17, "ERROR"));
        SLV_TRY(slv_json_put_string(out, e->message));
        SLV_TRY(end_record(out, t));
        SLV_TRY(put_text_attr(out, "exception.type", e->name));
        SLV_TRY(put_text_attr(out, "exception.message", e->message));
        if (slv_trace_put_stack(&stack, t, e) == SLV_OK)
            SLV_TRY(put_text_attr(out, "exception.stacktrace", slv_buf_view(&stack)));
        SLV_TRY(slv_buf_append(out, SLV_STR("]}")));
        first = false;
    }
    return SLV_OK;
}
