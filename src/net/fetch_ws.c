/* A hop that asks for a WebSocket: curl dials, the handshake is ours, and so is the body of an
 * answer that refuses. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "net/client_int.h"
#include "net/http1.h"
#include "net/http1_write.h"
#include "net/ws_int.h"

#define READ_SIZE ((size_t)16 << 10)

enum state { FW_DIALING, FW_HEAD, FW_BODY, FW_OVER };

struct slv_fetch_ws {
    slv_fetch *fetch;
    slv_dial dial;
    slv_wire wire;
    slv_outq out;
    slv_timer timer;
    slv_buf in; /* bytes not parsed yet */
    char key[25];
    uint8_t state;
    uint64_t body_left;
    slv_http1_chunks chunks;
    slv_http1_head parse;
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
};

void slv_fetch_ws_end(slv_fetch *f)
{
    slv_fetch_ws *w = f->ws;

    if (!w)
        return;
    f->ws = NULL;
    slv_dial_stop(&w->dial);
    slv_timer_stop(&w->timer);
    slv_wire_close(&w->wire, false);
    slv_outq_clear(&w->out);
    slv_buf_done(&w->in);
    free(w);
}

static void over(slv_fetch_ws *w, slv_code code, slv_str message)
{
    w->state = FW_OVER;
    slv_timer_stop(&w->timer);
    slv_wire_unwatch(&w->wire);
    slv_fetch_hop_done(w->fetch, code, message);
}

/* Request.
 * ---------------------------------------------------------------------------------------------------------------
 */

static bool is_ours(slv_str name)
{
    return slv_fetch_is_framing(name) || slv_str_eq_nocase(name, SLV_STR("sec-websocket-key")) ||
           slv_str_eq_nocase(name, SLV_STR("sec-websocket-version")) ||
           slv_str_eq_nocase(name, SLV_STR("sec-websocket-extensions"));
}

static slv_code write_request(slv_fetch_ws *w, slv_buf *b)
{
    slv_fetch *f = w->fetch;
    slv_str block = slv_buf_view(&f->headers), name, value;
    bool malformed = false, host = false, protocol = false;
    uint8_t random[16];

    slv_rand_bytes(random, sizeof random);
    EVP_EncodeBlock((unsigned char *)w->key, random, sizeof random);
    SLV_TRY(slv_buf_append(b, SLV_STR("GET ")));
    SLV_TRY(slv_buf_append(b, slv_url_pathname(&f->url)));
    SLV_TRY(slv_buf_append(b, slv_url_search(&f->url)));
    SLV_TRY(slv_buf_append(b, SLV_STR(" HTTP/1.1\r\n")));
    while (slv_http_block_next(&block, &name, &value, &malformed)) {
        if (is_ours(name))
            continue;
        host |= slv_str_eq_nocase(name, SLV_STR("host"));
        protocol |= slv_str_eq_nocase(name, SLV_STR("sec-websocket-protocol"));
        SLV_TRY(slv_buf_append(b, name));
        SLV_TRY(slv_buf_append(b, SLV_STR(": ")));
        SLV_TRY(slv_buf_append(b, value));
        SLV_TRY(slv_buf_append(b, SLV_STR("\r\n")));
    }
    if (!host)
        SLV_TRY(slv_buf_printf(b, "Host: %.*s\r\n", SLV_STR_ARGS(slv_url_host(&f->url))));
    if (!protocol && f->protocol.len > 0)
        SLV_TRY(slv_buf_printf(b, "Sec-WebSocket-Protocol: %.*s\r\n",
                               SLV_STR_ARGS(slv_buf_view(&f->protocol))));
    if (f->compress)
        SLV_TRY(
            slv_buf_append(b, SLV_STR("Sec-WebSocket-Extensions: " SLV_WS_DEFLATE_OFFER "\r\n")));
    return slv_buf_printf(
        b,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: %s\r\n\r\n",
        w->key);
}

/* Answer.
 * -----------------------------------------------------------------------------------------------------------------
 */

/* Gives the parsed head on, line by line, as curl would have. */
static slv_code give_head(slv_fetch_ws *w)
{
    SLV_CLEANUP(slv_buf_done) slv_buf line = SLV_BUF(SLV_HTTP1_HEAD_MAX);
    const slv_http1_head *p = &w->parse;

    SLV_TRY(slv_buf_printf(&line, "HTTP/1.1 %d ", (int)p->status));
    SLV_TRY(slv_buf_append(&line, slv_http1_text(p->reason, w->in.ptr)));
    SLV_TRY(slv_fetch_head_line(w->fetch, slv_buf_view(&line)));
    for (uint32_t i = 0; i < p->field_count; i++) {
        slv_buf_reset(&line);
        SLV_TRY(slv_buf_append(&line, slv_http1_text(p->fields[i].name, w->in.ptr)));
        SLV_TRY(slv_buf_append(&line, SLV_STR(":")));
        SLV_TRY(slv_buf_append(&line, slv_http1_text(p->fields[i].value, w->in.ptr)));
        SLV_TRY(slv_fetch_head_line(w->fetch, slv_buf_view(&line)));
    }
    return slv_fetch_head_line(w->fetch, SLV_STR_NULL);
}

static void parse_head(slv_fetch_ws *w)
{
    slv_code code = slv_http1_head_parse(&w->parse, slv_buf_view(&w->in));

    if (code == SLV_E_AGAIN)
        return;
    if (code == SLV_OK)
        code = give_head(w);
    if (code != SLV_OK) {
        over(w, SLV_E_PROTOCOL,
             slv_str_from(w->parse.error ? w->parse.error : "the response's head is too large"));
        return;
    }
    if (w->parse.status == 101) {
        w->state = FW_OVER; /* slv_fetch_ws_upgrade goes on */
        slv_timer_stop(&w->timer);
        slv_wire_unwatch(&w->wire);
        return;
    }
    slv_buf_consume(&w->in, w->parse.length);
    if (w->parse.status < 200) {
        slv_http1_head_init(&w->parse, true, w->fields);
        parse_head(w);
        return;
    }
    w->state = FW_BODY;
    slv_timer_stop(&w->timer);
    w->body_left = w->parse.content_length;
    slv_http1_chunks_init(&w->chunks);
    if (w->parse.framing == SLV_HTTP1_NO_BODY ||
        (w->parse.framing == SLV_HTTP1_LENGTH && w->body_left == 0))
        over(w, SLV_OK, SLV_STR_NULL);
}

/* Body bytes from w->in to the fetch. */
static void parse_body(slv_fetch_ws *w)
{
    while (w->state == FW_BODY && w->in.len > 0 && !w->fetch->recv_paused) {
        slv_str in = slv_buf_view(&w->in), bytes = in;
        slv_http1_chunks chunks = w->chunks;
        size_t used = in.len;

        if (w->parse.framing == SLV_HTTP1_CHUNKED) {
            if (slv_http1_chunks_next(&chunks, in, SIZE_MAX, &used, &bytes) != SLV_OK) {
                over(w, SLV_E_PROTOCOL, slv_str_from(chunks.error));
                return;
            }
        } else if (w->parse.framing == SLV_HTTP1_LENGTH) {
            used = (size_t)SLV_MIN((uint64_t)in.len, w->body_left);
            bytes.len = used;
        }
        if (bytes.len > 0 && !slv_fetch_take(w->fetch, bytes)) {
            w->fetch->recv_paused = true;
            return;
        }
        w->chunks = chunks;
        w->body_left -= w->parse.framing == SLV_HTTP1_LENGTH ? used : 0;
        slv_buf_consume(&w->in, used);
        if (w->parse.framing == SLV_HTTP1_CHUNKED
                ? w->chunks.done
                : w->parse.framing == SLV_HTTP1_LENGTH && w->body_left == 0)
            over(w, SLV_OK, SLV_STR_NULL);
    }
}

static void watch(slv_fetch_ws *w)
{
    if (w->state == FW_HEAD || w->state == FW_BODY)
        slv_wire_watch(&w->wire, w->fetch->client->loop,
                       (w->fetch->recv_paused ? 0 : SLV_POLL_READ) |
                           (w->out.bytes ? SLV_POLL_WRITE : 0));
}

static void lost(slv_fetch_ws *w, ssize_t result)
{
    char text[200];

    if (result == 0 && w->state == FW_BODY && w->parse.framing == SLV_HTTP1_TO_CLOSE)
        over(w, SLV_OK, SLV_STR_NULL);
    else
        over(w, result == -EPROTO ? SLV_E_PROTOCOL : SLV_E_IO,
             slv_str_from(slv_wire_error(&w->wire, result, text, sizeof text)));
}

static void on_ready(slv_poll *poll, unsigned events)
{
    slv_fetch_ws *w = slv_container_of(poll, slv_fetch_ws, wire.poll);
    ssize_t n;

    (void)events;
    if (w->out.bytes > 0) {
        n = slv_outq_write(&w->out, &w->wire);
        if (n < 0) {
            lost(w, n);
            return;
        }
    }
    while ((w->state == FW_HEAD || w->state == FW_BODY) && !w->fetch->recv_paused) {
        if (slv_buf_reserve(&w->in, READ_SIZE) != SLV_OK) {
            over(w, SLV_E_LIMIT, SLV_STR("the response's head is too large"));
            return;
        }
        n = slv_wire_read(&w->wire, w->in.ptr + w->in.len, READ_SIZE);
        if (n == -EAGAIN)
            break;
        if (n <= 0) {
            lost(w, n);
            return;
        }
        w->in.len += (size_t)n;
        if (w->state == FW_HEAD)
            parse_head(w);
        parse_body(w);
    }
    watch(w);
}

void slv_fetch_ws_resume(slv_fetch *f)
{
    slv_fetch_ws *w = f->ws;

    f->recv_paused = false;
    parse_body(w);
    watch(w);
}

/* Start.
 * ------------------------------------------------------------------------------------------------------------------
 */

static void on_timer(slv_timer *timer)
{
    over(slv_container_of(timer, slv_fetch_ws, timer), SLV_E_TIMEOUT,
         SLV_STR("the WebSocket handshake did not complete in time"));
}

static slv_code begin_tls(slv_fetch_ws *w, slv_err *err)
{
    slv_fetch *f = w->fetch;
    slv_str host = slv_url_hostname(&f->url);
    slv_tls_client *tls;

    if (host.len > 2 && host.ptr[0] == '[')
        host = slv_str_sub(host, 1, host.len - 1);
    SLV_TRY(slv_client_tls(f->client, &tls, err));
    w->wire.ssl = slv_tls_client_connect(tls, w->wire.fd, host, err);
    return w->wire.ssl ? SLV_OK : SLV_E_IO;
}

static void on_dialed(slv_dial *dial, int fd, slv_code code, slv_str message)
{
    slv_fetch_ws *w = slv_container_of(dial, slv_fetch_ws, dial);
    SLV_CLEANUP(slv_buf_done) slv_buf request = SLV_BUF((size_t)1 << 20);
    slv_err err;

    if (fd < 0) {
        over(w, code, message);
        return;
    }
    w->wire.fd = fd;
    code = w->fetch->url.scheme == SLV_URL_HTTPS ? begin_tls(w, &err) : SLV_OK;
    if (code == SLV_OK && write_request(w, &request) != SLV_OK)
        code = slv_fail(&err, SLV_E_LIMIT, "the request's head is too large");
    if (code != SLV_OK) {
        over(w, code, slv_str_from(slv_err_text(&err)));
        return;
    }
    slv_outq_append(&w->out, slv_buf_view(&request));
    w->state = FW_HEAD;
    on_ready(&w->wire.poll, SLV_POLL_WRITE);
}

slv_code slv_fetch_ws_start(slv_fetch *f, slv_err *err)
{
    slv_fetch_ws *w = slv_new0(slv_fetch_ws);
    slv_str host = slv_url_hostname(&f->url);

    f->ws = w;
    w->fetch = f;
    w->wire.fd = -1;
    w->wire.poll.fn = on_ready;
    w->dial.done = on_dialed;
    w->timer.fn = on_timer;
    w->out.pool = f->client->pool;
    w->in = SLV_BUF(2 * SLV_HTTP1_HEAD_MAX);
    slv_http1_head_init(&w->parse, true, w->fields);
    slv_timer_start(&w->timer, f->client->loop,
                    2 * (uint64_t)f->client->options.connect_timeout_ms);
    return slv_dial_start(&w->dial, f->client, host, slv_url_port_number(&f->url),
                          f->url.scheme == SLV_URL_HTTPS, err);
}

/* The 101.
 * ----------------------------------------------------------------------------------------------------------------
 */

static slv_str answer_field(const slv_fetch_ws *w, const char *name)
{
    for (uint32_t i = 0; i < w->parse.field_count; i++)
        if (slv_str_eq_nocase(slv_http1_text(w->fields[i].name, w->in.ptr), slv_str_from(name)))
            return slv_http1_text(w->fields[i].value, w->in.ptr);
    return SLV_STR_NULL;
}

/* The subprotocols that were asked for. */
static slv_str asked_protocols(slv_fetch *f)
{
    slv_str block = slv_buf_view(&f->headers), name, value;
    bool malformed = false;

    while (slv_http_block_next(&block, &name, &value, &malformed))
        if (slv_str_eq_nocase(name, SLV_STR("sec-websocket-protocol")))
            return value;
    return slv_buf_view(&f->protocol);
}

slv_ws *slv_fetch_ws_upgrade(slv_fetch *f, slv_err *err)
{
    slv_fetch_ws *w = f->ws;
    slv_str protocol = answer_field(w, "sec-websocket-protocol");
    slv_ws_deflate_offer deflate;
    char accept[29];
    slv_ws *ws;

    slv_ws_accept_key(slv_str_make(w->key, 24), accept);
    if (!slv_http1_list_has(answer_field(w, "upgrade"), SLV_STR("websocket")) ||
        !(w->parse.flags & SLV_HTTP1_CONNECTION_UPGRADE) ||
        !slv_str_is(answer_field(w, "sec-websocket-accept"), accept)) {
        (void)slv_fail(err, SLV_E_PROTOCOL, "the server's WebSocket handshake is malformed");
        return NULL;
    }
    if (protocol.len > 0 && !slv_http1_list_has(asked_protocols(f), protocol)) {
        (void)slv_fail(err, SLV_E_PROTOCOL,
                       "the server chose a WebSocket protocol that was not offered");
        return NULL;
    }
    if (slv_ws_deflate_confirm(answer_field(w, "sec-websocket-extensions"), f->compress, &deflate,
                               err) != SLV_OK)
        return NULL;
    ws = slv_ws_new(&(slv_ws_start){
        .loop = f->client->loop,
        .wire = &w->wire,
        .pool = f->client->pool,
        .received = slv_str_skip(slv_buf_view(&w->in), w->parse.length),
        .client = true,
        .deflate = deflate,
    });
    slv_fetch_ws_end(f);
    return ws;
}
