/*
 * http.h - the router behind listeners: exchanges of net/server.h as calls.
 *
 * A slv_api_http listens on STATE/control.sock (mode 0600: whoever may open it is the user
 * itself), or on sockets of the network. Loop thread only.
 */
#ifndef SLV_API_HTTP_H
#define SLV_API_HTTP_H

#include "api/api.h"
#include "edge/server.h"

typedef struct slv_api_http slv_api_http;

#define SLV_API_SOCKET "control.sock"

/* path: of the socket; a stale one is replaced. The api must outlive the server. Calls need no
 * token. */
SLV_NODISCARD slv_code slv_api_http_new(slv_api *api, slv_str path, slv_api_http **ret,
                                        slv_err *err);
/* On listening sockets, which it owns from then on: calls need a token where there are accounts.
 * `extension` is asked for requests outside of the API's paths; it is copied. */
SLV_NODISCARD slv_code slv_api_http_listen(slv_api *api, const int *fds, size_t count,
                                           const slv_server_extension *extension,
                                           slv_api_http **ret, slv_err *err);
/* Stops accepting, answers what is open, then calls done (in timeout_ms at the latest). */
void slv_api_http_drain(slv_api_http *server, uint32_t timeout_ms, void (*done)(void *arg),
                        void *arg);
/* Cuts what is open; calls that run end by themselves. Accepts NULL, returns NULL. */
slv_api_http *slv_api_http_free(slv_api_http *server);
SLV_DEFINE_CLEANUP(slv_api_http *, slv_api_http_free);

#endif
