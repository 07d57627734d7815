/*
 * nets.h - a set of networks, "10.0.0.0/8", "fd00::/8" or single addresses: who is trusted.
 *
 * Immutable once made; any thread may ask.
 */
#ifndef SLV_NET_NETS_H
#define SLV_NET_NETS_H

#include <sys/socket.h>

#include "base/str.h"

#define SLV_NETS_MAX 1000

typedef struct slv_nets slv_nets;

/* SLV_E_INVAL: the message names the entry and what is wrong with it (also bits that are set beyond
 * the prefix). "unix" stands for connections by Unix sockets. */
SLV_NODISCARD slv_code slv_nets_new(const slv_str *entries, size_t count, slv_nets **ret,
                                    slv_err *err);
slv_nets *slv_nets_free(slv_nets *nets);
SLV_DEFINE_CLEANUP(slv_nets *, slv_nets_free);

/* address: as text, without brackets or port; empty means a Unix socket. IPv4 addresses inside IPv6
 * (::ffff:a.b.c.d) count as what they are. False for what is no address; nets may be NULL. */
bool slv_nets_has(const slv_nets *nets, slv_str address);
bool slv_nets_is_address(slv_str text);

#endif
