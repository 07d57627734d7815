/*
 * registry.h - the kind of store that a tenant's register of Durable Objects is, for whoever
 * removes tenants. Its folder also has those of the objects. Any thread.
 */
#ifndef SLV_EDGE_REGISTRY_H
#define SLV_EDGE_REGISTRY_H

#include "state/state.h"

extern const slv_store_type slv_object_registry_store; /* objects/registry.h; "registry" */

#endif
