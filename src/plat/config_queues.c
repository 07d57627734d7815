/* Queues in the configuration: what a worker consumes, with the values that wrangler's own local
 * runs have where none are given. */
#include "plat/config_int.h"

#define BATCH_SIZE 5
#define BATCH_SIZE_MAX 100
#define BATCH_TIMEOUT_S 1
#define BATCH_TIMEOUT_MAX_S 60
#define RETRIES 2
#define RETRIES_MAX 100
#define CONCURRENCY_MAX 250
#define DELAY_MAX_S 86400
#define VISIBILITY_MAX_MS (12.0 * 3600 * 1000)

/* A number of the table within its bounds; *ret stays as it is when absent (null is). */
static slv_code number(config_walk *w, const slv_node *table, const char *key, double min,
                       double max, double *ret)
{
    const slv_node *n = slv_node_get(table, key);

    if (!n || n->type == SLV_NODE_NULL)
        return SLV_OK;
    if (!slv_node_f64(n, ret) || *ret < min || *ret > max)
        return slv_config_fail(w, SLV_E_INVAL, n, "'%s' must be a number from %.0f to %.0f", key,
                               min, max);
    return SLV_OK;
}

static slv_code read_consumer(config_walk *w, const slv_node *n, slv_consumer *ret)
{
    double size = BATCH_SIZE, timeout = BATCH_TIMEOUT_S, retries = RETRIES, concurrency = 0;
    double delay = 0, visibility = 0;
    slv_str type = slv_node_str(slv_node_get(n, "type"));

    SLV_TRY(number(w, n, "max_batch_size", 0, BATCH_SIZE_MAX, &size));
    SLV_TRY(number(w, n, "max_batch_timeout", 0, BATCH_TIMEOUT_MAX_S, &timeout));
    SLV_TRY(number(w, n, "max_retries", 0, RETRIES_MAX, &retries));
    SLV_TRY(number(w, n, "max_concurrency", 1, CONCURRENCY_MAX, &concurrency));
    SLV_TRY(number(w, n, "retry_delay", 0, DELAY_MAX_S, &delay));
    SLV_TRY(number(w, n, "visibility_timeout_ms", 0, VISIBILITY_MAX_MS, &visibility));
    *ret = (slv_consumer){
        .queue = slv_node_str(slv_node_get(n, "queue")),
        .pull = slv_str_is(type, "http_pull"),
        .dead_letter_queue = slv_node_str(slv_node_get(n, "dead_letter_queue")),
        .batch_size = size < 1 ? 1 : (uint32_t)size,
        .batch_timeout_ms = (uint32_t)(timeout * 1000),
        .retries = (uint32_t)retries,
        .concurrency = (uint32_t)concurrency,
        .retry_delay_s = (int64_t)delay,
        .visibility_ms = (int64_t)visibility,
    };
    return SLV_OK;
}

slv_code slv_config_read_consumers(config_walk *w, const slv_node *queues, slv_config *c)
{
    const slv_node *list = slv_node_get(queues, "consumers");

    for (const slv_node *n = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; n;
         n = n->next) {
        slv_consumer consumer;

        SLV_TRY(read_consumer(w, n, &consumer));
        for (size_t i = 0; i < c->consumers.len; i++)
            if (slv_str_eq(c->consumers.items[i].queue, consumer.queue))
                return slv_config_fail(w, SLV_E_INVAL, n, "the queue '%.*s' has two consumers",
                                       SLV_STR_ARGS(consumer.queue));
        slv_vec_push(&c->consumers, consumer);
    }
    return SLV_OK;
}
