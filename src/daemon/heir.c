#include "daemon/heir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/link.h"

#define MESSAGE_MAX ((size_t)1024)

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
    char text[MESSAGE_MAX];
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

/* The descriptor stays the caller's. */
static bool send_message(slv_bequest *b, const slv_buf *bytes, int fd)
{
    bool sent = false;

    pthread_mutex_lock(&b->lock);
    if (b->fd >= 0)
        do
            sent = slv_fd_send(b->fd, slv_buf_view(bytes), fd, 0);
        while (!sent && errno == EINTR);
    pthread_mutex_unlock(&b->lock);
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
    if (slv_buf_append_u8(&bytes, 'C') != SLV_OK || slv_handed_put(about, &bytes) != SLV_OK ||
        !send_message(b, &bytes, fd))
        return false;
    close(fd);
    return true;
}

/* ---- who takes ---- */

typedef struct source {
    slv_poll poll;
    slv_list node;
    slv_heir *heir;
    int fd;
} source;

static void source_free(source *s)
{
    slv_poll_stop(&s->poll);
    close(s->fd);
    slv_list_remove(&s->node);
    free(s);
}

static bool take(slv_heir *heir, slv_str bytes, int fd)
{
    slv_heir_kept kept = {.fd = fd};
    slv_reader r = slv_reader_make(bytes);

    if (slv_read_u8(&r) != 'C' || fd < 0 || slv_handed_get(r.rest, &kept.about) != SLV_OK) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (heir->server)
        slv_server_adopt(heir->server, fd, &kept.about, heir->tls);
    else if (heir->kept.len >= SLV_HEIR_MAX)
        close(fd);
    else
        slv_vec_push(&heir->kept, kept);
    return true;
}

static void on_given(slv_poll *poll, unsigned events)
{
    source *s = slv_container_of(poll, source, poll);
    char text[MESSAGE_MAX];
    size_t n;
    int fd;

    (void)events;
    for (;;) {
        if (!slv_fd_receive(s->fd, text, sizeof text, &n, &fd)) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN)
                return; /* no more now */
            n = 0;
            fd = -1;
        }
        if ((n == 0 && fd < 0) || !take(s->heir, slv_str_make(text, n), fd)) {
            source_free(s);
            return;
        }
    }
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
    s->poll.fn = on_given;
    slv_list_push(&heir->sources, &s->node);
    code = slv_poll_start(&s->poll, heir->loop, fd, SLV_POLL_READ, err);
    if (code == SLV_OK && send(fd, hello, sizeof hello, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        code = slv_fail_errno(err, SLV_E_IO, "the other main");
    if (code != SLV_OK)
        source_free(s);
    return code;
}

void slv_heir_open(slv_heir *heir, slv_server *server, slv_tls_server *tls)
{
    heir->server = server;
    heir->tls = tls;
    for (size_t i = 0; i < heir->kept.len; i++)
        slv_server_adopt(server, heir->kept.items[i].fd, &heir->kept.items[i].about, tls);
    slv_vec_done(&heir->kept);
}

void slv_heir_stop(slv_heir *heir)
{
    while (heir->loop && !slv_list_empty(&heir->sources))
        source_free(slv_container_of(heir->sources.next, source, node));
    for (size_t i = 0; i < heir->kept.len; i++)
        close(heir->kept.items[i].fd);
    slv_vec_done(&heir->kept);
}
