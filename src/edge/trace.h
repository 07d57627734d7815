/*
 * trace.h - what is told of one event of a worker, once it is over: what it was, what was logged
 * and thrown, how it ended, what it cost. For tails, tail workers, kept logs and exporters.
 *
 * A trace is gathered on the loop of its event, and only when somebody wants it. Once the event has
 * ended it never changes again: references are counted atomically, and it may be read on any
 * thread.
 *
 * Limits: SLV_TRACE_MAX bytes of what it says (then `truncated` is set and the rest is left out),
 * limits.log_lines of the version (the specification's 1,023) of lines.
 *
 * Rules: platform specification, section 14.
 */
#ifndef SLV_EDGE_TRACE_H
#define SLV_EDGE_TRACE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "chan/msg.h"
#include "plat/version.h"

#define SLV_TRACE_MAX ((size_t)256 << 10)

typedef struct slv_trace slv_trace;

/* ---- who wants it ---- */

enum {
    SLV_TRACE_TAIL = 1,   /* tail workers of the version */
    SLV_TRACE_WATCH = 2,  /* sessions of `tail` */
    SLV_TRACE_KEEP = 4,   /* kept logs */
    SLV_TRACE_EXPORT = 8, /* spans are sent somewhere */
    SLV_TRACE_LINE = 16,  /* the server's own log: one line */
    SLV_TRACE_LOGS = 32,  /* logs are sent somewhere */
};
/* Those that are told on the control loop. */
#define SLV_TRACE_CONTROL                                                                          \
    (SLV_TRACE_WATCH | SLV_TRACE_KEEP | SLV_TRACE_EXPORT | SLV_TRACE_LINE | SLV_TRACE_LOGS)
/* Those that want the values of lines. */
#define SLV_TRACE_VALUES (SLV_TRACE_TAIL | SLV_TRACE_WATCH | SLV_TRACE_KEEP | SLV_TRACE_LOGS)

/* ---- trace context (W3C): which requests belong together ---- */

typedef struct slv_trace_context {
    uint64_t high, low; /* id of the whole; both 0: none yet */
    uint64_t span;      /* of this event */
    uint64_t parent;    /* 0: it is the first */
    bool unsampled;     /* whoever began it does not record it */
} slv_trace_context;

#define SLV_TRACEPARENT_LEN 55

/* "00-<32 hex>-<16 hex>-<2 hex>": the caller's ids; its span is ret->parent. False when malformed.
 */
bool slv_traceparent_parse(slv_str text, slv_trace_context *ret);
/* Writes the field's value for what the event calls, with a NUL. */
void slv_traceparent_write(const slv_trace_context *c, char out[static SLV_TRACEPARENT_LEN + 1]);

/* ---- what is in it ---- */

typedef enum slv_trace_kind {
    SLV_TRACED_NOTHING, /* it never began */
    SLV_TRACED_FETCH,
    SLV_TRACED_SCHEDULED,
    SLV_TRACED_QUEUE,
    SLV_TRACED_ALARM,
    SLV_TRACED_RPC,
    SLV_TRACED_SOCKET,
    SLV_TRACED_EMAIL,
    SLV_TRACED_TAIL,
} slv_trace_kind;

/* "fetch", "scheduled" ... */
const char *slv_trace_kind_name(slv_trace_kind kind);

/* One console line, or a message of a diagnostics channel (level CHANNEL: name is the channel). */
typedef struct slv_trace_log {
    struct slv_trace_log *next;
    int64_t wall_ms;
    slv_console_level level;
    slv_str name, values; /* JSON: an array; of a channel any value */
} slv_trace_log;

typedef struct slv_trace_error {
    struct slv_trace_error *next;
    int64_t wall_ms;
    slv_str name, message, stack; /* the stack as the script has it */
} slv_trace_error;

/* One operation of the event: a fetch, a call, something of a store. */
typedef struct slv_trace_span {
    struct slv_trace_span *next;
    const char *kind;      /* "fetch", "kv", "d1" ... */
    uint16_t op;           /* its kind on the channel */
    uint64_t id, start_us; /* since the event began */
    uint64_t time_us;
    slv_str name;   /* of the binding, or method and URL */
    slv_str detail; /* the resource, or empty */
    bool failed;
} slv_trace_span;

typedef struct slv_trace_list {
    void *first, *last;
    size_t count;
} slv_trace_list;

struct slv_trace {
    atomic_uint refs;
    slv_arena arena;
    slv_version *version; /* a reference */
    unsigned want;        /* SLV_TRACE_ bits */
    slv_trace_kind kind;
    slv_trace_context context;
    int64_t wall_ms; /* when it began */
    uint64_t began_ns;
    uint64_t cpu_us, wall_us;
    const char *outcome; /* "ok", "exception", "exceededCpu" ... */
    slv_str entrypoint, object_id;
    bool on_object; /* runs in an object */
    bool truncated;
    size_t used; /* of SLV_TRACE_MAX */

    /* FETCH */
    slv_str method, url, headers, cf, ray; /* headers: a block; cf: JSON */
    int status;                            /* 0: none was given */
    /* SCHEDULED: the cron. QUEUE: the queue. RPC: the method. SOCKET: "message", "close", "error".
       EMAIL: who it is from, and `to`. TAIL: names of workers, each followed by a newline. */
    slv_str text, to;
    int64_t time_ms; /* SCHEDULED, ALARM: for when it was */
    uint64_t size;   /* QUEUE: messages; EMAIL: bytes; SOCKET: the code */
    bool clean;      /* SOCKET */

    slv_trace_list logs, errors, spans; /* slv_trace_log, slv_trace_error, slv_trace_span */
    uint32_t subrequests;
};

slv_trace *slv_trace_ref(slv_trace *t);
/* Accepts NULL, returns NULL. */
slv_trace *slv_trace_unref(slv_trace *t);
SLV_DEFINE_CLEANUP(slv_trace *, slv_trace_unref);

/* ---- as JSON ---- */

typedef enum slv_trace_form {
    SLV_TRACE_FOR_TAIL, /* a session of `tail` */
    SLV_TRACE_FOR_ITEM, /* a tail worker: with "unredacted", {url, headers}, where something is
                           hidden */
} slv_trace_form;

/* Appends the object of the specification's section 14; stacks are mapped to sources, what looks
 * like a secret is hidden. SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_trace_put(slv_buf *out, slv_trace *t, slv_trace_form form);
/* Appends its "event" alone. */
SLV_NODISCARD slv_code slv_trace_put_event(slv_buf *out, const slv_trace *t, bool redact);
/* An error's stack as tails show it: frames in the worker's sources, without the headline. */
SLV_NODISCARD slv_code slv_trace_put_stack(slv_buf *out, slv_trace *t, const slv_trace_error *e);
/* "2026-01-01T00:00:00.000Z" */
#define SLV_ISO_LEN 24
void slv_trace_iso(int64_t ms, char out[static SLV_ISO_LEN + 1]);

#endif
