/*
 * api_int.h - what the files of the router share. Private to api.
 */
#ifndef SLV_API_API_INT_H
#define SLV_API_API_INT_H

#include "api/carrier.h"

struct slv_api {
    slv_loop *loop;
    slv_state *state;
    slv_server *server;
    slv_host *host;
    char *tenant, *base_url;
    slv_list calls;
    size_t open;
};

/* route.c: the best route for method and path (params as they stand, not decoded). NULL: none;
 * *ret_known says whether the path has a route by another method. */
const slv_api_route *slv_api_match(const slv_api_route *const *tables, slv_str method, slv_str path,
                                   slv_str params[static SLV_API_PARAMS_MAX], size_t *ret_count,
                                   bool *ret_known);
/* query.c: percent-decoding; what is no escape stands for itself. plus: "+" is a space. */
SLV_NODISCARD slv_code slv_api_decode(slv_arena *arena, slv_str text, bool plus, slv_str *ret);

#endif
