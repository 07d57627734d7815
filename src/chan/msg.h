/*
 * msg.h - the payload of every message of the channel as a struct: docs/internals/channel.md in C.
 *
 * slv_msg_*_put appends a payload to out (between slv_frame_begin and slv_frame_end). slv_msg_*_get
 * reads one: strings borrow from the payload. get is strict: SLV_E_PROTOCOL when bytes are missing
 * or left over, when a kind, bit or level is unknown, or when numbers that must be (or must not be)
 * 0 are not. Any thread.
 */
#ifndef SLV_CHAN_MSG_H
#define SLV_CHAN_MSG_H

#include "base/bytes.h"
#include "chan/frame.h"

/* ---- start ---- */

typedef struct slv_msg_ready {
    uint64_t cpu_us;
    slv_str json; /* {"handlers":[...],"entrypoints":[{"name","kind"}...]} */
} slv_msg_ready;
SLV_NODISCARD slv_code slv_msg_ready_put(slv_buf *out, const slv_msg_ready *m);
SLV_NODISCARD slv_code slv_msg_ready_get(slv_str payload, slv_msg_ready *ret);

/* HELLO (the version), START (the blob), CREDIT (bytes). */
SLV_NODISCARD slv_code slv_msg_u32_put(slv_buf *out, uint32_t v);
SLV_NODISCARD slv_code slv_msg_u32_get(slv_str payload, uint32_t *ret);
/* START_FAILED, EXCEPTION, RESULT/RPC_RESULT with ERROR (JSON); FAIL, CANCEL_READ, WS_FAIL (text).
 */
SLV_NODISCARD slv_code slv_msg_str_put(slv_buf *out, slv_str s);
SLV_NODISCARD slv_code slv_msg_str_get(slv_str payload, slv_str *ret);

/* ---- capabilities ---- */

typedef enum slv_cap_kind {
    SLV_CAP_CALLABLE = 1, /* function, RpcTarget, stub */
    SLV_CAP_READ = 2,     /* stream to read */
    SLV_CAP_WRITE = 3,    /* stream to write: a callable that its pieces are given to */
    SLV_CAP_SOCKET = 4,
} slv_cap_kind;

typedef struct slv_msg_cap {
    slv_cap_kind kind;
    uint32_t number;
} slv_msg_cap;

typedef struct slv_msg_caps {
    uint16_t count;
    slv_str raw; /* 5 bytes each, checked by get */
} slv_msg_caps;
#define SLV_CAP_SIZE ((size_t)5)
slv_msg_cap slv_msg_cap_at(const slv_msg_caps *caps, size_t i);
/* Appends one entry to a raw table that becomes slv_msg_caps.raw. */
SLV_NODISCARD slv_code slv_msg_cap_add(slv_buf *raw, slv_cap_kind kind, uint32_t number);

typedef struct slv_msg_cap_drop {
    uint32_t cap, refs;
} slv_msg_cap_drop;
SLV_NODISCARD slv_code slv_msg_cap_drop_put(slv_buf *out, const slv_msg_cap_drop *m);
SLV_NODISCARD slv_code slv_msg_cap_drop_get(slv_str payload, slv_msg_cap_drop *ret);

typedef struct slv_msg_cap_broken {
    uint32_t cap;
    slv_str error; /* JSON */
} slv_msg_cap_broken;
SLV_NODISCARD slv_code slv_msg_cap_broken_put(slv_buf *out, const slv_msg_cap_broken *m);
SLV_NODISCARD slv_code slv_msg_cap_broken_get(slv_str payload, slv_msg_cap_broken *ret);

/* ---- events ---- */

typedef enum slv_event_kind {
    SLV_EVENT_FETCH = 1,
    SLV_EVENT_SCHEDULED = 2,
    SLV_EVENT_RPC = 3,
    SLV_EVENT_ALARM = 4,  /* kinds 4 and 5: docs/internals/objects.md */
    SLV_EVENT_SOCKET = 5, /* of a WebSocket that hibernates */
    SLV_EVENT_QUEUE = 6,  /* a batch of messages; its answer is an RPC_RESULT */
    SLV_EVENT_TAIL = 7,   /* what other workers' events left: a JSON array of items */
} slv_event_kind;

enum {
    SLV_FETCH_STREAM = 1,  /* the body is stream body_stream */
    SLV_FETCH_INLINE = 2,  /* the body is in `body` */
    SLV_FETCH_UPGRADE = 4, /* a WebSocket is wanted */
    SLV_FETCH_OUTSIDE = 8, /* EVENT: it came from outside, not from another worker */
    SLV_FETCH_MANUAL = 8,  /* OP: redirect manual */
    SLV_FETCH_OBJECT = 16, /* EVENT: of an object, whose number follows */
    SLV_FETCH_ERROR = 16,  /* OP: redirect error */
    SLV_FETCH_RAW = 32,    /* OP: do not decompress */
};

typedef struct slv_msg_event_fetch {
    uint8_t bits;
    uint32_t body_stream;
    int64_t body_length; /* -1 unknown */
    slv_str method, url, headers, cf, entrypoint, props, body;
    uint32_t object; /* with SLV_FETCH_OBJECT */
} slv_msg_event_fetch;

typedef struct slv_msg_event_scheduled {
    int64_t slot_ms;
    slv_str cron;
} slv_msg_event_scheduled;

typedef enum slv_rpc_target {
    SLV_RPC_BINDING = 0,    /* OP: target is a binding; EVENT: the entrypoint named */
    SLV_RPC_CAPABILITY = 1, /* target is a capability */
    SLV_RPC_OBJECT = 2,     /* EVENT only: target is an object's number */
    SLV_RPC_PENDING = 3, /* result of a call: of the operation, or the event, that target names */
} slv_rpc_target;

typedef enum slv_rpc_action {
    SLV_RPC_CALL = 0,
    SLV_RPC_GET = 1,
} slv_rpc_action;

typedef struct slv_msg_rpc {
    slv_rpc_target target_kind;
    uint32_t target;
    slv_str entrypoint, props; /* EVENT only */
    slv_rpc_action action;
    slv_str path; /* property names joined by NUL; empty: the target itself */
    slv_str args; /* structured clone of the argument list */
    slv_msg_caps caps;
} slv_msg_rpc;

typedef struct slv_msg_event_alarm {
    uint32_t object;
    int64_t scheduled_ms;
    uint32_t retries;
    bool last;
} slv_msg_event_alarm;

typedef enum slv_socket_what {
    SLV_SOCKET_TEXT = 1,
    SLV_SOCKET_BINARY = 2,
    SLV_SOCKET_CLOSED = 3,
    SLV_SOCKET_ERROR = 4,
} slv_socket_what;

typedef struct slv_msg_event_socket {
    uint32_t object, socket;
    slv_socket_what what;
    uint16_t code; /* CLOSED */
    bool clean;
    slv_str data; /* message, reason or error */
} slv_msg_event_socket;

typedef struct slv_msg_event_queue {
    slv_str queue;
    uint64_t backlog_count, backlog_bytes;
    int64_t oldest_ms; /* 0: none waits */
    uint16_t count;
    slv_str messages; /* slv_msg_queue_message_next; checked by get */
} slv_msg_event_queue;

/* One message of a batch: a str of the payload that holds these fields. */
typedef struct slv_msg_queue_message {
    slv_str id;
    int64_t timestamp_ms;
    uint8_t type;      /* 1 json, 2 text, 3 bytes, 4 structured clone */
    uint32_t attempts; /* this delivery is counted */
    slv_str body;
    slv_str raw; /* all of it */
} slv_msg_queue_message;
SLV_NODISCARD slv_code slv_msg_queue_message_put(slv_buf *out, const slv_msg_queue_message *m);
/* The first of *messages, which then begins behind it. SLV_E_NOTFOUND: there are no more. */
SLV_NODISCARD slv_code slv_msg_queue_message_next(slv_str *messages, slv_msg_queue_message *ret);

/* What a handler made of its batch: the value of its RPC_RESULT. */
enum {
    SLV_VERDICT_ACK_ALL = 1,
    SLV_VERDICT_RETRY_ALL = 2,
    SLV_VERDICT_DELAY = 4,  /* delay_s is given */
    SLV_VERDICT_FAILED = 8, /* the handler threw */
};
typedef struct slv_msg_verdict {
    uint8_t bits;
    uint32_t delay_s;
    uint16_t count;
    slv_str list; /* slv_msg_verdict_at; of messages that were spoken of one by one */
} slv_msg_verdict;
typedef struct slv_msg_verdict_item {
    uint16_t index; /* in the batch */
    bool retry, has_delay;
    uint32_t delay_s;
} slv_msg_verdict_item;
SLV_NODISCARD slv_code slv_msg_verdict_put(slv_buf *out, const slv_msg_verdict *m);
SLV_NODISCARD slv_code slv_msg_verdict_item_put(slv_buf *list, const slv_msg_verdict_item *item);
SLV_NODISCARD slv_code slv_msg_verdict_get(slv_str payload, slv_msg_verdict *ret);
slv_msg_verdict_item slv_msg_verdict_at(const slv_msg_verdict *m, size_t i);

typedef struct slv_msg_event {
    slv_event_kind kind;
    union {
        slv_msg_event_fetch fetch;
        slv_msg_event_scheduled scheduled;
        slv_msg_rpc rpc;
        slv_msg_event_alarm alarm;
        slv_msg_event_socket socket;
        slv_msg_event_queue queue;
        slv_str tail; /* JSON */
    };
} slv_msg_event;
SLV_NODISCARD slv_code slv_msg_event_put(slv_buf *out, const slv_msg_event *m);
SLV_NODISCARD slv_code slv_msg_event_get(slv_str payload, slv_msg_event *ret);

typedef enum slv_cancel_reason {
    SLV_CANCEL_CLIENT = 1,
    SLV_CANCEL_LIMIT = 2,
    SLV_CANCEL_SHUTDOWN = 3,
} slv_cancel_reason;
SLV_NODISCARD slv_code slv_msg_cancel_put(slv_buf *out, slv_cancel_reason reason);
SLV_NODISCARD slv_code slv_msg_cancel_get(slv_str payload, slv_cancel_reason *ret);

typedef enum slv_body_kind {
    SLV_BODY_NONE = 0,
    SLV_BODY_INLINE = 1,
    SLV_BODY_STREAM = 2, /* a stream of the isolate's */
    SLV_BODY_SPLICE = 3, /* a stream that main already owns */
    SLV_BODY_SOCKET = 4,
    SLV_BODY_HIBERNATING = 5, /* a socket of the event's object */
} slv_body_kind;

enum {
    SLV_RESPONSE_ENCODED = 1, /* encodeBody: "manual" */
    SLV_RESPONSE_NO_BODY = 2, /* the body must not be sent, as for HEAD */
    SLV_RESPONSE_FAILED =
        4, /* the handler failed: status 500, the inline body is the error's JSON */
};

typedef struct slv_msg_response {
    uint16_t status;
    slv_body_kind body_kind;
    uint8_t bits;
    uint32_t number; /* stream, socket or id of an object's socket, else 0 */
    int64_t body_length;
    slv_str status_text, headers, body;
} slv_msg_response;
SLV_NODISCARD slv_code slv_msg_response_put(slv_buf *out, const slv_msg_response *m);
SLV_NODISCARD slv_code slv_msg_response_get(slv_str payload, slv_msg_response *ret);

typedef enum slv_outcome {
    SLV_OUTCOME_OK = 0,
    SLV_OUTCOME_EXCEPTION = 1,
    SLV_OUTCOME_CANCELED = 2,
    SLV_OUTCOME_HUNG = 3, /* nothing is left that could produce a response */
    SLV_OUTCOME_CPU = 4,
    SLV_OUTCOME_MEMORY = 5,
    SLV_OUTCOME_ABORTED = 6,
} slv_outcome;
const char *slv_outcome_name(slv_outcome outcome); /* "ok", "exception", "exceededCpu" ... */

typedef struct slv_msg_end {
    slv_outcome outcome;
    uint64_t cpu_us;
    slv_str error; /* JSON {"name","message","stack"} or empty */
} slv_msg_end;
SLV_NODISCARD slv_code slv_msg_end_put(slv_buf *out, const slv_msg_end *m);
SLV_NODISCARD slv_code slv_msg_end_get(slv_str payload, slv_msg_end *ret);

typedef enum slv_console_level {
    SLV_CONSOLE_DEBUG,
    SLV_CONSOLE_INFO,
    SLV_CONSOLE_LOG,
    SLV_CONSOLE_WARN,
    SLV_CONSOLE_ERROR,
    SLV_CONSOLE_CHANNEL, /* no line: a message of a diagnostics channel, whose name is the text */
} slv_console_level;

typedef struct slv_msg_log {
    slv_console_level level;
    slv_str text, place;
    slv_str values; /* what was given, as a JSON array; CHANNEL: the message as JSON. Empty unless
                       page.trace asks for it. */
} slv_msg_log;
SLV_NODISCARD slv_code slv_msg_log_put(slv_buf *out, const slv_msg_log *m);
SLV_NODISCARD slv_code slv_msg_log_get(slv_str payload, slv_msg_log *ret);

/* ---- operations ---- */

typedef enum slv_op_kind {
    SLV_OP_FETCH = 1,
    SLV_OP_SERVICE_FETCH = 2,
    SLV_OP_CONNECT = 3,
    SLV_OP_STARTTLS = 4,
    SLV_OP_RPC = 5,
    SLV_OP_STORE_FIRST = 16, /* from here on: operations on resources, see below */
    SLV_OP_STORE_LAST = 255,
} slv_op_kind;

typedef struct slv_msg_op_fetch {
    uint32_t binding; /* SERVICE_FETCH only */
    uint8_t bits;
    uint32_t body_stream;
    int64_t body_length;
    slv_str method, url, headers, body, cf;
} slv_msg_op_fetch;

typedef enum slv_connect_tls {
    SLV_CONNECT_PLAIN = 0,
    SLV_CONNECT_TLS = 1,
    SLV_CONNECT_STARTTLS = 2,
} slv_connect_tls;

typedef struct slv_msg_op_connect {
    slv_str host;
    uint16_t port;
    slv_connect_tls tls;
} slv_msg_op_connect;

typedef struct slv_msg_op {
    uint32_t event;
    slv_op_kind kind;
    union {
        slv_msg_op_fetch fetch; /* FETCH, SERVICE_FETCH */
        slv_msg_op_connect connect;
        uint32_t starttls; /* readable stream */
        slv_msg_rpc rpc;
        /* STORE_FIRST to STORE_LAST: index of the resource, a stream that the isolate sends (0:
         * none), and what the kind's own decoder reads. */
        struct {
            uint32_t resource, stream;
            slv_str rest;
        } store;
    };
} slv_msg_op;
SLV_NODISCARD slv_code slv_msg_op_put(slv_buf *out, const slv_msg_op *m);
SLV_NODISCARD slv_code slv_msg_op_get(slv_str payload, slv_msg_op *ret);

/* Fields that stand inside of other operations: those of FETCH from `bits` on, and of RPC from
 * `action` on. */
SLV_NODISCARD slv_code slv_msg_op_fetch_get(slv_str payload, slv_msg_op_fetch *ret);
SLV_NODISCARD slv_code slv_msg_rpc_get(slv_str payload, slv_msg_rpc *ret);

/* RESULT without ERROR, by the kind of its operation. */
typedef struct slv_msg_result_fetch {
    uint16_t status;
    slv_str status_text, url;
    bool redirected;
    slv_str headers;
    uint32_t body_stream; /* 0: none, or inline */
    int64_t body_length;
    uint32_t socket; /* 0: none */
    slv_str body;
} slv_msg_result_fetch;
SLV_NODISCARD slv_code slv_msg_result_fetch_put(slv_buf *out, const slv_msg_result_fetch *m);
SLV_NODISCARD slv_code slv_msg_result_fetch_get(slv_str payload, slv_msg_result_fetch *ret);

typedef struct slv_msg_result_connect {
    uint32_t readable, writable;
    slv_str info; /* JSON */
} slv_msg_result_connect;
SLV_NODISCARD slv_code slv_msg_result_connect_put(slv_buf *out, const slv_msg_result_connect *m);
SLV_NODISCARD slv_code slv_msg_result_connect_get(slv_str payload, slv_msg_result_connect *ret);

/* RESULT of RPC, and RPC_RESULT. */
typedef struct slv_msg_result_rpc {
    slv_str value; /* structured clone */
    slv_msg_caps caps;
} slv_msg_result_rpc;
SLV_NODISCARD slv_code slv_msg_result_rpc_put(slv_buf *out, const slv_msg_result_rpc *m);
SLV_NODISCARD slv_code slv_msg_result_rpc_get(slv_str payload, slv_msg_result_rpc *ret);

/* ---- questions ---- */

typedef struct slv_msg_ask {
    uint16_t kind;
    slv_str rest;
} slv_msg_ask;
SLV_NODISCARD slv_code slv_msg_ask_put(slv_buf *out, const slv_msg_ask *m);
SLV_NODISCARD slv_code slv_msg_ask_get(slv_str payload, slv_msg_ask *ret);

/* ---- sockets ---- */

#define SLV_WS_NO_CODE 1005

typedef struct slv_msg_ws_close {
    uint16_t code;
    slv_str reason;
} slv_msg_ws_close;
SLV_NODISCARD slv_code slv_msg_ws_close_put(slv_buf *out, const slv_msg_ws_close *m);
SLV_NODISCARD slv_code slv_msg_ws_close_get(slv_str payload, slv_msg_ws_close *ret);

/* ---- header blocks: a run of name ":" value "\n" ---- */

/* The next header, consumed from *block. False at the end, and with *ret_bad set when the block is
 * malformed. */
bool slv_header_next(slv_str *block, slv_str *ret_name, slv_str *ret_value, bool *ret_bad);
/* True when every name is an RFC 9110 token and every value is free of CR, LF and NUL. */
bool slv_header_block_valid(slv_str block);

#endif
