/*
 * filter.h - which events a session of `tail` shows: the list of filters that its client sends, all
 * of which an event must pass.
 *
 *     {"sampling_rate": 0.5}              of those that pass the others, drawn
 *     {"outcome": ["exception", ...]}     "unknown" is every outcome that has no name there
 *     {"method": ["GET"]}                 of requests; other events have none, and do not pass
 *     {"header": {"key", "query"}}        a field of the request; query (may be absent): in it
 *     {"client_ip": ["self", ...]}        "self": whoever opened the session
 *     {"query": "text"}                   in a console line
 *     {"scriptVersion": "id"}             also "script_version"
 *
 * Pure; any thread. Limits: SLV_FILTERS_MAX filters, SLV_FILTER_VALUES_MAX values in one.
 */
#ifndef SLV_SIGHT_FILTER_H
#define SLV_SIGHT_FILTER_H

#include "edge/trace.h"
#include "fmt/doc.h"

#define SLV_FILTERS_MAX 50
#define SLV_FILTER_VALUES_MAX 100

typedef struct slv_filter slv_filter;

typedef struct slv_filters {
    const slv_filter *items;
    size_t count;
    double rate; /* product of the sampling rates */
} slv_filters;

/* list: the JSON array; NULL: none. Strings are copied to the arena. SLV_E_INVAL names what is
 * wrong. */
SLV_NODISCARD slv_code slv_filters_read(const slv_node *list, slv_str self_address,
                                        slv_arena *arena, slv_filters *ret, slv_err *err);
/* All but the sampling. */
bool slv_filters_pass(const slv_filters *f, const slv_trace *t);

#endif
