/*
 * Sessions of `tail`. One is opened by REST, which gives its URL away; then somebody connects to it
 * by WebSocket, and is sent one message for each event that passes the session's filters. The URL
 * is the capability: whoever has it may look.
 */
#include <stdio.h>

#include "aio/timer.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "net/ws.h"
#include "sight/sight_int.h"

#define CONNECT_MS ((int64_t)60 * 1000)
#define LIFE_MS ((int64_t)6 * 3600 * 1000)
#define FILTERS_BYTES_MAX ((size_t)256 << 10)
#define MESSAGE_MAX ((size_t)8 << 20)
/* Beyond this many events a second a session is sampled, and told so. */
#define RATE 200
#define BURST 400
#define CALM_MS 5000                 /* without loss: sampling is over */
#define QUEUED_MAX ((size_t)4 << 20) /* what the viewer has not read yet */

static const char overload_text[] =
    "Tail is currently in sampling mode due to the high volume of messages. To prevent messages "
    "from being dropped consider adding filters.";
static const char overload_over[] = "Tail has exited sampling mode and is no longer dropping "
                                    "messages.";

typedef struct session {
    slv_list node; /* sight->tails */
    slv_sight *sight;
    slv_arena arena;
    slv_str tenant, worker, dispatch, version;
    slv_filters filters;
    slv_tail_info info;
    char secret[SLV_TAIL_ID_LEN + 1];
    slv_prng prng;
    slv_ws *ws;   /* NULL: nobody is connected */
    bool closing; /* our close was sent */
    slv_timer timer;
    double tokens;
    uint64_t filled_ms, dropped_ms;
    bool overloaded;
} session;

/* ---- life ---- */

static void put_random_hex(char *out)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[SLV_TAIL_ID_LEN / 2];

    slv_rand_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[SLV_TAIL_ID_LEN] = '\0';
}

/* Its socket, if any, is not touched any more. */
static void session_free(session *t)
{
    slv_timer_stop(&t->timer);
    slv_list_remove(&t->node);
    if (t->sight->server)
        slv_server_watch(t->sight->server, t->tenant, t->dispatch, t->worker, false);
    slv_arena_done(&t->arena);
    free(t);
}

/* Says goodbye; the session is gone when the viewer has answered. */
static void session_end(session *t, slv_str reason)
{
    if (!t->ws) {
        session_free(t);
        return;
    }
    if (t->closing)
        return;
    t->closing = true;
    if (slv_ws_close(t->ws, 1000, reason, NULL) != SLV_OK) {
        slv_ws_abort(t->ws);
        session_free(t);
    }
}

static void on_timer(slv_timer *timer)
{
    session *t = slv_container_of(timer, session, timer);

    session_end(t, SLV_STR("The session has expired."));
}

static bool same_worker(const session *t, slv_str tenant, slv_str dispatch, slv_str worker)
{
    return slv_str_eq(t->worker, worker) && slv_str_eq(t->tenant, tenant) &&
           slv_str_eq(t->dispatch, dispatch);
}

static slv_code copy_spec(session *t, const slv_tail_spec *spec, slv_err *err)
{
    SLV_TRY(slv_arena_dup(&t->arena, spec->tenant, &t->tenant));
    SLV_TRY(slv_arena_dup(&t->arena, spec->worker, &t->worker));
    SLV_TRY(slv_arena_dup(&t->arena, spec->dispatch, &t->dispatch));
    SLV_TRY(slv_arena_dup(&t->arena, spec->version, &t->version));
    return slv_filters_read(spec->filters, spec->peer, &t->arena, &t->filters, err);
}

slv_code slv_sight_tail_open(slv_sight *s, const slv_tail_spec *spec, slv_tail_info *ret,
                             slv_err *err)
{
    unsigned count = 0;

    SLV_LIST_EACH (node, &s->tails)
        count += same_worker(slv_container_of(node, session, node), spec->tenant, spec->dispatch,
                             spec->worker);
    if (count >= SLV_TAILS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "%d sessions look at this worker already", SLV_TAILS_MAX);
    session *t = slv_new0(session);
    t->arena = SLV_ARENA(FILTERS_BYTES_MAX);
    slv_code code = copy_spec(t, spec, err);
    if (code != SLV_OK) {
        slv_arena_done(&t->arena);
        free(t);
        return code == SLV_E_INVAL ? code : slv_fail(err, SLV_E_INVAL, "the filters are too large");
    }
    t->sight = s;
    put_random_hex(t->info.id);
    put_random_hex(t->secret);
    (void)snprintf(t->info.path, sizeof t->info.path, "/tails/%s/%s", t->info.id, t->secret);
    t->info.expires_ms = slv_loop_wall_ms(s->loop) + LIFE_MS;
    slv_prng_seed(&t->prng, slv_rand_u64());
    t->tokens = BURST;
    t->filled_ms = slv_loop_now_ms(s->loop);
    t->timer.fn = on_timer;
    slv_timer_start(&t->timer, s->loop, CONNECT_MS);
    slv_list_push(&s->tails, &t->node);
    if (s->server)
        slv_server_watch(s->server, t->tenant, t->dispatch, t->worker, true);
    *ret = t->info;
    return SLV_OK;
}

slv_code slv_sight_tail_close(slv_sight *s, slv_str tenant, slv_str worker, slv_str id)
{
    SLV_LIST_EACH (node, &s->tails) {
        session *t = slv_container_of(node, session, node);

        if (!slv_str_is(id, t->info.id) || !slv_str_eq(t->tenant, tenant) ||
            !slv_str_eq(t->worker, worker))
            continue;
        session_end(t, SLV_STR("The session was deleted."));
        return SLV_OK;
    }
    return SLV_E_NOTFOUND;
}

void slv_sight_tail_each(slv_sight *s, slv_str tenant, slv_str dispatch, slv_str worker,
                         void (*fn)(void *arg, const slv_tail_info *info), void *arg)
{
    SLV_LIST_EACH (node, &s->tails) {
        session *t = slv_container_of(node, session, node);

        if (same_worker(t, tenant, dispatch, worker))
            fn(arg, &t->info);
    }
}

void slv_tails_stop(slv_sight *s)
{
    SLV_LIST_EACH (node, &s->tails) {
        session *t = slv_container_of(node, session, node);

        if (t->ws) {
            if (!t->closing)
                (void)!slv_ws_close(t->ws, 1001, SLV_STR("The server stops."), NULL);
            slv_ws_abort(t->ws);
            t->ws = NULL;
        }
        session_free(t);
    }
}

/* ---- the socket ---- */

/* What viewers say means nothing. */
static void on_message(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    (void)text;
    (void)fin;
    slv_ws_credit(ws, piece.len);
}

static void on_closed(slv_ws *ws, uint16_t code, slv_str reason)
{
    session *t = slv_ws_user(ws);

    (void)code;
    (void)reason;
    if (!t->closing && slv_ws_close(ws, 1000, SLV_STR(""), NULL) != SLV_OK)
        slv_ws_abort(ws);
    session_free(t);
}

static void on_failed(slv_ws *ws, slv_str message)
{
    (void)message;
    session_free(slv_ws_user(ws));
}

static void on_writable(slv_ws *ws)
{
    (void)ws;
}

static const slv_ws_handlers handlers = {on_message, on_writable, on_closed, on_failed};

static void refuse(slv_exchange *ex, int status, slv_str text)
{
    const slv_response_head head = {.status = status,
                                    .headers = SLV_STR("content-type:text/plain\n")};

    if (slv_exchange_reply(ex, &head, text, NULL) != SLV_OK)
        slv_exchange_abort(ex);
}

static bool offers_trace_v1(const slv_exchange *ex)
{
    const slv_http_header *h = slv_exchange_header(ex, SLV_STR("sec-websocket-protocol"));
    slv_str rest = h ? h->value : SLV_STR_NULL, item;

    while (slv_str_split(&rest, ',', &item)) {
        if (slv_str_is(slv_str_trim(item), "trace-v1"))
            return true;
    }
    return false;
}

/* Both have the same length; how much of them agrees does not show in the time. */
static bool same_secret(slv_str given, const char *secret)
{
    unsigned char differ = given.len == SLV_TAIL_ID_LEN ? 0 : 1;

    for (size_t i = 0; i < SLV_TAIL_ID_LEN; i++)
        differ |= (unsigned char)(secret[i] ^ (i < given.len ? given.ptr[i] : 0));
    return differ == 0;
}

static session *find(slv_sight *s, slv_str id, slv_str secret)
{
    SLV_LIST_EACH (node, &s->tails) {
        session *t = slv_container_of(node, session, node);

        if (slv_str_is(id, t->info.id) && same_secret(secret, t->secret))
            return t;
    }
    return NULL;
}

void slv_tails_connect(slv_sight *s, slv_exchange *ex, slv_str id, slv_str secret)
{
    session *t = find(s, id, secret);
    slv_err err = {0};

    if (!t || t->closing) {
        refuse(ex, 404, SLV_STR("There is no such session.\n"));
        return;
    }
    if (!ex->head.wants_websocket || t->ws) {
        refuse(ex, t->ws ? 409 : 426,
               t->ws ? SLV_STR("Somebody is connected to this session.\n")
                     : SLV_STR("A session is looked at by WebSocket.\n"));
        return;
    }
    const slv_ws_options options = {
        .protocol = offers_trace_v1(ex) ? SLV_STR("trace-v1") : SLV_STR_NULL,
        .unmasked = true, /* wrangler's first frame is */
    };
    if (slv_exchange_upgrade(ex, SLV_STR_NULL, &options, &handlers, t, &t->ws, &err) != SLV_OK) {
        refuse(ex, 400, slv_str_from(slv_err_text(&err)));
        return;
    }
    slv_ws_credit(t->ws, (size_t)64 << 10);
    int64_t left = t->info.expires_ms - slv_loop_wall_ms(s->loop);
    slv_timer_start(&t->timer, s->loop, left > 0 ? (uint64_t)left : 0);
}

/* ---- events ---- */

static slv_code put_notice(slv_buf *out, const session *t, const char *type, const char *text)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"outcome\":\"ok\",\"scriptName\":")));
    SLV_TRY(slv_json_put_string(out, t->worker));
    return slv_buf_printf(out,
                          ",\"exceptions\":[],\"logs\":[],\"eventTimestamp\":%lld,\"event\":{"
                          "\"message\":\"%s\",\"type\":\"%s\"}}",
                          (long long)slv_loop_wall_ms(t->sight->loop), text, type);
}

static void say(session *t, slv_str json)
{
    (void)slv_ws_send(t->ws, json, true, true); /* the queue is looked at before */
}

static void tell(session *t, const char *type, const char *text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)8 << 10);

    if (put_notice(&json, t, type, text) == SLV_OK)
        say(t, slv_buf_view(&json));
}

/* One event more may be sent now. */
static bool has_room(session *t)
{
    uint64_t now = slv_loop_now_ms(t->sight->loop);

    t->tokens += (double)(now - t->filled_ms) * RATE / 1000;
    t->tokens = SLV_MIN(t->tokens, (double)BURST);
    t->filled_ms = now;
    if (t->tokens < 1 || slv_ws_queued(t->ws) > QUEUED_MAX) {
        t->dropped_ms = now;
        if (!t->overloaded)
            tell(t, "overload", overload_text);
        t->overloaded = true;
        return false;
    }
    t->tokens -= 1;
    if (t->overloaded && now - t->dropped_ms > CALM_MS) {
        t->overloaded = false;
        tell(t, "overload-stop", overload_over);
    }
    return true;
}

static bool wants(session *t, const slv_trace *trace)
{
    const slv_version *v = trace->version;

    if (!t->ws || t->closing || !same_worker(t, v->tenant, v->dispatch, v->name) ||
        (t->version.len > 0 && !slv_str_eq(t->version, v->id)) ||
        !slv_filters_pass(&t->filters, trace))
        return false;
    return t->filters.rate >= 1 ||
           (double)(slv_prng_next(&t->prng) >> 11) * 0x1p-53 < t->filters.rate;
}

void slv_tails_take(slv_sight *s, slv_trace *trace)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(MESSAGE_MAX);

    SLV_LIST_EACH (node, &s->tails) {
        session *t = slv_container_of(node, session, node);

        if (!wants(t, trace) || !has_room(t))
            continue;
        if (json.len == 0 && slv_trace_put(&json, trace, SLV_TRACE_FOR_TAIL) != SLV_OK)
            return;
        say(t, slv_buf_view(&json));
    }
}
