/*
 * queuemsg_int.h - the fields of an EVENT QUEUE, for msg.c. Private to chan.
 */
#ifndef SLV_CHAN_QUEUEMSG_INT_H
#define SLV_CHAN_QUEUEMSG_INT_H

#include "chan/msg.h"

SLV_NODISCARD slv_code slv_msg_event_queue_put_(slv_buf *out, const slv_msg_event_queue *m);
bool slv_msg_event_queue_read_(slv_reader *r, slv_msg_event_queue *ret);

#endif
