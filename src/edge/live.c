/*
 * Pages that reload themselves: a script at the end of HTML responses asks which version answers,
 * and loads the page again when it is another one than the page came from.
 */
#include "edge/edge_int.h"

#define PATH "/cdn-cgi/selvage/version"

bool slv_live_request(slv_shard *shard, slv_exchange *ex)
{
    const slv_response_head head = {
        .status = 200, .headers = SLV_STR("content-type:text/plain\ncache-control:no-store\n")};

    if (!shard->server->o.live_reload || !slv_str_eq(ex->head.path, SLV_STR(PATH)))
        return false;
    const slv_version *version = slv_shard_main(shard);
    if (slv_exchange_reply(ex, &head, version ? version->id : SLV_STR(""), NULL) != SLV_OK)
        slv_exchange_abort(ex);
    return true;
}

/* Value of a field of a header block; ptr NULL when it is absent. */
static slv_str field(slv_str block, const char *name)
{
    slv_str line;

    while (slv_str_split(&block, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon != SIZE_MAX && slv_str_eq_nocase(slv_str_sub(line, 0, colon), slv_str_from(name)))
            return slv_str_trim(slv_str_skip(line, colon + 1));
    }
    return SLV_STR_NULL;
}

slv_code slv_live_script(slv_shard *shard, const slv_exchange *ex, const slv_msg_response *m,
                         slv_buf *out)
{
    slv_str type = field(m->headers, "content-type");

    if (!slv_str_eq_nocase(slv_str_sub(type, 0, 9), SLV_STR("text/html")) ||
        field(m->headers, "content-encoding").ptr || slv_str_eq(ex->head.method, SLV_STR("HEAD")))
        return SLV_OK;
    return slv_buf_printf(
        out,
        "<script>setInterval(async()=>{try{const r=await fetch(\"" PATH
        "\");if(r.ok&&await r.text()!==\"%.*s\")location.reload()}catch{}},500)</script>\n",
        SLV_STR_ARGS(slv_shard_main(shard)->id));
}
