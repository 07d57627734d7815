#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aio/loop.h"
#include "base/vec.h"
#include "chan/link.h"
#include "chan/stream.h"
#include "support/tap.h"

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
    a = (slv_link_options){d->loop, SLV_CHAN_MAIN, &d->main, on_frame, on_closed, NULL,
                           0,       false,         NULL};
    b = (slv_link_options){d->loop, SLV_CHAN_ISOLATE, &d->iso, on_frame, on_closed, NULL, 0, false,
                           NULL};
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
    const slv_link_options o = {loop, SLV_CHAN_MAIN, &e,    on_frame, on_closed,
                                NULL, 1 << 20,       false, NULL};
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
        const slv_link_options o = {loop, SLV_CHAN_MAIN, &e,  on_frame, on_closed, NULL,
                                    0,    false,         NULL};
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
    const slv_link_options o = {d.loop, SLV_CHAN_MAIN, &d.main, on_frame, on_closed, NULL,
                                0,      false,         NULL};
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
    const slv_link_options oa = {here, SLV_CHAN_MAIN, &a,  on_frame, on_closed, NULL,
                                 0,    false,         NULL};
    const slv_link_options ob = {
        there, SLV_CHAN_ISOLATE, &b, echo_frame, echo_closed, NULL, 0, false, NULL};
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

TAP_MAIN()
