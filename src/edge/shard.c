#include "base/clock.h"
#include "base/mem.h"
#include "edge/asset_int.h"
#include "edge/cron_book.h"
#include "edge/loader_int.h"
#include "edge/object_int.h"
#include "edge/route_int.h"
#include "edge/sight_int.h"
#include "state/state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#define CLOSE_STEP_MS 20
#define SCRATCH_MAX ((size_t)64 << 20)

/* request.cf where nothing better is known. */
static const char default_cf[] =
    "{\"asOrganization\":\"\",\"asn\":395747,\"colo\":\"DFW\",\"city\":\"Austin\",\"region\":"
    "\"Texas\",\"regionCode\":\"TX\",\"metroCode\":\"635\",\"postalCode\":\"78701\",\"country\":"
    "\"US\",\"continent\":\"NA\",\"timezone\":\"America/Chicago\",\"latitude\":\"30.27130\","
    "\"longitude\":\"-97.74260\",\"clientTcpRtt\":0,\"httpProtocol\":\"HTTP/1.1\","
    "\"requestPriority\":\"weight=192;exclusive=0\",\"tlsCipher\":\"AEAD-AES128-GCM-SHA256\","
    "\"tlsVersion\":\"TLSv1.3\",\"tlsClientAuth\":{\"certPresented\":\"0\",\"certVerified\":"
    "\"NONE\",\"certRevoked\":\"0\",\"certIssuerDN\":\"\",\"certSubjectDN\":\"\","
    "\"certIssuerDNRFC2253\":\"\",\"certSubjectDNRFC2253\":\"\",\"certIssuerDNLegacy\":\"\","
    "\"certSubjectDNLegacy\":\"\",\"certSerial\":\"\",\"certIssuerSerial\":\"\",\"certSKI\":\"\","
    "\"certIssuerSKI\":\"\",\"certFingerprintSHA1\":\"\",\"certFingerprintSHA256\":\"\","
    "\"certNotBefore\":\"\",\"certNotAfter\":\"\"},\"edgeRequestKeepAliveStatus\":0,"
    "\"clientTrustScore\":99,\"botManagement\":{\"corporateProxy\":false,\"verifiedBot\":false,"
    "\"ja3Hash\":\"25b4882c2bcb50cd6b469ff28c596742\",\"staticResource\":false,\"detectionIds\":[],"
    "\"score\":99}}";

/* ---- which addresses workers may reach ---- */

static bool private_v4(uint32_t a)
{
    static const struct {
        uint32_t net, bits;
    } blocks[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0xa9fe0000, 16}, {0xac100000, 12},
        {0xc0000000, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xe0000000, 3},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(blocks); i++) {
        if ((a ^ blocks[i].net) >> (32 - blocks[i].bits) == 0)
            return true;
    }
    return false;
}

static bool loopback_v4(uint32_t a)
{
    return a >> 24 == 127;
}

typedef enum reach {
    REACH_PUBLIC,
    REACH_LOOPBACK,
    REACH_PRIVATE,
} reach;

static reach reach_v4(uint32_t a)
{
    return loopback_v4(a) ? REACH_LOOPBACK : private_v4(a) ? REACH_PRIVATE : REACH_PUBLIC;
}

static reach reach_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof in);
        return reach_v4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return REACH_PRIVATE;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    const uint8_t *b = in6.sin6_addr.s6_addr;
    uint32_t low;
    memcpy(&low, b + 12, sizeof low);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) || IN6_IS_ADDR_V4COMPAT(&in6.sin6_addr)) {
        if (IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr))
            return REACH_LOOPBACK;
        return reach_v4(ntohl(low));
    }
    if (IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr))
        return REACH_LOOPBACK;
    if (memcmp(b, "\x00\x64\xff\x9b\0\0\0\0\0\0\0\0", 12) == 0) /* 64:ff9b::/96 */
        return reach_v4(ntohl(low));
    if (b[0] == 0x20 && b[1] == 0x02) { /* 2002::/16: an IPv4 address behind it, whose it is */
        memcpy(&low, b + 2, sizeof low);
        return reach_v4(ntohl(low));
    }
    if (memcmp(b, "\x20\x01\0\0", 4) == 0) /* 2001::/32: a tunnel to one that is hidden in it */
        return REACH_PRIVATE;
    /* global unicast is 2000::/3; all else is for local use, multicast or reserved */
    return b[0] >> 5 == 1 ? REACH_PUBLIC : REACH_PRIVATE;
}

bool slv_shard_may_reach(void *ctx, const struct sockaddr *address)
{
    const slv_shard *shard = ctx;

    switch (reach_of(address)) {
    case REACH_PUBLIC:
        return true;
    case REACH_LOOPBACK:
        return shard->server->o.dev || shard->server->o.allow_private;
    case REACH_PRIVATE:
        break;
    }
    return shard->server->o.allow_private;
}

/* ---- connections ---- */

typedef struct passed {
    slv_mail mail;
    slv_shard *to;
    slv_listener_traits traits;
    int fd;
} passed;

static void on_passed(slv_mail *mail)
{
    passed *p = slv_container_of(mail, passed, mail);

    if (p->to->http)
        slv_http_server_adopt(p->to->http, p->fd, &p->traits);
    else
        (void)close(p->fd);
    free(p);
}

/* Durable Objects live on the first loop, and so does everything that may call them: whoever
 * connects elsewhere is taken there. */
static bool on_pass(void *ctx, int fd, const slv_listener_traits *traits)
{
    slv_shard *shard = ctx;

    if (!shard->on_first || shard->index == 0)
        return false;
    passed *p = slv_new0(passed);
    *p =
        (passed){.mail.fn = on_passed, .to = shard->server->shards[0], .traits = *traits, .fd = fd};
    slv_loop_post(p->to->loop, &p->mail);
    return true;
}

static bool on_hand_over(void *ctx, int fd, const slv_handed *about)
{
    slv_shard *shard = ctx;

    return shard->server->o.hand_over(shard->server->o.hand_over_arg, fd, about);
}

/* ---- isolates ---- */

static void on_opened(void *user, slv_isolate *iso)
{
    slv_peer *peer = slv_new0(slv_peer);

    slv_peer_init(peer, user, iso);
    slv_isolate_set_user(iso, peer);
}

static void on_gone(void *user, slv_isolate *iso, const char *text)
{
    slv_peer *peer = slv_isolate_user(iso);

    if (text)
        slv_hook_notice(user, slv_str_from(text));
    slv_isolate_set_user(iso, NULL);
    slv_peer_done(peer);
    free(peer);
    slv_objects_isolate_gone(user, iso);
}

static bool on_hold(void *user, slv_isolate *iso, const slv_frame *frame)
{
    (void)user;
    return slv_object_hold(iso, frame);
}

static void on_notice(void *user, const char *text)
{
    slv_hook_notice(user, slv_str_from(text));
}

/* ---- life ---- */

static void on_sweep(slv_timer *timer)
{
    slv_shard *shard = slv_container_of(timer, slv_shard, sweep);

    slv_event_sweep_(shard);
    if (!slv_list_empty(&shard->lingering))
        slv_timer_start(timer, shard->loop, SLV_EDGE_SWEEP_MS);
}

static slv_code open_parts(slv_shard *shard, slv_err *err)
{
    const slv_server_options *o = &shard->server->o;
    const slv_pool_options pool = {
        .loop = shard->loop,
        .user = shard,
        .opened = on_opened,
        .frame = slv_edge_frame_,
        .hold = on_hold,
        .gone = on_gone,
        .notice = on_notice,
        .zygote = o->zygote,
        .zygotes = o->zygotes,
        .budget = o->budget,
        .idle_ms = o->idle_ms,
        .spares = o->spares,
        .program = o->program,
        .cap_per_version = o->isolates,
        .keep_one = o->dev,
        .record = shard->index == 0 ? shard->server->record : NULL,
    };
    slv_http_options http = o->http;

    SLV_TRY(slv_egress_open(shard, err));
    SLV_TRY(slv_pool_new(&pool, &shard->pool, err));
    http.handlers = &slv_ingress_handlers_;
    http.pass_on = on_pass;
    http.hand_over = shard->server->o.hand_over ? on_hand_over : NULL;
    http.pumps = o->pumps;
    http.ctx = shard;
    shard->http = slv_http_server_new(shard->loop, &http);
    return SLV_OK;
}

slv_code slv_shard_open(slv_server *server, unsigned index, slv_shard **ret, slv_err *err)
{
    slv_shard *shard = slv_new0(slv_shard);

    shard->server = server;
    shard->index = index;
    shard->sweep.fn = on_sweep;
    shard->scratch = SLV_BUF(SCRATCH_MAX);
    shard->notice_page = SLV_BUF((size_t)4 << 20);
    shard->notice_text = SLV_BUF((size_t)64 << 10);
    shard->cf_text = SLV_BUF((size_t)1 << 20);
    shard->url = SLV_URL_INIT;
    shard->cf = server->o.cf_json.len > 0 ? server->o.cf_json : slv_str_from(default_cf);
    slv_list_init(&shard->events);
    slv_list_init(&shard->lingering);
    slv_list_init(&shard->idle_ingress);
    slv_list_init(&shard->crons);
    slv_list_init(&shard->feeds);
    slv_hooks_init(shard);
    slv_sights_open(shard);
    shard->previews = slv_previews_new(shard);
    shard->objects = slv_objects_new(shard);
    shard->loader = slv_loader_new(shard);
    slv_prng_seed(&shard->prng, slv_rand_u64());
    slv_code code = slv_loop_new(&shard->loop, err);
    if (code == SLV_OK)
        code = open_parts(shard, err);
    *ret = shard; /* half-built on failure: slv_shard_free takes it */
    return code;
}

/* What the stores still had to tell this loop came before this mail. */
static void on_settled(slv_mail *mail)
{
    slv_shard *shard = slv_container_of(mail, slv_shard, over);

    slv_hooks_flush(shard);
    shard->settled = true;
    shard->on_closed(shard);
}

static void on_feeds_closed(slv_shard *shard)
{
    slv_egress_close(shard);
    slv_timer_stop(&shard->sweep);
    if (shard->server->o.state)
        slv_state_forget_loop(shard->server->o.state, shard->loop);
    shard->over.fn = on_settled;
    slv_loop_post(shard->loop, &shard->over);
}

static void on_objects_closed(slv_shard *shard)
{
    slv_queue_close(shard, on_feeds_closed);
}

static void on_pool_closed(void *user)
{
    slv_shard *shard = user;

    shard->pool = NULL;
    slv_objects_close(shard->objects, on_objects_closed);
}

static void stop_isolates(slv_shard *shard)
{
    shard->closed = true;
    slv_timer_stop(&shard->closing);
    slv_cron_stop(shard);
    slv_shard_undeploy_all(shard);
    slv_previews_close(shard->previews);
    slv_loader_close(shard->loader);
    slv_pool_close(shard->pool, on_pool_closed, shard);
}

/* Nothing runs but residences of objects, which end with their isolates. */
static bool is_quiet(slv_shard *shard)
{
    SLV_LIST_EACH (node, &shard->events) {
        if (!slv_container_of(node, slv_event, node)->resident)
            return false;
    }
    return true;
}

/* Nobody is connected any more: what waitUntil was given may still finish. */
static void on_closing(slv_timer *timer)
{
    slv_shard *shard = slv_container_of(timer, slv_shard, closing);

    if (is_quiet(shard) || slv_loop_now_ms(shard->loop) >= shard->close_ms)
        stop_isolates(shard);
    else
        slv_timer_start(timer, shard->loop, CLOSE_STEP_MS);
}

static void on_drained(void *user)
{
    slv_shard *shard = user;

    shard->http = slv_http_server_free(shard->http);
    shard->closing.fn = on_closing;
    on_closing(&shard->closing);
}

void slv_shard_close(slv_shard *shard, uint32_t timeout_ms, void (*done)(slv_shard *shard))
{
    shard->on_closed = done;
    shard->draining = true;
    shard->close_ms = slv_loop_now_ms(shard->loop) + timeout_ms;
    slv_timer_stop(&shard->release);
    if (shard->leaving) {
        on_drained(shard);
        return;
    }
    slv_http_server_drain(shard->http, timeout_ms, on_drained, shard);
}

slv_shard *slv_shard_free(slv_shard *shard)
{
    if (!shard)
        return NULL;
    SLV_ASSERT(!shard->pool);   /* closed before */
    if (shard->server->o.state) /* the answers may have asked for more */
        slv_state_forget_loop(shard->server->o.state, shard->loop);
    slv_ingress_free_idle(shard);
    slv_asset_cache_free(shard);
    slv_sights_free(shard);
    shard->objects = slv_objects_free(shard->objects);
    shard->loader = slv_loader_free(shard->loader);
    shard->previews = slv_previews_free(shard->previews);
    shard->site = slv_site_unref(shard->site);
    slv_map_done(&shard->workers);
    slv_buf_done(&shard->scratch);
    slv_buf_done(&shard->notice_page);
    slv_buf_done(&shard->notice_text);
    slv_buf_done(&shard->cf_text);
    slv_url_done(&shard->url);
    slv_buf_done(&shard->hook_out);
    shard->loop = slv_loop_free(shard->loop);
    shard->cron_book = slv_cron_book_free(shard->cron_book);
    free(shard);
    return NULL;
}
