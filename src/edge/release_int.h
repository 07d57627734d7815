/* release_int.h - a loop that gives way to another process: release.c. On its thread. */
#ifndef SLV_EDGE_RELEASE_INT_H
#define SLV_EDGE_RELEASE_INT_H

#include "edge/edge_int.h"

/* What an isolate hears that asks for something which is no longer here. */
#define SLV_MOVED_AWAY                                                                             \
    "This request began before an upgrade of the server, and what it asks for is in the new "      \
    "process. Connect again to reach it."

/* Hands over what can be handed over, ends what belongs to stores and objects within timeout_ms,
 * then calls released: nothing here touches the state any more. What is left goes on; over comes
 * when nothing is, once. slv_shard_close may come at any time after released. */
void slv_shard_release(slv_shard *shard, uint32_t timeout_ms, void (*released)(slv_shard *shard),
                       void (*over)(slv_shard *shard));

#endif
