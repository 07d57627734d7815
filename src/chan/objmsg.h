/*
 * objmsg.h - payloads of the frames that concern a Durable Object: docs/internals/objects.md in C.
 *
 * As in msg.h: put appends a payload, get reads one strictly; strings borrow. Any thread.
 */
#ifndef SLV_CHAN_OBJMSG_H
#define SLV_CHAN_OBJMSG_H

#include "chan/msg.h"

#define SLV_OBJECT_ID_LEN ((size_t)64) /* hex digits */
#define SLV_SOCKET_TAGS_MAX 10
#define SLV_SOCKET_TAG_MAX ((size_t)1024) /* bytes: 256 characters */
#define SLV_SOCKET_ATTACHMENT_MAX ((size_t)16384)
#define SLV_SOCKET_AUTO_MAX ((size_t)8192) /* bytes: 2,048 characters */
#define SLV_SOCKET_TIMEOUT_MAX 604800000u
#define SLV_OBJECT_NO_ALARM ((int64_t)-1)

enum {
    SLV_OBJECT_NAMED = 1,
    SLV_OBJECT_SQL = 2, /* the class was declared with storage of its own */
    SLV_OBJECT_FACET = 4,
};

#define SLV_FACET_DEPTH_MAX 3 /* of an object: 0 is no facet */
#define SLV_FACET_ID_MAX ((size_t)64 << 10)

typedef struct slv_msg_object_open {
    slv_str class_name, id;
    uint8_t bits;
    slv_str name, jurisdiction;
    uint64_t epoch;
    int64_t alarm_ms; /* SLV_OBJECT_NO_ALARM */
    uint32_t next_socket, sockets;
    uint8_t depth; /* of a facet, whose id is any text; else 0 */
    slv_str props; /* of a facet's class, as EVENT has those of an entrypoint */
} slv_msg_object_open;
SLV_NODISCARD slv_code slv_msg_object_open_put(slv_buf *out, const slv_msg_object_open *m);
SLV_NODISCARD slv_code slv_msg_object_open_get(slv_str payload, slv_msg_object_open *ret);

/* OBJECT_OPENED */
SLV_NODISCARD slv_code slv_msg_object_opened_put(slv_buf *out, int64_t alarm_ms);
SLV_NODISCARD slv_code slv_msg_object_opened_get(slv_str payload, int64_t *ret_alarm_ms);

typedef enum slv_close_reason {
    SLV_CLOSE_IDLE = 1, /* may be refused */
    SLV_CLOSE_UPDATE = 2,
    SLV_CLOSE_DELETED = 3,
    SLV_CLOSE_STORAGE = 4,
    SLV_CLOSE_SHUTDOWN = 5,
} slv_close_reason;

typedef struct slv_msg_object_close {
    slv_close_reason reason;
    slv_str error; /* JSON; empty for IDLE */
} slv_msg_object_close;
SLV_NODISCARD slv_code slv_msg_object_close_put(slv_buf *out, const slv_msg_object_close *m);
SLV_NODISCARD slv_code slv_msg_object_close_get(slv_str payload, slv_msg_object_close *ret);

/* FACET_OVER: what `run` was started is over, and why. The frame names the parent. */
SLV_NODISCARD slv_code slv_msg_facet_over_put(slv_buf *out, uint32_t run, slv_str error);
SLV_NODISCARD slv_code slv_msg_facet_over_get(slv_str payload, uint32_t *ret_run,
                                              slv_str *ret_error);

/* OBJECT_CLOSED */
SLV_NODISCARD slv_code slv_msg_object_closed_put(slv_buf *out, bool refused);
SLV_NODISCARD slv_code slv_msg_object_closed_get(slv_str payload, bool *ret_refused);

typedef enum slv_alarm_change {
    SLV_ALARM_SAME = 0,
    SLV_ALARM_SET = 1,
    SLV_ALARM_NONE = 2,
} slv_alarm_change;

typedef struct slv_msg_object_commit {
    uint64_t seq;
    bool unconfirmed; /* nothing waits for it */
    slv_alarm_change alarm;
    int64_t alarm_ms; /* with SLV_ALARM_SET, else 0 */
    uint32_t frames;  /* of the WAL, when this commit ended */
} slv_msg_object_commit;
SLV_NODISCARD slv_code slv_msg_object_commit_put(slv_buf *out, const slv_msg_object_commit *m);
SLV_NODISCARD slv_code slv_msg_object_commit_get(slv_str payload, slv_msg_object_commit *ret);

/* OBJECT_DURABLE */
SLV_NODISCARD slv_code slv_msg_object_durable_put(slv_buf *out, uint64_t seq);
SLV_NODISCARD slv_code slv_msg_object_durable_get(slv_str payload, uint64_t *ret_seq);

/* OBJECT_CHECKPOINTED: whether the object writes to the log that it was given. */
SLV_NODISCARD slv_code slv_msg_object_checkpointed_put(slv_buf *out, bool changed);
SLV_NODISCARD slv_code slv_msg_object_checkpointed_get(slv_str payload, bool *ret_changed);

/* OBJECT_RESET is a string (slv_msg_str_put); OBJECT_GATE and OBJECT_CHECKPOINT are empty. */

typedef struct slv_msg_socket_accept {
    uint32_t socket;
    uint16_t count;
    slv_str tags; /* count strings, each u32 length and bytes: slv_read_str */
} slv_msg_socket_accept;
SLV_NODISCARD slv_code slv_msg_socket_accept_put(slv_buf *out, const slv_msg_socket_accept *m);
SLV_NODISCARD slv_code slv_msg_socket_accept_get(slv_str payload, slv_msg_socket_accept *ret);

/* SOCKET_SEND, SOCKET_ATTACH */
typedef struct slv_msg_socket_bytes {
    uint32_t socket;
    slv_str bytes;
} slv_msg_socket_bytes;
SLV_NODISCARD slv_code slv_msg_socket_send_put(slv_buf *out, const slv_msg_socket_bytes *m);
SLV_NODISCARD slv_code slv_msg_socket_send_get(slv_str payload, slv_msg_socket_bytes *ret);
SLV_NODISCARD slv_code slv_msg_socket_attach_put(slv_buf *out, const slv_msg_socket_bytes *m);
SLV_NODISCARD slv_code slv_msg_socket_attach_get(slv_str payload, slv_msg_socket_bytes *ret);

typedef struct slv_msg_socket_close {
    uint32_t socket;
    uint16_t code; /* SLV_WS_NO_CODE: none */
    slv_str reason;
} slv_msg_socket_close;
SLV_NODISCARD slv_code slv_msg_socket_close_put(slv_buf *out, const slv_msg_socket_close *m);
SLV_NODISCARD slv_code slv_msg_socket_close_get(slv_str payload, slv_msg_socket_close *ret);

/* SOCKET_OPTIONS, and the answer to ASK OPTIONS. */
typedef struct slv_msg_socket_options {
    bool automatic;
    slv_str request, response; /* with automatic, else empty */
    uint32_t timeout_ms;
} slv_msg_socket_options;
SLV_NODISCARD slv_code slv_msg_socket_options_put(slv_buf *out, const slv_msg_socket_options *m);
SLV_NODISCARD slv_code slv_msg_socket_options_get(slv_str payload, slv_msg_socket_options *ret);

/* ---- questions ---- */

typedef enum slv_ask_kind {
    SLV_ASK_SOCKETS = 1,
    SLV_ASK_SOCKET = 2,
    SLV_ASK_OPTIONS = 3,
} slv_ask_kind;

/* The rest of an ASK of these kinds. */
typedef struct slv_msg_ask_object {
    uint32_t object;
    bool tagged;
    slv_str tag;     /* SOCKETS */
    uint32_t socket; /* SOCKET */
} slv_msg_ask_object;
SLV_NODISCARD slv_code slv_msg_ask_object_put(slv_buf *out, slv_ask_kind kind,
                                              const slv_msg_ask_object *m);
SLV_NODISCARD slv_code slv_msg_ask_object_get(slv_ask_kind kind, slv_str rest,
                                              slv_msg_ask_object *ret);

/* ANSWER to ASK SOCKET; that to SOCKETS is a count and the ids, u32 each. */
typedef struct slv_msg_socket_info {
    int64_t auto_ms; /* -1: never */
    bool attached;
    slv_str attachment;
    uint16_t count;
    slv_str tags; /* as in SOCKET_ACCEPT */
} slv_msg_socket_info;
SLV_NODISCARD slv_code slv_msg_socket_info_put(slv_buf *out, const slv_msg_socket_info *m);
SLV_NODISCARD slv_code slv_msg_socket_info_get(slv_str payload, slv_msg_socket_info *ret);

#endif
