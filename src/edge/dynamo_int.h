/*
 * dynamo_int.h - requests of workers to AWS's host names, as egress.c hands them over. Loop thread.
 */
#ifndef SLV_EDGE_DYNAMO_INT_H
#define SLV_EDGE_DYNAMO_INT_H

#include "edge/edge_int.h"

/* The request is one that the server's own tables answer. */
bool slv_dynamo_answers(const slv_event *ev, const slv_msg_op_fetch *m);
/* Answers it, now or later. Takes the body's source (NULL: it stands in m). */
void slv_dynamo_fetch_take(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_source *body);

#endif
