/*
 * Connections that pass from one process to another: by their descriptor where the bytes on it are
 * plain, by a pump where TLS is spoken, and what is told of them on the way.
 */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/pump_int.h"
#include "net/server_int.h"

bool slv_conn_has_heir(const slv_conn *c)
{
    if (c->server->heir)
        return !c->wire.ssl || c->server->options.pumps;
    return c->server->yields && c->direct && !c->secure;
}

slv_str slv_conn_tls_version(const slv_wire *wire, const slv_conn_told *told)
{
    return told ? slv_str_from(told->version) : slv_wire_tls_version(wire);
}

slv_str slv_conn_tls_cipher(const slv_wire *wire, const slv_conn_told *told)
{
    return told ? slv_str_from(told->cipher) : slv_wire_tls_cipher(wire);
}

static void describe(const slv_conn *c, slv_handed *h)
{
    slv_str version = slv_conn_tls_version(&c->wire, c->told);
    slv_str cipher = slv_conn_tls_cipher(&c->wire, c->told);

    *h = (slv_handed){
        .peer_port = c->peer_port,
        .local_port = c->local_port,
        .redirect_port = c->redirect_port,
        .secure = c->secure,
        .received = slv_buf_view(&c->in),
        .h2 = !c->begun && (c->told ? c->told->h2 : slv_wire_speaks_h2(&c->wire)),
    };
    memcpy(h->peer, c->peer, sizeof h->peer);
    memcpy(h->local, c->local, sizeof h->local);
    (void)snprintf(h->tls_version, sizeof h->tls_version, "%.*s", SLV_STR_ARGS(version));
    (void)snprintf(h->tls_cipher, sizeof h->tls_cipher, "%.*s", SLV_STR_ARGS(cipher));
}

/* The socket itself. */
static void give_socket(slv_conn *c, const slv_handed *about)
{
    const slv_http_options *o = &c->server->options;
    const slv_listener_traits traits = {.redirect_port = c->redirect_port};
    int own = fcntl(c->wire.fd, F_DUPFD_CLOEXEC, 0);
    bool taken = own >= 0 && (c->server->heir ? o->hand_over(o->ctx, own, about)
                                              : o->pass_on(o->ctx, own, &traits));

    if (own >= 0 && !taken)
        (void)close(own);
    if (taken && c->wire.ssl) { /* not begun: its end must not be told to the client */
        SSL_free(c->wire.ssl);
        c->wire.ssl = NULL;
    }
    slv_conn_close(c, SLV_GONE_SERVER); /* our descriptor of it */
}

/* Our end of a pair, whose other end the pump has. */
static void give_plain(slv_conn *c, const slv_handed *about)
{
    const slv_http_options *o = &c->server->options;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        slv_conn_close(c, SLV_GONE_SERVER);
        return;
    }
    if (!o->hand_over(o->ctx, ends[0], about)) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        slv_conn_close(c, SLV_GONE_SERVER);
        return;
    }
    slv_wire_unwatch(&c->wire);
    slv_pumps_take(o->pumps, &c->wire, NULL, ends[1]);
    slv_conn_gone(c);
}

void slv_conn_hand_over(slv_conn *c)
{
    slv_handed about;

    describe(c, &about);
    if (c->wire.ssl && !SSL_is_init_finished(c->wire.ssl) &&
        BIO_number_read(SSL_get_rbio(c->wire.ssl)) > 0)
        return;
    if (c->ex)
        slv_conn_exchange_done(c);
    c->state = CONN_IDLE;
    if (!c->wire.ssl) {
        give_socket(c, &about);
    } else if (!SSL_is_init_finished(c->wire.ssl)) {
        about.fresh = true;
        give_socket(c, &about);
    } else {
        give_plain(c, &about);
    }
}
