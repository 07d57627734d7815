/*
 * acme.h - certificates by themselves: a client of ACME (RFC 8555) that proves hosts by HTTP-01.
 *
 * One order for each host, on demand: slv_acme_want names a host; when `known` says that it is ours
 * and no certificate is there that lasts, an order is made. Certificates are written as
 * DIR/certs/HOST/{fullchain.pem,privkey.pem}, where a certificate directory (tls_dir.h) finds them,
 * and renewed when a third of their life is left. The account's key is DIR/account.key (ES256,
 * 0600); both are durable before they are used.
 *
 * What fails is told by `notice` and tried again after a minute, then twice as long each time, up
 * to a day; sooner only when the server's Retry-After says so. SLV_ACME_ORDERS_MAX orders run at
 * once.
 *
 * Control loop only, but for slv_acme_want and slv_acme_take: any thread.
 * Limits: SLV_ACME_HOSTS_MAX hosts; answers of 1 MiB.
 */
#ifndef SLV_NET_ACME_H
#define SLV_NET_ACME_H

#include "aio/loop.h"
#include "net/exchange.h"

#define SLV_ACME_HOSTS_MAX 10000u
#define SLV_ACME_ORDERS_MAX 2u

typedef struct slv_acme slv_acme;

/* Strings are copied. */
typedef struct slv_acme_options {
    slv_loop *loop;
    slv_str directory;   /* URL of the server's directory */
    slv_str email;       /* of the account; may be empty */
    const char *dir;     /* of the account's key and the certificates; made when it is not there */
    const char *ca_file; /* whom to trust for the ACME server; NULL: the system's store */
    bool terms_agreed;   /* with the server's terms of service */
    /* Whether the host is one of ours. NULL: every host that is wanted is. */
    bool (*known)(void *user, slv_str host);
    /* When the certificate in use for host ends, wall-clock ms, and when it began; false: none. */
    bool (*lasts)(void *user, slv_str host, int64_t *ret_from_ms, int64_t *ret_until_ms);
    /* A certificate was written. */
    void (*issued)(void *user, slv_str host);
    void (*notice)(void *user, slv_str text);
    void *user;
    uint32_t retry_ms; /* first wait after a failure; 0: a minute */
    uint32_t poll_ms;  /* between looks at an order where the server names no time; 0: 2 s */
} slv_acme_options;

/* Reads or makes the account's key; asks nobody yet. SLV_E_INVAL: the directory's URL, or terms
 * that nobody agreed with; SLV_E_DENIED: the key may be read by others. */
SLV_NODISCARD slv_code slv_acme_new(const slv_acme_options *options, slv_acme **ret, slv_err *err);
/* Aborts what is under way. Accepts NULL, returns NULL. */
slv_acme *slv_acme_free(slv_acme *acme);
SLV_DEFINE_CLEANUP(slv_acme *, slv_acme_free);

/* Somebody is to be served under that name. Addresses, names without a dot and wildcards are passed
 * over. Any thread; cheap when it was said before. */
void slv_acme_want(slv_acme *acme, slv_str host);
/* The answer to a challenge that is open: true, and the exchange has ended. Any thread. */
bool slv_acme_take(slv_acme *acme, slv_exchange *ex);

#endif
