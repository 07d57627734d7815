/*
 * peer_int.h - what the edge keeps for each isolate: its capabilities.
 *
 * Numbers in frames are those of one channel. A capability that an isolate holds (an import) is a
 * number that main chose; one that it gave out (an export) a number that it chose. An import points
 * to the export of another isolate, or to a result that is still pending.
 */
#ifndef SLV_EDGE_PEER_INT_H
#define SLV_EDGE_PEER_INT_H

#include "base/map.h"
#include "edge/edge_int.h"

typedef struct slv_peer slv_peer;

struct slv_peer {
    slv_shard *shard;
    slv_isolate *iso;
};

void slv_peer_init(slv_peer *peer, slv_shard *shard, slv_isolate *iso);
/* The isolate is gone: what others hold of it is broken, what it held is dropped. */
void slv_peer_done(slv_peer *peer);

#endif
