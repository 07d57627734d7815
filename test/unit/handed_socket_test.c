/* Sockets that hibernate on their way from one process to another. */
#include "edge/handed_socket.h"
#include "objects/files.h"
#include "support/tap.h"

static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static slv_handed_socket example(void)
{
    return (slv_handed_socket){
        .tenant = SLV_STR("local"),
        .worker = SLV_STR("room"),
        .class_name = SLV_STR("Room"),
        .id = slv_str_from(id),
        .socket = 3,
        .auto_ms = -1,
    };
}

static bool taken(const slv_handed_socket *s)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    slv_handed_socket got;

    return slv_handed_socket_put(s, &bytes) == SLV_OK &&
           slv_handed_socket_get(slv_buf_view(&bytes), &got) == SLV_OK;
}

TEST(a_socket_arrives_with_all_that_is_known_of_it)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf events = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    const slv_handed_event first = {.what = SLV_SOCKET_TEXT, .data = SLV_STR("hello")};
    const slv_handed_event second = {.what = SLV_SOCKET_BINARY, .data = SLV_STR("\xff")};
    slv_handed_socket s = example(), got;
    slv_handed_event e;

    CHECK(slv_handed_event_put(&first, &events) == SLV_OK);
    CHECK(slv_handed_event_put(&second, &events) == SLV_OK);
    s.event_count = 2;
    s.events = slv_buf_view(&events);
    s.attached = s.unmasked = s.options.automatic = true;
    s.attachment = SLV_STR("attachment");
    s.options.request = SLV_STR("ping");
    s.options.response = SLV_STR("pong");
    s.window_bits = 12;
    s.received = SLV_STR("\x81");
    s.auto_ms = 77;
    CHECK(slv_handed_socket_put(&s, &bytes) == SLV_OK);
    CHECK(slv_handed_socket_get(slv_buf_view(&bytes), &got) == SLV_OK);
    CHECK_STR(got.class_name, SLV_STR("Room"));
    CHECK_STR(got.attachment, SLV_STR("attachment"));
    CHECK_STR(got.options.response, SLV_STR("pong"));
    CHECK_STR(got.received, SLV_STR("\x81"));
    CHECK(got.socket == 3 && got.auto_ms == 77 && got.window_bits == 12);
    CHECK(got.attached && got.unmasked && got.options.automatic && !got.gone && !got.named);
    slv_reader r = slv_reader_make(got.events);
    CHECK(slv_handed_event_next(&r, &e) && e.what == SLV_SOCKET_TEXT);
    CHECK_STR(e.data, SLV_STR("hello"));
    CHECK(slv_handed_event_next(&r, &e) && e.what == SLV_SOCKET_BINARY);
    CHECK(!slv_handed_event_next(&r, &e) && !r.bad);
    for (size_t n = 0; n < bytes.len; n++)
        CHECK(slv_handed_socket_get(slv_str_make(bytes.ptr, n), &got) == SLV_E_PARSE);
}

TEST(what_cannot_be_is_refused)
{
    SLV_CLEANUP(slv_buf_done) slv_buf events = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    slv_handed_event e = {.what = SLV_SOCKET_CLOSED, .code = 1000, .clean = true};
    slv_handed_socket s = example();

    CHECK(taken(&s));
    s.id = SLV_STR("short");
    CHECK(!taken(&s));
    s = example();
    s.worker = SLV_STR("");
    CHECK(!taken(&s));
    s = example();
    s.name = SLV_STR("without being named");
    CHECK(!taken(&s));
    s = example();
    s.tag_count = 1; /* and no tag */
    CHECK(!taken(&s));
    s = example();
    s.window_bits = 16;
    CHECK(!taken(&s));
    s = example();
    s.gone = true; /* and no end */
    CHECK(!taken(&s));
    CHECK(slv_handed_event_put(&e, &events) == SLV_OK);
    s.event_count = 1;
    s.events = slv_buf_view(&events);
    CHECK(taken(&s));
    s.gone = false;
    CHECK(!taken(&s));
    s.gone = true;
    e = (slv_handed_event){.what = SLV_SOCKET_TEXT, .data = SLV_STR("after the end")};
    CHECK(slv_handed_event_put(&e, &events) == SLV_OK);
    s.event_count = 2;
    s.events = slv_buf_view(&events);
    CHECK(!taken(&s));
}

TAP_MAIN()
