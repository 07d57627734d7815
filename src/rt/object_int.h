/*
 * object_int.h - Durable Objects of an isolate: what the files object*.c share.
 *
 *     object.c         open, close, reset, checkpoint; commit at the end of a turn
 *     object_store.c   natives: key-value, alarm, transactions
 *     object_sql.c     natives: SQL cursors
 *     object_socket.c  natives: hibernating WebSockets
 *
 * The frames are those of docs/internals/objects.md. An object's number is also the id of an event
 * of its own (rt_object.event), to which belongs whatever the object starts.
 *
 * Writes open a transaction that ends with the turn. The first write that others must wait for
 * sends OBJECT_GATE; the commit sends OBJECT_COMMIT. While a transaction of JavaScript's spans
 * turns
 * (`spanning`), nothing is committed and no gate is sent before it ends.
 */
#ifndef SLV_RT_OBJECT_INT_H
#define SLV_RT_OBJECT_INT_H

#include "chan/objmsg.h"
#include "durable/durable.h"
#include "rt/rt_int.h"

#define RT_CURSORS_MAX ((size_t)1024) /* of one object, open at once */

typedef enum rt_object_end {
    RT_OBJECT_LIVES,
    RT_OBJECT_RESET,  /* its events are forgotten without a word */
    RT_OBJECT_CLOSED, /* CLOSED follows what its events have to say */
} rt_object_end;

typedef struct rt_cursor {
    uint32_t number;
    slv_usersql_query *query; /* stands on a row that has not been given out */
} rt_cursor;

struct rt_object {
    uint32_t number;
    rt_event *event;
    slv_durable *db;
    bool gated;        /* OBJECT_GATE was sent, COMMIT not yet */
    bool listed;       /* in rt->written */
    bool waking;       /* in rt->waking */
    unsigned spanning; /* savepoints of transactions that span turns */
    rt_object_end end;
    uint64_t seq;     /* of the last commit */
    uint64_t durable; /* all up to this one */
    uint64_t wanted;  /* JavaScript waits for all up to this one; 0: for none */
    slv_alarm_change alarm;
    int64_t alarm_ms;
    uint32_t last_cursor;
    SLV_IMAP(rt_cursor) cursors;
};

/* The object of a native's argument, with its database open. NULL with *exc set when it is gone. */
rt_object *slv_rt_object_arg(slv_rt *rt, JSContextRef ctx, JSValueRef v, JSValueRef *exc);
/* After anything that may have written. unconfirmed: nobody waits for it. */
void slv_rt_object_wrote(slv_rt *rt, rt_object *o, bool unconfirmed);
/* Now, unless a transaction spans turns. */
void slv_rt_object_commit(slv_rt *rt, rt_object *o);
/* Throws what the storage says; a database that cannot be trusted any more breaks the object. */
JSValueRef slv_rt_object_throw(slv_rt *rt, rt_object *o, JSContextRef ctx, const slv_err *err,
                               JSValueRef *exc);
/* OBJECT_RESET with this error (JSON); once. */
void slv_rt_object_reset(slv_rt *rt, rt_object *o, slv_str error);
void slv_rt_object_cursors_end(rt_object *o);

void slv_rt_add_object_store_natives(slv_rt *rt);
void slv_rt_add_object_sql_natives(slv_rt *rt);
void slv_rt_add_object_socket_natives(slv_rt *rt);

#endif
