/*
 * worker_int.h - the workers of one loop: which versions answer for a name.
 *
 * A worker is found by its account and its name; a worker of a dispatch namespace has the name
 * "NAMESPACE:NAME". It has one version, or two by percentage. Which of two answers is drawn for
 * each event, unless something stays with one: a Durable Object by its id, a client by the key that
 * it sends. What stays does so as long as the percentages are, and a version whose share grows
 * keeps what it has.
 *
 * A deploy of a worker that has traffic takes effect once the new version is up. Loop thread only.
 */
#ifndef SLV_EDGE_WORKER_INT_H
#define SLV_EDGE_WORKER_INT_H

#include "edge/edge_int.h"

typedef struct slv_worker {
    slv_str tenant, name;                 /* owned */
    slv_version *versions[SLV_SPLIT_MAX]; /* each a reference */
    double percent[SLV_SPLIT_MAX];
    size_t count;              /* 0: nothing answers yet */
    struct slv_takeover *next; /* waits for its versions to be up; NULL: none */
} slv_worker;

/* NULL: none of that name. */
slv_worker *slv_worker_find(slv_shard *shard, slv_str tenant, slv_str name);
/* The version for an event that nothing binds to one. */
slv_version *slv_worker_any(slv_shard *shard, const slv_worker *w);
/* The version that stays with the key. */
slv_version *slv_worker_for(const slv_worker *w, slv_str key);
/* That of an id, when it is deployed; NULL. */
slv_version *slv_worker_version(const slv_worker *w, slv_str id);
/* Whether events of the version may call Durable Objects, themselves or by another worker. */
bool slv_worker_may_call_objects(const slv_version *version);

#endif
