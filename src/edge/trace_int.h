/*
 * trace_int.h - how traces are gathered while events run. Private to edge; loop thread only, but
 * where it says otherwise.
 *
 *     trace.c         a trace's life and what is put into it
 *     trace_json.c    as JSON
 *     trace_event.c   what events tell: who wants a trace, lines, errors, spans, the end
 *     tails.c         tail workers
 */
#ifndef SLV_EDGE_TRACE_INT_H
#define SLV_EDGE_TRACE_INT_H

#include "edge/edge_int.h"
#include "edge/trace.h"

/* ---- trace.c ---- */

slv_trace *slv_trace_new(slv_version *version, unsigned want);
/* What the event is, by what the isolate is told of it. */
void slv_trace_describe(slv_trace *t, const slv_msg_event *m);
void slv_trace_log_line(slv_trace *t, int64_t wall_ms, const slv_msg_log *m);
/* error: JSON {"name","message","stack"}. */
void slv_trace_exception(slv_trace *t, int64_t wall_ms, slv_str error);
/* Bytes that it holds. */
size_t slv_trace_size(const slv_trace *t);
/* NULL when there is no room. Strings are copied. */
slv_trace_span *slv_trace_begin_span(slv_trace *t, const char *kind, slv_str name, slv_str detail);

/* ---- trace_event.c ---- */

/* From slv_event_begin. */
void slv_event_trace(slv_event *ev);
/* It runs on another version than it was begun for. */
void slv_event_trace_moved(slv_event *ev);
/* Appends the payload of EVENT, of which a trace takes note. */
SLV_NODISCARD slv_code slv_event_say(slv_event *ev, const slv_msg_event *m, slv_buf *out);
/* LOG and EXCEPTION of an isolate, whatever event they are of. */
void slv_event_trace_log(slv_shard *shard, slv_isolate *iso, uint32_t event, const slv_msg_log *m);
void slv_event_trace_error(slv_shard *shard, slv_isolate *iso, uint32_t event, slv_str error);
/* The event is over: whoever wants the trace has it from here on. */
void slv_event_trace_end(slv_event *ev, const slv_event_end *end);
/* An operation begins (slv_op_open may follow), and has been taken. */
void slv_event_op_begins(slv_event *ev, const slv_msg_op *m);
void slv_event_op_taken(slv_event *ev, uint32_t id);
/* From slv_op_open and slv_op_close. */
void slv_op_timed(slv_op *op);
void slv_op_timed_end(slv_op *op);
/* The operation is answered with an error. */
void slv_op_rejected(slv_event *ev, uint32_t id);
/* The event's ids, made when it has none. */
slv_trace_context *slv_event_context(slv_event *ev);
/* Appends the field for a request that the event makes, unless its headers have one. */
SLV_NODISCARD slv_code slv_event_put_traceparent(slv_event *ev, slv_str headers, slv_buf *out);
/* The ids of an event that `caller` calls. */
void slv_event_context_child(slv_event *ev, slv_event *caller);

/* ---- tails.c ---- */

/* For the tail workers of the trace's version. */
void slv_tails_add(slv_shard *shard, slv_trace *t);
/* No event of them runs any more. */
void slv_tails_free(slv_shard *shard);

/* Told on the control loop; takes a reference. hooks.c */
void slv_hook_trace(slv_shard *shard, slv_trace *t);

#endif
