/*
 * notify_int.h - what has changed in buckets goes to queues: events that a bucket keeps
 * (r2/rules.c) become messages, in order, at least once. They are on disk with the change that they
 * tell of, and are removed there when their queue has them.
 *
 * Control loop; one for the process.
 */
#ifndef SLV_EDGE_NOTIFY_INT_H
#define SLV_EDGE_NOTIFY_INT_H

#include "aio/loop.h"
#include "edge/server.h"
#include "state/state.h"

typedef struct slv_notify slv_notify;

slv_notify *slv_notify_new(slv_server *server, slv_loop *control, slv_state *state);
/* Nothing new is begun; what is under way ends by itself, before the state does. */
slv_notify *slv_notify_free(slv_notify *n); /* accepts NULL, returns NULL */

#endif
