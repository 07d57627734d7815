/*
 * carrier.h - who brings calls to the router and takes their answers: a connection, or the process
 * itself.
 *
 * Life of a call: slv_api_call_start makes it; the carrier feeds the body (slv_api_call_body) as
 * far as `credit` asked for it; `begin`, `write`, then `end` or `abort` come back, also from inside
 * slv_api_call_start and slv_api_call_body. In `end` and `abort` the carrier forgets the call: it
 * is gone. A carrier that loses its client says so with slv_api_call_gone and forgets the call too;
 * it hears of it no more, while the router keeps it until its handler ends it. Loop thread only.
 */
#ifndef SLV_API_CARRIER_H
#define SLV_API_CARRIER_H

#include "api/api.h"

struct slv_api_carrier {
    void (*credit)(void *carried, size_t n);
    void (*begin)(void *carried, int status, slv_str headers, int64_t length);
    bool (*write)(void *carried, slv_str bytes); /* false: slv_api_call_writable follows */
    void (*end)(void *carried);
    void (*abort)(void *carried);
};

typedef struct slv_api_head {
    slv_str method;
    slv_str target;  /* raw: "/client/v4/accounts/x/queues?page=1" */
    slv_str headers; /* block, names in lower case */
    int64_t length;  /* of the body; 0: none, -1: unknown */
    slv_str peer;    /* the client's address; empty: this machine's owner */
    bool owner;      /* of the data directory, who needs no token */
} slv_api_head;

/* Copies the head. *ret_call is written first of all. Where calls need a token, the handler runs
 * later, and a body must not be given before credit asks for it (slv_api_waits). */
void slv_api_call_start(slv_api *api, const slv_api_head *head, const slv_api_carrier *carrier,
                        void *carried, slv_api_call **ret_call);
bool slv_api_waits(const slv_api *api);
void slv_api_call_body(slv_api_call *call, slv_str bytes, bool last);
void slv_api_call_writable(slv_api_call *call);
void slv_api_call_gone(slv_api_call *call);

#endif
