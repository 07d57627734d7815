/* Every area's table of routes. */
#include "api/routes.h"

const slv_api_route *const slv_api_tables[] = {
    NULL,
};
