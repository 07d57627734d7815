/*
 * queue_int.h - layout of the service and of its file (docs/formats/queue.md). Private to queue.
 *
 * messages   one row for each; `due` is when it may be delivered next. Rows stand in the order of
 *            arrival; the index on due gives them in the order of delivery (an index ends in the
 *            row's number, so equal times keep the order of arrival).
 * totals     one row: number and bytes of the messages, and the next seq. Numbers are not given
 *            twice, also not after the last message has gone.
 * meta       settings, as text
 */
#ifndef SLV_QUEUE_QUEUE_INT_H
#define SLV_QUEUE_QUEUE_INT_H

#include "queue/queue.h"

struct slv_queue {
    slv_db *db;
};

/* Adds to the totals' row. */
SLV_NODISCARD slv_code slv_queue_add_totals_(slv_queue *q, int64_t count, int64_t bytes,
                                             slv_err *err);
/* The row's metrics, without oldest_ms. */
SLV_NODISCARD slv_code slv_queue_totals_(slv_queue *q, slv_queue_metrics *ret, int64_t *ret_next,
                                         slv_err *err);
/* Time of the first message in order of arrival that is in neither list; 0: none. Both ascending.
 */
SLV_NODISCARD slv_code slv_queue_oldest_(slv_queue *q, const int64_t *a, size_t a_count,
                                         const int64_t *b, size_t b_count, int64_t *ret,
                                         slv_err *err);
SLV_NODISCARD slv_code slv_queue_retention_(slv_queue *q, int64_t *ret_ms, slv_err *err);
/* Gives the queue its id and time of birth, if it has none yet. */
SLV_NODISCARD slv_code slv_queue_first_settings_(slv_queue *q, int64_t now_ms, slv_err *err);
bool slv_queue_has_(const int64_t *sorted, size_t count, int64_t seq);

#endif
