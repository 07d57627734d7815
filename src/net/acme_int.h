/*
 * acme_int.h - the parts of the ACME client. Private to net.
 *
 *     acme.c        hosts: which need a certificate when; challenges that are open
 *     acme_order.c  one order, from newOrder to the files
 *     acme_call.c   one signed request: nonces, answers, problems
 *     acme_key.c    keys, signatures, certificate requests
 *     acme_files.c  what is kept on disk
 */
#ifndef SLV_NET_ACME_INT_H
#define SLV_NET_ACME_INT_H

#include <openssl/evp.h>
#include <pthread.h>

#include "aio/timer.h"
#include "base/map.h"
#include "fmt/json.h"
#include "net/acme.h"
#include "net/client.h"

#define SLV_ACME_BODY_MAX ((size_t)1 << 20)
#define SLV_ACME_ANSWER_MS 60000u
#define SLV_ACME_NONCE_TRIES 3u
#define SLV_ACME_POLLS_MAX 60u

typedef struct slv_acme_order slv_acme_order;
typedef struct slv_acme_call slv_acme_call;

typedef struct slv_acme_host {
    slv_str name;
    int64_t due_ms; /* wall clock; 0: has lasted until now, nothing is planned */
    unsigned failures;
    slv_acme_order *order; /* under way */
} slv_acme_host;

struct slv_acme {
    slv_acme_options o;
    char *directory, *email, *dir, *ca_file;
    slv_client *client;
    EVP_PKEY *key;
    char thumbprint[48]; /* of the account's key */
    slv_buf jwk;
    /* what the server told */
    char *url_nonce, *url_account, *url_order, *terms;
    char *account; /* its URL: set once it is registered */
    char *nonce;
    int64_t pause_until_ms; /* wall clock: the server wants no orders before */
    SLV_MAP(slv_acme_host *) hosts;
    slv_list orders;
    unsigned order_count;
    slv_timer timer;
    bool freeing;

    pthread_mutex_t lock;    /* held for what follows */
    SLV_MAP(char *) tokens;  /* open challenges: token to key authorization */
    SLV_IMAP(int64_t) asked; /* hash of a host to when it may be asked for again */
    unsigned mails;          /* on their way */
};

/* ---- acme_call.c ---- */

/* What came of a request; valid during `done`. */
typedef struct slv_acme_answer {
    slv_code code; /* SLV_OK: status 200 to 299 */
    slv_err err;   /* names the server's problem */
    int status;
    slv_str body;
    slv_node *json; /* NULL where the body is none */
    slv_str location;
    int64_t retry_after_ms; /* -1: not said */
    bool rate_limited;
} slv_acme_answer;

typedef void (*slv_acme_done)(void *user, const slv_acme_answer *answer);

/* One request that is under way at a time. Zeroed: none is. */
struct slv_acme_call {
    slv_acme *acme;
    slv_fetch *fetch;
    slv_timer timer;
    char *url;
    slv_buf payload; /* ptr NULL: POST-as-GET */
    slv_buf body;
    slv_arena arena;
    char *location;
    int64_t retry_after_ms;
    int status;
    unsigned tries;
    bool plain;     /* GET, unsigned */
    bool for_nonce; /* the fetch under way is */
    bool with_jwk;  /* no account yet */
    slv_acme_done done;
    void *user;
};

/* payload.ptr NULL: POST-as-GET. done comes later, from the loop, once, unless it is canceled. */
void slv_acme_post(slv_acme_call *c, slv_acme *acme, slv_str url, slv_str payload, bool with_jwk,
                   slv_acme_done done, void *user);
void slv_acme_get(slv_acme_call *c, slv_acme *acme, slv_str url, slv_acme_done done, void *user);
void slv_acme_call_cancel(slv_acme_call *c);

/* ---- acme_order.c ---- */

slv_acme_order *slv_acme_order_start(slv_acme *acme, slv_acme_host *host);
void slv_acme_order_free(slv_acme_order *order);
/* acme.c: the order is over, and is freed after. wait_ms: what the server asked for, or -1. */
void slv_acme_order_over(slv_acme *acme, slv_acme_host *host, slv_code code, const slv_err *err,
                         int64_t wait_ms);
/* acme.c */
void slv_acme_token_open(slv_acme *acme, slv_str token, slv_str authorization);
void slv_acme_token_close(slv_acme *acme, slv_str token);

/* ---- acme_key.c ---- */

SLV_NODISCARD slv_code slv_acme_key_new(EVP_PKEY **ret, slv_err *err);
SLV_NODISCARD slv_code slv_acme_key_to_pem(EVP_PKEY *key, slv_buf *out, slv_err *err);
SLV_NODISCARD slv_code slv_acme_key_from_pem(slv_str pem, EVP_PKEY **ret, slv_err *err);
/* The public half as JSON, its members in the order of RFC 7638. */
SLV_NODISCARD slv_code slv_acme_key_jwk(EVP_PKEY *key, slv_buf *out, slv_err *err);
/* base64url of SHA-256 of the above. */
SLV_NODISCARD slv_code slv_acme_thumbprint(slv_str jwk, char out[48]);
/* {"protected","payload","signature"}; kid empty: the jwk stands in the header. */
SLV_NODISCARD slv_code slv_acme_sign(EVP_PKEY *key, slv_str jwk, slv_str kid, slv_str nonce,
                                     slv_str url, slv_str payload, slv_buf *out, slv_err *err);
/* DER of a request for one host. */
SLV_NODISCARD slv_code slv_acme_csr(EVP_PKEY *key, slv_str host, slv_buf *out, slv_err *err);

/* ---- acme_files.c ---- */

/* The account's key, made and kept when there is none. */
SLV_NODISCARD slv_code slv_acme_files_account(const char *dir, EVP_PKEY **ret, slv_err *err);
/* Both files of a host at once. */
SLV_NODISCARD slv_code slv_acme_files_keep(const char *dir, slv_str host, slv_str chain,
                                           slv_str key, slv_err *err);
/* fn for each host that has files. */
void slv_acme_files_each(const char *dir, void (*fn)(void *user, slv_str host), void *user);

#endif
