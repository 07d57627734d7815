/*
 * awschunk.h - bodies in the "aws-chunked" coding of S3 uploads, decoded as they come, each chunk's
 * signature checked where there are some.
 *
 *     LENGTH(hex) [";chunk-signature=" SIGNATURE] CRLF  BYTES CRLF  ...  "0" [...] CRLF
 *     [NAME ":" VALUE CRLF ... ["x-amz-trailer-signature:" SIGNATURE CRLF]] CRLF
 *
 * Data is handed out before its signature was seen: whoever keeps it must be able to drop it.
 * Limits: lines SLV_AWSCHUNK_LINE_MAX, trailers SLV_AWSCHUNK_TRAILERS_MAX bytes together. Used by
 * one thread at a time.
 */
#ifndef SLV_FMT_AWSCHUNK_H
#define SLV_FMT_AWSCHUNK_H

#include "base/buf.h"
#include "fmt/sum.h"

#define SLV_AWSCHUNK_LINE_MAX ((size_t)1024)
#define SLV_AWSCHUNK_TRAILERS_MAX ((size_t)4096)

typedef struct slv_awschunk {
    int state;
    bool signs;    /* chunks carry signatures */
    bool trailers; /* a signed upload says that its trailers are signed too */
    uint8_t key[32];
    char date[17], scope[256];
    char before[65]; /* the signature before */
    char given[65];  /* of the chunk under way */
    slv_sum sum;     /* of the chunk under way */
    uint64_t left;
    slv_buf line;
    slv_buf fields; /* trailers: name ":" value "\n", names in lower case */
    bool summing, done;
} slv_awschunk;

typedef struct slv_awschunk_options {
    bool trailers;
    const uint8_t *key;      /* signing key; NULL: chunks are not signed */
    slv_str amz_date, scope; /* "20150830/auto/s3/aws4_request" */
    slv_str signature;       /* of the request: the seed */
} slv_awschunk_options;

/* SLV_E_LIMIT: the scope is too long. */
SLV_NODISCARD slv_code slv_awschunk_init(slv_awschunk *c, const slv_awschunk_options *options);
void slv_awschunk_done(slv_awschunk *c);
SLV_DEFINE_CLEANUP_DONE(slv_awschunk, slv_awschunk_done);
/* Takes from *bytes up to the end of a run of data (*ret_data, borrowed, may be empty): call again
 * while *bytes is not empty. SLV_E_PARSE: malformed, or bytes behind the end; SLV_E_DENIED: a
 * signature is another. */
SLV_NODISCARD slv_code slv_awschunk_feed(slv_awschunk *c, slv_str *bytes, slv_str *ret_data);
/* True when the last chunk and its trailers have come. */
bool slv_awschunk_ended(const slv_awschunk *c);
/* Value of a trailer; ptr NULL: absent. */
slv_str slv_awschunk_trailer(const slv_awschunk *c, slv_str name);

#endif
