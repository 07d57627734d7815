#include "edge/edge_int.h"
#include "fmt/json.h"
#include "plat/stack.h"

#define RETRY_S 2 /* after which a worker that has too many waiting may have fewer */
#define PAGE_MAX ((size_t)256 << 10)

/* ---- errors as JSON ---- */

slv_code slv_error_put(slv_buf *out, slv_str name, slv_str message)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(out, name));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"message\":")));
    SLV_TRY(slv_json_put_string(out, message));
    return slv_buf_append(out, SLV_STR(",\"stack\":\"\"}"));
}

bool slv_error_parse(slv_str json, slv_arena *arena, slv_error_text *ret)
{
    slv_node *root;

    if (json.len == 0 || slv_json_parse(json, SLV_JSON_STRICT, arena, &root, NULL) != SLV_OK ||
        !slv_node_is(root, SLV_NODE_OBJECT))
        return false;
    ret->name = slv_node_str(slv_node_get(root, "name"));
    ret->message = slv_node_str(slv_node_get(root, "message"));
    ret->stack = slv_node_str(slv_node_get(root, "stack"));
    return true;
}

/* ---- what to say ---- */

static slv_str in_sources(slv_buf *text, slv_version *version)
{
    SLV_CLEANUP(slv_buf_done) slv_buf mapped = SLV_BUF((size_t)8 << 20);

    if (slv_stack_map(version, slv_buf_view(text), &mapped) != SLV_OK ||
        slv_buf_set(text, slv_buf_view(&mapped)) != SLV_OK)
        return SLV_STR_NULL;
    return slv_buf_view(text);
}

/* "Name: message", and the stack below when there is one (which mostly begins with the same line).
 */
static slv_str describe(slv_shard *shard, slv_version *version, slv_str json)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)8 << 20);
    slv_error_text e = {0};
    slv_buf *out = &shard->scratch;

    slv_buf_reset(out);
    if (!slv_error_parse(json, &arena, &e))
        return slv_buf_append(out, json) == SLV_OK ? slv_buf_view(out) : SLV_STR_NULL;
    slv_code code;
    if (e.stack.len > 0 && slv_str_starts(e.stack, e.name))
        code = slv_buf_append(out, e.stack);
    else if (e.name.len > 0)
        code =
            slv_buf_printf(out, "%.*s: %.*s%s%.*s", SLV_STR_ARGS(e.name), SLV_STR_ARGS(e.message),
                           e.stack.len > 0 ? "\n" : "", SLV_STR_ARGS(e.stack));
    else
        code = slv_buf_append(out, e.message);
    return code == SLV_OK ? in_sources(out, version) : SLV_STR_NULL;
}

static slv_page_spec page_for_start(slv_shard *shard, slv_version *version, const slv_err *err)
{
    slv_page_spec page = {.status = 500, .code = 1101, .title = SLV_STR("Worker threw exception")};
    slv_str failure = shard->pool ? slv_pool_failure(shard->pool, version) : SLV_STR_NULL;

    if (err->code == SLV_E_TIMEOUT || err->code == SLV_E_AGAIN)
        return (slv_page_spec){.status = 503,
                               .retry_after_s = RETRY_S,
                               .title = SLV_STR("Service unavailable: too many requests wait")};
    if (err->code == SLV_E_CANCELED)
        return (slv_page_spec){.status = 503,
                               .title = SLV_STR("Service unavailable: shutting down")};
    if (err->code == SLV_E_LIMIT) {
        page.code = 1102;
        page.title = SLV_STR("Worker exceeded resource limits");
    }
    page.detail =
        describe(shard, version, failure.len > 0 ? failure : slv_str_from(slv_err_text(err)));
    return page;
}

slv_page_spec slv_page_for_end(slv_shard *shard, slv_version *version, const slv_event_end *end)
{
    slv_page_spec page = {.status = 500, .code = 1101, .title = SLV_STR("Worker threw exception")};

    if (end->start_err)
        return page_for_start(shard, version, end->start_err);
    if (end->outcome == SLV_OUTCOME_CPU || end->outcome == SLV_OUTCOME_MEMORY) {
        page.status = 503;
        page.code = 1102;
        page.title = SLV_STR("Worker exceeded resource limits");
        page.detail = end->outcome == SLV_OUTCOME_CPU ? SLV_STR("Worker exceeded CPU time limit.")
                                                      : SLV_STR("Worker exceeded memory limit.");
        return page;
    }
    if (end->lost && end->why == SLV_LOST_SHUTDOWN)
        return (slv_page_spec){.status = 503,
                               .title = SLV_STR("Service unavailable: shutting down")};
    if (end->lost)
        page.detail = end->why == SLV_LOST_WALL
                          ? SLV_STR("Worker exceeded wall time limit.")
                          : SLV_STR("The Worker's process ended while it handled this request.");
    else if (end->error.len > 0)
        page.detail = describe(shard, version, end->error);
    else if (end->outcome == SLV_OUTCOME_HUNG)
        page.detail = SLV_STR("Error: The Workers runtime canceled this request because it "
                              "detected that your Worker's code had hung and would never generate "
                              "a response. Refer to: "
                              "https://developers.cloudflare.com/workers/observability/errors/");
    return page;
}

/* ---- how to say it ---- */

static slv_code put_html_text(slv_buf *out, slv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '<':
            SLV_TRY(slv_buf_append(out, SLV_STR("&lt;")));
            break;
        case '>':
            SLV_TRY(slv_buf_append(out, SLV_STR("&gt;")));
            break;
        case '&':
            SLV_TRY(slv_buf_append(out, SLV_STR("&amp;")));
            break;
        case '"':
            SLV_TRY(slv_buf_append(out, SLV_STR("&quot;")));
            break;
        default:
            SLV_TRY(slv_buf_append_byte(out, s.ptr[i]));
        }
    }
    return SLV_OK;
}

static slv_code put_html(slv_buf *out, const slv_page_spec *page)
{
    SLV_TRY(slv_buf_append(
        out,
        SLV_STR("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")));
    SLV_TRY(put_html_text(out, page->title));
    SLV_TRY(slv_buf_append(
        out,
        SLV_STR("</title>\n<style>body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;"
                "margin:3rem auto;padding:0 1rem;color:#222}pre{background:#f4f4f4;padding:1rem;"
                "overflow:auto;border-left:4px solid #c33}small{color:#777}</style>\n</head>\n"
                "<body>\n<h1>")));
    SLV_TRY(put_html_text(out, page->title));
    SLV_TRY(slv_buf_append(out, SLV_STR("</h1>\n")));
    if (page->detail.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR("<pre>")));
        SLV_TRY(put_html_text(out, page->detail));
        SLV_TRY(slv_buf_append(out, SLV_STR("</pre>\n")));
    }
    if (page->code)
        SLV_TRY(slv_buf_printf(out, "<p><small>Error %d</small></p>\n", page->code));
    return slv_buf_append(out, SLV_STR("</body>\n</html>\n"));
}

static slv_code put_json(slv_buf *out, const slv_page_spec *page)
{
    SLV_TRY(slv_buf_printf(
        out, "{\"success\":false,\"error\":{\"status\":%d,\"code\":%d,\"title\":", page->status,
        page->code));
    SLV_TRY(slv_json_put_string(out, page->title));
    if (page->detail.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"detail\":")));
        SLV_TRY(slv_json_put_string(out, page->detail));
    }
    return slv_buf_append(out, SLV_STR("}}\n"));
}

static slv_code put_plain(slv_buf *out, const slv_page_spec *page)
{
    if (page->detail.len > 0)
        return slv_buf_append(out, page->detail);
    if (page->code)
        return slv_buf_printf(out, "%.*s (error %d)\n", SLV_STR_ARGS(page->title), page->code);
    SLV_TRY(slv_buf_append(out, page->title));
    return slv_buf_append_byte(out, '\n');
}

void slv_page_reply(slv_exchange *ex, const slv_page_spec *page)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(PAGE_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(256);
    const slv_http_header *accept = slv_exchange_header(ex, SLV_STR("accept"));
    slv_str wanted = accept ? accept->value : SLV_STR_NULL;
    slv_response_head head = {.status = page->status};
    slv_code code;

    if (slv_str_find(wanted, SLV_STR("text/html"), 0) != SIZE_MAX) {
        head.headers = SLV_STR("content-type:text/html;charset=UTF-8\n");
        code = put_html(&body, page);
    } else if (slv_str_find(wanted, SLV_STR("application/json"), 0) != SIZE_MAX) {
        head.headers = SLV_STR("content-type:application/json\n");
        code = put_json(&body, page);
    } else {
        head.headers = SLV_STR("content-type:text/plain;charset=UTF-8\n");
        code = put_plain(&body, page);
    }
    if (code != SLV_OK)
        slv_buf_reset(&body);
    if (page->retry_after_s > 0 &&
        slv_buf_printf(&headers, "%.*sretry-after:%u\n", SLV_STR_ARGS(head.headers),
                       page->retry_after_s) == SLV_OK)
        head.headers = slv_buf_view(&headers);
    if (slv_exchange_reply(ex, &head, slv_buf_view(&body), NULL) != SLV_OK)
        slv_exchange_abort(ex);
}
