/* Two mains and the socket between them: versions that differ, messages that are none. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aio/loop.h"
#include "daemon/heir.h"
#include "daemon/link.h"
#include "support/tap.h"

static bool pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

static bool over(void *arg)
{
    return slv_bequest_is_over(arg);
}

static bool arrived(void *arg)
{
    const slv_heir *heir = arg;

    return heir->kept.len + heir->sockets.len > 0;
}

TEST(who_speaks_another_version_is_given_nothing)
{
    const char hellos[][4] = {
        {'H', SLV_HANDED_VERSION + 1, 0}, {'X', SLV_HANDED_VERSION, 0}, {'H', 0, 1}};
    slv_bequest b;
    int ends[2];

    slv_bequest_init(&b);
    for (size_t i = 0; i < SLV_ARRAY_LEN(hellos); i++) {
        CHECK(pair(ends));
        CHECK(send(ends[1], hellos[i], 3, 0) == 3);
        CHECK(!slv_bequest_set(&b, ends[0]));
        CHECK(!slv_bequest_give(&b, -1, NULL) && slv_bequest_is_over(&b));
        close(ends[1]);
    }
    CHECK(pair(ends)); /* and who says nothing */
    CHECK(!slv_bequest_set(&b, ends[0]));
    close(ends[1]);
    slv_bequest_done(&b);
}

TEST(a_connection_and_a_socket_arrive_with_what_is_told_of_them)
{
    const slv_handed about = {.peer = "192.0.2.1", .peer_port = 7, .received = SLV_STR("GET")};
    slv_loop *loop;
    slv_heir heir = {0};
    slv_bequest b;
    slv_err err;
    int ends[2], sockets[2];

    CHECK(slv_loop_new(&loop, &err) == SLV_OK);
    slv_heir_init(&heir, loop);
    slv_bequest_init(&b);
    CHECK(pair(ends) && pair(sockets));
    CHECK(slv_heir_add(&heir, ends[1], &err) == SLV_OK);
    CHECK(slv_bequest_set(&b, ends[0]));
    CHECK(slv_bequest_give(&b, -1, NULL));
    CHECK(slv_bequest_give_socket(&b, SLV_STR("its state"), sockets[1]));
    CHECK(slv_bequest_give_socket(&b, SLV_STR("gone"), -1));
    CHECK(slv_bequest_give(&b, sockets[0], &about));
    CHECK(slv_loop_run_until(loop, arrived, &heir, 10000));
    CHECK(heir.sockets.len == 2 && heir.kept.len == 1);
    CHECK_STR(slv_buf_view(&heir.sockets.items[0].state), SLV_STR("its state"));
    CHECK(heir.sockets.items[0].fd >= 0 && heir.sockets.items[1].fd == -1);
    CHECK_STR(slv_str_from(heir.kept.items[0].about.peer), SLV_STR("192.0.2.1"));
    CHECK_STR(heir.kept.items[0].about.received, SLV_STR("GET"));
    slv_heir_stop(&heir);
    CHECK(slv_bequest_is_over(&b));
    CHECK(!slv_bequest_give_socket(&b, SLV_STR("too late"), -1));
    slv_bequest_done(&b);
    loop = slv_loop_free(loop);
}

TEST(messages_that_are_none_end_the_socket_between_the_two)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool with_fd;
    } cases[] =
        {
            {"", 1, false},  {"C", 1, true},      {"Cgarbage", 8, true},
            {"S", 1, false}, {"F", 1, true},      {"G", 1, false},
            {"Sx", 2, true}, {"H\1\0", 3, false}, {"S", 1, true}, /* no file of bytes */
        };
    slv_err err;

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        slv_loop *loop;
        slv_heir heir = {0};
        slv_bequest b;
        int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        slv_str bytes = slv_str_make(cases[i].bytes, cases[i].len);

        CHECK(slv_loop_new(&loop, &err) == SLV_OK && pair(ends) && null >= 0);
        slv_heir_init(&heir, loop);
        slv_bequest_init(&b);
        CHECK(slv_heir_add(&heir, ends[1], &err) == SLV_OK && slv_bequest_set(&b, ends[0]));
        CHECK(cases[i].with_fd ? slv_fd_send(ends[0], bytes, null, 0)
                               : send(ends[0], bytes.ptr, bytes.len, 0) == (ssize_t)bytes.len);
        CHECK(slv_loop_run_until(loop, over, &b, 10000));
        CHECK(heir.kept.len == 0 && heir.sockets.len == 0);
        close(null);
        slv_heir_stop(&heir);
        slv_bequest_done(&b);
        loop = slv_loop_free(loop);
    }
}

TAP_MAIN()
