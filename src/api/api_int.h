/*
 * api_int.h - what the files of the router share. Private to api.
 */
#ifndef SLV_API_API_INT_H
#define SLV_API_API_INT_H

#include "api/carrier.h"

typedef struct slv_auth slv_auth;

struct slv_api {
    slv_loop *loop;
    slv_state *state;
    slv_server *server;
    slv_host *host;
    slv_sight *sight;
    slv_store *catalog;
    slv_auth *auth;
    slv_code (*order)(void *arg, slv_api_order what, slv_err *err);
    void *order_arg;
    char *tenant, *base_url, *subdomain;
    slv_code (*more_accounts)(void *arg, size_t accounts, slv_err *err);
    void *more_arg;
    slv_list calls;
    size_t open;
};

/* route.c: the best route for method and path (params as they stand, not decoded). NULL: none;
 * *ret_known says whether the path has a route by another method. */
const slv_api_route *slv_api_match(const slv_api_route *const *tables, slv_str method, slv_str path,
                                   slv_str params[static SLV_API_PARAMS_MAX], size_t *ret_count,
                                   bool *ret_known);
/* api.c: the call has its tenant; its handler may run. */
void slv_api_admit(slv_api_call *call);

/* auth.c: who calls. Ends the call, or admits it, now or later. */
slv_auth *slv_auth_new(slv_api *api);
slv_auth *slv_auth_free(slv_auth *auth);
void slv_auth_check(slv_auth *auth, slv_api_call *call, const slv_api_head *head);
/* The call is over: what was asked for it is forgotten, what it did is written down. */
void slv_auth_over(slv_api_call *call);

/* auth.c takes the owner of the directory also where there are several accounts and the path names
 * none. A handler that is about one asks. False: the call was ended. */
bool slv_api_one_account(slv_api_call *call);

/* auth_scope.c: a token needs one of these scopes for the route; *ret_audited: its success is a
 * change that the audit log keeps. */
unsigned slv_auth_scopes(const slv_api_route *route, bool *ret_audited);

/* query.c: percent-decoding; what is no escape stands for itself. plus: "+" is a space. */
SLV_NODISCARD slv_code slv_api_decode(slv_arena *arena, slv_str text, bool plus, slv_str *ret);

#endif
