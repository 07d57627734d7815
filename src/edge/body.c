#include "base/mem.h"
#include "edge/body_int.h"

void slv_body_join(slv_source *src, slv_sink *sink)
{
    SLV_ASSERT(!src->sink && !sink->source);
    src->sink = sink;
    sink->source = src;
    if (src->ops->joined)
        src->ops->joined(src); /* may be all there is */
    if (sink->source && sink->ops->joined)
        sink->ops->joined(sink);
}

static slv_sink *part_source(slv_source *src)
{
    slv_sink *sink = src->sink;

    src->sink = NULL;
    if (sink)
        sink->source = NULL;
    return sink;
}

void slv_source_push(slv_source *src, slv_str bytes, bool fin)
{
    slv_sink *sink = fin ? part_source(src) : src->sink;

    if (sink)
        sink->ops->data(sink, bytes, fin);
}

void slv_source_fail(slv_source *src, slv_str message)
{
    slv_sink *sink = part_source(src);

    if (sink)
        sink->ops->fail(sink, message);
}

void slv_sink_credit(slv_sink *sink, size_t n)
{
    if (sink->source && n > 0)
        sink->source->ops->credit(sink->source, n);
}

slv_source *slv_sink_take_source(slv_sink *sink)
{
    slv_source *src = sink->source;

    if (src)
        (void)part_source(src);
    return src;
}

void slv_sink_cancel(slv_sink *sink, slv_str reason)
{
    slv_source *src = slv_sink_take_source(sink);

    if (src)
        src->ops->cancel(src, reason);
}

/* ---- what an isolate sends ---- */

/* One end of an isolate's stream, listed by its event. */
typedef struct stream_end {
    slv_owned owned;
    slv_stream st;
    bool is_source;
    union {
        struct {
            slv_source source;
            size_t granted, delivered, consumed;
            slv_buf early; /* what came before there was a sink */
            bool joined, early_fin, early_failed;
        };
        struct {
            slv_sink sink;
            slv_buf pending; /* what the isolate has not asked for yet */
            bool fin, failed, asked;
        };
    };
} stream_end;

static void end_ended(slv_owned *owned, slv_str message);

static void free_end(stream_end *end)
{
    slv_list_remove(&end->owned.node);
    slv_buf_done(end->is_source ? &end->early : &end->pending);
    free(end);
}

static stream_end *of_stream(slv_stream *st)
{
    return slv_container_of(st, stream_end, st);
}

static void source_data(slv_stream *st, slv_str bytes, bool fin)
{
    stream_end *end = of_stream(st);

    end->delivered += bytes.len;
    if (!end->joined) {
        end->early_fin = fin;
        if (slv_buf_append(&end->early, bytes) != SLV_OK)
            end->early_failed = true;
        return;
    }
    if (!fin) {
        slv_source_push(&end->source, bytes, false); /* may cancel, which frees end */
        return;
    }
    slv_sink *sink = part_source(&end->source);
    free_end(end);
    if (sink)
        sink->ops->data(sink, bytes, true);
}

static void source_failed(slv_stream *st, slv_str message)
{
    stream_end *end = of_stream(st);

    if (!end->joined) {
        end->early_failed = true;
        return;
    }
    slv_sink *sink = part_source(&end->source);
    free_end(end);
    if (sink)
        sink->ops->fail(sink, message);
}

static const slv_stream_ops source_stream_ops = {.data = source_data, .failed = source_failed};

static void source_credit(slv_source *src, size_t n)
{
    stream_end *end = slv_container_of(src, stream_end, source);

    /* Only what has come can be consumed; what is granted in advance counts when it comes. */
    end->granted += n;
    size_t upto = SLV_MIN(end->granted, end->delivered);
    if (upto > end->consumed) {
        slv_stream_consume(&end->st, upto - end->consumed);
        end->consumed = upto;
    }
}

static void source_cancel(slv_source *src, slv_str reason)
{
    stream_end *end = slv_container_of(src, stream_end, source);

    slv_stream_cancel(&end->st, reason);
    free_end(end);
}

/* What came early goes first. May free end. */
static void source_joined(slv_source *src)
{
    stream_end *end = slv_container_of(src, stream_end, source);
    slv_buf early = end->early;
    bool fin = end->early_fin, failed = end->early_failed;

    end->joined = true;
    end->early = (slv_buf){0};
    slv_sink *sink = fin || failed ? part_source(src) : src->sink;
    if (fin || failed)
        free_end(end);
    if (failed)
        sink->ops->fail(sink, SLV_STR("The body could not be read."));
    else if (fin || early.len > 0)
        sink->ops->data(sink, slv_buf_view(&early), fin);
    slv_buf_done(&early);
}

static const slv_source_ops source_ops = {source_credit, source_cancel, source_joined};

slv_code slv_link_source_open(slv_link *link, uint32_t *number, uint32_t event,
                              slv_streams *streams, slv_source **ret, slv_err *err)
{
    stream_end *end = slv_new0(stream_end);

    end->is_source = true;
    end->owned.ended = end_ended;
    end->source.ops = &source_ops;
    end->early = SLV_BUF(SLV_FLOW_WINDOW);
    end->st.ops = &source_stream_ops;
    end->st.event = event;
    slv_code code = slv_stream_open(&end->st, link, SLV_STREAM_IN, *number, err);
    if (code != SLV_OK) {
        free(end);
        return code;
    }
    slv_list_push(&streams->list, &end->owned.node);
    *number = end->st.number;
    *ret = &end->source;
    return SLV_OK;
}

/* ---- what an isolate reads ---- */

/* Passes on what the isolate has credit for. Before it asks nothing is, not even the end, so that
   the stream can be handed back. False: the stream is over, and end was freed. */
static bool sink_pump(stream_end *end)
{
    if (!end->asked)
        return true;
    if (end->failed) {
        slv_stream_fail(&end->st, slv_buf_view(&end->pending));
        free_end(end);
        return false;
    }
    if (end->pending.len == 0 && !end->fin)
        return true;
    size_t n = slv_stream_write(&end->st, slv_buf_view(&end->pending), end->fin);
    slv_buf_consume(&end->pending, n);
    if (!slv_stream_is_open(&end->st)) { /* fin has gone */
        free_end(end);
        return false;
    }
    if (end->pending.len == 0)
        slv_buf_done(&end->pending);
    return true;
}

static void sink_data(slv_sink *sink, slv_str bytes, bool fin)
{
    stream_end *end = slv_container_of(sink, stream_end, sink);
    size_t n = 0;

    if (end->asked && end->pending.len == 0) {
        n = slv_stream_write(&end->st, bytes, fin);
        if (!slv_stream_is_open(&end->st)) {
            free_end(end);
            return;
        }
    }
    end->fin = fin;
    if (slv_buf_append(&end->pending, slv_str_skip(bytes, n)) != SLV_OK) {
        slv_stream_fail(&end->st, SLV_STR("too much was sent at once"));
        slv_sink_cancel(sink, SLV_STR("too much was sent at once"));
        free_end(end);
    }
}

static void sink_fail(slv_sink *sink, slv_str message)
{
    stream_end *end = slv_container_of(sink, stream_end, sink);

    end->failed = true; /* what had come is worth nothing */
    if (slv_buf_set(&end->pending, message) != SLV_OK)
        slv_buf_reset(&end->pending);
    (void)sink_pump(end);
}

static const slv_sink_ops link_sink_ops = {.data = sink_data, .fail = sink_fail};

static void sink_asked(slv_stream *st, uint32_t n)
{
    stream_end *end = of_stream(st);

    end->asked = true;
    /* The isolate's credit goes to the source as it is, so that nothing piles up here. The source
     * may give all that it has at once: end is gone then. */
    if (sink_pump(end))
        slv_sink_credit(&end->sink, n);
}

static void sink_canceled(slv_stream *st, slv_str reason)
{
    stream_end *end = of_stream(st);

    slv_sink_cancel(&end->sink, reason);
    slv_stream_fail(&end->st, reason);
    free_end(end);
}

static void sink_failed(slv_stream *st, slv_str message)
{
    stream_end *end = of_stream(st);

    slv_sink_cancel(&end->sink, message);
    free_end(end);
}

static const slv_stream_ops sink_stream_ops = {
    .credited = sink_asked, .canceled = sink_canceled, .failed = sink_failed};

slv_code slv_link_sink_open(slv_link *link, uint32_t *number, uint32_t event, slv_streams *streams,
                            slv_sink **ret, slv_err *err)
{
    stream_end *end = slv_new0(stream_end);

    end->owned.ended = end_ended;
    end->sink.ops = &link_sink_ops;
    end->st.ops = &sink_stream_ops;
    end->st.event = event;
    end->pending = SLV_BUF(2 * (size_t)SLV_FLOW_CREDIT_MAX);
    slv_code code = slv_stream_open(&end->st, link, SLV_STREAM_OUT, *number, err);
    if (code != SLV_OK) {
        free(end);
        return code;
    }
    slv_list_push(&streams->list, &end->owned.node);
    *ret = &end->sink;
    *number = end->st.number;
    return SLV_OK;
}

/* ---- the event's end ---- */

static void end_ended(slv_owned *owned, slv_str message)
{
    stream_end *end = slv_container_of(owned, stream_end, owned);

    slv_stream_forget(&end->st);
    if (end->is_source) {
        slv_sink *sink = part_source(&end->source);

        free_end(end);
        if (sink)
            sink->ops->fail(sink, message);
    } else {
        slv_sink_cancel(&end->sink, message);
        free_end(end);
    }
}

void slv_streams_end(slv_streams *streams, slv_str message)
{
    slv_list *node;

    while ((node = slv_list_pop(&streams->list)) != NULL) {
        slv_owned *owned = slv_container_of(node, slv_owned, node);

        owned->ended(owned, message);
    }
}

/*
 * A body that was handed back: what had come for the isolate goes first, then what its source still
 * sends. Both a sink and a source.
 */
typedef struct relay {
    slv_source out;
    slv_sink in;
    slv_buf early;
    bool fin, failed;
} relay;

static void relay_free(relay *r)
{
    slv_buf_done(&r->early);
    free(r);
}

static void relay_credit(slv_source *src, size_t n)
{
    slv_sink_credit(&slv_container_of(src, relay, out)->in, n);
}

static void relay_cancel(slv_source *src, slv_str reason)
{
    relay *r = slv_container_of(src, relay, out);

    slv_sink_cancel(&r->in, reason);
    relay_free(r);
}

/* May free r. */
static void relay_joined(slv_source *src)
{
    relay *r = slv_container_of(src, relay, out);
    bool over = r->fin || r->failed;
    slv_sink *sink = over ? part_source(src) : src->sink;
    slv_buf early = r->early;
    bool failed = r->failed, fin = r->fin;

    r->early = (slv_buf){0};
    if (over)
        relay_free(r);
    if (failed)
        sink->ops->fail(sink, SLV_STR("Network connection lost."));
    else if (fin || early.len > 0)
        sink->ops->data(sink, slv_buf_view(&early), fin);
    slv_buf_done(&early);
}

static void relay_data(slv_sink *in, slv_str bytes, bool fin)
{
    relay *r = slv_container_of(in, relay, in);

    if (!r->out.sink) { /* not joined yet */
        r->fin = fin;
        if (slv_buf_append(&r->early, bytes) != SLV_OK)
            r->failed = true;
        return;
    }
    slv_sink *sink = fin ? part_source(&r->out) : r->out.sink;
    if (fin)
        relay_free(r);
    sink->ops->data(sink, bytes, fin);
}

static void relay_fail(slv_sink *in, slv_str message)
{
    relay *r = slv_container_of(in, relay, in);

    if (!r->out.sink) {
        r->failed = true;
        return;
    }
    slv_sink *sink = part_source(&r->out);
    relay_free(r);
    sink->ops->fail(sink, message);
}

static const slv_source_ops relay_source_ops = {relay_credit, relay_cancel, relay_joined};
static const slv_sink_ops relay_sink_ops = {.data = relay_data, .fail = relay_fail};

static slv_source *take_back(stream_end *end)
{
    slv_source *src = slv_sink_take_source(&end->sink);

    if (!src || end->pending.len > 0) {
        relay *r = slv_new0(relay);

        r->out.ops = &relay_source_ops;
        r->in.ops = &relay_sink_ops;
        r->early = end->pending;
        r->fin = end->fin;
        r->failed = end->failed;
        end->pending = (slv_buf){0};
        if (src) { /* joined to the isolate's end before, so it has nothing left to push */
            src->sink = &r->in;
            r->in.source = src;
        }
        src = &r->out;
    }
    slv_stream_forget(&end->st);
    free_end(end);
    return src;
}

slv_source *slv_link_sink_splice(slv_streams *streams, uint32_t number)
{
    SLV_LIST_EACH (node, &streams->list) {
        slv_owned *owned = slv_container_of(node, slv_owned, node);
        stream_end *end = slv_container_of(owned, stream_end, owned);

        if (owned->ended == end_ended && !end->is_source && end->st.number == number)
            return end->asked ? NULL : take_back(end);
    }
    return NULL;
}
