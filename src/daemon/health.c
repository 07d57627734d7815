/*
 * What the control listener answers besides the API, for whoever watches a server: /healthz (main
 * is alive: its control loop answers) and /readyz (what is deployed answers; not before that, and
 * not while it drains).
 */
#include "daemon/main_int.h"

static bool is_path(slv_str target, const char *path)
{
    size_t question = slv_str_chr(target, '?', 0);

    return slv_str_is(question == SIZE_MAX ? target : slv_str_sub(target, 0, question), path);
}

static void answer(slv_exchange *ex, int status, slv_str text)
{
    const slv_response_head head = {
        .status = status,
        .headers = SLV_STR("content-type:text/plain; charset=utf-8\ncache-control:no-store\n"),
        .length = (int64_t)text.len,
    };

    if (slv_exchange_reply(ex, &head, text, NULL) != SLV_OK)
        slv_exchange_abort(ex);
}

bool slv_main_take_control(void *arg, slv_loop *loop, slv_exchange *ex)
{
    slv_main *m = arg;
    bool health = is_path(ex->head.path, "/healthz"), ready = is_path(ex->head.path, "/readyz");

    if (!health && !ready)
        return slv_sight_take(m->sight, loop, ex);
    if (!slv_str_is(ex->head.method, "GET") && !slv_str_is(ex->head.method, "HEAD"))
        answer(ex, 405, SLV_STR("GET alone\n"));
    else if (health || m->ready)
        answer(ex, 200, SLV_STR("ok\n"));
    else
        answer(ex, 503, m->stopping ? SLV_STR("stopping\n") : SLV_STR("starting\n"));
    return true;
}
