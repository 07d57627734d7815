/*
 * The edge against fake isolates (support/fake_isolate.h): real sockets, real processes, no
 * JavaScript.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/edge_rig.h"
#include "support/fake_isolate.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"

TEST(a_request_is_answered_by_the_worker)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    CHECK(rig_get(&r, GET("/hello"), &out));
    CHECK(slv_str_starts(slv_buf_view(&out), SLV_STR("HTTP/1.1 200")));
    CHECK_STR(rig_body(&out), SLV_STR("hello"));
    CHECK(rig_stop(&r));
    CHECK_INT(r.requests, 1);
    CHECK_STR(slv_str_from(r.last), SLV_STR("GET /hello 200 ok"));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "__isolate") == 0)
        return fake_isolate_main(argc, argv);
    (void)setenv("SELVAGE_SANDBOX", "off", 1);
    return tap_main(argc, argv);
}
