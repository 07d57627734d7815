/*
 * socket.h - outgoing byte connections for connect(): TCP, TLS, and TCP that turns into TLS
 * (STARTTLS).
 *
 * Made from a client (net/client.h): its address policy, timeout, trusted certificates and proxies
 * (CONNECT) hold here, too. Loop thread only; slv_socket_open never calls back from inside. Life:
 * from slv_socket_open until `closed` returned or slv_socket_abort was called.
 *
 * Reading: nothing before slv_socket_credit granted it. The peer's end of stream is `end`, once;
 * what we have may still be written (half-open). Writing: slv_socket_write always takes (copies),
 * before `open`, too; false above SLV_EXCHANGE_HIGH, `writable` follows below SLV_EXCHANGE_LOW.
 * slv_socket_shutdown sends our end after what is queued. When both ends were sent, or after a
 * failure, `closed` comes, last.
 * TLS: 1.2 or later, verified against the host name, no ALPN.
 */
#ifndef SLV_NET_SOCKET_H
#define SLV_NET_SOCKET_H

#include "base/str.h"
#include "net/client.h"

typedef struct slv_socket slv_socket;

typedef struct slv_socket_options {
    slv_str host; /* a name, an IPv4 address, or an IPv6 address with or without brackets */
    uint16_t port;
    bool tls;
} slv_socket_options;

typedef struct slv_socket_handlers {
    /* Connected (and TLS agreed). Addresses as text with port, "127.0.0.1:80", "[::1]:80". Also
     * after STARTTLS. */
    void (*open)(slv_socket *socket, slv_str remote, slv_str local);
    void (*data)(slv_socket *socket, slv_str bytes);
    void (*end)(slv_socket *socket);
    void (*writable)(slv_socket *socket);
    /* code SLV_OK when both sides had ended. */
    void (*closed)(slv_socket *socket, slv_code code, slv_str message);
} slv_socket_handlers;

SLV_NODISCARD slv_code slv_socket_open(slv_client *client, const slv_socket_options *options,
                                       const slv_socket_handlers *handlers, void *user,
                                       slv_socket **ret_socket, slv_err *err);
void *slv_socket_user(const slv_socket *socket);
void slv_socket_set_user(slv_socket *socket, void *user);
void slv_socket_credit(slv_socket *socket, size_t n);
bool slv_socket_write(slv_socket *socket, slv_str bytes);
void slv_socket_shutdown(slv_socket *socket);
/* After what was written so far has left, TLS begins; bytes that came before that and were not
   delivered belong to it. Only on an open plain socket, once: else SLV_E_STATE. server_name: empty
   for the host. `open` follows. */
SLV_NODISCARD slv_code slv_socket_start_tls(slv_socket *socket, slv_str server_name, slv_err *err);
void slv_socket_abort(slv_socket *socket);

#endif
