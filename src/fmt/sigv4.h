/*
 * sigv4.h - AWS Signature Version 4, as a server verifies it: in the Authorization header, in the
 * query (presigned URLs), and of the chunks of an upload (fmt/awschunk.h).
 *
 * Written by AWS's documentation "Signature Version 4 signing process" and, for the ways of S3,
 * "Authenticating Requests (AWS Signature Version 4)". Nothing here knows credentials or clocks:
 * whoever calls looks the secret up by access_key and judges amz_date. Any thread.
 *
 * Limits: SLV_SIGV4_SIGNED_MAX signed headers, SLV_SIGV4_QUERY_MAX query parameters; the canonical
 * request by the caller's buffer.
 */
#ifndef SLV_FMT_SIGV4_H
#define SLV_FMT_SIGV4_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_SIGV4_SIGNED_MAX 128
#define SLV_SIGV4_QUERY_MAX 256
#define SLV_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

typedef struct slv_sigv4_request {
    slv_str method;
    slv_str path;    /* as sent, without query */
    slv_str query;   /* as sent, without "?" */
    slv_str headers; /* a run of name ":" value "\n", names in lower case, in the order sent */
} slv_sigv4_request;

/* What a request says of its signature; borrowed from it, or from the arena. */
typedef struct slv_sigv4_auth {
    bool presigned; /* in the query */
    slv_str access_key;
    slv_str date; /* of the scope: "20150830" */
    slv_str region, service;
    slv_str amz_date; /* "20150830T123600Z" */
    slv_str signed_headers, signature;
    slv_str token;       /* X-Amz-Security-Token; empty: none */
    uint64_t expires_s;  /* presigned */
    bool token_unsigned; /* the token was added to the query after signing; set by the caller */
} slv_sigv4_auth;

/* How the path becomes part of the canonical request. */
typedef enum slv_sigv4_path {
    SLV_SIGV4_PATH_SENT,    /* S3: as it was sent */
    SLV_SIGV4_PATH_DECODED, /* S3: decoded, and encoded again as AWS's own clients do */
    SLV_SIGV4_PATH_TWICE,   /* other services: encoded once more */
    SLV_SIGV4_PATH_NORMAL,  /* the same, after "." and ".." were resolved */
} slv_sigv4_path;

/* SLV_E_NOTFOUND: the request is not signed. SLV_E_INVAL: malformed, err tells; SLV_E_UNSUPPORTED:
 * by another algorithm. */
SLV_NODISCARD slv_code slv_sigv4_parse(const slv_sigv4_request *request, slv_arena *arena,
                                       slv_sigv4_auth *ret, slv_err *err);
/* "20150830T123600Z" as milliseconds since the epoch. */
SLV_NODISCARD slv_code slv_sigv4_time(slv_str amz_date, int64_t *ret_ms);

/* Appends. payload_hash: hex of the body's SHA-256, or what the request says in its place.
 * SLV_E_INVAL: a header that is said to be signed is absent. */
SLV_NODISCARD slv_code slv_sigv4_canonical(const slv_sigv4_request *request,
                                           const slv_sigv4_auth *auth, slv_sigv4_path path,
                                           slv_str payload_hash, slv_buf *out, slv_err *err);
SLV_NODISCARD slv_code slv_sigv4_string_to_sign(const slv_sigv4_auth *auth, slv_str canonical,
                                                slv_buf *out);
void slv_sigv4_key(slv_str secret, slv_str date, slv_str region, slv_str service, uint8_t out[32]);
/* Hex. */
void slv_sigv4_sign(const uint8_t key[32], slv_str string_to_sign, char out[64]);

/* All of it: SLV_E_DENIED when the signature is another. canonical and to_sign hold what was
 * compared last, for the answer. */
SLV_NODISCARD slv_code slv_sigv4_verify(const slv_sigv4_request *request,
                                        const slv_sigv4_auth *auth, slv_sigv4_path path,
                                        slv_str payload_hash, slv_str secret, slv_buf *canonical,
                                        slv_buf *to_sign, slv_err *err);

/* Percent-decodes ("+" stays); SLV_E_PARSE when a "%" is not followed by two digits. Appends. */
SLV_NODISCARD slv_code slv_uri_decode(slv_str text, slv_buf *out);
/* Everything but A-Z a-z 0-9 - . _ ~ as %XX; keep_slash: nor "/". Appends. */
SLV_NODISCARD slv_code slv_uri_encode(slv_str text, bool keep_slash, slv_buf *out);

#endif
