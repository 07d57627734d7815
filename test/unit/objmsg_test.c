/* Payloads of the frames of Durable Objects: what is written is read again, and nothing else is. */
#include "base/buf.h"
#include "chan/objmsg.h"
#include "support/tap.h"

#define ID SLV_STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")

/* Every shorter payload, and one with a byte more, is refused. */
#define CHECK_STRICT(buf, get, m)                                                                  \
    do {                                                                                           \
        for (size_t n_ = 0; n_ < (buf).len; n_++)                                                  \
            CHECK_INT(get(slv_str_sub(slv_buf_view(&(buf)), 0, n_), m), SLV_E_PROTOCOL);           \
        CHECK_INT(slv_buf_append_byte(&(buf), 'x'), SLV_OK);                                       \
        CHECK_INT(get(slv_buf_view(&(buf)), m), SLV_E_PROTOCOL);                                   \
    } while (0)

TEST(open_tells_an_isolate_what_the_object_is)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);
    slv_msg_object_open m = {.class_name = SLV_STR("Counter"),
                             .id = ID,
                             .bits = SLV_OBJECT_NAMED | SLV_OBJECT_SQL,
                             .name = SLV_STR("Zoë"),
                             .jurisdiction = SLV_STR("eu"),
                             .epoch = 7,
                             .alarm_ms = SLV_OBJECT_NO_ALARM,
                             .next_socket = 3,
                             .sockets = 2};
    slv_msg_object_open got;

    CHECK_INT(slv_msg_object_open_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_object_open_get(slv_buf_view(&b), &got), SLV_OK);
    CHECK_STR(got.class_name, m.class_name);
    CHECK_STR(got.id, m.id);
    CHECK_STR(got.name, m.name);
    CHECK_STR(got.jurisdiction, m.jurisdiction);
    CHECK_INT(got.bits, 3);
    CHECK_INT(got.epoch, 7);
    CHECK_INT(got.alarm_ms, -1);
    CHECK_INT(got.next_socket, 3);
    CHECK_INT(got.sockets, 2);
    CHECK_STRICT(b, slv_msg_object_open_get, &got);

    m.bits = SLV_OBJECT_SQL; /* a name without the bit */
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_object_open_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_object_open_get(slv_buf_view(&b), &got), SLV_E_PROTOCOL);
    m.name = SLV_STR_NULL;
    m.next_socket = 0;
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_object_open_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_object_open_get(slv_buf_view(&b), &got), SLV_E_PROTOCOL);
}

TEST(commits_are_numbered_and_tell_the_alarm)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);
    slv_msg_object_commit m = {
        .seq = 9, .unconfirmed = true, .alarm = SLV_ALARM_SET, .alarm_ms = 5};
    slv_msg_object_commit got;

    CHECK_INT(slv_msg_object_commit_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_object_commit_get(slv_buf_view(&b), &got), SLV_OK);
    CHECK_INT(got.seq, 9);
    CHECK(got.unconfirmed);
    CHECK_INT(got.alarm, SLV_ALARM_SET);
    CHECK_INT(got.alarm_ms, 5);
    CHECK_STRICT(b, slv_msg_object_commit_get, &got);
    static const slv_msg_object_commit wrong[] = {
        {.seq = 0},
        {.seq = 1, .alarm = SLV_ALARM_SAME, .alarm_ms = 5},
        {.seq = 1, .alarm = SLV_ALARM_NONE, .alarm_ms = 5},
        {.seq = 1, .alarm = SLV_ALARM_SET, .alarm_ms = -1},
        {.seq = 1, .alarm = (slv_alarm_change)3},
    };
    for (size_t i = 0; i < SLV_ARRAY_LEN(wrong); i++) {
        slv_buf_reset(&b);
        CHECK_INT(slv_msg_object_commit_put(&b, &wrong[i]), SLV_OK);
        CHECK_INT(slv_msg_object_commit_get(slv_buf_view(&b), &got), SLV_E_PROTOCOL);
    }
}

TEST(a_socket_has_ten_tags_at_most)
{
    SLV_CLEANUP(slv_buf_done) slv_buf tags = SLV_BUF(65536);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(65536);
    slv_msg_socket_accept got;

    for (uint16_t n = 0; n <= SLV_SOCKET_TAGS_MAX + 1; n++) {
        slv_msg_socket_accept m = {.socket = 4, .count = n};

        slv_buf_reset(&b);
        m.tags = slv_buf_view(&tags);
        CHECK_INT(slv_msg_socket_accept_put(&b, &m), SLV_OK);
        CHECK_INT(slv_msg_socket_accept_get(slv_buf_view(&b), &got),
                  n <= SLV_SOCKET_TAGS_MAX ? SLV_OK : SLV_E_PROTOCOL);
        if (n == SLV_SOCKET_TAGS_MAX) {
            CHECK_INT(got.socket, 4);
            CHECK_STR(got.tags, slv_buf_view(&tags));
        }
        CHECK_INT(slv_msg_str_put(&tags, SLV_STR("tag")), SLV_OK);
    }
}

TEST(tags_and_attachments_have_a_length)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(65536);
    SLV_CLEANUP(slv_buf_done) slv_buf tags = SLV_BUF(65536);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(65536);
    slv_msg_socket_accept accept;
    slv_msg_socket_bytes bytes;

    while (text.len <= SLV_SOCKET_ATTACHMENT_MAX)
        CHECK_INT(slv_buf_append_byte(&text, 'a'), SLV_OK);
    for (int over = 0; over <= 1; over++) {
        const slv_msg_socket_bytes m = {
            1, slv_str_sub(slv_buf_view(&text), 0, SLV_SOCKET_ATTACHMENT_MAX + (size_t)over)};

        slv_buf_reset(&b);
        CHECK_INT(slv_msg_socket_attach_put(&b, &m), SLV_OK);
        CHECK_INT(slv_msg_socket_attach_get(slv_buf_view(&b), &bytes),
                  over ? SLV_E_PROTOCOL : SLV_OK);

        slv_buf_reset(&tags);
        CHECK_INT(slv_msg_str_put(&tags, slv_str_sub(slv_buf_view(&text), 0,
                                                     SLV_SOCKET_TAG_MAX + (size_t)over)),
                  SLV_OK);
        const slv_msg_socket_accept a = {.socket = 1, .count = 1, .tags = slv_buf_view(&tags)};
        slv_buf_reset(&b);
        CHECK_INT(slv_msg_socket_accept_put(&b, &a), SLV_OK);
        CHECK_INT(slv_msg_socket_accept_get(slv_buf_view(&b), &accept),
                  over ? SLV_E_PROTOCOL : SLV_OK);
    }
}

TEST(events_name_their_object)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);
    slv_msg_event m = {.kind = SLV_EVENT_ALARM,
                       .alarm = {.object = 5, .scheduled_ms = 99, .retries = 2, .last = true}};
    slv_msg_event got;

    CHECK_INT(slv_msg_event_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_event_get(slv_buf_view(&b), &got), SLV_OK);
    CHECK_INT(got.alarm.object, 5);
    CHECK_INT(got.alarm.scheduled_ms, 99);
    CHECK_INT(got.alarm.retries, 2);
    CHECK(got.alarm.last);
    CHECK_STRICT(b, slv_msg_event_get, &got);

    m = (slv_msg_event){.kind = SLV_EVENT_SOCKET,
                        .socket = {.object = 5,
                                   .socket = 6,
                                   .what = SLV_SOCKET_CLOSED,
                                   .code = 1000,
                                   .clean = true,
                                   .data = SLV_STR("bye")}};
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_event_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_event_get(slv_buf_view(&b), &got), SLV_OK);
    CHECK_INT(got.socket.code, 1000);
    CHECK_STR(got.socket.data, SLV_STR("bye"));
    CHECK_STRICT(b, slv_msg_event_get, &got);
    m.socket.what = SLV_SOCKET_TEXT; /* a message has no code */
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_event_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_event_get(slv_buf_view(&b), &got), SLV_E_PROTOCOL);

    m = (slv_msg_event){.kind = SLV_EVENT_FETCH,
                        .fetch = {.bits = SLV_FETCH_OBJECT, .body_length = -1, .object = 7}};
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_event_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_event_get(slv_buf_view(&b), &got), SLV_OK);
    CHECK_INT(got.fetch.object, 7);
    m.fetch.object = 0;
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_event_put(&b, &m), SLV_OK);
    CHECK_INT(slv_msg_event_get(slv_buf_view(&b), &got), SLV_E_PROTOCOL);
}

TEST(questions_by_their_kinds)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);
    slv_msg_ask_object m = {.object = 1, .tagged = true, .tag = SLV_STR("t"), .socket = 4}, got;

    CHECK_INT(slv_msg_ask_object_put(&b, SLV_ASK_SOCKETS, &m), SLV_OK);
    CHECK_INT(slv_msg_ask_object_get(SLV_ASK_SOCKETS, slv_buf_view(&b), &got), SLV_OK);
    CHECK_STR(got.tag, SLV_STR("t"));
    CHECK_INT(slv_msg_ask_object_get(SLV_ASK_SOCKET, slv_buf_view(&b), &got), SLV_E_PROTOCOL);
    slv_buf_reset(&b);
    CHECK_INT(slv_msg_ask_object_put(&b, SLV_ASK_SOCKET, &m), SLV_OK);
    CHECK_INT(slv_msg_ask_object_get(SLV_ASK_SOCKET, slv_buf_view(&b), &got), SLV_OK);
    CHECK_INT(got.socket, 4);
    CHECK_INT(slv_msg_ask_object_get((slv_ask_kind)9, slv_buf_view(&b), &got), SLV_E_PROTOCOL);
}

TAP_MAIN()
