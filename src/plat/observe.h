/*
 * observe.h - what is told of a worker's events, and to whom: "tail_consumers" and "observability"
 * of a configuration, an upload or a worker's settings (they have the same form everywhere).
 *
 * Pure; any thread.
 */
#ifndef SLV_PLAT_OBSERVE_H
#define SLV_PLAT_OBSERVE_H

#include "base/arena.h"
#include "fmt/doc.h"

#define SLV_OBSERVE_TAILS_MAX 20 /* tail workers of one worker; more are left out */

typedef struct slv_observe {
    const slv_str *tails; /* names of the workers that are given its traces */
    size_t tail_count;
    bool logs, traces;           /* kept, exported */
    bool invocations;            /* logs have a line for each event too */
    double log_rate, trace_rate; /* 0 to 1: of the events, which are drawn before they begin */
} slv_observe;

/* Either node may be NULL. Names are copied. What has the wrong type counts as absent: those who
 * take configurations check them. SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_observe_read(const slv_node *tail_consumers,
                                        const slv_node *observability, slv_arena *arena,
                                        slv_observe *ret);

#endif
