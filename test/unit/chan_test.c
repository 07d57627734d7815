#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aio/loop.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/vec.h"
#include "chan/flow.h"
#include "chan/frame.h"
#include "chan/link.h"
#include "chan/msg.h"
#include "chan/record.h"
#include "chan/stream.h"
#include "support/tap.h"

/* ---- the codec ---- */

/* Appends a random message that the isolate may send; its payload is a function of `n`. */
static slv_code put_random(slv_buf *out, slv_prng *rng, unsigned n)
{
    static const slv_frame_type types[] = {SLV_FRAME_EXCEPTION, SLV_FRAME_OP, SLV_FRAME_DATA,
                                           SLV_FRAME_RESPONSE, SLV_FRAME_RPC_RESULT};
    slv_frame_type type = types[slv_prng_below(rng, SLV_ARRAY_LEN(types))];
    size_t len =
        slv_prng_below(rng, 8) == 0 ? slv_prng_below(rng, 300000) : slv_prng_below(rng, 200);
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(1 << 20);

    if (type == SLV_FRAME_DATA)
        len = SLV_MIN(len, SLV_FRAME_PAYLOAD_MAX);
    SLV_TRY(slv_buf_reserve(&payload, len));
    for (size_t i = 0; i < len; i++)
        payload.ptr[i] = (char)(n + i);
    payload.len = len;
    return slv_frame_put(out, type, type == SLV_FRAME_DATA ? SLV_FRAME_FIN : 0, n + 1,
                         slv_buf_view(&payload));
}

/* Reads bytes in pieces of at most `piece` (0: random sizes); a digest of the frames. -1: an error.
 */
static int64_t digest(slv_str bytes, size_t piece, slv_prng *rng, slv_chan_side from)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader r;
    int64_t sum = 0;

    slv_frame_reader_init(&r, from);
    while (bytes.len > 0) {
        size_t n = piece ? piece : slv_prng_below(rng, 70000) + 1, room;
        slv_frame f;
        slv_code code;
        char *to;

        n = SLV_MIN(n, bytes.len);
        if (slv_frame_reader_room(&r, n, &to, &room) != SLV_OK || room < n)
            return -1;
        memcpy(to, bytes.ptr, n);
        slv_frame_reader_got(&r, n);
        bytes = slv_str_skip(bytes, n);
        while ((code = slv_frame_reader_next(&r, &f, NULL)) == SLV_OK)
            sum = (sum * 31 + f.type * 7 + f.flags * 5 + f.id + (int64_t)f.payload.len * 3 +
                   (f.payload.len > 0 ? f.payload.ptr[f.payload.len - 1] : 0)) &
                  0xffffffffffff;
        if (code != SLV_E_AGAIN)
            return -1;
    }
    return sum;
}

TEST(any_split_of_the_bytes_gives_the_same_frames)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());
    for (int round = 0; round < 5; round++) {
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(64 << 20);

        for (unsigned n = 0; n < 60; n++)
            CHECK(put_random(&bytes, &rng, n) == SLV_OK);
        int64_t whole = digest(slv_buf_view(&bytes), 1 << 20, &rng, SLV_CHAN_ISOLATE);
        CHECK(whole > 0);
        for (int i = 0; i < 10; i++)
            CHECK(digest(slv_buf_view(&bytes), 0, &rng, SLV_CHAN_ISOLATE) == whole);
        CHECK(digest(slv_buf_view(&bytes), 13, &rng, SLV_CHAN_ISOLATE) == whole);
    }
}

TEST(a_message_at_a_frames_limit_is_one_frame_and_one_byte_more_is_two)
{
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf one = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf two = SLV_BUF(1 << 20);

    CHECK(slv_buf_reserve(&payload, SLV_FRAME_PAYLOAD_MAX + 1) == SLV_OK);
    memset(payload.ptr, 'x', SLV_FRAME_PAYLOAD_MAX + 1);
    payload.len = SLV_FRAME_PAYLOAD_MAX;
    CHECK(slv_frame_put(&one, SLV_FRAME_OP, 0, 1, slv_buf_view(&payload)) == SLV_OK);
    CHECK_INT(one.len, SLV_FRAME_MAX);
    payload.len++;
    CHECK(slv_frame_put(&two, SLV_FRAME_OP, 0, 1, slv_buf_view(&payload)) == SLV_OK);
    CHECK_INT(two.len, SLV_FRAME_MAX + SLV_FRAME_HEAD + 1);
    CHECK_INT((unsigned char)two.ptr[5], SLV_FRAME_MORE);
    /* DATA is never continued */
    slv_buf_reset(&two);
    CHECK_INT(slv_frame_put(&two, SLV_FRAME_DATA, 0, 1, slv_buf_view(&payload)), SLV_E_LIMIT);
    CHECK_INT(two.len, 0);
}

static slv_code read_head(slv_chan_side from, uint32_t len, uint8_t type, uint8_t flags,
                          uint16_t zero, uint32_t id)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader r;
    const uint32_t words[3] = {len, (uint32_t)(type | flags << 8 | zero << 16), id};
    slv_frame f;
    size_t room;
    char *to;

    slv_frame_reader_init(&r, from);
    if (slv_frame_reader_room(&r, 64, &to, &room) != SLV_OK)
        return SLV_E_NOMEM;
    memcpy(to, words, sizeof words);
    slv_frame_reader_got(&r, sizeof words);
    return slv_frame_reader_next(&r, &f, NULL);
}

TEST(a_head_that_breaks_a_rule_is_a_violation)
{
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_FIN, 0, 1), SLV_OK);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 65525, SLV_FRAME_DATA, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 65524, SLV_FRAME_DATA, 0, 0, 1), SLV_E_AGAIN);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, 0, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, 19, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, 255, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, 2, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_MORE, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_FIN, 1, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_FIN, 0, 0), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 4, SLV_FRAME_HELLO, 0, 0, 5), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_EVENT, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_MAIN, 0, SLV_FRAME_END, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ANY, 0, SLV_FRAME_EVENT, 0, 0, 1), SLV_OK);
    /* a continued message that goes on with nothing */
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_OP, SLV_FRAME_MORE, 0, 1), SLV_E_PROTOCOL);
}

TEST(nothing_may_come_between_the_frames_of_a_message)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(1 << 20);
    slv_prng rng = {{0}};
    size_t at;

    CHECK(slv_frame_begin(&bytes, SLV_FRAME_OP, SLV_FRAME_MORE, 7, &at) == SLV_OK);
    CHECK(slv_buf_append(&bytes, SLV_STR("abc")) == SLV_OK);
    CHECK(slv_frame_end(&bytes, at) == SLV_OK);
    CHECK(slv_frame_put(&bytes, SLV_FRAME_OP, 0, 8, SLV_STR("other id")) == SLV_OK);
    CHECK(digest(slv_buf_view(&bytes), 1 << 20, &rng, SLV_CHAN_ISOLATE) == -1);
}

TEST(a_message_over_its_limit_is_refused_by_both_sides)
{
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(2 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 << 20);
    slv_prng rng = {{0}};

    CHECK(slv_buf_reserve(&big, SLV_MESSAGE_SMALL_MAX + 1) == SLV_OK);
    memset(big.ptr, 'y', SLV_MESSAGE_SMALL_MAX + 1);
    big.len = SLV_MESSAGE_SMALL_MAX;
    CHECK(slv_frame_put(&out, SLV_FRAME_RESPONSE, 0, 1, slv_buf_view(&big)) == SLV_OK);
    CHECK(digest(slv_buf_view(&out), 1 << 20, &rng, SLV_CHAN_ISOLATE) > 0);
    big.len++;
    slv_buf_reset(&out);
    CHECK_INT(slv_frame_put(&out, SLV_FRAME_RESPONSE, 0, 1, slv_buf_view(&big)), SLV_E_LIMIT);
    /* as a cheating sender would: the last piece one byte longer */
    big.len = SLV_MESSAGE_SMALL_MAX;
    CHECK(slv_frame_put(&out, SLV_FRAME_OP, 0, 1, slv_buf_view(&big)) == SLV_OK);
    for (size_t i = 0; i < out.len;) {
        uint32_t len;

        memcpy(&len, out.ptr + i, 4);
        out.ptr[i + 4] = SLV_FRAME_RESPONSE;
        i += SLV_FRAME_HEAD + len;
        if (i == out.len) {
            len++;
            memcpy(out.ptr + i - SLV_FRAME_HEAD - len + 1, &len, 4);
        }
    }
    CHECK(slv_buf_append_byte(&out, 'z') == SLV_OK);
    CHECK(digest(slv_buf_view(&out), 1 << 20, &rng, SLV_CHAN_ISOLATE) == -1);
}

TEST(without_memory_nothing_is_half_written)
{
    for (unsigned long n = 1; n < 6; n++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(1 << 20);

        CHECK(slv_buf_reserve(&big, 200000) == SLV_OK);
        memset(big.ptr, 'b', 200000);
        big.len = 200000;
        CHECK(slv_frame_put(&out, SLV_FRAME_DATA, 0, 1, SLV_STR("x")) == SLV_OK);
        size_t before = out.len;
        slv_fault_arm(SLV_FAULT_ALLOC, n);
        slv_code code = slv_frame_put(&out, SLV_FRAME_OP, 0, 1, slv_buf_view(&big));
        bool fired = slv_fault_fired(SLV_FAULT_ALLOC);
        slv_fault_arm(SLV_FAULT_ALLOC, 0);
        CHECK((code == SLV_OK) == !fired);
        CHECK(code == SLV_OK || out.len == before);
    }
}

/* ---- messages ---- */

TEST(messages_read_as_they_were_written)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(1 << 10);
    slv_msg_event ev = {.kind = SLV_EVENT_FETCH}, got;
    slv_msg_op op = {.event = 9, .kind = SLV_OP_RPC}, got_op;

    ev.fetch = (slv_msg_event_fetch){.bits = SLV_FETCH_INLINE | SLV_FETCH_OUTSIDE,
                                     .body_length = 4,
                                     .method = SLV_STR("POST"),
                                     .url = SLV_STR("http://a/"),
                                     .headers = SLV_STR("a:b\n"),
                                     .entrypoint = SLV_STR("E"),
                                     .body = SLV_STR("body")};
    CHECK(slv_msg_event_put(&out, &ev) == SLV_OK);
    CHECK(slv_msg_event_get(slv_buf_view(&out), &got) == SLV_OK);
    CHECK_STR(got.fetch.url, ev.fetch.url);
    CHECK_STR(got.fetch.body, ev.fetch.body);
    CHECK_STR(got.fetch.entrypoint, ev.fetch.entrypoint);

    CHECK(slv_msg_cap_add(&raw, SLV_CAP_CALLABLE, 5) == SLV_OK);
    CHECK(slv_msg_cap_add(&raw, SLV_CAP_READ, 7) == SLV_OK);
    op.rpc = (slv_msg_rpc){.target_kind = SLV_RPC_CAPABILITY,
                           .target = 4,
                           .path = SLV_STR("a\0b"),
                           .args = SLV_STR("args"),
                           .caps = {2, slv_buf_view(&raw)}};
    slv_buf_reset(&out);
    CHECK(slv_msg_op_put(&out, &op) == SLV_OK);
    CHECK(slv_msg_op_get(slv_buf_view(&out), &got_op) == SLV_OK);
    CHECK_INT(got_op.event, 9);
    CHECK_STR(got_op.rpc.path, op.rpc.path);
    CHECK_INT(got_op.rpc.caps.count, 2);
    CHECK_INT(slv_msg_cap_at(&got_op.rpc.caps, 1).number, 7);
    /* a byte more, and each byte less */
    CHECK(slv_buf_append_byte(&out, 0) == SLV_OK);
    CHECK_INT(slv_msg_op_get(slv_buf_view(&out), &got_op), SLV_E_PROTOCOL);
    for (size_t n = 0; n + 1 < out.len; n++)
        CHECK_INT(slv_msg_op_get(slv_str_sub(slv_buf_view(&out), 0, n), &got_op), SLV_E_PROTOCOL);
}

static slv_code response_code(slv_msg_response m)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_msg_response got;

    SLV_TRY(slv_msg_response_put(&out, &m));
    return slv_msg_response_get(slv_buf_view(&out), &got);
}

TEST(a_response_that_contradicts_itself_is_a_violation)
{
    const slv_msg_response good = {.status = 200, .body_length = -1};
    slv_msg_response m = good;

    CHECK_INT(response_code(m), SLV_OK);
    m.status = 199;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.status = 1000;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.number = 3;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.body_kind = SLV_BODY_STREAM;
    CHECK_INT(response_code(m), SLV_OK);
    m.number = 0;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.body = SLV_STR("x");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.headers = SLV_STR("a:b\r\n");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.headers = SLV_STR("a b:c\n");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.headers = SLV_STR("a:b");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.status = 101;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
}

/* ---- credits ---- */

TEST(credit_arithmetic_holds_at_its_limits)
{
    slv_flow_out out = slv_flow_out_open(SLV_FLOW_WINDOW);
    slv_flow_in in = slv_flow_in_open(SLV_FLOW_WINDOW);

    CHECK_INT(slv_flow_out_spend(&out, SLV_FLOW_WINDOW + 1), SLV_FLOW_WINDOW);
    CHECK_INT(slv_flow_out_spend(&out, 1), 0);
    CHECK_INT(slv_flow_out_grant(&out, SLV_FLOW_CREDIT_MAX), SLV_OK);
    CHECK_INT(slv_flow_out_grant(&out, 1), SLV_E_PROTOCOL);
    CHECK_INT(slv_flow_out_grant(&out, 0), SLV_E_PROTOCOL);

    CHECK_INT(slv_flow_in_arrive(&in, SLV_FLOW_WINDOW, false), SLV_OK);
    CHECK_INT(slv_flow_in_arrive(&in, 1, false), SLV_E_PROTOCOL);
    CHECK_INT(slv_flow_in_arrive(&in, 0, false), SLV_E_PROTOCOL);
    CHECK_INT(slv_flow_in_consume(&in, 1), 0);
    CHECK_INT(slv_flow_in_consume(&in, SLV_FLOW_WINDOW - 1), SLV_FLOW_WINDOW);
    CHECK_INT(slv_flow_in_arrive(&in, 0, true), SLV_OK);
    CHECK_INT(slv_flow_in_arrive(&in, 1, false), SLV_E_PROTOCOL);
}

/* ---- links ---- */

typedef struct end {
    slv_link *link;
    SLV_VEC(slv_frame_type) frames;
    int closed;
    slv_code why;
    bool refuse;
    slv_str last;
    char text[200];
} end;

static slv_code on_frame(void *user, const slv_frame *f, slv_err *err)
{
    end *e = user;

    slv_vec_push(&e->frames, f->type);
    return e->refuse ? slv_fail(err, SLV_E_PROTOCOL, "refused") : SLV_OK;
}

static void on_closed(void *user, slv_code code, const char *text)
{
    end *e = user;

    e->closed++;
    e->why = code;
    (void)snprintf(e->text, sizeof e->text, "%s", text);
}

typedef struct duo {
    slv_loop *loop;
    end main, iso;
} duo;

static bool open_duo(duo *d, bool pair)
{
    slv_link_options a, b;
    int fds[2];

    memset(d, 0, sizeof *d);
    if (slv_loop_new(&d->loop, NULL) != SLV_OK)
        return false;
    a = (slv_link_options){d->loop, SLV_CHAN_MAIN, &d->main, on_frame, on_closed, 0, NULL};
    b = (slv_link_options){d->loop, SLV_CHAN_ISOLATE, &d->iso, on_frame, on_closed, 0, NULL};
    if (pair) {
        slv_link_open_pair(&a, &b, &d->main.link, &d->iso.link);
        return true;
    }
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 &&
           slv_link_open_take(&a, fds[0], &d->main.link, NULL) == SLV_OK &&
           slv_link_open_take(&b, fds[1], &d->iso.link, NULL) == SLV_OK;
}

static void close_duo(duo *d)
{
    d->main.link = slv_link_close(d->main.link);
    d->iso.link = slv_link_close(d->iso.link);
    slv_vec_done(&d->main.frames);
    slv_vec_done(&d->iso.frames);
    d->loop = slv_loop_free(d->loop);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* Enough turns for what was written to arrive and be answered, however slow the machine. */
static void turn(duo *d)
{
    for (int i = 0; i < 8; i++)
        (void)slv_loop_run_until(d->loop, never, NULL, 1);
}

static bool got_frame(void *arg)
{
    return ((end *)arg)->frames.len > 0;
}

static bool got_closed(void *arg)
{
    return ((end *)arg)->closed > 0;
}

TEST(frames_cross_by_socket_and_by_mailbox)
{
    for (int pair = 0; pair < 2; pair++) {
        duo d;

        CHECK(open_duo(&d, pair));
        slv_link_send(d.main.link, SLV_FRAME_STOP, 0, 0, SLV_STR_NULL);
        slv_link_send(d.iso.link, SLV_FRAME_EXCEPTION, 0, 0, SLV_STR("\0\0\0\0"));
        CHECK(slv_loop_run_until(d.loop, got_frame, &d.iso, 1000));
        CHECK(slv_loop_run_until(d.loop, got_frame, &d.main, 1000));
        CHECK_INT(d.iso.frames.items[0], SLV_FRAME_STOP);
        d.iso.link = slv_link_close(d.iso.link);
        CHECK(slv_loop_run_until(d.loop, got_closed, &d.main, 1000));
        CHECK_INT(d.main.why, SLV_E_CLOSED);
        CHECK_INT(d.main.closed, 1);
        close_duo(&d);
    }
}

TEST(a_frame_that_its_receiver_refuses_closes_the_link_once)
{
    duo d;

    CHECK(open_duo(&d, false));
    d.main.refuse = true;
    slv_link_send(d.iso.link, SLV_FRAME_EXCEPTION, 0, 0, SLV_STR("\0\0\0\0"));
    slv_link_send(d.iso.link, SLV_FRAME_EXCEPTION, 0, 0, SLV_STR("\0\0\0\0"));
    CHECK(slv_loop_run_until(d.loop, got_closed, &d.main, 1000));
    CHECK_INT(d.main.frames.len, 1);
    CHECK_INT(d.main.why, SLV_E_PROTOCOL);
    CHECK_STR(slv_str_from(d.main.text), SLV_STR("refused"));
    slv_link_send(d.main.link, SLV_FRAME_STOP, 0, 0, SLV_STR_NULL); /* goes nowhere */
    close_duo(&d);
}

TEST(a_queue_over_its_limit_closes_the_link)
{
    slv_loop *loop = NULL;
    end e = {0};
    int fds[2];
    char block[60000];

    CHECK(slv_loop_new(&loop, NULL) == SLV_OK);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    const slv_link_options o = {loop, SLV_CHAN_MAIN, &e, on_frame, on_closed, 1 << 20, NULL};
    CHECK(slv_link_open_take(&o, fds[0], &e.link, NULL) == SLV_OK);
    memset(block, 'q', sizeof block);
    for (int i = 0; i < 100; i++) /* nobody reads the other end */
        slv_link_send(e.link, SLV_FRAME_BLOB, 0, 1, slv_str_make(block, sizeof block));
    CHECK(slv_loop_run_until(loop, got_closed, &e, 1000));
    CHECK_INT(e.why, SLV_E_LIMIT);
    e.link = slv_link_close(e.link);
    (void)close(fds[1]);
    loop = slv_loop_free(loop);
}

TEST(hello_must_come_first_and_of_the_same_version)
{
    static const uint32_t versions[] = {SLV_CHAN_VERSION, SLV_CHAN_VERSION + 1};

    for (size_t i = 0; i < 2; i++) {
        slv_loop *loop = NULL;
        end e = {0};
        int fds[2];
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(1 << 10);

        CHECK(slv_loop_new(&loop, NULL) == SLV_OK);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        const slv_link_options o = {loop, SLV_CHAN_MAIN, &e, on_frame, on_closed, 0, NULL};
        CHECK(slv_link_open_take(&o, fds[0], &e.link, NULL) == SLV_OK);
        if (i == 1)
            CHECK(slv_frame_put(&bytes, SLV_FRAME_HELLO, 0, 0, slv_str_make(&versions[i], 4)) ==
                  SLV_OK);
        else
            CHECK(slv_frame_put(&bytes, SLV_FRAME_EXCEPTION, 0, 0, SLV_STR("\0\0\0\0")) == SLV_OK);
        CHECK(write(fds[1], bytes.ptr, bytes.len) == (ssize_t)bytes.len);
        CHECK(slv_loop_run_until(loop, got_closed, &e, 1000));
        CHECK_INT(e.why, SLV_E_PROTOCOL);
        CHECK_INT(e.frames.len, 0);
        e.link = slv_link_close(e.link);
        (void)close(fds[1]);
        loop = slv_loop_free(loop);
    }
}

TEST(descriptors_travel_beside_the_first_byte_of_their_frame)
{
    duo d;
    int ends[2], got = -1, fds[2];
    char data[4096], control[256];

    memset(&d, 0, sizeof d);
    CHECK(slv_loop_new(&d.loop, NULL) == SLV_OK);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 && pipe(ends) == 0);
    const slv_link_options o = {d.loop, SLV_CHAN_MAIN, &d.main, on_frame, on_closed, 0, NULL};
    CHECK(slv_link_open_take(&o, fds[0], &d.main.link, NULL) == SLV_OK);
    CHECK(slv_link_send_fds(d.main.link, SLV_FRAME_BLOB, 1, SLV_STR("first"), &ends[1], 1, NULL) ==
          SLV_OK);
    slv_link_send(d.main.link, SLV_FRAME_BLOB, 0, 2, SLV_STR("second"));
    turn(&d);
    for (int i = 0; i < 4 && got < 0; i++) {
        struct iovec iov = {data, sizeof data};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fds[1], &msg, MSG_DONTWAIT);
        struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

        CHECK(n > 0);
        if (c)
            memcpy(&got, CMSG_DATA(c), sizeof got);
    }
    CHECK(got >= 0);
    CHECK(write(got, "p", 1) == 1 && read(ends[0], data, 1) == 1 && data[0] == 'p');
    (void)close(got);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(fds[1]);
    close_duo(&d);
}

/* ---- streams ---- */

/* One direction of a model: random writes, credits and consumption against the rules. */
typedef struct flow_end {
    slv_stream st;
    uint64_t sent, got, consumed, credits;
    bool fin_sent, fin_got, failed, canceled;
} flow_end;

static flow_end *flow_of(slv_stream *st)
{
    return slv_container_of(st, flow_end, st);
}

static void flow_data(slv_stream *st, slv_str bytes, bool fin)
{
    flow_end *f = flow_of(st);

    for (size_t i = 0; i < bytes.len; i++) {
        if ((unsigned char)bytes.ptr[i] != (unsigned char)(f->got + i))
            f->failed = true;
    }
    f->got += bytes.len;
    f->fin_got = f->fin_got || fin;
}

static void flow_credited(slv_stream *st, uint32_t n)
{
    flow_of(st)->credits += n;
}

static void flow_canceled(slv_stream *st, slv_str reason)
{
    (void)reason;
    flow_of(st)->canceled = true;
}

static void flow_failed(slv_stream *st, slv_str message)
{
    (void)message;
    flow_of(st)->failed = true;
}

static const slv_stream_ops flow_ops = {
    .data = flow_data, .credited = flow_credited, .canceled = flow_canceled, .failed = flow_failed};

static void flow_send(flow_end *f, slv_prng *rng, uint64_t total)
{
    static char block[70000];
    size_t n = (size_t)SLV_MIN(slv_prng_below(rng, sizeof block) + 1, total - f->sent);

    if (f->fin_sent)
        return;
    for (size_t i = 0; i < n; i++)
        block[i] = (char)(f->sent + i);
    bool last = f->sent + n == total;
    size_t took = slv_stream_write(&f->st, slv_str_make(block, n), last);
    f->sent += took;
    f->fin_sent = last && took == n;
}

TEST(a_stream_never_exceeds_its_credit_and_arrives_whole)
{
    const uint64_t total = 3000000;
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());
    for (int pair = 0; pair < 2; pair++) {
        duo d;
        flow_end out = {.st.ops = &flow_ops}, in = {.st.ops = &flow_ops};

        CHECK(open_duo(&d, pair));
        CHECK(slv_stream_open(&out.st, d.main.link, SLV_STREAM_OUT, 0, NULL) == SLV_OK);
        CHECK_INT(out.st.number, 2);
        CHECK(slv_stream_open(&in.st, d.iso.link, SLV_STREAM_IN, out.st.number, NULL) == SLV_OK);
        CHECK_INT(slv_stream_credit(&out.st), 0); /* nothing before it is asked for */
        slv_stream_grant(&in.st, SLV_FLOW_WINDOW);
        for (int i = 0; i < 100000 && !in.fin_got; i++) {
            flow_send(&out, &rng, total);
            CHECK(out.sent <= out.credits);
            if (slv_prng_below(&rng, 3) == 0)
                (void)slv_loop_run_until(d.loop, never, NULL, 0);
            if (in.got > in.consumed) {
                size_t n = (size_t)slv_prng_below(&rng, in.got - in.consumed + 1);

                slv_stream_consume(&in.st, n);
                in.consumed += n;
            }
            CHECK(in.got - in.consumed <= SLV_FLOW_WINDOW);
        }
        CHECK(in.fin_got && in.got == total && !in.failed && !out.failed);
        CHECK(!slv_stream_is_open(&out.st) && !slv_stream_is_open(&in.st));
        close_duo(&d);
    }
}

TEST(both_sides_full_do_not_deadlock)
{
    duo d;
    flow_end a_out = {.st.ops = &flow_ops}, a_in = {.st.ops = &flow_ops};
    flow_end b_out = {.st.ops = &flow_ops}, b_in = {.st.ops = &flow_ops};
    slv_prng rng;
    const uint64_t total = 8000000;

    slv_prng_seed(&rng, 1);
    CHECK(open_duo(&d, false));
    CHECK(slv_stream_open(&a_out.st, d.main.link, SLV_STREAM_OUT, 0, NULL) == SLV_OK);
    CHECK(slv_stream_open(&b_in.st, d.iso.link, SLV_STREAM_IN, a_out.st.number, NULL) == SLV_OK);
    CHECK(slv_stream_open(&b_out.st, d.iso.link, SLV_STREAM_OUT, 0, NULL) == SLV_OK);
    CHECK(slv_stream_open(&a_in.st, d.main.link, SLV_STREAM_IN, b_out.st.number, NULL) == SLV_OK);
    CHECK_INT(b_out.st.number, 1);
    slv_stream_grant(&b_in.st, SLV_FLOW_CREDIT_MAX / 2); /* more than the socket buffers hold */
    slv_stream_grant(&a_in.st, SLV_FLOW_CREDIT_MAX / 2);
    for (int i = 0; i < 20000 && !(a_in.fin_got && b_in.fin_got); i++) {
        flow_send(&a_out, &rng, total);
        flow_send(&b_out, &rng, total);
        if (a_out.credits == 0 || i % 200 == 0) /* mostly both write without reading */
            (void)slv_loop_run_until(d.loop, never, NULL, 0);
    }
    for (int i = 0; i < 2000 && !(a_in.fin_got && b_in.fin_got); i++) {
        flow_send(&a_out, &rng, total);
        flow_send(&b_out, &rng, total);
        (void)slv_loop_run_until(d.loop, never, NULL, 1);
    }
    CHECK(a_in.got == total && b_in.got == total && !a_in.failed && !b_in.failed);
    close_duo(&d);
}

TEST(a_byte_over_the_window_closes_the_link)
{
    duo d;
    flow_end in = {.st.ops = &flow_ops};
    char block[60000] = "";

    CHECK(open_duo(&d, false));
    CHECK(slv_stream_open(&in.st, d.main.link, SLV_STREAM_IN, 1, NULL) == SLV_OK);
    for (int i = 0; i < 4; i++)
        slv_link_send(d.iso.link, SLV_FRAME_DATA, 0, 1, slv_str_make(block, sizeof block));
    slv_link_send(d.iso.link, SLV_FRAME_DATA, 0, 1,
                  slv_str_make(block, SLV_FLOW_WINDOW - 4 * sizeof block));
    turn(&d);
    CHECK_INT(in.got, SLV_FLOW_WINDOW);
    CHECK_INT(d.main.closed, 0);
    slv_link_send(d.iso.link, SLV_FRAME_DATA, 0, 1, slv_str_make(block, 1));
    CHECK(slv_loop_run_until(d.loop, got_closed, &d.main, 1000));
    CHECK_INT(d.main.why, SLV_E_PROTOCOL);
    CHECK(in.failed && !slv_stream_is_open(&in.st));
    close_duo(&d);
}

TEST(numbers_are_checked_and_not_shared)
{
    duo d;
    flow_end a = {.st.ops = &flow_ops}, b = {.st.ops = &flow_ops};

    CHECK(open_duo(&d, false));
    CHECK_INT(slv_stream_open(&a.st, d.main.link, SLV_STREAM_IN, 2, NULL), SLV_E_PROTOCOL);
    CHECK(slv_stream_open(&a.st, d.main.link, SLV_STREAM_IN, 5, NULL) == SLV_OK);
    CHECK_INT(slv_stream_open(&b.st, d.main.link, SLV_STREAM_IN, 5, NULL), SLV_E_PROTOCOL);
    close_duo(&d);
    CHECK(a.failed); /* told when the link closed */
}

TEST(a_canceled_stream_is_told_and_what_still_comes_is_dropped)
{
    duo d;
    flow_end in = {.st.ops = &flow_ops}, out = {.st.ops = &flow_ops};
    slv_prng rng;

    slv_prng_seed(&rng, 2);
    CHECK(open_duo(&d, false));
    CHECK(slv_stream_open(&out.st, d.iso.link, SLV_STREAM_OUT, 0, NULL) == SLV_OK);
    CHECK(slv_stream_open(&in.st, d.main.link, SLV_STREAM_IN, out.st.number, NULL) == SLV_OK);
    flow_send(&out, &rng, 1000000);
    slv_stream_cancel(&in.st, SLV_STR("enough"));
    CHECK(!slv_stream_is_open(&in.st));
    turn(&d);
    CHECK(out.canceled);
    CHECK_INT(in.got, 0);
    slv_stream_close(&out.st); /* fails it, which frees the number */
    turn(&d);
    CHECK_INT(d.main.closed, 0);
    CHECK(slv_stream_open(&in.st, d.main.link, SLV_STREAM_IN, 1, NULL) == SLV_OK);
    close_duo(&d);
}

TEST(bytes_for_a_number_that_is_not_open_are_a_violation_but_late_credit_is_not)
{
    duo d;

    CHECK(open_duo(&d, false));
    slv_link_send(d.iso.link, SLV_FRAME_CREDIT, 0, 2, SLV_STR("\1\0\0\0"));
    slv_link_send(d.iso.link, SLV_FRAME_CANCEL_READ, 0, 2, SLV_STR("\0\0\0\0"));
    turn(&d);
    CHECK_INT(d.main.closed, 0);
    slv_link_send(d.iso.link, SLV_FRAME_WS_DATA, SLV_FRAME_FIN, 3, SLV_STR("x"));
    CHECK(slv_loop_run_until(d.loop, got_closed, &d.main, 1000));
    CHECK_INT(d.main.why, SLV_E_PROTOCOL);
    close_duo(&d);
}

/* ---- sockets ---- */

typedef struct sock_end {
    slv_stream st;
    slv_buf got;
    int messages, closes, failures;
    uint16_t code;
} sock_end;

static void sock_message(slv_stream *st, slv_str piece, bool text, bool fin)
{
    sock_end *s = slv_container_of(st, sock_end, st);

    if (slv_buf_append(&s->got, piece) != SLV_OK || !text)
        s->failures++;
    s->messages += fin;
    slv_stream_consume(st, piece.len);
}

static void sock_credited(slv_stream *st, uint32_t n)
{
    (void)st;
    (void)n;
}

static void sock_closed(slv_stream *st, uint16_t code, slv_str reason)
{
    sock_end *s = slv_container_of(st, sock_end, st);

    (void)reason;
    s->closes++;
    s->code = code;
}

static void sock_failed(slv_stream *st, slv_str message)
{
    (void)message;
    slv_container_of(st, sock_end, st)->failures++;
}

static const slv_stream_ops sock_ops = {.message = sock_message,
                                        .credited = sock_credited,
                                        .closed = sock_closed,
                                        .failed = sock_failed};

TEST(sockets_carry_messages_both_ways_and_end_after_both_closes)
{
    duo d;
    sock_end a = {.st.ops = &sock_ops, .got = SLV_BUF(1 << 20)};
    sock_end b = {.st.ops = &sock_ops, .got = SLV_BUF(1 << 20)};

    CHECK(open_duo(&d, false));
    CHECK(slv_stream_open(&b.st, d.iso.link, SLV_STREAM_SOCKET, 0, NULL) == SLV_OK);
    CHECK(slv_stream_open(&a.st, d.main.link, SLV_STREAM_SOCKET, b.st.number, NULL) == SLV_OK);
    CHECK_INT(slv_stream_send(&a.st, SLV_STR("he"), true, false), 2);
    CHECK_INT(slv_stream_send(&a.st, SLV_STR("llo"), true, true), 3);
    CHECK_INT(slv_stream_send(&b.st, SLV_STR_NULL, true, true), 0);
    turn(&d);
    CHECK_STR(slv_buf_view(&b.got), SLV_STR("hello"));
    CHECK(b.messages == 1 && a.messages == 1);
    slv_stream_send_close(&a.st, 4000, SLV_STR("bye"));
    turn(&d);
    CHECK(b.closes == 1 && b.code == 4000 && slv_stream_is_open(&b.st));
    CHECK_INT(slv_stream_send(&b.st, SLV_STR("late"), true, true), 4); /* half open */
    slv_stream_send_close(&b.st, SLV_WS_NO_CODE, SLV_STR_NULL);
    turn(&d);
    CHECK(a.messages == 2 && a.closes == 1 && !slv_stream_is_open(&a.st));
    CHECK(!slv_stream_is_open(&b.st) && a.failures == 0 && b.failures == 0);
    slv_buf_done(&a.got);
    slv_buf_done(&b.got);
    close_duo(&d);
}

TEST(a_socket_that_breaks_frees_its_number_on_both_sides)
{
    duo d;
    sock_end a = {.st.ops = &sock_ops}, b = {.st.ops = &sock_ops};

    CHECK(open_duo(&d, false));
    CHECK(slv_stream_open(&a.st, d.main.link, SLV_STREAM_SOCKET, 0, NULL) == SLV_OK);
    CHECK(slv_stream_open(&b.st, d.iso.link, SLV_STREAM_SOCKET, a.st.number, NULL) == SLV_OK);
    slv_stream_fail(&a.st, SLV_STR("broken"));
    CHECK(!slv_stream_is_open(&a.st));
    turn(&d);
    CHECK(b.failures == 1 && !slv_stream_is_open(&b.st));
    turn(&d); /* the answer frees it here as well */
    CHECK_INT(d.main.closed, 0);
    slv_link_send(d.iso.link, SLV_FRAME_WS_DATA, SLV_FRAME_FIN, 2, SLV_STR("x"));
    CHECK(slv_loop_run_until(d.loop, got_closed, &d.main, 1000));
    close_duo(&d);
}

/* ---- between loops ---- */

static slv_code echo_frame(void *user, const slv_frame *f, slv_err *err)
{
    end *e = user;

    (void)err;
    slv_link_send(e->link, f->type, 0, f->id, f->payload);
    return SLV_OK;
}

static void echo_closed(void *user, slv_code code, const char *text)
{
    end *e = user;

    (void)code;
    (void)text;
    e->link = slv_link_close(e->link);
    slv_loop_stop(slv_loop_current());
}

static bool got_hundred(void *arg)
{
    return ((end *)arg)->frames.len == 100;
}

TEST(a_pair_joins_two_loop_threads)
{
    slv_loop *here = NULL, *there = NULL;
    end a = {0}, b = {0};

    CHECK(slv_loop_new(&here, NULL) == SLV_OK && slv_loop_new(&there, NULL) == SLV_OK);
    const slv_link_options oa = {here, SLV_CHAN_MAIN, &a, on_frame, on_closed, 0, NULL};
    const slv_link_options ob = {there, SLV_CHAN_ISOLATE, &b, echo_frame, echo_closed, 0, NULL};
    slv_link_open_pair(&oa, &ob, &a.link, &b.link);
    CHECK(slv_loop_start_thread(there, "there", NULL) == SLV_OK);
    for (uint32_t i = 1; i <= 100; i++)
        slv_link_send(a.link, SLV_FRAME_EVENT, 0, i, SLV_STR("payload"));
    CHECK(slv_loop_run_until(here, got_hundred, &a, 5000));
    a.link = slv_link_close(a.link);
    slv_loop_join_thread(there); /* its end closed, then it stopped */
    slv_vec_done(&a.frames);
    there = slv_loop_free(there);
    here = slv_loop_free(here);
}

/* ---- recordings ---- */

TEST(a_recording_reads_as_it_was_written_and_ends_cleanly_where_it_was_cut)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(4096);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(1 << 20);
    slv_record *rec = NULL;
    slv_record_reader r;
    slv_record_entry e;

    CHECK(slv_buf_printf(&path, "%s/channel.rec", tap_tmpdir()) == SLV_OK);
    CHECK(slv_record_create(slv_buf_cstr(&path), &rec, NULL) == SLV_OK);
    slv_record_add(rec, SLV_RECORD_TO_ISOLATE, SLV_STR("one"));
    slv_record_add(rec, SLV_RECORD_FROM_ISOLATE, SLV_STR("three"));
    CHECK(slv_record_close(rec, NULL) == SLV_OK);
    CHECK(tap_read_file(slv_buf_cstr(&path), &file));
    CHECK(slv_record_read(slv_buf_view(&file), &r, NULL) == SLV_OK);
    CHECK(slv_record_next(&r, &e, NULL) == SLV_OK);
    CHECK_STR(e.bytes, SLV_STR("one"));
    CHECK_INT(e.dir, SLV_RECORD_TO_ISOLATE);
    CHECK(slv_record_next(&r, &e, NULL) == SLV_OK);
    CHECK_STR(e.bytes, SLV_STR("three"));
    CHECK_INT(slv_record_next(&r, &e, NULL), SLV_E_NOTFOUND);
    file.len -= 2; /* the writer was killed */
    CHECK(slv_record_read(slv_buf_view(&file), &r, NULL) == SLV_OK);
    CHECK(slv_record_next(&r, &e, NULL) == SLV_OK);
    CHECK_INT(slv_record_next(&r, &e, NULL), SLV_E_NOTFOUND);
    CHECK_INT(slv_record_read(SLV_STR("something else"), &r, NULL), SLV_E_PARSE);
}

TAP_MAIN()
