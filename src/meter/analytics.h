/*
 * analytics.h - one dataset of data points, and questions to it in SQL.
 *
 * A point has a time, an index, up to 20 texts (blobs) and 20 numbers (doubles). A question is one
 * SELECT (or WITH ... SELECT) over the dataset by its name, with the columns timestamp,
 * _sample_interval, dataset, index1, blob1 ... blob20, double1 ... double20. The language is
 * SQLite's, with the names that such queries are written with on the platform: NOW(), INTERVAL '1'
 * DAY (seconds), toDateTime(), toUnixTimestamp(), toStartOfInterval(), intDiv(), if(). Nothing else
 * can be read, and nothing be written.
 *
 * The format of the file is docs/formats/analytics.md. Threading: as slv_kv.
 */
#ifndef SLV_METER_ANALYTICS_H
#define SLV_METER_ANALYTICS_H

#include "base/buf.h"
#include "store/db.h"

#define SLV_ANALYTICS_ITEMS 20
#define SLV_ANALYTICS_INDEX_MAX ((size_t)96)
#define SLV_ANALYTICS_BLOBS_MAX ((size_t)16 << 10)         /* of all blobs of a point */
#define SLV_ANALYTICS_KEPT_MS ((int64_t)92 * 86400 * 1000) /* then a point is forgotten */
#define SLV_ANALYTICS_SQL_MAX ((size_t)64 << 10)
#define SLV_ANALYTICS_ROWS_MAX 100000
#define SLV_ANALYTICS_ANSWER_MAX ((size_t)16 << 20)
#define SLV_ANALYTICS_WORK_MAX 200000000 /* instructions of SQLite for one question */

typedef struct slv_analytics slv_analytics;

/* path without suffix. SLV_E_NOTFOUND: absent, and create is false. */
SLV_NODISCARD slv_code slv_analytics_open(const char *path, bool create, bool read_only,
                                          slv_analytics **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_analytics *slv_analytics_free(slv_analytics *a);
SLV_DEFINE_CLEANUP(slv_analytics *, slv_analytics_free);
slv_db *slv_analytics_db(slv_analytics *a);

typedef struct slv_analytics_point {
    int64_t time_ms;
    slv_str index;
    slv_str blobs[SLV_ANALYTICS_ITEMS]; /* ptr NULL: none */
    double doubles[SLV_ANALYTICS_ITEMS];
    size_t blob_count, double_count;
} slv_analytics_point;
/* SLV_E_LIMIT: it is larger than points may be. */
SLV_NODISCARD slv_code slv_analytics_write(slv_analytics *a, const slv_analytics_point *point,
                                           slv_err *err);

/* The name behind the first FROM; ptr NULL: there is none. Borrows from sql. */
slv_str slv_analytics_dataset_of(slv_str sql);
/* Appends {"meta":[{"name","type"}],"data":[{...}],"rows":n,"rows_before_limit_at_least":n}.
 * SLV_E_INVAL: the text is not such a question, with why; SLV_E_LIMIT: too much work or too large
 * an answer. */
SLV_NODISCARD slv_code slv_analytics_query(slv_analytics *a, slv_str dataset, slv_str sql,
                                           int64_t now_ms, slv_buf *out, slv_err *err);
SLV_NODISCARD slv_code slv_analytics_sweep(slv_analytics *a, int64_t now_ms, int64_t *ret_next_ms,
                                           slv_err *err);

#endif
