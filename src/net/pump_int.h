/* pump_int.h - how a connection becomes a pump. Private to net. */
#ifndef SLV_NET_PUMP_INT_H
#define SLV_NET_PUMP_INT_H

#include "net/outq.h"
#include "net/pump.h"
#include "net/wire.h"

/* Takes client's socket and session (it must not be watched) and plain, an end of a stream socket
 * pair. queued (may be NULL): what the client gets first; it is emptied. */
void slv_pumps_take(slv_pumps *pumps, slv_wire *client, slv_outq *queued, int plain);

#endif
