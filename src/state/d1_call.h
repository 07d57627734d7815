/*
 * d1_call.h - an ask of a D1 database as a call on its store, wherever that is.
 *
 * Loop thread only. The struct around it has what the ask points at, until done().
 */
#ifndef SLV_STATE_D1_CALL_H
#define SLV_STATE_D1_CALL_H

#include "d1/ask.h"
#include "state/state.h"

typedef struct slv_d1_call {
    slv_call call; /* its done() finds the struct around by this member */
    slv_d1_ask ask;
} slv_d1_call;

/* Fill `ask` first (a second try may use it again). READ: on a reader; else SOLO or WRITE. */
void slv_d1_call_make(slv_d1_call *d, slv_store *store, slv_loop *loop, slv_call_kind kind,
                      bool create, void (*done)(slv_call *call));

#endif
