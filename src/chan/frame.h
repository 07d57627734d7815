/*
 * frame.h - the channel's frame codec: pure functions over bytes, used by main and by isolates
 * (docs/internals/channel.md).
 *
 * Any split of the bytes gives the same frames. A message that is larger than a frame travels as
 * consecutive frames of the same type, id and flags, all but the last with SLV_FRAME_MORE; the
 * reader hands it out whole, the writer splits it. The reader is strict: an unknown type, a flag
 * that the type does not have, a non-zero reserved field, an id of the wrong kind, a type that this
 * side may not send, or a message over its limit is SLV_E_PROTOCOL, and the channel is over.
 *
 * Used by one thread at a time.
 */
#ifndef SLV_CHAN_FRAME_H
#define SLV_CHAN_FRAME_H

#include "base/buf.h"

#define SLV_CHAN_VERSION 1
#define SLV_FRAME_HEAD ((size_t)12)
#define SLV_FRAME_PAYLOAD_MAX ((size_t)65524) /* a whole frame is at most 64 KiB */
#define SLV_FRAME_MAX (SLV_FRAME_HEAD + SLV_FRAME_PAYLOAD_MAX)
#define SLV_MESSAGE_MAX ((size_t)33 << 20)      /* a 32 MiB value and what stands around it */
#define SLV_MESSAGE_SMALL_MAX ((size_t)1 << 20) /* messages that carry no user value */

typedef enum slv_frame_type {
    SLV_FRAME_HELLO = 1,
    SLV_FRAME_BLOB = 2,
    SLV_FRAME_START = 3,
    SLV_FRAME_READY = 4,
    SLV_FRAME_START_FAILED = 5,
    SLV_FRAME_EVENT = 6,
    SLV_FRAME_CANCEL = 7,
    SLV_FRAME_RESPONSE = 8,
    SLV_FRAME_END = 9,
    SLV_FRAME_OP = 10,
    SLV_FRAME_OP_CANCEL = 11,
    SLV_FRAME_RESULT = 12,
    SLV_FRAME_LOG = 13,
    SLV_FRAME_EXCEPTION = 14,
    SLV_FRAME_ASK = 15,
    SLV_FRAME_ANSWER = 16,
    SLV_FRAME_STOP = 17,
    SLV_FRAME_RPC_RESULT = 18,
    SLV_FRAME_DATA = 20,
    SLV_FRAME_CREDIT = 21,
    SLV_FRAME_FAIL = 22,
    SLV_FRAME_CANCEL_READ = 23,
    SLV_FRAME_WS_DATA = 24,
    SLV_FRAME_WS_CLOSE = 25,
    SLV_FRAME_WS_FAIL = 26,
    SLV_FRAME_CAP_DROP = 30,
    SLV_FRAME_CAP_BROKEN = 31,
    SLV_FRAME_OBJECT_OPEN = 40, /* from here on: docs/internals/objects.md */
    SLV_FRAME_OBJECT_OPENED = 41,
    SLV_FRAME_OBJECT_CLOSE = 42,
    SLV_FRAME_OBJECT_CLOSED = 43,
    SLV_FRAME_OBJECT_COMMIT = 44,
    SLV_FRAME_OBJECT_DURABLE = 45,
    SLV_FRAME_OBJECT_RESET = 46,
    SLV_FRAME_OBJECT_CHECKPOINT = 47,
    SLV_FRAME_OBJECT_CHECKPOINTED = 49,
    SLV_FRAME_OBJECT_GATE = 48,
    SLV_FRAME_SOCKET_ACCEPT = 50,
    SLV_FRAME_SOCKET_SEND = 51,
    SLV_FRAME_SOCKET_CLOSE = 52,
    SLV_FRAME_SOCKET_ATTACH = 53,
    SLV_FRAME_SOCKET_OPTIONS = 54,
    SLV_FRAME_FACET_OVER = 55,
} slv_frame_type;

enum {
    SLV_FRAME_FIN = 1,   /* BLOB, DATA: the last bytes; WS_DATA: the last bytes of the message */
    SLV_FRAME_ERROR = 1, /* RESULT, ANSWER, RPC_RESULT */
    SLV_FRAME_TEXT = 2,  /* WS_DATA, SOCKET_SEND */
    SLV_FRAME_MORE = 0x80,
};

/* Who sent the bytes that a reader reads. */
typedef enum slv_chan_side {
    SLV_CHAN_MAIN,
    SLV_CHAN_ISOLATE,
    SLV_CHAN_ANY, /* both may send every type: between loops of main */
} slv_chan_side;

typedef struct slv_frame {
    slv_frame_type type;
    uint8_t flags; /* without MORE */
    uint32_t id;
    slv_str payload; /* of a whole message, so it may be larger than a frame's */
} slv_frame;

/* ---- writing: frames are appended to a buffer whose limit the caller chose ---- */

/* A whole message, split when it must be. SLV_E_LIMIT leaves out as it was. */
SLV_NODISCARD slv_code slv_frame_put(slv_buf *out, slv_frame_type type, uint8_t flags, uint32_t id,
                                     slv_str payload);
/* To build the payload in place: begin, append to out, end. *ret_at is passed to end. */
SLV_NODISCARD slv_code slv_frame_begin(slv_buf *out, slv_frame_type type, uint8_t flags,
                                       uint32_t id, size_t *ret_at);
SLV_NODISCARD slv_code slv_frame_end(slv_buf *out, size_t at);
/* Takes back what was written since begin. */
void slv_frame_undo(slv_buf *out, size_t at);

/* ---- reading ---- */

typedef struct slv_frame_reader {
    slv_buf in; /* bytes received; from `at` on not yet handed out */
    size_t at;
    slv_buf long_message; /* pieces of a message that is larger than a frame */
    uint8_t long_type, long_flags;
    uint32_t long_id;
    bool in_long, give_long;
    slv_chan_side from;
} slv_frame_reader;

void slv_frame_reader_init(slv_frame_reader *r, slv_chan_side from);
void slv_frame_reader_done(slv_frame_reader *r);
SLV_DEFINE_CLEANUP_DONE(slv_frame_reader, slv_frame_reader_done);
/* Where to read to: at least want bytes (at most 1 MiB) at *ret_ptr, *ret_room of them. Ends the
 * life of frames handed out. */
SLV_NODISCARD slv_code slv_frame_reader_room(slv_frame_reader *r, size_t want, char **ret_ptr,
                                             size_t *ret_room);
void slv_frame_reader_got(slv_frame_reader *r, size_t n);
/* The next message, borrowed until the next call of next or room. SLV_E_AGAIN: not there yet.
 * SLV_E_PROTOCOL. */
SLV_NODISCARD slv_code slv_frame_reader_next(slv_frame_reader *r, slv_frame *ret, slv_err *err);

/* Checks a head (type, flags, id, direction) as the reader does. */
SLV_NODISCARD slv_code slv_frame_check(slv_chan_side from, uint8_t type, uint8_t flags, uint32_t id,
                                       slv_err *err);
const char *slv_frame_type_name(unsigned type); /* "EVENT"; "?" when unknown */
/* The most bytes that a message of this type may have. */
size_t slv_message_limit(slv_frame_type type);

#endif
