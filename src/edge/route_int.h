/*
 * route_int.h - from a request to the version that answers it, on a server of many workers.
 *
 * A host that may be a preview is asked for on the control loop (slv_server_hooks.preview), while
 * its requests wait; the version that comes back is kept here until nobody has used it for a
 * while. Loop thread only.
 *
 * Limits: SLV_PREVIEWS_MAX versions are kept, the one used longest ago goes first;
 * SLV_PARKED_MAX requests wait.
 */
#ifndef SLV_EDGE_ROUTE_INT_H
#define SLV_EDGE_ROUTE_INT_H

#include "edge/edge_int.h"
#include "edge/site.h"

#define SLV_PREVIEWS_MAX 32
#define SLV_PREVIEW_IDLE_MS 120000
#define SLV_PARKED_MAX 1000

typedef struct slv_previews slv_previews;

slv_previews *slv_previews_new(slv_shard *shard);
/* Nothing is started any more; requests that wait are cut. */
void slv_previews_close(slv_previews *p);
slv_previews *slv_previews_free(slv_previews *p);

/* Another routing table (takes the reference): what it says of previews may be different. */
void slv_route_set_site(slv_shard *shard, slv_site *site_take);
/* The version for a request; NULL: it has been answered, or waits (slv_ingress_serve follows). */
slv_version *slv_route_request(slv_shard *shard, slv_exchange *ex);
/* How many workers of ours a request has come through, as egress.c tells. */
unsigned slv_route_hops(const slv_exchange *ex);

#endif
