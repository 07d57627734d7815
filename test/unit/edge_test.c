/*
 * The edge against fake isolates (support/fake_isolate.h): real sockets, real processes, no
 * JavaScript.
 */
#include <stdio.h>
#include <stdlib.h>

#include "edge/edge_int.h"
#include "support/edge_rig.h"
#include "support/fake_isolate.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"
#define BIG ((size_t)64 << 20)

static bool status_is(const slv_buf *out, const char *status)
{
    return slv_str_eq(slv_str_sub(slv_buf_view(out), 9, 12), slv_str_from(status));
}

static bool has(slv_str text, const char *what)
{
    return slv_str_find(text, slv_str_from(what), 0) != SIZE_MAX;
}

TEST(who_had_to_wait_too_long_is_told_when_to_come_again)
{
    static slv_shard shard;
    const slv_err waited = {.code = SLV_E_TIMEOUT}, full = {.code = SLV_E_AGAIN},
                  closing = {.code = SLV_E_CANCELED};
    const slv_err *const over[] = {&waited, &full};

    for (size_t i = 0; i < SLV_ARRAY_LEN(over); i++) {
        const slv_event_end end = {.start_err = over[i]};
        const slv_page_spec page = slv_page_for_end(&shard, NULL, &end);

        CHECK_INT(page.status, 503);
        CHECK(page.retry_after_s > 0);
    }
    const slv_event_end end = {.start_err = &closing};
    CHECK_INT(slv_page_for_end(&shard, NULL, &end).retry_after_s, 0);
}

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
    CHECK_INT(r.deployed, 1);
    CHECK_STR(slv_str_from(r.last), SLV_STR("GET /hello 200 ok"));
}

TEST(many_requests_on_many_connections_and_loops)
{
    rig r;
    int fds[16];

    CHECK(rig_start(&r, 4, true));
    for (size_t i = 0; i < SLV_ARRAY_LEN(fds); i++) {
        fds[i] = rig_connect(&r);
        CHECK(fds[i] >= 0);
    }
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < SLV_ARRAY_LEN(fds); i++)
            CHECK(
                rig_write(fds[i], SLV_STR("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
                                          "GET /url HTTP/1.1\r\nHost: a\r\n\r\n"))); /* pipelined */
        for (size_t i = 0; i < SLV_ARRAY_LEN(fds); i++) {
            SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

            CHECK(rig_read(fds[i], &out, "http://a/url"));
            CHECK(has(slv_buf_view(&out), "\r\n\r\nhello"));
        }
    }
    for (size_t i = 0; i < SLV_ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
    CHECK(rig_stop(&r));
    CHECK_INT(r.requests, 16 * 20 * 2);
}

TEST(the_platforms_headers_are_added_and_not_taken_from_clients)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(
        rig_get(&r,
                "GET /headers HTTP/1.1\r\nHost: example.com\r\nCF-Connecting-IP: 6.6.6.6\r\n"
                "X-Real-IP: 6.6.6.6\r\nCF-Ray: forged\r\nX-Mine: yes\r\nConnection: close\r\n\r\n",
                &out));
    slv_str body = rig_body(&out);
    CHECK(has(body, "host:example.com\n") && has(body, "x-mine:yes\n"));
    CHECK(has(body, "cf-connecting-ip:127.0.0.1\n") && has(body, "x-real-ip:127.0.0.1\n"));
    CHECK(has(body, "x-forwarded-proto:http\n") && has(body, "cf-visitor:{\"scheme\":\"http\"}\n"));
    CHECK(has(body, "accept-encoding:br, gzip\n"));
    CHECK(!has(body, "6.6.6.6") && !has(body, "forged"));
    CHECK(rig_stop(&r));
}

TEST(the_url_is_normalised)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(rig_get(&r, "GET /a/../url HTTP/1.1\r\nHost: Example.COM:80\r\nConnection: close\r\n\r\n",
                  &out));
    CHECK_STR(rig_body(&out), SLV_STR("http://example.com/url"));
    CHECK(rig_stop(&r));
}

/* ---- bodies ---- */

static bool echo(const rig *r, size_t size, bool chunked, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf request = SLV_BUF(BIG);
    int fd = rig_connect(r);
    slv_code code;

    if (chunked)
        code = slv_buf_printf(&request,
                              "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
                              size);
    else
        code = slv_buf_printf(&request,
                              "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                              "Content-Length: %zu\r\n\r\n",
                              size);
    for (size_t i = 0; i < size && code == SLV_OK; i++)
        code = slv_buf_append_byte(&request, (char)('a' + i % 26));
    if (code == SLV_OK && chunked)
        code = slv_buf_append(&request, SLV_STR("\r\n0\r\n\r\n"));
    bool ok = fd >= 0 && code == SLV_OK && rig_write(fd, slv_buf_view(&request)) &&
              rig_read(fd, out, NULL);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

TEST(request_bodies_come_back_whole_inline_and_streamed)
{
    static const size_t sizes[] = {0, 1, 1000, 40000, 300000, 3000000};
    rig r;

    CHECK(rig_start(&r, 1, false));
    for (size_t i = 0; i < SLV_ARRAY_LEN(sizes); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BIG);

        CHECK(echo(&r, sizes[i], false, &out));
        CHECK(status_is(&out, "200"));
        slv_str body = rig_body(&out);
        bool framed = has(slv_buf_view(&out), "ransfer-");
        CHECK(framed || body.len == sizes[i]);
        CHECK(sizes[i] == 0 || has(body, "a"));
    }
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BIG);
    CHECK(echo(&r, 100000, true, &out));
    CHECK(status_is(&out, "200") && has(rig_body(&out), "abcdefghij"));
    CHECK(rig_stop(&r));
}

TEST(a_streamed_response_is_held_back_by_a_slow_client_and_arrives_whole)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BIG);
    int fd;

    CHECK(rig_start(&r, 1, false));
    fd = rig_connect(&r);
    CHECK(rig_write(fd, SLV_STR("GET /bytes/20000000 HTTP/1.0\r\n\r\n")));
    (void)usleep(200000); /* nothing is read: the isolate runs out of credit */
    CHECK(rig_read(fd, &out, NULL));
    (void)close(fd);
    CHECK_INT(rig_body(&out).len, 20000000);
    CHECK(rig_stop(&r));
}

TEST(head_runs_the_worker_and_sends_no_body)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf streamed = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(rig_get(&r, "HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &out));
    CHECK(status_is(&out, "200") && rig_body(&out).len == 0);
    CHECK(rig_get(&r, "HEAD /bytes/1000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                  &streamed));
    CHECK(status_is(&streamed, "200") && rig_body(&streamed).len == 0);
    CHECK(rig_stop(&r));
}

TEST(a_body_that_fails_half_way_is_cut_so_that_the_client_sees_it)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    (void)rig_get(&r, GET("/cut"), &out);
    CHECK(!has(slv_buf_view(&out), "0\r\n\r\n")); /* no end of the chunks */
    CHECK(rig_stop(&r));
}

/* ---- errors ---- */

TEST(an_exception_is_answered_with_a_page_that_suits_the_client)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf html = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    CHECK(rig_get(&r, GET("/throw"), &plain));
    CHECK(status_is(&plain, "500"));
    CHECK_STR(rig_body(&plain), SLV_STR("TypeError: no <good>\n    at f (a.js:1:2)"));
    CHECK(rig_get(
        &r, "GET /throw HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
        &html));
    CHECK(has(rig_body(&html), "TypeError: no &lt;good&gt;") && has(rig_body(&html), "1101"));
    CHECK(rig_get(&r,
                  "GET /throw HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nConnection: "
                  "close\r\n\r\n",
                  &json));
    CHECK(has(rig_body(&json), "\"code\":1101"));
    CHECK(rig_stop(&r));
}

TEST(a_worker_that_dies_or_breaks_the_rules_costs_its_own_request_only)
{
    static const char *const bad[] = {GET("/exit"), GET("/junk"), GET("/forged"), GET("/twice"),
                                      GET("/steal")};
    rig r;

    CHECK(rig_start(&r, 1, true));
    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BIG);
        SLV_CLEANUP(slv_buf_done) slv_buf good = SLV_BUF(1 << 20);

        (void)rig_get(&r, bad[i], &out); /* a page, or a connection that is cut */
        CHECK(out.len == 0 || status_is(&out, "500") || !has(slv_buf_view(&out), "\r\n0\r\n\r\n"));
        if (slv_str_starts(slv_str_from(bad[i]), SLV_STR("GET /steal")))
            CHECK(status_is(&out, "500")); /* and does not wait for what never comes */
        CHECK(rig_get(&r, GET("/hello"), &good));
        CHECK_STR(rig_body(&good), SLV_STR("hello"));
    }
    CHECK(rig_stop(&r));
}

TEST(a_neighbour_of_one_that_dies_is_answered_by_another_isolate_unless_it_had_an_effect)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf answer = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf post = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf dead = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    int get_fd = rig_connect(&r), post_fd = rig_connect(&r);
    CHECK(rig_write(get_fd, SLV_STR("GET /patient HTTP/1.0\r\n\r\n")));
    CHECK(rig_write(post_fd, SLV_STR("POST /patient HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")));
    (void)usleep(400000); /* both are in the first isolate */
    CHECK(rig_get(&r, GET("/exit"), &dead));
    CHECK(rig_read(get_fd, &answer, NULL));
    CHECK(status_is(&answer, "200"));
    CHECK_STR(rig_body(&answer), SLV_STR("at last"));
    CHECK(rig_read(post_fd, &post, NULL));
    CHECK(status_is(&post, "500"));
    (void)close(get_fd);
    (void)close(post_fd);
    CHECK(rig_stop(&r));
}

TEST(a_client_that_leaves_cancels_its_event)
{
    rig r;
    int fd;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    fd = rig_connect(&r);
    CHECK(rig_write(fd, SLV_STR("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")));
    (void)usleep(300000);
    (void)close(fd);
    CHECK(rig_get(&r, GET("/hello"), &out));
    CHECK_STR(rig_body(&out), SLV_STR("hello"));
    CHECK(rig_stop(&r)); /* drain does not wait for the one that hangs */
    CHECK_INT(r.requests, 2);
}

TEST(console_lines_and_exceptions_reach_the_hooks)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    CHECK(rig_get(&r, GET("/log"), &out));
    CHECK(rig_stop(&r));
    CHECK_INT(r.consoles, 1);
    CHECK_INT(r.exceptions, 1);
}

TEST(a_method_or_target_that_is_not_for_workers_is_refused)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf star = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf trace = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf bad = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(rig_get(&r, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &star));
    CHECK(status_is(&star, "400"));
    CHECK(rig_get(&r, "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &trace));
    CHECK(status_is(&trace, "405"));
    CHECK(rig_get(&r, "GET / HTTP/1.1\r\nHost: a:99999\r\nConnection: close\r\n\r\n", &bad));
    CHECK(status_is(&bad, "400"));
    CHECK(rig_stop(&r));
}

/* ---- scheduled ---- */

TEST(a_trigger_runs_the_scheduled_handler_on_local_names_only)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf ok = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf failed = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf foreign = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(rig_get(&r,
                  "GET /cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=5 HTTP/1.1\r\nHost: "
                  "localhost:1\r\nConnection: close\r\n\r\n",
                  &ok));
    CHECK(status_is(&ok, "200"));
    CHECK_STR(rig_body(&ok), SLV_STR("ok"));
    CHECK(rig_get(&r,
                  "GET /cdn-cgi/mf/scheduled?cron=*%20*%20*%20*%20*&format=json HTTP/1.1\r\nHost: "
                  "127.0.0.1\r\nConnection: close\r\n\r\n",
                  &json));
    CHECK(has(rig_body(&json), "{\"outcome\":\"ok\""));
    CHECK(rig_get(&r,
                  "GET /cdn-cgi/local/scheduled HTTP/1.1\r\nHost: [::1]:80\r\nConnection: "
                  "close\r\n\r\n",
                  &failed)); /* the fake one fails without a cron */
    CHECK(status_is(&failed, "500"));
    CHECK(rig_get(&r, GET("/cdn-cgi/handler/scheduled?cron=x"), &foreign));
    CHECK(status_is(&foreign, "403"));
    CHECK(rig_stop(&r));
}

/* ---- to the outside, and between workers ---- */

static bool fetch_self(const rig *r, const char *verb, const char *path, const char *body,
                       slv_buf *out)
{
    char request[1024];

    (void)snprintf(request, sizeof request,
                   "POST /%s/http://127.0.0.1:%u%s HTTP/1.0\r\nHost: a\r\nContent-Length: "
                   "%zu\r\n\r\n%s",
                   verb, r->port, path, strlen(body), body);
    return rig_get(r, request, out);
}

TEST(a_fetch_goes_out_and_its_body_is_spliced_to_the_client)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf hello = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf echoed = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(BIG);
    SLV_CLEANUP(slv_buf_done) slv_buf refused = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(fetch_self(&r, "fetch", "/hello", "", &hello));
    CHECK(status_is(&hello, "200"));
    CHECK_STR(rig_body(&hello), SLV_STR("hello"));
    CHECK(fetch_self(&r, "fetch", "/echo", "a body", &echoed));
    CHECK_STR(rig_body(&echoed), SLV_STR("a body"));
    CHECK(fetch_self(&r, "fetch", "/bytes/5000000", "", &big));
    CHECK_INT(rig_body(&big).len, 5000000);
    CHECK(rig_get(&r, "GET /fetch/http://127.0.0.1:1/ HTTP/1.0\r\n\r\n", &refused));
    CHECK(status_is(&refused, "502"));
    CHECK(has(rig_body(&refused), "Network connection lost."));
    CHECK(rig_stop(&r));
}

TEST(a_service_binding_calls_the_other_worker)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf missing = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf hello = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(BIG);
    SLV_CLEANUP(slv_buf_done) slv_buf thrown = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf died = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(fetch_self(&r, "service", "/hello", "", &missing));
    CHECK(status_is(&missing, "503") && has(rig_body(&missing), "Worker \"other\" not found"));
    slv_version *v = rig_version("other", "v1");
    slv_server_deploy(r.server, v);
    (void)slv_version_unref(v);
    CHECK(fetch_self(&r, "service", "/hello", "", &hello));
    CHECK_STR(rig_body(&hello), SLV_STR("hello"));
    CHECK(fetch_self(&r, "service", "/bytes/3000000", "", &big));
    CHECK_INT(rig_body(&big).len, 3000000);
    CHECK(fetch_self(&r, "service", "/throw", "", &thrown));
    CHECK(has(rig_body(&thrown), "\"name\":\"TypeError\""));
    CHECK(fetch_self(&r, "service", "/exit", "", &died));
    CHECK(status_is(&died, "502") && has(rig_body(&died), "ended while it handled"));
    CHECK(rig_stop(&r));
}

TEST(an_isolate_that_sends_more_than_it_may_is_killed)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BIG);
    SLV_CLEANUP(slv_buf_done) slv_buf good = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    int fd = rig_connect(&r); /* reads nothing, so that no credit is granted for long */
    CHECK(rig_write(fd, SLV_STR("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")));
    (void)usleep(300000);
    (void)rig_read(fd, &out, NULL);
    (void)close(fd);
    CHECK(!has(slv_buf_view(&out), "\r\n0\r\n\r\n"));
    CHECK(rig_get(&r, GET("/hello"), &good));
    CHECK_STR(rig_body(&good), SLV_STR("hello"));
    CHECK(rig_stop(&r));
}

TEST(a_request_that_goes_round_in_circles_is_cut)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf last = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf over = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(rig_get(&r, "GET /hello HTTP/1.0\r\nCDN-Loop: other; loops=99, selvage; loops=16\r\n\r\n",
                  &last));
    CHECK(status_is(&last, "200"));
    CHECK(rig_get(&r, "GET /hello HTTP/1.0\r\nCDN-Loop: selvage; loops=17\r\n\r\n", &over));
    CHECK(status_is(&over, "500") && has(rig_body(&over), "1019"));
    CHECK(rig_stop(&r));
}

TEST(a_coded_body_is_decoded_for_a_client_that_does_not_take_the_coding)
{
    static const char *const paths[] = {"/zip", "/zip-stream"};
    rig r;

    CHECK(rig_start(&r, 1, false));
    for (size_t i = 0; i < 2; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf silent = SLV_BUF(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf takes = SLV_BUF(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(1 << 20);
        char request[200];

        (void)snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", paths[i]);
        CHECK(rig_get(&r, request, &silent));
        CHECK(has(slv_buf_view(&silent), "gzip") && rig_body(&silent).len < 100);
        (void)snprintf(request, sizeof request,
                       "GET %s HTTP/1.0\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n", paths[i]);
        CHECK(rig_get(&r, request, &takes));
        CHECK_STR(rig_body(&takes), rig_body(&silent));
        (void)snprintf(request, sizeof request,
                       "GET %s HTTP/1.0\r\nAccept-Encoding: br, gzip;q=0\r\n\r\n", paths[i]);
        CHECK(rig_get(&r, request, &plain));
        CHECK(!has(slv_buf_view(&plain), "gzip") && has(slv_buf_view(&plain), "X-Kept: yes"));
        CHECK_INT(rig_body(&plain).len, 300);
    }
    CHECK(rig_stop(&r));
}

/* ---- limits ---- */

static bool deploy_with(const rig *r, slv_limits limits)
{
    slv_version *v = rig_version_with("main", "limited", limits);

    if (!v)
        return false;
    slv_server_deploy(r->server, v);
    (void)slv_version_unref(v);
    return true;
}

static bool send_sized(const rig *r, const char *head, size_t size, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf request = SLV_BUF(1 << 20);
    slv_code code = slv_buf_append(&request, slv_str_from(head));

    for (size_t i = 0; i < size && code == SLV_OK; i++)
        code = slv_buf_append_byte(&request, 'z');
    if (code == SLV_OK && strstr(head, "chunked"))
        code = slv_buf_append(&request, SLV_STR("\r\n0\r\n\r\n"));
    return code == SLV_OK && slv_buf_cstr(&request) && rig_get(r, request.ptr, out);
}

static bool has_notice(void *arg)
{
    return ((rig *)arg)->notices > 0;
}

/* It spends no time, so no other limit would ever meet it. */
TEST(an_isolate_that_ignores_that_its_event_was_canceled_is_ended)
{
    rig r;
    slv_limits limits = rig_limits();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    limits.wait_until_ms = 100;
    CHECK(rig_start(&r, 1, true));
    CHECK(deploy_with(&r, limits));
    int fd = rig_connect(&r);
    CHECK(rig_write(fd, SLV_STR("GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n")));
    (void)slv_loop_run_until(r.control, has_notice, &r, 300);
    (void)close(fd);
    CHECK(slv_loop_run_until(r.control, has_notice, &r, 20000));
    slv_buf_reset(&out);
    CHECK(rig_get(&r, GET("/hello"), &out));
    CHECK_STR(rig_body(&out), SLV_STR("hello"));
    CHECK(rig_stop(&r));
}

TEST(request_bodies_and_urls_are_taken_up_to_their_limits)
{
    rig r;
    slv_limits limits = rig_limits();
    SLV_CLEANUP(slv_buf_done) slv_buf at = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf over = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf chunked_at = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf chunked_over = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf url_at = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf url_over = SLV_BUF(1 << 20);

    limits.request_body_bytes = 100000;
    limits.url_bytes = 30;
    CHECK(rig_start(&r, 1, false));
    CHECK(deploy_with(&r, limits));
    CHECK(send_sized(&r, "POST /echo HTTP/1.0\r\nContent-Length: 100000\r\n\r\n", 100000, &at));
    CHECK(status_is(&at, "200") && rig_body(&at).len == 100000);
    CHECK(send_sized(&r, "POST /echo HTTP/1.0\r\nContent-Length: 100001\r\n\r\n", 0, &over));
    CHECK(status_is(&over, "413"));
    CHECK(send_sized(&r,
                     "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n186a0\r\n",
                     100000, &chunked_at));
    CHECK(status_is(&chunked_at, "200"));
    (void)send_sized(&r,
                     "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n186a1\r\n",
                     100001, &chunked_over);
    /* the echo may have begun: then it is cut */
    CHECK(chunked_over.len == 0 || status_is(&chunked_over, "413") ||
          !has(slv_buf_view(&chunked_over), "\r\n0\r\n\r\n"));
    CHECK(rig_get(&r, GET("/hello?01234567890123456789012"), &url_at)); /* 30 bytes */
    CHECK(!status_is(&url_at, "414"));
    CHECK(rig_get(&r, GET("/hello?012345678901234567890123"), &url_over));
    CHECK(status_is(&url_over, "414"));
    CHECK(rig_stop(&r));
}

static bool fetch_many(const rig *r, unsigned n, slv_buf *out)
{
    char request[256];

    (void)snprintf(request, sizeof request,
                   "GET /many/%u/http://127.0.0.1:%u/hello HTTP/1.0\r\nHost: a\r\n\r\n", n,
                   r->port);
    return rig_get(r, request, out);
}

TEST(subrequests_are_counted_and_wait_for_each_other)
{
    rig r;
    slv_limits limits = rig_limits();
    SLV_CLEANUP(slv_buf_done) slv_buf at = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf over = SLV_BUF(1 << 20);

    limits.subrequests = 30;
    limits.open_connections = 2;
    CHECK(rig_start(&r, 1, false));
    CHECK(deploy_with(&r, limits));
    CHECK(fetch_many(&r, 30, &at));
    CHECK_STR(rig_body(&at), SLV_STR("good 30 bad 0"));
    CHECK(fetch_many(&r, 31, &over));
    CHECK_STR(rig_body(&over), SLV_STR("good 30 bad 1"));
    CHECK(rig_stop(&r));
}

TEST(capabilities_that_were_not_given_cannot_be_called)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf forged = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf gone = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    CHECK(rig_get(&r, GET("/rpc-gone"), &gone));
    CHECK(status_is(&gone, "502") && has(rig_body(&gone), "was canceled"));
    CHECK(rig_get(&r, GET("/rpc-forged"), &forged));
    CHECK(status_is(&forged, "500")); /* killed */
    CHECK(rig_stop(&r));
}

/* ---- WebSockets ---- */

TEST(a_websocket_of_a_client_reaches_the_worker_and_back)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    /* masked with zeroes, which change nothing: text "hi", then close 1000 */
    static const char frames[] = "\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xe8";

    CHECK(rig_start(&r, 1, false));
    int fd = rig_connect(&r);
    CHECK(rig_write(fd, SLV_STR("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: "
                                "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                                "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")));
    CHECK(rig_read(fd, &out, "\r\n\r\n"));
    CHECK(status_is(&out, "101") && has(slv_buf_view(&out), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    slv_buf_reset(&out);
    CHECK(rig_write(fd, slv_str_make(frames, sizeof frames - 1)));
    CHECK(rig_read(fd, &out, NULL)); /* both closes: the connection ends */
    CHECK_STR(slv_buf_view(&out), SLV_STR("\x81\x02hi\x88\x02\x03\xe8"));
    (void)close(fd);
    CHECK(rig_stop(&r));
}

TEST(a_websocket_for_a_request_that_wanted_none_is_an_error)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, false));
    CHECK(rig_get(&r, GET("/ws"), &out));
    CHECK(status_is(&out, "500") && has(rig_body(&out), "Upgrade: websocket"));
    CHECK(rig_stop(&r));
}

/* ---- deploys ---- */

TEST(a_new_version_takes_over_while_the_old_one_finishes)
{
    rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf slow = SLV_BUF(BIG);
    SLV_CLEANUP(slv_buf_done) slv_buf fast = SLV_BUF(1 << 20);

    CHECK(rig_start(&r, 1, true));
    int fd = rig_connect(&r);
    CHECK(rig_write(fd, SLV_STR("GET /bytes/8000000 HTTP/1.0\r\n\r\n")));
    CHECK(rig_read(fd, &slow, "\r\n\r\n")); /* under way */
    slv_version *v = rig_version("main", "v2");
    slv_server_deploy(r.server, v);
    (void)slv_version_unref(v);
    CHECK(rig_get(&r, GET("/hello"), &fast));
    CHECK_STR(rig_body(&fast), SLV_STR("hello"));
    CHECK(rig_read(fd, &slow, NULL));
    (void)close(fd);
    CHECK_INT(rig_body(&slow).len, 8000000);
    CHECK(rig_stop(&r));
}

TEST(a_server_that_was_never_started_can_be_freed)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *control = NULL;
    slv_server *server = NULL;

    CHECK(slv_loop_new(&control, NULL) == SLV_OK);
    const slv_server_options o = {.control = control, .loops = 2};
    CHECK(slv_server_new(&o, &server, NULL) == SLV_OK);
    server = slv_server_free(server);
    CHECK(!server);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "__isolate") == 0)
        return fake_isolate_main(argc, argv);
    (void)setenv("SELVAGE_SANDBOX", "off", 1);
    return tap_main(argc, argv);
}
