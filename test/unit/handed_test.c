/* Connections on their way from one process to another: what is told of them, and the pumps that
 * stay behind. */
#include <string.h>

#include "base/mem.h"
#include "net/handed.h"
#include "support/tap.h"

static slv_handed example(void)
{
    slv_handed h = {.peer_port = 50000, .local_port = 443, .redirect_port = 8443, .secure = true};

    strcpy(h.peer, "2001:db8::1");
    strcpy(h.local, "127.0.0.1");
    strcpy(h.tls_version, "TLSv1.3");
    strcpy(h.tls_cipher, "TLS_AES_256_GCM_SHA384");
    return h;
}

TEST(what_is_told_of_a_connection_arrives)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_HANDED_MAX);
    slv_handed h = example(), got;

    h.h2 = true;
    h.received = SLV_STR("GET / HT");
    CHECK(slv_handed_put(&h, &bytes) == SLV_OK);
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_OK);
    CHECK_STR(slv_str_from(got.peer), SLV_STR("2001:db8::1"));
    CHECK_STR(slv_str_from(got.local), SLV_STR("127.0.0.1"));
    CHECK_STR(slv_str_from(got.tls_version), SLV_STR("TLSv1.3"));
    CHECK_STR(slv_str_from(got.tls_cipher), SLV_STR("TLS_AES_256_GCM_SHA384"));
    CHECK(got.peer_port == 50000 && got.local_port == 443 && got.redirect_port == 8443);
    CHECK(got.secure && got.h2 && !got.fresh);
    CHECK_STR(got.received, SLV_STR("GET / HT"));
}

TEST(what_another_process_says_is_not_believed)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_HANDED_MAX);
    slv_handed h = example(), got;

    CHECK(slv_handed_put(&h, &bytes) == SLV_OK);
    for (size_t n = 0; n < bytes.len; n++) /* any piece of it */
        CHECK(slv_handed_get(slv_str_make(bytes.ptr, n), &got) == SLV_E_PARSE);
    bytes.ptr[0] = 8; /* an unknown flag */
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_E_PARSE);
    bytes.ptr[0] = 4; /* HTTP/2 without TLS */
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_E_PARSE);
    bytes.ptr[0] = 1;
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_OK);
    bytes.ptr[8] = '\n'; /* in the address */
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_E_PARSE);
}

TEST(an_address_may_be_as_long_as_there_is_room_for_and_no_longer)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_HANDED_MAX);
    slv_handed h = {.peer_port = 1}, got;

    memset(h.peer, 'a', sizeof h.peer - 1);
    CHECK(slv_handed_put(&h, &bytes) == SLV_OK);
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_OK);
    CHECK(strlen(got.peer) == sizeof h.peer - 1);
    slv_buf_reset(&bytes);
    CHECK(slv_buf_append(&bytes, slv_str_make("\0\0\0\0\0\0\0", 7)) == SLV_OK);
    CHECK(slv_buf_append_u8(&bytes, sizeof h.peer) == SLV_OK);
    for (size_t i = 0; i < sizeof h.peer; i++)
        CHECK(slv_buf_append_u8(&bytes, 'a') == SLV_OK);
    CHECK(slv_buf_append(&bytes, slv_str_make("\0\0\0", 3)) == SLV_OK);
    CHECK(slv_handed_get(slv_buf_view(&bytes), &got) == SLV_E_PARSE);
}

TAP_MAIN()
