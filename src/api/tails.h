/*
 * tails.h - sessions of `tail` by REST: for workers (tails.c), and for whatever else runs as one
 * (deployments of Pages). Private to api; on the loop of the slv_api.
 */
#ifndef SLV_API_TAILS_H
#define SLV_API_TAILS_H

#include "api/api.h"

/* Answers {"id","url","expires_at"}: a session for the worker of the call's account, with the
 * filters of its body. dispatch: its namespace; version: only events of this one; both may be
 * empty. Ends the call. */
void slv_api_tail_open(slv_api_call *call, slv_str dispatch, slv_str worker, slv_str version);
/* Ends the session and the call. */
void slv_api_tail_close(slv_api_call *call, slv_str worker, slv_str id);

#endif
