#include "daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

static struct {
    struct sockaddr_un address;
    socklen_t len; /* 0: nobody listens */
} to;

void slv_notify_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;

    if (n > 1 && n < sizeof to.address.sun_path && (path[0] == '/' || path[0] == '@')) {
        to.address.sun_family = AF_UNIX;
        memcpy(to.address.sun_path, path, n);
        if (path[0] == '@')
            to.address.sun_path[0] = 0; /* a name without a file */
        to.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    }
    unsetenv("NOTIFY_SOCKET");
}

void slv_notify(const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int n, fd;

    if (to.len == 0)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || n <= 0)
        return;
    (void)sendto(fd, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1, MSG_NOSIGNAL,
                 (const struct sockaddr *)&to.address, to.len);
    close(fd);
}

void slv_notify_reloading(void)
{
    slv_notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)slv_clock_mono_ns() / 1000);
}
