/*
 * cron.h - cron expressions as the platform has them: five fields, UTC, a slot each minute. Any
 * thread.
 *
 *     minute 0-59 · hour 0-23 · day 1-31 · month 1-12 or JAN-DEC · weekday 1-7 or SUN-SAT, 1 is
 * Sunday
 *
 * Lists, ranges and steps ("1,2", "10-20", "*" with a step, "5/10", "10-20/2"); names in any case.
 * Days also L (the last), L-3, W (weekday nearest to a day: 15W), LW; weekdays also 6L (the last
 * Friday) and 6#2 (the second Friday). When both day fields are restricted a day that either names
 * matches. "?" and weekday 0 are errors.
 */
#ifndef SLV_FMT_CRON_H
#define SLV_FMT_CRON_H

#include "base/str.h"

typedef struct slv_cron {
    uint64_t minutes;
    uint32_t hours, days, months; /* bit n: n */
    uint32_t weekdays;            /* bit 1: Sunday */
    uint32_t near_days;           /* nW */
    uint32_t last_minus;          /* bit n: L-n; bit 0: L */
    bool last_near;               /* LW */
    uint32_t last_weekdays;       /* nL */
    uint8_t nth_weekdays[8];      /* [n] bit k: n#k */
    bool any_day, any_weekday;    /* the field was * */
} slv_cron;

/* SLV_E_PARSE; the message names the field. */
SLV_NODISCARD slv_code slv_cron_parse(slv_str text, slv_cron *ret, slv_err *err);
/* Whether the minute that time_ms (of the epoch) lies in is a slot. */
bool slv_cron_matches(const slv_cron *cron, int64_t time_ms);
/* The first slot after time_ms; -1 when there is none within 30 years ("0 0 31 2 *"). */
int64_t slv_cron_next(const slv_cron *cron, int64_t time_ms);
/* The shortest time between two slots within the next year from time_ms, at most 24 h; what CPU
 * limits depend on. */
int64_t slv_cron_interval(const slv_cron *cron, int64_t time_ms);

#endif
