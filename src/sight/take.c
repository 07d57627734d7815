/* What the control listener answers beside the API: sessions of `tail` by WebSocket, and /metrics.
 */
#include "base/mem.h"
#include "edge/server.h"
#include "net/exchange.h"
#include "sight/sight_int.h"

/* ---- /metrics ---- */

typedef struct scrape {
    slv_answerer answerer;
    slv_exchange *ex; /* NULL: the client has gone */
} scrape;

static void on_gone(slv_answerer *a)
{
    slv_container_of(a, scrape, answerer)->ex = NULL;
}

static void on_text(void *arg, slv_str text)
{
    const slv_response_head head = {
        .status = 200,
        .headers = SLV_STR("content-type:text/plain; version=0.0.4; charset=utf-8\n"
                           "cache-control:no-store\n"),
    };
    scrape *sc = arg;

    if (sc->ex && slv_exchange_reply(sc->ex, &head, text, NULL) != SLV_OK)
        slv_exchange_abort(sc->ex);
    free(sc);
}

static bool is_loopback(slv_str address)
{
    return address.len == 0 || slv_str_starts(address, SLV_STR("127.")) ||
           slv_str_is(address, "::1") || slv_str_starts(address, SLV_STR("::ffff:127."));
}

static bool may_scrape(const slv_sight *s, const slv_exchange *ex)
{
    const slv_http_header *h = slv_exchange_header(ex, SLV_STR("authorization"));
    slv_str token = h ? h->value : SLV_STR_NULL;
    unsigned char differ = 0;

    /* something stands between: the address is not the client's */
    if (s->metrics_token.len == 0)
        return is_loopback(ex->head.peer) && !slv_exchange_header(ex, SLV_STR("x-forwarded-for")) &&
               !slv_exchange_header(ex, SLV_STR("forwarded"));
    if (!slv_str_eq_nocase(slv_str_sub(token, 0, 7), SLV_STR("bearer ")))
        return false;
    token = slv_str_trim(slv_str_skip(token, 7));
    for (size_t i = 0; i < s->metrics_token.len; i++)
        differ |= (unsigned char)(s->metrics_token.ptr[i] ^ (i < token.len ? token.ptr[i] : 0));
    return differ == 0 && token.len == s->metrics_token.len;
}

static void refuse(slv_exchange *ex, int status, slv_str text)
{
    const slv_response_head head = {.status = status,
                                    .headers = SLV_STR("content-type:text/plain\n")};

    if (slv_exchange_reply(ex, &head, text, NULL) != SLV_OK)
        slv_exchange_abort(ex);
}

static void take_metrics(slv_sight *s, slv_exchange *ex)
{
    if (!may_scrape(s, ex)) {
        refuse(ex, s->metrics_token.len > 0 ? 401 : 403,
               SLV_STR("Metrics are for this machine, or for whoever has their token.\n"));
        return;
    }
    if (!slv_str_is(ex->head.method, "GET") && !slv_str_is(ex->head.method, "HEAD")) {
        refuse(ex, 405, SLV_STR("Metrics are read.\n"));
        return;
    }
    scrape *sc = slv_new0(scrape);
    sc->ex = ex;
    sc->answerer.gone = on_gone;
    ex->user = &sc->answerer;
    slv_sight_metrics(s, on_text, sc);
}

bool slv_sight_take(void *sight, slv_loop *loop, slv_exchange *ex)
{
    slv_sight *s = sight;
    slv_str path = slv_str_sub(ex->head.path, 0, slv_str_chr(ex->head.path, '?', 0));

    (void)loop;
    if (slv_str_is(path, "/metrics")) {
        take_metrics(s, ex);
        return true;
    }
    if (!slv_str_starts(path, SLV_STR("/tails/")))
        return false;
    slv_str rest = slv_str_skip(path, 7);
    size_t slash = slv_str_chr(rest, '/', 0);
    slv_tails_connect(s, ex, slv_str_sub(rest, 0, slash),
                      slash == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(rest, slash + 1));
    return true;
}
