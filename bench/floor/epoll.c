/*
 * epoll.c - what an HTTP hello costs at the very least: one thread, epoll, a read and a write for
 * each request, no parsing but the search for the end of the head. The floor that the bench
 * measures others against; no server for anybody's use.
 *
 *     cc -O2 -o epoll epoll.c && ./epoll 8080        (port 0: prints the port that it got)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=UTF-8\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 13\r\n\r\nHello, World!";

static void serve(int fd)
{
    char in[16 << 10], out[16 << 10];
    ssize_t n = recv(fd, in, sizeof in, 0);
    size_t have = 0;

    if (n <= 0) {
        close(fd);
        return;
    }
    /* Each empty line ends a request; a client of this program sends whole ones, without bodies. */
    for (char *p = in, *end = in + n; (p = memmem(p, (size_t)(end - p), "\r\n\r\n", 4)); p += 4) {
        if (have + sizeof response > sizeof out)
            break;
        memcpy(out + have, response, sizeof response - 1);
        have += sizeof response - 1;
    }
    if (have > 0 && send(fd, out, have, MSG_NOSIGNAL) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
        ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];

    address.sin_port = htons((uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024) ||
        getsockname(listener, (struct sockaddr *)&address, &len) ||
        epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event)) {
        perror("epoll");
        return 1;
    }
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(ep, events, 256, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd != listener) {
                serve(fd);
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
                event.data.fd = fd;
                epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}
