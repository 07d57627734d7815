/*
 * consumer.h - which worker takes the messages of a queue. A queue has one consumer at most; those
 * that pull are kept with the queue itself (queue/queue.h), those that are workers here.
 *
 * Whoever puts a worker into effect asks for its rows (slv_catalog_consumers_of); whoever changes
 * one does so for the worker before and the worker after. The rows of a worker go with it.
 */
#ifndef SLV_CATALOG_CONSUMER_H
#define SLV_CATALOG_CONSUMER_H

#include "catalog/catalog.h"

/* A number that was not given. */
#define SLV_CONSUMER_UNSET ((int64_t)-1)
/* What holds then. */
#define SLV_CONSUMER_BATCH 10
#define SLV_CONSUMER_WAIT_MS 5000
#define SLV_CONSUMER_RETRIES 3

typedef struct slv_consumer_row {
    slv_str queue, id, worker; /* id: 32 hexadecimal digits */
    slv_str dead_letter_queue; /* empty: none */
    int64_t batch_size, wait_ms, retries, concurrency, retry_delay_s; /* or unset */
    int64_t created_ms;
} slv_consumer_row;

typedef struct slv_consumer_list {
    slv_consumer_row *items;
    size_t count;
} slv_consumer_list;

/* SLV_E_NOTFOUND, without a text: no worker takes them. */
SLV_NODISCARD slv_code slv_catalog_consumer_get(slv_catalog *c, slv_str account, slv_str queue,
                                                slv_arena *arena, slv_consumer_row *ret,
                                                slv_err *err);
/* All that a worker takes, in the order of names. */
SLV_NODISCARD slv_code slv_catalog_consumers_of(slv_catalog *c, slv_str account, slv_str worker,
                                                slv_arena *arena, slv_consumer_list *ret,
                                                slv_err *err);
/* In place of the queue's consumer before. SLV_E_NOTFOUND: there is no such worker. */
SLV_NODISCARD slv_code slv_catalog_consumer_put(slv_catalog *c, slv_str account,
                                                const slv_consumer_row *row, slv_err *err);
/* Absent is fine. */
SLV_NODISCARD slv_code slv_catalog_consumer_remove(slv_catalog *c, slv_str account, slv_str queue,
                                                   slv_err *err);

#endif
