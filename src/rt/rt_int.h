/*
 * rt_int.h - what the files of src/rt share: the state of an isolate.
 *
 *     base_natives.c  clock, timers, randomness: what also works without a channel
 *     wire.c          fields of messages to and from JavaScript values
 *     streams.c       streams and sockets: windows, queues
 *     ops.c           operations and questions
 *     events.c        events from EVENT to END
 *     object*.c       Durable Objects, see object_int.h
 *     start.c         configuration, blobs, the worker's script
 *     isolate.c       the poll loop and the turn
 */
#ifndef SLV_RT_RT_INT_H
#define SLV_RT_RT_INT_H

#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "chan/flow.h"
#include "chan/msg.h"
#include "js/builtins.h"
#include "js/js.h"
#include "rt/rt.h"
#include "rt/timers.h"

#define SLV_RT_OUT_MAX ((size_t)256 << 20) /* frames that wait to be written */
#define SLV_RT_READ_MAX ((size_t)256 << 10)
#define SLV_RT_FORMAT_MAX 16 /* fields of an operation's result */
#define SLV_RT_ARRAY_MAX 16  /* fields of a message that come as an array */

typedef struct rt_event {
    uint32_t id;
    uint32_t waits; /* what may still enter JavaScript for it: operations, reads, writes without
                       credit, sockets, timers */
    uint32_t ops;
    uint64_t cpu_ns;
    bool responded;  /* nothing that the outside waits for is missing */
    bool ended;      /* JavaScript has called finish: END goes out after the turn */
    bool resident;   /* an object's own: it has no END, see object_int.h */
    uint32_t object; /* it is a call of this object; 0: of none */
    slv_outcome outcome;
    slv_buf error; /* JSON, for END */
    slv_list streams;
} rt_event;

typedef struct rt_timer {
    uint32_t event;
    bool counted; /* in event->waits: the program waits for it */
} rt_timer;

typedef struct rt_op {
    uint32_t id, event;
    const char *format; /* of the result, one of rt.formats */
} rt_op;

typedef enum rt_stream_kind {
    RT_STREAM_IN,
    RT_STREAM_OUT,
    RT_STREAM_SOCKET,
} rt_stream_kind;

typedef struct rt_chunk {
    slv_list node;
    size_t len;
    bool text, fin; /* sockets: a whole message when both are known */
    char bytes[];
} rt_chunk;

typedef struct rt_stream {
    slv_list node; /* of its event */
    slv_list wake; /* on rt.woken: a socket that has begun to listen, with messages that wait */
    rt_stream_kind kind;
    uint32_t number;
    rt_event *event;
    slv_flow_in in;
    slv_flow_out out;
    slv_list arrived; /* rt_chunk: bytes that nobody has read */
    slv_buf failure;  /* text of FAIL */
    bool failed, fin;
    bool asked;       /* in: main was given credit */
    bool wanted;      /* in: JavaScript waits for bytes; socket: it has started to listen */
    bool blocked;     /* out: JavaScript waits for credit */
    bool counted;     /* it counts in event->waits */
    slv_list queued;  /* rt_chunk: what has no credit yet */
    size_t queued_at; /* bytes of the first one that are sent */
    size_t queued_bytes;
    bool end_queued; /* out: FIN follows what is queued; socket: the close does */
    slv_buf message; /* socket: pieces of a message that is not whole */
    uint16_t our_code, their_code;
    slv_buf our_reason, their_reason;
    bool close_sent, close_came, close_delivered;
} rt_stream;

typedef struct rt_blob {
    uint32_t id;
    bool whole;
    slv_buf bytes;
} rt_blob;

typedef struct rt_entries { /* functions of runtime.js and io.js that C enters by */
    JSObjectRef start, stuck, reseed, unhandled, fetch, scheduled, rpc, queue, tail, cancel, idle,
        result, readable, writable, socket, timer, pump, quiet, cap_broken, cap_drop, alarm,
        object_open, object_close, object_durable, object_wake, object_gone, socket_event,
        facet_over;
} rt_entries;

typedef struct rt_object rt_object;

/* A text that many messages carry alike, and its value. */
#define SLV_RT_STAGING_SIZE ((size_t)64 << 10)

typedef struct rt_cached {
    slv_buf bytes;
    JSValueRef value; /* protected; NULL: none */
} rt_cached;

typedef enum rt_state {
    RT_NEW,
    RT_STARTED,
    RT_FAILED,
} rt_state;

struct slv_rt {
    slv_js *js;
    slv_timers *timers;
    SLV_IMAP(rt_timer) timer_events; /* timer -> event */
    /* The clocks that JavaScript sees (N.clock, a Float64Array over this memory): wall time and
       time since the isolate began, in ms. They stand still while JavaScript runs and advance with
       each batch of frames and each timer. */
    double clock[2];
    /* N.staging, a Uint8Array over this memory: JavaScript copies bytes here for C to take. A view
       of the worker's own would have to be turned into one over memory apart, which the collector
       counts twice and frees late. */
    unsigned char *staging;
    int64_t started_ms; /* monotonic */
    rt_entries entries;

    int fd;
    slv_page *page, no_page;
    slv_frame_reader reader;
    slv_buf out; /* frames; from out_at on not yet written */
    size_t out_at;
    slv_buf
        deferred; /* frames that came while a question blocked: head and payload, as on the wire */
    bool hello_came, stopping, closed;
    bool was_quiet;        /* there was a time with nothing to do */
    const char *violation; /* why it was closed, when main broke the rules */
    uint32_t collect_seen;

    rt_state state;
    SLV_VEC(rt_blob) blobs;
    slv_buf ready; /* payload of READY, or of START_FAILED */
    bool preloading;
    uint64_t start_cpu_ns;
    JSValueRef empty; /* "" */
    JSValueRef methods[8];
    rt_cached cf, headers;    /* of the last request */
    slv_buf response_headers; /* the block of the last response, which JavaScript can name by
                                 undefined */
    rt_event *spare_event;

    SLV_IMAP(rt_event *) events;
    SLV_IMAP(rt_op) ops;
    SLV_VEC(char *) formats; /* of operations: JavaScript names them by their index */
    SLV_IMAP(rt_stream *) streams;
    uint32_t last_op, last_stream, last_question;
    slv_list woken;             /* rt_stream: to be entered once the present turn is over */
    bool idle_turn;             /* the turn is the one that tells the event that nothing is left */
    rt_event *turn;             /* whose turn it is; NULL at module scope */
    SLV_VEC(uint32_t) finished; /* events that ended in a turn that is not theirs */
    SLV_IMAP(rt_object *) objects;
    SLV_VEC(uint32_t) written; /* objects to commit when the turn ends */
    SLV_VEC(uint32_t) ending;  /* objects that are over */
    SLV_VEC(uint32_t) waking;  /* objects that want a turn of their own */
    SLV_VEC(int) fds;          /* descriptors that came and were not taken yet */
    double sql_state[4];       /* N.sqlState: what the last call of a cursor says beside its rows */
    uint64_t cpu_mark_ns, wall_mark_ns, charged_ns; /* isolate.c: what turns cost */
};

/* ---- base_natives.c ---- */

/* Monotonic milliseconds. */
int64_t slv_rt_mono_ms(void);
/* Lets the clocks advance to now. */
void slv_rt_tick(slv_rt *rt);
/* Engine, timers, natives. */
void slv_rt_init(slv_rt *rt);
void slv_rt_done(slv_rt *rt);
slv_rt *slv_rt_current(void);
/* A function that a built-in exports; it must exist. Rooted for ever. */
JSObjectRef slv_rt_export(slv_rt *rt, const char *module, const char *name);

/* ---- wire.c: fields, a letter each; the letters are those of op() in jslib/io.js ---- */

/* Appends the values as `format` says; what is missing counts as undefined. False with *exc set. */
SLV_NODISCARD bool slv_rt_wire_put(JSContextRef ctx, const char *format, size_t count,
                                   const JSValueRef values[], slv_buf *out, JSValueRef *exc);
/* The same for the elements of an array of ours, SLV_RT_ARRAY_MAX at most. */
SLV_NODISCARD bool slv_rt_wire_put_array(JSContextRef ctx, const char *format, JSValueRef array,
                                         slv_buf *out, JSValueRef *exc);
/* The fields of payload as an array, or NULL when it is malformed. Streams and sockets are opened
 * for `event`. */
JSObjectRef slv_rt_wire_get(slv_rt *rt, JSContextRef ctx, const char *format, slv_str payload,
                            rt_event *event);
/* A body: a string where it is short and all of it ASCII, else a Uint8Array. */
JSValueRef slv_rt_body_value(slv_rt *rt, JSContextRef ctx, slv_str bytes);
/* u32 length and UTF-8 of a string; u32 length and bytes of a view (a string is taken as UTF-8). */
SLV_NODISCARD bool slv_rt_put_text(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc);
SLV_NODISCARD bool slv_rt_put_bytes(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc);

/* ---- streams.c ---- */

/* number 0: one of ours is drawn. */
rt_stream *slv_rt_stream_open(slv_rt *rt, rt_stream_kind kind, uint32_t number, rt_event *event);
void slv_rt_streams_drop(slv_rt *rt, rt_event *event);
void slv_rt_stream_frame(slv_rt *rt, const slv_frame *frame); /* types 20 to 26 */
/* Turns for what waited in C until JavaScript was ready to listen. */
void slv_rt_streams_wake(slv_rt *rt);
void slv_rt_add_stream_natives(slv_rt *rt);

/* ---- ops.c ---- */

void slv_rt_result_frame(slv_rt *rt, const slv_frame *frame);
void slv_rt_ops_drop(slv_rt *rt, uint32_t event);
void slv_rt_add_op_natives(slv_rt *rt);

/* ---- events.c ---- */

rt_event *slv_rt_event_find(slv_rt *rt, uint32_t id);
void slv_rt_event_frame(slv_rt *rt,
                        const slv_frame *frame); /* EVENT, CANCEL, CAP_DROP, CAP_BROKEN */
/* Looks whether the event has ended, or has nothing left to wait for. After each turn. */
void slv_rt_event_settle(slv_rt *rt, rt_event *event);
void slv_rt_fire_timers(slv_rt *rt);
void slv_rt_add_event_natives(slv_rt *rt);
void slv_rt_events_init(slv_rt *rt); /* values that many events share */
/* NULL: the number is in use, a violation. */
rt_event *slv_rt_event_new(slv_rt *rt, uint32_t id);
/* It ends without END. */
void slv_rt_event_forget(slv_rt *rt, rt_event *event);

/* ---- object.c ---- */

void slv_rt_object_frame(slv_rt *rt, const slv_frame *frame); /* OBJECT_... */
bool slv_rt_object_is_open(slv_rt *rt, uint32_t number);
/* The three steps at the end of a turn, outside of the engine: commits; objects that broke take
 * their events with them (true: that of the turn, too); CLOSED of those that were closed. */
void slv_rt_objects_commit(slv_rt *rt);
bool slv_rt_objects_drop_reset(slv_rt *rt, rt_event *turn);
void slv_rt_objects_finish(slv_rt *rt);
void slv_rt_objects_wake(slv_rt *rt);
void slv_rt_objects_done(slv_rt *rt);
void slv_rt_add_object_natives(slv_rt *rt);

/* ---- start.c ---- */

void slv_rt_start_frame(slv_rt *rt, const slv_frame *frame); /* BLOB, START */
void slv_rt_add_start_natives(slv_rt *rt);
void slv_rt_blobs_drop(slv_rt *rt);

/* ---- isolate.c ---- */

/* One turn: engine lock, one call, promise jobs. event NULL: module scope. False when the call
 * threw (and was logged). */
void slv_rt_turn_begin(slv_rt *rt, rt_event *event);
void slv_rt_turn_call(slv_rt *rt, JSObjectRef fn, size_t argc, const JSValueRef argv[]);
void slv_rt_turn_end(slv_rt *rt);

/* The peer broke the rules: the isolate ends. */
void slv_rt_violation(slv_rt *rt, const char *what);

/* Frames to main: gathered, written when all that was read is handled. */
slv_buf *slv_rt_frame_begin(slv_rt *rt, slv_frame_type type, uint8_t flags, uint32_t id,
                            size_t *ret_at);
void slv_rt_frame_end(slv_rt *rt, size_t at, slv_code code);
/* As slv_rt_frame_end, and the code: SLV_E_LIMIT when the message is too long; it is taken back
 * then.
 */
SLV_NODISCARD slv_code slv_rt_frame_try_end(slv_rt *rt, size_t at);
void slv_rt_frame_send(slv_rt *rt, slv_frame_type type, uint8_t flags, uint32_t id,
                       slv_str payload);
/* Writes what it can and reads until the ANSWER to `question` is there: other frames wait in
   rt->deferred. The payload is borrowed until the next read. */
SLV_NODISCARD slv_code slv_rt_wait_answer(slv_rt *rt, uint32_t question, slv_frame *ret,
                                          slv_err *err);

#endif
