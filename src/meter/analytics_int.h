/*
 * analytics_int.h - private to meter.
 */
#ifndef SLV_METER_ANALYTICS_INT_H
#define SLV_METER_ANALYTICS_INT_H

#include "meter/analytics.h"

struct slv_analytics {
    slv_db *db;
};

/* analytics_text.c: the question as SQLite takes it: a common table for the dataset in front,
 * intervals as seconds, without a FORMAT or a semicolon at the end. */
SLV_NODISCARD slv_code slv_analytics_rewrite_(slv_str dataset, slv_str sql, slv_buf *out,
                                              slv_err *err);

#endif
