#include "net/acme.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/rand.h"
#include "net/acme_int.h"
#include "net/server_int.h"

#define RETRY_MS 60000
#define RETRY_MAX_MS (24 * 3600 * 1000)
#define ASK_AGAIN_MS 60000 /* a host that a client asked for and that is not ours */
#define ASKED_MAX 4096u
#define MAILS_MAX 64u
#define LOOK_MS 3600000 /* the timer's longest sleep: clocks are set */
#define CHALLENGES "/.well-known/acme-challenge/"

typedef struct wanted {
    slv_mail mail;
    slv_acme *acme;
    char name[256];
    size_t len;
} wanted;

static void plan(slv_acme *acme);

static void tell(slv_acme *acme, slv_str host, const char *text)
{
    slv_err line = {0};

    (void)slv_fail(&line, SLV_OK, "ACME: %.*s: %s", SLV_STR_ARGS(host), text);
    if (acme->o.notice)
        acme->o.notice(acme->o.user, slv_str_from(slv_err_text(&line)));
}

/* ---- challenges: any thread ---- */

void slv_acme_token_open(slv_acme *acme, slv_str token, slv_str authorization)
{
    pthread_mutex_lock(&acme->lock);
    char **old = slv_map_get(&acme->tokens, token);
    if (old)
        free(*old);
    slv_map_set(&acme->tokens, token, slv_strndup(authorization.ptr, authorization.len));
    pthread_mutex_unlock(&acme->lock);
}

void slv_acme_token_close(slv_acme *acme, slv_str token)
{
    pthread_mutex_lock(&acme->lock);
    char **old = slv_map_get(&acme->tokens, token);
    if (old)
        free(*old);
    (void)slv_map_remove(&acme->tokens, token);
    pthread_mutex_unlock(&acme->lock);
}

bool slv_acme_take(slv_acme *acme, slv_exchange *ex)
{
    const slv_response_head head = {.status = 200,
                                    .headers = SLV_STR("content-type:application/octet-stream\n")};
    slv_str token, text = SLV_STR_NULL;

    if (!slv_str_starts(ex->head.path, SLV_STR(CHALLENGES)))
        return false;
    token = slv_str_skip(ex->head.path, sizeof CHALLENGES - 1);
    pthread_mutex_lock(&acme->lock);
    char **found = slv_map_get(&acme->tokens, token);
    if (found && slv_arena_dup(ex->arena, slv_str_from(*found), &text) != SLV_OK)
        text = SLV_STR_NULL;
    pthread_mutex_unlock(&acme->lock);
    if (text.len == 0)
        return false;
    if (slv_exchange_reply(ex, &head, text, NULL) != SLV_OK)
        slv_exchange_abort(ex);
    return true;
}

/* ---- hosts ---- */

/* Letters, digits and hyphens in labels, at least two of them, the last not a number. */
static bool is_host(slv_str name)
{
    size_t label = 0;
    bool dotted = false, digits = true;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c == '.') {
            if (label == 0 || name.ptr[i - 1] == '-')
                return false;
            label = 0;
            dotted = digits = true;
            continue;
        }
        if (!slv_is_alpha(c) && !slv_is_digit(c) && (c != '-' || label == 0))
            return false;
        digits &= slv_is_digit(c);
        if (++label > 63)
            return false;
    }
    return dotted && label > 0 && !digits && name.len <= 253 && name.ptr[name.len - 1] != '-';
}

/* When the host needs an order next: now, or when a third of the certificate's life is left. */
static int64_t due_of(slv_acme *acme, slv_str host)
{
    int64_t now = slv_clock_wall_ms(), from, until;

    if (!acme->o.lasts || !acme->o.lasts(acme->o.user, host, &from, &until) || until <= from)
        return now;
    return SLV_MAX(now, until - (until - from) / 3);
}

static slv_acme_host *host_of(slv_acme *acme, slv_str name)
{
    slv_acme_host **found = slv_map_get(&acme->hosts, name), *host;

    if (found)
        return *found;
    if (acme->hosts.len >= SLV_ACME_HOSTS_MAX) {
        tell(acme, name, "too many hosts; this one gets no certificate");
        return NULL;
    }
    host = slv_new0(slv_acme_host);
    slv_map_set(&acme->hosts, name, host);
    host->name = slv_str_from(slv_strndup(name.ptr, name.len));
    host->due_ms = due_of(acme, name);
    return host;
}

static void host_free(slv_acme_host *host)
{
    free((char *)(size_t)host->name.ptr);
    free(host);
}

static void forget(slv_acme *acme, slv_acme_host *host)
{
    (void)slv_map_remove(&acme->hosts, host->name);
    host_free(host);
}

static bool is_known(slv_acme *acme, slv_str host)
{
    return !acme->o.known || acme->o.known(acme->o.user, host);
}

/* ---- what is due ---- */

static void begin_due(slv_acme *acme, slv_acme_host *host)
{
    int64_t due = due_of(acme, host->name);

    if (!is_known(acme, host->name)) {
        forget(acme, host);
        return;
    }
    if (host->failures == 0 && due > slv_clock_wall_ms()) { /* somebody put one there by hand */
        host->due_ms = due;
        return;
    }
    acme->order_count++;
    host->order = slv_acme_order_start(acme, host);
}

/* Starts what may start, and sleeps until the next is due. */
static void plan(slv_acme *acme)
{
    int64_t now = slv_clock_wall_ms(), next = now + LOOK_MS;
    /* the account is made by one order before others begin */
    unsigned most = acme->account ? SLV_ACME_ORDERS_MAX : 1;

    for (size_t i = acme->hosts.len; i-- > 0;) {
        slv_acme_host *host = acme->hosts.values[i];
        int64_t due = SLV_MAX(host->due_ms, acme->pause_until_ms);

        if (host->order)
            continue;
        if (due > now)
            next = SLV_MIN(next, due);
        else if (acme->order_count < most)
            begin_due(acme, host);
    }
    slv_timer_start(&acme->timer, acme->o.loop, (uint64_t)(next - now));
}

static void on_timer(slv_timer *timer)
{
    plan(slv_container_of(timer, slv_acme, timer));
}

static int64_t back_off(const slv_acme *acme, unsigned failures)
{
    int64_t ms = acme->o.retry_ms;

    for (unsigned i = 1; i < failures && ms < RETRY_MAX_MS; i++)
        ms *= 2;
    ms = SLV_MIN(ms, RETRY_MAX_MS);
    return ms + (int64_t)(slv_rand_u64() % (uint64_t)(ms / 10 + 1)); /* not all at once */
}

static void tell_failure(slv_acme *acme, const slv_acme_host *host, const slv_err *err,
                         int64_t wait)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);
    int64_t s = (wait + 999) / 1000;
    slv_code code = slv_buf_printf(&text, "%s; the next try is in %lld %s", slv_err_text(err),
                                   (long long)(s < 120 ? s : s / 60), s < 120 ? "s" : "min");

    tell(acme, host->name, code == SLV_OK ? slv_buf_cstr(&text) : slv_err_text(err));
}

void slv_acme_order_over(slv_acme *acme, slv_acme_host *host, slv_code code, const slv_err *err,
                         int64_t wait_ms)
{
    slv_acme_order *order = SLV_STEAL(host->order);
    int64_t wait;

    acme->order_count--;
    if (code == SLV_OK) {
        host->failures = 0;
        if (acme->o.issued)
            acme->o.issued(acme->o.user, host->name);
        host->due_ms = due_of(acme, host->name);
        /* A certificate that is due as soon as it is issued would be asked for without end. */
        if (host->due_ms <= slv_clock_wall_ms()) {
            host->due_ms = slv_clock_wall_ms() + back_off(acme, ++host->failures);
            tell(acme, host->name,
                 "the certificate that was issued is not in use, or ends too soon");
        } else {
            tell(acme, host->name, "a certificate was issued");
        }
    } else {
        host->failures++;
        wait = SLV_MAX(back_off(acme, host->failures), wait_ms);
        host->due_ms = slv_clock_wall_ms() + wait;
        tell_failure(acme, host, err, wait);
    }
    slv_acme_order_free(order); /* err may stand in it */
    plan(acme);
}

/* ---- wanted: any thread ---- */

static void on_wanted(slv_mail *mail)
{
    wanted *w = slv_container_of(mail, wanted, mail);
    slv_acme *acme = w->acme;
    slv_str name = slv_str_make(w->name, w->len);
    bool last;

    pthread_mutex_lock(&acme->lock);
    last = --acme->mails == 0;
    pthread_mutex_unlock(&acme->lock);
    if (acme->freeing) {
        free(w);
        if (last)
            slv_acme_free(acme);
        return;
    }
    if (!slv_map_get(&acme->hosts, name) && is_known(acme, name) && host_of(acme, name))
        plan(acme);
    free(w);
}

/* Strangers may ask for any name: each is looked at once a minute, and few at once. */
static bool may_ask(slv_acme *acme, slv_str name)
{
    int64_t now = slv_clock_wall_ms();
    uint64_t hash = slv_hash(name);
    int64_t *until;
    bool may;

    pthread_mutex_lock(&acme->lock);
    until = slv_imap_get(&acme->asked, hash);
    may = (!until || *until <= now) && acme->mails < MAILS_MAX;
    if (may) {
        if (acme->asked.len >= ASKED_MAX)
            slv_imap_done(&acme->asked);
        slv_imap_set(&acme->asked, hash, now + ASK_AGAIN_MS);
        acme->mails++;
    }
    pthread_mutex_unlock(&acme->lock);
    return may;
}

void slv_acme_want(slv_acme *acme, slv_str host)
{
    wanted *w;

    if (!is_host(host) || !may_ask(acme, host))
        return;
    w = slv_new0(wanted);
    *w = (wanted){.mail.fn = on_wanted, .acme = acme, .len = host.len};
    for (size_t i = 0; i < host.len; i++)
        w->name[i] = slv_ascii_lower(host.ptr[i]);
    slv_loop_post(acme->o.loop, &w->mail);
}

/* ---- life ---- */

static void on_kept(void *user, slv_str host)
{
    if (is_host(host))
        (void)host_of(user, host);
}

static slv_code copy_options(slv_acme *acme, const slv_acme_options *o, slv_err *err)
{
    acme->o = *o;
    acme->o.retry_ms = o->retry_ms ? o->retry_ms : RETRY_MS;
    acme->o.poll_ms = o->poll_ms ? o->poll_ms : 2000;
    acme->directory = slv_strndup(o->directory.ptr ? o->directory.ptr : "", o->directory.len);
    acme->email = slv_strndup(o->email.ptr ? o->email.ptr : "", o->email.len);
    acme->dir = slv_strdup(o->dir);
    acme->ca_file = o->ca_file ? slv_strdup(o->ca_file) : NULL;
    if (!slv_str_starts(o->directory, SLV_STR("https://")))
        return slv_fail(err, SLV_E_INVAL,
                        "\"%s\" is no URL of an ACME directory; it begins with https://",
                        acme->directory);
    return SLV_OK;
}

slv_code slv_acme_new(const slv_acme_options *o, slv_acme **ret, slv_err *err)
{
    SLV_CLEANUP(slv_acme_free) slv_acme *acme = slv_new0(slv_acme);
    slv_client_options client = {.idle_connections = 2};

    pthread_mutex_init(&acme->lock, NULL);
    slv_list_init(&acme->orders);
    acme->timer.fn = on_timer;
    acme->jwk = SLV_BUF(1024);
    SLV_TRY(copy_options(acme, o, err));
    client.ca_file = acme->ca_file;
    SLV_TRY(slv_client_new(o->loop, &client, &acme->client, err));
    SLV_TRY(slv_acme_files_account(acme->dir, &acme->key, err));
    SLV_TRY(slv_acme_key_jwk(acme->key, &acme->jwk, err));
    SLV_TRY(slv_acme_thumbprint(slv_buf_view(&acme->jwk), acme->thumbprint));
    slv_acme_files_each(acme->dir, on_kept, acme);
    slv_timer_start(&acme->timer, o->loop, 0);
    *ret = SLV_STEAL(acme);
    return SLV_OK;
}

/* Mail that is on its way still names the client: the last of it frees. */
slv_acme *slv_acme_free(slv_acme *acme)
{
    bool mails;

    if (!acme)
        return NULL;
    acme->freeing = true;
    slv_timer_stop(&acme->timer);
    for (size_t i = acme->hosts.len; i-- > 0;) {
        slv_acme_host *host = acme->hosts.values[i];

        if (host->order)
            slv_acme_order_free(host->order);
        forget(acme, host);
    }
    acme->client = slv_client_free(acme->client);
    pthread_mutex_lock(&acme->lock);
    mails = acme->mails > 0;
    pthread_mutex_unlock(&acme->lock);
    if (mails)
        return NULL;
    slv_map_done(&acme->hosts);
    SLV_MAP_EACH (&acme->tokens, i)
        free(acme->tokens.values[i]);
    slv_map_done(&acme->tokens);
    slv_imap_done(&acme->asked);
    pthread_mutex_destroy(&acme->lock);
    EVP_PKEY_free(acme->key);
    slv_buf_done(&acme->jwk);
    free(acme->directory);
    free(acme->email);
    free(acme->dir);
    free(acme->ca_file);
    free(acme->url_nonce);
    free(acme->url_account);
    free(acme->url_order);
    free(acme->terms);
    free(acme->account);
    free(acme->nonce);
    free(acme);
    return NULL;
}
