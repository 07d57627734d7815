/*
 * One order. Each step is one request; its answer chooses the next:
 *
 *     directory, account (once for all) -> newOrder -> authorization -> challenge ->
 *     authorization again until it is valid -> finalize -> order again until it is valid ->
 *     certificate -> files
 */
#include "net/acme_int.h"

#include <openssl/crypto.h>
#include <stdio.h>

#include "base/clock.h"
#include "fmt/base64.h"
#include "net/tls.h"

#define POLL_MS 2000u
#define POLL_MAX_MS 60000
#define TEXT_MAX ((size_t)64 << 10)

struct slv_acme_order {
    slv_list node; /* acme->orders */
    slv_acme *acme;
    slv_acme_host *host;
    slv_acme_call call;
    slv_timer timer; /* to the next look */
    EVP_PKEY *key;
    char *url, *finalize, *authorization, *token;
    unsigned polls;
};

static void over(slv_acme_order *o, slv_code code, const slv_err *err, int64_t wait_ms)
{
    slv_acme_order_over(o->acme, o->host, code, err, wait_ms);
}

static void fail_with(slv_acme_order *o, slv_code code, const char *what)
{
    slv_err err = {0};

    (void)slv_fail(&err, code, "%s", what);
    over(o, code, &err, -1);
}

/* True: the order is over. `step` says what was asked for. */
static bool failed(slv_acme_order *o, const slv_acme_answer *a, const char *step)
{
    slv_err err = {0};

    if (a->code == SLV_OK)
        return false;
    (void)slv_fail(&err, a->code, "%s: %s", step, slv_err_text(&a->err));
    if (a->rate_limited && a->retry_after_ms >= 0)
        o->acme->pause_until_ms = slv_clock_wall_ms() + a->retry_after_ms;
    over(o, a->code, &err, a->retry_after_ms);
    return true;
}

/* Frees *at and puts a copy of a member there. */
static bool keep(const slv_node *json, const char *name, char **at)
{
    slv_str text = slv_node_str(slv_node_get(json, name));

    free(*at);
    *at = text.len > 0 ? slv_strndup(text.ptr, text.len) : NULL;
    return *at != NULL;
}

static void post(slv_acme_order *o, const char *url, slv_str payload, slv_acme_done done)
{
    slv_acme_post(&o->call, o->acme, slv_str_from(url), payload, false, done, o);
}

static void look_later(slv_acme_order *o, const slv_acme_answer *a, void (*fn)(slv_timer *timer))
{
    int64_t ms = a->retry_after_ms >= 0 ? SLV_MIN(a->retry_after_ms, POLL_MAX_MS)
                                        : (int64_t)o->acme->o.poll_ms;

    if (++o->polls > SLV_ACME_POLLS_MAX) {
        fail_with(o, SLV_E_TIMEOUT, "the server does not come to a decision");
        return;
    }
    o->timer.fn = fn;
    slv_timer_start(&o->timer, o->acme->o.loop, (uint64_t)ms);
}

/* ---- the certificate ---- */

static slv_code keep_certificate(slv_acme_order *o, slv_str chain, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf pem = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_tls_cert_unref) slv_tls_cert *cert = NULL;
    slv_code code;

    SLV_TRY(slv_acme_key_to_pem(o->key, &pem, err));
    code = slv_tls_cert_pem(chain, slv_buf_view(&pem), &cert, err);
    if (code == SLV_OK && !slv_tls_cert_covers(cert, o->host->name))
        code = slv_fail(err, SLV_E_PROTOCOL, "the server issued a certificate for other names");
    if (code == SLV_OK)
        code = slv_acme_files_keep(o->acme->dir, o->host->name, chain, slv_buf_view(&pem), err);
    OPENSSL_cleanse(pem.ptr, pem.cap);
    return code;
}

static void on_certificate(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;
    slv_err err = {0};
    slv_code code;

    if (failed(o, a, "certificate"))
        return;
    code = keep_certificate(o, a->body, &err);
    over(o, code, &err, -1);
}

static void on_order_again(void *user, const slv_acme_answer *a);

static void look_at_order(slv_timer *timer)
{
    slv_acme_order *o = slv_container_of(timer, slv_acme_order, timer);

    post(o, o->url, SLV_STR_NULL, on_order_again);
}

static void describe_error(const slv_node *json, const char *what, slv_err *err)
{
    const slv_node *error = slv_node_get(json, "error");
    slv_str detail = slv_node_str(slv_node_get(error, "detail")),
            type = slv_node_str(slv_node_get(error, "type"));

    if (slv_str_starts(type, SLV_STR("urn:ietf:params:acme:error:")))
        type = slv_str_skip(type, 27);
    (void)slv_fail(err, SLV_E_DENIED, "%s%s%.*s%s%.*s", what, type.len ? ": " : "",
                   SLV_STR_ARGS(type), detail.len ? ": " : "", SLV_STR_ARGS(detail));
}

static void on_order_again(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;
    slv_str status = slv_node_str(slv_node_get(a->json, "status"));
    SLV_CLEANUP(slv_charp_free) char *url = NULL;
    slv_err err = {0};

    if (failed(o, a, "order"))
        return;
    if (slv_str_is(status, "valid") && keep(a->json, "certificate", &url)) {
        post(o, url, SLV_STR_NULL, on_certificate);
    } else if (slv_str_is(status, "invalid")) {
        describe_error(a->json, "the server has given the order up", &err);
        over(o, SLV_E_DENIED, &err, -1);
    } else {
        look_later(o, a, look_at_order);
    }
}

static slv_code csr_body(slv_acme_order *o, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf der = SLV_BUF(TEXT_MAX);

    SLV_TRY(slv_acme_key_new(&o->key, err));
    SLV_TRY(slv_acme_csr(o->key, o->host->name, &der, err));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"csr\":\"")));
    SLV_TRY(slv_base64_encode(slv_buf_view(&der), SLV_BASE64_URL, out));
    return slv_buf_append(out, SLV_STR("\"}"));
}

static void finalize(slv_acme_order *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(TEXT_MAX);
    slv_err err = {0};
    slv_code code = csr_body(o, &body, &err);

    o->polls = 0;
    if (code == SLV_OK)
        post(o, o->finalize, slv_buf_view(&body), on_order_again);
    else
        over(o, code, &err, -1);
}

/* ---- the proof ---- */

static void on_authorization(void *user, const slv_acme_answer *a);

static void look_at_authorization(slv_timer *timer)
{
    slv_acme_order *o = slv_container_of(timer, slv_acme_order, timer);

    post(o, o->authorization, SLV_STR_NULL, on_authorization);
}

static void on_challenged(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;

    if (!failed(o, a, "challenge"))
        look_later(o, a, look_at_authorization);
}

static slv_node *http_challenge(const slv_node *authorization)
{
    slv_node *list = slv_node_get(authorization, "challenges");

    for (slv_node *c = list ? list->first : NULL; c; c = c->next)
        if (slv_str_is(slv_node_str(slv_node_get(c, "type")), "http-01"))
            return c;
    return NULL;
}

/* base64url, as RFC 8555 section 8.3 wants it: it becomes part of a path. */
static bool is_token(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && !slv_is_digit(s.ptr[i]) && s.ptr[i] != '-' &&
            s.ptr[i] != '_')
            return false;
    return s.len >= 16 && s.len <= 256;
}

static void answer_challenge(slv_acme_order *o, const slv_node *challenge)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1024);
    SLV_CLEANUP(slv_charp_free) char *url = NULL;

    if (!keep(challenge, "token", &o->token) || !is_token(slv_str_from(o->token)) ||
        !keep(challenge, "url", &url) ||
        slv_buf_printf(&text, "%s.%s", o->token, o->acme->thumbprint) != SLV_OK) {
        fail_with(o, SLV_E_PROTOCOL, "the server's challenge is malformed");
        return;
    }
    slv_acme_token_open(o->acme, slv_str_from(o->token), slv_buf_view(&text));
    post(o, url, SLV_STR("{}"), on_challenged);
}

static void on_authorization(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;
    slv_str status = slv_node_str(slv_node_get(a->json, "status"));
    slv_node *challenge = http_challenge(a->json);
    slv_err err = {0};

    if (failed(o, a, "authorization"))
        return;
    if (slv_str_is(status, "valid")) {
        finalize(o);
    } else if (!slv_str_is(status, "pending")) {
        describe_error(challenge, "the server does not believe that the host is ours", &err);
        over(o, SLV_E_DENIED, &err, -1);
    } else if (o->token) {
        look_later(o, a, look_at_authorization);
    } else if (challenge) {
        answer_challenge(o, challenge);
    } else {
        fail_with(o, SLV_E_UNSUPPORTED, "the server offers no http-01 challenge for this host");
    }
}

/* ---- the order ---- */

static void on_order(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;
    slv_node *list = slv_node_get(a->json, "authorizations");
    slv_str first = slv_node_str(list ? list->first : NULL);

    if (failed(o, a, "new order"))
        return;
    o->url = slv_strndup(a->location.ptr ? a->location.ptr : "", a->location.len);
    if (o->url[0] == 0 || first.len == 0 || !keep(a->json, "finalize", &o->finalize)) {
        fail_with(o, SLV_E_PROTOCOL, "the server's order is malformed");
        return;
    }
    o->authorization = slv_strndup(first.ptr, first.len);
    post(o, o->authorization, SLV_STR_NULL, on_authorization);
}

static void new_order(slv_acme_order *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(1024);

    if (slv_buf_printf(&body, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%.*s\"}]}",
                       SLV_STR_ARGS(o->host->name)) != SLV_OK)
        fail_with(o, SLV_E_LIMIT, "the host name is too long");
    else
        post(o, o->acme->url_order, slv_buf_view(&body), on_order);
}

static void on_account(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;

    if (failed(o, a, "account"))
        return;
    if (a->location.len == 0) {
        fail_with(o, SLV_E_PROTOCOL, "the server gives the account no URL");
        return;
    }
    free(o->acme->account);
    o->acme->account = slv_strndup(a->location.ptr, a->location.len);
    new_order(o);
}

static slv_code account_body(const slv_acme *acme, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf contact = SLV_BUF(1024);

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"termsOfServiceAgreed\":true")));
    if (acme->email[0]) {
        SLV_TRY(slv_buf_printf(&contact, "mailto:%s", acme->email));
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"contact\":[")));
        SLV_TRY(slv_json_put_string(out, slv_buf_view(&contact)));
        SLV_TRY(slv_buf_append_byte(out, ']'));
    }
    return slv_buf_append_byte(out, '}');
}

static void register_account(slv_acme_order *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(8192);

    if (account_body(o->acme, &body) != SLV_OK)
        fail_with(o, SLV_E_LIMIT, "the e-mail address is too long");
    else
        slv_acme_post(&o->call, o->acme, slv_str_from(o->acme->url_account), slv_buf_view(&body),
                      true, on_account, o);
}

static void on_directory(void *user, const slv_acme_answer *a)
{
    slv_acme_order *o = user;
    slv_acme *acme = o->acme;
    slv_node *meta = slv_node_get(a->json, "meta");

    if (failed(o, a, "directory"))
        return;
    if (!keep(a->json, "newNonce", &acme->url_nonce) ||
        !keep(a->json, "newAccount", &acme->url_account) ||
        !keep(a->json, "newOrder", &acme->url_order)) {
        free(acme->url_order);
        acme->url_order = NULL;
        fail_with(o, SLV_E_PROTOCOL, "the URL is not that of an ACME directory");
        return;
    }
    if (keep(meta, "termsOfService", &acme->terms) && !acme->o.terms_agreed) {
        SLV_CLEANUP(slv_charp_free) char *terms = SLV_STEAL(acme->terms);
        slv_err err = {0};

        (void)slv_fail(&err, SLV_E_DENIED,
                       "the server has terms of service, %s: agree with them in the configuration",
                       terms);
        over(o, SLV_E_DENIED, &err, -1);
        return;
    }
    register_account(o);
}

static void on_begin(slv_timer *timer)
{
    slv_acme_order *o = slv_container_of(timer, slv_acme_order, timer);
    slv_acme *acme = o->acme;

    if (acme->account)
        new_order(o);
    else
        slv_acme_get(&o->call, acme, slv_str_from(acme->directory), on_directory, o);
}

slv_acme_order *slv_acme_order_start(slv_acme *acme, slv_acme_host *host)
{
    slv_acme_order *o = slv_new0(slv_acme_order);

    o->acme = acme;
    o->host = host;
    o->timer.fn = on_begin;
    slv_list_push(&acme->orders, &o->node);
    slv_timer_start(&o->timer, acme->o.loop, 0);
    return o;
}

void slv_acme_order_free(slv_acme_order *o)
{
    slv_timer_stop(&o->timer);
    slv_acme_call_cancel(&o->call);
    if (o->token)
        slv_acme_token_close(o->acme, slv_str_from(o->token));
    slv_list_remove(&o->node);
    EVP_PKEY_free(o->key);
    free(o->url);
    free(o->finalize);
    free(o->authorization);
    free(o->token);
    free(o);
}
