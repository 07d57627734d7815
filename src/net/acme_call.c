/*
 * A request: the nonce first where there is none, the signed body, the answer gathered. A nonce
 * that the server no longer takes is replaced by the one that came with its refusal.
 */
#include "net/acme_int.h"

#include "net/http1_write.h"

#define RETRY_AFTER_MAX_S 86400u

static void send_call(slv_acme_call *c);

static void finish(slv_acme_call *c, slv_acme_answer *a)
{
    slv_acme_done done = c->done;

    slv_timer_stop(&c->timer);
    a->status = c->status;
    a->body = slv_buf_view(&c->body);
    a->location = slv_str_from(c->location);
    a->retry_after_ms = c->retry_after_ms;
    c->done = NULL;
    done(c->user, a); /* may begin the next request: nothing of c is touched after */
}

static void fail_call(slv_acme_call *c, slv_code code, slv_str message)
{
    slv_acme_answer a = {.code = code};

    (void)slv_fail(&a.err, code, "%.*s", SLV_STR_ARGS(message));
    finish(c, &a);
}

/* ---- the answer ---- */

static bool is_problem(const slv_node *json, const char *name)
{
    slv_str type = slv_node_str(slv_node_get(json, "type"));

    return slv_str_starts(type, SLV_STR("urn:ietf:params:acme:error:")) &&
           slv_str_is(slv_str_skip(type, 27), name);
}

static void describe_problem(const slv_node *json, int status, slv_err *err)
{
    slv_str type = slv_node_str(slv_node_get(json, "type")),
            detail = slv_node_str(slv_node_get(json, "detail"));
    const slv_node *sub = slv_node_get(json, "subproblems");

    if (slv_str_starts(type, SLV_STR("urn:ietf:params:acme:error:")))
        type = slv_str_skip(type, 27);
    if (detail.len == 0 && sub && sub->first)
        detail = slv_node_str(slv_node_get(sub->first, "detail"));
    if (type.len > 0)
        (void)slv_fail(err, SLV_E_PROTOCOL, "the server says %.*s (status %d)%s%.*s",
                       SLV_STR_ARGS(type), status, detail.len ? ": " : "", SLV_STR_ARGS(detail));
    else
        (void)slv_fail(err, SLV_E_PROTOCOL, "the server answers with status %d", status);
}

static void answered(slv_acme_call *c)
{
    slv_acme_answer a = {.code = SLV_OK};
    slv_err ignored;

    if (c->for_nonce) {
        c->for_nonce = false;
        if (c->acme->nonce)
            send_call(c);
        else
            fail_call(c, SLV_E_PROTOCOL, SLV_STR("the server gives no nonce"));
        return;
    }
    slv_arena_reset(&c->arena);
    if (slv_json_parse(slv_buf_view(&c->body), SLV_JSON_STRICT, &c->arena, &a.json, &ignored) !=
        SLV_OK)
        a.json = NULL;
    if (c->status >= 200 && c->status <= 299) {
        finish(c, &a);
        return;
    }
    if (is_problem(a.json, "badNonce") && ++c->tries < SLV_ACME_NONCE_TRIES) {
        send_call(c);
        return;
    }
    a.code = SLV_E_PROTOCOL;
    a.rate_limited = c->status == 429 || is_problem(a.json, "rateLimited");
    describe_problem(a.json, c->status, &a.err);
    finish(c, &a);
}

static void on_response(slv_fetch *fetch, const slv_fetch_response *r)
{
    slv_acme_call *c = slv_fetch_user(fetch);
    slv_str block = r->headers, name, value;
    bool bad = false;
    uint64_t n;

    c->status = r->status;
    while (slv_http_block_next(&block, &name, &value, &bad)) {
        if (slv_str_is(name, "replay-nonce")) {
            free(c->acme->nonce);
            c->acme->nonce = slv_strndup(value.ptr, value.len);
        } else if (slv_str_is(name, "location")) {
            free(c->location);
            c->location = slv_strndup(value.ptr, value.len);
        } else if (slv_str_is(name, "retry-after") && slv_parse_u64(value, &n) == SLV_OK) {
            c->retry_after_ms = (int64_t)SLV_MIN(n, (uint64_t)RETRY_AFTER_MAX_S) * 1000;
        }
    }
    slv_fetch_credit(fetch, SLV_ACME_BODY_MAX + 1);
}

static void on_data(slv_fetch *fetch, slv_str bytes)
{
    slv_acme_call *c = slv_fetch_user(fetch);

    if (slv_buf_append(&c->body, bytes) == SLV_OK)
        return;
    slv_fetch_abort(fetch);
    c->fetch = NULL;
    fail_call(c, SLV_E_LIMIT, SLV_STR("the server's answer is too long"));
}

static void on_end(slv_fetch *fetch)
{
    slv_acme_call *c = slv_fetch_user(fetch);

    c->fetch = NULL;
    answered(c);
}

static void on_fail(slv_fetch *fetch, slv_code code, slv_str message)
{
    slv_acme_call *c = slv_fetch_user(fetch);

    c->fetch = NULL;
    fail_call(c, code, message);
}

static void on_writable(slv_fetch *fetch)
{
    (void)fetch;
}

static void on_timer(slv_timer *timer)
{
    slv_acme_call *c = slv_container_of(timer, slv_acme_call, timer);

    if (c->fetch)
        slv_fetch_abort(c->fetch);
    c->fetch = NULL;
    fail_call(c, SLV_E_TIMEOUT, SLV_STR("the server did not answer in time"));
}

/* Also tells of what cannot even be begun, later and from the loop. */
static void on_refused(slv_timer *timer)
{
    slv_acme_call *c = slv_container_of(timer, slv_acme_call, timer);

    fail_call(c, SLV_E_INVAL, slv_buf_view(&c->body));
}

/* ---- the request ---- */

static slv_code begin_fetch(slv_acme_call *c, slv_str method, slv_str url, slv_str body,
                            slv_err *err)
{
    static const slv_fetch_handlers handlers = {
        .response = on_response,
        .data = on_data,
        .end = on_end,
        .fail = on_fail,
        .writable = on_writable,
    };
    const slv_fetch_request request = {
        .method = method,
        .url = url,
        .headers = body.len > 0
                       ? SLV_STR("content-type:application/jose+json\nuser-agent:selvage\n")
                       : SLV_STR("user-agent:selvage\n"),
        .body = body,
        .redirect = SLV_REDIRECT_MANUAL,
    };

    slv_buf_reset(&c->body);
    c->retry_after_ms = -1;
    c->status = 0;
    return slv_fetch_start(c->acme->client, &request, &handlers, c, &c->fetch, err);
}

static slv_code begin_signed(slv_acme_call *c, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_ACME_BODY_MAX);
    SLV_CLEANUP(slv_charp_free) char *nonce = c->acme->nonce; /* used once */
    slv_acme *acme = c->acme;

    acme->nonce = NULL;
    SLV_TRY(slv_acme_sign(acme->key, slv_buf_view(&acme->jwk),
                          c->with_jwk ? SLV_STR_NULL : slv_str_from(acme->account),
                          slv_str_from(nonce), slv_str_from(c->url), slv_buf_view(&c->payload),
                          &text, err));
    return begin_fetch(c, SLV_STR("POST"), slv_str_from(c->url), slv_buf_view(&text), err);
}

static void send_call(slv_acme_call *c)
{
    slv_err err = {0};
    slv_code code;

    c->timer.fn = on_timer;
    slv_timer_start(&c->timer, c->acme->o.loop, SLV_ACME_ANSWER_MS);
    c->for_nonce = !c->plain && !c->acme->nonce;
    if (c->plain)
        code = begin_fetch(c, SLV_STR("GET"), slv_str_from(c->url), SLV_STR_NULL, &err);
    else if (c->for_nonce)
        code =
            begin_fetch(c, SLV_STR("HEAD"), slv_str_from(c->acme->url_nonce), SLV_STR_NULL, &err);
    else
        code = begin_signed(c, &err);
    if (code == SLV_OK)
        return;
    if (slv_buf_set(&c->body, slv_str_from(slv_err_text(&err))) != SLV_OK)
        slv_buf_reset(&c->body);
    c->timer.fn = on_refused;
    slv_timer_start(&c->timer, c->acme->o.loop, 0);
}

/* url and payload may stand in the answer before. */
static void prepare(slv_acme_call *c, slv_acme *acme, slv_str url, slv_str payload,
                    slv_acme_done done, void *user)
{
    char *copy = slv_strndup(url.ptr ? url.ptr : "", url.len);
    slv_buf body = SLV_BUF(SLV_ACME_BODY_MAX);

    if (slv_buf_append(&body, payload) != SLV_OK)
        slv_buf_reset(&body);
    slv_acme_call_cancel(c);
    *c = (slv_acme_call){.acme = acme,
                         .url = copy,
                         .payload = body,
                         .body = SLV_BUF(SLV_ACME_BODY_MAX),
                         .arena = SLV_ARENA(4 * SLV_ACME_BODY_MAX),
                         .done = done,
                         .user = user};
}

void slv_acme_post(slv_acme_call *c, slv_acme *acme, slv_str url, slv_str payload, bool with_jwk,
                   slv_acme_done done, void *user)
{
    prepare(c, acme, url, payload, done, user);
    c->with_jwk = with_jwk;
    send_call(c);
}

void slv_acme_get(slv_acme_call *c, slv_acme *acme, slv_str url, slv_acme_done done, void *user)
{
    prepare(c, acme, url, SLV_STR_NULL, done, user);
    c->plain = true;
    send_call(c);
}

void slv_acme_call_cancel(slv_acme_call *c)
{
    if (c->fetch)
        slv_fetch_abort(c->fetch);
    slv_timer_stop(&c->timer);
    free(c->url);
    free(c->location);
    slv_buf_done(&c->payload);
    slv_buf_done(&c->body);
    slv_arena_done(&c->arena);
    *c = (slv_acme_call){.acme = NULL};
}
