#include "chan/frame.h"

#define READ_MAX ((size_t)1 << 20)
/* A reader gives memory back when its buffers are empty and larger than this. */
#define KEEP_MAX ((size_t)256 << 10)

enum {
    FROM_MAIN = 1,
    FROM_ISOLATE = 2,
};

/* What a head of each type may look like. */
typedef struct frame_rule {
    const char *name;
    uint8_t from;  /* who may send it */
    uint8_t flags; /* which it may have */
    bool has_id;
    bool large; /* may carry a user's value, so that it may be as long as one */
    bool fixed; /* never continued in another frame */
} frame_rule;

#define BOTH (FROM_MAIN | FROM_ISOLATE)
static const frame_rule rules[] = {
    [SLV_FRAME_HELLO] = {"HELLO", BOTH, 0, false, false, true},
    [SLV_FRAME_BLOB] = {"BLOB", FROM_MAIN, SLV_FRAME_FIN, true, false, true},
    [SLV_FRAME_START] = {"START", FROM_MAIN, 0, false, false, true},
    [SLV_FRAME_READY] = {"READY", FROM_ISOLATE, 0, false, false, false},
    [SLV_FRAME_START_FAILED] = {"START_FAILED", FROM_ISOLATE, 0, false, false, false},
    [SLV_FRAME_EVENT] = {"EVENT", FROM_MAIN, 0, true, true, false},
    [SLV_FRAME_CANCEL] = {"CANCEL", FROM_MAIN, 0, true, false, true},
    [SLV_FRAME_RESPONSE] = {"RESPONSE", FROM_ISOLATE, 0, true, false, false},
    [SLV_FRAME_END] = {"END", FROM_ISOLATE, 0, true, false, false},
    [SLV_FRAME_OP] = {"OP", FROM_ISOLATE, 0, true, true, false},
    [SLV_FRAME_OP_CANCEL] = {"OP_CANCEL", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_RESULT] = {"RESULT", FROM_MAIN, SLV_FRAME_ERROR, true, true, false},
    [SLV_FRAME_LOG] = {"LOG", FROM_ISOLATE, 0, false, false, false},
    [SLV_FRAME_EXCEPTION] = {"EXCEPTION", FROM_ISOLATE, 0, false, false, false},
    [SLV_FRAME_ASK] = {"ASK", FROM_ISOLATE, 0, true, true, false},
    [SLV_FRAME_ANSWER] = {"ANSWER", FROM_MAIN, SLV_FRAME_ERROR, true, true, false},
    [SLV_FRAME_STOP] = {"STOP", FROM_MAIN, 0, false, false, true},
    [SLV_FRAME_RPC_RESULT] = {"RPC_RESULT", FROM_ISOLATE, SLV_FRAME_ERROR, true, true, false},
    [SLV_FRAME_DATA] = {"DATA", BOTH, SLV_FRAME_FIN, true, false, true},
    [SLV_FRAME_CREDIT] = {"CREDIT", BOTH, 0, true, false, true},
    [SLV_FRAME_FAIL] = {"FAIL", BOTH, 0, true, false, true},
    [SLV_FRAME_CANCEL_READ] = {"CANCEL_READ", BOTH, 0, true, false, true},
    [SLV_FRAME_WS_DATA] = {"WS_DATA", BOTH, SLV_FRAME_FIN | SLV_FRAME_TEXT, true, false, true},
    [SLV_FRAME_WS_CLOSE] = {"WS_CLOSE", BOTH, 0, true, false, true},
    [SLV_FRAME_WS_FAIL] = {"WS_FAIL", BOTH, 0, true, false, true},
    [SLV_FRAME_CAP_DROP] = {"CAP_DROP", BOTH, 0, false, false, true},
    [SLV_FRAME_CAP_BROKEN] = {"CAP_BROKEN", FROM_MAIN, 0, false, false, false},
    [SLV_FRAME_OBJECT_OPEN] = {"OBJECT_OPEN", FROM_MAIN, 0, true, false, true},
    [SLV_FRAME_OBJECT_OPENED] = {"OBJECT_OPENED", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_OBJECT_CLOSE] = {"OBJECT_CLOSE", FROM_MAIN, 0, true, false, false},
    [SLV_FRAME_OBJECT_CLOSED] = {"OBJECT_CLOSED", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_OBJECT_COMMIT] = {"OBJECT_COMMIT", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_OBJECT_DURABLE] = {"OBJECT_DURABLE", FROM_MAIN, 0, true, false, true},
    [SLV_FRAME_OBJECT_RESET] = {"OBJECT_RESET", FROM_ISOLATE, 0, true, false, false},
    [SLV_FRAME_OBJECT_CHECKPOINT] = {"OBJECT_CHECKPOINT", FROM_MAIN, 0, true, false, true},
    [SLV_FRAME_OBJECT_CHECKPOINTED] = {"OBJECT_CHECKPOINTED", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_OBJECT_GATE] = {"OBJECT_GATE", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_SOCKET_ACCEPT] = {"SOCKET_ACCEPT", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_SOCKET_SEND] = {"SOCKET_SEND", FROM_ISOLATE, SLV_FRAME_TEXT, true, true, false},
    [SLV_FRAME_SOCKET_CLOSE] = {"SOCKET_CLOSE", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_SOCKET_ATTACH] = {"SOCKET_ATTACH", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_SOCKET_OPTIONS] = {"SOCKET_OPTIONS", FROM_ISOLATE, 0, true, false, true},
    [SLV_FRAME_FACET_OVER] = {"FACET_OVER", FROM_MAIN, 0, true, false, false},
};

static const frame_rule *rule_of(unsigned type)
{
    return type < SLV_ARRAY_LEN(rules) && rules[type].name ? &rules[type] : NULL;
}

/* LOG and EXCEPTION name an event, or 0 for module scope. */
static bool id_is_free(unsigned type)
{
    return type == SLV_FRAME_LOG || type == SLV_FRAME_EXCEPTION;
}

const char *slv_frame_type_name(unsigned type)
{
    const frame_rule *rule = rule_of(type);

    return rule ? rule->name : "?";
}

size_t slv_message_limit(slv_frame_type type)
{
    const frame_rule *rule = rule_of((unsigned)type);

    if (!rule || rule->fixed)
        return SLV_FRAME_PAYLOAD_MAX;
    return rule->large ? SLV_MESSAGE_MAX : SLV_MESSAGE_SMALL_MAX;
}

slv_code slv_frame_check(slv_chan_side from, uint8_t type, uint8_t flags, uint32_t id, slv_err *err)
{
    const frame_rule *rule = rule_of(type);

    if (!rule)
        return slv_fail(err, SLV_E_PROTOCOL, "frame of unknown type %u", type);
    if ((from == SLV_CHAN_MAIN && !(rule->from & FROM_MAIN)) ||
        (from == SLV_CHAN_ISOLATE && !(rule->from & FROM_ISOLATE)))
        return slv_fail(err, SLV_E_PROTOCOL, "%s from the wrong side", rule->name);
    if (flags & ~(rule->flags | (rule->fixed ? 0 : SLV_FRAME_MORE)))
        return slv_fail(err, SLV_E_PROTOCOL, "%s with flags 0x%02x", rule->name, flags);
    if (!id_is_free(type) && (id != 0) != rule->has_id)
        return slv_fail(err, SLV_E_PROTOCOL, "%s with id %u", rule->name, id);
    return SLV_OK;
}

/* ---- writing ---- */

static void put_head(char *p, size_t len, uint8_t type, uint8_t flags, uint32_t id)
{
    const uint32_t words[3] = {(uint32_t)len, (uint32_t)(type | flags << 8), id};

    memcpy(p, words, sizeof words); /* little-endian machines only: meson.build refuses others */
}

slv_code slv_frame_begin(slv_buf *out, slv_frame_type type, uint8_t flags, uint32_t id,
                         size_t *ret_at)
{
    size_t at = out->len;

    SLV_TRY(slv_buf_reserve(out, SLV_FRAME_HEAD));
    put_head(out->ptr + at, 0, (uint8_t)type, flags, id);
    out->len += SLV_FRAME_HEAD;
    *ret_at = at;
    return SLV_OK;
}

/* The payload stands in one piece behind the first head: spreads it, last piece first, and puts the
 * heads between. */
static slv_code split(slv_buf *out, size_t at, size_t len)
{
    size_t pieces = (len + SLV_FRAME_PAYLOAD_MAX - 1) / SLV_FRAME_PAYLOAD_MAX;
    uint8_t type = (uint8_t)out->ptr[at + 4], flags = (uint8_t)out->ptr[at + 5];
    uint32_t id;

    memcpy(&id, out->ptr + at + 8, sizeof id);
    SLV_TRY(slv_buf_reserve(out, (pieces - 1) * SLV_FRAME_HEAD));
    for (size_t i = pieces; i-- > 0;) {
        size_t from = i * SLV_FRAME_PAYLOAD_MAX;
        size_t n = SLV_MIN(len - from, SLV_FRAME_PAYLOAD_MAX);
        char *head = out->ptr + at + i * SLV_FRAME_MAX;

        memmove(head + SLV_FRAME_HEAD, out->ptr + at + SLV_FRAME_HEAD + from, n);
        put_head(head, n, type, (uint8_t)(flags | (i + 1 < pieces ? SLV_FRAME_MORE : 0)), id);
    }
    out->len += (pieces - 1) * SLV_FRAME_HEAD;
    return SLV_OK;
}

slv_code slv_frame_end(slv_buf *out, size_t at)
{
    size_t len = out->len - at - SLV_FRAME_HEAD;
    const uint32_t word = (uint32_t)len;

    if (SLV_LIKELY(len <= SLV_FRAME_PAYLOAD_MAX)) {
        memcpy(out->ptr + at, &word, sizeof word);
        return SLV_OK;
    }
    if (len > slv_message_limit((slv_frame_type)(uint8_t)out->ptr[at + 4]))
        return SLV_E_LIMIT;
    return split(out, at, len);
}

void slv_frame_undo(slv_buf *out, size_t at)
{
    out->len = at;
}

slv_code slv_frame_put(slv_buf *out, slv_frame_type type, uint8_t flags, uint32_t id,
                       slv_str payload)
{
    size_t at;

    SLV_TRY(slv_frame_begin(out, type, flags, id, &at));
    slv_code code = slv_buf_append(out, payload);
    if (code == SLV_OK)
        code = slv_frame_end(out, at);
    if (code != SLV_OK)
        slv_frame_undo(out, at);
    return code;
}

/* ---- reading ---- */

void slv_frame_reader_init(slv_frame_reader *r, slv_chan_side from)
{
    memset(r, 0, sizeof *r);
    r->in.limit = READ_MAX + SLV_FRAME_MAX;
    r->long_message.limit = SLV_MESSAGE_MAX;
    r->from = from;
}

void slv_frame_reader_done(slv_frame_reader *r)
{
    slv_buf_done(&r->in);
    slv_buf_done(&r->long_message);
}

static void drop_given(slv_frame_reader *r)
{
    if (!r->give_long)
        return;
    r->give_long = false;
    slv_buf_reset(&r->long_message);
    if (r->long_message.cap > KEEP_MAX)
        slv_buf_done(&r->long_message);
}

slv_code slv_frame_reader_room(slv_frame_reader *r, size_t want, char **ret_ptr, size_t *ret_room)
{
    drop_given(r);
    slv_buf_consume(&r->in, r->at); /* at most the begin of one frame is moved */
    r->at = 0;
    if (r->in.len == 0 && r->in.cap > KEEP_MAX)
        slv_buf_done(&r->in);
    SLV_TRY(slv_buf_reserve(&r->in, SLV_MIN(want, READ_MAX)));
    *ret_ptr = r->in.ptr + r->in.len;
    *ret_room = r->in.cap - r->in.len;
    return SLV_OK;
}

void slv_frame_reader_got(slv_frame_reader *r, size_t n)
{
    SLV_ASSERT(n <= r->in.cap - r->in.len);
    r->in.len += n;
}

/* A frame that begins, continues or ends a long message. SLV_E_AGAIN until it ends. */
static slv_code take_piece(slv_frame_reader *r, slv_frame *f, bool more, slv_err *err)
{
    size_t limit = slv_message_limit(f->type);

    if (!r->in_long) {
        r->long_type = (uint8_t)f->type;
        r->long_flags = f->flags;
        r->long_id = f->id;
    }
    if (f->payload.len == 0 || f->payload.len > limit - r->long_message.len)
        return slv_fail(err, SLV_E_PROTOCOL, "%s continued %s", slv_frame_type_name(f->type),
                        f->payload.len == 0 ? "by nothing" : "over its limit");
    if (slv_buf_append(&r->long_message, f->payload) != SLV_OK)
        return slv_fail(err, SLV_E_NOMEM, "no memory for a message");
    r->in_long = more;
    if (more)
        return SLV_E_AGAIN;
    f->payload = slv_buf_view(&r->long_message);
    r->give_long = true;
    return SLV_OK;
}

/* One frame from the bytes at hand; *ret_more as its flag says. */
static slv_code take_frame(slv_frame_reader *r, slv_frame *f, bool *ret_more, slv_err *err)
{
    size_t have = r->in.len - r->at;
    const char *p = r->in.ptr + r->at;
    uint32_t words[3];

    if (have < SLV_FRAME_HEAD)
        return SLV_E_AGAIN;
    memcpy(words, p, sizeof words);
    uint8_t type = (uint8_t)words[1], flags = (uint8_t)(words[1] >> 8);
    if (words[0] > SLV_FRAME_PAYLOAD_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "frame of %u bytes", words[0]);
    if (words[1] >> 16 != 0)
        return slv_fail(err, SLV_E_PROTOCOL, "frame with reserved bits");
    SLV_TRY(slv_frame_check(r->from, type, flags, words[2], err));
    *ret_more = flags & SLV_FRAME_MORE;
    flags &= (uint8_t)~SLV_FRAME_MORE;
    if (r->in_long && (type != r->long_type || flags != r->long_flags || words[2] != r->long_id))
        return slv_fail(err, SLV_E_PROTOCOL, "%s inside a continued %s", slv_frame_type_name(type),
                        slv_frame_type_name(r->long_type));
    if (have - SLV_FRAME_HEAD < words[0])
        return SLV_E_AGAIN;
    *f = (slv_frame){(slv_frame_type)type, flags, words[2],
                     slv_str_make(p + SLV_FRAME_HEAD, words[0])};
    r->at += SLV_FRAME_HEAD + words[0];
    return SLV_OK;
}

slv_code slv_frame_reader_next(slv_frame_reader *r, slv_frame *ret, slv_err *err)
{
    slv_code code;
    bool more = false;

    drop_given(r);
    do {
        SLV_TRY(take_frame(r, ret, &more, err));
        if (SLV_LIKELY(!more && !r->in_long))
            return SLV_OK;
        code = take_piece(r, ret, more, err);
    } while (code == SLV_E_AGAIN);
    return code;
}
