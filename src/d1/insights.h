/*
 * insights.h - what the statements of a database cost, by the hour: how often each was run, for how
 * long, and how many rows it read, wrote and gave.
 *
 * A statement is known by its text without values: literals are "?", comments are gone, runs of
 * blanks are one, and what is longer than SLV_D1_INSIGHT_TEXT_MAX is cut. Kept are the
 * SLV_D1_INSIGHTS_MAX statements that were run last, for SLV_D1_INSIGHT_DAYS; what is older than
 * two days is kept by the day. These are figures and no data: they are written to PATH.insights now
 * and then and when the last handle on the file is closed, and a crash loses what was not written.
 *
 * Threading: any thread; a lock of its own.
 */
#ifndef SLV_D1_INSIGHTS_H
#define SLV_D1_INSIGHTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SLV_D1_INSIGHTS_MAX 1000
#define SLV_D1_INSIGHT_TEXT_MAX ((size_t)2048)
#define SLV_D1_INSIGHT_DAYS 31
#define SLV_D1_INSIGHTS_SAVE_MS 60000

typedef struct slv_d1_insights slv_d1_insights;

typedef struct slv_d1_cost {
    uint64_t count, us, rows_read, rows_written, rows_returned;
} slv_d1_cost;

/* Reads PATH.insights; what cannot be read is begun anew. */
slv_d1_insights *slv_d1_insights_open(const char *path);
/* Writes what has changed. Accepts NULL, returns NULL. */
slv_d1_insights *slv_d1_insights_close(slv_d1_insights *ins);
void slv_d1_insights_add(slv_d1_insights *ins, slv_str sql, const slv_d1_cost *cost,
                         int64_t now_ms);
/* Writes the file if something has changed for a while. */
void slv_d1_insights_keep(slv_d1_insights *ins, int64_t now_ms);

/* The text without values, as it is grouped. */
SLV_NODISCARD slv_code slv_d1_insights_normalise(slv_str sql, slv_buf *out);

typedef enum slv_d1_insight_order {
    SLV_D1_BY_TIME,
    SLV_D1_BY_READS,
    SLV_D1_BY_WRITES,
    SLV_D1_BY_RETURNED,
    SLV_D1_BY_COUNT,
} slv_d1_insight_order;

typedef struct slv_d1_insights_ask {
    int64_t from_ms, to_ms; /* hours that begin in it */
    slv_d1_insight_order order;
    bool average, ascending; /* order by what one run costs; the cheapest first */
    uint32_t limit;
    bool totals; /* hours with sums of everything, instead of statements */
} slv_d1_insights_ask;

/* A JSON array: [{"sum":{..},"avg":{..},"count":N,"dimensions":{"query":TEXT}}], or with totals
 * [{"sum":{"readQueries","writeQueries","rowsRead","rowsWritten"},"dimensions":{"datetimeHour"}}].
 */
SLV_NODISCARD slv_code slv_d1_insights_put(slv_d1_insights *ins, const slv_d1_insights_ask *ask,
                                           slv_buf *out);

#endif
