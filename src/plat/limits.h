/*
 * limits.h - every limit that main enforces on a worker, with the platform's defaults (the numbers
 * that the public documentation gives for a paid plan). Header only, any thread.
 *
 * A slv_limits is a plain value: a version holds its own copy, made from the defaults and the
 * project's configuration.
 */
#ifndef SLV_PLAT_LIMITS_H
#define SLV_PLAT_LIMITS_H

#include <stdint.h>

#define SLV_LIMIT_CPU_MS_MAX 300000u /* what limits.cpu_ms may ask for */

typedef struct slv_limits {
    /* CPU, charged to the event */
    uint32_t cpu_fetch_ms;
    uint32_t cpu_cron_ms;       /* slots at least an hour apart */
    uint32_t cpu_cron_short_ms; /* slots closer than that */
    uint32_t cpu_queue_ms;
    uint32_t cpu_alarm_ms;
    uint32_t cpu_startup_ms; /* module scope */
    /* wall time */
    uint32_t wall_background_ms; /* cron, alarm, queue */
    uint32_t wait_until_ms;      /* after the response was sent or the client left */
    /* memory of an isolate, less what was shared at its birth */
    uint64_t memory_bytes;
    /* counts of one event */
    uint32_t subrequests;
    uint32_t open_connections; /* outgoing, waiting for headers */
    uint32_t timers;
    uint32_t redirects;
    uint32_t service_hops; /* calls of workers by workers before a loop is assumed */
    /* sizes */
    uint64_t worker_bytes; /* script and modules */
    uint64_t request_body_bytes;
    uint32_t url_bytes;
    uint32_t request_header_bytes;
    uint32_t response_header_bytes;
    uint32_t websocket_message_bytes;
    uint32_t rpc_message_bytes;
    uint32_t log_bytes;    /* console output of one event; the rest is cut */
    uint32_t log_lines;    /* lines of one event kept in a trace */
    uint32_t random_bytes; /* one getRandomValues call */
    uint32_t pbkdf2_iterations;
    /* configuration */
    uint32_t variables; /* vars and secrets */
    uint32_t variable_bytes;
    uint32_t bindings;
    uint32_t crons;
} slv_limits;

#define SLV_LIMITS_DEFAULT                                                                         \
    ((slv_limits){                                                                                 \
        .cpu_fetch_ms = 30000,                                                                     \
        .cpu_cron_ms = 900000,                                                                     \
        .cpu_cron_short_ms = 30000,                                                                \
        .cpu_queue_ms = 30000,                                                                     \
        .cpu_alarm_ms = 30000,                                                                     \
        .cpu_startup_ms = 1000,                                                                    \
        .wall_background_ms = 900000,                                                              \
        .wait_until_ms = 30000,                                                                    \
        .memory_bytes = (uint64_t)128 << 20,                                                       \
        .subrequests = 10000,                                                                      \
        .open_connections = 6,                                                                     \
        .timers = 10000,                                                                           \
        .redirects = 20,                                                                           \
        .service_hops = 16,                                                                        \
        .worker_bytes = (uint64_t)64 << 20,                                                        \
        .request_body_bytes = 100000000,                                                           \
        .url_bytes = 16384,                                                                        \
        .request_header_bytes = 131072,                                                            \
        .response_header_bytes = 131072,                                                           \
        .websocket_message_bytes = (uint32_t)32 << 20,                                             \
        .rpc_message_bytes = (uint32_t)32 << 20,                                                   \
        .log_bytes = 262144,                                                                       \
        .log_lines = 1023,                                                                         \
        .random_bytes = 65536,                                                                     \
        .pbkdf2_iterations = 100000,                                                               \
        .variables = 128,                                                                          \
        .variable_bytes = 5120,                                                                    \
        .bindings = 5000,                                                                          \
        .crons = 250,                                                                              \
    })

#endif
