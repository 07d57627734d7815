#include "daemon/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_readable(slv_poll *poll, unsigned events)
{
    slv_link *link = slv_container_of(poll, slv_link, poll);
    char text[SLV_LINK_TEXT_MAX + 1];
    slv_str rest, word = SLV_STR("");
    size_t n;
    int fd;
    bool ok = slv_fd_receive(link->fd, text, SLV_LINK_TEXT_MAX, &n, &fd);

    (void)events;
    if (!ok && (errno == EAGAIN || errno == EINTR))
        return;
    if (!ok || n == 0) {
        slv_link_stop(link);
        link->said(link, SLV_STR(""), SLV_STR(""), -1);
        return;
    }
    rest = slv_str_make(text, n);
    (void)slv_str_split(&rest, ' ', &word);
    link->said(link, word, rest.ptr ? rest : SLV_STR(""), fd);
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

void slv_link_say_fd(slv_link *link, const char *text, int fd)
{
    if (link->fd >= 0)
        (void)slv_fd_send(link->fd, slv_str_from(text), fd, MSG_DONTWAIT);
}

bool slv_fd_send(int socket, slv_str text, int fd, int flags)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(size_t)text.ptr, .iov_len = text.len};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(socket, &message, flags | MSG_NOSIGNAL) == (ssize_t)text.len;
}

bool slv_fd_receive(int socket, char *text, size_t size, size_t *ret_len, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = text, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *ret_fd = -1;
    *ret_len = n > 0 ? (size_t)n : 0;
    if (n < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
    return true;
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
