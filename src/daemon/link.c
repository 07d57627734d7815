#include "daemon/link.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_readable(slv_poll *poll, unsigned events)
{
    slv_link *link = slv_container_of(poll, slv_link, poll);
    char text[SLV_LINK_TEXT_MAX + 1];
    ssize_t n = recv(link->fd, text, SLV_LINK_TEXT_MAX, MSG_DONTWAIT);
    slv_str rest, word = SLV_STR("");

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        slv_link_stop(link);
        link->said(link, SLV_STR(""), SLV_STR(""));
        return;
    }
    rest = slv_str_make(text, (size_t)n);
    (void)slv_str_split(&rest, ' ', &word);
    link->said(link, word, rest.ptr ? rest : SLV_STR(""));
}

slv_code slv_link_start(slv_link *link, slv_loop *loop, int fd, slv_err *err)
{
    link->fd = fd;
    link->poll = (slv_poll){.fn = on_readable};
    return slv_poll_start(&link->poll, loop, fd, SLV_POLL_READ, err);
}

void slv_link_say(slv_link *link, const char *fmt, ...)
{
    char text[SLV_LINK_TEXT_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0 && link->fd >= 0)
        (void)send(link->fd, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1,
                   MSG_DONTWAIT | MSG_NOSIGNAL);
}

void slv_link_stop(slv_link *link)
{
    slv_poll_stop(&link->poll);
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

slv_code slv_link_pair(int fds[static 2], slv_err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return slv_fail_errno(err, SLV_E_IO, "socketpair");
    return SLV_OK;
}
