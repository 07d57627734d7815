/*
 * door.h - what stands between strangers and a server's listeners: certificates from a directory
 * and from ACME, the way from http to https, and which proxies are believed.
 *
 * One call makes it of the configuration:
 *
 *     slv_door_open(&options, &door, err);
 *     traits = {.tls = slv_door_tls(door), ...};          for each listener
 *     slv_server_options.door = door;                     requests pass through slv_door_take
 *
 * Control loop only, but for slv_door_take: any loop thread. Freed after the servers that use it.
 */
#ifndef SLV_NET_DOOR_H
#define SLV_NET_DOOR_H

#include "net/acme.h"
#include "net/nets.h"
#include "net/tls_dir.h"

typedef struct slv_door slv_door;

/* Strings are copied. */
typedef struct slv_door_options {
    slv_loop *loop;
    slv_str cert_dir;       /* absolute; empty: none */
    slv_str default_host;   /* whose certificate clients get that name no host; may be empty */
    slv_str acme_directory; /* URL; empty: no ACME */
    slv_str acme_email;
    const char *acme_ca_file; /* NULL: the system's store */
    bool acme_terms_agreed;
    const char *acme_dir;                 /* of the account and its certificates, DATA/acme */
    uint32_t acme_retry_ms, acme_poll_ms; /* net/acme.h; 0: the defaults */
    const slv_str *trusted_proxies;       /* net/nets.h; none: nobody is believed */
    size_t trusted_proxy_count;
    /* Whether a host is served here: ACME asks for no other. Control loop. NULL: only hosts that
     * slv_door_want named get certificates, not those that clients ask for. */
    bool (*known)(void *user, slv_str host);
    /* A line for whoever runs the server. Control loop. */
    void (*notice)(void *user, slv_str text);
    void *user;
} slv_door_options;

SLV_NODISCARD slv_code slv_door_open(const slv_door_options *options, slv_door **ret, slv_err *err);
/* For listeners of https; NULL: there are no certificates, and none will come. */
slv_tls_server *slv_door_tls(slv_door *door);
/* NULL: none are trusted. */
const slv_nets *slv_door_proxies(const slv_door *door);
/* A host is served from now on, or is to be kept served: ACME gets it a certificate before the
 * first client comes. Any thread. */
void slv_door_want(slv_door *door, slv_str host);
/* The first look at a request: ex->head becomes the client's (net/forwarded.h), challenges of ACME
 * are answered, and listeners with a redirect_port send http to https (308). True: the exchange has
 * ended. door may be NULL. */
bool slv_door_take(slv_door *door, slv_exchange *ex);
/* Accepts NULL, returns NULL. */
slv_door *slv_door_free(slv_door *door);
SLV_DEFINE_CLEANUP(slv_door *, slv_door_free);

#endif
