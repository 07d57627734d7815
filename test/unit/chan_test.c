#include <stdio.h>

#include "base/fault.h"
#include "base/mem.h"
#include "chan/flow.h"
#include "chan/frame.h"
#include "chan/msg.h"
#include "chan/record.h"
#include "support/tap.h"

/* ---- the codec ---- */

/* Appends a random message that the isolate may send; its payload is a function of `n`. */
static slv_code put_random(slv_buf *out, slv_prng *rng, unsigned n)
{
    static const slv_frame_type types[] = {SLV_FRAME_EXCEPTION, SLV_FRAME_OP, SLV_FRAME_DATA,
                                           SLV_FRAME_RESPONSE, SLV_FRAME_RPC_RESULT};
    slv_frame_type type = types[slv_prng_below(rng, SLV_ARRAY_LEN(types))];
    size_t len =
        slv_prng_below(rng, 8) == 0 ? slv_prng_below(rng, 300000) : slv_prng_below(rng, 200);
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(1 << 20);

    if (type == SLV_FRAME_DATA)
        len = SLV_MIN(len, SLV_FRAME_PAYLOAD_MAX);
    SLV_TRY(slv_buf_reserve(&payload, len));
    for (size_t i = 0; i < len; i++)
        payload.ptr[i] = (char)(n + i);
    payload.len = len;
    return slv_frame_put(out, type, type == SLV_FRAME_DATA ? SLV_FRAME_FIN : 0, n + 1,
                         slv_buf_view(&payload));
}

/* Reads bytes in pieces of at most `piece` (0: random sizes); a digest of the frames. -1: an error.
 */
static int64_t digest(slv_str bytes, size_t piece, slv_prng *rng, slv_chan_side from)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader r;
    int64_t sum = 0;

    slv_frame_reader_init(&r, from);
    while (bytes.len > 0) {
        size_t n = piece ? piece : slv_prng_below(rng, 70000) + 1, room;
        slv_frame f;
        slv_code code;
        char *to;

        n = SLV_MIN(n, bytes.len);
        if (slv_frame_reader_room(&r, n, &to, &room) != SLV_OK || room < n)
            return -1;
        memcpy(to, bytes.ptr, n);
        slv_frame_reader_got(&r, n);
        bytes = slv_str_skip(bytes, n);
        while ((code = slv_frame_reader_next(&r, &f, NULL)) == SLV_OK)
            sum = (sum * 31 + f.type * 7 + f.flags * 5 + f.id + (int64_t)f.payload.len * 3 +
                   (f.payload.len > 0 ? f.payload.ptr[f.payload.len - 1] : 0)) &
                  0xffffffffffff;
        if (code != SLV_E_AGAIN)
            return -1;
    }
    return sum;
}

TEST(any_split_of_the_bytes_gives_the_same_frames)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());
    for (int round = 0; round < 5; round++) {
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(64 << 20);

        for (unsigned n = 0; n < 60; n++)
            CHECK(put_random(&bytes, &rng, n) == SLV_OK);
        int64_t whole = digest(slv_buf_view(&bytes), 1 << 20, &rng, SLV_CHAN_ISOLATE);
        CHECK(whole > 0);
        for (int i = 0; i < 10; i++)
            CHECK(digest(slv_buf_view(&bytes), 0, &rng, SLV_CHAN_ISOLATE) == whole);
        CHECK(digest(slv_buf_view(&bytes), 13, &rng, SLV_CHAN_ISOLATE) == whole);
    }
}

TEST(a_message_at_a_frames_limit_is_one_frame_and_one_byte_more_is_two)
{
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf one = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf two = SLV_BUF(1 << 20);

    CHECK(slv_buf_reserve(&payload, SLV_FRAME_PAYLOAD_MAX + 1) == SLV_OK);
    memset(payload.ptr, 'x', SLV_FRAME_PAYLOAD_MAX + 1);
    payload.len = SLV_FRAME_PAYLOAD_MAX;
    CHECK(slv_frame_put(&one, SLV_FRAME_OP, 0, 1, slv_buf_view(&payload)) == SLV_OK);
    CHECK_INT(one.len, SLV_FRAME_MAX);
    payload.len++;
    CHECK(slv_frame_put(&two, SLV_FRAME_OP, 0, 1, slv_buf_view(&payload)) == SLV_OK);
    CHECK_INT(two.len, SLV_FRAME_MAX + SLV_FRAME_HEAD + 1);
    CHECK_INT((unsigned char)two.ptr[5], SLV_FRAME_MORE);
    /* DATA is never continued */
    slv_buf_reset(&two);
    CHECK_INT(slv_frame_put(&two, SLV_FRAME_DATA, 0, 1, slv_buf_view(&payload)), SLV_E_LIMIT);
    CHECK_INT(two.len, 0);
}

static slv_code read_head(slv_chan_side from, uint32_t len, uint8_t type, uint8_t flags,
                          uint16_t zero, uint32_t id)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader r;
    const uint32_t words[3] = {len, (uint32_t)(type | flags << 8 | zero << 16), id};
    slv_frame f;
    size_t room;
    char *to;

    slv_frame_reader_init(&r, from);
    if (slv_frame_reader_room(&r, 64, &to, &room) != SLV_OK)
        return SLV_E_NOMEM;
    memcpy(to, words, sizeof words);
    slv_frame_reader_got(&r, sizeof words);
    return slv_frame_reader_next(&r, &f, NULL);
}

TEST(a_head_that_breaks_a_rule_is_a_violation)
{
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_FIN, 0, 1), SLV_OK);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 65525, SLV_FRAME_DATA, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 65524, SLV_FRAME_DATA, 0, 0, 1), SLV_E_AGAIN);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, 0, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, 19, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, 255, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, 2, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_MORE, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_FIN, 1, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_DATA, SLV_FRAME_FIN, 0, 0), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 4, SLV_FRAME_HELLO, 0, 0, 5), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_EVENT, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_MAIN, 0, SLV_FRAME_END, 0, 0, 1), SLV_E_PROTOCOL);
    CHECK_INT(read_head(SLV_CHAN_ANY, 0, SLV_FRAME_EVENT, 0, 0, 1), SLV_OK);
    /* a continued message that goes on with nothing */
    CHECK_INT(read_head(SLV_CHAN_ISOLATE, 0, SLV_FRAME_OP, SLV_FRAME_MORE, 0, 1), SLV_E_PROTOCOL);
}

TEST(nothing_may_come_between_the_frames_of_a_message)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(1 << 20);
    slv_prng rng = {{0}};
    size_t at;

    CHECK(slv_frame_begin(&bytes, SLV_FRAME_OP, SLV_FRAME_MORE, 7, &at) == SLV_OK);
    CHECK(slv_buf_append(&bytes, SLV_STR("abc")) == SLV_OK);
    CHECK(slv_frame_end(&bytes, at) == SLV_OK);
    CHECK(slv_frame_put(&bytes, SLV_FRAME_OP, 0, 8, SLV_STR("other id")) == SLV_OK);
    CHECK(digest(slv_buf_view(&bytes), 1 << 20, &rng, SLV_CHAN_ISOLATE) == -1);
}

TEST(a_message_over_its_limit_is_refused_by_both_sides)
{
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(2 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 << 20);
    slv_prng rng = {{0}};

    CHECK(slv_buf_reserve(&big, SLV_MESSAGE_SMALL_MAX + 1) == SLV_OK);
    memset(big.ptr, 'y', SLV_MESSAGE_SMALL_MAX + 1);
    big.len = SLV_MESSAGE_SMALL_MAX;
    CHECK(slv_frame_put(&out, SLV_FRAME_RESPONSE, 0, 1, slv_buf_view(&big)) == SLV_OK);
    CHECK(digest(slv_buf_view(&out), 1 << 20, &rng, SLV_CHAN_ISOLATE) > 0);
    big.len++;
    slv_buf_reset(&out);
    CHECK_INT(slv_frame_put(&out, SLV_FRAME_RESPONSE, 0, 1, slv_buf_view(&big)), SLV_E_LIMIT);
    /* as a cheating sender would: the last piece one byte longer */
    big.len = SLV_MESSAGE_SMALL_MAX;
    CHECK(slv_frame_put(&out, SLV_FRAME_OP, 0, 1, slv_buf_view(&big)) == SLV_OK);
    for (size_t i = 0; i < out.len;) {
        uint32_t len;

        memcpy(&len, out.ptr + i, 4);
        out.ptr[i + 4] = SLV_FRAME_RESPONSE;
        i += SLV_FRAME_HEAD + len;
        if (i == out.len) {
            len++;
            memcpy(out.ptr + i - SLV_FRAME_HEAD - len + 1, &len, 4);
        }
    }
    CHECK(slv_buf_append_byte(&out, 'z') == SLV_OK);
    CHECK(digest(slv_buf_view(&out), 1 << 20, &rng, SLV_CHAN_ISOLATE) == -1);
}

TEST(without_memory_nothing_is_half_written)
{
    for (unsigned long n = 1; n < 6; n++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
        SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(1 << 20);

        CHECK(slv_buf_reserve(&big, 200000) == SLV_OK);
        memset(big.ptr, 'b', 200000);
        big.len = 200000;
        CHECK(slv_frame_put(&out, SLV_FRAME_DATA, 0, 1, SLV_STR("x")) == SLV_OK);
        size_t before = out.len;
        slv_fault_arm(SLV_FAULT_ALLOC, n);
        slv_code code = slv_frame_put(&out, SLV_FRAME_OP, 0, 1, slv_buf_view(&big));
        bool fired = slv_fault_fired(SLV_FAULT_ALLOC);
        slv_fault_arm(SLV_FAULT_ALLOC, 0);
        CHECK((code == SLV_OK) == !fired);
        CHECK(code == SLV_OK || out.len == before);
    }
}

/* ---- messages ---- */

TEST(messages_read_as_they_were_written)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(1 << 10);
    slv_msg_event ev = {.kind = SLV_EVENT_FETCH}, got;
    slv_msg_op op = {.event = 9, .kind = SLV_OP_RPC}, got_op;

    ev.fetch = (slv_msg_event_fetch){.bits = SLV_FETCH_INLINE | SLV_FETCH_OUTSIDE,
                                     .body_length = 4,
                                     .method = SLV_STR("POST"),
                                     .url = SLV_STR("http://a/"),
                                     .headers = SLV_STR("a:b\n"),
                                     .entrypoint = SLV_STR("E"),
                                     .body = SLV_STR("body")};
    CHECK(slv_msg_event_put(&out, &ev) == SLV_OK);
    CHECK(slv_msg_event_get(slv_buf_view(&out), &got) == SLV_OK);
    CHECK_STR(got.fetch.url, ev.fetch.url);
    CHECK_STR(got.fetch.body, ev.fetch.body);
    CHECK_STR(got.fetch.entrypoint, ev.fetch.entrypoint);

    CHECK(slv_msg_cap_add(&raw, SLV_CAP_CALLABLE, 5) == SLV_OK);
    CHECK(slv_msg_cap_add(&raw, SLV_CAP_READ, 7) == SLV_OK);
    op.rpc = (slv_msg_rpc){.target_kind = SLV_RPC_CAPABILITY,
                           .target = 4,
                           .path = SLV_STR("a\0b"),
                           .args = SLV_STR("args"),
                           .caps = {2, slv_buf_view(&raw)}};
    slv_buf_reset(&out);
    CHECK(slv_msg_op_put(&out, &op) == SLV_OK);
    CHECK(slv_msg_op_get(slv_buf_view(&out), &got_op) == SLV_OK);
    CHECK_INT(got_op.event, 9);
    CHECK_STR(got_op.rpc.path, op.rpc.path);
    CHECK_INT(got_op.rpc.caps.count, 2);
    CHECK_INT(slv_msg_cap_at(&got_op.rpc.caps, 1).number, 7);
    /* a byte more, and each byte less */
    CHECK(slv_buf_append_byte(&out, 0) == SLV_OK);
    CHECK_INT(slv_msg_op_get(slv_buf_view(&out), &got_op), SLV_E_PROTOCOL);
    for (size_t n = 0; n + 1 < out.len; n++)
        CHECK_INT(slv_msg_op_get(slv_str_sub(slv_buf_view(&out), 0, n), &got_op), SLV_E_PROTOCOL);
}

static slv_code response_code(slv_msg_response m)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_msg_response got;

    SLV_TRY(slv_msg_response_put(&out, &m));
    return slv_msg_response_get(slv_buf_view(&out), &got);
}

TEST(a_response_that_contradicts_itself_is_a_violation)
{
    const slv_msg_response good = {.status = 200, .body_length = -1};
    slv_msg_response m = good;

    CHECK_INT(response_code(m), SLV_OK);
    m.status = 199;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.status = 1000;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.number = 3;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.body_kind = SLV_BODY_STREAM;
    CHECK_INT(response_code(m), SLV_OK);
    m.number = 0;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.body = SLV_STR("x");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.headers = SLV_STR("a:b\r\n");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.headers = SLV_STR("a b:c\n");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m.headers = SLV_STR("a:b");
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
    m = good;
    m.status = 101;
    CHECK_INT(response_code(m), SLV_E_PROTOCOL);
}

/* ---- credits ---- */

TEST(credit_arithmetic_holds_at_its_limits)
{
    slv_flow_out out = slv_flow_out_open(SLV_FLOW_WINDOW);
    slv_flow_in in = slv_flow_in_open(SLV_FLOW_WINDOW);

    CHECK_INT(slv_flow_out_spend(&out, SLV_FLOW_WINDOW + 1), SLV_FLOW_WINDOW);
    CHECK_INT(slv_flow_out_spend(&out, 1), 0);
    CHECK_INT(slv_flow_out_grant(&out, SLV_FLOW_CREDIT_MAX), SLV_OK);
    CHECK_INT(slv_flow_out_grant(&out, 1), SLV_E_PROTOCOL);
    CHECK_INT(slv_flow_out_grant(&out, 0), SLV_E_PROTOCOL);

    CHECK_INT(slv_flow_in_arrive(&in, SLV_FLOW_WINDOW, false), SLV_OK);
    CHECK_INT(slv_flow_in_arrive(&in, 1, false), SLV_E_PROTOCOL);
    CHECK_INT(slv_flow_in_arrive(&in, 0, false), SLV_E_PROTOCOL);
    CHECK_INT(slv_flow_in_consume(&in, 1), 0);
    CHECK_INT(slv_flow_in_consume(&in, SLV_FLOW_WINDOW - 1), SLV_FLOW_WINDOW);
    CHECK_INT(slv_flow_in_arrive(&in, 0, true), SLV_OK);
    CHECK_INT(slv_flow_in_arrive(&in, 1, false), SLV_E_PROTOCOL);
}

/* ---- recordings ---- */

TEST(a_recording_reads_as_it_was_written_and_ends_cleanly_where_it_was_cut)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(4096);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(1 << 20);
    slv_record *rec = NULL;
    slv_record_reader r;
    slv_record_entry e;

    CHECK(slv_buf_printf(&path, "%s/channel.rec", tap_tmpdir()) == SLV_OK);
    CHECK(slv_record_create(slv_buf_cstr(&path), &rec, NULL) == SLV_OK);
    slv_record_add(rec, SLV_RECORD_TO_ISOLATE, SLV_STR("one"));
    slv_record_add(rec, SLV_RECORD_FROM_ISOLATE, SLV_STR("three"));
    CHECK(slv_record_close(rec, NULL) == SLV_OK);
    CHECK(tap_read_file(slv_buf_cstr(&path), &file));
    CHECK(slv_record_read(slv_buf_view(&file), &r, NULL) == SLV_OK);
    CHECK(slv_record_next(&r, &e, NULL) == SLV_OK);
    CHECK_STR(e.bytes, SLV_STR("one"));
    CHECK_INT(e.dir, SLV_RECORD_TO_ISOLATE);
    CHECK(slv_record_next(&r, &e, NULL) == SLV_OK);
    CHECK_STR(e.bytes, SLV_STR("three"));
    CHECK_INT(slv_record_next(&r, &e, NULL), SLV_E_NOTFOUND);
    file.len -= 2; /* the writer was killed */
    CHECK(slv_record_read(slv_buf_view(&file), &r, NULL) == SLV_OK);
    CHECK(slv_record_next(&r, &e, NULL) == SLV_OK);
    CHECK_INT(slv_record_next(&r, &e, NULL), SLV_E_NOTFOUND);
    CHECK_INT(slv_record_read(SLV_STR("something else"), &r, NULL), SLV_E_PARSE);
}

TAP_MAIN()
