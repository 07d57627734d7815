#include "chan/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "chan/link_int.h"
#include "chan/record.h"

#define READ_SIZE ((size_t)64 << 10)
/* Bytes read in one turn of the loop before others get theirs. */
#define READ_TURN ((size_t)1 << 20)
/* Capacity that a drained output buffer keeps. */
#define KEEP_MAX ((size_t)256 << 10)

/* Two ends joined by mailbox. Each end's link is touched on its own loop only. */
struct slv_pair {
    atomic_int refs;
    struct {
        slv_loop *loop;
        slv_link *link; /* NULL: closed */
    } ends[2];
};

/* What one end wrote in a turn, on its way to the other. */
typedef struct parcel {
    slv_mail mail;
    slv_pair *pair;
    int to;
    bool bye; /* the sender has closed */
    slv_buf bytes;
} parcel;

static void pair_unref(slv_pair *pair)
{
    if (atomic_fetch_sub(&pair->refs, 1) == 1)
        free(pair);
}

/* ---- closing ---- */

static void drop_fds(slv_link *link)
{
    for (size_t i = 0; i < link->fds.len; i++) {
        for (size_t k = 0; k < link->fds.items[i].count; k++)
            (void)close(link->fds.items[i].fds[k]);
    }
    link->fds.len = 0;
    for (size_t i = 0; i < link->came.len; i++)
        (void)close(link->came.items[i]);
    link->came.len = 0;
}

static void free_link(slv_link *link)
{
    slv_poll_stop(&link->poll);
    if (link->fd >= 0)
        (void)close(link->fd);
    drop_fds(link);
    slv_vec_done(&link->fds);
    slv_vec_done(&link->came);
    if (link->pair) {
        link->pair->ends[link->end].link = NULL;
        pair_unref(link->pair);
    }
    slv_task_cancel(&link->flush);
    slv_task_cancel(&link->closing);
    slv_frame_reader_done(&link->reader);
    slv_buf_done(&link->out);
    slv_imap_done(&link->streams);
    free(link);
}

static void enter(slv_link *link)
{
    link->depth++;
}

/* The last use of link in a callback: it may be gone after. */
static void leave(slv_link *link)
{
    if (--link->depth == 0 && link->dead)
        free_link(link);
}

static void on_closing(slv_task *task)
{
    slv_link *link = slv_container_of(task, slv_link, closing);

    enter(link);
    slv_link_fail_streams_(link, link->text);
    if (!link->told && !link->dead) {
        link->told = true;
        link->o.closed(link->o.user, link->why, link->text);
    }
    leave(link);
}

void slv_link_shut_(slv_link *link, slv_code code, const char *text)
{
    if (link->closed)
        return;
    link->closed = true;
    link->why = code;
    (void)snprintf(link->text, sizeof link->text, "%s", text);
    slv_poll_stop(&link->poll);
    slv_task_cancel(&link->flush);
    slv_loop_later(link->o.loop, &link->closing);
}

void slv_link_violate(slv_link *link, slv_code code, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    slv_link_shut_(link, code, text);
}

/* ---- reading ---- */

static slv_code take_hello(slv_link *link, const slv_frame *f, slv_err *err)
{
    uint32_t version;

    if (link->hello_seen || slv_msg_u32_get(f->payload, &version) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "HELLO is malformed");
    if (version != SLV_CHAN_VERSION)
        return slv_fail(err, SLV_E_PROTOCOL, "the peer speaks version %u, not %d", version,
                        SLV_CHAN_VERSION);
    link->hello_seen = true;
    return SLV_OK;
}

static slv_code take_frame(slv_link *link, const slv_frame *f, slv_err *err)
{
    if (f->type == SLV_FRAME_HELLO)
        return take_hello(link, f, err);
    if (!link->hello_seen)
        return slv_fail(err, SLV_E_PROTOCOL, "%s before HELLO", slv_frame_type_name(f->type));
    if (link->o.hold && link->o.hold(link->o.user, f))
        return SLV_OK;
    return slv_link_deliver(link, f, err);
}

slv_code slv_link_deliver(slv_link *link, const slv_frame *f, slv_err *err)
{
    if (f->type >= SLV_FRAME_DATA && f->type <= SLV_FRAME_WS_FAIL)
        return slv_link_stream_frame_(link, f, err);
    return link->o.frame(link->o.user, f, err);
}

uint32_t slv_link_stream_event(const slv_link *link, uint32_t number)
{
    slv_stream **st = slv_imap_get(&link->streams, number);

    return st ? (*st)->event : 0;
}

/* Hands out every whole frame that was read. */
static void take_frames(slv_link *link)
{
    slv_err err = {0};
    slv_code code = SLV_OK;
    slv_frame f;

    while (!link->closed && !link->dead &&
           (code = slv_frame_reader_next(&link->reader, &f, &err)) == SLV_OK) {
        code = take_frame(link, &f, &err);
        if (code != SLV_OK)
            break;
    }
    if (code != SLV_OK && code != SLV_E_AGAIN && !link->dead)
        slv_link_shut_(link, SLV_E_PROTOCOL, slv_err_text(&err));
}

static void keep_fds(slv_link *link, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        int fds[SLV_LINK_FDS_MAX];

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
        for (size_t i = 0; i < count; i++)
            slv_vec_push(&link->came, fds[i]);
    }
    if (link->came.len > SLV_LINK_FDS_WAITING)
        slv_link_shut_(link, SLV_E_PROTOCOL, "more descriptors than frames that take them");
}

static ssize_t read_some(slv_link *link, char *p, size_t room)
{
    struct iovec iov = {p, room};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SLV_LINK_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};

    if (!link->o.takes_fds)
        return read(link->fd, p, room);
    ssize_t n = recvmsg(link->fd, &msg, MSG_CMSG_CLOEXEC);
    if (n > 0)
        keep_fds(link, &msg);
    return n;
}

int slv_link_take_fd(slv_link *link)
{
    if (link->came.len == 0)
        return -1;
    int fd = link->came.items[0];

    link->came.len--;
    memmove(link->came.items, link->came.items + 1, link->came.len * sizeof(int));
    return fd;
}

static void read_all(slv_link *link)
{
    size_t total = 0;

    while (!link->closed && !link->dead && total < READ_TURN) {
        char *p;
        size_t room;

        if (slv_frame_reader_room(&link->reader, READ_SIZE, &p, &room) != SLV_OK) {
            slv_link_shut_(link, SLV_E_NOMEM, "no memory to read");
            break;
        }
        ssize_t n = read_some(link, p, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            slv_link_shut_(link, n == 0 || errno == ECONNRESET ? SLV_E_CLOSED : SLV_E_IO,
                           n == 0 ? "the peer closed the channel" : strerror(errno));
            break;
        }
        if (link->o.record)
            slv_record_add(link->o.record,
                           link->o.side == SLV_CHAN_MAIN ? SLV_RECORD_FROM_ISOLATE
                                                         : SLV_RECORD_TO_ISOLATE,
                           slv_str_make(p, (size_t)n));
        slv_frame_reader_got(&link->reader, (size_t)n);
        take_frames(link);
        total += (size_t)n;
        if ((size_t)n < room)
            break; /* that was all there is */
    }
}

static void flush_fd(slv_link *link);

static void on_ready(slv_poll *poll, unsigned events)
{
    slv_link *link = slv_container_of(poll, slv_link, poll);

    enter(link);
    if (events & SLV_POLL_READ)
        read_all(link);
    if (events & SLV_POLL_WRITE && !link->closed && !link->dead)
        slv_loop_flush(link->o.loop, &link->flush);
    leave(link);
}

static void on_parcel(slv_mail *mail)
{
    parcel *p = slv_container_of(mail, parcel, mail);
    slv_link *link = p->pair->ends[p->to].link;

    if (link && !link->closed) {
        slv_str rest = slv_buf_view(&p->bytes);

        enter(link);
        while (rest.len > 0 && !link->closed && !link->dead) {
            size_t n = SLV_MIN(rest.len, READ_SIZE), room;
            char *to;

            if (slv_frame_reader_room(&link->reader, n, &to, &room) != SLV_OK) {
                slv_link_shut_(link, SLV_E_NOMEM, "no memory to read");
                break;
            }
            memcpy(to, rest.ptr, n);
            rest = slv_str_skip(rest, n);
            slv_frame_reader_got(&link->reader, n);
            take_frames(link);
        }
        if (p->bye && !link->dead)
            slv_link_shut_(link, SLV_E_CLOSED, "the peer closed the channel");
        leave(link);
    }
    pair_unref(p->pair);
    slv_buf_done(&p->bytes);
    free(p);
}

/* ---- writing ---- */

static void post_bytes(slv_link *link, bool bye)
{
    parcel *p = slv_new0(parcel);

    p->mail.fn = on_parcel;
    p->pair = link->pair;
    p->to = 1 - link->end;
    p->bye = bye;
    p->bytes = link->out;
    link->out = SLV_BUF(link->o.queue_max);
    atomic_fetch_add(&p->pair->refs, 1);
    slv_loop_post(p->pair->ends[p->to].loop, &p->mail);
}

/* One write of at most len bytes, with the descriptors that leave with its first byte. */
static ssize_t write_some(slv_link *link, const char *p, size_t len)
{
    struct iovec iov = {(void *)(size_t)p, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * SLV_LINK_FDS_MAX)];
        struct cmsghdr align;
    } control;

    if (link->fds.len > 0 && link->fds.items[0].at > link->sent) {
        iov.iov_len = SLV_MIN(len, link->fds.items[0].at - link->sent);
    } else if (link->fds.len > 0) {
        const slv_link_fds *f = &link->fds.items[0];

        memset(&control, 0, sizeof control);
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * f->count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * f->count);
        memcpy(CMSG_DATA(head), f->fds, sizeof(int) * f->count);
        if (link->fds.len > 1) /* the next ones must not be joined to these */
            iov.iov_len = SLV_MIN(len, link->fds.items[1].at - link->sent);
    }
    ssize_t n = sendmsg(link->fd, &msg, MSG_NOSIGNAL);
    if (n > 0 && msg.msg_control) {
        for (size_t k = 0; k < link->fds.items[0].count; k++)
            (void)close(link->fds.items[0].fds[k]);
        link->fds.len--;
        memmove(link->fds.items, link->fds.items + 1, link->fds.len * sizeof(slv_link_fds));
    }
    return n;
}

static void flush_fd(slv_link *link)
{
    while (link->out_at < link->out.len) {
        const char *p = link->out.ptr + link->out_at;
        ssize_t n = write_some(link, p, link->out.len - link->out_at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            slv_poll_set(&link->poll, SLV_POLL_READ | SLV_POLL_WRITE);
            return;
        }
        if (n < 0) {
            /* what the peer had sent before it went is still read: the poll reports its end */
            if (errno != EPIPE && errno != ECONNRESET)
                slv_link_shut_(link, SLV_E_IO, strerror(errno));
            break;
        }
        if (link->o.record)
            slv_record_add(link->o.record,
                           link->o.side == SLV_CHAN_MAIN ? SLV_RECORD_TO_ISOLATE
                                                         : SLV_RECORD_FROM_ISOLATE,
                           slv_str_make(p, (size_t)n));
        link->sent += (uint64_t)n;
        link->out_at += (size_t)n;
    }
    link->out_at = 0;
    slv_buf_reset(&link->out);
    if (link->out.cap > KEEP_MAX)
        slv_buf_done(&link->out);
    if (!link->closed)
        slv_poll_set(&link->poll, SLV_POLL_READ);
}

static void on_flush(slv_task *task)
{
    slv_link *link = slv_container_of(task, slv_link, flush);

    if (link->closed || link->out.len == 0)
        return;
    if (link->pair)
        post_bytes(link, false);
    else
        flush_fd(link);
}

/* Written bytes at the front make room before the limit is felt. */
static void compact(slv_link *link)
{
    if (link->out_at > KEEP_MAX && link->out_at > link->out.len / 2) {
        slv_buf_consume(&link->out, link->out_at);
        link->out_at = 0;
    }
}

slv_buf *slv_link_begin(slv_link *link, slv_frame_type type, uint8_t flags, uint32_t id)
{
    SLV_ASSERT(!link->building);
    link->building = true;
    compact(link);
    if (slv_frame_begin(&link->out, type, flags, id, &link->build_at) != SLV_OK) {
        link->build_at = SIZE_MAX;
        slv_link_shut_(link, SLV_E_LIMIT, "the peer does not read what it is sent");
    }
    return &link->out;
}

void slv_link_end(slv_link *link, slv_code code)
{
    size_t at = link->build_at;

    SLV_ASSERT(link->building);
    link->building = false;
    if (at == SIZE_MAX || link->closed) {
        slv_buf_reset(&link->out);
        link->out_at = 0;
        return;
    }
    if (code == SLV_OK)
        code = slv_frame_end(&link->out, at);
    if (code != SLV_OK) {
        slv_frame_undo(&link->out, at);
        slv_link_shut_(link, code, "the peer does not read what it is sent");
        return;
    }
    slv_loop_flush(link->o.loop, &link->flush);
}

void slv_link_send(slv_link *link, slv_frame_type type, uint8_t flags, uint32_t id, slv_str payload)
{
    if (link->closed)
        return;
    slv_buf *out = slv_link_begin(link, type, flags, id);
    slv_link_end(link, slv_buf_append(out, payload));
}

slv_code slv_link_send_fds(slv_link *link, slv_frame_type type, uint32_t id, slv_str payload,
                           const int *fds, size_t count, slv_err *err)
{
    slv_link_fds f = {.at = link->sent + link->out.len - link->out_at, .count = 0};

    SLV_ASSERT(!link->pair && count > 0 && count <= SLV_LINK_FDS_MAX);
    if (link->closed)
        return SLV_E_CLOSED;
    for (; f.count < count; f.count++) {
        f.fds[f.count] = fcntl(fds[f.count], F_DUPFD_CLOEXEC, 3);
        if (f.fds[f.count] < 0) {
            slv_code code = slv_fail_errno(err, SLV_E_IO, "dup");

            while (f.count > 0)
                (void)close(f.fds[--f.count]);
            return code;
        }
    }
    slv_vec_push(&link->fds, f);
    slv_link_send(link, type, 0, id, payload);
    return SLV_OK;
}

size_t slv_link_queued(const slv_link *link)
{
    return link->out.len - link->out_at;
}

/* ---- life ---- */

static slv_link *make(const slv_link_options *options)
{
    slv_link *link = slv_new0(slv_link);

    SLV_ASSERT(options->frame && options->closed && options->side != SLV_CHAN_ANY);
    link->o = *options;
    if (link->o.queue_max == 0)
        link->o.queue_max = SLV_LINK_QUEUE_MAX;
    link->fd = -1;
    link->out = SLV_BUF(link->o.queue_max);
    link->poll.fn = on_ready;
    link->flush.fn = on_flush;
    link->closing.fn = on_closing;
    slv_list_init(&link->let_go);
    link->next_number = options->side == SLV_CHAN_MAIN ? 2 : 1;
    return link;
}

slv_code slv_link_open_take(const slv_link_options *options, int fd, slv_link **ret, slv_err *err)
{
    slv_link *link = make(options);
    int flags = fcntl(fd, F_GETFL);
    slv_code code = SLV_OK;

    link->fd = fd;
    slv_frame_reader_init(&link->reader,
                          options->side == SLV_CHAN_MAIN ? SLV_CHAN_ISOLATE : SLV_CHAN_MAIN);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "channel");
    if (code == SLV_OK)
        code = slv_poll_start(&link->poll, options->loop, fd, SLV_POLL_READ, err);
    if (code != SLV_OK) {
        free_link(link);
        return code;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_HELLO, 0, 0);
    slv_link_end(link, slv_msg_u32_put(out, SLV_CHAN_VERSION));
    *ret = link;
    return SLV_OK;
}

void slv_link_open_pair(const slv_link_options *a, const slv_link_options *b, slv_link **ret_a,
                        slv_link **ret_b)
{
    slv_pair *pair = slv_new0(slv_pair);
    const slv_link_options *options[2] = {a, b};
    slv_link *links[2];

    SLV_ASSERT(a->side != b->side);
    atomic_store(&pair->refs, 2);
    for (int i = 0; i < 2; i++) {
        links[i] = make(options[i]);
        links[i]->pair = pair;
        links[i]->end = i;
        links[i]->hello_seen = true; /* the same program on both sides */
        slv_frame_reader_init(&links[i]->reader, SLV_CHAN_ANY);
        pair->ends[i].loop = options[i]->loop;
        pair->ends[i].link = links[i];
    }
    *ret_a = links[0];
    *ret_b = links[1];
}

slv_link *slv_link_close(slv_link *link)
{
    if (!link)
        return NULL;
    SLV_ASSERT(!link->dead);
    link->dead = true;
    link->told = true;
    if (!link->closed && link->pair)
        post_bytes(link, true);
    else if (!link->closed && link->out.len > 0)
        flush_fd(link);
    link->closed = true;
    slv_task_cancel(&link->closing);
    enter(link);
    slv_link_fail_streams_(link, "the channel was closed");
    leave(link);
    return NULL;
}

bool slv_link_is_closed(const slv_link *link)
{
    return link->closed;
}

slv_loop *slv_link_loop(const slv_link *link)
{
    return link->o.loop;
}

void *slv_link_user(const slv_link *link)
{
    return link->o.user;
}

void slv_link_set_user(slv_link *link, void *user)
{
    link->o.user = user;
}
