/*
 * rt.h - an isolate: one engine that runs one worker, and knows the outside only as frames of a
 * channel.
 *
 *     isolate by exec     slv_rt_prepare · slv_sandbox_enter · slv_rt_run
 *     zygote              slv_rt_prepare · wait until quiet · fork · in the child:
 * slv_rt_after_fork · slv_sandbox_enter · slv_rt_run app zygote          … slv_rt_preload on its
 * birth channel · wait until quiet · fork · in the child: slv_rt_after_fork · slv_sandbox_enter ·
 * slv_rt_run, which says READY at once
 *
 * Threads: everything on the one thread of the engine; there is one slv_rt in a process. Between
 * slv_rt_prepare (or slv_rt_preload) and the fork nothing here may be called. slv_rt_prepare opens
 * no descriptor besides the eventfd of the engine's loop, which slv_rt_after_fork replaces.
 *
 * Limits: 10,000 timers and 256 KiB of console output an event; a message of the channel as
 * chan/frame.h says.
 */
#ifndef SLV_RT_RT_H
#define SLV_RT_RT_H

#include <stdbool.h>

#include "base/err.h"
#include "chan/page.h"

typedef struct slv_rt slv_rt;

/* The engine, all built-ins that every worker needs evaluated, and warmed by calls of our own.
   Aborts when the engine cannot start. Ends with a full collection, so that a fork shares a settled
   heap. */
slv_rt *slv_rt_prepare(void);
/* For zygotes, after slv_rt_prepare: evaluates every built-in and runs the usual ones hot, so that
   children share all that. Takes some 100 ms, and starts the engine's helper threads, which end by
   themselves when idle. */
void slv_rt_warm(slv_rt *rt);
slv_rt *slv_rt_free(slv_rt *rt);

/* In a child, before anything else: a loop of its own, fresh random seeds, clocks from now on. */
void slv_rt_after_fork(slv_rt *rt);

/* For app zygotes: takes HELLO, BLOBs and START from the channel, evaluates the module scope and
   answers READY or START_FAILED; takes no event. The channel is left open for the caller to close.
   SLV_E_JS: the worker cannot start (and has said so); SLV_E_CLOSED, SLV_E_PROTOCOL, SLV_E_IO: the
   channel. */
SLV_NODISCARD slv_code slv_rt_preload(slv_rt *rt, int channel_fd, slv_page *page, slv_err *err);

/* The life of an isolate: HELLO, start (unless preloaded), events, until STOP and the last event's
   end, or the end of the channel. Takes the descriptor over. page: the shared page, mapped by the
   caller; may be NULL in tests. SLV_OK after STOP or when main closed its end; SLV_E_JS when the
   worker could not start. */
SLV_NODISCARD slv_code slv_rt_run(slv_rt *rt, int channel_fd, slv_page *page, slv_err *err);

#endif
