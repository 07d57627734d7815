/*
 * wire_int.h - WebSockets on their way through main: two ends joined, each a client, an origin or
 * an isolate.
 */
#ifndef SLV_EDGE_WIRE_INT_H
#define SLV_EDGE_WIRE_INT_H

#include "edge/edge_int.h"

/* A RESPONSE with a socket: answers *ex with 101 and joins; *ex is NULL after. */
slv_code slv_wire_answer(slv_event *ev, slv_exchange **ex, const slv_msg_response *m, slv_err *err);

#endif
