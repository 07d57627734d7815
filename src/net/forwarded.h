/*
 * forwarded.h - whom a request is from when proxies of ours passed it on: X-Forwarded-For,
 * X-Forwarded-Proto, X-Forwarded-Host, and Forwarded (RFC 7239) where there is no X-Forwarded-For.
 *
 * Nothing of it is believed unless the connection's own address is among the trusted. Addresses are
 * read from the last to the first: those of trusted proxies are passed over, the first other one is
 * the client. What cannot be read ends the walk, and the last address that was believed counts.
 * Scheme and host are those of the same hop when each proxy added one, else the last ones.
 * Loop thread of the exchange.
 */
#ifndef SLV_NET_FORWARDED_H
#define SLV_NET_FORWARDED_H

#include "net/exchange.h"
#include "net/nets.h"

/* Changes ex->head: peer, peer_port (0: not known), scheme, authority and the host field. Header
 * fields that proxies added stay as they came. trusted may be NULL. */
void slv_forwarded_apply(const slv_nets *trusted, slv_exchange *ex);

#endif
