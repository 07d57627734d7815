/* node_crypto_int.h - what the node_*.c files of cryptography share. Private to them. */
#ifndef SLV_WEB_NODE_CRYPTO_INT_H
#define SLV_WEB_NODE_CRYPTO_INT_H

#include <openssl/evp.h>

#include "web/node_crypto.h"

/* NULL: none of that name. Static. */
const EVP_MD *slv_nodejs_md(slv_str name);
/* NULL: none of that name. The caller frees it (EVP_CIPHER_free). */
EVP_CIPHER *slv_nodejs_evp_cipher(slv_str name);

#endif
