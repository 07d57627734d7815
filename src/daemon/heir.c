#include "daemon/heir.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/link.h"

#define MESSAGE_MAX (SLV_HANDED_MAX + 1)

/* ---- who gives ---- */

void slv_bequest_init(slv_bequest *b)
{
    pthread_mutex_init(&b->lock, NULL);
    b->fd = -1;
}

static void replace(slv_bequest *b, int fd)
{
    pthread_mutex_lock(&b->lock);
    if (b->fd >= 0)
        close(b->fd);
    b->fd = fd;
    pthread_mutex_unlock(&b->lock);
}

void slv_bequest_done(slv_bequest *b)
{
    replace(b, -1);
    pthread_mutex_destroy(&b->lock);
}

/* What the other one has said when it was given its end, before anybody told us of ours. */
static bool speaks_ours(int fd)
{
    char text[64];
    size_t n;
    int with;

    if (!slv_fd_receive(fd, text, sizeof text, &n, &with))
        return false;
    if (with >= 0)
        close(with);
    slv_reader r = slv_reader_make(slv_str_make(text, n));
    unsigned kind = slv_read_u8(&r), version = slv_read_u16(&r);
    return slv_reader_end(&r) && kind == 'H' && version == SLV_HANDED_VERSION;
}

bool slv_bequest_set(slv_bequest *b, int fd)
{
    bool ours = fd >= 0 && speaks_ours(fd);

    if (fd >= 0 && !ours) {
        slv_log(SLV_LOG_WARN, "the new main is of a build that takes no connections from this one: "
                              "they are closed when their requests have been answered");
        close(fd);
        fd = -1;
    }
    replace(b, fd);
    return ours;
}

/* The descriptor stays the caller's; -1: none. With the lock. */
static bool send_message(slv_bequest *b, slv_str bytes, int fd)
{
    bool sent = false;

    if (b->fd >= 0)
        do
            sent = fd >= 0 ? slv_fd_send(b->fd, bytes, fd, 0)
                           : send(b->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len;
        while (!sent && errno == EINTR);
    return sent;
}

bool slv_bequest_give(void *arg, int fd, const slv_handed *about)
{
    slv_bequest *b = arg;
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(MESSAGE_MAX);

    if (fd < 0) {
        pthread_mutex_lock(&b->lock);
        bool any = b->fd >= 0;
        pthread_mutex_unlock(&b->lock);
        return any;
    }
    if (slv_buf_append_u8(&bytes, 'C') != SLV_OK || slv_handed_put(about, &bytes) != SLV_OK)
        return false;
    pthread_mutex_lock(&b->lock);
    bool sent = send_message(b, slv_buf_view(&bytes), fd);
    pthread_mutex_unlock(&b->lock);
    if (sent)
        close(fd);
    return sent;
}

static bool write_all(int fd, slv_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno != EINTR)
            return false;
        bytes = slv_str_skip(bytes, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* The state may be large, so it goes as a file. */
bool slv_bequest_give_socket(void *arg, slv_str state, int fd)
{
    slv_bequest *b = arg;
    int file = memfd_create("socket", MFD_CLOEXEC);
    bool sent = false;

    if (file >= 0 && write_all(file, state)) {
        pthread_mutex_lock(&b->lock);
        sent = send_message(b, SLV_STR("S"), file) &&
               send_message(b, fd >= 0 ? SLV_STR("F") : SLV_STR("G"), fd);
        pthread_mutex_unlock(&b->lock);
    }
    if (file >= 0)
        close(file);
    if (sent && fd >= 0)
        close(fd);
    return sent;
}

bool slv_bequest_is_over(slv_bequest *b)
{
    pthread_mutex_lock(&b->lock);
    struct pollfd p = {.fd = b->fd, .events = 0};
    bool over = b->fd < 0 || (poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR));
    pthread_mutex_unlock(&b->lock);
    return over;
}

/* ---- who takes ---- */

typedef struct source {
    slv_poll poll;
    slv_list node;
    slv_heir *heir;
    int fd;
    slv_buf state; /* of a socket whose connection comes next; empty: none */
} source;

static void source_free(source *s)
{
    slv_poll_stop(&s->poll);
    close(s->fd);
    slv_buf_done(&s->state);
    slv_list_remove(&s->node);
    free(s);
}

static bool take_connection(slv_heir *heir, slv_str bytes, int fd)
{
    slv_heir_kept kept = {.fd = fd};

    if (slv_handed_get(bytes, &kept.about) != SLV_OK)
        return false;
    if (heir->server) {
        slv_server_adopt(heir->server, fd, &kept.about, heir->tls);
    } else if (heir->kept.len >= SLV_HEIR_MAX) {
        close(fd);
    } else {
        kept.received = slv_strndup(kept.about.received.ptr, kept.about.received.len);
        kept.about.received.ptr = kept.received;
        slv_vec_push(&heir->kept, kept);
    }
    return true;
}

static bool read_file(int fd, slv_buf *out)
{
    struct stat st;
    ssize_t n = 0;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        slv_buf_reserve(out, (size_t)st.st_size) != SLV_OK)
        return false;
    n = pread(fd, out->ptr, (size_t)st.st_size, 0);
    out->len = n > 0 ? (size_t)n : 0;
    return n == st.st_size;
}

/* Sockets come before the other process has given up the state: never when we have it. */
static bool take_state(source *s, int fd)
{
    if (s->state.len > 0 || s->heir->took_sockets || s->heir->sockets.len >= SLV_HEIR_MAX ||
        !read_file(fd, &s->state))
        return false;
    close(fd);
    return true;
}

static bool take_socket(source *s, int fd)
{
    slv_heir_socket socket = {.state = s->state, .fd = fd};

    if (s->state.len == 0)
        return false;
    s->state = SLV_BUF(SLV_HEIR_STATE_MAX);
    slv_vec_push(&s->heir->sockets, socket);
    return true;
}

/* False: it is no message of ours; the descriptor is the caller's then. */
static bool take(source *s, slv_str bytes, int fd)
{
    slv_reader r = slv_reader_make(bytes);

    switch (slv_read_u8(&r)) {
    case 'C':
        return fd >= 0 && take_connection(s->heir, r.rest, fd);
    case 'S':
        return fd >= 0 && r.rest.len == 0 && take_state(s, fd);
    case 'F':
        return fd >= 0 && r.rest.len == 0 && take_socket(s, fd);
    case 'G':
        return fd < 0 && r.rest.len == 0 && take_socket(s, -1);
    default:
        return false;
    }
}

/* All that is there. False: the other one is gone, or not one of ours. */
static bool receive_all(source *s)
{
    static char text[MESSAGE_MAX]; /* one thread takes */
    size_t n;
    int fd;

    for (;;) {
        if (!slv_fd_receive(s->fd, text, sizeof text, &n, &fd)) {
            if (errno == EINTR)
                continue;
            return errno == EAGAIN; /* no more now */
        }
        if (n == 0 && fd < 0)
            return false;
        if (!take(s, slv_str_make(text, n), fd)) {
            if (fd >= 0)
                close(fd);
            return false;
        }
    }
}

static void on_given(slv_poll *poll, unsigned events)
{
    source *s = slv_container_of(poll, source, poll);

    (void)events;
    if (!receive_all(s))
        source_free(s);
}

void slv_heir_init(slv_heir *heir, slv_loop *loop)
{
    heir->loop = loop;
    slv_list_init(&heir->sources);
}

slv_code slv_heir_add(slv_heir *heir, int fd, slv_err *err)
{
    const char hello[] = {'H', SLV_HANDED_VERSION & 0xff, SLV_HANDED_VERSION >> 8};
    source *s = slv_new0(source);
    slv_code code;

    s->heir = heir;
    s->fd = fd;
    s->state = SLV_BUF(SLV_HEIR_STATE_MAX);
    s->poll.fn = on_given;
    slv_list_push(&heir->sources, &s->node);
    code = slv_poll_start(&s->poll, heir->loop, fd, SLV_POLL_READ, err);
    if (code == SLV_OK && send(fd, hello, sizeof hello, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        code = slv_fail_errno(err, SLV_E_IO, "the other main");
    if (code != SLV_OK)
        source_free(s);
    return code;
}

/* What came and is still in the sockets, too. */
static void receive_rest(slv_heir *heir)
{
    SLV_LIST_EACH (node, &heir->sources) {
        source *s = slv_container_of(node, source, node);

        if (!receive_all(s))
            source_free(s);
    }
}

void slv_heir_open_sockets(slv_heir *heir, slv_server *server)
{
    receive_rest(heir);
    heir->took_sockets = true;
    for (size_t i = 0; i < heir->sockets.len; i++) {
        slv_heir_socket *socket = &heir->sockets.items[i];

        slv_server_adopt_socket(server, slv_buf_view(&socket->state), socket->fd);
        slv_buf_done(&socket->state);
    }
    slv_vec_done(&heir->sockets);
    slv_server_adopted(server);
}

void slv_heir_open(slv_heir *heir, slv_server *server, slv_tls_server *tls)
{
    heir->server = server;
    heir->tls = tls;
    for (size_t i = 0; i < heir->kept.len; i++) {
        slv_server_adopt(server, heir->kept.items[i].fd, &heir->kept.items[i].about, tls);
        free(heir->kept.items[i].received);
    }
    slv_vec_done(&heir->kept);
}

void slv_heir_stop(slv_heir *heir)
{
    while (heir->loop && !slv_list_empty(&heir->sources))
        source_free(slv_container_of(heir->sources.next, source, node));
    for (size_t i = 0; i < heir->kept.len; i++) {
        close(heir->kept.items[i].fd);
        free(heir->kept.items[i].received);
    }
    slv_vec_done(&heir->kept);
    for (size_t i = 0; i < heir->sockets.len; i++) {
        slv_buf_done(&heir->sockets.items[i].state);
        if (heir->sockets.items[i].fd >= 0)
            close(heir->sockets.items[i].fd);
    }
    slv_vec_done(&heir->sockets);
}
