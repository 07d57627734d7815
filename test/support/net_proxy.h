/* net_proxy.h - the part of net_server that uses the outgoing client; see net_server.c for its
 * paths. */
#ifndef SLV_TEST_NET_PROXY_H
#define SLV_TEST_NET_PROXY_H

#include "net/client.h"
#include "net/exchange.h"

/* private_too: false refuses loopback addresses. */
bool proxy_start(slv_loop *loop, const char *ca_file, bool private_too);
void proxy_stop(void);
/* One of these for the handler table of each kind; ex->user belongs to the proxy then. */
void proxy_fetch(slv_exchange *ex);
void proxy_socket(slv_exchange *ex);
void proxy_connect(slv_exchange *ex);
void proxy_body(slv_exchange *ex, slv_str bytes, bool last);
void proxy_writable(slv_exchange *ex);
void proxy_gone(slv_exchange *ex);

#endif
