/* node_pkey_int.h - what the node_*.c files about keys share. Private to them. */
#ifndef SLV_WEB_NODE_PKEY_INT_H
#define SLV_WEB_NODE_PKEY_INT_H

#include <openssl/bio.h>

#include "web/crypto_int.h"
#include "web/node_crypto_int.h"
#include "web/node_pkey.h"

/* Takes pkey and says of what kind it is. */
slv_pkey *slv_nodejs_wrap(EVP_PKEY *pkey);
/* Over s, which stays; never NULL. */
BIO *slv_nodejs_bio_over(slv_str s);
/* A memory to write to; never NULL. */
BIO *slv_nodejs_bio(void);
/* Appends what was written to bio, and frees it. */
SLV_NODISCARD slv_code slv_nodejs_bio_take(BIO *bio, slv_buf *out);
/* A curve by any of its names; NID_undef. */
int slv_nodejs_curve(slv_str name);

#endif
