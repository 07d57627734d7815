/*
 * http.h - the router behind listeners: exchanges of net/server.h as calls.
 *
 * A slv_api_http listens on STATE/control.sock (mode 0600: whoever may open it is the user
 * itself). Loop thread only.
 */
#ifndef SLV_API_HTTP_H
#define SLV_API_HTTP_H

#include "api/api.h"

typedef struct slv_api_http slv_api_http;

#define SLV_API_SOCKET "control.sock"

/* path: of the socket; a stale one is replaced. The api must outlive the server. */
SLV_NODISCARD slv_code slv_api_http_new(slv_api *api, slv_str path, slv_api_http **ret,
                                        slv_err *err);
/* Cuts what is open; calls that run end by themselves. Accepts NULL, returns NULL. */
slv_api_http *slv_api_http_free(slv_api_http *server);
SLV_DEFINE_CLEANUP(slv_api_http *, slv_api_http_free);

#endif
