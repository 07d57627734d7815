/*
 * sigv4_client.h - AWS Signature Version 4, as a client signs a request (fmt/sigv4.h verifies).
 * Any thread.
 */
#ifndef SLV_FMT_SIGV4_CLIENT_H
#define SLV_FMT_SIGV4_CLIENT_H

#include "fmt/sigv4.h"

typedef struct slv_sigv4_signer {
    slv_str access_key, secret;
    slv_str region, service;
    slv_str amz_date; /* "20150830T123600Z", as x-amz-date says it */
} slv_sigv4_signer;

/* Appends the value of Authorization. Every header of the request is signed; they must be sorted by
 * name, and host and x-amz-date among them. SLV_E_INVAL: the date is malformed, or headers are not
 * sorted; SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_sigv4_authorize(const slv_sigv4_request *request,
                                           const slv_sigv4_signer *signer, slv_str body,
                                           slv_buf *out, slv_err *err);

#endif
