#include "support/fake_isolate.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "chan/flow.h"
#include "chan/frame.h"
#include "chan/msg.h"
#include "chan/page.h"

#define FD SLV_CHANNEL_FD

typedef enum stream_use {
    USE_ECHO_IN,  /* the request's body: what comes goes to `other` */
    USE_ECHO_OUT, /* the response's */
    USE_BYTES,    /* the response's: `left` bytes more */
    USE_SOCKET,
} stream_use;

typedef struct stream {
    stream_use use;
    uint32_t number, event, other;
    uint64_t left;
    slv_flow_in in;
    slv_flow_out out;
    slv_buf pending;
    bool fin;
} stream;

static uint32_t deaf; /* the event of /deaf */
static slv_buf out = {NULL, 0, 0, (size_t)256 << 20};
static SLV_IMAP(stream *) streams;
static SLV_IMAP(uint32_t) ops; /* operation -> event */
static uint32_t next_stream = 1, next_op = 1;
static char filler[32768];
static const char *title = "";
static slv_page *page;

static void must(slv_code code)
{
    if (code != SLV_OK)
        _exit(90 + (int)code);
}

static void put(slv_frame_type type, uint8_t flags, uint32_t id, slv_str payload)
{
    must(slv_frame_put(&out, type, flags, id, payload));
}

static void put_u32(slv_frame_type type, uint32_t id, uint32_t v)
{
    put(type, 0, id, slv_str_make(&v, 4));
}

static void respond(uint32_t event, int status, slv_body_kind kind, uint32_t number,
                    slv_str headers, slv_str body)
{
    const slv_msg_response m = {.status = (uint16_t)status,
                                .body_kind = kind,
                                .number = number,
                                .body_length = kind == SLV_BODY_INLINE ? (int64_t)body.len : -1,
                                .headers = headers,
                                .body = body};
    size_t at;

    must(slv_frame_begin(&out, SLV_FRAME_RESPONSE, 0, event, &at));
    must(slv_msg_response_put(&out, &m));
    must(slv_frame_end(&out, at));
}

static void end(uint32_t event, slv_outcome outcome, slv_str error)
{
    const slv_msg_end m = {outcome, 1234, error};
    size_t at;

    must(slv_frame_begin(&out, SLV_FRAME_END, 0, event, &at));
    must(slv_msg_end_put(&out, &m));
    must(slv_frame_end(&out, at));
}

static void text(uint32_t event, slv_str body)
{
    respond(event, 200, SLV_BODY_INLINE, 0, SLV_STR("Content-Type:text/plain\n"), body);
    end(event, SLV_OUTCOME_OK, SLV_STR_NULL);
}

/* ---- streams ---- */

static stream *find(uint32_t number)
{
    stream **p = slv_imap_get(&streams, number);

    return p ? *p : NULL;
}

static stream *open_stream(stream_use use, uint32_t number, uint32_t event)
{
    stream *st = slv_new0(stream);

    if (number == 0) {
        number = next_stream;
        next_stream += 2;
    }
    *st = (stream){.use = use,
                   .number = number,
                   .event = event,
                   .in = slv_flow_in_open(use == USE_SOCKET ? SLV_FLOW_WINDOW : 0),
                   .out = slv_flow_out_open(SLV_FLOW_WINDOW),
                   .pending = SLV_BUF((size_t)32 << 20)};
    slv_imap_set(&streams, number, st);
    return st;
}

static void close_stream(stream *st)
{
    (void)slv_imap_remove(&streams, st->number);
    slv_buf_done(&st->pending);
    free(st);
}

static void send_data(stream *st, slv_str bytes, bool fin)
{
    do {
        size_t n = SLV_MIN(bytes.len, (size_t)SLV_FRAME_PAYLOAD_MAX);

        put(SLV_FRAME_DATA, n == bytes.len && fin ? SLV_FRAME_FIN : 0, st->number,
            slv_str_sub(bytes, 0, n));
        bytes = slv_str_skip(bytes, n);
    } while (bytes.len > 0);
}

static void pump(stream *st)
{
    if (st->use == USE_BYTES) {
        while (st->left > 0) {
            uint32_t n = slv_flow_out_spend(&st->out, SLV_MIN(st->left, (uint64_t)sizeof filler));

            if (n == 0)
                return;
            st->left -= n;
            send_data(st, slv_str_make(filler, n), false);
        }
        send_data(st, SLV_STR_NULL, true);
    } else {
        uint32_t n = slv_flow_out_spend(&st->out, st->pending.len);

        if (n > 0)
            send_data(st, slv_str_sub(slv_buf_view(&st->pending), 0, n), false);
        slv_buf_consume(&st->pending, n);
        stream *source = find(st->other);
        uint32_t grant = source ? slv_flow_in_consume(&source->in, n) : 0;
        if (grant)
            put_u32(SLV_FRAME_CREDIT, st->other, grant);
        if (st->pending.len > 0 || !st->fin)
            return;
        send_data(st, SLV_STR_NULL, true);
    }
    end(st->event, SLV_OUTCOME_OK, SLV_STR_NULL);
    close_stream(st);
}

static void on_data(const slv_frame *f)
{
    stream *st = find(f->id);
    bool fin = f->flags & SLV_FRAME_FIN;

    if (!st)
        return;
    must(slv_flow_in_arrive(&st->in, f->payload.len, fin));
    stream *to = find(st->other);
    if (fin)
        close_stream(st);
    if (!to)
        return;
    must(slv_buf_append(&to->pending, f->payload));
    to->fin = fin;
    pump(to);
}

static void on_ws_data(const slv_frame *f)
{
    stream *st = find(f->id);

    if (!st)
        return;
    put(SLV_FRAME_WS_DATA, f->flags, f->id, f->payload);
    if (f->payload.len > 0)
        put_u32(SLV_FRAME_CREDIT, f->id, (uint32_t)f->payload.len);
}

static void on_stream_frame(const slv_frame *f)
{
    stream *st = find(f->id);

    switch ((int)f->type) {
    case SLV_FRAME_DATA:
        on_data(f);
        break;
    case SLV_FRAME_WS_DATA:
        on_ws_data(f);
        break;
    case SLV_FRAME_CREDIT:
        if (st && st->use != USE_SOCKET) {
            uint32_t n;

            must(slv_msg_u32_get(f->payload, &n));
            must(slv_flow_out_grant(&st->out, n));
            pump(st);
        }
        break;
    case SLV_FRAME_WS_CLOSE:
    case SLV_FRAME_WS_FAIL:
        if (st) {
            uint32_t event = st->event;

            put(f->type, 0, f->id, f->payload);
            close_stream(st);
            end(event, SLV_OUTCOME_OK, SLV_STR_NULL);
        }
        break;
    case SLV_FRAME_CANCEL_READ:
        if (st) {
            uint32_t event = st->event;

            send_data(st, SLV_STR_NULL, true);
            close_stream(st);
            end(event, SLV_OUTCOME_CANCELED, SLV_STR_NULL);
        }
        break;
    default:
        break;
    }
}

/* ---- requests ---- */

static bool under(slv_str path, const char *prefix, slv_str *rest)
{
    size_t n = strlen(prefix);

    if (!slv_str_starts(path, slv_str_from(prefix)))
        return false;
    *rest = slv_str_skip(path, n);
    return true;
}

static void send_op(uint32_t event, slv_op_kind kind, slv_str url, const slv_msg_event_fetch *m)
{
    slv_msg_op op = {.event = event, .kind = kind};
    size_t at;

    op.fetch =
        (slv_msg_op_fetch){.method = m->method, .url = url, .headers = SLV_STR("x-from:fake\n")};
    op.fetch.bits = m->bits & (SLV_FETCH_STREAM | SLV_FETCH_INLINE | SLV_FETCH_UPGRADE);
    op.fetch.body_stream = m->body_stream; /* spliced: nothing was asked for */
    op.fetch.body_length = m->body_length;
    op.fetch.body = m->body;
    slv_imap_set(&ops, next_op, event);
    must(slv_frame_begin(&out, SLV_FRAME_OP, 0, next_op++, &at));
    must(slv_msg_op_put(&out, &op));
    must(slv_frame_end(&out, at));
}

/* N fetches at once; the answer says how many came back and how many were refused. */
static struct {
    uint32_t event, first, left, good, bad;
} many;

static void start_many(uint32_t event, slv_str rest, const slv_msg_event_fetch *m)
{
    size_t slash = SLV_MIN(slv_str_chr(rest, '/', 0), rest.len);
    uint64_t n = 0;

    must(slv_parse_u64(slv_str_sub(rest, 0, slash), &n));
    many.event = event;
    many.first = next_op;
    many.left = (uint32_t)n;
    many.good = many.bad = 0;
    for (uint64_t i = 0; i < n; i++)
        send_op(event, SLV_OP_FETCH, slv_str_skip(rest, slash + 1), m);
}

static bool took_one_of_many(const slv_frame *f)
{
    char line[64];
    slv_msg_result_fetch r;

    if (many.left == 0 || f->id < many.first)
        return false;
    if (f->flags & SLV_FRAME_ERROR) {
        many.bad++;
    } else {
        many.good++;
        must(slv_msg_result_fetch_get(f->payload, &r));
        if (r.body_stream)
            put(SLV_FRAME_CANCEL_READ, 0, r.body_stream, SLV_STR("\0\0\0\0"));
    }
    if (--many.left == 0) {
        (void)snprintf(line, sizeof line, "good %u bad %u", many.good, many.bad);
        text(many.event, slv_str_from(line));
    }
    return true;
}

static void send_rpc(uint32_t event, uint32_t capability)
{
    slv_msg_op op = {.event = event, .kind = SLV_OP_RPC};
    size_t at;

    op.rpc = (slv_msg_rpc){.target_kind = SLV_RPC_CAPABILITY, .target = capability};
    slv_imap_set(&ops, next_op, event);
    must(slv_frame_begin(&out, SLV_FRAME_OP, 0, next_op++, &at));
    must(slv_msg_op_put(&out, &op));
    must(slv_frame_end(&out, at));
}

/* "hello " fifty times. */
static const char zipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57"
                             "\xc8\x18\x25\x89\x20\x01\xc1\x48\x42\x59\x2c\x01\x00\x00";

static void send_zipped(uint32_t event, bool streamed)
{
    slv_str headers = SLV_STR("Content-Encoding:gzip\nX-Kept:yes\n");
    slv_str bytes = slv_str_make(zipped, sizeof zipped - 1);

    if (streamed) {
        stream *st = open_stream(USE_BYTES, 0, event);

        respond(event, 200, SLV_BODY_STREAM, st->number, headers, SLV_STR_NULL);
        for (size_t i = 0; i < bytes.len; i++) /* a byte at a time */
            send_data(st, slv_str_sub(bytes, i, i + 1), i + 1 == bytes.len);
        close_stream(st);
    } else {
        respond(event, 200, SLV_BODY_INLINE, 0, headers, bytes);
    }
    end(event, SLV_OUTCOME_OK, SLV_STR_NULL);
}

static void hostile(uint32_t event, slv_str path)
{
    static char junk[64];
    stream *st;

    if (slv_str_is(path, "/exit"))
        _exit(3);
    if (slv_str_is(path, "/junk")) {
        memset(junk, 0xff, sizeof junk);
        must(slv_buf_append(&out, slv_str_make(junk, sizeof junk)));
    } else if (slv_str_is(path, "/forged")) {
        put(SLV_FRAME_DATA, 0, 77777, SLV_STR("x"));
        text(event, SLV_STR("as if nothing were")); /* where it is passed over */
    } else if (slv_str_is(path, "/twice")) {
        respond(event, 200, SLV_BODY_STREAM, 1001, SLV_STR_NULL, SLV_STR_NULL);
        respond(event, 200, SLV_BODY_STREAM, 1003, SLV_STR_NULL, SLV_STR_NULL);
    } else if (slv_str_is(path, "/flood")) {
        st = open_stream(USE_BYTES, 0, event);
        respond(event, 200, SLV_BODY_STREAM, st->number, SLV_STR_NULL, SLV_STR_NULL);
        for (int i = 0; i < 1000; i++)
            send_data(st, slv_str_make(filler, sizeof filler), false);
    } else if (slv_str_is(path, "/rpc-forged")) {
        send_rpc(event, 4);
    } else if (slv_str_is(path, "/rpc-gone")) {
        send_rpc(event, 5); /* of our own, and never exported: broken */
    } else if (slv_str_is(path, "/steal")) {
        respond(event, 200, SLV_BODY_SPLICE, 4242, SLV_STR_NULL, SLV_STR_NULL);
    }
}

static void on_fetch(uint32_t event, const slv_msg_event_fetch *m)
{
    slv_str rest, path = m->url;
    stream *st;

    path = slv_str_skip(path, slv_str_find(path, SLV_STR("://"), 0) + 3);
    path = slv_str_skip(path, SLV_MIN(slv_str_chr(path, '/', 0), path.len));
    slv_str plain = slv_str_sub(path, 0, SLV_MIN(slv_str_chr(path, '?', 0), path.len));
    if (slv_str_is(plain, "/hello")) {
        text(event, SLV_STR("hello"));
    } else if (slv_str_is(path, "/url")) {
        text(event, m->url);
    } else if (slv_str_is(path, "/headers")) {
        text(event, m->headers);
    } else if (slv_str_is(path, "/inline")) {
        text(event, m->body);
    } else if (slv_str_is(path, "/echo") && !(m->bits & SLV_FETCH_STREAM)) {
        text(event, m->body);
    } else if (slv_str_is(path, "/echo")) {
        stream *in = open_stream(USE_ECHO_IN, m->body_stream, event);

        st = open_stream(USE_ECHO_OUT, 0, event);
        in->other = st->number;
        st->other = in->number;
        slv_flow_in_grant(&in->in, SLV_FLOW_WINDOW);
        put_u32(SLV_FRAME_CREDIT, in->number, SLV_FLOW_WINDOW);
        respond(event, 200, SLV_BODY_STREAM, st->number, SLV_STR_NULL, SLV_STR_NULL);
    } else if (under(path, "/bytes/", &rest)) {
        st = open_stream(USE_BYTES, 0, event);
        must(slv_parse_u64(rest, &st->left));
        respond(event, 200, SLV_BODY_STREAM, st->number, SLV_STR_NULL, SLV_STR_NULL);
        pump(st);
    } else if (slv_str_is(path, "/cut")) {
        st = open_stream(USE_BYTES, 0, event);
        respond(event, 200, SLV_BODY_STREAM, st->number, SLV_STR_NULL, SLV_STR_NULL);
        send_data(st, SLV_STR("half"), false);
        put(SLV_FRAME_FAIL, 0, st->number, SLV_STR("\4\0\0\0oops"));
        end(event, SLV_OUTCOME_EXCEPTION, SLV_STR_NULL);
        close_stream(st);
    } else if (slv_str_is(path, "/throw")) {
        end(event, SLV_OUTCOME_EXCEPTION,
            SLV_STR("{\"name\":\"TypeError\",\"message\":\"no <good>\",\"stack\":\"TypeError: no "
                    "<good>\\n    at f (a.js:1:2)\"}"));
    } else if (slv_str_is(path, "/deaf")) {
        deaf = event;
    } else if (slv_str_is(path, "/hang") ||
               (slv_str_is(path, "/patient") && slv_str_ends(slv_str_from(title), SLV_STR("#1")))) {
        return;
    } else if (slv_str_is(path, "/patient")) {
        text(event, SLV_STR("at last"));
    } else if (slv_str_is(path, "/log")) {
        put(SLV_FRAME_LOG, 0, event, SLV_STR("\2\3\0\0\0a\nb\0\0\0\0\0\0\0\0"));
        put(SLV_FRAME_EXCEPTION, 0, event,
            SLV_STR("\x2a\0\0\0{\"name\":\"E\",\"message\":\"m\",\"stack\":\"E: m\"} "));
        text(event, SLV_STR("logged"));
    } else if (slv_str_is(path, "/zip") || slv_str_is(path, "/zip-stream")) {
        send_zipped(event, slv_str_is(path, "/zip-stream"));
    } else if (under(path, "/many/", &rest)) {
        start_many(event, rest, m);
    } else if (under(path, "/fetch/", &rest)) {
        send_op(event, SLV_OP_FETCH, rest, m);
    } else if (under(path, "/service/", &rest)) {
        send_op(event, SLV_OP_SERVICE_FETCH, rest, m);
    } else if (slv_str_is(path, "/ws")) {
        st = open_stream(USE_SOCKET, 0, event);
        respond(event, 101, SLV_BODY_SOCKET, st->number, SLV_STR_NULL, SLV_STR_NULL);
    } else {
        hostile(event, path);
    }
}

static void on_result(const slv_frame *f)
{
    uint32_t *event = slv_imap_get(&ops, f->id);
    slv_msg_result_fetch m;

    if (!event)
        _exit(80);
    if (took_one_of_many(f))
        return;
    if (f->flags & SLV_FRAME_ERROR) {
        slv_str error;

        must(slv_msg_str_get(f->payload, &error));
        respond(*event, 502, SLV_BODY_INLINE, 0, SLV_STR_NULL, error);
        end(*event, SLV_OUTCOME_OK, SLV_STR_NULL);
    } else {
        must(slv_msg_result_fetch_get(f->payload, &m));
        slv_body_kind kind = m.socket        ? SLV_BODY_SOCKET
                             : m.body_stream ? SLV_BODY_SPLICE
                                             : SLV_BODY_INLINE;
        respond(*event, m.status, kind, m.socket ? m.socket : m.body_stream, m.headers, m.body);
        end(*event, SLV_OUTCOME_OK, SLV_STR_NULL);
    }
    (void)slv_imap_remove(&ops, f->id);
}

static void on_cancel(uint32_t event)
{
    if (event == deaf) /* it has not heard it */
        return;
    for (size_t i = 0; i < streams.len;) {
        if (streams.values[i]->event == event)
            close_stream(streams.values[i]);
        else
            i++;
    }
    end(event, SLV_OUTCOME_CANCELED, SLV_STR_NULL);
}

static void on_frame(const slv_frame *f)
{
    slv_msg_event ev;

    switch ((int)f->type) {
    case SLV_FRAME_START: {
        const slv_msg_ready ready = {1, SLV_STR("{\"handlers\":[\"fetch\",\"scheduled\"]}")};
        size_t at;

        must(slv_frame_begin(&out, SLV_FRAME_READY, 0, 0, &at));
        must(slv_msg_ready_put(&out, &ready));
        must(slv_frame_end(&out, at));
        break;
    }
    case SLV_FRAME_EVENT:
        must(slv_msg_event_get(f->payload, &ev));
        atomic_store(&page->event, f->id);
        if (ev.kind == SLV_EVENT_FETCH)
            on_fetch(f->id, &ev.fetch);
        else
            end(f->id, ev.scheduled.cron.len > 0 ? SLV_OUTCOME_OK : SLV_OUTCOME_EXCEPTION,
                SLV_STR_NULL);
        atomic_store(&page->event, 0);
        break;
    case SLV_FRAME_RESULT:
        on_result(f);
        break;
    case SLV_FRAME_CANCEL:
        on_cancel(f->id);
        break;
    case SLV_FRAME_STOP:
        _exit(0);
    default:
        on_stream_frame(f);
        break;
    }
}

int fake_isolate_main(int argc, char **argv)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader reader;
    slv_err err;

    if (argc > 0)
        title = argv[0];
    page = mmap(NULL, SLV_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, SLV_PAGE_FD, 0);
    if (page == MAP_FAILED)
        return 71;
    slv_frame_reader_init(&reader, SLV_CHAN_MAIN);
    put_u32(SLV_FRAME_HELLO, 0, SLV_CHAN_VERSION);
    for (;;) {
        slv_frame f;
        char *p;
        size_t room;
        slv_code code;

        while (out.len > 0) {
            ssize_t n = write(FD, out.ptr, out.len);

            if (n <= 0)
                return 0;
            slv_buf_consume(&out, (size_t)n);
        }
        must(slv_frame_reader_room(&reader, 65536, &p, &room));
        ssize_t n = read(FD, p, room);
        if (n <= 0)
            return 0;
        slv_frame_reader_got(&reader, (size_t)n);
        while ((code = slv_frame_reader_next(&reader, &f, &err)) == SLV_OK)
            on_frame(&f);
        if (code != SLV_E_AGAIN)
            return 70;
    }
}
