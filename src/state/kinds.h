/*
 * kinds.h - the kinds of stores: each service behind the table that state.h opens it by.
 *
 * A call's `service` is a pointer to what the comment names. Any thread.
 */
#ifndef SLV_STATE_KINDS_H
#define SLV_STATE_KINDS_H

#include "state/state.h"

extern const slv_store_type
    slv_catalog_store;                    /* slv_catalog, catalog/catalog.h; one for the server */
extern const slv_store_type slv_d1_store; /* slv_d1, d1/d1.h; the id is the database's */
extern const slv_store_type slv_analytics_store; /* slv_analytics, meter/analytics.h; the dataset */
extern const slv_store_type slv_email_store; /* no service: slv_store_path names a message's file */
extern const slv_store_type slv_cache_store; /* slv_cache, cache/cache.h; the id is its name */
extern const slv_store_type slv_dynamo_store; /* slv_dynamo, dynamo/dynamo.h; "tables" */
extern const slv_store_type slv_kv_store;     /* slv_kv, kv/kv.h; the id is the namespace */
extern const slv_store_type slv_queue_store;  /* slv_queue, queue/queue.h; the id is its name */
extern const slv_store_type slv_r2_store;     /* slv_r2, r2/r2.h; the id is the bucket */

#endif
