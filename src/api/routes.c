/* Every area's table of routes. */
#include "api/routes.h"

const slv_api_route *const slv_api_tables[] = {
    slv_api_d1_routes,
    slv_api_dynamo_routes,
    slv_api_dynamo_operation_routes,
    slv_api_queue_routes,
    slv_api_queue_message_routes,
    slv_api_queue_consumer_routes,
    slv_api_analytics_routes,
    slv_api_cache_routes,
    slv_api_identity_routes,
    slv_api_kv_routes,
    slv_api_r2_routes,
    slv_api_r2_object_routes,
    slv_api_r2_key_routes,
    slv_api_tail_routes,
    NULL,
};
