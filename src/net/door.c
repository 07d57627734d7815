#include "net/door.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/forwarded.h"

#define LOCATION_MAX ((size_t)32 << 10)

struct slv_door {
    slv_door_options o; /* loop and callbacks */
    slv_tls_dir *dir;   /* NULL: no certificates */
    slv_acme *acme;     /* NULL: none is asked for */
    slv_nets *proxies;
};

static void on_notice(void *user, slv_str text)
{
    slv_door *door = user;

    if (door->o.notice)
        door->o.notice(door->o.user, text);
}

static bool on_known(void *user, slv_str host)
{
    slv_door *door = user;

    return !door->o.known || door->o.known(door->o.user, host);
}

static bool on_lasts(void *user, slv_str host, int64_t *ret_from_ms, int64_t *ret_until_ms)
{
    const slv_door *door = user;
    const slv_tls_cert *cert = slv_tls_dir_find(door->dir, host);

    if (!cert)
        return false;
    *ret_from_ms = slv_tls_cert_not_before_ms(cert);
    *ret_until_ms = slv_tls_cert_not_after_ms(cert);
    return true;
}

static void on_issued(void *user, slv_str host)
{
    slv_door *door = user;

    (void)host;
    slv_tls_dir_reload(door->dir);
}

static void on_missing(void *ctx, slv_str name)
{
    slv_door *door = ctx;

    slv_acme_want(door->acme, name);
}

static slv_code open_acme(slv_door *door, const slv_door_options *o, slv_err *err)
{
    const slv_acme_options acme = {
        .loop = o->loop,
        .directory = o->acme_directory,
        .email = o->acme_email,
        .dir = o->acme_dir,
        .ca_file = o->acme_ca_file,
        .terms_agreed = o->acme_terms_agreed,
        .retry_ms = o->acme_retry_ms,
        .poll_ms = o->acme_poll_ms,
        .known = on_known,
        .lasts = on_lasts,
        .issued = on_issued,
        .notice = on_notice,
        .user = door,
    };

    SLV_TRY(slv_acme_new(&acme, &door->acme, err));
    if (o->known)
        slv_tls_server_on_missing(slv_tls_dir_server(door->dir), on_missing, door);
    return SLV_OK;
}

slv_code slv_door_open(const slv_door_options *o, slv_door **ret, slv_err *err)
{
    SLV_CLEANUP(slv_door_free) slv_door *door = slv_new0(slv_door);
    bool acme = o->acme_directory.len > 0;
    SLV_CLEANUP(slv_charp_free)
    char *issued = acme ? slv_path_join(o->acme_dir, SLV_STR("certs")) : NULL;
    slv_str dirs[2];
    slv_tls_dir_options dir = {.loop = o->loop,
                               .dirs = dirs,
                               .default_host = o->default_host,
                               .notice = on_notice,
                               .user = door};

    door->o = (slv_door_options){
        .loop = o->loop, .known = o->known, .notice = o->notice, .user = o->user};
    if (o->trusted_proxy_count > 0)
        SLV_TRY(slv_nets_new(o->trusted_proxies, o->trusted_proxy_count, &door->proxies, err));
    if (o->cert_dir.len > 0)
        dirs[dir.dir_count++] = o->cert_dir;
    if (acme)
        dirs[dir.dir_count++] = slv_str_from(issued);
    if (dir.dir_count > 0)
        SLV_TRY(slv_tls_dir_open(&dir, &door->dir, err));
    if (acme)
        SLV_TRY(open_acme(door, o, err));
    *ret = SLV_STEAL(door);
    return SLV_OK;
}

slv_tls_server *slv_door_tls(slv_door *door)
{
    return door->dir ? slv_tls_dir_server(door->dir) : NULL;
}

const slv_nets *slv_door_proxies(const slv_door *door)
{
    return door->proxies;
}

void slv_door_want(slv_door *door, slv_str host)
{
    if (door->acme)
        slv_acme_want(door->acme, host);
}

/* ---- requests ---- */

/* The host without its port: the end of "[::1]:80" or "a:80". */
static slv_str without_port(slv_str authority)
{
    size_t colon = slv_str_rchr(authority, ':');

    if (colon == SIZE_MAX || slv_str_chr(authority, ']', colon) != SIZE_MAX)
        return authority;
    return slv_str_sub(authority, 0, colon);
}

static void redirect(slv_exchange *ex)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(LOCATION_MAX);
    const slv_request_head *h = &ex->head;
    slv_str host = without_port(h->authority.len > 0 ? h->authority : h->local);
    slv_response_head head = {.status = 308};
    slv_code code = slv_buf_printf(&headers, "location:https://%.*s", SLV_STR_ARGS(host));

    if (code == SLV_OK && h->redirect_port != 443)
        code = slv_buf_printf(&headers, ":%u", (unsigned)h->redirect_port);
    if (code == SLV_OK)
        code = slv_buf_append(&headers, h->path);
    if (code == SLV_OK)
        code = slv_buf_append_byte(&headers, '\n');
    head.headers = slv_buf_view(&headers);
    if (code != SLV_OK || slv_exchange_reply(ex, &head, SLV_STR_NULL, NULL) != SLV_OK)
        slv_exchange_abort(ex);
}

bool slv_door_take(slv_door *door, slv_exchange *ex)
{
    static const char challenges[] = "/.well-known/acme-challenge/";

    if (door && door->proxies)
        slv_forwarded_apply(door->proxies, ex);
    if (door && door->acme && slv_acme_take(door->acme, ex))
        return true;
    if (ex->head.redirect_port == 0 || ex->head.scheme.len == 5 ||
        slv_str_starts(ex->head.path, slv_str_from(challenges)))
        return false;
    redirect(ex);
    return true;
}

slv_door *slv_door_free(slv_door *door)
{
    if (!door)
        return NULL;
    slv_acme_free(door->acme);
    slv_tls_dir_free(door->dir);
    slv_nets_free(door->proxies);
    free(door);
    return NULL;
}
