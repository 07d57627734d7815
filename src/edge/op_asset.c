/*
 * Static files for workers: env.ASSETS.fetch(), whatever host it names, and calls of a worker that
 * has assets, which come past them as a request from outside would.
 */
#include "edge/asset_int.h"
#include "edge/resource_int.h"

enum {
    OP_ASSETS_FETCH = 152,
};

/* Value of a field of a header block; ptr NULL when it is absent. */
static slv_str field(slv_str block, const char *name)
{
    slv_str line;

    while (slv_str_split(&block, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon < line.len && slv_str_eq_nocase(slv_str_sub(line, 0, colon), slv_str_from(name)))
            return slv_str_trim(slv_str_skip(line, colon + 1));
    }
    return SLV_STR_NULL;
}

static slv_assets_request request_of(const slv_msg_op_fetch *m)
{
    return (slv_assets_request){
        .method = m->method,
        .url = m->url,
        .if_none_match = field(m->headers, "if-none-match"),
        .fetch_mode = field(m->headers, "sec-fetch-mode"),
        .authorization = field(m->headers, "authorization").ptr != NULL,
        .range = field(m->headers, "range").ptr != NULL,
    };
}

static slv_code answer_op(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m,
                          slv_assets_answer *answer, slv_err *err)
{
    slv_link *link = slv_event_link(ev);
    slv_asset_body body = slv_asset_open(ev->shard, answer, !slv_str_is(m->method, "HEAD"));
    slv_msg_result_fetch r = {.status = answer->status,
                              .url = m->url,
                              .headers = answer->headers,
                              .body_length = (int64_t)body.length};
    slv_sink *sink;

    if (body.source) {
        slv_code code =
            slv_link_sink_open(link, &r.body_stream, ev->pe.id, &ev->streams, &sink, err);

        if (code != SLV_OK) {
            body.source->ops->cancel(body.source, SLV_STR("Too many streams are open."));
            return code;
        }
        slv_body_join(body.source, sink);
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, op);
    slv_link_end(link, slv_msg_result_fetch_put(out, &r));
    return SLV_OK;
}

slv_code slv_asset_call(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_version *version,
                        bool outside, bool *ret_taken, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(SLV_ASSET_HEADERS_MAX);
    slv_assets_request request = request_of(m);
    slv_assets_answer answer;

    *ret_taken = !outside;
    if (outside && slv_assets_route(version->assets, &request, ret_taken) != SLV_OK)
        *ret_taken = false;
    if (!*ret_taken)
        return SLV_OK;
    if (slv_assets_answer_to(version->assets, &request, &headers, &answer) != SLV_OK)
        answer = (slv_assets_answer){.status = 500};
    return answer_op(ev, op, m, &answer, err);
}

slv_code slv_asset_op(const slv_resource_call *c, slv_err *err)
{
    slv_source *body = NULL;
    slv_msg_op_fetch m;
    bool taken;

    if (c->kind != OP_ASSETS_FETCH || slv_msg_op_fetch_get(c->rest, &m) != SLV_OK ||
        m.body_stream != c->stream || !c->ev->version->assets)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed fetch of an asset");
    if (m.bits & SLV_FETCH_STREAM)
        SLV_TRY(slv_event_body(c->ev, m.body_stream, &body, err));
    if (body)
        body->ops->cancel(body, SLV_STR("Assets take no body."));
    if (!slv_event_subrequest(c->ev, c->op))
        return SLV_OK;
    return slv_asset_call(c->ev, c->op, &m, c->ev->version, false, &taken, err);
}
