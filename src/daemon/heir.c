#include "daemon/heir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/link.h"

bool slv_heir_give(void *arg, int fd, uint16_t redirect_port)
{
    const int *to = arg;
    bool given;

    if (*to < 0 || fd < 0)
        return *to >= 0;
    do
        given = slv_fd_send(*to, slv_str_make(&redirect_port, sizeof redirect_port), fd, 0);
    while (!given && errno == EINTR);
    if (given)
        close(fd);
    return given;
}

static void adopt(slv_heir *heir, int fd, uint16_t port)
{
    const slv_listener_traits traits = {.redirect_port = port};

    slv_server_adopt(heir->server, fd, &traits);
}

static void on_given(slv_poll *poll, unsigned events)
{
    slv_heir *heir = slv_container_of(poll, slv_heir, poll);
    uint16_t port = 0;
    char text[sizeof port];
    size_t n;
    int fd;

    (void)events;
    while (heir->fd >= 0) {
        if (!slv_fd_receive(heir->fd, text, sizeof text, &n, &fd))
            return; /* no more now */
        if (n != sizeof port || fd < 0) {
            if (fd >= 0)
                close(fd);
            slv_poll_stop(&heir->poll);
            close(heir->fd);
            heir->fd = -1;
            return;
        }
        memcpy(&port, text, sizeof port);
        if (heir->server) {
            adopt(heir, fd, port);
        } else if (heir->fds.len >= SLV_HEIR_MAX) {
            close(fd);
        } else {
            slv_vec_push(&heir->fds, fd);
            slv_vec_push(&heir->ports, port);
        }
    }
}

slv_code slv_heir_start(slv_heir *heir, slv_loop *loop, int fd, slv_err *err)
{
    heir->fd = fd;
    heir->poll = (slv_poll){.fn = on_given};
    return slv_poll_start(&heir->poll, loop, fd, SLV_POLL_READ, err);
}

void slv_heir_open(slv_heir *heir, slv_server *server)
{
    heir->server = server;
    for (size_t i = 0; i < heir->fds.len; i++)
        adopt(heir, heir->fds.items[i], heir->ports.items[i]);
    heir->fds.len = heir->ports.len = 0;
}

void slv_heir_stop(slv_heir *heir)
{
    slv_poll_stop(&heir->poll);
    if (heir->fd >= 0)
        close(heir->fd);
    heir->fd = -1;
    for (size_t i = 0; i < heir->fds.len; i++)
        close(heir->fds.items[i]);
    slv_vec_done(&heir->fds);
    slv_vec_done(&heir->ports);
}
