/* TCP connections by curl's hand: it resolves names without blocking, races addresses, and opens
 * tunnels through proxies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "net/client_int.h"

static void on_done(slv_transfer *t, CURLcode result)
{
    slv_dial *d = slv_container_of(t, slv_dial, t);
    SLV_CLEANUP(slv_buf_done) slv_buf message = SLV_BUF(4096);
    curl_socket_t fd = CURL_SOCKET_BAD;
    slv_code code = SLV_OK;
    int own = -1;

    if (result != CURLE_OK) {
        code = slv_transfer_error(t, result, &message);
    } else {
        curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
        if (fd != CURL_SOCKET_BAD)
            own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0)
            code = SLV_E_IO;
    }
    slv_transfer_end(t);
    d->done(d, own, code, message.len ? slv_buf_view(&message) : slv_str_from(slv_code_text(code)));
}

slv_code slv_dial_start(slv_dial *d, slv_client *client, slv_str host, uint16_t port, bool secure,
                        slv_err *err)
{
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(64 << 10);
    bool bare = slv_str_chr(host, ':', 0) != SIZE_MAX && host.ptr[0] != '[';

    SLV_TRY(slv_buf_printf(&text, bare ? "http://[%.*s]:%u/" : "http://%.*s:%u/",
                           SLV_STR_ARGS(host), (unsigned)port));
    if (slv_url_parse(slv_buf_view(&text), NULL, &url) != SLV_OK ||
        slv_url_port_number(&url) != port)
        return slv_fail(err, SLV_E_INVAL, "\"%.*s\" is no host", SLV_STR_ARGS(host));
    SLV_TRY(slv_transfer_new(&d->t, client, &url, secure, err));
    d->t.done = on_done;
    curl_easy_setopt(d->t.easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(d->t.easy, CURLOPT_HTTPPROXYTUNNEL, d->t.proxied ? 1L : 0L);
    return slv_transfer_start(&d->t, err);
}

void slv_dial_stop(slv_dial *d)
{
    slv_transfer_end(&d->t);
}
